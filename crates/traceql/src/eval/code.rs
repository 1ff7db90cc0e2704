//! Expressions made ready: fields are places in columns, regular expressions are compiled.

use super::operand::{Hex, Operand, Pick, arithmetic, compare};
use super::trace::{Kept, Trace};
use crate::ast::{Arithmetic, Comparison, FieldExpr};
use crate::field::{Field, Intrinsic, Scope};
use crate::literal::{Kind, Literal, Status};
use crate::source::Rows;
use model::record::span::{name as names, stored_name};
use model::record::{Attributes, SpanId, TraceId, Value};
use model::{Labels, MatchOp, Matcher};
use promql::EvalError;

/// The columns that a query reads.
#[derive(Debug, Default)]
pub(super) struct ColumnSet {
    pub names: Vec<String>,
    /// Whether the name of the span is one.
    pub name: bool,
}

impl ColumnSet {
    /// The place of an attribute.
    pub fn place(&mut self, name: &str) -> usize {
        match self.names.iter().position(|n| n == name) {
            Some(place) => place,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        }
    }
}

/// Where a field is found.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Name,
    SpanId,
    TraceId,
    Duration(usize),
    Status(usize),
    Kind(usize),
    /// A column as it is.
    Column(usize),
    ParentId(usize),
    Resource {
        name: String,
        place: usize,
    },
    /// On the span, else on the resource.
    Any {
        place: usize,
        name: String,
        resource: usize,
    },
    EventName(usize),
    EventTime(usize),
    Event(usize, String),
    LinkTrace(usize),
    LinkSpan(usize),
    Link(usize, String),
    TraceDuration,
    RootName,
    RootService,
    NestedLeft,
    NestedRight,
    NestedParent,
    ChildCount,
    /// Of the parent.
    Above(Box<Slot>),
}

impl Slot {
    pub fn new(field: &Field, columns: &mut ColumnSet) -> Slot {
        match field {
            Field::Intrinsic(intrinsic) => Slot::intrinsic(*intrinsic, columns),
            Field::Attribute { scope, parent, name } => {
                let slot = Slot::attribute(*scope, name, columns);
                if *parent { Slot::Above(Box::new(slot)) } else { slot }
            }
        }
    }

    fn intrinsic(intrinsic: Intrinsic, columns: &mut ColumnSet) -> Slot {
        use Intrinsic as I;
        match intrinsic {
            I::Name => {
                columns.name = true;
                Slot::Name
            }
            I::Duration => Slot::Duration(columns.place(names::DURATION)),
            I::Status => Slot::Status(columns.place(names::STATUS)),
            I::StatusMessage => Slot::Column(columns.place(names::STATUS_MESSAGE)),
            I::Kind => Slot::Kind(columns.place(names::KIND)),
            I::SpanId => Slot::SpanId,
            I::ParentId | I::Parent => Slot::ParentId(columns.place(names::PARENT_ID)),
            I::TraceId => Slot::TraceId,
            I::ChildCount => Slot::ChildCount,
            I::TraceDuration => Slot::TraceDuration,
            I::RootName => Slot::RootName,
            I::RootService => Slot::RootService,
            I::NestedSetLeft => Slot::NestedLeft,
            I::NestedSetRight => Slot::NestedRight,
            I::NestedSetParent => Slot::NestedParent,
            I::EventName => Slot::EventName(columns.place(names::EVENTS)),
            I::EventTime => Slot::EventTime(columns.place(names::EVENTS)),
            I::LinkTraceId => Slot::LinkTrace(columns.place(names::LINKS)),
            I::LinkSpanId => Slot::LinkSpan(columns.place(names::LINKS)),
            I::InstrumentationName => Slot::Column(columns.place(names::SCOPE_NAME)),
            I::InstrumentationVersion => Slot::Column(columns.place(names::SCOPE_VERSION)),
        }
    }

    fn attribute(scope: Scope, name: &str, columns: &mut ColumnSet) -> Slot {
        let name = name.to_owned();
        match scope {
            Scope::Span => Slot::Column(columns.place(&stored_name(&name))),
            Scope::Resource => Slot::Resource { place: columns.place(&on_resource(&name)), name },
            Scope::Any => {
                let resource = columns.place(&on_resource(&name));
                Slot::Any { place: columns.place(&stored_name(&name)), name, resource }
            }
            Scope::Instrumentation => Slot::Column(columns.place(&format!("{}{name}", names::SCOPE_PREFIX))),
            Scope::Event => Slot::Event(columns.place(names::EVENTS), name),
            Scope::Link => Slot::Link(columns.place(names::LINKS), name),
        }
    }

