//! Pipelines as they are written in the configuration.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The stages that records of some streams go through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineConfig {
    /// Its name, for counts and messages.
    pub name: String,
    /// Which streams: each label with its value, or `=~REGEX`, `!=VALUE`, `!~REGEX`. Absent, every stream.
    #[serde(rename = "match", default)]
    pub selector: BTreeMap<String, String>,
    /// What is done, in order.
    pub stages: Vec<StageConfig>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageConfig {
    /// Members of a JSON object become attributes.
    Json(Json),
    /// Pairs `name=value` become attributes.
    Logfmt(Logfmt),
    /// Named groups of a regular expression become attributes.
    Regex(Regexp),
    /// As `regex`, put together from named patterns.
    Grok(Grok),
    /// The record's time from an attribute.
    Timestamp(TimestampConfig),
    /// The record's level from an attribute.
    Level(Level),
    /// Trace and span from attributes.
    Trace(Trace),
    /// Time and level from the line, where it has a usual format.
    Detect(Detect),
    /// The line is this attribute from now on.
    Body(String),
    /// Attributes get other names, old to new.
    Rename(BTreeMap<String, String>),
    /// These attributes go.
    Remove(Vec<String>),
    /// All attributes but these go.
    Keep(Vec<String>),
    /// Attributes get constant values.
    Set(BTreeMap<String, String>),
    /// These attributes become labels of the stream. They should have few values.
    Labels(Vec<String>),
    /// Records that meet a condition are dropped.
    Drop(Condition),
    /// Only a share of the records is kept.
    Sample(Sample),
    /// Secrets are made unreadable.
    Redact(Redact),
    /// A metric is derived.
    Metric(Metric),
    /// Stages for records that meet a condition, and for others.
    If(If),
}

/// Members of a JSON object become attributes; nested objects have dotted names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Json {
    /// The attribute to read; the line if absent.
    pub field: Option<String>,
    /// Goes before each name.
    pub prefix: String,
}

/// Pairs `name=value` become attributes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logfmt {
    /// The attribute to read; the line if absent.
    pub field: Option<String>,
    /// Goes before each name.
    pub prefix: String,
}

/// Named groups become attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regexp {
    /// A regular expression with groups `(?P<name>…)`.
    pub pattern: String,
    /// The attribute to read; the line if absent.
    #[serde(default)]
    pub field: Option<String>,
}

/// A regular expression put together from named patterns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grok {
    /// `%{PATTERN:name}`, `%{PATTERN:name:int}` and text.
    pub pattern: String,
    /// Patterns besides the standard ones.
    #[serde(default)]
    pub patterns: BTreeMap<String, String>,
    /// The attribute to read; the line if absent.
    #[serde(default)]
    pub field: Option<String>,
}

/// The record's time from an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampConfig {
    /// The attribute. It goes once it was read.
    pub field: String,
    /// `auto` (if absent), `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a format with `%Y-%m-%d %H:%M:%S`.
    #[serde(default)]
    pub format: Option<String>,
    /// How far east of UTC times without a zone are.
    #[serde(default)]
    pub utc_offset_minutes: i32,
}

/// The record's level from an attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The attribute. It stays.
    pub field: String,
    /// Words of one's own: each with `trace`, `debug`, `info`, `notice`, `warn`, `error`, `critical` or `fatal`.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

/// Trace and span from attributes, in hexadecimal. They go once they were read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trace {
    /// The attribute with the trace.
    pub trace_id: String,
    /// The attribute with the span.
    pub span_id: String,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { trace_id: "trace_id".into(), span_id: "span_id".into() }
    }
}

/// Time and level from the line, where it has a usual format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detect {
    /// Whether the time is looked for.
    pub time: bool,
    /// Whether the level is looked for, where the record has none.
    pub level: bool,
    /// How far east of UTC times without a zone are.
    pub utc_offset_minutes: i32,
}

impl Default for Detect {
    fn default() -> Self {
        Detect { time: true, level: true, utc_offset_minutes: 0 }
    }
}

/// What a record must be. All that is given must hold; nothing given holds for every record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// The attribute (or label) that is looked at; the line if absent.
    pub field: Option<String>,
    /// Its text is this.
    pub equals: Option<String>,
    /// Its text is one of these.
    pub any_of: Option<Vec<String>>,
    /// Its text holds this.
    pub contains: Option<String>,
    /// A regular expression finds something in its text.
    pub matches: Option<String>,
    /// It is there, or is not.
    pub exists: Option<bool>,
    /// Its number is at least this.
    pub at_least: Option<f64>,
    /// Its number is at most this.
    pub at_most: Option<f64>,
    /// The record's level is this or a graver one.
    pub level_at_least: Option<String>,
    /// The record's level is this or a lesser one.
    pub level_at_most: Option<String>,
    /// The whole condition is turned round.
    pub not: bool,
}

/// Only a share of the records is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The share that is kept, more than 0 and less than 1.
    pub keep: f64,
    /// Records with the same value of this attribute are kept or dropped together: a trace, a user.
    #[serde(default)]
    pub by: Option<String>,
}

/// Secrets are made unreadable.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redact {
    /// What is known to be secret; all of it if neither this nor `patterns` is given.
    pub builtin: Option<Vec<Builtin>>,
    /// Regular expressions; of one with a group, the first group is replaced.
    pub patterns: Vec<String>,
    /// What stands in place of a secret.
    pub replacement: Option<String>,
    /// Attributes that are looked through; the line and all attributes if absent.
    pub fields: Option<Vec<String>>,
}

/// What is known to be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Builtin {
    /// Passwords, tokens and keys, by the names before them and by the forms of well-known ones.
    Credentials,
    /// Numbers of payment cards whose check digit is right.
    Cards,
    /// E-mail addresses.
    Emails,
}

/// A metric derived from records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: MetricType,
    /// The attribute whose number is added or observed. A counter without it counts records.
    #[serde(default)]
    pub value: Option<String>,
    /// Labels: each with the attribute or label its value is from.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Upper bounds of a histogram's buckets, rising.
    #[serde(default)]
    pub buckets: Vec<f64>,
    /// One sentence.
    #[serde(default)]
    pub help: String,
}

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricType {
    /// Only grows.
    Counter,
    /// Observations in buckets.
    Histogram,
}

/// Stages for records that meet a condition, and for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct If {
    /// The condition.
    pub when: Condition,
    /// For records that meet it.
    #[serde(default)]
    pub then: Vec<StageConfig>,
    /// For others.
    #[serde(rename = "else", default)]
    pub otherwise: Vec<StageConfig>,
}

/// A pipeline that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct PipelineError {
    /// Where: `pipelines[0].stages[2].grok.pattern`.
    pub field: String,
    /// What is wrong there and what to do about it.
    pub reason: String,
}

impl PipelineError {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> PipelineError {
        PipelineError { field: field.into(), reason: reason.into() }
    }

    /// The same, further up.
    pub(crate) fn under(self, parent: &str) -> PipelineError {
        let joint = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        PipelineError { field: format!("{parent}{joint}{}", self.field), reason: self.reason }
    }
}
