//! Remote read against an independent codec.

use crate::reference::read::*;
use crate::reference::v1::{Count, Label};
use ingest::remote_read::{self, ResponseType, SampledResponse, series_frames};
use model::{Counts, Histogram, Labels, METRIC_NAME, MatchOp, ResetHint, Samples, Span, TimeRange};
use promblocks::chunk::{Encoding, decode};
use proptest::prelude::*;
use prost::Message;
use std::sync::Arc;

fn matcher(kind: i32, value: &str) -> LabelMatcher {
    LabelMatcher { kind, name: "l".into(), value: value.into() }
}

#[test]
fn a_request_is_read() {
    let request = ReadRequest {
        queries: vec![Query {
            start_timestamp_ms: -5,
            end_timestamp_ms: 1_700_000_000_000,
            matchers: vec![matcher(0, "a"), matcher(1, "b"), matcher(2, "c.*"), matcher(3, "d|e")],
            hints: Some(ReadHints {
                step_ms: 15_000,
                func: "rate".into(),
                start_ms: 1,
                end_ms: 2,
                grouping: vec!["job".into()],
                by: true,
                range_ms: 300_000,
            }),
        }],
        accepted_response_types: vec![9, 1, 0],
    };
    let got = remote_read::decode(&request.encode_to_vec()).unwrap();
    assert_eq!(got.response, ResponseType::StreamedChunks);
    let q = &got.queries[0];
    assert_eq!(q.range, TimeRange::new(-5, 1_700_000_000_000));
    let ops: Vec<_> = q.matchers.iter().map(|m| (m.op(), m.value())).collect();
    assert_eq!(
        ops,
        [
            (MatchOp::Equal, "a"),
            (MatchOp::NotEqual, "b"),
            (MatchOp::Regex, "c.*"),
            (MatchOp::NotRegex, "d|e")
        ]
    );
    let h = q.hints.as_ref().unwrap();
    assert_eq!((h.step_ms, h.function.as_str(), h.range_ms, h.by), (15_000, "rate", 300_000, true));
    assert_eq!(h.grouping, ["job"]);
    let plain = ReadRequest { accepted_response_types: vec![], ..request };
    assert_eq!(remote_read::decode(&plain.encode_to_vec()).unwrap().response, ResponseType::Samples);
}

#[test]
fn bad_requests_are_named() {
    let with = |matchers, types| ReadRequest {
        queries: vec![Query { matchers, ..Default::default() }],
        accepted_response_types: types,
    };
    for (request, want) in [
        (with(vec![], vec![7]), "none of the accepted response types [7] is known"),
        (with(vec![matcher(2, "a(")], vec![]), "regular expression \"a(\" of label \"l\": unclosed group"),
        (with(vec![matcher(4, "")], vec![]), "matcher type 4 is not one of 0 to 3"),
        (with(vec![matcher(0, "a"); 65], vec![]), "there are more than 64 matchers in a query"),
        (
            ReadRequest {
                queries: vec![Query { matchers: vec![matcher(2, "a"); 33], ..Default::default() }; 2],
                accepted_response_types: vec![],
            },
            "there are more than 64 regular expressions in a request",
        ),
        (
            ReadRequest { queries: vec![Query::default(); 129], ..Default::default() },
            "there are more than 128 queries",
        ),
    ] {
        let e = remote_read::decode(&request.encode_to_vec()).unwrap_err().to_string();
        assert!(e.starts_with("remote read request: byte ") && e.contains(want), "{e}");
    }
}

