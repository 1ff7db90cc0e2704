//! Change over a range: `rate`, `increase`, `delta`, `irate`, `idelta`, plain, anchored and smoothed.

use super::matrix::RangeContext;
use super::series::Cell;
use super::window::{Buffer, Window};
use crate::annotations::{Annotations, HistogramOperation};
use crate::ast::{Edges, Span};
use crate::histogram::{Combined, FloatHistogram, IncompatibleSchemas};
use model::ResetHint;
use std::sync::Arc;

/// Where a counter was reset; found once per series.
#[derive(Debug, Default)]
pub(crate) struct Resets {
    /// Floats before which a reset happened, ascending.
    at: Vec<usize>,
    /// Floats whose start lies before the sample before them.
    overlaps: Vec<usize>,
    /// The same of histograms.
    histograms_at: Vec<usize>,
    histogram_overlaps: Vec<usize>,
    /// Histograms that are gauges, or not of the schema of the one before.
    odd_histograms: Vec<usize>,
}

impl Resets {
    pub fn find(&mut self, b: &Buffer) {
        self.find_floats(b);
        self.find_histograms(b);
    }

    fn find_floats(&mut self, b: &Buffer) {
        self.at.clear();
        self.overlaps.clear();
        if b.starts.is_empty() {
            let pairs = b.values.iter().zip(b.values.get(1..).unwrap_or(&[]));
            // Most have none, which is quicker to see than where.
            if pairs.clone().fold(false, |any, (v, next)| any | (next < v)) {
                self.at.extend(pairs.enumerate().filter(|(_, (v, next))| next < v).map(|(i, _)| i + 1));
            }
            return;
        }
        for i in 1..b.values.len() {
            let (previous, start) = (b.starts[i - 1], b.starts[i]);
            if b.values[i] < b.values[i - 1] || started_between(previous, b.times[i - 1], start, b.times[i]) {
                self.at.push(i);
            }
            if starts_overlap(previous, b.times[i - 1], start) {
                self.overlaps.push(i);
            }
        }
    }

    fn find_histograms(&mut self, b: &Buffer) {
        self.histograms_at.clear();
        self.histogram_overlaps.clear();
        self.odd_histograms.clear();
        let (times, starts) = (&b.histogram_times, &b.histogram_starts);
        for (i, h) in b.histograms.iter().enumerate() {
            let previous = i.checked_sub(1).map(|i| &b.histograms[i]);
            if h.reset_hint == ResetHint::Gauge || previous.is_some_and(|p| p.schema != h.schema) {
                self.odd_histograms.push(i);
            }
            let Some(previous) = previous else { continue };
            let known = starts.len() > i;
            if known && starts_overlap(starts[i - 1], times[i - 1], starts[i]) {
                self.histogram_overlaps.push(i);
            }
            if (known && started_between(starts[i - 1], times[i - 1], starts[i], times[i]))
                || h.is_reset_after(previous)
            {
                self.histograms_at.push(i);
            }
        }
    }

    /// The floats behind `from` and before `to` before which a reset happened.
    #[inline]
    pub fn between(&self, from: usize, to: usize) -> &[usize] {
        between(&self.at, from, to)
    }
}

#[inline]
fn between(list: &[usize], from: usize, to: usize) -> &[usize] {
    if list.is_empty() {
        return list;
    }
    let (from, to) = (list.partition_point(|i| *i <= from), list.partition_point(|i| *i < to));
    list.get(from..to).unwrap_or(&[])
}

/// Whether the start timestamp of a sample says that the counter began anew after the sample before.
pub(super) fn started_between(previous_start: i64, previous: i64, start: i64, time: i64) -> bool {
    // Not known, not valid, or "unknown" in OpenTelemetry's sense.
    if start == 0 || start >= time || start < previous {
        return false;
    }
    if start > previous {
        return true;
    }
    // It points at the sample before: a delta, or a cumulative series whose start is not known.
    previous_start <= previous && previous_start != 0 && previous_start != previous
}

fn starts_overlap(previous_start: i64, previous: i64, start: i64) -> bool {
    start != 0 && start < previous && start != previous_start
}

pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// `rate`, `increase` and `delta`.
pub(super) fn change(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    resets: &Resets,
    counter: bool,
    per_second: bool,
    notes: &mut Annotations,
) -> Option<Cell> {
    if !w.f.is_empty() && !w.h.is_empty() {
        notes.mixed_floats_histograms(c.metric_name, c.span);
        return None;
    }
    if c.edges != Edges::Plain {
        return if w.h.is_empty() {
            extended_float(c, w, counter, per_second).map(Cell::Float)
        } else {
            extended_histogram(c, w, counter, per_second, notes).map(|h| Cell::Histogram(Arc::new(h)))
        };
    }
    if w.h.is_empty() {
        extrapolated_float(c, w, resets, counter, per_second, notes).map(Cell::Float)
    } else {
        extrapolated_histogram(c, w, resets, counter, per_second, notes).map(|h| Cell::Histogram(Arc::new(h)))
    }
}

/// How far the samples reach, and the extrapolation of what they say to the whole range.
pub(super) struct Extent {
    pub first: i64,
    pub last: i64,
    /// Number of samples less one.
    pub gaps: usize,
    /// Start timestamp of the first sample, 0 if unknown.
    pub start: i64,
}

impl Extent {
    /// When the counter began inside the range, before the first sample.
    fn began(&self, w: &Window<'_>, counter: bool) -> bool {
        counter && self.start != 0 && self.start > w.start && self.start < self.first
    }

    /// Seconds between the first sample and the last, and seconds before and after them to which the change is
    /// extrapolated: up to the ends of the range, if these are no further than a gap between samples.
    pub fn reach(&self, w: &Window<'_>) -> (f64, f64, f64) {
        let mut to_start = seconds(self.first.saturating_sub(w.start));
        let mut to_end = seconds(w.end.saturating_sub(self.last));
        let sampled = seconds(self.last.saturating_sub(self.first));
        let average = if self.gaps > 0 { sampled / self.gaps as f64 } else { 0.0 };
        let threshold = average * 1.1;
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        (sampled, to_start, to_end)
    }

    /// What the sampled change is multiplied with. `zero` is how long before the first sample a counter was zero
    /// if it always grew as fast as in the samples.
    fn factor(&self, w: &Window<'_>, counter: bool, zero: Option<f64>) -> f64 {
        let (mut sampled, mut to_start, to_end) = self.reach(w);
        if self.began(w, counter) {
            to_start = 0.0;
            sampled = seconds(self.last.saturating_sub(self.start));
        } else if let Some(zero) = zero.filter(|z| counter && *z < to_start) {
            // A counter does not go below zero.
            to_start = zero;
        }
        if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled }
    }
}

fn extrapolated_float(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    resets: &Resets,
    counter: bool,
    per_second: bool,
    notes: &mut Annotations,
) -> Option<f64> {
    let (times, values) = (w.times(), w.values());
    let (first, last) = (*values.first()?, *values.last()?);
    let mut result = last - first;
    if counter {
        if !between(&resets.overlaps, w.f.start, w.f.end).is_empty() {
            notes.start_overlap(c.metric_name, c.span);
        }
        for i in resets.between(w.f.start, w.f.end) {
            result += w.buffer.values[i - 1];
        }
    }
    let extent = Extent {
        first: times[0],
        last: times[times.len() - 1],
        gaps: times.len() - 1,
        start: w.starts().first().copied().unwrap_or(0),
    };
    let mut zero = None;
    if extent.began(w, counter) {
        result += first;
    } else if extent.gaps == 0 {
        return None;
    } else if result > 0.0 && first >= 0.0 {
        zero = Some(seconds(extent.last.saturating_sub(extent.first)) * (first / result));
    }
    let mut factor = extent.factor(w, counter, zero);
    if per_second {
        factor /= seconds(c.range_ms);
    }
    Some(result * factor)
}

fn extrapolated_histogram(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    resets: &Resets,
    counter: bool,
    per_second: bool,
    notes: &mut Annotations,
) -> Option<FloatHistogram> {
    let (times, hists) = (w.histogram_times(), w.histograms());
    let mut result = None;
    if hists.len() > 1 {
        result = Some(histogram_change(c, w, counter.then_some(resets), notes)?);
    }
    let extent = Extent {
        first: *times.first()?,
        last: *times.last()?,
        gaps: times.len() - 1,
        start: w.histogram_starts().first().copied().unwrap_or(0),
    };
    let mut zero = None;
    if extent.began(w, counter) {
        match &mut result {
            None => result = Some(FloatHistogram::clone(&hists[0])),
            Some(sum) => c.combine(sum, &hists[0], HistogramOperation::Addition, notes)?,
        }
    } else if extent.gaps == 0 {
        return None;
    } else if let Some(sum) = &result
        && sum.count > 0.0
        && hists[0].count >= 0.0
    {
        zero = Some(seconds(extent.last.saturating_sub(extent.first)) * (hists[0].count / sum.count));
    }
    let mut factor = extent.factor(w, counter, zero);
    if per_second {
        factor /= seconds(c.range_ms);
    }
    result.map(|h| h.scaled(factor))
}

