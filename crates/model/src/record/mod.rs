//! Wide rows: log lines, spans, events and errors are all records.
//!
//! A record is a time, a stream it belongs to, a body and typed attributes. The *stream* is what stays the same from
//! line to line (who speaks: application, host, container) and holds few label sets; an *attribute* may have any
//! number of values.

mod batch;
mod delivery;
pub mod error;
pub mod event;
mod filter;
mod ids;
mod sink;
pub mod span;
mod value;

pub use batch::{Record, RecordBatch, RecordRef, StreamRef};
pub use delivery::{Delivery, SenderId};
pub use filter::{FilterError, FilterOp, TextFilter};
pub use ids::{Severity, SpanId, Tenant, TenantError, TraceId};
pub use sink::{Accepted, RecordError, RecordSink, RecordsDone, Refused};
pub use value::{Attributes, AttributesBuf, ENCODED_DEPTH_MAX, Items, Value, ValueError};
