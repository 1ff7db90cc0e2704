//! Chunks of float samples: XOR, and XOR2 with start times.

use super::start::{StartReader, StartWriter};
use super::{ChunkError, Window, push_start};
use crate::bits::{BitReader, BitWriter};
use model::{STALE_NAN_BITS, Samples};

/// Bits of a delta of deltas of timestamps by prefix.
const TIME_SIZES: [u32; 5] = [0, 14, 17, 20, 64];

pub(super) fn decode(data: &[u8], out: &mut Samples) -> Result<(), ChunkError> {
    let (count, rest) = split_header::<2>(data)?;
    let mut r = BitReader::new(rest);
    let mut window = Window::default();
    let (mut time, mut delta, mut value) = (0i64, 0i64, 0u64);
    for at in 0..u32::from(u16::from_be_bytes(count)) {
        let truncated = ChunkError::Truncated(at);
        match at {
            0 => {
                time = r.varint().ok_or(truncated.clone())?;
                value = r.read(64).ok_or(truncated)?;
            }
            _ => {
                let step = match at {
                    1 => r.uvarint().map(|d| d as i64),
                    _ => time_change(&mut r).map(|d| delta.wrapping_add(d)),
                };
                delta = step.ok_or(truncated.clone())?;
                time = advance(time, delta, at)?;
                window.read(&mut r, &mut value).ok_or(truncated)?.ok_or(WIDE(at))?;
            }
        }
        push(out, time, value, 0);
    }
    Ok(())
}

fn time_change(r: &mut BitReader<'_>) -> Option<i64> {
    match TIME_SIZES[r.ones(4)? as usize] {
        0 => Some(0),
        n => r.signed(n),
    }
}

const WIDE: fn(u32) -> ChunkError =
    |at| ChunkError::Invalid { at, reason: "its significant bits are more than 64" };

/// Time only goes forward within a chunk.
pub(super) fn advance(time: i64, delta: i64, at: u32) -> Result<i64, ChunkError> {
    match time.checked_add(delta) {
        Some(t) if delta > 0 => Ok(t),
        _ => Err(ChunkError::Invalid { at, reason: "its time is not after the time before" }),
    }
}

pub(super) fn split_header<const N: usize>(data: &[u8]) -> Result<([u8; N], &[u8]), ChunkError> {
    data.split_first_chunk::<N>().map(|(h, r)| (*h, r)).ok_or(ChunkError::Truncated(0))
}

fn push(out: &mut Samples, time: i64, value: u64, start_ms: i64) {
    push_start(&mut out.starts, out.times.len(), start_ms);
    out.times.push(time);
    out.values.push(f64::from_bits(value));
}

pub(super) fn decode_xor2(data: &[u8], out: &mut Samples) -> Result<(), ChunkError> {
    let (header, rest) = split_header::<3>(data)?;
    let mut r = BitReader::new(rest);
    let mut starts = StartReader::new(header[2]);
    let mut s = Xor2 { window: Window::default(), delta: 0, baseline: 0 };
    let mut time = 0i64;
    for at in 0..u32::from(u16::from_be_bytes([header[0], header[1]])) {
        let truncated = ChunkError::Truncated(at);
        let before = time;
        let value = match at {
            0 => {
                time = r.varint().ok_or(truncated.clone())?;
                let v = r.read(64).ok_or(truncated.clone())?;
                if v != STALE_NAN_BITS {
                    s.baseline = v;
                }
                v
            }
            1 => {
                s.delta = r.uvarint().ok_or(truncated.clone())? as i64;
                time = advance(time, s.delta, at)?;
                s.value(&mut r).ok_or(truncated.clone())?.ok_or(WIDE(at))?
            }
            _ => {
                let value = s.joint(&mut r).ok_or(truncated.clone())?.ok_or(WIDE(at))?;
                time = advance(time, s.delta, at)?;
                value
            }
        };
        let start_ms = starts.read(&mut r, at, time, before).ok_or(truncated)?;
        push(out, time, value, start_ms);
    }
    Ok(())
}

/// The state of an XOR2 chunk: stale markers leave the value that others are relative to.
struct Xor2 {
    window: Window,
    delta: i64,
    baseline: u64,
}

impl Xor2 {
    /// Control bits for time and value together, then what they announce.
    fn joint(&mut self, r: &mut BitReader<'_>) -> Option<Option<u64>> {
        match r.ones(5)? {
            0 => return Some(Some(self.baseline)),
            1 => return self.changed(r),
            2 => self.delta = self.delta.wrapping_add(twos_complement(r, 13)?),
            3 => self.delta = self.delta.wrapping_add(twos_complement(r, 20)?),
            4 => self.delta = self.delta.wrapping_add(twos_complement(r, 64)?),
            _ => return Some(Some(STALE_NAN_BITS)),
        }
        self.value(r)
    }

