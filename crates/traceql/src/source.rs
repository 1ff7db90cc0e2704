//! Where spans come from.
//!
//! A source is one tenant's spans, as records of which `model` tells how a span becomes one. It is asked for the spans
//! of a range of time ([`Source::scan`]) and for all spans of some traces ([`Source::traces`]), and answers with blocks:
//! columns over some spans of one resource.

use model::record::{Attributes, SpanId, TraceId, Value};
use model::{Labels, Matcher};
use promql::{Control, EvalError};
use std::ops::ControlFlow;

/// In which order spans are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The latest first.
    Backward,
    /// Whatever costs least.
    Any,
}

/// What is read of each span besides its times, ids and resource.
#[derive(Debug, Clone, Copy, Default)]
pub struct Columns<'a> {
    /// Its name.
    pub name: bool,
    /// Attributes of the record by these names, as [`Rows::attribute`] by place in this list.
    pub named: &'a [&'a str],
    /// All attributes, as [`Rows::attributes`].
    pub all: bool,
}

/// What spans must be like to be of use. All of it is checked again by the evaluation: a source uses what makes it faster.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Conditions on string attributes of resources. They say nothing of a resource that has no string attribute of
    /// that name, because it may have another one, kept on the record as `resource.NAME`.
    pub resource: Vec<Matcher>,
    /// The name of the span.
    pub name: Option<String>,
    /// The span belongs to this trace.
    pub trace_id: Option<TraceId>,
    /// The span takes at least so many nanoseconds.
    pub duration_min_ns: Option<i64>,
    /// An attribute of the record, intrinsics included, is equal to this text or number, or a list that holds it.
    pub equal: Vec<(String, Sought)>,
}

/// What an attribute is equal to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// This text.
    Text(String),
    /// This number, whole or not as it is stored.
    Int(i64),
}

/// What a query asks for.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// The earliest start, Unix nanoseconds.
    pub start_ns: i64,
    /// One past the latest start.
    pub end_ns: i64,
    /// In which order.
    pub order: Order,
    /// What spans must be like to be of use.
    pub hints: &'a Hints,
    /// What is read.
    pub columns: Columns<'a>,
}

/// Which traces a query asks for as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Traces<'a> {
    /// Their ids, ascending.
    pub ids: &'a [TraceId],
    /// Some of their spans started between these instants, Unix nanoseconds. Spans that lie far away are of another
    /// trace with the same id: a source may leave out what is more than a day away.
    pub near_ns: (i64, i64),
    /// What is read.
    pub columns: Columns<'a>,
}

/// Spans of one resource.
pub trait Rows {
    /// The string attributes of the resource.
    fn resource(&self) -> &Labels;
    /// How many.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// When a span started, Unix nanoseconds.
    fn start_ns(&self, row: usize) -> i64;
    /// Its trace.
    fn trace_id(&self, row: usize) -> TraceId;
    /// Its id.
    fn span_id(&self, row: usize) -> SpanId;
    /// Its name, if asked for.
    fn name(&self, row: usize) -> &str;
    /// An attribute by its place among those asked for.
    fn attribute(&self, place: usize, row: usize) -> Option<Value<'_>>;
    /// All attributes, if asked for.
    fn attributes(&self, row: usize) -> Attributes<'_>;
    /// With [`Order::Backward`] no later block holds a span that started after this instant.
    fn settled_ns(&self) -> i64;
}

/// What reading cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Spans looked at, those that did not pass included.
    pub spans: u64,
    /// Bytes of them, as far as that is known.
    pub bytes: u64,
}

/// A store of spans as queries see it.
pub trait Source: Send + Sync {
    /// Gives the spans asked for, block by block, until `visit` breaks. A source that works long without a block to
    /// give looks at `control` itself. It may be asked again while it calls `visit`.
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError>;

    /// Gives all spans of some traces, in any order, likewise.
    fn traces(
        &self,
        wanted: &Traces<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError>;
}
