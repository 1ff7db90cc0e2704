//! What people and programs send by mistake or malice, and the message they get.

use crate::site::{Sent, Site, WRITE_1, quiet, recent, write_body};
use server::config::{ByteSize, TimeSpan};

const WRITE: &str = "/api/v1/write";

/// What is sent: name, headers, body.
type Case = (&'static str, Vec<(&'static str, &'static str)>, Vec<u8>);

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// The message with times and sizes that differ from run to run left out.
fn steady(body: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in body.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        // Unix milliseconds have thirteen digits.
        out.push_str(if digits.len() == 13 { "<ms>" } else { &digits });
        digits.clear();
        out.push(c);
    }
    out.trim_end_matches('\0').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_write_bodies() {
    let mut config = quiet();
    config.storage.limits.series = 50;
    config.storage.limits.series_per_metric = 5;
    config.ingest.limits.label_value_bytes_max = 100;
    config.ingest.limits.labels_per_series_max = 8;
    config.ingest.limits.body_bytes_max = ByteSize(4096);
    config.ingest.limits.decompressed_bytes_max = ByteSize(16384);
    let site = Site::with(config).await;
    let ms = recent() * 1000;
    let wide: Vec<(String, String)> = (0..9)
        .map(|i| (format!("l{i}"), "v".to_owned()))
        .chain([("__name__".into(), "wide".into())])
        .collect();
    let wide: Vec<(&str, &str)> = wide.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let many: Vec<[(&str, String); 2]> =
        (0..7).map(|i| [("__name__", "many".to_owned()), ("i", i.to_string())]).collect();
    let many: Vec<Vec<(&str, &str)>> =
        many.iter().map(|p| p.iter().map(|(n, v)| (*n, v.as_str())).collect()).collect();
    let many: Vec<Sent<'_>> = many.iter().map(|p| (p.as_slice(), ms, 1.0)).collect();
    let long = "x".repeat(101);
    let up: &[(&str, &str)] = &[("__name__", "up")];
    let bomb = snappy(&vec![0u8; 60_000]);
    let zstd = ("content-encoding", "zstd");
    let proto = WRITE_1[0];
    let cases: Vec<Case> = vec![
        ("nothing", WRITE_1.to_vec(), Vec::new()),
        ("not snappy", WRITE_1.to_vec(), b"hello".to_vec()),
        ("not protobuf", WRITE_1.to_vec(), snappy(b"hello")),
        ("cut short", WRITE_1.to_vec(), snappy(&[0x0a, 0x7f, 0x0a])),
        ("json", vec![("content-type", "application/json")], b"{}".to_vec()),
        ("unknown message", vec![("content-type", "application/x-protobuf;proto=a.B")], Vec::new()),
        ("unknown encoding", vec![proto, ("content-encoding", "lzma")], Vec::new()),
        ("not zstd", vec![proto, zstd], b"hello".to_vec()),
        ("too large", WRITE_1.to_vec(), vec![0; 5000]),
        ("a bomb", WRITE_1.to_vec(), bomb),
        ("a zstd bomb", vec![proto, zstd], zstd::bulk::compress(&vec![0u8; 10_000_000], 1).unwrap()),
        ("far future", WRITE_1.to_vec(), write_body(&[(up, ms + 400 * 86_400_000, 1.0)])),
        ("long past", WRITE_1.to_vec(), write_body(&[(up, 1000, 1.0)])),
        ("end of time", WRITE_1.to_vec(), write_body(&[(up, i64::MAX, 1.0), (up, i64::MIN, 1.0)])),
        ("long value", WRITE_1.to_vec(), write_body(&[(&[("__name__", "up"), ("a", &long)], ms, 1.0)])),
        ("many labels", WRITE_1.to_vec(), write_body(&[(&wide, ms, 1.0)])),
        ("no name", WRITE_1.to_vec(), write_body(&[(&[("a", "b")], ms, 1.0)])),
        ("series of a metric", WRITE_1.to_vec(), write_body(&many)),
        ("one good, one bad", WRITE_1.to_vec(), write_body(&[(up, 1000, 1.0), (up, ms, 2.0)])),
        (
            "huge and odd values",
            WRITE_1.to_vec(),
            write_body(&[(up, ms + 1, f64::MAX), (up, ms + 2, f64::NAN)]),
        ),
    ];
    let mut out = String::new();
    for (name, headers, body) in cases {
        let answer = site.post(WRITE, &headers, body).await;
        out += &format!("{name}: {} {}\n", answer.status, steady(answer.body.trim_end()));
    }
    insta::assert_snapshot!(out);
    // The good half of a body with a bad half is kept.
    assert_eq!(site.query("up", ms / 1000).await[0]["value"][1], "2");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_text() {
    let site = Site::start().await;
    let om = ("content-type", "application/openmetrics-text;version=1.0.0");
    let mut out = String::new();
    for (name, path, headers, body) in [
        ("half a line", "/api/v1/push/text", vec![], "up{job=\"a\""),
        ("no value", "/api/v1/push/text", vec![], "up\n"),
        ("a word for a value", "/api/v1/push/text", vec![], "up down\n"),
        ("a label twice", "/api/v1/push/text", vec![], "up{a=\"1\",a=\"2\"} 1\n"),
        ("no end", "/api/v1/push/text", vec![om], "# TYPE a gauge\na 1\n"),
        ("html", "/api/v1/push/text", vec![("content-type", "text/html")], "<p>"),
        ("extra label", "/api/v1/push/text?extra_label=x", vec![], "up 1\n"),
        ("timestamp", "/api/v1/push/text?timestamp=soon", vec![], "up 1\n"),
        ("no job", "/metrics/job/", vec![], "up 1\n"),
        ("odd path", "/metrics/job/a/instance", vec![], "up 1\n"),
        ("bad name", "/metrics/job/a/in-stance/b", vec![], "up 1\n"),
    ] {
        let answer = site.post(path, &headers, body).await;
        out += &format!("{name}: {} {}\n", answer.status, steady(answer.body.trim_end()));
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

fn status_line(answer: &str) -> &str {
    answer.lines().next().unwrap_or("")
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_misbehave() {
    let mut config = quiet();
    config.http.header_timeout = TimeSpan::from_millis(300);
    config.http.body_idle_timeout = TimeSpan::from_millis(300);
    let site = Site::with(config).await;
    let head = format!("POST {WRITE} HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-protobuf\r\n");

    // A head that never ends: closed, with or without a word.
    let answer = site.raw(b"GET /-/ready HTTP/1.1\r\nhost: ", false).await;
    assert!(answer.is_empty() || status_line(&answer).contains("408"), "{answer}");

    // A body that stops arriving.
    let answer = site.raw(format!("{head}content-length: 100\r\n\r\nabc").as_bytes(), false).await;
    assert_eq!(status_line(&answer), "HTTP/1.1 408 Request Timeout");
    assert!(answer.contains("3 of 100 bytes arrived"), "{answer}");

    // A sender that hangs up in the middle gets nothing stored; whether it still listens is its business.
    let answer = site.raw(format!("{head}content-length: 100\r\n\r\nabc").as_bytes(), true).await;
    assert!(answer.is_empty() || answer.contains("3 of 100 bytes arrived"), "{answer}");

    // Not HTTP at all, and heads beyond all bounds.
    let answer = site.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", false).await;
    assert!(answer.is_empty() || status_line(&answer).contains("400"), "{answer}");
    let long = format!("GET /-/ready HTTP/1.1\r\nhost: h\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let answer = site.raw(long.as_bytes(), false).await;
    assert!(status_line(&answer).contains("431") || answer.is_empty(), "{answer}");

    // All the while others are served.
    assert_eq!(site.get("/-/ready").await.status, 200);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_bound_wait() {
    let mut config = quiet();
    config.http.connections_max = 2;
    config.http.header_timeout = TimeSpan::from_millis(500);
    let site = Site::with(config).await;
    // Two idle connections take both places; a third request waits until they are closed as too slow.
    let address = site.address;
    let idle: Vec<_> = (0..2).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let answer = site.get("/-/ready").await;
    assert_eq!(answer.status, 200);
    drop(idle);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_meet_their_bounds() {
    let mut config = quiet();
    config.query.samples_max = 20;
    config.query.steps_max = 100;
    let site = Site::with(config).await;
    let t = recent();
    let text: String = (0..50).map(|i| format!("wide{{i=\"{i}\"}} 1 {}\n", t * 1000)).collect();
    site.push(&text).await;
    let mut out = String::new();
    for (path, pairs) in [
        ("query", vec![("query", "wide"), ("time", "T")]),
        ("query_range", vec![("query", "up"), ("start", "0"), ("end", "1000"), ("step", "1")]),
        ("query", vec![("query", "wide"), ("time", "T"), ("timeout", "0")]),
    ] {
        let time = t.to_string();
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(n, v)| (*n, if *v == "T" { time.as_str() } else { *v })).collect();
        let answer = site.form(&format!("/api/v1/{path}"), &pairs).await;
        out += &format!("{path}: {} {}\n", answer.status, answer.body);
    }
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let answer = site.form("/api/v1/query", &[("query", &deep)]).await;
    out += &format!("deep: {} {}\n", answer.status, answer.body.chars().take(200).collect::<String>());
    insta::assert_snapshot!(out);
    site.stop().await;
}
