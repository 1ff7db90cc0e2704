//! Sums and differences of histograms whose resolutions, zero buckets or bounds need not be the same.

use super::{FloatHistogram, coarser_index, exponential_bound, power_of_two};
use crate::kahan::add as kahan_add;
use model::ResetHint;
use std::sync::Arc;

/// Exponential and custom buckets cannot be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IncompatibleSchemas;

/// What a combination had to overlook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Combined {
    /// One histogram says that a reset came before it, the other that none did.
    pub reset_collision: bool,
    /// Custom bounds differed; only those common to both are left.
    pub bounds_reconciled: bool,
}

type Pairs = Vec<(i32, f64)>;

/// The buckets of a coarser schema.
pub(super) fn coarser(buckets: &[(i32, f64)], from: i32, to: i32) -> Pairs {
    let mut out: Pairs = Vec::with_capacity(buckets.len());
    for (index, count) in buckets {
        let index = coarser_index(*index, from, to);
        match out.last_mut() {
            Some(last) if last.0 == index => last.1 += count,
            _ => out.push((index, *count)),
        }
    }
    out
}

/// Those of `b` that lie outside the zero bucket. Only leading buckets can lie inside.
pub(super) fn outside_zero(b: &[(i32, f64)], schema: i32, threshold: f64) -> &[(i32, f64)] {
    // A bucket ends no lower than the power of two below its bound, which is quicker to know.
    let floor = |i: i32| if schema < 0 { 0.0 } else { power_of_two(i64::from(i >> schema)) };
    let inside = |i: i32| floor(i) <= threshold && exponential_bound(i, schema) <= threshold;
    &b[b.iter().take_while(|(i, _)| inside(*i)).count()..]
}

/// Merges ascending buckets; `combine` joins two counts of the same bucket.
fn merged(a: &[(i32, f64)], b: &[(i32, f64)], sign: f64) -> Pairs {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                out.push((x.0, x.1 + sign * y.1));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                out.push(*x);
                i += 1;
            }
            (_, Some(y)) => {
                out.push((y.0, sign * y.1));
                j += 1;
            }
            (_, None) => break,
        }
    }
    out
}

/// As [`merged`] for a sum `a` with compensations `c` of the same buckets.
fn merged_compensated(a: &[(i32, f64)], c: &[(i32, f64)], b: &[(i32, f64)]) -> (Pairs, Pairs) {
    let (mut sum, mut comp) = (Vec::with_capacity(a.len() + b.len()), Vec::with_capacity(a.len() + b.len()));
    let mut push = |index, (s, c)| {
        sum.push((index, s));
        comp.push((index, c));
    };
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                push(x.0, kahan_add(y.1, x.1, c[i].1));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                push(x.0, (x.1, c[i].1));
                i += 1;
            }
            (_, Some(y)) => {
                push(y.0, (y.1, 0.0));
                j += 1;
            }
            (_, None) => break,
        }
    }
    (sum, comp)
}

/// Bounds that occur in both.
fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    let mut out = Vec::with_capacity(a.len().min(b.len()));
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            out.push(*x);
        }
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    Arc::from(out)
}

/// Sums and compensations over custom buckets that are mapped to fewer bounds.
struct Rebucketed<'a> {
    bounds: &'a [f64],
    sums: Vec<(f64, f64)>,
}

impl Rebucketed<'_> {
    fn add(&mut self, buckets: &[(i32, f64)], from: &[f64], sign: f64) {
        for (index, count) in buckets {
            // The last bucket reaches to infinity.
            let target = match usize::try_from(*index).ok().and_then(|i| from.get(i)) {
                None if *index < 0 => 0,
                None => self.bounds.len(),
                Some(bound) => self.bounds.partition_point(|b| b < bound),
            };
            let (sum, c) = self.sums[target];
            self.sums[target] = kahan_add(sign * count, sum, c);
        }
    }

    /// Buckets that are not empty: sums, and compensations of the same buckets.
    fn finish(self) -> (Pairs, Pairs) {
        let kept = self.sums.into_iter().enumerate().filter(|(_, (s, c))| *s != 0.0 || *c != 0.0);
        kept.map(|(i, (s, c))| ((i as i32, s), (i as i32, c))).unzip()
    }
}

