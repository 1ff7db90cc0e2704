//! The newest records in memory, so that delivery that keeps up need not read the disk.

use std::collections::VecDeque;

/// Beyond this the oldest leave; they are on disk.
const BYTES_MAX: usize = 1 << 20;

/// Records with consecutive offsets, up to the newest.
pub(super) struct Tail {
    first: u64,
    records: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Tail {
    pub(super) fn starting_at(next: u64) -> Tail {
        Tail { first: next, records: VecDeque::new(), bytes: 0 }
    }

    /// Takes a record that has just been journaled.
    pub(super) fn push(&mut self, offset: u64, record: Vec<u8>) {
        if offset != self.first + self.records.len() as u64 {
            *self = Tail::starting_at(offset);
        }
        self.bytes += record.len();
        self.records.push_back(record);
        while self.bytes > BYTES_MAX {
            self.pop();
        }
    }

    /// Forgets records before `offset`.
    pub(super) fn forget(&mut self, offset: u64) {
        while self.first < offset && !self.records.is_empty() {
            self.pop();
        }
    }

    /// The record at `offset`, if it is still here.
    pub(super) fn get(&self, offset: u64) -> Option<&[u8]> {
        let at = usize::try_from(offset.checked_sub(self.first)?).ok()?;
        self.records.get(at).map(Vec::as_slice)
    }

    fn pop(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.bytes -= record.len();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_records_stay() {
        let mut tail = Tail::starting_at(5);
        (5..9).for_each(|o| tail.push(o, vec![o as u8; BYTES_MAX / 3]));
        assert_eq!((tail.get(5), tail.get(6).map(|r| r[0]), tail.get(9)), (None, Some(6), None));
        tail.forget(8);
        assert_eq!((tail.get(7), tail.get(8).map(|r| r[0])), (None, Some(8)));
        tail.push(20, vec![1]);
        assert_eq!((tail.get(8), tail.get(20)), (None, Some(&[1u8][..])));
        tail.push(21, vec![0; BYTES_MAX + 1]);
        assert_eq!((tail.get(20), tail.get(21), tail.bytes), (None, None, 0));
    }
}
