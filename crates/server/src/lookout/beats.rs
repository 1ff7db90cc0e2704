//! Jobs that must report: what they said is durable before they are answered, and lateness is noticed when it begins.

use super::Parts;
use super::series::{Point, Series};
use crate::config::{HeartbeatsConfig, UnknownJobs};
use crate::events::Outlet;
use crate::telemetry::{Counter, Family};
use env::{Clock, Disk};
use heartbeats::{Beat, Finish, Plan, Report, state};
use model::record::Severity;
use model::record::event::{EventDraft, kind};
use model::{Appendable, Labels, MetricKind};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const FILE: &str = "state";
/// The longest wait before jobs are looked at again, so that a clock that was set is noticed.
const LOOK: Duration = Duration::from_secs(5);
/// The longest time to make a report durable.
const SAVE_MAX: Duration = Duration::from_secs(10);
/// Bytes of what a job sends along that are kept.
const SAID_BYTES_MAX: usize = 1000;

/// Why a report is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// No such job is configured.
    Unknown(String),
    /// There are too many jobs that are not.
    TooMany(String),
    /// It could not be made durable.
    NotDurable,
}

/// A job whose series are due.
struct Due {
    name: String,
    labels: BTreeMap<String, String>,
    /// None if the job is gone.
    points: Option<Vec<Point>>,
}

struct Book {
    config: HeartbeatsConfig,
    plans: BTreeMap<String, Plan>,
    beats: BTreeMap<String, Beat>,
    /// Jobs whose series are to be written.
    changed: BTreeSet<String>,
    /// Counts changes.
    version: u64,
}

/// All jobs.
pub(super) struct Beats {
    book: Mutex<Book>,
    /// The last change that is durable, and whether the last try to make one so succeeded.
    durable: watch::Sender<(u64, bool)>,
    wake: Notify,
    save: Notify,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    outlet: Outlet,
    pub refused: Counter,
    failed_saves: Counter,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// A job as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownBeat {
    name: String,
    state: &'static str,
    configured: bool,
    description: String,
    labels: BTreeMap<String, String>,
    #[serde(flatten)]
    beat: ShownTimes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTimes {
    last_start_ms: Option<i64>,
    last_end_ms: Option<i64>,
    last_success_ms: Option<i64>,
    last_failure_ms: Option<i64>,
    last_duration_ms: Option<i64>,
    last_exit: Option<u8>,
    deadline_ms: Option<i64>,
    runs: u64,
    failures: u64,
    lates: u64,
    said: String,
}

impl Book {
    /// What is expected of a job.
    fn plan(&self, name: &str) -> Plan {
        self.plans.get(name).cloned().unwrap_or_else(|| self.config.unknown_plan(name))
    }

    /// The job by its name; one that is not known is entered if that may be.
    fn job(&mut self, name: &str, now_ms: i64) -> Result<&mut Beat, Refused> {
        if !self.plans.contains_key(name) && !self.beats.contains_key(name) {
            if self.config.unknown == UnknownJobs::Refuse {
                let known: Vec<&str> = self.plans.keys().take(20).map(String::as_str).collect();
                return Err(Refused::Unknown(format!(
                    "no job {name:?} is configured in heartbeats.jobs (there are: {}); heartbeats.unknown: take takes \
                     any",
                    known.join(", ")
                )));
            }
            let unknown = self.beats.keys().filter(|n| !self.plans.contains_key(*n)).count();
            if unknown >= self.config.unknown_max {
                return Err(Refused::TooMany(format!(
                    "{unknown} jobs are not configured, the limit of heartbeats.unknown_max: configure {name:?}, or \
                     remove one with DELETE"
                )));
            }
        }
        Ok(self.beats.entry(name.to_owned()).or_insert_with(|| Beat::new(now_ms)))
    }

