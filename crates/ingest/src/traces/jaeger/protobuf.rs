//! `jaeger.api_v2.PostSpansRequest`.

use super::super::tags;
use super::super::writer::SpanWriter;
use super::{EVENT, Ref, Span, Tag, after, end_span};
use crate::error::DecodeError;
use crate::records::RecordWriter;
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, WireError};
use model::record::span::name;
use model::record::{SpanId, TraceId, Value};
use std::borrow::Cow;

const WHAT: &str = "Jaeger PostSpans request";

fn wrong(e: WireError) -> DecodeError {
    e.within(WHAT)
}

/// Appends a request.
pub fn protobuf(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut sw = SpanWriter::new(w);
    let mut r = Reader::new(body, 0);
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        match (field, wire) {
            (1, LEN) => batch(&mut sw, &r.message().map_err(wrong)?)?,
            (1, w) => return Err(wrong(r.error(format!("field 1 of a request has wire type {w}")))),
            _ => r.skip(wire).map_err(wrong)?,
        }
    }
    Ok(())
}

fn batch(sw: &mut SpanWriter<'_>, whole: &Reader<'_>) -> Result<(), DecodeError> {
    let of_batch = find(whole, 2).map_err(wrong)?;
    // Spans may name processes of their own; the resource is made again only where it changes.
    let mut now: Option<Option<usize>> = None;
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        if (field, wire) != (1, LEN) {
            r.skip(wire).map_err(wrong)?;
            continue;
        }
        let message = r.message().map_err(wrong)?;
        let own = find(&message, 10).map_err(wrong)?;
        let of = own.as_ref().or(of_batch.as_ref());
        let which = of.map(Reader::position);
        if now != Some(which) {
            sw.begin_resource();
            if let Some(of) = of {
                process(sw, of.clone()).map_err(wrong)?;
            }
            sw.end_resource()?;
            now = Some(which);
        }
        if !sw.refuses(1) {
            span(sw, message)?;
        }
    }
    Ok(())
}

/// The last message of one field.
fn find<'a>(whole: &Reader<'a>, wanted: u32) -> Wire<Option<Reader<'a>>> {
    let (mut r, mut found) = (whole.clone(), None);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (field, LEN) if field == wanted => found = Some(r.message()?),
            _ => r.skip(wire)?,
        }
    }
    Ok(found)
}

fn process(sw: &mut SpanWriter<'_>, mut r: Reader<'_>) -> Wire<()> {
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                let service = String::from_utf8_lossy(r.bytes()?);
                sw.resource_attribute(name::SERVICE, Value::String(&service));
            }
            (2, LEN) => {
                let (key, value) = key_value(r.message()?)?;
                tags::process_tag(sw, &key, value.as_value());
            }
            _ => r.skip(wire)?,
        }
    }
    Ok(())
}

fn span(sw: &mut SpanWriter<'_>, r: Reader<'_>) -> Result<(), DecodeError> {
    sw.begin_span();
    let mut operation = Cow::Borrowed("");
    let mut span = read_span(sw, r, &mut operation).map_err(wrong)?;
    span.fields.name = &operation;
    end_span(sw, span)
}

fn read_span<'a>(
    sw: &mut SpanWriter<'_>,
    mut r: Reader<'a>,
    operation: &mut Cow<'a, str>,
) -> Wire<Span<'static>> {
    let whole = r.clone();
    let mut span = Span::default();
    while let Some((field, wire)) = r.tag()? {
        let f = &mut span.fields;
        match (field, wire) {
            (1, LEN) => f.trace_id = trace_id(r.bytes()?),
            (2, LEN) => f.span_id = span_id(r.bytes()?),
            (3, LEN) => *operation = String::from_utf8_lossy(r.bytes()?),
            (4, LEN) => {
                let r = reference(r.message()?)?;
                span.refer(r);
            }
            (5, VARINT) => f.flags = r.varint()? as u32,
            (6, LEN) => f.start_ns = nanoseconds(r.message()?)?,
            (7, LEN) => f.duration_ns = nanoseconds(r.message()?)?,
            (8, LEN) => {
                let (key, value) = key_value(r.message()?)?;
                tags::tag(sw, &key, value.as_value());
            }
            (1..=4 | 6..=8, w) => return Err(r.error(format!("field {field} of a span has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    let start_ns = sw.start_ns(span.fields.start_ns, span.fields.duration_ns);
    span.fields.start_ns = start_ns;
    let mut r = whole;
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (9, LEN) => log(sw, r.message()?, start_ns)?,
            _ => r.skip(wire)?,
        }
    }
    Ok(span)
}

/// An id of at most 16 bytes, as libraries shorten it.
fn trace_id(bytes: &[u8]) -> TraceId {
    let mut id = TraceId::NONE;
    if let Some(start) = id.0.len().checked_sub(bytes.len()) {
        id.0[start..].copy_from_slice(bytes);
    }
    id
}

fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map(SpanId).unwrap_or_default()
}

fn reference(mut r: Reader<'_>) -> Wire<Ref> {
    let mut to = Ref { trace_id: TraceId::NONE, span_id: SpanId::NONE, follows: false };
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => to.trace_id = trace_id(r.bytes()?),
            (2, LEN) => to.span_id = span_id(r.bytes()?),
            (3, VARINT) => to.follows = r.varint()? == 1,
            _ => r.skip(wire)?,
        }
    }
    Ok(to)
}

