//! Figures of a running server.

use crate::server::{Host, Server};
use crate::torture::now_ms;
use crate::write::{Body, send};
use anyhow::{Context, ensure};
use model::Labels;
use std::time::{Duration, Instant};

const BODY_SERIES: u32 = 2_000;

/// Memory per active series, and the time to serve again after a kill during ingest.
pub async fn series(host: &Host, count: u32, samples: u32) -> anyhow::Result<()> {
    host.wipe()?;
    let server = host.start().await?;
    let before = server.memory("VmRSS")?;
    let base_ms = now_ms() - i64::from(samples) * 15_000;
    let mut labels_bytes = 0;
    for round in 0..samples {
        let begin = Instant::now();
        labels_bytes = write_all(&server, count, base_ms + i64::from(round) * 15_000).await?;
        println!(
            "round {round}: {count} series in {:.1?}, resident {} MiB",
            begin.elapsed(),
            mib(server.memory("VmRSS")?)
        );
    }
    let (now, anonymous, peak) =
        (server.memory("VmRSS")?, server.memory("RssAnon")?, server.memory("VmHWM")?);
    println!("{count} active series of {} label bytes each on average", labels_bytes / u64::from(count));
    println!(
        "resident {} MiB ({} B per series over the {} MiB of an empty server), anonymous {} MiB, peak {} MiB",
        mib(now),
        (now - before.min(now)) / u64::from(count),
        mib(before),
        mib(anonymous),
        mib(peak)
    );
    // Killed in the middle of a further round.
    let (client, url) = (server.client.clone(), server.url.clone());
    let load = tokio::spawn(async move {
        for at in (0..count).step_by(BODY_SERIES as usize) {
            let body = body(at, count, base_ms + i64::from(samples) * 15_000).compressed()?;
            if send(&client, &url, body).await.is_err() {
                break;
            }
        }
        anyhow::Ok(())
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.kill().await?;
    load.await??;
    let server = host.start().await?;
    println!("serving again {:.2?} after the start that follows kill -9", server.ready_after);
    println!(
        "resident after the restart {} MiB, peak {} MiB",
        mib(server.memory("VmRSS")?),
        mib(server.memory("VmHWM")?)
    );
    let all = server.query("count(workload)", base_ms + i64::from(samples - 1) * 15_000).await?;
    let found: f64 = all[0]["value"][1].as_str().context("no count")?.parse()?;
    ensure!(found == f64::from(count), "{found} of {count} series are there");
    server.kill().await?;
    host.wipe()
}

async fn write_all(server: &Server, count: u32, time_ms: i64) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for at in (0..count).step_by(BODY_SERIES as usize) {
        let body = body(at, count, time_ms);
        bytes += (at..(at + BODY_SERIES).min(count)).map(|s| label_set(s).key().len() as u64).sum::<u64>();
        let body = body.compressed()?;
        loop {
            let (status, text) = send(&server.client, &server.url, body.clone()).await?;
            if status.is_success() {
                break;
            }
            ensure!(status.as_u16() == 429 || status.is_server_error(), "{status}: {text}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(bytes)
}

fn body(from: u32, count: u32, time_ms: i64) -> Body {
    let mut body = Body::default();
    for s in from..(from + BODY_SERIES).min(count) {
        body.push(&label_set(s), time_ms, f64::from(s % 1000));
    }
    body
}

/// Ten labels as a container platform has them.
fn label_set(s: u32) -> Labels {
    let (pod, node, code) = (s / 50, s / 5_000, s % 50);
    Labels::from_pairs([
        ("__name__", "workload".to_owned()),
        ("cluster", "production-eu-west-1".to_owned()),
        ("namespace", format!("team-{}", pod % 40)),
        ("pod", format!("service-{}-7d9c6b5f8-{pod:05x}", pod % 300)),
        ("container", "application".to_owned()),
        ("node", format!("ip-10-0-{}-{}.internal", node / 250, node % 250)),
        ("instance", format!("10.{}.{}.{}:8080", pod >> 16, pod >> 8 & 255, pod & 255)),
        ("job", "kubernetes-pods".to_owned()),
        ("method", ["GET", "POST", "PUT", "DELETE", "HEAD"][code as usize % 5].to_owned()),
        ("code", format!("{}", 200 + code / 5)),
    ])
    .unwrap_or_default()
}

/// Percentiles of durable acknowledgements at a steady rate.
pub async fn latency(host: &Host, rate: f64, seconds: u64, connections: u32) -> anyhow::Result<()> {
    host.wipe()?;
    let server = host.start().await?;
    let base_ms = now_ms() - 3_600_000;
    let per_connection = rate / f64::from(connections);
    let lasting = Duration::from_secs(seconds);
    let begin = Instant::now();
    let cpu = server.cpu()?;
    let tasks: Vec<_> = (0..connections)
        .map(|c| {
            let (client, url) = (server.client.clone(), server.url.clone());
            tokio::spawn(async move { steady(&client, &url, c, per_connection, lasting, base_ms).await })
        })
        .collect();
    let mut all = Vec::new();
    for t in tasks {
        all.extend(t.await??);
    }
    let sent = all.len() as f64 * f64::from(BODY_SERIES);
    let cpu = server.cpu()? - cpu;
    all.sort_unstable();
    let at = |p: f64| percentile(&all, p);
    println!(
        "{:.0} samples/s asked, {:.0} sent: acknowledged in p50 {:.2?}, p90 {:.2?}, p99 {:.2?}, max {:.2?}; {:.2} CPU-s per million",
        rate,
        sent / begin.elapsed().as_secs_f64(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        cpu.as_secs_f64() / sent * 1e6
    );
    server.kill().await?;
    host.wipe()
}

/// Writes so many samples per second, and says how long each request took.
pub async fn steady(
    client: &reqwest::Client,
    url: &str,
    connection: u32,
    rate: f64,
    lasting: Duration,
    base_ms: i64,
) -> anyhow::Result<Vec<Duration>> {
    let mut out = Vec::new();
    let mut clock = tokio::time::interval(Duration::from_secs_f64(f64::from(BODY_SERIES) / rate));
    let first = connection * BODY_SERIES;
    let end = Instant::now() + lasting;
    for step in 0i64.. {
        clock.tick().await;
        if Instant::now() >= end {
            break;
        }
        let bytes = body(first, first + BODY_SERIES, base_ms + step * 100).compressed()?;
        let sent = Instant::now();
        let (status, text) = send(client, url, bytes).await?;
        ensure!(status.is_success(), "{status}: {text}");
        out.push(sent.elapsed());
    }
    Ok(out)
}

/// Of what is in order.
pub fn percentile(sorted: &[Duration], p: f64) -> Duration {
    sorted.get(((sorted.len() as f64 - 1.0) * p) as usize).copied().unwrap_or_default()
}

/// Bytes as whole MiB.
pub fn mib(bytes: u64) -> u64 {
    bytes >> 20
}
