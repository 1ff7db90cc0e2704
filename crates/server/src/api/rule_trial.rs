//! What an alerting rule would do: the alerts it gives now, and when they would have been pending and firing.

use super::rule_asked::{self, Around, Nowhere, Replayed, STEPS_MAX, Span, Stores};
use super::rules::exponent;
use super::{Answer, Shared};
use crate::ask::CancelOnDrop;
use crate::http::body::read_body;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::json;
use crate::http::time::format_rfc3339;
use crate::rule_groups::records;
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::Labels;
use promql::Control;
use rules::{Alert, Alerts, Group, Phase, RunningGroup, Surroundings, Transition};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Alerts, and histories of alerts, that are shown.
const SHOWN_MAX: usize = 1_000;
/// Errors that are shown.
const ERRORS_MAX: usize = 20;

/// A rule as it stands in a file, and over which time it is tried.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    alert: String,
    expr: String,
    #[serde(default, rename = "for")]
    for_: Option<String>,
    #[serde(default)]
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    range: Option<String>,
    /// Unix seconds.
    start: f64,
    end: f64,
    /// Seconds between evaluations.
    step: f64,
}

/// `/api/v1/rules/try`: nothing is stored, and nobody is told.
pub async fn try_out(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_data(format!("the body is no rule to be tried: {e}")))?;
    let group = asked.group()?;
    let span = Span::of_seconds(asked.start, asked.end, asked.step)?;
    let timeout = app.query_timeout();
    let control = Control::new()
        .with_timeout(Instant::now(), timeout)
        .with_pool(Arc::clone(&app.query_memory))
        .with_brake(Arc::clone(&app.brake));
    let cancel = CancelOnDrop(control.clone());
    let app2 = Arc::clone(&app);
    let done = app.queries.run_heavy(timeout, move || answer(&app2, group, span, &control)).await;
    drop(cancel);
    done
}

impl Asked {
    fn group(&self) -> Result<Group, ApiError> {
        let mut rule = serde_json::json!({
            "alert": self.alert, "expr": self.expr, "labels": self.labels, "annotations": self.annotations,
        });
        for (key, value) in [("for", &self.for_), ("keep_firing_for", &self.keep_firing_for)] {
            if let Some(value) = value.as_deref().filter(|v| !v.trim().is_empty()) {
                rule[key] = value.trim().into();
            }
        }
        let around = Around {
            language: self.language.as_deref(),
            tenant: self.tenant.as_deref(),
            range: self.range.as_deref(),
            limit: None,
        };
        rule_asked::group(rule, &around)
    }
}

/// A stretch of an alert's life.
struct Stretch {
    state: &'static str,
    from_ms: i64,
    until_ms: Option<i64>,
}

/// What a trial came to.
#[derive(Default)]
struct Trial {
    alerts: Vec<Alert>,
    histories: BTreeMap<Labels, Vec<Stretch>>,
    fired: usize,
    errors: Vec<(i64, String)>,
    error_count: usize,
    steps: usize,
}

fn answer(app: &App, group: Group, span: Span, control: &Control) -> Answer {
    let config = app.config();
    let engine = rule_asked::engine(app);
    let source = StoreSource::new(app.db()?);
    let surroundings = Surroundings {
        external_labels: config.global.external_labels.clone(),
        external_url: app.ready()?.office.routing().external_url.clone(),
    };
    let tenant = records::tenant(group.tenant.as_deref());
    let stores = Stores { app, engine: &engine, source: &source, tenant, control };
    let trial = replay(group, span, &surroundings, stores)?;
    Ok(json(|j| write(j, &trial, span)))
}

/// How many steps before the start the replay begins, so that what is true at the start has been for `for`.
fn lead(group: &Group, step: i64) -> i64 {
    let rule = &group.rules[0];
    let ms = rule.for_ms.max(0).saturating_add(rule.keep_firing_for_ms.max(0));
    ms.saturating_add(step - 1) / step
}