    fn touch(&mut self, name: &str) -> u64 {
        self.changed.insert(name.to_owned());
        self.version += 1;
        self.version
    }
}

impl Beats {
    /// Reads what was kept and begins to look at jobs.
    pub fn start(
        config: &HeartbeatsConfig,
        plans: BTreeMap<String, Plan>,
        data: &Path,
        parts: &Parts,
    ) -> Result<Arc<Beats>, String> {
        let dir = data.join("heartbeats");
        let path = dir.join(FILE);
        let wrong = |e: io::Error| format!("cannot open the state of heartbeats in {}: {e}", dir.display());
        parts.disk.create_dir_all(&dir).map_err(wrong)?;
        let beats = match parts.disk.exists(&path) {
            true => read(&*parts.disk, &path).map_err(wrong)?,
            false => BTreeMap::new(),
        };
        let book = Book {
            config: config.clone(),
            plans: BTreeMap::new(),
            beats,
            changed: BTreeSet::new(),
            version: 0,
        };
        let beats = Arc::new(Beats {
            book: Mutex::new(book),
            durable: watch::channel((0, true)).0,
            wake: Notify::new(),
            save: Notify::new(),
            path,
            disk: Arc::clone(&parts.disk),
            clock: Arc::clone(&parts.clock),
            outlet: parts.outlet.clone(),
            refused: Counter::default(),
            failed_saves: Counter::default(),
            stop: watch::channel(false).0,
            tasks: Mutex::default(),
        });
        beats.configure(config.clone(), plans);
        let store = Arc::clone(&parts.store);
        let looking = tokio::spawn(Arc::clone(&beats).look(store));
        let saving = tokio::spawn(Arc::clone(&beats).keep());
        beats.tasks.lock().extend([looking, saving]);
        Ok(beats)
    }

    /// Puts other plans in force. Jobs that were configured and are not any more are forgotten.
    pub fn configure(&self, config: HeartbeatsConfig, plans: BTreeMap<String, Plan>) {
        let now_ms = self.clock.now_ms();
        let mut book = self.book.lock();
        let gone: Vec<String> = match config.unknown {
            UnknownJobs::Refuse => book.beats.keys().filter(|n| !plans.contains_key(*n)).cloned().collect(),
            UnknownJobs::Take => book.plans.keys().filter(|n| !plans.contains_key(*n)).cloned().collect(),
        };
        for name in gone {
            book.beats.remove(&name);
            book.touch(&name);
        }
        for name in plans.keys() {
            book.beats.entry(name.clone()).or_insert_with(|| Beat::new(now_ms));
            book.touch(name);
        }
        book.config = config;
        book.plans = plans;
        drop(book);
        self.wake.notify_one();
        self.save.notify_one();
    }

    /// Takes a report; done once it is durable.
    pub async fn report(
        &self,
        name: &str,
        report: Report,
        took_ms: Option<i64>,
        said: &str,
    ) -> Result<(), Refused> {
        let now_ms = self.clock.now_ms();
        let version = {
            let mut book = self.book.lock();
            let beat = book.job(name, now_ms)?;
            let finish = beat.report(report, took_ms, now_ms);
            if finish.is_some() || !said.is_empty() {
                // The end says most.
                let from = said.ceil_char_boundary(said.len().saturating_sub(SAID_BYTES_MAX));
                beat.said = said[from..].to_owned();
            }
            let plan = book.plan(name);
            let beat = book.beats.get(name).cloned().unwrap_or_default();
            if let Some(finish) = finish.filter(|f| plan.events || !f.success) {
                self.outlet.note(ended(&plan, &beat, finish));
            }
            book.touch(name)
        };
        self.wake.notify_one();
        self.durable(version).await
    }

    /// Forgets a job that is not configured; false if there is none.
    pub async fn forget(&self, name: &str) -> Result<bool, Refused> {
        let version = {
            let mut book = self.book.lock();
            if book.plans.contains_key(name) || book.beats.remove(name).is_none() {
                return Ok(false);
            }
            book.touch(name)
        };
        self.wake.notify_one();
        self.durable(version).await.map(|()| true)
    }

    async fn durable(&self, version: u64) -> Result<(), Refused> {
        timeout(SAVE_MAX, self.saved(version)).await.unwrap_or(Err(Refused::NotDurable))
    }

