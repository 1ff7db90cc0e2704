//! Queries that give numbers.
//!
//! Where spans know on their own whether they count, they are counted as the source gives them. Else the traces that may
//! have some are put together, some at a time.

use super::code::{Code, ColumnSet, Here, SpanRef};
use super::collect::{self, Reading, Sought};
use super::compare::Comparing;
use super::measure::Measure;
use super::need;
use super::pipeline::Flow;
use super::series::{Grid, Made, finished, joined, scaled, staged};
use super::values::{Names, Values};
use super::{Context, stopped};
use crate::ast::{FieldExpr, Function, Metrics, MetricsQuery, Pipeline, Query};
use crate::field::{Field, Scope};
use crate::literal::Literal;
use crate::source::{Columns, Order, Scan};
use crate::value::{MetricsRange, Series};
use hashbrown::HashMap;
use model::record::TraceId;
use promql::{EvalError, Held};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Bytes that a trace takes of which only the id is known.
const SEEN_BYTES: u64 = 64;
/// Traces that are put together at once: each time all that lies between them is looked through.
const TOGETHER: usize = 8192;

/// The series of a metrics query.
pub(crate) fn evaluate(
    context: &mut Context<'_>,
    query: &Query,
    metrics: &Metrics,
    range: &MetricsRange,
    exemplars: usize,
) -> Result<Vec<Series>, EvalError> {
    let grid = Grid::new(range, context.options.steps_max).map_err(|steps| EvalError::Limit {
        what: "steps",
        observed: steps,
        limit: context.options.steps_max,
        setting: "query.steps_max, or ask for longer steps",
    })?;
    let exemplars = match query.hint("exemplars") {
        Some(Literal::Bool(false)) => 0,
        Some(Literal::Int(count)) => usize::try_from(*count).unwrap_or(0),
        _ => exemplars,
    };
    let exemplars = match range {
        MetricsRange::Instant { .. } => 0,
        MetricsRange::Steps { .. } => exemplars.min(context.options.exemplars_max),
    };
    let asked =
        Asked { grid, exemplars, extrapolate: query.hint("extrapolate") == Some(&Literal::Bool(true)) };
    let series = series(context, metrics, &asked)?;
    Ok(finished(series, &grid, exemplars))
}

struct Asked {
    grid: Grid,
    exemplars: usize,
    extrapolate: bool,
}

fn series(context: &mut Context<'_>, metrics: &Metrics, asked: &Asked) -> Result<Vec<Made>, EvalError> {
    Ok(match metrics {
        Metrics::Query(query) => measured(context, query, asked)?,
        Metrics::Staged(inner, stages) => {
            let inner = series(context, inner, asked)?;
            stages.iter().fold(inner, staged)
        }
        Metrics::Binary(op, sides) => match &**sides {
            (Metrics::Number(number), right) => {
                scaled(*op, series(context, right, asked)?, number.number().unwrap_or(f64::NAN), true)
            }
            (left, Metrics::Number(number)) => {
                scaled(*op, series(context, left, asked)?, number.number().unwrap_or(f64::NAN), false)
            }
            (left, right) => {
                let left = series(context, left, asked)?;
                joined(*op, left, series(context, right, asked)?)
            }
        },
        Metrics::Number(_) => Vec::new(),
    })
}

fn measured(context: &mut Context<'_>, query: &MetricsQuery, asked: &Asked) -> Result<Vec<Made>, EvalError> {
    let fields: Vec<&Field> = match &query.function {
        Function::Fold(_, of) | Function::Quantile(of, _) | Function::Histogram(of) => {
            query.by.iter().chain([of]).collect()
        }
        Function::Rate | Function::CountOverTime | Function::Compare { .. } => query.by.iter().collect(),
    };
    let local = fields.iter().all(|f| f.is_local());
    let feed = Feed { grid: asked.grid, order: Order::Any, all: false };
    if let Function::Compare { filter, top, window } = &query.function {
        let feed = Feed { all: true, ..feed };
        let make = |columns: &mut ColumnSet| Comparing::new(filter, *top, *window, asked.grid, columns);
        return Ok(feed.run(context, &query.pipeline, need::is_local(filter), make)?.finish());
    }
    let (series_max, exemplars, extrapolate) =
        (context.options.series_max, asked.exemplars, asked.extrapolate);
    let make = |columns: &mut ColumnSet| {
        Ok(Measure::new(query, asked.grid, exemplars, extrapolate, series_max, columns))
    };
    Ok(feed.run(context, &query.pipeline, local, make)?.finish())
}

/// The values of a field among the spans that a pipeline finds, at most so many.
pub(crate) fn values(
    context: &mut Context<'_>,
    pipeline: &Pipeline,
    field: &Field,
    range: &MetricsRange,
    limit: usize,
) -> Result<Vec<Literal>, EvalError> {
    let feed = Feed { grid: Grid::new(range, 1).unwrap_or(Grid::NOTHING), order: Order::Any, all: false };
    let make = |columns: &mut ColumnSet| Ok(Values::new(field, limit, columns));
    Ok(feed.run(context, pipeline, field.is_local(), make)?.finish())
}

