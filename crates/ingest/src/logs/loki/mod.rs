//! Loki's push requests, in JSON and in (decompressed) protocol buffers.
//!
//! The labels of a stream are its labels, structured metadata are attributes. A metadata entry named `level`,
//! `severity` or `detected_level` also sets the severity, and a hexadecimal `trace_id` or `span_id` the record's.

mod encode;
mod json;
mod labels;
mod protobuf;

pub use encode::encode;
pub use json::json;
pub use protobuf::protobuf;

use super::document::severity_of;
use model::record::{AttributesBuf, Record, Severity, SpanId, TraceId, Value};

/// The structured metadata of one entry.
#[derive(Default)]
struct Metadata {
    attributes: AttributesBuf,
    count: usize,
    severity: Severity,
    trace_id: TraceId,
    span_id: SpanId,
}

impl Metadata {
    fn clear(&mut self) {
        self.attributes.clear();
        (self.count, self.severity) = (0, Severity::UNKNOWN);
        (self.trace_id, self.span_id) = (TraceId::NONE, SpanId::NONE);
    }

    fn push(&mut self, name: &str, value: Value<'_>) {
        match name {
            "level" | "severity" | "detected_level" | "severity_text"
                if self.severity == Severity::UNKNOWN =>
            {
                self.severity = severity_of(value);
            }
            "trace_id" | "traceID" | "traceId" => {
                if let Some(id) = value.as_str().and_then(TraceId::from_hex) {
                    self.trace_id = id;
                    return;
                }
            }
            "span_id" | "spanID" | "spanId" => {
                if let Some(id) = value.as_str().and_then(SpanId::from_hex) {
                    self.span_id = id;
                    return;
                }
            }
            _ => {}
        }
        self.attributes.push(name, value);
        self.count += 1;
    }

    fn record<'a>(&'a self, time_ns: i64, line: &'a str) -> Record<'a> {
        Record {
            severity: self.severity,
            trace_id: self.trace_id,
            span_id: self.span_id,
            attributes: self.attributes.as_attributes(),
            ..Record::line(time_ns, line)
        }
    }
}
