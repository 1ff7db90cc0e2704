//! Samples of one series, and the window over them that slides along the steps.

use super::spans::Reference;
use super::{Series, is_absent};
use crate::histogram::FloatHistogram;
use model::{Histogram, ResetHint, Samples, is_stale};
use std::ops::Range;
use std::sync::Arc;

/// Samples of one series without staleness markers.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub times: Vec<i64>,
    pub values: Vec<f64>,
    /// Empty, or as long as `times`.
    pub starts: Vec<i64>,
    pub histogram_times: Vec<i64>,
    pub histograms: Vec<Arc<FloatHistogram>>,
    /// Empty, or as long as `histogram_times`.
    pub histogram_starts: Vec<i64>,
}

impl Buffer {
    /// Takes samples as they were read. The columns of floats are exchanged, not copied.
    ///
    /// With `Decoding::Statistics` histograms lose their buckets once resets have been found by them.
    pub fn take(&mut self, from: &mut Samples, decoding: Decoding) {
        std::mem::swap(&mut self.times, &mut from.times);
        std::mem::swap(&mut self.values, &mut from.values);
        std::mem::swap(&mut self.starts, &mut from.starts);
        if self.values.iter().any(|v| is_stale(*v)) {
            self.drop_stale();
        }
        self.histogram_times.clear();
        self.histogram_starts.clear();
        let mut decoder = Decoder::new(decoding);
        for (i, h) in from.histograms.iter().enumerate() {
            if h.is_stale() {
                continue;
            }
            // What the series before left and nobody else holds is written over.
            let at = self.histogram_times.len();
            match self.histograms.get_mut(at).and_then(Arc::get_mut) {
                Some(left) => decoder.decode_to(h, left),
                None => {
                    self.histograms.truncate(at);
                    self.histograms.push(decoder.decode(h));
                }
            }
            self.histogram_times.push(from.histogram_times[i]);
            if let Some(start) = from.histogram_starts.get(i) {
                self.histogram_starts.push(*start);
            }
        }
        self.histograms.truncate(self.histogram_times.len());
    }

    fn drop_stale(&mut self) {
        let mut kept = 0;
        for i in 0..self.values.len() {
            if is_stale(self.values[i]) {
                continue;
            }
            self.values[kept] = self.values[i];
            self.times[kept] = self.times[i];
            if !self.starts.is_empty() {
                self.starts[kept] = self.starts[i];
            }
            kept += 1;
        }
        self.values.truncate(kept);
        self.times.truncate(kept);
        self.starts.truncate(kept);
    }

    /// Takes the points of an evaluated series. Reset hints are forgotten: between the points of a subquery there
    /// may be samples it did not return.
    pub fn take_series(&mut self, series: &Series, time: impl Fn(usize) -> i64) {
        *self = Buffer::default();
        for (i, v) in series.floats.iter().enumerate() {
            if !is_absent(*v) {
                self.times.push(time(i));
                self.values.push(*v);
            }
        }
        for (i, h) in series.histograms.iter().enumerate() {
            let Some(h) = h else { continue };
            self.histogram_times.push(time(i));
            self.histograms.push(match h.reset_hint {
                ResetHint::Yes | ResetHint::No => {
                    let mut h = FloatHistogram::clone(h);
                    h.reset_hint = ResetHint::Unknown;
                    Arc::new(h)
                }
                ResetHint::Unknown | ResetHint::Gauge => h.clone(),
            });
        }
    }

    pub fn len(&self) -> usize {
        self.times.len() + self.histogram_times.len()
    }

    /// Whether there is nothing but floats without start timestamps.
    pub fn is_plain(&self) -> bool {
        self.histogram_times.is_empty() && self.starts.is_empty()
    }
}

/// What is needed of histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoding {
    Full,
    /// Only count and sum, with resets stated.
    Statistics,
}

/// Makes histograms of queries from stored ones, in order of time.
pub(super) struct Decoder {
    decoding: Decoding,
    previous: Option<FloatHistogram>,
}

