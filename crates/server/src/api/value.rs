//! Results of queries as JSON, in the shape of the Prometheus API.

use crate::http::json::Json;
use crate::http::number;
use promql::{FloatHistogram, MatrixSeries, Value, VectorSample};

/// Bytes reserved for each sample and each series, about what they take, and at most in all.
const SAMPLE_BYTES: usize = 28;
const SERIES_BYTES: usize = 160;
const RESERVE_BYTES_MAX: usize = 64 << 20;

/// `"resultType":…,"result":…`
pub fn write(j: &mut Json, value: &Value) {
    let expected = text_bytes(value);
    j.reserve(expected.min(RESERVE_BYTES_MAX));
    match value {
        Value::Scalar { time_ms, value } => {
            j.key("resultType").string("scalar").key("result").raw("[").time(*time_ms).raw(",").float(*value);
            j.raw("]");
        }
        Value::String { time_ms, value } => {
            j.key("resultType").string("string").key("result").raw("[").time(*time_ms).raw(",").string(value);
            j.raw("]");
        }
        Value::Vector(samples) => {
            j.key("resultType").string("vector").key("result").list(samples, vector_sample);
        }
        Value::Matrix(series) => {
            let mut stamps = Stamps::default();
            j.key("resultType").string("matrix").key("result").list(series, |j, s| {
                matrix_series(j, s, &mut stamps);
            });
        }
    }
}

fn series(value: &Value) -> usize {
    match value {
        Value::Scalar { .. } | Value::String { .. } => 0,
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
    }
}

/// About the length of what [`write`] makes of a result.
fn text_bytes(value: &Value) -> usize {
    samples(value) as usize * SAMPLE_BYTES + series(value) * SERIES_BYTES
}

/// About the memory that a result and its text take together.
pub fn answer_bytes(value: &Value) -> u64 {
    let histograms: u64 = match value {
        Value::Matrix(all) => all.iter().flat_map(|s| &s.histograms).map(|(_, h)| h.size()).sum(),
        Value::Scalar { .. } | Value::String { .. } | Value::Vector(_) => 0,
    };
    // A histogram's text is some five times its size in memory.
    samples(value) * size_of::<(i64, f64)>() as u64 + text_bytes(value) as u64 + 6 * histograms
}

/// The number of samples in a result.
pub fn samples(value: &Value) -> u64 {
    match value {
        Value::Scalar { .. } | Value::String { .. } => 1,
        Value::Vector(samples) => samples.len() as u64,
        Value::Matrix(series) => series.iter().map(|s| (s.floats.len() + s.histograms.len()) as u64).sum(),
    }
}

/// Keeps at most `limit` series; says whether some were cut.
pub fn cut(value: &mut Value, limit: usize) -> bool {
    let before = match value {
        Value::Scalar { .. } | Value::String { .. } => return false,
        Value::Vector(samples) => {
            let n = samples.len();
            samples.truncate(limit);
            n
        }
        Value::Matrix(series) => {
            let n = series.len();
            series.truncate(limit);
            n
        }
    };
    before > limit
}

fn vector_sample(j: &mut Json, s: &VectorSample) {
    j.raw("{\"metric\":").labels(&s.labels);
    match &s.value {
        promql::Point::Float(v) => {
            j.raw(",\"value\":[").time(s.time_ms).raw(",").float(*v).raw("]}");
        }
        promql::Point::Histogram(h) => {
            j.raw(",\"histogram\":[").time(s.time_ms).raw(",");
            histogram(j, h);
            j.raw("]}");
        }
    }
}

/// The beginnings of samples, `[time,`, of the series before: those of the next are mostly the same.
#[derive(Default)]
struct Stamps {
    times: Vec<i64>,
    text: Vec<u8>,
    /// Where each ends in the text.
    ends: Vec<usize>,
}

impl Stamps {
    /// Writes the beginning of the sample at a position, which is not past that of the call before by more than one.
    fn write(&mut self, j: &mut Json, at: usize, time_ms: i64) {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        if self.times.get(at) != Some(&time_ms) {
            self.times.truncate(at);
            self.ends.truncate(at);
            self.text.truncate(start);
            self.times.push(time_ms);
            self.text.push(b'[');
            number::push_time(&mut self.text, time_ms);
            self.text.push(b',');
            self.ends.push(self.text.len());
        }
        j.bytes(&self.text[start..self.ends[at]]);
    }
}

fn matrix_series(j: &mut Json, s: &MatrixSeries, stamps: &mut Stamps) {
    j.raw("{\"metric\":").labels(&s.labels);
    if !s.floats.is_empty() {
        j.raw(",\"values\":").list(s.floats.iter().enumerate(), |j, (at, (t, v))| {
            stamps.write(j, at, *t);
            j.float(*v).raw("]");
        });
    }
    if !s.histograms.is_empty() {
        j.raw(",\"histograms\":").list(&s.histograms, |j, (t, h)| {
            j.raw("[").time(*t).raw(",");
            histogram(j, h);
            j.raw("]");
        });
    }
    j.raw("}");
}

/// Count, sum, and every bucket that holds something as `[bounds, lower, upper, count]`; `bounds` is 0 for an
/// open lower bound, 1 for an open upper bound, 2 for both, 3 for none.
fn histogram(j: &mut Json, h: &FloatHistogram) {
    j.raw("{\"count\":").float(h.count).raw(",\"sum\":").float(h.sum);
    let buckets = h.buckets();
    let mut held = buckets.iter().filter(|b| b.count != 0.0).peekable();
    if held.peek().is_some() {
        j.raw(",\"buckets\":").list(held, |j, b| {
            let bounds = match (b.lower_inclusive, b.upper_inclusive) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            j.raw("[").int(bounds).raw(",").float(b.lower).raw(",").float(b.upper).raw(",").float(b.count);
            j.raw("]");
        });
    }
    j.raw("}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;

    #[test]
    fn series_with_other_times_get_their_own() {
        let of = |times: &[i64]| MatrixSeries {
            labels: Labels::empty(),
            floats: times.iter().map(|t| (*t, 1.0)).collect(),
            histograms: Vec::new(),
        };
        let columns: [&[i64]; 5] =
            [&[0, 1000, 2000], &[0, 1000, 2000], &[1000, 1000, 2500], &[0], &[-500, 1000, 2000, 3000]];
        let mut j = Json::new();
        j.raw("{");
        write(&mut j, &Value::Matrix(columns.iter().map(|c| of(c)).collect()));
        j.raw("}");
        let text = String::from_utf8(j.into_bytes()).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (i, column) in columns.iter().enumerate() {
            let values = answer["result"][i]["values"].as_array().unwrap();
            let times: Vec<i64> =
                values.iter().map(|v| (v[0].as_f64().unwrap() * 1000.0).round() as i64).collect();
            assert_eq!(&times, column, "{text}");
        }
    }
}
