//! Many records in a few allocations.

use super::{Attributes, Delivery, Severity, SpanId, Tenant, TraceId, Value};
use crate::Labels;

/// A stream within one [`RecordBatch`]; meaningless to any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamRef(pub u32);

/// A record as a decoder hands it over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record<'a> {
    /// When it happened, Unix nanoseconds.
    pub time_ns: i64,
    /// When somebody first saw it, Unix nanoseconds; 0 where unknown.
    pub observed_ns: i64,
    /// How grave it is.
    pub severity: Severity,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The span it belongs to.
    pub span_id: SpanId,
    /// What it says: text as a rule.
    pub body: Value<'a>,
    /// What else is known of it.
    pub attributes: Attributes<'a>,
}

impl<'a> Record<'a> {
    /// A line of text and nothing else.
    pub fn line(time_ns: i64, line: &'a str) -> Record<'a> {
        Record {
            time_ns,
            observed_ns: 0,
            severity: Severity::UNKNOWN,
            trace_id: TraceId::NONE,
            span_id: SpanId::NONE,
            body: Value::String(line),
            attributes: Attributes::NONE,
        }
    }
}

/// A record in a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecordRef<'a> {
    /// The stream it belongs to.
    pub stream: StreamRef,
    /// The record.
    pub record: Record<'a>,
}

/// Records of one tenant, with the streams they belong to, kept all together or not at all.
#[derive(Debug, Clone)]
pub struct RecordBatch {
    tenant: Tenant,
    streams: Vec<Labels>,
    rows: Vec<Row>,
    /// Bodies and attributes of all rows, encoded.
    arena: Vec<u8>,
    delivery: Option<Box<Delivery>>,
}

/// One record; its body and attributes follow each other in the arena from `at` on.
#[derive(Debug, Clone, Copy)]
struct Row {
    stream: StreamRef,
    time_ns: i64,
    observed_ns: i64,
    trace_id: TraceId,
    span_id: SpanId,
    severity: Severity,
    /// Whether the body is bare text; else it is an encoded value.
    text: bool,
    at: usize,
    body_bytes: usize,
    attribute_bytes: usize,
}

impl RecordBatch {
    /// An empty batch.
    pub fn new(tenant: Tenant) -> RecordBatch {
        RecordBatch { tenant, streams: Vec::new(), rows: Vec::new(), arena: Vec::new(), delivery: None }
    }

    /// Whose records they are.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Says which delivery of which sender this is, so that a sink that has it keeps it no second time.
    pub fn set_delivery(&mut self, delivery: Delivery) {
        self.delivery = Some(Box::new(delivery));
    }

    /// Which delivery this is, if the sender told.
    pub fn delivery(&self) -> Option<&Delivery> {
        self.delivery.as_deref()
    }

    /// Adds a stream. Giving the same labels twice makes two streams here and one in the store.
    pub fn stream(&mut self, labels: Labels) -> StreamRef {
        let stream =
            StreamRef(u32::try_from(self.streams.len()).expect("a body holds fewer than 2^32 streams"));
        self.streams.push(labels);
        stream
    }

    /// Adds a record to a stream of this batch.
    pub fn push(&mut self, stream: StreamRef, record: &Record<'_>) {
        assert!((stream.0 as usize) < self.streams.len(), "the stream is of this batch");
        let at = self.arena.len();
        let text = match record.body {
            Value::String(s) => {
                self.arena.extend_from_slice(s.as_bytes());
                true
            }
            other => {
                other.encode(&mut self.arena);
                false
            }
        };
        let body_bytes = self.arena.len() - at;
        self.arena.extend_from_slice(record.attributes.encoded());
        self.rows.push(Row {
            stream,
            time_ns: record.time_ns,
            observed_ns: record.observed_ns,
            trace_id: record.trace_id,
            span_id: record.span_id,
            severity: record.severity,
            text,
            at,
            body_bytes,
            attribute_bytes: self.arena.len() - at - body_bytes,
        });
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of bodies and attributes.
    pub fn content_bytes(&self) -> usize {
        self.arena.len()
    }

    /// The streams, in the order they were added.
    pub fn streams(&self) -> &[Labels] {
        &self.streams
    }

    /// The labels of a stream.
    pub fn labels(&self, stream: StreamRef) -> &Labels {
        &self.streams[stream.0 as usize]
    }

    /// The stream of a record, its time, and the bytes of its body and attributes.
    pub fn outline(&self, row: usize) -> (StreamRef, i64, usize) {
        let row = &self.rows[row];
        (row.stream, row.time_ns, row.body_bytes + row.attribute_bytes)
    }

    /// The record at a place.
    #[inline]
    pub fn get(&self, row: usize) -> RecordRef<'_> {
        let row = &self.rows[row];
        let (body, rest) = self.arena[row.at..].split_at(row.body_bytes);
        let body = match row.text {
            // SAFETY: `push` is the only one to make rows, and sets `text` where it copied the whole of a string.
            true => Value::String(unsafe { std::str::from_utf8_unchecked(body) }),
            false => Value::from_encoded(body).expect("it was encoded when it came in"),
        };
        let attributes = Attributes::trusted(&rest[..row.attribute_bytes]);
        RecordRef {
            stream: row.stream,
            record: Record {
                time_ns: row.time_ns,
                observed_ns: row.observed_ns,
                severity: row.severity,
                trace_id: row.trace_id,
                span_id: row.span_id,
                body,
                attributes,
            },
        }
    }

    /// All records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> {
        (0..self.rows.len()).map(|row| self.get(row))
    }
}
