//! The syntax tree of a query. Every node that can be wrong knows the bytes of the query it was written as.

pub use promql::ast::{BinaryOp, Cardinality, Matching, Span};

use model::Matcher;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Gives lines.
    Log(LogExpr),
    /// Gives numbers.
    Metric(Metric),
}

/// Streams, and what becomes of their lines.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// Conditions on the labels of streams.
    pub matchers: Vec<Matcher>,
    /// What each line goes through, in order.
    pub stages: Vec<Stage>,
    /// Where it stands.
    pub span: Span,
}

/// One step of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What it does.
    pub kind: StageKind,
    /// Where it stands.
    pub span: Span,
}

/// What a step of a pipeline does.
#[derive(Debug, Clone, PartialEq)]
pub enum StageKind {
    /// `|= "text"`
    Line(LineFilter),
    /// `| json`, or with expressions.
    Json(Vec<Extraction>),
    /// `| logfmt`, or with expressions.
    Logfmt {
        /// `--strict`
        strict: bool,
        /// `--keep-empty`
        keep_empty: bool,
        /// Which fields; all if empty.
        fields: Vec<Extraction>,
    },
    /// `| pattern "<a> <b>"`
    Pattern(String),
    /// `| regexp "(?P<a>.*)"`
    Regexp(String),
    /// `| unpack`
    Unpack,
    /// `| status >= 500`
    Label(LabelFilter),
    /// `| line_format "{{.a}}"`
    LineFormat(String),
    /// `| label_format a=b, c="{{.d}}"`
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`
    Decolorize,
    /// `| drop a, b="c"`
    Drop(Vec<LabelPick>),
    /// `| keep a, b="c"`
    Keep(Vec<LabelPick>),
}

/// How a line filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Matches,
    /// `!~`
    NotMatches,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineOp {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            LineOp::Contains => "|=",
            LineOp::NotContains => "!=",
            LineOp::Matches => "|~",
            LineOp::NotMatches => "!~",
            LineOp::Pattern => "|>",
            LineOp::NotPattern => "!>",
        }
    }

    /// Whether it keeps lines that do not match.
    pub fn is_negative(self) -> bool {
        matches!(self, LineOp::NotContains | LineOp::NotMatches | LineOp::NotPattern)
    }
}

/// A condition on lines: one of the terms is found, or, for the negative operators, none of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFilter {
    /// How it compares.
    pub op: LineOp,
    /// What is looked for; at least one.
    pub terms: Vec<LineTerm>,
}

/// What a line filter looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineTerm {
    /// A text, regular expression or pattern, by the operator.
    Text(String),
    /// `ip("10.0.0.0/8")`
    Ip(String),
}

/// A field that a parser looks for: `label="expression"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The label it becomes.
    pub label: String,
    /// Where it is found.
    pub expression: String,
}

/// One part of `label_format`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label that is set.
    pub label: String,
    /// To what.
    pub value: FormatValue,
}

/// What `label_format` sets a label to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatValue {
    /// The value of another label, which goes away.
    Rename(String),
    /// A template.
    Template(String),
}

/// One part of `drop` or `keep`.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelPick {
    /// A label.
    Name(String),
    /// A label if its value matches.
    Matcher(Matcher),
}

impl LabelPick {
    /// The label.
    pub fn name(&self) -> &str {
        match self {
            LabelPick::Name(name) => name,
            LabelPick::Matcher(m) => m.name(),
        }
    }
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// Whether two values compare so.
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

/// A condition on labels.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// `level="error"`
    Matcher(Matcher),
    /// `status >= 500`
    Number {
        /// The label.
        name: String,
        /// How it compares.
        op: Comparison,
        /// With what.
        value: f64,
    },
    /// `took > 1.5s`
    Duration {
        /// The label.
        name: String,
        /// How it compares.
        op: Comparison,
        /// With what, in nanoseconds.
        nanos: i64,
        /// As written.
        text: String,
    },
    /// `size > 20MB`
    Bytes {
        /// The label.
        name: String,
        /// How it compares.
        op: Comparison,
        /// With what.
        bytes: u64,
        /// As written.
        text: String,
    },
    /// `addr = ip("10.0.0.0/8")`
    Ip {
        /// The label.
        name: String,
        /// Whether addresses outside are wanted.
        negated: bool,
        /// An address, a range `a-b` or a network `a/bits`.
        pattern: String,
    },
    /// All of them hold.
    And(Vec<LabelFilter>),
    /// One of them holds.
    Or(Vec<LabelFilter>),
}

