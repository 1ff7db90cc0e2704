//! Between all ways in and the store: pipelines.

use crate::errors::Noticing;
use crate::events::DeployWatch;
use crate::telemetry::Family;
use env::Clock;
use model::record::{Accepted, Delivery, RecordBatch, RecordSink, RecordsDone, SenderId};
use parking_lot::RwLock;
use pipeline::{PipelineConfig, Pipelines};
use std::sync::Arc;

/// The pipelines in force.
#[derive(Default)]
pub struct Preparation(RwLock<Arc<Pipelines>>);

impl Preparation {
    /// Pipelines of a configuration that was checked.
    pub fn new(configs: &[PipelineConfig]) -> Preparation {
        let preparation = Preparation::default();
        preparation.replace(configs);
        preparation
    }

    /// Puts other pipelines in force. What is counted the same way goes on.
    pub fn replace(&self, configs: &[PipelineConfig]) {
        match Pipelines::new(configs) {
            Ok(new) => {
                let mut now = self.0.write();
                new.go_on_from(&now);
                *now = Arc::new(new);
            }
            Err(e) => tracing::error!(error = %e, "pipelines stay as they were"),
        }
    }

    /// Those in force.
    pub fn pipelines(&self) -> Arc<Pipelines> {
        Arc::clone(&self.0.read())
    }
}

/// Counts of pipelines as metrics.
pub fn preparation_families(preparations: &[&Preparation]) -> Vec<Family> {
    use model::MetricKind::Counter;
    let of = |name, help| Family::labelled(name, help, Counter);
    let mut records = of("watchfire_pipeline_records_total", "Records that came into a pipeline.");
    let mut dropped = of("watchfire_pipeline_dropped_total", "Records that a pipeline dropped.");
    let mut left_out = of(
        "watchfire_pipeline_metric_left_out_total",
        "Records not counted because a derived metric has too many series.",
    );
    for counts in preparations.iter().flat_map(|p| p.pipelines().counts()) {
        let label = [("pipeline", counts.name.as_str())];
        records.push(&label, counts.records as f64);
        dropped.push(&label, counts.dropped as f64);
        left_out.push(&label, counts.metric_left_out as f64);
    }
    vec![records, dropped, left_out]
}

/// A store that keeps what pipelines leave.
#[derive(Clone)]
pub struct Prepared {
    /// The store.
    pub store: Noticing,
    /// The pipelines.
    pub preparation: Arc<Preparation>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What looks for new versions of services.
    pub deploys: Option<Arc<DeployWatch>>,
}

impl RecordSink for Prepared {
    fn append(&self, batch: RecordBatch) -> RecordsDone {
        let is_here = batch.delivery().is_some_and(|d| {
            self.store.last_delivery(&d.sender).is_some_and(|last| d.sequence <= last.sequence)
        });
        if let Some(deploys) = self.deploys.as_ref().filter(|_| !is_here) {
            deploys.see_records(&batch);
        }
        let pipelines = self.preparation.pipelines();
        // What is kept already was counted, too.
        if is_here || pipelines.is_empty() {
            return self.store.append(batch);
        }
        let came = batch.len() as u64;
        let applied = pipelines.apply(batch, self.clock.now_ms().saturating_mul(1_000_000));
        let nothing_left = applied.batch.is_empty() && applied.batch.delivery().is_none();
        let kept = (!nothing_left).then(|| self.store.append(applied.batch));
        Box::pin(async move {
            let mut accepted = match kept {
                Some(kept) => kept.await?,
                None => Accepted::default(),
            };
            pipelines.count(&applied.tally);
            if let Some(rows) = applied.rows {
                // To the sender, what was dropped on purpose was accepted; refusals are at the places it knows.
                accepted.records = came - accepted.refused.len() as u64;
                accepted.refused.iter_mut().for_each(|r| r.row = rows[r.row]);
            }
            Ok(accepted)
        })
    }

    fn last_delivery(&self, sender: &SenderId) -> Option<Delivery> {
        self.store.last_delivery(sender)
    }
}
