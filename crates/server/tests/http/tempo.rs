//! Tempo's API below `/tempo`, as Grafana's data source asks it.

use crate::site::{Answer, Site, quiet};
use server::config::TimeSpan;

/// 2023-11-14T22:13:20Z
const T_S: i64 = 1_700_000_000;
const T_NS: i64 = T_S * 1_000_000_000;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn site() -> Site {
    let mut config = quiet();
    config.traces.retention = TimeSpan::from_secs(100 * 365 * 86_400);
    Site::with(config).await
}

fn attributes(pairs: &[(&str, serde_json::Value)]) -> serde_json::Value {
    pairs.iter().map(|(key, value)| serde_json::json!({"key": key, "value": value})).collect()
}

fn text(value: &str) -> serde_json::Value {
    serde_json::json!({"stringValue": value})
}

fn int(value: i64) -> serde_json::Value {
    serde_json::json!({"intValue": value.to_string()})
}

/// A span that takes so long, all times in milliseconds.
fn span(trace: &str, id: u8, parent: u8, name: &str, kind: u8, start: i64, length: i64) -> serde_json::Value {
    let mut span = serde_json::json!({
        "traceId": trace, "spanId": format!("{id:016x}"), "name": name, "kind": kind,
        "startTimeUnixNano": (T_NS + start * 1_000_000).to_string(),
        "endTimeUnixNano": (T_NS + (start + length) * 1_000_000).to_string(),
    });
    if parent > 0 {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    span
}

fn of_service(service: &str, spans: Vec<serde_json::Value>) -> serde_json::Value {
    serde_json::json!({
        "resource": {"attributes": attributes(&[("service.name", text(service)), ("process.pid", int(7))])},
        "scopeSpans": [{"scope": {"name": "lib", "version": "1.0"}, "spans": spans}],
    })
}

/// A front that asks a cart, which fails over its database; later a job on its own.
async fn load(site: &Site) {
    let mut front = span(TRACE, 1, 0, "GET /cart", 2, 0, 1000);
    front["attributes"] = attributes(&[
        ("http.method", text("GET")),
        ("http.status_code", int(500)),
        ("tags", serde_json::json!({"arrayValue": {"values": [text("a"), text("b")]}})),
    ]);
    let mut cart = span(TRACE, 3, 2, "load", 2, 200, 300);
    cart["status"] = serde_json::json!({"code": 2, "message": "no stock"});
    cart["events"] = serde_json::json!([{
        "timeUnixNano": (T_NS + 250_000_000).to_string(), "name": "exception",
        "attributes": attributes(&[("exception.type", text("Empty"))]),
    }]);
    let mut query = span(TRACE, 4, 3, "SELECT", 3, 210, 20);
    query["attributes"] = attributes(&[("db.system", text("redis"))]);
    query["links"] = serde_json::json!([{"traceId": "0000000000000000000000000000000a",
        "spanId": "000000000000000b", "attributes": attributes(&[("why", text("retry"))])}]);
    let job = "0000000000000000000000000000000a";
    let body = serde_json::json!({"resourceSpans": [
        of_service("front", vec![front, span(TRACE, 2, 1, "call cart", 3, 100, 500)]),
        of_service("cart", vec![cart, query]),
        of_service("job", vec![span(job, 11, 0, "nightly", 1, 60_000, 2000)]),
    ]});
    let answer = site.post("/v1/traces", &[("content-type", "application/json")], body.to_string()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"partialSuccess":{}}"#));
}

fn form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Asks below `/tempo` within the time of the traces.
async fn ask(site: &Site, path: &str, params: &[(&str, &str)]) -> Answer {
    let mut url = format!("/tempo{path}?start={}&end={}", T_S - 10, T_S + 120);
    for (name, value) in params {
        url.push_str(&format!("&{name}={}", form(value)));
    }
    site.get(&url).await
}

/// What a search finds: of each trace its root, and the spans of each set.
async fn found(site: &Site, q: &str) -> String {
    let answer = ask(site, "/api/search", &[("q", q), ("spss", "10")]).await;
    assert_eq!(answer.status, 200, "{q}: {}", answer.body);
    let traces = answer.json()["traces"].as_array().unwrap().clone();
    let one = |t: &serde_json::Value| {
        let sets = t["spanSets"].as_array().unwrap();
        let names = |s: &serde_json::Value| {
            let spans = s["spans"].as_array().unwrap();
            spans.iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
        };
        format!(
            "{} {}: {}",
            t["rootServiceName"].as_str().unwrap(),
            t["rootTraceName"].as_str().unwrap(),
            sets.iter().map(names).collect::<Vec<_>>().join(" | ")
        )
    };
    traces.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_find_the_same_in_memory_and_in_parts() {
    let site = site().await;
    load(&site).await;
    for round in ["in memory", "in parts"] {
        for (q, wanted) in [
            ("{ }", "job nightly: nightly; front GET /cart: GET /cart, call cart, load, SELECT"),
            ("{ status = error }", "front GET /cart: load"),
            (r#"{ resource.service.name = "cart" && span.db.system = "redis" }"#, "front GET /cart: SELECT"),
            (r#"{ name = "load" }"#, "front GET /cart: load"),
            ("{ .http.status_code >= 500 } >> { status = error }", "front GET /cart: load"),
            (
                "{ kind = client } !> { }",
                "job nightly: nightly; front GET /cart: GET /cart, call cart, SELECT",
            ),
            (
                "{ } | by(resource.service.name) | count() = 2",
                "front GET /cart: GET /cart, call cart | load, SELECT",
            ),
            ("{ event.exception.type = \"Empty\" && event:timeSinceStart = 50ms }", "front GET /cart: load"),
            ("{ link.why = \"retry\" && link:traceID = \"a\" }", "front GET /cart: SELECT"),
            ("{ resource.process.pid = 7 && span.tags = \"b\" }", "front GET /cart: GET /cart"),
            (
                "{ instrumentation:name = \"lib\" && nestedSetParent < 0 && duration > 1s }",
                "job nightly: nightly",
            ),
            ("{ trace:id = \"a\" }", "job nightly: nightly"),
            ("{ traceDuration < 1500ms && kind = server }", "front GET /cart: GET /cart, load"),
            ("{ name = \"nothing\" }", ""),
        ] {
            assert_eq!(found(&site, q).await, wanted, "{round}: {q}");
        }
        let answer = ask(&site, "/api/search", &[("q", "{ status = error } | select(.http.method)")]).await;
        let mut answer = answer.json();
        answer["metrics"] = serde_json::Value::Null;
        insta::assert_snapshot!("tempo_search", serde_json::to_string_pretty(&answer).unwrap());
        let tags = [("tags", "service.name=CART http.method=get"), ("minDuration", "500ms")];
        let answer = ask(&site, "/api/search", &tags).await.json();
        assert_eq!(answer["traces"][0]["traceID"], TRACE, "{answer}");
        assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
    }
    let latest = ask(&site, "/api/search", &[("q", "{ }"), ("limit", "1")]).await.json();
    assert_eq!(latest["traces"].as_array().unwrap().len(), 1);
    assert_eq!(latest["traces"][0]["rootTraceName"], "nightly");
    // Of other times and other tenants nothing is found.
    let other = site.get(&format!("/tempo/api/search?q=%7B%7D&start={}&end={}", T_S - 20, T_S - 10)).await;
    assert_eq!(other.json()["traces"], serde_json::json!([]));
    let headers = [("x-scope-orgid", "other")];
    let path = format!("/tempo/api/search?q=%7B%7D&start={}&end={}", T_S - 10, T_S + 120);
    let other = site.request("GET", &path, &headers, "").await;
    assert_eq!(other.json()["traces"], serde_json::json!([]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_values_complete_queries() {
    let site = site().await;
    load(&site).await;
    let scopes = ask(&site, "/api/v2/search/tags", &[]).await.json();
    let scopes = scopes["scopes"].as_array().unwrap();
    let of = |name: &str| scopes.iter().find(|s| s["name"] == name).map(|s| s["tags"].clone());
    assert_eq!(of("span"), Some(serde_json::json!(["db.system", "http.method", "http.status_code", "tags"])));
    assert_eq!(of("resource"), Some(serde_json::json!(["process.pid", "service.name"])));
    assert_eq!(of("event"), Some(serde_json::json!(["exception.type"])));
    assert_eq!(of("link"), Some(serde_json::json!(["why"])));
    assert!(of("intrinsic").unwrap().as_array().unwrap().contains(&"span:name".into()));
    let names = ask(&site, "/api/search/tags", &[("scope", "resource")]).await.json();
    assert_eq!(names["tagNames"], serde_json::json!(["process.pid", "service.name"]));
    let some =
        ask(&site, "/api/v2/search/tags", &[("scope", "span"), ("q", "{ kind = client && .x = }")]).await;
    assert_eq!(some.json()["scopes"][0]["tags"], serde_json::json!(["db.system"]));

    let values = async |tag: &str, params: &[(&str, &str)]| {
        let answer = ask(&site, &format!("/api/v2/search/tag/{tag}/values"), params).await;
        assert_eq!(answer.status, 200, "{tag}: {}", answer.body);
        let of = |v: &serde_json::Value| {
            format!("{} {}", v["type"].as_str().unwrap(), v["value"].as_str().unwrap())
        };
        answer.json()["tagValues"].as_array().unwrap().iter().map(of).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(values("resource.service.name", &[]).await, "string cart, string front, string job");
    let errors = [("q", "{ status = error }")];
    assert_eq!(values("resource.service.name", &errors).await, "string cart");
    assert_eq!(values(".http.status_code", &[]).await, "int 500");
    assert_eq!(values("span.tags", &[]).await, "string a, string b");
    assert_eq!(
        values("name", &[("limit", "2"), ("q", "{ kind = client }")]).await,
        "string SELECT, string call cart"
    );
    assert_eq!(values("status", &[]).await, "keyword error, keyword ok, keyword unset");
    assert_eq!(values("event:name", &[]).await, "string exception");
    assert_eq!(values("rootServiceName", &[]).await, "string front, string job");
    assert_eq!(values("resource.process.pid", &[]).await, "int 7");
    let plain = ask(&site, "/api/search/tag/service.name/values", &[]).await.json();
    assert_eq!(plain["tagValues"], serde_json::json!(["cart", "front", "job"]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_given_as_otlp() {
    let site = site().await;
    load(&site).await;
    let first = site.get(&format!("/tempo/api/traces/{TRACE}")).await;
    insta::assert_snapshot!("tempo_trace", serde_json::to_string_pretty(&first.json()).unwrap());
    let second = site.get(&format!("/tempo/api/v2/traces/{TRACE}")).await.json();
    assert_eq!(second["trace"]["resourceSpans"], first.json()["batches"]);

    // What it gives as protocol buffers is what it takes.
    let client = reqwest::Client::new();
    let binary = async |path: &str| {
        let request = client.get(site.url(path)).header("accept", "application/protobuf");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/protobuf");
        response.bytes().await.unwrap()
    };
    let bytes = binary(&format!("/tempo/api/traces/{TRACE}")).await;
    let headers = [("content-type", "application/x-protobuf"), ("x-scope-orgid", "copy")];
    assert_eq!(site.post("/v1/traces", &headers, bytes.to_vec()).await.status, 200);
    let copy =
        site.request("GET", &format!("/tempo/api/traces/{TRACE}"), &[("x-scope-orgid", "copy")], "").await;
    assert_eq!(copy.json(), first.json());
    let answer = binary(&format!("/tempo/api/v2/traces/{TRACE}")).await;
    assert!(answer.len() > bytes.len() && answer.windows(bytes.len()).any(|w| w == &bytes[..]));

    let names = async |params: &str| {
        let answer = site.get(&format!("/tempo/api/v2/traces/{TRACE}?{params}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        assert_eq!(answer["status"], "PARTIAL");
        let batches = answer["trace"]["resourceSpans"].as_array().unwrap().clone();
        let spans = batches.iter().flat_map(|b| b["scopeSpans"][0]["spans"].as_array().unwrap().clone());
        spans.map(|s| s["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let q = form("{ status = error }");
    assert_eq!(names(&format!("q={q}")).await, "load");
    assert_eq!(names(&format!("q={q}&match_depth=1")).await, "load, SELECT");
    assert_eq!(names(&format!("q={q}&keep_hierarchy=true")).await, "GET /cart, call cart, load");
    assert_eq!(names(&format!("q={q}&keep_hierarchy=true&ancestor_depth=1")).await, "call cart, load");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_over_time() {
    let site = site().await;
    load(&site).await;
    let series = async |path: &str, params: &[(&str, &str)]| {
        let answer = ask(&site, path, params).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["series"].clone()
    };
    for round in 0..2 {
        let q = "{ } | count_over_time() by (resource.service.name)";
        let counts =
            series("/api/metrics/query_range", &[("q", q), ("step", "1m"), ("exemplars", "10")]).await;
        assert_eq!(counts.as_array().unwrap().len(), 3, "{counts}");
        assert_eq!(
            counts[0]["labels"],
            serde_json::json!([{"key": "resource.service.name", "value": {"stringValue": "cart"}}])
        );
        let values = |s: &serde_json::Value| {
            let samples = s["samples"].as_array().unwrap();
            samples.iter().map(|p| p["value"].as_f64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(values(&counts[0]).iter().sum::<f64>(), 2.0);
        assert_eq!(
            counts[2]["exemplars"][0]["labels"][0]["value"]["stringValue"],
            "0000000000000000000000000000000a"
        );
        for s in counts[0]["samples"].as_array().unwrap() {
            assert_eq!(s["timestampMs"].as_str().unwrap().parse::<i64>().unwrap() % 60_000, 0);
        }
        let instant =
            series("/api/metrics/query", &[("q", "{ kind = server } | max_over_time(duration)")]).await;
        assert_eq!(instant[0]["value"], 1.0, "{instant}");
        let structural = "{ kind = client } > { status = error } | rate()";
        assert_eq!(series("/api/metrics/query", &[("q", structural)]).await[0]["value"], 1.0 / 130.0);
        let ratio = "({ status = error } | count_over_time()) / ({ } | count_over_time())";
        assert_eq!(series("/api/metrics/query", &[("q", ratio)]).await[0]["value"], 0.2);
        let compared = series("/api/metrics/query", &[("q", "{ } | compare({ status = error })")]).await;
        let labels = serde_json::json!([
            {"key": "__meta_type", "value": {"stringValue": "selection"}},
            {"key": "name", "value": {"stringValue": "load"}},
        ]);
        assert!(compared.as_array().unwrap().iter().any(|s| s["labels"] == labels), "{compared}");
        if round == 0 {
            assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
        }
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told() {
    let site = site().await;
    assert_eq!(site.get("/tempo/api/echo").await.body, "echo");
    assert!(site.get("/tempo/api/status/buildinfo").await.json()["version"].is_string());
    let mut out = String::new();
    for path in [
        "/api/search?q=%7B%20nme%20%3D%201%20%7D",
        "/api/search?q=%7B%7D%20%7C%20rate()",
        "/api/search?limit=x",
        "/api/search?limit=100000",
        "/api/search?start=5&end=1",
        "/api/search?minDuration=soon",
        "/api/traces/xyz",
        "/api/traces/123",
        "/api/v2/traces/123",
        "/api/v2/traces/123?q=%7B%20rootName%20%3D%20%22x%22%20%7D",
        "/api/metrics/query_range?q=%7B%7D",
        "/api/metrics/query_range?q=%7B%7D%20%7C%20rate()&step=1ms&since=10h",
        "/api/metrics/query",
        "/api/v2/search/tags?scope=odd",
        "/api/v2/search/tag/odd/values",
    ] {
        let answer = site.get(&format!("/tempo{path}")).await;
        let body = answer.body.trim_end().to_owned();
        out += &format!("{path}: {} {body}\n", answer.status);
    }
    insta::assert_snapshot!("tempo_errors", out);
    site.stop().await;
}
