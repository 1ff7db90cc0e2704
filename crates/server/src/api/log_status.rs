//! What the store of logs tells about itself.

use crate::telemetry::Family;
use model::MetricKind::{Counter, Gauge};
use records::Status;

/// The figures of the store of logs as metrics.
pub fn families(s: &Status) -> Vec<Family> {
    let all = [
        ("watchfire_log_store_head_records", "Log records in memory, in no part yet.", Gauge, s.head_records),
        ("watchfire_log_store_head_bytes", "Memory of log records in no part yet.", Gauge, s.head_bytes),
        ("watchfire_log_store_head_streams", "Streams with log records in memory.", Gauge, s.head_streams),
        ("watchfire_log_store_parts", "Parts of logs on disk.", Gauge, s.parts),
        ("watchfire_log_store_part_records", "Log records in parts.", Gauge, s.part_records),
        (
            "watchfire_log_store_part_body_bytes",
            "Bytes of text of the log records in parts.",
            Gauge,
            s.part_body_bytes,
        ),
        ("watchfire_log_store_part_bytes", "Bytes of parts of logs on disk.", Gauge, s.part_bytes),
        (
            "watchfire_log_store_part_memory_bytes",
            "Memory for the directories of parts of logs.",
            Gauge,
            s.part_memory_bytes,
        ),
        (
            "watchfire_log_store_journal_bytes",
            "Bytes of the journal of logs on disk.",
            Gauge,
            s.journal_bytes,
        ),
        (
            "watchfire_log_store_journal_segments",
            "Segments of the journal of logs.",
            Gauge,
            s.journal_segments,
        ),
        (
            "watchfire_log_store_journal_syncs_total",
            "Syncs of the journal of logs.",
            Counter,
            s.journal_syncs,
        ),
        (
            "watchfire_log_store_queued_bytes",
            "Bytes of log records waiting for the journal.",
            Gauge,
            s.queued_bytes,
        ),
        ("watchfire_log_store_records_appended_total", "Log records accepted.", Counter, s.records_appended),
        (
            "watchfire_log_store_records_refused_total",
            "Log records that the store refused as too old, too new or too long.",
            Counter,
            s.records_refused,
        ),
        ("watchfire_log_store_batches_total", "Batches of log records accepted.", Counter, s.batches),
        (
            "watchfire_log_store_batches_busy_total",
            "Batches of log records put off as busy.",
            Counter,
            s.batches_refused_busy,
        ),
        (
            "watchfire_log_store_records_replayed_total",
            "Log records read back at the start.",
            Counter,
            s.records_replayed,
        ),
        ("watchfire_log_store_flushes_total", "Times logs in memory became parts.", Counter, s.flushes),
        ("watchfire_log_store_merges_total", "Merges of parts of logs.", Counter, s.merges),
        (
            "watchfire_log_store_records_merged_total",
            "Log records written by merges.",
            Counter,
            s.records_merged,
        ),
        (
            "watchfire_log_store_records_expired_total",
            "Log records dropped with whole parts because they were past retention.",
            Counter,
            s.records_expired,
        ),
        (
            "watchfire_log_store_deletions",
            "Deletions of logs not carried out on disk yet.",
            Gauge,
            s.deletions.len() as u64,
        ),
        (
            "watchfire_log_store_damages",
            "Damaged places of logs met since the start.",
            Gauge,
            s.damages.len() as u64,
        ),
    ];
    all.into_iter().map(|(name, help, kind, v)| Family::single(name, help, kind, v as f64)).collect()
}
