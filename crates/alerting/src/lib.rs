//! From alerts to people; refuses to know rules, HTTP, sockets and async runtimes.
//!
//! It is what Alertmanager is: [`Config`] reads its configuration file, [`Core`] is a state machine that groups alerts
//! along the tree of routes, silences and inhibits them, and decides who is told. A [`Desk`] makes each decision
//! durable before it can be sent. [`message`] turns a decision into requests, mails and programs as plain data, which
//! somebody else carries out.

mod alert;
pub mod config;
mod core;
mod delivery;
mod desk;
mod inhibit;
mod labels;
mod matcher;
pub mod message;
mod record;
mod route;
mod silence;
mod state;
mod times;

pub use crate::core::{ALERTS_MAX, Core, Counts, Group, Happened, Out, Paging, Suppression};
pub use alert::{Alert, LABEL_BYTES_MAX, LABELS_MAX, Posted, Refusal};
pub use config::{Config, ConfigError};
pub use delivery::{Delivery, DeliveryId, Outcome, Reason, Sent, SentKey, Way};
pub use desk::{Committed, Desk};
pub use labels::{Fingerprint, LabelSet, SharedLabels, shown};
pub use matcher::{MatcherSyntax, Matchers, matcher_text};
pub use record::{RuleAlert, RuleState, decode_any};
pub use route::{Route, RouteId, Routes};
pub use silence::{Silence, SilenceError, SilenceState};
pub use times::{NamedTimes, Times};
