//! Scrape configurations with every default filled in and every rule compiled.

use super::{
    ByteSize, ConfigError, DnsSdConfig, EscapingScheme, FileSdConfig, GlobalConfig, HttpClientConfig,
    Invalid, NameScheme, ScrapeConfig, ScrapeProtocol, TargetGroup, TimeSpan,
};
use crate::relabel::Rules;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A scrape configuration that is ready to run. Equal jobs scrape in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The name.
    pub name: String,
    /// How often, unless a target's labels say otherwise.
    pub interval: TimeSpan,
    /// How long a scrape may take, unless a target's labels say otherwise.
    pub timeout: TimeSpan,
    /// The path, unless a target's labels say otherwise.
    pub metrics_path: String,
    /// The scheme, unless a target's labels say otherwise.
    pub scheme: String,
    /// URL parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// Exposed labels win.
    pub honor_labels: bool,
    /// Exposed timestamps are kept.
    pub honor_timestamps: bool,
    /// Exposed timestamps do not switch staleness off.
    pub track_timestamps_staleness: bool,
    /// Formats to ask for.
    pub protocols: Vec<ScrapeProtocol>,
    /// The format to assume.
    pub fallback_protocol: Option<ScrapeProtocol>,
    /// Native histograms are taken.
    pub native_histograms: bool,
    /// Classic buckets are taken beside native ones.
    pub classic_histograms: bool,
    /// Classic histograms become native ones with custom buckets.
    pub convert_to_custom_buckets: bool,
    /// The most buckets of a native histogram, 0 for no limit.
    pub bucket_limit: u64,
    /// The finest schema of a native histogram.
    pub schema_max: i8,
    /// gzip is asked for.
    pub compression: bool,
    /// The largest body, 0 for no limit of the job's own.
    pub body_size_limit: ByteSize,
    /// The most samples, 0 for no limit.
    pub sample_limit: u64,
    /// Limits of labels.
    pub label_limits: LabelLimits,
    /// The most targets, 0 for no limit.
    pub target_limit: u64,
    /// The most dropped targets kept, 0 for no limit of the job's own.
    pub keep_dropped_targets: u64,
    /// Which names are valid.
    pub names: NameScheme,
    /// How targets are asked to write other names.
    pub escaping: EscapingScheme,
    /// Three more series about each scrape.
    pub extra_metrics: bool,
    /// Where failed scrapes are written down.
    pub failure_log: Option<PathBuf>,
    /// How requests are made.
    pub http: HttpClientConfig,
    /// Where targets are looked for.
    pub discovery: Vec<Discovery>,
    /// Rules for targets.
    pub relabel: Rules,
    /// Rules for series.
    pub metric_relabel: Rules,
}

/// Limits of the labels of a series; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LabelLimits {
    /// The most labels.
    pub count: u64,
    /// The longest name in bytes.
    pub name_bytes: u64,
    /// The longest value in bytes.
    pub value_bytes: u64,
}

/// One place where targets are looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Discovery {
    /// Listed in the configuration.
    Static(Vec<TargetGroup>),
    /// Listed in files.
    File(FileSdConfig),
    /// Listed by a server.
    Http(Box<HttpSource>),
    /// Listed in the DNS.
    Dns(DnsSdConfig),
}

/// A server that lists targets.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpSource {
    /// Where the list is.
    pub url: String,
    /// How often it is fetched.
    pub refresh: TimeSpan,
    /// How requests are made.
    pub http: HttpClientConfig,
}

/// All jobs of a configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Jobs(pub Vec<Arc<Job>>);

const DEFAULT_INTERVAL: TimeSpan = TimeSpan::from_secs(60);
const DEFAULT_TIMEOUT: TimeSpan = TimeSpan::from_secs(10);
const PROTOCOLS: [ScrapeProtocol; 4] = [
    ScrapeProtocol::OpenMetricsText1_0_0,
    ScrapeProtocol::OpenMetricsText0_0_1,
    ScrapeProtocol::PrometheusText1_0_0,
    ScrapeProtocol::PrometheusText0_0_4,
];

impl Jobs {
    /// Fills in defaults, compiles rules and checks everything. File names are relative to `dir`, the directory
    /// of the configuration file.
    pub fn resolve(global: &GlobalConfig, configs: &[ScrapeConfig], dir: &Path) -> Result<Jobs, ConfigError> {
        check_global(global).map_err(|invalid| ConfigError::Invalid { job: String::new(), invalid })?;
        let mut seen = BTreeSet::new();
        let mut jobs = Vec::with_capacity(configs.len());
        for (at, config) in configs.iter().enumerate() {
            let invalid = |invalid| ConfigError::Invalid { job: config.job_name.clone(), invalid };
            if config.job_name.is_empty() {
                return Err(ConfigError::Invalid {
                    job: format!("#{}", at + 1),
                    invalid: Invalid::new("job_name", "is required"),
                });
            }
            if !seen.insert(config.job_name.as_str()) {
                return Err(invalid(Invalid::new(
                    "job_name",
                    "another scrape configuration has the same name",
                )));
            }
            jobs.push(Arc::new(resolve(global, config, dir).map_err(invalid)?));
        }
        Ok(Jobs(jobs))
    }
}

