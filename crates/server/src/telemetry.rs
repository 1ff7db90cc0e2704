//! The server's own metrics: one registry, each metric documented.

use ingest::records::Signal;
use model::MetricKind;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A metric that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the duration buckets, seconds.
const DURATION_BOUNDS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];

/// Durations in buckets.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; DURATION_BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

impl Durations {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = DURATION_BOUNDS.partition_point(|b| *b < seconds);
        self.buckets[at].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    }
}

/// One value of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnSample {
    /// Appended to the family's name: `_bucket`, `_sum`, `_count` or nothing.
    pub suffix: &'static str,
    /// Labels.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// A metric with its documentation and present values.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// Its values.
    pub samples: Vec<OwnSample>,
}

impl Family {
    /// A family without labels.
    pub fn single(name: &'static str, help: &'static str, kind: MetricKind, value: f64) -> Family {
        Family { name, help, kind, samples: vec![OwnSample { suffix: "", labels: Vec::new(), value }] }
    }

    /// A gauge with one label.
    pub fn labelled_one(
        name: &'static str,
        help: &'static str,
        label: (&'static str, &str),
        value: f64,
    ) -> Family {
        let mut family = Family::labelled(name, help, MetricKind::Gauge);
        family.push(&[label], value);
        family
    }

    /// A family whose values have labels.
    pub fn labelled(name: &'static str, help: &'static str, kind: MetricKind) -> Family {
        Family { name, help, kind, samples: Vec::new() }
    }

    /// Adds a value.
    pub fn push(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        self.samples.push(OwnSample { suffix: "", labels, value });
    }

    /// Adds durations.
    pub fn push_durations(&mut self, label: (&'static str, &str), d: &Durations) {
        let (name, value) = label;
        let mut count = 0;
        for (i, bucket) in d.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            let bound = DURATION_BOUNDS.get(i).copied().unwrap_or(f64::INFINITY);
            self.samples.push(OwnSample {
                suffix: "_bucket",
                labels: vec![(name, value.to_owned()), ("le", crate::http::number::format_float(bound))],
                value: count as f64,
            });
        }
        let sum = d.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        for (suffix, v) in [("_sum", sum), ("_count", count as f64)] {
            self.samples.push(OwnSample { suffix, labels: vec![(name, value.to_owned())], value: v });
        }
    }
}

/// What is counted about one group of endpoints.
#[derive(Debug, Default)]
pub struct HandlerMetrics {
    answers: Mutex<BTreeMap<u16, u64>>,
    durations: Durations,
}

impl HandlerMetrics {
    /// Counts an answer.
    pub fn answered(&self, status: u16, took: Duration) {
        *self.answers.lock().entry(status).or_default() += 1;
        self.durations.observe(took);
    }
}

/// What is counted about bodies before they are read.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Bytes as sent.
    pub bytes: Counter,
    /// Bodies put off because of pressure.
    pub put_off: Counter,
}

/// A way in for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Loki's push.
    Loki,
    /// OpenTelemetry's logs, over HTTP and gRPC.
    Otlp,
    /// Elasticsearch's `_bulk` and documents.
    Elastic,
    /// JSON lines.
    JsonLines,
    /// Syslog over UDP, TCP and TLS.
    Syslog,
    /// Fluent forward.
    Fluent,
    /// GELF over UDP, TCP and HTTP.
    Gelf,
    /// OpenTelemetry's traces, over HTTP and gRPC.
    OtlpTraces,
    /// Jaeger over UDP, HTTP and gRPC.
    Jaeger,
    /// Zipkin.
    Zipkin,
    /// Watchfire's own form of events.
    Webhook,
    /// CloudEvents.
    CloudEvents,
    /// Alertmanager's webhook.
    Alertmanager,
    /// GitHub's webhooks.
    Github,
    /// GitLab's webhooks.
    Gitlab,
    /// Events of Kubernetes.
    Kubernetes,
    /// Grafana's annotations.
    Grafana,
    /// What agents watch for.
    AgentEvents,
    /// Sentry's SDKs.
    Sentry,
}

