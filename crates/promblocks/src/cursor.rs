//! Numbers in a byte slice, with the position of whatever is missing.

use crate::error::Fault;

/// Reads forward through bytes that begin at `base` of a file.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    base: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], base: usize) -> Self {
        Cursor { bytes, at: 0, base }
    }

    /// Over `len` bytes of a file from `from` on.
    pub fn slice(file: &'a [u8], from: u64, len: u64) -> Result<Self, Fault> {
        let start = usize::try_from(from).ok().filter(|s| *s <= file.len());
        let end = start.and_then(|s| s.checked_add(usize::try_from(len).ok()?)).filter(|e| *e <= file.len());
        match (start, end) {
            (Some(s), Some(e)) => Ok(Cursor::new(&file[s..e], s)),
            _ => Err(Fault {
                offset: from,
                reason: format!("{len} bytes are due here but the file has {}", file.len()),
                unsupported: false,
            }),
        }
    }

    pub fn position(&self) -> usize {
        self.base + self.at
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::new(self.position(), reason)
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        if n > self.left() {
            return Err(self.fault(format!("{n} bytes are due but only {} are left", self.left())));
        }
        self.at += n;
        Ok(&self.bytes[self.at - n..self.at])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    pub fn be32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn be64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn uvarint(&mut self) -> Result<u64, Fault> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte()?;
            if shift == 63 && b > 1 {
                break;
            }
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        Err(self.fault("a number is longer than 64 bits"))
    }

    pub fn varint(&mut self) -> Result<i64, Fault> {
        self.uvarint().map(|v| (v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// A count of things that take at least one byte each; more than the bytes left are impossible.
    pub fn count(&mut self) -> Result<usize, Fault> {
        let at = self.position();
        let n = self.uvarint()?;
        if n > self.left() as u64 {
            return Err(Fault::new(
                at,
                format!("{n} entries are announced but only {} bytes are left", self.left()),
            ));
        }
        Ok(n as usize)
    }
}

/// `Err` unless the CRC-32C of `bytes` is `expected`.
pub(crate) fn check_crc(bytes: &[u8], expected: u32, offset: usize, what: &str) -> Result<(), Fault> {
    let found = crc32c::crc32c(bytes);
    if found == expected {
        return Ok(());
    }
    Err(Fault::new(offset, format!("{what} has the checksum {found:08x} but {expected:08x} is recorded")))
}
