//! Native histograms, bit for bit. Consecutive histograms of a series mostly share their buckets, so each is
//! stored as what differs from the one before: the layout only when it changes, whole counts as differences,
//! fractional counts and sums as exclusive-or of their bits.

use super::CHUNK_SAMPLES_MAX;
use crate::bytes::{Malformed, Reader, malformed, put_uvarint, put_varint};
use model::{Counts, Histogram, ResetHint, Span};
use std::sync::Arc;

const HINT_BITS: u8 = 0b011;
const FLOAT_BIT: u8 = 0b0100;
const LAYOUT_BIT: u8 = 0b1000;
/// A histogram of more buckets than this is refused when it is sent; see `Options`.
pub(crate) const BUCKETS_MAX: usize = 65_536;

/// Appends a chunk. The number of histograms is not stored: the timestamps have it.
pub(crate) fn encode(histograms: &[Arc<Histogram>], out: &mut Vec<u8>) {
    let mut last: Option<&Histogram> = None;
    for h in histograms {
        encode_one(h, last, out);
        last = Some(h);
    }
}

/// Appends `count` histograms to `out`.
pub(crate) fn decode(
    r: &mut Reader<'_>,
    count: usize,
    out: &mut Vec<Arc<Histogram>>,
) -> Result<(), Malformed> {
    if count > CHUNK_SAMPLES_MAX {
        return malformed("histogram count");
    }
    let mut last: Option<Arc<Histogram>> = None;
    for _ in 0..count {
        let h = Arc::new(decode_one(r, last.as_deref())?);
        out.push(h.clone());
        last = Some(h);
    }
    Ok(())
}

/// Appends one histogram, as differences from `last` if there is one.
pub(crate) fn encode_one(h: &Histogram, last: Option<&Histogram>, out: &mut Vec<u8>) {
    let float = matches!(h.counts, Counts::Float { .. });
    let last = last.filter(|l| same_layout(l, h));
    let hint = match h.reset_hint {
        ResetHint::Unknown => 0,
        ResetHint::Yes => 1,
        ResetHint::No => 2,
        ResetHint::Gauge => 3,
    };
    out.push(hint | if float { FLOAT_BIT } else { 0 } | if last.is_none() { LAYOUT_BIT } else { 0 });
    if last.is_none() {
        put_layout(h, out);
    }
    put_uvarint(out, (h.sum.to_bits() ^ last.map_or(0, |l| l.sum.to_bits())).swap_bytes());
    match &h.counts {
        Counts::Integer { .. } => {
            let mut before = last.into_iter().flat_map(whole_counts);
            for c in whole_counts(h) {
                put_varint(out, c.wrapping_sub(before.next().unwrap_or(0)) as i64);
            }
        }
        Counts::Float { .. } => {
            let mut before = last.into_iter().flat_map(float_counts);
            for bits in float_counts(h) {
                put_uvarint(out, (bits ^ before.next().unwrap_or(0)).swap_bytes());
            }
        }
    }
}

/// Reads what [`encode_one`] wrote.
pub(crate) fn decode_one(r: &mut Reader<'_>, last: Option<&Histogram>) -> Result<Histogram, Malformed> {
    let flags = r.u8("histogram flags")?;
    let reset_hint = match flags & HINT_BITS {
        0 => ResetHint::Unknown,
        1 => ResetHint::Yes,
        2 => ResetHint::No,
        _ => ResetHint::Gauge,
    };
    let float = flags & FLOAT_BIT != 0;
    let (mut h, last) = if flags & LAYOUT_BIT != 0 {
        (read_layout(r)?, None)
    } else {
        match last {
            Some(l) if matches!(l.counts, Counts::Float { .. }) == float => (empty_like(l), Some(l)),
            _ => return malformed("histogram without a layout"),
        }
    };
    h.reset_hint = reset_hint;
    h.sum = f64::from_bits(r.uvarint("histogram sum")?.swap_bytes() ^ last.map_or(0, |l| l.sum.to_bits()));
    let (p, n) = (buckets(&h.positive_spans)?, buckets(&h.negative_spans)?);
    if p + n > r.remaining() {
        return malformed("histogram buckets");
    }
    h.counts = if float { read_float(r, p, n, last)? } else { read_whole(r, p, n, last)? };
    Ok(h)
}

