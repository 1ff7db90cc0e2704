//! Typed values and named lists of them, held encoded.
//!
//! An attribute list is written once, by a decoder, and then copied from buffer to buffer as bytes; it is read where
//! it lies. Encoding of a value: a tag byte, then
//!
//! | tag | value | bytes |
//! | --- | --- | --- |
//! | 0 | null | |
//! | 1, 2 | false, true | |
//! | 3 | integer | zigzag LEB128 |
//! | 4 | float | 8, little endian |
//! | 5 | string | LEB128 length, UTF-8 |
//! | 6 | bytes | LEB128 length, bytes |
//! | 7 | list | LEB128 length in bytes, values |
//! | 8 | map | LEB128 length in bytes, then for each entry a name (LEB128 length, UTF-8) and a value |

use std::fmt;

/// Lists and maps nest this deep at most.
pub const ENCODED_DEPTH_MAX: usize = 32;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const STRING: u8 = 5;
const BYTES: u8 = 6;
const LIST: u8 = 7;
const MAP: u8 = 8;

/// A value, borrowed from where it lies.
#[derive(Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Present without a value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A float, bit for bit.
    Float(f64),
    /// Text.
    String(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Values in order.
    List(Items<'a>),
    /// Named values.
    Map(Attributes<'a>),
}

/// Encoded values in order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Items<'a>(&'a [u8]);

/// Encoded name and value pairs, in the order they were written. A name may occur twice; the last one counts.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(&'a [u8]);

/// Bytes that are not an attribute list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// They end in the middle of something or hold something that is not a value.
    #[error("attributes are not well encoded at byte {0}")]
    Malformed(usize),
    /// They nest too deep.
    #[error("lists and maps nest deeper than {ENCODED_DEPTH_MAX}")]
    TooDeep,
}

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const NONE: Attributes<'static> = Attributes(&[]);

    /// Attributes over encoded bytes, checked in full: use it on bytes from disk or wire.
    pub fn from_encoded(bytes: &'a [u8]) -> Result<Attributes<'a>, ValueError> {
        check(bytes, true)?;
        Ok(Attributes(bytes))
    }

    /// Attributes over bytes that were checked before, or written by [`AttributesBuf`], and are under a checksum since.
    /// Of bytes that are no attributes it reads some prefix.
    pub fn trusted(bytes: &'a [u8]) -> Attributes<'a> {
        Attributes(bytes)
    }

    /// The encoded bytes.
    pub fn encoded(self) -> &'a [u8] {
        self.0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The pairs in the order they were written.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let name = text(take_sized(&mut rest)?);
            Some((name, take_value(&mut rest)?))
        })
    }

    /// The value of a name.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        self.iter().filter(|(n, _)| *n == name).map(|(_, v)| v).last()
    }
}

impl<'a> Items<'a> {
    /// No values.
    pub const EMPTY: Items<'static> = Items(&[]);

    /// The encoded bytes.
    pub fn encoded(self) -> &'a [u8] {
        self.0
    }

    /// The values in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || if rest.is_empty() { None } else { take_value(&mut rest) })
    }
}

