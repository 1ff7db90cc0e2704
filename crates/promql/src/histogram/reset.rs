//! Whether a counter was reset between two histograms.

use super::FloatHistogram;
use super::arithmetic::{coarser, outside_zero};
use model::ResetHint;

impl FloatHistogram {
    /// Whether a reset happened between `previous` and this histogram: by the hint, or because something that
    /// only grows in a counter has shrunk.
    pub(crate) fn is_reset_after(&self, previous: &FloatHistogram) -> bool {
        match self.reset_hint {
            ResetHint::Yes => return true,
            ResetHint::No => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.has_custom_bounds() {
            if !previous.has_custom_bounds() {
                return true;
            }
            if self.custom_bounds != previous.custom_bounds {
                return self.shrunk_between_common_bounds(previous);
            }
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (zero, threshold, _) = previous.zero_count_at(self.zero_threshold, None);
        if threshold != self.zero_threshold || self.zero_count < zero {
            return true;
        }
        let shrunk = |now: &[(i32, f64)], before: &[(i32, f64)]| match previous.schema > self.schema {
            true => shrunk(
                self.outside_zero(now),
                self.outside_zero(&coarser(before, previous.schema, self.schema)),
            ),
            false => shrunk(self.outside_zero(now), self.outside_zero(before)),
        };
        shrunk(&self.positive, &previous.positive) || shrunk(&self.negative, &previous.negative)
    }

    /// Those of buckets of this schema that lie outside the zero bucket.
    fn outside_zero<'b>(&self, buckets: &'b [(i32, f64)]) -> &'b [(i32, f64)] {
        if self.has_custom_bounds() || self.zero_threshold == 0.0 {
            return buckets;
        }
        outside_zero(buckets, self.schema, self.zero_threshold)
    }

    fn shrunk_between_common_bounds(&self, previous: &FloatHistogram) -> bool {
        let (mut i, mut j) = (0, 0);
        let (mut now, mut before) =
            (self.positive_buckets().peekable(), previous.positive_buckets().peekable());
        while i <= self.custom_bounds.len() && j <= previous.custom_bounds.len() {
            let a = self.custom_bounds.get(i).copied().unwrap_or(f64::INFINITY);
            let b = previous.custom_bounds.get(j).copied().unwrap_or(f64::INFINITY);
            if a == b {
                let (mut x, mut y) = (0.0, 0.0);
                while let Some(bucket) = now.next_if(|n| n.upper <= a) {
                    x += bucket.count;
                }
                while let Some(bucket) = before.next_if(|n| n.upper <= a) {
                    y += bucket.count;
                }
                if x < y {
                    return true;
                }
            }
            i += usize::from(a <= b);
            j += usize::from(b <= a);
        }
        false
    }
}

/// Whether any bucket holds less than before.
fn shrunk(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    let mut at = 0;
    for (index, count) in before {
        while now.get(at).is_some_and(|b| b.0 < *index) {
            at += 1;
        }
        let current = now.get(at).filter(|b| b.0 == *index);
        let less = match current {
            Some(b) => b.1 < *count,
            None => *count != 0.0,
        };
        if less {
            return true;
        }
    }
    false
}
