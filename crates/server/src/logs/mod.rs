//! Ways in for logs: HTTP endpoints, and sockets of their own where a protocol has them. Each decodes with
//! `ingest::logs` and answers once the store has the records safe.

pub mod derived;
pub mod elastic;
pub mod fluent;
pub mod gelf;
pub mod grpc;
pub mod hello;
pub mod http;
mod intake;
pub mod listeners;
pub mod otlp;
pub mod pipelines;
mod prepare;
pub mod syslog;
mod tls;

pub use intake::tenant;
pub use listeners::{Listeners, bind};
pub use prepare::{Preparation, Prepared};
