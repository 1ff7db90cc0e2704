//! Samples of one series and spans of time.

use crate::histogram::Histogram;
use std::sync::Arc;

/// The bit pattern that marks a series as stale from its timestamp on. An ordinary NaN has another payload.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether a value is the staleness marker. Compares bits: no other NaN is one.
#[inline]
pub fn is_stale(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
}

/// A closed span of time, both ends included, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First instant.
    pub start_ms: i64,
    /// Last instant.
    pub end_ms: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: TimeRange = TimeRange { start_ms: i64::MIN, end_ms: i64::MAX };

    /// From `start_ms` to `end_ms`, both included.
    pub fn new(start_ms: i64, end_ms: i64) -> TimeRange {
        TimeRange { start_ms, end_ms }
    }

    /// Whether an instant lies within.
    pub fn contains(&self, t_ms: i64) -> bool {
        self.start_ms <= t_ms && t_ms <= self.end_ms
    }

    /// Whether two ranges share an instant.
    pub fn overlaps(&self, other: &TimeRange) -> bool {
        self.start_ms <= other.end_ms && other.start_ms <= self.end_ms
    }
}

/// The samples of one series in columns. Float samples and histogram samples are kept apart; each kind is in
/// strictly ascending order of time, and no timestamp occurs in both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Timestamps of float samples, Unix milliseconds.
    pub times: Vec<i64>,
    /// Values of float samples, as long as `times`.
    pub values: Vec<f64>,
    /// Start timestamps (when the counter was last zero) of float samples in Unix milliseconds, 0 where unknown.
    /// Empty when no sample has one, else as long as `times`.
    pub starts: Vec<i64>,
    /// Timestamps of histogram samples, Unix milliseconds.
    pub histogram_times: Vec<i64>,
    /// Histogram samples, as long as `histogram_times`. A stale marker is a histogram whose sum is stale.
    pub histograms: Vec<Arc<Histogram>>,
    /// Start timestamps of histogram samples, as `starts`.
    pub histogram_starts: Vec<i64>,
}

impl Samples {
    /// Empties every column and keeps their capacity.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.starts.clear();
        self.histogram_times.clear();
        self.histograms.clear();
        self.histogram_starts.clear();
    }

    /// The time of the newest sample, and whether it is a staleness marker. A float counts as newer than a histogram
    /// of the same time.
    pub fn newest(&self) -> Option<(i64, bool)> {
        let float = self.times.last().copied().zip(self.values.last().map(|v| is_stale(*v)));
        let histogram =
            self.histogram_times.last().copied().zip(self.histograms.last().map(|h| h.is_stale()));
        match (float, histogram) {
            (Some(f), Some(h)) => Some(if h.0 > f.0 { h } else { f }),
            (f, h) => f.or(h),
        }
    }

    /// The number of samples of both kinds.
    pub fn len(&self) -> usize {
        self.times.len() + self.histogram_times.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty() && self.histogram_times.is_empty()
    }
}
