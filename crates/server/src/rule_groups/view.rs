//! Groups as readers see them.

use rules::{Alert, RuleKind, RuleOutcome, RunningGroup, RunningRule};
use std::sync::Arc;
use std::time::Duration;

/// A group after its last evaluation.
#[derive(Debug, Clone, Default)]
pub struct GroupView {
    /// The file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Milliseconds between evaluations.
    pub interval_ms: i64,
    /// Most series or alerts of a rule.
    pub limit: u64,
    /// When it was last evaluated, Unix milliseconds.
    pub last_ms: Option<i64>,
    /// How long that took.
    pub took: Duration,
    /// Evaluations that were left out since it began, because the one before took too long.
    pub missed: u64,
    /// Its rules in order.
    pub rules: Vec<RuleView>,
}

/// A rule after its last evaluation.
#[derive(Debug, Clone)]
pub struct RuleView {
    /// The rule.
    pub rule: Arc<rules::Rule>,
    /// Its alerts that are not over.
    pub alerts: Vec<Alert>,
    /// What went wrong.
    pub error: Option<String>,
    /// When it was last evaluated, Unix milliseconds.
    pub last_ms: Option<i64>,
    /// How long that took.
    pub took: Duration,
}

/// An alert of a rule.
pub type AlertView = Alert;

impl RuleView {
    /// How many of its alerts fire.
    pub fn firing(&self) -> usize {
        self.alerts.iter().filter(|a| a.phase.is_firing()).count()
    }

    /// Takes in what an evaluation came to.
    pub(super) fn show(&mut self, rule: &RunningRule, outcome: &RuleOutcome, at_ms: i64, took: Duration) {
        if rule.rule.kind == RuleKind::Alert {
            self.alerts = rule.alerts.active().cloned().collect();
        }
        self.error = outcome.error.as_ref().map(ToString::to_string);
        self.last_ms = Some(at_ms);
        self.took = took;
    }

    /// `firing`, `pending` or `inactive`; `unknown` before the first evaluation.
    pub fn state(&self) -> &'static str {
        match (self.last_ms, self.firing(), self.alerts.len()) {
            (_, 1.., _) => "firing",
            (_, 0, 1..) => "pending",
            (None, 0, 0) => "unknown",
            (Some(_), 0, 0) => "inactive",
        }
    }
}

impl GroupView {
    /// A group that was not evaluated yet.
    pub(super) fn new(file: &str, group: &RunningGroup, interval_ms: i64) -> GroupView {
        GroupView {
            file: file.to_owned(),
            name: group.name.clone(),
            interval_ms,
            limit: group.limit.unwrap_or(0),
            last_ms: None,
            took: Duration::ZERO,
            missed: 0,
            rules: group
                .rules()
                .iter()
                .map(|r| RuleView {
                    rule: Arc::new(r.rule.clone()),
                    alerts: r.alerts.active().cloned().collect(),
                    error: None,
                    last_ms: None,
                    took: Duration::ZERO,
                })
                .collect(),
        }
    }
}
