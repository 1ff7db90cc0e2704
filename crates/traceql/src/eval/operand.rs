//! Values while an expression is evaluated.

use crate::ast::{Arithmetic, Comparison};
use crate::literal::{Kind, Literal, Status};
use model::record::{Attributes, Items, Value};

/// Hexadecimal digits of an id.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Hex {
    digits: [u8; 32],
    len: u8,
}

impl Hex {
    pub fn of(bytes: &[u8]) -> Hex {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits = [0; 32];
        let bytes = &bytes[..bytes.len().min(16)];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Hex { digits, len: bytes.len() as u8 * 2 }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether a text means this id: case and leading zeros do not count.
    fn is(&self, text: &str) -> bool {
        self.as_str().trim_start_matches('0').eq_ignore_ascii_case(text.trim_start_matches('0'))
    }
}

/// What an expression gives for a span.
#[derive(Clone, Copy)]
pub(super) enum Operand<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Text(&'a str),
    Status(Status),
    Kind(Kind),
    Id(Hex),
    /// Any of these.
    List(Items<'a>),
    /// Any of what is found in each of these.
    Each(Items<'a>, Pick<'a>),
    /// There is something that nothing compares with.
    Other,
}

/// What is looked at of an event or link.
#[derive(Clone, Copy)]
pub(super) enum Pick<'a> {
    EventName,
    EventTime,
    LinkTrace,
    LinkSpan,
    Attribute(&'a str),
}

impl Pick<'_> {
    fn of<'v>(self, map: Attributes<'v>) -> Operand<'v> {
        let value = match self {
            Pick::EventName => map.get("name"),
            Pick::EventTime => match map.get("time") {
                Some(Value::Int(nanos)) => return Operand::Duration(nanos),
                _ => None,
            },
            Pick::LinkTrace | Pick::LinkSpan => {
                let name = if matches!(self, Pick::LinkTrace) { "traceID" } else { "spanID" };
                match map.get(name) {
                    Some(Value::Bytes(id)) => return Operand::Id(Hex::of(id)),
                    _ => None,
                }
            }
            Pick::Attribute(name) => match map.get("attributes") {
                Some(Value::Map(attributes)) => attributes.get(name),
                _ => None,
            },
        };
        Operand::of(value)
    }
}

