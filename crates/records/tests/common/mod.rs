//! The naive model and the ways to write and read that tests share.
#![allow(dead_code, reason = "each test file uses its own share")]

use model::record::{
    AttributesBuf, Record, RecordBatch, RecordSink, Severity, SpanId, Tenant, TextFilter, TraceId, Value,
};
use model::{Labels, Matcher, Unavailable};
use records::{Attributes, Block, Direction, Scan, Store, Unlimited, Wanted};
use std::ops::ControlFlow;

/// A record of a test, told apart by its `id`, which is in its body.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    pub tenant: u8,
    pub stream: u8,
    pub time_ns: i64,
    pub id: u64,
}

pub fn tenant(t: u8) -> Tenant {
    Tenant::new(&format!("t{t}")).unwrap()
}

pub fn labels(s: u8) -> Labels {
    Labels::from_pairs([("app", format!("app{}", s % 3)), ("host", s.to_string())]).unwrap()
}

pub fn of_stream(s: u8) -> Matcher {
    Matcher::equal("host", s.to_string())
}

/// What a line says: of several kinds, so that shapes, numbers, words and long tails occur.
pub fn body(id: u64) -> String {
    match id % 7 {
        0 => format!("request {id} took {}ms", id % 900),
        1 => format!("user{} logged in from 10.0.{}.{} id={id}", id % 20, id % 9, id % 250),
        2 => format!("{id:x} plain hexadecimal"),
        3 => format!("no shape \u{1a} here {id}"),
        4 => {
            (0..30).map(|n| (n * id % 1000).to_string()).collect::<Vec<_>>().join(" ") + &format!(" end {id}")
        }
        5 => format!("Größe {id}é"),
        _ => format!("error code E{} in module m{} line {id}", id % 5, id % 3),
    }
}

/// Everything else that follows from the id.
pub fn trace(id: u64) -> TraceId {
    if id.is_multiple_of(3) { TraceId(u128::from(id + 1).to_be_bytes()) } else { TraceId::NONE }
}

pub fn span(id: u64) -> SpanId {
    if id.is_multiple_of(6) { SpanId((id + 1).to_be_bytes()) } else { SpanId::NONE }
}

pub fn severity(id: u64) -> Severity {
    Severity::from_number((id % 25) as u8)
}

pub fn attributes(id: u64, out: &mut AttributesBuf) {
    out.clear();
    out.push("level", Value::String(["info", "warn", ""][(id % 3) as usize]));
    if id.is_multiple_of(2) {
        out.push("n", Value::Int(id as i64 - 50));
    } else {
        out.push("n", Value::Float(id as f64 / 3.0));
    }
    if id.is_multiple_of(5) {
        out.push("ok", Value::Bool(id.is_multiple_of(10)));
        out.push(&format!("rare{id}"), Value::Null);
    }
    if id.is_multiple_of(11) {
        out.push("level", Value::String("again"));
    }
}

pub fn batch(lines: &[Line]) -> RecordBatch {
    let mut batch = RecordBatch::new(tenant(lines.first().map_or(0, |l| l.tenant)));
    let mut attributes_buf = AttributesBuf::new();
    for l in lines {
        let stream = batch.stream(labels(l.stream));
        attributes(l.id, &mut attributes_buf);
        let text = body(l.id);
        let mut record = Record {
            time_ns: l.time_ns,
            observed_ns: if l.id.is_multiple_of(4) { l.time_ns + 5 } else { 0 },
            severity: severity(l.id),
            trace_id: trace(l.id),
            span_id: span(l.id),
            body: Value::String(&text),
            attributes: attributes_buf.as_attributes(),
        };
        let mut map = AttributesBuf::new();
        if structured(l.id) {
            map.push("id", Value::Int(l.id as i64));
            record.body = Value::Map(map.as_attributes());
        }
        batch.push(stream, &record);
    }
    batch
}

/// Whether the body of an id is a map and not text.
pub fn structured(id: u64) -> bool {
    id % 13 == 12
}

