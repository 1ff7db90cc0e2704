//! Loads, kills and measures a Watchfire server from outside; refuses to know anything of it but its HTTP API.
//!
//! `torture` kills the server at random moments under load and checks that everything acknowledged is there once,
//! bit for bit. `series` measures memory per active series and the time to serve again after a kill. `latency`
//! measures durable acknowledgements at a given rate.

mod measure;
mod server;
mod torture;
mod write;

use clap::Parser;
use std::path::PathBuf;

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
    /// Kills the server again and again under load; fails on the first sample that is missing, doubled or wrong.
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let data =
        args.data.unwrap_or_else(|| std::env::temp_dir().join(format!("watchfire-{}", std::process::id())));
    let host = server::Host { binary: args.binary, data };
    match args.command {
        Command::Torture { rounds, seed } => torture::run(&host, rounds, seed).await,
        Command::Series { count, samples } => measure::series(&host, count, samples).await,
        Command::Latency { rate, seconds, connections } => {
            measure::latency(&host, rate, seconds, connections).await
        }
    }
}
