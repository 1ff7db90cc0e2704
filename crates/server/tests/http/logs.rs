//! Logs over every way in: what arrives is kept, and senders are told the truth.

use crate::site::{Site, logs_of, quiet, recent, until};
use server::config::{ByteSize, Config, TimeSpan};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

/// A field of a protocol buffer.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, number: u8, mut value: u64) {
    out.push(number << 3);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const LINES: [(&str, &str); 3] =
    [("info", "first"), ("warn", "with \"quotes\" and \\"), ("error", "third é")];

/// The lines as a push of Loki in protocol buffers.
fn loki_protobuf(labels: &str, t: i64) -> Vec<u8> {
    let mut stream = Vec::new();
    field(&mut stream, 1, labels.as_bytes());
    for (i, (level, line)) in LINES.iter().enumerate() {
        let (mut time, mut metadata, mut entry) = (Vec::new(), Vec::new(), Vec::new());
        varint(&mut time, 1, t as u64 + i as u64);
        field(&mut metadata, 1, b"level");
        field(&mut metadata, 2, level.as_bytes());
        field(&mut entry, 1, &time);
        field(&mut entry, 2, line.as_bytes());
        field(&mut entry, 3, &metadata);
        field(&mut stream, 2, &entry);
    }
    let mut body = Vec::new();
    field(&mut body, 1, &stream);
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

fn loki_json(t: i64) -> String {
    let values: Vec<_> = LINES
        .iter()
        .enumerate()
        .map(|(i, (level, line))| {
            serde_json::json!([format!("{}000000000", t + i as i64), line, { "level": level }])
        })
        .collect();
    serde_json::json!({"streams": [{"stream": {"app": "shop", "env": "prod", "host": "h1"}, "values": values}]})
        .to_string()
}

/// The lines as documents, with the names of a protocol.
fn documents(t: i64, time: &str, message: &str, action: Option<&str>) -> String {
    let mut out = String::new();
    for (i, (level, line)) in LINES.iter().enumerate() {
        if let Some(action) = action {
            out += &format!("{action}\n");
        }
        let document = serde_json::json!({
            time: (t + i as i64), message: line, "app": "shop", "host": "h1", "env": "prod", "level": level,
        });
        out += &format!("{document}\n");
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protocol_leaves_the_same_labels_and_lines() {
    let site = Site::start().await;
    let t = recent();
    let labels = r#"{app="shop", env="prod", host="h1"}"#;
    let proto = site.post("/loki/api/v1/push", &[("x-scope-orgid", "proto")], loki_protobuf(labels, t)).await;
    assert_eq!((proto.status, proto.body.as_str()), (204, ""));
    let json = [("content-type", "application/json"), ("x-scope-orgid", "json")];
    assert_eq!(site.post("/loki/api/v1/push", &json, loki_json(t)).await.status, 204);
    let action = "{\"create\":{\"_index\":\"logs\"}}";
    let bulk = documents(t, "@timestamp", "message", Some(action));
    let answer = site.post("/_bulk", &[("x-scope-orgid", "bulk")], bulk).await;
    assert_eq!(answer.header("x-elastic-product"), "Elasticsearch");
    let answer = answer.json();
    assert_eq!((&answer["errors"], answer["items"].as_array().unwrap().len()), (&false.into(), 3));
    let lines = documents(t, "_time", "_msg", None);
    let answer = site.post("/api/v1/logs/jsonline", &[("x-scope-orgid", "lines")], lines).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));

    let dir = site.stop().await;
    let of_loki = logs_of(&dir, "proto");
    insta::assert_snapshot!(of_loki.join("\n"));
    assert_eq!(logs_of(&dir, "json"), of_loki);
    assert_eq!(logs_of(&dir, "lines"), of_loki);
    let of_bulk: Vec<String> =
        logs_of(&dir, "bulk").iter().map(|l| l.replace("_index=\"logs\", ", "")).collect();
    assert_eq!(of_bulk, of_loki);
}

fn with_sockets() -> Config {
    let mut config = quiet();
    let any = || Some("127.0.0.1:0".to_owned());
    let r = &mut config.receivers;
    (r.otlp.grpc, r.otlp.http) = (any(), any());
    (r.syslog.udp, r.syslog.tcp) = (any(), any());
    (r.fluent.listen, r.gelf.udp, r.gelf.tcp) = (any(), any(), any());
    config
}

/// Waits until so many records came in by a way.
pub async fn arrived(site: &Site, way: &str, records: u64) {
    let line = format!("watchfire_logs_records_total{{protocol=\"{way}\"}} {records}");
    until(&line, async || site.get("/metrics").await.body.lines().any(|l| l == line).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_over_udp_and_tcp() {
    let site = Site::with(with_sockets()).await;
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.send_to(b"<30>1 - h1 app 7 ID [x@1 k=\"v\"] by udp", site.receiver("syslog.udp")).unwrap();
    let mut tcp = TcpStream::connect(site.receiver("syslog.tcp")).unwrap();
    let counted = "<11>1 - h2 app - - - over\ntwo lines";
    tcp.write_all(
        format!("{} {counted}<14>1 - h2 app - - - by line\n<14>1 - h2 app - - - cut o", counted.len())
            .as_bytes(),
    )
    .unwrap();
    drop(tcp);
    arrived(&site, "syslog", 4).await;
    let dir = site.stop().await;
    let mut found = logs_of(&dir, "default");
    found.sort();
    insta::assert_snapshot!(found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn gelf_over_udp_tcp_and_http() {
    let site = Site::with(with_sockets()).await;
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let piece = |number: u8, text: &str| [b"\x1e\x0fabcdefgh", &[number, 2][..], text.as_bytes()].concat();
    for datagram in [piece(1, "\"short_message\":\"in pieces\"}"), piece(0, "{\"host\":\"h1\",")] {
        udp.send_to(&datagram, site.receiver("gelf.udp")).unwrap();
    }
    let mut tcp = TcpStream::connect(site.receiver("gelf.tcp")).unwrap();
    tcp.write_all(b"{\"host\":\"h2\",\"short_message\":\"by tcp\",\"level\":3}\0").unwrap();
    drop(tcp);
    let answer = site.post("/gelf", &[], "{\"host\":\"h3\",\"short_message\":\"by http\"}").await;
    assert_eq!(answer.status, 202);
    arrived(&site, "gelf", 3).await;
    let mut found = logs_of(&site.stop().await, "default");
    found.sort();
    assert_eq!(
        found,
        [
            "{host=\"h1\"} \"in pieces\" unknown {}",
            "{host=\"h2\"} \"by tcp\" error {\"level\": 3}",
            "{host=\"h3\"} \"by http\" unknown {}",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fluent_is_acknowledged_when_it_is_safe() {
    let site = Site::with(with_sockets()).await;
    let address = site.receiver("fluent.listen");
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(b"\x94\xa5app.x\x00\x81\xa7message\xa5hello\x81\xa5chunk\xa4abcd").unwrap();
        let mut ack = [0; 10];
        stream.read_exact(&mut ack).unwrap();
        ack
    })
    .await
    .unwrap();
    assert_eq!(&answer, b"\x81\xa3ack\xa4abcd");
    assert_eq!(logs_of(&site.stop().await, "default"), ["{tag=\"app.x\"} \"hello\" unknown {}"]);
}

/// One record of OpenTelemetry.
fn otlp(body: &str) -> Vec<u8> {
    let (mut text, mut name, mut attribute) = (Vec::new(), Vec::new(), Vec::new());
    field(&mut name, 1, b"shop");
    field(&mut attribute, 1, b"service.name");
    field(&mut attribute, 2, &name);
    field(&mut text, 1, body.as_bytes());
    let (mut record, mut scope, mut resource, mut all, mut out) = (vec![], vec![], vec![], vec![], vec![]);
    varint(&mut record, 2, 9);
    field(&mut record, 5, &text);
    field(&mut scope, 2, &record);
    field(&mut resource, 1, &attribute);
    field(&mut all, 1, &resource);
    field(&mut all, 2, &scope);
    field(&mut out, 1, &all);
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn otlp_over_http_and_grpc() {
    let mut config = with_sockets();
    config.logs.limits.line_bytes_max = ByteSize(100);
    let site = Site::with(config).await;
    let proto = [("content-type", "application/x-protobuf")];
    let answer = site.post("/otlp/v1/logs", &proto, otlp("by http")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let json = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"json"}}]}]}]}"#;
    let answer = site.post("/v1/logs", &[("content-type", "application/json")], json).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"partialSuccess\":{}}"));
    let http = format!("http://{}/v1/logs", site.receiver("otlp.http"));
    let client = reqwest::Client::new();
    let answer =
        client.post(http).header(proto[0].0, proto[0].1).body(otlp("own port")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let long = site.post("/v1/logs", &proto, otlp(&"x".repeat(101))).await;
    assert_eq!(long.status, 200, "partial success is success");
    assert!(long.body.contains("logs.limits.line_bytes_max"), "{}", long.body);
    let wrong = site.post("/v1/logs", &proto, "nonsense").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("OTLP logs body: byte"), "{}", wrong.body);

    let call = "opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let grpc = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let send = async |path: &str, message: Vec<u8>| {
        let mut body = vec![0];
        body.extend_from_slice(&(message.len() as u32).to_be_bytes());
        body.extend_from_slice(&message);
        let url = format!("http://{}/{path}", site.receiver("otlp.grpc"));
        let answer =
            grpc.post(url).header("content-type", "application/grpc").body(body).send().await.unwrap();
        let status = answer.headers().get("grpc-status").map(|v| v.to_str().unwrap().to_owned());
        (status, answer.bytes().await.unwrap().to_vec())
    };
    assert_eq!(
        send(call, otlp("by grpc")).await,
        (None, vec![0, 0, 0, 0, 0]),
        "the status is in the trailers"
    );
    assert_eq!(send(call, b"nonsense".to_vec()).await.0.as_deref(), Some("3"));
    assert_eq!(send("other.Service/Export", Vec::new()).await.0.as_deref(), Some("12"));
    let found = logs_of(&site.stop().await, "default");
    for line in ["by http", "own port", "by grpc"] {
        assert!(found.contains(&format!("{{\"service.name\"=\"shop\"}} {line:?} info {{}}")), "{found:?}");
    }
    assert_eq!(found.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_elasticsearch_are_greeted() {
    let site = Site::start().await;
    for (accept, version) in [
        ("application/json", "8.17.0"),
        ("application/vnd.elasticsearch+json; compatible-with=7", "7.17.0"),
        ("application/vnd.elasticsearch+json;compatible-with=8", "8.17.0"),
        ("application/vnd.elasticsearch+json; compatible-with=9", "9.0.0"),
    ] {
        let answer = site.request("GET", "/", &[("accept", accept)], "").await;
        assert_eq!(answer.header("x-elastic-product"), "Elasticsearch");
        assert_eq!(answer.header("content-type"), accept);
        assert_eq!(answer.json()["version"]["number"], version, "{accept}");
    }
    let page = site.request("GET", "/", &[("accept", "text/html,application/json")], "").await;
    assert!(page.header("content-type").starts_with("text/html"));
    for (method, path, status) in [
        ("GET", "/_cluster/health", 200),
        ("GET", "/_license", 200),
        ("GET", "/_xpack", 200),
        ("GET", "/_nodes/_all/http", 200),
        ("PUT", "/_index_template/logs", 200),
        ("PUT", "/_ilm/policy/logs", 200),
        ("PUT", "/_ingest/pipeline/p", 400),
    ] {
        let answer = site.request(method, path, &[("content-type", "application/json")], "{}").await;
        assert_eq!((answer.status, answer.header("x-elastic-product")), (status, "Elasticsearch"), "{path}");
        answer.json();
    }
    let answer = site.post("/app/_doc/7", &[], "{\n\"message\":\"one\"\n}").await;
    assert_eq!((answer.status, answer.json()["_id"].as_str()), (201, Some("7")), "{}", answer.body);
    let found = logs_of(&site.stop().await, "default");
    assert_eq!(found, ["{_index=\"app\"} \"one\" unknown {\"_id\": \"7\"}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_are_told_what_is_wrong() {
    let mut config = quiet();
    config.ingest.limits.body_bytes_max = ByteSize(4096);
    config.ingest.limits.decompressed_bytes_max = ByteSize(16384);
    config.logs.limits.line_bytes_max = ByteSize(1000);
    config.logs.limits.records_per_body_max = 5;
    let site = Site::with(config).await;
    let json = ("content-type", "application/json");
    let t = recent();
    let push =
        |values: &str| format!("{{\"streams\":[{{\"stream\":{{\"a\":\"b\"}},\"values\":[{values}]}}]}}");
    let long = push(&format!("[\"{t}000000000\",\"{}\"],[\"{t}000000000\",\"kept\"]", "x".repeat(1001)));
    let many: Vec<String> = (0..6).map(|i| format!("[\"{t}00000000{i}\",\"\"]")).collect();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; 60_000]).unwrap();
    let mut out = String::new();
    for (name, path, headers, body) in [
        ("not snappy", "/loki/api/v1/push", vec![], b"hello".to_vec()),
        ("a bomb", "/loki/api/v1/push", vec![], bomb),
        ("not JSON", "/loki/api/v1/push", vec![json], b"hello".to_vec()),
        ("html", "/loki/api/v1/push", vec![("content-type", "text/html")], b"<p>".to_vec()),
        ("long line", "/loki/api/v1/push", vec![json], long.into_bytes()),
        ("many records", "/loki/api/v1/push", vec![json], push(&many.join(",")).into_bytes()),
        ("long past", "/loki/api/v1/push", vec![json], push("[\"5\",\"x\"]").into_bytes()),
        ("a tenant", "/loki/api/v1/push", vec![json, ("x-scope-orgid", "../up")], push("").into_bytes()),
        ("gzip", "/loki/api/v1/push", vec![json, ("content-encoding", "gzip")], b"\x1f\x8bnot".to_vec()),
        ("unknown encoding", "/_bulk", vec![("content-encoding", "lzma")], b"{}".to_vec()),
        ("too large", "/_bulk", vec![], vec![b' '; 5000]),
        ("half an action", "/_bulk", vec![], b"{\"index\":{}}\n".to_vec()),
        (
            "not a time",
            "/_bulk?filter_path=errors,items.*.error",
            vec![],
            b"{\"index\":{}}\n{\"@timestamp\":\"noon\"}\n".to_vec(),
        ),
        ("deep", "/api/v1/logs/jsonline", vec![], deep.into_bytes()),
        ("parameter", "/api/v1/logs/jsonline?extra_fields=x", vec![], b"{}".to_vec()),
        ("foreign page", "/gelf", vec![("sec-fetch-site", "cross-site")], b"{}".to_vec()),
        ("gelf", "/gelf", vec![], b"<14>hello".to_vec()),
    ] {
        let answer = site.post(path, &headers, body).await;
        let body = answer.body.trim_end().replace(&t.to_string(), "<t>");
        out += &format!("{name}: {} {}\n", answer.status, steady(&body));
    }
    insta::assert_snapshot!(out);
    assert_eq!(logs_of(&site.stop().await, "default"), ["{a=\"b\"} \"kept\" unknown {}"]);
}

/// The message with times left out.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = piece.chars().take_while(char::is_ascii_digit).count();
        out += if digits >= 16 { "<ns>" } else { &piece[..digits] };
        out += &piece[digits..];
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_this_machine_are_read_once_over_restarts() {
    let files = tempfile::tempdir().unwrap();
    let log = files.path().join("app.log");
    std::fs::write(&log, "before the first start\n").unwrap();
    let mut config = quiet();
    config.agent.enabled = true;
    config.agent.logs.journald = Some(false);
    config.agent.logs.containers = false;
    config.agent.logs.poll_interval = TimeSpan(Duration::from_millis(20));
    config.agent.logs.discover_interval = TimeSpan(Duration::from_millis(50));
    config.agent.logs.files = Some(vec![agent::FileLogs {
        include: vec![format!("{}/*.log", files.path().display())],
        ..agent::FileLogs::default()
    }]);
    let append = |text: &str| {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&log).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let figure = async |site: &Site, name: &str| {
        let text = site.get("/metrics").await.body;
        let value = text.lines().find_map(|l| l.strip_prefix(&format!("{name} ")).map(str::to_owned));
        value.and_then(|v| v.parse::<f64>().ok())
    };
    let mut dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let site = Site::at(config.clone(), dir, None).await;
        until("the file", async || figure(&site, "watchfire_tail_files").await.filter(|n| *n > 0.0)).await;
        append(&format!("{round} one\n{round} two\n"));
        let read = async || figure(&site, "watchfire_tail_records_total").await.filter(|n| *n >= 2.0);
        until("the lines", read).await;
        until("an end", async || {
            let status = site.get("/api/v1/status/logs").await.json();
            (status["data"]["files"]["lag_bytes"] == 0).then_some(())
        })
        .await;
        dir = site.stop().await;
        // Rotated while nobody looks.
        append(&format!("{round} three\n"));
        std::fs::rename(&log, files.path().join(format!("app.log.{round}"))).unwrap();
        append("");
    }
    let site = Site::at(config.clone(), dir, None).await;
    until("the rest", async || figure(&site, "watchfire_tail_records_total").await.filter(|n| *n >= 1.0))
        .await;
    let dir = site.stop().await;
    let lines: Vec<String> = logs_of(&dir, "default");
    let mut lines: Vec<&str> =
        lines.iter().filter_map(|l| l.split("} \"").nth(1)?.split('"').next()).collect();
    lines.sort_unstable();
    let mut expected: Vec<String> =
        (0..3).flat_map(|r| ["one", "two", "three"].map(|n| format!("{r} {n}"))).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbered_batches_are_kept_once() {
    let site = Site::start().await;
    let body = loki_json(recent());
    let sender = "0123456789abcdef0123456789abcdef";
    let push = async |number: &str, status: u16| {
        let delivery = format!("{sender}-{number}");
        let headers = [("content-type", "application/json"), ("x-watchfire-delivery", delivery.as_str())];
        let answer = site.post("/loki/api/v1/push", &headers, body.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        answer.body
    };
    for number in ["1", "1", "2", "1", "2"] {
        push(number, 204).await;
    }
    assert!(push("0", 400).await.contains("X-Watchfire-Delivery"));
    // Whoever could write under the name of the server's own reader could make it forget its lines.
    let own = format!("{}-18446744073709551615", agent::READER);
    let headers = [("content-type", "application/json"), ("x-watchfire-delivery", own.as_str())];
    let refused = site.post("/loki/api/v1/push", &headers, body.clone()).await;
    assert!(refused.status == 400 && refused.body.contains("own reader"), "{}", refused.body);
    let dir = site.stop().await;
    let site = Site::at(quiet(), dir, None).await;
    let headers = [("content-type", "application/json"), ("x-watchfire-delivery", &*format!("{sender}-2"))];
    assert_eq!(site.post("/loki/api/v1/push", &headers, body.clone()).await.status, 204);
    let dir = site.stop().await;
    assert_eq!(logs_of(&dir, "default").len(), 2 * LINES.len());
}

/// One pipeline for the records of `shop`.
fn with_pipeline(stages: &str) -> Config {
    let yaml = format!("pipelines: [{{name: shop, match: {{app: shop}}, stages: {stages}}}]");
    let parsed = server::config::parse(&yaml, "test", std::path::Path::new(".")).unwrap();
    Config { pipelines: parsed.pipelines, ..quiet() }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_prepare_what_arrives_and_derive_metrics() {
    let mut config = with_pipeline(
        r"[{drop: {contains: quotes}}, {redact: {patterns: [third]}},
           {metric: {name: lines_total, type: counter, labels: {level: level, host: host}}}]",
    );
    config.own.interval = TimeSpan::from_millis(200);
    let site = Site::with(config).await;
    let headers = [("content-type", "application/json")];
    let delivery = ("x-watchfire-delivery", "0123456789abcdef0123456789abcdef-1");
    for _ in 0..2 {
        let body = loki_json(recent());
        let answer = site.post("/loki/api/v1/push", &[headers[0], delivery], body).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    // Elasticsearch tells of each item, those that are dropped on purpose included.
    let bulk = documents(recent(), "@timestamp", "message", Some(r#"{"create":{"_index":"i"}}"#));
    let answer = site.post("/_bulk", &[("content-type", "application/x-ndjson")], bulk).await.json();
    assert_eq!((answer["errors"].as_bool(), answer["items"].as_array().unwrap().len()), (Some(false), 3));

    let counted = async || {
        let found = site.form("/api/v1/query", &[("query", r#"sum(lines_total{host="h1"})"#)]).await.json();
        found["data"]["result"][0]["value"][1].as_str().filter(|v| *v == "4").map(str::to_owned)
    };
    until("the metric", counted).await;
    let listed = site.get("/api/v1/logs/pipelines").await.json();
    let shop = &listed["data"]["pipelines"][0];
    assert_eq!((shop["name"].as_str(), shop["records"].as_u64()), (Some("shop"), Some(6)), "{listed}");
    assert_eq!(shop["dropped"], 2);
    let text = site.get("/metrics").await.body;
    assert!(text.contains(r#"watchfire_pipeline_dropped_total{pipeline="shop"} 2"#), "{text}");
    let dir = site.stop().await;
    let lines = logs_of(&dir, "default");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.iter().filter(|l| l.contains("[redacted] é")).count() == 2, "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_are_tried_on_samples() {
    let site = Site::start().await;
    let attempt = async |body: serde_json::Value| {
        let answer = site.post("/api/v1/logs/pipelines/try", &[], body.to_string()).await;
        (answer.status, answer.json())
    };
    let lines = [r#"{"level":"warn","msg":"slow"}"#, "no JSON"];
    let stages = "[{json: {}}, {level: {field: level}}, {drop: {field: service, equals: x, not: true}}]";
    let yaml = format!("name: a\nstages: {stages}\n");
    let (status, found) =
        attempt(serde_json::json!({"yaml": yaml, "labels": {"service": "x"}, "lines": lines})).await;
    assert_eq!(status, 200, "{found}");
    let found = &found["data"]["lines"];
    assert_eq!(found[0]["result"]["level"], "warn");
    assert_eq!(found[0]["result"]["attributes"][1], serde_json::json!(["msg", "slow"]));
    assert_eq!(found[1]["steps"][0]["note"], "it is no JSON object");
    let object = serde_json::json!({"name": "a", "stages": [{"drop": {"field": "service", "exists": true}}]});
    let (_, found) =
        attempt(serde_json::json!({"pipeline": object, "labels": {"service": "x"}, "lines": ["a"]})).await;
    assert!(found["data"]["lines"][0]["result"].is_null(), "{found}");
    for (body, message) in [
        (serde_json::json!({"lines": []}), "give either pipeline or yaml"),
        (serde_json::json!({"yaml": "- {name: a, stages: [{jsn: {}}]}", "lines": []}), "jsn"),
        (
            serde_json::json!({"yaml": "{name: a, stages: [{regex: {pattern: a}}]}", "lines": []}),
            "pipelines[0].stages[0].regex.pattern",
        ),
    ] {
        let (status, answer) = attempt(body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(message), "{answer}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_detected_in_attributes_and_lines() {
    let site = Site::start().await;
    let now = recent() * 1_000_000_000;
    let line =
        |i: i64, text: &str| serde_json::json!([(now + i).to_string(), text, {"user": format!("u{i}")}]);
    let body = serde_json::json!({"streams": [
        {"stream": {"app": "a"}, "values": [
            line(1, r#"{"status": 200, "took": "15ms", "nested": {"ok": true}}"#),
            line(2, r#"{"status": 404, "took": "1.5s", "nested": {"ok": false}}"#),
            line(3, r#"{"status": 1, broken"#),
        ]},
        {"stream": {"app": "b"}, "values": [line(4, "rate=0.5 size=10KB msg=\"two words\""), line(5, "plain = text")]},
    ]});
    let json = [("content-type", "application/json")];
    assert_eq!(site.post("/loki/api/v1/push", &json, body.to_string()).await.status, 204);
    let fields = async |query: &str| {
        let at = format!("/loki/api/v1/detected_fields?query={query}");
        let answer = site.get(&at).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let found = answer.json();
        let row = |f: &serde_json::Value| {
            format!(
                "{} {} {} {}",
                f["label"].as_str().unwrap(),
                f["type"].as_str().unwrap(),
                f["cardinality"],
                f["parsers"]
            )
        };
        found["fields"].as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let of_a = [
        "nested_ok boolean 2 [\"json\"]",
        "status int 2 [\"json\"]",
        "took duration 2 [\"json\"]",
        "user string 3 null",
    ];
    assert_eq!(fields("%7Bapp%3D%22a%22%7D").await, of_a);
    let parsed = fields("%7Bapp%3D%22a%22%7D%7Cjson%7Cstatus%3D404").await;
    assert_eq!(
        parsed,
        ["nested_ok boolean 1 null", "status int 1 null", "took duration 1 null", "user string 1 null"]
    );
    let of_b = fields("%7Bapp%3D%22b%22%7D").await;
    assert_eq!(
        of_b,
        [
            "msg string 1 [\"logfmt\"]",
            "rate float 1 [\"logfmt\"]",
            "size bytes 1 [\"logfmt\"]",
            "user string 2 null"
        ]
    );
    let values = async |name: &str, more: &str| {
        let at = format!("/loki/api/v1/detected_field/{name}/values?query=%7Bapp%3D%22a%22%7D{more}");
        site.get(&at).await.json()
    };
    assert_eq!(values("status", "").await, serde_json::json!({"values": ["200", "404"], "limit": 1000}));
    assert_eq!(values("user", "&limit=1").await, serde_json::json!({"values": ["u1"], "limit": 1}));
    assert_eq!(values("user", "&line_limit=1").await["values"], serde_json::json!(["u3"]));
    assert_eq!(values("nothing", "").await["values"], serde_json::json!([]));
    let wrong = site.get("/loki/api/v1/detected_fields?query=%7Bapp%3D%22a%22%7D&line_limit=x").await;
    assert!(wrong.status == 400 && wrong.body.contains("line_limit"), "{}", wrong.body);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_logs_is_explained() {
    let site = Site::start().await;
    let t = recent();
    let push = loki_json(t);
    assert_eq!(
        site.post("/loki/api/v1/push", &[("content-type", "application/json")], push).await.status,
        204
    );
    let (start, end) = ((t - 60).to_string(), (t + 60).to_string());
    let explain = async |query: &str| {
        let form = [("query", query), ("start", &start), ("end", &end), ("step", "10")];
        site.form("/api/v1/logs/explain", &form).await
    };
    let lines = explain("{app=~\".+\"} | json").await.json();
    let plan = &lines["data"]["plan"];
    assert_eq!((&lines["data"]["kind"], &plan["kind"]), (&"lines".into(), &"lines".into()), "{lines}");
    assert!(plan["lines"].as_u64() > Some(0), "{lines}");
    assert_eq!(plan["children"][0]["kind"], "selector");
    assert_eq!(plan["children"][1]["node"], "| json");
    let numbers = explain("sum(rate({app=~\".+\"} |~ \".\" [1m]))").await.json();
    let plan = &numbers["data"]["plan"];
    assert_eq!((&numbers["data"]["kind"], &plan["series"]), (&"range".into(), &1.into()), "{numbers}");
    let wrong = explain("{app=").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("\"column\""), "{}", wrong.body);
    site.stop().await;
}
