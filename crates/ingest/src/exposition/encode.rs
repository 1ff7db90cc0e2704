//! Writes an exposition as delimited `io.prometheus.client.MetricFamily` messages, for another server to scrape: the
//! only format that carries native histograms.

use crate::remote_write::encode::{put_deltas, put_doubles, put_spans};
use crate::wire::{FIXED64, put_bytes, put_double, put_message, put_number, put_tag, put_varint, unzigzag};
use model::{Counts, Histogram, MetricKind, ResetHint, Span};

/// The content type of what is written here.
pub const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Builds the families one after another.
#[derive(Default)]
pub struct FamilyWriter {
    body: Vec<u8>,
    family: Vec<u8>,
    value_field: u32,
}

impl FamilyWriter {
    /// A writer with nothing in it.
    pub fn new() -> FamilyWriter {
        FamilyWriter::default()
    }

    /// Begins a family of single values. Kinds other than counters and gauges are untyped.
    pub fn floats(&mut self, name: &str, kind: Option<MetricKind>) {
        let (number, field) = match kind {
            Some(MetricKind::Counter) => (0, 3),
            Some(MetricKind::Gauge) => (1, 2),
            _ => (3, 5),
        };
        self.begin(name, number, field);
    }

    /// Begins a family of native histograms, gauge histograms if `gauge` is set.
    pub fn histograms(&mut self, name: &str, gauge: bool) {
        self.begin(name, if gauge { 5 } else { 4 }, 7);
    }

    fn begin(&mut self, name: &str, kind: u64, value_field: u32) {
        self.end_family();
        self.value_field = value_field;
        put_bytes(&mut self.family, 1, name.as_bytes());
        // Written even where it is zero: the enumeration has no value that stands for absence.
        put_tag(&mut self.family, 3, 0);
        put_varint(&mut self.family, kind);
    }

    /// A value of the family begun with [`FamilyWriter::floats`].
    pub fn float<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>, time_ms: i64, value: f64) {
        self.metric(labels, time_ms, |out| {
            put_tag(out, 1, FIXED64);
            out.extend_from_slice(&value.to_le_bytes());
        });
    }

    /// A histogram of the family begun with [`FamilyWriter::histograms`]. One with custom bounds, which the format
    /// has not, is written with the classic buckets it stands for.
    pub fn histogram<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
        time_ms: i64,
        histogram: &Histogram,
    ) {
        self.metric(labels, time_ms, |out| {
            put_counts(out, histogram);
            if histogram.schema == Histogram::CUSTOM_SCHEMA {
                put_classic(out, histogram);
            } else {
                put_native(out, histogram);
            }
        });
    }

    fn metric<'l>(
        &mut self,
        labels: impl Iterator<Item = (&'l str, &'l str)>,
        time_ms: i64,
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        let field = self.value_field;
        put_message(&mut self.family, 4, |out| {
            for (name, value) in labels {
                put_message(out, 1, |out| {
                    put_bytes(out, 1, name.as_bytes());
                    put_bytes(out, 2, value.as_bytes());
                });
            }
            put_message(out, field, value);
            put_number(out, 6, time_ms as u64);
        });
    }

    /// Everything written.
    pub fn finish(mut self) -> Vec<u8> {
        self.end_family();
        self.body
    }

    fn end_family(&mut self) {
        if !self.family.is_empty() {
            put_varint(&mut self.body, self.family.len() as u64);
            self.body.append(&mut self.family);
        }
    }
}

/// Whether a histogram goes into a family of gauge histograms.
pub fn is_gauge(histogram: &Histogram) -> bool {
    histogram.reset_hint == ResetHint::Gauge
}

fn put_counts(out: &mut Vec<u8>, h: &Histogram) {
    match &h.counts {
        Counts::Integer { count, .. } => put_number(out, 1, *count),
        Counts::Float { count, .. } => put_double(out, 4, *count),
    }
    put_double(out, 2, h.sum);
}

fn put_native(out: &mut Vec<u8>, h: &Histogram) {
    put_tag(out, 5, 0);
    put_varint(out, unzigzag(i64::from(h.schema)));
    put_double(out, 6, h.zero_threshold);
    match &h.counts {
        Counts::Integer { zero, positive, negative, .. } => {
            put_number(out, 7, *zero);
            put_spans(out, 9, &h.negative_spans);
            put_deltas(out, 10, negative);
            put_spans(out, 12, &h.positive_spans);
            put_deltas(out, 13, positive);
        }
        Counts::Float { zero, positive, negative, .. } => {
            put_double(out, 8, *zero);
            put_spans(out, 9, &h.negative_spans);
            put_doubles(out, 11, negative);
            put_spans(out, 12, &h.positive_spans);
            put_doubles(out, 14, positive);
        }
    }
    // A histogram without any bucket is told from a classic one by a span of nothing.
    if h.positive_spans.is_empty() && h.negative_spans.is_empty() && h.zero_threshold == 0.0 {
        put_spans(out, 12, &[Span { offset: 0, length: 0 }]);
    }
}

/// Cumulative counts at each custom bound; the last bucket, up to infinity, is the count itself.
fn put_classic(out: &mut Vec<u8>, h: &Histogram) {
    let mut own = vec![0.0; h.custom_bounds.len() + 1];
    let mut at = 0i64;
    let mut next = 0;
    for span in &h.positive_spans {
        at += i64::from(span.offset);
        for _ in 0..span.length {
            let count = match &h.counts {
                Counts::Integer { positive, .. } => positive.get(next).map(|c| *c as f64),
                Counts::Float { positive, .. } => positive.get(next).copied(),
            };
            if let (Some(count), Some(place)) = (count, usize::try_from(at).ok().and_then(|i| own.get_mut(i)))
            {
                *place = count;
            }
            (at, next) = (at + 1, next + 1);
        }
    }
    let integer = matches!(h.counts, Counts::Integer { .. });
    let mut cumulative = 0.0;
    for (bound, count) in h.custom_bounds.iter().zip(own) {
        cumulative += count;
        put_message(out, 3, |out| {
            if integer {
                put_number(out, 1, cumulative as u64);
            } else {
                put_double(out, 4, cumulative);
            }
            put_tag(out, 2, FIXED64);
            out.extend_from_slice(&bound.to_le_bytes());
        });
    }
}
