//! Probes, heartbeats, plugins of Nagios and the watch over the server itself.

use crate::alerting::{Hook, routing, write};
use crate::site::{Site, quiet, until};
use serde_json::Value;
use server::config::Config;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// A configuration from text, of a server that does nothing else.
fn config(text: &str) -> Config {
    let config =
        server::config::parse(text, "watchfire.yml", Path::new("")).unwrap_or_else(|e| panic!("{e}"));
    let still = quiet();
    Config { http: still.http, agent: still.agent, own: still.own, ..config }
}

/// Something to look at.
async fn target() -> SocketAddr {
    let router = axum::Router::new().route("/fine", axum::routing::get(|| async { "fine" }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn value(site: &Site, query: &str) -> Option<String> {
    let answer = site.form("/api/v1/query", &[("query", query)]).await.json();
    answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scraper_has_targets_probed() {
    let target = target().await;
    let config = config(
        "probes:
  modules:
    http_2xx: {prober: http, http: {headers: {Authorization: Bearer hidden}}}
    slow: {prober: tcp, timeout: 20s, tcp: {query_response: [{expect: never}]}}
  endpoint: {targets: 'http://127\\.0\\.0\\.1:.*|127.*', concurrency: 1, timeout_max: 5s}
",
    );
    let site = Site::with(config).await;
    let probe = |query: &str| {
        let path = format!("/probe?{query}");
        let site = &site;
        async move { site.get(&path).await }
    };
    let fine = probe(&format!("target=http://{target}/fine")).await;
    assert_eq!(fine.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "probe_success 1",
        "probe_http_status_code 200",
        "# TYPE probe_duration_seconds gauge",
        "probe_timeout_seconds 5",
    ] {
        assert!(fine.body.lines().any(|l| l == line), "{line}\n{}", fine.body);
    }
    // What is exposed can be taken in.
    site.push(&fine.body).await;
    let gone = probe(&format!("target=http://{target}/gone&module=http_2xx")).await;
    assert!(gone.body.contains("\nprobe_success 0\n") && gone.status == 200);
    let debug = probe(&format!("target=http://{target}/gone&debug=true")).await.body;
    for part in [
        "Logs for the probe:",
        "the status is 404",
        "probe_success 0",
        "Module configuration:",
        "prober: http",
    ] {
        assert!(debug.contains(part), "{part}\n{debug}");
    }
    assert!(!debug.contains("hidden"), "{debug}");

    for (query, status, part) in [
        (
            "target=http://127.0.0.1:1/&module=icmp",
            400,
            "Unknown module \\\"icmp\\\": there are http_2xx, slow",
        ),
        ("module=http_2xx", 400, "Target parameter is missing"),
        ("target=http://169.254.169.254/latest", 403, "probes.endpoint.targets"),
    ] {
        let answer = probe(query).await;
        assert!(
            answer.status == status && answer.body.contains(part),
            "{query}: {} {}",
            answer.status,
            answer.body
        );
    }
    // One that is silent has the only place until its time is over.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let query = format!("target={}&module=slow", silent.local_addr().unwrap());
    let refused = until("a refusal", async || {
        let (one, two) = tokio::join!(probe(&query), probe(&query));
        [one, two].into_iter().find(|a| a.status == 503)
    })
    .await;
    assert!(refused.body.contains("probes.endpoint.concurrency"), "{}", refused.body);
    assert_eq!(refused.header("retry-after"), "1");
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("\nwatchfire_probe_requests_total "), "{metrics}");
    site.stop().await;

    let off = Site::start().await;
    let answer = off.get("/probe?target=x").await;
    assert!(answer.body.contains("none is configured in probes.modules"), "{}", answer.body);
    off.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_probed_on_schedule() {
    let target = target().await;
    let dir = TempDir::new().unwrap();
    let text = |module: &str| {
        format!(
            "probes:
  config_file: blackbox.yml
  targets:
  - {{module: {module}, targets: ['http://{target}/fine', 'http://{target}/gone'], interval: 200ms, labels: {{team: web}}}}
  - {{module: tcp_connect, targets: ['{target}'], interval: 200ms, job: ports}}
"
        )
    };
    write(
        dir.path(),
        "blackbox.yml",
        "modules: {mine: {prober: http}, strict: {prober: http, http: {fail_if_not_ssl: true}}}",
    );
    let file = write(dir.path(), "watchfire.yml", &text("mine"));
    let mut config = server::config::load(&file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    let site = Site::at(config, dir, Some(file.clone())).await;
    let of = |path: &str, name: &str| {
        format!("{name}{{job=\"probe\",instance=\"http://{target}/{path}\",team=\"web\"}}")
    };
    until("a success", async || value(&site, &format!("{} == 1", of("fine", "probe_success"))).await).await;
    until("a failure", async || value(&site, &format!("{} == 0", of("gone", "probe_success"))).await).await;
    until("a status", async || {
        value(&site, &format!("{} == 404", of("gone", "probe_http_status_code"))).await
    })
    .await;
    until("another job", async || {
        value(&site, "probe_success{job=\"ports\",module=\"tcp_connect\"} == 1").await
    })
    .await;
    assert_eq!(value(&site, "count(up{job=\"probe\"})").await.as_deref(), Some("2"));
    let metadata = site.get("/api/v1/metadata?metric=probe_success").await.json();
    assert_eq!(metadata["data"]["probe_success"][0]["type"], "gauge");
    let shown = site.get("/api/v1/probes").await.json();
    let targets = shown["data"]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 3);
    let gone = targets.iter().find(|t| t["target"].as_str().unwrap().ends_with("/gone")).unwrap();
    assert_eq!(gone["last"]["failure"], "the status is 404, and 2xx is right");
    assert!(gone["last"]["phases"]["connect"].as_f64().unwrap() > 0.0);

    // A reload takes the other module; a group that is gone ends its series.
    let cut = text("strict");
    std::fs::write(&file, &cut[..cut.find("  - {module: tcp_connect").unwrap()]).unwrap();
    assert_eq!(site.form("/-/reload", &[]).await.status, 200);
    let strict = format!("probe_success{{module=\"strict\",instance=\"http://{target}/fine\"}} == 0");
    until("the stricter module", async || value(&site, &strict).await).await;
    until("the end of the other job", async || {
        value(&site, "probe_success{job=\"ports\"}").await.is_none().then_some(())
    })
    .await;
    until("the end of the other module", async || {
        value(&site, "probe_success{module=\"mine\"}").await.is_none().then_some(())
    })
    .await;
    std::fs::write(&file, text("none")).unwrap();
    let answer = site.form("/-/reload", &[]).await;
    assert!(
        answer.body.contains("probes.targets[0].module: there is no module \\\"none\\\""),
        "{}",
        answer.body
    );
    site.stop().await;
}

async fn heartbeat(site: &Site, path: &str) -> (u16, String) {
    let answer = site.post(&format!("/api/v1/heartbeats/{path}"), &[], "").await;
    (answer.status, answer.body)
}

async fn job(site: &Site, name: &str) -> Value {
    let all = site.get("/api/v1/heartbeats").await.json();
    all["data"].as_array().unwrap().iter().find(|j| j["name"] == name).cloned().unwrap_or_default()
}

async fn events(site: &Site, kind: &str) -> Vec<Value> {
    let found = site.get(&format!("/api/v1/events?kind={kind}&limit=100")).await.json();
    found["data"]["events"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_report_and_are_missed() {
    let (hook, address) = Hook::start().await;
    let dir = TempDir::new().unwrap();
    write(dir.path(), "am.yml", &routing(address));
    let text = "alerting: {config_file: am.yml}
heartbeats:
  interval: 1s
  jobs:
  - {name: backup, schedule: '0 3 * * *', timezone: Europe/Berlin, grace: 1h, labels: {team: db}}
  - {name: short, period: 1s, grace: 1s}
";
    let file = write(dir.path(), "watchfire.yml", text);
    let mut config = server::config::load(&file).unwrap();
    let still = quiet();
    (config.http, config.agent, config.own) = (still.http, still.agent, still.own);
    let site = Site::at(config.clone(), dir, Some(file.clone())).await;
    assert_eq!(job(&site, "backup").await["state"], "new");

    assert_eq!(heartbeat(&site, "backup/start").await, (200, "OK\n".to_owned()));
    assert_eq!(job(&site, "backup").await["state"], "running");
    let answer = site.post("/api/v1/heartbeats/backup/3?duration=2.5", &[], "no space left").await;
    assert_eq!(answer.status, 200);
    let failed = job(&site, "backup").await;
    assert_eq!(
        (
            &failed["state"],
            &failed["lastExit"],
            &failed["lastDurationMs"],
            &failed["failures"],
            &failed["said"]
        ),
        (&"failed".into(), &3.into(), &2500.into(), &1.into(), &"no space left".into())
    );
    until("a failure as a series", async || {
        value(&site, "watchfire_heartbeat_failed{heartbeat=\"backup\",team=\"db\"} == 1").await
    })
    .await;
    assert_eq!(site.get("/api/v1/heartbeats/backup").await.status, 200, "GET is a report, too");
    assert_eq!(job(&site, "backup").await["state"], "ok");
    until("a success as a series", async || {
        value(
            &site,
            "time() - watchfire_heartbeat_last_success_timestamp_seconds{heartbeat=\"backup\"} < 600",
        )
        .await
    })
    .await;
    let found = until("events", async || Some(events(&site, "cron").await).filter(|e| e.len() >= 2)).await;
    let failure = found.iter().find(|e| e["result"] == "failed").unwrap();
    assert_eq!(failure["title"], "backup failed with exit code 3");
    assert!(failure.to_string().contains("no space left"), "{failure}");

    for (path, status, part) in [
        ("none", 404, "no job \\\"none\\\" is configured in heartbeats.jobs (there are: backup, short)"),
        ("backup/soon", 400, "none of start, fail and an exit code"),
        ("back%20up", 400, "is not a name"),
        ("backup/0?duration=long", 400, "not a number of seconds"),
    ] {
        let (got, body) = heartbeat(&site, path).await;
        assert!(got == status && body.contains(part), "{path}: {got} {body}");
    }
    let foreign = site.post("/api/v1/heartbeats/backup", &[("origin", "http://evil.example")], "").await;
    assert_eq!(foreign.status, 403);

    // The other one never reports: it is late, an alert says so, and is over once it does.
    until("lateness", async || Some(job(&site, "short").await).filter(|j| j["state"] == "late")).await;
    let fires = |m: &Value, status: &str| {
        m["status"] == status && m["alerts"][0]["labels"]["alertname"] == "HeartbeatLate"
    };
    let message = hook.message("an alert", |m| fires(m, "firing")).await;
    assert_eq!(message["alerts"][0]["labels"]["heartbeat"], "short");
    assert_eq!(message["alerts"][0]["annotations"]["summary"], "short has not reported in time");
    until("an event", async || {
        events(&site, "cron")
            .await
            .into_iter()
            .find(|e| e["result"] == "late" && e["title"] == "short has not reported in time")
    })
    .await;
    let before = job(&site, "backup").await;
    let dir = site.stop().await;

    // A restart forgets nothing.
    let site = Site::at(config, dir, Some(file)).await;
    assert_eq!(job(&site, "backup").await, before);
    assert_eq!(job(&site, "short").await["lates"], 1);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_are_not_configured_are_taken_within_a_bound() {
    let site = Site::with(config("heartbeats: {unknown: take, unknown_max: 2, unknown_period: 1h}")).await;
    for name in ["a", "b"] {
        assert_eq!(heartbeat(&site, name).await.0, 200);
    }
    let (status, body) = heartbeat(&site, "c").await;
    assert!(status == 429 && body.contains("heartbeats.unknown_max"), "{body}");
    assert_eq!(heartbeat(&site, "a/start").await.0, 200, "one that is known is taken");
    until("a series", async || value(&site, "watchfire_heartbeat_running{heartbeat=\"a\"} == 1").await).await;
    assert_eq!(site.request("DELETE", "/api/v1/heartbeats/a", &[], "").await.status, 200);
    assert_eq!(site.request("DELETE", "/api/v1/heartbeats/a", &[], "").await.status, 404);
    until("its end", async || {
        value(&site, "watchfire_heartbeat_running{heartbeat=\"a\"}").await.is_none().then_some(())
    })
    .await;
    assert_eq!(heartbeat(&site, "c").await.0, 200);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_run_and_their_problems_become_certain() {
    let dir = TempDir::new().unwrap();
    let state = write(dir.path(), "state", "0");
    let text = format!(
        "checks:
  commands:
  - name: disk
    shell: 'echo \"DISK $WHAT | /=5MB;8;10;0;12 load=0.5\"; exit $(cat {})'
    environment: {{WHAT: here}}
    interval: 150ms
    max_attempts: 2
    labels: {{team: ops}}
  - {{name: slow, command: [/bin/sleep, '100'], timeout: 200ms, interval: 300ms, max_attempts: 1}}
  - {{name: absent, command: [/no/such/plugin], interval: 300ms, max_attempts: 1}}
",
        state.display()
    );
    let site = Site::with(config(&text)).await;
    until("ok", async || value(&site, "nagios_hard_state{check=\"disk\",team=\"ops\"} == 0").await).await;
    let bytes = "nagios_perfdata_value{check=\"disk\",perfdata=\"/\",unit=\"bytes\"}";
    assert_eq!(until("perfdata", async || value(&site, bytes).await).await, "5242880");
    assert_eq!(
        value(&site, "nagios_perfdata_critical_high{perfdata=\"/\"}").await.as_deref(),
        Some("10485760")
    );
    until("unknown", async || value(&site, "nagios_hard_state{check=\"slow\"} == 3").await).await;
    until("unknown", async || value(&site, "nagios_hard_state{check=\"absent\"} == 3").await).await;
    std::fs::write(&state, "2").unwrap();
    until("critical", async || value(&site, "nagios_hard_state{check=\"disk\"} == 2").await).await;
    let shown = site.get("/api/v1/checks").await.json();
    let of =
        |name: &str| shown["data"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap().clone();
    assert_eq!((&of("disk")["hardState"], &of("disk")["summary"]), (&"critical".into(), &"DISK here".into()));
    assert_eq!(of("slow")["trouble"], "did not end within 0.2 s and was killed");
    assert!(of("absent")["trouble"].as_str().unwrap().contains("/no/such/plugin"));
    std::fs::write(&state, "0").unwrap();
    let back = until("events", async || {
        let all = events(&site, "check").await;
        let of = |result: &str| all.iter().any(|e| e["subject"] == "disk" && e["result"] == result);
        (of("critical") && of("ok")).then_some(all)
    })
    .await;
    assert!(back.iter().any(|e| e["title"] == "disk is critical: DISK here"), "{back:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_plugins_are_run() {
    let plugins = Path::new("/usr/lib/nagios/plugins");
    if !plugins.join("check_load").exists() {
        eprintln!(
            "not tested: there is no {}/check_load; scripts/setup-tests installs it",
            plugins.display()
        );
        return;
    }
    let target = target().await;
    let text = format!(
        "checks:
  commands:
  - {{name: load, command: [{p}/check_load, -w, '1000,1000,1000', -c, '2000,2000,2000'], interval: 500ms}}
  - {{name: disk, command: [{p}/check_disk, -w, '1', -c, '1', -p, /], interval: 500ms}}
  - {{name: procs, command: [{p}/check_procs, -c, '1:'], interval: 500ms}}
  - {{name: http, command: [{p}/check_http, -H, 127.0.0.1, -p, '{port}', -u, /fine], interval: 500ms}}
  - {{name: gone, command: [{p}/check_http, -H, 127.0.0.1, -p, '{port}', -u, /gone], interval: 500ms, max_attempts: 1}}
  - {{name: tcp, command: [{p}/check_tcp, -H, 127.0.0.1, -p, '{port}'], interval: 500ms}}
  - {{name: dummy, command: [{p}/check_dummy, '2', 'as told'], interval: 500ms, max_attempts: 1}}
",
        p = plugins.display(),
        port = target.port()
    );
    let site = Site::with(config(&text)).await;
    for (query, what) in [
        ("nagios_hard_state{check=\"load\"} == 0", "load"),
        ("nagios_perfdata_value{check=\"load\",perfdata=\"load1\"} >= 0", "the load"),
        ("nagios_perfdata_warning_high{check=\"load\",perfdata=\"load5\"} == 1000", "a bound of the load"),
        ("nagios_hard_state{check=\"disk\"} == 0", "disk"),
        ("nagios_perfdata_value{check=\"disk\",unit=\"bytes\"} > 0", "the disk"),
        ("nagios_hard_state{check=\"procs\"} == 0", "processes"),
        ("nagios_perfdata_value{check=\"procs\",perfdata=\"procs\"} > 0", "the number of processes"),
        ("nagios_hard_state{check=\"http\"} == 0", "a page"),
        ("nagios_perfdata_value{check=\"http\",perfdata=\"time\",unit=\"seconds\"} > 0", "its time"),
        ("nagios_hard_state{check=\"gone\"} > 0", "a page that is gone"),
        ("nagios_perfdata_value{check=\"tcp\",unit=\"seconds\"} >= 0", "a connection"),
        ("nagios_hard_state{check=\"dummy\"} == 2", "what is told"),
    ] {
        until(what, async || value(&site, query).await).await;
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_told_again_and_again() {
    let (hook, address) = Hook::start().await;
    let dir = TempDir::new().unwrap();
    let am =
        write(dir.path(), "am.yml", &routing(address).replace("repeat_interval: 1h", "repeat_interval: 1s"));
    let site =
        Site::with(config(&format!("alerting: {{watchdog: true, config_file: {}}}", am.display()))).await;
    let dog = |m: &Value| m["alerts"][0]["labels"]["alertname"] == "Watchdog" && m["status"] == "firing";
    hook.message("the watchdog", dog).await;
    until("three times", async || (hook.count(dog) >= 3).then_some(())).await;
    let rules = site.get("/api/v1/rules").await.json();
    assert_eq!(rules["data"]["groups"][0]["file"], "built-in/watchdog.yml");

    let vigil = site.get("/api/v1/status/vigil").await.json();
    assert_eq!((&vigil["data"]["ok"], &vigil["data"]["stalled"]), (&true.into(), &false.into()), "{vigil}");
    assert_eq!(site.get("/-/healthy").await.body, "Watchfire is healthy.\n");
    let metrics = site.get("/metrics").await.body;
    for name in [
        "watchfire_rule_groups_overdue 0",
        "watchfire_rule_groups_idle_seconds ",
        "watchfire_alerting_still_seconds ",
        "watchfire_alerting_delivery_oldest_seconds ",
    ] {
        assert!(metrics.lines().any(|l| l.starts_with(name)), "{name}\n{metrics}");
    }
    site.stop().await;
}
