//! Hosts as a node exporter and a service on each of them tell of them.

use crate::server::Server;
use crate::write::{Body, send};
use anyhow::ensure;
use model::Labels;
use std::time::Duration;

/// How often a host is looked at.
pub const INTERVAL_MS: i64 = 15_000;
/// Times in one request while history is written: some 3,000 samples.
const TIMES_PER_BODY: i64 = 20;
/// Requests under way while history is written.
const SENDERS: usize = 4;

/// How values go over time.
#[derive(Clone, Copy)]
enum Kind {
    /// Grows by so much each second.
    Counter(f64),
    /// Swings around a level.
    Gauge(f64),
}

struct Metric {
    labels: Labels,
    kind: Kind,
    /// Tells series of one kind apart.
    seed: u32,
}

/// Every series of every host.
pub struct Fleet {
    hosts: Vec<Vec<Metric>>,
}

impl Fleet {
    /// So many hosts in four data centres.
    pub fn new(hosts: u32) -> Fleet {
        Fleet { hosts: (0..hosts).map(host).collect() }
    }

    /// The number of hosts.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// The number of series of all hosts.
    pub fn series(&self) -> usize {
        self.hosts.iter().map(Vec::len).sum()
    }

    /// What one host says at a time.
    pub fn tell(&self, host: usize, time_ms: i64, body: &mut Body) {
        for m in &self.hosts[host] {
            body.push(&m.labels, time_ms, m.value(time_ms));
        }
    }

    /// Writes what all hosts said from one time to another.
    pub async fn write_history(&self, server: &Server, from_ms: i64, to_ms: i64) -> anyhow::Result<usize> {
        let mut written = 0;
        let mut sending = tokio::task::JoinSet::new();
        for begin in (from_ms..to_ms).step_by((INTERVAL_MS * TIMES_PER_BODY) as usize) {
            for host in 0..self.len() {
                let mut body = Body::default();
                let end = (begin + INTERVAL_MS * TIMES_PER_BODY).min(to_ms);
                for time_ms in (begin..end).step_by(INTERVAL_MS as usize) {
                    self.tell(host, time_ms + phase_ms(host, self.len()), &mut body);
                }
                written += body.samples;
                let (client, url, bytes) = (server.client.clone(), server.url.clone(), body.compressed()?);
                sending.spawn(async move { deliver(&client, &url, bytes).await });
                if sending.len() >= SENDERS
                    && let Some(done) = sending.join_next().await
                {
                    done??;
                }
            }
        }
        while let Some(done) = sending.join_next().await {
            done??;
        }
        Ok(written)
    }
}

/// Hosts speak one after the other, not all at once.
pub fn phase_ms(host: usize, hosts: usize) -> i64 {
    INTERVAL_MS * host as i64 / hosts.max(1) as i64
}

