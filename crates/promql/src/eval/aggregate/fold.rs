//! Operators that make one series of a group: `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`.

use super::{Groups, groups};
use crate::annotations::{Annotations, HistogramOperation};
use crate::ast::{Aggregate, AggregateOp};
use crate::error::EvalError;
use crate::eval::series::{ABSENT, Cell, drop_empty};
use crate::eval::{Evaluator, Grid, Series, is_absent};
use crate::histogram::{Compensated, FloatHistogram, Mean as HistogramMean};
use crate::kahan;
use model::ResetHint;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn fold(
        &mut self,
        a: &Aggregate,
        series: &[Series],
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let Groups { labels, members } = groups(series, a);
        let mut out = Vec::with_capacity(labels.len());
        for (n, (labels, members)) in labels.into_iter().zip(members).enumerate() {
            if n.is_multiple_of(16) {
                self.control.check()?;
            }
            self.grow_columns(1, grid)?;
            let drop_name = members.iter().any(|m| series[*m].drop_name);
            let mut result = Series::absent(labels, drop_name, grid.count);
            // A group can hold every series there is: stop within it too, and say why below.
            let control = self.control;
            let go_on = |(i, _): &(usize, &usize)| !i.is_multiple_of(256) || control.check().is_ok();
            let members = members.iter().enumerate().take_while(go_on).map(|(_, m)| &series[*m]);
            let mut fold = Fold { a, notes: &mut self.annotations, result: &mut result };
            match a.op {
                AggregateOp::Sum => fold.sum(members),
                AggregateOp::Avg => fold.avg(members),
                AggregateOp::Count => fold.count(members, |n| n),
                AggregateOp::Group => fold.count(members, |_| 1.0),
                AggregateOp::Min => fold.extreme(members, |v, best| v < best),
                AggregateOp::Max => fold.extreme(members, |v, best| v > best),
                AggregateOp::Stddev => fold.variance(members, f64::sqrt),
                _ => fold.variance(members, |v| v),
            }
            out.push(result);
        }
        self.control.check()?;
        drop_empty(&mut out);
        Ok(out)
    }
}

struct Fold<'a> {
    a: &'a Aggregate,
    notes: &'a mut Annotations,
    result: &'a mut Series,
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
}

impl Fold<'_> {
    fn sum<'s>(&mut self, members: impl Iterator<Item = &'s Series>) {
        let steps = self.result.floats.len();
        let mut sums = Sums::new(steps);
        let mut histograms = BTreeMap::new();
        for s in members {
            sums.add(&s.floats);
            self.add_histograms(&mut histograms, s, false);
        }
        for step in 0..steps {
            if sums.seen[step] {
                self.result.floats[step] = sums.sum[step] + sums.c[step];
            }
        }
        self.finish_histograms(histograms);
    }

    fn avg<'s>(&mut self, members: impl Iterator<Item = &'s Series>) {
        let mut means: Vec<Option<kahan::Mean>> = vec![None; self.result.floats.len()];
        let mut histograms = BTreeMap::new();
        for s in members {
            for (mean, v) in means.iter_mut().zip(&s.floats) {
                match mean {
                    _ if is_absent(*v) => {}
                    Some(mean) => mean.add(*v),
                    None => *mean = Some(kahan::Mean::new(*v)),
                }
            }
            self.add_histograms(&mut histograms, s, true);
        }
        for (v, mean) in self.result.floats.iter_mut().zip(means) {
            *v = mean.map_or(ABSENT, kahan::Mean::value);
        }
        self.finish_histograms(histograms);
    }

    fn add_histograms(&mut self, folds: &mut BTreeMap<usize, HistogramFold>, s: &Series, avg: bool) {
        let span = self.a.expr.span();
        for (step, h) in s.histograms.iter().enumerate() {
            let Some(h) = h else { continue };
            let Some(fold) = folds.get_mut(&step) else {
                folds.insert(step, HistogramFold::new(h, avg));
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
                    self.notes.mixed_schemas(s.labels.metric_name(), span);
                }
                Ok(report) if report.bounds_reconciled => {
                    self.notes.bounds_reconciled(HistogramOperation::Aggregation, span);
                }
                Ok(_) => {}
            }
        }
    }

    fn finish_histograms(&mut self, folds: BTreeMap<usize, HistogramFold>) {
        let span = self.a.expr.span();
        for (step, fold) in folds {
            if !is_absent(self.result.floats[step]) {
                self.result.floats[step] = ABSENT;
                self.notes.mixed_in_aggregation(span);
                continue;
            }
            if fold.incompatible {
                continue;
            }
            if fold.reset && fold.no_reset {
                self.notes.reset_collision(HistogramOperation::Aggregation, span);
            }
            let h = match fold.all {
                Histograms::Sum(sum) => sum.total(),
                Histograms::Mean(mean) => mean.value(),
            };
            self.result.set(step, Cell::Histogram(Arc::new(h.compact())));
        }
    }

    fn count<'s>(&mut self, members: impl Iterator<Item = &'s Series>, value: impl Fn(f64) -> f64) {
        let mut counts = vec![0.0; self.result.floats.len()];
        for s in members {
            for (n, v) in counts.iter_mut().zip(&s.floats) {
                *n += if is_absent(*v) { 0.0 } else { 1.0 };
            }
            for (n, h) in counts.iter_mut().zip(&s.histograms) {
                *n += if h.is_some() { 1.0 } else { 0.0 };
            }
        }
        for (v, n) in self.result.floats.iter_mut().zip(counts) {
            *v = if n > 0.0 { value(n) } else { ABSENT };
        }
    }

    fn extreme<'s>(&mut self, members: impl Iterator<Item = &'s Series>, better: impl Fn(f64, f64) -> bool) {
        for s in members {
            self.ignore_histograms(s);
            for (best, v) in self.result.floats.iter_mut().zip(&s.floats) {
                // The marker of an absent value is a NaN too, and loses to any value.
                if !is_absent(*v) && (better(*v, *best) || best.is_nan()) {
                    *best = *v;
                }
            }
        }
    }

    fn variance<'s>(&mut self, members: impl Iterator<Item = &'s Series>, result: impl Fn(f64) -> f64) {
        #[derive(Clone, Copy, Default)]
        struct State {
            count: f64,
            mean: f64,
            squares: f64,
        }
        let mut states = vec![State::default(); self.result.floats.len()];
        for s in members {
            self.ignore_histograms(s);
            for (state, v) in states.iter_mut().zip(&s.floats) {
                if is_absent(*v) {
                    continue;
                }
                state.count += 1.0;
                if state.count == 1.0 {
                    state.mean = *v;
                    state.squares = if v.is_finite() { 0.0 } else { f64::NAN };
                    continue;
                }
                let delta = v - state.mean;
                state.mean += delta / state.count;
                state.squares += delta * (v - state.mean);
            }
        }
        for (v, s) in self.result.floats.iter_mut().zip(states) {
            *v = if s.count > 0.0 { result(s.squares / s.count) } else { ABSENT };
        }
    }

    fn ignore_histograms(&mut self, s: &Series) {
        if s.histograms.iter().any(Option::is_some) {
            self.notes.histogram_ignored(self.a.op.as_str(), self.a.expr.span());
        }
    }
}
