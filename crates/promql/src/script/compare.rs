//! Results against what is expected of them.

use super::command::{Eval, Kind, Text};
use super::notation::Item;
use super::{Outcome, mismatch, rendered};
use crate::almost;
use crate::annotations::Annotations;
use crate::error::EvalError;
use crate::histogram::FloatHistogram;
use crate::text::format_float;
use crate::value::{MatrixSeries, Output, Point, Value, VectorSample};
use model::Labels;
use std::sync::Arc;

/// Relative error allowed in values.
const EPSILON: f64 = 0.000_001;

fn equal(a: f64, b: f64) -> bool {
    almost::equal(a, b, EPSILON)
}

/// Whether histograms are equal up to rounding, once empty buckets are gone. The reset hint counts only if one is
/// expected.
fn histograms_equal(expected: &FloatHistogram, got: &FloatHistogram, hinted: bool) -> bool {
    let (e, g) = (expected.clone().compact(), got.clone().compact());
    let buckets = |a: &[(i32, f64)], b: &[(i32, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0 && equal(x.1, y.1))
    };
    e.schema == g.schema
        && equal(e.count, g.count)
        && equal(e.sum, g.sum)
        && (!e.has_custom_bounds() || e.custom_bounds == g.custom_bounds)
        && e.zero_threshold == g.zero_threshold
        && equal(e.zero_count, g.zero_count)
        && buckets(&e.positive, &g.positive)
        && buckets(&e.negative, &g.negative)
        && (!hinted || e.reset_hint == g.reset_hint)
}

fn shown_item(item: &Item) -> String {
    match item {
        Item::Omitted => "_".to_owned(),
        Item::Float(v) => format_float(*v),
        Item::Histogram(h, _) => h.notation(),
    }
}

fn shown_point(p: &Point) -> String {
    match p {
        Point::Float(v) => format_float(*v),
        Point::Histogram(h) => h.notation(),
    }
}

fn shown_series(s: &MatrixSeries) -> String {
    let floats = s.floats.iter().map(|(t, v)| format!("{} @{t}", format_float(*v)));
    let histograms = s.histograms.iter().map(|(t, h)| format!("{} @{t}", h.notation()));
    format!("{} {}", s.labels, floats.chain(histograms).collect::<Vec<_>>().join(" "))
}

impl Eval {
    pub(super) fn check_error(&self, query: &str, error: &str) -> Outcome<()> {
        match &self.fail {
            Some(text) if text.matches(error) => Ok(()),
            Some(text) => {
                mismatch(query, format!("an error, {}", text.shown()), format!("the error {error:?}"))
            }
            None => mismatch(query, "a result", format!("the error {error:?}")),
        }
    }

    /// The result, or nothing if it failed as expected.
    pub(super) fn expect_success(
        &self,
        query: &str,
        result: Result<Output, EvalError>,
    ) -> Outcome<Option<Output>> {
        match (result, &self.fail) {
            (Err(e), _) => self.check_error(query, &e.to_string()).map(|()| None),
            (Ok(_), Some(text)) => mismatch(query, format!("an error, {}", text.shown()), "a result"),
            (Ok(output), None) => Ok(Some(output)),
        }
    }

    pub(super) fn check_annotations(&self, query: &str, annotations: &Annotations) -> Outcome<()> {
        let (warnings, infos) = rendered(annotations, query);
        for (word, expected, some, none, got) in [
            ("warning", &self.warn, self.some_warn, self.no_warn, &warnings),
            ("info", &self.info, self.some_info, self.no_info, &infos),
        ] {
            if none && !got.is_empty() {
                return mismatch(query, format!("no {word}"), got.join("; "));
            }
            if (some || !expected.is_empty()) && got.is_empty() {
                let wanted: Vec<String> = expected.iter().map(Text::shown).collect();
                return mismatch(query, format!("{word}: {}", wanted.join("; ")), format!("no {word}"));
            }
            if let Some(missing) = expected.iter().find(|e| !got.iter().any(|g| e.matches(g))) {
                return mismatch(query, format!("{word}: {}", missing.shown()), got.join("; "));
            }
            let unexpected = |g: &&String| !expected.is_empty() && !expected.iter().any(|e| e.matches(g));
            if let Some(extra) = got.iter().find(unexpected) {
                return mismatch(query, format!("no other {word}"), extra);
            }
        }
        Ok(())
    }

