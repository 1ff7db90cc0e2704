//! Jaeger's query service: the JSON that its UI, Grafana and other clients ask for.

use super::own::dependencies_of;
use super::read::{Reader, Sought, no_such_trace, service_matcher, trace_id};
use super::tags;
use crate::api::Shared;
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use hashbrown::HashMap;
use model::Labels;
use model::record::span::{Span, SpanKind, name};
use model::record::{Tenant, Value};
use std::borrow::Cow;
use std::sync::Arc;
use traces::{Criteria, Node, Trace};

/// Traces that a search gives without `limit`, and at most.
const LIMIT: usize = 20;
const LIMIT_MAX: usize = 1500;
/// A search without `start` looks back so far: an hour, in microseconds.
const LOOKBACK_US: i64 = 3_600_000_000;

/// Runs a question over the spans of the asker.
pub async fn ask<T: Send + 'static>(
    app: &Arc<App>,
    headers: &HeaderMap,
    work: impl Fn(&Reader<'_>) -> Result<T, ApiError> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    let tenant = crate::intake::tenant(headers)?;
    ask::ask(app, app.query_timeout(), None, move |app, reins| {
        let (config, running) = (app.config(), app.ready()?);
        work(&Reader {
            store: &running.traces,
            counted: (tenant == Tenant::unnamed()).then_some(&running.db),
            tenant: &tenant,
            control: &reins.control,
            memory_max: config.query.memory_per_query.bytes().min(app.budgets.query_bytes),
            spans_max: config.query.trace_spans_max,
        })
    })
    .await
}

/// A successful answer, `{"data":…,"total":…}`.
fn success(encoding: Encoding, total: usize, data: impl FnOnce(&mut Json)) -> Response {
    let mut j = Json::new();
    j.raw("{\"data\":");
    data(&mut j);
    j.key("total").int(total as i64).key("limit").int(0).key("offset").int(0).key("errors").raw("null}");
    respond(j.into_bytes(), "application/json", encoding)
}

/// An error in Jaeger's form.
fn failed(e: ApiError) -> Response {
    let status = e.status();
    let mut j = Json::new();
    j.raw("{\"data\":null,\"total\":0,\"limit\":0,\"offset\":0,\"errors\":[{\"code\":");
    j.int(i64::from(status.as_u16())).key("msg").string(&e.message).raw("}]}");
    let mut response = respond(j.into_bytes(), "application/json", Encoding::Identity);
    *response.status_mut() = status;
    response
}

fn answer(done: Result<Response, ApiError>) -> Response {
    done.unwrap_or_else(failed).into_response()
}

fn parts(request: &Request<Body>) -> (HeaderMap, Params, Encoding) {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    (headers, Params::of_query(request.uri().query().unwrap_or("")), encoding)
}

/// `/api/services`
pub async fn services(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, _, encoding) = parts(&request);
    let done = ask(&app, &headers, |reader| Ok(reader.services((i64::MIN, i64::MAX)))).await;
    answer(done.map(|all| {
        success(encoding, all.len(), |j| {
            j.strings(&all);
        })
    }))
}

/// How far back operations are looked for: two days. Older ones are found by their spans all the same.
const OPERATIONS_MS: i64 = 2 * 86_400_000;

fn recent(app: &App) -> (i64, i64) {
    let now = app.now_ms();
    (now.saturating_sub(OPERATIONS_MS).saturating_mul(1_000_000), i64::MAX)
}

/// `/api/services/{service}/operations`: names alone.
pub async fn operations_of(
    State(app): Shared,
    Path(service): Path<String>,
    request: Request<Body>,
) -> Response {
    let (headers, _, encoding) = parts(&request);
    let range = recent(&app);
    let done = ask(&app, &headers, move |reader| reader.operations(Some(&service), range)).await;
    answer(done.map(|all| {
        let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        success(encoding, names.len(), |j| {
            j.strings(&names);
        })
    }))
}

/// `/api/operations?service=&spanKind=`: names with kinds.
pub async fn operations(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, params, encoding) = parts(&request);
    let service = params.get("service").map(str::to_owned);
    let kind = params.get("spanKind").and_then(SpanKind::from_text);
    let range = recent(&app);
    let done = ask(&app, &headers, move |reader| reader.operations(service.as_deref(), range)).await;
    answer(done.map(|mut all| {
        all.retain(|(_, own)| kind.is_none_or(|k| k == *own));
        success(encoding, all.len(), |j| {
            j.list(&all, |j, (name, kind)| {
                let kind = if *kind == SpanKind::Unspecified { "" } else { kind.text() };
                j.raw("{").key("name").string(name).key("spanKind").string(kind).raw("}");
            });
        })
    }))
}

