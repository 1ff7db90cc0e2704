//! Where lines come from.
//!
//! A source is one tenant's records. It is asked once per selector ([`Scan`]) and answers with blocks: columns over
//! some rows of one stream. Names of labels and attributes are given as LogQL writes them; a source that stores
//! them as sent finds them with [`crate::names`].

use model::record::{Attributes, Severity, SpanId, TextFilter, TraceId, Value};
use model::{Labels, Matcher};
use promql::{Control, EvalError};
use std::ops::ControlFlow;

/// In which order rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The earliest first.
    Forward,
    /// The latest first.
    Backward,
    /// Whatever costs least; rows are only counted.
    Any,
}

/// How much of the bodies is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BodyColumn {
    /// Nothing.
    None,
    /// How long each is.
    Length,
    /// The text.
    Text,
}

/// Which attributes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeColumns<'a> {
    /// None.
    None,
    /// These, as [`Block::named`], in this order.
    Named(&'a [String]),
    /// All, as [`Block::attributes`].
    All,
}

/// What is read of each row besides its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns<'a> {
    /// Of the body.
    pub body: BodyColumn,
    /// Attributes.
    pub attributes: AttributeColumns<'a>,
    /// The severity.
    pub severity: bool,
    /// Trace and span.
    pub ids: bool,
}

/// What a query asks for.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Conditions on the labels of streams; all must hold.
    pub matchers: &'a [Matcher],
    /// The earliest instant, Unix nanoseconds.
    pub start_ns: i64,
    /// One past the latest instant.
    pub end_ns: i64,
    /// In which order.
    pub order: Order,
    /// Conditions on bodies; all must hold, and the source sees to it exactly.
    pub filters: &'a [TextFilter],
    /// Rows whose attribute (or else stream label) of that name does not match are of no use. A source may leave
    /// them out; it need not.
    pub hints: &'a [Matcher],
    /// What is read.
    pub columns: Columns<'a>,
    /// No more rows are of use, if the source can tell which come first.
    pub limit: Option<usize>,
}

/// The texts of a column, one behind the other.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// Where each begins in `text`, and where the last one ends.
    pub offsets: &'a [u32],
    /// All of them. Empty if only lengths were asked for.
    pub text: &'a str,
}

impl<'a> Texts<'a> {
    /// One text.
    pub fn get(&self, row: usize) -> &'a str {
        &self.text[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// Its length in bytes.
    pub fn length(&self, row: usize) -> u32 {
        self.offsets[row + 1] - self.offsets[row]
    }
}

/// Rows of one stream.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The labels of the stream, as stored.
    pub stream: &'a Labels,
    /// When each happened, Unix nanoseconds: ascending, equal times in the order of arrival, whatever the order asked
    /// for; in ascending runs with [`Order::Any`].
    pub times_ns: &'a [i64],
    /// Bodies; what is not text is rendered as JSON.
    pub bodies: Texts<'a>,
    /// Severities if asked for.
    pub severities: &'a [Severity],
    /// Traces if asked for.
    pub traces: &'a [TraceId],
    /// Spans if asked for.
    pub spans: &'a [SpanId],
    /// One column per attribute asked for by name; empty where no row of the block has the attribute.
    pub named: &'a [&'a [Option<Value<'a>>]],
    /// All attributes if asked for; empty where no row of the block has any.
    pub attributes: &'a [Attributes<'a>],
    /// With [`Order::Forward`], no later block holds a row before this instant; with [`Order::Backward`], none after
    /// it.
    pub settled_ns: i64,
}

impl Block<'_> {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.times_ns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times_ns.is_empty()
    }
}

/// What a scan cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Rows looked at, those that did not pass included.
    pub lines: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Streams that matched.
    pub streams: u64,
    /// Pieces of what is stored that overlap streams and times.
    pub groups: u64,
    /// Those of them that were read.
    pub groups_read: u64,
}

/// A store of lines as queries see it.
pub trait Source: Send + Sync {
    /// Gives the rows asked for, block by block, until `visit` breaks. A source that works long without a block
    /// to give looks at `control` itself.
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&Block<'_>) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError>;
}
