//! Native histograms with float counts, as queries compute with them.

mod arithmetic;
mod classic;
mod quantile;
mod reset;
mod trim;

pub(crate) use arithmetic::{Combined, Compensated, IncompatibleSchemas, Mean};
pub(crate) use classic::{ClassicBucket, bucket_fraction, bucket_quantile};
pub(crate) use quantile::{NanNote, histogram_fraction, histogram_quantile};
pub(crate) use trim::Trim;

use crate::text::format_float_short;
use model::{Counts, Histogram, ResetHint, Span};
use std::fmt;
use std::sync::Arc;

/// A native histogram whose counts are floats.
///
/// Buckets are kept as ascending pairs of index and count. The index is that of the exposition formats: with an
/// exponential schema the positive bucket `i` ends at `2^(i·2^-schema)`; with custom bounds bucket `i` ends at
/// bound `i`.
#[derive(Debug, Clone)]
pub struct FloatHistogram {
    /// What is known about a counter reset before this sample.
    pub reset_hint: ResetHint,
    /// Resolution, or [`Histogram::CUSTOM_SCHEMA`].
    pub schema: i32,
    /// Observations up to this absolute value are in the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Upper bounds of custom buckets.
    pub custom_bounds: Arc<[f64]>,
    /// Positive buckets.
    pub positive: Vec<(i32, f64)>,
    /// Negative buckets, by the absolute value of their observations.
    pub negative: Vec<(i32, f64)>,
}

/// One bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to the bucket.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to the bucket.
    pub upper_inclusive: bool,
    /// Observations in the bucket.
    pub count: f64,
}

impl Bucket {
    /// The part of the bucket's width below `v`, which lies inside its finite bounds. On a logarithmic scale
    /// unless `linear`.
    fn fraction_below(&self, v: f64, linear: bool) -> f64 {
        if linear {
            return (v - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper, at) = (self.lower.abs().log2(), self.upper.abs().log2(), v.abs().log2());
        if v > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let g = format_float_short;
        write!(
            f,
            "{}{},{}{}:{}",
            if self.lower_inclusive { '[' } else { '(' },
            g(self.lower),
            g(self.upper),
            if self.upper_inclusive { ']' } else { ')' },
            g(self.count)
        )
    }
}

/// The upper bound of a positive bucket of an exponential schema.
fn exponential_bound(index: i32, schema: i32) -> f64 {
    if schema < 0 {
        let exponent = i64::from(index) << -schema;
        return if exponent == 1024 { f64::MAX } else { power_of_two(exponent) };
    }
    let within = index & ((1 << schema) - 1);
    let exponent = i64::from(index >> schema);
    if within == 0 {
        // The last bucket of finite observations ends at the largest finite number.
        return if exponent == 1024 { f64::MAX } else { power_of_two(exponent) };
    }
    let fraction = (f64::from(within) / f64::from(1 << schema)).exp2();
    // In two steps, because the power alone can be out of range where the product is not.
    let half = exponent / 2;
    fraction * power_of_two(half) * power_of_two(exponent - half)
}

fn power_of_two(exponent: i64) -> f64 {
    match exponent {
        -1022..=1023 => f64::from_bits(((exponent + 1023) as u64) << 52),
        _ => 2f64.powi(exponent.clamp(-1100, 1100) as i32),
    }
}

/// The index of the bucket at a coarser schema that holds a bucket.
fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    ((index.wrapping_sub(1)) >> (from - to).clamp(0, 31)).wrapping_add(1)
}

fn spread(spans: &[Span], mut counts: impl Iterator<Item = f64>, out: &mut Vec<(i32, f64)>) {
    out.clear();
    out.reserve(counts.size_hint().0);
    let mut index = 0i32;
    for span in spans {
        index = index.wrapping_add(span.offset);
        for _ in 0..span.length {
            let Some(count) = counts.next() else { return };
            out.push((index, count));
            index = index.wrapping_add(1);
        }
    }
}

