//! JSON objects as documents, read in one pass without a tree.

use super::document::{Fields, Slot};
use crate::records::RecordLimits;
use model::record::{AttributesBuf, Value};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads one JSON object into fields.
pub(crate) fn read_object<'a>(
    text: &'a str,
    limits: &RecordLimits,
    fields: &mut Fields<'a>,
) -> Result<(), String> {
    fields.clear();
    let mut json = serde_json::Deserializer::from_str(text);
    let document = Document { fields, limits };
    serde::Deserializer::deserialize_map(&mut json, document)
        .and_then(|()| json.end())
        .map_err(|e| reason(&e))
}

/// The message without the line, which is always the first of the text that was read.
pub(crate) fn reason(e: &serde_json::Error) -> String {
    let text = e.to_string();
    match (text.rsplit_once(" at line 1 column "), e.line()) {
        (Some((message, column)), 1) => format!("{message} at column {column}"),
        _ => text,
    }
}

/// Gives the members of one JSON object; those of nested objects have dotted names. Lists are values.
pub fn json_members(
    text: &str,
    limits: &RecordLimits,
    each: &mut dyn FnMut(&str, Value<'_>),
) -> Result<(), String> {
    let mut fields = Fields::default();
    read_object(text, limits, &mut fields)?;
    fields.iter().for_each(|(name, value)| each(name, value));
    Ok(())
}

struct Document<'f, 'a> {
    fields: &'f mut Fields<'a>,
    limits: &'f RecordLimits,
}

impl<'a> Visitor<'a> for Document<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<(), M::Error> {
        members(self.fields, self.limits, 0, map).map(drop)
    }
}

/// Reads the members of an object; says whether there was one.
fn members<'a, M: MapAccess<'a>>(
    fields: &mut Fields<'a>,
    limits: &RecordLimits,
    depth: usize,
    mut map: M,
) -> Result<bool, M::Error> {
    let mut any = false;
    while map.next_key_seed(Name { fields, limits })?.is_some() {
        any = true;
        map.next_value_seed(Member { fields, limits, depth })?;
    }
    Ok(any)
}

fn too_deep<E: Error>(limits: &RecordLimits) -> E {
    E::custom(format!(
        "objects and lists nest deeper than {} ({})",
        limits.depth(),
        setting!(limits, "nesting_max")
    ))
}

struct Name<'f, 'a> {
    fields: &'f mut Fields<'a>,
    limits: &'f RecordLimits,
}

impl<'a> DeserializeSeed<'a> for Name<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    #[inline]
    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.fields.name(name, self.limits).map_err(E::custom)
    }
}

/// The value of the field begun last.
struct Member<'f, 'a> {
    fields: &'f mut Fields<'a>,
    limits: &'f RecordLimits,
    depth: usize,
}

impl<'a> DeserializeSeed<'a> for Member<'_, 'a> {
    type Value = ();

    #[inline]
    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Member<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.fields.set(Slot::Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<(), E> {
        self.fields.set(Slot::Bool(v));
        Ok(())
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<(), E> {
        self.fields.set(Slot::Int(v));
        Ok(())
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<(), E> {
        let slot = match i64::try_from(v) {
            Ok(v) => Slot::Int(v),
            // Digits are exact where a float would not be.
            Err(_) => self.fields.text(&v.to_string()),
        };
        self.fields.set(slot);
        Ok(())
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<(), E> {
        self.fields.set(Slot::Float(v));
        Ok(())
    }

    #[inline]
    fn visit_borrowed_str<E: Error>(self, v: &'a str) -> Result<(), E> {
        self.fields.set(Slot::Str(v));
        Ok(())
    }

    #[inline]
    fn visit_str<E: Error>(self, v: &str) -> Result<(), E> {
        let slot = self.fields.text(v);
        self.fields.set(slot);
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        if self.depth >= self.limits.depth() {
            return Err(too_deep(self.limits));
        }
        let mut items = AttributesBuf::new();
        let (limits, depth) = (self.limits, self.depth + 1);
        while seq.next_element_seed(Nested { out: &mut items, name: None, limits, depth })?.is_some() {}
        let slot = self.fields.list(items);
        self.fields.set(slot);
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<(), M::Error> {
        if self.depth >= self.limits.depth() {
            return Err(too_deep(self.limits));
        }
        let before = self.fields.enter();
        let any = members(self.fields, self.limits, self.depth + 1, map)?;
        self.fields.leave(before, !any);
        Ok(())
    }
}

/// A value within a list, written at once: an item, or a pair if it has a name.
struct Nested<'f> {
    out: &'f mut AttributesBuf,
    name: Option<&'f str>,
    limits: &'f RecordLimits,
    depth: usize,
}

impl Nested<'_> {
    fn put<E: Error>(self, value: Value<'_>) -> Result<(), E> {
        match self.name {
            Some(name) => self.out.push(name, value),
            None => self.out.push_item(value),
        }
        Ok(())
    }
}

impl<'a> DeserializeSeed<'a> for Nested<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Nested<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(Value::Null)
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<(), E> {
        self.put(Value::Bool(v))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<(), E> {
        self.put(Value::Int(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<(), E> {
        match i64::try_from(v) {
            Ok(v) => self.put(Value::Int(v)),
            Err(_) => self.put(Value::String(&v.to_string())),
        }
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<(), E> {
        self.put(Value::Float(v))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<(), E> {
        self.put(Value::String(v))
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        if self.depth >= self.limits.depth() {
            return Err(too_deep(self.limits));
        }
        let mut items = AttributesBuf::new();
        let (limits, depth) = (self.limits, self.depth + 1);
        while seq.next_element_seed(Nested { out: &mut items, name: None, limits, depth })?.is_some() {}
        self.put(Value::List(items.as_items()))
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        if self.depth >= self.limits.depth() {
            return Err(too_deep(self.limits));
        }
        let mut pairs = AttributesBuf::new();
        let (limits, depth) = (self.limits, self.depth + 1);
        while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            map.next_value_seed(Nested { out: &mut pairs, name: Some(&name), limits, depth })?;
        }
        self.put(Value::Map(pairs.as_attributes()))
    }
}
