//! What an entity is, how it is recognised from labels, and a catalogue of entities and their relations over time;
//! refuses to know stores, HTTP and async runtimes.
//!
//! Labels of series, streams, spans and events say who they are about, in OpenTelemetry's words or in those of scrapes.
//! [`recognise`] finds the entities in a set of labels and how they are related; [`Rules`] give them other names where
//! sources disagree; a [`Catalogue`] keeps what was found, since when and until when, within bounds.

mod catalogue;
mod entity;
mod recognise;
mod rules;

pub use catalogue::{Catalogue, Entry, Handle, Limits, Neighbour, Noted, Saved, Signal};
pub use entity::{EntityId, EntityType, Relation};
pub use recognise::{Found, recognise};
pub use rules::{RuleConfig, RuleError, Rules};
