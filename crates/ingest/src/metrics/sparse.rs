//! Native histograms out of exponential ones, and their sums.
//!
//! Buckets are numbered as the model numbers them, by their upper bounds: bucket `i` of schema `s` reaches from
//! `2^((i-1) * 2^-s)` exclusive to `2^(i * 2^-s)` inclusive. OpenTelemetry numbers them by their lower bounds.

use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, zigzag};
use model::{Counts, Histogram, ResetHint, Span};

/// Schemas that the model has.
const SCHEMA_MIN: i32 = -4;
const SCHEMA_MAX: i32 = 8;
/// What falls in the zero bucket where the sender does not say: next to nothing, as with Prometheus.
const ZERO_THRESHOLD: f64 = 1e-128;
/// Empty buckets between others that are written as such, rather than as a gap.
const GAP_MAX: i64 = 2;
/// Buckets with something in them that are kept of one body; the limit is far below.
const KEPT_MAX: usize = 1 << 16;

/// A histogram by its buckets that are not empty, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Sparse {
    schema: i8,
    zero_threshold: f64,
    zero: u64,
    count: u64,
    sum: f64,
    positive: Vec<(i32, u64)>,
    negative: Vec<(i32, u64)>,
    /// Upper bounds, of a histogram with custom buckets.
    bounds: Vec<f64>,
}

/// The fields of an exponential histogram.
#[derive(Default)]
pub(super) struct Sent<'a> {
    pub count: u64,
    pub sum: f64,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: Option<Reader<'a>>,
    pub negative: Option<Reader<'a>>,
}

impl Sparse {
    /// An exponential histogram as it was sent, of a resolution that the model has.
    pub(super) fn of_exponential(sent: &Sent<'_>) -> Wire<Result<Sparse, String>> {
        if sent.scale < SCHEMA_MIN {
            return Ok(Err(format!(
                "scale {} is coarser than {SCHEMA_MIN}, the coarsest there is",
                sent.scale
            )));
        }
        let threshold = sent.zero_threshold;
        if !threshold.is_finite() || threshold < 0.0 {
            return Ok(Err(format!("the zero threshold {threshold} is no width")));
        }
        let schema = sent.scale.min(SCHEMA_MAX);
        let shift = sent.scale - schema;
        let mut sides = [Vec::new(), Vec::new()];
        for (side, of) in sides.iter_mut().zip([&sent.positive, &sent.negative]) {
            let Some(of) = of else { continue };
            if let Err(reason) = buckets(of, shift, side)? {
                return Ok(Err(reason));
            }
        }
        let [positive, negative] = sides;
        Ok(Ok(Sparse {
            schema: schema as i8,
            zero_threshold: if threshold == 0.0 { ZERO_THRESHOLD } else { threshold },
            zero: sent.zero_count,
            count: sent.count,
            sum: sent.sum,
            positive,
            negative,
            bounds: Vec::new(),
        }))
    }

    /// A histogram with bounds of its own.
    pub(super) fn of_bounds(bounds: &[f64], counts: &[u64], count: u64, sum: f64) -> Sparse {
        let full = counts.iter().zip(0i32..).filter(|(c, _)| **c > 0);
        Sparse {
            schema: Histogram::CUSTOM_SCHEMA,
            zero_threshold: 0.0,
            zero: 0,
            count,
            sum,
            positive: full.map(|(c, i)| (i, *c)).collect(),
            negative: Vec::new(),
            bounds: bounds.to_vec(),
        }
    }

    /// A histogram of the model; `None` if it does not have whole counts.
    pub fn of_model(h: &Histogram) -> Option<Sparse> {
        let Counts::Integer { count, zero, positive, negative } = &h.counts else { return None };
        Some(Sparse {
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero: *zero,
            count: *count,
            sum: h.sum,
            positive: listed(&h.positive_spans, positive),
            negative: listed(&h.negative_spans, negative),
            bounds: h.custom_bounds.clone(),
        })
    }

    /// As the model has it.
    pub(super) fn to_model(&self) -> Histogram {
        let (positive_spans, positive) = spans(&self.positive);
        let (negative_spans, negative) = spans(&self.negative);
        Histogram {
            reset_hint: ResetHint::Unknown,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans,
            negative_spans,
            custom_bounds: self.bounds.clone(),
            counts: Counts::Integer { count: self.count, zero: self.zero, positive, negative },
        }
    }

    /// Buckets that are not empty.
    pub fn buckets(&self) -> usize {
        self.positive.len() + self.negative.len()
    }

    /// Adds another, at the coarser resolution of the two and with the wider zero bucket. One with other bounds takes
    /// the place of this one.
    pub(super) fn add(&mut self, other: &Sparse) {
        let is_custom = |h: &Sparse| h.schema == Histogram::CUSTOM_SCHEMA;
        if is_custom(self) != is_custom(other) || self.bounds != other.bounds {
            *self = other.clone();
            return;
        }
        let mut other = other.clone();
        if !is_custom(self) {
            let schema = self.schema.min(other.schema);
            self.reduce(schema);
            other.reduce(schema);
            let mut threshold = self.zero_threshold.max(other.zero_threshold);
            // Each round takes buckets in or ends.
            while self.zero_threshold != threshold || other.zero_threshold != threshold {
                threshold = self.widen(threshold);
                threshold = other.widen(threshold);
            }
        }
        self.zero = self.zero.saturating_add(other.zero);
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.positive = merged(&self.positive, &other.positive);
        self.negative = merged(&self.negative, &other.negative);
    }

