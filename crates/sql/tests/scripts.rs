//! Runs the scripts beside this file: data, statements, and what they give.
//!
//! ```text
//! log {app="a"} 1s error x=1 trace=… : the body        a record, its time after 2024-01-01T00:00:00Z
//! metric m{a="b"} 0s 15s: 1 2 _ 4                      a series: from, step, values
//!
//! query                                                 then the statement, then ----, then its rows, tab separated
//! sorted                                                the same, rows in any order
//! fails                                                 then the statement, then ----, then what the error says
//! plan                                                  then the statement, then ----, then pieces of its plan
//! ```

use model::record::{AttributesBuf, Record, Severity, SpanId, TraceId, Value};
use model::{Labels, Samples};
use sql::format::Format;
use sql::{Control, MemorySource, Options, Session, SqlError};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// 2024-01-01T00:00:00Z
const BEGIN_NS: i64 = 1_704_067_200_000_000_000;

#[test]
fn every_script_passes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (line, result) in run(&std::fs::read_to_string(&file).unwrap()) {
            match result {
                Ok(()) => passed += 1,
                Err(why) => {
                    failed += 1;
                    println!("{name}:{line}: {why}\n");
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    assert_eq!(failed, 0);
    assert!(passed > 60, "the scripts are there");
}

/// Each case with its line.
fn run(text: &str) -> Vec<(usize, Result<(), String>)> {
    let mut source = MemorySource::default().with_block_rows(3);
    let mut blocks: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut begin = true;
    for (i, line) in text.lines().enumerate() {
        match line.trim_end() {
            "" => begin = true,
            line if line.starts_with('#') => {}
            line if line.starts_with("log ") => log(&mut source, &line[4..]),
            line if line.starts_with("metric ") => metric(&mut source, &line[7..]),
            line if begin => {
                blocks.push((i + 1, vec![line]));
                begin = false;
            }
            line => blocks.last_mut().unwrap().1.push(line),
        }
    }
    let source = Arc::new(source);
    blocks.into_iter().map(|(line, block)| (line, case(&source, &block))).collect()
}

fn span_ns(text: &str) -> i64 {
    promql::parse_duration(text).unwrap() * 1_000_000
}

fn labels(text: &str) -> Labels {
    promql::parse_labels(text).unwrap()
}

fn log(source: &mut MemorySource, line: &str) {
    let (head, body) = line.split_once(" : ").unwrap_or((line, ""));
    let (stream, rest) = head.split_at(head.find('}').unwrap() + 1);
    let mut words = rest.split_whitespace();
    let time_ns = BEGIN_NS + span_ns(words.next().unwrap());
    let mut record = Record::line(time_ns, body);
    let mut attributes = AttributesBuf::new();
    for word in words {
        match word.split_once('=') {
            None => record.severity = Severity::from_text(word),
            Some(("trace", id)) => record.trace_id = TraceId::from_hex(id).unwrap(),
            Some(("span", id)) => record.span_id = SpanId::from_hex(id).unwrap(),
            Some((name, value)) => {
                let value = match (value.parse::<i64>(), value.parse::<f64>()) {
                    (Ok(v), _) => Value::Int(v),
                    (_, Ok(v)) => Value::Float(v),
                    _ if value == "null" => Value::Null,
                    _ => Value::String(value),
                };
                attributes.push(name, value);
            }
        }
    }
    record.attributes = attributes.as_attributes();
    let stream = source.records_mut().stream(labels(stream));
    source.records_mut().push(stream, &record);
}

fn metric(source: &mut MemorySource, line: &str) {
    let (head, values) = line.split_once(": ").unwrap();
    let (name, times) = head.split_at(head.find('}').unwrap() + 1);
    let mut times = times.split_whitespace().map(|t| span_ns(t) / 1_000_000);
    let (mut at, step) = (BEGIN_NS / 1_000_000 + times.next().unwrap(), times.next().unwrap());
    let mut samples = Samples::default();
    for value in values.split_whitespace() {
        match value {
            "_" => {}
            "stale" => {
                samples.times.push(at);
                samples.values.push(model::stale_nan());
            }
            value => {
                samples.times.push(at);
                samples.values.push(value.parse().unwrap());
            }
        }
        at += step;
    }
    source.add_series(labels(name), samples);
}

fn case(source: &Arc<MemorySource>, block: &[&str]) -> Result<(), String> {
    let at = block.iter().position(|l| *l == "----").unwrap_or(block.len());
    let statement = block[1..at].join("\n");
    let expected: Vec<&str> = block.get(at + 1..).unwrap_or_default().to_vec();
    let outcome = rows(source, &statement);
    let shown = |e: SqlError| match e {
        SqlError::Statement(e) | SqlError::Refused(e) => e.caret(&statement),
        SqlError::Run(e) => e.to_string(),
    };
    let mismatch = |got: String| Err(format!("{statement}\nexpected:\n{}\ngot:\n{got}", expected.join("\n")));
    match (block[0], outcome) {
        ("query" | "sorted", Ok(mut rows)) => {
            let mut wanted: Vec<String> = expected.iter().map(|l| (*l).to_owned()).collect();
            if block[0] == "sorted" {
                rows.sort();
                wanted.sort();
            }
            if rows == wanted { Ok(()) } else { mismatch(rows.join("\n")) }
        }
        ("plan", Ok(_)) => {
            let plan = rows_of(source, &format!("EXPLAIN {statement}")).map_err(shown)?.join("\n");
            match expected.iter().all(|piece| match piece.strip_prefix("not ") {
                Some(piece) => !plan.contains(piece),
                None => plan.contains(piece),
            }) {
                true => Ok(()),
                false => mismatch(plan),
            }
        }
        ("fails", Err(e)) => {
            let told = shown(e);
            match expected.iter().all(|piece| told.contains(piece)) {
                true => Ok(()),
                false => mismatch(told),
            }
        }
        ("fails", Ok(rows)) => mismatch(rows.join("\n")),
        (_, Err(e)) => mismatch(shown(e)),
        (other, _) => Err(format!("{other:?} is no command")),
    }
}

fn rows(source: &Arc<MemorySource>, statement: &str) -> Result<Vec<String>, SqlError> {
    rows_of(source, statement)
}

/// Rows as the tests write them: cells tab separated, `NULL`, lines of a text as `\n`, without empty cells at the end.
fn rows_of(source: &Arc<MemorySource>, statement: &str) -> Result<Vec<String>, SqlError> {
    let control = Control::new();
    let options = Options { memory_max: 64 << 20, ..Options::default() };
    let session = Session::new(source.clone(), &options, &control)?;
    let mut rows = Vec::new();
    for parsed in sql::parse(statement)? {
        let prepared = session.prepare(&parsed)?;
        let schema = prepared.schema();
        let mut writer = Format::Ndjson.begin(&schema)?;
        let mut text = Vec::new();
        let mut failed = None;
        prepared.run(&mut |batch| {
            let done = writer.rows(batch, &mut |piece| {
                text.extend_from_slice(&piece);
                ControlFlow::Continue(())
            });
            done.unwrap_or_else(|e| {
                failed = Some(e);
                ControlFlow::Break(())
            })
        })?;
        if let Some(e) = failed {
            return Err(e.into());
        }
        text.extend_from_slice(&writer.end()?);
        for line in String::from_utf8(text).unwrap().lines() {
            let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            let cell = |v: &serde_json::Value| match v {
                serde_json::Value::String(s) => s.replace('\n', "\\n"),
                serde_json::Value::Null => "NULL".to_owned(),
                other => other.to_string(),
            };
            let cells = row.values().map(cell).collect::<Vec<_>>().join("\t");
            rows.push(cells.trim_end_matches('\t').to_owned());
        }
    }
    Ok(rows)
}
