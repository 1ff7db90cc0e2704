//! Collects here and delivers there, through a durable spool; refuses to know how a server stores.
//!
//! [`Local`] measures this machine into any [`model::Appendable`]. [`Spool`] is one: it journals each batch and
//! delivers it to a server by remote write, in order, however long the server is away. [`Agent`] puts both
//! together, with scraping: it is what runs on hosts that keep nothing themselves.

mod agent;
mod config;
mod local;
mod logs;
mod spool;
pub mod watch;

pub use agent::{Agent, AgentError, AgentStatus};
pub use config::{AgentConfig, TlsOptions};
pub use local::{Local, LocalOptions, LocalStatus};
pub use logs::{
    FileLogs, Gathered, Inode, JournalStatus, LogReader, LogReaderStatus, LogsConfig, Multiline, Position,
    Positions, Print, READER, Start, TailCounts, Tailer,
};
pub use spool::{
    Credentials, LogRecord, LogRecordError, LogSpool, Record, RecordError, RemoteWriteMessage, Spool,
    SpoolError, SpoolOptions, SpoolStatus,
};
pub use watch::{EventWatcher, WATCHER, WatchConfig, WatchStatus};
