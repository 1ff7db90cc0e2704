//! What a sender of records may send.

use model::record::ENCODED_DEPTH_MAX;

/// Which records they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signal {
    /// Lines.
    #[default]
    Logs,
    /// Spans.
    Traces,
    /// Events.
    Events,
    /// Error events.
    Errors,
}

/// The configuration key of a limit.
macro_rules! setting {
    ($limits:expr, $field:literal) => {
        match $limits.signal {
            $crate::records::Signal::Logs => concat!("logs.limits.", $field),
            $crate::records::Signal::Traces => concat!("traces.limits.", $field),
            $crate::records::Signal::Events => concat!("events.limits.", $field),
            $crate::records::Signal::Errors => concat!("errors.limits.", $field),
        }
    };
}

/// Bounds on records. Each is the configuration key `logs.limits.<field>`, `traces.limits.<field>`, `events.limits.<field>`
/// or `errors.limits.<field>`; the sizes of
/// bodies are bounded by [`Limits`](crate::Limits), as for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLimits {
    /// Of which records.
    pub signal: Signal,
    /// Bytes of a record's body.
    pub line_bytes_max: u64,
    /// Attributes of one record, those of its resource and scope included.
    pub attributes_per_record_max: u64,
    /// Bytes of all attributes of one record, names and values.
    pub attributes_bytes_max: u64,
    /// How deep lists and maps may nest; at most [`ENCODED_DEPTH_MAX`].
    pub nesting_max: u64,
    /// Labels of one stream.
    pub labels_per_stream_max: u64,
    /// Bytes of the name of a label or attribute.
    pub name_bytes_max: u64,
    /// Bytes of the value of a stream's label.
    pub label_value_bytes_max: u64,
    /// Different streams in one body.
    pub streams_per_body_max: u64,
    /// Records in one body.
    pub records_per_body_max: u64,
    /// Bytes of all records of a body together. A resource's attributes count for each of its records.
    pub content_bytes_max: u64,
}

impl Default for RecordLimits {
    fn default() -> Self {
        RecordLimits {
            signal: Signal::Logs,
            line_bytes_max: 1 << 20,
            attributes_per_record_max: 1000,
            attributes_bytes_max: 1 << 20,
            nesting_max: ENCODED_DEPTH_MAX as u64,
            labels_per_stream_max: 64,
            name_bytes_max: 1024,
            label_value_bytes_max: 4096,
            streams_per_body_max: 20_000,
            records_per_body_max: 1_000_000,
            content_bytes_max: 256 << 20,
        }
    }
}

impl RecordLimits {
    /// The depth in force, whatever is configured.
    pub(crate) fn depth(&self) -> usize {
        usize::try_from(self.nesting_max).unwrap_or(usize::MAX).min(ENCODED_DEPTH_MAX)
    }
}
