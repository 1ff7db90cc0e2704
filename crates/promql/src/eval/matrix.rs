//! Range selectors, subqueries, and the functions over them.

use super::each::{Desk, Sink};
use super::extremes::Extremes;
use super::over_time::over_time;
use super::rate::{Resets, change, edge_values, instant_change};
use super::series::{Cell, drop_empty};
use super::slides::Slides;
use super::spans::Reference;
use super::window::{Buffer, Reach, Sliding};
use super::{Evaluator, Grid, Needs, Series, is_absent};
use crate::annotations::Annotations;
use crate::ast::{Call, Edges, Expr, MatrixSelector, Span, Subquery};
use crate::catalog::Id;
use crate::error::EvalError;
use crate::source::Hints;
use crate::value::MatrixSeries;
use model::{Samples, TimeRange};

/// What a range function knows besides the window.
pub(crate) struct RangeContext<'c> {
    pub function: &'static str,
    pub edges: Edges,
    pub range_ms: i64,
    /// The metric the samples belong to.
    pub metric_name: &'c str,
    /// Of the range vector.
    pub span: Span,
    /// Of the first argument.
    pub first_arg_span: Span,
}

/// A range function and its numbers.
struct RangeCall<'c> {
    call: &'c Call,
    span: Span,
    edges: Edges,
    range_ms: i64,
    reach: Reach,
    reference: Reference,
    /// Per scalar argument, a value per step.
    scalars: Vec<Vec<f64>>,
}

/// What is found about one series, in memory that is used again for the next.
#[derive(Default)]
pub(super) struct Scratch {
    resets: Resets,
    slides: Slides,
    extremes: Extremes,
    values: Vec<f64>,
    scalars: Vec<f64>,
}

fn is_range(expr: &Expr) -> bool {
    matches!(expr, Expr::Matrix(_) | Expr::Subquery(_))
}

fn reach(edges: Edges, range: i64, lookback: i64) -> Reach {
    match edges {
        Edges::Plain => Reach { range, before: 0, after: 0 },
        Edges::Anchored => Reach { range, before: lookback, after: 0 },
        Edges::Smoothed => Reach { range, before: lookback, after: lookback },
    }
}

/// The selector of a call over one, if its result is a series for each one selected.
pub(super) fn selector_call(call: &Call) -> Option<&MatrixSelector> {
    let selector = call.args.iter().find_map(|a| match a.unparen() {
        Expr::Matrix(m) => Some(&**m),
        _ => None,
    });
    selector.filter(|_| call.function.id != Id::AbsentOverTime)
}

impl<'a> Evaluator<'a> {
    /// A call of a function over a range vector.
    pub(super) fn range_call(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let scalars = self.range_scalars(call, grid)?;
        let range = call.args.iter().map(|a| a.unparen()).find(|a| is_range(a));
        let series = match range {
            Some(Expr::Matrix(m)) => {
                self.collected(grid, |ev, sink| ev.each_over_selector(call, m, scalars, grid, sink))?
            }
            Some(Expr::Subquery(s)) => self.over_subquery(call, s, scalars, grid)?,
            _ => return Err(EvalError::query(format!("{} needs a range vector", call.function.name))),
        };
        if call.function.id == Id::AbsentOverTime {
            self.grow_columns(1, grid)?;
            return Ok(absent_of(&series, range, grid));
        }
        Ok(series)
    }

