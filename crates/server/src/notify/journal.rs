//! What became of decisions to notify since the start, for people who look.

use alerting::{Delivery, DeliveryId, LabelSet, Outcome, Reason, Way};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Decisions that are remembered once they are done.
const FINISHED_MAX: usize = 1_000;

/// A decision without its alerts.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its number.
    pub id: u64,
    /// Through which way.
    pub way: Way,
    /// The key of the group.
    pub group_key: String,
    /// What the group's alerts have in common.
    pub group_labels: Arc<LabelSet>,
    /// Why.
    pub reason: Reason,
    /// How many alerts were to be told.
    pub alerts: usize,
    /// How many of them fired.
    pub firing: usize,
    /// When it was decided, Unix milliseconds.
    pub decided_ms: i64,
}

impl From<&Delivery> for Summary {
    fn from(d: &Delivery) -> Summary {
        Summary {
            id: d.id.0,
            way: d.way.clone(),
            group_key: d.group_key.clone(),
            group_labels: Arc::clone(&d.group_labels),
            reason: d.reason,
            alerts: d.alerts.len(),
            firing: d.firing.len(),
            decided_ms: d.decided_ms,
        }
    }
}

/// A decision that is done.
#[derive(Debug, Clone)]
pub struct Finished {
    /// What was decided.
    pub delivery: Summary,
    /// How often it was tried.
    pub attempts: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// What was wrong with the last attempt that failed.
    pub error: Option<String>,
    /// When it was done, Unix milliseconds.
    pub done_ms: i64,
}

/// Attempts of a decision that is not done.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// How many there were.
    pub attempts: u32,
    /// What was wrong with the last one.
    pub error: Option<String>,
}

/// Remembers the last decisions, in memory alone.
#[derive(Debug, Default)]
pub(super) struct Journal {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tried: HashMap<DeliveryId, Tried>,
    finished: VecDeque<Finished>,
    forgotten: u64,
}

impl Journal {
    /// An attempt did not succeed.
    pub fn failed(&self, id: DeliveryId, error: &str) {
        let mut inner = self.inner.lock();
        let tried = inner.tried.entry(id).or_default();
        tried.attempts += 1;
        tried.error = Some(error.to_owned());
    }

    /// Nothing more is tried.
    pub fn finish(&self, delivery: &Delivery, outcome: Outcome, done_ms: i64) {
        let mut inner = self.inner.lock();
        let tried = inner.tried.remove(&delivery.id).unwrap_or_default();
        let attempts = tried.attempts + u32::from(outcome == Outcome::Delivered);
        if inner.finished.len() >= FINISHED_MAX {
            inner.finished.pop_back();
            inner.forgotten += 1;
        }
        let error = tried.error;
        inner.finished.push_front(Finished { delivery: delivery.into(), attempts, outcome, error, done_ms });
    }

    /// The server ends in the middle of it.
    pub fn leave(&self, id: DeliveryId) {
        self.inner.lock().tried.remove(&id);
    }

    /// Attempts so far of a decision that is not done.
    pub fn tried(&self, id: DeliveryId) -> Tried {
        self.inner.lock().tried.get(&id).cloned().unwrap_or_default()
    }

    /// The last decisions that are done, the newest first, and how many older ones were forgotten.
    pub fn finished(&self, limit: usize) -> (Vec<Finished>, u64) {
        let inner = self.inner.lock();
        (inner.finished.iter().take(limit).cloned().collect(), inner.forgotten)
    }
}
