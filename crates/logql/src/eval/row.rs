//! The labels of the rows of a block.

use super::plan::{DETECTED_LEVEL, Plan, SPAN_ID, TRACE_ID};
use crate::names::{push_sanitized, sanitize};
use crate::pipeline::{Kind, Pair, Predicate, RowLabels, Step, Wanted, attribute_text};
use crate::source::{Block, BodyColumn};
use bumpalo::Bump;
use model::record::{Attributes, Severity, Value};

/// Rows after which the arena of made texts is emptied.
pub(super) const CHUNK_ROWS: usize = 1024;

/// A block with the labels that all its rows have.
pub(super) struct Rows<'x> {
    plan: &'x Plan<'x>,
    block: &'x Block<'x>,
    stream: Vec<Pair<'x>>,
}

/// What is decided about all rows of a block at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leading {
    /// Steps that need not be done row by row.
    pub done: usize,
    /// Whether rows pass them.
    pub passes: bool,
}

impl<'x> Rows<'x> {
    pub fn new(plan: &'x Plan<'x>, block: &'x Block<'x>, arena: &'x Bump) -> Rows<'x> {
        let wanted = &plan.pipeline.wanted[0];
        let mut stream: Vec<Pair<'x>> = Vec::new();
        for (name, value) in block.stream {
            let name: &str = match sanitize(name) {
                std::borrow::Cow::Borrowed(name) => name,
                std::borrow::Cow::Owned(name) => arena.alloc_str(&name),
            };
            if !name.is_empty() && wanted.contains(name) && stream.iter().all(|p| p.name != name) {
                stream.push(Pair { name, value, kind: Kind::Stream });
            }
        }
        Rows { plan, block, stream }
    }

    /// Whether rows of the block may differ in a label.
    fn varies(&self, name: &str) -> bool {
        let special = match name {
            TRACE_ID => self.block.traces.iter().any(|t| !t.is_none()),
            SPAN_ID => self.block.spans.iter().any(|s| !s.is_none()),
            DETECTED_LEVEL => self.block.severities.iter().any(|s| *s != Severity::UNKNOWN),
            _ => false,
        };
        special
            || match &self.plan.named {
                None => !self.block.attributes.is_empty(),
                Some(names) => {
                    let column = names.iter().position(|n| n == name).and_then(|i| self.block.named.get(i));
                    column.is_some_and(|c| !c.is_empty())
                }
            }
    }

    /// Whether all rows have the same labels, as far as anybody looks.
    pub fn are_alike(&self) -> bool {
        let all_named = |names: &[String]| names.iter().all(|n| !self.varies(n));
        match &self.plan.pipeline.wanted[0] {
            Wanted::Named(names) => all_named(names),
            Wanted::All => ![TRACE_ID, SPAN_ID, DETECTED_LEVEL].into_iter().any(|n| self.varies(n)),
        }
    }

    /// Does the label filters at the start for all rows at once, where all rows have the same labels.
    pub fn leading_steps(&self, arena: &'x Bump) -> Leading {
        for (done, step) in self.plan.pipeline.steps.iter().enumerate() {
            let Step::Label(predicate) = step else { return Leading { done, passes: true } };
            match self.holds_for_all(predicate, arena) {
                Some(true) => {}
                Some(false) => return Leading { done: done + 1, passes: false },
                None => return Leading { done, passes: true },
            }
        }
        Leading { done: self.plan.pipeline.steps.len(), passes: true }
    }

    fn holds_for_all(&self, predicate: &Predicate, arena: &'x Bump) -> Option<bool> {
        let mut alike = true;
        predicate.names(&mut |name| alike &= !self.varies(name));
        if !alike {
            return None;
        }
        let mut labels = RowLabels { pairs: self.stream.clone(), error: "", details: "" };
        let holds = predicate.holds(&mut labels, arena);
        // An error belongs to each row.
        labels.error.is_empty().then_some(holds)
    }

    /// The labels that all rows have.
    pub fn stream_labels(&self) -> &[Pair<'x>] {
        &self.stream
    }

    /// The line of a row, empty if it was not asked for.
    pub fn line(&self, row: usize) -> &'x str {
        if self.plan.body == BodyColumn::Text { self.block.bodies.get(row) } else { "" }
    }

    /// Gives `labels` those of a row.
    pub fn fill<'b>(&self, row: usize, labels: &mut RowLabels<'b>, arena: &'b Bump)
    where
        'x: 'b,
    {
        labels.clear();
        labels.pairs.extend_from_slice(&self.stream);
        let wanted = &self.plan.pipeline.wanted[0];
        if let Some(severity) = self.block.severities.get(row)
            && *severity != Severity::UNKNOWN
            && wanted.contains(DETECTED_LEVEL)
        {
            structured(labels, DETECTED_LEVEL, severity.text());
        }
        if let Some(trace) = self.block.traces.get(row)
            && !trace.is_none()
            && wanted.contains(TRACE_ID)
        {
            structured(labels, TRACE_ID, arena.alloc_str(&format!("{trace}")));
        }
        if let Some(span) = self.block.spans.get(row)
            && !span.is_none()
            && wanted.contains(SPAN_ID)
        {
            structured(labels, SPAN_ID, arena.alloc_str(&format!("{span}")));
        }
        match &self.plan.named {
            Some(names) => {
                for (name, column) in names.iter().zip(self.block.named) {
                    if let Some(Some(value)) = column.get(row) {
                        structured(labels, name, attribute_text(*value, arena));
                    }
                }
            }
            None => {
                if let Some(attributes) = self.block.attributes.get(row) {
                    add_all(*attributes, "", labels, arena);
                }
            }
        }
    }
}

/// Adds an attribute; it counts more than a label of the stream.
fn structured<'b>(labels: &mut RowLabels<'b>, name: &'b str, value: &'b str) {
    if value.is_empty() {
        return;
    }
    let pair = Pair { name, value, kind: Kind::Structured };
    match labels.pairs.iter_mut().find(|p| p.name == name) {
        Some(known) => *known = pair,
        None => labels.pairs.push(pair),
    }
}

/// Adds all attributes, those inside maps with the names of what is around them in front. Maps nest a bounded number
/// of times, see `model`.
fn add_all<'b>(attributes: Attributes<'b>, prefix: &str, labels: &mut RowLabels<'b>, arena: &'b Bump) {
    for (stored, value) in attributes.iter() {
        let name: &'b str = match (prefix, sanitize(stored)) {
            ("", std::borrow::Cow::Borrowed(name)) => name,
            ("", std::borrow::Cow::Owned(name)) => arena.alloc_str(&name),
            (prefix, _) => {
                let mut name = format!("{prefix}_");
                push_sanitized(&mut name, stored.trim());
                arena.alloc_str(&name)
            }
        };
        match value {
            _ if name.is_empty() => {}
            Value::Map(inner) => add_all(inner, name, labels, arena),
            value => structured(labels, name, attribute_text(value, arena)),
        }
    }
}
