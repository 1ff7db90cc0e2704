//! What Sentry's SDKs send: envelopes, and single events as before there were envelopes
//! (<https://develop.sentry.dev/sdk/data-model/envelopes/>).
//!
//! Errors, sessions, attachments, feedback and check-ins become [`errors::Item`]s; transactions become spans, and logs
//! become log records, each in a writer of its own. Whatever else there is, is counted by its type and not kept. An item
//! that is wrong is refused alone.

mod auth;
mod envelope;
mod event;
mod logs;
mod parts;
mod session;
mod transaction;

pub use auth::{Auth, key_of_dsn};
pub use envelope::{envelope, store};

use crate::records::{RecordOutcome, RecordWriter};
use errors::{EventId, Item};
use std::collections::BTreeMap;

/// Bounds on envelopes. Each is the configuration key `issues.envelope.<field>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentryLimits {
    /// Items of one envelope.
    pub items_max: usize,
    /// Bytes of one item that is no attachment.
    pub item_bytes_max: usize,
    /// Bytes of one attachment.
    pub attachment_bytes_max: usize,
    /// Bytes of all attachments of one envelope.
    pub attachments_bytes_max: usize,
}

impl Default for SentryLimits {
    fn default() -> SentryLimits {
        SentryLimits {
            items_max: 1000,
            item_bytes_max: 2 << 20,
            attachment_bytes_max: 1 << 20,
            attachments_bytes_max: 8 << 20,
        }
    }
}

/// What an SDK says it left out itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// Why: `ratelimit_backoff`, `network_error`, `sample_rate`.
    pub reason: String,
    /// What: `error`, `transaction`, `session`.
    pub category: String,
    /// How many.
    pub quantity: u64,
}

/// What was in an envelope besides spans and logs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// The id that the answer names.
    pub event_id: Option<EventId>,
    /// The key of the DSN in the head, if there is one.
    pub key: Option<String>,
    /// What is kept.
    pub items: Vec<Item>,
    /// What is not, and why.
    pub outcome: RecordOutcome,
    /// Items not kept as there is no place for their type, by type.
    pub unknown: BTreeMap<String, u64>,
    /// What the SDK left out itself.
    pub discarded: Vec<Discarded>,
}

/// Where the parts of an envelope go that are no errors.
#[derive(Debug)]
pub struct Beside {
    /// Spans of transactions.
    pub spans: RecordWriter,
    /// Log records.
    pub logs: RecordWriter,
    /// The service of those that name none.
    pub service: String,
}
