//! What every endpoint can reach.

use crate::cache::ResultCache;
use crate::collect::Running;
use crate::config::{Budgets, Config};
use crate::http::body::BodyLimits;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::listen::ConnectionCounts;
use crate::logs::Preparation;
use crate::pool::{Lane, Lanes, Pool};
use crate::telemetry::{Family, Metrics};
use env::Clock;
use model::MetricKind;
use parking_lot::{Mutex, RwLock};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What is set once at the start and not by the configuration.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Where the data lies.
    pub data_dir: PathBuf,
    /// The configuration file, if there is one.
    pub config_file: Option<PathBuf>,
    /// The command line as given, for `/api/v1/status/flags`.
    pub flags: Vec<(String, String)>,
}

/// Everything the endpoints share.
pub struct App {
    config: RwLock<Arc<Config>>,
    running: OnceLock<Running>,
    /// Why the store cannot be opened, once that is known.
    failed: Mutex<Option<String>>,
    stopping: AtomicBool,
    unique: AtomicU64,
    /// Set at the start.
    pub origin: Origin,
    /// Queries, and everything else that reads much.
    pub queries: Arc<Lanes>,
    /// Deletions, snapshots, flushes.
    pub chores: Pool,
    /// Memory shares.
    pub budgets: Budgets,
    /// Memory of heavy queries together.
    pub query_memory: Arc<promql::MemoryPool>,
    /// Memory of light queries together: what heavy ones cannot take from them.
    pub light_memory: Arc<promql::MemoryPool>,
    /// Held while a write is under way: queries pause.
    pub brake: Arc<promql::Brake>,
    /// What is done with logs before they are kept.
    pub preparation: Arc<Preparation>,
    /// What counts events.
    pub event_counting: Arc<Preparation>,
    /// What is done with events before they are kept.
    pub event_preparation: Arc<Preparation>,
    /// Entities.
    pub entities: Arc<crate::entities::Known>,
    /// What is counted about spans.
    pub span_watch: Arc<crate::traces::SpanWatch>,
    /// Results of range queries.
    pub results: ResultCache,
    /// Bytes of bodies under way.
    pub in_flight: crate::receive::InFlight,
    /// Totals of series that are sent as deltas.
    pub deltas: crate::intake::deltas::Deltas,
    /// Own metrics.
    pub metrics: Metrics,
    /// Connections.
    pub connections: Arc<ConnectionCounts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// When the server started, Unix milliseconds.
    pub started_ms: i64,
    /// When the configuration was last read, Unix milliseconds, and whether that succeeded.
    pub reloaded: Mutex<(i64, bool)>,
}

/// The part of the memory for queries that is for light ones.
const LIGHT_PART: u64 = 4;

impl App {
    /// The state of a server whose store is not open yet.
    pub fn new(config: Config, origin: Origin, clock: Arc<dyn Clock>) -> App {
        let budgets = Budgets::of(&config, crate::config::machine_memory_bytes());
        let now = clock.now_ms();
        App {
            queries: Arc::new(config.query.lanes()),
            chores: Pool::new(2, 16),
            in_flight: crate::receive::InFlight::new(config.ingest.limits.in_flight_bytes_max.bytes()),
            query_memory: promql::MemoryPool::new(budgets.query_bytes - budgets.query_bytes / LIGHT_PART),
            light_memory: promql::MemoryPool::new(budgets.query_bytes / LIGHT_PART),
            brake: Arc::default(),
            preparation: Arc::new(Preparation::new(&config.pipelines)),
            event_counting: Arc::new(Preparation::new(&[crate::events::counting()])),
            event_preparation: Arc::new(Preparation::new(&config.event_pipelines)),
            entities: Arc::new(crate::entities::Known::new(&config.entities)),
            span_watch: Arc::default(),
            results: ResultCache::new(budgets.cache_bytes),
            budgets,
            origin,
            config: RwLock::new(Arc::new(config)),
            running: OnceLock::new(),
            failed: Mutex::new(None),
            stopping: AtomicBool::new(false),
            // A run gives out fewer numbers than nanoseconds pass.
            unique: AtomicU64::new(now.unsigned_abs().wrapping_mul(1_000_000)),
            deltas: Default::default(),
            metrics: Metrics::default(),
            connections: Arc::default(),
            started_ms: now,
            reloaded: Mutex::new((now, true)),
            clock,
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read())
    }

    /// Puts another configuration in force.
    pub fn set_config(&self, config: Config) {
        *self.config.write() = Arc::new(config);
    }

    /// The time, Unix nanoseconds.
    pub fn now_ns(&self) -> i64 {
        self.clock.now_ms().saturating_mul(1_000_000)
    }

    /// The first of `count` numbers that were not given out before, by this or by an earlier run of the server.
    pub fn unique(&self, count: u64) -> u64 {
        self.unique.fetch_add(count, Ordering::Relaxed)
    }

    /// The time, Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Marks the store as open.
    pub fn open(&self, running: Running) {
        // Opening happens once; a second call would be a mistake that changes nothing.
        if self.running.set(running).is_err() {
            tracing::error!("the store was opened twice");
        }
    }

    /// Marks the store as one that cannot be opened.
    pub fn fail(&self, reason: String) {
        *self.failed.lock() = Some(reason);
    }