fn rebucketed(
    a: &FloatHistogram,
    compensation: Option<&[(i32, f64)]>,
    b: &FloatHistogram,
    sign: f64,
    bounds: &[f64],
) -> (Pairs, Pairs) {
    let mut out = Rebucketed { bounds, sums: vec![(0.0, 0.0); bounds.len() + 1] };
    out.add(&a.positive, &a.custom_bounds, 1.0);
    if let Some(c) = compensation {
        out.add(c, &a.custom_bounds, 1.0);
    }
    out.add(&b.positive, &b.custom_bounds, sign);
    out.finish()
}

impl FloatHistogram {
    /// Adds another histogram.
    pub(crate) fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, 1.0)
    }

    /// Subtracts another histogram.
    pub(crate) fn subtract(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, -1.0)
    }

    fn combine(&mut self, other: &FloatHistogram, sign: f64) -> Result<Combined, IncompatibleSchemas> {
        let custom = self.check_compatible(other)?;
        let mut report = Combined { reset_collision: self.join_hint(other), bounds_reconciled: false };
        if !custom {
            let zero = self.reconcile_zero(other, None);
            self.zero_count += sign * zero;
        }
        self.count += sign * other.count;
        self.sum += sign * other.sum;
        if custom {
            if self.custom_bounds == other.custom_bounds {
                self.positive = merged(&self.positive, &other.positive, sign);
            } else {
                report.bounds_reconciled = true;
                let bounds = common_bounds(&self.custom_bounds, &other.custom_bounds);
                self.positive = rebucketed(self, None, other, sign, &bounds).0;
                self.custom_bounds = bounds;
            }
            return Ok(report);
        }
        let schema = self.schema.min(other.schema);
        for (mine, theirs) in [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)] {
            if schema < self.schema {
                *mine = coarser(mine, self.schema, schema);
            }
            let reduced;
            let mut theirs = theirs.as_slice();
            if schema < other.schema {
                reduced = coarser(theirs, other.schema, schema);
                theirs = &reduced;
            }
            *mine = merged(mine, outside_zero(theirs, schema, self.zero_threshold), sign);
        }
        self.schema = schema;
        Ok(report)
    }

    fn check_compatible(&self, other: &FloatHistogram) -> Result<bool, IncompatibleSchemas> {
        if self.has_custom_bounds() == other.has_custom_bounds() {
            Ok(self.has_custom_bounds())
        } else {
            Err(IncompatibleSchemas)
        }
    }

    /// Settles the reset hint of a combination; true if the hints contradict each other.
    fn join_hint(&mut self, other: &FloatHistogram) -> bool {
        use ResetHint::{Gauge, Unknown};
        match (self.reset_hint, other.reset_hint) {
            (a, b) if a == b => {}
            (Gauge, _) | (Unknown, ResetHint::Yes | ResetHint::No) => {}
            (_, Gauge) => self.reset_hint = Gauge,
            (_, Unknown) => self.reset_hint = Unknown,
            _ => {
                self.reset_hint = Unknown;
                return true;
            }
        }
        false
    }

    /// The zero bucket's count if it were wider, and how wide it becomes: never through the middle of a bucket
    /// that holds anything. Then the compensation of that count.
    pub(super) fn zero_count_at(
        &self,
        mut threshold: f64,
        compensation: Option<&FloatHistogram>,
    ) -> (f64, f64, f64) {
        let mut c = compensation.map_or(0.0, |c| c.zero_count);
        if threshold == self.zero_threshold {
            return (self.zero_count, threshold, c);
        }
        'wider: loop {
            let mut sum = self.zero_count;
            let mut add = |v: f64, c: &mut f64| {
                let (s, k) = kahan_add(v, sum, *c);
                (sum, *c) = (s, k);
            };
            for (i, b) in self.positive_buckets().enumerate() {
                if b.lower >= threshold {
                    break;
                }
                add(b.count, &mut c);
                if let Some(comp) = compensation {
                    add(comp.positive[i].1, &mut c);
                }
                if b.upper > threshold {
                    if b.count != 0.0 {
                        threshold = b.upper;
                    }
                    break;
                }
            }
            for (i, b) in self.negative_buckets().enumerate() {
                if b.upper <= -threshold {
                    break;
                }
                add(b.count, &mut c);
                if let Some(comp) = compensation {
                    add(comp.negative[i].1, &mut c);
                }
                if b.lower < -threshold {
                    if b.count != 0.0 {
                        threshold = -b.lower;
                        continue 'wider;
                    }
                    break;
                }
            }
            return (sum, threshold, c);
        }
    }

    /// Empties the buckets that the zero bucket has grown over.
    fn trim_zero(&mut self, compensation: Option<&mut FloatHistogram>) {
        let threshold = self.zero_threshold;
        let positive = self.positive_buckets().take_while(|b| b.lower < threshold).count();
        let negative = self.negative_buckets().take_while(|b| b.upper > -threshold).count();
        self.positive.drain(..positive);
        self.negative.drain(..negative);
        match compensation {
            None => self.drop_empty_buckets(),
            Some(c) => {
                c.positive.drain(..positive);
                c.negative.drain(..negative);
                drop_empty_pairs(&mut self.positive, &mut c.positive);
                drop_empty_pairs(&mut self.negative, &mut c.negative);
            }
        }
    }

    /// Widens zero buckets until both are the same; the other's count at that width.
    fn reconcile_zero(
        &mut self,
        other: &FloatHistogram,
        mut compensation: Option<&mut FloatHistogram>,
    ) -> f64 {
        let (mut count, mut threshold) = (other.zero_count, other.zero_threshold);
        while threshold != self.zero_threshold {
            if self.zero_threshold > threshold {
                (count, threshold, _) = other.zero_count_at(self.zero_threshold, None);
            }
            if threshold > self.zero_threshold {
                let (zero, wider, c) = self.zero_count_at(threshold, compensation.as_deref());
                (self.zero_count, self.zero_threshold) = (zero, wider);
                if let Some(comp) = compensation.as_deref_mut() {
                    comp.zero_count = c;
                }
                self.trim_zero(compensation.as_deref_mut());
            }
            if threshold.is_nan() || self.zero_threshold.is_nan() {
                break;
            }
        }
        count
    }
}

