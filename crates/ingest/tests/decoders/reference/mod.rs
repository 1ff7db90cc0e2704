//! The protocols as another implementation of protocol buffers writes them, and an appender that keeps what it
//! is given.

#![allow(missing_docs, unreachable_pub)]

pub mod client;
pub mod otlp;
pub mod read;
pub mod recorder;
pub mod v1;
pub mod v2;
