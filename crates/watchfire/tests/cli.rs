//! The program as people and scripts use it: what it prints and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn watchfire(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    command
        .args(args)
        .env_remove("WATCHFIRE_DATA")
        .env_remove("WATCHFIRE_URL")
        .env_remove("WATCHFIRE_CONFIG");
    command.env_remove("WATCHFIRE_LOG").env("NO_COLOR", "1");
    command
}

/// Exit code, stdout and stderr, with the given texts put in for what differs from run to run.
fn session(args: &[&str], hide: &[(&str, &str)]) -> String {
    let output = watchfire(args).output().unwrap();
    shown(args, &output, hide)
}

fn shown(args: &[&str], output: &Output, hide: &[(&str, &str)]) -> String {
    let mut text = format!("$ watchfire {}\n", args.join(" "));
    text += &String::from_utf8_lossy(&output.stdout);
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        text += &format!("! {line}\n");
    }
    text += &format!("= {}\n", output.status.code().unwrap_or(-1));
    for (from, to) in hide {
        text = text.replace(from, to);
    }
    text
}

/// A server of its own process on a free port.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(data: &Path, more: &[&str]) -> Served {
        let data = data.display().to_string();
        let mut args =
            vec!["serve", "--data", &data, "--listen", "127.0.0.1:0", "--no-agent", "--log-format", "json"];
        args.extend(more);
        let mut child = watchfire(&args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut url = String::new();
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended early");
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(at) = event["url"].as_str() {
                url = at.to_owned();
            }
            if event["message"] == "ready" {
                break;
            }
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Served { child, url }
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Posts a body and gives the whole answer.
    fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks the server to end as an operator does, and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help() {
    let mut out = String::new();
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["agent", "--help"],
        &["query", "--help"],
        &["logs", "--help"],
        &["traces", "--help"],
        &["trace", "--help"],
        &["check", "config", "--help"],
        &["check", "rules", "--help"],
        &["rules", "backfill", "--help"],
        &["rules", "replay", "--help"],
        &["test", "promql", "--help"],
        &["verify", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
        &["import", "prometheus", "--help"],
        &["completions", "--help"],
    ] {
        out += &session(args, &[]);
        out += "\n";
    }
    insta::assert_snapshot!(out);
}

#[test]
fn mistakes_on_the_command_line() {
    let mut out = String::new();
    for args in [
        &["serv"][..],
        &["serve", "--dta", "x"],
        &["query"],
        &["query", "up", "--at", "now", "--start", "-1h"],
        &["test", "promql"],
        &["query", "sum(rat(x[5m]))"],
        &["query", "up", "--start", "yesterday"],
        &["query", "up", "--start", "now", "--end=-1h"],
        &["query", "up", "--url", "http://127.0.0.1:1"],
        &["logs", "{app=\"x\"} | jso"],
        &["traces", "{ nme = \"x\" }"],
        &["trace", "xyz"],
        &["logs", "count_over_time({app=\"x\"}[5m])", "--follow"],
        &["logs", "{app=\"x\"}", "-f", "--url", "http://127.0.0.1:1"],
        &["check", "config", "/nowhere/watchfire.yml"],
        &["serve", "--config", "/nowhere/watchfire.yml"],
        &["serve", "--log-level", "a=b=c"],
        &["verify", "--data", "/nowhere"],
        &["backup", "--to", "/nowhere/b", "--data", "/nowhere"],
    ] {
        out += &session(args, &[]);
        out += "\n";
    }
    insta::assert_snapshot!(out);
}

#[test]
fn configurations_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display().to_string();
    let mut out = String::new();
    for (name, text) in [
        ("empty.yml", ""),
        (
            "good.yml",
            "storage: {retention: 90d}\nscrape_configs:\n- job_name: node\n  static_configs:\n  - targets: ['h:9100']\n",
        ),
        ("typo.yml", "scrape_configs:\n- job_nme: node\n"),
        ("duration.yml", "query:\n  timeout: 2 minutes\n"),
        ("rules.yml", "rule_files: ['*.yml']\n"),
        ("twice.yml", "scrape_configs:\n- job_name: a\n- job_name: a\n"),
        ("regex.yml", "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - regex: '('\n"),
    ] {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        out += &session(&["check", "config", &file.display().to_string()], &[(&path, "DIR")]);
    }
    insta::assert_snapshot!(out);
}

