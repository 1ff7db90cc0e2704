//! `tombstones`: spans of time that were deleted from series but are still in the chunks.

use crate::cursor::{Cursor, check_crc};
use crate::error::Fault;
use model::TimeRange;
use std::collections::HashMap;

const MAGIC: u32 = 0x0130_ba30;
const VERSION: u8 = 1;

/// Deleted spans by series reference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tombstones {
    by_series: HashMap<u64, Vec<TimeRange>>,
}

impl Tombstones {
    /// The deleted spans of a series, in no particular order.
    pub fn of(&self, series: u64) -> &[TimeRange] {
        self.by_series.get(&series).map_or(&[], Vec::as_slice)
    }
}

/// Reads a tombstones file.
pub fn parse(file: &[u8]) -> Result<Tombstones, Fault> {
    let mut header = Cursor::new(file, 0);
    let magic = header.be32()?;
    if magic != MAGIC {
        return Err(Fault::new(0, format!("this is no tombstones file (it begins with {magic:08x})")));
    }
    let version = header.byte()?;
    if version != VERSION {
        return Err(Fault::unsupported(format!("tombstones version {version} is not supported; 1 is")));
    }
    let Some((body, crc)) = file[5..].split_last_chunk::<4>() else {
        return Err(Fault::new(5, "the checksum is missing"));
    };
    check_crc(body, u32::from_be_bytes(*crc), 5, "the list of tombstones")?;
    let mut c = Cursor::new(body, 5);
    let mut out = Tombstones::default();
    while c.left() > 0 {
        let series = c.uvarint()?;
        let range = TimeRange::new(c.varint()?, c.varint()?);
        out.by_series.entry(series).or_default().push(range);
    }
    Ok(out)
}
