//! Settings of the store and its named limits.

use crate::part::GROUP_ROWS;
use model::record::{Tenant, TraceId};
use model::{Labels, Matcher};
use std::path::PathBuf;

/// Settings. [`Options::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Records older than this many milliseconds are refused, hidden and dropped, where no rule says otherwise. Setting
    /// [`Settings::retention`].
    pub retention_ms: i64,
    /// Exceptions by tenant and stream; the first that matches counts. Setting `logs.retention_rules`.
    pub retention_rules: Vec<RetentionRule>,
    /// Oldest days are dropped while parts take more bytes than this; 0 for no bound. Setting `logs.retention_size`.
    pub retention_bytes: u64,
    /// Records further in the future than this many milliseconds are refused. Setting `logs.future`.
    pub future_ms_max: i64,
    /// Memory for records that are not in a part yet. Writes are refused with "busy" at twice as much, which is
    /// met only when the disk cannot keep up. Setting `logs.memory`.
    pub head_bytes_max: usize,
    /// Bytes of records under way to the journal before writes are refused with "busy".
    pub queued_bytes_max: u64,
    /// Bytes of body and attributes of one record. Setting `logs.limits.record_bytes`.
    pub record_bytes_max: usize,
    /// Whether to flush and merge on threads of the store's own. Without, only when asked.
    pub background: bool,
    /// In which order rows lie in parts. May change from one start to the next: parts are read whatever their order.
    pub order: RowOrder,
    /// What the settings are called, for messages.
    pub settings: Settings,
}

/// In which order rows lie in parts, which decides what is read together and what compresses well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowOrder {
    /// By stream, then time: for records that are asked for by stream.
    #[default]
    Stream,
    /// By the minute in which they begin, then trace: records of a trace lie in one row group or two, and those of a short
    /// time in few.
    Trace,
}

/// The place of a row among others: minute and trace, or nothing; stream; time.
pub(crate) type RowKey = (u128, u32, i64);

const MINUTE_NS: i64 = 60_000_000_000;

impl RowOrder {
    /// Rows of a row group at most: what is read of a part to show one trace, or one screen of lines.
    pub(crate) fn group_rows_max(self) -> usize {
        match self {
            RowOrder::Stream => GROUP_ROWS,
            RowOrder::Trace => GROUP_ROWS / 8,
        }
    }

    /// Of a trace id the last twelve bytes count: ids of 64 bits have zeros before theirs.
    pub(crate) fn key(self, trace: TraceId, stream: u32, time_ns: i64) -> RowKey {
        let before = match self {
            RowOrder::Stream => 0,
            RowOrder::Trace => {
                let minute = time_ns.div_euclid(MINUTE_NS).wrapping_sub(i64::MIN / MINUTE_NS - 1) as u128;
                minute << 96 | (u128::from_be_bytes(trace.0) & ((1 << 96) - 1))
            }
        };
        (before, stream, time_ns)
    }
}

/// Names of the settings that messages refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Of [`Options::retention_ms`].
    pub retention: &'static str,
    /// Of [`Options::future_ms_max`].
    pub future: &'static str,
    /// Of [`Options::head_bytes_max`].
    pub memory: &'static str,
    /// Of [`Options::record_bytes_max`].
    pub record_bytes: &'static str,
}

impl Settings {
    /// Of a store of logs.
    pub const LOGS: Settings = Settings {
        retention: "logs.retention",
        future: "logs.future",
        memory: "logs.memory",
        record_bytes: "logs.limits.record_bytes",
    };
    /// Of a store of traces.
    pub const TRACES: Settings = Settings {
        retention: "traces.retention",
        future: "traces.future",
        memory: "traces.memory",
        record_bytes: "traces.limits.record_bytes",
    };
    /// Of a store of events.
    pub const EVENTS: Settings = Settings {
        retention: "events.retention",
        future: "events.future",
        memory: "events.memory",
        record_bytes: "events.limits.record_bytes",
    };
    /// Of a store of error events.
    pub const ERRORS: Settings = Settings {
        retention: "errors.retention",
        future: "errors.future",
        memory: "errors.memory",
        record_bytes: "errors.limits.record_bytes",
    };
}

/// How long some streams are kept.
#[derive(Debug, Clone)]
pub struct RetentionRule {
    /// Whose; everybody's if not said.
    pub tenant: Option<Tenant>,
    /// Which streams.
    pub matchers: Vec<Matcher>,
    /// For how long, in milliseconds.
    pub keep_ms: i64,
}

impl Options {
    /// The defaults.
    pub fn new(data_dir: impl Into<PathBuf>) -> Options {
        Options {
            data_dir: data_dir.into(),
            retention_ms: 30 * 86_400_000,
            retention_rules: Vec::new(),
            retention_bytes: 0,
            future_ms_max: 2 * 86_400_000,
            head_bytes_max: 32 << 20,
            queued_bytes_max: 64 << 20,
            record_bytes_max: 4 << 20,
            background: true,
            order: RowOrder::Stream,
            settings: Settings::LOGS,
        }
    }

    /// How long records of a stream are kept.
    pub fn keep_ms(&self, tenant: &Tenant, labels: &Labels) -> i64 {
        let rule = self.retention_rules.iter().find(|r| {
            r.tenant.as_ref().is_none_or(|t| t == tenant)
                && r.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
        });
        rule.map_or(self.retention_ms, |r| r.keep_ms)
    }

    /// Records of a stream before this time are past retention.
    pub(crate) fn oldest_ns(&self, tenant: &Tenant, labels: &Labels, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.keep_ms(tenant, labels)).saturating_mul(1_000_000)
    }
}

/// A part covers at most one UTC day; parts of different days are never merged.
pub(crate) const DAY_NS: i64 = 86_400_000_000_000;

/// The day a timestamp falls on, counted from 1970-01-01.
pub(crate) fn day_of(time_ns: i64) -> i64 {
    time_ns.div_euclid(DAY_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_together_lies_together() {
        let id = |high: u64, low: u64| TraceId((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
        let (second, minute) = (1_000_000_000, MINUTE_NS);
        // Trace, stream, time.
        let mut rows = [
            (id(1, 9), 0, minute),
            (id(0, 7), 1, minute + 3 * second),
            (id(2, 7), 0, minute + 2 * second),
            (id(0, 7), 0, minute + 5 * second),
            (id(0, 8), 0, -second),
            (id(0, 7), 0, minute + 4 * second),
        ];
        rows.sort_by_key(|(trace, stream, time)| RowOrder::Trace.key(*trace, *stream, *time));
        let order: Vec<(u8, u32, i64)> =
            rows.iter().map(|(t, s, time)| (t.0[15], *s, time / second)).collect();
        assert_eq!(order, [(8, 0, -1), (7, 0, 64), (7, 0, 65), (7, 1, 63), (9, 0, 60), (7, 0, 62)]);
        rows.sort_by_key(|(trace, stream, time)| RowOrder::Stream.key(*trace, *stream, *time));
        let order: Vec<(u32, i64)> = rows.iter().map(|(_, s, time)| (*s, time / second)).collect();
        assert_eq!(order, [(0, -1), (0, 60), (0, 62), (0, 64), (0, 65), (1, 63)]);
        let first = RowOrder::Trace.key(TraceId::NONE, 0, i64::MIN);
        assert!(first < RowOrder::Trace.key(TraceId([255; 16]), 0, 0));
    }
}
