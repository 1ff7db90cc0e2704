//! Silences: conditions under which nobody is told.

use crate::labels::LabelSet;
use crate::matcher::Matchers;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long an expired silence is kept.
pub const RETENTION_MS: i64 = 120 * 3_600_000;
/// Most silences.
pub const SILENCES_MAX: usize = 100_000;
/// Most bytes of a comment and of a name.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// A silence. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    /// A UUID.
    pub id: String,
    /// Which alerts.
    pub matchers: Matchers,
    /// From when.
    pub starts_ms: i64,
    /// Until when.
    pub ends_ms: i64,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// When it was last changed.
    pub updated_ms: i64,
}

/// Whether a silence is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It is.
    Active,
    /// Not yet.
    Pending,
    /// No more.
    Expired,
}

impl SilenceState {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            SilenceState::Active => "active",
            SilenceState::Pending => "pending",
            SilenceState::Expired => "expired",
        }
    }
}

/// Why a silence is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none of this id.
    #[error("silence {0} not found")]
    NotFound(String),
    /// It is over already.
    #[error("silence {0} is already expired")]
    Expired(String),
    /// It cannot be meant.
    #[error("invalid silence: {0}")]
    Invalid(String),
    /// There are too many.
    #[error("there are {0} silences, the most allowed: expired ones are forgotten after 5 days")]
    TooMany(usize),
}

impl Silence {
    /// Whether it is in force.
    pub fn state(&self, now_ms: i64) -> SilenceState {
        if now_ms >= self.ends_ms {
            SilenceState::Expired
        } else if now_ms < self.starts_ms {
            SilenceState::Pending
        } else {
            SilenceState::Active
        }
    }

    fn check(&self) -> Result<(), SilenceError> {
        let wrong = |reason: &str| Err(SilenceError::Invalid(reason.to_owned()));
        if self.matchers.0.is_empty() {
            return wrong("at least one matcher required");
        }
        if self.matchers.0.iter().all(|m| m.matches_empty()) {
            return wrong("at least one matcher must not match the empty string");
        }
        if self.ends_ms < self.starts_ms {
            return wrong("end time must not be before start time");
        }
        if self.comment.len() > TEXT_BYTES_MAX || self.created_by.len() > TEXT_BYTES_MAX {
            return Err(SilenceError::Invalid(format!("a text is longer than {TEXT_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

/// All silences.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Silences {
    by_id: BTreeMap<String, Silence>,
}

impl Silences {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.by_id.values()
    }

    /// The one of this id.
    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.by_id.get(id)
    }

    /// What setting `wanted` means: the silences to put, the last of them being the one wanted. `fresh` is the id of a new
    /// one. A silence that cannot be changed into what is wanted expires, and a new one takes its place.
    pub fn set(&self, mut wanted: Silence, fresh: String, now_ms: i64) -> Result<Vec<Silence>, SilenceError> {
        wanted.updated_ms = now_ms;
        let mut puts = Vec::new();
        if !wanted.id.is_empty() {
            let Some(old) = self.by_id.get(&wanted.id) else { return Err(SilenceError::NotFound(wanted.id)) };
            wanted.check()?;
            if can_update(old, &wanted, now_ms) {
                return Ok(vec![wanted]);
            }
            if old.state(now_ms) != SilenceState::Expired {
                puts.push(expired(old, now_ms));
            }
        }
        wanted.starts_ms = wanted.starts_ms.max(now_ms);
        if wanted.ends_ms <= now_ms {
            return Err(SilenceError::Invalid("end time can't be in the past".to_owned()));
        }
        wanted.check()?;
        if self.by_id.len() >= SILENCES_MAX {
            return Err(SilenceError::TooMany(self.by_id.len()));
        }
        wanted.id = fresh;
        puts.push(wanted);
        Ok(puts)
    }

    /// The silence of this id, ended now.
    pub fn expire(&self, id: &str, now_ms: i64) -> Result<Silence, SilenceError> {
        let old = self.by_id.get(id).ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
        match old.state(now_ms) {
            SilenceState::Expired => Err(SilenceError::Expired(id.to_owned())),
            _ => Ok(expired(old, now_ms)),
        }
    }

    /// Takes a silence as it is.
    pub(crate) fn put(&mut self, silence: Silence) {
        self.by_id.insert(silence.id.clone(), silence);
    }

    /// Forgets silences that are long over.
    pub(crate) fn forget(&mut self, now_ms: i64) {
        self.by_id.retain(|_, s| now_ms.saturating_sub(s.ends_ms) < RETENTION_MS);
    }

    /// The silences in force that these labels satisfy.
    pub fn silencing<'a>(&'a self, labels: &'a LabelSet, now_ms: i64) -> impl Iterator<Item = &'a Silence> {
        let active = self.by_id.values().filter(move |s| s.state(now_ms) == SilenceState::Active);
        active.filter(|s| s.matchers.matches(labels))
    }
}

fn expired(old: &Silence, now_ms: i64) -> Silence {
    Silence { starts_ms: old.starts_ms.min(now_ms), ends_ms: now_ms, updated_ms: now_ms, ..old.clone() }
}

fn can_update(old: &Silence, new: &Silence, now_ms: i64) -> bool {
    if old.matchers != new.matchers {
        return false;
    }
    match old.state(now_ms) {
        SilenceState::Active => new.starts_ms == old.starts_ms && new.ends_ms >= now_ms,
        SilenceState::Pending => new.starts_ms >= now_ms,
        SilenceState::Expired => false,
    }
}
