//! What is counted about errors: as metrics that users chart and alert on, and as figures of the server itself.

use super::Tracker;
use crate::http::listen::ended;
use crate::state::App;
use crate::telemetry::Family;
use errors::Note;
use model::{Appendable, Appender, Labels, METRIC_NAME, Metadata, MetricKind};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// Series of `errors_events_total`; what is beyond them counts as `(other)`.
const SERIES_MAX: usize = 5000;
/// Reasons and categories of client reports that are told apart.
const REPORTS_MAX: usize = 200;
/// How often counts of issues are written.
const CHECKPOINT_MS: u64 = 10_000;

const NAME: &str = "errors_events_total";
const HELP: &str =
    "Error events kept, by project, service, environment, level and whether they were handled.";
const OTHER: &str = "(other)";

/// The labels of a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    project: String,
    service: String,
    environment: String,
    level: &'static str,
    handled: &'static str,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    events: u64,
    /// When it began at zero, Unix milliseconds; 0 before it was stored.
    zero_ms: i64,
}

/// Counts of events and of what comes with them.
#[derive(Debug, Default)]
pub struct EventCounts {
    series: Mutex<BTreeMap<Series, Count>>,
    /// Events that SDKs say they left out themselves, by reason and category.
    reports: Mutex<BTreeMap<(String, String), u64>>,
    /// Items that were not kept, by type.
    unknown: Mutex<BTreeMap<String, u64>>,
    /// Refused for their key, and for what they are.
    refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl EventCounts {
    /// Counts what was kept.
    pub fn count(&self, notes: &[Note]) {
        let mut all = self.series.lock();
        for note in notes {
            let Note::Event(o) = note else { continue };
            // Metrics belong to nobody, so those of tenants with a name stay uncounted.
            if o.tenant != "default" {
                continue;
            }
            let mut key = Series {
                project: o.project.clone(),
                service: o.service.clone(),
                environment: o.environment.clone(),
                level: o.level.text(),
                handled: match o.handled {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "",
                },
            };
            if all.len() >= SERIES_MAX && !all.contains_key(&key) {
                key.project = OTHER.to_owned();
                key.service = OTHER.to_owned();
                key.environment = OTHER.to_owned();
            }
            all.entry(key).or_default().events += 1;
        }
    }

    /// Counts what an SDK left out itself.
    pub fn report(&self, reason: &str, category: &str, quantity: u64) {
        let mut all = self.reports.lock();
        let mut key = (reason.to_owned(), category.to_owned());
        if all.len() >= REPORTS_MAX && !all.contains_key(&key) {
            key = (OTHER.to_owned(), OTHER.to_owned());
        }
        let count = all.entry(key).or_default();
        *count = count.saturating_add(quantity);
    }

    /// Counts items that were not kept.
    pub fn unknown(&self, kind: &str, items: u64) {
        let mut all = self.unknown.lock();
        let key = if all.len() >= REPORTS_MAX && !all.contains_key(kind) { OTHER } else { kind };
        *all.entry(key.to_owned()).or_default() += items;
    }

    /// Counts what was refused.
    pub fn refused(&self, why: &'static str, items: u64) {
        if items > 0 {
            *self.refused.lock().entry(why).or_default() += items;
        }
    }

    /// Appends the counts. A series that is new begins at zero, so that what it counted first is an increase too.
    fn collect(&self, now_ms: i64, before_ms: i64, out: &mut dyn Appender) {
        let metadata = Metadata { kind: MetricKind::Counter, help: HELP.to_owned(), unit: String::new() };
        let _ = out.metadata(NAME, metadata);
        for (key, count) in self.series.lock().iter_mut() {
            let pairs = [
                (METRIC_NAME, NAME),
                ("project", &key.project),
                ("service", &key.service),
                ("environment", &key.environment),
                ("level", key.level),
                ("handled", key.handled),
            ];
            let Ok(labels) = Labels::from_pairs(pairs.into_iter().filter(|(_, v)| !v.is_empty())) else {
                continue;
            };
            let Ok(series) = out.series(&labels) else { continue };
            if count.zero_ms == 0 {
                count.zero_ms = before_ms.max(now_ms - 60_000).min(now_ms - 1);
                let _ = out.sample(series, count.zero_ms, 0.0, count.zero_ms);
            }
            let _ = out.sample(series, now_ms, count.events as f64, count.zero_ms);
        }
    }
}

/// Stores the counts at every interval of the own metrics, and writes those of issues, until `stop` turns true, and once
/// more then.
pub async fn record(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(app.config().own.interval.into());
    let mut checkpoints = interval(std::time::Duration::from_millis(CHECKPOINT_MS));
    for timer in [&mut ticks, &mut checkpoints] {
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let (mut last, mut before_ms) = (false, 0);
    while !last {
        let write = tokio::select! {
            _ = ticks.tick() => false,
            _ = checkpoints.tick() => true,
            () = ended(&mut stop) => {
                last = true;
                true
            }
        };
        // At the end the store is still open, although nothing new is let in.
        let Some(running) = app.running() else { continue };
        if write {
            checkpoint(&running.errors).await;
        }
        if write && !last {
            continue;
        }
        let now_ms = app.now_ms();
        let done = {
            let mut appender = running.db.appender();
            running.errors.events.collect(now_ms, before_ms, &mut *appender);
            appender.commit()
        };
        before_ms = now_ms;
        if let Err(e) = done.await {
            tracing::warn!(error = %e, "metrics of errors were not stored; the next ones will hold them");
        }
    }
}

async fn checkpoint(tracker: &Arc<Tracker>) {
    let tracker = Arc::clone(tracker);
    match tokio::task::spawn_blocking(move || tracker.checkpoint()).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => {
            tracing::warn!(error = %e, "counts of issues were not written; they follow from the stored events");
        }
        Err(e) => tracing::error!(error = %e, "writing counts of issues met a fault"),
    }
}

/// Figures of the server itself.
pub fn families(tracker: &Tracker) -> Vec<Family> {
    use MetricKind::{Counter, Gauge};
    let (counts, (groups, issues), durable) =
        tracker.desk(|d| (d.book().counts(), d.book().sizes(), d.is_durable()));
    let (waiting, lost) = tracker.waiting();
    let single = |name, help, kind, value: u64| Family::single(name, help, kind, value as f64);
    let mut reports = Family::labelled(
        "watchfire_errors_discarded_by_clients_total",
        "Events that SDKs say they left out themselves, by reason and category.",
        Counter,
    );
    for ((reason, category), n) in tracker.events.reports.lock().iter() {
        reports.push(&[("reason", reason), ("category", category)], *n as f64);
    }
    let mut unknown = Family::labelled(
        "watchfire_errors_items_not_kept_total",
        "Items of envelopes for which there is no place, by type.",
        Counter,
    );
    for (kind, n) in tracker.events.unknown.lock().iter() {
        unknown.push(&[("type", kind)], *n as f64);
    }
    let mut refused = Family::labelled(
        "watchfire_errors_items_refused_total",
        "Items and envelopes refused, by reason.",
        Counter,
    );
    for (why, n) in tracker.events.refused.lock().iter() {
        refused.push(&[("reason", why)], *n as f64);
    }
    vec![
        single("watchfire_errors_issues", "Issues.", Gauge, issues as u64),
        single("watchfire_errors_groups", "Groups of error events.", Gauge, groups as u64),
        single("watchfire_errors_events_counted_total", "Error events counted.", Counter, counts.events),
        single(
            "watchfire_errors_events_repeated_total",
            "Error events that were here already.",
            Counter,
            counts.repeated,
        ),
        single(
            "watchfire_errors_sessions_total",
            "Sessions, and updates of sessions, counted.",
            Counter,
            counts.sessions,
        ),
        single("watchfire_errors_groups_new_total", "Groups that came up.", Counter, counts.new_groups),
        single(
            "watchfire_errors_groups_forgotten_total",
            "Groups forgotten because there are too many (issues.groups_max).",
            Counter,
            counts.forgotten,
        ),
        single(
            "watchfire_errors_regressions_total",
            "Issues that came back after they were resolved.",
            Counter,
            counts.regressed,
        ),
        single(
            "watchfire_errors_found_waiting",
            "Error events found in spans and logs that wait to be stored.",
            Gauge,
            waiting,
        ),
        single(
            "watchfire_errors_found_lost_total",
            "Error events found in spans and logs that could not be stored.",
            Counter,
            lost,
        ),
        single(
            "watchfire_errors_issues_durable",
            "1 while all decisions about issues are on disk.",
            Gauge,
            u64::from(durable),
        ),
        reports,
        unknown,
        refused,
    ]
}
