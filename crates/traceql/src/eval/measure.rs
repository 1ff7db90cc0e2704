//! From spans to the cells of series.

use super::cells::{CellKind, Cells};
use super::code::{ColumnSet, Here, Slot};
use super::operand::Operand;
use super::series::{Grid, Made};
use crate::ast::{FoldOp, Function, MetricsQuery};
use crate::literal::Literal;
use crate::value::Exemplar;
use hashbrown::HashMap;
use model::record::Value;
use model::record::span::name as names;
use promql::{EvalError, Held};

/// The label of a bucket's upper end, as upstream has it.
const BUCKET: &str = "__bucket";
/// The label of a quantile.
const QUANTILE: &str = "p";
/// The label of a series that nothing else tells apart.
const NAME: &str = "__name__";
/// What a series takes besides its cells.
const SERIES_BYTES: u64 = 256;

/// Counts, sums and spreads spans.
pub(super) struct Measure<'q> {
    query: &'q MetricsQuery,
    grid: Grid,
    kind: CellKind,
    of: Option<Slot>,
    by: Vec<(String, Slot)>,
    /// Where the sampling that was done before is told, if it is to be made good.
    weights: Option<usize>,
    places: HashMap<Vec<u8>, usize>,
    groups: Vec<Group>,
    /// Exemplars that a cell may have.
    exemplars_per_cell: usize,
    series_max: usize,
    key: Vec<u8>,
}

struct Group {
    values: Vec<Literal>,
    cells: Cells,
    /// By step, few for each.
    exemplars: Vec<(usize, Exemplar)>,
    per_step: HashMap<usize, usize>,
}

impl<'q> Measure<'q> {
    pub fn new(
        query: &'q MetricsQuery,
        grid: Grid,
        exemplars: usize,
        extrapolate: bool,
        series_max: usize,
        columns: &mut ColumnSet,
    ) -> Measure<'q> {
        let (kind, of) = match &query.function {
            Function::Rate | Function::CountOverTime | Function::Compare { .. } => (CellKind::Count, None),
            Function::Fold(FoldOp::Min, of) => (CellKind::Min, Some(of)),
            Function::Fold(FoldOp::Max, of) => (CellKind::Max, Some(of)),
            Function::Fold(FoldOp::Sum, of) => (CellKind::Sum, Some(of)),
            Function::Fold(FoldOp::Avg, of) => (CellKind::Avg, Some(of)),
            Function::Quantile(of, _) => (CellKind::Spread, Some(of)),
            Function::Histogram(of) => (CellKind::Count, Some(of)),
        };
        Measure {
            query,
            kind,
            of: of.map(|f| Slot::new(f, columns)),
            by: query.by.iter().map(|f| (f.to_string(), Slot::new(f, columns))).collect(),
            weights: extrapolate.then(|| columns.place(names::TRACE_STATE)),
            places: HashMap::new(),
            groups: Vec::new(),
            exemplars_per_cell: exemplars.div_ceil(grid.count.max(1)),
            grid,
            series_max,
            key: Vec::new(),
        }
    }

    /// Takes in a span.
    pub fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        let Some(step) = self.grid.step_of(here.span.start_ns()) else { return Ok(()) };
        let mut value = 1.0;
        let mut bucket = None;
        if let Some(slot) = &self.of {
            let (number, is_time) = match slot.of(here).first() {
                Operand::Duration(nanos) => (nanos as f64, true),
                other => match other.number() {
                    Some(number) => (number, false),
                    None => return Ok(()),
                },
            };
            // Durations are shown in seconds.
            let scale = if is_time { 1e-9 } else { 1.0 };
            if matches!(self.query.function, Function::Histogram(_)) {
                bucket = Some(Literal::Float(ceiling(number) * scale));
            }
            value = number * scale;
        }
        let weight = match self.weights {
            Some(place) => match here.span.column(place) {
                Some(Value::String(state)) => sampled_of(state),
                _ => 1.0,
            },
            None => 1.0,
        };
        let place = self.group(here, bucket, held)?;
        let group = &mut self.groups[place];
        let grown = group.cells.add(step, value, weight);
        if grown > 0 {
            held.grow(grown)?;
        }
        if self.exemplars_per_cell > 0 {
            let taken = group.per_step.entry(step).or_default();
            if *taken < self.exemplars_per_cell {
                *taken += 1;
                held.grow(size_of::<Exemplar>() as u64 + 16)?;
                let time_ms = here.span.start_ns().div_euclid(1_000_000);
                // What is only counted has no value of its own.
                let value = if self.of.is_some() { value } else { f64::NAN };
                let (trace_id, span_id) = (here.span.trace_id(), here.span.span_id());
                group.exemplars.push((step, Exemplar { trace_id, span_id, time_ms, value }));
            }
        }
        Ok(())
    }

    /// The place of the group that a span belongs to.
    fn group(
        &mut self,
        here: Here<'_>,
        bucket: Option<Literal>,
        held: &mut Held,
    ) -> Result<usize, EvalError> {
        self.key.clear();
        for (_, slot) in &self.by {
            push_key(slot.of(here), &mut self.key);
        }
        if let Some(bucket) = &bucket {
            bucket.push_key(&mut self.key);
        }
        if let Some(place) = self.places.get(self.key.as_slice()) {
            return Ok(*place);
        }
        if self.groups.len() >= self.series_max {
            return Err(EvalError::Limit {
                what: "series",
                observed: self.groups.len() as u64 + 1,
                limit: self.series_max as u64,
                setting: "query.trace_series_max, or tell fewer apart with by (…)",
            });
        }
        held.grow(SERIES_BYTES + 2 * self.key.len() as u64 + Cells::bytes(self.kind, self.grid.count))?;
        let values = self.by.iter().map(|(_, slot)| slot.of(here).to_literal()).chain(bucket).collect();
        self.groups.push(Group {
            values,
            cells: Cells::new(self.kind, self.grid.count),
            exemplars: Vec::new(),
            per_step: HashMap::new(),
        });
        self.places.insert(self.key.clone(), self.groups.len() - 1);
        Ok(self.groups.len() - 1)
    }

    /// The series, once all spans are in.
    pub fn finish(self) -> Vec<Made> {
        let Measure { query, grid, by, groups, .. } = self;
        let mut out = Vec::new();
        for group in groups {
            let names = by.iter().map(|(name, _)| name.clone());
            let names =
                names.chain(matches!(query.function, Function::Histogram(_)).then(|| BUCKET.to_owned()));
            let mut labels: Vec<(String, Literal)> = names.zip(group.values).collect();
            match (&query.function, &group.cells) {
                (Function::Quantile(_, quantiles), Cells::Spread(cells)) => {
                    for q in quantiles {
                        let mut labels = labels.clone();
                        labels.push((QUANTILE.to_owned(), Literal::Float(*q)));
                        let values: Vec<f64> = cells.iter().map(|c| c.quantile(*q)).collect();
                        out.push(Made {
                            labels,
                            values,
                            exemplars: nearest(&group.exemplars, *q, cells, quantiles),
                        });
                    }
                }
                (function, cells) => {
                    if labels.is_empty() {
                        let name = match function {
                            Function::Rate => "rate",
                            Function::Fold(op, _) => op.as_str(),
                            _ => "count_over_time",
                        };
                        labels.push((NAME.to_owned(), Literal::Text(name.to_owned())));
                    }
                    let mut values = cells.values();
                    if *function == Function::Rate {
                        values.iter_mut().for_each(|v| *v /= grid.step_seconds());
                    }
                    let exemplars = group.exemplars.into_iter().map(|(step, mut e)| {
                        e.value = if e.value.is_nan() { values[step] } else { e.value };
                        e
                    });
                    let exemplars = exemplars.collect();
                    out.push(Made { labels, values, exemplars });
                }
            }
        }
        out
    }
}

