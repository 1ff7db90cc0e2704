//! What is expected against what came.

use super::command::{Eval, Expected, Kind, Line, Message, Stream};
use super::{Outcome, mismatch};
use crate::units::format_duration;
use crate::value::{LogStream, Value};
use model::Labels;
use promql::{Point, format_float};

impl Eval {
    /// The query failed: as expected?
    pub fn failed(&self, shown: &str, message: &str) -> Outcome {
        match &self.expected {
            Expected::Failure(Message::Any) => Ok(()),
            Expected::Failure(Message::Exactly(wanted)) if wanted == message => Ok(()),
            Expected::Failure(Message::Matching(wanted)) if wanted.is_match(shown) => Ok(()),
            Expected::Failure(wanted) => mismatch(format!("an error: {wanted:?}"), shown),
            _ => mismatch("a result", shown),
        }
    }

    pub fn check_streams(&self, got: Vec<LogStream>) -> Outcome {
        let got: Vec<Stream> = got
            .into_iter()
            .map(|s| Stream {
                labels: s.labels,
                lines: s
                    .entries
                    .into_iter()
                    .map(|e| Line { time_ns: e.time_ns, attributes: Vec::new(), text: e.line })
                    .collect(),
            })
            .collect();
        let Expected::Streams(wanted) = &self.expected else {
            return mismatch("an error", shown_streams(&got));
        };
        let mut wanted = wanted.clone();
        wanted.sort_by(|a, b| a.labels.cmp(&b.labels));
        match wanted == got {
            true => Ok(()),
            false => mismatch(shown_streams(&wanted), shown_streams(&got)),
        }
    }

    pub fn check_value(&self, got: &Value) -> Outcome {
        match (&self.expected, got) {
            (Expected::Scalar(wanted), Value::Scalar { value, .. }) => match same(*wanted, *value) {
                true => Ok(()),
                false => mismatch(format_float(*wanted), format_float(*value)),
            },
            (Expected::Series(wanted), Value::Vector(_) | Value::Matrix(_)) => {
                let mut got = self.series(got);
                let mut wanted = wanted.clone();
                if !self.ordered {
                    got.sort_by(|a, b| a.0.cmp(&b.0));
                    wanted.sort_by(|a, b| a.0.cmp(&b.0));
                }
                let equal = wanted.len() == got.len()
                    && wanted.iter().zip(&got).all(|(w, g)| w.0 == g.0 && same_values(&w.1, &g.1));
                if equal { Ok(()) } else { mismatch(shown_series(&wanted), shown_series(&got)) }
            }
            (Expected::Failure(_), _) => mismatch("an error", shown_series(&self.series(got))),
            (Expected::Scalar(_), _) => mismatch("a number", shown_series(&self.series(got))),
            (_, other) => mismatch("series", format!("{other:?}")),
        }
    }

    /// A value for each step.
    fn series(&self, value: &Value) -> Vec<(Labels, Vec<Option<f64>>)> {
        match (value, self.kind) {
            (Value::Vector(samples), _) => samples
                .iter()
                .map(|s| match s.value {
                    Point::Float(v) => (s.labels.clone(), vec![Some(v)]),
                    Point::Histogram(_) => (s.labels.clone(), vec![None]),
                })
                .collect(),
            (Value::Matrix(series), Kind::Range { start_ns, end_ns, step_ns }) => series
                .iter()
                .map(|s| {
                    let steps =
                        (0..=(end_ns - start_ns) / step_ns).map(|i| (start_ns + i * step_ns) / 1_000_000);
                    let at = |t: i64| s.floats.iter().find(|(time, _)| *time == t).map(|(_, v)| *v);
                    (s.labels.clone(), steps.map(at).collect())
                })
                .collect(),
            (Value::Scalar { value, .. }, _) => vec![(Labels::empty(), vec![Some(*value)])],
            _ => Vec::new(),
        }
    }
}

fn same(wanted: f64, got: f64) -> bool {
    wanted == got
        || (wanted.is_nan() && got.is_nan())
        || (wanted - got).abs() <= 1e-9 * wanted.abs().max(got.abs())
}

fn same_values(wanted: &[Option<f64>], got: &[Option<f64>]) -> bool {
    let present = |v: &&[Option<f64>]| v.iter().rposition(Option::is_some).map_or(0, |i| i + 1);
    let length = present(&wanted).max(present(&got));
    (0..length).all(|i| match (wanted.get(i).copied().flatten(), got.get(i).copied().flatten()) {
        (Some(w), Some(g)) => same(w, g),
        (None, None) => true,
        _ => false,
    })
}

fn shown_streams(streams: &[Stream]) -> String {
    let mut out = String::new();
    for stream in streams {
        out.push_str(&format!("{}\n", stream.labels));
        for line in &stream.lines {
            out.push_str(&format!("  {} {}\n", format_duration(line.time_ns), line.text));
        }
    }
    if out.is_empty() { "nothing".to_owned() } else { out }
}

fn shown_series(series: &[(Labels, Vec<Option<f64>>)]) -> String {
    let value = |v: &Option<f64>| v.map_or_else(|| "_".to_owned(), format_float);
    let shown: Vec<String> = series
        .iter()
        .map(|(labels, values)| {
            format!("{labels} {}", values.iter().map(value).collect::<Vec<_>>().join(" "))
        })
        .collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join("\n") }
}
