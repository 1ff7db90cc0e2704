//! What people do.

use crate::core::{Core, Out, shortened};
use crate::incident::{Head, IncidentId, Member, Reached, Reopening, Resolved, Status, What};
use crate::oncall::{Override, Step};
use crate::severity::Severity;
use crate::{ALERTS_MAX, BY_BYTES_MAX, INCIDENTS_MAX, NOTE_BYTES_MAX, TITLE_BYTES_MAX};
use alerting::Fingerprint;
use std::collections::BTreeSet;

/// Overrides that are kept.
const OVERRIDES_MAX: usize = 1_000;
/// The longest override, and how long one that is over is kept, milliseconds.
const OVERRIDE_MS_MAX: i64 = 400 * 86_400_000;
const OVERRIDE_KEPT_MS: i64 = 90 * 86_400_000;
/// Names of one request.
const NAMES_MAX: usize = 100;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// To take it on.
    Acknowledge,
    /// To give it back.
    Unacknowledge,
    /// It is over.
    Resolve,
    /// It is not over.
    Reopen,
    /// It is somebody's, or nobody's.
    Assign(Option<String>),
    /// To note something.
    Note(String),
    /// To call it otherwise.
    Title(String),
    /// The next step now; or these people, and those who are on call.
    Escalate {
        /// People by name.
        people: Vec<String>,
        /// Schedules by name.
        schedules: Vec<String>,
    },
    /// These are part of it.
    Merge(Vec<IncidentId>),
    /// These alerts are another incident.
    Split(Vec<Fingerprint>),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acted {
    /// The incident.
    pub id: IncidentId,
    /// What was split off.
    pub split: Option<IncidentId>,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// There is no such incident.
    #[error("there is no incident {0}")]
    NotFound(IncidentId),
    /// There is no such override.
    #[error("there is no override {0:?}")]
    NoOverride(String),
    /// It makes no sense.
    #[error("{0}")]
    Senseless(String),
}

fn senseless<T>(reason: impl Into<String>) -> Result<T, ActionError> {
    Err(ActionError::Senseless(reason.into()))
}

fn within(what: &str, text: &str, limit: usize) -> Result<(), ActionError> {
    match text.len() {
        n if n > limit => senseless(format!("{what} has {n} bytes, over the limit of {limit}: shorten it")),
        _ => Ok(()),
    }
}

impl Core {
    /// Does what somebody wants.
    pub fn act(
        &mut self,
        now_ms: i64,
        id: IncidentId,
        action: Action,
        by: &str,
        out: &mut Out,
    ) -> Result<Acted, ActionError> {
        within("by", by, BY_BYTES_MAX)?;
        let head = self.get(id).ok_or(ActionError::NotFound(id))?.head.clone();
        let mut split = None;
        match action {
            Action::Acknowledge => self.acknowledge(now_ms, &head, by, out)?,
            Action::Unacknowledge => self.unacknowledge(now_ms, &head, by, out)?,
            Action::Resolve if head.status == Status::Resolved => return senseless("it is resolved already"),
            Action::Resolve => self.resolve(id, now_ms, Some(by), out),
            Action::Reopen => self.reopened(now_ms, &head, by, out)?,
            Action::Assign(to) => {
                within("to", to.as_deref().unwrap_or(""), BY_BYTES_MAX)?;
                self.update(id, now_ms, out, |h| h.assigned.clone_from(&to));
                self.note(id, now_ms, Some(by), What::Assigned { to }, out);
            }
            Action::Note(text) if text.trim().is_empty() => return senseless("text is empty: say something"),
            Action::Note(text) => {
                within("text", &text, NOTE_BYTES_MAX)?;
                self.update(id, now_ms, out, |_| {});
                self.note(id, now_ms, Some(by), What::Note { text }, out);
            }
            Action::Title(text) if text.trim().is_empty() => {
                return senseless("text is empty: give it a title");
            }
            Action::Title(text) => {
                within("text", &text, TITLE_BYTES_MAX)?;
                self.update(id, now_ms, out, |h| h.title.clone_from(&text));
                self.note(id, now_ms, Some(by), What::Title { from: head.title, to: text }, out);
            }
            Action::Escalate { people, schedules } => {
                self.escalate(now_ms, &head, people, schedules, by, out)?
            }
            Action::Merge(others) => self.merge(now_ms, &head, &others, by, out)?,
            Action::Split(alerts) => split = Some(self.split(now_ms, &head, &alerts, by, out)?),
        }
        self.schedule(id);
        out.close();
        Ok(Acted { id, split })
    }

