//! Rules that fire, and people who are told: over HTTP, with real clients and real receivers.

use crate::site::{Site, quiet, until};
use parking_lot::Mutex;
use serde_json::{Value, json};
use server::config::Config;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Takes webhooks and keeps their bodies.
#[derive(Clone, Default)]
pub(crate) struct Hook {
    bodies: Arc<Mutex<Vec<String>>>,
    /// Statuses to answer with before it takes anything.
    pub(crate) refusals: Arc<Mutex<Vec<u16>>>,
}

impl Hook {
    pub(crate) async fn start() -> (Hook, SocketAddr) {
        use axum::extract::State;
        use axum::http::StatusCode;
        async fn take(State(hook): State<Hook>, body: String) -> StatusCode {
            if let Some(status) = hook.refusals.lock().pop() {
                return StatusCode::from_u16(status).unwrap();
            }
            hook.bodies.lock().push(body);
            StatusCode::OK
        }
        let hook = Hook::default();
        let router = axum::Router::new().fallback(take).with_state(hook.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (hook, address)
    }

    fn messages(&self) -> Vec<Value> {
        self.bodies.lock().iter().map(|b| serde_json::from_str(b).unwrap()).collect()
    }

    pub(crate) fn count(&self, of: impl Fn(&Value) -> bool) -> usize {
        self.messages().iter().filter(|m| of(m)).count()
    }

    pub(crate) async fn message(&self, what: &str, of: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.messages().into_iter().find(|m| of(m))).await
    }
}

/// A configuration of alerting that tells a webhook at once.
pub(crate) fn routing(hook: SocketAddr) -> String {
    format!(
        "route:\n  receiver: hook\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\n  repeat_interval: 1h\nreceivers:\n- name: hook\n  webhook_configs:\n  - url: http://{hook}/hook\n"
    )
}

