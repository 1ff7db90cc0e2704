//! Remarks on a result: what may be wrong (warnings) and what is worth knowing (infos).

use crate::ast::Span;
use crate::dates::rfc3339;
use crate::parser::position;
use crate::text::{format_float_short, format_significant, quote};

/// How serious a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The result may not be what was meant.
    Warning,
    /// Worth knowing.
    Info,
}

/// One remark.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// How serious it is.
    pub severity: Severity,
    /// What it says, without position.
    pub message: String,
    /// The part of the query it is about.
    pub span: Span,
    detail: Detail,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Detail {
    None,
    Overlaps(u64),
    Monotonic(Monotonic),
}

/// Where and how much classic buckets were raised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Monotonic {
    pub lowest: f64,
    pub highest: f64,
    pub most: f64,
    pub samples: u64,
    pub first_ms: i64,
    pub last_ms: i64,
}

impl Annotation {
    /// The remark as the HTTP API shows it, with line and column in the query.
    pub fn render(&self, query: &str) -> String {
        let (line, column) = position(query, self.span.start);
        let detail = match self.detail {
            Detail::None | Detail::Overlaps(1) => String::new(),
            Detail::Overlaps(n) => format!(" ({n} occurrences)"),
            Detail::Monotonic(m) => format!(
                ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
                format_float_short(m.lowest),
                format_float_short(m.highest),
                format_significant(m.most, 2),
                m.samples,
                rfc3339(m.first_ms.div_euclid(1000)),
                rfc3339(m.last_ms.div_euclid(1000)),
            ),
        };
        format!("{}{detail} ({line}:{column})", self.message)
    }
}

/// More different remarks than this are not kept.
const ANNOTATIONS_MAX: usize = 1000;

/// All remarks on a result, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotations {
    all: Vec<Annotation>,
}

/// What histograms were combined for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistogramOperation {
    Addition,
    Subtraction,
    Aggregation,
}

impl HistogramOperation {
    fn as_str(self) -> &'static str {
        match self {
            HistogramOperation::Addition => "addition",
            HistogramOperation::Subtraction => "subtraction",
            HistogramOperation::Aggregation => "aggregation",
        }
    }
}

fn for_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {}", quote(name)) }
}

