//! Results of queries.

use crate::annotations::Annotations;
use crate::histogram::FloatHistogram;
use model::Labels;
use std::sync::Arc;

/// A sample's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// One series of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// Its labels.
    pub labels: Labels,
    /// Time of evaluation, Unix milliseconds.
    pub time_ms: i64,
    /// Its value.
    pub value: Point,
}

/// One series of a matrix. Floats and histograms are each in ascending order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// Its labels.
    pub labels: Labels,
    /// Unix milliseconds and numbers.
    pub floats: Vec<(i64, f64)>,
    /// Unix milliseconds and histograms.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

/// What a query evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One number.
    Scalar {
        /// Time of evaluation, Unix milliseconds.
        time_ms: i64,
        /// The number.
        value: f64,
    },
    /// A text.
    String {
        /// Time of evaluation, Unix milliseconds.
        time_ms: i64,
        /// The text.
        value: String,
    },
    /// One value per series. Its order means something for the sort functions, `topk` and `bottomk`.
    Vector(Vec<VectorSample>),
    /// Values over time per series, ordered by labels.
    Matrix(Vec<MatrixSeries>),
}

impl Value {
    /// How many series it has; a scalar or a string counts as one.
    pub fn series(&self) -> usize {
        match self {
            Value::Scalar { .. } | Value::String { .. } => 1,
            Value::Vector(samples) => samples.len(),
            Value::Matrix(series) => series.len(),
        }
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Series read from the source.
    pub series_read: u64,
    /// Samples read from the source.
    pub samples_read: u64,
    /// Most samples held at once.
    pub samples_peak: u64,
    /// Most bytes held at once.
    pub memory_peak: u64,
    /// Steps evaluated.
    pub steps: u64,
}

/// The answer to a query.
#[derive(Debug, Clone)]
pub struct Output {
    /// The result.
    pub value: Value,
    /// What the asker should know about it.
    pub annotations: Annotations,
    /// What it cost.
    pub stats: Stats,
}
