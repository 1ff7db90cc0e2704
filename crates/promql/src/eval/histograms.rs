//! Functions over histograms, native and classic.

use super::series::{Cell, drop_empty};
use super::{Evaluator, Grid, Series, is_absent};
use crate::annotations::{Annotations, Monotonic};
use crate::ast::{Call, Span};
use crate::catalog::Id;
use crate::error::EvalError;
use crate::histogram::{
    ClassicBucket, FloatHistogram, NanNote, bucket_fraction, bucket_quantile, histogram_fraction,
    histogram_quantile,
};
use crate::kahan;
use crate::text::format_float_short;
use model::Labels;
use std::collections::HashMap;

const BUCKET_LABEL: &str = "le";

/// `histogram_count` and the like.
pub(super) fn statistics(id: Id, series: Vec<Series>) -> Vec<Series> {
    let value = |h: &FloatHistogram| match id {
        Id::HistogramCount => h.count,
        Id::HistogramSum => h.sum,
        Id::HistogramAvg => h.sum / h.count,
        Id::HistogramStddev => variance(h).sqrt(),
        _ => variance(h),
    };
    let mut out: Vec<Series> = series
        .into_iter()
        .map(|s| {
            let mut out = Series::absent(s.labels.clone(), true, s.floats.len());
            for (step, h) in s.histograms.iter().enumerate() {
                if let Some(h) = h {
                    out.floats[step] = value(h);
                }
            }
            out
        })
        .collect();
    drop_empty(&mut out);
    out
}

/// The variance if all observations of a bucket were at its mean: arithmetic for custom buckets, else geometric.
fn variance(h: &FloatHistogram) -> f64 {
    let mean = h.sum / h.count;
    let (mut sum, mut c) = (0.0, 0.0);
    for b in h.buckets() {
        if b.count == 0.0 {
            continue;
        }
        let value = if h.has_custom_bounds() {
            (b.upper + b.lower) / 2.0
        } else if b.lower <= 0.0 && b.upper >= 0.0 {
            0.0
        } else {
            let v = (b.upper * b.lower).sqrt();
            if b.upper < 0.0 { -v } else { v }
        };
        let delta = value - mean;
        (sum, c) = kahan::add(b.count * delta * delta, sum, c);
    }
    (sum + c) / h.count
}

/// A classic histogram: the series of its buckets.
struct Classic {
    labels: Labels,
    buckets: Vec<(f64, usize)>,
    /// The native histogram of the same labels.
    native: Option<usize>,
}

/// What is asked of every histogram.
enum Question {
    Fraction { lower: Vec<f64>, upper: Vec<f64> },
    Quantile { q: Vec<f64>, label: Option<String> },
}

