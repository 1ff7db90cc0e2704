//! A dashboard over a fleet, refreshed while samples come in: what it costs with kept results and without, and
//! whether both say the same.

use crate::fleet::{Fleet, INTERVAL_MS, deliver, phase_ms};
use crate::server::{Server, encode};
use crate::torture::now_ms;
use crate::write::Body;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::RwLock;
use tokio::task::{JoinHandle, JoinSet};

/// What a dashboard of hosts asks.
const PANELS: [&str; 30] = [
    r#"1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))"#,
    r#"sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))"#,
    "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
    r#"avg by (dc) (rate(node_cpu_seconds_total{mode="iowait"}[5m]))"#,
    "node_load1",
    r#"node_load5 / on (instance) count by (instance) (node_cpu_seconds_total{mode="idle"})"#,
    "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
    "sum(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)",
    "node_memory_Cached_bytes + node_memory_Buffers_bytes",
    "1 - node_filesystem_avail_bytes / node_filesystem_size_bytes",
    r#"topk(5, node_filesystem_avail_bytes{mountpoint="/data"})"#,
    r#"predict_linear(node_filesystem_avail_bytes{mountpoint="/"}[1h], 14400)"#,
    "sum by (instance) (rate(node_disk_read_bytes_total[5m]))",
    "sum by (instance) (rate(node_disk_written_bytes_total[5m]))",
    "rate(node_disk_io_time_seconds_total[5m])",
    r#"sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m])) * 8"#,
    r#"sum by (instance) (rate(node_network_transmit_bytes_total{device!="lo"}[5m])) * 8"#,
    "sum(rate(node_network_receive_errs_total[5m]))",
    "rate(node_context_switches_total[5m])",
    "rate(node_forks_total[5m])",
    "node_procs_running",
    "node_filefd_allocated / node_filefd_maximum",
    // By its name not a counter, so that the answer comes with a remark and is never kept.
    "sum by (dc) (rate(node_netstat_Tcp_RetransSegs[5m]))",
    "sum by (handler) (rate(http_requests_total[5m]))",
    r#"sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))"#,
    "histogram_quantile(0.99, sum by (le, handler) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
    "sum by (dc) (rate(http_request_duration_seconds_sum[5m])) / sum by (dc) \
     (rate(http_request_duration_seconds_count[5m]))",
    "sum(up)",
    "max_over_time(node_load1[10m])",
];

/// Requests of a browser at the same time.
const CONNECTIONS: usize = 6;
/// Refreshes before figures are taken.
const WARM_UP: u32 = 3;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Hosts.
    pub hosts: u32,
    /// What the dashboard shows, and how much history there is.
    pub range: Duration,
    /// Distance of the points.
    pub step: Duration,
    /// Between two refreshes.
    pub refresh: Duration,
    /// Of each measurement.
    pub lasting: Duration,
    /// Comparisons of all panels, each after late data.
    pub checks: u32,
}

/// What was measured.
pub struct Report {
    /// Share of a core for samples that come in while nobody asks.
    pub ingest: f64,
    /// Share of a core on top of that for the dashboard: with kept results, with `nocache=1`.
    pub shares: [f64; 2],
    /// Time of a refresh, the median, likewise.
    pub refreshes: [Duration; 2],
    /// Answers compared and found equal.
    pub compared: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ingest alone: {:.2} % of a core", self.ingest * 100.0)?;
        for (name, at) in [("kept results", 0), ("nocache=1", 1)] {
            let (share, took) = (self.shares[at] * 100.0, self.refreshes[at]);
            writeln!(f, "{name}: {share:.2} % of a core besides, a refresh takes {took:.1?}")?;
        }
        write!(f, "{} answers with kept results and without are equal", self.compared)
    }
}

struct Board<'a> {
    server: &'a Server,
    plan: Plan,
}

/// Loads, measures and compares.
pub async fn run(server: &Server, plan: Plan) -> anyhow::Result<Report> {
    let fleet = Arc::new(Fleet::new(plan.hosts));
    let now = now_ms();
    let begun = Instant::now();
    let from = now - plan.range.as_millis() as i64 - 3_600_000;
    let samples = fleet.write_history(server, from / INTERVAL_MS * INTERVAL_MS, now - INTERVAL_MS).await?;
    println!("{} hosts, {} series, {samples} samples in {:.1?}", plan.hosts, fleet.series(), begun.elapsed());
    let gate = Arc::new(RwLock::new(()));
    let live = live(server, &fleet, &gate);
    let board = Board { server, plan };
    let ingest = board.share(async || tokio::time::sleep(plan.lasting).await).await?;
    let (mut shares, mut refreshes) = ([0.0; 2], [Duration::ZERO; 2]);
    for (share, fresh) in shares.iter_mut().zip([false, true]) {
        for _ in 0..WARM_UP {
            board.refresh(fresh).await?;
        }
        let mut took = Vec::new();
        let mut failed = None;
        let all = board
            .share(async || {
                let end = Instant::now() + plan.lasting;
                let mut clock = tokio::time::interval(plan.refresh);
                while Instant::now() < end {
                    clock.tick().await;
                    match board.refresh(fresh).await {
                        Ok(t) => took.push(t),
                        Err(e) => failed = Some(e),
                    }
                }
            })
            .await?;
        if let Some(e) = failed {
            return Err(e);
        }
        *share = (all - ingest).max(0.0);
        took.sort_unstable();
        refreshes[usize::from(fresh)] = took[took.len() / 2];
    }
    let mut compared = 0;
    for check in 0..plan.checks {
        compared += board.compare(&fleet, &gate, check).await?;
        tokio::time::sleep(plan.refresh).await;
    }
    live.abort();
    Ok(Report { ingest, shares, refreshes, compared })
}

