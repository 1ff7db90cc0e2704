//! Immutable named parts; refuses to know what is in a part.
//!
//! A part is written once, becomes visible whole or not at all, and never changes afterwards. That is little
//! enough for a local directory and an object store alike: what is behind [`Blocks`] is nobody's business.

mod local;
mod name;

pub use local::LocalBlocks;

use bytes::Bytes;
use std::io;
use std::path::Path;

/// Parts by name. A name is a relative path such as `parts/0001/chunks`: pieces of letters, digits, `.`, `_`,
/// `-`, joined by `/`, none of which starts with a dot.
pub trait Blocks: Send + Sync {
    /// Starts a part. `AlreadyExists` if the name is taken, `InvalidInput` if it is not a name.
    fn create(&self, name: &str) -> io::Result<Box<dyn BlockWriter>>;

    /// The bytes of a part. They stay readable after the part is deleted.
    fn open(&self, name: &str) -> io::Result<Bytes>;

    /// Every part whose name starts with `prefix`, in order of name.
    fn list(&self, prefix: &str) -> io::Result<Vec<BlockInfo>>;

    /// Removes a part; it does not come back after a crash. `NotFound` if there is none.
    fn delete(&self, name: &str) -> io::Result<()>;

    /// Moves a damaged part aside, where nothing lists or deletes it, and says where that is.
    fn quarantine(&self, name: &str) -> io::Result<String>;

    /// Puts a part under its name below a local directory, durably; shares the bytes where it can.
    fn copy_to(&self, name: &str, dir: &Path) -> io::Result<()>;
}

/// A part being written. Dropped before [`BlockWriter::finish`], nothing of it is ever seen.
pub trait BlockWriter: Send {
    /// Adds bytes at the end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Bytes written so far.
    fn position(&self) -> u64;

    /// Makes the part durable and visible under its name, whole or not at all.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A part that is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockInfo {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
}
