//! One record in a segment: header, checksum, payload.

/// Length of what stands before each payload.
pub const FRAME_HEADER_BYTES: usize = 20;

/// A record as it lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The record's offset.
    pub offset: u64,
    /// Its place in the group it was written with, from 0. Whoever wrote it had all earlier groups synced.
    pub index: u32,
    /// The record.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Bytes it takes in the segment.
    pub fn encoded_len(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload.len()
    }
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the record does; it takes this many.
    #[error("the record takes {0} bytes, more than there are")]
    Short(usize),
    /// The length is beyond what a record may have.
    #[error("the record claims {0} bytes, more than a record may have")]
    TooLong(usize),
    /// The checksum does not match.
    #[error("the record fails its checksum")]
    Checksum,
}

/// `crc32c | len | offset | index`, little endian. The checksum covers the rest and the payload, and starts from the first
/// offset of the segment, so that neither bytes of another segment nor a run of zeros ever verify.
pub(crate) fn encode_header(first: u64, offset: u64, index: u32, payload: &[u8]) -> [u8; FRAME_HEADER_BYTES] {
    let mut header = [0; FRAME_HEADER_BYTES];
    header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[8..16].copy_from_slice(&offset.to_le_bytes());
    header[16..20].copy_from_slice(&index.to_le_bytes());
    let crc = checksum(first, &header, payload);
    header[..4].copy_from_slice(&crc.to_le_bytes());
    header
}

fn checksum(first: u64, header: &[u8], payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&first.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &header[4..FRAME_HEADER_BYTES]);
    crc32c::crc32c_append(crc, payload)
}

/// The length and offset that a frame claims, unchecked. `bytes` holds at least a header.
pub(crate) fn claims(bytes: &[u8]) -> (usize, u64) {
    let len = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let mut offset = [0; 8];
    offset.copy_from_slice(&bytes[8..16]);
    (len as usize, u64::from_le_bytes(offset))
}

/// The record at the start of `bytes`, which lie in a segment whose first offset is `first`. Any bytes give a
/// record or an error.
pub fn decode_frame(first: u64, bytes: &[u8], payload_bytes_max: usize) -> Result<Frame<'_>, FrameError> {
    if bytes.len() < FRAME_HEADER_BYTES {
        return Err(FrameError::Short(FRAME_HEADER_BYTES));
    }
    let (len, offset) = claims(bytes);
    if len > payload_bytes_max {
        return Err(FrameError::TooLong(len));
    }
    let end = FRAME_HEADER_BYTES + len;
    let Some(payload) = bytes.get(FRAME_HEADER_BYTES..end) else {
        return Err(FrameError::Short(end));
    };
    let stored = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if stored != checksum(first, bytes, payload) {
        return Err(FrameError::Checksum);
    }
    let index = u32::from_le_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
    Ok(Frame { offset, index, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(first: u64, offset: u64, index: u32, payload: &[u8]) -> Vec<u8> {
        [&encode_header(first, offset, index, payload)[..], payload].concat()
    }

    #[test]
    fn zeros_are_not_a_record() {
        assert_eq!(decode_frame(0, &[0; 64], 64), Err(FrameError::Checksum));
    }

    #[test]
    fn limits_hold() {
        let bytes = encode(3, 5, 1, b"payload");
        assert_eq!(decode_frame(3, &bytes, 6), Err(FrameError::TooLong(7)));
        assert_eq!(decode_frame(3, &bytes[..26], 7), Err(FrameError::Short(27)));
        assert_eq!(decode_frame(3, &bytes[..9], 7), Err(FrameError::Short(20)));
        assert_eq!(decode_frame(4, &bytes, 7), Err(FrameError::Checksum));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(first: u64, offset: u64, index: u32, payload: Vec<u8>, rest: Vec<u8>) {
            let mut bytes = encode(first, offset, index, &payload);
            let len = bytes.len();
            bytes.extend_from_slice(&rest);
            let frame = decode_frame(first, &bytes, payload.len()).unwrap();
            prop_assert_eq!(frame, Frame { offset, index, payload: &payload });
            prop_assert_eq!(frame.encoded_len(), len);
        }

        #[test]
        fn every_flipped_bit_is_seen(first: u64, offset: u64, index: u32, payload: Vec<u8>, bit: prop::sample::Index) {
            let mut bytes = encode(first, offset, index, &payload);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode_frame(first, &bytes, payload.len()).is_err());
        }

        #[test]
        fn any_bytes_are_refused_calmly(first: u64, bytes: Vec<u8>) {
            prop_assert!(decode_frame(first, &bytes, 1 << 20).is_err());
        }
    }
}
