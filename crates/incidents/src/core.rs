//! The state machine: alerts, what people do and the time come in; changes to be made durable and people to be told come out.
//!
//! Nothing here touches a disk, a socket or a clock. Whoever drives it makes what comes out durable before anybody is told.

use crate::escalate::PageRequest;
use crate::incident::{
    Entry, Head, Incident, IncidentId, Member, Notification, Reopening, Resolved, Status, What,
};
use crate::oncall::OnCall;
use crate::record::{Change, Record};
use crate::severity::Severity;
use crate::state::State;
use crate::{INCIDENTS_MAX, TITLE_BYTES_MAX};
use alerting::{Delivery, Fingerprint, LabelSet, Matchers, Outcome, SharedLabels};
use entities::EntityId;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Entities of one alert.
const ENTITIES_MAX: usize = 16;
/// Alerts that wait to be looked at again, and of these in one turn.
const WAITING_MAX: usize = 100_000;
const WAITING_TURN: usize = 500;
/// How often they are, milliseconds.
const WAITING_MS: i64 = 1_000;
/// How often it is looked whether alerts are still silenced, milliseconds.
const SILENT_MS: i64 = 5_000;
/// How often what is old is forgotten, milliseconds.
const FORGET_MS: i64 = 60_000;
/// Incidents in whose timelines one notification stands.
const NOTED_MAX: usize = 100;

/// What is configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Alerts that begin within so many milliseconds of each other may belong together.
    pub window_ms: i64,
    /// An incident is over once its alerts were for so many milliseconds.
    pub rest_ms: i64,
    /// What is over is forgotten after so many milliseconds.
    pub retention_ms: i64,
    /// No incident comes of alerts that one of these matches.
    pub leave_out: Vec<Matchers>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            window_ms: 600_000,
            rest_ms: 300_000,
            retention_ms: 400 * 86_400_000,
            leave_out: Vec::new(),
        }
    }
}

/// An alert as it is now. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its labels.
    pub labels: SharedLabels,
    /// Texts about it.
    pub annotations: Arc<LabelSet>,
    /// Where it comes from.
    pub generator_url: Arc<str>,
    /// Since when.
    pub starts_ms: i64,
    /// Until when; `i64::MAX` if only its sender can end it.
    pub ends_ms: i64,
}

impl From<&alerting::Alert> for Seen {
    fn from(a: &alerting::Alert) -> Seen {
        Seen {
            labels: Arc::clone(&a.labels),
            annotations: Arc::clone(&a.annotations),
            generator_url: Arc::clone(&a.generator_url),
            starts_ms: a.starts_ms,
            ends_ms: a.ends_ms,
        }
    }
}

/// What is known besides incidents.
pub trait Surroundings {
    /// What these labels are about, the most particular first.
    fn entities(&self, labels: &LabelSet) -> Vec<EntityId>;
    /// Entities one relation away within a time.
    fn neighbours(&self, id: &EntityId, from_ms: i64, to_ms: i64) -> Vec<EntityId>;
    /// The group of an alert.
    fn group(&self, labels: &LabelSet) -> String;
    /// Whether nobody is told of an alert.
    fn is_suppressed(&self, labels: &LabelSet) -> bool;
    /// The alert as it is now.
    fn alert(&self, id: Fingerprint) -> Option<Seen>;
}

/// Durations in buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Histogram {
    /// How many were not above each of [`Histogram::BOUNDS_S`], and above the one before; then those above all.
    pub buckets: [u64; 9],
    /// All together, seconds.
    pub sum_s: f64,
}

impl Histogram {
    /// Seconds.
    pub const BOUNDS_S: [f64; 8] = [30.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 14_400.0, 86_400.0];

    fn add(&mut self, ms: i64) {
        let seconds = ms.max(0) as f64 / 1000.0;
        self.buckets[Histogram::BOUNDS_S.partition_point(|b| *b < seconds)] += 1;
        self.sum_s += seconds;
    }
}

