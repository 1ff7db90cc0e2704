//! Who sent numbered batches, and up to which number they are here.
//!
//! The table changes in order of the journal, as records do: each head has it as it was at its beginning and as it is at
//! its end, and the checkpoint keeps it as it was where replay begins. Replay thus finds the same batches to be
//! repetitions that were found before.

use crate::codec::{Malformed, Reader, malformed, put_bytes, put_uvarint};
use hashbrown::HashMap;
use journal::Offset;
use model::record::{Delivery, SenderId};
use std::sync::Arc;

/// More senders are not remembered; those that sent nothing for longest are forgotten first.
const SENDERS_MAX: usize = 32 << 10;
/// Bytes of all states together.
const STATES_BYTES_MAX: usize = 32 << 20;

/// The last delivery of each sender. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Senders(Arc<Table>);

#[derive(Debug, Clone, Default, PartialEq)]
struct Table {
    last: HashMap<SenderId, Last>,
    state_bytes: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Last {
    sequence: u64,
    /// Where in the journal it is.
    offset: u64,
    state: Arc<[u8]>,
}

impl Senders {
    /// Whether a batch is new; if it is, it is the last of its sender from now on.
    pub fn admit(&mut self, d: &Delivery, offset: Offset) -> bool {
        if self.has(d) {
            return false;
        }
        self.put(d.sender, Last { sequence: d.sequence, offset: offset.0, state: Arc::from(&d.state[..]) });
        true
    }

    /// Whether nobody numbered anything yet.
    pub fn is_empty(&self) -> bool {
        self.0.last.is_empty()
    }

    /// Whether a batch of this number or a later one is here.
    pub fn has(&self, d: &Delivery) -> bool {
        self.0.last.get(&d.sender).is_some_and(|l| d.sequence <= l.sequence)
    }

    /// The last delivery of a sender.
    pub fn last(&self, sender: &SenderId) -> Option<Delivery> {
        let last = self.0.last.get(sender)?;
        Some(Delivery { sender: *sender, sequence: last.sequence, state: last.state.to_vec() })
    }

    fn put(&mut self, sender: SenderId, last: Last) {
        let table = Arc::make_mut(&mut self.0);
        table.state_bytes += last.state.len();
        if let Some(before) = table.last.insert(sender, last) {
            table.state_bytes -= before.state.len();
        }
        if table.last.len() > SENDERS_MAX || table.state_bytes > STATES_BYTES_MAX {
            table.forget();
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut all: Vec<_> = self.0.last.iter().collect();
        all.sort_by_key(|(sender, _)| **sender);
        put_uvarint(out, all.len() as u64);
        for (sender, last) in all {
            out.extend_from_slice(&sender.0);
            put_uvarint(out, last.sequence);
            put_uvarint(out, last.offset);
            put_bytes(out, &last.state);
        }
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Senders, Malformed> {
        let mut senders = Senders::default();
        for _ in 0..r.count("senders")? {
            let sender = read_sender(r)?;
            let sequence = r.uvarint("sequence of a sender")?;
            let offset = r.uvarint("offset of a sender")?;
            let state = Arc::from(r.bytes("state of a sender")?);
            senders.put(sender, Last { sequence, offset, state });
        }
        Ok(senders)
    }
}

impl Table {
    /// Forgets an eighth of the senders, and more while their states are too large: the least recent first.
    fn forget(&mut self) {
        let mut by_age: Vec<(u64, SenderId)> = self.last.iter().map(|(s, l)| (l.offset, *s)).collect();
        by_age.sort_unstable();
        let surplus = by_age.len() / 8;
        // The newest stays, whatever it takes.
        let oldest = &by_age[..by_age.len() - 1];
        for (i, (_, sender)) in oldest.iter().enumerate() {
            if i >= surplus && self.state_bytes <= STATES_BYTES_MAX / 2 {
                break;
            }
            if let Some(gone) = self.last.remove(sender) {
                self.state_bytes -= gone.state.len();
            }
        }
    }
}

/// Appends a delivery to a record of the journal.
pub(crate) fn put_delivery(out: &mut Vec<u8>, d: &Delivery) {
    out.extend_from_slice(&d.sender.0);
    put_uvarint(out, d.sequence);
    put_bytes(out, &d.state);
}

/// Reads what [`put_delivery`] wrote.
pub(crate) fn read_delivery(r: &mut Reader<'_>) -> Result<Delivery, Malformed> {
    let sender = read_sender(r)?;
    let sequence = r.uvarint("sequence")?;
    Ok(Delivery { sender, sequence, state: r.bytes("state")?.to_vec() })
}

fn read_sender(r: &mut Reader<'_>) -> Result<SenderId, Malformed> {
    Ok(SenderId(r.take(16, "sender")?.try_into().or(malformed("sender"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(sender: u32, sequence: u64, state: usize) -> Delivery {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&sender.to_le_bytes());
        Delivery { sender: SenderId(id), sequence, state: vec![7; state] }
    }

    #[test]
    fn repetitions_are_known_and_come_back_from_bytes() {
        let mut senders = Senders::default();
        assert!(senders.admit(&delivery(1, 5, 3), Offset(10)));
        assert!(
            !senders.admit(&delivery(1, 5, 0), Offset(11)) && !senders.admit(&delivery(1, 4, 0), Offset(12))
        );
        assert!(
            senders.admit(&delivery(2, 1, 0), Offset(13)) && senders.admit(&delivery(1, 6, 4), Offset(14))
        );
        assert_eq!(senders.last(&delivery(1, 0, 0).sender), Some(delivery(1, 6, 4)));
        let mut bytes = Vec::new();
        senders.encode(&mut bytes);
        assert_eq!(Senders::decode(&mut Reader::new(&bytes)), Ok(senders));
        for cut in 0..bytes.len() {
            assert!(Senders::decode(&mut Reader::new(&bytes[..cut])).is_err(), "{cut}");
        }
    }

    #[test]
    fn the_least_recent_are_forgotten() {
        let mut senders = Senders::default();
        for n in 0..SENDERS_MAX as u32 + 1 {
            senders.admit(&delivery(n, 1, 0), Offset(u64::from(n)));
        }
        assert!(!senders.has(&delivery(0, 1, 0)) && senders.has(&delivery(SENDERS_MAX as u32, 1, 0)));
        let mut large = Senders::default();
        for n in 0..100 {
            large.admit(&delivery(n, 1, 1 << 20), Offset(u64::from(n)));
        }
        assert!(large.0.state_bytes <= STATES_BYTES_MAX && large.has(&delivery(99, 1, 0)));
    }
}
