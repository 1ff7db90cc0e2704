//! Reads a part: opening takes its table only, reading a series takes the pages it lies on.

use super::Summary;
use super::block::{self, Kind};
use super::writer::{KIND_FLOATS, KIND_HISTOGRAMS, WITH_STARTS};
use crate::bytes::{Malformed, Reader, malformed};
use crate::codec::{floats, histograms, times};
use crate::error::{Damage, TsdbError};
use bytes::Bytes;
use index::SeriesId;
use model::{Samples, TimeRange};
use roaring::RoaringBitmap;

/// An open part. Its bytes are mapped, not read.
pub(crate) struct Part {
    name: String,
    bytes: Bytes,
    values: Vec<ValuesPage>,
    times: Vec<TimesPage>,
    series: RoaringBitmap,
    summary: Summary,
}

struct ValuesPage {
    first_id: u32,
    last_id: u32,
    offset: u64,
    min_ms: i64,
    max_ms: i64,
}

struct TimesPage {
    /// Position of its first byte in the stream of columns.
    start: u64,
    offset: u64,
}

/// The pages a reader decompressed last. One per reading thread and part: neighbouring series share pages.
pub(crate) struct Scratch {
    decompressor: zstd::bulk::Decompressor<'static>,
    values_page: Option<usize>,
    values: Vec<u8>,
    chunks: Vec<Chunk>,
    times_page: Option<usize>,
    times: Vec<u8>,
    column_at: Option<u64>,
    column: Vec<i64>,
}

#[derive(Clone, Copy)]
struct Chunk {
    id: u32,
    kind: u8,
    times: u64,
    start: usize,
    len: usize,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch {
            // Creating a context fails only where memory has run out altogether.
            decompressor: zstd::bulk::Decompressor::new().unwrap_or_default(),
            values_page: None,
            values: Vec::new(),
            chunks: Vec::new(),
            times_page: None,
            times: Vec::new(),
            column_at: None,
            column: Vec::new(),
        }
    }
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
        let mut d = Scratch::new().decompressor;
        let mut raw = Vec::new();
        block::read(name, &bytes, summary_at, Kind::Summary, &mut d, &mut raw)?;
        let summary = read_summary(&raw).map_err(|m| TsdbError::corrupt(name, summary_at, m))?;
        block::read(name, &bytes, series_at, Kind::Series, &mut d, &mut raw)?;
        let series = RoaringBitmap::deserialize_from(raw.as_slice())
            .map_err(|_| TsdbError::corrupt(name, series_at, Malformed { what: "series set" }))?;
        block::read(name, &bytes, table_at, Kind::Table, &mut d, &mut raw)?;
        let (values, times) = read_table(&raw).map_err(|m| TsdbError::corrupt(name, table_at, m))?;
        Ok(Part { name: name.to_owned(), bytes, values, times, series, summary })
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
        self.values.len() * size_of::<ValuesPage>()
            + self.times.len() * size_of::<TimesPage>()
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
        s: &mut Scratch,
        out: &mut Samples,
    ) -> Result<(), TsdbError> {
        let mut page = self.values.partition_point(|p| p.last_id < id.0);
        while let Some(p) = self.values.get(page).filter(|p| p.first_id <= id.0) {
            if p.min_ms <= range.end_ms && range.start_ms <= p.max_ms {
                self.load_values(page, s)?;
                let from = s.chunks.partition_point(|c| c.id < id.0);
                let to = s.chunks.partition_point(|c| c.id <= id.0);
                for at in from..to {
                    let chunk = s.chunks[at];
                    self.read_chunk(chunk, p.offset, range, s, out)?;
                }
            }
            page += 1;
        }
        Ok(())
    }

    fn load_values(&self, page: usize, s: &mut Scratch) -> Result<(), TsdbError> {
        if s.values_page == Some(page) {
            return Ok(());
        }
        s.values_page = None;
        let offset = self.values[page].offset;
        block::read(&self.name, &self.bytes, offset, Kind::Values, &mut s.decompressor, &mut s.values)?;
        read_directory(&s.values, &mut s.chunks).map_err(|m| TsdbError::corrupt(&self.name, offset, m))?;
        s.values_page = Some(page);
        Ok(())
    }

    fn read_chunk(
        &self,
        chunk: Chunk,
        offset: u64,
        range: TimeRange,
        s: &mut Scratch,
        out: &mut Samples,
    ) -> Result<(), TsdbError> {
        self.load_column(chunk.times, s)?;
        let (first, last) = (s.column[0], s.column[s.column.len() - 1]);
        if first > range.end_ms || last < range.start_ms {
            return Ok(());
        }
        let from = s.column.partition_point(|t| *t < range.start_ms);
        let to = s.column.partition_point(|t| *t <= range.end_ms);
        let payload = &s.values[chunk.start..chunk.start + chunk.len];
        decode_chunk(chunk.kind, payload, &s.column, (from, to), out)
            .map_err(|m| TsdbError::corrupt(&self.name, offset, m))
    }

    fn load_column(&self, position: u64, s: &mut Scratch) -> Result<(), TsdbError> {
        if s.column_at == Some(position) {
            return Ok(());
        }
        let page = self.times.partition_point(|p| p.start <= position).wrapping_sub(1);
        let Some(p) = self.times.get(page) else {
            return Err(TsdbError::corrupt(&self.name, 0, Malformed { what: "position of timestamps" }));
        };
        s.column_at = None;
        if s.times_page != Some(page) {
            s.times_page = None;
            block::read(&self.name, &self.bytes, p.offset, Kind::Times, &mut s.decompressor, &mut s.times)?;
            s.times_page = Some(page);
        }
        let fail = |m| TsdbError::corrupt(&self.name, p.offset, m);
        let rest = s.times.get((position - p.start) as usize..);
        let rest = rest.ok_or(fail(Malformed { what: "position of timestamps" }))?;
        s.column.clear();
        times::decode(&mut Reader::new(rest), &mut s.column).map_err(fail)?;
        s.column_at = Some(position);
        Ok(())
    }

    /// Decodes every chunk and names what does not decode; checksums are [`super::scan_blocks`]'s part.
    pub fn check_chunks(&self) -> Vec<Damage> {
        let mut s = Scratch::new();
        let mut out = Samples::default();
        let mut found = Vec::new();
        for id in &self.series {
            out.clear();
            if let Err(TsdbError::Corrupt(d)) = self.read(SeriesId(id), TimeRange::ALL, &mut s, &mut out)
                && found.last() != Some(&d)
            {
                found.push(d);
            }
        }
        found
    }
}

