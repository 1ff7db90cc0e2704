//! Incidents in the terminal, with a server that is killed between the steps.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Takes webhooks and keeps their bodies.
fn receiver() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&bodies);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || take(stream, &kept));
        }
    });
    (address, bodies)
}

/// The requests of one connection.
fn take(stream: TcpStream, kept: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answers = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        kept.lock().unwrap().push(String::from_utf8(body).unwrap());
        if answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// A server of its own process.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(dir: &Path) -> Served {
        let show = |name: &str| dir.join(name).display().to_string();
        let (data, config) = (show("data"), show("watchfire.yml"));
        let args = ["serve", "--data", &data, "--config", &config, "--listen", "127.0.0.1:0", "--no-agent"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
        let command = command.args(args).args(["--log-format", "json"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
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

    /// What a command prints, and its exit code.
    fn run(&self, args: &[&str]) -> (String, Option<i32>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
        let output = command.args(args).env("WATCHFIRE_URL", &self.url).env("USER", "ann").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.code())
    }

    fn say(&self, args: &[&str]) -> String {
        let (said, code) = self.run(args);
        assert_eq!(code, Some(0), "{args:?}: {said}");
        said
    }

    fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\n"
        );
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Served {
    /// As by `kill -9`.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come to be");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const CONFIG: &str = "
alerting: {config_file: alertmanager.yml}
incidents: {rest: 1s}
on_call:
  people: [{name: ann, receivers: [ann-phone]}, {name: bob, receivers: [bob-phone]}]
  schedules:
  - {name: team, layers: [{participants: [ann], every: 1w, start: 2020-01-06}]}
  policies: [{name: all, steps: [{schedules: [team], wait: 1s}, {people: [bob], wait: 1h}]}]
";

#[test]
fn incidents_are_taken_on_whatever_kills_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let (address, bodies) = receiver();
    let hook =
        |name: &str| format!("- name: {name}\n  webhook_configs: [{{url: 'http://{address}/{name}'}}]\n");
    let receivers = ["ann-phone", "bob-phone"].map(hook).join("");
    let routes = format!("route: {{receiver: nobody}}\nreceivers:\n- name: nobody\n{receivers}");
    std::fs::write(dir.path().join("alertmanager.yml"), routes).unwrap();
    std::fs::write(dir.path().join("watchfire.yml"), CONFIG).unwrap();
    let told = |person: &str, status: &str| {
        let named = format!("\"person\":\"{person}\"");
        let status = format!("\"status\":\"{status}\",\"alerts\"");
        bodies.lock().unwrap().iter().filter(|b| b.contains(&named) && b.contains(&status)).count()
    };

    let server = Served::start(dir.path());
    let alert = r#"[{"labels":{"alertname":"Down","service":"cart","severity":"page"},"annotations":{"summary":"cart is down"},"generatorURL":"http://p/graph?g0.expr=up%20%3D%3D%200"ENDS}]"#;
    let fires = alert.replace("ENDS", ",\"endsAt\":\"2199-01-01T00:00:00Z\"");
    let answer = server.post("/api/v2/alerts", &fires);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // What was answered is durable.
    drop(server);
    let server = Served::start(dir.path());
    let listed = server.say(&["incidents"]);
    assert!(listed.starts_with("#1  critical  triggered  since "), "{listed}");
    assert!(listed.contains("    cart is down\n    1 of 1 alerts fire; service/cart\n"), "{listed}");
    until("ann", || told("ann", "firing") > 0);
    drop(server);
    let server = Served::start(dir.path());
    until("bob", || told("bob", "firing") > 0);
    server.say(&["incidents", "ack", "1"]);
    server.say(&["incidents", "note", "#1", "a new disk is on its way", "--by", "bob"]);
    server.say(&["incidents", "assign", "1", "eve"]);
    drop(server);

    let server = Served::start(dir.path());
    let shown = server.say(&["incidents", "show", "1"]);
    for line in [
        "with eve",
        "acknowledged by ann, ",
        "escalation all: step 2 of 2, stopped",
        "firing  Down  since ",
        "up == 0",
        "opened: cart is down",
        "escalated to ann",
        "ann paged: ann-phone by webhook: delivered",
        "bob paged: bob-phone by webhook: delivered",
        "note: a new disk is on its way  (bob)",
        "assigned to eve  (ann)",
    ] {
        assert!(shown.contains(line), "{line}:\n{shown}");
    }
    assert_eq!(shown.matches("note: ").count(), 1, "{shown}");
    let (said, code) = server.run(&["incidents", "ack", "1", "7"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("#1: ") && said.contains("#7: ") && said.contains("there is no incident 7"),
        "{said}"
    );
    let oncall = server.say(&["oncall"]);
    assert!(oncall.starts_with("team  ann  until "), "{oncall}");
    let shifts = server.say(&["oncall", "team", "--days", "2"]);
    assert!(shifts.trim_end().ends_with("  ann") && shifts.lines().count() == 1, "{shifts}");
    let report = server.say(&["incidents", "export", "1", "--lang", "zh"]);
    assert!(report.starts_with("# 事后复盘: cart is down (#1)\n"), "{report}");
    server.say(&["incidents", "resolve", "1", "--by", "eve"]);
    assert_eq!(server.say(&["incidents"]), "");
    until("the ends", || told("ann", "resolved") > 0 && told("bob", "resolved") > 0);
    drop(server);
    let server = Served::start(dir.path());
    assert!(server.say(&["incidents", "list", "--status", "all"]).contains("resolved"));
    // Of what was told twice the answer was lost: at most what was under way when the server was killed.
    for (person, status) in [("ann", "firing"), ("bob", "firing"), ("ann", "resolved"), ("bob", "resolved")] {
        let times = told(person, status);
        assert!((1..=2).contains(&times), "{person} was told {times} times: {status}");
    }
}