impl Way {
    /// In order: what comes this way, and the name of the way in metrics.
    const ALL: [(Signal, &str); 19] = [
        (Signal::Logs, "loki"),
        (Signal::Logs, "otlp"),
        (Signal::Logs, "elastic"),
        (Signal::Logs, "jsonline"),
        (Signal::Logs, "syslog"),
        (Signal::Logs, "fluent"),
        (Signal::Logs, "gelf"),
        (Signal::Traces, "otlp"),
        (Signal::Traces, "jaeger"),
        (Signal::Traces, "zipkin"),
        (Signal::Events, "webhook"),
        (Signal::Events, "cloudevents"),
        (Signal::Events, "alertmanager"),
        (Signal::Events, "github"),
        (Signal::Events, "gitlab"),
        (Signal::Events, "kubernetes"),
        (Signal::Events, "grafana"),
        (Signal::Events, "agent"),
        (Signal::Errors, "sentry"),
    ];

    /// What comes this way.
    pub fn signal(self) -> Signal {
        Way::ALL[self as usize].0
    }
}

/// What is counted about one way in for records.
#[derive(Debug, Default)]
pub struct WayMetrics {
    /// Batches stored.
    pub batches: Counter,
    /// Records stored.
    pub records: Counter,
    /// Records and messages refused as wrong.
    pub refused: Counter,
    /// Bytes, and batches put off.
    pub traffic: Traffic,
}

/// What is counted about one way in.
#[derive(Debug, Default)]
pub struct ReceiveMetrics {
    /// Bodies committed.
    pub bodies: Counter,
    /// Samples accepted.
    pub samples: Counter,
    /// Native histograms accepted.
    pub histograms: Counter,
    /// Exemplars accepted.
    pub exemplars: Counter,
    /// Samples, histograms and exemplars refused as wrong.
    pub refused: Counter,
    /// Bytes, and bodies put off.
    pub traffic: Traffic,
}

/// Everything the server counts about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    handlers: Mutex<BTreeMap<&'static str, Arc<HandlerMetrics>>>,
    /// Remote write 1.0 and 2.0.
    pub remote_write: ReceiveMetrics,
    /// Text, OpenMetrics and protocol buffers pushed.
    pub push: ReceiveMetrics,
    /// OpenTelemetry's metrics, over HTTP and gRPC.
    pub otlp: ReceiveMetrics,
    ways: [WayMetrics; Way::ALL.len()],
    /// Samples that left through queries.
    pub samples_returned: Counter,
    /// Samples read from the store by queries.
    pub samples_read: Counter,
    /// Queries that ended in an error.
    pub queries_failed: Counter,
    /// Queries refused because the queue was full.
    pub queries_refused: Counter,
    /// Times the server's own metrics could not be stored.
    pub own_failed: Counter,
}

impl Metrics {
    /// The counters of a group of endpoints.
    pub fn handler(&self, name: &'static str) -> Arc<HandlerMetrics> {
        Arc::clone(self.handlers.lock().entry(name).or_default())
    }

    /// The counters of a way in for records.
    pub fn way(&self, way: Way) -> &WayMetrics {
        &self.ways[way as usize]
    }

    /// Every family with its present values.
    pub fn families(&self) -> Vec<Family> {
        use MetricKind::Counter as C;
        let mut out = self.http_families();
        out.extend(self.receive_families());
        out.extend(self.record_families());
        out.extend([
            Family::single(
                "watchfire_query_samples_returned_total",
                "Samples that left in the answers to queries.",
                C,
                self.samples_returned.get() as f64,
            ),
            Family::single(
                "watchfire_query_samples_read_total",
                "Samples that queries read from the store.",
                C,
                self.samples_read.get() as f64,
            ),
            Family::single(
                "watchfire_queries_failed_total",
                "Queries that ended in an error, wrong expressions included.",
                C,
                self.queries_failed.get() as f64,
            ),
            Family::single(
                "watchfire_queries_refused_total",
                "Queries refused because query.queue was full.",
                C,
                self.queries_refused.get() as f64,
            ),
            Family::single(
                "watchfire_self_failed_total",
                "Times the server's own metrics could not be stored.",
                C,
                self.own_failed.get() as f64,
            ),
        ]);
        out
    }

