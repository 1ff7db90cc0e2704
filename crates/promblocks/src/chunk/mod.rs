//! Chunks: up to 65,535 samples of one series, as Prometheus encodes them.

mod float;
mod histogram;
mod layout;
mod start;

pub use float::{encode as encode_floats, encode_xor2 as encode_floats_xor2};
pub use histogram::{HistogramChunk, encode as encode_histograms};

use model::Samples;

/// How a chunk is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Float samples.
    Xor,
    /// Integer native histograms.
    Histogram,
    /// Float native histograms.
    FloatHistogram,
    /// Float samples with start times, second generation.
    Xor2,
    /// Integer native histograms with start times.
    HistogramStart,
    /// Float native histograms with start times.
    FloatHistogramStart,
}

impl Encoding {
    /// The encoding with this number on disk and on the wire.
    pub fn from_number(n: u8) -> Option<Encoding> {
        Some(match n {
            1 => Encoding::Xor,
            2 => Encoding::Histogram,
            3 => Encoding::FloatHistogram,
            4 => Encoding::Xor2,
            5 => Encoding::HistogramStart,
            6 => Encoding::FloatHistogramStart,
            _ => return None,
        })
    }

    /// Its number on disk and on the wire.
    pub fn number(self) -> u8 {
        match self {
            Encoding::Xor => 1,
            Encoding::Histogram => 2,
            Encoding::FloatHistogram => 3,
            Encoding::Xor2 => 4,
            Encoding::HistogramStart => 5,
            Encoding::FloatHistogramStart => 6,
        }
    }
}

/// A chunk that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The data ends before its samples do.
    #[error("the chunk ends within sample {0}")]
    Truncated(u32),
    /// The data contradicts itself.
    #[error("sample {at} of the chunk: {reason}")]
    Invalid {
        /// Which sample, from 0.
        at: u32,
        /// What is wrong.
        reason: &'static str,
    },
    /// The chunk is larger than any writer makes them.
    #[error("the chunk has {0} bytes; up to {CHUNK_BYTES_MAX} are supported")]
    TooLarge(usize),
}

/// Chunks are about 1 KiB; what is much larger than the largest possible float chunk is not a chunk.
pub const CHUNK_BYTES_MAX: usize = 2 << 20;

/// Appends the samples of a chunk to `out`. Their times ascend strictly, and so they must go on from the last
/// time already in `out`; this is not checked here.
pub fn decode(encoding: Encoding, data: &[u8], out: &mut Samples) -> Result<(), ChunkError> {
    if data.len() > CHUNK_BYTES_MAX {
        return Err(ChunkError::TooLarge(data.len()));
    }
    match encoding {
        Encoding::Xor => float::decode(data, out),
        Encoding::Xor2 => float::decode_xor2(data, out),
        Encoding::Histogram => histogram::decode::<histogram::Integers>(data, false, out),
        Encoding::HistogramStart => histogram::decode::<histogram::Integers>(data, true, out),
        Encoding::FloatHistogram => histogram::decode::<histogram::Floats>(data, false, out),
        Encoding::FloatHistogramStart => histogram::decode::<histogram::Floats>(data, true, out),
    }
}

/// Adds to a column of start times, which is empty as long as no sample has one.
fn push_start(starts: &mut Vec<i64>, before: usize, start_ms: i64) {
    if start_ms != 0 && starts.is_empty() {
        starts.resize(before, 0);
    }
    if start_ms != 0 || !starts.is_empty() {
        starts.push(start_ms);
    }
}

/// The window of significant bits that XOR-encoded values share until one does not fit.
#[derive(Clone, Copy, Default)]
struct Window {
    leading: u32,
    trailing: u32,
    /// Whether a window was set; only the writer needs to know.
    set: bool,
}

use crate::bits::{BitReader, BitWriter};

impl Window {
    fn significant(&self) -> u32 {
        64 - self.leading - self.trailing
    }

    /// Changes `value` by significant bits of the current window.
    fn reuse(&self, r: &mut BitReader<'_>, value: &mut u64) -> Option<()> {
        *value ^= r.read(self.significant())? << self.trailing;
        Some(())
    }

    /// Reads a new window, then as [`Window::reuse`]. Outer `None`: the bits ran out; inner: the window is wider
    /// than a value.
    fn renew(&mut self, r: &mut BitReader<'_>, value: &mut u64) -> Option<Option<()>> {
        let leading = r.read(5)? as u32;
        let significant = match r.read(6)? as u32 {
            0 => 64,
            n => n,
        };
        let Some(trailing) = 64u32.checked_sub(leading + significant) else { return Some(None) };
        *self = Window { leading, trailing, set: true };
        self.reuse(r, value)?;
        Some(Some(()))
    }

    /// Changes `value` as the next XOR-encoded value says.
    fn read(&mut self, r: &mut BitReader<'_>, value: &mut u64) -> Option<Option<()>> {
        if r.read(1)? == 0 {
            return Some(Some(()));
        }
        if r.read(1)? == 0 {
            return Some(Some(self.reuse(r, value)?));
        }
        self.renew(r, value)
    }

    /// The change from `old` to `new` behind control bits that say it is one.
    fn write_change(&mut self, w: &mut BitWriter, delta: u64, reuse: (u64, u32), renew: (u64, u32)) {
        let (leading, trailing) = (delta.leading_zeros().min(31), delta.trailing_zeros());
        if self.set && leading >= self.leading && trailing >= self.trailing {
            w.write(reuse.0, reuse.1);
            w.write(delta >> self.trailing, self.significant());
            return;
        }
        *self = Window { leading, trailing, set: true };
        w.write(renew.0, renew.1);
        w.write(u64::from(leading), 5);
        // 64 does not fit into six bits and stands as 0.
        w.write(u64::from(self.significant() & 63), 6);
        w.write(delta >> trailing, self.significant());
    }

    fn write(&mut self, w: &mut BitWriter, new: u64, old: u64) {
        if new == old {
            w.write(0, 1);
        } else {
            self.write_change(w, new ^ old, (0b10, 2), (0b11, 2));
        }
    }
}