impl LabelFilter {
    /// Calls `visit` with the name of every label it looks at.
    pub fn names<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            LabelFilter::Matcher(m) => visit(m.name()),
            LabelFilter::Number { name, .. }
            | LabelFilter::Duration { name, .. }
            | LabelFilter::Bytes { name, .. }
            | LabelFilter::Ip { name, .. } => visit(name),
            LabelFilter::And(all) | LabelFilter::Or(all) => all.iter().for_each(|f| f.names(visit)),
        }
    }
}

/// A query that gives numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// `rate({app="x"}[5m])`
    Range(Box<RangeAggregate>),
    /// `sum by (app) (…)`
    Vector(Box<VectorAggregate>),
    /// `a / b`
    Binary(Box<Binary>),
    /// `label_replace(v, "dst", "$1", "src", "(.*)")`
    LabelReplace(Box<LabelReplace>),
    /// `vector(1)`
    Constant {
        /// The value of the only series.
        value: f64,
        /// Where it stands.
        span: Span,
    },
    /// `1`
    Number {
        /// The number.
        value: f64,
        /// Where it stands.
        span: Span,
    },
}

/// A function over the lines of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregate {
    /// The function.
    pub op: RangeOp,
    /// The parameter of `quantile_over_time`.
    pub param: Option<f64>,
    /// The lines.
    pub log: LogExpr,
    /// The label whose value is the sample; without it lines are counted.
    pub unwrap: Option<Unwrap>,
    /// Length of the range in nanoseconds.
    pub range_ns: i64,
    /// How far the range is moved into the past, in nanoseconds.
    pub offset_ns: i64,
    /// The `by` or `without` clause.
    pub grouping: Option<Grouping>,
    /// Where it stands.
    pub span: Span,
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// As written.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            /// By its name.
            pub fn named(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|op| op.as_str() == text)
            }
        }
    };
}

named! {
    /// A function over a range.
    RangeOp {
        /// Lines.
        CountOverTime "count_over_time",
        /// Lines, or the sum of values, per second.
        Rate "rate",
        /// Increase of a counter per second.
        RateCounter "rate_counter",
        /// Bytes of lines.
        BytesOverTime "bytes_over_time",
        /// Bytes of lines per second.
        BytesRate "bytes_rate",
        /// 1 where there is nothing.
        AbsentOverTime "absent_over_time",
        /// The sum.
        SumOverTime "sum_over_time",
        /// The mean.
        AvgOverTime "avg_over_time",
        /// The least.
        MinOverTime "min_over_time",
        /// The greatest.
        MaxOverTime "max_over_time",
        /// The population variance.
        StdvarOverTime "stdvar_over_time",
        /// The population standard deviation.
        StddevOverTime "stddev_over_time",
        /// A quantile.
        QuantileOverTime "quantile_over_time",
        /// The earliest.
        FirstOverTime "first_over_time",
        /// The latest.
        LastOverTime "last_over_time",
    }
}

impl RangeOp {
    /// Whether it works on the values of an unwrapped label.
    pub fn takes_unwrap(self) -> bool {
        use RangeOp::*;
        !matches!(self, CountOverTime | BytesOverTime | BytesRate)
    }

    /// Whether it works on lines.
    pub fn takes_lines(self) -> bool {
        use RangeOp::*;
        matches!(self, CountOverTime | Rate | BytesOverTime | BytesRate | AbsentOverTime)
    }

    /// Whether it may have a `by` or `without` clause of its own.
    pub fn takes_grouping(self) -> bool {
        use RangeOp::*;
        matches!(
            self,
            AvgOverTime
                | MinOverTime
                | MaxOverTime
                | StdvarOverTime
                | StddevOverTime
                | QuantileOverTime
                | FirstOverTime
                | LastOverTime
        )
    }
}

