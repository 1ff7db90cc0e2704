//! How a query was evaluated: its nodes with what each gave, read, took and held.

use crate::ast::{Expr, Span, ValueType};
use crate::eval::{Evaluated, Read, Trace, is_invariant};
use crate::printer::head;
use std::time::Duration;

/// A node of a query as it was evaluated, with those below it. Parentheses and literals are no nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNode {
    /// What it is: `aggregation`, `binary`, `call`, `selector`, `range selector`, `subquery`, `sign`, `literal`.
    pub kind: &'static str,
    /// The expression, with an ellipsis for what is below.
    pub head: String,
    /// Where it stands in the query.
    pub span: Span,
    /// Series it gave; `None` if it was computed together with the node above and has no result of its own.
    pub series: Option<u64>,
    /// Samples read from the source, here and below.
    pub samples: u64,
    /// Compressed bytes touched in the store, here and below; `None` if the source does not say.
    pub bytes: Option<u64>,
    /// Time taken here and below.
    pub total: Duration,
    /// Time taken here alone.
    pub own: Duration,
    /// Most bytes held at once, here and below.
    pub memory_bytes: u64,
    /// What is worth knowing about how it was evaluated.
    pub notes: Vec<String>,
    /// The nodes below.
    pub children: Vec<PlanNode>,
}

impl PlanNode {
    /// The part of the query this node stands for.
    pub fn text<'q>(&self, query: &'q str) -> &'q str {
        query.get(self.span.start..self.span.end).unwrap_or("")
    }

    /// Calls `visit` on this node and all below it, with their depth.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a PlanNode, usize)) {
        fn down<'a>(node: &'a PlanNode, depth: usize, visit: &mut dyn FnMut(&'a PlanNode, usize)) {
            visit(node, depth);
            for child in &node.children {
                down(child, depth + 1, visit);
            }
        }
        down(self, 0, visit);
    }
}

/// The plan of an expression whose evaluation was recorded. Recursion is bounded by the parser's bound on nesting.
pub(crate) fn plan(expr: &Expr, trace: &Trace) -> PlanNode {
    let expr = expr.unparen();
    let known = trace.node(expr.span());
    let mut notes = notes(expr, known.as_ref());
    match expr {
        Expr::Vector(v) => leaf(expr, known, &trace.reads_of(&v.matchers), notes),
        Expr::Matrix(m) => leaf(expr, known, &trace.reads_of(&m.selector.matchers), notes),
        _ => {
            let mut children: Vec<PlanNode> = expr
                .children()
                .into_iter()
                .filter(|e| !matches!(e.unparen(), Expr::Number(_) | Expr::String(_)))
                .map(|e| plan(e, trace))
                .collect();
            children.extend(of_no_selector(expr, trace));
            if let Expr::Subquery(s) = expr
                && let Some(inner) = trace.node(s.expr.unparen().span())
            {
                notes.push(format!("its inside is evaluated at {} steps", inner.steps));
            }
            inner_node(expr, known, children, notes)
        }
    }
}

fn kind(expr: &Expr) -> &'static str {
    match expr {
        Expr::Aggregate(_) => "aggregation",
        Expr::Binary(_) => "binary",
        Expr::Call(_) => "call",
        Expr::Matrix(_) => "range selector",
        Expr::Vector(_) => "selector",
        Expr::Subquery(_) => "subquery",
        Expr::Number(_) | Expr::String(_) => "literal",
        Expr::Paren(_) => "parentheses",
        Expr::Unary(_) => "sign",
    }
}

fn notes(expr: &Expr, known: Option<&Evaluated>) -> Vec<String> {
    let mut notes = Vec::new();
    let is_vector = expr.value_type() == ValueType::Vector;
    match known {
        Some(e) if e.steps > 1 && is_vector && is_invariant(expr) => {
            notes.push("evaluated once: does not depend on the step".to_owned());
        }
        Some(e) if e.times > 1 => notes.push(format!("evaluated {} times", e.times)),
        None if is_vector => notes.push("computed together with the node above".to_owned()),
        _ => {}
    }
    notes
}

fn leaf(expr: &Expr, known: Option<Evaluated>, reads: &[Read], mut notes: Vec<String>) -> PlanNode {
    let reading: Duration = reads.iter().map(Read::took).sum();
    let total = known.map_or(reading, |k| k.took);
    let selected: u64 = reads.iter().map(|r| r.series).sum();
    if reads.iter().any(|r| r.counted) {
        notes.push("answered from the index".to_owned());
    }
    if selected == 0
        && let Some(hint) = crate::hint::empty_hint(expr)
    {
        notes.push(format!("no series matches; {hint}"));
    }
    if let Some(k) = known.filter(|k| k.series < selected) {
        notes.push(format!("{} of {selected} series have a sample that counts", k.series));
    }
    PlanNode {
        kind: kind(expr),
        head: head(expr),
        span: expr.span(),
        series: Some(known.map_or(selected, |k| k.series)),
        samples: reads.iter().map(Read::samples).sum(),
        bytes: sum_known(reads.iter().map(Read::bytes)),
        total,
        own: total,
        memory_bytes: known.map_or(0, |k| k.memory),
        notes,
        children: Vec::new(),
    }
}

/// Reads that a node made by itself and that no selector of the query stands for, as `info` does.
fn of_no_selector(expr: &Expr, trace: &Trace) -> Vec<PlanNode> {
    let written: Vec<usize> = expr.selectors().iter().map(|m| m.as_ptr() as usize).collect();
    let reads = trace.reads_under(expr.span());
    let own = reads.into_iter().filter(|r| !written.contains(&r.matchers_at));
    own.map(|r| PlanNode {
        kind: "selector",
        head: r.selector.clone(),
        span: expr.span(),
        series: Some(r.series),
        samples: r.samples(),
        bytes: r.bytes(),
        total: r.took(),
        own: r.took(),
        memory_bytes: 0,
        notes: vec!["asked for by the function itself".to_owned()],
        children: Vec::new(),
    })
    .collect()
}

fn inner_node(
    expr: &Expr,
    known: Option<Evaluated>,
    children: Vec<PlanNode>,
    notes: Vec<String>,
) -> PlanNode {
    let below: Duration = children.iter().map(|c| c.total).sum();
    let total = known.map_or(below, |k| k.took);
    let most = children.iter().map(|c| c.memory_bytes).max().unwrap_or(0);
    PlanNode {
        kind: kind(expr),
        head: head(expr),
        span: expr.span(),
        series: known.map(|k| k.series),
        samples: children.iter().map(|c| c.samples).sum(),
        bytes: sum_known(children.iter().map(|c| c.bytes)),
        total,
        // Threads may have read side by side, and then took more time in all than passed.
        own: total.saturating_sub(below),
        memory_bytes: known.map_or(most, |k| k.memory),
        notes,
        children,
    }
}

/// The sum if every part is known.
fn sum_known(parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    parts.sum()
}
