//! Instant vector selectors.

use super::each::{Desk, Sink};
use super::rate::interpolated;
use super::series::{ABSENT, Cell};
use super::spans::Reference;
use super::window::{Buffer, Decoder, Decoding, Reach, Sliding, Window};
use super::{Evaluator, Grid, Series};
use crate::ast::{Edges, Span, VectorSelector};
use crate::error::EvalError;
use crate::histogram::FloatHistogram;
use crate::source::{Hints, Selection, SeriesSet};
use model::{ResetHint, Samples, TimeRange, is_stale};
use std::sync::Arc;

/// Where the newest sample of a series is that counts at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newest {
    Float(usize),
    Histogram(usize),
}

/// Finds the newest sample at or before each instant, not older than the lookback.
pub(super) struct Lookback<'a> {
    samples: &'a Samples,
    lookback: i64,
    f: usize,
    h: usize,
}

impl<'a> Lookback<'a> {
    pub fn new(samples: &'a Samples, lookback: i64) -> Lookback<'a> {
        Lookback { samples, lookback, f: 0, h: 0 }
    }

    /// The sample that counts at `time`; times must ascend.
    #[inline]
    pub fn at(&mut self, time: i64) -> Option<Newest> {
        let s = self.samples;
        while self.f < s.times.len() && s.times[self.f] <= time {
            self.f += 1;
        }
        while self.h < s.histogram_times.len() && s.histogram_times[self.h] <= time {
            self.h += 1;
        }
        let float = self.f.checked_sub(1).map(|i| (s.times[i], Newest::Float(i)));
        let histogram = self.h.checked_sub(1).map(|i| (s.histogram_times[i], Newest::Histogram(i)));
        let (at, newest) = match (float, histogram) {
            (Some(f), Some(h)) => Some(if h.0 > f.0 { h } else { f }),
            (f, h) => f.or(h),
        }?;
        let stale = match newest {
            Newest::Float(i) => is_stale(s.values[i]),
            Newest::Histogram(i) => s.histograms[i].is_stale(),
        };
        (at > time.saturating_sub(self.lookback) && !stale).then_some(newest)
    }
}

impl<'a> Evaluator<'a> {
    /// Selects series for a range of instants.
    pub(super) fn select(
        &mut self,
        v: &VectorSelector,
        range: TimeRange,
        hints: Hints<'_>,
    ) -> Result<Box<dyn SeriesSet + 'a>, EvalError> {
        let set = self.source.select(&Selection { matchers: &v.matchers, range, hints })?;
        self.control.check()?;
        if set.len() as u64 > self.options.series_max {
            return Err(EvalError::Limit {
                what: "series of one selector",
                observed: set.len() as u64,
                limit: self.options.series_max,
                setting: "query.series_max",
            });
        }
        Ok(set)
    }

    /// Reads one series and accounts for it.
    pub(super) fn read(
        &mut self,
        set: &dyn SeriesSet,
        i: usize,
        samples: &mut Samples,
    ) -> Result<(), EvalError> {
        if i.is_multiple_of(16) {
            self.control.check()?;
        }
        set.read(i, samples)?;
        self.stats.series_read += 1;
        self.stats.samples_read += samples.len() as u64;
        let before = self.held.bytes();
        self.grow(samples.len() as u64 * 16)?;
        self.held.shrink_to(before);
        Ok(())
    }

    pub(super) fn reference(&self, v: &VectorSelector, grid: &Grid) -> Result<Reference, EvalError> {
        Ok(Reference { grid: *grid, at: self.at_ms(v.at), offset: self.offset_ms(v.offset.as_ref())? })
    }

    pub(super) fn vector_selector(
        &mut self,
        v: &VectorSelector,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        self.collected(grid, |ev, sink| ev.each_selected(v, grid, sink))
    }

    /// What a selector is evaluated over, and the samples it can need.
    fn selected_range(&self, v: &VectorSelector, grid: &Grid) -> Result<(Reference, TimeRange), EvalError> {
        let reference = self.reference(v, grid)?;
        let lookback = self.options.lookback_ms;
        let after = if v.edges == Edges::Smoothed { lookback } else { 0 };
        let first = reference.first().saturating_sub(lookback).saturating_add(1);
        Ok((reference, TimeRange::new(first, reference.last().saturating_add(after))))
    }

    /// How many series a selector gives at a single step, if the source knows without reading them.
    pub(super) fn count_selected(
        &mut self,
        v: &VectorSelector,
        grid: &Grid,
    ) -> Result<Option<u64>, EvalError> {
        if grid.count != 1 || v.edges != Edges::Plain {
            return Ok(None);
        }
        let (_, range) = self.selected_range(v, grid)?;
        let hints = Hints { newest: true, ..Hints::default() };
        let count = self.source.count_present(&Selection { matchers: &v.matchers, range, hints })?;
        self.control.check()?;
        self.stats.series_read += count.unwrap_or(0);
        Ok(count)
    }