/// Numbers since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Incidents that came to be.
    pub opened: u64,
    /// Incidents that were resolved.
    pub resolved: u64,
    /// People who were to be told.
    pub pages: u64,
    /// Alerts that found no room.
    pub left_out: u64,
    /// From the beginning to somebody taking it on.
    pub acknowledge: Histogram,
    /// From the beginning to the end.
    pub resolve: Histogram,
}

/// What a step gives.
#[derive(Debug, Default)]
pub struct Out {
    step: Vec<Change>,
    pub(crate) records: Vec<Record>,
    pub(crate) pages: Vec<PageRequest>,
}

impl Out {
    /// What was changed until now belongs together.
    pub(crate) fn close(&mut self) {
        if !self.step.is_empty() {
            self.records.push(Record::Step(std::mem::take(&mut self.step)));
        }
    }

    /// Records so far.
    pub fn records(&self) -> usize {
        self.records.len()
    }
}

/// Members of open incidents by what they are about, in order of their beginning.
type Begun = BTreeSet<(i64, IncidentId, Fingerprint)>;

/// The state machine.
#[derive(Debug)]
pub struct Core {
    pub(crate) settings: Settings,
    pub(crate) oncall: Arc<OnCall>,
    pub(crate) state: State,
    due: BTreeSet<(i64, IncidentId)>,
    due_of: HashMap<IncidentId, i64>,
    pub(crate) by_entity: HashMap<EntityId, Begun>,
    pub(crate) by_group: HashMap<String, Begun>,
    /// Alerts that fire and are in no incident, as nobody is to be told of them or there is no room.
    waiting: VecDeque<Fingerprint>,
    waits: BTreeSet<Fingerprint>,
    /// Whether all incidents that there can be are open, as far as is known.
    pub(crate) full: bool,
    /// Until when no step is taken of incidents whose alerts are all silenced or inhibited.
    silent: HashMap<IncidentId, i64>,
    looked_ms: i64,
    forgotten_ms: i64,
    /// Entries by the decisions to notify whose outcome is not known.
    under_way: BTreeMap<u64, Vec<(IncidentId, u64)>>,
    pub(crate) counts: Counts,
}

impl Core {
    /// The machine with what was kept. Pages whose decisions may not have been made come out again.
    pub(crate) fn recovered(
        settings: Settings,
        oncall: Arc<OnCall>,
        state: State,
        now_ms: i64,
        out: &mut Out,
    ) -> Core {
        let mut core = Core {
            settings,
            oncall,
            state,
            due: BTreeSet::new(),
            due_of: HashMap::new(),
            by_entity: HashMap::new(),
            by_group: HashMap::new(),
            waiting: VecDeque::new(),
            waits: BTreeSet::new(),
            full: false,
            silent: HashMap::new(),
            looked_ms: now_ms,
            forgotten_ms: now_ms,
            under_way: BTreeMap::new(),
            counts: Counts::default(),
        };
        core.state.next = core.state.next.max(1);
        let ids: Vec<IncidentId> = core.state.incidents.keys().copied().collect();
        for id in ids {
            core.index(id, true);
            core.schedule(id);
            let Some(incident) = core.state.incidents.get(&id) else { continue };
            for entry in &incident.entries {
                for told in entry.what.notifications().iter().filter(|n| n.outcome.is_none()) {
                    if let Some(delivery) = told.delivery {
                        core.under_way.entry(delivery).or_default().push((id, entry.number));
                    }
                }
            }
            let open = |e: &&Entry| matches!(&e.what, What::Paged(page) if !page.asked);
            let unasked: Vec<u64> = incident.entries.iter().filter(open).map(|e| e.number).collect();
            out.pages.extend(unasked.into_iter().filter_map(|entry| core.request(id, entry)));
        }
        core
    }

    /// What is configured.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who is on call, and who is told when.
    pub fn oncall(&self) -> &Arc<OnCall> {
        &self.oncall
    }

