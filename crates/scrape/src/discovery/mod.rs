//! Looking for targets: each source reports all it knows whenever that changes.

mod dns;
mod file;
mod http;

use crate::config::{Discovery, TargetGroup};
use model::{Labels, LabelsBuilder};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) const ADDRESS: &str = "__address__";

/// What one source knows at a time.
#[derive(Debug)]
pub(crate) struct Found {
    /// The number of the source within its job.
    pub source: usize,
    /// Labels of each target.
    pub targets: Vec<Labels>,
}

/// What sources need beside their configuration.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub user_agent: String,
    /// How often files are looked at for changes.
    pub file_poll: Duration,
    /// DNS servers to ask instead of the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// Targets taken from one source.
    pub targets_max: usize,
}

/// A source that is running; dropping it ends it.
pub(crate) struct Source {
    task: JoinHandle<()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Source {
    /// Starts a source. What it finds arrives on `found`, under its number.
    pub(crate) fn start(
        job: &str,
        source: usize,
        discovery: &Discovery,
        around: &Surroundings,
        found: &mpsc::Sender<Found>,
    ) -> Source {
        let report = Report { source, job: job.to_owned(), max: around.targets_max, found: found.clone() };
        let task = match discovery.clone() {
            Discovery::Static(groups) => {
                tokio::spawn(async move { report.send(static_targets(&groups)).await })
            }
            Discovery::File(c) => tokio::spawn(file::watch(c, around.file_poll, report)),
            Discovery::Http(c) => tokio::spawn(http::poll(c, around.user_agent.clone(), report)),
            Discovery::Dns(c) => tokio::spawn(dns::poll(c, around.dns_servers.clone(), report)),
        };
        Source { task }
    }
}

/// The targets of `static_configs`, which are known at once.
pub(crate) fn static_targets(groups: &[TargetGroup]) -> Vec<Labels> {
    groups.iter().flat_map(|g| merged(g, &[])).collect()
}

/// Where a source reports to.
struct Report {
    source: usize,
    job: String,
    max: usize,
    found: mpsc::Sender<Found>,
}

impl Report {
    async fn send(&self, mut targets: Vec<Labels>) {
        if targets.len() > self.max {
            tracing::warn!(
                job = self.job,
                found = targets.len(),
                limit = self.max,
                setting = "targets_per_source_max",
                "discovery found more targets than are kept"
            );
            targets.truncate(self.max);
        }
        // The receiver is gone only when the job is, and this task ends with it.
        let _ = self.found.send(Found { source: self.source, targets }).await;
    }

    fn failed(&self, kind: &'static str, what: &str, error: &str) {
        tracing::warn!(job = self.job, kind, what, error, "discovery failed; targets found before are kept");
    }
}

/// The targets of a group with its labels, and with `meta` beneath both.
fn merged(group: &TargetGroup, meta: &[(&str, &str)]) -> Vec<Labels> {
    let one = |address: &String| {
        let mut labels = LabelsBuilder::new();
        for (name, value) in meta {
            labels.set(*name, *value);
        }
        for (name, value) in &group.labels {
            labels.set(name.as_str(), value.as_str());
        }
        labels.set(ADDRESS, address.as_str());
        labels.build()
    };
    group.targets.iter().map(one).collect()
}