    /// Makes the resolution coarser until there are no more than so many buckets, if that is possible.
    pub(super) fn fit(&mut self, buckets_max: usize) {
        while self.buckets() > buckets_max && i32::from(self.schema) > SCHEMA_MIN {
            self.reduce(self.schema - 1);
        }
    }

    fn reduce(&mut self, schema: i8) {
        let shift = i32::from(self.schema) - i32::from(schema);
        if shift <= 0 {
            return;
        }
        for side in [&mut self.positive, &mut self.negative] {
            for (i, _) in side.iter_mut() {
                *i = ((*i - 1) >> shift) + 1;
            }
            side.dedup_by(|next, into| {
                let is_same = next.0 == into.0;
                if is_same {
                    into.1 = into.1.saturating_add(next.1);
                }
                is_same
            });
        }
        self.schema = schema;
    }

    /// Widens the zero bucket, to the end of the bucket in which the threshold lies if that is not empty.
    fn widen(&mut self, threshold: f64) -> f64 {
        let step = f64::from(-i32::from(self.schema)).exp2();
        let bound = |i: i32| (f64::from(i) * step).exp2();
        let mut threshold = threshold;
        let sides = [&self.positive, &self.negative];
        for (i, _) in sides.into_iter().flatten() {
            if bound(*i - 1) < threshold && threshold < bound(*i) {
                threshold = bound(*i);
            }
        }
        for side in [&mut self.positive, &mut self.negative] {
            let within = side.partition_point(|(i, _)| bound(*i) <= threshold);
            self.zero = side.drain(..within).fold(self.zero, |sum, (_, c)| sum.saturating_add(c));
        }
        self.zero_threshold = threshold;
        threshold
    }
}

/// Reads buckets that are not empty, `2^shift` of them as one.
fn buckets(of: &Reader<'_>, shift: i32, out: &mut Vec<(i32, u64)>) -> Wire<Result<(), String>> {
    let mut offset = 0i64;
    let mut r = of.clone();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => offset = zigzag(r.varint()?),
            _ => r.skip(wire)?,
        }
    }
    let (mut at, mut wrong) = (0i64, None);
    let mut r = of.clone();
    while let Some((field, wire)) = r.tag()? {
        match field {
            2 => r.repeated(field, wire, VARINT, |r| {
                let count = r.varint()?;
                // One is added because buckets have the number of their upper bound.
                let index = (offset.saturating_add(at) >> shift.min(62)).saturating_add(1);
                at += 1;
                if count == 0 {
                    return Ok(());
                }
                // The lowest number has no lower bound that could be told.
                let Some(index) = i32::try_from(index).ok().filter(|i| *i > i32::MIN) else {
                    wrong = Some(format!("bucket {index} is beyond all numbers"));
                    return Ok(());
                };
                let is_full = out.len() == KEPT_MAX;
                match out.last_mut() {
                    Some((last, sum)) if *last == index => *sum = sum.saturating_add(count),
                    _ if is_full => wrong = Some(format!("it has more than {KEPT_MAX} buckets")),
                    _ => out.push((index, count)),
                }
                Ok(())
            })?,
            _ => r.skip(wire)?,
        }
    }
    Ok(wrong.map_or(Ok(()), Err))
}

/// A packed list of numbers of fixed size.
pub(super) fn fixed(r: &mut Reader<'_>, field: u32, wire: u8, out: &mut Vec<u64>) -> Wire<()> {
    if wire != LEN && wire != FIXED64 {
        return Err(r.error(format!("field {field} of a point has wire type {wire}")));
    }
    r.repeated(field, wire, FIXED64, |r| {
        out.push(r.fixed64()?);
        Ok(())
    })
}

/// Buckets that are not empty, by number.
fn listed(spans: &[Span], counts: &[u64]) -> Vec<(i32, u64)> {
    let mut out = Vec::with_capacity(counts.len());
    let mut counts = counts.iter();
    let mut at = 0i32;
    for span in spans {
        at = at.saturating_add(span.offset);
        for count in counts.by_ref().take(span.length as usize) {
            if *count > 0 {
                out.push((at, *count));
            }
            at = at.saturating_add(1);
        }
    }
    out
}

/// Spans and counts; small gaps are filled with empty buckets.
fn spans(buckets: &[(i32, u64)]) -> (Vec<Span>, Vec<u64>) {
    let (mut spans, mut counts) = (Vec::<Span>::new(), Vec::with_capacity(buckets.len()));
    let mut next = 0i64;
    for (i, count) in buckets {
        let gap = i64::from(*i) - next;
        match spans.last_mut() {
            Some(span) if gap <= GAP_MAX => {
                counts.extend(std::iter::repeat_n(0, gap as usize));
                span.length += gap as u32 + 1;
            }
            // A gap between two numbers of 32 bits may be wider than what a span can say.
            _ => spans.push(Span { offset: i32::try_from(gap).unwrap_or(i32::MAX), length: 1 }),
        }
        counts.push(*count);
        next = i64::from(*i) + 1;
    }
    (spans, counts)
}