    fn acknowledge(&mut self, now_ms: i64, head: &Head, by: &str, out: &mut Out) -> Result<(), ActionError> {
        match head.status {
            Status::Resolved => senseless("it is resolved: reopen it first"),
            Status::Acknowledged => {
                let who = head.acknowledged.as_ref().map_or("", |(_, by)| by);
                senseless(format!(
                    "it is acknowledged already, by {who:?}: assign it, or unacknowledge it first"
                ))
            }
            Status::Triggered => {
                self.update(head.id, now_ms, out, |h| {
                    h.status = Status::Acknowledged;
                    h.acknowledged = Some((now_ms, by.to_owned()));
                });
                self.count_acknowledged(now_ms.saturating_sub(head.started_ms));
                self.note(head.id, now_ms, Some(by), What::Acknowledged, out);
                Ok(())
            }
        }
    }

    fn unacknowledge(
        &mut self,
        now_ms: i64,
        head: &Head,
        by: &str,
        out: &mut Out,
    ) -> Result<(), ActionError> {
        if head.status != Status::Acknowledged {
            return senseless(format!("it is {}, not acknowledged", head.status.text()));
        }
        self.update(head.id, now_ms, out, |h| {
            h.status = Status::Triggered;
            h.acknowledged = None;
        });
        self.note(head.id, now_ms, Some(by), What::Unacknowledged, out);
        self.begin_escalation(head.id, now_ms, out);
        Ok(())
    }

    fn reopened(&mut self, now_ms: i64, head: &Head, by: &str, out: &mut Out) -> Result<(), ActionError> {
        if let Some(other) = head.merged_into {
            return senseless(format!("it is a part of incident {other}: split its alerts off there"));
        }
        if head.status != Status::Resolved {
            return senseless(format!("it is {}, not resolved", head.status.text()));
        }
        self.reopen(head.id, now_ms, Some(by), Reopening::Person, out);
        Ok(())
    }

    fn escalate(
        &mut self,
        now_ms: i64,
        head: &Head,
        people: Vec<String>,
        schedules: Vec<String>,
        by: &str,
        out: &mut Out,
    ) -> Result<(), ActionError> {
        if head.status == Status::Resolved {
            return senseless("it is resolved: reopen it first");
        }
        if people.is_empty() && schedules.is_empty() {
            if self.get(head.id).is_some_and(|i| i.head.escalation.is_none()) {
                return senseless("no policy of on_call.policies matches it: name people or schedules");
            }
            if !self.take_step(head.id, now_ms, Some(by), out) {
                return senseless("all steps of its policy are taken: name people or schedules");
            }
            return Ok(());
        }
        if people.len() + schedules.len() > NAMES_MAX {
            return senseless(format!(
                "{} names, over the limit of {NAMES_MAX}",
                people.len() + schedules.len()
            ));
        }
        if let Some(name) = people.iter().find(|p| !self.oncall.people.contains_key(*p)) {
            return senseless(format!("on_call.people has nobody called {name:?}"));
        }
        if let Some(name) = schedules.iter().find(|s| !self.oncall.schedules.contains_key(*s)) {
            return senseless(format!("on_call.schedules has none called {name:?}"));
        }
        let step = Step { schedules: schedules.clone(), people, wait_ms: 0 };
        let people = self.reached(&step, now_ms);
        if people.is_empty() {
            return senseless(format!("nobody is on call in {}: name people", schedules.join(", ")));
        }
        let reached = Reached { policy: None, step: 0, round: 0, people: people.clone(), schedules };
        self.update(head.id, now_ms, out, |_| {});
        self.note(head.id, now_ms, Some(by), What::Escalated(reached), out);
        self.page(head.id, now_ms, &people, (0, 0), out);
        Ok(())
    }

