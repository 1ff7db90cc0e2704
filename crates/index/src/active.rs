//! The series being written: a table in memory from a key's fingerprint to its id.
//!
//! Every series of every write is looked up here. An entry is 20 bytes; the key itself is not held (see
//! [`crate::digest`] for why a fingerprint is as good). Series come in when they are created or first written
//! after a restart, and leave by second chance: a lookup marks its entry, a rotation takes unmarked entries out
//! and clears the marks. A series thus stays for at least one whole time between two rotations after it was
//! last looked up.

use crate::SeriesId;
use crate::digest::{Fingerprint, Hashing};
use hashbrown::HashTable;
use parking_lot::RwLock;
use roaring::RoaringBitmap;
use std::sync::atomic::{AtomicU32, Ordering};

/// Shards have locks of their own. 64 keep 32 cores apart well and cost nothing on two.
const SHARDS: usize = 64;

pub(crate) struct Active {
    hashing: Hashing,
    shards: Box<[Shard]>,
}

/// On cache lines of its own: the lock word is written by every reader.
#[repr(align(128))]
#[derive(Default)]
struct Shard(RwLock<HashTable<Entry>>);

/// The fingerprint's two 61-bit halves, each split in two so that an entry aligns to four bytes, and the id.
/// The top bit of `a_high` is the mark of the last lookup; it changes under a shared lock.
struct Entry {
    a_low: u32,
    a_high: AtomicU32,
    b_low: u32,
    b_high: u32,
    id: u32,
}

const MARK: u32 = 1 << 31;

impl Entry {
    fn new(f: Fingerprint, id: SeriesId) -> Entry {
        Entry {
            a_low: f.a as u32,
            a_high: AtomicU32::new((f.a >> 32) as u32 | MARK),
            b_low: f.b as u32,
            b_high: (f.b >> 32) as u32,
            id: id.0,
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        let join = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        Fingerprint {
            a: join(self.a_high.load(Ordering::Relaxed) & !MARK, self.a_low),
            b: join(self.b_high, self.b_low),
        }
    }
}

impl Active {
    pub(crate) fn new() -> Active {
        Active { hashing: Hashing::secret(), shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }

    pub(crate) fn fingerprint(&self, key: &[u8]) -> Fingerprint {
        self.hashing.fingerprint(key)
    }

    /// The slot hash, and the shard it selects. The shard comes from bits that the table inside uses for neither
    /// slot nor tag.
    fn place(&self, f: Fingerprint) -> (u64, &RwLock<HashTable<Entry>>) {
        let slot = self.hashing.slot(f);
        (slot, &self.shards[(slot >> 48) as usize % SHARDS].0)
    }

    pub(crate) fn get(&self, f: Fingerprint) -> Option<SeriesId> {
        let (slot, shard) = self.place(f);
        let table = shard.read();
        let entry = table.find(slot, |e| e.fingerprint() == f)?;
        // Written only when it changes, or every lookup would dirty the line for all cores.
        if entry.a_high.load(Ordering::Relaxed) & MARK == 0 {
            entry.a_high.fetch_or(MARK, Ordering::Relaxed);
        }
        Some(SeriesId(entry.id))
    }

    /// Adds a series; one that is there stays as it is.
    pub(crate) fn insert(&self, f: Fingerprint, id: SeriesId) {
        let (slot, shard) = self.place(f);
        let mut table = shard.write();
        if table.find(slot, |e| e.fingerprint() == f).is_none() {
            table.insert_unique(slot, Entry::new(f, id), |e| self.hashing.slot(e.fingerprint()));
        }
    }

    /// Takes a series out if it has this id.
    pub(crate) fn remove(&self, f: Fingerprint, id: SeriesId) {
        let (slot, shard) = self.place(f);
        if let Ok(entry) = shard.write().find_entry(slot, |e| e.fingerprint() == f && e.id == id.0) {
            entry.remove();
        }
    }

    /// Takes out what was not looked up since the rotation before, except `pinned`.
    pub(crate) fn rotate(&self, pinned: &RoaringBitmap) {
        for shard in &self.shards {
            let mut table = shard.0.write();
            table.retain(|e| {
                let high = e.a_high.get_mut();
                let keep = *high & MARK != 0 || pinned.contains(e.id);
                *high &= !MARK;
                keep
            });
            if table.len() < table.capacity() / 3 {
                let room = table.len() + table.len() / 4;
                table.shrink_to(room, |e| self.hashing.slot(e.fingerprint()));
            }
        }
    }

    /// The ids held.
    pub(crate) fn ids(&self) -> RoaringBitmap {
        let mut ids: Vec<u32> = Vec::with_capacity(self.len());
        for shard in &self.shards {
            ids.extend(shard.0.read().iter().map(|e| e.id));
        }
        ids.sort_unstable();
        ids.into_iter().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|s| s.0.read().len()).sum()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.shards.iter().map(|s| size_of::<Shard>() + s.0.read().allocation_size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_series_leaves_at_the_second_rotation() {
        let active = Active::new();
        let f: Vec<_> = (0..3u32).map(|i| active.fingerprint(&i.to_le_bytes())).collect();
        for (i, f) in f.iter().enumerate() {
            active.insert(*f, SeriesId(i as u32));
        }
        let pinned = RoaringBitmap::from_iter([2]);
        active.rotate(&pinned);
        assert_eq!(active.len(), 3, "all were new since the last rotation");
        assert_eq!(active.get(f[0]), Some(SeriesId(0)));
        active.rotate(&pinned);
        assert_eq!(active.ids(), RoaringBitmap::from_iter([0, 2]), "0 was looked up, 2 is pinned");
        active.rotate(&RoaringBitmap::new());
        assert_eq!(active.len(), 0);
    }

    #[test]
    fn the_first_id_of_a_key_stays() {
        let active = Active::new();
        let f = active.fingerprint(b"k");
        active.insert(f, SeriesId(7));
        active.insert(f, SeriesId(8));
        active.remove(f, SeriesId(8));
        assert_eq!(active.get(f), Some(SeriesId(7)));
        active.remove(f, SeriesId(7));
        assert_eq!(active.get(f), None);
        assert_eq!(size_of::<Entry>(), 20);
    }

    #[test]
    fn many_series_are_found_again() {
        let active = Active::new();
        let key = |i: u32| format!("series {i}");
        for i in 0..50_000 {
            active.insert(active.fingerprint(key(i).as_bytes()), SeriesId(i));
        }
        for i in 0..50_000 {
            assert_eq!(active.get(active.fingerprint(key(i).as_bytes())), Some(SeriesId(i)));
        }
        assert_eq!(active.get(active.fingerprint(b"series x")), None);
        assert_eq!(active.ids().len(), 50_000);
    }
}
