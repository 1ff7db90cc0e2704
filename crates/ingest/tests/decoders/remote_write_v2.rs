//! Remote write 2.0 against an independent encoder, and the messages a sender gets.

use crate::reference::recorder::Recorder;
use crate::reference::v1::{self, Count, labels};
use crate::reference::v2::{Builder, Exemplar, Metadata, Request, Sample, TimeSeries};
use ingest::{DecodeError, Limits, Outcome, remote_write::v2::decode};
use model::{Labels, METRIC_NAME};
use proptest::prelude::*;
use prost::Message;

const T: i64 = 1_700_000_000_000;

fn run(request: &Request) -> Result<(Recorder, Outcome), DecodeError> {
    let mut r = Recorder::new();
    let o = decode(&request.encode_to_vec(), &Limits::default(), &mut r)?;
    Ok((r, o))
}

fn sample(value: f64) -> Vec<Sample> {
    vec![Sample { value, timestamp: T, start_timestamp: 0 }]
}

#[test]
fn a_request_with_everything() {
    let mut b = Builder::new();
    let labels_refs = b.refs(&labels(&[(METRIC_NAME, "lat_bucket"), ("le", "1.0")]));
    let trace = b.refs(&labels(&[("trace_id", "ff")]));
    let (help_ref, unit_ref) = (b.symbol("How long."), b.symbol("seconds"));
    let native = b.refs(&labels(&[(METRIC_NAME, "lat")]));
    b.request.timeseries = vec![
        TimeSeries {
            labels_refs: labels_refs.clone(),
            samples: vec![
                Sample { value: 1.0, timestamp: T, start_timestamp: 5 },
                Sample { value: 2.0, timestamp: T + 1, start_timestamp: 0 },
            ],
            exemplars: vec![
                Exemplar { labels_refs: trace.clone(), value: 0.5, timestamp: 0 },
                Exemplar { labels_refs: trace, value: 0.25, timestamp: T },
            ],
            metadata: Some(Metadata { kind: 3, help_ref, unit_ref }),
            created_timestamp: 7,
            ..Default::default()
        },
        TimeSeries {
            labels_refs: native,
            histograms: vec![v1::Histogram {
                count: Some(Count::Float(2.5)),
                positive_spans: vec![v1::Span { offset: 0, length: 1 }],
                positive_counts: vec![2.5],
                timestamp: T,
                start_timestamp: 9,
                ..Default::default()
            }],
            metadata: Some(Metadata { kind: 3, help_ref, unit_ref }),
            ..Default::default()
        },
    ];
    let (r, o) = run(&b.request).unwrap();
    assert_eq!(
        r.text(),
        "lat_bucket{le=\"1.0\"} 1@1700000000000 since 5\n\
         lat_bucket{le=\"1.0\"} 2@1700000000001 since 7\n\
         lat_bucket{le=\"1.0\"} exemplar {trace_id=\"ff\"} 0.5@1700000000001\n\
         lat_bucket{le=\"1.0\"} exemplar {trace_id=\"ff\"} 0.25@1700000000000\n\
         # lat histogram \"How long.\" \"seconds\"\n\
         lat histogram@1700000000000 since 9\n\
         # lat histogram \"How long.\" \"seconds\""
    );
    assert_eq!((o.samples, o.histograms, o.exemplars, o.rejected), (2, 1, 2, 0), "{:?}", o.reasons);
}

#[test]
fn metadata_repeated_by_every_series_is_handed_on_once() {
    let mut b = Builder::new();
    let help_ref = b.symbol("Help.");
    for i in 0..50 {
        let labels_refs = b.refs(&labels(&[(METRIC_NAME, "m"), ("i", &i.to_string())]));
        let metadata = Some(Metadata { kind: 2, help_ref, unit_ref: 0 });
        b.request.timeseries.push(TimeSeries {
            labels_refs,
            samples: sample(1.0),
            metadata,
            ..Default::default()
        });
    }
    assert_eq!(run(&b.request).unwrap().1.metadata, 1);
}

