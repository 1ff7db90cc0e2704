//! Everything that runs on a host that keeps nothing itself.

use crate::config::AgentConfig;
use crate::local::{Local, LocalOptions, LocalStatus};
use crate::spool::{Spool, SpoolError, SpoolStatus};
use env::{Clock, Disk, Random};
use host::Process;
use model::Appendable;
use parking_lot::Mutex;
use scrape::config::{ConfigError, Jobs};
use scrape::{Scraper, ScraperOptions, Targets};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The spool cannot be used, or its settings are wrong.
    #[error("{0}")]
    Spool(#[from] SpoolError),
    /// The scrape configuration is wrong.
    #[error("{0}")]
    Scrape(#[from] ConfigError),
    /// There can be no thread.
    #[error("cannot start measuring this host: {0}")]
    Thread(std::io::Error),
}

/// How an agent fares.
#[derive(Debug, Clone, Serialize)]
pub struct AgentStatus {
    /// Measuring this host, if it is measured.
    pub host: Option<LocalStatus>,
    /// Delivery.
    pub spool: SpoolStatus,
    /// Targets found.
    pub targets: usize,
}

/// Measures this host, scrapes targets, and delivers both through a [`Spool`].
pub struct Agent {
    local: Mutex<Option<Local>>,
    scraper: Option<Scraper>,
    spool: Arc<Spool>,
}

impl Agent {
    /// Starts everything. Must be called within a multi-threaded tokio runtime if targets are scraped. Paths in
    /// the configuration are relative to `dir`.
    pub fn start(
        config: &AgentConfig,
        dir: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Agent, AgentError> {
        let mut options = config.spool().map_err(|(field, reason)| SpoolError::Setting { field, reason })?;
        options.dir = dir.join(&options.dir);
        let jobs = Jobs::resolve(&config.global, &config.scrape_configs, dir)?;
        let offset_seed = random.next_u64();
        let spool = Arc::new(Spool::start(options, disk, clock.clone(), random)?);
        let store: Arc<dyn Appendable> = spool.clone();
        let local = match config.host {
            true => {
                let options = LocalOptions {
                    interval: config.interval.0,
                    host: config.host_options(dir),
                    ..LocalOptions::default()
                };
                Some(Local::start(options, store.clone(), clock).map_err(AgentError::Thread)?)
            }
            false => None,
        };
        let scraper = (!jobs.0.is_empty()).then(|| {
            Scraper::start(jobs, store, ScraperOptions { offset_seed, ..ScraperOptions::default() })
        });
        Ok(Agent { local: Mutex::new(local), scraper, spool })
    }

    /// How it goes.
    pub fn status(&self) -> AgentStatus {
        AgentStatus {
            host: self.local.lock().as_ref().map(Local::status),
            spool: self.spool.status(),
            targets: self.targets().active_targets.len(),
        }
    }

    /// The processes of this host that matter most.
    pub fn processes(&self) -> Arc<Vec<Process>> {
        self.local.lock().as_ref().map(Local::processes).unwrap_or_default()
    }

    /// The targets that are scraped.
    pub fn targets(&self) -> Targets {
        self.scraper.as_ref().map(Scraper::targets).unwrap_or_default()
    }

    /// Ends collecting, delivers what there is for at most `wait`, and ends. What is left stays in the spool.
    pub async fn stop(&self, wait: Duration) {
        if let Some(scraper) = &self.scraper {
            scraper.stop().await;
        }
        let (local, spool) = (self.local.lock().take(), self.spool.clone());
        let stopped = tokio::task::spawn_blocking(move || {
            drop(local);
            spool.stop(wait);
        });
        // Cancelled only with the runtime itself, and then there is nothing to wait for.
        let _ = stopped.await;
    }
}