impl Decoder {
    pub fn new(decoding: Decoding) -> Decoder {
        Decoder { decoding, previous: None }
    }

    pub fn decode(&mut self, h: &Histogram) -> Arc<FloatHistogram> {
        let mut out = FloatHistogram::empty(0);
        self.decode_to(h, &mut out);
        Arc::new(out)
    }

    fn decode_to(&mut self, h: &Histogram, out: &mut FloatHistogram) {
        if self.decoding == Decoding::Full {
            return out.assign(h);
        }
        let full = FloatHistogram::from_model(h);
        let mut statistics = FloatHistogram::empty(full.schema);
        (statistics.count, statistics.sum) = (full.count, full.sum);
        statistics.reset_hint = match (&self.previous, full.reset_hint) {
            (Some(previous), ResetHint::Unknown) if full.is_reset_after(previous) => ResetHint::Yes,
            (Some(_), ResetHint::Unknown) => ResetHint::No,
            (_, hint) => hint,
        };
        self.previous = Some(full);
        *out = statistics;
    }
}

/// A window over a buffer at one step.
#[derive(Debug, Clone)]
pub(crate) struct Window<'a> {
    pub buffer: &'a Buffer,
    /// Which floats are inside.
    pub f: Range<usize>,
    /// Which histograms are inside.
    pub h: Range<usize>,
    /// Time of evaluation.
    pub time: i64,
    /// The range that was asked for; samples at `start` are outside.
    pub start: i64,
    pub end: i64,
}

impl<'a> Window<'a> {
    pub fn times(&self) -> &'a [i64] {
        &self.buffer.times[self.f.clone()]
    }

    pub fn values(&self) -> &'a [f64] {
        &self.buffer.values[self.f.clone()]
    }

    /// Start timestamps of the floats; empty when none are known.
    pub fn starts(&self) -> &'a [i64] {
        self.buffer.starts.get(self.f.clone()).unwrap_or(&[])
    }

    pub fn histogram_times(&self) -> &'a [i64] {
        &self.buffer.histogram_times[self.h.clone()]
    }

    pub fn histograms(&self) -> &'a [Arc<FloatHistogram>] {
        &self.buffer.histograms[self.h.clone()]
    }

    pub fn histogram_starts(&self) -> &'a [i64] {
        self.buffer.histogram_starts.get(self.h.clone()).unwrap_or(&[])
    }

    pub fn is_empty(&self) -> bool {
        self.f.is_empty() && self.h.is_empty()
    }
}

/// How far a window reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub range: i64,
    /// Milliseconds before the range that also count.
    pub before: i64,
    /// Milliseconds after the range that also count.
    pub after: i64,
}

/// Moves a window along the steps. Both ends only ever move forward.
pub(crate) struct Sliding<'a> {
    buffer: &'a Buffer,
    reference: Reference,
    reach: Reach,
    f: Range<usize>,
    h: Range<usize>,
}

impl<'a> Sliding<'a> {
    pub fn new(buffer: &'a Buffer, reference: Reference, reach: Reach) -> Sliding<'a> {
        Sliding { buffer, reference, reach, f: 0..0, h: 0..0 }
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.reference.grid.count
    }

    /// The window at a step; steps must be asked for in ascending order.
    pub fn at(&mut self, step: usize) -> Window<'a> {
        let end = self.reference.time(step);
        let start = end.saturating_sub(self.reach.range);
        let (from, to) = (start.saturating_sub(self.reach.before), end.saturating_add(self.reach.after));
        slide(&mut self.f, &self.buffer.times, from, to);
        slide(&mut self.h, &self.buffer.histogram_times, from, to);
        Window {
            buffer: self.buffer,
            f: self.f.clone(),
            h: self.h.clone(),
            time: self.reference.grid.time(step),
            start,
            end,
        }
    }
}

fn slide(range: &mut Range<usize>, times: &[i64], from: i64, to: i64) {
    while range.end < times.len() && times[range.end] <= to {
        range.end += 1;
    }
    while range.start < range.end && times[range.start] <= from {
        range.start += 1;
    }
}
