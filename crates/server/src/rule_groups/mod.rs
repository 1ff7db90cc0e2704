//! Rules at work: each group is evaluated on its interval, on threads that queries do not use.

mod group;
mod load;
mod objectives;
mod problems;
pub(crate) mod records;
mod sink;
mod stream;
mod view;

pub use load::{LoadedGroup, RuleSet};
pub use objectives::{load as load_objectives, parse as parse_objectives, read as read_objectives};
pub use view::{AlertView, GroupView, RuleView};

use crate::events::Outlet;
use crate::notify::Office;
use crate::pool::Pool;
use crate::state::App;
use crate::telemetry::{Counter, Durations, Family};
use ::objectives::Objective;
use env::Clock;
use group::{GroupKey, Running};
use model::{Appendable, Labels, MetricKind, stale_nan};
use parking_lot::Mutex;
use promql::{EngineOptions, MemoryPool};
use rules::Surroundings;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use stream::Stream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tsdb::Db;

/// Groups that wait for a thread.
const QUEUE_MAX: usize = 1 << 20;

/// A group may be late by so much, besides two intervals, milliseconds.
const OVERDUE_MS: i64 = 60_000;

/// Whether rules are evaluated in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vigil {
    /// Groups that are not.
    pub overdue: usize,
    /// The first of them.
    pub first: Option<String>,
    /// Time since any group was evaluated, or since the server began to.
    pub idle_for: Duration,
}

/// What evaluation counts.
#[derive(Debug, Default)]
pub struct RuleMetrics {
    evaluations: Counter,
    failures: Counter,
    iterations: Counter,
    missed: Counter,
    slow: Counter,
    samples: Counter,
    transitions: Counter,
    durations: Durations,
    reactions: Counter,
    reaction_time: Durations,
}

/// What all groups need.
pub(crate) struct Context {
    db: Db,
    office: Arc<Office>,
    outlet: Outlet,
    clock: Arc<dyn Clock>,
    memory: Arc<MemoryPool>,
    pool: Pool,
    /// Threads of groups that wait for the lanes of queries: they hold a thread, and hardly a processor.
    records_pool: Pool,
    /// The server, whose lanes answer what is asked of logs and spans. It owns this.
    app: Weak<App>,
    runtime: Handle,
    metrics: RuleMetrics,
    /// When a group was last evaluated.
    last_done: Mutex<Instant>,
}

/// What holds until the next reload.
#[derive(Debug, Clone)]
pub struct RuleSettings {
    /// How queries are evaluated.
    pub engine: EngineOptions,
    /// The longest time for the query of a rule.
    pub timeout: Duration,
    /// What templates know.
    pub surroundings: Surroundings,
    /// What is done to the labels of alerts before anybody is told.
    pub relabel: Arc<scrape::relabel::Rules>,
    /// Whether alerting rules are evaluated when what they read is written to, too.
    pub streaming: bool,
    /// When these settings came into force, Unix milliseconds.
    pub since_ms: i64,
    /// How long a rule may find nothing to look at before that is shown.
    pub unmatched_after: Duration,
}

struct Task {
    running: Arc<Running>,
    stop: watch::Sender<bool>,
    done: JoinHandle<()>,
}

/// The groups at work.
pub struct RuleGroups {
    context: Arc<Context>,
    tasks: tokio::sync::Mutex<BTreeMap<GroupKey, Task>>,
    /// The groups in order of file and place, for readers.
    shown: Mutex<Vec<Arc<Running>>>,
    /// The objectives whose groups are among them.
    objectives: Mutex<Arc<[Objective]>>,
    /// Evaluates alerting rules when what they read is written to.
    stream: tokio::sync::Mutex<Option<Stream>>,
}

impl RuleGroups {
    /// No groups yet.
    pub fn new(
        db: Db,
        (office, outlet): (Arc<Office>, Outlet),
        clock: Arc<dyn Clock>,
        memory: Arc<MemoryPool>,
        concurrency: usize,
        app: Weak<App>,
    ) -> RuleGroups {
        let context = Context {
            db,
            office,
            outlet,
            clock,
            memory,
            pool: Pool::new(concurrency.max(1), QUEUE_MAX),
            records_pool: Pool::new(concurrency.max(1), QUEUE_MAX),
            app,
            runtime: Handle::current(),
            metrics: RuleMetrics::default(),
            last_done: Mutex::new(Instant::now()),
        };
        RuleGroups {
            context: Arc::new(context),
            tasks: tokio::sync::Mutex::default(),
            shown: Mutex::default(),
            objectives: Mutex::new(Arc::default()),
            stream: tokio::sync::Mutex::default(),
        }
    }

