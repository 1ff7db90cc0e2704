//! What is asked about rules that are not at work: the rule as it stands in a file, over which time, and the values of
//! its expression step by step.

use super::query::failed;
use crate::http::error::{ApiError, ErrorKind};
use crate::rule_groups::records;
use crate::source::StoreSource;
use crate::state::App;
use model::Labels;
use model::record::Tenant;
use promql::{Control, Engine, EngineOptions, EvalError, Point, Value, VectorSample};
use rules::{
    EngineQueries, Expression, FileOptions, Group, Language, Queries, Refused, RuleFile, Sink, TRACE_RANGE_MS,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Steps of one request, those before its start included.
pub(super) const STEPS_MAX: i64 = 11_000;
/// Steps times series of one request: each is as much work as one series is to a rule at work.
const OBSERVATIONS_MAX: usize = 500_000;

/// When a rule is evaluated, milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub start: i64,
    pub end: i64,
    pub step: i64,
}

impl Span {
    /// A span whose parameters are seconds.
    pub fn of_seconds(start: f64, end: f64, step: f64) -> Result<Span, ApiError> {
        let ms = |name: &str, seconds: f64| match (seconds * 1000.0).round() {
            ms if ms.is_finite() && ms.abs() < 1e15 => Ok(ms as i64),
            _ => Err(ApiError::parameter(name, format!("{seconds} is out of range"))),
        };
        let span = Span { start: ms("start", start)?, end: ms("end", end)?, step: ms("step", step)? };
        if span.step <= 0 {
            return Err(ApiError::parameter("step", format!("{step} s: it must be positive")));
        }
        if span.end < span.start {
            return Err(ApiError::parameter("end", "it is before start"));
        }
        Ok(span)
    }
}

/// What is said of the group that a rule stands in.
#[derive(Default)]
pub(super) struct Around<'a> {
    pub language: Option<&'a str>,
    pub tenant: Option<&'a str>,
    pub range: Option<&'a str>,
    pub limit: Option<u64>,
}

/// A rule as the only one of a file, read as every rule file is.
pub(super) fn group(rule: serde_json::Value, around: &Around<'_>) -> Result<Group, ApiError> {
    let given = |text: Option<&str>| text.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    let language = given(around.language).unwrap_or_else(|| Language::PromQl.as_str().to_owned());
    // A mistake in the expression has its place in it, not in a file that nobody wrote.
    let known: Language = language.parse().map_err(|e: String| ApiError::parameter("language", e))?;
    let expr = rule["expr"].as_str().unwrap_or_default();
    Expression::parse(known, expr, TRACE_RANGE_MS).map_err(|e| ApiError::query("expr", e))?;
    let mut group = serde_json::json!({"name": "asked", "language": language, "rules": [rule]});
    for (key, value) in [("tenant", given(around.tenant)), ("range", given(around.range))] {
        if let Some(value) = value {
            group[key] = value.into();
        }
    }
    if let Some(limit) = around.limit {
        group["limit"] = limit.into();
    }
    let file = serde_json::json!({"groups": [group]});
    let file = RuleFile::parse(&file.to_string(), FileOptions::default()).map_err(|problems| {
        let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        ApiError::bad_data(messages.join("; "))
    })?;
    match file.groups.into_iter().next() {
        Some(group) if group.rules.len() == 1 => Ok(group),
        _ => Err(ApiError::bad_data("the rule must have a name")),
    }
}

/// The engine for series, as it is configured.
pub(super) fn engine(app: &App) -> Engine {
    let config = app.config();
    Engine::new(EngineOptions {
        lookback_ms: i64::try_from(config.query.lookback.as_millis()).unwrap_or(i64::MAX),
        samples_max: config.query.samples_max,
        steps_max: STEPS_MAX.unsigned_abs() + 2,
        series_max: config.query.series_max,
        memory_max: config.query.memory_per_query.bytes().min(app.budgets.query_bytes),
        experimental: config.query.experimental,
        threads: 1,
        ..EngineOptions::default()
    })
}

/// The stores, as rules see them.
#[derive(Clone)]
pub(super) struct Stores<'a> {
    pub app: &'a App,
    pub engine: &'a Engine,
    pub source: &'a StoreSource<'a>,
    pub tenant: Tenant,
    pub control: &'a Control,
}

