//! From a key to its position: entries of a 16-bit tag and a position, in frames chosen by the key's hash.
//!
//! An entry only proposes a position; the key there decides.

use super::{Section, Segment};
use crate::Flaw;
use crate::codec::{CRC_BYTES, put_crc, u32_at};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Entries a frame holds on average: small enough to check at every lookup, and few enough that 16-bit tags
/// rarely agree by chance (one lookup in 128).
const FRAME_ENTRIES: u32 = 512;
const TAG_BYTES: usize = 2;

pub(super) fn hash(seed: u64, key: &[u8]) -> u64 {
    xxh3_64_with_seed(key, seed)
}

fn frames(series: u32) -> u32 {
    series.div_ceil(FRAME_ENTRIES)
}

fn place(hash: u64, frames: u32) -> (usize, u16) {
    // The high bits choose the frame, evenly for any number of frames; the low bits are the tag.
    (((u128::from(hash) * u128::from(frames)) >> 64) as usize, hash as u16)
}

/// The section and its directory for the hashes of the keys in order of position.
pub(super) fn encode(hashes: Vec<u64>, position_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let count = frames(hashes.len() as u32);
    let mut entries: Vec<(u32, u16, u32)> = hashes
        .into_iter()
        .zip(0u32..)
        .map(|(h, position)| {
            let (frame, tag) = place(h, count);
            (frame as u32, tag, position)
        })
        .collect();
    entries.sort_unstable();
    let mut section = Vec::with_capacity(entries.len() * (TAG_BYTES + position_bytes) + count as usize * 4);
    let mut directory = Vec::with_capacity(count as usize * 4 + 4);
    let mut rest = &entries[..];
    for frame in 0..count {
        let (own, others) = rest.split_at(rest.partition_point(|e| e.0 == frame));
        rest = others;
        let start = section.len();
        for (_, tag, _) in own {
            section.extend_from_slice(&tag.to_le_bytes());
        }
        for (_, _, position) in own {
            section.extend_from_slice(&position.to_le_bytes()[..position_bytes]);
        }
        let crc_of = section[start..].to_vec();
        put_crc(&mut section, &crc_of);
        directory.extend_from_slice(&((entries.len() - rest.len()) as u32).to_le_bytes());
    }
    let crc_of = directory.clone();
    put_crc(&mut directory, &crc_of);
    (section, directory)
}

impl Segment {
    /// The id of the series with this key.
    pub(crate) fn find(&self, key: &[u8]) -> Result<Option<u32>, Flaw> {
        if self.len() == 0 {
            return Ok(None);
        }
        let (frame, tag) = place(hash(self.footer.hash_seed, key), frames(self.len()));
        let (tags, positions) = self.hash_frame(frame)?;
        let width = self.footer.position_bytes();
        let tag_at = |i: usize| u16::from_le_bytes([tags[2 * i], tags[2 * i + 1]]);
        let mut at = partition_point(tags.len() / TAG_BYTES, |i| tag_at(i) < tag);
        while at < tags.len() / TAG_BYTES && tag_at(at) == tag {
            let mut position = [0; 4];
            position[..width].copy_from_slice(&positions[at * width..][..width]);
            let position = u32::from_le_bytes(position);
            if self.key_at_is(position, key)? {
                return self.id_at(position).map(Some);
            }
            at += 1;
        }
        Ok(None)
    }

    /// Tags and positions of a frame.
    fn hash_frame(&self, frame: usize) -> Result<(&[u8], &[u8]), Flaw> {
        let directory = self.whole(Section::HashDirectory)?;
        let end_of = |frame: usize| u32_at(directory, frame * 4);
        let first = frame.checked_sub(1).map_or(Some(0), end_of);
        let (first, last) = first
            .zip(end_of(frame))
            .filter(|(first, last)| first <= last)
            .ok_or_else(|| self.flaw(Section::HashDirectory, 0, "it does not describe every frame"))?;
        let entry = TAG_BYTES + self.footer.position_bytes();
        let start = first as usize * entry + frame * CRC_BYTES;
        let end = last as usize * entry + (frame + 1) * CRC_BYTES;
        let body = self.frame(Section::Hashes, start, end)?;
        Ok(body.split_at((last - first) as usize * TAG_BYTES))
    }

    /// Walks the whole section and calls back with what is wrong.
    pub(super) fn verify_hashes(&self, flaws: &mut Vec<Flaw>) {
        let directory = match self.whole(Section::HashDirectory) {
            Ok(d) => d,
            Err(flaw) => return flaws.push(flaw),
        };
        let count = frames(self.len()) as usize;
        let entry = TAG_BYTES + self.footer.position_bytes();
        let section = self.section(Section::Hashes).len();
        if directory.len() != count * 4 || section != self.len() as usize * entry + count * CRC_BYTES {
            return flaws.push(self.flaw(Section::HashDirectory, 0, "it does not describe the section"));
        }
        for frame in 0..count {
            match self.hash_frame(frame) {
                Err(flaw) => flaws.push(flaw),
                Ok((tags, _)) if !tags.as_chunks::<2>().0.is_sorted_by_key(|t| u16::from_le_bytes(*t)) => {
                    let start = u32_at(directory, frame.wrapping_sub(1).wrapping_mul(4)).unwrap_or(0);
                    let start = start as usize * entry + frame * CRC_BYTES;
                    flaws.push(self.flaw(Section::Hashes, start, "the tags are not in order"));
                }
                Ok(_) => {}
            }
        }
        let last = count.checked_sub(1).and_then(|f| u32_at(directory, f * 4)).unwrap_or(0);
        if last != self.len() {
            flaws.push(self.flaw(Section::HashDirectory, 0, "it does not describe every series"));
        }
    }
}

fn partition_point(len: usize, mut less: impl FnMut(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if less(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
