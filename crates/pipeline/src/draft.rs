//! A record while it is prepared.

use bumpalo::Bump;
use model::record::{Record, Severity, SpanId, TraceId, Value};
use std::fmt::Write;

/// A record whose parts can be changed. Text lies in the batch it came from, or in an arena that is emptied after it.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    pub time_ns: i64,
    pub observed_ns: i64,
    pub severity: Severity,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub body: Value<'a>,
    /// Attributes; names are there once.
    pub fields: Vec<(&'a str, Value<'a>)>,
    /// Labels that the stream gets besides its own, or in their place.
    pub labels: Vec<(&'a str, &'a str)>,
}

impl<'a> Draft<'a> {
    pub fn of(record: &Record<'a>) -> Draft<'a> {
        let mut draft = Draft {
            time_ns: record.time_ns,
            observed_ns: record.observed_ns,
            severity: record.severity,
            trace_id: record.trace_id,
            span_id: record.span_id,
            body: record.body,
            fields: Vec::new(),
            labels: Vec::new(),
        };
        record.attributes.iter().for_each(|(name, value)| draft.set(name, value));
        draft
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// Gives an attribute a value.
    pub fn set(&mut self, name: &'a str, value: Value<'a>) {
        match self.fields.iter_mut().find(|(n, _)| *n == name) {
            Some((_, v)) => *v = value,
            None => self.fields.push((name, value)),
        }
    }

    /// Takes an attribute away.
    pub fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.fields.iter().position(|(n, _)| *n == name)?;
        Some(self.fields.remove(at).1)
    }

    /// The text of an attribute, or of the line.
    pub fn text(&self, field: Option<&str>) -> Option<&'a str> {
        match field {
            None => self.body.as_str(),
            Some(name) => self.get(name)?.as_str(),
        }
    }
}

/// A value as text, in the arena where it is none yet.
pub(crate) fn shown<'a>(value: Value<'a>, arena: &'a Bump) -> &'a str {
    match value {
        Value::String(s) => s,
        Value::Null => "",
        other => {
            let mut text = bumpalo::collections::String::new_in(arena);
            // Writing to a string cannot fail.
            let _ = match other {
                Value::Bytes(b) => write!(text, "{}", String::from_utf8_lossy(b)),
                other => write!(text, "{other:?}"),
            };
            text.into_bump_str()
        }
    }
}

/// A value as a number.
pub(crate) fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(i) => Some(i as f64),
        Value::Float(x) => Some(x),
        Value::Bool(b) => Some(f64::from(b)),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    }
    .filter(|x: &f64| !x.is_nan())
}

/// A copy of a value that lives as long as the arena.
pub(crate) fn copied<'a>(value: Value<'_>, arena: &'a Bump) -> Value<'a> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(b) => Value::Bool(b),
        Value::Int(i) => Value::Int(i),
        Value::Float(x) => Value::Float(x),
        Value::String(s) => Value::String(arena.alloc_str(s)),
        other => {
            let mut encoded = Vec::new();
            other.encode(&mut encoded);
            Value::from_encoded(arena.alloc_slice_copy(&encoded)).unwrap_or(Value::Null)
        }
    }
}
