//! Fluent forward over TCP.

use super::syslog::READ_BYTES;
use crate::http::listen::ended;
use crate::intake::{store_or_wait, writer};
use crate::process;
use crate::state::App;
use crate::telemetry::Way;
use env::{Random, RealRandom};
use ingest::logs::Roles;
use ingest::logs::fluent::{Output, Secret, Session};
use model::record::Tenant;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Serves one connection until it ends.
pub async fn stream(connection: TcpStream, peer: SocketAddr, app: Arc<App>, stop: watch::Receiver<bool>) {
    if let Err(reason) = serve(connection, app, stop).await {
        tracing::debug!(%peer, %reason, "a Fluent connection was closed");
    }
}

async fn serve(
    mut connection: TcpStream,
    app: Arc<App>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let metrics = app.metrics.way(Way::Fluent);
    let secret = app.config().receivers.fluent.shared_key.clone().map(|shared_key| {
        let mut nonce = [0; 16];
        let random = || RealRandom.next_u64().to_le_bytes();
        nonce.as_chunks_mut::<8>().0.iter_mut().for_each(|half| *half = random());
        Secret { hostname: process::hostname(), shared_key, nonce }
    });
    let mut session = Session::new(app.decoding(), Roles::default(), secret);
    if let Some(hello) = session.greeting() {
        connection.write_all(&hello).await.map_err(|e| e.to_string())?;
    }
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let length = tokio::select! {
            read = connection.read(&mut buffer) => read.map_err(|e| e.to_string())?,
            () = ended(&mut stop) => 0,
        };
        if length == 0 {
            return Ok(());
        }
        metrics.traffic.bytes.add(length as u64);
        let mut w = writer(&app, Way::Fluent, Tenant::unnamed());
        let mut outputs = Vec::new();
        let done = session.step(&buffer[..length], &mut w, &mut outputs);
        let decoded = w.finish();
        if let Some(refusal) = decoded.outcome.refusal(decoded.batch.len() as u64) {
            tracing::debug!(%refusal, "records were refused");
        }
        if !decoded.batch.is_empty() || decoded.outcome.rejected > 0 {
            // Without an acknowledgement the sender keeps its chunk and sends it again.
            let stored = store_or_wait(&app, Way::Fluent, decoded, &mut stop).await;
            stored.ok_or("the server ends")?;
        }
        for output in outputs {
            let (Output::Send(bytes) | Output::Acknowledge(bytes)) = output;
            connection.write_all(&bytes).await.map_err(|e| e.to_string())?;
        }
        done.map_err(|e| {
            metrics.refused.add(1);
            e.to_string()
        })?;
    }
}
