//! OTLP/JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): translated to protocol buffers in
//! one pass, so that there is one decoder of each signal. Names are taken in camelCase and snake_case, 64-bit numbers as
//! numbers or strings, enums as numbers or names, trace and span ids in hexadecimal, bytes in base64; what is unknown is
//! passed over.

use crate::error::DecodeError;
use crate::wire::{FIXED32, FIXED64, VARINT, put_bytes, put_message, put_tag, put_varint, unzigzag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::record::{SpanId, TraceId};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A request in JSON, `what` by name, as protocol buffers.
pub(crate) fn to_protobuf(body: &[u8], request: Fields, what: &str) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::with_capacity(body.len());
    let mut json = serde_json::Deserializer::from_slice(body);
    (Message { of: request, out: &mut out })
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|e| DecodeError::Unreadable(format!("{what}: {e}")))?;
    Ok(out)
}

/// How a field is written in JSON, and what it is in protocol buffers.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// Bytes in hexadecimal digits: 16 or 8 of them.
    TraceId,
    SpanId,
    Base64,
    Varint,
    /// A number, or one of these names in order of their numbers.
    Enum(&'static [&'static str]),
    /// Written with its sign in the last bit.
    Signed,
    Fixed64,
    SignedFixed64,
    Fixed32,
    Double,
    Bool,
    /// A list of one of the kinds above.
    Several(&'static Kind),
    Message(Fields),
    Messages(Fields),
}

/// The fields of a message: both names, number and kind. Messages may hold themselves, so tables refer to each other.
pub(crate) struct Table(pub &'static [(&'static str, &'static str, u32, Kind)]);

pub(crate) type Fields = &'static Table;

pub(crate) static RESOURCE: Table = Table(&[("attributes", "attributes", 1, Kind::Messages(&KEY_VALUE))]);
pub(crate) static SCOPE: Table = Table(&[
    ("name", "name", 1, Kind::Text),
    ("version", "version", 2, Kind::Text),
    ("attributes", "attributes", 3, Kind::Messages(&KEY_VALUE)),
]);
pub(crate) static KEY_VALUE: Table =
    Table(&[("key", "key", 1, Kind::Text), ("value", "value", 2, Kind::Message(&ANY_VALUE))]);
pub(crate) static ANY_VALUE: Table = Table(&[
    ("stringValue", "string_value", 1, Kind::Text),
    ("boolValue", "bool_value", 2, Kind::Bool),
    ("intValue", "int_value", 3, Kind::Varint),
    ("doubleValue", "double_value", 4, Kind::Double),
    ("arrayValue", "array_value", 5, Kind::Message(&ARRAY)),
    ("kvlistValue", "kvlist_value", 6, Kind::Message(&KEY_VALUES)),
    ("bytesValue", "bytes_value", 7, Kind::Base64),
]);
pub(crate) static ARRAY: Table = Table(&[("values", "values", 1, Kind::Messages(&ANY_VALUE))]);
pub(crate) static KEY_VALUES: Table = Table(&[("values", "values", 1, Kind::Messages(&KEY_VALUE))]);

/// A message, written field by field.
struct Message<'o> {
    of: Fields,
    out: &'o mut Vec<u8>,
}

