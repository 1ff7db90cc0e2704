//! What a trace needs to have to be worth putting together.

use super::code::is_root_test;
use crate::ast::{Comparison, FieldExpr, Mode, Pipeline, Spanset, SpansetOp, Stage};
use crate::field::{Field, Intrinsic, Scope};
use crate::literal::Literal;
use crate::source::{Hints, Sought};
use model::record::TraceId;
use model::record::span::{name as names, stored_name};
use model::{MatchOp, Matcher};

/// A condition that one span at least satisfies, in every trace of which a pipeline finds anything. A span knows on its
/// own whether it does.
pub(super) fn of_pipeline(pipeline: &Pipeline) -> FieldExpr {
    let mut need = FieldExpr::TRUE;
    // Whether all spans that are found satisfy it, so that what the next filter needs can be added.
    let mut on_all = true;
    for stage in &pipeline.stages {
        match stage {
            Stage::Spans(Spanset::Filter(expr)) if on_all => need = both(need, local(expr)),
            Stage::Spans(spans) => {
                need = better(need, of_spans(spans));
                on_all = false;
            }
            // An aggregate of another pipeline may speak of spans that are not there.
            Stage::Scalar(_) | Stage::By(_) | Stage::Coalesce | Stage::Select(_) => {}
        }
    }
    need
}

fn of_spans(spans: &Spanset) -> FieldExpr {
    match spans {
        Spanset::Filter(expr) => local(expr),
        Spanset::Pipeline(pipeline) => of_pipeline(pipeline),
        Spanset::Binary(b) => {
            let (left, right) = (of_spans(&b.lhs), of_spans(&b.rhs));
            match b.op {
                SpansetOp::Or => either(left, right),
                SpansetOp::Structural(_, Mode::Not) => right,
                SpansetOp::And | SpansetOp::Structural(..) => better(left, right),
            }
        }
    }
}

/// Whether what a pipeline finds are just the spans that satisfy what it needs.
pub(super) fn is_filter(pipeline: &Pipeline) -> bool {
    pipeline.stages.iter().all(|stage| match stage {
        Stage::Spans(Spanset::Filter(expr)) => is_local(expr),
        Stage::Select(_) => true,
        _ => false,
    })
}

/// Whether a span knows on its own if it satisfies a condition.
pub(super) fn is_local(expr: &FieldExpr) -> bool {
    match expr {
        FieldExpr::Not(e) | FieldExpr::Negate(e) | FieldExpr::Exists(e) | FieldExpr::Missing(e) => {
            is_local(e)
        }
        FieldExpr::Regex { of, .. } => is_local(of),
        FieldExpr::And(parts) | FieldExpr::Or(parts) => parts.iter().all(is_local),
        FieldExpr::Arithmetic(_, sides) | FieldExpr::Compare(_, sides) => {
            is_root_test(expr) || (is_local(&sides.0) && is_local(&sides.1))
        }
        FieldExpr::Field(field) => field.is_local(),
        FieldExpr::Literal(_) => true,
    }
}

/// What a span knows on its own of a condition.
fn local(expr: &FieldExpr) -> FieldExpr {
    match expr {
        FieldExpr::And(parts) => parts.iter().fold(FieldExpr::TRUE, |all, e| both(all, local(e))),
        FieldExpr::Or(parts) => {
            let mut parts = parts.iter().map(local);
            let first = parts.next().unwrap_or(FieldExpr::TRUE);
            parts.fold(first, either)
        }
        e if is_local(e) => e.clone(),
        _ => FieldExpr::TRUE,
    }
}

fn both(a: FieldExpr, b: FieldExpr) -> FieldExpr {
    match (a, b) {
        (FieldExpr::Literal(Literal::Bool(true)), other)
        | (other, FieldExpr::Literal(Literal::Bool(true))) => other,
        (FieldExpr::And(mut all), b) => {
            all.push(b);
            FieldExpr::And(all)
        }
        (a, b) => FieldExpr::And(vec![a, b]),
    }
}

fn either(a: FieldExpr, b: FieldExpr) -> FieldExpr {
    match (a, b) {
        (always @ FieldExpr::Literal(Literal::Bool(true)), _)
        | (_, always @ FieldExpr::Literal(Literal::Bool(true))) => always,
        (FieldExpr::Or(mut any), b) => {
            any.push(b);
            FieldExpr::Or(any)
        }
        (a, b) => FieldExpr::Or(vec![a, b]),
    }
}

