//! Spans as Jaeger and Zipkin have them: what OpenTelemetry says in fields, said in tags again.

use model::record::Value;
use model::record::span::{Span, SpanKind, SpanStatus};

/// Every tag of a span: its attributes, and what else there is in tags' words. `kind` says whether the kind is one.
pub fn of_span<'a>(span: &Span<'a>, kind: bool, each: &mut dyn FnMut(&str, Value<'_>)) {
    span.attributes().for_each(|(name, value)| each(name, value));
    if kind && span.kind != SpanKind::Unspecified {
        each("span.kind", Value::String(span.kind.text()));
    }
    let texts = [
        ("otel.scope.name", span.scope_name),
        ("otel.scope.version", span.scope_version),
        ("w3c.tracestate", span.trace_state),
        ("otel.status_description", span.status_message),
    ];
    for (name, text) in texts {
        if !text.is_empty() {
            each(name, Value::String(text));
        }
    }
    span.scope().for_each(|(name, value)| each(name, value));
    match span.status {
        SpanStatus::Unset => {}
        SpanStatus::Ok => each("otel.status_code", Value::String("OK")),
        SpanStatus::Error => {
            each("otel.status_code", Value::String("ERROR"));
            each("error", Value::Bool(true));
        }
    }
}
