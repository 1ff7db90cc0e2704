//! What is wrong with a configuration, in words for the person who wrote it.

use super::SUPPORTED_DISCOVERY;
use serde_saphyr::Error as YamlError;
use std::fmt;

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is not YAML, or not of the shape of this configuration.
    #[error("{0}")]
    Syntax(Problem),
    /// A value is of the right shape but cannot be meant.
    #[error("{}{invalid}", job_prefix(.job))]
    Invalid {
        /// The job, empty for the `global` section.
        job: String,
        /// What is wrong.
        invalid: Invalid,
    },
}

fn job_prefix(job: &str) -> String {
    if job.is_empty() { "global: ".to_owned() } else { format!("scrape_configs job {job:?}: ") }
}

/// A place in the text and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, both from 1, where known.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// The field, as a path within its job: `relabel_configs[2].regex`.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

impl Invalid {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Invalid {
        Invalid { field: field.into(), reason: reason.into() }
    }

    /// The same, one level further out.
    pub fn within(self, outer: &str) -> Invalid {
        Invalid { field: format!("{outer}.{}", self.field), reason: self.reason }
    }
}

/// Puts what the YAML reader found into words: where, what, and for an unknown key which known key was
/// likely meant. Works for any section, not only those of this crate.
pub fn explain(error: &YamlError) -> Problem {
    let error = error.without_snippet();
    let at = error.location().filter(|l| l.line() > 0).map(|l| (l.line(), l.column()));
    let message = match error {
        YamlError::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected),
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            let mut m = format!("{variant:?} is not one of {}", expected.join(", "));
            if let Some(near) = nearest(variant, expected) {
                m.push_str(&format!(": did you mean {near}?"));
            }
            m
        }
        YamlError::SerdeMissingField { field, .. } => format!("the key {field:?} is required here"),
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} occurs twice in this section")
        }
        YamlError::SerdeInvalidType { unexpected, expected, .. } => {
            format!("found {unexpected} where {expected} is expected")
        }
        YamlError::Message { msg, .. } => msg.clone(),
        YamlError::Unexpected { expected: "sequence start", .. } => "a list is expected here".to_owned(),
        YamlError::Unexpected { expected: "mapping start", .. } => {
            "keys and values are expected here".to_owned()
        }
        YamlError::InvalidScalar { ty: "boolean" | "bool", .. } => {
            "true or false is expected here".to_owned()
        }
        YamlError::InvalidScalar { ty: "u64" | "u16", .. } => {
            "a whole number, 0 or more, is expected here".to_owned()
        }
        YamlError::BinaryNotUtf8 { .. } => {
            "bytes that are no UTF-8 text are written as a list of numbers here, such as [0, 255]".to_owned()
        }
        other => strip_position(&other.to_string()),
    };
    Problem { at, message }
}

/// The reader's own messages end with the position, which is already told.
fn strip_position(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    match first.rfind(" at line ") {
        Some(at) => first[..at].trim_end_matches([',', ':']).to_owned(),
        None => first.to_owned(),
    }
}

fn unknown_key(field: &str, expected: &[&'static str]) -> String {
    if field.ends_with("_sd_configs") && expected.contains(&"static_configs") {
        let mut m = format!(
            "{field:?}: this kind of discovery is not supported; supported are {}",
            SUPPORTED_DISCOVERY.join(", ")
        );
        // `ec2` and `dns` are three edits apart and strangers all the same.
        match nearest_within(field, &SUPPORTED_DISCOVERY, 2) {
            Some(near) => m.push_str(&format!(" (did you mean {near:?}?)")),
            None => {
                m.push_str(" (any other source can be bridged through http_sd_configs or file_sd_configs)")
            }
        }
        return m;
    }
    match nearest(field, expected) {
        Some(near) => format!("unknown key {field:?}: did you mean {near:?}?"),
        None => format!("unknown key {field:?}: known here are {}", expected.join(", ")),
    }
}

/// The candidate fewest edits away, if so few that a slip of the hand explains them.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    nearest_within(word, candidates, (word.chars().count() / 3).clamp(1, 4))
}

fn nearest_within<'a>(word: &str, candidates: &[&'a str], budget: usize) -> Option<&'a str> {
    candidates
        .iter()
        .map(|c| (edits(word, c), *c))
        .filter(|(edits, _)| *edits <= budget)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, c)| c)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn edits(a: &str, b: &str) -> usize {
    let fold = |s: &str| s.to_lowercase().replace('-', "_").chars().take(64).collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["scrape_interval", "scrape_timeout", "job_name", "scheme"];
        assert_eq!(nearest("scrape_intervall", &known), Some("scrape_interval"));
        assert_eq!(nearest("scrape-timeout", &known), Some("scrape_timeout"));
        assert_eq!(nearest("jobname", &known), Some("job_name"));
        assert_eq!(nearest("shceme", &known), Some("scheme"));
        assert_eq!(nearest("alerting", &known), None);
    }
}
