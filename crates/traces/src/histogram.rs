//! Durations as a native histogram.

use model::{Counts, Histogram, ResetHint, Span};

/// Bounds of buckets grow by 2^(1/8), nine per cent.
const SCHEMA: i8 = 3;
/// Up to this many seconds is the zero bucket, as Prometheus' libraries have it.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// Counts of durations in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DurationHistogram {
    count: u64,
    zero: u64,
    sum: f64,
    /// Index and count of each bucket, ascending. Nanoseconds to centuries make 500 at most.
    buckets: Vec<(i32, u64)>,
}

impl DurationHistogram {
    /// Counts one. What is negative counts as none at all.
    pub fn observe(&mut self, duration_ns: i64) {
        let seconds = duration_ns.max(0) as f64 / 1e9;
        self.count += 1;
        self.sum += seconds;
        if seconds == 0.0 {
            self.zero += 1;
            return;
        }
        let index = (seconds.log2() * f64::from(1 << SCHEMA)).ceil() as i32;
        match self.buckets.binary_search_by_key(&index, |b| b.0) {
            Ok(at) => self.buckets[at].1 += 1,
            Err(at) => self.buckets.insert(at, (index, 1)),
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The buckets that hold something, ascending: lower bound in seconds (not in it), upper bound, count. What took no
    /// time at all is from 0 to 0.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let bound = |index: i32| (f64::from(index) / f64::from(1 << SCHEMA)).exp2();
        let zero = (self.zero > 0).then_some((0.0, 0.0, self.zero));
        zero.into_iter().chain(self.buckets.iter().map(move |(i, n)| (bound(i - 1), bound(*i), *n)))
    }

    /// As a sample.
    pub fn to_histogram(&self) -> Histogram {
        let mut spans: Vec<Span> = Vec::new();
        let mut next = 0;
        for (index, _) in &self.buckets {
            match spans.last_mut() {
                Some(span) if *index == next => span.length += 1,
                Some(_) => spans.push(Span { offset: index - next, length: 1 }),
                None => spans.push(Span { offset: *index, length: 1 }),
            }
            next = index + 1;
        }
        Histogram {
            reset_hint: ResetHint::Unknown,
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            sum: self.sum,
            positive_spans: spans,
            negative_spans: Vec::new(),
            custom_bounds: Vec::new(),
            counts: Counts::Integer {
                count: self.count,
                zero: self.zero,
                positive: self.buckets.iter().map(|b| b.1).collect(),
                negative: Vec::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_they_say() {
        let mut h = DurationHistogram::default();
        for ns in [0, -5, 1_000_000_000, 1_000_000_001, 2_000_000_000, 1] {
            h.observe(ns);
        }
        let sample = h.to_histogram();
        sample.check().unwrap();
        let Counts::Integer { count, zero, positive, .. } = &sample.counts else {
            panic!("counts are whole")
        };
        assert_eq!((*count, *zero, positive.as_slice()), (6, 2, &[1, 1, 1, 1][..]));
        // 1 s is the upper bound of bucket 0, 2 s that of bucket 8.
        let spans: Vec<(i32, u32)> = sample.positive_spans.iter().map(|s| (s.offset, s.length)).collect();
        assert_eq!(spans, [(-239, 1), (238, 2), (6, 1)]);
    }
}
