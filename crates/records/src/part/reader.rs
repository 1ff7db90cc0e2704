//! Reads a part.

use super::directory::{BlobRef, Directory, GroupInfo, MAGIC, PageRef, Slot, TRAILER_BYTES};
use super::filter::{Bloom, Trigrams};
use super::shapes::ShapeTable;
use crate::codec::{Malformed, Reader, malformed, unpack};
use crate::error::{Damage, RecordsError};
use crate::group::{Column, Group, Kind, Texts};
use bytes::Bytes;
use model::record::{SpanId, TraceId};
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// An open part. Its directory is in memory, everything else is read where it lies.
pub(crate) struct Part {
    name: String,
    bytes: Bytes,
    pub directory: Arc<Directory>,
}

/// Rows of one shape and stream, in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub shape: u32,
    pub stream: u32,
    pub rows: Range<usize>,
}

/// The key of a trace in the filter of a row group.
pub(super) fn trace_hash(id: &TraceId) -> u64 {
    xxh3_64(&id.0)
}

/// Compressed bytes never become more than this, whatever a directory says.
const RAW_MAX: u32 = 1 << 30;

impl Part {
    pub fn open(name: &str, bytes: Bytes) -> Result<Part, RecordsError> {
        match Part::read_directory(&bytes) {
            Ok(directory) => Ok(Part { name: name.to_owned(), bytes, directory: Arc::new(directory) }),
            Err((offset, m)) => Err(RecordsError::corrupt(name, offset, m)),
        }
    }

    /// Where the Parquet footer begins.
    fn footer_at(bytes: &[u8]) -> Option<usize> {
        let tail = bytes.get(bytes.len().checked_sub(8)?..)?;
        let length = u32::from_le_bytes(tail[..4].try_into().ok()?);
        (&tail[4..] == b"PAR1").then_some(())?;
        bytes.len().checked_sub(8)?.checked_sub(length as usize)
    }

    fn read_directory(bytes: &[u8]) -> Result<Directory, (u64, Malformed)> {
        let end = bytes.len() as u64;
        let footer = Part::footer_at(bytes).ok_or((end, Malformed { what: "the end of the file" }))?;
        let at = footer.checked_sub(TRAILER_BYTES).ok_or((end, Malformed { what: "the end of the file" }))?;
        let here = |m| (at as u64, m);
        let mut r = Reader::new(&bytes[at..footer]);
        let stored = r.u32_le("trailer").map_err(here)?;
        let raw = r.u32_le("trailer").map_err(here)?;
        let crc = r.u32_le("trailer").map_err(here)?;
        r.u32_le("trailer").map_err(here)?;
        if r.take(8, "trailer").map_err(here)? != MAGIC {
            return Err(here(Malformed { what: "the directory's magic" }));
        }
        let offset = (at as u64).saturating_sub(u64::from(stored));
        let blob = BlobRef { offset, stored, raw, crc };
        let directory = inflate(bytes, &blob).and_then(|raw| Directory::decode(&raw));
        directory.map_err(|m| (offset, m))
    }

