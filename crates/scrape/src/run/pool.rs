//! One job: its sources, its targets, and what changes between them.

use super::body::accept;
use super::round::{Memory, Rounds, Settings, Stop};
use super::scraper::Shared;
use super::status::{DroppedTarget, Targets};
use super::target::{NoTarget, Target, TargetKey, discovered, pairs};
use crate::config::{Discovery, Job};
use crate::discovery::{Found, Source, Surroundings, static_targets};
use crate::http::HttpClient;
use model::Labels;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a reload waits for new sources to report before targets they may hold are given up.
const SOURCES_WAIT: Duration = Duration::from_secs(10);
/// How often certificate files are looked at for changes, and loops for their health.
const CARE_INTERVAL: Duration = Duration::from_secs(30);

/// What others may see of a job.
#[derive(Default)]
pub(super) struct View {
    active: Vec<Arc<Target>>,
    dropped: Vec<DroppedTarget>,
    dropped_total: u64,
}

pub(super) enum Command {
    Reload(Arc<Job>),
    Stop(Stop),
}

/// A handle on a job's task.
pub(super) struct Pool {
    pub commands: mpsc::Sender<(Command, oneshot::Sender<()>)>,
    pub view: Arc<Mutex<View>>,
}

impl Pool {
    pub(super) fn start(job: Arc<Job>, shared: Arc<Shared>) -> Pool {
        let (commands, inbox) = mpsc::channel(4);
        let view = Arc::<Mutex<View>>::default();
        tokio::spawn(Running::new(job, shared, view.clone()).run(inbox));
        Pool { commands, view }
    }

    /// Gives a command and waits until it is carried out.
    pub(super) async fn command(&self, command: Command) {
        let (done, wait) = oneshot::channel();
        if self.commands.send((command, done)).await.is_ok() {
            // Fails only if the task ended, and then there is nothing left to wait for.
            let _ = wait.await;
        }
    }

    pub(super) fn show(&self, job: &str, external_host: Option<&str>, out: &mut Targets) {
        let view = self.view.lock();
        out.active_targets.extend(view.active.iter().map(|t| t.status(external_host)));
        out.dropped_targets.extend(view.dropped.iter().cloned());
        out.dropped_target_counts.insert(job.to_owned(), view.dropped_total);
    }
}

/// A source and what it found last; `None` until it has reported.
struct Slot {
    id: usize,
    discovery: Discovery,
    found: Option<Vec<Labels>>,
    /// Ends the source when dropped.
    _source: Option<Source>,
}

struct Loop {
    target: Arc<Target>,
    stop: oneshot::Sender<Stop>,
    task: JoinHandle<Memory>,
}

struct Running {
    job: Arc<Job>,
    shared: Arc<Shared>,
    view: Arc<Mutex<View>>,
    settings: watch::Sender<Arc<Settings>>,
    slots: Vec<Slot>,
    next_id: usize,
    found: (mpsc::Sender<Found>, mpsc::Receiver<Found>),
    loops: HashMap<TargetKey, Loop>,
    ending: Vec<JoinHandle<Memory>>,
    /// Until when targets that no source names are kept, because a source has not reported yet.
    patient_until: Option<Instant>,
}

impl Running {
    fn new(job: Arc<Job>, shared: Arc<Shared>, view: Arc<Mutex<View>>) -> Running {
        let settings = watch::Sender::new(Arc::new(settings(&job, &shared, None)));
        let mut running = Running {
            job,
            shared,
            view,
            settings,
            slots: Vec::new(),
            next_id: 0,
            found: mpsc::channel(16),
            loops: HashMap::new(),
            ending: Vec::new(),
            patient_until: None,
        };
        running.set_sources();
        running.sync();
        running
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<(Command, oneshot::Sender<()>)>) {
        let mut care = tokio::time::interval(CARE_INTERVAL);
        loop {
            let patience = self.patient_until;
            tokio::select! {
                command = inbox.recv() => match command {
                    Some((Command::Reload(job), done)) => {
                        self.reload(job);
                        let _ = done.send(());
                    }
                    Some((Command::Stop(reason), done)) => {
                        self.stop(reason).await;
                        let _ = done.send(());
                        return;
                    }
                    None => return self.stop(Stop::Shutdown).await,
                },
                Some(found) = self.found.1.recv() => {
                    self.take(found);
                    // Source that start together report together: one look at all is enough.
                    while let Ok(found) = self.found.1.try_recv() {
                        self.take(found);
                    }
                    self.sync();
                }
                () = patient(patience) => {
                    self.patient_until = None;
                    self.sync();
                }
                _ = care.tick() => {
                    self.renew_client();
                    self.revive();
                }
            }
        }
    }

