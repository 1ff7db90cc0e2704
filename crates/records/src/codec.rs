//! Numbers as bytes: LEB128, and Parquet's DELTA_BINARY_PACKED.

/// Bytes that are not what a decoder expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// What was being read.
    pub what: &'static str,
}

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

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// Reads what the functions above wrote. Never past the end.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let Some((head, tail)) = self.rest.split_at_checked(n) else { return malformed(what) };
        self.rest = tail;
        Ok(head)
    }

    pub fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        Ok(self.take(1, what)?[0])
    }

    pub fn u32_le(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let bytes = self.take(4, what)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    #[inline]
    pub fn uvarint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        match self.rest.split_first() {
            Some((b, tail)) if *b < 0x80 => {
                self.rest = tail;
                Ok(u64::from(*b))
            }
            _ => self.long_uvarint(what),
        }
    }

    fn long_uvarint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte(what)?;
            v |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(v);
            }
        }
        malformed(what)
    }

    pub fn varint(&mut self, what: &'static str) -> Result<i64, Malformed> {
        Ok(unzigzag(self.uvarint(what)?))
    }

    #[inline]
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        u32::try_from(self.uvarint(what)?).or(malformed(what))
    }

    /// A number of things that take a byte each at least, so that no more are believed than can follow.
    pub fn count(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let n = self.uvarint(what)?;
        if n > self.rest.len() as u64 { malformed(what) } else { Ok(n as usize) }
    }

    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let n = self.uvarint(what)?;
        match usize::try_from(n) {
            Ok(n) => self.take(n, what),
            Err(_) => malformed(what),
        }
    }

    pub fn text(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes(what)?).or(malformed(what))
    }
}

/// Values per block and per miniblock of DELTA_BINARY_PACKED.
const BLOCK: usize = 128;
const MINI: usize = 32;

/// Appends values in Parquet's DELTA_BINARY_PACKED encoding.
pub(crate) fn pack(values: impl ExactSizeIterator<Item = i64>, out: &mut Vec<u8>) {
    let mut values = values;
    put_uvarint(out, BLOCK as u64);
    put_uvarint(out, (BLOCK / MINI) as u64);
    put_uvarint(out, values.len() as u64);
    let mut last = values.next().unwrap_or(0);
    put_varint(out, last);
    let mut deltas = [0i64; BLOCK];
    loop {
        let mut n = 0;
        for v in values.by_ref().take(BLOCK) {
            deltas[n] = v.wrapping_sub(last);
            last = v;
            n += 1;
        }
        if n == 0 {
            return;
        }
        pack_block(&mut deltas, n, out);
    }
}

fn pack_block(deltas: &mut [i64; BLOCK], n: usize, out: &mut Vec<u8>) {
    let least = deltas[..n].iter().copied().min().unwrap_or(0);
    put_varint(out, least);
    let mut over = [0u64; BLOCK];
    for (o, d) in over.iter_mut().zip(&deltas[..n]) {
        *o = d.wrapping_sub(least) as u64;
    }
    let minis = n.div_ceil(MINI);
    let mut widths = [0u8; BLOCK / MINI];
    for (w, mini) in widths.iter_mut().zip(over.chunks(MINI)).take(minis) {
        let all = mini.iter().fold(0, |a, b| a | b);
        *w = (64 - all.leading_zeros()) as u8;
    }
    out.extend_from_slice(&widths);
    for (w, mini) in widths.iter().zip(over.chunks(MINI)).take(minis) {
        pack_mini(mini, u32::from(*w), out);
    }
}

fn pack_mini(mini: &[u64], width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut acc, mut bits) = (0u128, 0);
    for v in mini {
        acc |= u128::from(*v) << bits;
        bits += width;
        while bits >= 64 {
            out.extend_from_slice(&(acc as u64).to_le_bytes());
            acc >>= 64;
            bits -= 64;
        }
    }
    // 32 values of any width end at a whole number of 4 bytes.
    let left = (bits / 8) as usize;
    out.extend_from_slice(&(acc as u64).to_le_bytes()[..left]);
}

/// Reads DELTA_BINARY_PACKED values, at most `max` of them, into `out`; says how many bytes they took.
pub(crate) fn unpack(bytes: &[u8], max: usize, out: &mut Vec<i64>) -> Result<usize, Malformed> {
    const WHAT: &str = "packed numbers";
    let mut r = Reader::new(bytes);
    let block = r.uvarint(WHAT)?;
    let minis = r.uvarint(WHAT)?;
    let count = r.uvarint(WHAT)? as usize;
    let mut last = r.varint(WHAT)?;
    if block != BLOCK as u64 || minis != (BLOCK / MINI) as u64 || count > max {
        return malformed(WHAT);
    }
    out.clear();
    out.reserve(count);
    if count > 0 {
        out.push(last);
    }
    while out.len() < count {
        let least = r.varint(WHAT)?;
        let widths = r.take(BLOCK / MINI, WHAT)?;
        for width in widths {
            let n = (count - out.len()).min(MINI);
            if n == 0 {
                break;
            }
            if *width > 64 {
                return malformed(WHAT);
            }
            let packed = r.take(usize::from(*width) * MINI / 8, WHAT)?;
            unpack_mini(packed, u32::from(*width), least, n, &mut last, out);
        }
    }
    Ok(bytes.len() - r.remaining())
}

fn unpack_mini(packed: &[u8], width: u32, least: i64, n: usize, last: &mut i64, out: &mut Vec<i64>) {
    if width == 0 {
        for _ in 0..n {
            *last = last.wrapping_add(least);
            out.push(*last);
        }
        return;
    }
    let mut padded = [0u8; 64 * MINI / 8 + 16];
    padded[..packed.len()].copy_from_slice(packed);
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    for i in 0..n {
        let bit = i * width as usize;
        let at = bit / 8;
        let over = if width <= 56 {
            let word: [u8; 8] = padded[at..at + 8].try_into().unwrap_or_default();
            u64::from_le_bytes(word) >> (bit % 8)
        } else {
            let word: [u8; 16] = padded[at..at + 16].try_into().unwrap_or_default();
            (u128::from_le_bytes(word) >> (bit % 8)) as u64
        };
        *last = last.wrapping_add(least).wrapping_add((over & mask) as i64);
        out.push(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(
            small in prop::collection::vec(-3i64..200, 0..300),
            any in prop::collection::vec(any::<i64>(), 0..300),
        ) {
            for values in [small, any] {
                let mut packed = Vec::new();
                pack(values.iter().copied(), &mut packed);
                let len = packed.len();
                packed.extend_from_slice(b"tail");
                let mut back = Vec::new();
                prop_assert_eq!(unpack(&packed, values.len(), &mut back), Ok(len));
                prop_assert_eq!(&back, &values);
                if !values.is_empty() {
                    prop_assert!(unpack(&packed, values.len() - 1, &mut back).is_err());
                }
            }
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes, 1000, &mut Vec::new());
        }
    }
}
