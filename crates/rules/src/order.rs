//! In which order groups are evaluated over the past, so that each rule finds what the others gave.

use crate::file::{Group, Rule, RuleKind};
use crate::language::Expression;
use model::METRIC_NAME;

/// How groups are evaluated over a stretch of the past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// The groups by their place, those that give before those that read; else as they stand.
    pub groups: Vec<usize>,
    /// For each group, by its place, whether a rule reads what itself or a later one of the group gave before: only step
    /// by step each then finds what it needs.
    pub stepwise: Vec<bool>,
    /// Whether groups read each other in a circle: then all of them go step by step.
    pub circular: bool,
}

impl Order {
    /// The order of some groups.
    pub fn of(groups: &[Group]) -> Order {
        let stepwise = groups.iter().map(reads_back).collect();
        let reads: Vec<Vec<usize>> = groups
            .iter()
            .enumerate()
            .map(|(i, group)| {
                let others = groups.iter().enumerate().filter(|(j, _)| *j != i);
                others.filter(|(_, other)| any(group, other)).map(|(j, _)| j).collect()
            })
            .collect();
        let mut order = Order { groups: Vec::with_capacity(groups.len()), stepwise, circular: false };
        let mut placed = vec![false; groups.len()];
        while order.groups.len() < groups.len() {
            let is_ready = |i: &usize| !placed[*i] && reads[*i].iter().all(|j| placed[*j]);
            let next = (0..groups.len()).find(is_ready).or_else(|| {
                order.circular = true;
                (0..groups.len()).find(|i| !placed[*i])
            });
            let Some(next) = next else { break };
            placed[next] = true;
            order.groups.push(next);
        }
        order
    }
}

fn any(reader: &Group, giver: &Group) -> bool {
    records(reader).any(|r| records(giver).any(|g| may_read(&r.expr, g)))
}

fn records(group: &Group) -> impl Iterator<Item = &Rule> {
    group.rules.iter().filter(|r| r.kind == RuleKind::Record)
}

fn reads_back(group: &Group) -> bool {
    let rules: Vec<&Rule> = records(group).collect();
    rules.iter().enumerate().any(|(i, r)| rules[i..].iter().any(|later| may_read(&r.expr, later)))
}

/// Whether an expression may read what a recording rule gives.
pub fn may_read(expr: &Expression, giver: &Rule) -> bool {
    let Expression::PromQl(expr) = expr else { return false };
    // It looks for series that its arguments do not name.
    if expr.to_string().contains("info(") {
        return true;
    }
    expr.selectors().iter().any(|matchers| {
        matchers.iter().all(|m| match m.name() {
            METRIC_NAME => m.matches(&giver.name),
            name => giver.labels.get(name).is_none_or(|value| m.matches(value)),
        })
    })
}
