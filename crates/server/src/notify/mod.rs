//! The office that tells people: one thread owns the state machine and its journal, tasks carry out what it decides.

mod client;
mod files;
mod follow;
mod journal;
mod mail;
mod send;

pub use files::Routing;
pub use journal::{Finished, Tried};

use crate::entities::Known;
use crate::http::error::{ApiError, ErrorKind};
use crate::incidents::Response;
use crate::telemetry::{Counter, Family};
use alerting::{Core, Delivery, DeliveryId, Desk, Out, Outcome};
use client::Clients;
use env::{Clock, Disk};
use model::MetricKind;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot, watch};

/// Pieces of work that wait for the thread.
const QUEUE_MAX: usize = 4096;
/// Pieces of work that are made durable together.
const TOGETHER_MAX: usize = 1024;

/// How long attempts under way may take when the server ends.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs once what was done is durable, or is told that it is not.
type Then = Box<dyn FnOnce(bool) + Send>;
type Job = Box<dyn FnOnce(&mut Desk, &mut incidents::Desk, i64) -> Then + Send>;

/// What the office counts besides the state machine.
#[derive(Debug, Default)]
pub struct NotifyMetrics {
    /// Attempts by kind of way: taken, put off, refused.
    attempts: Mutex<BTreeMap<String, [u64; 3]>>,
    /// Commits that did not become durable.
    not_durable: Counter,
    /// The same of incidents.
    incidents_not_durable: Counter,
    open: AtomicU64,
    alerts: AtomicU64,
    groups: AtomicU64,
    silences: AtomicU64,
    counts: Mutex<alerting::Counts>,
}

struct Shared {
    routing: RwLock<Arc<Routing>>,
    clients: Clients,
    deliveries: Arc<Semaphore>,
    metrics: NotifyMetrics,
    journal: journal::Journal,
    /// The thread changes them; others look.
    incidents: RwLock<incidents::Desk>,
    entities: Arc<Known>,
    clock: Arc<dyn Clock>,
    /// When this began, and the milliseconds from then to the last turn of the thread and back to the oldest decision that
    /// is not done.
    begun: Instant,
    turned_ms: AtomicU64,
    oldest_open_ms: AtomicI64,
    runtime: tokio::runtime::Handle,
    /// Ends attempts to deliver, once those under way are over.
    stop: watch::Sender<bool>,
    /// Ends the thread.
    end: AtomicBool,
    deliveries_max: u32,
}