fn drop_empty_pairs(sums: &mut Pairs, compensations: &mut Pairs) {
    let keep: Vec<bool> = sums.iter().map(|b| b.1 != 0.0).collect();
    let mut at = keep.iter();
    sums.retain(|_| at.next().copied().unwrap_or(true));
    let mut at = keep.iter();
    compensations.retain(|_| at.next().copied().unwrap_or(true));
}

/// A sum of histograms with the rounding errors so far, bucket by bucket.
#[derive(Debug, Clone)]
pub(crate) struct Compensated {
    pub sum: FloatHistogram,
    /// Has the same buckets as `sum` once there is one.
    pub compensation: Option<FloatHistogram>,
}

impl Compensated {
    pub fn new(first: FloatHistogram) -> Compensated {
        Compensated { sum: first, compensation: None }
    }

    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        let h = &mut self.sum;
        let custom = h.check_compatible(other)?;
        let mut report = Combined { reset_collision: h.join_hint(other), bounds_reconciled: false };
        let c = self.compensation.get_or_insert_with(|| {
            let mut c = h.clone();
            c.each_mut(|v| *v = 0.0);
            c
        });
        if !custom {
            let zero = h.reconcile_zero(other, Some(c));
            (h.zero_count, c.zero_count) = kahan_add(zero, h.zero_count, c.zero_count);
        }
        (h.count, c.count) = kahan_add(other.count, h.count, c.count);
        (h.sum, c.sum) = kahan_add(other.sum, h.sum, c.sum);
        if custom {
            if h.custom_bounds == other.custom_bounds {
                (h.positive, c.positive) = merged_compensated(&h.positive, &c.positive, &other.positive);
            } else {
                report.bounds_reconciled = true;
                let bounds = common_bounds(&h.custom_bounds, &other.custom_bounds);
                (h.positive, c.positive) = rebucketed(h, Some(&c.positive), other, 1.0, &bounds);
                (h.custom_bounds, c.custom_bounds) = (bounds.clone(), bounds);
            }
            return Ok(report);
        }
        let schema = h.schema.min(other.schema);
        for (mine, comp, theirs) in [
            (&mut h.positive, &mut c.positive, &other.positive),
            (&mut h.negative, &mut c.negative, &other.negative),
        ] {
            if schema < h.schema {
                (*mine, *comp) = coarser_compensated(mine, comp, h.schema, schema);
            }
            let reduced;
            let mut theirs = theirs.as_slice();
            if schema < other.schema {
                reduced = coarser(theirs, other.schema, schema);
                theirs = &reduced;
            }
            let theirs = outside_zero(theirs, schema, h.zero_threshold);
            (*mine, *comp) = merged_compensated(mine, comp, theirs);
        }
        (h.schema, c.schema) = (schema, schema);
        c.zero_threshold = h.zero_threshold;
        Ok(report)
    }

    /// Multiplies the sum and its compensation.
    pub fn scale(&mut self, factor: f64) {
        self.sum.each_mut(|v| *v *= factor);
        if let Some(c) = &mut self.compensation {
            c.each_mut(|v| *v *= factor);
        }
    }

    /// Divides the sum and its compensation.
    pub fn divide(&mut self, divisor: f64) {
        self.sum.each_mut(|v| *v /= divisor);
        if let Some(c) = &mut self.compensation {
            c.each_mut(|v| *v /= divisor);
        }
    }

    /// The sum with its compensation added.
    pub fn total(self) -> FloatHistogram {
        let mut sum = self.sum;
        if let Some(c) = &self.compensation {
            // Both have the same buckets by construction, so they are compatible.
            let _ = sum.add(c);
        }
        sum
    }
}