fn replay(
    group: Group,
    span: Span,
    surroundings: &Surroundings,
    stores: Stores<'_>,
) -> Result<Trial, ApiError> {
    let Span { start, end, step } = span;
    // At multiples of the step, so that one trial sees what the one before saw, and at the end, which is mostly now.
    let grid_start = start + (-start).rem_euclid(step);
    let grid_end = end - end.rem_euclid(step);
    let first = grid_start.saturating_sub(lead(&group, step).saturating_mul(step));
    let count = grid_end.saturating_sub(first).div_euclid(step).saturating_add(1);
    if count > STEPS_MAX {
        return Err(ApiError::bad_data(format!(
            "{count} steps, those for `for` before the start included, over the limit of {STEPS_MAX}: choose a longer step or a shorter range"
        )));
    }
    let expr = group.rules[0].expr.clone();
    let queries = Replayed::new(stores, expr, (first, grid_end, step))?;
    let mut whole = RunningGroup::new(group.clone(), 0);
    // Annotations do not tell alerts apart: they are expanded once, at the end.
    let mut bare = group;
    bare.rules.iter_mut().for_each(|r| r.annotations.clear());
    let mut bare = RunningGroup::new(bare, 0);
    let mut trial = Trial::default();
    let before = (0..count.max(0)).map(|i| first + i * step).filter(|at| *at < end);
    for at in before.chain([end]) {
        if at == end {
            whole.restore(0, Alerts::restored(bare.rules()[0].alerts.iter().cloned()));
        }
        let running = if at == end { &mut whole } else { &mut bare };
        let outcome = running.evaluate_rule(0, at, surroundings, &queries, &mut Nowhere);
        for t in &outcome.transitions {
            trial.note(t, at, start);
        }
        if at < start {
            continue;
        }
        trial.steps += 1;
        if let Some(error) = outcome.error {
            trial.error_count += 1;
            trial.errors.truncate(ERRORS_MAX - 1);
            trial.errors.push((at, error.to_string()));
        }
    }
    trial.alerts = whole.rules()[0].alerts.active().cloned().collect();
    Ok(trial)
}

fn state(phase: Option<Phase>) -> Option<&'static str> {
    match phase? {
        Phase::Pending => Some("pending"),
        Phase::Firing { .. } => Some("firing"),
        Phase::Recovering { .. } => Some("recovering"),
        Phase::Resolved { .. } => None,
    }
}

impl Trial {
    fn note(&mut self, t: &Transition, at_ms: i64, start_ms: i64) {
        let (from, to) = (state(t.from), state(t.to));
        if from == to {
            return;
        }
        let stretches = self.histories.entry(t.labels.clone()).or_default();
        if let Some(open) = stretches.last_mut().filter(|s| s.until_ms.is_none()) {
            open.until_ms = Some(at_ms);
        }
        // What ended before the start is not of the trial.
        stretches.retain(|s| s.until_ms.is_none_or(|until| until > start_ms));
        if let Some(state) = to {
            stretches.push(Stretch { state, from_ms: at_ms, until_ms: None });
        }
        let fires = to == Some("firing") && from != Some("recovering");
        self.fired += usize::from(fires && at_ms >= start_ms);
        if self.histories.get(&t.labels).is_some_and(Vec::is_empty) {
            self.histories.remove(&t.labels);
        }
    }
}

fn write(j: &mut Json, trial: &Trial, span: Span) {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    j.raw("{").key("start").time(span.start).key("end").time(span.end).key("step").time(span.step);
    j.key("steps").int(count(trial.steps));
    j.key("alertCount").int(count(trial.alerts.len()));
    j.key("alerts").list(trial.alerts.iter().take(SHOWN_MAX), alert);
    j.key("fired").int(count(trial.fired));
    j.key("historyCount").int(count(trial.histories.len()));
    j.key("histories").list(trial.histories.iter().take(SHOWN_MAX), |j, (labels, stretches)| {
        j.raw("{").key("labels").labels(labels);
        j.key("stretches").list(stretches, |j, s| {
            j.raw("{").key("state").string(s.state).key("from").time(s.from_ms.max(span.start));
            j.key("until").time(s.until_ms.unwrap_or(span.end)).raw("}");
        });
        j.raw("}");
    });
    j.key("errorCount").int(count(trial.error_count));
    j.key("errors").list(&trial.errors, |j, (at, error)| {
        j.raw("{").key("at").time(*at).key("error").string(error).raw("}");
    });
    j.raw("}");
}

fn alert(j: &mut Json, a: &Alert) {
    j.raw("{").key("labels").labels(&a.labels).key("annotations").raw("{");
    for (name, value) in a.annotations.iter() {
        j.key(name).string(value);
    }
    j.raw("}").key("state").string(a.phase.as_str());
    j.key("activeAt").string(&format_rfc3339(a.active_at_ms));
    j.key("value").string(&exponent(a.value)).raw("}");
}
