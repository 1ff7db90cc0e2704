//! Values as queries write them and as results have them.

use crate::units::format_duration;
pub use model::record::span::{SpanKind as Kind, SpanStatus as Status};
use std::fmt;

/// A value on its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Nothing.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Float(f64),
    /// A duration in nanoseconds.
    Duration(i64),
    /// Text.
    Text(String),
    /// How a span ended.
    Status(Status),
    /// The role of a span.
    Kind(Kind),
}

impl Literal {
    /// As a number, durations in nanoseconds; nothing for what is no number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Literal::Int(i) | Literal::Duration(i) => Some(*i as f64),
            Literal::Float(f) => Some(*f),
            _ => None,
        }
    }

    /// As people read it: text without quotes.
    pub fn plain(&self) -> String {
        match self {
            Literal::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Appends bytes that are the same for equal values only.
    pub(crate) fn push_key(&self, key: &mut Vec<u8>) {
        let (tag, number) = match self {
            Literal::Nil => (0, 0),
            Literal::Bool(b) => (1, u64::from(*b)),
            Literal::Int(i) => (2, *i as u64),
            Literal::Float(f) => (3, f.to_bits()),
            Literal::Duration(d) => (4, *d as u64),
            Literal::Text(text) => (5, text.len() as u64),
            Literal::Status(s) => (6, *s as u64),
            Literal::Kind(k) => (7, *k as u64),
        };
        key.push(tag);
        key.extend_from_slice(&number.to_le_bytes());
        if let Literal::Text(text) = self {
            key.extend_from_slice(text.as_bytes());
        }
    }
}

/// As a query writes it.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Nil => f.write_str("nil"),
            Literal::Bool(b) => b.fmt(f),
            // Its digits alone would be out of range.
            Literal::Int(i64::MIN) => f.write_str("minInt"),
            Literal::Int(i) => i.fmt(f),
            Literal::Float(x) => write!(f, "{x:?}"),
            Literal::Duration(nanos) => f.write_str(&format_duration(*nanos)),
            Literal::Text(text) => f.write_str(&quoted(text)),
            Literal::Status(s) => f.write_str(s.text()),
            Literal::Kind(k) => f.write_str(k.text()),
        }
    }
}

/// A string as people would write it: in backticks if that saves escapes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c != '`' && !c.is_control() && c != '\u{feff}';
    if text.contains(['"', '\\']) && text.chars().all(plain) {
        format!("`{text}`")
    } else {
        promql::quote(text)
    }
}
