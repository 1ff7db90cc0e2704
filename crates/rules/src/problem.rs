//! What is wrong with a file, and where.

use std::fmt;

/// A place in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column in characters.
    pub column: usize,
}

/// The group and rule that a problem is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Within {
    /// The name of the group.
    pub group: Option<String>,
    /// The number of the rule in its group, from 1, and its name.
    pub rule: Option<(usize, String)>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Option<Place>,
    /// In which group and rule.
    pub within: Within,
    /// What. It may have several lines.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(at: Place, message: String) -> Problem {
        Problem { at: Some(at), within: Within::default(), message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{}:{}: ", at.line, at.column)?;
        }
        if let Some(group) = &self.within.group {
            write!(f, "group {group:?}")?;
            if let Some((number, name)) = &self.within.rule {
                write!(f, ", rule {number}, {name:?}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}
