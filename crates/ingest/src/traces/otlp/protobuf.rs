//! `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`.

use crate::error::DecodeError;
use crate::otlp::{any_value, key_value, too_deep};
use crate::records::RecordWriter;
use crate::traces::writer::{Fields, SpanWriter};
use crate::wire::{FIXED32, FIXED64, LEN, Reader, VARINT, Wire, WireError};
use model::record::span::{SpanKind, SpanStatus, name};
use model::record::{SpanId, TraceId};
use std::borrow::Cow;

const WHAT: &str = "OTLP traces body";

/// Appends a decompressed request.
pub fn protobuf(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut sw = SpanWriter::new(w);
    let mut r = Reader::new(body, 0);
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        match (field, wire) {
            (1, LEN) => resource_spans(&mut sw, &r.message().map_err(wrong)?)?,
            (1, w) => return Err(wrong(r.error(format!("field 1 of a request has wire type {w}")))),
            _ => r.skip(wire).map_err(wrong)?,
        }
    }
    Ok(())
}

fn wrong(e: WireError) -> DecodeError {
    e.within(WHAT)
}

fn resource_spans(sw: &mut SpanWriter<'_>, whole: &Reader<'_>) -> Result<(), DecodeError> {
    sw.begin_resource();
    each(whole, 1, &mut |r| resource(sw, r)).map_err(wrong)?;
    sw.end_resource()?;
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        match (field, wire) {
            (2, LEN) => scope_spans(sw, &r.message().map_err(wrong)?)?,
            (1 | 2, w) if w != LEN => {
                return Err(wrong(r.error(format!("field {field} of resource spans has wire type {w}"))));
            }
            _ => r.skip(wire).map_err(wrong)?,
        }
    }
    Ok(())
}

/// Gives the messages of one field.
fn each<'a>(whole: &Reader<'a>, wanted: u32, give: &mut dyn FnMut(Reader<'a>) -> Wire<()>) -> Wire<()> {
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (field, LEN) if field == wanted => give(r.message()?)?,
            _ => r.skip(wire)?,
        }
    }
    Ok(())
}

fn resource(sw: &mut SpanWriter<'_>, mut r: Reader<'_>) -> Wire<()> {
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                let (own, value) = key_value(r.message()?)?;
                match any_value(value, sw.w.limits().depth())? {
                    Some(value) => sw.resource_attribute(&own, value.as_value()),
                    None => sw.refuse_resource(too_deep(sw.w)),
                }
            }
            _ => r.skip(wire)?,
        }
    }
    Ok(())
}

fn scope_spans(sw: &mut SpanWriter<'_>, whole: &Reader<'_>) -> Result<(), DecodeError> {
    sw.begin_scope();
    each(whole, 1, &mut |r| scope(sw, r)).map_err(wrong)?;
    sw.end_scope();
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        match (field, wire) {
            (2, LEN) => {
                let message = r.message().map_err(wrong)?;
                if !sw.refuses(1) {
                    span(sw, message)?;
                }
            }
            (1 | 2, w) if w != LEN => {
                return Err(wrong(r.error(format!("field {field} of scope spans has wire type {w}"))));
            }
            _ => r.skip(wire).map_err(wrong)?,
        }
    }
    Ok(())
}

fn scope(sw: &mut SpanWriter<'_>, mut r: Reader<'_>) -> Wire<()> {
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => sw.scope_text(name::SCOPE_NAME, &String::from_utf8_lossy(r.bytes()?)),
            (2, LEN) => sw.scope_text(name::SCOPE_VERSION, &String::from_utf8_lossy(r.bytes()?)),
            (3, LEN) => {
                let (own, value) = key_value(r.message()?)?;
                match any_value(value, sw.w.limits().depth())? {
                    Some(value) => sw.scope_attribute(&own, value.as_value()),
                    None => sw.refuse_scope(too_deep(sw.w)),
                }
            }
            _ => r.skip(wire)?,
        }
    }
    Ok(())
}

fn span(sw: &mut SpanWriter<'_>, r: Reader<'_>) -> Result<(), DecodeError> {
    sw.begin_span();
    let read = read_span(sw, r).map_err(wrong)?;
    sw.end_span(&Fields {
        name: &read.name,
        status_message: &read.message,
        trace_state: &read.trace_state,
        duration_ns: read.end_ns.saturating_sub(read.fields.start_ns),
        ..read.fields
    })
}

/// A span as read; texts apart, because they may have to be mended.
#[derive(Default)]
struct Read<'a> {
    fields: Fields<'a>,
    end_ns: u64,
    name: Cow<'a, str>,
    message: Cow<'a, str>,
    trace_state: Cow<'a, str>,
}

