//! Series once they are made: picking, filtering and calculating.

use super::operand::calculate;
use crate::ast::{Arithmetic, SecondStage};
use crate::literal::Literal;
use crate::value::{Exemplar, MetricsRange, Series};
use hashbrown::HashMap;

/// The steps of a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// The first instant that counts.
    pub from_ns: i64,
    /// One past the last.
    pub until_ns: i64,
    /// The instant of the first step, and how far apart they are.
    first_ns: i64,
    step_ns: i64,
    pub count: usize,
}

impl Grid {
    /// A grid that nothing belongs to.
    pub const NOTHING: Grid = Grid { from_ns: 0, until_ns: 0, first_ns: 0, step_ns: 1, count: 1 };

    /// The grid of a range; how many steps it would have, if these are too many.
    pub fn new(range: &MetricsRange, steps_max: u64) -> Result<Grid, u64> {
        match *range {
            MetricsRange::Instant { start_ns, end_ns } => {
                let length = end_ns.saturating_sub(start_ns).max(1);
                let until_ns = start_ns.saturating_add(length);
                Ok(Grid { from_ns: start_ns, until_ns, first_ns: end_ns, step_ns: length, count: 1 })
            }
            MetricsRange::Steps { start_ns, end_ns, step_ns } => {
                let step = i128::from(step_ns.max(1));
                let first = i128::from(start_ns).div_euclid(step) * step;
                let last = -((-i128::from(end_ns)).div_euclid(step) * step);
                let count = ((last - first) / step + 1).max(1);
                if count > i128::from(steps_max) {
                    return Err(u64::try_from(count).unwrap_or(u64::MAX));
                }
                let clamp = |t: i128| t.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
                Ok(Grid {
                    from_ns: clamp(first - step + 1),
                    until_ns: clamp(first + (count - 1) * step + 1),
                    first_ns: clamp(first),
                    step_ns: step as i64,
                    count: count as usize,
                })
            }
        }
    }

    /// The step that an instant belongs to.
    pub fn step_of(&self, time_ns: i64) -> Option<usize> {
        if time_ns < self.from_ns || time_ns >= self.until_ns {
            return None;
        }
        let step = time_ns.saturating_sub(self.from_ns) / self.step_ns;
        Some((step as usize).min(self.count - 1))
    }

    pub fn step_seconds(&self) -> f64 {
        self.step_ns as f64 / 1e9
    }

    fn time_ms(&self, step: usize) -> i64 {
        self.first_ns.saturating_add(self.step_ns.saturating_mul(step as i64)).div_euclid(1_000_000)
    }
}

/// A series that was made: a value per step, NaN where there is none.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub labels: Vec<(String, Literal)>,
    pub values: Vec<f64>,
    pub exemplars: Vec<Exemplar>,
}

impl Made {
    /// Labels of which the sides of an operation may differ do not count: names of functions.
    fn key(&self) -> Vec<u8> {
        let mut labels: Vec<_> = self.labels.iter().filter(|(name, _)| name != "__name__").collect();
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        let mut key = Vec::new();
        for (name, value) in labels {
            key.extend_from_slice(&(name.len() as u32).to_le_bytes());
            key.extend_from_slice(name.as_bytes());
            value.push_key(&mut key);
        }
        key
    }
}

/// Applies one stage.
pub(super) fn staged(mut series: Vec<Made>, stage: &SecondStage) -> Vec<Made> {
    match stage {
        SecondStage::TopK(k) => pick(&mut series, *k as usize, |a, b| b.total_cmp(&a)),
        SecondStage::BottomK(k) => pick(&mut series, *k as usize, |a, b| a.total_cmp(&b)),
        SecondStage::Filter(op, literal) => {
            // Durations are shown in seconds.
            let limit = match literal {
                Literal::Duration(nanos) => *nanos as f64 / 1e9,
                other => other.number().unwrap_or(f64::NAN),
            };
            for s in &mut series {
                s.values.iter_mut().filter(|v| !op.holds(**v, limit)).for_each(|v| *v = f64::NAN);
            }
        }
    }
    series.retain(|s| s.values.iter().any(|v| !v.is_nan()));
    series
}

