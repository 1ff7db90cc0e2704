//! What senders of OTLP metrics send.

use super::receive::field;
use crate::recorder::Recorder;
use ingest::metrics::{Options, Promotion, Sparse, Taken, Total, Totals, Translation, json, protobuf};
use ingest::{DecodeError, Limits};
use model::{Limit, SeriesRef};
use std::collections::HashMap;

/// Totals without a store behind them.
#[derive(Default)]
struct Remembered {
    numbers: HashMap<SeriesRef, Total<f64>>,
    histograms: HashMap<SeriesRef, Total<Option<Sparse>>>,
}

impl Totals for Remembered {
    fn number(&mut self, series: SeriesRef) -> Result<&mut Total<f64>, Limit> {
        Ok(self.numbers.entry(series).or_default())
    }

    fn histogram(&mut self, series: SeriesRef) -> Result<&mut Total<Option<Sparse>>, Limit> {
        Ok(self.histograms.entry(series).or_default())
    }
}

type Decode =
    fn(&[u8], &Options, &Limits, Option<&mut dyn Totals>, &mut Recorder) -> Result<Taken, DecodeError>;

/// Every series must be well formed, what was counted must have been appended, and what is sent again must be refused
/// or kept as before.
fn run(data: &[u8], decode: Decode) {
    let limits = Limits::default();
    let all = Options {
        translation: Translation::NoTranslation,
        promotion: Promotion::AllBut(Vec::new()),
        keep_identifying: true,
        custom_buckets: true,
        promote_scope: true,
        ..Options::default()
    };
    for options in [Options::default(), all] {
        let (mut totals, mut recorder) = (Remembered::default(), Recorder::default());
        let Ok(taken) = decode(data, &options, &limits, Some(&mut totals), &mut recorder) else { return };
        let of = &taken.outcome;
        let counted = of.samples + of.histograms + of.exemplars + of.metadata;
        assert_eq!(counted, recorder.calls.len() as u64);
        let series = recorder.series.len();
        let again = decode(data, &options, &limits, Some(&mut totals), &mut recorder);
        let again = again.expect("what decodes once decodes twice");
        assert_eq!(recorder.series.len(), series, "all series are known the second time");
        // Only deltas may be refused the second time, because they come too late.
        assert_eq!(again.points + again.outcome.rejected, taken.points + of.rejected);
    }
}

pub fn otlp_protobuf(data: &[u8]) {
    run(data, protobuf);
}

pub fn otlp_json(data: &[u8]) {
    run(data, json);
}

fn made(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    fields.iter().for_each(|(n, bytes)| field(&mut out, *n, bytes));
    out
}

/// A field of eight bytes.
fn fixed(out: &mut Vec<u8>, number: u8, bytes: [u8; 8]) {
    out.push(number << 3 | 1);
    out.extend_from_slice(&bytes);
}

const TIME_NS: u64 = 1_795_262_400_000_000_000;

pub fn otlp_protobuf_seeds() -> Vec<Vec<u8>> {
    let attribute = |name: &[u8]| made(&[(1, name), (2, &made(&[(1, b"shop")]))]);
    let mut exemplar = made(&[(4, &[1; 8]), (5, &[2; 16]), (7, &attribute(b"user"))]);
    fixed(&mut exemplar, 3, 0.5f64.to_le_bytes());
    let timed = |more: Vec<u8>| {
        let mut point = more;
        fixed(&mut point, 2, (TIME_NS - 1_000_000_000).to_le_bytes());
        fixed(&mut point, 3, TIME_NS.to_le_bytes());
        point
    };
    let mut number = timed(made(&[(7, &attribute(b"a.b")), (5, &exemplar)]));
    fixed(&mut number, 4, 1.5f64.to_le_bytes());
    let (bound, counts) = (1.5f64.to_le_bytes(), [1u64.to_le_bytes(), 2u64.to_le_bytes()].concat());
    let mut histogram = timed(made(&[(9, &attribute(b"k")), (6, &counts), (7, &bound), (8, &exemplar)]));
    fixed(&mut histogram, 4, 3u64.to_le_bytes());
    fixed(&mut histogram, 5, 3.5f64.to_le_bytes());
    let mut exponential = timed(made(&[(1, &attribute(b"k")), (8, &[8, 3, 18, 3, 1, 0, 2])]));
    fixed(&mut exponential, 4, 3u64.to_le_bytes());
    exponential.extend_from_slice(&[6 << 3, 20]);
    let mut quantile = Vec::new();
    fixed(&mut quantile, 1, 0.5f64.to_le_bytes());
    fixed(&mut quantile, 2, 7f64.to_le_bytes());
    let summary = timed(made(&[(7, &attribute(b"k")), (6, &quantile)]));
    let metric = |kind: u8, point: &[u8], temporality: u8| {
        let mut data = made(&[(1, point), (1, point)]);
        data.extend_from_slice(&[16, temporality, 24, 1]);
        made(&[(1, b"http.requests"), (2, b"help"), (3, b"s"), (kind, &data)])
    };
    let scope = made(&[(1, b"lib"), (2, b"1"), (3, &attribute(b"team"))]);
    let mut metrics = vec![(1, scope)];
    for temporality in [1, 2] {
        for (kind, point) in [(7, &number), (9, &histogram), (10, &exponential)] {
            metrics.push((2, metric(kind, point, temporality)));
        }
    }
    metrics.extend([(2, metric(5, &number, 0)), (2, metric(11, &summary, 0)), (3, b"https://s/1".to_vec())]);
    let metrics: Vec<(u8, &[u8])> = metrics.iter().map(|(n, m)| (*n, &m[..])).collect();
    let resource = made(&[
        (1, &attribute(b"service.name")),
        (1, &attribute(b"service.instance.id")),
        (1, &attribute(b"host.name")),
    ]);
    let of_resource = made(&[(1, &resource), (2, &made(&metrics))]);
    vec![made(&[(1, &of_resource), (1, &of_resource)])]
}

pub fn otlp_json_seeds() -> Vec<Vec<u8>> {
    vec![
        br#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}},{"key":"host.name","value":{"stringValue":"h"}}]},"scopeMetrics":[{"scope":{"name":"s","version":"1"},"metrics":[{"name":"g.x","unit":"By","gauge":{"dataPoints":[{"timeUnixNano":"1795262400000000000","asInt":"-3","attributes":[{"key":"a.b","value":{"doubleValue":0.5}}]}]}},{"name":"s","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"startTimeUnixNano":"1795262300000000000","timeUnixNano":"1795262400000000000","asDouble":2,"exemplars":[{"asDouble":1,"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}]}]}},{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1795262400000000000","count":"3","sum":1,"bucketCounts":["1",2],"explicitBounds":[1]}]}},{"name":"e","exponentialHistogram":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","dataPoints":[{"timeUnixNano":"1795262400000000000","count":3,"scale":9,"zeroCount":1,"positive":{"offset":-2,"bucketCounts":[1,0,1]}}]}},{"name":"q","summary":{"dataPoints":[{"timeUnixNano":"1795262400000000000","flags":1,"quantileValues":[{"quantile":0.5,"value":1}]}]}}]}]}]}"#.to_vec(),
    ]
}
