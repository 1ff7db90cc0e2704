//! Where rows come from.
//!
//! A source is one tenant's data: log records, and series as PromQL sees them.

use model::record::{Attributes, Severity, SpanId, TextFilter, TraceId, Value};
use model::{Labels, TimeRange};
use promql::{Control, EvalError};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// In which order records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The earliest first.
    Forward,
    /// The latest first.
    Backward,
    /// Whatever costs least.
    Any,
}

/// Which attributes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeColumns<'a> {
    /// None.
    None,
    /// These, as [`LogBlock::named`], by their place here.
    Named(&'a [&'a str]),
    /// All, as [`LogBlock::attributes`].
    All,
}

/// What is read of each record besides its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogColumns<'a> {
    /// The body.
    pub body: bool,
    /// The severity.
    pub severity: bool,
    /// Trace and span.
    pub ids: bool,
    /// Attributes.
    pub attributes: AttributeColumns<'a>,
}

/// Which records are asked for.
#[derive(Clone, Copy)]
pub struct LogScan<'a> {
    /// Whether records of a stream are of any use.
    pub streams: &'a dyn Fn(&Labels) -> bool,
    /// The earliest instant, Unix nanoseconds.
    pub start_ns: i64,
    /// One past the latest instant.
    pub end_ns: i64,
    /// In which order.
    pub order: Order,
    /// Conditions on bodies; all must hold, and the source sees to it exactly.
    pub filters: &'a [TextFilter],
    /// Only records of this trace.
    pub trace_id: Option<TraceId>,
    /// What is read.
    pub columns: LogColumns<'a>,
    /// No more records are of use: the first of the order, any without one.
    pub limit: Option<usize>,
}

impl fmt::Debug for LogScan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogScan")
            .field("start_ns", &self.start_ns)
            .field("end_ns", &self.end_ns)
            .field("order", &self.order)
            .field("filters", &self.filters)
            .field("trace_id", &self.trace_id)
            .field("columns", &self.columns)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Records of one stream. Of columns that were not asked for nothing is known.
pub trait LogBlock {
    /// The labels of the stream.
    fn labels(&self) -> &Labels;
    /// When each happened, Unix nanoseconds.
    fn times_ns(&self) -> &[i64];
    /// With [`Order::Forward`] neither this nor a later block holds a record before this instant; with
    /// [`Order::Backward`], none after it.
    fn settled_ns(&self) -> i64;
    /// A body; what is not text is shown as JSON.
    fn body(&self, row: usize) -> &str;
    /// How grave a record is.
    fn severity(&self, row: usize) -> Severity;
    /// Its trace.
    fn trace(&self, row: usize) -> TraceId;
    /// Its span.
    fn span(&self, row: usize) -> SpanId;
    /// An attribute asked for by name.
    fn named(&self, place: usize, row: usize) -> Option<Value<'_>>;
    /// All attributes.
    fn attributes(&self, row: usize) -> Attributes<'_>;
}

/// What a scan of records cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Records whose text was looked at one by one.
    pub tested: u64,
    /// Row groups that overlap streams and times.
    pub groups: u64,
    /// Row groups that were read.
    pub groups_read: u64,
}

/// The names under which the fields of records can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogNames {
    /// Labels of streams.
    pub labels: Vec<String>,
    /// Attributes of the newest records.
    pub attributes: Vec<String>,
}

/// One tenant's data.
pub trait Source: Send + Sync {
    /// Gives the records asked for, block by block, until `visit` breaks. A source that works long without a block to
    /// give looks at `control` itself.
    fn logs(
        &self,
        scan: &LogScan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn LogBlock) -> ControlFlow<()>,
    ) -> Result<LogStats, EvalError>;

    /// Names of labels and of frequent attributes of records, at most `limit` of each.
    fn log_names(&self, limit: usize, control: &Control) -> Result<LogNames, EvalError>;

    /// The same tenant's events, as records.
    fn events(&self) -> Option<Arc<dyn Source>> {
        None
    }

    /// The same tenant's error events, as records.
    fn errors(&self) -> Option<Arc<dyn Source>> {
        None
    }

    /// All series.
    fn series(&self) -> &dyn promql::Source;

    /// Names of metrics in order, at most `limit`.
    fn metrics(&self, limit: usize) -> Result<Vec<String>, EvalError>;

    /// Names of the labels of a metric's series besides `__name__`, in order, at most `limit`; `None` if there is no
    /// such metric.
    fn metric_labels(&self, metric: &str, limit: usize) -> Result<Option<Vec<String>>, EvalError>;

    /// The instants between which there may be samples.
    fn sampled(&self) -> TimeRange {
        TimeRange::ALL
    }
}
