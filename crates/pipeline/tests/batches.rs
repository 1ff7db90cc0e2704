//! Whole batches: what is selected, kept, counted, and what every stage must leave alone.

use model::Labels;
use model::record::{AttributesBuf, Delivery, Record, RecordBatch, SenderId, Severity, Tenant, Value};
use pipeline::{DerivedValue, PipelineConfig, Pipelines};
use proptest::prelude::*;

fn pipelines(yaml: &str) -> Result<Pipelines, pipeline::PipelineError> {
    let configs: Vec<PipelineConfig> = serde_saphyr::from_str(yaml).unwrap();
    Pipelines::new(&configs)
}

fn batch(lines: &[(&str, &str)]) -> RecordBatch {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let mut attributes = AttributesBuf::new();
    attributes.push("n", Value::Int(1));
    for (service, line) in lines {
        let stream = batch.stream(Labels::from_pairs([("service.name", *service)]).unwrap());
        batch.push(stream, &Record { attributes: attributes.as_attributes(), ..Record::line(5, line) });
    }
    batch
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let line = |r: model::record::RecordRef<'_>| {
        format!("{} {} {:?}", batch.labels(r.stream), r.record.body.as_str().unwrap(), r.record.attributes)
    };
    batch.iter().map(line).collect()
}

/// Applies, and counts as if all were kept.
fn apply(p: &Pipelines, batch: RecordBatch) -> RecordBatch {
    let applied = p.apply(batch, 1_795_262_400_000_000_000);
    p.count(&applied.tally);
    applied.batch
}

#[test]
fn the_first_pipeline_that_selects_a_stream_has_it() {
    let p = pipelines(
        r#"
- name: a
  match: {service.name: '=~a|b', other: '!=x'}
  stages: [{set: {by: a}}]
- name: b
  match: {service.name: b}
  stages: [{set: {by: b}}]
- name: rest
  match: {service.name: '!~c.*'}
  stages: [{labels: [n]}]
"#,
    )
    .unwrap();
    let mut sent = batch(&[("a", "1"), ("b", "2"), ("cc", "3"), ("d", "4")]);
    let delivery = Delivery { sender: SenderId([1; 16]), sequence: 9, state: vec![7] };
    sent.set_delivery(delivery.clone());
    let out = apply(&p, sent);
    assert_eq!(out.delivery(), Some(&delivery));
    assert_eq!(
        lines(&out),
        [
            r#"{"service.name"="a"} 1 {"n": 1, "by": "a"}"#,
            r#"{"service.name"="b"} 2 {"n": 1, "by": "a"}"#,
            r#"{"service.name"="cc"} 3 {"n": 1}"#,
            r#"{n="1", "service.name"="d"} 4 {}"#,
        ]
    );
    let counts: Vec<_> = p.counts().into_iter().map(|c| (c.name, c.records)).collect();
    assert_eq!(counts, [("a".into(), 2), ("b".into(), 0), ("rest".into(), 1)]);
}

#[test]
fn metrics_are_derived_and_go_on_over_a_reload() {
    let yaml = r#"
- name: shop
  stages:
  - regex: {pattern: '^(?P<way>\w+) (?P<took>[0-9.]+)?'}
  - metric: {name: requests_total, type: counter, labels: {way: way, service: service.name}, help: Requests.}
  - metric: {name: took_seconds, type: histogram, value: took, buckets: [0.1, 1]}
"#;
    let p = pipelines(yaml).unwrap();
    apply(&p, batch(&[("a", "get 0.1"), ("a", "get 0.5"), ("a", "put 7"), ("a", "put ")]));
    let again = pipelines(yaml).unwrap();
    again.go_on_from(&p);
    apply(&again, batch(&[("a", "get 1")]));
    let mut all = again.derived();
    all.sort_by_key(|d| (d.name.clone(), d.labels.to_string()));
    let shown: Vec<_> = all.iter().map(|d| format!("{}{} {:?}", d.name, d.labels, d.value)).collect();
    assert_eq!(
        shown,
        [
            r#"requests_total{service="a", way="get"} Counter(3.0)"#,
            r#"requests_total{service="a", way="put"} Counter(2.0)"#,
            r#"took_seconds{} Histogram { buckets: [(0.1, 1), (1.0, 3), (inf, 4)], sum: 8.6 }"#,
        ]
    );
    assert_eq!(again.counts()[0].records, 5);
    assert_eq!(all[0].help, "Requests.");
}

#[test]
fn a_metric_has_a_bounded_number_of_series() {
    let p = pipelines(
        "[{name: a, stages: [{regex: {pattern: '(?P<id>.+)'}}, {metric: {name: x, type: counter, labels: {id: id}}}]}]",
    )
    .unwrap();
    let many: Vec<String> = (0..pipeline::SERIES_MAX + 20).map(|n| n.to_string()).collect();
    let pairs: Vec<_> = many.iter().map(|n| ("a", n.as_str())).collect();
    apply(&p, batch(&pairs));
    assert_eq!((p.derived().len(), p.counts()[0].metric_left_out), (pipeline::SERIES_MAX, 20));
    assert!(p.derived().iter().all(|d| d.value == DerivedValue::Counter(1.0)));
}

