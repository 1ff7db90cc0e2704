//! Starts, asks and kills one server process.

use anyhow::{Context, bail};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// What to run and where.
pub struct Host {
    pub binary: PathBuf,
    pub data: PathBuf,
    /// The configuration, if not all of it is to be the default.
    pub config: Option<String>,
}

/// A running server. Dropped, it is killed if it was started here.
pub struct Server {
    child: Option<Child>,
    pid: u32,
    pub url: String,
    pub client: reqwest::Client,
    /// From the start of the process until it said it was ready.
    pub ready_after: Duration,
}

const READY_WITHIN: Duration = Duration::from_secs(60);

impl Host {
    /// Removes what earlier runs left.
    pub fn wipe(&self) -> anyhow::Result<()> {
        match std::fs::remove_dir_all(&self.data) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(e).context("emptying the data directory")
            }
            _ => Ok(()),
        }
    }

    /// Starts the server on a free port and waits until it is ready.
    pub async fn start(&self) -> anyhow::Result<Server> {
        if let Some(config) = &self.config {
            std::fs::create_dir_all(&self.data)?;
            std::fs::write(self.data.join("watchfire.yml"), config)?;
        }
        let port = free_port()?;
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .arg(format!("--data={}", self.data.display()))
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg("--no-agent");
        if self.config.is_some() {
            command.arg(format!("--config={}", self.data.join("watchfire.yml").display()));
        }
        Server::start(command, port).await
    }
}

/// A port of the loopback interface that nobody uses.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Server {
    /// Starts a process and waits until it says at this port that it is ready.
    pub async fn start(mut command: Command, port: u16) -> anyhow::Result<Server> {
        let program = command.as_std().get_program().display().to_string();
        let started = Instant::now();
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let pid = child.id().with_context(|| format!("{program} has ended"))?;
        let mut server = Server::at(format!("http://127.0.0.1:{port}"), pid);
        let child = server.child.insert(child);
        loop {
            if let Some(status) = child.try_wait()? {
                bail!("{program} ended with {status} instead of serving");
            }
            let answer = server.client.get(format!("{}/-/ready", server.url)).send().await;
            if answer.is_ok_and(|a| a.status().is_success()) {
                server.ready_after = started.elapsed();
                return Ok(server);
            }
            if started.elapsed() > READY_WITHIN {
                bail!("{program} is not ready after {READY_WITHIN:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A server that runs already, in this process.
    pub fn at(url: String, pid: u32) -> Server {
        // Bodies are looked at by the byte: nothing is decompressed on the way.
        let client = reqwest::Client::builder().no_gzip().no_zstd().build().unwrap_or_default();
        Server { child: None, pid, url, client, ready_after: Duration::ZERO }
    }

    /// Ends the process with SIGKILL.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        match &mut self.child {
            Some(child) => child.kill().await.context("killing the server"),
            None => Ok(()),
        }
    }

    /// Memory that the server may use besides what it needs anyway: samples in memory, bodies, queries and their
    /// kept results.
    pub async fn budgets(&self) -> anyhow::Result<u64> {
        let url = format!("{}/api/v1/status/store", self.url);
        let status: serde_json::Value = self.client.get(url).send().await?.error_for_status()?.json().await?;
        let budgets = &status["data"]["budgets"];
        ["storageBytes", "receiveBytes", "queryBytes", "resultCacheBytes"]
            .into_iter()
            .map(|name| budgets[name].as_u64().with_context(|| format!("no {name} in the status")))
            .sum()
    }

    /// The `data.result` of an instant query.
    pub async fn query(&self, expr: &str, time_ms: i64) -> anyhow::Result<serde_json::Value> {
        let time = format!("{}.{:03}", time_ms / 1000, time_ms % 1000);
        let url = format!("{}/api/v1/query", self.url);
        let body = format!("query={}&time={time}", encode(expr));
        let request =
            self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        let mut answer: serde_json::Value = request.send().await?.json().await?;
        if answer["status"] != "success" {
            bail!("{expr}: {answer}");
        }
        Ok(answer["data"]["result"].take())
    }

    /// A line of `/proc/PID/status`, in bytes.
    pub fn memory(&self, line: &str) -> anyhow::Result<u64> {
        let pid = self.pid;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
        let kib = found.and_then(|v| v.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kib.with_context(|| format!("no {line} in /proc/{pid}/status"))? * 1024)
    }

    /// Processor time used, user and system.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let pid = self.pid;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64((ticks(11) + ticks(12)) as f64 / per_second as f64))
    }
}

/// Text as a form has it.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
