//! The series being written: a table in memory from a key's fingerprint to its id.
//!
//! Every series of every write is looked up here. An entry is 20 bytes, and 20 more in order of id; the key itself
//! is not held (see [`crate::digest`] for why a fingerprint is as good). Series come in when they are created or first written
//! after a restart, and leave by second chance: a lookup marks its entry, a rotation takes unmarked entries out
//! and clears the marks. A series thus stays for at least one whole time between two rotations after it was
//! last looked up.

use crate::SeriesId;
use crate::digest::{Fingerprint, Hashing};
use hashbrown::HashTable;
use parking_lot::RwLock;
use roaring::RoaringBitmap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Ids whose fingerprints lie together.
const PAGE_IDS: usize = 4096;

/// Shards have locks of their own. 64 keep 32 cores apart well and cost nothing on two.
const SHARDS: usize = 64;

pub(crate) struct Active {
    hashing: Hashing,
    shards: Box<[Shard]>,
    /// The same fingerprints in order of id, and which series came after each the last time. A sender repeats its
    /// series in the same order, so the one remembered is nearly always the next. Its id is close by, because
    /// ids are given in the order in which series first come: a walk through memory in sequence where the
    /// table would miss the cache.
    by_id: RwLock<Vec<Option<Box<Page>>>>,
}

struct Page {
    slots: [Slot; PAGE_IDS],
    /// The id after it, [`NONE_YET`] before it is known. Only a guess: the fingerprint there decides.
    after: [AtomicU32; PAGE_IDS],
}

const NONE_YET: u32 = u32::MAX;

/// So many series that a sender leaves out for once are stepped over.
const SKIPPED_MAX: usize = 4;

impl Page {
    fn empty() -> Box<Page> {
        Box::new(Page {
            slots: std::array::from_fn(|_| Slot::default()),
            after: std::array::from_fn(|_| AtomicU32::new(NONE_YET)),
        })
    }

    fn is_empty(&self) -> bool {
        self.slots.iter().all(|s| s.a.load(Ordering::Relaxed) == 0)
    }
}

/// A fingerprint, zero where there is none. `a` has the mark of the last lookup in its top bit. Seldom written: when
/// the series comes in, when it gets an alias, and when it leaves the table. A reader who meets a write sees
/// halves of two fingerprints, which match no third.
#[derive(Default)]
struct Slot {
    a: AtomicU64,
    b: AtomicU64,
}

const SLOT_MARK: u64 = 1 << 63;

impl Slot {
    fn holds(&self, f: Fingerprint) -> bool {
        let a = self.a.load(Ordering::Acquire);
        if a & !SLOT_MARK != f.a || self.b.load(Ordering::Relaxed) != f.b {
            return false;
        }
        if a & SLOT_MARK != 0 {
            return true;
        }
        // The mark is set only while the fingerprint is there: a rotation that takes it out at this moment must
        // win or see the mark.
        let marked = self.a.compare_exchange(a, a | SLOT_MARK, Ordering::Relaxed, Ordering::Relaxed);
        marked.is_ok() || marked.is_err_and(|now| now & !SLOT_MARK == f.a)
    }

    fn set(&self, f: Fingerprint) {
        self.b.store(f.b, Ordering::Relaxed);
        self.a.store(f.a | SLOT_MARK, Ordering::Release);
    }

    fn unmark(&self) {
        self.a.fetch_and(!SLOT_MARK, Ordering::Relaxed);
    }

    /// Clears the mark, or, if there is none, the fingerprint; says whether the fingerprint stays.
    fn stays(&self) -> bool {
        let a = self.a.load(Ordering::Relaxed);
        if a & SLOT_MARK != 0 {
            self.unmark();
            return true;
        }
        if self.a.compare_exchange(a, 0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            // Looked up at this moment.
            return true;
        }
        self.b.store(0, Ordering::Relaxed);
        false
    }
}

fn page_of(pages: &[Option<Box<Page>>], id: u32) -> Option<(&Page, usize)> {
    let page = pages.get(id as usize / PAGE_IDS)?.as_ref()?;
    Some((page, id as usize % PAGE_IDS))
}

