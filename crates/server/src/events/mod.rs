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

/// The configured pipelines of events behind the one that counts all of them: `events_total`.
pub fn pipelines(configured: &[PipelineConfig]) -> Vec<PipelineConfig> {
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
        help: "Events kept, by kind, source, service and result.".to_owned(),
    };
    let own = PipelineConfig {
        name: "events".to_owned(),
        selector: BTreeMap::new(),
        stages: vec![StageConfig::Metric(count)],
    };
    std::iter::once(own).chain(configured.iter().cloned()).collect()
}
