//! What is counted: expressions of all requests and of those that failed, over a window that is put in later.

use crate::config::{LatencyConfig, ObjectiveConfig, RatioConfig, SpanIndicator};
use crate::objective::{Wrong, wrong};
use promql::ast::{AggregateOp, Expr, VectorSelector};
use promql::{ValueType, quote};

/// What stands for the window in expressions.
pub const WINDOW: &str = "$window";
/// The same as another generator of such rules writes it.
const OTHER_WINDOWS: [&str; 2] = ["{{.window}}", "{{ .window }}"];
/// Bytes of an expression.
const EXPRESSION_BYTES_MAX: usize = 16 << 10;

/// Where the numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndicatorKind {
    /// Counters, by their selectors.
    Ratio,
    /// A histogram.
    Latency,
    /// Expressions.
    Query,
}

impl IndicatorKind {
    /// As the API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            IndicatorKind::Ratio => "ratio",
            IndicatorKind::Latency => "latency",
            IndicatorKind::Query => "query",
        }
    }
}

/// Requests a second: all, those that were good, those that failed. Each gives one series without labels, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// Where the numbers come from.
    pub kind: IndicatorKind,
    /// Those that were good.
    pub good: String,
    /// Those that were not.
    pub errors: String,
    /// All of them.
    pub total: String,
}

impl Indicator {
    pub(crate) fn new(config: &ObjectiveConfig) -> Result<Indicator, Wrong> {
        let spans = config.sli.is_some();
        match (&config.ratio, &config.latency, config.sli) {
            (Some(ratio), None, None) => {
                only_of_spans(config)?;
                of_ratio(ratio)
            }
            (None, Some(latency), None) => {
                only_of_spans(config)?;
                of_latency(latency)
            }
            (None, None, Some(sli)) => of_spans(config, sli),
            (None, None, None) => Err(wrong(
                "ratio",
                "nothing says what is counted: give one of ratio, latency, and sli with a service whose spans are here",
            )),
            (ratio, ..) => {
                let second = if ratio.is_some() && !spans { "latency" } else { "sli" };
                Err(wrong(
                    second,
                    "there are several of ratio, latency and sli: an objective has one, so write two objectives",
                ))
            }
        }
    }

    /// The share of requests that failed over a window; no series where there were none.
    pub fn error_ratio(&self, window: &str) -> String {
        self.at(&format!("{} / ({} > 0)", inner(&self.errors), self.total), window)
    }

    /// One of its expressions over a window.
    pub fn at(&self, expression: &str, window: &str) -> String {
        expression.replace(WINDOW, window)
    }
}

/// An expression as an operand.
fn inner(expression: &str) -> String {
    format!("({expression})")
}

fn only_of_spans(config: &ObjectiveConfig) -> Result<(), Wrong> {
    match (&config.operation, &config.below) {
        (Some(_), _) => {
            Err(wrong("operation", "it is of spans, with sli: write a matcher into the selectors instead"))
        }
        (_, Some(_)) => {
            Err(wrong("below", "it is of spans, with sli: latency; that of a histogram stands in latency"))
        }
        _ => Ok(()),
    }
}

/// An expression as it was written.
enum Written {
    /// A selector of counters.
    Selector(String),
    /// An expression with a window.
    Full(String),
}

