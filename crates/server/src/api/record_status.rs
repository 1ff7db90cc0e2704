//! What the stores of logs, spans, events and errors tell about themselves.

use crate::telemetry::Family;
use model::MetricKind::{Counter, Gauge};
use records::Status;

/// The figures of one store: `$store` is part of the metrics' names, `$what` are its records.
macro_rules! figures {
    ($s:expr, $store:literal, $what:literal) => {{
        let s: &Status = $s;
        [
            (
                concat!("watchfire_", $store, "_store_head_records"),
                concat!($what, " in memory, in no part yet."),
                Gauge,
                s.head_records,
            ),
            (
                concat!("watchfire_", $store, "_store_head_bytes"),
                concat!("Memory of ", $what, " in no part yet."),
                Gauge,
                s.head_bytes,
            ),
            (
                concat!("watchfire_", $store, "_store_head_streams"),
                concat!("Streams with ", $what, " in memory."),
                Gauge,
                s.head_streams,
            ),
            (
                concat!("watchfire_", $store, "_store_parts"),
                concat!("Parts with ", $what, " on disk."),
                Gauge,
                s.parts,
            ),
            (
                concat!("watchfire_", $store, "_store_part_records"),
                concat!($what, " in parts."),
                Gauge,
                s.part_records,
            ),
            (
                concat!("watchfire_", $store, "_store_part_body_bytes"),
                concat!("Bytes of text of the ", $what, " in parts."),
                Gauge,
                s.part_body_bytes,
            ),
            (
                concat!("watchfire_", $store, "_store_part_bytes"),
                concat!("Bytes of parts with ", $what, " on disk."),
                Gauge,
                s.part_bytes,
            ),
            (
                concat!("watchfire_", $store, "_store_part_memory_bytes"),
                concat!("Memory for the directories of parts with ", $what, "."),
                Gauge,
                s.part_memory_bytes,
            ),
            (
                concat!("watchfire_", $store, "_store_journal_bytes"),
                concat!("Bytes of the journal of ", $what, " on disk."),
                Gauge,
                s.journal_bytes,
            ),
            (
                concat!("watchfire_", $store, "_store_journal_segments"),
                concat!("Segments of the journal of ", $what, "."),
                Gauge,
                s.journal_segments,
            ),
            (
                concat!("watchfire_", $store, "_store_journal_syncs_total"),
                concat!("Syncs of the journal of ", $what, "."),
                Counter,
                s.journal_syncs,
            ),
            (
                concat!("watchfire_", $store, "_store_queued_bytes"),
                concat!("Bytes of ", $what, " waiting for the journal."),
                Gauge,
                s.queued_bytes,
            ),
            (
                concat!("watchfire_", $store, "_store_records_appended_total"),
                concat!($what, " accepted."),
                Counter,
                s.records_appended,
            ),
            (
                concat!("watchfire_", $store, "_store_records_refused_total"),
                concat!($what, " that the store refused as too old, too new or too long."),
                Counter,
                s.records_refused,
            ),
            (
                concat!("watchfire_", $store, "_store_batches_total"),
                concat!("Batches of ", $what, " accepted."),
                Counter,
                s.batches,
            ),
            (
                concat!("watchfire_", $store, "_store_batches_busy_total"),
                concat!("Batches of ", $what, " put off as busy."),
                Counter,
                s.batches_refused_busy,
            ),
            (
                concat!("watchfire_", $store, "_store_records_replayed_total"),
                concat!($what, " read back at the start."),
                Counter,
                s.records_replayed,
            ),
            (
                concat!("watchfire_", $store, "_store_flushes_total"),
                concat!("Times ", $what, " in memory became parts."),
                Counter,
                s.flushes,
            ),
            (
                concat!("watchfire_", $store, "_store_merges_total"),
                concat!("Merges of parts with ", $what, "."),
                Counter,
                s.merges,
            ),
            (
                concat!("watchfire_", $store, "_store_records_merged_total"),
                concat!($what, " written by merges."),
                Counter,
                s.records_merged,
            ),
            (
                concat!("watchfire_", $store, "_store_records_expired_total"),
                concat!($what, " dropped with whole parts because they were past retention."),
                Counter,
                s.records_expired,
            ),
            (
                concat!("watchfire_", $store, "_store_deletions"),
                concat!("Deletions of ", $what, " not carried out on disk yet."),
                Gauge,
                s.deletions.len() as u64,
            ),
            (
                concat!("watchfire_", $store, "_store_damages"),
                concat!("Damaged places of ", $what, " met since the start."),
                Gauge,
                s.damages.len() as u64,
            ),
        ]
    }};
}

/// The figures of the stores as metrics.
pub fn families([logs, spans, events, errors]: [&Status; 4]) -> Vec<Family> {
    let logs = figures!(logs, "log", "log records");
    let spans = figures!(spans, "trace", "spans");
    let events = figures!(events, "event", "events");
    let errors = figures!(errors, "error", "error events");
    let all = logs.into_iter().chain(spans).chain(events).chain(errors);
    all.map(|(name, help, kind, v)| Family::single(name, help, kind, v as f64)).collect()
}
