//! Datagrams of any protocol.

use super::{store_or_wait, writer};
use crate::http::listen::ended;
use crate::state::App;
use crate::telemetry::Way;
use ingest::records::RecordWriter;
use model::record::Tenant;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// The largest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams stored together at most.
const DATAGRAMS_MAX: usize = 1000;

/// Receives datagrams and stores what has come together.
pub async fn receive_datagrams(
    socket: UdpSocket,
    app: Arc<App>,
    way: Way,
    mut stop: watch::Receiver<bool>,
    mut each: impl FnMut(&[u8], SocketAddr, &App, &mut RecordWriter) -> Result<(), ingest::DecodeError>,
) {
    let metrics = app.metrics.way(way);
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = ended(&mut stop) => return,
        };
        let mut w = writer(&app, way, Tenant::unnamed());
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
        if store_or_wait(&app, way, w.finish(), &mut stop).await.is_none() {
            return;
        }
    }
}
