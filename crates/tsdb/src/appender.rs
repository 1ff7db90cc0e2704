//! How a write enters: checked, resolved to series ids, journaled, then applied.

use crate::batch::{Batch, HistogramSample, Sample};
use crate::codec::histograms::BUCKETS_MAX;
use crate::completion::completion;
use crate::engine::{Engine, PARTITION};
use crate::store::Store;
use index::SeriesId;
use journal::Journal;
use model::{
    AppendDone, AppendError, Appender, Committed, Counts, Exemplar, Histogram, Labels, Limit, Metadata,
    SeriesRef, Unavailable,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// One batch. Holds nothing of the store but a reference until it is committed.
pub(crate) struct BatchAppender {
    engine: Arc<Engine>,
    batch: Batch,
    /// The series looked up last.
    last: SeriesId,
    from_ms: i64,
    to_ms: i64,
}

impl BatchAppender {
    pub fn new(engine: &Arc<Engine>) -> BatchAppender {
        let store = &engine.store;
        let now = store.clock.now_ms();
        BatchAppender {
            engine: engine.clone(),
            batch: Batch::default(),
            last: SeriesId(u32::MAX),
            from_ms: now.saturating_sub(store.options.retention_ms),
            to_ms: now.saturating_add(store.options.future_ms_max),
        }
    }

    fn check_time(&self, series: SeriesRef, time_ms: i64) -> Result<(), AppendError> {
        if self.from_ms <= time_ms && time_ms <= self.to_ms {
            Ok(())
        } else {
            Err(self.out_of_bounds(series, time_ms))
        }
    }

    #[cold]
    fn out_of_bounds(&self, series: SeriesRef, time_ms: i64) -> AppendError {
        let old = time_ms < self.from_ms;
        AppendError::OutOfBounds {
            series: self.show(series),
            time_ms,
            relation: if old { "older than retention" } else { "too far in the future" },
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            setting: if old { "storage.retention" } else { "storage.future" },
        }
    }

    fn show(&self, series: SeriesRef) -> String {
        self.engine.store.index.labels(SeriesId(series.0)).map_or_else(|| "?".to_owned(), |l| l.to_string())
    }

    /// Why nothing can be taken at the moment.
    fn pressure(&self) -> Option<Unavailable> {
        let s = &self.engine.store;
        if s.wake.closed.load(Ordering::Acquire) {
            return Some(Unavailable::Closed);
        }
        let busy = |reason: &str| {
            s.counters.refused_busy.fetch_add(1, Ordering::Relaxed);
            Some(Unavailable::Busy { reason: reason.to_owned(), retry_after: Duration::from_secs(1) })
        };
        if s.queued_bytes.load(Ordering::Relaxed) > s.options.queued_bytes_max {
            return busy("writes wait for the disk");
        }
        let bytes = s.head_bytes();
        if bytes > s.options.head_bytes_max {
            s.wake.flush.raise();
            let floor = s.heads.read().active.read().series_count() * BYTES_PER_SERIES_MIN;
            if s.options.background && bytes > 3 * s.options.head_bytes_max.max(floor) {
                return busy("memory for recent samples, storage.memory, is used up");
            }
        }
        None
    }

    /// Definitions of those series that nothing durable names yet.
    fn define(&mut self) {
        let undurable = &self.engine.store.undurable;
        if undurable.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let all = undurable.labels.lock();
        let b = &mut self.batch;
        let used = b.samples.iter().map(|s| s.id);
        let used = used.chain(b.histograms.iter().map(|h| h.id)).chain(b.exemplars.iter().map(|e| e.0));
        let mut ids: Vec<SeriesId> = used.filter(|id| all.contains_key(id)).collect();
        ids.sort_unstable();
        ids.dedup();
        b.definitions = ids.into_iter().filter_map(|id| Some((id, all.get(&id)?.clone()))).collect();
    }
}

/// A head with little more than one sample of each of very many series is not a disk that cannot keep up.
pub(crate) const BYTES_PER_SERIES_MIN: usize = 256;

impl Appender for BatchAppender {
    fn lookup(&mut self, key: &[u8]) -> Option<SeriesRef> {
        self.last = self.engine.store.index.lookup_after(self.last, key)?;
        Some(SeriesRef(self.last.0))
    }

    fn remember(&mut self, alias: &[u8], series: SeriesRef) {
        self.engine.store.index.alias(alias, SeriesId(series.0));
    }

    fn series(&mut self, labels: &Labels) -> Result<SeriesRef, AppendError> {
        let undurable = &self.engine.store.undurable;
        let mut created = |id: SeriesId| {
            let mut all = undurable.labels.lock();
            all.insert(id, labels.clone());
            undurable.count.store(all.len(), Ordering::Release);
        };
        match self.engine.store.index.get_or_create(labels, &mut created) {
            Ok(id) => Ok(SeriesRef(id.0)),
            Err(limit) => Err(AppendError::Limit(limit)),
        }
    }

    fn sample(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        value: f64,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.check_time(series, time_ms)?;
        if start_ms != 0 {
            self.batch.starts.push((self.batch.samples.len() as u32, start_ms));
        }
        self.batch.samples.push(Sample { id: SeriesId(series.0), time_ms, value });
        Ok(())
    }

    fn histogram(
        &mut self,
        series: SeriesRef,
        time_ms: i64,
        h: Histogram,
        start_ms: i64,
    ) -> Result<(), AppendError> {
        self.check_time(series, time_ms)?;
        let wrong = |reason: String| AppendError::Invalid { series: self.show(series), reason };
        if !h.is_stale() {
            h.check().map_err(|e| wrong(e.to_string()))?;
        }
        let buckets = match &h.counts {
            Counts::Integer { positive, negative, .. } => positive.len() + negative.len(),
            Counts::Float { positive, negative, .. } => positive.len() + negative.len(),
        };
        if buckets > BUCKETS_MAX {
            return Err(AppendError::Limit(Limit {
                what: format!("number of buckets of {}", self.show(series)),
                observed: buckets as u64,
                limit: BUCKETS_MAX as u64,
                setting: "no setting; lower the histogram's resolution",
            }));
        }
        let histogram = Arc::new(h);
        self.batch.histograms.push(HistogramSample { id: SeriesId(series.0), time_ms, start_ms, histogram });
        Ok(())
    }

    fn exemplar(&mut self, series: SeriesRef, exemplar: Exemplar) -> Result<(), AppendError> {
        self.check_time(series, exemplar.time_ms)?;
        self.batch.exemplars.push((SeriesId(series.0), exemplar));
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: Metadata) -> Result<(), AppendError> {
        // Senders repeat metadata with every request; only news is worth a record.
        if self.engine.store.metadata.read().get(family) != Some(&metadata) {
            self.batch.metadata.push((family.to_owned(), metadata));
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> AppendDone {
        if let Some(refused) = self.pressure() {
            return Box::pin(std::future::ready(Err(refused)));
        }
        if self.batch.is_empty() {
            return Box::pin(std::future::ready(Ok(Committed::default())));
        }
        self.define();
        let (engine, batch) = (self.engine, self.batch);
        let store = engine.store.clone();
        let record = batch.encode();
        let len = record.len() as u64;
        store.queued_bytes.fetch_add(len, Ordering::Relaxed);
        let (done, wait) = completion();
        let then = Box::new(move |written: Result<journal::Offset, journal::JournalError>| {
            store.queued_bytes.fetch_sub(len, Ordering::Relaxed);
            done.complete(match written {
                Ok(offset) => {
                    store.now_durable(&batch);
                    store.apply(&batch, offset);
                    Ok(store.count(&batch))
                }
                Err(e) => Err(Unavailable::ReadOnly(e.to_string())),
            });
        });
        engine.journal.append(PARTITION, record, then);
        Box::pin(wait)
    }
}

impl Store {
    fn now_durable(&self, batch: &Batch) {
        if batch.definitions.is_empty() {
            return;
        }
        let mut all = self.undurable.labels.lock();
        for (id, _) in &batch.definitions {
            all.remove(id);
        }
        self.undurable.count.store(all.len(), Ordering::Release);
    }

    fn count(&self, batch: &Batch) -> Committed {
        let committed = Committed {
            samples: batch.samples.len() as u64,
            histograms: batch.histograms.len() as u64,
            exemplars: batch.exemplars.len() as u64,
        };
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.samples.fetch_add(committed.samples + committed.histograms, Ordering::Relaxed);
        committed
    }
}
