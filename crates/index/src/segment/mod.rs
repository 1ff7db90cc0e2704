//! A segment: an immutable block of series with their terms.
//!
//! Opening reads header and footer. The small directories are checked when first used; the large sections are
//! frames, each checked whenever it is read. Nothing of a segment is held in memory but a compression dictionary,
//! the id set of a segment with holes, and a few recently decoded keys.

mod hashes;
mod keys;
mod layout;
mod terms;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use keys::{BlockCache, KEY_BYTES_MAX, SegmentKeys};
pub(crate) use layout::{Footer, Section};
pub(crate) use terms::SegmentValues;
pub(crate) use verify::verify;
pub(crate) use write::{WriteError, write};

use crate::Flaw;
use crate::codec::payload;
use crate::posting::Posting;
use crate::source::{Keys, NameStats, Order, Source, Values};
use bytes::Bytes;
use keys::Dictionary;
use roaring::RoaringBitmap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// An open segment.
pub(crate) struct Segment {
    /// The block's name.
    pub(crate) name: String,
    pub(crate) footer: Footer,
    bytes: Bytes,
    /// Tells segments apart in the cache.
    serial: u64,
    cache: Arc<BlockCache>,
    /// Directories whose checksum was found right.
    checked: [AtomicBool; Section::ALL.len()],
    ids: OnceLock<Result<RoaringBitmap, Flaw>>,
    dictionary: OnceLock<Result<Option<Dictionary>, Flaw>>,
    /// Set when a flaw was met; the segment is then made anew from its keys.
    damaged: AtomicBool,
}