fn coarser_compensated(sums: &[(i32, f64)], comps: &[(i32, f64)], from: i32, to: i32) -> (Pairs, Pairs) {
    let (mut out, mut comp): (Pairs, Pairs) = (Vec::new(), Vec::new());
    for ((index, count), (_, c)) in sums.iter().zip(comps) {
        let index = coarser_index(*index, from, to);
        match (out.last_mut(), comp.last_mut()) {
            (Some(s), Some(k)) if s.0 == index => {
                (s.1, k.1) = kahan_add(*count, s.1, k.1);
                (s.1, k.1) = kahan_add(*c, s.1, k.1);
            }
            _ => {
                out.push((index, *count));
                comp.push((index, *c));
            }
        }
    }
    (out, comp)
}

/// The mean of histograms: a compensated sum divided by their number. When the sum would leave the range of
/// floats, a running mean takes its place.
#[derive(Debug, Clone)]
pub(crate) struct Mean {
    total: Compensated,
    count: f64,
    running: bool,
}

impl Mean {
    pub fn new(first: FloatHistogram) -> Mean {
        Mean { total: Compensated::new(first), count: 1.0, running: false }
    }

    pub fn add(&mut self, h: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        self.count += 1.0;
        if !self.running {
            let mut next = self.total.clone();
            let report = next.add(h)?;
            if !next.sum.overflowed() {
                self.total = next;
                return Ok(report);
            }
            self.running = true;
            self.total.divide(self.count - 1.0);
        }
        self.total.scale((self.count - 1.0) / self.count);
        self.total.add(&h.clone().divided(self.count))
    }

    pub fn value(mut self) -> FloatHistogram {
        if !self.running {
            self.total.divide(self.count);
        }
        self.total.total()
    }
}
