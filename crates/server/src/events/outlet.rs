//! The server's own events: a task takes them, so that nobody waits.

use super::EventSink;
use crate::process;
use crate::telemetry::{Counter, Family};
use env::Clock;
use ingest::events::alertmanager;
use model::record::event::{EventDraft, kind};
use model::record::{AttributesBuf, RecordBatch, RecordSink, Severity, Tenant};
use model::{MetricKind, Unavailable};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::Xxh3Default;

/// Events that wait for the store; more are counted as lost.
const WAITING_MAX: usize = 4096;
/// Events in one batch.
const TOGETHER_MAX: usize = 256;
/// A pause before a batch is offered again, where the store does not say.
const RETRY: Duration = Duration::from_secs(1);
/// Alerts whose last state is remembered.
const ALERTS_MAX: usize = 100_000;
/// How long the end of the server waits for its own events to be stored.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Who says what the server says.
pub const SOURCE: &str = "watchfire";

enum Item {
    Event(Box<EventDraft>),
    End,
}

struct Shared {
    items: mpsc::Sender<Item>,
    task: Mutex<Option<JoinHandle<()>>>,
    clock: Arc<dyn Clock>,
    /// By fingerprint: the start of the alert, and whether its end was told.
    alerts: Mutex<HashMap<u64, (i64, bool)>>,
    lost: Counter,
}

/// Takes events of the server.
#[derive(Clone)]
pub struct Outlet(Arc<Shared>);

impl Outlet {
    /// Begins to take events. Must be called within the runtime.
    pub fn start(sink: EventSink, clock: Arc<dyn Clock>) -> Outlet {
        let (items, waiting) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(write(sink, waiting));
        Outlet(Arc::new(Shared {
            items,
            task: Mutex::new(Some(task)),
            clock,
            alerts: Mutex::default(),
            lost: Counter::default(),
        }))
    }

    /// Notes an event.
    pub fn note(&self, mut event: EventDraft) {
        event.observed_ns = self.now_ns();
        if event.source.is_empty() {
            event.source = SOURCE.to_owned();
        }
        if self.0.items.try_send(Item::Event(Box::new(event))).is_err() {
            self.0.lost.add(1);
        }
    }

    pub(super) fn now_ns(&self) -> i64 {
        self.0.clock.now_ms().saturating_mul(1_000_000)
    }

    /// An event about this server, now.
    fn own(&self, kind: &str, title: String) -> EventDraft {
        let mut event = EventDraft::new(kind, title, self.now_ns());
        event.severity = Severity::INFO;
        event.set("service.name", "watchfire");
        event.set("service.version", env!("CARGO_PKG_VERSION"));
        event.set("host.name", &process::hostname());
        event
    }

    /// The server runs.
    pub fn started(&self, started_ms: i64) {
        let mut event = self.own(kind::START, format!("Watchfire {} started", env!("CARGO_PKG_VERSION")));
        let ready_ns = event.time_ns;
        event.time_ns = started_ms.saturating_mul(1_000_000);
        event.duration_ns = Some((ready_ns - event.time_ns).max(0));
        self.note(event);
    }

    /// The configuration was read again.
    pub fn reloaded(&self, file: &Path, done: Result<(), &str>) {
        let mut event = self.own(kind::CONFIG, "Watchfire's configuration was reloaded".to_owned());
        event.result = "ok".to_owned();
        if let Err(reason) = done {
            event.title = "Watchfire's configuration was not reloaded".to_owned();
            reason.clone_into(&mut event.text);
            event.severity = Severity::ERROR;
            event.result = "failed".to_owned();
        }
        event.set("file.path", &file.display().to_string());
        self.note(event);
    }

