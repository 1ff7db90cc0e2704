//! Values in OTLP's JSON.

use crate::http::json::Json;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::record::Value;
use traceql::Literal;

/// `{"stringValue":"x"}` and so on.
pub fn literal(j: &mut Json, literal: &Literal) {
    match literal {
        Literal::Bool(b) => j.raw("{").key("boolValue").bool(*b),
        Literal::Int(i) => j.raw("{").key("intValue").string(&i.to_string()),
        Literal::Float(f) => float(j.raw("{"), *f),
        other => j.raw("{").key("stringValue").string(&other.plain()),
    };
    j.raw("}");
}

fn float(j: &mut Json, value: f64) -> &mut Json {
    j.key("doubleValue");
    match value.is_finite() {
        true => j.value(&value),
        false => j.string(&promql::format_float(value)),
    }
}

/// `{"key":"a","value":{"stringValue":"x"}}`
pub fn pair(j: &mut Json, name: &str, value: &Literal) {
    j.raw("{").key("key").string(name).key("value");
    literal(j, value);
    j.raw("}");
}

/// As [`pair`], of what a span has.
pub fn attribute(j: &mut Json, name: &str, value: Value<'_>) {
    j.raw("{").key("key").string(name).key("value");
    any(j, value);
    j.raw("}");
}

/// Values nest a bounded number of times, see `model`.
fn any(j: &mut Json, value: Value<'_>) {
    j.raw("{");
    match value {
        Value::Null => j.raw(""),
        Value::Bool(b) => j.key("boolValue").bool(b),
        Value::Int(i) => j.key("intValue").string(&i.to_string()),
        Value::Float(f) => float(j, f),
        Value::String(s) => j.key("stringValue").string(s),
        Value::Bytes(b) => j.key("bytesValue").string(&STANDARD.encode(b)),
        Value::List(items) => j.key("arrayValue").raw("{").key("values").list(items.iter(), any).raw("}"),
        Value::Map(pairs) => {
            j.key("kvlistValue").raw("{").key("values");
            j.list(pairs.iter(), |j, (name, value)| attribute(j, name, value)).raw("}")
        }
    };
    j.raw("}");
}

/// What a query cost. Clients in Go refuse fields that their version of Tempo does not have, so it is told in those that
/// every version has.
pub fn cost(j: &mut Json, stats: &traceql::Stats) {
    j.key("metrics").raw("{").key("inspectedTraces").int(stats.traces as i64);
    j.key("inspectedBytes").string(&stats.bytes.to_string());
    j.key("completedJobs").int(1).key("totalJobs").int(1).raw("}");
}
