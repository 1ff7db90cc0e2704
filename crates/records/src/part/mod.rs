//! A part: a Parquet file with our own directory and filters between its data and its footer.
//!
//! Rows are in order of (stream, time), cut into row groups; within a row group they are ordered by (shape, stream,
//! time), so that what is alike lies together. Each column of a row group is one page. The bytes are described in
//! `docs/format/records.md`.

mod directory;
mod filter;
mod reader;
mod schema;
mod shapes;
mod writer;

pub(crate) use directory::{Directory, Slot, StreamInfo};
pub(crate) use filter::Trigrams;
pub(crate) use reader::{Part, Run};
pub(crate) use schema::Layout;
pub(crate) use shapes::ShapeTable;
pub(crate) use writer::{PartWriter, Reach};

/// Rows of a row group at most.
pub(crate) const GROUP_ROWS: usize = 32 << 10;
/// A row group is closed once its content has this many bytes.
pub(crate) const GROUP_BYTES: usize = 8 << 20;
