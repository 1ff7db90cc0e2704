//! Tags of OpenTracing and Zipkin that say what OpenTelemetry says elsewhere
//! (<https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/>, `…/zipkin/`).

use super::writer::{Fields, SpanWriter};
use model::record::Value;
use model::record::span::{SpanKind, SpanStatus, name};

/// Takes in one tag of a span.
pub(super) fn tag(sw: &mut SpanWriter<'_>, key: &str, value: Value<'_>) {
    match (key, value) {
        ("span.kind", Value::String(word)) => match SpanKind::from_text(word) {
            Some(kind) => sw.said.kind = Some(kind),
            None => sw.attribute(key, value),
        },
        ("error", Value::Bool(true) | Value::String("true" | "")) => error(sw),
        ("error", Value::Bool(false) | Value::String("false")) => sw.attribute(key, value),
        ("error", Value::String(what)) => {
            error(sw);
            if sw.said.message.is_empty() {
                sw.said.message.push_str(what);
            }
        }
        ("otel.status_code", Value::String(word)) => {
            let all = [SpanStatus::Unset, SpanStatus::Ok, SpanStatus::Error];
            match all.into_iter().find(|s| s.text().eq_ignore_ascii_case(word)) {
                Some(status) => (sw.said.status, sw.said.exact) = (Some(status), true),
                None => sw.attribute(key, value),
            }
        }
        ("otel.status_description", Value::String(text)) => {
            sw.said.message.clear();
            sw.said.message.push_str(text);
        }
        ("otel.scope.name" | "otel.library.name", Value::String(text)) => scope(sw, name::SCOPE_NAME, text),
        ("otel.scope.version" | "otel.library.version", Value::String(text)) => {
            scope(sw, name::SCOPE_VERSION, text);
        }
        ("w3c.tracestate", Value::String(text)) => {
            sw.said.trace_state.clear();
            sw.said.trace_state.push_str(text);
        }
        // How Jaeger's own libraries mark what a span was before.
        ("internal.span.format", _) => {}
        _ => sw.attribute(key, value),
    }
}

/// OpenTelemetry's exporters write scope and library alike; one of them is enough.
fn scope(sw: &mut SpanWriter<'_>, stored: &str, text: &str) {
    let there = match stored {
        name::SCOPE_NAME => &mut sw.scoped.0,
        _ => &mut sw.scoped.1,
    };
    if !std::mem::replace(there, true) {
        sw.scope_text(stored, text);
    }
}

fn error(sw: &mut SpanWriter<'_>) {
    if !sw.said.exact {
        sw.said.status = Some(SpanStatus::Error);
    }
}

/// Ends a span with what its tags said.
pub(super) fn end_span(sw: &mut SpanWriter<'_>, fields: Fields<'_>) -> Result<(), crate::DecodeError> {
    let said = std::mem::take(&mut sw.said);
    let done = sw.end_span(&Fields {
        kind: said.kind.unwrap_or(fields.kind),
        status: said.status.unwrap_or(fields.status),
        status_message: &said.message,
        trace_state: &said.trace_state,
        ..fields
    });
    sw.said = said;
    done
}

/// The attributes of a resource as tags.
pub(super) fn process_tag(sw: &mut SpanWriter<'_>, key: &str, value: Value<'_>) {
    match key {
        // The service is named beside the tags.
        name::SERVICE => {}
        "hostname" => sw.resource_attribute("host.name", value),
        _ => sw.resource_attribute(key, value),
    }
}
