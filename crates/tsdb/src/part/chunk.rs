//! Decodes chunks.

use super::writer::{KIND_FLOATS, KIND_HISTOGRAMS, WITH_STARTS};
use crate::bytes::{Malformed, Reader, malformed};
use crate::codec::{floats, histograms};
use model::Samples;

/// Whether a chunk holds floats, and not histograms.
pub(super) fn is_floats(kind: u8) -> bool {
    kind & !WITH_STARTS == KIND_FLOATS
}

/// Appends the samples of a chunk from one position of its column of timestamps to another.
pub(super) fn decode(
    kind: u8,
    payload: &[u8],
    column: &[i64],
    (from, to): (usize, usize),
    out: &mut Samples,
) -> Result<(), Malformed> {
    let mut r = Reader::new(payload);
    let (mut data, starts) =
        if kind & WITH_STARTS != 0 { (Reader::new(r.bytes("values")?), Some(r)) } else { (r, None) };
    let n = column.len();
    match kind & !WITH_STARTS {
        KIND_FLOATS => {
            floats::decode(&mut data, n, (from, to), &mut out.values)?;
            read_starts(starts, n, (from, to), out.times.len(), &mut out.starts)?;
            out.times.extend_from_slice(&column[from..to]);
            if !out.starts.is_empty() {
                out.starts.resize(out.times.len(), 0);
            }
        }
        KIND_HISTOGRAMS => {
            let before = out.histograms.len();
            histograms::decode(&mut data, n, &mut out.histograms)?;
            out.histograms.truncate(before + to);
            out.histograms.drain(before..before + from);
            read_starts(starts, n, (from, to), out.histogram_times.len(), &mut out.histogram_starts)?;
            out.histogram_times.extend_from_slice(&column[from..to]);
            if !out.histogram_starts.is_empty() {
                out.histogram_starts.resize(out.histogram_times.len(), 0);
            }
        }
        _ => return malformed("chunk kind"),
    }
    Ok(())
}

fn read_starts(
    r: Option<Reader<'_>>,
    n: usize,
    (from, to): (usize, usize),
    before: usize,
    out: &mut Vec<i64>,
) -> Result<(), Malformed> {
    let Some(mut r) = r else { return Ok(()) };
    out.resize(before, 0);
    let mut last = 0i64;
    for i in 0..n {
        last = last.wrapping_add(r.varint("start timestamp")?);
        if (from..to).contains(&i) {
            out.push(last);
        }
    }
    Ok(())
}
