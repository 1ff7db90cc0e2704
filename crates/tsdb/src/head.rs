//! Recent samples in memory, all of which the journal holds, too.
//!
//! Floats lie in fixed-size blocks, chained per series, in one arena: no allocation per series, and all of it is
//! given back at once when the head has become a part.

use crate::batch::{Batch, HistogramSample};
use crate::merge::{Run, merge_runs};
use index::SeriesId;
use journal::Offset;
use model::{Histogram, Samples, TimeRange, is_stale};
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;

/// Five samples and the chain make 88 bytes.
const BLOCK_SAMPLES: usize = 5;
const ARENA_BLOCKS: usize = 4096;
const PAGE_IDS: usize = 4096;
const NONE: u32 = u32::MAX;

/// Samples of one series, in order of arrival.
struct Block {
    samples: [(i64, f64); BLOCK_SAMPLES],
    next: u32,
    len: u32,
}

struct Slot {
    id: SeriesId,
    first: u32,
    last: u32,
    samples: u32,
    last_ms: i64,
    /// Whether every sample came later in time than the one before.
    ascending: bool,
}

/// A head: filled by appends, then frozen, written as parts, and dropped.
pub(crate) struct Head {
    /// Slot by series id, in pages because ids in use are few among many.
    pages: Vec<Option<Box<[u32; PAGE_IDS]>>>,
    slots: Vec<Slot>,
    arena: Vec<Box<[Block]>>,
    blocks: usize,
    /// Start timestamps of float samples, only where one is known: which arrival of the series, and milliseconds.
    starts: HashMap<SeriesId, Vec<(u32, i64)>>,
    /// In order of arrival, each with the number of floats of the series that came before it.
    histograms: HashMap<SeriesId, Vec<(u32, HistogramSample)>>,
    histogram_bytes: usize,
    samples: u64,
    min_ms: i64,
    max_ms: i64,
    begin: Offset,
    end: Offset,
}

impl Head {
    /// An empty head; the next record applied is the one at `end`.
    pub fn new(end: Offset) -> Head {
        Head {
            pages: Vec::new(),
            slots: Vec::new(),
            arena: Vec::new(),
            blocks: 0,
            starts: HashMap::new(),
            histograms: HashMap::new(),
            histogram_bytes: 0,
            samples: 0,
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            begin: end,
            end,
        }
    }

    /// Takes in the record at `offset`. Records come in order of offset.
    pub fn apply(&mut self, batch: &Batch, offset: Offset) {
        let mut starts = batch.starts.iter().peekable();
        for (at, s) in batch.samples.iter().enumerate() {
            if let Some((_, start_ms)) = starts.next_if(|(i, _)| *i as usize == at) {
                let arrival = self.floats_of(s.id);
                self.starts.entry(s.id).or_default().push((arrival, *start_ms));
            }
            self.push(s.id, s.time_ms, s.value);
        }
        for h in &batch.histograms {
            self.observe(h.time_ms);
            self.histogram_bytes += histogram_bytes(&h.histogram);
            let before = self.floats_of(h.id);
            self.histograms.entry(h.id).or_default().push((before, h.clone()));
        }
        self.end = Offset(offset.0 + 1);
    }

    fn floats_of(&self, id: SeriesId) -> u32 {
        self.find(id).map_or(0, |slot| slot.samples)
    }

    fn observe(&mut self, time_ms: i64) {
        self.samples += 1;
        self.min_ms = self.min_ms.min(time_ms);
        self.max_ms = self.max_ms.max(time_ms);
    }

    #[inline]
    fn push(&mut self, id: SeriesId, time_ms: i64, value: f64) {
        self.observe(time_ms);
        let at = self.slot_of(id) as usize;
        let last = self.slots[at].last;
        let full = self.block(last).len as usize == BLOCK_SAMPLES;
        let last = if full {
            let fresh = self.new_block();
            self.block_mut(last).next = fresh;
            fresh
        } else {
            last
        };
        let b = self.block_mut(last);
        b.samples[b.len as usize] = (time_ms, value);
        b.len += 1;
        let slot = &mut self.slots[at];
        slot.last = last;
        slot.ascending &= slot.samples == 0 || time_ms > slot.last_ms;
        slot.last_ms = time_ms;
        slot.samples += 1;
    }

