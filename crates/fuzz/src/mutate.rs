//! Seeded mutations of valid inputs: the same seed gives the same inputs everywhere.

use env::{Random, SimRandom};

/// Inputs grow no longer than this.
const BYTES_MAX: usize = 64 << 10;

/// Bytes and numbers that decoders stumble over.
const TOKENS: &[&[u8]] = &[
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"\n",
    b" ",
    b"#",
    b",",
    b"=",
    b"NaN",
    b"1e999",
    b"-",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"[",
    b"(",
    b")",
    b"__name__",
    b"\xc3\x28",
    b"*",
    b"{}",
    b"\xf0\x9f\x94\xa5",
    b"\x0a\x00",
    b"\x12",
    b"\x1a",
    b"0",
    b"1",
    b"5m",
    b" offset ",
    b" @ ",
    b"# EOF\n",
    b"/",
    b": ",
];

/// Makes inputs out of seeds.
pub struct Mutator<'a> {
    seeds: &'a [Vec<u8>],
    random: SimRandom,
}

impl<'a> Mutator<'a> {
    /// A mutator. Without seeds it makes noise.
    pub fn new(seeds: &'a [Vec<u8>], seed: u64) -> Self {
        Mutator { seeds, random: SimRandom::new(seed) }
    }

    fn below(&mut self, n: usize) -> usize {
        (self.random.next_u64() % n.max(1) as u64) as usize
    }

    /// The next input: a seed with a few changes.
    pub fn input(&mut self) -> Vec<u8> {
        let mut bytes = match self.seeds.len() {
            0 => self.noise(200),
            n => self.seeds[self.below(n)].clone(),
        };
        for _ in 0..1 + self.below(6) {
            self.change(&mut bytes);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn noise(&mut self, max: usize) -> Vec<u8> {
        (0..self.below(max)).map(|_| self.random.next_u64() as u8).collect()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(10) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 if at < bytes.len() => bytes[at] = self.random.next_u64() as u8,
            3 | 4 => {
                let token = TOKENS[self.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            5 => {
                let token = TOKENS[self.below(TOKENS.len())];
                let end = (at + token.len()).min(bytes.len());
                bytes.splice(at..end, token.iter().copied());
            }
            6 => {
                let end = (at + 1 + self.below(16)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            7 => {
                // A piece again, somewhere else.
                let end = (at + 1 + self.below(64)).min(bytes.len());
                let piece = bytes[at.min(end)..end].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            8 => bytes.truncate(at),
            _ => {
                let other = match self.seeds.len() {
                    0 => self.noise(64),
                    n => self.seeds[self.below(n)].clone(),
                };
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}
