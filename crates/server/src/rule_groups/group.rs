//! One group: when it is evaluated, and what becomes of its alerts.

use super::records::{self, Records};
use super::sink::{GroupStore, Writing};
use super::{Context, GroupView, LoadedGroup, RuleSettings};
use alerting::{Core, LabelSet, Out, RuleAlert, RuleState};
use model::{Labels, LabelsBuilder};
use parking_lot::Mutex;
use promql::{Control, Engine};
use rules::{Alert, Alerts, Language, Phase, RuleKind, RuleOutcome, RunningGroup};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What tells a group from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GroupKey {
    pub file: String,
    pub name: String,
}

/// The longest wait before the clock is looked at again: it may have been set.
const LOOK: Duration = Duration::from_secs(5);
/// Evaluations wait at most this long for a thread.
const QUEUE: Duration = Duration::from_secs(3600);

/// Between two looks at whether the server is open.
const OPENING: Duration = Duration::from_millis(20);

/// A group at work.
pub(super) struct Running {
    key: GroupKey,
    interval_ms: i64,
    /// What its rules are written in.
    pub language: Language,
    pub settings: Arc<RuleSettings>,
    /// Held from before an evaluation until what it came to is told.
    pub group: Mutex<RunningGroup>,
    /// The name under which what a rule remembers is kept, by place.
    keys: Vec<String>,
    view: Mutex<Arc<GroupView>>,
    /// When an alert changes if nothing else does, Unix milliseconds.
    due_ms: AtomicI64,
}

type Kept = BTreeMap<String, BTreeMap<LabelSet, RuleAlert>>;

impl Running {
    pub fn new(
        loaded: LoadedGroup,
        settings: Arc<RuleSettings>,
        (old, kept, gone): (Option<Arc<Running>>, &Kept, &mut Vec<Labels>),
    ) -> Running {
        let key = GroupKey { file: loaded.file, name: loaded.group.name.clone() };
        let mut group = RunningGroup::new(loaded.group, loaded.query_offset_ms);
        let keys = rule_keys(&key, &group);
        match &old {
            Some(old) => gone.extend(group.take_over(old.group.lock().clone())),
            None => {
                for (i, rule) in keys.iter().enumerate() {
                    if let Some(alerts) = kept.get(rule) {
                        group.restore(i, Alerts::restored(alerts.values().filter_map(restored)));
                    }
                }
            }
        }
        let view = GroupView::new(&key.file, &group, loaded.interval_ms, settings.since_ms);
        let view = Mutex::new(Arc::new(match &old {
            Some(old) => view.after(&old.view()),
            None => view,
        }));
        let running = Running {
            key,
            interval_ms: loaded.interval_ms.max(1),
            language: group.language,
            settings,
            due_ms: AtomicI64::new(i64::MAX),
            group: Mutex::new(group),
            keys,
            view,
        };
        running.set_due(&running.group.lock());
        running
    }

    /// When an alert changes if nothing else does.
    pub fn due_ms(&self) -> i64 {
        self.due_ms.load(Ordering::Relaxed)
    }

    /// Notes when an alert changes if nothing else does.
    pub fn set_due(&self, group: &RunningGroup) {
        let due_ms = (0..group.rules().len()).filter_map(|i| group.due_ms(i)).min();
        self.due_ms.store(due_ms.unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Shows readers what an evaluation of one rule came to.
    pub fn show(
        &self,
        i: usize,
        rule: &rules::RunningRule,
        outcome: &RuleOutcome,
        at_ms: i64,
        took: Duration,
    ) {
        let mut view = GroupView::clone(&self.view());
        // What is written to a series that it reads wakes a rule.
        view.rules[i].show(rule, outcome, at_ms, took, true);
        *self.view.lock() = Arc::new(view);
    }

    pub fn view(&self) -> Arc<GroupView> {
        Arc::clone(&self.view.lock())
    }

    fn missed(&self, evaluations: u64, now_ms: i64) {
        let mut view = self.view.lock();
        let mut next = GroupView::clone(&view);
        next.missed += evaluations;
        next.missed_ms = Some(now_ms);
        *view = Arc::new(next);
    }

    fn slow(&self) {
        let mut view = self.view.lock();
        let mut next = GroupView::clone(&view);
        next.slow += 1;
        *view = Arc::new(next);
    }

    pub fn rule_keys(&self) -> impl Iterator<Item = String> + '_ {
        self.keys.iter().cloned()
    }

    /// The series that its rules gave last.
    pub fn given(&self) -> Vec<Labels> {
        self.group.lock().given().cloned().collect()
    }

    /// The first instant of its grid after `now_ms`. Groups are spread over their interval, each at a place of its own.
    fn next_ms(&self, now_ms: i64) -> i64 {
        let bytes = self.key.file.bytes().chain([0]).chain(self.key.name.bytes());
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        let offset = (hash % self.interval_ms.unsigned_abs()) as i64;
        let since = now_ms.saturating_sub(offset).rem_euclid(self.interval_ms);
        now_ms.saturating_add(self.interval_ms - since)
    }
}

/// File, group, name and labels, and for rules that have all of it in common their number.
fn rule_keys(key: &GroupKey, group: &RunningGroup) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name =
        |r: &rules::RunningRule| format!("{};{};{};{:?}", key.file, key.name, r.rule.name, r.rule.labels);
    let mut numbered = |name: String| {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name};{count}") }
    };
    group.rules().iter().map(|r| numbered(name(r))).collect()
}

