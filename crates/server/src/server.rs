//! Puts the parts together: listens at once, opens the store, then collects; ends in the opposite order.

use crate::api;
use crate::collect::{Running, Stores};
use crate::config::{Config, RecordsConfig, load};
use crate::errors;
use crate::http::listen::{ConnectionLimits, serve};
use crate::http::origin::Origins;
use crate::intake::{Listeners, bind};
use crate::logs::derived;
use crate::own;
use crate::state::{App, Origin};
use crate::traces;
use env::{Disk, RealClock, RealDisk};
use ingest::records::Signal;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tsdb::Db;

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source} (another address: --listen or http.listen)")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration is wrong in a way that only shows now.
    #[error("{0}")]
    Config(String),
    /// The store cannot be opened.
    #[error("{0}")]
    Store(String),
}

/// The setting of the socket for PostgreSQL's clients.
const SQL_POSTGRES: &str = "sql.postgres.listen";

/// Opens the stores; gives what serves the receivers' sockets.
type Opening = JoinHandle<Result<Vec<JoinHandle<()>>, StartError>>;

/// A running server.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    http: JoinHandle<()>,
    receivers: Vec<(&'static str, SocketAddr)>,
    /// Until its end was waited for.
    opening: Option<Opening>,
    serving: Vec<JoinHandle<()>>,
    own: JoinHandle<()>,
    derived: JoinHandle<()>,
    span_metrics: JoinHandle<()>,
    issues: JoinHandle<()>,
}

