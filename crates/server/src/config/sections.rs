//! The sections of the configuration that are not Prometheus' own.

use super::{Budgets, ByteSize, TimeSpan};
use crate::pool::Lanes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

/// What is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// Samples older than this are removed.
    pub retention: TimeSpan,
    /// The oldest samples are removed when the store is larger than this. 0 is no limit.
    pub retention_size: ByteSize,
    /// Samples further in the future than this are refused.
    pub future: TimeSpan,
    /// Memory for samples that are not in a part yet; modest, and less on small machines, if absent.
    pub memory: Option<ByteSize>,
    /// Memory for pages that queries read lately; modest, and less on small machines, if absent.
    pub page_cache: Option<ByteSize>,
    /// Bounds of what is kept.
    pub limits: StorageLimits,
}

impl Default for StorageConfig {
    fn default() -> Self {
        let of = tsdb::Options::new("");
        let span = |ms: i64| TimeSpan::from_millis(ms.unsigned_abs());
        StorageConfig {
            retention: span(of.retention_ms),
            retention_size: ByteSize(of.retention_bytes),
            future: span(of.future_ms_max),
            memory: None,
            page_cache: None,
            limits: StorageLimits::default(),
        }
    }
}

impl StorageConfig {
    /// As the store takes it.
    pub fn options(&self, data_dir: &std::path::Path, budgets: &Budgets) -> tsdb::Options {
        tsdb::Options {
            retention_ms: i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX),
            retention_bytes: self.retention_size.bytes(),
            future_ms_max: i64::try_from(self.future.as_millis()).unwrap_or(i64::MAX),
            head_bytes_max: budgets.storage_bytes as usize,
            page_cache_bytes: budgets.page_cache_bytes as usize,
            series_max: self.limits.series,
            series_per_metric_max: self.limits.series_per_metric,
            series_key_bytes_max: self.limits.series_key_bytes as usize,
            exemplars_max: self.limits.exemplars as usize,
            metadata_max: self.limits.metadata as usize,
            ..tsdb::Options::new(data_dir)
        }
    }
}

/// Bounds of what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageLimits {
    /// Series in all.
    pub series: u64,
    /// Series of one metric name.
    pub series_per_metric: u64,
    /// Bytes of a series' labels, names and values together, with 6 to 14 more for each label.
    pub series_key_bytes: u64,
    /// Exemplars; the oldest are forgotten.
    pub exemplars: u64,
    /// Metric families with metadata.
    pub metadata: u64,
}

impl Default for StorageLimits {
    fn default() -> Self {
        let of = tsdb::Options::new("");
        StorageLimits {
            series: of.series_max,
            series_per_metric: of.series_per_metric_max,
            series_key_bytes: of.series_key_bytes_max as u64,
            exemplars: of.exemplars_max as u64,
            metadata: of.metadata_max as u64,
        }
    }
}

/// What is taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Bounds of what senders may send.
    pub limits: IngestLimits,
}

/// Bounds of what senders may send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestLimits {
    /// Bytes of a body as it arrives.
    pub body_bytes_max: ByteSize,
    /// Bytes of a body once decompressed.
    pub decompressed_bytes_max: ByteSize,
    /// Bytes of all bodies being received and decoded at the same time; more are told to come back.
    pub in_flight_bytes_max: ByteSize,
    /// Labels of a series.
    pub labels_per_series_max: u64,
    /// Bytes of a label name.
    pub label_name_bytes_max: u64,
    /// Bytes of a label value.
    pub label_value_bytes_max: u64,
    /// Bytes of the labels of an exemplar.
    pub exemplar_labels_bytes_max: u64,
    /// Buckets of a native histogram.
    pub histogram_buckets_max: u64,
    /// Bytes of a help text or unit; longer ones are cut.
    pub metadata_bytes_max: u64,
}

