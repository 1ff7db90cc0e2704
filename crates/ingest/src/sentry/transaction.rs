//! Transactions, and spans sent one by one, as spans (<https://develop.sentry.dev/sdk/data-model/event-payloads/transaction/>).

use super::parts::{first, list, pairs, shown, text, time_ns};
use crate::records::RecordWriter;
use crate::traces::writer::{Fields, SpanWriter};
use model::record::span::{SpanKind, SpanStatus, name};
use model::record::{SpanId, TraceId, Value};
use serde_json::Value as Json;

/// Spans of one transaction.
const SPANS_MAX: usize = 5000;

/// Begins the resource of spans.
fn begin(sw: &mut SpanWriter<'_>, labels: &[(&str, String)]) -> Result<(), String> {
    sw.begin_resource();
    for (label, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        sw.resource_attribute(label, Value::String(value));
    }
    sw.end_resource().map_err(|e| e.to_string())?;
    sw.begin_scope();
    sw.end_scope();
    Ok(())
}

/// Attributes of spans sent one by one that are their resource's, and what these are called.
const RESOURCE: [(&str, &str); 7] = [
    ("service.name", name::SERVICE),
    ("sentry.release", "service.version"),
    ("sentry.environment", "deployment.environment.name"),
    ("server.address", "host.name"),
    ("host.name", "host.name"),
    ("sentry.sdk.name", "telemetry.sdk.name"),
    ("sentry.sdk.version", "telemetry.sdk.version"),
];

