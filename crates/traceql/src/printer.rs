//! Queries as text: on one line, or laid out for people.

use crate::ast::{
    Aggregate, Arithmetic, Body, FieldExpr, Function, Hint, Metrics, MetricsQuery, Pipeline, Query, Scalar,
    ScalarFilter, SecondStage, Spanset, SpansetBinary, SpansetOp, Stage,
};
use crate::field::Field;
use crate::literal::Literal;
use crate::parser::strength;
use std::fmt::{self, Display};

impl Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)?;
        Hints(&self.hints).fmt(f)
    }
}

impl Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Spans(pipeline) => pipeline.fmt(f),
            Body::Metrics(metrics) => metrics.fmt(f),
        }
    }
}

struct Hints<'a>(&'a [Hint]);

impl Display for Hints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str(" with (")?;
        separated(f, self.0, ", ", |f, h| write!(f, "{}={}", h.name, h.value))?;
        f.write_str(")")
    }
}

/// Items with something between them.
fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    separator: &str,
    mut item: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, it) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(separator)?;
        }
        item(f, it)?;
    }
    Ok(())
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.stages, " | ", |f, stage| stage.fmt(f))
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Spans(spans) => spans.fmt(f),
            Stage::Scalar(filter) => filter.fmt(f),
            Stage::By(expr) => write!(f, "by({expr})"),
            Stage::Coalesce => f.write_str("coalesce()"),
            Stage::Select(fields) => write!(f, "select({})", Fields(fields)),
        }
    }
}

struct Fields<'a>(&'a [Field]);

impl Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, self.0, ", ", |f, field| field.fmt(f))
    }
}

impl Display for Spanset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spanset::Filter(FieldExpr::Literal(Literal::Bool(true))) => f.write_str("{ }"),
            Spanset::Filter(expr) => write!(f, "{{ {expr} }}"),
            Spanset::Binary(b) => {
                let side = |f: &mut fmt::Formatter<'_>, side: &Spanset, parentheses: bool| match parentheses {
                    true => write!(f, "({side})"),
                    false => side.fmt(f),
                };
                side(f, &b.lhs, left_in_parentheses(b))?;
                write!(f, " {} ", b.op.as_str())?;
                side(f, &b.rhs, right_in_parentheses(b))
            }
            Spanset::Pipeline(pipeline) => write!(f, "({pipeline})"),
        }
    }
}

fn is_structural(op: SpansetOp) -> bool {
    matches!(op, SpansetOp::Structural(..))
}

/// From left to right only a weaker operator needs parentheses; `&&` and `||` bind alike, which nobody should have to
/// know.
fn left_in_parentheses(b: &SpansetBinary) -> bool {
    matches!(&b.lhs, Spanset::Binary(l) if !is_structural(l.op) && l.op != b.op)
}

fn right_in_parentheses(b: &SpansetBinary) -> bool {
    matches!(&b.rhs, Spanset::Binary(r) if is_structural(b.op) || !is_structural(r.op))
}

impl Display for ScalarFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.lhs, self.op.as_str(), self.rhs)
    }
}

impl Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, side: &Scalar| match side {
            Scalar::Binary(_) => write!(f, "({side})"),
            Scalar::Literal(literal) => number_in_parentheses(f, literal),
            _ => side.fmt(f),
        };
        match self {
            Scalar::Literal(literal) => number(f, literal),
            Scalar::Aggregate(aggregate) => aggregate.fmt(f),
            Scalar::Binary(b) => {
                side(f, &b.lhs)?;
                write!(f, " {} ", b.op.as_str())?;
                side(f, &b.rhs)
            }
            Scalar::Pipeline(pipeline, aggregate) => write!(f, "({pipeline} | {aggregate})"),
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        match &self.of {
            Some(expr) => write!(f, "({expr})"),
            None => f.write_str("()"),
        }
    }
}

fn is_negative(literal: &Literal) -> bool {
    match literal {
        Literal::Int(i) | Literal::Duration(i) => *i < 0,
        Literal::Float(x) => x.is_sign_negative(),
        _ => false,
    }
}

/// A number where words are calls: the least one has no name there.
fn number(f: &mut fmt::Formatter<'_>, literal: &Literal) -> fmt::Result {
    match literal {
        Literal::Int(i64::MIN) => write!(f, "-{} - 1", i64::MAX),
        other => other.fmt(f),
    }
}

