//! The store as a source of the query engine.

use model::Samples;
use promql::{Selection, SeriesSet, Source, SourceError};
use tsdb::{Db, SeriesId, TsdbError};

/// A store, seen by queries.
pub struct StoreSource<'a> {
    db: &'a Db,
    /// Only these series, if so.
    among: Option<&'a [SeriesId]>,
}

impl<'a> StoreSource<'a> {
    /// The source over a store.
    pub fn new(db: &'a Db) -> StoreSource<'a> {
        StoreSource { db, among: None }
    }

    /// Some series of a store as if there were no others.
    pub fn among(db: &'a Db, series: &'a [SeriesId]) -> StoreSource<'a> {
        StoreSource { db, among: Some(series) }
    }
}

/// The series of a store that a query selects.
pub fn select<'s>(db: &Db, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
    found(db.select(selection.matchers, selection.range), selection)
}

fn found<'s>(
    found: Result<tsdb::Selection, TsdbError>,
    selection: &Selection<'_>,
) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
    let found = found.map_err(source_error)?;
    Ok(Box::new(Found(if selection.hints.newest { found.newest_only() } else { found })))
}

struct Found(tsdb::Selection);

impl Source for StoreSource<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        match self.among {
            None => select(self.db, selection),
            Some(ids) => found(self.db.select_among(ids, selection.matchers, selection.range), selection),
        }
    }

    fn count_present(&self, selection: &Selection<'_>) -> Result<Option<u64>, SourceError> {
        if self.among.is_some() {
            return Ok(None);
        }
        self.db.count_present(selection.matchers, selection.range).map(Some).map_err(source_error)
    }
}

impl SeriesSet for Found {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> &model::Labels {
        self.0.labels(i)
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        self.0.read(i, out).map_err(source_error)
    }

    fn bytes_read(&self) -> Option<u64> {
        Some(self.0.bytes_read())
    }
}

fn source_error(e: TsdbError) -> SourceError {
    SourceError(e.to_string())
}