impl<'a> Operand<'a> {
    pub fn of(value: Option<Value<'a>>) -> Operand<'a> {
        match value {
            None | Some(Value::Null) => Operand::Nil,
            Some(Value::Bool(b)) => Operand::Bool(b),
            Some(Value::Int(i)) => Operand::Int(i),
            Some(Value::Float(f)) => Operand::Float(f),
            Some(Value::String(s)) => Operand::Text(s),
            Some(Value::List(items)) => Operand::List(items),
            Some(Value::Bytes(_) | Value::Map(_)) => Operand::Other,
        }
    }

    pub fn of_literal(literal: &'a Literal) -> Operand<'a> {
        match literal {
            Literal::Nil => Operand::Nil,
            Literal::Bool(b) => Operand::Bool(*b),
            Literal::Int(i) => Operand::Int(*i),
            Literal::Float(f) => Operand::Float(*f),
            Literal::Duration(d) => Operand::Duration(*d),
            Literal::Text(text) => Operand::Text(text),
            Literal::Status(s) => Operand::Status(*s),
            Literal::Kind(k) => Operand::Kind(*k),
        }
    }

    /// Whether there is a value at all.
    pub fn exists(self) -> bool {
        match self {
            Operand::Nil => false,
            Operand::Each(..) => self.any(|v| !matches!(v, Operand::Nil)),
            _ => true,
        }
    }

    fn is_plural(self) -> bool {
        matches!(self, Operand::List(_) | Operand::Each(..))
    }

    /// Whether one of its values passes; itself, if it is one.
    pub fn any(self, mut passes: impl FnMut(Operand<'a>) -> bool) -> bool {
        match self {
            Operand::List(items) => items.iter().any(|v| passes(Operand::of(Some(v)))),
            Operand::Each(items, pick) => items.iter().any(|item| match item {
                Value::Map(map) => passes(pick.of(map)),
                _ => false,
            }),
            one => passes(one),
        }
    }

    /// The value, or the first one of several.
    pub fn first(self) -> Operand<'a> {
        let mut found = Operand::Nil;
        self.any(|v| {
            found = v;
            !matches!(v, Operand::Nil)
        });
        found
    }

    /// The value on its own: of several events the first one, of a list all items as text.
    pub fn to_literal(self) -> Literal {
        match self {
            Operand::Nil | Operand::Other => Literal::Nil,
            Operand::Bool(b) => Literal::Bool(b),
            Operand::Int(i) => Literal::Int(i),
            Operand::Float(f) => Literal::Float(f),
            Operand::Duration(d) => Literal::Duration(d),
            Operand::Text(s) => Literal::Text(s.to_owned()),
            Operand::Status(s) => Literal::Status(s),
            Operand::Kind(k) => Literal::Kind(k),
            Operand::Id(hex) => Literal::Text(hex.as_str().to_owned()),
            Operand::List(items) => {
                // Lists in lists nest a bounded number of times, see `model`.
                let items: Vec<String> =
                    items.iter().map(|v| Operand::of(Some(v)).to_literal().plain()).collect();
                Literal::Text(format!("[{}]", items.join(", ")))
            }
            Operand::Each(..) => match self.first() {
                Operand::Each(..) => Literal::Nil,
                first => first.to_literal(),
            },
        }
    }

    /// As a number, durations in nanoseconds.
    pub fn number(self) -> Option<f64> {
        match self {
            Operand::Int(i) | Operand::Duration(i) => Some(i as f64),
            Operand::Float(f) => Some(f),
            _ => None,
        }
    }

    /// Whether it is true and nothing else.
    pub fn is_true(self) -> bool {
        matches!(self, Operand::Bool(true))
    }
}

/// Whether two values compare so; values of different types never do. Of several values one is enough, but all must be
/// unequal for the whole to be.
pub(super) fn compare(op: Comparison, left: Operand<'_>, right: Operand<'_>) -> bool {
    match (left.is_plural(), right.is_plural()) {
        (false, false) => compare_one(op, left, right),
        (true, true) => false,
        (true, false) => match op {
            Comparison::NotEqual => {
                left.exists() && !left.any(|v| !compare_one(op, v, right) && !matches!(v, Operand::Nil))
            }
            _ => left.any(|v| compare_one(op, v, right)),
        },
        (false, true) => compare(op.flipped(), right, left),
    }
}

fn compare_one(op: Comparison, left: Operand<'_>, right: Operand<'_>) -> bool {
    use Operand::{Bool, Duration, Id, Int, Kind, Status, Text};
    match (left, right) {
        (Text(a), Text(b)) => op.holds(a, b),
        (Int(a) | Duration(a), Int(b) | Duration(b)) => op.holds(a, b),
        (Bool(a), Bool(b)) => op.holds(a, b),
        (Status(a), Status(b)) => op.holds(a, b),
        (Kind(a), Kind(b)) => op.holds(a, b),
        (Id(a), Text(b)) | (Text(b), Id(a)) if op == Comparison::Equal => a.is(b),
        (Id(a), Text(b)) | (Text(b), Id(a)) if op == Comparison::NotEqual => !a.is(b),
        (Id(a), Text(b)) => op.holds(a.as_str(), b),
        (Text(a), Id(b)) => op.holds(a, b.as_str()),
        (Id(a), Id(b)) => op.holds(a.as_str(), b.as_str()),
        _ => match (left.number(), right.number()) {
            (Some(a), Some(b)) => op.holds(a, b),
            _ => false,
        },
    }
}

/// A number made of two.
pub(crate) fn calculate(op: Arithmetic, a: f64, b: f64) -> f64 {
    match op {
        Arithmetic::Add => a + b,
        Arithmetic::Sub => a - b,
        Arithmetic::Mul => a * b,
        Arithmetic::Div => a / b,
        Arithmetic::Mod => a % b,
        Arithmetic::Pow => a.powf(b),
    }
}

/// What two values give. Whole numbers stay whole as long as they fit; a whole number divided by zero is nothing.
pub(super) fn arithmetic(op: Arithmetic, left: Operand<'_>, right: Operand<'_>) -> Operand<'static> {
    let (Some(a), Some(b)) = (left.number(), right.number()) else { return Operand::Nil };
    let float = Operand::Float(calculate(op, a, b));
    let whole = |operand| match operand {
        Operand::Int(i) => Some((i, false)),
        Operand::Duration(d) => Some((d, true)),
        _ => None,
    };
    let (Some((x, x_time)), Some((y, y_time))) = (whole(left), whole(right)) else { return float };
    let exact = match op {
        Arithmetic::Add => x.checked_add(y),
        Arithmetic::Sub => x.checked_sub(y),
        Arithmetic::Mul => x.checked_mul(y),
        Arithmetic::Div | Arithmetic::Mod if y == 0 => return Operand::Nil,
        Arithmetic::Div => x.checked_div(y),
        Arithmetic::Mod => x.checked_rem(y),
        Arithmetic::Pow => u32::try_from(y).ok().and_then(|y| x.checked_pow(y)),
    };
    let is_time = match op {
        Arithmetic::Add | Arithmetic::Sub | Arithmetic::Mod => x_time || y_time,
        Arithmetic::Mul => x_time != y_time,
        Arithmetic::Div => x_time && !y_time,
        Arithmetic::Pow => false,
    };
    match exact {
        Some(exact) if is_time => Operand::Duration(exact),
        Some(exact) => Operand::Int(exact),
        None => float,
    }
}