    fn http_families(&self) -> Vec<Family> {
        let mut requests = Family::labelled(
            "watchfire_http_requests_total",
            "HTTP requests answered, by endpoint and status.",
            MetricKind::Counter,
        );
        let mut durations = Family::labelled(
            "watchfire_http_request_duration_seconds",
            "Time from a request's head to its answer, by endpoint.",
            MetricKind::Histogram,
        );
        for (name, handler) in self.handlers.lock().iter() {
            let answers = handler.answers.lock();
            for (status, count) in answers.iter() {
                requests.push(&[("handler", name), ("code", &status.to_string())], *count as f64);
            }
            // Endpoints nobody asks for would only be dead series.
            if !answers.is_empty() {
                durations.push_durations(("handler", name), &handler.durations);
            }
        }
        vec![requests, durations]
    }

    fn receive_families(&self) -> Vec<Family> {
        type Field = fn(&ReceiveMetrics) -> &Counter;
        let all: [(&'static str, &'static str, Field); 7] = [
            ("watchfire_receive_bodies_total", "Bodies stored, by way in.", |m| &m.bodies),
            ("watchfire_receive_bytes_total", "Bytes of bodies as they came, by way in.", |m| {
                &m.traffic.bytes
            }),
            ("watchfire_receive_samples_total", "Float samples stored, by way in.", |m| &m.samples),
            ("watchfire_receive_histograms_total", "Native histograms stored, by way in.", |m| &m.histograms),
            ("watchfire_receive_exemplars_total", "Exemplars stored, by way in.", |m| &m.exemplars),
            (
                "watchfire_receive_refused_total",
                "Samples, histograms and exemplars refused as wrong or over a limit, by way in.",
                |m| &m.refused,
            ),
            ("watchfire_receive_put_off_total", "Bodies told to come back later, by way in.", |m| {
                &m.traffic.put_off
            }),
        ];
        all.into_iter()
            .map(|(name, help, field)| {
                let mut family = Family::labelled(name, help, MetricKind::Counter);
                family.push(&[("protocol", "remote_write")], field(&self.remote_write).get() as f64);
                family.push(&[("protocol", "push")], field(&self.push).get() as f64);
                family.push(&[("protocol", "otlp")], field(&self.otlp).get() as f64);
                family
            })
            .collect()
    }
}

