//! Aggregation operators. The group of a series is found once; values are then added column by column.

mod fold;
mod pick;

use super::series::{Cell, drop_empty};
use super::{Evaluator, Grid, Series, is_absent};
use crate::ast::{Aggregate, AggregateOp, Expr};
use crate::error::EvalError;
use crate::text::{format_float, quote_bytes};
use model::{Labels, METRIC_NAME};
use std::collections::HashMap;

/// Finds the group of a series.
struct Grouping<'a> {
    a: &'a Aggregate,
    by_key: HashMap<Box<[u8]>, usize>,
    /// The groups' labels, in order of first occurrence.
    labels: Vec<Labels>,
    key: Vec<u8>,
}

impl<'a> Grouping<'a> {
    fn new(a: &'a Aggregate) -> Grouping<'a> {
        Grouping { a, by_key: HashMap::new(), labels: Vec::new(), key: Vec::new() }
    }

    /// The number of the group of a series with these labels.
    fn of(&mut self, labels: &Labels) -> usize {
        self.key.clear();
        labels.push_key(&mut self.key, |name| in_group(self.a, name));
        if let Some(at) = self.by_key.get(self.key.as_slice()) {
            return *at;
        }
        let at = self.labels.len();
        self.by_key.insert(self.key.as_slice().into(), at);
        self.labels.push(labels.filtered(|name| in_group(self.a, name)));
        at
    }
}

/// Whether a label is one of those that make a group.
fn in_group(a: &Aggregate, name: &str) -> bool {
    let named = a.grouping.iter().any(|l| l == name);
    if a.without { name != METRIC_NAME && !named } else { named }
}

/// The series of each group, in order of first occurrence.
struct Groups {
    labels: Vec<Labels>,
    members: Vec<Vec<usize>>,
}

fn groups(series: &[Series], a: &Aggregate) -> Groups {
    let mut grouping = Grouping::new(a);
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (i, s) in series.iter().enumerate() {
        let at = grouping.of(&s.labels);
        if at == members.len() {
            members.push(Vec::new());
        }
        members[at].push(i);
    }
    Groups { labels: grouping.labels, members }
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&mut self, a: &Aggregate, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        use AggregateOp::*;
        if a.op == CountValues {
            return self.count_values(a, grid);
        }
        let param = match &a.param {
            Some(p) => Some(self.scalar(p, grid)?),
            None => None,
        };
        match (a.op, param) {
            (Topk | Bottomk | Limitk | LimitRatio, Some(param)) => {
                let series = self.vector(&a.expr, grid)?;
                self.pick(a, series, &param, grid)
            }
            (Quantile, Some(param)) => {
                let series = self.vector(&a.expr, grid)?;
                self.quantile(a, &series, &param, grid)
            }
            (Count | Group, _) => match self.counted(a, grid)? {
                Some(series) => Ok(series),
                None => self.fold(a, grid),
            },
            _ => self.fold(a, grid),
        }
    }

    /// All series of a selector counted as one group, where the source knows how many there are.
    fn counted(&mut self, a: &Aggregate, grid: &Grid) -> Result<Option<Vec<Series>>, EvalError> {
        let Expr::Vector(v) = a.expr.unparen() else { return Ok(None) };
        if a.without || !a.grouping.is_empty() {
            return Ok(None);
        }
        let Some(count) = self.count_selected(v, grid)? else { return Ok(None) };
        if count == 0 {
            return Ok(Some(Vec::new()));
        }
        let mut series = Series::absent(Labels::empty(), false, grid.count);
        series.floats[0] = if a.op == AggregateOp::Group { 1.0 } else { count as f64 };
        Ok(Some(vec![series]))
    }

    fn quantile(
        &mut self,
        a: &Aggregate,
        series: &[Series],
        param: &[f64],
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let span = a.param.as_ref().map_or(a.span, |p| p.span());
        if param.iter().any(|q| q.is_nan()) {
            self.annotations.invalid_quantile(f64::NAN, span);
        }
        let most = param.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = param.iter().copied().fold(f64::INFINITY, f64::min);
        if most > 1.0 {
            self.annotations.invalid_quantile(most, span);
        }
        // Nothing but NaN leaves the bounds as they began.
        if least < 0.0 {
            self.annotations.invalid_quantile(least, span);
        }
        let groups = groups(series, a);
        let mut out = Vec::with_capacity(groups.labels.len());
        let mut values = Vec::new();
        for (labels, members) in groups.labels.into_iter().zip(groups.members) {
            self.grow_columns(1, grid)?;
            let drop_name = members.iter().any(|m| series[*m].drop_name);
            let mut result = Series::absent(labels, drop_name, grid.count);
            for (step, q) in param.iter().enumerate() {
                if step.is_multiple_of(256) {
                    self.control.check()?;
                }
                values.clear();
                values.extend(members.iter().map(|m| series[*m].floats[step]).filter(|v| !is_absent(*v)));
                if !values.is_empty() {
                    let v = super::over_time::quantile(*q, &mut values);
                    result.set(step, Cell::Float(v));
                }
            }
            if members.iter().any(|m| !series[*m].histograms.is_empty()) {
                self.annotations.histogram_ignored("quantile", a.expr.span());
            }
            out.push(result);
        }
        drop_empty(&mut out);
        Ok(out)
    }

    fn count_values(&mut self, a: &Aggregate, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let label = match a.param.as_ref().map(|p| p.unparen()) {
            Some(Expr::String(s)) => match String::from_utf8(s.bytes.clone()) {
                Ok(label) if !label.is_empty() => label,
                _ => return Err(EvalError::query(format!("invalid label name {}", quote_bytes(&s.bytes)))),
            },
            _ => return Err(EvalError::query("count_values needs a label name")),
        };
        let series = self.vector(&a.expr, grid)?;
        let mut by_value = a.clone();
        if !a.without {
            by_value.grouping.push(label.clone());
        }
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        let mut out: Vec<Series> = Vec::new();
        for s in &series {
            self.control.check()?;
            let mut known: Vec<(u64, usize)> = Vec::new();
            for step in 0..grid.count {
                let Some(cell) = s.get(step) else { continue };
                let bits = if let Cell::Float(v) = &cell { Some(v.to_bits()) } else { None };
                let found = known.iter().find(|(b, _)| Some(*b) == bits).map(|(_, at)| *at);
                let at = match found {
                    Some(at) => at,
                    None => {
                        let text = match &cell {
                            Cell::Float(v) => format_float(*v),
                            Cell::Histogram(h) => h.to_string(),
                        };
                        let with_value = s.labels.to_builder().set(&label, text).build();
                        let labels = with_value.filtered(|name| in_group(&by_value, name));
                        let next = out.len();
                        let at = *by_labels.entry(labels).or_insert(next);
                        if at == next {
                            self.grow_columns(1, grid)?;
                            let labels = with_value.filtered(|name| in_group(&by_value, name));
                            out.push(Series::absent(labels, false, grid.count));
                        }
                        if let Some(bits) = bits
                            && known.len() < 64
                        {
                            known.push((bits, at));
                        }
                        at
                    }
                };
                let v = &mut out[at].floats[step];
                *v = if is_absent(*v) { 1.0 } else { *v + 1.0 };
            }
        }
        Ok(out)
    }
}