    /// Hands out the series of a selector.
    pub(super) fn each_selected(
        &mut self,
        v: &VectorSelector,
        grid: &Grid,
        sink: &mut Sink<'_, 'a>,
    ) -> Result<(), EvalError> {
        let (reference, range) = self.selected_range(v, grid)?;
        let lookback = self.options.lookback_ms;
        let smoothed = v.edges == Edges::Smoothed;
        let step_ms = if grid.count > 1 { grid.step } else { 0 };
        let newest = grid.count == 1 && !smoothed;
        let set = self.select(v, range, Hints { step_ms, newest, ..Hints::default() })?;
        let make = |ev: &mut Self, desk: &mut Desk, i: usize, out: &mut Series| {
            ev.read(&*set, i, &mut desk.samples)?;
            if desk.samples.is_empty() {
                return Ok(false);
            }
            let labels = set.labels(i).clone();
            if smoothed {
                desk.buffer.take(&mut desk.samples, ev.decoding());
                *out = ev.smoothed_series(labels, &desk.buffer, reference, v.span)?;
            } else {
                out.reset(labels, false, grid.count);
                instant_series(&desk.samples, reference, lookback, ev.decoding(), out);
            }
            Ok(!out.is_empty())
        };
        self.each_made(set.len(), grid, &make, sink)
    }

    fn smoothed_series(
        &mut self,
        labels: model::Labels,
        buffer: &Buffer,
        reference: Reference,
        span: Span,
    ) -> Result<Series, EvalError> {
        let lookback = self.options.lookback_ms;
        let reach = Reach { range: 0, before: lookback, after: lookback };
        let mut sliding = Sliding::new(buffer, reference, reach);
        let mut out = Series::absent(labels, false, reference.grid.count);
        for step in 0..reference.grid.count {
            if step.is_multiple_of(1024) {
                self.control.check()?;
            }
            let window = sliding.at(step);
            let name = out.labels.metric_name();
            if !window.f.is_empty() && !window.h.is_empty() {
                self.annotations.mixed_floats_histograms(name, span);
                continue;
            }
            if window.h.is_empty() {
                out.floats[step] = smoothed_float(&window);
                continue;
            }
            if let Some(h) = self.smoothed_histogram(&window, name, span) {
                out.set(step, Cell::Histogram(Arc::new(h)));
            }
        }
        Ok(out)
    }

    fn smoothed_histogram(&mut self, w: &Window<'_>, name: &str, span: Span) -> Option<FloatHistogram> {
        let (times, hists) = (w.histogram_times(), w.histograms());
        let i = times.partition_point(|t| *t < w.end);
        if times.get(i) == Some(&w.end) {
            return Some(FloatHistogram::clone(&hists[i]));
        }
        let previous = &hists[i.checked_sub(1)?];
        let Some(next) = hists.get(i) else {
            let mut h = FloatHistogram::clone(previous);
            h.reset_hint = ResetHint::Unknown;
            return Some(h);
        };
        if previous.has_custom_bounds() != next.has_custom_bounds() {
            self.annotations.mixed_schemas(name, span);
            return None;
        }
        let counter = previous.reset_hint != ResetHint::Gauge || next.reset_hint != ResetHint::Gauge;
        match interpolated(
            (times[i - 1], previous),
            (times[i], next),
            w.end,
            counter,
            &mut self.annotations,
            span,
        ) {
            Ok(h) => Some(h),
            Err(_) => {
                self.annotations.mixed_schemas(name, span);
                None
            }
        }
    }
}

/// The value at the window's end: that of the sample there, or between its neighbours, or of the one before.
fn smoothed_float(w: &Window<'_>) -> f64 {
    let (times, values) = (w.times(), w.values());
    let i = times.partition_point(|t| *t < w.end);
    if times.get(i) == Some(&w.end) {
        return values[i];
    }
    let Some(p) = i.checked_sub(1) else { return ABSENT };
    match values.get(i) {
        None => values[p],
        Some(next) => {
            values[p]
                + (next - values[p]) * w.end.saturating_sub(times[p]) as f64
                    / times[i].saturating_sub(times[p]) as f64
        }
    }
}

fn instant_series(
    samples: &Samples,
    reference: Reference,
    lookback: i64,
    decoding: Decoding,
    out: &mut Series,
) {
    let mut newest = Lookback::new(samples, lookback);
    let mut decoder = Decoder::new(decoding);
    // With statistics every histogram must be seen, else only those that count at a step.
    let mut decoded = 0;
    let mut last: Option<(usize, Arc<FloatHistogram>)> = None;
    for step in 0..reference.grid.count {
        match newest.at(reference.time(step)) {
            None => {}
            Some(Newest::Float(i)) => out.floats[step] = samples.values[i],
            Some(Newest::Histogram(i)) => {
                let h = match &last {
                    Some((at, h)) if *at == i => h.clone(),
                    _ => {
                        if decoding == Decoding::Statistics {
                            for skipped in samples.histograms[decoded..i].iter().filter(|h| !h.is_stale()) {
                                decoder.decode(skipped);
                            }
                        }
                        decoded = i + 1;
                        decoder.decode(&samples.histograms[i])
                    }
                };
                last = Some((i, h.clone()));
                out.set(step, Cell::Histogram(h));
            }
        }
    }
}
