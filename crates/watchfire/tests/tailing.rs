//! The program as an agent and as a server, killed again and again while a log is written and rotated: every line is in
//! the store exactly once.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program; killed without warning when dropped.
struct Running {
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the program and waits until its log has this.
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
    let (mut log, mut said) = (BufReader::new(child.stderr.take().unwrap()), String::new());
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "{args:?} ended early: {said}");
        said.push_str(&line);
        if line.contains(ready) {
            break;
        }
    }
    // What it says later is read, so that it never waits for us.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Running { child }
}

/// All lines of a service.
fn lines(url: &str, service: &str) -> Vec<String> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let query = format!("%7Bservice_name%3D%22{service}%22%7D");
    write!(
        stream,
        "GET /loki/api/v1/query_range?query={query}&since=30d&limit=20000&direction=forward HTTP/1.0\r\nhost: h\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let found: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
    let streams = found["data"]["result"].as_array().unwrap_or_else(|| panic!("{body}"));
    let values = streams.iter().flat_map(|s| s["values"].as_array().unwrap());
    values.map(|v| v[1].as_str().unwrap().to_owned()).collect()
}

/// Asks until a service has so many lines, for a minute at most; then looks again whether more come.
fn arrived(url: &str, service: &str, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let found = lines(url, service);
        if found.len() >= count || begun.elapsed() > Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(300));
            return lines(url, service);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A directory and the programs that use it: a server, and an agent beside it or within it.
struct Both {
    dir: tempfile::TempDir,
    listen: String,
    remote: bool,
    server: Option<Running>,
    agent: Option<Running>,
}

impl Both {
    /// Starts both; `logs` is the section of the agent's configuration.
    fn start(remote: bool, logs: impl Fn(&Path) -> String) -> Both {
        let dir = tempfile::tempdir().unwrap();
        let indent = |by: usize, text: &str| -> String {
            text.lines().map(|l| format!("{}{l}\n", " ".repeat(by))).collect()
        };
        let logs = logs(dir.path());
        let of_agent = format!("host: false\nlogs:\n{}", indent(2, &logs));
        let of_server = format!(
            "self: {{enabled: false}}\nagent:\n  enabled: {}\n  logs:\n{}",
            !remote,
            indent(4, &logs)
        );
        std::fs::write(dir.path().join("agent.yml"), of_agent).unwrap();
        std::fs::write(dir.path().join("server.yml"), of_server).unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = free.to_string();
        let mut both = Both { dir, listen, remote, server: None, agent: None };
        both.start_server();
        both.start_agent();
        both
    }