    /// Puts another configuration in force.
    pub fn configure(&mut self, settings: Settings, oncall: Arc<OnCall>) {
        (self.settings, self.oncall) = (settings, oncall);
        let ids: Vec<IncidentId> = self.state.incidents.keys().copied().collect();
        ids.into_iter().for_each(|id| self.schedule(id));
    }

    /// Numbers since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// An incident.
    pub fn get(&self, id: IncidentId) -> Option<&Incident> {
        self.state.incidents.get(&id)
    }

    /// All incidents in order of number.
    pub fn incidents(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.state.incidents.values()
    }

    /// The incident that an alert is, or last was, in.
    pub fn place(&self, alert: Fingerprint) -> Option<IncidentId> {
        self.state.places.get(&alert).copied()
    }

    pub(crate) fn snapshot(&self) -> Vec<Record> {
        self.state.records()
    }

    pub(crate) fn change(&mut self, change: Change, out: &mut Out) {
        self.state.apply(change.clone());
        out.step.push(change);
    }

    pub(crate) fn set_head(&mut self, head: Head, out: &mut Out) {
        self.change(Change::Head(Box::new(head)), out);
    }

    pub(crate) fn note(
        &mut self,
        id: IncidentId,
        at_ms: i64,
        by: Option<&str>,
        what: What,
        out: &mut Out,
    ) -> u64 {
        let Some(incident) = self.state.incidents.get(&id) else { return 0 };
        let number = incident.head.next_entry;
        let entry = Entry { number, at_ms, by: by.map(str::to_owned), what };
        self.change(Change::Entry { incident: id, entry: Box::new(entry) }, out);
        number
    }