impl Written {
    fn read(field: &str, text: &str) -> Result<Written, Wrong> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(wrong(
                field,
                format!(
                    "{} bytes, over the limit of {EXPRESSION_BYTES_MAX}: record parts of it in rules",
                    text.len()
                ),
            ));
        }
        let text = OTHER_WINDOWS.iter().fold(text.trim().to_owned(), |t, w| t.replace(w, WINDOW));
        let tried = text.replace(WINDOW, "5m");
        let expr = promql::parse(&tried).map_err(|e| wrong(field, format!("{e}\n{}", e.caret(&tried))))?;
        let windowed = text.contains(WINDOW);
        match (&expr, windowed) {
            (Expr::Vector(v), false) if is_plain(v) => Ok(Written::Selector(text)),
            (_, false) => Err(wrong(
                field,
                format!(
                    "{text:?} is no selector, and has no window: write [{WINDOW}] where its ranges stand, as in sum(rate(requests_total[{WINDOW}]))"
                ),
            )),
            (expr, true) if expr.value_type() != ValueType::Vector => {
                let found = expr.value_type().documented();
                Err(wrong(
                    field,
                    format!(
                        "it gives a {found}: an instant vector is expected, as of sum(rate(…[{WINDOW}]))"
                    ),
                ))
            }
            (expr, true) => Ok(Written::Full(match is_sum(expr) {
                true => text,
                false => format!("sum({text})"),
            })),
        }
    }

    /// Requests a second.
    fn rate(&self) -> String {
        match self {
            Written::Selector(selector) => format!("sum(rate({selector}[{WINDOW}]))"),
            Written::Full(text) => text.clone(),
        }
    }

    fn is_full(&self) -> bool {
        matches!(self, Written::Full(_))
    }
}

fn is_plain(v: &VectorSelector) -> bool {
    v.offset.is_none() && v.at.is_none()
}

/// Whether it gives one series without labels.
fn is_sum(expr: &Expr) -> bool {
    matches!(expr.unparen(), Expr::Aggregate(a) if a.op == AggregateOp::Sum && a.grouping.is_empty() && !a.without)
}

fn of_ratio(config: &RatioConfig) -> Result<Indicator, Wrong> {
    let total = config
        .total
        .as_deref()
        .ok_or_else(|| wrong("ratio.total", "it is missing: the selector of the counter of all requests"))?;
    let total = Written::read("ratio.total", total)?;
    let all = total.rate();
    // A counter of errors begins with the first of them.
    let or_none = |written: &Written| format!("{} or 0 * {all}", written.rate());
    let (part, good, errors) = match (&config.good, &config.errors) {
        (Some(good), None) => {
            let good = Written::read("ratio.good", good)?;
            let of_good = or_none(&good);
            let errors = format!("clamp_min({all} - ({of_good}), 0)");
            (good, of_good, errors)
        }
        (None, Some(errors)) => {
            let errors = Written::read("ratio.errors", errors)?;
            let of_errors = or_none(&errors);
            (errors, format!("{all} - ({of_errors})"), of_errors)
        }
        (Some(_), Some(_)) => {
            return Err(wrong(
                "ratio.errors",
                "there is good, too: give one of them, the other follows from total",
            ));
        }
        (None, None) => {
            return Err(wrong(
                "ratio.errors",
                "it is missing: the selector of the counter of requests that failed, or good",
            ));
        }
    };
    let kind = if part.is_full() || total.is_full() { IndicatorKind::Query } else { IndicatorKind::Ratio };
    Ok(Indicator { kind, good, errors, total: all })
}

/// A selector in two parts: the name of the metric, and the matchers with a comma after them.
fn selector(field: &str, text: &str) -> Result<(String, String), Wrong> {
    let text = text.trim();
    let expr = promql::parse(text).map_err(|e| wrong(field, format!("{e}\n{}", e.caret(text))))?;
    let found = match &expr {
        Expr::Vector(v) if is_plain(v) => v,
        _ => {
            return Err(wrong(
                field,
                format!("{text:?} is no selector: write for example request_seconds{{job=\"api\"}}"),
            ));
        }
    };
    let Some(name) = found.name.clone() else {
        return Err(wrong(field, format!("{text:?} names no metric: write its name before the braces")));
    };
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let written = |name: &str| if plain(name) { name.to_owned() } else { quote(name) };
    let matchers = found.matchers[..found.matchers.len() - 1].iter();
    let matchers =
        matchers.map(|m| format!("{}{}{}, ", written(m.name()), m.op().as_str(), quote(m.value())));
    Ok((name, matchers.collect()))
}

