//! Objectives: how they stand, their rules at work, and objectives that are tried.

use crate::alerting::{Hook, routing, write};
use crate::site::{Site, quiet, until};
use serde_json::{Value, json};
use server::config::{Config, TimeSpan};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const FILE: &str = "objectives:
- name: checkout
  service: shop
  description: Purchases go through.
  target: 99%
  ratio: {errors: 'requests_total{code=~\"5..\"}', total: requests_total}
- name: quiet
  target: 99.9
  ratio: {good: no_such_metric, total: no_such_metric}
  alerts: none
";

fn read(file: &Path) -> Config {
    let mut config = server::config::load(file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    config
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Requests of the last two hours, of which a fifth failed.
async fn push_requests(site: &Site) {
    let now_ms = now_ms();
    let mut text = String::new();
    for i in 0..=480 {
        let at = now_ms - (480 - i) * 15_000;
        text += &format!("requests_total{{code=\"200\"}} {} {at}\n", 80 * i);
        text += &format!("requests_total{{code=\"500\"}} {} {at}\n", 20 * i);
        for (le, n) in [("0.1", 50), ("0.3", 90), ("+Inf", 100)] {
            text += &format!("request_seconds_bucket{{le=\"{le}\"}} {} {at}\n", n * i);
        }
        text += &format!("request_seconds_count {} {at}\n", 100 * i);
    }
    site.push(&text).await;
}

async fn objective(site: &Site, name: &str) -> Value {
    let answer = site.get(&format!("/api/v1/objectives/{name}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["data"].clone()
}

fn close(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|v| (v - expected).abs() < 1e-6 * expected.abs().max(1.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_burns_is_told_and_shown() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "alertmanager.yml", &routing(address));
    write(dir.path(), "shop.objectives.yml", FILE);
    let text = "global: {evaluation_interval: 200ms}\nobjective_files: ['*.objectives.yml']\nalerting: {config_file: alertmanager.yml}\n";
    let file = write(dir.path(), "watchfire.yml", text);
    let site = Site::at(read(&file), dir, Some(file.clone())).await;

    let before = site.get("/api/v1/objectives").await.json();
    let states: Vec<&Value> =
        before["data"]["objectives"].as_array().unwrap().iter().map(|o| &o["state"]).collect();
    assert_eq!(states, ["noData", "noData"]);
    push_requests(&site).await;
    let told = hook
        .message("a burning budget", |m| {
            let alerts = m["alerts"].as_array().unwrap();
            alerts.iter().any(|a| a["labels"]["long"] == "1h" && a["status"] == "firing")
        })
        .await;
    let alert = told["alerts"].as_array().unwrap().iter().find(|a| a["labels"]["long"] == "1h").unwrap();
    assert_eq!(
        alert["labels"],
        json!({"alertname": "ObjectiveBurnsBudget", "objective": "checkout", "service": "shop", "severity": "page",
               "long": "1h", "short": "5m"})
    );
    assert_eq!(alert["annotations"]["summary"], "checkout burns its budget 20 times as fast as it lasts");

    let shown = until("an objective that is exhausted", async || {
        let all = site.get("/api/v1/objectives").await.json()["data"]["objectives"].clone();
        let firing = |o: &Value| o["alerts"].as_array().unwrap().iter().all(|a| a["state"] == "firing");
        (all[0]["state"] == "exhausted" && firing(&all[0])).then_some(all)
    })
    .await;
    let checkout = &shown[0];
    assert!(close(&checkout["current"], 0.8) && close(&checkout["budgetRemaining"], -19.0), "{checkout}");
    for window in ["5m", "30m", "1h", "2h", "6h", "1d", "3d"] {
        assert!(close(&checkout["burnRates"][window], 20.0), "{window}: {checkout}");
    }
    assert_eq!(
        (
            &checkout["target"],
            &checkout["window"],
            &checkout["service"],
            &checkout["group"],
            &checkout["exhaustedAt"]
        ),
        (&json!(0.99), &json!("30d"), &json!("shop"), &json!("checkout"), &Value::Null)
    );
    assert_eq!(
        checkout["alerts"][0],
        json!({"name": "ObjectiveBurnsBudget", "severity": "page", "long": "1h", "short": "5m", "factor": 14.4, "state": "firing"})
    );
    let nothing = &shown[1];
    assert_eq!(
        (&nothing["state"], &nothing["current"], &nothing["alerts"]),
        (&json!("noData"), &Value::Null, &json!([]))
    );

    // Its rules are ordinary ones.
    let rules = site.get("/api/v1/rules?file[]=objectives&rule_group[]=checkout").await.json();
    let rules = &rules["data"]["groups"][0]["rules"];
    let of_window = |r: &&Value| r["labels"]["long"] == "1h";
    let since = rules.as_array().unwrap().iter().find(of_window).unwrap()["alerts"][0]["activeAt"].clone();
    assert!(since.is_string(), "{rules}");

    let one = objective(&site, "checkout").await;
    assert!(one["rules"].as_str().unwrap().contains("record: objective:budget_remaining"), "{one}");
    // How much a second it was falls with the time since the last request.
    for (query, expected, tolerance) in [
        (one["queries"]["budget"].as_str().unwrap().to_owned(), -19.0, 1e-6),
        (one["queries"]["errorRatio"].as_str().unwrap().replace("$window", "1h"), 0.2, 1e-6),
        (one["sli"]["good"].as_str().unwrap().replace("$window", "1h"), 80.0 / 15.0, 0.5),
        (one["sli"]["total"].as_str().unwrap().replace("$window", "1h"), 100.0 / 15.0, 0.5),
    ] {
        let answer = site.form("/api/v1/query", &[("query", &query)]).await.json();
        let value: f64 = answer["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
        assert!((value - expected).abs() < tolerance, "{query}: {answer}");
    }
    let missing = site.get("/api/v1/objectives/none").await;
    assert!(missing.status == 404 && missing.body.contains("/api/v1/objectives"), "{}", missing.body);

    // A reload keeps what fires, and refuses what is wrong.
    let more = FILE.replace("Purchases go through.", "Everything goes through.");
    write(site.dir.path(), "shop.objectives.yml", &more);
    assert_eq!(site.form("/-/reload", &[]).await.status, 200);
    assert_eq!(objective(&site, "checkout").await["description"], "Everything goes through.");
    let rules = site.get("/api/v1/rules?file[]=objectives&rule_group[]=checkout").await.json();
    let rules = &rules["data"]["groups"][0]["rules"];
    assert_eq!(rules.as_array().unwrap().iter().find(of_window).unwrap()["alerts"][0]["activeAt"], since);
    write(
        site.dir.path(),
        "shop.objectives.yml",
        &FILE.replace("99.9", "0.999").replace("99%", "99%\n  window: 90d"),
    );
    let refused = site.form("/-/reload", &[]).await;
    assert_eq!(refused.status, 500);
    assert!(refused.body.contains("objective \\\"quiet\\\": target: 0.999 is below 1%"), "{}", refused.body);
    write(site.dir.path(), "shop.objectives.yml", &FILE.replace("99%", "99%\n  window: 90d"));
    let refused = site.form("/-/reload", &[]).await;
    assert!(refused.body.contains("raise storage.retention"), "{}", refused.body);
    assert_eq!(objective(&site, "checkout").await["window"], "30d");

    // One that is gone ends.
    write(site.dir.path(), "shop.objectives.yml", "objectives: []\n");
    assert_eq!(site.form("/-/reload", &[]).await.status, 200);
    hook.message("an end", |m| m["status"] == "resolved").await;
    assert_eq!(site.get("/api/v1/objectives").await.json()["data"]["objectives"], json!([]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objective_is_tried_before_it_is_there() {
    let site = Site::start().await;
    push_requests(&site).await;
    let tried = async |text: &str| site.post("/api/v1/objectives/try", &[], text).await;
    for (indicator, current) in [
        ("ratio: {errors: 'requests_total{code=~\"5..\"}', total: requests_total}", 0.8),
        ("ratio: {good: 'sum(rate(requests_total{code=\"200\"}[$window]))', total: requests_total}", 0.8),
        ("latency: {histogram: request_seconds, below: 300ms}", 0.9),
    ] {
        for text in [
            format!("name: a\ntarget: 95%\n{indicator}\n"),
            format!("- {{name: a, target: 95, {indicator}}}\n"),
            format!("objectives:\n- {{name: a, target: 95, {indicator}}}\n"),
        ] {
            let answer = tried(&text).await;
            assert_eq!(answer.status, 200, "{text}: {}", answer.body);
            let shown = &answer.json()["data"];
            assert!(close(&shown["current"], current), "{text}: {shown}");
            assert!(close(&shown["burnRates"]["1h"], (1.0 - current) / 0.05), "{shown}");
            assert_eq!(
                (&shown["state"], &shown["alerts"][3]["state"]),
                (&json!("exhausted"), &json!("firing"))
            );
            let budget = shown["queries"]["budget"].as_str().unwrap();
            let answer = site.form("/api/v1/query", &[("query", budget)]).await.json();
            let value: f64 = answer["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
            assert!(close(&shown["budgetRemaining"], value), "{budget}: {answer}");
        }
    }
    let nothing = tried("{name: a, target: 99, ratio: {errors: none, total: none}}").await.json();
    assert_eq!(nothing["data"]["state"], "noData", "{nothing}");
    for (text, told) in [
        ("name: a\ntarget: 0.95\nratio: {errors: e, total: t}\n", "target: 0.95 is below 1%"),
        (
            "name: a\ntraget: 95\n",
            "line 2, column 1: unknown key \\\"traget\\\": did you mean \\\"target\\\"?",
        ),
        ("name: [", "line 1"),
        ("[]", "give one"),
        ("[{name: a}, {name: b}]", "2 objectives: give one"),
    ] {
        let answer = tried(text).await;
        assert!(answer.status == 400 && answer.body.contains(told), "{text}: {}", answer.body);
    }
    assert_eq!(site.get("/api/v1/objectives").await.json()["data"]["objectives"], json!([]));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_have_objectives_without_a_metric() {
    let mut config = quiet();
    config.own.interval = TimeSpan::from_millis(100);
    let site = Site::with(config).await;
    let at_ns = now_ms() * 1_000_000 - 2_000_000_000;
    // Of ten purchases two fail; of the others six take less than 300 ms.
    let span = |i: i64| {
        let (code, ms) = match i {
            0..2 => (2, 10),
            2..8 => (0, 100),
            _ => (0, 3000),
        };
        json!({
            "traceId": format!("{:032x}", i + 1), "spanId": format!("{:016x}", i + 1), "name": "POST /buy", "kind": 2,
            "startTimeUnixNano": at_ns.to_string(), "endTimeUnixNano": (at_ns + ms * 1_000_000).to_string(),
            "status": {"code": code},
        })
    };
    let service = json!({"key": "service.name", "value": {"stringValue": "checkout"}});
    let spans: Vec<Value> = (0..10).map(span).collect();
    let body =
        json!({"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": spans}]}]});
    let answer = site.post("/v1/traces", &[("content-type", "application/json")], body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for (sli, current) in [("availability", 0.8), ("latency, below: 300ms", 0.75)] {
        let text = format!("{{name: buy, service: checkout, operation: POST /buy, sli: {sli}, target: 90}}");
        let shown = until("what is counted of spans", async || {
            let shown = site.post("/api/v1/objectives/try", &[], text.clone()).await.json()["data"].clone();
            shown["current"].is_number().then_some(shown)
        })
        .await;
        // Increases go on to the ends of the window, for some series a little more than for others.
        let found = shown["current"].as_f64().unwrap();
        assert!((found - current).abs() < 0.05, "{sli}: {shown}");
        assert_eq!(shown["state"], "exhausted");
    }
    let other = "{name: buy, service: checkout, operation: GET /, sli: availability, target: 90}";
    let shown = site.post("/api/v1/objectives/try", &[], other).await.json();
    assert_eq!(shown["data"]["state"], "noData", "{shown}");
    site.stop().await;
}