impl Queries for Stores<'_> {
    fn query(&self, expr: &Expression, time_ms: i64) -> Result<Vec<VectorSample>, EvalError> {
        if expr.language() == Language::PromQl {
            let (engine, source) = (self.engine, self.source);
            return EngineQueries { engine, source, control: self.control }.query(expr, time_ms);
        }
        let found = records::evaluate(self.app, &self.tenant, expr, time_ms, self.control);
        found.map(|f| f.vector).map_err(|e| EvalError::query(e.message))
    }
}

/// The values of one expression, evaluated at once; everything else is asked of the stores.
pub(super) struct Replayed<'a> {
    expr: Expression,
    steps: HashMap<i64, Vec<VectorSample>>,
    stores: Stores<'a>,
}

impl<'a> Replayed<'a> {
    /// Evaluates an expression at every `step` from `first` to `end`.
    pub fn new(
        stores: Stores<'a>,
        expr: Expression,
        (first, end, step): (i64, i64, i64),
    ) -> Result<Replayed<'a>, ApiError> {
        let at: Vec<i64> = match end < first {
            true => Vec::new(),
            false => (0..=(end - first) / step).map(|i| first + i * step).collect(),
        };
        let mut steps: HashMap<i64, Vec<VectorSample>> = at.iter().map(|at| (*at, Vec::new())).collect();
        let (app, control) = (stores.app, stores.control);
        let value = match &expr {
            _ if at.is_empty() => None,
            Expression::PromQl(expr) => {
                let output = stores.engine.range(stores.source, expr, first, end, step, control);
                Some(output.map_err(failed)?.value)
            }
            Expression::LogQl(expr) => {
                let engine = crate::loki::engine(app);
                let source =
                    crate::loki::LogSource::new(app.ready()?, &stores.tenant, engine.options.memory_max);
                let ns = |ms: i64| ms.saturating_mul(1_000_000);
                let output = engine.range(&source, expr, ns(first), ns(end), ns(step), control);
                Some(output.map_err(failed)?.value)
            }
            Expression::TraceQl { .. } => {
                let mut observations = 0;
                for at in &at {
                    let found = records::evaluate(app, &stores.tenant, &expr, *at, control)?;
                    observations += found.vector.len();
                    bounded(observations, found.vector.len())?;
                    steps.insert(*at, found.vector);
                }
                None
            }
        };
        if let Some(value) = value {
            spread(value, &mut steps)?;
        }
        Ok(Replayed { expr, steps, stores })
    }
}

/// Puts the points of series where their steps are.
fn spread(value: Value, steps: &mut HashMap<i64, Vec<VectorSample>>) -> Result<(), ApiError> {
    let Value::Matrix(series) = value else {
        return Err(ApiError::bad_data("expr: it is neither a vector nor a scalar"));
    };
    let points: usize = series.iter().map(|s| s.floats.len() + s.histograms.len()).sum();
    bounded(points, series.len())?;
    for one in series {
        let floats = one.floats.iter().map(|(at, v)| (*at, Point::Float(*v)));
        let histograms = one.histograms.iter().map(|(at, h)| (*at, Point::Histogram(Arc::clone(h))));
        for (time_ms, value) in floats.chain(histograms) {
            let sample = VectorSample { labels: one.labels.clone(), time_ms, value };
            steps.entry(time_ms).or_default().push(sample);
        }
    }
    Ok(())
}

fn bounded(points: usize, series: usize) -> Result<(), ApiError> {
    if points <= OBSERVATIONS_MAX {
        return Ok(());
    }
    let message = format!(
        "{points} observations of {series} series, over the limit of {OBSERVATIONS_MAX}: choose a longer step or a shorter range"
    );
    Err(ApiError::new(ErrorKind::Execution, message))
}

impl Queries for Replayed<'_> {
    fn query(&self, expr: &Expression, time_ms: i64) -> Result<Vec<VectorSample>, EvalError> {
        match self.steps.get(&time_ms) {
            Some(vector) if *expr == self.expr => Ok(vector.clone()),
            _ => self.stores.query(expr, time_ms),
        }
    }
}

/// Keeps nothing.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn append(&mut self, _: &Labels, _: i64, _: &Point) -> Result<(), Refused> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}