fn same_layout(a: &Histogram, b: &Histogram) -> bool {
    matches!(a.counts, Counts::Float { .. }) == matches!(b.counts, Counts::Float { .. })
        && a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.custom_bounds.iter().map(|v| v.to_bits()).eq(b.custom_bounds.iter().map(|v| v.to_bits()))
}

/// Count, count of the zero bucket and counts of the buckets, in the order in which they are stored; none of a histogram
/// of floats.
fn whole_counts(h: &Histogram) -> impl Iterator<Item = u64> {
    let (first, positive, negative) = match &h.counts {
        Counts::Integer { count, zero, positive, negative } => {
            (Some([*count, *zero]), positive.as_slice(), negative.as_slice())
        }
        Counts::Float { .. } => (None, &[][..], &[][..]),
    };
    first.into_iter().flatten().chain(positive.iter().copied()).chain(negative.iter().copied())
}

/// The same of a histogram of floats, as their bits.
fn float_counts(h: &Histogram) -> impl Iterator<Item = u64> {
    let (first, positive, negative) = match &h.counts {
        Counts::Float { count, zero, positive, negative } => {
            (Some([*count, *zero]), positive.as_slice(), negative.as_slice())
        }
        Counts::Integer { .. } => (None, &[][..], &[][..]),
    };
    first
        .into_iter()
        .flatten()
        .chain(positive.iter().copied())
        .chain(negative.iter().copied())
        .map(f64::to_bits)
}

fn put_layout(h: &Histogram, out: &mut Vec<u8>) {
    out.push(h.schema as u8);
    out.extend_from_slice(&h.zero_threshold.to_le_bytes());
    for spans in [&h.positive_spans, &h.negative_spans] {
        put_uvarint(out, spans.len() as u64);
        for s in spans {
            put_varint(out, i64::from(s.offset));
            put_uvarint(out, u64::from(s.length));
        }
    }
    put_uvarint(out, h.custom_bounds.len() as u64);
    out.extend(h.custom_bounds.iter().flat_map(|b| b.to_le_bytes()));
}

fn read_layout(r: &mut Reader<'_>) -> Result<Histogram, Malformed> {
    let schema = r.u8("histogram schema")? as i8;
    let zero_threshold = r.f64_le("histogram zero threshold")?;
    let positive_spans = read_spans(r)?;
    let negative_spans = read_spans(r)?;
    let n = r.count("histogram bounds")?;
    let raw = r.take(n.saturating_mul(8), "histogram bounds")?;
    let custom_bounds =
        raw.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())).collect();
    Ok(Histogram {
        reset_hint: ResetHint::Unknown,
        schema,
        zero_threshold,
        sum: 0.0,
        positive_spans,
        negative_spans,
        custom_bounds,
        counts: Counts::Integer { count: 0, zero: 0, positive: Vec::new(), negative: Vec::new() },
    })
}

fn read_spans(r: &mut Reader<'_>) -> Result<Vec<Span>, Malformed> {
    let n = r.count("histogram spans")?;
    let mut out = Vec::with_capacity(n);
    for _ in 0..n {
        let offset = i32::try_from(r.varint("span offset")?).or(malformed("span offset"))?;
        out.push(Span { offset, length: r.u32("span length")? });
    }
    Ok(out)
}

fn empty_like(l: &Histogram) -> Histogram {
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: l.schema,
        zero_threshold: l.zero_threshold,
        sum: 0.0,
        positive_spans: l.positive_spans.clone(),
        negative_spans: l.negative_spans.clone(),
        custom_bounds: l.custom_bounds.clone(),
        counts: Counts::Integer { count: 0, zero: 0, positive: Vec::new(), negative: Vec::new() },
    }
}

fn buckets(spans: &[Span]) -> Result<usize, Malformed> {
    let n: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    if n > BUCKETS_MAX as u64 { malformed("histogram buckets") } else { Ok(n as usize) }
}

