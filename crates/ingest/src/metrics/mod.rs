//! OpenTelemetry metrics: `ExportMetricsServiceRequest` in protocol buffers and JSON, as series of the model
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#otlp-metric-points-to-prometheus>).
//!
//! Attributes of a point are labels; of the resource, `service.namespace` and `service.name` are `job`,
//! `service.instance.id` is `instance`, and the others are labels of `target_info`, unless [`Options`] promote them.
//! Sums that only grow are counters, other sums and gauges are gauges, histograms are classic histograms or ones with
//! custom buckets, exponential histograms are native ones, summaries are quantiles. What is sent as deltas is added up
//! into [`Totals`]. A point that has something wrong is refused and the others are kept.

mod delta;
mod json;
mod labels;
mod names;
mod options;
mod point;
mod protobuf;
mod sparse;
mod writer;

pub use delta::{INTERVALS_KEPT, Total, Totals};
pub use json::json;
pub use options::{Options, Promotion, Translation};
pub use protobuf::protobuf;
pub use sparse::Sparse;

use crate::outcome::Outcome;

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Samples, histograms and exemplars that were appended; what it counts as refused are points.
    pub outcome: Outcome,
    /// Points that were kept.
    pub points: u64,
}

impl Taken {
    /// What was refused or left out as a message for the sender, `None` if all is well.
    pub fn refusal(&self) -> Option<String> {
        let of = &self.outcome;
        if of.reasons.is_empty() {
            return None;
        }
        let refused = of.rejected + of.exemplars_rejected;
        let mut message = match (of.rejected, of.exemplars_rejected) {
            (0, 0) => format!("all {} data points are kept, but ", self.points),
            (0, n) => format!("all {} data points are kept, {n} exemplars refused: ", self.points),
            (n, 0) => format!("{n} of {} data points refused: ", n + self.points),
            (n, e) => format!("{n} of {} data points and {e} exemplars refused: ", n + self.points),
        };
        message.push_str(&of.reasons.join("; "));
        let more = refused.saturating_sub(of.reasons.len() as u64);
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        Some(message)
    }
}
