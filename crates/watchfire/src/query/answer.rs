//! Answers of the Prometheus API, as a client reads them.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The envelope of every answer.
#[derive(Debug, Deserialize)]
pub struct Envelope<T> {
    pub status: String,
    pub data: Option<T>,
    #[serde(default, rename = "errorType")]
    pub error_type: String,
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub warnings: Vec<String>,
    #[serde(default)]
    pub infos: Vec<String>,
}

/// The result of a query.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub enum Data {
    Scalar(Point),
    String(Point),
    Vector(Vec<Series>),
    Matrix(Vec<Series>),
}

impl Data {
    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        matches!(self, Data::Vector(series) | Data::Matrix(series) if series.is_empty())
    }
}

/// A time in seconds and a value as text.
pub type Point = (f64, String);

/// One series of a vector (one value) or a matrix (many).
#[derive(Debug, Deserialize)]
pub struct Series {
    pub metric: BTreeMap<String, String>,
    #[serde(default)]
    pub value: Option<Point>,
    #[serde(default)]
    pub values: Vec<Point>,
    #[serde(default)]
    pub histogram: Option<(f64, Histogram)>,
    #[serde(default)]
    pub histograms: Vec<(f64, Histogram)>,
}

/// The totals of a native histogram.
#[derive(Debug, Deserialize)]
pub struct Histogram {
    pub count: String,
    pub sum: String,
}

/// The number a value stands for.
pub fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => text.parse().unwrap_or(f64::NAN),
    }
}

impl Series {
    /// The points as numbers.
    pub fn numbers(&self) -> Vec<(f64, f64)> {
        self.values.iter().map(|(t, v)| (*t, number(v))).collect()
    }

    /// The labels all in one, as PromQL writes them.
    pub fn name(&self) -> String {
        match model::Labels::from_pairs(&self.metric) {
            Ok(labels) => labels.to_string(),
            Err(_) => format!("{:?}", self.metric),
        }
    }
}
