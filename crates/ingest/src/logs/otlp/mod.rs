//! OpenTelemetry logs: `ExportLogsServiceRequest` in protocol buffers and JSON, and the answer to it.
//!
//! Resource attributes that identify who speaks ([`IDENTIFYING`](super::roles::IDENTIFYING)) are the labels of the
//! stream; the others, and those of the scope, are attributes of each record, before its own. `scope.name`,
//! `scope.version`, `severity_text`, `event_name`, `flags` and `dropped_attributes_count` are attributes where they are
//! set. A record without a time has the time it was observed, or of arrival.

mod json;
mod protobuf;

pub use json::json;
pub use protobuf::protobuf;
