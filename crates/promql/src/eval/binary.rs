//! Binary operators.

use super::labels::shown;
use super::series::{Cell, drop_empty, merge_same_labels};
use super::{Evaluator, Grid, Needs, Series, is_absent, without_metadata};
use crate::annotations::{Annotations, HistogramOperation};
use crate::ast::{Binary, BinaryOp, Cardinality, Matching, Span};
use crate::error::EvalError;
use crate::histogram::{FloatHistogram, Trim};
use model::{Labels, METRIC_NAME, ResetHint};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

fn truth(b: bool) -> f64 {
    f64::from(u8::from(b))
}

/// An operation between two numbers.
pub(super) fn scalar_operation(op: BinaryOp, l: f64, r: f64) -> f64 {
    match op {
        BinaryOp::Add => l + r,
        BinaryOp::Sub => l - r,
        BinaryOp::Mul => l * r,
        BinaryOp::Div => l / r,
        BinaryOp::Mod => l % r,
        BinaryOp::Pow => l.powf(r),
        BinaryOp::Atan2 => l.atan2(r),
        BinaryOp::Eq => truth(l == r),
        BinaryOp::Ne => truth(l != r),
        BinaryOp::Le => truth(l <= r),
        BinaryOp::Lt => truth(l < r),
        BinaryOp::Ge => truth(l >= r),
        BinaryOp::Gt => truth(l > r),
        // Not for numbers; the parser and the callers see to it.
        BinaryOp::TrimUpper | BinaryOp::TrimLower | BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
            f64::NAN
        }
    }
}

/// Whether the result measures something else than the operands.
fn changes_meaning(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Add | Sub | Mul | Div | Mod | Pow | Atan2)
}

/// The outcome of an operation between two values.
enum Outcome {
    /// A value, and whether a comparison keeps it.
    Value(Cell, bool),
    /// The values do not go together.
    Nothing,
}

struct Operation<'a> {
    op: BinaryOp,
    span: Span,
    return_bool: bool,
    notes: &'a mut Annotations,
}

impl Operation<'_> {
    fn apply(&mut self, l: &Cell, r: &Cell) -> Outcome {
        match (l, r) {
            (Cell::Float(l), Cell::Float(r)) => self.floats(*l, *r),
            (Cell::Float(l), Cell::Histogram(r)) => match self.op {
                BinaryOp::Mul => histogram(FloatHistogram::clone(r).scaled(*l).compact()),
                _ => self.incompatible("float", "histogram"),
            },
            (Cell::Histogram(l), Cell::Float(r)) => {
                let h = || FloatHistogram::clone(l);
                match self.op {
                    BinaryOp::Mul => histogram(h().scaled(*r).compact()),
                    BinaryOp::Div => histogram(h().divided(*r).compact()),
                    BinaryOp::TrimUpper => histogram(h().trimmed(*r, Trim::Upper)),
                    BinaryOp::TrimLower => histogram(h().trimmed(*r, Trim::Lower)),
                    _ => self.incompatible("histogram", "float"),
                }
            }
            (Cell::Histogram(l), Cell::Histogram(r)) => self.histograms(l, r),
        }
    }

    fn floats(&mut self, l: f64, r: f64) -> Outcome {
        if self.op.is_comparison() {
            return Outcome::Value(Cell::Float(l), scalar_operation(self.op, l, r) != 0.0);
        }
        match self.op {
            BinaryOp::TrimUpper | BinaryOp::TrimLower => self.incompatible("float", "float"),
            op => Outcome::Value(Cell::Float(scalar_operation(op, l, r)), true),
        }
    }

    fn histograms(&mut self, l: &Arc<FloatHistogram>, r: &Arc<FloatHistogram>) -> Outcome {
        let operation = match self.op {
            BinaryOp::Add => HistogramOperation::Addition,
            BinaryOp::Sub => HistogramOperation::Subtraction,
            BinaryOp::Eq => return Outcome::Value(Cell::Histogram(l.clone()), l == r),
            BinaryOp::Ne => return Outcome::Value(Cell::Histogram(l.clone()), l != r),
            _ => return self.incompatible("histogram", "histogram"),
        };
        let mut result = FloatHistogram::clone(l);
        let combined = if self.op == BinaryOp::Add { result.add(r) } else { result.subtract(r) };
        let Ok(report) = combined else {
            self.notes.incompatible_buckets(self.op.as_str(), self.span);
            return Outcome::Nothing;
        };
        if self.op == BinaryOp::Sub {
            result.reset_hint = ResetHint::Gauge;
        }
        if report.reset_collision {
            self.notes.reset_collision(operation, self.span);
        }
        if report.bounds_reconciled {
            self.notes.bounds_reconciled(operation, self.span);
        }
        histogram(result.compact())
    }

    fn incompatible(&mut self, l: &str, r: &str) -> Outcome {
        self.notes.incompatible_types(l, self.op.as_str(), r, self.span);
        Outcome::Nothing
    }
}