    fn changed(&mut self, r: &mut BitReader<'_>) -> Option<Option<u64>> {
        if r.read(1)? == 0 {
            self.window.reuse(r, &mut self.baseline)?;
        } else if self.window.renew(r, &mut self.baseline)?.is_none() {
            return Some(None);
        }
        Some(Some(self.baseline))
    }

    fn value(&mut self, r: &mut BitReader<'_>) -> Option<Option<u64>> {
        match r.ones(3)? {
            0 => {}
            1 => self.window.reuse(r, &mut self.baseline)?,
            2 => {
                if self.window.renew(r, &mut self.baseline)?.is_none() {
                    return Some(None);
                }
            }
            _ => return Some(Some(STALE_NAN_BITS)),
        }
        Some(Some(self.baseline))
    }
}

fn twos_complement(r: &mut BitReader<'_>, n: u32) -> Option<i64> {
    let v = r.read(n)?;
    Some((v << (64 - n)) as i64 >> (64 - n))
}

/// A chunk of up to 65,535 samples whose times ascend; what is beyond is left out.
pub fn encode(times: &[i64], values: &[f64]) -> Vec<u8> {
    let count = times.len().min(values.len()).min(usize::from(u16::MAX));
    let mut w = BitWriter::after((count as u16).to_be_bytes().to_vec());
    let mut window = Window::default();
    let (mut time, mut delta, mut value) = (0i64, 0i64, 0u64);
    for (at, (t, v)) in times.iter().zip(values).take(count).enumerate() {
        let bits = v.to_bits();
        let step = t.wrapping_sub(time);
        match at {
            0 => {
                w.varint(*t);
                w.write(bits, 64);
            }
            1 => w.uvarint(step as u64),
            _ => write_time_change(&mut w, step.wrapping_sub(delta)),
        }
        if at > 0 {
            window.write(&mut w, bits, value);
            delta = step;
        }
        (time, value) = (*t, bits);
    }
    w.finish()
}

fn write_time_change(w: &mut BitWriter, change: i64) {
    let fits = |n: u32| (-((1i64 << (n - 1)) - 1)..=1 << (n - 1)).contains(&change);
    match change {
        0 => w.write(0, 1),
        _ if fits(14) => {
            w.write(0b10, 2);
            w.write(change as u64, 14);
        }
        _ if fits(17) => {
            w.write(0b110, 3);
            w.write(change as u64, 17);
        }
        _ if fits(20) => {
            w.write(0b1110, 4);
            w.write(change as u64, 20);
        }
        _ => {
            w.write(0b1111, 4);
            w.write(change as u64, 64);
        }
    }
}

/// As [`encode`], in the second-generation encoding, with start times. `starts` is empty or as long as `times`.
pub fn encode_xor2(times: &[i64], values: &[f64], starts: &[i64]) -> Vec<u8> {
    let count = times.len().min(values.len()).min(usize::from(u16::MAX));
    let start_of = |i: usize| starts.get(i).copied().unwrap_or(0);
    let mut start = StartWriter::new((0..count).map(start_of));
    let mut header = (count as u16).to_be_bytes().to_vec();
    header.push(start.header);
    let mut w = BitWriter::after(header);
    let mut window = Window::default();
    let (mut time, mut delta, mut baseline) = (0i64, 0i64, 0u64);
    for (at, (t, v)) in times.iter().zip(values).take(count).enumerate() {
        let bits = v.to_bits();
        let step = t.wrapping_sub(time);
        let before = time;
        match at {
            0 => {
                w.varint(*t);
                w.write(bits, 64);
            }
            1 => {
                w.uvarint(step as u64);
                write_value(&mut w, &mut window, bits, baseline);
            }
            _ => write_joint(&mut w, &mut window, step.wrapping_sub(delta), bits, baseline),
        }
        start.write(&mut w, at as u32, *t, before, start_of(at));
        if at > 0 {
            delta = step;
        }
        time = *t;
        if bits != STALE_NAN_BITS {
            baseline = bits;
        }
    }
    w.finish()
}

fn write_joint(w: &mut BitWriter, window: &mut Window, change: i64, bits: u64, baseline: u64) {
    match change {
        0 if bits == STALE_NAN_BITS => return w.write(0b11111, 5),
        0 if bits == baseline => return w.write(0, 1),
        0 => return window.write_change(w, bits ^ baseline, (0b100, 3), (0b101, 3)),
        -4096..=4095 => {
            w.write(0b110, 3);
            w.write(change as u64, 13);
        }
        -524_288..=524_287 => {
            w.write(0b1110, 4);
            w.write(change as u64, 20);
        }
        _ => {
            w.write(0b11110, 5);
            w.write(change as u64, 64);
        }
    }
    write_value(w, window, bits, baseline);
}

fn write_value(w: &mut BitWriter, window: &mut Window, bits: u64, baseline: u64) {
    if bits == STALE_NAN_BITS {
        w.write(0b111, 3);
    } else if bits == baseline {
        w.write(0, 1);
    } else {
        window.write_change(w, bits ^ baseline, (0b10, 2), (0b110, 3));
    }
}
