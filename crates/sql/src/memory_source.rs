//! Data in memory.

use crate::source::{LogBlock, LogNames, LogScan, LogStats, Order, Source};
use crate::text::push_json;
use model::record::{Attributes, RecordBatch, RecordRef, Severity, SpanId, Tenant, TraceId, Value};
use model::{Labels, Matcher, Samples};
use promql::{Control, EvalError, Selection, SeriesSet, SourceError};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// A source that holds its data in memory: for tests, scripts and trying out queries.
#[derive(Debug)]
pub struct MemorySource {
    records: RecordBatch,
    series: Series,
    /// Records a block may have.
    block_rows: usize,
}

impl Default for MemorySource {
    fn default() -> MemorySource {
        MemorySource {
            records: RecordBatch::new(Tenant::unnamed()),
            series: Series::default(),
            block_rows: 4096,
        }
    }
}

impl MemorySource {
    /// Gives blocks of so many records.
    #[must_use]
    pub fn with_block_rows(mut self, rows: usize) -> MemorySource {
        self.block_rows = rows.max(1);
        self
    }

    /// The records, to add more.
    pub fn records_mut(&mut self) -> &mut RecordBatch {
        &mut self.records
    }

    /// Adds a series.
    pub fn add_series(&mut self, labels: Labels, samples: Samples) {
        self.series.0.push((labels, samples));
    }

    fn rows<'a>(&'a self, scan: &LogScan<'_>) -> Vec<(RecordRef<'a>, String)> {
        let mut rows = Vec::new();
        for record in self.records.iter() {
            let r = &record.record;
            let labels = self.records.labels(record.stream);
            let inside = scan.start_ns <= r.time_ns && r.time_ns < scan.end_ns;
            if !inside || scan.trace_id.is_some_and(|t| t != r.trace_id) || !(scan.streams)(labels) {
                continue;
            }
            let mut body = String::new();
            match r.body {
                Value::String(text) => body.push_str(text),
                other => push_json(other, &mut body),
            }
            if scan.filters.iter().all(|f| f.passes(&body)) {
                rows.push((record, body));
            }
        }
        match scan.order {
            Order::Any => {}
            Order::Forward => rows.sort_by_key(|(r, _)| r.record.time_ns),
            Order::Backward => rows.sort_by_key(|(r, _)| std::cmp::Reverse(r.record.time_ns)),
        }
        if let Some(limit) = scan.limit {
            rows.truncate(limit);
        }
        rows
    }
}

/// Some records of one stream.
struct Block<'a> {
    labels: &'a Labels,
    rows: Vec<(RecordRef<'a>, String)>,
    times: Vec<i64>,
    settled_ns: i64,
    named: Vec<&'a str>,
}

impl LogBlock for Block<'_> {
    fn labels(&self) -> &Labels {
        self.labels
    }

    fn times_ns(&self) -> &[i64] {
        &self.times
    }

    fn settled_ns(&self) -> i64 {
        self.settled_ns
    }

    fn body(&self, row: usize) -> &str {
        &self.rows[row].1
    }

    fn severity(&self, row: usize) -> Severity {
        self.rows[row].0.record.severity
    }

    fn trace(&self, row: usize) -> TraceId {
        self.rows[row].0.record.trace_id
    }

    fn span(&self, row: usize) -> SpanId {
        self.rows[row].0.record.span_id
    }

    fn named(&self, place: usize, row: usize) -> Option<Value<'_>> {
        self.rows[row].0.record.attributes.get(self.named[place])
    }

    fn attributes(&self, row: usize) -> Attributes<'_> {
        self.rows[row].0.record.attributes
    }
}

impl Source for MemorySource {
    /// Windows of two blocks' rows, each given stream by stream, as stores do.
    fn logs(
        &self,
        scan: &LogScan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn LogBlock) -> ControlFlow<()>,
    ) -> Result<LogStats, EvalError> {
        let named = match scan.columns.attributes {
            crate::source::AttributeColumns::Named(names) => names.to_vec(),
            _ => Vec::new(),
        };
        let rows = self.rows(scan);
        let tested = rows.len() as u64;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            control.check()?;
            let window: Vec<_> = rows.by_ref().take(self.block_rows * 2).collect();
            let settled_ns = match scan.order {
                Order::Any => i64::MIN,
                _ => window.first().map_or(0, |(r, _)| r.record.time_ns),
            };
            let streams: BTreeSet<&Labels> =
                window.iter().map(|(r, _)| self.records.labels(r.stream)).collect();
            for labels in streams {
                let mine = window.iter().filter(|(r, _)| self.records.labels(r.stream) == labels).cloned();
                let mine: Vec<_> = mine.collect();
                for rows in mine.chunks(self.block_rows) {
                    let times = rows.iter().map(|(r, _)| r.record.time_ns).collect();
                    let block =
                        Block { labels, rows: rows.to_vec(), times, settled_ns, named: named.clone() };
                    if visit(&block).is_break() {
                        return Ok(LogStats { tested, ..LogStats::default() });
                    }
                }
            }
        }
        Ok(LogStats { tested, ..LogStats::default() })
    }

    fn log_names(&self, limit: usize, _: &Control) -> Result<LogNames, EvalError> {
        let labels: BTreeSet<&str> =
            self.records.streams().iter().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
        let attributes: BTreeSet<&str> =
            self.records.iter().flat_map(|r| r.record.attributes.iter().map(|(n, _)| n)).collect();
        let owned = |names: BTreeSet<&str>| names.into_iter().take(limit).map(str::to_owned).collect();
        Ok(LogNames { labels: owned(labels), attributes: owned(attributes) })
    }

    fn series(&self) -> &dyn promql::Source {
        &self.series
    }

    fn metrics(&self, limit: usize) -> Result<Vec<String>, EvalError> {
        let names: BTreeSet<&str> = self.series.0.iter().map(|(l, _)| l.metric_name()).collect();
        Ok(names.into_iter().filter(|n| !n.is_empty()).take(limit).map(str::to_owned).collect())
    }

    fn metric_labels(&self, metric: &str, limit: usize) -> Result<Option<Vec<String>>, EvalError> {
        let mine: Vec<&Labels> =
            self.series.0.iter().map(|(l, _)| l).filter(|l| l.metric_name() == metric).collect();
        let names: BTreeSet<&str> = mine.iter().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
        let names = names.into_iter().filter(|n| *n != "__name__").take(limit).map(str::to_owned).collect();
        Ok((!mine.is_empty()).then_some(names))
    }
}

#[derive(Debug, Default)]
struct Series(Vec<(Labels, Samples)>);

impl promql::Source for Series {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let fits = |labels: &Labels| {
            selection.matchers.iter().all(|m: &Matcher| m.matches(labels.get(m.name()).unwrap_or("")))
        };
        Ok(Box::new(Found(self.0.iter().filter(|(l, _)| fits(l)).collect())))
    }
}

struct Found<'a>(Vec<&'a (Labels, Samples)>);

impl SeriesSet for Found<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.0[i].0
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        *out = self.0[i].1.clone();
        Ok(())
    }
}
