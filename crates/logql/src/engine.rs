//! Queries from start to end.

use crate::ast::{Expr, LogExpr, Metric, VectorOp};
use crate::eval::{self, Context, Steps};
use crate::source::Source;
use crate::value::{LogOutput, LogRange, Output, Value};
use promql::{Control, EvalError};

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Series that the result of a metric query may have.
    pub series_max: usize,
    /// Lines that may be asked for.
    pub entries_max: usize,
    /// Steps that a range query may have.
    pub steps_max: u64,
    /// Samples that a metric query may hold at once.
    pub samples_max: u64,
    /// Bytes that a query may hold at once.
    pub memory_max: u64,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            series_max: 10_000,
            entries_max: 1_000_000,
            steps_max: 11_000,
            samples_max: 50_000_000,
            memory_max: 1 << 30,
        }
    }
}

/// Evaluates queries over any source.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    /// Its settings.
    pub options: EngineOptions,
}

impl Engine {
    /// An engine with these settings.
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options }
    }

    /// The lines of a range.
    pub fn logs(
        &self,
        source: &dyn Source,
        log: &LogExpr,
        range: &LogRange,
        control: &Control,
    ) -> Result<LogOutput, EvalError> {
        let mut context = Context::new(source, control, &self.options);
        let streams = eval::log(&mut context, log, range)?;
        Ok(LogOutput { streams, stats: context.stats })
    }

    /// The value of a metric query at one instant.
    pub fn instant(
        &self,
        source: &dyn Source,
        expr: &Expr,
        time_ns: i64,
        control: &Control,
    ) -> Result<Output, EvalError> {
        let metric = metric(expr, "instant")?;
        let steps = Steps { start_ns: time_ns, step_ns: 1, count: 1 };
        self.evaluate(source, metric, &steps, true, control)
    }

    /// The values of a metric query at every step from `start_ns` to `end_ns`, both included.
    pub fn range(
        &self,
        source: &dyn Source,
        expr: &Expr,
        start_ns: i64,
        end_ns: i64,
        step_ns: i64,
        control: &Control,
    ) -> Result<Output, EvalError> {
        let metric = metric(expr, "range")?;
        if step_ns <= 0 {
            let message = format!("the step of a range query is {step_ns} ns; it must be positive");
            return Err(EvalError::query(message));
        }
        if approximate(metric) {
            return Err(EvalError::query(
                "approx_topk works in instant queries only: use topk in a range query",
            ));
        }
        let span = i128::from(end_ns) - i128::from(start_ns);
        let count = if span < 0 { 0 } else { span / i128::from(step_ns) + 1 };
        if count > i128::from(self.options.steps_max) {
            return Err(EvalError::Limit {
                what: "steps",
                observed: u64::try_from(count).unwrap_or(u64::MAX),
                limit: self.options.steps_max,
                setting: "query.steps_max",
            });
        }
        let steps = Steps { start_ns, step_ns, count: count as usize };
        self.evaluate(source, metric, &steps, false, control)
    }

    fn evaluate(
        &self,
        source: &dyn Source,
        metric: &Metric,
        steps: &Steps,
        instant: bool,
        control: &Control,
    ) -> Result<Output, EvalError> {
        let mut context = Context::new(source, control, &self.options);
        if steps.count == 0 {
            return Ok(Output {
                value: Value::Matrix(Vec::new()),
                warnings: Vec::new(),
                stats: context.stats,
            });
        }
        let value = eval::metric(&mut context, metric, steps, instant)?;
        let series = match &value {
            Value::Vector(samples) => samples.len(),
            Value::Matrix(series) => series.len(),
            Value::Scalar { .. } | Value::String { .. } => 1,
        };
        if series > self.options.series_max {
            return Err(EvalError::Limit {
                what: "series in its result",
                observed: series as u64,
                limit: self.options.series_max as u64,
                setting: "query.log_series_max, or aggregate with sum by (…)",
            });
        }
        let mut stats = context.stats;
        stats.steps = steps.count as u64;
        Ok(Output { value, warnings: Vec::new(), stats })
    }
}

fn metric<'e>(expr: &'e Expr, what: &str) -> Result<&'e Metric, EvalError> {
    match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(_) => Err(EvalError::query(format!(
            "a {what} metric query is asked for, and this query gives lines: ask for lines over a time range, or \
             count them with count_over_time"
        ))),
    }
}

/// Whether a query uses `approx_topk`.
fn approximate(metric: &Metric) -> bool {
    match metric {
        Metric::Vector(v) => v.op == VectorOp::ApproxTopk || approximate(&v.inner),
        Metric::Binary(b) => approximate(&b.lhs) || approximate(&b.rhs),
        Metric::LabelReplace(l) => approximate(&l.inner),
        Metric::Range(_) | Metric::Constant { .. } | Metric::Number { .. } => false,
    }
}