    fn at(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn start_server(&mut self) {
        let (data, config) = (self.at("data"), self.at("server.yml"));
        self.server = None;
        let args = ["serve", "--data", &data, "--config", &config, "--listen", &self.listen];
        self.server = Some(start(&args, "\"ready\""));
    }

    /// Kills who reads the logs, if it runs, and starts it again.
    fn start_agent(&mut self) {
        if !self.remote {
            return self.start_server();
        }
        let to = format!("http://{}", self.listen);
        let (spool, config) = (self.at("spool"), self.at("agent.yml"));
        self.agent = None;
        let args = ["agent", "--to", &to, "--spool", &spool, "--config", &config];
        self.agent = Some(start(&args, "watching this host"));
    }

    fn kill(&mut self) {
        (self.agent, self.server) = (None, None);
    }

    fn url(&self) -> String {
        format!("http://{}", self.listen)
    }
}

/// A program whose log is rotated.
struct Program {
    log: PathBuf,
    rotations: usize,
    records: Vec<String>,
}

impl Program {
    fn write(&self, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Lines and stack traces, written in pieces that end anywhere.
    fn burst(&mut self, name: &str) {
        let some: Vec<String> = (0..60)
            .map(|n| match n % 10 {
                3 => format!(
                    "{name} {n} failed\njava.lang.IllegalStateException: no {n}\n\tat a.B.c(B.java:{n})\nCaused by: x.Error: y\n\t... 7 more"
                ),
                7 => format!("{name} {n} failed\nTraceback (most recent call last):\n  File \"{name}.py\", line {n}\nValueError: {n}"),
                _ => format!("{name} {n}"),
            })
            .collect();
        let text = some.join("\n") + "\n";
        for piece in text.as_bytes().chunks(700) {
            self.write(std::str::from_utf8(piece).unwrap());
            std::thread::sleep(Duration::from_millis(3));
        }
        self.records.extend(some);
    }

    fn rotated(&mut self) -> PathBuf {
        self.rotations += 1;
        self.log.with_extension(format!("log.{}", self.rotations))
    }

    fn rename(&mut self) {
        let to = self.rotated();
        std::fs::rename(&self.log, to).unwrap();
    }

    fn copy_and_empty(&mut self) {
        let to = self.rotated();
        std::fs::copy(&self.log, to).unwrap();
        OpenOptions::new().write(true).open(&self.log).unwrap().set_len(0).unwrap();
    }
}

fn files_survive(remote: bool) {
    let mut both = Both::start(remote, |dir| {
        std::fs::create_dir(dir.join("log")).unwrap();
        // A record that is written in pieces must not be cut because this machine is slow.
        format!(
            "journald: false\ncontainers: false\nstart: beginning\npoll_interval: 20ms\ndiscover_interval: 50ms\nrotate_wait: 2s\nfiles:\n- include: ['{}/log/*.log']\n  service: app\n  multiline: {{timeout: 4s}}\n",
            dir.display()
        )
    });
    let log = both.dir.path().join("log/app.log");
    let mut program = Program { log, rotations: 0, records: Vec::new() };
    for round in 0..10 {
        program.burst(&format!("round {round} first"));
        match round % 5 {
            0 => both.start_agent(),
            1 => both.start_server(),
            2 => program.rename(),
            3 => {
                // Of a copy one can tell whose it is once the log's beginning was seen.
                arrived(&both.url(), "app", program.records.len() - 60);
                program.burst(&format!("round {round} second"));
                program.copy_and_empty();
                both.start_agent();
            }
            _ => {
                arrived(&both.url(), "app", program.records.len() - 60);
                both.kill();
                // While nobody looks.
                program.burst(&format!("round {round} second"));
                if round == 4 {
                    program.rename()
                } else {
                    program.copy_and_empty()
                }
                program.burst(&format!("round {round} third"));
                both.start_server();
                both.start_agent();
            }
        }
    }
    let mut found = arrived(&both.url(), "app", program.records.len());
    found.sort();
    program.records.sort();
    let doubled: Vec<&String> = found.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).collect();
    let lost: Vec<&String> = program.records.iter().filter(|r| found.binary_search(r).is_err()).collect();
    assert!(lost.is_empty() && doubled.is_empty(), "lost: {lost:?}; doubled: {doubled:?}");
    assert_eq!(found, program.records);
}

#[test]
fn no_line_is_lost_or_doubled_when_agent_and_server_are_killed() {
    files_survive(true);
}

#[test]
fn no_line_is_lost_or_doubled_when_a_server_that_reads_itself_is_killed() {
    files_survive(false);
}

#[test]
fn containers_are_read_in_both_formats() {
    let both = Both::start(true, |dir| {
        let make = |path: &str, text: &str| {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let id = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
        let now = "2026-11-21T10:20:30.5Z";
        make(
            &format!("docker/containers/{id}/{id}-json.log"),
            &format!(
                "{{\"log\":\"one \",\"stream\":\"stdout\",\"time\":\"{now}\"}}\n{{\"log\":\"line\\n\",\"stream\":\"stdout\",\"time\":\"{now}\"}}\n{{\"log\":\"panic: x\\n\",\"stream\":\"stderr\",\"time\":\"{now}\"}}\n{{\"log\":\"\\tat y\\n\",\"stream\":\"stderr\",\"time\":\"{now}\"}}\n"
            ),
        );
        make(
            &format!("docker/containers/{id}/config.v2.json"),
            r#"{"Name":"/shop","Config":{"Image":"shop:1"}}"#,
        );
        make(
            "host/var/log/pods/prod_cart-0_1234/cart/0.log",
            &format!(
                "{now} stdout P two \n{now} stdout F pieces\n{now} stderr F Error: z\n{now} stderr F     at f (a.js:1:2)\n"
            ),
        );
        let patterns = ["docker/containers/*/*-json.log", "host/var/log/pods/*/*/*.log"];
        let patterns = patterns.map(|p| format!("'{}/{p}'", dir.display())).join(", ");
        format!("journald: false\ncontainers: false\nstart: beginning\nfiles:\n- include: [{patterns}]\n")
    });
    let mut found = arrived(&both.url(), "shop", 2);
    found.sort();
    assert_eq!(found, ["one line", "panic: x\n\tat y"]);
    let mut found = arrived(&both.url(), "cart", 2);
    found.sort();
    assert_eq!(found, ["Error: z\n    at f (a.js:1:2)", "two pieces"]);
}

/// The program that writes journals for others.
const JOURNAL_WRITER: &str = "/lib/systemd/systemd-journal-remote";

#[test]
fn the_journal_is_read_once_by_an_agent_that_is_killed() {
    let journalctl = Command::new("journalctl").arg("--version").output();
    if journalctl.is_err() || !Path::new(JOURNAL_WRITER).exists() {
        eprintln!(
            "skipped: there is no journalctl (systemd) or no {JOURNAL_WRITER} (systemd-journal-remote)"
        );
        return;
    }
    let mut both = Both::start(true, |dir| {
        std::fs::create_dir(dir.join("journal")).unwrap();
        format!(
            "journald_dir: '{}/journal'\ncontainers: false\nfiles: []\nstart: beginning\npoll_interval: 20ms\n",
            dir.display()
        )
    });
    let mut written = Vec::new();
    for round in 0..6u64 {
        let now_us =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64;
        let mut entries = String::new();
        for n in 0..40 {
            let text = format!("round {round} entry {n} Größe");
            entries.push_str(&format!(
                "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={:032x}\n_MACHINE_ID={:032x}\n_HOSTNAME=h\nPRIORITY=4\n_SYSTEMD_UNIT=shop.service\nMESSAGE={text}\n\n",
                now_us + n, round * 1000 + n + 1, 10, 11
            ));
            written.push(text);
        }
        let mut writer = Command::new(JOURNAL_WRITER)
            .args(["-o", &both.at("journal/system.journal"), "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        match round % 3 {
            0 => both.start_agent(),
            1 => drop(arrived(&both.url(), "shop", written.len())),
            _ => {
                both.kill();
                both.start_server();
                both.start_agent();
            }
        }
    }
    let mut found = arrived(&both.url(), "shop", written.len());
    found.sort();
    written.sort();
    assert_eq!(found, written);
}
