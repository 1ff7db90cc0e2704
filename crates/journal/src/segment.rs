//! Names and headers of segment files.

/// Length of what stands before the first record.
pub const HEADER_BYTES: usize = 32;

const MAGIC: &[u8; 8] = b"WFJRNL\r\n";
const VERSION: u32 = 1;

/// Why bytes are not the header of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not what was written.
    #[error("the header fails its checksum")]
    Damaged,
    /// A sound header of another format.
    #[error("format version {0} is not known")]
    Version(u32),
}

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Offset of its first record.
    pub first: u64,
    /// The offset behind the last record that was acknowledged before it. Anything from there on in an earlier
    /// segment was never acknowledged, and a gap up to `first` is not a loss.
    pub prior: u64,
}

/// `magic | version | first | prior | crc32c`, little endian.
pub(crate) fn encode_header(segment: Header) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&segment.first.to_le_bytes());
    header[20..28].copy_from_slice(&segment.prior.to_le_bytes());
    let crc = crc32c::crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The header at the start of a segment.
pub fn decode_header(bytes: &[u8]) -> Result<Header, HeaderError> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(HeaderError::Damaged);
    };
    let crc = u32::from_le_bytes([header[28], header[29], header[30], header[31]]);
    if &header[..8] != MAGIC || crc != crc32c::crc32c(&header[..28]) {
        return Err(HeaderError::Damaged);
    }
    let version = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    if version != VERSION {
        return Err(HeaderError::Version(version));
    }
    let (mut first, mut prior) = ([0; 8], [0; 8]);
    first.copy_from_slice(&header[12..20]);
    prior.copy_from_slice(&header[20..28]);
    Ok(Header { first: u64::from_le_bytes(first), prior: u64::from_le_bytes(prior) })
}

/// The file of the segment that starts at this offset. Twenty digits, so that names sort as offsets do.
pub(crate) fn file_name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// The first offset that a file name gives, if it is one of ours.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_offsets() {
        for first in [0, 1, 42, u64::MAX] {
            assert_eq!(parse_file_name(&file_name(first)), Some(first));
        }
        for other in
            ["", "0.seg", "00000000000000000000", "99999999999999999999.seg", "0000000000000000000x.seg"]
        {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
        assert!(file_name(9) < file_name(10));
    }

    #[test]
    fn headers_tell_damage_from_another_version() {
        let header = encode_header(Header { first: 77, prior: 70 });
        assert_eq!(decode_header(&header), Ok(Header { first: 77, prior: 70 }));
        assert_eq!(decode_header(&header[..31]), Err(HeaderError::Damaged));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = header;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_header(&flipped), Err(HeaderError::Damaged), "bit {bit}");
        }
        let mut newer = header;
        newer[8] = 2;
        let crc = crc32c::crc32c(&newer[..28]);
        newer[28..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decode_header(&newer), Err(HeaderError::Version(2)));
    }
}
