//! Reads a part: opening takes its table only, reading a series takes the pages it lies on.

use super::block::{self, Kind};
use super::chunk;
use super::pages::{Chunk, End, Page, PageCache, ValuesPage};
use super::{Summary, Wanted};
use crate::bytes::{Malformed, Reader, malformed};
use crate::codec::times;
use crate::error::{Damage, TsdbError};
use bytes::Bytes;
use index::SeriesId;
use model::{Samples, TimeRange};
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An open part. Its bytes are mapped, not read.
pub(crate) struct Part {
    name: String,
    /// Tells it from every other part that was opened.
    serial: u64,
    bytes: Bytes,
    values: Vec<ValuesEntry>,
    times: Vec<TimesEntry>,
    series: RoaringBitmap,
    summary: Summary,
    /// Where it is stated when each series ends; parts of older versions do not say.
    ends_at: Option<u64>,
}

/// Where a page of values lies.
struct ValuesEntry {
    first_id: u32,
    last_id: u32,
    offset: u64,
    min_ms: i64,
    max_ms: i64,
}

/// Where a page of timestamps lies.
struct TimesEntry {
    /// Position of its first byte in the stream of columns.
    start: u64,
    offset: u64,
}

/// What one thread keeps while it reads from a part: the pages it stands on, and columns of timestamps, which
/// neighbouring series share.
pub(crate) struct Scratch {
    cache: Option<Arc<PageCache>>,
    values: Option<(usize, Arc<ValuesPage>)>,
    times: Option<(usize, Arc<Vec<u8>>)>,
    columns: Columns,
    bytes: u64,
}

impl Scratch {
    /// With a cache, pages are looked for there and left there.
    pub fn new(cache: Option<Arc<PageCache>>) -> Scratch {
        Scratch { cache, values: None, times: None, columns: Columns::default(), bytes: 0 }
    }

    /// Stored bytes of the pages that were stood on since this was last asked.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }
}

/// The columns of timestamps decoded last. A host's series share a few, each for another stretch of time.
#[derive(Default)]
struct Columns {
    positions: Vec<u64>,
    columns: Vec<Vec<i64>>,
    /// The next to be replaced.
    next: usize,
}

const COLUMNS_MAX: usize = 16;

impl Columns {
    fn find(&self, position: u64) -> Option<usize> {
        self.positions.iter().position(|p| *p == position)
    }

    /// An empty column for a position, in place of an old one.
    fn fresh(&mut self, position: u64) -> usize {
        if self.columns.len() < COLUMNS_MAX {
            self.positions.push(position);
            self.columns.push(Vec::new());
            return self.columns.len() - 1;
        }
        let at = self.next;
        self.next = (at + 1) % COLUMNS_MAX;
        self.positions[at] = position;
        self.columns[at].clear();
        at
    }

    /// Forgets a column that could not be decoded.
    fn forget(&mut self, at: usize) {
        self.positions[at] = u64::MAX;
    }
}

/// The positions in a column that are within a range.
fn within(column: &[i64], range: TimeRange) -> (usize, usize) {
    let from = column.partition_point(|t| *t < range.start_ms);
    let to = from + column[from..].partition_point(|t| *t <= range.end_ms);
    (from, to)
}

