//! `query`, `query_range` and `format_query`.

use super::answer::{self, Spent};
use super::params;
use super::source::LogSource;
use crate::api::query::failed;
use crate::api::{Answer, Shared};
use crate::ask::{self, Reins};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, json, respond, success};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use logql::{Engine, EngineOptions, Expr, When};
use model::record::Tenant;
use std::sync::Arc;
use std::time::Instant;

/// What is asked.
struct Question {
    tenant: Tenant,
    expr: Expr,
    when: When,
    encoding: Encoding,
    /// Whether the labels of lines are wanted apart from those of streams.
    categorise: bool,
}

/// How long the time is that a query looks at.
fn length_ns(when: When) -> i64 {
    match when {
        When::Lines(range) => range.end_ns.saturating_sub(range.start_ns),
        When::Instant(_) => 0,
        When::Steps { start_ns, end_ns, .. } => end_ns.saturating_sub(start_ns),
    }
}

/// `/loki/api/v1/query`
pub async fn instant(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let expr = expression(&params)?;
    let when = at_instant(&app, &params, &expr)?;
    run(app, Question::new(&headers, expr, when)?).await
}

/// `/loki/api/v1/query_range`
pub async fn range(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let expr = expression(&params)?;
    let when = over_range(&app, &params, &expr)?;
    run(app, Question::new(&headers, expr, when)?).await
}

/// `/api/v1/logs/explain`: evaluates a query as `query_range` does if there is a `start`, else as `query`, and tells how.
pub async fn explain(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let expr = expression(&params)?;
    let when = match params.get("start") {
        Some(_) => over_range(&app, &params, &expr)?,
        None => at_instant(&app, &params, &expr)?,
    };
    let text = params.get("query").unwrap_or("").to_owned();
    let question = Question::new(&headers, expr, when)?;
    let name = ask::name(("explain", question.expr.to_string(), length_ns(when)));
    ask::ask(&app, app.query_timeout(), name, move |app, reins| {
        let engine = engine(app);
        let source = LogSource::new(app.ready()?, &question.tenant, engine.options.memory_max);
        let begun = Instant::now();
        let explained = engine.explain(&source, &question.expr, when, &reins.control).map_err(failed)?;
        let took = begun.elapsed();
        let body = success(&Notes::default(), |j| {
            answer::explained(j, &explained, &question.expr, &text, when, took)
        });
        Ok(respond(body, "application/json", question.encoding))
    })
    .await
}

fn at_instant(app: &App, params: &Params, expr: &Expr) -> Result<When, ApiError> {
    let now = app.now_ms().saturating_mul(1_000_000);
    let time = params::time_ns(params, "time")?.unwrap_or(now);
    Ok(match expr {
        Expr::Metric(_) => When::Instant(time),
        Expr::Log(_) => {
            let span = params::span_ns(params, time / 1_000_000)?;
            When::Lines(params::lines(params, span, entries_max(app))?)
        }
    })
}

fn over_range(app: &App, params: &Params, expr: &Expr) -> Result<When, ApiError> {
    let (start_ns, end_ns) = params::span_ns(params, app.now_ms())?;
    Ok(match expr {
        Expr::Metric(_) => {
            When::Steps { start_ns, end_ns, step_ns: params::step_ns(params, start_ns, end_ns)? }
        }
        Expr::Log(_) => When::Lines(params::lines(params, (start_ns, end_ns), entries_max(app))?),
    })
}

/// `/loki/api/v1/format_query`
pub async fn format(State(app): Shared, request: Request<Body>) -> Answer {
    let (_, params) = taken(&app, request).await?;
    let text = logql::pretty(&expression(&params)?);
    Ok(json(|j| {
        j.string(&text);
    }))
}

pub(super) async fn taken(app: &App, request: Request<Body>) -> Result<(HeaderMap, Params), ApiError> {
    let headers = request.headers().clone();
    Ok((headers, Params::of_request(request, &app.form_limits()).await?))
}

pub(super) fn expression(params: &Params) -> Result<Expr, ApiError> {
    logql::parse(params.get("query").unwrap_or("")).map_err(|e| ApiError::query("query", e))
}

fn entries_max(app: &App) -> usize {
    app.config().query.log_entries_max
}

impl Question {
    fn new(headers: &HeaderMap, expr: Expr, when: When) -> Result<Question, ApiError> {
        Ok(Question {
            tenant: params::tenant(headers)?,
            expr,
            when,
            encoding: Encoding::accepted(headers),
            categorise: params::categorise(headers),
        })
    }
}

/// The engine as it is configured.
pub fn engine(app: &App) -> Engine {
    let config = app.config();
    let of = EngineOptions::default();
    Engine::new(EngineOptions {
        series_max: config.query.log_series_max,
        entries_max: config.query.log_entries_max,
        steps_max: config.query.steps_max.saturating_add(1),
        samples_max: config.query.samples_max,
        memory_max: of.memory_max.min(app.budgets.query_bytes),
    })
}

async fn run(app: Arc<App>, question: Question) -> Answer {
    let name = ask::name((question.expr.to_string(), length_ns(question.when)));
    ask::ask(&app, app.query_timeout(), name, move |app, reins| answer(app, &question, reins)).await
}

fn answer(app: &App, question: &Question, reins: &Reins) -> Result<Response, ApiError> {
    let control = &reins.control;
    let engine = engine(app);
    let source = LogSource::new(app.ready()?, &question.tenant, engine.options.memory_max);
    let begun = Instant::now();
    let spent = || Spent { waited: reins.waited, took: begun.elapsed() };
    let body = match (&question.when, &question.expr) {
        (When::Lines(range), Expr::Log(log)) => {
            let output = engine.logs(&source, log, range, control).map_err(failed)?;
            let stats = output.stats;
            success(&Notes::default(), |j| {
                j.raw("{");
                match question.categorise {
                    true => answer::categorised(j, &output),
                    false => answer::streams(j, output),
                }
                answer::stats(j, &stats, spent());
                j.raw("}");
            })
        }
        (when, expr) => {
            let output = match *when {
                When::Instant(time) => engine.instant(&source, expr, time, control),
                When::Steps { start_ns, end_ns, step_ns } => {
                    engine.range(&source, expr, start_ns, end_ns, step_ns, control)
                }
                When::Lines(_) => return Err(ApiError::bad_data("this query gives no lines")),
            };
            let output = output.map_err(failed)?;
            let notes = Notes { warnings: output.warnings, infos: Vec::new() };
            success(&notes, |j| {
                j.raw("{");
                answer::samples(j, &output.value);
                answer::stats(j, &output.stats, spent());
                j.raw("}");
            })
        }
    };
    Ok(respond(body, "application/json", question.encoding))
}
