//! Trace protocols: from bytes to a [`model::record::RecordBatch`] of spans, in the form that
//! [`model::record::span`] fixes.
//!
//! All decoders write through one span writer into a [`RecordWriter`](crate::records::RecordWriter). A span that is
//! wrong (no ids, over a limit) is refused alone, with a reason, and the rest is kept. What protocols older than
//! OpenTelemetry say in tags (kind, status, scope) is said in its words here; everything else keeps its name.

pub mod jaeger;
pub mod otlp;
mod tags;
#[cfg(test)]
mod testing;
mod thrift;
pub(crate) mod writer;
pub mod zipkin;