/// So many counts, in memory of the right size from the beginning.
fn counts_of<T>(n: usize, mut next: impl FnMut() -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    let mut out = Vec::with_capacity(n);
    for _ in 0..n {
        out.push(next()?);
    }
    Ok(out)
}

fn read_whole(r: &mut Reader<'_>, p: usize, n: usize, last: Option<&Histogram>) -> Result<Counts, Malformed> {
    let mut before = last.into_iter().flat_map(whole_counts);
    let mut next = |r: &mut Reader<'_>| -> Result<u64, Malformed> {
        let b = before.next().unwrap_or(0);
        Ok(b.wrapping_add(r.varint("histogram bucket")? as u64))
    };
    let (count, zero) = (next(r)?, next(r)?);
    let positive = counts_of(p, || next(r))?;
    let negative = counts_of(n, || next(r))?;
    Ok(Counts::Integer { count, zero, positive, negative })
}

fn read_float(r: &mut Reader<'_>, p: usize, n: usize, last: Option<&Histogram>) -> Result<Counts, Malformed> {
    let mut before = last.into_iter().flat_map(float_counts);
    let mut next = |r: &mut Reader<'_>| -> Result<f64, Malformed> {
        let b = before.next().unwrap_or(0);
        Ok(f64::from_bits(r.uvarint("histogram bucket")?.swap_bytes() ^ b))
    };
    let (count, zero) = (next(r)?, next(r)?);
    let positive = counts_of(p, || next(r))?;
    let negative = counts_of(n, || next(r))?;
    Ok(Counts::Float { count, zero, positive, negative })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_histogram() -> impl Strategy<Value = Histogram> {
        let spans = proptest::collection::vec((0i32..5, 0u32..4), 0..3);
        (any::<bool>(), -4i8..9, spans.clone(), spans, any::<u64>(), 0u8..4).prop_map(
            |(float, schema, p, n, seed, hint)| {
                let spans = |v: Vec<(i32, u32)>| -> Vec<Span> {
                    v.into_iter().map(|(offset, length)| Span { offset, length }).collect()
                };
                let (positive_spans, negative_spans) = (spans(p), spans(n));
                let len = |s: &[Span]| s.iter().map(|s| s.length as usize).sum::<usize>();
                let (pl, nl) = (len(&positive_spans), len(&negative_spans));
                let whole = |n: usize| (0..n as u64).map(|i| seed.rotate_left(i as u32)).collect::<Vec<_>>();
                let floats = |n: usize| whole(n).into_iter().map(f64::from_bits).collect::<Vec<_>>();
                Histogram {
                    reset_hint: [ResetHint::Unknown, ResetHint::Yes, ResetHint::No, ResetHint::Gauge]
                        [hint as usize],
                    schema,
                    zero_threshold: f64::from_bits(seed),
                    sum: f64::from_bits(seed.rotate_left(7)),
                    positive_spans,
                    negative_spans,
                    custom_bounds: floats(usize::from(hint)),
                    counts: if float {
                        Counts::Float { count: 1.5, zero: -0.0, positive: floats(pl), negative: floats(nl) }
                    } else {
                        Counts::Integer { count: seed, zero: 3, positive: whole(pl), negative: whole(nl) }
                    },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn histograms_round_trip(hs in proptest::collection::vec(any_histogram(), 1..6), twice in any::<bool>()) {
            let mut hs: Vec<Arc<Histogram>> = hs.into_iter().map(Arc::new).collect();
            if twice {
                hs = hs.iter().flat_map(|h| [h.clone(), h.clone()]).collect();
            }
            let mut b = Vec::new();
            encode(&hs, &mut b);
            let mut out = Vec::new();
            decode(&mut Reader::new(&b), hs.len(), &mut out).unwrap();
            // Debug text shows -0 and NaN; equality would not.
            prop_assert_eq!(format!("{out:?}"), format!("{hs:?}"));
            let mut again = Vec::new();
            encode(&out, &mut again);
            prop_assert_eq!(again, b);
        }

        #[test]
        fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&mut Reader::new(&b), 5, &mut Vec::new());
        }
    }
}
