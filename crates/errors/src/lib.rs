//! Error events; refuses to know HTTP, files, stores and async runtimes.
//!
//! An [`Event`] is what one failure left behind, whoever told of it. [`group`] says which failures are the same one;
//! [`text`] finds stack traces in plain text; a [`Note`] is what is counted of an event.

mod bounds;
mod event;
mod grouping;
mod message;
mod names;
mod note;
mod pack;
pub mod text;
mod variables;

pub use bounds::Bounds;
pub use event::{
    Breadcrumb, Context, Event, EventId, Exception, Frame, Mechanism, Origin, Request, Sdk, Stack, Thread,
    User,
};
pub use grouping::{GroupHash, Grouped, Rule, group};
pub use message::{culprit, normalise, title};
pub use note::{Note, Occurrence, SessionNote, SessionStatus, user_hash};
pub use pack::{Item, NOTE_COLUMNS, Pack, level, note_of};
