//! The store as others see it.

use crate::appender::BatchAppender;
use crate::engine::Engine;
use crate::error::TsdbError;
use crate::options::Options;
use crate::select::Selection;
use crate::status::Status;
use crate::watch::Watch;
use crate::writes::Version;
use env::{Clock, Disk};
use index::{Cardinality, SeriesId};
use model::{Appendable, Appender, Exemplar, Labels, Matcher, Metadata, TimeRange};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// A handle to the store; clones share it. The last one dropped closes it.
#[derive(Clone)]
pub struct Db(Arc<Shared>);

struct Shared {
    engine: Arc<Engine>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Db {
    /// Opens a data directory, made if need be, and takes in what the journal holds. Damaged files are set aside
    /// and named in [`Db::status`]; all else is served.
    pub fn open(options: Options, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Result<Db, TsdbError> {
        let background = options.background;
        let engine = Arc::new(Engine::open(options, disk, clock)?);
        let mut threads = Vec::new();
        if background {
            threads.push(spawn("tsdb-flush", engine.clone(), Engine::flush_loop)?);
            threads.push(spawn("tsdb-merge", engine.clone(), Engine::merge_loop)?);
        }
        Ok(Db(Arc::new(Shared { engine, threads: Mutex::new(threads) })))
    }

    /// The series that match all of `matchers`, to read their samples within `range`.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Selection, TsdbError> {
        Ok(self.0.engine.select(matchers, range))
    }

    /// Those of `ids` that match, to read their samples within `range`.
    pub fn select_among(
        &self,
        ids: &[SeriesId],
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Selection, TsdbError> {
        Ok(self.0.engine.select_among(ids, matchers, range))
    }

    /// The labels of a series.
    pub fn labels(&self, id: SeriesId) -> Option<Labels> {
        self.0.engine.store.index.labels(id)
    }

    /// Tells from now on which series are written to. A watch that was given out before tells nothing more.
    pub fn watch(&self) -> Watch {
        Watch::new(Arc::clone(&self.0.engine.store.watched))
    }

    /// How many series match and have a sample within `range` of which the newest is not a staleness marker. Costs
    /// far less than reading them.
    pub fn count_present(&self, matchers: &[Matcher], range: TimeRange) -> Result<u64, TsdbError> {
        self.0.engine.count_present(matchers, range)
    }

    /// How many series match, whether or not they have samples at any time of interest.
    pub fn series_matching(&self, matchers: &[Matcher]) -> u64 {
        self.0.engine.store.index.select(matchers).len()
    }

    /// No fewer than [`Db::series_matching`] says, for a fraction of its work.
    pub fn series_matching_at_most(&self, matchers: &[Matcher]) -> u64 {
        self.0.engine.store.index.select_at_most(matchers)
    }

    /// Label sets of matching series that may have samples within `range`, at most `limit`, in order.
    pub fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<Labels>, TsdbError> {
        Ok(self.0.engine.series(matchers, range, limit))
    }

    /// Label names of matching series that may have samples within `range`, at most `limit`, in order.
    pub fn label_names(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, TsdbError> {
        Ok(self.0.engine.label_names(matchers, range, limit))
    }

    /// Values of a label among matching series that may have samples within `range`, at most `limit`, in order.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Vec<String>, TsdbError> {
        Ok(self.0.engine.label_values(name, matchers, range, limit))
    }

    /// Values of a label among matching series that contain `text` in any case, at most `limit`: first those that
    /// start with it. Answered from the index alone, whenever the series had samples.
    pub fn search_values(&self, name: &str, matchers: &[Matcher], text: &str, limit: usize) -> Vec<String> {
        self.0.engine.store.index.search_values(name, matchers, text, limit)
    }

    /// Exemplars of matching series within `range`.
    pub fn exemplars(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, TsdbError> {
        Ok(self.0.engine.exemplars(matchers, range))
    }

    /// Metadata of one metric family, or of at most `limit` families in order of name.
    pub fn metadata(&self, family: Option<&str>, limit: usize) -> Vec<(String, Metadata)> {
        let all = self.0.engine.store.metadata.read();
        match family {
            Some(f) => all.get(f).map(|m| (f.to_owned(), m.clone())).into_iter().take(limit).collect(),
            None => all.iter().take(limit).map(|(f, m)| (f.clone(), m.clone())).collect(),
        }
    }

    /// Deletes the samples of matching series within `range` that were accepted before. Says how many series
    /// that touches. They are gone from answers at once and from disk after the next merges.
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<u64, TsdbError> {
        self.0.engine.delete(matchers, range)
    }

    /// Writes everything in memory as parts.
    pub fn flush(&self) -> Result<(), TsdbError> {
        self.0.engine.flush()
    }

    /// Flushes, merges each day into one part, and carries out deletions.
    pub fn compact(&self) -> Result<(), TsdbError> {
        self.0.engine.compact()
    }

    /// Does one piece of background work, if there is any, and says whether there was. For stores that run without
    /// threads of their own.
    pub fn merge_once(&self) -> Result<bool, TsdbError> {
        self.0.engine.merge_once()
    }

    /// Puts a consistent copy of everything acknowledged so far under `dir`: a data directory that can be opened.
    /// Shares bytes with this one where the filesystem allows.
    pub fn snapshot(&self, dir: &Path) -> Result<(), TsdbError> {
        self.0.engine.snapshot(dir)
    }

    /// The version of what reads see from now on. A result read after this call may be kept with it and holds for
    /// as long as [`Db::changed_since`] names no instant that the result depends on.
    pub fn version(&self) -> Version {
        self.0.engine.store.writes.version()
    }

    /// The parts of `range` in which samples may have come or gone after `since`, in ascending order and apart; to
    /// a second for recent times, coarser for old ones. Samples that fall past retention, those before
    /// [`Db::oldest_ms`], go without notice.
    pub fn changed_since(&self, since: Version, range: TimeRange) -> Vec<TimeRange> {
        self.0.engine.store.writes.changed_since(since, range)
    }

    /// Reads give no samples before this instant, which retention by time moves on.
    pub fn oldest_ms(&self) -> i64 {
        self.0.engine.oldest_ms()
    }

    /// Figures of this moment.
    pub fn status(&self) -> Status {
        self.0.engine.status()
    }

    /// The largest contributors to the number of series, `top` of each kind.
    pub fn cardinality(&self, top: usize) -> Cardinality {
        self.0.engine.store.index.cardinality(top)
    }

    /// Stops background work, refuses further writes and flushes. What was acknowledged is safe without it, too.
    pub fn close(&self) -> Result<(), TsdbError> {
        self.0.stop();
        self.0.engine.flush()
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(BatchAppender::new(&self.0.engine))
    }
}

impl Shared {
    fn stop(&self) {
        let wake = &self.engine.store.wake;
        wake.closed.store(true, Ordering::Release);
        wake.flush.raise();
        wake.merge.raise();
        for t in self.threads.lock().drain(..) {
            // A panic there was reported when it happened.
            let _ = t.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: &str, engine: Arc<Engine>, run: fn(&Engine)) -> Result<JoinHandle<()>, TsdbError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&engine));
    thread.map_err(|e| TsdbError::io("start thread", name, e))
}
