//! The life of alerts, as a state machine without side effects.
//!
//! ```text
//!             condition true          true for `for`
//! (nothing) ────────────────► Pending ──────────────► Firing ◄──────────┐ true again
//!                                │ false                 │ false        │
//!                                ▼                       ├─────────► Recovering
//!                            (nothing)                   │ (no keep_     │ false for
//!                                                        ▼  firing_for)  ▼ `keep_firing_for`
//!               (nothing) ◄──────────────────────── Resolved ◄───────────┘
//!                           after the retention
//! ```
//!
//! A resolved alert whose condition is true again starts anew. One that fires falls back to pending if `for` was made
//! longer than it has been active.

use model::{Labels, METRIC_NAME};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a resolved alert is kept, so that its end is told even if telling fails for a while.
pub const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// Names and texts in ascending order of name. Unlike [`Labels`] they may have empty texts.
pub type LabelPairs = Arc<[(String, String)]>;

/// Where an alert is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Its condition is true, not yet for long enough.
    Pending,
    /// It fires.
    Firing {
        /// Since when, Unix milliseconds.
        since_ms: i64,
    },
    /// Its condition ended; it fires on for a while.
    Recovering {
        /// Since when it fires, Unix milliseconds.
        since_ms: i64,
        /// When its condition was first seen to have ended.
        ended_ms: i64,
    },
    /// It is over.
    Resolved {
        /// Since when, Unix milliseconds.
        at_ms: i64,
    },
}

impl Phase {
    /// The value of the label `alertstate`: a recovering alert is firing to those outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "pending",
            Phase::Firing { .. } | Phase::Recovering { .. } => "firing",
            Phase::Resolved { .. } => "inactive",
        }
    }

    /// Whether it fires, also while it recovers.
    pub fn is_firing(self) -> bool {
        matches!(self, Phase::Firing { .. } | Phase::Recovering { .. })
    }

    /// Whether its condition was true when it was looked at last.
    pub fn is_observed(self) -> bool {
        matches!(self, Phase::Pending | Phase::Firing { .. })
    }

    /// Whether it is over.
    pub fn is_resolved(self) -> bool {
        matches!(self, Phase::Resolved { .. })
    }
}

/// One alert: plain data, to be kept over a restart as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Where it is in its life.
    pub phase: Phase,
    /// What tells it from others.
    pub labels: Labels,
    /// Its texts at the last evaluation that saw it.
    pub annotations: LabelPairs,
    /// The value of its expression at the last evaluation that saw it; the sum, for a histogram.
    pub value: f64,
    /// When its condition was first true, Unix milliseconds.
    pub active_at_ms: i64,
}

/// The settings of a rule that shape the life of its alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertPolicy {
    /// How long an alert is pending before it fires.
    pub for_ms: i64,
    /// How long it fires on after its condition ended.
    pub keep_firing_for_ms: i64,
    /// How many alerts may be pending or firing.
    pub limit: Option<u64>,
    /// How long a resolved alert is kept.
    pub resolved_retention_ms: i64,
}

/// A condition that is true now.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The labels of the alert. No two observations of one step have the same.
    pub labels: Labels,
    /// Its texts.
    pub annotations: LabelPairs,
    /// The value of its expression.
    pub value: f64,
}

/// An alert that changed its phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The labels of the alert.
    pub labels: Labels,
    /// Its phase before; nothing if there was no such alert.
    pub from: Option<Phase>,
    /// Its phase now; nothing if there is no such alert any more.
    pub to: Option<Phase>,
}

/// There would be more alerts than allowed. All alerts of the rule are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("exceeded limit of {limit} with {observed} alerts")]
pub struct OverLimit {
    /// What is allowed.
    pub limit: u64,
    /// What there would be.
    pub observed: u64,
}

/// The alerts of one rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alerts {
    alerts: BTreeMap<Labels, Alert>,
}

impl Alerts {
    /// Alerts as they were kept.
    pub fn restored(alerts: impl IntoIterator<Item = Alert>) -> Alerts {
        Alerts { alerts: alerts.into_iter().map(|a| (a.labels.clone(), a)).collect() }
    }

