//! Why a block cannot be read.

use std::path::PathBuf;

/// A block or a part of it that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The operating system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// Its error.
        source: std::io::Error,
    },
    /// Bytes are not what they must be.
    #[error("{} at byte {offset}: {reason}", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Position in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A format that is newer (or older) than this reader.
    #[error("{}: {reason}", file.display())]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// What is not supported, and what is.
        reason: String,
    },
}

/// What is wrong within one file, before the file's name is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Position in the bytes.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
    /// Whether the format itself is not supported.
    pub unsupported: bool,
}

impl Fault {
    pub(crate) fn new(offset: usize, reason: impl Into<String>) -> Fault {
        Fault { offset: offset as u64, reason: reason.into(), unsupported: false }
    }

    pub(crate) fn unsupported(reason: impl Into<String>) -> Fault {
        Fault { offset: 0, reason: reason.into(), unsupported: true }
    }

    pub(crate) fn within(self, file: impl Into<PathBuf>) -> BlockError {
        let file = file.into();
        match self.unsupported {
            true => BlockError::Unsupported { file, reason: self.reason },
            false => BlockError::Corrupt { file, offset: self.offset, reason: self.reason },
        }
    }
}