/// The office.
pub struct Office {
    shared: Arc<Shared>,
    jobs: SyncSender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Office {
    /// Reads what was kept below `dir` and goes on from there.
    pub fn open(
        (routing, response): (Routing, Response),
        deliveries_max: usize,
        dir: &Path,
        (disk, entities): (Arc<dyn Disk>, Arc<Known>),
        clock: Arc<dyn Clock>,
    ) -> Result<Office, String> {
        let (alerts, now_ms) = (dir.join("alerting"), clock.now_ms());
        let (desk, damages) = Desk::open(Arc::clone(&disk), alerts, Arc::clone(&routing.config), now_ms)
            .map_err(|e| format!("cannot open the journal of alerting: {e}"))?;
        for damage in damages.iter().filter(|d| !d.is_torn_tail()) {
            tracing::error!(%damage, "the journal of alerting is damaged");
        }
        let incidents = response.open(disk, dir.join("incidents"), now_ms)?;
        if desk.unreadable() > 0 {
            tracing::error!(
                records = desk.unreadable(),
                "records of alerting cannot be read and are left out"
            );
        }
        let shared = Arc::new(Shared {
            routing: RwLock::new(Arc::new(routing)),
            clients: Clients::default(),
            deliveries: Arc::new(Semaphore::new(deliveries_max.max(1))),
            metrics: NotifyMetrics::default(),
            journal: journal::Journal::default(),
            incidents: RwLock::new(incidents),
            entities,
            clock,
            begun: Instant::now(),
            turned_ms: AtomicU64::new(0),
            oldest_open_ms: AtomicI64::new(i64::MAX),
            runtime: tokio::runtime::Handle::current(),
            stop: watch::channel(false).0,
            end: AtomicBool::new(false),
            deliveries_max: u32::try_from(deliveries_max.max(1)).unwrap_or(u32::MAX),
        });
        let (jobs, work) = sync_channel(QUEUE_MAX);
        let worker = Worker { shared: Arc::clone(&shared), desk, jobs: jobs.clone() };
        let thread = std::thread::Builder::new()
            .name("alerting".to_owned())
            .spawn(move || worker.run(&work))
            .map_err(|e| format!("cannot start the thread of alerting: {e}"))?;
        Ok(Office { shared, jobs, thread: Mutex::new(Some(thread)) })
    }

    /// What says who is told what.
    pub fn routing(&self) -> Arc<Routing> {
        Arc::clone(&self.shared.routing.read())
    }

    /// Puts another routing in force.
    pub async fn configure(&self, routing: Routing, response: Response) -> Result<(), ApiError> {
        let config = Arc::clone(&routing.config);
        *self.shared.routing.write() = Arc::new(routing);
        self.shared.clients.forget();
        self.change_incidents(move |core, _, _| core.configure(response.settings, response.oncall)).await?;
        self.change(move |core, _, now| core.configure(now, config)).await
    }

    /// Looks at incidents. What is done meanwhile must be short: alerts wait.
    pub fn incidents<T>(&self, look: impl FnOnce(&incidents::Core) -> T) -> T {
        look(self.shared.incidents.read().core())
    }

    /// Writes incidents as a journal of its own, for a backup.
    pub fn copy_incidents(&self, dir: &Path) -> Result<(), String> {
        let desk = self.shared.incidents.read();
        desk.copy(Arc::new(env::RealDisk), dir.to_owned()).map_err(|e| e.to_string())
    }

    /// Changes incidents; answers once what changed is durable.
    pub async fn change_incidents<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut incidents::Core, &mut incidents::Out, i64) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.queue(|tell| {
            Box::new(move |_, desk, now| {
                let answer = desk.act(|core, out| act(core, out, now));
                Box::new(move |durable| {
                    // Nobody may be waiting any more.
                    let _ = tell.send(durable.then_some(answer));
                })
            })
        })
        .await
    }

    /// Asks or changes the state machine; answers once what changed is durable.
    pub async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Core, &mut Out, i64) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        self.queue(|tell| {
            Box::new(move |desk, _, now| {
                let (answer, changed) = desk.act(|core, out| {
                    let before = out.records();
                    let answer = act(core, out, now);
                    (answer, out.records() > before)
                });
                Box::new(move |durable| {
                    // Nobody may be waiting any more.
                    let _ = tell.send((durable || !changed).then_some(answer));
                })
            })
        })
        .await
    }

    /// Hands work to the thread, and waits for what it tells.
    async fn queue<T>(&self, job: impl FnOnce(oneshot::Sender<Option<T>>) -> Job) -> Result<T, ApiError> {
        let (tell, told) = oneshot::channel();
        let job = job(tell);
        let closed = || {
            ApiError::new(ErrorKind::Unavailable, "alerting is shutting down")
                .retry_after(Duration::from_secs(1))
        };
        let jobs = self.jobs.clone();
        match jobs.try_send(job) {
            Ok(()) => {}
            Err(std::sync::mpsc::TrySendError::Full(_)) => {
                return Err(ApiError::new(ErrorKind::Unavailable, "alerting is busy; try again")
                    .retry_after(Duration::from_secs(1)));
            }
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(closed()),
        }
        let not_durable = "the state of alerting cannot be written to disk: it is in force, and lost if the server ends now";
        match told.await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                Err(ApiError::new(ErrorKind::Unavailable, not_durable).retry_after(Duration::from_secs(5)))
            }
            Err(_) => Err(closed()),
        }
    }

    /// The same from a thread that may block.
    pub fn change_blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Core, &mut Out, i64) -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = std::sync::mpsc::channel();
        let job: Job = Box::new(move |desk, _, now| {
            let answer = desk.act(|core, out| act(core, out, now));
            Box::new(move |_| {
                let _ = tell.send(answer);
            })
        });
        self.jobs.send(job).ok()?;
        told.recv().ok()
    }

    /// Tries a way with a message that says it is a test.
    pub async fn trial(&self, delivery: Delivery) -> Result<(), String> {
        send::once(&self.shared, &delivery).await
    }

    /// The last decisions that are done, the newest first, and how many older ones of this run were forgotten.
    pub fn finished(&self, limit: usize) -> (Vec<Finished>, u64) {
        self.shared.journal.finished(limit)
    }

    /// Attempts so far of a decision that is not done.
    pub fn tried(&self, id: DeliveryId) -> Tried {
        self.shared.journal.tried(id)
    }

    /// Ends, after attempts under way. What is not done by then is sent again after the next start.
    pub async fn stop(&self) {
        self.shared.stop.send_replace(true);
        // Each delivery holds a permit until what became of it is told.
        let all = self.shared.deliveries.acquire_many(self.shared.deliveries_max);
        let _ = tokio::time::timeout(DRAIN, all).await;
        self.shared.end.store(true, Ordering::Relaxed);
        // A job wakes the thread, which then finds that it is to end.
        let _ = self.jobs.try_send(Box::new(|_, _, _| Box::new(|_| {})));
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// How long the state machine has not taken its turn.
    pub fn still_for(&self) -> Duration {
        let turned = Duration::from_millis(self.shared.turned_ms.load(Ordering::Relaxed));
        self.shared.begun.elapsed().saturating_sub(turned)
    }

    /// How long ago the oldest decision was made that is not carried out.
    pub fn oldest_open(&self, now_ms: i64) -> Option<Duration> {
        let decided_ms = self.shared.oldest_open_ms.load(Ordering::Relaxed);
        let age_ms = now_ms.saturating_sub(decided_ms).max(0);
        (decided_ms != i64::MAX).then(|| Duration::from_millis(age_ms.unsigned_abs()))
    }

    /// Its metrics.
    pub fn families(&self) -> Vec<Family> {
        let m = &self.shared.metrics;
        let oldest = self.oldest_open(self.shared.clock.now_ms()).unwrap_or_default();
        let counts = *m.counts.lock();
        use MetricKind::{Counter as C, Gauge as G};
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed) as f64;
        let mut out: Vec<Family> = [
            ("watchfire_alerting_alerts", "Alerts known.", G, load(&m.alerts)),
            ("watchfire_alerting_groups", "Groups of alerts.", G, load(&m.groups)),
            ("watchfire_alerting_silences", "Silences, expired ones included.", G, load(&m.silences)),
            ("watchfire_alerting_deliveries_open", "Decisions to notify that are not done.", G, load(&m.open)),
            (
                "watchfire_alerting_delivery_oldest_seconds",
                "Age of the oldest decision to notify that is not done.",
                G,
                oldest.as_secs_f64(),
            ),
            (
                "watchfire_alerting_still_seconds",
                "Time since alerting last took its turn, which it does each second.",
                G,
                self.still_for().as_secs_f64(),
            ),
            ("watchfire_alerting_alerts_received_total", "Alerts taken, repetitions included.", C, counts.alerts_received as f64),
            ("watchfire_alerting_alerts_refused_total", "Alerts refused as wrong.", C, counts.alerts_refused as f64),
            ("watchfire_alerting_deliveries_total", "Decisions to notify.", C, counts.decided as f64),
            ("watchfire_alerting_deliveries_done_total", "Decisions to notify that were carried out.", C, counts.delivered as f64),
            ("watchfire_alerting_deliveries_failed_total", "Decisions to notify that were given up.", C, counts.failed as f64),
            (
                "watchfire_alerting_deliveries_uncertain_total",
                "Decisions to notify that were open at the start and are carried out again: the answer was lost.",
                C,
                counts.uncertain as f64,
            ),
            (
                "watchfire_alerting_not_durable_total",
                "Changes of state that could not be made durable at once.",
                C,
                m.not_durable.get() as f64,
            ),
            (
                "watchfire_incidents_not_durable_total",
                "Changes of incidents that could not be made durable at once.",
                C,
                m.incidents_not_durable.get() as f64,
            ),
        ]
        .into_iter()
        .map(|(name, help, kind, v)| Family::single(name, help, kind, v))
        .collect();
        let mut attempts = Family::labelled(
            "watchfire_alerting_attempts_total",
            "Attempts to deliver a message, by kind of receiver and outcome.",
            C,
        );
        for (kind, counts) in m.attempts.lock().iter() {
            for (outcome, count) in ["taken", "put_off", "refused"].into_iter().zip(counts) {
                attempts.push(&[("kind", kind), ("outcome", outcome)], *count as f64);
            }
        }
        out.push(attempts);
        out.extend(self.incidents(crate::incidents::families));
        out
    }
}

