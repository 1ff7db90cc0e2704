//! Syslog over UDP, TCP and TLS.

use super::intake::{store_or_wait, writer};
use crate::http::listen::ended;
use crate::state::App;
use crate::telemetry::LogWay;
use ingest::logs::frames::{Frame, Framer, Framing};
use ingest::logs::syslog::{Sender, message};
use ingest::logs::{Decoded, LogWriter};
use model::record::Tenant;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// Bytes read from a connection at a time. While they are stored the sender fills the next.
pub const READ_BYTES: usize = 64 << 10;
/// The largest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams stored together at most.
const DATAGRAMS_MAX: usize = 1000;

/// Receives datagrams until the server ends, a message in each.
pub async fn datagrams(socket: UdpSocket, app: Arc<App>, stop: watch::Receiver<bool>) {
    let offset_s = app.config().receivers.syslog.offset_s();
    let each = move |bytes: &[u8], peer: SocketAddr, _: &App, w: &mut LogWriter| {
        let peer = peer.ip().to_string();
        message(bytes, Sender { peer: Some(&peer), offset_s, cut: 0 }, w)
    };
    receive_datagrams(socket, app, LogWay::Syslog, stop, each).await;
}

/// Receives datagrams and stores what has come together.
pub async fn receive_datagrams(
    socket: UdpSocket,
    app: Arc<App>,
    way: LogWay,
    mut stop: watch::Receiver<bool>,
    mut each: impl FnMut(&[u8], SocketAddr, &App, &mut LogWriter) -> Result<(), ingest::DecodeError>,
) {
    let metrics = app.metrics.logs(way);
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = ended(&mut stop) => return,
        };
        let mut w = writer(&app, Tenant::unnamed());
        let mut next = Some(received);
        let mut datagrams = 0;
        while let Some(received) = next.take() {
            match received {
                Ok((length, peer)) => {
                    metrics.traffic.bytes.add(length as u64);
                    if let Err(e) = each(&buffer[..length], peer, &app, &mut w) {
                        metrics.refused.add(1);
                        tracing::debug!(%peer, error = %e, "a datagram was refused");
                    }
                }
                // An answer to something else sent from this socket; nothing is.
                Err(e) => tracing::debug!(error = %e, "cannot receive a datagram"),
            }
            datagrams += 1;
            if datagrams < DATAGRAMS_MAX {
                next = socket.try_recv_from(&mut buffer).ok().map(Ok);
            }
        }
        if store_or_wait(&app, metrics, w.finish(), &mut stop).await.is_none() {
            return;
        }
    }
}

/// Receives messages from one connection until it ends.
pub async fn stream(
    connection: impl AsyncRead + Unpin,
    peer: SocketAddr,
    app: Arc<App>,
    stop: watch::Receiver<bool>,
) {
    let offset_s = app.config().receivers.syslog.offset_s();
    let host = peer.ip().to_string();
    let each = move |frame: Frame<'_>, w: &mut LogWriter| {
        message(frame.bytes, Sender { peer: Some(&host), offset_s, cut: frame.cut }, w)
    };
    receive_frames(connection, peer, app, LogWay::Syslog, Framing::Syslog, stop, each).await;
}

/// Receives framed messages and stores those that came together.
pub async fn receive_frames(
    mut connection: impl AsyncRead + Unpin,
    peer: SocketAddr,
    app: Arc<App>,
    way: LogWay,
    framing: Framing,
    mut stop: watch::Receiver<bool>,
    mut each: impl FnMut(Frame<'_>, &mut LogWriter) -> Result<(), ingest::DecodeError>,
) {
    let metrics = app.metrics.logs(way);
    let frame_bytes_max = app.config().logs.limits.line_bytes_max.bytes() as usize;
    let mut framer = Framer::new(framing, frame_bytes_max);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let length = tokio::select! {
            read = connection.read(&mut buffer) => read.unwrap_or_else(|e| {
                tracing::debug!(%peer, error = %e, "a connection broke off");
                0
            }),
            () = ended(&mut stop) => 0,
        };
        metrics.traffic.bytes.add(length as u64);
        let mut w = writer(&app, Tenant::unnamed());
        let mut framed = |frame: Frame<'_>| {
            if let Err(e) = each(frame, &mut w) {
                metrics.refused.add(1);
                tracing::debug!(%peer, error = %e, "a message was refused");
            }
        };
        match length {
            0 => framer.finish(&mut framed),
            length => framer.push(&buffer[..length], &mut framed),
        }
        let decoded = w.finish();
        log_refusals(&decoded, peer);
        let has_more = length > 0;
        let stored = match decoded.batch.is_empty() && decoded.outcome.rejected == 0 {
            true => true,
            false => store_or_wait(&app, metrics, decoded, &mut stop).await.is_some(),
        };
        if !has_more || !stored {
            return;
        }
    }
}

/// Who sends cannot be told what was refused, so the log is.
fn log_refusals(decoded: &Decoded, peer: SocketAddr) {
    if let Some(refusal) = decoded.outcome.refusal(decoded.batch.len() as u64) {
        tracing::debug!(%peer, %refusal, "messages were refused");
    }
}
