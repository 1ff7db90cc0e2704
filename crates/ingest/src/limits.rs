//! What a sender may send, by default and by configuration.

use model::Limit;

/// Bounds on what is decoded. Each is the configuration key `ingest.limits.<field>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body as it arrives, compressed or not.
    pub body_bytes_max: u64,
    /// Bytes of a request body after decompression.
    pub decompressed_bytes_max: u64,
    /// Labels of one series, the metric name included.
    pub labels_per_series_max: u64,
    /// Bytes of a label name.
    pub label_name_bytes_max: u64,
    /// Bytes of a label value, the metric name included.
    pub label_value_bytes_max: u64,
    /// Bytes of all label names and values of an exemplar together.
    pub exemplar_labels_bytes_max: u64,
    /// Buckets of one native histogram, positive and negative together.
    pub histogram_buckets_max: u64,
    /// Bytes of a help text or unit; longer ones are cut, not refused.
    pub metadata_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes_max: 32 << 20,
            decompressed_bytes_max: 128 << 20,
            labels_per_series_max: 64,
            label_name_bytes_max: 1024,
            label_value_bytes_max: 4096,
            exemplar_labels_bytes_max: 512,
            histogram_buckets_max: 4096,
            metadata_bytes_max: 4096,
        }
    }
}

/// `Err` when `observed` is over `limit`; the description is only built then.
pub(crate) fn within(
    observed: u64,
    limit: u64,
    setting: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Limit> {
    if observed <= limit { Ok(()) } else { Err(Limit { what: what(), observed, limit, setting }) }
}

/// At most `max` bytes of `text`, whole characters only.
pub(crate) fn cut(text: &str, max: u64) -> &str {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if text.len() <= max { text } else { &text[..text.floor_char_boundary(max)] }
}
