//! Accepts connections: at most so many, none of them slow, all of them finished before the end.

use super::wire::{Activity, Watched, Wire};
use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Bounds of the connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Requests at the same time on one connection of HTTP/2; a client has to wait with more.
    pub streams_max: u32,
    /// The longest time for the head of a request, which is also the longest silence of a connection on which no
    /// request is being worked on.
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
const HEAD_BYTES_MAX: u32 = 64 << 10;

/// What a client of HTTP/2 may send ahead on one connection, over all requests: memory before any endpoint has
/// asked for it.
const WINDOW_BYTES: u32 = 1 << 20;

/// How long a connection that was told to end for its silence may take to do so.
const PARTING: Duration = Duration::from_secs(1);

/// Serves `router` until `stop` turns true, then lets the requests under way finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    counts: Arc<ConnectionCounts>,
    mut stop: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let protocols = Protocols::new(&limits);
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
        let place = Place(Arc::new((OpenConnection::new(Arc::clone(&counts)), permit)));
        let (protocols, router) = (protocols.clone(), router.clone());
        let stop = stop.clone();
        tokio::spawn(async move { protocols.serve(stream, router, place, stop).await });
    }
    drop(listener);
    // Every connection has a permit until its end.
    let all = permits.acquire_many(u32::try_from(limits.connections_max).unwrap_or(u32::MAX));
    if tokio::time::timeout(limits.drain, all).await.is_err() {
        tracing::warn!(seconds = limits.drain.as_secs(), "requests were still under way at the end");
    }
}

/// A connection's place among those that may be open. Every request carries it: a handler that goes on with the
/// connection when HTTP is done with it, as a WebSocket does, holds it until its end.
#[derive(Clone)]
pub struct Place(
    #[expect(dead_code, reason = "held, not looked at")] Arc<(OpenConnection, OwnedSemaphorePermit)>,
);

/// Waits until `stop` turns true, or nobody is left to turn it.
pub async fn ended(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

/// The versions of HTTP a connection may speak.
#[derive(Clone)]
struct Protocols {
    one: http1::Builder,
    two: http2::Builder<TokioExecutor>,
    header_timeout: Duration,
}

impl Protocols {
    fn new(limits: &ConnectionLimits) -> Protocols {
        let mut one = http1::Builder::new();
        one.timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(HEAD_BYTES_MAX as usize);
        let mut two = http2::Builder::new(TokioExecutor::new());
        two.timer(TokioTimer::new())
            .max_header_list_size(HEAD_BYTES_MAX)
            .max_concurrent_streams(limits.streams_max)
            .initial_connection_window_size(WINDOW_BYTES)
            .initial_stream_window_size(WINDOW_BYTES);
        Protocols { one, two, header_timeout: limits.header_timeout }
    }

    /// Serves one connection to its end.
    async fn serve(&self, stream: TcpStream, router: Router, place: Place, mut stop: watch::Receiver<bool>) {
        // Answers are written in one piece; waiting for more to send only adds delay.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!(error = %e, "cannot set TCP_NODELAY");
        }
        let mut wire = Wire::new(stream);
        let http2 = tokio::select! {
            found = tokio::time::timeout(self.header_timeout, wire.speaks_http2()) => found,
            () = ended(&mut stop) => return,
        };
        // Whoever hangs up or says nothing in time is not waiting for an answer.
        let Ok(Ok(http2)) = http2 else { return };
        let activity = Arc::clone(wire.activity());
        let service = Watched::new(TowerToHyperService::new(router), Arc::clone(&activity), place);
        let end = Box::pin(async move { ended(&mut stop).await });
        let io = TokioIo::new(wire);
        let result = if http2 {
            let connection = Box::pin(self.two.serve_connection(io, service));
            let part = http2::Connection::graceful_shutdown;
            Bounded::new(connection, part, activity, self.header_timeout, end).await
        } else {
            let connection = Box::pin(self.one.serve_connection(io, service).with_upgrades());
            let part = http1::UpgradeableConnection::graceful_shutdown;
            Bounded::new(connection, part, activity, self.header_timeout, end).await
        };
        if let Err(e) = result {
            tracing::debug!(error = %e, "connection ended early");
        }
    }
}

/// A connection that is told to end when the server ends or when it is silent for too long; in the latter case it
/// is soon left if it does not.
struct Bounded<C, E> {
    connection: Pin<Box<C>>,
    /// Tells the connection to end after what is under way.
    part: fn(Pin<&mut C>),
    activity: Arc<Activity>,
    silence_max: Duration,
    /// Until the silence may be too long.
    wait: Pin<Box<Sleep>>,
    parting: bool,
    /// Until the server ends; `None` behind that.
    end: Option<Pin<Box<E>>>,
}

impl<C, E> Bounded<C, E> {
    fn new(
        connection: Pin<Box<C>>,
        part: fn(Pin<&mut C>),
        activity: Arc<Activity>,
        silence_max: Duration,
        end: Pin<Box<E>>,
    ) -> Self {
        let wait = Box::pin(tokio::time::sleep(silence_max));
        Bounded { connection, part, activity, silence_max, wait, parting: false, end: Some(end) }
    }
}

impl<C, E> Future for Bounded<C, E>
where
    C: Future<Output = hyper::Result<()>>,
    E: Future<Output = ()>,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
            this.end = None;
            (this.part)(this.connection.as_mut());
        }
        while this.wait.as_mut().poll(cx).is_ready() {
            let silent = this.activity.silence();
            let wait = if silent < this.silence_max {
                this.silence_max - silent
            } else if this.parting {
                return Poll::Ready(Ok(()));
            } else {
                this.parting = true;
                (this.part)(this.connection.as_mut());
                PARTING
            };
            this.wait.as_mut().reset(Instant::now() + wait);
        }
        this.connection.as_mut().poll(cx)
    }
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
