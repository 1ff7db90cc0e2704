//! What running tests came to.

use crate::problem::Place;

/// The tests of one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileReport {
    /// Its test groups that were run, in order.
    pub groups: Vec<GroupReport>,
}

/// One test group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupReport {
    /// Its name; `unnamed#2` if it has none.
    pub name: String,
    /// Where it stands.
    pub at: Place,
    /// Its cases: alerts first, then queries, both in the order of the file.
    pub cases: Vec<Case>,
    /// Why it could not be run to its end.
    pub error: Option<String>,
    /// All series at its end, a line each, if asked for.
    pub dump: Vec<String>,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What is looked at: `alert X at 5m`.
    pub title: String,
    /// Where it stands.
    pub at: Place,
    /// How it does not hold.
    pub failure: Option<Failure>,
}

/// How a case does not hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Something else came than was expected. Both as lines; none is nothing.
    Different {
        /// What was expected.
        expected: Vec<String>,
        /// What came.
        got: Vec<String>,
    },
    /// It could not be looked at.
    Error(String),
}

impl GroupReport {
    /// Cases that hold.
    pub fn passed(&self) -> usize {
        self.cases.iter().filter(|c| c.failure.is_none()).count()
    }

    /// Cases that do not hold, and one more if the group could not be run to its end.
    pub fn failed(&self) -> usize {
        self.cases.len() - self.passed() + usize::from(self.error.is_some())
    }
}

impl FileReport {
    /// Cases that hold.
    pub fn passed(&self) -> usize {
        self.groups.iter().map(GroupReport::passed).sum()
    }

    /// Cases that do not hold, and groups that could not be run to their end.
    pub fn failed(&self) -> usize {
        self.groups.iter().map(GroupReport::failed).sum()
    }
}
