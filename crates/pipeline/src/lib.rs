//! Prepares log records between their decoder and their store: takes text apart, finds times and levels, renames, drops,
//! samples, redacts, and derives metrics.
//!
//! This crate refuses to know transport, stores and async runtimes.
//!
//! [`Pipelines`] are compiled from configuration. Each stream goes through the first pipeline that selects it, stage by
//! stage; a stage that finds nothing to do leaves a record as it is, so no record is lost by mistake. [`detect`] stands
//! alone: it finds times and levels in lines of the usual formats.

mod clock;
mod condition;
mod config;
pub mod detect;
mod draft;
mod explain;
mod grok;
mod metric;
mod parse;
mod pipeline;
mod redact;
mod stage;
mod why;

pub use config::{
    Builtin, Condition, Detect, Grok, If, Json, Level, Logfmt, Metric, MetricType, PipelineConfig,
    PipelineError, Redact, Regexp, Sample, StageConfig, TimestampConfig, Trace,
};
pub use explain::{Explained, Shown, Step};
pub use metric::{Derived, DerivedValue, SERIES_MAX, Tally};
pub use pipeline::{Applied, PipelineCounts, Pipelines};
