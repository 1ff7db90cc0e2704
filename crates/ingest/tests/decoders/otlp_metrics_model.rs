//! OTLP metrics, written by another implementation of protocol buffers, against a translation in the plainest words.

use crate::reference::otlp::{
    AnyValue, Buckets, Data, Exponential, Exponentials, Histogram, Histograms, KeyValue, Metric, Number,
    Numbers, Quantile, Request, Resource, ResourceMetrics, ScopeMetrics, Summaries, Summary, Value,
};
use crate::reference::recorder::Recorder;
use ingest::Limits;
use ingest::metrics::{Options, protobuf};
use model::{Counts, Labels};
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeMap;

const START_NS: u64 = 1_795_262_000_000_000_000;

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    proptest::collection::btree_map("[a-c]([._-][a-c])?|le|job|Z", "[a-z]{0,3}", 0..4).prop_map(|all| {
        let of = |(key, value)| KeyValue { key, value: Some(AnyValue { string_value: value }) };
        all.into_iter().map(of).collect()
    })
}

fn time() -> impl Strategy<Value = u64> {
    (1u64..200).prop_map(|s| START_NS + s * 1_000_000_000)
}

fn numbers(monotonic: bool) -> impl Strategy<Value = Numbers> {
    let value = prop_oneof![
        any::<i32>().prop_map(|v| Value::Int(i64::from(v))),
        (-1e3f64..1e3).prop_map(Value::Double)
    ];
    let point = (time(), value, attributes()).prop_map(|(time, value, attributes)| Number {
        start: START_NS,
        time,
        value: Some(value),
        attributes,
    });
    proptest::collection::vec(point, 1..4).prop_map(move |data_points| Numbers {
        data_points,
        temporality: 2,
        is_monotonic: monotonic,
    })
}

fn histograms() -> impl Strategy<Value = Histograms> {
    let counts = proptest::collection::vec(0u64..5, 1..5);
    let point = (time(), counts, proptest::option::of(0f64..9.0), attributes());
    let point = point.prop_map(|(time, counts, sum, attributes)| Histogram {
        start: START_NS,
        time,
        count: counts.iter().sum(),
        sum,
        bounds: (1..counts.len()).map(|i| i as f64 / 4.0).collect(),
        counts,
        attributes,
    });
    proptest::collection::vec(point, 1..3).prop_map(|data_points| Histograms { data_points, temporality: 2 })
}

fn exponentials() -> impl Strategy<Value = Exponentials> {
    let side = || {
        (-40i32..40, proptest::collection::vec(0u64..3, 0..30))
            .prop_map(|(offset, counts)| Buckets { offset, counts })
    };
    let point = (time(), -4i32..13, 0u64..3, side(), side(), attributes());
    let point = point.prop_map(|(time, scale, zero_count, positive, negative, attributes)| Exponential {
        attributes,
        time,
        count: positive.counts.iter().chain(&negative.counts).sum::<u64>() + zero_count,
        scale,
        zero_count,
        positive: Some(positive),
        negative: Some(negative),
    });
    proptest::collection::vec(point, 1..3)
        .prop_map(|data_points| Exponentials { data_points, temporality: 2 })
}

fn summaries() -> impl Strategy<Value = Summaries> {
    let quantiles = proptest::collection::vec(0f64..9.0, 0..3);
    let point =
        (time(), 0u64..9, quantiles, attributes()).prop_map(|(time, count, values, attributes)| Summary {
            time,
            count,
            sum: 2.5,
            quantiles: (values.into_iter().enumerate())
                .map(|(i, value)| Quantile { quantile: i as f64 / 2.0, value })
                .collect(),
            attributes,
        });
    proptest::collection::vec(point, 1..3).prop_map(|data_points| Summaries { data_points })
}

