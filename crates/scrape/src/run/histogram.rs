//! Making native histograms coarser.

use model::{Counts, Histogram, Span};
use std::ops::AddAssign;

/// The coarsest exponential schema.
const SCHEMA_MIN: i8 = -4;

/// Brings a histogram within the limits of its job: no finer than `schema_max`, and with no more than
/// `bucket_limit` buckets (0 is no limit), for which buckets are merged.
pub(super) fn limit(mut h: Histogram, schema_max: i8, bucket_limit: u64) -> Result<Histogram, String> {
    if !h.has_custom_bounds() && h.schema > schema_max {
        h = coarser(h, schema_max);
    }
    while bucket_limit > 0 && buckets(&h) > bucket_limit {
        if h.has_custom_bounds() || h.schema <= SCHEMA_MIN {
            return Err(format!(
                "native_histogram_bucket_limit exceeded: a histogram has {} buckets that cannot be merged, \
                 the limit is {bucket_limit}",
                buckets(&h)
            ));
        }
        let schema = h.schema - 1;
        h = coarser(h, schema);
    }
    Ok(h)
}

fn buckets(h: &Histogram) -> u64 {
    let (positive, negative) = match &h.counts {
        Counts::Integer { positive, negative, .. } => (positive.len(), negative.len()),
        Counts::Float { positive, negative, .. } => (positive.len(), negative.len()),
    };
    (positive + negative) as u64
}

/// The histogram at a coarser exponential schema: with each step two neighbouring buckets become one.
fn coarser(h: Histogram, schema: i8) -> Histogram {
    let steps = u32::from((h.schema - schema).unsigned_abs());
    let (positive_spans, negative_spans, counts) = match h.counts {
        Counts::Integer { count, zero, positive, negative } => {
            let (positive_spans, positive) = merge(&h.positive_spans, &positive, steps);
            let (negative_spans, negative) = merge(&h.negative_spans, &negative, steps);
            (positive_spans, negative_spans, Counts::Integer { count, zero, positive, negative })
        }
        Counts::Float { count, zero, positive, negative } => {
            let (positive_spans, positive) = merge(&h.positive_spans, &positive, steps);
            let (negative_spans, negative) = merge(&h.negative_spans, &negative, steps);
            (positive_spans, negative_spans, Counts::Float { count, zero, positive, negative })
        }
    };
    Histogram { schema, positive_spans, negative_spans, counts, ..h }
}

fn merge<T: Copy + AddAssign>(spans: &[Span], counts: &[T], steps: u32) -> (Vec<Span>, Vec<T>) {
    let mut out_spans: Vec<Span> = Vec::new();
    let mut out: Vec<T> = Vec::new();
    let mut counts = counts.iter();
    let mut index = 0i64;
    // The first index behind the last bucket written.
    let mut next = 0i64;
    for span in spans {
        index += i64::from(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            // Bucket i holds (2^(i-1), 2^i] in units of the schema, so pairs are (1, 2), (3, 4) and so on.
            let to = ((index - 1) >> steps) + 1;
            match out.last_mut() {
                Some(last) if to < next => *last += *count,
                _ => {
                    out.push(*count);
                    match out_spans.last_mut() {
                        Some(span) if to == next => span.length += 1,
                        _ => {
                            let offset = i32::try_from(to - next).unwrap_or(i32::MAX);
                            out_spans.push(Span { offset, length: 1 });
                        }
                    }
                    next = to + 1;
                }
            }
            index += 1;
        }
    }
    (out_spans, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ResetHint;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn of(schema: i8, positive: &BTreeMap<i64, u64>, negative: &BTreeMap<i64, u64>) -> Histogram {
        let lay = |buckets: &BTreeMap<i64, u64>| {
            let mut spans: Vec<Span> = Vec::new();
            let mut next = 0;
            for at in buckets.keys() {
                match spans.last_mut() {
                    Some(s) if *at == next => s.length += 1,
                    _ => spans.push(Span { offset: (*at - next) as i32, length: 1 }),
                }
                next = at + 1;
            }
            (spans, buckets.values().copied().collect::<Vec<u64>>())
        };
        let (positive_spans, positive) = lay(positive);
        let (negative_spans, negative) = lay(negative);
        let count = positive.iter().chain(&negative).sum::<u64>() + 3;
        Histogram {
            reset_hint: ResetHint::Unknown,
            schema,
            zero_threshold: 1e-3,
            sum: 1.5,
            positive_spans,
            negative_spans,
            custom_bounds: Vec::new(),
            counts: Counts::Integer { count, zero: 3, positive, negative },
        }
    }

    /// Merging by the definition of bucket bounds, one schema at a time.
    fn naive(buckets: &BTreeMap<i64, u64>, steps: i8) -> BTreeMap<i64, u64> {
        let mut now = buckets.clone();
        for _ in 0..steps {
            let mut next = BTreeMap::new();
            for (at, count) in now {
                *next.entry((at + 1).div_euclid(2)).or_insert(0) += count;
            }
            now = next;
        }
        now
    }

    proptest! {
        #[test]
        fn merging_equals_the_definition(
            positive in proptest::collection::btree_map(-40i64..40, 0u64..9, 0..20),
            negative in proptest::collection::btree_map(-40i64..40, 0u64..9, 0..20),
            schema in 0i8..=8, steps in 0i8..6,
        ) {
            let to = (schema - steps).max(-4);
            let got = limit(of(schema, &positive, &negative), to, 0).unwrap();
            let taken = schema - to;
            prop_assert_eq!(&got, &of(to, &naive(&positive, taken), &naive(&negative, taken)));
            prop_assert!(got.check().is_ok());
        }

        #[test]
        fn the_bucket_limit_holds(
            positive in proptest::collection::btree_map(-400i64..400, 0u64..9, 0..60), most in 20u64..40,
        ) {
            let h = of(3, &positive, &BTreeMap::new());
            match limit(h.clone(), 8, most) {
                Ok(got) => {
                    prop_assert!(buckets(&got) <= most);
                    prop_assert!(got == h || buckets(&limit(h, got.schema + 1, 0).unwrap()) > most);
                }
                Err(e) => prop_assert!(e.starts_with("native_histogram_bucket_limit exceeded"), "{}", e),
            }
        }
    }
}
