//! A trace in OTLP's messages, in JSON as Tempo writes it and in protocol buffers.

use super::value;
use crate::http::json::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::record::span::{Span, SpanKind, SpanStatus, name};
use model::record::{Attributes, Value};
use traces::Trace;

/// Spans with what they have in common.
struct Batch<'t> {
    /// The first of them, for its resource and scope.
    first: Span<'t>,
    scopes: Vec<(Span<'t>, Vec<Span<'t>>)>,
}

/// The spans of a trace by resource and scope, in the order of the trace; those that `keep` says by place.
fn batches<'t>(trace: &'t Trace, keep: &dyn Fn(usize) -> bool) -> Vec<Batch<'t>> {
    let mut out: Vec<(Vec<u8>, Batch<'t>)> = Vec::new();
    for (at, owned) in trace.spans.iter().enumerate().filter(|(at, _)| keep(*at)) {
        let mut span = owned.span();
        // Of two spans with one id one has another here, so that each has its place.
        let node = &trace.nodes[at];
        if node.id != span.span_id {
            span.span_id = node.id;
        }
        if let Some(parent) = node.parent {
            span.parent_id = trace.nodes[parent].id;
        }
        let resource = resource_key(&span);
        let batch = match out.iter_mut().find(|(key, _)| *key == resource) {
            Some((_, batch)) => batch,
            None => {
                out.push((resource, Batch { first: span, scopes: Vec::new() }));
                &mut out.last_mut().expect("it was pushed").1
            }
        };
        let same = |s: &Span<'_>| {
            s.scope_name == span.scope_name
                && s.scope_version == span.scope_version
                && s.scope().eq(span.scope())
        };
        match batch.scopes.iter_mut().find(|(first, _)| same(first)) {
            Some((_, spans)) => spans.push(span),
            None => batch.scopes.push((span, vec![span])),
        }
    }
    out.into_iter().map(|(_, batch)| batch).collect()
}

fn resource_key(span: &Span<'_>) -> Vec<u8> {
    let mut key = span.labels.key().to_vec();
    for (name, value) in span.resource().skip(span.labels.len()) {
        key.extend_from_slice(name.as_bytes());
        value.encode(&mut key);
    }
    key
}

/// The resource as it was sent: a service that nobody named is not in it.
fn resource<'t>(span: &Span<'t>) -> impl Iterator<Item = (&'t str, Value<'t>)> {
    let unnamed =
        |(n, v): &(&str, Value<'_>)| *n == name::SERVICE && *v == Value::String(name::SERVICE_UNKNOWN);
    span.resource().filter(move |pair| !unnamed(pair))
}

/// `[{"resource":…,"scopeSpans":[…]}]`
pub fn json(j: &mut Json, trace: &Trace, keep: &dyn Fn(usize) -> bool) {
    j.list(batches(trace, keep), |j, batch| {
        j.raw("{").key("resource").raw("{").key("attributes");
        j.list(resource(&batch.first), |j, (n, v)| value::attribute(j, n, v));
        j.raw("}").key("scopeSpans").list(batch.scopes, |j, (first, spans)| {
            j.raw("{").key("scope").raw("{").key("name").string(first.scope_name);
            if !first.scope_version.is_empty() {
                j.key("version").string(first.scope_version);
            }
            let mut attributes = first.scope().peekable();
            if attributes.peek().is_some() {
                j.key("attributes").list(attributes, |j, (n, v)| value::attribute(j, n, v));
            }
            j.raw("}").key("spans").list(spans, |j, s| span_json(j, &s)).raw("}");
        });
        j.raw("}");
    });
}

fn span_json(j: &mut Json, span: &Span<'_>) {
    j.raw("{").key("traceId").string(&STANDARD.encode(span.trace_id.0));
    j.key("spanId").string(&STANDARD.encode(span.span_id.0));
    if !span.parent_id.is_none() {
        j.key("parentSpanId").string(&STANDARD.encode(span.parent_id.0));
    }
    if !span.trace_state.is_empty() {
        j.key("traceState").string(span.trace_state);
    }
    j.key("name").string(span.name).key("kind").string(match span.kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    });
    j.key("startTimeUnixNano").string(&span.start_ns.to_string());
    j.key("endTimeUnixNano").string(&span.end_ns().to_string());
    pairs(j, span.attributes());
    dropped(j, "droppedAttributesCount", span.dropped[0]);
    let mut events = span.events().peekable();
    if events.peek().is_some() {
        j.key("events").list(events, |j, e| {
            j.raw("{").key("timeUnixNano").string(&e.time_ns.to_string()).key("name").string(e.name);
            pairs(j, e.attributes.iter());
            dropped(j, "droppedAttributesCount", e.dropped);
            j.raw("}");
        });
    }
    dropped(j, "droppedEventsCount", span.dropped[1]);
    let mut links = span.links().peekable();
    if links.peek().is_some() {
        j.key("links").list(links, |j, l| {
            j.raw("{").key("traceId").string(&STANDARD.encode(l.trace_id.0));
            j.key("spanId").string(&STANDARD.encode(l.span_id.0));
            if !l.trace_state.is_empty() {
                j.key("traceState").string(l.trace_state);
            }
            pairs(j, l.attributes.iter());
            dropped(j, "droppedAttributesCount", l.dropped);
            j.raw("}");
        });
    }
    dropped(j, "droppedLinksCount", span.dropped[2]);
    j.key("status").raw("{");
    if !span.status_message.is_empty() {
        j.key("message").string(span.status_message);
    }
    match span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => drop(j.key("code").string("STATUS_CODE_OK")),
        SpanStatus::Error => drop(j.key("code").string("STATUS_CODE_ERROR")),
    }
    j.raw("}}");
}

