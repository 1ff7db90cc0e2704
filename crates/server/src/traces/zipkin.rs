//! Zipkin's query service, version 2.

use super::jaeger::ask;
use super::own::{dependencies_of, shown};
use super::read::{Sought, no_such_trace, service_matcher, trace_id};
use super::tags;
use crate::api::Shared;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond, text};
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use model::record::Value;
use model::record::span::{Span, SpanKind, SpanStatus};
use std::collections::BTreeSet;
use traces::{Criteria, Node, Trace};

/// Traces that a search gives without `limit`, and at most.
const LIMIT: usize = 10;
const LIMIT_MAX: usize = 1500;
/// A search without `lookback` goes back a day, in milliseconds.
const LOOKBACK_MS: i64 = 86_400_000;

fn parts(request: &Request<Body>) -> (HeaderMap, Params, Encoding) {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    (headers, Params::of_query(request.uri().query().unwrap_or("")), encoding)
}

/// An answer; errors are plain text.
fn answer(encoding: Encoding, done: Result<Json, ApiError>) -> Response {
    match done {
        Ok(j) => respond(j.into_bytes(), "application/json", encoding),
        Err(e) => text(e.status(), e.message),
    }
}

fn strings(all: &[String]) -> Json {
    let mut j = Json::new();
    j.strings(all);
    j
}

/// `/api/v2/services`
pub async fn services(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, _, encoding) = parts(&request);
    let done = ask(&app, &headers, |reader| Ok(reader.services((i64::MIN, i64::MAX)))).await;
    answer(encoding, done.map(|all| strings(&all)))
}

/// Names are looked for in the spans of the last day.
fn recent(app: &App) -> (i64, i64) {
    (app.now_ms().saturating_sub(LOOKBACK_MS).saturating_mul(1_000_000), i64::MAX)
}

/// `/api/v2/spans?serviceName=`: names of spans.
pub async fn names(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, params, encoding) = parts(&request);
    let service = params.get("serviceName").map(str::to_owned);
    let range = recent(&app);
    let done = ask(&app, &headers, move |reader| reader.operations(service.as_deref(), range)).await;
    answer(
        encoding,
        done.map(|all| {
            let mut names: Vec<String> = all.into_iter().map(|(name, _)| name).collect();
            names.dedup();
            strings(&names)
        }),
    )
}

/// `/api/v2/remoteServices?serviceName=`: who is called, by the service graph.
pub async fn remote_services(State(app): Shared, request: Request<Body>) -> Response {
    let (_, params, encoding) = parts(&request);
    let service = params.get("serviceName").unwrap_or("").to_owned();
    let done = dependencies_of(&app, &Params::default()).await;
    answer(
        encoding,
        done.map(|edges| {
            let of = edges.into_iter().filter(|e| e.client == service).map(|e| e.server);
            strings(&of.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>())
        }),
    )
}

/// `/api/v2/autocompleteKeys`: keys are not listed apart; any tag can be asked for.
pub async fn keys() -> Response {
    answer(Encoding::Identity, Ok(strings(&[])))
}

/// `/api/v2/autocompleteValues`
pub async fn values() -> Response {
    answer(Encoding::Identity, Ok(strings(&[])))
}

/// `/api/v2/traces?serviceName=&…`
pub async fn search(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, params, encoding) = parts(&request);
    let done = async {
        let sought = sought(&app, &params)?;
        ask(&app, &headers, move |reader| {
            let hits = reader.find(&sought, &mut |_| {})?;
            reader.traces(&hits)
        })
        .await
    };
    answer(
        encoding,
        done.await.map(|all| {
            let mut j = Json::new();
            j.list(&all, trace_json);
            j
        }),
    )
}

fn sought(app: &App, params: &Params) -> Result<Sought, ApiError> {
    let number = |name: &str| {
        let parse = |text: &str| {
            text.parse::<i64>()
                .map_err(|_| ApiError::parameter(name, format!("{text:?} is not a whole number")))
        };
        params.get(name).map(parse).transpose()
    };
    let end_ms = number("endTs")?.unwrap_or(app.now_ms());
    let lookback_ms = number("lookback")?.unwrap_or(LOOKBACK_MS);
    let us_to_ns = |us: i64| us.saturating_mul(1000);
    let mut matchers = Vec::new();
    if let Some(service) = params.get("serviceName").filter(|s| *s != "all") {
        matchers.push(service_matcher(service)?);
    }
    let mut tags = asked_tags(params.get("annotationQuery").unwrap_or(""));
    if let Some(remote) = params.get("remoteServiceName") {
        tags.push(("peer.service".to_owned(), remote.to_owned()));
    }
    Ok(Sought {
        matchers,
        criteria: Criteria {
            name: params.get("spanName").filter(|n| *n != "all").map(str::to_owned),
            kind: None,
            duration_ns: (number("minDuration")?.map(us_to_ns), number("maxDuration")?.map(us_to_ns)),
            tags,
        },
        start_ns: end_ms.saturating_sub(lookback_ms).saturating_mul(1_000_000),
        end_ns: end_ms.saturating_add(1).saturating_mul(1_000_000),
        limit: usize::try_from(number("limit")?.unwrap_or(LIMIT as i64)).unwrap_or(LIMIT).clamp(1, LIMIT_MAX),
    })
}

