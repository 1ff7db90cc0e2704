//! Delivery to servers of others, where they are installed.

use crate::receiver::*;
use env::RealDisk;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Ends it politely: not every server has on disk what it acknowledged. Whether it ended in order.
    fn stop(mut self) -> bool {
        // SAFETY: the process is our child and not yet waited for, so the id is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(program: &str, args: impl Fn(SocketAddr) -> Vec<String>, address: SocketAddr) -> Server {
    let child = Command::new(program)
        .args(args(address))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Server { child, address }
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// Appends before the server is up, stops it in between, and counts what it has in the end. `args` says how it is
/// started with its data in a directory.
fn no_sample_is_lost(program: &str, args: impl Fn(SocketAddr, &Path) -> Vec<String>) {
    if !Path::new(program).exists() {
        eprintln!("skipped: {program} is not installed, so nothing is delivered to it");
        return;
    }
    // On a busy machine a server may fail to end in order, and then loses what it acknowledged last.
    assert!((0..3).any(|_| it_has_everything(program, &args)), "{program} never ends in order");
}

/// Whether the server ended in order, without which nothing can be said. If it did, it must have every sample.
fn it_has_everything(program: &str, args: &impl Fn(SocketAddr, &Path) -> Vec<String>) -> bool {
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let args = |address| args(address, data.path());
    let address = nowhere();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let mut options = options(&format!("http://{address}"), dir.path());
    // Small, so that the server ends between requests of one backlog.
    options.request_bytes_max = 1000;
    let spool = spool(options, Arc::new(RealDisk)).unwrap();
    for n in 0..300 {
        append(&spool, "spooled", now_ms - 400_000 + n * 1000, n as f64).unwrap();
    }
    let server = start(program, args, address);
    until("the first deliveries", || spool.status().delivered_samples > 0);
    if !server.stop() {
        return false;
    }
    append(&spool, "spooled", now_ms - 100_000, 300.0).unwrap();
    let server = start(program, args, address);
    until("delivery", || spool.status().waiting_records == 0);
    assert_eq!(spool.status().rejected_samples, 0, "{}", spool.status().last_rejection);
    assert_eq!(spool.status().delivered_samples, 301);
    let query = format!("/api/v1/query?query=count_over_time(spooled%5B10m%5D)&time={}", now_ms / 1000);
    // What was delivered last may take a moment to be found.
    until("an answer of 301 samples", || get(server.address, &query).is_some_and(|a| a.contains("\"301\"")));
    true
}

#[test]
fn prometheus_gets_everything() {
    no_sample_is_lost("/usr/bin/prometheus", |address, data| {
        let config = data.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        vec![
            "--web.enable-remote-write-receiver".into(),
            format!("--web.listen-address={address}"),
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", data.join("data").display()),
        ]
    });
}

#[test]
fn victoria_metrics_gets_everything() {
    no_sample_is_lost("/usr/bin/victoria-metrics", |address, data| {
        vec![
            format!("-httpListenAddr={address}"),
            format!("-storageDataPath={}", data.display()),
            "-search.latencyOffset=0s".into(),
        ]
    });
}
