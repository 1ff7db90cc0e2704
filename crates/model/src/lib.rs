//! The vocabulary of every signal: labels, samples, native histograms, exemplars, metadata, records, matchers and
//! what it means to append them.
//!
//! This crate refuses to know bytes on disk or wire, files, sockets and clocks. Everything else in the
//! house depends on it; it depends on nothing in the house.

mod append;
mod exemplar;
mod histogram;
mod labels;
mod matcher;
mod metadata;
pub mod record;
mod sample;

pub use append::{AppendDone, AppendError, Appendable, Appender, Committed, Limit, SeriesRef, Unavailable};
pub use exemplar::Exemplar;
pub use histogram::{Counts, Histogram, HistogramError, ResetHint, Span};
pub use labels::{
    LabelError, Labels, LabelsBuilder, METRIC_NAME, Pairs, is_legacy_label_name, is_legacy_metric_name,
};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metadata::{Metadata, MetricKind};
pub use sample::{STALE_NAN_BITS, Samples, TimeRange, is_stale, stale_nan};
