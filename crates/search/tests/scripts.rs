//! Runs the scripts beside this file. A script is a list of commands with blank lines between them:
//!
//! ```text
//! bulk
//! {"index": {"_index": "app", "_id": "1"}}
//! {"@timestamp": "2026-11-21T10:00:00Z", "message": "disk full"}
//!
//! stream {"app": "web"}
//! 2026-11-21T10:00:01Z error GET / failed
//!
//! query message:disk
//! hits 1
//!
//! search app
//! {"aggs": {"n": {"value_count": {"field": "message"}}}}
//! ---
//! total 1
//! answer {"aggregations": {"n": {"value": 1}}}
//!
//! search
//! {"query": {"geo_distance": {}}}
//! ---
//! fail parsing_exception unknown query [geo_distance]
//! ```
//!
//! `bulk` takes documents in as they are sent; `stream` takes lines of a stream, each with its time and severity. `query`
//! looks for a text in Lucene's syntax. `hits` are the ids in their order (`hits any` whatever the order), `answer` is a
//! part of the answer: of objects some members, of lists all. The time is 2026-11-21T12:00:00Z.

use ingest::logs::{Roles, elastic};
use ingest::records::{RecordLimits, RecordWriter};
use model::Labels;
use model::record::{Record, RecordBatch, Severity, Tenant};
use search::{AnswerOptions, Control, Engine, MemorySource, SearchError, SearchRequest};
use serde_json::{Value as Json, json};
use std::path::Path;

const NOW_NS: i64 = 1_795_262_400_000_000_000;

#[derive(Default)]
struct Runner {
    batches: Vec<RecordBatch>,
    checks: usize,
}

impl Runner {
    /// All that was taken in.
    fn source(&self, block_rows: usize) -> MemorySource {
        let mut source = MemorySource::default().with_block_rows(block_rows);
        for batch in &self.batches {
            let streams: Vec<_> =
                batch.streams().iter().map(|labels| source.batch_mut().stream(labels.clone())).collect();
            for row in batch.iter() {
                source.batch_mut().push(streams[row.stream.0 as usize], &row.record);
            }
        }
        source
    }

    fn search(&self, indices: &str, body: &Json, block_rows: usize) -> Result<Json, SearchError> {
        let request = SearchRequest::parse(body, indices, NOW_NS)?;
        let found = Engine::default().search(&self.source(block_rows), request, &Control::new())?;
        found.answer(0, &AnswerOptions::default())
    }

    fn run(&mut self, command: &str, lines: &[&str]) -> Result<(), String> {
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        match word {
            "clear" => self.batches.clear(),
            "bulk" => {
                let mut writer = RecordWriter::new(Tenant::unnamed(), RecordLimits::default(), NOW_NS);
                let body = lines.join("\n");
                elastic::bulk(body.as_bytes(), None, &Roles::default(), &mut writer)
                    .map_err(|e| e.to_string())?;
                let decoded = writer.finish();
                if decoded.outcome.rejected > 0 {
                    return Err(format!("{:?}", decoded.outcome.reasons));
                }
                self.batches.push(decoded.batch);
            }
            "stream" => self.stream(rest, lines)?,
            "query" => {
                let body = json!({ "query": { "query_string": { "query": rest } }, "size": 100, "sort": "@timestamp" });
                self.check("", &body, lines)?;
            }
            "search" => {
                let cut = lines.iter().position(|l| *l == "---").ok_or("`---` is missing")?;
                let body = lines[..cut].join("\n");
                let body = serde_json::from_str(&body).map_err(|e| format!("{body}: {e}"))?;
                self.check(rest, &body, &lines[cut + 1..])?;
            }
            other => return Err(format!("unknown command {other}")),
        }
        Ok(())
    }

