//! Variable-length integers over byte slices, checked: bytes from a damaged file never panic.

/// Bytes end early or hold an impossible value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// What was being read.
    pub what: &'static str,
}

/// `Err(Malformed)`.
pub(crate) fn malformed<T>(what: &'static str) -> Result<T, Malformed> {
    Err(Malformed { what })
}

pub(crate) fn put_uvarint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

pub(crate) fn put_varint(out: &mut Vec<u8>, v: i64) {
    put_uvarint(out, zigzag(v));
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, b: &[u8]) {
    put_uvarint(out, b.len() as u64);
    out.extend_from_slice(b);
}

/// Small magnitudes of either sign become small unsigned numbers.
pub(crate) fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

#[inline]
fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// The varint of up to eight bytes at the beginning of eight bytes, and its length.
#[inline]
fn short_uvarint(head: u64) -> Option<(u64, usize)> {
    let ends = !head & 0x8080_8080_8080_8080;
    if ends == 0 {
        return None;
    }
    let bits = ends.trailing_zeros() + 1;
    // Nothing behind the last byte, and then the gaps closed: pairs of bytes, pairs of these, and so on.
    let v = head & (u64::MAX >> (64 - bits));
    let v = (v & 0x007f_007f_007f_007f) | ((v & 0x7f00_7f00_7f00_7f00) >> 1);
    let v = (v & 0x0000_3fff_0000_3fff) | ((v & 0x3fff_0000_3fff_0000) >> 2);
    let v = (v & 0x0000_0000_0fff_ffff) | ((v & 0x0fff_ffff_0000_0000) >> 4);
    Some((v, bits as usize / 8))
}

/// Reads forward through a slice.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(rest: &'a [u8]) -> Reader<'a> {
        Reader { rest }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        match self.rest.split_first() {
            Some((&b, rest)) => {
                self.rest = rest;
                Ok(b)
            }
            None => malformed(what),
        }
    }

    #[inline]
    pub fn uvarint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        if let Some((&b, rest)) = self.rest.split_first()
            && b < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(b));
        }
        if let Some(head) = self.rest.first_chunk::<8>()
            && let Some((v, len)) = short_uvarint(u64::from_le_bytes(*head))
        {
            self.rest = &self.rest[len..];
            return Ok(v);
        }
        self.long_uvarint(what)
    }

    /// Any varint, byte by byte: a long one, or one near the end.
    #[cold]
    fn long_uvarint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut v = 0u64;
        for (i, &b) in self.rest.iter().take(10).enumerate() {
            v |= u64::from(b & 0x7f) << (7 * i);
            if b < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok(v);
            }
        }
        malformed(what)
    }

    /// Fills `out` with varints.
    #[inline]
    pub fn varints(&mut self, out: &mut [i64], what: &'static str) -> Result<(), Malformed> {
        const MORE: u64 = 0x8080_8080_8080_8080;
        let mut at = 0;
        while at < out.len() {
            // Most are single bytes: eight at a time.
            while let (Some(to), Some(head)) = (out.get_mut(at..at + 8), self.rest.first_chunk::<8>())
                && u64::from_le_bytes(*head) & MORE == 0
            {
                for (v, b) in to.iter_mut().zip(head) {
                    *v = unzigzag(u64::from(*b));
                }
                self.rest = &self.rest[8..];
                at += 8;
            }
            if let Some(v) = out.get_mut(at) {
                *v = self.varint(what)?;
                at += 1;
            }
        }
        Ok(())
    }

    #[inline]
    pub fn varint(&mut self, what: &'static str) -> Result<i64, Malformed> {
        Ok(unzigzag(self.uvarint(what)?))
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        u32::try_from(self.uvarint(what)?).or(malformed(what))
    }

    /// A count of things that take at least one byte each, so that it bounds what is allocated for them.
    pub fn count(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let n = self.uvarint(what)?;
        if n > self.rest.len() as u64 { malformed(what) } else { Ok(n as usize) }
    }

    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        if n > self.rest.len() {
            return malformed(what);
        }
        let (head, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(head)
    }

    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let n = self.count(what)?;
        self.take(n, what)
    }

    pub fn text(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(what)?).or(malformed(what))
    }

    pub fn u64_le(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let b = self.take(8, what)?;
        Ok(u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
    }

    pub fn u32_le(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let b = self.take(4, what)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub fn f64_le(&mut self, what: &'static str) -> Result<f64, Malformed> {
        Ok(f64::from_bits(self.u64_le(what)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_round_trip(vs in proptest::collection::vec((any::<u64>(), any::<i64>()), 0..50)) {
            let mut b = Vec::new();
            for (u, i) in &vs {
                put_uvarint(&mut b, *u);
                put_varint(&mut b, *i);
            }
            let mut r = Reader::new(&b);
            for (u, i) in &vs {
                prop_assert_eq!(r.uvarint("u").unwrap(), *u);
                prop_assert_eq!(r.varint("i").unwrap(), *i);
            }
            prop_assert!(r.is_empty());
        }

        #[test]
        fn runs_of_integers_round_trip(vs in proptest::collection::vec((any::<i64>(), 0u32..64), 0..80)) {
            // Of every length, short ones above all.
            let vs: Vec<i64> = vs.into_iter().map(|(v, shift)| v >> shift).collect();
            let mut b = Vec::new();
            vs.iter().for_each(|v| put_varint(&mut b, *v));
            let mut out = vec![0; vs.len()];
            let mut r = Reader::new(&b);
            r.varints(&mut out, "i").unwrap();
            prop_assert!(r.is_empty());
            prop_assert_eq!(&out, &vs);
            if !b.is_empty() {
                prop_assert!(Reader::new(&b[..b.len() - 1]).varints(&mut out, "i").is_err());
            }
        }
    }
}
