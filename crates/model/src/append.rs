//! What it means to hand samples to something that keeps them.

use crate::{Exemplar, Histogram, LabelError, Labels, Metadata};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A series within one [`Appender`]; meaningless to any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub u32);

/// Takes samples in batches and says when a batch is safe. A store is one; a spool is one.
pub trait Appendable: Send + Sync {
    /// A fresh, empty batch.
    fn appender(&self) -> Box<dyn Appender + '_>;
}

/// One batch: series and their samples, kept all together or not at all by [`Appender::commit`].
///
/// A call that is refused leaves the batch as it was; the caller may go on with the other series and commit
/// them (a *partial write*).
pub trait Appender: Send {
    /// The series with exactly this key (see [`Labels::key`]), if it is already known. The key may be any
    /// bytes: what is not known is `None`, never an error.
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef>;

    /// Says that these bytes, which are not a key, mean this series, so that a later [`Appender::lookup`] of
    /// them may find it.
    fn remember(&mut self, _alias: &[u8], _series: SeriesRef) {}

    /// The series with these labels, made if need be.
    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError>;

    /// A float sample. `start_ms` is when the counter was last zero, 0 if unknown.
    fn sample(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        value: f64,
        start_ms: i64,
    ) -> Result<(), AppendError>;

    /// A native histogram sample.
    fn histogram(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        histogram: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError>;

    /// An exemplar of a series.
    fn exemplar(&mut self, series: SeriesRef, exemplar: Exemplar) -> Result<(), AppendError>;

    /// Metadata of a metric family.
    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError>;

    /// Makes the batch durable and visible. The work starts with this call; the future only reports its end.
    fn commit(self: Box<Self>) -> AppendDone;
}

/// Resolves once a batch is on stable storage and visible to queries, or is refused as a whole.
pub type AppendDone = Pin<Box<dyn Future<Output = Result<Committed, Unavailable>> + Send>>;

/// What a committed batch held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Float samples.
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
}

/// Why one series or sample is refused. Sending it again unchanged cannot help.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AppendError {
    /// Not a valid label set.
    #[error("series {series}: {reason}")]
    Labels {
        /// The series as far as it could be read.
        series: String,
        /// What is wrong.
        reason: LabelError,
    },
    /// A limit is met.
    #[error("{0}")]
    Limit(Limit),
    /// The timestamp is outside what the store keeps.
    #[error(
        "series {series}: the sample at {time_ms} ms is {relation}; accepted are {from_ms} to {to_ms} ms ({setting})"
    )]
    OutOfBounds {
        /// The series.
        series: String,
        /// The sample's timestamp.
        time_ms: i64,
        /// "older than retention" or "too far in the future".
        relation: &'static str,
        /// Oldest accepted.
        from_ms: i64,
        /// Newest accepted.
        to_ms: i64,
        /// The setting that moves the bound.
        setting: &'static str,
    },
    /// Anything else that is wrong with the value itself.
    #[error("series {series}: {reason}")]
    Invalid {
        /// The series.
        series: String,
        /// What is wrong.
        reason: String,
    },
}

/// A limit that was met, with the setting that moves it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {observed}, over the limit of {limit}: raise {setting} to allow it")]
pub struct Limit {
    /// What is limited, with its object: `number of labels of series up{…}`.
    pub what: String,
    /// What was met.
    pub observed: u64,
    /// What is allowed.
    pub limit: u64,
    /// The configuration key that moves it.
    pub setting: &'static str,
}

/// The whole batch is refused for now; the same batch may be sent again later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is under way.
    #[error("the store is busy ({reason}); try again in {} s", retry_after.as_secs().max(1))]
    Busy {
        /// Which budget is used up.
        reason: String,
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// Nothing can be written: the disk is full, read-only, or failing.
    #[error("the store cannot write: {0}")]
    ReadOnly(String),
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
}
