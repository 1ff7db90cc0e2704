//! The syntax tree of a query. Its height is bounded by [`crate::NESTING_MAX`].

use crate::field::Field;
use crate::literal::Literal;
pub use promql::Span as Place;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What it asks for.
    pub body: Body,
    /// `with (most_recent=true)`
    pub hints: Vec<Hint>,
}

/// What a query asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Traces.
    Spans(Pipeline),
    /// Numbers over time.
    Metrics(Metrics),
}

/// How a query wants to be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Literal,
}

impl Query {
    /// The value of a hint.
    pub fn hint(&self, name: &str) -> Option<&Literal> {
        self.hints.iter().rev().find(|h| h.name == name).map(|h| &h.value)
    }
}

/// Stages that sets of spans go through; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The stages.
    pub stages: Vec<Stage>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// `{ … } >> { … }`
    Spans(Spanset),
    /// `count() > 2`
    Scalar(ScalarFilter),
    /// `by(resource.service.name)`
    By(FieldExpr),
    /// `coalesce()`
    Coalesce,
    /// `select(span.http.url)`
    Select(Vec<Field>),
}

/// Which spans of a trace.
#[derive(Debug, Clone, PartialEq)]
pub enum Spanset {
    /// `{ … }`
    Filter(FieldExpr),
    /// `… >> …`
    Binary(Box<SpansetBinary>),
    /// `({ … } | count() > 1)`
    Pipeline(Pipeline),
}

/// Two sets of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct SpansetBinary {
    /// How they are joined.
    pub op: SpansetOp,
    /// The left one.
    pub lhs: Spanset,
    /// The right one.
    pub rhs: Spanset,
}

/// How two sets of spans are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpansetOp {
    /// `&&`: both, if both have spans.
    And,
    /// `||`: both.
    Or,
    /// Spans of the right side by their place in the trace.
    Structural(Relation, Mode),
}

/// How a span of the right side stands to one of the left side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `>`
    Child,
    /// `>>`
    Descendant,
    /// `<`
    Parent,
    /// `<<`
    Ancestor,
    /// `~`
    Sibling,
}

/// Which spans a structural operator gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Those of the right side that stand so.
    Plain,
    /// Those of the right side that do not.
    Not,
    /// Those of both sides that stand so to each other.
    Union,
}

impl SpansetOp {
    /// As written.
    pub fn as_str(self) -> &'static str {
        use Mode::*;
        use Relation::*;
        match self {
            SpansetOp::And => "&&",
            SpansetOp::Or => "||",
            SpansetOp::Structural(relation, mode) => match (mode, relation) {
                (Plain, Child) => ">",
                (Plain, Descendant) => ">>",
                (Plain, Parent) => "<",
                (Plain, Ancestor) => "<<",
                (Plain, Sibling) => "~",
                (Not, Child) => "!>",
                (Not, Descendant) => "!>>",
                (Not, Parent) => "!<",
                (Not, Ancestor) => "!<<",
                (Not, Sibling) => "!~",
                (Union, Child) => "&>",
                (Union, Descendant) => "&>>",
                (Union, Parent) => "&<",
                (Union, Ancestor) => "&<<",
                (Union, Sibling) => "&~",
            },
        }
    }

    /// The structural operator that is written so.
    pub(crate) fn structural(sign: &str) -> Option<SpansetOp> {
        use Relation::*;
        let relations = [Child, Descendant, Parent, Ancestor, Sibling];
        let modes = [Mode::Plain, Mode::Not, Mode::Union];
        modes
            .into_iter()
            .flat_map(|m| relations.map(|r| SpansetOp::Structural(r, m)))
            .find(|op| op.as_str() == sign)
    }
}

/// A condition on a number made of a set of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarFilter {
    /// How the sides compare.
    pub op: Comparison,
    /// The left one.
    pub lhs: Scalar,
    /// The right one.
    pub rhs: Scalar,
}

/// A number made of a set of spans.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `2`
    Literal(Literal),
    /// `avg(duration)`
    Aggregate(Aggregate),
    /// `max(duration) - min(duration)`
    Binary(Box<ScalarBinary>),
    /// `({ … } | count())`
    Pipeline(Pipeline, Aggregate),
}

/// Two numbers made of a set of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarBinary {
    /// The operator.
    pub op: Arithmetic,
    /// The left one.
    pub lhs: Scalar,
    /// The right one.
    pub rhs: Scalar,
}

/// One number for many spans.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub op: AggregateOp,
    /// What of each span; nothing for `count`.
    pub of: Option<FieldExpr>,
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
    /// How many numbers become one.
    AggregateOp {
        /// How many spans.
        Count "count",
        /// The mean.
        Avg "avg",
        /// The least.
        Min "min",
        /// The greatest.
        Max "max",
        /// The sum.
        Sum "sum",
    }
}

