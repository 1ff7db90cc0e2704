//! Native histograms: sparse, with exponential or custom bucket bounds.

use crate::sample::is_stale;

/// What a histogram says about whether its counter was reset before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResetHint {
    /// Nothing is known: compare with the histogram before.
    #[default]
    Unknown,
    /// A reset happened since the histogram before.
    Yes,
    /// No reset happened since the histogram before.
    No,
    /// A gauge histogram: resets have no meaning.
    Gauge,
}

/// A run of consecutive buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Gap to the end of the span before, or the index of the first bucket in the first span.
    pub offset: i32,
    /// Number of consecutive buckets.
    pub length: u32,
}

/// Bucket counts, absolute (never deltas between buckets), positive buckets in the order of their spans.
#[derive(Debug, Clone, PartialEq)]
pub enum Counts {
    /// Whole observations.
    Integer {
        /// All observations.
        count: u64,
        /// Observations in the zero bucket.
        zero: u64,
        /// Observations in each positive bucket.
        positive: Vec<u64>,
        /// Observations in each negative bucket.
        negative: Vec<u64>,
    },
    /// Weighted or computed observations.
    Float {
        /// All observations.
        count: f64,
        /// Observations in the zero bucket.
        zero: f64,
        /// Observations in each positive bucket.
        positive: Vec<f64>,
        /// Observations in each negative bucket.
        negative: Vec<f64>,
    },
}

/// A native histogram sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Whether a counter reset precedes this sample.
    pub reset_hint: ResetHint,
    /// Resolution: bucket bounds grow by `2^(2^-schema)`; from -4 to 8, or [`Histogram::CUSTOM_SCHEMA`].
    pub schema: i8,
    /// Observations with an absolute value up to this fall in the zero bucket.
    pub zero_threshold: f64,
    /// Sum of observations; the stale marker here marks the series as stale.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// Upper bounds of custom buckets, ascending; empty for exponential schemas.
    pub custom_bounds: Vec<f64>,
    /// The counts.
    pub counts: Counts,
}

/// Why a histogram is not well formed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// The schema is none of those defined.
    #[error("histogram schema {0} is not supported: -4 to 8 (exponential) or -53 (custom buckets)")]
    Schema(i8),
    /// Spans and counts disagree.
    #[error("histogram {side} spans describe {spans} buckets but {counts} counts are given")]
    SpanMismatch {
        /// "positive" or "negative".
        side: &'static str,
        /// Buckets described by spans.
        spans: u64,
        /// Counts given.
        counts: usize,
    },
    /// A span after the first has a negative offset.
    #[error("histogram {side} span {at} has the negative offset {offset}")]
    NegativeOffset {
        /// "positive" or "negative".
        side: &'static str,
        /// Position of the span.
        at: usize,
        /// Its offset.
        offset: i32,
    },
    /// A count is negative or not a number.
    #[error("histogram bucket count {0} is negative")]
    NegativeCount(f64),
    /// The buckets hold more than the total.
    #[error("histogram buckets hold {buckets} observations but the count is {count}")]
    CountMismatch {
        /// Sum over buckets.
        buckets: f64,
        /// The total.
        count: f64,
    },
    /// Custom bounds are not ascending, not finite, too few, or out of place.
    #[error("histogram custom bounds: {0}")]
    CustomBounds(String),
}

impl Histogram {
    /// The schema that marks custom bucket bounds.
    pub const CUSTOM_SCHEMA: i8 = -53;

    /// Whether this sample is a staleness marker.
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// Whether bucket bounds are given one by one.
    pub fn has_custom_bounds(&self) -> bool {
        self.schema == Self::CUSTOM_SCHEMA
    }

    /// Checks what a sender can get wrong. Costs one pass over the buckets.
    pub fn check(&self) -> Result<(), HistogramError> {
        let custom = self.has_custom_bounds();
        if !custom && !(-4..=8).contains(&self.schema) {
            return Err(HistogramError::Schema(self.schema));
        }
        let (positive, negative) = match &self.counts {
            Counts::Integer { positive, negative, .. } => (positive.len(), negative.len()),
            Counts::Float { positive, negative, .. } => (positive.len(), negative.len()),
        };
        check_spans("positive", &self.positive_spans, positive)?;
        check_spans("negative", &self.negative_spans, negative)?;
        if custom {
            self.check_custom(negative)?;
        } else if !self.custom_bounds.is_empty() {
            return Err(HistogramError::CustomBounds(format!(
                "given with the exponential schema {}",
                self.schema
            )));
        }
        self.check_counts()
    }

    fn check_custom(&self, negative: usize) -> Result<(), HistogramError> {
        let wrong = |m: &str| Err(HistogramError::CustomBounds(m.to_owned()));
        if negative > 0 || !self.negative_spans.is_empty() {
            return wrong("negative buckets cannot be combined with custom bounds");
        }
        if self.custom_bounds.iter().any(|b| !b.is_finite()) {
            return wrong("every bound must be finite (the last bucket reaches to +Inf by itself)");
        }
        if self.custom_bounds.windows(2).any(|w| w[0] >= w[1]) {
            return wrong("bounds must ascend");
        }
        let last =
            self.positive_spans.iter().fold(0i64, |at, s| at + i64::from(s.offset) + i64::from(s.length));
        if last > self.custom_bounds.len() as i64 + 1
            || self.positive_spans.first().is_some_and(|s| s.offset < 0)
        {
            return wrong("spans reach beyond the bounds");
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), HistogramError> {
        match &self.counts {
            Counts::Integer { count, zero, positive, negative } => {
                let sum = positive.iter().chain(negative).try_fold(*zero, |a, b| a.checked_add(*b));
                // With NaN observations the count exceeds the buckets; buckets never exceed the count.
                match sum {
                    Some(s) if s <= *count && (self.sum.is_nan() || s == *count) => Ok(()),
                    s => Err(HistogramError::CountMismatch {
                        buckets: s.map_or(f64::INFINITY, |s| s as f64),
                        count: *count as f64,
                    }),
                }
            }
            Counts::Float { count, zero, positive, negative } => {
                let all = positive.iter().chain(negative).chain([zero, count]);
                match all.copied().find(|c| *c < 0.0) {
                    Some(c) => Err(HistogramError::NegativeCount(c)),
                    None => Ok(()),
                }
            }
        }
    }
}

fn check_spans(side: &'static str, spans: &[Span], counts: usize) -> Result<(), HistogramError> {
    if let Some((at, s)) = spans.iter().enumerate().skip(1).find(|(_, s)| s.offset < 0) {
        return Err(HistogramError::NegativeOffset { side, at, offset: s.offset });
    }
    let described: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    if described != counts as u64 {
        return Err(HistogramError::SpanMismatch { side, spans: described, counts });
    }
    Ok(())
}
