//! Lengths of time in a query, and the instants that selectors refer to.

use super::{Evaluator, Grid};
use crate::ast::{At, Duration, DurationExpr, DurationOp, Span};
use crate::error::EvalError;
use crate::text::DURATION_MS_MAX;

impl Evaluator<'_> {
    /// A range or step, which must be positive.
    pub(super) fn positive_ms(&self, d: &Duration) -> Result<i64, EvalError> {
        self.duration_ms(d, false)
    }

    pub(super) fn offset_ms(&self, d: Option<&Duration>) -> Result<i64, EvalError> {
        d.map_or(Ok(0), |d| self.duration_ms(d, true))
    }

    fn duration_ms(&self, d: &Duration, may_be_negative: bool) -> Result<i64, EvalError> {
        let expr = match d {
            Duration::Fixed(ms) => return Ok(*ms),
            Duration::Computed(expr) => expr,
        };
        let seconds = self.seconds(expr)?;
        let fail = |what: &str| Err(wrong(expr.span(), what));
        if !seconds.is_finite() {
            return fail("duration is NaN or infinite");
        }
        if seconds <= 0.0 && !may_be_negative {
            return fail("duration must be greater than 0");
        }
        if seconds.abs() > DURATION_MS_MAX as f64 / 1000.0 {
            return fail("duration is out of range");
        }
        Ok((seconds * 1000.0) as i64)
    }

    fn seconds(&self, expr: &DurationExpr) -> Result<f64, EvalError> {
        Ok(match expr {
            DurationExpr::Literal(n) => n.value,
            DurationExpr::Step(_) => self.times.step as f64 / 1000.0,
            DurationExpr::Range(_) => self.times.end.saturating_sub(self.times.start) as f64 / 1000.0,
            DurationExpr::Negate { inner, .. } => -self.seconds(inner)?,
            DurationExpr::Paren { inner, .. } => self.seconds(inner)?,
            DurationExpr::Binary { op, lhs, rhs, span } => {
                let (l, r) = (self.seconds(lhs)?, self.seconds(rhs)?);
                match op {
                    DurationOp::Add => l + r,
                    DurationOp::Sub => l - r,
                    DurationOp::Mul => l * r,
                    DurationOp::Div if r == 0.0 => return Err(wrong(*span, "division by zero")),
                    DurationOp::Div => l / r,
                    DurationOp::Mod if r == 0.0 => return Err(wrong(*span, "modulo by zero")),
                    DurationOp::Mod => l % r,
                    DurationOp::Pow => l.powf(r),
                    DurationOp::MinOf => super::call::smaller(l, r),
                    DurationOp::MaxOf => super::call::larger(l, r),
                }
            }
        })
    }

    /// The fixed instant of an `@` modifier.
    pub(super) fn at_ms(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Time(ms) => ms,
            At::Start => self.times.start,
            At::End => self.times.end,
        })
    }
}

fn wrong(span: Span, what: &str) -> EvalError {
    EvalError::query(format!("{}:{}: {what}", span.start, span.end))
}

/// The instant a selector looks at, step by step: the step's own or a fixed one, moved by an offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    pub grid: Grid,
    pub at: Option<i64>,
    pub offset: i64,
}

impl Reference {
    pub fn time(&self, step: usize) -> i64 {
        self.at.unwrap_or_else(|| self.grid.time(step)).saturating_sub(self.offset)
    }

    pub fn first(&self) -> i64 {
        self.time(0)
    }

    pub fn last(&self) -> i64 {
        self.time(self.grid.count.saturating_sub(1))
    }
}