    async fn saved(&self, version: u64) -> Result<(), Refused> {
        let mut durable = self.durable.subscribe();
        self.save.notify_one();
        loop {
            let (saved, _) = *durable.borrow_and_update();
            if saved >= version {
                return Ok(());
            }
            if durable.changed().await.is_err() {
                return Err(Refused::NotDurable);
            }
            let (saved, ok) = *durable.borrow();
            if saved < version && !ok {
                return Err(Refused::NotDurable);
            }
        }
    }

    /// Writes the state whenever it has changed; many changes are written at once.
    async fn keep(self: Arc<Beats>) {
        let mut stop = self.stop.subscribe();
        loop {
            let ending = tokio::select! {
                () = self.save.notified() => false,
                _ = stop.wait_for(|s| *s) => true,
            };
            let (bytes, version) = {
                let book = self.book.lock();
                (state::encode(&book.beats), book.version)
            };
            if version > self.durable.borrow().0 {
                let (disk, path) = (Arc::clone(&self.disk), self.path.clone());
                let done = tokio::task::spawn_blocking(move || write(&*disk, &path, &bytes)).await;
                match done.unwrap_or_else(|e| Err(io::Error::other(e))) {
                    Ok(()) => {
                        self.durable.send_replace((version, true));
                    }
                    Err(error) => {
                        self.failed_saves.add(1);
                        tracing::error!(path = %self.path.display(), %error, "the state of heartbeats is not durable");
                        self.durable.send_modify(|d| d.1 = false);
                    }
                }
            }
            if ending {
                return;
            }
        }
    }

    /// Notices jobs that are late, and writes series.
    async fn look(self: Arc<Beats>, store: Arc<dyn Appendable>) {
        let mut stop = self.stop.subscribe();
        let mut series: BTreeMap<String, (BTreeMap<String, String>, Series)> = BTreeMap::new();
        let mut all_ms = i64::MIN;
        loop {
            let now_ms = self.clock.now_ms();
            let (due, next_ms) = self.due(now_ms, &mut all_ms);
            for Due { name, labels, points } in due {
                let mut kept = series.remove(&name);
                if let Some((before, one)) = &mut kept
                    && (*before != labels || points.is_none())
                {
                    one.end(now_ms).await;
                    kept = None;
                }
                let Some(points) = points else { continue };
                let fresh = || Series::new(Arc::clone(&store), base(&name, &labels));
                let mut one = kept.map_or_else(fresh, |(_, one)| one);
                one.write(now_ms, &points, help).await;
                series.insert(name, (labels, one));
            }
            let wait = Duration::from_millis(next_ms.saturating_sub(now_ms).max(1).unsigned_abs()).min(LOOK);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wake.notified() => {}
                _ = stop.wait_for(|s| *s) => return,
            }
        }
    }

