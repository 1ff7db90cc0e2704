//! Groups, and issues, which are one group or several that people put together.

use crate::life::{IgnoreUntil, Life, Status};
use crate::tally::Tally;
use errors::EventId;
use errors::GroupHash;
use model::record::Severity;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The id of an issue: that of its first group.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IssueId(pub GroupHash);

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Events that the rules say are the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// What they have in common.
    pub hash: GroupHash,
    /// Whose.
    pub tenant: String,
    /// Of which project.
    pub project: String,
    /// How its last event is called.
    pub title: String,
    /// Where that failed.
    pub culprit: String,
    /// The type of what was thrown.
    pub exception: String,
    /// The language or runtime.
    pub platform: String,
    /// The service of the last event.
    pub service: String,
    /// The rule that grouped them.
    pub rule: String,
    /// How grave the last event is.
    #[serde(with = "level")]
    pub level: Severity,
    /// The last event.
    pub(crate) last_event: [u8; 16],
    /// The counts.
    pub tally: Tally,
}

impl Group {
    /// The last event.
    pub fn last_event(&self) -> EventId {
        EventId(self.last_event)
    }
}

mod level {
    use model::record::Severity;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(level: &Severity, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(level.number())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Severity, D::Error> {
        Ok(Severity::from_number(u8::deserialize(d)?))
    }
}

/// Something that people look at, decide on and repair.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// Its id.
    pub id: IssueId,
    /// Whose.
    pub tenant: String,
    /// Of which project.
    pub project: String,
    /// Its groups.
    pub groups: Vec<GroupHash>,
    /// Where it is in its life.
    pub life: Life,
    /// What happened to it, the oldest first.
    pub activity: Vec<Activity>,
}

/// Entries of an issue's history: the newest ones.
pub(crate) const ACTIVITY_MAX: usize = 200;

impl Issue {
    pub(crate) fn happened(&mut self, at_ms: i64, by: &str, what: Happening) {
        if self.activity.len() >= ACTIVITY_MAX {
            self.activity.remove(0);
        }
        self.activity.push(Activity { at_ms, by: by.to_owned(), what });
    }
}

/// Something that happened to an issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who did it; nobody where it happened by itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// A comment on an issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// What was said.
    pub text: String,
}

/// What can happen to an issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Happening {
    /// Its first event came.
    Created,
    /// An event came after it was resolved.
    Regressed {
        /// In this release.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        release: String,
    },
    /// What it was ignored until is reached.
    Escalated,
    /// Somebody set the status.
    Set {
        /// To this.
        status: Status,
        /// In this release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_release: Option<String>,
        /// In what comes after this release.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_release: Option<String>,
        /// Until this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<IgnoreUntil>,
    },
    /// Somebody was given it, or nobody any longer.
    Assigned {
        /// Who.
        to: Option<String>,
    },
    /// Other issues were put into it.
    Merged {
        /// Their ids.
        from: Vec<IssueId>,
    },
    /// Groups were taken out of it.
    Split {
        /// Into these issues.
        into: Vec<IssueId>,
    },
    /// Somebody said something.
    Commented(Comment),
}