    /// The numbers beside the range vector.
    pub(super) fn range_scalars(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Vec<f64>>, EvalError> {
        let numbers = call.args.iter().map(|a| a.unparen()).filter(|a| !is_range(a));
        numbers.map(|a| self.scalar(a, grid)).collect()
    }

    /// Hands out what a function makes of every series of a selector.
    pub(super) fn each_over_selector(
        &mut self,
        call: &Call,
        m: &MatrixSelector,
        scalars: Vec<Vec<f64>>,
        grid: &Grid,
        sink: &mut Sink<'_, 'a>,
    ) -> Result<(), EvalError> {
        let v = &m.selector;
        check_edges(call, v.edges)?;
        let range_ms = self.positive_ms(&m.range)?;
        let reference = self.reference(v, grid)?;
        let reach = reach(v.edges, range_ms, self.options.lookback_ms);
        let set = self.select(
            v,
            covered(reference, reach),
            Hints {
                step_ms: if grid.count > 1 { grid.step } else { 0 },
                range_ms,
                function: Some(call.function.name),
                ..Hints::default()
            },
        )?;
        let span = Expr::Matrix(Box::new(m.clone())).span();
        let run = RangeCall { call, span, edges: v.edges, range_ms, reach, reference, scalars };
        let make = |ev: &mut Self, desk: &mut Desk, i: usize, out: &mut Series| {
            ev.read(&*set, i, &mut desk.samples)?;
            desk.buffer.take(&mut desk.samples, ev.decoding());
            if desk.buffer.len() == 0 {
                return Ok(false);
            }
            ev.over_buffer(&run, set.labels(i), false, &desk.buffer, &mut desk.scratch, out)?;
            Ok(!out.is_empty())
        };
        self.each_made(set.len(), grid, &make, sink)
    }

    fn over_subquery(
        &mut self,
        call: &Call,
        s: &Subquery,
        scalars: Vec<Vec<f64>>,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let (inner, reference, range_ms) = self.subquery_grid(s, grid)?;
        let points = self.with_histograms(Needs::Buckets, |ev| ev.vector(&s.expr, &inner))?;
        let span = Span::new(s.expr.span().start, s.end);
        let reach = reach(Edges::Plain, range_ms, 0);
        let run = RangeCall { call, span, edges: Edges::Plain, range_ms, reach, reference, scalars };
        let (mut buffer, mut scratch) = (Buffer::default(), Scratch::default());
        let mut out = Vec::with_capacity(points.len());
        for series in &points {
            self.control.check()?;
            self.grow_columns(1, grid)?;
            buffer.take_series(series, |i| inner.time(i));
            let mut result = Series::absent(series.labels.clone(), false, 0);
            self.over_buffer(&run, &series.labels, series.drop_name, &buffer, &mut scratch, &mut result)?;
            out.push(result);
        }
        drop_empty(&mut out);
        Ok(out)
    }

    /// The grid on which a subquery is evaluated so that every step of the outer grid finds its points; steps lie
    /// on multiples of the resolution, whatever the time of the query.
    fn subquery_grid(&self, s: &Subquery, grid: &Grid) -> Result<(Grid, Reference, i64), EvalError> {
        let range = self.positive_ms(&s.range)?;
        let step = match &s.step {
            Some(step) => self.positive_ms(step)?,
            None => self.options.subquery_step_ms,
        }
        .max(1);
        let offset = self.offset_ms(s.offset.as_ref())?;
        let reference = Reference { grid: *grid, at: self.at_ms(s.at), offset };
        let after = reference.first().saturating_sub(range);
        let start = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        let inner = Grid::range(start, reference.last(), step);
        Ok((inner, reference, range))
    }

    /// Makes `out` what the function gives for one series.
    fn over_buffer(
        &mut self,
        run: &RangeCall<'_>,
        labels: &model::Labels,
        drop_name: bool,
        buffer: &Buffer,
        scratch: &mut Scratch,
        out: &mut Series,
    ) -> Result<(), EvalError> {
        use Id::*;
        let id = run.call.function.id;
        let context = RangeContext {
            function: run.call.function.name,
            edges: run.edges,
            range_ms: run.range_ms,
            metric_name: labels.metric_name(),
            span: run.span,
            first_arg_span: run.call.args.first().map_or(run.span, Expr::span),
        };
        let keeps_name = matches!(id, LastOverTime | FirstOverTime);
        let grid = run.reference.grid;
        out.reset(labels.clone(), drop_name || !keeps_name, grid.count);
        let mut sliding = Sliding::new(buffer, run.reference, run.reach);
        let counter = matches!(id, Rate | Increase);
        if counter && run.edges == Edges::Plain {
            scratch.resets.find(buffer);
        }
        if (counter || id == Delta) && run.edges == Edges::Plain && buffer.is_plain() {
            let Scratch { slides, resets, .. } = scratch;
            slides.find(&context, buffer, sliding, id == Rate);
            let range_ms = (id == Rate).then_some(run.range_ms);
            slides.change(buffer, counter.then_some(&*resets), range_ms, &mut out.floats);
            if counter {
                self.remark_non_counter(&context, out);
            }
            return Ok(());
        }
        scratch.extremes.reset();
        for step in 0..grid.count {
            if step % 256 == 255 {
                self.control.check()?;
            }
            let window = sliding.at(step);
            if window.is_empty() {
                continue;
            }
            let notes: &mut Annotations = &mut self.annotations;
            let cell = match id {
                Rate => change(&context, &window, &scratch.resets, true, true, notes),
                Increase => change(&context, &window, &scratch.resets, true, false, notes),
                Delta => change(&context, &window, &scratch.resets, false, false, notes),
                Irate => instant_change(&context, &window, true, notes),
                Idelta => instant_change(&context, &window, false, notes),
                MinOverTime if window.h.is_empty() => {
                    let best = scratch.extremes.best(&buffer.values, window.f, |v, best| v < best);
                    best.map(Cell::Float)
                }
                MaxOverTime if window.h.is_empty() => {
                    let best = scratch.extremes.best(&buffer.values, window.f, |v, best| v > best);
                    best.map(Cell::Float)
                }
                _ => {
                    scratch.scalars.clear();
                    scratch.scalars.extend(run.scalars.iter().map(|column| column[step]));
                    over_time(id, &context, &window, &scratch.scalars, notes, &mut scratch.values)?
                }
            };
            if let Some(cell) = cell {
                out.set(step, cell);
            }
        }
        if counter {
            self.remark_non_counter(&context, out);
        }
        Ok(())
    }

    fn remark_non_counter(&mut self, c: &RangeContext<'_>, out: &Series) {
        let name = c.metric_name;
        let counter = ["_total", "_sum", "_count", "_bucket"].iter().any(|s| name.ends_with(s));
        if !name.is_empty() && !counter && out.floats.iter().any(|v| !is_absent(*v)) {
            self.annotations.possible_non_counter(name, c.span);
        }
    }

    /// A range vector as the result of an instant query, with the times of its samples.
    pub fn matrix(&mut self, expr: &Expr, at: i64) -> Result<Vec<MatrixSeries>, EvalError> {
        let grid = Grid::once(at);
        match expr.unparen() {
            Expr::Matrix(m) => self.selected_matrix(m, &grid),
            Expr::Subquery(s) => {
                let (inner, _, _) = self.subquery_grid(s, &grid)?;
                let series = self.with_histograms(Needs::Buckets, |ev| ev.vector(&s.expr, &inner))?;
                let series = super::finished(series)?;
                Ok(series.into_iter().map(|s| into_matrix_series(s, &inner)).collect())
            }
            other => Err(EvalError::query(format!("expected a range vector, got {}", other.value_type()))),
        }
    }

    fn selected_matrix(&mut self, m: &MatrixSelector, grid: &Grid) -> Result<Vec<MatrixSeries>, EvalError> {
        let edges = m.selector.edges;
        let range_ms = self.positive_ms(&m.range)?;
        let reference = self.reference(&m.selector, grid)?;
        let reach = reach(edges, range_ms, self.options.lookback_ms);
        let hints = Hints { range_ms, ..Hints::default() };
        let set = self.select(&m.selector, covered(reference, reach), hints)?;
        let (mut samples, mut buffer) = (Samples::default(), Buffer::default());
        let mut out = Vec::new();
        for i in 0..set.len() {
            self.read(&*set, i, &mut samples)?;
            buffer.take(&mut samples, self.decoding());
            let window = Sliding::new(&buffer, reference, reach).at(0);
            if window.is_empty() {
                continue;
            }
            let word = match edges {
                Edges::Plain => "",
                Edges::Anchored => "anchored",
                Edges::Smoothed => "smoothed",
            };
            if edges != Edges::Plain && !window.h.is_empty() {
                return Err(EvalError::query(format!("{word} modifier is not supported with histograms")));
            }
            let pairs = |w: &super::window::Window<'_>| -> Vec<(i64, f64)> {
                w.times().iter().copied().zip(w.values().iter().copied()).collect()
            };
            let floats = if edges == Edges::Plain {
                pairs(&window)
            } else {
                let Some((left, right, first, last)) = edge_values(&window, edges == Edges::Smoothed, false)
                else {
                    continue;
                };
                let inside = pairs(&window)
                    .into_iter()
                    .take(last + 1)
                    .skip(first)
                    .filter(|(t, _)| *t > window.start && *t < window.end);
                std::iter::once((window.start, left)).chain(inside).chain([(window.end, right)]).collect()
            };
            self.grow(floats.len() as u64 * 16)?;
            let histograms =
                window.histogram_times().iter().copied().zip(window.histograms().iter().cloned()).collect();
            out.push(MatrixSeries { labels: set.labels(i).clone(), floats, histograms });
        }
        Ok(out)
    }
}

