//! Operators that make one series of a group: `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`.

use super::Grouping;
use crate::annotations::{Annotations, HistogramOperation};
use crate::ast::{Aggregate, AggregateOp};
use crate::error::EvalError;
use crate::eval::series::{ABSENT, Cell, drop_empty};
use crate::eval::{Evaluator, Grid, Series, is_absent};
use crate::histogram::{Compensated, FloatHistogram, Mean as HistogramMean};
use crate::kahan;
use model::{Labels, ResetHint};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Evaluator<'_> {
    /// Every series is added to its group as it is evaluated; none is kept.
    pub(super) fn fold(&mut self, a: &Aggregate, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let mut grouping = Grouping::new(a);
        let mut folds: Vec<Fold> = Vec::new();
        self.each(&a.expr, grid, &mut |ev, series| {
            let at = grouping.of(&series.labels);
            if at == folds.len() {
                ev.grow(STEP_BYTES.saturating_mul(grid.count as u64))?;
                folds.push(Fold::new(a.op, grid.count));
            }
            folds[at].add(a, series, &mut ev.annotations);
            Ok(())
        })?;
        let finished = folds.into_iter().zip(grouping.labels);
        let mut out: Vec<Series> =
            finished.map(|(fold, labels)| fold.finish(a, labels, &mut self.annotations)).collect();
        drop_empty(&mut out);
        Ok(out)
    }
}

/// What a step of a group takes while it is added up, about.
const STEP_BYTES: u64 = 24;

/// One group while it is added up.
struct Fold {
    drop_name: bool,
    state: State,
    histograms: BTreeMap<usize, HistogramFold>,
}

enum State {
    Sum(Sums),
    Avg(Vec<Option<kahan::Mean>>),
    Count(Vec<f64>),
    Min(Vec<f64>),
    Max(Vec<f64>),
    Variance(Vec<Variance>),
}

#[derive(Clone, Copy, Default)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

/// Histograms of a group at one step.
enum Histograms {
    Sum(Compensated),
    Mean(HistogramMean),
}

struct HistogramFold {
    all: Histograms,
    incompatible: bool,
    /// Hints for and against a counter reset were seen.
    reset: bool,
    no_reset: bool,
}

impl HistogramFold {
    fn new(first: &FloatHistogram, avg: bool) -> HistogramFold {
        let all = if avg {
            Histograms::Mean(HistogramMean::new(first.clone()))
        } else {
            Histograms::Sum(Compensated::new(first.clone()))
        };
        let mut fold = HistogramFold { all, incompatible: false, reset: false, no_reset: false };
        fold.track(first);
        fold
    }

    fn track(&mut self, h: &FloatHistogram) {
        self.reset |= h.reset_hint == ResetHint::Yes;
        self.no_reset |= h.reset_hint == ResetHint::No;
    }
}

/// Sums of a column of floats with their compensations. Without branches, so that it is done several at a time.
struct Sums {
    sum: Vec<f64>,
    c: Vec<f64>,
    seen: Vec<bool>,
}

impl Sums {
    fn new(steps: usize) -> Sums {
        // Minus zero is the only float that added to another never changes it.
        Sums { sum: vec![-0.0; steps], c: vec![0.0; steps], seen: vec![false; steps] }
    }

    fn add(&mut self, column: &[f64]) {
        let state = self.sum.iter_mut().zip(&mut self.c).zip(&mut self.seen);
        for (((sum, c), seen), v) in state.zip(column) {
            let present = !is_absent(*v);
            let total = *sum + *v;
            // Knuth's form of the rounding error: the same number as Neumaier's, with no comparison.
            let added = total - *sum;
            let error = (*sum - (total - added)) + (*v - added);
            let compensation = if total.is_infinite() { 0.0 } else { *c + error };
            *sum = if present { total } else { *sum };
            *c = if present { compensation } else { *c };
            *seen |= present;
        }
    }

    fn finish(self) -> Vec<f64> {
        let steps = self.sum.into_iter().zip(self.c).zip(self.seen);
        steps.map(|((sum, c), seen)| if seen { sum + c } else { ABSENT }).collect()
    }
}

/// Keeps the better of two values at each step.
fn keep_best(best: &mut [f64], column: &[f64], better: impl Fn(f64, f64) -> bool) {
    for (best, v) in best.iter_mut().zip(column) {
        // The marker of an absent value is a NaN too, and loses to any value.
        if !is_absent(*v) && (better(*v, *best) || best.is_nan()) {
            *best = *v;
        }
    }
}

impl Variance {
    fn add(&mut self, v: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = v;
            self.squares = if v.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = v - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (v - self.mean);
    }
}

