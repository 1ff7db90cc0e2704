//! Thrift, read in place: the compact and the binary protocol
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>, `thrift-binary-protocol.md`).

use crate::wire::zigzag;

/// What is wrong with the bytes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ThriftError {
    pub at: usize,
    pub reason: String,
}

pub(super) type Thrift<T> = Result<T, ThriftError>;

/// Structures nest this deep at most; those that are read nest five deep.
const DEPTH_MAX: usize = 16;

/// How bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Compact,
    Binary,
}

/// Types of values, of both protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A truth value within a structure of the compact protocol, which has no bytes of its own.
    Stated(bool),
    Bool,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

/// Reads values one after the other.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    protocol: Protocol,
    bytes: &'a [u8],
    at: usize,
}

/// Where one is within a structure.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    last: i16,
}

impl<'a> Reader<'a> {
    pub fn new(protocol: Protocol, bytes: &'a [u8]) -> Reader<'a> {
        Reader { protocol, bytes, at: 0 }
    }

    #[cold]
    pub fn error(&self, reason: impl Into<String>) -> ThriftError {
        ThriftError { at: self.at, reason: reason.into() }
    }

    fn take(&mut self, count: usize) -> Thrift<&'a [u8]> {
        match self.bytes[self.at..].get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => {
                Err(self.error(format!("{count} bytes are due and {} follow", self.bytes.len() - self.at)))
            }
        }
    }

    fn fixed<const N: usize>(&mut self) -> Thrift<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn byte(&mut self) -> Thrift<u8> {
        self.fixed::<1>().map(|[b]| b)
    }

    fn varint(&mut self) -> Thrift<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error("a number is longer than 64 bits"))
    }

    /// The name and kind of a call (1 call, 4 one way), before its arguments.
    pub fn message(&mut self) -> Thrift<(&'a str, u8)> {
        match self.protocol {
            Protocol::Compact => {
                let head = self.fixed::<2>()?;
                if head[0] != 0x82 || head[1] & 0x1f != 1 {
                    return Err(self.error("this is no call in Thrift's compact protocol, version 1"));
                }
                self.varint()?;
                Ok((self.text_of("name of a call")?, head[1] >> 5))
            }
            Protocol::Binary => {
                let first = i32::from_be_bytes(self.fixed()?);
                if first < 0 {
                    if first as u32 & 0xffff_0000 != 0x8001_0000 {
                        return Err(self.error("this is no call in Thrift's binary protocol, version 1"));
                    }
                    let name = self.text_of("name of a call")?;
                    self.fixed::<4>()?;
                    return Ok((name, first as u8));
                }
                let name = self.take(first as usize)?;
                let name =
                    std::str::from_utf8(name).map_err(|_| self.error("the name of a call is not UTF-8"))?;
                let kind = self.byte()?;
                self.fixed::<4>()?;
                Ok((name, kind))
            }
        }
    }

    fn text_of(&mut self, what: &str) -> Thrift<&'a str> {
        let bytes = self.binary()?;
        std::str::from_utf8(bytes).map_err(|_| self.error(format!("the {what} is not UTF-8")))
    }

    /// The next field of a structure; `None` at its end.
    pub fn field(&mut self, place: &mut Place) -> Thrift<Option<(i16, Kind)>> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let (kind, id) = match self.protocol {
            Protocol::Compact => {
                let id = match head >> 4 {
                    0 => i16::try_from(zigzag(self.varint()?)).unwrap_or(0),
                    delta => place.last.wrapping_add(i16::from(delta)),
                };
                let kind = match head & 0x0f {
                    1 => Kind::Stated(true),
                    2 => Kind::Stated(false),
                    kind => self.compact_kind(kind)?,
                };
                (kind, id)
            }
            Protocol::Binary => {
                let kind = self.binary_kind(head)?;
                (kind, i16::from_be_bytes(self.fixed()?))
            }
        };
        place.last = id;
        Ok(Some((id, kind)))
    }

    fn compact_kind(&self, kind: u8) -> Thrift<Kind> {
        Ok(match kind {
            1 | 2 => Kind::Bool,
            3 => Kind::Byte,
            4 => Kind::I16,
            5 => Kind::I32,
            6 => Kind::I64,
            7 => Kind::Double,
            8 => Kind::Binary,
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Struct,
            other => return Err(self.error(format!("there is no type {other} in the compact protocol"))),
        })
    }

    fn binary_kind(&self, kind: u8) -> Thrift<Kind> {
        Ok(match kind {
            2 => Kind::Bool,
            3 => Kind::Byte,
            4 => Kind::Double,
            6 => Kind::I16,
            8 => Kind::I32,
            10 => Kind::I64,
            11 => Kind::Binary,
            12 => Kind::Struct,
            13 => Kind::Map,
            14 | 15 => Kind::List,
            other => return Err(self.error(format!("there is no type {other} in the binary protocol"))),
        })
    }

    pub fn i32(&mut self) -> Thrift<i32> {
        match self.protocol {
            Protocol::Compact => Ok(zigzag(self.varint()?) as i32),
            Protocol::Binary => self.fixed().map(i32::from_be_bytes),
        }
    }

    pub fn i64(&mut self) -> Thrift<i64> {
        match self.protocol {
            Protocol::Compact => self.varint().map(zigzag),
            Protocol::Binary => self.fixed().map(i64::from_be_bytes),
        }
    }

    pub fn double(&mut self) -> Thrift<f64> {
        let bytes = self.fixed()?;
        Ok(match self.protocol {
            Protocol::Compact => f64::from_le_bytes(bytes),
            Protocol::Binary => f64::from_be_bytes(bytes),
        })
    }

    pub fn bool(&mut self, kind: Kind) -> Thrift<bool> {
        match kind {
            Kind::Stated(b) => Ok(b),
            _ => Ok(self.byte()? == 1),
        }
    }

    pub fn binary(&mut self) -> Thrift<&'a [u8]> {
        let length = match self.protocol {
            Protocol::Compact => usize::try_from(self.varint()?).unwrap_or(usize::MAX),
            Protocol::Binary => usize::try_from(i32::from_be_bytes(self.fixed()?)).unwrap_or(usize::MAX),
        };
        self.take(length)
    }

    /// The type and number of the elements of a list. Each has at least one byte, or it is no list.
    pub fn list(&mut self) -> Thrift<(Kind, usize)> {
        let (kind, length) = match self.protocol {
            Protocol::Compact => {
                let head = self.byte()?;
                let length = match head >> 4 {
                    15 => self.varint()?,
                    short => u64::from(short),
                };
                (self.compact_kind(head & 0x0f)?, length)
            }
            Protocol::Binary => {
                let head = self.byte()?;
                let kind = self.binary_kind(head)?;
                (kind, u64::try_from(i32::from_be_bytes(self.fixed()?)).unwrap_or(u64::MAX))
            }
        };
        self.bounded(length).map(|length| (kind, length))
    }

    fn bounded(&self, length: u64) -> Thrift<usize> {
        let left = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => Ok(length),
            _ => Err(self.error(format!("a list of {length} elements begins and {left} bytes follow"))),
        }
    }

    /// Gives every structure of a list to `give`.
    pub fn structs(&mut self, kind: Kind, mut give: impl FnMut(&mut Reader<'a>) -> Thrift<()>) -> Thrift<()> {
        self.expect(kind, Kind::List)?;
        let (element, length) = self.list()?;
        if length > 0 {
            self.expect(element, Kind::Struct)?;
        }
        (0..length).try_for_each(|_| give(self))
    }

    /// `Err` if a known field does not have the type it must have.
    pub fn expect(&self, kind: Kind, wanted: Kind) -> Thrift<()> {
        match kind == wanted {
            true => Ok(()),
            false => Err(self.error(format!("a field is {kind:?} where {wanted:?} is due"))),
        }
    }

    /// Passes over a value.
    pub fn skip(&mut self, kind: Kind) -> Thrift<()> {
        self.skip_within(kind, DEPTH_MAX)
    }

    fn skip_within(&mut self, kind: Kind, depth: usize) -> Thrift<()> {
        if depth == 0 {
            return Err(self.error(format!("structures nest deeper than {DEPTH_MAX}")));
        }
        match kind {
            Kind::Stated(_) => Ok(()),
            Kind::Bool | Kind::Byte => self.byte().map(drop),
            Kind::I16 => match self.protocol {
                Protocol::Compact => self.varint().map(drop),
                Protocol::Binary => self.take(2).map(drop),
            },
            Kind::I32 => self.i32().map(drop),
            Kind::I64 => self.i64().map(drop),
            Kind::Double => self.double().map(drop),
            Kind::Binary => self.binary().map(drop),
            Kind::List => {
                let (element, length) = self.list()?;
                (0..length).try_for_each(|_| self.skip_within(element, depth - 1))
            }
            Kind::Map => self.skip_map(depth - 1),
            Kind::Struct => {
                let mut place = Place::default();
                while let Some((_, kind)) = self.field(&mut place)? {
                    self.skip_within(kind, depth - 1)?;
                }
                Ok(())
            }
        }
    }

    fn skip_map(&mut self, depth: usize) -> Thrift<()> {
        let (key, value, length) = match self.protocol {
            Protocol::Compact => {
                let length = self.varint()?;
                if length == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (self.compact_kind(kinds >> 4)?, self.compact_kind(kinds & 0x0f)?, length)
            }
            Protocol::Binary => {
                let kinds = self.fixed::<2>()?;
                let length = u64::try_from(i32::from_be_bytes(self.fixed()?)).unwrap_or(u64::MAX);
                (self.binary_kind(kinds[0])?, self.binary_kind(kinds[1])?, length)
            }
        };
        for _ in 0..self.bounded(length)? {
            self.skip_within(key, depth)?;
            self.skip_within(value, depth)?;
        }
        Ok(())
    }
}
