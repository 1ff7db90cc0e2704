//! The protobuf exposition against an independent encoder.

use crate::reference::client::*;
use crate::reference::recorder::Recorder;
use crate::reference::v1::{Span, labels};
use ingest::exposition::{Entry, Format, Parser, PushOptions, push};
use ingest::{DecodeError, Limits, Outcome};
use model::{Counts, ResetHint};
use proptest::prelude::*;
use prost::Message;

fn body(families: &[MetricFamily]) -> Vec<u8> {
    families.iter().flat_map(|f| f.encode_length_delimited_to_vec()).collect()
}

fn run(body: &[u8]) -> Result<(Recorder, Outcome), DecodeError> {
    let mut r = Recorder::new();
    let options = PushOptions { default_time_ms: 1000, labels: vec![] };
    let o = push(body, Format::Protobuf, &options, &Limits::default(), &mut r)?;
    Ok((r, o))
}

fn family(name: &str, kind: i32, metric: Metric) -> MetricFamily {
    MetricFamily { name: name.into(), kind, metric: vec![metric], ..Default::default() }
}

fn exemplar(value: f64, seconds: i64) -> Exemplar {
    let timestamp = (seconds > 0).then_some(Timestamp { seconds, nanos: 5_000_000 });
    Exemplar { label: labels(&[("id", "7")]), value, timestamp }
}

fn native() -> Histogram {
    Histogram {
        sample_count: 6,
        sample_sum: 3.5,
        schema: 1,
        zero_threshold: 0.001,
        zero_count: 1,
        positive_span: vec![Span { offset: -2, length: 2 }],
        positive_delta: vec![2, 1],
        bucket: vec![Bucket {
            cumulative_count: 4,
            upper_bound: 1.0,
            exemplar: Some(exemplar(0.5, 3)),
            ..Default::default()
        }],
        start: Some(Timestamp { seconds: 2, nanos: 1_000_000 }),
        ..Default::default()
    }
}

#[test]
fn every_type_is_read() {
    let families = [
        MetricFamily {
            help: "Requests.".into(),
            unit: "requests".into(),
            ..family(
                "req_total",
                0,
                Metric {
                    label: labels(&[("code", "200")]),
                    counter: Some(Counter {
                        value: 5.0,
                        exemplar: Some(exemplar(1.0, 0)),
                        start: Some(Timestamp { seconds: 1, nanos: 0 }),
                    }),
                    timestamp_ms: 77,
                    ..Default::default()
                },
            )
        },
        family("temp", 1, Metric { gauge: Some(Value { value: -1.5 }), ..Default::default() }),
        family("free", 3, Metric { untyped: Some(Value { value: 9.0 }), ..Default::default() }),
        family(
            "sum",
            2,
            Metric {
                summary: Some(Summary {
                    sample_count: 3,
                    sample_sum: 4.5,
                    quantile: vec![Quantile { quantile: 0.5, value: 1.0 }],
                    start: None,
                }),
                ..Default::default()
            },
        ),
        family(
            "classic",
            4,
            Metric {
                histogram: Some(Histogram {
                    sample_count: 6,
                    sample_sum: 3.5,
                    bucket: vec![Bucket { cumulative_count: 4, upper_bound: 1.0, ..Default::default() }],
                    ..Default::default()
                }),
                ..Default::default()
            },
        ),
        family("native", 4, Metric { histogram: Some(native()), ..Default::default() }),
    ];
    let (r, o) = run(&body(&families)).unwrap();
    assert_eq!(
        r.text(),
        r#"req_total{code="200"} 5@77 since 1000
req_total{code="200"} exemplar {id="7"} 1@77
temp -1.5@1000
free 9@1000
sum_count 3@1000
sum_sum 4.5@1000
sum{quantile="0.5"} 1@1000
classic_count 6@1000
classic_sum 3.5@1000
classic_bucket{le="1.0"} 4@1000
classic_bucket{le="+Inf"} 6@1000
native histogram@1000 since 2001
native exemplar {id="7"} 0.5@3005
# classic histogram "" ""
# free unknown "" ""
# native histogram "" ""
# req_total counter "Requests." "requests"
# sum summary "" ""
# temp gauge "" """#
    );
    assert_eq!((o.samples, o.histograms, o.exemplars, o.rejected), (10, 1, 2, 0), "{:?}", o.reasons);
    let h = &r.histograms[0];
    assert_eq!(h.counts, Counts::Integer { count: 6, zero: 1, positive: vec![2, 3], negative: vec![] });
    assert_eq!(h.reset_hint, ResetHint::Unknown);
}

#[test]
fn gauge_and_float_histograms() {
    let float = Histogram {
        sample_count_float: 2.5,
        positive_span: vec![Span { offset: 0, length: 1 }],
        positive_count: vec![2.5],
        ..Default::default()
    };
    let (r, _) =
        run(&body(&[family("g", 5, Metric { histogram: Some(float), ..Default::default() })])).unwrap();
    assert_eq!(r.histograms[0].reset_hint, ResetHint::Gauge);
    assert_eq!(
        r.histograms[0].counts,
        Counts::Float { count: 2.5, zero: 0.0, positive: vec![2.5], negative: vec![] }
    );
}

#[test]
fn classic_series_come_beside_native_ones_when_asked_for() {
    let b = body(&[family("h", 4, Metric { histogram: Some(native()), ..Default::default() })]);
    let limits = Limits::default();
    let mut p = Parser::new(&b, Format::Protobuf, true, &limits);
    let mut seen = Vec::new();
    while let Some(e) = p.next().unwrap() {
        match e {
            Entry::Sample(s) => seen.push(s.series.labels(&limits).unwrap().to_string()),
            Entry::Histogram(h) => seen.push(format!("native {}", h.series.labels(&limits).unwrap())),
            _ => {}
        }
    }
    assert_eq!(seen, ["h_count", "h_sum", "h_bucket{le=\"1.0\"}", "h_bucket{le=\"+Inf\"}", "native h"]);
}

