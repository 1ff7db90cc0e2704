//! What runs once the store is open: the store itself and what collects into it.

use crate::config::Config;
use crate::errors::{self, Noticing, Tracker};
use crate::events::{DeployWatch, EventSink, Outlet};
use crate::incidents::Response;
use crate::logs::Prepared;
use crate::lookout::{self, Lookout};
use crate::notify::{Office, Routing};
use crate::process;
use crate::rule_groups::{RuleGroups, RuleSet, RuleSettings};
use crate::server::StartError;
use crate::state::App;
use crate::telemetry::Family;
use crate::traces::Watched;
use agent::{EventWatcher, Local, LocalOptions, LogReader};
use ingest::records::Signal;
use model::record::RecordSink;
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
    /// The same, behind the pipelines: where logs go in.
    pub log_sink: Prepared,
    /// The store of spans.
    pub traces: records::Store,
    /// The same, behind what is computed from spans: where they go in.
    pub span_sink: Watched,
    /// The store of events.
    pub events: records::Store,
    /// The same, behind what knows repetitions and counts: where they go in.
    pub event_sink: EventSink,
    /// Where the server's own events go in.
    pub outlet: Outlet,
    /// Error events and the issues they make.
    pub errors: Arc<Tracker>,
    /// What scrapes targets.
    pub scraper: Scraper,
    /// What watches this machine, unless that is off.
    pub agent: Option<Mutex<Local>>,
    /// What reads logs of this machine, unless that is off.
    pub log_reader: Option<Mutex<LogReader>>,
    /// What watches this machine for events, unless that is off.
    pub event_watcher: Option<Mutex<EventWatcher>>,
    /// What tells people.
    pub office: Arc<Office>,
    /// What evaluates rules.
    pub rules: RuleGroups,
    /// What looks at others from outside, and listens for jobs that must report.
    pub lookout: Lookout,
}

/// The stores, open.
pub struct Stores {
    /// Samples.
    pub db: Db,
    /// Log lines.
    pub logs: records::Store,
    /// Spans.
    pub traces: records::Store,
    /// Events.
    pub events: records::Store,
    /// Error events.
    pub errors: records::Store,
}

impl Running {
    /// Where records of a signal go in.
    pub fn sink(&self, signal: Signal) -> &dyn RecordSink {
        match signal {
            Signal::Logs => &self.log_sink,
            Signal::Traces => &self.span_sink,
            Signal::Events => &self.event_sink,
            Signal::Errors => &self.errors.store,
        }
    }

    /// The store of records of a signal.
    pub fn records(&self, signal: Signal) -> &records::Store {
        match signal {
            Signal::Logs => &self.logs,
            Signal::Traces => &self.traces,
            Signal::Events => &self.events,
            Signal::Errors => &self.errors.store,
        }
    }

