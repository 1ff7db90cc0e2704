//! All jobs together.

use super::body::Buffers;
use super::pool::{Command, Pool, surroundings};
use super::round::Stop;
use super::status::Targets;
use crate::config::Jobs;
use crate::discovery::Surroundings;
use ingest::Limits;
use model::Appendable;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Bounds and surroundings of a scraper.
#[derive(Debug, Clone)]
pub struct ScraperOptions {
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// Scrapes under way at a time, over all jobs; more wait for their turn.
    pub concurrent_scrapes_max: usize,
    /// The largest body after decompression, whatever a job's `body_size_limit` says.
    pub body_bytes_max: u64,
    /// Targets taken from one discovery source.
    pub targets_per_source_max: usize,
    /// Dropped targets of one job kept for display, whatever its `keep_dropped_targets` says.
    pub dropped_targets_max: usize,
    /// Shifts the moments at which targets are scraped. Two servers that scrape the same targets should differ.
    pub offset_seed: u64,
    /// How often discovery files are looked at for changes.
    pub file_poll: Duration,
    /// DNS servers to ask for discovery; those of the system if empty.
    pub dns_servers: Vec<SocketAddr>,
    /// The name under which others know this host, for the `globalUrl` of targets on it.
    pub external_host: Option<String>,
    /// Limits of what is read from a target.
    pub limits: Limits,
}

impl Default for ScraperOptions {
    fn default() -> Self {
        ScraperOptions {
            user_agent: concat!("watchfire/", env!("CARGO_PKG_VERSION")).to_owned(),
            concurrent_scrapes_max: 256,
            body_bytes_max: 256 << 20,
            targets_per_source_max: 100_000,
            dropped_targets_max: 1000,
            offset_seed: 0,
            file_poll: Duration::from_secs(5),
            dns_servers: Vec::new(),
            external_host: None,
            limits: Limits::default(),
        }
    }
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ScraperStats {
    /// Scrapes, failed ones included.
    pub scrapes: u64,
    /// Scrapes that failed.
    pub failed: u64,
    /// Samples handed to the store, reports and staleness markers included.
    pub samples: u64,
    /// Samples that were malformed, double, or refused by the store one by one.
    pub refused: u64,
    /// Times a batch was offered again because the store was busy.
    pub retries: u64,
    /// Samples lost because the store stayed busy or cannot write.
    pub lost: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub scrapes: AtomicU64,
    pub failed: AtomicU64,
    pub samples: AtomicU64,
    pub refused: AtomicU64,
    pub retries: AtomicU64,
    pub lost: AtomicU64,
}

/// What all targets of all jobs share.
pub(super) struct Shared {
    pub options: ScraperOptions,
    pub surroundings: Surroundings,
    pub store: Arc<dyn Appendable>,
    pub turns: Semaphore,
    pub buffers: Buffers,
    pub counters: Counters,
}

/// Runs jobs: finds their targets and scrapes them into a store.
///
/// It needs a multi-threaded tokio runtime. Dropping it ends all scraping without waiting; [`Scraper::stop`]
/// waits for what is under way.
pub struct Scraper {
    shared: Arc<Shared>,
    pools: Mutex<BTreeMap<String, Arc<Pool>>>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

impl Scraper {
    /// Starts all jobs.
    pub fn start(jobs: Jobs, store: Arc<dyn Appendable>, options: ScraperOptions) -> Scraper {
        let shared = Arc::new(Shared {
            surroundings: surroundings(&options),
            turns: Semaphore::new(options.concurrent_scrapes_max.clamp(1, Semaphore::MAX_PERMITS)),
            options,
            store,
            buffers: Buffers::default(),
            counters: Counters::default(),
        });
        let start =
            |job: Arc<crate::config::Job>| (job.name.clone(), Arc::new(Pool::start(job, shared.clone())));
        let pools = jobs.0.into_iter().map(start).collect();
        Scraper { shared, pools: Mutex::new(pools), reloading: tokio::sync::Mutex::default() }
    }

    /// Makes the running jobs these. Targets that stay the same keep their rhythm and their series; those that
    /// are gone have their series ended.
    pub async fn reload(&self, jobs: Jobs) {
        let _one = self.reloading.lock().await;
        let mut commands = Vec::new();
        {
            let mut pools = self.pools.lock();
            let mut old = std::mem::take(&mut *pools);
            for job in jobs.0 {
                let name = job.name.clone();
                let pool = match old.remove(&name) {
                    Some(pool) => {
                        commands.push((pool.clone(), Command::Reload(job)));
                        pool
                    }
                    None => Arc::new(Pool::start(job, self.shared.clone())),
                };
                pools.insert(name, pool);
            }
            commands.extend(old.into_values().map(|pool| (pool, Command::Stop(Stop::Removed))));
        }
        carry_out(commands).await;
    }

    /// Ends all scraping and waits for what is under way to be kept. Series are not ended: whoever scrapes next
    /// continues them.
    pub async fn stop(&self) {
        let _one = self.reloading.lock().await;
        let pools = std::mem::take(&mut *self.pools.lock());
        carry_out(pools.into_values().map(|pool| (pool, Command::Stop(Stop::Shutdown)))).await;
    }

    /// All targets and how their last scrapes went.
    pub fn targets(&self) -> Targets {
        let mut targets = Targets::default();
        for (job, pool) in &*self.pools.lock() {
            pool.show(job, self.shared.options.external_host.as_deref(), &mut targets);
        }
        targets
    }

    /// The names of the jobs, in order.
    pub fn scrape_pools(&self) -> Vec<String> {
        self.pools.lock().keys().cloned().collect()
    }

    /// Counts since the start.
    pub fn stats(&self) -> ScraperStats {
        let c = &self.shared.counters;
        ScraperStats {
            scrapes: c.scrapes.load(Relaxed),
            failed: c.failed.load(Relaxed),
            samples: c.samples.load(Relaxed),
            refused: c.refused.load(Relaxed),
            retries: c.retries.load(Relaxed),
            lost: c.lost.load(Relaxed),
        }
    }
}

/// Gives each pool its command, all at once, and waits until all are carried out.
async fn carry_out(commands: impl IntoIterator<Item = (Arc<Pool>, Command)>) {
    let one = |(pool, command): (Arc<Pool>, Command)| async move { pool.command(command).await };
    futures::future::join_all(commands.into_iter().map(one)).await;
}
