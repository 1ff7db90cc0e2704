//! `chunks/000001` and so on: the chunks one after another.

use crate::chunk::{CHUNK_BYTES_MAX, Encoding};
use crate::cursor::{Cursor, check_crc};
use crate::error::Fault;

const MAGIC: u32 = 0x85bd_40dd;

/// Checks the header of a segment file.
pub(crate) fn check_header(file: &[u8]) -> Result<(), Fault> {
    let mut c = Cursor::new(file, 0);
    let magic = c.be32()?;
    if magic != MAGIC {
        return Err(Fault::new(0, format!("this is no chunks file (it begins with {magic:08x})")));
    }
    match c.byte()? {
        1 => Ok(()),
        v => Err(Fault::unsupported(format!("chunks file version {v} is not supported; 1 is"))),
    }
}

/// The chunk at an offset of a segment file, its checksum verified.
pub fn read_chunk(file: &[u8], offset: u32) -> Result<(Encoding, &[u8]), Fault> {
    let from = u64::from(offset);
    let mut c = Cursor::slice(file, from, (file.len() as u64).saturating_sub(from))?;
    let len = c.uvarint()?;
    if len > CHUNK_BYTES_MAX as u64 {
        return Err(Fault::new(
            offset as usize,
            format!("a chunk of {len} bytes is announced; up to {CHUNK_BYTES_MAX} are supported"),
        ));
    }
    let checked = c.take(len as usize + 1)?;
    let crc = c.be32()?;
    check_crc(checked, crc, offset as usize, "the chunk")?;
    match Encoding::from_number(checked[0]) {
        Some(encoding) => Ok((encoding, &checked[1..])),
        None => Err(Fault::new(offset as usize, format!("chunk encoding {} is not known", checked[0]))),
    }
}