    fn merge(
        &mut self,
        now_ms: i64,
        head: &Head,
        others: &[IncidentId],
        by: &str,
        out: &mut Out,
    ) -> Result<(), ActionError> {
        let others: BTreeSet<IncidentId> = others.iter().copied().collect();
        if head.status == Status::Resolved {
            return senseless("it is resolved: reopen it first, or merge it into the other one");
        }
        if others.is_empty() || others.contains(&head.id) {
            return senseless("incidents: name others that become part of this one");
        }
        let mut alerts = self.get(head.id).map_or(0, |i| i.members.len());
        for other in &others {
            let incident = self.get(*other).ok_or(ActionError::NotFound(*other))?;
            if let Some(into) = incident.head.merged_into {
                return senseless(format!("incident {other} is a part of incident {into} already"));
            }
            alerts += incident.members.len();
        }
        if alerts > ALERTS_MAX {
            return senseless(format!("together they have {alerts} alerts, over the limit of {ALERTS_MAX}"));
        }
        for other in others {
            self.take_in(now_ms, head.id, other, by, out);
        }
        let fires = self.get(head.id).is_some_and(|i| i.firing().next().is_some());
        if fires {
            self.update(head.id, now_ms, out, |h| (h.quiet_ms, h.held) = (None, false));
        }
        self.fall_quiet(head.id, now_ms, out);
        if self.is_triggered(head.id) && self.get(head.id).is_some_and(|i| i.head.escalation.is_none()) {
            self.begin_escalation(head.id, now_ms, out);
        }
        Ok(())
    }

    /// An incident becomes part of another.
    fn take_in(&mut self, now_ms: i64, id: IncidentId, other: IncidentId, by: &str, out: &mut Out) {
        let Some(incident) = self.get(other) else { return };
        let (before, was_open) = (incident.head.clone(), incident.is_open());
        let alerts: Vec<Fingerprint> = incident.members.keys().copied().collect();
        for alert in alerts {
            let Some(member) = self.take_member(other, alert, out) else { continue };
            let mine = self.get(id).and_then(|i| i.members.get(&alert)).cloned();
            let joined = match mine {
                None => member,
                Some(mine) => together(mine, member),
            };
            self.put_member(id, joined, out);
        }
        self.update(other, now_ms, out, |h| {
            h.status = Status::Resolved;
            h.merged_into = Some(id);
            h.quiet_ms = None;
            h.held = false;
            if was_open {
                h.resolved = Some(Resolved { at_ms: now_ms, ended_ms: now_ms, by: Some(by.to_owned()) });
            }
            if let Some(escalation) = &mut h.escalation {
                escalation.next_ms = None;
            }
        });
        self.note(other, now_ms, Some(by), What::MergedInto { incident: id }, out);
        self.full = false;
        // What was part of it is part of the other now.
        for part in self.parts(other) {
            self.update(part, now_ms, out, |h| h.merged_into = Some(id));
        }
        self.schedule(other);
        self.update(id, now_ms, out, |h| {
            h.started_ms = h.started_ms.min(before.started_ms);
        });
        self.note(id, now_ms, Some(by), What::Merged { incident: other }, out);
        self.weigh(id, now_ms, out);
    }

    /// Sets the severity to that of the gravest alert.
    fn weigh(&mut self, id: IncidentId, now_ms: i64, out: &mut Out) {
        let Some(incident) = self.get(id) else { return };
        let from = incident.head.severity;
        let to = incident.members.values().map(Member::severity).max().unwrap_or(from);
        if from != to {
            self.update(id, now_ms, out, |h| h.severity = to);
            self.note(id, now_ms, None, What::Severity { from, to }, out);
        }
    }

    fn split(
        &mut self,
        now_ms: i64,
        head: &Head,
        alerts: &[Fingerprint],
        by: &str,
        out: &mut Out,
    ) -> Result<IncidentId, ActionError> {
        let Some(incident) = self.get(head.id) else { return Err(ActionError::NotFound(head.id)) };
        let alerts: BTreeSet<Fingerprint> = alerts.iter().copied().collect();
        if let Some(stranger) = alerts.iter().find(|a| !incident.members.contains_key(a)) {
            return senseless(format!("alerts: {stranger} is no alert of incident {}", head.id));
        }
        if alerts.is_empty() || alerts.len() == incident.members.len() {
            return senseless("alerts: name some of its alerts, but not all");
        }
        if self.state.incidents.len() >= INCIDENTS_MAX {
            return senseless(format!("there are {INCIDENTS_MAX} incidents, the most there can be"));
        }
        let moved: Vec<Member> = alerts.iter().filter_map(|a| incident.members.get(a)).cloned().collect();
        let first = moved.iter().min_by_key(|m| (m.first_ms, m.fingerprint));
        let Some(first) = first else { return senseless("alerts: name some of its alerts") };
        let title = if first.summary().is_empty() { first.name() } else { first.summary() };
        let title = if title.is_empty() { alerting::shown(&first.labels) } else { title.to_owned() };
        let severity = moved.iter().map(Member::severity).max().unwrap_or(Severity::Error);
        let names: Vec<String> = moved.iter().map(|m| m.name().to_owned()).collect();
        let started_ms = first.first_ms;
        let id = self.create(now_ms, started_ms, shortened(&title), severity, out);
        for member in moved {
            self.take_member(head.id, member.fingerprint, out);
            self.put_member(id, member, out);
        }
        self.note(id, now_ms, Some(by), What::SplitFrom { incident: head.id }, out);
        self.note(head.id, now_ms, Some(by), What::Split { incident: id, alerts: names }, out);
        self.update(head.id, now_ms, out, |_| {});
        self.weigh(head.id, now_ms, out);
        self.fall_quiet(head.id, now_ms, out);
        self.inherit(now_ms, id, head, out);
        Ok(id)
    }

