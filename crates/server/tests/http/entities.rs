//! Entities out of every signal, their relations, and the other signals of a point.

use crate::site::{Site, quiet, until};
use serde_json::Value;
use server::config::{Config, TimeSpan};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn quick() -> Config {
    let mut config = quiet();
    config.own.interval = TimeSpan::from_millis(100);
    config
}

fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// A service in all signals, which runs on a host and calls another service.
async fn send(site: &Site, version: &str) {
    let now = now_s();
    let resource = |service: &str| {
        format!(
            r#""resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}},{{"key":"service.version","value":{{"stringValue":"{version}"}}}},{{"key":"host.name","value":{{"stringValue":"web1"}}}}]}}"#
        )
    };
    let span = |id: u8, parent: &str, name: &str, kind: u8| {
        format!(
            r#"{{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"000000000000000{id}"{parent},"name":"{name}","kind":{kind},"startTimeUnixNano":"{now}000000000","endTimeUnixNano":"{now}500000000"}}"#
        )
    };
    let spans = format!(
        r#"{{"resourceSpans":[{{{},"scopeSpans":[{{"spans":[{}]}}]}},{{{},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
        resource("front"),
        span(1, "", "call", 3),
        resource("cart"),
        span(
            2,
            r#","parentSpanId":"0000000000000001","events":[{"name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"CartGone"}},{"key":"exception.message","value":{"stringValue":"no cart 7"}}]}]"#,
            "GET /cart",
            2
        ),
    );
    let logs = format!(
        r#"{{"resourceLogs":[{{{},"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"{now}000000000","body":{{"stringValue":"hello from cart"}}}}]}}]}}]}}"#,
        resource("cart")
    );
    for (path, body) in [("/v1/traces", spans), ("/v1/logs", logs)] {
        let answer = site.post(path, &JSON, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    site.push(&format!("up{{job=\"cart\",instance=\"web1:80\"}} 1 {now}000\n")).await;
    let event = r#"{"title":"cart restarted","kind":"restart","service":"cart","host":"web1"}"#;
    assert_eq!(site.post("/api/v1/events", &JSON, event).await.status, 200);
}

async fn json(site: &Site, path: &str) -> Value {
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()["data"].clone()
}

fn relations(entity: &Value) -> Vec<String> {
    let text = |v: &Value, name: &str| v[name].as_str().unwrap().to_owned();
    let all = entity["neighbours"].as_array().unwrap().iter();
    let mut all: Vec<String> = all
        .map(|n| {
            format!("{} {} {}/{}", text(n, "direction"), text(n, "relation"), text(n, "type"), text(n, "id"))
        })
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_joins_the_signals() {
    let site = Site::with(quick()).await;
    send(&site, "1.0").await;
    let cart = until("the service with its callers and its host", async || {
        let answer = site.get("/api/v1/entities/service/cart").await;
        let found = (answer.status == 200).then(|| answer.json()["data"].clone())?;
        (relations(&found).len() >= 4).then_some(found)
    })
    .await;
    assert_eq!(
        relations(&cart),
        [
            "in calls service/front",
            "in part_of endpoint/cart/GET /cart",
            "in part_of instance/cart/web1:80",
            "out runs_on host/web1"
        ]
    );
    assert_eq!(
        (cart["health"].as_str(), cart["attributes"]["service.version"].as_str()),
        (Some("ok"), Some("1.0"))
    );
    let list = json(&site, "/api/v1/entities?type=service&text=CAR").await;
    assert_eq!((list["total"].as_i64(), list["entities"][0]["id"].as_str()), (Some(1), Some("cart")));
    assert_eq!(list["types"]["endpoint"], 1);
    // From any point to all signals: a series, a line, a host.
    let of_series =
        json(&site, "/api/v1/correlate?label=__name__:up&label=job:cart&label=instance:web1:80").await;
    assert_eq!(
        (&of_series["entity"]["type"], &of_series["entity"]["id"]),
        (&"instance".into(), &"cart/web1:80".into())
    );
    let of_line = json(&site, "/api/v1/correlate?label=service_name:cart&label=host_name:web1").await;
    assert_eq!(of_line["entity"]["id"], "cart");
    let signals = &of_line["signals"];
    assert_eq!(signals["logs"][0]["records"], 1, "{signals}");
    assert_eq!(signals["traces"][0]["spans"], 1, "{signals}");
    assert_eq!(signals["events"][0]["records"], 1, "{signals}");
    assert_eq!(signals["preview"]["logs"][0]["text"], "hello from cart");
    assert_eq!(signals["preview"]["traces"][0]["traceID"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(signals["preview"]["events"][0]["title"], "cart restarted");
    // What it says can be asked as it is.
    let ask = |selector: &Value| {
        form_urlencoded::byte_serialize(selector.as_str().unwrap().as_bytes()).collect::<String>()
    };
    let lines =
        site.get(&format!("/loki/api/v1/query_range?query={}", ask(&signals["logs"][0]["selector"]))).await;
    assert_eq!(lines.json()["data"]["result"][0]["values"][0][1], "hello from cart", "{}", lines.body);
    let events =
        site.get(&format!("/loki/api/v1/query_range?query={}", ask(&signals["events"][0]["selector"]))).await;
    assert_eq!(events.json()["data"]["result"][0]["values"][0][1], "cart restarted", "{}", events.body);
    let traces = site.get(&format!("/tempo/api/search?q={}", ask(&signals["traces"][0]["selector"]))).await;
    assert_eq!(traces.json()["traces"].as_array().map(Vec::len), Some(1), "{}", traces.body);
    // Its errors are issues of the errors API, as are those of the host it runs on.
    for entity in ["service/cart", "endpoint/cart/GET /cart", "host/web1"] {
        let found = json(&site, &format!("/api/v1/entities/{}", entity.replace(' ', "%20"))).await;
        let errors = found["signals"]["errors"].as_array().unwrap();
        let of_cart = errors.iter().find(|e| e["selector"] == r#"service:"cart""#).expect(entity);
        assert_eq!(of_cart["issues"], 1, "{entity}: {errors:?}");
        let query = ask(&of_cart["selector"]);
        let issues = json(&site, &format!("/api/v1/errors/issues?status=all&query={query}")).await;
        assert_eq!(
            (&issues["total"], &issues["issues"][0]["type"]),
            (&1.into(), &"CartGone".into()),
            "{issues}"
        );
    }
    let errors = &signals["preview"]["errors"];
    assert!(errors[0]["title"].as_str().unwrap().contains("CartGone"), "{errors}");
    let shown = site.get(&format!("/api/v1/errors/issues/{}", errors[0]["id"].as_str().unwrap())).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_eq!(list["entities"][0]["seenIn"], serde_json::json!(["events", "logs", "metrics", "traces"]));
    let host = json(&site, "/api/v1/entities/host/web1").await;
    assert!(relations(&host).contains(&"in runs_on service/cart".to_owned()), "{host}");
    for (path, status) in [
        ("/api/v1/entities/service/none", 404),
        ("/api/v1/entities/ship/x", 400),
        ("/api/v1/correlate", 400),
        ("/api/v1/correlate?label=a:b", 404),
        ("/api/v1/correlate?label=a", 400),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_outlives_a_restart_and_names_follow_rules() {
    let mut config = quick();
    let site = Site::with(config.clone()).await;
    send(&site, "1.0").await;
    let seen = async |site: &Site, path: &str| {
        until("the entity", async || {
            let answer = site.get(path).await;
            (answer.status == 200).then(|| answer.json()["data"].clone())
        })
        .await
    };
    let first = seen(&site, "/api/v1/entities/host/web1").await["firstSeen"].clone();
    let dir = site.stop().await;
    let file = dir.path().join("data/entities.json");
    assert!(file.is_file());
    config.entities = serde_saphyr::from_str("- {type: service, match: 'cart', id: shop/cart}\n").unwrap();
    let site = Site::at(config.clone(), dir, None).await;
    let again = seen(&site, "/api/v1/entities/host/web1").await;
    assert_eq!(again["firstSeen"], first);
    send(&site, "1.1").await;
    let cart = seen(&site, "/api/v1/entities/service/shop/cart").await;
    assert_eq!(cart["name"], "cart");
    let dir = site.stop().await;
    // Without its file it is made of what is kept.
    std::fs::write(dir.path().join("data/entities.json"), "{").unwrap();
    let site = Site::at(config, dir, None).await;
    seen(&site, "/api/v1/entities/service/front").await;
    site.stop().await;
}

/// A message that was taken is a call to the service that took it, and no queue is called as that service.
#[tokio::test(flavor = "multi_thread")]
async fn messages_lead_to_services() {
    let site = Site::with(quick()).await;
    let now = now_s();
    let body = ["payment", "mailer"].iter().zip([(3, "", 4), (4, r#","parentSpanId":"0000000000000003""#, 5)]).map(
        |(service, (id, parent, kind))| {
            format!(
                r#"{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"000000000000000{id}"{parent},"name":"orders","kind":{kind},"startTimeUnixNano":"{now}000000000","endTimeUnixNano":"{now}500000000"}}]}}]}}"#
            )
        },
    );
    let body = format!(r#"{{"resourceSpans":[{}]}}"#, body.collect::<Vec<_>>().join(","));
    assert_eq!(site.post("/v1/traces", &JSON, body).await.status, 200);
    let neighbours = until("the call", async || {
        let answer = site.get("/api/v1/entities/service/payment").await;
        let found = (answer.status == 200).then(|| relations(&answer.json()["data"]))?;
        found.iter().any(|one| one.contains("mailer")).then_some(found)
    })
    .await;
    assert_eq!(neighbours, ["out calls service/mailer"]);
    let queues = json(&site, "/api/v1/entities?type=queue").await;
    assert_eq!(queues["total"], 0, "{queues}");
    site.stop().await;
}
