//! Reads Prometheus TSDB blocks; refuses to know our own store.
//!
//! [`Block`] reads a block directory, series by series and in bounded memory. [`chunk`] is the codec of the
//! chunks inside, which remote read streams speak too. The formats are those of
//! `tsdb/docs/format/` in the Prometheus repository.

mod bits;
mod block;
pub mod chunk;
mod cursor;
mod error;
mod index;
mod meta;
mod segments;
mod tombstones;

pub use block::{Batches, Block};
pub use error::BlockError;
pub use index::{ChunkRef, SeriesEntry};
pub use meta::Meta;

/// The readers of single files, over bytes. A block puts them together; tests and fuzzers use them alone.
pub mod file {
    pub use crate::index::Index;
    pub use crate::meta::parse as parse_meta;
    pub use crate::segments::read_chunk;
    pub use crate::tombstones::{Tombstones, parse as parse_tombstones};
}