    fn take(&mut self, found: Found) {
        // A source that was dropped meanwhile has no slot.
        if let Some(slot) = self.slots.iter_mut().find(|s| s.id == found.source) {
            slot.found = Some(found.targets);
        }
    }

    fn reload(&mut self, job: Arc<Job>) {
        if *self.job == *job {
            return;
        }
        self.job = job;
        self.settings.send_replace(Arc::new(settings(&self.job, &self.shared, None)));
        self.set_sources();
        self.sync();
    }

    /// Starts sources that are new, keeps those that are not, with what they found, and ends the others.
    fn set_sources(&mut self) {
        let mut old = std::mem::take(&mut self.slots);
        for discovery in &self.job.discovery {
            if let Some(at) = old.iter().position(|s| s.discovery == *discovery) {
                self.slots.push(old.swap_remove(at));
                continue;
            }
            let id = self.next_id;
            self.next_id += 1;
            let (found, source) = match discovery {
                Discovery::Static(groups) => (Some(static_targets(groups)), None),
                other => {
                    let around = &self.shared.surroundings;
                    (None, Some(Source::start(&self.job.name, id, other, around, &self.found.0)))
                }
            };
            self.slots.push(Slot { id, discovery: discovery.clone(), found, _source: source });
        }
        let waiting = self.slots.iter().any(|s| s.found.is_none()) && !self.loops.is_empty();
        self.patient_until = waiting.then(|| Instant::now() + SOURCES_WAIT);
    }

    /// Makes the loops those of the targets the sources name.
    fn sync(&mut self) {
        let (wanted, view) = self.wanted();
        if self.slots.iter().all(|s| s.found.is_some()) {
            self.patient_until = None;
        }
        let gone: Vec<TargetKey> = match self.patient_until {
            Some(_) => Vec::new(),
            None => self.loops.keys().filter(|k| !wanted.contains_key(*k)).cloned().collect(),
        };
        let fresh: Vec<Arc<Target>> =
            wanted.iter().filter(|(k, _)| !self.loops.contains_key(*k)).map(|(_, t)| t.clone()).collect();
        for (key, target) in &wanted {
            if let Some(running) = self.loops.get(key) {
                *running.target.discovered.lock() = target.discovered.lock().clone();
            }
        }
        let mut heirlooms = self.end(gone, &fresh);
        self.ending.retain(|task| !task.is_finished());
        self.limit_targets(wanted.len());
        for target in fresh {
            let memory = heirlooms.remove(&target.public);
            self.start(target, memory);
        }
        let mut active: Vec<Arc<Target>> = self.loops.values().map(|l| l.target.clone()).collect();
        active.sort_by(|a, b| (a.url.as_str(), &a.labels).cmp(&(b.url.as_str(), &b.labels)));
        *self.view.lock() = View { active, ..view };
    }

    /// The targets the sources name, and what becomes of the rest.
    fn wanted(&self) -> (BTreeMap<TargetKey, Arc<Target>>, View) {
        let mut wanted = BTreeMap::new();
        let mut view = View::default();
        let kept_max = match self.job.keep_dropped_targets {
            0 => self.shared.options.dropped_targets_max,
            own => usize::try_from(own).unwrap_or(usize::MAX).min(self.shared.options.dropped_targets_max),
        };
        for found in self.slots.iter().flat_map(|s| s.found.iter().flatten()) {
            let labels = discovered(&self.job, found);
            let reason = match Target::new(&self.job, labels.clone()) {
                Ok(target) => {
                    wanted.insert(target.key(), Arc::new(target));
                    continue;
                }
                Err(NoTarget::Dropped) => "dropped by relabel_configs".to_owned(),
                Err(NoTarget::Invalid(reason)) => {
                    tracing::warn!(job = self.job.name, target = %labels, reason, "not a target");
                    reason
                }
            };
            view.dropped_total += 1;
            if view.dropped.len() < kept_max {
                let scrape_pool = self.job.name.clone();
                view.dropped.push(DroppedTarget { discovered_labels: pairs(&labels), scrape_pool, reason });
            }
        }
        (wanted, view)
    }

