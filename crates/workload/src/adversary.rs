//! Many queries at once that each want everything, while samples come in: what they do to those who write, to light
//! queries and to memory.

use crate::fleet::{Fleet, INTERVAL_MS};
use crate::measure::{mib, percentile, steady};
use crate::server::{Server, encode};
use crate::torture::now_ms;
use anyhow::{Context, ensure};
use reqwest::StatusCode;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Each with the distance of its steps in seconds over all of history, or 0 for an instant.
const QUERIES: [(&str, u64); 14] = [
    (r#"count({__name__=~".+"})"#, 15),
    (r#"{__name__=~".+"}"#, 15),
    (r#"{__name__=~".+"} and on (instance) {__name__=~".+"}"#, 60),
    (
        r#"count by (dc) (node_cpu_seconds_total * on (dc) group_left () sum by (dc) ({__name__=~"node.+"}))"#,
        15,
    ),
    (
        "max_over_time(max_over_time(max_over_time(rate(node_cpu_seconds_total[5m])[1h:15s])[1h:15s])[1h:15s])",
        60,
    ),
    (r#"quantile_over_time(0.9, {__name__=~"node_.+"}[6h])"#, 15),
    (r#"sort_desc(topk(100000, {__name__=~".+"}))"#, 0),
    (r#"count_values("v", {__name__=~".+"})"#, 60),
    (r#"label_replace({__name__=~".+"}, "x", "$1-$2", "instance", "(.*):(.*)")"#, 15),
    (r#"stddev_over_time({__name__=~".*a.*e.*"}[1d])"#, 30),
    ("quantile_over_time(0.5, vector(time())[1d:1s])", 15),
    (r#"{__name__=~".+"}[1d]"#, 0),
    (
        r#"histogram_quantile(0.9, {__name__=~".+_bucket"}) or {__name__=~".+"} or {__name__=~".+"} offset 1h"#,
        15,
    ),
    (r#"sum_over_time((sum by (instance) ({__name__=~".+"}))[1d:5s])"#, 0),
];
/// What a person at a dashboard asks meanwhile.
const LIGHT: &str = r#"sum by (mode) (rate(node_cpu_seconds_total{instance="host-0001:9100"}[5m]))"#;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Hosts with this much history.
    pub hosts: u32,
    /// History.
    pub range: Duration,
    /// Adversarial queries at the same time.
    pub queries: u32,
    /// Samples per second that come in.
    pub rate: f64,
    /// Of each of the two phases.
    pub lasting: Duration,
    /// How often both phases follow each other.
    pub rounds: u32,
}

/// What was measured.
pub struct Report {
    /// Times to an acknowledgement in order: before, during.
    pub took: [Vec<Duration>; 2],
    /// Times to the answer of a light query likewise.
    pub light: [Vec<Duration>; 2],
    /// Most memory resident.
    pub resident: u64,
    /// What that may be: what there was before, and the budgets of everything that may grow.
    pub resident_max: u64,
    /// Answers to adversaries by status.
    pub answers: BTreeMap<u16, u64>,
}

const WRITERS: u32 = 2;

/// Loads and measures.
pub async fn run(server: &Server, plan: Plan) -> anyhow::Result<Report> {
    let fleet = Fleet::new(plan.hosts);
    let now = now_ms();
    let from = now - plan.range.as_millis() as i64;
    let samples = fleet.write_history(server, from / INTERVAL_MS * INTERVAL_MS, now - INTERVAL_MS).await?;
    println!("{} hosts, {} series, {samples} samples", plan.hosts, fleet.series());
    // Once without looking, so that everything that grows to its size has.
    phase(server, plan, 0).await?;
    let resident_max = server.memory("VmRSS")? + server.budgets().await?;
    let mut took = [Vec::new(), Vec::new()];
    let mut light = [Vec::new(), Vec::new()];
    let mut answers = BTreeMap::new();
    for _ in 0..plan.rounds {
        for (at, queries) in [0, plan.queries].into_iter().enumerate() {
            let seen = phase(server, plan, queries).await?;
            took[at].extend(seen.acknowledged);
            light[at].extend(seen.light);
            for (status, n) in seen.answers {
                *answers.entry(status).or_default() += n;
            }
        }
    }
    let resident = server.memory("VmHWM")?;
    for list in took.iter_mut().chain(&mut light) {
        list.sort_unstable();
    }
    ensure!(resident <= resident_max, "{resident} bytes are resident, {resident_max} are allowed");
    Ok(Report { took, light, resident, resident_max, answers })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, took, light) in
            [("before", &self.took[0], &self.light[0]), ("during", &self.took[1], &self.light[1])]
        {
            writeln!(
                f,
                "{name}: {} writes acknowledged in p50 {:.2?}, p99 {:.2?}, max {:.2?}; {} light queries in p50 {:.2?}, \
                 p99 {:.2?}",
                took.len(),
                percentile(took, 0.5),
                percentile(took, 0.99),
                percentile(took, 1.0),
                light.len(),
                percentile(light, 0.5),
                percentile(light, 0.99)
            )?;
        }
        writeln!(f, "answers to adversaries by status: {:?}", self.answers)?;
        write!(f, "resident at most {} of {} MiB", mib(self.resident), mib(self.resident_max))
    }
}

#[derive(Default)]
struct Seen {
    acknowledged: Vec<Duration>,
    light: Vec<Duration>,
    answers: BTreeMap<u16, u64>,
}

/// Writes at the given rate beside so many adversaries.
async fn phase(server: &Server, plan: Plan, queries: u32) -> anyhow::Result<Seen> {
    let end = Instant::now() + plan.lasting;
    let mut seen = Seen::default();
    let mut adversaries = JoinSet::new();
    // Those who ask would sit at other machines: what they do with the answers gives way here.
    let elsewhere = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_start(|| {
            _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
        })
        .build()?;
    let client = reqwest::Client::new();
    for n in 0..queries {
        let (client, url) = (client.clone(), server.url.clone());
        let range_s = plan.range.as_secs();
        adversaries
            .spawn_on(async move { adversary(&client, &url, n, range_s, end).await }, elsewhere.handle());
    }
    let writers: Vec<_> = (0..WRITERS)
        .map(|c| {
            let (client, url) = (server.client.clone(), server.url.clone());
            let per_writer = plan.rate / f64::from(WRITERS);
            let base_ms = now_ms() - 600_000;
            let lasting = plan.lasting;
            tokio::spawn(async move { steady(&client, &url, c, per_writer, lasting, base_ms).await })
        })
        .collect();
    while Instant::now() < end {
        let asked = Instant::now();
        server.query(LIGHT, now_ms()).await?;
        seen.light.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for w in writers {
        seen.acknowledged.extend(w.await??);
    }
    while let Some(done) = adversaries.join_next().await {
        for (status, n) in done?? {
            *seen.answers.entry(status).or_default() += n;
        }
    }
    elsewhere.shutdown_background();
    Ok(seen)
}

/// Asks one query after the other; leaves in the middle of the last.
async fn adversary(
    client: &reqwest::Client,
    url: &str,
    number: u32,
    range_s: u64,
    end: Instant,
) -> anyhow::Result<BTreeMap<u16, u64>> {
    let mut answers = BTreeMap::new();
    for at in number as usize.. {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let (query, step) = QUERIES[at % QUERIES.len()];
        let now = now_ms() / 1000;
        let (path, times) = match step {
            0 => ("query", format!("time={now}")),
            step => ("query_range", format!("start={}&end={now}&step={step}", now - range_s as i64)),
        };
        let body = format!("query={}&{times}&timeout=30s", encode(query));
        let form = "application/x-www-form-urlencoded";
        let request = client.post(format!("{url}/api/v1/{path}")).header("content-type", form).body(body);
        let answer = async {
            let answer = request.send().await?;
            let status = answer.status();
            // All of it, but no more of it at a time than a chunk.
            let mut answer = answer;
            while answer.chunk().await?.is_some() {}
            reqwest::Result::Ok(status)
        };
        match tokio::time::timeout(left, answer).await {
            Err(_) => break,
            Ok(status) => *answers.entry(status.context(query)?.as_u16()).or_default() += 1,
        }
        if answers.keys().any(|s| *s == StatusCode::INTERNAL_SERVER_ERROR.as_u16()) {
            anyhow::bail!("{query}: the server met a fault");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(answers)
}
