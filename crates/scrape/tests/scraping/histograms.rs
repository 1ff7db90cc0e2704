//! Native histograms: from protocol buffers, and from classic ones.

use crate::server::{Answer, Server, ok, with};
use crate::store::Kept;
use crate::{eventually, scraped, start};
use model::{Counts, Histogram, Span};
use scrape::Health;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const PROTO: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn varint(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// A length-delimited field.
fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn double(field: u64, value: f64, out: &mut Vec<u8>) {
    varint(field << 3 | 1, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A family `latency` with one histogram of schema 3: two classic buckets, and native ones at 0, 1 and 4.
fn exposition() -> Vec<u8> {
    let zigzag = |v: i64| ((v << 1) ^ (v >> 63)) as u64;
    let mut h = Vec::new();
    number(1, 7, &mut h);
    double(2, 9.5, &mut h);
    for (bound, count) in [(1.0, 3), (f64::INFINITY, 7)] {
        let mut bucket = Vec::new();
        number(1, count, &mut bucket);
        double(2, bound, &mut bucket);
        bytes(3, &bucket, &mut h);
    }
    number(5, zigzag(3), &mut h);
    double(6, 0.001, &mut h);
    number(7, 1, &mut h);
    for (offset, length) in [(0, 2), (2, 1)] {
        let mut span = Vec::new();
        number(1, zigzag(offset), &mut span);
        number(2, length, &mut span);
        bytes(12, &span, &mut h);
    }
    for delta in [1, 2, -1] {
        number(13, zigzag(delta), &mut h);
    }
    let mut metric = Vec::new();
    bytes(7, &h, &mut metric);
    let mut family = Vec::new();
    bytes(1, b"latency", &mut family);
    number(3, 4, &mut family);
    bytes(4, &metric, &mut family);
    let mut out = Vec::new();
    varint(family.len() as u64, &mut out);
    out.extend_from_slice(&family);
    out
}

async fn kept(
    more: &str,
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> (Vec<String>, Vec<(String, Histogram)>) {
    let server = Server::start(move |_| answer()).await;
    let (scraper, store) = start(&server.job(more));
    let status = scraped(&scraper).await;
    assert_eq!((status.health, status.last_error.as_str()), (Health::Up, ""));
    scraper.stop().await;
    let Kept { histograms, .. } = store.kept();
    let natives =
        histograms.into_iter().map(|(l, s)| (l.metric_name().to_owned(), s.into_values().next().unwrap()));
    let name = |s: &String| s.split('{').next().unwrap_or("").to_owned();
    (store.exposed().iter().map(name).collect(), natives.collect())
}

fn proto() -> Answer {
    with(&format!("200 OK\r\nContent-Type: {PROTO}"), &exposition())
}

#[tokio::test(flavor = "multi_thread")]
async fn protocol_buffers_bring_native_histograms_when_wanted() {
    let classic = ["latency_bucket", "latency_bucket", "latency_count", "latency_sum"];
    let (floats, natives) = kept("", proto).await;
    assert_eq!(floats, classic);
    assert!(natives.is_empty());

    let (floats, natives) = kept("  scrape_native_histograms: true\n", proto).await;
    assert!(floats.is_empty(), "{floats:?}");
    let (name, h) = &natives[0];
    assert_eq!((name.as_str(), h.schema, h.sum), ("latency", 3, 9.5));
    assert_eq!(h.positive_spans, [Span { offset: 0, length: 2 }, Span { offset: 2, length: 1 }]);
    assert_eq!(
        h.counts,
        Counts::Integer { count: 7, zero: 1, positive: vec![1, 3, 2], negative: Vec::new() }
    );

    let both = "  scrape_native_histograms: true\n  always_scrape_classic_histograms: true\n  \
                convert_classic_histograms_to_nhcb: true\n";
    let (floats, natives) = kept(both, proto).await;
    assert_eq!(floats, classic);
    assert_eq!(
        (natives.len(), natives[0].1.schema),
        (1, 3),
        "the native one is not replaced by a converted one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn native_histograms_are_made_coarser() {
    let (_, natives) =
        kept("  scrape_native_histograms: true\n  native_histogram_bucket_limit: 2\n", proto).await;
    assert_eq!(natives[0].1.schema, 1);
    assert_eq!(
        natives[0].1.counts,
        Counts::Integer { count: 7, zero: 1, positive: vec![1, 5], negative: Vec::new() }
    );
    let (_, natives) =
        kept("  scrape_native_histograms: true\n  native_histogram_min_bucket_factor: 1.5\n", proto).await;
    assert_eq!(natives[0].1.schema, 0);
}

const CLASSIC: &str = "# TYPE h histogram\n\
    h_bucket{p=\"a\",le=\"1\"} 2\nh_bucket{p=\"a\",le=\"2\"} 3\nh_bucket{p=\"a\",le=\"+Inf\"} 4\n\
    h_sum{p=\"a\"} 5.5\nh_count{p=\"a\"} 4\n\
    h_bucket{p=\"b\",le=\"1\"} 0\nh_bucket{p=\"b\",le=\"+Inf\"} 0\nh_sum{p=\"b\"} 0\nh_count{p=\"b\"} 0\n\
    # TYPE other gauge\nother 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn classic_histograms_are_converted() {
    let text = || ok("text/plain", CLASSIC);
    let (floats, natives) = kept("  convert_classic_histograms_to_nhcb: true\n", text).await;
    assert_eq!(floats, ["other"]);
    assert_eq!(natives.len(), 2);
    assert_eq!(natives[0].1.custom_bounds, [1.0, 2.0]);
    assert_eq!(
        natives[0].1.counts,
        Counts::Integer { count: 4, zero: 0, positive: vec![2, 1, 1], negative: Vec::new() }
    );
    assert_eq!(natives[1].1.custom_bounds, [1.0]);

    let both = "  convert_classic_histograms_to_nhcb: true\n  always_scrape_classic_histograms: true\n";
    let (floats, natives) = kept(both, text).await;
    assert_eq!((floats.len(), natives.len()), (10, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_histogram_that_vanishes_gets_a_marker_of_its_kind() {
    let scrapes = Arc::new(AtomicUsize::new(0));
    let count = scrapes.clone();
    let server = Server::start(move |_| match count.fetch_add(1, SeqCst) {
        0 => proto(),
        _ => with(&format!("200 OK\r\nContent-Type: {PROTO}"), b""),
    })
    .await;
    let (_scraper, store) = start(&server.job("  scrape_native_histograms: true\n"));
    let markers = eventually("the marker", || {
        let kept = store.kept();
        let samples: Vec<bool> =
            kept.histograms.into_values().next()?.into_values().map(|h| h.is_stale()).collect();
        (samples.len() > 1).then_some(samples)
    })
    .await;
    assert_eq!(markers, [false, true]);
}
