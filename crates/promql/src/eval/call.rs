//! Calls of functions over instant vectors and numbers.

use super::select::{Lookback, Newest};
use super::series::{Cell, drop_empty};
use super::{Evaluator, Grid, Needs, Series, is_absent};
use crate::ast::{Call, Expr, VectorSelector};
use crate::catalog::Id;
use crate::dates::{Civil, civil, days_in_month};
use crate::error::EvalError;
use crate::source::Hints;
use model::{Labels, Samples, TimeRange};

/// The larger of two numbers; NaN unless one is positive infinity.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

/// The smaller of two numbers; NaN unless one is negative infinity.
pub(super) fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

impl Evaluator<'_> {
    /// A call that gives a vector.
    pub(super) fn call(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        use Id::*;
        let id = call.function.id;
        let takes_range =
            call.args.iter().any(|a| matches!(a.unparen(), Expr::Matrix(_) | Expr::Subquery(_)));
        if takes_range {
            return self.range_call(call, grid);
        }
        match id {
            VectorOf => {
                let floats = self.scalar(&call.args[0], grid)?;
                Ok(vec![Series { labels: Labels::empty(), drop_name: false, floats, histograms: Vec::new() }])
            }
            Absent => self.absent(&call.args[0], grid),
            LabelReplace => self.label_replace(call, grid),
            LabelJoin => self.label_join(call, grid),
            Info => self.info(call, grid),
            Sort | SortDesc | SortByLabel | SortByLabelDesc => self.sorted(call, grid),
            HistogramQuantile | HistogramQuantiles | HistogramFraction => {
                self.with_histograms(Needs::Buckets, |ev| ev.histogram_call(call, grid))
            }
            HistogramAvg | HistogramCount | HistogramSum => {
                let series = self.with_histograms(Needs::Statistics, |ev| ev.vector(&call.args[0], grid))?;
                Ok(super::histograms::statistics(id, series))
            }
            HistogramStddev | HistogramStdvar => {
                let series = self.with_histograms(Needs::Buckets, |ev| ev.vector(&call.args[0], grid))?;
                Ok(super::histograms::statistics(id, series))
            }
            Timestamp | StartTimestamp => self.timestamps(call, grid),
            Clamp | ClampMax | ClampMin => self.clamp(call, grid),
            Round => self.round(call, grid),
            Year | Month | DayOfMonth | DayOfWeek | DayOfYear | DaysInMonth | Hour | Minute => {
                self.date(call, grid)
            }
            _ => {
                let f = float_function(id).ok_or_else(|| {
                    EvalError::query(format!("{} does not take an instant vector", call.function.name))
                })?;
                let mut series: Vec<Series> =
                    self.vector(&call.args[0], grid)?.into_iter().map(|s| s.map_floats(f)).collect();
                drop_empty(&mut series);
                Ok(series)
            }
        }
    }

    /// A call that gives a number per step.
    pub(super) fn scalar_call(&mut self, call: &Call, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let times = self.times;
        let constant = |v: f64| Ok(vec![v; grid.count]);
        match call.function.id {
            Id::Time => Ok((0..grid.count).map(|i| seconds(grid.time(i))).collect()),
            Id::Pi => constant(std::f64::consts::PI),
            Id::Start => constant(seconds(times.start)),
            Id::End => constant(seconds(times.end)),
            Id::Range => constant(seconds(times.end.saturating_sub(times.start))),
            Id::Step => constant(if times.start == times.end { 0.0 } else { seconds(times.step) }),
            Id::MaxOf | Id::MinOf => {
                let mut left = self.scalar(&call.args[0], grid)?;
                let right = self.scalar(&call.args[1], grid)?;
                let pick = if call.function.id == Id::MaxOf { larger } else { smaller };
                left.iter_mut().zip(&right).for_each(|(l, r)| *l = pick(*l, *r));
                Ok(left)
            }
            Id::Scalar => {
                let series = self.vector(&call.args[0], grid)?;
                let only = |step: usize| {
                    let mut present = series.iter().map(|s| s.floats[step]).filter(|v| !is_absent(*v));
                    match (present.next(), present.next()) {
                        (Some(v), None) => v,
                        _ => f64::NAN,
                    }
                };
                Ok((0..grid.count).map(only).collect())
            }
            _ => Err(EvalError::query(format!("{} does not give a scalar", call.function.name))),
        }
    }

    fn absent(&mut self, arg: &Expr, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let series = self.vector(arg, grid)?;
        self.grow_columns(1, grid)?;
        let mut out = Series::absent(super::labels::absent_labels(arg), false, grid.count);
        for step in 0..grid.count {
            if !series.iter().any(|s| s.is_present(step)) {
                out.floats[step] = 1.0;
            }
        }
        Ok(if out.is_empty() { Vec::new() } else { vec![out] })
    }

    fn clamp(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let series = self.vector(&call.args[0], grid)?;
        let fixed = |v: f64| vec![v; grid.count];
        let (low, high) = match call.function.id {
            Id::ClampMax => (fixed(f64::NEG_INFINITY), self.scalar(&call.args[1], grid)?),
            Id::ClampMin => (self.scalar(&call.args[1], grid)?, fixed(f64::INFINITY)),
            _ => (self.scalar(&call.args[1], grid)?, self.scalar(&call.args[2], grid)?),
        };
        Ok(with_columns(series, |step, v| {
            let (low, high) = (low[step], high[step]);
            (high >= low || high.is_nan() || low.is_nan()).then(|| larger(low, smaller(high, v)))
        }))
    }

    fn round(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let series = self.vector(&call.args[0], grid)?;
        let nearest = match call.args.get(1) {
            Some(arg) => self.scalar(arg, grid)?,
            None => vec![1.0; grid.count],
        };
        Ok(with_columns(series, |step, v| {
            // The inverse loses less.
            let inverse = 1.0 / nearest[step];
            Some((v * inverse + 0.5).floor() / inverse)
        }))
    }

    fn date(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let part: fn(Civil) -> f64 = match call.function.id {
            Id::Year => |c| c.year as f64,
            Id::Month => |c| f64::from(c.month),
            Id::DayOfMonth => |c| f64::from(c.day),
            Id::DayOfWeek => |c| f64::from(c.weekday),
            Id::DayOfYear => |c| f64::from(c.yearday),
            Id::DaysInMonth => |c| f64::from(days_in_month(c)),
            Id::Hour => |c| f64::from(c.hour),
            _ => |c| f64::from(c.minute),
        };
        // Years beyond these cannot be told from each other as floats of seconds anyway.
        let date = move |seconds: i64| part(civil(seconds.clamp(-(1 << 55), 1 << 55)));
        let Some(arg) = call.args.first() else {
            self.grow_columns(1, grid)?;
            let floats = (0..grid.count).map(|i| date(grid.time(i).div_euclid(1000))).collect();
            return Ok(vec![Series {
                labels: Labels::empty(),
                drop_name: false,
                floats,
                histograms: Vec::new(),
            }]);
        };
        let series = self.vector(arg, grid)?;
        Ok(with_columns(series, |_, v| Some(date(v as i64))))
    }

    /// `timestamp` and `start_timestamp`: of the samples themselves if the argument is a selector.
    fn timestamps(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        if let Expr::Vector(v) = call.args[0].unparen() {
            return self.selected_timestamps(call.function.id == Id::StartTimestamp, v, grid);
        }
        let series = self.vector(&call.args[0], grid)?;
        if call.function.id == Id::StartTimestamp {
            return Ok(Vec::new());
        }
        let times = |s: Series| {
            let mut out = Series::absent(s.labels.clone(), true, grid.count);
            for step in (0..grid.count).filter(|step| s.is_present(*step)) {
                out.floats[step] = grid.time(step) as f64 / 1000.0;
            }
            out
        };
        Ok(series.into_iter().map(times).collect())
    }

    fn selected_timestamps(
        &mut self,
        starts: bool,
        v: &VectorSelector,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let reference = self.reference(v, grid)?;
        let lookback = self.options.lookback_ms;
        let range =
            TimeRange::new(reference.first().saturating_sub(lookback).saturating_add(1), reference.last());
        let set = self.select(
            v,
            range,
            Hints { function: Some("timestamp"), newest: grid.count == 1, ..Hints::default() },
        )?;
        let mut samples = Samples::default();
        let mut out = Vec::new();
        for i in 0..set.len() {
            self.read(&*set, i, &mut samples)?;
            if samples.is_empty() {
                continue;
            }
            self.grow_columns(1, grid)?;
            let mut series = Series::absent(set.labels(i).clone(), true, grid.count);
            let mut newest = Lookback::new(&samples, lookback);
            for step in 0..grid.count {
                let time = match newest.at(reference.time(step)) {
                    None => continue,
                    Some(Newest::Float(i)) if starts => samples.starts.get(i).copied().unwrap_or(0),
                    Some(Newest::Float(i)) => samples.times[i],
                    Some(Newest::Histogram(i)) if starts => {
                        samples.histogram_starts.get(i).copied().unwrap_or(0)
                    }
                    Some(Newest::Histogram(i)) => samples.histogram_times[i],
                };
                series.set(step, Cell::Float(time as f64 / 1000.0));
            }
            out.push(series);
        }
        drop_empty(&mut out);
        Ok(out)
    }
}

