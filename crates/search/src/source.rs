//! Where records come from.
//!
//! A source is one tenant's records. It is asked with a [`Scan`] and answers with blocks: rows of one stream. Names are
//! those that were stored, letter by letter.

use model::Labels;
use model::record::{Attributes, Severity, SpanId, TextFilter, TraceId, Value};
use promql::{Control, EvalError};
use std::fmt;
use std::ops::ControlFlow;

/// In which order rows are wanted.
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
    /// These, as [`Block::named`], by their place here.
    Named(&'a [&'a str]),
    /// All, as [`Block::attributes`].
    All,
}

/// What is read of each row besides its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns<'a> {
    /// The body.
    pub body: bool,
    /// The severity.
    pub severity: bool,
    /// Trace and span.
    pub ids: bool,
    /// Attributes.
    pub attributes: AttributeColumns<'a>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    /// Whether rows of a stream are of any use.
    pub streams: &'a dyn Fn(&Labels) -> bool,
    /// The earliest instant, Unix nanoseconds.
    pub start_ns: i64,
    /// One past the latest instant.
    pub end_ns: i64,
    /// In which order.
    pub order: Order,
    /// Conditions on bodies; all must hold, and the source sees to it exactly.
    pub filters: &'a [TextFilter],
    /// What is read.
    pub columns: Columns<'a>,
    /// No more rows are of use.
    pub limit: Option<usize>,
}

impl fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("start_ns", &self.start_ns)
            .field("end_ns", &self.end_ns)
            .field("order", &self.order)
            .field("filters", &self.filters)
            .field("columns", &self.columns)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Rows of one stream. Of columns that were not asked for nothing is known.
pub trait Block {
    /// The labels of the stream.
    fn labels(&self) -> &Labels;
    /// When each happened, Unix nanoseconds: descending with [`Order::Backward`], else ascending.
    fn times_ns(&self) -> &[i64];
    /// With [`Order::Forward`] no later block holds a row before this instant; with [`Order::Backward`], none after it.
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

/// A store of records as searches see it.
pub trait Source {
    /// Gives the rows asked for, block by block, until `visit` breaks. A source that works long without a block to give
    /// looks at `control` itself.
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Block) -> ControlFlow<()>,
    ) -> Result<(), EvalError>;
}
