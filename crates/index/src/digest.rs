//! A secret 122-bit fingerprint of a key, safe to use in place of the key.
//!
//! The active table holds fingerprints instead of keys: 16 bytes for a series instead of some 250. A fingerprint
//! that two keys share would put the samples of one into the other, so it has to be hopeless to find such keys,
//! also for a sender who tries. Fast hashes such as xxh3 give no such promise, with a secret seed or without. A
//! polynomial over a prime field does (Carter and Wegman, *Universal classes of hash functions*, 1979): the
//! key's bytes are the coefficients, the secret is the point. Two different keys of up to `n` words are two
//! different polynomials of degree `n` at most, which agree at no more than `n` of the `p = 2^61 - 1` points.
//! With two independent secret points, two given keys collide with probability `(n/p)²`: below 2^-110 for a key
//! of 250 bytes, below 2^-91 for one of 256 KiB. For 2^32 series of 250 bytes in one process the chance that any
//! two collide is below 2^-46. A sender never sees a fingerprint, so it learns nothing to choose keys by; each
//! process draws new points.

use std::hash::{BuildHasher, Hasher};

const P: u64 = (1 << 61) - 1;
/// Coefficients are 7 bytes, so that each is below `P`.
const WORD_BYTES: usize = 7;
const WORD_MASK: u64 = (1 << 56) - 1;
/// Four coefficients share one reduction.
const GROUP_BYTES: usize = 4 * WORD_BYTES;

/// The secret points of one process, and the functions they select.
pub(crate) struct Hashing {
    points: [Powers; 2],
    /// Odd; spreads fingerprints over table slots.
    spread: u64,
}

/// A point `r` as `r, r², r³, r⁴`.
struct Powers([u64; 4]);

/// The fingerprint of a key; both halves are below 2^61.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) a: u64,
    pub(crate) b: u64,
}

impl Hashing {
    /// With fresh secrets from the operating system.
    pub(crate) fn secret() -> Hashing {
        Hashing::with(random_u64(), random_u64(), random_u64())
    }

    fn with(x: u64, y: u64, spread: u64) -> Hashing {
        Hashing { points: [Powers::of(x), Powers::of(y)], spread: spread | 1 }
    }

    /// The fingerprint of a key.
    pub(crate) fn fingerprint(&self, key: &[u8]) -> Fingerprint {
        let [p, q] = &self.points;
        // The length leads, so that keys that differ only in trailing zeros differ too.
        let (mut a, mut b) = (key.len() as u64, key.len() as u64);
        let mut rest = key;
        // One byte more than a group is there to be read: every word is loaded as eight bytes.
        while let Some((head, _)) = rest.split_first_chunk::<{ GROUP_BYTES + 1 }>() {
            let words = load(head);
            (a, b) = (p.step(a, words), q.step(b, words));
            rest = &rest[GROUP_BYTES..];
        }
        if !rest.is_empty() {
            let mut last = [0u8; GROUP_BYTES + 1];
            last[..rest.len()].copy_from_slice(rest);
            let words = load(&last);
            (a, b) = (p.step(a, words), q.step(b, words));
        }
        Fingerprint { a: canonical(a), b: canonical(b) }
    }

    /// A slot hash for a fingerprint, even in its high and its low bits.
    pub(crate) fn slot(&self, f: Fingerprint) -> u64 {
        let x = u128::from(f.a ^ f.b.rotate_left(32)) * u128::from(self.spread);
        (x as u64) ^ ((x >> 64) as u64) ^ (x as u64).rotate_left(29)
    }
}

/// A number nobody outside can guess: the standard library keys its hasher from the operating system.
pub(crate) fn random_u64() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

impl Powers {
    fn of(x: u64) -> Powers {
        let r = x % P;
        let r2 = canonical(reduce(u128::from(r) * u128::from(r)));
        let r3 = canonical(reduce(u128::from(r2) * u128::from(r)));
        let r4 = canonical(reduce(u128::from(r2) * u128::from(r2)));
        Powers([r, r2, r3, r4])
    }

    /// Four steps of Horner's rule at once. `h` is below 2^62 and so is the result.
    fn step(&self, h: u64, w: [u64; 4]) -> u64 {
        let [r, r2, r3, r4] = self.0;
        let mul = |x: u64, y: u64| u128::from(x) * u128::from(y);
        reduce(mul(h, r4) + mul(w[0], r3) + mul(w[1], r2) + mul(w[2], r) + u128::from(w[3]))
    }
}

fn load(b: &[u8; GROUP_BYTES + 1]) -> [u64; 4] {
    let word = |at: usize| {
        let eight = [b[at], b[at + 1], b[at + 2], b[at + 3], b[at + 4], b[at + 5], b[at + 6], b[at + 7]];
        u64::from_le_bytes(eight) & WORD_MASK
    };
    [word(0), word(WORD_BYTES), word(2 * WORD_BYTES), word(3 * WORD_BYTES)]
}

/// A number of up to 124 bits modulo `P`, not fully: below 2^62.
fn reduce(x: u128) -> u64 {
    let s = (x as u64 & P) + (x >> 61) as u64;
    (s & P) + (s >> 61)
}

fn canonical(x: u64) -> u64 {
    let x = (x & P) + (x >> 61);
    if x >= P { x - P } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Horner's rule word by word in wide arithmetic.
    fn naive(r: u64, key: &[u8]) -> u64 {
        let r = u128::from(r % P);
        let mut padded = key.to_vec();
        padded.resize(key.len().div_ceil(GROUP_BYTES) * GROUP_BYTES, 0);
        // A full last group that has no byte after it goes the way of a short one.
        padded.chunks(WORD_BYTES).fold(key.len() as u128, |h, word| {
            let mut w = [0u8; 16];
            w[..word.len()].copy_from_slice(word);
            (h * r + u128::from_le_bytes(w)) % u128::from(P)
        }) as u64
    }

    proptest! {
        #[test]
        fn it_is_the_polynomial(
            x in any::<u64>(), y in any::<u64>(),
            key in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                (0usize..300).prop_map(|n| vec![0xff; n]),
                (0usize..300).prop_map(|n| vec![0; n]),
            ],
        ) {
            let f = Hashing::with(x, y, 1).fingerprint(&key);
            prop_assert_eq!(f, Fingerprint { a: naive(x, &key), b: naive(y, &key) });
        }
    }

    #[test]
    fn similar_keys_differ_and_spread() {
        let h = Hashing::secret();
        let mut seen = std::collections::HashSet::new();
        let mut low = [0u32; 64];
        let mut high = [0u32; 64];
        for i in 0..64_000u32 {
            let key = format!("some_metric_total_instance_host-{i:06}:9100");
            let f = h.fingerprint(key.as_bytes());
            assert!(seen.insert((f.a, f.b)), "{key}");
            let slot = h.slot(f);
            low[(slot & 63) as usize] += 1;
            high[(slot >> 58) as usize] += 1;
        }
        // 1,000 expected; a structured hash would leave slots empty or far over.
        assert!(low.iter().chain(&high).all(|n| (700..1300).contains(n)), "{low:?} {high:?}");
    }

    #[test]
    fn trailing_zeros_count() {
        let h = Hashing::secret();
        let all: std::collections::HashSet<_> =
            (0..200).map(|n| h.fingerprint(&vec![0u8; n])).map(|f| (f.a, f.b)).collect();
        assert_eq!(all.len(), 200);
    }
}
