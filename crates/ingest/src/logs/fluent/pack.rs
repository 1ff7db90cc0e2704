//! MessagePack, read in place.

use crate::logs::document::{Fields, Slot};
use crate::records::RecordLimits;
use model::record::{AttributesBuf, Value};
use rmp::Marker;
use std::borrow::Cow;

/// The next thing in the bytes; a list or map is followed by what it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Larger than an `i64`.
    Large(u64),
    Float(f64),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Ext(i8, &'a [u8]),
    Array(u32),
    Map(u32),
}

/// Why there is no next thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end within it; more may come.
    Incomplete,
    /// The byte that MessagePack never uses.
    Reserved,
}

/// Reads one thing after another.
#[derive(Debug, Clone)]
pub(super) struct Pack<'a> {
    bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Pack<'a> {
    pub fn new(bytes: &'a [u8]) -> Pack<'a> {
        Pack { bytes, at: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let found = self.bytes[self.at..].first_chunk::<N>().ok_or(Stop::Incomplete)?;
        self.at += N;
        Ok(*found)
    }

    fn take(&mut self, count: u32) -> Result<&'a [u8], Stop> {
        let found = self.bytes[self.at..].get(..count as usize).ok_or(Stop::Incomplete)?;
        self.at += count as usize;
        Ok(found)
    }

    fn length(&mut self, bytes: u32) -> Result<u32, Stop> {
        Ok(match bytes {
            1 => u32::from(self.fixed::<1>()?[0]),
            2 => u32::from(u16::from_be_bytes(self.fixed()?)),
            _ => u32::from_be_bytes(self.fixed()?),
        })
    }

    /// The next thing. After an error the place is where it was.
    pub fn next(&mut self) -> Result<Token<'a>, Stop> {
        let before = self.at;
        let token = self.token();
        if token.is_err() {
            self.at = before;
        }
        token
    }

    fn token(&mut self) -> Result<Token<'a>, Stop> {
        let [byte] = self.fixed()?;
        Ok(match Marker::from_u8(byte) {
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(n) => Token::Int(i64::from(n)),
            Marker::FixNeg(n) => Token::Int(i64::from(n)),
            Marker::U8 => Token::Int(i64::from(u8::from_be_bytes(self.fixed()?))),
            Marker::U16 => Token::Int(i64::from(u16::from_be_bytes(self.fixed()?))),
            Marker::U32 => Token::Int(i64::from(u32::from_be_bytes(self.fixed()?))),
            Marker::U64 => {
                let n = u64::from_be_bytes(self.fixed()?);
                i64::try_from(n).map_or(Token::Large(n), Token::Int)
            }
            Marker::I8 => Token::Int(i64::from(i8::from_be_bytes(self.fixed()?))),
            Marker::I16 => Token::Int(i64::from(i16::from_be_bytes(self.fixed()?))),
            Marker::I32 => Token::Int(i64::from(i32::from_be_bytes(self.fixed()?))),
            Marker::I64 => Token::Int(i64::from_be_bytes(self.fixed()?)),
            Marker::F32 => Token::Float(f64::from(f32::from_be_bytes(self.fixed()?))),
            Marker::F64 => Token::Float(f64::from_be_bytes(self.fixed()?)),
            Marker::FixStr(n) => Token::Str(self.take(u32::from(n))?),
            Marker::Str8 => self.sized(1, Token::Str)?,
            Marker::Str16 => self.sized(2, Token::Str)?,
            Marker::Str32 => self.sized(4, Token::Str)?,
            Marker::Bin8 => self.sized(1, Token::Bin)?,
            Marker::Bin16 => self.sized(2, Token::Bin)?,
            Marker::Bin32 => self.sized(4, Token::Bin)?,
            Marker::FixArray(n) => Token::Array(u32::from(n)),
            Marker::Array16 => Token::Array(self.length(2)?),
            Marker::Array32 => Token::Array(self.length(4)?),
            Marker::FixMap(n) => Token::Map(u32::from(n)),
            Marker::Map16 => Token::Map(self.length(2)?),
            Marker::Map32 => Token::Map(self.length(4)?),
            Marker::FixExt1 => self.ext(1)?,
            Marker::FixExt2 => self.ext(2)?,
            Marker::FixExt4 => self.ext(4)?,
            Marker::FixExt8 => self.ext(8)?,
            Marker::FixExt16 => self.ext(16)?,
            Marker::Ext8 => self.length(1).and_then(|n| self.ext(n))?,
            Marker::Ext16 => self.length(2).and_then(|n| self.ext(n))?,
            Marker::Ext32 => self.length(4).and_then(|n| self.ext(n))?,
            Marker::Reserved => return Err(Stop::Reserved),
        })
    }

    fn sized(&mut self, bytes: u32, token: fn(&'a [u8]) -> Token<'a>) -> Result<Token<'a>, Stop> {
        let count = self.length(bytes)?;
        self.take(count).map(token)
    }

    fn ext(&mut self, count: u32) -> Result<Token<'a>, Stop> {
        let kind = i8::from_be_bytes(self.fixed()?);
        self.take(count).map(|bytes| Token::Ext(kind, bytes))
    }

    /// Passes over one thing and all it holds, without recursion.
    pub fn skip(&mut self) -> Result<(), Stop> {
        let mut left = 1u64;
        while left > 0 {
            left = left - 1 + held(self.next()?);
        }
        Ok(())
    }

    /// Text, from a string or from bytes.
    pub fn text(&mut self) -> Result<Option<Cow<'a, str>>, Stop> {
        Ok(match self.next()? {
            Token::Str(b) | Token::Bin(b) => Some(String::from_utf8_lossy(b)),
            _ => None,
        })
    }
}

