//! What is kept over a restart.

use crate::alert::Alert;
use crate::delivery::{Delivery, DeliveryId, Outcome, Sent, SentKey};
use crate::labels::{Fingerprint, LabelSet};
use crate::record::{Record, RuleAlert, RuleState};
use crate::silence::Silences;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The durable part of the state. It follows from its records alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub alerts: BTreeMap<Fingerprint, Alert>,
    pub silences: Silences,
    /// Decisions that are not known to be done.
    pub open: BTreeMap<DeliveryId, Arc<Delivery>>,
    /// What was last told of each group through each way.
    pub sent: BTreeMap<SentKey, Sent>,
    /// Alerts of rules by rule.
    pub rules: BTreeMap<String, BTreeMap<LabelSet, RuleAlert>>,
    pub next_delivery: u64,
}

impl State {
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::SnapshotBegin => {}
            Record::SnapshotEnd { next_delivery } => {
                self.next_delivery = self.next_delivery.max(next_delivery)
            }
            Record::Alert(alert) => {
                self.alerts.insert(alert.fingerprint(), alert);
            }
            Record::Dropped { alert } => {
                self.alerts.remove(&alert);
            }
            Record::Silence(silence) => self.silences.put(silence.into()),
            Record::Decided(delivery) => {
                self.next_delivery = self.next_delivery.max(delivery.id.0 + 1);
                self.open.insert(delivery.id, Arc::new(delivery));
            }
            Record::Done { id, outcome } => {
                let Some(delivery) = self.open.remove(&id) else { return };
                let key = delivery.key();
                let sent = match outcome {
                    Outcome::Delivered => delivery.sent(),
                    Outcome::Unknown => delivery.maybe_sent(self.sent.get(&key)),
                    Outcome::Failed => return,
                };
                self.sent.insert(key, sent);
            }
            Record::Sent { key, sent } => {
                self.sent.insert(key, sent);
            }
            Record::Rule(rule) => self.apply_rule(rule),
        }
    }

    fn apply_rule(&mut self, rule: RuleState) {
        let alerts = self.rules.entry(rule.rule.clone()).or_default();
        for alert in rule.changed {
            alerts.insert(alert.labels.clone(), alert);
        }
        for labels in rule.gone {
            alerts.remove(&labels);
        }
        if alerts.is_empty() {
            self.rules.remove(&rule.rule);
        }
    }

    /// Records from which this state follows.
    pub fn records(&self) -> Vec<Record> {
        let mut out = vec![Record::SnapshotBegin];
        out.extend(self.alerts.values().cloned().map(Record::Alert));
        out.extend(self.silences.iter().map(|s| Record::Silence(s.into())));
        out.extend(self.sent.iter().map(|(k, s)| Record::Sent { key: k.clone(), sent: s.clone() }));
        out.extend(self.open.values().map(|d| Record::Decided((**d).clone())));
        out.extend(self.rules.iter().map(|(rule, alerts)| {
            let changed = alerts.values().cloned().collect();
            Record::Rule(RuleState { rule: rule.clone(), changed, gone: Vec::new() })
        }));
        out.push(Record::SnapshotEnd { next_delivery: self.next_delivery });
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
            Record::SnapshotEnd { .. } => {
                if let Some(mut state) = self.snapshot.take() {
                    state.apply(record);
                    self.state = state;
                }
            }
            record => self.snapshot.as_mut().unwrap_or(&mut self.state).apply(record),
        }
    }

    pub fn finish(self) -> State {
        self.state
    }
}

impl State {
    /// What was told of a group.
    pub fn sent_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = (&'a SentKey, &'a Sent)> {
        let way = crate::delivery::Way { receiver: String::new(), kind: String::new(), index: 0 };
        let from = SentKey { group: group.to_owned(), way };
        self.sent.range(from..).take_while(move |(k, _)| k.group == group)
    }
}
