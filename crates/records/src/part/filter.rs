//! What tells quickly that something is not there.

/// Trigrams of variables, one hash each into a fixed table. Zeros compress well where they are few.
#[derive(Clone)]
pub(crate) struct Trigrams {
    bits: Vec<u64>,
}

/// Bits of the table.
const BITS: u32 = 16;

impl Trigrams {
    pub const BYTES: usize = 1 << (BITS - 3);

    pub fn new() -> Trigrams {
        Trigrams { bits: vec![0; 1 << (BITS - 6)] }
    }

    fn place(three: &[u8]) -> (usize, u64) {
        let n = u32::from(three[0]) | u32::from(three[1]) << 8 | u32::from(three[2]) << 16;
        let hash = n.wrapping_mul(0x9e37_79b1) >> (32 - BITS);
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    pub fn insert_all(&mut self, value: &[u8]) {
        for three in value.windows(3) {
            let (word, bit) = Trigrams::place(three);
            self.bits[word] |= bit;
        }
    }

    /// Whether all trigrams of a piece may have been inserted.
    pub fn contains_all(&self, piece: &[u8]) -> bool {
        piece.windows(3).all(|three| {
            let (word, bit) = Trigrams::place(three);
            self.bits[word] & bit != 0
        })
    }

    pub fn clear(&mut self) {
        self.bits.fill(0);
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.bits.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Trigrams> {
        let word = |b: &[u8]| u64::from_le_bytes(b.try_into().unwrap_or_default());
        (bytes.len() == Trigrams::BYTES).then(|| Trigrams { bits: bytes.chunks_exact(8).map(word).collect() })
    }
}

/// A Bloom filter over hashes (Bloom: *Space/time trade-offs in hash coding with allowable errors*, 1970): about 10
/// bits and 4 probes an entry, one wrong answer in a hundred.
pub(crate) struct Bloom<'a> {
    bits: &'a [u8],
}

const PROBES: u64 = 4;
const BITS_PER_ENTRY: usize = 10;

impl<'a> Bloom<'a> {
    pub fn build(hashes: &[u64]) -> Vec<u8> {
        let mut bits = vec![0u8; (hashes.len() * BITS_PER_ENTRY).div_ceil(8)];
        for h in hashes {
            for place in places(*h, bits.len()) {
                bits[place / 8] |= 1 << (place % 8);
            }
        }
        bits
    }

    pub fn over(bits: &'a [u8]) -> Bloom<'a> {
        Bloom { bits }
    }

    pub fn may_contain(&self, hash: u64) -> bool {
        !self.bits.is_empty() && places(hash, self.bits.len()).all(|p| self.bits[p / 8] & (1 << (p % 8)) != 0)
    }
}

fn places(hash: u64, bytes: usize) -> impl Iterator<Item = usize> {
    let (a, b) = (hash, hash.rotate_left(32) | 1);
    let bits = bytes as u64 * 8;
    (0..PROBES).map(move |i| {
        let h = a.wrapping_add(b.wrapping_mul(i));
        ((u128::from(h) * u128::from(bits)) >> 64) as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_never_deny_what_is_there() {
        let hashes: Vec<u64> = (0..1000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let (bits, none) = (Bloom::build(&hashes[..500]), Bloom::build(&[]));
        let bloom = Bloom::over(&bits);
        assert!(hashes[..500].iter().all(|h| bloom.may_contain(*h)));
        assert!(hashes[500..].iter().filter(|h| bloom.may_contain(**h)).count() < 30);
        assert!(!Bloom::over(&none).may_contain(1));

        let mut t = Trigrams::new();
        t.insert_all(b"eth0 user17");
        let back = Trigrams::from_bytes(&t.to_bytes()).unwrap();
        for (piece, there) in [("eth0", true), ("ser1", true), ("et", true), ("nosuch", false)] {
            assert_eq!(back.contains_all(piece.as_bytes()), there, "{piece}");
        }
    }
}