pub(crate) fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The configuration in this directory, quiet but for rules and alerting.
fn configured(dir: &TempDir, hook: SocketAddr, rules: &str) -> (Config, PathBuf) {
    write(dir.path(), "rules.yml", rules);
    write(dir.path(), "alertmanager.yml", &routing(hook));
    let text = "global: {evaluation_interval: 200ms, external_labels: {site: here}}\nrule_files: ['rul*.yml']\nalerting: {config_file: alertmanager.yml, external_url: 'http://us'}\n";
    let file = write(dir.path(), "watchfire.yml", text);
    let mut config = server::config::load(&file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    (config, file)
}

pub(crate) fn is(status: &'static str) -> impl Fn(&Value) -> bool {
    move |m| m["status"] == status
}

const RULES: &str = "groups:
- name: g
  rules:
  - record: twice
    expr: 2 * level
  - alert: High
    expr: twice > 10
    for: 400ms
    labels: {severity: page}
    annotations: {summary: 'level of {{ $labels.host }} is {{ $value }}'}
";

/// An hour is the interval of these rules; nobody waits for it.
const SLOW_RULES: &str = "groups:
- name: g
  interval: 1h
  rules:
  - alert: High
    expr: level > 10
  - alert: Sum
    expr: sum(level) > 20
  - alert: Long
    expr: level{host='a'} > 10
    for: 300ms
";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_an_interval() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = configured(&dir, address, SLOW_RULES);
    let site = Site::at(config, dir, Some(file)).await;
    let named = |name: &'static str, status: &'static str| {
        move |m: &Value| m["commonLabels"]["alertname"] == name && m["status"] == status
    };
    site.push("level{host=\"a\"} 11\nlevel{host=\"b\"} 1\n").await;
    let high = hook.message("one that is high", named("High", "firing")).await;
    assert_eq!(high["alerts"].as_array().unwrap().len(), 1);
    hook.message("one that is high for long", named("Long", "firing")).await;
    site.push("level{host=\"b\"} 12\n").await;
    hook.message("a sum", named("Sum", "firing")).await;
    site.push("level{host=\"a\"} 1\nlevel{host=\"b\"} 1\n").await;
    for name in ["High", "Sum", "Long"] {
        hook.message("an end", named(name, "resolved")).await;
    }
    let rules = site.get("/api/v1/rules").await.json();
    assert_eq!(rules["data"]["groups"][0]["rules"][0]["state"], "inactive");
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("watchfire_rule_reactions_total"), "{metrics}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_fires_is_told_and_ends() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = configured(&dir, address, RULES);
    let site = Site::at(config, dir, Some(file)).await;
    site.push("level{host=\"a\"} 7\n").await;
    let firing = hook.message("the alert", is("firing")).await;
    let alert = &firing["alerts"][0];
    assert_eq!(
        alert["labels"],
        json!({"alertname": "High", "host": "a", "severity": "page", "site": "here"})
    );
    assert_eq!(alert["annotations"], json!({"summary": "level of a is 14"}));
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!((&firing["version"], &firing["groupKey"]), (&json!("4"), &json!("{}:{alertname=\"High\"}")));
    assert!(alert["generatorURL"].as_str().unwrap().starts_with("http://us/graph?g0.expr=twice"), "{alert}");

    let rules = site.get("/api/v1/rules").await.json();
    let group = &rules["data"]["groups"][0];
    assert_eq!((&group["name"], &group["interval"]), (&json!("g"), &json!(0.2)));
    assert_eq!(
        (&group["rules"][0]["type"], &group["rules"][0]["health"]),
        (&json!("recording"), &json!("ok"))
    );
    let high = &group["rules"][1];
    assert_eq!(
        (&high["state"], &high["query"], &high["duration"]),
        (&json!("firing"), &json!("twice > 10"), &json!(0.4))
    );
    assert_eq!(high["alerts"][0]["value"], "1.4e+01");
    let only = site.get("/api/v1/rules?type=record&exclude_alerts=true").await.json();
    assert_eq!(only["data"]["groups"][0]["rules"].as_array().unwrap().len(), 1);
    let alerts = site.get("/api/v1/alerts").await.json();
    assert_eq!(alerts["data"]["alerts"][0]["state"], "firing");
    let shown = site.get("/api/v2/alerts").await.json();
    assert_eq!(shown[0]["status"]["state"], "active");
    let series = until("ALERTS", async || {
        let found = site.form("/api/v1/query", &[("query", "ALERTS{alertstate=\"firing\"}")]).await.json();
        found["data"]["result"][0]["metric"].as_object().cloned()
    })
    .await;
    assert_eq!(series["alertname"], "High");

    site.push("level{host=\"a\"} 1\n").await;
    let over = hook.message("its end", is("resolved")).await;
    assert_eq!(over["alerts"][0]["startsAt"], alert["startsAt"]);
    for line in
        ["watchfire_alerting_deliveries_done_total 2", "watchfire_rules 2", "watchfire_rules_alerts_firing 0"]
    {
        until(line, async || site.get("/metrics").await.body.lines().any(|l| l == line).then_some(())).await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_neither_forgets_nor_tells_again() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = configured(&dir, address, RULES);
    let site = Site::at(config.clone(), dir, Some(file.clone())).await;
    site.push("level{host=\"a\"} 7\n").await;
    let told = hook.message("the alert", is("firing")).await;
    until("the delivery to be done", async || {
        let open = site.get("/api/v1/alerting/deliveries").await.json();
        open.as_array().filter(|o| o.is_empty()).map(|_| ())
    })
    .await;
    let dir = site.stop().await;
    // Its directory moves on; the file stays where it is read from.
    let site = Site::at(config, dir, Some(file)).await;
    let since = until("the alert after the restart", async || {
        let alerts = site.get("/api/v1/rules").await.json();
        let rule = alerts["data"]["groups"][0]["rules"][1].clone();
        (rule["health"] == "ok" && rule["state"] == "firing").then(|| rule["alerts"][0]["activeAt"].clone())
    })
    .await;
    assert!(since.as_str().unwrap() <= told["alerts"][0]["startsAt"].as_str().unwrap(), "{since} {told}");
    site.push("level{host=\"a\"} 1\n").await;
    hook.message("its end", is("resolved")).await;
    let statuses: Vec<Value> = hook.messages().iter().map(|m| m["status"].clone()).collect();
    assert_eq!(statuses, [json!("firing"), json!("resolved")]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_state_and_resolves_what_is_gone() {
    let (hook, address) = Hook::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = configured(&dir, address, RULES);
    let rules_file = dir.path().join("rules.yml");
    let site = Site::at(config, dir, Some(file)).await;
    site.push("level{host=\"a\"} 7\n").await;
    hook.message("the alert", is("firing")).await;
    let active = async || site.get("/api/v1/alerts").await.json()["data"]["alerts"][0]["activeAt"].clone();
    let before = active().await;
    std::fs::write(&rules_file, RULES.replace("- name: g", "- name: h\n  rules: []\n- name: g")).unwrap();
    let answer = site.form("/-/reload", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(active().await, before);
    std::fs::write(&rules_file, "groups: [{name: g, rules: [{alert: A, expr: '1 +'}]}]").unwrap();
    let answer = site.form("/-/reload", &[]).await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.body.contains("rules.yml:1:") && answer.body.contains("could not parse"),
        "{}",
        answer.body
    );
    assert_eq!(active().await, before, "a wrong file changes nothing");
    std::fs::write(&rules_file, "groups: []").unwrap();
    assert_eq!(site.form("/-/reload", &[]).await.status, 200);
    hook.message("the end of what is gone", is("resolved")).await;
    site.stop().await;
}

/// An alert for `/api/v2/alerts`.
pub(crate) fn posted(name: &str, more: &Value) -> Value {
    let mut labels = json!({"alertname": name});
    for (k, v) in more.as_object().unwrap() {
        labels[k] = v.clone();
    }
    json!({"labels": labels, "annotations": {"summary": "<b> & \u{2028}"}, "generatorURL": "http://gen/?a=b&c"})
}

pub(crate) async fn site_for(hook: SocketAddr) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = configured(&dir, hook, "groups: []");
    Site::at(config, dir, Some(file)).await
}

pub(crate) async fn post(site: &Site, alerts: &Value) {
    let answer =
        site.post("/api/v2/alerts", &[("content-type", "application/json")], alerts.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_is_tried_again() {
    let (hook, address) = Hook::start().await;
    *hook.refusals.lock() = vec![500, 503];
    let site = site_for(address).await;
    post(&site, &json!([posted("A", &json!({}))])).await;
    hook.message("the message in the end", is("firing")).await;
    assert_eq!(hook.messages().len(), 1);
    let metrics = site.get("/metrics").await.body;
    let line = "watchfire_alerting_attempts_total{kind=\"webhook\",outcome=\"put_off\"} 2";
    assert!(metrics.lines().any(|l| l == line), "{metrics}");
    let bad = site.post("/api/v2/alerts", &[], r#"[{"labels":{}}]"#).await;
    assert_eq!((bad.status, bad.json()), (400, json!("at least one label pair required")));
    let trial = site.post("/api/v1/alerting/test", &[], r#"{"receiver":"hook"}"#).await.json();
    assert_eq!(trial["results"][0]["delivered"], true);
    let route = site.post("/api/v1/alerting/route", &[], r#"{"labels":{"alertname":"x"}}"#).await.json();
    assert_eq!(route["routes"][0]["receiver"], "hook");
    site.stop().await;
}

fn found(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&paths).map(|d| d.join(program)).find(|p| p.is_file());
    if there.is_none() {
        eprintln!(
            "{program} is absent: this is not tested (apt-get install prometheus-alertmanager prometheus)"
        );
    }
    there
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(program: &Path, args: &[String]) -> Running {
    Running(Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_drives_it() {
    let Some(amtool) = found("amtool") else { return };
    let (hook, address) = Hook::start().await;
    let site = site_for(address).await;
    let url = site.url("");
    let run = async |args: &[&str]| -> String {
        let (amtool, url) = (amtool.clone(), url.clone());
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let done = tokio::task::spawn_blocking(move || {
            Command::new(amtool).arg(format!("--alertmanager.url={url}")).args(args).output().unwrap()
        });
        let output = done.await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    run(&["alert", "add", "alertname=Full", "disk=/var", "--annotation=summary=so full"]).await;
    hook.message("the alert", is("firing")).await;
    let listed = run(&["alert", "query", "-o", "json", "disk=/var"]).await;
    assert!(listed.contains("so full"), "{listed}");
    let id = run(&["silence", "add", "-a", "me", "-c", "known", "-d", "1h", "alertname=Full"]).await;
    assert!(run(&["silence", "query"]).await.contains("Full"));
    let shown = run(&["alert", "query", "-o", "extended", "--silenced"]).await;
    assert!(shown.contains("suppressed"), "{shown}");
    run(&["silence", "update", "-d", "2h", "-c", "longer", id.trim()]).await;
    let ids = run(&["silence", "query", "-q"]).await;
    run(&["silence", "expire", ids.trim()]).await;
    assert!(run(&["silence", "query", "-q"]).await.trim().is_empty());
    let config = run(&["config", "show"]).await;
    assert!(config.contains("group_wait") && !config.contains("/hook"), "{config}");
    assert!(run(&["config", "routes", "test", "a=b"]).await.contains("hook"));
    assert!(run(&["cluster", "show"]).await.contains("disabled"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_sends_to_it() {
    let Some(prometheus) = found("prometheus") else { return };
    let (hook, address) = Hook::start().await;
    let site = site_for(address).await;
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "r.yml",
        "groups: [{name: g, interval: 1s, rules: [{alert: Theirs, expr: vector(1)}]}]",
    );
    let config = format!(
        "rule_files: ['{}']\nalerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n",
        dir.path().join("r.yml").display(),
        site.address
    );
    let file = write(dir.path(), "prometheus.yml", &config);
    let _running = spawn(
        &prometheus,
        &[
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", dir.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{}", free_port()),
            // What it sends before it has found whom to send to is lost, and sent again only a minute later.
            "--rules.alert.resend-delay=1s".to_owned(),
        ],
    );
    let told = hook.message("the alert of Prometheus", is("firing")).await;
    assert_eq!(told["commonLabels"]["alertname"], "Theirs");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_vmalert_asks_it_and_sends_to_it() {
    let Some(vmalert) = found("vmalert") else { return };
    let (hook, address) = Hook::start().await;
    let site = site_for(address).await;
    site.push("their_level 3\n").await;
    let dir = tempfile::tempdir().unwrap();
    let rules =
        write(dir.path(), "r.yml", "groups: [{name: g, rules: [{alert: Vm, expr: their_level > 1}]}]");
    let _running = spawn(
        &vmalert,
        &[
            format!("-rule={}", rules.display()),
            format!("-datasource.url={}", site.url("")),
            format!("-notifier.url={}", site.url("")),
            "-evaluationInterval=1s".to_owned(),
            format!("-httpListenAddr=127.0.0.1:{}", free_port()),
        ],
    );
    let told = hook.message("the alert of vmalert", is("firing")).await;
    assert_eq!(told["commonLabels"]["alertname"], "Vm");
    site.stop().await;
}

/// What depends on the moment and the place.
fn comparable(body: &str) -> String {
    let mut message: Value = serde_json::from_str(body).unwrap();
    message["externalURL"] = json!("");
    let order: Vec<String> = message.as_object().unwrap().keys().cloned().collect();
    for alert in message["alerts"].as_array_mut().unwrap() {
        assert!(alert["startsAt"].as_str().unwrap().ends_with('Z'));
    }
    format!("{order:?} {message}")
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_equal_those_of_alertmanager() {
    let Some(alertmanager) = found("prometheus-alertmanager") else { return };
    let ((ours, our_hook), (theirs, their_hook)) = (Hook::start().await, Hook::start().await);
    let site = site_for(our_hook).await;
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "alertmanager.yml", &routing(their_hook));
    let port = free_port();
    let _running = spawn(
        &alertmanager,
        &[
            format!("--config.file={}", file.display()),
            format!("--storage.path={}", dir.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--cluster.listen-address=".to_owned(),
        ],
    );
    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{port}/api/v2");
    until("Alertmanager", async || client.get(format!("{url}/status")).send().await.ok().map(|_| ())).await;
    let start = "2026-01-02T03:04:05.67Z";
    for ended in [false, true] {
        let alerts: Vec<Value> =
            [json!({"job": "b"}), json!({"job": "a", "instance": "2"}), json!({"job": "a", "instance": "1"})]
                .iter()
                .map(|more| {
                    let mut alert = posted("Same", more);
                    alert["startsAt"] = json!(start);
                    if ended {
                        alert["endsAt"] = json!("2026-01-02T04:04:05Z");
                    }
                    alert
                })
                .collect();
        let alerts = json!(alerts);
        post(&site, &alerts).await;
        let sent = client
            .post(format!("{url}/alerts"))
            .header("content-type", "application/json")
            .body(alerts.to_string());
        assert!(sent.send().await.unwrap().status().is_success());
        let status = if ended { "resolved" } else { "firing" };
        let whole = |m: &Value| m["status"] == status && m["alerts"].as_array().unwrap().len() == 3;
        for hook in [&ours, &theirs] {
            hook.message("the message", whole).await;
        }
        let last = |hook: &Hook| {
            let all = hook.bodies.lock().clone();
            all.into_iter().rfind(|b| whole(&serde_json::from_str(b).unwrap())).unwrap()
        };
        let (our, their) = (last(&ours), last(&theirs));
        assert_eq!(comparable(&our), comparable(&their));
        // Byte for byte but for the address.
        let plain = |b: &str| {
            let at = b.find("\"externalURL\":\"").unwrap();
            let end = at + 15 + b[at + 15..].find('"').unwrap();
            format!("{}{}", &b[..at], &b[end..])
        };
        assert_eq!(plain(&our), plain(&their));
    }
    site.stop().await;
}

/// An SMTP server in Python that prints what it takes, one JSON object a mail.
const SMTP: &str = "
import asyncio, json, sys
from email import message_from_bytes, policy
from aiosmtpd.controller import Controller
class Handler:
    async def handle_DATA(self, server, session, envelope):
        m = message_from_bytes(envelope.content, policy=policy.default)
        parts = {p.get_content_type(): p.get_content() for p in m.walk() if not p.is_multipart()}
        mail = {'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'subject': m['subject'], 'x': m['X-Team'], 'parts': parts}
        print(json.dumps(mail), flush=True)
        return '250 OK'
controller = Controller(Handler(), hostname='127.0.0.1', port=int(sys.argv[1]))
controller.start()
sys.stdin.read()
controller.stop()
";

#[tokio::test(flavor = "multi_thread")]
async fn mail_arrives_at_a_real_server() {
    let python = std::env::var("WATCHFIRE_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|s| s.success()) {
        eprintln!("aiosmtpd is absent: mail is not tested (pip install aiosmtpd, WATCHFIRE_TEST_PYTHON)");
        return;
    }
    let port = free_port();
    let mut child = Command::new(&python)
        .args(["-c", SMTP, &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let _running = Running(child);
    let dir = tempfile::tempdir().unwrap();
    let (_, address) = Hook::start().await;
    let (mut config, file) = configured(&dir, address, "groups: []");
    let text = format!(
        "global: {{smtp_from: 'Watchfire <fire@example.org>', smtp_smarthost: '127.0.0.1:{port}', smtp_require_tls: false}}\nroute: {{receiver: mail, group_wait: 0s, group_interval: 1s}}\nreceivers:\n- name: mail\n  email_configs:\n  - to: 'a@example.org, b@example.org'\n    send_resolved: true\n    headers: {{X-Team: '{{{{ .CommonLabels.team }}}}'}}\n    text: 'plain {{{{ len .Alerts }}}}'\n"
    );
    write(dir.path(), "mail.yml", &text);
    config.alerting.config_file = Some("mail.yml".into());
    let site = Site::at(config, dir, Some(file)).await;
    post(&site, &json!([posted("Größe", &json!({"team": "ops"}))])).await;
    let line = tokio::task::spawn_blocking(move || {
        use std::io::BufRead;
        std::io::BufReader::new(output).lines().next().unwrap().unwrap()
    });
    let mail: Value = serde_json::from_str(&line.await.unwrap()).unwrap();
    assert_eq!(mail["from"], "fire@example.org");
    assert_eq!(mail["to"], json!(["a@example.org", "b@example.org"]));
    assert_eq!((&mail["subject"], &mail["x"]), (&json!("[FIRING 1] Größe"), &json!("ops")));
    assert_eq!(mail["parts"]["text/plain"].as_str().unwrap().trim(), "plain 1");
    assert!(mail["parts"]["text/html"].as_str().unwrap().contains("Größe"));
    site.stop().await;
}
