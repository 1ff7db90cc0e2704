//! Results of queries.

pub use promql::{MatrixSeries, Point, Value, VectorSample};

use crate::explain::PlanNode;
use crate::source::ScanStats;
use model::{Labels, LabelsBuilder};
use std::collections::HashMap;

/// In which order lines are given, and which ones if there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The earliest first.
    Forward,
    /// The latest first.
    Backward,
}

/// Which lines are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// The earliest instant, Unix nanoseconds.
    pub start_ns: i64,
    /// One past the latest instant.
    pub end_ns: i64,
    /// In which order.
    pub direction: Direction,
    /// At most so many.
    pub limit: usize,
}

/// When a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Lines of a range.
    Lines(LogRange),
    /// Numbers at an instant, Unix nanoseconds.
    Instant(i64),
    /// Numbers at every step.
    Steps {
        /// The first.
        start_ns: i64,
        /// None is behind it.
        end_ns: i64,
        /// How far they are apart.
        step_ns: i64,
    },
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When it happened, Unix nanoseconds.
    pub time_ns: i64,
    /// The text, as the pipeline left it.
    pub line: String,
    /// Labels that are attributes of the record.
    pub structured: Labels,
    /// Labels that stages of the pipeline made, errors included.
    pub parsed: Labels,
}

/// Lines of one stream, in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// The labels of the stream that the pipeline left.
    pub labels: Labels,
    /// The lines.
    pub entries: Vec<LogEntry>,
}

/// The answer to a query for lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOutput {
    /// The lines, in ascending order of labels.
    pub streams: Vec<LogStream>,
    /// What it cost.
    pub stats: Stats,
}

impl LogOutput {
    /// The lines with all labels of a line taken as those of its stream: what clients expect that do not ask for
    /// labels by category.
    pub fn merged(self) -> Vec<LogStream> {
        let mut out: Vec<LogStream> = Vec::new();
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        for stream in self.streams {
            for mut entry in stream.entries {
                let (structured, parsed) =
                    (std::mem::take(&mut entry.structured), std::mem::take(&mut entry.parsed));
                let labels = if structured.is_empty() && parsed.is_empty() {
                    stream.labels.clone()
                } else {
                    let mut all: LabelsBuilder<'_> = stream.labels.to_builder();
                    for (name, value) in structured.iter().chain(&parsed) {
                        all.set(name, value);
                    }
                    all.build()
                };
                let at = *by_labels.entry(labels.clone()).or_insert_with(|| {
                    out.push(LogStream { labels, entries: Vec::new() });
                    out.len() - 1
                });
                out[at].entries.push(entry);
            }
        }
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        out
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Lines looked at, those that did not pass included.
    pub lines: u64,
    /// Bytes of these lines.
    pub bytes: u64,
    /// Streams that matched.
    pub streams: u64,
    /// Lines given.
    pub entries: u64,
    /// Series that functions over ranges made.
    pub series_read: u64,
    /// Most bytes held at once.
    pub memory_peak: u64,
    /// Steps evaluated.
    pub steps: u64,
}

impl Stats {
    pub(crate) fn add(&mut self, scan: &ScanStats) {
        self.lines += scan.lines;
        self.bytes += scan.bytes;
        self.streams += scan.streams;
    }
}

/// How a query was evaluated.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Its parts.
    pub plan: PlanNode,
    /// What it cost.
    pub stats: Stats,
}

/// The answer to a metric query.
#[derive(Debug, Clone)]
pub struct Output {
    /// The result.
    pub value: Value,
    /// What the asker should know about it.
    pub warnings: Vec<String>,
    /// What it cost.
    pub stats: Stats,
}
