//! Events in by every way, kept once, out by every API, and what is counted of them.

use crate::site::{Answer, Site, quiet, until};
use serde_json::Value;
use server::config::{Config, TimeSpan};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// 2023-11-14T22:13:20Z
const T_S: i64 = 1_700_000_000;

/// A configuration that keeps events of years ago and counts quickly.
fn patient() -> Config {
    let mut config = quiet();
    config.events.retention = TimeSpan::from_secs(100 * 365 * 86_400);
    config.own.interval = TimeSpan::from_millis(100);
    config
}

async fn post(site: &Site, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let answer = site.post(path, headers, body).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer
}

/// The events of a query, without those of the server itself.
async fn events(site: &Site, query: &str) -> Vec<Value> {
    let answer = site.get(&format!("/api/v1/events?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let all = answer.json()["data"]["events"].as_array().unwrap().clone();
    all.into_iter().filter(|e| e["source"] != "watchfire").collect()
}

fn titles(events: &[Value]) -> Vec<&str> {
    events.iter().map(|e| e["title"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_comes_out() {
    let mut site = Site::with(patient()).await;
    let cloud = r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.created","time":"2023-11-14T22:13:21Z","data":{"amount":12.5,"service":"shop"}}"#;
    let own = format!(
        r#"[{{"title":"cart 1.4.2","kind":"deploy","service":"cart","version":"1.4.2","environment":"prod","time":{T_S},"duration":90,"result":"success","id":"d1","link":"https://ci/1"}},{{"title":"backup","kind":"cron","host":"db1","time":{},"result":"failed"}}]"#,
        T_S + 2
    );
    post(&site, "/api/v1/events?source=ci", &JSON, own).await;
    post(&site, "/api/v1/events", &[("content-type", "application/cloudevents+json")], cloud).await;
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "2"),
        ("ce-source", "/shop"),
        ("ce-type", "order.paid"),
        ("ce-time", "2023-11-14T22:13:23Z"),
        ("content-type", "application/json"),
    ];
    post(&site, "/api/v1/events", &binary, r#"{"title":"paid"}"#).await;
    let alert = r#"{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"Down","severity":"critical","service":"cart"},"startsAt":"2023-11-14T22:13:24Z","fingerprint":"f"}]}"#;
    for _ in 0..3 {
        post(&site, "/api/v1/events/alertmanager", &JSON, alert).await;
    }
    let kubernetes = r#"{"metadata":{"uid":"u"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"cart-1"},"reason":"BackOff","message":"again","type":"Warning","lastTimestamp":"2023-11-14T22:13:25Z"}"#;
    post(&site, "/api/v1/events/kubernetes", &JSON, kubernetes).await;
    let annotation = r#"{"time":1700000006000,"tags":["deploy","service:front"],"text":"front 2"}"#;
    let number = post(&site, "/api/annotations", &JSON, annotation).await.json()["id"].clone();
    assert!(number.as_i64().is_some_and(|n| n > 0 && n < 1 << 53), "{number}");
    let range = format!("start={T_S}&end={}", T_S + 60);
    for parts in [false, true] {
        if parts {
            assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
        }
        let all = events(&site, &range).await;
        let mut shown = serde_json::to_string_pretty(&all).unwrap();
        shown = shown.replace(&number.to_string(), "NUMBER");
        insta::assert_snapshot!("events", shown);
        let of = async |more: &str| titles(&events(&site, &format!("{range}&{more}")).await).join(", ");
        assert_eq!(of("kind=deploy").await, "front 2, cart 1.4.2");
        assert_eq!(of("kind=deploy&service=cart&environment=prod").await, "cart 1.4.2");
        assert_eq!(of("kind=deploy,cron&limit=2").await, "front 2, backup");
        assert_eq!(of("severity=error").await, "Down, backup");
        assert_eq!(of("text=PAID").await, "paid");
        assert_eq!(of("attribute=data.amount:12.5").await, "order.created");
        assert_eq!(of("attribute=tags:deploy").await, "front 2");
        assert_eq!(of("source=ci&result=ok").await, "cart 1.4.2");
        assert_eq!(of("host=db2").await, "");
        let line = site
            .get(&format!(
                "/loki/api/v1/query_range?query=%7B__signal__%3D%22events%22%2Ckind%3D%22deploy%22%2Cservice_name%3D%22cart%22%7D%7Cevent_result%3D%22ok%22&{range}"
            ))
            .await;
        assert_eq!(line.status, 200, "{}", line.body);
        assert_eq!(line.json()["data"]["result"][0]["values"][0][1], "cart 1.4.2");
        let count = site
            .get(&format!(
                "/loki/api/v1/query?query=sum(count_over_time(%7B__signal__%3D%22events%22%7D%5B2m%5D))&time={}",
                T_S + 60
            ))
            .await;
        assert_eq!(count.json()["data"]["result"][0]["value"][1], "7", "{}", count.body);
        let rows = site
            .form(
                "/api/v1/sql",
                &[(
                    "query",
                    r#"SELECT title, kind, result, duration_ns, source, "service.name" AS service FROM events WHERE kind = 'deploy' AND timestamp < '2024-01-01' ORDER BY timestamp"#,
                )],
            )
            .await;
        assert_eq!(rows.status, 200, "{}", rows.body);
        insta::assert_snapshot!("events_in_sql", rows.body);
        let annotations =
            site.get("/api/annotations?from=1700000000000&to=1700000060000&tags=deploy").await.json();
        assert_eq!(annotations[0]["text"], "front 2");
        assert_eq!((&annotations[0]["id"], annotations.as_array().unwrap().len()), (&number, 1));
    }
    // Lines and events are apart.
    let lines = site.get("/loki/api/v1/query_range?query=%7Bkind%3D~%22.%2B%22%7D").await;
    assert_eq!(lines.json()["data"]["result"].as_array().map(Vec::len), Some(0));
    let wrong = site.get("/loki/api/v1/query_range?query=%7B__signal__%3D%22spans%22%7D").await;
    assert!(wrong.status == 400 || wrong.status == 422, "{}", wrong.body);
    assert!(wrong.body.contains("events"), "{}", wrong.body);
    let dir = site.stop().await;
    site = Site::at(patient(), dir, None).await;
    // What is repeated after a restart is known, too.
    post(&site, "/api/v1/events/alertmanager", &JSON, alert).await;
    assert_eq!(events(&site, &range).await.len(), 7);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_timelines() {
    let site = Site::with(patient()).await;
    let lines: Vec<String> = (0..25)
        .map(|n| {
            format!(r#"{{"title":"e{n}","kind":"{}","time":{}}}"#, ["a", "b"][n % 2], T_S + (n as i64) / 5)
        })
        .collect();
    let answer = post(&site, "/api/v1/events", &JSON, lines.join("\n")).await;
    assert_eq!(answer.json()["data"]["accepted"], 25);
    let range = format!("start={T_S}&end={}", T_S + 10);
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let answer = site.get(&format!("/api/v1/events?{range}&limit=4&after={after}")).await.json();
        let page = answer["data"]["events"].as_array().unwrap().clone();
        assert!(page.len() <= 4);
        seen.extend(page.iter().map(|e| e["title"].as_str().unwrap().to_owned()));
        match answer["data"]["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 25, "each once");
    let answer = site.get(&format!("/api/v1/events?{range}&limit=1&buckets=10&kind=a")).await.json();
    insta::assert_snapshot!("timeline", serde_json::to_string_pretty(&answer).unwrap());
    for (query, part) in [
        ("buckets=5000", "buckets"),
        ("severity=loud", "severity"),
        ("after=x", "after"),
        ("attribute=x", "name:value"),
        ("start=5&end=4", "end"),
    ] {
        let answer = site.get(&format!("/api/v1/events?{query}")).await;
        assert!(answer.status == 400 && answer.body.contains(part), "{query}: {}", answer.body);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_signed_and_kept_once() {
    let mut config = patient();
    config.webhooks.github_secret = Some("It's a Secret to Everybody".to_owned());
    config.webhooks.gitlab_token = Some("tok".to_owned());
    let site = Site::with(config).await;
    let body = r#"{"action":"published","release":{"tag_name":"v1","published_at":"2023-11-14T22:13:20Z"},"repository":{"full_name":"shop/cart"}}"#;
    // As `openssl dgst -sha256 -hmac` has it.
    let sign = format!("sha256={}", hmac_of(b"It's a Secret to Everybody", body.as_bytes()));
    let headers = |event: &'static str, sign: &'static str| {
        [("x-github-event", event), ("x-github-delivery", "d-1"), ("x-hub-signature-256", sign)]
    };
    let stranger = site.post("/api/v1/events/github", &headers("release", "sha256=00"), body).await;
    assert_eq!(stranger.status, 401, "{}", stranger.body);
    assert!(stranger.body.contains("webhooks.github_secret"), "{}", stranger.body);
    let sign: &'static str = sign.leak();
    for _ in 0..2 {
        let taken = post(&site, "/api/v1/events/github", &headers("release", sign), body).await;
        assert_eq!(taken.json()["data"]["accepted"], 1);
    }
    let ping = post(&site, "/api/v1/events/github", &headers("ping", sign), body).await;
    assert_eq!(ping.json()["data"]["ignored"], true);
    let push =
        r#"{"object_kind":"tag_push","ref":"refs/tags/v1","project":{"path_with_namespace":"shop/cart"}}"#;
    assert_eq!(site.post("/api/v1/events/gitlab", &[("x-gitlab-token", "no")], push).await.status, 401);
    post(&site, "/api/v1/events/gitlab", &[("x-gitlab-token", "tok"), ("idempotency-key", "i")], push).await;
    let all = events(&site, "start=0").await;
    assert_eq!(titles(&all), ["shop/cart: tag v1", "shop/cart v1"]);
    let wrong = site.post("/api/v1/events", &JSON, r#"[{"kind":"x"},{"time":"never","title":"y"}]"#).await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.body.contains("event 1: it has no title") && wrong.body.contains("event 2: time is"),
        "{}",
        wrong.body
    );
    site.stop().await;
}

fn hmac_of(key: &[u8], body: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{hex}"), "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    child.stdin.take().unwrap().write_all(body).unwrap();
    let out = child.wait_with_output().unwrap();
    String::from_utf8(out.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted_by_rule_and_without() {
    let mut config = patient();
    config.event_pipelines = serde_saphyr::from_str(
        r#"
- name: orders
  match: {kind: order}
  stages:
  - metric: {name: orders_amount_total, type: counter, value: amount, labels: {currency: currency}}
- name: noise
  match: {kind: noise}
  stages:
  - drop: {field: kind, equals: noise}
"#,
    )
    .unwrap();
    let site = Site::with(config).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    for (n, amount) in [5.5, 7.0].into_iter().enumerate() {
        let body = format!(
            r#"{{"title":"order","kind":"order","service":"shop","id":"{n}","amount":{amount},"currency":"EUR"}}"#
        );
        post(&site, "/api/v1/events", &JSON, body.clone()).await;
        post(&site, "/api/v1/events", &JSON, body).await;
    }
    post(&site, "/api/v1/events", &JSON, r#"{"title":"hum","kind":"noise"}"#).await;
    let counts = async |expr: &str, expected: &str| {
        let (expr, expected) = (format!("last_over_time({expr}[10m])"), expected.to_owned());
        until("the metric", async || {
            let found = site.query(&expr, now as i64 + 30).await;
            (found[0]["value"][1] == *expected).then_some(())
        })
        .await
    };
    counts(r#"orders_amount_total{currency="EUR"}"#, "12.5").await;
    counts(r#"events_total{kind="order",service="shop",source="webhook"}"#, "2").await;
    // The first one is an increase, too.
    let zero = site.query(r#"min_over_time(orders_amount_total[10m])"#, now as i64 + 30).await;
    assert_eq!(zero[0]["value"][1], "0");
    assert_eq!(titles(&events(&site, "").await), ["order", "order"]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_notes_its_own() {
    let mut config = patient();
    config.traces.retention = TimeSpan::from_secs(100 * 365 * 86_400);
    let site = Site::with(config.clone()).await;
    let span = |version: &str, n: u8| {
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"cart"}}}},{{"key":"service.version","value":{{"stringValue":"{version}"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"000000000000000{n}","name":"x","startTimeUnixNano":"{}000000000","endTimeUnixNano":"{}000000000"}}]}}]}}]}}"#,
            T_S + i64::from(n),
            T_S + i64::from(n)
        )
    };
    for (version, n) in [("1.0", 1), ("1.1", 2), ("1.1", 3), ("1.0", 4)] {
        let answer = site.post("/v1/traces", &JSON, span(version, n)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let deploys = async |site: &Site| {
        let answer = site.get("/api/v1/events?start=0&kind=deploy").await.json();
        answer["data"]["events"].as_array().unwrap().clone()
    };
    let found = until("the deploy", async || Some(deploys(&site).await).filter(|d| !d.is_empty())).await;
    assert_eq!(titles(&found), ["cart 1.1"]);
    assert_eq!(found[0]["attributes"]["service.version.previous"], "1.0");
    let dir = site.stop().await;
    let site = Site::at(config, dir, None).await;
    for (version, n) in [("1.1", 5), ("1.0", 6), ("1.2", 7)] {
        let answer = site.post("/v1/traces", &JSON, span(version, n)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let found = until("the next deploy", async || Some(deploys(&site).await).filter(|d| d.len() > 1)).await;
    assert_eq!(titles(&found), ["cart 1.2", "cart 1.1"]);
    let own = until("both starts", async || {
        let answer = site.get("/api/v1/events?source=watchfire&service=watchfire").await.json();
        let kinds: Vec<String> = answer["data"]["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["kind"].as_str().unwrap().to_owned())
            .collect();
        (kinds.len() >= 3).then_some(kinds)
    })
    .await;
    assert_eq!(own, ["start", "stop", "start"]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_messages_become_events_once() {
    let dir = tempfile::tempdir().unwrap();
    let kmsg = dir.path().join("kmsg");
    std::fs::write(
        &kmsg,
        "6,1,100,-;Linux version 6\n3,2,200,-;Out of memory: Killed process 7 (java) total-vm:1kB\n3,3,300,-;blk_update_request: I/O error, dev sda, sector 1\n3,4,301,-;blk_update_request: I/O error, dev sda, sector 2\n",
    )
    .unwrap();
    let mut config = patient();
    config.agent.enabled = true;
    config.agent.logs.enabled = false;
    config.agent.logs.journald = Some(false);
    config.agent.events.kmsg = kmsg.clone();
    let site = Site::with(config.clone()).await;
    let found = async |site: &Site, count: usize| {
        until("events of the kernel", async || {
            let answer = site.get("/api/v1/events?start=0&source=agent").await.json();
            let all = answer["data"]["events"].as_array().unwrap().clone();
            (all.len() >= count).then_some(all)
        })
        .await
    };
    let all = found(&site, 2).await;
    let mut kinds: Vec<&str> = all.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    kinds.sort();
    assert_eq!(kinds, ["disk_error", "oom_kill"]);
    let data = site.stop().await;
    let site = Site::at(config, data, None).await;
    let mut more = std::fs::File::options().append(true).open(&kmsg).unwrap();
    std::io::Write::write_all(&mut more, b"4,5,400,-;e1000e 0000:00:19.0 eth0: NIC Link is Down\n").unwrap();
    let all = found(&site, 3).await;
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().any(|e| e["kind"] == "link_down" && e["subject"] == "eth0"), "{all:?}");
    site.stop().await;
}
