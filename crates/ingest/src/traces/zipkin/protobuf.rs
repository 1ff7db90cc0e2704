//! `zipkin.proto3.ListOfSpans`.

use super::super::tags;
use super::super::writer::{Fields, SpanWriter};
use super::{Endpoint, end_span};
use crate::error::DecodeError;
use crate::records::RecordWriter;
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, WireError};
use model::record::span::SpanKind;
use model::record::{SpanId, TraceId, Value};
use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

const WHAT: &str = "Zipkin spans";

fn wrong(e: WireError) -> DecodeError {
    e.within(WHAT)
}

/// Appends a list of spans.
pub fn protobuf(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut sw = SpanWriter::new(w);
    let mut r = Reader::new(body, 0);
    while let Some((field, wire)) = r.tag().map_err(wrong)? {
        match (field, wire) {
            (1, LEN) => span(&mut sw, r.message().map_err(wrong)?)?,
            (1, w) => return Err(wrong(r.error(format!("field 1 of a list has wire type {w}")))),
            _ => r.skip(wire).map_err(wrong)?,
        }
    }
    Ok(())
}

/// An endpoint as read.
#[derive(Default)]
struct Read<'a> {
    service: Cow<'a, str>,
    ip: String,
    port: i64,
}

impl Read<'_> {
    fn endpoint(&self) -> Endpoint<'_> {
        Endpoint { service: &self.service, ip: &self.ip, port: self.port }
    }
}

fn endpoint(mut r: Reader<'_>) -> Wire<Read<'_>> {
    let mut read = Read::default();
    let mut v6 = None;
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => read.service = String::from_utf8_lossy(r.bytes()?),
            (2, LEN) => {
                if let Ok(ip) = <[u8; 4]>::try_from(r.bytes()?) {
                    read.ip = Ipv4Addr::from(ip).to_string();
                }
            }
            (3, LEN) => v6 = <[u8; 16]>::try_from(r.bytes()?).ok(),
            (4, VARINT) => read.port = i64::try_from(r.varint()?).unwrap_or(0),
            _ => r.skip(wire)?,
        }
    }
    if let (true, Some(ip)) = (read.ip.is_empty(), v6) {
        read.ip = Ipv6Addr::from(ip).to_string();
    }
    Ok(read)
}

fn span(sw: &mut SpanWriter<'_>, whole: Reader<'_>) -> Result<(), DecodeError> {
    let [local, remote] = endpoints(whole.clone()).map_err(wrong)?;
    local.endpoint().begin(sw)?;
    if sw.refuses(1) {
        return Ok(());
    }
    sw.begin_span();
    let (mut fields, mut name, mut shared) = (Fields::default(), Cow::Borrowed(""), false);
    read_span(sw, whole, &mut fields, &mut name, &mut shared).map_err(wrong)?;
    end_span(sw, Fields { name: &name, ..fields }, &remote.endpoint(), shared)
}

fn endpoints(mut r: Reader<'_>) -> Wire<[Read<'_>; 2]> {
    let mut both = [Read::default(), Read::default()];
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (8, LEN) => both[0] = endpoint(r.message()?)?,
            (9, LEN) => both[1] = endpoint(r.message()?)?,
            _ => r.skip(wire)?,
        }
    }
    Ok(both)
}

fn read_span<'a>(
    sw: &mut SpanWriter<'_>,
    whole: Reader<'a>,
    f: &mut Fields<'_>,
    name: &mut Cow<'a, str>,
    shared: &mut bool,
) -> Wire<()> {
    let mut r = whole.clone();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => f.trace_id = trace_id(r.bytes()?),
            (2, LEN) => f.parent_id = r.bytes()?.try_into().map(SpanId).unwrap_or_default(),
            (3, LEN) => f.span_id = r.bytes()?.try_into().map(SpanId).unwrap_or_default(),
            (4, VARINT) => f.kind = kind(r.varint()?),
            (5, LEN) => *name = String::from_utf8_lossy(r.bytes()?),
            (6, FIXED64) => f.start_ns = r.fixed64()?.saturating_mul(1000),
            (7, VARINT) => f.duration_ns = r.varint()?.saturating_mul(1000),
            (11, LEN) => {
                let (key, value) = pair(r.message()?)?;
                tags::tag(sw, &key, Value::String(&value));
            }
            (13, VARINT) => *shared = r.varint()? != 0,
            (1..=7 | 11 | 13, w) => return Err(r.error(format!("field {field} of a span has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    f.start_ns = sw.start_ns(f.start_ns, f.duration_ns);
    let mut r = whole;
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (10, LEN) => annotation(sw, r.message()?, f.start_ns)?,
            _ => r.skip(wire)?,
        }
    }
    Ok(())
}

fn trace_id(bytes: &[u8]) -> TraceId {
    match bytes.len() {
        16 => bytes.try_into().map(TraceId).unwrap_or_default(),
        8 => {
            let mut id = TraceId::NONE;
            id.0[8..].copy_from_slice(bytes);
            id
        }
        _ => TraceId::NONE,
    }
}

fn kind(number: u64) -> SpanKind {
    match number {
        1 => SpanKind::Client,
        2 => SpanKind::Server,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

/// An entry of a map of texts.
fn pair(mut r: Reader<'_>) -> Wire<(Cow<'_, str>, Cow<'_, str>)> {
    let mut both = (Cow::Borrowed(""), Cow::Borrowed(""));
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => both.0 = String::from_utf8_lossy(r.bytes()?),
            (2, LEN) => both.1 = String::from_utf8_lossy(r.bytes()?),
            _ => r.skip(wire)?,
        }
    }
    Ok(both)
}

fn annotation(sw: &mut SpanWriter<'_>, mut r: Reader<'_>, start_ns: u64) -> Wire<()> {
    let (mut time_ns, mut value) = (start_ns, Cow::Borrowed(""));
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, FIXED64) => time_ns = r.fixed64()?.saturating_mul(1000),
            (2, LEN) => value = String::from_utf8_lossy(r.bytes()?),
            _ => r.skip(wire)?,
        }
    }
    sw.own.clear();
    sw.event(time_ns.wrapping_sub(start_ns) as i64, &value, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{spans, writer};
    use super::*;
    use crate::wire::{put_bytes, put_message, put_number, put_tag};

    #[test]
    fn lists() {
        let mut body = Vec::new();
        for (id, kind) in [(1u8, 1), (2, 2), (3, 9)] {
            put_message(&mut body, 1, |out| {
                put_bytes(out, 1, &[7; 16]);
                put_bytes(out, 2, &[9; 8]);
                put_bytes(out, 3, &[id; 8]);
                put_number(out, 4, kind);
                put_bytes(out, 5, b"get");
                put_tag(out, 6, FIXED64);
                out.extend_from_slice(&1_700_000_000_000_000u64.to_le_bytes());
                put_number(out, 7, 1500);
                put_message(out, 8, |out| {
                    put_bytes(out, 1, b"shop");
                    put_bytes(out, 2, &[10, 0, 0, 1]);
                });
                put_message(out, 9, |out| {
                    put_bytes(out, 3, &Ipv6Addr::LOCALHOST.octets());
                    put_number(out, 4, 5432);
                });
                put_message(out, 10, |out| put_bytes(out, 2, b"retry"));
                put_message(out, 11, |out| {
                    put_bytes(out, 1, b"error");
                    put_bytes(out, 2, b"gone");
                });
                put_number(out, 13, u64::from(id == 2));
            });
        }
        let mut w = writer();
        protobuf(&body, &mut w).unwrap();
        insta::assert_snapshot!(spans(w));
    }
}