/// `/api/traces?service=&…`, or `?traceID=&traceID=`
pub async fn search(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, params, encoding) = parts(&request);
    let done = async {
        let ids: Vec<_> = params.all("traceID").map(trace_id).collect::<Result<_, _>>()?;
        if !ids.is_empty() {
            return ask(&app, &headers, move |reader| {
                let mut all = Vec::new();
                for id in &ids {
                    all.extend(reader.trace(*id, (i64::MIN, i64::MAX))?.map(|t| t.0));
                }
                Ok(all)
            })
            .await;
        }
        let sought = sought(&app, &params)?;
        ask(&app, &headers, move |reader| {
            let hits = reader.find(&sought, &mut |_| {})?;
            reader.traces(&hits)
        })
        .await
    };
    answer(done.await.map(|all| success(encoding, all.len(), |j| traces_json(j, &all))))
}

fn sought(app: &App, params: &Params) -> Result<Sought, ApiError> {
    let Some(service) = params.get("service") else {
        return Err(ApiError::bad_data("parameter 'service' is required"));
    };
    let us = |name: &str, default: i64| match params.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<i64>()
            .map_err(|_| ApiError::parameter(name, format!("{text:?} is not a time in microseconds"))),
    };
    let end = us("end", app.now_ms().saturating_mul(1000))?;
    let lookback = match params.get("lookback").filter(|l| *l != "custom") {
        Some(text) => duration_ns(text).map_err(|e| ApiError::parameter("lookback", e))? / 1000,
        None => LOOKBACK_US,
    };
    let start = us("start", end.saturating_sub(lookback))?;
    let duration = |name: &str| {
        let text = params.get(name);
        text.map(|t| duration_ns(t).map_err(|e| ApiError::parameter(name, e))).transpose()
    };
    let limit = params.get("limit").map_or(Ok(LIMIT), |text| {
        text.parse::<usize>()
            .map_err(|_| ApiError::parameter("limit", format!("{text:?} is not a whole number")))
    })?;
    Ok(Sought {
        matchers: vec![service_matcher(service)?],
        criteria: Criteria {
            name: params.get("operation").filter(|o| *o != "all").map(str::to_owned),
            kind: params.get("spanKind").and_then(SpanKind::from_text),
            duration_ns: (duration("minDuration")?, duration("maxDuration")?),
            tags: asked_tags(params)?,
        },
        start_ns: start.saturating_mul(1000),
        end_ns: end.saturating_mul(1000).saturating_add(1000),
        limit: limit.clamp(1, LIMIT_MAX),
    })
}

/// `tags={"name":"value"}` and `tag=name:value`, as often as there are.
fn asked_tags(params: &Params) -> Result<Vec<(String, String)>, ApiError> {
    let mut all = Vec::new();
    for text in params.all("tags").filter(|t| !t.is_empty()) {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|e| ApiError::parameter("tags", e))?;
        all.extend(object.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        }));
    }
    for text in params.all("tag") {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| ApiError::parameter("tag", format!("{text:?} is not name:value")))?;
        all.push((name.to_owned(), value.to_owned()));
    }
    Ok(all)
}

/// A duration as Go writes it: `1.5s`, `100ms`, `1m30s`.
pub(super) fn duration_ns(text: &str) -> Result<i64, String> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3600e9),
        ("d", 86_400e9),
    ];
    let wrong = || format!("{text:?} is not a duration: write for example 1.2s, 100ms or 500us");
    let (mut rest, mut total) = (text.trim(), 0.0);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, scale) = UNITS.iter().find(|(u, _)| *u == unit).ok_or_else(wrong)?;
        total += number.parse::<f64>().map_err(|_| wrong())? * scale;
        rest = tail;
    }
    Ok(total as i64)
}

