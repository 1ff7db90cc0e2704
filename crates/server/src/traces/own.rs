//! What the console asks about traces.

use super::jaeger::{ask, duration_ns, warnings};
use super::read::{Sought, no_such_trace, service_matcher, trace_id};
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond, success};
use crate::loki::span_ns;
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use model::record::Value;
use model::record::span::{Span, SpanKind, SpanStatus};
use promql::{Control, Engine, EngineOptions, Point};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use traces::{Criteria, DurationHistogram, Node, Trace, value_text};

/// Traces that a search gives without `limit`, and at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 1000;
/// Points of the latency scatter.
const POINTS_MAX: usize = 5000;

/// A value as text; lists and maps as JSON.
pub fn shown(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::List(_) | Value::Map(_) => {
            let mut j = Json::new();
            value_json(&mut j, value);
            Cow::Owned(String::from_utf8(j.into_bytes()).unwrap_or_default())
        }
        other => value_text(other),
    }
}

/// A value as JSON: bytes in hexadecimal digits, numbers that JSON has not as text.
fn value_json(j: &mut Json, value: Value<'_>) {
    match value {
        Value::Null => j.raw("null"),
        Value::Bool(b) => j.bool(b),
        Value::Int(i) => j.int(i),
        Value::Float(x) if x.is_finite() => j.value(&x),
        Value::List(items) => j.list(items.iter(), value_json),
        Value::Map(pairs) => {
            j.raw("{");
            pairs.iter().for_each(|(name, value)| value_json(j.key(name), value));
            j.raw("}")
        }
        other => j.string(&value_text(other)),
    };
}

/// Pairs as an object.
pub fn pairs_json<'a>(j: &mut Json, pairs: impl Iterator<Item = (&'a str, Value<'a>)>) {
    j.raw("{");
    pairs.for_each(|(name, value)| value_json(j.key(name), value));
    j.raw("}");
}

/// `/api/v1/traces?service=&name=&kind=&minDuration=&maxDuration=&tag=name:value&error=true&start=&end=&limit=`
pub async fn search(State(app): Shared, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let sought = sought(&app, &params)?;
    ask(&app, &headers, move |reader| {
        let (mut durations, mut points, mut spans, mut errors) =
            (DurationHistogram::default(), Vec::new(), 0u64, 0u64);
        let hits = reader.find(&sought, &mut |hit| {
            durations.observe(hit.duration_ns);
            spans += 1;
            errors += u64::from(hit.failed);
            if points.len() < POINTS_MAX {
                points.push(*hit);
            }
        })?;
        let all = reader.traces(&hits)?;
        let body = success(&Notes::default(), |j| {
            j.raw("{").key("traces").list(&all, summary_json);
            j.key("spans").int(spans as i64).key("errors").int(errors as i64);
            j.key("histogram");
            histogram_json(j, &durations);
            j.key("points").list(&points, |j, p| {
                j.raw("[").string(&p.trace_id.to_string());
                j.comma().string(&p.start_ns.to_string()).comma().int(p.duration_ns);
                j.comma().bool(p.failed).raw("]");
            });
            j.raw("}");
        });
        Ok(respond(body, "application/json", encoding))
    })
    .await
}

fn sought(app: &App, params: &Params) -> Result<Sought, ApiError> {
    let (start_ns, end_ns) = span_ns(params, app.now_ms())?;
    let duration = |name: &str| {
        let text = params.get(name);
        text.map(|t| duration_ns(t).map_err(|e| ApiError::parameter(name, e))).transpose()
    };
    let mut tags = Vec::new();
    for text in params.all("tag") {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| ApiError::parameter("tag", format!("{text:?} is not name:value")))?;
        tags.push((name.to_owned(), value.to_owned()));
    }
    if let Some(error) = params.get("error") {
        tags.push(("error".to_owned(), error.to_owned()));
    }
    let kind = match params.get("kind") {
        None => None,
        Some(word) => Some(SpanKind::from_text(word).ok_or_else(|| {
            ApiError::parameter(
                "kind",
                format!("{word:?} is none of internal, server, client, producer, consumer"),
            )
        })?),
    };
    let matchers = params.get("service").map(service_matcher).transpose()?;
    Ok(Sought {
        matchers: matchers.into_iter().collect(),
        criteria: Criteria {
            name: params.get("name").map(str::to_owned),
            kind,
            duration_ns: (duration("minDuration")?, duration("maxDuration")?),
            tags,
        },
        start_ns,
        end_ns,
        limit: params.limit()?.unwrap_or(LIMIT).clamp(1, LIMIT_MAX),
    })
}

