//! What an incident is.

use crate::severity::Severity;
use alerting::{Fingerprint, LabelSet, Outcome, Reason, SharedLabels};
use entities::EntityId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

/// An incident by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where an incident is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has taken it on.
    Triggered,
    /// Somebody has.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl Status {
    /// Its word.
    pub fn text(self) -> &'static str {
        match self {
            Status::Triggered => "triggered",
            Status::Acknowledged => "acknowledged",
            Status::Resolved => "resolved",
        }
    }

    /// By its word.
    pub fn from_text(word: &str) -> Option<Status> {
        [Status::Triggered, Status::Acknowledged, Status::Resolved].into_iter().find(|s| s.text() == word)
    }
}

/// That an incident is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// When that was said, Unix milliseconds.
    pub at_ms: i64,
    /// When it ended, Unix milliseconds.
    pub ended_ms: i64,
    /// By whom; nobody if all alerts were over for long enough.
    pub by: Option<String>,
}

/// How far an escalation has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The policy.
    pub policy: String,
    /// Steps taken of this round.
    pub step: usize,
    /// The round, from 0.
    pub round: u32,
    /// When the next step is due, Unix milliseconds; `None` after the last.
    pub next_ms: Option<i64>,
}

/// An incident without its alerts and its timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub id: IncidentId,
    /// What it is called.
    pub title: String,
    /// How grave its gravest alert is or was.
    pub severity: Severity,
    /// Where it is in its life.
    pub status: Status,
    /// When its first alert began, Unix milliseconds.
    pub started_ms: i64,
    /// When something last happened to it, Unix milliseconds.
    pub updated_ms: i64,
    /// When it was acknowledged and by whom.
    pub acknowledged: Option<(i64, String)>,
    /// Since when no alert of it fires, Unix milliseconds.
    pub quiet_ms: Option<i64>,
    /// Somebody reopened it: it is not over because nothing fires.
    #[serde(default)]
    pub held: bool,
    /// That it is over.
    pub resolved: Option<Resolved>,
    /// Whose it is.
    pub assigned: Option<String>,
    /// It became a part of this one.
    pub merged_into: Option<IncidentId>,
    /// How far its escalation has come.
    pub escalation: Option<Escalation>,
    /// The number of the next entry of its timeline.
    pub next_entry: u64,
}

/// An alert of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// What tells it from others.
    pub fingerprint: Fingerprint,
    /// Its labels.
    pub labels: SharedLabels,
    /// Texts about it.
    pub annotations: Arc<LabelSet>,
    /// Where it comes from.
    pub generator_url: Arc<str>,
    /// When it first began, Unix milliseconds.
    pub first_ms: i64,
    /// When it last began, Unix milliseconds.
    pub starts_ms: i64,
    /// When it ended or, while it fires, is thought to end at the latest, Unix milliseconds.
    pub ends_ms: i64,
    /// Whether it ended.
    pub ended: bool,
    /// How often it began.
    pub times: u32,
    /// What it is about, the most particular first.
    pub entities: Vec<EntityId>,
    /// Of an alert about no entity: its group.
    pub group: Option<String>,
}

impl Member {
    /// Its name.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    /// How grave it is.
    pub fn severity(&self) -> Severity {
        Severity::of_label(self.labels.get("severity").map_or("", String::as_str))
    }

    /// What it says in one line.
    pub fn summary(&self) -> &str {
        let said = self.annotations.get("summary").or_else(|| self.annotations.get("description"));
        said.and_then(|s| s.lines().next()).unwrap_or("")
    }

    /// As the timeline names it.
    pub fn named(&self) -> AlertRef {
        AlertRef {
            fingerprint: self.fingerprint,
            name: self.name().to_owned(),
            severity: self.severity(),
            summary: self.summary().to_owned(),
            labels: Arc::clone(&self.labels),
        }
    }
}

/// An alert as the timeline names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertRef {
    /// What tells it from others.
    pub fingerprint: Fingerprint,
    /// Its name.
    pub name: String,
    /// How grave it is.
    pub severity: Severity,
    /// What it says in one line.
    pub summary: String,
    /// Its labels.
    pub labels: SharedLabels,
}

/// That a receiver is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The decision's number; `None` where it was made before and its number is not known.
    pub delivery: Option<u64>,
    /// The receiver.
    pub receiver: String,
    /// The kind of way: `webhook`.
    pub way: String,
    /// The number among the receiver's ways of this kind.
    pub index: usize,
    /// What became of it, once that is known.
    pub outcome: Option<Outcome>,
    /// When that was, Unix milliseconds.
    pub done_ms: Option<i64>,
}

/// That somebody is told of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Who.
    pub person: String,
    /// Through which receivers.
    pub receivers: Vec<String>,
    /// At which step, from 1; 0 where somebody asked for it.
    pub step: usize,
    /// In which round, from 1.
    pub round: u32,
    /// Whether it says that the incident is over.
    pub end: bool,
    /// Whether the decisions to notify are made.
    pub asked: bool,
    /// These decisions.
    pub notifications: Vec<Notification>,
}

/// Whom an escalation named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The policy, unless somebody named people.
    pub policy: Option<String>,
    /// The step, from 1; 0 where somebody named people.
    pub step: usize,
    /// The round, from 1.
    pub round: u32,
    /// People who are told.
    pub people: Vec<String>,
    /// Schedules that were asked.
    pub schedules: Vec<String>,
}