fn histogram(h: FloatHistogram) -> Outcome {
    Outcome::Value(Cell::Histogram(Arc::new(h)), true)
}

impl Evaluator<'_> {
    pub(super) fn binary(&mut self, b: &Binary, span: Span, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        if matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) && self.needs != Needs::Buckets {
            return self.with_histograms(Needs::Buckets, |ev| ev.binary(b, span, grid));
        }
        match (Self::is_scalar(&b.lhs), Self::is_scalar(&b.rhs)) {
            (false, true) => {
                let vector = self.vector(&b.lhs, grid)?;
                let scalar = self.scalar(&b.rhs, grid)?;
                self.with_scalar(b, span, vector, &scalar, false)
            }
            (true, false) => {
                let scalar = self.scalar(&b.lhs, grid)?;
                let vector = self.vector(&b.rhs, grid)?;
                self.with_scalar(b, span, vector, &scalar, true)
            }
            _ => {
                let matching = b.matching.clone().unwrap_or_default();
                let lhs = self.vector(&b.lhs, grid)?;
                let rhs = self.vector(&b.rhs, grid)?;
                if b.op.is_set() {
                    return self.set_operation(b.op, &matching, lhs, rhs, grid);
                }
                self.between_vectors(b, &matching, span, lhs, rhs, grid)
            }
        }
    }

    fn with_scalar(
        &mut self,
        b: &Binary,
        span: Span,
        vector: Vec<Series>,
        scalar: &[f64],
        swapped: bool,
    ) -> Result<Vec<Series>, EvalError> {
        let notes = &mut self.annotations;
        let mut operation = Operation { op: b.op, span, return_bool: b.return_bool, notes };
        let mut out = Vec::with_capacity(vector.len());
        for (i, mut s) in vector.into_iter().enumerate() {
            if i.is_multiple_of(256) {
                self.control.check()?;
            }
            if s.histograms.is_empty() {
                floats_with_scalar(&mut operation, &mut s.floats, scalar, swapped);
            } else {
                s = cells_with_scalar(&mut operation, &s, scalar, swapped);
            }
            s.drop_name |= changes_meaning(b.op) || b.return_bool;
            out.push(s);
        }
        drop_empty(&mut out);
        Ok(out)
    }

    fn set_operation(
        &mut self,
        op: BinaryOp,
        m: &Matching,
        lhs: Vec<Series>,
        rhs: Vec<Series>,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let mut groups = Groups::default();
        let left: Vec<usize> = lhs.iter().map(|s| groups.of(&s.labels, m)).collect();
        let right: Vec<usize> = rhs.iter().map(|s| groups.of(&s.labels, m)).collect();
        self.grow((groups.count * grid.count) as u64)?;
        let presence = |series: &[Series], of: &[usize]| {
            let mut present = vec![Vec::new(); groups.count];
            for (s, group) in series.iter().zip(of) {
                let steps: &mut Vec<bool> = &mut present[*group];
                steps.resize(grid.count, false);
                for (step, seen) in steps.iter_mut().enumerate() {
                    *seen |= s.is_present(step);
                }
            }
            present
        };
        let mut out = Vec::new();
        let mut keep = |series: Vec<Series>, of: &[usize], present: &[Vec<bool>], wanted: bool| {
            for (mut s, group) in series.into_iter().zip(of) {
                let seen = &present[*group];
                for step in 0..grid.count {
                    if seen.get(step).copied().unwrap_or(false) != wanted {
                        s.floats[step] = super::series::ABSENT;
                        if let Some(h) = s.histograms.get_mut(step) {
                            *h = None;
                        }
                    }
                }
                out.push(s);
            }
        };
        match op {
            BinaryOp::And => keep(lhs, &left, &presence(&rhs, &right), true),
            BinaryOp::Unless => keep(lhs, &left, &presence(&rhs, &right), false),
            _ => {
                let present = presence(&lhs, &left);
                let nothing = vec![Vec::new(); groups.count];
                keep(lhs, &left, &nothing, false);
                keep(rhs, &right, &present, false);
            }
        }
        drop_empty(&mut out);
        if op == BinaryOp::Or && grid.count > 1 { merge_same_labels(out) } else { Ok(out) }
    }

    fn between_vectors(
        &mut self,
        b: &Binary,
        m: &Matching,
        span: Span,
        lhs: Vec<Series>,
        rhs: Vec<Series>,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        // From here on the right side is the one of which each group has at most one series.
        let swapped = m.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        let mut groups = Groups::default();
        let many_groups: Vec<usize> = many.iter().map(|s| groups.of(&s.labels, m)).collect();
        let one_groups: Vec<usize> = one.iter().map(|s| groups.of(&s.labels, m)).collect();
        let mut members = vec![(Vec::new(), Vec::new()); groups.count];
        many_groups.iter().enumerate().for_each(|(i, g)| members[*g].0.push(i));
        one_groups.iter().enumerate().for_each(|(i, g)| members[*g].1.push(i));
        let notes = &mut self.annotations;
        let mut join = Join {
            operation: Operation { op: b.op, span, return_bool: b.return_bool, notes },
            matching: m,
            swapped,
            many: &many,
            one: &one,
            grid,
            out: Vec::new(),
            by_labels: HashMap::new(),
            pairs: HashMap::new(),
            seen: HashSet::new(),
            many_present: Vec::new(),
        };
        for (n, (many, one)) in members.iter().enumerate() {
            if n.is_multiple_of(16) {
                self.control.check()?;
            }
            join.group(many, one, self.control)?;
        }
        let mut out = join.out;
        drop_empty(&mut out);
        Ok(out)
    }
}

