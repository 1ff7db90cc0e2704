//! The issues that error events make; refuses to know HTTP, stores and async runtimes.
//!
//! A [`Book`] follows issues through their life from notes of events ([`errors::Note`]) and from what people do, and a
//! [`Desk`] keeps what it knows in a journal.

mod book;
mod desk;
mod issue;
mod life;
mod record;
mod releases;
mod sessions;
mod tally;

pub use book::{Action, ActionError, Book, BookLimits, Counts, Regressed};
pub use desk::{Desk, Opened};
pub use issue::{Activity, Comment, Group, Happening, Issue, IssueId};
pub use journal::JournalError;
pub use life::{IgnoreUntil, Life, Status};
pub use record::decode_any;
pub use releases::compare as compare_releases;
pub use releases::{Release, Releases};
pub use sessions::{ReleaseHealth, SessionKey};
pub use tally::{DAY_S, HOUR_S, Named, Tally, Users};
