//! Settings of the store and its named limits.

use std::path::PathBuf;

/// Settings. [`Options::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Samples older than this many milliseconds are refused and dropped. Setting `storage.retention`.
    pub retention_ms: i64,
    /// Oldest days are dropped while parts take more bytes than this; 0 for no bound. Setting
    /// `storage.retention_size`.
    pub retention_bytes: u64,
    /// Samples further in the future than this many milliseconds are refused. Setting `storage.future`.
    pub future_ms_max: i64,
    /// Memory for samples that are not in a part yet. Writes are refused with "busy" at three times as much, which
    /// is met only when the disk cannot keep up. Setting `storage.memory`.
    pub head_bytes_max: usize,
    /// Memory for pages of parts that were read lately; 0 keeps none. Setting `storage.page_cache`.
    pub page_cache_bytes: usize,
    /// Bytes of records under way to the journal before writes are refused with "busy".
    pub queued_bytes_max: u64,
    /// Series in all. Setting `storage.limits.series`.
    pub series_max: u64,
    /// Series of one metric name. Setting `storage.limits.series_per_metric`.
    pub series_per_metric_max: u64,
    /// Bytes of a series' labels together, at most 16 MiB. Setting `storage.limits.series_key_bytes`.
    pub series_key_bytes_max: usize,
    /// Exemplars kept; the oldest are forgotten. Setting `storage.limits.exemplars`.
    pub exemplars_max: usize,
    /// Metric families whose metadata is kept. Setting `storage.limits.metadata`.
    pub metadata_max: usize,
    /// Whether to flush and merge on threads of the store's own. Without, only when asked.
    pub background: bool,
}

impl Options {
    /// The defaults.
    pub fn new(data_dir: impl Into<PathBuf>) -> Options {
        Options {
            data_dir: data_dir.into(),
            retention_ms: 30 * DAY_MS,
            retention_bytes: 0,
            future_ms_max: 2 * DAY_MS,
            head_bytes_max: 32 << 20,
            page_cache_bytes: 64 << 20,
            queued_bytes_max: 64 << 20,
            series_max: 20_000_000,
            series_per_metric_max: 2_000_000,
            series_key_bytes_max: 256 << 10,
            exemplars_max: 100_000,
            metadata_max: 50_000,
            background: true,
        }
    }
}

/// A part covers at most one UTC day; parts of different days are never merged.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The day a timestamp falls on, counted from 1970-01-01.
pub(crate) fn day_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(DAY_MS)
}
