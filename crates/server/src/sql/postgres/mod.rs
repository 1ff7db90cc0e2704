//! PostgreSQL's protocol, as far as clients that read need it.
//!
//! Who a client is, is not asked, as it is not over HTTP. The database it names is the tenant.

mod connection;
mod extended;
mod local;
mod portal;
mod refusal;
mod wire;

use crate::http::listen::ended;
use crate::state::App;
use connection::Connection;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use wire::Wire;

/// How long a connection may go on once the server was asked to end.
const DRAIN: Duration = Duration::from_secs(2);
/// The longest time for the first messages.
const STARTUP: Duration = Duration::from_secs(30);
/// Connections that only ask to stop another, or to be told that there are too many.
const EXTRA: usize = 64;

/// Connections that can be asked to stop what they do, with their secrets.
#[derive(Debug, Default)]
pub struct Connections {
    next: AtomicI32,
    open: Mutex<HashMap<i32, (i32, Arc<Notify>)>>,
}

/// A connection's entry.
pub struct Entry {
    connections: Arc<Connections>,
    /// Its number.
    pub process: i32,
    /// Its secret.
    pub key: i32,
    /// Told when what it does is to stop.
    pub stop: Arc<Notify>,
}

impl Connections {
    fn enter(self: &Arc<Self>, key: i32) -> Entry {
        let process = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let stop = Arc::new(Notify::new());
        self.open.lock().insert(process, (key, Arc::clone(&stop)));
        Entry { connections: Arc::clone(self), process, key, stop }
    }

    fn cancel(&self, process: i32, key: i32) {
        if let Some((known, stop)) = self.open.lock().get(&process)
            && *known == key
        {
            stop.notify_waiters();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.open.lock().remove(&self.process);
    }
}

/// Serves connections until `stop` turns true.
pub async fn serve(listener: TcpListener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let config = app.config().sql.postgres.clone();
    let places = Arc::new(Semaphore::new(config.connections_max));
    let extra = Arc::new(Semaphore::new(EXTRA));
    let connections = Arc::new(Connections::default());
    let mut tasks = JoinSet::new();
    loop {
        let Ok(extra) = Arc::clone(&extra).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let one = One {
                    app: Arc::clone(&app),
                    connections: Arc::clone(&connections),
                    places: Arc::clone(&places),
                    idle: config.idle_timeout.into(),
                };
                let mut stop = stop.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = one.serve(stream, extra) => {}
                        () = async { ended(&mut stop).await; tokio::time::sleep(DRAIN).await } => {}
                    }
                });
            }
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// What serves one connection.
struct One {
    app: Arc<App>,
    connections: Arc<Connections>,
    places: Arc<Semaphore>,
    idle: Duration,
}

impl One {
    async fn serve(self, stream: TcpStream, extra: tokio::sync::OwnedSemaphorePermit) {
        // Answers are written in large pieces.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!(error = %e, "cannot set TCP_NODELAY");
        }
        let mut wire = Wire::new(stream);
        let started = tokio::time::timeout(STARTUP, wire.start(&self.connections)).await;
        // Whoever hangs up, asked to stop another or says nothing in time waits for no answer.
        let Ok(Ok(Some(parameters))) = started else { return };
        let Ok(_place) = self.places.try_acquire() else {
            let told = "too many connections: raise sql.postgres.connections_max";
            wire.fatal("53300", told, None).await;
            return;
        };
        drop(extra);
        let entry = self.connections.enter(secret(&self.app));
        if let Err(e) = Connection::serve(wire, &self.app, entry, &parameters, self.idle).await {
            tracing::debug!(error = %e, "a PostgreSQL connection ended");
        }
    }
}

/// A number that others do not guess.
fn secret(app: &App) -> i32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(app.unique(1)) as i32
}