    /// Jobs whose series are due, and when to look again.
    fn due(&self, now_ms: i64, all_ms: &mut i64) -> (Vec<Due>, i64) {
        let mut book = self.book.lock();
        let interval_ms = i64::try_from(book.config.interval.as_millis()).unwrap_or(i64::MAX);
        let mut next_ms = i64::MAX;
        let names: Vec<String> = book.beats.keys().cloned().collect();
        for name in &names {
            let plan = book.plan(name);
            let Some(beat) = book.beats.get_mut(name) else { continue };
            if let Some(late) = beat.look(&plan, now_ms) {
                let beat = beat.clone();
                // A job that reports again has said so itself.
                if late {
                    self.outlet.note(missed(&plan, &beat, now_ms));
                }
                book.touch(name);
                self.save.notify_one();
            }
            let deadline_ms = book.beats.get(name).map_or(i64::MAX, |b| b.deadline_ms(&plan));
            if deadline_ms > now_ms {
                next_ms = next_ms.min(deadline_ms);
            }
        }
        let mut due = std::mem::take(&mut book.changed);
        // A clock that was set back makes the turns begin anew.
        if now_ms >= *all_ms || *all_ms - now_ms > interval_ms {
            due.extend(names);
            *all_ms = now_ms.saturating_add(interval_ms);
        }
        let of = |name: String| {
            let plan = book.plan(&name);
            let points = book.beats.get(&name).map(|b| points(b, &plan, now_ms));
            Due { name, labels: plan.labels, points }
        };
        (due.into_iter().map(of).collect(), next_ms.min(*all_ms))
    }

    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            let _ = task.await;
        }
    }

    pub fn shown(&self) -> Vec<ShownBeat> {
        let book = self.book.lock();
        let of = |(name, beat): (&String, &Beat)| {
            let plan = book.plan(name);
            let some = |ms: i64| (ms > 0).then_some(ms);
            let deadline_ms = beat.deadline_ms(&plan);
            ShownBeat {
                name: name.clone(),
                state: beat.state(),
                configured: book.plans.contains_key(name),
                description: plan.description,
                labels: plan.labels,
                beat: ShownTimes {
                    last_start_ms: some(beat.start_ms),
                    last_end_ms: some(beat.end_ms),
                    last_success_ms: some(beat.success_ms),
                    last_failure_ms: some(beat.failure_ms),
                    last_duration_ms: (beat.duration_ms >= 0).then_some(beat.duration_ms),
                    last_exit: beat.exit,
                    deadline_ms: (deadline_ms != i64::MAX).then_some(deadline_ms),
                    runs: beat.runs,
                    failures: beat.failures,
                    lates: beat.lates,
                    said: beat.said.clone(),
                },
            }
        };
        book.beats.iter().map(of).collect()
    }

    pub fn families(&self) -> Vec<Family> {
        use MetricKind::{Counter as C, Gauge as G};
        let book = self.book.lock();
        let late = book.beats.values().filter(|b| b.late).count();
        let single = Family::single;
        vec![
            single("watchfire_heartbeats", "Jobs that must report.", G, book.beats.len() as f64),
            single("watchfire_heartbeats_late", "Jobs that have not reported in time.", G, late as f64),
            single(
                "watchfire_heartbeat_reports_refused_total",
                "Reports of jobs that were not taken.",
                C,
                self.refused.get() as f64,
            ),
            single(
                "watchfire_heartbeat_not_durable_total",
                "Writes of the state of jobs that failed.",
                C,
                self.failed_saves.get() as f64,
            ),
        ]
    }
}

/// What was kept. What is damaged is set aside, under a name that says so: jobs are then expected anew.
fn read(disk: &dyn Disk, path: &Path) -> io::Result<BTreeMap<String, Beat>> {
    let length = disk.size(path)?;
    let damage = match length > state::BYTES_MAX {
        true => format!("{length} bytes, over the limit of {}", state::BYTES_MAX),
        false => match state::decode(&disk.map(path)?) {
            Ok(beats) => return Ok(beats),
            Err(e) => e.to_string(),
        },
    };
    let aside = path.with_extension("damaged");
    tracing::error!(path = %path.display(), aside = %aside.display(), damage, "the state of heartbeats is damaged");
    disk.rename(path, &aside)?;
    Ok(BTreeMap::new())
}

/// Puts bytes into place: either all of them or what was there before.
fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    if disk.exists(&new) {
        disk.remove(&new)?;
    }
    let mut file = disk.create(&new)?;
    file.append(bytes)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new("")))
}

fn base(name: &str, labels: &BTreeMap<String, String>) -> Labels {
    let mut pairs: BTreeMap<&str, &str> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    pairs.insert("heartbeat", name);
    pairs.entry("job").or_insert("heartbeat");
    // Names and labels were checked; a label that is too long for the store is refused there.
    Labels::from_pairs(pairs).unwrap_or_default()
}