fn request() -> impl Strategy<Value = Request> {
    let data = prop_oneof![
        numbers(false).prop_map(Data::Gauge),
        numbers(false).prop_map(Data::Sum),
        numbers(true).prop_map(Data::Sum),
        histograms().prop_map(Data::Histogram),
        exponentials().prop_map(Data::Exponential),
        summaries().prop_map(Data::Summary),
    ];
    let metric =
        ("[a-z]{1,4}(\\.[a-z]{1,4})?", proptest::sample::select(vec!["", "s", "By", "1", "{x}"]), data);
    let metrics = proptest::collection::vec(metric, 0..5).prop_map(|all| {
        // Each has a name of its own, or two could write one sample.
        let of = |(i, (name, unit, data)): (usize, (String, &str, Data))| Metric {
            name: format!("m{i}.{name}"),
            description: String::new(),
            unit: unit.to_owned(),
            data: Some(data),
        };
        all.into_iter().enumerate().map(of).collect()
    });
    let identity = proptest::option::of("[a-z]{1,3}");
    let resource = (metrics, identity.clone(), identity.clone(), identity).prop_map(
        |(metrics, name, namespace, instance): (Vec<Metric>, _, _, _)| {
            let all =
                [("service.name", name), ("service.namespace", namespace), ("service.instance.id", instance)];
            let of = |(key, value): (&str, Option<String>)| {
                Some(KeyValue { key: key.to_owned(), value: Some(AnyValue { string_value: value? }) })
            };
            ResourceMetrics {
                resource: Some(Resource { attributes: all.into_iter().filter_map(of).collect() }),
                scope_metrics: vec![ScopeMetrics { metrics }],
            }
        },
    );
    proptest::collection::vec(resource, 0..3).prop_map(|resource_metrics| Request { resource_metrics })
}

/// What there is to be: samples by series, and buckets of native histograms by their numbers.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    samples: BTreeMap<String, f64>,
    buckets: BTreeMap<String, BTreeMap<(bool, i64), u64>>,
}

fn name_of(m: &Metric) -> String {
    let mut words: Vec<&str> = m.name.split('.').collect();
    let (gauge, counter) = match &m.data {
        Some(Data::Gauge(_)) => (true, false),
        Some(Data::Sum(s)) => (false, s.is_monotonic),
        _ => (false, false),
    };
    let unit = match m.unit.as_str() {
        "s" => "seconds",
        "By" => "bytes",
        _ => "",
    };
    for (applies, word) in [(!unit.is_empty(), unit), (counter, "total"), (gauge && m.unit == "1", "ratio")] {
        if applies {
            words.retain(|w| *w != word);
            words.push(word);
        }
    }
    words.join("_")
}

impl Expected {
    fn of(request: &Request) -> Expected {
        let mut out = Expected::default();
        for r in &request.resource_metrics {
            let attributes = &r.resource.as_ref().unwrap().attributes;
            let find = |key: &str| {
                let found = attributes.iter().find(|a| a.key == key)?;
                Some(found.value.as_ref().unwrap().string_value.clone())
            };
            let mut given = BTreeMap::new();
            if let Some(name) = find("service.name") {
                let namespace = find("service.namespace").map_or(String::new(), |n| n + "/");
                given.insert("job".to_owned(), namespace + &name);
            }
            if let Some(id) = find("service.instance.id") {
                given.insert("instance".to_owned(), id);
            }
            for m in r.scope_metrics.iter().flat_map(|s| &s.metrics) {
                out.metric(&given, m);
            }
        }
        out
    }

