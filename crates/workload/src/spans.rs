//! Spans over OTLP: what they cost to take in and to keep, and how long a trace takes to come back; the service graph of
//! many services over hours.

use crate::fleet::deliver;
use crate::measure::percentile;
use crate::server::{Host, Server};
use crate::shop::{Request, Shop};
use crate::torture::now_ms;
use crate::write::Body;
use anyhow::{Context, ensure};
use model::Labels;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};

/// Traces of a request.
const TRACES: usize = 100;
/// Requests at the same time.
const CONNECTIONS: usize = 4;
/// Traces asked for one by one.
const ASKED: usize = 200;
/// Traces a second, which say how far apart their times are.
const RATE: u64 = 700;

/// What was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Spans sent.
    pub spans: usize,
    /// Bytes of the requests.
    pub sent: usize,
    /// From the first request to the last answer.
    pub took: Duration,
    /// The server's processor time until the last answer, until all is in parts and merged, and once parts are few.
    pub cpu: [Duration; 3],
    /// Bytes on disk at the end.
    pub disk: u64,
    /// Most memory.
    pub peak: u64,
    /// Times to get a trace: warm, after a restart, and with nothing of the disk in memory where that can be had.
    pub by_id: Vec<(&'static str, Vec<Duration>)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = self.spans as f64;
        let us = |cpu: Duration| cpu.as_secs_f64() * 1e6 / spans;
        writeln!(
            f,
            "{} spans of {:.0} bytes each in {:.1?}: {:.0} a second",
            self.spans,
            self.sent as f64 / spans,
            self.took,
            spans / self.took.as_secs_f64()
        )?;
        writeln!(
            f,
            "CPU µs a span: {:.2} acknowledged, {:.2} merged, {:.2} compacted; {:.0} spans a second and core, merged",
            us(self.cpu[0]),
            us(self.cpu[1]),
            us(self.cpu[2]),
            1e6 / us(self.cpu[1])
        )?;
        write!(
            f,
            "{:.1} bytes a span on disk; at most {} MiB resident",
            self.disk as f64 / spans,
            self.peak >> 20
        )?;
        for (how, took) in &self.by_id {
            write!(
                f,
                "\na trace by its id, {how}: p50 {:.1?}, p95 {:.1?}, p99 {:.1?}",
                percentile(took, 0.5),
                percentile(took, 0.95),
                percentile(took, 0.99)
            )?;
        }
        Ok(())
    }
}

/// Sends traces of a shop and asks for some of them.
pub async fn run(host: &Host, traces: usize) -> anyhow::Result<Report> {
    host.wipe()?;
    let server = host.start().await?;
    let mut report = Report::default();
    let ids = take_in(&server, traces, &mut report).await?;
    let asked: Vec<_> = ids.iter().step_by(ids.len() / ASKED + 1).copied().collect();
    report.by_id.push(("warm", by_id(&server, &asked, 2).await?));
    report.disk = size(&host.data.join("traces"))?;
    report.peak = server.memory("VmHWM")?;
    server.kill().await?;
    let server = host.start().await?;
    report.by_id.push(("after a restart", by_id(&server, &asked, 1).await?));
    server.kill().await?;
    // Needs the rights of the system's owner; without them this is not told.
    if std::fs::write("/proc/sys/vm/drop_caches", "1").is_ok() {
        let server = host.start().await?;
        report.by_id.push(("cold", cold(&server, &asked).await?));
        server.kill().await?;
    }
    host.wipe()?;
    Ok(report)
}

/// Sends; gives the ids with the number of spans of each.
async fn take_in(
    server: &Server,
    traces: usize,
    report: &mut Report,
) -> anyhow::Result<Vec<([u8; 16], usize)>> {
    // Requests are made by a thread of their own, some ahead.
    let (made, requests) = mpsc::channel::<Request>(CONNECTIONS * 4);
    let first_ns = (now_ms() as u64 * 1_000_000).saturating_sub(traces as u64 * 1_000_000_000 / RATE);
    let maker = std::thread::spawn(move || {
        let mut shop = Shop::new(1);
        for begin in (0..traces).step_by(TRACES) {
            let of = (begin..traces.min(begin + TRACES)).map(|n| first_ns + n as u64 * 1_000_000_000 / RATE);
            if made.blocking_send(shop.request(of)).is_err() {
                return;
            }
        }
    });
    let requests = Arc::new(Mutex::new(requests));
    let (before, begun) = (server.cpu()?, Instant::now());
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (client, url) = (server.client.clone(), format!("{}/v1/traces", server.url));
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let (mut ids, mut spans, mut sent) = (Vec::new(), 0, 0);
                loop {
                    let Some(request) = requests.lock().await.recv().await else { break };
                    send(&client, &url, &request).await?;
                    spans += request.spans;
                    sent += request.body.len();
                    ids.extend(request.traces);
                }
                anyhow::Ok((ids, spans, sent))
            })
        })
        .collect();
    let mut ids = Vec::new();
    for sender in senders {
        let (of, spans, sent) = sender.await??;
        ids.extend(of);
        report.spans += spans;
        report.sent += sent;
    }
    report.took = begun.elapsed();
    let _ = maker.join();
    report.cpu[0] = server.cpu()? - before;
    chore(server, "flush").await?;
    settled(server).await?;
    report.cpu[1] = server.cpu()? - before;
    chore(server, "compact").await?;
    report.cpu[2] = server.cpu()? - before;
    Ok(ids)
}

