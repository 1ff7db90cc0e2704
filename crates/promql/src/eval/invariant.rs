//! Which expressions have the same value at every step.

use crate::ast::Expr;
use crate::catalog::Id;

/// Whether a function's result depends on the time of evaluation even when its arguments do not, or on the
/// timestamps of its argument.
pub(crate) fn depends_on_time(id: Id) -> bool {
    use Id::*;
    matches!(
        id,
        DaysInMonth
            | DayOfMonth
            | DayOfWeek
            | DayOfYear
            | Hour
            | Minute
            | Month
            | Year
            | PredictLinear
            | Time
            | Timestamp
    )
}

/// Whether one evaluation is enough for all steps: everything below is fixed by `@`, a literal, or a property of
/// the query as a whole.
pub(crate) fn is_invariant(expr: &Expr) -> bool {
    match expr {
        Expr::Vector(v) => v.at.is_some(),
        Expr::Matrix(m) => m.selector.at.is_some(),
        Expr::Subquery(s) => s.at.is_some(),
        Expr::Aggregate(a) => is_invariant(&a.expr) && a.param.as_ref().is_none_or(is_invariant),
        Expr::Binary(b) => is_invariant(&b.lhs) && is_invariant(&b.rhs),
        Expr::Paren(p) => is_invariant(&p.expr),
        Expr::Unary(u) => is_invariant(&u.expr),
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Call(c) => {
            let fixed = c.args.iter().all(is_invariant);
            let own_selector = c.function.id == Id::Timestamp
                && c.args.iter().all(|a| matches!(a.unparen(), Expr::Vector(_)));
            fixed && (!depends_on_time(c.function.id) || own_selector)
        }
    }
}