    fn stream(&mut self, labels: &str, lines: &[&str]) -> Result<(), String> {
        let labels: serde_json::Map<String, Json> =
            serde_json::from_str(labels).map_err(|e| e.to_string())?;
        let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or("")));
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let stream = batch.stream(Labels::from_pairs(pairs).map_err(|e| e.to_string())?);
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().ok_or("a line is a time, a severity and a text");
            let (time, severity, text) = (word()?, word()?, word()?);
            let time_ns = ingest::logs::time::parse(time).ok_or("a time is wanted")?;
            let severity = Severity::from_text(severity);
            batch.push(stream, &Record { severity, ..Record::line(time_ns, text) });
        }
        self.batches.push(batch);
        Ok(())
    }

    fn check(&mut self, indices: &str, body: &Json, expected: &[&str]) -> Result<(), String> {
        if expected.is_empty() {
            return Err("nothing is expected".to_owned());
        }
        for block_rows in [1, 1000] {
            let answer = self.search(indices, body, block_rows);
            for line in expected {
                self.checks += 1;
                expect(line, &answer).map_err(|e| format!("{e}\n  asked {body}"))?;
            }
        }
        Ok(())
    }
}

fn expect(line: &str, answer: &Result<Json, SearchError>) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if word == "fail" {
        let (kind, part) = rest.split_once(' ').unwrap_or((rest, ""));
        return match answer {
            Err(SearchError::Refused { kind: found, reason }) if *found == kind && reason.contains(part) => {
                Ok(())
            }
            Err(other) => Err(format!("expected {rest}, failed with {other:?}")),
            Ok(answer) => Err(format!("expected {rest}, found {answer}")),
        };
    }
    let answer = answer.as_ref().map_err(|e| format!("failed: {e}"))?;
    match word {
        "hits" => {
            let ids = answer["hits"]["hits"]
                .as_array()
                .ok_or("no hits")?
                .iter()
                .map(|h| h["_id"].as_str().unwrap_or(""));
            let mut ids: Vec<&str> = ids.collect();
            let mut wanted: Vec<&str> = rest.split_whitespace().collect();
            if wanted.first() == Some(&"any") {
                wanted.remove(0);
                wanted.sort_unstable();
                ids.sort_unstable();
            }
            (ids == wanted).then_some(()).ok_or_else(|| format!("expected hits {wanted:?}, found {ids:?}"))
        }
        "total" => {
            let total = &answer["hits"]["total"];
            let text = match total["relation"].as_str() {
                Some("gte") => format!("{}+", total["value"]),
                _ => total["value"].to_string(),
            };
            (text == rest).then_some(()).ok_or_else(|| format!("expected a total of {rest}, found {text}"))
        }
        "answer" => {
            let wanted: Json = serde_json::from_str(rest).map_err(|e| format!("{rest}: {e}"))?;
            holds(answer, &wanted, "").map_err(|e| format!("{e}\n  in {answer}"))
        }
        other => Err(format!("unknown expectation {other}")),
    }
}

/// Whether an answer holds a part.
fn holds(answer: &Json, wanted: &Json, path: &str) -> Result<(), String> {
    match (answer, wanted) {
        (Json::Object(a), Json::Object(w)) => w.iter().try_for_each(|(name, w)| {
            let found = a.get(name).ok_or_else(|| format!("{path}.{name} is missing"))?;
            holds(found, w, &format!("{path}.{name}"))
        }),
        (Json::Array(a), Json::Array(w)) if a.len() == w.len() => {
            a.iter().zip(w).enumerate().try_for_each(|(i, (a, w))| holds(a, w, &format!("{path}[{i}]")))
        }
        (Json::Number(a), Json::Number(w)) => match (a.as_f64(), w.as_f64()) {
            (Some(a), Some(w)) if (a - w).abs() <= 1e-9 * w.abs() => Ok(()),
            _ => Err(format!("{path} is {a}, not {w}")),
        },
        (a, w) if a == w => Ok(()),
        (a, w) => Err(format!("{path} is {a}, not {w}")),
    }
}

#[test]
fn every_script_passes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut checks, mut failed) = (0, 0);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut runner = Runner::default();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at < lines.len() {
            let start = at;
            while at < lines.len() && !lines[at].trim().is_empty() {
                at += 1;
            }
            let command: Vec<&str> =
                lines[start..at].iter().copied().filter(|l| !l.starts_with('#')).collect();
            at += 1;
            let Some((first, rest)) = command.split_first() else { continue };
            if let Err(e) = runner.run(first, rest) {
                failed += 1;
                println!(
                    "{}:{}: {first}\n  {e}",
                    file.file_name().unwrap_or_default().to_string_lossy(),
                    start + 1
                );
            }
        }
        checks += runner.checks;
    }
    assert_eq!(failed, 0, "commands failed");
    assert!(checks > 300, "the scripts are there: {checks} checks");
}
