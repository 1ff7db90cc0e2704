//! The sort functions. They order instant vectors; range queries are always ordered by labels.

use super::{Evaluator, Grid, Series, is_absent};
use crate::ast::Call;
use crate::catalog::Id;
use crate::error::EvalError;
use std::cmp::Ordering;

impl Evaluator<'_> {
    pub(super) fn sorted(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        if grid.count > 1 {
            self.annotations.sort_in_range(call.span);
        }
        let mut series = self.vector(&call.args[0], grid)?;
        match call.function.id {
            id @ (Id::Sort | Id::SortDesc) => {
                for s in &mut series {
                    s.histograms = Vec::new();
                }
                super::series::drop_empty(&mut series);
                if grid.count == 1 {
                    let descending = id == Id::SortDesc;
                    series.sort_by(|a, b| by_value(a.floats[0], b.floats[0], descending));
                }
            }
            id => {
                let labels = call.args[1..].iter().map(|a| self.text(a)).collect::<Result<Vec<_>, _>>()?;
                series.sort_by(|a, b| by_labels(a, b, &labels));
                if id == Id::SortByLabelDesc {
                    series.reverse();
                }
            }
        }
        Ok(series)
    }
}

/// By value, NaN last.
fn by_value(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan() || is_absent(a), b.is_nan() || is_absent(b)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

fn by_labels(a: &Series, b: &Series, labels: &[String]) -> Ordering {
    for label in labels {
        let (x, y) = (a.labels.get(label).unwrap_or(""), b.labels.get(label).unwrap_or(""));
        if x != y {
            return natural(x, y).then_with(|| x.cmp(y));
        }
    }
    a.labels.cmp(&b.labels)
}

/// The order people expect: runs of digits by their number, the rest by character.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (x, y) = (chunk(a), chunk(b));
        if x.is_empty() || y.is_empty() {
            return a.len().cmp(&b.len());
        }
        let numbers = x.as_bytes()[0].is_ascii_digit() && y.as_bytes()[0].is_ascii_digit();
        let order = if numbers {
            let (p, q) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            p.len().cmp(&q.len()).then_with(|| p.cmp(q)).then_with(|| x.len().cmp(&y.len()))
        } else {
            x.cmp(y)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (&a[x.len()..], &b[y.len()..]);
    }
}

/// The leading run of digits, or of anything else.
fn chunk(s: &str) -> &str {
    let digit = s.starts_with(|c: char| c.is_ascii_digit());
    &s[..s.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(s.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_text_count_as_numbers() {
        let mut v = ["i-10", "i-2", "i-1", "a", "i-02", ""];
        v.sort_by(|a, b| natural(a, b));
        assert_eq!(v, ["", "a", "i-1", "i-2", "i-02", "i-10"]);
    }
}
