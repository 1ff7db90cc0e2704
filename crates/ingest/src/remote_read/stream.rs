//! `prometheus.ChunkedReadResponse`: frames of encoded chunks, so that neither side ever holds all samples.

use crate::wire::{put_bytes, put_message, put_number, put_varint};
use model::{Labels, Samples};
use promblocks::chunk::{Encoding, encode_floats, encode_histograms};

/// Samples of one chunk, as Prometheus cuts them.
pub const CHUNK_SAMPLES_MAX: usize = 120;
/// A frame is complete once its chunks have this many bytes, as Prometheus does by default.
pub const FRAME_BYTES: usize = 1 << 20;

struct Chunk {
    from_ms: i64,
    to_ms: i64,
    encoding: Encoding,
    data: Vec<u8>,
}

/// Appends the frames of one series to `out`: a varint length, a CRC-32C in network order, a message, again and
/// again. Series come in the order of their labels, those of one query after those of the one before.
pub fn series_frames(query: usize, labels: &Labels, samples: &Samples, out: &mut Vec<u8>) {
    let mut chunks = chunks(samples);
    chunks.sort_by_key(|c| c.from_ms);
    let mut message = Vec::new();
    let mut series = labels.key().to_vec();
    for c in &chunks {
        put_message(&mut series, 2, |out| {
            put_number(out, 1, c.from_ms as u64);
            put_number(out, 2, c.to_ms as u64);
            put_number(out, 3, u64::from(c.encoding.number()));
            put_bytes(out, 4, &c.data);
        });
        if series.len() >= FRAME_BYTES {
            frame(query, &mut series, labels, &mut message, out);
        }
    }
    if series.len() > labels.key().len() {
        frame(query, &mut series, labels, &mut message, out);
    }
}

fn frame(query: usize, series: &mut Vec<u8>, labels: &Labels, message: &mut Vec<u8>, out: &mut Vec<u8>) {
    message.clear();
    put_bytes(message, 1, series);
    put_number(message, 2, query as u64);
    put_varint(out, message.len() as u64);
    out.extend_from_slice(&crc32c::crc32c(message).to_be_bytes());
    out.extend_from_slice(message);
    series.truncate(labels.key().len());
}

fn chunks(samples: &Samples) -> Vec<Chunk> {
    let mut out = Vec::new();
    for (times, values) in
        samples.times.chunks(CHUNK_SAMPLES_MAX).zip(samples.values.chunks(CHUNK_SAMPLES_MAX))
    {
        if let (Some(&from_ms), Some(&to_ms)) = (times.first(), times.last()) {
            out.push(Chunk { from_ms, to_ms, encoding: Encoding::Xor, data: encode_floats(times, values) });
        }
    }
    let (mut times, mut histograms) = (&samples.histogram_times[..], &samples.histograms[..]);
    while !times.is_empty() {
        let c = encode_histograms(times, histograms, CHUNK_SAMPLES_MAX);
        let count = c.count.clamp(1, times.len());
        out.push(Chunk { from_ms: times[0], to_ms: times[count - 1], encoding: c.encoding, data: c.data });
        (times, histograms) = (&times[count..], &histograms[count.min(histograms.len())..]);
    }
    out
}
