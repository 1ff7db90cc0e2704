//! Logs as log records (<https://develop.sentry.dev/sdk/telemetry/logs/>).

use super::parts::{list, shown, text, time_ns};
use crate::records::{RecordWriter, Refused};
use model::record::{AttributesBuf, Record, Severity, SpanId, TraceId, Value};
use serde_json::Value as Json;

/// Attributes that are labels of the stream, and what these are called.
const LABELS: [(&str, &str); 6] = [
    ("service.name", "service.name"),
    ("sentry.release", "service.version"),
    ("sentry.environment", "deployment.environment.name"),
    ("server.address", "host.name"),
    ("host.name", "host.name"),
    ("sentry.sdk.name", "telemetry.sdk.name"),
];

/// Writes the records of an item.
pub(super) fn records(v: &Json, service: &str, drift_ns: i64, w: &mut RecordWriter) -> Result<(), String> {
    for item in list(v, "items") {
        let done = record(item, service, drift_ns, w);
        w.settle(done).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn record(v: &Json, service: &str, drift_ns: i64, w: &mut RecordWriter) -> Result<(), Refused> {
    let mut labels: Vec<(&str, String)> = Vec::new();
    let mut attributes = AttributesBuf::new();
    let mut count = 0;
    let mut span_id = SpanId::NONE;
    if let Some(Json::Object(all)) = v.get("attributes") {
        for (name, attribute) in all {
            let value = attribute.get("value").unwrap_or(attribute);
            if let Some((_, label)) = LABELS.iter().find(|(n, _)| n == name) {
                labels.retain(|(n, _)| n != label);
                labels.push((label, shown(value)));
                continue;
            }
            if name == "sentry.trace.parent_span_id" {
                span_id = SpanId::from_hex(&shown(value)).unwrap_or_default();
                continue;
            }
            crate::records::check_name(name, w.limits())?;
            count += 1;
            put(&mut attributes, name, value);
        }
    }
    if !labels.iter().any(|(n, _)| *n == "service.name") {
        labels.push(("service.name", service.to_owned()));
    }
    labels.retain(|(_, value)| !value.is_empty());
    let pairs: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let key: Vec<u8> = pairs
        .iter()
        .flat_map(|(n, v)| [n.as_bytes(), b"\0", v.as_bytes(), b"\0"])
        .flatten()
        .copied()
        .collect();
    let stream = match w.known(&key) {
        Some(stream) => stream,
        None => w.stream(&key, &pairs)?,
    };
    let number = v.get("severity_number").and_then(Json::as_u64).and_then(|n| u8::try_from(n).ok());
    let body = text(v, "body");
    let record = Record {
        severity: number.map_or_else(|| Severity::from_text(&text(v, "level")), Severity::from_number),
        trace_id: TraceId::from_hex(&text(v, "trace_id")).unwrap_or_default(),
        span_id,
        body: Value::String(&body),
        attributes: attributes.as_attributes(),
        ..Record::line(
            match time_ns(v, "timestamp") {
                0 => w.now_ns(),
                at => at.saturating_add(drift_ns),
            },
            "",
        )
    };
    w.push(stream, &record, count)
}

fn put(out: &mut AttributesBuf, name: &str, value: &Json) {
    match value {
        Json::Bool(b) => out.push(name, Value::Bool(*b)),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => out.push(name, Value::Int(i)),
            (None, Some(f)) => out.push(name, Value::Float(f)),
            _ => {}
        },
        Json::String(s) => out.push(name, Value::String(s)),
        Json::Null => {}
        other => out.push(name, Value::String(&other.to_string())),
    }
}
