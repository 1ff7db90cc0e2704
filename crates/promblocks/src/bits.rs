//! Bit streams, most significant bit first, and the variable-width integers chunks are made of.

/// Reads bits. Every read is `None` when the bits run out.
#[derive(Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, at: 0 }
    }

    /// Bits not yet read.
    pub fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `n` bits, at most 64, as the low bits of a number.
    #[inline]
    pub fn read(&mut self, n: u32) -> Option<u64> {
        if n as usize > self.left() {
            return None;
        }
        if n == 0 {
            return Some(0);
        }
        let rest = &self.bytes[self.at / 8..];
        let window = match rest.first_chunk::<16>() {
            Some(b) => u128::from_be_bytes(*b),
            None => {
                let mut b = [0; 16];
                b[..rest.len()].copy_from_slice(rest);
                u128::from_be_bytes(b)
            }
        };
        let shift = 128 - (self.at % 8) as u32 - n;
        self.at += n as usize;
        Some((window >> shift) as u64 & (u64::MAX >> (64 - n)))
    }

    /// How many ones come before a zero, `max` at most. The zero is passed over.
    #[inline]
    pub fn ones(&mut self, max: u32) -> Option<u32> {
        for n in 0..max {
            if self.read(1)? == 0 {
                return Some(n);
            }
        }
        Some(max)
    }

    pub fn uvarint(&mut self) -> Option<u64> {
        let mut v = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.read(8)?;
            if shift == 63 && b > 1 {
                return None;
            }
            v |= (b & 0x7f) << shift;
            if b < 0x80 {
                return Some(v);
            }
        }
        None
    }

    pub fn varint(&mut self) -> Option<i64> {
        self.uvarint().map(|v| (v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// A number of `n` bits, from `-(2^(n-1)-1)` to `2^(n-1)`.
    #[inline]
    pub fn signed(&mut self, n: u32) -> Option<i64> {
        let v = self.read(n)?;
        if n < 64 && v > 1 << (n - 1) { Some(v.wrapping_sub(1 << n) as i64) } else { Some(v as i64) }
    }

    pub fn varbit_int(&mut self) -> Option<i64> {
        match VARBIT_SIZES[self.ones(8)? as usize] {
            0 => Some(0),
            n => self.signed(n),
        }
    }

    pub fn varbit_uint(&mut self) -> Option<u64> {
        let n = VARBIT_SIZES[self.ones(8)? as usize];
        self.read(n)
    }
}

/// Bits that follow each length of prefix.
const VARBIT_SIZES: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];

/// Writes bits.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

impl BitWriter {
    /// A writer behind bytes that are already there.
    pub fn after(bytes: Vec<u8>) -> Self {
        BitWriter { bytes, free: 0 }
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// The low `n` bits of `v`, at most 64.
    pub fn write(&mut self, v: u64, n: u32) {
        let mut left = n;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let part = (v >> (left - take)) & ((1 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << (self.free - take);
            }
            self.free -= take;
            left -= take;
        }
    }

    pub fn uvarint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.write(v & 0x7f | 0x80, 8);
            v >>= 7;
        }
        self.write(v, 8);
    }

    pub fn varint(&mut self, v: i64) {
        self.uvarint(((v << 1) ^ (v >> 63)) as u64);
    }

    pub fn varbit_int(&mut self, v: i64) {
        let fits = |n: u32| n == 64 || (-((1i64 << (n - 1)) - 1)..=1 << (n - 1)).contains(&v);
        self.varbit(v as u64, v == 0, fits);
    }

    pub fn varbit_uint(&mut self, v: u64) {
        self.varbit(v, v == 0, |n| n == 64 || v >> n == 0);
    }

    fn varbit(&mut self, v: u64, zero: bool, fits: impl Fn(u32) -> bool) {
        let class = match zero {
            true => 0,
            false => VARBIT_SIZES.iter().skip(1).position(|n| fits(*n)).map_or(8, |p| p + 1),
        };
        // As many ones as the class, and a zero behind them unless they are eight.
        let (prefix, bits) = if class == 8 { (0xff, 8) } else { ((1 << (class + 1)) - 2, class as u32 + 1) };
        self.write(prefix, bits);
        self.write(v, VARBIT_SIZES[class]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn varbit_widths_are_those_of_the_format() {
        for (v, bits) in [
            (0, 1),
            (1, 5),
            (-3, 5),
            (4, 5),
            (5, 9),
            (-4, 9),
            (-31, 9),
            (33, 13),
            (256, 13),
            (2048, 17),
            (-131_071, 24),
            (131_073, 32),
            (16_777_217, 64),
            (1 << 55, 64),
            ((1 << 55) + 1, 72),
            (i64::MIN, 72),
        ] {
            let mut w = BitWriter::default();
            w.varbit_int(v);
            w.write(1, 1);
            let bytes = w.finish();
            assert_eq!(bytes.len() * 8 - bytes.last().unwrap().trailing_zeros() as usize - 1, bits, "{v}");
        }
    }

    proptest! {
        #[test]
        fn numbers_round_trip(items in proptest::collection::vec((any::<i64>(), 0u32..64, 1u32..=64), 0..40)) {
            let mut w = BitWriter::default();
            for (v, shift, n) in &items {
                let v = v >> shift;
                w.varbit_int(v);
                w.varbit_uint(v as u64);
                w.varint(v);
                w.uvarint(v as u64);
                w.write(v as u64, *n);
            }
            let bytes = w.finish();
            let mut r = BitReader::new(&bytes);
            for (v, shift, n) in &items {
                let v = v >> shift;
                prop_assert_eq!(r.varbit_int(), Some(v));
                prop_assert_eq!(r.varbit_uint(), Some(v as u64));
                prop_assert_eq!(r.varint(), Some(v));
                prop_assert_eq!(r.uvarint(), Some(v as u64));
                prop_assert_eq!(r.read(*n), Some(v as u64 & (u64::MAX >> (64 - n))));
            }
            prop_assert!(r.left() < 8 && r.read(8).is_none());
        }
    }
}
