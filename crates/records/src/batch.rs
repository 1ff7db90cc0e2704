//! A batch as one record of the journal.

use crate::codec::{Malformed, Reader, malformed, put_bytes, put_uvarint, put_varint};
use crate::senders::{put_delivery, read_delivery};
use model::Labels;
use model::record::{Attributes, Record, RecordBatch, Severity, SpanId, StreamRef, Tenant, TraceId, Value};
use std::ops::Range;

const VERSION: u8 = 1;
/// With the delivery before everything else.
const VERSION_NUMBERED: u8 = 2;

/// What follows the fixed fields of a row.
const OBSERVED: u8 = 1;
const TRACE: u8 = 2;
const SPAN: u8 = 4;
/// The body is an encoded value, not text.
const VALUE: u8 = 8;
const ATTRIBUTES: u8 = 16;

/// Appends those rows of a range that `keep` lets through.
pub(crate) fn encode(
    batch: &RecordBatch,
    rows: Range<usize>,
    keep: impl Fn(usize) -> bool,
    out: &mut Vec<u8>,
) {
    match batch.delivery() {
        None => out.push(VERSION),
        Some(d) => {
            out.push(VERSION_NUMBERED);
            put_delivery(out, d);
        }
    }
    put_bytes(out, batch.tenant().as_str().as_bytes());
    put_uvarint(out, batch.streams().len() as u64);
    batch.streams().iter().for_each(|labels| put_bytes(out, labels.key()));
    let mut last_ns = 0i64;
    for row in rows.filter(|row| keep(*row)) {
        let r = batch.get(row);
        put_uvarint(out, u64::from(r.stream.0));
        put_varint(out, r.record.time_ns.wrapping_sub(last_ns));
        last_ns = r.record.time_ns;
        put_record(out, &r.record);
    }
}

fn put_record(out: &mut Vec<u8>, r: &Record<'_>) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    let flags = flag(r.observed_ns != 0, OBSERVED)
        | flag(!r.trace_id.is_none(), TRACE)
        | flag(!r.span_id.is_none(), SPAN)
        | flag(r.body.as_str().is_none(), VALUE)
        | flag(!r.attributes.is_empty(), ATTRIBUTES);
    out.push(flags);
    out.push(r.severity.number());
    if flags & OBSERVED != 0 {
        put_varint(out, r.observed_ns);
    }
    if flags & TRACE != 0 {
        out.extend_from_slice(&r.trace_id.0);
    }
    if flags & SPAN != 0 {
        out.extend_from_slice(&r.span_id.0);
    }
    match r.body {
        Value::String(s) => put_bytes(out, s.as_bytes()),
        other => {
            let mut encoded = Vec::new();
            other.encode(&mut encoded);
            put_bytes(out, &encoded);
        }
    }
    if flags & ATTRIBUTES != 0 {
        put_bytes(out, r.attributes.encoded());
    }
}

/// Reads a record of the journal.
pub(crate) fn decode(bytes: &[u8]) -> Result<RecordBatch, Malformed> {
    let mut r = Reader::new(bytes);
    let delivery = match r.byte("version")? {
        VERSION => None,
        VERSION_NUMBERED => Some(read_delivery(&mut r)?),
        _ => return malformed("version"),
    };
    let Ok(tenant) = Tenant::new(r.text("tenant")?) else { return malformed("tenant") };
    let mut batch = RecordBatch::new(tenant);
    if let Some(d) = delivery {
        batch.set_delivery(d);
    }
    for _ in 0..r.count("streams")? {
        let Ok(labels) = Labels::from_key(r.bytes("stream")?) else { return malformed("stream") };
        batch.stream(labels);
    }
    let mut last_ns = 0i64;
    while r.remaining() > 0 {
        let stream = StreamRef(r.u32("stream of a row")?);
        if stream.0 as usize >= batch.streams().len() {
            return malformed("stream of a row");
        }
        last_ns = last_ns.wrapping_add(r.varint("time")?);
        let record = read_record(&mut r, last_ns)?;
        batch.push(stream, &record);
    }
    Ok(batch)
}

fn read_record<'a>(r: &mut Reader<'a>, time_ns: i64) -> Result<Record<'a>, Malformed> {
    let flags = r.byte("flags")?;
    let severity = Severity::from_number(r.byte("severity")?);
    let observed_ns = if flags & OBSERVED != 0 { r.varint("observed time")? } else { 0 };
    let mut record = Record { time_ns, observed_ns, severity, ..Record::line(0, "") };
    if flags & TRACE != 0 {
        record.trace_id = TraceId(r.take(16, "trace id")?.try_into().or(malformed("trace id"))?);
    }
    if flags & SPAN != 0 {
        record.span_id = SpanId(r.take(8, "span id")?.try_into().or(malformed("span id"))?);
    }
    let body = r.bytes("body")?;
    record.body = if flags & VALUE != 0 {
        Value::from_encoded(body).or(malformed("body"))?
    } else {
        Value::String(std::str::from_utf8(body).or(malformed("body"))?)
    };
    if flags & ATTRIBUTES != 0 {
        record.attributes = Attributes::from_encoded(r.bytes("attributes")?).or(malformed("attributes"))?;
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::{AttributesBuf, Delivery, SenderId};

    #[test]
    fn batches_come_back() {
        let mut batch = RecordBatch::new(Tenant::new("t-1").unwrap());
        let s = batch.stream(Labels::from_pairs([("app", "x")]).unwrap());
        let mut attributes = AttributesBuf::new();
        attributes.push("n", Value::Int(-5));
        batch.push(s, &Record::line(i64::MAX, "text"));
        batch.push(s, &Record::line(i64::MIN, "refused"));
        let full = Record {
            time_ns: -1,
            observed_ns: 7,
            severity: Severity::ERROR,
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            body: Value::Map(attributes.as_attributes()),
            attributes: attributes.as_attributes(),
        };
        batch.push(s, &full);
        let mut bytes = Vec::new();
        encode(&batch, 0..3, |row| row != 1, &mut bytes);
        let back = decode(&bytes).unwrap();
        assert_eq!((back.tenant(), back.streams()), (batch.tenant(), batch.streams()));
        assert_eq!(back.delivery(), None);
        let rows: Vec<_> = back.iter().collect();
        assert_eq!(rows, [batch.get(0), batch.get(2)]);
        let delivery = Delivery { sender: SenderId([9; 16]), sequence: 300, state: vec![1, 2] };
        batch.set_delivery(delivery.clone());
        bytes.clear();
        encode(&batch, 0..3, |row| row != 1, &mut bytes);
        assert_eq!(decode(&bytes).unwrap().delivery(), Some(&delivery));
        for cut in 1..bytes.len() {
            // A cut at the end of a row is a shorter batch; anywhere else it is noticed. Never does it harm.
            let _ = decode(&bytes[..cut]);
        }
    }
}
