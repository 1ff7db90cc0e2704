//! Native histograms as the protocols send them: deltas between buckets, spans, and one of two kinds of count.

use crate::limits::{Limits, within};
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, zigzag};
use model::{AppendError, Counts, Histogram, ResetHint, Span};

/// The fields of a histogram message in the order in which they came.
#[derive(Default)]
pub(crate) struct Parts {
    pub reset_hint: ResetHint,
    pub schema: i32,
    pub zero_threshold: f64,
    pub sum: f64,
    pub count_int: u64,
    pub count_float: Option<f64>,
    pub zero_int: u64,
    pub zero_float: f64,
    pub positive: Side,
    pub negative: Side,
    pub custom_bounds: Vec<f64>,
}

/// Buckets to one side of zero.
#[derive(Default)]
pub(crate) struct Side {
    pub spans: Vec<Span>,
    pub deltas: Vec<i64>,
    pub counts: Vec<f64>,
    /// Elements met, of which at most [`KEPT_MAX`] of each kind are kept.
    seen: u64,
}

/// A byte of a body may hold a whole bucket, so no more than this many are kept before the limit is applied.
const KEPT_MAX: usize = 1 << 16;

/// Keeps a value unless there are too many.
pub(crate) fn keep<T>(values: &mut Vec<T>, value: T) {
    if values.len() < KEPT_MAX {
        values.push(value);
    }
}

impl Side {
    pub fn span(&mut self, r: &mut Reader<'_>, field: u32, wire: u8) -> Wire<()> {
        r.expect(field, wire, LEN)?;
        let mut r = r.message()?;
        let mut span = Span { offset: 0, length: 0 };
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (1, VARINT) => span.offset = zigzag(r.varint()?) as i32,
                (2, VARINT) => span.length = r.varint()? as u32,
                _ => r.skip(wire)?,
            }
        }
        self.seen += 1;
        keep(&mut self.spans, span);
        Ok(())
    }

    pub fn delta(&mut self, r: &mut Reader<'_>, field: u32, wire: u8) -> Wire<()> {
        r.repeated(field, wire, VARINT, |r| {
            self.seen += 1;
            keep(&mut self.deltas, zigzag(r.varint()?));
            Ok(())
        })
    }

    pub fn count(&mut self, r: &mut Reader<'_>, field: u32, wire: u8) -> Wire<()> {
        r.repeated(field, wire, FIXED64, |r| {
            self.seen += 1;
            keep(&mut self.counts, r.double()?);
            Ok(())
        })
    }

    /// The number of buckets as sent; spans only count when there are more of them than could be kept.
    fn buckets(&self) -> u64 {
        let kept = self.deltas.len().max(self.counts.len());
        if kept == KEPT_MAX || self.spans.len() == KEPT_MAX { self.seen } else { kept as u64 }
    }

    fn absolute(&self, side: &str) -> Result<Vec<u64>, String> {
        let mut out = Vec::with_capacity(self.deltas.len());
        let mut at = 0i64;
        for (i, d) in self.deltas.iter().enumerate() {
            at = at
                .checked_add(*d)
                .filter(|c| *c >= 0)
                .ok_or_else(|| format!("histogram {side} bucket {i} has no valid count ({at} plus {d})"))?;
            out.push(at as u64);
        }
        Ok(out)
    }
}

impl Parts {
    /// The histogram, checked. `series` names it in a message.
    pub fn finish(self, limits: &Limits, series: impl Fn() -> String) -> Result<Histogram, AppendError> {
        let invalid = |reason: String| AppendError::Invalid { series: series(), reason };
        let buckets = [&self.positive, &self.negative].iter().map(|s| s.buckets()).sum::<u64>();
        within(buckets, limits.histogram_buckets_max, "ingest.limits.histogram_buckets_max", || {
            format!("the number of buckets of a histogram of series {}", series())
        })
        .map_err(AppendError::Limit)?;
        let schema = i8::try_from(self.schema).map_err(|_| {
            invalid(format!(
                "histogram schema {} is not supported: -4 to 8 (exponential) or -53 (custom buckets)",
                self.schema
            ))
        })?;
        let counts = match self.count_float {
            Some(count) => Counts::Float {
                count,
                zero: self.zero_float,
                positive: self.positive.counts,
                negative: self.negative.counts,
            },
            None => Counts::Integer {
                count: self.count_int,
                zero: self.zero_int,
                positive: self.positive.absolute("positive").map_err(invalid)?,
                negative: self.negative.absolute("negative").map_err(invalid)?,
            },
        };
        let histogram = Histogram {
            reset_hint: self.reset_hint,
            schema,
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans: self.positive.spans,
            negative_spans: self.negative.spans,
            custom_bounds: self.custom_bounds,
            counts,
        };
        histogram.check().map_err(|e| invalid(e.to_string()))?;
        Ok(histogram)
    }
}

/// A histogram with its times.
pub(crate) struct Sent {
    pub time_ms: i64,
    pub start_ms: i64,
    pub parts: Parts,
}

/// The `Histogram` message of remote write 1.0 and 2.0, which differ only in the start timestamp (2.0).
pub(crate) fn read(mut r: Reader<'_>) -> Wire<Sent> {
    let mut p = Parts::default();
    let (mut time_ms, mut start_ms) = (0, 0);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, VARINT) => (p.count_int, p.count_float) = (r.varint()?, None),
            (2, FIXED64) => p.count_float = Some(r.double()?),
            (3, FIXED64) => p.sum = r.double()?,
            (4, VARINT) => p.schema = zigzag(r.varint()?) as i32,
            (5, FIXED64) => p.zero_threshold = r.double()?,
            (6, VARINT) => p.zero_int = r.varint()?,
            (7, FIXED64) => p.zero_float = r.double()?,
            (8, _) => p.negative.span(&mut r, field, wire)?,
            (9, _) => p.negative.delta(&mut r, field, wire)?,
            (10, _) => p.negative.count(&mut r, field, wire)?,
            (11, _) => p.positive.span(&mut r, field, wire)?,
            (12, _) => p.positive.delta(&mut r, field, wire)?,
            (13, _) => p.positive.count(&mut r, field, wire)?,
            (14, VARINT) => p.reset_hint = reset_hint(r.varint()?),
            (15, VARINT) => time_ms = r.varint()? as i64,
            (16, _) => r.repeated(field, wire, FIXED64, |r| {
                keep(&mut p.custom_bounds, r.double()?);
                Ok(())
            })?,
            (17, VARINT) => start_ms = r.varint()? as i64,
            (1..=7 | 14 | 15 | 17, w) => return Err(r.error(format!("field {field} has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok(Sent { time_ms, start_ms, parts: p })
}

fn reset_hint(v: u64) -> ResetHint {
    match v {
        1 => ResetHint::Yes,
        2 => ResetHint::No,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
