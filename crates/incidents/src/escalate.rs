//! Who is told of an incident that nobody takes on.

use crate::core::{Core, Out};
use crate::incident::{Escalation, IncidentId, Page, Reached, Status, What};
use crate::oncall::Step;
use crate::severity::Severity;
use std::collections::BTreeSet;

/// Somebody is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    /// Of which incident.
    pub incident: IncidentId,
    /// By which entry of its timeline: the two name this request for ever.
    pub entry: u64,
    /// What the incident is called.
    pub title: String,
    /// How grave it is.
    pub severity: Severity,
    /// What is to be told.
    pub page: Page,
}

impl Core {
    /// Chooses a policy and makes its first step due.
    pub(crate) fn begin_escalation(&mut self, id: IncidentId, now_ms: i64, out: &mut Out) {
        let Some(incident) = self.get(id) else { return };
        if self.oncall.policies.is_empty() && incident.head.escalation.is_none() {
            return;
        }
        let policy = self.oncall.policy(&incident.labels()).map(|p| p.name.clone());
        // Before the first alert joined, the labels are not known.
        if incident.members.is_empty() || (policy.is_none() && incident.head.escalation.is_none()) {
            return;
        }
        let begun = policy.map(|policy| Escalation { policy, step: 0, round: 0, next_ms: Some(now_ms) });
        self.update(id, now_ms, out, |head| head.escalation = begun);
    }

    /// Takes the steps that are due. One that reaches nobody is left at once for the next.
    pub(crate) fn take_steps(&mut self, id: IncidentId, now_ms: i64, out: &mut Out) {
        loop {
            let escalation = self.get(id).and_then(|i| i.head.escalation.as_ref());
            if escalation.and_then(|e| e.next_ms).is_none_or(|ms| ms > now_ms) {
                return;
            }
            self.take_step(id, now_ms, None, out);
        }
    }

    /// Takes the next step; whether there was one.
    pub(crate) fn take_step(&mut self, id: IncidentId, now_ms: i64, by: Option<&str>, out: &mut Out) -> bool {
        let Some(escalation) = self.get(id).and_then(|i| i.head.escalation.clone()) else { return false };
        let oncall = std::sync::Arc::clone(&self.oncall);
        let Some(policy) = oncall.policy_named(&escalation.policy) else {
            // It is not configured any more.
            self.update(id, now_ms, out, |head| head.escalation = None);
            return false;
        };
        let (mut step, mut round) = (escalation.step, escalation.round);
        if step >= policy.steps.len() {
            (step, round) = (0, round.saturating_add(1));
        }
        let Some(taken) = policy.steps.get(step).filter(|_| round <= policy.repeat) else {
            self.update(id, now_ms, out, |head| {
                if let Some(e) = &mut head.escalation {
                    e.next_ms = None;
                }
            });
            return false;
        };
        let people = self.reached(taken, now_ms);
        let reached = Reached {
            policy: Some(policy.name.clone()),
            step: step + 1,
            round: round + 1,
            people: people.clone(),
            schedules: taken.schedules.clone(),
        };
        let is_last = step + 1 == policy.steps.len() && round >= policy.repeat;
        let wait_ms = if people.is_empty() { 0 } else { taken.wait_ms };
        let next_ms = (!is_last).then(|| now_ms.saturating_add(wait_ms));
        self.update(id, now_ms, out, |head| {
            head.escalation =
                Some(Escalation { step: step + 1, round, next_ms, policy: policy.name.clone() });
        });
        self.note(id, now_ms, by, What::Escalated(reached), out);
        self.page(id, now_ms, &people, (step + 1, round + 1), out);
        true
    }

    /// The people a step reaches.
    pub(crate) fn reached(&self, step: &Step, at_ms: i64) -> Vec<String> {
        self.oncall.reached(step, at_ms, self.state.overrides.values())
    }

    /// Tells people.
    pub(crate) fn page(
        &mut self,
        id: IncidentId,
        now_ms: i64,
        people: &[String],
        (step, round): (usize, u32),
        out: &mut Out,
    ) {
        for person in people {
            let Some(receivers) = self.oncall.people.get(person).cloned() else { continue };
            let page = Page {
                person: person.clone(),
                receivers,
                step,
                round,
                end: false,
                asked: false,
                notifications: Vec::new(),
            };
            self.tell(id, now_ms, page, out);
        }
    }

    fn tell(&mut self, id: IncidentId, now_ms: i64, page: Page, out: &mut Out) {
        let entry = self.note(id, now_ms, None, What::Paged(page), out);
        self.counts.pages += 1;
        out.pages.extend(self.request(id, entry));
    }

    /// Tells those who were told of an incident that it is over.
    pub(crate) fn page_end(&mut self, id: IncidentId, now_ms: i64, out: &mut Out) {
        let Some(incident) = self.get(id) else { return };
        let mut told: BTreeSet<(String, Vec<String>)> = BTreeSet::new();
        for entry in &incident.entries {
            if let What::Paged(page) = &entry.what {
                let who = (page.person.clone(), page.receivers.clone());
                match page.end {
                    true => drop(told.remove(&who)),
                    false => drop(told.insert(who)),
                }
            }
        }
        for (person, receivers) in told {
            let page = Page {
                person,
                receivers,
                step: 0,
                round: 0,
                end: true,
                asked: false,
                notifications: Vec::new(),
            };
            self.tell(id, now_ms, page, out);
        }
    }

    /// What an entry about a page asks for.
    pub(crate) fn request(&self, id: IncidentId, entry: u64) -> Option<PageRequest> {
        let incident = self.get(id)?;
        let What::Paged(page) = &incident.entry(entry)?.what else { return None };
        Some(PageRequest {
            incident: id,
            entry,
            title: incident.head.title.clone(),
            severity: incident.head.severity,
            page: page.clone(),
        })
    }

    /// Whether nobody has taken it on, and steps may be left.
    pub(crate) fn is_triggered(&self, id: IncidentId) -> bool {
        self.get(id).is_some_and(|i| i.head.status == Status::Triggered)
    }
}
