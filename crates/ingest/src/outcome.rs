//! What became of a body, item by item.

use std::fmt::Display;

/// How many reasons of refusal are kept; the rest is only counted.
pub const REASONS_MAX: usize = 5;

/// What was handed to the appender and what was refused. A body with refusals is a *partial write*: the rest
/// is in the batch and can be committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Float samples appended.
    pub samples: u64,
    /// Native histograms appended.
    pub histograms: u64,
    /// Exemplars appended.
    pub exemplars: u64,
    /// Metadata entries appended.
    pub metadata: u64,
    /// Samples and histograms refused; a series refused without any counts once.
    pub rejected: u64,
    /// Exemplars refused.
    pub exemplars_rejected: u64,
    /// Why, for the first few refusals.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// Whether everything was appended.
    pub fn is_complete(&self) -> bool {
        self.rejected == 0 && self.exemplars_rejected == 0
    }

    /// The refusals as one message for the sender, `None` if there are none.
    pub fn refusal(&self) -> Option<String> {
        if self.is_complete() {
            return None;
        }
        let refused = self.rejected + self.exemplars_rejected;
        let accepted = self.samples + self.histograms + self.exemplars;
        let mut m = format!("{refused} of {} refused: {}", refused + accepted, self.reasons.join("; "));
        let more = refused.saturating_sub(self.reasons.len() as u64);
        if more > 0 {
            m.push_str(&format!("; and {more} more"));
        }
        Some(m)
    }

    /// Counts `n` samples as refused.
    pub(crate) fn reject(&mut self, n: u64, why: impl Display) {
        self.rejected += n.max(1);
        self.note(why);
    }

    /// Counts an exemplar as refused.
    pub(crate) fn reject_exemplar(&mut self, why: impl Display) {
        self.exemplars_rejected += 1;
        self.note(why);
    }

    /// Adds something that the sender is to be told.
    pub(crate) fn note(&mut self, why: impl Display) {
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(why.to_string());
        }
    }
}
