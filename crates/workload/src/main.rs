//! Loads, kills and measures a Watchfire server from outside; refuses to know anything of it but its HTTP API.
//!
//! `torture` kills the server at random moments under load and checks that every acknowledged sample and log line is
//! there once, bit for bit. `series` measures memory per active series and the time to serve again after a kill. `latency`
//! measures durable acknowledgements at a given rate. `dashboard` measures what a dashboard costs that is refreshed
//! while samples come in. `adversary` measures what many heavy queries at once do to those who write. `alerts` measures
//! the time from a sample to the one who is told. `transitions` kills the server while alerts begin and end, and checks
//! that each change is told, and told once. `spans` measures what traces cost to take in and to keep, and how soon one
//! comes back; `graph` the service graph of many services.

mod adversary;
mod alerts;
mod dashboard;
mod fleet;
mod measure;
mod proto;
mod server;
mod shop;
mod spans;
#[cfg(test)]
mod tests;
mod torture;
mod torture_logs;
mod transitions;
mod transitions_hook;
mod write;

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
#[command(about, version)]
struct Args {
    /// The watchfire binary.
    #[arg(long, global = true, default_value = "target/release/watchfire")]
    binary: PathBuf,
    /// Where the server keeps its data; emptied first. A temporary directory if not given.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Kills the server again and again under load; fails on the first sample or log line that is missing, doubled or
    /// wrong.
    Torture {
        /// How often to kill it.
        #[arg(long, default_value_t = 300)]
        rounds: u32,
        /// Decides the moments of killing and the data.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Writes this many series, then kills the server during ingest and times its return.
    Series {
        /// Number of active series.
        #[arg(long, default_value_t = 1_000_000)]
        count: u32,
        /// Samples of each before the kill.
        #[arg(long, default_value_t = 3)]
        samples: u32,
    },
    /// Writes at a steady rate and prints percentiles of the time to a durable acknowledgement.
    Latency {
        /// Samples per second in all.
        #[arg(long, default_value_t = 1_000_000.0)]
        rate: f64,
        /// For how long, in seconds.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Connections.
        #[arg(long, default_value_t = 4)]
        connections: u32,
    },
    /// Refreshes a dashboard of 30 panels while samples come in; prints the share of a core that takes with kept
    /// results and without, and fails if they ever differ.
    Dashboard {
        /// Hosts.
        #[arg(long, default_value_t = 50)]
        hosts: u32,
        /// What the dashboard shows, in hours.
        #[arg(long, default_value_t = 6)]
        hours: u64,
        /// Distance of its points, in seconds.
        #[arg(long, default_value_t = 60)]
        step: u64,
        /// Between two refreshes, in seconds.
        #[arg(long, default_value_t = 5)]
        refresh: u64,
        /// Length of each measurement, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Asks many heavy queries at once while samples come in; prints the time to a durable acknowledgement before
    /// and during, and fails if memory goes over its limit.
    Adversary {
        /// Hosts.
        #[arg(long, default_value_t = 50)]
        hosts: u32,
        /// Hours of history.
        #[arg(long, default_value_t = 2)]
        hours: u64,
        /// Queries at the same time.
        #[arg(long, default_value_t = 100)]
        queries: u32,
        /// Samples per second that come in.
        #[arg(long, default_value_t = 100_000.0)]
        rate: f64,
        /// Length of each phase, in seconds.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// How often the phases without and with adversaries follow each other.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Memory for all queries, `query.memory`.
        #[arg(long, default_value = "256MB")]
        memory: String,
    },
    /// Writes to series that alerting rules read; prints the time from the acknowledgement of a sample until a webhook
    /// says that an alert fires.
    Alerts {
        /// Alerting rules.
        #[arg(long, default_value_t = 100_000)]
        rules: u32,
        /// Series.
        #[arg(long, default_value_t = 1_000_000)]
        series: u32,
        /// Series written to per second.
        #[arg(long, default_value_t = 20_000.0)]
        rate: f64,
        /// One in so many begins to fire.
        #[arg(long, default_value_t = 1_000)]
        fires: u32,
        /// For how long, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Measure Prometheus and Alertmanager instead: their binaries.
        #[arg(long, num_args = 2, value_names = ["PROMETHEUS", "ALERTMANAGER"])]
        peers: Option<Vec<PathBuf>>,
        /// How often Prometheus evaluates, in seconds.
        #[arg(long, default_value_t = 15, requires = "peers")]
        interval: u64,
    },
    /// Sends traces over OTLP; prints processor time and bytes for each span, and how long a trace takes by its id.
    Spans {
        /// Traces, of about sixteen spans each.
        #[arg(long, default_value_t = 100_000)]
        traces: usize,
    },
    /// Writes the counts of a service graph over hours; prints how long the graph takes.
    Graph {
        /// Services, each of which calls three others.
        #[arg(long, default_value_t = 200)]
        services: u32,
        /// Hours.
        #[arg(long, default_value_t = 6)]
        hours: u32,
    },
    /// Lets alerts begin and end while the server is killed again and again; fails on the first change that nobody is
    /// told of, or that is told twice although its answer was not lost.
    Transitions {
        /// Changes in all.
        #[arg(long, default_value_t = 10_000)]
        count: u64,
        /// Alerts that change at the same time.
        #[arg(long, default_value_t = 200)]
        items: u32,
        /// The longest time between two kills, in milliseconds.
        #[arg(long, default_value_t = 3_000)]
        between_kills: u64,
        /// One answer in so many is lost.
        #[arg(long, default_value_t = 20)]
        lost: u64,
        /// Decides the moments of killing, and which answers are lost.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let data =
        args.data.unwrap_or_else(|| std::env::temp_dir().join(format!("watchfire-{}", std::process::id())));
    let mut host = server::Host { binary: args.binary, data, config: None };
    match args.command {
        Command::Torture { rounds, seed } => torture::run(&host, rounds, seed).await,
        Command::Series { count, samples } => measure::series(&host, count, samples).await,
        Command::Latency { rate, seconds, connections } => {
            measure::latency(&host, rate, seconds, connections).await
        }
        Command::Dashboard { hosts, hours, step, refresh, seconds } => {
            let plan = dashboard::Plan {
                hosts,
                range: Duration::from_secs(hours * 3600),
                step: Duration::from_secs(step),
                refresh: Duration::from_secs(refresh),
                lasting: Duration::from_secs(seconds),
                checks: 5,
            };
            host.wipe()?;
            let server = host.start().await?;
            println!("{}", dashboard::run(&server, plan).await?);
            server.kill().await?;
            host.wipe()
        }
        Command::Alerts { rules, series, rate, fires, seconds, peers, interval } => {
            let lasting = Duration::from_secs(seconds);
            let plan = alerts::Plan { rules, series, rate, fires, lasting };
            let peers = peers.as_deref().and_then(|p| match p {
                [prometheus, alertmanager] => Some(alerts::Peers {
                    prometheus: prometheus.clone(),
                    alertmanager: alertmanager.clone(),
                    interval: Duration::from_secs(interval),
                }),
                _ => None,
            });
            println!("{}", alerts::run(&mut host, plan, peers.as_ref()).await?);
            Ok(())
        }
        Command::Spans { traces } => {
            println!("{}", spans::run(&host, traces).await?);
            Ok(())
        }
        Command::Graph { services, hours } => {
            let took = spans::graph(&host, &spans::Graph { services, hours, rounds: 20 }).await?;
            let at = |p| measure::percentile(&took, p);
            println!("graph of {services} services over {hours} h: p50 {:.1?}, max {:.1?}", at(0.5), at(1.0));
            Ok(())
        }
        Command::Transitions { count, items, between_kills, lost, seed } => {
            let between_kills = Duration::from_millis(between_kills);
            let plan = transitions::Plan { transitions: count, items, between_kills, lost, seed };
            println!("{}", transitions::run(&mut host, plan).await?);
            Ok(())
        }
        Command::Adversary { hosts, hours, queries, rate, seconds, rounds, memory } => {
            let plan = adversary::Plan {
                hosts,
                range: Duration::from_secs(hours * 3600),
                queries,
                rate,
                lasting: Duration::from_secs(seconds),
                rounds,
            };
            host.config = Some(format!("query: {{memory: {memory}}}\n"));
            host.wipe()?;
            let server = host.start().await?;
            println!("{}", adversary::run(&server, plan).await?);
            server.kill().await?;
            host.wipe()
        }
    }
}
