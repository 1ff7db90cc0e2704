//! What an agent costs: `cargo bench -p agent`. It measures this host each second, spools, and delivers to a
//! receiver in another process. An argument sets the seconds.

use agent::{Agent, AgentConfig, LogsConfig};
use env::{RealClock, RealDisk, RealRandom};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// User and system time of this process so far.
fn cpu() -> Duration {
    // SAFETY: `rusage` is plain data for which zeroes are valid, and the pointer is valid for the call.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let of = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// A line of `/proc/self/status`, in kB.
fn memory_kb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_ascii_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// Takes everything; says where it listens.
fn receive() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let take = axum::routing::post(async |_: axum::body::Bytes| axum::http::StatusCode::NO_CONTENT);
        axum::serve(listener, axum::Router::new().route("/api/v1/write", take)).await.unwrap();
    });
}

struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    if std::env::args().any(|a| a == "receive") {
        return receive();
    }
    let seconds: u64 = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(30);
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut receiver = Receiver(command.arg("receive").stdout(Stdio::piped()).spawn().unwrap());
    let mut address = String::new();
    BufReader::new(receiver.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // What logs cost depends on what this host writes.
    let config = AgentConfig {
        to: address.trim().into(),
        spool_dir: dir.path().into(),
        logs: LogsConfig { enabled: false, ..LogsConfig::default() },
        ..AgentConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(RealClock::new());
        let agent = Agent::start(&config, dir.path(), Arc::new(RealDisk), clock, Arc::new(RealRandom)).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (before, samples) = (cpu(), agent.status().spool.delivered_samples);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let spent = cpu() - before;
        let status = agent.status();
        let delivered = status.spool.delivered_samples - samples;
        println!(
            "{seconds} s: {delivered} samples delivered, {:.2} % of a core, {:.1} MiB resident (peak {:.1} MiB, of which anonymous now {:.1} MiB)",
            spent.as_secs_f64() / seconds as f64 * 100.0,
            memory_kb("VmRSS") as f64 / 1024.0,
            memory_kb("VmHWM") as f64 / 1024.0,
            memory_kb("RssAnon") as f64 / 1024.0,
        );
        assert!(delivered > 0 && status.spool.waiting_records < 5, "{status:?}");
        agent.stop(Duration::from_secs(5)).await;
    });
}