/// The growth between the first and the last histogram of a window; of a counter with its resets.
fn histogram_change(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    resets: Option<&Resets>,
    notes: &mut Annotations,
) -> Option<FloatHistogram> {
    let hists = w.histograms();
    let (first, last) = (&hists[0], &hists[hists.len() - 1]);
    let is_gauge = |h: &FloatHistogram| h.reset_hint == ResetHint::Gauge;
    let at = resets.map_or(&[][..], |r| between(&r.histograms_at, w.h.start, w.h.end));
    // What comes before a reset need not have the same buckets.
    let (base, at) = match at.split_first() {
        Some((i, rest)) if *i == w.h.start + 1 => {
            let mut empty = FloatHistogram::empty(hists[1].schema);
            empty.custom_bounds = hists[1].custom_bounds.clone();
            (Arc::new(empty), rest)
        }
        _ => (first.clone(), at),
    };
    let custom = base.has_custom_bounds();
    if resets.is_some() && (is_gauge(first) || is_gauge(last)) {
        notes.not_counter(c.metric_name, c.span);
    }
    if last.has_custom_bounds() != custom {
        notes.mixed_schemas(c.metric_name, c.span);
        return None;
    }
    let mut schema = last.schema.min(base.schema);
    for i in resets.map_or(&[][..], |r| between(&r.odd_histograms, w.h.start, w.h.end)) {
        // Others between the first and the last are as the one before them.
        let h = &w.buffer.histograms[*i];
        if *i + 1 == w.h.end {
            break;
        }
        if is_gauge(h) {
            notes.not_counter(c.metric_name, c.span);
        }
        schema = schema.min(h.schema);
        if h.has_custom_bounds() != custom {
            notes.mixed_schemas(c.metric_name, c.span);
            return None;
        }
    }
    let mut result = last.at_schema(schema);
    c.combine(&mut result, &base, HistogramOperation::Subtraction, notes)?;
    match resets {
        Some(resets) => {
            for i in at {
                let before = &w.buffer.histograms[i - 1];
                c.combine(&mut result, before, HistogramOperation::Addition, notes)?;
            }
            if !between(&resets.histogram_overlaps, w.h.start, w.h.end).is_empty() {
                notes.start_overlap(c.metric_name, c.span);
            }
        }
        None if !is_gauge(first) || !is_gauge(last) => notes.not_gauge(c.metric_name, c.span),
        None => {}
    }
    result.reset_hint = ResetHint::Gauge;
    Some(result.compact())
}

/// `irate` and `idelta`.
pub(super) fn instant_change(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    rate: bool,
    notes: &mut Annotations,
) -> Option<Cell> {
    struct Last {
        time: i64,
        start: i64,
        cell: Cell,
    }
    let floats = (0..w.f.len()).rev().take(2).map(|i| Last {
        time: w.times()[i],
        start: w.starts().get(i).copied().unwrap_or(0),
        cell: Cell::Float(w.values()[i]),
    });
    let histograms = (0..w.h.len()).rev().take(2).map(|i| Last {
        time: w.histogram_times()[i],
        start: w.histogram_starts().get(i).copied().unwrap_or(0),
        cell: Cell::Histogram(w.histograms()[i].clone()),
    });
    let mut newest: Vec<Last> = floats.chain(histograms).collect();
    newest.sort_by_key(|l| std::cmp::Reverse(l.time));
    let [last, previous, ..] = newest.as_slice() else { return None };
    let interval = last.time.saturating_sub(previous.time);
    if interval == 0 {
        return None;
    }
    let restarted = || started_between(previous.start, previous.time, last.start, last.time);
    match (&previous.cell, &last.cell) {
        (Cell::Float(p), Cell::Float(l)) => {
            let value = if rate && (l < p || restarted()) { *l } else { l - p };
            Some(Cell::Float(if rate { value / seconds(interval) } else { value }))
        }
        (Cell::Histogram(p), Cell::Histogram(l)) => {
            let gauges = [p, l].iter().filter(|h| h.reset_hint == ResetHint::Gauge).count();
            if rate && gauges > 0 {
                notes.not_counter(c.metric_name, c.span);
            }
            if !rate && gauges < 2 {
                notes.not_gauge(c.metric_name, c.span);
            }
            let mut result = FloatHistogram::clone(l);
            if !rate || (!restarted() && !l.is_reset_after(p)) {
                c.combine(&mut result, p, HistogramOperation::Subtraction, notes)?;
            }
            result.reset_hint = ResetHint::Gauge;
            let mut result = result.compact();
            if rate {
                result = result.divided(seconds(interval));
            }
            Some(Cell::Histogram(Arc::new(result)))
        }
        _ => {
            notes.mixed_floats_histograms(c.metric_name, c.span);
            None
        }
    }
}

