//! What is kept over a restart.

use crate::incident::{Incident, IncidentId, What};
use crate::oncall::Override;
use crate::record::{Change, Record};
use crate::{ALERTS_MAX, ENTRIES_MAX};
use alerting::Fingerprint;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Changes in one record of a snapshot.
const RECORD_CHANGES: usize = 100;

/// The durable part of the state. It follows from its records alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Those who stand in for others, by id.
    pub overrides: BTreeMap<String, Override>,
    /// Where each alert last was.
    pub places: HashMap<Fingerprint, IncidentId>,
    pub next: u64,
}

impl State {
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Head(head) => {
                self.next = self.next.max(head.id.0.saturating_add(1));
                match self.incidents.get_mut(&head.id) {
                    Some(incident) => incident.head = *head,
                    None => {
                        let id = head.id;
                        let incident = Incident {
                            head: *head,
                            members: BTreeMap::new(),
                            entries: VecDeque::new(),
                            dropped: 0,
                        };
                        self.incidents.insert(id, incident);
                    }
                }
            }
            Change::Alert { incident: id, alert } => {
                let Some(incident) = self.incidents.get_mut(&id) else { return };
                if incident.members.len() >= ALERTS_MAX * 2 {
                    return;
                }
                let (fingerprint, starts_ms) = (alert.fingerprint, alert.starts_ms);
                incident.members.insert(fingerprint, *alert);
                let last = self.places.get(&fingerprint).and_then(|last| {
                    Some((self.incidents.get(last)?.members.get(&fingerprint)?.starts_ms, *last))
                });
                if last.is_none_or(|last| last <= (starts_ms, id)) {
                    self.places.insert(fingerprint, id);
                }
            }
            Change::AlertGone { incident: id, alert } => {
                if let Some(incident) = self.incidents.get_mut(&id) {
                    incident.members.remove(&alert);
                }
                if self.places.get(&alert) == Some(&id) {
                    self.place_again(alert);
                }
            }
            Change::Entry { incident: id, entry } => {
                let Some(incident) = self.incidents.get_mut(&id) else { return };
                if incident.entries.back().is_some_and(|last| last.number >= entry.number) {
                    return;
                }
                incident.head.next_entry = entry.number.saturating_add(1);
                incident.entries.push_back(*entry);
                if incident.entries.len() > ENTRIES_MAX {
                    let passing = incident.entries.iter().position(|e| e.what.is_passing());
                    incident.entries.remove(passing.unwrap_or(0));
                    incident.dropped = incident.dropped.saturating_add(1);
                }
            }
            Change::Asked { incident, entry, notifications } => {
                let entry = self.incidents.get_mut(&incident).and_then(|i| i.entry_mut(entry));
                if let Some(What::Paged(page)) = entry.map(|e| &mut e.what) {
                    page.asked = true;
                    page.notifications = notifications;
                }
            }
            Change::Told { incident, entry, delivery, outcome, at_ms } => {
                let entry = self.incidents.get_mut(&incident).and_then(|i| i.entry_mut(entry));
                for told in entry.into_iter().flat_map(|e| e.what.notifications_mut()) {
                    if told.delivery == Some(delivery) {
                        (told.outcome, told.done_ms) = (Some(outcome), Some(at_ms));
                    }
                }
            }
            Change::Dropped { incident, entries } => {
                if let Some(incident) = self.incidents.get_mut(&incident) {
                    incident.dropped = entries;
                }
            }
            Change::Forgotten { incident: id } => {
                let Some(incident) = self.incidents.remove(&id) else { return };
                for fingerprint in incident.members.into_keys() {
                    if self.places.get(&fingerprint) == Some(&id) {
                        self.place_again(fingerprint);
                    }
                }
            }
            Change::Override(stands_in) => {
                self.overrides.insert(stands_in.id.clone(), stands_in);
            }
            Change::OverrideGone { id } => {
                self.overrides.remove(&id);
            }
        }
    }

    /// Looks for the last place of an alert that left the one it had.
    fn place_again(&mut self, fingerprint: Fingerprint) {
        let places = self.incidents.values().filter_map(|i| {
            let member = i.members.get(&fingerprint)?;
            Some((member.starts_ms, i.head.id))
        });
        match places.max() {
            Some((_, id)) => self.places.insert(fingerprint, id),
            None => self.places.remove(&fingerprint),
        };
    }

    /// Records from which this state follows.
    pub fn records(&self) -> Vec<Record> {
        let mut out = vec![Record::SnapshotBegin];
        for (id, incident) in &self.incidents {
            let mut changes = vec![Change::Head(Box::new(incident.head.clone()))];
            let members = incident.members.values().cloned();
            changes.extend(members.map(|m| Change::Alert { incident: *id, alert: Box::new(m) }));
            let entries = incident.entries.iter().cloned();
            changes.extend(entries.map(|e| Change::Entry { incident: *id, entry: Box::new(e) }));
            // Once more, as an entry sets the number of the next one.
            changes.push(Change::Head(Box::new(incident.head.clone())));
            if incident.dropped > 0 {
                changes.push(Change::Dropped { incident: *id, entries: incident.dropped });
            }
            let mut changes = changes.into_iter().peekable();
            while changes.peek().is_some() {
                out.push(Record::Step(changes.by_ref().take(RECORD_CHANGES).collect()));
            }
        }
        let overrides = self.overrides.values().cloned().map(Change::Override);
        out.push(Record::Step(overrides.collect()));
        out.push(Record::SnapshotEnd { next: IncidentId(self.next) });
        out
    }
}

/// Follows records, and snapshots among them. A snapshot that is not complete counts for nothing.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    state: State,
    snapshot: Option<State>,
}

impl Replay {
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::SnapshotBegin => self.snapshot = Some(State::default()),
            Record::SnapshotEnd { next } => {
                if let Some(mut state) = self.snapshot.take() {
                    state.next = state.next.max(next.0);
                    self.state = state;
                }
            }
            Record::Step(changes) => {
                let state = self.snapshot.as_mut().unwrap_or(&mut self.state);
                changes.into_iter().for_each(|c| state.apply(c));
            }
        }
    }

    pub fn finish(self) -> State {
        self.state
    }
}
