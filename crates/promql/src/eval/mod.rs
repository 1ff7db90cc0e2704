//! Evaluation of a checked syntax tree over a grid of instants.
//!
//! Every expression is evaluated once for all steps. What does not depend on the step (labels, groups, matches)
//! is settled once per series; what does is a loop over columns.

mod aggregate;
mod binary;
mod call;
mod each;
mod extremes;
mod histograms;
mod info;
mod invariant;
mod labels;
mod matrix;
mod order;
mod over_time;
mod rate;
mod select;
mod series;
mod slides;
mod spans;
mod trace;
mod window;

pub(crate) use invariant::{depends_on_time, is_invariant};
pub(crate) use matrix::into_matrix_series;
pub(crate) use series::{Cell, Grid, Series, is_absent, without_metadata};
pub(crate) use trace::{Evaluated, Read, Trace, TracedSource};

use crate::annotations::Annotations;
use crate::ast::{Expr, ValueType};
use crate::control::{Control, Held};
use crate::engine::EngineOptions;
use crate::error::EvalError;
use crate::source::Source;
use crate::value::Stats;

/// The times of the whole query, which `start()`, `end()`, `range()` and `step()` speak of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryTimes {
    pub start: i64,
    pub end: i64,
    /// 0 for an instant query.
    pub step: i64,
}

/// What the functions around a selector need of its histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing is known: whole histograms are read.
    Unstated,
    /// Only count and sum. Does not hold below anything that needs buckets.
    Statistics,
    /// Whole histograms, whatever else is said further in.
    Buckets,
}

pub(crate) struct Evaluator<'a> {
    source: &'a dyn Source,
    options: &'a EngineOptions,
    control: &'a Control,
    times: QueryTimes,
    held: Held,
    needs: Needs,
    /// Where the evaluation is recorded, if it is.
    trace: Option<&'a Trace>,
    pub stats: Stats,
    pub annotations: Annotations,
}

