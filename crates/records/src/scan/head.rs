//! Records in memory.

use super::block::Columns;
use super::{Attributes, Scanner};
use crate::engine::View;
use crate::head::{Chunk, HeadView};
use crate::json;
use model::Labels;
use model::record::{Record, Tenant, TextFilter, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The records of all heads that a scan asked for, in order of stream and time.
pub(super) struct HeadRows {
    /// In order.
    pub labels: Vec<Labels>,
    pub rows: Vec<HeadRow>,
    chunks: Vec<Arc<Chunk>>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HeadRow {
    /// Place among the labels.
    pub stream: u32,
    pub time_ns: i64,
    chunk: u32,
    row: u32,
}

/// What a filter sees of a body.
pub(super) fn text<'r>(record: &Record<'r>) -> Cow<'r, str> {
    match record.body {
        Value::String(s) => Cow::Borrowed(s),
        other => {
            let mut shown = String::new();
            json::put_value(&mut shown, other);
            Cow::Owned(shown)
        }
    }
}

impl HeadRows {
    pub fn columns(&self, row: &HeadRow, scanner: &Scanner<'_>, columns: &mut Columns) {
        let record = self.chunks[row.chunk as usize].record(row.row as usize);
        let wanted = &scanner.scan.wanted;
        if wanted.body {
            columns.body(|out| out.extend_from_slice(text(&record).as_bytes()));
        }
        if wanted.severity {
            columns.severity(record.severity);
        }
        if wanted.ids {
            columns.ids(record.trace_id, record.span_id, record.observed_ns);
        }
        match wanted.attributes {
            Attributes::None => {}
            Attributes::Named(names) => {
                names.iter().enumerate().for_each(|(p, n)| columns.attribute(p, record.attributes.get(n)));
            }
            Attributes::All => {
                let out = columns.attributes();
                record.attributes.iter().for_each(|(name, value)| out.push(name, value));
            }
        }
        columns.next();
    }
}

impl Scanner<'_> {
    pub(super) fn head_rows(&mut self, view: &View) -> HeadRows {
        // By head, by stream: where the scan begins in it.
        let begins: Vec<Vec<Option<i64>>> = view
            .heads
            .iter()
            .map(|h| {
                let of = |(t, labels): &(Tenant, Labels)| {
                    if t == self.scan.tenant { self.begin(labels) } else { None }
                };
                h.streams.iter().map(of).collect()
            })
            .collect();
        let mut numbers: BTreeMap<&Labels, u32> = BTreeMap::new();
        for (head, begins) in view.heads.iter().zip(&begins) {
            let chosen = head.streams.iter().zip(begins).filter(|(_, b)| b.is_some());
            numbers.extend(chosen.map(|((_, labels), _)| (labels, 0)));
        }
        numbers.values_mut().enumerate().for_each(|(n, v)| *v = n as u32);
        let mut found = HeadRows { labels: Vec::new(), rows: Vec::new(), chunks: Vec::new() };
        for (head, begins) in view.heads.iter().zip(&begins) {
            let chosen = head.streams.iter().zip(begins);
            let streams: Vec<Option<(u32, i64)>> =
                chosen.map(|((_, labels), b)| b.map(|from| (numbers[labels], from))).collect();
            self.collect(head, &streams, &mut found);
        }
        found.labels = numbers.into_keys().cloned().collect();
        // Chunk and row last: records of one time stay in order of arrival.
        found.rows.sort_unstable();
        found
    }

    fn collect(&mut self, head: &HeadView, streams: &[Option<(u32, i64)>], found: &mut HeadRows) {
        let scan = self.scan;
        let passes = |text: &str| scan.filters.iter().all(|f: &TextFilter| f.passes(text));
        for chunk in &head.chunks {
            let number = found.chunks.len() as u32;
            found.chunks.push(chunk.clone());
            for (i, row) in chunk.rows.iter().enumerate() {
                let Some((stream, from)) = streams[row.stream as usize] else { continue };
                if row.time_ns < from || row.time_ns >= scan.end_ns {
                    continue;
                }
                if scan.only_traces().is_some() && !scan.has_trace(chunk.trace_id(i)) {
                    continue;
                }
                if !scan.filters.is_empty() {
                    let record = chunk.record(i);
                    self.stats.records_tested += 1;
                    if !passes(&text(&record)) {
                        continue;
                    }
                }
                found.rows.push(HeadRow { stream, time_ns: row.time_ns, chunk: number, row: i as u32 });
            }
        }
    }
}
