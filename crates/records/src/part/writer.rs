//! Writes a part, one row group at a time.

use super::directory::{BlobRef, Directory, GroupInfo, MAGIC, PageRef, Slot, StreamInfo};
use super::filter::{Bloom, Trigrams};
use super::schema::{Layout, Source};
use super::shapes::Shapes;
use crate::codec::{pack, put_uvarint};
use crate::error::RecordsError;
use crate::group::{Column, Field, Group, Kind, Texts};
use crate::json;
use crate::shape::Values;
use blocks::BlockWriter;
use bytes::Bytes;
use hashbrown::HashMap;
use model::Labels;
use parking_lot::Mutex;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use std::io::{self, Write};
use std::sync::Arc;

/// A part being written. Row groups arrive in order of (stream, time), or of another key; within a row group rows are put
/// in order.
pub(crate) struct PartWriter {
    name: String,
    file: SerializedFileWriter<Sink>,
    sink: Arc<Mutex<SinkState>>,
    layout: Layout,
    sources: Vec<Source>,
    pub shapes: Shapes,
    trigrams: Trigrams,
    directory: Directory,
    encoder: Encoder,
}

/// How far a part takes its tenant and day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Every record before this one of the journal is in it or an older one.
    pub end_offset: u64,
    /// Deletions up to this number are carried out in it.
    pub deleted_through: u64,
}

/// Where the file goes. From `hold_from` on bytes are kept back, so that the directory can come before the footer
/// and yet check it.
#[derive(Clone)]
struct Sink(Arc<Mutex<SinkState>>);

