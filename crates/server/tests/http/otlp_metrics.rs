//! OTLP metrics: every way in, what PromQL finds of them, deltas over a restart, and what is wrong.

use crate::site::{Answer, Site, quiet, until};
use server::config::{Config, TimeSpan};
use std::io::Write;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn text(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

/// A request of one resource.
fn body(resource: &[(&str, &str)], metrics: &[String]) -> String {
    let resource: Vec<String> = resource.iter().map(|(k, v)| text(k, v)).collect();
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{}]}},"scopeMetrics":[{{"scope":{{"name":"lib"}},"metrics":[{}]}}]}}]}}"#,
        resource.join(","),
        metrics.join(",")
    )
}

fn sum(name: &str, temporality: u8, (start_s, time_s): (i64, i64), value: i64) -> String {
    format!(
        r#"{{"name":"{name}","description":"Of a test","unit":"{{request}}","sum":{{"aggregationTemporality":{temporality},"isMonotonic":true,"dataPoints":[{{"startTimeUnixNano":"{start_s}000000000","timeUnixNano":"{time_s}000000000","asInt":"{value}"}}]}}}}"#
    )
}

const CART: [(&str, &str); 4] = [
    ("service.name", "cart"),
    ("service.namespace", "shop"),
    ("service.instance.id", "i-1"),
    ("host.name", "web1"),
];

