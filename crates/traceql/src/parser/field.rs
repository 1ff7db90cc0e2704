//! Expressions over one span.

use super::lexer::Kind;
use super::types::Type;
use super::{NESTING_MAX, Parsed, Parser};
use crate::ast::{Arithmetic, Comparison, FieldExpr, Place};
use crate::field::{Field, Intrinsic};
use crate::literal::{self, Literal, Status};
use model::{MatchOp, Matcher};
use promql::ParseError;

/// An expression with what the rest of the parser must know of it.
pub(super) struct Typed {
    pub expr: FieldExpr,
    pub ty: Type,
    /// Whether it looks at the span at all.
    pub looks: bool,
    pub place: Place,
    height: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    And,
    Or,
    Compare(Comparison),
    Regex { negated: bool },
    Arithmetic(Arithmetic),
}

impl Operator {
    fn of_sign(sign: &str) -> Option<Operator> {
        Some(match sign {
            "&&" => Operator::And,
            "||" => Operator::Or,
            "=~" => Operator::Regex { negated: false },
            "!~" => Operator::Regex { negated: true },
            sign => match Comparison::named(sign) {
                Some(op) => Operator::Compare(op),
                None => Operator::Arithmetic(Arithmetic::named(sign)?),
            },
        })
    }

    /// `&&` and `||` bind alike, from left to right, as upstream has it.
    fn strength(self) -> u8 {
        match self {
            Operator::And | Operator::Or => 1,
            Operator::Compare(_) | Operator::Regex { .. } => 2,
            Operator::Arithmetic(op) => strength(op),
        }
    }
}

/// How strongly an operator binds; for the printer.
pub(crate) fn strength(op: Arithmetic) -> u8 {
    match op {
        Arithmetic::Add | Arithmetic::Sub => 3,
        Arithmetic::Mul | Arithmetic::Div | Arithmetic::Mod => PRODUCT,
        Arithmetic::Pow => POWER,
    }
}

/// Signs before an operand bind weaker than this.
const PRODUCT: u8 = 4;
/// The one operator that binds to the right.
pub(super) const POWER: u8 = 5;

