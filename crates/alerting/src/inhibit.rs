//! While alerts of one kind fire, those of another are not told.

use crate::alert::Alert;
use crate::config::{Config, InhibitRule};
use crate::labels::{Fingerprint, LabelSet};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The rules, and for each the alerts that may inhibit, by the labels that must be equal.
#[derive(Debug, Default)]
pub(crate) struct Inhibition {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    rule: InhibitRule,
    sources: HashMap<Vec<String>, BTreeSet<Fingerprint>>,
}

impl Rule {
    fn equal(&self, labels: &LabelSet) -> Vec<String> {
        self.rule.equal.iter().map(|n| labels.get(n).cloned().unwrap_or_default()).collect()
    }
}

impl Inhibition {
    pub fn new<'a>(
        config: &Config,
        alerts: impl Iterator<Item = (&'a Fingerprint, &'a Alert)>,
    ) -> Inhibition {
        let rules = config.inhibit_rules.iter();
        let mut all =
            Inhibition { rules: rules.map(|r| Rule { rule: r.clone(), sources: HashMap::new() }).collect() };
        for (id, alert) in alerts {
            all.add(*id, &alert.labels);
        }
        all
    }

    /// A new alert.
    pub fn add(&mut self, id: Fingerprint, labels: &LabelSet) {
        for rule in &mut self.rules {
            if rule.rule.source_matchers.matches(labels) {
                let equal = rule.equal(labels);
                rule.sources.entry(equal).or_default().insert(id);
            }
        }
    }

    /// An alert that is gone.
    pub fn remove(&mut self, id: Fingerprint, labels: &LabelSet) {
        for rule in &mut self.rules {
            let equal = rule.equal(labels);
            if let Some(ids) = rule.sources.get_mut(&equal) {
                ids.remove(&id);
                if ids.is_empty() {
                    rule.sources.remove(&equal);
                }
            }
        }
    }

    /// The firing alerts that inhibit one with these labels: the first of each rule.
    pub fn inhibiting(
        &self,
        labels: &LabelSet,
        alerts: &BTreeMap<Fingerprint, Alert>,
        now_ms: i64,
    ) -> Vec<Fingerprint> {
        let mut found = Vec::new();
        for rule in &self.rules {
            if !rule.rule.target_matchers.matches(labels) {
                continue;
            }
            let Some(ids) = rule.sources.get(&rule.equal(labels)) else { continue };
            // An alert that is on both sides is not inhibited by others that are: they would inhibit one another.
            let both = rule.rule.source_matchers.matches(labels);
            let inhibits = |id: &&Fingerprint| {
                let on_both = |a: &Alert| both && rule.rule.target_matchers.matches(&a.labels);
                alerts.get(id).is_some_and(|a| !a.is_resolved(now_ms) && !on_both(a))
            };
            found.extend(ids.iter().find(inhibits));
        }
        found
    }
}
