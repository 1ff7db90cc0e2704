//! From the bytes of a sender to records that are safe, whatever their signal: what all ways in for logs and traces share;
//! and from metrics by OTLP to samples.

mod datagrams;
pub mod deltas;
pub mod grpc;
pub mod listeners;
mod metrics;
pub mod otlp;
pub mod samples;

pub use datagrams::receive_datagrams;
pub use listeners::{Listeners, bind};

use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::receive::{self, Held, Workspace, header_text};
use crate::state::App;
use crate::telemetry::{Way, WayMetrics};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use ingest::DecodeError;
use ingest::compress::Encoding;
use ingest::negotiate;
use ingest::otlp::Partial;
use ingest::records::{Decoded, RecordOutcome, RecordWriter};
use model::Unavailable;
use model::record::{Accepted, Delivery, Refused, Tenant};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Bodies up to this size are decoded where they were read; see remote write.
const INLINE_BYTES_MAX: usize = 512 << 10;

/// What became of the records of a body.
pub struct Stored {
    /// Records kept.
    pub accepted: u64,
    /// Records refused, by the decoder or by the store.
    pub outcome: RecordOutcome,
    /// Those that the store refused, by their place in the batch.
    pub refused: Vec<Refused>,
}

impl Stored {
    /// What OTLP tells of it.
    fn partial(&self, way: Way) -> Partial {
        Partial::of_records(way.signal(), &self.outcome, self.accepted)
    }

    /// The refusals as a message for the sender.
    pub fn refusal(&self) -> Option<String> {
        self.outcome.refusal(self.accepted)
    }
}

/// Whose records a request brings.
pub fn tenant(headers: &HeaderMap) -> Result<Tenant, ApiError> {
    match headers.get("x-scope-orgid") {
        None => Ok(Tenant::unnamed()),
        Some(name) => {
            let name = name.to_str().unwrap_or("(not text)");
            Tenant::new(name).map_err(|e| ApiError::bad_data(format!("header X-Scope-OrgID: {e}")))
        }
    }
}

/// Which delivery of its sender a request is, where the sender numbers them.
fn delivery(headers: &HeaderMap) -> Result<Option<Delivery>, ApiError> {
    let Some(text) = headers.get("x-watchfire-delivery") else { return Ok(None) };
    let text = text.to_str().unwrap_or("(not text)");
    match Delivery::from_text(text) {
        // Whoever writes under its name makes it believe that its lines are kept.
        Some(d) if d.sender == agent::READER || d.sender == agent::WATCHER => {
            Err(ApiError::bad_data(format!(
                "header X-Watchfire-Delivery: {} is the server's own reader: draw another at random",
                d.sender
            )))
        }
        Some(d) => Ok(Some(d)),
        None => Err(ApiError::bad_data(format!(
            "header X-Watchfire-Delivery: {text:?} is not 32 hexadecimal digits, a dash and a number from 1 on"
        ))),
    }
}

/// A numbered batch is kept as a whole, in one record of the journal: larger ones are refused.
const NUMBERED_BYTES_MAX: usize = 16 << 20;

/// Gives a batch its number.
fn number(decoded: &mut Decoded, delivery: Delivery) -> Result<(), ApiError> {
    let bytes = decoded.batch.content_bytes() + decoded.batch.len() * 64;
    if bytes > NUMBERED_BYTES_MAX {
        let message = format!(
            "a batch with X-Watchfire-Delivery has {bytes} bytes, over the limit of {NUMBERED_BYTES_MAX}"
        );
        return Err(ApiError::bad_data(message).with_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    decoded.batch.set_delivery(delivery);
    Ok(())
}

/// Receives the body of a request: reads it within bounds, decodes it and stores what it holds.
pub async fn receive<T: Send + 'static>(
    app: &Arc<App>,
    way: Way,
    headers: &HeaderMap,
    body: Body,
    unstated: Encoding,
    decode: impl FnOnce(&[u8], &mut RecordWriter) -> Result<T, DecodeError> + Send + 'static,
) -> Result<(T, Stored), ApiError> {
    refuse_foreign_page(headers)?;
    let metrics = app.metrics.way(way);
    let tenant = tenant(headers)?;
    let delivery = delivery(headers)?;
    let encoding = header_text(headers, &header::CONTENT_ENCODING);
    let encoding = negotiate::encoding(encoding, unstated).map_err(receive::decode_error)?;
    wait_for_room(app.ready()?.records(way.signal())).await;
    let held = receive::body(app, &metrics.traffic, headers, body, &app.form_limits()).await?;
    let _hold = app.brake.hold();
    let (value, mut decoded) = decoded(app, way, held, tenant, encoding, decode).await?;
    if let Some(delivery) = delivery {
        number(&mut decoded, delivery)?;
    }
    let stored = store(app, way, decoded).await?;
    Ok((value, stored))
}

/// How long a sender is kept waiting before its body is read, rather than sent away with it.
const ROOM_WAIT: Duration = Duration::from_secs(2);
const ROOM_LOOK: Duration = Duration::from_millis(20);

/// Waits a moment for room. A sender that is told to come back has sent its body for nothing, and many wait for a second
/// or more where a fraction of one would do.
async fn wait_for_room(store: &records::Store) {
    let until = tokio::time::Instant::now() + ROOM_WAIT;
    while !store.has_room() && tokio::time::Instant::now() < until {
        tokio::time::sleep(ROOM_LOOK).await;
    }
}

async fn decoded<T: Send + 'static>(
    app: &Arc<App>,
    way: Way,
    mut held: Held<'_>,
    tenant: Tenant,
    encoding: Encoding,
    decode: impl FnOnce(&[u8], &mut RecordWriter) -> Result<T, DecodeError> + Send + 'static,
) -> Result<(T, Decoded), ApiError> {
    let mut work = std::mem::take(&mut held.work);
    if work.body.len() <= INLINE_BYTES_MAX {
        let done = decode_into(app, way, &mut work, tenant, encoding, decode);
        held.work = work;
        return done;
    }
    let app = Arc::clone(app);
    let done = tokio::task::spawn_blocking(move || {
        let done = decode_into(&app, way, &mut work, tenant, encoding, decode);
        (done, work)
    })
    .await;
    let (done, work) = done
        .map_err(|_| ApiError::internal("decoding the body met a fault in the server; its log says more"))?;
    held.work = work;
    done
}

