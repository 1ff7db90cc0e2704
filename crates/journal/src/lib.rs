//! Durable ordered log by partition and offset; refuses to know what a record means.
//!
//! [`LocalJournal`] keeps each partition as segment files on a local disk, with one thread that takes everything
//! queued as one group, writes it once and syncs once, and another that then says so to each caller. [`Log`] is the
//! same without threads: what it does to the disk follows from its calls alone, so that a simulation can cut
//! the power anywhere. The bytes are described in `docs/format/journal.md`.

mod error;
mod frame;
mod local;
mod log;
mod options;
mod read;
mod scan;
mod segment;
mod verify;
mod writer;

pub use error::{Damage, Flaw, JournalError};
pub use frame::{FRAME_HEADER_BYTES, Frame, FrameError, decode_frame};
pub use local::LocalJournal;
pub use log::Log;
pub use options::JournalOptions;
pub use read::LogRecords;
pub use segment::{HEADER_BYTES, Header, HeaderError, decode_header};
pub use verify::{Verified, verify};

use std::time::Duration;

/// One independent log of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u32);

/// The place of a record within its partition, counted in records from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Offset(pub u64);

/// Told once what became of a record.
pub type Then = Box<dyn FnOnce(Result<Offset, JournalError>) + Send>;

/// Records in order of offset. Damage is an item in its place; what lies behind it follows.
pub type Records = Box<dyn Iterator<Item = Result<(Offset, Vec<u8>), JournalError>> + Send>;

/// A durable ordered log, by partition and offset.
pub trait Journal: Send + Sync {
    /// Queues a record and returns at once. `then` runs exactly once, in the order of the calls, on a thread
    /// of the partition's own, after the record is on stable storage or has failed. The next records are written
    /// meanwhile, but not many: it should be quick. (If the journal is already
    /// closed it runs here, with [`JournalError::Closed`].) A record that failed takes no offset.
    fn append(&self, partition: Partition, record: Vec<u8>, then: Then);

    /// An empty buffer for the next record, with the capacity of an earlier one where there is one.
    fn buffer(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Bytes of records queued and not yet written. Whoever appends keeps this in bounds.
    fn queued_bytes(&self, partition: Partition) -> u64;

    /// The acknowledged records from `from` on (or from the oldest that is kept), as they are now.
    fn read(&self, partition: Partition, from: Offset) -> Result<Records, JournalError>;

    /// Gives up records before `offset`. Only whole segments go, so some of them may still be read.
    fn truncate_before(&self, partition: Partition, offset: Offset) -> Result<(), JournalError>;

    /// Makes sure that no record gets an offset below this one. For callers who remember offsets elsewhere and
    /// find that the journal, damaged or restored, has fewer.
    fn advance(&self, partition: Partition, offset: Offset) -> Result<(), JournalError>;

    /// The offset behind the last acknowledged record.
    fn next_offset(&self, partition: Partition) -> Offset;

    /// The partitions that are there.
    fn partitions(&self) -> Vec<Partition>;

    /// Numbers of a partition.
    fn stats(&self, partition: Partition) -> JournalStats;
}

/// Numbers of one partition. Counters count since the journal was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Segment files.
    pub segments: u64,
    /// Bytes in segment files.
    pub bytes: u64,
    /// Offset of the oldest record that can be read.
    pub first_offset: Offset,
    /// Offset behind the last acknowledged record.
    pub next_offset: Offset,
    /// Records acknowledged.
    pub records_appended: u64,
    /// Bytes of records acknowledged.
    pub bytes_appended: u64,
    /// Records refused or failed.
    pub records_failed: u64,
    /// Groups of records synced at once.
    pub syncs: u64,
    /// Time spent writing and syncing groups.
    pub sync_time: Duration,
    /// The longest that writing and syncing one group took.
    pub sync_time_max: Duration,
    /// Records queued and not yet written.
    pub queued_records: u64,
    /// Bytes of records queued and not yet written.
    pub queued_bytes: u64,
}
