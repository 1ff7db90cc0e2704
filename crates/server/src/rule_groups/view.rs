//! Groups as readers see them.

use rules::{Alert, Language, RuleKind, RuleOutcome, RunningGroup, RunningRule};
use std::sync::Arc;
use std::time::Duration;

/// A group after its last evaluation.
#[derive(Debug, Clone, Default)]
pub struct GroupView {
    /// The file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// What its expressions are written in.
    pub language: Language,
    /// Whose records it reads, in LogQL and TraceQL.
    pub tenant: Option<String>,
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
    /// When that was last noticed, Unix milliseconds.
    pub missed_ms: Option<i64>,
    /// Evaluations since it began that took longer than its interval.
    pub slow: u64,
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
    /// When it last found something to look at, or began, Unix milliseconds.
    pub matched_ms: i64,
}

/// An alert of a rule.
pub type AlertView = Alert;

impl RuleView {
    /// How many of its alerts fire.
    pub fn firing(&self) -> usize {
        self.alerts.iter().filter(|a| a.phase.is_firing()).count()
    }

    /// Since when it has found nothing to look at, if that is so long.
    pub fn unmatched_since(&self, after: Duration) -> Option<i64> {
        let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        let is_long = self.last_ms?.saturating_sub(self.matched_ms) >= after_ms;
        (is_long && reads(&self.rule)).then_some(self.matched_ms)
    }

    /// Takes in what an evaluation came to.
    pub(super) fn show(
        &mut self,
        rule: &RunningRule,
        outcome: &RuleOutcome,
        at_ms: i64,
        took: Duration,
        matched: bool,
    ) {
        // What gives something of nothing says so on purpose, but for counts of spans, which are 0 then. What fails is
        // told as such.
        let gives = outcome.samples > 0 && self.rule.expr.language() != Language::TraceQl;
        if matched || gives || outcome.error.is_some() {
            self.matched_ms = self.matched_ms.max(at_ms);
        }
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

/// Whether a rule reads anything at all.
fn reads(rule: &rules::Rule) -> bool {
    rule.expr.promql().is_none_or(|expr| !expr.selectors().is_empty())
}

impl GroupView {
    /// Whether its last evaluation took longer than its interval.
    pub fn is_slow(&self) -> bool {
        self.took.as_millis() > u128::from(self.interval_ms.max(1).unsigned_abs())
    }

    /// The same after a change of configuration: rules that stayed as they were have found what they had found.
    pub(super) fn after(mut self, old: &GroupView) -> GroupView {
        for rule in &mut self.rules {
            let same = |o: &&RuleView| {
                (&o.rule.name, &o.rule.labels, &o.rule.expr_text)
                    == (&rule.rule.name, &rule.rule.labels, &rule.rule.expr_text)
            };
            if let Some(old) = old.rules.iter().find(same) {
                rule.matched_ms = old.matched_ms;
            }
        }
        self
    }

    /// A group that was not evaluated yet, and is at work from `now_ms` on.
    pub(super) fn new(file: &str, group: &RunningGroup, interval_ms: i64, now_ms: i64) -> GroupView {
        GroupView {
            file: file.to_owned(),
            name: group.name.clone(),
            language: group.language,
            tenant: group.tenant.clone(),
            interval_ms,
            limit: group.limit.unwrap_or(0),
            last_ms: None,
            took: Duration::ZERO,
            missed: 0,
            missed_ms: None,
            slow: 0,
            rules: group
                .rules()
                .iter()
                .map(|r| RuleView {
                    rule: Arc::new(r.rule.clone()),
                    alerts: r.alerts.active().cloned().collect(),
                    error: None,
                    last_ms: None,
                    took: Duration::ZERO,
                    matched_ms: now_ms,
                })
                .collect(),
        }
    }
}