impl<'a> Value<'a> {
    /// Its text, if it is text.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// Appends its encoding.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.push(NULL),
            Value::Bool(b) => out.push(if b { TRUE } else { FALSE }),
            Value::Int(i) => {
                out.push(INT);
                push_varint(out, ((i << 1) ^ (i >> 63)) as u64);
            }
            Value::Float(f) => {
                out.push(FLOAT);
                out.extend_from_slice(&f.to_bits().to_le_bytes());
            }
            Value::String(s) => push_tagged(out, STRING, s.as_bytes()),
            Value::Bytes(b) => push_tagged(out, BYTES, b),
            Value::List(items) => push_tagged(out, LIST, items.0),
            Value::Map(attributes) => push_tagged(out, MAP, attributes.0),
        }
    }

    /// A value over its whole encoding, checked in full: use it on bytes from disk or wire.
    pub fn from_encoded(bytes: &'a [u8]) -> Result<Value<'a>, ValueError> {
        check(bytes, false)?;
        let mut rest = bytes;
        match (take_value(&mut rest), rest) {
            (Some(value), []) => Ok(value),
            _ => Err(ValueError::Malformed(bytes.len() - rest.len())),
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(b) => b.fmt(f),
            Value::Int(i) => i.fmt(f),
            Value::Float(x) => x.fmt(f),
            Value::String(s) => s.fmt(f),
            Value::Bytes(b) => b.fmt(f),
            Value::List(items) => f.debug_list().entries(items.iter()).finish(),
            Value::Map(attributes) => attributes.fmt(f),
        }
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Writes attributes; used again and again by a decoder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributesBuf(Vec<u8>);

impl AttributesBuf {
    /// An empty list.
    pub fn new() -> AttributesBuf {
        AttributesBuf::default()
    }

    /// Adds a pair.
    pub fn push(&mut self, name: &str, value: Value<'_>) {
        push_sized(&mut self.0, name.as_bytes());
        value.encode(&mut self.0);
    }

    /// Adds all pairs of another list.
    pub fn extend(&mut self, pairs: Attributes<'_>) {
        self.0.extend_from_slice(pairs.0);
    }

    /// Bytes written so far.
    pub fn encoded_len(&self) -> usize {
        self.0.len()
    }

    /// Forgets what was written after it had this length, which [`AttributesBuf::encoded_len`] gave.
    pub fn truncate(&mut self, encoded_len: usize) {
        self.0.truncate(encoded_len);
    }

    /// Forgets all pairs and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was written.
    pub fn as_attributes(&self) -> Attributes<'_> {
        Attributes(&self.0)
    }

    /// Adds an item, for a buffer that holds a list and not pairs.
    pub fn push_item(&mut self, value: Value<'_>) {
        value.encode(&mut self.0);
    }

    /// What was written with [`AttributesBuf::push_item`] alone.
    pub fn as_items(&self) -> Items<'_> {
        Items(&self.0)
    }
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    push_sized(out, bytes);
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_bytes<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    Some(head)
}

fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_varint(rest)?;
    take_bytes(rest, usize::try_from(length).ok()?)
}

/// Text that was checked when it was encoded or by [`check`].
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn take_value<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    let tag = take_bytes(rest, 1)?[0];
    Some(match tag {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => {
            let zigzag = take_varint(rest)?;
            Value::Int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
        }
        FLOAT => Value::Float(f64::from_bits(u64::from_le_bytes(take_bytes(rest, 8)?.try_into().ok()?))),
        STRING => Value::String(text(take_sized(rest)?)),
        BYTES => Value::Bytes(take_sized(rest)?),
        LIST => Value::List(Items(take_sized(rest)?)),
        MAP => Value::Map(Attributes(take_sized(rest)?)),
        _ => return None,
    })
}

