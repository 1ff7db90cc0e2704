//! Conditions on one label.

use regex::Regex;
use regex_syntax::hir::literal::Extractor;
use std::fmt;
use std::sync::Arc;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// As written in a selector.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// A condition on one label. An absent label has the empty value.
#[derive(Clone)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Arc<Compiled>>,
}

struct Compiled {
    regex: Regex,
    literals: Option<Vec<String>>,
}

/// A regular expression that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("regular expression {pattern:?} of label {label:?}: {reason}")]
pub struct MatcherError {
    /// The label whose matcher it is.
    pub label: String,
    /// The pattern as given.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Compiled patterns may take this much memory each; larger ones are refused.
const REGEX_BYTES_MAX: usize = 4 << 20;
/// Patterns that stand for up to this many plain strings are answered from those strings.
const LITERALS_MAX: usize = 512;

impl Matcher {
    /// A matcher. Regular expressions match the whole value, and `.` matches a newline too.
    pub fn new(
        op: MatchOp,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Matcher, MatcherError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Arc::new(compile(&name, &value)?)),
        };
        Ok(Matcher { name, op, value, regex })
    }

    /// `name="value"`, which cannot fail.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Matcher {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// The label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The comparison.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The value or pattern as given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a value of the label satisfies this matcher.
    pub fn matches(&self, v: &str) -> bool {
        match self.op {
            MatchOp::Equal => v == self.value,
            MatchOp::NotEqual => v != self.value,
            MatchOp::Regex => self.regex_matches(v),
            MatchOp::NotRegex => !self.regex_matches(v),
        }
    }

    /// Whether series without the label satisfy this matcher.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// Every value the pattern (or the plain value) stands for, if they are few and known without trying:
    /// `a|b|c` gives three. For the negative operators these are the values that do *not* match.
    pub fn literals(&self) -> Option<&[String]> {
        match &self.regex {
            None => Some(std::slice::from_ref(&self.value)),
            Some(c) => c.literals.as_deref(),
        }
    }

    fn regex_matches(&self, v: &str) -> bool {
        let Some(c) = &self.regex else { return false };
        match &c.literals {
            Some(l) if l.len() <= 16 => l.iter().any(|x| x == v),
            _ => c.regex.is_match(v),
        }
    }
}

fn compile(label: &str, pattern: &str) -> Result<Compiled, MatcherError> {
    let fail = |reason: String| MatcherError { label: label.to_owned(), pattern: pattern.to_owned(), reason };
    // Parse alone first, so that an unbalanced pattern cannot lean on the anchors.
    let hir = regex_syntax::ParserBuilder::new()
        .dot_matches_new_line(true)
        .build()
        .parse(pattern)
        .map_err(|e| fail(last_line(&e.to_string())))?;
    let regex = regex::RegexBuilder::new(&format!("^(?:{pattern})$"))
        .dot_matches_new_line(true)
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|e| fail(last_line(&e.to_string())))?;
    Ok(Compiled { regex, literals: exact_literals(&hir) })
}

fn exact_literals(hir: &regex_syntax::hir::Hir) -> Option<Vec<String>> {
    if !hir.properties().look_set().is_empty() {
        return None;
    }
    let mut extractor = Extractor::new();
    extractor.limit_total(LITERALS_MAX).limit_class(16).limit_repeat(4).limit_literal_len(1024);
    let seq = extractor.extract(hir);
    let literals = seq.literals()?;
    if !literals.iter().all(|l| l.is_exact()) {
        return None;
    }
    let mut out: Vec<String> =
        literals.iter().map(|l| String::from_utf8(l.as_bytes().to_vec()).ok()).collect::<Option<_>>()?;
    out.sort();
    out.dedup();
    Some(out)
}

fn last_line(s: &str) -> String {
    s.lines().last().unwrap_or(s).trim().trim_start_matches("error: ").to_owned()
}

impl PartialEq for Matcher {
    fn eq(&self, o: &Self) -> bool {
        self.name == o.name && self.op == o.op && self.value == o.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn re(p: &str) -> Matcher {
        Matcher::new(MatchOp::Regex, "l", p).unwrap()
    }

    #[test]
    fn a_pattern_matches_the_whole_value() {
        assert!(re("a.*c").matches("abc") && re("a.*c").matches("a\nc"));
        assert!(!re("b").matches("abc"));
        assert!(re("|x").matches_empty() && re(".*").matches_empty() && !re(".+").matches_empty());
    }

    #[test]
    fn alternations_become_literals() {
        assert_eq!(re("a|b|c").literals().unwrap(), ["a", "b", "c"]);
        assert_eq!(re("host-0[1-3]").literals().unwrap(), ["host-01", "host-02", "host-03"]);
        assert_eq!(re("a.*").literals(), None);
        assert_eq!(re("a+").literals(), None);
        assert_eq!(re("").literals().unwrap(), [""]);
    }

    #[test]
    fn a_bad_pattern_names_label_and_reason() {
        let e = Matcher::new(MatchOp::Regex, "job", "a(").unwrap_err();
        assert_eq!(e.to_string(), r#"regular expression "a(" of label "job": unclosed group"#);
        assert!(Matcher::new(MatchOp::Regex, "job", "a)|(b").is_err());
    }
}