impl Fold {
    fn new(op: AggregateOp, steps: usize) -> Fold {
        let state = match op {
            AggregateOp::Sum => State::Sum(Sums::new(steps)),
            AggregateOp::Avg => State::Avg(vec![None; steps]),
            AggregateOp::Count | AggregateOp::Group => State::Count(vec![0.0; steps]),
            AggregateOp::Min => State::Min(vec![ABSENT; steps]),
            AggregateOp::Max => State::Max(vec![ABSENT; steps]),
            _ => State::Variance(vec![Variance::default(); steps]),
        };
        Fold { drop_name: false, state, histograms: BTreeMap::new() }
    }

    fn add(&mut self, a: &Aggregate, s: &Series, notes: &mut Annotations) {
        self.drop_name |= s.drop_name;
        match &mut self.state {
            State::Sum(sums) => {
                sums.add(&s.floats);
                self.add_histograms(a, s, notes);
            }
            State::Avg(means) => {
                for (mean, v) in means.iter_mut().zip(&s.floats) {
                    match mean {
                        _ if is_absent(*v) => {}
                        Some(mean) => mean.add(*v),
                        None => *mean = Some(kahan::Mean::new(*v)),
                    }
                }
                self.add_histograms(a, s, notes);
            }
            State::Count(counts) => {
                for (n, v) in counts.iter_mut().zip(&s.floats) {
                    *n += if is_absent(*v) { 0.0 } else { 1.0 };
                }
                for (n, h) in counts.iter_mut().zip(&s.histograms) {
                    *n += if h.is_some() { 1.0 } else { 0.0 };
                }
            }
            State::Min(best) => {
                keep_best(best, &s.floats, |v, best| v < best);
                ignore_histograms(a, s, notes);
            }
            State::Max(best) => {
                keep_best(best, &s.floats, |v, best| v > best);
                ignore_histograms(a, s, notes);
            }
            State::Variance(states) => {
                let present = states.iter_mut().zip(&s.floats).filter(|(_, v)| !is_absent(**v));
                present.for_each(|(state, v)| state.add(*v));
                ignore_histograms(a, s, notes);
            }
        }
    }

    fn add_histograms(&mut self, a: &Aggregate, s: &Series, notes: &mut Annotations) {
        let span = a.expr.span();
        for (step, h) in s.histograms.iter().enumerate() {
            let Some(h) = h else { continue };
            let Some(fold) = self.histograms.get_mut(&step) else {
                self.histograms.insert(step, HistogramFold::new(h, a.op == AggregateOp::Avg));
                continue;
            };
            if fold.incompatible {
                continue;
            }
            fold.track(h);
            let report = match &mut fold.all {
                Histograms::Sum(sum) => sum.add(h),
                Histograms::Mean(mean) => mean.add(h),
            };
            match report {
                Err(_) => {
                    fold.incompatible = true;
                    notes.mixed_schemas(s.labels.metric_name(), span);
                }
                Ok(report) if report.bounds_reconciled => {
                    notes.bounds_reconciled(HistogramOperation::Aggregation, span);
                }
                Ok(_) => {}
            }
        }
    }

    fn finish(self, a: &Aggregate, labels: Labels, notes: &mut Annotations) -> Series {
        let counted = |n: f64| match a.op {
            _ if n == 0.0 => ABSENT,
            AggregateOp::Group => 1.0,
            _ => n,
        };
        let varied = |s: Variance| match a.op {
            _ if s.count == 0.0 => ABSENT,
            AggregateOp::Stddev => (s.squares / s.count).sqrt(),
            _ => s.squares / s.count,
        };
        let floats = match self.state {
            State::Sum(sums) => sums.finish(),
            State::Avg(means) => means.into_iter().map(|m| m.map_or(ABSENT, kahan::Mean::value)).collect(),
            State::Count(counts) => counts.into_iter().map(counted).collect(),
            State::Min(best) | State::Max(best) => best,
            State::Variance(states) => states.into_iter().map(varied).collect(),
        };
        let mut result = Series { labels, drop_name: self.drop_name, floats, histograms: Vec::new() };
        finish_histograms(a, self.histograms, &mut result, notes);
        result
    }
}

fn finish_histograms(
    a: &Aggregate,
    folds: BTreeMap<usize, HistogramFold>,
    result: &mut Series,
    notes: &mut Annotations,
) {
    let span = a.expr.span();
    for (step, fold) in folds {
        if !is_absent(result.floats[step]) {
            result.floats[step] = ABSENT;
            notes.mixed_in_aggregation(span);
            continue;
        }
        if fold.incompatible {
            continue;
        }
        if fold.reset && fold.no_reset {
            notes.reset_collision(HistogramOperation::Aggregation, span);
        }
        let h = match fold.all {
            Histograms::Sum(sum) => sum.total(),
            Histograms::Mean(mean) => mean.value(),
        };
        result.set(step, Cell::Histogram(Arc::new(h.compact())));
    }
}

fn ignore_histograms(a: &Aggregate, s: &Series, notes: &mut Annotations) {
    if s.histograms.iter().any(Option::is_some) {
        notes.histogram_ignored(a.op.as_str(), a.expr.span());
    }
}