/// The value at `t` on the line between two samples. Over the reset of a counter the line starts at zero.
fn interpolated_float(a: (i64, f64), b: (i64, f64), t: i64, counter: bool) -> f64 {
    let from = if counter && b.1 < a.1 { 0.0 } else { a.1 };
    from + (b.1 - from) * t.saturating_sub(a.0) as f64 / b.0.saturating_sub(a.0) as f64
}

/// The first and last sample that count for an anchored or smoothed range, if any does.
fn bounds(times: &[i64], w: &Window<'_>, smoothed: bool) -> Option<(usize, usize)> {
    let mut last = times.len().checked_sub(1)?;
    let first = times[..last].partition_point(|t| *t <= w.start).saturating_sub(1);
    if smoothed {
        last = times[..last].partition_point(|t| *t < w.end);
    }
    if times[last] <= w.start || (smoothed && times[first] > w.end) {
        return None;
    }
    Some((first, last))
}

/// The values at the edges of an anchored or smoothed range.
pub(super) fn edge_values(w: &Window<'_>, smoothed: bool, counter: bool) -> Option<(f64, f64, usize, usize)> {
    let (times, values) = (w.times(), w.values());
    let (first, last) = bounds(times, w, smoothed)?;
    let at = |i: usize| (times[i], values[i]);
    let mut left = values[first];
    if smoothed && times[first] < w.start && first + 1 < times.len() {
        left = interpolated_float(at(first), at(first + 1), w.start, counter);
    }
    let mut right = values[last];
    if smoothed && last > 0 && times[last] > w.end {
        right = interpolated_float(at(last - 1), at(last), w.end, counter);
    }
    Some((left, right, first, last))
}

fn extended_float(c: &RangeContext<'_>, w: &Window<'_>, counter: bool, per_second: bool) -> Option<f64> {
    let smoothed = c.edges == Edges::Smoothed;
    let (left, right, first, last) = edge_values(w, smoothed, counter)?;
    let mut result = right - left;
    if counter {
        let (times, values) = (w.times(), w.values());
        let from = first + usize::from(times[first] <= w.start);
        let to = (last + 1) - usize::from(times[last] >= w.end);
        let mut correction = 0.0;
        let mut previous = left;
        for v in values.get(from..to).unwrap_or(&[]) {
            if *v < previous {
                correction += previous;
            }
            previous = *v;
        }
        if right < previous {
            correction += previous;
        }
        result += correction;
    }
    if per_second {
        result /= seconds(c.range_ms);
    }
    Some(result)
}

/// The histogram at `t` between two others. Over the reset of a counter it grows from nothing.
pub(super) fn interpolated(
    a: (i64, &FloatHistogram),
    b: (i64, &FloatHistogram),
    t: i64,
    counter: bool,
    notes: &mut Annotations,
    span: Span,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    if t == a.0 {
        return Ok(a.1.clone());
    }
    if t == b.0 {
        return Ok(b.1.clone());
    }
    let fraction = t.saturating_sub(a.0) as f64 / b.0.saturating_sub(a.0) as f64;
    let mut result = b.1.clone();
    if counter && b.1.is_reset_after(a.1) {
        return Ok(result.scaled(fraction));
    }
    if result.subtract(a.1)?.bounds_reconciled {
        notes.bounds_reconciled(HistogramOperation::Subtraction, span);
    }
    let mut result = result.scaled(fraction);
    if result.add(a.1)?.bounds_reconciled {
        notes.bounds_reconciled(HistogramOperation::Addition, span);
    }
    Ok(result)
}