/// `name=value and event and error`: tags, and annotations by what they say.
fn asked_tags(query: &str) -> Vec<(String, String)> {
    let each = query.split(" and ").map(str::trim).filter(|t| !t.is_empty());
    each.map(|term| match term.split_once('=') {
        Some((name, value)) => (name.trim().to_owned(), value.trim().to_owned()),
        None if term == "error" => ("error".to_owned(), "true".to_owned()),
        None => ("event".to_owned(), term.to_owned()),
    })
    .collect()
}

/// `/api/v2/trace/{id}`
pub async fn trace(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Response {
    let (headers, _, encoding) = parts(&request);
    let done = async {
        let id = trace_id(&id)?;
        let found = ask(&app, &headers, move |reader| reader.trace(id, (i64::MIN, i64::MAX))).await?;
        let (trace, _) = found.ok_or_else(|| no_such_trace(id))?;
        let mut j = Json::new();
        trace_json(&mut j, &trace);
        Ok(j)
    };
    answer(encoding, done.await)
}

/// `/api/v2/traceMany?traceIds=a,b`
pub async fn many(State(app): Shared, request: Request<Body>) -> Response {
    let (headers, params, encoding) = parts(&request);
    let done = async {
        let list = params.get("traceIds").unwrap_or("");
        let ids: Vec<_> = list.split(',').map(trace_id).collect::<Result<_, _>>()?;
        ask(&app, &headers, move |reader| {
            let mut j = Json::new();
            j.raw("[");
            for id in &ids {
                if let Some((trace, _)) = reader.trace(*id, (i64::MIN, i64::MAX))? {
                    j.comma();
                    trace_json(&mut j, &trace);
                }
            }
            j.raw("]");
            Ok(j)
        })
        .await
    };
    answer(encoding, done.await)
}

/// `/api/v2/dependencies?endTs=&lookback=` (milliseconds)
pub async fn dependencies(State(app): Shared, request: Request<Body>) -> Response {
    let (_, params, encoding) = parts(&request);
    let done = dependencies_of(&app, &params).await;
    answer(
        encoding,
        done.map(|edges| {
            let mut j = Json::new();
            j.list(&edges, |j, e| {
                j.raw("{").key("parent").string(&e.client).key("child").string(&e.server);
                j.key("callCount").int(e.requests.round() as i64);
                j.key("errorCount").int(e.failed.round() as i64).raw("}");
            });
            j
        }),
    )
}

fn trace_json(j: &mut Json, trace: &Trace) {
    let id = trace.trace_id.to_string();
    let id = id.strip_prefix("0000000000000000").unwrap_or(&id);
    j.raw("[");
    for (node, span) in trace.iter() {
        j.comma();
        span_json(j, id, node, &span, trace);
    }
    j.raw("]");
}

fn span_json(j: &mut Json, trace_id: &str, node: &Node, span: &Span<'_>, trace: &Trace) {
    // Zipkin shows both sides of a call under one id, if they came so.
    let shared = node.id != span.span_id;
    j.raw("{").key("traceId").string(trace_id).key("id").string(&span.span_id.to_string());
    let parent = match node.parent {
        Some(p) if shared => trace.nodes[p].parent.map(|pp| trace.spans[pp].span_id),
        Some(p) => Some(trace.spans[p].span_id),
        None => Some(span.parent_id).filter(|p| !p.is_none()),
    };
    if let Some(parent) = parent {
        j.key("parentId").string(&parent.to_string());
    }
    if let SpanKind::Client | SpanKind::Server | SpanKind::Producer | SpanKind::Consumer = span.kind {
        j.key("kind").string(&span.kind.text().to_ascii_uppercase());
    }
    j.key("name").string(span.name);
    j.key("timestamp").int(span.start_ns.div_euclid(1000));
    // Zipkin has no durations of nothing.
    j.key("duration").int((span.duration_ns / 1000).max(1));
    if shared {
        j.key("shared").bool(true);
    }
    j.key("localEndpoint").raw("{").key("serviceName").string(span.service()).raw("}");
    if let Some(Value::String(peer)) = span.attribute("peer.service") {
        j.key("remoteEndpoint").raw("{").key("serviceName").string(peer).raw("}");
    }
    j.key("annotations").raw("[");
    for event in span.events() {
        j.comma().raw("{").key("timestamp").int(event.time_ns.div_euclid(1000));
        j.key("value").string(event.name).raw("}");
    }
    j.raw("]").key("tags").raw("{");
    tags::of_span(span, false, &mut |name, value| match name {
        "error" => {
            // Its presence says that it is so; what it says is for people.
            let message = if span.status_message.is_empty() { "true" } else { span.status_message };
            j.key(name).string(if span.status == SpanStatus::Error { message } else { "false" });
        }
        ingest::traces::zipkin::SHARED => {}
        _ => {
            j.key(name).string(&shown(value));
        }
    });
    j.raw("}}");
}
