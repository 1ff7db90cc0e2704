//! GELF over UDP and TCP.

use super::syslog::receive_frames;
use crate::intake::receive_datagrams;
use crate::state::App;
use crate::telemetry::Way;
use ingest::compress::Decompressor;
use ingest::logs::frames::{Frame, Framing};
use ingest::logs::gelf::{ChunkLimits, Chunks, message, roles};
use ingest::records::RecordWriter;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::watch;

/// Receives datagrams until the server ends; a message may be split over several.
pub async fn datagrams(socket: UdpSocket, app: Arc<App>, stop: watch::Receiver<bool>) {
    let (roles, mut decompressor, mut chunks) =
        (roles(), Decompressor::new(), Chunks::new(ChunkLimits::default()));
    let mut given_up = 0;
    let each = move |bytes: &[u8], peer: SocketAddr, app: &App, w: &mut RecordWriter| {
        let limits = app.decoding();
        let host = peer.ip().to_string();
        let mut done = Ok(());
        chunks.push(bytes, app.now_ns(), &mut |whole| {
            done = message(whole, Some(&host), &roles, &mut decompressor, &limits, w);
        })?;
        app.metrics.way(Way::Gelf).refused.add(chunks.given_up() - given_up);
        given_up = chunks.given_up();
        done
    };
    receive_datagrams(socket, app, Way::Gelf, stop, each).await;
}

/// Receives messages from one connection, each ended by a zero byte.
pub async fn stream(connection: TcpStream, peer: SocketAddr, app: Arc<App>, stop: watch::Receiver<bool>) {
    let (roles, limits, mut decompressor) = (roles(), app.decoding(), Decompressor::new());
    let host = peer.ip().to_string();
    let each = move |frame: Frame<'_>, w: &mut RecordWriter| {
        message(frame.bytes, Some(&host), &roles, &mut decompressor, &limits, w)
    };
    receive_frames(connection, peer, app, Way::Gelf, Framing::Null, stop, each).await;
}
