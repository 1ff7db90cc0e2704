//! OpenTelemetry traces: `ExportTraceServiceRequest` in protocol buffers and JSON.

mod json;
mod protobuf;

pub use json::json;
pub use protobuf::protobuf;
