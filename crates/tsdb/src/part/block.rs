//! The checksummed unit of a part.

use crate::bytes::{Malformed, malformed};
use crate::error::{Damage, TsdbError};

pub(super) const HEADER: &[u8; 8] = b"WFPART\x00\x01";
pub(super) const FOOTER_MAGIC: &[u8; 8] = b"WFPARTED";
/// Three offsets, a checksum over them, and the magic.
pub(super) const FOOTER_LEN: usize = 3 * 8 + 4 + 8;
/// `crc32c u32, kind u8, raw length u32, stored length u32`; the checksum covers all that follows it.
pub(super) const BLOCK_HEADER_LEN: usize = 13;
/// No block decompresses to more.
const RAW_MAX: usize = 256 << 20;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Values = 1,
    Times = 2,
    Table = 3,
    Series = 4,
    Summary = 5,
    Ends = 6,
}

/// Appends a block that holds `raw` in compressed form.
pub(super) fn encode(
    kind: Kind,
    raw: &[u8],
    compressor: &mut zstd::bulk::Compressor<'_>,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    let start = out.len();
    out.resize(start + BLOCK_HEADER_LEN + zstd::zstd_safe::compress_bound(raw.len()), 0);
    let len = compressor.compress_to_buffer(raw, &mut out[start + BLOCK_HEADER_LEN..])?;
    out.truncate(start + BLOCK_HEADER_LEN + len);
    out[start + 4] = kind as u8;
    out[start + 5..start + 9].copy_from_slice(&(raw.len() as u32).to_le_bytes());
    out[start + 9..start + 13].copy_from_slice(&(len as u32).to_le_bytes());
    let crc = crc32c::crc32c(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

fn word(b: &[u8], at: usize) -> u32 {
    b.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// The stored bytes of the block at `offset` and where the next one begins, checked.
fn checked(file: &[u8], offset: u64) -> Result<(u8, usize, &[u8], u64), Malformed> {
    let start = usize::try_from(offset).or(malformed("block offset"))?;
    let head = start.checked_add(BLOCK_HEADER_LEN).filter(|end| *end <= file.len());
    let Some(body) = head else { return malformed("block header") };
    let len = word(file, start + 9) as usize;
    let Some(end) = body.checked_add(len).filter(|end| *end <= file.len()) else {
        return malformed("block length");
    };
    let raw_len = word(file, start + 5) as usize;
    if raw_len > RAW_MAX || len > zstd::zstd_safe::compress_bound(raw_len) {
        return malformed("block size");
    }
    if crc32c::crc32c(&file[start + 4..end]) != word(file, start) {
        return malformed("block checksum");
    }
    Ok((file[start + 4], raw_len, &file[body..end], end as u64))
}

/// The bytes that the block at `offset` takes in the file, if it is whole.
pub(super) fn stored_len(file: &[u8], offset: u64) -> u64 {
    usize::try_from(offset).map_or(0, |at| BLOCK_HEADER_LEN as u64 + u64::from(word(file, at + 9)))
}

/// Decompresses the block at `offset` into `out`, replacing what was there.
pub(super) fn read(
    name: &str,
    file: &[u8],
    offset: u64,
    kind: Kind,
    decompressor: &mut zstd::bulk::Decompressor<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TsdbError> {
    let fail = |m| TsdbError::corrupt(name, offset, m);
    let (found, raw_len, stored, _) = checked(file, offset).map_err(fail)?;
    if found != kind as u8 {
        return Err(fail(Malformed { what: "block kind" }));
    }
    out.clear();
    out.reserve(raw_len);
    match decompressor.decompress_to_buffer(stored, out) {
        Ok(n) if n == raw_len => Ok(()),
        _ => Err(fail(Malformed { what: "compressed block" })),
    }
}

/// Walks every byte of a part and names each damaged stretch.
pub(crate) fn scan(name: &str, file: &[u8]) -> Vec<Damage> {
    let mut found = Vec::new();
    let mut damage = |offset: u64, what: &str| {
        found.push(Damage { file: name.to_owned(), offset, what: what.to_owned() });
    };
    if file.len() < HEADER.len() + FOOTER_LEN {
        damage(0, "file is cut short");
        return found;
    }
    if &file[..HEADER.len()] != HEADER {
        damage(0, "header is not that of a part");
    }
    let end = (file.len() - FOOTER_LEN) as u64;
    let mut at = HEADER.len() as u64;
    while at < end {
        match checked(&file[..end as usize], at) {
            Ok((_, _, _, next)) => at = next,
            Err(m) => {
                damage(at, &format!("{} is wrong", m.what));
                match next_good(&file[..end as usize], at) {
                    Some(next) => at = next,
                    None => break,
                }
            }
        }
    }
    if footer(file).is_none() {
        damage(end, "footer is wrong");
    }
    found
}

/// Where the next sound block begins after a damaged one at `at`. Mostly it is the content that is damaged, and the
/// length still leads there; else every place is tried.
fn next_good(blocks: &[u8], at: u64) -> Option<u64> {
    let end = blocks.len() as u64;
    let by_length = at + BLOCK_HEADER_LEN as u64 + u64::from(word(blocks, at as usize + 9));
    if by_length == end || (by_length < end && checked(blocks, by_length).is_ok()) {
        return Some(by_length);
    }
    (at + 1..end).find(|o| checked(blocks, *o).is_ok())
}

/// The three offsets of the footer.
pub(super) fn footer(file: &[u8]) -> Option<[u64; 3]> {
    let f = file.get(file.len().checked_sub(FOOTER_LEN)?..)?;
    if &f[28..] != FOOTER_MAGIC || crc32c::crc32c(&f[..24]) != word(f, 24) {
        return None;
    }
    let long = |at: usize| u64::from(word(f, at)) | u64::from(word(f, at + 4)) << 32;
    Some([long(0), long(8), long(16)])
}