#[test]
fn refusals_keep_the_rest() {
    let mut b = Builder::new();
    let good = b.refs(&labels(&[(METRIC_NAME, "good")]));
    let unsorted = b.refs(&labels(&[("z", "1"), (METRIC_NAME, "unsorted"), ("a", "")]));
    let nameless = b.refs(&labels(&[("x", "1")]));
    let twice = b.refs(&labels(&[(METRIC_NAME, "a"), ("x", "1"), ("x", "2")]));
    let series = |labels_refs: &[u32]| TimeSeries {
        labels_refs: labels_refs.to_vec(),
        samples: sample(1.0),
        ..Default::default()
    };
    let symbols = b.request.symbols.len();
    for (bad, want) in [
        (series(&nameless), "series {x=\"1\"}: there is no metric name (label __name__)".to_owned()),
        (series(&twice), "series a{x=\"1\", x=\"2\"}: label name \"x\" occurs more than once".to_owned()),
        (
            series(&[good[0], good[1], 99, 1]),
            format!("series good: a reference is 99 but there are only {symbols} symbols"),
        ),
        (series(&good[..1]), "series {}: labels_refs has 1 entries; they must come in pairs".to_owned()),
        (series(&[]), "series {}: there is no metric name (label __name__)".to_owned()),
        (
            TimeSeries { labels_refs: good.clone(), ..Default::default() },
            "series good: a series must have samples or histograms".to_owned(),
        ),
        (series(&good.repeat(66)), "the number of labels of series good{…} is 66".to_owned()),
    ] {
        b.request.timeseries = vec![bad, series(&good), series(&unsorted)];
        let (r, o) = run(&b.request).unwrap();
        assert_eq!(r.text(), "good 1@1700000000000\nunsorted{z=\"1\"} 1@1700000000000");
        assert_eq!((o.rejected, o.samples), (1, 2));
        assert!(o.reasons[0].starts_with(&want), "{:?} / {want}", o.reasons);
    }
}

#[test]
fn an_exemplar_with_bad_references_is_refused_alone() {
    let mut b = Builder::new();
    let labels_refs = b.refs(&labels(&[(METRIC_NAME, "a")]));
    let exemplars = vec![Exemplar { labels_refs: vec![1, 77], value: 1.0, timestamp: 0 }];
    b.request.timeseries =
        vec![TimeSeries { labels_refs, samples: sample(1.0), exemplars, ..Default::default() }];
    let (_, o) = run(&b.request).unwrap();
    assert_eq!((o.samples, o.exemplars, o.exemplars_rejected, o.rejected), (1, 0, 1, 0));
    assert_eq!(o.reasons, ["exemplar: a reference is 77 but there are only 3 symbols"]);
}

#[test]
fn a_bad_symbol_table_refuses_the_request() {
    let request = Request { symbols: vec!["x".into()], timeseries: vec![] };
    assert_eq!(
        run(&request).err().unwrap().to_string(),
        "remote write 2.0 body: byte 0: the first symbol is \"x\"; it must be the empty string"
    );
    let tiny = [0x22, 0].repeat((1 << 20) + 1);
    let e = decode(&tiny, &Limits::default(), &mut Recorder::new()).unwrap_err().to_string();
    assert!(e.ends_with("there are more than 1048576 symbols; send smaller requests"), "{e}");
}

#[test]
fn the_other_version_is_recognised() {
    let old = v1::WriteRequest {
        timeseries: vec![v1::TimeSeries {
            labels: labels(&[(METRIC_NAME, "a")]),
            samples: vec![v1::Sample { value: 1.0, timestamp: T }],
            ..Default::default()
        }],
        metadata: vec![],
    };
    let e = decode(&old.encode_to_vec(), &Limits::default(), &mut Recorder::new()).unwrap_err().to_string();
    assert!(e.contains("looks like a 1.0 message"), "{e}");
    let new = Request { symbols: vec![String::new()], timeseries: vec![] }.encode_to_vec();
    let e = ingest::remote_write::v1::decode(&new, &Limits::default(), &mut Recorder::new())
        .unwrap_err()
        .to_string();
    assert!(e.contains("looks like a 2.0 message"), "{e}");
}

proptest! {
    #[test]
    fn reference_bodies_decode(
        series in proptest::collection::vec(
            (proptest::collection::btree_map("[a-z]{1,5}", "\\PC{0,20}", 0..6), any::<u64>(), any::<i64>(), any::<i64>()), 0..12)
    ) {
        let mut b = Builder::new();
        let mut want = Vec::new();
        for (pairs, bits, t, start) in &series {
            let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            pairs.push((METRIC_NAME, "m"));
            let labels_refs = b.refs(&labels(&pairs));
            let v = f64::from_bits(*bits);
            b.request.timeseries.push(TimeSeries {
                labels_refs,
                samples: vec![Sample { value: v, timestamp: *t, start_timestamp: *start }],
                ..Default::default()
            });
            let since = if *start == 0 { String::new() } else { format!(" since {start}") };
            want.push(format!("{} {v}@{t}{since}", Labels::from_pairs(pairs).unwrap()));
        }
        let body = b.request.encode_to_vec();
        let mut r = Recorder::new();
        for _ in 0..2 {
            r.lines.clear();
            let o = decode(&body, &Limits::default(), &mut r).unwrap();
            prop_assert_eq!(o.rejected, 0);
            prop_assert_eq!(&r.lines, &want);
        }
    }

    #[test]
    fn foreign_bytes_never_panic(b in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&b, &Limits::default(), &mut Recorder::new());
    }
}
