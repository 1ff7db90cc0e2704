//! How long logs are kept: retention by stream and tenant, deletion, and both in the status.

use crate::site::{Site, quiet, recent};
use server::config::Config;

const JSON: (&str, &str) = ("content-type", "application/json");

fn push(labels: &str, lines: &[(i64, &str)]) -> String {
    let values: Vec<_> =
        lines.iter().map(|(t, line)| serde_json::json!([format!("{t}000000000"), line])).collect();
    format!("{{\"streams\":[{{\"stream\":{labels},\"values\":{}}}]}}", serde_json::json!(values))
}

async fn lines(site: &Site, tenant: &str, query: &str, since: i64) -> Vec<String> {
    let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let path = format!("/loki/api/v1/query_range?query={query}&start={since}&limit=1000");
    let answer = site.request("GET", &path, &[("x-scope-orgid", tenant)], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let streams = body["data"]["result"].as_array().unwrap();
    let values = streams.iter().flat_map(|s| s["values"].as_array().unwrap());
    let mut all: Vec<String> = values.map(|v| v[1].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

async fn delete(site: &Site, tenant: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let path = format!("/loki/api/v1/delete?{query}");
    let answer = site.post(&path, &[("x-scope-orgid", tenant)], "").await;
    (answer.status, answer.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_lines_are_gone_at_once_and_the_status_says_so() {
    let site = Site::start().await;
    let t = recent();
    let all = [(t, "login of 17"), (t + 1, "login of 18"), (t + 2, "other"), (t + 300, "login of 17")];
    for tenant in ["a", "b"] {
        for labels in [r#"{"service.name":"shop"}"#, r#"{"app":"x"}"#] {
            let answer =
                site.post("/loki/api/v1/push", &[JSON, ("x-scope-orgid", tenant)], push(labels, &all)).await;
            assert_eq!(answer.status, 204, "{}", answer.body);
        }
    }
    let (start, end) = (t.to_string(), (t + 60).to_string());
    let asked = [
        ("query", r#"{service_name="shop"} |= "login" != "18""#),
        ("start", start.as_str()),
        ("end", end.as_str()),
    ];
    assert_eq!(delete(&site, "a", &asked).await, (204, String::new()));
    let shop = r#"{service_name="shop"}"#;
    assert_eq!(lines(&site, "a", shop, t - 5).await, ["login of 17", "login of 18", "other"]);
    assert_eq!(lines(&site, "a", r#"{app="x"}"#, t - 5).await.len(), 4, "another stream");
    assert_eq!(lines(&site, "b", shop, t - 5).await.len(), 4, "another tenant");

    // What comes after the deletion is kept, also where it is the same.
    let answer = site
        .post(
            "/loki/api/v1/push",
            &[JSON, ("x-scope-orgid", "a")],
            push(r#"{"service.name":"shop"}"#, &all[..1]),
        )
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(lines(&site, "a", shop, t - 5).await.len(), 4);

    for (parameters, reason) in [
        (vec![("query", "{app=\"x\"} | json")], "| json is not possible here"),
        (vec![("query", "{app=\"x\"}")], "start"),
        (vec![("query", "{app=")], "query"),
        (vec![("query", "{app=\"x\"}"), ("start", "50"), ("end", "20")], "before its start"),
    ] {
        let (status, body) = delete(&site, "a", &parameters).await;
        assert!(status == 400 && body.contains(reason), "{parameters:?}: {status} {body}");
    }
    let cancelled = site.request("DELETE", "/loki/api/v1/delete?request_id=1", &[], "").await;
    assert_eq!(cancelled.status, 400, "{}", cancelled.body);

    assert_eq!(site.post("/-/compact", &[], "").await.status, 200);
    assert_eq!(site.get("/loki/api/v1/delete").await.body, "[]");
    assert_eq!(lines(&site, "a", shop, t - 5).await.len(), 4, "carried out");
    let status: serde_json::Value =
        serde_json::from_str(&site.get("/api/v1/status/store").await.body).unwrap();
    let logs = &status["data"]["logs"];
    assert_eq!((logs["part_records"].as_u64(), &logs["deletions"]), (Some(16), &serde_json::json!([])));
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.lines().any(|l| l == "watchfire_log_store_part_records 16"), "{metrics}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_admin_nothing_is_deleted() {
    let mut config = quiet();
    config.http.admin = false;
    let site = Site::with(config).await;
    let (status, body) = delete(&site, "a", &[("query", "{app=\"x\"}"), ("start", "1")]).await;
    assert!(status == 503 && body.contains("http.admin"), "{status} {body}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_kept_as_long_as_their_rule_says() {
    let text = "logs:\n  retention: 30d\n  retention_rules:\n  - {selector: '{env=\"dev\"}', keep: 5m}\n  \
                - {tenant: long, selector: '{app=~\".+\"}', keep: 90d}\n";
    let of: Config = server::config::parse(text, "test", std::path::Path::new(".")).unwrap();
    let config = Config { logs: of.logs, ..quiet() };
    let site = Site::with(config).await;
    let now = recent();
    let month = now - 40 * 86_400;
    for (tenant, labels, t, status) in [
        ("a", r#"{"app":"x","env":"dev"}"#, now - 3600, 400),
        ("a", r#"{"app":"x","env":"prod"}"#, now - 3600, 204),
        ("a", r#"{"app":"x"}"#, month, 400),
        ("long", r#"{"app":"x"}"#, month, 204),
    ] {
        let headers = [JSON, ("x-scope-orgid", tenant)];
        let answer = site.post("/loki/api/v1/push", &headers, push(labels, &[(t, "line")])).await;
        assert_eq!(answer.status, status, "{tenant} {labels}: {}", answer.body);
        assert!(status == 204 || answer.body.contains("logs.retention"), "{}", answer.body);
    }
    assert_eq!(lines(&site, "long", r#"{app="x"}"#, month - 5).await, ["line"]);
    let status: serde_json::Value =
        serde_json::from_str(&site.get("/api/v1/status/store").await.body).unwrap();
    let rules = &status["data"]["logs"]["retention_rules"];
    let expected =
        serde_json::json!([[null, "{env=\"dev\"}", 300_000], ["long", "{app=~\".+\"}", 7_776_000_000u64]]);
    assert_eq!(rules, &expected);
    site.stop().await;
}
