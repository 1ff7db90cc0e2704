//! `compare`: how the attributes of some spans differ from those of the others.

use super::code::{Code, ColumnSet, Here};
use super::operand::Operand;
use super::series::{Grid, Made};
use crate::ast::FieldExpr;
use crate::literal::{Kind, Literal, Status};
use hashbrown::HashMap;
use model::record::Value;
use model::record::span::{Place, name as names, place};
use promql::{EvalError, Held};
use std::collections::BTreeMap;

/// The label that says of whom a series speaks, as upstream has it.
const TYPE: &str = "__meta_type";
/// The label of a remark.
const ERROR: &str = "__meta_error";
/// That an attribute has more values than are given.
const TOO_MANY: &str = "__too_many_values__";
/// What a value takes besides its counts.
const VALUE_BYTES: u64 = 160;

/// Counts attributes on both sides.
pub(super) struct Comparing {
    filter: Code,
    window: Option<(i64, i64)>,
    top: usize,
    grid: Grid,
    attributes: BTreeMap<String, Counted>,
    key: Vec<u8>,
}

#[derive(Default)]
struct Counted {
    values: HashMap<Vec<u8>, (Literal, Sides)>,
    totals: Sides,
}

/// Spans by step: of the baseline, and of the selection.
#[derive(Default)]
struct Sides([Vec<f64>; 2]);

impl Sides {
    /// Counts one; gives the bytes that took.
    fn add(&mut self, side: usize, step: usize, steps: usize) -> u64 {
        let cells = &mut self.0[side];
        let fresh = cells.is_empty();
        if fresh {
            cells.resize(steps, 0.0);
        }
        cells[step] += 1.0;
        if fresh { 8 * steps as u64 } else { 0 }
    }

    fn total(&self, side: usize) -> f64 {
        self.0[side].iter().sum()
    }
}

impl Comparing {
    pub fn new(
        filter: &FieldExpr,
        top: u32,
        window: Option<(i64, i64)>,
        grid: Grid,
        columns: &mut ColumnSet,
    ) -> Result<Comparing, EvalError> {
        let filter = Code::new(filter, columns)?;
        // Every attribute is read, and the name is one of them.
        columns.name = true;
        Ok(Comparing {
            filter,
            window,
            top: top as usize,
            grid,
            attributes: BTreeMap::new(),
            key: Vec::new(),
        })
    }

    /// Takes in a span.
    pub fn add(&mut self, here: Here<'_>, held: &mut Held) -> Result<(), EvalError> {
        let start_ns = here.span.start_ns();
        let Some(step) = self.grid.step_of(start_ns) else { return Ok(()) };
        let in_window = self.window.is_none_or(|(from, to)| start_ns > from && start_ns <= to);
        let side = usize::from(in_window && self.filter.passes(here));
        self.count(side, step, "name", Literal::Text(here.span.name().to_owned()), held)?;
        let (mut kind, mut status) = (Kind::Unspecified, Status::Unset);
        for (name, value) in here.span.resource().iter() {
            self.count(side, step, &format!("resource.{name}"), Literal::Text(value.to_owned()), held)?;
        }
        for (stored, value) in here.span.all().iter() {
            let name = match (place(stored), value) {
                (Place::Span(own), _) => format!("span.{own}"),
                (Place::Resource(own), _) => format!("resource.{own}"),
                (Place::Scope(own), _) => format!("instrumentation.{own}"),
                (Place::Intrinsic(names::KIND), Value::Int(n)) => {
                    kind = Kind::from_number(n);
                    continue;
                }
                (Place::Intrinsic(names::STATUS), Value::Int(n)) => {
                    status = Status::from_number(n);
                    continue;
                }
                (Place::Intrinsic(names::STATUS_MESSAGE), _) => "statusMessage".to_owned(),
                (Place::Intrinsic(own @ (names::SCOPE_NAME | names::SCOPE_VERSION)), _) => own.to_owned(),
                (Place::Intrinsic(_), _) => continue,
            };
            self.count(side, step, &name, Operand::of(Some(value)).to_literal(), held)?;
        }
        self.count(side, step, "kind", Literal::Kind(kind), held)?;
        self.count(side, step, "status", Literal::Status(status), held)
    }

    fn count(
        &mut self,
        side: usize,
        step: usize,
        name: &str,
        value: Literal,
        held: &mut Held,
    ) -> Result<(), EvalError> {
        if value == Literal::Nil {
            return Ok(());
        }
        let steps = self.grid.count;
        let mut grown = 0;
        if !self.attributes.contains_key(name) {
            self.attributes.insert(name.to_owned(), Counted::default());
            grown += VALUE_BYTES + name.len() as u64;
        }
        let counted = self.attributes.get_mut(name).expect("it is there");
        grown += counted.totals.add(side, step, steps);
        self.key.clear();
        value.push_key(&mut self.key);
        grown += match counted.values.get_mut(self.key.as_slice()) {
            Some((_, sides)) => sides.add(side, step, steps),
            None => {
                let mut sides = Sides::default();
                let bytes = sides.add(side, step, steps) + VALUE_BYTES + 2 * self.key.len() as u64;
                counted.values.insert(self.key.clone(), (value, sides));
                bytes
            }
        };
        if grown > 0 { held.grow(grown) } else { Ok(()) }
    }

    /// The series, once all spans are in.
    pub fn finish(self) -> Vec<Made> {
        let mut out = Vec::new();
        let label = |name: &str, value: &str| (name.to_owned(), Literal::Text(value.to_owned()));
        for (name, mut counted) in self.attributes {
            let distinct = counted.values.len();
            for (side, meta) in ["baseline", "selection"].into_iter().enumerate() {
                let mut values: Vec<&mut (Literal, Sides)> =
                    counted.values.values_mut().filter(|(_, s)| !s.0[side].is_empty()).collect();
                values.sort_by(|a, b| {
                    b.1.total(side).total_cmp(&a.1.total(side)).then_with(|| a.0.plain().cmp(&b.0.plain()))
                });
                for (value, sides) in values.into_iter().take(self.top) {
                    let labels = vec![label(TYPE, meta), (name.clone(), value.clone())];
                    out.push(made(labels, std::mem::take(&mut sides.0[side])));
                }
                let totals = std::mem::take(&mut counted.totals.0[side]);
                if !totals.is_empty() {
                    let labels = vec![label(TYPE, &format!("{meta}_total")), (name.clone(), Literal::Nil)];
                    out.push(made(labels, totals));
                }
            }
            if distinct > self.top {
                let labels = vec![label(ERROR, TOO_MANY), (name, Literal::Nil)];
                let mut values = vec![f64::NAN; self.grid.count];
                values[self.grid.count - 1] = distinct as f64;
                out.push(made(labels, values));
            }
        }
        out
    }
}

fn made(labels: Vec<(String, Literal)>, values: Vec<f64>) -> Made {
    Made { labels, values, exemplars: Vec::new() }
}