impl Server {
    /// Listens and begins to open the store. Requests are answered with 503 until it is open.
    pub async fn start(config: Config, origin: Origin) -> Result<Server, StartError> {
        let origins =
            Origins::new(&config.http.cors_origin).map_err(|e| StartError::Config(e.to_string()))?;
        let listen = config.http.listen.clone();
        let failed = |source| StartError::Listen { address: listen.clone(), source };
        let listener = TcpListener::bind(&listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let listeners = Listeners::bind(&config.receivers).await?;
        let postgres = bind(SQL_POSTGRES, &config.sql.postgres.listen).await?;
        let mut receivers = listeners.addresses();
        receivers.extend(postgres.as_ref().and_then(|l| Some((SQL_POSTGRES, l.local_addr().ok()?))));
        let limits = ConnectionLimits {
            connections_max: config.http.connections_max,
            streams_max: config.http.streams_max,
            header_timeout: config.http.header_timeout.into(),
            drain: config.http.drain.into(),
        };
        let app = Arc::new(App::new(config, origin, Arc::new(RealClock::new())));
        let (stop, stopped) = watch::channel(false);
        let router = api::router(Arc::clone(&app), origins);
        let connections = Arc::clone(&app.connections);
        let http = tokio::spawn(serve(listener, router, limits, connections, stopped.clone()));
        let opening = Some(tokio::spawn(open(Arc::clone(&app), listeners, postgres, stopped.clone())));
        let derived = tokio::spawn(derived::record(Arc::clone(&app), stopped.clone()));
        let span_metrics = tokio::spawn(traces::record(Arc::clone(&app), stopped.clone()));
        let issues = tokio::spawn(errors::record(Arc::clone(&app), stopped.clone()));
        let own = tokio::spawn(own::record(Arc::clone(&app), stopped));
        let serving = Vec::new();
        Ok(Server {
            app,
            address,
            stop,
            http,
            receivers,
            opening,
            serving,
            own,
            derived,
            span_metrics,
            issues,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a receiver with a socket of its own listens, by its setting: `syslog.udp`.
    pub fn receiver(&self, name: &str) -> Option<SocketAddr> {
        self.receivers.iter().find(|(n, _)| *n == name).map(|(_, address)| *address)
    }

    /// Waits until the store is open, or cannot be opened.
    pub async fn ready(&mut self) -> Result<(), StartError> {
        let Some(opening) = &mut self.opening else { return Ok(()) };
        let done = opening.await;
        self.opening = None;
        match done {
            Ok(Ok(serving)) => {
                self.serving = serving;
                Ok(())
            }
            Ok(Err(e)) => Err(e),
            Err(e) => Err(StartError::Store(format!("opening the store met a fault: {e}"))),
        }
    }

    /// Reads the configuration again, as `POST /-/reload` does.
    pub async fn reload(&self) -> Result<&'static str, String> {
        reload(&self.app).await
    }

    /// Ends: takes nothing more in, lets requests under way finish, and writes what is in memory.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.app.stop();
        self.stop.send_replace(true);
        // The stores must not be left half open; their locks would outlive us. An error was told by `ready`, if
        // anybody asked.
        let _ = self.ready().await;
        if let Some(running) = self.app.running() {
            running.stop_collecting().await;
        }
        let _ = self.http.await;
        for task in self.serving {
            let _ = task.await;
        }
        let _ = self.own.await;
        let _ = self.derived.await;
        let _ = self.span_metrics.await;
        let _ = self.issues.await;
        let app = self.app;
        let closed = tokio::task::spawn_blocking(move || app.running().map_or(Ok(()), close)).await;
        match closed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(StartError::Store(format!(
                "what is in memory could not be written as parts: {e}; it is safe in the journal"
            ))),
            Err(e) => Err(StartError::Store(format!("closing the store met a fault: {e}"))),
        }
    }
}

/// Writes what is in memory of all stores; each has its chance.
fn close(running: &Running) -> Result<(), String> {
    let samples = running.db.close().map_err(|e| e.to_string());
    let records = running.stores().map(|(_, store)| store.close());
    // What came in last is counted once nothing more comes.
    let issues = running.errors.checkpoint().map_err(|e| e.to_string());
    samples?;
    records.into_iter().collect::<Result<(), _>>().map_err(|e| e.to_string())?;
    issues
}

/// Opens the stores and starts to collect and to receive.
async fn open(
    app: Arc<App>,
    listeners: Listeners,
    postgres: Option<TcpListener>,
    stop: watch::Receiver<bool>,
) -> Result<Vec<JoinHandle<()>>, StartError> {
    let result = open_stores(&app).await;
    if let Err(e) = &result {
        app.fail(e.to_string());
    }
    let started = Running::start(&app, result?).await;
    if let Err(e) = &started {
        app.fail(e.to_string());
    }
    let running = started?;
    running.outlet.started(app.started_ms);
    app.open(running);
    let mut serving = listeners.serve(&app, &app.config(), &stop);
    serving.push(tokio::spawn(crate::entities::feed(Arc::clone(&app), stop.clone())));
    serving.extend(postgres.map(|l| tokio::spawn(crate::sql::postgres::serve(l, Arc::clone(&app), stop))));
    tracing::info!("ready");
    Ok(serving)
}

async fn open_stores(app: &Arc<App>) -> Result<Stores, StartError> {
    Ok(Stores {
        db: open_store(app).await?,
        logs: open_records(app, Signal::Logs).await?,
        traces: open_records(app, Signal::Traces).await?,
        events: open_records(app, Signal::Events).await?,
        errors: open_records(app, Signal::Errors).await?,
    })
}

async fn open_records(app: &Arc<App>, signal: Signal) -> Result<records::Store, StartError> {
    let name = match signal {
        Signal::Logs => "logs",
        Signal::Traces => "traces",
        Signal::Events => "events",
        Signal::Errors => "errors",
    };
    let config = app.config();
    let options = config.records(signal).options(signal, &app.origin.data_dir).map_err(StartError::Store)?;
    let clock = Arc::clone(&app.clock);
    let opened = tokio::task::spawn_blocking(move || {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        records::Store::open(options, disk, clock)
    })
    .await;
    match opened {
        Ok(Ok(logs)) => {
            for damage in &logs.status().damages {
                tracing::error!(%damage, signal = name, "damaged records were set aside");
            }
            Ok(logs)
        }
        Ok(Err(e)) => Err(StartError::Store(e.to_string())),
        Err(e) => Err(StartError::Store(format!("opening the {name} met a fault: {e}"))),
    }
}

async fn open_store(app: &Arc<App>) -> Result<Db, StartError> {
    let options = app.config().storage.options(&app.origin.data_dir, &app.budgets);
    let clock = Arc::clone(&app.clock);
    let opened = tokio::task::spawn_blocking(move || {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        Db::open(options, disk, clock)
    })
    .await;
    match opened {
        Ok(Ok(db)) => {
            for damage in &db.status().damages {
                tracing::error!(%damage, "damaged data was set aside");
            }
            Ok(db)
        }
        Ok(Err(e)) => Err(StartError::Store(e.to_string())),
        Err(e) => Err(StartError::Store(format!("opening the store met a fault: {e}"))),
    }
}

/// Reads the configuration file again and puts in force what can change while running: scrape jobs, pipelines,
/// limits of what is taken in, and bounds of single queries.
pub async fn reload(app: &Arc<App>) -> Result<&'static str, String> {
    let Some(path) = &app.origin.config_file else {
        return Ok("there is no configuration file; nothing changed");
    };
    let done = apply(app, path).await;
    *app.reloaded.lock() = (app.now_ms(), done.is_ok());
    if let Some(running) = app.running() {
        running.outlet.reloaded(path, done.as_ref().map(|_| ()).map_err(String::as_str));
    }
    match &done {
        Ok(_) => tracing::info!(file = %path.display(), "configuration reloaded"),
        Err(e) => tracing::error!(error = %e, "the configuration was not reloaded"),
    }
    done
}