struct SinkState {
    block: Option<Box<dyn BlockWriter>>,
    hold_from: u64,
    held: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut s = self.0.lock();
        let s = &mut *s;
        let Some(block) = &mut s.block else { return Err(io::Error::other("the part is finished")) };
        let free = s.hold_from.saturating_sub(block.position());
        let now = bytes.len().min(usize::try_from(free).unwrap_or(usize::MAX));
        block.write(&bytes[..now])?;
        s.held.extend_from_slice(&bytes[now..]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PartWriter {
    pub fn new(
        name: &str,
        block: Box<dyn BlockWriter>,
        layout: Layout,
        zstd_level: i32,
    ) -> Result<PartWriter, RecordsError> {
        let fail = |e| wrong(name, e);
        let (schema, sources) = layout.schema().map_err(fail)?;
        let properties = WriterProperties::builder()
            .set_created_by(concat!("watchfire ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let state = SinkState { block: Some(block), hold_from: u64::MAX, held: Vec::new() };
        let sink = Arc::new(Mutex::new(state));
        let file =
            SerializedFileWriter::new(Sink(sink.clone()), schema, Arc::new(properties)).map_err(fail)?;
        let stream = |labels: &Labels| StreamInfo {
            labels: labels.clone(),
            rows: 0,
            bytes: 0,
            min_ns: i64::MAX,
            max_ns: i64::MIN,
        };
        let directory = Directory {
            min_ns: i64::MAX,
            max_ns: i64::MIN,
            fields: layout.fields.clone(),
            streams: layout.streams.iter().map(stream).collect(),
            ..Directory::default()
        };
        Ok(PartWriter {
            name: name.to_owned(),
            file,
            sink,
            layout,
            sources,
            shapes: Shapes::default(),
            trigrams: Trigrams::new(),
            directory,
            encoder: Encoder::new(zstd_level)?,
        })
    }

    /// The attributes that have columns.
    pub fn fields(&self) -> &[Field] {
        &self.layout.fields
    }

    /// Writes a row group. Shapes are numbers of `self.shapes`.
    pub fn write(&mut self, group: &Group) -> Result<(), RecordsError> {
        if group.rows() == 0 {
            return Ok(());
        }
        let order = by_shape(group, self.shapes.table.len());
        let runs = runs(group, &order);
        self.count(group, &runs);
        let mut info = GroupInfo {
            rows: group.rows() as u32,
            min_ns: group.time.iter().copied().min().unwrap_or(0),
            max_ns: group.time.iter().copied().max().unwrap_or(0),
            first_stream: group.stream.iter().copied().min().unwrap_or(0),
            last_stream: group.stream.iter().copied().max().unwrap_or(0),
            offset: self.file.bytes_written() as u64,
            pages: vec![PageRef::default(); Slot::Field(self.layout.fields.len()).place()],
            ..GroupInfo::default()
        };
        self.columns(group, &order, &runs, &mut info).map_err(|e| wrong(&self.name, e))?;
        info.bytes = self.file.bytes_written() as u64 - info.offset;
        self.filters(group, &runs, &mut info)?;
        self.directory.groups.push(info);
        Ok(())
    }

    /// Brings the totals up to date; bytes of variables are added as their columns are written.
    fn count(&mut self, group: &Group, runs: &[Run]) {
        let d = &mut self.directory;
        d.rows += group.rows() as u64;
        self.trigrams.clear();
        for (time, stream) in group.time.iter().zip(&group.stream) {
            let s = &mut d.streams[*stream as usize];
            s.min_ns = s.min_ns.min(*time);
            s.max_ns = s.max_ns.max(*time);
            d.min_ns = d.min_ns.min(*time);
            d.max_ns = d.max_ns.max(*time);
        }
        for r in runs {
            // A hole takes a byte of the shape.
            let constant = self.shapes.table.text(r.shape).len() - self.shapes.table.habits(r.shape).len();
            let s = &mut d.streams[r.stream as usize];
            s.rows += u64::from(r.rows);
            s.bytes += constant as u64 * u64::from(r.rows);
            d.body_bytes += constant as u64 * u64::from(r.rows);
        }
    }

    fn columns(
        &mut self,
        group: &Group,
        order: &[u32],
        runs: &[Run],
        info: &mut GroupInfo,
    ) -> Result<(), ParquetError> {
        let descr = self.file.schema_descr().columns().to_vec();
        let mut out = self.file.next_row_group()?;
        let mut at = info.offset;
        for (source, column) in self.sources.iter().zip(descr) {
            let e = &mut self.encoder;
            let chunk = match source {
                Source::Slot(slot) => e.slot(*slot, group, order, &self.layout)?,
                Source::Stream => e.dictionary(
                    runs,
                    |r| Some(r.stream),
                    |s| json::of_labels(&self.layout.streams[s as usize]).into_bytes(),
                    false,
                )?,
                Source::Label(name) => {
                    let label = |s: u32| self.layout.streams[s as usize].get(name);
                    e.dictionary(
                        runs,
                        |r| label(r.stream).map(|_| r.stream),
                        |s| label(s).unwrap_or_default().as_bytes().to_vec(),
                        true,
                    )?
                }
                Source::Shape => {
                    e.dictionary(runs, |r| Some(r.shape), |s| self.shapes.table.text(s).to_vec(), false)?
                }
            };
            if let Source::Slot(Slot::Var(k)) = source {
                let mut row = 0;
                for r in runs {
                    let values = self.encoder.texts.part(row, r.rows as usize);
                    row += r.rows as usize;
                    self.directory.streams[r.stream as usize].bytes += values.bytes.len() as u64;
                    self.directory.body_bytes += values.bytes.len() as u64;
                    self.shapes.see(r.shape, *k, &values, &mut self.trigrams);
                }
            }
            info.crc = crc32c::crc32c_append(info.crc, &chunk.bytes);
            if let (Source::Slot(slot), false) = (source, chunk.says_nothing) {
                info.pages[slot.place()] = PageRef {
                    offset: at,
                    header: chunk.header,
                    stored: chunk.bytes.len() as u32 - chunk.header,
                    raw: chunk.raw,
                    crc: crc32c::crc32c(&chunk.bytes),
                };
            }
            let rows = order.len();
            let mut metadata = ColumnChunkMetaData::builder(column)
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .set_encodings(chunk.encodings)
                .set_num_values(rows as i64)
                .set_total_compressed_size(chunk.bytes.len() as i64)
                .set_total_uncompressed_size(chunk.uncompressed as i64)
                .set_data_page_offset(chunk.data_at as i64)
                .set_dictionary_page_offset((chunk.data_at > 0).then_some(0));
            if *source == Source::Slot(Slot::Time) {
                let range = Statistics::int64(Some(info.min_ns), Some(info.max_ns), None, Some(0), false);
                metadata = metadata.set_statistics(range);
            }
            at += chunk.bytes.len() as u64;
            let close = ColumnCloseResult {
                bytes_written: chunk.bytes.len() as u64,
                rows_written: rows as u64,
                metadata: metadata.build()?,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            out.append_column(&chunk.bytes, close)?;
        }
        out.close()?;
        Ok(())
    }

    fn filters(&mut self, group: &Group, runs: &[Run], info: &mut GroupInfo) -> Result<(), RecordsError> {
        let mut raw = Vec::new();
        let mut shape = 0;
        for r in runs {
            put_uvarint(&mut raw, u64::from(r.shape - shape));
            put_uvarint(&mut raw, u64::from(r.stream));
            put_uvarint(&mut raw, u64::from(r.rows));
            shape = r.shape;
        }
        info.runs = self.blob(&raw)?;
        info.trigrams = self.blob(&self.trigrams.to_bytes())?;
        let mut hashes: Vec<u64> =
            group.trace.iter().filter(|t| !t.is_none()).map(super::reader::trace_hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        if !hashes.is_empty() {
            info.traces = self.blob(&Bloom::build(&hashes))?;
        }
        Ok(())
    }

    fn blob(&mut self, raw: &[u8]) -> Result<BlobRef, RecordsError> {
        let stored = self.encoder.compress(raw).map_err(|e| RecordsError::io("write", &self.name, e))?;
        let offset = self.file.bytes_written() as u64;
        self.file.write_all(&stored).map_err(|e| RecordsError::io("write", &self.name, e))?;
        let crc = crc32c::crc32c(&stored);
        Ok(BlobRef { offset, stored: stored.len() as u32, raw: raw.len() as u32, crc })
    }

    /// Makes the part durable and visible; without rows there is none.
    pub fn finish(mut self, reach: Reach) -> Result<bool, RecordsError> {
        if self.directory.rows == 0 {
            return Ok(false);
        }
        let table = self.shapes.table.encode();
        self.directory.shapes = self.blob(&table)?;
        self.directory.end_offset = reach.end_offset;
        self.directory.deleted_through = reach.deleted_through;
        self.sink.lock().hold_from = self.file.bytes_written() as u64;
        self.file.finish().map_err(|e| wrong(&self.name, e))?;
        let fail = |e| RecordsError::io("write", &self.name, e);
        let mut sink = self.sink.lock();
        let footer = std::mem::take(&mut sink.held);
        let Some(mut block) = sink.block.take() else { return Ok(false) };
        let raw = self.directory.encode();
        let stored = self.encoder.compress(&raw).map_err(fail)?;
        let mut trailer = Vec::new();
        for n in [stored.len() as u32, raw.len() as u32, crc32c::crc32c(&stored), crc32c::crc32c(&footer)] {
            trailer.extend_from_slice(&n.to_le_bytes());
        }
        trailer.extend_from_slice(MAGIC);
        for bytes in [&stored, &trailer, &footer] {
            block.write(bytes).map_err(fail)?;
        }
        block.finish().map_err(fail)?;
        Ok(true)
    }
}

/// The writer refuses only what we must not give it, or passes on what the disk says.
fn wrong(name: &str, e: ParquetError) -> RecordsError {
    let source = match e {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => *io,
            Err(other) => io::Error::other(other.to_string()),
        },
        other => io::Error::other(other.to_string()),
    };
    RecordsError::io("write", name, source)
}

/// Neighbouring rows of one shape and stream.
struct Run {
    shape: u32,
    stream: u32,
    rows: u32,
}

/// The rows in order of shape, stream and time. Where they come by stream and time, those of one shape stay as they are.
fn by_shape(group: &Group, shapes: usize) -> Vec<u32> {
    if !group.stream.iter().zip(&group.time).is_sorted() {
        let key = |r: usize| (group.shape[r], group.stream[r], group.time[r]);
        let mut order: Vec<u32> = (0..group.rows() as u32).collect();
        order.sort_by_key(|r| key(*r as usize));
        return order;
    }
    let mut starts = vec![0u32; shapes + 1];
    group.shape.iter().for_each(|s| starts[*s as usize + 1] += 1);
    for s in 0..shapes {
        starts[s + 1] += starts[s];
    }
    let mut order = vec![0; group.rows()];
    for (row, s) in group.shape.iter().enumerate() {
        let place = &mut starts[*s as usize];
        order[*place as usize] = row as u32;
        *place += 1;
    }
    order
}

fn runs(group: &Group, order: &[u32]) -> Vec<Run> {
    let key = |row: u32| (group.shape[row as usize], group.stream[row as usize]);
    let same = order.chunk_by(|a, b| key(*a) == key(*b));
    same.map(|rows| {
        let (shape, stream) = key(rows[0]);
        Run { shape, stream, rows: rows.len() as u32 }
    })
    .collect()
}

/// A column of a row group, as it lies in the file.
struct Chunk {
    bytes: Bytes,
    /// Length of the header of the data page, where there is no dictionary.
    header: u32,
    /// Bytes of the data page before compression.
    raw: u32,
    uncompressed: usize,
    /// Where the data page begins.
    data_at: usize,
    encodings: Vec<Encoding>,
    /// Whether no row has a value worth reading.
    says_nothing: bool,
}

/// Encodes columns; keeps its buffers.
struct Encoder {
    zstd: zstd::bulk::Compressor<'static>,
    raw: Vec<u8>,
    bits: Vec<u8>,
    /// The byte strings of the column put last.
    texts: Joined,
}

/// Byte strings one behind the other.
#[derive(Default)]
struct Joined {
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Joined {
    fn part(&self, from: usize, rows: usize) -> Values<'_> {
        let start = if from == 0 { 0 } else { self.ends[from - 1] };
        let ends = &self.ends[from..from + rows];
        let end = ends.last().copied().unwrap_or(start);
        Values { start, ends, bytes: &self.bytes[start as usize..end as usize] }
    }
}

impl Encoder {
    fn new(level: i32) -> Result<Encoder, RecordsError> {
        let zstd = zstd::bulk::Compressor::new(level).map_err(|e| RecordsError::io("start", "zstd", e))?;
        Ok(Encoder { zstd, raw: Vec::new(), bits: Vec::new(), texts: Joined::default() })
    }

    fn compress(&mut self, raw: &[u8]) -> io::Result<Vec<u8>> {
        self.zstd.compress(raw)
    }

    fn slot(
        &mut self,
        slot: Slot,
        group: &Group,
        order: &[u32],
        layout: &Layout,
    ) -> Result<Chunk, ParquetError> {
        self.raw.clear();
        let rows = || order.iter().map(|r| *r as usize);
        let delta = Encoding::DELTA_BINARY_PACKED;
        match slot {
            Slot::Time => {
                pack(rows().map(|r| group.time[r]), &mut self.raw);
                self.chunk(order.len(), delta, false)
            }
            Slot::Severity => {
                pack(rows().map(|r| i64::from(group.severity[r])), &mut self.raw);
                self.chunk(order.len(), delta, false)
            }
            Slot::Observed => {
                self.levels(rows().map(|r| group.observed(r) != 0));
                let known: Vec<i64> = rows().map(|r| group.observed(r)).filter(|ns| *ns != 0).collect();
                pack(known.iter().copied(), &mut self.raw);
                self.chunk(order.len(), delta, group.observed.is_empty())
            }
            Slot::Trace => {
                self.levels(rows().map(|r| !group.trace(r).is_none()));
                rows()
                    .map(|r| group.trace(r))
                    .filter(|t| !t.is_none())
                    .for_each(|t| self.raw.extend_from_slice(&t.0));
                self.chunk(order.len(), Encoding::PLAIN, group.trace.is_empty())
            }
            Slot::Span => {
                self.levels(rows().map(|r| !group.span(r).is_none()));
                rows()
                    .map(|r| group.span(r))
                    .filter(|s| !s.is_none())
                    .for_each(|s| self.raw.extend_from_slice(&s.0));
                self.chunk(order.len(), Encoding::PLAIN, group.span.is_empty())
            }
            Slot::Values => self.optional_texts(&group.values, order),
            Slot::Rest => self.optional_texts(&group.rest, order),
            Slot::Var(k) => {
                self.texts(&group.vars[k], rows());
                self.chunk(order.len(), Encoding::DELTA_LENGTH_BYTE_ARRAY, group.vars[k].is_empty())
            }
            Slot::Field(k) => self.field(&group.columns[k], layout.fields[k].kind, order),
        }
    }

    fn field(&mut self, column: &Column, kind: Kind, order: &[u32]) -> Result<Chunk, ParquetError> {
        let present = |r: usize| column.present.get(r).copied().unwrap_or(false);
        self.levels(order.iter().map(|r| present(*r as usize)));
        let rows: Vec<usize> = order.iter().map(|r| *r as usize).filter(|r| present(*r)).collect();
        let encoding = match kind {
            Kind::String | Kind::Bytes => {
                self.texts(&column.texts, rows.iter().copied());
                Encoding::DELTA_LENGTH_BYTE_ARRAY
            }
            Kind::Int => {
                pack(rows.iter().map(|r| column.numbers[*r]), &mut self.raw);
                Encoding::DELTA_BINARY_PACKED
            }
            Kind::Float => {
                rows.iter().for_each(|r| self.raw.extend_from_slice(&column.numbers[*r].to_le_bytes()));
                Encoding::PLAIN
            }
            Kind::Bool => {
                for eight in rows.chunks(8) {
                    let byte = eight.iter().enumerate().map(|(i, r)| (column.numbers[*r] as u8 & 1) << i);
                    self.raw.push(byte.fold(0, |all, bit| all | bit));
                }
                Encoding::PLAIN
            }
        };
        self.chunk(order.len(), encoding, column.is_empty())
    }

    fn optional_texts(&mut self, texts: &Texts, order: &[u32]) -> Result<Chunk, ParquetError> {
        let present = |r: &usize| !texts.get(*r).is_empty();
        self.levels(order.iter().map(|r| present(&(*r as usize))));
        let rows: Vec<usize> = order.iter().map(|r| *r as usize).filter(present).collect();
        self.texts(texts, rows.iter().copied());
        self.chunk(order.len(), Encoding::DELTA_LENGTH_BYTE_ARRAY, texts.is_empty())
    }

    fn texts(&mut self, texts: &Texts, rows: impl ExactSizeIterator<Item = usize>) {
        let Joined { ends, bytes } = &mut self.texts;
        ends.clear();
        bytes.clear();
        if texts.is_empty() {
            ends.resize(rows.len(), 0);
        } else {
            for r in rows {
                bytes.extend_from_slice(texts.get(r));
                ends.push(bytes.len() as u32);
            }
        }
        let mut start = 0;
        pack(ends.iter().map(|end| i64::from(end - std::mem::replace(&mut start, *end))), &mut self.raw);
        self.raw.extend_from_slice(bytes);
    }

    /// Which rows have a value, as definition levels: their length, then runs.
    fn levels(&mut self, present: impl Iterator<Item = bool>) {
        self.bits.clear();
        let mut run = (false, 0u64);
        for p in present {
            if p != run.0 {
                put_run(&mut self.bits, u64::from(run.0), run.1, 1);
                run = (p, 0);
            }
            run.1 += 1;
        }
        put_run(&mut self.bits, u64::from(run.0), run.1, 1);
        self.raw.extend_from_slice(&(self.bits.len() as u32).to_le_bytes());
        self.raw.extend_from_slice(&self.bits);
    }

    /// The page that `self.raw` holds.
    fn chunk(&mut self, rows: usize, encoding: Encoding, says_nothing: bool) -> Result<Chunk, ParquetError> {
        let mut out = TrackedWrite::new(Vec::new());
        let (header, raw) = self.data_page(&mut out, rows, encoding)?;
        let bytes = Bytes::from(out.into_inner()?);
        Ok(Chunk {
            uncompressed: header + raw,
            bytes,
            header: header as u32,
            raw: raw as u32,
            data_at: 0,
            encodings: vec![encoding, Encoding::RLE],
            says_nothing,
        })
    }

    /// Appends a data page; says the length of its header and of its content before compression.
    fn data_page(
        &mut self,
        out: &mut TrackedWrite<Vec<u8>>,
        rows: usize,
        encoding: Encoding,
    ) -> Result<(usize, usize), ParquetError> {
        let raw = self.raw.len();
        let stored = Bytes::from(self.zstd.compress(&self.raw)?);
        let page = Page::DataPage {
            buf: stored.clone(),
            num_values: rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let spec = SerializedPageWriter::new(out).write_page(CompressedPage::new(page, raw))?;
        Ok((spec.bytes_written as usize - stored.len(), raw))
    }

    /// A column whose value depends on the run alone: `key` says which value, `value` what it is.
    fn dictionary(
        &mut self,
        runs: &[Run],
        key: impl Fn(&Run) -> Option<u32>,
        value: impl Fn(u32) -> Vec<u8>,
        optional: bool,
    ) -> Result<Chunk, ParquetError> {
        let mut places: HashMap<u32, u64> = HashMap::new();
        let mut by_value: HashMap<Vec<u8>, u64> = HashMap::new();
        let mut indices: Vec<(Option<u64>, u64)> = Vec::new();
        self.raw.clear();
        for r in runs {
            let place = key(r).map(|k| {
                *places.entry(k).or_insert_with(|| {
                    let (v, next) = (value(k), by_value.len() as u64);
                    *by_value.entry(v).or_insert_with_key(|v| {
                        self.raw.extend_from_slice(&(v.len() as u32).to_le_bytes());
                        self.raw.extend_from_slice(v);
                        next
                    })
                })
            });
            match indices.last_mut() {
                Some((last, n)) if *last == place => *n += u64::from(r.rows),
                _ => indices.push((place, u64::from(r.rows))),
            }
        }
        let mut out = TrackedWrite::new(Vec::new());
        let dictionary_bytes = self.raw.len();
        let page = Page::DictionaryPage {
            buf: Bytes::from(self.zstd.compress(&self.raw)?),
            num_values: by_value.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let spec =
            SerializedPageWriter::new(&mut out).write_page(CompressedPage::new(page, dictionary_bytes))?;
        let data_at = spec.bytes_written as usize;
        self.raw.clear();
        if optional {
            let present = indices.iter().flat_map(|(p, n)| std::iter::repeat_n(p.is_some(), *n as usize));
            self.levels(present);
        }
        let width = (64 - (by_value.len() as u64).saturating_sub(1).leading_zeros()).max(1);
        self.raw.push(width as u8);
        for (place, n) in &indices {
            if let Some(place) = place {
                put_run(&mut self.raw, *place, *n, width.div_ceil(8) as usize);
            }
        }
        let rows: u64 = indices.iter().map(|(_, n)| n).sum();
        let (header, raw) = self.data_page(&mut out, rows as usize, Encoding::RLE_DICTIONARY)?;
        Ok(Chunk {
            uncompressed: dictionary_bytes + header + raw + data_at,
            bytes: Bytes::from(out.into_inner()?),
            header: header as u32,
            raw: raw as u32,
            data_at,
            encodings: vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY],
            says_nothing: false,
        })
    }
}

/// A run of Parquet's RLE encoding.
fn put_run(out: &mut Vec<u8>, value: u64, n: u64, bytes: usize) {
    if n > 0 {
        put_uvarint(out, n << 1);
        out.extend_from_slice(&value.to_le_bytes()[..bytes]);
    }
}