/// Writes spans that were sent one by one (<https://develop.sentry.dev/sdk/telemetry/spans/>).
pub(super) fn items(v: &Json, service: &str, drift_ns: i64, w: &mut RecordWriter) -> Result<(), String> {
    let mut sw = SpanWriter::new(w);
    for s in list(v, "items") {
        let attributes = s.get("attributes").and_then(Json::as_object);
        let value = |key: &str| {
            let found = attributes.and_then(|a| a.get(key));
            found.map(|a| shown(a.get("value").unwrap_or(a))).unwrap_or_default()
        };
        let mut labels: Vec<(&str, String)> = RESOURCE.map(|(from, to)| (to, value(from))).into();
        if labels[0].1.is_empty() {
            service.clone_into(&mut labels[0].1);
        }
        begin(&mut sw, &labels)?;
        if sw.refuses(1) {
            continue;
        }
        sw.begin_span();
        for (key, of) in attributes.into_iter().flatten() {
            if !RESOURCE.iter().any(|(from, _)| from == key) && key != "sentry.sdk.integrations" {
                attribute(&mut sw, key, of.get("value").unwrap_or(of));
            }
        }
        let times = (time_ns(s, "start_timestamp"), time_ns(s, "end_timestamp"));
        let duration_ns = times.1.saturating_sub(times.0).max(0).unsigned_abs();
        let start = u64::try_from(times.0.saturating_add(drift_ns)).unwrap_or(0);
        let named = text(s, "name");
        let fields = Fields {
            trace_id: TraceId::from_hex(&text(s, "trace_id")).unwrap_or_default(),
            span_id: SpanId::from_hex(&text(s, "span_id")).unwrap_or_default(),
            parent_id: SpanId::from_hex(&text(s, "parent_span_id")).unwrap_or_default(),
            name: &named,
            start_ns: sw.start_ns(if times.0 == 0 { 0 } else { start }, duration_ns),
            duration_ns,
            kind: kind(&value("sentry.op")),
            status: match text(s, "status").as_str() {
                "error" => SpanStatus::Error,
                "ok" => SpanStatus::Ok,
                _ => SpanStatus::Unset,
            },
            ..Fields::default()
        };
        sw.end_span(&fields).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Writes the spans of a transaction: itself and those below it. The service is that of one that names none.
pub(super) fn spans(v: &Json, unnamed: &str, drift_ns: i64, w: &mut RecordWriter) -> Result<(), String> {
    let Some(trace) = v.get("contexts").and_then(|c| c.get("trace")) else {
        return Err("a transaction without contexts.trace".to_owned());
    };
    let mut sw = SpanWriter::new(w);
    let labels = [
        (name::SERVICE, service(v).unwrap_or_else(|| unnamed.to_owned())),
        ("service.version", text(v, "release")),
        ("deployment.environment.name", text(v, "environment")),
        ("host.name", text(v, "server_name")),
        ("telemetry.sdk.name", v.get("sdk").map(|s| text(s, "name")).unwrap_or_default()),
    ];
    begin(&mut sw, &labels)?;
    let failed = |e: crate::DecodeError| e.to_string();
    let below = v.get("spans").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if sw.refuses(below.len() as u64 + 1) {
        return Ok(());
    }
    let times = (time_ns(v, "start_timestamp"), time_ns(v, "timestamp"));
    let root = Span { v: trace, times, drift_ns, named: text(v, "transaction"), tags: pairs(v, "tags") };
    root.write(&mut sw).map_err(failed)?;
    if below.len() > SPANS_MAX {
        sw.w.reject(
            (below.len() - SPANS_MAX) as u64,
            format_args!("a transaction of {} spans, over the limit of {SPANS_MAX}", below.len()),
        );
    }
    for s in below.iter().take(SPANS_MAX) {
        let times = (time_ns(s, "start_timestamp"), time_ns(s, "timestamp"));
        let named = first(s, &["description", "op"]);
        Span { v: s, times, drift_ns, named, tags: pairs(s, "tags") }.write(&mut sw).map_err(failed)?;
    }
    Ok(())
}

fn service(v: &Json) -> Option<String> {
    let otel = v.get("contexts").and_then(|c| c.get("otel")).and_then(|o| o.get("resource"));
    let of_otel = otel.map(|r| text(r, "service.name")).filter(|s| !s.is_empty());
    let tags = pairs(v, "tags");
    let of_tags = || tags.iter().find(|(n, _)| n == "service.name" || n == "service").map(|(_, v)| v.clone());
    of_otel.or_else(of_tags)
}

struct Span<'a> {
    v: &'a Json,
    times: (i64, i64),
    drift_ns: i64,
    named: String,
    tags: Vec<(String, String)>,
}

impl Span<'_> {
    fn write(&self, sw: &mut SpanWriter<'_>) -> Result<(), crate::DecodeError> {
        let v = self.v;
        sw.begin_span();
        let op = text(v, "op");
        let status = text(v, "status");
        let duration_ns = self.times.1.saturating_sub(self.times.0).max(0).unsigned_abs();
        let start = u64::try_from(self.times.0.saturating_add(self.drift_ns)).unwrap_or(0);
        for (attribute, value) in [("sentry.op", op.as_str()), ("sentry.status", &status)] {
            if !value.is_empty() {
                sw.attribute(attribute, Value::String(value));
            }
        }
        for (tag, value) in &self.tags {
            sw.attribute(tag, Value::String(value));
        }
        if let Some(Json::Object(data)) = v.get("data") {
            for (key, value) in data {
                attribute(sw, key, value);
            }
        }
        let fields = Fields {
            trace_id: TraceId::from_hex(&text(v, "trace_id")).unwrap_or_default(),
            span_id: SpanId::from_hex(&text(v, "span_id")).unwrap_or_default(),
            parent_id: SpanId::from_hex(&text(v, "parent_span_id")).unwrap_or_default(),
            name: &self.named,
            start_ns: sw.start_ns(if self.times.0 == 0 { 0 } else { start }, duration_ns),
            duration_ns,
            kind: kind(&op),
            status: match status.as_str() {
                "" | "unknown" => SpanStatus::Unset,
                "ok" | "cancelled" => SpanStatus::Ok,
                _ => SpanStatus::Error,
            },
            status_message: if matches!(status.as_str(), "" | "ok" | "unknown") { "" } else { &status },
            ..Fields::default()
        };
        sw.end_span(&fields)
    }
}

fn attribute(sw: &mut SpanWriter<'_>, key: &str, value: &Json) {
    match value {
        Json::String(s) => sw.attribute(key, Value::String(s)),
        Json::Bool(b) => sw.attribute(key, Value::Bool(*b)),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => sw.attribute(key, Value::Int(i)),
            (None, Some(f)) => sw.attribute(key, Value::Float(f)),
            _ => {}
        },
        Json::Null => {}
        other => sw.attribute(key, Value::String(&other.to_string())),
    }
}

/// What a span is to others, by the operation: `http.server`, `http.client`, `db.query`, `queue.publish`.
fn kind(op: &str) -> SpanKind {
    match op {
        "http.client" | "grpc.client" | "rpc.client" => SpanKind::Client,
        "queue.publish" | "queue.submit.celery" => SpanKind::Producer,
        "queue.process" | "queue.task.celery" | "queue.receive" => SpanKind::Consumer,
        op if op.ends_with(".server") => SpanKind::Server,
        op if op.starts_with("db") || op.starts_with("cache.") => SpanKind::Client,
        "" => SpanKind::Unspecified,
        _ => SpanKind::Internal,
    }
}
