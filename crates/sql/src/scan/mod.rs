//! A scan of a source as a node of a plan.
//!
//! A source gives its rows to a callback and cannot be paused, a plan asks for batches: the scan therefore runs on a
//! thread of its own, which begins with the first batch asked for, waits while nobody asks, and ends when nobody will.

mod exec;

pub(crate) use exec::ScanExec;

use crate::memory::QueryMemory;
use arrow::record_batch::RecordBatch;
use promql::{Control, EvalError};
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// A batch has so many rows at most.
pub(crate) const BATCH_ROWS: usize = 8192;
/// A batch ends after a row that makes it so many bytes.
pub(crate) const BATCH_BYTES: usize = 1 << 20;

/// What scans of one query share.
#[derive(Debug)]
pub(crate) struct Run {
    pub control: Control,
    pub memory: Arc<QueryMemory>,
    /// Scans under way.
    pub scans: AtomicUsize,
    /// Scans at the same time.
    pub scans_max: usize,
}

/// Where a scan puts its batches.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(RecordBatch) -> ControlFlow<()>;

/// Rows of a table once columns and conditions are known.
pub(crate) trait Rows: Debug + Send + Sync {
    /// What kind of scan it is.
    fn kind(&self) -> &'static str;
    /// What it reads, for `EXPLAIN`.
    fn describe(&self) -> String;
    /// Gives batches until `emit` breaks off. What it read besides rows is counted by name.
    fn read(&self, run: &Run, emit: Emit<'_>, count: &dyn Fn(&'static str, u64)) -> Result<(), EvalError>;
    /// The same rows ordered by time, if it can.
    fn ordered(&self, descending: bool) -> Option<Arc<dyn Rows>>;
    /// No more than so many rows, if it can tell which.
    fn limited(&self, limit: Option<usize>) -> Arc<dyn Rows>;
    /// The place of the time among the columns.
    fn time_place(&self) -> Option<usize>;
    /// How rows are ordered by time, if they are: whether descending.
    fn descending(&self) -> Option<bool>;
}
