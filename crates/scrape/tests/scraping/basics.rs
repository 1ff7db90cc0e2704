//! What a scrape that goes well leaves in the store.

use crate::server::{Server, ok, text};
use crate::{eventually, scraped, start};
use model::{Labels, MetricKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[tokio::test(flavor = "multi_thread")]
async fn samples_reports_and_metadata_are_kept() {
    let server = Server::start(|_| {
        text("# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total{path=\"/\"} 3\ntemp -1.5\n")
    })
    .await;
    let (scraper, store) = start(&server.job(""));
    let status = scraped(&scraper).await;
    let instance = server.address;
    let own = |name: &str| format!("{name}{{instance=\"{instance}\", job=\"j\"}}");
    assert_eq!(status.health, scrape::Health::Up, "{status:?}");
    assert_eq!(
        store.alive(),
        [
            format!("hits_total{{instance=\"{instance}\", job=\"j\", path=\"/\"}}"),
            own("scrape_duration_seconds"),
            own("scrape_samples_post_metric_relabeling"),
            own("scrape_samples_scraped"),
            own("scrape_series_added"),
            own("temp"),
            own("up"),
        ]
    );
    assert_eq!(store.values(&own("temp"))[0], Some(-1.5));
    assert_eq!(store.values(&own("up"))[0], Some(1.0));
    assert_eq!(store.values(&own("scrape_samples_scraped"))[0], Some(2.0));
    assert_eq!(store.values(&own("scrape_series_added"))[0], Some(2.0));
    eventually("a second scrape", || store.values(&own("scrape_series_added")).get(1).copied()).await;
    assert_eq!(store.values(&own("scrape_series_added"))[1], Some(0.0));
    let metadata = store.kept().metadata;
    assert_eq!(metadata.len(), 1, "forwarded once: {metadata:?}");
    assert_eq!((metadata[0].0.as_str(), metadata[0].1.kind), ("hits_total", MetricKind::Counter));
    scraper.stop().await;
    assert_eq!(store.last(&own("temp")), Some(Some(-1.5)), "a stop ends no series");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_says_what_is_wanted() {
    let server = Server::start(|_| text("a 1\n")).await;
    let (scraper, _) = start(&server.job(
        "  scrape_timeout: 150ms\n  metrics_path: /probe\n  params: {module: [http 2xx], target: [a, b]}\n  \
         http_headers: {X-Team: {values: [obs]}}\n  relabel_configs: [{target_label: __param_target, replacement: c}]\n",
    ));
    let status = scraped(&scraper).await;
    assert_eq!(
        status.scrape_url,
        format!("http://{}/probe?module=http+2xx&target=c&target=b", server.address)
    );
    let head = server.seen.lock().unwrap()[0].clone();
    for line in [
        "GET /probe?module=http+2xx&target=c&target=b HTTP/1.1",
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
         application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
         text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 0.15",
        "x-team: obs",
    ] {
        assert!(head.lines().any(|l| l == line), "{line} in {head}");
    }
    assert!(head.contains("user-agent: watchfire/"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vanishes_becomes_stale_once_and_comes_back() {
    let scrapes = Arc::new(AtomicUsize::new(0));
    let count = scrapes.clone();
    let server = Server::start(move |_| match count.fetch_add(1, SeqCst) {
        0 | 1 | 4 => text("a 1\nb 2\n"),
        _ => text("a 1\n"),
    })
    .await;
    let (scraper, store) = start(&server.job(""));
    let b = format!("b{{instance=\"{}\", job=\"j\"}}", server.address);
    eventually("the sixth scrape", || (scrapes.load(SeqCst) > 6).then_some(())).await;
    scraper.stop().await;
    assert_eq!(store.values(&b), [Some(2.0), Some(2.0), None, Some(2.0), None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_in_conflict_move_aside_or_win() {
    let body = "a{job=\"theirs\",exported_job=\"older\",instance=\"\"} 1\n";
    for (more, want) in [
        ("", "a{exported_exported_job=\"theirs\", exported_job=\"older\", instance=\"ADDR\", job=\"j\"}"),
        ("  honor_labels: true\n", "a{exported_job=\"older\", job=\"theirs\"}"),
    ] {
        let server = Server::start(move |_| text(body)).await;
        let (scraper, store) = start(&server.job(more));
        scraped(&scraper).await;
        assert_eq!(store.exposed(), [want.replace("ADDR", &server.address.to_string())]);
        scraper.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_rules_drop_and_rename() {
    let server = Server::start(|_| text("keep_a 1\nkeep_b{x=\"1\"} 2\ndrop_c 3\n")).await;
    let (scraper, store) = start(&server.job(
        "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: drop_.*, action: drop}\n  \
         - {source_labels: [__name__], regex: keep_(.*), target_label: __name__}\n  - {regex: instance|job, action: labeldrop}\n",
    ));
    scraped(&scraper).await;
    assert_eq!(store.exposed(), ["a", "b{x=\"1\"}"]);
    let own = |name: &str| format!("{name}{{instance=\"{}\", job=\"j\"}}", server.address);
    assert_eq!(store.values(&own("scrape_samples_scraped"))[0], Some(3.0));
    assert_eq!(store.values(&own("scrape_samples_post_metric_relabeling"))[0], Some(2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn stated_timestamps_are_honoured_or_not() {
    for (more, honoured) in [("", true), ("  honor_timestamps: false\n", false)] {
        let scrapes = Arc::new(AtomicUsize::new(0));
        let count = scrapes.clone();
        let server = Server::start(move |_| {
            let n = count.fetch_add(1, SeqCst);
            text(&if n < 2 { format!("a 1 {}\n", 1_000_000 + n) } else { "\n".to_owned() })
        })
        .await;
        let (scraper, store) = start(&server.job(more));
        eventually("the fourth scrape", || (scrapes.load(SeqCst) > 3).then_some(())).await;
        scraper.stop().await;
        let kept = store.kept();
        let (_, samples) = kept.floats.iter().find(|(l, _)| l.metric_name() == "a").unwrap();
        if honoured {
            assert_eq!(samples.keys().copied().collect::<Vec<_>>(), [1_000_000, 1_000_001], "and no marker");
        } else {
            assert!(*samples.keys().next().unwrap() > 1_600_000_000_000);
            assert_eq!(samples.len(), 3, "two samples and a marker: {samples:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openmetrics_brings_exemplars_units_and_start_times() {
    let server = Server::start(|_| {
        ok(
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "# TYPE req_seconds counter\n# UNIT req_seconds seconds\n# HELP req_seconds Time.\n\
             req_seconds_total 5 # {trace_id=\"abc\"} 0.5 1600000000.5\nreq_seconds_created 1500000000\n# EOF\n",
        )
    })
    .await;
    let (scraper, store) = start(&server.job(""));
    scraped(&scraper).await;
    let name = format!("req_seconds_total{{instance=\"{}\", job=\"j\"}}", server.address);
    eventually("three scrapes", || (store.values(&name).len() >= 3).then_some(())).await;
    let kept = store.kept();
    let of = |l: &Labels| l.to_string() == name;
    let exemplars = kept.exemplars.iter().find(|(l, _)| of(l)).unwrap().1;
    assert_eq!(exemplars.len(), 1, "an exemplar that stays is forwarded once: {exemplars:?}");
    assert_eq!(exemplars[0].labels.to_string(), "{trace_id=\"abc\"}");
    assert_eq!((exemplars[0].value, exemplars[0].time_ms), (0.5, 1_600_000_000_500));
    assert_eq!(kept.starts.iter().find(|(l, _)| of(l)).unwrap().1, &1_500_000_000_000);
    assert_eq!(kept.metadata[0].1.unit, "seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_read_in_full() {
    let body: String = (0..20_000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
    let server = Server::start(move |_| text(&body)).await;
    let (scraper, store) = start(&server.job("").replace("250ms", "2s"));
    scraped(&scraper).await;
    assert_eq!(store.exposed().len(), 20_000);
    scraper.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scrape_has_a_later_timestamp() {
    let server = Server::start(|_| text("a 1\n")).await;
    let (scraper, store) = start(&server.job(""));
    let a = format!("a{{instance=\"{}\", job=\"j\"}}", server.address);
    eventually("ten scrapes", || (store.values(&a).len() >= 10).then_some(())).await;
    scraper.stop().await;
    let kept = store.kept();
    let times: Vec<i64> =
        kept.floats.iter().find(|(l, _)| l.metric_name() == "a").unwrap().1.keys().copied().collect();
    assert!(times.windows(2).all(|w| w[1] > w[0]), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_metrics_on_request() {
    let server = Server::start(|_| text("a 1\n")).await;
    let (scraper, store) = start(&server.job("  extra_scrape_metrics: true\n  sample_limit: 10\n"));
    scraped(&scraper).await;
    let own = |name: &str| format!("{name}{{instance=\"{}\", job=\"j\"}}", server.address);
    assert_eq!(store.values(&own("scrape_timeout_seconds"))[0], Some(0.25));
    assert_eq!(store.values(&own("scrape_sample_limit"))[0], Some(10.0));
    assert_eq!(store.values(&own("scrape_body_size_bytes"))[0], Some(4.0));
}
