//! Queries as text: on one line, or laid out for people.

use crate::ast::{
    Binary, Cardinality, Comparison, Expr, Extraction, FormatValue, Grouping, LabelFilter, LabelPick,
    LineFilter, LineTerm, LogExpr, Matching, Metric, RangeAggregate, Stage, StageKind, Unwrap,
    VectorAggregate,
};
use crate::parser::strength;
use crate::units::format_duration;
use model::Matcher;
use promql::{format_float, quote};
use std::fmt::{self, Display};

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Log(log) => log.fmt(f),
            Expr::Metric(metric) => metric.fmt(f),
        }
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

fn matcher(f: &mut fmt::Formatter<'_>, m: &Matcher) -> fmt::Result {
    write!(f, "{}{}{}", m.name(), m.op().as_str(), string(m.value()))
}

/// A string as people would write it: in backticks if that saves escapes.
fn string(text: &str) -> String {
    let plain = |c: char| c != '`' && !c.is_control() && c != '\u{feff}';
    if text.contains(['"', '\\']) && text.chars().all(plain) { format!("`{text}`") } else { quote(text) }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Selector(&self.matchers))?;
        self.stages.iter().try_for_each(|s| write!(f, " {s}"))
    }
}

struct Selector<'a>(&'a [Matcher]);

impl Display for Selector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        separated(f, self.0, ", ", matcher)?;
        f.write_str("}")
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = |f: &mut fmt::Formatter<'_>, fields: &[Extraction]| {
            f.write_str(if fields.is_empty() { "" } else { " " })?;
            separated(f, fields, ", ", |f, e| write!(f, "{}={}", e.label, string(&e.expression)))
        };
        match &self.kind {
            StageKind::Line(filter) => filter.fmt(f),
            StageKind::Json(expressions) => {
                f.write_str("| json")?;
                fields(f, expressions)
            }
            StageKind::Logfmt { strict, keep_empty, fields: expressions } => {
                f.write_str("| logfmt")?;
                f.write_str(if *strict { " --strict" } else { "" })?;
                f.write_str(if *keep_empty { " --keep-empty" } else { "" })?;
                fields(f, expressions)
            }
            StageKind::Pattern(text) => write!(f, "| pattern {}", string(text)),
            StageKind::Regexp(text) => write!(f, "| regexp {}", string(text)),
            StageKind::Unpack => f.write_str("| unpack"),
            StageKind::Label(filter) => write!(f, "| {filter}"),
            StageKind::LineFormat(text) => write!(f, "| line_format {}", string(text)),
            StageKind::LabelFormat(formats) => {
                f.write_str("| label_format ")?;
                separated(f, formats, ", ", |f, part| match &part.value {
                    FormatValue::Rename(source) => write!(f, "{}={source}", part.label),
                    FormatValue::Template(text) => write!(f, "{}={}", part.label, string(text)),
                })
            }
            StageKind::Decolorize => f.write_str("| decolorize"),
            StageKind::Drop(picks) | StageKind::Keep(picks) => {
                f.write_str(if matches!(self.kind, StageKind::Drop(_)) { "| drop " } else { "| keep " })?;
                separated(f, picks, ", ", |f, pick| match pick {
                    LabelPick::Name(name) => f.write_str(name),
                    LabelPick::Matcher(m) => matcher(f, m),
                })
            }
        }
    }
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.op.as_str())?;
        separated(f, &self.terms, " or ", |f, term| match term {
            LineTerm::Text(text) => f.write_str(&string(text)),
            LineTerm::Ip(pattern) => write!(f, "ip({})", quote(pattern)),
        })
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabelFilter::Matcher(m) => matcher(f, m),
            LabelFilter::Number { name, op, value } => compared(f, name, *op, &format_float(*value)),
            LabelFilter::Duration { name, op, text, .. } | LabelFilter::Bytes { name, op, text, .. } => {
                compared(f, name, *op, text)
            }
            LabelFilter::Ip { name, negated, pattern } => {
                write!(f, "{name} {} ip({})", if *negated { "!=" } else { "=" }, quote(pattern))
            }
            // `or` binds weaker than `and`, and the same kind inside is only written with parentheses.
            LabelFilter::And(all) => separated(f, all, " and ", |f, part| match part {
                LabelFilter::And(_) | LabelFilter::Or(_) => write!(f, "({part})"),
                _ => part.fmt(f),
            }),
            LabelFilter::Or(any) => separated(f, any, " or ", |f, part| match part {
                LabelFilter::Or(_) => write!(f, "({part})"),
                _ => part.fmt(f),
            }),
        }
    }
}

