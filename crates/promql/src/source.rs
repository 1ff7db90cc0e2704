//! Where series come from.

use model::{Labels, Matcher, Samples, TimeRange};

/// What a selector asks for.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// Conditions; a series must satisfy all of them.
    pub matchers: &'a [Matcher],
    /// The instants whose samples may be needed, both ends included. A source may give more.
    pub range: TimeRange,
    /// How the samples will be used; a source may ignore all of it.
    pub hints: Hints<'a>,
}

/// How selected samples will be used.
#[derive(Debug, Clone, Default)]
pub struct Hints<'a> {
    /// Milliseconds between evaluations, 0 for a single one.
    pub step_ms: i64,
    /// Length of a range selector, 0 for an instant selector.
    pub range_ms: i64,
    /// The function or aggregation directly around the selector.
    pub function: Option<&'a str>,
    /// Labels of the aggregation directly around the selector.
    pub grouping: &'a [String],
    /// Whether `grouping` are the labels kept, not those dropped.
    pub by: bool,
    /// Whether of each series only the newest sample within the range counts.
    pub newest: bool,
}

/// Why a source could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// A store as queries see it.
pub trait Source: Send + Sync {
    /// The series that satisfy the selection, in any order, none twice.
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError>;

    /// How many series of the selection have a sample within its range of which the newest is not a staleness
    /// marker; `None` if that is not known without reading them.
    fn count_present(&self, selection: &Selection<'_>) -> Result<Option<u64>, SourceError> {
        let _ = selection;
        Ok(None)
    }
}

/// Selected series. Labels are known at once, samples are read one series at a time.
pub trait SeriesSet: Send + Sync {
    /// The number of series.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Labels of a series.
    fn labels(&self, i: usize) -> &Labels;

    /// Replaces the content of `out` with the samples of a series.
    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError>;

    /// Stored bytes, compressed, that reading from this set has touched so far; `None` if that is not known.
    fn bytes_read(&self) -> Option<u64> {
        None
    }
}
