//! `jaeger.thrift`.

use super::super::tags;
use super::super::thrift::{Kind, Place, Protocol, Reader, Thrift, ThriftError};
use super::super::writer::SpanWriter;
use super::{EVENT, Ref, Span, Tag, after, end_span, ns_of_us};
use crate::error::DecodeError;
use crate::records::RecordWriter;
use model::record::span::name;
use model::record::{SpanId, TraceId, Value};
use std::borrow::Cow;

const WHAT: &str = "Jaeger batch";

fn wrong(e: ThriftError) -> DecodeError {
    DecodeError::Malformed { what: WHAT, at: e.at, reason: e.reason }
}

/// Appends a datagram of the agent's port 6831.
pub fn datagram_compact(bytes: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    call(Reader::new(Protocol::Compact, bytes), w)
}

/// Appends a datagram of the agent's port 6832.
pub fn datagram_binary(bytes: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    call(Reader::new(Protocol::Binary, bytes), w)
}

/// Appends a batch as it is sent over HTTP: the binary protocol, not as a call.
pub fn batch(bytes: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    read_batch(Reader::new(Protocol::Binary, bytes), w)
}

fn call(mut r: Reader<'_>, w: &mut RecordWriter) -> Result<(), DecodeError> {
    let (name, _) = r.message().map_err(wrong)?;
    if name != "emitBatch" {
        let found = crate::error::quote(name.as_bytes());
        return Err(DecodeError::Unsupported(format!(
            "the call {found} is not taken from Jaeger's libraries; emitBatch is"
        )));
    }
    let mut place = Place::default();
    while let Some((id, kind)) = r.field(&mut place).map_err(wrong)? {
        if (id, kind) == (1, Kind::Struct) {
            read_batch(r.clone(), w)?;
        }
        r.skip(kind).map_err(wrong)?;
    }
    Ok(())
}

fn read_batch(whole: Reader<'_>, w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut sw = SpanWriter::new(w);
    sw.begin_resource();
    let (mut r, mut place) = (whole.clone(), Place::default());
    while let Some((id, kind)) = r.field(&mut place).map_err(wrong)? {
        match (id, kind) {
            (1, Kind::Struct) => process(&mut sw, &mut r).map_err(wrong)?,
            _ => r.skip(kind).map_err(wrong)?,
        }
    }
    sw.end_resource()?;
    let (mut r, mut place) = (whole, Place::default());
    while let Some((id, kind)) = r.field(&mut place).map_err(wrong)? {
        if id != 2 {
            r.skip(kind).map_err(wrong)?;
            continue;
        }
        let mut done = Ok(());
        r.structs(kind, |r| {
            if sw.refuses(1) || done.is_err() {
                return r.skip(Kind::Struct);
            }
            done = span(&mut sw, r)?;
            Ok(())
        })
        .map_err(wrong)?;
        done?;
    }
    Ok(())
}

fn process(sw: &mut SpanWriter<'_>, r: &mut Reader<'_>) -> Thrift<()> {
    let mut place = Place::default();
    while let Some((id, kind)) = r.field(&mut place)? {
        match (id, kind) {
            (1, Kind::Binary) => {
                let service = String::from_utf8_lossy(r.binary()?);
                sw.resource_attribute(name::SERVICE, Value::String(&service));
            }
            (2, kind) => r.structs(kind, |r| {
                let (key, value) = tag(r)?;
                tags::process_tag(sw, &key, value.as_value());
                Ok(())
            })?,
            _ => r.skip(kind)?,
        }
    }
    Ok(())
}

fn span(sw: &mut SpanWriter<'_>, r: &mut Reader<'_>) -> Thrift<Result<(), DecodeError>> {
    sw.begin_span();
    let (mut span, mut place) = (Span::default(), Place::default());
    let (mut low, mut high) = (0i64, 0i64);
    let mut operation = Cow::Borrowed("");
    let mut logs = None;
    while let Some((id, kind)) = r.field(&mut place)? {
        let f = &mut span.fields;
        match (id, kind) {
            (1, Kind::I64) => low = r.i64()?,
            (2, Kind::I64) => high = r.i64()?,
            (3, Kind::I64) => f.span_id = span_id(r.i64()?),
            (4, Kind::I64) => f.parent_id = span_id(r.i64()?),
            (5, Kind::Binary) => operation = String::from_utf8_lossy(r.binary()?),
            (6, Kind::List) => r.structs(kind, |r| {
                span.refer(reference(r)?);
                Ok(())
            })?,
            (7, Kind::I32) => f.flags = r.i32()? as u32,
            (8, Kind::I64) => f.start_ns = ns_of_us(r.i64()?),
            (9, Kind::I64) => f.duration_ns = ns_of_us(r.i64()?),
            (10, Kind::List) => r.structs(kind, |r| {
                let (key, value) = tag(r)?;
                tags::tag(sw, &key, value.as_value());
                Ok(())
            })?,
            (11, Kind::List) => {
                // Read once the start is known.
                logs = Some(r.clone());
                r.skip(kind)?;
            }
            _ => r.skip(kind)?,
        }
    }
    span.fields.start_ns = sw.start_ns(span.fields.start_ns, span.fields.duration_ns);
    if let Some(mut logs) = logs {
        logs.structs(Kind::List, |r| log(sw, r, span.fields.start_ns))?;
    }
    span.fields.trace_id = trace_id(high, low);
    span.fields.name = &operation;
    Ok(end_span(sw, span))
}

