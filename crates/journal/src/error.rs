//! What can go wrong, by what a caller can do about it.

use crate::Offset;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a record is not in the journal, or cannot be read from it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Too much is queued: try again later. The record is not in the journal.
    #[error(
        "journal queue holds {queued_bytes} bytes of at most {limit} (journal queue_bytes_max): try again later"
    )]
    Busy {
        /// Bytes queued when the record came.
        queued_bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// The record can never be taken.
    #[error("journal record of {observed} bytes is over the limit of {limit} (journal record_bytes_max)")]
    TooLarge {
        /// Its length.
        observed: u64,
        /// The bound.
        limit: u64,
    },
    /// Writing failed and was undone: the record is not in the journal and will not be after a restart. Later
    /// records succeed once the cause (a full disk, say) is gone.
    #[error("journal cannot write {}: {source}", file.display())]
    Failed {
        /// The segment.
        file: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// Writing failed and could not be undone: after a restart the record may be there or not.
    #[error(
        "journal cannot write {}: {source}; undoing it failed too, so the record may appear after a restart",
        file.display()
    )]
    Unresolved {
        /// The segment.
        file: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// Bytes on disk are not what was written. Reading can go on behind them.
    #[error("journal is damaged: {0}")]
    Damaged(Damage),
    /// The disk failed at something other than writing records.
    #[error("journal cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The journal is closed.
    #[error("journal is closed")]
    Closed,
}

impl JournalError {
    pub(crate) fn io(operation: &'static str, path: &Path, e: io::Error) -> JournalError {
        JournalError::Io { operation, path: path.to_owned(), source: Arc::new(e) }
    }
}

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment file.
    pub file: PathBuf,
    /// Where in the file it starts.
    pub position: u64,
    /// How many bytes cannot be used.
    pub bytes: u64,
    /// The offset that the first lost record had, or would have had.
    pub offset: Offset,
    /// What is wrong.
    pub what: Flaw,
    /// Where a copy of the file is kept, if there is one.
    pub kept: Option<PathBuf>,
}

/// Kinds of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The last segment ends in the middle of a record. A crash during a write leaves this behind, and then no
    /// acknowledged record is lost; only if the disk lost synced bytes is it more.
    TornTail,
    /// Records fail their checksum.
    Corrupt,
    /// The segment's header fails its checksum. Its records can still be read.
    Header,
    /// The header is of a format this version does not know. Nothing in the file is read.
    Version(u32),
    /// Records that should be there are not in any segment.
    Missing {
        /// How many.
        records: u64,
    },
}

impl Damage {
    /// Whether this may be nothing but a write that a crash cut short.
    pub fn is_torn_tail(&self) -> bool {
        self.what == Flaw::TornTail
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { file, position, bytes, offset: Offset(offset), .. } = self;
        write!(f, "{} at byte {position}: ", file.display())?;
        match self.what {
            Flaw::TornTail => {
                write!(f, "the last write is incomplete, {bytes} bytes from record {offset} on are cut")?
            }
            Flaw::Corrupt => write!(f, "{bytes} bytes from record {offset} on fail their checksum")?,
            Flaw::Header => write!(f, "the header fails its checksum")?,
            Flaw::Version(v) => write!(f, "format version {v} is not known to this version of the program")?,
            Flaw::Missing { records } => write!(f, "{records} records from {offset} on are missing")?,
        }
        match &self.kept {
            Some(kept) => write!(f, "; the file is kept as {}", kept.display()),
            None => Ok(()),
        }
    }
}
