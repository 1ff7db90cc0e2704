//! Protocol buffers, read in place and written by hand. No messages, no allocation: a decoder walks the
//! fields it wants and skips the others.

use crate::error::DecodeError;

/// What is wrong with the bytes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireError {
    pub at: usize,
    pub reason: String,
}

impl WireError {
    pub fn within(self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { what, at: self.at, reason: self.reason }
    }
}

pub(crate) type Wire<T> = Result<T, WireError>;

/// Wire types.
pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const LEN: u8 = 2;
pub(crate) const FIXED32: u8 = 5;

/// Walks the fields of one message. `base` is where the message starts in the body, for error messages.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8], base: usize) -> Self {
        Reader { bytes, at: 0, base }
    }

    /// Position in the body.
    pub fn position(&self) -> usize {
        self.base + self.at
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[cold]
    pub fn error(&self, reason: impl Into<String>) -> WireError {
        WireError { at: self.position(), reason: reason.into() }
    }

    #[inline]
    pub fn varint(&mut self) -> Wire<u64> {
        match self.bytes.get(self.at) {
            Some(&b) if b < 0x80 => {
                self.at += 1;
                Ok(u64::from(b))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Wire<u64> {
        let mut v = 0u64;
        for i in 0..10 {
            let Some(&b) = self.bytes.get(self.at + i) else {
                return Err(self.error("the message ends within a number"));
            };
            // The tenth byte holds only the last bit.
            if i == 9 && b > 1 {
                break;
            }
            v |= u64::from(b & 0x7f) << (7 * i);
            if b < 0x80 {
                self.at += i + 1;
                return Ok(v);
            }
        }
        Err(self.error("a number is longer than 64 bits"))
    }

    /// The next field's number and wire type; `None` at the end of the message.
    #[inline]
    pub fn tag(&mut self) -> Wire<Option<(u32, u8)>> {
        if self.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = u32::try_from(tag >> 3).ok().filter(|f| (1..1 << 29).contains(f));
        match field {
            Some(f) => Ok(Some((f, (tag & 7) as u8))),
            None => Err(self.error(format!("field number {} is not possible", tag >> 3))),
        }
    }

    #[inline]
    pub fn bytes(&mut self) -> Wire<&'a [u8]> {
        let len = self.varint()?;
        let left = self.bytes.len() - self.at;
        if len > left as u64 {
            return Err(self.error(format!("a field of {len} bytes begins but only {left} bytes follow")));
        }
        let (from, to) = (self.at, self.at + len as usize);
        self.at = to;
        Ok(&self.bytes[from..to])
    }

    /// A nested message, with positions as of the body.
    #[inline]
    pub fn message(&mut self) -> Wire<Reader<'a>> {
        let bytes = self.bytes()?;
        Ok(Reader { bytes, at: 0, base: self.base + self.at - bytes.len() })
    }

    pub fn str(&mut self) -> Wire<&'a str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|e| WireError {
            at: self.position() - bytes.len() + e.valid_up_to(),
            reason: "a string is not valid UTF-8".to_owned(),
        })
    }

    #[inline]
    pub fn fixed64(&mut self) -> Wire<u64> {
        match self.bytes[self.at..].first_chunk::<8>() {
            Some(b) => {
                self.at += 8;
                Ok(u64::from_le_bytes(*b))
            }
            None => Err(self.error("the message ends within a fixed-size number")),
        }
    }

    pub fn fixed32(&mut self) -> Wire<u32> {
        match self.bytes[self.at..].first_chunk::<4>() {
            Some(b) => {
                self.at += 4;
                Ok(u32::from_le_bytes(*b))
            }
            None => Err(self.error("the message ends within a fixed-size number")),
        }
    }

    #[inline]
    pub fn double(&mut self) -> Wire<f64> {
        self.fixed64().map(f64::from_bits)
    }

    /// Passes over a field of that wire type.
    pub fn skip(&mut self, wire: u8) -> Wire<()> {
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            LEN => self.bytes().map(drop),
            FIXED32 => self.fixed32().map(drop),
            w => Err(self.error(format!("wire type {w} is not supported"))),
        }
    }

    /// `Err` if a known field does not have the wire type it must have.
    #[inline]
    pub fn expect(&self, field: u32, wire: u8, wanted: u8) -> Wire<()> {
        if wire == wanted {
            Ok(())
        } else {
            Err(self.error(format!("field {field} has wire type {wire} where {wanted} is due")))
        }
    }

    /// One element of a repeated number, or a packed run of them.
    pub fn repeated(
        &mut self,
        field: u32,
        wire: u8,
        element: u8,
        mut push: impl FnMut(&mut Reader<'a>) -> Wire<()>,
    ) -> Wire<()> {
        if wire == element {
            return push(self);
        }
        self.expect(field, wire, LEN)?;
        let mut packed = self.message()?;
        while !packed.is_empty() {
            push(&mut packed)?;
        }
        Ok(())
    }
}

#[inline]
pub(crate) fn zigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

pub(crate) fn unzigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// The encoded size of a varint.
pub(crate) fn varint_len(v: u64) -> usize {
    (u64::BITS - (v | 1).leading_zeros()).div_ceil(7) as usize
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

pub(crate) fn put_tag(out: &mut Vec<u8>, field: u32, wire: u8) {
    put_varint(out, u64::from(field << 3 | u32::from(wire)));
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    put_tag(out, field, LEN);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// A varint field; zero is the default and is left out.
pub(crate) fn put_number(out: &mut Vec<u8>, field: u32, v: u64) {
    if v != 0 {
        put_tag(out, field, VARINT);
        put_varint(out, v);
    }
}

/// A double field; positive zero is the default and is left out.
pub(crate) fn put_double(out: &mut Vec<u8>, field: u32, v: f64) {
    if v.to_bits() != 0 {
        put_tag(out, field, FIXED64);
        out.extend_from_slice(&v.to_le_bytes());
    }
}

/// A nested message whose size is known once it is written.
pub(crate) fn put_message(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    put_tag(out, field, LEN);
    let start = out.len();
    // Most messages are shorter than 128 bytes; longer ones are moved by a few bytes.
    out.push(0);
    write(out);
    let len = out.len() - start - 1;
    if len < 0x80 {
        out[start] = len as u8;
        return;
    }
    let extra = varint_len(len as u64) - 1;
    out.resize(out.len() + extra, 0);
    out.copy_within(start + 1..start + 1 + len, start + 1 + extra);
    let mut v = len as u64;
    for i in 0..=extra {
        out[start + i] = if i < extra { v as u8 | 0x80 } else { v as u8 };
        v >>= 7;
    }
}

/// One label in the encoding shared by remote write 1.0 and [`model::Labels::key`].
#[inline]
pub(crate) fn put_label(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let len = 2 + varint_len(name.len() as u64) + name.len() + varint_len(value.len() as u64) + value.len();
    out.reserve(len + 6);
    out.push(0x0a);
    put_varint(out, len as u64);
    out.push(0x0a);
    put_varint(out, name.len() as u64);
    out.extend_from_slice(name);
    out.push(0x12);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}
