//! Alerts as they are told to us.

use crate::labels::{Fingerprint, LabelSet, SharedLabels};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most labels of an alert, and most annotations.
pub const LABELS_MAX: usize = 512;
/// Most bytes of all labels of an alert, and of all annotations.
pub const LABEL_BYTES_MAX: usize = 256 << 10;

/// An alert. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// What tells it from others.
    pub labels: SharedLabels,
    /// Texts about it.
    pub annotations: Arc<LabelSet>,
    /// Since when.
    pub starts_ms: i64,
    /// Until when; it is over from then on. `i64::MAX` if only its sender can end it.
    pub ends_ms: i64,
    /// Where it comes from.
    pub generator_url: Arc<str>,
    /// When it was last told to us.
    pub updated_ms: i64,
    /// Whether its end is our own guess, because its sender gave none.
    pub timeout: bool,
}

/// An alert as a sender gives it. Times are Unix milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Posted {
    /// See [`Alert::labels`].
    pub labels: LabelSet,
    /// See [`Alert::annotations`].
    pub annotations: LabelSet,
    /// See [`Alert::starts_ms`].
    pub starts_ms: Option<i64>,
    /// See [`Alert::ends_ms`].
    pub ends_ms: Option<i64>,
    /// See [`Alert::generator_url`].
    pub generator_url: String,
}

/// Why an alert is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has no labels, or none with a value.
    #[error("at least one label pair required")]
    NoLabels,
    /// It ends before it starts.
    #[error("start time must be before end time")]
    Times,
    /// A name is empty.
    #[error("a {0} name is empty")]
    EmptyName(&'static str),
    /// There are too many alerts.
    #[error("there are {0} alerts, the most there can be: end some of them")]
    TooMany(usize),
    /// It is too large.
    #[error("{what}: {observed}, over the limit of {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        observed: usize,
        /// How much may be.
        limit: usize,
    },
}

fn within(what: [&'static str; 2], set: &LabelSet) -> Result<(), Refusal> {
    let bytes = set.iter().map(|(n, v)| n.len() + v.len()).sum();
    for (what, observed, limit) in [(what[0], set.len(), LABELS_MAX), (what[1], bytes, LABEL_BYTES_MAX)] {
        if observed > limit {
            return Err(Refusal::TooLarge { what, observed, limit });
        }
    }
    Ok(())
}

impl Posted {
    /// As it is kept. One without an end ends after `resolve_timeout_ms`.
    pub fn accept(mut self, now_ms: i64, resolve_timeout_ms: i64) -> Result<Alert, Refusal> {
        self.labels.retain(|_, v| !v.is_empty());
        if self.labels.is_empty() {
            return Err(Refusal::NoLabels);
        }
        for (what, set) in [("label", &self.labels), ("annotation", &self.annotations)] {
            if set.contains_key("") {
                return Err(Refusal::EmptyName(what));
            }
        }
        within(["number of labels", "bytes of labels"], &self.labels)?;
        within(["number of annotations", "bytes of annotations"], &self.annotations)?;
        let starts_ms = self.starts_ms.or(self.ends_ms).unwrap_or(now_ms);
        let ends_ms = self.ends_ms.unwrap_or(now_ms.saturating_add(resolve_timeout_ms));
        if ends_ms < starts_ms {
            return Err(Refusal::Times);
        }
        Ok(Alert {
            labels: Arc::new(self.labels),
            annotations: Arc::new(self.annotations),
            starts_ms,
            ends_ms,
            generator_url: self.generator_url.into(),
            updated_ms: now_ms,
            timeout: self.ends_ms.is_none(),
        })
    }
}

impl Alert {
    /// What tells it from others, as a number.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    /// Whether it is over at this time.
    pub fn is_resolved(&self, now_ms: i64) -> bool {
        self.ends_ms <= now_ms
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    /// This alert, told after `old` was. Where the two overlap they are one alert with one beginning.
    pub(crate) fn after(mut self, old: &Alert, now_ms: i64) -> Alert {
        let overlaps = (self.ends_ms > old.starts_ms && self.ends_ms < old.ends_ms)
            || (self.starts_ms > old.starts_ms && self.starts_ms < old.ends_ms);
        if !overlaps {
            return self;
        }
        self.starts_ms = self.starts_ms.min(old.starts_ms);
        let later = old.ends_ms > self.ends_ms;
        let keeps = match self.is_resolved(now_ms) {
            true => later && old.is_resolved(now_ms),
            false => later && !old.timeout,
        };
        if keeps {
            self.ends_ms = old.ends_ms;
        }
        self
    }
}
