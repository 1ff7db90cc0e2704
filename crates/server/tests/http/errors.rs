//! Errors: what Sentry's SDKs send, what is found in spans and logs, and the issues they make.

use crate::site::{Answer, Site, quiet, until};
use serde_json::{Value, json};

const AUTH: (&str, &str) = ("x-sentry-auth", "Sentry sentry_version=7, sentry_client=test/1, sentry_key=abc");

pub(crate) fn now_s() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// An event with an exception.
pub(crate) fn event(id: u32, kind: &str, function: &str, more: Value) -> Value {
    let mut event = json!({
        "event_id": format!("{id:032x}"), "timestamp": now_s() - 5.0, "platform": "python", "level": "error",
        "release": "shop@1.0.0", "environment": "prod",
        "user": { "id": format!("u{}", id % 3) },
        "tags": { "shard": format!("s{}", id % 2) },
        "contexts": { "trace": { "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7" } },
        "exception": { "values": [{ "type": kind, "value": format!("number {id}"), "mechanism": { "type": "generic", "handled": false },
            "stacktrace": { "frames": [
                { "function": "main", "filename": "app.py", "lineno": 3, "in_app": true },
                { "function": function, "filename": "shop.py", "lineno": 9 + id, "in_app": true, "context_line": "  fail()", "vars": { "a": "1" } } ] } }] },
    });
    if let (Some(to), Some(from)) = (event.as_object_mut(), more.as_object()) {
        to.extend(from.clone());
    }
    event
}

pub(crate) fn envelope(items: &[(&str, String)]) -> String {
    let mut out = "{\"sent_at\":null}\n".to_owned();
    for (kind, payload) in items {
        out += &format!("{{\"type\":\"{kind}\",\"length\":{}}}\n{payload}\n", payload.len());
    }
    out
}

pub(crate) async fn send(site: &Site, event: &Value) -> Answer {
    site.post("/api/1/envelope/", &[AUTH], envelope(&[("event", event.to_string())])).await
}

