//! Expositions.

use crate::recorder::Recorder;
use ingest::Limits;
use ingest::exposition::{Entry, Format, Parser, PushOptions, TextParser, push};
use ingest::remote_write::encode::Writer;
use model::Labels;

/// Pushes twice; known series must come out as new ones do.
fn push_twice(data: &[u8], format: Format) -> bool {
    let limits = Limits::default();
    let options = PushOptions { default_time_ms: 5, labels: vec![] };
    let mut r = Recorder::default();
    let Ok(outcome) = push(data, format, &options, &limits, &mut r) else { return false };
    let calls = std::mem::take(&mut r.calls);
    let again = push(data, format, &options, &limits, &mut r).expect("what parses once parses twice");
    assert_eq!((again, &r.calls), (outcome, &calls));
    true
}

/// The bytes a scraper keeps a series by must stand for the same labels wherever they stand.
fn raw_is_identity(data: &[u8], format: Format) {
    let limits = Limits::default();
    let mut p = Parser::new(data, format, false, &limits);
    while let Ok(Some(entry)) = p.next() {
        let Entry::Sample(s) = entry else { continue };
        let Ok(labels) = s.series.labels(&limits) else { continue };
        // Bounds are spelled anew within a histogram or summary, which a line alone is not.
        if labels.get("le").is_some() || labels.get("quantile").is_some() {
            continue;
        }
        let line = [s.series.raw(), b" 1\n"].concat();
        let mut alone = TextParser::new(&line, Format::Text, &limits);
        match alone.next() {
            Ok(Some(Entry::Sample(a))) => {
                assert_eq!(a.series.raw(), s.series.raw());
                assert_eq!(a.series.labels(&limits).expect("it parsed before"), labels);
            }
            other => panic!("a series alone on a line does not parse: {other:?}"),
        }
    }
}

pub fn prometheus(data: &[u8]) {
    push_twice(data, Format::Text);
    raw_is_identity(data, Format::Text);
}

pub fn openmetrics(data: &[u8]) {
    if push_twice(data, Format::OpenMetrics) {
        raw_is_identity(data, Format::OpenMetrics);
    }
}

pub fn protobuf(data: &[u8]) {
    push_twice(data, Format::Protobuf);
    let limits = Limits::default();
    let mut p = Parser::new(data, Format::Protobuf, true, &limits);
    while let Ok(Some(entry)) = p.next() {
        if let Entry::Sample(s) = entry {
            let _ = s.series.labels(&limits);
        }
    }
}

pub fn prometheus_seeds() -> Vec<Vec<u8>> {
    let text = r#"# HELP http_requests_total Requests,\nby code. A \\ too.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
spaces { a = "1" , b="x y" , } +Inf -3982045
{"utf8.name", "label.name"="v\"\\\n", plain="w"} 4
# TYPE req_seconds histogram
req_seconds_bucket{le="1"} 7
req_seconds_bucket{le="+Inf"} 8
minimal 1.5e-3
"#;
    vec![text.as_bytes().to_vec(), b"a{b=\"c\"} 1\n".to_vec()]
}

pub fn openmetrics_seeds() -> Vec<Vec<u8>> {
    let text = r#"# TYPE req_seconds histogram
# UNIT req_seconds seconds
# HELP req_seconds How \"long\".
req_seconds_bucket{le="0.1",path="/"} 8 # {trace_id="a b"} 0.067 1520879607.789
req_seconds_bucket{le="+Inf",path="/"} 9 1520879608.5 # {} 3
req_seconds_count{path="/"} 9
req_seconds_created{path="/"} 1520430000.123
# TYPE jobs counter
jobs_total{q="a"} 3
jobs_created{q="a"} 1520430001
# TYPE "x.y" info
{"x.y_info",a="b"} 1
# EOF
"#;
    vec![text.as_bytes().to_vec()]
}

pub fn protobuf_seeds() -> Vec<Vec<u8>> {
    use super::receive::{field, histogram};
    // A label pair has the encoding of a label of remote write; the histogram's fields are numbered otherwise, but
    // its bytes give the mutator something to work on.
    let label = Labels::from_pairs([("code", "200")]).expect("seeds are valid");
    let mut double = vec![0x09];
    double.extend_from_slice(&1.5f64.to_le_bytes());
    let mut w = Writer::new();
    w.series(&Labels::empty());
    w.histogram(1, &histogram(false));
    let family = |kind: u8, value_field: u8, value: &[u8]| {
        let mut metric = label.key().to_vec();
        field(&mut metric, value_field, value);
        let mut f = Vec::new();
        field(&mut f, 1, b"name");
        field(&mut f, 2, b"Help.");
        f.extend_from_slice(&[0x18, kind]);
        field(&mut f, 4, &metric);
        field(&mut f, 5, b"seconds");
        [vec![f.len() as u8], f].concat()
    };
    let mut bucket = vec![8, 3, 0x11];
    bucket.extend_from_slice(&0.5f64.to_le_bytes());
    let mut classic = vec![8, 5];
    field(&mut classic, 3, &bucket);
    let mut native = classic.clone();
    native.extend_from_slice(&[0x28, 4, 0x38, 1]);
    field(&mut native, 12, &[8, 2, 16, 2]);
    field(&mut native, 13, &[4, 0]);
    let mut summary = vec![8, 5];
    field(&mut summary, 3, &[double.clone(), double.clone()].concat());
    let all = [
        family(0, 3, &double),
        family(1, 2, &double),
        family(2, 4, &summary),
        family(3, 5, &double),
        family(4, 7, &classic),
        family(4, 7, &native),
        family(5, 7, &native),
    ];
    let mut seeds = all.to_vec();
    seeds.push(all.concat());
    seeds
}