    /// The same part over other memory that holds the same bytes.
    pub fn over(&self, bytes: Bytes) -> Part {
        Part { name: self.name.clone(), bytes, directory: Arc::clone(&self.directory) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Memory of the directory.
    pub fn memory_bytes(&self) -> usize {
        let d = &self.directory;
        let pages = d.groups.iter().map(|g| 200 + g.pages.len() * size_of::<PageRef>()).sum::<usize>();
        pages + d.streams.iter().map(|s| 64 + s.labels.key().len()).sum::<usize>()
    }

    fn corrupt(&self, offset: u64, m: Malformed) -> RecordsError {
        RecordsError::corrupt(&self.name, offset, m)
    }

    fn blob(&self, blob: &BlobRef) -> Result<Vec<u8>, RecordsError> {
        inflate(&self.bytes, blob).map_err(|m| self.corrupt(blob.offset, m))
    }

    /// All shapes.
    pub fn shapes(&self) -> Result<ShapeTable, RecordsError> {
        let blob = &self.directory.shapes;
        ShapeTable::decode(&self.blob(blob)?).map_err(|m| self.corrupt(blob.offset, m))
    }

    /// Gives the runs of a row group: its rows from first to last.
    pub fn runs(&self, group: usize, mut give: impl FnMut(Run)) -> Result<(), RecordsError> {
        let info = &self.directory.groups[group];
        let raw = self.blob(&info.runs)?;
        let mut read = || -> Result<(), Malformed> {
            const WHAT: &str = "runs";
            let mut r = Reader::new(&raw);
            let (mut shape, mut row) = (0u32, 0usize);
            while r.remaining() > 0 {
                shape = shape.checked_add(r.u32(WHAT)?).ok_or(Malformed { what: WHAT })?;
                let stream = r.u32(WHAT)?;
                let end = row + r.u32(WHAT)? as usize;
                if stream as usize >= self.directory.streams.len() || end > info.rows as usize {
                    return malformed(WHAT);
                }
                give(Run { shape, stream, rows: row..end });
                row = end;
            }
            if row == info.rows as usize { Ok(()) } else { malformed(WHAT) }
        };
        read().map_err(|m| self.corrupt(info.runs.offset, m))
    }

    /// The trigrams of the variables of a row group.
    pub fn trigrams(&self, group: usize) -> Result<Trigrams, RecordsError> {
        let blob = &self.directory.groups[group].trigrams;
        let bytes = self.blob(blob)?;
        Trigrams::from_bytes(&bytes).ok_or_else(|| self.corrupt(blob.offset, Malformed { what: "trigrams" }))
    }

    /// Whether a row group may hold records of any of some traces.
    pub fn may_hold_any(&self, group: usize, ids: &[TraceId]) -> Result<bool, RecordsError> {
        let blob = &self.directory.groups[group].traces;
        if blob.raw == 0 {
            return Ok(false);
        }
        let bits = self.blob(blob)?;
        let bloom = Bloom::over(&bits);
        Ok(ids.iter().any(|id| bloom.may_contain(trace_hash(id))))
    }

    /// Whether a column says anything of any row of a row group.
    pub fn says(&self, group: usize, slot: Slot) -> bool {
        self.info(group).pages[slot.place()].raw > 0
    }

    /// The fields of an attribute that say anything of any row of a row group.
    pub fn fields_of<'n>(&'n self, group: usize, name: &'n str) -> impl Iterator<Item = usize> + 'n {
        let fields = self.directory.fields.iter().enumerate().filter(move |(_, f)| f.name == name);
        fields.map(|(k, _)| k).filter(move |k| self.says(group, Slot::Field(*k)))
    }

    fn info(&self, group: usize) -> &GroupInfo {
        &self.directory.groups[group]
    }

    /// The content of a page, or nothing where the column says nothing.
    fn page(&self, group: usize, slot: Slot) -> Result<Option<(Vec<u8>, u64)>, RecordsError> {
        let page = &self.info(group).pages[slot.place()];
        if page.raw == 0 {
            return Ok(None);
        }
        let content = inflate_page(&self.bytes, page).map_err(|m| self.corrupt(page.offset, m))?;
        Ok(Some((content, page.offset)))
    }

    fn numbers(&self, group: usize, slot: Slot) -> Result<Vec<i64>, RecordsError> {
        let rows = self.info(group).rows as usize;
        let mut out = Vec::new();
        match self.page(group, slot)? {
            None => out.resize(rows, 0),
            Some((raw, offset)) => {
                unpack(&raw, rows, &mut out).map_err(|m| self.corrupt(offset, m))?;
                if out.len() != rows {
                    return Err(self.corrupt(offset, Malformed { what: "number of rows" }));
                }
            }
        }
        Ok(out)
    }

    /// Times of a row group, in the order of its runs.
    pub fn times(&self, group: usize) -> Result<Vec<i64>, RecordsError> {
        self.numbers(group, Slot::Time)
    }

    pub fn severities(&self, group: usize) -> Result<Vec<u8>, RecordsError> {
        Ok(self.numbers(group, Slot::Severity)?.into_iter().map(|n| n as u8).collect())
    }

    /// A variable of a row group.
    pub fn var(&self, group: usize, k: usize) -> Result<Texts, RecordsError> {
        let Some((raw, offset)) = self.page(group, Slot::Var(k))? else { return Ok(Texts::default()) };
        let rows = self.info(group).rows as usize;
        texts(raw, 0, rows).map_err(|m| self.corrupt(offset, m))
    }

    pub fn rest(&self, group: usize) -> Result<Texts, RecordsError> {
        self.optional_texts(group, Slot::Rest)
    }

    pub fn values(&self, group: usize) -> Result<Texts, RecordsError> {
        self.optional_texts(group, Slot::Values)
    }

    fn optional_texts(&self, group: usize, slot: Slot) -> Result<Texts, RecordsError> {
        let Some((raw, offset)) = self.page(group, slot)? else { return Ok(Texts::default()) };
        let read = || -> Result<Texts, Malformed> {
            let (present, values) = levels(&raw, self.info(group).rows as usize)?;
            let from = raw.len() - values.len();
            present_texts(raw, from, &present)
        };
        read().map_err(|m| self.corrupt(offset, m))
    }

    /// One attribute of a row group.
    pub fn field(&self, group: usize, k: usize) -> Result<Column, RecordsError> {
        let Some((raw, offset)) = self.page(group, Slot::Field(k))? else { return Ok(Column::default()) };
        let kind = self.directory.fields[k].kind;
        column(raw, self.info(group).rows as usize, kind).map_err(|m| self.corrupt(offset, m))
    }

    pub fn observed(&self, group: usize) -> Result<Vec<i64>, RecordsError> {
        let Some((raw, offset)) = self.page(group, Slot::Observed)? else { return Ok(Vec::new()) };
        let column = column(raw, self.info(group).rows as usize, Kind::Int);
        Ok(column.map_err(|m| self.corrupt(offset, m))?.numbers)
    }

    pub fn traces(&self, group: usize) -> Result<Vec<TraceId>, RecordsError> {
        self.ids(group, Slot::Trace, TraceId)
    }

    pub fn spans(&self, group: usize) -> Result<Vec<SpanId>, RecordsError> {
        self.ids(group, Slot::Span, SpanId)
    }

    fn ids<const N: usize, T: Copy>(
        &self,
        group: usize,
        slot: Slot,
        id: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, RecordsError> {
        let Some((raw, offset)) = self.page(group, slot)? else { return Ok(Vec::new()) };
        let read = || -> Result<Vec<T>, Malformed> {
            let (present, mut values) = levels(&raw, self.info(group).rows as usize)?;
            let mut out = Vec::with_capacity(present.len());
            for p in present {
                let bytes = if p { take_array(&mut values)? } else { [0; N] };
                out.push(id(bytes));
            }
            Ok(out)
        };
        read().map_err(|m| self.corrupt(offset, m))
    }

    /// Everything of a row group.
    pub fn group(&self, group: usize) -> Result<Group, RecordsError> {
        let fields = self.directory.fields.len();
        let mut out = Group::new(fields);
        out.time = self.times(group)?;
        self.runs(group, |run| {
            out.shape.resize(run.rows.end, run.shape);
            out.stream.resize(run.rows.end, run.stream);
        })?;
        out.severity = self.severities(group)?;
        out.observed = self.observed(group)?;
        out.trace = self.traces(group)?;
        out.span = self.spans(group)?;
        for k in 0..out.vars.len() {
            out.vars[k] = self.var(group, k)?;
        }
        for k in 0..fields {
            out.columns[k] = self.field(group, k)?;
        }
        out.rest = self.rest(group)?;
        out.values = self.values(group)?;
        Ok(out)
    }

    /// Checks every byte; what is damaged is named by where it begins.
    pub fn check(&self) -> Vec<Damage> {
        let mut bad = Vec::new();
        let mut name = |offset: u64, what: &str| {
            bad.push(Damage { file: self.name.clone(), offset, what: what.to_owned() });
        };
        let range = |offset: u64, n: u64| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            self.bytes.get(start..start.saturating_add(n as usize)).unwrap_or_default()
        };
        if range(0, 4) != b"PAR1" {
            name(0, "the magic at the beginning is wrong");
        }
        for g in &self.directory.groups {
            if crc32c::crc32c(range(g.offset, g.bytes)) != g.crc {
                name(g.offset, "a row group fails its checksum");
            }
        }
        let blobs = self.directory.groups.iter().flat_map(|g| [&g.runs, &g.trigrams, &g.traces]);
        for b in blobs.chain([&self.directory.shapes]).filter(|b| b.raw > 0) {
            if crc32c::crc32c(range(b.offset, u64::from(b.stored))) != b.crc {
                name(b.offset, "an index block fails its checksum");
            }
        }
        let footer = Part::footer_at(&self.bytes).unwrap_or(self.bytes.len());
        let crc = range(footer.saturating_sub(TRAILER_BYTES - 12) as u64, 4);
        if crc32c::crc32c(&self.bytes[footer..]).to_le_bytes() != *crc {
            name(footer as u64, "the footer fails its checksum");
        }
        bad
    }
}

fn inflate(bytes: &[u8], blob: &BlobRef) -> Result<Vec<u8>, Malformed> {
    let start = usize::try_from(blob.offset).or(malformed("place of a block"))?;
    let end = start.checked_add(blob.stored as usize);
    let Some(stored) = end.and_then(|end| bytes.get(start..end)) else {
        return malformed("place of a block");
    };
    if crc32c::crc32c(stored) != blob.crc {
        return malformed("the checksum of an index block");
    }
    decompress(stored, blob.raw)
}

fn inflate_page(bytes: &[u8], page: &PageRef) -> Result<Vec<u8>, Malformed> {
    let start = usize::try_from(page.offset).or(malformed("place of a page"))?;
    let end = start.checked_add(page.header as usize + page.stored as usize);
    let Some(all) = end.and_then(|end| bytes.get(start..end)) else { return malformed("place of a page") };
    if crc32c::crc32c(all) != page.crc {
        return malformed("the checksum of a page");
    }
    decompress(&all[page.header as usize..], page.raw)
}

fn decompress(stored: &[u8], raw: u32) -> Result<Vec<u8>, Malformed> {
    // A length that is not what the frame says would be believed with memory.
    let length = zstd::zstd_safe::get_frame_content_size(stored).ok().flatten();
    if raw > RAW_MAX || length != Some(u64::from(raw)) {
        return malformed("length of a block");
    }
    thread_local! {
        /// Making one costs more than most pages take.
        static ZSTD: std::cell::RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { std::cell::RefCell::new(None) };
    }
    ZSTD.with(|z| {
        let mut z = z.borrow_mut();
        if z.is_none() {
            *z = zstd::bulk::Decompressor::new().ok();
        }
        let Some(z) = &mut *z else { return malformed("decompressor") };
        match z.decompress(stored, raw as usize) {
            Ok(out) if out.len() == raw as usize => Ok(out),
            _ => malformed("compressed bytes"),
        }
    })
}

/// Byte strings in DELTA_LENGTH_BYTE_ARRAY, from `from` on; they stay where they are.
fn texts(raw: Vec<u8>, from: usize, rows: usize) -> Result<Texts, Malformed> {
    thread_local! {
        static LENGTHS: std::cell::RefCell<Vec<i64>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    const WRONG: Malformed = Malformed { what: "byte strings" };
    LENGTHS.with_borrow_mut(|lengths| {
        let at = from + unpack(&raw[from..], rows, lengths)?;
        let begin = u32::try_from(at).map_err(|_| WRONG)?;
        let (mut end, mut ends) = (begin, Vec::with_capacity(rows));
        for n in lengths.iter() {
            let n = u32::try_from(*n).map_err(|_| WRONG)?;
            end = end.checked_add(n).ok_or(WRONG)?;
            ends.push(end);
        }
        if lengths.len() != rows || raw.len() != end as usize {
            return Err(WRONG);
        }
        Ok(Texts::from_parts(begin, ends, raw))
    })
}

/// Byte strings of those rows that have one, by row.
fn present_texts(raw: Vec<u8>, from: usize, present: &[bool]) -> Result<Texts, Malformed> {
    let values = texts(raw, from, present.iter().filter(|p| **p).count())?;
    if present.iter().all(|p| *p) {
        return Ok(values);
    }
    let mut out = Texts::default();
    let rows = present.iter().enumerate().filter(|(_, p)| **p);
    for (i, (row, _)) in rows.enumerate() {
        out.set(row, values.get(i));
    }
    Ok(out)
}

/// Definition levels as the writer puts them: runs only. Gives what follows, too.
fn levels(raw: &[u8], rows: usize) -> Result<(Vec<bool>, &[u8]), Malformed> {
    const WHAT: &str = "definition levels";
    let mut r = Reader::new(raw);
    let length = r.u32_le(WHAT)? as usize;
    let mut runs = Reader::new(r.take(length, WHAT)?);
    let mut present = Vec::with_capacity(rows);
    while runs.remaining() > 0 {
        let header = runs.uvarint(WHAT)?;
        let value = runs.byte(WHAT)?;
        let n = usize::try_from(header >> 1).or(malformed(WHAT))?;
        if header & 1 != 0 || value > 1 || n > rows - present.len() {
            return malformed(WHAT);
        }
        present.resize(present.len() + n, value == 1);
    }
    if present.len() != rows {
        return malformed(WHAT);
    }
    Ok((present, r.take(r.remaining(), WHAT)?))
}

fn column(raw: Vec<u8>, rows: usize, kind: Kind) -> Result<Column, Malformed> {
    let (present, mut values) = levels(&raw, rows)?;
    let n = present.iter().filter(|p| **p).count();
    let mut out = Column::default();
    let mut packed = Vec::new();
    match kind {
        Kind::String | Kind::Bytes => {
            let from = raw.len() - values.len();
            out.texts = present_texts(raw, from, &present)?;
        }
        Kind::Int => drop(unpack(values, n, &mut packed)?),
        Kind::Float => {
            for _ in 0..n {
                packed.push(i64::from_le_bytes(take_array(&mut values)?));
            }
        }
        Kind::Bool => {
            let bit = |i: usize| values.get(i / 8).map(|b| i64::from(b >> (i % 8) & 1));
            for i in 0..n {
                packed.push(bit(i).ok_or(Malformed { what: "truth values" })?);
            }
        }
    }
    if !matches!(kind, Kind::String | Kind::Bytes) {
        if packed.len() != n {
            return malformed("number of values");
        }
        out.numbers.resize(rows, 0);
        let places = present.iter().enumerate().filter(|(_, p)| **p).map(|(row, _)| row);
        places.zip(packed).for_each(|(row, v)| out.numbers[row] = v);
    }
    out.present = present;
    Ok(out)
}

fn take_array<const N: usize>(values: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let Some((head, tail)) = values.split_first_chunk::<N>() else { return malformed("fixed values") };
    *values = tail;
    Ok(*head)
}