#[test]
fn sampling_keeps_about_its_share_and_always_the_same() {
    let p = pipelines("[{name: a, stages: [{sample: {keep: 0.1}}]}]").unwrap();
    let many: Vec<String> = (0..10_000).map(|n| format!("line {n}")).collect();
    let pairs: Vec<_> = many.iter().map(|n| ("a", n.as_str())).collect();
    let once = lines(&apply(&p, batch(&pairs)));
    assert!((900..1100).contains(&once.len()), "{}", once.len());
    assert_eq!(once, lines(&apply(&p, batch(&pairs))));
    assert_eq!(p.counts()[0].dropped as usize, 20_000 - 2 * once.len());
}

/// What is wrong is said with its place; `---` separates configuration and message.
#[test]
fn wrong_configurations_teach() {
    for (stages, message) in [
        ("[{grok: {pattern: '%{IPP:x}'}}]", "stages[0].grok.pattern: there is no pattern \"IPP\""),
        ("[{json: {}}, {regex: {pattern: 'a('}}]", "stages[1].regex.pattern: "),
        ("[{drop: {}}]", "stages[0].drop: says nothing"),
        ("[{drop: {level_at_most: loud}}]", "stages[0].drop.level_at_most: \"loud\" is no level"),
        ("[{sample: {keep: 1}}]", "stages[0].sample.keep: is 1: a share"),
        ("[{timestamp: {field: t, format: '%H'}}]", "stages[0].timestamp.format: "),
        ("[{timestamp: {field: t, utc_offset_minutes: 9999}}]", "stages[0].timestamp.utc_offset_minutes: "),
        ("[{level: {field: l, values: {x: y}}}]", "stages[0].level.values: \"y\" is no level"),
        ("[{redact: {patterns: ['a', '(']}}]", "stages[0].redact.patterns[1]: "),
        ("[{metric: {name: 'a b', type: counter}}]", "stages[0].metric.name: \"a b\" is no name"),
        ("[{metric: {name: a, type: histogram}}]", "stages[0].metric.value: is not set"),
        ("[{metric: {name: a, type: histogram, value: v, buckets: [2, 1]}}]", "stages[0].metric.buckets: "),
        ("[{if: {when: {matches: '['}, then: []}}]", "stages[0].if.when.matches: "),
        ("[{if: {when: {exists: true}, else: [{drop: {}}]}}]", "stages[0].if.else[0].drop: says nothing"),
    ] {
        let error = pipelines(&format!("[{{name: a, stages: {stages}}}]")).unwrap_err().to_string();
        assert!(error.starts_with(&format!("pipelines[0].{message}")), "{stages}: {error}");
    }
    let two = pipelines("[{name: a, stages: []}, {name: a, stages: []}]").unwrap_err().to_string();
    assert!(two.starts_with("pipelines[1].name: \"a\""), "{two}");
    let selector = pipelines("[{name: a, match: {x: '=~('}, stages: []}]").unwrap_err().to_string();
    assert!(selector.starts_with("pipelines[0].match.x: "), "{selector}");
}

/// Stages that drop nothing.
const STAGES: [&str; 14] = [
    "{json: {}}",
    "{json: {field: a, prefix: p.}}",
    "{logfmt: {}}",
    "{regex: {pattern: '(?P<a>[a-z]+)(?P<b> .*)?'}}",
    "{grok: {pattern: '%{NUMBER:n:float} %{GREEDYDATA:[c][d]}'}}",
    "{timestamp: {field: a}}",
    "{level: {field: b}}",
    "{detect: {}}",
    "{body: a}",
    "{rename: {a: b, b: a}}",
    "{remove: [a]}",
    "{labels: [b]}",
    "{redact: {}}",
    "{if: {when: {field: a, exists: true}, then: [{set: {x: y}}], else: [{keep: [n]}]}}",
];

proptest! {
    #[test]
    fn no_record_is_lost_and_time_and_tenant_stay_sane(
        stages in prop::collection::vec(prop::sample::select(STAGES.to_vec()), 0..6),
        text in prop::collection::vec("\\PC{0,40}|\\{\"a\":\\{\"b\":\"[a-z ]{0,9}\"\\},\"n\":[0-9]{1,5}\\}|a=\"[a-z ]{0,5}\" b=info|[0-9.]{1,5} [a-z ]{0,9}", 1..8),
    ) {
        let p = pipelines(&format!("[{{name: a, match: {{service.name: a}}, stages: [{}]}}]", stages.join(", "))).unwrap();
        let pairs: Vec<_> = text.iter().enumerate().map(|(i, t)| (["a", "b"][i % 2], t.as_str())).collect();
        let sent = batch(&pairs);
        let out = apply(&p, sent.clone());
        prop_assert_eq!(out.len(), sent.len());
        for (i, (was, is)) in sent.iter().zip(out.iter()).enumerate() {
            // Other streams are left alone.
            if i % 2 == 1 {
                prop_assert_eq!(sent.labels(was.stream), out.labels(is.stream));
                prop_assert_eq!(was.record, is.record);
            }
            prop_assert!(is.record.severity == Severity::UNKNOWN || i % 2 == 0);
        }
    }
}
