//! Series in memory, for scripts.

use super::notation::Item;
use crate::histogram::FloatHistogram;
use crate::source::{Selection, SeriesSet, Source, SourceError};
use model::{Histogram, Labels, METRIC_NAME, ResetHint, Samples};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A sample of a script.
#[derive(Debug, Clone)]
enum Stored {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// A source whose series are few enough to be scanned.
#[derive(Debug, Default)]
pub(super) struct Memory {
    series: BTreeMap<Labels, BTreeMap<i64, (Stored, i64)>>,
    /// The same samples as a store gives them.
    read: Vec<(Labels, Samples)>,
}

impl Memory {
    pub fn clear(&mut self) {
        *self = Memory::default();
    }

    /// Adds a line of a `load` command.
    pub fn load(&mut self, labels: &Labels, items: &[Item], starts: Option<&[Option<i64>]>, step_ms: i64) {
        let series = self.series.entry(labels.clone()).or_default();
        for (i, item) in items.iter().enumerate() {
            let time = step_ms.saturating_mul(i as i64);
            let start = starts
                .and_then(|s| s.get(i).copied().flatten())
                .map_or(0, |start| time.saturating_add(start));
            let stored = match item {
                Item::Omitted => continue,
                Item::Float(v) => Stored::Float(*v),
                Item::Histogram(h, _) => Stored::Histogram(h.clone()),
            };
            series.insert(time, (stored, start));
        }
    }

    /// Makes what was loaded readable.
    pub fn commit(&mut self) {
        self.read = self.series.iter().map(|(labels, stored)| (labels.clone(), samples(stored))).collect();
    }

    /// Adds histograms with custom buckets for the classic histograms among what one `load` command loaded.
    pub fn load_custom_buckets(&mut self, lines: &[(Labels, Vec<Item>)], step_ms: i64) -> Result<(), String> {
        let mut found: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
        for (labels, items) in lines {
            let name = labels.metric_name();
            let (base, part) = match ["_bucket", "_count", "_sum"].iter().find(|s| name.ends_with(**s)) {
                Some(suffix) => (&name[..name.len() - suffix.len()], *suffix),
                None => continue,
            };
            let le = labels.get("le").unwrap_or("");
            let bound = if le == "+Inf" { Some(f64::INFINITY) } else { le.parse().ok() };
            if part == "_bucket" && bound.is_none_or(f64::is_nan) {
                continue;
            }
            let key = labels.to_builder().set(METRIC_NAME, base).remove("le").build();
            let by_time = found.entry(key).or_default();
            for (i, item) in items.iter().enumerate() {
                let Item::Float(v) = item else { continue };
                let classic = by_time.entry(step_ms.saturating_mul(i as i64)).or_default();
                match part {
                    "_bucket" => classic.buckets.push((bound.unwrap_or(f64::INFINITY), *v)),
                    "_count" => classic.count = Some(*v),
                    _ => classic.sum = *v,
                }
            }
        }
        for (labels, by_time) in found {
            let series = self.series.entry(labels).or_default();
            for (time, classic) in by_time {
                series.insert(time, (Stored::Histogram(Arc::new(classic.convert()?)), 0));
            }
        }
        Ok(())
    }
}

/// A classic histogram at one time.
#[derive(Debug, Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

impl Classic {
    fn convert(mut self) -> Result<FloatHistogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by_key(|b| b.0);
        if self.buckets.windows(2).any(|w| w[1].1 < w[0].1) {
            return Err("classic bucket counts are not cumulative".to_owned());
        }
        let count = self.count.or(self.buckets.last().map(|b| b.1)).unwrap_or(0.0);
        if self.buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut h = FloatHistogram::empty(i32::from(Histogram::CUSTOM_SCHEMA));
        (h.count, h.sum) = (count, self.sum);
        h.custom_bounds = self.buckets.iter().map(|b| b.0).filter(|b| b.is_finite()).collect();
        let mut before = 0.0;
        for (i, (_, cumulative)) in self.buckets.iter().enumerate() {
            h.positive.push((i as i32, cumulative - before));
            before = *cumulative;
        }
        Ok(h.compact())
    }
}

/// The columns of a series. Reset hints become what a store knows.
fn samples(stored: &BTreeMap<i64, (Stored, i64)>) -> Samples {
    let mut out = Samples::default();
    let any_start = stored.values().any(|(_, start)| *start != 0);
    let mut previous: Option<Arc<FloatHistogram>> = None;
    for (time, (value, start)) in stored {
        match value {
            Stored::Float(v) => {
                out.times.push(*time);
                out.values.push(*v);
                if any_start {
                    out.starts.push(*start);
                }
                previous = None;
            }
            Stored::Histogram(h) => {
                let mut known = FloatHistogram::clone(h);
                known.reset_hint = known_hint(h, previous.as_deref());
                out.histogram_times.push(*time);
                out.histograms.push(Arc::new(known.to_model()));
                if any_start {
                    out.histogram_starts.push(*start);
                }
                previous = Some(h.clone());
            }
        }
    }
    out
}

/// What a store knows of a histogram that follows another: that no reset came between them, or nothing. A reset is
/// never stated, because samples that arrive later may come between.
pub fn known_hint(h: &FloatHistogram, previous: Option<&FloatHistogram>) -> ResetHint {
    if h.reset_hint == ResetHint::Gauge {
        return ResetHint::Gauge;
    }
    match previous.filter(|p| p.reset_hint != ResetHint::Gauge) {
        Some(previous) if h.reset_hint != ResetHint::Yes => {
            let mut unknown = h.clone();
            unknown.reset_hint = ResetHint::Unknown;
            if unknown.is_reset_after(previous) { ResetHint::Unknown } else { ResetHint::No }
        }
        _ => ResetHint::Unknown,
    }
}

impl Source for Memory {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let matching = self.read.iter().filter(|(labels, _)| {
            selection.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
        });
        Ok(Box::new(Selected { series: matching.collect(), range: selection.range }))
    }
}

struct Selected<'a> {
    series: Vec<&'a (Labels, Samples)>,
    range: model::TimeRange,
}

impl SeriesSet for Selected<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.series[i].0
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        let all = &self.series[i].1;
        let inside = |times: &[i64]| {
            let from = times.partition_point(|t| *t < self.range.start_ms);
            from..times.partition_point(|t| *t <= self.range.end_ms).max(from)
        };
        let (f, h) = (inside(&all.times), inside(&all.histogram_times));
        out.clear();
        out.times.extend_from_slice(&all.times[f.clone()]);
        out.values.extend_from_slice(&all.values[f.clone()]);
        out.starts.extend_from_slice(all.starts.get(f).unwrap_or(&[]));
        out.histogram_times.extend_from_slice(&all.histogram_times[h.clone()]);
        out.histograms.extend_from_slice(&all.histograms[h.clone()]);
        out.histogram_starts.extend_from_slice(all.histogram_starts.get(h).unwrap_or(&[]));
        Ok(())
    }
}
