//! Float values, bit for bit.
//!
//! Most monitored values are decimal fractions or whole numbers. A chunk whose values are all `m / 10^e` for
//! whole `m` is stored as those `m`: divided differences of consecutive ones, as variable-length integers. The
//! division by their greatest common divisor matters for byte counts, which move by pages. What is not decimal
//! goes through `pco`, or as it is when there is too little of it. NaNs (staleness markers above all) are kept
//! aside so that one of them does not spoil a decimal chunk.

use super::CHUNK_SAMPLES_MAX;
use crate::bytes::{Malformed, Reader, malformed, put_uvarint, put_varint};
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

/// Every value has the same bits.
const CONSTANT: u8 = 0;
/// Whole numbers over a power of ten.
const DECIMAL: u8 = 1;
/// `pco` over the floats themselves.
const PCO: u8 = 2;
/// Eight bytes each.
const RAW: u8 = 3;

/// Below this many values `pco`'s own tables outweigh what it saves.
const PCO_SAMPLES_MIN: usize = 24;
const EXPONENT_MAX: usize = 9;
const POWERS: [f64; EXPONENT_MAX + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Beyond this a float no longer holds every whole number.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
/// More NaNs than one in this many make a chunk not worth the list.
const NAN_SHARE: usize = 4;

/// Buffers kept from chunk to chunk.
#[derive(Default)]
pub(crate) struct Scratch {
    whole: Vec<i64>,
    nans: Vec<(usize, u64)>,
}

/// Appends one chunk of values. Their number is not stored: the timestamps have it.
pub(crate) fn encode(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    debug_assert!(!values.is_empty() && values.len() <= CHUNK_SAMPLES_MAX);
    let first = values[0].to_bits();
    if values.iter().all(|v| v.to_bits() == first) {
        out.push(CONSTANT);
        encode_constant(values[0], out);
    } else if let Some(exponent) = to_whole(values, scratch) {
        out.push(DECIMAL);
        encode_decimal(exponent, scratch, out);
    } else if values.len() < PCO_SAMPLES_MIN || !encode_pco(values, out) {
        out.push(RAW);
        out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
}

/// Appends the values from one position to another, of `count` in all, to `out`.
pub(crate) fn decode(
    r: &mut Reader<'_>,
    count: usize,
    (from, to): (usize, usize),
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    if count > CHUNK_SAMPLES_MAX || from > to || to > count {
        return malformed("value count");
    }
    match r.u8("value codec")? {
        CONSTANT => {
            let v = decode_constant(r)?;
            out.resize(out.len() + (to - from), v);
            Ok(())
        }
        DECIMAL => decode_decimal(r, count, (from, to), out),
        PCO => decode_pco(r, count, (from, to), out),
        RAW => {
            let raw = &r.take(count * 8, "raw values")?[from * 8..to * 8];
            out.extend(raw.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())));
            Ok(())
        }
        _ => malformed("value codec"),
    }
}

const NOT_DECIMAL: u8 = 0xff;

fn encode_constant(v: f64, out: &mut Vec<u8>) {
    match (0..=EXPONENT_MAX).find_map(|e| whole(v, e).map(|m| (e, m))) {
        Some((e, m)) => {
            out.push(e as u8);
            put_varint(out, m);
        }
        None => {
            out.push(NOT_DECIMAL);
            out.extend_from_slice(&v.to_le_bytes());
        }
    }
}

fn decode_constant(r: &mut Reader<'_>) -> Result<f64, Malformed> {
    match r.u8("constant")? {
        NOT_DECIMAL => r.f64_le("constant"),
        e if usize::from(e) <= EXPONENT_MAX => Ok(r.varint("constant")? as f64 / POWERS[usize::from(e)]),
        _ => malformed("constant's exponent"),
    }
}

/// `m` such that `m / 10^exponent` has exactly the bits of `v`.
#[inline]
fn whole(v: f64, exponent: usize) -> Option<i64> {
    let power = POWERS[exponent];
    let scaled = (v * power).round_ties_even();
    // Written so that NaN fails, too.
    if scaled.abs() <= WHOLE_MAX {
        let m = scaled as i64;
        (m as f64 / power).to_bits().eq(&v.to_bits()).then_some(m)
    } else {
        None
    }
}

