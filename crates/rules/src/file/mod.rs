//! Rule files as Prometheus has them.

mod read;

use crate::language::{Expression, Language};
use crate::problem::{Place, Problem};
use std::collections::BTreeMap;

/// A rule file.
#[derive(Debug, Clone, Default)]
pub struct RuleFile {
    /// Its groups in order.
    pub groups: Vec<Group>,
    /// What is odd about the file and no mistake.
    pub warnings: Vec<Problem>,
}

/// Rules that are evaluated in order, at the same time.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name, of which there is one in a file.
    pub name: String,
    /// What its expressions are written in.
    pub language: Language,
    /// Whose records it reads, in LogQL and TraceQL; without it, those of senders that name no tenant.
    pub tenant: Option<String>,
    /// Milliseconds between evaluations; without it, what is configured for all groups.
    pub interval_ms: Option<i64>,
    /// How far in the past it is evaluated; without it, what is configured for all groups.
    pub query_offset_ms: Option<i64>,
    /// Most series of a recording rule, most alerts of an alerting rule.
    pub limit: Option<u64>,
    /// Labels added to all its rules; those of a rule win.
    pub labels: BTreeMap<String, String>,
    /// Its rules in order.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub at: Place,
}

/// Whether a rule records or alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// Its result becomes series of the rule's name.
    Record,
    /// Each series of its result is an alert.
    Alert,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Whether it records or alerts.
    pub kind: RuleKind,
    /// The metric name or the name of the alert.
    pub name: String,
    /// What is evaluated.
    pub expr: Expression,
    /// The same as written.
    pub expr_text: String,
    /// How long an alert is pending before it fires.
    pub for_ms: i64,
    /// How long an alert fires on after its condition ended.
    pub keep_firing_for_ms: i64,
    /// Labels of its series or alerts, those of its group included. Templates, for an alert.
    pub labels: BTreeMap<String, String>,
    /// Texts of its alerts: templates.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub at: Place,
}

/// How a rule file is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOptions {
    /// Whether keys that are not known are left alone.
    pub ignore_unknown_fields: bool,
    /// What expressions are written in where neither file nor group says so.
    pub language: Language,
}

/// Rules of one name with the same labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Their name.
    pub name: String,
    /// Their labels.
    pub labels: BTreeMap<String, String>,
    /// Where they stand.
    pub at: Vec<Place>,
}

impl RuleFile {
    /// Reads a rule file and checks all of it.
    pub fn parse(text: &str, options: FileOptions) -> Result<RuleFile, Vec<Problem>> {
        read::file(text, options)
    }

    /// The number of its rules.
    pub fn rule_count(&self) -> usize {
        self.groups.iter().map(|g| g.rules.len()).sum()
    }

    /// Rules that have name and labels in common. They may write the same series, which then has the values of
    /// either.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let mut seen: BTreeMap<(&str, &BTreeMap<String, String>), Vec<Place>> = BTreeMap::new();
        for rule in self.groups.iter().flat_map(|g| &g.rules) {
            seen.entry((&rule.name, &rule.labels)).or_default().push(rule.at);
        }
        let repeated = seen.into_iter().filter(|(_, at)| at.len() > 1);
        repeated
            .map(|((name, labels), at)| Duplicate { name: name.to_owned(), labels: labels.clone(), at })
            .collect()
    }
}