    /// Ends loops. Where a new target has the public labels of an old one, it inherits the old one's memory
    /// instead of seeing its series end: the series go on.
    fn end(&mut self, gone: Vec<TargetKey>, fresh: &[Arc<Target>]) -> HashMap<Labels, JoinHandle<Memory>> {
        let mut heirlooms = HashMap::new();
        for key in gone {
            let Some(Loop { target, stop, task }) = self.loops.remove(&key) else { continue };
            let heir =
                fresh.iter().any(|t| t.public == target.public) && !heirlooms.contains_key(&target.public);
            // The loop ends only by this word, so it is there to hear it.
            let _ = stop.send(if heir { Stop::Replaced } else { Stop::Removed });
            if heir {
                heirlooms.insert(target.public.clone(), task);
            } else {
                self.ending.push(task);
            }
        }
        heirlooms
    }

    fn start(&mut self, target: Arc<Target>, memory: Option<JoinHandle<Memory>>) {
        let (stop, stopped) = oneshot::channel();
        let (shared, settings, of) = (self.shared.clone(), self.settings.subscribe(), target.clone());
        let task = tokio::spawn(async move {
            let memory = match memory {
                Some(before) => before.await.unwrap_or_default(),
                None => Memory::default(),
            };
            Rounds::new(of, shared, settings, memory).run(stopped).await
        });
        self.loops.insert(target.key(), Loop { target, stop, task });
    }

    fn limit_targets(&self, count: usize) {
        let limit = self.job.target_limit;
        let refused = (limit > 0 && count as u64 > limit)
            .then(|| format!("target_limit exceeded: the job has {count} targets, the limit is {limit}"));
        let now = self.settings.borrow().clone();
        if now.refused != refused {
            let (job, client, accept) = (now.job.clone(), now.client.clone(), now.accept.clone());
            self.settings.send_replace(Arc::new(Settings { job, client, accept, refused }));
        }
    }

    /// Builds the client anew when its certificates have changed, or when it could not be built before.
    fn renew_client(&self) {
        let now = self.settings.borrow().clone();
        if now.client.as_ref().map_or(true, |c| c.is_outdated()) {
            let new = settings(&self.job, &self.shared, now.refused.clone());
            self.settings.send_replace(Arc::new(new));
        }
    }

    /// Starts loops again that ended without being told to: a defect met in one target's answer must not leave
    /// the target unwatched.
    fn revive(&mut self) {
        let dead: Vec<TargetKey> =
            self.loops.iter().filter(|(_, l)| l.task.is_finished()).map(|(key, _)| key.clone()).collect();
        for key in dead {
            let Some(dead) = self.loops.remove(&key) else { continue };
            tracing::error!(
                job = self.job.name,
                url = dead.target.url.as_str(),
                "scraping broke down; starting anew"
            );
            self.start(dead.target, None);
        }
    }

    async fn stop(mut self, reason: Stop) {
        self.slots.clear();
        for (_, Loop { stop, task, .. }) in self.loops.drain() {
            let _ = stop.send(reason);
            self.ending.push(task);
        }
        for task in self.ending {
            let _ = task.await;
        }
        *self.view.lock() = View::default();
    }
}

async fn patient(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn settings(job: &Arc<Job>, shared: &Shared, refused: Option<String>) -> Settings {
    let client = HttpClient::new(&job.http, &shared.options.user_agent).map(Arc::new);
    if let Err(error) = &client {
        tracing::warn!(job = job.name, error, "no target of the job can be scraped");
    }
    Settings { job: job.clone(), client, accept: accept(job), refused }
}

/// Gathers what sources need to know.
pub(super) fn surroundings(options: &super::ScraperOptions) -> Surroundings {
    Surroundings {
        user_agent: options.user_agent.clone(),
        file_poll: options.file_poll,
        dns_servers: options.dns_servers.clone(),
        targets_max: options.targets_per_source_max,
    }
}
