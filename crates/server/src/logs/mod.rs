//! Ways in for logs: HTTP endpoints, and sockets of their own where a protocol has them. Each decodes with
//! `ingest::logs` and answers once the store has the records safe.

pub mod derived;
pub mod elastic;
pub mod fluent;
pub mod gelf;
pub mod hello;
pub mod http;
pub mod pipelines;
mod prepare;
pub mod syslog;
pub mod tls;

pub use prepare::{Preparation, Prepared, preparation_families};
