//! The state machine: alerts, silences and the outcome of deliveries come in, decisions to notify go out.
//!
//! ```text
//!                 group_wait             decided, durable          told
//! alert ─► group ────────────► flush ────────────────────► delivery ─────► remembered, resolved alerts dropped
//!                                ▲                            │ not told
//!                                └──────── group_interval ◄───┘
//! ```
//!
//! Nothing here touches a disk, a socket or a clock. What must be durable comes out as records; whoever drives the
//! machine makes them durable before a delivery is sent.

use crate::alert::{Alert, Posted, Refusal};
use crate::config::Config;
use crate::delivery::{Delivery, DeliveryId, Outcome, Reason, Sent, SentKey, Way, reason};
use crate::inhibit::Inhibition;
use crate::labels::{Fingerprint, LabelSet, SharedLabels, shown};
use crate::record::{Record, RuleAlert, RuleState};
use crate::route::{Route, RouteId, Routes};
use crate::silence::{Silence, SilenceError};
use crate::state::State;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Most alerts at a time.
pub const ALERTS_MAX: usize = 2_000_000;
/// A delivery is given at least this long, milliseconds.
const DELIVERY_MS_MIN: i64 = 10_000;
/// How long it is known that a page was decided, and how long it is tried, milliseconds.
const PAGE_KEPT_MS: i64 = 30 * 86_400_000;
const PAGE_TRIED_MS: i64 = 300_000;
/// How often what is old is forgotten, milliseconds.
const FORGET_MS: i64 = 60_000;

/// Alerts with the same route and the same values of the labels it groups by.
#[derive(Debug)]
pub struct Group {
    /// The node of the tree.
    pub route: RouteId,
    /// What the alerts have in common.
    pub labels: SharedLabels,
    /// The key of the group, as messages carry it.
    pub key: String,
    /// The alerts.
    pub members: BTreeSet<Fingerprint>,
    /// The times because of which nobody was told at the last flush.
    pub muted_by: Vec<String>,
    next_ms: i64,
    flushed: bool,
    open: usize,
    failed: bool,
    told: Vec<(Fingerprint, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct GroupId(u64);

/// Numbers since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Alerts taken.
    pub alerts_received: u64,
    /// Alerts refused.
    pub alerts_refused: u64,
    /// Decisions to notify.
    pub decided: u64,
    /// Decisions done.
    pub delivered: u64,
    /// Decisions given up.
    pub failed: u64,
    /// Decisions found open at the start: whether they were told before is not known, and they are told again.
    pub uncertain: u64,
}

/// What a step gives: records to be made durable, and what is to be sent once they are.
#[derive(Debug, Default)]
pub struct Out {
    pub(crate) records: Vec<Record>,
    /// What says that something was decided: durable only after the decision, which a crash may leave out otherwise.
    pub(crate) known: Vec<Record>,
    pub(crate) sends: Vec<Arc<Delivery>>,
    pub(crate) happened: Vec<Happened>,
}

/// What others may want to know, in order.
#[derive(Debug, Clone)]
pub enum Happened {
    /// An alert is not as it was.
    Alert(Alert),
    /// What became of a decision to notify.
    Done(DeliveryId, Outcome),
}

/// A message about alerts beside all routes and groups, decided by somebody else.
#[derive(Debug, Clone)]
pub struct Paging {
    /// Names this decision: what is decided under it is not decided again.
    pub key: String,
    /// The key of the group, as messages carry it.
    pub group_key: String,
    /// What messages call the labels of the group.
    pub group_labels: LabelSet,
    /// The receiver.
    pub receiver: String,
    /// The alerts, one at least. If all are over, it is told to those who want to know ends.
    pub alerts: Vec<Alert>,
}

impl Out {
    /// Records so far.
    pub fn records(&self) -> usize {
        self.records.len() + self.known.len()
    }
}

/// Why nobody is told of an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suppression {
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Alerts.
    pub inhibited_by: Vec<Fingerprint>,
}