impl Metrics {
    fn record_families(&self) -> Vec<Family> {
        type Field = fn(&WayMetrics) -> &Counter;
        type Names = [(&'static str, &'static str); 4];
        let all: [(Names, Field); 5] = [
            (
                [
                    ("watchfire_logs_batches_total", "Batches of log records stored, by way in."),
                    ("watchfire_traces_batches_total", "Batches of spans stored, by way in."),
                    ("watchfire_events_batches_total", "Batches of events stored, by way in."),
                    ("watchfire_errors_batches_total", "Bodies with error events stored, by way in."),
                ],
                |m| &m.batches,
            ),
            (
                [
                    ("watchfire_logs_bytes_total", "Bytes of logs as they came, by way in."),
                    ("watchfire_traces_bytes_total", "Bytes of spans as they came, by way in."),
                    ("watchfire_events_bytes_total", "Bytes of events as they came, by way in."),
                    ("watchfire_errors_bytes_total", "Bytes of error events as they came, by way in."),
                ],
                |m| &m.traffic.bytes,
            ),
            (
                [
                    ("watchfire_logs_records_total", "Log records stored, by way in."),
                    ("watchfire_traces_spans_total", "Spans stored, by way in."),
                    ("watchfire_events_records_total", "Events stored, repetitions included, by way in."),
                    (
                        "watchfire_errors_records_total",
                        "Error events and what comes with them stored, by way in.",
                    ),
                ],
                |m| &m.records,
            ),
            (
                [
                    (
                        "watchfire_logs_refused_total",
                        "Log records refused as wrong or over a limit, by way in.",
                    ),
                    ("watchfire_traces_refused_total", "Spans refused as wrong or over a limit, by way in."),
                    ("watchfire_events_refused_total", "Events refused as wrong or over a limit, by way in."),
                    (
                        "watchfire_errors_refused_total",
                        "Error events refused as wrong or over a limit, by way in.",
                    ),
                ],
                |m| &m.refused,
            ),
            (
                [
                    (
                        "watchfire_logs_put_off_total",
                        "Batches of log records told to come back later, or offered again, by way in.",
                    ),
                    (
                        "watchfire_traces_put_off_total",
                        "Batches of spans told to come back later, or offered again, by way in.",
                    ),
                    (
                        "watchfire_events_put_off_total",
                        "Batches of events told to come back later, or offered again, by way in.",
                    ),
                    (
                        "watchfire_errors_put_off_total",
                        "Bodies with error events told to come back later, by way in.",
                    ),
                ],
                |m| &m.traffic.put_off,
            ),
        ];
        let of = |((name, help), signal, field): ((&'static str, &'static str), Signal, Field)| {
            let mut family = Family::labelled(name, help, MetricKind::Counter);
            for ((of, way), metrics) in Way::ALL.into_iter().zip(&self.ways) {
                if of == signal {
                    family.push(&[("protocol", way)], field(metrics).get() as f64);
                }
            }
            family
        };
        all.into_iter()
            .flat_map(|([logs, traces, events, errors], field)| {
                [
                    (logs, Signal::Logs, field),
                    (traces, Signal::Traces, field),
                    (events, Signal::Events, field),
                    (errors, Signal::Errors, field),
                ]
            })
            .map(of)
            .collect()
    }
}

/// The families in the Prometheus text format.
pub fn exposition(families: &[Family]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 << 10);
    for family in families.iter().filter(|f| !f.samples.is_empty()) {
        let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
        out.extend_from_slice(
            format!("# HELP {0} {help}\n# TYPE {0} {1}\n", family.name, family.kind).as_bytes(),
        );
        for sample in &family.samples {
            out.extend_from_slice(family.name.as_bytes());
            out.extend_from_slice(sample.suffix.as_bytes());
            for (i, (name, value)) in sample.labels.iter().enumerate() {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let open = if i == 0 { '{' } else { ',' };
                out.extend_from_slice(format!("{open}{name}=\"{value}\"").as_bytes());
            }
            if !sample.labels.is_empty() {
                out.push(b'}');
            }
            out.push(b' ');
            crate::http::number::push_float(&mut out, sample.value);
            out.push(b'\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_is_in_the_text_format() {
        let m = Metrics::default();
        m.handler("query").answered(200, Duration::from_millis(3));
        m.remote_write.samples.add(7);
        let text = String::from_utf8(exposition(&m.families())).unwrap();
        for line in [
            r#"watchfire_http_requests_total{handler="query",code="200"} 1"#,
            r#"watchfire_http_request_duration_seconds_bucket{handler="query",le="0.001"} 0"#,
            r#"watchfire_http_request_duration_seconds_bucket{handler="query",le="0.005"} 1"#,
            r#"watchfire_http_request_duration_seconds_bucket{handler="query",le="+Inf"} 1"#,
            r#"watchfire_receive_samples_total{protocol="remote_write"} 7"#,
            "# TYPE watchfire_http_request_duration_seconds histogram",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn every_metric_is_documented_and_named_alike() {
        for family in Metrics::default().families() {
            assert!(family.name.starts_with("watchfire_") && family.help.ends_with('.'), "{}", family.name);
            assert_eq!(
                family.name.ends_with("_total"),
                family.kind == MetricKind::Counter,
                "{}",
                family.name
            );
        }
    }
}