impl<'a> Evaluator<'a> {
    pub fn new(
        source: &'a dyn Source,
        options: &'a EngineOptions,
        control: &'a Control,
        times: QueryTimes,
    ) -> Evaluator<'a> {
        let held = Held::new(control, options.memory_max);
        Evaluator {
            source,
            options,
            control,
            times,
            held,
            needs: Needs::Unstated,
            trace: None,
            stats: Stats::default(),
            annotations: Annotations::default(),
        }
    }

    /// The same evaluator, which records what it does.
    pub fn traced(mut self, trace: Option<&'a Trace>) -> Evaluator<'a> {
        self.trace = trace;
        self
    }

    /// The peak of what was held goes into the statistics.
    pub fn finish(mut self) -> (Stats, Annotations) {
        self.stats.memory_peak = self.held.peak;
        (self.stats, self.annotations)
    }

    /// An instant vector over the grid.
    pub fn vector(&mut self, expr: &Expr, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        self.control.check()?;
        if grid.count == 0 {
            return Ok(Vec::new());
        }
        let before = self.held.bytes();
        let opened = self.opened(expr);
        let series = if grid.count > 1 && invariant::is_invariant(expr) {
            let once = self.vector_uncached(expr, &Grid::once(grid.start))?;
            self.repeated(once, grid)?
        } else {
            self.vector_uncached(expr, grid)?
        };
        // What the operands took is free again; what the result takes is not.
        self.held.shrink_to(before);
        self.hold(&series)?;
        self.closed(opened, series.len(), grid);
        Ok(series)
    }

    fn vector_uncached(&mut self, expr: &Expr, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        match expr {
            Expr::Vector(v) => self.vector_selector(v, grid),
            Expr::Aggregate(a) => self.aggregate(a, grid),
            Expr::Binary(b) => self.binary(b, expr.span(), grid),
            Expr::Call(c) => self.call(c, grid),
            Expr::Paren(p) => self.vector(&p.expr, grid),
            Expr::Unary(u) => {
                let series = self.vector(&u.expr, grid)?;
                Ok(if u.negative { series.into_iter().map(negated).collect() } else { series })
            }
            Expr::Matrix(_) | Expr::Subquery(_) | Expr::Number(_) | Expr::String(_) => {
                Err(EvalError::query(format!("expected an instant vector, got {}", expr.value_type())))
            }
        }
    }

    /// A number per step.
    pub fn scalar(&mut self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        self.control.check()?;
        let opened = self.opened(expr);
        self.grow_columns(1, grid)?;
        let column = self.scalar_column(expr, grid)?;
        self.closed(opened, 1, grid);
        Ok(column)
    }

    fn scalar_column(&mut self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        match expr {
            Expr::Number(n) => Ok(vec![n.value; grid.count]),
            Expr::Paren(p) => self.scalar(&p.expr, grid),
            Expr::Unary(u) => {
                let mut column = self.scalar(&u.expr, grid)?;
                if u.negative {
                    column.iter_mut().for_each(|v| *v = -*v);
                }
                Ok(column)
            }
            Expr::Binary(b) => {
                let mut left = self.scalar(&b.lhs, grid)?;
                let right = self.scalar(&b.rhs, grid)?;
                for (l, r) in left.iter_mut().zip(&right) {
                    *l = binary::scalar_operation(b.op, *l, *r);
                }
                Ok(left)
            }
            Expr::Call(c) => self.scalar_call(c, grid),
            _ => Err(EvalError::query(format!("expected a scalar, got {}", expr.value_type()))),
        }
    }

    /// Evaluates something below a function that needs only part of histograms, or all of them.
    fn with_histograms<T>(&mut self, needs: Needs, inner: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.needs;
        if outer != Needs::Buckets {
            self.needs = needs;
        }
        let result = inner(self);
        self.needs = outer;
        result
    }

    fn decoding(&self) -> window::Decoding {
        if self.needs == Needs::Statistics { window::Decoding::Statistics } else { window::Decoding::Full }
    }

    /// The value of a step-invariant expression at every step.
    fn repeated(&mut self, once: Vec<Series>, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        self.grow_columns(once.len(), grid)?;
        Ok(once
            .into_iter()
            .map(|s| Series {
                floats: vec![s.floats[0]; grid.count],
                histograms: match s.histograms.first() {
                    Some(Some(h)) => vec![Some(h.clone()); grid.count],
                    _ => Vec::new(),
                },
                labels: s.labels,
                drop_name: s.drop_name,
            })
            .collect())
    }

    /// Accounts for columns that are about to be made.
    fn grow_columns(&mut self, columns: usize, grid: &Grid) -> Result<(), EvalError> {
        self.grow((columns as u64).saturating_mul(grid.count as u64).saturating_mul(8))
    }

    fn grow(&mut self, bytes: u64) -> Result<(), EvalError> {
        self.held.grow(bytes)?;
        let samples = self.held.bytes() / 8;
        if samples > self.options.samples_max {
            return Err(EvalError::Limit {
                what: "samples in memory",
                observed: samples,
                limit: self.options.samples_max,
                setting: "query.samples_max",
            });
        }
        self.stats.samples_peak = self.stats.samples_peak.max(samples);
        Ok(())
    }

    fn hold(&mut self, series: &[Series]) -> Result<(), EvalError> {
        self.grow(series.iter().map(Series::held_bytes).sum())
    }

    fn text(&self, expr: &Expr) -> Result<String, EvalError> {
        match expr.unparen() {
            Expr::String(s) => String::from_utf8(s.bytes.clone()).map_err(|_| {
                EvalError::query(format!("string {} is not valid UTF-8", crate::text::quote_bytes(&s.bytes)))
            }),
            other => Err(EvalError::query(format!("expected a string, got {}", other.value_type()))),
        }
    }

    /// Whether an expression is a single number or a vector.
    fn is_scalar(expr: &Expr) -> bool {
        expr.value_type() == ValueType::Scalar
    }
}

fn negated(mut s: Series) -> Series {
    s.drop_name = true;
    for v in &mut s.floats {
        if !is_absent(*v) {
            *v = -*v;
        }
    }
    for h in s.histograms.iter_mut().flatten() {
        *h = std::sync::Arc::new(crate::histogram::FloatHistogram::clone(h).scaled(-1.0));
    }
    s
}

/// The end of a query: names that were only kept to tell series apart go away.
pub(crate) fn finished(series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    series::merge_same_labels(without_names(series))
}

/// As [`finished`], and in order of labels.
pub(crate) fn finished_in_order(series: Vec<Series>) -> Result<Vec<Series>, EvalError> {
    series::sort_and_merge(without_names(series))
}

fn without_names(mut series: Vec<Series>) -> Vec<Series> {
    for s in series.iter_mut().filter(|s| s.drop_name) {
        s.labels = without_metadata(&s.labels);
    }
    series
}
