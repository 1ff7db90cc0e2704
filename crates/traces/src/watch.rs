//! Counts spans as they come in.

use crate::graph::Graph;
use crate::histogram::DurationHistogram;
use crate::metrics::SpanMetrics;
use model::Labels;
use model::record::span::Span;
use model::record::{Record, SpanId, TraceId};

/// Bounds of what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchLimits {
    /// Kinds of span (service, operation, kind, status) counted apart; all others are counted as `(other)`.
    pub series_max: usize,
    /// Services in the graph; all others are `(other)`.
    pub services_max: usize,
    /// Halves of calls that wait for the other.
    pub waiting_max: usize,
    /// Milliseconds that a half waits.
    pub wait_ms: i64,
    /// Milliseconds after which what does not occur any more is forgotten.
    pub idle_ms: i64,
    /// Bytes of a service's or operation's name; more is cut off.
    pub name_bytes_max: usize,
}

impl Default for WatchLimits {
    fn default() -> Self {
        WatchLimits {
            series_max: 10_000,
            services_max: 1000,
            waiting_max: 100_000,
            wait_ms: 10_000,
            idle_ms: 3_600_000,
            name_bytes_max: 200,
        }
    }
}

/// Whole characters of a name, as far as it is counted.
pub(crate) fn cut<'a>(name: &'a str, limits: &WatchLimits) -> &'a str {
    match name.len() <= limits.name_bytes_max {
        true => name,
        false => &name[..name.floor_char_boundary(limits.name_bytes_max)],
    }
}

/// One span singled out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its duration.
    pub value_ns: i64,
    /// When it ended, Unix milliseconds.
    pub time_ms: i64,
}

/// A count of this moment.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// Name of the metric.
    pub name: &'static str,
    /// Its labels; empty values stand for none.
    pub labels: &'a [(&'static str, &'a str)],
    /// The count.
    pub value: PointValue<'a>,
    /// When it began to count, Unix milliseconds.
    pub since_ms: i64,
    /// A span that was counted since the last time.
    pub exemplar: Option<Exemplar>,
}

/// A count.
#[derive(Debug, Clone, Copy)]
pub enum PointValue<'a> {
    /// Occurrences.
    Counter(u64),
    /// Durations.
    Durations(&'a DurationHistogram),
}

/// What was counted about counting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Spans counted as `(other)`.
    pub overflowed: u64,
    /// Halves of calls that did not wait because too many did.
    pub crowded_out: u64,
    /// Halves of calls that wait.
    pub waiting: usize,
}

/// Counts spans.
#[derive(Debug, Default)]
pub struct Watch {
    limits: WatchLimits,
    metrics: SpanMetrics,
    graph: Graph,
}

impl Watch {
    /// A watch with other limits.
    pub fn new(limits: WatchLimits) -> Watch {
        Watch { limits, ..Watch::default() }
    }

    /// Counts a span.
    pub fn observe(&mut self, labels: &Labels, record: &Record<'_>, now_ms: i64) {
        let span = Span::of(labels, record);
        let exemplar = Exemplar {
            trace_id: span.trace_id,
            span_id: span.span_id,
            value_ns: span.duration_ns,
            time_ms: span.end_ns() / 1_000_000,
        };
        self.metrics.observe(&span, &exemplar, now_ms, &self.limits);
        self.graph.observe(&span, &exemplar, now_ms, &self.limits);
    }

