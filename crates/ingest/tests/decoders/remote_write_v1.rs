//! Remote write 1.0 against an independent encoder, and the messages a sender gets.

use crate::reference::recorder::Recorder;
use crate::reference::v1::{
    self, Count, Exemplar, Label, MetricMetadata, Sample, TimeSeries, WriteRequest, ZeroCount, labels,
};
use ingest::{
    Limits, Outcome,
    remote_write::{encode::Writer, v1::decode},
};
use model::{Counts, Histogram, Labels, METRIC_NAME, ResetHint, Span};
use proptest::prelude::*;
use prost::Message;

const T: i64 = 1_700_000_000_000;

fn body(series: Vec<TimeSeries>) -> Vec<u8> {
    WriteRequest { timeseries: series, metadata: vec![] }.encode_to_vec()
}

fn one(pairs: &[(&str, &str)]) -> TimeSeries {
    TimeSeries {
        labels: labels(pairs),
        samples: vec![Sample { value: 1.5, timestamp: T }],
        ..Default::default()
    }
}

fn run(body: &[u8]) -> (Recorder, Outcome) {
    let mut r = Recorder::new();
    let o = decode(body, &Limits::default(), &mut r).unwrap();
    (r, o)
}

#[test]
fn a_request_with_everything() {
    let request = WriteRequest {
        timeseries: vec![TimeSeries {
            labels: labels(&[(METRIC_NAME, "a"), ("x", "1")]),
            samples: vec![Sample { value: 0.0, timestamp: T }, Sample { value: -0.5, timestamp: 0 }],
            exemplars: vec![Exemplar { labels: labels(&[("trace_id", "ff")]), value: 2.0, timestamp: T }],
            histograms: vec![reference_histogram()],
        }],
        metadata: vec![MetricMetadata {
            kind: 1,
            metric_family_name: "a".into(),
            help: "Things.".into(),
            unit: "things".into(),
        }],
    };
    let (r, o) = run(&request.encode_to_vec());
    assert_eq!(
        r.text(),
        "a{x=\"1\"} 0@1700000000000\n\
         a{x=\"1\"} -0.5@0\n\
         a{x=\"1\"} exemplar {trace_id=\"ff\"} 2@1700000000000\n\
         a{x=\"1\"} histogram@1700000000001\n\
         # a counter \"Things.\" \"things\""
    );
    assert_eq!((o.samples, o.histograms, o.exemplars, o.metadata, o.rejected), (2, 1, 1, 1, 0));
    assert_eq!(
        r.histograms[0].counts,
        Counts::Integer { count: 12, zero: 2, positive: vec![3, 5], negative: vec![2] }
    );
    assert_eq!(r.histograms[0].reset_hint, ResetHint::No);
    assert_eq!(r.histograms[0].negative_spans, [Span { offset: -1, length: 1 }]);
}

fn reference_histogram() -> v1::Histogram {
    v1::Histogram {
        count: Some(Count::Int(12)),
        sum: 9.5,
        schema: 2,
        zero_threshold: 1e-9,
        zero_count: Some(ZeroCount::Int(2)),
        negative_spans: vec![v1::Span { offset: -1, length: 1 }],
        negative_deltas: vec![2],
        positive_spans: vec![v1::Span { offset: 0, length: 2 }],
        positive_deltas: vec![3, 2],
        reset_hint: 2,
        timestamp: T + 1,
        ..Default::default()
    }
}

#[test]
fn every_bit_of_a_value_arrives() {
    let labels = Labels::from_pairs([(METRIC_NAME, "a")]).unwrap();
    let bits = [0, 1 << 63, model::STALE_NAN_BITS, 0x7ff8_0000_0000_0001, 0xfff4_dead_beef_0001, 1, u64::MAX];
    let mut r = Recorder::new();
    for b in bits {
        let mut w = Writer::new();
        w.series(&labels);
        w.sample(T, f64::from_bits(b));
        decode(&w.finish_raw(), &Limits::default(), &mut r).unwrap();
    }
    assert_eq!(r.values, bits);
}

#[test]
fn known_series_are_found_by_their_bytes() {
    let b = body(vec![one(&[(METRIC_NAME, "a"), ("x", "1")]), one(&[(METRIC_NAME, "b")])]);
    let mut r = Recorder::new();
    for _ in 0..2 {
        let o = decode(&b, &Limits::default(), &mut r).unwrap();
        assert_eq!(o.samples, 2);
    }
    assert_eq!(r.labels.len(), 2);
}

#[test]
fn any_order_of_labels_is_one_series() {
    let (r, o) = run(&body(vec![
        one(&[("x", "1"), (METRIC_NAME, "a"), ("empty", "")]),
        one(&[(METRIC_NAME, "a"), ("x", "1")]),
        one(&[(METRIC_NAME, "a"), ("empty", ""), ("x", "1")]),
    ]));
    assert_eq!((r.labels.len(), o.samples), (1, 3));
}

