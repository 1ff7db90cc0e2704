//! Jaeger: batches in Thrift (over UDP as calls of the agent, over HTTP bare), and in protocol buffers (gRPC).
//!
//! Process tags are attributes of the resource (`hostname` is `host.name`), logs are events with their field `event` as
//! name, references beyond the parent are links with `opentracing.ref_type`. Tags that OpenTelemetry has a place for
//! are put there: `span.kind`, `error`, `otel.status_code`, `otel.scope.name` and their like.

mod protobuf;
mod thrift;

pub use protobuf::protobuf;
pub use thrift::{batch, datagram_binary, datagram_compact};

use super::tags;
use super::writer::{Fields, SpanWriter};
use crate::error::DecodeError;
use model::record::{SpanId, TraceId, Value};
use std::borrow::Cow;

/// What the decoders of both encodings know of a span besides its tags and logs.
#[derive(Default)]
struct Span<'a> {
    fields: Fields<'a>,
    refs: Vec<Ref>,
}

/// A reference to another span.
struct Ref {
    trace_id: TraceId,
    span_id: SpanId,
    follows: bool,
}

/// References of one span; what is beyond is left out and counted.
const REFS_MAX: usize = 1024;

impl Span<'_> {
    fn refer(&mut self, to: Ref) {
        if self.refs.len() < REFS_MAX {
            self.refs.push(to);
        } else {
            self.fields.dropped[2] += 1;
        }
    }
}

/// Ends a span: the first reference to a parent in its trace is its parent, all others are links.
fn end_span(sw: &mut SpanWriter<'_>, mut span: Span<'_>) -> Result<(), DecodeError> {
    let own = span.fields.trace_id;
    if span.fields.parent_id.is_none() {
        let parents = |follows: bool| {
            span.refs.iter().find(move |r| r.trace_id == own && r.follows == follows).map(|r| r.span_id)
        };
        span.fields.parent_id = parents(false).or_else(|| parents(true)).unwrap_or_default();
    }
    for r in &span.refs {
        if r.trace_id == own && r.span_id == span.fields.parent_id {
            continue;
        }
        sw.own.clear();
        let kind = if r.follows { "follows_from" } else { "child_of" };
        sw.own_attribute("opentracing.ref_type", Value::String(kind));
        sw.link((r.trace_id, r.span_id), "", 0, 0);
    }
    // Jaeger's flags are sampling decisions of its own; bit 0 means the same to both.
    span.fields.flags &= 1;
    tags::end_span(sw, span.fields)
}

/// The field that names a log.
const EVENT: &str = "event";

/// Nanoseconds of microseconds; what is before 1970 is nothing.
fn ns_of_us(us: i64) -> u64 {
    u64::try_from(us).unwrap_or(0).saturating_mul(1000)
}

/// How long after the start of its span something was, in nanoseconds.
fn after(start_ns: u64, time_ns: u64) -> i64 {
    time_ns.wrapping_sub(start_ns) as i64
}

/// The value of a tag.
enum Tag<'a> {
    Null,
    Text(Cow<'a, str>),
    Float(f64),
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
}

impl Tag<'_> {
    fn as_value(&self) -> Value<'_> {
        match self {
            Tag::Null => Value::Null,
            Tag::Text(s) => Value::String(s),
            Tag::Float(x) => Value::Float(*x),
            Tag::Bool(b) => Value::Bool(*b),
            Tag::Int(i) => Value::Int(*i),
            Tag::Bytes(b) => Value::Bytes(b),
        }
    }
}