/// A trace in one line of a list.
fn summary_json(j: &mut Json, trace: &Trace) {
    let (start, end) = trace.range_ns();
    let mut services: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    let mut errors = 0;
    for span in &trace.spans {
        let s = span.span();
        let failed = i64::from(s.status == SpanStatus::Error);
        errors += failed;
        let of = services.entry(s.service()).or_default();
        *of = (of.0 + 1, of.1 + failed);
    }
    j.raw("{").key("traceID").string(&trace.trace_id.to_string());
    if let Some(root) = trace.root() {
        let root = root.span();
        j.key("rootService").string(root.service()).key("rootName").string(root.name);
    }
    j.key("start").string(&start.to_string()).key("duration").int(end.saturating_sub(start));
    j.key("spans").int(trace.spans.len() as i64).key("errors").int(errors).key("services").raw("{");
    for (service, (spans, errors)) in services {
        j.key(service).raw("{").key("spans").int(spans).key("errors").int(errors).raw("}");
    }
    j.raw("}").key("orphans").int(trace.nodes.iter().filter(|n| n.is_orphan).count() as i64);
    j.key("truncated").bool(trace.truncated).raw("}");
}

/// Buckets as `[lower bound in seconds, upper bound, count]`.
fn histogram_json(j: &mut Json, durations: &DurationHistogram) {
    j.list(durations.buckets(), |j, (lower, upper, count)| {
        j.raw("[").value(&lower).comma().value(&upper).comma().int(count as i64).raw("]");
    });
}

/// `/api/v1/traces/{id}`
pub async fn trace(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    let id = trace_id(&id)?;
    ask(&app, &headers, move |reader| {
        let found = reader.trace(id, (i64::MIN, i64::MAX))?;
        let (trace, earlier) = found.ok_or_else(|| no_such_trace(id))?;
        let body = success(&Notes::default(), |j| {
            j.raw("{").key("traceID").string(&id.to_string());
            j.key("earlierOccasions").int(earlier as i64).key("truncated").bool(trace.truncated);
            let (start, end) = trace.range_ns();
            j.key("start").string(&start.to_string()).key("duration").int(end.saturating_sub(start));
            j.key("spans").list(trace.iter(), |j, (node, span)| span_json(j, node, &span));
            j.raw("}");
        });
        Ok(respond(body, "application/json", encoding))
    })
    .await
}

fn span_json(j: &mut Json, node: &Node, span: &Span<'_>) {
    j.raw("{").key("id").string(&node.id.to_string()).key("spanID").string(&span.span_id.to_string());
    if let Some(parent) = node.parent {
        j.key("parent").int(parent as i64);
    }
    if !span.parent_id.is_none() {
        j.key("parentSpanID").string(&span.parent_id.to_string());
    }
    j.key("depth").int(i64::from(node.depth)).key("children").int(i64::from(node.children));
    j.key("name").string(span.name).key("service").string(span.service());
    j.key("kind").string(span.kind.text()).key("status").string(span.status.text());
    if !span.status_message.is_empty() {
        j.key("statusMessage").string(span.status_message);
    }
    j.key("start").string(&span.start_ns.to_string()).key("duration").int(span.duration_ns);
    let warnings = warnings(node);
    if !warnings.is_empty() {
        j.key("warnings").strings(&warnings);
        j.key("skew").int(node.skew_ns);
    }
    if !span.scope_name.is_empty() {
        j.key("scope").raw("{").key("name").string(span.scope_name);
        j.key("version").string(span.scope_version).key("attributes");
        pairs_json(j, span.scope());
        j.raw("}");
    }
    pairs_json(j.key("attributes"), span.attributes());
    pairs_json(j.key("resource"), span.resource());
    j.key("events").list(span.events(), |j, e| {
        j.raw("{").key("time").string(&e.time_ns.to_string()).key("name").string(e.name);
        pairs_json(j.key("attributes"), e.attributes.iter());
        j.raw("}");
    });
    j.key("links").list(span.links(), |j, l| {
        j.raw("{").key("traceID").string(&l.trace_id.to_string());
        j.key("spanID").string(&l.span_id.to_string());
        pairs_json(j.key("attributes"), l.attributes.iter());
        j.raw("}");
    });
    j.raw("}");
}

