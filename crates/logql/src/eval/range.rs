//! Functions over ranges of lines.

use super::cells::{Cells, Cursor};
use super::fold::{Edge, Extreme, Finish, Moments, Samples, Store, Sum, Summaries, Total};
use super::groups::{Group, Groups};
use super::meter::{Meter, ScanTrace};
use super::plan::Plan;
use super::row::{CHUNK_ROWS, Rows};
use super::{Context, Steps, stopped};
use crate::ast::{Conversion, Grouping, RangeAggregate, RangeOp};
use crate::pipeline::{Predicate, Row, RowLabels, Wanted, parse_number};
use crate::source::{Block, BodyColumn, Order};
use crate::units;
use bumpalo::Bump;
use model::{Labels, MatchOp};
use promql::EvalError;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// A series with the number of a step and the value there, ascending.
pub(super) struct StepSeries {
    pub labels: Labels,
    pub values: Vec<(u32, f64)>,
}

const SAMPLE_EXTRACTION: &str = "SampleExtractionErr";

/// What a row counts.
enum Value<'q> {
    One,
    Bytes,
    Unwrap { label: &'q str, conversion: Conversion, filters: Vec<Predicate> },
}

/// What is around a function and may be done together with it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'q> {
    /// The clause of an aggregation that gives the same when series are already aggregated here.
    pub grouping: Option<&'q Grouping>,
    /// Only the series with the greatest (or the least) values are of use, so many of them.
    pub most: Option<Most>,
}

/// The series that `topk` or `bottomk` may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Most {
    pub greatest: bool,
    pub count: usize,
}

/// Evaluates a function at all steps.
pub(super) fn evaluate(
    context: &mut Context<'_>,
    range: &RangeAggregate,
    around: Around<'_>,
    steps: &Steps,
) -> Result<Vec<StepSeries>, EvalError> {
    use RangeOp::*;
    match range.op {
        AbsentOverTime => {
            let nothing = Grouping::default();
            let whole = Around { grouping: Some(&nothing), most: None };
            let present = run::<Summaries<Total>>(context, range, whole, steps)?;
            Ok(absent(range, &present, steps))
        }
        CountOverTime | BytesOverTime | BytesRate => run::<Summaries<Total>>(context, range, around, steps),
        Rate if range.unwrap.is_none() => run::<Summaries<Total>>(context, range, around, steps),
        Rate | SumOverTime => run::<Summaries<Sum>>(context, range, around, steps),
        MinOverTime => run::<Summaries<Extreme<false>>>(context, range, around, steps),
        MaxOverTime => run::<Summaries<Extreme<true>>>(context, range, around, steps),
        FirstOverTime => run::<Summaries<Edge<false>>>(context, range, around, steps),
        LastOverTime => run::<Summaries<Edge<true>>>(context, range, around, steps),
        AvgOverTime | StdvarOverTime | StddevOverTime => {
            run::<Summaries<Moments>>(context, range, around, steps)
        }
        QuantileOverTime | RateCounter => run::<Samples>(context, range, around, steps),
    }
}

/// 1 at every step that has nothing, with the labels that the selector names.
fn absent(range: &RangeAggregate, present: &[StepSeries], steps: &Steps) -> Vec<StepSeries> {
    let matchers = &range.log.matchers;
    let named_once = |name: &str| matchers.iter().filter(|m| m.name() == name).count() == 1;
    let pairs = matchers
        .iter()
        .filter(|m| m.op() == MatchOp::Equal && named_once(m.name()))
        .map(|m| (m.name(), m.value()));
    let labels = Labels::from_pairs(pairs).unwrap_or_default();
    let mut there = present.iter().flat_map(|s| &s.values).map(|(step, _)| *step).peekable();
    let mut values = Vec::new();
    for step in 0..steps.count as u32 {
        if there.next_if_eq(&step).is_none() {
            values.push((step, 1.0));
        }
    }
    if values.is_empty() { Vec::new() } else { vec![StepSeries { labels, values }] }
}

/// The labels that tell the series of a function apart.
fn group(range: &RangeAggregate, around: Option<&Grouping>) -> Group {
    let clause = range.grouping.as_ref().or(around);
    let (mut labels, without) = match clause {
        Some(g) => (g.labels.clone(), g.without),
        None => (Vec::new(), true),
    };
    match &range.unwrap {
        // The value is no label any more, unless it is asked for by name.
        Some(unwrap) if without => labels.push(unwrap.label.clone()),
        _ => {}
    }
    if without { Group::Without(labels) } else { Group::By(labels) }
}