    /// All alerts in order of their labels, resolved ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The alerts that are not over.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(|a| !a.phase.is_resolved())
    }

    /// The alert of some labels, resolved ones included.
    pub fn get(&self, labels: &Labels) -> Option<&Alert> {
        self.alerts.get(labels)
    }

    /// Moves all alerts on to `now_ms`, given all conditions that are true then. Time must not go backwards.
    pub fn step(
        &mut self,
        now_ms: i64,
        policy: &AlertPolicy,
        observed: Vec<Observation>,
    ) -> Result<Vec<Transition>, OverLimit> {
        let seen: BTreeSet<&Labels> = observed.iter().map(|o| &o.labels).collect();
        let unseen = self.alerts.keys().filter(|labels| !seen.contains(labels)).cloned().collect();
        self.step_some(now_ms, policy, observed, unseen)
    }

    /// Moves some alerts on: those of `observed`, whose conditions are true, and `unseen`, whose are not.
    pub fn step_some(
        &mut self,
        now_ms: i64,
        policy: &AlertPolicy,
        observed: Vec<Observation>,
        unseen: Vec<Labels>,
    ) -> Result<Vec<Transition>, OverLimit> {
        let mut transitions = Vec::new();
        for observation in observed {
            let before = self.alerts.remove(&observation.labels);
            let from = before.as_ref().map(|a| a.phase);
            let alert = seen(before, observation, now_ms, policy);
            note(&mut transitions, &alert.labels, from, Some(alert.phase));
            self.alerts.insert(alert.labels.clone(), alert);
        }
        for labels in unseen {
            let Some(alert) = self.alerts.get_mut(&labels) else { continue };
            let from = alert.phase;
            let to = self::unseen(alert, now_ms, policy);
            note(&mut transitions, &labels, Some(from), to);
            match to {
                Some(phase) => alert.phase = phase,
                None => drop(self.alerts.remove(&labels)),
            }
        }
        if let Some(limit) = policy.limit {
            let active = self.active().count() as u64;
            if active > limit {
                self.alerts.clear();
                return Err(OverLimit { limit, observed: active });
            }
        }
        Ok(transitions)
    }
}

fn note(transitions: &mut Vec<Transition>, labels: &Labels, from: Option<Phase>, to: Option<Phase>) {
    if from != to {
        transitions.push(Transition { labels: labels.clone(), from, to });
    }
}

/// What an alert becomes whose condition is true.
fn seen(before: Option<Alert>, observation: Observation, now_ms: i64, policy: &AlertPolicy) -> Alert {
    let Observation { labels, annotations, value } = observation;
    let fresh = (Phase::Pending, now_ms);
    let (phase, active_at_ms) = match before {
        None => fresh,
        Some(a) => match a.phase {
            Phase::Resolved { .. } => fresh,
            Phase::Recovering { since_ms, .. } => (Phase::Firing { since_ms }, a.active_at_ms),
            phase => (phase, a.active_at_ms),
        },
    };
    Alert { phase: due(phase, active_at_ms, now_ms, policy), labels, annotations, value, active_at_ms }
}

/// What an alert becomes whose condition is not true; nothing if it is forgotten.
fn unseen(alert: &Alert, now_ms: i64, policy: &AlertPolicy) -> Option<Phase> {
    let kept = |since_ms: i64, ended_ms: i64| {
        if now_ms.saturating_sub(ended_ms) < policy.keep_firing_for_ms {
            due(Phase::Recovering { since_ms, ended_ms }, alert.active_at_ms, now_ms, policy)
        } else {
            Phase::Resolved { at_ms: now_ms }
        }
    };
    match alert.phase {
        Phase::Pending => None,
        Phase::Firing { since_ms } => Some(kept(since_ms, now_ms)),
        Phase::Recovering { since_ms, ended_ms } => Some(kept(since_ms, ended_ms)),
        Phase::Resolved { at_ms } if now_ms.saturating_sub(at_ms) > policy.resolved_retention_ms => None,
        resolved => Some(resolved),
    }
}

/// Pending and firing against how long the alert has been active.
fn due(phase: Phase, active_at_ms: i64, now_ms: i64, policy: &AlertPolicy) -> Phase {
    let long_enough = now_ms.saturating_sub(active_at_ms) >= policy.for_ms;
    match phase {
        Phase::Pending if long_enough => Phase::Firing { since_ms: now_ms },
        Phase::Firing { .. } | Phase::Recovering { .. } if !long_enough => Phase::Pending,
        phase => phase,
    }
}

/// The metric that says which alerts there are.
const ALERTS: &str = "ALERTS";
/// The metric that says since when.
const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// The series that an alert that is not over has: `ALERTS` with value 1, and `ALERTS_FOR_STATE` with the second since
/// when it is active. Labels of the rule that the alert lacks, because their templates came out empty, are there as
/// written.
pub(crate) fn series(
    alert: &Alert,
    name: &str,
    rule_labels: &BTreeMap<String, String>,
) -> [(Labels, f64); 2] {
    let mut builder = model::LabelsBuilder::new();
    for (label, value) in rule_labels {
        builder.set(label.as_str(), value.as_str());
    }
    for (label, value) in &alert.labels {
        builder.set(label, value);
    }
    builder.set("alertname", name).set(METRIC_NAME, ALERTS_FOR_STATE);
    let for_state = builder.build();
    builder.set(METRIC_NAME, ALERTS).set("alertstate", alert.phase.as_str());
    [(builder.build(), 1.0), (for_state, alert.active_at_ms.div_euclid(1000) as f64)]
}
