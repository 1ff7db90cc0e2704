//! Quantiles and fractions of native histograms.

use super::{Bucket, FloatHistogram};

/// What observations of NaN did to a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NanNote {
    /// The quantile falls among them.
    Result,
    /// They shift the quantile upwards.
    Skew,
    /// They are in no fraction.
    Excluded,
}

/// The value below which the fraction `q` of observations lies. Within a bucket observations are taken as spread
/// evenly: on a linear scale in custom buckets and the zero bucket, else on a logarithmic one.
pub(crate) fn histogram_quantile(q: f64, h: &FloatHistogram) -> (f64, Option<NanNote>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if h.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    let custom = h.has_custom_bounds();
    // NaN observations are in no bucket: ranks then only make sense from below.
    let forward = h.sum.is_nan() || q < 0.5;
    let mut buckets = h.buckets();
    let mut rank = if forward { q * h.count } else { (1.0 - q) * h.count };
    if !forward {
        buckets.reverse();
    }
    let mut rest = buckets.iter();
    let mut bucket =
        Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };
    let mut count = 0.0;
    for b in rest.by_ref() {
        bucket = *b;
        if b.count == 0.0 {
            continue;
        }
        count += b.count;
        if count >= rank {
            break;
        }
    }
    if custom {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return (bucket.upper, None);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return (bucket.lower, None);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        if h.negative.is_empty() && !h.positive.is_empty() {
            bucket.lower = 0.0;
        } else if h.positive.is_empty() && !h.negative.is_empty() {
            bucket.upper = 0.0;
        }
    }
    count = count.min(h.count);
    if count < rank {
        return if h.sum.is_nan() { (f64::NAN, Some(NanNote::Result)) } else { (bucket.upper, None) };
    }
    rank = if forward { rank - (count - bucket.count) } else { count - rank };
    let mut note = None;
    if h.sum.is_nan() {
        // As upstream: the bucket that is left for interpolation is the last one then.
        for b in rest {
            bucket = *b;
            count += b.count;
        }
        if count < h.count {
            note = Some(NanNote::Skew);
        }
    }
    let fraction = rank / bucket.count;
    if custom || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return (bucket.lower + (bucket.upper - bucket.lower) * fraction, note);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        return ((lower + (upper - lower) * fraction).exp2(), note);
    }
    (-(upper + (lower - upper) * (1.0 - fraction)).exp2(), note)
}

/// The fraction of observations between two values.
pub(crate) fn histogram_fraction(lower: f64, upper: f64, h: &FloatHistogram) -> (f64, Option<NanNote>) {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let custom = h.has_custom_bounds();
    let buckets = h.buckets();
    let (mut rank, mut count) = (0.0, 0.0);
    let (mut lower_rank, mut upper_rank) = (None, None);
    let mut seen = 0;
    for b in &buckets {
        let mut b = *b;
        seen += 1;
        count += b.count;
        let zero = b.lower <= 0.0 && b.upper >= 0.0;
        if zero {
            if h.negative.is_empty() && !h.positive.is_empty() {
                b.lower = 0.0;
            } else if h.positive.is_empty() && !h.negative.is_empty() {
                b.upper = 0.0;
            }
        }
        let inside = |v: f64| {
            if (custom || zero) && b.lower == f64::NEG_INFINITY {
                b.count
            } else {
                rank + b.count * b.fraction_below(v, custom || zero)
            }
        };
        for (value, found) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if found.is_none() {
                if b.lower >= value {
                    *found = Some(rank);
                } else if b.upper > value {
                    *found = Some(inside(value));
                }
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank += b.count;
    }
    let mut note = None;
    if h.sum.is_nan() {
        count += buckets[seen..].iter().map(|b| b.count).sum::<f64>();
        if count < h.count {
            note = Some(NanNote::Excluded);
        }
    } else {
        count = h.count;
    }
    let at_most = |rank: Option<f64>| rank.filter(|r| *r <= count).unwrap_or(count);
    ((at_most(upper_rank) - at_most(lower_rank)) / h.count, note)
}
