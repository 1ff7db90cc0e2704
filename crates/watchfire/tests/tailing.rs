//! The program as an agent and as a server, killed again and again while a log is written and rotated: every line is in
//! the store exactly once.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program; killed without warning when dropped.
struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the program and waits until its log has an event with this message; keeps the event's URL, if it has one.
fn start(args: &[&str], ready: &str) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    for name in ["DATA", "URL", "CONFIG", "LOG", "LISTEN", "SPOOL", "TO"] {
        command.env_remove(format!("WATCHFIRE_{name}"));
    }
    let mut child = command
        .args(args)
        .args(["--log-format", "json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut url = String::new();
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "{args:?} ended early");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(at) = event["url"].as_str() {
            url = at.to_owned();
        }
        if line.contains(ready) {
            break;
        }
    }
    // What it says later is read, so that it never waits for us.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Running { child, url }
}

/// All lines of the store's stream, in order.
fn lines(url: &str) -> Vec<String> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let query = "%7Bservice_name%3D%22app%22%7D";
    write!(
        stream,
        "GET /loki/api/v1/query_range?query={query}&limit=20000&direction=forward HTTP/1.0\r\nhost: h\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let found: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    let streams = found["data"]["result"].as_array().unwrap();
    let values = streams.iter().flat_map(|s| s["values"].as_array().unwrap());
    values.map(|v| v[1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn no_line_is_lost_or_doubled_when_both_sides_are_killed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(dir.path().join("log")).unwrap();
    let log = dir.path().join("log/app.log");
    let config = format!(
        "host: false\nlogs:\n  journald: false\n  containers: false\n  start: beginning\n  poll_interval: 20ms\n  discover_interval: 50ms\n  files:\n  - include: ['{}/*.log']\n    service: app\n    multiline: {{auto: false}}\n",
        dir.path().join("log").display()
    );
    std::fs::write(at("agent.yml"), config).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap().to_string();
    drop(listener);
    let serve = || start(&["serve", "--no-agent", "--data", &at("data"), "--listen", &listen], "\"ready\"");
    let tail = || {
        let to = format!("http://{listen}");
        let args = ["agent", "--to", &to, "--spool", &at("spool"), "--config", &at("agent.yml")];
        start(&args, "watching this host")
    };
    let (mut server, mut agent) = (serve(), tail());
    let mut written = Vec::new();
    for round in 0..8 {
        let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        for burst in 0..5 {
            let some: Vec<String> =
                (0..100).map(|n| format!("round {round} burst {burst} line {n}")).collect();
            file.write_all((some.join("\n") + "\n").as_bytes()).unwrap();
            written.extend(some);
            std::thread::sleep(Duration::from_millis(15));
        }
        match round % 4 {
            0 => agent = restart(agent, &tail),
            1 => server = restart(server, &serve),
            2 => std::fs::rename(&log, rotated(&log, round)).unwrap(),
            _ => {
                drop(agent);
                // Rotated while nobody looks.
                std::fs::rename(&log, rotated(&log, round)).unwrap();
                server = restart(server, &serve);
                agent = tail();
            }
        }
    }
    let begun = Instant::now();
    let mut found = Vec::new();
    while begun.elapsed() < Duration::from_secs(60) && found.len() < written.len() {
        std::thread::sleep(Duration::from_millis(300));
        found = lines(&server.url);
    }
    drop(agent);
    found.sort();
    written.sort();
    assert_eq!(found.len(), written.len());
    assert_eq!(found, written);
}

fn restart(running: Running, start: &dyn Fn() -> Running) -> Running {
    drop(running);
    start()
}

fn rotated(log: &Path, round: usize) -> std::path::PathBuf {
    log.with_extension(format!("log.{round}"))
}