pub(crate) async fn get(site: &Site, path: &str) -> Value {
    let answer = site.get(&format!("/api/v1/errors{path}")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()["data"].clone()
}

pub(crate) async fn issues(site: &Site, query: &str) -> Vec<Value> {
    get(site, &format!("/issues?{query}")).await["issues"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_become_issues_that_outlive_a_restart() {
    let site = Site::start().await;
    for id in 1..=6 {
        let answer = send(&site, &event(id, "KeyError", "place", json!({}))).await;
        assert_eq!((answer.status, answer.json()["id"].as_str()), (200, Some(format!("{id:032x}").as_str())));
    }
    send(&site, &event(7, "ValueError", "parse", json!({ "release": "shop@1.1.0" }))).await;
    // The same event again is the same event.
    assert_eq!(send(&site, &event(7, "ValueError", "parse", json!({}))).await.status, 200);
    let check = async |site: &Site| {
        let all = issues(site, "sort=events").await;
        assert_eq!(all.len(), 2, "{all:?}");
        let first = &all[0];
        assert_eq!(
            (&first["type"], &first["events"], &first["users"]),
            (&json!("KeyError"), &json!(6), &json!(3))
        );
        assert_eq!((&first["culprit"], &first["unhandled"]), (&json!("shop.py in place"), &json!(6)));
        assert_eq!(first["eventsInRange"], 6);
        assert_eq!(all[1]["events"], 1);
        all[0]["id"].as_str().unwrap().to_owned()
    };
    let id = check(&site).await;
    let issue = get(&site, &format!("/issues/{}", &id[..6])).await;
    let latest = &issue["latestEvent"];
    assert_eq!(latest["exceptions"][0]["stack"]["frames"][1]["source"], "  fail()");
    assert_eq!(latest["links"]["trace"]["traceID"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(issue["releases"][0]["name"], "shop@1.0.0");
    let tags = get(&site, &format!("/issues/{id}/tags")).await;
    let shard = tags["tags"].as_array().unwrap().iter().find(|t| t["name"] == "shard").unwrap().clone();
    assert_eq!(shard["top"].as_array().unwrap().len(), 2);
    // Pages of events, and one event.
    let page = get(&site, &format!("/issues/{id}/events?limit=4")).await;
    let next = page["next"].as_str().unwrap().to_owned();
    let rest = get(&site, &format!("/issues/{id}/events?limit=4&before={next}")).await;
    let ids: std::collections::BTreeSet<String> = [&page, &rest]
        .iter()
        .flat_map(|p| p["events"].as_array().unwrap())
        .map(|e| e["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ids.len(), rest["next"].is_null()), (6, true));
    let one = get(&site, &format!("/events/{:032x}", 3)).await;
    assert_eq!((&one["issue"], &one["user"]["id"]), (&json!(id), &json!("u0")));
    let dir = site.stop().await;
    let site = Site::at(quiet(), dir, None).await;
    assert_eq!(check(&site).await, id);
    // Known by its id after the restart, too.
    send(&site, &event(7, "ValueError", "parse", json!({}))).await;
    check(&site).await;
    site.stop().await;
}

async fn act(site: &Site, id: &str, wish: Value) -> Answer {
    site.post(&format!("/api/v1/errors/issues/{id}"), &[], wish.to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_an_issue() {
    let site = Site::start().await;
    send(&site, &event(1, "KeyError", "place", json!({}))).await;
    send(&site, &event(2, "KeyError", "load", json!({}))).await;
    let all = issues(&site, "sort=first_seen&query=place").await;
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let other = issues(&site, "query=culprit:load").await[0]["id"].as_str().unwrap().to_owned();
    let status = async |site: &Site| get(site, &format!("/issues/{id}")).await["life"].clone();
    // Resolved in the next release: this release does not count, the next one does.
    let answer = act(&site, &id, json!({ "action": "resolve", "inNextRelease": true, "by": "ann" })).await;
    assert_eq!((answer.status, &answer.json()["data"]["life"]["afterRelease"]), (200, &json!("shop@1.0.0")));
    send(&site, &event(3, "KeyError", "place", json!({}))).await;
    assert_eq!(status(&site).await["status"], "resolved");
    let dir = site.stop().await;
    let site = Site::at(quiet(), dir, None).await;
    assert_eq!(status(&site).await["status"], "resolved");
    send(&site, &event(4, "KeyError", "place", json!({ "release": "shop@1.0.1" }))).await;
    let life = status(&site).await;
    assert_eq!((&life["status"], &life["regressed"]), (&json!("unresolved"), &json!(true)));
    assert_eq!(issues(&site, "query=is:regressed").await.len(), 1);
    // Ignored until two more events.
    act(&site, &id, json!({ "action": "ignore", "until": { "events": 2 } })).await;
    send(&site, &event(5, "KeyError", "place", json!({}))).await;
    assert_eq!(status(&site).await["status"], "ignored");
    assert_eq!(issues(&site, "status=ignored").await.len(), 1);
    send(&site, &event(6, "KeyError", "place", json!({}))).await;
    assert_eq!(status(&site).await["status"], "unresolved");
    // Whose it is, what is said of it, and what it is the same as.
    act(&site, &id, json!({ "action": "assign", "to": "bob", "by": "ann" })).await;
    act(&site, &id, json!({ "action": "comment", "text": "looks bad", "by": "ann" })).await;
    assert_eq!(issues(&site, "query=assigned:bob").await.len(), 1);
    act(&site, &id, json!({ "action": "merge", "issues": [other] })).await;
    let all = issues(&site, "").await;
    assert_eq!((all.len(), &all[0]["events"], &all[0]["groups"]), (1, &json!(6), &json!(2)));
    assert_eq!(
        get(&site, &format!("/issues/{other}")).await["id"],
        id,
        "the merged one is found by its group"
    );
    act(&site, &id, json!({ "action": "split", "groups": [other] })).await;
    assert_eq!(issues(&site, "").await.len(), 2);
    let what: Vec<Value> = get(&site, &format!("/issues/{id}")).await["activity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["what"].clone())
        .collect();
    for expected in ["created", "set", "regressed", "escalated", "assigned", "commented", "merged", "split"] {
        assert!(what.contains(&json!(expected)), "{expected} in {what:?}");
    }
    // Several at once, and what makes no sense.
    let both = json!({ "ids": [id, other], "action": "resolve" });
    assert_eq!(site.post("/api/v1/errors/issues", &[], both.to_string()).await.status, 200);
    assert!(issues(&site, "").await.is_empty());
    let mut out = String::new();
    for (id, wish) in [
        (id.as_str(), json!({ "action": "dance" })),
        (&id, json!({ "action": "merge", "issues": [] })),
        (&id, json!({ "action": "split", "groups": ["x"] })),
        (&id, json!({ "action": "ignore", "until": { "time": "soon" } })),
        (&id, json!({ "action": "comment" })),
        (&id, json!({ "wish": 1 })),
        ("ffffffffffffffff", json!({ "action": "resolve" })),
        ("xyz", json!({ "action": "resolve" })),
    ] {
        let answer = act(&site, id, wish).await;
        out += &format!("{} {}\n", answer.status, answer.json()["error"].as_str().unwrap().replace(id, "ID"));
    }
    insta::assert_snapshot!(out);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_an_envelope_can_hold() {
    let site = Site::start().await;
    let now = now_s();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let items = [
        ("event", event(1, "KeyError", "place", json!({})).to_string()),
        ("attachment", "the log".to_owned()),
        (
            "transaction",
            json!({ "event_id": format!("{:032x}", 2), "type": "transaction", "transaction": "/cart", "start_timestamp": now - 2.0,
                "timestamp": now - 1.0, "tags": { "service": "cart" },
                "contexts": { "trace": { "trace_id": trace, "span_id": "b7ad6b7169203331", "op": "http.server", "status": "internal_error" } },
                "spans": [{ "trace_id": trace, "span_id": "b7ad6b7169203332", "parent_span_id": "b7ad6b7169203331", "op": "db.query",
                    "description": "SELECT 1", "start_timestamp": now - 1.8, "timestamp": now - 1.5, "data": { "db.system": "postgresql", "rows": 3 } }] })
            .to_string(),
        ),
        (
            "session",
            json!({ "sid": format!("{:032x}", 9), "init": true, "started": now - 60.0, "timestamp": now, "status": "crashed",
                "did": "u1", "attrs": { "release": "shop@1.0.0", "environment": "prod" } })
            .to_string(),
        ),
        (
            "sessions",
            json!({ "aggregates": [{ "started": now - 60.0, "exited": 9 }], "attrs": { "release": "shop@1.0.0", "environment": "prod" } })
                .to_string(),
        ),
        (
            "client_report",
            json!({ "timestamp": now, "discarded_events": [{ "reason": "ratelimit_backoff", "category": "error", "quantity": 3 }] })
                .to_string(),
        ),
        ("user_report", json!({ "event_id": format!("{:032x}", 1), "name": "Ann", "comments": "it broke" }).to_string()),
        ("check_in", json!({ "check_in_id": format!("{:032x}", 5), "monitor_slug": "nightly", "status": "ok" }).to_string()),
        (
            "log",
            json!({ "items": [{ "timestamp": now, "trace_id": trace, "level": "warn", "body": "from a log item",
                "attributes": { "service.name": { "value": "cart", "type": "string" }, "n": { "value": 3, "type": "integer" } } }] })
            .to_string(),
        ),
        ("replay_recording", "{}".to_owned()),
    ];
    let answer = site.post("/api/1/envelope/", &[AUTH], envelope(&items)).await;
    assert_eq!(
        (answer.status, answer.json()["id"].as_str()),
        (200, Some(format!("{:032x}", 1).as_str())),
        "{}",
        answer.body
    );
    assert_eq!(issues(&site, "").await.len(), 1);
    let files = get(&site, &format!("/events/{:032x}/attachments", 1)).await;
    assert_eq!(files.as_array().unwrap().len(), 1, "{files}");
    let file = site.get(&format!("/api/v1/errors/events/{:032x}/attachments/0", 1)).await;
    assert_eq!((file.body.as_str(), file.header("content-disposition")), ("the log", "attachment"));
    let spans = site.get(&format!("/api/v1/traces/{trace}")).await.json()["data"]["spans"].clone();
    assert_eq!(spans.as_array().unwrap().len(), 2, "{spans}");
    assert_eq!(spans[1]["name"], "SELECT 1");
    let release = get(&site, "/releases?project=1").await["releases"][0].clone();
    let health = &release["sessions"][0];
    assert_eq!(
        (&health["started"], &health["crashed"], &health["crashFreeSessions"]),
        (&json!(10), &json!(1), &json!(0.9))
    );
    let said = get(&site, "/feedback").await;
    assert_eq!(
        (&said[0]["said"]["text"], &said[0]["event"]),
        (&json!("it broke"), &json!(format!("{:032x}", 1)))
    );
    let metrics = site.get("/metrics").await.body;
    for line in [
        r#"watchfire_errors_discarded_by_clients_total{reason="ratelimit_backoff",category="error"} 3"#,
        r#"watchfire_errors_items_not_kept_total{type="replay_recording"} 1"#,
        "watchfire_errors_issues 1",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
    let logs = site.get("/loki/api/v1/query_range?query=%7Bservice_name%3D%22cart%22%7D").await.body;
    assert!(logs.contains("from a log item"), "{logs}");
    // What is counted of sessions outlives a restart, too.
    let dir = site.stop().await;
    let site = Site::at(quiet(), dir, None).await;
    let release = get(&site, "/releases?project=1").await["releases"][0].clone();
    assert_eq!(release["sessions"][0]["crashFreeSessions"], json!(0.9));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_in_spans_and_logs() {
    let site = Site::start().await;
    let now_ns = (now_s() * 1e9) as i64;
    let attribute = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let stack = "Traceback (most recent call last):\n  File \"/srv/pay.py\", line 7, in charge\n    raise Declined(card)\npay.Declined: card 1234\n";
    let exception = [
        attribute("exception.type", "pay.Declined"),
        attribute("exception.message", "card 1234"),
        attribute("exception.stacktrace", stack),
    ];
    let resource =
        json!({ "attributes": [attribute("service.name", "pay"), attribute("service.version", "2.0")] });
    let spans = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "charge", "kind": 2,
        "startTimeUnixNano": (now_ns - 1_000_000_000).to_string(), "endTimeUnixNano": now_ns.to_string(),
        "status": { "code": 2 },
        "events": [{ "name": "exception", "timeUnixNano": now_ns.to_string(), "attributes": exception }] }] }] }] });
    let json_type = ("content-type", "application/json");
    // Sent twice, as a sender does that has not heard the answer: one event.
    for _ in 0..2 {
        assert_eq!(site.post("/v1/traces", &[json_type], spans.to_string()).await.status, 200);
    }
    let logs = json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": [{
        "timeUnixNano": now_ns.to_string(), "severityNumber": 17, "body": { "stringValue": "charge failed" },
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "attributes": exception }] }] }] });
    assert_eq!(site.post("/v1/logs", &[json_type], logs.to_string()).await.status, 200);
    let line = json!({ "streams": [{ "stream": { "service_name": "pay" }, "values": [[now_ns.to_string(), stack], [now_ns.to_string(), "fine"]] }] });
    assert_eq!(site.post("/loki/api/v1/push", &[json_type], line.to_string()).await.status, 204);
    let all = issues(&site, "").await;
    assert_eq!(all.len(), 1, "one failure, told of three times: {all:#?}");
    assert_eq!(
        (&all[0]["events"], &all[0]["project"], &all[0]["type"]),
        (&json!(3), &json!("pay"), &json!("Declined"))
    );
    let issue = get(&site, &format!("/issues/{}", all[0]["id"].as_str().unwrap())).await;
    assert_eq!(issue["latestEvent"]["service"], "pay");
    let events = get(&site, &format!("/issues/{}/events", all[0]["id"].as_str().unwrap())).await;
    let origins: std::collections::BTreeSet<&str> =
        events["events"].as_array().unwrap().iter().map(|e| e["origin"].as_str().unwrap()).collect();
    assert_eq!(origins.into_iter().collect::<Vec<_>>(), ["log", "span", "text"]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_send_and_what() {
    let mut config = quiet();
    config.issues.projects =
        vec![server::config::ProjectConfig { id: 7, name: Some("shop".into()), keys: vec!["good".into()] }];
    config.issues.envelope.attachment_bytes_max = server::config::ByteSize(10);
    let site = Site::with(config).await;
    let body = envelope(&[("event", event(1, "E", "f", json!({})).to_string())]);
    let mut out = String::new();
    let with_dsn = body.replacen("{\"sent_at\":null}", "{\"dsn\":\"https://good@h.example/7\"}", 1);
    for (what, path, body) in [
        ("a key in the query", "/api/7/envelope/?sentry_key=good", body.as_str()),
        ("a key in the head", "/api/7/envelope", &with_dsn),
        ("no key", "/api/7/envelope/", &body),
        ("another key", "/api/7/envelope/?sentry_key=bad", &body),
        ("another project", "/api/8/envelope/?sentry_key=good", &body),
        ("no number", "/api/shop/envelope/?sentry_key=good", &body),
        ("no envelope", "/api/7/envelope/?sentry_key=good", "nonsense"),
        (
            "an item cut short",
            "/api/7/envelope/?sentry_key=good",
            "{}\n{\"type\":\"event\",\"length\":99}\n{}",
        ),
        ("an item that is no JSON", "/api/7/envelope/?sentry_key=good", "{}\n{\"type\":\"event\"}\nx\n"),
        (
            "an attachment too large",
            "/api/7/envelope/?sentry_key=good",
            "{}\n{\"type\":\"attachment\"}\n01234567890\n",
        ),
        ("an empty envelope", "/api/7/envelope/?sentry_key=good", "{}\n"),
        ("an old event", "/api/7/store/?sentry_key=good", "{\"message\":\"old\"}"),
        ("no event", "/api/7/store/?sentry_key=good", "[]"),
    ] {
        let answer = site.post(path, &[], body).await;
        let said = answer.json();
        let said = match said["detail"].as_str() {
            Some(detail) => format!("{detail} | {}", answer.header("x-sentry-error")),
            None => said.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(","),
        };
        out += &format!("{what}: {} {said}\n", answer.status);
    }
    insta::assert_snapshot!(out);
    assert_eq!(issues(&site, "project=shop").await.len(), 2);
    // Pages of other sites may send.
    let page = [("origin", "https://shop.example"), ("sec-fetch-site", "cross-site")];
    let answer = site
        .post(
            "/api/7/envelope/?sentry_key=good",
            &page,
            envelope(&[("event", event(2, "E", "f", json!({})).to_string())]),
        )
        .await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    let asked = site.request("OPTIONS", "/api/7/envelope/", &page, "").await;
    assert_eq!(asked.status, 204);
    assert!(asked.header("access-control-allow-headers").contains("X-Sentry-Auth"));
    // And change nothing else.
    assert_eq!(site.post("/api/v1/errors/issues", &page, "{}").await.status, 403);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_compressed_as_sdks_do() {
    use std::io::Write;
    let site = Site::start().await;
    let body = |id: u32| envelope(&[("event", event(id, "E", "f", json!({})).to_string())]).into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&body(1)).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&body(2)).unwrap();
    for (encoding, bytes) in [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(&body(3)[..], 1).unwrap()),
        // An uncompressed meta-block of brotli: what follows is as it is.
        ("br", brotli_stored(&body(4))),
    ] {
        let answer = site.post("/api/1/envelope/", &[AUTH, ("content-encoding", encoding)], bytes).await;
        assert_eq!(answer.status, 200, "{encoding}: {}", answer.body);
    }
    assert_eq!(issues(&site, "").await[0]["events"], 4);
    site.stop().await;
}