    fn metric(&mut self, given: &BTreeMap<String, String>, m: &Metric) {
        let name = name_of(m);
        let labels = |attributes: &[KeyValue]| {
            let mut all: BTreeMap<String, String> = BTreeMap::new();
            let mut sorted = attributes.to_vec();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            for a in sorted {
                let value = a.value.unwrap().string_value;
                if !value.is_empty() {
                    let there = all.entry(a.key.replace(['.', '-'], "_")).or_default();
                    *there = if there.is_empty() { value } else { format!("{there};{value}") };
                }
            }
            all.extend(given.clone());
            all
        };
        let mut put =
            |of: &BTreeMap<String, String>, suffix: &str, more: Option<(&str, String)>, t: u64, v: f64| {
                let mut all = of.clone();
                all.insert("__name__".to_owned(), format!("{name}{suffix}"));
                if let Some((label, value)) = more {
                    all.insert(label.to_owned(), value);
                }
                let series = Labels::from_pairs(all.iter()).unwrap();
                self.samples.insert(format!("{series}@{}", t / 1_000_000), v);
            };
        match m.data.as_ref().unwrap() {
            Data::Gauge(n) | Data::Sum(n) => {
                for p in &n.data_points {
                    let value = match p.value.unwrap() {
                        Value::Double(v) => v,
                        Value::Int(v) => v as f64,
                    };
                    put(&labels(&p.attributes), "", None, p.time, value);
                }
            }
            Data::Histogram(h) => {
                for p in &h.data_points {
                    let of = labels(&p.attributes);
                    put(&of, "_count", None, p.time, p.count as f64);
                    if let Some(sum) = p.sum {
                        put(&of, "_sum", None, p.time, sum);
                    }
                    for i in 0..p.counts.len() {
                        let below: u64 = p.counts[..=i].iter().sum();
                        let le = p.bounds.get(i).map_or("+Inf".to_owned(), f64::to_string);
                        put(&of, "_bucket", Some(("le", le)), p.time, below as f64);
                    }
                }
            }
            Data::Summary(s) => {
                for p in &s.data_points {
                    let of = labels(&p.attributes);
                    put(&of, "_count", None, p.time, p.count as f64);
                    put(&of, "_sum", None, p.time, p.sum);
                    for q in &p.quantiles {
                        put(&of, "", Some(("quantile", q.quantile.to_string())), p.time, q.value);
                    }
                }
            }
            Data::Exponential(e) => {
                for p in &e.data_points {
                    let mut all = labels(&p.attributes);
                    all.insert("__name__".to_owned(), name.clone());
                    let series = Labels::from_pairs(all.iter()).unwrap();
                    let mut buckets = BTreeMap::new();
                    for (is_positive, side) in [(true, &p.positive), (false, &p.negative)] {
                        let side = side.as_ref().unwrap();
                        for (i, count) in side.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
                            // The number of the bucket that ends where this one ends, or behind it.
                            let upper = i64::from(side.offset) + i as i64 + 1;
                            let of = 1i64 << (p.scale - 8).max(0);
                            *buckets
                                .entry((
                                    is_positive,
                                    upper.div_euclid(of) + i64::from(upper.rem_euclid(of) > 0),
                                ))
                                .or_default() += count;
                        }
                    }
                    self.buckets.insert(format!("{series}@{}", p.time / 1_000_000), buckets);
                }
            }
        }
    }

    /// What was appended.
    fn found(recorder: &Recorder) -> Expected {
        let mut out = Expected::default();
        let mut histograms = recorder.histograms.iter();
        let mut values = recorder.values.iter();
        for line in recorder.lines.iter().filter(|l| !l.starts_with('#')) {
            let line = line.split(" since ").next().unwrap();
            let (series, sample) = line.rsplit_once(' ').unwrap();
            let (value, time) = sample.split_once('@').unwrap();
            let key = format!("{series}@{time}");
            if value != "histogram" {
                out.samples.insert(key, f64::from_bits(*values.next().unwrap()));
                continue;
            }
            let h = histograms.next().unwrap();
            let Counts::Integer { positive, negative, .. } = &h.counts else { panic!("counts are whole") };
            let mut buckets = BTreeMap::new();
            for (is_positive, spans, counts) in
                [(true, &h.positive_spans, positive), (false, &h.negative_spans, negative)]
            {
                let (mut at, mut counts) = (0i64, counts.iter());
                for span in spans {
                    at += i64::from(span.offset);
                    for count in counts.by_ref().take(span.length as usize) {
                        if *count > 0 {
                            buckets.insert((is_positive, at), *count);
                        }
                        at += 1;
                    }
                }
            }
            out.buckets.insert(key, buckets);
        }
        out
    }
}

proptest! {
    #[test]
    fn series_are_those_of_the_plain_translation(request in request()) {
        let mut recorder = Recorder::new();
        let taken =
            protobuf(&request.encode_to_vec(), &Options::default(), &Limits::default(), None, &mut recorder).unwrap();
        prop_assert_eq!(taken.refusal(), None);
        prop_assert_eq!(Expected::found(&recorder), Expected::of(&request));
        // Known series, the same samples.
        let (lines, series) = (std::mem::take(&mut recorder.lines), recorder.labels.len());
        protobuf(&request.encode_to_vec(), &Options::default(), &Limits::default(), None, &mut recorder).unwrap();
        prop_assert_eq!(&recorder.lines, &lines);
        prop_assert_eq!(recorder.labels.len(), series);
    }
}
