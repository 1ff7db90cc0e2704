//! What is in a simulated file, and what is left of it after a crash.

use crate::random::SimRandom;

/// Disks write this much or nothing.
const SECTOR_BYTES: usize = 512;

/// The bytes of a file as they are read, as they are on stable storage, and the way from one to the other.
#[derive(Default)]
pub(super) struct Contents {
    volatile: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in order.
    pending: Vec<Write>,
}

enum Write {
    Bytes { at: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

impl Contents {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.volatile
    }

    pub(super) fn len(&self) -> u64 {
        self.volatile.len() as u64
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.pending.push(Write::Bytes { at: self.volatile.len(), bytes: bytes.to_vec() });
            self.volatile.extend_from_slice(bytes);
        }
    }

    pub(super) fn truncate(&mut self, len: u64) {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len < self.volatile.len() {
            self.pending.push(Write::Truncate { len });
            self.volatile.truncate(len);
        }
    }

    pub(super) fn flip(&mut self, bit: u64) -> bool {
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        for bytes in [&mut self.volatile, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(byte) {
                *byte ^= mask;
            }
        }
        // Bytes still on their way are flipped too, or a sync would undo the damage.
        for write in &mut self.pending {
            if let Write::Bytes { at, bytes } = write
                && let Some(byte) = byte.checked_sub(*at).and_then(|i| bytes.get_mut(i))
            {
                *byte ^= mask;
            }
        }
        byte < self.volatile.len()
    }

    pub(super) fn sync(&mut self) {
        for write in self.pending.drain(..) {
            apply(&mut self.durable, &write);
        }
    }

    /// Some of what was written reaches the disk. The rest never will: it is taken for clean from now on.
    pub(super) fn fail_sync(&mut self, random: &SimRandom) {
        survive(&mut self.durable, std::mem::take(&mut self.pending), random);
    }

    pub(super) fn crash(&mut self, random: &SimRandom) {
        survive(&mut self.durable, std::mem::take(&mut self.pending), random);
        self.volatile.clone_from(&self.durable);
    }
}

fn apply(durable: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Bytes { at, bytes } => put(durable, *at, bytes),
        Write::Truncate { len } => durable.truncate(*len),
    }
}

/// Bytes at a place; what was never written before it is zeros.
fn put(durable: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if durable.len() < end {
        durable.resize(end, 0);
    }
    durable[at..end].copy_from_slice(bytes);
}

/// Lets some part of the pending writes reach the disk.
fn survive(durable: &mut Vec<u8>, pending: Vec<Write>, random: &SimRandom) {
    if pending.is_empty() {
        return;
    }
    match random.below(6) {
        0 => {}
        1 => pending.iter().for_each(|write| apply(durable, write)),
        2 | 3 => survive_prefix(durable, &pending, random),
        _ => survive_sectors(durable, &pending, random),
    }
}

/// The first writes, the last of them cut at some byte.
fn survive_prefix(durable: &mut Vec<u8>, pending: &[Write], random: &SimRandom) {
    let whole = random.below(pending.len() as u64) as usize;
    pending[..whole].iter().for_each(|write| apply(durable, write));
    if let Write::Bytes { at, bytes } = &pending[whole] {
        let cut = random.below(bytes.len() as u64 + 1) as usize;
        put(durable, *at, &bytes[..cut]);
    }
}

/// Any sectors in any order. The file may have its new length all the same, with zeros or garbage where sectors are
/// lost.
fn survive_sectors(durable: &mut Vec<u8>, pending: &[Write], random: &SimRandom) {
    let kept = [0.0, 0.1, 0.5, 0.9, 0.99][random.below(5) as usize];
    let (full_length, garbage) = (random.chance(0.5), random.chance(0.25));
    for write in pending {
        match write {
            Write::Truncate { len } => {
                if random.chance(kept) {
                    durable.truncate(*len);
                }
            }
            Write::Bytes { at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let to = bytes.len().min(from + SECTOR_BYTES - (at + from) % SECTOR_BYTES);
                    if random.chance(kept) {
                        put(durable, at + from, &bytes[from..to]);
                    } else if full_length && durable.len() < at + to {
                        let fill = || if garbage { random.below(256) as u8 } else { 0 };
                        if durable.len() < at + from {
                            durable.resize(at + from, 0);
                        }
                        durable.resize_with(at + to, fill);
                    }
                    from = to;
                }
            }
        }
    }
}