/// Brotli (RFC 7932) without compression: a window of 16 bits, one stored meta-block, an empty last one.
fn brotli_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).unwrap();
    assert!(length < 1 << 16);
    // Bits from the lowest: WBITS=0; ISLAST=0; MNIBBLES=00 (four); MLEN-1, 16 bits; ISUNCOMPRESSED=1; padding.
    let head = length << 4 | 1 << 20;
    let mut out = head.to_le_bytes()[..3].to_vec();
    out.extend_from_slice(bytes);
    out.push(3);
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_as_metrics() {
    let mut config = quiet();
    config.own.enabled = true;
    config.own.interval = server::config::TimeSpan::from_millis(200);
    let site = Site::with(config).await;
    for id in 1..=3 {
        send(&site, &event(id, "E", "f", json!({}))).await;
    }
    until("the metric", async || {
        let answer = site
            .form(
                "/api/v1/query",
                &[("query", "sum by (project, level, environment, handled) (errors_events_total)")],
            )
            .await;
        let result = answer.json()["data"]["result"].clone();
        let one = result.get(0)?;
        assert_eq!(
            one["metric"],
            json!({ "project": "1", "level": "error", "environment": "prod", "handled": "no" })
        );
        (one["value"][1] == "3").then_some(())
    })
    .await;
    site.stop().await;
}
