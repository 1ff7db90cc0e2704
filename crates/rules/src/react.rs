//! Alerting rules between their turns: what was written is looked at when it is, not when the interval is over.

use crate::alert::{Observation, Phase};
use crate::expand::Surroundings;
use crate::file::RuleKind;
use crate::running::{Queries, RuleError, RuleOutcome, RunningGroup, RunningRule, Sink};
use model::{Labels, METRIC_NAME};
use std::collections::BTreeSet;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Written<'a> {
    /// Everything the rule reads.
    All,
    /// These series, which are all that the queries see. The rule must be [series-wise](crate::is_series_wise).
    Only(&'a [Labels]),
}

impl RunningGroup {
    /// Evaluates an alerting rule at `now_ms`, which is not its turn. Nothing is given to the sink unless an alert
    /// changed. There must be a rule of this number.
    pub fn react(
        &mut self,
        i: usize,
        now_ms: i64,
        written: Written<'_>,
        surroundings: &Surroundings,
        queries: &dyn Queries,
        sink: &mut dyn Sink,
    ) -> RuleOutcome {
        let (limit, at_ms) = (self.limit, now_ms.saturating_sub(self.query_offset_ms));
        self.rule_mut(i).react((now_ms, at_ms), limit, written, surroundings, queries, sink)
    }

    /// Whether all that a rule reads was looked at since it began: only then it can be asked to look at some of it. There
    /// must be a rule of this number.
    pub fn has_looked(&self, i: usize) -> bool {
        self.rules()[i].has_looked()
    }

    /// When an alert of a rule changes if nothing else does, and does not depend on what its expression gives: it has
    /// been pending, or recovering, for long enough. There must be a rule of this number.
    pub fn due_ms(&self, i: usize) -> Option<i64> {
        let rule = &self.rules()[i];
        let due = |alert: &crate::Alert| match alert.phase {
            Phase::Pending => Some(alert.active_at_ms.saturating_add(rule.rule.for_ms)),
            Phase::Recovering { ended_ms, .. } => Some(ended_ms.saturating_add(rule.rule.keep_firing_for_ms)),
            Phase::Firing { .. } | Phase::Resolved { .. } => None,
        };
        rule.alerts.iter().filter_map(due).min()
    }
}

/// Labels without the metric name.
fn unnamed(labels: &Labels) -> Labels {
    let mut builder = labels.to_builder();
    builder.remove(METRIC_NAME);
    builder.build()
}

impl RunningRule {
    fn react(
        &mut self,
        (now_ms, at_ms): (i64, i64),
        limit: Option<u64>,
        written: Written<'_>,
        surroundings: &Surroundings,
        queries: &dyn Queries,
        sink: &mut dyn Sink,
    ) -> RuleOutcome {
        if self.rule.kind != RuleKind::Alert || now_ms < self.last_ms() {
            return RuleOutcome::default();
        }
        let moved = self.observe(now_ms, at_ms, surroundings, queries).and_then(|observed| match written {
            Written::All => self.step(now_ms, limit, observed),
            Written::Only(series) => self.step_only(now_ms, limit, observed, series),
        });
        let transitions = match moved {
            Ok(transitions) => transitions,
            Err(error) => return RuleOutcome { error: Some(error), ..RuleOutcome::default() },
        };
        if transitions.is_empty() {
            return RuleOutcome::default();
        }
        let series = self.series();
        let error = self.give(&series, at_ms, sink).err().map(RuleError::Refused);
        RuleOutcome { error, samples: series.len(), transitions }
    }

    /// Moves on the alerts of some series.
    fn step_only(
        &mut self,
        now_ms: i64,
        limit: Option<u64>,
        observed: Vec<(Labels, Observation)>,
        written: &[Labels],
    ) -> Result<Vec<crate::Transition>, RuleError> {
        let mut ended: BTreeSet<Labels> =
            written.iter().filter_map(|l| self.of.remove(&unnamed(l))).collect();
        let mut observations = Vec::with_capacity(observed.len());
        for (source, observation) in observed {
            let is_of_another = !ended.remove(&observation.labels)
                && self.alerts.get(&observation.labels).is_some_and(|a| a.phase.is_observed());
            self.of.insert(source, observation.labels.clone());
            if is_of_another {
                return Err(RuleError::SameLabels { what: "alert" });
            }
            observations.push(observation);
        }
        let ended = ended.into_iter().collect();
        self.moved_on(now_ms);
        let policy = self.policy(limit);
        Ok(self.alerts.step_some(now_ms, &policy, observations, ended)?)
    }
}
