//! Rules over logs, events and spans; what is wrong with rules; rules over the past.

use crate::alerting::{Hook, routing, write};
use crate::site::{Site, quiet, until};
use serde_json::{Value, json};
use server::config::Config;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// As Loki's ruler has it, with the key that Loki's tools add.
const LOKI: &str = r#"namespace: team
groups:
- name: logs
  rules:
  - alert: Errors
    expr: sum by (app) (count_over_time({app="shop"} |= "error" [5m])) > 1
    labels: {severity: page}
    annotations:
      summary: '{{ $labels.app }}: {{ $value }} of {{ with query `sum(count_over_time({app="shop"}[5m]))` }}{{ . | first | value }}{{ end }}'
  - record: app:lines:count5m
    expr: sum by (app) (count_over_time({app="shop"}[5m]))
- name: others
  tenant: other
  rules:
  - alert: Theirs
    expr: count_over_time({app="shop"}[5m]) > 0
- name: events
  rules:
  - alert: Deployed
    expr: sum by (kind) (count_over_time({__signal__="events", kind="deploy"} [5m])) > 0
"#;

const OURS: &str = "groups:
- name: spans
  language: traceql
  range: 10m
  rules:
  - record: service:spans:count
    expr: '{ } | count_over_time() by (resource.service.name)'
  - alert: Failing
    expr: '{ status = error } | count_over_time() by (resource.service.name) > 0'
    annotations: {summary: '{{ $labels.resource_service_name }}'}
- name: odd
  rules:
  - {alert: Never, expr: no_such_metric > 1}
  - {alert: Constant, expr: vector(0) > 1}
  - {record: broken, expr: 'level * on (job) level'}
";

fn configured(dir: &TempDir, hook: SocketAddr, more: &str) -> (Config, PathBuf) {
    write(dir.path(), "alertmanager.yml", &routing(hook));
    let text = format!(
        "global: {{evaluation_interval: 200ms, external_labels: {{site: here}}}}\n\
         rule_files: ['rul*.yml']\nrules: {{logql_files: ['loki*.yml'], unmatched_after: 1s}}\n\
         alerting: {{config_file: alertmanager.yml, external_url: 'http://us'{more}}}\n"
    );
    let file = write(dir.path(), "watchfire.yml", &text);
    (read(&file), file)
}