fn slot_of(pages: &[Option<Box<Page>>], id: u32) -> Option<&Slot> {
    page_of(pages, id).map(|(page, at)| &page.slots[at])
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
        Active {
            hashing: Hashing::secret(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            by_id: RwLock::new(Vec::new()),
        }
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

    /// As [`Active::get`], trying first the series that came after `before` the last time.
    pub(crate) fn get_after(&self, before: SeriesId, f: Fingerprint) -> Option<SeriesId> {
        if let Some(id) = self.expected(before, f) {
            return Some(id);
        }
        let id = self.get(f)?;
        if let Some((page, at)) = page_of(&self.by_id.read(), before.0) {
            page.after[at].store(id.0, Ordering::Relaxed);
        }
        Some(id)
    }

    fn expected(&self, before: SeriesId, f: Fingerprint) -> Option<SeriesId> {
        let pages = self.by_id.read();
        let mut id = before.0;
        for _ in 0..=SKIPPED_MAX {
            let (page, at) = page_of(&pages, id)?;
            id = match page.after[at].load(Ordering::Relaxed) {
                NONE_YET => id.wrapping_add(1),
                after => after,
            };
            // An empty slot is all zero; a fingerprint of zero, should it ever come up, is for the table.
            if f.a != 0 && slot_of(&pages, id)?.holds(f) {
                return Some(SeriesId(id));
            }
        }
        None
    }

    /// Adds a series; one that is there stays as it is.
    pub(crate) fn insert(&self, f: Fingerprint, id: SeriesId) {
        self.insert_if(f, id, || true);
    }

    /// Adds a series if `good` says so, which is asked at a moment when nobody can look the series up, nor collect
    /// the ids held; returns what it said.
    pub(crate) fn insert_if(&self, f: Fingerprint, id: SeriesId, good: impl FnOnce() -> bool) -> bool {
        let (place, shard) = self.place(f);
        let mut table = shard.write();
        let good = good();
        if good && table.find(place, |e| e.fingerprint() == f).is_none() {
            table.insert_unique(place, Entry::new(f, id), |e| self.hashing.slot(e.fingerprint()));
            self.slot_for(id, |s| s.set(f));
        }
        good
    }

    /// Adds another fingerprint by which a series is found: that of bytes that mean the same labels. It is this one that
    /// is expected in order of id from now on, since a sender does not change its ways.
    pub(crate) fn insert_alias(&self, f: Fingerprint, id: SeriesId) {
        let (place, shard) = self.place(f);
        let mut table = shard.write();
        if table.find(place, |e| e.fingerprint() == f).is_none() {
            table.insert_unique(place, Entry::new(f, id), |e| self.hashing.slot(e.fingerprint()));
            self.slot_for(id, |s| s.set(f));
        }
    }

    fn slot_for(&self, id: SeriesId, change: impl FnOnce(&Slot)) {
        if let Some(s) = slot_of(&self.by_id.read(), id.0) {
            return change(s);
        }
        let mut pages = self.by_id.write();
        let page = id.0 as usize / PAGE_IDS;
        if pages.len() <= page {
            pages.resize_with(page + 1, || None);
        }
        let page = pages[page].get_or_insert_with(Page::empty);
        change(&page.slots[id.0 as usize % PAGE_IDS]);
    }

    /// Takes out what was not looked up since the rotation before, except `pinned`.
    pub(crate) fn rotate(&self, pinned: &RoaringBitmap) {
        for shard in &self.shards {
            let mut table = shard.0.write();
            let pages = self.by_id.read();
            table.retain(|e| {
                let high = e.a_high.get_mut();
                let seen = *high & MARK != 0 || pinned.contains(e.id);
                *high &= !MARK;
                let slot = slot_of(&pages, e.id);
                if seen {
                    slot.inspect(|s| s.unmark());
                }
                seen || slot.is_some_and(Slot::stays)
            });
            drop(pages);
            if table.len() < table.capacity() / 3 {
                let room = table.len() + table.len() / 4;
                table.shrink_to(room, |e| self.hashing.slot(e.fingerprint()));
            }
        }
        self.free_pages();
    }

    /// Gives back the pages in which no fingerprint is left; otherwise every id ever given would cost memory.
    fn free_pages(&self) {
        let count = self.by_id.read().len();
        for at in 0..count {
            // One page at a time, so that lookups wait for microseconds only.
            let page = &mut self.by_id.write()[at];
            if page.as_ref().is_some_and(|p| p.is_empty()) {
                *page = None;
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
        let tables: usize =
            self.shards.iter().map(|s| size_of::<Shard>() + s.0.read().allocation_size()).sum();
        tables + self.by_id.read().iter().flatten().count() * size_of::<Page>()
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
        assert_eq!(active.get(f), Some(SeriesId(7)));
        let other = active.fingerprint(b"other");
        assert!(!active.insert_if(other, SeriesId(9), || false));
        assert_eq!(active.get(other), None);
        assert_eq!(size_of::<Entry>(), 20);
    }

    #[test]
    fn what_came_after_a_series_is_expected_there_again() {
        let active = Active::new();
        let f: Vec<_> = (0..10u32).map(|i| active.fingerprint(&i.to_le_bytes())).collect();
        for (i, f) in f.iter().enumerate() {
            active.insert(*f, SeriesId(i as u32));
        }
        assert_eq!(active.expected(SeriesId(2), f[3]), Some(SeriesId(3)), "the next id, until more is known");
        assert_eq!(active.expected(SeriesId(2), f[7]), Some(SeriesId(7)), "four are left out");
        assert_eq!(active.expected(SeriesId(2), f[8]), None);
        assert_eq!(active.expected(SeriesId(3), f[2]), None);
        assert_eq!(active.get_after(SeriesId(2), f[9]), Some(SeriesId(9)));
        assert_eq!(active.get_after(SeriesId(3), f[1]), Some(SeriesId(1)));
        assert_eq!(active.get_after(SeriesId(1), f[8]), Some(SeriesId(8)));
        assert_eq!(active.expected(SeriesId(2), f[9]), Some(SeriesId(9)));
        assert_eq!(active.expected(SeriesId(2), f[3]), None);
        assert_eq!(active.expected(SeriesId(3), f[8]), Some(SeriesId(8)), "1 is left out");
        assert_eq!(active.get_after(SeriesId(u32::MAX), f[1]), Some(SeriesId(1)), "nothing was before it");
        // Looked up where it was expected alone, a series stays; unused, it goes from everywhere.
        let none = RoaringBitmap::new();
        active.rotate(&none);
        assert!(active.expected(SeriesId(3), f[8]).is_some());
        active.rotate(&none);
        assert_eq!(active.ids(), RoaringBitmap::from_iter([8]));
        assert_eq!(active.get_after(SeriesId(3), f[8]), Some(SeriesId(8)));
        active.rotate(&none);
        assert_eq!(active.len(), 1);
        active.rotate(&none);
        assert_eq!((active.len(), active.expected(SeriesId(3), f[8])), (0, None));
    }

    #[test]
    fn an_alias_finds_the_series_and_keeps_it() {
        let active = Active::new();
        let (f, alias) = (active.fingerprint(b"k"), active.fingerprint(b"k written otherwise"));
        active.insert(f, SeriesId(7));
        active.insert_alias(alias, SeriesId(7));
        assert_eq!((active.get(f), active.get(alias)), (Some(SeriesId(7)), Some(SeriesId(7))));
        let none = RoaringBitmap::new();
        active.rotate(&none);
        assert_eq!(active.get(alias), Some(SeriesId(7)));
        active.rotate(&none);
        assert_eq!((active.get(f), active.get(alias)), (None, Some(SeriesId(7))));
        assert_eq!(active.ids(), RoaringBitmap::from_iter([7]));
        active.rotate(&none);
        active.rotate(&none);
        assert_eq!(active.len(), 0);
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
        let before = active.memory_bytes();
        active.rotate(&RoaringBitmap::new());
        let kept: RoaringBitmap = (0..5000).collect();
        active.rotate(&kept);
        assert_eq!(active.ids(), kept);
        assert!(active.memory_bytes() < before / 4, "what leaves gives back its memory");
    }
}
