//! One batch of log records as a journal record. The bytes are described in `docs/format/spool.md`.

use model::record::{Delivery, SenderId};
use std::io::Read;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 16 + 4 + 4 + 4;
/// Bytes of a request; batches of the reader are far smaller.
const REQUEST_BYTES_MAX: usize = 32 << 20;
const LEVEL: i32 = 1;

/// A batch: a Loki push request, who sends it, and the state of the reader after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The sender: one for each run of an agent.
    pub sender: SenderId,
    /// Records in the request; the request of none is not sent.
    pub records: u32,
    /// What the reader finds again after a restart.
    pub state: Vec<u8>,
    /// A `logproto.PushRequest`, uncompressed.
    pub request: Vec<u8>,
}

/// Why bytes are not such a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogRecordError {
    /// Too short for a header.
    #[error("log spool record of {0} bytes is shorter than its header of {HEADER_BYTES}")]
    Short(usize),
    /// Of another version.
    #[error("log spool record has format version {0}; this program knows version {VERSION}")]
    Version(u8),
    /// Longer than any record.
    #[error("log spool record says it holds {0} bytes, more than it can")]
    Long(usize),
    /// The compressed part is broken, or holds another number of bytes than the header says.
    #[error("log spool record cannot be decompressed: {0}")]
    Compression(String),
}

impl LogRecord {
    /// The record's bytes.
    pub fn encode(&self) -> std::io::Result<Vec<u8>> {
        let (state, request) = (self.state.len(), self.request.len());
        if state > Delivery::STATE_BYTES_MAX || request > REQUEST_BYTES_MAX {
            let message = format!("a batch of {request} bytes with a state of {state} is too large");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, message));
        }
        let mut bytes = Vec::with_capacity(HEADER_BYTES + (state + request) / 6);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.sender.0);
        for number in [self.records, state as u32, request as u32] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let raw = [&self.state[..], &self.request].concat();
        bytes.extend_from_slice(&zstd::bulk::compress(&raw, LEVEL)?);
        Ok(bytes)
    }

    /// The record in these bytes. Allocates no more than what it holds, and that is bounded.
    pub fn decode(bytes: &[u8]) -> Result<LogRecord, LogRecordError> {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(LogRecordError::Short(bytes.len()));
        };
        if header[0] != VERSION {
            return Err(LogRecordError::Version(header[0]));
        }
        let mut sender = [0; 16];
        sender.copy_from_slice(&header[1..17]);
        let number = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&header[at..at + 4]);
            u32::from_le_bytes(number)
        };
        let (state, request) = (number(21) as usize, number(25) as usize);
        if state > Delivery::STATE_BYTES_MAX || request > REQUEST_BYTES_MAX {
            return Err(LogRecordError::Long(state.max(request)));
        }
        let broken = |e: std::io::Error| LogRecordError::Compression(e.to_string());
        let decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(broken)?;
        let mut raw = Vec::new();
        decoder.take((state + request) as u64 + 1).read_to_end(&mut raw).map_err(broken)?;
        if raw.len() != state + request {
            let message = format!("it holds {} bytes and says {}", raw.len(), state + request);
            return Err(LogRecordError::Compression(message));
        }
        let request = raw.split_off(state);
        Ok(LogRecord { sender: SenderId(sender), records: number(17), state: raw, request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_round_trips(
            sender in any::<[u8; 16]>(),
            records in any::<u32>(),
            state in proptest::collection::vec(0u8..4, 0..300),
            request in proptest::collection::vec(0u8..4, 0..2000),
        ) {
            let record = LogRecord { sender: SenderId(sender), records, state, request };
            let bytes = record.encode().unwrap();
            prop_assert_eq!(LogRecord::decode(&bytes).unwrap(), record);
            for cut in 0..bytes.len() {
                prop_assert!(LogRecord::decode(&bytes[..cut]).is_err());
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let record =
            LogRecord { sender: SenderId([1; 16]), records: 1, state: vec![], request: vec![7; 100] };
        let good = record.encode().unwrap();
        let message = |bytes: &[u8]| LogRecord::decode(bytes).unwrap_err().to_string();
        assert_eq!(message(&good[..4]), "log spool record of 4 bytes is shorter than its header of 29");
        let mut other = good.clone();
        other[0] = 9;
        assert_eq!(message(&other), "log spool record has format version 9; this program knows version 1");
        let mut longer = good.clone();
        longer[25] = 101;
        assert_eq!(
            message(&longer),
            "log spool record cannot be decompressed: it holds 100 bytes and says 101"
        );
        longer[28] = 255;
        assert!(message(&longer).ends_with("more than it can"));
    }
}
