//! Remote write 1.0 bodies, for those who deliver to another server.

use crate::wire::{FIXED64, LEN, VARINT};
use crate::wire::{put_bytes, put_double, put_message, put_number, put_tag, put_varint, unzigzag};
use model::{Counts, Exemplar, Histogram, Labels, Metadata, MetricKind, ResetHint, Span};

/// The headers that belong to a body made here, names in lower case.
pub const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

/// Builds one `prometheus.WriteRequest` after another, keeping its buffers.
///
/// Begin a series with [`Writer::series`]; the samples that follow belong to it.
pub struct Writer {
    body: Vec<u8>,
    series: Vec<u8>,
    samples: u64,
    compressed: Vec<u8>,
    snappy: snap::raw::Encoder,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A writer with an empty request.
    pub fn new() -> Self {
        Writer {
            body: Vec::new(),
            series: Vec::new(),
            samples: 0,
            compressed: Vec::new(),
            snappy: snap::raw::Encoder::new(),
        }
    }

    /// Begins a series.
    pub fn series(&mut self, labels: &Labels) {
        self.series_key(labels.key());
    }

    /// Begins a series given by its key ([`Labels::key`]).
    pub fn series_key(&mut self, key: &[u8]) {
        self.end_series();
        self.series.extend_from_slice(key);
    }

    /// A float sample of the series.
    pub fn sample(&mut self, time_ms: i64, value: f64) {
        self.sample_since(time_ms, value, 0);
    }

    /// A float sample of a counter that was last zero at `start_ms`, 0 where that is not known. The field for it is
    /// that of 2.0; receivers of 1.0 pass over it.
    pub fn sample_since(&mut self, time_ms: i64, value: f64, start_ms: i64) {
        self.samples += 1;
        put_message(&mut self.series, 2, |out| {
            put_double(out, 1, value);
            put_number(out, 2, time_ms as u64);
            put_number(out, 3, start_ms as u64);
        });
    }

    /// A native histogram sample of the series.
    pub fn histogram(&mut self, time_ms: i64, histogram: &Histogram) {
        self.histogram_since(time_ms, histogram, 0);
    }

    /// A native histogram that was last empty at `start_ms`; see [`Writer::sample_since`].
    pub fn histogram_since(&mut self, time_ms: i64, histogram: &Histogram, start_ms: i64) {
        self.samples += 1;
        put_message(&mut self.series, 4, |out| {
            put_histogram(out, time_ms, histogram);
            put_number(out, 17, start_ms as u64);
        });
    }

    /// An exemplar of the series.
    pub fn exemplar(&mut self, exemplar: &Exemplar) {
        put_message(&mut self.series, 3, |out| {
            out.extend_from_slice(exemplar.labels.key());
            put_double(out, 2, exemplar.value);
            put_number(out, 3, exemplar.time_ms as u64);
        });
    }

    /// Metadata of a family. May come at any point.
    pub fn metadata(&mut self, family: &str, metadata: &Metadata) {
        self.end_series();
        put_message(&mut self.body, 3, |out| {
            put_number(out, 1, kind_number(metadata.kind));
            put_text(out, 2, family);
            put_text(out, 4, &metadata.help);
            put_text(out, 5, &metadata.unit);
        });
    }

    /// Samples and histograms so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The uncompressed size so far.
    pub fn len(&self) -> usize {
        self.body.len() + self.series.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The request uncompressed; the writer is then empty again.
    pub fn finish_raw(&mut self) -> Vec<u8> {
        self.end_series();
        self.samples = 0;
        std::mem::take(&mut self.body)
    }

    /// The request as a snappy block; the writer is then empty again.
    pub fn finish(&mut self) -> &[u8] {
        self.end_series();
        self.samples = 0;
        self.compressed.resize(snap::raw::max_compress_len(self.body.len()), 0);
        // The output has the length the encoder asks for, and a body of 4 GiB is never built.
        let len = self.snappy.compress(&self.body, &mut self.compressed).unwrap_or(0);
        self.body.clear();
        &self.compressed[..len]
    }

    fn end_series(&mut self) {
        if !self.series.is_empty() {
            put_bytes(&mut self.body, 1, &self.series);
            self.series.clear();
        }
    }
}

fn put_text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(out, field, text.as_bytes());
    }
}

pub(crate) fn kind_number(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Unknown => 0,
        MetricKind::Counter => 1,
        MetricKind::Gauge => 2,
        MetricKind::Histogram => 3,
        MetricKind::GaugeHistogram => 4,
        MetricKind::Summary => 5,
        MetricKind::Info => 6,
        MetricKind::StateSet => 7,
    }
}

/// The `prometheus.Histogram` message.
pub(crate) fn put_histogram(out: &mut Vec<u8>, time_ms: i64, h: &Histogram) {
    // A member of a `oneof` is written even when it is zero: its presence says which kind this is.
    match &h.counts {
        Counts::Integer { count, .. } => {
            put_tag(out, 1, VARINT);
            put_varint(out, *count);
        }
        Counts::Float { count, .. } => {
            put_tag(out, 2, FIXED64);
            out.extend_from_slice(&count.to_le_bytes());
        }
    }
    put_double(out, 3, h.sum);
    put_number(out, 4, unzigzag(i64::from(h.schema)));
    put_double(out, 5, h.zero_threshold);
    match &h.counts {
        Counts::Integer { zero, positive, negative, .. } => {
            put_number(out, 6, *zero);
            put_spans(out, 8, &h.negative_spans);
            put_deltas(out, 9, negative);
            put_spans(out, 11, &h.positive_spans);
            put_deltas(out, 12, positive);
        }
        Counts::Float { zero, positive, negative, .. } => {
            put_double(out, 7, *zero);
            put_spans(out, 8, &h.negative_spans);
            put_doubles(out, 10, negative);
            put_spans(out, 11, &h.positive_spans);
            put_doubles(out, 13, positive);
        }
    }
    put_number(
        out,
        14,
        match h.reset_hint {
            ResetHint::Unknown => 0,
            ResetHint::Yes => 1,
            ResetHint::No => 2,
            ResetHint::Gauge => 3,
        },
    );
    put_number(out, 15, time_ms as u64);
    put_doubles(out, 16, &h.custom_bounds);
}

pub(crate) fn put_spans(out: &mut Vec<u8>, field: u32, spans: &[Span]) {
    for s in spans {
        put_message(out, field, |out| {
            put_number(out, 1, unzigzag(i64::from(s.offset)));
            put_number(out, 2, u64::from(s.length));
        });
    }
}

pub(crate) fn put_deltas(out: &mut Vec<u8>, field: u32, counts: &[u64]) {
    if counts.is_empty() {
        return;
    }
    put_message(out, field, |out| {
        let mut last = 0u64;
        for c in counts {
            put_varint(out, unzigzag(c.wrapping_sub(last) as i64));
            last = *c;
        }
    });
}

pub(crate) fn put_doubles(out: &mut Vec<u8>, field: u32, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    put_tag(out, field, LEN);
    put_varint(out, values.len() as u64 * 8);
    for v in values {
        out.extend_from_slice(&v.to_le_bytes());
    }
}
