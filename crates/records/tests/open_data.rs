//! What others read in our files.

use env::{RealDisk, SimClock};
use model::Labels;
use model::record::{AttributesBuf, Record, RecordBatch, RecordSink, Severity, Tenant, Value};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use records::{Options, Store};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const NOW_MS: i64 = 1_700_000_000_000;

struct Line {
    time_ns: i64,
    host: u64,
    body: String,
    level: &'static str,
    n: i64,
}

fn lines() -> Vec<Line> {
    let bodies = |i: u64| match i % 5 {
        0 => format!("GET /item/{i} took {}ms from 10.1.{}.{}", i % 700, i % 7, i % 200),
        1 => "nothing to see".to_owned(),
        2 => (0..25).map(|k| (k * i).to_string()).collect::<Vec<_>>().join(",") + " tail",
        3 => format!("odd \u{1a} line {i}"),
        _ => format!("Ünïcode \"quoted\" {i:x}"),
    };
    let line = |i: u64| Line {
        time_ns: (NOW_MS - 80_000_000) * 1_000_000 + i as i64 * 40_000_000_001,
        host: i % 4,
        body: bodies(i),
        level: ["info", "error", ""][(i % 3) as usize],
        n: i as i64 * 3 - 500,
    };
    (0..2000).map(line).collect()
}

/// Writes all lines, in several parts of two days, of which some are merged.
fn store(dir: &Path) {
    let mut options = Options::new(dir);
    options.background = false;
    let store = Store::open(options, Arc::new(RealDisk), Arc::new(SimClock::at(NOW_MS))).unwrap();
    for (i, lines) in lines().chunks(400).enumerate() {
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let mut attributes = AttributesBuf::new();
        for l in lines {
            let stream = batch.stream(labels(l.host));
            attributes.clear();
            attributes.push("level", Value::String(l.level));
            attributes.push("n", Value::Int(l.n));
            let record = Record {
                severity: Severity::from_text(l.level),
                attributes: attributes.as_attributes(),
                ..Record::line(l.time_ns, &l.body)
            };
            batch.push(stream, &record);
        }
        futures::executor::block_on(store.append(batch)).unwrap();
        store.flush().unwrap();
        if i == 2 {
            store.compact().unwrap();
        }
    }
}

fn labels(host: u64) -> Labels {
    Labels::from_pairs([("app", "shop".to_owned()), ("host", format!("h{host}"))]).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(d) = open.pop() {
        for entry in std::fs::read_dir(d).unwrap().flatten() {
            if entry.path().is_dir() { open.push(entry.path()) } else { all.push(entry.path()) }
        }
    }
    all
}

#[test]
fn another_reader_gives_every_line() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    let mut found = Vec::new();
    for file in files(&dir.path().join("blocks/parts")) {
        let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
        let fields = reader.metadata().file_metadata().schema_descr().root_schema().get_fields().to_vec();
        let place = |name: &str| fields.iter().position(|f| f.name() == name).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let shape = row.get_string(place("shape")).unwrap();
            let mut body = String::new();
            for (k, piece) in shape.split('\u{1a}').enumerate() {
                if k > 0 {
                    body.push_str(row.get_string(place("v1") + k - 1).unwrap());
                }
                body.push_str(piece);
            }
            let attributes = row.get_group(place("attributes")).unwrap();
            let labels = row.get_group(place("labels")).unwrap();
            found.push((
                body,
                labels.get_string(1).unwrap().clone(),
                attributes.get_string(0).unwrap().clone(),
                attributes.get_long(1).unwrap(),
                row.get_string(place("stream")).unwrap().clone(),
            ));
        }
    }
    let mut expected: Vec<_> = lines()
        .into_iter()
        .map(|l| {
            let stream = format!("{{\"app\":\"shop\",\"host\":\"h{}\"}}", l.host);
            (l.body, format!("h{}", l.host), l.level.to_owned(), l.n, stream)
        })
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "some line differs");
}

#[test]
fn others_read_our_files() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path());
    let quoted = |s: &str| format!("{s:?}").replace("\\u{1a}", "\\u001a");
    let all: Vec<String> = lines()
        .iter()
        .map(|l| {
            let stream = format!("{{\"app\":\"shop\",\"host\":\"h{}\"}}", l.host);
            format!("[{}, {}, {}, {}, {}]", l.time_ns, quoted(&stream), quoted(&l.body), quoted(l.level), l.n)
        })
        .collect();
    let expected = format!("{{\"lines\": [{}]}}", all.join(",\n"));
    std::fs::write(dir.path().join("blocks/expected.json"), expected).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/check-open-data");
    let python = std::env::var("WATCHFIRE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(out) = Command::new(&python).arg(script).arg(dir.path().join("blocks")).output() else {
        println!("skipped: there is no {python} (WATCHFIRE_TEST_PYTHON names another Python)");
        return;
    };
    let said = String::from_utf8_lossy(&out.stdout);
    println!("{said}");
    if out.status.code() != Some(77) {
        assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
    }
}