impl Evaluator<'_> {
    /// `histogram_quantile`, `histogram_quantiles` and `histogram_fraction`.
    pub(super) fn histogram_call(&mut self, call: &Call, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let args = &call.args;
        let (vector, questions) = match call.function.id {
            Id::HistogramFraction => {
                let (lower, upper) = (self.scalar(&args[0], grid)?, self.scalar(&args[1], grid)?);
                (&args[2], vec![Question::Fraction { lower, upper }])
            }
            Id::HistogramQuantile => {
                let q = self.quantile_column(&args[0], grid)?;
                (&args[1], vec![Question::Quantile { q, label: None }])
            }
            _ => {
                let label = self.text(&args[1])?;
                let mut questions = Vec::new();
                for arg in &args[2..] {
                    let q = self.quantile_column(arg, grid)?;
                    questions.push(Question::Quantile { q, label: Some(label.clone()) });
                }
                (&args[0], questions)
            }
        };
        let span = vector.span();
        let input = self.vector(vector, grid)?;
        let classics = self.classics(&input, span);
        // A native and a classic histogram of the same labels at the same step: neither can be trusted.
        let mut conflicts: HashMap<usize, Vec<bool>> = HashMap::new();
        for c in &classics {
            let Some(native) = c.native else { continue };
            let both: Vec<bool> = (0..grid.count)
                .map(|step| {
                    input[native].histogram(step).is_some()
                        && c.buckets.iter().any(|(_, s)| !is_absent(input[*s].floats[step]))
                })
                .collect();
            if both.contains(&true) {
                self.annotations.mixed_classic_native(c.labels.metric_name(), span);
                conflicts.insert(native, both);
            }
        }
        let mut out = Vec::new();
        for question in &questions {
            for (i, s) in input.iter().enumerate().filter(|(_, s)| !s.histograms.is_empty()) {
                let conflict = conflicts.get(&i);
                self.ask_native(question, s, conflict, span, &mut out)?;
            }
            for c in &classics {
                let conflict = c.native.and_then(|n| conflicts.get(&n));
                self.ask_classic(question, c, &input, conflict, (span, grid), &mut out)?;
            }
        }
        drop_empty(&mut out);
        Ok(out)
    }

    fn quantile_column(&mut self, arg: &crate::ast::Expr, grid: &Grid) -> Result<Vec<f64>, EvalError> {
        let column = self.scalar(arg, grid)?;
        for q in column.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.annotations.invalid_quantile(*q, arg.span());
        }
        Ok(column)
    }

    fn classics(&mut self, input: &[Series], span: Span) -> Vec<Classic> {
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        let mut classics: Vec<Classic> = Vec::new();
        for (i, s) in input.iter().enumerate() {
            if s.floats.iter().all(|v| is_absent(*v)) {
                continue;
            }
            let bound = s.labels.get(BUCKET_LABEL).unwrap_or("");
            let Some(upper) = parse_bound(bound) else {
                self.annotations.bad_bucket_label(s.labels.metric_name(), bound, span);
                continue;
            };
            let labels = s.labels.filtered(|n| n != BUCKET_LABEL);
            let at = *by_labels.entry(labels.clone()).or_insert_with(|| {
                classics.push(Classic { labels, buckets: Vec::new(), native: None });
                classics.len() - 1
            });
            classics[at].buckets.push((upper, i));
        }
        for (i, s) in input.iter().enumerate().filter(|(_, s)| !s.histograms.is_empty()) {
            if let Some(at) = by_labels.get(&s.labels) {
                classics[*at].native = Some(i);
            }
        }
        classics
    }

    fn ask_native(
        &mut self,
        question: &Question,
        s: &Series,
        conflict: Option<&Vec<bool>>,
        span: Span,
        out: &mut Vec<Series>,
    ) -> Result<(), EvalError> {
        self.control.check()?;
        let mut results = Results::new(question, &s.labels, s.floats.len());
        for (step, h) in s.histograms.iter().enumerate() {
            let Some(h) = h.as_ref().filter(|_| !conflict.is_some_and(|c| c[step])) else { continue };
            let (value, note) = match question {
                Question::Fraction { lower, upper } => histogram_fraction(lower[step], upper[step], h),
                Question::Quantile { q, .. } => histogram_quantile(q[step], h),
            };
            self.annotations.nan_note(note, s.labels.metric_name(), span);
            results.set(step, value);
        }
        results.finish(out);
        Ok(())
    }

    fn ask_classic(
        &mut self,
        question: &Question,
        c: &Classic,
        input: &[Series],
        conflict: Option<&Vec<bool>>,
        (span, grid): (Span, &Grid),
        out: &mut Vec<Series>,
    ) -> Result<(), EvalError> {
        self.control.check()?;
        let mut results = Results::new(question, &c.labels, grid.count);
        let mut buckets: Vec<ClassicBucket> = Vec::with_capacity(c.buckets.len());
        for step in 0..grid.count {
            if conflict.is_some_and(|c| c[step]) {
                continue;
            }
            buckets.clear();
            buckets.extend(c.buckets.iter().filter_map(|(upper, s)| {
                let count = input[*s].floats[step];
                (!is_absent(count)).then_some(ClassicBucket { upper: *upper, count })
            }));
            if buckets.is_empty() {
                continue;
            }
            let value = match question {
                Question::Fraction { lower, upper } => {
                    bucket_fraction(lower[step], upper[step], &mut buckets)
                }
                Question::Quantile { q, .. } => {
                    let (value, forced) = bucket_quantile(q[step], &mut buckets);
                    if let Some(f) = forced {
                        let time = grid.time(step);
                        let detail = Monotonic {
                            lowest: f.lowest,
                            highest: f.highest,
                            most: f.most,
                            samples: 1,
                            first_ms: time,
                            last_ms: time,
                        };
                        self.annotations.forced_monotonic(c.labels.metric_name(), span, detail);
                    }
                    value
                }
            };
            results.set(step, value);
        }
        results.finish(out);
        Ok(())
    }
}

/// Collects the answers of one histogram, one series per value of the quantile label.
struct Results<'a> {
    question: &'a Question,
    labels: &'a Labels,
    steps: usize,
    series: Vec<(u64, Series)>,
}

impl<'a> Results<'a> {
    fn new(question: &'a Question, labels: &'a Labels, steps: usize) -> Results<'a> {
        Results { question, labels, steps, series: Vec::new() }
    }

    fn set(&mut self, step: usize, value: f64) {
        let (key, label) = match self.question {
            Question::Quantile { q, label: Some(label) } => (q[step].to_bits(), Some((label, q[step]))),
            _ => (0, None),
        };
        let at = match self.series.iter().position(|(k, _)| *k == key) {
            Some(at) => at,
            None => {
                let labels = match label {
                    Some((name, q)) => self.labels.to_builder().set(name, quantile_label(q)).build(),
                    None => self.labels.clone(),
                };
                self.series.push((key, Series::absent(labels, true, self.steps)));
                self.series.len() - 1
            }
        };
        self.series[at].1.set(step, Cell::Float(value));
    }

    fn finish(self, out: &mut Vec<Series>) {
        out.extend(self.series.into_iter().map(|(_, s)| s));
    }
}

/// A quantile as a label value: always with a decimal point, as OpenMetrics writes it.
fn quantile_label(q: f64) -> String {
    let mut text = format_float_short(q);
    if q.is_finite() && !text.contains(['e', '.']) {
        text.push_str(".0");
    }
    text
}

/// The value of `le`.
fn parse_bound(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "+inf" | "inf" | "+infinity" | "infinity" => return Some(f64::INFINITY),
        "-inf" | "-infinity" => return Some(f64::NEG_INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    text.parse().ok()
}

impl Annotations {
    fn nan_note(&mut self, note: Option<NanNote>, name: &str, span: Span) {
        match note {
            None => {}
            Some(NanNote::Result) => self.nan_quantile_result(name, span),
            Some(NanNote::Skew) => self.nan_quantile_skew(name, span),
            Some(NanNote::Excluded) => self.nan_fraction(name, span),
        }
    }
}