#[test]
fn other_ways_of_writing_a_series_are_remembered() {
    let sorted = [(METRIC_NAME, "a"), ("x", "1"), ("y", "2")];
    let other = [(METRIC_NAME, "a"), ("y", "2"), ("empty", ""), ("x", "1")];
    let series = vec![one(&other), one(&sorted), one(&other), one(&other)];
    let alias: Vec<u8> = TimeSeries { labels: labels(&other), ..Default::default() }.encode_to_vec();
    let (r, o) = run(&body(series));
    assert_eq!((o.samples, r.labels.len()), (4, 1));
    assert_eq!(r.aliases, [alias]);
}

#[test]
fn fields_in_any_order_and_unknown_fields_are_understood() {
    let label = |n: &str, v: &str| Label { name: n.into(), value: v.into() }.encode_to_vec();
    let sample = Sample { value: 7.0, timestamp: T }.encode_to_vec();
    let mut series = Vec::new();
    let mut field = |tag: u8, bytes: &[u8]| {
        series.push(tag);
        series.push(bytes.len() as u8);
        series.extend_from_slice(bytes);
    };
    field(0x12, &sample);
    field(0x0a, &label("x", "1"));
    field(0x7a, b"unknown");
    // A label whose value comes before its name.
    field(0x0a, &[&[0x12, 1][..], b"a", &[0x0a, 8], METRIC_NAME.as_bytes()].concat());
    let mut b = vec![0x48, 5, 0x0a, series.len() as u8];
    b.extend_from_slice(&series);
    let (r, _) = run(&b);
    assert_eq!(r.text(), "a{x=\"1\"} 7@1700000000000");
}

#[test]
fn a_series_without_samples_is_no_series() {
    let (r, o) = run(&body(vec![TimeSeries { labels: labels(&[(METRIC_NAME, "a")]), ..Default::default() }]));
    assert_eq!((r.labels.len(), o), (0, Outcome::default()));
}

#[test]
fn refusals_name_series_value_limit_and_setting() {
    let long = "v".repeat(4097);
    let many: Vec<(String, String)> = (0..65).map(|i| (format!("l{i:02}"), "1".into())).collect();
    let mut many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    many.insert(0, (METRIC_NAME, "a"));
    for (pairs, want) in [
        (
            vec![(METRIC_NAME, "a"), ("x", "1"), ("x", "2")],
            "series a{x=\"1\", x=\"2\"}: label name \"x\" occurs more than once",
        ),
        (vec![(METRIC_NAME, "a"), ("", "1")], "series a{=\"1\"}: a label name is empty (its value is \"1\")"),
        (vec![("x", "1")], "series {x=\"1\"}: there is no metric name (label __name__)"),
        (vec![], "series {}: there is no metric name (label __name__)"),
        (
            vec![(METRIC_NAME, "a"), ("x", &long)],
            "the length in bytes of label x of series a{x=\"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\
             vvvvvvvvvvvvvvvvvvvvvvvv…\"} is 4097, over the limit of 4096: raise \
             ingest.limits.label_value_bytes_max to allow it",
        ),
        (
            vec![(METRIC_NAME, "a"), (&long[..1025], "1")],
            "the length in bytes of label name \"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\
             vvvvvvvvvvvv…\" is 1025, over the limit of 1024: raise ingest.limits.label_name_bytes_max to allow it",
        ),
        (
            many,
            "the number of labels of series a{l00=\"1\", l01=\"1\", l02=\"1\", l03=\"1\", l04=\"1\", l05=\"1\", \
             l06=\"1\", l07=\"1\", l08=\"1\", l09=\"1\", l10=\"1\", l11=\"1\", …} is 66, over the limit of 64: raise \
             ingest.limits.labels_per_series_max to allow it",
        ),
    ] {
        let (r, o) = run(&body(vec![one(&pairs), one(&[(METRIC_NAME, "good")])]));
        assert_eq!(o.reasons, [want]);
        assert_eq!((o.samples, o.rejected), (1, 1), "{want}");
        assert_eq!(r.text(), "good 1.5@1700000000000");
        assert_eq!(o.refusal().unwrap(), format!("1 of 2 refused: {want}"));
    }
}

#[test]
fn at_the_limits_is_within_them() {
    let (name, value) = ("n".repeat(1024), "v".repeat(4096));
    let mut pairs = vec![(METRIC_NAME.to_owned(), value.clone()), (name, value)];
    pairs.extend((0..62).map(|i| (format!("o{i:02}"), "1".to_owned())));
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let (_, o) = run(&body(vec![one(&pairs)]));
    assert_eq!((o.samples, o.rejected), (1, 0), "{:?}", o.reasons);
}