/// The one that fewer spans are likely to satisfy.
fn better(a: FieldExpr, b: FieldExpr) -> FieldExpr {
    if weight(&b) > weight(&a) { b } else { a }
}

fn weight(expr: &FieldExpr) -> u32 {
    match expr {
        FieldExpr::Literal(_) => 0,
        FieldExpr::And(all) => all.iter().map(weight).fold(0, u32::saturating_add),
        FieldExpr::Or(any) => any.iter().map(weight).min().unwrap_or(0),
        FieldExpr::Compare(Comparison::Equal, sides) => match (&sides.0, &sides.1) {
            (FieldExpr::Field(Field::Intrinsic(Intrinsic::TraceId | Intrinsic::SpanId)), _) => 100,
            (FieldExpr::Field(Field::Intrinsic(Intrinsic::Kind)), _) => 4,
            _ => 10,
        },
        FieldExpr::Regex { negated: false, .. } => 6,
        FieldExpr::Compare(Comparison::NotEqual, _) | FieldExpr::Regex { .. } => 2,
        FieldExpr::Compare(..) => 4,
        _ => 3,
    }
}

/// What a source can use of a condition.
pub(super) fn hints(expr: &FieldExpr) -> Hints {
    let mut out = Hints::default();
    match expr {
        FieldExpr::And(all) => all.iter().for_each(|e| add_hint(e, &mut out)),
        one => add_hint(one, &mut out),
    }
    out
}

fn add_hint(expr: &FieldExpr, out: &mut Hints) {
    match expr {
        FieldExpr::Regex { of, pattern, negated } => {
            if let FieldExpr::Field(Field::Attribute { scope: Scope::Resource, parent: false, name }) = &**of
            {
                let op = if *negated { MatchOp::NotRegex } else { MatchOp::Regex };
                out.resource.extend(Matcher::new(op, name.as_str(), pattern.as_str()));
            }
        }
        FieldExpr::Compare(op, sides) => match (&sides.0, &sides.1) {
            (FieldExpr::Field(field), FieldExpr::Literal(literal)) => compared(field, *op, literal, out),
            (FieldExpr::Literal(literal), FieldExpr::Field(field)) => {
                compared(field, op.flipped(), literal, out)
            }
            _ => {}
        },
        _ => {}
    }
}

fn compared(field: &Field, op: Comparison, literal: &Literal, out: &mut Hints) {
    use Comparison::{Equal, Greater, GreaterOrEqual, NotEqual};
    match (field, op, literal) {
        (Field::Attribute { scope: Scope::Resource, parent: false, name }, Equal, Literal::Text(text)) => {
            out.resource.push(Matcher::equal(name, text));
        }
        (Field::Attribute { scope: Scope::Resource, parent: false, name }, NotEqual, Literal::Text(text)) => {
            out.resource.extend(Matcher::new(MatchOp::NotEqual, name.as_str(), text.as_str()));
        }
        (Field::Attribute { scope: Scope::Span, parent: false, name }, Equal, Literal::Text(text)) => {
            out.equal.push((stored_name(name).into_owned(), Sought::Text(text.clone())));
        }
        (Field::Attribute { scope: Scope::Span, parent: false, name }, Equal, Literal::Int(i)) => {
            out.equal.push((stored_name(name).into_owned(), Sought::Int(*i)));
        }
        (Field::Intrinsic(Intrinsic::Name), Equal, Literal::Text(text)) => out.name = Some(text.clone()),
        (Field::Intrinsic(Intrinsic::TraceId), Equal, Literal::Text(text)) if text.len() <= 32 => {
            out.trace_id = TraceId::from_hex(&format!("{:0>32}", text.to_ascii_lowercase()));
        }
        (Field::Intrinsic(Intrinsic::Status), Equal, Literal::Status(status)) if *status as i64 != 0 => {
            out.equal.push((names::STATUS.to_owned(), Sought::Int(*status as i64)));
        }
        (Field::Intrinsic(Intrinsic::Kind), Equal, Literal::Kind(kind)) if *kind as i64 != 0 => {
            out.equal.push((names::KIND.to_owned(), Sought::Int(*kind as i64)));
        }
        (
            Field::Intrinsic(Intrinsic::Duration),
            Greater | GreaterOrEqual,
            Literal::Duration(nanos) | Literal::Int(nanos),
        ) => {
            let least = out.duration_min_ns.unwrap_or(*nanos).max(*nanos);
            out.duration_min_ns = Some(least);
        }
        _ => {}
    }
}
