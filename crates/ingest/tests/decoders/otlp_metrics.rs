//! OTLP metrics: requests in files, and what becomes of them. A new file in `tests/data/otlp_metrics` is a new case.

use crate::reference::recorder::Recorder;
use ingest::Limits;
use ingest::metrics::{Options, Promotion, Sparse, Total, Totals, Translation, json};
use model::{Limit, SeriesRef};
use std::collections::HashMap;
use std::path::Path;

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

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    #[serde(default)]
    options: Wanted,
    requests: Vec<serde_json::Value>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    translation: String,
    promote: Vec<String>,
    promote_all_but: Vec<String>,
    promote_scope: bool,
    keep_identifying: bool,
    custom_buckets: bool,
    target_info_every_ms: Option<i64>,
    refuse_delta: bool,
}

impl Wanted {
    fn options(&self) -> Options {
        let usual = Options::default();
        Options {
            translation: match self.translation.as_str() {
                "" => usual.translation,
                "UnderscoreEscapingWithoutSuffixes" => Translation::UnderscoreEscapingWithoutSuffixes,
                "NoUTF8EscapingWithSuffixes" => Translation::NoUtf8EscapingWithSuffixes,
                "NoTranslation" => Translation::NoTranslation,
                other => panic!("{other} is no translation"),
            },
            promotion: match self.promote_all_but.is_empty() {
                true => Promotion::Some(self.promote.clone()),
                false => Promotion::AllBut(self.promote_all_but.clone()),
            },
            promote_scope: self.promote_scope,
            keep_identifying: self.keep_identifying,
            custom_buckets: self.custom_buckets,
            target_info_every_ms: self.target_info_every_ms.unwrap_or(usual.target_info_every_ms),
            ..usual
        }
    }
}

fn limits() -> Limits {
    Limits { labels_per_series_max: 20, ..Limits::default() }
}

#[test]
fn requests_in_files() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/otlp_metrics");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    for file in files {
        let case: Case = serde_json::from_slice(&std::fs::read(&file).unwrap())
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let (options, mut totals) = (case.options.options(), Remembered::default());
        let mut out = format!("{}\n", case.what);
        let mut recorder = Recorder::new();
        // Two days after the points.
        recorder.future_ms = Some(1_795_435_200_000);
        for request in &case.requests {
            let held = (!case.options.refuse_delta).then_some(&mut totals as &mut dyn Totals);
            let taken = json(request.to_string().as_bytes(), &options, &limits(), held, &mut recorder);
            let taken = taken.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            out += &format!("\n{}\n", recorder.text());
            for h in recorder.histograms.drain(..) {
                out += &format!(
                    "schema {} {} zero {} sum {} {:?} {:?} {:?}\n",
                    h.schema,
                    h.zero_threshold,
                    h.is_stale(),
                    h.sum,
                    h.positive_spans,
                    h.negative_spans,
                    h.counts
                );
            }
            recorder.lines.clear();
            let of = &taken.outcome;
            out += &format!(
                "{} points as {} samples, {} histograms, {} exemplars\n",
                taken.points, of.samples, of.histograms, of.exemplars
            );
            if let Some(refusal) = taken.refusal() {
                out += &format!("{refusal}\n");
            }
        }
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(format!("otlp_metrics_{name}"), out);
    }
}

/// A request of one gauge point, with attributes.
fn attributes(count: usize) -> Vec<u8> {
    let all: Vec<String> =
        (0..count).map(|i| format!(r#"{{"key":"k{i}","value":{{"stringValue":"v"}}}}"#)).collect();
    let point =
        |all: &str| format!(r#"{{"timeUnixNano":"1795262400000000000","asInt":1,"attributes":[{all}]}}"#);
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"a"}}}},{0}]}},"scopeMetrics":[{{"metrics":[{{"name":"m","gauge":{{"dataPoints":[{1},{2}]}}}}]}}]}}]}}"#,
        all.join(","),
        point(&all.join(",")),
        point("")
    )
    .into_bytes()
}

#[test]
fn many_attributes_are_refused_and_the_rest_is_kept() {
    let mut recorder = Recorder::new();
    let taken = json(&attributes(100_000), &Options::default(), &limits(), None, &mut recorder).unwrap();
    assert_eq!(
        taken.refusal().unwrap(),
        "1 of 2 data points refused: the number of attributes of m is 100000, over the limit of 20: raise \
         ingest.limits.labels_per_series_max to allow it; without target_info: the number of attributes of target_info is \
         100000, over the limit of 20: raise ingest.limits.labels_per_series_max to allow it"
    );
    assert_eq!(recorder.text(), "m{job=\"a\"} 1@1795262400000\n# m gauge \"\" \"\"");
}

#[test]
fn what_is_no_request_is_named() {
    let mut out = String::new();
    for body in [
        "[]",
        r#"{"resourceMetrics":{}}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":1}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"aggregationTemporality":"DELTA"}}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[1,"x"]}]}}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":7}]}}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"timeUnixNano":"noon"}]}}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asInt":1.5}]}}]}]}]}"#,
    ] {
        let done = json(body.as_bytes(), &Options::default(), &limits(), None, &mut Recorder::new());
        out += &format!("{body}\n    {}\n", done.unwrap_err());
    }
    for bytes in [&b"\x08\x01"[..], b"\x0a\x05", b"\x0a\x02\x12\x00\xff", b"\x0a\x04\x12\x02\x10\x01"] {
        let done =
            ingest::metrics::protobuf(bytes, &Options::default(), &limits(), None, &mut Recorder::new());
        out += &format!("{bytes:?}\n    {}\n", done.unwrap_err());
    }
    insta::assert_snapshot!(out);
}
