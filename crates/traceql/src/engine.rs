//! Queries from start to end.

use crate::ast::{Body, FieldExpr, Pipeline, Query, Spanset, Stage};
use crate::eval::{self, Context};
use crate::field::{Field, Scope};
use crate::literal::Literal;
use crate::source::Source;
use crate::value::{MetricsOutput, MetricsRange, Output, SearchRange, Stats};
use promql::{Control, EvalError};
use std::collections::BTreeMap;

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Traces that may be asked for.
    pub traces_max: usize,
    /// Series that the result of a metrics query may have.
    pub series_max: usize,
    /// Steps that a metrics query may have.
    pub steps_max: u64,
    /// Exemplars that the result of a metrics query may have.
    pub exemplars_max: usize,
    /// Bytes that a query may hold at once.
    pub memory_max: u64,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            traces_max: 10_000,
            series_max: 10_000,
            steps_max: 11_000,
            exemplars_max: 10_000,
            memory_max: 1 << 30,
        }
    }
}

/// Evaluates queries over any source.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    /// Its settings.
    pub options: EngineOptions,
}

impl Engine {
    /// An engine with these settings.
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options }
    }

    /// The latest traces in which a query finds something. A trace is looked at as a whole if one of the spans that the
    /// query needs started within the range.
    pub fn search(
        &self,
        source: &dyn Source,
        query: &Query,
        range: &SearchRange,
        control: &Control,
    ) -> Result<Output, EvalError> {
        let Body::Spans(pipeline) = &query.body else {
            return Err(EvalError::query("this query gives numbers over time, and traces are asked for"));
        };
        let mut context = Context::new(source, control, &self.options);
        let traces = eval::search(&mut context, pipeline, range)?;
        context.stats.memory_peak = context.held.peak;
        Ok(Output { traces, stats: context.stats })
    }

    /// The numbers of a metrics query, with at most so many exemplars.
    pub fn metrics(
        &self,
        source: &dyn Source,
        query: &Query,
        range: &MetricsRange,
        exemplars: usize,
        control: &Control,
    ) -> Result<MetricsOutput, EvalError> {
        let Body::Metrics(metrics) = &query.body else {
            return Err(EvalError::query(
                "this query gives traces, and numbers over time are asked for: add | rate(), for instance",
            ));
        };
        let mut context = Context::new(source, control, &self.options);
        let series = eval::metrics(&mut context, query, metrics, range, exemplars)?;
        if series.len() > self.options.series_max {
            return Err(EvalError::Limit {
                what: "series in its result",
                observed: series.len() as u64,
                limit: self.options.series_max as u64,
                setting: "query.trace_series_max, or tell fewer apart with by (…)",
            });
        }
        context.stats.memory_peak = context.held.peak;
        Ok(MetricsOutput { series, stats: context.stats })
    }

    /// The values of a field among the spans of a range that satisfy a filter, in order and at most so many.
    pub fn values(
        &self,
        source: &dyn Source,
        (filter, field): (&FieldExpr, &Field),
        (start_ns, end_ns): (i64, i64),
        limit: usize,
        control: &Control,
    ) -> Result<(Vec<Literal>, Stats), EvalError> {
        let mut context = Context::new(source, control, &self.options);
        let range = MetricsRange::Instant { start_ns, end_ns };
        let values = eval::values(&mut context, &filtered(filter), field, &range, limit)?;
        Ok((values, context.stats))
    }

    /// The names of attributes, by scope and in order, of the latest spans of a range that satisfy a filter; of so many.
    pub fn names(
        &self,
        source: &dyn Source,
        filter: &FieldExpr,
        (start_ns, end_ns): (i64, i64),
        sample: usize,
        control: &Control,
    ) -> Result<(BTreeMap<Scope, Vec<String>>, Stats), EvalError> {
        let mut context = Context::new(source, control, &self.options);
        let range = MetricsRange::Instant { start_ns, end_ns };
        let names = eval::names(&mut context, &filtered(filter), &range, sample)?;
        Ok((names, context.stats))
    }
}

fn filtered(filter: &FieldExpr) -> Pipeline {
    Pipeline { stages: vec![Stage::Spans(Spanset::Filter(filter.clone()))] }
}