    /// Puts these groups in force. What rules remember goes over to rules of the same name and labels in a group of the
    /// same name and file; at the first call, what was kept over the restart.
    pub async fn apply(&self, set: RuleSet, settings: RuleSettings) {
        let settings = Arc::new(settings);
        let mut tasks = self.tasks.lock().await;
        let mut stream = self.stream.lock().await;
        if let Some(stream) = stream.take() {
            stream.stop().await;
        }
        let mut before = std::mem::take(&mut *tasks);
        for task in before.values() {
            task.stop.send_replace(true);
        }
        for task in before.values_mut() {
            // An evaluation under way is finished first, so that nothing is evaluated twice at a time.
            let _ = (&mut task.done).await;
        }
        let kept =
            self.context.office.change(|core, _, _| core.rule_alerts().clone()).await.unwrap_or_default();
        let mut gone: Vec<Labels> = Vec::new();
        let mut shown = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        for loaded in set.groups {
            let key = GroupKey { file: loaded.file.clone(), name: loaded.group.name.clone() };
            let old = before.remove(&key).map(|t| t.running);
            let running = Arc::new(Running::new(loaded, Arc::clone(&settings), (old, &kept, &mut gone)));
            known.extend(running.rule_keys());
            shown.push(Arc::clone(&running));
            let (stop, stopped) = watch::channel(false);
            let done = tokio::spawn(group::run(Arc::clone(&self.context), Arc::clone(&running), stopped));
            tasks.insert(key, Task { running, stop, done });
        }
        for task in before.into_values() {
            gone.extend(task.running.given());
        }
        if settings.streaming && !shown.is_empty() {
            match Stream::start(Arc::clone(&self.context), shown.clone()) {
                Ok(started) => *stream = Some(started),
                Err(e) => tracing::error!(error = %e, "rules wait for their turn: no thread can be started"),
            }
        }
        *self.shown.lock() = shown;
        *self.objectives.lock() = set.objectives.into();
        self.end(gone, kept.into_keys().filter(|rule| !known.contains(rule)).collect()).await;
    }

    /// Marks the end of series whose rules are gone, and resolves the alerts of such rules.
    async fn end(&self, series: Vec<Labels>, rules: Vec<String>) {
        let now = self.context.clock.now_ms();
        if !series.is_empty() {
            let mut appender = self.context.db.appender();
            for labels in &series {
                if let Ok(series) = appender.series(labels) {
                    let _ = appender.sample(series, now, stale_nan(), 0);
                }
            }
            if let Err(e) = appender.commit().await {
                tracing::warn!(error = %e, "the end of series of rules that are gone was not stored");
            }
        }
        for rule in rules {
            let done =
                self.context.office.change(move |core, out, now| group::forget(core, out, now, rule)).await;
            if let Err(e) = done {
                tracing::error!(error = e.message, "alerts of a rule that is gone were not resolved");
            }
        }
    }

    /// Ends all evaluation.
    pub async fn stop(&self) {
        if let Some(stream) = self.stream.lock().await.take() {
            stream.stop().await;
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock().await);
        for task in tasks.values() {
            task.stop.send_replace(true);
        }
        for task in tasks.values_mut() {
            let _ = (&mut task.done).await;
        }
    }

    /// The groups as they are.
    pub fn views(&self) -> Vec<Arc<GroupView>> {
        self.shown.lock().iter().map(|r| r.view()).collect()
    }

    /// The objectives that are in force.
    pub fn objectives(&self) -> Arc<[Objective]> {
        Arc::clone(&self.objectives.lock())
    }

    /// What tells an alert from others where people are told of it: with external labels, and relabelled. Nothing if
    /// relabelling drops it.
    pub fn fingerprint(&self, alert: &AlertView) -> Option<alerting::Fingerprint> {
        let settings = self.shown.lock().first().map(|r| Arc::clone(&r.settings))?;
        group::told_labels(&settings, alert).map(|labels| alerting::Fingerprint::of(&labels))
    }

