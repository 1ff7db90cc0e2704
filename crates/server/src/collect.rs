//! What runs once the store is open: the store itself and what collects into it.

use crate::config::Config;
use crate::process;
use crate::server::StartError;
use crate::state::App;
use crate::telemetry::Family;
use agent::{Local, LocalOptions};
use model::{Appendable, MetricKind};
use parking_lot::Mutex;
use scrape::config::Jobs;
use scrape::{Scraper, ScraperOptions};
use std::path::Path;
use std::sync::Arc;
use tsdb::Db;

/// The parts that exist once the store is open.
pub struct Running {
    /// The store of samples.
    pub db: Db,
    /// The store of logs.
    pub logs: records::Store,
    /// What scrapes targets.
    pub scraper: Scraper,
    /// What watches this machine, unless that is off.
    pub agent: Option<Mutex<Local>>,
}

impl Running {
    /// Begins to collect into the store.
    pub async fn start(app: &App, db: Db, logs: records::Store) -> Result<Running, StartError> {
        let config = app.config();
        let jobs = jobs(&config, app.origin.config_file.as_deref()).map_err(StartError::Config)?;
        let store: Arc<dyn Appendable> = Arc::new(db.clone());
        let scraper = Scraper::start(jobs, Arc::clone(&store), scraper_options(&config));
        let agent = match config.agent.enabled {
            true => {
                let local = Local::start(
                    agent_options(&config, app.origin.config_file.as_deref()),
                    store,
                    Arc::clone(&app.clock),
                );
                Some(Mutex::new(
                    local.map_err(|e| StartError::Store(format!("cannot watch this machine: {e}")))?,
                ))
            }
            false => None,
        };
        Ok(Running { db, logs, scraper, agent })
    }

    /// Puts other scrape jobs in force.
    pub async fn reload(&self, config: &Config, file: &Path) -> Result<(), String> {
        self.scraper.reload(jobs(config, Some(file))?).await;
        Ok(())
    }

    /// Ends collecting; what was collected is in the store.
    pub async fn stop_collecting(&self) {
        if let Some(agent) = &self.agent {
            // It ends after the collection under way, which takes milliseconds.
            agent.lock().stop();
        }
        self.scraper.stop().await;
    }
}

/// The scrape jobs of a configuration. Paths in it are relative to its file.
fn jobs(config: &Config, file: Option<&Path>) -> Result<Jobs, String> {
    Jobs::resolve(&config.global, &config.scrape_configs, config_dir(file)).map_err(|e| e.to_string())
}

fn config_dir(file: Option<&Path>) -> &Path {
    file.and_then(Path::parent).unwrap_or(Path::new(""))
}

fn agent_options(config: &Config, file: Option<&Path>) -> LocalOptions {
    let agent = &config.agent;
    let mut host = host::Options {
        disabled: agent.disabled_collectors.clone(),
        enabled: agent.enabled_collectors.clone(),
        textfile_dirs: agent.textfile_dirs.iter().map(|d| config_dir(file).join(d)).collect(),
        ..Default::default()
    };
    for (name, value) in &agent.labels {
        host.labels.retain(|(n, _)| n != name);
        host.labels.push((name.clone(), value.clone()));
    }
    LocalOptions { interval: agent.interval().into(), host, ..LocalOptions::default() }
}

fn scraper_options(config: &Config) -> ScraperOptions {
    let name = process::hostname();
    // Servers that scrape the same targets should not all do it at the same moment.
    let offset_seed = name
        .bytes()
        .chain(config.http.listen.bytes())
        .fold(0u64, |h, b| h.wrapping_mul(0x0100_0000_01b3) ^ u64::from(b));
    ScraperOptions {
        offset_seed,
        external_host: (!name.is_empty()).then_some(name),
        limits: config.ingest.limits.decoding(),
        ..ScraperOptions::default()
    }
}

/// Figures of the watch over this machine as metrics.
pub fn agent_families(agent: &Local) -> Vec<Family> {
    let s = agent.status();
    let single = Family::single;
    vec![
        single(
            "watchfire_agent_collections_total",
            "Looks at this machine.",
            MetricKind::Counter,
            s.collections as f64,
        ),
        single(
            "watchfire_agent_samples",
            "Samples of the last look at this machine.",
            MetricKind::Gauge,
            s.samples as f64,
        ),
        single(
            "watchfire_agent_duration_seconds",
            "Duration of the last look at this machine.",
            MetricKind::Gauge,
            s.duration_seconds,
        ),
        single(
            "watchfire_agent_rejected_total",
            "Samples of this machine refused.",
            MetricKind::Counter,
            s.rejected as f64,
        ),
        single(
            "watchfire_agent_lost_total",
            "Looks at this machine that were lost.",
            MetricKind::Counter,
            s.lost as f64,
        ),
        single(
            "watchfire_agent_pending",
            "Looks at this machine not stored yet.",
            MetricKind::Gauge,
            s.pending as f64,
        ),
    ]
}

/// Counts of the scraper as metrics.
pub fn scraper_families(scraper: &Scraper) -> Vec<Family> {
    let s = scraper.stats();
    let all = [
        ("watchfire_scrapes_total", "Scrapes, failed ones included.", s.scrapes),
        ("watchfire_scrapes_failed_total", "Scrapes that failed.", s.failed),
        (
            "watchfire_scrape_samples_total",
            "Samples scraped, reports and staleness markers included.",
            s.samples,
        ),
        ("watchfire_scrape_refused_total", "Scraped samples that were malformed or refused.", s.refused),
        (
            "watchfire_scrape_retries_total",
            "Scraped batches offered again because the store was busy.",
            s.retries,
        ),
        (
            "watchfire_scrape_lost_total",
            "Scraped samples lost because the store could not take them.",
            s.lost,
        ),
    ];
    all.into_iter().map(|(name, help, v)| Family::single(name, help, MetricKind::Counter, v as f64)).collect()
}
