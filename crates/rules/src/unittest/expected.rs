//! What is expected against what came.

use super::file::{AlertTest, ExprTest};
use super::report::Failure;
use crate::alert::Alert;
use model::Labels;
use promql::script::{Item, series};
use promql::{Point, VectorSample, format_float, parse_labels};
use std::collections::BTreeMap;

/// Labels and annotations of an alert. Labels with empty values count where they are expected, and no alert has any.
type Shape = (BTreeMap<String, String>, BTreeMap<String, String>);

/// Compares the alerts that fire with those expected.
pub(super) fn alerts(test: &AlertTest, firing: &[&Alert]) -> Option<Failure> {
    let owned = |pairs: &mut dyn Iterator<Item = (String, String)>| pairs.collect::<BTreeMap<_, _>>();
    let mut expected: Vec<Shape> = test
        .exp_alerts
        .iter()
        .map(|a| {
            let mut labels = a.labels.clone();
            labels.insert("alertname".to_owned(), test.alertname.clone());
            (labels, a.annotations.clone())
        })
        .collect();
    let mut got: Vec<Shape> = firing
        .iter()
        .map(|a| {
            let labels = owned(&mut a.labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())));
            (labels, owned(&mut a.annotations.iter().cloned()))
        })
        .collect();
    expected.sort();
    got.sort();
    if expected == got {
        return None;
    }
    let lines = |shapes: &[Shape]| shapes.iter().flat_map(alert_lines).collect();
    Some(Failure::Different { expected: lines(&expected), got: lines(&got) })
}

fn alert_lines((labels, annotations): &Shape) -> Vec<String> {
    let pairs = labels.iter().map(|(n, v)| format!("{n}={}", promql::quote(v)));
    let mut out = vec![format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))];
    for (name, text) in annotations {
        out.push(format!("    {name}: {}", promql::quote(text)));
    }
    out
}

/// A sample, as it is compared.
#[derive(Debug, Clone)]
struct Sample {
    labels: Labels,
    value: f64,
    /// In the notation of series; empty for a number.
    histogram: String,
}

impl Sample {
    fn line(&self) -> String {
        match self.histogram.is_empty() {
            true => format!("{} {}", self.labels, format_float(self.value)),
            false => format!("{} {}", self.labels, self.histogram),
        }
    }

    fn equals(&self, other: &Sample, fuzzy: bool) -> bool {
        let (a, b) = (self.value, other.value);
        let near = || fuzzy && (a.next_up() == b || a.next_down() == b);
        let equal = a == b || (a.is_nan() && b.is_nan()) || near();
        self.labels == other.labels
            && self.histogram == other.histogram
            && (equal || !self.histogram.is_empty())
    }
}

/// Compares what a query gives with what is expected.
pub(super) fn samples(test: &ExprTest, vector: &[VectorSample], fuzzy: bool) -> Option<Failure> {
    let mut expected = match expected_samples(test) {
        Ok(samples) => samples,
        Err(reason) => return Some(Failure::Error(reason)),
    };
    let mut got: Vec<Sample> = vector
        .iter()
        .map(|s| match &s.value {
            Point::Float(v) => Sample { labels: s.labels.clone(), value: *v, histogram: String::new() },
            Point::Histogram(h) => Sample { labels: s.labels.clone(), value: 0.0, histogram: h.notation() },
        })
        .collect();
    expected.sort_by(|a, b| a.labels.cmp(&b.labels));
    got.sort_by(|a, b| a.labels.cmp(&b.labels));
    let same = expected.len() == got.len() && expected.iter().zip(&got).all(|(e, g)| e.equals(g, fuzzy));
    if same {
        return None;
    }
    let lines = |samples: &[Sample]| samples.iter().map(Sample::line).collect();
    Some(Failure::Different { expected: lines(&expected), got: lines(&got) })
}

fn expected_samples(test: &ExprTest) -> Result<Vec<Sample>, String> {
    let mut out = Vec::with_capacity(test.exp_samples.len());
    for sample in &test.exp_samples {
        let within = |e: String| format!("labels {:?}: {e}", sample.labels);
        let labels = parse_labels(&sample.labels).map_err(|e| within(e.to_string()))?;
        let (mut value, mut histogram) = (sample.value, String::new());
        if !sample.histogram.is_empty() {
            let (_, items) = series(&format!("{{}} {}", sample.histogram)).map_err(within)?;
            histogram = match items.as_slice() {
                [Item::Histogram(h, _)] => h.notation(),
                [_] => return Err(within(format!("expected a histogram, got {:?}", sample.histogram))),
                items => return Err(within(format!("expected 1 value, got {}", items.len()))),
            };
            value = 0.0;
        }
        out.push(Sample { labels, value, histogram });
    }
    Ok(out)
}
