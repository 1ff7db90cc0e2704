//! Questions on their way to the store.

use super::source::SpanSource;
use crate::api::query::failed;
use crate::ask;
use crate::http::error::ApiError;
use crate::state::App;
use axum::http::HeaderMap;
use std::sync::Arc;
use traceql::{Control, Engine, EngineOptions, EvalError};

/// What a question has at hand.
pub struct Asked<'a> {
    pub source: SpanSource<'a>,
    pub engine: Engine,
    pub control: &'a Control,
}

/// Runs a question that is [`ask::name`]d so.
pub async fn ask<T: Send + 'static>(
    app: &Arc<App>,
    headers: &HeaderMap,
    name: Option<u64>,
    work: impl Fn(&Asked<'_>) -> Result<T, EvalError> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    let tenant = crate::intake::tenant(headers)?;
    ask::ask(app, app.query_timeout(), name, move |app, reins| {
        let engine = engine(app);
        let source = SpanSource::new(&app.ready()?.traces, &tenant, engine.options.memory_max);
        work(&Asked { source, engine, control: &reins.control }).map_err(failed)
    })
    .await
}

/// The engine as it is configured.
pub fn engine(app: &App) -> Engine {
    let query = &app.config().query;
    Engine::new(EngineOptions {
        traces_max: query.traces_max,
        series_max: query.trace_series_max,
        // The bound is on intervals; the engine counts points.
        steps_max: query.steps_max.saturating_add(2),
        memory_max: query.memory_per_query.bytes().min(app.budgets.query_bytes),
        ..EngineOptions::default()
    })
}
