//! What rules ask of logs, events and spans: in the lanes of all queries, as anybody else.

use crate::api::query::failed;
use crate::ask;
use crate::http::error::ApiError;
use crate::loki::{self, LogSource};
use crate::state::App;
use crate::tempo::{self, SpanSource};
use model::record::Tenant;
use promql::{Control, EvalError, VectorSample};
use rules::{Expression, span_vector, vector};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use traceql::MetricsRange;

const MS_NS: i64 = 1_000_000;

/// What an expression gave, and whether there was anything for its selectors to find.
pub struct Found {
    /// The series.
    pub vector: Vec<VectorSample>,
    /// Whether a line or span was looked at.
    pub matched: bool,
}

/// Evaluates an expression over records at an instant.
pub fn evaluate(
    app: &App,
    tenant: &Tenant,
    expr: &Expression,
    time_ms: i64,
    control: &Control,
) -> Result<Found, ApiError> {
    let running = app.ready()?;
    match expr {
        Expression::PromQl(_) => Err(ApiError::internal("a query over series was asked of records")),
        Expression::LogQl(expr) => {
            let engine = loki::engine(app);
            let source = LogSource::new(running, tenant, engine.options.memory_max);
            let time_ns = time_ms.saturating_mul(MS_NS);
            let output = engine.instant(&source, expr, time_ns, control).map_err(failed)?;
            let matched = output.stats.lines > 0;
            Ok(Found { vector: vector(output.value).map_err(failed)?, matched })
        }
        Expression::TraceQl { query, range_ms } => {
            let engine = tempo::engine(app);
            let source = SpanSource::new(&running.traces, tenant, engine.options.memory_max);
            // As with steps: spans that started after the beginning, and not after the instant.
            let end_ns = time_ms.saturating_mul(MS_NS).saturating_add(1);
            let range = MetricsRange::Instant {
                start_ns: end_ns.saturating_sub(range_ms.saturating_mul(MS_NS)),
                end_ns,
            };
            let output = engine.metrics(&source, query, &range, 0, control).map_err(failed)?;
            Ok(Found { vector: span_vector(&output, time_ms), matched: output.stats.spans > 0 })
        }
    }
}

/// The tenant that a group names, or that of whoever names none.
pub fn tenant(name: Option<&str>) -> Tenant {
    // Names were looked at when the file was read.
    name.and_then(|name| Tenant::new(name).ok()).unwrap_or_else(Tenant::unnamed)
}

/// The way from a thread of rules to the lanes.
pub(super) struct Records<'a> {
    pub app: &'a Weak<App>,
    pub runtime: &'a Handle,
    pub tenant: Tenant,
    pub timeout: Duration,
    /// Turns true when nobody waits any more.
    pub stop: watch::Receiver<bool>,
}

impl Records<'_> {
    /// Waits for the value of an expression at an instant. What is under way ends when `stop` turns true.
    pub fn ask(&self, expr: &Expression, time_ms: i64) -> Result<Found, EvalError> {
        let app: Arc<App> = self.app.upgrade().ok_or(EvalError::Cancelled)?;
        let name = ask::name(("rule", expr.to_string()));
        let (expr, tenant) = (expr.clone(), self.tenant.clone());
        let mut stop = self.stop.clone();
        let asked = ask::ask(&app, self.timeout, name, move |app, reins| {
            evaluate(app, &tenant, &expr, time_ms, &reins.control)
        });
        self.runtime.block_on(async {
            tokio::select! {
                done = asked => done.map_err(|e: ApiError| EvalError::query(e.message)),
                _ = stop.wait_for(|s| *s) => Err(EvalError::Cancelled),
            }
        })
    }
}