impl Parser<'_> {
    /// What stands between braces.
    pub(super) fn condition(&mut self) -> Parsed<FieldExpr> {
        let open = self.expect("{", "\"{\"")?;
        if self.accept("}").is_some() {
            return Ok(FieldExpr::TRUE);
        }
        let typed = self.field_expr()?;
        if self.sign() != Some("}") {
            let error = self.unexpected("an operator or \"}\"");
            return Err(match self.peek() {
                Kind::End => {
                    error.with_help(Some(format!("the brace at column {} is not closed", open.start + 1)))
                }
                _ => error,
            });
        }
        self.next();
        if !typed.ty.is_bool() {
            let message = format!("a condition is asked for, and this is {}", typed.ty.as_str());
            return Err(self
                .fail(typed.place, message)
                .with_help(Some("compare it with something".to_owned())));
        }
        Ok(typed.expr)
    }

    pub(super) fn field_expr(&mut self) -> Parsed<Typed> {
        let typed = self.field_binary(1)?;
        match typed.expr {
            FieldExpr::Literal(Literal::Nil) => {
                Err(self.fail(typed.place, "nil can only be compared, with = or !="))
            }
            FieldExpr::Field(Field::Intrinsic(Intrinsic::Parent)) => {
                let help =
                    "parent.http.url is an attribute of the parent, parent = nil says that there is none";
                Err(self
                    .fail(typed.place, "parent can only be compared with nil")
                    .with_help(Some(help.to_owned())))
            }
            _ => Ok(typed),
        }
    }

    fn field_binary(&mut self, weakest: u8) -> Parsed<Typed> {
        self.nested(|p| {
            let mut lhs = p.field_operand()?;
            while let Some(op) = p.sign().and_then(Operator::of_sign) {
                let strength = op.strength();
                if strength < weakest {
                    break;
                }
                let sign = p.next().place;
                let rhs = p.field_binary(if strength == POWER { strength } else { strength + 1 })?;
                lhs = p.join_fields(op, sign, lhs, rhs)?;
            }
            Ok(lhs)
        })
    }

    fn field_operand(&mut self) -> Parsed<Typed> {
        let start = self.place();
        if self.accept("(").is_some() {
            let mut inner = self.nested(|p| p.field_binary(1))?;
            self.expect(")", "an operator or \")\"")?;
            inner.place = start.to(self.previous());
            return Ok(inner);
        }
        if self.accept("!").is_some() {
            let inner = self.field_binary(PRODUCT)?;
            if !inner.ty.is_bool() {
                return Err(self
                    .fail(inner.place, format!("! needs a truth value, and this is {}", inner.ty.as_str())));
            }
            return self.raised(Typed {
                expr: FieldExpr::Not(Box::new(inner.expr)),
                ty: Type::Bool,
                place: start.to(inner.place),
                ..inner
            });
        }
        if self.accept("-").is_some() {
            let inner = self.field_binary(PRODUCT)?;
            if !inner.ty.is_number() {
                return Err(
                    self.fail(inner.place, format!("- needs a number, and this is {}", inner.ty.as_str()))
                );
            }
            let place = start.to(inner.place);
            let expr = match inner.expr {
                FieldExpr::Literal(literal) => FieldExpr::Literal(negative(literal)),
                other => FieldExpr::Negate(Box::new(other)),
            };
            return self.raised(Typed { expr, ty: Type::Number, place, ..inner });
        }
        if let Kind::Field(field) = self.peek() {
            let (ty, expr) = (Type::of_field(field), FieldExpr::Field(field.clone()));
            self.next();
            return Ok(Typed { expr, ty, looks: true, place: start, height: 1 });
        }
        match self.literal()? {
            Some(literal) => {
                let ty = Type::of_literal(&literal);
                Ok(Typed { expr: FieldExpr::Literal(literal), ty, looks: false, place: start, height: 1 })
            }
            None if self.peek() == &Kind::Word => Err(self.no_field()),
            None => Err(self.unexpected("a field, a value, \"(\", \"!\" or \"-\"")),
        }
    }

    fn raised(&self, typed: Typed) -> Parsed<Typed> {
        let height = typed.height + 1;
        if height > NESTING_MAX { Err(self.too_deep()) } else { Ok(Typed { height, ..typed }) }
    }

    /// A value, if one stands here.
    pub(super) fn literal(&mut self) -> Parsed<Option<Literal>> {
        let literal = match self.peek() {
            Kind::Text => return self.text().map(|t| Some(Literal::Text(t))),
            Kind::Int(i) => Literal::Int(*i),
            Kind::Float(f) => Literal::Float(*f),
            Kind::Duration(d) => Literal::Duration(*d),
            Kind::Word => match named_literal(self.text_of(self.place())) {
                Some(literal) => literal,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(literal))
    }

    fn join_fields(&self, op: Operator, sign: Place, lhs: Typed, rhs: Typed) -> Parsed<Typed> {
        let place = lhs.place.to(rhs.place);
        let looks = lhs.looks || rhs.looks;
        let (lt, rt) = (lhs.ty, rhs.ty);
        let wrong = |what: &str| {
            let sign = self.text_of(sign);
            let message = format!("{sign} {what}, and these are {} and {}", lt.as_str(), rt.as_str());
            Err(self.fail(place, message))
        };
        // Chains of the same operator stay flat.
        let flat =
            matches!((op, &lhs.expr), (Operator::And, FieldExpr::And(_)) | (Operator::Or, FieldExpr::Or(_)));
        let height = if flat { lhs.height.max(rhs.height + 1) } else { lhs.height.max(rhs.height) + 1 };
        if height > NESTING_MAX {
            return Err(self.too_deep());
        }
        let typed = |expr, ty| Ok(Typed { expr, ty, looks, place, height });
        match op {
            Operator::And | Operator::Or => {
                if !lt.is_bool() || !rt.is_bool() {
                    return wrong("joins truth values");
                }
                let expr = match (op, lhs.expr) {
                    (Operator::And, FieldExpr::And(mut all)) => {
                        all.push(rhs.expr);
                        FieldExpr::And(all)
                    }
                    (Operator::Or, FieldExpr::Or(mut any)) => {
                        any.push(rhs.expr);
                        FieldExpr::Or(any)
                    }
                    (Operator::And, lhs) => FieldExpr::And(vec![lhs, rhs.expr]),
                    (_, lhs) => FieldExpr::Or(vec![lhs, rhs.expr]),
                };
                typed(expr, Type::Bool)
            }
            Operator::Arithmetic(op) => {
                if !lt.is_number() || !rt.is_number() {
                    return wrong("needs numbers");
                }
                let expr = FieldExpr::Arithmetic(op, Box::new((lhs.expr, rhs.expr)));
                typed(expr, Type::Number)
            }
            Operator::Regex { negated } => {
                let FieldExpr::Literal(Literal::Text(pattern)) = rhs.expr else {
                    let error =
                        self.fail(rhs.place, "the right side of =~ and !~ is a regular expression in quotes");
                    return Err(error);
                };
                if !lt.is_text() {
                    return wrong("compares strings");
                }
                self.check_pattern(&pattern, rhs.place)?;
                let expr = FieldExpr::Regex { of: Box::new(lhs.expr), pattern, negated };
                typed(expr, Type::Bool)
            }
            Operator::Compare(op) => match (lhs.expr, rhs.expr) {
                (FieldExpr::Literal(Literal::Nil), of) | (of, FieldExpr::Literal(Literal::Nil)) => {
                    let expr = match (op, of) {
                        // Nothing is known of nothing.
                        (Comparison::Equal | Comparison::NotEqual, FieldExpr::Literal(Literal::Nil)) => {
                            FieldExpr::Literal(Literal::Bool(false))
                        }
                        (Comparison::Equal, of) => FieldExpr::Missing(Box::new(of)),
                        (Comparison::NotEqual, of) => FieldExpr::Exists(Box::new(of)),
                        _ => return wrong("does not compare with nil: use = or !="),
                    };
                    typed(expr, Type::Bool)
                }
                (lhs, rhs) => {
                    if !lt.matches(rt) || lt == Type::Nil || rt == Type::Nil {
                        return wrong("compares values of one type");
                    }
                    let equality = matches!(op, Comparison::Equal | Comparison::NotEqual);
                    if !(equality || lt.is_ordered() && rt.is_ordered()) {
                        return wrong("compares numbers or strings");
                    }
                    let expr = FieldExpr::Compare(op, Box::new((lhs, rhs)));
                    typed(expr, Type::Bool)
                }
            },
        }
    }

    fn check_pattern(&self, pattern: &str, place: Place) -> Result<(), ParseError> {
        let compiled = Matcher::new(MatchOp::Regex, "", pattern);
        compiled.map(|_| ()).map_err(|e| self.fail(place, format!("not a regular expression: {}", e.reason)))
    }
}

/// The values that are written as words.
fn named_literal(word: &str) -> Option<Literal> {
    Some(match word {
        "nil" => Literal::Nil,
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        "minInt" => Literal::Int(i64::MIN),
        "maxInt" => Literal::Int(i64::MAX),
        "unset" => Literal::Status(Status::Unset),
        "ok" => Literal::Status(Status::Ok),
        "error" => Literal::Status(Status::Error),
        _ => Literal::Kind(literal::Kind::ALL.into_iter().find(|k| k.text() == word)?),
    })
}

/// A number with the other sign.
pub(super) fn negative(literal: Literal) -> Literal {
    match literal {
        Literal::Int(i) => Literal::Int(i.wrapping_neg()),
        Literal::Duration(d) => Literal::Duration(d.wrapping_neg()),
        Literal::Float(f) => Literal::Float(-f),
        other => other,
    }
}