/// Evaluates a group on its interval until `stop` turns true.
pub(super) async fn run(context: Arc<Context>, running: Arc<Running>, mut stop: watch::Receiver<bool>) {
    let mut at_ms = running.next_ms(context.clock.now_ms());
    loop {
        let wait = at_ms.saturating_sub(context.clock.now_ms());
        if wait > 0 {
            let wait = Duration::from_millis(wait.unsigned_abs()).min(LOOK);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|s| *s) => return,
            }
            // A clock that was set back makes the grid begin anew.
            at_ms = at_ms.min(running.next_ms(context.clock.now_ms()));
            continue;
        }
        if running.language != Language::PromQl && !context.is_open() {
            // The stores of logs and spans are there a moment after those of rules.
            tokio::select! {
                () = tokio::time::sleep(OPENING) => continue,
                _ = stop.wait_for(|s| *s) => return,
            }
        }
        let begun = Instant::now();
        let (c, r, s) = (Arc::clone(&context), Arc::clone(&running), stop.clone());
        let work = move || {
            evaluate(&c, &r, at_ms, s);
            Ok(())
        };
        // Those that wait for the lanes of queries do so without keeping others from a thread.
        let pool = match running.language {
            Language::PromQl => &context.pool,
            Language::LogQl | Language::TraceQl => &context.records_pool,
        };
        if let Err(e) = pool.run(QUEUE, work).await {
            tracing::error!(
                group = running.key.name,
                error = e.message,
                "a group of rules was not evaluated"
            );
        }
        if begun.elapsed().as_millis() > u128::from(running.interval_ms.unsigned_abs()) {
            context.metrics.slow.add(1);
            running.slow();
        }
        if *stop.borrow() {
            return;
        }
        let next_ms = running.next_ms(context.clock.now_ms());
        let due_ms = at_ms.saturating_add(running.interval_ms);
        // One that is only late is made up for; those before it are left out.
        let missed = next_ms.saturating_sub(due_ms) / running.interval_ms - 1;
        match missed {
            0 => at_ms = due_ms,
            1.. => {
                context.metrics.missed.add(missed.unsigned_abs());
                running.missed(missed.unsigned_abs(), context.clock.now_ms());
                at_ms = next_ms.saturating_sub(running.interval_ms);
            }
            _ => at_ms = next_ms,
        }
    }
}