fn extended_histogram(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    counter: bool,
    per_second: bool,
    notes: &mut Annotations,
) -> Option<FloatHistogram> {
    let smoothed = c.edges == Edges::Smoothed;
    let (times, hists) = (w.histogram_times(), w.histograms());
    let (first, last) = bounds(times, w, smoothed)?;
    let custom = hists[first].has_custom_bounds();
    for h in &hists[first..=last] {
        if h.has_custom_bounds() != custom {
            notes.mixed_schemas(c.metric_name, c.span);
            return None;
        }
        if counter && h.reset_hint == ResetHint::Gauge {
            notes.not_counter(c.metric_name, c.span);
        }
    }
    let edge = |inside: bool, i: usize, j: usize, t: i64, notes: &mut Annotations| {
        if inside {
            return Some(FloatHistogram::clone(&hists[if t == w.start { i } else { j }]));
        }
        let between = interpolated((times[i], &hists[i]), (times[j], &hists[j]), t, counter, notes, c.span);
        if between.is_err() {
            notes.mixed_schemas(c.metric_name, c.span);
        }
        between.ok()
    };
    let left_inside = !(smoothed && times[first] < w.start && first + 1 < times.len());
    let left = edge(left_inside, first, (first + 1).min(times.len() - 1), w.start, notes)?;
    let right_inside = !(smoothed && last > 0 && times[last] > w.end);
    let right = edge(right_inside, last.saturating_sub(1), last, w.end, notes)?;
    let both_gauges = left.reset_hint == ResetHint::Gauge && right.reset_hint == ResetHint::Gauge;
    if !counter && !both_gauges {
        notes.not_gauge(c.metric_name, c.span);
    }
    let mut result = right.clone();
    c.combine(&mut result, &left, HistogramOperation::Subtraction, notes)?;
    if counter && let Some(correction) = reset_correction(c, w, (first, last), (left, right), notes)? {
        c.combine(&mut result, &correction, HistogramOperation::Addition, notes)?;
    }
    if per_second {
        result = result.divided(seconds(c.range_ms));
    }
    result.reset_hint = ResetHint::Gauge;
    Some(result.compact())
}

/// What was lost to resets between the edges. The outer `None` means that histograms could not be combined.
fn reset_correction(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    (first, last): (usize, usize),
    (left, right): (FloatHistogram, FloatHistogram),
    notes: &mut Annotations,
) -> Option<Option<FloatHistogram>> {
    let (times, hists) = (w.histogram_times(), w.histograms());
    let mut from = first + 1;
    let mut previous = Arc::new(left);
    if c.edges == Edges::Smoothed
        && times[first] < w.start
        && first + 1 < hists.len()
        && hists[first + 1].is_reset_after(&hists[first])
    {
        // The left edge was interpolated over this reset and accounts for it.
        previous = hists[first + 1].clone();
        from += 1;
    }
    // The last sample is left out: `right` stands for it, and has the same hint.
    if from > last {
        return Some(None);
    }
    let mut correction: Option<FloatHistogram> = None;
    let mut add = |h: &FloatHistogram, notes: &mut Annotations| match &mut correction {
        None => {
            correction = Some(h.clone());
            Some(())
        }
        Some(sum) => c.combine(sum, h, HistogramOperation::Addition, notes),
    };
    for h in &hists[from..last] {
        if h.is_reset_after(&previous) {
            add(&previous, notes)?;
        }
        previous = h.clone();
    }
    if right.is_reset_after(&previous) {
        add(&previous, notes)?;
    }
    Some(correction)
}

impl RangeContext<'_> {
    /// Adds or subtracts, and remarks on what went wrong. `None` if the histograms cannot be combined.
    pub(super) fn combine(
        &self,
        into: &mut FloatHistogram,
        other: &FloatHistogram,
        operation: HistogramOperation,
        notes: &mut Annotations,
    ) -> Option<()> {
        let result: Result<Combined, IncompatibleSchemas> = match operation {
            HistogramOperation::Subtraction => into.subtract(other),
            HistogramOperation::Addition | HistogramOperation::Aggregation => into.add(other),
        };
        match result {
            Err(IncompatibleSchemas) => {
                notes.mixed_schemas(self.metric_name, self.span);
                None
            }
            Ok(report) => {
                if report.bounds_reconciled {
                    notes.bounds_reconciled(operation, self.span);
                }
                Some(())
            }
        }
    }
}
