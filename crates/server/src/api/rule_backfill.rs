//! What a recording rule would have recorded, written after the fact.

use super::rule_asked::{self, Around, Nowhere, Replayed, STEPS_MAX, Span, Stores};
use super::{Answer, Shared};
use crate::ask::CancelOnDrop;
use crate::http::body::read_body;
use crate::http::error::ApiError;
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::json;
use crate::rule_groups::records;
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::{Appendable, Appender, Labels};
use promql::{Control, Point};
use rules::{Group, Refused, RunningGroup, Sink, Surroundings};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;
use tsdb::Db;

/// Samples written at a time.
const BATCH_SAMPLES: usize = 20_000;
/// Errors that are shown.
const ERRORS_MAX: usize = 20;

/// A recording rule as it stands in a file, and over which time it is evaluated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    record: String,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    range: Option<String>,
    #[serde(default)]
    limit: Option<u64>,
    /// Unix seconds.
    start: f64,
    end: f64,
    /// Seconds between evaluations.
    step: f64,
}

/// `/api/v1/rules/backfill`
pub async fn backfill(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_data(format!("the body is no recording rule: {e}")))?;
    let around = Around {
        language: asked.language.as_deref(),
        tenant: asked.tenant.as_deref(),
        range: asked.range.as_deref(),
        limit: asked.limit,
    };
    let rule = serde_json::json!({"record": asked.record, "expr": asked.expr, "labels": asked.labels});
    let group = rule_asked::group(rule, &around)?;
    let span = Span::of_seconds(asked.start, asked.end, asked.step)?;
    let timeout = app.query_timeout();
    let control = Control::new()
        .with_timeout(Instant::now(), timeout)
        .with_pool(Arc::clone(&app.query_memory))
        .with_brake(Arc::clone(&app.brake));
    let cancel = CancelOnDrop(control.clone());
    let (app2, runtime) = (Arc::clone(&app), Handle::current());
    let work = move || {
        let written = write(&app2, &runtime, group, span, &control)?;
        Ok(json(|j| {
            let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            j.raw("{").key("start").time(span.start).key("end").time(span.end).key("step").time(span.step);
            j.key("steps").int(count(written.steps)).key("samples").int(count(written.samples));
            j.key("ended").int(count(written.ended)).key("errorCount").int(count(written.error_count));
            j.key("errors").list(&written.errors, |j, (at, error)| {
                j.raw("{").key("at").time(*at).key("error").string(error).raw("}");
            });
            j.raw("}");
        }))
    };
    let done = app.queries.run_heavy(timeout, work).await;
    drop(cancel);
    done
}

/// What was written.
#[derive(Default)]
struct Written {
    steps: usize,
    samples: usize,
    /// Marks of the end of series.
    ended: usize,
    errors: Vec<(i64, String)>,
    error_count: usize,
}

fn write(
    app: &App,
    runtime: &Handle,
    group: Group,
    span: Span,
    control: &Control,
) -> Result<Written, ApiError> {
    let Span { start, end, step } = span;
    // The step before tells which series end at the first.
    let first = start.saturating_sub(step);
    let count = (end - first) / step + 1;
    if count > STEPS_MAX {
        return Err(ApiError::bad_data(format!(
            "{count} steps, the one before the start included, over the limit of {STEPS_MAX}: ask for a part of the time"
        )));
    }
    let (engine, source) = (rule_asked::engine(app), StoreSource::new(app.db()?));
    let tenant = records::tenant(group.tenant.as_deref());
    let stores = Stores { app, engine: &engine, source: &source, tenant, control };
    let queries = Replayed::new(stores, group.rules[0].expr.clone(), (first, end, step))?;
    let mut running = RunningGroup::new(group, 0);
    let surroundings = Surroundings::default();
    running.evaluate_rule(0, first, &surroundings, &queries, &mut Nowhere);
    let mut kept = Kept { db: app.db()?, runtime, appender: None, held: 0, samples: 0, ended: 0 };
    let mut written = Written::default();
    for at in (1..count).map(|i| first + i * step) {
        control.check().map_err(super::query::failed)?;
        let outcome = running.evaluate_rule(0, at, &surroundings, &queries, &mut kept);
        written.steps += 1;
        if let Some(error) = outcome.error {
            written.error_count += 1;
            if written.errors.len() < ERRORS_MAX {
                written.errors.push((at, error.to_string()));
            }
        }
    }
    kept.flush().map_err(|e| ApiError::internal(format!("the samples were not stored: {e}")))?;
    Ok(Written { samples: kept.samples, ended: kept.ended, ..written })
}

/// Writes to the store, many steps together.
struct Kept<'a> {
    db: &'a Db,
    runtime: &'a Handle,
    appender: Option<Box<dyn Appender + 'a>>,
    held: usize,
    samples: usize,
    ended: usize,
}

impl Kept<'_> {
    fn flush(&mut self) -> Result<(), Refused> {
        self.held = 0;
        match self.appender.take() {
            Some(appender) => {
                self.runtime.block_on(appender.commit()).map(drop).map_err(|e| Refused(e.to_string()))
            }
            None => Ok(()),
        }
    }
}

impl Sink for Kept<'_> {
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused> {
        let db = self.db;
        let appender = self.appender.get_or_insert_with(|| db.appender());
        let refused = |e: model::AppendError| Refused(e.to_string());
        let series = appender.series(labels).map_err(refused)?;
        match value {
            Point::Float(v) => appender.sample(series, time_ms, *v, 0),
            Point::Histogram(h) => appender.histogram(series, time_ms, h.to_model(), 0),
        }
        .map_err(refused)?;
        self.held += 1;
        match value {
            Point::Float(v) if model::is_stale(*v) => self.ended += 1,
            _ => self.samples += 1,
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        if self.held >= BATCH_SAMPLES { self.flush() } else { Ok(()) }
    }
}
