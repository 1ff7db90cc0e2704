//! Pipelines over one trace.

use super::code::{Code, ColumnSet};
use super::operand::{Operand, arithmetic, compare};
use super::structure::{structural, union};
use super::trace::Trace;
use crate::ast::{
    Aggregate, AggregateOp, Arithmetic, Comparison, Pipeline, Scalar, Spanset, SpansetOp, Stage,
};
use crate::literal::Literal;
use hashbrown::HashMap;
use promql::EvalError;

/// A pipeline made ready.
#[derive(Debug)]
pub(super) struct Flow(Vec<Step>);

#[derive(Debug)]
enum Step {
    Spans(Spans),
    Scalar(Comparison, Number, Number),
    By { code: Code, name: String },
    Coalesce,
}

#[derive(Debug)]
enum Spans {
    Filter(Code),
    Binary(SpansetOp, Box<(Spans, Spans)>),
    Flow(Flow),
}

#[derive(Debug)]
enum Number {
    Literal(Literal),
    Aggregate(Fold),
    Binary(Arithmetic, Box<(Number, Number)>),
    Flow(Flow, Fold),
}

#[derive(Debug)]
struct Fold {
    op: AggregateOp,
    of: Option<Code>,
    /// As written.
    name: String,
}

/// Spans of a trace, by their places in ascending order.
#[derive(Debug, Clone, Default)]
pub(super) struct Set {
    pub spans: Vec<u32>,
    pub attributes: Vec<(String, Literal)>,
}

impl Flow {
    pub fn new(pipeline: &Pipeline, columns: &mut ColumnSet) -> Result<Flow, EvalError> {
        let mut steps = Vec::new();
        for stage in &pipeline.stages {
            steps.push(match stage {
                Stage::Spans(spans) => Step::Spans(Spans::new(spans, columns)?),
                Stage::Scalar(filter) => {
                    let (lhs, rhs) = (Number::new(&filter.lhs, columns)?, Number::new(&filter.rhs, columns)?);
                    Step::Scalar(filter.op, lhs, rhs)
                }
                Stage::By(expr) => Step::By { code: Code::new(expr, columns)?, name: format!("by({expr})") },
                Stage::Coalesce => Step::Coalesce,
                Stage::Select(_) => continue,
            });
        }
        Ok(Flow(steps))
    }

    /// The sets of spans that a trace has for it; none of them is empty.
    pub fn run<'a>(&'a self, trace: &'a Trace<'a>) -> Vec<Set> {
        let whole = Set { spans: (0..trace.len() as u32).collect(), attributes: Vec::new() };
        self.over(trace, vec![whole])
    }

    fn over<'a>(&'a self, trace: &'a Trace<'a>, mut sets: Vec<Set>) -> Vec<Set> {
        for step in &self.0 {
            if sets.is_empty() {
                break;
            }
            sets = match step {
                Step::Spans(spans) => sets.into_iter().flat_map(|set| spans.over(trace, set)).collect(),
                Step::Scalar(op, lhs, rhs) => {
                    sets.into_iter().filter_map(|set| filtered(trace, set, *op, lhs, rhs)).collect()
                }
                Step::By { code, name } => {
                    sets.into_iter().flat_map(|set| grouped(trace, set, code, name)).collect()
                }
                Step::Coalesce => vec![joined(sets)],
            };
        }
        sets
    }
}

impl Spans {
    fn new(spans: &Spanset, columns: &mut ColumnSet) -> Result<Spans, EvalError> {
        Ok(match spans {
            Spanset::Filter(expr) => Spans::Filter(Code::new(expr, columns)?),
            Spanset::Binary(b) => {
                Spans::Binary(b.op, Box::new((Spans::new(&b.lhs, columns)?, Spans::new(&b.rhs, columns)?)))
            }
            Spanset::Pipeline(pipeline) => Spans::Flow(Flow::new(pipeline, columns)?),
        })
    }

    /// What is found among the spans of a set. Only a pipeline can give several sets.
    fn over<'a>(&'a self, trace: &'a Trace<'a>, set: Set) -> Vec<Set> {
        let found = match self {
            Spans::Filter(code) => {
                let mut set = set;
                set.spans.retain(|at| code.passes(trace.here(*at as usize)));
                set
            }
            Spans::Flow(flow) => return flow.over(trace, vec![set]),
            Spans::Binary(op, sides) => {
                let attributes = set.attributes.clone();
                let left = joined(sides.0.over(trace, set.clone())).spans;
                let right = joined(sides.1.over(trace, set)).spans;
                let spans = match op {
                    SpansetOp::And if left.is_empty() || right.is_empty() => Vec::new(),
                    SpansetOp::And | SpansetOp::Or => union(&left, &right),
                    SpansetOp::Structural(relation, mode) => {
                        structural(trace, *relation, *mode, &left, &right)
                    }
                };
                Set { spans, attributes }
            }
        };
        if found.spans.is_empty() { Vec::new() } else { vec![found] }
    }
}

