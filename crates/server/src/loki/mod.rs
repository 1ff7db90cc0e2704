//! Loki's HTTP API over the store of logs: what Grafana, logcli and everything else that asks Loki asks for.

mod answer;
mod delete;
mod fields;
mod params;
mod query;
mod ruler;
mod source;
mod streams;
mod tail;

pub use delete::{cancel, delete, deletions};
pub use fields::{detected_fields, detected_values};
pub use params::span_ns;
pub use query::{engine, explain, format, instant, range};
pub use ruler::{read_only, rule_group, rules, rules_of};
pub use source::{Bounded, LogSource};
pub use streams::{build, detected_labels, label_names, label_values, series, stats, volume, volume_range};
pub use tail::tail;
