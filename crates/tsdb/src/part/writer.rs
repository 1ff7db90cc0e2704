//! Writes a part, one series after the other.

use super::Summary;
use super::block::{self, FOOTER_MAGIC, HEADER, Kind};
use crate::bytes::{put_uvarint, put_varint};
use crate::codec::{CHUNK_SAMPLES_MAX, floats, histograms, times};
use crate::error::TsdbError;
use blocks::BlockWriter;
use index::SeriesId;
use model::Samples;
use roaring::RoaringBitmap;
use std::collections::HashMap;

/// A page closes when its chunks reach this size. A query decompresses whole pages.
const PAGE_RAW_BYTES: usize = 32 << 10;
/// Columns of timestamps remembered to be shared; forgotten all at once when they take more than this.
const SHARED_TIMES_BYTES: usize = 2 << 20;
/// Bytes handed to the disk at once.
const WRITE_BYTES: usize = 1 << 20;

pub(super) const KIND_FLOATS: u8 = 0;
pub(super) const KIND_HISTOGRAMS: u8 = 1;
pub(super) const WITH_STARTS: u8 = 0x80;

/// Series must come in ascending order of id, each once, with at least one sample.
pub(crate) struct PartWriter {
    name: String,
    file: Box<dyn BlockWriter>,
    compressor: zstd::bulk::Compressor<'static>,
    /// Encoded blocks not yet handed to the disk.
    pending: Vec<u8>,
    written: u64,
    values: ValuesPage,
    times: TimesPages,
    values_table: Vec<u8>,
    values_pages: u64,
    last_page: PageKey,
    series: RoaringBitmap,
    ends: Ends,
    summary: Summary,
    floats: floats::Scratch,
    payload: Vec<u8>,
}

/// When each series has its last sample.
#[derive(Default)]
struct Ends {
    /// Each relative to that of the series before.
    times: Vec<u8>,
    last_ms: i64,
    /// How many there are.
    count: u64,
    /// Which are staleness markers, each relative to the one before.
    stale: Vec<u8>,
    stale_count: u64,
    last_stale: u64,
}

impl Ends {
    fn add(&mut self, samples: &Samples) {
        let Some((last_ms, stale)) = samples.newest() else { return };
        put_varint(&mut self.times, last_ms.wrapping_sub(self.last_ms));
        self.last_ms = last_ms;
        if stale {
            put_uvarint(&mut self.stale, self.count - self.last_stale);
            self.last_stale = self.count;
            self.stale_count += 1;
        }
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        put_uvarint(&mut self.times, self.stale_count);
        self.times.append(&mut self.stale);
        self.times
    }
}

#[derive(Default, Clone, Copy)]
struct PageKey {
    first_id: u32,
    last_id: u32,
    offset: u64,
    min_ms: i64,
    max_ms: i64,
}

/// The values page being filled: its directory, then the payloads it names.
#[derive(Default)]
struct ValuesPage {
    chunks: u64,
    directory: Vec<u8>,
    payloads: Vec<u8>,
    key: PageKey,
    last_times: u64,
}

/// The stream of timestamp columns.
#[derive(Default)]
struct TimesPages {
    raw: Vec<u8>,
    /// Position in the stream of the first byte of `raw`.
    start: u64,
    table: Vec<u8>,
    pages: u64,
    last_offset: u64,
    column: Vec<u8>,
    shared: HashMap<Box<[u8]>, u64>,
    shared_bytes: usize,
}

impl PartWriter {
    pub fn new(name: &str, mut file: Box<dyn BlockWriter>, zstd_level: i32) -> Result<PartWriter, TsdbError> {
        let fail = |e| TsdbError::io("write", name, e);
        let compressor = zstd::bulk::Compressor::new(zstd_level).map_err(fail)?;
        file.write(HEADER).map_err(fail)?;
        Ok(PartWriter {
            name: name.to_owned(),
            file,
            compressor,
            pending: Vec::new(),
            written: HEADER.len() as u64,
            values: ValuesPage::default(),
            times: TimesPages::default(),
            values_table: Vec::new(),
            values_pages: 0,
            last_page: PageKey::default(),
            series: RoaringBitmap::new(),
            ends: Ends::default(),
            summary: Summary { samples: 0, min_ms: i64::MAX, max_ms: i64::MIN },
            floats: floats::Scratch::default(),
            payload: Vec::new(),
        })
    }

