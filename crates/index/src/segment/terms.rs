//! Label names, their values, and where each value's posting lies.
//!
//! The values of a label are in ascending order in frames of about 128, without what each shares with the value
//! before. A directory holds for each frame a short string that separates it from the frame before, so that one
//! binary search and one frame find a value. Values with a common prefix lie together: a pattern with a literal
//! prefix reads only those.

use super::{Section, Segment};
use crate::Flaw;
use crate::codec::{CRC_BYTES, Reader, put_crc, put_varint, shared_prefix, u32_at, u64_at};
use crate::posting::{self, Posting};
use crate::source::NameStats;

const FRAME_VALUES: usize = 128;
const FRAME_BYTES: usize = 8 << 10;

/// frame offset u64, end of separator u32.
const ENTRY_BYTES: usize = 12;
/// end of name u32, first frame u32, frames u32, values u32, series u32, value bytes u64, posting offset u64 (the
/// id itself for one series), posting bytes u32 (0 for one series).
const NAME_BYTES: usize = 40;

/// Makes the sections of terms and names, and the directory. Postings are written by the caller.
#[derive(Default)]
pub(super) struct TermWriter {
    pub(super) terms: Vec<u8>,
    frame: Vec<u8>,
    frame_values: usize,
    frame_posting: u64,
    last: Vec<u8>,
    entries: Vec<u8>,
    separators: Vec<u8>,
    name_records: Vec<u8>,
    name_bytes: Vec<u8>,
    name_frames: u32,
    frames: u32,
    stats: NameStats,
}

/// Where a posting lies.
#[derive(Debug, Clone, Copy)]
pub(super) enum Placed {
    /// One series needs no posting.
    One(u32),
    /// Offset and length, checksum included, in the section, and the number of ids.
    At { offset: u64, bytes: u32, count: u32 },
}

impl TermWriter {
    /// Adds a value of the current label; `offset` is where its posting lies or would lie.
    pub(super) fn value(&mut self, value: &str, offset: u64, posting: Placed) {
        let value = value.as_bytes();
        if self.frame_values == 0 {
            self.begin_frame(value, offset);
        }
        let shared = if self.frame_values == 0 { 0 } else { shared_prefix(&self.last, value) };
        put_varint(&mut self.frame, shared as u64);
        put_varint(&mut self.frame, (value.len() - shared) as u64);
        self.frame.extend_from_slice(&value[shared..]);
        match posting {
            Placed::One(id) => {
                put_varint(&mut self.frame, 1);
                put_varint(&mut self.frame, u64::from(id));
            }
            Placed::At { bytes, count, .. } => {
                put_varint(&mut self.frame, u64::from(count));
                put_varint(&mut self.frame, u64::from(bytes));
            }
        }
        self.last.clear();
        self.last.extend_from_slice(value);
        self.frame_values += 1;
        self.stats.values += 1;
        self.stats.value_bytes += value.len() as u64;
        if self.frame_values == FRAME_VALUES || self.frame.len() >= FRAME_BYTES {
            self.end_frame();
        }
    }

    fn begin_frame(&mut self, value: &[u8], offset: u64) {
        self.entries.extend_from_slice(&(self.terms.len() as u64).to_le_bytes());
        // The first frame of a label needs no separator; others one byte more than what both sides share.
        let separator = if self.name_frames == 0 { 0 } else { shared_prefix(&self.last, value) + 1 };
        self.separators.extend_from_slice(&value[..separator.min(value.len())]);
        self.entries.extend_from_slice(&(self.separators.len() as u32).to_le_bytes());
        self.frame_posting = offset;
        self.name_frames += 1;
    }

    fn end_frame(&mut self) {
        if self.frame_values == 0 {
            return;
        }
        let start = self.terms.len();
        put_varint(&mut self.terms, self.frame_values as u64);
        put_varint(&mut self.terms, self.frame_posting);
        self.terms.append(&mut self.frame);
        let crc_of = self.terms[start..].to_vec();
        put_crc(&mut self.terms, &crc_of);
        self.frame_values = 0;
    }

