//! Queries from start to end.

use crate::ast::{At, Duration, Edges, Expr, Matching, ValueType, VectorSelector};
use crate::control::Control;
use crate::error::EvalError;
use crate::eval::{
    Cell, Evaluator, Grid, QueryTimes, Series, Trace, TracedSource, finished, finished_in_order,
    into_matrix_series,
};
use crate::explain::{PlanNode, plan};
use crate::source::Source;
use crate::value::{Output, Point, Value, VectorSample};

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How long a sample counts after its timestamp.
    pub lookback_ms: i64,
    /// Resolution of subqueries that state none.
    pub subquery_step_ms: i64,
    /// Series that one selector may find.
    pub series_max: u64,
    /// Samples a query may hold at once.
    pub samples_max: u64,
    /// Steps a range query may have.
    pub steps_max: u64,
    /// Bytes a query may hold at once.
    pub memory_max: u64,
    /// Whether experimental functions and syntax may be used.
    pub experimental: bool,
    /// Threads one query may use. The result does not depend on it.
    pub threads: usize,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            lookback_ms: 5 * 60 * 1000,
            subquery_step_ms: 60 * 1000,
            series_max: 5_000_000,
            samples_max: 50_000_000,
            steps_max: 11_000,
            memory_max: 1 << 30,
            experimental: true,
            threads: 1,
        }
    }
}

/// When a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// At one instant, Unix milliseconds.
    Instant(i64),
    /// At every step of a range, both ends included.
    Range {
        /// Unix milliseconds.
        start_ms: i64,
        /// Unix milliseconds.
        end_ms: i64,
        /// Milliseconds between steps.
        step_ms: i64,
    },
}

/// The answer to a query, and how it was found.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The answer, the same as without an explanation.
    pub output: Output,
    /// The query's nodes with what each gave, read, took and held.
    pub plan: PlanNode,
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

    /// Evaluates a query and tells how.
    pub fn explain(
        &self,
        source: &dyn Source,
        expr: &Expr,
        times: Times,
        control: &Control,
    ) -> Result<Explained, EvalError> {
        let trace = Trace::default();
        let source = TracedSource { source, trace: &trace };
        let output = match times {
            Times::Instant(at) => self.instant_traced(&source, expr, at, control, Some(&trace)),
            Times::Range { start_ms, end_ms, step_ms } => {
                self.range_traced(&source, expr, (start_ms, end_ms, step_ms), control, Some(&trace))
            }
        }?;
        let mut plan = plan(expr, &trace);
        plan.series.get_or_insert(output.value.series() as u64);
        Ok(Explained { output, plan })
    }

    /// The value of a query at one instant.
    pub fn instant(
        &self,
        source: &dyn Source,
        expr: &Expr,
        time_ms: i64,
        control: &Control,
    ) -> Result<Output, EvalError> {
        self.instant_traced(source, expr, time_ms, control, None)
    }

    fn instant_traced(
        &self,
        source: &dyn Source,
        expr: &Expr,
        time_ms: i64,
        control: &Control,
        trace: Option<&Trace>,
    ) -> Result<Output, EvalError> {
        self.check_experimental(expr)?;
        let times = QueryTimes { start: time_ms, end: time_ms, step: 0 };
        let mut evaluator = Evaluator::new(source, &self.options, control, times).traced(trace);
        let grid = Grid::once(time_ms);
        let value = match expr.value_type() {
            ValueType::String => Value::String { time_ms, value: string(expr) },
            ValueType::Scalar => Value::Scalar { time_ms, value: evaluator.scalar(expr, &grid)?[0] },
            ValueType::Vector => {
                let series = finished(evaluator.vector(expr, &grid)?)?;
                Value::Vector(series.into_iter().filter_map(|s| vector_sample(s, time_ms)).collect())
            }
            ValueType::Matrix => {
                let mut series = evaluator.matrix(expr, time_ms)?;
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                Value::Matrix(series)
            }
        };
        Ok(output(evaluator, value, 1))
    }

    /// The values of a query at every step from `start_ms` to `end_ms`, both included.
    pub fn range(
        &self,
        source: &dyn Source,
        expr: &Expr,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        control: &Control,
    ) -> Result<Output, EvalError> {
        self.range_traced(source, expr, (start_ms, end_ms, step_ms), control, None)
    }

    fn range_traced(
        &self,
        source: &dyn Source,
        expr: &Expr,
        (start_ms, end_ms, step_ms): (i64, i64, i64),
        control: &Control,
        trace: Option<&Trace>,
    ) -> Result<Output, EvalError> {
        self.check_experimental(expr)?;
        if step_ms <= 0 {
            return Err(EvalError::query(format!(
                "the step of a range query is {step_ms} ms; it must be positive"
            )));
        }
        let grid = Grid::range(start_ms, end_ms, step_ms);
        if grid.count as u64 > self.options.steps_max {
            return Err(EvalError::Limit {
                what: "steps",
                observed: grid.count as u64,
                limit: self.options.steps_max,
                setting: "query.steps_max",
            });
        }
        let times = QueryTimes { start: start_ms, end: end_ms, step: step_ms };
        let mut evaluator = Evaluator::new(source, &self.options, control, times).traced(trace);
        let series = match expr.value_type() {
            ValueType::Scalar if grid.count == 0 => Vec::new(),
            ValueType::Scalar => vec![Series {
                labels: model::Labels::empty(),
                drop_name: false,
                floats: evaluator.scalar(expr, &grid)?,
                histograms: Vec::new(),
            }],
            ValueType::Vector => finished_in_order(evaluator.vector(expr, &grid)?)?,
            other => {
                return Err(EvalError::query(format!(
                    "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                    other.documented()
                )));
            }
        };
        let matrix = series.into_iter().map(|s| into_matrix_series(s, &grid)).collect();
        Ok(output(evaluator, Value::Matrix(matrix), grid.count))
    }

    fn check_experimental(&self, expr: &Expr) -> Result<(), EvalError> {
        if self.options.experimental {
            return Ok(());
        }
        match experimental_use(expr) {
            None => Ok(()),
            Some(what) => Err(EvalError::query(format!(
                "{what} is experimental and not enabled: set query.experimental to allow it"
            ))),
        }
    }
}