fn read(file: &Path) -> Config {
    let mut config = server::config::load(file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    config
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

async fn push_lines(site: &Site, lines: &[(i64, &str)]) {
    let values: Vec<Value> =
        lines.iter().map(|(at, line)| json!([(at * 1_000_000_000).to_string(), line])).collect();
    let body = json!({"streams": [{"stream": {"app": "shop"}, "values": values}]});
    let answer = site.post("/loki/api/v1/push", &JSON, body.to_string()).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
}

async fn push_spans(site: &Site) {
    let at = now_s() - 5;
    let span = |id: u8, code: u8| {
        json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": format!("{id:016x}"), "name": "x", "kind": 2,
            "startTimeUnixNano": format!("{at}000000000"), "endTimeUnixNano": format!("{}000000000", at + 1),
            "status": {"code": code},
        })
    };
    let service = json!({"key": "service.name", "value": {"stringValue": "shop"}});
    let body = json!({"resourceSpans": [
        {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [span(1, 2), span(2, 0)]}]}
    ]});
    let answer = site.post("/v1/traces", &JSON, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// A rule as the API shows it.
async fn rule(site: &Site, name: &str) -> Value {
    let rules = site.get(&format!("/api/v1/rules?rule_name[]={name}")).await.json();
    rules["data"]["groups"][0]["rules"][0].clone()
}

fn named(name: &'static str) -> impl Fn(&Value) -> bool {
    move |m| m["commonLabels"]["alertname"] == name && m["status"] == "firing"
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_events_and_spans_fire() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "loki.yml", LOKI);
    write(dir.path(), "rules.yml", OURS);
    let (config, file) = configured(&dir, address, "");
    let site = Site::at(config, dir, Some(file.clone())).await;
    let at = now_s() - 2;
    push_lines(&site, &[(at, "error one"), (at, "error two"), (at, "fine")]).await;
    push_spans(&site).await;
    let event = json!({"title": "shop 2", "kind": "deploy", "service": "shop", "version": "2"});
    assert_eq!(site.post("/api/v1/events", &JSON, event.to_string()).await.status, 200);

    let told = hook.message("errors in logs", named("Errors")).await;
    let alert = &told["alerts"][0];
    assert_eq!(
        alert["labels"],
        json!({"alertname": "Errors", "app": "shop", "severity": "page", "site": "here"})
    );
    assert_eq!(alert["annotations"]["summary"], "shop: 2 of 3");
    assert!(alert["generatorURL"].as_str().unwrap().starts_with("http://us/logs?q="), "{alert}");
    let told = hook.message("a deploy", named("Deployed")).await;
    assert_eq!(told["alerts"][0]["labels"]["kind"], "deploy");
    let told = hook.message("a failing service", named("Failing")).await;
    assert_eq!(told["alerts"][0]["annotations"]["summary"], "shop");
    assert!(told["alerts"][0]["generatorURL"].as_str().unwrap().starts_with("http://us/traces?q="));

    for (expr, value) in
        [("app:lines:count5m{app='shop'}", "3"), ("service:spans:count{resource_service_name='shop'}", "2")]
    {
        let found = until("a recorded series", async || {
            let answer = site.form("/api/v1/query", &[("query", expr)]).await.json();
            answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
        })
        .await;
        assert_eq!(found, value, "{expr}");
    }
    let errors = rule(&site, "Errors").await;
    assert_eq!((&errors["language"], &errors["health"]), (&json!("logql"), &json!("ok")));
    assert_eq!(errors["query"], r#"sum by (app) (count_over_time({app="shop"} |= "error" [5m])) > 1"#);
    let failing = rule(&site, "Failing").await;
    assert_eq!((&failing["language"], &failing["range"]), (&json!("traceql"), &json!(600)));
    let theirs = until("the rule of another tenant", async || {
        let theirs = site.get("/api/v1/rules?rule_name[]=Theirs").await.json();
        Some(theirs["data"]["groups"][0].clone()).filter(|g| g["rules"][0]["health"] != "unknown")
    })
    .await;
    assert_eq!((&theirs["tenant"], &theirs["rules"][0]["state"]), (&json!("other"), &json!("inactive")));

    // As Loki's ruler shows it: a tenant's own groups.
    let ruler = async |path: &str, tenant: &[(&str, &str)]| {
        let answer = site.request("GET", &format!("/loki/api/v1/rules{path}"), tenant, "").await;
        (answer.status, answer.body)
    };
    let (status, shown) = ruler("", &[]).await;
    assert!(
        status == 200 && shown.starts_with("loki.yml:\n") && shown.contains("alert: Deployed"),
        "{shown}"
    );
    assert!(!shown.contains("Theirs") && !shown.contains("Failing"), "{shown}");
    let other = [("x-scope-orgid", "other")];
    let (_, shown) = ruler("/loki.yml", &other).await;
    assert!(shown.contains("name: others") && !shown.contains("Deployed"), "{shown}");
    let (_, shown) = ruler("/loki.yml/logs", &[]).await;
    let group = shown.replace('\n', "\n  ");
    let parsed = ::rules::RuleFile::parse(
        &format!("language: logql\ngroups:\n- {}", group.trim_end()),
        ::rules::FileOptions::default(),
    );
    let parsed = parsed.unwrap_or_else(|e| panic!("{e:?}: {shown}"));
    let names: Vec<&str> = parsed.groups[0].rules.iter().map(|r| r.name.as_str()).collect();
    assert_eq!((parsed.groups[0].interval_ms, names), (Some(200), vec!["Errors", "app:lines:count5m"]));
    assert_eq!((ruler("/none.yml", &[]).await.0, ruler("/loki.yml/none", &[]).await.0), (404, 404));
    for (method, path) in [("POST", "/loki.yml"), ("DELETE", "/loki.yml"), ("DELETE", "/loki.yml/logs")] {
        let answer = site.request(method, &format!("/loki/api/v1/rules{path}"), &[], "").await;
        assert!(answer.status == 405 && answer.body.contains("rules.logql_files"), "{}", answer.body);
    }

    // What fires is known after a reload and after a restart.
    let since = errors["alerts"][0]["activeAt"].clone();
    let again = site.form("/-/reload", &[]).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(rule(&site, "Errors").await["alerts"][0]["activeAt"], since);
    let dir = site.stop().await;
    let site = Site::at(read(&file), dir, Some(file)).await;
    let errors = until("the rule after a restart", async || {
        let errors = rule(&site, "Errors").await;
        (errors["health"] == "ok").then_some(errors)
    })
    .await;
    assert_eq!((&errors["state"], &errors["alerts"][0]["activeAt"]), (&json!("firing"), &since));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_rules_is_seen() {
    let (_hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "rules.yml", OURS);
    let (config, file) = configured(&dir, address, "");
    let site = Site::at(config, dir, Some(file)).await;
    site.push("level{job=\"a\",host=\"1\"} 1\nlevel{job=\"a\",host=\"2\"} 1\n").await;
    let never = until("a rule that finds nothing", async || {
        let never = rule(&site, "Never").await;
        never["unmatchedSince"].is_string().then_some(never)
    })
    .await;
    assert_eq!(never["health"], "ok");
    assert_eq!(rule(&site, "Constant").await["unmatchedSince"], Value::Null);
    let broken = until("a rule that fails", async || {
        let broken = rule(&site, "broken").await;
        (broken["health"] == "err").then_some(broken)
    })
    .await;
    assert!(broken["lastError"].as_str().unwrap().contains("many-to-many"), "{broken}");
    let metrics = site.get("/metrics").await.body;
    let file = site.dir.path().join("rules.yml").display().to_string();
    for (problem, rule) in [("unmatched", "Never"), ("failing", "broken")] {
        let line = format!(
            "watchfire_rule_problem{{file=\"{file}\",group=\"odd\",problem=\"{problem}\",rule=\"{rule}\"}} 1"
        );
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    assert!(metrics.lines().any(|l| l == "watchfire_rule_groups_slow 0"), "{metrics}");
    // The rule finds what it looks for.
    site.push("no_such_metric 1\n").await;
    until("an end of that", async || (rule(&site, "Never").await["unmatchedSince"].is_null()).then_some(()))
        .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_under_which_name_it_is_told() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "rules.yml",
        "groups: [{name: g, rules: [{alert: Kept, expr: level > 1}, {alert: Dropped, expr: level > 1}]}]",
    );
    let relabel = ", alert_relabel_configs: [{source_labels: [alertname], regex: Dropped, action: drop}, \
                   {target_label: alertname, replacement: Renamed}]";
    let (config, file) = configured(&dir, address, relabel);
    let site = Site::at(config, dir, Some(file)).await;
    site.push("level{host=\"a\"} 7\n").await;
    let told = hook.message("the renamed alert", named("Renamed")).await;
    let alerts = site.get("/api/v1/alerts").await.json()["data"]["alerts"].clone();
    let of = |name: &str| {
        let all = alerts.as_array().unwrap();
        all.iter().find(|a| a["labels"]["alertname"] == name).unwrap()["fingerprint"].clone()
    };
    assert_eq!(of("Kept"), told["alerts"][0]["fingerprint"]);
    assert_eq!(of("Dropped"), Value::Null);
    let shown = site.get("/api/v2/alerts").await.json();
    assert_eq!(shown[0]["fingerprint"], of("Kept"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_tried_and_recorded_over_the_past() {
    let site = Site::start().await;
    let end = now_s() / 60 * 60;
    let lines: String =
        (0..=60).map(|i| format!("level {} {}\n", i % 10, (end - 3600 + 60 * i) * 1000)).collect();
    site.push(&lines).await;
    push_lines(&site, &[(end - 1800, "error"), (end - 1790, "error")]).await;
    push_spans(&site).await;

    let tried = async |more: Value| {
        let mut asked = json!({"alert": "A", "start": end - 3600, "end": end, "step": 60});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        site.post("/api/v1/rules/try", &JSON, asked.to_string()).await
    };
    let logs =
        json!({"expr": r#"sum(count_over_time({app="shop"} |= "error" [5m])) > 1"#, "language": "logql"});
    let trial = tried(logs).await.json()["data"].clone();
    assert_eq!((&trial["fired"], &trial["historyCount"]), (&json!(1), &json!(1)), "{trial}");
    let stretch = &trial["histories"][0]["stretches"][0];
    assert_eq!((&stretch["from"], &stretch["until"]), (&json!(end - 1740), &json!(end - 1500)), "{trial}");
    let spans =
        json!({"expr": "{ } | count_over_time() > 0", "language": "traceql", "range": "1h", "end": end + 60});
    assert_eq!(tried(spans).await.json()["data"]["fired"], 1);
    for (more, told) in [
        (json!({"expr": "up", "language": "sql"}), "language"),
        (json!({"expr": r#"{app="shop"}"#, "language": "logql"}), "count_over_time"),
        (json!({"expr": "{ }", "language": "traceql"}), "rate()"),
        (json!({"expr": "up", "tenant": "a"}), "tenant"),
        (json!({"expr": "up", "range": "5m"}), "range"),
    ] {
        let answer = tried(more).await;
        assert!(answer.status == 400 && answer.body.contains(told), "{told}: {}", answer.body);
    }

    let backfill = async |more: Value| {
        let mut asked = json!({"start": end - 1800, "end": end, "step": 60});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        site.post("/api/v1/rules/backfill", &JSON, asked.to_string()).await
    };
    let high = json!({"record": "level:high", "expr": "level > 6", "labels": {"by": "hand"}});
    for _ in 0..2 {
        let answer = backfill(high.clone()).await;
        let done = answer.json()["data"].clone();
        assert_eq!(
            (&done["steps"], &done["samples"], &done["ended"], &done["errorCount"]),
            (&json!(31), &json!(9), &json!(4), &json!(0)),
            "{}",
            answer.body
        );
    }
    // Each series ends where its condition did, not five minutes later.
    let found = site.query("count_over_time(level:high{by='hand'}[1h])", end).await;
    assert_eq!(found[0]["value"][1], "9", "{found}");
    let found = site.query("level:high", end - 600).await;
    assert_eq!(found, json!([]), "{found}");
    let logs =
        json!({"record": "lines", "expr": r#"sum(count_over_time({app="shop"}[5m]))"#, "language": "logql"});
    assert_eq!(backfill(logs).await.json()["data"]["samples"], 6);
    let many = json!({"record": "r", "expr": "level", "step": 0.1});
    let answer = backfill(many).await;
    assert!(answer.status == 400 && answer.body.contains("11000"), "{}", answer.body);
    site.stop().await;
}
