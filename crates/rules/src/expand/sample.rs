//! Results of queries as templates see them.

use promql::{FloatHistogram, Point, VectorSample};
use std::sync::Arc;
use template::{Map, Object, Signature, Value};

pub(super) const SAMPLE: &str = "*template.sample";
pub(super) const RESULT: &str = "template.queryResult";

/// The dot of an alert's texts.
#[derive(Debug)]
pub(super) struct AlertData {
    pub labels: Value,
    pub external_labels: Value,
    pub external_url: Value,
    pub value: Value,
}

/// One series: `.Labels` and `.Value`.
#[derive(Debug)]
struct Sample {
    labels: Value,
    value: Value,
}

/// What `query` gives.
#[derive(Debug)]
struct QueryResult(Value);

#[derive(Debug)]
struct HistogramValue(Arc<FloatHistogram>);

/// The value of a series.
pub(super) fn value(point: &Point) -> Value {
    match point {
        Point::Float(v) => Value::Float(*v),
        Point::Histogram(h) => Value::object(HistogramValue(h.clone())),
    }
}

/// The series of a vector.
pub(super) fn result(vector: &[VectorSample]) -> Value {
    let samples = vector.iter().map(|s| {
        Value::object(Sample { labels: Value::from(Map::of_texts(&s.labels)), value: value(&s.value) })
    });
    of_list(samples.collect())
}

/// A result of these samples.
pub(super) fn of_list(samples: Vec<Value>) -> Value {
    Value::object(QueryResult(Value::from(samples)))
}

impl Object for AlertData {
    fn type_name(&self) -> &'static str {
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Labels" => Some(self.labels.clone()),
            "ExternalLabels" => Some(self.external_labels.clone()),
            "ExternalURL" => Some(self.external_url.clone()),
            "Value" => Some(self.value.clone()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        let parts = [&self.labels, &self.external_labels, &self.external_url, &self.value].map(shown);
        format!("{{{}}}", parts.join(" "))
    }
}

impl Object for Sample {
    fn type_name(&self) -> &'static str {
        SAMPLE
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Labels" => Some(self.labels.clone()),
            "Value" => Some(self.value.clone()),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", shown(&self.labels), shown(&self.value))
    }
}

fn shown(v: &Value) -> String {
    match v {
        Value::Map(map) => {
            let pairs = map.entries.iter().map(|(name, v)| format!("{name}:{}", shown(v)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        Value::String(s) => s.to_string(),
        Value::Float(v) => template::float_shortest(*v),
        Value::Object(o) => o.print(),
        other => format!("{other:?}"),
    }
}

impl Object for QueryResult {
    fn type_name(&self) -> &'static str {
        RESULT
    }

    fn content(&self) -> Option<Value> {
        Some(self.0.clone())
    }

    fn print(&self) -> String {
        let Value::List(samples) = &self.0 else { return "[]".to_owned() };
        format!("[{}]", samples.iter().map(shown).collect::<Vec<_>>().join(" "))
    }
}

impl Object for HistogramValue {
    fn type_name(&self) -> &'static str {
        "*histogram.FloatHistogram"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Count" => Value::Float(self.0.count),
            "Sum" => Value::Float(self.0.sum),
            "Schema" => Value::Int(i64::from(self.0.schema)),
            "ZeroCount" => Value::Float(self.0.zero_count),
            "ZeroThreshold" => Value::Float(self.0.zero_threshold),
            _ => return None,
        })
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(Signature::fixed(&[]))
    }

    fn call(&self, _name: &str, _args: &[Value]) -> Result<Value, String> {
        Ok(Value::from(self.print()))
    }

    fn print(&self) -> String {
        self.0.to_string()
    }
}
