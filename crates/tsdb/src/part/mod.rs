//! An immutable part: the samples of many series over one window of time.
//!
//! A part is a sequence of *blocks*, each with its own checksum, between a header and a footer:
//!
//! ```text
//! header   "WFPART" version
//! block*   values pages and times pages, as they fill
//! block    page table: where each page lies and what it covers
//! block    series: the ids that occur
//! block    ends: when each series has its last sample
//! block    summary
//! footer   where table, series and summary lie
//! ```
//!
//! A *values page* holds chunks of consecutive series, ordered by series and then time. A chunk refers to its
//! timestamps by their position in the stream of *times pages*: series that are scraped together share one column
//! of timestamps. `docs/format/part.md` has every byte.

mod block;
mod chunk;
mod pages;
mod reader;
mod writer;

pub(crate) use block::scan as scan_blocks;
pub(crate) use pages::PageCache;
pub(crate) use reader::{Part, Scratch};
pub(crate) use writer::PartWriter;

/// What a part is about, kept in its summary block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    /// Samples of both kinds.
    pub samples: u64,
    /// Earliest sample.
    pub min_ms: i64,
    /// Latest sample.
    pub max_ms: i64,
}

/// Which samples of a range are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// The newest, of floats and of histograms.
    Newest,
}