#[test]
fn promql_scripts_are_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.test");
    std::fs::write(
        &file,
        "load 1m\n  x{a=\"1\"} 1 2 3\n\neval instant at 2m x\n  x{a=\"1\"} 3\n\neval instant at 2m x * 2\n  {a=\"1\"} 7\n",
    )
    .unwrap();
    let path = dir.path().display().to_string();
    insta::assert_snapshot!(session(&["test", "promql", &file.display().to_string()], &[(&path, "DIR")]));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = watchfire(&["completions", shell]).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("print-config"), "{shell}");
    }
}

#[test]
fn what_is_in_force_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().display().to_string();
    std::fs::write(dir.path().join("watchfire.yml"), "query: {timeout: 7s}\n").unwrap();
    let output =
        watchfire(&["serve", "--data", &data, "--listen", "[::1]:1", "--print-config"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for line in ["  timeout: 7s", "  listen: '[::1]:1'", "    series_per_metric: "] {
        assert!(
            text.lines().any(|l| l.starts_with(line) || l.replace('"', "'").starts_with(line)),
            "{line}\n{text}"
        );
    }
}

#[test]
fn data_is_kept_backed_up_restored_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let (data, copy, restored) =
        (dir.path().join("data"), dir.path().join("copy"), dir.path().join("restored"));
    let server = Served::start(&data, &[]);
    let text: String = (0..20).map(|i| format!("kept_bytes{{disk=\"d{i}\"}} {}\n", i * 1024)).collect();
    assert!(server.post("/api/v1/push/text", &text).starts_with("HTTP/1.1 200"));
    let lines: String = (0..300).map(|i| format!("{{\"app\":\"a\",\"msg\":\"kept {i}\"}}\n")).collect();
    assert!(server.post("/api/v1/logs/jsonline", &lines).starts_with("HTTP/1.1 200"));

    let path = dir.path().display().to_string();
    let show = |path: &Path| path.display().to_string();
    let query = session(&["query", "topk(2, kept_bytes)", "--url", &server.url], &[(&server.url, "URL")]);
    let backup_args = ["backup", "--to", &show(&copy), "--data", &show(&data), "--url", &server.url];
    let backup = session(&backup_args, &[(&server.url, "URL"), (&path, "DIR")]);
    // A second server cannot have the same data.
    let second = watchfire(&["serve", "--data", &show(&data), "--listen", "127.0.0.1:0", "--no-agent"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&second.stderr).contains("cannot be locked"));
    assert_eq!(server.stop(), Some(0));

    let restore =
        session(&["restore", "--from", &show(&copy), "--data", &show(&restored)], &[(&path, "DIR")]);
    assert!(restore.ends_with("= 0\n"), "{restore}");
    let again = session(&["restore", "--from", &show(&copy), "--data", &show(&restored)], &[(&path, "DIR")]);
    insta::assert_snapshot!(format!("{query}\n{backup}\n{again}"));

    let server = Served::start(&restored, &[]);
    let counted = session(&["query", "count(kept_bytes)", "--format", "csv", "--url", &server.url], &[]);
    assert!(counted.contains(",20\n"), "{counted}");
    assert_eq!(server.stop(), Some(0));
    let verified = session(&["verify", "--data", &show(&restored)], &[]);
    assert!(
        verified.contains("every byte is as it was written") && verified.ends_with("= 0\n"),
        "{verified}"
    );
    assert!(verified.contains(", 300 log records, 0 spans, "), "{verified}");

    let part = the_only_file(&restored.join("logs/blocks/parts"));
    let sound = std::fs::read(&part).unwrap();
    for at in [0, sound.len() / 3, sound.len() - 20] {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        std::fs::write(&part, bytes).unwrap();
        let verified = session(&["verify", "--data", &show(&restored)], &[]);
        let named = format!("damaged: logs/parts/default/{}", file_and_day(&part));
        assert!(verified.contains(&named) && verified.ends_with("= 1\n"), "byte {at}: {verified}");
    }
}

