//! Prometheus remote write, 1.0 and 2.0, in both directions.

pub mod encode;
pub mod encode_v2;
pub mod v1;
pub mod v2;

use crate::wire::{FIXED64, Reader, VARINT, Wire};
use model::MetricKind;

/// What both versions say about one sample.
#[derive(Clone, Copy, Default)]
struct Sample {
    value: f64,
    time_ms: i64,
    start_ms: i64,
}

/// The `Sample` message of either version.
#[inline]
fn read_sample(mut r: Reader<'_>) -> Wire<Sample> {
    let mut s = Sample::default();
    while let Some((field, wire)) = r.tag()? {
        match (field, wire) {
            (1, FIXED64) => s.value = r.double()?,
            (2, VARINT) => s.time_ms = r.varint()? as i64,
            (3, VARINT) => s.start_ms = r.varint()? as i64,
            (1..=3, w) => return Err(r.error(format!("field {field} of a sample has wire type {w}"))),
            _ => r.skip(wire)?,
        }
    }
    Ok(s)
}

/// Both versions number the kinds alike.
fn metric_kind(v: u64) -> MetricKind {
    match v {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 => MetricKind::Histogram,
        4 => MetricKind::GaugeHistogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}
