//! The syntax tree of a query. Every node knows the bytes of the query it was written as.

use crate::catalog::Function;
use model::Matcher;
use std::borrow::Cow;
use std::fmt;

/// Bytes of the query text, `start` included, `end` not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` to `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The span from the start of this one to the end of the other.
    pub fn to(self, end: Span) -> Span {
        Span { start: self.start, end: end.end }
    }
}

/// What an expression evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// A text.
    String,
    /// One value per series.
    Vector,
    /// A range of values per series.
    Matrix,
}

impl ValueType {
    /// The short name, as used by the HTTP API.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "vector",
            ValueType::Matrix => "matrix",
        }
    }

    /// The name used in documentation and error texts.
    pub fn documented(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `sum by (job) (x)`
    Aggregate(Box<Aggregate>),
    /// `a + b`
    Binary(Box<Binary>),
    /// `rate(x[5m])`
    Call(Box<Call>),
    /// `x[5m]`
    Matrix(Box<MatrixSelector>),
    /// `x`
    Vector(Box<VectorSelector>),
    /// `x[5m:1m]`
    Subquery(Box<Subquery>),
    /// `1`, `5m`
    Number(NumberLiteral),
    /// `"text"`
    String(StringLiteral),
    /// `(x)`
    Paren(Box<Paren>),
    /// `-x`
    Unary(Box<Unary>),
}

impl Expr {
    /// What this expression evaluates to.
    pub fn value_type(&self) -> ValueType {
        match self {
            Expr::Aggregate(_) | Expr::Vector(_) => ValueType::Vector,
            Expr::Matrix(_) | Expr::Subquery(_) => ValueType::Matrix,
            Expr::Number(_) => ValueType::Scalar,
            Expr::String(_) => ValueType::String,
            Expr::Call(c) => c.function.returns,
            Expr::Paren(p) => p.expr.value_type(),
            Expr::Unary(u) => u.expr.value_type(),
            Expr::Binary(b) => {
                let scalar = |e: &Expr| e.value_type() == ValueType::Scalar;
                if scalar(&b.lhs) && scalar(&b.rhs) { ValueType::Scalar } else { ValueType::Vector }
            }
        }
    }

    /// Where it stands in the query.
    pub fn span(&self) -> Span {
        match self {
            Expr::Aggregate(e) => e.span,
            Expr::Binary(e) => e.lhs.span().to(e.rhs.span()),
            Expr::Call(e) => e.span,
            Expr::Matrix(e) => Span::new(e.selector.span.start, e.end),
            Expr::Vector(e) => e.span,
            Expr::Subquery(e) => Span::new(e.expr.span().start, e.end),
            Expr::Number(e) => e.span,
            Expr::String(e) => e.span,
            Expr::Paren(e) => e.span,
            Expr::Unary(e) => Span::new(e.start, e.expr.span().end),
        }
    }

    /// The expression inside any parentheses around it.
    pub fn unparen(&self) -> &Expr {
        let mut e = self;
        while let Expr::Paren(p) = e {
            e = &p.expr;
        }
        e
    }

    /// The direct operands, from left to right.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Expr::Aggregate(e) => e.param.iter().chain([&e.expr]).collect(),
            Expr::Binary(e) => vec![&e.lhs, &e.rhs],
            Expr::Call(e) => e.args.iter().collect(),
            Expr::Subquery(e) => vec![&e.expr],
            Expr::Paren(e) => vec![&e.expr],
            Expr::Unary(e) => vec![&e.expr],
            Expr::Matrix(_) | Expr::Vector(_) | Expr::Number(_) | Expr::String(_) => Vec::new(),
        }
    }

    /// Calls `visit` on this expression and all below it, a parent before its operands.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// The matchers of every selector, from left to right.
    pub fn selectors(&self) -> Vec<&[Matcher]> {
        let mut out = Vec::new();
        self.walk(&mut |e| match e {
            Expr::Vector(v) => out.push(v.matchers.as_slice()),
            Expr::Matrix(m) => out.push(m.selector.matchers.as_slice()),
            _ => {}
        });
        out
    }
}

/// An aggregation operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
    /// `limitk`
    Limitk,
    /// `limit_ratio`
    LimitRatio,
}

