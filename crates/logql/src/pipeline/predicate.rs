//! Conditions on the labels of a row.

use super::{IpSet, RowLabels};
use crate::ast::{Comparison, LabelFilter};
use crate::units;
use bumpalo::Bump;
use model::Matcher;

const LABEL_FILTER: &str = "LabelFilterErr";

/// A condition on labels, ready to be tried.
#[derive(Debug)]
pub(crate) enum Predicate {
    Matcher(Matcher),
    Number { name: String, op: Comparison, value: f64 },
    Duration { name: String, op: Comparison, nanos: i64 },
    Bytes { name: String, op: Comparison, bytes: u64 },
    Ip { name: String, negated: bool, set: IpSet },
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
}

impl Predicate {
    pub fn new(filter: &LabelFilter) -> Result<Predicate, String> {
        let all = |parts: &[LabelFilter]| parts.iter().map(Predicate::new).collect::<Result<Vec<_>, _>>();
        Ok(match filter {
            LabelFilter::Matcher(m) => Predicate::Matcher(m.clone()),
            LabelFilter::Number { name, op, value } => {
                Predicate::Number { name: name.clone(), op: *op, value: *value }
            }
            LabelFilter::Duration { name, op, nanos, .. } => {
                Predicate::Duration { name: name.clone(), op: *op, nanos: *nanos }
            }
            LabelFilter::Bytes { name, op, bytes, .. } => {
                Predicate::Bytes { name: name.clone(), op: *op, bytes: *bytes }
            }
            LabelFilter::Ip { name, negated, pattern } => {
                let set =
                    IpSet::parse(pattern).ok_or_else(|| format!("{pattern:?} is not a set of addresses"))?;
                Predicate::Ip { name: name.clone(), negated: *negated, set }
            }
            LabelFilter::And(parts) => Predicate::And(all(parts)?),
            LabelFilter::Or(parts) => Predicate::Or(all(parts)?),
        })
    }

    /// Calls `visit` with the name of every label it looks at.
    pub fn names<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            Predicate::Matcher(m) => visit(m.name()),
            Predicate::Number { name, .. }
            | Predicate::Duration { name, .. }
            | Predicate::Bytes { name, .. }
            | Predicate::Ip { name, .. } => visit(name),
            Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|p| p.names(visit)),
        }
    }

    /// Whether a row satisfies it. A value that cannot be read as a number is an error of the row, not a reason to
    /// drop it; a label that is absent is one, except for strings.
    pub fn holds<'b>(&self, labels: &mut RowLabels<'b>, arena: &'b Bump) -> bool {
        match self {
            Predicate::Matcher(m) => m.matches(labels.get(m.name()).unwrap_or("")),
            Predicate::Number { name, op, value } => {
                converted(labels, arena, name, "number", parse_number, |v| op.holds(v, *value))
            }
            Predicate::Duration { name, op, nanos } => {
                converted(labels, arena, name, "duration", units::parse_value_duration, |v| {
                    op.holds(v, *nanos)
                })
            }
            Predicate::Bytes { name, op, bytes } => {
                converted(labels, arena, name, "size", units::parse_bytes, |v| op.holds(v, *bytes))
            }
            Predicate::Ip { name, negated, set } => {
                if !labels.error.is_empty() {
                    return true;
                }
                labels.get(name).is_some_and(|text| set.occurs_in(text) != *negated)
            }
            Predicate::And(parts) => parts.iter().all(|p| p.holds(labels, arena)),
            Predicate::Or(parts) => parts.iter().any(|p| p.holds(labels, arena)),
        }
    }
}

fn converted<'b, T>(
    labels: &mut RowLabels<'b>,
    arena: &'b Bump,
    name: &str,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
    holds: impl Fn(T) -> bool,
) -> bool {
    // Errors are no numbers.
    if matches!(name, super::ERROR | super::ERROR_DETAILS) {
        return false;
    }
    let Some(text) = labels.get(name) else { return false };
    match parse(text) {
        Some(value) => holds(value),
        None => {
            let details = arena.alloc_str(&format!("label {name}: {text:?} is not a {what}"));
            labels.fail(LABEL_FILTER, details);
            true
        }
    }
}

/// A number in a log line: decimal, with an exponent, `Inf` or `NaN`.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    match text.as_bytes().first()? {
        b'0'..=b'9' | b'+' | b'-' | b'.' | b'i' | b'I' | b'n' | b'N' => text.parse().ok(),
        _ => None,
    }
}
