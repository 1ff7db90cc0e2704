//! Durable series of samples: a journal, a head in memory, immutable parts, merged in the background.
//!
//! This crate refuses to know protocols, query languages and async runtimes.
//!
//! A sample lives through four stages. An append is encoded as one record and handed to the journal; once the
//! record is on stable storage it is applied to the *head* and acknowledged. A full head is frozen and written as
//! *parts*, one per UTC day, and the journal before it is dropped. Parts of a day are merged until few are left, and
//! dropped when they are past retention. At each stage a query sees the sample exactly once.

mod appender;
mod batch;
mod bytes;
mod checkpoint;
mod codec;
mod completion;
mod db;
mod engine;
mod error;
mod head;
mod merge;
mod options;
mod part;
mod partset;
mod select;
mod status;
mod store;
mod tombstones;
mod verify;
mod watch;
mod writes;

pub use db::Db;
pub use error::{Damage, TsdbError};
pub use index::{Cardinality, SeriesId};
pub use options::Options;
pub use select::Selection;
pub use status::Status;
pub use verify::{Progress, Report, verify};
pub use watch::Watch;
pub use writes::Version;
