//! What can go wrong, by what a caller can do about it.

use crate::codec::Malformed;
use std::io;

/// A failed operation of the store.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// Bytes on disk are not what was written. What they held is unavailable; all else is served.
    #[error("{0}")]
    Corrupt(Damage),
    /// The disk refused.
    #[error("{operation} {object}: {source}")]
    Io {
        /// What was attempted.
        operation: &'static str,
        /// On what.
        object: String,
        /// The disk's answer.
        source: io::Error,
    },
    /// The data directory is in use by another process, or is not one.
    #[error("{0}")]
    DataDir(String),
    /// The journal failed.
    #[error("journal: {0}")]
    Journal(String),
    /// Whoever asked does not want to wait any longer, or its budget is used up.
    #[error("{0}")]
    Stopped(crate::scan::Stopped),
}

/// One place where bytes are damaged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("{file}: byte {offset}: {what}")]
pub struct Damage {
    /// The file, relative to the data directory.
    pub file: String,
    /// Where the damaged unit begins.
    pub offset: u64,
    /// What is wrong and what became of it.
    pub what: String,
}

impl RecordsError {
    pub(crate) fn io(operation: &'static str, object: impl Into<String>, source: io::Error) -> RecordsError {
        RecordsError::Io { operation, object: object.into(), source }
    }

    pub(crate) fn corrupt(file: &str, offset: u64, m: Malformed) -> RecordsError {
        let what = format!("{} is wrong", m.what);
        RecordsError::Corrupt(Damage { file: file.to_owned(), offset, what })
    }
}
