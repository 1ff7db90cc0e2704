//! Durations and duration expressions.

use super::lexer::{Keyword, Kind};
use super::{Parsed, Parser};
use crate::ast::{BinaryOp, Duration, DurationExpr, DurationOp, NumberLiteral, Span};
use crate::text::DURATION_MS_MAX;

fn operator(kind: Kind) -> Option<(DurationOp, u8)> {
    Some(match kind {
        Kind::Binary(BinaryOp::Add) => (DurationOp::Add, 1),
        Kind::Binary(BinaryOp::Sub) => (DurationOp::Sub, 1),
        Kind::Binary(BinaryOp::Mul) => (DurationOp::Mul, 2),
        Kind::Binary(BinaryOp::Div) => (DurationOp::Div, 2),
        Kind::Binary(BinaryOp::Mod) => (DurationOp::Mod, 2),
        Kind::Binary(BinaryOp::Pow) => (DurationOp::Pow, 3),
        _ => return None,
    })
}

const POWER: u8 = 3;
const OFFSET_EXPECTED: &str = "number, duration, step(), or range()";

impl Parser<'_> {
    /// The range or step between brackets.
    pub(super) fn positive_duration(&mut self, context: &str, expected: &str) -> Parsed<Duration> {
        self.duration_operators = 0;
        let expr = self.duration_expr(0, context, expected)?;
        if let DurationExpr::Literal(n) = &expr
            && milliseconds(n.value) <= 0
        {
            return Err(self.fail(n.span, "duration must be greater than 0"));
        }
        Ok(fixed_or_computed(expr))
    }

    /// What follows `offset`. Without parentheses only one term belongs to it: `x offset 5m + 1` is a sum.
    pub(super) fn offset_duration(&mut self) -> Parsed<Duration> {
        const CONTEXT: &str = "offset";
        self.duration_operators = 0;
        let start = self.token().span.start;
        let sign = match self.peek() {
            Kind::Binary(BinaryOp::Sub) => Some(true),
            Kind::Binary(BinaryOp::Add) => Some(false),
            _ => None,
        };
        if sign.is_some() {
            self.next();
        }
        let parenthesised = self.peek() == Kind::LeftParen;
        let mut expr = self.duration_operand(CONTEXT, OFFSET_EXPECTED)?;
        if sign.is_none() && parenthesised {
            // A leading parenthesis opens a whole expression: `x offset (5m) * 2`.
            expr = self.duration_operators(expr, 0, CONTEXT, OFFSET_EXPECTED)?;
        }
        if let Some(negative) = sign {
            expr = self.signed_duration(expr, negative, start)?;
        }
        Ok(fixed_or_computed(expr))
    }

    fn duration_expr(&mut self, min: u8, context: &str, expected: &str) -> Parsed<DurationExpr> {
        self.nested(|p| {
            let first = p.duration_operand(context, expected)?;
            p.duration_operators(first, min, context, expected)
        })
    }

    fn duration_operators(
        &mut self,
        mut lhs: DurationExpr,
        min: u8,
        context: &str,
        expected: &str,
    ) -> Parsed<DurationExpr> {
        while let Some((op, strength)) = operator(self.peek()) {
            if strength < min {
                break;
            }
            self.duration_operators += 1;
            if self.duration_operators > super::NESTING_MAX {
                return Err(self.too_deep());
            }
            let token = self.next();
            let rhs = self.duration_expr(
                if op == DurationOp::Pow { strength } else { strength + 1 },
                context,
                expected,
            )?;
            if let (DurationOp::Div | DurationOp::Mod, DurationExpr::Literal(n)) = (op, &rhs)
                && n.value == 0.0
            {
                let word = if op == DurationOp::Div { "division" } else { "modulo" };
                return Err(self.fail(token.span, format!("{word} by zero")));
            }
            let span = lhs.span().to(rhs.span());
            lhs = DurationExpr::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs), span };
        }
        Ok(lhs)
    }

    fn duration_operand(&mut self, context: &str, expected: &str) -> Parsed<DurationExpr> {
        let token = self.token();
        match token.kind {
            Kind::Number | Kind::Duration => {
                let number = self.number()?;
                self.check_length(&number)?;
                Ok(DurationExpr::Literal(number))
            }
            Kind::Binary(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                self.next();
                let inner = self.duration_expr(POWER, context, expected)?;
                self.signed_duration(inner, op == BinaryOp::Sub, token.span.start)
            }
            Kind::LeftParen => {
                self.next();
                let inner = Box::new(self.duration_expr(0, context, expected)?);
                let close = self.expect(Kind::RightParen, context, "\")\"")?;
                Ok(DurationExpr::Paren { inner, span: token.span.to(close.span) })
            }
            Kind::Keyword(k @ (Keyword::Step | Keyword::Range)) => {
                self.next();
                self.expect(Kind::LeftParen, context, "\"(\"")?;
                let close = self.expect(Kind::RightParen, context, "\")\"")?;
                let span = token.span.to(close.span);
                Ok(if k == Keyword::Step { DurationExpr::Step(span) } else { DurationExpr::Range(span) })
            }
            Kind::Keyword(k @ (Keyword::MinOf | Keyword::MaxOf)) => {
                self.next();
                self.expect(Kind::LeftParen, context, "\"(\"")?;
                let lhs = Box::new(self.duration_expr(0, context, expected)?);
                self.expect(Kind::Comma, context, "\",\"")?;
                let rhs = Box::new(self.duration_expr(0, context, expected)?);
                let close = self.expect(Kind::RightParen, context, "\")\"")?;
                let op = if k == Keyword::MinOf { DurationOp::MinOf } else { DurationOp::MaxOf };
                Ok(DurationExpr::Binary { op, lhs, rhs, span: token.span.to(close.span) })
            }
            _ => Err(self.unexpected(context, expected)),
        }
    }

    fn signed_duration(&self, expr: DurationExpr, negative: bool, start: usize) -> Parsed<DurationExpr> {
        match expr {
            DurationExpr::Literal(mut n) => {
                n.value = if negative { -n.value } else { n.value };
                n.span.start = start;
                self.check_length(&n)?;
                Ok(DurationExpr::Literal(n))
            }
            inner if negative => Ok(DurationExpr::Negate { inner: Box::new(inner), start }),
            inner => Ok(inner),
        }
    }

    fn check_length(&self, n: &NumberLiteral) -> Parsed<()> {
        if n.value.abs() > DURATION_MS_MAX as f64 / 1000.0 || n.value.is_nan() {
            return Err(self.fail(Span::new(n.span.start, n.span.end), "duration out of range"));
        }
        Ok(())
    }
}

fn fixed_or_computed(expr: DurationExpr) -> Duration {
    match expr {
        DurationExpr::Literal(n) => Duration::Fixed(milliseconds(n.value)),
        expr => Duration::Computed(expr),
    }
}

fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