    /// All samples of one series.
    pub fn series(&mut self, id: SeriesId, samples: &Samples) -> Result<(), TsdbError> {
        debug_assert!(self.series.max().is_none_or(|m| m < id.0), "series out of order");
        if samples.is_empty() {
            return Ok(());
        }
        self.series.insert(id.0);
        self.ends.add(samples);
        for (from, to) in split(samples.times.len()) {
            let mut payload = std::mem::take(&mut self.payload);
            payload.clear();
            floats::encode(&samples.values[from..to], &mut self.floats, &mut payload);
            let starts = samples.starts.get(from..to).unwrap_or(&[]);
            self.chunk(id, KIND_FLOATS, &samples.times[from..to], starts, &payload)?;
            self.payload = payload;
        }
        for (from, to) in split(samples.histogram_times.len()) {
            let mut payload = std::mem::take(&mut self.payload);
            payload.clear();
            histograms::encode(&samples.histograms[from..to], &mut payload);
            let starts = samples.histogram_starts.get(from..to).unwrap_or(&[]);
            self.chunk(id, KIND_HISTOGRAMS, &samples.histogram_times[from..to], starts, &payload)?;
            self.payload = payload;
        }
        Ok(())
    }

    fn chunk(
        &mut self,
        id: SeriesId,
        kind: u8,
        at: &[i64],
        starts: &[i64],
        payload: &[u8],
    ) -> Result<(), TsdbError> {
        let times = self.column(at)?;
        let (min_ms, max_ms) = (at[0], at[at.len() - 1]);
        self.summary.samples += at.len() as u64;
        self.summary.min_ms = self.summary.min_ms.min(min_ms);
        self.summary.max_ms = self.summary.max_ms.max(max_ms);
        let with_starts = starts.iter().any(|s| *s != 0);

        let page = &mut self.values;
        if page.chunks == 0 {
            page.key = PageKey { first_id: id.0, last_id: id.0, offset: 0, min_ms, max_ms };
            page.last_times = 0;
        }
        put_uvarint(&mut page.directory, u64::from(id.0 - page.key.last_id));
        page.directory.push(kind | if with_starts { WITH_STARTS } else { 0 });
        put_varint(&mut page.directory, times.wrapping_sub(page.last_times) as i64);
        let before = page.payloads.len();
        if with_starts {
            put_uvarint(&mut page.payloads, payload.len() as u64);
        }
        page.payloads.extend_from_slice(payload);
        if with_starts {
            let mut last = 0;
            for s in starts {
                put_varint(&mut page.payloads, s.wrapping_sub(last));
                last = *s;
            }
        }
        put_uvarint(&mut page.directory, (page.payloads.len() - before) as u64);
        page.chunks += 1;
        page.last_times = times;
        page.key.last_id = id.0;
        page.key.min_ms = page.key.min_ms.min(min_ms);
        page.key.max_ms = page.key.max_ms.max(max_ms);
        if page.directory.len() + page.payloads.len() >= PAGE_RAW_BYTES {
            self.end_values_page()?;
        }
        Ok(())
    }

    /// Where the column of timestamps lies in the stream of times pages; written unless it is there already.
    fn column(&mut self, at: &[i64]) -> Result<u64, TsdbError> {
        let t = &mut self.times;
        t.column.clear();
        times::encode(at, &mut t.column);
        if let Some(position) = t.shared.get(t.column.as_slice()) {
            return Ok(*position);
        }
        if !t.raw.is_empty() && t.raw.len() + t.column.len() > PAGE_RAW_BYTES {
            self.end_times_page()?;
        }
        let t = &mut self.times;
        let position = t.start + t.raw.len() as u64;
        t.raw.extend_from_slice(&t.column);
        t.shared_bytes += t.column.len() + 48;
        if t.shared_bytes > SHARED_TIMES_BYTES {
            t.shared.clear();
            t.shared_bytes = t.column.len() + 48;
        }
        t.shared.insert(t.column.as_slice().into(), position);
        Ok(position)
    }

    fn end_times_page(&mut self) -> Result<(), TsdbError> {
        if self.times.raw.is_empty() {
            return Ok(());
        }
        let raw = std::mem::take(&mut self.times.raw);
        let offset = self.block(Kind::Times, &raw)?;
        let t = &mut self.times;
        put_uvarint(&mut t.table, raw.len() as u64);
        put_uvarint(&mut t.table, offset - t.last_offset);
        t.last_offset = offset;
        t.pages += 1;
        t.start += raw.len() as u64;
        t.raw = raw;
        t.raw.clear();
        Ok(())
    }