fn decode_into<T>(
    app: &App,
    way: Way,
    work: &mut Workspace,
    tenant: Tenant,
    encoding: Encoding,
    decode: impl FnOnce(&[u8], &mut RecordWriter) -> Result<T, DecodeError>,
) -> Result<(T, Decoded), ApiError> {
    let body =
        work.decompressor.decompress(encoding, &work.body, &app.decoding()).map_err(receive::decode_error)?;
    let mut w = writer(app, way, tenant);
    let value = decode(body, &mut w).map_err(receive::decode_error)?;
    Ok((value, w.finish()))
}

/// A writer of records that arrive now.
pub fn writer(app: &App, way: Way, tenant: Tenant) -> RecordWriter {
    let config = app.config();
    let signal = way.signal();
    RecordWriter::new(tenant, config.records(signal).limits.decoding(signal), app.now_ns())
}

/// Stores records and counts what became of them.
async fn store(app: &App, way: Way, decoded: Decoded) -> Result<Stored, ApiError> {
    let metrics = app.metrics.way(way);
    let Decoded { batch, outcome } = decoded;
    let accepted = match batch.is_empty() {
        true => Accepted::default(),
        false => {
            let done = app.ready()?.sink(way.signal()).append(batch);
            done.await.map_err(|e| receive::unavailable(e, &metrics.traffic))?
        }
    };
    Ok(count(metrics, accepted, outcome))
}

fn count(metrics: &WayMetrics, accepted: Accepted, mut outcome: RecordOutcome) -> Stored {
    accepted.refused.iter().for_each(|r| outcome.reject(&r.reason));
    metrics.batches.add(1);
    metrics.records.add(accepted.records);
    metrics.refused.add(outcome.rejected);
    Stored { accepted: accepted.records, outcome, refused: accepted.refused }
}

/// How long to wait before records are offered again, where the store does not say.
const RETRY: Duration = Duration::from_secs(1);

/// Stores records of a sender that cannot be told to come back: offers them again until they are taken. Meanwhile
/// nothing more is read from it. `None` if the server ends first.
pub async fn store_or_wait(
    app: &App,
    way: Way,
    decoded: Decoded,
    stop: &mut watch::Receiver<bool>,
) -> Option<Stored> {
    let metrics = app.metrics.way(way);
    let Decoded { batch, outcome } = decoded;
    if batch.is_empty() {
        return Some(count(metrics, Accepted::default(), outcome));
    }
    loop {
        let wait = match app.ready() {
            Ok(running) => match running.sink(way.signal()).append(batch.clone()).await {
                Ok(accepted) => return Some(count(metrics, accepted, outcome)),
                Err(Unavailable::Busy { retry_after, .. }) => retry_after,
                Err(e) => {
                    tracing::warn!(error = %e, "records wait until they can be stored");
                    RETRY
                }
            },
            Err(_) => RETRY,
        };
        metrics.traffic.put_off.add(1);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = crate::http::listen::ended(stop) => return None,
        }
    }
}

/// Whether a sender should send again.
pub fn is_retryable(e: &ApiError) -> bool {
    e.kind == ErrorKind::Unavailable
}
