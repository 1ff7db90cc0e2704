//! Recording and alerting rules; refuses to know stores, HTTP, clocks and async runtimes.
//!
//! [`RuleFile::parse`] reads a rule file of Prometheus and names everything that is wrong with it. A
//! [`RunningGroup`] evaluates the rules of a group in order: it asks [`Queries`], and hands what comes out to a
//! [`Sink`]. The life of an alert is [`Alerts::step`], a state machine without side effects. [`unittest`] runs the
//! unit tests that promtool runs.

mod alert;
mod expand;
mod file;
mod language;
mod order;
mod problem;
mod react;
mod readers;
mod running;
pub mod unittest;
mod yaml;

pub use alert::{
    Alert, AlertPolicy, Alerts, LabelPairs, Observation, OverLimit, Phase, RESOLVED_RETENTION_MS, Transition,
};
pub use expand::{Surroundings, TEMPLATE_LIMITS};
pub use file::{Duplicate, FileOptions, Group, Rule, RuleFile, RuleKind};
pub use language::{Expression, Language, TRACE_RANGE_MS, span_vector, vector};
pub use order::{Order, may_read};
pub use problem::{Place, Problem, Within};
pub use react::Written;
pub use readers::{Readers, is_series_wise};
pub use running::{
    EngineQueries, GroupOutcome, Queries, Refused, RuleError, RuleOutcome, RunningGroup, RunningRule, Sink,
};