fn compared(f: &mut fmt::Formatter<'_>, name: &str, op: Comparison, value: &str) -> fmt::Result {
    write!(f, "{name} {} {value}", op.as_str())
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.conversion.as_str() {
            Some(function) => write!(f, "| unwrap {function}({})", self.label)?,
            None => write!(f, "| unwrap {}", self.label)?,
        }
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", if self.without { "without" } else { "by" }, self.labels.join(", "))
    }
}

struct Range<'a>(&'a RangeAggregate);

/// `[5m] offset 1h`
impl Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", format_duration(self.0.range_ns))?;
        if self.0.offset_ns != 0 {
            write!(f, " offset {}", format_duration(self.0.offset_ns))?;
        }
        Ok(())
    }
}

impl Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Range(r) => {
                write!(f, "{}(", r.op.as_str())?;
                if let Some(param) = r.param {
                    write!(f, "{}, ", format_float(param))?;
                }
                write!(f, "{}", r.log)?;
                if let Some(unwrap) = &r.unwrap {
                    write!(f, " {unwrap}")?;
                }
                write!(f, " {})", Range(r))?;
                r.grouping.iter().try_for_each(|g| write!(f, " {g}"))
            }
            Metric::Vector(v) => {
                write!(f, "{}(", Head(v))?;
                if let Some(param) = v.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", v.inner)
            }
            Metric::Binary(b) => {
                operand(f, b, &b.lhs, false)?;
                write!(f, " {} ", Operator(b))?;
                operand(f, b, &b.rhs, true)
            }
            Metric::LabelReplace(l) => {
                let [a, b, c, d] = [&l.destination, &l.replacement, &l.source, &l.pattern].map(|t| string(t));
                write!(f, "label_replace({}, {a}, {b}, {c}, {d})", l.inner)
            }
            Metric::Constant { value, .. } => write!(f, "vector({})", format_float(*value)),
            Metric::Number { value, .. } => f.write_str(&format_float(*value)),
        }
    }
}

/// `sum by (app) `
struct Head<'a>(&'a VectorAggregate);

impl Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        self.0.grouping.iter().try_for_each(|g| write!(f, " {g} "))
    }
}

/// An operator with its modifiers.
struct Operator<'a>(&'a Binary);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        f.write_str(if self.0.return_bool { " bool" } else { "" })?;
        let m: &Matching = &self.0.matching;
        if !m.on
            && m.labels.is_empty()
            && matches!(m.cardinality, Cardinality::OneToOne | Cardinality::ManyToMany)
        {
            return Ok(());
        }
        write!(f, " {} ({})", if m.on { "on" } else { "ignoring" }, m.labels.join(", "))?;
        let group = match m.cardinality {
            Cardinality::ManyToOne => "group_left",
            Cardinality::OneToMany => "group_right",
            _ => return Ok(()),
        };
        write!(f, " {group} ({})", m.include.join(", "))
    }
}

/// The streams of a query.
pub(crate) fn selector(log: &LogExpr) -> String {
    Selector(&log.matchers).to_string()
}

/// A node without what is below it.
pub(crate) fn head(metric: &Metric) -> String {
    match metric {
        Metric::Range(range) => head_of_range(range),
        Metric::Vector(v) => {
            let param = v.param.map_or(String::new(), |p| format!("{p}, "));
            format!("{}({param}…)", Head(v))
        }
        Metric::Binary(b) => {
            let side = |m: &Metric| if m.is_scalar() { m.to_string() } else { "…".to_owned() };
            format!("{} {} {}", side(&b.lhs), Operator(b), side(&b.rhs))
        }
        Metric::LabelReplace(l) => {
            let [a, b, c, d] = [&l.destination, &l.replacement, &l.source, &l.pattern].map(|t| string(t));
            format!("label_replace(…, {a}, {b}, {c}, {d})")
        }
        Metric::Constant { .. } | Metric::Number { .. } => metric.to_string(),
    }
}