/// Checks encoded pairs (or bare values), without recursion: what nests is put on a list of what is still to check.
fn check(bytes: &[u8], pairs: bool) -> Result<(), ValueError> {
    let at = |rest: &[u8]| rest.as_ptr() as usize - bytes.as_ptr() as usize;
    let mut open = vec![(bytes, pairs, 0)];
    while let Some((mut rest, pairs, depth)) = open.pop() {
        if depth > ENCODED_DEPTH_MAX {
            return Err(ValueError::TooDeep);
        }
        while !rest.is_empty() {
            let place = at(rest);
            let malformed = || ValueError::Malformed(place);
            if pairs {
                let name = take_sized(&mut rest).ok_or_else(malformed)?;
                std::str::from_utf8(name).map_err(|_| malformed())?;
            }
            let string = rest.first() == Some(&STRING);
            let mut peek = rest;
            match take_value(&mut rest).ok_or_else(malformed)? {
                Value::List(items) => open.push((items.0, false, depth + 1)),
                Value::Map(attributes) => open.push((attributes.0, true, depth + 1)),
                Value::String(_) if string => {
                    peek = &peek[1..];
                    let raw = take_sized(&mut peek).ok_or_else(malformed)?;
                    std::str::from_utf8(raw).map_err(|_| malformed())?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq)]
    enum Owned {
        Null,
        Bool(bool),
        Int(i64),
        Float(u64),
        String(String),
        Bytes(Vec<u8>),
        List(Vec<Owned>),
        Map(Vec<(String, Owned)>),
    }

    fn owned() -> impl Strategy<Value = Owned> {
        let leaf = prop_oneof![
            Just(Owned::Null),
            any::<bool>().prop_map(Owned::Bool),
            any::<i64>().prop_map(Owned::Int),
            any::<u64>().prop_map(Owned::Float),
            ".{0,200}".prop_map(Owned::String),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Owned::Bytes),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Owned::List),
                prop::collection::vec((".{0,8}", inner), 0..5).prop_map(Owned::Map),
            ]
        })
    }

    fn with_value(owned: &Owned, f: &mut dyn FnMut(Value<'_>)) {
        match owned {
            Owned::Null => f(Value::Null),
            Owned::Bool(b) => f(Value::Bool(*b)),
            Owned::Int(i) => f(Value::Int(*i)),
            Owned::Float(x) => f(Value::Float(f64::from_bits(*x))),
            Owned::String(s) => f(Value::String(s)),
            Owned::Bytes(b) => f(Value::Bytes(b)),
            Owned::List(items) => {
                let mut buf = AttributesBuf::new();
                items.iter().for_each(|item| with_value(item, &mut |v| buf.push_item(v)));
                f(Value::List(buf.as_items()))
            }
            Owned::Map(pairs) => {
                let mut buf = AttributesBuf::new();
                pairs.iter().for_each(|(n, v)| with_value(v, &mut |v| buf.push(n, v)));
                f(Value::Map(buf.as_attributes()))
            }
        }
    }

    fn to_owned(value: Value<'_>) -> Owned {
        match value {
            Value::Null => Owned::Null,
            Value::Bool(b) => Owned::Bool(b),
            Value::Int(i) => Owned::Int(i),
            Value::Float(x) => Owned::Float(x.to_bits()),
            Value::String(s) => Owned::String(s.to_owned()),
            Value::Bytes(b) => Owned::Bytes(b.to_vec()),
            Value::List(items) => Owned::List(items.iter().map(to_owned).collect()),
            Value::Map(pairs) => Owned::Map(pairs.iter().map(|(n, v)| (n.to_owned(), to_owned(v))).collect()),
        }
    }

    proptest! {
        #[test]
        fn values_come_back_as_they_were(value in owned()) {
            let mut bytes = Vec::new();
            with_value(&value, &mut |v| v.encode(&mut bytes));
            prop_assert_eq!(to_owned(Value::from_encoded(&bytes).unwrap()), value);
        }

        #[test]
        fn any_bytes_are_checked_before_they_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(attributes) = Attributes::from_encoded(&bytes) {
                let mut again = AttributesBuf::new();
                attributes.iter().for_each(|(n, v)| again.push(n, v));
                let pairs = |a: Attributes<'_>| format!("{a:?}");
                prop_assert_eq!(pairs(again.as_attributes()), pairs(attributes));
            }
        }
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| {
            (0..depth).fold(AttributesBuf::new(), |inner, _| {
                let mut outer = AttributesBuf::new();
                outer.push("n", Value::Map(inner.as_attributes()));
                outer
            })
        };
        assert!(Attributes::from_encoded(nested(ENCODED_DEPTH_MAX).as_attributes().encoded()).is_ok());
        let deep = nested(ENCODED_DEPTH_MAX + 1);
        assert_eq!(Attributes::from_encoded(deep.as_attributes().encoded()), Err(ValueError::TooDeep));
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        let mut buf = AttributesBuf::new();
        buf.push("a", Value::Int(1));
        buf.push("a", Value::Int(2));
        assert_eq!(buf.as_attributes().get("a"), Some(Value::Int(2)));
    }
}