#[test]
fn only_the_first_reasons_are_kept() {
    let (_, o) = run(&body((0..9).map(|_| one(&[("x", "1")])).collect()));
    assert_eq!((o.rejected, o.reasons.len()), (9, ingest::REASONS_MAX));
    assert!(o.refusal().unwrap().ends_with("; and 4 more"), "{:?}", o.refusal());
}

#[test]
fn labels_that_are_not_utf8_refuse_their_series_only() {
    let good = one(&[(METRIC_NAME, "good")]).encode_to_vec();
    let bad = one(&[(METRIC_NAME, "bad"), ("x", "##")]).encode_to_vec();
    let mut b = Vec::new();
    for mut series in [bad, good] {
        for c in series.iter_mut().filter(|c| **c == b'#') {
            *c = 0xff;
        }
        b.extend([0x0a, series.len() as u8]);
        b.extend(series);
    }
    let (r, o) = run(&b);
    assert_eq!(o.reasons, ["series bad: label \"x\"=\"\u{fffd}\u{fffd}\" is not valid UTF-8"]);
    assert_eq!(r.text(), "good 1.5@1700000000000");
}

#[test]
fn a_sample_the_store_refuses_is_counted() {
    let mut r = Recorder { future_ms: Some(T), ..Recorder::default() };
    let o = decode(&body(vec![one(&[(METRIC_NAME, "a")])]), &Limits::default(), &mut r).unwrap();
    assert_eq!(o.rejected, 1);
    assert!(o.reasons[0].contains("too far in the future"), "{:?}", o.reasons);
}

#[test]
fn malformed_bodies_are_named_with_their_position() {
    let whole = body(vec![one(&[(METRIC_NAME, "a")])]);
    for (bytes, want) in [
        (
            &whole[..whole.len() - 1],
            "remote write 1.0 body: byte 2: a field of 33 bytes begins but only 32 bytes follow",
        ),
        (&[0x0a][..], "remote write 1.0 body: byte 1: the message ends within a number"),
        (&[0x08, 1][..], "remote write 1.0 body: byte 1: field 1 has wire type 0"),
        (&[0x00][..], "remote write 1.0 body: byte 1: field number 0 is not possible"),
        (&[0x0b][..], "remote write 1.0 body: byte 1: field 1 has wire type 3"),
        (
            &[0x0a, 2, 0x0a, 5][..],
            "remote write 1.0 body: byte 4: a field of 5 bytes begins but only 0 bytes follow",
        ),
        (&[0xff; 11][..], "remote write 1.0 body: byte 0: a number is longer than 64 bits"),
    ] {
        let e = decode(bytes, &Limits::default(), &mut Recorder::new()).unwrap_err();
        assert_eq!(e.to_string(), want);
    }
}

#[test]
fn histograms_that_lie_are_refused() {
    let h = reference_histogram;
    for (histogram, want) in [
        (
            v1::Histogram { positive_deltas: vec![3, -4], ..h() },
            "series a: histogram positive bucket 1 has no valid count (3 plus -4)",
        ),
        (
            v1::Histogram { positive_deltas: vec![i64::MAX, 1], ..h() },
            "series a: histogram positive bucket 1 has no valid count (9223372036854775807 plus 1)",
        ),
        (
            v1::Histogram { positive_deltas: vec![3], ..h() },
            "series a: histogram positive spans describe 2 buckets but 1 counts are given",
        ),
        (
            v1::Histogram { schema: 9, ..h() },
            "series a: histogram schema 9 is not supported: -4 to 8 (exponential) or -53 (custom buckets)",
        ),
        (
            v1::Histogram { schema: 300, ..h() },
            "series a: histogram schema 300 is not supported: -4 to 8 (exponential) or -53 (custom buckets)",
        ),
        (
            v1::Histogram { count: Some(Count::Int(13)), ..h() },
            "series a: histogram buckets hold 12 observations but the count is 13",
        ),
        (
            v1::Histogram {
                positive_deltas: vec![0; 4097],
                positive_spans: vec![v1::Span { offset: 0, length: 4097 }],
                ..h()
            },
            "the number of buckets of a histogram of series a is 4098, over the limit of 4096: raise \
             ingest.limits.histogram_buckets_max to allow it",
        ),
    ] {
        let series = TimeSeries {
            labels: labels(&[(METRIC_NAME, "a")]),
            histograms: vec![histogram],
            ..Default::default()
        };
        let (_, o) = run(&body(vec![series]));
        assert_eq!((o.histograms, o.rejected), (0, 1));
        assert_eq!(o.reasons, [want]);
    }
}

