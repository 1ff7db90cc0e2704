//! What a part keeps about itself: where its pages are, which streams it holds, how its time is spread.

use crate::codec::{Malformed, Reader, malformed, put_bytes, put_uvarint, put_varint};
use crate::group::{Field, Kind};
use crate::shape::VARS_MAX;
use model::Labels;

/// Ends the directory, before the Parquet footer. The last byte is the version.
pub(crate) const MAGIC: &[u8; 8] = b"WFRECIX\x01";
/// Bytes between the directory and the footer: lengths and checksum of the directory, checksum of the footer, magic.
pub(crate) const TRAILER_BYTES: usize = 4 + 4 + 4 + 4 + 8;

/// Columns that we read ourselves, as places in [`GroupInfo::pages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Time,
    Severity,
    Observed,
    Trace,
    Span,
    Values,
    Rest,
    Var(usize),
    Field(usize),
}

impl Slot {
    pub fn place(self) -> usize {
        match self {
            Slot::Time => 0,
            Slot::Severity => 1,
            Slot::Observed => 2,
            Slot::Trace => 3,
            Slot::Span => 4,
            Slot::Values => 5,
            Slot::Rest => 6,
            Slot::Var(k) => 7 + k,
            Slot::Field(k) => 7 + VARS_MAX + k,
        }
    }
}

/// A page: a header for other readers, then compressed content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PageRef {
    pub offset: u64,
    pub header: u32,
    pub stored: u32,
    pub raw: u32,
    /// Of header and content.
    pub crc: u32,
}

/// Compressed bytes of our own. Absent where `raw` is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BlobRef {
    pub offset: u64,
    pub stored: u32,
    pub raw: u32,
    pub crc: u32,
}

/// One row group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupInfo {
    pub rows: u32,
    pub min_ns: i64,
    pub max_ns: i64,
    pub first_stream: u32,
    pub last_stream: u32,
    /// All bytes of the row group, for checking.
    pub offset: u64,
    pub bytes: u64,
    pub crc: u32,
    /// By [`Slot::place`]; `raw` is 0 where a column says nothing about any row.
    pub pages: Vec<PageRef>,
    pub runs: BlobRef,
    pub trigrams: BlobRef,
    pub traces: BlobRef,
}

/// A stream of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamInfo {
    pub labels: Labels,
    pub rows: u64,
    /// Bytes of bodies.
    pub bytes: u64,
    pub min_ns: i64,
    pub max_ns: i64,
}

/// The whole of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    pub rows: u64,
    /// Bytes of bodies.
    pub body_bytes: u64,
    pub min_ns: i64,
    pub max_ns: i64,
    /// Every record of the tenant and day before this one of the journal is in this part or an older one.
    pub end_offset: u64,
    /// Deletions up to this number are carried out.
    pub deleted_through: u64,
    pub fields: Vec<Field>,
    pub streams: Vec<StreamInfo>,
    pub shapes: BlobRef,
    pub groups: Vec<GroupInfo>,
}

impl Directory {
    /// Whether a column says anything of any row.
    pub fn says(&self, slot: Slot) -> bool {
        self.groups.iter().any(|g| g.pages[slot.place()].raw > 0)
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let b = &mut out;
        put_uvarint(b, self.rows);
        put_uvarint(b, self.body_bytes);
        put_varint(b, self.min_ns);
        put_varint(b, self.max_ns);
        put_uvarint(b, self.end_offset);
        put_uvarint(b, self.deleted_through);
        put_uvarint(b, self.fields.len() as u64);
        for f in &self.fields {
            put_bytes(b, f.name.as_bytes());
            b.push(f.kind as u8);
        }
        put_uvarint(b, self.streams.len() as u64);
        for s in &self.streams {
            put_bytes(b, s.labels.key());
            put_uvarint(b, s.rows);
            put_uvarint(b, s.bytes);
            put_varint(b, s.min_ns);
            put_uvarint(b, s.max_ns.wrapping_sub(s.min_ns) as u64);
        }
        put_blob(b, &self.shapes);
        put_uvarint(b, self.groups.len() as u64);
        for g in &self.groups {
            put_group(b, g);
        }
        out
    }

