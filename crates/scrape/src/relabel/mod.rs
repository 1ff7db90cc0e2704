//! Relabelling: rules that rewrite, keep or drop label sets.
//!
//! The semantics are those of Prometheus: expressions match the whole joined value, `$1` and `${name}` insert
//! what a group matched, and rules apply in order until one drops the set.

mod regex;
mod template;

use crate::config::{Invalid, NameScheme};
use md5::{Digest, Md5};
use model::{LabelsBuilder, is_legacy_label_name};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use template::Template;

pub use self::regex::Pattern;

/// A rule as written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelabelConfig {
    /// Labels whose values are joined to what the rule looks at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_labels: Option<Vec<String>>,
    /// What stands between joined values, `;` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// What the joined value is matched with, `(.*)` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// The divisor of `hashmod`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modulus: Option<u64>,
    /// The label that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_label: Option<String>,
    /// What is written, `$1` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// What the rule does, `replace` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Writes a label if the value matches.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Writes a hash of the value, modulo `modulus`.
    HashMod,
    /// Copies labels whose names match to new names.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Writes the value in lower case.
    Lowercase,
    /// Writes the value in upper case.
    Uppercase,
    /// Drops what does not equal the target label.
    KeepEqual,
    /// Drops what equals the target label.
    DropEqual,
}

const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("hashmod", Action::HashMod),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
];

impl Action {
    fn as_str(self) -> &'static str {
        ACTIONS.iter().find(|(_, a)| *a == self).map_or("", |(name, _)| name)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Action, D::Error> {
        let name = String::deserialize(d)?;
        let lower = name.to_lowercase();
        ACTIONS.iter().find(|(n, _)| *n == lower).map(|(_, a)| *a).ok_or_else(|| {
            let all: Vec<&str> = ACTIONS.iter().map(|(n, _)| *n).collect();
            serde::de::Error::custom(format!("unknown relabel action {name:?}: one of {}", all.join(", ")))
        })
    }
}

/// Rules in order, ready to apply. Equal rules do the same.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    source: Vec<RelabelConfig>,
    names: NameScheme,
}

impl PartialEq for Rules {
    fn eq(&self, other: &Rules) -> bool {
        self.source == other.source && self.names == other.names
    }
}

#[derive(Debug, Clone)]
struct Rule {
    source: Vec<String>,
    separator: String,
    step: Step,
}

/// An action with exactly what it needs.
#[derive(Debug, Clone)]
enum Step {
    Replace {
        pattern: Pattern,
        target: Template,
        replacement: Template,
    },
    /// A replacement that depends on nothing: the label is simply set.
    Set {
        target: String,
        value: String,
    },
    Keep(Pattern),
    Drop(Pattern),
    HashMod {
        target: String,
        modulus: u64,
    },
    LabelMap {
        pattern: Pattern,
        replacement: Template,
    },
    LabelDrop(Pattern),
    LabelKeep(Pattern),
    Lowercase(String),
    Uppercase(String),
    KeepEqual(String),
    DropEqual(String),
}

const ANYTHING: &str = "(.*)";
const WHOLE: &str = "$1";

