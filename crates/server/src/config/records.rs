//! The sections about logs, traces, events and errors.

use super::{ByteSize, TimeSpan};
use ingest::records::{RecordLimits, Signal};
use model::record::Tenant;
use serde::{Deserialize, Serialize};

/// Which records of a signal are kept, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordsConfig {
    /// Records older than this are removed.
    pub retention: TimeSpan,
    /// Streams that are kept for another time; the first rule that matches counts.
    pub retention_rules: Vec<RetentionRule>,
    /// The oldest days are removed when they take more than this. 0 is no limit.
    pub retention_size: ByteSize,
    /// Records further in the future than this are refused.
    pub future: TimeSpan,
    /// Memory for records that are not in a part yet.
    pub memory: ByteSize,
    /// Bounds of what senders may send.
    pub limits: RecordLimitsConfig,
}

impl Default for RecordsConfig {
    fn default() -> Self {
        let of = records::Options::new("");
        let span = |ms: i64| TimeSpan::from_millis(ms.unsigned_abs());
        RecordsConfig {
            retention: span(of.retention_ms),
            retention_rules: Vec::new(),
            retention_size: ByteSize(of.retention_bytes),
            future: span(of.future_ms_max),
            memory: ByteSize(of.head_bytes_max as u64),
            limits: RecordLimitsConfig::default(),
        }
    }
}

impl RecordsConfig {
    /// As the store takes it; an error names the rule of retention that is wrong.
    pub fn options(&self, signal: Signal, data_dir: &std::path::Path) -> Result<records::Options, String> {
        let (dir, settings, order) = match signal {
            Signal::Logs => ("logs", records::Settings::LOGS, records::RowOrder::Stream),
            Signal::Traces => ("traces", records::Settings::TRACES, records::RowOrder::Trace),
            Signal::Events => ("events", records::Settings::EVENTS, records::RowOrder::Stream),
            Signal::Errors => ("errors", records::Settings::ERRORS, records::RowOrder::Stream),
        };
        let rules = self.retention_rules.iter().enumerate();
        let rules = rules.map(|(i, r)| r.rule().map_err(|e| format!("rule {}: {e}", i + 1)));
        Ok(records::Options {
            retention_ms: i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX),
            retention_rules: rules.collect::<Result<_, _>>()?,
            retention_bytes: self.retention_size.bytes(),
            future_ms_max: i64::try_from(self.future.as_millis()).unwrap_or(i64::MAX),
            head_bytes_max: self.memory.bytes() as usize,
            record_bytes_max: self.limits.record_bytes.bytes() as usize,
            settings,
            order,
            ..records::Options::new(data_dir.join(dir))
        })
    }
}

/// How long some streams are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// Whose; everybody's without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Which, by their labels as they are stored: `{app="x"}`, `{"service.name"="x"}`.
    pub selector: String,
    /// For how long.
    pub keep: TimeSpan,
}

impl RetentionRule {
    fn rule(&self) -> Result<records::RetentionRule, String> {
        let tenant =
            self.tenant.as_deref().map(Tenant::new).transpose().map_err(|e| format!("tenant: {e}"))?;
        let matchers = promql::parse_selector(&self.selector).map_err(|e| format!("selector: {e}"))?;
        if self.keep.as_millis() == 0 {
            return Err("keep: must be more than 0".to_owned());
        }
        let keep_ms = i64::try_from(self.keep.as_millis()).unwrap_or(i64::MAX);
        Ok(records::RetentionRule { tenant, matchers, keep_ms })
    }
}

/// Bounds of what senders of records may send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordLimitsConfig {
    /// Bytes of body and attributes of one record.
    pub record_bytes: ByteSize,
    /// Bytes of a record's body.
    pub line_bytes_max: ByteSize,
    /// Attributes of one record.
    pub attributes_per_record_max: u64,
    /// Bytes of all attributes of one record.
    pub attributes_bytes_max: ByteSize,
    /// How deep lists and objects may nest.
    pub nesting_max: u64,
    /// Labels of one stream.
    pub labels_per_stream_max: u64,
    /// Bytes of the name of a label or attribute.
    pub name_bytes_max: u64,
    /// Bytes of the value of a label.
    pub label_value_bytes_max: u64,
    /// Streams in one body.
    pub streams_per_body_max: u64,
    /// Records in one body.
    pub records_per_body_max: u64,
    /// Bytes of all records of a body, shared attributes counted for each.
    pub content_bytes_max: ByteSize,
}

impl Default for RecordLimitsConfig {
    fn default() -> Self {
        let of = RecordLimits::default();
        RecordLimitsConfig {
            record_bytes: ByteSize(records::Options::new("").record_bytes_max as u64),
            line_bytes_max: ByteSize(of.line_bytes_max),
            attributes_per_record_max: of.attributes_per_record_max,
            attributes_bytes_max: ByteSize(of.attributes_bytes_max),
            nesting_max: of.nesting_max,
            labels_per_stream_max: of.labels_per_stream_max,
            name_bytes_max: of.name_bytes_max,
            label_value_bytes_max: of.label_value_bytes_max,
            streams_per_body_max: of.streams_per_body_max,
            records_per_body_max: of.records_per_body_max,
            content_bytes_max: ByteSize(of.content_bytes_max),
        }
    }
}

impl RecordLimitsConfig {
    /// As the decoders take them.
    pub fn decoding(&self, signal: Signal) -> RecordLimits {
        RecordLimits {
            signal,
            line_bytes_max: self.line_bytes_max.bytes(),
            attributes_per_record_max: self.attributes_per_record_max,
            attributes_bytes_max: self.attributes_bytes_max.bytes(),
            nesting_max: self.nesting_max,
            labels_per_stream_max: self.labels_per_stream_max,
            name_bytes_max: self.name_bytes_max,
            label_value_bytes_max: self.label_value_bytes_max,
            streams_per_body_max: self.streams_per_body_max,
            records_per_body_max: self.records_per_body_max,
            content_bytes_max: self.content_bytes_max.bytes(),
        }
    }
}