/// The exemplars of a quantile: those that are nearest to it among all quantiles asked for.
fn nearest(
    exemplars: &[(usize, Exemplar)],
    q: f64,
    cells: &[super::cells::Spread],
    quantiles: &[f64],
) -> Vec<Exemplar> {
    let is_nearest = |(step, e): &&(usize, Exemplar)| {
        let distance = |q: f64| (cells[*step].quantile(q) - e.value).abs();
        let own = distance(q);
        quantiles.iter().all(|other| own < distance(*other) || (own == distance(*other) && q <= *other))
    };
    exemplars.iter().filter(is_nearest).map(|(_, e)| e.clone()).collect()
}

/// The bytes of a value in the key of a group, without a detour where it is simple.
fn push_key(value: Operand<'_>, key: &mut Vec<u8>) {
    match value {
        Operand::Text(text) => {
            key.push(5);
            key.extend_from_slice(&(text.len() as u64).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        }
        other => other.to_literal().push_key(key),
    }
}

/// The least power of two that is not below a value, or 0 below all of them.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 { 0.0 } else { value.log2().ceil().exp2() }
}

/// How many spans one stands for, by what its trace state says of how it was sampled: `ot=th:c` means that 0xc of 0x10
/// were left out.
fn sampled_of(state: &str) -> f64 {
    let ours = state.split(',').find_map(|member| member.trim().strip_prefix("ot="));
    let threshold = ours.and_then(|fields| fields.split(';').find_map(|f| f.strip_prefix("th:")));
    let Some(digits) = threshold.filter(|d| (1..=14).contains(&d.len())) else { return 1.0 };
    match u64::from_str_radix(digits, 16) {
        Ok(value) => {
            let left_out = value as f64 / 16f64.powi(digits.len() as i32);
            1.0 / (1.0 - left_out)
        }
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_weights() {
        for (value, end) in [(0.0, 0.0), (-3.0, 0.0), (1.0, 1.0), (3.0, 4.0), (4.0, 4.0), (4.1, 8.0)] {
            assert_eq!(ceiling(value), end, "{value}");
        }
        for (state, weight) in
            [("ot=th:8", 2.0), ("a=b,ot=rv:1;th:c", 4.0), ("ot=th:0", 1.0), ("", 1.0), ("ot=th:x", 1.0)]
        {
            assert_eq!(sampled_of(state), weight, "{state}");
        }
    }
}
