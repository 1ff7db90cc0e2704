//! What the console asks of alerting: the tree of routes, what was told, and what a rule would do.

use crate::alerting::{Hook, is, post, posted, routing, site_for, write};
use crate::site::{Site, quiet, until};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const TREE: &str = "route:
  receiver: hook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
  - matchers: [severity=\"page\"]
    receiver: lost
    group_by: ['...']
    mute_time_intervals: [always]
    continue: true
  - matchers: [team=~\"a|b\"]
    receiver: gone
time_intervals:
- name: always
  time_intervals: [{months: ['1:12']}]
inhibit_rules:
- {source_matchers: [a=b], target_matchers: [c=d]}
receivers:
- name: hook
  webhook_configs: [{url: 'http://HOOK/hook'}]
- name: gone
  webhook_configs: [{url: 'http://127.0.0.1:1/'}]
- name: lost
";

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_routes_is_told_with_what_stands_there() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "tree.yml", &TREE.replace("HOOK", &address.to_string()));
    let mut config = quiet();
    config.alerting.config_file = Some("tree.yml".into());
    let file = write(dir.path(), "watchfire.yml", "");
    let site = Site::at(config, dir, Some(file)).await;
    post(&site, &json!([posted("Plain", &json!({})), posted("Paged", &json!({"severity": "page"}))])).await;
    hook.message("the plain one", |m| m["commonLabels"]["alertname"] == "Plain").await;
    let tree = site.get("/api/v1/alerting/routes").await.json();
    assert_eq!((&tree["configFile"], &tree["inhibitRules"]), (&json!("tree.yml"), &json!(1)));
    let routes = tree["routes"].as_array().unwrap();
    let ids: Vec<Value> = routes.iter().map(|r| json!([r["id"], r["below"]])).collect();
    assert_eq!(json!(ids), json!([[0, [1, 2]], [1, []], [2, []]]));
    let (root, paged) = (&routes[0], &routes[1]);
    assert_eq!((&root["groupBy"], &root["matchers"]), (&json!(["alertname"]), &json!([])));
    assert_eq!((&root["groups"], &root["alerts"], &root["mutedBy"]), (&json!(1), &json!(1), &json!([])));
    assert_eq!((&paged["groupBy"], &paged["continue"]), (&Value::Null, &json!(true)));
    assert_eq!((&paged["alerts"], &paged["mutedBy"]), (&json!(1), &json!(["always"])));
    let matcher = json!({"name": "severity", "value": "page", "isRegex": false, "isEqual": true});
    assert_eq!(paged["matchers"], json!([matcher]));
    assert_eq!(tree["receivers"][0]["ways"], json!([{"kind": "webhook", "index": 0, "sendResolved": true}]));
    assert_eq!(tree["receivers"][2], json!({"name": "lost", "ways": []}));
    let hit = site.post("/api/v1/alerting/route", &[], r#"{"labels":{"team":"a"}}"#).await.json();
    assert_eq!((&hit["routes"][0]["id"], &hit["routes"][0]["receiver"]), (&json!(2), &json!("gone")));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_decisions_is_told() {
    let (hook, address) = Hook::start().await;
    let site = site_for(address).await;
    *hook.refusals.lock() = vec![404, 500];
    post(&site, &json!([posted("A", &json!({}))])).await;
    hook.message("the message in the end", is("firing")).await;
    let done = until("both decisions", async || {
        let done = site.get("/api/v1/alerting/deliveries/done").await.json();
        (done["deliveries"].as_array().unwrap().len() >= 2).then_some(done)
    })
    .await;
    // The newest first: it was taken; the one before was put off, and then refused.
    let facts = |d: &Value| {
        json!([d["outcome"], d["attempts"], d["reason"], d["receiver"], d["alerts"], d["firing"]])
    };
    assert_eq!(facts(&done["deliveries"][0]), json!(["delivered", 1, "first", "hook", 1, 1]));
    assert_eq!(facts(&done["deliveries"][1]), json!(["failed", 2, "first", "hook", 1, 1]));
    assert!(done["deliveries"][1]["error"].as_str().unwrap().contains("404"), "{done}");
    assert_eq!(done["deliveries"][0]["groupLabels"], json!({"alertname": "A"}));
    assert_eq!(done["forgotten"], 0);
    let one = site.get("/api/v1/alerting/deliveries/done?limit=1").await.json();
    assert_eq!(one["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(site.get("/api/v1/alerting/deliveries/done?limit=x").await.status, 400);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_failed_is_told_while_it_is_tried_again() {
    let (_hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    let text =
        routing(address).replace(&address.to_string(), "127.0.0.1:1").replace("interval: 1s", "interval: 1h");
    write(dir.path(), "alertmanager.yml", &text);
    let mut config = quiet();
    config.alerting.config_file = Some("alertmanager.yml".into());
    let file = write(dir.path(), "watchfire.yml", "");
    let site = Site::at(config, dir, Some(file)).await;
    post(&site, &json!([posted("A", &json!({}))])).await;
    let open = until("an attempt", async || {
        let open = site.get("/api/v1/alerting/deliveries").await.json()[0].clone();
        (open["attempts"].as_u64() > Some(0)).then_some(open)
    })
    .await;
    assert!(open["error"].as_str().is_some_and(|e| !e.is_empty()), "{open}");
    site.stop().await;
}

/// A series that is 1, but for a time of 20 minutes, half an hour ago, and now; a sample each minute.
async fn ups_and_downs(site: &Site) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60 * 60;
    let lines: String = (0..=60)
        .map(|ago| {
            let down = (30..50).contains(&ago) || ago < 3;
            format!("health{{host=\"a\"}} {} {}\n", i32::from(!down), (now - 60 * ago) * 1000)
        })
        .collect();
    site.push(&lines).await;
    now as f64
}

fn asked(end: f64, more: Value) -> String {
    let mut asked = json!({
        "alert": "Sick", "expr": "health == 0", "for": "5m", "labels": {"severity": "{{ $labels.host }}{{ $value }}"},
        "annotations": {"summary": "{{ $labels.host }} is {{ $value }} of {{ query \"sum(health)\" | len }}"},
        "start": end - 3600.0, "end": end, "step": 60,
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_tried_over_the_past() {
    let site = Site::start().await;
    let now = ups_and_downs(&site).await;
    let tried = async |more: Value| site.post("/api/v1/rules/try", &[], asked(now, more)).await;
    let trial = tried(json!({})).await.json()["data"].clone();
    let alert = &trial["alerts"][0];
    assert_eq!((&trial["alertCount"], &alert["state"]), (&json!(1), &json!("pending")), "{trial}");
    assert_eq!(alert["labels"], json!({"alertname": "Sick", "host": "a", "severity": "a0"}));
    assert_eq!(alert["annotations"], json!({"summary": "a is 0 of 1"}));
    assert_eq!(
        (&trial["fired"], &trial["historyCount"], &trial["steps"]),
        (&json!(1), &json!(1), &json!(61))
    );
    let life: Vec<Value> = trial["histories"][0]["stretches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            json!([
                s["state"],
                (now - s["from"].as_f64().unwrap()) / 60.0,
                (now - s["until"].as_f64().unwrap()) / 60.0
            ])
        })
        .collect();
    assert_eq!(json!(life), json!([["pending", 49.0, 44.0], ["firing", 44.0, 29.0], ["pending", 2.0, 0.0]]));

    // What has been true since before the start fires from the start on.
    let late = tried(json!({"start": now - 2400.0})).await.json()["data"].clone();
    let first = &late["histories"][0]["stretches"][0];
    assert_eq!((&first["state"], first["from"].as_f64()), (&json!("firing"), Some(now - 2400.0)), "{late}");
    // Between two steps the end has an evaluation of its own.
    let between = tried(json!({"end": now + 7.0})).await.json()["data"].clone();
    assert_eq!((&between["steps"], &between["alerts"][0]["state"]), (&json!(62), &json!("pending")));
    let short = tried(json!({"start": now + 1.0, "end": now + 7.0, "for": ""})).await.json()["data"].clone();
    assert_eq!((&short["steps"], &short["fired"]), (&json!(1), &json!(1)), "{short}");
    // After its end it fires on.
    let kept = tried(json!({"keep_firing_for": "10m", "for": ""})).await.json()["data"].clone();
    let states: Vec<&Value> =
        kept["histories"][0]["stretches"].as_array().unwrap().iter().map(|s| &s["state"]).collect();
    assert_eq!(json!(states), json!(["firing", "recovering", "firing"]));
    assert_eq!(kept["fired"], 2);
    let stored = site.form("/api/v1/query", &[("query", "ALERTS")]).await.json();
    assert_eq!(stored["data"]["result"], json!([]), "nothing is stored");

    let failing = tried(
        json!({"labels": {"host": "same"}, "expr": "health or label_replace(health, \"host\", \"b\", \"\", \"\")"}),
    );
    let failing = failing.await.json()["data"].clone();
    assert!(failing["errorCount"].as_u64() > Some(20) && failing["errors"].as_array().unwrap().len() == 20);
    for (more, message) in [
        (json!({"expr": "health =="}), "invalid parameter \\\"expr\\\""),
        (json!({"annotations": {"a": "{{ $x }}"}}), "annotation \\\"a\\\""),
        (json!({"for": "soon"}), "soon"),
        (json!({"alert": ""}), "must be set"),
        (json!({"step": 0}), "must be positive"),
        (json!({"step": 0.1}), "over the limit of 11000"),
        (json!({"end": 0}), "before start"),
        (json!({"more": 1}), "unknown field"),
    ] {
        let refused = tried(more).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(refused.body.contains(message), "{message}: {}", refused.body);
    }
    let text = tried(json!({"expr": "\"text\""})).await;
    assert_eq!(text.status, 422, "{}", text.body);
    let place = tried(json!({"expr": "health == )"})).await.json()["place"].clone();
    assert_eq!(place["column"], 11, "{place}");
    site.stop().await;
}