/// How many things a thing holds.
pub(super) fn held(token: Token<'_>) -> u64 {
    match token {
        Token::Array(n) => u64::from(n),
        Token::Map(n) => 2 * u64::from(n),
        _ => 0,
    }
}

/// Why a record cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The bytes are not MessagePack: what follows cannot be found.
    Broken(Stop),
    /// The record is refused; the place in the bytes is within it.
    Refused(String),
}

impl From<Stop> for Unread {
    fn from(stop: Stop) -> Self {
        Unread::Broken(stop)
    }
}

/// Reads the members of a map into fields. Maps in maps have dotted names; the recursion is bounded by the limit on
/// nesting.
pub(super) fn read_map<'a>(
    pack: &mut Pack<'a>,
    members: u32,
    depth: usize,
    limits: &RecordLimits,
    fields: &mut Fields<'a>,
) -> Result<(), Unread> {
    for _ in 0..members {
        let name =
            pack.text()?.ok_or_else(|| Unread::Refused("the name of a field is not text".to_owned()))?;
        fields.name(&name, limits).map_err(Unread::Refused)?;
        let slot = match pack.next()? {
            Token::Map(_) | Token::Array(_) if depth >= limits.depth() => return Err(too_deep(limits)),
            Token::Map(members) => {
                let before = fields.enter();
                read_map(pack, members, depth + 1, limits, fields)?;
                fields.leave(before, members == 0);
                continue;
            }
            Token::Array(count) => {
                let mut items = AttributesBuf::new();
                for _ in 0..count {
                    read_nested(pack, None, depth + 1, limits, &mut items)?;
                }
                fields.list(items)
            }
            Token::Nil => Slot::Null,
            Token::Bool(b) => Slot::Bool(b),
            Token::Int(i) => Slot::Int(i),
            Token::Large(n) => fields.text(&n.to_string()),
            Token::Float(x) => Slot::Float(x),
            Token::Str(b) => match std::str::from_utf8(b) {
                Ok(text) => Slot::Str(text),
                Err(_) => fields.text(&String::from_utf8_lossy(b)),
            },
            // Old senders write text as bytes.
            Token::Bin(b) => std::str::from_utf8(b).map_or(Slot::Bytes(b), Slot::Str),
            Token::Ext(_, b) => Slot::Bytes(b),
        };
        fields.set(slot);
    }
    Ok(())
}

fn too_deep(limits: &RecordLimits) -> Unread {
    Unread::Refused(format!(
        "maps and lists nest deeper than {} ({})",
        limits.depth(),
        setting!(limits, "nesting_max")
    ))
}

/// Reads a value within a list.
fn read_nested(
    pack: &mut Pack<'_>,
    name: Option<&str>,
    depth: usize,
    limits: &RecordLimits,
    out: &mut AttributesBuf,
) -> Result<(), Unread> {
    let token = pack.next()?;
    if held(token) > 0 && depth >= limits.depth() {
        return Err(too_deep(limits));
    }
    let mut inner = AttributesBuf::new();
    let large;
    let value = match token {
        Token::Nil => Value::Null,
        Token::Bool(b) => Value::Bool(b),
        Token::Int(i) => Value::Int(i),
        Token::Large(n) => {
            large = n.to_string();
            Value::String(&large)
        }
        Token::Float(x) => Value::Float(x),
        Token::Str(b) | Token::Bin(b) => std::str::from_utf8(b).map_or(Value::Bytes(b), Value::String),
        Token::Ext(_, b) => Value::Bytes(b),
        Token::Array(count) => {
            for _ in 0..count {
                read_nested(pack, None, depth + 1, limits, &mut inner)?;
            }
            Value::List(inner.as_items())
        }
        Token::Map(members) => {
            for _ in 0..members {
                let name = pack.text()?.unwrap_or_default();
                read_nested(pack, Some(&name), depth + 1, limits, &mut inner)?;
            }
            Value::Map(inner.as_attributes())
        }
    };
    match name {
        Some(name) => out.push(name, value),
        None => out.push_item(value),
    }
    Ok(())
}