impl<'a> DeserializeSeed<'a> for Message<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Message<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {:?}", self.of.0.first().map_or("", |field| field.0))
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            match self.of.0.iter().find(|field| field.0 == name || field.1 == name) {
                Some((name, _, number, kind)) => {
                    map.next_value_seed(Field { name, number: *number, kind: *kind, out: self.out })?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// One field of a message.
struct Field<'o> {
    name: &'static str,
    number: u32,
    kind: Kind,
    out: &'o mut Vec<u8>,
}

impl<'a> DeserializeSeed<'a> for Field<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl Field<'_> {
    fn wrong<E: Error>(&self, found: impl fmt::Display) -> E {
        let wanted = match self.kind {
            Kind::Text => "a string",
            Kind::TraceId => "32 hexadecimal digits",
            Kind::SpanId => "16 hexadecimal digits",
            Kind::Base64 => "bytes in base64",
            Kind::Varint | Kind::Signed | Kind::Fixed64 | Kind::SignedFixed64 | Kind::Fixed32 => {
                "a whole number, also as a string"
            }
            Kind::Several(_) => "a list of numbers",
            Kind::Enum(_) => "a number or the name of one",
            Kind::Double => "a number",
            Kind::Bool => "true or false",
            Kind::Message(_) => "an object",
            Kind::Messages(_) => "a list of objects",
        };
        E::custom(format_args!("{} must be {wanted}, not {found}", self.name))
    }

    fn number<E: Error>(self, v: i128) -> Result<(), E> {
        match (self.kind, u64::try_from(v), i64::try_from(v)) {
            (Kind::Double, ..) => return self.double(v as f64),
            (Kind::Varint | Kind::Enum(_), _, Ok(v)) => {
                put_tag(self.out, self.number, VARINT);
                put_varint(self.out, v as u64);
            }
            (Kind::Signed, _, Ok(v)) => {
                put_tag(self.out, self.number, VARINT);
                put_varint(self.out, unzigzag(v));
            }
            (Kind::Fixed64, Ok(v), _) => {
                put_tag(self.out, self.number, FIXED64);
                self.out.extend_from_slice(&v.to_le_bytes());
            }
            (Kind::SignedFixed64, _, Ok(v)) => {
                put_tag(self.out, self.number, FIXED64);
                self.out.extend_from_slice(&v.to_le_bytes());
            }
            (Kind::Fixed32, Ok(v), _) => {
                put_tag(self.out, self.number, FIXED32);
                self.out.extend_from_slice(&u32::try_from(v).unwrap_or(u32::MAX).to_le_bytes());
            }
            _ => return Err(self.wrong(v)),
        }
        Ok(())
    }

    fn double<E: Error>(self, v: f64) -> Result<(), E> {
        put_tag(self.out, self.number, FIXED64);
        self.out.extend_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn bytes<E: Error>(self, bytes: Option<&[u8]>, text: &str) -> Result<(), E> {
        match bytes {
            Some(bytes) => {
                put_bytes(self.out, self.number, bytes);
                Ok(())
            }
            None => Err(self.wrong(format_args!("{:?}", crate::limits::cut(text, 80)))),
        }
    }
}

impl<'a> Visitor<'a> for Field<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value for {}", self.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<(), E> {
        match self.kind {
            Kind::Bool => {
                put_tag(self.out, self.number, VARINT);
                self.out.push(u8::from(v));
                Ok(())
            }
            _ => Err(self.wrong(v)),
        }
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<(), E> {
        self.number(i128::from(v))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<(), E> {
        self.number(i128::from(v))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<(), E> {
        match self.kind {
            Kind::Double => self.double(v),
            _ if v.fract() == 0.0 && v.abs() < 9e15 => self.number(v as i128),
            _ => Err(self.wrong(v)),
        }
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<(), E> {
        match self.kind {
            Kind::Text => self.bytes(Some(v.as_bytes()), v),
            // No id may be written as no digits.
            Kind::TraceId | Kind::SpanId if v.is_empty() => Ok(()),
            Kind::TraceId => self.bytes(TraceId::from_hex(v).map(|id| id.0).as_ref().map(|b| &b[..]), v),
            Kind::SpanId => self.bytes(SpanId::from_hex(v).map(|id| id.0).as_ref().map(|b| &b[..]), v),
            Kind::Base64 => self.bytes(STANDARD.decode(v).ok().as_deref(), v),
            Kind::Double => match v.parse() {
                Ok(x) => self.double(x),
                Err(_) => Err(self.wrong(format_args!("{v:?}"))),
            },
            Kind::Enum(names) if names.contains(&v) => {
                self.number(names.iter().position(|n| *n == v).unwrap_or(0) as i128)
            }
            Kind::Varint
            | Kind::Signed
            | Kind::Enum(_)
            | Kind::Fixed64
            | Kind::SignedFixed64
            | Kind::Fixed32 => match v.parse() {
                Ok(n) => self.number(n),
                Err(_) => Err(self.wrong(format_args!("{:?}", crate::limits::cut(v, 80)))),
            },
            _ => Err(self.wrong("a string")),
        }
    }

    fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<(), M::Error> {
        let Kind::Message(of) = self.kind else { return Err(self.wrong("an object")) };
        let mut done = Ok(());
        put_message(self.out, self.number, |out| done = Message { of, out }.visit_map(map));
        done
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        if let Kind::Several(kind) = self.kind {
            let (name, number, kind) = (self.name, self.number, *kind);
            while seq.next_element_seed(Field { name, number, kind, out: &mut *self.out })?.is_some() {}
            return Ok(());
        }
        let Kind::Messages(of) = self.kind else { return Err(self.wrong("a list")) };
        loop {
            let mut next = Ok(None);
            let before = self.out.len();
            put_message(self.out, self.number, |out| next = seq.next_element_seed(Message { of, out }));
            if next?.is_none() {
                // The message that was begun for the next element is taken back.
                self.out.truncate(before);
                return Ok(());
            }
        }
    }
}
