//! Alerts become incidents that people take on: over HTTP, with rules that fire and people who are told.

use crate::alerting::{Hook, routing, write};
use crate::site::{Site, quiet, until};
use serde_json::{Value, json};
use server::config::Config;
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;

const RULES: &str = "groups:
- name: g
  rules:
  - alert: High
    expr: level > 10
    labels: {severity: critical}
    annotations: {summary: 'level of {{ $labels.service }} is high'}
  - alert: Slow
    expr: latency > 1
    labels: {severity: warning}
    annotations: {summary: '{{ $labels.service }} is slow'}
";

/// A configuration whose incidents rest for a second; `more` is added to it.
fn configured(dir: &TempDir, hook: SocketAddr, more: &str) -> (Config, PathBuf) {
    write(dir.path(), "rules.yml", RULES);
    let receivers = ["ann", "bob"]
        .map(|name| format!("- name: {name}-phone\n  webhook_configs: [{{url: 'http://{hook}/{name}'}}]\n"));
    write(dir.path(), "alertmanager.yml", &(routing(hook) + &receivers.join("")));
    let text = format!(
        "global: {{evaluation_interval: 200ms}}\nrule_files: ['rules.yml']\nalerting: {{config_file: alertmanager.yml, external_url: 'http://us'}}\nincidents: {{rest: 1s}}\n{more}"
    );
    let file = write(dir.path(), "watchfire.yml", &text);
    let mut config = server::config::load(&file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    (config, file)
}

/// What a server is started with.
type Given = (Config, PathBuf);

async fn started(more: &str) -> (Hook, Site, Given) {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    let given = configured(&dir, address, more);
    let site = Site::at(given.0.clone(), dir, Some(given.1.clone())).await;
    (hook, site, given)
}

/// The same server once more.
async fn again(site: Site, given: &Given) -> Site {
    let dir = site.stop().await;
    Site::at(given.0.clone(), dir, Some(given.1.clone())).await
}

async fn list(site: &Site, query: &str) -> Value {
    let answer = site.get(&format!("/api/v1/incidents?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["data"].clone()
}

/// Waits until the list is as wanted, and gives it.
async fn listed(site: &Site, what: &str, query: &str, of: impl Fn(&Value) -> bool) -> Value {
    until(what, async || Some(list(site, query).await).filter(|found| of(found))).await
}

async fn act(site: &Site, id: &Value, wish: Value) -> (u16, Value) {
    let json = [("content-type", "application/json")];
    let answer = site.post(&format!("/api/v1/incidents/{id}"), &json, wish.to_string()).await;
    let status = answer.status;
    (status, answer.json())
}

async fn kinds(site: &Site, id: &Value) -> Vec<String> {
    let found = site.get(&format!("/api/v1/incidents/{id}/timeline")).await.json();
    let entries = found["data"]["entries"].as_array().unwrap().clone();
    entries.iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_become_an_incident_that_somebody_takes_on() {
    let (_hook, site, given) = started("").await;
    site.push("level{service=\"cart\"} 11\n").await;
    let found = listed(&site, "an incident", "", |l| l["total"] == 1).await;
    let incident = &found["incidents"][0];
    let id = incident["id"].clone();
    assert_eq!(incident["title"], "level of cart is high");
    assert_eq!((&incident["status"], &incident["severity"]), (&json!("triggered"), &json!("critical")));
    assert_eq!(incident["entities"][0]["id"], "cart");
    assert_eq!((&incident["escalation"], &found["onCall"]), (&Value::Null, &json!(false)));
    site.push("latency{service=\"cart\"} 3\nlatency{service=\"mail\"} 3\n").await;
    let two = |l: &Value| {
        l["total"] == 2 && l["incidents"].as_array().unwrap().iter().any(|i| i["alertCount"] == 2)
    };
    listed(&site, "a second one, as mail is no neighbour of cart", "", two).await;

    let (status, acted) = act(&site, &id, json!({"action": "acknowledge", "by": "ann"})).await;
    assert_eq!(status, 200, "{acted}");
    assert_eq!(acted["data"]["incident"]["acknowledgedBy"], "ann");
    for (wish, reason) in [
        (json!({"action": "acknowledge"}), "acknowledged already, by \"ann\""),
        (json!({"action": "dance"}), "is none of acknowledge"),
        (json!({"action": "note", "text": " "}), "text is empty"),
        (json!({"action": "escalate"}), "no policy of on_call.policies matches it"),
        (json!({"action": "note", "txt": "x"}), "unknown field"),
    ] {
        let (status, refused) = act(&site, &id, wish.clone()).await;
        assert!(status == 400 && refused["error"].as_str().unwrap().contains(reason), "{wish} {refused}");
    }
    assert_eq!(act(&site, &json!(99), json!({"action": "resolve"})).await.0, 404);
    for wish in [
        json!({"action": "note", "by": "ann", "text": "the disk *is* full"}),
        json!({"action": "assign", "by": "ann", "to": "bob"}),
    ] {
        assert_eq!(act(&site, &id, wish).await.0, 200);
    }

    // What was answered is there after a restart.
    let site = again(site, &given).await;
    let whole = site.get(&format!("/api/v1/incidents/{id}")).await.json()["data"].clone();
    assert_eq!((&whole["status"], &whole["assigned"]), (&json!("acknowledged"), &json!("bob")));
    assert_eq!(whole["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(whole["alerts"][0]["expr"], "level > 10");

    site.push("level{service=\"cart\"} 1\nlatency{service=\"cart\"} 0\nlatency{service=\"mail\"} 0\n").await;
    listed(&site, "the ends", "status=resolved", |l| l["total"] == 2).await;
    let kinds = until("the whole timeline", async || {
        Some(kinds(&site, &id).await).filter(|k| k.iter().filter(|k| *k == "notified").count() >= 4)
    })
    .await;
    for (kind, times) in [
        ("opened", 1),
        ("firing", 2),
        ("acknowledged", 1),
        ("note", 1),
        ("assigned", 1),
        ("ended", 2),
        ("quiet", 1),
        ("resolved", 1),
    ] {
        assert_eq!(kinds.iter().filter(|k| *k == kind).count(), times, "{kind} in {kinds:?}");
    }
    let report = site.get(&format!("/api/v1/incidents/{id}/postmortem?lang=zh")).await;
    assert_eq!(report.header("content-type"), "text/markdown; charset=utf-8");
    assert!(report.body.contains("# 事后复盘: level of cart is high"), "{}", report.body);
    let report = site.get(&format!("/api/v1/incidents/{id}/postmortem")).await.body;
    assert!(
        report.contains("Note: the disk \\*is\\* full (ann)") && report.contains("level > 10"),
        "{report}"
    );
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("watchfire_incidents_open{status=\"triggered\"} 0"), "{metrics}");
    site.stop().await;
}

const ON_CALL: &str = "on_call:
  people:
  - {name: ann, receivers: [ann-phone]}
  - {name: bob, receivers: [bob-phone]}
  schedules:
  - name: team
    time_zone: Asia/Shanghai
    layers:
    - {participants: [ann], every: 1w, start: 2020-01-06, handoff: '09:00'}
  policies:
  - name: grave
    matchers: ['severity=critical']
    steps:
    - {schedules: [team], wait: 1s}
    - {people: [bob], wait: 1h}
";

/// Whether a message is to this person about an incident.
fn page(person: &'static str, status: &'static str) -> impl Fn(&Value) -> bool {
    move |m| m["groupLabels"]["person"] == person && m["status"] == status
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_on_is_escalated() {
    let (hook, site, given) = started(ON_CALL).await;
    site.push("latency{service=\"mail\"} 3\nlevel{service=\"cart\"} 11\n").await;
    let told = hook.message("ann, who is on call", page("ann", "firing")).await;
    assert_eq!(told["groupLabels"]["title"], "level of cart is high");
    let alert = &told["alerts"][0];
    assert!(
        alert["annotations"]["incident_url"].as_str().unwrap().starts_with("http://us/incidents/"),
        "{alert}"
    );
    // A restart between the steps.
    let site = again(site, &given).await;
    hook.message("bob, as ann does not answer", page("bob", "firing")).await;
    let found = list(&site, "severity=critical").await;
    let id = found["incidents"][0]["id"].clone();
    assert_eq!(found["incidents"][0]["escalation"]["step"], 2, "{found}");
    assert_eq!(act(&site, &id, json!({"action": "acknowledge", "by": "bob"})).await.0, 200);
    let paged = until("what became of the pages", async || {
        let all = site.get(&format!("/api/v1/incidents/{id}/timeline?kind=paged")).await.json();
        let entries = all["data"]["entries"].as_array().unwrap().clone();
        let done = entries.iter().all(|e| e["notifications"][0]["outcome"] != Value::Null);
        Some(entries).filter(|_| done)
    })
    .await;
    assert_eq!(paged.iter().map(|e| e["person"].as_str().unwrap()).collect::<Vec<_>>(), ["ann", "bob"]);
    let (status, acted) =
        act(&site, &id, json!({"action": "escalate", "by": "bob", "people": ["ann"]})).await;
    assert_eq!(status, 200, "{acted}");
    until("ann again", async || (hook.count(page("ann", "firing")) == 2).then_some(())).await;
    assert_eq!(act(&site, &id, json!({"action": "resolve", "by": "bob"})).await.0, 200);
    hook.message("the end for ann", page("ann", "resolved")).await;
    hook.message("the end for bob", page("bob", "resolved")).await;
    for (person, status, times) in
        [("ann", "firing", 2), ("bob", "firing", 1), ("ann", "resolved", 1), ("bob", "resolved", 1)]
    {
        assert_eq!(hook.count(page(person, status)), times, "{person} {status}");
    }
    assert_eq!(list(&site, "severity=warning").await["incidents"][0]["escalation"], Value::Null);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_merge_split_and_act_on_several() {
    let (_hook, site, _) = started("").await;
    site.push("level{service=\"a\"} 11\nlevel{service=\"b\"} 12\nlevel{service=\"c\"} 13\n").await;
    let found = listed(&site, "three incidents", "sort=severity", |l| l["total"] == 3).await;
    let ids: Vec<Value> = found["incidents"].as_array().unwrap().iter().map(|i| i["id"].clone()).collect();
    let (status, merged) =
        act(&site, &ids[0], json!({"action": "merge", "by": "ann", "incidents": [ids[1], ids[2]]})).await;
    assert_eq!((status, &merged["data"]["incident"]["alertCount"]), (200, &json!(3)), "{merged}");
    let part = site.get(&format!("/api/v1/incidents/{}", ids[1])).await.json();
    assert_eq!(part["data"]["mergedInto"], ids[0]);
    assert!(kinds(&site, &ids[0]).await.contains(&"merged_into".to_owned()));
    let whole = site.get(&format!("/api/v1/incidents/{}", ids[0])).await.json();
    let alert = whole["data"]["alerts"][0]["fingerprint"].clone();
    let (status, split) =
        act(&site, &ids[0], json!({"action": "split", "by": "ann", "alerts": [alert]})).await;
    assert_eq!((status, &split["data"]["incident"]["alertCount"]), (200, &json!(2)), "{split}");
    let fresh = split["data"]["split"].clone();
    let wish = json!({"action": "acknowledge", "by": "ann", "ids": [ids[0], fresh, 77]}).to_string();
    let done = site.post("/api/v1/incidents", &[("content-type", "application/json")], wish).await.json();
    assert_eq!(done["data"]["incidents"].as_array().unwrap().len(), 2, "{done}");
    assert_eq!(done["data"]["refused"], json!([{"id": 77, "error": "there is no incident 77"}]));
    assert_eq!(list(&site, "status=acknowledged&entity=service/a").await["total"], 1);
    assert_eq!(list(&site, "status=all&query=service=b").await["total"], 1);
    let foreign = [("origin", "http://evil.example"), ("content-type", "text/plain")];
    let refused =
        site.post(&format!("/api/v1/incidents/{fresh}"), &foreign, "{\"action\":\"resolve\"}").await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_call() {
    let (_hook, site, given) = started(ON_CALL).await;
    let all = site.get("/api/v1/oncall").await.json()["data"].clone();
    assert_eq!(all["people"][0], json!({"name": "ann", "receivers": ["ann-phone"], "onCall": ["team"]}));
    assert_eq!(all["policies"][0]["steps"][0]["reaches"], json!(["ann"]));
    assert_eq!(all["schedules"][0]["now"]["person"], "ann");
    let json_type = [("content-type", "application/json")];
    let wanted = |person: &str| {
        json!({"schedule": "team", "person": person, "from": "2099-02-01T09:00", "to": "2099-02-02T09:00", "by": "ann"}).to_string()
    };
    let refused = site.post("/api/v1/oncall/overrides", &json_type, wanted("eve")).await;
    assert!(refused.status == 400 && refused.body.contains("nobody called"), "{}", refused.body);
    let made = site.post("/api/v1/oncall/overrides", &json_type, wanted("bob")).await.json();
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    let site = again(site, &given).await;
    let shifts = site
        .get("/api/v1/oncall/schedules/team?start=2099-01-31T00:00:00Z&end=2099-02-03T00:00:00Z")
        .await
        .json()["data"]
        .clone();
    let shown: Vec<String> = shifts["shifts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| format!("{} {} {}", s["person"], s["from"], s["to"]).replace('"', ""))
        .collect();
    assert_eq!(
        shown,
        [
            "ann 2099-01-31T00:00:00Z 2099-02-01T01:00:00Z",
            "bob 2099-02-01T01:00:00Z 2099-02-02T01:00:00Z",
            "ann 2099-02-02T01:00:00Z 2099-02-03T00:00:00Z",
        ]
    );
    assert_eq!((&shifts["overrides"][0]["by"], &shifts["gaps"]), (&json!("ann"), &json!([])));
    assert_eq!(site.request("DELETE", &format!("/api/v1/oncall/overrides/{id}"), &[], "").await.status, 200);
    assert_eq!(site.request("DELETE", &format!("/api/v1/oncall/overrides/{id}"), &[], "").await.status, 404);
    let left = site.get("/api/v1/oncall/overrides?schedule=team").await.json();
    assert_eq!(left["data"]["overrides"], json!([]));
    assert_eq!(site.get("/api/v1/oncall/schedules/none").await.status, 404);
    site.stop().await;
}
