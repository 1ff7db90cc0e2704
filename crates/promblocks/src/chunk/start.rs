//! Start times, which three encodings append to their samples.

use crate::bits::BitReader;

/// Reads start times as far as the header says they are there.
pub(super) struct StartReader {
    first_known: bool,
    /// The sample from which on each has one; 0 if none has.
    changes_at: u32,
    difference: i64,
    start_ms: i64,
}

impl StartReader {
    pub fn new(header: u8) -> Self {
        StartReader {
            first_known: header & 0x80 != 0,
            changes_at: u32::from(header & 0x7f),
            difference: 0,
            start_ms: 0,
        }
    }

    /// The start time of sample `at`, whose time is `time_ms` and whose predecessor's is `before_ms`.
    pub fn read(&mut self, r: &mut BitReader<'_>, at: u32, time_ms: i64, before_ms: i64) -> Option<i64> {
        if at == 0 {
            if self.first_known {
                self.start_ms = time_ms.wrapping_sub(r.varint()?);
            }
        } else if self.changes_at > 0 && at >= self.changes_at {
            let change = r.varbit_int()?;
            self.difference =
                if at == self.changes_at { change } else { self.difference.wrapping_add(change) };
            self.start_ms = before_ms.wrapping_sub(self.difference);
        }
        Some(self.start_ms)
    }
}

/// Decides and writes start times for a chunk whose samples are known beforehand.
pub(super) struct StartWriter {
    /// The header byte.
    pub header: u8,
    changes_at: u32,
    difference: i64,
}

/// The header has seven bits for the sample at which start times begin.
const CHANGES_AT_MAX: usize = 127;

impl StartWriter {
    pub fn new(starts: impl ExactSizeIterator<Item = i64>) -> Self {
        let mut starts = starts.enumerate();
        let first = starts.next().map_or(0, |(_, s)| s);
        let mut changes_at = 0;
        for (at, start) in starts {
            if start != first || at == CHANGES_AT_MAX {
                changes_at = at as u32;
                break;
            }
        }
        let known = if first != 0 { 0x80 } else { 0 };
        StartWriter { header: known | changes_at as u8, changes_at, difference: 0 }
    }

    pub fn write(
        &mut self,
        w: &mut crate::bits::BitWriter,
        at: u32,
        time_ms: i64,
        before_ms: i64,
        start_ms: i64,
    ) {
        if at == 0 {
            if self.header & 0x80 != 0 {
                w.varint(time_ms.wrapping_sub(start_ms));
            }
        } else if self.changes_at > 0 && at >= self.changes_at {
            let difference = before_ms.wrapping_sub(start_ms);
            let change =
                if at == self.changes_at { difference } else { difference.wrapping_sub(self.difference) };
            w.varbit_int(change);
            self.difference = difference;
        }
    }
}
