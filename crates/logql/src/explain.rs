//! How a query was evaluated: its nodes with what each gave, read, took and held.

use crate::ast::{Expr, LogExpr, Metric, RangeAggregate, Span};
use crate::eval::{ScanTrace, Trace};
use crate::printer;
use std::collections::HashMap;
use std::time::Duration;

/// A node of a query as it was evaluated, with those below it. Numbers are no nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNode {
    /// What it is: `lines`, `range aggregation`, `aggregation`, `binary`, `call`, `stage`, `selector`.
    pub kind: &'static str,
    /// The expression, with an ellipsis for what is below.
    pub head: String,
    /// Where it stands in the query.
    pub span: Span,
    /// Series it gave; `None` if it gives lines.
    pub series: Option<u64>,
    /// Lines it gave; `None` if it gives series.
    pub lines: Option<u64>,
    /// Lines looked at, here and below.
    pub lines_read: u64,
    /// Bytes of these lines that were read.
    pub bytes: u64,
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

    /// A node above `children`, which is to be told what it gave and took.
    fn above(kind: &'static str, head: String, span: Span, children: Vec<PlanNode>) -> PlanNode {
        PlanNode {
            kind,
            head,
            span,
            series: None,
            lines: None,
            lines_read: children.iter().map(|c| c.lines_read).sum(),
            bytes: children.iter().map(|c| c.bytes).sum(),
            total: children.iter().map(|c| c.total).sum(),
            own: Duration::ZERO,
            memory_bytes: children.iter().map(|c| c.memory_bytes).max().unwrap_or(0),
            notes: Vec::new(),
            children,
        }
    }

    fn took(&mut self, total: Duration) {
        let below: Duration = self.children.iter().map(|c| c.total).sum();
        self.own = total.saturating_sub(below);
        self.total = below + self.own;
    }
}

/// The plan of a query whose evaluation was recorded. Recursion is bounded by the parser's bound on nesting.
pub(crate) fn plan(expr: &Expr, trace: &Trace, given: u64) -> Option<PlanNode> {
    match expr {
        Expr::Log(log) => {
            let scan = trace.scans.first()?;
            let mut node = PlanNode::above("lines", "…".to_owned(), log.span, pipeline(log, scan));
            node.lines = Some(given);
            node.memory_bytes = scan.memory_bytes;
            node.took(scan.total);
            Some(node)
        }
        Expr::Metric(metric) => {
            let mut above = HashMap::new();
            if let Some(plan) = &trace.above {
                plan.walk(&mut |node, _| {
                    above.entry((node.span.start, node.span.end)).or_insert(node);
                });
            }
            Some(Planner { trace, above }.metric(metric))
        }
    }
}

/// The selector of a query and its stages, in the order in which lines go through them. A query may have very many.
fn pipeline(log: &LogExpr, scan: &ScanTrace) -> Vec<PlanNode> {
    let selector = log.stages.first().map_or(log.span, |first| Span { end: first.span.start, ..log.span });
    let stats = &scan.stats;
    let mut notes = Vec::new();
    if stats.groups > 0 {
        notes.push(format!("{} of {} row groups were read", stats.groups_read, stats.groups));
    }
    if stats.streams == 0 {
        notes.push("no stream has lines that match".to_owned());
    }
    let mut nodes = vec![PlanNode {
        lines: Some(scan.meter.rows),
        lines_read: stats.lines,
        bytes: stats.bytes,
        total: scan.reading,
        own: scan.reading,
        notes,
        ..PlanNode::above("selector", printer::selector(log), selector, Vec::new())
    }];
    let mut lines = scan.meter.rows;
    for (at, stage) in log.stages.iter().enumerate() {
        let mut node = PlanNode::above("stage", stage.to_string(), stage.span, Vec::new());
        match scan.meter.steps.iter().find(|s| s.stage == at) {
            Some(step) => {
                lines = step.passed;
                (node.own, node.total) = (step.took, step.took);
            }
            None => node.notes.push("done by the store while it reads".to_owned()),
        }
        node.lines = Some(lines);
        nodes.push(node);
    }
    nodes
}

struct Planner<'t> {
    trace: &'t Trace,
    /// By where it stands.
    above: HashMap<(usize, usize), &'t promql::PlanNode>,
}

impl Planner<'_> {
    fn metric(&self, metric: &Metric) -> PlanNode {
        let span = metric.span();
        let (kind, children) = match metric {
            Metric::Range(range) => return self.range(range),
            Metric::Vector(v) => ("aggregation", vec![self.metric(&v.inner)]),
            Metric::Binary(b) => {
                let sides = [&b.lhs, &b.rhs].into_iter().filter(|m| !matches!(m, Metric::Number { .. }));
                ("binary", sides.map(|m| self.metric(m)).collect())
            }
            Metric::LabelReplace(l) => ("call", vec![self.metric(&l.inner)]),
            Metric::Constant { .. } | Metric::Number { .. } => ("call", Vec::new()),
        };
        let mut node = PlanNode::above(kind, printer::head(metric), span, children);
        match self.above.get(&(span.start, span.end)) {
            Some(known) => {
                node.series = known.series;
                node.own = known.own;
                node.total += known.own;
                node.memory_bytes = node.memory_bytes.max(known.memory_bytes);
            }
            None => {
                node.series = node.children.first().and_then(|c| c.series);
                node.notes.push("computed together with the node below".to_owned());
            }
        }
        node
    }

    fn range(&self, range: &RangeAggregate) -> PlanNode {
        let head = printer::head_of_range(range);
        let place = self.trace.places.iter().position(|(span, _)| *span == range.span);
        let known = place
            .and_then(|i| Some((i, self.trace.places[i].1, self.trace.scans.get(self.trace.places[i].1)?)));
        let Some((place, at, scan)) = known else {
            return PlanNode::above("range aggregation", head, range.span, Vec::new());
        };
        let again = self.trace.places[..place].iter().any(|(_, other)| *other == at);
        let children = if again { Vec::new() } else { pipeline(&range.log, scan) };
        let mut node = PlanNode::above("range aggregation", head, range.span, children);
        node.series = Some(scan.series);
        if again {
            node.notes.push("the same as before: evaluated once".to_owned());
        } else {
            node.memory_bytes = scan.memory_bytes;
            node.took(scan.total);
        }
        node
    }
}
