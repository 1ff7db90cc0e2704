//! HTTP surfaces, configuration and wiring; refuses to know file formats.

pub mod http;
pub mod pool;
pub mod process;
pub mod telemetry;
