//! Many alerting rules over many series, some of which change: how long it takes from an acknowledged sample until the
//! one who is to be told has been.

use crate::measure::{mib, percentile};
use crate::server::{Host, Server, free_port};
use crate::torture::now_ms;
use crate::write::{Body, send};
use anyhow::{Context, ensure};
use axum::extract::State;
use model::Labels;
use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::process::Command;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Alerting rules.
    pub rules: u32,
    /// Series, each read by one rule.
    pub series: u32,
    /// Series written to per second.
    pub rate: f64,
    /// Of those that are written to one in so many begins to fire, and ends when it is written to again.
    pub fires: u32,
    /// How long samples come in at that rate.
    pub lasting: Duration,
}

/// Prometheus and Alertmanager, to be measured in place of Watchfire.
pub struct Peers {
    /// The prometheus binary.
    pub prometheus: PathBuf,
    /// The alertmanager binary.
    pub alertmanager: PathBuf,
    /// How often Prometheus evaluates its rules.
    pub interval: Duration,
}

/// What was measured.
pub struct Report {
    plan: Plan,
    /// From acknowledgement to message, in order.
    delays: Vec<Duration>,
    /// Samples that made an alert fire of which nobody was told within the time that was waited.
    untold: usize,
    /// Processor time per second of the server while samples came in.
    cpu: f64,
    /// Most memory resident.
    resident: u64,
}

const BODY_SERIES: u32 = 2_000;
const GROUP_RULES: u32 = 100;
const FIRING: f64 = 100.0;
/// How long after the last sample messages are waited for.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// Messages by the number of their series: when the first came.
type Told = Arc<Mutex<HashMap<u32, Instant>>>;

/// Starts a server with these rules, or its peers, loads and measures it.
pub async fn run(host: &mut Host, plan: Plan, peers: Option<&Peers>) -> anyhow::Result<Report> {
    host.wipe()?;
    let told = Told::default();
    let hook = receiver(Arc::clone(&told)).await?;
    std::fs::create_dir_all(&host.data)?;
    let path = |name: &str| host.data.join(name).display().to_string();
    std::fs::write(path("rules.yml"), rules(plan.rules))?;
    std::fs::write(
        path("alertmanager.yml"),
        format!(
            "route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 5m, repeat_interval: 4h}}\n\
             receivers: [{{name: hook, webhook_configs: [{{url: '{hook}', send_resolved: false}}]}}]\n"
        ),
    )?;
    // The first takes the samples.
    let servers = match peers {
        Some(peers) => start_peers(host, peers).await?,
        None => {
            host.config = Some(format!(
                "rule_files: ['{}']\nalerting: {{config_file: '{}'}}\n",
                path("rules.yml"),
                path("alertmanager.yml")
            ));
            vec![host.start().await?]
        }
    };
    let server = &servers[0];
    let begun = Instant::now();
    for from in (0..plan.series).step_by(BODY_SERIES as usize) {
        let body = body(from, plan, now_ms(), &mut |_| 1.0);
        let (status, text) = send(&server.client, &server.url, body.compressed()?).await?;
        ensure!(status.is_success(), "{status}: {text}");
    }
    println!("{} series in {:.1?}; {} rules", plan.series, begun.elapsed(), plan.rules);
    // Every rule has had its turn once then.
    let turns = peers.map_or(Duration::ZERO, |p| p.interval * 2);
    tokio::time::sleep(turns.max(Duration::from_secs(20))).await;
    let report = load(&servers, plan, &told, turns + AFTERWARDS).await?;
    for server in servers {
        server.kill().await?;
    }
    host.wipe()?;
    Ok(report)
}

async fn start_peers(host: &Host, peers: &Peers) -> anyhow::Result<Vec<Server>> {
    let path = |name: &str| host.data.join(name).display().to_string();
    let (port, alertmanager_port) = (free_port()?, free_port()?);
    std::fs::write(
        path("prometheus.yml"),
        format!(
            "global: {{evaluation_interval: {}ms}}\nrule_files: ['{}']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager_port}']}}]}}]}}\n",
            peers.interval.as_millis(),
            path("rules.yml"),
        ),
    )?;
    let mut alertmanager = Command::new(&peers.alertmanager);
    alertmanager
        .arg(format!("--config.file={}", path("alertmanager.yml")))
        .arg(format!("--storage.path={}", path("alertmanager")))
        .arg(format!("--web.listen-address=127.0.0.1:{alertmanager_port}"))
        .arg("--cluster.listen-address=");
    let mut prometheus = Command::new(&peers.prometheus);
    prometheus
        .arg(format!("--config.file={}", path("prometheus.yml")))
        .arg(format!("--storage.tsdb.path={}", path("prometheus")))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--web.enable-remote-write-receiver");
    let alertmanager = Server::start(alertmanager, alertmanager_port).await?;
    Ok(vec![Server::start(prometheus, port).await?, alertmanager])
}