/// The text a reader sees.
pub fn text(id: u64) -> String {
    if structured(id) { format!("{{\"id\":{id}}}") } else { body(id) }
}

/// Writes lines of one tenant.
pub fn write(store: &Store, lines: &[Line]) -> Result<u64, Unavailable> {
    futures::executor::block_on(store.append(batch(lines))).map(|a| a.records)
}

pub const WANTED: Wanted<'static> =
    Wanted { body: true, severity: true, ids: true, attributes: Attributes::All };

/// All that a scan gives, checked in full against what the ids say, in order of appearance.
pub fn read(store: &Store, scan: &Scan<'_>, t: u8) -> Vec<Line> {
    let mut found = Vec::new();
    let full = Scan { wanted: WANTED, ..scan.clone() };
    let mut windows = Vec::new();
    store
        .scan(&full, &Unlimited, &mut |block| {
            assert!(!block.is_empty());
            let ascends = block.times_ns.is_sorted();
            let descends = block.times_ns.iter().rev().is_sorted();
            assert!(match scan.direction {
                Direction::Forward => ascends,
                Direction::Backward => descends,
                Direction::Any => true,
            });
            windows.push((block.times_ns[0], block.times_ns[block.len() - 1]));
            (0..block.len()).for_each(|row| found.push(line(block, row, t)));
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// The line of a row; every column must agree with its id.
fn line(block: &Block<'_>, row: usize, t: u8) -> Line {
    let text_of = block.body(row);
    let stream: u8 = block.labels.get("host").unwrap().parse().unwrap();
    assert_eq!(*block.labels, labels(stream));
    let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    let candidates = [
        text_of.strip_prefix("request ").and_then(|r| r.split(' ').next()?.parse().ok()),
        text_of.split("id=").nth(1).and_then(|r| r.parse().ok()),
        text_of.strip_suffix(" plain hexadecimal").and_then(|r| u64::from_str_radix(r, 16).ok()),
        text_of.rsplit(' ').next().and_then(digits),
        digits(text_of),
    ];
    let id = candidates.into_iter().flatten().find(|id| text(*id) == text_of);
    let id = id.unwrap_or_else(|| panic!("{text_of:?} was never written"));
    let time_ns = block.times_ns[row];
    assert_eq!(block.severity(row), severity(id), "{text_of}");
    assert_eq!((block.trace_id(row), block.span_id(row)), (trace(id), span(id)), "{text_of}");
    let observed = if id.is_multiple_of(4) { time_ns + 5 } else { 0 };
    assert_eq!(block.observed_ns(row), observed, "{text_of}");
    let mut expected = AttributesBuf::new();
    attributes(id, &mut expected);
    for (name, _) in expected.as_attributes().iter() {
        let (is, was) = (block.attributes(row).get(name), expected.as_attributes().get(name));
        assert_eq!(format!("{is:?}"), format!("{was:?}"), "{name} of {text_of}");
    }
    let names = |a: model::record::Attributes<'_>| {
        let mut names: Vec<String> = a.iter().map(|(n, _)| n.to_owned()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names(block.attributes(row)), names(expected.as_attributes()), "{text_of}");
    Line { tenant: t, stream, time_ns, id }
}

/// What a scan should give, from all lines there are.
pub fn expect(all: &[Line], scan: &Scan<'_>) -> Vec<Line> {
    let passes = |f: &TextFilter, id| f.passes(&text(id));
    let mut kept: Vec<Line> = all
        .iter()
        .filter(|l| tenant(l.tenant) == *scan.tenant)
        .filter(|l| scan.start_ns <= l.time_ns && l.time_ns < scan.end_ns)
        .filter(|l| scan.matchers.iter().all(|m| m.matches(labels(l.stream).get(m.name()).unwrap_or(""))))
        .filter(|l| scan.filters.iter().all(|f| passes(f, l.id)))
        .filter(|l| scan.trace_id.is_none_or(|t| t == trace(l.id)))
        .filter(|l| scan.traces.is_none_or(|all| all.contains(&trace(l.id))))
        .cloned()
        .collect();
    kept.sort();
    kept
}
