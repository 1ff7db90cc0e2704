//! Spans in memory.

use crate::source::{Columns, Order, Rows, Scan, ScanStats, Source, Traces};
use model::Labels;
use model::record::{Attributes, RecordBatch, RecordRef, SpanId, Tenant, TraceId, Value};
use promql::{Control, EvalError};
use std::ops::ControlFlow;

/// A source that holds its spans in memory: for tests, scripts and trying out queries.
#[derive(Debug)]
pub struct MemorySource {
    batch: RecordBatch,
    /// Rows a block may have.
    block_rows: usize,
}

impl Default for MemorySource {
    fn default() -> MemorySource {
        MemorySource::new(RecordBatch::new(Tenant::unnamed()))
    }
}

impl MemorySource {
    /// The spans of a batch.
    pub fn new(batch: RecordBatch) -> MemorySource {
        MemorySource { batch, block_rows: 4096 }
    }

    /// Gives blocks of so many rows.
    #[must_use]
    pub fn with_block_rows(mut self, rows: usize) -> MemorySource {
        self.block_rows = rows.max(1);
        self
    }

    /// The spans, to add more.
    pub fn batch_mut(&mut self) -> &mut RecordBatch {
        &mut self.batch
    }

    /// Gives some rows, resource by resource.
    fn give(
        &self,
        passes: &dyn Fn(&RecordRef<'_>) -> bool,
        order: Order,
        columns: Columns<'_>,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> ScanStats {
        let mut stats = ScanStats::default();
        let mut rows: Vec<RecordRef<'_>> = self.batch.iter().filter(passes).collect();
        rows.sort_by_key(|r| (r.stream, r.record.time_ns));
        stats.spans = rows.len() as u64;
        let blocks = rows.chunk_by(|a, b| a.stream == b.stream).flat_map(|s| s.chunks(self.block_rows));
        let mut blocks: Vec<&[RecordRef<'_>]> = blocks.collect();
        if order == Order::Backward {
            blocks.sort_by_key(|b| std::cmp::Reverse(latest(b)));
        }
        for (i, rows) in blocks.iter().enumerate() {
            let settled_ns = match order {
                Order::Backward => blocks.get(i + 1).map_or(i64::MIN, |b| latest(b)),
                Order::Any => i64::MAX,
            };
            let block = Block { resource: self.batch.labels(rows[0].stream), rows, columns, settled_ns };
            if visit(&block).is_break() {
                break;
            }
        }
        stats
    }
}

fn latest(rows: &[RecordRef<'_>]) -> i64 {
    rows.iter().map(|r| r.record.time_ns).max().unwrap_or(i64::MIN)
}

struct Block<'a> {
    resource: &'a Labels,
    rows: &'a [RecordRef<'a>],
    columns: Columns<'a>,
    settled_ns: i64,
}

impl Rows for Block<'_> {
    fn resource(&self) -> &Labels {
        self.resource
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn start_ns(&self, row: usize) -> i64 {
        self.rows[row].record.time_ns
    }

    fn trace_id(&self, row: usize) -> TraceId {
        self.rows[row].record.trace_id
    }

    fn span_id(&self, row: usize) -> SpanId {
        self.rows[row].record.span_id
    }

    fn name(&self, row: usize) -> &str {
        // What was not asked for is not there, as with a store.
        if self.columns.name { self.rows[row].record.body.as_str().unwrap_or_default() } else { "" }
    }

    fn attribute(&self, place: usize, row: usize) -> Option<Value<'_>> {
        self.rows[row].record.attributes.get(self.columns.named.get(place)?)
    }

    fn attributes(&self, row: usize) -> Attributes<'_> {
        if self.columns.all { self.rows[row].record.attributes } else { Attributes::NONE }
    }

    fn settled_ns(&self) -> i64 {
        self.settled_ns
    }
}

impl Source for MemorySource {
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        control.check()?;
        let hints = scan.hints;
        let passes = |r: &RecordRef<'_>| {
            let labels = self.batch.labels(r.stream);
            (scan.start_ns..scan.end_ns).contains(&r.record.time_ns)
                && hints.resource.iter().all(|m| labels.get(m.name()).is_none_or(|v| m.matches(v)))
                && hints.name.as_ref().is_none_or(|n| r.record.body.as_str() == Some(n))
                && hints.trace_id.is_none_or(|id| r.record.trace_id == id)
        };
        Ok(self.give(&passes, scan.order, scan.columns, visit))
    }

    fn traces(
        &self,
        wanted: &Traces<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        control.check()?;
        let is_wanted = |r: &RecordRef<'_>| wanted.ids.binary_search(&r.record.trace_id).is_ok();
        Ok(self.give(&is_wanted, Order::Any, wanted.columns, visit))
    }
}
