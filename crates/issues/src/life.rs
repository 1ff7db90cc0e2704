//! The life of an issue.
//!
//! ```text
//!             resolve                        ignore
//! resolved ◄──────────── unresolved ────────────────────► ignored
//!    │                     ▲  ▲                              │
//!    └─────────────────────┘  └──────────────────────────────┘
//!     an event that counts     its time, count or users are reached
//!     (a regression)
//! ```

use crate::releases::Releases;
use serde::{Deserialize, Serialize};

/// What is to be done about an issue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Somebody should look.
    #[default]
    Unresolved,
    /// It is done.
    Resolved,
    /// Nobody should look, for now.
    Ignored,
}

impl Status {
    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            Status::Unresolved => "unresolved",
            Status::Resolved => "resolved",
            Status::Ignored => "ignored",
        }
    }

    /// By its word.
    pub fn from_text(word: &str) -> Option<Status> {
        [Status::Unresolved, Status::Resolved, Status::Ignored].into_iter().find(|s| s.text() == word)
    }
}

/// How long an issue is ignored: until the first of these is reached; for good without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IgnoreUntil {
    /// Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<i64>,
    /// So many more events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// So many more users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
}

/// Where an issue is in its life.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Life {
    /// What is to be done.
    pub status: Status,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
    /// Batches before this one were accepted before the status was set, and change it no more.
    pub(crate) since_batch: u64,
    /// Resolved in this release: events of older ones do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_release: Option<String>,
    /// Resolved in whatever comes after this release: its events and those of older ones do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_release: Option<String>,
    /// Ignored until this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<IgnoreUntil>,
    /// Events and users when it was ignored.
    pub(crate) ignored_at: (u64, u64),
    /// How often it came back after it was resolved.
    pub regressions: u32,
    /// Whether it is unresolved because it came back.
    pub regressed: bool,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned: Option<String>,
}

/// What an event does to the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It came back.
    Regressed,
    /// It need not be ignored any longer.
    Escalated,
}

/// What an event brings to the decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub batch: u64,
    pub now_ms: i64,
    pub release: &'a str,
    /// Events and users of the issue, this one counted.
    pub counts: (u64, u64),
}

impl Life {
    /// Sets a status; what belonged to the one before is forgotten.
    pub(crate) fn set(&mut self, status: Status, now_ms: i64, batch: u64) {
        let (regressions, assigned) = (self.regressions, self.assigned.take());
        *self =
            Life { status, since_ms: now_ms, since_batch: batch, regressions, assigned, ..Life::default() };
    }

    /// The status at a time: what is ignored until a time is unresolved afterwards.
    pub fn status_at(&self, now_ms: i64) -> Status {
        match (self.status, self.until) {
            (Status::Ignored, Some(IgnoreUntil { time_ms: Some(t), .. })) if now_ms >= t => {
                Status::Unresolved
            }
            (status, _) => status,
        }
    }

    /// An event came.
    pub(crate) fn event(&mut self, m: &Moment<'_>, releases: &Releases) -> Option<Turn> {
        if m.batch < self.since_batch {
            return None;
        }
        let turn = match self.status {
            Status::Unresolved => return None,
            Status::Resolved => self.comes_back(m.release, releases).then_some(Turn::Regressed)?,
            Status::Ignored => self.is_reached(m).then_some(Turn::Escalated)?,
        };
        self.set(Status::Unresolved, m.now_ms, m.batch);
        if turn == Turn::Regressed {
            self.regressed = true;
            self.regressions += 1;
        }
        Some(turn)
    }

    fn comes_back(&self, release: &str, releases: &Releases) -> bool {
        match (&self.in_release, &self.after_release) {
            // Which release it is of nobody knows: no reason to believe that it is the one with the repair.
            (Some(_), _) | (_, Some(_)) if release.is_empty() => false,
            (Some(fixed), _) => release == fixed || !releases.is_newer(fixed, release),
            (None, Some(last)) => release != last && releases.is_newer(release, last),
            (None, None) => true,
        }
    }

    fn is_reached(&self, m: &Moment<'_>) -> bool {
        let Some(until) = self.until else { return false };
        let (events, users) = self.ignored_at;
        until.time_ms.is_some_and(|t| m.now_ms >= t)
            || until.events.is_some_and(|n| m.counts.0 >= events.saturating_add(n))
            || until.users.is_some_and(|n| m.counts.1 >= users.saturating_add(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn releases() -> Releases {
        let mut all = Releases::default();
        for (at, name) in ["1.0.0", "1.1.0", "1.2.0"].into_iter().enumerate() {
            all.hear(name, at as i64);
        }
        all
    }

    fn moment(batch: u64, release: &str, events: u64) -> Moment<'_> {
        Moment { batch, now_ms: 100, release, counts: (events, 1) }
    }

    #[test]
    fn what_was_resolved_comes_back() {
        let mut life = Life::default();
        assert_eq!(life.event(&moment(1, "", 1), &releases()), None);
        life.set(Status::Resolved, 50, 5);
        assert_eq!(life.event(&moment(4, "", 2), &releases()), None, "it was accepted before");
        assert_eq!(life.event(&moment(5, "", 3), &releases()), Some(Turn::Regressed));
        assert!(life.regressed && life.regressions == 1 && life.status == Status::Unresolved);
        assert_eq!(life.event(&moment(5, "", 3), &releases()), None);
    }

    #[test]
    fn releases_decide_where_they_are_named() {
        for (in_release, after, release, back) in [
            (Some("1.1.0"), None, "1.0.0", false),
            (Some("1.1.0"), None, "1.1.0", true),
            (Some("1.1.0"), None, "1.2.0", true),
            (Some("1.1.0"), None, "", false),
            (None, Some("1.1.0"), "1.0.0", false),
            (None, Some("1.1.0"), "1.1.0", false),
            (None, Some("1.1.0"), "1.2.0", true),
            (None, Some("1.1.0"), "9.9.9", true),
        ] {
            let mut life = Life::default();
            life.set(Status::Resolved, 0, 1);
            life.in_release = in_release.map(str::to_owned);
            life.after_release = after.map(str::to_owned);
            let turn = life.event(&moment(2, release, 1), &releases());
            assert_eq!(turn.is_some(), back, "{in_release:?} {after:?} {release}");
        }
    }

    #[test]
    fn ignored_until_something_is_reached() {
        let mut life = Life::default();
        life.set(Status::Ignored, 0, 1);
        assert_eq!(life.event(&moment(2, "", 1000), &releases()), None, "for good");
        life.until = Some(IgnoreUntil { events: Some(10), ..IgnoreUntil::default() });
        life.ignored_at = (1000, 1);
        assert_eq!(life.event(&moment(2, "", 1009), &releases()), None);
        assert_eq!(life.event(&moment(2, "", 1010), &releases()), Some(Turn::Escalated));
        assert!(!life.regressed);
        life.set(Status::Ignored, 0, 1);
        life.until = Some(IgnoreUntil { time_ms: Some(90), ..IgnoreUntil::default() });
        assert_eq!((life.status_at(89), life.status_at(90)), (Status::Ignored, Status::Unresolved));
        assert_eq!(life.event(&moment(2, "", 1), &releases()), Some(Turn::Escalated));
    }
}
