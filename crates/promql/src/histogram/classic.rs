//! Quantiles and fractions of classic histograms: cumulative buckets with the label `le`.

/// A cumulative bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClassicBucket {
    pub upper: f64,
    pub count: f64,
}

/// Where counts had to be raised because cumulative buckets must not decrease.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Forced {
    pub lowest: f64,
    pub highest: f64,
    pub most: f64,
}

/// Relative differences below this between neighbouring buckets are artefacts of float arithmetic.
const SMALL_DELTA: f64 = 1e-12;

fn sort(buckets: &mut Vec<ClassicBucket>) -> bool {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last().is_none_or(|b| b.upper != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

fn force_monotonic(buckets: &mut [ClassicBucket]) -> Option<Forced> {
    let mut forced = Forced { lowest: f64::INFINITY, highest: f64::NEG_INFINITY, most: 0.0 };
    let mut any = false;
    let mut previous = buckets[0].count;
    for b in &mut buckets[1..] {
        if b.count == previous {
            continue;
        }
        if crate::almost::equal(previous, b.count, SMALL_DELTA) {
            b.count = previous;
            continue;
        }
        if b.count < previous {
            any = true;
            forced.lowest = forced.lowest.min(b.upper);
            forced.highest = forced.highest.max(b.upper);
            forced.most = forced.most.max(previous - b.count);
            b.count = previous;
            continue;
        }
        previous = b.count;
    }
    any.then_some(forced)
}

/// The value below which the fraction `q` of observations lies, interpolated linearly within a bucket.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<ClassicBucket>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !sort(buckets) {
        return (f64::NAN, None);
    }
    let forced = force_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, forced);
    }
    let mut rank = q * observations;
    // A binary search over all but the last bucket, as upstream does it; it also settles what NaN counts give.
    let at = {
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = (low + high) / 2;
            if buckets[middle].count >= rank { high = middle } else { low = middle + 1 }
        }
        low
    };
    let value = if at == last {
        buckets[last - 1].upper
    } else if at == 0 && buckets[0].upper <= 0.0 {
        buckets[0].upper
    } else {
        let (mut start, mut count) = (0.0, buckets[at].count);
        if at > 0 {
            start = buckets[at - 1].upper;
            count -= buckets[at - 1].count;
            rank -= buckets[at - 1].count;
        }
        start + (buckets[at].upper - start) * (rank / count)
    };
    (value, forced)
}

/// The fraction of observations between two values.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    if !sort(buckets) {
        return f64::NAN;
    }
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let mut start = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut rank = 0.0;
    let (mut lower_rank, mut upper_rank) = (None, None);
    for b in buckets.iter() {
        let inside = |v: f64| {
            if start == f64::NEG_INFINITY {
                b.count
            } else {
                rank + (b.count - rank) * (v - start) / (b.upper - start)
            }
        };
        for (value, found) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if found.is_none() {
                if start >= value {
                    *found = Some(rank);
                } else if b.upper > value {
                    *found = Some(inside(value));
                }
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank = b.count;
        start = b.upper;
    }
    let at_most = |rank: Option<f64>| rank.filter(|r| *r <= count).unwrap_or(count);
    (at_most(upper_rank) - at_most(lower_rank)) / count
}