/// Evaluates a group at an instant, on a thread that may block.
fn evaluate(context: &Context, running: &Running, at_ms: i64, stop: watch::Receiver<bool>) {
    let begun = Instant::now();
    let settings = &running.settings;
    let engine = Engine::new(settings.engine.clone());
    let store = GroupStore::new(&context.db, &engine, &context.runtime);
    let mut group = running.group.lock();
    let store = store.with_records(Records {
        app: &context.app,
        runtime: &context.runtime,
        tenant: records::tenant(group.tenant.as_deref()),
        timeout: settings.timeout,
        stop: stop.clone(),
    });
    let mut view = GroupView::clone(&running.view());
    let mut told: Vec<(RuleState, Vec<alerting::Alert>)> = Vec::new();
    for (i, shown) in view.rules.iter_mut().enumerate() {
        let rule_begun = Instant::now();
        store.begin(
            Control::new().with_timeout(rule_begun, settings.timeout).with_pool(Arc::clone(&context.memory)),
        );
        let outcome = group.evaluate_rule(i, at_ms, &settings.surroundings, &store, &mut Writing(&store));
        if outcome.error.is_some() && *stop.borrow() {
            // It was not the expression that failed: nobody waits for it any more.
            break;
        }
        told.extend(consequences(running, i, &group, &outcome, at_ms, Told::Active));
        count(context, running, &shown.rule.name, &outcome);
        shown.show(&group.rules()[i], &outcome, at_ms, rule_begun.elapsed(), store.matched());
    }
    running.set_due(&group);
    if let Err(e) = store.flush() {
        context.metrics.failures.add(1);
        tracing::warn!(group = running.key.name, error = %e, "what a group of rules gave was not stored");
        if let Some(last) = view.rules.last_mut() {
            last.error.get_or_insert(e.to_string());
        }
    }
    view.last_ms = Some(at_ms);
    view.took = begun.elapsed();
    context.metrics.iterations.add(1);
    *context.last_done.lock() = Instant::now();
    context.metrics.durations.observe(view.took);
    *running.view.lock() = Arc::new(view);
    context.tell(told);
    drop(group);
}

impl Context {
    /// Whether there is something to ask of logs and spans.
    fn is_open(&self) -> bool {
        self.app.upgrade().is_some_and(|app| app.ready().is_ok())
    }

    /// Tells what evaluations came to.
    pub fn tell(&self, told: Vec<(RuleState, Vec<alerting::Alert>)>) {
        if told.is_empty() {
            return;
        }
        told.iter().flat_map(|(_, alerts)| alerts).for_each(|alert| self.outlet.alert(alert));
        // While the server ends there is nobody left to be told; the next start goes on from what is kept.
        let _ = self.office.change_blocking(move |core, out, now| {
            for (state, alerts) in told {
                core.rule(now, state, alerts, out);
            }
        });
    }
}

pub(super) fn count(context: &Context, running: &Running, rule: &str, outcome: &RuleOutcome) {
    let m = &context.metrics;
    m.evaluations.add(1);
    m.samples.add(outcome.samples as u64);
    m.transitions.add(outcome.transitions.len() as u64);
    if let Some(error) = &outcome.error {
        m.failures.add(1);
        tracing::warn!(group = running.key.name, rule, %error, "a rule could not be evaluated");
    }
}

/// Which alerts are told after an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// All that fire: whoever is told counts on hearing of them again.
    Active,
    /// Those that changed.
    Changed,
}

/// What is to be kept of a rule after an evaluation, and what is to be told.
pub(super) fn consequences(
    running: &Running,
    i: usize,
    group: &RunningGroup,
    outcome: &RuleOutcome,
    at_ms: i64,
    which: Told,
) -> Option<(RuleState, Vec<alerting::Alert>)> {
    let rule = &group.rules()[i];
    if rule.rule.kind != RuleKind::Alert {
        return None;
    }
    let mut state = RuleState { rule: running.keys[i].clone(), changed: Vec::new(), gone: Vec::new() };
    let mut alerts = Vec::new();
    let tell =
        |alert: &Alert, since_ms, ends_ms| outgoing(&running.settings, rule, alert, since_ms, ends_ms, at_ms);
    for t in &outcome.transitions {
        let alert = rule.alerts.get(&t.labels);
        match alert {
            Some(alert) => state.changed.push(kept(alert)),
            None => state.gone.push(set(&t.labels)),
        }
        match (alert, fired_since(t.from), t.to) {
            (Some(alert), Some(since_ms), Some(Phase::Resolved { at_ms })) => {
                alerts.extend(tell(alert, since_ms, at_ms));
            }
            (Some(alert), _, to) if which == Told::Changed => {
                alerts.extend(fired_since(to).and_then(|since_ms| tell(alert, since_ms, i64::MAX)));
            }
            _ => {}
        }
    }
    if which == Told::Active {
        let firing = rule.alerts.iter().filter_map(|a| Some((a, fired_since(Some(a.phase))?)));
        alerts.extend(firing.filter_map(|(alert, since_ms)| tell(alert, since_ms, i64::MAX)));
    }
    (!alerts.is_empty() || !outcome.transitions.is_empty()).then_some((state, alerts))
}

fn fired_since(phase: Option<Phase>) -> Option<i64> {
    match phase {
        Some(Phase::Firing { since_ms } | Phase::Recovering { since_ms, .. }) => Some(since_ms),
        _ => None,
    }
}

