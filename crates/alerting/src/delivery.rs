//! Decisions to notify, and what of them is remembered.

use crate::alert::Alert;
use crate::labels::{Fingerprint, LabelSet};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One decision to notify, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId(pub u64);

/// One way to reach a receiver: `webhook`, number 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Way {
    /// The receiver.
    pub receiver: String,
    /// What kind of way.
    pub kind: String,
    /// The number among the receiver's ways of this kind.
    pub index: usize,
}

/// What a group was told of, and through which way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SentKey {
    /// The key of the group.
    pub group: String,
    /// The way.
    pub way: Way,
}

/// What was last told of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Alerts told to be firing.
    pub firing: BTreeSet<Fingerprint>,
    /// Alerts told to be over.
    pub resolved: BTreeSet<Fingerprint>,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Until when this is remembered, Unix milliseconds.
    pub expires_ms: i64,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was taken.
    Delivered,
    /// It was not.
    Failed,
    /// An answer was lost, so it may have been taken or not.
    Unknown,
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing was told of the group yet.
    First,
    /// Alerts fire that were not told.
    NewAlerts,
    /// Alerts are over that were told to be firing.
    SomeResolved,
    /// All alerts are over.
    AllResolved,
    /// Nothing changed for a long time.
    Repeat,
    /// Somebody wants to see whether it works.
    Test,
    /// Nobody took on what is wrong.
    Escalation,
}

/// A decision to notify: what is to be told, to whom, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// Through which way.
    pub way: Way,
    /// The key of the group.
    pub group_key: String,
    /// What the group's alerts have in common.
    pub group_labels: Arc<LabelSet>,
    /// Labels of the route.
    pub route_labels: LabelSet,
    /// Why.
    pub reason: Reason,
    /// The alerts as they were.
    pub alerts: Vec<Alert>,
    /// When it was decided, Unix milliseconds.
    pub decided_ms: i64,
    /// When to give up, Unix milliseconds.
    pub deadline_ms: i64,
    /// See [`Sent::firing`].
    pub firing: BTreeSet<Fingerprint>,
    /// See [`Sent::resolved`].
    pub resolved: BTreeSet<Fingerprint>,
    /// See [`Sent::expires_ms`].
    pub expires_ms: i64,
}

impl Delivery {
    /// Whether any of its alerts fires.
    pub fn is_firing(&self) -> bool {
        self.alerts.iter().any(|a| !a.is_resolved(self.decided_ms))
    }

    pub(crate) fn key(&self) -> SentKey {
        SentKey { group: self.group_key.clone(), way: self.way.clone() }
    }

    /// What is remembered when nobody knows whether it was taken: the end of its alerts is to be told, and so is, at the
    /// next flush, that they fire.
    pub(crate) fn maybe_sent(&self, before: Option<&Sent>) -> Sent {
        let mut sent = before.cloned().unwrap_or_default();
        sent.firing.extend(self.firing.iter().copied());
        sent.resolved.retain(|id| !self.firing.contains(id));
        sent.at_ms = i64::MIN;
        sent.expires_ms = self.expires_ms;
        sent
    }

    pub(crate) fn sent(&self) -> Sent {
        Sent {
            firing: self.firing.clone(),
            resolved: self.resolved.clone(),
            at_ms: self.decided_ms,
            expires_ms: self.expires_ms,
        }
    }
}

/// Whether a group is told of, given what was told last.
pub(crate) fn reason(
    last: Option<&Sent>,
    firing: &BTreeSet<Fingerprint>,
    resolved: &BTreeSet<Fingerprint>,
    sends_resolved: bool,
    now_ms: i64,
    repeat_ms: i64,
) -> Option<Reason> {
    let Some(last) = last else { return (!firing.is_empty()).then_some(Reason::First) };
    if !firing.is_subset(&last.firing) {
        return Some(Reason::NewAlerts);
    }
    if firing.is_empty() {
        return (!last.firing.is_empty()).then_some(Reason::AllResolved);
    }
    if sends_resolved && !resolved.is_subset(&last.resolved) {
        return Some(Reason::SomeResolved);
    }
    (last.at_ms < now_ms.saturating_sub(repeat_ms)).then_some(Reason::Repeat)
}
