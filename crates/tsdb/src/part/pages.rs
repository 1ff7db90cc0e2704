//! Decompressed pages, and the cache of those read lately.

use super::reader::read_directory;
use crate::bytes::Malformed;
use std::sync::Arc;

/// A page of chunks.
pub(super) struct ValuesPage {
    pub raw: Vec<u8>,
    pub chunks: Vec<Chunk>,
}

/// A chunk within the raw bytes of its page.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub id: u32,
    pub kind: u8,
    /// Position of its column of timestamps.
    pub times: u64,
    pub start: u32,
    pub len: u32,
}

impl ValuesPage {
    pub fn new(raw: Vec<u8>) -> Result<ValuesPage, Malformed> {
        let chunks = read_directory(&raw)?;
        Ok(ValuesPage { raw, chunks })
    }

    /// The chunks of one series.
    pub fn chunks_of(&self, id: u32) -> &[Chunk] {
        let from = self.chunks.partition_point(|c| c.id < id);
        let rest = &self.chunks[from..];
        &rest[..rest.iter().take_while(|c| c.id == id).count()]
    }

    pub fn payload(&self, c: Chunk) -> &[u8] {
        &self.raw[c.start as usize..][..c.len as usize]
    }
}

/// When a series ends in a part: milliseconds before the part's last sample, and whether by a staleness marker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct End(u32);

impl End {
    /// `None` where the distance is beyond what a part covers.
    pub fn new(before_ms: i64, stale: bool) -> Option<End> {
        let before = u32::try_from(before_ms).ok().filter(|b| *b < 1 << 31)?;
        Some(End(before << 1 | u32::from(stale)))
    }

    pub fn stale(self) -> End {
        End(self.0 | 1)
    }

    pub fn before_ms(self) -> i64 {
        i64::from(self.0 >> 1)
    }

    pub fn is_stale(self) -> bool {
        self.0 & 1 != 0
    }
}

#[derive(Clone)]
pub(super) enum Page {
    Values(Arc<ValuesPage>),
    Times(Arc<Vec<u8>>),
    Ends(Arc<Vec<End>>),
}

/// What a page is known by: the serial number of its part, and its offset there.
type Key = (u64, u64);

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<Key, Page> for Weight {
    fn weight(&self, _: &Key, page: &Page) -> u64 {
        let bytes = match page {
            Page::Values(p) => p.raw.capacity() + p.chunks.capacity() * size_of::<Chunk>(),
            Page::Times(t) => t.capacity(),
            Page::Ends(e) => e.capacity() * size_of::<End>(),
        };
        bytes as u64 + ENTRY_BYTES
    }
}

/// What an entry takes beside its page, about.
const ENTRY_BYTES: u64 = 128;
/// About what a page takes.
const PAGE_BYTES: usize = 40 << 10;

/// Pages read lately, so that a question asked again need not decompress them again. Bounded in bytes, and shared
/// by all who read. A page of a part that is gone is forgotten in time.
pub(crate) struct PageCache(quick_cache::sync::Cache<Key, Page, Weight>);

impl PageCache {
    pub fn new(bytes_max: usize) -> PageCache {
        PageCache(quick_cache::sync::Cache::with_weighter(
            (bytes_max / PAGE_BYTES).max(1),
            bytes_max as u64,
            Weight,
        ))
    }

    /// Memory that pages may take.
    pub fn bytes_max(&self) -> u64 {
        self.0.capacity()
    }

    /// Memory of all pages held.
    pub fn bytes(&self) -> u64 {
        self.0.weight()
    }

    pub(super) fn get(&self, key: Key) -> Option<Page> {
        self.0.get(&key)
    }

    pub(super) fn put(&self, key: Key, page: Page) {
        self.0.insert(key, page);
    }
}
