//! Points as they are read: every field of every kind of point, in buffers that are kept from point to point.

use super::delta::Interval;
use super::labels::{Attributes, Names};
use super::sparse::{Sent, fixed};
use crate::histogram::keep;
use crate::limits::Limits;
use crate::wire::{FIXED64, LEN, Reader, VARINT, Wire, zigzag};

/// The flag of a point that says that there is no value any more.
const NO_RECORDED_VALUE: u64 = 1;
const NS_PER_MS: u64 = 1_000_000;

/// The fields of any point. Which of them a point has depends on its kind.
#[derive(Default)]
pub(super) struct Point<'a> {
    pub attributes: Attributes<'a>,
    pub interval: Interval,
    flags: u64,
    pub value: Option<f64>,
    pub sum: Option<f64>,
    pub has_exemplars: bool,
    pub exponential: Sent<'a>,
    pub count: u64,
    pub counts: Vec<u64>,
    pub bounds: Vec<f64>,
    /// Of summaries: quantile and value.
    pub quantiles: Vec<(f64, f64)>,
}

impl<'a> Point<'a> {
    fn clear(&mut self) {
        self.attributes.clear();
        let mut next = Point { attributes: std::mem::take(&mut self.attributes), ..Point::default() };
        (next.counts, next.bounds) = (std::mem::take(&mut self.counts), std::mem::take(&mut self.bounds));
        next.quantiles = std::mem::take(&mut self.quantiles);
        next.counts.clear();
        next.bounds.clear();
        next.quantiles.clear();
        *self = next;
    }

    /// Whether there is no value any more.
    pub fn is_stale(&self) -> bool {
        self.flags & NO_RECORDED_VALUE != 0
    }

    /// Its time, Unix milliseconds; `None` if it has none.
    pub fn time_ms(&self) -> Option<i64> {
        (self.interval.time_ns != 0).then(|| to_ms(self.interval.time_ns))
    }

    /// Since when it counts, Unix milliseconds, 0 if that is not known.
    pub fn start_ms(&self) -> i64 {
        to_ms(self.interval.start_ns.min(self.interval.time_ns))
    }

    /// Reads a `NumberDataPoint`.
    pub fn number(&mut self, mut r: Reader<'a>, names: &mut Names<'a, '_>, limits: &Limits) -> Wire<()> {
        self.clear();
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (2, FIXED64) => self.interval.start_ns = r.fixed64()?,
                (3, FIXED64) => self.interval.time_ns = r.fixed64()?,
                (4, FIXED64) => self.value = Some(r.double()?),
                (6, FIXED64) => self.value = Some(r.fixed64()? as i64 as f64),
                (7, LEN) => self.attributes.add(r.message()?, names, limits)?,
                (8, VARINT) => self.flags = r.varint()?,
                (2..=4 | 6..=8, w) => return Err(wrong(&r, field, w)),
                _ => self.pass(&mut r, field == 5, wire)?,
            }
        }
        Ok(())
    }

    /// Reads a `HistogramDataPoint`.
    pub fn histogram(&mut self, mut r: Reader<'a>, names: &mut Names<'a, '_>, limits: &Limits) -> Wire<()> {
        self.clear();
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (2, FIXED64) => self.interval.start_ns = r.fixed64()?,
                (3, FIXED64) => self.interval.time_ns = r.fixed64()?,
                (4, FIXED64) => self.count = r.fixed64()?,
                (5, FIXED64) => self.sum = Some(r.double()?),
                (6, _) => fixed(&mut r, field, wire, &mut self.counts)?,
                (7, _) => {
                    let bounds = &mut self.bounds;
                    r.repeated(field, wire, FIXED64, |r| {
                        bounds.push(r.double()?);
                        Ok(())
                    })?;
                }
                (9, LEN) => self.attributes.add(r.message()?, names, limits)?,
                (10, VARINT) => self.flags = r.varint()?,
                (2..=5 | 9 | 10, w) => return Err(wrong(&r, field, w)),
                _ => self.pass(&mut r, field == 8, wire)?,
            }
        }
        Ok(())
    }

    /// Reads an `ExponentialHistogramDataPoint`.
    pub fn exponential(&mut self, mut r: Reader<'a>, names: &mut Names<'a, '_>, limits: &Limits) -> Wire<()> {
        self.clear();
        while let Some((field, wire)) = r.tag()? {
            let sent = &mut self.exponential;
            match (field, wire) {
                (1, LEN) => self.attributes.add(r.message()?, names, limits)?,
                (2, FIXED64) => self.interval.start_ns = r.fixed64()?,
                (3, FIXED64) => self.interval.time_ns = r.fixed64()?,
                (4, FIXED64) => sent.count = r.fixed64()?,
                (5, FIXED64) => sent.sum = r.double()?,
                // What is beyond 32 bits is as wrong as what is beyond every scale.
                (6, VARINT) => sent.scale = i32::try_from(zigzag(r.varint()?)).unwrap_or(i32::MIN),
                (7, FIXED64) => sent.zero_count = r.fixed64()?,
                (8, LEN) => sent.positive = Some(r.message()?),
                (9, LEN) => sent.negative = Some(r.message()?),
                (10, VARINT) => self.flags = r.varint()?,
                (14, FIXED64) => sent.zero_threshold = r.double()?,
                (1..=10 | 14, w) => return Err(wrong(&r, field, w)),
                _ => self.pass(&mut r, field == 11, wire)?,
            }
        }
        Ok(())
    }

    /// Reads a `SummaryDataPoint`.
    pub fn summary(&mut self, mut r: Reader<'a>, names: &mut Names<'a, '_>, limits: &Limits) -> Wire<()> {
        self.clear();
        while let Some((field, wire)) = r.tag()? {
            match (field, wire) {
                (2, FIXED64) => self.interval.start_ns = r.fixed64()?,
                (3, FIXED64) => self.interval.time_ns = r.fixed64()?,
                (4, FIXED64) => self.count = r.fixed64()?,
                (5, FIXED64) => self.sum = Some(r.double()?),
                (6, LEN) => keep(&mut self.quantiles, quantile(r.message()?)?),
                (7, LEN) => self.attributes.add(r.message()?, names, limits)?,
                (8, VARINT) => self.flags = r.varint()?,
                (2..=8, w) => return Err(wrong(&r, field, w)),
                _ => r.skip(wire)?,
            }
        }
        // It is not left out, as it may be of a histogram, but zero.
        self.sum.get_or_insert(0.0);
        Ok(())
    }

    fn pass(&mut self, r: &mut Reader<'a>, is_exemplar: bool, wire: u8) -> Wire<()> {
        self.has_exemplars |= is_exemplar && wire == LEN;
        r.skip(wire)
    }
}

fn wrong(r: &Reader<'_>, field: u32, wire: u8) -> crate::wire::WireError {
    r.error(format!("field {field} of a point has wire type {wire}"))
}

pub(super) fn to_ms(ns: u64) -> i64 {
    // A nanosecond of 64 bits is a millisecond of 45.
    (ns / NS_PER_MS) as i64
}

fn quantile(mut r: Reader<'_>) -> Wire<(f64, f64)> {
    let (mut quantile, mut value) = (0.0, 0.0);
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, FIXED64) => quantile = r.double()?,
            (2, FIXED64) => value = r.double()?,
            _ => r.skip(wire)?,
        }
    }
    Ok((quantile, value))
}