/// The one file below a directory.
fn the_only_file(dir: &Path) -> PathBuf {
    let entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    let [only] = entries.as_slice() else { panic!("{entries:?}") };
    if only.is_dir() { the_only_file(only) } else { only.clone() }
}

fn file_and_day(part: &Path) -> String {
    let name = |p: &Path| p.file_name().unwrap().to_string_lossy().into_owned();
    format!("{}/{}", name(part.parent().unwrap()), name(part))
}

#[test]
fn lines_are_shown_and_followed() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("watchfire.yml");
    std::fs::write(&config, "logs: {retention: 50y}\n").unwrap();
    let server = Served::start(&dir.path().join("data"), &["--config", &config.display().to_string()]);
    let line = |n: u32, level: &str| {
        format!(
            "{{\"@timestamp\":\"2026-01-02T03:04:{:02}Z\",\"service\":\"shop\",\"level\":\"{level}\",\"message\":\"order {n}\"}}\n",
            n % 60
        )
    };
    let body: String = (0..30).map(|n| line(n, if n % 10 == 9 { "error" } else { "info" })).collect();
    assert!(server.post("/api/v1/logs/jsonline", &body).starts_with("HTTP/1.1 200"));
    let ask = |args: &[&str]| {
        let day = ["--start", "2026-01-02T00:00:00Z", "--end", "2026-01-03T00:00:00Z", "--url", &server.url];
        session(&[&["logs"], args, &day].concat(), &[(&server.url, "URL")])
    };
    let mut out = String::new();
    for args in [
        &["{service=\"shop\"}", "--format", "raw", "--limit", "3"][..],
        &["{service=\"shop\"} |= \"9\"", "--format", "raw", "--forward", "--limit", "0"],
        &["{service=\"shop\"} | level=\"error\"", "--format", "json", "--limit", "1"],
        &["sum by (level) (count_over_time({service=\"shop\"}[1d]))", "--limit", "1"],
        &["{service=\"none\"}"],
    ] {
        out += &ask(args);
        out += "\n";
    }
    insta::assert_snapshot!(out);

    let query = ["logs", "{service=\"live\"}", "--follow", "--format", "raw", "--url", &server.url];
    let mut follow = watchfire(&query).stdout(Stdio::piped()).spawn().unwrap();
    let shown = BufReader::new(follow.stdout.take().unwrap()).lines();
    let (tell, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || shown.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    for n in 0..3 {
        let body = format!("{{\"service\":\"live\",\"message\":\"came {n}\"}}\n");
        assert!(server.post("/api/v1/logs/jsonline", &body).starts_with("HTTP/1.1 200"));
        assert_eq!(lines.recv_timeout(Duration::from_secs(60)), Ok(format!("came {n}")));
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn traces_are_found_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(&dir.path().join("data"), &[]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let start = now - 60_000_000_000;
    let span = |id: u32, parent: &str, name: &str, from_ms: u64, ms: u64, more: &str| {
        format!(
            r#"{{"traceId":"{TRACE}","id":"{id:016x}",{parent}"name":"{name}","kind":"SERVER","timestamp":{},"duration":{},"localEndpoint":{{"serviceName":"shop"}}{more}}}"#,
            start / 1000 + from_ms * 1000,
            ms * 1000
        )
    };
    let parent = |id: u32| format!(r#""parentId":"{id:016x}","#);
    let error = r#","tags":{"error":"no stock","http.status_code":"500"}"#;
    let spans = [
        span(1, "", "GET /cart", 0, 1000, ""),
        span(2, &parent(1), "call", 100, 500, ""),
        span(3, &parent(2), "load", 200, 300, error),
    ];
    let answer = server.post("/zipkin/api/v2/spans", &format!("[{}]", spans.join(",")));
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let mut out = String::new();
    for args in [
        &["trace", TRACE][..],
        &["trace", TRACE, "--details"],
        &["trace", "12ab"],
        &["traces", "{ name = \"none\" }"],
        &["traces", "{ } | count_over_time() by (name)"],
    ] {
        out += &session(&[args, &["--url", &server.url]].concat(), &[(&server.url, "URL")]);
        out += "\n";
    }
    insta::assert_snapshot!(out);
    // Its time is that of this run.
    let found =
        session(&["traces", "{ status = error } | select(.http.status_code)", "--url", &server.url], &[]);
    for part in [TRACE, "shop: GET /cart", "3 spans, 1 error", "300 ms load", "http.status_code=500"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn events_are_sent_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(&dir.path().join("data"), &[]);
    let send = |args: &[&str]| {
        let url = ["--url", &server.url, "--host", "db1"];
        let (own, command) = args.split_at(args.iter().position(|a| *a == "--").unwrap_or(args.len()));
        watchfire(&[&["events", "send"], own, &url, command].concat()).output().unwrap()
    };
    let deploy = ["--title", "cart 1.4.2", "--kind", "deploy", "--service", "cart", "--duration", "90s"];
    for _ in 0..2 {
        // Sent again, it is there once.
        let sent = send(&[&deploy[..], &["--id", "d1", "-a", "items=3"]].concat());
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    }
    let failed = send(&["--title", "backup", "--", "sh", "-c", "echo no room >&2; exit 3"]);
    assert_eq!(failed.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&failed.stderr), "no room\n");
    assert_eq!(send(&["--", "true"]).status.code(), Some(0));
    let none =
        watchfire(&["events", "send", "--title", "x", "--url", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(none.status.code(), Some(3));
    assert_eq!(send(&[]).status.code(), Some(1), "it has no title");
    let list = |args: &[&str]| {
        let output = watchfire(&[&["events", "--url", &server.url], args].concat()).output().unwrap();
        // The times differ from run to run.
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|l| l.get(21..).unwrap_or(l).trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&["--kind", "deploy"]), ["deploy  cart 1.4.2  90 s  host.name=db1"]);
    let jobs = list(&["--kind", "cron"]);
    assert!(jobs.len() == 2 && jobs[0].starts_with("cron  backup  [failed]"), "{jobs:?}");
    assert!(jobs[1].starts_with("cron  true  [ok]"), "{jobs:?}");
    assert_eq!(list(&["--attribute", "items=3"]).len(), 1);
    let output =
        watchfire(&["events", "--text", "BACKUP", "--details", "--url", &server.url]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\n    no room\n") && text.contains("process.exit.code: 3"), "{text}");
    let json = watchfire(&["events", "--format", "json", "--url", &server.url]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["data"]["events"].as_array().map(Vec::len), Some(4), "with the start of the server");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn jobs_report_how_they_went() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("watchfire.yml");
    std::fs::write(&config, "heartbeats: {jobs: [{name: backup, period: 1h}, {name: other, period: 1d}]}\n")
        .unwrap();
    let server = Served::start(&dir.path().join("data"), &["--config", &config.display().to_string()]);
    let job = |args: &[&str]| {
        let (own, command) = args.split_at(args.iter().position(|a| *a == "--").unwrap_or(args.len()));
        watchfire(&[&["heartbeat"], own, &["--url", &server.url], command].concat()).output().unwrap()
    };
    let ran = job(&["backup", "--", "sh", "-c", "echo some; echo no room >&2; exit 3"]);
    assert_eq!(
        (ran.status.code(), &ran.stdout[..], &ran.stderr[..]),
        (Some(3), &b"some\n"[..], &b"no room\n"[..])
    );
    let list = || {
        let output = watchfire(&["heartbeats", "--url", &server.url]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = list();
    let line = |name: &str| {
        text.lines().find(|l| l.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(code, Some(1));
    assert!(text.starts_with("JOB     STATE   LAST SUCCESS"), "{text}");
    assert!(
        line("backup").starts_with("backup failed never 0.") && line("backup").ends_with("1 of 1"),
        "{text}"
    );
    assert!(line("other").starts_with("other new never within 1d00h"), "{text}");
    assert_eq!(job(&["backup", "--", "true"]).status.code(), Some(0));
    assert_eq!(job(&["backup", "--", "sh", "-c", "kill -9 $$"]).status.code(), Some(137));
    assert_eq!(job(&["backup", "--", "/no/such/program"]).status.code(), Some(3));
    assert_eq!(job(&["backup"]).status.code(), Some(0));
    assert_eq!(list().0, Some(0));
    let json = watchfire(&["heartbeats", "--format", "json", "--url", &server.url]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let backup = &json["data"][0];
    assert_eq!((&backup["runs"], &backup["failures"]), (&5.into(), &3.into()), "{backup}");
    assert_eq!(job(&["unknown"]).status.code(), Some(3), "nobody expects it");
    assert_eq!(job(&["backup", "--fail", "--start"]).status.code(), Some(2));
    // Without a server the command is run all the same.
    let alone =
        watchfire(&["heartbeat", "backup", "--url", "http://127.0.0.1:1", "--", "sh", "-c", "exit 7"])
            .output()
            .unwrap();
    assert_eq!(alone.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("the report of backup is lost"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn targets_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(&dir.path().join("data"), &[]);
    let target = format!("{}/-/healthy", server.url);
    let output = watchfire(&["probe", "http_2xx", &target]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        &format!("{target} with http_2xx: ok in "),
        "\n  resolve ",
        "\n  transfer ",
        "\n  answer       200, HTTP/1.1\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let modules = dir.path().join("blackbox.yml");
    std::fs::write(
        &modules,
        "modules: {mine: {prober: http, http: {fail_if_body_not_matches_regexp: [ill]}}}\n",
    )
    .unwrap();
    let modules = modules.display().to_string();
    let failed = watchfire(&["probe", "mine", &target, "--config", &modules, "-v"]).output().unwrap();
    let text = String::from_utf8(failed.stdout).unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        text.contains("  the body does not match \"ill\"\n") && text.contains("debug connected to"),
        "{text}"
    );
    let metrics =
        watchfire(&["probe", "mine", &target, "--config", &modules, "--format", "metrics"]).output().unwrap();
    assert!(String::from_utf8(metrics.stdout).unwrap().contains("\nprobe_failed_due_to_regex 1\n"));
    let json = watchfire(&["probe", "tcp_connect", server.address(), "--format", "json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["success"], true);
    let none = watchfire(&["probe", "none", "x"]).output().unwrap();
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no module \"none\"; there are "));
    assert_eq!(server.stop(), Some(0));
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn errors_are_listed_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(&dir.path().join("data"), &[]);
    let event = r#"{"platform":"python","level":"fatal","release":"shop@1.2.0","user":{"id":"u1"},"tags":{"service":"shop"},"breadcrumbs":[{"category":"cart","message":"opened"}],"contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}},"exception":{"values":[{"type":"OSError","value":"disk gone"},{"type":"LoadError","value":"cannot load\u001b[31m","mechanism":{"type":"excepthook","handled":false},"stacktrace":{"frames":[{"function":"main","filename":"app.py","lineno":9,"in_app":true,"context_line":"    load(order)"},{"function":"get","filename":"lib/http.py","lineno":3,"in_app":false},{"function":"load","module":"shop.orders","filename":"orders.py","lineno":3,"in_app":true,"context_line":"    raise LoadError()"}]}}]}}"#;
    let answer = server.post("/api/1/store/?sentry_key=k", event);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let listed = session(&["errors", "--format", "json", "--url", &server.url], &[]);
    let id = listed
        .split("\"id\":\"")
        .nth(1)
        .and_then(|t| t.get(..16))
        .unwrap_or_else(|| panic!("{listed}"))
        .to_owned();
    let mut out = String::new();
    for args in [
        &["errors"][..],
        &["errors", &id[..5]],
        &["errors", "--status", "resolved"],
        &["errors", "xyz"],
        &["errors", "ffff"],
    ] {
        out += &session(
            &[args, &["--url", &server.url]].concat(),
            &[(&server.url, "URL"), (&id, "ID"), (&id[..8], "SHORTID"), (&id[..5], "BEGIN")],
        );
        out += "\n";
    }
    // Times and ids of events are those of this run.
    let steady: Vec<String> = out
        .lines()
        .map(|l| {
            let words = l.split(' ').map(|w| {
                let is_time =
                    w.len() == 10 && w.starts_with("20") || w.len() == 8 && w.matches(':').count() == 2;
                let is_id = w.len() == 32 && w.bytes().all(|b| b.is_ascii_hexdigit()) && w != TRACE;
                if is_time || is_id { "…" } else { w }
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    insta::assert_snapshot!(steady.join("\n"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn blocks_of_prometheus_are_taken_in() {
    const PROMTOOL: &str = "/usr/bin/promtool";
    if !Path::new(PROMTOOL).is_file() {
        eprintln!("{PROMTOOL} is absent: importing is not tested");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut text = String::from("# TYPE old counter\n");
    for i in 0..500u64 {
        text += &format!("old_total{{n=\"{}\"}} {i} {}\n", i % 5, now - 36_000 + i / 5 * 30);
    }
    text += "# EOF\n";
    let (source, blocks) = (dir.path().join("old.om"), dir.path().join("blocks"));
    std::fs::write(&source, text).unwrap();
    let made = Command::new(PROMTOOL)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&source, &blocks])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let server = Served::start(&dir.path().join("online"), &[]);
    let blocks = blocks.display().to_string();
    let online = session(&["import", "prometheus", &blocks, "--url", &server.url], &[]);
    assert!(online.contains("500 samples and 0 histograms taken in, 0 samples left out"), "{online}");
    let question = ["query", "sum(count_over_time(old_total[1d]))", "--format", "csv", "--url"];
    let counted = session(&[&question[..], &[&server.url]].concat(), &[]);
    assert!(counted.contains(",500\n"), "{counted}");
    assert_eq!(server.stop(), Some(0));

    let data = dir.path().join("offline");
    let offline = session(&["import", "prometheus", &blocks, "--data", &data.display().to_string()], &[]);
    assert!(offline.contains("500 samples and 0 histograms taken in"), "{offline}");
    let server = Served::start(&data, &[]);
    let counted = session(&[&question[..], &[&server.url]].concat(), &[]);
    assert!(counted.contains(",500\n"), "{counted}");
    assert_eq!(server.stop(), Some(0));

    let empty = session(&["import", "prometheus", &dir.path().join("online").display().to_string()], &[]);
    assert!(empty.contains("holds no Prometheus blocks") && empty.ends_with("= 3\n"), "{empty}");
}

#[test]
fn an_agent_delivers_what_it_sees() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(&dir.path().join("data"), &[]);
    let config = dir.path().join("agent.yml");
    std::fs::write(&config, "interval: 200ms\nlabels: {instance: far}\n").unwrap();
    let spool = dir.path().join("spool").display().to_string();
    let mut agent = watchfire(&["agent", "--to", &server.url, "--spool", &spool, "--config"])
        .arg(&config)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found =
            session(&["query", "node_load1{instance=\"far\"}", "--format", "csv", "--url", &server.url], &[]);
        if found.contains(",far,") {
            break;
        }
        assert!(Instant::now() < deadline, "{found}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let ended = Command::new("kill").args(["-TERM", &agent.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert_eq!(agent.wait().unwrap().code(), Some(0));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_flipped_bit_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Served::start(&data, &[]);
    let text: String = (0..200).map(|i| format!("m{{i=\"{i}\"}} {i}\n")).collect();
    assert!(server.post("/api/v1/push/text", &text).starts_with("HTTP/1.1 200"));
    assert!(server.post("/-/flush", "").starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop(), Some(0));
    let part = largest_below(&data.join("blocks"));
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&part, bytes).unwrap();
    let verified = session(&["verify", "--data", &data.display().to_string()], &[]);
    assert!(verified.contains("damaged: ") && verified.ends_with("= 1\n"), "{verified}");
    let name = part.file_name().unwrap().to_string_lossy().into_owned();
    assert!(verified.contains(&name), "{verified} names {name}");
}

fn largest_below(dir: &Path) -> std::path::PathBuf {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
            } else {
                found.push((entry.metadata().unwrap().len(), entry.path()));
            }
        }
    }
    found.into_iter().max().unwrap().1
}

#[test]
fn pipelines_are_checked_on_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display().to_string();
    let file = dir.path().join("watchfire.yml");
    let text = r"
pipelines:
- name: app
  stages:
  - json: {}
  - timestamp: {field: ts}
  - level: {field: level}
  - drop: {field: service, equals: chatty}
  - redact: {}
- name: other
  stages: [{grok: {pattern: '%{INT:n:int} %{WORD:what}'}}]
";
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let mut out = String::new();
    for (more, lines) in [
        (
            &["--name", "app"][..],
            "{\"ts\":1795256430.5,\"level\":\"warn\",\"msg\":\"x\",\"password\":\"y\"}\nplain text\n",
        ),
        (&["--name", "app", "--label", "service=chatty"], "{\"ts\":1795256430}"),
        (&["--name", "other"], "5 apples"),
        (&[], ""),
        (&["--name", "none"], ""),
        (&["--name", "other", "--label", "x"], ""),
    ] {
        let args: Vec<&str> = ["check", "pipeline", &file].iter().chain(more).copied().collect();
        let mut child = watchfire(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that ends at once does not read.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        out += &shown(&args, &child.wait_with_output().unwrap(), &[(&path, "DIR")]);
        out += "\n";
    }
    std::fs::write(&file, "pipelines: [{name: a, stages: [{grok: {pattern: '%{IPP:x}'}}]}]\n").unwrap();
    out += &session(&["check", "config", &file], &[(&path, "DIR")]);
    insta::assert_snapshot!(out);
}

const PAST_RULES: &str = "groups:
- name: level
  interval: 1m
  rules:
  - {record: level:double, expr: level * 2}
  - {record: level:more, expr: 'level:double + 1'}
  - {record: level:count, expr: 'level:count + 1 or 0 * level'}
  - {record: level:wrong, expr: 'level * on (host) {__name__=~\"level|level:double\"}'}
  - {alert: High, expr: level > 6, for: 1m, labels: {severity: page}}
";

#[test]
fn rules_are_recorded_and_replayed_over_the_past() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(&dir.path().join("data"), &[]);
    let file = dir.path().join("level.yml");
    let right = PAST_RULES.lines().filter(|l| !l.contains("level:wrong")).collect::<Vec<_>>().join("\n");
    std::fs::write(&file, right).unwrap();
    let file = file.display().to_string();
    let end = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 60 * 60;
    let start = end - 3600;
    // 0 to 9, again and again, a minute each.
    let lines: String =
        (0..=60).map(|i| format!("level{{host=\"a\"}} {} {}\n", i % 10, (start + 60 * i) * 1000)).collect();
    assert!(server.post("/api/v1/push/text", &lines).starts_with("HTTP/1.1 200"));
    let (from, until) = (start.to_string(), end.to_string());
    let run = |args: &[&str]| {
        let output = watchfire(args).env("WATCHFIRE_URL", &server.url).env("NO_COLOR", "1").output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr), output.status.code())
    };

    let backfill = ["rules", "backfill", "--start", &from, "--end", &until, &file];
    for _ in 0..2 {
        let (out, err, code) = run(&backfill);
        assert_eq!(
            out,
            "level: level:double: 61 samples at 61 instants\nlevel: level:more: 61 samples at 61 instants\n\
             level: level:count: 61 samples at 61 instants\n183 samples written, 0 evaluations failed\n"
        );
        assert_eq!((err.contains("1 alerting rule left out"), code), (true, Some(0)), "{err}");
    }
    let (out, _, _) = run(&["query", "level:more + 1000 * level:count", "--at", &until, "--format", "csv"]);
    // Each rule found what the one before gave. The one that counts on found at each instant what the first run gave there.
    assert!(out.contains("61001"), "{out}");

    let replay = ["rules", "replay", &file, "--start", &from, "--end", &until, "--step", "1m"];
    let (out, err, code) = run(&replay);
    assert_eq!(code, Some(0), "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "High  fired 6 times", "{out}");
    assert_eq!(lines[1], "    {host=\"a\", severity=\"page\"}");
    assert!(lines[2].ends_with("pending     for 1m") && lines[3].ends_with("firing      for 2m"), "{out}");
    let json = run(&[&replay[..], &["--format", "json"]].concat()).0;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["alert"], &json[0]["trial"]["fired"]), (&"High".into(), &6.into()), "{json}");

    let (_, err, code) = run(&["rules", "replay", "Nothing", "--start", &from]);
    assert!(code == Some(1) && err.contains("no alerting rule"), "{err}");
    let (_, err, code) = run(&["rules", "backfill", "--start", &until, "--end", &from, &file]);
    assert!(code == Some(1) && err.contains("--end"), "{err}");
    std::fs::write(&file, PAST_RULES).unwrap();
    let (_, err, code) = run(&backfill);
    assert!(
        code == Some(1) && err.contains("level:wrong: 20 evaluations failed") && err.contains("many-to-many"),
        "{err}"
    );
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn objectives_are_checked_made_into_rules_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let here = dir.path().display().to_string();
    let right = "objectives:\n- {name: buy, service: shop, target: 99.9%, sli: availability}\n\
                 - {name: calm, target: 99, window: 7d, ratio: {errors: e, total: t}, alerts: none}\n";
    std::fs::write(at("right.yml"), right).unwrap();
    std::fs::write(
        at("wrong.yml"),
        "objectives:\n- {name: buy, target: 0.999, ratio: {errors: e, total: t}}\n",
    )
    .unwrap();
    std::fs::write(at("odd.yml"), "objectives:\n- {nmae: buy}\n").unwrap();
    std::fs::write(at("watchfire.yml"), "objective_files: [right.yml]\nself: {interval: 1s}\n").unwrap();
    let mut shown = String::new();
    for args in [
        vec!["check", "objectives", &at("right.yml"), &at("wrong.yml"), &at("odd.yml"), &at("watchfire.yml")],
        vec!["check", "objectives", &at("none.yml")],
        vec!["objectives", "rules", &at("wrong.yml")],
        vec!["check", "config", &at("watchfire.yml")],
    ] {
        shown += &session(&args, &[(&here, "DIR")]);
    }
    let served = Served::start(&dir.path().join("data"), &["--config", &at("watchfire.yml")]);
    shown += &session(&["objectives", "--url", &served.url], &[(&served.url, "URL")]);
    insta::assert_snapshot!("objectives", shown);

    let rules = watchfire(&["objectives", "rules", &at("watchfire.yml")]).output().unwrap();
    std::fs::write(at("rules.yml"), &rules.stdout).unwrap();
    let checked = session(&["check", "rules", &at("rules.yml")], &[(&here, "DIR")]);
    assert!(checked.contains("DIR/rules.yml: right\n  54 rules in 2 groups\n= 0"), "{checked}");
}