/// The state machine.
#[derive(Debug)]
pub struct Core {
    config: Arc<Config>,
    routes: Routes,
    inhibition: Inhibition,
    state: State,
    groups: BTreeMap<GroupId, Group>,
    ids: HashMap<(RouteId, SharedLabels), GroupId>,
    /// The groups of each alert.
    memberships: HashMap<Fingerprint, Vec<GroupId>>,
    due: BTreeSet<(i64, GroupId)>,
    next_group: u64,
    forgotten_ms: i64,
    /// Deliveries that were open at the start.
    uncertain: BTreeSet<DeliveryId>,
    counts: Counts,
}

impl Core {
    /// The machine with what was kept. Decisions that were open are to be sent again.
    pub(crate) fn recovered(config: Arc<Config>, mut state: State, now_ms: i64, out: &mut Out) -> Core {
        state.sent.retain(|_, s| s.expires_ms > now_ms);
        let grace = now_ms.saturating_add(config.resolve_timeout_ms());
        for alert in state.alerts.values_mut() {
            // Repetitions of a firing alert are not durable, so its end may have been put off without our knowing.
            if !alert.is_resolved(alert.updated_ms) {
                alert.ends_ms = alert.ends_ms.max(grace);
            }
        }
        let mut core = Core {
            routes: Routes::new(&config),
            inhibition: Inhibition::new(&config, state.alerts.iter()),
            config,
            state,
            groups: BTreeMap::new(),
            ids: HashMap::new(),
            memberships: HashMap::new(),
            due: BTreeSet::new(),
            next_group: 0,
            forgotten_ms: now_ms,
            uncertain: BTreeSet::new(),
            counts: Counts::default(),
        };
        core.regroup(now_ms, &HashMap::new());
        core.uncertain = core.state.open.keys().copied().collect();
        core.counts.uncertain = core.state.open.len() as u64;
        for delivery in core.state.open.values_mut() {
            let time = delivery.deadline_ms.saturating_sub(delivery.decided_ms).max(DELIVERY_MS_MIN);
            *delivery =
                Arc::new(Delivery { deadline_ms: now_ms.saturating_add(time), ..(**delivery).clone() });
        }
        out.sends.extend(core.state.open.values().cloned());
        core
    }

    /// The configuration in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The tree of routes.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Numbers since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// All alerts.
    pub fn alerts(&self) -> impl ExactSizeIterator<Item = (Fingerprint, &Alert)> {
        self.state.alerts.iter().map(|(id, a)| (*id, a))
    }

    /// The alert of this fingerprint.
    pub fn alert(&self, id: Fingerprint) -> Option<&Alert> {
        self.state.alerts.get(&id)
    }

