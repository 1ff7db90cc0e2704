//! The `global` and `scrape_configs` sections of a `prometheus.yml`, and what they mean once defaults are in.

mod discovery;
mod http;
mod job;
mod problem;
mod section;
mod units;

pub(crate) use discovery::check_address;
pub use discovery::{DnsKind, DnsSdConfig, FileSdConfig, HttpSdConfig, SUPPORTED_DISCOVERY, TargetGroup};
pub use http::{Authorization, BasicAuth, HeaderValues, HttpClientConfig, OAuth2, TlsConfig, TlsVersion};
pub use job::{Discovery, HttpSource, Job, Jobs, LabelLimits};
pub use problem::{ConfigError, Invalid, Problem, explain};
pub use units::{ByteSize, TimeSpan};

pub use crate::relabel::RelabelConfig;
use section::section;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

section! {
    /// The `global` section.
    pub struct GlobalConfig {
        /// How often targets are scraped. `1m` if absent.
        pub scrape_interval: Option<TimeSpan>,
        /// How long a scrape may take. `10s` if absent, or the interval if that is shorter.
        pub scrape_timeout: Option<TimeSpan>,
        /// Formats to ask for, the most wanted first.
        pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
        /// How often rules are evaluated. `1m` if absent.
        pub evaluation_interval: Option<TimeSpan>,
        /// How far in the past rules are evaluated.
        pub rule_query_offset: Option<TimeSpan>,
        /// Accepted and not used: see [`GlobalConfig::unused`].
        pub query_log_file: Option<String>,
        /// See [`ScrapeConfig::scrape_failure_log_file`].
        pub scrape_failure_log_file: Option<PathBuf>,
        /// Labels added to series and alerts that leave this server.
        pub external_labels: BTreeMap<String, String>,
        /// See [`ScrapeConfig::body_size_limit`].
        pub body_size_limit: Option<ByteSize>,
        /// See [`ScrapeConfig::sample_limit`].
        pub sample_limit: Option<u64>,
        /// See [`ScrapeConfig::target_limit`].
        pub target_limit: Option<u64>,
        /// See [`ScrapeConfig::label_limit`].
        pub label_limit: Option<u64>,
        /// See [`ScrapeConfig::label_name_length_limit`].
        pub label_name_length_limit: Option<u64>,
        /// See [`ScrapeConfig::label_value_length_limit`].
        pub label_value_length_limit: Option<u64>,
        /// See [`ScrapeConfig::keep_dropped_targets`].
        pub keep_dropped_targets: Option<u64>,
        /// See [`ScrapeConfig::metric_name_validation_scheme`].
        pub metric_name_validation_scheme: Option<NameScheme>,
        /// See [`ScrapeConfig::metric_name_escaping_scheme`].
        pub metric_name_escaping_scheme: Option<EscapingScheme>,
        /// See [`ScrapeConfig::scrape_native_histograms`].
        pub scrape_native_histograms: Option<bool>,
        /// See [`ScrapeConfig::always_scrape_classic_histograms`].
        pub always_scrape_classic_histograms: Option<bool>,
        /// See [`ScrapeConfig::convert_classic_histograms_to_nhcb`].
        pub convert_classic_histograms_to_nhcb: Option<bool>,
        /// See [`ScrapeConfig::extra_scrape_metrics`].
        pub extra_scrape_metrics: Option<bool>,
    }
}

impl GlobalConfig {
    /// Keys that are set, known to Prometheus, and without effect here.
    pub fn unused(&self) -> Vec<&'static str> {
        if self.query_log_file.is_some() { vec!["query_log_file"] } else { Vec::new() }
    }
}

