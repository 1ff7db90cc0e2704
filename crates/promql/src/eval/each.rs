//! Vectors handed out one series after the other, so that not all of them are held at once. What a selector gives is
//! made on several threads where there is much of it, and handed out in the same order all the same.

use super::matrix::Scratch;
use super::window::Buffer;
use super::{Evaluator, Grid, Series, invariant};
use crate::annotations::Annotations;
use crate::ast::Expr;
use crate::error::EvalError;
use crate::value::Stats;
use model::{Labels, Samples};
use std::ops::Range;

/// Takes a series. It may keep it by putting another in its place; what it leaves behind is used again.
pub(super) type Sink<'s, 'a> = dyn FnMut(&mut Evaluator<'a>, &mut Series) -> Result<(), EvalError> + 's;

/// Makes the result for the series at a position of a selection, and says whether it has any value.
pub(super) type Make<'m, 'a> =
    dyn Fn(&mut Evaluator<'a>, &mut Desk, usize, &mut Series) -> Result<bool, EvalError> + Sync + 'm;

/// Buffers of one thread, used again for every series.
#[derive(Default)]
pub(super) struct Desk {
    pub samples: Samples,
    pub buffer: Buffer,
    pub scratch: Scratch,
}

/// Series that a thread makes before the results of all threads are put in order.
const SERIES_AT_ONCE: usize = 512;
/// A thread is worth its start from about so many values on, reading a series counting as this many.
const VALUES_MIN: usize = 50_000;
const VALUES_PER_SERIES: usize = 64;

impl<'a> Evaluator<'a> {
    /// Evaluates an instant vector and hands every series of it to `sink`.
    pub(super) fn each(
        &mut self,
        expr: &Expr,
        grid: &Grid,
        sink: &mut Sink<'_, 'a>,
    ) -> Result<(), EvalError> {
        // An evaluation that is recorded goes node by node.
        if self.trace.is_some() || (grid.count > 1 && invariant::is_invariant(expr)) {
            return self.each_of(expr, grid, sink);
        }
        match expr.unparen() {
            Expr::Vector(v) => {
                self.control.check()?;
                self.each_selected(v, grid, sink)
            }
            Expr::Call(c) => match super::matrix::selector_call(c) {
                Some(m) => {
                    self.control.check()?;
                    let scalars = self.range_scalars(c, grid)?;
                    self.each_over_selector(c, m, scalars, grid, sink)
                }
                None => self.each_of(expr, grid, sink),
            },
            _ => self.each_of(expr, grid, sink),
        }
    }

    fn each_of(&mut self, expr: &Expr, grid: &Grid, sink: &mut Sink<'_, 'a>) -> Result<(), EvalError> {
        for (i, series) in self.vector(expr, grid)?.iter_mut().enumerate() {
            if i.is_multiple_of(256) {
                self.control.check()?;
            }
            sink(self, series)?;
        }
        Ok(())
    }

    /// Keeps every series that `each` hands out.
    pub(super) fn collected(
        &mut self,
        grid: &Grid,
        each: impl FnOnce(&mut Self, &mut Sink<'_, 'a>) -> Result<(), EvalError>,
    ) -> Result<Vec<Series>, EvalError> {
        let mut all = Vec::new();
        each(self, &mut |ev, series| {
            ev.grow_columns(1, grid)?;
            all.push(taken(series));
            Ok(())
        })?;
        Ok(all)
    }

    /// Hands out what `make` gives for each of `count` selected series, in their order.
    pub(super) fn each_made(
        &mut self,
        count: usize,
        grid: &Grid,
        make: &Make<'_, 'a>,
        sink: &mut Sink<'_, 'a>,
    ) -> Result<(), EvalError> {
        self.grow_columns(1, grid)?;
        let values = count.saturating_mul(grid.count + VALUES_PER_SERIES);
        let threads = self.options.threads.min(values / VALUES_MIN).max(1);
        if threads == 1 {
            let mut desk = Desk::default();
            let mut series = nothing();
            for i in 0..count {
                if make(self, &mut desk, i, &mut series)? {
                    sink(self, &mut series)?;
                }
            }
            return Ok(());
        }
        let mut from = 0;
        while from < count {
            let each = (count - from).div_ceil(threads).min(SERIES_AT_ONCE);
            let starts = (from..count).step_by(each).take(threads);
            let ranges: Vec<Range<usize>> = starts.map(|at| at..count.min(at + each)).collect();
            from = ranges.last().map_or(count, |last| last.end);
            let before = self.held.bytes();
            self.grow_columns(each * threads, grid)?;
            let made = self.made_together(&ranges, make)?;
            self.held.shrink_to(before);
            for mut series in made.into_iter().flatten() {
                sink(self, &mut series)?;
            }
        }
        Ok(())
    }

    /// Makes each range of series on a thread of its own, the first on this one.
    fn made_together(
        &mut self,
        ranges: &[Range<usize>],
        make: &Make<'_, 'a>,
    ) -> Result<Vec<Vec<Series>>, EvalError> {
        let Some((own, others)) = ranges.split_first() else { return Ok(Vec::new()) };
        let (source, options, control) = (self.source, self.options, self.control);
        let (times, needs) = (self.times, self.needs);
        let apart = |range: Range<usize>| -> (Result<Vec<Series>, EvalError>, Stats, Annotations) {
            let mut ev = Evaluator::new(source, options, control, times);
            ev.needs = needs;
            let made = ev.make_all(range, make);
            (made, ev.stats, ev.annotations)
        };
        std::thread::scope(|scope| {
            let start = |range: &Range<usize>| {
                let range = range.clone();
                let builder = std::thread::Builder::new().name("query".to_owned());
                builder.spawn_scoped(scope, move || apart(range)).ok()
            };
            let started: Vec<_> = others.iter().map(start).collect();
            let mut all = vec![self.make_all(own.clone(), make)];
            for (thread, range) in started.into_iter().zip(others) {
                let (made, stats, notes) = match thread.map(|t| t.join()) {
                    Some(Ok(done)) => done,
                    Some(Err(panic)) => std::panic::resume_unwind(panic),
                    // No thread was to be had.
                    None => apart(range.clone()),
                };
                self.stats.series_read += stats.series_read;
                self.stats.samples_read += stats.samples_read;
                self.annotations.absorb(notes);
                all.push(made);
            }
            all.into_iter().collect()
        })
    }

    fn make_all(&mut self, range: Range<usize>, make: &Make<'_, 'a>) -> Result<Vec<Series>, EvalError> {
        let mut desk = Desk::default();
        let mut series = nothing();
        let mut all = Vec::with_capacity(range.len());
        for i in range {
            if make(self, &mut desk, i, &mut series)? {
                all.push(taken(&mut series));
            }
        }
        Ok(all)
    }
}

fn nothing() -> Series {
    Series::absent(Labels::empty(), false, 0)
}

/// Takes a series away and leaves one without steps.
fn taken(series: &mut Series) -> Series {
    let labels = series.labels.clone();
    std::mem::replace(series, Series::absent(labels, false, 0))
}
