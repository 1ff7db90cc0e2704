//! Echo requests and replies, RFC 792 and RFC 4443.

/// An echo of ours.
#[derive(Debug, Clone, Copy)]
pub struct Echo<'a> {
    /// Whether it goes over IPv6.
    pub v6: bool,
    /// Which process asks.
    pub id: u16,
    /// Which echo of it.
    pub sequence: u16,
    /// What comes back.
    pub payload: &'a [u8],
}

const HEADER_BYTES: usize = 8;

impl Echo<'_> {
    /// The request. The kernel fills in the checksum of IPv6, which covers addresses.
    pub fn request(&self) -> Vec<u8> {
        let mut out = vec![if self.v6 { 128 } else { 8 }, 0, 0, 0];
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(self.payload);
        if !self.v6 {
            let sum = checksum(&out).to_be_bytes();
            out[2..4].copy_from_slice(&sum);
        }
        out
    }

    /// Whether these bytes are the reply. `any_id` where the kernel has put its own id in place of ours, and looked at it.
    pub fn is_reply(&self, bytes: &[u8], any_id: bool) -> bool {
        let Some((head, payload)) = bytes.split_at_checked(HEADER_BYTES) else { return false };
        let kind = if self.v6 { 129 } else { 0 };
        head[0] == kind
            && head[1] == 0
            && (any_id || head[4..6] == self.id.to_be_bytes())
            && head[6..8] == self.sequence.to_be_bytes()
            && payload == self.payload
    }
}

/// What is behind the header of a packet of IPv4, and the hops that it may still take.
pub fn behind_ipv4(packet: &[u8]) -> Option<(&[u8], u8)> {
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header < 20 {
        return None;
    }
    Some((packet.get(header..)?, packet[8]))
}

/// The Internet checksum, RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let pair = |p: &[u8]| u32::from(p[0]) << 8 | u32::from(p.get(1).copied().unwrap_or(0));
    let mut sum: u32 = 0;
    for p in bytes.chunks(2) {
        sum += pair(p);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reply_is_told_from_others() {
        let echo = Echo { v6: false, id: 7, sequence: 9, payload: b"abc" };
        let mut reply = echo.request();
        assert!(!echo.is_reply(&reply, false), "a request is no reply");
        reply[0] = 0;
        assert!(echo.is_reply(&reply, false));
        assert!(!Echo { id: 8, ..echo }.is_reply(&reply, false));
        assert!(Echo { id: 8, ..echo }.is_reply(&reply, true));
        assert!(!Echo { sequence: 8, ..echo }.is_reply(&reply, true));
        assert!(!Echo { payload: b"abd", ..echo }.is_reply(&reply, true));
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 61, 1];
        packet.resize(20, 0);
        packet.extend_from_slice(&reply);
        assert_eq!(behind_ipv4(&packet), Some((&reply[..], 61)));
        assert_eq!(behind_ipv4(&packet[..19]), None);
        assert_eq!(behind_ipv4(&[0x65; 40]), None);
    }

    proptest! {
        #[test]
        fn what_is_summed_with_its_checksum_is_nothing(payload: Vec<u8>, id: u16, sequence: u16) {
            let bytes = Echo { v6: false, id, sequence, payload: &payload }.request();
            prop_assert_eq!(checksum(&bytes), 0);
        }
    }
}
