//! Functions over the samples of a range, other than those of change.

use super::matrix::RangeContext;
use super::rate::started_between;
use super::series::Cell;
use super::window::Window;
use crate::annotations::{Annotations, HistogramOperation};
use crate::ast::Edges;
use crate::catalog::Id;
use crate::error::EvalError;
use crate::histogram::{Compensated, FloatHistogram, IncompatibleSchemas, Mean as HistogramMean};
use crate::kahan;
use model::ResetHint;
use std::sync::Arc;

/// The value of a range function at one step.
pub(super) fn over_time(
    id: Id,
    c: &RangeContext<'_>,
    w: &Window<'_>,
    scalars: &[f64],
    notes: &mut Annotations,
    scratch: &mut Vec<f64>,
) -> Result<Option<Cell>, EvalError> {
    use Id::*;
    let ms = |t: i64| t as f64 / 1000.0;
    let value = match id {
        CountOverTime => Some((w.f.len() + w.h.len()) as f64),
        PresentOverTime | AbsentOverTime => Some(1.0),
        SumOverTime | AvgOverTime => return Ok(sum_or_mean(id == AvgOverTime, c, w, notes)),
        FirstOverTime => return Ok(first(w)),
        LastOverTime => return Ok(last(w)),
        TsOfFirstOverTime => {
            w.times().first().into_iter().chain(w.histogram_times().first()).min().copied().map(ms)
        }
        TsOfLastOverTime => {
            w.times().last().into_iter().chain(w.histogram_times().last()).max().copied().map(ms)
        }
        Changes => changes(c, w),
        Resets => resets(c, w),
        MinOverTime => extreme(c, w, notes, |v, best| v < best).map(|i| w.values()[i]),
        MaxOverTime => extreme(c, w, notes, |v, best| v > best).map(|i| w.values()[i]),
        TsOfMinOverTime => extreme(c, w, notes, |v, best| v <= best).map(|i| ms(w.times()[i])),
        TsOfMaxOverTime => extreme(c, w, notes, |v, best| v >= best).map(|i| ms(w.times()[i])),
        StdvarOverTime => floats(c, w, notes).map(variance),
        StddevOverTime => floats(c, w, notes).map(|v| variance(v).sqrt()),
        MadOverTime => floats(c, w, notes).map(|v| deviation(v, scratch)),
        QuantileOverTime => {
            let q = scalars[0];
            if !w.f.is_empty() && !(0.0..=1.0).contains(&q) {
                notes.invalid_quantile(q, c.first_arg_span);
            }
            if !w.f.is_empty() && !w.h.is_empty() {
                notes.histogram_ignored_in_range(c.metric_name, c.first_arg_span);
            }
            (!w.f.is_empty()).then(|| {
                scratch.clear();
                scratch.extend_from_slice(w.values());
                quantile(q, scratch)
            })
        }
        Deriv => two_floats(c, w, notes).map(|v| regression(v, w.times(), w.times()[0]).0),
        PredictLinear => two_floats(c, w, notes).map(|v| {
            let (slope, intercept) = regression(v, w.times(), w.time);
            slope * scalars[0] + intercept
        }),
        DoubleExponentialSmoothing => {
            let (level, trend) = (scalars[0], scalars[1]);
            for (name, factor, short) in [("smoothing", level, "sf"), ("trend", trend, "tf")] {
                if factor <= 0.0 || factor >= 1.0 {
                    return Err(EvalError::query(format!(
                        "invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}"
                    )));
                }
            }
            two_floats(c, w, notes).map(|v| smoothed(v, level, trend))
        }
        _ => {
            return Err(EvalError::query(format!("{} is not a function of a range vector", c.function)));
        }
    };
    Ok(value.map(Cell::Float))
}

/// The floats of a window, with a remark if histograms are passed over.
fn floats<'a>(c: &RangeContext<'_>, w: &Window<'a>, notes: &mut Annotations) -> Option<&'a [f64]> {
    if w.f.is_empty() {
        return None;
    }
    if !w.h.is_empty() {
        notes.histogram_ignored_in_range(c.metric_name, c.span);
    }
    Some(w.values())
}

fn two_floats<'a>(c: &RangeContext<'_>, w: &Window<'a>, notes: &mut Annotations) -> Option<&'a [f64]> {
    floats(c, w, notes).filter(|v| v.len() > 1)
}

fn first(w: &Window<'_>) -> Option<Cell> {
    match (w.times().first(), w.histogram_times().first()) {
        (Some(f), h) if h.is_none_or(|h| f < h) => Some(Cell::Float(w.values()[0])),
        (_, Some(_)) => Some(Cell::Histogram(w.histograms()[0].clone())),
        (_, None) => None,
    }
}