section! {
    /// An entry of `scrape_configs`.
    pub struct ScrapeConfig + http {
        /// The name of the job, which becomes the label `job`.
        pub job_name: String,
        /// How often targets are scraped.
        pub scrape_interval: Option<TimeSpan>,
        /// How long a scrape may take.
        pub scrape_timeout: Option<TimeSpan>,
        /// The path on the target, `/metrics` if absent.
        pub metrics_path: Option<String>,
        /// `http` (if absent) or `https`.
        pub scheme: Option<String>,
        /// URL parameters.
        pub params: BTreeMap<String, Vec<String>>,
        /// Whether labels the target exposes win over those of the target itself.
        pub honor_labels: bool,
        /// Whether timestamps the target exposes are kept. True if absent.
        pub honor_timestamps: Option<bool>,
        /// Whether series with exposed timestamps get staleness markers too.
        pub track_timestamps_staleness: bool,
        /// Formats to ask for, the most wanted first.
        pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
        /// The format to assume when the target does not say which it sent.
        pub fallback_scrape_protocol: Option<ScrapeProtocol>,
        /// Whether native histograms are taken.
        pub scrape_native_histograms: Option<bool>,
        /// Whether classic buckets are taken even where there is a native histogram.
        pub always_scrape_classic_histograms: Option<bool>,
        /// Whether classic histograms become native ones with custom buckets.
        pub convert_classic_histograms_to_nhcb: Option<bool>,
        /// The file to which every failed scrape is written, a line of JSON each.
        pub scrape_failure_log_file: Option<PathBuf>,
        /// The most buckets of a native histogram; more are merged into wider ones. 0 is no limit.
        pub native_histogram_bucket_limit: Option<u64>,
        /// The least growth from bucket to bucket; finer native histograms are made coarser.
        pub native_histogram_min_bucket_factor: Option<f64>,
        /// Whether gzip is asked for. True if absent.
        pub enable_compression: Option<bool>,
        /// The largest body after decompression. 0 is no limit but that of the server itself.
        pub body_size_limit: Option<ByteSize>,
        /// The most samples of a scrape after metric relabelling. 0 is no limit.
        pub sample_limit: Option<u64>,
        /// The most labels of a series. 0 is no limit.
        pub label_limit: Option<u64>,
        /// The longest label name in bytes. 0 is no limit.
        pub label_name_length_limit: Option<u64>,
        /// The longest label value in bytes. 0 is no limit.
        pub label_value_length_limit: Option<u64>,
        /// The most targets after relabelling; with more, every scrape of the job fails. 0 is no limit.
        pub target_limit: Option<u64>,
        /// The most dropped targets kept for display. 0 is no limit but that of the server itself.
        pub keep_dropped_targets: Option<u64>,
        /// Which names are valid.
        pub metric_name_validation_scheme: Option<NameScheme>,
        /// How targets are asked to write names that are not valid in the older sense.
        pub metric_name_escaping_scheme: Option<EscapingScheme>,
        /// Whether `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes` are stored too.
        pub extra_scrape_metrics: Option<bool>,
        /// Targets listed here.
        pub static_configs: Vec<TargetGroup>,
        /// Targets listed in files.
        pub file_sd_configs: Vec<FileSdConfig>,
        /// Targets listed by a server.
        pub http_sd_configs: Vec<HttpSdConfig>,
        /// Targets listed in the DNS.
        pub dns_sd_configs: Vec<DnsSdConfig>,
        /// Rules applied to each target found.
        pub relabel_configs: Vec<RelabelConfig>,
        /// Rules applied to each series scraped.
        pub metric_relabel_configs: Vec<RelabelConfig>,
    }
}

/// An exposition format, in the words of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScrapeProtocol {
    /// Delimited protocol buffers.
    PrometheusProto,
    /// Prometheus text with quoted names.
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText1_0_0,
    /// Prometheus text.
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText0_0_4,
    /// OpenMetrics.
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText1_0_0,
    /// OpenMetrics as it was before it was finished.
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText0_0_1,
}

impl ScrapeProtocol {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => "PrometheusProto",
            ScrapeProtocol::PrometheusText1_0_0 => "PrometheusText1.0.0",
            ScrapeProtocol::PrometheusText0_0_4 => "PrometheusText0.0.4",
            ScrapeProtocol::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
        }
    }
}

/// Which metric and label names are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameScheme {
    /// Any UTF-8.
    #[default]
    Utf8,
    /// ASCII letters, digits, underscores, and colons in metric names.
    Legacy,
}

/// How a target is asked to write names that are not valid in the older sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EscapingScheme {
    /// As they are.
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// With underscores for what is not valid.
    Underscores,
    /// With dots as `_dot_`.
    Dots,
    /// With code points as `U__…`.
    Values,
}

impl EscapingScheme {
    /// The name in the configuration and in the `Accept` header.
    pub fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(s: &str) -> Secret {
        Secret(s.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("<secret>")
    }
}

section! {
    /// The sections of a `prometheus.yml` this crate reads, for callers that have no other sections.
    pub struct ScrapeSections {
        /// The `global` section.
        pub global: GlobalConfig,
        /// The `scrape_configs` section.
        pub scrape_configs: Vec<ScrapeConfig>,
    }
}

impl ScrapeSections {
    /// Reads both sections from YAML. Nothing is checked yet beyond names and shapes: see [`Jobs::resolve`].
    pub fn from_yaml(text: &str) -> Result<ScrapeSections, ConfigError> {
        serde_saphyr::from_str(text).map_err(|e| ConfigError::Syntax(explain(&e)))
    }
}