    /// Ends the current label. Without values it leaves no trace.
    pub(super) fn name(&mut self, name: &str, presence: Placed) {
        self.end_frame();
        let stats = std::mem::take(&mut self.stats);
        if stats.values == 0 {
            return;
        }
        self.name_bytes.extend_from_slice(name.as_bytes());
        let (offset, bytes, count) = match presence {
            Placed::One(id) => (u64::from(id), 0, 1),
            Placed::At { offset, bytes, count } => (offset, bytes, count),
        };
        let out = &mut self.name_records;
        for v in [self.name_bytes.len() as u32, self.frames, self.name_frames, stats.values, count] {
            out.extend_from_slice(&v.to_le_bytes());
        }
        out.extend_from_slice(&stats.value_bytes.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&bytes.to_le_bytes());
        self.frames += self.name_frames;
        self.name_frames = 0;
    }

    /// The directory and the names section.
    pub(super) fn finish(&mut self) -> (Vec<u8>, Vec<u8>) {
        let section = |parts: [&[u8]; 3]| {
            let mut out = parts.concat();
            let crc_of = out.clone();
            put_crc(&mut out, &crc_of);
            out
        };
        let entries = (self.entries.len() / ENTRY_BYTES) as u32;
        let names = (self.name_records.len() / NAME_BYTES) as u32;
        (
            section([&entries.to_le_bytes(), &self.entries, &self.separators]),
            section([&names.to_le_bytes(), &self.name_records, &self.name_bytes]),
        )
    }
}

/// A label name's record.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameRecord {
    pub(super) stats: NameStats,
    first_frame: u32,
    frames: u32,
    presence: Placed,
}

impl Segment {
    /// The names section as (number of names, records, name bytes).
    fn names_table(&self) -> Result<(usize, &[u8], &[u8]), Flaw> {
        self.counted(Section::Names, NAME_BYTES)
    }

    fn term_directory(&self) -> Result<(usize, &[u8], &[u8]), Flaw> {
        self.counted(Section::TermDirectory, ENTRY_BYTES)
    }

    /// A section of a count, so many records, and bytes.
    fn counted(&self, section: Section, record: usize) -> Result<(usize, &[u8], &[u8]), Flaw> {
        let body = self.whole(section)?;
        let split = || {
            let count = u32_at(body, 0)? as usize;
            let (records, bytes) = body[4..].split_at_checked(count.checked_mul(record)?)?;
            Some((count, records, bytes))
        };
        split().ok_or_else(|| self.flaw(section, 0, "it is shorter than its count says"))
    }

    fn name_at(&self, i: usize) -> Result<(&str, NameRecord), Flaw> {
        let (_, records, bytes) = self.names_table()?;
        let at = i * NAME_BYTES;
        let read = || {
            let start = i.checked_sub(1).map_or(Some(0), |p| u32_at(records, p * NAME_BYTES))? as usize;
            let name = bytes.get(start..u32_at(records, at)? as usize)?;
            let series = u32_at(records, at + 16)?;
            let (offset, length) = (u64_at(records, at + 28)?, u32_at(records, at + 36)?);
            let presence = match length {
                0 => Placed::One(u32::try_from(offset).ok()?),
                bytes => Placed::At { offset, bytes, count: series },
            };
            let record = NameRecord {
                stats: NameStats {
                    values: u32_at(records, at + 12)?,
                    value_bytes: u64_at(records, at + 20)?,
                    series,
                },
                first_frame: u32_at(records, at + 4)?,
                frames: u32_at(records, at + 8)?,
                presence,
            };
            Some((std::str::from_utf8(name).ok()?, record))
        };
        read().ok_or_else(|| self.flaw(Section::Names, 4 + at, "a label name is not well formed"))
    }

    pub(super) fn name_list(&self) -> Result<Vec<(String, NameStats)>, Flaw> {
        let count = self.names_table()?.0;
        (0..count).map(|i| self.name_at(i).map(|(n, r)| (n.to_owned(), r.stats))).collect()
    }

