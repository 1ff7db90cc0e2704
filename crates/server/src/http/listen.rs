//! Accepts connections: at most so many, none of them slow, all of them finished before the end.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::watch;

/// Bounds of the connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections_max: usize,
    /// The longest time for the head of a request, which is also the longest silence of an idle connection.
    pub header_timeout: Duration,
    /// How long requests under way may take after the end was asked for.
    pub drain: Duration,
}

/// Counts of connections.
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    /// Accepted so far.
    pub accepted: AtomicU64,
    /// Open now.
    pub open: AtomicU64,
}

/// Request heads larger than this are refused (431).
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Serves `router` until `stop` turns true, then lets the requests under way finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    counts: Arc<ConnectionCounts>,
    mut stop: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .pipeline_flush(true);
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    refused(&e).await;
                    continue;
                }
            },
            () = ended(&mut stop) => break,
        };
        let open = OpenConnection::new(Arc::clone(&counts));
        let connection = connection(&builder, stream, router.clone());
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(e) = watched.await {
                tracing::debug!(error = %e, "connection ended early");
            }
            drop((open, permit));
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = limits.drain.as_secs(), "requests were still under way at the end");
    }
}

/// Waits until `stop` turns true, or nobody is left to turn it.
pub async fn ended(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

fn connection(
    builder: &http1::Builder,
    stream: TcpStream,
    router: Router,
) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    // Answers are written in one piece; waiting for more to send only adds delay.
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!(error = %e, "cannot set TCP_NODELAY");
    }
    builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

/// Failing to accept is a matter of one peer, or of running out of descriptors, which passes.
async fn refused(e: &std::io::Error) {
    tracing::warn!(error = %e, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

struct OpenConnection(Arc<ConnectionCounts>);

impl OpenConnection {
    fn new(counts: Arc<ConnectionCounts>) -> Self {
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        counts.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(counts)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
