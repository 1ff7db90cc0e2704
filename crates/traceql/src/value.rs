//! Results of queries.

use crate::field::Field;
use crate::literal::Literal;
use model::record::{SpanId, TraceId};
use std::collections::BTreeMap;

/// Which traces are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchRange {
    /// The earliest start of a span, Unix nanoseconds.
    pub start_ns: i64,
    /// One past the latest.
    pub end_ns: i64,
    /// At most so many traces, the latest ones.
    pub limit: usize,
    /// Of each set at most so many spans.
    pub spans_per_set: usize,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The latest first.
    pub traces: Vec<FoundTrace>,
    /// What it cost.
    pub stats: Stats,
}

/// A trace that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTrace {
    /// Its id.
    pub trace_id: TraceId,
    /// The service of its root, if that was received.
    pub root_service: Option<String>,
    /// The name of its root, if that was received.
    pub root_name: Option<String>,
    /// When its first span started, Unix nanoseconds.
    pub start_ns: i64,
    /// Until its last span ended, in nanoseconds.
    pub duration_ns: i64,
    /// The sets of spans that were found in it; at least one.
    pub sets: Vec<SpanSet>,
    /// Its spans by service.
    pub services: BTreeMap<String, ServiceCount>,
}

/// How many spans of a service a trace has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServiceCount {
    /// All.
    pub spans: u32,
    /// Those that ended badly.
    pub errors: u32,
}

/// Spans that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSet {
    /// The first ones, as many as were asked for.
    pub spans: Vec<FoundSpan>,
    /// How many there are.
    pub matched: usize,
    /// What is true of the set: what it was grouped by, its aggregates.
    pub attributes: Vec<(String, Literal)>,
}

/// A span that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSpan {
    /// Its id.
    pub span_id: SpanId,
    /// Its name.
    pub name: String,
    /// When it started, Unix nanoseconds.
    pub start_ns: i64,
    /// How long it took, in nanoseconds.
    pub duration_ns: i64,
    /// The fields that the query looks at or selects, as far as it has them.
    pub attributes: Vec<(Field, Literal)>,
}

/// The steps of a metrics query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsRange {
    /// One value for all of the time: spans that start from `start_ns` on and before `end_ns`.
    Instant {
        /// Unix nanoseconds.
        start_ns: i64,
        /// Unix nanoseconds.
        end_ns: i64,
    },
    /// A value per step. Steps are multiples of `step_ns`, from the last one not after `start_ns` to the first one not
    /// before `end_ns`; each stands for the spans that started after the step before it and not after itself.
    Steps {
        /// Unix nanoseconds.
        start_ns: i64,
        /// Unix nanoseconds.
        end_ns: i64,
        /// Nanoseconds.
        step_ns: i64,
    },
}

/// The answer to a metrics query.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsOutput {
    /// In ascending order of labels.
    pub series: Vec<Series>,
    /// What it cost.
    pub stats: Stats,
}

/// Numbers over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is told apart by.
    pub labels: Vec<(String, Literal)>,
    /// Unix milliseconds and values, in order of time.
    pub samples: Vec<(i64, f64)>,
    /// Spans that are behind the values, in order of time.
    pub exemplars: Vec<Exemplar>,
}

/// A span behind a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// When it started, Unix milliseconds.
    pub time_ms: i64,
    /// What it measures, or how many there are of it.
    pub value: f64,
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Spans read from the source.
    pub spans: u64,
    /// Bytes read from the source, as far as known.
    pub bytes: u64,
    /// Traces that were put together.
    pub traces: u64,
    /// Most bytes held at once.
    pub memory_peak: u64,
}

impl Stats {
    pub(crate) fn add(&mut self, scan: &crate::source::ScanStats) {
        self.spans += scan.spans;
        self.bytes += scan.bytes;
    }
}
