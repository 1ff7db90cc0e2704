//! Timestamps: strictly ascending, stored as differences of differences, which are zero for a steady scrape.

use super::CHUNK_SAMPLES_MAX;
use crate::bytes::{Malformed, Reader, malformed, put_uvarint, put_varint};

/// What stands before the timestamps themselves: enough to skip them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub count: usize,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// `count, first, last - first, then count - 1 differences of differences`.
pub(crate) fn encode(times: &[i64], out: &mut Vec<u8>) {
    debug_assert!(!times.is_empty() && times.len() <= CHUNK_SAMPLES_MAX);
    debug_assert!(times.windows(2).all(|w| w[0] < w[1]));
    let (first, last) = (times[0], times[times.len() - 1]);
    put_uvarint(out, times.len() as u64);
    put_varint(out, first);
    put_uvarint(out, last.wrapping_sub(first) as u64);
    let (mut at, mut delta) = (first, 0i64);
    for &t in &times[1..] {
        let d = t.wrapping_sub(at);
        put_varint(out, d.wrapping_sub(delta));
        (at, delta) = (t, d);
    }
}

pub(crate) fn read_span(r: &mut Reader<'_>) -> Result<Span, Malformed> {
    let count = r.uvarint("timestamp count")? as usize;
    if count == 0 || count > CHUNK_SAMPLES_MAX {
        return malformed("timestamp count");
    }
    let first_ms = r.varint("first timestamp")?;
    let last_ms = first_ms.wrapping_add(r.uvarint("last timestamp")? as i64);
    if last_ms < first_ms {
        return malformed("last timestamp");
    }
    Ok(Span { count, first_ms, last_ms })
}

/// Appends the timestamps to `out`.
pub(crate) fn decode(r: &mut Reader<'_>, out: &mut Vec<i64>) -> Result<Span, Malformed> {
    let span = read_span(r)?;
    let start = out.len();
    out.resize(start + span.count, 0);
    let column = &mut out[start..];
    r.varints(&mut column[1..], "timestamp")?;
    let (mut at, mut delta) = (span.first_ms, 0i64);
    let mut ascending = true;
    column[0] = at;
    for t in &mut column[1..] {
        delta = delta.wrapping_add(*t);
        let next = at.wrapping_add(delta);
        ascending &= next > at;
        at = next;
        *t = at;
    }
    if !ascending {
        return malformed("timestamp order");
    }
    if at != span.last_ms { malformed("last timestamp") } else { Ok(span) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_round_trip(set in proptest::collection::btree_set(any::<i64>(), 1..CHUNK_SAMPLES_MAX)) {
            let times: Vec<i64> = set.into_iter().collect();
            let mut b = Vec::new();
            encode(&times, &mut b);
            let mut out = Vec::new();
            // A span of more than i64::MAX milliseconds cannot be read back; the store never makes one.
            let wide = times[times.len() - 1].checked_sub(times[0]).is_none();
            let gap = times.windows(2).any(|w| w[1].checked_sub(w[0]).is_none());
            match decode(&mut Reader::new(&b), &mut out) {
                Ok(_) => prop_assert_eq!(out, times),
                Err(_) => prop_assert!(wide || gap),
            }
        }

        #[test]
        fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut out = Vec::new();
            if decode(&mut Reader::new(&b), &mut out).is_ok() {
                prop_assert!(out.windows(2).all(|w| w[0] < w[1]));
            }
        }
    }
}
