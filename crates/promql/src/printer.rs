//! Queries as text: one line, or broken over lines.

use crate::ast::*;
use crate::text::{format_duration, format_float, format_float_short, quote, quote_bytes};
use model::{METRIC_NAME, MatchOp, Matcher, is_legacy_label_name};
use std::fmt::{self, Display, Formatter, Write};

/// Expressions longer than this are broken over several lines by [`pretty`].
const LINE_MAX: usize = 100;
const INDENT: &str = "  ";

/// The query over several lines where one would be too long.
pub fn pretty(expr: &Expr) -> String {
    let mut out = String::new();
    write_pretty(&mut out, expr, 0);
    out
}

/// The expression without its operands: an ellipsis stands for each that is more than a literal.
pub(crate) fn head(expr: &Expr) -> String {
    let operand = |e: &Expr| match e {
        Expr::Number(_) | Expr::String(_) => e.to_string(),
        _ => ELLIPSIS.to_owned(),
    };
    match expr {
        Expr::Aggregate(a) => {
            let param = a.param.as_ref().map(|p| operand(p) + ", ").unwrap_or_default();
            format!("{}({param}{ELLIPSIS})", AggregateHead(a))
        }
        Expr::Binary(b) => format!("{} {} {}", operand(&b.lhs), BinaryHead(b), operand(&b.rhs)),
        Expr::Call(c) => {
            let args: Vec<String> = c.args.iter().map(operand).collect();
            format!("{}({})", c.function.name, args.join(", "))
        }
        Expr::Subquery(s) => format!("{ELLIPSIS}{}", SubquerySuffix(s)),
        Expr::Paren(_) => format!("({ELLIPSIS})"),
        Expr::Unary(u) => format!("{}{ELLIPSIS}", if u.negative { '-' } else { '+' }),
        Expr::Matrix(_) | Expr::Vector(_) | Expr::Number(_) | Expr::String(_) => expr.to_string(),
    }
}

const ELLIPSIS: &str = "…";

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str(INDENT);
    }
}

fn write_pretty(out: &mut String, expr: &Expr, level: usize) {
    let line = expr.to_string();
    if line.len() <= LINE_MAX {
        indent(out, level);
        out.push_str(&line);
        return;
    }
    match expr {
        Expr::Aggregate(a) => {
            indent(out, level);
            let _ = write!(out, "{}", AggregateHead(a));
            out.push_str("(\n");
            if let Some(param) = &a.param {
                write_pretty(out, param, level + 1);
                out.push_str(",\n");
            }
            write_pretty(out, &a.expr, level + 1);
            out.push('\n');
            indent(out, level);
            out.push(')');
        }
        Expr::Binary(b) => {
            write_pretty(out, &b.lhs, level + 1);
            out.push('\n');
            indent(out, level);
            let _ = write!(out, "{}", BinaryHead(b));
            out.push('\n');
            write_pretty(out, &b.rhs, level + 1);
        }
        Expr::Call(c) => {
            indent(out, level);
            out.push_str(c.function.name);
            out.push_str("(\n");
            for (i, arg) in c.args.iter().enumerate() {
                if i > 0 {
                    out.push_str(",\n");
                }
                write_pretty(out, arg, level + 1);
            }
            out.push('\n');
            indent(out, level);
            out.push(')');
        }
        Expr::Paren(p) => {
            indent(out, level);
            out.push_str("(\n");
            write_pretty(out, &p.expr, level + 1);
            out.push('\n');
            indent(out, level);
            out.push(')');
        }
        Expr::Subquery(s) => {
            write_pretty(out, &s.expr, level);
            let _ = write!(out, "{}", SubquerySuffix(s));
        }
        Expr::Unary(u) => {
            let mut operand = String::new();
            write_pretty(&mut operand, &u.expr, level);
            indent(out, level);
            out.push(if u.negative { '-' } else { '+' });
            out.push_str(operand.trim());
        }
        Expr::Matrix(_) | Expr::Vector(_) | Expr::Number(_) | Expr::String(_) => {
            indent(out, level);
            out.push_str(&line);
        }
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Aggregate(a) => {
                write!(f, "{}(", AggregateHead(a))?;
                if let Some(param) = &a.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", a.expr)
            }
            Expr::Binary(b) => write!(f, "{} {} {}", b.lhs, BinaryHead(b), b.rhs),
            Expr::Call(c) => {
                write!(f, "{}(", c.function.name)?;
                for (i, arg) in c.args.iter().enumerate() {
                    write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
                }
                f.write_char(')')
            }
            Expr::Matrix(m) => write_matrix(f, m),
            Expr::Vector(v) => {
                write_series(f, v)?;
                write_at(f, v.at)?;
                f.write_str(edges(v.edges))?;
                write_offset(f, &v.offset)
            }
            Expr::Subquery(s) => write!(f, "{}{}", s.expr, SubquerySuffix(s)),
            Expr::Number(n) => n.fmt(f),
            Expr::String(s) => f.write_str(&quote_bytes(&s.bytes)),
            Expr::Paren(p) => write!(f, "({})", p.expr),
            Expr::Unary(u) => write!(f, "{}{}", if u.negative { '-' } else { '+' }, u.expr),
        }
    }
}