fn floats_with_scalar(o: &mut Operation<'_>, floats: &mut [f64], scalar: &[f64], swapped: bool) {
    for (v, s) in floats.iter_mut().zip(scalar) {
        if is_absent(*v) {
            continue;
        }
        let (l, r) = if swapped { (*s, *v) } else { (*v, *s) };
        *v = match o.floats(l, r) {
            Outcome::Nothing => super::series::ABSENT,
            Outcome::Value(_, keep) if o.return_bool => truth(keep),
            Outcome::Value(_, false) => super::series::ABSENT,
            // A comparison gives the vector's value, whichever side it is on.
            Outcome::Value(..) if o.op.is_comparison() => *v,
            Outcome::Value(Cell::Float(result), true) => result,
            Outcome::Value(Cell::Histogram(_), true) => super::series::ABSENT,
        };
    }
}

fn cells_with_scalar(o: &mut Operation<'_>, s: &Series, scalar: &[f64], swapped: bool) -> Series {
    let mut out = Series::absent(s.labels.clone(), s.drop_name, s.floats.len());
    for (step, scalar) in scalar.iter().enumerate() {
        let Some(cell) = s.get(step) else { continue };
        let scalar = Cell::Float(*scalar);
        let outcome = if swapped { o.apply(&scalar, &cell) } else { o.apply(&cell, &scalar) };
        match outcome {
            Outcome::Nothing => {}
            Outcome::Value(_, keep) if o.return_bool => out.floats[step] = truth(keep),
            Outcome::Value(_, false) => {}
            Outcome::Value(..) if o.op.is_comparison() => out.set(step, cell),
            Outcome::Value(result, true) => out.set(step, result),
        }
    }
    out
}

/// Numbers the groups of series that belong together.
#[derive(Default)]
struct Groups {
    by_labels: HashMap<Labels, usize>,
    count: usize,
}