    fn end_values_page(&mut self) -> Result<(), TsdbError> {
        if self.values.chunks == 0 {
            return Ok(());
        }
        let page = std::mem::take(&mut self.values);
        let mut raw = Vec::with_capacity(page.directory.len() + page.payloads.len() + 8);
        put_uvarint(&mut raw, page.chunks);
        put_uvarint(&mut raw, u64::from(page.key.first_id));
        raw.extend_from_slice(&page.directory);
        raw.extend_from_slice(&page.payloads);
        let offset = self.block(Kind::Values, &raw)?;
        let (key, last) = (PageKey { offset, ..page.key }, self.last_page);
        let table = &mut self.values_table;
        put_uvarint(table, u64::from(key.first_id - last.last_id));
        put_uvarint(table, u64::from(key.last_id - key.first_id));
        put_uvarint(table, key.offset - last.offset);
        put_varint(table, key.min_ms.wrapping_sub(last.min_ms));
        put_varint(table, key.max_ms.wrapping_sub(last.max_ms));
        self.values_pages += 1;
        self.last_page = key;
        self.values =
            ValuesPage { directory: page.directory, payloads: page.payloads, ..ValuesPage::default() };
        self.values.directory.clear();
        self.values.payloads.clear();
        Ok(())
    }

    /// Writes a block and returns its offset.
    fn block(&mut self, kind: Kind, raw: &[u8]) -> Result<u64, TsdbError> {
        let offset = self.written + self.pending.len() as u64;
        let fail = |e| TsdbError::io("write", &self.name, e);
        block::encode(kind, raw, &mut self.compressor, &mut self.pending).map_err(fail)?;
        if self.pending.len() >= WRITE_BYTES {
            self.hand_over()?;
        }
        Ok(offset)
    }

    fn hand_over(&mut self) -> Result<(), TsdbError> {
        self.file.write(&self.pending).map_err(|e| TsdbError::io("write", &self.name, e))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Makes the part durable under its name. Without any sample, nothing is kept and the answer is `None`.
    pub fn finish(mut self) -> Result<Option<Summary>, TsdbError> {
        if self.series.is_empty() {
            return Ok(None);
        }
        self.end_values_page()?;
        self.end_times_page()?;
        let mut table = Vec::new();
        put_uvarint(&mut table, self.values_pages);
        table.extend_from_slice(&self.values_table);
        put_uvarint(&mut table, self.times.pages);
        table.extend_from_slice(&self.times.table);
        let table_at = self.block(Kind::Table, &table)?;

        self.series.optimize();
        let mut series = Vec::with_capacity(self.series.serialized_size());
        self.series.serialize_into(&mut series).map_err(|e| TsdbError::io("write", &self.name, e))?;
        let series_at = self.block(Kind::Series, &series)?;

        let ends = std::mem::take(&mut self.ends).finish();
        let ends_at = self.block(Kind::Ends, &ends)?;

        let mut summary = Vec::new();
        put_uvarint(&mut summary, self.summary.samples);
        put_varint(&mut summary, self.summary.min_ms);
        put_varint(&mut summary, self.summary.max_ms);
        put_uvarint(&mut summary, ends_at);
        let summary_at = self.block(Kind::Summary, &summary)?;

        let start = self.pending.len();
        for at in [table_at, series_at, summary_at] {
            self.pending.extend_from_slice(&at.to_le_bytes());
        }
        let crc = crc32c::crc32c(&self.pending[start..]);
        self.pending.extend_from_slice(&crc.to_le_bytes());
        self.pending.extend_from_slice(FOOTER_MAGIC);
        self.hand_over()?;
        self.file.finish().map_err(|e| TsdbError::io("finish", &self.name, e))?;
        Ok(Some(self.summary))
    }
}

/// Bounds of chunks of nearly equal length.
fn split(n: usize) -> impl Iterator<Item = (usize, usize)> {
    let chunks = n.div_ceil(CHUNK_SAMPLES_MAX);
    (0..chunks).map(move |i| (n * i / chunks, n * (i + 1) / chunks))
}