fn trace_id(high: i64, low: i64) -> TraceId {
    TraceId((u128::from(high as u64) << 64 | u128::from(low as u64)).to_be_bytes())
}

fn span_id(id: i64) -> SpanId {
    SpanId(id.to_be_bytes())
}

fn reference(r: &mut Reader<'_>) -> Thrift<Ref> {
    let (mut low, mut high, mut id_of, mut follows, mut place) = (0, 0, 0, false, Place::default());
    while let Some((id, kind)) = r.field(&mut place)? {
        match (id, kind) {
            (1, Kind::I32) => follows = r.i32()? == 1,
            (2, Kind::I64) => low = r.i64()?,
            (3, Kind::I64) => high = r.i64()?,
            (4, Kind::I64) => id_of = r.i64()?,
            _ => r.skip(kind)?,
        }
    }
    Ok(Ref { trace_id: trace_id(high, low), span_id: span_id(id_of), follows })
}

fn log(sw: &mut SpanWriter<'_>, r: &mut Reader<'_>, start_ns: u64) -> Thrift<()> {
    let (mut time_ns, mut event, mut place) = (start_ns, String::new(), Place::default());
    sw.own.clear();
    while let Some((id, kind)) = r.field(&mut place)? {
        match (id, kind) {
            (1, Kind::I64) => time_ns = ns_of_us(r.i64()?),
            (2, Kind::List) => r.structs(kind, |r| {
                match tag(r)? {
                    (key, Tag::Text(text)) if key == EVENT && event.is_empty() => event = text.into_owned(),
                    (key, value) => sw.own_attribute(&key, value.as_value()),
                }
                Ok(())
            })?,
            _ => r.skip(kind)?,
        }
    }
    sw.event(after(start_ns, time_ns), &event, 0);
    Ok(())
}