    /// How long a rule may find nothing to look at before that is shown.
    pub fn unmatched_after(&self) -> Duration {
        self.shown.lock().first().map_or(Duration::MAX, |r| r.settings.unmatched_after)
    }

    /// Whether groups are evaluated in time. One is overdue when its last evaluation, or the start of its evaluation, is two
    /// intervals and a minute ago.
    pub fn vigil(&self, now_ms: i64) -> Vigil {
        let shown = self.shown.lock();
        let mut overdue = shown.iter().filter(|r| {
            let view = r.view();
            let allowed_ms = view.interval_ms.saturating_mul(2).saturating_add(OVERDUE_MS);
            now_ms.saturating_sub(view.last_ms.unwrap_or(0).max(r.settings.since_ms)) > allowed_ms
        });
        let first = overdue.next().map(|r| r.view().name.clone());
        let overdue = usize::from(first.is_some()) + overdue.count();
        Vigil { overdue, first, idle_for: self.context.last_done.lock().elapsed() }
    }

    /// Its metrics.
    pub fn families(&self, now_ms: i64) -> Vec<Family> {
        let vigil = self.vigil(now_ms);
        use MetricKind::{Counter as C, Gauge as G};
        let m = &self.context.metrics;
        let views = self.views();
        let rules: usize = views.iter().map(|g| g.rules.len()).sum();
        let failing = views.iter().flat_map(|g| &g.rules).filter(|r| r.error.is_some()).count();
        let firing: usize = views.iter().flat_map(|g| &g.rules).map(RuleView::firing).sum();
        let mut durations = Family::labelled(
            "watchfire_rule_group_duration_seconds",
            "Time an evaluation of a group of rules took.",
            MetricKind::Histogram,
        );
        durations.push_durations(("of", "group"), &m.durations);
        let mut reactions = Family::labelled(
            "watchfire_rule_reaction_duration_seconds",
            "Time an evaluation of a rule took because series were written to.",
            MetricKind::Histogram,
        );
        reactions.push_durations(("of", "rule"), &m.reaction_time);
        let mut out: Vec<Family> = [
            ("watchfire_rule_groups", "Groups of rules.", G, views.len() as f64),
            ("watchfire_rules", "Rules.", G, rules as f64),
            ("watchfire_rules_failing", "Rules whose last evaluation failed.", G, failing as f64),
            ("watchfire_rules_alerts_firing", "Alerts of rules that fire.", G, firing as f64),
            (
                "watchfire_rule_groups_overdue",
                "Groups of rules whose last evaluation is more than two intervals and a minute ago.",
                G,
                vigil.overdue as f64,
            ),
            (
                "watchfire_rule_groups_idle_seconds",
                "Time since any group of rules was evaluated.",
                G,
                vigil.idle_for.as_secs_f64(),
            ),
            (
                "watchfire_rule_groups_waiting",
                "Groups that wait for a thread.",
                G,
                self.context.pool.waiting() as f64,
            ),
            ("watchfire_rule_evaluations_total", "Evaluations of rules.", C, m.evaluations.get() as f64),
            (
                "watchfire_rule_failures_total",
                "Evaluations of rules that failed.",
                C,
                m.failures.get() as f64,
            ),
            (
                "watchfire_rule_group_iterations_total",
                "Evaluations of groups of rules.",
                C,
                m.iterations.get() as f64,
            ),
            (
                "watchfire_rule_group_missed_total",
                "Evaluations of groups that were left out because the one before took too long.",
                C,
                m.missed.get() as f64,
            ),
            (
                "watchfire_rule_group_slow_total",
                "Evaluations of groups that took longer than their interval.",
                C,
                m.slow.get() as f64,
            ),
            (
                "watchfire_rule_reactions_total",
                "Evaluations of rules because series were written to.",
                C,
                m.reactions.get() as f64,
            ),
            ("watchfire_rule_samples_total", "Samples given by rules.", C, m.samples.get() as f64),
            (
                "watchfire_rule_transitions_total",
                "Alerts that changed their state.",
                C,
                m.transitions.get() as f64,
            ),
        ]
        .into_iter()
        .map(|(name, help, kind, v)| Family::single(name, help, kind, v))
        .collect();
        out.extend([durations, reactions]);
        out.extend(problems::families(&views, self.context.clock.now_ms(), self.unmatched_after()));
        out
    }
}
