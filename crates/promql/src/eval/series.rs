//! Intermediate results: series in columns over the steps of a query.

use crate::error::EvalError;
use crate::histogram::FloatHistogram;
use model::{Labels, METRIC_NAME, STALE_NAN_BITS, is_stale};
use std::collections::HashMap;
use std::sync::Arc;

/// Stands for "no value at this step". No value of a query can have these bits: stale samples are dropped when
/// they are read, and arithmetic never gives a signalling NaN.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

#[inline]
pub(crate) fn is_absent(v: f64) -> bool {
    is_stale(v)
}

/// The instants at which an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub start: i64,
    pub step: i64,
    pub count: usize,
}

impl Grid {
    pub fn once(at: i64) -> Grid {
        Grid { start: at, step: 1, count: 1 }
    }

    /// From `start` to `end`, both included. Empty if `end` is before `start`.
    pub fn range(start: i64, end: i64, step: i64) -> Grid {
        let step = step.max(1);
        let count = match end.checked_sub(start) {
            Some(span) if span >= 0 => {
                usize::try_from(span / step).map_or(usize::MAX, |n| n.saturating_add(1))
            }
            Some(_) => 0,
            None => usize::MAX,
        };
        Grid { start, step, count }
    }

    pub fn time(&self, i: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(i as i64))
    }
}

/// A value of a series at one step.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// A series over the steps of a grid.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub labels: Labels,
    /// Whether the metric name (with `__type__` and `__unit__`) goes away when the query is done. It stays until
    /// then, so that operators outside can still tell series apart by it.
    pub drop_name: bool,
    /// One value per step, or [`ABSENT`].
    pub floats: Vec<f64>,
    /// One histogram per step, or empty if there is none at all.
    pub histograms: Vec<Option<Arc<FloatHistogram>>>,
}

impl Series {
    pub fn absent(labels: Labels, drop_name: bool, steps: usize) -> Series {
        Series { labels, drop_name, floats: vec![ABSENT; steps], histograms: Vec::new() }
    }

    /// Begins anew as [`Series::absent`] does, in the same memory.
    pub fn reset(&mut self, labels: Labels, drop_name: bool, steps: usize) {
        (self.labels, self.drop_name) = (labels, drop_name);
        self.floats.clear();
        self.floats.resize(steps, ABSENT);
        self.histograms.clear();
    }

    pub fn get(&self, step: usize) -> Option<Cell> {
        let v = self.floats[step];
        if !is_absent(v) {
            return Some(Cell::Float(v));
        }
        self.histogram(step).cloned().map(Cell::Histogram)
    }

    pub fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        self.histograms.get(step).and_then(Option::as_ref)
    }

    pub fn is_present(&self, step: usize) -> bool {
        !is_absent(self.floats[step]) || self.histogram(step).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.floats.iter().all(|v| is_absent(*v)) && self.histograms.iter().all(Option::is_none)
    }

    pub fn set(&mut self, step: usize, cell: Cell) {
        match cell {
            Cell::Float(v) => self.floats[step] = v,
            Cell::Histogram(h) => {
                if self.histograms.is_empty() {
                    self.histograms.resize(self.floats.len(), None);
                }
                self.histograms[step] = Some(h);
            }
        }
    }

    /// Samples this series holds, a histogram counting by its size.
    pub fn held_bytes(&self) -> u64 {
        let histograms: u64 = self.histograms.iter().flatten().map(|h| h.size()).sum();
        (self.floats.len() * 8 + self.histograms.len() * 8 + self.labels.key().len() + size_of::<Series>())
            as u64
            + histograms
    }

    /// Changes every float and drops every histogram.
    pub fn map_floats(mut self, f: impl Fn(f64) -> f64) -> Series {
        self.histograms = Vec::new();
        for v in &mut self.floats {
            if !is_absent(*v) {
                *v = f(*v);
            }
        }
        self.drop_name = true;
        self
    }
}

/// Whether a label describes the metric and not the series.
pub(crate) fn is_metadata_label(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|n| !is_metadata_label(n))
}

/// Drops series without any value.
pub(crate) fn drop_empty(series: &mut Vec<Series>) {
    series.retain(|s| !s.is_empty());
}

/// Sorts series by their labels, and joins those of equal ones.
pub(crate) fn sort_and_merge(mut series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let mut out: Vec<Series> = Vec::with_capacity(series.len());
    for s in series {
        match out.last_mut() {
            Some(last) if last.labels == s.labels => join(last, &s)?,
            _ => out.push(s),
        }
    }
    Ok(out)
}

/// Adds the values of a series of the same labels, which must have none at the same step.
fn join(into: &mut Series, s: &Series) -> Result<(), EvalError> {
    for step in 0..s.floats.len() {
        if let Some(cell) = s.get(step) {
            if into.is_present(step) {
                return Err(EvalError::same_labels());
            }
            into.set(step, cell);
        }
    }
    Ok(())
}

/// Joins series of equal labels, which must not have values at the same step.
pub(crate) fn merge_same_labels(series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    if series.len() < 2 {
        return Ok(series);
    }
    let mut by_labels: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut out: Vec<Series> = Vec::with_capacity(series.len());
    for s in series {
        match by_labels.get(&s.labels) {
            None => {
                by_labels.insert(s.labels.clone(), out.len());
                out.push(s);
            }
            Some(at) => join(&mut out[*at], &s)?,
        }
    }
    Ok(out)
}