async fn send(site: &Site, path: &str, body: String) -> Answer {
    let answer = site.post(path, &JSON, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

async fn value(site: &Site, query: &str, time_s: i64) -> Option<f64> {
    site.query(query, time_s).await[0]["value"][1].as_str().map(|v| v.parse().unwrap())
}

/// Protocol buffers written by hand.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// A gauge, in protocol buffers.
fn gauge(name: &str, time_s: i64, value: f64) -> Vec<u8> {
    let mut point = vec![3 << 3 | 1];
    point.extend_from_slice(&(time_s as u64 * 1_000_000_000).to_le_bytes());
    point.push(4 << 3 | 1);
    point.extend_from_slice(&value.to_le_bytes());
    let metric = [field(1, name.as_bytes()), field(5, &field(1, &point))].concat();
    field(1, &field(2, &field(2, &metric)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in() {
    let mut config = quiet();
    let any = || Some("127.0.0.1:0".to_owned());
    (config.receivers.otlp.http, config.receivers.otlp.grpc) = (any(), any());
    let site = Site::with(config).await;
    let now = now_s() - 5;
    for (i, path) in ["/v1/metrics", "/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"].iter().enumerate() {
        let answer = send(&site, path, body(&CART, &[sum(&format!("way{i}"), 2, (now - 60, now), 7)])).await;
        assert_eq!(answer.body, r#"{"partialSuccess":{}}"#);
        let query = format!(r#"way{i}_total{{job="shop/cart",instance="i-1"}}"#);
        assert_eq!(value(&site, &query, now).await, Some(7.0));
    }
    // Compressed, as protocol buffers.
    let protobuf = [("content-type", "application/x-protobuf")];
    for encoding in ["gzip", "zstd"] {
        let plain = gauge(&format!("by_{encoding}"), now, 1.5);
        let packed = match encoding {
            "gzip" => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                w.write_all(&plain).unwrap();
                w.finish().unwrap()
            }
            _ => zstd::encode_all(&plain[..], 0).unwrap(),
        };
        let answer = site.post("/v1/metrics", &[protobuf[0], ("content-encoding", encoding)], packed).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(answer.header("content-type"), "application/x-protobuf");
        assert_eq!(value(&site, &format!("by_{encoding}"), now).await, Some(1.5));
    }
    // The socket of its own, and gRPC.
    let http = format!("http://{}/v1/metrics", site.receiver("otlp.http"));
    let client = reqwest::Client::new();
    let answer = client
        .post(http)
        .header("content-type", protobuf[0].1)
        .body(gauge("own", now, 2.0))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let grpc = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!(
        "http://{}/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        site.receiver("otlp.grpc")
    );
    let message = gauge("called", now, 3.0);
    let call = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
    let answer = grpc.post(url).header("content-type", "application/grpc").body(call).send().await.unwrap();
    assert!(answer.headers().get("grpc-status").is_none(), "{answer:?}");
    assert_eq!((value(&site, "own", now).await, value(&site, "called", now).await), (Some(2.0), Some(3.0)));
    let metrics = site.get("/metrics").await.body;
    for line in [
        r#"watchfire_receive_bodies_total{protocol="otlp"} 7"#,
        r#"watchfire_receive_samples_total{protocol="otlp"} 10"#,
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_target_info_exemplars_and_the_end_of_a_series() {
    let site = Site::start().await;
    let now = now_s() - 5;
    let exemplar = r#""exemplars":[{"asDouble":0.2,"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7"}]"#;
    let histogram = |flags: &str, time_s: i64| {
        format!(
            r#"{{"name":"http.server.request.duration","unit":"s","description":"How long","histogram":{{"aggregationTemporality":2,"dataPoints":[{{"startTimeUnixNano":"{0}000000000","timeUnixNano":"{time_s}000000000","count":"4","sum":1.5,"bucketCounts":["1","2","1"],"explicitBounds":[0.1,1]{flags},{exemplar}}}]}}}}"#,
            now - 60
        )
    };
    send(&site, "/v1/metrics", body(&CART, &[histogram("", now)])).await;
    let metadata = site.get("/api/v1/metadata?metric=http_server_request_duration_seconds").await.json();
    assert_eq!(
        metadata["data"]["http_server_request_duration_seconds"][0],
        serde_json::json!({"type": "histogram", "unit": "seconds", "help": "How long"})
    );
    let joined = r#"http_server_request_duration_seconds_bucket{le="1"} * on (job, instance) group_left (host_name) target_info"#;
    let found = site.query(joined, now).await;
    assert_eq!((&found[0]["metric"]["host_name"], &found[0]["value"][1]), (&"web1".into(), &"3".into()));
    let exemplars = site
        .get(&format!(
            "/api/v1/query_exemplars?query=http_server_request_duration_seconds_bucket&start={}&end={}",
            now - 60,
            now + 60
        ))
        .await
        .json();
    let found = &exemplars["data"][0];
    assert_eq!(found["seriesLabels"]["le"], "1");
    assert_eq!(found["exemplars"][0]["labels"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    // The end.
    send(&site, "/v1/metrics", body(&CART, &[histogram(r#","flags":1"#, now + 1)])).await;
    for series in ["_bucket", "_sum", "_count"] {
        let query = format!("http_server_request_duration_seconds{series}");
        assert!(value(&site, &query, now).await.is_some());
        assert_eq!(value(&site, &query, now + 1).await, None);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_totals_over_a_restart() {
    let site = Site::start().await;
    let start = now_s() - 100;
    let at = |n: i64| (start + n * 10 - 10, start + n * 10);
    let exponential = |n: i64| {
        let (from, until) = at(n);
        format!(
            r#"{{"name":"size","exponentialHistogram":{{"aggregationTemporality":1,"dataPoints":[{{"startTimeUnixNano":"{from}000000000","timeUnixNano":"{until}000000000","count":3,"sum":6,"scale":{},"positive":{{"offset":0,"bucketCounts":[1,2]}}}}]}}}}"#,
            3 - n % 2
        )
    };
    let request = |n: i64| body(&CART, &[sum("hits", 1, at(n), n), exponential(n)]);
    for n in [1, 2, 2, 3] {
        send(&site, "/v1/metrics", request(n)).await;
    }
    assert_eq!(value(&site, "hits_total", start + 30).await, Some(6.0));
    let dir = site.stop().await;
    let site = Site::at(quiet(), dir, None).await;
    // The last again, then on.
    for n in [3, 4] {
        let answer = send(&site, "/v1/metrics", request(n)).await;
        assert_eq!(answer.body, r#"{"partialSuccess":{}}"#);
    }
    assert_eq!(value(&site, "hits_total", start + 40).await, Some(10.0));
    assert_eq!(value(&site, "histogram_count(size)", start + 40).await, Some(12.0));
    assert_eq!(value(&site, "histogram_sum(size)", start + 40).await, Some(24.0));
    // What came before the restart cannot be told from what did not.
    let late = send(&site, "/v1/metrics", body(&CART, &[sum("hits", 1, at(2), 2)])).await;
    let late = &late.json()["partialSuccess"];
    assert_eq!(late["rejectedDataPoints"], "1");
    assert!(late["errorMessage"].as_str().unwrap().contains("comes too late"), "{late}");
    assert!(site.get("/metrics").await.body.contains("watchfire_otlp_delta_series 2\n"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_have_a_bound() {
    let mut config = quiet();
    config.otlp.delta_series_max = 3;
    let site = Site::with(config).await;
    let now = now_s();
    let many: Vec<String> = (0..5).map(|i| sum(&format!("m{i}"), 1, (now - 20, now - 10), 1)).collect();
    let answer = send(&site, "/v1/metrics", body(&[], &many)).await.json();
    let partial = &answer["partialSuccess"];
    assert_eq!(partial["rejectedDataPoints"], "2");
    let message = partial["errorMessage"].as_str().unwrap();
    assert!(
        message.starts_with("2 of 5 data points refused: the number of series sent as deltas"),
        "{message}"
    );
    assert!(message.contains("over the limit of 3: raise otlp.delta_series_max to allow it"), "{message}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_is_that_of_prometheus() {
    let text = r#"
otlp:
  translation_strategy: NoUTF8EscapingWithSuffixes
  promote_resource_attributes: [host.name]
  keep_identifying_resource_attributes: true
  promote_scope_metadata: true
  delta: refuse
"#;
    let mut config: Config = server::config::parse(text, "watchfire.yml", std::path::Path::new(".")).unwrap();
    let quiet = quiet();
    (config.http, config.agent, config.own) = (quiet.http, quiet.agent, quiet.own);
    let site = Site::with(config).await;
    let now = now_s() - 5;
    let all = [sum("http.requests", 2, (now - 60, now), 7), sum("hits", 1, (now - 60, now), 7)];
    let answer = send(&site, "/v1/metrics", body(&CART, &all)).await.json();
    let message = answer["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.contains(r#"metric "hits" is sent as deltas, which otlp.delta refuses"#), "{message}");
    let query = r#"{"http.requests_total","host.name"="web1",otel_scope_name="lib"}"#;
    assert_eq!(value(&site, query, now).await, Some(7.0));
    assert_eq!(value(&site, r#"target_info{"service.name"="cart"}"#, now).await, Some(1.0));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told() {
    let mut config = quiet();
    config.receivers.otlp.grpc = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let mut out = String::new();
    let protobuf = ("content-type", "application/x-protobuf");
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Headers<'_>, &[u8]); 6] = [
        ("text", &[("content-type", "text/plain")], b"x"),
        ("no JSON", &JSON, b"{"),
        ("no message", &[protobuf], b"\x0a\x05"),
        ("an unknown encoding", &[protobuf, ("content-encoding", "compress")], b""),
        ("no tenant", &[protobuf, ("x-scope-orgid", "a/b")], b""),
        ("a foreign page", &[JSON[0], ("origin", "http://elsewhere")], b"{}"),
    ];
    for (what, headers, body) in cases {
        let answer = site.post("/v1/metrics", headers, body).await;
        out += &format!("{what}: {} {:?}\n", answer.status, answer.body);
    }
    let years = send(&site, "/v1/metrics", body(&[], &[sum("old", 2, (0, 1_000_000_000), 1)])).await.json();
    let message = years["partialSuccess"]["errorMessage"].as_str().unwrap();
    out += &format!("too old: {}\n", message.split(" accepted are").next().unwrap());
    out += &format!("GET: {}\n", site.get("/v1/metrics").await.body);
    let grpc = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!(
        "http://{}/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        site.receiver("otlp.grpc")
    );
    for (what, encoding, call) in
        [("cut short", "identity", &b"\0\0\0"[..]), ("an unknown encoding", "lz4", b"\0\0\0\0\0")]
    {
        let request =
            grpc.post(&url).header("content-type", "application/grpc").header("grpc-encoding", encoding);
        let answer = request.body(call.to_vec()).send().await.unwrap();
        let of = |name: &str| answer.headers().get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
        out += &format!("{what}, by gRPC: {} {}\n", of("grpc-status"), of("grpc-message"));
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_lead_to_the_same_entities_as_logs() {
    let mut config = quiet();
    config.own.interval = TimeSpan::from_millis(100);
    let site = Site::with(config).await;
    let now = now_s();
    let resource: Vec<(&str, &str)> =
        CART.into_iter().chain([("k8s.pod.name", "cart-7"), ("k8s.namespace.name", "prod")]).collect();
    send(&site, "/v1/metrics", body(&resource, &[sum("hits", 2, (now - 60, now), 7)])).await;
    let attributes: Vec<String> = resource.iter().map(|(k, v)| text(k, v)).collect();
    let log = format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{}]}},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{now}000000000","body":{{"stringValue":"hello"}}}}]}}]}}]}}"#,
        attributes.join(",")
    );
    send(&site, "/v1/logs", log).await;
    for id in ["service/shop/cart", "instance/shop/cart/i-1", "pod/prod/cart-7", "host/web1"] {
        until("both signals of an entity", async || {
            let answer = site.get(&format!("/api/v1/entities/{id}")).await;
            let found = (answer.status == 200).then(|| answer.json()["data"]["signals"].clone())?;
            let metrics = found["metrics"][0]["series"].as_i64()?;
            let logs = found["logs"][0]["records"].as_i64()?;
            (metrics > 0 && logs > 0).then_some(())
        })
        .await;
    }
    site.stop().await;
}