    /// An alert of a rule, as it is told: whether it fires or is over. It is told again and again, and noted once.
    pub fn alert(&self, alert: &alerting::Alert) {
        let mut hash = Xxh3Default::new();
        for (name, value) in alert.labels.iter() {
            for text in [name, value] {
                hash.update(text.as_bytes());
                hash.update(&[0xff]);
            }
        }
        let fingerprint = hash.digest();
        let resolved = alert.ends_ms != i64::MAX;
        {
            let mut alerts = self.0.alerts.lock();
            if alerts.len() >= ALERTS_MAX {
                alerts.clear();
            }
            if alerts.insert(fingerprint, (alert.starts_ms, resolved)) == Some((alert.starts_ms, resolved)) {
                return;
            }
        }
        let label = |name: &str| alert.labels.get(name).map_or("", String::as_str);
        let annotation = |name: &str| alert.annotations.get(name).map_or("", String::as_str);
        let state = if resolved { "resolved" } else { "firing" };
        let name = label("alertname");
        let time_ms = if resolved { alert.ends_ms } else { alert.starts_ms };
        let mut event = EventDraft::new(kind::ALERT, name, time_ms.saturating_mul(1_000_000));
        let summary = annotation("summary");
        if !summary.is_empty() {
            event.title = format!("{name}: {}", summary.lines().next().unwrap_or(""));
        }
        annotation("description").clone_into(&mut event.text);
        event.subject = name.to_owned();
        event.result = state.to_owned();
        event.severity = alertmanager::severity(resolved, label("severity"));
        event.link = alert.generator_url.to_string();
        event.id = format!("alert/{fingerprint:016x}/{}/{state}", alert.starts_ms);
        for (name, value) in alert.labels.iter() {
            let known = match name.as_str() {
                "service" | "service_name" => "service.name",
                "host" | "hostname" | "nodename" => "host.name",
                "namespace" => "k8s.namespace.name",
                "pod" => "k8s.pod.name",
                "node" => "k8s.node.name",
                "env" | "environment" => "deployment.environment.name",
                other => other,
            };
            event.set(known, value);
        }
        self.note(event);
    }

    /// Ends: what was noted is in the store, and that the server ends.
    pub async fn stop(&self) {
        self.note(self.own(kind::STOP, "Watchfire is stopping".to_owned()));
        let task = self.0.task.lock().take();
        let end = async {
            // The task is gone only if it ended already.
            let _ = self.0.items.send(Item::End).await;
            if let Some(task) = task {
                let _ = task.await;
            }
        };
        // A disk that cannot be written to must not keep the server from ending.
        if tokio::time::timeout(STOP_MAX, end).await.is_err() {
            tracing::error!("events of the server itself are lost: they could not be stored before its end");
        }
    }

    /// Counts as metrics.
    pub fn families(&self) -> Vec<Family> {
        vec![Family::single(
            "watchfire_events_lost_total",
            "Events of the server itself that were lost because too many waited.",
            MetricKind::Counter,
            self.0.lost.get() as f64,
        )]
    }
}

async fn write(sink: EventSink, mut waiting: mpsc::Receiver<Item>) {
    let mut items = Vec::new();
    loop {
        items.clear();
        if waiting.recv_many(&mut items, TOGETHER_MAX).await == 0 {
            return;
        }
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let mut last = false;
        for item in &items {
            match item {
                Item::Event(event) => push(event, &mut batch),
                Item::End => last = true,
            }
        }
        while !batch.is_empty() {
            let wait = match sink.append(batch.clone()).await {
                Ok(_) | Err(Unavailable::Closed) => break,
                Err(Unavailable::Busy { retry_after, .. }) => retry_after,
                Err(error) if last => {
                    tracing::error!(%error, "events of the server itself are lost");
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "events of the server itself wait until they can be stored");
                    RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
        if last {
            return;
        }
    }
}

/// Adds an event to a batch; one whose labels cannot be is left out.
fn push(event: &EventDraft, batch: &mut RecordBatch) {
    let Ok(labels) = event.stream() else { return };
    let mut attributes = AttributesBuf::new();
    event.attributes(&mut attributes);
    let stream = batch.stream(labels);
    batch.push(stream, &event.record(&attributes));
}