fn read_span<'a>(sw: &mut SpanWriter<'_>, mut r: Reader<'a>) -> Wire<Read<'a>> {
    let mut read = Read::default();
    // Events are told from the start of the span, which a sender may write behind them.
    let whole = r.clone();
    while let Some((field, wire)) = r.tag()? {
        let f = &mut read.fields;
        match (field, wire) {
            (1, LEN) => f.trace_id = r.bytes()?.try_into().map(TraceId).unwrap_or_default(),
            (2, LEN) => f.span_id = r.bytes()?.try_into().map(SpanId).unwrap_or_default(),
            (3, LEN) => read.trace_state = String::from_utf8_lossy(r.bytes()?),
            (4, LEN) => f.parent_id = r.bytes()?.try_into().map(SpanId).unwrap_or_default(),
            (16, FIXED32) => f.flags = r.fixed32()?,
            (5, LEN) => read.name = String::from_utf8_lossy(r.bytes()?),
            (6, VARINT) => f.kind = SpanKind::from_number(i64::try_from(r.varint()?).unwrap_or(0)),
            (7, FIXED64) => f.start_ns = r.fixed64()?,
            (8, FIXED64) => read.end_ns = r.fixed64()?,
            (9, LEN) => {
                let (own, value) = key_value(r.message()?)?;
                match any_value(value, sw.w.limits().depth())? {
                    Some(value) => sw.attribute(&own, value.as_value()),
                    None => sw.refuse_span(too_deep(sw.w)),
                }
            }
            (10, VARINT) => f.dropped[0] = r.varint()?,
            (11, LEN) => r.skip(LEN)?,
            (12, VARINT) => f.dropped[1] = r.varint()?,
            (13, LEN) => link(sw, r.message()?)?,
            (14, VARINT) => f.dropped[2] = r.varint()?,
            (15, LEN) => (f.status, read.message) = status(r.message()?)?,
            (1..=16, w) => return Err(r.error(format!("field {field} of a span has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    let start_ns = sw.start_ns(read.fields.start_ns, 0);
    read.fields.start_ns = start_ns;
    each(&whole, 11, &mut |event_of| event(sw, event_of, start_ns))?;
    Ok(read)
}

fn status(mut r: Reader<'_>) -> Wire<(SpanStatus, Cow<'_, str>)> {
    let (mut status, mut message) = (SpanStatus::Unset, Cow::Borrowed(""));
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (2, LEN) => message = String::from_utf8_lossy(r.bytes()?),
            (3, VARINT) => status = SpanStatus::from_number(i64::try_from(r.varint()?).unwrap_or(0)),
            _ => r.skip(wire)?,
        }
    }
    Ok((status, message))
}

fn event(sw: &mut SpanWriter<'_>, mut r: Reader<'_>, start_ns: u64) -> Wire<()> {
    let (mut time_ns, mut event, mut dropped) = (start_ns, Cow::Borrowed(""), 0);
    sw.own.clear();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, FIXED64) => time_ns = r.fixed64()?,
            (2, LEN) => event = String::from_utf8_lossy(r.bytes()?),
            (3, LEN) => own(sw, r.message()?)?,
            (4, VARINT) => dropped = r.varint()?,
            _ => r.skip(wire)?,
        }
    }
    sw.event(time_ns.wrapping_sub(start_ns) as i64, &event, dropped);
    Ok(())
}

fn link(sw: &mut SpanWriter<'_>, mut r: Reader<'_>) -> Wire<()> {
    let (mut to, mut trace_state, mut flags, mut dropped) =
        ((TraceId::NONE, SpanId::NONE), Cow::Borrowed(""), 0, 0);
    sw.own.clear();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => to.0 = r.bytes()?.try_into().map(TraceId).unwrap_or_default(),
            (2, LEN) => to.1 = r.bytes()?.try_into().map(SpanId).unwrap_or_default(),
            (3, LEN) => trace_state = String::from_utf8_lossy(r.bytes()?),
            (4, LEN) => own(sw, r.message()?)?,
            (5, VARINT) => dropped = r.varint()?,
            (6, FIXED32) => flags = r.fixed32()?,
            _ => r.skip(wire)?,
        }
    }
    sw.link(to, &trace_state, flags, dropped);
    Ok(())
}

/// An attribute of an event or link.
fn own(sw: &mut SpanWriter<'_>, r: Reader<'_>) -> Wire<()> {
    let (own, value) = key_value(r)?;
    match any_value(value, sw.w.limits().depth().saturating_sub(3))? {
        Some(value) => sw.own_attribute(&own, value.as_value()),
        None => sw.refuse_span(too_deep(sw.w)),
    }
    Ok(())
}