fn decode_chunk(
    kind: u8,
    payload: &[u8],
    column: &[i64],
    (from, to): (usize, usize),
    out: &mut Samples,
) -> Result<(), Malformed> {
    let mut r = Reader::new(payload);
    let (mut data, starts) =
        if kind & WITH_STARTS != 0 { (Reader::new(r.bytes("values")?), Some(r)) } else { (r, None) };
    let n = column.len();
    match kind & !WITH_STARTS {
        KIND_FLOATS => {
            let before = out.values.len();
            floats::decode(&mut data, n, &mut out.values)?;
            keep(&mut out.values, before, from, to);
            read_starts(starts, n, (from, to), out.times.len(), &mut out.starts)?;
            out.times.extend_from_slice(&column[from..to]);
            if !out.starts.is_empty() {
                out.starts.resize(out.times.len(), 0);
            }
        }
        KIND_HISTOGRAMS => {
            let before = out.histograms.len();
            histograms::decode(&mut data, n, &mut out.histograms)?;
            keep(&mut out.histograms, before, from, to);
            read_starts(starts, n, (from, to), out.histogram_times.len(), &mut out.histogram_starts)?;
            out.histogram_times.extend_from_slice(&column[from..to]);
            if !out.histogram_starts.is_empty() {
                out.histogram_starts.resize(out.histogram_times.len(), 0);
            }
        }
        _ => return malformed("chunk kind"),
    }
    Ok(())
}

/// Of the elements from `before` on, keeps those from `from` to `to`.
fn keep<T>(column: &mut Vec<T>, before: usize, from: usize, to: usize) {
    column.truncate(before + to);
    if from > 0 {
        column.drain(before..before + from);
    }
}

fn read_starts(
    r: Option<Reader<'_>>,
    n: usize,
    (from, to): (usize, usize),
    before: usize,
    out: &mut Vec<i64>,
) -> Result<(), Malformed> {
    let Some(mut r) = r else { return Ok(()) };
    out.resize(before, 0);
    let mut last = 0i64;
    for i in 0..n {
        last = last.wrapping_add(r.varint("start timestamp")?);
        if (from..to).contains(&i) {
            out.push(last);
        }
    }
    Ok(())
}

fn read_summary(raw: &[u8]) -> Result<Summary, Malformed> {
    let mut r = Reader::new(raw);
    Ok(Summary {
        samples: r.uvarint("sample count")?,
        min_ms: r.varint("earliest sample")?,
        max_ms: r.varint("latest sample")?,
    })
}

fn read_table(raw: &[u8]) -> Result<(Vec<ValuesPage>, Vec<TimesPage>), Malformed> {
    let mut r = Reader::new(raw);
    let mut values: Vec<ValuesPage> = Vec::with_capacity(r.clone().count("values pages")?);
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
        values.push(ValuesPage { first_id, last_id, offset, min_ms, max_ms });
        id = last_id;
    }
    let mut times = Vec::new();
    let (mut start, mut offset) = (0u64, 0u64);
    for _ in 0..r.count("times pages")? {
        let len = r.uvarint("times page length")?;
        offset = offset.wrapping_add(r.uvarint("times page offset")?);
        times.push(TimesPage { start, offset });
        start = start.wrapping_add(len);
    }
    Ok((values, times))
}

fn read_directory(raw: &[u8], out: &mut Vec<Chunk>) -> Result<(), Malformed> {
    out.clear();
    let mut r = Reader::new(raw);
    let n = r.count("chunks")?;
    let mut id = r.u32("first series")?;
    let (mut times, mut start) = (0u64, 0usize);
    for _ in 0..n {
        let Some(next) = id.checked_add(r.u32("series")?) else { return malformed("series") };
        id = next;
        let kind = r.u8("chunk kind")?;
        times = times.wrapping_add(r.varint("timestamps of a chunk")? as u64);
        let len = r.uvarint("chunk length")? as usize;
        if len > raw.len() {
            return malformed("chunk length");
        }
        out.push(Chunk { id, kind, times, start, len });
        start += len;
    }
    let base = raw.len() - r.remaining();
    if start != r.remaining() {
        return malformed("chunk lengths");
    }
    for c in out {
        c.start += base;
    }
    Ok(())
}