    pub fn of<'a>(&'a self, here: Here<'a>) -> Operand<'a> {
        let span = here.span;
        let list = |place: usize, pick: Pick<'a>| match span.column(place) {
            Some(Value::List(items)) => Operand::Each(items, pick),
            _ => Operand::Nil,
        };
        let trace = |of: fn(&'a Trace<'a>, usize) -> Operand<'a>| match here.at {
            Some((trace, at)) => of(trace, at),
            None => Operand::Nil,
        };
        match self {
            Slot::Name => Operand::Text(span.name()),
            Slot::SpanId => Operand::Id(Hex::of(&span.span_id().0)),
            Slot::TraceId => Operand::Id(Hex::of(&span.trace_id().0)),
            Slot::Duration(place) => Operand::Duration(int(span.column(*place))),
            Slot::Status(place) => Operand::Status(Status::from_number(int(span.column(*place)))),
            Slot::Kind(place) => Operand::Kind(Kind::from_number(int(span.column(*place)))),
            Slot::Column(place) => Operand::of(span.column(*place)),
            Slot::ParentId(place) => match span.column(*place) {
                Some(Value::Bytes(id)) => Operand::Id(Hex::of(id)),
                _ => Operand::Nil,
            },
            Slot::Resource { name, place } => resource(span, name, *place),
            Slot::Any { place, name, resource: other } => match Operand::of(span.column(*place)) {
                Operand::Nil => resource(span, name, *other),
                own => own,
            },
            Slot::EventName(place) => list(*place, Pick::EventName),
            Slot::EventTime(place) => list(*place, Pick::EventTime),
            Slot::Event(place, name) | Slot::Link(place, name) => list(*place, Pick::Attribute(name)),
            Slot::LinkTrace(place) => list(*place, Pick::LinkTrace),
            Slot::LinkSpan(place) => list(*place, Pick::LinkSpan),
            Slot::TraceDuration => trace(|t, _| Operand::Duration(t.duration_ns())),
            Slot::RootName => trace(|t, _| t.root_name().map_or(Operand::Nil, Operand::Text)),
            Slot::RootService => trace(|t, _| t.root_service().map_or(Operand::Nil, Operand::Text)),
            Slot::NestedLeft => trace(|t, at| Operand::Int(t.left(at))),
            Slot::NestedRight => trace(|t, at| Operand::Int(t.right(at))),
            Slot::NestedParent => trace(|t, at| Operand::Int(t.nested_parent(at))),
            Slot::ChildCount => trace(|t, at| Operand::Int(t.children(at))),
            Slot::Above(slot) => match here.at.and_then(|(trace, at)| Some((trace, trace.parent(at)?))) {
                Some((trace, parent)) => slot.of(trace.here(parent)),
                None => Operand::Nil,
            },
        }
    }
}

/// The name under which an attribute of a resource is kept that is no text.
fn on_resource(name: &str) -> String {
    format!("{}{name}", names::RESOURCE_PREFIX)
}

fn int(value: Option<Value<'_>>) -> i64 {
    match value {
        Some(Value::Int(i)) => i,
        _ => 0,
    }
}

fn resource<'a>(span: SpanRef<'a>, name: &str, place: usize) -> Operand<'a> {
    match span.resource().get(name) {
        Some(text) => Operand::Text(text),
        None => Operand::of(span.column(place)),
    }
}

/// A span, where it lies.
#[derive(Clone, Copy)]
pub(super) enum SpanRef<'a> {
    /// In a block of its source.
    Row(&'a dyn Rows, usize),
    /// In a trace that was put together.
    Kept(&'a Kept<'a>),
}

impl<'a> SpanRef<'a> {
    pub fn name(self) -> &'a str {
        match self {
            SpanRef::Row(rows, row) => rows.name(row),
            SpanRef::Kept(kept) => kept.name,
        }
    }

    pub fn span_id(self) -> SpanId {
        match self {
            SpanRef::Row(rows, row) => rows.span_id(row),
            SpanRef::Kept(kept) => kept.span_id,
        }
    }

    pub fn trace_id(self) -> TraceId {
        match self {
            SpanRef::Row(rows, row) => rows.trace_id(row),
            SpanRef::Kept(kept) => kept.trace_id,
        }
    }

    pub fn start_ns(self) -> i64 {
        match self {
            SpanRef::Row(rows, row) => rows.start_ns(row),
            SpanRef::Kept(kept) => kept.start_ns,
        }
    }

    pub fn resource(self) -> &'a Labels {
        match self {
            SpanRef::Row(rows, _) => rows.resource(),
            SpanRef::Kept(kept) => &kept.resource,
        }
    }

    pub fn column(self, place: usize) -> Option<Value<'a>> {
        match self {
            SpanRef::Row(rows, row) => rows.attribute(place, row),
            SpanRef::Kept(kept) => kept.cells.get(place).copied().flatten(),
        }
    }

    pub fn all(self) -> Attributes<'a> {
        match self {
            SpanRef::Row(rows, row) => rows.attributes(row),
            SpanRef::Kept(kept) => kept.all,
        }
    }
}

/// A span and, where it is known, its trace.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub span: SpanRef<'a>,
    pub at: Option<(&'a Trace<'a>, usize)>,
}

/// An expression made ready.
#[derive(Debug)]
pub(super) enum Code {
    Literal(Literal),
    Slot(Slot),
    Not(Box<Code>),
    Negate(Box<Code>),
    Exists(Box<Code>),
    Missing(Box<Code>),
    And(Vec<Code>),
    Or(Vec<Code>),
    Arithmetic(Arithmetic, Box<(Code, Code)>),
    Compare(Comparison, Box<(Code, Code)>),
    Regex {
        of: Box<Code>,
        pattern: Matcher,
        negated: bool,
    },
    /// Has no parent, by column.
    IsRoot(usize),
}