impl Display for FieldExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldExpr::Literal(literal) => literal.fmt(f),
            FieldExpr::Field(field) => field.fmt(f),
            FieldExpr::Not(e) => write!(f, "!{}", Tight(e)),
            FieldExpr::Negate(e) => write!(f, "-{}", Tight(e)),
            FieldExpr::Exists(e) => write!(f, "{} != nil", Compared(e)),
            FieldExpr::Missing(e) => write!(f, "{} = nil", Compared(e)),
            FieldExpr::And(all) => separated(f, all, " && ", joined),
            FieldExpr::Or(any) => separated(f, any, " || ", joined),
            FieldExpr::Arithmetic(op, sides) => {
                factor(f, *op, &sides.0, false)?;
                write!(f, " {} ", op.as_str())?;
                factor(f, *op, &sides.1, true)
            }
            FieldExpr::Compare(op, sides) => {
                write!(f, "{} {} {}", Compared(&sides.0), op.as_str(), Compared(&sides.1))
            }
            FieldExpr::Regex { of, pattern, negated } => {
                let pattern = Literal::Text(pattern.clone());
                write!(f, "{} {} {pattern}", Compared(of), if *negated { "!~" } else { "=~" })
            }
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, e: &FieldExpr) -> fmt::Result {
    match e {
        FieldExpr::And(_) | FieldExpr::Or(_) => write!(f, "({e})"),
        _ => e.fmt(f),
    }
}

/// An operand of a sign before it.
struct Tight<'a>(&'a FieldExpr);

impl Display for Tight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FieldExpr::Literal(literal) if is_negative(literal) => write!(f, "({literal})"),
            FieldExpr::Literal(_) | FieldExpr::Field(_) => self.0.fmt(f),
            e => write!(f, "({e})"),
        }
    }
}

/// A side of a comparison.
struct Compared<'a>(&'a FieldExpr);

impl Display for Compared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            FieldExpr::Literal(_)
            | FieldExpr::Field(_)
            | FieldExpr::Arithmetic(..)
            | FieldExpr::Negate(_) => self.0.fmt(f),
            e => write!(f, "({e})"),
        }
    }
}

fn factor(f: &mut fmt::Formatter<'_>, outer: Arithmetic, e: &FieldExpr, right: bool) -> fmt::Result {
    let bare = match e {
        FieldExpr::Literal(literal) => !is_negative(literal),
        FieldExpr::Field(_) => true,
        FieldExpr::Arithmetic(inner, _) => {
            let binds_right = outer == Arithmetic::Pow;
            let (outer, inner) = (strength(outer), strength(*inner));
            inner > outer || (inner == outer && right == binds_right)
        }
        _ => false,
    };
    if bare { e.fmt(f) } else { write!(f, "({e})") }
}

impl Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Function::Rate => f.write_str("rate()"),
            Function::CountOverTime => f.write_str("count_over_time()"),
            Function::Fold(op, field) => write!(f, "{}({field})", op.as_str()),
            Function::Quantile(field, quantiles) => {
                write!(f, "quantile_over_time({field}")?;
                quantiles.iter().try_for_each(|q| write!(f, ", {q}"))?;
                f.write_str(")")
            }
            Function::Histogram(field) => write!(f, "histogram_over_time({field})"),
            Function::Compare { filter, top, window } => {
                write!(f, "compare({}", Spanset::Filter(filter.clone()))?;
                if *top != 10 || window.is_some() {
                    write!(f, ", {top}")?;
                }
                if let Some((start, end)) = window {
                    write!(f, ", {start}, {end}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// `rate() by (name)`
struct Measured<'a>(&'a MetricsQuery);

impl Display for Measured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.function.fmt(f)?;
        if self.0.by.is_empty() { Ok(()) } else { write!(f, " by ({})", Fields(&self.0.by)) }
    }
}

impl Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metrics::Query(query) => write!(f, "{} | {}", query.pipeline, Measured(query)),
            Metrics::Staged(inner, stages) => {
                inner.fmt(f)?;
                stages.iter().try_for_each(|s| s.fmt(f))
            }
            Metrics::Binary(op, sides) => {
                let side = |f: &mut fmt::Formatter<'_>, side: &Metrics| match side {
                    Metrics::Number(literal) => number_in_parentheses(f, literal),
                    _ => write!(f, "({side})"),
                };
                side(f, &sides.0)?;
                write!(f, " {} ", op.as_str())?;
                side(f, &sides.1)
            }
            Metrics::Number(literal) => number(f, literal),
        }
    }
}

