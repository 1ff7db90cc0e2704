//! One batch as a journal record. The bytes are described in `docs/format/spool.md`.

use std::io::Read;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 9;
/// A larger batch goes into several records of about this size, uncompressed.
pub(super) const RECORD_BYTES: usize = 8 << 20;
/// A record is never longer, uncompressed: [`RECORD_BYTES`] and one sample with its labels.
const RAW_BYTES_MAX: usize = 16 << 20;
/// Earlier versions did not divide batches and wrote up to 256 MiB. Such a record is read if it is as large as that
/// in its compressed form too, so that few bytes never become many.
const OLD_RAW_BYTES_MAX: usize = 256 << 20;
const OLD_RATIO_MAX: usize = 256;
/// Fast: the samples of a second differ from those before in ways a higher level does not find either.
const LEVEL: i32 = 1;

/// A batch, or a part of a large one: a `prometheus.WriteRequest`, and how many samples it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Samples and histograms.
    pub samples: u32,
    /// The request, uncompressed. Requests can be joined by putting one after another.
    pub request: Vec<u8>,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Too short for a header.
    #[error("spool record of {0} bytes is shorter than its header of 9")]
    Short(usize),
    /// Of another version.
    #[error("spool record has format version {0}; this program knows version 1")]
    Version(u8),
    /// Longer than any record of its size.
    #[error("spool record of {bytes} bytes says it holds {said}, more than it can")]
    Long {
        /// Its size.
        bytes: usize,
        /// What its header says.
        said: usize,
    },
    /// The compressed part is broken.
    #[error("spool record cannot be decompressed: {0}")]
    Compression(String),
    /// The compressed part holds another number of bytes than the header says.
    #[error("spool record holds {observed} bytes and says {said}")]
    Length {
        /// What it holds, as far as it was read.
        observed: usize,
        /// What its header says.
        said: usize,
    },
}

impl Record {
    /// The record's bytes.
    pub fn encode(&self) -> std::io::Result<Vec<u8>> {
        let len = self.request.len();
        if len > RAW_BYTES_MAX {
            let message = format!("a batch of {len} bytes is over the limit of {RAW_BYTES_MAX}");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, message));
        }
        let mut bytes = Vec::with_capacity(HEADER_BYTES + len / 8);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.samples.to_le_bytes());
        bytes.extend_from_slice(&(len as u32).to_le_bytes());
        bytes.extend_from_slice(&zstd::bulk::compress(&self.request, LEVEL)?);
        Ok(bytes)
    }

    /// The record in these bytes. Allocates no more than the header says, and that is bounded.
    pub fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(RecordError::Short(bytes.len()));
        };
        let [version, s0, s1, s2, s3, l0, l1, l2, l3] = *header;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let samples = u32::from_le_bytes([s0, s1, s2, s3]);
        let said = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let most = body.len().saturating_mul(OLD_RATIO_MAX).clamp(RAW_BYTES_MAX, OLD_RAW_BYTES_MAX);
        if said > most {
            return Err(RecordError::Long { bytes: bytes.len(), said });
        }
        let broken = |e: std::io::Error| RecordError::Compression(e.to_string());
        let decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(broken)?;
        let mut request = Vec::new();
        decoder.take(said as u64 + 1).read_to_end(&mut request).map_err(broken)?;
        if request.len() != said {
            return Err(RecordError::Length { observed: request.len(), said });
        }
        Ok(Record { samples, request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_round_trips(samples in any::<u32>(), request in proptest::collection::vec(0u8..4, 0..2000)) {
            let record = Record { samples, request };
            prop_assert_eq!(Record::decode(&record.encode().unwrap()).unwrap(), record);
        }

        #[test]
        fn foreign_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
            if !bytes.is_empty() {
                bytes[0] = VERSION;
                let _ = Record::decode(&bytes);
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = Record { samples: 1, request: vec![7; 100] }.encode().unwrap();
        let message = |bytes: &[u8]| Record::decode(bytes).unwrap_err().to_string();
        assert_eq!(message(&good[..4]), "spool record of 4 bytes is shorter than its header of 9");
        let mut other = good.clone();
        other[0] = 9;
        assert_eq!(message(&other), "spool record has format version 9; this program knows version 1");
        let mut longer = good.clone();
        longer[5] = 101;
        assert_eq!(message(&longer), "spool record holds 100 bytes and says 101");
        let mut shorter = good.clone();
        shorter[5] = 10;
        assert_eq!(message(&shorter), "spool record holds 11 bytes and says 10");
        assert!(message(&good[..12]).starts_with("spool record cannot be decompressed"));
        let bomb = [
            &good[..5],
            &(200u32 << 20).to_le_bytes(),
            &zstd::bulk::compress(&vec![0; 200 << 20], 1).unwrap(),
        ]
        .concat();
        assert!(message(&bomb).ends_with("says it holds 209715200, more than it can"), "{}", message(&bomb));
    }

    #[test]
    fn a_large_record_of_an_earlier_version_is_read() {
        // Bytes that compress about as well as samples do at best.
        let request: Vec<u8> =
            (0..20u32 << 20).map(|i| if i % 64 == 0 { (i / 64 * 77 % 251) as u8 } else { 0 }).collect();
        let body = zstd::bulk::compress(&request, LEVEL).unwrap();
        let header = [&[VERSION][..], &9u32.to_le_bytes(), &(request.len() as u32).to_le_bytes()].concat();
        let record = Record::decode(&[header, body].concat()).unwrap();
        assert_eq!((record.samples, record.request.len()), (9, request.len()));
        assert!(record.encode().is_err(), "none is written any more");
    }
}