/// All instants that any window reaches.
fn covered(reference: Reference, reach: Reach) -> TimeRange {
    TimeRange::new(
        reference.first().saturating_sub(reach.range).saturating_sub(reach.before).saturating_add(1),
        reference.last().saturating_add(reach.after),
    )
}

fn check_edges(call: &Call, edges: Edges) -> Result<(), EvalError> {
    use Id::*;
    let (word, allowed, ok) = match edges {
        Edges::Plain => return Ok(()),
        Edges::Anchored => (
            "anchored",
            "changes, delta, increase, rate, resets",
            matches!(call.function.id, Changes | Delta | Increase | Rate | Resets),
        ),
        Edges::Smoothed => {
            ("smoothed", "delta, increase, rate", matches!(call.function.id, Delta | Increase | Rate))
        }
    };
    if ok {
        return Ok(());
    }
    let name = call.function.name;
    Err(EvalError::query(format!("{word} modifier can only be used with: {allowed} - not with {name}")))
}

/// A series with the times of its steps.
pub(crate) fn into_matrix_series(s: Series, grid: &Grid) -> MatrixSeries {
    let floats = s
        .floats
        .iter()
        .enumerate()
        .filter(|(_, v)| !is_absent(**v))
        .map(|(i, v)| (grid.time(i), *v))
        .collect();
    let histograms =
        s.histograms.iter().enumerate().filter_map(|(i, h)| Some((grid.time(i), h.clone()?))).collect();
    MatrixSeries { labels: s.labels, floats, histograms }
}

/// 1 at every step at which no series has a value.
fn absent_of(series: &[Series], range: Option<&Expr>, grid: &Grid) -> Vec<Series> {
    let labels = range.map(super::labels::absent_labels).unwrap_or_default();
    let mut out = Series::absent(labels, true, grid.count);
    for step in 0..grid.count {
        if !series.iter().any(|s| s.is_present(step)) {
            out.floats[step] = 1.0;
        }
    }
    if out.is_empty() { Vec::new() } else { vec![out] }
}