/// `/api/v1/traces/services?service=`: services, or the names of spans of one, within `start` and `end`.
pub async fn services(State(app): Shared, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let range = span_ns(&params, app.now_ms())?;
    let service = params.get("service").map(str::to_owned);
    ask(&app, &headers, move |reader| {
        let body = match &service {
            None => {
                let all = reader.services(range);
                success(&Notes::default(), |j| {
                    j.strings(&all);
                })
            }
            Some(service) => {
                let all = reader.operations(Some(service), range)?;
                success(&Notes::default(), |j| {
                    j.list(&all, |j, (name, kind)| {
                        j.raw("{").key("name").string(name).key("kind").string(kind.text()).raw("}");
                    });
                })
            }
        };
        Ok(respond(body, "application/json", encoding))
    })
    .await
}

/// Calls between two services.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EdgeFigures {
    /// Who calls.
    pub client: String,
    /// Who is called.
    pub server: String,
    /// How: empty, `database`, `messaging_system` or `virtual_node`.
    pub connection: String,
    /// Requests in the range.
    pub requests: f64,
    /// Those that failed.
    pub failed: f64,
    /// Median and 95th and 99th percentile of durations as the caller sees them, seconds; as the one called does where
    /// no caller reports.
    pub seconds: [Option<f64>; 3],
}

/// Those of [`EdgeFigures::seconds`], as queries write them.
const QUANTILES: [&str; 3] = ["0.5", "0.95", "0.99"];

/// Edges by client, server and connection.
type Edges = BTreeMap<(String, String, String), EdgeFigures>;

/// `/api/v1/traces/graph?start=&end=`: the service graph over a range.
pub async fn graph(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let (start_ns, end_ns) = span_ns(&params, app.now_ms())?;
    let edges = edges(&app, start_ns / 1_000_000, end_ns / 1_000_000, true).await?;
    let seconds = (end_ns - start_ns).max(1) as f64 / 1e9;
    let body = success(&Notes::default(), |j| {
        j.raw("{").key("seconds").value(&seconds).key("edges").list(&edges, |j, e| {
            j.raw("{").key("client").string(&e.client).key("server").string(&e.server);
            j.key("connection").string(&e.connection);
            j.key("requests").value(&e.requests).key("failed").value(&e.failed);
            for (key, value) in ["p50", "p95", "p99"].into_iter().zip(e.seconds) {
                if let Some(value) = value.filter(|v| v.is_finite()) {
                    j.key(key).value(&value);
                }
            }
            j.raw("}");
        });
        j.raw("}");
    });
    Ok(respond(body, "application/json", encoding))
}

/// The service graph as Jaeger and Zipkin ask for it: `endTs` and `lookback` in milliseconds, a day without.
pub async fn dependencies_of(app: &Arc<App>, params: &Params) -> Result<Vec<EdgeFigures>, ApiError> {
    let number = |name: &str, default: i64| match params.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<i64>()
            .map_err(|_| ApiError::parameter(name, format!("{text:?} is not a whole number"))),
    };
    let end = number("endTs", app.now_ms())?;
    let lookback = number("lookback", 86_400_000)?.max(1);
    let mut edges = edges(app, end.saturating_sub(lookback), end, false).await?;
    // Who begins a trace is no service.
    edges.retain(|e| e.requests >= 0.5 && e.client != "user");
    Ok(edges)
}