/// Fills `scratch.whole` and returns the exponent, if the values share one.
fn to_whole(values: &[f64], scratch: &mut Scratch) -> Option<usize> {
    scratch.nans.clear();
    let mut exponent = 0;
    for (i, &v) in values.iter().enumerate() {
        if v.is_nan() {
            scratch.nans.push((i, v.to_bits()));
            continue;
        }
        // Once a value is m / 10^e it is 10m / 10^(e+1), so the exponent only ever grows.
        while whole(v, exponent).is_none() {
            exponent += 1;
            if exponent > EXPONENT_MAX {
                return None;
            }
        }
    }
    if scratch.nans.len() > values.len() / NAN_SHARE {
        return None;
    }
    scratch.whole.clear();
    let mut last = 0;
    for &v in values {
        if !v.is_nan() {
            last = whole(v, exponent)?;
        }
        scratch.whole.push(last);
    }
    Some(exponent)
}

/// `exponent, NaNs (count, then position and bits of each), first, divisor, divided differences`.
fn encode_decimal(exponent: usize, scratch: &Scratch, out: &mut Vec<u8>) {
    let whole = &scratch.whole;
    out.push(exponent as u8);
    put_uvarint(out, scratch.nans.len() as u64);
    for (at, bits) in &scratch.nans {
        put_uvarint(out, *at as u64);
        out.extend_from_slice(&bits.to_le_bytes());
    }
    put_varint(out, whole[0]);
    let divisor = common_divisor(whole);
    put_uvarint(out, divisor as u64);
    if divisor == 1 {
        for w in whole.windows(2) {
            put_varint(out, w[1] - w[0]);
        }
    } else {
        for w in whole.windows(2) {
            put_varint(out, (w[1] - w[0]) / divisor);
        }
    }
}

/// The greatest common divisor of the differences, at least 1. Magnitudes are at most 2^53, so that
/// differences never overflow.
fn common_divisor(whole: &[i64]) -> i64 {
    let mut g = 0u64;
    for w in whole.windows(2) {
        let mut d = (w[1] - w[0]).unsigned_abs();
        while d != 0 {
            (g, d) = (d, g % d);
        }
        if g == 1 {
            break;
        }
    }
    (g as i64).max(1)
}

fn decode_decimal(
    r: &mut Reader<'_>,
    count: usize,
    (from, to): (usize, usize),
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let exponent = usize::from(r.u8("exponent")?);
    if exponent > EXPONENT_MAX {
        return malformed("exponent");
    }
    let nans = r.count("NaN count")?;
    let mut nan_list = r.clone();
    for _ in 0..nans {
        r.uvarint("NaN position")?;
        r.u64_le("NaN bits")?;
    }
    let start = out.len();
    let mut whole = [0i64; CHUNK_SAMPLES_MAX];
    let first = r.varint("first value")?;
    let divisor = r.uvarint("divisor")? as i64;
    // What comes after is not needed.
    let whole = &mut whole[..to];
    if let Some((head, rest)) = whole.split_first_mut() {
        *head = first;
        r.varints(rest, "value")?;
    }
    let mut at = 0i64;
    for (i, m) in whole.iter_mut().enumerate() {
        at = if i == 0 { *m } else { at.wrapping_add(m.wrapping_mul(divisor)) };
        *m = at;
    }
    if exponent == 0 {
        out.extend(whole[from..].iter().map(|m| *m as f64));
    } else {
        let power = POWERS[exponent];
        out.extend(whole[from..].iter().map(|m| *m as f64 / power));
    }
    for _ in 0..nans {
        let i = nan_list.uvarint("NaN position")? as usize;
        let bits = nan_list.u64_le("NaN bits")?;
        if i >= count {
            return malformed("NaN position");
        }
        if (from..to).contains(&i) {
            out[start + i - from] = f64::from_bits(bits);
        }
    }
    Ok(())
}

fn encode_pco(values: &[f64], out: &mut Vec<u8>) -> bool {
    let mark = out.len();
    let done = try_pco(values, out);
    if done.is_none() || out.len() - mark > values.len() * 8 {
        out.truncate(mark);
        return false;
    }
    true
}

