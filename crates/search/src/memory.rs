//! Records in memory.

use crate::source::{AttributeColumns, Block, Order, Scan, Source};
use model::Labels;
use model::record::{Attributes, Record, RecordBatch, Severity, SpanId, Tenant, TraceId, Value};
use promql::{Control, EvalError};
use std::ops::ControlFlow;

/// A source that holds its records in memory: for tests and scripts.
#[derive(Debug)]
pub struct MemorySource {
    batch: RecordBatch,
    block_rows: usize,
}

impl Default for MemorySource {
    fn default() -> MemorySource {
        MemorySource::new(RecordBatch::new(Tenant::unnamed()))
    }
}

impl MemorySource {
    /// The records of a batch.
    pub fn new(batch: RecordBatch) -> MemorySource {
        MemorySource { batch, block_rows: 1000 }
    }

    /// Gives blocks of so many rows.
    #[must_use]
    pub fn with_block_rows(mut self, rows: usize) -> MemorySource {
        self.block_rows = rows.max(1);
        self
    }

    /// The records, to add more.
    pub fn batch_mut(&mut self) -> &mut RecordBatch {
        &mut self.batch
    }

    /// The records.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }
}

struct Rows<'a> {
    labels: &'a Labels,
    times: Vec<i64>,
    records: &'a [(Record<'a>, String)],
    names: &'a [&'a str],
    backward: bool,
}

impl Block for Rows<'_> {
    fn labels(&self) -> &Labels {
        self.labels
    }

    fn times_ns(&self) -> &[i64] {
        &self.times
    }

    fn settled_ns(&self) -> i64 {
        // Stream by stream: the next one may begin anywhere.
        if self.backward { i64::MAX } else { i64::MIN }
    }

    fn body(&self, row: usize) -> &str {
        &self.records[row].1
    }

    fn severity(&self, row: usize) -> Severity {
        self.records[row].0.severity
    }

    fn trace(&self, row: usize) -> TraceId {
        self.records[row].0.trace_id
    }

    fn span(&self, row: usize) -> SpanId {
        self.records[row].0.span_id
    }

    fn named(&self, place: usize, row: usize) -> Option<Value<'_>> {
        self.records[row].0.attributes.get(self.names[place])
    }

    fn attributes(&self, row: usize) -> Attributes<'_> {
        self.records[row].0.attributes
    }
}

impl Source for MemorySource {
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Block) -> ControlFlow<()>,
    ) -> Result<(), EvalError> {
        let mut streams: Vec<&Labels> = self.batch.streams().iter().filter(|l| (scan.streams)(l)).collect();
        streams.sort();
        streams.dedup();
        let backward = scan.order == Order::Backward;
        let names = match scan.columns.attributes {
            AttributeColumns::Named(names) => names,
            _ => &[],
        };
        // Stream by stream it is not known which rows come first.
        let mut left = scan.limit.filter(|_| scan.order == Order::Any).unwrap_or(usize::MAX);
        for labels in streams {
            control.check()?;
            let mut rows: Vec<(Record<'_>, String)> = self
                .batch
                .iter()
                .filter(|r| self.batch.labels(r.stream) == labels)
                .map(|r| (r.record, shown(r.record.body)))
                .filter(|(r, _)| scan.start_ns <= r.time_ns && r.time_ns < scan.end_ns)
                .filter(|(_, body)| scan.filters.iter().all(|f| f.passes(body)))
                .collect();
            rows.sort_by_key(|(r, _)| r.time_ns);
            if backward {
                rows.reverse();
            }
            for records in rows.chunks(self.block_rows) {
                let records = &records[..records.len().min(left)];
                left -= records.len();
                let times = records.iter().map(|(r, _)| r.time_ns).collect();
                let block = Rows { labels, times, records, names, backward };
                if records.is_empty() || visit(&block).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn shown(body: Value<'_>) -> String {
    match body {
        Value::String(text) => text.to_owned(),
        other => crate::json::of_value(other).to_string(),
    }
}