named! {
    /// An aggregation over the series of a vector.
    VectorOp {
        /// The sum.
        Sum "sum",
        /// The mean.
        Avg "avg",
        /// The least.
        Min "min",
        /// The greatest.
        Max "max",
        /// The population standard deviation.
        Stddev "stddev",
        /// The population variance.
        Stdvar "stdvar",
        /// How many.
        Count "count",
        /// The greatest few.
        Topk "topk",
        /// The least few.
        Bottomk "bottomk",
        /// The greatest few, which may be estimated; here they are exact.
        ApproxTopk "approx_topk",
        /// In ascending order of value.
        Sort "sort",
        /// In descending order of value.
        SortDesc "sort_desc",
    }
}

impl VectorOp {
    /// Whether the number of series comes first.
    pub fn takes_param(self) -> bool {
        matches!(self, VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk)
    }

    /// Whether it may have a `by` or `without` clause.
    pub fn takes_grouping(self) -> bool {
        !matches!(self, VectorOp::ApproxTopk | VectorOp::Sort | VectorOp::SortDesc)
    }
}

/// An aggregation over series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregate {
    /// The operator.
    pub op: VectorOp,
    /// How many series, for operators that keep a few.
    pub param: Option<u32>,
    /// What is aggregated.
    pub inner: Metric,
    /// The `by` or `without` clause.
    pub grouping: Option<Grouping>,
    /// Where it stands.
    pub span: Span,
}

/// `by (a, b)` or `without (a, b)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouping {
    /// The labels.
    pub labels: Vec<String>,
    /// Whether they are left out, not kept.
    pub without: bool,
}

/// `| unwrap bytes(size) | __error__=""`
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How its text becomes a number.
    pub conversion: Conversion,
    /// Conditions that follow it.
    pub filters: Vec<LabelFilter>,
    /// Where it stands.
    pub span: Span,
}

/// How the text of a label becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// A decimal number.
    Number,
    /// `1h2m3.5s`, in seconds.
    Duration,
    /// As [`Conversion::Duration`], by its longer name.
    DurationSeconds,
    /// `5 MiB`, in bytes.
    Bytes,
}

impl Conversion {
    /// The function, if it is written as one.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Conversion::Number => None,
            Conversion::Duration => Some("duration"),
            Conversion::DurationSeconds => Some("duration_seconds"),
            Conversion::Bytes => Some("bytes"),
        }
    }
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: Metric,
    /// Right operand.
    pub rhs: Metric,
    /// Which series belong together.
    pub matching: Matching,
    /// Whether a comparison gives 0 or 1 instead of filtering.
    pub return_bool: bool,
}

/// `label_replace(…)`
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplace {
    /// The series.
    pub inner: Metric,
    /// The label that is set.
    pub destination: String,
    /// To what; `$1` stands for the first group.
    pub replacement: String,
    /// The label that is looked at.
    pub source: String,
    /// What its whole value must match.
    pub pattern: String,
    /// Where it stands.
    pub span: Span,
}

impl Metric {
    /// Whether it is a single number and not a vector.
    pub fn is_scalar(&self) -> bool {
        match self {
            Metric::Number { .. } => true,
            Metric::Binary(b) => b.lhs.is_scalar() && b.rhs.is_scalar(),
            _ => false,
        }
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Metric::Range(r) => r.span,
            Metric::Vector(v) => v.span,
            Metric::Binary(b) => b.lhs.span().to(b.rhs.span()),
            Metric::LabelReplace(l) => l.span,
            Metric::Constant { span, .. } | Metric::Number { span, .. } => *span,
        }
    }

    /// Calls `visit` with every function over a range, from left to right.
    pub fn ranges<'a>(&'a self, visit: &mut dyn FnMut(&'a RangeAggregate)) {
        match self {
            Metric::Range(r) => visit(r),
            Metric::Vector(v) => v.inner.ranges(visit),
            Metric::Binary(b) => {
                b.lhs.ranges(visit);
                b.rhs.ranges(visit);
            }
            Metric::LabelReplace(l) => l.inner.ranges(visit),
            Metric::Constant { .. } | Metric::Number { .. } => {}
        }
    }
}

impl Expr {
    /// The log queries inside, from left to right: what the index endpoints and permissions look at.
    pub fn logs(&self) -> Vec<&LogExpr> {
        match self {
            Expr::Log(log) => vec![log],
            Expr::Metric(metric) => {
                let mut out = Vec::new();
                metric.ranges(&mut |r| out.push(&r.log));
                out
            }
        }
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Expr::Log(log) => log.span,
            Expr::Metric(metric) => metric.span(),
        }
    }
}
