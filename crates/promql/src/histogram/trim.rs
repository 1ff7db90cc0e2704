//! Cutting off the part of a histogram above or below a value.

use super::{Bucket, FloatHistogram};

/// Which side is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trim {
    /// Observations above the value.
    Upper,
    /// Observations below the value.
    Lower,
}

impl FloatHistogram {
    /// This histogram without the observations on one side of `at`. Count and sum of what is left are estimated
    /// from the buckets; they stay as they are when nothing is cut off.
    pub(crate) fn trimmed(mut self, at: f64, side: Trim) -> FloatHistogram {
        let custom = self.has_custom_bounds();
        let (mut count, mut sum, mut cut) = (0.0, 0.0, false);
        let mut sides = [false, false];
        for positive in [true, false] {
            let len = if positive { self.positive.len() } else { self.negative.len() };
            for i in 0..len {
                let bucket = match positive {
                    true => self.positive_bucket(self.positive[i]),
                    false => self.negative_bucket(self.negative[i]),
                };
                if bucket.count == 0.0 {
                    continue;
                }
                sides[usize::from(positive)] = true;
                let (kept, middle) = trim_bucket(&bucket, at, side, positive, custom);
                count += kept;
                sum += middle * kept;
                if kept != bucket.count || !reaches(&bucket, at, side) {
                    cut = true;
                    let buckets = if positive { &mut self.positive } else { &mut self.negative };
                    buckets[i].1 = kept;
                }
            }
        }
        if self.zero_count > 0.0 {
            let [negative, positive] = sides;
            let (kept, middle) = trim_zero_bucket(self.zero_bucket(), at, side, negative, positive);
            cut |= kept != self.zero_count;
            self.zero_count = kept;
            sum += middle * kept;
            count += kept;
        }
        if cut {
            self.count = count;
            self.sum = sum;
            self.drop_empty_buckets();
        }
        self
    }
}

/// Whether any of the bucket lies on the side that is kept.
fn reaches(b: &Bucket, at: f64, side: Trim) -> bool {
    match side {
        Trim::Upper => b.upper <= at || b.lower < at,
        Trim::Lower => b.lower >= at || b.upper > at,
    }
}

/// How many observations of a bucket are kept, and their mean as far as it can be known.
fn trim_bucket(b: &Bucket, at: f64, side: Trim, positive: bool, custom: bool) -> (f64, f64) {
    let whole = match side {
        Trim::Upper => b.upper <= at,
        Trim::Lower => b.lower >= at,
    };
    if whole {
        return (b.count, middle(b.lower, b.upper, positive, custom));
    }
    if !reaches(b, at, side) {
        return (0.0, 0.0);
    }
    if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
        return trim_infinite(b, at, side);
    }
    let below = if at <= b.lower {
        0.0
    } else if at >= b.upper {
        b.count
    } else {
        b.count * b.fraction_below(at, custom)
    };
    match side {
        Trim::Upper => (below, middle(b.lower, at, positive, custom)),
        Trim::Lower => (b.count - below, middle(at, b.upper, positive, custom)),
    }
}

/// A bucket without one of its bounds: nothing can be interpolated, except from zero.
fn trim_infinite(b: &Bucket, at: f64, side: Trim) -> (f64, f64) {
    let finite = |v: f64| if v.is_infinite() { 0.0 } else { v };
    if b.lower == f64::NEG_INFINITY {
        return match side {
            Trim::Upper if at >= b.upper => (b.count, 0.0),
            Trim::Upper if at > 0.0 && b.upper > 0.0 && b.upper != f64::INFINITY => {
                (b.count * at / b.upper, at / 2.0)
            }
            Trim::Upper if b.upper <= 0.0 => (b.count, at),
            Trim::Upper => (0.0, finite(b.upper)),
            Trim::Lower if at <= b.lower => (b.count, 0.0),
            Trim::Lower if at >= 0.0 && b.upper > at && b.upper != f64::INFINITY => {
                (b.count * (1.0 - at / b.upper), (at + b.upper) / 2.0)
            }
            Trim::Lower => (0.0, finite(b.upper)),
        };
    }
    match side {
        Trim::Lower if at >= b.lower => (b.count, at),
        _ => (0.0, finite(b.lower)),
    }
}

fn trim_zero_bucket(b: Bucket, at: f64, side: Trim, negative: bool, positive: bool) -> (f64, f64) {
    let upper = if negative && !positive { 0.0 } else { b.upper };
    let lower = if positive && !negative { 0.0 } else { b.lower };
    let (all, none) = ((b.count, (lower + upper) / 2.0), (0.0, 0.0));
    match side {
        Trim::Upper if at <= lower => none,
        Trim::Upper if at >= upper => all,
        Trim::Upper => (b.count * ((at - lower) / (upper - lower)), (lower + at) / 2.0),
        Trim::Lower if at <= lower => all,
        Trim::Lower if at >= upper => none,
        Trim::Lower => (b.count * ((upper - at) / (upper - lower)), (at + upper) / 2.0),
    }
}

/// Where the observations between two bounds are on average.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => (lower + upper) / 2.0,
        (false, false) => {
            let geometric = (lower * upper).abs().sqrt();
            if positive { geometric } else { -geometric }
        }
    }
}
