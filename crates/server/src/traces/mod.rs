//! Traces: ways in besides OTLP, what is computed from spans as they come, and questions as Jaeger, Zipkin and the
//! console ask them.

pub mod http;
pub mod jaeger;
pub mod own;
mod read;
mod tags;
mod watched;
pub mod zipkin;

pub use jaeger::ask;
pub use read::{no_such_trace, trace_id};
pub use watched::{SpanWatch, Watched, families, record};

use crate::intake::receive_datagrams;
use crate::state::App;
use crate::telemetry::Way;
use ingest::DecodeError;
use ingest::records::RecordWriter;
use ingest::traces::jaeger::{datagram_binary, datagram_compact};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// A decoder of datagrams.
pub type Datagram = fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>;

/// What comes to the agent's port 6831.
pub const COMPACT: Datagram = datagram_compact;
/// What comes to the agent's port 6832.
pub const BINARY: Datagram = datagram_binary;

/// Receives datagrams of Jaeger's libraries until the server ends.
pub async fn datagrams(socket: UdpSocket, decode: Datagram, app: Arc<App>, stop: watch::Receiver<bool>) {
    let each = move |bytes: &[u8], _: SocketAddr, _: &App, w: &mut RecordWriter| decode(bytes, w);
    receive_datagrams(socket, app, Way::Jaeger, stop, each).await;
}
