//! Watches this machine for events: what the kernel complains of, units that fail or are started again, reboots, jumps of
//! the clock.
//!
//! [`classify`] is the core: texts in, events out. [`EventWatcher`] runs on a thread and hands batches to a sink that
//! keeps them together with how far was read, as the reader of logs does, so that each event is there once.

pub mod classify;
mod config;
mod kmsg;
mod state;
mod watcher;

pub use config::WatchConfig;
pub use watcher::{EventWatcher, WATCHER, WatchStatus};
