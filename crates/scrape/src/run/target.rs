//! One endpoint to scrape, made from the labels discovery gave it.

use super::status::{Health, TargetStatus};
use super::time::rfc3339;
use crate::config::{Job, TimeSpan, check_address};
use crate::discovery::ADDRESS;
use model::{Labels, LabelsBuilder};
use parking_lot::Mutex;
use reqwest::Url;
use std::collections::BTreeMap;
use std::time::Duration;

const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";
/// Labels with this prefix are for relabelling and never reach a series.
const RESERVED_PREFIX: &str = "__";

/// What tells one target of a job from another.
pub(super) type TargetKey = (Labels, Url);

/// An endpoint to scrape.
#[derive(Debug)]
pub(crate) struct Target {
    pub pool: String,
    /// All labels after relabelling, reserved ones included.
    pub labels: Labels,
    /// The labels its series get.
    pub public: Labels,
    pub url: Url,
    pub interval: TimeSpan,
    pub timeout: TimeSpan,
    /// The labels before relabelling, which may change while the target stays the same.
    pub discovered: Mutex<Labels>,
    pub last: Mutex<LastScrape>,
}

/// How the last scrape went.
#[derive(Debug, Default)]
pub(crate) struct LastScrape {
    pub health: Health,
    pub error: String,
    /// Unix milliseconds, `None` before the first scrape.
    pub at_ms: Option<i64>,
    pub took: Duration,
}

/// Why labels became no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoTarget {
    /// Relabelling dropped them.
    Dropped,
    /// They do not say how to scrape.
    Invalid(String),
}

/// The labels of a target before relabelling: what discovery found, completed by what the job says.
pub(super) fn discovered(job: &Job, found: &Labels) -> Labels {
    let mut labels = found.to_builder();
    let interval = job.interval.to_string();
    let timeout = job.timeout.to_string();
    let defaults = [
        ("job", job.name.as_str()),
        (INTERVAL, &interval),
        (TIMEOUT, &timeout),
        (METRICS_PATH, &job.metrics_path),
        (SCHEME, &job.scheme),
    ];
    for (name, value) in defaults {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    }
    for (name, values) in &job.params {
        let label = format!("{PARAM_PREFIX}{name}");
        if let Some(first) = values.first().filter(|_| labels.get(&label).is_empty()) {
            labels.set(label, first.as_str());
        }
    }
    labels.build()
}

impl Target {
    /// Relabels and checks.
    pub(super) fn new(job: &Job, discovered: Labels) -> Result<Target, NoTarget> {
        let mut labels = discovered.to_builder();
        if !job.relabel.apply(&mut labels) {
            return Err(NoTarget::Dropped);
        }
        finish(job, labels, discovered.clone()).map_err(NoTarget::Invalid)
    }

    pub(super) fn key(&self) -> TargetKey {
        (self.labels.clone(), self.url.clone())
    }

    /// Stable across restarts, so that a target keeps its place within the interval.
    pub(super) fn hash(&self) -> u64 {
        let labels = xxhash_rust::xxh3::xxh3_64(self.labels.key());
        xxhash_rust::xxh3::xxh3_64_with_seed(self.url.as_str().as_bytes(), labels)
    }

    pub(super) fn status(&self, external_host: Option<&str>) -> TargetStatus {
        let last = self.last.lock();
        TargetStatus {
            discovered_labels: pairs(&self.discovered.lock()),
            labels: pairs(&self.public),
            scrape_pool: self.pool.clone(),
            scrape_url: self.url.to_string(),
            global_url: self.global_url(external_host),
            last_error: last.error.clone(),
            last_scrape: last.at_ms.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339),
            last_scrape_duration: last.took.as_secs_f64(),
            health: last.health,
            scrape_interval: self.interval.to_string(),
            scrape_timeout: self.timeout.to_string(),
        }
    }

    /// The URL as seen from elsewhere: a loopback address means this host.
    fn global_url(&self, external_host: Option<&str>) -> String {
        let loopback = matches!(self.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let mut url = self.url.clone();
        if let Some(host) = external_host.filter(|_| loopback) {
            // A name that is no host leaves the URL as it is.
            let _ = url.set_host(Some(host));
        }
        url.to_string()
    }
}

pub(super) fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

fn finish(job: &Job, mut labels: LabelsBuilder<'_>, discovered: Labels) -> Result<Target, String> {
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err("no address: the label __address__ is empty".to_owned());
    }
    check_address(&address)?;
    let span = |name: &str| -> Result<TimeSpan, String> {
        let span: TimeSpan = labels.get(name).parse().map_err(|e| format!("label {name}: {e}"))?;
        if span.is_zero() { Err(format!("label {name} must be longer than 0")) } else { Ok(span) }
    };
    let (interval, timeout) = (span(INTERVAL)?, span(TIMEOUT)?);
    if timeout > interval {
        return Err(format!("label {TIMEOUT} ({timeout}) is longer than {INTERVAL} ({interval})"));
    }
    labels.retain(|name| !name.starts_with(META_PREFIX));
    if labels.get("instance").is_empty() {
        labels.set("instance", address.clone());
    }
    let url = url(job, &labels, &address)?;
    let labels = labels.build();
    Ok(Target {
        pool: job.name.clone(),
        public: labels.filtered(|name| !name.starts_with(RESERVED_PREFIX)),
        labels,
        url,
        interval,
        timeout,
        discovered: Mutex::new(discovered),
        last: Mutex::default(),
    })
}

fn url(job: &Job, labels: &LabelsBuilder<'_>, address: &str) -> Result<Url, String> {
    let scheme = labels.get(SCHEME);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("label {SCHEME} must be http or https, not {scheme:?}"));
    }
    let mut url = Url::parse(&format!("{scheme}://{address}/"))
        .map_err(|e| format!("label {ADDRESS} {address:?}: {e}"))?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("label {ADDRESS} {address:?} is not a host and port"));
    }
    url.set_path(labels.get(METRICS_PATH));
    let mut params = job.params.clone();
    for (name, value) in labels.pairs() {
        let Some(name) = name.strip_prefix(PARAM_PREFIX) else { continue };
        let values = params.entry(name.to_owned()).or_default();
        match values.first_mut() {
            Some(first) => value.clone_into(first),
            None => values.push(value.to_owned()),
        }
    }
    if params.values().any(|v| !v.is_empty()) {
        let mut query = url.query_pairs_mut();
        for (name, values) in &params {
            for value in values {
                query.append_pair(name, value);
            }
        }
    }
    Ok(url)
}