/// The names of attributes of the latest spans that a pipeline finds, of so many of them.
pub(crate) fn names(
    context: &mut Context<'_>,
    pipeline: &Pipeline,
    range: &MetricsRange,
    sample: usize,
) -> Result<BTreeMap<Scope, Vec<String>>, EvalError> {
    let feed = Feed { grid: Grid::new(range, 1).unwrap_or(Grid::NOTHING), order: Order::Backward, all: true };
    Ok(feed.run(context, pipeline, true, |_| Ok(Names::new(sample)))?.finish())
}

/// What takes in spans.
trait Taking {
    fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError>;

    /// Whether further spans are of no use.
    fn is_full(&self) -> bool {
        false
    }
}

impl Taking for Measure<'_> {
    fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        Measure::add(self, here, held)
    }
}

impl Taking for Comparing {
    fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        Comparing::add(self, here, held)
    }
}

impl Taking for Values {
    fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        Values::add(self, here, held)
    }

    fn is_full(&self) -> bool {
        Values::is_full(self)
    }
}

impl Taking for Names {
    fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        Names::add(self, here, held)
    }

    fn is_full(&self) -> bool {
        Names::is_full(self)
    }
}

/// How spans are read.
struct Feed {
    grid: Grid,
    order: Order,
    /// Whether all attributes are.
    all: bool,
}

impl Feed {
    /// Hands the spans that a pipeline finds to what `make` makes. `local` is whether that looks at nothing but the span.
    fn run<T: Taking>(
        &self,
        context: &mut Context<'_>,
        pipeline: &Pipeline,
        local: bool,
        make: impl FnOnce(&mut ColumnSet) -> Result<T, EvalError>,
    ) -> Result<T, EvalError> {
        let needed = need::of_pipeline(pipeline);
        if local && need::is_filter(pipeline) {
            let mut columns = ColumnSet::default();
            let mut taking = make(&mut columns)?;
            self.spans(context, &needed, columns, &mut |here, held| {
                taking.add(here, held)?;
                Ok(!taking.is_full())
            })?;
            return Ok(taking);
        }
        let sought = self.worth_a_look(context, &needed)?;
        let mut columns = ColumnSet::default();
        let flow = Flow::new(pipeline, &mut columns)?;
        let mut taking = make(&mut columns)?;
        let reading = Reading::new(columns, self.all);
        collect::traces(context, &reading, &sought, TOGETHER, &mut |context, trace, _| {
            for set in flow.run(trace) {
                for at in set.spans {
                    let here = trace.here(at as usize);
                    if self.grid.step_of(here.span.start_ns()).is_some() {
                        taking.add(here, &mut context.held)?;
                    }
                }
            }
            Ok(!taking.is_full())
        })?;
        Ok(taking)
    }

    /// The traces that have a span which a query needs, in order of time.
    fn worth_a_look(&self, context: &mut Context<'_>, needed: &FieldExpr) -> Result<Vec<Sought>, EvalError> {
        let mut seen: HashMap<TraceId, i64> = HashMap::new();
        let reading = Feed { order: Order::Any, all: false, ..*self };
        reading.spans(context, needed, ColumnSet::default(), &mut |here, held| {
            let id = here.span.trace_id();
            if !id.is_none() && !seen.contains_key(&id) {
                held.grow(SEEN_BYTES)?;
                seen.insert(id, here.span.start_ns());
            }
            Ok(true)
        })?;
        let mut sought: Vec<Sought> = seen.into_iter().map(|(id, at)| (at, id)).collect();
        sought.sort_unstable();
        Ok(sought)
    }

    /// Spans that satisfy a condition, as the source gives them, until `take` gives `false`.
    fn spans(
        &self,
        context: &mut Context<'_>,
        needed: &FieldExpr,
        mut columns: ColumnSet,
        take: &mut dyn FnMut(Here<'_>, &mut Held) -> Result<bool, EvalError>,
    ) -> Result<(), EvalError> {
        let code = Code::new(needed, &mut columns)?;
        let hints = need::hints(needed);
        let names: Vec<&str> = columns.names.iter().map(String::as_str).collect();
        let scan = Scan {
            start_ns: self.grid.from_ns,
            end_ns: self.grid.until_ns,
            order: self.order,
            hints: &hints,
            columns: Columns { name: columns.name, named: &names, all: self.all },
        };
        let (source, control, held) = (context.source, context.control, &mut context.held);
        let mut failure = None;
        let stats = source.scan(&scan, control, &mut |rows| {
            let mut block = || {
                control.check()?;
                for row in 0..rows.len() {
                    let here = Here { span: SpanRef::Row(rows, row), at: None };
                    if code.passes(here) && !take(here, held)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            };
            match stopped(block(), &mut failure) {
                Some(true) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        context.stats.add(&stats);
        failure.map_or(Ok(()), Err)
    }
}