impl Groups {
    fn of(&mut self, labels: &Labels, m: &Matching) -> usize {
        let next = self.count;
        let group = *self.by_labels.entry(matched(labels, m)).or_insert(next);
        self.count += usize::from(group == next);
        group
    }
}

/// The labels that are compared.
fn matched(labels: &Labels, m: &Matching) -> Labels {
    let named = |n: &str| m.labels.iter().any(|l| l == n);
    labels.filtered(|n| if m.on { named(n) } else { n != METRIC_NAME && !named(n) })
}

/// The operands of a result: series of the many and the one side, `None` for a fill value.
type Pair = (Option<usize>, Option<usize>);

/// An operation between two vectors.
struct Join<'a> {
    operation: Operation<'a>,
    matching: &'a Matching,
    swapped: bool,
    many: &'a [Series],
    one: &'a [Series],
    grid: &'a Grid,
    out: Vec<Series>,
    by_labels: HashMap<Labels, usize>,
    pairs: HashMap<Pair, usize>,
    /// Results of a group at the current step.
    seen: HashSet<usize>,
    /// At which steps the "many" side has any value; found out when first needed.
    many_present: Vec<bool>,
}

impl Join<'_> {
    fn group(
        &mut self,
        many: &[usize],
        one: &[usize],
        control: &crate::control::Control,
    ) -> Result<(), EvalError> {
        // As upstream: `fill_right` fills the "one" side, also where `group_right` makes that the left one.
        let (fill_many, fill_one) = (self.matching.fill_left, self.matching.fill_right);
        if (many.is_empty() && fill_many.is_none()) || (one.is_empty() && fill_one.is_none()) {
            return self.check_unmatched(one);
        }
        if let ([m], [o], None, None) = (many, one, fill_many, fill_one) {
            return self.pair_of_columns(*m, *o);
        }
        for step in 0..self.grid.count {
            if step % 256 == 255 {
                control.check()?;
            }
            // With nothing on the other side nothing is looked at, not even whether series are unique.
            if one.len() > 1 && !self.is_filled() && !self.has_many(step) {
                continue;
            }
            let right = self.only_one(one, step)?;
            self.seen.clear();
            for m in many {
                let Some(left) = self.many[*m].get(step) else { continue };
                let (cell, o) = match (right, fill_one) {
                    (Some(o), _) => (self.one[o].get(step), Some(o)),
                    (None, Some(fill)) => (Some(Cell::Float(fill)), None),
                    (None, None) => continue,
                };
                let Some(cell) = cell else { continue };
                self.combine((Some(*m), o), &left, &cell, step)?;
            }
            if let (Some(o), Some(fill), true) = (right, fill_many, self.seen.is_empty()) {
                let Some(cell) = self.one[o].get(step) else { continue };
                self.combine((None, Some(o)), &Cell::Float(fill), &cell, step)?;
            }
        }
        Ok(())
    }

    /// The series of the "one" side that has a value at a step.
    fn only_one(&self, one: &[usize], step: usize) -> Result<Option<usize>, EvalError> {
        let mut present = one.iter().copied().filter(|o| self.one[*o].is_present(step));
        let first = present.next();
        match (first, present.next()) {
            (Some(a), Some(b)) => Err(self.duplicate(a, b)),
            _ => Ok(first),
        }
    }

    fn duplicate(&self, a: usize, b: usize) -> EvalError {
        let (mut first, mut second) = (shown(&self.one[a].labels), shown(&self.one[b].labels));
        if first > second {
            std::mem::swap(&mut first, &mut second);
        }
        let side = if self.swapped { "left" } else { "right" };
        let group = shown(&matched(&self.one[a].labels, self.matching));
        EvalError::query(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }

    /// Duplicates on the "one" side are an error even where nothing matches them, if the other side has anything.
    fn check_unmatched(&mut self, one: &[usize]) -> Result<(), EvalError> {
        for step in 0..self.grid.count {
            if one.len() > 1 && (self.is_filled() || self.has_many(step)) {
                self.only_one(one, step)?;
            }
        }
        Ok(())
    }

    fn is_filled(&self) -> bool {
        self.matching.fill_left.is_some() || self.matching.fill_right.is_some()
    }

    fn has_many(&mut self, step: usize) -> bool {
        if self.many_present.is_empty() {
            let present = |step| self.many.iter().any(|s| s.is_present(step));
            self.many_present = (0..self.grid.count).map(present).collect();
        }
        self.many_present[step]
    }

    /// One series with one: a loop over two columns.
    fn pair_of_columns(&mut self, m: usize, o: usize) -> Result<(), EvalError> {
        let (many, one) = (self.many, self.one);
        if many[m].histograms.is_empty() && one[o].histograms.is_empty() {
            return self.pair_of_floats((Some(m), Some(o)), &many[m].floats, &one[o].floats);
        }
        for step in 0..self.grid.count {
            let (Some(left), Some(right)) = (many[m].get(step), one[o].get(step)) else { continue };
            self.seen.clear();
            self.combine((Some(m), Some(o)), &left, &right, step)?;
        }
        Ok(())
    }

    fn pair_of_floats(&mut self, pair: Pair, many: &[f64], one: &[f64]) -> Result<(), EvalError> {
        let at = self.result(pair);
        for (step, (m, o)) in many.iter().zip(one).enumerate() {
            if is_absent(*m) || is_absent(*o) {
                continue;
            }
            let (l, r) = if self.swapped { (*o, *m) } else { (*m, *o) };
            let v = match self.operation.floats(l, r) {
                Outcome::Value(_, keep) if self.operation.return_bool => truth(keep),
                Outcome::Value(Cell::Float(v), true) => v,
                Outcome::Value(..) | Outcome::Nothing => continue,
            };
            if self.out[at].is_present(step) {
                return Err(EvalError::same_labels());
            }
            self.out[at].floats[step] = v;
        }
        Ok(())
    }

    fn combine(&mut self, pair: Pair, left: &Cell, right: &Cell, step: usize) -> Result<(), EvalError> {
        let (l, r) = if self.swapped { (right, left) } else { (left, right) };
        let Outcome::Value(cell, keep) = self.operation.apply(l, r) else { return Ok(()) };
        let at = self.result(pair);
        if self.matching.cardinality == Cardinality::OneToOne {
            if !self.seen.is_empty() {
                return Err(EvalError::query(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                ));
            }
            self.seen.insert(at);
        } else if !self.seen.insert(at) {
            return Err(EvalError::query(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ));
        }
        let cell = match (self.operation.return_bool, keep) {
            (true, keep) => Cell::Float(truth(keep)),
            (false, true) => cell,
            (false, false) => return Ok(()),
        };
        if self.out[at].is_present(step) {
            return Err(EvalError::same_labels());
        }
        self.out[at].set(step, cell);
        Ok(())
    }

    /// The series that a pair of operands gives its results to.
    fn result(&mut self, pair: Pair) -> usize {
        if let Some(at) = self.pairs.get(&pair) {
            return *at;
        }
        let labels = self.result_labels(pair);
        let next = self.out.len();
        let at = *self.by_labels.entry(labels.clone()).or_insert(next);
        if at == next {
            self.out.push(Series::absent(labels, self.operation.return_bool, self.grid.count));
        }
        self.pairs.insert(pair, at);
        at
    }

    fn result_labels(&self, (many, one): Pair) -> Labels {
        let m = self.matching;
        let many_labels = many.map(|i| &self.many[i].labels);
        let one_labels = one.map(|i| &self.one[i].labels);
        let left = match (many_labels, one_labels) {
            (Some(l), _) => l.clone(),
            (None, Some(o)) => matched(o, m),
            (None, None) => Labels::empty(),
        };
        let right = match (one_labels, many_labels) {
            (Some(o), _) => o.clone(),
            (None, Some(l)) => matched(l, m),
            (None, None) => Labels::empty(),
        };
        let mut labels = if changes_meaning(self.operation.op) { without_metadata(&left) } else { left };
        if m.cardinality == Cardinality::OneToOne {
            let named = |n: &str| m.labels.iter().any(|l| l == n);
            labels = labels.filtered(|n| named(n) == m.on);
        }
        if m.include.is_empty() {
            return labels;
        }
        let mut builder = labels.to_builder();
        for name in &m.include {
            match right.get(name) {
                Some(v) => builder.set(name, v),
                None => builder.remove(name),
            };
        }
        builder.build()
    }
}
