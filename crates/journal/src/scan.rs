//! Walks the records of one segment, over damage if need be.

use crate::frame::{FRAME_HEADER_BYTES, FrameError, claims, decode_frame};
use crate::segment::HEADER_BYTES;
use env::DiskFile;
use std::io;

/// Read at once.
const CHUNK_BYTES: u64 = 256 << 10;
/// While looking for the next sound record at most this many bytes are checksummed per damaged stretch, so that
/// bytes made to look like many long records cannot hold up a start for long.
const SEARCH_BYTES_MAX: u64 = 4 << 30;

/// A record that comes later than this many after the one expected is not believed, whatever its checksum.
const LOST_MAX: u64 = 1 << 24;

/// Walks one segment from its first record to `end`.
pub(crate) struct Scan {
    file: Box<dyn DiskFile>,
    /// The segment's first offset, from its name.
    first: u64,
    /// Where the next record should be.
    position: u64,
    /// Where the last sound record so far ends.
    sound: u64,
    /// Where the records end.
    end: u64,
    /// Offset of the next record.
    expected: u64,
    /// Records from this offset on are not part of the log.
    limit: u64,
    payload_bytes_max: usize,
    /// Bytes of the file from `window_start` on.
    window: Vec<u8>,
    window_start: u64,
}

/// What comes next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A sound record. `group` is the offset of the first record it was written with.
    Record { offset: u64, group: u64, payload: &'a [u8] },
    /// Bytes that are no records, or none at all where records were lost earlier. Sound records follow, the first
    /// with offset `resumes`.
    Hole { position: u64, bytes: u64, offset: u64, resumes: u64 },
    /// Bytes that are no records up to the end. `torn`: they look like a write that stopped.
    Tail { position: u64, bytes: u64, offset: u64, torn: bool },
    /// Nothing follows.
    End,
}

impl Scan {
    /// Over a segment whose first offset is `first`, up to byte `end` and below offset `limit`.
    pub(crate) fn new(
        file: Box<dyn DiskFile>,
        first: u64,
        end: u64,
        limit: u64,
        payload_bytes_max: usize,
    ) -> Scan {
        let position = HEADER_BYTES as u64;
        Scan {
            file,
            first,
            position,
            sound: position,
            end: end.max(position),
            expected: first,
            limit,
            payload_bytes_max,
            window: Vec::new(),
            window_start: 0,
        }
    }

    /// Offset of the record that comes next, or would.
    pub(crate) fn expected(&self) -> u64 {
        self.expected
    }

    /// Where that record is, or would be.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Where the last sound record so far ends.
    pub(crate) fn sound(&self) -> u64 {
        self.sound
    }

    /// The next step. After an error the scan is at the same place.
    pub(crate) fn next(&mut self) -> io::Result<Step<'_>> {
        if self.position >= self.end || self.expected >= self.limit {
            return Ok(Step::End);
        }
        let found = self.frame_at(self.position)?;
        match found {
            Found::Record { offset, index, bytes } if offset == self.expected => {
                let start = (self.position - self.window_start) as usize;
                self.position += bytes as u64;
                self.sound = self.position;
                self.expected += 1;
                let payload = &self.window[start + FRAME_HEADER_BYTES..start + bytes];
                Ok(Step::Record { offset, group: offset.saturating_sub(index.into()), payload })
            }
            bad => self.skip(matches!(bad, Found::Nothing { beyond_end: true })),
        }
    }

    /// Looks for the next sound record at any byte: where the damage ends cannot be known from damaged lengths.
    fn skip(&mut self, beyond_end: bool) -> io::Result<Step<'_>> {
        let (from, offset) = (self.position, self.expected);
        let mut budget = SEARCH_BYTES_MAX;
        let mut zeros = true;
        for position in from..self.end {
            zeros &= self.bytes(position, 1)?[0] == 0;
            if budget == 0 || !self.plausible(position)? {
                continue;
            }
            let (len, _) = claims(self.bytes(position, FRAME_HEADER_BYTES)?);
            budget = budget.saturating_sub((FRAME_HEADER_BYTES + len) as u64);
            if let Found::Record { offset: resumes, .. } = self.frame_at(position)? {
                self.position = position;
                self.expected = resumes;
                return Ok(Step::Hole { position: from, bytes: position - from, offset, resumes });
            }
        }
        self.position = self.end;
        Ok(Step::Tail { position: from, bytes: self.end - from, offset, torn: beyond_end || zeros })
    }

    /// Whether a frame could start here, judged without its checksum.
    fn plausible(&mut self, position: u64) -> io::Result<bool> {
        let left = self.end - position;
        if left < FRAME_HEADER_BYTES as u64 {
            return Ok(false);
        }
        let (len, offset) = claims(self.bytes(position, FRAME_HEADER_BYTES)?);
        let offsets = self.expected..self.limit.min(self.expected.saturating_add(LOST_MAX));
        Ok(len <= self.payload_bytes_max
            && (FRAME_HEADER_BYTES + len) as u64 <= left
            && offsets.contains(&offset))
    }

    fn frame_at(&mut self, position: u64) -> io::Result<Found> {
        let left = self.end - position;
        let mut wanted = (FRAME_HEADER_BYTES as u64).min(left) as usize;
        loop {
            let (first, payload_bytes_max) = (self.first, self.payload_bytes_max);
            let available = self.bytes(position, wanted)?;
            match decode_frame(first, available, payload_bytes_max) {
                Ok(frame) => {
                    let bytes = frame.encoded_len();
                    return Ok(Found::Record { offset: frame.offset, index: frame.index, bytes });
                }
                Err(FrameError::Short(needed)) if needed as u64 <= left => wanted = needed,
                Err(FrameError::Short(_)) => return Ok(Found::Nothing { beyond_end: true }),
                Err(FrameError::TooLong(_) | FrameError::Checksum) => {
                    return Ok(Found::Nothing { beyond_end: false });
                }
            }
        }
    }

    /// `wanted` bytes from `position` on, all of which lie before `end`.
    fn bytes(&mut self, position: u64, wanted: usize) -> io::Result<&[u8]> {
        let window_end = self.window_start + self.window.len() as u64;
        if position < self.window_start || position + wanted as u64 > window_end {
            let len = CHUNK_BYTES.max(wanted as u64).min(self.end - position);
            self.window.resize(len as usize, 0);
            self.window_start = position;
            if let Err(e) = self.file.read_at(&mut self.window, position) {
                self.window.clear();
                return Err(e);
            }
        }
        let start = (position - self.window_start) as usize;
        Ok(&self.window[start..start + wanted])
    }
}

enum Found {
    Record { offset: u64, index: u32, bytes: usize },
    Nothing { beyond_end: bool },
}
