//! What the store tells about itself.

use crate::engine::{Engine, PARTITION};
use crate::error::Damage;
use journal::Journal;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// Figures of the store. Bytes are bytes; times are Unix milliseconds.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Series with a name in the index.
    pub series: u64,
    /// Series with samples in the active head.
    pub series_active: u64,
    /// Samples in memory, in no part yet.
    pub head_samples: u64,
    /// Memory they take.
    pub head_bytes: u64,
    /// What they may take before they are flushed.
    pub head_bytes_max: u64,
    /// Parts.
    pub parts: u64,
    /// Samples in parts, counted before deduplication between parts.
    pub part_samples: u64,
    /// Bytes of parts on disk.
    pub part_bytes: u64,
    /// Memory for the tables of parts.
    pub part_memory_bytes: u64,
    /// Memory of pages that were read lately.
    pub page_cache_bytes: u64,
    /// Bytes of the series index on disk.
    pub index_bytes: u64,
    /// Memory of the series index.
    pub index_memory_bytes: u64,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Segments of the journal.
    pub journal_segments: u64,
    /// Syncs of the journal since the start.
    pub journal_syncs: u64,
    /// Bytes of records waiting for the journal.
    pub queued_bytes: u64,
    /// Earliest sample, if there is any.
    pub min_ms: Option<i64>,
    /// Latest sample, if there is any.
    pub max_ms: Option<i64>,
    /// Samples accepted since the start.
    pub samples_appended: u64,
    /// Batches accepted since the start.
    pub batches: u64,
    /// Batches refused as busy since the start.
    pub batches_refused_busy: u64,
    /// Samples read back from the journal at the start.
    pub samples_replayed: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Merges since the start.
    pub merges: u64,
    /// Samples written by merges since the start.
    pub samples_merged: u64,
    /// Exemplars kept.
    pub exemplars: u64,
    /// Metric families with metadata.
    pub metadata: u64,
    /// Deletions not carried out yet.
    pub tombstones: u64,
    /// Retention by time.
    pub retention_ms: i64,
    /// Retention by size, 0 for none.
    pub retention_bytes: u64,
    /// Every damage met so far.
    pub damages: Vec<Damage>,
}

impl Engine {
    /// The figures of this moment.
    pub fn status(&self) -> Status {
        let store = &self.store;
        let parts = store.parts.read().clone();
        let index = store.index.status();
        let journal = self.journal.stats(PARTITION);
        let (mut head_samples, mut head_bytes, mut series_active) = (0, 0, 0);
        let (mut min_ms, mut max_ms) = (i64::MAX, i64::MIN);
        {
            let heads = store.heads.read();
            for h in heads.frozen.iter().chain([&heads.active]) {
                let h = h.read();
                head_samples += h.samples();
                head_bytes += h.bytes() as u64;
                series_active = series_active.max(h.series_count() as u64);
                (min_ms, max_ms) = (min_ms.min(h.range().start_ms), max_ms.max(h.range().end_ms));
            }
        }
        for p in parts.iter() {
            (min_ms, max_ms) = (min_ms.min(p.part.range().start_ms), max_ms.max(p.part.range().end_ms));
        }
        let c = &store.counters;
        let read = |a: &std::sync::atomic::AtomicU64| a.load(Ordering::Relaxed);
        Status {
            series: index.series,
            series_active,
            head_samples,
            head_bytes,
            head_bytes_max: store.options.head_bytes_max as u64,
            parts: parts.len() as u64,
            part_samples: parts.iter().map(|p| p.part.summary().samples).sum(),
            part_bytes: parts.iter().map(|p| p.part.size()).sum(),
            part_memory_bytes: parts.iter().map(|p| p.part.memory_bytes() as u64).sum(),
            page_cache_bytes: store.pages.bytes(),
            index_bytes: index.segment_bytes,
            index_memory_bytes: index.memory_bytes,
            journal_bytes: journal.bytes,
            journal_segments: journal.segments,
            journal_syncs: journal.syncs,
            queued_bytes: read(&store.queued_bytes),
            min_ms: (min_ms <= max_ms).then_some(min_ms),
            max_ms: (min_ms <= max_ms).then_some(max_ms),
            samples_appended: read(&c.samples),
            batches: read(&c.batches),
            batches_refused_busy: read(&c.refused_busy),
            samples_replayed: read(&c.replayed_samples),
            flushes: read(&c.flushes),
            merges: read(&c.merges),
            samples_merged: read(&c.merged_samples),
            exemplars: store.exemplars.lock().ring.len() as u64,
            metadata: store.metadata.read().len() as u64,
            tombstones: store.tombstones.read().0.len() as u64,
            retention_ms: store.options.retention_ms,
            retention_bytes: store.options.retention_bytes,
            damages: store.damages.lock().clone(),
        }
    }
}