impl Segment {
    pub(crate) fn open(name: String, bytes: Bytes, cache: Arc<BlockCache>) -> Result<Segment, Flaw> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let footer = Footer::read(&bytes)?;
        Ok(Segment {
            name,
            footer,
            bytes,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            cache,
            checked: Default::default(),
            ids: OnceLock::new(),
            dictionary: OnceLock::new(),
            damaged: AtomicBool::new(false),
        })
    }

    pub(crate) fn len(&self) -> u32 {
        self.footer.series
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether the id lies in this segment's range; its series may have been dropped.
    pub(crate) fn covers(&self, id: u32) -> bool {
        self.footer.from <= id && u64::from(id) < self.footer.to
    }

    /// Every id of the range.
    pub(crate) fn range(&self) -> RoaringBitmap {
        let mut ids = RoaringBitmap::new();
        if u64::from(self.footer.from) < self.footer.to {
            ids.insert_range(self.footer.from..=(self.footer.to - 1) as u32);
        }
        ids
    }

    /// Remembers that a flaw was met; true the first time.
    pub(crate) fn mark_damaged(&self) -> bool {
        !self.damaged.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let ids = self.ids.get().and_then(|i| i.as_ref().ok()).map_or(0, RoaringBitmap::serialized_size);
        let dictionary = self.dictionary.get().and_then(|d| d.as_ref().ok()?.as_ref());
        size_of::<Segment>() + self.name.len() + ids + dictionary.map_or(0, Dictionary::memory_bytes)
    }

    /// The bytes of a section.
    fn section(&self, section: Section) -> &[u8] {
        &self.bytes[self.footer.range(section)]
    }

    /// A flaw at an offset within a section.
    fn flaw(&self, section: Section, offset: usize, what: &str) -> Flaw {
        let offset = (self.footer.range(section).start + offset) as u64;
        Flaw { section: section.name(), offset, what: what.to_owned() }
    }

    /// A frame of a section, checked.
    fn frame(&self, section: Section, start: usize, end: usize) -> Result<&[u8], Flaw> {
        let frame = self.section(section).get(start..end);
        let frame = frame.ok_or_else(|| self.flaw(section, 0, "a frame lies outside of the section"))?;
        payload(frame).ok_or_else(|| self.flaw(section, start, "the checksum does not match"))
    }

    /// A section that is a single frame, checked at the first use.
    fn whole(&self, section: Section) -> Result<&[u8], Flaw> {
        let bytes = self.section(section);
        let checked = &self.checked[section as usize];
        if checked.load(Ordering::Relaxed) {
            return Ok(&bytes[..bytes.len() - crate::codec::CRC_BYTES]);
        }
        let body = self.frame(section, 0, bytes.len())?;
        checked.store(true, Ordering::Relaxed);
        Ok(body)
    }

    /// The id set of a segment with holes.
    fn sparse_ids(&self) -> Result<&RoaringBitmap, Flaw> {
        let read = || {
            self.read_ids().or_else(|flaw| {
                // Every series has a label, so the postings of all label names hold every id, too.
                self.mark_damaged();
                self.ids_of_names().filter(|ids| ids.len() == u64::from(self.len())).ok_or(flaw)
            })
        };
        self.ids.get_or_init(read).as_ref().map_err(Flaw::clone)
    }

    fn read_ids(&self) -> Result<RoaringBitmap, Flaw> {
        let mut body = self.whole(Section::Ids)?;
        let bad = |what| self.flaw(Section::Ids, 0, what);
        let ids = RoaringBitmap::deserialize_from(&mut body).map_err(|_| bad("not a set of ids"))?;
        let within = ids.min().is_none_or(|id| self.covers(id)) && ids.max().is_none_or(|id| self.covers(id));
        if !body.is_empty() || ids.len() != u64::from(self.len()) || !within {
            return Err(bad("not the ids of this segment"));
        }
        Ok(ids)
    }

    fn ids_of_names(&self) -> Option<RoaringBitmap> {
        let mut ids = RoaringBitmap::new();
        for (name, _) in self.name_list().ok()? {
            self.presence(&name).ok()??.add_to(&mut ids).ok()?;
        }
        Some(ids)
    }

    /// The id at a position, which must be below the number of series.
    fn id_at(&self, position: u32) -> Result<u32, Flaw> {
        if self.footer.is_dense() {
            return Ok(self.footer.from + position);
        }
        let id = self.sparse_ids()?.select(position);
        id.ok_or_else(|| self.flaw(Section::Ids, 0, "a position lies past the last series"))
    }

    /// The position of an id.
    fn position_of(&self, id: u32) -> Result<Option<u32>, Flaw> {
        if !self.covers(id) {
            return Ok(None);
        }
        if self.footer.is_dense() {
            return Ok(Some(id - self.footer.from));
        }
        let ids = self.sparse_ids()?;
        Ok(ids.contains(id).then(|| (ids.rank(id) - 1) as u32))
    }
}

impl Source for Segment {
    fn all(&self) -> Result<RoaringBitmap, Flaw> {
        if !self.footer.is_dense() {
            return Ok(self.sparse_ids()?.clone());
        }
        Ok(self.range())
    }

    fn names(&self) -> Result<Vec<(String, NameStats)>, Flaw> {
        self.name_list()
    }

    fn name(&self, name: &str) -> Result<Option<NameStats>, Flaw> {
        Ok(self.find_name(name)?.map(|n| n.stats))
    }

    fn presence(&self, name: &str) -> Result<Option<Posting<'_>>, Flaw> {
        self.find_name(name)?.map(|n| self.presence_posting(&n)).transpose()
    }

    fn term(&self, name: &str, value: &str) -> Result<Option<Posting<'_>>, Flaw> {
        self.find_term(name, value)
    }

    fn values(&self, name: &str, prefix: &str, _: Order) -> Result<Values<'_>, Flaw> {
        Ok(match self.find_name(name)? {
            Some(n) => Values::Segment(SegmentValues::new(self, &n, prefix)?),
            None => Values::None,
        })
    }

    fn keys(&self, from: u32) -> Keys<'_> {
        Keys::Segment(SegmentKeys::new(self, from))
    }
}
