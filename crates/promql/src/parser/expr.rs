//! Expressions: operands, modifiers, operators, calls and aggregations.

use super::lexer::{Keyword, Kind, Token};
use super::selector::names_metric;
use super::{NESTING_MAX, Parsed, Parser, remedy};
use crate::ast::*;
use crate::catalog;
use crate::text::{format_float, parse_duration, parse_number, quote};

/// An expression and the height of its tree.
pub(super) struct Tree {
    expr: Expr,
    height: u32,
}

impl Tree {
    fn leaf(expr: Expr) -> Tree {
        Tree { expr, height: 1 }
    }
}

/// Binding strength of a binary operator; larger binds tighter.
fn precedence(op: BinaryOp) -> u8 {
    use BinaryOp::*;
    match op {
        Or => 1,
        And | Unless => 2,
        Eq | Ne | Le | Lt | Ge | Gt | TrimUpper | TrimLower => 3,
        Add | Sub => 4,
        Mul | Div | Mod | Atan2 => 5,
        Pow => 6,
    }
}

/// A sign binds like `*`: tighter than `+`, looser than `^`.
const SIGN_OPERAND: u8 = 6;

impl Parser<'_> {
    pub(super) fn whole_expression(&mut self) -> Parsed<Expr> {
        let tree = self.expression(0)?;
        self.expect_end()?;
        Ok(tree.expr)
    }

    fn grow(&self, height: u32) -> Parsed<u32> {
        if height >= NESTING_MAX { Err(self.too_deep()) } else { Ok(height + 1) }
    }

    /// An expression whose operators bind at least as tight as `min`.
    fn expression(&mut self, min: u8) -> Parsed<Tree> {
        self.nested(|p| {
            let mut lhs = p.operand()?;
            while let Kind::Binary(op) = p.peek() {
                let strength = precedence(op);
                if strength < min {
                    break;
                }
                p.next();
                lhs = p.binary(lhs, op, strength)?;
            }
            Ok(lhs)
        })
    }

    fn binary(&mut self, lhs: Tree, op: BinaryOp, strength: u8) -> Parsed<Tree> {
        let return_bool = self.accept_keyword(Keyword::Bool).is_some();
        let matching = self.matching()?;
        let rhs = self.expression(if op == BinaryOp::Pow { strength } else { strength + 1 })?;
        let height = self.grow(lhs.height.max(rhs.height))?;
        let binary = Binary { op, lhs: lhs.expr, rhs: rhs.expr, matching: Some(matching), return_bool };
        Ok(Tree { expr: Expr::Binary(Box::new(binary)), height })
    }

    fn matching(&mut self) -> Parsed<Matching> {
        let mut matching = Matching::default();
        let on = self.accept_keyword(Keyword::On).is_some();
        if on || self.accept_keyword(Keyword::Ignoring).is_some() {
            matching.on = on;
            matching.labels = self.grouping_labels()?;
            let left = self.accept_keyword(Keyword::GroupLeft).is_some();
            if left || self.accept_keyword(Keyword::GroupRight).is_some() {
                matching.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
                if self.peek() == Kind::LeftParen {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        if self.accept_keyword(Keyword::Fill).is_some() {
            let fill = Some(self.fill_value()?);
            (matching.fill_left, matching.fill_right) = (fill, fill);
        } else if self.accept_keyword(Keyword::FillLeft).is_some() {
            matching.fill_left = Some(self.fill_value()?);
            if self.accept_keyword(Keyword::FillRight).is_some() {
                matching.fill_right = Some(self.fill_value()?);
            }
        } else if self.accept_keyword(Keyword::FillRight).is_some() {
            matching.fill_right = Some(self.fill_value()?);
            if self.accept_keyword(Keyword::FillLeft).is_some() {
                matching.fill_left = Some(self.fill_value()?);
            }
        }
        Ok(matching)
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        self.expect(Kind::LeftParen, "", "")?;
        let value = self.signed_number("", "")?.value;
        self.expect(Kind::RightParen, "", "")?;
        Ok(value)
    }

    fn sign(&mut self) -> Option<(bool, Token)> {
        match self.peek() {
            Kind::Binary(BinaryOp::Add) => Some((false, self.next())),
            Kind::Binary(BinaryOp::Sub) => Some((true, self.next())),
            _ => None,
        }
    }

    /// A number with an optional sign.
    pub(super) fn signed_number(&mut self, context: &str, expected: &str) -> Parsed<NumberLiteral> {
        let sign = self.sign();
        if !matches!(self.peek(), Kind::Number | Kind::Duration) {
            return Err(self.unexpected(context, expected));
        }
        let mut number = self.number()?;
        if let Some((negative, token)) = sign {
            number.value = if negative { -number.value } else { number.value };
            number.span.start = token.span.start;
        }
        Ok(number)
    }

    /// The number or duration at the current token.
    pub(super) fn number(&mut self) -> Parsed<NumberLiteral> {
        let token = self.next();
        let written = self.text_of(token);
        let duration = token.kind == Kind::Duration;
        let value = if duration {
            parse_duration(written).map_err(|e| self.fail(token.span, e))? as f64 / 1000.0
        } else {
            parse_number(written).ok_or_else(|| {
                self.fail(token.span, format!("error parsing number: {} is not a number", quote(written)))
            })?
        };
        Ok(NumberLiteral { value, duration, span: token.span })
    }

    /// An operand with its sign and modifiers.
    fn operand(&mut self) -> Parsed<Tree> {
        if let Some((negative, token)) = self.sign() {
            let inner = self.expression(SIGN_OPERAND)?;
            let start = token.span.start;
            if let Expr::Number(mut n) = inner.expr {
                n.value = if negative { -n.value } else { n.value };
                n.span.start = start;
                return Ok(Tree { expr: Expr::Number(n), height: inner.height });
            }
            let height = self.grow(inner.height)?;
            let unary = Unary { negative, expr: inner.expr, start };
            return Ok(Tree { expr: Expr::Unary(Box::new(unary)), height });
        }
        let mut tree = self.primary()?;
        loop {
            tree = match self.peek() {
                Kind::LeftBracket => self.range(tree)?,
                Kind::At => self.at_modifier(tree)?,
                Kind::Keyword(Keyword::Offset) => self.offset(tree)?,
                Kind::Keyword(Keyword::Anchored) => self.edges(tree, Edges::Anchored)?,
                Kind::Keyword(Keyword::Smoothed) => self.edges(tree, Edges::Smoothed)?,
                _ => return Ok(tree),
            };
        }
    }

    fn primary(&mut self) -> Parsed<Tree> {
        let token = self.token();
        match token.kind {
            Kind::Number | Kind::Duration => Ok(Tree::leaf(Expr::Number(self.number()?))),
            Kind::Text => {
                self.next();
                let bytes = self.unquoted(token)?;
                Ok(Tree::leaf(Expr::String(StringLiteral { bytes, span: token.span })))
            }
            Kind::LeftParen => {
                self.next();
                let inner = self.expression(0)?;
                let close = self.expect(Kind::RightParen, "", "")?;
                let height = self.grow(inner.height)?;
                let span = token.span.to(close.span);
                Ok(Tree { expr: Expr::Paren(Box::new(Paren { expr: inner.expr, span })), height })
            }
            Kind::Aggregate(op)
                if matches!(
                    self.peek_second(),
                    Kind::LeftParen | Kind::Keyword(Keyword::By | Keyword::Without)
                ) =>
            {
                self.next();
                self.aggregate(op, token)
            }
            Kind::Word => match self.peek_second() {
                Kind::LeftParen => self.call(),
                _ => self.vector_selector(),
            },
            Kind::Keyword(
                Keyword::Start
                | Keyword::End
                | Keyword::Step
                | Keyword::Range
                | Keyword::MaxOf
                | Keyword::MinOf,
            ) if self.peek_second() == Kind::LeftParen => self.call(),
            Kind::LeftBrace => self.vector_selector(),
            kind if names_metric(kind) => self.vector_selector(),
            _ => Err(self.unexpected("", "")),
        }
    }

    fn vector_selector(&mut self) -> Parsed<Tree> {
        Ok(Tree::leaf(Expr::Vector(Box::new(self.selector()?))))
    }

    /// `(a, b)`: the arguments, the height of the tallest, and the closing parenthesis.
    fn arguments(&mut self) -> Parsed<(Vec<Expr>, u32, Token)> {
        self.expect(Kind::LeftParen, "", "")?;
        let mut args = Vec::new();
        let mut height = 0;
        if let Some(close) = self.accept(Kind::RightParen) {
            return Ok((args, height, close));
        }
        loop {
            let arg = self.expression(0)?;
            height = height.max(arg.height);
            args.push(arg.expr);
            let Some(comma) = self.accept(Kind::Comma) else {
                let close = self.expect(Kind::RightParen, "", "")?;
                return Ok((args, height, close));
            };
            if self.peek() == Kind::RightParen {
                return Err(self.fail(comma.span, "trailing commas not allowed in function call args"));
            }
        }
    }

    fn call(&mut self) -> Parsed<Tree> {
        let name = self.next();
        let Some(function) = catalog::function(self.text_of(name)) else {
            let written = self.text_of(name);
            return Err(self
                .fail(name.span, format!("unknown function with name {}", quote(written)))
                .with_help(self.labels_as_arguments(name).or_else(|| remedy::for_function(written))));
        };
        let (args, height, close) = self.arguments()?;
        let height = self.grow(height)?;
        let call = Call { function, args, span: name.span.to(close.span) };
        Ok(Tree { expr: Expr::Call(Box::new(call)), height })
    }

    /// What is right if a metric's labels were written in parentheses.
    fn labels_as_arguments(&self, name: Token) -> Option<String> {
        let after = |n: usize| self.tokens.get(self.at + n).map(|t| t.kind);
        let is_label = after(1) == Some(Kind::Word) && after(2) == Some(Kind::Equals);
        is_label.then(|| format!("labels go in braces: {}{{label=\"value\"}}", self.text_of(name)))
    }

    fn aggregate(&mut self, op: AggregateOp, name: Token) -> Parsed<Tree> {
        let mut clause = self.grouping_clause()?;
        if self.peek() != Kind::LeftParen {
            return Err(self.unexpected("aggregation", ""));
        }
        let (args, height, mut close) = self.arguments()?;
        if clause.is_none() {
            clause = self.grouping_clause()?;
            if clause.is_some() {
                close.span = self.previous_span();
            }
        }
        let span = name.span.to(close.span);
        if args.is_empty() {
            let help = remedy::for_arguments(op, 0);
            return Err(self
                .fail(span, "no arguments for aggregate expression provided")
                .with_help(Some(help)));
        }
        let wanted = if op.takes_param() { 2 } else { 1 };
        if args.len() != wanted {
            let given = args.len();
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"
            );
            return Err(self.fail(span, message).with_help(Some(remedy::for_arguments(op, given))));
        }
        let height = self.grow(height)?;
        let mut args = args.into_iter();
        let param = if op.takes_param() { args.next() } else { None };
        let Some(expr) = args.next() else { return Err(self.unexpected("aggregation", "")) };
        let (without, grouping) = clause.unwrap_or_default();
        let aggregate = Aggregate { op, expr, param, grouping, without, span };
        Ok(Tree { expr: Expr::Aggregate(Box::new(aggregate)), height })
    }

    fn grouping_clause(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let without = match self.peek() {
            Kind::Keyword(Keyword::By) => false,
            Kind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.next();
        Ok(Some((without, self.grouping_labels()?)))
    }

    /// `[5m]` or `[5m:1m]` after an operand.
    fn range(&mut self, tree: Tree) -> Parsed<Tree> {
        let open = self.next();
        let range = self.positive_duration("subquery or range selector", RANGE_EXPECTED)?;
        if self.accept(Kind::Colon).is_some() {
            let step = match self.peek() {
                Kind::RightBracket => None,
                _ => Some(self.positive_duration("subquery selector", STEP_EXPECTED)?),
            };
            let close = self.expect(Kind::RightBracket, "subquery selector", "\"]\"")?;
            let height = self.grow(tree.height)?;
            let subquery =
                Subquery { expr: tree.expr, range, step, offset: None, at: None, end: close.span.end };
            return Ok(Tree { expr: Expr::Subquery(Box::new(subquery)), height });
        }
        let close = self.expect(Kind::RightBracket, "subquery or range", "\":\" or \"]\"")?;
        let refuse = |message: &str, help: String| {
            Err(self.fail(open.span.to(close.span), message).with_help(Some(help)))
        };
        let written = &self.input[open.span.start..close.span.start];
        match tree.expr {
            Expr::Vector(v) if v.offset.is_some() => refuse(
                "no offset modifiers allowed before range",
                format!("the range comes first: x{written}] offset …"),
            ),
            Expr::Vector(v) if v.at.is_some() => refuse(
                "no @ modifiers allowed before range",
                format!("the range comes first: x{written}] @ …"),
            ),
            Expr::Vector(v) => {
                let matrix = MatrixSelector { selector: *v, range, end: close.span.end };
                Ok(Tree { expr: Expr::Matrix(Box::new(matrix)), height: tree.height })
            }
            _ => refuse(
                "ranges only allowed for vector selectors",
                format!("a range of an expression is a subquery: {written}:]"),
            ),
        }
    }

    fn offset(&mut self, mut tree: Tree) -> Parsed<Tree> {
        self.next();
        let offset = self.offset_duration()?;
        let offset = (offset != Duration::Fixed(0)).then_some(offset);
        let span = tree.expr.span();
        let end = self.previous_span().end;
        let slot = match &mut tree.expr {
            Expr::Vector(v) => {
                v.span.end = end;
                &mut v.offset
            }
            Expr::Matrix(m) => {
                m.end = end;
                &mut m.selector.offset
            }
            Expr::Subquery(s) => {
                s.end = end;
                &mut s.offset
            }
            _ => {
                return Err(self.fail(
                    span,
                    "offset modifier must be preceded by an instant vector selector or range vector \
                     selector or a subquery",
                ));
            }
        };
        if slot.is_some() {
            return Err(self.fail(span, "offset may not be set multiple times"));
        }
        *slot = offset;
        Ok(tree)
    }

    fn edges(&mut self, mut tree: Tree, edges: Edges) -> Parsed<Tree> {
        self.next();
        let word = if edges == Edges::Anchored { "anchored" } else { "smoothed" };
        let span = tree.expr.span();
        let slot = match &mut tree.expr {
            Expr::Vector(v) => &mut v.edges,
            Expr::Matrix(m) => &mut m.selector.edges,
            Expr::Subquery(_) => {
                return Err(self.fail(span, format!("{word} modifier is not supported for subqueries")));
            }
            _ => {
                return Err(self.fail(
                    span,
                    format!("{word} modifier must be preceded by a vector selector or range vector selector"),
                ));
            }
        };
        if *slot != Edges::Plain && *slot != edges {
            return Err(self.fail(span, "anchored and smoothed modifiers cannot be used together"));
        }
        *slot = edges;
        Ok(tree)
    }

    fn at_modifier(&mut self, mut tree: Tree) -> Parsed<Tree> {
        self.next();
        let span = tree.expr.span();
        let at = match self.peek() {
            Kind::Keyword(k @ (Keyword::Start | Keyword::End)) => {
                self.next();
                self.expect(Kind::LeftParen, "@", "timestamp")?;
                self.expect(Kind::RightParen, "@", "timestamp")?;
                if k == Keyword::Start { At::Start } else { At::End }
            }
            _ => {
                let seconds = self.signed_number("@", "timestamp")?.value;
                // As upstream: the bound is that of the milliseconds' type, applied to seconds.
                if !seconds.is_finite() || seconds >= i64::MAX as f64 || seconds <= i64::MIN as f64 {
                    let shown = match format_float(seconds) {
                        s if seconds.is_finite() => format!("{s}.000000"),
                        s => s,
                    };
                    let message = format!("timestamp out of bounds for @ modifier: {shown}");
                    return Err(self.fail(span, message));
                }
                At::Time((seconds * 1000.0).round() as i64)
            }
        };
        let end = self.previous_span().end;
        let slot = match &mut tree.expr {
            Expr::Vector(v) => {
                v.span.end = end;
                &mut v.at
            }
            Expr::Matrix(m) => {
                m.end = end;
                &mut m.selector.at
            }
            Expr::Subquery(s) => {
                s.end = end;
                &mut s.at
            }
            _ => {
                return Err(self.fail(
                    span,
                    "@ modifier must be preceded by an instant vector selector or range vector selector \
                     or a subquery",
                ));
            }
        };
        if slot.is_some() {
            return Err(self.fail(span, "@ <timestamp> may not be set multiple times"));
        }
        *slot = Some(at);
        Ok(tree)
    }
}

const RANGE_EXPECTED: &str = "number, duration, step(), or range()";
const STEP_EXPECTED: &str = "number, duration, step(), range(), or \"]\"";