fn samples() -> Samples {
    let mut s = Samples::default();
    for i in 0..500i64 {
        s.times.push(i * 15_000);
        s.values.push(if i % 7 == 0 {
            f64::from_bits(0x7ff4_0000_0000_0001 + i as u64)
        } else {
            i as f64 / 3.0
        });
    }
    for i in 0..200i64 {
        s.histogram_times.push(8_000_000 + i * 1000);
        s.histograms.push(Arc::new(Histogram {
            reset_hint: ResetHint::Unknown,
            schema: 1,
            zero_threshold: 0.5,
            sum: i as f64,
            positive_spans: vec![Span { offset: 1, length: 2 }],
            negative_spans: vec![],
            custom_bounds: vec![],
            counts: Counts::Integer {
                count: i as u64 * 4,
                zero: i as u64,
                positive: vec![i as u64, i as u64 * 2],
                negative: vec![],
            },
        }));
    }
    s
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn pairs(labels: &[Label]) -> Labels {
    Labels::from_pairs(labels.iter().map(|l| (&l.name, &l.value))).unwrap()
}

#[test]
fn a_sampled_response_is_understood() {
    let (labels, samples) = (Labels::from_pairs([(METRIC_NAME, "m"), ("a", "1")]).unwrap(), samples());
    let mut r = SampledResponse::new();
    r.end_query();
    r.series(&labels, &samples);
    r.end_query();
    let body = snap::raw::Decoder::new().decompress_vec(&r.finish().unwrap()).unwrap();
    let got = ReadResponse::decode(&body[..]).unwrap();
    assert_eq!((got.results.len(), got.results[0].timeseries.len()), (2, 0));
    let ts = &got.results[1].timeseries[0];
    assert_eq!(pairs(&ts.labels), labels);
    assert_eq!(ts.samples.iter().map(|s| s.timestamp).collect::<Vec<_>>(), samples.times);
    assert_eq!(ts.samples.iter().map(|s| s.value.to_bits()).collect::<Vec<_>>(), bits(&samples.values));
    assert_eq!(ts.histograms.len(), 200);
    assert_eq!(ts.histograms[3].count, Some(Count::Int(12)));
    assert_eq!(ts.histograms[3].positive_deltas, [3, 3]);
}

/// Frames as a reader takes them apart.
fn frames(mut bytes: &[u8]) -> Vec<ChunkedReadResponse> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let len = prost::decode_length_delimiter(&mut bytes).unwrap();
        let (crc, rest) = bytes.split_at(4);
        let (message, rest) = rest.split_at(len);
        assert_eq!(crc, crc32c::crc32c(message).to_be_bytes());
        out.push(ChunkedReadResponse::decode(message).unwrap());
        bytes = rest;
    }
    out
}

#[test]
fn a_stream_is_understood() {
    let (labels, samples) = (Labels::from_pairs([(METRIC_NAME, "m"), ("a", "1")]).unwrap(), samples());
    let mut out = Vec::new();
    series_frames(3, &labels, &samples, &mut out);
    let frames = frames(&out);
    assert_eq!((frames.len(), frames[0].query_index), (1, 3));
    let series = &frames[0].chunked_series[0];
    assert_eq!(pairs(&series.labels), labels);
    assert!(series.chunks.is_sorted_by_key(|c| c.min_time_ms));
    let mut got = Samples::default();
    for c in &series.chunks {
        let before = got.len();
        decode(Encoding::from_number(c.kind as u8).unwrap(), &c.data, &mut got).unwrap();
        assert!(got.len() - before <= remote_read::CHUNK_SAMPLES_MAX);
    }
    assert_eq!((&got.times, bits(&got.values)), (&samples.times, bits(&samples.values)));
    assert_eq!(got.histogram_times, samples.histogram_times);
    for (a, b) in got.histograms.iter().zip(&samples.histograms) {
        assert_eq!((a.sum, &a.counts), (b.sum, &b.counts));
    }
}

#[test]
fn a_long_series_is_cut_into_frames() {
    let labels = Labels::from_pairs([(METRIC_NAME, "m")]).unwrap();
    let n = 300_000;
    let mut state = 1u64;
    let values = (0..n).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        f64::from_bits(state)
    });
    let samples = Samples { times: (0..n).collect(), values: values.collect(), ..Default::default() };
    let mut out = Vec::new();
    series_frames(0, &labels, &samples, &mut out);
    let frames = frames(&out);
    assert!(frames.len() >= 2, "{}", frames.len());
    let mut got = Samples::default();
    for c in frames.iter().flat_map(|f| &f.chunked_series[0].chunks) {
        decode(Encoding::Xor, &c.data, &mut got).unwrap();
    }
    assert_eq!(bits(&got.values), bits(&samples.values));
    assert!(frames.iter().all(|f| pairs(&f.chunked_series[0].labels) == labels));
}

#[test]
fn a_series_without_samples_has_no_frame() {
    let mut out = Vec::new();
    series_frames(0, &Labels::empty(), &Samples::default(), &mut out);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = remote_read::decode(&b);
    }
}
