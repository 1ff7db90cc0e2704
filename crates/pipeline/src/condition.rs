//! What a record must be for something to happen.

use crate::config::{Condition, PipelineError};
use crate::draft::{Draft, number, shown};
use bumpalo::Bump;
use memchr::memmem::Finder;
use model::Labels;
use model::record::Severity;
use regex::Regex;

/// A compiled pattern may take this much memory.
pub(crate) const REGEX_BYTES_MAX: usize = 4 << 20;

/// A condition, compiled.
#[derive(Debug)]
pub(crate) struct Test {
    field: Option<String>,
    equals: Option<String>,
    any_of: Option<Vec<String>>,
    contains: Option<Finder<'static>>,
    matches: Option<Regex>,
    exists: Option<bool>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    level_at_least: Option<Severity>,
    level_at_most: Option<Severity>,
    not: bool,
}

/// Compiles a regular expression within bounds.
pub(crate) fn regex(field: &str, pattern: &str) -> Result<Regex, PipelineError> {
    regex::RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|e| PipelineError::new(field, e.to_string()))
}

/// A level by its word.
pub(crate) fn level(field: &str, word: &str) -> Result<Severity, PipelineError> {
    match Severity::from_text(word) {
        Severity::UNKNOWN => Err(PipelineError::new(
            field,
            format!("{word:?} is no level: use trace, debug, info, notice, warn, error, critical or fatal"),
        )),
        severity => Ok(severity),
    }
}

impl Test {
    pub fn new(config: &Condition) -> Result<Test, PipelineError> {
        let of_level =
            |name: &str, word: &Option<String>| word.as_deref().map(|w| level(name, w)).transpose();
        if *config == Condition::default() {
            let reason =
                "says nothing: give field with equals, contains, matches or exists, or level_at_most";
            return Err(PipelineError::new("", reason));
        }
        Ok(Test {
            field: config.field.clone(),
            equals: config.equals.clone(),
            any_of: config.any_of.clone(),
            contains: config.contains.as_ref().map(|c| Finder::new(c.as_bytes()).into_owned()),
            matches: config.matches.as_deref().map(|m| regex("matches", m)).transpose()?,
            exists: config.exists,
            at_least: config.at_least,
            at_most: config.at_most,
            level_at_least: of_level("level_at_least", &config.level_at_least)?,
            level_at_most: of_level("level_at_most", &config.level_at_most)?,
            not: config.not,
        })
    }

    /// Whether a record of a stream meets it.
    pub fn holds<'a>(&self, draft: &Draft<'a>, labels: &'a Labels, arena: &'a Bump) -> bool {
        self.all(draft, labels, arena) != self.not
    }

    fn all<'a>(&self, draft: &Draft<'a>, labels: &'a Labels, arena: &'a Bump) -> bool {
        let level = draft.severity;
        if self.level_at_least.is_some_and(|l| level == Severity::UNKNOWN || level < l)
            || self.level_at_most.is_some_and(|l| level == Severity::UNKNOWN || level > l)
        {
            return false;
        }
        let value = match &self.field {
            None => Some(draft.body),
            Some(name) => draft.get(name),
        };
        let label = self.field.as_deref().and_then(|name| {
            let changed = draft.labels.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            changed.or_else(|| labels.get(name))
        });
        let is_there = value.is_some() || label.is_some();
        if self.exists.is_some_and(|e| e != is_there) {
            return false;
        }
        let looks = self.equals.is_some()
            || self.any_of.is_some()
            || self.contains.is_some()
            || self.matches.is_some()
            || self.at_least.is_some()
            || self.at_most.is_some();
        if !looks {
            return true;
        }
        let text = match (value, label) {
            (Some(v), _) => shown(v, arena),
            (None, Some(l)) => l,
            (None, None) => return false,
        };
        let number = || value.and_then(number).or_else(|| text.trim().parse().ok());
        self.equals.as_ref().is_none_or(|e| *e == text)
            && self.any_of.as_ref().is_none_or(|all| all.iter().any(|one| one == text))
            && self.contains.as_ref().is_none_or(|f| f.find(text.as_bytes()).is_some())
            && self.matches.as_ref().is_none_or(|r| r.is_match(text))
            && self.at_least.is_none_or(|least| number().is_some_and(|n| n >= least))
            && self.at_most.is_none_or(|most| number().is_some_and(|n| n <= most))
    }
}
