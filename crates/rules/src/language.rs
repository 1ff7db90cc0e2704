//! The languages that rules are written in, and their results as one vector.

use model::{Labels, LabelsBuilder, METRIC_NAME};
use promql::{EvalError, ParseError, Point, Span, Value, VectorSample};
use std::fmt;
use traceql::{Body, Literal};

/// What the expressions of a group are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// Over series.
    #[default]
    PromQl,
    /// Over log lines and events.
    LogQl,
    /// Over spans.
    TraceQl,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::PromQl, Language::LogQl, Language::TraceQl];

    /// As files and the API name it: `promql`, `logql`, `traceql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::PromQl => "promql",
            Language::LogQl => "logql",
            Language::TraceQl => "traceql",
        }
    }

    /// As people name it.
    pub fn title(self) -> &'static str {
        match self {
            Language::PromQl => "PromQL",
            Language::LogQl => "LogQL",
            Language::TraceQl => "TraceQL",
        }
    }

    /// The language that files and the API name so.
    pub fn named(name: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|l| l.as_str() == name)
    }
}

impl std::str::FromStr for Language {
    type Err = String;

    fn from_str(name: &str) -> Result<Language, String> {
        Language::named(name)
            .ok_or_else(|| format!("{name:?} is no language of rules: promql, logql or traceql"))
    }
}

/// The time that a rule in TraceQL looks back unless its group says so, milliseconds.
pub const TRACE_RANGE_MS: i64 = 5 * 60_000;

/// What a rule evaluates.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Over series.
    PromQl(promql::Expr),
    /// Over log lines and events; it gives numbers.
    LogQl(Box<logql::Expr>),
    /// Over spans; it gives numbers.
    TraceQl {
        /// The query.
        query: Box<traceql::Query>,
        /// Which spans it is about: those that started in so many milliseconds before the evaluation.
        range_ms: i64,
    },
}

impl Expression {
    /// Reads an expression that gives numbers. `range_ms` is how far it looks back, in TraceQL.
    pub fn parse(language: Language, text: &str, range_ms: i64) -> Result<Expression, ParseError> {
        let whole = Span { start: 0, end: text.len() };
        let refused = |what: &str| ParseError::new(text, whole, what.to_owned());
        match language {
            Language::PromQl => promql::parse(text).map(Expression::PromQl),
            Language::LogQl => match logql::parse(text)? {
                logql::Expr::Log(_) => Err(refused(
                    "a rule needs numbers, and this gives lines: count them, as in count_over_time({…} [5m])",
                )),
                expr => Ok(Expression::LogQl(Box::new(expr))),
            },
            Language::TraceQl => {
                let query = traceql::parse(text)?;
                match query.body {
                    Body::Spans(_) => Err(refused(
                        "a rule needs numbers, and this gives traces: add | rate(), for instance",
                    )),
                    Body::Metrics(_) => Ok(Expression::TraceQl { query: Box::new(query), range_ms }),
                }
            }
        }
    }

    /// Reads another expression of the same kind.
    pub(crate) fn sibling(&self, text: &str) -> Result<Expression, ParseError> {
        let range_ms = match self {
            Expression::TraceQl { range_ms, .. } => *range_ms,
            _ => TRACE_RANGE_MS,
        };
        Expression::parse(self.language(), text, range_ms)
    }

    /// What it is written in.
    pub fn language(&self) -> Language {
        match self {
            Expression::PromQl(_) => Language::PromQl,
            Expression::LogQl(_) => Language::LogQl,
            Expression::TraceQl { .. } => Language::TraceQl,
        }
    }

    /// The expression over series, if it is one.
    pub fn promql(&self) -> Option<&promql::Expr> {
        match self {
            Expression::PromQl(expr) => Some(expr),
            _ => None,
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::PromQl(expr) => expr.fmt(f),
            Expression::LogQl(expr) => expr.fmt(f),
            Expression::TraceQl { query, .. } => query.fmt(f),
        }
    }
}

/// The result of a rule's expression at an instant: a scalar is a vector of one series without labels.
pub fn vector(value: Value) -> Result<Vec<VectorSample>, EvalError> {
    match value {
        Value::Vector(vector) => Ok(vector),
        Value::Scalar { time_ms, value } => {
            Ok(vec![VectorSample { labels: Labels::empty(), time_ms, value: Point::Float(value) }])
        }
        _ => Err(EvalError::Query("rule result is not a vector or scalar".to_owned())),
    }
}

/// What a query over spans gave at an instant as series: names of labels have everything but letters, digits and
/// underscores replaced, as LogQL does it, so `resource.service.name` is `resource_service_name`.
pub fn span_vector(output: &traceql::MetricsOutput, time_ms: i64) -> Vec<VectorSample> {
    let sample = |series: &traceql::Series| {
        let (_, value) = series.samples.last()?;
        Some(VectorSample { labels: span_labels(&series.labels), time_ms, value: Point::Float(*value) })
    };
    output.series.iter().filter_map(sample).collect()
}

fn span_labels(pairs: &[(String, Literal)]) -> Labels {
    let mut builder = LabelsBuilder::new();
    for (name, value) in pairs.iter().filter(|(name, _)| name != METRIC_NAME) {
        let value = match value {
            Literal::Nil => continue,
            Literal::Text(text) => text.clone(),
            other => other.to_string(),
        };
        builder.set(logql::names::sanitize(name.trim_start_matches('.')).into_owned(), value);
    }
    builder.build()
}
