//! How long an evaluation may take, roughly, from what the index knows: enough to tell light queries from heavy ones.

use model::Matcher;
use promql::ast::{Duration as Length, MatrixSelector, VectorSelector};
use promql::{EngineOptions, Expr};
use std::time::Duration;
use tsdb::Db;

/// Looking up and opening one series.
const SERIES_NS: f64 = 4000.0;
/// Reading one sample.
const SAMPLE_NS: f64 = 6.0;
/// One value of a series at a step.
const POINT_NS: f64 = 10.0;
/// One sample of a window that is looked at again at a step.
const WINDOW_NS: f64 = 0.5;
/// How far samples are apart where nothing is known.
const INTERVAL_MS: f64 = 15_000.0;

/// The steps at which something is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// From the first to the last.
    pub length_ms: i64,
    /// How many.
    pub steps: u64,
}

/// Whether an evaluation takes more than `limit` of processor time, by a rule of thumb that ignores what series are
/// joined to. Series are counted only where an upper bound of their number does not settle it.
pub fn exceeds(limit: Duration, db: &Db, expr: &Expr, options: &EngineOptions, span: Span) -> bool {
    let limit_ns = limit.as_nanos() as f64;
    let exceeds = |count: &dyn Fn(&[Matcher]) -> u64| Weighing { count, options }.of(expr, span) > limit_ns;
    exceeds(&|m| db.series_matching_at_most(m)) && exceeds(&|m| db.series_matching(m))
}

struct Weighing<'a> {
    count: &'a dyn Fn(&[Matcher]) -> u64,
    options: &'a EngineOptions,
}

impl Weighing<'_> {
    fn of(&self, expr: &Expr, span: Span) -> f64 {
        match expr {
            Expr::Vector(v) => self.series(v) * series_ns(self.options.lookback_ms, span),
            Expr::Matrix(m) => self.matrix(m, span),
            Expr::Subquery(s) => {
                let step = s.step.as_ref().map_or(self.options.subquery_step_ms, length_ms).max(1);
                let range = length_ms(&s.range);
                let length_ms = span.length_ms.saturating_add(range);
                let window = range as f64 / step as f64 * span.steps as f64 * WINDOW_NS;
                window + self.of(&s.expr, Span { length_ms, steps: (length_ms / step).unsigned_abs() + 1 })
            }
            // What is computed without series gives at least one value for each step.
            other => {
                let below: f64 = other.children().into_iter().map(|e| self.of(e, span)).sum();
                below + span.steps as f64 * POINT_NS
            }
        }
    }

    fn matrix(&self, m: &MatrixSelector, span: Span) -> f64 {
        let range = length_ms(&m.range);
        let window = range as f64 / INTERVAL_MS * span.steps as f64 * WINDOW_NS;
        self.series(&m.selector) * (series_ns(range, span) + window)
    }

    fn series(&self, v: &VectorSelector) -> f64 {
        (self.count)(&v.matchers) as f64
    }
}

fn series_ns(range_ms: i64, span: Span) -> f64 {
    let samples = (span.length_ms as f64 + range_ms as f64) / INTERVAL_MS;
    SERIES_NS + samples * SAMPLE_NS + span.steps as f64 * POINT_NS
}

/// Computed lengths are not worked out for this.
fn length_ms(length: &Length) -> i64 {
    match length {
        Length::Fixed(ms) => *ms,
        Length::Computed(_) => 60_000,
    }
}
