//! SQL: statements, and what PostgreSQL's clients send.

use model::record::{AttributesBuf, Record, Value};
use model::{Labels, Samples};
use sql::pg::{Message, Startup, parameter};
use sql::{Control, MemorySource, Options, Session, SqlError};
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// A little of everything.
static SOURCE: LazyLock<Arc<MemorySource>> = LazyLock::new(|| {
    let mut source = MemorySource::default();
    let labels = Labels::from_pairs([("app", "web"), ("env", "prod")]).expect("labels");
    let stream = source.records_mut().stream(labels);
    for i in 0..10 {
        let mut attributes = AttributesBuf::new();
        attributes.push("n", Value::Int(i));
        let body = format!("request {i} took {} ms", i * 7);
        let record =
            Record { attributes: attributes.as_attributes(), ..Record::line(i * 1_000_000_000, &body) };
        source.records_mut().push(stream, &record);
    }
    let labels = Labels::from_pairs([("__name__", "up"), ("instance", "a")]).expect("labels");
    let samples = Samples { times: vec![0, 15_000], values: vec![1.0, 0.0], ..Samples::default() };
    source.add_series(labels, samples);
    Arc::new(source)
});

/// Any statement is refused or gives rows, within its time and memory; a place that is told lies within the text.
pub fn statement(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(SqlError::Statement(e) | SqlError::Refused(e)) = ran(text) {
        assert!(e.start <= e.end && e.end <= text.len(), "{e:?}");
        let _ = e.caret(text);
    }
}

fn ran(text: &str) -> Result<(), SqlError> {
    let control = Control::new().with_timeout(Instant::now(), Duration::from_millis(200));
    let options = Options { memory_max: 8 << 20, scans_max: 8, ..Options::default() };
    for parsed in sql::parse(text)? {
        let session = Session::new(SOURCE.clone(), &options, &control)?;
        let _ = parsed.local();
        let prepared = session.prepare(&parsed)?;
        let types = prepared.parameters()?;
        let values = sql::values_of_texts(&vec!["1".to_owned(); types.len()], &types)?;
        let prepared = if values.is_empty() { prepared } else { prepared.bind(values)? };
        let mut left = 10_000usize;
        prepared.run(&mut |batch| {
            left = left.saturating_sub(batch.num_rows());
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(())
}

pub fn statement_seeds() -> Vec<Vec<u8>> {
    [
        "SELECT app, count(*) FROM logs WHERE body LIKE '%took%' AND timestamp > '1970-01-01' GROUP BY 1 ORDER BY 2 LIMIT 3",
        "SELECT * FROM up u JOIN samples s ON u.timestamp = s.timestamp WHERE labels['instance'] IN ('a', $1)",
        "SELECT * FROM promql('rate(up[1m])', 0, 30, '15s')",
        "WITH a AS (SELECT n::int AS n FROM logs) SELECT n, sum(n) OVER (ORDER BY n) FROM a UNION ALL VALUES (1, 2)",
        "EXPLAIN SELECT date_bin('5s', timestamp), regexp_match(body, '[0-9]+') FROM logs; SHOW TABLES",
        "SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i WHERE c.relname OPERATOR(pg_catalog.~) '^(logs)$' COLLATE pg_catalog.default",
        "SELECT 'a' || repeat('b', 10) || lpad('c', 5), replace('aaa', 'a', 'bb'), range(1, 10)",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

/// Messages of any bytes, and their parameters.
pub fn message(data: &[u8]) {
    let _ = Startup::read(data);
    let Some((letter, body)) = data.split_first() else { return };
    let Ok(Message::Bind { formats, values, .. }) = Message::read(*letter, body) else { return };
    for (i, value) in values.iter().enumerate() {
        for oid in [0, 16, 17, 20, 21, 23, 25, 700, 701, 1082, 1114, 1184, 1186, 1700, 3802] {
            let binary = formats.first().copied().unwrap_or(true);
            let _ = parameter(i + 1, value.as_deref(), binary, oid, None);
        }
    }
}

pub fn message_seeds() -> Vec<Vec<u8>> {
    let startup = b"\0\x03\0\0user\0me\0database\0watchfire\0\0".to_vec();
    let parse = b"Ps\0SELECT $1\0\0\x01\0\0\0\x19".to_vec();
    let mut bind = b"B\0s\0\0\x01\0\x01\0\x02\0\0\0\x08".to_vec();
    bind.extend_from_slice(&7i64.to_be_bytes());
    bind.extend_from_slice(b"\xff\xff\xff\xff\0\x01\0\0");
    vec![startup, parse, bind, b"E\0\0\0\0\x05".to_vec(), b"DSs\0".to_vec(), b"QSELECT 1\0".to_vec()]
}
