//! What a metric is: kind, help and unit.

use std::fmt;

/// The kind of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricKind {
    /// Not known.
    #[default]
    Unknown,
    /// A value that only grows, or starts again from zero.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
    /// Observations in buckets that go up and down.
    GaugeHistogram,
    /// Observations as quantiles.
    Summary,
    /// Facts carried in labels, with the value 1.
    Info,
    /// One of several states.
    StateSet,
}

impl MetricKind {
    /// The name used in the exposition formats and in the HTTP API.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricKind::Unknown => "unknown",
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::GaugeHistogram => "gaugehistogram",
            MetricKind::Summary => "summary",
            MetricKind::Info => "info",
            MetricKind::StateSet => "stateset",
        }
    }

    /// The kind of that name; `untyped` is the older word for unknown.
    pub fn parse(name: &str) -> Option<MetricKind> {
        Some(match name {
            "unknown" | "untyped" => MetricKind::Unknown,
            "counter" => MetricKind::Counter,
            "gauge" => MetricKind::Gauge,
            "histogram" => MetricKind::Histogram,
            "gaugehistogram" => MetricKind::GaugeHistogram,
            "summary" => MetricKind::Summary,
            "info" => MetricKind::Info,
            "stateset" => MetricKind::StateSet,
            _ => return None,
        })
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Metadata of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Metadata {
    /// Its kind.
    pub kind: MetricKind,
    /// A sentence for people.
    pub help: String,
    /// The unit, such as `seconds`; empty if none is stated.
    pub unit: String,
}
