//! What an alerting rule would do: the alerts it gives now, and when they would have been pending and firing.

use super::query::failed;
use super::rules::exponent;
use super::{Answer, Shared};
use crate::ask::CancelOnDrop;
use crate::http::body::read_body;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::json;
use crate::http::time::format_rfc3339;
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::Labels;
use promql::{Control, Engine, EngineOptions, EvalError, Expr, Point, Value, VectorSample};
use rules::{
    Alert, Alerts, EngineQueries, FileOptions, Group, Phase, Queries, Refused, RuleFile, RunningGroup, Sink,
    Surroundings, Transition,
};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// Steps of one trial, those before its start included.
const STEPS_MAX: i64 = 11_000;
/// Steps times alerts of one trial: each is as much work as one alert is to a rule at work.
const OBSERVATIONS_MAX: usize = 500_000;
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
    /// Unix seconds.
    start: f64,
    end: f64,
    /// Seconds between evaluations.
    step: f64,
}

/// When a rule is evaluated, milliseconds.
#[derive(Clone, Copy)]
struct Span {
    start: i64,
    end: i64,
    step: i64,
}

/// `/api/v1/rules/try`: nothing is stored, and nobody is told.
pub async fn try_out(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let asked: Asked = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_data(format!("the body is no rule to be tried: {e}")))?;
    let group = group(&asked)?;
    let span = asked.span()?;
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
    fn span(&self) -> Result<Span, ApiError> {
        let ms = |name: &str, seconds: f64| match (seconds * 1000.0).round() {
            ms if ms.is_finite() && ms.abs() < 1e15 => Ok(ms as i64),
            _ => Err(ApiError::parameter(name, format!("{seconds} is out of range"))),
        };
        let span =
            Span { start: ms("start", self.start)?, end: ms("end", self.end)?, step: ms("step", self.step)? };
        if span.step <= 0 {
            return Err(ApiError::parameter("step", format!("{} s: it must be positive", self.step)));
        }
        if span.end < span.start {
            return Err(ApiError::parameter("end", "it is before start"));
        }
        Ok(span)
    }
}

/// The rule as the only one of a file, read as every rule file is.
fn group(asked: &Asked) -> Result<Group, ApiError> {
    // A mistake in the expression has its place in it, not in a file that nobody wrote.
    promql::parse(&asked.expr).map_err(|e| ApiError::query("expr", e))?;
    let mut rule = serde_json::json!({
        "alert": asked.alert, "expr": asked.expr, "labels": asked.labels, "annotations": asked.annotations,
    });
    for (key, value) in [("for", &asked.for_), ("keep_firing_for", &asked.keep_firing_for)] {
        if let Some(value) = value.as_deref().filter(|v| !v.trim().is_empty()) {
            rule[key] = value.trim().into();
        }
    }
    let file = serde_json::json!({"groups": [{"name": "trial", "rules": [rule]}]});
    let file = RuleFile::parse(&file.to_string(), FileOptions::default()).map_err(|problems| {
        let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        ApiError::bad_data(messages.join("; "))
    })?;
    match file.groups.into_iter().next() {
        Some(group) if group.rules.len() == 1 => Ok(group),
        _ => Err(ApiError::bad_data("alert: it must have a name")),
    }
}

/// What a range query gave, step by step; everything else is asked of the engine.
struct Replayed<'a> {
    expr: Expr,
    steps: HashMap<i64, Vec<VectorSample>>,
    engine: EngineQueries<'a>,
}

impl Queries for Replayed<'_> {
    fn query(&self, expr: &Expr, time_ms: i64) -> Result<Vec<VectorSample>, EvalError> {
        match self.steps.get(&time_ms) {
            Some(vector) if *expr == self.expr => Ok(vector.clone()),
            _ => self.engine.query(expr, time_ms),
        }
    }
}

/// Keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn append(&mut self, _: &Labels, _: i64, _: &Point) -> Result<(), Refused> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
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
    let engine = Engine::new(EngineOptions {
        lookback_ms: i64::try_from(config.query.lookback.as_millis()).unwrap_or(i64::MAX),
        samples_max: config.query.samples_max,
        steps_max: STEPS_MAX.unsigned_abs() + 2,
        series_max: config.query.series_max,
        memory_max: config.query.memory_per_query.bytes().min(app.budgets.query_bytes),
        experimental: config.query.experimental,
        threads: 1,
        ..EngineOptions::default()
    });
    let source = StoreSource::new(app.db()?);
    let surroundings = Surroundings {
        external_labels: config.global.external_labels.clone(),
        external_url: app.ready()?.office.routing().external_url.clone(),
    };
    let trial =
        replay(group, span, &surroundings, EngineQueries { engine: &engine, source: &source, control })?;
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
    engine: EngineQueries<'_>,
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
    let steps = steps_of(&engine, &expr, (first, grid_end, step))?;
    let queries = Replayed { expr, steps, engine };
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

/// The values of the expression at every step, by time.
fn steps_of(
    engine: &EngineQueries<'_>,
    expr: &Expr,
    (first, end, step): (i64, i64, i64),
) -> Result<HashMap<i64, Vec<VectorSample>>, ApiError> {
    if end < first {
        return Ok(HashMap::new());
    }
    let output =
        engine.engine.range(engine.source, expr, first, end, step, engine.control).map_err(failed)?;
    let mut steps: HashMap<i64, Vec<VectorSample>> =
        (0..=(end - first) / step).map(|i| (first + i * step, Vec::new())).collect();
    let Value::Matrix(series) = output.value else {
        return Err(ApiError::bad_data("expr: it is neither a vector nor a scalar"));
    };
    let points: usize = series.iter().map(|s| s.floats.len() + s.histograms.len()).sum();
    if points > OBSERVATIONS_MAX {
        return Err(ApiError::bad_data(format!(
            "{points} observations of {} series, over the limit of {OBSERVATIONS_MAX}: choose a longer step or a shorter range",
            series.len()
        )));
    }
    for one in series {
        let floats = one.floats.iter().map(|(at, v)| (*at, Point::Float(*v)));
        let histograms = one.histograms.iter().map(|(at, h)| (*at, Point::Histogram(Arc::clone(h))));
        for (time_ms, value) in floats.chain(histograms) {
            let sample = VectorSample { labels: one.labels.clone(), time_ms, value };
            steps.entry(time_ms).or_default().push(sample);
        }
    }
    Ok(steps)
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
