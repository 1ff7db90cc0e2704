//! Errors: ways in for Sentry's SDKs, errors found in spans and logs, the issues they make, and what is asked about them.

mod actions;
mod answer;
mod event;
mod found;
mod health;
mod issue;
mod keeping;
mod list;
mod metrics;
mod overview;
mod read;
mod sentry;
mod tracker;

pub use actions::{act, act_on_many};
pub use event::{attachment, attachments, event, events};
pub use found::{in_logs, in_spans};
pub use health::{feedback, projects, releases};
pub use issue::{issue, said, tags};
pub use keeping::{Find, Noticing};
pub use list::list;
pub use metrics::{families, record};
pub use sentry::{allow, envelope, is_sentry, store};
pub use tracker::Tracker;