/// Changes every float with its step; histograms, and floats for which there is no result, are dropped.
fn with_columns(series: Vec<Series>, f: impl Fn(usize, f64) -> Option<f64>) -> Vec<Series> {
    let mut out: Vec<Series> = series
        .into_iter()
        .map(|mut s| {
            s.histograms = Vec::new();
            s.drop_name = true;
            for (step, v) in s.floats.iter_mut().enumerate() {
                if !is_absent(*v) {
                    *v = f(step, *v).unwrap_or(super::series::ABSENT);
                }
            }
            s
        })
        .collect();
    drop_empty(&mut out);
    out
}

fn float_function(id: Id) -> Option<fn(f64) -> f64> {
    use Id::*;
    Some(match id {
        Abs => f64::abs,
        Ceil => f64::ceil,
        Floor => f64::floor,
        Exp => f64::exp,
        Sqrt => f64::sqrt,
        Ln => f64::ln,
        Log2 => f64::log2,
        Log10 => f64::log10,
        Sin => f64::sin,
        Cos => f64::cos,
        Tan => f64::tan,
        Asin => f64::asin,
        Acos => f64::acos,
        Atan => f64::atan,
        Sinh => f64::sinh,
        Cosh => f64::cosh,
        Tanh => f64::tanh,
        Asinh => f64::asinh,
        Acosh => f64::acosh,
        Atanh => f64::atanh,
        Rad => |v| v * std::f64::consts::PI / 180.0,
        Deg => |v| v * 180.0 / std::f64::consts::PI,
        Sgn => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        _ => return None,
    })
}
