//! Remote write 2.0 bodies, for those who deliver to another server.

use super::encode::{kind_number, put_histogram};
use crate::wire::{LEN, put_bytes, put_double, put_message, put_number, put_tag, put_varint};
use model::{Exemplar, Histogram, Labels, Metadata};
use std::collections::HashMap;

/// The headers that belong to a body made here, names in lower case.
pub const HEADERS: [(&str, &str); 3] = [
    ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "2.0.0"),
];

/// A series of a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSeries(usize);

/// One `io.prometheus.write.v2.Request` being built. Samples of a series may come at any time; they stand together
/// in the end, in the order in which they came.
#[derive(Default)]
pub struct Request {
    symbols: Symbols,
    series: Vec<Parts>,
    samples: u64,
}

/// A series' labels by symbol, and its other fields as they are written.
#[derive(Default)]
struct Parts {
    refs: Vec<u32>,
    points: Vec<u8>,
    has_samples: bool,
}

/// Strings by number. The first is empty, as the specification has it.
#[derive(Default)]
struct Symbols {
    numbers: HashMap<Box<str>, u32>,
    written: Vec<u8>,
}

impl Symbols {
    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u32 + 1;
        self.numbers.insert(text.into(), number);
        put_bytes(&mut self.written, 4, text.as_bytes());
        number
    }

    fn pairs(&mut self, labels: &Labels) -> Vec<u32> {
        let mut refs = Vec::with_capacity(2 * labels.iter().count());
        for (name, value) in labels.iter() {
            refs.push(self.number(name));
            refs.push(self.number(value));
        }
        refs
    }
}

impl Request {
    /// An empty request.
    pub fn new() -> Request {
        Request::default()
    }

    /// A series; the caller asks once for each label set.
    pub fn series(&mut self, labels: &Labels) -> RequestSeries {
        self.series.push(Parts { refs: self.symbols.pairs(labels), ..Parts::default() });
        RequestSeries(self.series.len() - 1)
    }

    /// A float sample; `start_ms` is 0 where it is not known.
    pub fn sample(&mut self, series: RequestSeries, time_ms: i64, value: f64, start_ms: i64) {
        self.samples += 1;
        let parts = &mut self.series[series.0];
        parts.has_samples = true;
        put_message(&mut parts.points, 2, |out| {
            put_double(out, 1, value);
            put_number(out, 2, time_ms as u64);
            put_number(out, 3, start_ms as u64);
        });
    }

    /// A native histogram; `start_ms` is 0 where it is not known.
    pub fn histogram(&mut self, series: RequestSeries, time_ms: i64, histogram: &Histogram, start_ms: i64) {
        self.samples += 1;
        let parts = &mut self.series[series.0];
        parts.has_samples = true;
        put_message(&mut parts.points, 3, |out| {
            put_histogram(out, time_ms, histogram);
            put_number(out, 17, start_ms as u64);
        });
    }

    /// An exemplar of a series.
    pub fn exemplar(&mut self, series: RequestSeries, exemplar: &Exemplar) {
        let refs = self.symbols.pairs(&exemplar.labels);
        put_message(&mut self.series[series.0].points, 4, |out| {
            put_refs(out, &refs);
            put_double(out, 2, exemplar.value);
            put_number(out, 3, exemplar.time_ms as u64);
        });
    }

    /// Metadata of the family a series belongs to.
    pub fn metadata(&mut self, series: RequestSeries, metadata: &Metadata) {
        let (help, unit) = (self.symbols.number(&metadata.help), self.symbols.number(&metadata.unit));
        put_message(&mut self.series[series.0].points, 5, |out| {
            put_number(out, 1, kind_number(metadata.kind));
            put_number(out, 3, u64::from(help));
            put_number(out, 4, u64::from(unit));
        });
    }

    /// Samples and histograms so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The request, uncompressed. Series without samples have no place in it.
    pub fn finish(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        put_bytes(&mut body, 4, b"");
        body.append(&mut self.symbols.written);
        for parts in self.series.iter().filter(|p| p.has_samples) {
            put_message(&mut body, 5, |out| {
                put_refs(out, &parts.refs);
                out.extend_from_slice(&parts.points);
            });
        }
        body
    }
}

fn put_refs(out: &mut Vec<u8>, refs: &[u32]) {
    if refs.is_empty() {
        return;
    }
    let mut packed = Vec::with_capacity(2 * refs.len());
    for r in refs {
        put_varint(&mut packed, u64::from(*r));
    }
    put_tag(out, 1, LEN);
    put_varint(out, packed.len() as u64);
    out.extend_from_slice(&packed);
}