impl AggregateOp {
    /// Every operator.
    pub const ALL: [AggregateOp; 14] = [
        AggregateOp::Sum,
        AggregateOp::Avg,
        AggregateOp::Count,
        AggregateOp::Min,
        AggregateOp::Max,
        AggregateOp::Group,
        AggregateOp::Stddev,
        AggregateOp::Stdvar,
        AggregateOp::Topk,
        AggregateOp::Bottomk,
        AggregateOp::CountValues,
        AggregateOp::Quantile,
        AggregateOp::Limitk,
        AggregateOp::LimitRatio,
    ];

    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            AggregateOp::Sum => "sum",
            AggregateOp::Avg => "avg",
            AggregateOp::Count => "count",
            AggregateOp::Min => "min",
            AggregateOp::Max => "max",
            AggregateOp::Group => "group",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            AggregateOp::Topk => "topk",
            AggregateOp::Bottomk => "bottomk",
            AggregateOp::CountValues => "count_values",
            AggregateOp::Quantile => "quantile",
            AggregateOp::Limitk => "limitk",
            AggregateOp::LimitRatio => "limit_ratio",
        }
    }

    /// Whether a parameter comes before the aggregated expression.
    pub fn takes_param(self) -> bool {
        matches!(
            self,
            AggregateOp::Topk
                | AggregateOp::Bottomk
                | AggregateOp::CountValues
                | AggregateOp::Quantile
                | AggregateOp::Limitk
                | AggregateOp::LimitRatio
        )
    }

    /// Whether the operator is experimental upstream.
    pub fn experimental(self) -> bool {
        matches!(self, AggregateOp::Limitk | AggregateOp::LimitRatio)
    }
}

/// An aggregation over the series of a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Expr,
    /// The parameter of operators that take one.
    pub param: Option<Expr>,
    /// The labels of the `by` or `without` clause.
    pub grouping: Vec<String>,
    /// Whether the clause is `without`.
    pub without: bool,
    /// Where it stands.
    pub span: Span,
}

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<=`
    Le,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `>`
    Gt,
    /// `</`: drops the part of histograms above a value.
    TrimUpper,
    /// `>/`: drops the part of histograms below a value.
    TrimLower,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

impl BinaryOp {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "^",
            BinaryOp::Atan2 => "atan2",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Le => "<=",
            BinaryOp::Lt => "<",
            BinaryOp::Ge => ">=",
            BinaryOp::Gt => ">",
            BinaryOp::TrimUpper => "</",
            BinaryOp::TrimLower => ">/",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Unless => "unless",
        }
    }

    /// `==`, `!=`, `<`, `<=`, `>`, `>=`.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::*;
        matches!(self, Eq | Ne | Le | Lt | Ge | Gt)
    }

    /// `and`, `or`, `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }
}

/// How many series of each side may belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cardinality {
    /// One with one.
    OneToOne,
    /// `group_left`: many on the left side.
    ManyToOne,
    /// `group_right`: many on the right side.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

impl Cardinality {
    /// As the HTTP API names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Cardinality::OneToOne => "one-to-one",
            Cardinality::ManyToOne => "many-to-one",
            Cardinality::OneToMany => "one-to-many",
            Cardinality::ManyToMany => "many-to-many",
        }
    }
}

/// Which series of two vectors belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// How many of each side.
    pub cardinality: Cardinality,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Whether `labels` are those that are compared (`on`), not those that are left out.
    pub on: bool,
    /// The labels taken over from the "one" side.
    pub include: Vec<String>,
    /// What stands for a missing series of the left side.
    pub fill_left: Option<f64>,
    /// What stands for a missing series of the right side.
    pub fill_right: Option<f64>,
}

impl Default for Matching {
    fn default() -> Self {
        Matching {
            cardinality: Cardinality::OneToOne,
            labels: Vec::new(),
            on: false,
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        }
    }
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: Expr,
    /// Right operand.
    pub rhs: Expr,
    /// How series are matched; `None` unless both operands are vectors.
    pub matching: Option<Matching>,
    /// Whether a comparison gives 0 or 1 instead of filtering.
    pub return_bool: bool,
}

/// A function call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// Where it stands.
    pub span: Span,
}