    /// Gives all counts of this moment. Halves of calls that waited long enough are settled before.
    pub fn collect(&mut self, now_ms: i64, give: &mut dyn FnMut(&Point<'_>)) {
        self.graph.expire(now_ms.saturating_sub(self.limits.wait_ms), now_ms);
        self.metrics.collect(now_ms, self.limits.idle_ms, give);
        self.graph.collect(now_ms, self.limits.idle_ms, give);
    }

    /// What was counted about counting.
    pub fn seen(&self) -> Seen {
        Seen {
            overflowed: self.metrics.overflowed,
            crowded_out: self.graph.crowded_out,
            waiting: self.graph.waiting(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::span::{SpanKind, name};
    use model::record::{AttributesBuf, Value};

    struct Made<'a> {
        service: &'a str,
        name: &'a str,
        own: u8,
        parent: u8,
        kind: SpanKind,
        failed: bool,
        more: &'a [(&'a str, &'a str)],
    }

    fn observe(watch: &mut Watch, now_ms: i64, made: &Made<'_>) {
        let labels = Labels::from_pairs([(name::SERVICE, made.service)]).unwrap();
        let mut a = AttributesBuf::new();
        made.more.iter().for_each(|(n, v)| a.push(n, Value::String(v)));
        a.push(name::DURATION, Value::Int(1_000_000_000));
        a.push(name::KIND, Value::Int(made.kind.number()));
        if made.failed {
            a.push(name::STATUS, Value::Int(2));
        }
        if made.parent > 0 {
            a.push(name::PARENT_ID, Value::Bytes(&[made.parent; 8]));
        }
        let mut record = Record { attributes: a.as_attributes(), ..Record::line(0, made.name) };
        record.trace_id = TraceId([9; 16]);
        record.span_id = SpanId([made.own; 8]);
        watch.observe(&labels, &record, now_ms);
    }

    fn collected(watch: &mut Watch, now_ms: i64, only: &str) -> Vec<String> {
        let mut out = Vec::new();
        watch.collect(now_ms, &mut |p| {
            if p.name.starts_with(only) {
                let labels: Vec<String> = p.labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
                let value = match p.value {
                    PointValue::Counter(n) => n.to_string(),
                    PointValue::Durations(d) => format!("{} durations", d.count()),
                };
                let exemplar = if p.exemplar.is_some() { " with exemplar" } else { "" };
                out.push(format!("{} {} {value}{exemplar}", p.name, labels.join(",")));
            }
        });
        out.sort();
        out
    }

    const NOBODY: Made<'_> = Made {
        service: "a",
        name: "op",
        own: 1,
        parent: 0,
        kind: SpanKind::Internal,
        failed: false,
        more: &[],
    };

    #[test]
    fn spans_are_counted_by_what_they_are() {
        let mut watch = Watch::default();
        observe(&mut watch, 5, &NOBODY);
        observe(&mut watch, 6, &NOBODY);
        observe(&mut watch, 7, &Made { failed: true, ..NOBODY });
        let of = |status: &str| {
            format!("service=a,span_name=op,span_kind=SPAN_KIND_INTERNAL,status_code=STATUS_CODE_{status}")
        };
        let first = collected(&mut watch, 10, "traces_spanmetrics");
        assert_eq!(
            first,
            [
                format!("traces_spanmetrics_calls_total {} 1 with exemplar", of("ERROR")),
                format!("traces_spanmetrics_calls_total {} 2 with exemplar", of("UNSET")),
                format!("traces_spanmetrics_duration_seconds {} 1 durations with exemplar", of("ERROR")),
                format!("traces_spanmetrics_duration_seconds {} 2 durations with exemplar", of("UNSET")),
            ]
        );
        // Exemplars are given once; what is idle is given once more and forgotten.
        let idle = WatchLimits::default().idle_ms;
        assert_eq!(collected(&mut watch, idle + 7, "traces_spanmetrics").len(), 4);
        assert!(collected(&mut watch, idle + 8, "traces_spanmetrics").is_empty());
    }

    #[test]
    fn beyond_the_limit_all_are_others() {
        let mut watch = Watch::new(WatchLimits { series_max: 10, services_max: 2, ..WatchLimits::default() });
        for n in 0..40u8 {
            let (service, name) = (format!("s{}", n % 20), format!("op{n}"));
            observe(&mut watch, 0, &Made { service: &service, name: &name, ..NOBODY });
        }
        let calls = collected(&mut watch, 1, "traces_spanmetrics_calls_total");
        assert_eq!(calls.len(), 12, "{calls:#?}");
        assert!(
            calls.iter().any(|c| c.contains("service=(other),span_name=(other)") && c.contains(" 28")),
            "{calls:#?}"
        );
        assert_eq!(watch.seen().overflowed, 30);
    }

    #[test]
    fn both_halves_of_a_call_make_an_edge() {
        let mut watch = Watch::default();
        // The answer comes first, the caller fails.
        observe(&mut watch, 0, &Made { service: "b", own: 3, parent: 2, kind: SpanKind::Server, ..NOBODY });
        observe(&mut watch, 1, &Made { own: 2, parent: 1, kind: SpanKind::Client, failed: true, ..NOBODY });
        observe(&mut watch, 2, &Made { kind: SpanKind::Server, ..NOBODY });
        let db = [("db.system", "postgresql"), ("db.name", "orders")];
        observe(&mut watch, 3, &Made { own: 5, kind: SpanKind::Client, more: &db, ..NOBODY });
        let gone = [("peer.service", "mailer")];
        observe(&mut watch, 4, &Made { own: 6, kind: SpanKind::Client, more: &gone, ..NOBODY });
        observe(&mut watch, 4, &Made { own: 7, kind: SpanKind::Producer, ..NOBODY });
        observe(&mut watch, 4, &Made { service: "c", own: 8, parent: 7, kind: SpanKind::Consumer, ..NOBODY });
        let requests = |watch: &mut Watch, now| collected(watch, now, "traces_service_graph_request_total");
        let name = "traces_service_graph_request_total";
        let known = [
            format!("{name} client=a,server=b,connection_type= 1"),
            format!("{name} client=a,server=c,connection_type=messaging_system 1"),
            format!("{name} client=a,server=orders,connection_type=database 1"),
            format!("{name} client=user,server=a,connection_type=virtual_node 1"),
        ];
        assert_eq!(requests(&mut watch, 5), known);
        assert_eq!(watch.seen().waiting, 1);
        let later = requests(&mut watch, 20_000);
        assert!(later.contains(&format!("{name} client=a,server=mailer,connection_type=virtual_node 1")));
        let failed = collected(&mut watch, 20_001, "traces_service_graph_request_failed_total");
        assert_eq!(
            failed[0],
            "traces_service_graph_request_failed_total client=a,server=b,connection_type= 1"
        );
        let durations = collected(&mut watch, 20_002, "traces_service_graph_request_server_seconds");
        assert!(durations[0].contains("client=a,server=b,connection_type= 1 durations"), "{durations:?}");
    }
}