    /// All groups.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values()
    }

    /// All silences.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.state.silences.iter()
    }

    /// The silence of this id.
    pub fn silence(&self, id: &str) -> Option<&Silence> {
        self.state.silences.get(id)
    }

    /// Decisions that are not done.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Delivery>> {
        self.state.open.values()
    }

    /// Alerts of rules as they were kept, by rule.
    pub fn rule_alerts(&self) -> &BTreeMap<String, BTreeMap<LabelSet, RuleAlert>> {
        &self.state.rules
    }

    /// Why nobody is told of an alert with these labels, if so.
    pub fn suppression(&self, labels: &LabelSet, now_ms: i64) -> Suppression {
        Suppression {
            silenced_by: self.state.silences.silencing(labels, now_ms).map(|s| s.id.clone()).collect(),
            inhibited_by: self.inhibition.inhibiting(labels, &self.state.alerts, now_ms),
        }
    }

    /// Takes alerts from a sender; each is taken or refused by itself.
    pub fn post(&mut self, now_ms: i64, posted: Vec<Posted>, out: &mut Out) -> Vec<Refusal> {
        let timeout = self.config.resolve_timeout_ms();
        let mut refused = Vec::new();
        for alert in posted {
            match alert.accept(now_ms, timeout) {
                Ok(alert) if self.is_full() && !self.state.alerts.contains_key(&alert.fingerprint()) => {
                    refused.push(Refusal::TooMany(ALERTS_MAX));
                }
                Ok(alert) => self.put(now_ms, alert, out),
                Err(refusal) => refused.push(refusal),
            }
        }
        self.counts.alerts_refused += refused.len() as u64;
        refused
    }

    /// Takes what the evaluation of a rule came to: what is to be kept of it, and alerts that fire or are over.
    pub fn rule(&mut self, now_ms: i64, state: RuleState, alerts: Vec<Alert>, out: &mut Out) {
        if !state.changed.is_empty() || !state.gone.is_empty() {
            self.state.apply(Record::Rule(state.clone()));
            out.records.push(Record::Rule(state));
        }
        for mut alert in alerts {
            // The turn at which it is told may be before the moment at which it was seen to end, between two turns. What
            // is over when it is told is over after a restart, too.
            if alert.ends_ms != i64::MAX {
                alert.updated_ms = alert.updated_ms.max(alert.ends_ms);
            }
            self.put(now_ms, alert, out);
        }
    }

    fn put(&mut self, now_ms: i64, alert: Alert, out: &mut Out) {
        let id = alert.fingerprint();
        let old = self.state.alerts.get(&id);
        if old.is_none()
            && ((alert.is_resolved(now_ms) && !self.was_told(id, &alert.labels))
                || self.state.alerts.len() >= ALERTS_MAX)
        {
            return;
        }
        self.counts.alerts_received += 1;
        let alert = match old {
            Some(old) => alert.after(old, now_ms),
            None => alert,
        };
        // A repetition of what is known is not worth a write: see `recovered`.
        let news = old.is_none_or(|old| {
            old.annotations != alert.annotations
                || old.starts_ms != alert.starts_ms
                || old.generator_url != alert.generator_url
                || old.is_resolved(now_ms) != alert.is_resolved(now_ms)
        });
        if news {
            out.records.push(Record::Alert(alert.clone()));
            out.happened.push(Happened::Alert(alert.clone()));
        }
        if old.is_none() {
            self.inhibition.add(id, &alert.labels);
        }
        self.state.alerts.insert(id, alert);
        if !self.memberships.contains_key(&id) {
            self.join(now_ms, id, &HashMap::new());
        }
    }

    fn is_full(&self) -> bool {
        self.state.alerts.len() >= ALERTS_MAX
    }

    /// Whether somebody was told that this alert fires.
    fn was_told(&self, id: Fingerprint, labels: &LabelSet) -> bool {
        self.routes.matching(labels).into_iter().any(|route| {
            let route = self.routes.get(route);
            let group = group_key(route, &route.group_labels(labels));
            self.state.sent_of(&group).any(|(_, sent)| sent.firing.contains(&id))
        })
    }

    /// Puts an alert into its groups.
    fn join(&mut self, now_ms: i64, id: Fingerprint, before: &HashMap<String, (i64, bool)>) {
        let Some(alert) = self.state.alerts.get(&id) else { return };
        let (labels, starts_ms, updated_ms) = (Arc::clone(&alert.labels), alert.starts_ms, alert.updated_ms);
        let mut groups = Vec::new();
        for route_id in self.routes.matching(&labels) {
            let route = self.routes.get(route_id);
            let group_labels = Arc::new(route.group_labels(&labels));
            let key = (route_id, Arc::clone(&group_labels));
            let group_id = match self.ids.get(&key) {
                Some(group_id) => *group_id,
                None => {
                    let group_id = GroupId(self.next_group);
                    self.next_group += 1;
                    let group = self.new_group(now_ms, route_id, group_labels, updated_ms, before);
                    self.due.insert((group.next_ms, group_id));
                    self.groups.insert(group_id, group);
                    self.ids.insert(key, group_id);
                    group_id
                }
            };
            let wait_ms = self.routes.get(route_id).group_wait_ms;
            if let Some(group) = self.groups.get_mut(&group_id) {
                group.members.insert(id);
                // An alert that began long ago has waited enough.
                if !group.flushed && starts_ms.saturating_add(wait_ms) < now_ms && group.next_ms > now_ms {
                    self.due.remove(&(group.next_ms, group_id));
                    group.next_ms = now_ms;
                    self.due.insert((now_ms, group_id));
                }
            }
            groups.push(group_id);
        }
        self.memberships.insert(id, groups);
    }

    fn new_group(
        &self,
        now_ms: i64,
        route_id: RouteId,
        labels: SharedLabels,
        updated_ms: i64,
        before: &HashMap<String, (i64, bool)>,
    ) -> Group {
        let route = self.routes.get(route_id);
        let key = group_key(route, &labels);
        let told = self.state.sent_of(&key).map(|(_, s)| s.at_ms).max();
        let (next_ms, flushed) = match (before.get(&key), told) {
            (Some(kept), _) => *kept,
            (None, Some(at_ms)) => {
                let interval = route.group_interval_ms;
                (at_ms.saturating_add(interval).clamp(now_ms, now_ms.saturating_add(interval)), true)
            }
            (None, None) => {
                let wait = route.group_wait_ms;
                (updated_ms.saturating_add(wait).clamp(now_ms, now_ms.saturating_add(wait)), false)
            }
        };
        let open = self.state.open.values().filter(|d| d.group_key == key).count();
        Group {
            route: route_id,
            labels,
            key,
            members: BTreeSet::new(),
            muted_by: Vec::new(),
            next_ms,
            flushed,
            open,
            failed: open > 0,
            told: Vec::new(),
        }
    }

    fn regroup(&mut self, now_ms: i64, before: &HashMap<String, (i64, bool)>) {
        self.groups.clear();
        self.ids.clear();
        self.memberships.clear();
        self.due.clear();
        let all: Vec<Fingerprint> = self.state.alerts.keys().copied().collect();
        for id in all {
            self.join(now_ms, id, before);
        }
    }

    /// Puts another configuration in force. Groups whose route has the same key go on.
    pub fn configure(&mut self, now_ms: i64, config: Arc<Config>) {
        let before = self.groups.values().map(|g| (g.key.clone(), (g.next_ms, g.flushed))).collect();
        self.routes = Routes::new(&config);
        self.inhibition = Inhibition::new(&config, self.state.alerts.iter());
        self.config = config;
        self.regroup(now_ms, &before);
    }

    /// When [`Core::tick`] has something to do next.
    pub fn next_ms(&self) -> i64 {
        let forget = self.forgotten_ms.saturating_add(FORGET_MS);
        self.due.first().map_or(forget, |(ms, _)| (*ms).min(forget))
    }

    /// Flushes the groups whose time has come.
    pub fn tick(&mut self, now_ms: i64, out: &mut Out) {
        while let Some((due_ms, id)) = self.due.first().copied().filter(|(ms, _)| *ms <= now_ms) {
            self.due.remove(&(due_ms, id));
            self.flush(id, now_ms, out);
        }
        if now_ms.saturating_sub(self.forgotten_ms) >= FORGET_MS || now_ms < self.forgotten_ms {
            self.forgotten_ms = now_ms;
            self.state.silences.forget(now_ms);
            self.state.sent.retain(|_, s| s.expires_ms > now_ms);
        }
    }

    fn flush(&mut self, id: GroupId, now_ms: i64, out: &mut Out) {
        let Some(mut group) = self.groups.remove(&id) else { return };
        let route = self.routes.get(group.route).clone();
        group.next_ms = now_ms.saturating_add(route.group_interval_ms.max(1));
        self.due.insert((group.next_ms, id));
        group.flushed = true;
        let alerts: Vec<Alert> =
            group.members.iter().filter_map(|m| self.state.alerts.get(m)).cloned().collect();
        group.told = alerts
            .iter()
            .filter(|a| a.is_resolved(now_ms))
            .map(|a| (a.fingerprint(), a.updated_ms))
            .collect();
        group.failed = false;
        group.muted_by = self.muted_by(&route, now_ms);
        let told: Vec<Alert> = match group.muted_by.is_empty() {
            true => alerts
                .into_iter()
                .filter(|a| self.suppression(&a.labels, now_ms) == Suppression::default())
                .collect(),
            false => Vec::new(),
        };
        if !told.is_empty() {
            self.decide(&mut group, &route, told, now_ms, out);
        }
        let settled = group.open == 0;
        self.groups.insert(id, group);
        if settled {
            self.settle(id, now_ms, out);
        }
    }

    /// The times because of which nobody is told.
    pub fn muted_by(&self, route: &Route, now_ms: i64) -> Vec<String> {
        let within = |name: &&String| self.config.times(name).is_some_and(|t| t.contains(now_ms));
        let mut names: Vec<String> = route.mute_times.iter().filter(within).cloned().collect();
        if !route.active_times.is_empty() && !route.active_times.iter().any(|n| within(&n)) {
            names.extend(route.active_times.iter().cloned());
        }
        names
    }

    fn decide(&mut self, group: &mut Group, route: &Route, alerts: Vec<Alert>, now_ms: i64, out: &mut Out) {
        let (resolved, firing): (Vec<Alert>, Vec<Alert>) =
            alerts.into_iter().partition(|a| a.is_resolved(now_ms));
        let ids = |list: &[Alert]| list.iter().map(Alert::fingerprint).collect::<BTreeSet<_>>();
        let (firing_ids, resolved_ids) = (ids(&firing), ids(&resolved));
        let ways = self.config.receiver(&route.receiver).map(|r| r.ways()).unwrap_or_default();
        for (kind, index, sends_resolved) in ways {
            let way = Way { receiver: route.receiver.clone(), kind: kind.to_owned(), index };
            if self.state.open.values().any(|d| d.group_key == group.key && d.way == way) {
                // What is being told comes first. What is over by now is not told with it: it waits for the next flush.
                group.failed = true;
                continue;
            }
            let key = SentKey { group: group.key.clone(), way };
            let last = self.state.sent.get(&key);
            let why =
                reason(last, &firing_ids, &resolved_ids, sends_resolved, now_ms, route.repeat_interval_ms);
            let Some(reason) = why else { continue };
            let expires_ms = now_ms.saturating_add(route.repeat_interval_ms.saturating_mul(2));
            if !sends_resolved && firing.is_empty() {
                let sent = Sent {
                    firing: BTreeSet::new(),
                    resolved: resolved_ids.clone(),
                    at_ms: now_ms,
                    expires_ms,
                };
                self.state.sent.insert(key.clone(), sent.clone());
                out.records.push(Record::Sent { key, sent });
                continue;
            }
            let mut told = firing.clone();
            if sends_resolved {
                told.extend(resolved.iter().cloned());
            }
            told.sort_by(|a, b| (a.starts_ms, &a.labels).cmp(&(b.starts_ms, &b.labels)));
            let deadline = now_ms.saturating_add(route.group_interval_ms.max(DELIVERY_MS_MIN));
            let delivery = Arc::new(Delivery {
                id: DeliveryId(self.state.next_delivery),
                way: key.way,
                group_key: group.key.clone(),
                group_labels: Arc::clone(&group.labels),
                route_labels: route.labels.clone(),
                reason,
                alerts: told,
                decided_ms: now_ms,
                deadline_ms: deadline,
                firing: firing_ids.clone(),
                resolved: resolved_ids.clone(),
                expires_ms,
            });
            self.state.next_delivery += 1;
            self.state.open.insert(delivery.id, Arc::clone(&delivery));
            self.counts.decided += 1;
            group.open += 1;
            out.records.push(Record::Decided((*delivery).clone()));
            out.sends.push(delivery);
        }
    }

    /// What became of a delivery. One that was open at the start and fails may have been taken before.
    pub fn done(&mut self, now_ms: i64, id: DeliveryId, outcome: Outcome, out: &mut Out) {
        let Some(delivery) = self.state.open.get(&id).cloned() else { return };
        let was_open = self.uncertain.remove(&id);
        let outcome = match outcome {
            Outcome::Failed if was_open => Outcome::Unknown,
            outcome => outcome,
        };
        match outcome {
            Outcome::Delivered => self.counts.delivered += 1,
            Outcome::Failed | Outcome::Unknown => self.counts.failed += 1,
        }
        self.state.apply(Record::Done { id, outcome });
        out.records.push(Record::Done { id, outcome });
        out.happened.push(Happened::Done(id, outcome));
        let found: Vec<GroupId> =
            self.groups.iter().filter(|(_, g)| g.key == delivery.group_key).map(|(id, _)| *id).collect();
        for group_id in found {
            let Some(group) = self.groups.get_mut(&group_id) else { continue };
            group.open = group.open.saturating_sub(1);
            group.failed |= outcome != Outcome::Delivered;
            if group.open == 0 {
                self.settle(group_id, now_ms, out);
            }
        }
    }

    /// Once all were told: alerts that are over leave the group.
    fn settle(&mut self, id: GroupId, now_ms: i64, out: &mut Out) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let told = std::mem::take(&mut group.told);
        if group.failed {
            return;
        }
        for (alert_id, updated_ms) in told {
            let same = |a: &&Alert| a.updated_ms == updated_ms && a.is_resolved(now_ms);
            if self.state.alerts.get(&alert_id).filter(same).is_none() {
                continue;
            }
            group.members.remove(&alert_id);
            let Some(of_alert) = self.memberships.get_mut(&alert_id) else { continue };
            of_alert.retain(|g| *g != id);
            if of_alert.is_empty() {
                self.memberships.remove(&alert_id);
                if let Some(alert) = self.state.alerts.remove(&alert_id) {
                    self.inhibition.remove(alert_id, &alert.labels);
                    out.records.push(Record::Dropped { alert: alert_id });
                }
            }
        }
        if group.members.is_empty() {
            self.due.remove(&(group.next_ms, id));
            self.ids.remove(&(group.route, Arc::clone(&group.labels)));
            self.groups.remove(&id);
        }
    }

    /// Makes or changes a silence; gives its id. `fresh` is the id of a new one.
    pub fn set_silence(
        &mut self,
        now_ms: i64,
        wanted: Silence,
        fresh: String,
        out: &mut Out,
    ) -> Result<String, SilenceError> {
        let puts = self.state.silences.set(wanted, fresh, now_ms)?;
        let id = puts.last().map(|s| s.id.clone()).unwrap_or_default();
        for silence in puts {
            out.records.push(Record::Silence((&silence).into()));
            self.state.silences.put(silence);
        }
        Ok(id)
    }

    /// Ends a silence.
    pub fn expire_silence(&mut self, now_ms: i64, id: &str, out: &mut Out) -> Result<(), SilenceError> {
        let silence = self.state.silences.expire(id, now_ms)?;
        out.records.push(Record::Silence((&silence).into()));
        self.state.silences.put(silence);
        Ok(())
    }

    /// Decides to tell a receiver, once for each key: gives the ways, and the numbers of the decisions that are new.
    pub fn page(&mut self, now_ms: i64, paging: &Paging, out: &mut Out) -> Vec<(Way, Option<DeliveryId>)> {
        let mut told = Vec::new();
        let ids = |over: bool| -> BTreeSet<Fingerprint> {
            let alerts = paging.alerts.iter().filter(|a| a.is_resolved(now_ms) == over);
            alerts.map(Alert::fingerprint).collect()
        };
        let (firing, resolved) = (ids(false), ids(true));
        let ways = self.config.receiver(&paging.receiver).map(|r| r.ways()).unwrap_or_default();
        for (kind, index, sends_resolved) in ways {
            if firing.is_empty() && !sends_resolved {
                continue;
            }
            let way = Way { receiver: paging.receiver.clone(), kind: kind.to_owned(), index };
            let key = SentKey { group: paging.key.clone(), way: way.clone() };
            if self.state.sent.contains_key(&key) {
                told.push((way, None));
                continue;
            }
            let expires_ms = now_ms.saturating_add(PAGE_KEPT_MS);
            let sent = Sent { at_ms: now_ms, expires_ms, ..Sent::default() };
            self.state.sent.insert(key.clone(), sent.clone());
            out.known.push(Record::Sent { key, sent });
            let delivery = Arc::new(Delivery {
                id: DeliveryId(self.state.next_delivery),
                way: way.clone(),
                group_key: paging.group_key.clone(),
                group_labels: Arc::new(paging.group_labels.clone()),
                route_labels: LabelSet::new(),
                reason: Reason::Escalation,
                alerts: paging.alerts.clone(),
                decided_ms: now_ms,
                deadline_ms: now_ms.saturating_add(PAGE_TRIED_MS),
                firing: firing.clone(),
                resolved: resolved.clone(),
                expires_ms,
            });
            self.state.next_delivery += 1;
            self.state.open.insert(delivery.id, Arc::clone(&delivery));
            self.counts.decided += 1;
            told.push((way, Some(delivery.id)));
            out.records.push(Record::Decided((*delivery).clone()));
            out.sends.push(delivery);
        }
        told
    }

    /// Ids of the alerts that these conditions are met by.
    pub fn preview(&self, matchers: &crate::Matchers, now_ms: i64) -> Vec<Fingerprint> {
        let alerts = self.state.alerts.iter().filter(|(_, a)| !a.is_resolved(now_ms));
        alerts.filter(|(_, a)| matchers.matches(&a.labels)).map(|(id, _)| *id).collect()
    }

    /// A message to see whether a way works. It is sent once and not remembered.
    pub fn trial(&self, now_ms: i64, way: Way) -> Delivery {
        let labels: LabelSet = [("alertname", "WatchfireTest"), ("severity", "none")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into();
        let annotations = [("summary".to_owned(), "A test: nothing is wrong.".to_owned())].into();
        let labels = Arc::new(labels);
        let alert = Alert {
            labels: Arc::clone(&labels),
            annotations: Arc::new(annotations),
            starts_ms: now_ms,
            ends_ms: i64::MAX,
            generator_url: "".into(),
            updated_ms: now_ms,
            timeout: false,
        };
        Delivery {
            id: DeliveryId(u64::MAX),
            way,
            group_key: format!("{{}}:{}", shown(&labels)),
            group_labels: labels,
            route_labels: LabelSet::new(),
            reason: Reason::Test,
            firing: [alert.fingerprint()].into(),
            alerts: vec![alert],
            decided_ms: now_ms,
            deadline_ms: now_ms.saturating_add(DELIVERY_MS_MIN),
            resolved: BTreeSet::new(),
            expires_ms: now_ms,
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<Record> {
        self.state.records()
    }

    /// The receivers of an alert, in order of the tree.
    pub fn receivers_of(&self, labels: &LabelSet) -> Vec<&str> {
        self.routes.matching(labels).into_iter().map(|id| self.routes.get(id).receiver.as_str()).collect()
    }
}

/// The key of a group, as messages carry it.
fn group_key(route: &Route, labels: &LabelSet) -> String {
    format!("{}:{}", route.key, shown(labels))
}
