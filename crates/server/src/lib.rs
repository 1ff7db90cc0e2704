//! HTTP surfaces, configuration and wiring; refuses to know file formats.

mod api;
mod cache;
mod collect;
pub mod config;
mod console;
mod elastic;
mod evaluate;
pub mod http;
mod logs;
mod loki;
mod own;
pub mod pool;
pub mod process;
mod receive;
mod server;
mod source;
mod sql;
pub mod state;
pub mod telemetry;
mod weight;

pub use server::{Server, StartError};
