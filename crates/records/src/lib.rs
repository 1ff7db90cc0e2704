//! Durable wide rows: a journal, a head in memory, immutable Parquet parts, merged in the background.
//!
//! This crate refuses to know protocols, query languages and async runtimes.
//!
//! A record lives through four stages. A batch is encoded and handed to the journal; once it is on stable storage it
//! is applied to the *head* and acknowledged. A full head is frozen and written as *parts*, one per tenant and UTC
//! day, and the journal before it is dropped. Parts of a day are merged until few are left, and dropped when they are
//! past retention. At each stage a query sees the record exactly once.

mod batch;
mod checkpoint;
mod codec;
mod engine;
mod error;
mod flush;
mod group;
mod head;
mod json;
mod merge;
mod metadata;
mod options;
mod part;
mod partset;
mod scan;
mod senders;
mod shape;
mod sink;
mod status;
mod store;
mod tombstones;
mod verify;

pub use error::{Damage, RecordsError};
pub use metadata::{AttributeInfo, StreamStats};
pub use options::{Options, RetentionRule, RowOrder, Settings};
pub use scan::{Attributes, Block, Budget, Direction, Scan, Scanned, Stopped, StreamTest, Unlimited, Wanted};
pub use status::{Deletion, Status, TenantStatus};
pub use store::Store;
pub use verify::{Progress, Report, verify};