    pub(super) fn find_name(&self, name: &str) -> Result<Option<NameRecord>, Flaw> {
        let (mut low, mut high) = (0, self.names_table()?.0);
        while low < high {
            let middle = low + (high - low) / 2;
            let (here, record) = self.name_at(middle)?;
            match here.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(Some(record)),
            }
        }
        Ok(None)
    }

    pub(super) fn presence_posting(&self, name: &NameRecord) -> Result<Posting<'_>, Flaw> {
        self.posting(name.presence)
    }

    fn posting(&self, at: Placed) -> Result<Posting<'_>, Flaw> {
        match at {
            Placed::One(id) => Ok(Posting::One(id)),
            Placed::At { offset, bytes, count } => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(bytes as usize);
                Ok(Posting::Encoded(count, self.frame(Section::Postings, start, end)?))
            }
        }
    }

    /// Start, end and separator of a frame of terms.
    fn term_frame(&self, frame: usize) -> Result<(usize, usize, &[u8]), Flaw> {
        let (count, entries, separators) = self.term_directory()?;
        let at = frame * ENTRY_BYTES;
        let read = || {
            let end = match frame + 1 < count {
                true => usize::try_from(u64_at(entries, at + ENTRY_BYTES)?).ok()?,
                false => self.section(Section::Terms).len(),
            };
            let start = frame.checked_sub(1).map_or(Some(0), |p| u32_at(entries, p * ENTRY_BYTES + 8))?;
            let separator = separators.get(start as usize..u32_at(entries, at + 8)? as usize)?;
            Some((usize::try_from(u64_at(entries, at)?).ok()?, end, separator))
        };
        read().ok_or_else(|| self.flaw(Section::TermDirectory, 4 + at, "an entry is not well formed"))
    }

    /// The frame of a label in which a value lies if it is there at all.
    fn frame_for(&self, name: &NameRecord, value: &[u8]) -> Result<usize, Flaw> {
        let (mut low, mut high) = (0, name.frames as usize);
        while low < high {
            let middle = low + (high - low) / 2;
            let (_, _, separator) = self.term_frame(name.first_frame as usize + middle)?;
            if separator <= value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(name.first_frame as usize + low.saturating_sub(1))
    }

    pub(super) fn find_term(&self, name: &str, value: &str) -> Result<Option<Posting<'_>>, Flaw> {
        let Some(record) = self.find_name(name)? else { return Ok(None) };
        let mut values = SegmentValues::new(self, &record, value)?;
        // The first value that begins with the one sought is that one or none is.
        if values.advance()? && values.value() == value { values.posting().map(Some) } else { Ok(None) }
    }

    /// Walks names, terms and postings and collects what is wrong.
    pub(super) fn verify_terms(&self, flaws: &mut Vec<Flaw>) {
        if let Err(flaw) = self.walk_terms(flaws) {
            flaws.push(flaw);
        }
    }

    fn walk_terms(&self, flaws: &mut Vec<Flaw>) -> Result<(), Flaw> {
        let frames = self.term_directory()?.0;
        let names = self.names_table()?.0;
        let (mut posting_at, mut frame_at, mut offset) = (0u64, 0usize, 0usize);
        let mut last: Option<&str> = None;
        for i in 0..names {
            let (name, record) = self.name_at(i)?;
            if last.is_some_and(|l| l >= name) || record.first_frame as usize != frame_at {
                return Err(self.flaw(Section::Names, 4 + i * NAME_BYTES, "the names are not in order"));
            }
            last = Some(name);
            for frame in frame_at..(frame_at + record.frames as usize).min(frames) {
                let (start, end, _) = self.term_frame(frame)?;
                if start != offset {
                    let what = "frames do not follow each other";
                    return Err(self.flaw(Section::TermDirectory, 4 + frame * ENTRY_BYTES, what));
                }
                offset = end;
            }
            frame_at += record.frames as usize;
            let mut values = SegmentValues::new(self, &record, "")?;
            while values.advance()? {
                self.check_posting(values.placed(), &mut posting_at, flaws);
            }
            self.check_posting(record.presence, &mut posting_at, flaws);
        }
        if frame_at != frames || offset != self.section(Section::Terms).len() {
            return Err(self.flaw(Section::TermDirectory, 0, "it does not describe every frame"));
        }
        if posting_at != self.section(Section::Postings).len() as u64 {
            return Err(self.flaw(Section::Postings, 0, "some bytes belong to no term"));
        }
        Ok(())
    }

    fn check_posting(&self, at: Placed, next: &mut u64, flaws: &mut Vec<Flaw>) {
        let Placed::At { offset, bytes, count } = at else { return };
        if offset != *next {
            flaws.push(self.flaw(Section::Postings, *next as usize, "postings do not follow each other"));
        }
        *next = offset.saturating_add(u64::from(bytes));
        match self.posting(at) {
            Ok(Posting::Encoded(n, bytes)) => {
                let inside = posting::decode(n, bytes)
                    .is_ok_and(|s| s.min().is_some_and(|id| self.covers(id)) && s.len() == u64::from(count));
                if !inside {
                    flaws.push(self.flaw(Section::Postings, offset as usize, "not a posting"));
                }
            }
            Ok(_) => {}
            Err(flaw) => flaws.push(flaw),
        }
    }
}

