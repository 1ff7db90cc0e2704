//! What the store tells about itself.

use crate::engine::{Engine, PARTITION};
use crate::error::Damage;
use journal::Journal;
use model::record::TextFilter;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Figures of the store. Bytes are bytes; times are Unix nanoseconds unless named otherwise.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Records in memory, in no part yet.
    pub head_records: u64,
    /// Memory they take.
    pub head_bytes: u64,
    /// What they may take before they are flushed.
    pub head_bytes_max: u64,
    /// Streams with records in memory.
    pub head_streams: u64,
    /// Parts.
    pub parts: u64,
    /// Records in parts.
    pub part_records: u64,
    /// Bytes of the bodies of these records.
    pub part_body_bytes: u64,
    /// Bytes of parts on disk.
    pub part_bytes: u64,
    /// Memory for the directories of parts.
    pub part_memory_bytes: u64,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Segments of the journal.
    pub journal_segments: u64,
    /// Syncs of the journal since the start.
    pub journal_syncs: u64,
    /// Bytes of batches waiting for the journal.
    pub queued_bytes: u64,
    /// Earliest record in parts.
    pub min_ns: Option<i64>,
    /// Latest record in parts.
    pub max_ns: Option<i64>,
    /// Records accepted since the start.
    pub records_appended: u64,
    /// Records refused one by one since the start.
    pub records_refused: u64,
    /// Batches accepted since the start.
    pub batches: u64,
    /// Batches refused as busy since the start.
    pub batches_refused_busy: u64,
    /// Records read back from the journal at the start.
    pub records_replayed: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Merges since the start.
    pub merges: u64,
    /// Records written by merges since the start.
    pub records_merged: u64,
    /// Records dropped with whole parts because they were past retention, since the start.
    pub records_expired: u64,
    /// By tenant, what is in parts.
    pub tenants: Vec<TenantStatus>,
    /// Deletions that are in force but not carried out on disk yet.
    pub deletions: Vec<Deletion>,
    /// Retention where no rule says otherwise, in milliseconds.
    pub retention_ms: i64,
    /// Retention by size, 0 for none.
    pub retention_bytes: u64,
    /// Retention rules: tenant if one is named, selector, milliseconds.
    pub retention_rules: Vec<(Option<String>, String, i64)>,
    /// Every damage met so far.
    pub damages: Vec<Damage>,
}

/// What one tenant has in parts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TenantStatus {
    /// Its name.
    pub tenant: String,
    /// Records.
    pub records: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// A deletion not carried out yet.
#[derive(Debug, Clone, Serialize)]
pub struct Deletion {
    /// Its number among deletions and flushes.
    pub number: u64,
    /// Whose records.
    pub tenant: String,
    /// Of which streams.
    pub selector: String,
    /// Which text: conditions all of which hold.
    #[serde(serialize_with = "in_words")]
    pub filters: Vec<TextFilter>,
    /// From this time on.
    pub start_ns: i64,
    /// Up to this time.
    pub end_ns: i64,
    /// When it was asked for, Unix milliseconds.
    pub asked_ms: i64,
}

fn in_words<S: Serializer>(filters: &[TextFilter], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(filters.iter().map(|f| format!("{f:?}")))
}

fn selector(matchers: &[model::Matcher]) -> String {
    let all: Vec<String> =
        matchers.iter().map(|m| format!("{}{}{:?}", m.name(), m.op().as_str(), m.value())).collect();
    format!("{{{}}}", all.join(", "))
}

impl Engine {
    /// The figures of this moment.
    pub fn status(&self) -> Status {
        let (parts, tombstones, head_records, head_bytes, head_streams) = {
            let state = self.state.read();
            let active = state.active.read();
            let heads = || state.frozen.iter().map(|h| &**h).chain([&*active]);
            (
                state.parts.clone(),
                state.tombstones.clone(),
                heads().map(|h| h.rows()).sum(),
                heads().map(|h| h.bytes() as u64).sum(),
                heads().map(|h| h.stream_count() as u64).max().unwrap_or(0),
            )
        };
        let journal = self.journal.stats(PARTITION);
        let mut tenants: BTreeMap<&str, TenantStatus> = BTreeMap::new();
        for p in parts.iter() {
            let t = tenants.entry(p.id.tenant.as_str()).or_default();
            t.records += p.part.directory.rows;
            t.body_bytes += p.part.directory.body_bytes;
            t.bytes += p.part.size();
        }
        let tenants: Vec<TenantStatus> =
            tenants.into_iter().map(|(name, t)| TenantStatus { tenant: name.to_owned(), ..t }).collect();
        let deletions = tombstones.0.iter().map(|t| Deletion {
            number: t.number,
            tenant: t.tenant.as_str().to_owned(),
            selector: selector(&t.matchers),
            filters: t.filters.clone(),
            start_ns: t.start_ns,
            end_ns: t.end_ns,
            asked_ms: t.asked_ms,
        });
        let rules =
            self.options.retention_rules.iter().map(|r| {
                (r.tenant.as_ref().map(|t| t.as_str().to_owned()), selector(&r.matchers), r.keep_ms)
            });
        let c = &self.counters;
        let read = |a: &AtomicU64| a.load(Ordering::Relaxed);
        Status {
            head_records,
            head_bytes,
            head_bytes_max: self.options.head_bytes_max as u64,
            head_streams,
            parts: parts.len() as u64,
            part_records: tenants.iter().map(|t| t.records).sum(),
            part_body_bytes: tenants.iter().map(|t| t.body_bytes).sum(),
            part_bytes: tenants.iter().map(|t| t.bytes).sum(),
            part_memory_bytes: parts.iter().map(|p| p.part.memory_bytes() as u64).sum(),
            journal_bytes: journal.bytes,
            journal_segments: journal.segments,
            journal_syncs: journal.syncs,
            queued_bytes: read(&self.queued_bytes),
            min_ns: parts.iter().map(|p| p.part.directory.min_ns).min(),
            max_ns: parts.iter().map(|p| p.part.directory.max_ns).max(),
            records_appended: read(&c.records),
            records_refused: read(&c.refused),
            batches: read(&c.batches),
            batches_refused_busy: read(&c.refused_busy),
            records_replayed: read(&c.replayed),
            flushes: read(&c.flushes),
            merges: read(&c.merges),
            records_merged: read(&c.merged_records),
            records_expired: read(&c.expired),
            tenants,
            deletions: deletions.collect(),
            retention_ms: self.options.retention_ms,
            retention_bytes: self.options.retention_bytes,
            retention_rules: rules.collect(),
            damages: self.damages.lock().clone(),
        }
    }
}