fn edges(edges: Edges) -> &'static str {
    match edges {
        Edges::Plain => "",
        Edges::Anchored => " anchored",
        Edges::Smoothed => " smoothed",
    }
}

fn write_matrix(f: &mut Formatter<'_>, m: &MatrixSelector) -> fmt::Result {
    write_series(f, &m.selector)?;
    write!(f, "[{}]", m.range)?;
    f.write_str(edges(m.selector.edges))?;
    write_at(f, m.selector.at)?;
    write_offset(f, &m.selector.offset)
}

fn write_series(f: &mut Formatter<'_>, v: &VectorSelector) -> fmt::Result {
    let named = |m: &&Matcher| {
        m.name() == METRIC_NAME && m.op() == MatchOp::Equal && v.name.as_deref() == Some(m.value())
    };
    let mut matchers: Vec<String> =
        v.matchers.iter().filter(|m| !named(m)).map(|m| MatcherText(m).to_string()).collect();
    matchers.sort();
    f.write_str(v.name.as_deref().unwrap_or(""))?;
    if matchers.is_empty() && v.name.is_some() { Ok(()) } else { write!(f, "{{{}}}", matchers.join(",")) }
}

struct MatcherText<'a>(&'a Matcher);

impl Display for MatcherText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", label_name(self.0.name()), self.0.op().as_str(), quote(self.0.value()))
    }
}

fn write_at(f: &mut Formatter<'_>, at: Option<At>) -> fmt::Result {
    match at {
        None => Ok(()),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            let ms = ms.unsigned_abs();
            write!(f, " @ {sign}{}.{:03}", ms / 1000, ms % 1000)
        }
    }
}

fn write_offset(f: &mut Formatter<'_>, offset: &Option<Duration>) -> fmt::Result {
    match offset {
        None => Ok(()),
        Some(offset) => write!(f, " offset {offset}"),
    }
}

fn label_name(name: &str) -> String {
    if is_legacy_label_name(name) { name.to_owned() } else { quote(name) }
}

fn write_labels(f: &mut Formatter<'_>, labels: &[String]) -> fmt::Result {
    for (i, label) in labels.iter().enumerate() {
        write!(f, "{}{}", if i > 0 { ", " } else { "" }, label_name(label))?;
    }
    Ok(())
}

struct AggregateHead<'a>(&'a Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let a = self.0;
        f.write_str(a.op.as_str())?;
        if a.without || !a.grouping.is_empty() {
            f.write_str(if a.without { " without (" } else { " by (" })?;
            write_labels(f, &a.grouping)?;
            f.write_str(") ")?;
        }
        Ok(())
    }
}

struct BinaryHead<'a>(&'a Binary);

impl Display for BinaryHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let b = self.0;
        f.write_str(b.op.as_str())?;
        if b.return_bool {
            f.write_str(" bool")?;
        }
        let Some(m) = &b.matching else { return Ok(()) };
        let group = match m.cardinality {
            Cardinality::ManyToOne => Some("left"),
            Cardinality::OneToMany => Some("right"),
            _ => None,
        };
        if !m.labels.is_empty() || m.on || group.is_some() {
            write!(f, " {} (", if m.on { "on" } else { "ignoring" })?;
            write_labels(f, &m.labels)?;
            f.write_char(')')?;
        }
        if let Some(group) = group {
            write!(f, " group_{group} (")?;
            write_labels(f, &m.include)?;
            f.write_char(')')?;
        }
        let number = format_float_short;
        match (m.fill_left, m.fill_right) {
            (Some(l), Some(r)) if l == r => write!(f, " fill ({})", number(l)),
            (l, r) => {
                if let Some(l) = l {
                    write!(f, " fill_left ({})", number(l))?;
                }
                if let Some(r) = r {
                    write!(f, " fill_right ({})", number(r))?;
                }
                Ok(())
            }
        }
    }
}

struct SubquerySuffix<'a>(&'a Subquery);

impl Display for SubquerySuffix<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let s = self.0;
        write!(f, "[{}:", s.range)?;
        if let Some(step) = &s.step {
            step.fmt(f)?;
        }
        f.write_char(']')?;
        write_at(f, s.at)?;
        write_offset(f, &s.offset)
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Duration::Fixed(ms) => f.write_str(&format_duration(*ms)),
            Duration::Computed(e) => e.fmt(f),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            DurationExpr::Literal(n) => n.fmt(f),
            DurationExpr::Step(_) => f.write_str("step()"),
            DurationExpr::Range(_) => f.write_str("range()"),
            DurationExpr::Negate { inner, .. } => write!(f, "-{inner}"),
            DurationExpr::Paren { inner, .. } => write!(f, "({inner})"),
            DurationExpr::Binary { op, lhs, rhs, .. } => match op {
                DurationOp::MinOf | DurationOp::MaxOf => write!(f, "{}({lhs}, {rhs})", op.as_str()),
                _ => write!(f, "{lhs} {} {rhs}", op.as_str()),
            },
        }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.duration {
            f.write_str(&format_duration((self.value * 1000.0).round() as i64))
        } else {
            f.write_str(&format_float(self.value))
        }
    }
}
