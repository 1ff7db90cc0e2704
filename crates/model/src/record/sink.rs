//! What it means to hand records to something that keeps them.

use super::{Delivery, RecordBatch, SenderId};
use crate::{Limit, Unavailable};
use std::future::Future;
use std::pin::Pin;

/// Takes records in batches and says when a batch is safe. A store is one; a spool is one.
pub trait RecordSink: Send + Sync {
    /// Makes what is acceptable of a batch durable and visible. The work starts with this call; the future only
    /// reports its end. Records that can never be accepted are refused one by one, and the rest is kept.
    fn append(&self, batch: RecordBatch) -> RecordsDone;

    /// The last delivery of a sender that is kept, with its state. `None` of a sender that is not known.
    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery>;
}

/// Resolves once a batch is on stable storage and visible to queries, or is refused as a whole for now.
pub type RecordsDone = Pin<Box<dyn Future<Output = Result<Accepted, Unavailable>> + Send>>;

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted {
    /// Records kept.
    pub records: u64,
    /// Records refused, in order of their place in the batch.
    pub refused: Vec<Refused>,
}

/// A record that is not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its place in the batch.
    pub row: usize,
    /// Why.
    pub reason: RecordError,
}

/// Why a record is refused. Sending it again unchanged cannot help.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// A limit is met.
    #[error("{0}")]
    Limit(Limit),
    /// The timestamp is outside what the store keeps.
    #[error("the record at {time_ns} ns is {relation}; accepted are {from_ns} to {to_ns} ns ({setting})")]
    OutOfBounds {
        /// The record's timestamp.
        time_ns: i64,
        /// "older than retention" or "too far in the future".
        relation: &'static str,
        /// Oldest accepted.
        from_ns: i64,
        /// Newest accepted.
        to_ns: i64,
        /// The setting that moves the bound.
        setting: &'static str,
    },
}