impl Part {
    pub fn open(name: &str, bytes: Bytes) -> Result<Part, TsdbError> {
        let end = bytes.len().saturating_sub(block::FOOTER_LEN) as u64;
        let Some([table_at, series_at, summary_at]) = block::footer(&bytes) else {
            return Err(TsdbError::corrupt(name, end, Malformed { what: "footer" }));
        };
        if !bytes.starts_with(block::HEADER) {
            return Err(TsdbError::corrupt(name, 0, Malformed { what: "header" }));
        }
        let raw = read_block(name, &bytes, summary_at, Kind::Summary)?;
        let (summary, ends_at) = read_summary(&raw).map_err(|m| TsdbError::corrupt(name, summary_at, m))?;
        let raw = read_block(name, &bytes, series_at, Kind::Series)?;
        let series = RoaringBitmap::deserialize_from(raw.as_slice())
            .map_err(|_| TsdbError::corrupt(name, series_at, Malformed { what: "series set" }))?;
        let raw = read_block(name, &bytes, table_at, Kind::Table)?;
        let (values, times) = read_table(&raw).map_err(|m| TsdbError::corrupt(name, table_at, m))?;
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Ok(Part { name: name.to_owned(), serial, bytes, values, times, series, summary, ends_at })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The series that have samples here.
    pub fn series(&self) -> &RoaringBitmap {
        &self.series
    }

    /// Memory taken by the table and the set of series; pages are read from the file.
    pub fn memory_bytes(&self) -> usize {
        self.values.len() * size_of::<ValuesEntry>()
            + self.times.len() * size_of::<TimesEntry>()
            + self.series.serialized_size()
    }

    pub fn range(&self) -> TimeRange {
        TimeRange::new(self.summary.min_ms, self.summary.max_ms)
    }

    /// Appends the samples of a series within a range, in order of time, to `out`.
    pub fn read(
        &self,
        id: SeriesId,
        range: TimeRange,
        wanted: Wanted,
        s: &mut Scratch,
        out: &mut Samples,
    ) -> Result<(), TsdbError> {
        // Of each kind the last chunk that reaches into the range.
        let mut newest: [Option<(usize, Chunk)>; 2] = [None, None];
        for page in self.pages_of(id.0, s) {
            let entry = &self.values[page];
            if entry.min_ms > range.end_ms || range.start_ms > entry.max_ms {
                continue;
            }
            let values = self.values_page(page, s)?;
            for chunk in values.chunks_of(id.0) {
                let Some(column) = self.column(chunk.times, range, s)? else { continue };
                if wanted == Wanted::Newest {
                    newest[usize::from(chunk::is_floats(chunk.kind))] = Some((page, *chunk));
                    continue;
                }
                let column = &s.columns.columns[column];
                chunk::decode(chunk.kind, values.payload(*chunk), column, within(column, range), out)
                    .map_err(|m| TsdbError::corrupt(&self.name, entry.offset, m))?;
            }
        }
        for (page, chunk) in newest.into_iter().flatten() {
            let values = self.values_page(page, s)?;
            let Some(column) = self.column(chunk.times, range, s)? else { continue };
            let column = &s.columns.columns[column];
            let (from, to) = within(column, range);
            if from < to {
                chunk::decode(chunk.kind, values.payload(chunk), column, (to - 1, to), out)
                    .map_err(|m| TsdbError::corrupt(&self.name, self.values[page].offset, m))?;
            }
        }
        Ok(())
    }

    /// The pages that may hold a series. Series are mostly asked for in order, so the page at hand is tried first.
    fn pages_of(&self, id: u32, s: &Scratch) -> std::ops::Range<usize> {
        let has = |page: usize| self.values.get(page).is_some_and(|p| p.first_id <= id && id <= p.last_id);
        let first = match &s.values {
            Some((page, _)) if has(*page) && !page.checked_sub(1).is_some_and(has) => *page,
            _ => self.values.partition_point(|p| p.last_id < id),
        };
        let mut end = first;
        while has(end) {
            end += 1;
        }
        first..end
    }

    fn values_page(&self, page: usize, s: &mut Scratch) -> Result<Arc<ValuesPage>, TsdbError> {
        if let Some((at, values)) = &s.values
            && *at == page
        {
            return Ok(values.clone());
        }
        let offset = self.values[page].offset;
        let cached = s.cache.as_ref().and_then(|c| c.get((self.serial, offset)));
        let values = match cached {
            Some(Page::Values(values)) => values,
            _ => {
                let raw = read_block(&self.name, &self.bytes, offset, Kind::Values)?;
                let values = ValuesPage::new(raw).map_err(|m| TsdbError::corrupt(&self.name, offset, m))?;
                let values = Arc::new(values);
                if let Some(cache) = &s.cache {
                    cache.put((self.serial, offset), Page::Values(values.clone()));
                }
                values
            }
        };
        s.bytes += block::stored_len(&self.bytes, offset);
        s.values = Some((page, values.clone()));
        Ok(values)
    }

    /// Leaves pages in the cache, from the first on, until `enough` says so. What is damaged is met again by who needs it.
    pub fn warm(&self, cache: &Arc<PageCache>, enough: &dyn Fn() -> bool) {
        let mut s = Scratch::new(Some(cache.clone()));
        let mut columns = 0..self.times.len();
        for page in 0..self.values.len() {
            if enough() {
                return;
            }
            let _ = self.values_page(page, &mut s);
            // Both kinds advance in proportion: they lie in the order of the series.
            while columns.start * self.values.len() < (page + 1) * columns.end
                && let Some(next) = columns.next()
            {
                let _ = self.times_page(next, &mut s);
            }
        }
    }

    fn times_page(&self, page: usize, s: &mut Scratch) -> Result<Arc<Vec<u8>>, TsdbError> {
        if let Some((at, times)) = &s.times
            && *at == page
        {
            return Ok(times.clone());
        }
        let offset = self.times[page].offset;
        let cached = s.cache.as_ref().and_then(|c| c.get((self.serial, offset)));
        let times = match cached {
            Some(Page::Times(times)) => times,
            _ => {
                let times = Arc::new(read_block(&self.name, &self.bytes, offset, Kind::Times)?);
                if let Some(cache) = &s.cache {
                    cache.put((self.serial, offset), Page::Times(times.clone()));
                }
                times
            }
        };
        s.bytes += block::stored_len(&self.bytes, offset);
        s.times = Some((page, times.clone()));
        Ok(times)
    }

    /// Where among the decoded columns the one at `position` is; `None` if it does not reach into `range`.
    fn column(&self, position: u64, range: TimeRange, s: &mut Scratch) -> Result<Option<usize>, TsdbError> {
        let outside = |first: i64, last: i64| first > range.end_ms || last < range.start_ms;
        if let Some(at) = s.columns.find(position) {
            let column = &s.columns.columns[at];
            return Ok((!outside(column[0], column[column.len() - 1])).then_some(at));
        }
        let page = self.times.partition_point(|p| p.start <= position).wrapping_sub(1);
        let Some(entry) = self.times.get(page) else {
            return Err(TsdbError::corrupt(&self.name, 0, Malformed { what: "position of timestamps" }));
        };
        let fail = |m| TsdbError::corrupt(&self.name, entry.offset, m);
        let raw = self.times_page(page, s)?;
        let rest = raw.get((position - entry.start) as usize..);
        let rest = rest.ok_or(fail(Malformed { what: "position of timestamps" }))?;
        let span = times::read_span(&mut Reader::new(rest)).map_err(fail)?;
        if outside(span.first_ms, span.last_ms) {
            return Ok(None);
        }
        let at = s.columns.fresh(position);
        if let Err(m) = times::decode(&mut Reader::new(rest), &mut s.columns.columns[at]) {
            s.columns.forget(at);
            return Err(fail(m));
        }
        Ok(Some(at))
    }

    /// When each series ends, in order of id, if the part says so.
    pub fn ends(&self, cache: &PageCache) -> Result<Option<Arc<Vec<End>>>, TsdbError> {
        let Some(offset) = self.ends_at else { return Ok(None) };
        if let Some(Page::Ends(ends)) = cache.get((self.serial, offset)) {
            return Ok(Some(ends));
        }
        let ends = Arc::new(self.read_ends(offset)?);
        cache.put((self.serial, offset), Page::Ends(ends.clone()));
        Ok(Some(ends))
    }

    fn read_ends(&self, offset: u64) -> Result<Vec<End>, TsdbError> {
        let raw = read_block(&self.name, &self.bytes, offset, Kind::Ends)?;
        decode_ends(&raw, self.series.len() as usize, self.summary.max_ms)
            .map_err(|m| TsdbError::corrupt(&self.name, offset, m))
    }

    /// Decodes every chunk and names what does not decode, and what is said of it elsewhere and is not so; checksums
    /// are [`super::scan_blocks`]'s part.
    pub fn check_chunks(&self) -> Vec<Damage> {
        let mut s = Scratch::new(None);
        let mut out = Samples::default();
        let mut found = Vec::new();
        let ends = self.ends_at.map(|at| (at, self.read_ends(at)));
        for (i, id) in self.series.iter().enumerate() {
            out.clear();
            let read = self.read(SeriesId(id), TimeRange::ALL, Wanted::All, &mut s, &mut out);
            let wrong = match (read, &ends) {
                (Err(TsdbError::Corrupt(d)), _) => d,
                (_, Some((_, Err(TsdbError::Corrupt(d))))) => d.clone(),
                (Ok(()), Some((at, Ok(ends)))) if Some(ends[i]) != end_of(&out, self.summary.max_ms) => {
                    let what = Malformed { what: "end of a series" }.what.to_owned();
                    Damage { file: self.name.clone(), offset: *at, what }
                }
                _ => continue,
            };
            if found.last() != Some(&wrong) {
                found.push(wrong);
            }
        }
        found
    }
}

/// When samples end, in a part that ends at `max_ms`.
fn end_of(samples: &Samples, max_ms: i64) -> Option<End> {
    let (last_ms, stale) = samples.newest()?;
    End::new(max_ms.wrapping_sub(last_ms), stale)
}

fn decode_ends(raw: &[u8], series: usize, max_ms: i64) -> Result<Vec<End>, Malformed> {
    let what = "end of a series";
    let mut r = Reader::new(raw);
    if series > r.remaining() {
        return malformed(what);
    }
    let mut ends = Vec::with_capacity(series);
    let mut last_ms = 0i64;
    for _ in 0..series {
        last_ms = last_ms.wrapping_add(r.varint(what)?);
        ends.push(End::new(max_ms.wrapping_sub(last_ms), false).ok_or(Malformed { what })?);
    }
    let mut at = 0usize;
    for _ in 0..r.count(what)? {
        at = at.saturating_add(r.uvarint(what)? as usize);
        let end = ends.get_mut(at).ok_or(Malformed { what })?;
        *end = end.stale();
    }
    if r.is_empty() { Ok(ends) } else { malformed(what) }
}

/// The raw bytes of a block.
fn read_block(name: &str, file: &[u8], offset: u64, kind: Kind) -> Result<Vec<u8>, TsdbError> {
    thread_local! {
        // Creating a context fails only where memory has run out altogether.
        static DECOMPRESSOR: RefCell<zstd::bulk::Decompressor<'static>> =
            RefCell::new(zstd::bulk::Decompressor::new().unwrap_or_default());
    }
    let mut raw = Vec::new();
    DECOMPRESSOR.with_borrow_mut(|d| block::read(name, file, offset, kind, d, &mut raw))?;
    Ok(raw)
}

fn read_summary(raw: &[u8]) -> Result<(Summary, Option<u64>), Malformed> {
    let mut r = Reader::new(raw);
    let summary = Summary {
        samples: r.uvarint("sample count")?,
        min_ms: r.varint("earliest sample")?,
        max_ms: r.varint("latest sample")?,
    };
    let ends_at = if r.is_empty() { None } else { Some(r.uvarint("ends of series")?) };
    Ok((summary, ends_at))
}

fn read_table(raw: &[u8]) -> Result<(Vec<ValuesEntry>, Vec<TimesEntry>), Malformed> {
    let mut r = Reader::new(raw);
    let mut values: Vec<ValuesEntry> = Vec::with_capacity(r.clone().count("values pages")?);
    let (mut id, mut offset, mut min_ms, mut max_ms) = (0u32, 0u64, 0i64, 0i64);
    for _ in 0..r.count("values pages")? {
        let first_id = id.checked_add(r.u32("first series")?);
        let last_id = first_id.and_then(|f| f.checked_add(r.u32("last series").unwrap_or(u32::MAX)));
        let (Some(first_id), Some(last_id)) = (first_id, last_id) else {
            return malformed("series of a page");
        };
        offset = offset.wrapping_add(r.uvarint("page offset")?);
        min_ms = min_ms.wrapping_add(r.varint("page start")?);
        max_ms = max_ms.wrapping_add(r.varint("page end")?);
        values.push(ValuesEntry { first_id, last_id, offset, min_ms, max_ms });
        id = last_id;
    }
    let mut times = Vec::new();
    let (mut start, mut offset) = (0u64, 0u64);
    for _ in 0..r.count("times pages")? {
        let len = r.uvarint("times page length")?;
        offset = offset.wrapping_add(r.uvarint("times page offset")?);
        times.push(TimesEntry { start, offset });
        start = start.wrapping_add(len);
    }
    Ok((values, times))
}

/// The chunks that a raw page of values begins with.
pub(super) fn read_directory(raw: &[u8]) -> Result<Vec<Chunk>, Malformed> {
    let mut r = Reader::new(raw);
    let n = r.count("chunks")?;
    // Each takes four bytes at least.
    let mut out: Vec<Chunk> = Vec::with_capacity(n.min(raw.len() / 4));
    let mut id = r.u32("first series")?;
    let (mut times, mut start) = (0u64, 0u32);
    for _ in 0..n {
        let Some(next) = id.checked_add(r.u32("series")?) else { return malformed("series") };
        id = next;
        let kind = r.u8("chunk kind")?;
        times = times.wrapping_add(r.varint("timestamps of a chunk")? as u64);
        let len = r.u32("chunk length")?;
        out.push(Chunk { id, kind, times, start, len });
        let Some(end) = start.checked_add(len) else { return malformed("chunk length") };
        start = end;
    }
    let base = (raw.len() - r.remaining()) as u32;
    if start as usize != r.remaining() {
        return malformed("chunk lengths");
    }
    for c in &mut out {
        c.start += base;
    }
    Ok(out)
}
