//! Evaluates queries for a lane of the pool.

use crate::weight::{Span, exceeds};
use promql::{Control, Engine, EvalError, Expr, Output, Source};
use std::time::Duration;
use tsdb::Db;

/// An estimate must exceed the slice by this factor for the query not even to be tried: it is a rough one.
const CERTAINLY: u32 = 2;

/// A range query.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What is asked.
    pub expr: &'a Expr,
    /// First step, Unix milliseconds.
    pub start_ms: i64,
    /// The last step is not after this.
    pub end_ms: i64,
    /// Distance of the steps, positive.
    pub step_ms: i64,
}

/// What an evaluation needs besides the question.
pub struct Evaluation<'a> {
    /// The store, for estimates.
    pub db: &'a Db,
    /// The engine.
    pub engine: &'a Engine,
    /// The store as the engine sees it.
    pub source: &'a dyn Source,
    /// Stops the evaluation.
    pub control: &'a Control,
    /// Evaluations that look to take much longer are not begun: they end as timed out.
    pub slice: Option<Duration>,
}

impl Evaluation<'_> {
    /// The value at one instant.
    pub fn instant(&self, expr: &Expr, time_ms: i64) -> Result<Output, EvalError> {
        self.weigh(expr, Span { length_ms: 0, steps: 1 })?;
        self.engine.instant(self.source, expr, time_ms, self.control)
    }

    /// The values at every step.
    pub fn range(&self, asked: Asked<'_>) -> Result<Output, EvalError> {
        let Asked { expr, start_ms, end_ms, step_ms } = asked;
        let length_ms = end_ms.saturating_sub(start_ms).max(0);
        let steps = length_ms.checked_div(step_ms).unwrap_or(0).unsigned_abs() + 1;
        self.weigh(expr, Span { length_ms, steps })?;
        self.engine.range(self.source, expr, start_ms, end_ms, step_ms, self.control)
    }

    fn weigh(&self, expr: &Expr, span: Span) -> Result<(), EvalError> {
        match self.slice {
            Some(slice) if exceeds(slice * CERTAINLY, self.db, expr, &self.engine.options, span) => {
                Err(EvalError::Timeout(slice))
            }
            _ => Ok(()),
        }
    }
}