fn last(w: &Window<'_>) -> Option<Cell> {
    match (w.times().last(), w.histogram_times().last()) {
        (Some(f), h) if h.is_none_or(|h| h < f) => w.values().last().copied().map(Cell::Float),
        (_, Some(_)) => w.histograms().last().cloned().map(Cell::Histogram),
        (_, None) => None,
    }
}

/// Position of the sample that is `better` than all others. NaN loses to every number.
fn extreme(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    notes: &mut Annotations,
    better: impl Fn(f64, f64) -> bool,
) -> Option<usize> {
    let values = floats(c, w, notes)?;
    let (mut best, mut at) = (values[0], 0);
    for (i, v) in values.iter().enumerate() {
        if better(*v, best) || best.is_nan() {
            (best, at) = (*v, i);
        }
    }
    Some(at)
}

fn sum(values: &[f64]) -> f64 {
    let (mut sum, mut c) = (0.0, 0.0);
    for v in values {
        (sum, c) = kahan::add(*v, sum, c);
    }
    if sum.is_infinite() { sum } else { sum + c }
}

fn mean(values: &[f64]) -> f64 {
    let mut mean = kahan::Mean::new(values[0]);
    for v in &values[1..] {
        mean.add(*v);
    }
    mean.value()
}

fn sum_or_mean(avg: bool, c: &RangeContext<'_>, w: &Window<'_>, notes: &mut Annotations) -> Option<Cell> {
    if !w.f.is_empty() && !w.h.is_empty() {
        notes.mixed_floats_histograms(c.metric_name, c.span);
        return None;
    }
    if w.h.is_empty() {
        let values = w.values();
        return (!values.is_empty()).then(|| Cell::Float(if avg { mean(values) } else { sum(values) }));
    }
    let hists = w.histograms();
    let seen = |hint| hists.iter().any(|h| h.reset_hint == hint);
    let mut reconciled = false;
    let result = if avg {
        mean_of_histograms(hists, &mut reconciled)
    } else {
        sum_of_histograms(hists, &mut reconciled)
    };
    let Ok(result) = result else {
        notes.mixed_schemas(c.metric_name, c.span);
        return None;
    };
    if seen(ResetHint::Yes) && seen(ResetHint::No) {
        notes.reset_collision(HistogramOperation::Aggregation, c.span);
    }
    if reconciled {
        notes.bounds_reconciled(HistogramOperation::Aggregation, c.span);
    }
    Some(Cell::Histogram(Arc::new(result)))
}

fn sum_of_histograms(
    hists: &[Arc<FloatHistogram>],
    reconciled: &mut bool,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    let mut sum = Compensated::new(FloatHistogram::clone(&hists[0]));
    for h in &hists[1..] {
        *reconciled |= sum.add(h)?.bounds_reconciled;
    }
    Ok(sum.total())
}

fn mean_of_histograms(
    hists: &[Arc<FloatHistogram>],
    reconciled: &mut bool,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    let mut mean = HistogramMean::new(FloatHistogram::clone(&hists[0]));
    for h in &hists[1..] {
        *reconciled |= mean.add(h)?.bounds_reconciled;
    }
    Ok(mean.value())
}

/// Variance by Welford's method with compensated sums.
fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut mean_c, mut aux, mut aux_c) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for v in values {
        count += 1.0;
        let delta = v - (mean + mean_c);
        (mean, mean_c) = kahan::add(delta / count, mean, mean_c);
        (aux, aux_c) = kahan::add(delta * (v - (mean + mean_c)), aux, aux_c);
    }
    (aux + aux_c) / count
}

/// Median absolute deviation.
fn deviation(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    if values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    scratch.clear();
    scratch.extend_from_slice(values);
    let median = quantile(0.5, scratch);
    scratch.iter_mut().for_each(|v| *v = (*v - median).abs());
    quantile(0.5, scratch)
}

/// The quantile of values, interpolated between the two nearest. NaN is less than every number. Reorders them.
pub(super) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let order = |a: &f64, b: &f64| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    };
    let rank = q * (values.len() - 1) as f64;
    let lower = (rank.floor().max(0.0) as usize).min(values.len() - 1);
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    let (_, low, above) = values.select_nth_unstable_by(lower, order);
    let low = *low;
    let high = if upper == lower { low } else { above.iter().copied().min_by(order).unwrap_or(low) };
    low * (1.0 - weight) + high * weight
}

