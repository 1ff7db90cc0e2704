//! `index`: the series of a block and where their chunks are. Postings are not needed to read all of it.

use crate::cursor::{Cursor, check_crc};
use crate::error::Fault;
use model::Labels;

const MAGIC: u32 = 0xbaaa_d700;
const HEADER_BYTES: usize = 5;
const TOC_BYTES: usize = 6 * 8 + 4;
/// Every so many symbols the position is remembered; the ones between are passed over.
const SYMBOL_STRIDE: usize = 32;
/// From version 2 on, series begin at multiples of this.
const SERIES_ALIGN: usize = 16;

/// A chunk of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRef {
    /// First time in it, Unix milliseconds.
    pub from_ms: i64,
    /// Last time in it.
    pub to_ms: i64,
    /// Which segment file, from 0 (which is file `000001`).
    pub segment: u32,
    /// Where in it.
    pub offset: u32,
}

/// A series of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesEntry {
    /// Its reference, as tombstones use it.
    pub reference: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its chunks in the order of the index.
    pub chunks: Vec<ChunkRef>,
    /// Where the entry is in the index file.
    pub offset: u64,
}

/// An index over the bytes of its file.
#[derive(Debug)]
pub struct Index<'a> {
    file: &'a [u8],
    version: u8,
    symbols: Symbols<'a>,
    /// The series lie between these positions.
    series: (usize, usize),
}