/// The `@` modifier: evaluation at a fixed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// Unix milliseconds.
    Time(i64),
    /// The start of the query.
    Start,
    /// The end of the query.
    End,
}

/// How the edges of a range are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Edges {
    /// Only samples inside the range.
    #[default]
    Plain,
    /// `anchored`: the sample before the range stands for its start.
    Anchored,
    /// `smoothed`: values at the edges are interpolated.
    Smoothed,
}

/// A length of time, fixed or computed from the query.
#[derive(Debug, Clone, PartialEq)]
pub enum Duration {
    /// Milliseconds.
    Fixed(i64),
    /// A duration expression.
    Computed(DurationExpr),
}

/// A duration expression, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationExpr {
    /// A number of seconds or a duration.
    Literal(NumberLiteral),
    /// `step()`
    Step(Span),
    /// `range()`
    Range(Span),
    /// `-d`
    Negate {
        /// Operand.
        inner: Box<DurationExpr>,
        /// Where the operator stands.
        start: usize,
    },
    /// `a + b`, also `min_of(a, b)`.
    Binary {
        /// The operator.
        op: DurationOp,
        /// Left operand.
        lhs: Box<DurationExpr>,
        /// Right operand.
        rhs: Box<DurationExpr>,
        /// Where it stands.
        span: Span,
    },
    /// `(d)`
    Paren {
        /// What is inside.
        inner: Box<DurationExpr>,
        /// Where it stands.
        span: Span,
    },
}

impl DurationExpr {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            DurationExpr::Literal(n) => n.span,
            DurationExpr::Step(s) | DurationExpr::Range(s) => *s,
            DurationExpr::Negate { inner, start } => Span::new(*start, inner.span().end),
            DurationExpr::Binary { span, .. } | DurationExpr::Paren { span, .. } => *span,
        }
    }
}

/// An operator of duration expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `min_of(a, b)`
    MinOf,
    /// `max_of(a, b)`
    MaxOf,
}

impl DurationOp {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            DurationOp::Add => "+",
            DurationOp::Sub => "-",
            DurationOp::Mul => "*",
            DurationOp::Div => "/",
            DurationOp::Mod => "%",
            DurationOp::Pow => "^",
            DurationOp::MinOf => "min_of",
            DurationOp::MaxOf => "max_of",
        }
    }
}

/// A selector of series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The metric name written before the braces.
    pub name: Option<String>,
    /// All matchers; that of `name` is the last.
    pub matchers: Vec<Matcher>,
    /// The `offset` modifier.
    pub offset: Option<Duration>,
    /// The `@` modifier.
    pub at: Option<At>,
    /// The `anchored` and `smoothed` modifiers.
    pub edges: Edges,
    /// Where it stands, modifiers of an instant selector included.
    pub span: Span,
}

/// A selector of series over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// The series; modifiers written after the range are kept here.
    pub selector: VectorSelector,
    /// The range.
    pub range: Duration,
    /// Where it ends.
    pub end: usize,
}

/// An expression evaluated over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Expr,
    /// The range.
    pub range: Duration,
    /// The resolution; `None` is the default resolution.
    pub step: Option<Duration>,
    /// The `offset` modifier.
    pub offset: Option<Duration>,
    /// The `@` modifier.
    pub at: Option<At>,
    /// Where it ends.
    pub end: usize,
}

/// A number, or a duration used as a number of seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberLiteral {
    /// The value; seconds for a duration.
    pub value: f64,
    /// Whether it was written as a duration.
    pub duration: bool,
    /// Where it stands.
    pub span: Span,
}

/// A text.
#[derive(Debug, Clone, PartialEq)]
pub struct StringLiteral {
    /// The text as bytes: escapes can make any byte.
    pub bytes: Vec<u8>,
    /// Where it stands.
    pub span: Span,
}

impl StringLiteral {
    /// The text, with what is not UTF-8 replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

/// An expression in parentheses.
#[derive(Debug, Clone, PartialEq)]
pub struct Paren {
    /// What is inside.
    pub expr: Expr,
    /// Where it stands.
    pub span: Span,
}

/// An expression with a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Unary {
    /// Whether the sign is minus.
    pub negative: bool,
    /// The operand.
    pub expr: Expr,
    /// Where the sign stands.
    pub start: usize,
}