    /// Sets the head but for the number of the next entry, which entries set.
    pub(crate) fn update(
        &mut self,
        id: IncidentId,
        now_ms: i64,
        out: &mut Out,
        change: impl FnOnce(&mut Head),
    ) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let mut head = incident.head.clone();
        change(&mut head);
        head.updated_ms = head.updated_ms.max(now_ms);
        self.set_head(head, out);
    }

    fn keys_of(member: &Member) -> (&[EntityId], Option<&String>) {
        (&member.entities, member.group.as_ref())
    }

    fn index_member(&mut self, id: IncidentId, member: &Member, add: bool) {
        let key = (member.starts_ms, id, member.fingerprint);
        let (entities, group) = Core::keys_of(member);
        for entity in entities {
            let begun = self.by_entity.entry(entity.clone()).or_default();
            match add {
                true => drop(begun.insert(key)),
                false => drop(begun.remove(&key)),
            }
            if begun.is_empty() {
                self.by_entity.remove(entity);
            }
        }
        if let Some(group) = group {
            let begun = self.by_group.entry(group.clone()).or_default();
            match add {
                true => drop(begun.insert(key)),
                false => drop(begun.remove(&key)),
            }
            if begun.is_empty() {
                self.by_group.remove(group);
            }
        }
    }

    /// Makes an open incident known to alerts that look for one, or a resolved one unknown.
    pub(crate) fn index(&mut self, id: IncidentId, add: bool) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if add && !incident.is_open() {
            return;
        }
        let members: Vec<Member> = incident.members.values().cloned().collect();
        members.iter().for_each(|m| self.index_member(id, m, add));
    }

    pub(crate) fn put_member(&mut self, id: IncidentId, member: Member, out: &mut Out) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let open = incident.is_open();
        let before = incident.members.get(&member.fingerprint).filter(|_| open).cloned();
        if let Some(before) = before {
            self.index_member(id, &before, false);
        }
        if open {
            self.index_member(id, &member, true);
        }
        self.change(Change::Alert { incident: id, alert: Box::new(member) }, out);
    }

    pub(crate) fn take_member(
        &mut self,
        id: IncidentId,
        alert: Fingerprint,
        out: &mut Out,
    ) -> Option<Member> {
        let incident = self.state.incidents.get(&id)?;
        let member = incident.members.get(&alert)?.clone();
        if incident.is_open() {
            self.index_member(id, &member, false);
        }
        self.change(Change::AlertGone { incident: id, alert }, out);
        Some(member)
    }

    /// Says when an incident is to be looked at next.
    pub(crate) fn schedule(&mut self, id: IncidentId) {
        if let Some(before) = self.due_of.remove(&id) {
            self.due.remove(&(before, id));
        }
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let head = &incident.head;
        let mut next = incident.firing().map(|m| m.ends_ms).min().unwrap_or(i64::MAX);
        if head.status != Status::Resolved {
            if let Some(quiet_ms) = head.quiet_ms.filter(|_| !head.held) {
                next = next.min(quiet_ms.saturating_add(self.settings.rest_ms));
            }
            let step = head.escalation.as_ref().and_then(|e| e.next_ms);
            if let Some(step_ms) =
                step.filter(|_| head.status == Status::Triggered && head.quiet_ms.is_none())
            {
                next = next.min(step_ms.max(self.silent.get(&id).copied().unwrap_or(i64::MIN)));
            }
        }
        if next < i64::MAX {
            self.due.insert((next, id));
            self.due_of.insert(id, next);
        }
    }

    /// When [`Core::tick`] has something to do next.
    pub fn next_ms(&self) -> i64 {
        let mut next = self.forgotten_ms.saturating_add(FORGET_MS);
        if !self.waiting.is_empty() {
            next = next.min(self.looked_ms.saturating_add(WAITING_MS));
        }
        self.due.first().map_or(next, |(ms, _)| next.min(*ms))
    }

    /// Takes note of an alert as it is now.
    pub fn observe(&mut self, now_ms: i64, seen: &Seen, around: &dyn Surroundings, out: &mut Out) {
        let fingerprint = Fingerprint::of(&seen.labels);
        let over = seen.ends_ms <= now_ms;
        let place = self.place(fingerprint).and_then(|id| {
            let incident = self.get(id)?;
            Some((id, incident, incident.members.get(&fingerprint)?))
        });
        match place {
            Some((id, _, member)) if !member.ended && over => {
                self.end(id, fingerprint, seen.ends_ms, now_ms, out)
            }
            Some((id, _, member)) if !member.ended => {
                let mut member = member.clone();
                let told = member.annotations != seen.annotations;
                member.ends_ms = seen.ends_ms;
                member.annotations = Arc::clone(&seen.annotations);
                match told {
                    true => self.put_member(id, member, out),
                    // When it will end at the latest is not worth a write.
                    false => self.state.apply(Change::Alert { incident: id, alert: Box::new(member) }),
                }
                self.schedule(id);
            }
            _ if over => {}
            Some((id, incident, _)) if incident.is_open() => self.begin(id, now_ms, seen, around, out),
            Some((id, incident, _))
                if self.may_reopen(incident, now_ms) && !around.is_suppressed(&seen.labels) =>
            {
                self.reopen(id, now_ms, None, Reopening::Refire, out);
                self.begin(id, now_ms, seen, around, out);
            }
            _ => self.come(fingerprint, now_ms, seen, around, out),
        }
        out.close();
    }

    fn may_reopen(&self, incident: &Incident, now_ms: i64) -> bool {
        let at_ms = incident.head.resolved.as_ref().map_or(i64::MIN, |r| r.at_ms);
        incident.head.merged_into.is_none() && now_ms < at_ms.saturating_add(self.settings.rest_ms)
    }

    /// An alert that is in no incident begins to fire.
    fn come(
        &mut self,
        fingerprint: Fingerprint,
        now_ms: i64,
        seen: &Seen,
        around: &dyn Surroundings,
        out: &mut Out,
    ) {
        if self.settings.leave_out.iter().any(|m| m.matches(&seen.labels)) {
            return;
        }
        if around.is_suppressed(&seen.labels) {
            self.wait(fingerprint);
            return;
        }
        let mut entities = around.entities(&seen.labels);
        entities.truncate(ENTITIES_MAX);
        let group = entities.is_empty().then(|| around.group(&seen.labels));
        let found = self.choose(&entities, group.as_deref(), seen.starts_ms, around);
        let id = match found {
            Some(id) => id,
            None if !self.make_room(out) => {
                if self.wait(fingerprint) {
                    self.counts.left_out += 1;
                }
                return;
            }
            None => self.open(now_ms, seen, out),
        };
        self.begin(id, now_ms, seen, around, out);
    }

    /// Whether it did not wait before.
    fn wait(&mut self, alert: Fingerprint) -> bool {
        if self.waiting.len() >= WAITING_MAX || !self.waits.insert(alert) {
            return false;
        }
        self.waiting.push_back(alert);
        true
    }

    /// Whether there is room for another incident.
    fn make_room(&mut self, out: &mut Out) -> bool {
        if self.state.incidents.len() < INCIDENTS_MAX {
            return true;
        }
        let over =
            self.state.incidents.values().filter_map(|i| Some((i.head.resolved.as_ref()?.at_ms, i.id())));
        // While all are open, not each alert looks for one that is not.
        let oldest = if self.full { None } else { over.min() };
        let Some((_, oldest)) = oldest else {
            self.full = true;
            return false;
        };
        self.forget(oldest, out);
        true
    }

    fn forget(&mut self, id: IncidentId, out: &mut Out) {
        if let Some(before) = self.due_of.remove(&id) {
            self.due.remove(&(before, id));
        }
        self.full = false;
        self.change(Change::Forgotten { incident: id }, out);
    }

    fn open(&mut self, now_ms: i64, seen: &Seen, out: &mut Out) -> IncidentId {
        let label = |name: &str| seen.labels.get(name).map_or("", String::as_str);
        let summary = seen.annotations.get("summary").and_then(|s| s.lines().next()).unwrap_or("").trim();
        let title = if summary.is_empty() { label("alertname") } else { summary };
        let title = if title.is_empty() { alerting::shown(&seen.labels) } else { title.to_owned() };
        let severity = Severity::of_label(label("severity"));
        let id = self.create(now_ms, seen.starts_ms.min(now_ms), shortened(&title), severity, out);
        self.begin_escalation(id, now_ms, out);
        id
    }

    /// A new incident without alerts.
    pub(crate) fn create(
        &mut self,
        now_ms: i64,
        started_ms: i64,
        title: String,
        severity: Severity,
        out: &mut Out,
    ) -> IncidentId {
        let id = IncidentId(self.state.next);
        let head = Head {
            id,
            title: title.clone(),
            severity,
            status: Status::Triggered,
            started_ms,
            updated_ms: now_ms,
            acknowledged: None,
            quiet_ms: None,
            held: false,
            resolved: None,
            assigned: None,
            merged_into: None,
            escalation: None,
            next_entry: 1,
        };
        self.counts.opened += 1;
        self.set_head(head, out);
        self.note(id, started_ms, None, What::Opened { title, severity }, out);
        id
    }

    /// An alert begins to fire in an incident.
    fn begin(&mut self, id: IncidentId, now_ms: i64, seen: &Seen, around: &dyn Surroundings, out: &mut Out) {
        let fingerprint = Fingerprint::of(&seen.labels);
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let member = match incident.members.get(&fingerprint) {
            Some(before) => Member {
                annotations: Arc::clone(&seen.annotations),
                generator_url: Arc::clone(&seen.generator_url),
                starts_ms: if seen.starts_ms > before.ends_ms { seen.starts_ms.min(now_ms) } else { now_ms },
                ends_ms: seen.ends_ms,
                ended: false,
                times: before.times.saturating_add(1),
                ..before.clone()
            },
            None => {
                let mut entities = around.entities(&seen.labels);
                entities.truncate(ENTITIES_MAX);
                let starts_ms = seen.starts_ms.min(now_ms);
                Member {
                    fingerprint,
                    labels: Arc::clone(&seen.labels),
                    annotations: Arc::clone(&seen.annotations),
                    generator_url: Arc::clone(&seen.generator_url),
                    first_ms: starts_ms,
                    starts_ms,
                    ends_ms: seen.ends_ms,
                    ended: false,
                    times: 1,
                    group: entities.is_empty().then(|| around.group(&seen.labels)),
                    entities,
                }
            }
        };
        let (starts_ms, severity, named) = (member.starts_ms, member.severity(), member.named());
        self.put_member(id, member, out);
        self.waits.remove(&fingerprint);
        self.note(id, starts_ms, None, What::Firing { alert: named }, out);
        self.graver(id, now_ms, severity, out);
        self.update(id, now_ms, out, |head| {
            head.started_ms = head.started_ms.min(starts_ms);
            head.quiet_ms = None;
            head.held = false;
        });
        let waits_for_policy = |h: &Head| h.escalation.is_none() && h.status == Status::Triggered;
        if self.get(id).is_some_and(|i| waits_for_policy(&i.head)) {
            self.begin_escalation(id, now_ms, out);
        }
        self.schedule(id);
    }

    fn graver(&mut self, id: IncidentId, now_ms: i64, severity: Severity, out: &mut Out) {
        let Some(before) = self.get(id).map(|i| i.head.severity).filter(|s| *s < severity) else { return };
        self.update(id, now_ms, out, |head| head.severity = severity);
        self.note(id, now_ms, None, What::Severity { from: before, to: severity }, out);
    }

    /// An alert of an incident is over.
    fn end(&mut self, id: IncidentId, alert: Fingerprint, ends_ms: i64, now_ms: i64, out: &mut Out) {
        let Some(member) = self.get(id).and_then(|i| i.members.get(&alert)) else { return };
        let ends_ms = ends_ms.min(now_ms).max(member.starts_ms);
        let member = Member { ended: true, ends_ms, ..member.clone() };
        let named = member.named();
        self.put_member(id, member, out);
        self.note(id, ends_ms, None, What::Ended { alert: named }, out);
        self.fall_quiet(id, now_ms, out);
        self.schedule(id);
    }

    /// Takes note of it if no alert of an incident fires any more.
    pub(crate) fn fall_quiet(&mut self, id: IncidentId, now_ms: i64, out: &mut Out) {
        let Some(incident) = self.get(id) else { return };
        if !incident.is_quiet() || incident.head.quiet_ms.is_some() {
            return;
        }
        let quiet_ms = incident.members.values().map(|m| m.ends_ms).max().unwrap_or(now_ms).min(now_ms);
        self.update(id, now_ms, out, |head| head.quiet_ms = Some(quiet_ms));
        self.note(id, quiet_ms, None, What::Quiet, out);
    }

    /// An incident is open again.
    pub(crate) fn reopen(
        &mut self,
        id: IncidentId,
        now_ms: i64,
        by: Option<&str>,
        reason: Reopening,
        out: &mut Out,
    ) {
        let quiet = self.get(id).is_some_and(|i| i.firing().next().is_none());
        self.update(id, now_ms, out, |head| {
            head.status = Status::Triggered;
            head.resolved = None;
            head.acknowledged = None;
            head.quiet_ms = quiet.then_some(now_ms);
            head.held = by.is_some() && quiet;
        });
        self.note(id, now_ms, by, What::Reopened { reason }, out);
        self.index(id, true);
        self.begin_escalation(id, now_ms, out);
        self.schedule(id);
    }

    /// An incident is over.
    pub(crate) fn resolve(&mut self, id: IncidentId, now_ms: i64, by: Option<&str>, out: &mut Out) {
        let Some(incident) = self.get(id) else { return };
        let ended_ms = match incident.head.quiet_ms {
            Some(quiet_ms) if by.is_none() => quiet_ms,
            _ => now_ms,
        };
        let length_ms = ended_ms.saturating_sub(incident.head.started_ms);
        self.index(id, false);
        self.update(id, now_ms, out, |head| {
            head.status = Status::Resolved;
            head.resolved = Some(Resolved { at_ms: now_ms, ended_ms, by: by.map(str::to_owned) });
            head.quiet_ms = None;
            head.held = false;
            if let Some(escalation) = &mut head.escalation {
                escalation.next_ms = None;
            }
        });
        self.counts.resolved += 1;
        self.counts.resolve.add(length_ms);
        self.note(id, now_ms, by, What::Resolved, out);
        self.silent.remove(&id);
        self.full = false;
        self.page_end(id, now_ms, out);
        self.parts(id).into_iter().for_each(|part| self.page_end(part, now_ms, out));
        self.schedule(id);
    }

    /// Incidents that became a part of this one.
    pub(crate) fn parts(&self, id: IncidentId) -> Vec<IncidentId> {
        let of = |i: &&Incident| i.head.merged_into == Some(id);
        self.state.incidents.values().filter(of).map(Incident::id).collect()
    }

    pub(crate) fn count_acknowledged(&mut self, ms: i64) {
        self.counts.acknowledge.add(ms);
    }

    /// Does what is due.
    pub fn tick(&mut self, now_ms: i64, around: &dyn Surroundings, out: &mut Out) {
        while let Some((due_ms, id)) = self.due.first().copied().filter(|(ms, _)| *ms <= now_ms) {
            self.due.remove(&(due_ms, id));
            self.due_of.remove(&id);
            self.look_after(id, now_ms, around, out);
            out.close();
        }
        if now_ms.saturating_sub(self.looked_ms) >= WAITING_MS || now_ms < self.looked_ms {
            self.looked_ms = now_ms;
            self.look_again(now_ms, around, out);
        }
        if now_ms.saturating_sub(self.forgotten_ms) >= FORGET_MS || now_ms < self.forgotten_ms {
            self.forgotten_ms = now_ms;
            self.forget_old(now_ms, out);
        }
    }

    fn look_after(&mut self, id: IncidentId, now_ms: i64, around: &dyn Surroundings, out: &mut Out) {
        let Some(incident) = self.get(id) else { return };
        let ending: Vec<Fingerprint> =
            incident.firing().filter(|m| m.ends_ms <= now_ms).map(|m| m.fingerprint).collect();
        for alert in ending {
            let ends_ms = self.get(id).and_then(|i| i.members.get(&alert)).map_or(now_ms, |m| m.ends_ms);
            match around.alert(alert).filter(|seen| seen.ends_ms > now_ms) {
                // It was repeated meanwhile.
                Some(seen) => self.observe(now_ms, &seen, around, out),
                None => self.end(id, alert, ends_ms, now_ms, out),
            }
        }
        let Some(incident) = self.get(id).filter(|i| i.is_open()) else { return self.schedule(id) };
        let head = &incident.head;
        let rested = head.quiet_ms.is_some_and(|ms| ms.saturating_add(self.settings.rest_ms) <= now_ms);
        if rested && !head.held {
            self.resolve(id, now_ms, None, out);
        } else if head.status == Status::Triggered && head.quiet_ms.is_none() {
            // Of what is silenced meanwhile nobody is told.
            if incident.firing().all(|m| around.is_suppressed(&m.labels)) {
                self.silent.insert(id, now_ms.saturating_add(SILENT_MS));
            } else {
                self.silent.remove(&id);
                self.take_steps(id, now_ms, out);
            }
        } else {
            self.silent.remove(&id);
        }
        self.schedule(id);
    }

    /// Looks again at alerts that found no place.
    fn look_again(&mut self, now_ms: i64, around: &dyn Surroundings, out: &mut Out) {
        for _ in 0..self.waiting.len().min(WAITING_TURN) {
            let Some(alert) = self.waiting.pop_front() else { break };
            if !self.waits.contains(&alert) {
                continue;
            }
            match around.alert(alert).filter(|seen| seen.ends_ms > now_ms) {
                None => drop(self.waits.remove(&alert)),
                Some(seen) if around.is_suppressed(&seen.labels) => self.waiting.push_back(alert),
                Some(seen) => {
                    // It waits again if there is still no room.
                    let waited = self.counts.left_out;
                    self.waits.remove(&alert);
                    self.observe(now_ms, &seen, around, out);
                    self.counts.left_out = waited;
                }
            }
        }
    }

    fn forget_old(&mut self, now_ms: i64, out: &mut Out) {
        let before = now_ms.saturating_sub(self.settings.retention_ms);
        let is_old = |i: &&Incident| i.head.resolved.as_ref().is_some_and(|r| r.at_ms < before);
        let old: Vec<IncidentId> = self.state.incidents.values().filter(is_old).map(Incident::id).collect();
        old.into_iter().for_each(|id| self.forget(id, out));
        self.forget_overrides(now_ms, out);
        out.close();
    }

    /// After a start: brings what is known of alerts and of decisions to notify up to date.
    pub fn reconcile(&mut self, now_ms: i64, around: &dyn Surroundings, open: &BTreeSet<u64>, out: &mut Out) {
        let firing: Vec<(IncidentId, Fingerprint, i64)> = self
            .state
            .incidents
            .values()
            .flat_map(|i| i.firing().map(|m| (i.id(), m.fingerprint, m.ends_ms)))
            .collect();
        for (id, alert, ends_ms) in firing {
            match around.alert(alert).filter(|_| self.place(alert) == Some(id)) {
                Some(seen) => self.observe(now_ms, &seen, around, out),
                None => self.end(id, alert, ends_ms, now_ms, out),
            }
            out.close();
        }
        let lost: Vec<u64> = self.under_way.keys().filter(|d| !open.contains(d)).copied().collect();
        lost.into_iter().for_each(|delivery| self.told(now_ms, delivery, Outcome::Unknown, out));
    }

    /// A receiver is told of alerts.
    pub fn decided(&mut self, delivery: &Delivery, out: &mut Out) {
        if self.under_way.contains_key(&delivery.id.0) {
            return;
        }
        let mut of: BTreeMap<IncidentId, usize> = BTreeMap::new();
        for alert in &delivery.alerts {
            if let Some(id) = self.place(alert.fingerprint()) {
                *of.entry(id).or_default() += 1;
            }
        }
        for (id, alerts) in of.into_iter().take(NOTED_MAX) {
            let known = |e: &Entry| e.what.notifications().iter().any(|n| n.delivery == Some(delivery.id.0));
            if self.get(id).is_none_or(|i| i.entries.iter().rev().take(100).any(known)) {
                continue;
            }
            let notification = Notification {
                delivery: Some(delivery.id.0),
                receiver: delivery.way.receiver.clone(),
                way: delivery.way.kind.clone(),
                index: delivery.way.index,
                outcome: None,
                done_ms: None,
            };
            let what = What::Notified { notification, reason: delivery.reason, alerts };
            let entry = self.note(id, delivery.decided_ms, None, what, out);
            self.under_way.entry(delivery.id.0).or_default().push((id, entry));
            out.close();
        }
    }

    /// What became of a decision to notify.
    pub fn told(&mut self, now_ms: i64, delivery: u64, outcome: Outcome, out: &mut Out) {
        for (incident, entry) in self.under_way.remove(&delivery).unwrap_or_default() {
            self.change(Change::Told { incident, entry, delivery, outcome, at_ms: now_ms }, out);
        }
        out.close();
    }

    /// The decisions to notify of a page are made.
    pub fn asked(
        &mut self,
        incident: IncidentId,
        entry: u64,
        notifications: Vec<Notification>,
        out: &mut Out,
    ) {
        for delivery in notifications.iter().filter(|n| n.outcome.is_none()).filter_map(|n| n.delivery) {
            self.under_way.entry(delivery).or_default().push((incident, entry));
        }
        self.change(Change::Asked { incident, entry, notifications }, out);
        out.close();
    }
}

/// As much of a title as there may be.
pub(crate) fn shortened(title: &str) -> String {
    let mut end = title.len().min(TITLE_BYTES_MAX);
    while !title.is_char_boundary(end) {
        end -= 1;
    }
    title[..end].to_owned()
}