fn of_latency(config: &LatencyConfig) -> Result<Indicator, Wrong> {
    let field = "latency.histogram";
    if config.histogram.trim().is_empty() {
        return Err(wrong(
            field,
            "it is missing: the selector of a histogram, such as request_seconds{job=\"api\"}",
        ));
    }
    let (name, matchers) = selector(field, &config.histogram)?;
    let name = name.strip_suffix("_bucket").unwrap_or(&name).to_owned();
    let below = threshold("latency.below", &config.below, &name)?;
    let native = format!("sum(rate({name}{{{}}}[{WINDOW}]))", matchers.trim_end_matches(", "));
    let count = format!("sum(rate({name}_count{{{}}}[{WINDOW}]))", matchers.trim_end_matches(", "));
    // Whole numbers are bounds with and without a decimal point, as the exporter has it.
    let le = match below.fract() == 0.0 {
        true => format!("le=~\"{below}|{below}\\\\.0\""),
        false => format!("le=\"{below}\""),
    };
    let bucket = format!("sum(rate({name}_bucket{{{matchers}{le}}}[{WINDOW}]))");
    let total = format!("(histogram_count({native}) or {count})");
    let good = format!(
        "(histogram_fraction(-Inf, {below}, {native}) * (histogram_count({native}) > 0) or {bucket})"
    );
    // Without a bucket of this bound there is nothing to say: then no series is good, and none is bad.
    let errors = format!("clamp_min({total} - {good}, 0)");
    Ok(Indicator { kind: IndicatorKind::Latency, good, errors, total })
}

/// The longest time that is good, in the unit of a histogram: seconds, unless its name says milliseconds.
fn threshold(field: &str, text: &str, name: &str) -> Result<f64, Wrong> {
    let text = text.trim();
    let example = "write for example 300ms, or a number in the unit of the histogram";
    if text.is_empty() {
        return Err(wrong(field, format!("it is missing: {example}")));
    }
    let value = match text.parse::<f64>() {
        Ok(value) => value,
        Err(_) => {
            let ms = promql::parse_duration(text).map_err(|e| wrong(field, format!("{e}: {example}")))?;
            match name.ends_with("_milliseconds") || name.ends_with("_ms") {
                true => ms as f64,
                false => ms as f64 / 1000.0,
            }
        }
    };
    match value.is_finite() && value > 0.0 {
        true => Ok(value),
        false => Err(wrong(field, format!("{text} is no bound: it must be more than 0; {example}"))),
    }
}

/// Spans of servers and of consumers of queues: what others ask of a service.
const ASKED: &str = r#"span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER""#;
const ERROR: &str = "STATUS_CODE_ERROR";

fn of_spans(config: &ObjectiveConfig, sli: SpanIndicator) -> Result<Indicator, Wrong> {
    let Some(service) = config.service.as_deref().filter(|s| !s.is_empty()) else {
        return Err(wrong("service", "it is missing: with sli the spans of a service are looked at"));
    };
    let mut matchers = format!("service={}, {ASKED}", quote(service));
    if let Some(operation) = &config.operation {
        matchers.push_str(&format!(", span_name={}", quote(operation)));
    }
    match (sli, &config.below) {
        (SpanIndicator::Availability, Some(_)) => {
            Err(wrong("below", "it is of sli: latency; availability counts spans that are errors"))
        }
        (SpanIndicator::Availability, None) => {
            let calls = "traces_spanmetrics_calls_total";
            let mut indicator = of_ratio(&RatioConfig {
                good: None,
                errors: Some(format!("{calls}{{{matchers}, status_code=\"{ERROR}\"}}")),
                total: Some(format!("{calls}{{{matchers}}}")),
            })?;
            indicator.kind = IndicatorKind::Ratio;
            Ok(indicator)
        }
        (SpanIndicator::Latency, below) => {
            let name = "traces_spanmetrics_duration_seconds";
            let below = threshold("below", below.as_deref().unwrap_or(""), name)?;
            let durations = format!("sum(rate({name}{{{matchers}, status_code!=\"{ERROR}\"}}[{WINDOW}]))");
            let total = format!("histogram_count({durations})");
            let good = format!("(histogram_fraction(-Inf, {below}, {durations}) * ({total} > 0))");
            let errors = format!("clamp_min({total} - {good}, 0)");
            Ok(Indicator { kind: IndicatorKind::Latency, good, errors, total })
        }
    }
}
