//! `opentelemetry.proto.common.v1`: attributes and their values.

use crate::records::RecordWriter;
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire};
use model::record::{AttributesBuf, Value};
use std::borrow::Cow;

/// Why a value is refused that [`any_value`] gives none for.
pub(crate) fn too_deep(w: &RecordWriter) -> String {
    let limits = w.limits();
    format!("lists and maps nest deeper than {} ({})", limits.depth(), setting!(limits, "nesting_max"))
}

/// A `KeyValue`: its name and the `AnyValue` in it.
pub(crate) fn key_value(r: Reader<'_>) -> Wire<(Cow<'_, str>, Reader<'_>)> {
    let (name, value) = raw_key_value(r)?;
    Ok((String::from_utf8_lossy(name), value))
}

/// A `KeyValue` with its name as it was sent.
pub(crate) fn raw_key_value(mut r: Reader<'_>) -> Wire<(&[u8], Reader<'_>)> {
    let (mut name, mut value) = (&[][..], Reader::new(&[], r.position()));
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => name = r.bytes()?,
            (2, LEN) => value = r.message()?,
            (1 | 2, w) => return Err(r.error(format!("field {field} of an attribute has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok((name, value))
}

/// An `AnyValue`.
pub(crate) enum Any<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    List(AttributesBuf),
    Map(AttributesBuf),
}

impl Any<'_> {
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Any::Null => Value::Null,
            Any::Bool(b) => Value::Bool(*b),
            Any::Int(i) => Value::Int(*i),
            Any::Float(x) => Value::Float(*x),
            Any::Text(s) => Value::String(s),
            Any::Bytes(b) => Value::Bytes(b),
            Any::List(items) => Value::List(items.as_items()),
            Any::Map(pairs) => Value::Map(pairs.as_attributes()),
        }
    }
}

/// Reads a value; `None` if it nests too deep. `depth` more levels are allowed, so the recursion is bounded.
pub(crate) fn any_value(mut r: Reader<'_>, depth: usize) -> Wire<Option<Any<'_>>> {
    let mut value = Any::Null;
    while let Some((field, wire)) = r.tag()? {
        value = match (field, wire) {
            (1, LEN) => Any::Text(String::from_utf8_lossy(r.bytes()?)),
            (2, VARINT) => Any::Bool(r.varint()? != 0),
            (3, VARINT) => Any::Int(r.varint()? as i64),
            (4, FIXED64) => Any::Float(r.double()?),
            (7, LEN) => Any::Bytes(r.bytes()?),
            (5 | 6, LEN) if depth == 0 => return Ok(None),
            (5, LEN) => match list(r.message()?, depth - 1)? {
                Some(items) => Any::List(items),
                None => return Ok(None),
            },
            (6, LEN) => match map(r.message()?, depth - 1)? {
                Some(pairs) => Any::Map(pairs),
                None => return Ok(None),
            },
            (1..=7, w) => return Err(r.error(format!("field {field} of a value has wire type {w}"))),
            _ => {
                r.skip(wire)?;
                continue;
            }
        };
    }
    Ok(Some(value))
}

fn list(mut r: Reader<'_>, depth: usize) -> Wire<Option<AttributesBuf>> {
    let mut items = AttributesBuf::new();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => match any_value(r.message()?, depth)? {
                Some(value) => items.push_item(value.as_value()),
                None => return Ok(None),
            },
            _ => r.skip(wire)?,
        }
    }
    Ok(Some(items))
}

fn map(mut r: Reader<'_>, depth: usize) -> Wire<Option<AttributesBuf>> {
    let mut pairs = AttributesBuf::new();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, LEN) => {
                let (name, value) = key_value(r.message()?)?;
                match any_value(value, depth)? {
                    Some(value) => pairs.push(&name, value.as_value()),
                    None => return Ok(None),
                }
            }
            _ => r.skip(wire)?,
        }
    }
    Ok(Some(pairs))
}
