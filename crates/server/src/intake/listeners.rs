//! Sockets of their own for the protocols that have them: bound at the start, served once the store is open.

use super::grpc;
use crate::api;
use crate::config::{Config, ReceiversConfig};
use crate::http::listen::{ConnectionLimits, ended, serve};
use crate::http::origin::Origins;
use crate::logs::{fluent, gelf, syslog, tls};
use crate::server::StartError;
use crate::state::App;
use crate::traces;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// Every socket, bound and not served yet.
pub struct Listeners {
    otlp_grpc: Option<TcpListener>,
    otlp_http: Option<TcpListener>,
    syslog_udp: Option<UdpSocket>,
    syslog_tcp: Option<TcpListener>,
    syslog_tls: Option<(TcpListener, TlsAcceptor)>,
    fluent: Option<TcpListener>,
    gelf_udp: Option<UdpSocket>,
    gelf_tcp: Option<TcpListener>,
    jaeger_grpc: Option<TcpListener>,
    jaeger_http: Option<TcpListener>,
    jaeger_compact: Option<UdpSocket>,
    jaeger_binary: Option<UdpSocket>,
    zipkin: Option<TcpListener>,
}

/// Where receivers listen, by the key of the setting.
pub type Addresses = Vec<(&'static str, SocketAddr)>;

impl Listeners {
    /// Binds what the configuration names.
    pub async fn bind(config: &ReceiversConfig) -> Result<Listeners, StartError> {
        let tls = match &config.syslog.tls {
            None => None,
            Some(_) => {
                let acceptor = tls::acceptor(&config.syslog).map_err(StartError::Config)?;
                bind("receivers.syslog.tls", &config.syslog.tls).await?.map(|listener| (listener, acceptor))
            }
        };
        Ok(Listeners {
            otlp_grpc: bind("receivers.otlp.grpc", &config.otlp.grpc).await?,
            otlp_http: bind("receivers.otlp.http", &config.otlp.http).await?,
            syslog_udp: udp("receivers.syslog.udp", &config.syslog.udp).await?,
            syslog_tcp: bind("receivers.syslog.tcp", &config.syslog.tcp).await?,
            syslog_tls: tls,
            fluent: bind("receivers.fluent.listen", &config.fluent.listen).await?,
            gelf_udp: udp("receivers.gelf.udp", &config.gelf.udp).await?,
            gelf_tcp: bind("receivers.gelf.tcp", &config.gelf.tcp).await?,
            jaeger_grpc: bind("receivers.jaeger.grpc", &config.jaeger.grpc).await?,
            jaeger_http: bind("receivers.jaeger.http", &config.jaeger.http).await?,
            jaeger_compact: udp("receivers.jaeger.compact", &config.jaeger.compact).await?,
            jaeger_binary: udp("receivers.jaeger.binary", &config.jaeger.binary).await?,
            zipkin: bind("receivers.zipkin.http", &config.zipkin.http).await?,
        })
    }

    /// Where they listen.
    pub fn addresses(&self) -> Addresses {
        let of_tcp = |name, l: &Option<TcpListener>| Some((name, l.as_ref()?.local_addr().ok()?));
        let of_udp = |name, s: &Option<UdpSocket>| Some((name, s.as_ref()?.local_addr().ok()?));
        [
            of_tcp("otlp.grpc", &self.otlp_grpc),
            of_tcp("otlp.http", &self.otlp_http),
            of_udp("syslog.udp", &self.syslog_udp),
            of_tcp("syslog.tcp", &self.syslog_tcp),
            self.syslog_tls.as_ref().and_then(|(l, _)| Some(("syslog.tls", l.local_addr().ok()?))),
            of_tcp("fluent.listen", &self.fluent),
            of_udp("gelf.udp", &self.gelf_udp),
            of_tcp("gelf.tcp", &self.gelf_tcp),
            of_tcp("jaeger.grpc", &self.jaeger_grpc),
            of_tcp("jaeger.http", &self.jaeger_http),
            of_udp("jaeger.compact", &self.jaeger_compact),
            of_udp("jaeger.binary", &self.jaeger_binary),
            of_tcp("zipkin.http", &self.zipkin),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Serves all of them until `stop` turns true.
    pub fn serve(self, app: &Arc<App>, config: &Config, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        let many = |listener: Option<TcpListener>| listener.map(|l| (l, config.receivers.connections_max));
        for listener in [self.otlp_grpc, self.jaeger_grpc] {
            if let Some((l, max)) = many(listener) {
                let router = grpc::router(Arc::clone(app));
                tasks.push(tokio::spawn(accept(l, max, stop.clone(), move |stream, _, _| {
                    grpc::serve(stream, router.clone())
                })));
            }
        }
        for (listener, router) in [
            (self.otlp_http, api::otlp_router as api::OwnRouter),
            (self.jaeger_http, api::jaeger_router),
            (self.zipkin, api::zipkin_router),
        ] {
            tasks.extend(listener.and_then(|l| serve_http(l, router, app, config, stop)));
        }
        for (socket, decode) in [(self.jaeger_compact, traces::COMPACT), (self.jaeger_binary, traces::BINARY)]
        {
            tasks.extend(
                socket.map(|s| tokio::spawn(traces::datagrams(s, decode, Arc::clone(app), stop.clone()))),
            );
        }
        if let Some(socket) = self.syslog_udp {
            tasks.push(tokio::spawn(syslog::datagrams(socket, Arc::clone(app), stop.clone())));
        }
        if let Some((l, max)) = many(self.syslog_tcp) {
            let app = Arc::clone(app);
            tasks.push(tokio::spawn(accept(l, max, stop.clone(), move |stream, peer, stop| {
                syslog::stream(stream, peer, Arc::clone(&app), stop)
            })));
        }
        if let Some((l, acceptor)) = self.syslog_tls {
            let app = Arc::clone(app);
            let max = config.receivers.connections_max;
            tasks.push(tokio::spawn(accept(l, max, stop.clone(), move |stream, peer, stop| {
                tls::stream(acceptor.clone(), stream, peer, Arc::clone(&app), stop)
            })));
        }
        if let Some((l, max)) = many(self.fluent) {
            let app = Arc::clone(app);
            tasks.push(tokio::spawn(accept(l, max, stop.clone(), move |stream, peer, stop| {
                fluent::stream(stream, peer, Arc::clone(&app), stop)
            })));
        }
        if let Some(socket) = self.gelf_udp {
            tasks.push(tokio::spawn(gelf::datagrams(socket, Arc::clone(app), stop.clone())));
        }
        if let Some((l, max)) = many(self.gelf_tcp) {
            let app = Arc::clone(app);
            tasks.push(tokio::spawn(accept(l, max, stop.clone(), move |stream, peer, stop| {
                gelf::stream(stream, peer, Arc::clone(&app), stop)
            })));
        }
        tasks
    }
}

/// Serves some of the HTTP endpoints at a socket of their own.
fn serve_http(
    listener: TcpListener,
    router: api::OwnRouter,
    app: &Arc<App>,
    config: &Config,
    stop: &watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let http = &config.http;
    let limits = ConnectionLimits {
        connections_max: config.receivers.connections_max,
        streams_max: http.streams_max,
        header_timeout: http.header_timeout.into(),
        drain: http.drain.into(),
    };
    // Checked when the main listener was made.
    let origins = Origins::new(&http.cors_origin).ok()?;
    let router = router(Arc::clone(app), origins);
    Some(tokio::spawn(serve(listener, router, limits, Arc::clone(&app.connections), stop.clone())))
}

/// Binds an address, if there is one.
pub async fn bind(setting: &str, address: &Option<String>) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    TcpListener::bind(address).await.map(Some).map_err(|source| failed(setting, address, source))
}

async fn udp(setting: &str, address: &Option<String>) -> Result<Option<UdpSocket>, StartError> {
    let Some(address) = address else { return Ok(None) };
    UdpSocket::bind(address).await.map(Some).map_err(|source| failed(setting, address, source))
}

fn failed(setting: &str, address: &str, source: std::io::Error) -> StartError {
    StartError::Config(format!("cannot listen at {address}: {source} ({setting})"))
}

/// Accepts connections and runs one task for each, at most `connections_max` at the same time. Ends when all have ended.
async fn accept<F>(
    listener: TcpListener,
    connections_max: usize,
    mut stop: watch::Receiver<bool>,
    run: impl Fn(TcpStream, SocketAddr, watch::Receiver<bool>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(connections_max));
    let mut tasks = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (task, mut stop) = (run(stream, peer, stop.clone()), stop.clone());
                tasks.spawn(async move {
                    // A call under way is cut short by the end; its sender tries again.
                    tokio::select! {
                        () = task => {}
                        () = async { ended(&mut stop).await; tokio::time::sleep(DRAIN).await } => {}
                    }
                    drop(permit);
                });
            }
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// How long a connection may go on once the server was asked to end.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(2);