impl Annotations {
    /// Every remark, in the order of first occurrence.
    pub fn iter(&self) -> impl Iterator<Item = &Annotation> {
        self.all.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The warnings as the HTTP API shows them.
    pub fn warnings(&self, query: &str) -> Vec<String> {
        self.rendered(Severity::Warning, query)
    }

    /// The infos as the HTTP API shows them.
    pub fn infos(&self, query: &str) -> Vec<String> {
        self.rendered(Severity::Info, query)
    }

    fn rendered(&self, severity: Severity, query: &str) -> Vec<String> {
        self.all.iter().filter(|a| a.severity == severity).map(|a| a.render(query)).collect()
    }

    fn add(&mut self, severity: Severity, span: Span, message: String, detail: Detail) {
        let Some(known) = self.all.iter_mut().find(|a| a.message == message) else {
            if self.all.len() < ANNOTATIONS_MAX {
                self.all.push(Annotation { severity, message, span, detail });
            }
            return;
        };
        match (&mut known.detail, detail) {
            (Detail::Overlaps(n), Detail::Overlaps(m)) => *n += m,
            (Detail::Monotonic(a), Detail::Monotonic(b)) => {
                a.lowest = a.lowest.min(b.lowest);
                a.highest = a.highest.max(b.highest);
                a.most = a.most.max(b.most);
                a.samples += b.samples;
                a.first_ms = a.first_ms.min(b.first_ms);
                a.last_ms = a.last_ms.max(b.last_ms);
            }
            _ => known.span = span,
        }
    }

    /// Takes in the remarks on another part of the result.
    pub(crate) fn absorb(&mut self, other: Annotations) {
        for a in other.all {
            self.add(a.severity, a.span, a.message, a.detail);
        }
    }

    fn warn(&mut self, span: Span, message: String) {
        self.add(Severity::Warning, span, format!("PromQL warning: {message}"), Detail::None);
    }

    fn info(&mut self, span: Span, message: String) {
        self.add(Severity::Info, span, format!("PromQL info: {message}"), Detail::None);
    }

    pub(crate) fn invalid_quantile(&mut self, q: f64, span: Span) {
        let q = format_float_short(q);
        self.warn(span, format!("quantile value should be between 0 and 1, got {q}"));
    }

    pub(crate) fn invalid_ratio(&mut self, ratio: f64, to: f64, span: Span) {
        let (ratio, to) = (format_float_short(ratio), format_float_short(to));
        self.warn(span, format!("ratio value should be between -1 and 1, got {ratio}, capping to {to}"));
    }

    pub(crate) fn bad_bucket_label(&mut self, name: &str, value: &str, span: Span) {
        let (value, name) = (quote(value), for_metric(name));
        self.warn(span, format!("bucket label \"le\" is missing or has a malformed value of {value}{name}"));
    }

    pub(crate) fn mixed_floats_histograms(&mut self, name: &str, span: Span) {
        self.warn(
            span,
            format!("encountered a mix of histograms and floats for metric name {}", quote(name)),
        );
    }

    pub(crate) fn mixed_in_aggregation(&mut self, span: Span) {
        self.warn(span, "encountered a mix of histograms and floats for aggregation".to_owned());
    }

    pub(crate) fn mixed_classic_native(&mut self, name: &str, span: Span) {
        let name = for_metric(name);
        self.warn(span, format!("vector contains a mix of classic and native histograms{name}"));
    }

    pub(crate) fn not_counter(&mut self, name: &str, span: Span) {
        self.warn(span, format!("this native histogram metric is not a counter: {}", quote(name)));
    }

    pub(crate) fn not_gauge(&mut self, name: &str, span: Span) {
        self.warn(span, format!("this native histogram metric is not a gauge: {}", quote(name)));
    }

    pub(crate) fn mixed_schemas(&mut self, name: &str, span: Span) {
        self.warn(
            span,
            format!(
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric \
                 name {}",
                quote(name)
            ),
        );
    }

    pub(crate) fn incompatible_buckets(&mut self, op: &str, span: Span) {
        self.warn(span, format!("incompatible bucket layout encountered for binary operator {op}"));
    }

    pub(crate) fn sort_in_range(&mut self, span: Span) {
        self.warn(
            span,
            "sort is ineffective for range queries since results are always ordered by labels".to_owned(),
        );
    }

    pub(crate) fn reset_collision(&mut self, operation: HistogramOperation, span: Span) {
        self.warn(span, format!("conflicting counter resets during histogram {}", operation.as_str()));
    }

    pub(crate) fn start_overlap(&mut self, name: &str, span: Span) {
        let message = format!(
            "PromQL warning: sample has start time that overlaps with previous sample timestamp for metric {}",
            quote(name)
        );
        self.add(Severity::Warning, span, message, Detail::Overlaps(1));
    }

    pub(crate) fn possible_non_counter(&mut self, name: &str, span: Span) {
        self.info(
            span,
            format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
                quote(name)
            ),
        );
    }

    pub(crate) fn forced_monotonic(&mut self, name: &str, span: Span, detail: Monotonic) {
        let message = format!(
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}",
            for_metric(name)
        );
        self.add(Severity::Info, span, message, Detail::Monotonic(detail));
    }

    pub(crate) fn incompatible_types(&mut self, left: &str, op: &str, right: &str, span: Span) {
        self.info(
            span,
            format!(
                "incompatible sample types encountered for binary operator {}: {left} {op} {right}",
                quote(op)
            ),
        );
    }

    pub(crate) fn histogram_ignored(&mut self, aggregation: &str, span: Span) {
        self.info(span, format!("ignored histogram in {aggregation} aggregation"));
    }

    pub(crate) fn histogram_ignored_in_range(&mut self, name: &str, span: Span) {
        self.info(
            span,
            format!(
                "ignored histograms in a range containing both floats and histograms for metric name {}",
                quote(name)
            ),
        );
    }

    pub(crate) fn nan_quantile_result(&mut self, name: &str, span: Span) {
        let name = for_metric(name);
        self.info(span, format!("input to histogram_quantile has NaN observations, result is NaN{name}"));
    }

    pub(crate) fn nan_quantile_skew(&mut self, name: &str, span: Span) {
        let name = for_metric(name);
        self.info(
            span,
            format!("input to histogram_quantile has NaN observations, result is skewed higher{name}"),
        );
    }

    pub(crate) fn nan_fraction(&mut self, name: &str, span: Span) {
        self.info(
            span,
            format!(
                "input to histogram_fraction has NaN observations, which are excluded from all fractions{}",
                for_metric(name)
            ),
        );
    }

    pub(crate) fn bounds_reconciled(&mut self, operation: HistogramOperation, span: Span) {
        self.info(span, format!("mismatched custom buckets were reconciled during {}", operation.as_str()));
    }
}