/// Both lists as one.
fn merged(a: &[(i32, u64)], b: &[(i32, u64)]) -> Vec<(i32, u64)> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                let sum = (x.0, x.1.saturating_add(y.1));
                a.next();
                b.next();
                Some(sum)
            }
            (Some(x), Some(y)) if x.0 > y.0 => b.next(),
            (Some(_), _) => a.next(),
            (None, _) => b.next(),
        };
        match next {
            Some(bucket) => out.push(bucket),
            None => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{put_message, put_number, put_varint};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Buckets as they are sent.
    fn side(offset: i32, counts: &[u64]) -> Vec<u8> {
        let mut out = Vec::new();
        put_number(&mut out, 1, crate::wire::unzigzag(i64::from(offset)));
        put_message(&mut out, 2, |out| counts.iter().for_each(|c| put_varint(out, *c)));
        out
    }

    fn exponential(scale: i32, offset: i32, counts: &[u64]) -> Result<Sparse, String> {
        let bytes = side(offset, counts);
        let sent = Sent {
            count: counts.iter().sum(),
            sum: 1.0,
            scale,
            positive: Some(Reader::new(&bytes, 0)),
            ..Sent::default()
        };
        Sparse::of_exponential(&sent).expect("it is well encoded")
    }

    #[test]
    fn spans_and_resolutions() {
        let mut out = String::new();
        for (scale, offset, counts) in [
            (0, 0, &[1, 2, 3][..]),
            (3, -3, &[1, 0, 0, 2, 0, 0, 0, 4]),
            (10, 0, &[1, 1, 1, 1, 1]),
            (10, -1, &[1, 1, 1, 1, 1]),
            (20, i32::MAX - 2, &[1, 1]),
            (8, i32::MAX, &[1]),
            (8, i32::MIN, &[0, 1]),
            (-5, 0, &[1]),
            (i32::MAX, 5, &[1]),
            (0, 0, &[0, 0]),
        ] {
            let shown = match exponential(scale, offset, counts) {
                Ok(h) => {
                    let h = h.to_model();
                    h.check().expect("it is well formed");
                    format!("schema {} {:?} {:?}", h.schema, h.positive_spans, h.counts)
                }
                Err(reason) => format!("refused: {reason}"),
            };
            out += &format!("scale {scale}, offset {offset}, {counts:?}\n    {shown}\n");
        }
        insta::assert_snapshot!(out);
    }

    /// What a bucket counts, by the numbers that fall into it.
    fn naive(values: &[f64], schema: i32, threshold: f64) -> (u64, BTreeMap<i32, u64>) {
        let (mut zero, mut buckets) = (0, BTreeMap::new());
        for v in values {
            if *v <= threshold {
                zero += 1;
            } else {
                let i = (v.log2() * f64::from(schema).exp2()).ceil() as i32;
                *buckets.entry(i).or_default() += 1;
            }
        }
        (zero, buckets)
    }

    fn made(values: &[f64], schema: i32, threshold: f64) -> Sparse {
        let (zero, buckets) = naive(values, schema, threshold);
        Sparse {
            schema: schema as i8,
            zero_threshold: threshold,
            zero,
            count: values.len() as u64,
            sum: 0.0,
            positive: buckets.into_iter().collect(),
            negative: Vec::new(),
            bounds: Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn a_sum_has_what_both_have(
            // Never the bound of a bucket.
            a in proptest::collection::vec((-30i32..30).prop_map(|v| (f64::from(v) / 3.0 + 0.1).exp2()), 0..40),
            b in proptest::collection::vec((-30i32..30).prop_map(|v| (f64::from(v) / 3.0 + 0.1).exp2()), 0..40),
            (sa, sb) in (-2i32..4, -2i32..4),
            (ta, tb) in (-6i32..3, -6i32..3),
        ) {
            let mut sum = made(&a, sa, f64::from(ta).exp2());
            sum.add(&made(&b, sb, f64::from(tb).exp2()));
            let all: Vec<f64> = a.iter().chain(&b).copied().collect();
            let (zero, buckets) = naive(&all, sa.min(sb), sum.zero_threshold);
            prop_assert!(sum.zero_threshold >= f64::from(ta.max(tb)).exp2());
            prop_assert_eq!((sum.zero, sum.count), (zero, all.len() as u64));
            prop_assert_eq!(&sum.positive, &buckets.into_iter().collect::<Vec<_>>());
            sum.to_model().check().unwrap();
            let back = Sparse::of_model(&sum.to_model()).unwrap();
            prop_assert_eq!(&back, &sum);
            sum.fit(3);
            prop_assert!(sum.buckets() <= 3 || sum.schema == -4);
            prop_assert_eq!(sum.zero + sum.positive.iter().map(|b| b.1).sum::<u64>(), sum.count);
        }
    }
}
