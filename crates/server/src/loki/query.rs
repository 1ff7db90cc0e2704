//! `query`, `query_range` and `format_query`.

use super::answer::{self, Spent};
use super::params;
use super::source::LogSource;
use crate::api::query::{CancelOnDrop, failed};
use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, json, respond, success};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use logql::{Control, Engine, EngineOptions, Expr, LogRange};
use model::record::Tenant;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is asked.
struct Question {
    tenant: Tenant,
    expr: Expr,
    when: When,
    encoding: Encoding,
    /// Whether the labels of lines are wanted apart from those of streams.
    categorise: bool,
}

enum When {
    Lines(LogRange),
    Instant(i64),
    Range { start_ns: i64, end_ns: i64, step_ns: i64 },
}

/// `/loki/api/v1/query`
pub async fn instant(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let expr = expression(&params)?;
    let now = app.now_ms().saturating_mul(1_000_000);
    let time = params::time_ns(&params, "time")?.unwrap_or(now);
    let when = match expr {
        Expr::Metric(_) => When::Instant(time),
        Expr::Log(_) => {
            let span = params::span_ns(&params, time / 1_000_000)?;
            When::Lines(params::lines(&params, span, entries_max(&app))?)
        }
    };
    run(app, Question::new(&headers, expr, when)?).await
}

/// `/loki/api/v1/query_range`
pub async fn range(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let expr = expression(&params)?;
    let (start_ns, end_ns) = params::span_ns(&params, app.now_ms())?;
    let when = match expr {
        Expr::Metric(_) => {
            When::Range { start_ns, end_ns, step_ns: params::step_ns(&params, start_ns, end_ns)? }
        }
        Expr::Log(_) => When::Lines(params::lines(&params, (start_ns, end_ns), entries_max(&app))?),
    };
    run(app, Question::new(&headers, expr, when)?).await
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
pub(super) fn engine(app: &App) -> Engine {
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

/// Runs work for a query on the pool, stopped when time is up or the asker leaves.
pub async fn on_pool<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App, &Control, Duration) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let timeout = app.query_timeout();
    let asked = Instant::now();
    let control = Control::new()
        .with_timeout(asked, timeout)
        .with_pool(Arc::clone(&app.query_memory))
        .with_brake(Arc::clone(&app.brake));
    let cancel = CancelOnDrop(control.clone());
    let shared = Arc::clone(app);
    let done = app.queries.run(timeout, move || work(&shared, &control, asked.elapsed())).await;
    drop(cancel);
    if done.is_err() {
        app.metrics.queries_failed.add(1);
    }
    done
}

async fn run(app: Arc<App>, question: Question) -> Answer {
    on_pool(&app, move |app, control, waited| answer(app, &question, control, waited)).await
}

fn answer(app: &App, question: &Question, control: &Control, waited: Duration) -> Result<Response, ApiError> {
    let engine = engine(app);
    let source = LogSource::new(&app.ready()?.logs, &question.tenant, engine.options.memory_max);
    let begun = Instant::now();
    let spent = || Spent { waited, took: begun.elapsed() };
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
                When::Range { start_ns, end_ns, step_ns } => {
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