fn pairs<'t>(j: &mut Json, pairs: impl Iterator<Item = (&'t str, Value<'t>)>) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_some() {
        j.key("attributes").list(pairs, |j, (n, v)| value::attribute(j, n, v));
    }
}

fn dropped(j: &mut Json, name: &str, count: u32) {
    if count > 0 {
        j.key(name).int(i64::from(count));
    }
}

/// Fields `resource_spans` of number 1, one for each resource: what `TracesData` and Tempo's `Trace` are.
pub fn protobuf(trace: &Trace, keep: &dyn Fn(usize) -> bool) -> Vec<u8> {
    let mut out = Message::default();
    for batch in batches(trace, keep) {
        let mut resource_message = Message::default();
        resource(&batch.first).for_each(|(n, v)| resource_message.message(1, &key_value(n, v)));
        let mut spans_of_resource = Message::default();
        spans_of_resource.message(1, &resource_message);
        for (first, spans) in &batch.scopes {
            let mut scope = Message::default();
            scope.text(1, first.scope_name);
            scope.text(2, first.scope_version);
            first.scope().for_each(|(n, v)| scope.message(3, &key_value(n, v)));
            let mut spans_of_scope = Message::default();
            spans_of_scope.message(1, &scope);
            spans.iter().for_each(|s| spans_of_scope.message(2, &span_message(s)));
            spans_of_resource.message(2, &spans_of_scope);
        }
        out.message(1, &spans_of_resource);
    }
    out.0
}

/// A message with one field that holds another.
pub fn within(number: u32, bytes: &[u8]) -> Message {
    let mut out = Message::default();
    out.bytes(number, bytes);
    out
}

fn span_message(span: &Span<'_>) -> Message {
    let mut m = Message::default();
    m.bytes(1, &span.trace_id.0);
    m.bytes(2, &span.span_id.0);
    m.text(3, span.trace_state);
    if !span.parent_id.is_none() {
        m.bytes(4, &span.parent_id.0);
    }
    m.text(5, span.name);
    m.number(6, span.kind.number() as u64);
    m.fixed64(7, span.start_ns as u64);
    m.fixed64(8, span.end_ns() as u64);
    span.attributes().for_each(|(n, v)| m.message(9, &key_value(n, v)));
    m.number(10, u64::from(span.dropped[0]));
    for event in span.events() {
        let mut e = Message::default();
        e.fixed64(1, event.time_ns as u64);
        e.text(2, event.name);
        with_pairs(&mut e, 3, event.attributes);
        e.number(4, u64::from(event.dropped));
        m.message(11, &e);
    }
    m.number(12, u64::from(span.dropped[1]));
    for link in span.links() {
        let mut l = Message::default();
        l.bytes(1, &link.trace_id.0);
        l.bytes(2, &link.span_id.0);
        l.text(3, link.trace_state);
        with_pairs(&mut l, 4, link.attributes);
        l.number(5, u64::from(link.dropped));
        if link.flags != 0 {
            l.fixed32(6, link.flags);
        }
        m.message(13, &l);
    }
    m.number(14, u64::from(span.dropped[2]));
    let mut status = Message::default();
    status.text(2, span.status_message);
    status.number(3, span.status.number() as u64);
    m.message(15, &status);
    if span.flags != 0 {
        m.fixed32(16, span.flags);
    }
    m
}

fn with_pairs(m: &mut Message, number: u32, attributes: Attributes<'_>) {
    attributes.iter().for_each(|(n, v)| m.message(number, &key_value(n, v)));
}

fn key_value(name: &str, value: Value<'_>) -> Message {
    let mut m = Message::default();
    m.text(1, name);
    m.message(2, &any_value(value));
    m
}

/// Values nest a bounded number of times, see `model`.
fn any_value(value: Value<'_>) -> Message {
    let mut m = Message::default();
    match value {
        Value::Null => {}
        Value::String(s) => m.bytes(1, s.as_bytes()),
        Value::Bool(b) => m.varint_field(2, u64::from(b)),
        Value::Int(i) => m.varint_field(3, i as u64),
        Value::Float(f) => m.fixed64(4, f.to_bits()),
        Value::List(items) => {
            let mut list = Message::default();
            items.iter().for_each(|v| list.message(1, &any_value(v)));
            m.message(5, &list);
        }
        Value::Map(pairs) => {
            let mut list = Message::default();
            with_pairs(&mut list, 1, pairs);
            m.message(6, &list);
        }
        Value::Bytes(b) => m.bytes(7, b),
    }
    m
}

/// A message of protocol buffers, written field by field.
#[derive(Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint_field(&mut self, number: u32, value: u64) {
        self.varint(u64::from(number) << 3);
        self.varint(value);
    }

    /// A number; zero is the default and left out.
    pub fn number(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.varint_field(number, value);
        }
    }

    fn fixed64(&mut self, number: u32, value: u64) {
        self.varint(u64::from(number) << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn fixed32(&mut self, number: u32, value: u32) {
        self.varint(u64::from(number) << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A text; an empty one is the default and left out.
    pub fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    fn message(&mut self, number: u32, message: &Message) {
        self.bytes(number, &message.0);
    }
}