fn points(beat: &Beat, plan: &Plan, now_ms: i64) -> Vec<Point> {
    let flag = |b: bool| f64::from(u8::from(b));
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut out = vec![
        Point::new("watchfire_heartbeat_late", flag(beat.late)),
        Point::new("watchfire_heartbeat_failed", flag(beat.failed)),
        Point::new("watchfire_heartbeat_running", flag(beat.running)),
        Point::new("watchfire_heartbeat_runs_total", beat.runs as f64),
        Point::new("watchfire_heartbeat_failures_total", beat.failures as f64),
        Point::new("watchfire_heartbeat_lates_total", beat.lates as f64),
    ];
    let deadline_ms = beat.deadline_ms(plan);
    let times = [
        ("watchfire_heartbeat_last_start_timestamp_seconds", beat.start_ms),
        ("watchfire_heartbeat_last_success_timestamp_seconds", beat.success_ms),
        ("watchfire_heartbeat_last_failure_timestamp_seconds", beat.failure_ms),
        (
            "watchfire_heartbeat_deadline_timestamp_seconds",
            if deadline_ms == i64::MAX { 0 } else { deadline_ms },
        ),
    ];
    out.extend(times.into_iter().filter(|(_, ms)| *ms > 0).map(|(name, ms)| Point::new(name, seconds(ms))));
    if beat.duration_ms >= 0 {
        out.push(Point::new("watchfire_heartbeat_last_duration_seconds", seconds(beat.duration_ms)));
    }
    if beat.running {
        let since = now_ms.saturating_sub(beat.start_ms).max(0);
        out.push(Point::new("watchfire_heartbeat_running_seconds", seconds(since)));
    }
    out
}

fn help(name: &str) -> (&'static str, MetricKind) {
    use MetricKind::{Counter, Gauge};
    match name {
        "watchfire_heartbeat_late" => ("1 if the job has not reported in time.", Gauge),
        "watchfire_heartbeat_failed" => ("1 if the last run of the job failed.", Gauge),
        "watchfire_heartbeat_running" => ("1 while the job runs.", Gauge),
        "watchfire_heartbeat_running_seconds" => ("How long the job has been running.", Gauge),
        "watchfire_heartbeat_runs_total" => ("Runs of the job that ended.", Counter),
        "watchfire_heartbeat_failures_total" => ("Runs of the job that failed.", Counter),
        "watchfire_heartbeat_lates_total" => ("Times that the job was late.", Counter),
        "watchfire_heartbeat_last_start_timestamp_seconds" => {
            ("When the job last began, Unix seconds.", Gauge)
        }
        "watchfire_heartbeat_last_success_timestamp_seconds" => {
            ("When the job last ended well, Unix seconds.", Gauge)
        }
        "watchfire_heartbeat_last_failure_timestamp_seconds" => {
            ("When the job last failed, Unix seconds.", Gauge)
        }
        "watchfire_heartbeat_deadline_timestamp_seconds" => {
            ("When the job is late unless it reports, Unix seconds.", Gauge)
        }
        _ => ("How long the last run of the job took.", Gauge),
    }
}

fn event(plan: &Plan, title: String, at_ms: i64, result: &str, severity: Severity) -> EventDraft {
    let mut event = EventDraft::new(kind::CRON, title, at_ms.saturating_mul(1_000_000));
    event.subject.clone_from(&plan.name);
    event.result = result.to_owned();
    event.severity = severity;
    for (name, value) in &plan.labels {
        event.set(name, value);
    }
    event
}

/// A run ended.
fn ended(plan: &Plan, beat: &Beat, finish: Finish) -> EventDraft {
    let name = &plan.name;
    let code =
        finish.exit.filter(|_| !finish.success).map_or(String::new(), |c| format!(" with exit code {c}"));
    let (title, result, severity) = match finish.success {
        true => (format!("{name} is done"), "ok", Severity::INFO),
        false => (format!("{name} failed{code}"), "failed", Severity::ERROR),
    };
    let mut event = event(plan, title, finish.began_ms, result, severity);
    event.duration_ns = finish.duration_ms.map(|ms| ms.saturating_mul(1_000_000));
    event.text.clone_from(&beat.said);
    event.id = format!("heartbeat/{name}/{}/{}", beat.runs, finish.ended_ms);
    event
}

/// A run did not come.
fn missed(plan: &Plan, beat: &Beat, now_ms: i64) -> EventDraft {
    let title = match beat.running {
        true => format!("{} runs for longer than it may", plan.name),
        false => format!("{} has not reported in time", plan.name),
    };
    let mut event = event(plan, title, now_ms, "late", Severity::ERROR);
    event.id = format!("heartbeat/{}/late/{}/{now_ms}", plan.name, beat.lates);
    event
}
