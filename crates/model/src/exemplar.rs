//! A sample's pointer to the trace (or whatever else) that caused it.

use crate::labels::Labels;

/// One observation singled out, with labels such as `trace_id`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself, not of its series.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed, Unix milliseconds.
    pub time_ms: i64,
}