async fn send(client: &reqwest::Client, url: &str, request: &Request) -> anyhow::Result<()> {
    loop {
        let to = client.post(url).header("content-type", "application/x-protobuf");
        let answer = to.body(request.body.clone()).send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        ensure!(status.as_u16() == 503, "{status}: {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn chore(server: &Server, name: &str) -> anyhow::Result<()> {
    server.client.post(format!("{}/-/{name}", server.url)).send().await?.error_for_status()?;
    Ok(())
}

/// Waits until the server does nothing more.
async fn settled(server: &Server) -> anyhow::Result<()> {
    let mut quiet = 0;
    let mut last = server.cpu()?;
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = server.cpu()?;
        quiet = if now - last < Duration::from_millis(30) { quiet + 1 } else { 0 };
        last = now;
        if quiet == 4 {
            break;
        }
    }
    Ok(())
}

/// Times to get each of these traces, in order; of `rounds` the last.
async fn by_id(server: &Server, ids: &[([u8; 16], usize)], rounds: usize) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        took.clear();
        for (id, spans) in ids {
            took.push(one(server, id, *spans).await?);
        }
    }
    took.sort_unstable();
    Ok(took)
}

/// The same, with nothing of the disk kept in memory by the system.
async fn cold(server: &Server, ids: &[([u8; 16], usize)]) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for (id, spans) in ids {
        std::fs::write("/proc/sys/vm/drop_caches", "1")?;
        took.push(one(server, id, *spans).await?);
    }
    took.sort_unstable();
    Ok(took)
}

async fn one(server: &Server, id: &[u8; 16], spans: usize) -> anyhow::Result<Duration> {
    let id: String = id.iter().map(|b| format!("{b:02x}")).collect();
    let begun = Instant::now();
    let answer = server.client.get(format!("{}/api/v1/traces/{id}", server.url)).send().await?;
    let answer: serde_json::Value = answer.error_for_status()?.json().await?;
    let took = begun.elapsed();
    let found = answer["data"]["spans"].as_array().context("no spans in the answer")?.len();
    ensure!(found == spans, "{found} of {spans} spans of {id}");
    Ok(took)
}

fn size(path: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

/// What the service graph takes.
pub struct Graph {
    /// Services, each of which calls three others.
    pub services: u32,
    /// Hours of history, and of the range that is asked for.
    pub hours: u32,
    /// Times asked.
    pub rounds: u32,
}

/// Calls of one service.
const CALLS: u32 = 3;
/// Between two samples of the history.
const STEP_MS: i64 = 15_000;

/// Writes the counts of a service graph over hours and asks for it; gives the times.
pub async fn graph(host: &Host, plan: &Graph) -> anyhow::Result<Vec<Duration>> {
    host.wipe()?;
    let server = host.start().await?;
    let edges = plan.services * CALLS;
    let of = |name: &str, edge: u32| {
        let (client, server) = (edge / CALLS, (edge / CALLS + 1 + 7 * (edge % CALLS)) % plan.services);
        Labels::from_pairs([
            ("__name__", name.to_owned()),
            ("client", format!("service-{client}")),
            ("server", format!("service-{server}")),
        ])
    };
    let end = now_ms() / STEP_MS * STEP_MS;
    let steps = i64::from(plan.hours) * 3_600_000 / STEP_MS;
    for step in 0..=steps {
        let mut body = Body::default();
        let at = end - (steps - step) * STEP_MS;
        let so_far = 1200 + step as u64 * 120;
        for edge in 0..edges {
            let middle = 0.001 * f64::from(1 + edge % 97);
            body.push(&of("traces_service_graph_request_total", edge)?, at, so_far as f64);
            body.push(&of("traces_service_graph_request_failed_total", edge)?, at, (so_far / 100) as f64);
            for side in ["client", "server"] {
                let name = format!("traces_service_graph_request_{side}_seconds");
                body.push_durations(&of(&name, edge)?, at, so_far, middle);
            }
        }
        deliver(&server.client, &server.url, body.compressed()?).await?;
    }
    chore(&server, "flush").await?;
    let url = format!(
        "{}/api/v1/traces/graph?start={}&end={}",
        server.url,
        (end - i64::from(plan.hours) * 3_600_000) / 1000,
        end / 1000
    );
    let mut took = Vec::new();
    for _ in 0..plan.rounds {
        let begun = Instant::now();
        let answer = server.client.get(&url).send().await?.error_for_status()?;
        let answer: serde_json::Value = answer.json().await?;
        took.push(begun.elapsed());
        let found = answer["data"]["edges"].as_array().context("no edges in the answer")?;
        ensure!(found.len() == edges as usize, "{} of {edges} edges", found.len());
        ensure!(
            found.iter().all(|e| e["p99"].is_number() && e["requests"].is_number()),
            "figures are missing"
        );
    }
    took.sort_unstable();
    server.kill().await?;
    host.wipe()?;
    Ok(took)
}