fn check_global(global: &GlobalConfig) -> Result<(), Invalid> {
    let interval = global.scrape_interval.unwrap_or(DEFAULT_INTERVAL);
    if interval.is_zero() {
        return Err(Invalid::new("scrape_interval", "must be longer than 0"));
    }
    if let Some(timeout) = global.scrape_timeout.filter(|t| *t > interval) {
        return Err(longer_than_interval(timeout, interval));
    }
    if let Some(protocols) = &global.scrape_protocols {
        check_protocols(protocols)?;
    }
    match global.external_labels.keys().find(|n| n.is_empty() || *n == model::METRIC_NAME) {
        Some(name) => Err(Invalid::new("external_labels", format!("{name:?} cannot be an external label"))),
        None => Ok(()),
    }
}

fn longer_than_interval(timeout: TimeSpan, interval: TimeSpan) -> Invalid {
    Invalid::new("scrape_timeout", format!("{timeout} is longer than the scrape_interval of {interval}"))
}

fn check_protocols(protocols: &[ScrapeProtocol]) -> Result<(), Invalid> {
    if protocols.is_empty() {
        return Err(Invalid::new(
            "scrape_protocols",
            "at least one is required; leave the key out for the defaults",
        ));
    }
    for (at, p) in protocols.iter().enumerate() {
        if protocols[..at].contains(p) {
            return Err(Invalid::new("scrape_protocols", format!("{} is given twice", p.as_str())));
        }
    }
    Ok(())
}

/// The first that is set and not zero. As in Prometheus, a zero in a job means the global value.
fn first_of<T: Default + PartialEq>(job: Option<T>, global: Option<T>) -> T {
    let set = |v: &T| *v != T::default();
    job.filter(set).or(global).unwrap_or_default()
}

fn resolve(global: &GlobalConfig, c: &ScrapeConfig, dir: &Path) -> Result<Job, Invalid> {
    let (interval, timeout) = times(global, c)?;
    let native_histograms = c.scrape_native_histograms.or(global.scrape_native_histograms).unwrap_or(false);
    let (names, escaping) = naming(global, c)?;
    let mut http = c.http();
    http.check()?;
    http.resolve_paths(dir);
    let scheme = c.scheme.clone().unwrap_or_else(|| "http".to_owned());
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(Invalid::new("scheme", format!("must be http or https, not {scheme:?}")));
    }
    let factor = c.native_histogram_min_bucket_factor.unwrap_or(0.0);
    if !factor.is_finite() || factor < 0.0 {
        return Err(Invalid::new("native_histogram_min_bucket_factor", format!("{factor} is not a factor")));
    }
    Ok(Job {
        name: c.job_name.clone(),
        interval,
        timeout,
        metrics_path: c.metrics_path.clone().unwrap_or_else(|| "/metrics".to_owned()),
        scheme,
        params: c.params.clone(),
        honor_labels: c.honor_labels,
        honor_timestamps: c.honor_timestamps.unwrap_or(true),
        track_timestamps_staleness: c.track_timestamps_staleness,
        protocols: protocols(global, c, native_histograms)?,
        fallback_protocol: c.fallback_scrape_protocol,
        native_histograms,
        classic_histograms: c
            .always_scrape_classic_histograms
            .or(global.always_scrape_classic_histograms)
            .unwrap_or(false),
        convert_to_custom_buckets: c
            .convert_classic_histograms_to_nhcb
            .or(global.convert_classic_histograms_to_nhcb)
            .unwrap_or(false),
        bucket_limit: c.native_histogram_bucket_limit.unwrap_or(0),
        schema_max: schema_of_factor(factor),
        compression: c.enable_compression.unwrap_or(true),
        body_size_limit: first_of(c.body_size_limit, global.body_size_limit),
        sample_limit: first_of(c.sample_limit, global.sample_limit),
        label_limits: LabelLimits {
            count: first_of(c.label_limit, global.label_limit),
            name_bytes: first_of(c.label_name_length_limit, global.label_name_length_limit),
            value_bytes: first_of(c.label_value_length_limit, global.label_value_length_limit),
        },
        target_limit: first_of(c.target_limit, global.target_limit),
        keep_dropped_targets: first_of(c.keep_dropped_targets, global.keep_dropped_targets),
        names,
        escaping,
        extra_metrics: c.extra_scrape_metrics.or(global.extra_scrape_metrics).unwrap_or(false),
        failure_log: c
            .scrape_failure_log_file
            .as_ref()
            .or(global.scrape_failure_log_file.as_ref())
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| dir.join(path)),
        http,
        discovery: discovery(c, dir)?,
        relabel: Rules::compile(&c.relabel_configs, names, "relabel_configs")?,
        metric_relabel: Rules::compile(&c.metric_relabel_configs, names, "metric_relabel_configs")?,
    })
}