    pub fn decode(bytes: &[u8]) -> Result<Directory, Malformed> {
        let mut r = Reader::new(bytes);
        let mut d = Directory {
            rows: r.uvarint("rows")?,
            body_bytes: r.uvarint("bytes of bodies")?,
            min_ns: r.varint("earliest time")?,
            max_ns: r.varint("latest time")?,
            end_offset: r.uvarint("journal offset")?,
            deleted_through: r.uvarint("deletions")?,
            ..Directory::default()
        };
        for _ in 0..r.count("fields")? {
            let name = r.text("field name")?.to_owned();
            let Some(kind) = Kind::from_number(r.byte("field type")?) else { return malformed("field type") };
            d.fields.push(Field { name, kind });
        }
        for _ in 0..r.count("streams")? {
            let Ok(labels) = Labels::from_key(r.bytes("stream")?) else { return malformed("stream") };
            let (rows, bytes) = (r.uvarint("stream rows")?, r.uvarint("stream bytes")?);
            let min_ns = r.varint("stream time")?;
            let max_ns = min_ns.wrapping_add(r.uvarint("stream time")? as i64);
            d.streams.push(StreamInfo { labels, rows, bytes, min_ns, max_ns });
        }
        d.shapes = read_blob(&mut r)?;
        for _ in 0..r.count("row groups")? {
            let g = read_group(&mut r)?;
            let fits = g.last_stream < d.streams.len() as u32
                && g.first_stream <= g.last_stream
                && g.pages.len() == Slot::Field(d.fields.len()).place()
                && g.rows > 0
                && g.rows as usize <= super::GROUP_ROWS;
            if !fits {
                return malformed("row group");
            }
            d.groups.push(g);
        }
        if r.remaining() > 0 {
            return malformed("end of directory");
        }
        Ok(d)
    }
}

fn put_blob(b: &mut Vec<u8>, blob: &BlobRef) {
    put_uvarint(b, u64::from(blob.raw));
    if blob.raw > 0 {
        put_uvarint(b, blob.offset);
        put_uvarint(b, u64::from(blob.stored));
        b.extend_from_slice(&blob.crc.to_le_bytes());
    }
}

fn read_blob(r: &mut Reader<'_>) -> Result<BlobRef, Malformed> {
    const WHAT: &str = "place of a block";
    let raw = r.u32(WHAT)?;
    if raw == 0 {
        return Ok(BlobRef::default());
    }
    Ok(BlobRef { offset: r.uvarint(WHAT)?, stored: r.u32(WHAT)?, raw, crc: r.u32_le(WHAT)? })
}

fn put_group(b: &mut Vec<u8>, g: &GroupInfo) {
    put_uvarint(b, u64::from(g.rows));
    put_varint(b, g.min_ns);
    put_uvarint(b, g.max_ns.wrapping_sub(g.min_ns) as u64);
    put_uvarint(b, u64::from(g.first_stream));
    put_uvarint(b, u64::from(g.last_stream));
    put_uvarint(b, g.offset);
    put_uvarint(b, g.bytes);
    b.extend_from_slice(&g.crc.to_le_bytes());
    put_uvarint(b, g.pages.len() as u64);
    for p in &g.pages {
        put_uvarint(b, u64::from(p.raw));
        if p.raw > 0 {
            put_uvarint(b, p.offset.wrapping_sub(g.offset));
            put_uvarint(b, u64::from(p.header));
            put_uvarint(b, u64::from(p.stored));
            b.extend_from_slice(&p.crc.to_le_bytes());
        }
    }
    put_blob(b, &g.runs);
    put_blob(b, &g.trigrams);
    put_blob(b, &g.traces);
}

fn read_group(r: &mut Reader<'_>) -> Result<GroupInfo, Malformed> {
    const WHAT: &str = "row group";
    let rows = r.u32(WHAT)?;
    let min_ns = r.varint(WHAT)?;
    let max_ns = min_ns.wrapping_add(r.uvarint(WHAT)? as i64);
    let mut g = GroupInfo {
        rows,
        min_ns,
        max_ns,
        first_stream: r.u32(WHAT)?,
        last_stream: r.u32(WHAT)?,
        offset: r.uvarint(WHAT)?,
        bytes: r.uvarint(WHAT)?,
        crc: r.u32_le(WHAT)?,
        ..GroupInfo::default()
    };
    for _ in 0..r.count("pages")? {
        const WHAT: &str = "place of a page";
        let mut p = PageRef { raw: r.u32(WHAT)?, ..PageRef::default() };
        if p.raw > 0 {
            p.offset = g.offset.wrapping_add(r.uvarint(WHAT)?);
            p.header = r.u32(WHAT)?;
            p.stored = r.u32(WHAT)?;
            p.crc = r.u32_le(WHAT)?;
        }
        g.pages.push(p);
    }
    g.runs = read_blob(r)?;
    g.trigrams = read_blob(r)?;
    g.traces = read_blob(r)?;
    Ok(g)
}