/// Why an incident is open again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reopening {
    /// Somebody wanted it.
    Person,
    /// An alert of it fires again.
    Refire,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// It began to be.
    Opened {
        /// What it was called.
        title: String,
        /// How grave it was.
        severity: Severity,
    },
    /// An alert began to fire.
    Firing {
        /// Which.
        alert: AlertRef,
    },
    /// An alert ended.
    Ended {
        /// Which.
        alert: AlertRef,
    },
    /// It became more or less grave.
    Severity {
        /// Before.
        from: Severity,
        /// Since.
        to: Severity,
    },
    /// Somebody took it on.
    Acknowledged,
    /// Somebody gave it back.
    Unacknowledged,
    /// It was given to somebody, or to nobody.
    Assigned {
        /// To whom.
        to: Option<String>,
    },
    /// Somebody noted something.
    Note {
        /// What.
        text: String,
    },
    /// It is called otherwise.
    Title {
        /// Before.
        from: String,
        /// Since.
        to: String,
    },
    /// A step of a policy was taken, or somebody named people.
    Escalated(Reached),
    /// Somebody is told of it.
    Paged(Page),
    /// A receiver is told of its alerts.
    Notified {
        /// Which, and what became of it.
        notification: Notification,
        /// Why.
        reason: Reason,
        /// Of how many of its alerts.
        alerts: usize,
    },
    /// None of its alerts fires.
    Quiet,
    /// It is over.
    Resolved,
    /// It is not over.
    Reopened {
        /// Why.
        reason: Reopening,
    },
    /// Another one became a part of it.
    Merged {
        /// Which.
        incident: IncidentId,
    },
    /// It became a part of another one.
    MergedInto {
        /// Of which.
        incident: IncidentId,
    },
    /// Alerts of it became another one.
    Split {
        /// Which.
        incident: IncidentId,
        /// Their names.
        alerts: Vec<String>,
    },
    /// It was a part of another one.
    SplitFrom {
        /// Of which.
        incident: IncidentId,
    },
}

impl What {
    /// Its word.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Opened { .. } => "opened",
            What::Firing { .. } => "firing",
            What::Ended { .. } => "ended",
            What::Severity { .. } => "severity",
            What::Acknowledged => "acknowledged",
            What::Unacknowledged => "unacknowledged",
            What::Assigned { .. } => "assigned",
            What::Note { .. } => "note",
            What::Title { .. } => "title",
            What::Escalated(_) => "escalated",
            What::Paged(_) => "paged",
            What::Notified { .. } => "notified",
            What::Quiet => "quiet",
            What::Resolved => "resolved",
            What::Reopened { .. } => "reopened",
            What::Merged { .. } => "merged",
            What::MergedInto { .. } => "merged_into",
            What::Split { .. } => "split",
            What::SplitFrom { .. } => "split_from",
        }
    }

    /// Whether it goes first where there is too much.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            What::Firing { .. }
                | What::Ended { .. }
                | What::Notified { .. }
                | What::Quiet
                | What::Severity { .. }
        )
    }

    /// Notifications of it.
    pub fn notifications(&self) -> &[Notification] {
        match self {
            What::Paged(page) => &page.notifications,
            What::Notified { notification, .. } => std::slice::from_ref(notification),
            _ => &[],
        }
    }

    pub(crate) fn notifications_mut(&mut self) -> &mut [Notification] {
        match self {
            What::Paged(page) => &mut page.notifications,
            What::Notified { notification, .. } => std::slice::from_mut(notification),
            _ => &mut [],
        }
    }
}

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number within the incident.
    pub number: u64,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// Who did it, where somebody did.
    pub by: Option<String>,
    /// What happened.
    pub what: What,
}

/// An incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// What is said of it.
    pub head: Head,
    /// Its alerts.
    pub members: BTreeMap<Fingerprint, Member>,
    /// What happened, in order of number.
    pub entries: VecDeque<Entry>,
    /// Entries that were too many.
    pub dropped: u64,
}

impl Incident {
    /// Its number.
    pub fn id(&self) -> IncidentId {
        self.head.id
    }

    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        self.head.status != Status::Resolved
    }

    /// Alerts that fire.
    pub fn firing(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|m| !m.ended)
    }

    /// Whether none of its alerts fires, and it is not over.
    pub fn is_quiet(&self) -> bool {
        self.is_open() && self.firing().next().is_none()
    }

    /// What all its alerts have in common, and its severity.
    pub fn labels(&self) -> LabelSet {
        let mut members = self.members.values();
        let mut labels = members.next().map(|m| (*m.labels).clone()).unwrap_or_default();
        for member in members {
            labels.retain(|name, value| member.labels.get(name) == Some(value));
        }
        labels.insert("severity".to_owned(), self.head.severity.text().to_owned());
        labels
    }

    /// What its alerts are about.
    pub fn entities(&self) -> BTreeSet<&EntityId> {
        self.members.values().flat_map(|m| &m.entities).collect()
    }

    /// When it ended, or is now.
    pub fn end_ms(&self, now_ms: i64) -> i64 {
        self.head.resolved.as_ref().map_or(now_ms, |r| r.ended_ms).max(self.head.started_ms)
    }

    /// The entry of this number.
    pub fn entry(&self, number: u64) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&number, |e| e.number).ok()?;
        self.entries.get(at)
    }

    pub(crate) fn entry_mut(&mut self, number: u64) -> Option<&mut Entry> {
        let at = self.entries.binary_search_by_key(&number, |e| e.number).ok()?;
        self.entries.get_mut(at)
    }
}
