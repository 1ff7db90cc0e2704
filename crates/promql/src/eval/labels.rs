//! Functions that change labels.

use super::series::merge_same_labels;
use super::{Evaluator, Grid, Series};
use crate::ast::{Call, Expr};
use crate::error::EvalError;
use model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use regex::Regex;

/// The labels that a selector fixes, for the result of `absent`. A label that is mentioned twice is not fixed.
pub(super) fn absent_labels(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match expr.unparen() {
        Expr::Vector(v) => &v.matchers,
        Expr::Matrix(m) => &m.selector.matchers,
        _ => return Labels::empty(),
    };
    let mut labels = LabelsBuilder::new();
    let mut seen: Vec<&str> = Vec::new();
    for m in matchers.iter().filter(|m| m.name() != METRIC_NAME) {
        if m.op() == MatchOp::Equal && !seen.contains(&m.name()) {
            labels.set(m.name(), m.value());
            seen.push(m.name());
        } else {
            labels.remove(m.name());
        }
    }
    labels.build()
}

/// A label set as error texts show it: the metric name like any other label.
pub(super) fn shown(labels: &Labels) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(n, v)| {
            let name = if model::is_legacy_label_name(n) { n.to_owned() } else { crate::text::quote(n) };
            format!("{name}={}", crate::text::quote(v))
        })
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

impl Evaluator<'_> {
    pub(super) fn label_replace(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let (dst, replacement) =
            (self.label_name(&call.args[1], "destination", "label_replace")?, self.text(&call.args[2])?);
        let (src, pattern) = (self.text(&call.args[3])?, self.text(&call.args[4])?);
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(EvalError::query(format!(
                "regular expression of {} bytes in label_replace(), over the limit of {PATTERN_BYTES_MAX}",
                pattern.len()
            )));
        }
        let regex = Regex::new(&format!("^(?s:{pattern})$")).map_err(|_| {
            EvalError::query(format!("invalid regular expression in label_replace(): {pattern}"))
        })?;
        let mut series = self.vector(&call.args[0], grid)?;
        for s in &mut series {
            let value = s.labels.get(&src).unwrap_or("");
            let Some(captures) = regex.captures(value) else { continue };
            let mut result = String::new();
            captures.expand(&replacement, &mut result);
            s.labels = s.labels.to_builder().set(&dst, result).build();
            if dst == METRIC_NAME {
                s.drop_name = false;
            }
        }
        merge_same_labels(series)
    }

    pub(super) fn label_join(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let separator = self.text(&call.args[2])?;
        let sources = call.args[3..]
            .iter()
            .map(|a| self.label_name(a, "source", "label_join"))
            .collect::<Result<Vec<_>, _>>()?;
        let dst = self.label_name(&call.args[1], "destination", "label_join")?;
        let mut series = self.vector(&call.args[0], grid)?;
        for s in &mut series {
            let values: Vec<&str> = sources.iter().map(|l| s.labels.get(l).unwrap_or("")).collect();
            s.labels = s.labels.to_builder().set(&dst, values.join(&separator)).build();
            if dst == METRIC_NAME {
                s.drop_name = false;
            }
        }
        merge_same_labels(series)
    }

    fn label_name(&self, arg: &Expr, role: &str, function: &str) -> Result<String, EvalError> {
        let invalid =
            |shown: &str| EvalError::query(format!("invalid {role} label name in {function}(): {shown}"));
        let Expr::String(s) = arg.unparen() else { return Err(invalid("not a string")) };
        match String::from_utf8(s.bytes.clone()) {
            Ok(name) if !name.is_empty() => Ok(name),
            _ => Err(invalid(&s.text())),
        }
    }
}

const PATTERN_BYTES_MAX: usize = 64 << 10;