/// Walks the values of a label that start with a prefix.
pub(crate) struct SegmentValues<'a> {
    segment: &'a Segment,
    prefix: String,
    next_frame: usize,
    end_frame: usize,
    /// Terms left in the current frame.
    left: u64,
    rest: Reader<'a>,
    /// Where the current frame lies.
    frame_start: usize,
    /// Where the next posting lies.
    next_posting: u64,
    value: Vec<u8>,
    text: String,
    current: Placed,
}

impl<'a> SegmentValues<'a> {
    pub(super) fn new(segment: &'a Segment, name: &NameRecord, prefix: &str) -> Result<Self, Flaw> {
        let end_frame = (name.first_frame as usize).saturating_add(name.frames as usize);
        Ok(SegmentValues {
            segment,
            prefix: prefix.to_owned(),
            next_frame: segment.frame_for(name, prefix.as_bytes())?,
            end_frame,
            left: 0,
            rest: Reader(&[]),
            frame_start: 0,
            next_posting: 0,
            value: Vec::new(),
            text: String::new(),
            current: Placed::One(0),
        })
    }

    pub(crate) fn advance(&mut self) -> Result<bool, Flaw> {
        loop {
            if self.left == 0 && !self.open_frame()? {
                return Ok(false);
            }
            self.left -= 1;
            let bad = |s: &Self| s.segment.flaw(Section::Terms, s.frame_start, "a term is not well formed");
            self.read_term().ok_or_else(|| bad(self))?;
            if !self.value.starts_with(self.prefix.as_bytes()) {
                if self.value.as_slice() > self.prefix.as_bytes() {
                    (self.left, self.next_frame) = (0, self.end_frame);
                }
                continue;
            }
            let text = std::str::from_utf8(&self.value).map_err(|_| bad(self))?;
            self.text.clear();
            self.text.push_str(text);
            return Ok(true);
        }
    }

    fn open_frame(&mut self) -> Result<bool, Flaw> {
        if self.next_frame >= self.end_frame {
            return Ok(false);
        }
        let (start, end, _) = self.segment.term_frame(self.next_frame)?;
        self.frame_start = start;
        self.next_frame += 1;
        self.value.clear();
        self.rest = Reader(self.segment.frame(Section::Terms, start, end)?);
        let head = self.rest.varint().zip(self.rest.varint()).filter(|(left, _)| *left > 0);
        let bad = || self.segment.flaw(Section::Terms, start, "a frame has no head");
        (self.left, self.next_posting) = head.ok_or_else(bad)?;
        Ok(true)
    }

    fn read_term(&mut self) -> Option<()> {
        let shared = self.rest.varint()? as usize;
        let own = self.rest.varint32()? as usize;
        let own = self.rest.bytes(own)?;
        if shared > self.value.len() {
            return None;
        }
        self.value.truncate(shared);
        self.value.extend_from_slice(own);
        let count = self.rest.varint32()?;
        let second = self.rest.varint32()?;
        self.current = match count {
            1 => Placed::One(second),
            count => {
                let offset = self.next_posting;
                self.next_posting = offset.checked_add(u64::from(second))?;
                Placed::At { offset, bytes: second, count }
            }
        };
        Some(())
    }

    pub(crate) fn value(&self) -> &str {
        &self.text
    }

    pub(crate) fn posting(&self) -> Result<Posting<'a>, Flaw> {
        self.segment.posting(self.current)
    }

    fn placed(&self) -> Placed {
        self.current
    }
}

/// A posting's bytes with its checksum, and how it is to be noted.
pub(super) fn encode_posting(set: &roaring::RoaringBitmap, offset: u64, out: &mut Vec<u8>) -> Option<Placed> {
    if set.len() <= 1 {
        return set.min().map(Placed::One);
    }
    let start = out.len();
    let count = posting::encode(set, out);
    let crc_of = out[start..].to_vec();
    put_crc(out, &crc_of);
    debug_assert!(out.len() - start > CRC_BYTES);
    Some(Placed::At { offset, bytes: (out.len() - start) as u32, count })
}
