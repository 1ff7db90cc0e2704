//! The labels of one row.

use super::{ERROR, ERROR_DETAILS};
use crate::ast::LabelPick;

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The stream.
    Stream,
    /// An attribute of the record: Loki's structured metadata.
    Structured,
    /// A stage of the pipeline.
    Parsed,
}

/// A label of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair<'b> {
    pub name: &'b str,
    pub value: &'b str,
    pub kind: Kind,
}

/// The labels of a row, in no order, no name twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowLabels<'b> {
    pub pairs: Vec<Pair<'b>>,
    /// What failed first; empty if nothing did.
    pub error: &'b str,
    pub details: &'b str,
}

impl<'b> RowLabels<'b> {
    /// Forgets all labels and keeps the memory.
    pub fn clear(&mut self) {
        self.pairs.clear();
        (self.error, self.details) = ("", "");
    }

    fn find(&self, name: &str) -> Option<&Pair<'b>> {
        self.pairs.iter().find(|p| p.name == name)
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&'b str> {
        match name {
            ERROR => (!self.error.is_empty()).then_some(self.error),
            ERROR_DETAILS => (!self.details.is_empty()).then_some(self.details),
            _ => self.find(name).map(|p| p.value),
        }
    }

    /// Whether the stream or the record has a label of that name.
    pub fn is_original(&self, name: &str) -> bool {
        self.find(name).is_some_and(|p| p.kind != Kind::Parsed)
    }

    /// Adds what a parser found. What was found first stays.
    pub fn add_parsed(&mut self, name: &'b str, value: &'b str) {
        if self.find(name).is_none() {
            self.pairs.push(Pair { name, value, kind: Kind::Parsed });
        }
    }

    /// Gives a label a value, whatever it was.
    pub fn set(&mut self, name: &'b str, value: &'b str) {
        let pair = Pair { name, value, kind: Kind::Parsed };
        match self.pairs.iter_mut().find(|p| p.name == name) {
            Some(known) => *known = pair,
            None => self.pairs.push(pair),
        }
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) {
        self.pairs.retain(|p| p.name != name);
    }

    /// Says that a stage failed, unless an earlier one did.
    pub fn fail(&mut self, error: &'b str, details: &'b str) {
        if self.error.is_empty() {
            (self.error, self.details) = (error, details);
        }
    }

    /// `drop`
    pub fn drop_picked(&mut self, pick: &LabelPick) {
        let name = pick.name();
        let matches = |value: &str| match pick {
            LabelPick::Name(_) => true,
            LabelPick::Matcher(m) => m.matches(value),
        };
        match name {
            ERROR if matches(self.error) => self.error = "",
            ERROR_DETAILS if matches(self.details) => self.details = "",
            _ => self.pairs.retain(|p| p.name != name || !matches(p.value)),
        }
    }

    /// `keep`; errors stay.
    pub fn keep_picked(&mut self, picks: &[LabelPick]) {
        self.pairs.retain(|p| {
            picks.iter().any(|pick| match pick {
                LabelPick::Name(name) => name == p.name,
                LabelPick::Matcher(m) => m.name() == p.name && m.matches(p.value),
            })
        });
    }
}