#[test]
fn what_is_wrong_is_named() {
    let bad = Histogram { positive_delta: vec![2, -5], ..native() };
    let good = family("ok", 1, Metric { gauge: Some(Value { value: 1.0 }), ..Default::default() });
    let (r, o) =
        run(&body(&[family("h", 4, Metric { histogram: Some(bad), ..Default::default() }), good])).unwrap();
    assert_eq!(o.reasons, ["series h{}: histogram positive bucket 1 has no valid count (2 plus -5)"]);
    assert!(r.text().starts_with("ok 1@1000"));

    let many = Histogram { bucket: vec![Bucket::default(); 4097], ..Default::default() };
    let (_, o) =
        run(&body(&[family("h", 4, Metric { histogram: Some(many), ..Default::default() })])).unwrap();
    assert!(
        o.reasons[0].ends_with("raise ingest.limits.histogram_buckets_max to allow it"),
        "{:?}",
        o.reasons
    );

    for (bytes, want) in [
        (&b"\x05ab"[..], "protobuf exposition: byte 1: a field of 5 bytes begins but only 2 bytes follow"),
        (&b"\x02\x12\x00"[..], "protobuf exposition: byte 1: a metric family has no name"),
        (&b"\x03\x0a\x01\xff"[..], "protobuf exposition: byte 3: a string is not valid UTF-8"),
    ] {
        assert_eq!(run(bytes).err().unwrap().to_string(), want);
    }
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = run(&b);
    }
}

/// What the writer writes, the parser reads, and it is what an independent decoder finds.
#[test]
fn written_families_are_read_again() {
    use ingest::exposition::encode::FamilyWriter;
    let integer = model::Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 2,
        zero_threshold: 1e-9,
        sum: 9.5,
        positive_spans: vec![model::Span { offset: -3, length: 2 }, model::Span { offset: 1, length: 1 }],
        negative_spans: vec![model::Span { offset: 0, length: 1 }],
        custom_bounds: vec![],
        counts: Counts::Integer { count: 12, zero: 2, positive: vec![3, 5, 1], negative: vec![1] },
    };
    let float = model::Histogram {
        reset_hint: ResetHint::Gauge,
        counts: Counts::Float { count: 4.5, zero: 0.5, positive: vec![1.0, 2.0, 0.25], negative: vec![0.75] },
        ..integer.clone()
    };
    let empty = model::Histogram {
        zero_threshold: 0.0,
        sum: 0.0,
        positive_spans: vec![],
        negative_spans: vec![],
        counts: Counts::Integer { count: 0, zero: 0, positive: vec![], negative: vec![] },
        ..integer.clone()
    };
    let custom = model::Histogram {
        schema: model::Histogram::CUSTOM_SCHEMA,
        zero_threshold: 0.0,
        positive_spans: vec![model::Span { offset: 0, length: 1 }, model::Span { offset: 1, length: 1 }],
        negative_spans: vec![],
        custom_bounds: vec![0.5, 1.0],
        counts: Counts::Integer { count: 7, zero: 0, positive: vec![3, 4], negative: vec![] },
        ..integer.clone()
    };
    let pairs = || [("a", "1"), ("b", "é")].into_iter();
    let mut w = FamilyWriter::new();
    w.floats("up", Some(model::MetricKind::Gauge));
    w.float(pairs(), 5, -0.0);
    w.float([].into_iter(), -6, f64::INFINITY);
    w.floats("odd", None);
    w.float(pairs(), 7, 0.0);
    w.histograms("h", false);
    w.histogram(pairs(), 8, &integer);
    w.histogram([].into_iter(), 8, &empty);
    w.histograms("g", true);
    w.histogram(pairs(), 9, &float);
    w.histograms("c", false);
    w.histogram([].into_iter(), 10, &custom);
    let bytes = w.finish();

    let (r, o) = run(&bytes).unwrap();
    assert_eq!(o.rejected, 0, "{:?}", o.reasons);
    let text = r.text();
    for line in [
        "up{a=\"1\", b=\"é\"} -0@5",
        "up inf@-6",
        "odd{a=\"1\", b=\"é\"} 0@7",
        "c_bucket{le=\"0.5\"} 3@10",
        "c_bucket{le=\"1.0\"} 3@10",
        "c_bucket{le=\"+Inf\"} 7@10",
        "c_count 7@10",
        "c_sum 9.5@10",
    ] {
        assert!(text.lines().any(|l| l.eq_ignore_ascii_case(line)), "{line} is not in\n{text}");
    }
    assert_eq!(r.histograms.len(), 3);
    assert_eq!(r.histograms[0], integer);
    assert_eq!((&r.histograms[1].counts, r.histograms[1].schema), (&empty.counts, 2));
    assert_eq!(r.histograms[2], float);
    let mut rest = &bytes[..];
    let families: Vec<(String, i32)> = std::iter::from_fn(|| {
        (!rest.is_empty()).then(|| MetricFamily::decode_length_delimited(&mut rest).unwrap())
    })
    .map(|f| (f.name, f.kind))
    .collect();
    let names: Vec<(&str, i32)> = families.iter().map(|(n, k)| (n.as_str(), *k)).collect();
    assert_eq!(names, [("up", 1), ("odd", 3), ("h", 4), ("g", 5), ("c", 4)]);
}