/// All sets as one.
fn joined(mut sets: Vec<Set>) -> Set {
    if sets.len() == 1 {
        let spans = std::mem::take(&mut sets[0].spans);
        return Set { spans, attributes: Vec::new() };
    }
    let mut spans: Vec<u32> = sets.into_iter().flat_map(|s| s.spans).collect();
    spans.sort_unstable();
    spans.dedup();
    Set { spans, attributes: Vec::new() }
}

/// One set per value, in the order in which the values are met.
fn grouped<'a>(trace: &'a Trace<'a>, set: Set, code: &'a Code, name: &str) -> Vec<Set> {
    let mut groups: Vec<Set> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut key = Vec::new();
    for at in set.spans {
        let value = code.of(trace.here(at as usize)).to_literal();
        key.clear();
        value.push_key(&mut key);
        let place = match places.get(key.as_slice()) {
            Some(place) => *place,
            None => {
                let mut attributes = set.attributes.clone();
                attributes.push((name.to_owned(), value));
                groups.push(Set { spans: Vec::new(), attributes });
                places.insert(key.clone(), groups.len() - 1);
                groups.len() - 1
            }
        };
        groups[place].spans.push(at);
    }
    groups
}

fn filtered<'a>(
    trace: &'a Trace<'a>,
    mut set: Set,
    op: Comparison,
    lhs: &'a Number,
    rhs: &'a Number,
) -> Option<Set> {
    let mut made = Vec::new();
    let left = lhs.of(trace, &set, &mut made);
    let right = rhs.of(trace, &set, &mut made);
    if !compare(op, left, right) {
        return None;
    }
    for (name, value) in made {
        set.attributes.retain(|(n, _)| *n != name);
        set.attributes.push((name, value));
    }
    Some(set)
}

impl Number {
    fn new(scalar: &Scalar, columns: &mut ColumnSet) -> Result<Number, EvalError> {
        Ok(match scalar {
            Scalar::Literal(literal) => Number::Literal(literal.clone()),
            Scalar::Aggregate(aggregate) => Number::Aggregate(Fold::new(aggregate, columns)?),
            Scalar::Binary(b) => {
                Number::Binary(b.op, Box::new((Number::new(&b.lhs, columns)?, Number::new(&b.rhs, columns)?)))
            }
            Scalar::Pipeline(pipeline, aggregate) => {
                Number::Flow(Flow::new(pipeline, columns)?, Fold::new(aggregate, columns)?)
            }
        })
    }

    /// Its value for a set; `made` collects the aggregates on the way.
    fn of<'a>(&'a self, trace: &'a Trace<'a>, set: &Set, made: &mut Vec<(String, Literal)>) -> Operand<'a> {
        match self {
            Number::Literal(literal) => Operand::of_literal(literal),
            Number::Aggregate(fold) => {
                let value = fold.of(trace, &set.spans);
                made.push((fold.name.clone(), value.to_literal()));
                value
            }
            Number::Binary(op, sides) => {
                let left = sides.0.of(trace, set, made);
                arithmetic(*op, left, sides.1.of(trace, set, made))
            }
            Number::Flow(flow, fold) => fold.of(trace, &joined(flow.over(trace, vec![set.clone()])).spans),
        }
    }
}

impl Fold {
    fn new(aggregate: &Aggregate, columns: &mut ColumnSet) -> Result<Fold, EvalError> {
        let of = aggregate.of.as_ref().map(|e| Code::new(e, columns)).transpose()?;
        Ok(Fold { op: aggregate.op, of, name: aggregate.to_string() })
    }

    /// One number for some spans; those without a number do not count. Nothing, if none has one.
    fn of<'a>(&'a self, trace: &'a Trace<'a>, spans: &[u32]) -> Operand<'a> {
        let Some(code) = &self.of else { return Operand::Int(spans.len() as i64) };
        let mut count = 0u64;
        let mut folded = Operand::Nil;
        for at in spans {
            let value = code.of(trace.here(*at as usize)).first();
            if value.number().is_none() {
                continue;
            }
            count += 1;
            folded = match (self.op, folded) {
                (_, Operand::Nil) => value,
                (AggregateOp::Min, so_far) if compare(Comparison::Less, value, so_far) => value,
                (AggregateOp::Max, so_far) if compare(Comparison::Greater, value, so_far) => value,
                (AggregateOp::Sum | AggregateOp::Avg, so_far) => arithmetic(Arithmetic::Add, so_far, value),
                (_, so_far) => so_far,
            };
        }
        match (self.op, folded) {
            (AggregateOp::Avg, Operand::Duration(sum)) => {
                Operand::Duration((sum as f64 / count as f64).round() as i64)
            }
            (AggregateOp::Avg, sum) => {
                sum.number().map_or(Operand::Nil, |s| Operand::Float(s / count as f64))
            }
            (_, folded) => folded,
        }
    }
}