fn times(global: &GlobalConfig, c: &ScrapeConfig) -> Result<(TimeSpan, TimeSpan), Invalid> {
    let set = |t: &TimeSpan| !t.is_zero();
    let global_interval = global.scrape_interval.unwrap_or(DEFAULT_INTERVAL);
    let interval = c.scrape_interval.filter(set).unwrap_or(global_interval);
    match c.scrape_timeout.filter(set) {
        Some(timeout) if timeout > interval => Err(longer_than_interval(timeout, interval)),
        Some(timeout) => Ok((interval, timeout)),
        None => Ok((interval, global.scrape_timeout.filter(set).unwrap_or(DEFAULT_TIMEOUT).min(interval))),
    }
}

fn protocols(global: &GlobalConfig, c: &ScrapeConfig, native: bool) -> Result<Vec<ScrapeProtocol>, Invalid> {
    if let Some(p) = &c.scrape_protocols {
        check_protocols(p)?;
        return Ok(p.clone());
    }
    if let Some(p) = &global.scrape_protocols {
        return Ok(p.clone());
    }
    // Only protocol buffers carry native histograms today, so asking for them means asking for it first.
    let first = native.then_some(ScrapeProtocol::PrometheusProto);
    Ok(first.into_iter().chain(PROTOCOLS).collect())
}

fn naming(global: &GlobalConfig, c: &ScrapeConfig) -> Result<(NameScheme, EscapingScheme), Invalid> {
    let of_scheme = |s| match s {
        NameScheme::Utf8 => EscapingScheme::AllowUtf8,
        NameScheme::Legacy => EscapingScheme::Underscores,
    };
    let names = c.metric_name_validation_scheme.or(global.metric_name_validation_scheme).unwrap_or_default();
    let escaping = match (c.metric_name_escaping_scheme, c.metric_name_validation_scheme) {
        (Some(e), _) => e,
        (None, Some(own)) => of_scheme(own),
        (None, None) => global.metric_name_escaping_scheme.unwrap_or_else(|| of_scheme(names)),
    };
    if escaping == EscapingScheme::AllowUtf8 && names == NameScheme::Legacy {
        return Err(Invalid::new(
            "metric_name_escaping_scheme",
            "allow-utf-8 cannot be combined with metric_name_validation_scheme: legacy",
        ));
    }
    Ok((names, escaping))
}

fn discovery(c: &ScrapeConfig, dir: &Path) -> Result<Vec<Discovery>, Invalid> {
    let mut all = Vec::new();
    for (at, group) in c.static_configs.iter().enumerate() {
        group.check().map_err(|e| e.within(&format!("static_configs[{at}]")))?;
    }
    if !c.static_configs.is_empty() {
        all.push(Discovery::Static(c.static_configs.clone()));
    }
    for (at, file) in c.file_sd_configs.iter().enumerate() {
        file.check().map_err(|e| e.within(&format!("file_sd_configs[{at}]")))?;
        let mut file = file.clone();
        file.resolve_paths(dir);
        all.push(Discovery::File(file));
    }
    for (at, http) in c.http_sd_configs.iter().enumerate() {
        http.check().map_err(|e| e.within(&format!("http_sd_configs[{at}]")))?;
        let mut client = http.http();
        client.resolve_paths(dir);
        all.push(Discovery::Http(Box::new(HttpSource {
            url: http.url.clone(),
            refresh: http.refresh(),
            http: client,
        })));
    }
    for (at, dns) in c.dns_sd_configs.iter().enumerate() {
        dns.check().map_err(|e| e.within(&format!("dns_sd_configs[{at}]")))?;
        all.push(Discovery::Dns(dns.clone()));
    }
    Ok(all)
}

/// The finest schema whose buckets grow by at least `factor`: bounds grow by `2^(2^-schema)`.
fn schema_of_factor(factor: f64) -> i8 {
    const FINEST: f64 = 8.0;
    const COARSEST: f64 = -4.0;
    if factor <= 1.0 {
        return FINEST as i8;
    }
    (-factor.log2().log2()).floor().clamp(COARSEST, FINEST) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_picks_the_finest_schema_that_keeps_it() {
        for (factor, schema) in [
            (0.0, 8),
            (1.0, 8),
            (1.002, 8),
            (1.1, 2),
            (2f64.powf(0.25), 2),
            (1.5, 0),
            (2.0, 0),
            (4.0, -1),
            (1e9, -4),
        ] {
            assert_eq!(schema_of_factor(factor), schema, "{factor}");
        }
    }
}
