//! Where things lie in a segment; `docs/format/index.md` describes every byte.

use crate::Flaw;
use crate::codec::{CRC_BYTES, payload, put_crc, u32_at, u64_at};

pub(crate) const MAGIC: [u8; 4] = *b"WFIX";
pub(crate) const VERSION: u32 = 1;
pub(crate) const HEADER_BYTES: usize = 8;

/// The sections in the order in which they lie in the file, with nothing between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Keys in order of id: frames of about 64 keys.
    Keys,
    /// Postings in order of term: a frame each.
    Postings,
    /// Values of labels: frames of about 128 values.
    Terms,
    /// From a key's hash to its position: frames of about 512 entries.
    Hashes,
    /// One frame: where the frames of `Keys` lie.
    KeyDirectory,
    /// One frame: where the frames of `Terms` lie, and what separates them.
    TermDirectory,
    /// One frame: how many entries the frames of `Hashes` hold.
    HashDirectory,
    /// One frame: the label names and their totals.
    Names,
    /// One frame, or empty if every id of the range is there: which ids are.
    Ids,
    /// One frame, or empty: what the frames of `Keys` are compressed against, itself compressed.
    Dictionary,
}

impl Section {
    pub(crate) const ALL: [Section; 10] = [
        Section::Keys,
        Section::Postings,
        Section::Terms,
        Section::Hashes,
        Section::KeyDirectory,
        Section::TermDirectory,
        Section::HashDirectory,
        Section::Names,
        Section::Ids,
        Section::Dictionary,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Section::Keys => "keys",
            Section::Postings => "postings",
            Section::Terms => "terms",
            Section::Hashes => "hashes",
            Section::KeyDirectory => "key directory",
            Section::TermDirectory => "term directory",
            Section::HashDirectory => "hash directory",
            Section::Names => "names",
            Section::Ids => "ids",
            Section::Dictionary => "dictionary",
        }
    }
}

/// The end of the file, by which all else is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Series held.
    pub series: u32,
    /// First id of the range.
    pub from: u32,
    /// Id past the range.
    pub to: u64,
    /// Seed of the hashes of keys.
    pub hash_seed: u64,
    /// Length of each section.
    pub lengths: [u64; Section::ALL.len()],
}

const LENGTHS_AT: usize = 24;
pub(crate) const FOOTER_BYTES: usize = LENGTHS_AT + 8 * Section::ALL.len() + MAGIC.len() + CRC_BYTES;

impl Footer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        out.extend_from_slice(&self.series.to_le_bytes());
        out.extend_from_slice(&self.from.to_le_bytes());
        out.extend_from_slice(&self.to.to_le_bytes());
        out.extend_from_slice(&self.hash_seed.to_le_bytes());
        for length in self.lengths {
            out.extend_from_slice(&length.to_le_bytes());
        }
        out.extend_from_slice(&MAGIC);
        let crc_of = out.clone();
        put_crc(&mut out, &crc_of);
        out
    }

    /// Checks header and footer and that the sections fill what is between them.
    pub(crate) fn read(file: &[u8]) -> Result<Footer, Flaw> {
        let flaw = |section, offset: usize, what: String| Flaw { section, offset: offset as u64, what };
        if file.len() < HEADER_BYTES + FOOTER_BYTES {
            return Err(flaw("header", 0, format!("the file has {} bytes, too few", file.len())));
        }
        if file[..4] != MAGIC {
            return Err(flaw("header", 0, "this is not an index segment".to_owned()));
        }
        match u32_at(file, 4) {
            Some(VERSION) => {}
            v => {
                let v = v.unwrap_or(0);
                let what = format!("format version {v} is not known here (known: {VERSION})");
                return Err(flaw("header", 4, what));
            }
        }
        let at = file.len() - FOOTER_BYTES;
        let bad = |what: &str| flaw("footer", at, what.to_owned());
        let body = payload(&file[at..]).ok_or_else(|| bad("the checksum does not match"))?;
        let footer = Footer::decode(body).ok_or_else(|| bad("the end is not that of an index segment"))?;
        let sum = footer.lengths.iter().try_fold(0u64, |sum, l| sum.checked_add(*l));
        if sum != Some((at - HEADER_BYTES) as u64) {
            return Err(bad("the sections do not add up to the file's length"));
        }
        let ids = footer.to.saturating_sub(u64::from(footer.from));
        if footer.to > 1 << 32 || footer.to < u64::from(footer.from) || u64::from(footer.series) > ids {
            return Err(bad("the range of ids is not one"));
        }
        Ok(footer)
    }

    fn decode(body: &[u8]) -> Option<Footer> {
        let mut lengths = [0; Section::ALL.len()];
        for (i, length) in lengths.iter_mut().enumerate() {
            *length = u64_at(body, LENGTHS_AT + 8 * i)?;
        }
        let footer = Footer {
            series: u32_at(body, 0)?,
            from: u32_at(body, 4)?,
            to: u64_at(body, 8)?,
            hash_seed: u64_at(body, 16)?,
            lengths,
        };
        (body[body.len() - MAGIC.len()..] == MAGIC).then_some(footer)
    }

    /// Where a section lies in the file.
    pub(crate) fn range(&self, section: Section) -> std::ops::Range<usize> {
        let before: u64 = self.lengths[..section as usize].iter().sum();
        let start = HEADER_BYTES + before as usize;
        start..start + self.lengths[section as usize] as usize
    }

    /// Whether every id of the range is there.
    pub(crate) fn is_dense(&self) -> bool {
        u64::from(self.series) == self.to - u64::from(self.from)
    }

    /// Bytes of a position in the hash section.
    pub(crate) fn position_bytes(&self) -> usize {
        (32 - self.series.saturating_sub(1).leading_zeros()).div_ceil(8).max(1) as usize
    }
}