/// A tag: the value is the one its type says, wherever it stands.
fn tag<'a>(r: &mut Reader<'a>) -> Thrift<(Cow<'a, str>, Tag<'a>)> {
    let mut place = Place::default();
    let (mut key, mut of) = (Cow::Borrowed(""), 0);
    let (mut text, mut float, mut truth, mut int, mut bytes) = (Cow::Borrowed(""), 0.0, false, 0, &[][..]);
    while let Some((id, kind)) = r.field(&mut place)? {
        match (id, kind) {
            (1, Kind::Binary) => key = String::from_utf8_lossy(r.binary()?),
            (2, Kind::I32) => of = r.i32()?,
            (3, Kind::Binary) => text = String::from_utf8_lossy(r.binary()?),
            (4, Kind::Double) => float = r.double()?,
            (5, Kind::Stated(_) | Kind::Bool) => truth = r.bool(kind)?,
            (6, Kind::I64) => int = r.i64()?,
            (7, Kind::Binary) => bytes = r.binary()?,
            _ => r.skip(kind)?,
        }
    }
    let value = match of {
        0 => Tag::Text(text),
        1 => Tag::Float(float),
        2 => Tag::Bool(truth),
        3 => Tag::Int(int),
        4 => Tag::Bytes(bytes),
        _ => Tag::Null,
    };
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{T, spans, writer};
    use super::*;
    use proptest::prelude::*;

    fn tag(key: &'static str, number: i16, value: T) -> T {
        let kind = [0, 1, 2, 3, 4][number as usize - 3];
        T::Struct(vec![(1, T::Text(key)), (2, T::I32(kind)), (number, value)])
    }

    fn reference(kind: i32, high: i64, span: i64) -> T {
        T::Struct(vec![(1, T::I32(kind)), (2, T::I64(1)), (3, T::I64(high)), (4, T::I64(span))])
    }

    fn batch_of(more: Vec<(i16, T)>) -> T {
        let tags = vec![
            tag("span.kind", 3, T::Text("server")),
            tag("error", 5, T::Bool(true)),
            tag("http.status_code", 6, T::I64(500)),
            tag("ratio", 4, T::F64(0.5)),
            tag("sampled", 5, T::Bool(false)),
            tag("raw", 7, T::Text("\u{1}\u{2}")),
            tag("otel.status_description", 3, T::Text("gone wrong")),
            tag("otel.library.name", 3, T::Text("lib")),
            tag("otel.scope.name", 3, T::Text("lib")),
            tag("w3c.tracestate", 3, T::Text("a=b")),
            tag("span:kind", 3, T::Text("mine")),
        ];
        let log = T::Struct(vec![
            (1, T::I64(1_700_000_000_000_123)),
            (2, T::Structs(vec![tag("event", 3, T::Text("retry")), tag("n", 6, T::I64(2))])),
        ]);
        let span = |id: i64, parent: i64, refs: Vec<T>| {
            vec![
                (1, T::I64(1)),
                (2, T::I64(-2)),
                (3, T::I64(id)),
                (4, T::I64(parent)),
                (5, T::Text("GET /")),
                (6, T::Structs(refs)),
                (7, T::I32(1)),
                (8, T::I64(1_700_000_000_000_000)),
                (9, T::I64(1500)),
            ]
        };
        let mut first = span(10, 9, vec![reference(0, -2, 9), reference(1, 7, 8)]);
        first.extend([(10, T::Structs(tags)), (11, T::Structs(vec![log]))]);
        let second = span(11, 0, vec![reference(1, -2, 10)]);
        let wrong = span(0, 0, vec![]);
        let mut fields = vec![(
            1,
            T::Struct(vec![
                (1, T::Text("shop")),
                (2, T::Structs(vec![tag("hostname", 3, T::Text("h1")), tag("pid", 6, T::I64(42))])),
            ]),
        )];
        fields.push((2, T::Structs(vec![T::Struct(first), T::Struct(second), T::Struct(wrong)])));
        fields.extend(more);
        T::Struct(fields)
    }

    #[test]
    fn batches_in_both_protocols() {
        let decode = |bytes: &[u8], with: fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>| {
            let mut w = writer();
            with(bytes, &mut w).unwrap();
            spans(w)
        };
        let unknown = || vec![(3, T::I64(7)), (40, T::Map(vec![(1, "x"), (2, "y")])), (41, T::Map(vec![]))];
        let plain = decode(&batch_of(unknown()).encode(Protocol::Binary), batch);
        let compact = batch_of(unknown()).call(Protocol::Compact, "emitBatch");
        assert_eq!(decode(&compact, datagram_compact), plain);
        let binary = batch_of(unknown()).call(Protocol::Binary, "emitBatch");
        assert_eq!(decode(&binary, datagram_binary), plain);
        insta::assert_snapshot!(plain);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut out = String::new();
        let good = batch_of(vec![]).encode(Protocol::Binary);
        for (what, bytes) in [
            ("nothing", &b""[..]),
            ("half", &good[..good.len() / 2]),
            ("a list without end", &[15, 0, 2, 12, 0x7f, 0xff, 0xff, 0xff]),
            ("spans that are numbers", &[15, 0, 2, 8, 0, 0, 0, 1, 0, 0, 0, 1, 0]),
            ("an unknown type", &[99, 0, 2]),
        ] {
            out += &format!("{what}: {}\n", batch(bytes, &mut writer()).unwrap_err());
        }
        let deep: Vec<u8> = (0..40).flat_map(|_| [12, 0, 9]).collect();
        out += &format!("deep: {}\n", batch(&deep, &mut writer()).unwrap_err());
        let other = batch_of(vec![]).call(Protocol::Compact, "emitZipkinBatch");
        out += &format!("another call: {}\n", datagram_compact(&other, &mut writer()).unwrap_err());
        out += &format!("no call: {}\n", datagram_compact(&good, &mut writer()).unwrap_err());
        insta::assert_snapshot!(out);
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(cut in 0usize..2000, at in 0usize..2000, byte in any::<u8>()) {
            for (protocol, decode) in [
                (Protocol::Compact, datagram_compact as fn(&[u8], &mut RecordWriter) -> _),
                (Protocol::Binary, datagram_binary),
            ] {
                let mut bytes = batch_of(vec![]).call(protocol, "emitBatch");
                let at = at % bytes.len();
                bytes[at] = byte;
                bytes.truncate(cut.max(1));
                let _ = decode(&bytes, &mut writer());
            }
        }
    }
}