fn any_histogram() -> impl Strategy<Value = Histogram> {
    let side = proptest::collection::vec(0u64..1 << 40, 0..6);
    (any::<bool>(), -4i8..=8, side.clone(), side, 0u64..9, any::<u64>(), 0u8..4).prop_map(
        |(float, schema, positive, negative, zero, sum, hint)| {
            let span = |n: usize| match n {
                0 => vec![],
                n => vec![Span { offset: -3, length: 1 }, Span { offset: 2, length: n as u32 - 1 }],
            };
            let count = zero + positive.iter().chain(&negative).sum::<u64>();
            let floats = |v: &[u64]| v.iter().map(|c| *c as f64 / 3.0).collect();
            Histogram {
                reset_hint: [ResetHint::Unknown, ResetHint::Yes, ResetHint::No, ResetHint::Gauge]
                    [hint as usize],
                schema,
                zero_threshold: 0.001,
                sum: f64::from_bits(sum),
                positive_spans: span(positive.len()),
                negative_spans: span(negative.len()),
                custom_bounds: vec![],
                counts: if float {
                    Counts::Float {
                        count: count as f64,
                        zero: zero as f64,
                        positive: floats(&positive),
                        negative: floats(&negative),
                    }
                } else {
                    Counts::Integer { count, zero, positive, negative }
                },
            }
        },
    )
}

fn any_labels() -> impl Strategy<Value = Labels> {
    let pairs = proptest::collection::btree_map("[a-z]{1,9}", "\\PC{1,200}", 0..6);
    (pairs, "[a-z_:]{1,20}").prop_map(|(mut pairs, name)| {
        pairs.insert(METRIC_NAME.into(), name);
        Labels::from_pairs(pairs).unwrap()
    })
}

proptest! {
    /// What the writer writes, both decoders read: ours, and the independent one.
    #[test]
    fn written_bodies_decode(
        series in proptest::collection::vec(
            (any_labels(), proptest::collection::vec((any::<i64>(), any::<u64>()), 1..4), any_histogram()), 0..6)
    ) {
        let mut w = Writer::new();
        let mut want = Vec::new();
        for (labels, samples, histogram) in &series {
            w.series(labels);
            for (t, bits) in samples {
                w.sample(*t, f64::from_bits(*bits));
                want.push(*bits);
            }
            w.histogram(5, histogram);
        }
        let raw = w.finish_raw();
        let mut r = Recorder::new();
        let o = decode(&raw, &Limits::default(), &mut r).unwrap();
        prop_assert_eq!(o.rejected, 0, "{:?}", o.reasons);
        prop_assert_eq!(&r.values, &want);
        let bits = |h: &Histogram| (h.sum.to_bits(), Histogram { sum: 0.0, ..h.clone() });
        prop_assert_eq!(
            r.histograms.iter().map(bits).collect::<Vec<_>>(),
            series.iter().map(|(_, _, h)| bits(h)).collect::<Vec<_>>()
        );
        let read = WriteRequest::decode(&raw[..]).unwrap();
        prop_assert_eq!(read.timeseries.len(), series.len());
        for (ts, (labels, samples, _)) in read.timeseries.iter().zip(&series) {
            prop_assert_eq!(
                ts.labels.iter().map(|l| (l.name.as_str(), l.value.as_str())).collect::<Vec<_>>(),
                labels.iter().collect::<Vec<_>>()
            );
            prop_assert_eq!(
                ts.samples.iter().map(|s| (s.timestamp, s.value.to_bits())).collect::<Vec<_>>(),
                samples.clone()
            );
        }
    }

    /// What the independent encoder writes, the decoder reads, also a second time by way of the known series.
    #[test]
    fn reference_bodies_decode(
        series in proptest::collection::vec((any_labels(), any::<u64>(), prop_oneof![any::<i64>(), 0..2 * T]), 0..8)
    ) {
        let b = body(series.iter().map(|(l, bits, t)| TimeSeries {
            labels: l.iter().map(|(n, v)| Label { name: n.into(), value: v.into() }).collect(),
            samples: vec![Sample { value: f64::from_bits(*bits), timestamp: *t }],
            ..Default::default()
        }).collect());
        let mut r = Recorder::new();
        for round in 0..2 {
            r.lines.clear();
            r.values.clear();
            decode(&b, &Limits::default(), &mut r).unwrap();
            let want: Vec<u64> = series.iter().map(|s| s.1).collect();
            prop_assert_eq!(&r.values, &want, "round {}", round);
            for (line, (labels, bits, t)) in r.lines.iter().zip(&series) {
                prop_assert_eq!(line, &format!("{labels} {}@{t}", f64::from_bits(*bits)));
            }
        }
    }

    #[test]
    fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&b, &Limits::default(), &mut Recorder::new());
    }
}