    /// What was split off is where the other one was in its life.
    fn inherit(&mut self, now_ms: i64, id: IncidentId, from: &Head, out: &mut Out) {
        match from.status {
            Status::Resolved => {
                self.index(id, false);
                self.update(id, now_ms, out, |h| {
                    (h.status, h.resolved) = (Status::Resolved, from.resolved.clone());
                });
            }
            Status::Acknowledged => self.update(id, now_ms, out, |h| {
                (h.status, h.acknowledged) = (Status::Acknowledged, from.acknowledged.clone());
                h.assigned.clone_from(&from.assigned);
            }),
            Status::Triggered => self.begin_escalation(id, now_ms, out),
        }
        self.fall_quiet(id, now_ms, out);
        self.schedule(id);
    }

    /// Somebody stands in for others.
    pub fn stand_in(&mut self, now_ms: i64, wanted: Override, out: &mut Out) -> Result<(), ActionError> {
        within("by", &wanted.by, BY_BYTES_MAX)?;
        within("comment", &wanted.comment, TITLE_BYTES_MAX)?;
        if !self.oncall.schedules.contains_key(&wanted.schedule) {
            return senseless(format!("schedule: on_call.schedules has none called {:?}", wanted.schedule));
        }
        if !self.oncall.people.contains_key(&wanted.person) {
            return senseless(format!("person: on_call.people has nobody called {:?}", wanted.person));
        }
        if wanted.to_ms <= wanted.from_ms || wanted.to_ms <= now_ms {
            return senseless("to: it must be after from, and after now");
        }
        if wanted.to_ms.saturating_sub(wanted.from_ms) > OVERRIDE_MS_MAX {
            return senseless("to: an override has at most 400 days");
        }
        self.forget_overrides(now_ms, out);
        if self.state.overrides.len() >= OVERRIDES_MAX {
            return senseless(format!(
                "there are {OVERRIDES_MAX} overrides, the most there can be: end some, or write them into the configuration"
            ));
        }
        self.change(crate::record::Change::Override(wanted), out);
        out.close();
        Ok(())
    }

    /// Ends an override: what of it is past stays, one that has not begun is gone.
    pub fn end_override(&mut self, now_ms: i64, id: &str, out: &mut Out) -> Result<(), ActionError> {
        let Some(found) = self.state.overrides.get(id).filter(|o| o.to_ms > now_ms).cloned() else {
            return Err(ActionError::NoOverride(id.to_owned()));
        };
        match found.from_ms >= now_ms {
            true => self.change(crate::record::Change::OverrideGone { id: id.to_owned() }, out),
            false => self.change(crate::record::Change::Override(Override { to_ms: now_ms, ..found }), out),
        }
        out.close();
        Ok(())
    }

    pub(crate) fn forget_overrides(&mut self, now_ms: i64, out: &mut Out) {
        let before = now_ms.saturating_sub(OVERRIDE_KEPT_MS);
        let old: Vec<String> =
            self.state.overrides.values().filter(|o| o.to_ms < before).map(|o| o.id.clone()).collect();
        old.into_iter().for_each(|id| self.change(crate::record::Change::OverrideGone { id }, out));
    }

    /// Those who stand in for others, by what people did.
    pub fn overrides(&self) -> impl Iterator<Item = &Override> {
        self.state.overrides.values()
    }
}

/// One alert out of what two incidents know of it.
fn together(a: Member, b: Member) -> Member {
    let (first_ms, times) = (a.first_ms.min(b.first_ms), a.times.saturating_add(b.times));
    let later = if b.starts_ms > a.starts_ms { b } else { a };
    Member { first_ms, times, ..later }
}
