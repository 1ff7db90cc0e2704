//! An `ExportMetricsServiceRequest` in JSON.

use super::{Options, Taken, Totals, protobuf};
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::otlp::json::{KEY_VALUE, Kind, RESOURCE, SCOPE, Table, to_protobuf};
use model::Appender;

/// Appends a request in JSON, as [`protobuf()`] does one in protocol buffers.
pub fn json<A: Appender + ?Sized>(
    body: &[u8],
    options: &Options,
    limits: &Limits,
    totals: Option<&mut dyn Totals>,
    out: &mut A,
) -> Result<Taken, DecodeError> {
    protobuf(&to_protobuf(body, &REQUEST, "OTLP metrics body")?, options, limits, totals, out)
}

static REQUEST: Table =
    Table(&[("resourceMetrics", "resource_metrics", 1, Kind::Messages(&RESOURCE_METRICS))]);
static RESOURCE_METRICS: Table = Table(&[
    ("resource", "resource", 1, Kind::Message(&RESOURCE)),
    ("scopeMetrics", "scope_metrics", 2, Kind::Messages(&SCOPE_METRICS)),
]);
static SCOPE_METRICS: Table = Table(&[
    ("scope", "scope", 1, Kind::Message(&SCOPE)),
    ("metrics", "metrics", 2, Kind::Messages(&METRIC)),
    ("schemaUrl", "schema_url", 3, Kind::Text),
]);
static METRIC: Table = Table(&[
    ("name", "name", 1, Kind::Text),
    ("description", "description", 2, Kind::Text),
    ("unit", "unit", 3, Kind::Text),
    ("gauge", "gauge", 5, Kind::Message(&NUMBERS)),
    ("sum", "sum", 7, Kind::Message(&NUMBERS)),
    ("histogram", "histogram", 9, Kind::Message(&HISTOGRAMS)),
    ("exponentialHistogram", "exponential_histogram", 10, Kind::Message(&EXPONENTIALS)),
    ("summary", "summary", 11, Kind::Message(&SUMMARIES)),
]);
static NUMBERS: Table = Table(&[
    ("dataPoints", "data_points", 1, Kind::Messages(&NUMBER)),
    ("aggregationTemporality", "aggregation_temporality", 2, Kind::Enum(&TEMPORALITIES)),
    ("isMonotonic", "is_monotonic", 3, Kind::Bool),
]);
static HISTOGRAMS: Table = Table(&[
    ("dataPoints", "data_points", 1, Kind::Messages(&HISTOGRAM)),
    ("aggregationTemporality", "aggregation_temporality", 2, Kind::Enum(&TEMPORALITIES)),
]);
static EXPONENTIALS: Table = Table(&[
    ("dataPoints", "data_points", 1, Kind::Messages(&EXPONENTIAL)),
    ("aggregationTemporality", "aggregation_temporality", 2, Kind::Enum(&TEMPORALITIES)),
]);
static SUMMARIES: Table = Table(&[("dataPoints", "data_points", 1, Kind::Messages(&SUMMARY))]);
static NUMBER: Table = Table(&[
    ("attributes", "attributes", 7, Kind::Messages(&KEY_VALUE)),
    ("startTimeUnixNano", "start_time_unix_nano", 2, Kind::Fixed64),
    ("timeUnixNano", "time_unix_nano", 3, Kind::Fixed64),
    ("asDouble", "as_double", 4, Kind::Double),
    ("asInt", "as_int", 6, Kind::SignedFixed64),
    ("exemplars", "exemplars", 5, Kind::Messages(&EXEMPLAR)),
    ("flags", "flags", 8, Kind::Varint),
]);
static HISTOGRAM: Table = Table(&[
    ("attributes", "attributes", 9, Kind::Messages(&KEY_VALUE)),
    ("startTimeUnixNano", "start_time_unix_nano", 2, Kind::Fixed64),
    ("timeUnixNano", "time_unix_nano", 3, Kind::Fixed64),
    ("count", "count", 4, Kind::Fixed64),
    ("sum", "sum", 5, Kind::Double),
    ("bucketCounts", "bucket_counts", 6, Kind::Several(&Kind::Fixed64)),
    ("explicitBounds", "explicit_bounds", 7, Kind::Several(&Kind::Double)),
    ("exemplars", "exemplars", 8, Kind::Messages(&EXEMPLAR)),
    ("flags", "flags", 10, Kind::Varint),
]);
static EXPONENTIAL: Table = Table(&[
    ("attributes", "attributes", 1, Kind::Messages(&KEY_VALUE)),
    ("startTimeUnixNano", "start_time_unix_nano", 2, Kind::Fixed64),
    ("timeUnixNano", "time_unix_nano", 3, Kind::Fixed64),
    ("count", "count", 4, Kind::Fixed64),
    ("sum", "sum", 5, Kind::Double),
    ("scale", "scale", 6, Kind::Signed),
    ("zeroCount", "zero_count", 7, Kind::Fixed64),
    ("positive", "positive", 8, Kind::Message(&BUCKETS)),
    ("negative", "negative", 9, Kind::Message(&BUCKETS)),
    ("flags", "flags", 10, Kind::Varint),
    ("exemplars", "exemplars", 11, Kind::Messages(&EXEMPLAR)),
    ("zeroThreshold", "zero_threshold", 14, Kind::Double),
]);
static BUCKETS: Table = Table(&[
    ("offset", "offset", 1, Kind::Signed),
    ("bucketCounts", "bucket_counts", 2, Kind::Several(&Kind::Varint)),
]);
static SUMMARY: Table = Table(&[
    ("attributes", "attributes", 7, Kind::Messages(&KEY_VALUE)),
    ("startTimeUnixNano", "start_time_unix_nano", 2, Kind::Fixed64),
    ("timeUnixNano", "time_unix_nano", 3, Kind::Fixed64),
    ("count", "count", 4, Kind::Fixed64),
    ("sum", "sum", 5, Kind::Double),
    ("quantileValues", "quantile_values", 6, Kind::Messages(&QUANTILE)),
    ("flags", "flags", 8, Kind::Varint),
]);
static QUANTILE: Table =
    Table(&[("quantile", "quantile", 1, Kind::Double), ("value", "value", 2, Kind::Double)]);
static EXEMPLAR: Table = Table(&[
    ("filteredAttributes", "filtered_attributes", 7, Kind::Messages(&KEY_VALUE)),
    ("timeUnixNano", "time_unix_nano", 2, Kind::Fixed64),
    ("asDouble", "as_double", 3, Kind::Double),
    ("asInt", "as_int", 6, Kind::SignedFixed64),
    ("spanId", "span_id", 4, Kind::SpanId),
    ("traceId", "trace_id", 5, Kind::TraceId),
]);
static TEMPORALITIES: [&str; 3] = [
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
];
