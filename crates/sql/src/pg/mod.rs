//! What clients of PostgreSQL expect: the messages of its protocol (version 3), its types and its system tables.
//!
//! Nothing here knows a socket: messages are read from bytes and written to bytes.

pub(crate) mod catalog;
pub(crate) mod functions;
mod messages;
mod numeric;
mod parameters;
mod rewrite;
mod rows;
mod times;
mod types;

pub use functions::{SERVER_VERSION, show};
pub use messages::{
    MESSAGE_BYTES_MAX, Message, STARTUP_BYTES_MAX, Severity, Startup, Target, WireError, write,
};
pub use parameters::{parameter, parameter_type};
pub(crate) use rewrite::rewrite;
pub use rows::{Formats, RowWriter};
pub use types::{oid, oid_of_known, size};
