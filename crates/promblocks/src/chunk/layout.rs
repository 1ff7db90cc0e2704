//! What all histograms of a chunk share: schema, zero threshold, spans and custom bounds.

use super::ChunkError;
use crate::bits::{BitReader, BitWriter};
use model::{Histogram, Span};

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layout {
    pub schema: i8,
    pub zero_threshold: f64,
    pub positive: Vec<Span>,
    pub negative: Vec<Span>,
    pub bounds: Vec<f64>,
}

impl Layout {
    pub fn of(h: &Histogram) -> Layout {
        if h.is_stale() {
            return Layout::default();
        }
        Layout {
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            positive: h.positive_spans.clone(),
            negative: h.negative_spans.clone(),
            bounds: h.custom_bounds.clone(),
        }
    }

    /// Whether `h` can follow in a chunk of this layout; a stale marker always can.
    pub fn suits(&self, h: &Histogram) -> bool {
        h.is_stale()
            || (h.schema == self.schema
                && h.zero_threshold.to_bits() == self.zero_threshold.to_bits()
                && h.positive_spans == self.positive
                && h.negative_spans == self.negative
                && h.custom_bounds == self.bounds)
    }

    pub fn read(r: &mut BitReader<'_>) -> Result<Layout, ChunkError> {
        let cut = || ChunkError::Truncated(0);
        let zero_threshold = zero_threshold(r).ok_or_else(cut)?;
        let schema = r.varbit_int().ok_or_else(cut)?;
        let schema = i8::try_from(schema)
            .ok()
            .filter(|s| (-4..=8).contains(s) || *s == Histogram::CUSTOM_SCHEMA)
            .ok_or(ChunkError::Invalid { at: 0, reason: "its schema is neither -4 to 8 nor -53" })?;
        let positive = spans(r)?;
        let negative = spans(r)?;
        let bounds = if schema == Histogram::CUSTOM_SCHEMA { bounds(r)? } else { Vec::new() };
        Ok(Layout { schema, zero_threshold, positive, negative, bounds })
    }

    pub fn write(&self, w: &mut BitWriter) {
        write_zero_threshold(w, self.zero_threshold);
        w.varbit_int(i64::from(self.schema));
        for spans in [&self.positive, &self.negative] {
            w.varbit_uint(spans.len() as u64);
            for s in spans {
                w.varbit_uint(u64::from(s.length));
                w.varbit_int(i64::from(s.offset));
            }
        }
        if self.schema == Histogram::CUSTOM_SCHEMA {
            w.varbit_uint(self.bounds.len() as u64);
            for b in &self.bounds {
                write_bound(w, *b);
            }
        }
    }
}

/// The number of buckets spans describe; `None` when the data cannot hold that many, at a bit each.
pub(super) fn buckets(spans: &[Span], bits_left: usize) -> Option<usize> {
    let sum: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    (sum <= bits_left as u64).then_some(sum as usize)
}

fn spans(r: &mut BitReader<'_>) -> Result<Vec<Span>, ChunkError> {
    let cut = || ChunkError::Truncated(0);
    let count = r.varbit_uint().filter(|n| *n <= r.left() as u64 / 2).ok_or_else(cut)?;
    let mut out = Vec::new();
    for _ in 0..count {
        let length = r.varbit_uint().ok_or_else(cut)?;
        let offset = r.varbit_int().ok_or_else(cut)?;
        match (u32::try_from(length), i32::try_from(offset)) {
            (Ok(length), Ok(offset)) => out.push(Span { offset, length }),
            _ => return Err(ChunkError::Invalid { at: 0, reason: "a span is out of range" }),
        }
    }
    Ok(out)
}

fn bounds(r: &mut BitReader<'_>) -> Result<Vec<f64>, ChunkError> {
    let cut = || ChunkError::Truncated(0);
    let count = r.varbit_uint().filter(|n| *n <= r.left() as u64).ok_or_else(cut)?;
    let mut out = Vec::new();
    for _ in 0..count {
        out.push(match r.varbit_uint().ok_or_else(cut)? {
            0 => f64::from_bits(r.read(64).ok_or_else(cut)?),
            n => (n - 1) as f64 / 1000.0,
        });
    }
    Ok(out)
}

/// The largest number of thousandths that is written short.
const SHORT_BOUND_MAX: f64 = 33_554_430.0;

fn write_bound(w: &mut BitWriter, b: f64) {
    let thousandths = b * 1000.0;
    let whole = thousandths.round();
    if (0.0..=SHORT_BOUND_MAX).contains(&thousandths) && (whole / 1000.0).to_bits() == b.to_bits() {
        w.varbit_uint(whole as u64 + 1);
    } else {
        w.write(0, 1);
        w.write(b.to_bits(), 64);
    }
}

/// One byte stands for zero or a power of two from 2^-243 to 2^10; 255 says that the number follows.
fn zero_threshold(r: &mut BitReader<'_>) -> Option<f64> {
    Some(match r.read(8)? {
        0 => 0.0,
        255 => f64::from_bits(r.read(64)?),
        n => 2f64.powi(n as i32 - 244),
    })
}

fn write_zero_threshold(w: &mut BitWriter, v: f64) {
    let mantissa = v.to_bits() & ((1 << 52) - 1);
    let exponent = (v.to_bits() >> 52) as i64 - 1023;
    if v.to_bits() == 0 {
        w.write(0, 8);
    } else if mantissa == 0 && (-243..=10).contains(&exponent) {
        w.write((exponent + 244) as u64, 8);
    } else {
        w.write(255, 8);
        w.write(v.to_bits(), 64);
    }
}
