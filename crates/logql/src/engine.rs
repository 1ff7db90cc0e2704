//! Queries from start to end.

use crate::ast::{Expr, LogExpr, Metric, VectorOp};
use crate::eval::{self, Context, Steps, Trace};
use crate::explain;
use crate::source::Source;
use crate::value::{Explained, LogOutput, LogRange, Output, Value, When};
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
        let steps = self.steps(expr, When::Instant(time_ns))?;
        self.evaluate(&mut Context::new(source, control, &self.options), metric(expr)?, &steps)
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
        let steps = self.steps(expr, When::Steps { start_ns, end_ns, step_ns })?;
        self.evaluate(&mut Context::new(source, control, &self.options), metric(expr)?, &steps)
    }

    /// Evaluates a query and tells how, instead of what it gives.
    pub fn explain(
        &self,
        source: &dyn Source,
        expr: &Expr,
        when: When,
        control: &Control,
    ) -> Result<Explained, EvalError> {
        let mut context = Context::new(source, control, &self.options);
        context.trace = Some(Trace::default());
        match (expr, when) {
            (Expr::Log(log), When::Lines(range)) => drop(eval::log(&mut context, log, &range)?),
            _ => {
                let steps = self.steps(expr, when)?;
                let output = self.evaluate(&mut context, metric(expr)?, &steps)?;
                context.stats.steps = output.stats.steps;
            }
        }
        let trace = context.trace.take().unwrap_or_default();
        match explain::plan(expr, &trace, context.stats.entries) {
            Some(plan) => Ok(Explained { plan, stats: context.stats }),
            None => Err(EvalError::query("nothing is evaluated: the range or the limit is empty")),
        }
    }

    /// The instants of a metric query, if it can be evaluated there.
    fn steps(&self, expr: &Expr, when: When) -> Result<Steps, EvalError> {
        let (start_ns, end_ns, step_ns) = match when {
            When::Instant(time_ns) => {
                return Ok(Steps { start_ns: time_ns, step_ns: 1, count: 1, instant: true });
            }
            When::Steps { start_ns, end_ns, step_ns } => (start_ns, end_ns, step_ns),
            When::Lines(_) => {
                return Err(EvalError::query(
                    "lines are asked for, and this query gives numbers: ask for an instant, or for steps over a range",
                ));
            }
        };
        if step_ns <= 0 {
            let message = format!("the step of a range query is {step_ns} ns; it must be positive");
            return Err(EvalError::query(message));
        }
        if approximate(metric(expr)?) {
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
        Ok(Steps { start_ns, step_ns, count: count as usize, instant: false })
    }

    fn evaluate(
        &self,
        context: &mut Context<'_>,
        metric: &Metric,
        steps: &Steps,
    ) -> Result<Output, EvalError> {
        if steps.count == 0 {
            return Ok(Output {
                value: Value::Matrix(Vec::new()),
                warnings: Vec::new(),
                stats: context.stats,
            });
        }
        let value = eval::metric(context, metric, steps)?;
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

fn metric(expr: &Expr) -> Result<&Metric, EvalError> {
    match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(_) => Err(EvalError::query(
            "a metric query is asked for, and this query gives lines: ask for lines over a time range, or count them \
             with count_over_time",
        )),
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
