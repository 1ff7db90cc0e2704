//! From alerts to incidents that somebody takes on; refuses to know rules, HTTP, sockets, clocks and async runtimes.
//!
//! [`Core`] is a state machine: alerts, what people do and the time come in; records to be made durable and people to be told
//! come out. A [`Desk`] makes all of it durable before anybody is told. [`oncall`] says who is on call, and
//! [`postmortem`] writes a report.

mod act;
mod core;
mod desk;
mod escalate;
mod group;
mod incident;
pub mod oncall;
pub mod postmortem;
mod record;
mod severity;
mod state;

pub use crate::core::{Core, Counts, Histogram, Out, Seen, Settings, Surroundings};
pub use act::{Acted, Action, ActionError};
pub use desk::{Committed, Desk};
pub use escalate::PageRequest;
pub use incident::{
    AlertRef, Entry, Escalation, Head, Incident, IncidentId, Member, Notification, Page, Reached, Reopening,
    Resolved, Status, What,
};
pub use postmortem::expression;
pub use record::decode_any;
pub use severity::Severity;

/// Alerts of one incident; a full one takes no more.
pub const ALERTS_MAX: usize = 1_000;
/// Entries of one timeline; of more, the oldest about alerts and notifications go.
pub const ENTRIES_MAX: usize = 2_000;
/// Incidents; the oldest resolved ones go.
pub const INCIDENTS_MAX: usize = 10_000;
/// Bytes of the name of whoever does something.
pub const BY_BYTES_MAX: usize = 200;
/// Bytes of a note.
pub const NOTE_BYTES_MAX: usize = 10_000;
/// Bytes of a title.
pub const TITLE_BYTES_MAX: usize = 500;