async fn edges(
    app: &Arc<App>,
    start_ms: i64,
    end_ms: i64,
    quantiles: bool,
) -> Result<Vec<EdgeFigures>, ApiError> {
    let name = ask::name(("service graph", end_ms - start_ms));
    ask::ask(app, app.query_timeout(), name, move |app, reins| {
        let mut all = Edges::new();
        let range = format!("{}ms", (end_ms - start_ms).max(1));
        let sum = |metric: &str, of: &str| {
            let by = "client, server, connection_type";
            format!("sum by ({by}) (increase(traces_service_graph_{metric}{{{of}}}[{range}]))")
        };
        let put = |all: &mut Edges, query: &str, set: &dyn Fn(&mut EdgeFigures, &model::Labels, f64)| {
            for (labels, value) in vector(app, query, end_ms, &reins.control)? {
                let of = |name: &str| labels.get(name).unwrap_or("").to_owned();
                let key = (of("client"), of("server"), of("connection_type"));
                let edge = all.entry(key.clone()).or_insert_with(|| EdgeFigures {
                    client: key.0,
                    server: key.1,
                    connection: key.2,
                    ..EdgeFigures::default()
                });
                set(edge, &labels, value);
            }
            Ok::<_, ApiError>(())
        };
        put(&mut all, &sum("request_total", ""), &|e, _, v| e.requests = v)?;
        put(&mut all, &sum("request_failed_total", ""), &|e, _, v| e.failed = v)?;
        if quantiles {
            let seconds = |side: &str, of: &str| {
                let durations = sum(&format!("request_{side}_seconds"), of);
                format!("histogram_quantiles({durations}, \"quantile\", {})", QUANTILES.join(", "))
            };
            let set = |e: &mut EdgeFigures, labels: &model::Labels, v: f64| {
                let n = QUANTILES.iter().position(|q| Some(*q) == labels.get("quantile"));
                if let Some(told) = n.and_then(|n| e.seconds.get_mut(n)).filter(|_| v.is_finite()) {
                    told.get_or_insert(v);
                }
            };
            put(&mut all, &seconds("client", ""), &set)?;
            // What callers do not report is mostly how users call the first services: few of all edges.
            let untold = all.values().filter(|e| e.requests > 0.0 && e.seconds.contains(&None));
            let callers: BTreeSet<String> = untold.map(|e| regex::escape(&e.client)).collect();
            if !callers.is_empty() {
                let callers = callers.into_iter().collect::<Vec<_>>().join("|");
                put(&mut all, &seconds("server", &format!("client=~{}", promql::quote(&callers))), &set)?;
            }
        }
        Ok(all.into_values().filter(|e| e.requests > 0.0).collect())
    })
    .await
}

/// An instant query whose answer is numbers by label sets.
fn vector(
    app: &App,
    query: &str,
    time_ms: i64,
    control: &Control,
) -> Result<Vec<(model::Labels, f64)>, ApiError> {
    let expr = promql::parse(query).map_err(|e| ApiError::query("query", e))?;
    let config = app.config();
    let engine = Engine::new(EngineOptions {
        samples_max: config.query.samples_max,
        series_max: config.query.series_max,
        memory_max: config.query.memory_per_query.bytes().min(app.budgets.query_bytes),
        ..EngineOptions::default()
    });
    let output = engine
        .instant(&StoreSource::new(app.db()?), &expr, time_ms, control)
        .map_err(crate::api::query::failed)?;
    Ok(match output.value {
        promql::Value::Vector(samples) => samples
            .into_iter()
            .filter_map(|s| match s.value {
                Point::Float(v) => Some((s.labels, v)),
                Point::Histogram(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    })
}
