//! Targets that misbehave: the scrape fails, says why, ends the series that were alive, and hurts nobody else.

use crate::server::{Answer, Server, ok, text, with};
use crate::{eventually, scraped, start};
use scrape::Health;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Scrapes a target that always answers so, and gives back what is said about it.
async fn failure(more: &str, answer: impl Fn() -> Answer + Send + Sync + 'static) -> String {
    failure_within("1s", more, answer).await
}

async fn failure_within(
    interval: &str,
    more: &str,
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> String {
    let server = Server::start(move |_| answer()).await;
    let (scraper, store) = start(&server.job(more).replace("250ms", interval));
    let status = scraped(&scraper).await;
    assert_eq!(status.health, Health::Down, "{status:?}");
    let up = format!("up{{instance=\"{}\", job=\"j\"}}", server.address);
    assert_eq!(store.values(&up)[0], Some(0.0));
    assert!(store.exposed().is_empty(), "{:?}", store.exposed());
    scraper.stop().await;
    status.last_error
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (scraper, _) = start(&format!(
        "scrape_configs: [{{job_name: j, scrape_interval: 100ms, static_configs: [{{targets: [\"{address}\"]}}]}}]"
    ));
    let status = scraped(&scraper).await;
    assert!(status.last_error.ends_with("Connection refused (os error 111)"), "{}", status.last_error);
    assert_eq!(status.health, Health::Down);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses() {
    assert_eq!(
        failure("", || with("500 Internal Server Error", b"oops")).await,
        "server returned HTTP status 500 Internal Server Error"
    );
    assert_eq!(
        failure("", || with("204 No Content", b"")).await,
        "server returned HTTP status 204 No Content"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_half_closed() {
    let timeout = "no complete answer within the scrape_timeout of 100ms";
    assert_eq!(failure_within("100ms", "", || Answer::Hang(Vec::new())).await, timeout);
    let begun = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n".to_vec();
    let hang = begun.clone();
    assert_eq!(failure_within("100ms", "", move || Answer::Hang(hang.clone())).await, timeout);
    let closed = failure("", move || Answer::Close(begun.clone())).await;
    assert!(closed.contains("end of file") || closed.contains("error reading a body"), "{closed}");
    let nothing = failure("", || Answer::Close(Vec::new())).await;
    assert!(nothing.contains("connection closed"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_http() {
    let e = failure("", || Answer::Close(b"SSH-2.0-OpenSSH_9\r\n".to_vec())).await;
    assert!(e.contains("invalid HTTP version") || e.contains("HTTP"), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn content_types() {
    assert_eq!(
        failure("", || ok("text/html", "<html>")).await,
        "the target sent the unsupported Content-Type \"text/html\": \
         set fallback_scrape_protocol to read it all the same"
    );
    assert_eq!(
        failure("", || with("200 OK", b"a 1\n")).await,
        "the target sent no Content-Type: set fallback_scrape_protocol to say what it sends"
    );
    let server = Server::start(|_| with("200 OK", b"a 1\n")).await;
    let (scraper, store) = start(&server.job("  fallback_scrape_protocol: PrometheusText0.0.4\n"));
    assert_eq!(scraped(&scraper).await.health, Health::Up);
    assert_eq!(store.exposed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_text() {
    let e = failure("", || text("good 1\nbad{a=\"b} 2\n")).await;
    assert!(e.starts_with("line 2, column "), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits() {
    let many = || text("a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"3\"} 1\n");
    for (more, want) in [
        (
            "  sample_limit: 2\n",
            "sample_limit exceeded: 3 samples are left after metric relabelling, the limit is 2",
        ),
        (
            "  label_limit: 3\n",
            "label_limit exceeded: the number of labels of metric \"a\" is 4, the limit is 3",
        ),
        (
            "  label_name_length_limit: 3\n",
            "label_name_length_limit exceeded: the length of the label name \"__name__\" of metric \"a\" is 8, the limit is 3",
        ),
        (
            "  label_value_length_limit: 5\n",
            "label_value_length_limit exceeded: the length of the value of the label \"instance\" of metric \"a\" is 15, the limit is 5",
        ),
        (
            "  body_size_limit: 20B\n",
            "body_size_limit exceeded: the body holds more than 20 bytes after decompression",
        ),
    ] {
        let e = failure(more, many).await;
        // The port decides the length of the address.
        let e = e.replace("is 14,", "is 15,");
        assert_eq!(e, want);
    }
    let server = Server::start(move |_| many()).await;
    let two = server.job("  target_limit: 1\n").replace("[{targets", "[{targets: [other]}, {targets");
    let (scraper, _) = start(&two);
    let last = eventually("a scrape", || {
        scraper.targets().active_targets.into_iter().map(|t| t.last_error).find(|e| !e.is_empty())
    })
    .await;
    assert_eq!(last, "target_limit exceeded: the job has 2 targets, the limit is 1");
    assert!(server.seen.lock().unwrap().is_empty(), "nothing was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_end_are_cut_off() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n".to_vec();
    let more = b"# an endless comment\n".repeat(1000);
    let e = failure("  body_size_limit: 1MB\n", move || Answer::Forever(head.clone(), more.clone())).await;
    assert_eq!(e, "body_size_limit exceeded: the body holds more than 1048576 bytes after decompression");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_bomb_is_cut_off() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![b'#'; 64 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let answer = move || with("200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip", &bomb);
    let e = failure("  body_size_limit: 2MB\n", answer).await;
    assert_eq!(e, "body_size_limit exceeded: the body holds more than 2097152 bytes after decompression");
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_are_read_and_broken_ones_refused() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a 1\n").unwrap();
    let good = gzip.finish().unwrap();
    let broken = good[..good.len() / 2].to_vec();
    let head = "200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip";
    let server = Server::start(move |_| with(head, &good)).await;
    let (scraper, store) = start(&server.job(""));
    assert_eq!(scraped(&scraper).await.health, Health::Up);
    assert_eq!(store.exposed().len(), 1);
    let e = failure("", move || with(head, &broken)).await;
    assert!(e.contains("end of file") || e.contains("eof"), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_or_not() {
    let there = Server::start(|_| text("a 1\n")).await;
    let location = format!("302 Found\r\nLocation: http://{}/elsewhere", there.address);
    let here = location.clone();
    let server = Server::start(move |_| with(&here, b"")).await;
    let (scraper, store) = start(&server.job(""));
    assert_eq!(scraped(&scraper).await.health, Health::Up);
    assert_eq!(store.exposed().len(), 1);
    let e = failure("  follow_redirects: false\n", move || with(&location, b"")).await;
    assert_eq!(e, "server returned HTTP status 302 Found");
    let e = failure("", || with("302 Found\r\nLocation: /again", b"")).await;
    assert!(e.contains("too many redirects"), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_scrape_ends_the_series_until_the_next_good_one() {
    let scrapes = Arc::new(AtomicUsize::new(0));
    let count = scrapes.clone();
    let server = Server::start(move |_| match count.fetch_add(1, SeqCst) {
        1 | 2 => with("503 Service Unavailable", b""),
        _ => text("a 1\n"),
    })
    .await;
    let (scraper, store) = start(&server.job(""));
    let own = |name: &str| format!("{name}{{instance=\"{}\", job=\"j\"}}", server.address);
    eventually("the fourth scrape", || store.values(&own("up")).get(3).copied()).await;
    scraper.stop().await;
    assert_eq!(store.values(&own("a"))[..3], [Some(1.0), None, Some(1.0)]);
    assert_eq!(store.values(&own("up"))[..4], [Some(1.0), Some(0.0), Some(0.0), Some(1.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_dropped_and_told() {
    let server =
        Server::start(|_| text("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\na{x=\"1\",y=\"2\"} 3\n")).await;
    let (scraper, store) = start(&server.job(""));
    let status = scraped(&scraper).await;
    assert_eq!(status.health, Health::Up);
    assert_eq!(status.last_error, "2 samples were dropped because the series already had one in this scrape");
    let a = format!("a{{instance=\"{}\", job=\"j\", x=\"1\", y=\"2\"}}", server.address);
    assert_eq!(store.values(&a)[0], Some(1.0), "the first one stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_refuses_is_told() {
    let server = Server::start(|_| text("a 1\nrefuse_me 2\n")).await;
    let (scraper, store) = start(&server.job(""));
    let status = scraped(&scraper).await;
    assert_eq!(status.health, Health::Up);
    assert!(
        status.last_error.starts_with("1 sample was not kept; the first: series refuse_me{"),
        "{}",
        status.last_error
    );
    assert_eq!(store.exposed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_store_is_tried_again_and_given_up_in_the_end() {
    let server = Server::start(|_| text("a 1\n")).await;
    let yaml = server.job("").replace("250ms", "1s");
    let (scraper, store) = start(&yaml);
    *store.busy.lock().unwrap() = 3;
    eventually("a commit", || (store.kept().commits > 0).then_some(())).await;
    let stats = scraper.stats();
    assert!(stats.retries >= 3 && stats.lost == 0, "{stats:?}");
    *store.busy.lock().unwrap() = 1_000_000;
    let lost = eventually("a lost scrape", || Some(scraper.stats().lost).filter(|n| *n > 0)).await;
    assert!(lost >= 6, "a sample and its report: {lost}");
    let error = scraper.targets().active_targets[0].last_error.clone();
    assert!(error.ends_with("samples are lost: the store is busy (told to be); try again in 1 s"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_scrapes_are_written_down_where_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let (own, shared) = (dir.path().join("own.log"), dir.path().join("shared.log"));
    let server = Server::start(|_| with("500 Internal Server Error", b"")).await;
    let yaml = format!(
        "global: {{scrape_failure_log_file: '{}'}}\nscrape_configs:\n\
         - {{job_name: a, scrape_interval: 100ms, scrape_failure_log_file: '{}', static_configs: [{{targets: ['{}']}}]}}\n\
         - {{job_name: b, scrape_interval: 100ms, static_configs: [{{targets: ['{}']}}]}}\n",
        shared.display(),
        own.display(),
        server.address,
        server.address
    );
    let (scraper, _) = start(&yaml);
    let lines = |path: &std::path::Path| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
    };
    // Every failure is written, not only the first of a kind.
    let (of_a, of_b) = eventually("two failures of each job", || {
        let found = (lines(&own), lines(&shared));
        (found.0.len() >= 2 && found.1.len() >= 2).then_some(found)
    })
    .await;
    scraper.stop().await;
    for (lines, job) in [(of_a, "a"), (of_b, "b")] {
        for line in lines {
            assert_eq!((&line["job_name"], &line["level"]), (&job.into(), &"ERROR".into()));
            assert_eq!(line["target"], format!("http://{}/metrics", server.address));
            assert!(line["msg"].as_str().unwrap().contains("500"), "{line}");
            assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        }
    }
}
