//! Everything that runs on a host that keeps nothing itself.

use crate::config::AgentConfig;
use crate::local::{Local, LocalOptions, LocalStatus};
use crate::logs::{LogReader, LogReaderStatus};
use crate::spool::{LogSpool, Spool, SpoolError, SpoolOptions, SpoolStatus};
use crate::watch::{EventWatcher, WatchStatus};
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
    /// What is read of logs is configured wrong.
    #[error("{field}: {reason}")]
    Logs {
        /// The key at fault.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There can be no thread.
    #[error("cannot start watching this host: {0}")]
    Thread(std::io::Error),
}

/// How an agent fares.
#[derive(Debug, Clone, Serialize)]
pub struct AgentStatus {
    /// Measuring this host, if it is measured.
    pub host: Option<LocalStatus>,
    /// Delivery.
    pub spool: SpoolStatus,
    /// Reading logs of this host, if they are read, and delivering them.
    pub logs: Option<(LogReaderStatus, SpoolStatus)>,
    /// Watching this host for events, if it is watched, and delivering them.
    pub events: Option<(WatchStatus, SpoolStatus)>,
    /// Targets found.
    pub targets: usize,
}

/// Measures this host and scrapes targets, and delivers both through a [`Spool`]; reads logs and watches for events, and
/// delivers them through a [`LogSpool`] each.
pub struct Agent {
    local: Mutex<Option<Local>>,
    logs: Mutex<Option<(LogReader, Arc<LogSpool>)>>,
    events: Mutex<Option<(EventWatcher, Arc<LogSpool>)>>,
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
        config.logs.check().map_err(|(field, reason)| AgentError::Logs { field, reason })?;
        let jobs = Jobs::resolve(&config.global, &config.scrape_configs, dir)?;
        let offset_seed = random.next_u64();
        let logs = match config.logs.enabled {
            true => {
                let options =
                    SpoolOptions { url: config.logs_to(), dir: options.dir.join("logs"), ..options.clone() };
                let spool = LogSpool::start(options, disk.clone(), clock.clone(), random.clone())?;
                let spool = Arc::new(spool);
                let host = host::host_name();
                let reader = LogReader::start(config.logs.clone(), host, spool.clone(), clock.clone());
                Some((reader.map_err(AgentError::Thread)?, spool))
            }
            false => None,
        };
        let events = match config.events.enabled {
            true => {
                let options = SpoolOptions {
                    url: config.events_to(),
                    dir: options.dir.join("events"),
                    ..options.clone()
                };
                let spool = LogSpool::start_events(options, disk.clone(), clock.clone(), random.clone())?;
                let spool = Arc::new(spool);
                let host = host::host_name();
                let watcher =
                    EventWatcher::start(&config.events, &config.logs, host, spool.clone(), clock.clone());
                Some((watcher.map_err(AgentError::Thread)?, spool))
            }
            false => None,
        };
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
        Ok(Agent {
            local: Mutex::new(local),
            logs: Mutex::new(logs),
            events: Mutex::new(events),
            scraper,
            spool,
        })
    }

    /// How it goes.
    pub fn status(&self) -> AgentStatus {
        AgentStatus {
            host: self.local.lock().as_ref().map(Local::status),
            spool: self.spool.status(),
            logs: self.logs.lock().as_ref().map(|(reader, spool)| (reader.status(), spool.status())),
            events: self.events.lock().as_ref().map(|(watcher, spool)| (watcher.status(), spool.status())),
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
        let logs = self.logs.lock().take();
        let events = self.events.lock().take();
        let stopped = tokio::task::spawn_blocking(move || {
            drop(local);
            let logs = logs.map(|(reader, spool)| {
                drop(reader);
                spool
            });
            let events = events.map(|(watcher, spool)| {
                drop(watcher);
                spool
            });
            std::thread::scope(|scope| {
                scope.spawn(|| spool.stop(wait));
                scope.spawn(|| events.iter().for_each(|events| events.stop(wait)));
                logs.iter().for_each(|logs| logs.stop(wait));
            });
        });
        // Cancelled only with the runtime itself, and then there is nothing to wait for.
        let _ = stopped.await;
    }
}
