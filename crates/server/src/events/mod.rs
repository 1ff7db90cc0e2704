//! Events: ways in, what keeps them once, the server's own, and questions about them.

pub mod annotations;
mod deploys;
pub mod http;
pub mod list;
mod outlet;
mod sink;

pub use deploys::DeployWatch;
pub use outlet::Outlet;
pub use sink::EventSink;

use model::record::event::name;
use pipeline::{Metric, MetricType, PipelineConfig, StageConfig};
use std::collections::BTreeMap;

/// The pipeline that counts all events: `events_total`. It stands before those that are configured, as a record goes
/// through one pipeline only.
pub fn counting() -> PipelineConfig {
    let labels = [
        ("kind", name::KIND),
        ("source", name::SOURCE),
        ("service", "service.name"),
        ("result", name::RESULT),
    ];
    let labels: BTreeMap<String, String> =
        labels.into_iter().map(|(label, from)| (label.to_owned(), from.to_owned())).collect();
    let count = Metric {
        name: "events_total".to_owned(),
        kind: MetricType::Counter,
        value: None,
        labels,
        buckets: Vec::new(),
        help: "Events that came and were none before, by kind, source, service and result.".to_owned(),
    };
    PipelineConfig {
        name: "events".to_owned(),
        selector: BTreeMap::new(),
        stages: vec![StageConfig::Metric(count)],
    }
}