impl Code {
    pub fn new(expr: &FieldExpr, columns: &mut ColumnSet) -> Result<Code, EvalError> {
        let boxed = |e: &FieldExpr, columns: &mut ColumnSet| Code::new(e, columns).map(Box::new);
        let all = |all: &[FieldExpr], columns: &mut ColumnSet| {
            all.iter().map(|e| Code::new(e, columns)).collect::<Result<Vec<_>, _>>()
        };
        if is_root_test(expr) {
            return Ok(Code::IsRoot(columns.place(names::PARENT_ID)));
        }
        Ok(match expr {
            FieldExpr::Literal(literal) => Code::Literal(literal.clone()),
            FieldExpr::Field(field) => Code::Slot(Slot::new(field, columns)),
            FieldExpr::Not(e) => Code::Not(boxed(e, columns)?),
            FieldExpr::Negate(e) => Code::Negate(boxed(e, columns)?),
            FieldExpr::Exists(e) => Code::Exists(boxed(e, columns)?),
            FieldExpr::Missing(e) => Code::Missing(boxed(e, columns)?),
            FieldExpr::And(parts) => Code::And(all(parts, columns)?),
            FieldExpr::Or(parts) => Code::Or(all(parts, columns)?),
            FieldExpr::Arithmetic(op, sides) => Code::Arithmetic(
                *op,
                Box::new((Code::new(&sides.0, columns)?, Code::new(&sides.1, columns)?)),
            ),
            FieldExpr::Compare(op, sides) => {
                Code::Compare(*op, Box::new((Code::new(&sides.0, columns)?, Code::new(&sides.1, columns)?)))
            }
            FieldExpr::Regex { of, pattern, negated } => Code::Regex {
                of: boxed(of, columns)?,
                pattern: Matcher::new(MatchOp::Regex, "", pattern.as_str())
                    .map_err(|e| EvalError::query(e.reason))?,
                negated: *negated,
            },
        })
    }

    /// Whether a span satisfies a condition.
    pub fn passes<'a>(&'a self, here: Here<'a>) -> bool {
        match self {
            Code::And(all) => all.iter().all(|c| c.passes(here)),
            Code::Or(any) => any.iter().any(|c| c.passes(here)),
            _ => self.of(here).is_true(),
        }
    }

    pub fn of<'a>(&'a self, here: Here<'a>) -> Operand<'a> {
        match self {
            Code::Literal(literal) => Operand::of_literal(literal),
            Code::Slot(slot) => slot.of(here),
            Code::Not(e) => match e.of(here) {
                Operand::Bool(b) => Operand::Bool(!b),
                _ => Operand::Nil,
            },
            Code::Negate(e) => match e.of(here) {
                Operand::Int(i) => i.checked_neg().map_or(Operand::Float(-(i as f64)), Operand::Int),
                Operand::Duration(d) => {
                    d.checked_neg().map_or(Operand::Float(-(d as f64)), Operand::Duration)
                }
                Operand::Float(f) => Operand::Float(-f),
                _ => Operand::Nil,
            },
            Code::Exists(e) => Operand::Bool(e.of(here).exists()),
            Code::Missing(e) => Operand::Bool(!e.of(here).exists()),
            Code::And(_) | Code::Or(_) => Operand::Bool(self.passes(here)),
            Code::Arithmetic(op, sides) => arithmetic(*op, sides.0.of(here), sides.1.of(here)),
            Code::Compare(op, sides) => Operand::Bool(compare(*op, sides.0.of(here), sides.1.of(here))),
            Code::Regex { of, pattern, negated } => {
                let mut texts = false;
                let found = of.of(here).any(|v| match v {
                    Operand::Text(text) => {
                        texts = true;
                        pattern.matches(text)
                    }
                    Operand::Id(hex) => {
                        texts = true;
                        pattern.matches(hex.as_str())
                    }
                    _ => false,
                });
                Operand::Bool(if *negated { texts && !found } else { found })
            }
            Code::IsRoot(place) => Operand::Bool(here.span.column(*place).is_none()),
        }
    }
}

/// Whether a condition says in terms of nested sets what a span knows of itself: that it has no parent.
pub(super) fn is_root_test(expr: &FieldExpr) -> bool {
    let FieldExpr::Compare(op, sides) = expr else { return false };
    let (op, number) = match (&sides.0, &sides.1) {
        (
            FieldExpr::Field(Field::Intrinsic(Intrinsic::NestedSetParent)),
            FieldExpr::Literal(Literal::Int(i)),
        ) => (*op, *i),
        (
            FieldExpr::Literal(Literal::Int(i)),
            FieldExpr::Field(Field::Intrinsic(Intrinsic::NestedSetParent)),
        ) => (op.flipped(), *i),
        _ => return false,
    };
    matches!((op, number), (Comparison::Less, 0) | (Comparison::Equal | Comparison::LessOrEqual, -1))
}
