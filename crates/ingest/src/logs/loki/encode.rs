//! Push requests, written.

use crate::wire::{put_bytes, put_number};
use model::Labels;
use model::record::{Attributes, Record, RecordBatch, Severity, Value};
use std::fmt::Write;

const SECOND_NS: i64 = 1_000_000_000;

/// A batch as a `logproto.PushRequest`. Labels stay labels, attributes become structured metadata, the severity one named
/// `level` if there is none, trace and span theirs. Bodies that are not text are written as JSON-like text.
pub fn encode(batch: &RecordBatch) -> Vec<u8> {
    let mut streams: Vec<Vec<u8>> = batch.streams().iter().map(stream).collect();
    let (mut entry, mut small, mut text) = (Vec::new(), Vec::new(), String::new());
    for row in batch.iter() {
        entry.clear();
        put_entry(&mut entry, &mut small, &mut text, &row.record);
        put_bytes(&mut streams[row.stream.0 as usize], 2, &entry);
    }
    let mut out = Vec::with_capacity(streams.iter().map(|s| s.len() + 8).sum());
    streams.iter().for_each(|s| put_bytes(&mut out, 1, s));
    out
}

/// A stream with its labels and no entries yet.
fn stream(labels: &Labels) -> Vec<u8> {
    let mut text = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(name);
        text.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
    }
    text.push('}');
    let mut out = Vec::new();
    put_bytes(&mut out, 1, text.as_bytes());
    out
}

fn put_entry(out: &mut Vec<u8>, small: &mut Vec<u8>, text: &mut String, r: &Record<'_>) {
    small.clear();
    // Negative numbers are written as what they are in 64 bits.
    put_number(small, 1, r.time_ns.div_euclid(SECOND_NS) as u64);
    put_number(small, 2, r.time_ns.rem_euclid(SECOND_NS) as u64);
    put_bytes(out, 1, small);
    put_bytes(out, 2, shown(r.body, text).as_bytes());
    for (name, value) in r.attributes.iter() {
        put_pair(out, small, name, shown(value, text));
    }
    let level = r.severity != Severity::UNKNOWN && !has_level(r.attributes);
    if level {
        put_pair(out, small, "level", r.severity.text());
    }
    if !r.trace_id.is_none() {
        put_pair(out, small, "trace_id", &r.trace_id.to_string());
    }
    if !r.span_id.is_none() {
        put_pair(out, small, "span_id", &r.span_id.to_string());
    }
}

fn has_level(attributes: Attributes<'_>) -> bool {
    attributes.iter().any(|(n, _)| matches!(n, "level" | "severity" | "detected_level" | "severity_text"))
}

fn put_pair(out: &mut Vec<u8>, small: &mut Vec<u8>, name: &str, value: &str) {
    small.clear();
    put_bytes(small, 1, name.as_bytes());
    put_bytes(small, 2, value.as_bytes());
    put_bytes(out, 3, small);
}

/// A value as text.
fn shown<'a>(value: Value<'a>, text: &'a mut String) -> &'a str {
    if let Value::String(s) = value {
        return s;
    }
    text.clear();
    let done = match value {
        Value::Bytes(b) => {
            text.push_str(&String::from_utf8_lossy(b));
            Ok(())
        }
        other => write!(text, "{other:?}"),
    };
    // Writing to a string cannot fail.
    done.map_or("", |()| text)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::writer;
    use super::super::protobuf;
    use super::*;
    use model::record::{AttributesBuf, Tenant, TraceId};

    #[test]
    fn what_is_written_is_read() {
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let labels = [("host.name", "h\"1\\\n"), ("log.file.path", "/var/log/é")];
        let a = batch.stream(Labels::from_pairs(labels).unwrap());
        let b = batch.stream(Labels::from_pairs([("service.name", "x")]).unwrap());
        let mut attributes = AttributesBuf::new();
        attributes.push("log.iostream", Value::String("stderr"));
        attributes.push("n", Value::Int(-7));
        batch.push(a, &Record::line(1_795_256_430_123_456_789, "one\ntwo"));
        batch.push(b, &Record::line(-1, ""));
        let full = Record {
            severity: Severity::WARN,
            trace_id: TraceId([7; 16]),
            attributes: attributes.as_attributes(),
            ..Record::line(5, "three")
        };
        batch.push(a, &full);
        let mut w = writer();
        protobuf(&encode(&batch), &mut w).unwrap();
        let decoded = w.finish();
        assert_eq!((decoded.outcome.rejected, decoded.batch.len()), (0, 3));
        assert_eq!(decoded.batch.streams(), batch.streams());
        // Streams stand together.
        let got: Vec<_> = decoded.batch.iter().collect();
        assert_eq!((got[0], got[2]), (batch.get(0), batch.get(1)));
        let three = got[1].record;
        assert_eq!((three.time_ns, three.body, three.severity), (5, Value::String("three"), Severity::WARN));
        assert_eq!(three.trace_id, TraceId([7; 16]));
        let pairs: Vec<_> = three.attributes.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
        assert_eq!(pairs.join(" "), r#"log.iostream="stderr" n="-7" level="warn""#);
    }
}
