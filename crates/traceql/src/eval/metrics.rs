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
use super::{Context, stopped};
use crate::ast::{FieldExpr, Function, Metrics, MetricsQuery, Query};
use crate::field::Field;
use crate::literal::Literal;
use crate::source::{Columns, Order, Scan};
use crate::value::{MetricsRange, Series};
use hashbrown::HashMap;
use model::record::TraceId;
use promql::{EvalError, Held};
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

/// Takes in spans, whatever becomes of them.
enum Taking<'q> {
    Measure(Measure<'q>),
    Comparing(Comparing),
}

impl<'q> Taking<'q> {
    fn new(
        context: &Context<'_>,
        query: &'q MetricsQuery,
        asked: &Asked,
        columns: &mut ColumnSet,
    ) -> Result<Taking<'q>, EvalError> {
        Ok(match &query.function {
            Function::Compare { filter, top, window } => {
                Taking::Comparing(Comparing::new(filter, *top, *window, asked.grid, columns)?)
            }
            _ => {
                let series_max = context.options.series_max;
                let (exemplars, extrapolate) = (asked.exemplars, asked.extrapolate);
                Taking::Measure(Measure::new(query, asked.grid, exemplars, extrapolate, series_max, columns))
            }
        })
    }

    fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        match self {
            Taking::Measure(measure) => measure.add(here, held),
            Taking::Comparing(comparing) => comparing.add(here, held),
        }
    }

    fn finish(self) -> Vec<Made> {
        match self {
            Taking::Measure(measure) => measure.finish(),
            Taking::Comparing(comparing) => comparing.finish(),
        }
    }
}

fn measured(context: &mut Context<'_>, query: &MetricsQuery, asked: &Asked) -> Result<Vec<Made>, EvalError> {
    let needed = need::of_pipeline(&query.pipeline);
    let mut fields: Vec<&Field> = query.by.iter().collect();
    let mut filter_local = true;
    match &query.function {
        Function::Fold(_, of) | Function::Quantile(of, _) | Function::Histogram(of) => fields.push(of),
        Function::Compare { filter, .. } => filter_local = need::is_local(filter),
        Function::Rate | Function::CountOverTime => {}
    }
    let local = need::is_filter(&query.pipeline) && filter_local && fields.iter().all(|f| f.is_local());
    if local { spans(context, query, asked, &needed) } else { traces(context, query, asked, &needed) }
}

/// Spans as the source gives them.
fn spans(
    context: &mut Context<'_>,
    query: &MetricsQuery,
    asked: &Asked,
    needed: &FieldExpr,
) -> Result<Vec<Made>, EvalError> {
    let mut columns = ColumnSet::default();
    let code = Code::new(needed, &mut columns)?;
    let mut taking = Taking::new(context, query, asked, &mut columns)?;
    let held = &mut context.held;
    let (source, control) = (context.source, context.control);
    let mut failure = None;
    let hints = need::hints(needed);
    let names: Vec<&str> = columns.names.iter().map(String::as_str).collect();
    let all = matches!(query.function, Function::Compare { .. });
    let scan = Scan {
        start_ns: asked.grid.from_ns,
        end_ns: asked.grid.until_ns,
        order: Order::Any,
        hints: &hints,
        columns: Columns { name: columns.name, named: &names, all },
    };
    let stats = source.scan(&scan, control, &mut |rows| {
        let mut block = || {
            control.check()?;
            for row in 0..rows.len() {
                let here = Here { span: SpanRef::Row(rows, row), at: None };
                if code.passes(here) {
                    taking.add(here, held)?;
                }
            }
            Ok(())
        };
        match stopped(block(), &mut failure) {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    })?;
    context.stats.add(&stats);
    failure.map_or_else(|| Ok(taking.finish()), Err)
}

/// Spans of traces that are put together.
fn traces(
    context: &mut Context<'_>,
    query: &MetricsQuery,
    asked: &Asked,
    needed: &FieldExpr,
) -> Result<Vec<Made>, EvalError> {
    let sought = worth_a_look(context, asked, needed)?;
    let mut columns = ColumnSet::default();
    let flow = Flow::new(&query.pipeline, &mut columns)?;
    let mut taking = Taking::new(context, query, asked, &mut columns)?;
    let reading = Reading::new(columns, matches!(query.function, Function::Compare { .. }));
    collect::traces(context, &reading, &sought, TOGETHER, &mut |context, trace| {
        for set in flow.run(trace) {
            for at in set.spans {
                taking.add(trace.here(at as usize), &mut context.held)?;
            }
        }
        Ok(true)
    })?;
    Ok(taking.finish())
}

/// The traces that have a span which a query needs, in order of time.
fn worth_a_look(
    context: &mut Context<'_>,
    asked: &Asked,
    needed: &FieldExpr,
) -> Result<Vec<Sought>, EvalError> {
    let mut columns = ColumnSet::default();
    let code = Code::new(needed, &mut columns)?;
    let names: Vec<&str> = columns.names.iter().map(String::as_str).collect();
    let hints = need::hints(needed);
    let scan = Scan {
        start_ns: asked.grid.from_ns,
        end_ns: asked.grid.until_ns,
        order: Order::Any,
        hints: &hints,
        columns: Columns { name: columns.name, named: &names, all: false },
    };
    let (source, control, held) = (context.source, context.control, &mut context.held);
    let mut seen: HashMap<TraceId, i64> = HashMap::new();
    let mut failure = None;
    let stats = source.scan(&scan, control, &mut |rows| {
        let mut block = || {
            control.check()?;
            for row in 0..rows.len() {
                let id = rows.trace_id(row);
                if !id.is_none()
                    && !seen.contains_key(&id)
                    && code.passes(Here { span: SpanRef::Row(rows, row), at: None })
                {
                    held.grow(SEEN_BYTES)?;
                    seen.insert(id, rows.start_ns(row));
                }
            }
            Ok(())
        };
        match stopped(block(), &mut failure) {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    })?;
    context.stats.add(&stats);
    if let Some(e) = failure {
        return Err(e);
    }
    let mut sought: Vec<Sought> = seen.into_iter().map(|(id, at)| (at, id)).collect();
    sought.sort_unstable();
    Ok(sought)
}