impl Rules {
    /// Compiles rules; `field` names the list in errors.
    pub fn compile(configs: &[RelabelConfig], names: NameScheme, field: &str) -> Result<Rules, Invalid> {
        let rule = |(at, c)| compile(c, names).map_err(|e: Invalid| e.within(&format!("{field}[{at}]")));
        let rules = configs.iter().enumerate().map(rule).collect::<Result<_, _>>()?;
        Ok(Rules { rules, source: configs.to_vec(), names })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Applies the rules; false if one of them drops the set.
    #[must_use]
    pub fn apply(&self, labels: &mut LabelsBuilder<'_>) -> bool {
        self.rules.iter().all(|rule| rule.apply(labels, self.names))
    }
}

fn valid_name(name: &str, names: NameScheme) -> bool {
    match names {
        NameScheme::Utf8 => !name.is_empty(),
        NameScheme::Legacy => is_legacy_label_name(name),
    }
}

fn compile(c: &RelabelConfig, names: NameScheme) -> Result<Rule, Invalid> {
    let action = c.action.unwrap_or_default();
    check_fields(c, action)?;
    let pattern = || {
        let text = c.regex.as_deref().unwrap_or(ANYTHING);
        Pattern::new(text).map_err(|reason| Invalid::new("regex", format!("{text:?}: {reason}")))
    };
    let target = || -> Result<String, Invalid> {
        let name = c.target_label.clone().unwrap_or_default();
        if name.is_empty() {
            return Err(Invalid::new(
                "target_label",
                format!("is required for the action {}", action.as_str()),
            ));
        }
        if !valid_name(&name, names) {
            return Err(Invalid::new("target_label", format!("{name:?} is not a valid label name")));
        }
        Ok(name)
    };
    let step = match action {
        Action::Replace => replace(c, names, pattern()?)?,
        Action::Keep => Step::Keep(pattern()?),
        Action::Drop => Step::Drop(pattern()?),
        Action::HashMod => Step::HashMod {
            target: target()?,
            modulus: c
                .modulus
                .filter(|m| *m > 0)
                .ok_or_else(|| Invalid::new("modulus", "must be 1 or more for the action hashmod"))?,
        },
        Action::LabelMap => {
            let pattern = pattern()?;
            let text = c.replacement.as_deref().unwrap_or(WHOLE);
            let replacement = Template::new(text, &pattern);
            if !replacement.may_be_name(|t| valid_name(t, names)) {
                return Err(Invalid::new("replacement", format!("{text:?} cannot be a label name")));
            }
            Step::LabelMap { pattern, replacement }
        }
        Action::LabelDrop => Step::LabelDrop(pattern()?),
        Action::LabelKeep => Step::LabelKeep(pattern()?),
        Action::Lowercase => Step::Lowercase(target()?),
        Action::Uppercase => Step::Uppercase(target()?),
        Action::KeepEqual => Step::KeepEqual(target()?),
        Action::DropEqual => Step::DropEqual(target()?),
    };
    Ok(Rule {
        source: c.source_labels.clone().unwrap_or_default(),
        separator: c.separator.clone().unwrap_or_else(|| ";".to_owned()),
        step,
    })
}

fn replace(c: &RelabelConfig, names: NameScheme, pattern: Pattern) -> Result<Step, Invalid> {
    let name = c.target_label.as_deref().unwrap_or("");
    if name.is_empty() {
        return Err(Invalid::new("target_label", "is required for the action replace"));
    }
    let target = Template::new(name, &pattern);
    if !target.may_be_name(|t| valid_name(t, names)) {
        return Err(Invalid::new("target_label", format!("{name:?} is not a valid label name")));
    }
    let replacement = Template::new(c.replacement.as_deref().unwrap_or(WHOLE), &pattern);
    let anything = c.regex.as_deref().is_none_or(|r| r == ANYTHING);
    Ok(match (target.as_plain(), replacement.as_plain()) {
        (Some(target), Some(value)) if anything => Step::Set { target, value },
        _ => Step::Replace { pattern, target, replacement },
    })
}

/// Fields an action has no use for are mistakes, not noise.
fn check_fields(c: &RelabelConfig, action: Action) -> Result<(), Invalid> {
    let set = [
        ("source_labels", c.source_labels.is_some()),
        ("separator", c.separator.as_deref().is_some_and(|s| s != ";")),
        ("regex", c.regex.as_deref().is_some_and(|r| r != ANYTHING)),
        ("modulus", c.modulus.is_some_and(|m| m != 0)),
        ("target_label", c.target_label.as_deref().is_some_and(|t| !t.is_empty())),
        ("replacement", c.replacement.as_deref().is_some_and(|r| r != WHOLE)),
    ];
    let refused: &[&str] = match action {
        Action::LabelDrop | Action::LabelKeep => {
            &["source_labels", "separator", "modulus", "target_label", "replacement"]
        }
        Action::KeepEqual | Action::DropEqual => &["separator", "regex", "modulus", "replacement"],
        Action::Lowercase | Action::Uppercase => &["replacement"],
        _ => &[],
    };
    match set.iter().find(|(name, set)| *set && refused.contains(name)) {
        Some((name, _)) => Err(Invalid::new(
            *name,
            format!("has no meaning for the action {}: leave it out", action.as_str()),
        )),
        None => Ok(()),
    }
}

impl Rule {
    fn value<'b>(&self, labels: &'b LabelsBuilder<'_>) -> Cow<'b, str> {
        match self.source.as_slice() {
            [] => Cow::Borrowed(""),
            [one] => Cow::Borrowed(labels.get(one)),
            many => {
                let values: Vec<&str> = many.iter().map(|n| labels.get(n)).collect();
                Cow::Owned(values.join(&self.separator))
            }
        }
    }

    fn apply(&self, labels: &mut LabelsBuilder<'_>, names: NameScheme) -> bool {
        match &self.step {
            Step::Keep(p) => return p.is_match(&self.value(labels)),
            Step::Drop(p) => return !p.is_match(&self.value(labels)),
            Step::KeepEqual(target) => return self.value(labels) == labels.get(target),
            Step::DropEqual(target) => return self.value(labels) != labels.get(target),
            Step::Set { target, value } => {
                labels.set(target.clone(), value.clone());
            }
            Step::Replace { pattern, target, replacement } => {
                let written = {
                    let value = self.value(labels);
                    pattern.captures(&value).map(|c| (target.expand(&c), replacement.expand(&c)))
                };
                if let Some((name, value)) = written.filter(|(name, _)| valid_name(name, names)) {
                    labels.set(name, value);
                }
            }
            Step::HashMod { target, modulus } => {
                let digest = Md5::digest(self.value(labels).as_bytes());
                let hash = digest[8..].iter().fold(0u64, |h, b| h << 8 | u64::from(*b));
                labels.set(target.clone(), (hash % modulus).to_string());
            }
            Step::Lowercase(target) => {
                let value = self.value(labels).to_lowercase();
                labels.set(target.clone(), value);
            }
            Step::Uppercase(target) => {
                let value = self.value(labels).to_uppercase();
                labels.set(target.clone(), value);
            }
            Step::LabelMap { pattern, replacement } => label_map(labels, pattern, replacement),
            Step::LabelDrop(p) => {
                labels.retain(|name| !p.is_match(name));
            }
            Step::LabelKeep(p) => {
                labels.retain(|name| p.is_match(name));
            }
        }
        true
    }
}

fn label_map(labels: &mut LabelsBuilder<'_>, pattern: &Pattern, replacement: &Template) {
    let mut copies: Vec<(String, String)> = labels
        .pairs()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| {
            pattern.captures(name).map(|c| (replacement.expand(&c), value.to_owned()))
        })
        .filter(|(name, _)| !name.is_empty())
        .collect();
    // Where two names map to one, the later of the two in order of name wins, whatever the builder's own order.
    copies.sort();
    for (name, value) in copies {
        labels.set(name, value);
    }
}