/// What of a section about records takes effect at a start only.
fn without_limits(records: &RecordsConfig) -> RecordsConfig {
    RecordsConfig { limits: Default::default(), ..records.clone() }
}

async fn apply(app: &Arc<App>, path: &std::path::Path) -> Result<&'static str, String> {
    let mut new = load(path).map_err(|e| e.to_string())?;
    let old = app.config();
    let restart = new.storage != old.storage
        || new.http != old.http
        || new.agent != old.agent
        || new.receivers != old.receivers
        || new.rules.concurrency != old.rules.concurrency
        || new.alerting.deliveries_max != old.alerting.deliveries_max
        || new.sql.postgres != old.sql.postgres
        || without_limits(&new.logs) != without_limits(&old.logs)
        || without_limits(&new.traces) != without_limits(&old.traces)
        || without_limits(&new.events) != without_limits(&old.events)
        || without_limits(&new.errors) != without_limits(&old.errors)
        || new.issues.only_at_start() != old.issues.only_at_start();
    new.storage = old.storage.clone();
    new.http = old.http.clone();
    new.agent = old.agent.clone();
    new.receivers = old.receivers.clone();
    new.sql.postgres = old.sql.postgres.clone();
    new.logs = RecordsConfig { limits: new.logs.limits.clone(), ..old.logs.clone() };
    new.traces = RecordsConfig { limits: new.traces.limits.clone(), ..old.traces.clone() };
    new.events = RecordsConfig { limits: new.events.limits.clone(), ..old.events.clone() };
    new.errors = RecordsConfig { limits: new.errors.limits.clone(), ..old.errors.clone() };
    new.issues.keep_from_start(&old.issues);
    new.own = old.own.clone();
    new.rules.concurrency = old.rules.concurrency;
    new.alerting.deliveries_max = old.alerting.deliveries_max;
    new.query.concurrency = old.query.concurrency;
    new.query.concurrency_heavy = old.query.concurrency_heavy;
    new.query.light_time = old.query.light_time;
    new.query.queue = old.query.queue;
    new.query.memory = old.query.memory;
    new.query.cache = old.query.cache;
    if let Some(running) = app.running() {
        running.reload(app, &new, path).await?;
    }
    app.preparation.replace(&new.pipelines);
    app.event_preparation.replace(&new.event_pipelines);
    app.entities.replace(&new.entities);
    app.set_config(new);
    Ok(if restart {
        "reloaded; changes of storage, logs, traces, events, errors, issues, receivers, sql.postgres, http and agent take effect \
         after a restart"
    } else {
        "reloaded"
    })
}
