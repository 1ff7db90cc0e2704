//! Records that are in no part yet.

use crate::senders::Senders;
use hashbrown::HashMap;
use journal::Offset;
use model::Labels;
use model::record::{Attributes, Record, RecordBatch, Severity, SpanId, Tenant, TraceId, Value};
use std::sync::Arc;

/// A chunk takes no more rows once it holds this much; readers share it from then on. All have the same room, taken at
/// once: chunks that grow and are cut to size leave holes in memory that the next one does not fit into.
const CHUNK_BYTES: usize = 256 << 10;

/// Records in order of arrival.
pub(crate) struct Head {
    streams: Vec<(Tenant, Labels)>,
    by_key: HashMap<Vec<u8>, u32>,
    full: Vec<Arc<Chunk>>,
    open: Chunk,
    rows: u64,
    bytes: usize,
    /// Offsets of the journal's records that are here.
    begin: Offset,
    end: Offset,
    /// Deliveries before the first of these records, and after the last.
    senders_before: Senders,
    senders: Senders,
}

/// Some rows and their bytes.
#[derive(Clone, Default)]
pub(crate) struct Chunk {
    pub rows: Vec<Row>,
    arena: Vec<u8>,
}

/// One record; ids, body and attributes follow each other in the arena.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub time_ns: i64,
    pub stream: u32,
    at: u32,
    body_bytes: u32,
    attribute_bytes: u32,
    severity: Severity,
    /// Whether observed time, trace and span lie before the body.
    ids: bool,
    text: bool,
}

/// Observed time, trace id, span id.
const ID_BYTES: usize = 8 + 16 + 8;

impl Row {
    pub fn body_bytes(&self) -> u32 {
        self.body_bytes
    }
}

impl Chunk {
    fn bytes(&self) -> usize {
        self.arena.len() + self.rows.len() * size_of::<Row>()
    }

    fn push(&mut self, stream: u32, r: &Record<'_>) {
        let at = self.arena.len();
        let ids = r.observed_ns != 0 || !r.trace_id.is_none() || !r.span_id.is_none();
        if ids {
            self.arena.extend_from_slice(&r.observed_ns.to_le_bytes());
            self.arena.extend_from_slice(&r.trace_id.0);
            self.arena.extend_from_slice(&r.span_id.0);
        }
        let body_at = self.arena.len();
        match r.body {
            Value::String(s) => self.arena.extend_from_slice(s.as_bytes()),
            other => other.encode(&mut self.arena),
        }
        let body_bytes = self.arena.len() - body_at;
        self.arena.extend_from_slice(r.attributes.encoded());
        self.rows.push(Row {
            time_ns: r.time_ns,
            stream,
            at: at as u32,
            body_bytes: body_bytes as u32,
            attribute_bytes: r.attributes.encoded().len() as u32,
            severity: r.severity,
            ids,
            text: r.body.as_str().is_some(),
        });
    }

    /// The trace of a row.
    #[inline]
    pub fn trace_id(&self, row: usize) -> TraceId {
        let row = &self.rows[row];
        let id = row.ids.then(|| self.arena[row.at as usize + 8..].first_chunk::<16>()).flatten();
        id.map_or(TraceId::NONE, |id| TraceId(*id))
    }

    /// The record of a row.
    #[inline]
    pub fn record(&self, row: usize) -> Record<'_> {
        let row = &self.rows[row];
        let mut rest = &self.arena[row.at as usize..];
        let mut record = Record { severity: row.severity, ..Record::line(row.time_ns, "") };
        if row.ids {
            let (ids, tail) = rest.split_at(ID_BYTES);
            record.observed_ns = i64::from_le_bytes(ids[..8].try_into().unwrap_or_default());
            record.trace_id = TraceId(ids[8..24].try_into().unwrap_or_default());
            record.span_id = SpanId(ids[24..].try_into().unwrap_or_default());
            rest = tail;
        }
        let (body, tail) = rest.split_at(row.body_bytes as usize);
        record.body = if row.text {
            // SAFETY: `push` is the only one to make rows, and sets `text` where it copied the whole of a string.
            Value::String(unsafe { std::str::from_utf8_unchecked(body) })
        } else {
            Value::from_encoded(body).unwrap_or(Value::Null)
        };
        let attributes = &tail[..row.attribute_bytes as usize];
        record.attributes = Attributes::trusted(attributes);
        record
    }
}

/// What a reader sees of a head.
pub(crate) struct HeadView {
    pub streams: Vec<(Tenant, Labels)>,
    pub chunks: Vec<Arc<Chunk>>,
}

impl Head {
    /// An empty head for records from an offset on, after these deliveries.
    pub fn new(begin: Offset, senders: Senders) -> Head {
        Head {
            streams: Vec::new(),
            by_key: HashMap::new(),
            full: Vec::new(),
            open: Chunk::default(),
            rows: 0,
            bytes: 0,
            begin,
            end: begin,
            senders_before: senders.clone(),
            senders,
        }
    }

    /// Takes in those rows of a batch that `keep` lets through, unless the batch was delivered before.
    pub fn apply(&mut self, batch: &RecordBatch, keep: impl Fn(usize) -> bool, offset: Offset) {
        self.end = Offset(offset.0 + 1);
        if batch.delivery().is_some_and(|d| !self.senders.admit(d, offset)) {
            return;
        }
        let mut streams: Vec<Option<u32>> = vec![None; batch.streams().len()];
        for (row, r) in batch.iter().enumerate().filter(|(row, _)| keep(*row)) {
            let place = r.stream.0 as usize;
            let stream = match streams[place] {
                Some(s) => s,
                None => *streams[place].insert(self.stream(batch.tenant(), &batch.streams()[place])),
            };
            let content = ID_BYTES + batch.outline(row).2;
            if self.open.arena.len() + content > CHUNK_BYTES && !self.open.rows.is_empty() {
                let mut full = std::mem::take(&mut self.open);
                full.rows.shrink_to_fit();
                self.full.push(Arc::new(full));
            }
            if self.open.rows.is_empty() {
                self.open.arena.reserve_exact(CHUNK_BYTES.max(content));
            }
            let before = self.open.bytes();
            self.open.push(stream, &r.record);
            self.bytes += self.open.bytes() - before;
            self.rows += 1;
        }
    }

    fn stream(&mut self, tenant: &Tenant, labels: &Labels) -> u32 {
        let mut key = tenant.as_str().as_bytes().to_vec();
        key.push(0);
        key.extend_from_slice(labels.key());
        if let Some(s) = self.by_key.get(&key) {
            return *s;
        }
        let s = self.streams.len() as u32;
        self.bytes += key.len() * 2 + 96;
        self.streams.push((tenant.clone(), labels.clone()));
        self.by_key.insert(key, s);
        s
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Memory of the records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    pub fn begin(&self) -> Offset {
        self.begin
    }

    pub fn end(&self) -> Offset {
        self.end
    }

    /// Deliveries before the first of its records.
    pub fn senders_before(&self) -> &Senders {
        &self.senders_before
    }

    /// Deliveries up to now.
    pub fn senders(&self) -> &Senders {
        &self.senders
    }

    /// What is there now.
    pub fn view(&self) -> HeadView {
        let mut chunks = self.full.clone();
        if !self.open.rows.is_empty() {
            chunks.push(Arc::new(self.open.clone()));
        }
        HeadView { streams: self.streams.clone(), chunks }
    }
}