/// A function over a range without its lines.
pub(crate) fn head_of_range(range: &RangeAggregate) -> String {
    let param = range.param.map_or(String::new(), |p| format!("{}, ", format_float(p)));
    let unwrap = range.unwrap.as_ref().map_or(String::new(), |u| format!(" {u}"));
    let grouping = range.grouping.as_ref().map_or(String::new(), |g| format!(" {g}"));
    format!("{}({param}…{unwrap} {}){grouping}", range.op.as_str(), Range(range))
}

fn needs_parentheses(parent: &Binary, child: &Metric, right: bool) -> bool {
    match child {
        Metric::Binary(c) => {
            let (outer, inner) = (strength(parent.op), strength(c.op));
            let binds_right = parent.op == crate::ast::BinaryOp::Pow;
            inner < outer || (inner == outer && right != binds_right)
        }
        // -1 ^ 2 and 2 - -1 read back well, but nobody should have to think about it.
        Metric::Number { value, .. } => value.is_sign_negative() && !value.is_nan(),
        _ => false,
    }
}

fn operand(f: &mut fmt::Formatter<'_>, parent: &Binary, child: &Metric, right: bool) -> fmt::Result {
    if needs_parentheses(parent, child, right) { write!(f, "({child})") } else { child.fmt(f) }
}

/// Expressions longer than this are broken into lines.
const LINE_WIDTH: usize = 100;

/// A query laid out over several lines where it is long.
pub fn pretty(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => pretty_log(log, 0),
        Expr::Metric(metric) => pretty_metric(metric, 0),
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

/// The text on one line, if it is short enough.
fn short(text: &dyn Display, level: usize) -> Option<String> {
    let line = text.to_string();
    (line.chars().count() <= LINE_WIDTH && !line.contains('\n')).then(|| indent(level) + &line)
}

fn pretty_log(log: &LogExpr, level: usize) -> String {
    short(log, level).unwrap_or_else(|| {
        let mut out = format!("{}{}", indent(level), Selector(&log.matchers));
        for stage in &log.stages {
            out.push_str(&format!("\n{}{stage}", indent(level + 1)));
        }
        out
    })
}

fn pretty_metric(metric: &Metric, level: usize) -> String {
    if let Some(line) = short(metric, level) {
        return line;
    }
    let (here, deeper) = (indent(level), indent(level + 1));
    match metric {
        Metric::Range(r) => {
            let mut out = format!("{here}{}(\n", r.op.as_str());
            if let Some(param) = r.param {
                out.push_str(&format!("{deeper}{},\n", format_float(param)));
            }
            out.push_str(&pretty_log(&r.log, level + 1));
            if let Some(unwrap) = &r.unwrap {
                out.push_str(&format!("\n{}{unwrap}", indent(level + 2)));
            }
            out.push_str(&format!(" {}\n{here})", Range(r)));
            if let Some(g) = &r.grouping {
                out.push_str(&format!(" {g}"));
            }
            out
        }
        Metric::Vector(v) => {
            let param = v.param.map_or(String::new(), |p| format!("{deeper}{p},\n"));
            format!("{here}{}(\n{param}{}\n{here})", Head(v), pretty_metric(&v.inner, level + 1))
        }
        Metric::Binary(b) => {
            let side = |child: &Metric, right: bool| match needs_parentheses(b, child, right) {
                true => format!("{deeper}(\n{}\n{deeper})", pretty_metric(child, level + 2)),
                false => pretty_metric(child, level + 1),
            };
            format!("{}\n{here}{}\n{}", side(&b.lhs, false), Operator(b), side(&b.rhs, true))
        }
        Metric::LabelReplace(l) => {
            let rest = [&l.destination, &l.replacement, &l.source, &l.pattern];
            let rest: Vec<String> = rest.map(|t| format!("{deeper}{}", string(t))).to_vec();
            format!(
                "{here}label_replace(\n{},\n{}\n{here})",
                pretty_metric(&l.inner, level + 1),
                rest.join(",\n")
            )
        }
        Metric::Constant { .. } | Metric::Number { .. } => format!("{here}{metric}"),
    }
}