    /// Stops taking anything in.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The open parts, if they are open, whatever else is going on.
    pub fn running(&self) -> Option<&Running> {
        self.running.get()
    }

    /// The open parts, or the answer to give while there are none.
    pub fn ready(&self) -> Result<&Running, ApiError> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(unavailable("the server is shutting down".to_owned()));
        }
        match (self.running.get(), &*self.failed.lock()) {
            (Some(running), _) => Ok(running),
            (None, Some(reason)) => Err(unavailable(format!("the store cannot be opened: {reason}"))),
            (None, None) => Err(unavailable("the store is still opening; try again shortly".to_owned())),
        }
    }

    /// The store, or the answer to give while there is none.
    pub fn db(&self) -> Result<&tsdb::Db, ApiError> {
        Ok(&self.ready()?.db)
    }

    /// How large and slow forms may be.
    pub fn form_limits(&self) -> BodyLimits {
        let config = self.config();
        BodyLimits {
            bytes_max: config.ingest.limits.body_bytes_max.bytes() as usize,
            setting: "ingest.limits.body_bytes_max",
            idle: config.http.body_idle_timeout.into(),
            total: config.http.body_timeout.into(),
        }
    }

    /// What senders may send.
    pub fn decoding(&self) -> ingest::Limits {
        self.config().ingest.limits.decoding()
    }

    /// The longest time for a query.
    pub fn query_timeout(&self) -> Duration {
        self.config().query.timeout.into()
    }

    /// Memory for queries of a lane.
    pub fn memory_of(&self, lane: Lane) -> &Arc<promql::MemoryPool> {
        match lane {
            Lane::Light { .. } => &self.light_memory,
            Lane::Heavy => &self.query_memory,
        }
    }

    /// Threads for one evaluation in a lane, its own among them. Where several run, each has its own processor anyway; and
    /// heavy ones leave to those who write the processors that the number of heavy queries leaves.
    pub fn query_threads(&self, lane: Lane) -> usize {
        let query = &self.config().query;
        let [light, heavy] = self.queries.running();
        let share = match lane {
            Lane::Light { .. } => query.threads() / (light + heavy).max(1),
            Lane::Heavy => query.threads().min(query.concurrency_heavy()) / heavy.max(1),
        };
        share.max(1)
    }

    /// Memory that queries hold.
    pub fn query_memory_used(&self) -> u64 {
        self.query_memory.used() + self.light_memory.used()
    }

    /// Every own metric with its present value.
    pub fn families(&self) -> Vec<Family> {
        use MetricKind::{Counter, Gauge};
        let mut out = self.metrics.families();
        out.push(Family::labelled_one(
            "watchfire_build_info",
            "The version of the server, always 1.",
            ("version", env!("CARGO_PKG_VERSION")),
            1.0,
        ));
        let single = Family::single;
        out.extend([
            single(
                "watchfire_up",
                "1 once the store is open.",
                Gauge,
                f64::from(self.running.get().is_some()),
            ),
            single(
                "watchfire_start_time_seconds",
                "When the server started, Unix seconds.",
                Gauge,
                self.started_ms as f64 / 1000.0,
            ),
            single(
                "watchfire_connections_accepted_total",
                "Connections accepted.",
                Counter,
                self.connections.accepted.load(Ordering::Relaxed) as f64,
            ),
            single(
                "watchfire_connections_open",
                "Connections open now.",
                Gauge,
                self.connections.open.load(Ordering::Relaxed) as f64,
            ),
            single(
                "watchfire_query_memory_bytes",
                "Memory held by queries.",
                Gauge,
                self.query_memory_used() as f64,
            ),
            single(
                "watchfire_receive_in_flight_bytes",
                "Bytes of bodies being received and decoded.",
                Gauge,
                self.in_flight.bytes() as f64,
            ),
            single(
                "watchfire_config_reload_ok",
                "1 if the configuration was last read without an error.",
                Gauge,
                f64::from(self.reloaded.lock().1),
            ),
        ]);
        out.extend(self.queries.families());
        out.extend(self.results.families());
        out.extend(crate::logs::preparation_families(&[
            &self.preparation,
            &self.event_counting,
            &self.event_preparation,
        ]));
        out.extend(crate::traces::families(&self.span_watch));
        out.extend(self.deltas.families());
        out.extend(crate::process::families());
        if let Some(running) = self.running.get() {
            out.extend(crate::api::status::store_families(&running.db));
            let stores = running.stores().map(|(_, store)| store.status());
            out.extend(crate::api::record_status::families(stores.each_ref()));
            out.extend(running.event_sink.families());
            out.extend(running.outlet.families());
            out.extend(crate::errors::families(&running.errors));
            out.extend(crate::collect::scraper_families(&running.scraper));
            out.extend(running.office.families());
            out.extend(running.rules.families(self.now_ms()));
            out.extend(running.lookout.families());
            if let Some(agent) = &running.agent {
                out.extend(crate::collect::agent_families(&agent.lock()));
            }
            if let Some(watcher) = &running.event_watcher {
                out.extend(crate::collect::watcher_families(&watcher.lock()));
            }
            if let Some(reader) = &running.log_reader {
                out.extend(crate::collect::log_reader_families(&reader.lock()));
            }
        }
        out
    }
}

fn unavailable(message: String) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, message).retry_after(Duration::from_secs(1))
}