fn output(evaluator: Evaluator<'_>, value: Value, steps: usize) -> Output {
    let (mut stats, annotations) = evaluator.finish();
    stats.steps = steps as u64;
    Output { value, annotations, stats }
}

fn string(expr: &Expr) -> String {
    match expr.unparen() {
        Expr::String(s) => s.text().into_owned(),
        _ => String::new(),
    }
}

fn vector_sample(s: Series, time_ms: i64) -> Option<VectorSample> {
    let value = match s.get(0)? {
        Cell::Float(v) => Point::Float(v),
        Cell::Histogram(h) => Point::Histogram(h),
    };
    Some(VectorSample { labels: s.labels, time_ms, value })
}

/// The first experimental thing that a query uses.
pub fn experimental_use(expr: &Expr) -> Option<String> {
    let mut found = None;
    expr.walk(&mut |e| {
        if found.is_none() {
            found = experimental_node(e);
        }
    });
    found
}

fn experimental_node(expr: &Expr) -> Option<String> {
    let computed = |d: Option<&Duration>| {
        matches!(d, Some(Duration::Computed(_))).then(|| "a duration expression".to_owned())
    };
    let selector = |v: &VectorSelector| match v.edges {
        Edges::Plain => computed(v.offset.as_ref()),
        Edges::Anchored => Some("the modifier anchored".to_owned()),
        Edges::Smoothed => Some("the modifier smoothed".to_owned()),
    };
    match expr {
        Expr::Call(c) if c.function.experimental => Some(format!("function \"{}\"", c.function.name)),
        Expr::Aggregate(a) if a.op.experimental() => Some(format!("aggregation \"{}\"", a.op.as_str())),
        Expr::Binary(b) => match &b.matching {
            Some(Matching { fill_left: None, fill_right: None, .. }) | None => None,
            Some(_) => Some("the modifier fill".to_owned()),
        },
        Expr::Vector(v) => selector(v),
        Expr::Matrix(m) => computed(Some(&m.range)).or_else(|| selector(&m.selector)),
        Expr::Subquery(s) => computed(Some(&s.range))
            .or_else(|| computed(s.step.as_ref()))
            .or_else(|| computed(s.offset.as_ref())),
        _ => None,
    }
}

/// Fixes every selector that has no `@` to a time; those inside a subquery that is fixed stay as they are. The
/// result of the query at that time stays the same.
pub fn pinned(expr: &Expr, time_ms: i64) -> Expr {
    let mut expr = expr.clone();
    pin(&mut expr, time_ms);
    expr
}

fn pin(expr: &mut Expr, time_ms: i64) {
    let fix = |at: &mut Option<At>| {
        at.get_or_insert(At::Time(time_ms));
    };
    match expr {
        Expr::Vector(v) => fix(&mut v.at),
        Expr::Matrix(m) => fix(&mut m.selector.at),
        // Once the subquery is fixed, what is inside follows it.
        Expr::Subquery(s) => fix(&mut s.at),
        Expr::Aggregate(a) => {
            pin(&mut a.expr, time_ms);
            if let Some(p) = &mut a.param {
                pin(p, time_ms);
            }
        }
        Expr::Binary(b) => {
            pin(&mut b.lhs, time_ms);
            pin(&mut b.rhs, time_ms);
        }
        Expr::Call(c) => c.args.iter_mut().for_each(|a| pin(a, time_ms)),
        Expr::Paren(p) => pin(&mut p.expr, time_ms),
        Expr::Unary(u) => pin(&mut u.expr, time_ms),
        Expr::Number(_) | Expr::String(_) => {}
    }
}
