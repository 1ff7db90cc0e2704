//! `/federate` in both of its formats.

use crate::site::{Site, WRITE_1, labels, recent};
use ingest::Limits;
use ingest::exposition::{Entry, Format, Parser};
use ingest::remote_write::encode::Writer;
use model::{Counts, Histogram, ResetHint, STALE_NAN_BITS, Span};

const PROTOBUF: (&str, &str) = (
    "accept",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,text/plain;q=0.3",
);

fn histogram() -> Histogram {
    Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 1,
        zero_threshold: 1e-128,
        sum: 5.5,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        negative_spans: vec![],
        custom_bounds: vec![],
        counts: Counts::Integer { count: 6, zero: 1, positive: vec![2, 3], negative: vec![] },
    }
}

/// Series and values of an answer, and its histograms.
fn read(body: &[u8], format: Format) -> (Vec<String>, Vec<Histogram>) {
    let limits = Limits::default();
    let mut parser = Parser::new(body, format, false, &limits);
    let (mut series, mut histograms) = (Vec::new(), Vec::new());
    while let Some(entry) = parser.next().unwrap() {
        match entry {
            Entry::Sample(s) => {
                series.push(format!(
                    "{} {}@{}",
                    s.series.labels(&limits).unwrap(),
                    s.value,
                    s.time_ms.unwrap()
                ));
            }
            Entry::Histogram(h) => {
                series.push(format!(
                    "{} histogram@{}",
                    h.series.labels(&limits).unwrap(),
                    h.time_ms.unwrap()
                ));
                histograms.push(h.histogram.unwrap());
            }
            _ => {}
        }
    }
    (series, histograms)
}

#[tokio::test(flavor = "multi_thread")]
async fn native_histograms_go_where_the_format_has_them() {
    let site = Site::start().await;
    let now = (recent() + 600) * 1000;
    let mut w = Writer::new();
    w.series(&labels(&[("__name__", "f"), ("instance", "i")]));
    w.sample(now, 2.0);
    w.series(&labels(&[("__name__", "h"), ("job", "j")]));
    w.histogram(now, &histogram());
    // A series that turned into floats, and one that has ended.
    w.series(&labels(&[("__name__", "turned")]));
    w.histogram(now - 1000, &histogram());
    w.sample(now, 3.0);
    w.series(&labels(&[("__name__", "gone")]));
    w.histogram(now - 1000, &histogram());
    w.histogram(now, &Histogram { sum: f64::from_bits(STALE_NAN_BITS), ..histogram() });
    let sent = site.post("/api/v1/write", &WRITE_1, w.finish().to_vec()).await;
    assert_eq!(sent.status, 204, "{}", sent.body);

    let path = "/federate?match[]={__name__=~\"f|h|turned|gone\"}";
    let url = site.url(path);
    let answer = reqwest::Client::new().get(url).header(PROTOBUF.0, PROTOBUF.1).send().await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
    );
    let (series, histograms) = read(&answer.bytes().await.unwrap(), Format::Protobuf);
    assert_eq!(
        series,
        [
            format!("f{{instance=\"i\"}} 2@{now}"),
            format!("h{{job=\"j\"}} histogram@{now}"),
            format!("turned 3@{now}")
        ]
    );
    assert_eq!(histograms, [histogram()]);

    let text = site.get(path).await;
    assert_eq!(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let (series, _) = read(text.body.as_bytes(), Format::Text);
    assert_eq!(series, [format!("f{{instance=\"i\"}} 2@{now}"), format!("turned 3@{now}")]);
    site.stop().await;
}
