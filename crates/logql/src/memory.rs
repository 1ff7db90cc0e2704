//! Lines in memory.

use crate::names;
use crate::pipeline::push_json;
use crate::source::{AttributeColumns, Block, BodyColumn, Order, Scan, ScanStats, Source, Texts};
use model::record::{Attributes, RecordBatch, RecordRef, Severity, SpanId, Tenant, TraceId, Value};
use model::{Labels, Matcher};
use promql::{Control, EvalError};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// A source that holds its lines in memory: for tests, scripts and trying out queries.
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
    /// The records of a batch.
    pub fn new(batch: RecordBatch) -> MemorySource {
        MemorySource { batch, block_rows: 4096 }
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

    /// The streams that satisfy the matchers; streams with the same labels are one.
    fn streams(&self, matchers: &[Matcher]) -> Vec<&Labels> {
        let mut found: Vec<&Labels> =
            self.batch.streams().iter().filter(|l| names::matches(matchers, l)).collect();
        found.sort();
        found.dedup();
        found
    }

    /// The rows of a stream that a scan asks for, in ascending order of time, and what looking at them cost.
    fn rows<'a>(
        &'a self,
        stream: &Labels,
        scan: &Scan<'_>,
        stats: &mut ScanStats,
    ) -> Vec<(RecordRef<'a>, Cow<'a, str>)> {
        let mut rows = Vec::new();
        for record in self.batch.iter() {
            let time = record.record.time_ns;
            if self.batch.labels(record.stream) != stream || time < scan.start_ns || time >= scan.end_ns {
                continue;
            }
            let body = match record.record.body {
                Value::String(text) => Cow::Borrowed(text),
                other => {
                    let mut text = String::new();
                    push_json(other, &mut text);
                    Cow::Owned(text)
                }
            };
            stats.lines += 1;
            stats.bytes += body.len() as u64;
            if scan.filters.iter().all(|f| f.passes(&body)) && hinted(scan.hints, stream, record) {
                rows.push((record, body));
            }
        }
        rows.sort_by_key(|(record, _)| record.record.time_ns);
        rows
    }
}

/// Whether a row can be of use; what the hints say of severity and ids is left to the evaluation.
fn hinted(hints: &[Matcher], stream: &Labels, record: RecordRef<'_>) -> bool {
    hints.iter().all(|m| match names::attribute(record.record.attributes, m.name()) {
        Some(Value::String(text)) => m.matches(text),
        Some(_) => true,
        None => match names::label(stream, m.name()) {
            Some(value) => m.matches(value),
            None => matches!(m.name(), "detected_level" | "trace_id" | "span_id") || m.matches_empty(),
        },
    })
}

/// The columns of some rows.
#[derive(Default)]
struct Columns<'a> {
    times: Vec<i64>,
    offsets: Vec<u32>,
    text: String,
    severities: Vec<Severity>,
    traces: Vec<TraceId>,
    spans: Vec<SpanId>,
    named: Vec<Vec<Option<Value<'a>>>>,
    attributes: Vec<Attributes<'a>>,
}

impl<'a> Columns<'a> {
    fn of(rows: &[(RecordRef<'a>, Cow<'_, str>)], scan: &Scan<'_>) -> Columns<'a> {
        let mut out = Columns::default();
        let mut length = 0u32;
        out.offsets.push(0);
        for (record, body) in rows {
            let record = &record.record;
            out.times.push(record.time_ns);
            length += body.len() as u32;
            out.offsets.push(length);
            if scan.columns.body == BodyColumn::Text {
                out.text.push_str(body);
            }
            if scan.columns.severity {
                out.severities.push(record.severity);
            }
            if scan.columns.ids {
                out.traces.push(record.trace_id);
                out.spans.push(record.span_id);
            }
        }
        if scan.columns.body == BodyColumn::None {
            out.offsets.clear();
        }
        match scan.columns.attributes {
            AttributeColumns::None => {}
            AttributeColumns::Named(wanted) => {
                for name in wanted {
                    let column: Vec<_> =
                        rows.iter().map(|(r, _)| names::attribute(r.record.attributes, name)).collect();
                    let any = column.iter().any(Option::is_some);
                    out.named.push(if any { column } else { Vec::new() });
                }
            }
            AttributeColumns::All => {
                if rows.iter().any(|(r, _)| !r.record.attributes.is_empty()) {
                    out.attributes.extend(rows.iter().map(|(r, _)| r.record.attributes));
                }
            }
        }
        out
    }
}

impl Source for MemorySource {
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&Block<'_>) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        let mut stats = ScanStats::default();
        for stream in self.streams(scan.matchers) {
            control.check()?;
            let rows = self.rows(stream, scan, &mut stats);
            stats.streams += u64::from(!rows.is_empty());
            let mut blocks: Vec<_> = rows.chunks(self.block_rows).collect();
            if scan.order == Order::Backward {
                blocks.reverse();
            }
            for rows in blocks {
                // What is only counted comes in several runs, as stores give it.
                let mut apart = Vec::new();
                let apart_in_time = rows.windows(2).all(|w| w[0].0.record.time_ns < w[1].0.record.time_ns);
                if scan.order == Order::Any && apart_in_time {
                    apart.extend(rows.iter().step_by(2).chain(rows.iter().skip(1).step_by(2)).cloned());
                }
                let columns = Columns::of(if apart.is_empty() { rows } else { &apart }, scan);
                let named: Vec<&[Option<Value<'_>>]> = columns.named.iter().map(Vec::as_slice).collect();
                let block = Block {
                    stream,
                    times_ns: &columns.times,
                    bodies: Texts { offsets: &columns.offsets, text: &columns.text },
                    severities: &columns.severities,
                    traces: &columns.traces,
                    spans: &columns.spans,
                    named: &named,
                    attributes: &columns.attributes,
                    // Stream by stream: the next one may begin anywhere.
                    settled_ns: if scan.order == Order::Backward { i64::MAX } else { i64::MIN },
                };
                if visit(&block).is_break() {
                    return Ok(stats);
                }
            }
        }
        Ok(stats)
    }
}
