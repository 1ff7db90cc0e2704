//! `prometheus.ReadResponse`: all samples in one message.

use crate::remote_write::encode::put_histogram;
use crate::wire::{put_bytes, put_double, put_message, put_number};
use model::{Labels, Samples};

/// Builds a `prometheus.ReadResponse`.
#[derive(Default)]
pub struct SampledResponse {
    body: Vec<u8>,
    result: Vec<u8>,
    series: Vec<u8>,
}

impl SampledResponse {
    /// An empty response.
    pub fn new() -> Self {
        Self::default()
    }

    /// A series of the query at hand. Series come in the order of their labels.
    pub fn series(&mut self, labels: &Labels, samples: &Samples) {
        self.series.clear();
        self.series.extend_from_slice(labels.key());
        for (t, v) in samples.times.iter().zip(&samples.values) {
            put_message(&mut self.series, 2, |out| {
                put_double(out, 1, *v);
                put_number(out, 2, *t as u64);
            });
        }
        for (t, h) in samples.histogram_times.iter().zip(&samples.histograms) {
            put_message(&mut self.series, 4, |out| put_histogram(out, *t, h));
        }
        put_bytes(&mut self.result, 1, &self.series);
    }

    /// Ends the query at hand; every query must be ended, in order, also one without series.
    pub fn end_query(&mut self) {
        put_bytes(&mut self.body, 1, &self.result);
        self.result.clear();
    }

    /// The size so far, uncompressed.
    pub fn len(&self) -> usize {
        self.body.len() + self.result.len()
    }

    /// Whether nothing is in it yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The message as a snappy block; the error is its size when that is more than a snappy block can hold.
    pub fn finish(self) -> Result<Vec<u8>, u64> {
        snap::raw::Encoder::new().compress_vec(&self.body).map_err(|_| self.body.len() as u64)
    }
}
