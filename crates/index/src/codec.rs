//! Integers, and frames: bytes followed by their CRC32C.

/// What a frame adds to its payload.
pub(crate) const CRC_BYTES: usize = 4;

pub(crate) fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// The frame's bytes for `payload`.
pub(crate) fn put_crc(out: &mut Vec<u8>, payload: &[u8]) {
    out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
}

/// The payload of a frame, if its checksum holds.
pub(crate) fn payload(frame: &[u8]) -> Option<&[u8]> {
    let (payload, crc) = frame.split_at_checked(frame.len().checked_sub(CRC_BYTES)?)?;
    #[cfg(test)]
    if tests::BLIND.get() {
        return Some(payload);
    }
    (crc32c::crc32c(payload).to_le_bytes() == *crc).then_some(payload)
}

/// Little-endian integers at a position of a slice; `None` past its end.
pub(crate) fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(b.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(crate) fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(b.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Reads from the front of a slice; `None` when it is too short or malformed.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut v = 0u64;
        for i in 0..10 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if i == 9 && byte > 1 {
                return None;
            }
            v |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Some(v);
            }
        }
        None
    }

    /// A varint that must fit 32 bits.
    pub(crate) fn varint32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The number of leading bytes two slices share.
pub(crate) fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    // Whole words first: keys share long prefixes.
    let words = a.chunks_exact(8).zip(b.chunks_exact(8)).take_while(|(x, y)| x == y).count() * 8;
    words + a[words..].iter().zip(&b[words..]).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local! {
        /// Lets damaged frames pass in this thread, to see what the code behind the checksum makes of them.
        pub(crate) static BLIND: Cell<bool> = const { Cell::new(false) };
    }

    proptest! {
        #[test]
        fn varints_round_trip(v in any::<u64>(), shift in 0u32..64) {
            let v = v >> shift;
            let mut out = Vec::new();
            put_varint(&mut out, v);
            let mut r = Reader(&out);
            prop_assert_eq!(r.varint(), Some(v));
            prop_assert!(r.is_empty());
        }

        #[test]
        fn the_shared_prefix_is_the_longest(a in "[ab]{0,40}", b in "[ab]{0,40}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let n = shared_prefix(a, b);
            prop_assert_eq!(&a[..n], &b[..n]);
            prop_assert!(a.len() == n || b.len() == n || a[n] != b[n]);
        }
    }

    #[test]
    fn a_frame_with_any_bit_flipped_is_refused() {
        let mut frame = b"some payload".to_vec();
        put_crc(&mut frame, b"some payload");
        assert_eq!(payload(&frame), Some(&b"some payload"[..]));
        for i in 0..frame.len() * 8 {
            frame[i / 8] ^= 1 << (i % 8);
            assert_eq!(payload(&frame), None, "bit {i}");
            frame[i / 8] ^= 1 << (i % 8);
        }
        assert_eq!(payload(b"abc"), None);
    }
}