/// `/api/traces/{id}`
pub async fn trace(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Response {
    let (headers, _, encoding) = parts(&request);
    let done = async {
        let id = trace_id(&id)?;
        let found = ask(&app, &headers, move |reader| reader.trace(id, (i64::MIN, i64::MAX))).await?;
        found.map(|t| t.0).ok_or_else(|| no_such_trace(id))
    };
    answer(done.await.map(|trace| success(encoding, 1, |j| traces_json(j, &[trace]))))
}

/// `/api/dependencies?endTs=&lookback=` (milliseconds)
pub async fn dependencies(State(app): Shared, request: Request<Body>) -> Response {
    let (_, params, encoding) = parts(&request);
    let done = dependencies_of(&app, &params).await;
    answer(done.map(|edges| {
        success(encoding, edges.len(), |j| {
            j.list(&edges, |j, e| {
                j.raw("{").key("parent").string(&e.client).key("child").string(&e.server);
                j.key("callCount").int(e.requests.round() as i64).raw("}");
            });
        })
    }))
}

fn traces_json(j: &mut Json, all: &[Trace]) {
    j.list(all, trace_json);
}

fn trace_json(j: &mut Json, trace: &Trace) {
    // Processes by what their resource says, labels and all.
    let mut processes: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut list: Vec<(&Labels, usize)> = Vec::new();
    let id = trace.trace_id.to_string();
    j.raw("{").key("traceID").string(&id).key("spans").raw("[");
    for (at, (node, span)) in trace.iter().enumerate() {
        let next = processes.len();
        let process = *processes.entry(process_key(&span)).or_insert(next);
        if process == next {
            list.push((&trace.spans[at].labels, at));
        }
        j.comma();
        span_json(j, &id, node, &span, trace, process);
    }
    j.raw("]").key("processes").raw("{");
    for (n, (labels, at)) in list.iter().enumerate() {
        let span = trace.spans[*at].span();
        j.key(&format!("p{}", n + 1)).raw("{").key("serviceName").string(span.service()).key("tags").raw("[");
        let service = labels.get(name::SERVICE);
        for (name_of, value) in span.resource() {
            if name_of != name::SERVICE || service.is_none() {
                tag_json(j, name_of, value);
            }
        }
        j.raw("]}");
    }
    j.raw("}").key("warnings");
    match trace.truncated {
        true => j.strings(["the trace has more spans than query.trace_spans_max"]),
        false => j.raw("null"),
    };
    j.raw("}");
}

/// What tells processes of a trace apart.
fn process_key(span: &Span<'_>) -> Vec<u8> {
    let mut key = span.labels.key().to_vec();
    for (name, value) in span.resource().skip(span.labels.len()) {
        key.extend_from_slice(name.as_bytes());
        value.encode(&mut key);
    }
    key
}

fn span_json(j: &mut Json, trace_id: &str, node: &Node, span: &Span<'_>, trace: &Trace, process: usize) {
    j.raw("{").key("traceID").string(trace_id).key("spanID").string(&node.id.to_string());
    j.key("flags").int(i64::from(span.flags & 1));
    j.key("operationName").string(span.name).key("references").raw("[");
    // The id of the parent as it is shown; of one that is not here as the span says it.
    let parent = match node.parent {
        Some(p) => Some(trace.nodes[p].id),
        None => Some(span.parent_id).filter(|p| !p.is_none()),
    };
    if let Some(parent) = parent {
        reference_json(j, "CHILD_OF", trace_id, &parent.to_string());
    }
    for link in span.links() {
        let is_child =
            link.attributes.get("opentracing.ref_type").and_then(Value::as_str) == Some("child_of");
        let kind = if is_child { "CHILD_OF" } else { "FOLLOWS_FROM" };
        reference_json(j, kind, &link.trace_id.to_string(), &link.span_id.to_string());
    }
    j.raw("]").key("startTime").int(span.start_ns.div_euclid(1000));
    j.key("duration").int(span.duration_ns / 1000).key("tags").raw("[");
    tags::of_span(span, true, &mut |name, value| tag_json(j, name, value));
    j.raw("]").key("logs").raw("[");
    for event in span.events() {
        j.comma().raw("{").key("timestamp").int(event.time_ns.div_euclid(1000)).key("fields").raw("[");
        if !event.name.is_empty() {
            tag_json(j, "event", Value::String(event.name));
        }
        event.attributes.iter().for_each(|(name, value)| tag_json(j, name, value));
        j.raw("]}");
    }
    j.raw("]").key("processID").string(&format!("p{}", process + 1)).key("warnings");
    let warnings = warnings(node);
    match warnings.is_empty() {
        true => j.raw("null"),
        false => j.strings(&warnings),
    };
    j.raw("}");
}

/// What is odd about a span.
pub(super) fn warnings(node: &Node) -> Vec<Cow<'static, str>> {
    let mut all: Vec<Cow<'static, str>> = Vec::new();
    if node.is_orphan {
        all.push(
            "the parent of this span is not here: it was not sampled, not sent, or is still to come".into(),
        );
    }
    if node.is_cyclic {
        all.push(
            "this span is its own ancestor by what spans say of their parents; it is cut off here".into(),
        );
    }
    if node.skew_ns != 0 {
        all.push(
            format!(
                "clock skew: the clock of this span's process seems to be {} µs off its parent's; times are as they \
                 were sent",
                node.skew_ns / 1000
            )
            .into(),
        );
    }
    if node.repeated > 0 {
        all.push(format!("this span was received {} times", node.repeated + 1).into());
    }
    all
}

fn reference_json(j: &mut Json, kind: &str, trace_id: &str, span_id: &str) {
    j.comma().raw("{").key("refType").string(kind).key("traceID").string(trace_id);
    j.key("spanID").string(span_id).raw("}");
}

fn tag_json(j: &mut Json, name: &str, value: Value<'_>) {
    j.comma().raw("{").key("key").string(name);
    match value {
        Value::Bool(b) => j.key("type").string("bool").key("value").bool(b),
        Value::Int(i) => j.key("type").string("int64").key("value").int(i),
        Value::Float(x) if x.is_finite() => j.key("type").string("float64").key("value").value(&x),
        other => j.key("type").string("string").key("value").string(&super::own::shown(other)),
    };
    j.raw("}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (text, ns) in
            [("1.5s", 1_500_000_000), ("100ms", 100_000_000), ("1m30s", 90_000_000_000), ("5us", 5000)]
        {
            assert_eq!(duration_ns(text), Ok(ns), "{text}");
        }
        for text in ["", "5", "s", "1.2.3s", "5 s", "1x"] {
            assert!(duration_ns(text).unwrap_err().contains("not a duration"), "{text}");
        }
    }
}