/// Every host speaks every interval, unless `gate` is held for writing.
fn live(server: &Server, fleet: &Arc<Fleet>, gate: &Arc<RwLock<()>>) -> JoinHandle<anyhow::Result<()>> {
    let (client, url) = (server.client.clone(), server.url.clone());
    let (fleet, gate) = (Arc::clone(fleet), Arc::clone(gate));
    tokio::spawn(async move {
        let each = Duration::from_millis(INTERVAL_MS as u64) / fleet.len() as u32;
        let mut clock = tokio::time::interval(each);
        for host in (0..fleet.len()).cycle() {
            clock.tick().await;
            let open = gate.read().await;
            let mut body = Body::default();
            fleet.tell(host, now_ms(), &mut body);
            deliver(&client, &url, body.compressed()?).await?;
            drop(open);
        }
        Ok(())
    })
}

impl Board<'_> {
    /// The server's processor time while something happens, as a share of one core.
    async fn share(&self, what: impl AsyncFnOnce()) -> anyhow::Result<f64> {
        let (begun, before) = (Instant::now(), self.server.cpu()?);
        what().await;
        Ok((self.server.cpu()? - before).as_secs_f64() / begun.elapsed().as_secs_f64())
    }

    /// Start and end as a dashboard has them: on multiples of the step.
    fn range(&self) -> (i64, i64) {
        let step = self.plan.step.as_millis() as i64;
        let end = now_ms() / step * step;
        (end - self.plan.range.as_millis() as i64 / step * step, end)
    }

    fn request(&self, panel: &str, (start, end): (i64, i64), fresh: bool) -> reqwest::RequestBuilder {
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let body = format!(
            "query={}&start={}&end={}&step={}{}",
            encode(panel),
            seconds(start),
            seconds(end),
            self.plan.step.as_secs_f64(),
            if fresh { "&nocache=1" } else { "" }
        );
        let request = self.server.client.post(format!("{}/api/v1/query_range", self.server.url));
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// Asks for every panel as a browser does, and says how long that took. Answers stay as they come.
    async fn refresh(&self, fresh: bool) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let range = self.range();
        let mut asking = JoinSet::new();
        for panel in PANELS {
            let request =
                self.request(panel, range, fresh).header("accept-encoding", "gzip, deflate, br, zstd");
            asking.spawn(async move {
                let answer = request.send().await?;
                ensure!(answer.status().is_success(), "{panel}: {}", answer.status());
                Ok(answer.bytes().await?.len())
            });
            if asking.len() >= CONNECTIONS
                && let Some(done) = asking.join_next().await
            {
                done??;
            }
        }
        while let Some(done) = asking.join_next().await {
            done??;
        }
        Ok(begun.elapsed())
    }

    /// Sends late data, then asks for every panel with kept results and without while nothing comes in.
    async fn compare(&self, fleet: &Fleet, gate: &RwLock<()>, check: u32) -> anyhow::Result<usize> {
        let _closed = gate.write().await;
        let host = check as usize % fleet.len();
        // Between two samples that are there.
        let late = now_ms() - i64::from(check + 1) * 600_000 - phase_ms(1, 3);
        let mut body = Body::default();
        fleet.tell(host, late, &mut body);
        deliver(&self.server.client, &self.server.url, body.compressed()?).await?;
        let range = self.range();
        for panel in PANELS {
            let kept = self.answer(panel, range, false).await?;
            let fresh = self.answer(panel, range, true).await?;
            ensure!(kept == fresh, "{panel}: kept and evaluated answers differ");
            let series = kept["data"]["result"].as_array().context("no matrix")?;
            ensure!(!series.is_empty(), "{panel}: nothing to compare");
        }
        Ok(PANELS.len())
    }

    async fn answer(&self, panel: &str, range: (i64, i64), fresh: bool) -> anyhow::Result<Value> {
        Ok(self.request(panel, range, fresh).send().await?.error_for_status()?.json().await?)
    }
}