fn run<S: Store>(
    context: &mut Context<'_>,
    range: &RangeAggregate,
    around: Around<'_>,
    steps: &Steps,
) -> Result<Vec<StepSeries>, EvalError> {
    let group = group(range, around.grouping);
    let value = value(range)?;
    let mut wanted = match &group {
        Group::By(labels) => Wanted::Named(labels.clone()),
        Group::Without(_) => Wanted::All,
    };
    if let Value::Unwrap { label, filters, .. } = &value {
        wanted.add(label);
        filters.iter().for_each(|f| f.names(&mut |name| wanted.add(name)));
    }
    let body = if matches!(value, Value::Bytes) { BodyColumn::Length } else { BodyColumn::None };
    let plan = Plan::new(&range.log, wanted, body, steps.last())?;
    let cells = Cells::new(steps, range.range_ns, range.offset_ns);
    context.held.grow(cells.bytes())?;
    let before = context.held.bytes();
    let mut collector = Collector::<S> {
        plan: &plan,
        cells: &cells,
        value,
        groups: Groups::new(group),
        store: S::default(),
        counts: Vec::new(),
        rows_kept: 0,
        meter: context.trace.is_some().then(|| Meter::new(&plan.pipeline)),
    };
    let (begun, mut visiting) = (Instant::now(), Duration::ZERO);
    let mut failure = None;
    let scan = plan.scan(cells.start_ns(), cells.end_ns(), Order::Any, None);
    let (mut made, mut stream_arena) = (Bump::new(), Bump::new());
    let control = context.control;
    let held = &mut context.held;
    let stats = context.source.scan(&scan, control, &mut |block| {
        let visited = Instant::now();
        let done = control.check().and_then(|()| {
            collector.block(block, &mut made, &mut stream_arena)?;
            held.shrink_to(before);
            held.grow(collector.bytes())
        });
        visiting += visited.elapsed();
        match stopped(done, &mut failure) {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    })?;
    if let Some(e) = failure {
        return Err(e);
    }
    context.stats.add(&stats);
    let finish = Finish { op: range.op, param: range.param.unwrap_or(f64::NAN), range_ns: range.range_ns };
    let meter = collector.meter.take();
    let reading = begun.elapsed().saturating_sub(visiting);
    let made = collector.finish(context, &finish, around.most)?;
    if let (Some(trace), Some(meter)) = (&mut context.trace, meter) {
        let (total, series, memory_bytes) = (begun.elapsed(), made.len() as u64, context.held.peak);
        trace.scans.push(ScanTrace { stats, meter, reading, total, series, memory_bytes });
    }
    Ok(made)
}

fn value(range: &RangeAggregate) -> Result<Value<'_>, EvalError> {
    Ok(match (&range.unwrap, range.op) {
        (Some(unwrap), _) => {
            let filters: Result<_, String> = unwrap.filters.iter().map(Predicate::new).collect();
            Value::Unwrap {
                label: &unwrap.label,
                conversion: unwrap.conversion,
                filters: filters.map_err(EvalError::query)?,
            }
        }
        (None, RangeOp::BytesOverTime | RangeOp::BytesRate) => Value::Bytes,
        _ => Value::One,
    })
}

/// Adds rows to their series and cells.
struct Collector<'q, S> {
    plan: &'q Plan<'q>,
    cells: &'q Cells,
    value: Value<'q>,
    groups: Groups,
    store: S,
    /// Rows of a block by cell.
    counts: Vec<u32>,
    /// Rows that took room of their own.
    rows_kept: u64,
    meter: Option<Meter>,
}

