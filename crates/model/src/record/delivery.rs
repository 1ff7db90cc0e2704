//! Batches that can be sent twice and are kept once.

use std::fmt;

/// Who sends. Chosen at random by the sender, or fixed where there can be only one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SenderId(pub [u8; 16]);

/// A batch's place among those of its sender.
///
/// A sender sends its batches one after another, with rising numbers, each until it is acknowledged. A sink that keeps
/// deliveries remembers the last number of each sender, and the state that came with it, together with the records: both
/// are kept or neither is. A batch whose number is not above the last one is acknowledged and not kept again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sends.
    pub sender: SenderId,
    /// Above that of the batch before; from 1 on.
    pub sequence: u64,
    /// What the sender wants to find again after a restart, how far it has read say. At most
    /// [`Delivery::STATE_BYTES_MAX`].
    pub state: Vec<u8>,
}

impl Delivery {
    /// Bytes of a state.
    pub const STATE_BYTES_MAX: usize = 1 << 20;

    /// From its text, `SENDER-SEQUENCE` (32 hexadecimal digits, a decimal number), with no state.
    pub fn from_text(text: &str) -> Option<Delivery> {
        let (sender, sequence) = text.split_once('-')?;
        let sender = super::TraceId::from_hex(sender)?.0;
        let sequence = sequence.parse().ok().filter(|n| *n > 0)?;
        Some(Delivery { sender: SenderId(sender), sequence, state: Vec::new() })
    }

    /// Its text, without the state.
    pub fn text(&self) -> String {
        format!("{}-{}", self.sender, self.sequence)
    }
}

impl fmt::Display for SenderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for SenderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let delivery = Delivery { sender: SenderId([0xab; 16]), sequence: 7, state: Vec::new() };
        assert_eq!(delivery.text(), "abababababababababababababababab-7");
        assert_eq!(Delivery::from_text(&delivery.text()), Some(delivery));
        for wrong in
            ["", "ab-7", "abababababababababababababababab-0", "abababababababababababababababab--1", "-1"]
        {
            assert_eq!(Delivery::from_text(wrong), None, "{wrong}");
        }
    }
}