impl<'a> Index<'a> {
    /// Checks header, table of contents and symbols.
    pub fn open(file: &'a [u8]) -> Result<Index<'a>, Fault> {
        let mut c = Cursor::new(file, 0);
        let magic = c.be32()?;
        if magic != MAGIC {
            return Err(Fault::new(0, format!("this is no index file (it begins with {magic:08x})")));
        }
        let version = c.byte()?;
        if !(1..=3).contains(&version) {
            return Err(Fault::unsupported(format!("index version {version} is not supported; 1 to 3 are")));
        }
        let toc_at = file.len().checked_sub(TOC_BYTES).filter(|at| *at >= HEADER_BYTES);
        let Some(toc_at) = toc_at else {
            return Err(Fault::new(file.len(), "the file is too short for a table of contents"));
        };
        let toc = read_toc(&file[toc_at..], toc_at)?;
        let symbols = Symbols::open(file, toc[0], version)?;
        let series = series_section(&toc, toc_at)?;
        Ok(Index { file, version, symbols, series })
    }

    /// The series at or behind a position, and the position behind it. Begin with 0; `None` after the last.
    pub fn series_from(&self, position: usize) -> Result<Option<(SeriesEntry, usize)>, Fault> {
        let (from, to) = self.series;
        let mut at = position.max(from);
        if self.version > 1 {
            at = at.next_multiple_of(SERIES_ALIGN);
        }
        // Between entries and behind the last is padding.
        while at < to && self.file[at] == 0 {
            at += if self.version > 1 { SERIES_ALIGN } else { 1 };
        }
        if at >= to {
            return Ok(None);
        }
        let mut c = Cursor::new(&self.file[at..to], at);
        let len = c.count()?;
        let start = c.position();
        let body = c.take(len)?;
        let crc = c.be32()?;
        check_crc(body, crc, at, "the series")?;
        let reference = if self.version > 1 { at / SERIES_ALIGN } else { at } as u64;
        let (labels, chunks) = self.series(Cursor::new(body, start))?;
        Ok(Some((SeriesEntry { reference, labels, chunks, offset: at as u64 }, c.position())))
    }

    fn series(&self, mut c: Cursor<'_>) -> Result<(Labels, Vec<ChunkRef>), Fault> {
        let at = c.position();
        let mut pairs = Vec::new();
        for _ in 0..c.count()? {
            pairs.push((self.symbol(&mut c)?, self.symbol(&mut c)?));
        }
        let labels = Labels::from_pairs(pairs).map_err(|e| Fault::new(at, e.to_string()))?;
        let mut chunks = Vec::new();
        let (mut time, mut reference) = (0i64, 0i64);
        for i in 0..c.count()? {
            let at = c.position();
            let wrong = || Fault::new(at, "the time or place of a chunk is out of range");
            let from_ms = match i {
                0 => c.varint()?,
                _ => time.checked_add_unsigned(c.uvarint()?).ok_or_else(wrong)?,
            };
            let to_ms = from_ms.checked_add_unsigned(c.uvarint()?).ok_or_else(wrong)?;
            reference = match i {
                0 => i64::try_from(c.uvarint()?).map_err(|_| wrong())?,
                _ => reference.checked_add(c.varint()?).filter(|r| *r >= 0).ok_or_else(wrong)?,
            };
            time = to_ms;
            let (segment, offset) = ((reference >> 32) as u32, reference as u32);
            chunks.push(ChunkRef { from_ms, to_ms, segment, offset });
        }
        Ok((labels, chunks))
    }

    fn symbol(&self, c: &mut Cursor<'_>) -> Result<&'a str, Fault> {
        let at = c.position();
        let reference = c.uvarint()?;
        self.symbols.get(reference).map_err(|f| Fault::new(at, format!("symbol {reference}: {}", f.reason)))
    }
}

fn read_toc(toc: &[u8], at: usize) -> Result<[u64; 6], Fault> {
    let mut c = Cursor::new(toc, at);
    let mut out = [0; 6];
    for place in &mut out {
        *place = c.be64()?;
    }
    check_crc(&toc[..TOC_BYTES - 4], c.be32()?, at, "the table of contents")?;
    Ok(out)
}

/// The series section goes up to whichever section comes next.
fn series_section(toc: &[u64; 6], toc_at: usize) -> Result<(usize, usize), Fault> {
    let from = toc[1];
    if from == 0 {
        return Ok((0, 0));
    }
    let next = toc.iter().copied().filter(|p| *p > from).min().unwrap_or(toc_at as u64);
    match (usize::try_from(from), usize::try_from(next)) {
        (Ok(f), Ok(n)) if f >= HEADER_BYTES && n <= toc_at => Ok((f, n)),
        _ => Err(Fault::new(toc_at, "the table of contents points outside the file")),
    }
}

/// The strings that series refer to: by number, or in version 1 by position.
#[derive(Debug)]
struct Symbols<'a> {
    file: &'a [u8],
    by_position: bool,
    count: u64,
    /// Position of every [`SYMBOL_STRIDE`]-th symbol.
    marks: Vec<usize>,
    end: usize,
}

impl<'a> Symbols<'a> {
    fn open(file: &'a [u8], at: u64, version: u8) -> Result<Self, Fault> {
        if at == 0 {
            return Ok(Symbols { file, by_position: version == 1, count: 0, marks: Vec::new(), end: 0 });
        }
        let len = Cursor::slice(file, at, 4)?.be32()?;
        let mut body = Cursor::slice(file, at + 4, u64::from(len))?;
        let start = body.position();
        let crc = Cursor::slice(file, at + 4 + u64::from(len), 4)?.be32()?;
        check_crc(&file[start..start + len as usize], crc, start, "the symbol table")?;
        let count = body.be32()?;
        if u64::from(count) > body.left() as u64 {
            return Err(
                body.fault(format!("{count} symbols are announced but only {} bytes are left", body.left()))
            );
        }
        let mut marks = Vec::with_capacity(count as usize / SYMBOL_STRIDE + 1);
        for i in 0..count as usize {
            if i % SYMBOL_STRIDE == 0 {
                marks.push(body.position());
            }
            let n = body.count()?;
            body.take(n)?;
        }
        let end = body.position();
        Ok(Symbols { file, by_position: version == 1, count: u64::from(count), marks, end })
    }

    fn get(&self, reference: u64) -> Result<&'a str, Fault> {
        let missing = || Fault::new(0, format!("there are only {} symbols", self.count));
        let (start, skip) = if self.by_position {
            let at = usize::try_from(reference).ok();
            let first = self.marks.first().copied().unwrap_or(self.end);
            (at.filter(|a| (first..self.end).contains(a)).ok_or_else(missing)?, 0)
        } else {
            let n = usize::try_from(reference).ok().filter(|_| reference < self.count).ok_or_else(missing)?;
            (self.marks[n / SYMBOL_STRIDE], n % SYMBOL_STRIDE)
        };
        let mut c = Cursor::new(&self.file[start..self.end], start);
        for _ in 0..skip {
            let n = c.count()?;
            c.take(n)?;
        }
        let n = c.count()?;
        let bytes = c.take(n)?;
        std::str::from_utf8(bytes).map_err(|_| c.fault("it is not valid UTF-8"))
    }
}
