//! Every bound of a journal.

/// Bounds of a journal. All sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalOptions {
    /// A segment is closed before it would grow beyond this, unless a single record needs more.
    pub segment_bytes: u64,
    /// A longer record is refused.
    pub record_bytes_max: usize,
    /// One group (one write and one sync) takes about this much at most.
    pub group_bytes_max: usize,
    /// A record that would make the queue of its partition longer is refused.
    pub queue_bytes_max: u64,
    /// As many buffers are kept for [`crate::Journal::buffer`].
    pub buffers_kept: usize,
    /// A larger buffer is not kept.
    pub buffer_bytes_kept: usize,
}

impl Default for JournalOptions {
    fn default() -> JournalOptions {
        JournalOptions {
            segment_bytes: 64 << 20,
            record_bytes_max: 32 << 20,
            group_bytes_max: 8 << 20,
            queue_bytes_max: 128 << 20,
            buffers_kept: 32,
            buffer_bytes_kept: 256 << 10,
        }
    }
}
