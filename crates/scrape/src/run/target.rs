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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Jobs, ScrapeSections};

    fn target(job: &str, found: &[(&str, &str)]) -> Result<Target, NoTarget> {
        let yaml = format!("scrape_configs: [{{job_name: j, {job}}}]");
        let sections = ScrapeSections::from_yaml(&yaml).unwrap();
        let jobs = Jobs::resolve(&sections.global, &sections.scrape_configs, "/".as_ref()).unwrap();
        let found = Labels::from_pairs(found.iter().copied()).unwrap();
        Target::new(&jobs.0[0], discovered(&jobs.0[0], &found))
    }

    #[test]
    fn relabelling_decides_how_a_target_is_scraped() {
        let t = target(
            "relabel_configs: [{source_labels: [__meta_every], target_label: __scrape_interval__}, \
             {target_label: __scrape_timeout__, replacement: 2s}, {target_label: __scheme__, replacement: https}, \
             {target_label: __metrics_path__, replacement: /a b?c}, {target_label: __param_x, replacement: \"1&2\"}, \
             {target_label: instance, replacement: me}, {target_label: __tmp, replacement: gone}]",
            &[("__address__", "h:1"), ("__meta_every", "5s"), ("zone", "z")],
        )
        .unwrap();
        assert_eq!(t.url.as_str(), "https://h:1/a%20b%3Fc?x=1%262");
        assert_eq!((t.interval, t.timeout), (TimeSpan::from_secs(5), TimeSpan::from_secs(2)));
        assert_eq!(t.public.to_string(), r#"{instance="me", job="j", zone="z"}"#);
        assert_eq!(t.labels.get("__meta_every"), None);
        assert_eq!(t.labels.get("__tmp"), Some("gone"), "part of what tells targets apart");
    }

    #[test]
    fn what_cannot_be_scraped_is_explained() {
        let rule = |label: &str, value: &str| {
            format!("relabel_configs: [{{target_label: {label}, replacement: \"{value}\"}}]")
        };
        for (job, address, reason) in [
            (rule("__address__", ""), "h", "no address: the label __address__ is empty"),
            (
                rule("a", "b"),
                "h/x",
                "\"h/x\" is not a host and port: leave out the scheme and the path (they are set by the keys scheme and metrics_path)",
            ),
            (rule("a", "b"), "h:port", "label __address__ \"h:port\": invalid port number"),
            (rule("a", "b"), "h?x", "label __address__ \"h?x\" is not a host and port"),
            (rule("__scheme__", "ftp"), "h", "label __scheme__ must be http or https, not \"ftp\""),
            (
                rule("__scrape_timeout__", "2m"),
                "h",
                "label __scrape_timeout__ (2m) is longer than __scrape_interval__ (1m)",
            ),
            (rule("__scrape_interval__", "0s"), "h", "label __scrape_interval__ must be longer than 0"),
        ] {
            let got = target(&job, &[("__address__", address)]).err();
            assert_eq!(got, Some(NoTarget::Invalid(reason.to_owned())));
        }
        let drop = "relabel_configs: [{regex: h, source_labels: [__address__], action: drop}]";
        assert_eq!(target(drop, &[("__address__", "h")]).err(), Some(NoTarget::Dropped));
    }

    #[test]
    fn turns_spread_over_the_interval() {
        let mut tenths = [0u32; 10];
        for n in 0..2000 {
            let t = target("", &[("__address__", &format!("host-{n}:9100"))]).unwrap();
            let wait = super::super::time::until_turn(0, Duration::from_secs(60), t.hash());
            tenths[(wait.as_secs() / 6) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (140..260).contains(n)), "{tenths:?}");
    }

    #[test]
    fn loopback_is_shown_as_this_host() {
        let t = target("", &[("__address__", "localhost:1")]).unwrap();
        assert_eq!(t.status(Some("box.example")).global_url, "http://box.example:1/metrics");
        let t = target("", &[("__address__", "other:1")]).unwrap();
        assert_eq!(t.status(Some("box.example")).global_url, "http://other:1/metrics");
    }
}
