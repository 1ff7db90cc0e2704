//! Transactions as spans (<https://develop.sentry.dev/sdk/data-model/event-payloads/transaction/>).

use super::parts::{first, pairs, text, time_ns};
use crate::records::RecordWriter;
use crate::traces::writer::{Fields, SpanWriter};
use model::record::span::{SpanKind, SpanStatus, name};
use model::record::{SpanId, TraceId, Value};
use serde_json::Value as Json;

/// Spans of one transaction.
const SPANS_MAX: usize = 5000;

/// Writes the spans of a transaction: itself and those below it.
pub(super) fn spans(v: &Json, head: &Json, drift_ns: i64, w: &mut RecordWriter) -> Result<(), String> {
    let Some(trace) = v.get("contexts").and_then(|c| c.get("trace")) else {
        return Err("a transaction without contexts.trace".to_owned());
    };
    let mut sw = SpanWriter::new(w);
    sw.begin_resource();
    let project = head.get("dsn").map(|_| text(head, "dsn")).unwrap_or_default();
    let service = service(v).or_else(|| {
        project.rsplit('/').next().filter(|p| !p.is_empty()).map(|p| format!("sentry-project-{p}"))
    });
    for (label, value) in [
        (name::SERVICE, service.unwrap_or_default()),
        ("service.version", text(v, "release")),
        ("deployment.environment.name", text(v, "environment")),
        ("host.name", text(v, "server_name")),
        ("telemetry.sdk.name", v.get("sdk").map(|s| text(s, "name")).unwrap_or_default()),
    ] {
        if !value.is_empty() {
            sw.resource_attribute(label, Value::String(&value));
        }
    }
    let failed = |e: crate::DecodeError| e.to_string();
    sw.end_resource().map_err(failed)?;
    sw.begin_scope();
    sw.end_scope();
    let list = v.get("spans").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if sw.refuses(list.len() as u64 + 1) {
        return Ok(());
    }
    let times = (time_ns(v, "start_timestamp"), time_ns(v, "timestamp"));
    let root = Span { v: trace, times, drift_ns, named: text(v, "transaction"), tags: pairs(v, "tags") };
    root.write(&mut sw).map_err(failed)?;
    if list.len() > SPANS_MAX {
        sw.w.reject(
            (list.len() - SPANS_MAX) as u64,
            format_args!("a transaction of {} spans, over the limit of {SPANS_MAX}", list.len()),
        );
    }
    for s in list.iter().take(SPANS_MAX) {
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
