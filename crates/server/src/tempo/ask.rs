//! Questions on their way to the store.

use super::source::SpanSource;
use crate::api::query::{CancelOnDrop, failed};
use crate::http::error::ApiError;
use crate::pool::Lane;
use crate::state::App;
use axum::http::HeaderMap;
use std::sync::Arc;
use std::time::Instant;
use traceql::{Control, Engine, EngineOptions, EvalError};

/// What a question has at hand.
pub struct Asked<'a> {
    pub source: SpanSource<'a>,
    pub engine: Engine,
    pub control: &'a Control,
}

/// Runs a question among the light ones, and if it turns out to be none, among the heavy ones.
pub async fn ask<T: Send + 'static>(
    app: &Arc<App>,
    headers: &HeaderMap,
    work: impl Fn(&Asked<'_>) -> Result<T, EvalError> + Send + Sync + 'static,
) -> Result<T, ApiError> {
    let tenant = crate::intake::tenant(headers)?;
    let timeout = app.query_timeout();
    let asked = Instant::now();
    let control = Control::new().with_timeout(asked, timeout).with_brake(Arc::clone(&app.brake));
    let cancel = CancelOnDrop(control.clone());
    let shared = Arc::clone(app);
    let tried = move |lane| {
        let now = Instant::now();
        let control = control.clone().with_pool(Arc::clone(shared.memory_of(lane)));
        let control = match lane {
            Lane::Light { until } => {
                control.with_timeout(now, until.saturating_duration_since(now).min(timeout))
            }
            Lane::Heavy => control,
        };
        let engine = engine(&shared);
        let source = SpanSource::new(&shared.ready()?.traces, &tenant, engine.options.memory_max);
        match work(&Asked { source, engine, control: &control }) {
            Ok(done) => Ok(Some(done)),
            Err(EvalError::Timeout(_) | EvalError::Busy { .. })
                if lane != Lane::Heavy && asked.elapsed() < timeout =>
            {
                Ok(None)
            }
            Err(EvalError::Timeout(_)) => Err(failed(EvalError::Timeout(timeout))),
            Err(e) => Err(failed(e)),
        }
    };
    let done = app.queries.run_fairly(timeout, tried).await;
    drop(cancel);
    if done.is_err() {
        app.metrics.queries_failed.add(1);
    }
    done
}

/// The engine as it is configured.
fn engine(app: &App) -> Engine {
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
