//! Targets and their health, in the shape of `/api/v1/targets`.

use serde::Serialize;
use std::collections::BTreeMap;

/// Whether the last scrape succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// It did.
    Up,
    /// It did not.
    Down,
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Labels before relabelling.
    pub discovered_labels: BTreeMap<String, String>,
    /// Labels of its series.
    pub labels: BTreeMap<String, String>,
    /// The job.
    pub scrape_pool: String,
    /// Where it is scraped.
    pub scrape_url: String,
    /// The same as seen from other hosts.
    pub global_url: String,
    /// Why the last scrape failed, or why not all of it was kept; empty if all is well.
    pub last_error: String,
    /// When the last scrape began, RFC 3339.
    pub last_scrape: String,
    /// How long it took, in seconds.
    pub last_scrape_duration: f64,
    /// Whether it succeeded.
    pub health: Health,
    /// How often it is scraped, as a Prometheus duration.
    pub scrape_interval: String,
    /// How long a scrape may take, as a Prometheus duration.
    pub scrape_timeout: String,
}

/// A target that was found and is not scraped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DroppedTarget {
    /// Labels before relabelling.
    pub discovered_labels: BTreeMap<String, String>,
    /// The job.
    pub scrape_pool: String,
    /// Why: dropped by a rule, or what makes it unusable. Not part of Prometheus' answer.
    pub reason: String,
}

/// All targets, as the value of `data` in the answer of `/api/v1/targets`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Targets {
    /// Those that are scraped.
    pub active_targets: Vec<TargetStatus>,
    /// Those that are not, as far as they are kept.
    pub dropped_targets: Vec<DroppedTarget>,
    /// How many are not, by job, whether kept or not.
    pub dropped_target_counts: BTreeMap<String, u64>,
}
