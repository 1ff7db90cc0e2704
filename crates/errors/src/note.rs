//! What the book has to know of what was stored.

use crate::event::EventId;
use crate::grouping::GroupHash;
use model::record::Severity;
use serde::{Deserialize, Serialize};

/// Something that was stored and is to be counted.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// An error event.
    Event(Occurrence),
    /// A session.
    Session(SessionNote),
}

/// An error event, as far as it is counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Occurrence {
    /// Whose it is.
    pub tenant: String,
    /// The project.
    pub project: String,
    /// Its group.
    pub group: GroupHash,
    /// Its id.
    pub id: EventId,
    /// When it happened, Unix milliseconds.
    pub time_ms: i64,
    /// When it was accepted, Unix milliseconds.
    pub accepted_ms: i64,
    /// How grave it is.
    pub level: Severity,
    /// How it is called.
    pub title: String,
    /// Where it failed.
    pub culprit: String,
    /// The type of what was thrown.
    pub exception: String,
    /// The language or runtime.
    pub platform: String,
    /// The service.
    pub service: String,
    /// The release.
    pub release: String,
    /// The environment.
    pub environment: String,
    /// What tells the user from others.
    pub user: String,
    /// The rule that grouped it.
    pub rule: String,
    /// Whether the application caught it.
    pub handled: Option<bool>,
}

/// How a session ended, or is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It goes on.
    #[default]
    Ok,
    /// It ended well.
    Exited,
    /// The application failed.
    Crashed,
    /// It ended in a way that nobody knows: power, a kill.
    Abnormal,
    /// Errors were seen and handled.
    Errored,
}

/// A session, or a number of them that ended alike.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionNote {
    /// Whose it is.
    #[serde(skip)]
    pub tenant: String,
    /// The project.
    #[serde(skip)]
    pub project: String,
    /// Its id; none where they were counted by the sender.
    #[serde(skip)]
    pub id: Option<EventId>,
    /// The release.
    pub release: String,
    /// The environment.
    pub environment: String,
    /// Who was served, as a number.
    pub user: Option<u64>,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// Whether this is the first that is heard of it.
    pub init: bool,
    /// How it is.
    pub status: SessionStatus,
    /// Errors within it.
    pub errors: u64,
    /// Where they were counted by the sender: how many ended well, with errors, in a crash, and nobody knows how.
    pub counted: Option<[u64; 4]>,
}

/// The number by which a user is counted.
pub fn user_hash(user: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(user.as_bytes())
}
