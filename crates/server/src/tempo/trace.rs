//! `/api/traces/{id}` and `/api/v2/traces/{id}`

use super::{otlp, params};
use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use crate::state::App;
use crate::traces::{ask, no_such_trace, trace_id};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use model::record::{SpanId, TraceId};
use std::collections::HashSet;
use std::sync::Arc;
use traceql::{Body as Asks, Field, MemorySource, SearchRange};
use traces::Trace;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/protobuf";

/// A trace as Tempo's first API gives it.
pub async fn trace(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&request);
    let trace = found(&app, &headers, &params, trace_id(&id)?).await?;
    let all = |_: usize| true;
    Ok(answer(&headers, otlp::protobuf(&trace, &all), |j| {
        j.raw("{").key("batches");
        otlp::json(j, &trace, &all);
        j.raw("}");
    }))
}

/// A trace as Tempo's second API gives it: with what is said about it, and of it what `q` selects.
pub async fn trace_v2(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&request);
    let around = params.get("q").map(|q| Around::of(q, &params)).transpose()?;
    let trace = found(&app, &headers, &params, trace_id(&id)?).await?;
    let kept = around.map(|a| a.kept(&trace)).transpose()?;
    let keep = |at: usize| kept.as_ref().is_none_or(|kept| kept[at]);
    let partial = match (&kept, trace.truncated) {
        (_, true) => Some("the trace has more spans than query.trace_spans_max"),
        (Some(kept), _) if kept.contains(&false) => Some("only spans that match q were asked for"),
        _ => None,
    };
    let mut message = otlp::within(1, &otlp::protobuf(&trace, &keep));
    message.number(3, u64::from(partial.is_some()));
    message.text(4, partial.unwrap_or(""));
    Ok(answer(&headers, message.0, |j| {
        j.raw("{").key("trace").raw("{").key("resourceSpans");
        otlp::json(j, &trace, &keep);
        j.raw("}").key("metrics").raw("{}");
        if let Some(why) = partial {
            j.key("status").string("PARTIAL").key("message").string(why);
        }
        j.raw("}");
    }))
}

fn taken(request: &Request<Body>) -> (HeaderMap, Params) {
    (request.headers().clone(), Params::of_query(request.uri().query().unwrap_or("")))
}

async fn found(app: &Arc<App>, headers: &HeaderMap, params: &Params, id: TraceId) -> Result<Trace, ApiError> {
    let range = params::given_range(params, app.now_ns())?.unwrap_or((i64::MIN, i64::MAX));
    let trace = ask(app, headers, move |reader| reader.trace(id, range)).await?;
    trace.map(|(trace, _)| trace).ok_or_else(|| no_such_trace(id))
}

/// The answer in the format that the client asks for.
fn answer(headers: &HeaderMap, protobuf: Vec<u8>, json: impl FnOnce(&mut Json)) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    let encoding = Encoding::accepted(headers);
    if accepts.contains(PROTOBUF) || accepts.contains("application/x-protobuf") {
        return respond(protobuf, PROTOBUF, encoding);
    }
    let mut j = Json::new();
    json(&mut j);
    respond(j.into_bytes(), JSON, encoding)
}

/// Which spans are given around those that a filter selects.
struct Around {
    query: traceql::Query,
    /// Levels above and below; all without a number.
    above: Option<usize>,
    below: Option<usize>,
}

impl Around {
    fn of(q: &str, params: &Params) -> Result<Around, ApiError> {
        let filter = traceql::parse_filter(q).map_err(|e| ApiError::query("q", e))?;
        let mut whole = None;
        filter.fields(&mut |f: &Field| {
            if !f.is_local() {
                whole.get_or_insert_with(|| f.to_string());
            }
        });
        if let Some(field) = whole {
            return Err(ApiError::parameter(
                "q",
                format!("{field} is of the whole trace; spans are selected by their own"),
            ));
        }
        let depth = |name: &str, default: i64| match params.get(name).map(str::parse::<i64>) {
            None => Ok(default),
            Some(Ok(depth)) if depth >= -1 => Ok(depth),
            _ => Err(ApiError::parameter(name, "a number of levels, or -1 for all")),
        };
        let levels = |depth: i64| usize::try_from(depth).ok();
        let above = match params.get("keep_hierarchy") {
            Some("true") => levels(depth("ancestor_depth", -1)?),
            _ => Some(0),
        };
        let query = traceql::parse(q).map_err(|e| ApiError::query("q", e))?;
        Ok(Around { query, above, below: levels(depth("match_depth", 0)?) })
    }

    /// By place, whether a span is given.
    fn kept(&self, trace: &Trace) -> Result<Vec<bool>, ApiError> {
        let selected = self.selected(trace)?;
        let mut kept = vec![false; trace.spans.len()];
        // How many more levels below a span are given; all where that is the greatest.
        let mut below: Vec<Option<usize>> = vec![None; trace.spans.len()];
        for (at, node) in trace.nodes.iter().enumerate() {
            let left = node.parent.and_then(|p| below[p]).and_then(|l| l.checked_sub(1));
            if selected.contains(&trace.spans[at].span_id) {
                below[at] = Some(self.below.unwrap_or(usize::MAX).max(left.unwrap_or(0)));
                kept[at] = true;
                let (mut up, mut levels) = (node.parent, self.above.unwrap_or(usize::MAX));
                while let Some(parent) = up.filter(|_| levels > 0) {
                    kept[parent] = true;
                    up = trace.nodes[parent].parent;
                    levels -= 1;
                }
            } else if left.is_some() {
                below[at] = left;
                kept[at] = true;
            }
        }
        Ok(kept)
    }

    /// The spans that the filter selects.
    fn selected(&self, trace: &Trace) -> Result<HashSet<SpanId>, ApiError> {
        debug_assert!(matches!(self.query.body, Asks::Spans(_)));
        let mut source = MemorySource::default();
        let batch = source.batch_mut();
        for span in &trace.spans {
            let stream = batch.stream(span.labels.clone());
            batch.push(stream, &span.record());
        }
        let range = SearchRange { start_ns: i64::MIN, end_ns: i64::MAX, limit: 1, spans_per_set: usize::MAX };
        let engine = traceql::Engine::default();
        let output = engine.search(&source, &self.query, &range, &traceql::Control::new());
        let output = output.map_err(crate::api::query::failed)?;
        let spans = output.traces.into_iter().flat_map(|t| t.sets).flat_map(|s| s.spans);
        Ok(spans.map(|s| s.span_id).collect())
    }
}