    /// `mode` is added to what is said of a mismatch.
    pub(super) fn check_value(&self, query: &str, value: &Value, mode: &str) -> Outcome<()> {
        let query = format!("{query}{mode}");
        match value {
            Value::Scalar { value, .. } => match self.scalar {
                Some(expected) if equal(expected, *value) => Ok(()),
                expected => mismatch(
                    &query,
                    expected.map_or("no scalar".to_owned(), format_float),
                    format_float(*value),
                ),
            },
            Value::String { value, .. } => {
                let expected = self.string.clone().unwrap_or_default();
                if expected == *value {
                    Ok(())
                } else {
                    mismatch(&query, format!("{expected:?}"), format!("{value:?}"))
                }
            }
            Value::Vector(vector) => self.check_vector(&query, vector),
            Value::Matrix(matrix) => self.check_matrix(&query, matrix),
        }
    }

    fn expected_series(&self, labels: &Labels) -> Option<(usize, &[Item])> {
        self.series.iter().position(|(l, _)| l == labels).map(|i| (i, self.series[i].1.as_slice()))
    }

    fn check_vector(&self, query: &str, vector: &[VectorSample]) -> Outcome<()> {
        if let Some(v) = self.scalar {
            return mismatch(query, format_float(v), format!("a vector of {} series", vector.len()));
        }
        for (position, sample) in vector.iter().enumerate() {
            let got = format!("{} {}", sample.labels, shown_point(&sample.value));
            let Some((at, items)) = self.expected_series(&sample.labels) else {
                return mismatch(query, "no other series", got);
            };
            if self.ordered && at != position {
                return mismatch(
                    query,
                    format!("{} at position {}", sample.labels, at + 1),
                    format!("it is at position {}", position + 1),
                );
            }
            let item = items.first().unwrap_or(&Item::Omitted);
            let same = match (item, &sample.value) {
                (Item::Float(e), Point::Float(g)) => equal(*e, *g),
                (Item::Histogram(e, hinted), Point::Histogram(g)) => histograms_equal(e, g, *hinted),
                _ => false,
            };
            if !same {
                return mismatch(query, format!("{} {}", sample.labels, shown_item(item)), got);
            }
        }
        self.check_all_found(query, |l| vector.iter().any(|s| s.labels == *l))
    }

    fn check_all_found(&self, query: &str, found: impl Fn(&Labels) -> bool) -> Outcome<()> {
        match self.series.iter().find(|(l, _)| !found(l)) {
            None => Ok(()),
            Some((labels, items)) => {
                let items: Vec<String> = items.iter().map(shown_item).collect();
                mismatch(query, format!("{labels} {}", items.join(" ")), "no such series")
            }
        }
    }

    fn check_matrix(&self, query: &str, matrix: &[MatrixSeries]) -> Outcome<()> {
        if self.ordered {
            return mismatch(query, "an ordered vector", "a matrix");
        }
        if let Some(v) = self.scalar {
            return mismatch(query, format_float(v), "a matrix");
        }
        if matrix.windows(2).any(|w| w[0].labels > w[1].labels) {
            return mismatch(query, "series ordered by labels", "another order");
        }
        let (start, end, step) = match (self.times, self.kind) {
            (Some(times), _) => times,
            (None, Kind::Range { start, end, step }) => (start, end, step),
            (None, Kind::Instant { time }) => (time, time, 1),
        };
        for s in matrix {
            let Some((_, items)) = self.expected_series(&s.labels) else {
                return mismatch(query, "no other series", shown_series(s));
            };
            let mut floats: Vec<(i64, f64)> = Vec::new();
            let mut histograms: Vec<(i64, &Arc<FloatHistogram>, bool)> = Vec::new();
            for (i, item) in items.iter().enumerate() {
                let time = start.saturating_add(step.saturating_mul(i as i64));
                if time > end {
                    return mismatch(
                        query,
                        "at most as many values as steps",
                        format!("{} values", items.len()),
                    );
                }
                match item {
                    Item::Omitted => {}
                    Item::Float(v) => floats.push((time, *v)),
                    Item::Histogram(h, hinted) => histograms.push((time, h, *hinted)),
                }
            }
            let same_floats = floats.len() == s.floats.len()
                && floats.iter().zip(&s.floats).all(|(e, g)| e.0 == g.0 && equal(e.1, g.1));
            let same_histograms = histograms.len() == s.histograms.len()
                && histograms
                    .iter()
                    .zip(&s.histograms)
                    .all(|(e, g)| e.0 == g.0 && histograms_equal(e.1, &g.1, e.2));
            if !same_floats || !same_histograms {
                let items: Vec<String> = items.iter().map(shown_item).collect();
                let expected = format!("{} {}", s.labels, items.join(" "));
                return mismatch(query, expected, shown_series(s));
            }
        }
        self.check_all_found(query, |l| matrix.iter().any(|s| s.labels == *l))
    }
}