/// Keeps the first few values of each step; of equal ones those of the series that come first.
fn pick(series: &mut [Made], k: usize, order: fn(f64, f64) -> std::cmp::Ordering) {
    sort(series);
    let steps = series.first().map_or(0, |s| s.values.len());
    let mut ranked: Vec<usize> = Vec::new();
    for step in 0..steps {
        ranked.clear();
        ranked.extend((0..series.len()).filter(|s| !series[*s].values[step].is_nan()));
        if ranked.len() > k {
            ranked.sort_by(|a, b| order(series[*a].values[step], series[*b].values[step]));
            ranked[k..].iter().for_each(|s| series[*s].values[step] = f64::NAN);
        }
    }
}

/// Puts series in order of their labels.
pub(super) fn sort(series: &mut [Made]) {
    let key = |s: &Made| s.labels.iter().map(|(n, v)| (n.clone(), shown(v))).collect::<Vec<_>>();
    series.sort_by_cached_key(key);
}

/// A value by which numbers stand in order.
fn shown(value: &Literal) -> (u8, u64, String) {
    match value.number() {
        Some(number) => {
            let bits = number.to_bits();
            // The order of floats as that of whole numbers.
            let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
            (0, ordered, String::new())
        }
        None => (1, 0, value.plain()),
    }
}

/// Applies an operator to series with the same labels. A side with one series without labels goes with all of the other.
pub(super) fn joined(op: Arithmetic, left: Vec<Made>, right: Vec<Made>) -> Vec<Made> {
    let alone = |side: &[Made]| side.len() == 1 && side[0].labels.iter().all(|(name, _)| name == "__name__");
    let combine = |a: &Made, b: &Made, labels: &Made| {
        let values = a.values.iter().zip(&b.values).map(|(x, y)| quotient_or(op, *x, *y)).collect();
        Made { labels: labels.labels.clone(), values, exemplars: labels.exemplars.clone() }
    };
    let mut out: Vec<Made> = if alone(&right) {
        left.iter().map(|l| combine(l, &right[0], l)).collect()
    } else if alone(&left) {
        right.iter().map(|r| combine(&left[0], r, r)).collect()
    } else {
        let by_key: HashMap<Vec<u8>, &Made> = right.iter().map(|r| (r.key(), r)).collect();
        left.iter().filter_map(|l| by_key.get(&l.key()).map(|r| combine(l, r, l))).collect()
    };
    out.retain(|s| s.values.iter().any(|v| !v.is_nan()));
    out
}

/// Applies an operator to every value and a number.
pub(super) fn scaled(op: Arithmetic, series: Vec<Made>, number: f64, number_first: bool) -> Vec<Made> {
    let apply = |v: f64| if number_first { quotient_or(op, number, v) } else { quotient_or(op, v, number) };
    let each = |mut s: Made| {
        s.values.iter_mut().for_each(|v| *v = apply(*v));
        s
    };
    series.into_iter().map(each).filter(|s| s.values.iter().any(|v| !v.is_nan())).collect()
}

/// What is divided by zero is nothing.
fn quotient_or(op: Arithmetic, a: f64, b: f64) -> f64 {
    if op == Arithmetic::Div && b == 0.0 { f64::NAN } else { calculate(op, a, b) }
}

/// The result.
pub(super) fn finished(mut series: Vec<Made>, grid: &Grid, exemplars_max: usize) -> Vec<Series> {
    sort(&mut series);
    let total: usize = series.iter().map(|s| s.exemplars.len()).sum();
    // Where there are too many, each series gives up its share.
    let keep = |count: usize| if total > exemplars_max { count * exemplars_max / total } else { count };
    let one = |s: Made| {
        let values = s.values.iter().enumerate().filter(|(_, v)| !v.is_nan());
        let samples: Vec<(i64, f64)> = values.map(|(step, v)| (grid.time_ms(step), *v)).collect();
        let mut exemplars = s.exemplars;
        exemplars.sort_by_key(|e| (e.time_ms, e.trace_id, e.span_id));
        let (count, kept) = (exemplars.len(), keep(exemplars.len()));
        let exemplars = match kept {
            0 => Vec::new(),
            kept => (0..kept).map(|i| exemplars[i * count / kept].clone()).collect(),
        };
        Series { labels: s.labels, samples, exemplars }
    };
    series.into_iter().map(one).filter(|s| !s.samples.is_empty()).collect()
}