/// A `Timestamp` or `Duration`; what is negative is nothing.
fn nanoseconds(mut r: Reader<'_>) -> Wire<u64> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => seconds = r.varint()? as i64,
            (2, VARINT) => nanos = r.varint()? as i64,
            _ => r.skip(wire)?,
        }
    }
    let all = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Ok(u64::try_from(all.max(0)).unwrap_or(u64::MAX))
}

fn log(sw: &mut SpanWriter<'_>, mut r: Reader<'_>, start_ns: u64) -> Wire<()> {
    let (mut time_ns, mut event) = (start_ns, String::new());
    sw.own.clear();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => time_ns = nanoseconds(r.message()?)?,
            (2, LEN) => match key_value(r.message()?)? {
                (key, Tag::Text(text)) if key == EVENT && event.is_empty() => event = text.into_owned(),
                (key, value) => sw.own_attribute(&key, value.as_value()),
            },
            _ => r.skip(wire)?,
        }
    }
    sw.event(after(start_ns, time_ns), &event, 0);
    Ok(())
}

/// A `KeyValue`: the value is the one its type says.
fn key_value(mut r: Reader<'_>) -> Wire<(Cow<'_, str>, Tag<'_>)> {
    let (mut key, mut of) = (Cow::Borrowed(""), 0);
    let (mut text, mut float, mut truth, mut int, mut bytes) = (Cow::Borrowed(""), 0.0, false, 0, &[][..]);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => key = String::from_utf8_lossy(r.bytes()?),
            (2, VARINT) => of = r.varint()?,
            (3, LEN) => text = String::from_utf8_lossy(r.bytes()?),
            (4, VARINT) => truth = r.varint()? != 0,
            (5, VARINT) => int = r.varint()? as i64,
            (6, FIXED64) => float = r.double()?,
            (7, LEN) => bytes = r.bytes()?,
            (1..=7, w) => return Err(r.error(format!("field {field} of a tag has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    let value = match of {
        0 => Tag::Text(text),
        1 => Tag::Bool(truth),
        2 => Tag::Int(int),
        3 => Tag::Float(float),
        4 => Tag::Bytes(bytes),
        _ => Tag::Null,
    };
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{spans, writer};
    use super::*;
    use crate::wire::{put_bytes, put_double, put_message, put_number};

    fn tag(out: &mut Vec<u8>, field: u32, key: &str, put: impl FnOnce(&mut Vec<u8>)) {
        put_message(out, field, |out| {
            put_bytes(out, 1, key.as_bytes());
            put(out);
        });
    }

    fn time(out: &mut Vec<u8>, field: u32, seconds: u64, nanos: u64) {
        put_message(out, field, |out| {
            put_number(out, 1, seconds);
            put_number(out, 2, nanos);
        });
    }

    fn process(out: &mut Vec<u8>, field: u32, service: &str) {
        put_message(out, field, |out| {
            put_bytes(out, 1, service.as_bytes());
            tag(out, 2, "hostname", |out| put_bytes(out, 3, b"h1"));
        });
    }

    #[test]
    fn batches() {
        let mut body = Vec::new();
        put_message(&mut body, 1, |out| {
            for (id, own) in [(1u8, false), (2, true), (3, false)] {
                put_message(out, 1, |out| {
                    put_bytes(out, 1, &[9; 8]);
                    put_bytes(out, 2, &[id; 8]);
                    put_bytes(out, 3, b"GET /");
                    put_message(out, 4, |out| {
                        put_bytes(out, 1, &[9; 8]);
                        put_bytes(out, 2, &[8; 8]);
                    });
                    put_number(out, 5, 1);
                    time(out, 6, 1_700_000_000, 5);
                    time(out, 7, 1, 500);
                    tag(out, 8, "span.kind", |out| put_bytes(out, 3, b"client"));
                    tag(out, 8, "b", |out| {
                        put_number(out, 2, 1);
                        put_number(out, 4, 1);
                    });
                    tag(out, 8, "i", |out| {
                        put_number(out, 2, 2);
                        put_number(out, 5, 7);
                    });
                    tag(out, 8, "f", |out| {
                        put_number(out, 2, 3);
                        put_double(out, 6, 1.5);
                    });
                    put_message(out, 9, |out| {
                        time(out, 1, 1_700_000_000, 105);
                        tag(out, 2, "event", |out| put_bytes(out, 3, b"retry"));
                    });
                    if own {
                        process(out, 10, "other");
                    }
                });
            }
            process(out, 2, "shop");
        });
        let mut w = writer();
        protobuf(&body, &mut w).unwrap();
        insta::assert_snapshot!(spans(w));
        let e = protobuf(&[0x08, 1], &mut writer()).unwrap_err().to_string();
        assert_eq!(e, "Jaeger PostSpans request: byte 1: field 1 of a request has wire type 0");
    }
}