impl FloatHistogram {
    /// A histogram without observations.
    pub fn empty(schema: i32) -> FloatHistogram {
        FloatHistogram {
            reset_hint: ResetHint::Unknown,
            schema,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            custom_bounds: Arc::default(),
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }

    /// The same histogram with float counts.
    pub fn from_model(h: &Histogram) -> FloatHistogram {
        let mut out = FloatHistogram::empty(0);
        out.assign(h);
        out
    }

    /// Becomes a stored histogram, in the memory that is there.
    pub(crate) fn assign(&mut self, h: &Histogram) {
        (self.count, self.zero_count) = match &h.counts {
            Counts::Integer { count, zero, positive, negative } => {
                spread(&h.positive_spans, positive.iter().map(|c| *c as f64), &mut self.positive);
                spread(&h.negative_spans, negative.iter().map(|c| *c as f64), &mut self.negative);
                (*count as f64, *zero as f64)
            }
            Counts::Float { count, zero, positive, negative } => {
                spread(&h.positive_spans, positive.iter().copied(), &mut self.positive);
                spread(&h.negative_spans, negative.iter().copied(), &mut self.negative);
                (*count, *zero)
            }
        };
        self.reset_hint = h.reset_hint;
        self.schema = i32::from(h.schema);
        self.zero_threshold = h.zero_threshold;
        self.sum = h.sum;
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        if self.custom_bounds.len() != h.custom_bounds.len()
            || !self.custom_bounds.iter().zip(&h.custom_bounds).all(same)
        {
            self.custom_bounds = Arc::from(h.custom_bounds.as_slice());
        }
    }

    /// The same histogram in the vocabulary of stores, to record results of rules.
    pub fn to_model(&self) -> Histogram {
        let spans = |buckets: &[(i32, f64)]| {
            let mut spans: Vec<Span> = Vec::new();
            let mut next = 0i32;
            for (index, _) in buckets {
                match spans.last_mut() {
                    Some(span) if *index == next => span.length += 1,
                    _ => spans.push(Span { offset: index.wrapping_sub(next), length: 1 }),
                }
                next = index.wrapping_add(1);
            }
            spans
        };
        let counts = |buckets: &[(i32, f64)]| buckets.iter().map(|b| b.1).collect();
        Histogram {
            reset_hint: self.reset_hint,
            schema: self.schema as i8,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans: spans(&self.positive),
            negative_spans: spans(&self.negative),
            custom_bounds: self.custom_bounds.to_vec(),
            counts: Counts::Float {
                count: self.count,
                zero: self.zero_count,
                positive: counts(&self.positive),
                negative: counts(&self.negative),
            },
        }
    }

    /// Whether bucket bounds are given one by one.
    pub fn has_custom_bounds(&self) -> bool {
        self.schema == i32::from(Histogram::CUSTOM_SCHEMA)
    }

    /// Bytes this histogram takes in memory.
    pub fn size(&self) -> u64 {
        (size_of::<Self>()
            + (self.positive.len() + self.negative.len()) * size_of::<(i32, f64)>()
            + self.custom_bounds.len() * size_of::<f64>()) as u64
    }

    fn bound(&self, index: i32) -> f64 {
        if !self.has_custom_bounds() {
            return exponential_bound(index, self.schema);
        }
        match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(i) => self.custom_bounds.get(i).copied().unwrap_or(f64::INFINITY),
        }
    }

    fn positive_bucket(&self, (index, count): (i32, f64)) -> Bucket {
        let (lower, upper) = (self.bound(index.wrapping_sub(1)), self.bound(index));
        self.bucket(lower, upper, count, index)
    }

    fn negative_bucket(&self, (index, count): (i32, f64)) -> Bucket {
        let (lower, upper) = (-self.bound(index), -self.bound(index.wrapping_sub(1)));
        self.bucket(lower, upper, count, index)
    }

    fn bucket(&self, lower: f64, upper: f64, count: f64, index: i32) -> Bucket {
        let (lower_inclusive, upper_inclusive) =
            if self.has_custom_bounds() { (index == 0, true) } else { (lower < 0.0, upper > 0.0) };
        Bucket { lower, upper, lower_inclusive, upper_inclusive, count }
    }

    fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// Positive buckets, ascending.
    fn positive_buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.positive.iter().map(|b| self.positive_bucket(*b))
    }

    /// Negative buckets, from zero downwards.
    fn negative_buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.negative.iter().map(|b| self.negative_bucket(*b))
    }

    /// All buckets from the lowest to the highest, the zero bucket among them if it holds anything. Buckets that
    /// the zero bucket reaches into are cut at its edge.
    pub fn buckets(&self) -> Vec<Bucket> {
        let zero = self.zero_threshold;
        let mut out = Vec::with_capacity(self.negative.len() + self.positive.len() + 1);
        for b in self.negative.iter().rev() {
            let mut b = self.negative_bucket(*b);
            if b.upper < 0.0 && b.upper > -zero {
                b.upper = -zero;
            }
            out.push(b);
        }
        if self.zero_count > 0.0 {
            out.push(self.zero_bucket());
        }
        for b in self.positive_buckets() {
            let mut b = b;
            if b.lower > 0.0 && b.lower < zero {
                b.lower = zero;
            }
            out.push(b);
        }
        out
    }

    /// Drops empty buckets.
    pub fn compact(mut self) -> FloatHistogram {
        self.drop_empty_buckets();
        self
    }

    fn drop_empty_buckets(&mut self) {
        self.positive.retain(|b| b.1 != 0.0);
        self.negative.retain(|b| b.1 != 0.0);
    }

    /// Every count and the sum times a factor.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> FloatHistogram {
        self.each_mut(|v| *v *= factor);
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
        self
    }

    /// Every count and the sum divided by a number. Buckets vanish when that is zero.
    #[must_use]
    pub fn divided(mut self, divisor: f64) -> FloatHistogram {
        if divisor == 0.0 {
            self.positive.clear();
            self.negative.clear();
        }
        self.each_mut(|v| *v /= divisor);
        if divisor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
        self
    }

    fn each_mut(&mut self, mut change: impl FnMut(&mut f64)) {
        change(&mut self.zero_count);
        change(&mut self.count);
        change(&mut self.sum);
        for b in self.positive.iter_mut().chain(&mut self.negative) {
            change(&mut b.1);
        }
    }

    /// Whether the sums of an addition left the range of floats.
    pub(crate) fn overflowed(&self) -> bool {
        self.zero_count.is_infinite()
            || self.count.is_infinite()
            || self.sum.is_infinite()
            || self.positive.iter().chain(&self.negative).any(|b| b.1.is_infinite())
    }

    /// The same histogram at a coarser schema; itself at its own.
    pub(crate) fn at_schema(&self, schema: i32) -> FloatHistogram {
        let mut h = self.clone();
        if schema < self.schema && !self.has_custom_bounds() {
            h.positive = arithmetic::coarser(&self.positive, self.schema, schema);
            h.negative = arithmetic::coarser(&self.negative, self.schema, schema);
            h.schema = schema;
            h.reset_hint = ResetHint::Unknown;
        }
        h
    }

    /// In the notation of test scripts: `{{schema:1 count:3 buckets:[1 2]}}`.
    pub fn notation(&self) -> String {
        let g = format_float_short;
        let mut out = Vec::new();
        let mut number = |key: &str, v: f64| {
            if v != 0.0 {
                out.push(format!("{key}:{}", g(v)));
            }
        };
        number("schema", f64::from(self.schema));
        number("count", self.count);
        number("sum", self.sum);
        number("z_bucket", self.zero_count);
        number("z_bucket_w", self.zero_threshold);
        if self.has_custom_bounds() {
            let bounds: Vec<String> = self.custom_bounds.iter().map(|b| g(*b)).collect();
            out.push(format!("custom_values:[{}]", bounds.join(" ")));
        }
        match self.reset_hint {
            ResetHint::Unknown => {}
            ResetHint::Yes => out.push("counter_reset_hint:reset".to_owned()),
            ResetHint::No => out.push("counter_reset_hint:not_reset".to_owned()),
            ResetHint::Gauge => out.push("counter_reset_hint:gauge".to_owned()),
        }
        for (key, offset_key, buckets) in
            [("buckets", "offset", &self.positive), ("n_buckets", "n_offset", &self.negative)]
        {
            let buckets: Vec<_> = buckets.iter().filter(|b| b.1 != 0.0).collect();
            let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { continue };
            if first.0 != 0 {
                out.push(format!("{offset_key}:{}", first.0));
            }
            let dense = (i64::from(first.0)..=i64::from(last.0)).take(1000).map(|i| {
                let found = buckets.binary_search_by_key(&i, |b| i64::from(b.0));
                g(found.map_or(0.0, |at| buckets[at].1))
            });
            out.push(format!("{key}:[{}]", dense.collect::<Vec<_>>().join(" ")));
        }
        format!("{{{{{}}}}}", out.join(" "))
    }
}

/// Bit for bit, apart from the reset hint.
impl PartialEq for FloatHistogram {
    fn eq(&self, o: &FloatHistogram) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let buckets = |a: &[(i32, f64)], b: &[(i32, f64)]| {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0 && same(x.1, y.1))
        };
        self.schema == o.schema
            && same(self.count, o.count)
            && same(self.sum, o.sum)
            && self.zero_threshold == o.zero_threshold
            && same(self.zero_count, o.zero_count)
            && (!self.has_custom_bounds() || self.custom_bounds == o.custom_bounds)
            && buckets(&self.positive, &o.positive)
            && buckets(&self.negative, &o.negative)
    }
}

/// `{count:3, sum:4, (1,2]:3}`, empty buckets left out.
impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let g = format_float_short;
        write!(f, "{{count:{}, sum:{}", g(self.count), g(self.sum))?;
        let negative = self.negative.iter().rev().map(|b| self.negative_bucket(*b));
        let zero = (!self.has_custom_bounds()).then(|| self.zero_bucket());
        for b in negative.chain(zero).chain(self.positive_buckets()).filter(|b| b.count != 0.0) {
            write!(f, ", {b}")?;
        }
        f.write_str("}")
    }
}
