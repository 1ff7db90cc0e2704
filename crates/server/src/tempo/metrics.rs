//! `/api/metrics/query_range` and `/api/metrics/query`

use super::ask::ask;
use super::{params, value};
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use traceql::{Exemplar, Literal, MetricsOutput, MetricsRange, Query, Series};

/// Exemplars that are given without `exemplars`.
const EXEMPLARS: usize = 100;

fn query(params: &Params) -> Result<Query, ApiError> {
    let (name, text) = match params.get("q") {
        Some(text) => ("q", text),
        None => ("query", params.get("query").unwrap_or("")),
    };
    traceql::parse(text).map_err(|e| ApiError::query(name, e))
}

/// Numbers over time.
pub async fn range(State(app): Shared, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    let params = Params::of_request(request, &app.form_limits()).await?;
    let query = query(&params)?;
    let (start_ns, end_ns) = params::range(&params, app.now_ns())?;
    let step_ns = params::duration_ns(&params, "step")?;
    let step_ns = step_ns.unwrap_or_else(|| params::default_step_ns((start_ns, end_ns)));
    let range = MetricsRange::Steps { start_ns, end_ns, step_ns };
    let exemplars = match params.get("exemplars") {
        Some("false") | Some("0") => 0,
        Some("true") | None => EXEMPLARS,
        Some(_) => params::count(&params, "exemplars")?.unwrap_or(0),
    };
    let name = ask::name((query.to_string(), end_ns.saturating_sub(start_ns)));
    ask(&app, &headers, name, move |asked| {
        let output = asked.engine.metrics(&asked.source, &query, &range, exemplars, asked.control)?;
        Ok(respond(written(&output, points), "application/json", encoding))
    })
    .await
}

/// One number for all of the time.
pub async fn instant(State(app): Shared, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    let params = Params::of_request(request, &app.form_limits()).await?;
    let query = query(&params)?;
    let (start_ns, end_ns) = params::range(&params, app.now_ns())?;
    let range = MetricsRange::Instant { start_ns, end_ns };
    let name = ask::name((query.to_string(), end_ns.saturating_sub(start_ns)));
    ask(&app, &headers, name, move |asked| {
        let output = asked.engine.metrics(&asked.source, &query, &range, 0, asked.control)?;
        let one = |j: &mut Json, s: &Series| {
            float(j.key("value"), s.samples.last().map_or(f64::NAN, |(_, v)| *v));
        };
        Ok(respond(written(&output, one), "application/json", encoding))
    })
    .await
}

fn written(output: &MetricsOutput, values: impl Fn(&mut Json, &Series)) -> Vec<u8> {
    let mut j = Json::new();
    j.raw("{").key("series").list(&output.series, |j, s| {
        j.raw("{").key("labels").list(&s.labels, |j, (name, v)| value::pair(j, name, v));
        values(j, s);
        j.raw("}");
    });
    value::cost(&mut j, &output.stats);
    j.raw("}");
    j.into_bytes()
}

fn points(j: &mut Json, series: &Series) {
    j.key("samples").list(&series.samples, |j, (ms, v)| {
        j.raw("{").key("timestampMs").string(&ms.to_string());
        float(j.key("value"), *v);
        j.raw("}");
    });
    if !series.exemplars.is_empty() {
        j.key("exemplars").list(&series.exemplars, exemplar);
    }
}

fn exemplar(j: &mut Json, e: &Exemplar) {
    let ids = [("trace:id", e.trace_id.to_string()), ("span:id", e.span_id.to_string())];
    j.raw("{").key("labels").list(ids, |j, (name, id)| value::pair(j, name, &Literal::Text(id)));
    float(j.key("value"), e.value);
    j.key("timestampMs").string(&e.time_ms.to_string()).raw("}");
}

fn float(j: &mut Json, v: f64) {
    match v.is_finite() {
        true => j.value(&v),
        false => j.string(&promql::format_float(v)),
    };
}
