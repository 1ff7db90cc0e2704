//! Spans in by every protocol, out by every API, before and after they are parts, and what is counted of them.

use crate::site::{Answer, Site, quiet, until};
use server::config::{Config, TimeSpan};

/// 2023-11-14T22:13:20Z
const T_NS: i64 = 1_700_000_000_000_000_000;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A configuration that keeps spans of years ago and counts quickly.
fn patient() -> Config {
    let mut config = quiet();
    config.traces.retention = TimeSpan::from_secs(100 * 365 * 86_400);
    config.own.interval = TimeSpan::from_millis(100);
    config
}

/// A trace of two services: a front, its call, the answer, which fails, and a query of a database.
fn body(trace: &str, t: i64) -> String {
    let resource = |service: &str| {
        format!(
            r#""resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}},{{"key":"process.pid","value":{{"intValue":7}}}}]}}"#
        )
    };
    let span = |id: u8, parent: u8, name: &str, kind: u8, start: i64, length: i64, more: &str| {
        let parent =
            if parent > 0 { format!(r#""parentSpanId":"000000000000000{parent}","#) } else { String::new() };
        format!(
            r#"{{"traceId":"{trace}","spanId":"000000000000000{id}",{parent}"name":"{name}","kind":{kind},"startTimeUnixNano":"{}","endTimeUnixNano":"{}"{more}}}"#,
            t + start,
            t + start + length
        )
    };
    let event = format!(
        r#","status":{{"code":2,"message":"no stock"}},"events":[{{"timeUnixNano":"{}","name":"exception","attributes":[{{"key":"exception.type","value":{{"stringValue":"Empty"}}}}]}}]"#,
        t + 250_000
    );
    let method = r#","attributes":[{"key":"http.method","value":{"stringValue":"GET"}},{"key":"http.status_code","value":{"intValue":500}}]"#;
    let db = r#","attributes":[{"key":"db.system","value":{"stringValue":"redis"}}]"#;
    format!(
        r#"{{"resourceSpans":[{{{},"scopeSpans":[{{"scope":{{"name":"lib"}},"spans":[{},{}]}}]}},{{{},"scopeSpans":[{{"spans":[{},{}]}}]}}]}}"#,
        resource("front"),
        span(1, 0, "GET /cart", 2, 0, 1_000_000, method),
        span(2, 1, "call cart", 3, 100_000, 500_000, ""),
        resource("cart"),
        span(3, 2, "load", 2, 200_000, 300_000, &event),
        span(4, 3, "GET carts", 3, 210_000, 20_000, db),
    )
}

async fn send(site: &Site, body: String) -> Answer {
    let answer = site.post("/v1/traces", &[("content-type", "application/json")], body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_comes_out_by_every_api() {
    let mut site = Site::with(patient()).await;
    assert_eq!(send(&site, body(TRACE, T_NS)).await.body, r#"{"partialSuccess":{}}"#);
    let us = T_NS / 1000;
    let paths = [
        format!("/jaeger/api/traces/{TRACE}"),
        format!("/api/v2/trace/{TRACE}"),
        format!("/api/v1/traces/{TRACE}"),
        "/api/services".to_owned(),
        format!(
            "/api/traces?service=cart&operation=load&tags=%7B%22error%22%3A%22true%22%7D&minDuration=100us&start={}&end={}",
            us - 1,
            us + 10_000_000
        ),
        format!(
            "/api/v1/traces?service=front&tag=http.status_code:500&start={}&end={}",
            T_NS,
            T_NS + 1_000_000_000
        ),
        format!(
            "/zipkin/api/v2/traces?serviceName=cart&annotationQuery=error&endTs={}&lookback=10000",
            us / 1000 + 5000
        ),
    ];
    let mut first = Vec::new();
    for path in &paths {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        first.push(answer.json());
    }
    let shown: Vec<String> =
        first[..3].iter().map(|answer| serde_json::to_string_pretty(answer).unwrap()).collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(first[3]["data"], serde_json::json!(["cart", "front"]));
    assert_eq!(first[4]["data"], first[0]["data"]);
    assert_eq!(first[5]["data"]["traces"][0]["services"]["cart"]["errors"], 1);
    assert_eq!(first[5]["data"]["spans"], 1);
    assert_eq!(first[6][0], first[1]);

    // As parts, and after a restart.
    assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
    for round in ["flushed", "restarted"] {
        for (path, before) in paths.iter().zip(&first) {
            assert_eq!(&site.get(path).await.json(), before, "{round}: {path}");
        }
        site = Site::at(patient(), site.stop().await, None).await;
    }
    let none = format!(
        "/api/traces?service=cart&operation=load&maxDuration=100us&start={us}&end={}",
        us + 10_000_000
    );
    assert_eq!(site.get(&none).await.json()["data"], serde_json::json!([]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told() {
    let site = Site::with(patient()).await;
    let mut out = String::new();
    let json = [("content-type", "application/json")];
    let thrift = [("content-type", "application/x-thrift")];
    let plain = [("content-type", "text/plain")];
    let far = body(TRACE, 4_000_000_000_000_000_000);
    for (path, headers, body) in [
        ("/v1/traces", &json, "{"),
        ("/v1/traces", &json, r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}"#),
        ("/v1/traces", &json, far.as_str()),
        ("/api/traces", &thrift, "nonsense"),
        ("/api/traces", &plain, ""),
        ("/api/v2/spans", &json, "[{\"traceId\":\"x\"}]"),
        ("/api/v2/spans", &json, "[{\"traceId\":\"1\",\"id\":\"2\"},{\"traceId\":\"x\"}]"),
        ("/api/v2/spans", &json, "{}"),
        ("/api/v2/spans", &plain, ""),
    ] {
        let answer = site.post(path, headers, body).await;
        let body = answer.body.replace(|c: char| c.is_ascii_digit(), "9");
        out += &format!("POST {path}: {} {}\n", answer.status, body.trim_end());
    }
    for path in [
        "/api/traces/xyz",
        "/api/traces/123",
        "/api/traces",
        "/api/traces?service=a&minDuration=5",
        "/api/traces?service=a&tags=x",
        "/api/traces?service=a&limit=x",
        "/api/v2/trace/xyz",
        "/api/v2/trace/123",
        "/api/v2/traces?endTs=x",
        "/api/v1/traces/123",
        "/api/v1/traces?kind=odd",
        "/api/v1/traces?tag=odd",
    ] {
        let answer = site.get(path).await;
        out += &format!("{path}: {} {}\n", answer.status, answer.body.trim_end());
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_counted_and_make_a_graph() {
    let site = Site::with(patient()).await;
    let now_ns = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_nanos() as i64
    };
    for n in 0..3 {
        send(&site, body(&format!("{:032x}", n + 1), now_ns())).await;
    }
    // Of another tenant nothing is counted.
    let headers = [("content-type", "application/json"), ("x-scope-orgid", "other")];
    assert_eq!(site.post("/v1/traces", &headers, body(TRACE, now_ns())).await.status, 200);
    let value = async |query: &str| {
        let answer = site.form("/api/v1/query", &[("query", query)]).await.json();
        answer["data"]["result"][0]["value"][1].as_str().and_then(|v| v.parse::<f64>().ok())
    };
    let calls = r#"traces_spanmetrics_calls_total{service="cart",span_name="load",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_ERROR"}"#;
    until("all calls", async || value(calls).await.filter(|v| *v == 3.0)).await;
    assert_eq!(
        value(&format!("histogram_count({})", calls.replace("calls_total", "duration_seconds"))).await,
        Some(3.0)
    );
    // What came first is an increase, too.
    assert!(value(&format!("increase({calls}[1h])")).await.unwrap() > 2.5);
    let exemplars =
        site.get(&format!("/api/v1/query_exemplars?query={}&start=0&end=99999999999", form(calls))).await;
    assert!(exemplars.body.contains("\"trace_id\":\"0000000000000000000000000000000"), "{}", exemplars.body);

    let graph = site.get("/api/v1/traces/graph").await.json();
    let mut edges: Vec<String> = graph["data"]["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            assert!(e["requests"].as_f64().unwrap() > 2.5 && e["p95"].as_f64().unwrap() > 1e-6, "{e}");
            format!(
                "{} {} {} {}",
                e["client"],
                e["server"],
                e["connection"],
                e["failed"].as_f64().unwrap() > 2.5
            )
        })
        .collect();
    edges.sort();
    assert_eq!(
        edges,
        [
            r#""cart" "redis" "database" false"#,
            r#""front" "cart" "" true"#,
            r#""user" "front" "virtual_node" false"#
        ]
    );
    let dependencies = site.get("/api/dependencies").await.json();
    // An increase goes on to the end of the range, as Prometheus has it, so it may be more than was counted.
    let call = &dependencies["data"][1];
    assert_eq!((&call["parent"], &call["child"]), (&"front".into(), &"cart".into()));
    assert!(call["callCount"].as_i64().unwrap() >= 3, "{call}");
    let own = site.get("/metrics").await.body;
    for line in
        [r#"watchfire_traces_spans_total{protocol="otlp"} 16"#, "watchfire_trace_store_head_records 16"]
    {
        assert!(own.lines().any(|l| l == line), "{line}\n{own}");
    }
    site.stop().await;
}

fn form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_late_spans_and_large_traces() {
    let site = Site::with(patient()).await;
    let span = |n: usize, t: i64| {
        format!(
            r#"{{"traceId":"{TRACE}","spanId":"{:016x}","parentSpanId":"{:016x}","name":"n","startTimeUnixNano":"{}","endTimeUnixNano":"{}"}}"#,
            n + 1,
            n / 2,
            t + n as i64,
            t + 1_000_000
        )
    };
    let many = |range: std::ops::Range<usize>, t: i64| {
        let spans: Vec<String> = range.map(|n| span(n, t)).collect();
        format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","))
    };
    // Children before their parents, part of it in parts, part of it twice.
    send(&site, many(10_000..20_000, T_NS)).await;
    assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
    send(&site, many(1..10_500, T_NS)).await;
    let read = async || site.get(&format!("/api/v1/traces/{TRACE}")).await.json()["data"].clone();
    let early = read().await;
    assert_eq!(early["spans"].as_array().unwrap().len(), 19_999);
    let orphans = |trace: &serde_json::Value| {
        let spans = trace["spans"].as_array().unwrap();
        spans.iter().filter(|s| s["warnings"][0].as_str().is_some_and(|w| w.contains("parent"))).count()
    };
    assert_eq!(orphans(&early), 2);
    send(&site, many(0..1, T_NS)).await;
    let whole = read().await;
    assert_eq!((whole["spans"].as_array().unwrap().len(), orphans(&whole)), (20_000, 0));
    assert_eq!(whole["spans"].as_array().unwrap().iter().filter(|s| s["warnings"].is_array()).count(), 500);

    // The id is used again days later: the newest counts.
    send(&site, many(0..3, T_NS + 3 * 86_400_000_000_000)).await;
    let again = read().await;
    assert_eq!(
        (again["spans"].as_array().unwrap().len(), &again["earlierOccasions"]),
        (3, &serde_json::json!(1))
    );
    site.stop().await;
}

/// A field of a message of protocol buffers.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, bytes.len() as u8];
    out.extend_from_slice(bytes);
    out
}

/// A batch in Thrift's binary protocol: a service and one span.
fn thrift(service: &str, start_us: i64) -> Vec<u8> {
    let mut out = vec![12, 0, 1, 11, 0, 1];
    out.extend_from_slice(&(service.len() as u32).to_be_bytes());
    out.extend_from_slice(service.as_bytes());
    out.extend_from_slice(&[0, 15, 0, 2, 12, 0, 0, 0, 1]);
    for (id, value) in [(1u8, 1i64), (2, 2), (3, 3), (8, start_us), (9, 1500)] {
        out.extend_from_slice(&[10, 0, id]);
        out.extend_from_slice(&value.to_be_bytes());
    }
    out.extend_from_slice(b"\x0b\0\x05\0\0\0\x02op\0\0");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_their_own() {
    let mut config = patient();
    // What is counted of the spans is not stored before the questions are asked.
    config.own.interval = TimeSpan::from_secs(3600);
    let any = || Some("127.0.0.1:0".to_owned());
    let jaeger = &mut config.receivers.jaeger;
    (jaeger.binary, jaeger.http, jaeger.grpc) = (any(), any(), any());
    (config.receivers.zipkin.http, config.receivers.otlp.http) = (any(), any());
    let site = Site::with(config).await;
    let us = T_NS / 1000;

    let mut datagram = b"\x80\x01\0\x04\0\0\0\x09emitBatch\0\0\0\0\x0c\0\x01".to_vec();
    datagram.extend_from_slice(&thrift("by-udp", us));
    datagram.push(0);
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.send_to(&datagram, site.receiver("jaeger.binary")).unwrap();
    udp.send_to(b"nonsense", site.receiver("jaeger.binary")).unwrap();

    let client = reqwest::Client::new();
    let post = async |socket: &str, path: &str, kind: &str, body: Vec<u8>| {
        let url = format!("http://{}{path}", site.receiver(socket));
        client.post(url).header("content-type", kind).body(body).send().await.unwrap().status().as_u16()
    };
    let kind = "application/x-thrift";
    assert_eq!(
        post("jaeger.http", "/api/traces?format=jaeger.thrift", kind, thrift("by-http", us)).await,
        202
    );
    let zipkin = format!(
        r#"[{{"traceId":"5","id":"6","name":"op","timestamp":{us},"localEndpoint":{{"serviceName":"by-zipkin"}}}}]"#
    );
    assert_eq!(post("zipkin.http", "/api/v2/spans", "application/json", zipkin.into_bytes()).await, 202);
    let otlp = body(TRACE, T_NS).into_bytes();
    assert_eq!(post("otlp.http", "/v1/traces", "application/json", otlp).await, 200);

    let mut time = vec![8];
    time.extend_from_slice(&[0x80, 0xe2, 0xcf, 0xaa, 6]);
    let span = [field(1, &[7; 16]), field(2, &[8; 8]), field(3, b"op"), field(6, &time)].concat();
    let batch = [field(1, &span), field(2, &field(1, b"by-grpc"))].concat();
    let message = field(1, &batch);
    let mut call = vec![0];
    call.extend_from_slice(&(message.len() as u32).to_be_bytes());
    call.extend_from_slice(&message);
    let grpc = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/jaeger.api_v2.CollectorService/PostSpans", site.receiver("jaeger.grpc"));
    let answer = grpc.post(url).header("content-type", "application/grpc").body(call).send().await.unwrap();
    assert!(answer.headers().get("grpc-status").is_none(), "{answer:?}");
    assert_eq!(answer.bytes().await.unwrap().to_vec(), [0; 5]);

    let services = until("all services", async || {
        let url = format!("http://{}/api/services", site.receiver("jaeger.http"));
        let text = client.get(url).send().await.unwrap().text().await.unwrap();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        all["data"].as_array().filter(|a| a.len() == 6).cloned()
    })
    .await;
    assert_eq!(services, ["by-grpc", "by-http", "by-udp", "by-zipkin", "cart", "front"]);
    let operations = site.get("/api/services/by-udp/operations").await.json();
    // Names of the last two days, and these spans are of years ago.
    assert_eq!(operations["data"], serde_json::json!([]));
    let own = site.get("/metrics").await.body;
    for line in [
        r#"watchfire_traces_spans_total{protocol="jaeger"} 3"#,
        r#"watchfire_traces_refused_total{protocol="jaeger"} 1"#,
        r#"watchfire_traces_spans_total{protocol="zipkin"} 1"#,
    ] {
        assert!(own.lines().any(|l| l == line), "{line}\n{own}");
    }
    site.stop().await;
}