    #[inline]
    fn slot_of(&mut self, id: SeriesId) -> u32 {
        let (page, at) = (id.0 as usize / PAGE_IDS, id.0 as usize % PAGE_IDS);
        if let Some(Some(p)) = self.pages.get(page)
            && p[at] != NONE
        {
            return p[at];
        }
        self.new_slot(id, page, at)
    }

    fn new_slot(&mut self, id: SeriesId, page: usize, at: usize) -> u32 {
        let block = self.new_block();
        let slot = self.slots.len() as u32;
        self.slots.push(Slot { id, first: block, last: block, samples: 0, last_ms: 0, ascending: true });
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page].get_or_insert_with(|| Box::new([NONE; PAGE_IDS]))[at] = slot;
        slot
    }

    fn new_block(&mut self) -> u32 {
        if self.blocks == self.arena.len() * ARENA_BLOCKS {
            let empty = || Block { samples: [(0, 0.0); BLOCK_SAMPLES], next: NONE, len: 0 };
            self.arena.push((0..ARENA_BLOCKS).map(|_| empty()).collect());
        }
        self.blocks += 1;
        (self.blocks - 1) as u32
    }

    fn block(&self, at: u32) -> &Block {
        &self.arena[at as usize / ARENA_BLOCKS][at as usize % ARENA_BLOCKS]
    }

    fn block_mut(&mut self, at: u32) -> &mut Block {
        &mut self.arena[at as usize / ARENA_BLOCKS][at as usize % ARENA_BLOCKS]
    }

    fn find(&self, id: SeriesId) -> Option<&Slot> {
        let page = self.pages.get(id.0 as usize / PAGE_IDS)?.as_ref()?;
        self.slots.get(page[id.0 as usize % PAGE_IDS] as usize)
    }

    /// Appends the samples of a series within a range to `out`, in order of time, one per timestamp.
    pub fn read(&self, id: SeriesId, range: TimeRange, out: &mut Samples) {
        if self.samples == 0 || !range.overlaps(&TimeRange::new(self.min_ms, self.max_ms)) {
            return;
        }
        let plain = self.is_plain(id);
        match self.find(id) {
            Some(slot) if slot.ascending && plain => self.read_ascending(slot, range, out),
            None if plain => {}
            slot => self.read_any(slot, id, range, out),
        }
    }

    /// Whether a series has neither histograms nor start timestamps.
    fn is_plain(&self, id: SeriesId) -> bool {
        // Most heads have none at all, and then nothing is looked up.
        (self.starts.is_empty() || !self.starts.contains_key(&id))
            && (self.histograms.is_empty() || !self.histograms.contains_key(&id))
    }

    /// Appends the newest sample of a series within a range to `out`, of floats and of histograms.
    pub fn read_newest(&self, id: SeriesId, range: TimeRange, out: &mut Samples) {
        if let Some((t, v)) = self.last_float(id, range) {
            out.times.push(t);
            out.values.push(v);
            if !out.starts.is_empty() {
                out.starts.resize(out.times.len(), 0);
            }
        } else {
            self.read(id, range, out);
        }
    }

    /// The time of the newest sample of a series within a range, and whether it is a staleness marker. `scratch` is
    /// a buffer.
    pub fn newest(&self, id: SeriesId, range: TimeRange, scratch: &mut Samples) -> Option<(i64, bool)> {
        if let Some((t, v)) = self.last_float(id, range) {
            return Some((t, is_stale(v)));
        }
        scratch.clear();
        self.read(id, range, scratch);
        scratch.newest()
    }

    /// The last sample taken in, if that alone is known to be the newest and in the range.
    fn last_float(&self, id: SeriesId, range: TimeRange) -> Option<(i64, f64)> {
        let slot = self.find(id).filter(|s| s.ascending && range.contains(s.last_ms))?;
        if !self.is_plain(id) {
            return None;
        }
        let block = self.block(slot.last);
        block.samples[..block.len as usize].last().copied()
    }

    fn read_ascending(&self, slot: &Slot, range: TimeRange, out: &mut Samples) {
        for (t, v) in self.arrivals(slot) {
            if range.contains(t) {
                out.times.push(t);
                out.values.push(v);
            }
        }
        if !out.starts.is_empty() {
            out.starts.resize(out.times.len(), 0);
        }
    }

    fn arrivals<'a>(&'a self, slot: &'a Slot) -> impl Iterator<Item = (i64, f64)> + 'a {
        std::iter::successors(Some(self.block(slot.first)), |b| (b.next != NONE).then(|| self.block(b.next)))
            .flat_map(|b| b.samples[..b.len as usize].iter().copied())
    }

    /// Out of order, or with start timestamps or histograms: everything in order of arrival, then merged.
    fn read_any(&self, slot: Option<&Slot>, id: SeriesId, range: TimeRange, out: &mut Samples) {
        let starts: HashMap<u32, i64> = self.starts.get(&id).into_iter().flatten().copied().collect();
        let mut histograms = self.histograms.get(&id).into_iter().flatten().peekable();
        let mut run = Run::default();
        for (i, (t, v)) in (0u32..).zip(slot.into_iter().flat_map(|s| self.arrivals(s))) {
            while let Some((_, h)) = histograms.next_if(|(before, _)| *before <= i) {
                run.histogram(h.time_ms, h.histogram.clone(), h.start_ms);
            }
            run.float(t, v, starts.get(&i).copied().unwrap_or(0));
        }
        for (_, h) in histograms {
            run.histogram(h.time_ms, h.histogram.clone(), h.start_ms);
        }
        merge_runs(run, range, out);
    }

    /// The series that have samples here.
    pub fn series(&self) -> RoaringBitmap {
        let floats = self.slots.iter().map(|s| s.id.0);
        floats.chain(self.histograms.keys().map(|id| id.0)).collect()
    }

    /// Whether a series has samples here.
    pub fn contains(&self, id: SeriesId) -> bool {
        self.find(id).is_some() || self.histograms.contains_key(&id)
    }

    /// Samples of both kinds taken in.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Number of series with samples.
    pub fn series_count(&self) -> usize {
        self.slots.len() + self.histograms.len()
    }

    /// From the earliest to the latest sample; of no instant when there is none.
    pub fn range(&self) -> TimeRange {
        TimeRange::new(self.min_ms, self.max_ms)
    }

    /// Every timestamp, in no particular order, of both kinds.
    pub fn times(&self) -> impl Iterator<Item = i64> + '_ {
        let floats = self.slots.iter().flat_map(|s| self.arrivals(s)).map(|(t, _)| t);
        floats.chain(self.histograms.values().flatten().map(|(_, h)| h.time_ms))
    }

    /// The offset of the first record this head may hold.
    pub fn begin(&self) -> Offset {
        self.begin
    }

    /// The offset after the last record applied.
    pub fn end(&self) -> Offset {
        self.end
    }

    /// Memory in use.
    pub fn bytes(&self) -> usize {
        self.arena.len() * ARENA_BLOCKS * size_of::<Block>()
            + self.slots.capacity() * size_of::<Slot>()
            + self.pages.iter().flatten().count() * PAGE_IDS * 4
            + self.starts.values().map(|v| v.capacity() * 16 + 64).sum::<usize>()
            + self.histogram_bytes
    }
}

fn histogram_bytes(h: &Histogram) -> usize {
    let buckets = match &h.counts {
        model::Counts::Integer { positive, negative, .. } => positive.len() + negative.len(),
        model::Counts::Float { positive, negative, .. } => positive.len() + negative.len(),
    };
    size_of::<Histogram>()
        + size_of::<Arc<HistogramSample>>()
        + size_of::<HistogramSample>()
        + 8 * (buckets + h.positive_spans.len() + h.negative_spans.len() + h.custom_bounds.len())
}
