//! Rate, errors and duration of spans by service, operation, kind and status.

use crate::histogram::DurationHistogram;
use crate::watch::{Exemplar, Point, PointValue, WatchLimits, cut};
use hashbrown::HashMap;
use model::record::span::{Span, SpanKind, SpanStatus};

/// What stands in for services and operations beyond what is counted apart.
pub(crate) const OTHER: &str = "(other)";

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    service: Box<str>,
    name: Box<str>,
    kind: SpanKind,
    status: SpanStatus,
}

/// The same, borrowed.
#[derive(Hash)]
struct KeyRef<'a> {
    service: &'a str,
    name: &'a str,
    kind: SpanKind,
    status: SpanStatus,
}

impl hashbrown::Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.service == *key.service
            && *self.name == *key.name
            && self.kind == key.kind
            && self.status == key.status
    }
}

/// What is counted of one kind of span.
#[derive(Debug, Default)]
struct Counted {
    durations: DurationHistogram,
    exemplar: Option<Exemplar>,
    since_ms: i64,
    last_ms: i64,
}

/// Spans counted by what they are.
#[derive(Debug, Default)]
pub(crate) struct SpanMetrics {
    all: HashMap<Key, Counted>,
    /// Spans that were counted as others.
    pub overflowed: u64,
}

impl SpanMetrics {
    pub fn observe(&mut self, span: &Span<'_>, exemplar: &Exemplar, now_ms: i64, limits: &WatchLimits) {
        let mut key = KeyRef {
            service: cut(span.service(), limits),
            name: cut(span.name, limits),
            kind: span.kind,
            status: span.status,
        };
        if self.all.len() >= limits.series_max && !self.all.contains_key(&key) {
            // A tenth more is for operations of services that are known, and then for one that stands for all others.
            self.overflowed += 1;
            key.name = OTHER;
            if self.all.len() >= limits.series_max + limits.series_max / 10 && !self.all.contains_key(&key) {
                key.service = OTHER;
            }
        }
        let counted = match self.all.get_mut(&key) {
            Some(counted) => counted,
            None => {
                let owned = Key {
                    service: key.service.into(),
                    name: key.name.into(),
                    kind: key.kind,
                    status: key.status,
                };
                let fresh = Counted { since_ms: now_ms, ..Counted::default() };
                self.all.entry(owned).or_insert(fresh)
            }
        };
        counted.durations.observe(span.duration_ns);
        counted.last_ms = now_ms;
        // Of those of one interval the slowest is worth most.
        if counted.exemplar.as_ref().is_none_or(|e| e.value_ns < exemplar.value_ns) {
            counted.exemplar = Some(*exemplar);
        }
    }

    /// Gives all counts, and forgets what was idle for long.
    pub fn collect(&mut self, now_ms: i64, idle_ms: i64, give: &mut dyn FnMut(&Point<'_>)) {
        self.all.retain(|key, counted| {
            let labels = [
                ("service", &*key.service),
                ("span_name", &*key.name),
                ("span_kind", kind_word(key.kind)),
                ("status_code", status_word(key.status)),
            ];
            let exemplar = counted.exemplar.take();
            let point =
                |name, value| Point { name, labels: &labels, value, since_ms: counted.since_ms, exemplar };
            give(&point("traces_spanmetrics_calls_total", PointValue::Counter(counted.durations.count())));
            give(&point("traces_spanmetrics_duration_seconds", PointValue::Durations(&counted.durations)));
            now_ms.saturating_sub(counted.last_ms) < idle_ms
        });
    }
}

fn kind_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

fn status_word(status: SpanStatus) -> &'static str {
    match status {
        SpanStatus::Unset => "STATUS_CODE_UNSET",
        SpanStatus::Ok => "STATUS_CODE_OK",
        SpanStatus::Error => "STATUS_CODE_ERROR",
    }
}