    /// All stores of records, by name.
    pub fn stores(&self) -> [(&'static str, &records::Store); 4] {
        [
            ("logs", &self.logs),
            ("traces", &self.traces),
            ("events", &self.events),
            ("errors", &self.errors.store),
        ]
    }

    /// Begins to collect into the stores.
    pub async fn start(app: &Arc<App>, stores: Stores) -> Result<Running, StartError> {
        let Stores { db, logs, traces, events, errors } = stores;
        let preparation = (Arc::clone(&app.event_counting), Arc::clone(&app.event_preparation));
        let event_sink = EventSink::new(events.clone(), preparation, Arc::clone(&app.clock));
        let outlet = Outlet::start(event_sink.clone(), Arc::clone(&app.clock));
        let deploys = Arc::new(DeployWatch::new(outlet.clone()));
        deploys.remember(&traces, &events);
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
        let issues = app.origin.data_dir.join("issues");
        let tracker = Arc::new(Tracker::open(errors, &issues, &config.issues, Arc::clone(&app.clock)).await?);
        let log_sink = Prepared {
            store: Noticing {
                store: logs.clone(),
                tracker: config
                    .issues
                    .from_logs
                    .then(|| (errors::in_logs as errors::Find, Arc::clone(&tracker))),
            },
            preparation: Arc::clone(&app.preparation),
            clock: Arc::clone(&app.clock),
            deploys: Some(Arc::clone(&deploys)),
        };
        let log_reader = match config.agent.enabled && config.agent.logs.enabled {
            true => {
                let sink: Arc<dyn RecordSink> = Arc::new(log_sink.clone());
                let config = config.agent.logs.clone();
                let reader = LogReader::start(config, process::hostname(), sink, Arc::clone(&app.clock));
                Some(Mutex::new(
                    reader
                        .map_err(|e| StartError::Store(format!("cannot read logs of this machine: {e}")))?,
                ))
            }
            false => None,
        };
        let event_watcher =
            match config.agent.enabled && config.agent.events.enabled {
                true => {
                    let sink: Arc<dyn RecordSink> = Arc::new(event_sink.clone());
                    let (events, logs) = (&config.agent.events, &config.agent.logs);
                    let watcher =
                        EventWatcher::start(events, logs, process::hostname(), sink, Arc::clone(&app.clock));
                    Some(Mutex::new(watcher.map_err(|e| {
                        StartError::Store(format!("cannot watch this machine for events: {e}"))
                    })?))
                }
                false => None,
            };
        let office = Arc::new(open_office(app, &config).await?);
        let memory = promql::MemoryPool::new(app.budgets.query_bytes / RULES_PART);
        let clock = Arc::clone(&app.clock);
        let rules = RuleGroups::new(
            db.clone(),
            (Arc::clone(&office), outlet.clone()),
            clock,
            memory,
            config.rules.concurrency,
            Arc::downgrade(app),
        );
        let file = app.origin.config_file.as_deref();
        let set = RuleSet::load(&config, config_dir(file)).map_err(StartError::Config)?;
        rules.apply(set, rule_settings(app, &config, &office).map_err(StartError::Config)?).await;
        let parts = lookout::Parts {
            store: Arc::new(db.clone()),
            outlet: outlet.clone(),
            clock: Arc::clone(&app.clock),
            disk: Arc::new(env::RealDisk),
        };
        let lookout = Lookout::start(&config, config_dir(file), &app.origin.data_dir, parts)
            .await
            .map_err(StartError::Config)?;
        let span_sink = Watched {
            store: Noticing {
                store: traces.clone(),
                tracker: config
                    .issues
                    .from_spans
                    .then(|| (errors::in_spans as errors::Find, Arc::clone(&tracker))),
            },
            watch: Arc::clone(&app.span_watch),
            clock: Arc::clone(&app.clock),
            deploys,
        };
        Ok(Running {
            db,
            logs,
            log_sink,
            traces,
            span_sink,
            events,
            event_sink,
            outlet,
            errors: tracker,
            scraper,
            agent,
            log_reader,
            event_watcher,
            office,
            rules,
            lookout,
        })
    }

    /// Puts other scrape jobs in force.
    pub async fn reload(&self, app: &App, config: &Config, file: &Path) -> Result<(), String> {
        // All of it is read before any of it is in force.
        let jobs = jobs(config, Some(file))?;
        let routing = Routing::load(config, config_dir(Some(file)), &external_url(config))?;
        let response = Response::load(config, &routing)?;
        let set = RuleSet::load(config, config_dir(Some(file)))?;
        self.lookout.reload(config, config_dir(Some(file))).await?;
        self.scraper.reload(jobs).await;
        self.office.configure(routing, response).await.map_err(|e| e.message)?;
        self.rules.apply(set, rule_settings(app, config, &self.office)?).await;
        Ok(())
    }

    /// Ends collecting; what was collected is in the store.
    pub async fn stop_collecting(&self) {
        self.lookout.stop().await;
        self.rules.stop().await;
        self.office.stop().await;
        if let Some(agent) = &self.agent {
            // It ends after the collection under way, which takes milliseconds.
            agent.lock().stop();
        }
        if let Some(reader) = &self.log_reader {
            // It ends after the batch under way.
            reader.lock().stop();
        }
        if let Some(watcher) = &self.event_watcher {
            watcher.lock().stop();
        }
        self.scraper.stop().await;
        self.outlet.stop().await;
    }
}

/// The scrape jobs of a configuration. Paths in it are relative to its file.
fn jobs(config: &Config, file: Option<&Path>) -> Result<Jobs, String> {
    Jobs::resolve(&config.global, &config.scrape_configs, config_dir(file)).map_err(|e| e.to_string())
}

/// Of the memory for queries, as much again is for rules.
const RULES_PART: u64 = 4;

async fn open_office(app: &App, config: &Config) -> Result<Office, StartError> {
    let dir = config_dir(app.origin.config_file.as_deref());
    let routing = Routing::load(config, dir, &external_url(config)).map_err(StartError::Config)?;
    let response = Response::load(config, &routing).map_err(StartError::Config)?;
    let disk: Arc<dyn env::Disk> = Arc::new(env::RealDisk);
    let (told, data) = ((routing, response), &app.origin.data_dir);
    let around = (disk, Arc::clone(&app.entities));
    let deliveries_max = config.alerting.deliveries_max;
    Office::open(told, deliveries_max, data, around, Arc::clone(&app.clock)).map_err(StartError::Store)
}

/// Where people reach this server unless it is configured: by its name, at the port it listens at.
fn external_url(config: &Config) -> String {
    let port = config.http.listen.rsplit_once(':').map_or("7766", |(_, p)| p);
    let host = match process::hostname() {
        name if name.is_empty() => "localhost".to_owned(),
        name => name,
    };
    format!("http://{host}:{port}")
}

fn rule_settings(app: &App, config: &Config, office: &Office) -> Result<RuleSettings, String> {
    let query = &config.query;
    let relabel = &config.alerting.alert_relabel_configs;
    let relabel =
        scrape::relabel::Rules::compile(relabel, Default::default(), "alerting.alert_relabel_configs");
    Ok(RuleSettings {
        engine: promql::EngineOptions {
            lookback_ms: i64::try_from(query.lookback.as_millis()).unwrap_or(i64::MAX),
            samples_max: query.samples_max,
            series_max: query.series_max,
            memory_max: query.memory_per_query.bytes().min(app.budgets.query_bytes / RULES_PART),
            experimental: query.experimental,
            threads: 1,
            ..promql::EngineOptions::default()
        },
        timeout: config.rules.timeout.into(),
        streaming: config.rules.streaming,
        since_ms: app.now_ms(),
        unmatched_after: config.rules.unmatched_after.into(),
        surroundings: rules::Surroundings {
            external_labels: config.global.external_labels.clone(),
            external_url: office.routing().external_url.clone(),
        },
        relabel: Arc::new(relabel.map_err(|e| e.to_string())?),
    })
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

/// Figures of reading this machine's logs as metrics.
pub fn log_reader_families(reader: &LogReader) -> Vec<Family> {
    use MetricKind::{Counter, Gauge};
    let s = reader.status();
    let (f, j) = (&s.files, s.journal.clone().unwrap_or_default());
    let all = [
        ("watchfire_tail_files", "Log files that are read.", Gauge, f.files as u64),
        (
            "watchfire_tail_files_left_out",
            "Log files beyond agent.logs.files_max.",
            Gauge,
            f.files_left_out as u64,
        ),
        ("watchfire_tail_problems", "Log files that cannot be read.", Gauge, f.problems.len() as u64),
        ("watchfire_tail_lag_bytes", "Bytes of log files not stored yet.", Gauge, f.lag_bytes),
        ("watchfire_tail_bytes_total", "Bytes of log files read.", Counter, f.bytes),
        ("watchfire_tail_rotated_total", "Log files that were rotated away.", Counter, f.rotated),
        ("watchfire_tail_emptied_total", "Log files that were emptied.", Counter, f.emptied),
        ("watchfire_tail_journal_entries_total", "Entries of the systemd journal read.", Counter, j.entries),
        ("watchfire_tail_journal_bytes_total", "Bytes of the systemd journal read.", Counter, j.bytes),
        ("watchfire_tail_batches_total", "Batches of logs of this machine stored.", Counter, s.batches),
        ("watchfire_tail_records_total", "Records of logs of this machine stored.", Counter, s.records),
        ("watchfire_tail_refused_total", "Records of logs of this machine refused.", Counter, s.refused),
    ];
    all.into_iter().map(|(name, help, kind, v)| Family::single(name, help, kind, v as f64)).collect()
}

/// Figures of watching this machine for events as metrics.
pub fn watcher_families(watcher: &EventWatcher) -> Vec<Family> {
    use MetricKind::{Counter, Gauge};
    let s = watcher.status();
    let problem = u64::from(!s.problem.is_empty());
    let all = [
        ("watchfire_agent_events_total", "Events of this machine stored.", Counter, s.events),
        (
            "watchfire_agent_events_held_back_total",
            "Events of this machine held back because the same was told within the minute.",
            Counter,
            s.held_back,
        ),
        ("watchfire_agent_events_refused_total", "Events of this machine refused.", Counter, s.refused),
        (
            "watchfire_agent_events_problem",
            "1 while messages of the kernel and of systemd cannot be read.",
            Gauge,
            problem,
        ),
    ];
    all.into_iter().map(|(name, help, kind, v)| Family::single(name, help, kind, v as f64)).collect()
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