fn number_in_parentheses(f: &mut fmt::Formatter<'_>, literal: &Literal) -> fmt::Result {
    if is_negative(literal) {
        f.write_str("(")?;
        number(f, literal)?;
        return f.write_str(")");
    }
    literal.fmt(f)
}

/// With what stands before it.
impl Display for SecondStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecondStage::TopK(k) => write!(f, " | topk({k})"),
            SecondStage::BottomK(k) => write!(f, " | bottomk({k})"),
            SecondStage::Filter(op, literal) => {
                write!(f, " {} ", op.as_str())?;
                number_in_parentheses(f, literal)
            }
        }
    }
}

/// Expressions longer than this are broken into lines.
const LINE_WIDTH: usize = 100;

/// A query laid out over several lines where it is long.
pub fn pretty(query: &Query) -> String {
    let line = query.to_string();
    if line.chars().count() <= LINE_WIDTH {
        return line;
    }
    let body = match &query.body {
        Body::Spans(pipeline) => pretty_pipeline(pipeline, 0),
        Body::Metrics(metrics) => pretty_metrics(metrics, 0),
    };
    let hints = Hints(&query.hints).to_string();
    if hints.is_empty() { body } else { format!("{body}\n{}", hints.trim_start()) }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty_pipeline(pipeline: &Pipeline, level: usize) -> String {
    let stages: Vec<String> = pipeline
        .stages
        .iter()
        .map(|stage| match stage {
            Stage::Spans(spans) => pretty_spans(spans, level),
            other => format!("{}{other}", indent(level)),
        })
        .collect();
    let mut out = stages[0].clone();
    for stage in &stages[1..] {
        out.push_str(&format!("\n{}| {}", indent(level), stage.trim_start()));
    }
    out
}

fn pretty_spans(spans: &Spanset, level: usize) -> String {
    let line = format!("{}{spans}", indent(level));
    if line.chars().count() <= LINE_WIDTH {
        return line;
    }
    let (here, deeper) = (indent(level), indent(level + 1));
    match spans {
        Spanset::Filter(FieldExpr::And(all)) => {
            let parts: Vec<String> = all.iter().map(|e| Joined(e).to_string()).collect();
            format!("{here}{{\n{deeper}{}\n{here}}}", parts.join(&format!(" &&\n{deeper}")))
        }
        Spanset::Filter(FieldExpr::Or(any)) => {
            let parts: Vec<String> = any.iter().map(|e| Joined(e).to_string()).collect();
            format!("{here}{{\n{deeper}{}\n{here}}}", parts.join(&format!(" ||\n{deeper}")))
        }
        Spanset::Filter(_) => line,
        Spanset::Binary(b) => {
            let left = wrapped(&b.lhs, left_in_parentheses(b), level);
            let right = wrapped(&b.rhs, right_in_parentheses(b), level);
            format!("{left}\n{here}{} {}", b.op.as_str(), right.trim_start())
        }
        Spanset::Pipeline(pipeline) => format!("{here}(\n{}\n{here})", pretty_pipeline(pipeline, level + 1)),
    }
}

struct Joined<'a>(&'a FieldExpr);

impl Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, self.0)
    }
}

fn wrapped(spans: &Spanset, parentheses: bool, level: usize) -> String {
    let here = indent(level);
    match parentheses {
        true => format!("{here}(\n{}\n{here})", pretty_spans(spans, level + 1)),
        false => pretty_spans(spans, level),
    }
}

fn pretty_metrics(metrics: &Metrics, level: usize) -> String {
    let line = format!("{}{metrics}", indent(level));
    if line.chars().count() <= LINE_WIDTH {
        return line;
    }
    let here = indent(level);
    match metrics {
        Metrics::Query(query) => {
            format!("{}\n{here}| {}", pretty_pipeline(&query.pipeline, level), Measured(query))
        }
        Metrics::Staged(inner, stages) => {
            let stages: String = stages.iter().map(ToString::to_string).collect();
            format!("{}{stages}", pretty_metrics(inner, level))
        }
        Metrics::Binary(op, sides) => {
            let side = |side: &Metrics| match side {
                Metrics::Number(_) => format!("{here}{}", Numbered(side)),
                _ => format!("{here}(\n{}\n{here})", pretty_metrics(side, level + 1)),
            };
            format!("{}\n{here}{}\n{}", side(&sides.0), op.as_str(), side(&sides.1))
        }
        Metrics::Number(_) => line,
    }
}

struct Numbered<'a>(&'a Metrics);

impl Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Metrics::Number(literal) => number_in_parentheses(f, literal),
            other => other.fmt(f),
        }
    }
}