named! {
    /// How values compare.
    Comparison {
        /// Equal.
        Equal "=",
        /// Not equal.
        NotEqual "!=",
        /// Less.
        Less "<",
        /// Less or equal.
        LessOrEqual "<=",
        /// Greater.
        Greater ">",
        /// Greater or equal.
        GreaterOrEqual ">=",
    }
}

impl Comparison {
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

    /// The same with the sides exchanged.
    pub fn flipped(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            other => other,
        }
    }
}

named! {
    /// Arithmetic.
    Arithmetic {
        /// Sum.
        Add "+",
        /// Difference.
        Sub "-",
        /// Product.
        Mul "*",
        /// Quotient.
        Div "/",
        /// Remainder.
        Mod "%",
        /// Power.
        Pow "^",
    }
}

/// An expression over one span.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldExpr {
    /// `500`
    Literal(Literal),
    /// `span.http.url`
    Field(Field),
    /// `!span.cached`
    Not(Box<FieldExpr>),
    /// `-span.offset`
    Negate(Box<FieldExpr>),
    /// `span.foo != nil`
    Exists(Box<FieldExpr>),
    /// `span.foo = nil`
    Missing(Box<FieldExpr>),
    /// All of them; at least two.
    And(Vec<FieldExpr>),
    /// One of them; at least two.
    Or(Vec<FieldExpr>),
    /// `span.a + 1`
    Arithmetic(Arithmetic, Box<(FieldExpr, FieldExpr)>),
    /// `span.a > 1`
    Compare(Comparison, Box<(FieldExpr, FieldExpr)>),
    /// `span.a =~ "x.*"`, or not.
    Regex {
        /// What is looked at.
        of: Box<FieldExpr>,
        /// What the whole of it must match.
        pattern: String,
        /// Whether it must not match.
        negated: bool,
    },
}

impl FieldExpr {
    /// `{ }`
    pub const TRUE: FieldExpr = FieldExpr::Literal(Literal::Bool(true));

    /// Calls `visit` with every field.
    pub fn fields<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match self {
            FieldExpr::Literal(_) => {}
            FieldExpr::Field(field) => visit(field),
            FieldExpr::Not(e)
            | FieldExpr::Negate(e)
            | FieldExpr::Exists(e)
            | FieldExpr::Missing(e)
            | FieldExpr::Regex { of: e, .. } => e.fields(visit),
            FieldExpr::And(all) | FieldExpr::Or(all) => all.iter().for_each(|e| e.fields(visit)),
            FieldExpr::Arithmetic(_, sides) | FieldExpr::Compare(_, sides) => {
                sides.0.fields(visit);
                sides.1.fields(visit);
            }
        }
    }
}

/// Numbers over time.
#[derive(Debug, Clone, PartialEq)]
pub enum Metrics {
    /// `{ … } | rate()`
    Query(Box<MetricsQuery>),
    /// `… | topk(5) > 10`
    Staged(Box<Metrics>, Vec<SecondStage>),
    /// `(…) / (…)`
    Binary(Arithmetic, Box<(Metrics, Metrics)>),
    /// `100`; never alone.
    Number(Literal),
}

/// Spans turned into numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsQuery {
    /// Which spans.
    pub pipeline: Pipeline,
    /// How they become numbers.
    pub function: Function,
    /// What series are told apart by.
    pub by: Vec<Field>,
}

/// How spans become numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Function {
    /// Spans per second.
    Rate,
    /// Spans.
    CountOverTime,
    /// `min_over_time(duration)`
    Fold(FoldOp, Field),
    /// `quantile_over_time(duration, 0.9, 0.5)`
    Quantile(Field, Vec<f64>),
    /// `histogram_over_time(duration)`
    Histogram(Field),
    /// `compare({ status = error }, 10, 1, 2)`
    Compare {
        /// Which spans are the selection.
        filter: FieldExpr,
        /// Values kept per attribute.
        top: u32,
        /// From when to when a span must have started to be part of the selection, Unix nanoseconds.
        window: Option<(i64, i64)>,
    },
}

named! {
    /// How many values become one.
    FoldOp {
        /// The least.
        Min "min_over_time",
        /// The greatest.
        Max "max_over_time",
        /// The mean.
        Avg "avg_over_time",
        /// The sum.
        Sum "sum_over_time",
    }
}

/// What happens to series after they are made.
#[derive(Debug, Clone, PartialEq)]
pub enum SecondStage {
    /// The greatest few at each step.
    TopK(u32),
    /// The least few at each step.
    BottomK(u32),
    /// Those values that compare so.
    Filter(Comparison, Literal),
}