fn try_pco(values: &[f64], out: &mut Vec<u8>) -> Option<()> {
    // `pco` would try to write floats as multiples of a base; ours are known not to be decimal.
    let config = ChunkConfig::default().with_mode_spec(ModeSpec::Auto).with_delta_spec(DeltaSpec::Auto);
    out.push(PCO);
    let file = FileCompressor::default();
    file.write_header(&mut *out).ok()?;
    let mut chunk = file.chunk_compressor(values, &config).ok()?;
    chunk.write_meta(&mut *out).ok()?;
    chunk.write_page(0, &mut *out).ok()?;
    Some(())
}

fn decode_pco(
    r: &mut Reader<'_>,
    count: usize,
    (from, to): (usize, usize),
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let mut values = [0.0; CHUNK_SAMPLES_MAX];
    let n = r.remaining();
    let bytes = r.take(n, "pco chunk")?;
    match read_pco(bytes, &mut values[..count]) {
        Some(()) => {
            out.extend_from_slice(&values[from..to]);
            Ok(())
        }
        None => malformed("pco chunk"),
    }
}

fn read_pco(bytes: &[u8], out: &mut [f64]) -> Option<()> {
    let (file, rest) = FileDecompressor::new(bytes).ok()?;
    let (mut chunk, rest) = file.chunk_decompressor::<f64, _>(rest).ok()?;
    let mut page = chunk.page_decompressor(rest, out.len()).ok()?;
    (page.read(out).ok()?.n_processed == out.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[f64]) -> usize {
        let mut b = Vec::new();
        encode(values, &mut Scratch::default(), &mut b);
        let mut out = Vec::new();
        let n = values.len();
        decode(&mut Reader::new(&b), n, (0, n), &mut out).unwrap();
        let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&out), bits(values));
        for (from, to) in [(0, n / 2), (n / 3, n), (n - 1, n), (n / 2, n / 2), (0, 0)] {
            decode(&mut Reader::new(&b), n, (from, to), &mut out).unwrap();
            assert_eq!(bits(&out[n..]), bits(&values[from..to]), "{from}..{to}");
            out.truncate(n);
        }
        b.len()
    }

    #[test]
    fn what_is_simple_is_small() {
        assert!(round_trip(&[42.0; 480]) <= 4);
        assert!(round_trip(&(0..480).map(|i| f64::from(i) * 4096.0).collect::<Vec<_>>()) <= 490);
        assert!(round_trip(&(0..480).map(|i| f64::from(i) / 100.0).collect::<Vec<_>>()) <= 490);
    }

    #[test]
    fn a_staleness_marker_keeps_a_chunk_decimal() {
        let mut v: Vec<f64> = (0..100).map(f64::from).collect();
        v[7] = f64::from_bits(model::STALE_NAN_BITS);
        assert!(round_trip(&v) < 130);
    }

    #[test]
    fn every_bit_pattern_returns() {
        round_trip(&[
            0.0,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
        ]);
        round_trip(&[f64::from_bits(0x7ff8_0000_dead_beef), f64::from_bits(0xfff0_0000_0000_0001), 1.5]);
        round_trip(&[9_007_199_254_740_993.0, -9_007_199_254_740_992.0, 9_007_199_254_740_992.0]);
        round_trip(&(0..100).map(|i| (f64::from(i)).sqrt()).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn any_bits_round_trip(bits in proptest::collection::vec(any::<u64>(), 1..100)) {
            round_trip(&bits.iter().map(|b| f64::from_bits(*b)).collect::<Vec<_>>());
        }

        #[test]
        fn decimals_round_trip(e in 0usize..12, ms in proptest::collection::vec(-1_000_000_000i64..1_000_000_000, 1..480)) {
            let p = 10f64.powi(e as i32);
            round_trip(&ms.iter().map(|m| *m as f64 / p).collect::<Vec<_>>());
        }

        #[test]
        fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..200), n in 1usize..480) {
            let _ = decode(&mut Reader::new(&b), n, (n / 3, n), &mut Vec::new());
        }
    }
}
