//! A span that owns its bytes.

use model::Labels;
use model::record::span::Span;
use model::record::{Attributes, Record, Severity, SpanId, TraceId, Value};

/// A span as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedSpan {
    /// Labels of its stream.
    pub labels: Labels,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id within the trace.
    pub span_id: SpanId,
    /// When it began, Unix nanoseconds.
    pub start_ns: i64,
    name: Box<str>,
    attributes: Box<[u8]>,
}

impl OwnedSpan {
    /// A copy of a record.
    pub fn new(labels: &Labels, record: &Record<'_>) -> OwnedSpan {
        OwnedSpan {
            labels: labels.clone(),
            trace_id: record.trace_id,
            span_id: record.span_id,
            start_ns: record.time_ns,
            name: record.body.as_str().unwrap_or_default().into(),
            attributes: record.attributes.encoded().into(),
        }
    }

    /// As a record.
    pub fn record(&self) -> Record<'_> {
        Record {
            time_ns: self.start_ns,
            observed_ns: 0,
            severity: Severity::UNKNOWN,
            trace_id: self.trace_id,
            span_id: self.span_id,
            body: Value::String(&self.name),
            attributes: Attributes::trusted(&self.attributes),
        }
    }

    /// What it says.
    pub fn span(&self) -> Span<'_> {
        Span::of(&self.labels, &self.record())
    }

    /// Bytes that it takes in memory, about.
    pub fn memory_bytes(&self) -> usize {
        size_of::<OwnedSpan>() + self.name.len() + self.attributes.len()
    }
}
