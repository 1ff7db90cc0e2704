//! Log protocols: from bytes to a [`model::record::RecordBatch`].
//!
//! All decoders write into a [`RecordWriter`](crate::records::RecordWriter), which holds the limits, knows the streams of the batch and counts what is
//! refused. What is wrong with a body as a whole is a [`DecodeError`](crate::DecodeError); a record that is wrong is
//! refused alone, with a reason, and the rest is kept.
//!
//! Names are kept as they were sent. Which fields identify a stream is decided here: what a protocol itself calls
//! labels (Loki), the identifying resource attributes (OpenTelemetry, [`roles::IDENTIFYING`]), host and program (syslog),
//! and for free-form documents the fields of [`roles::Roles`].

pub(crate) mod document;
pub mod elastic;
pub mod fluent;
pub mod frames;
pub mod gelf;
mod json;
pub mod lines;
pub mod loki;
pub mod otlp;
pub mod roles;
pub mod syslog;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;

pub use document::severity_of;
pub use json::json_members;
pub use roles::Roles;
