//! Syslog over UDP, TCP and TLS.

use crate::http::listen::ended;
use crate::intake::{receive_datagrams, store_or_wait, writer};
use crate::state::App;
use crate::telemetry::Way;
use ingest::logs::frames::{Frame, Framer, Framing};
use ingest::logs::syslog::{Sender, message};
use ingest::records::{Decoded, RecordWriter};
use model::record::Tenant;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// Bytes read from a connection at a time. While they are stored the sender fills the next.
pub const READ_BYTES: usize = 64 << 10;

/// Receives datagrams until the server ends, a message in each.
pub async fn datagrams(socket: UdpSocket, app: Arc<App>, stop: watch::Receiver<bool>) {
    let offset_s = app.config().receivers.syslog.offset_s();
    let each = move |bytes: &[u8], peer: SocketAddr, _: &App, w: &mut RecordWriter| {
        let peer = peer.ip().to_string();
        message(bytes, Sender { peer: Some(&peer), offset_s, cut: 0 }, w)
    };
    receive_datagrams(socket, app, Way::Syslog, stop, each).await;
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
    let each = move |frame: Frame<'_>, w: &mut RecordWriter| {
        message(frame.bytes, Sender { peer: Some(&host), offset_s, cut: frame.cut }, w)
    };
    receive_frames(connection, peer, app, Way::Syslog, Framing::Syslog, stop, each).await;
}

/// Receives framed messages and stores those that came together.
pub async fn receive_frames(
    mut connection: impl AsyncRead + Unpin,
    peer: SocketAddr,
    app: Arc<App>,
    way: Way,
    framing: Framing,
    mut stop: watch::Receiver<bool>,
    mut each: impl FnMut(Frame<'_>, &mut RecordWriter) -> Result<(), ingest::DecodeError>,
) {
    let metrics = app.metrics.way(way);
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
        let mut w = writer(&app, way, Tenant::unnamed());
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
            false => store_or_wait(&app, way, decoded, &mut stop).await.is_some(),
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
