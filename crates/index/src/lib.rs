//! Which series exist and which of them match; refuses to know samples and queries.
//!
//! A series is a label set with an id. Ids are given in order of arrival and never again. [`Index`] keeps the
//! series created lately in memory and all others in immutable segments, which it writes and merges through
//! [`blocks::Blocks`]. The bytes of a segment are described in `docs/format/index.md`.
//!
//! Durability is shared: whoever creates a series journals its definition in the callback of
//! [`Index::get_or_create`] and gives it back by [`Index::restore`] after a crash; what [`Index::persist`] has
//! written needs no journal any more.

mod active;
mod cardinality;
mod catalog;
mod codec;
mod digest;
mod index;
mod labels;
mod maintain;
mod posting;
mod search;
mod segment;
mod select;
mod source;
mod tail;
mod view;

pub use cardinality::{Cardinality, LabelUse};
pub use index::{Index, IndexStatus};
pub use maintain::{Merged, Persisted};

use std::fmt;
use std::io;

/// A series within one index. Ids ascend in order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

/// Bounds and settings of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexOptions {
    /// Most series in all, 0 for no limit. Setting `storage.limits.series`.
    pub series_max: u64,
    /// Most series of one metric name, 0 for no limit. Setting `storage.limits.series_per_metric`.
    pub series_per_metric_max: u64,
    /// Longest key of a series in bytes, at most 16 MiB. Setting `storage.limits.series_key_bytes`.
    pub key_bytes_max: usize,
    /// What the names of this index' blocks start with.
    pub prefix: String,
}

impl Default for IndexOptions {
    fn default() -> Self {
        IndexOptions {
            series_max: 0,
            series_per_metric_max: 0,
            key_bytes_max: 256 << 10,
            prefix: "index/".to_owned(),
        }
    }
}

/// Something wrong at a place in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The section, as `docs/format/index.md` calls it.
    pub section: &'static str,
    /// Offset in the segment in bytes.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.section, self.offset, self.what)
    }
}

/// A damaged block and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The block's name.
    pub block: String,
    /// What is wrong with it.
    pub flaw: Flaw,
    /// Where it was moved; `None` while what is left of it is still served.
    pub moved_to: Option<String>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index block {}: {}", self.block, self.flaw)?;
        match &self.moved_to {
            Some(to) => write!(f, "; it was moved to {to}"),
            None => f.write_str("; what is readable of it is still served"),
        }
    }
}

/// Why a change to the index was not made. Nothing is lost: the change can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The disk, or whatever is behind the blocks, failed.
    #[error("index block {block}: {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The block, or prefix of blocks.
        block: String,
        /// What failed.
        source: io::Error,
    },
    /// A segment is damaged. It is noted, and the next merge makes it anew from what is readable.
    #[error("{0}")]
    Damaged(Damage),
}

/// Every flaw of a segment's bytes, in order of offset; none if it is sound. Reads and checks every byte.
pub fn verify(segment: bytes::Bytes) -> Vec<Flaw> {
    segment::verify(segment)
}

/// Every flaw of a block that belongs to an index, whichever kind its name says it is.
pub fn verify_block(name: &str, bytes: bytes::Bytes) -> Vec<Flaw> {
    match catalog::BlockName::parse(name).map(|n| n.kind) {
        Some(catalog::Kind::Dead) => catalog::decode_dead(&bytes).err().into_iter().collect(),
        Some(_) => verify(bytes),
        None => {
            let what = "the name is not that of an index block".to_owned();
            vec![Flaw { section: "name", offset: 0, what }]
        }
    }
}
