//! Error events and the issues they belong to; refuses to know HTTP, stores and async runtimes.
//!
//! An [`Event`] is what one failure left behind, whoever told of it. [`group`] says which failures are the same one;
//! [`text`] finds stack traces in plain text; a [`Book`] follows issues through their life from [`Note`]s of events and
//! from what people do, and a [`Desk`] keeps what it knows in a journal.

mod book;
mod bounds;
mod desk;
mod event;
mod grouping;
mod issue;
mod life;
mod message;
mod names;
mod note;
mod pack;
mod record;
mod releases;
mod sessions;
mod tally;
pub mod text;
mod variables;

pub use book::{Action, ActionError, Book, BookLimits, Counts, Regressed};
pub use bounds::Bounds;
pub use desk::{Desk, Opened};
pub use event::{
    Breadcrumb, Context, Event, EventId, Exception, Frame, Mechanism, Origin, Request, Sdk, Stack, Thread,
    User,
};
pub use grouping::{GroupHash, Grouped, Rule, group};
pub use issue::{Activity, Comment, Group, Happening, Issue, IssueId};
pub use journal::JournalError;
pub use life::{IgnoreUntil, Life, Status};
pub use message::{culprit, normalise, title};
pub use note::{Note, Occurrence, SessionNote, SessionStatus};
pub use pack::{Item, NOTE_COLUMNS, Pack, level, note_of};
pub use record::decode_any;
pub use releases::compare as compare_releases;
pub use releases::{Release, Releases};
pub use sessions::{ReleaseHealth, SessionKey};
pub use tally::{DAY_S, HOUR_S, Named, Tally, Users};
