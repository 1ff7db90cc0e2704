//! Finds and scrapes Prometheus targets; refuses to know where samples are kept.

pub mod config;
pub mod relabel;
