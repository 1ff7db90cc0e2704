//! `io.prometheus.write.v2.Request`, declared from the published `.proto` file.

use super::v1::{Histogram, Label};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    #[prost(string, repeated, tag = "4")]
    pub symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TimeSeries {
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    pub histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    pub exemplars: Vec<Exemplar>,
    #[prost(message, optional, tag = "5")]
    pub metadata: Option<Metadata>,
    #[prost(int64, tag = "6")]
    pub created_timestamp: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Sample {
    #[prost(double, tag = "1")]
    pub value: f64,
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
    #[prost(int64, tag = "3")]
    pub start_timestamp: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Exemplar {
    #[prost(uint32, repeated, tag = "1")]
    pub labels_refs: Vec<u32>,
    #[prost(double, tag = "2")]
    pub value: f64,
    #[prost(int64, tag = "3")]
    pub timestamp: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(uint32, tag = "3")]
    pub help_ref: u32,
    #[prost(uint32, tag = "4")]
    pub unit_ref: u32,
}

/// A request under construction: strings become references.
#[derive(Default)]
pub struct Builder {
    pub request: Request,
}

impl Builder {
    pub fn new() -> Self {
        Builder { request: Request { symbols: vec![String::new()], timeseries: vec![] } }
    }

    pub fn symbol(&mut self, s: &str) -> u32 {
        let symbols = &mut self.request.symbols;
        let at = symbols.iter().position(|x| x == s).unwrap_or_else(|| {
            symbols.push(s.to_owned());
            symbols.len() - 1
        });
        at as u32
    }

    pub fn refs(&mut self, pairs: &[Label]) -> Vec<u32> {
        pairs.iter().flat_map(|l| [self.symbol(&l.name), self.symbol(&l.value)]).collect()
    }
}
