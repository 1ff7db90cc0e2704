//! Records in memory.

use super::block::Columns;
use super::{Attributes, Scanner};
use crate::engine::View;
use crate::head::{Chunk, HeadView};
use crate::json;
use model::Labels;
use model::record::{Record, TextFilter, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// A record of a head that a scan asked for.
#[derive(Clone)]
pub(super) struct HeadRow {
    pub time_ns: i64,
    pub labels: Labels,
    chunk: Arc<Chunk>,
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

impl HeadRow {
    pub fn columns(&self, scanner: &Scanner<'_>, columns: &mut Columns) {
        let record = self.chunk.record(self.row as usize);
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
    /// The records of all heads that are asked for, in order of stream and time.
    pub(super) fn head_rows(&mut self, view: &View) -> Vec<HeadRow> {
        let mut found: Vec<HeadRow> = Vec::new();
        for head in &view.heads {
            self.collect(head, &mut found);
        }
        found.sort_by(|a, b| (&a.labels, a.time_ns).cmp(&(&b.labels, b.time_ns)));
        found
    }

    fn collect(&mut self, head: &HeadView, found: &mut Vec<HeadRow>) {
        let tenant = self.scan.tenant;
        let begins: Vec<Option<i64>> = head
            .streams
            .iter()
            .map(|(t, labels)| if t == tenant { self.begin(labels) } else { None })
            .collect();
        let scan = self.scan;
        let passes = |text: &str| scan.filters.iter().all(|f: &TextFilter| f.passes(text));
        for chunk in &head.chunks {
            for (i, row) in chunk.rows.iter().enumerate() {
                let wanted = begins[row.stream as usize].is_some_and(|from| from <= row.time_ns);
                if !wanted || row.time_ns >= scan.end_ns {
                    continue;
                }
                if !scan.filters.is_empty() || scan.trace_id.is_some() {
                    let record = chunk.record(i);
                    self.stats.records_tested += 1;
                    if scan.trace_id.is_some_and(|t| t != record.trace_id) || !passes(&text(&record)) {
                        continue;
                    }
                }
                found.push(HeadRow {
                    time_ns: row.time_ns,
                    labels: head.streams[row.stream as usize].1.clone(),
                    chunk: chunk.clone(),
                    row: i as u32,
                });
            }
        }
    }
}
