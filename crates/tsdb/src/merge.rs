//! Samples of one series from several sources become one sequence.

use model::{Histogram, Samples, TimeRange};
use std::sync::Arc;

/// Samples in order of arrival, of both kinds, possibly several for one timestamp.
#[derive(Default)]
pub(crate) struct Run {
    entries: Vec<Entry>,
}

struct Entry {
    time_ms: i64,
    start_ms: i64,
    value: Value,
}

enum Value {
    Float(f64),
    Histogram(Arc<Histogram>),
}

impl Run {
    pub fn float(&mut self, time_ms: i64, value: f64, start_ms: i64) {
        self.entries.push(Entry { time_ms, start_ms, value: Value::Float(value) });
    }

    pub fn histogram(&mut self, time_ms: i64, value: Arc<Histogram>, start_ms: i64) {
        self.entries.push(Entry { time_ms, start_ms, value: Value::Histogram(value) });
    }

    fn extend(&mut self, s: &mut Samples) {
        for (i, (t, v)) in s.times.iter().zip(&s.values).enumerate() {
            self.float(*t, *v, s.starts.get(i).copied().unwrap_or(0));
        }
        for (i, (t, h)) in s.histogram_times.iter().zip(s.histograms.drain(..)).enumerate() {
            self.histogram(*t, h, s.histogram_starts.get(i).copied().unwrap_or(0));
        }
    }
}

/// Appends what of a run is within `range` to `out` in order of time; of several samples of one timestamp the
/// last that arrived is kept.
pub(crate) fn merge_runs(mut run: Run, range: TimeRange, out: &mut Samples) {
    run.entries.retain(|e| range.contains(e.time_ms));
    run.entries.sort_by_key(|e| e.time_ms);
    let mut entries = run.entries.into_iter().peekable();
    while let Some(e) = entries.next() {
        if entries.peek().is_some_and(|next| next.time_ms == e.time_ms) {
            continue;
        }
        match e.value {
            Value::Float(v) => {
                out.times.push(e.time_ms);
                out.values.push(v);
                put_start(&mut out.starts, out.times.len(), e.start_ms);
            }
            Value::Histogram(h) => {
                out.histogram_times.push(e.time_ms);
                out.histograms.push(h);
                put_start(&mut out.histogram_starts, out.histogram_times.len(), e.start_ms);
            }
        }
    }
}

/// Keeps `starts` empty for as long as none is known.
fn put_start(starts: &mut Vec<i64>, len: usize, start_ms: i64) {
    if start_ms != 0 || !starts.is_empty() {
        starts.resize(len - 1, 0);
        starts.push(start_ms);
    }
}

/// Joins what several sources hold of one series. `sources` calls its argument once per source, oldest source
/// first; each call appends one source's samples in order of time. Where sources agree on a timestamp, the newest
/// source wins.
pub(crate) struct Joiner {
    part: Samples,
}

impl Joiner {
    pub fn new() -> Joiner {
        Joiner { part: Samples::default() }
    }

    /// Appends to `out` what `read` yields, as newer than what `out` holds.
    pub fn add<E>(
        &mut self,
        out: &mut Samples,
        read: impl FnOnce(&mut Samples) -> Result<(), E>,
    ) -> Result<(), E> {
        if out.is_empty() {
            return read(out);
        }
        self.part.clear();
        let done = read(&mut self.part);
        let newest = |s: &Samples| s.times.last().max(s.histogram_times.last()).copied();
        let oldest = |s: &Samples| match (s.times.first(), s.histogram_times.first()) {
            (Some(a), Some(b)) => Some(*a.min(b)),
            (a, b) => a.or(b).copied(),
        };
        if self.part.is_empty() {
            return done;
        }
        if newest(out) < oldest(&self.part) {
            append(out, &mut self.part);
        } else {
            let mut run = Run::default();
            run.extend(out);
            run.extend(&mut self.part);
            out.clear();
            merge_runs(run, TimeRange::ALL, out);
        }
        done
    }
}

/// `next` begins after `out` ends.
fn append(out: &mut Samples, next: &mut Samples) {
    let join = |starts: &mut Vec<i64>, before: usize, added: &[i64], n: usize| {
        if !starts.is_empty() || !added.is_empty() {
            starts.resize(before, 0);
            starts.extend_from_slice(added);
            starts.resize(before + n, 0);
        }
    };
    join(&mut out.starts, out.times.len(), &next.starts, next.times.len());
    out.times.extend_from_slice(&next.times);
    out.values.extend_from_slice(&next.values);
    join(
        &mut out.histogram_starts,
        out.histogram_times.len(),
        &next.histogram_starts,
        next.histogram_times.len(),
    );
    out.histogram_times.extend_from_slice(&next.histogram_times);
    out.histograms.append(&mut next.histograms);
}