impl Default for IngestLimits {
    fn default() -> Self {
        let of = ingest::Limits::default();
        IngestLimits {
            body_bytes_max: ByteSize(of.body_bytes_max),
            decompressed_bytes_max: ByteSize(of.decompressed_bytes_max),
            in_flight_bytes_max: ByteSize(256 << 20),
            labels_per_series_max: of.labels_per_series_max,
            label_name_bytes_max: of.label_name_bytes_max,
            label_value_bytes_max: of.label_value_bytes_max,
            exemplar_labels_bytes_max: of.exemplar_labels_bytes_max,
            histogram_buckets_max: of.histogram_buckets_max,
            metadata_bytes_max: of.metadata_bytes_max,
        }
    }
}

impl IngestLimits {
    /// As the decoders take them.
    pub fn decoding(&self) -> ingest::Limits {
        ingest::Limits {
            body_bytes_max: self.body_bytes_max.bytes(),
            decompressed_bytes_max: self.decompressed_bytes_max.bytes(),
            labels_per_series_max: self.labels_per_series_max,
            label_name_bytes_max: self.label_name_bytes_max,
            label_value_bytes_max: self.label_value_bytes_max,
            exemplar_labels_bytes_max: self.exemplar_labels_bytes_max,
            histogram_buckets_max: self.histogram_buckets_max,
            metadata_bytes_max: self.metadata_bytes_max,
        }
    }
}

/// What queries may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryConfig {
    /// How far back an instant selector looks for a sample.
    pub lookback: TimeSpan,
    /// The longest time for a query, waiting included.
    pub timeout: TimeSpan,
    /// Samples a query may hold at the same time.
    pub samples_max: u64,
    /// Series that one selector of a query may find.
    pub series_max: u64,
    /// Points per series of a range query.
    pub steps_max: u64,
    /// Memory for one query.
    pub memory_per_query: ByteSize,
    /// Memory for all queries together; a share of the machine's memory if absent.
    pub memory: Option<ByteSize>,
    /// Memory for results of range queries that are kept to be reused; 0 keeps none. A share of the machine's memory
    /// if absent.
    pub cache: Option<ByteSize>,
    /// Queries at the same time; twice the number of processors if absent. More wait.
    pub concurrency: Option<usize>,
    /// Threads that a query may use while no other runs; the number of processors if absent.
    pub threads: Option<usize>,
    /// Of the queries at the same time, heavy ones; three in four of the processors if absent.
    pub concurrency_heavy: Option<usize>,
    /// A query that takes longer than this is heavy: it starts again behind the others of its kind.
    pub light_time: TimeSpan,
    /// Queries that may wait, light and heavy ones each; more are refused.
    pub queue: usize,
    /// Whether functions that are experimental in Prometheus may be used.
    pub experimental: bool,
    /// Samples a remote read may return.
    pub remote_read_samples_max: u64,
    /// Lines that a query for logs may return.
    pub log_entries_max: usize,
    /// Series that a metric query over logs may return.
    pub log_series_max: usize,
    /// Traces that a search in TraceQL may return.
    pub traces_max: usize,
    /// Series that a metrics query in TraceQL may return.
    pub trace_series_max: usize,
    /// Spans that one question for traces may return.
    pub trace_spans_max: usize,
}

impl Default for QueryConfig {
    fn default() -> Self {
        QueryConfig {
            lookback: TimeSpan::from_secs(300),
            timeout: TimeSpan::from_secs(120),
            samples_max: 50_000_000,
            series_max: 5_000_000,
            steps_max: 11_000,
            memory_per_query: ByteSize(1 << 30),
            memory: None,
            cache: None,
            concurrency: None,
            threads: None,
            concurrency_heavy: None,
            light_time: TimeSpan(Duration::from_millis(100)),
            queue: 200,
            experimental: true,
            remote_read_samples_max: 50_000_000,
            log_entries_max: 100_000,
            log_series_max: 10_000,
            traces_max: 10_000,
            trace_series_max: 10_000,
            trace_spans_max: 200_000,
        }
    }
}