/// The labels with which an alert is told; nothing if relabelling drops it.
pub(super) fn told_labels(settings: &RuleSettings, alert: &Alert) -> Option<LabelSet> {
    let mut builder: LabelsBuilder<'_> = alert.labels.to_builder();
    for (name, value) in &settings.surroundings.external_labels {
        if builder.get(name).is_empty() {
            builder.set(name.as_str(), value.as_str());
        }
    }
    if !settings.relabel.is_empty() && !settings.relabel.apply(&mut builder) {
        return None;
    }
    Some(builder.pairs().map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

/// Where people see what a rule's expression gives.
fn generator_url(external_url: &str, rule: &rules::Rule) -> String {
    let expr = percent_encoding::utf8_percent_encode(&rule.expr_text, percent_encoding::NON_ALPHANUMERIC);
    match rule.expr.language() {
        Language::PromQl => format!("{external_url}/graph?g0.expr={expr}&g0.tab=1"),
        Language::LogQl => format!("{external_url}/logs?q={expr}"),
        Language::TraceQl => format!("{external_url}/traces?q={expr}"),
    }
}

/// An alert as it is told; nothing if relabelling drops it.
fn outgoing(
    settings: &RuleSettings,
    rule: &rules::RunningRule,
    alert: &Alert,
    starts_ms: i64,
    ends_ms: i64,
    at_ms: i64,
) -> Option<alerting::Alert> {
    let labels = told_labels(settings, alert)?;
    Some(alerting::Alert {
        labels: Arc::new(labels),
        annotations: Arc::new(alert.annotations.iter().cloned().collect()),
        starts_ms,
        ends_ms,
        generator_url: generator_url(&settings.surroundings.external_url, &rule.rule).into(),
        updated_ms: at_ms,
        timeout: false,
    })
}

fn set(labels: &Labels) -> LabelSet {
    labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

fn kept(alert: &Alert) -> RuleAlert {
    let (phase, since_ms, ended_ms) = match alert.phase {
        Phase::Pending => ("pending", 0, 0),
        Phase::Firing { since_ms } => ("firing", since_ms, 0),
        Phase::Recovering { since_ms, ended_ms } => ("recovering", since_ms, ended_ms),
        Phase::Resolved { at_ms } => ("resolved", at_ms, 0),
    };
    RuleAlert {
        labels: set(&alert.labels),
        annotations: alert.annotations.iter().cloned().collect(),
        value: alert.value,
        active_ms: alert.active_at_ms,
        phase: phase.to_owned(),
        since_ms,
        ended_ms,
    }
}

/// The alert that was kept; nothing if it cannot have been ours.
fn restored(kept: &RuleAlert) -> Option<Alert> {
    let phase = match kept.phase.as_str() {
        "pending" => Phase::Pending,
        "firing" => Phase::Firing { since_ms: kept.since_ms },
        "recovering" => Phase::Recovering { since_ms: kept.since_ms, ended_ms: kept.ended_ms },
        "resolved" => Phase::Resolved { at_ms: kept.since_ms },
        _ => return None,
    };
    Some(Alert {
        phase,
        labels: Labels::from_pairs(&kept.labels).ok()?,
        annotations: kept.annotations.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
        value: kept.value,
        active_at_ms: kept.active_ms,
    })
}

/// Forgets a rule that is gone and resolves its alerts.
pub(super) fn forget(core: &mut Core, out: &mut Out, now_ms: i64, rule: String) {
    let Some(alerts) = core.rule_alerts().get(&rule).cloned() else { return };
    let firing: Vec<&RuleAlert> =
        alerts.values().filter(|a| matches!(a.phase.as_str(), "firing" | "recovering")).collect();
    // External labels may have been added to what was told: every alert with all of these labels is meant.
    let matching =
        |a: &alerting::Alert| firing.iter().any(|f| f.labels.iter().all(|(n, v)| a.labels.get(n) == Some(v)));
    let over: Vec<alerting::Alert> = core
        .alerts()
        .filter(|(_, a)| a.ends_ms == i64::MAX && matching(a))
        .map(|(_, a)| alerting::Alert { ends_ms: now_ms, updated_ms: now_ms, ..a.clone() })
        .collect();
    let state = RuleState { rule, changed: Vec::new(), gone: alerts.into_keys().collect() };
    core.rule(now_ms, state, over, out);
}