/// Slope per second and value at `origin` of the line closest to the samples.
fn regression(values: &[f64], times: &[i64], origin: i64) -> (f64, f64) {
    let first = values[0];
    if values.iter().all(|v| *v == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let mut sums = [(0.0, 0.0); 4];
    for (v, t) in values.iter().zip(times) {
        let x = t.saturating_sub(origin) as f64 / 1e3;
        for ((sum, c), term) in sums.iter_mut().zip([x, *v, x * v, x * x]) {
            (*sum, *c) = kahan::add(term, *sum, *c);
        }
    }
    let [x, y, xy, xx] = sums.map(|(sum, c)| sum + c);
    let n = values.len() as f64;
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

/// Holt's linear method.
fn smoothed(values: &[f64], level: f64, trend: f64) -> f64 {
    let (mut before, mut now, mut slope) = (0.0, values[0], values[1] - values[0]);
    for (i, v) in values.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (now - before) + (1.0 - trend) * slope;
        }
        let next = level * v + (1.0 - level) * (now + slope);
        (before, now) = (now, next);
    }
    now
}

/// The samples of a window in order of time, from the anchor on if the range is anchored.
struct InOrder<'a> {
    w: &'a Window<'a>,
    f: usize,
    h: usize,
}

#[derive(Clone, Copy)]
struct Sample<'a> {
    time: i64,
    start: i64,
    float: f64,
    histogram: Option<&'a Arc<FloatHistogram>>,
}

impl<'a> InOrder<'a> {
    /// `None` if an anchored range has no sample after its start.
    fn new(c: &RangeContext<'_>, w: &'a Window<'a>) -> Option<InOrder<'a>> {
        if c.edges != Edges::Anchored {
            return Some(InOrder { w, f: 0, h: 0 });
        }
        let (ft, ht) = (w.times(), w.histogram_times());
        let f = ft.partition_point(|t| *t <= w.start);
        let h = ht.partition_point(|t| *t <= w.start);
        if f >= ft.len() && h >= ht.len() {
            return None;
        }
        let (fa, ha) = (f.checked_sub(1), h.checked_sub(1));
        Some(match (fa, ha) {
            (None, None) => InOrder { w, f: 0, h: 0 },
            (Some(fa), ha) if ha.is_none_or(|ha| ft[fa] >= ht[ha]) => InOrder { w, f: fa, h },
            (_, Some(ha)) => InOrder { w, f, h: ha },
            (Some(fa), None) => InOrder { w, f: fa, h },
        })
    }
}

impl<'a> Iterator for InOrder<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Sample<'a>> {
        let (f, h) = (self.w.times().get(self.f), self.w.histogram_times().get(self.h));
        match (f, h) {
            (Some(t), h) if h.is_none_or(|h| t < h) => {
                let i = self.f;
                self.f += 1;
                let start = self.w.starts().get(i).copied().unwrap_or(0);
                Some(Sample { time: *t, start, float: self.w.values()[i], histogram: None })
            }
            (_, Some(t)) => {
                let i = self.h;
                self.h += 1;
                let start = self.w.histogram_starts().get(i).copied().unwrap_or(0);
                Some(Sample { time: *t, start, float: 0.0, histogram: Some(&self.w.histograms()[i]) })
            }
            (_, None) => None,
        }
    }
}

/// Counts neighbouring samples for which `differ` holds; a change of type always counts.
fn count_pairs(
    c: &RangeContext<'_>,
    w: &Window<'_>,
    differ: impl Fn(&Sample<'_>, &Sample<'_>) -> bool,
) -> Option<f64> {
    let mut samples = InOrder::new(c, w)?;
    let mut previous = samples.next()?;
    let mut count = 0.0;
    for s in samples {
        if previous.histogram.is_some() != s.histogram.is_some() || differ(&previous, &s) {
            count += 1.0;
        }
        previous = s;
    }
    Some(count)
}

fn changes(c: &RangeContext<'_>, w: &Window<'_>) -> Option<f64> {
    count_pairs(c, w, |a, b| match (a.histogram, b.histogram) {
        (Some(x), Some(y)) => x != y,
        _ => a.float != b.float && !(a.float.is_nan() && b.float.is_nan()),
    })
}

fn resets(c: &RangeContext<'_>, w: &Window<'_>) -> Option<f64> {
    count_pairs(c, w, |a, b| {
        started_between(a.start, a.time, b.start, b.time)
            || match (a.histogram, b.histogram) {
                (Some(x), Some(y)) => y.is_reset_after(x),
                _ => b.float < a.float,
            }
    })
}