/// How many processors there are. To find out takes some tens of microseconds, so it is done once.
fn processors() -> usize {
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, |n| n.get()));
    *PROCESSORS
}

impl QueryConfig {
    /// Queries at the same time.
    pub fn concurrency(&self) -> usize {
        self.concurrency.unwrap_or(processors() * 2).max(1)
    }

    /// Threads that a query may use while no other runs.
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(processors).max(1)
    }

    /// Heavy queries at the same time.
    pub fn concurrency_heavy(&self) -> usize {
        self.concurrency_heavy.unwrap_or(processors() * 3 / 4).clamp(1, self.concurrency())
    }

    /// The threads for queries. At least one is for light ones.
    pub fn lanes(&self) -> Lanes {
        let heavy = self.concurrency_heavy();
        let light = self.concurrency().saturating_sub(heavy).max(1);
        Lanes::new(light, heavy, self.queue, self.light_time.into())
    }
}

/// The agent inside the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentConfig {
    /// Whether this machine is watched.
    pub enabled: bool,
    /// How often it is looked at.
    pub interval: Option<TimeSpan>,
    /// Labels of its series; `job` is `node` and `instance` the host's name unless they are given here.
    pub labels: BTreeMap<String, String>,
    /// Collectors that are left out, by name.
    pub disabled_collectors: Vec<String>,
    /// Collectors that run only if they are named: `systemd`.
    pub enabled_collectors: Vec<String>,
    /// Directories with files `*.prom` that scripts leave.
    pub textfile_dirs: Vec<PathBuf>,
    /// Which logs of this machine are read.
    pub logs: agent::LogsConfig,
    /// Which events of this machine are noted.
    pub events: agent::WatchConfig,
}

impl Default for AgentConfig {
    fn default() -> Self {
        AgentConfig {
            enabled: true,
            interval: None,
            labels: BTreeMap::new(),
            disabled_collectors: Vec::new(),
            enabled_collectors: Vec::new(),
            textfile_dirs: vec![host::TEXTFILE_DIR.into()],
            logs: agent::LogsConfig::default(),
            events: agent::WatchConfig::default(),
        }
    }
}

impl AgentConfig {
    /// How often this machine is looked at.
    pub fn interval(&self) -> TimeSpan {
        self.interval.unwrap_or(TimeSpan(agent::LocalOptions::default().interval))
    }
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// The address to listen at.
    pub listen: String,
    /// Connections at the same time; more wait.
    pub connections_max: usize,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams_max: u32,
    /// The longest time for the head of a request, and the longest silence of an idle connection.
    pub header_timeout: TimeSpan,
    /// The longest silence within a body.
    pub body_idle_timeout: TimeSpan,
    /// The longest time for a body.
    pub body_timeout: TimeSpan,
    /// How long requests under way may take once the server was asked to end.
    pub drain: TimeSpan,
    /// Which origins may read answers in a browser: a regular expression.
    pub cors_origin: String,
    /// Whether series can be deleted and snapshots be made over HTTP.
    pub admin: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: "127.0.0.1:7766".to_owned(),
            connections_max: 2048,
            streams_max: 100,
            header_timeout: TimeSpan::from_secs(60),
            body_idle_timeout: TimeSpan::from_secs(15),
            body_timeout: TimeSpan::from_secs(120),
            drain: TimeSpan::from_secs(20),
            cors_origin: ".*".to_owned(),
            admin: true,
        }
    }
}

/// What the server records about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfConfig {
    /// Whether the server stores its own metrics, with the label `job="watchfire"`.
    pub enabled: bool,
    /// How often.
    pub interval: TimeSpan,
}

impl Default for SelfConfig {
    fn default() -> Self {
        SelfConfig { enabled: true, interval: TimeSpan::from_secs(15) }
    }
}
