//! From the bytes of a sender to samples that are safe: what pushed text and OTLP share.

use crate::http::error::ApiError;
use crate::receive;
use crate::state::App;
use crate::telemetry::ReceiveMetrics;
use axum::body::Body;
use axum::http::HeaderMap;
use ingest::Limits;
use ingest::compress::Encoding;
use model::{AppendDone, Committed};
use std::sync::Arc;

use super::INLINE_BYTES_MAX;

/// Decodes a body into a batch that is on its way to the disk.
pub trait Decode<T>:
    FnOnce(&App, &[u8], &Limits) -> Result<(T, AppendDone), ApiError> + Send + 'static
{
}

impl<T, F> Decode<T> for F where
    F: FnOnce(&App, &[u8], &Limits) -> Result<(T, AppendDone), ApiError> + Send + 'static
{
}

/// Reads a body within bounds, decodes it, and waits until what it holds is durable.
pub async fn take<T: Send + 'static>(
    app: &Arc<App>,
    metrics: &ReceiveMetrics,
    headers: &HeaderMap,
    body: Body,
    encoding: Encoding,
    decode: impl Decode<T>,
) -> Result<(T, Committed), ApiError> {
    app.ready()?;
    let mut held = receive::body(app, &metrics.traffic, headers, body, &app.form_limits()).await?;
    let _hold = app.brake.hold();
    let mut work = std::mem::take(&mut held.work);
    let (decoded, work) = if work.body.len() <= INLINE_BYTES_MAX {
        (decode_into(app, &mut work, encoding, decode), work)
    } else {
        let app = Arc::clone(app);
        let done = tokio::task::spawn_blocking(move || {
            let done = decode_into(&app, &mut work, encoding, decode);
            (done, work)
        });
        done.await.map_err(|_| {
            ApiError::internal("decoding the body met a fault in the server; its log says more")
        })?
    };
    held.work = work;
    let (value, done) = decoded?;
    let committed = done.await.map_err(|e| receive::unavailable(e, &metrics.traffic))?;
    Ok((value, committed))
}

fn decode_into<T>(
    app: &App,
    work: &mut receive::Workspace,
    encoding: Encoding,
    decode: impl Decode<T>,
) -> Result<(T, AppendDone), ApiError> {
    let limits = app.decoding();
    let body = work.decompressor.decompress(encoding, &work.body, &limits).map_err(receive::decode_error)?;
    decode(app, body, &limits)
}