struct Worker {
    shared: Arc<Shared>,
    desk: Desk,
    jobs: SyncSender<Job>,
}

impl Worker {
    fn run(mut self, work: &Receiver<Job>) {
        let shared = Arc::clone(&self.shared);
        self.begin(&mut shared.incidents.write());
        loop {
            let now = self.shared.clock.now_ms();
            let next = self.desk.core().next_ms().min(shared.incidents.read().core().next_ms());
            let wait = next.saturating_sub(now).clamp(0, 1_000);
            if self.shared.end.load(Ordering::Relaxed) {
                return;
            }
            let first = work.recv_timeout(Duration::from_millis(wait.unsigned_abs()));
            let first = match first {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let now = self.shared.clock.now_ms();
            let mut then = Vec::new();
            let mut incidents = shared.incidents.write();
            for job in first.into_iter().chain(work.try_iter().take(TOGETHER_MAX)) {
                then.push(job(&mut self.desk, &mut incidents, now));
            }
            self.desk.act(|core, out| core.tick(now, out));
            let committed = self.commit(now);
            self.observe();
            self.follow(&mut incidents, &committed, now);
            let durable = self.desk.is_durable() && incidents.is_durable();
            drop(incidents);
            then.into_iter().for_each(|tell| tell(durable));
        }
    }

    /// Makes durable what was decided, and has it sent.
    fn commit(&mut self, now: i64) -> alerting::Committed {
        let committed = self.desk.commit(now);
        if let Some(error) = &committed.failure {
            self.shared.metrics.not_durable.add(1);
            tracing::error!(%error, "the state of alerting is not durable");
        }
        for delivery in &committed.sends {
            let (shared, jobs) = (Arc::clone(&self.shared), self.jobs.clone());
            self.shared.runtime.spawn(send::deliver(shared, jobs, Arc::clone(delivery)));
        }
        committed
    }

    fn observe(&self) {
        let (m, core) = (&self.shared.metrics, self.desk.core());
        let turned_ms = u64::try_from(self.shared.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.shared.turned_ms.store(turned_ms, Ordering::Relaxed);
        let oldest_ms = core.open().map(|d| d.decided_ms).min().unwrap_or(i64::MAX);
        self.shared.oldest_open_ms.store(oldest_ms, Ordering::Relaxed);
        m.open.store(core.open().count() as u64, Ordering::Relaxed);
        m.alerts.store(core.alerts().len() as u64, Ordering::Relaxed);
        m.groups.store(core.groups().len() as u64, Ordering::Relaxed);
        m.silences.store(core.silences().count() as u64, Ordering::Relaxed);
        *m.counts.lock() = core.counts();
    }
}

/// Tells the state machine what became of a delivery.
async fn done(jobs: SyncSender<Job>, id: DeliveryId, outcome: Outcome) {
    let job: Job = Box::new(move |desk, _, now| {
        desk.act(|core, out| core.done(now, id, outcome, out));
        Box::new(|_| {})
    });
    // The queue may be full; it must not be forgotten.
    let _ = tokio::task::spawn_blocking(move || jobs.send(job)).await;
}