/// Processor time of all of them.
fn cpu(servers: &[Server]) -> anyhow::Result<Duration> {
    servers.iter().map(Server::cpu).sum()
}

async fn load(servers: &[Server], plan: Plan, told: &Told, afterwards: Duration) -> anyhow::Result<Report> {
    let server = &servers[0];
    let mut clock = tokio::time::interval(Duration::from_secs_f64(f64::from(BODY_SERIES) / plan.rate));
    let (begun, cpu) = (Instant::now(), cpu(servers)?);
    let mut fired: HashMap<u32, Instant> = HashMap::new();
    let mut from = 0;
    while begun.elapsed() < plan.lasting {
        clock.tick().await;
        let mut firing = Vec::new();
        let body = body(from, plan, now_ms(), &mut |series| {
            // Which ones differs from one round over all series to the next.
            let fires = (series.wrapping_mul(2_654_435_761)).is_multiple_of(plan.fires);
            if fires && !fired.contains_key(&series) {
                firing.push(series);
                return FIRING;
            }
            1.0
        });
        let (status, text) = send(&server.client, &server.url, body.compressed()?).await?;
        ensure!(status.is_success(), "{status}: {text}");
        let acknowledged = Instant::now();
        fired.extend(firing.into_iter().map(|series| (series, acknowledged)));
        from = if from + BODY_SERIES < plan.series { from + BODY_SERIES } else { 0 };
    }
    let cpu = (self::cpu(servers)? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
    tokio::time::sleep(afterwards).await;
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let mut delays: Vec<Duration> = fired
        .iter()
        .filter_map(|(series, at)| Some(told.get(series)?.saturating_duration_since(*at)))
        .collect();
    delays.sort_unstable();
    let untold = fired.len() - delays.len();
    let resident = servers.iter().map(|s| s.memory("VmHWM")).sum::<anyhow::Result<u64>>()?;
    Ok(Report { plan, delays, untold, cpu, resident })
}

fn labels(series: u32, rules: u32) -> Labels {
    Labels::from_pairs([
        ("__name__", "queue_length".to_owned()),
        ("cluster", "production-eu-west-1".to_owned()),
        ("job", "kubernetes-pods".to_owned()),
        ("rule", format!("r{}", series % rules)),
        ("series", format!("{series}")),
    ])
    .unwrap_or_default()
}

fn body(from: u32, plan: Plan, time_ms: i64, value: &mut dyn FnMut(u32) -> f64) -> Body {
    let mut body = Body::default();
    for series in from..(from + BODY_SERIES).min(plan.series) {
        body.push(&labels(series, plan.rules.max(1)), time_ms, value(series));
    }
    body
}

fn rules(count: u32) -> String {
    let mut text = String::from("groups:\n");
    for rule in 0..count {
        if rule % GROUP_RULES == 0 {
            let _ = writeln!(text, "- name: g{}\n  rules:", rule / GROUP_RULES);
        }
        let _ = writeln!(
            text,
            "  - {{alert: Long, expr: 'queue_length{{job=\"kubernetes-pods\",rule=\"r{rule}\"}} > 90', labels: {{severity: page}}}}"
        );
    }
    text
}

/// Takes webhooks; gives its address.
async fn receiver(told: Told) -> anyhow::Result<String> {
    async fn take(State(told): State<Told>, body: String) {
        let now = Instant::now();
        let Ok(message) = serde_json::from_str::<serde_json::Value>(&body) else { return };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        for alert in message["alerts"].as_array().into_iter().flatten() {
            if let Some(series) = alert["labels"]["series"].as_str().and_then(|s| s.parse().ok()) {
                told.entry(series).or_insert(now);
            }
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for webhooks")?;
    let address = listener.local_addr()?;
    let router = axum::Router::new().fallback(take).with_state(told);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |p: f64| percentile(&self.delays, p);
        writeln!(
            f,
            "{} rules, {} series, {:.0} changed per second: {} alerts told in p50 {:.2?}, p99 {:.2?}, max {:.2?} after \
             the acknowledgement; {} not told",
            self.plan.rules,
            self.plan.series,
            self.plan.rate,
            self.delays.len(),
            at(0.5),
            at(0.99),
            at(1.0),
            self.untold
        )?;
        write!(f, "{:.2} CPU-s per second, resident at most {} MiB", self.cpu, mib(self.resident))
    }
}