/// Sends until it is taken.
pub async fn deliver(client: &reqwest::Client, url: &str, body: Vec<u8>) -> anyhow::Result<()> {
    loop {
        let (status, text) = send(client, url, body.clone()).await?;
        if status.is_success() {
            return Ok(());
        }
        ensure!(status.as_u16() == 429 || status.is_server_error(), "{status}: {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Metric {
    fn value(&self, time_ms: i64) -> f64 {
        let seconds = (time_ms / 1000) as f64;
        let own = f64::from(self.seed % 97) / 97.0;
        let wave = (seconds / (300.0 + 900.0 * own) + 6.0 * own).sin();
        match self.kind {
            // Since some day; the wave's derivative stays below the rate, so that it never falls.
            Kind::Counter(rate) => {
                let rate = rate * (0.5 + own);
                (rate * (seconds % 1e7) + rate * 100.0 * wave).floor()
            }
            Kind::Gauge(level) => {
                let v = level * (0.6 + 0.3 * own + 0.1 * wave);
                if level > 1000.0 { v.round() } else { (v * 100.0).round() / 100.0 }
            }
        }
    }
}

const CPU_MODES: [(&str, f64); 8] = [
    ("idle", 0.7),
    ("user", 0.2),
    ("system", 0.06),
    ("iowait", 0.02),
    ("irq", 0.002),
    ("softirq", 0.01),
    ("steal", 0.001),
    ("nice", 0.001),
];
const PLAIN: [(&str, Kind); 22] = [
    ("node_memory_MemTotal_bytes", Kind::Gauge(6.4e10)),
    ("node_memory_MemAvailable_bytes", Kind::Gauge(3.0e10)),
    ("node_memory_MemFree_bytes", Kind::Gauge(4.0e9)),
    ("node_memory_Buffers_bytes", Kind::Gauge(6.0e8)),
    ("node_memory_Cached_bytes", Kind::Gauge(2.0e10)),
    ("node_memory_SwapFree_bytes", Kind::Gauge(2.0e9)),
    ("node_memory_SwapTotal_bytes", Kind::Gauge(4.0e9)),
    ("node_load1", Kind::Gauge(3.0)),
    ("node_load5", Kind::Gauge(2.5)),
    ("node_load15", Kind::Gauge(2.0)),
    ("node_context_switches_total", Kind::Counter(12_000.0)),
    ("node_intr_total", Kind::Counter(8_000.0)),
    ("node_forks_total", Kind::Counter(9.0)),
    ("node_procs_running", Kind::Gauge(5.0)),
    ("node_procs_blocked", Kind::Gauge(1.0)),
    ("node_filefd_allocated", Kind::Gauge(4.0e3)),
    ("node_filefd_maximum", Kind::Gauge(1.0e6)),
    ("node_sockstat_TCP_inuse", Kind::Gauge(400.0)),
    ("node_netstat_Tcp_CurrEstab", Kind::Gauge(300.0)),
    ("node_netstat_Tcp_RetransSegs", Kind::Counter(3.0)),
    ("node_netstat_Tcp_OutSegs", Kind::Counter(9_000.0)),
    ("up", Kind::Gauge(1.0)),
];
const BOUNDS: [(&str, f64); 10] = [
    ("0.005", 0.3),
    ("0.01", 0.45),
    ("0.025", 0.6),
    ("0.05", 0.72),
    ("0.1", 0.82),
    ("0.25", 0.9),
    ("0.5", 0.95),
    ("1", 0.98),
    ("2.5", 0.995),
    ("+Inf", 1.0),
];

fn host(number: u32) -> Vec<Metric> {
    let instance = format!("host-{number:04}:9100");
    let dc = format!("dc-{}", number % 4);
    let mut out: Vec<Metric> = Vec::new();
    let mut add = |name: &str, kind: Kind, seed: u32, more: &[(&str, &str)]| {
        let common = [("__name__", name), ("instance", &instance), ("dc", &dc), ("job", "node")];
        let labels = Labels::from_pairs(common.into_iter().chain(more.iter().copied())).unwrap_or_default();
        out.push(Metric { labels, kind, seed: number * 31 + seed });
    };
    for (name, kind) in PLAIN {
        add(name, kind, 0, &[]);
    }
    for cpu in ["0", "1", "2", "3"] {
        for (seed, (mode, share)) in (0..).zip(CPU_MODES) {
            // In milliseconds, so that whole numbers tell enough.
            add(
                "node_cpu_seconds_total",
                Kind::Counter(share * 1000.0),
                seed,
                &[("cpu", cpu), ("mode", mode)],
            );
        }
    }
    for (seed, mountpoint) in (0..).zip(["/", "/data", "/var"]) {
        add("node_filesystem_size_bytes", Kind::Gauge(5.0e11), seed, &[("mountpoint", mountpoint)]);
        add("node_filesystem_avail_bytes", Kind::Gauge(2.0e11), seed + 5, &[("mountpoint", mountpoint)]);
        add("node_filesystem_files_free", Kind::Gauge(3.0e7), seed + 9, &[("mountpoint", mountpoint)]);
    }
    for (seed, device) in (0..).zip(["sda", "sdb"]) {
        for (name, rate) in [
            ("node_disk_read_bytes_total", 2.0e6),
            ("node_disk_written_bytes_total", 5.0e6),
            ("node_disk_reads_completed_total", 80.0),
            ("node_disk_writes_completed_total", 200.0),
            ("node_disk_io_time_seconds_total", 300.0),
        ] {
            add(name, Kind::Counter(rate), seed, &[("device", device)]);
        }
    }
    for (seed, device) in (0..).zip(["lo", "eth0", "eth1"]) {
        for (name, rate) in [
            ("node_network_receive_bytes_total", 4.0e6),
            ("node_network_transmit_bytes_total", 3.0e6),
            ("node_network_receive_errs_total", 0.1),
            ("node_network_receive_drop_total", 0.3),
        ] {
            add(name, Kind::Counter(rate), seed, &[("device", device)]);
        }
    }
    for (seed, handler) in (0..).zip(["/", "/api/items", "/api/orders", "/login"]) {
        let rate = 40.0 / f64::from(seed + 1);
        for (code, share) in [("200", 0.97), ("404", 0.02), ("500", 0.01)] {
            add(
                "http_requests_total",
                Kind::Counter(rate * share),
                seed,
                &[("handler", handler), ("code", code)],
            );
        }
        for (le, share) in BOUNDS {
            let labels = [("handler", handler), ("le", le)];
            add("http_request_duration_seconds_bucket", Kind::Counter(rate * share), seed, &labels);
        }
        add("http_request_duration_seconds_sum", Kind::Counter(rate * 0.05), seed, &[("handler", handler)]);
        add("http_request_duration_seconds_count", Kind::Counter(rate), seed, &[("handler", handler)]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn series_differ_and_counters_do_not_fall() {
        let fleet = Fleet::new(3);
        let all: HashSet<&Labels> = fleet.hosts.iter().flatten().map(|m| &m.labels).collect();
        assert_eq!(all.len(), fleet.series());
        assert!(!all.contains(&Labels::default()));
        for m in fleet.hosts.iter().flatten().filter(|m| matches!(m.kind, Kind::Counter(_))) {
            let values: Vec<f64> = (0..200).map(|i| m.value(1_700_000_000_000 + i * INTERVAL_MS)).collect();
            assert!(values.windows(2).all(|w| w[0] <= w[1]), "{} {values:?}", m.labels);
        }
    }
}
