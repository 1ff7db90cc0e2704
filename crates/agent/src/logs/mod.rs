//! Reads the logs of this machine: files, containers and the systemd journal.
//!
//! [`Tailer`] is the core: it looks at files when it is told to and gives batches of lines, each with the state to come
//! back to. It does no waiting and knows no threads. [`LogReader`] runs one on a thread and hands its batches to a
//! [`RecordSink`](model::record::RecordSink) that keeps batch and state together; after a crash it goes on from the state
//! that was kept last, so no line is lost or doubled.

mod config;
mod container;
mod discover;
mod family;
mod file;
pub(crate) mod journald;
mod lines;
mod multiline;
mod position;
mod reader;
mod records;
mod tailer;

pub use config::{FileLogs, LogsConfig, Multiline, Start};
pub use position::{Inode, Position, Positions, Print};
pub use reader::{JournalStatus, LogReader, LogReaderStatus, READER};
pub use tailer::{Gathered, TailCounts, Tailer};