impl<S: Store> Collector<'_, S> {
    fn bytes(&self) -> u64 {
        self.groups.bytes() + self.rows_kept * S::ROW_BYTES + self.groups.len() as u64 * 64
    }

    fn block(
        &mut self,
        block: &Block<'_>,
        made: &mut Bump,
        stream_arena: &mut Bump,
    ) -> Result<(), EvalError> {
        let Some(first_ns) = block.times_ns.first() else { return Ok(()) };
        stream_arena.reset();
        let stream_arena = &*stream_arena;
        let plan = self.plan;
        let rows = Rows::new(plan, block, stream_arena);
        let leading = rows.leading_steps(stream_arena);
        if let Some(meter) = &mut self.meter {
            meter.block(block.len(), leading.done, leading.passes);
        }
        if !leading.passes {
            return Ok(());
        }
        let from = leading.done;
        let mut cursor = Cursor::new(self.cells, *first_ns);
        let only_times = from == plan.pipeline.steps.len() && matches!(self.value, Value::One);
        if only_times && rows.are_alike() {
            let series = self.series(rows.stream_labels());
            self.count_runs(series, block, &mut cursor);
            return Ok(());
        }
        for chunk in (0..block.len()).step_by(CHUNK_ROWS) {
            self.rows(&rows, block, from, chunk..(chunk + CHUNK_ROWS).min(block.len()), made, &mut cursor)?;
            made.reset();
        }
        Ok(())
    }

    fn series(&mut self, pairs: &[crate::pipeline::Pair<'_>]) -> u32 {
        let series = self.groups.of(pairs);
        self.store.grow(self.groups.len());
        series
    }

    /// Counts the rows of one series cell by cell.
    fn count_runs(&mut self, series: u32, block: &Block<'_>, cursor: &mut Cursor<'_>) {
        if self.cells.count(block.times_ns, &mut self.counts) {
            for (cell, n) in (0..).zip(&self.counts).filter(|(_, n)| **n > 0) {
                self.rows_kept += u64::from(self.store.add(series, cell, block.times_ns[0], f64::from(*n)));
            }
            return;
        }
        let mut times = block.times_ns;
        while let Some(first) = times.first() {
            let cell = cursor.cell(*first);
            // A cell that no window holds may reach far.
            let run = cursor.run(times).max(1);
            if let Some(cell) = cell {
                self.rows_kept += u64::from(self.store.add(series, cell, *first, run as f64));
            }
            times = &times[run..];
        }
    }

    fn rows(
        &mut self,
        rows: &Rows<'_>,
        block: &Block<'_>,
        from: usize,
        chunk: std::ops::Range<usize>,
        arena: &Bump,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), EvalError> {
        let mut row = Row { time_ns: 0, line: "", labels: RowLabels::default() };
        for i in chunk {
            row.time_ns = block.times_ns[i];
            let Some(cell) = cursor.cell(row.time_ns) else { continue };
            row.line = rows.line(i);
            rows.fill(i, &mut row.labels, arena);
            let pipeline = &self.plan.pipeline;
            let passes = match &mut self.meter {
                None => pipeline.run(from, &mut row, arena),
                Some(meter) => meter.run(pipeline, from, &mut row, arena),
            };
            if !passes {
                continue;
            }
            let Some(value) = self.value(&mut row, block, i, arena) else { continue };
            if !row.labels.error.is_empty() {
                return Err(pipeline_error(&row.labels));
            }
            let series = self.series(&row.labels.pairs);
            self.rows_kept += u64::from(self.store.add(series, cell, row.time_ns, value));
        }
        Ok(())
    }

    /// What a row counts; nothing if it has no value.
    fn value<'b>(&self, row: &mut Row<'b>, block: &Block<'_>, i: usize, arena: &'b Bump) -> Option<f64> {
        match &self.value {
            Value::One => Some(1.0),
            Value::Bytes if self.plan.body == BodyColumn::Length => Some(f64::from(block.bodies.length(i))),
            Value::Bytes => Some(row.line.len() as f64),
            Value::Unwrap { label, conversion, filters } => {
                let text = row.labels.get(label).filter(|text| !text.is_empty())?;
                let number = match conversion {
                    Conversion::Number => parse_number(text),
                    Conversion::Bytes => units::parse_bytes(text).map(|b| b as f64),
                    Conversion::Duration | Conversion::DurationSeconds => {
                        units::parse_value_duration(text).map(|ns| ns as f64 / 1e9)
                    }
                };
                if number.is_none() {
                    let details =
                        arena.alloc_str(&format!("label {label}: {text:?} cannot be read as a number"));
                    row.labels.error = SAMPLE_EXTRACTION;
                    row.labels.details = details;
                }
                let passes = filters.iter().all(|f| f.holds(&mut row.labels, arena));
                passes.then(|| number.unwrap_or(0.0))
            }
        }
    }

    fn finish(
        mut self,
        context: &mut Context<'_>,
        finish: &Finish,
        most: Option<Most>,
    ) -> Result<Vec<StepSeries>, EvalError> {
        let mut all: Vec<(usize, Vec<(u32, f64)>)> = Vec::new();
        for i in 0..self.groups.len() {
            if i % 256 == 255 {
                context.control.check()?;
            }
            let values = self.store.finish(i, self.cells, finish);
            context.held.grow(values.len() as u64 * 16)?;
            if !values.is_empty() {
                all.push((i, values));
            }
        }
        if let Some(most) = most {
            most.keep(&mut all);
        }
        let series = |(i, values)| StepSeries { labels: self.groups.labels(i), values };
        let mut all: Vec<StepSeries> = all.into_iter().map(series).collect();
        // Where values are equal the order decides, and must not depend on which line was read first.
        all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(all)
    }
}

impl Most {
    /// Leaves out series that are behind enough others at the only step there is. What is equal to the last one that
    /// counts stays, and so does what is no number: the choice among these is not made here.
    fn keep(self, series: &mut Vec<(usize, Vec<(u32, f64)>)>) {
        let rank = |v: f64| if self.greatest { -v } else { v };
        let mut ranks: Vec<f64> = series
            .iter()
            .filter_map(|(_, v)| v.first())
            .map(|(_, v)| rank(*v))
            .filter(|r| !r.is_nan())
            .collect();
        if self.count == 0 || ranks.len() <= self.count {
            return;
        }
        let last = *ranks.select_nth_unstable_by(self.count - 1, f64::total_cmp).1;
        series.retain(|(_, v)| v.first().is_none_or(|(_, v)| v.is_nan() || rank(*v) <= last));
    }
}

fn pipeline_error(labels: &RowLabels<'_>) -> EvalError {
    let shown = Labels::from_pairs(labels.pairs.iter().map(|p| (p.name, p.value))).unwrap_or_default();
    let (error, details) = (labels.error, labels.details);
    EvalError::query(format!(
        "pipeline error: '{error}' for series: '{shown}' ({details}). Metric queries cannot hold errors: skip these \
         lines with a label filter behind the stage that fails, such as | __error__!=\"{error}\", or all that fail \
         with | __error__=\"\""
    ))
}
