//! Types and other rules that the grammar alone does not hold.

use super::{ParseError, remedy};
use crate::ast::*;
use crate::catalog::Id;
use crate::text::quote;
use model::METRIC_NAME;

type Checked<T> = Result<T, ParseError>;

/// Checks a tree and settles how the vectors of its binary operations are matched.
pub(super) fn check(expr: &mut Expr, input: &str) -> Checked<()> {
    Checker { input }.expr(expr).map(drop)
}

pub(super) fn check_selector(selector: &VectorSelector, input: &str) -> Checked<()> {
    Checker { input }.selector(selector, false)
}

struct Checker<'a> {
    input: &'a str,
}

impl Checker<'_> {
    fn fail<T>(&self, span: Span, message: impl Into<String>) -> Checked<T> {
        Err(ParseError::new(self.input, span, message.into()))
    }

    fn fail_with<T>(&self, span: Span, message: impl Into<String>, help: Option<String>) -> Checked<T> {
        Err(ParseError::new(self.input, span, message.into()).with_help(help))
    }

    /// What to do about a range where none can be.
    fn about_range(&self, expr: &Expr) -> Option<String> {
        let text = self.input.get(expr.span().start..expr.span().end).unwrap_or("x[5m]");
        (expr.value_type() == ValueType::Matrix).then(|| remedy::value_of_range(text))
    }

    fn expr(&self, expr: &mut Expr) -> Checked<ValueType> {
        let span = expr.span();
        match expr {
            Expr::Aggregate(a) => self.aggregate(a)?,
            Expr::Binary(b) => self.binary(b, span)?,
            Expr::Call(c) => self.call(c)?,
            Expr::Paren(p) => {
                self.expr(&mut p.expr)?;
            }
            Expr::Unary(u) => {
                let t = self.expr(&mut u.expr)?;
                if !matches!(t, ValueType::Scalar | ValueType::Vector) {
                    return self.fail_with(
                        span,
                        format!(
                            "unary expression only allowed on expressions of type scalar or instant vector, \
                             got {}",
                            quote(t.documented())
                        ),
                        self.about_range(&u.expr),
                    );
                }
            }
            Expr::Subquery(s) => {
                let t = self.expr(&mut s.expr)?;
                if t != ValueType::Vector {
                    let message = format!("subquery is only allowed on instant vector, got {t} instead");
                    return self.fail_with(span, message, self.about_range(&s.expr));
                }
            }
            Expr::Matrix(m) => self.selector(&m.selector, false)?,
            Expr::Vector(v) => self.selector(v, false)?,
            Expr::Number(_) | Expr::String(_) => {}
        }
        Ok(expr.value_type())
    }

    fn aggregate(&self, a: &mut Aggregate) -> Checked<()> {
        let got = self.expr(&mut a.expr)?;
        if got != ValueType::Vector {
            let help = a.param.as_ref().and_then(|p| remedy::for_parameter(self.input, a.op, p, &a.expr));
            let help = help.or_else(|| remedy::for_type(self.input, &a.expr, ValueType::Vector, None));
            let message =
                format!("expected type instant vector in aggregation expression, got {}", got.documented());
            return self.fail_with(a.expr.span(), message, help);
        }
        let Some(param) = &mut a.param else { return Ok(()) };
        let want = match a.op {
            AggregateOp::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        let got = self.expr(param)?;
        if got == want {
            return Ok(());
        }
        let help = remedy::for_parameter(self.input, a.op, param, &a.expr);
        let help = help.or_else(|| remedy::for_type(self.input, param, want, None));
        let (want, got) = (want.documented(), got.documented());
        self.fail_with(
            param.span(),
            format!("expected type {want} in aggregation parameter, got {got}"),
            help,
        )
    }

    fn binary(&self, b: &mut Binary, span: Span) -> Checked<()> {
        let lt = self.expr(&mut b.lhs)?;
        let rt = self.expr(&mut b.rhs)?;
        let op_span = self.trimmed(b.lhs.span().end, b.rhs.span().start);
        if b.return_bool && !b.op.is_comparison() {
            return self.fail(op_span, "bool modifier can only be used on comparison operators");
        }
        if b.op.is_comparison() && !b.return_bool && lt == ValueType::Scalar && rt == ValueType::Scalar {
            let help = format!("write {} bool, which gives 0 or 1", b.op.as_str());
            let message = "comparisons between scalars must use BOOL modifier";
            return self.fail_with(op_span, message, Some(help));
        }
        let mut matching = b.matching.take().unwrap_or_default();
        if b.op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        if let Some(label) = matching.labels.iter().find(|l| matching.on && matching.include.contains(l)) {
            let message = format!("label {} must not occur in ON and GROUP clause at once", quote(label));
            return self.fail(op_span, message);
        }
        for (operand, t) in [(&b.lhs, lt), (&b.rhs, rt)] {
            if !matches!(t, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return self.fail_with(operand.span(), message, self.about_range(operand));
            }
        }
        let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
        if lt == ValueType::Scalar || rt == ValueType::Scalar {
            if !matching.labels.is_empty() {
                return self.fail(span, "vector matching only allowed between instant vectors");
            }
            if filled {
                return self.fail(span, "filling in missing series only allowed between instant vectors");
            }
            if b.op.is_set() {
                let op = quote(b.op.as_str());
                let message = format!("set operator {op} not allowed in binary scalar expression");
                let help = "it chooses between series; vector(…) makes one of a number";
                return self.fail_with(span, message, Some(help.to_owned()));
            }
            return Ok(());
        }
        if b.op.is_set() {
            if matching.cardinality != Cardinality::ManyToMany {
                let op = quote(b.op.as_str());
                let message = format!("no grouping allowed for {op} operation");
                let help = "it matches many with many: leave group_left or group_right out";
                return self.fail_with(span, message, Some(help.to_owned()));
            }
            if filled {
                return self.fail(span, "filling in missing series not allowed for set operators");
            }
        }
        b.matching = Some(matching);
        Ok(())
    }

    /// The part of the text between two operands without the spaces around it.
    fn trimmed(&self, start: usize, end: usize) -> Span {
        let text = self.input.get(start..end).unwrap_or("");
        let left = text.len() - text.trim_start().len();
        Span::new(start + left, (start + text.trim_end().len()).max(start + left))
    }

    fn call(&self, c: &mut Call) -> Checked<()> {
        let f = c.function;
        let (given, named) = (c.args.len(), f.args.len());
        let name = quote(f.name);
        let signature = || Some(format!("the arguments are {}", f.signature()));
        if f.variadic == 0 {
            if given != named {
                let message = format!("expected {named} argument(s) in call to {name}, got {given}");
                return self.fail_with(c.span, message, signature());
            }
        } else {
            let least = named - 1;
            let most = least + usize::try_from(f.variadic).unwrap_or(usize::MAX - least);
            if given < least {
                let message = format!("expected at least {least} argument(s) in call to {name}, got {given}");
                return self.fail_with(c.span, message, signature());
            }
            if given > most {
                let message = format!("expected at most {most} argument(s) in call to {name}, got {given}");
                return self.fail_with(c.span, message, signature());
            }
        }
        for (i, arg) in c.args.iter_mut().enumerate() {
            if f.id == Id::Info && i == 1 {
                self.info_selector(arg, &name)?;
                continue;
            }
            let want = f.args[i.min(named - 1)];
            let got = self.expr(arg)?;
            if got != want {
                let help = remedy::for_type(self.input, arg, want, Some(f));
                let (want, got) = (want.documented(), got.documented());
                let message = format!("expected type {want} in call to function {name}, got {got}");
                return self.fail_with(arg.span(), message, help);
            }
        }
        Ok(())
    }

    /// The second argument of `info`: a selector of labels without a metric name, which may be empty.
    fn info_selector(&self, arg: &mut Expr, name: &str) -> Checked<()> {
        let span = arg.span();
        match arg {
            Expr::Vector(v) if v.name.is_some() => {
                self.fail(span, "expected label selectors only, got vector selector instead")
            }
            Expr::Vector(v) => self.selector(v, true),
            other if other.value_type() != ValueType::Vector => {
                let got = other.value_type().documented();
                self.fail(span, format!("expected type instant vector in call to function {name}, got {got}"))
            }
            _ => self.fail(span, "expected label selectors only"),
        }
    }

    fn selector(&self, v: &VectorSelector, may_be_empty: bool) -> Checked<()> {
        if let Some(name) = &v.name {
            // The matcher of the name itself is the last one.
            let others = &v.matchers[..v.matchers.len().saturating_sub(1)];
            if let Some(m) = others.iter().find(|m| m.name() == METRIC_NAME) {
                let message =
                    format!("metric name must not be set twice: {} or {}", quote(name), quote(m.value()));
                return self.fail(v.span, message);
            }
            return Ok(());
        }
        if !may_be_empty && v.matchers.iter().all(|m| m.matches_empty()) {
            let help =
                "name a metric or give a label a value, as {job=\"x\"}; everything is {__name__=~\".+\"}";
            let message = "vector selector must contain at least one non-empty matcher";
            return self.fail_with(v.span, message, Some(help.to_owned()));
        }
        Ok(())
    }
}
