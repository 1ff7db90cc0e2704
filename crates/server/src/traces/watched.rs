//! Span metrics and the service graph: counted as spans are kept, and stored beside all other metrics.

use crate::errors::Noticing;
use crate::events::DeployWatch;
use crate::http::listen::ended;
use crate::state::App;
use crate::telemetry::Family;
use model::record::{Accepted, Delivery, RecordBatch, RecordSink, RecordsDone, SenderId, Tenant};
use model::{Appendable, Appender, Counts, Exemplar, Histogram, Labels, METRIC_NAME, Metadata, MetricKind};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use traces::{Point, PointValue, Watch};

/// What is counted about spans, shared by all ways in.
#[derive(Debug, Default)]
pub struct SpanWatch(Mutex<Watch>);

/// A store whose spans are counted.
#[derive(Clone)]
pub struct Watched {
    /// The store.
    pub store: Noticing,
    /// The counts.
    pub watch: Arc<SpanWatch>,
    /// Time.
    pub clock: Arc<dyn env::Clock>,
    /// What looks for new versions of services.
    pub deploys: Arc<DeployWatch>,
}

impl RecordSink for Watched {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        // Metrics belong to nobody, so those of tenants with a name stay uncounted.
        if batch.tenant() != &Tenant::unnamed() {
            return self.store.append(batch);
        }
        let batch = Arc::new(batch);
        let kept = self.store.append_shared(Arc::clone(&batch));
        let (watch, clock) = (Arc::clone(&self.watch), Arc::clone(&self.clock));
        let deploys = Arc::clone(&self.deploys);
        Box::pin(async move {
            let accepted = kept.await?;
            watch.observe(&batch, &accepted, clock.now_ms());
            deploys.see_spans(&batch);
            Ok(accepted)
        })
    }

    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        self.store.last_delivery(sender)
    }
}

impl SpanWatch {
    /// Counts what was kept of a batch.
    fn observe(&self, batch: &RecordBatch, accepted: &Accepted, now_ms: i64) {
        let mut refused = accepted.refused.iter().map(|r| r.row).peekable();
        let mut watch = self.0.lock();
        for (row, r) in batch.iter().enumerate() {
            if refused.next_if_eq(&row).is_none() {
                watch.observe(batch.labels(r.stream), &r.record, now_ms);
            }
        }
    }
}

/// Stores the counts at every interval of the own metrics until `stop` turns true, and once more then.
pub async fn record(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(app.config().own.interval.into());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut before_ms) = (false, 0);
    while !last {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ended(&mut stop) => last = true,
        }
        // At the end the store is still open, although nothing new is let in.
        let Some(running) = app.running() else { continue };
        let now_ms = app.now_ms();
        let done = {
            let mut appender = running.db.appender();
            app.span_watch
                .0
                .lock()
                .collect(now_ms, &mut |point| append(point, now_ms, before_ms, &mut *appender));
            appender.commit()
        };
        before_ms = now_ms;
        if let Err(e) = done.await {
            tracing::warn!(error = %e, "metrics of spans were not stored; the next ones will hold them");
        }
    }
}

/// Appends a count. One that is new begins at zero, so that what it counted first is an increase too. What cannot be
/// appended is left out; the rest is worth having.
fn append(point: &Point<'_>, now_ms: i64, before_ms: i64, out: &mut dyn Appender) {
    let kind = match point.value {
        PointValue::Counter(_) => MetricKind::Counter,
        PointValue::Durations(_) => MetricKind::Histogram,
    };
    let _ =
        out.metadata(point.name, Metadata { kind, help: help(point.name).to_owned(), unit: String::new() });
    let pairs = point.labels.iter().copied().chain([(METRIC_NAME, point.name)]);
    let Ok(labels) = Labels::from_pairs(pairs) else { return };
    let Ok(series) = out.series(&labels) else { return };
    let is_new = point.since_ms > before_ms;
    let zero_ms = point.since_ms - 1;
    match point.value {
        PointValue::Counter(value) => {
            if is_new {
                let _ = out.sample(series, zero_ms, 0.0, zero_ms);
            }
            let _ = out.sample(series, now_ms, value as f64, zero_ms);
        }
        PointValue::Durations(durations) => {
            let histogram = durations.to_histogram();
            if is_new {
                let _ = out.histogram(series, zero_ms, empty(&histogram), zero_ms);
            }
            let _ = out.histogram(series, now_ms, histogram, zero_ms);
        }
    }
    if let Some(e) = point.exemplar {
        let ids = [("trace_id", e.trace_id.to_string()), ("span_id", e.span_id.to_string())];
        if let Ok(labels) = Labels::from_pairs(ids) {
            let value = e.value_ns as f64 / 1e9;
            let _ = out.exemplar(series, Exemplar { labels, value, time_ms: e.time_ms });
        }
    }
}

/// The same histogram before anything was counted.
fn empty(of: &Histogram) -> Histogram {
    Histogram {
        sum: 0.0,
        positive_spans: Vec::new(),
        counts: Counts::Integer { count: 0, zero: 0, positive: Vec::new(), negative: Vec::new() },
        ..of.clone()
    }
}

fn help(name: &str) -> &'static str {
    match name {
        "traces_spanmetrics_calls_total" => "Spans by service, name, kind and status.",
        "traces_spanmetrics_duration_seconds" => "Durations of spans by service, name, kind and status.",
        "traces_service_graph_request_total" => "Requests from one service to another.",
        "traces_service_graph_request_failed_total" => "Requests from one service to another that failed.",
        "traces_service_graph_request_client_seconds" => "Durations of requests as the caller sees them.",
        "traces_service_graph_request_server_seconds" => "Durations of requests as the one called sees them.",
        _ => "",
    }
}

/// Counts about counting, as metrics.
pub fn families(watch: &SpanWatch) -> Vec<Family> {
    use MetricKind::{Counter, Gauge};
    let seen = watch.0.lock().seen();
    let single = Family::single;
    vec![
        single(
            "watchfire_spanmetrics_overflowed_total",
            "Spans counted as (other) because there are too many services and operations.",
            Counter,
            seen.overflowed as f64,
        ),
        single(
            "watchfire_service_graph_crowded_out_total",
            "Halves of calls left out of the service graph because too many wait for the other.",
            Counter,
            seen.crowded_out as f64,
        ),
        single(
            "watchfire_service_graph_waiting",
            "Halves of calls that wait for the other.",
            Gauge,
            seen.waiting as f64,
        ),
    ]
}
