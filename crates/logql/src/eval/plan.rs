//! What a query asks of its source.

use crate::ast::{LabelFilter, LogExpr, StageKind};
use crate::pipeline::{self, ERROR, ERROR_DETAILS, Pipeline, Wanted, changes_line};
use crate::source::{AttributeColumns, BodyColumn, Columns, Order, Scan};
use model::Matcher;
use model::record::TextFilter;
use promql::EvalError;

/// The label made of a record's trace.
pub(super) const TRACE_ID: &str = "trace_id";
/// The label made of a record's span.
pub(super) const SPAN_ID: &str = "span_id";
/// The label made of a record's severity.
pub(super) const DETECTED_LEVEL: &str = "detected_level";

/// A log query, divided between the source and the pipeline.
#[derive(Debug)]
pub(super) struct Plan<'q> {
    pub log: &'q LogExpr,
    pub pipeline: Pipeline,
    filters: Vec<TextFilter>,
    hints: Vec<Matcher>,
    /// Attributes asked for by name; `None` asks for all.
    pub named: Option<Vec<String>>,
    pub body: BodyColumn,
    pub severity: bool,
    pub ids: bool,
}

impl<'q> Plan<'q> {
    /// `after` are the labels that are looked at behind the pipeline, `body` what is looked at of the line there.
    pub fn new(
        log: &'q LogExpr,
        after: Wanted,
        body: BodyColumn,
        now_ns: i64,
    ) -> Result<Plan<'q>, EvalError> {
        let pipeline = Pipeline::new(log, after, now_ns)?;
        let (filters, hints) = leading(log)?;
        let named = match &pipeline.wanted[0] {
            Wanted::All => None,
            Wanted::Named(names) => {
                Some(names.iter().filter(|n| *n != ERROR && *n != ERROR_DETAILS).cloned().collect())
            }
        };
        let wants = |name: &str| pipeline.wanted[0].contains(name);
        // A line that a stage changes has another length.
        let changed = log.stages.iter().any(|s| changes_line(&s.kind));
        let body = match body {
            _ if pipeline.needs_line() => BodyColumn::Text,
            BodyColumn::Length if changed => BodyColumn::Text,
            body => body,
        };
        Ok(Plan {
            severity: wants(DETECTED_LEVEL),
            ids: wants(TRACE_ID) || wants(SPAN_ID),
            log,
            filters,
            hints,
            named,
            body,
            pipeline,
        })
    }

    pub fn scan(&self, start_ns: i64, end_ns: i64, order: Order, limit: Option<usize>) -> Scan<'_> {
        let attributes = match &self.named {
            None => AttributeColumns::All,
            Some(names) if names.is_empty() => AttributeColumns::None,
            Some(names) => AttributeColumns::Named(names),
        };
        Scan {
            matchers: &self.log.matchers,
            start_ns,
            end_ns,
            order,
            filters: &self.filters,
            hints: &self.hints,
            columns: Columns { body: self.body, attributes, severity: self.severity, ids: self.ids },
            // The source counts right only if nothing is filtered here.
            limit: limit.filter(|_| self.pipeline.steps.is_empty()),
        }
    }
}

/// Conditions that the source can use: on lines as long as no stage changed them, on labels as long as no stage
/// made any.
fn leading(log: &LogExpr) -> Result<(Vec<TextFilter>, Vec<Matcher>), EvalError> {
    let (mut filters, mut hints) = (Vec::new(), Vec::new());
    let mut labels_are_stored = true;
    for stage in &log.stages {
        match &stage.kind {
            StageKind::Line(filter) => {
                filters.append(&mut pipeline::pushed(filter).map_err(EvalError::query)?.filters);
            }
            StageKind::Label(filter) if labels_are_stored => certain(filter, &mut hints),
            kind if changes_line(kind) => break,
            StageKind::Label(_) => {}
            _ => labels_are_stored = false,
        }
    }
    Ok((filters, hints))
}

/// The matchers that must hold for a condition to hold.
fn certain(filter: &LabelFilter, out: &mut Vec<Matcher>) {
    match filter {
        LabelFilter::Matcher(m) if m.name() != ERROR && m.name() != ERROR_DETAILS => out.push(m.clone()),
        LabelFilter::And(parts) => parts.iter().for_each(|p| certain(p, out)),
        _ => {}
    }
}
