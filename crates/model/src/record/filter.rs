//! Conditions on the text of a body.

use memchr::memmem::Finder;
use regex::Regex;
use std::fmt;
use std::sync::Arc;

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FilterOp {
    /// The text holds the pattern.
    Contains,
    /// The text does not hold the pattern.
    NotContains,
    /// The regular expression matches somewhere in the text.
    Matches,
    /// The regular expression matches nowhere.
    NotMatches,
}

/// A condition on text. Cheap to clone; bytes are compared as they are, case counts.
#[derive(Clone)]
pub struct TextFilter {
    op: FilterOp,
    pattern: String,
    with: With,
}

#[derive(Clone)]
enum With {
    Finder(Arc<Finder<'static>>),
    Regex(Arc<Regex>),
}

/// A regular expression that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("regular expression {pattern:?} of a line filter: {reason}")]
pub struct FilterError {
    /// The pattern as given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A compiled pattern may take this much memory; larger ones are refused.
const REGEX_BYTES_MAX: usize = 4 << 20;

impl TextFilter {
    /// A filter. Only regular expressions can fail.
    pub fn new(op: FilterOp, pattern: &str) -> Result<TextFilter, FilterError> {
        let with = match op {
            FilterOp::Contains | FilterOp::NotContains => {
                With::Finder(Arc::new(Finder::new(pattern.as_bytes()).into_owned()))
            }
            FilterOp::Matches | FilterOp::NotMatches => {
                let compiled = regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
                With::Regex(Arc::new(
                    compiled
                        .map_err(|e| FilterError { pattern: pattern.to_owned(), reason: e.to_string() })?,
                ))
            }
        };
        Ok(TextFilter { op, pattern: pattern.to_owned(), with })
    }

    /// How it compares.
    pub fn op(&self) -> FilterOp {
        self.op
    }

    /// With what.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether a text passes.
    pub fn passes(&self, text: &str) -> bool {
        let found = match &self.with {
            With::Finder(finder) => finder.find(text.as_bytes()).is_some(),
            With::Regex(regex) => regex.is_match(text),
        };
        found == matches!(self.op, FilterOp::Contains | FilterOp::Matches)
    }
}

impl PartialEq for TextFilter {
    fn eq(&self, other: &TextFilter) -> bool {
        self.op == other.op && self.pattern == other.pattern
    }
}

impl fmt::Debug for TextFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({:?})", self.op, self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes() {
        for (op, pattern, text, passes) in [
            (FilterOp::Contains, "lo wo", "hello world", true),
            (FilterOp::Contains, "Hello", "hello world", false),
            (FilterOp::Contains, "", "", true),
            (FilterOp::NotContains, "world", "hello", true),
            (FilterOp::Matches, "^h.*d$", "hello world", true),
            (FilterOp::Matches, "(?i)HELLO", "hello world", true),
            (FilterOp::NotMatches, "o w", "hello world", false),
        ] {
            assert_eq!(
                TextFilter::new(op, pattern).unwrap().passes(text),
                passes,
                "{op:?} {pattern:?} {text:?}"
            );
        }
        let wrong = TextFilter::new(FilterOp::Matches, "(a").unwrap_err();
        assert!(wrong.to_string().contains("\"(a\""), "{wrong}");
        assert!(TextFilter::new(FilterOp::Matches, r"\w{9000}").is_err(), "size is bounded");
    }
}
