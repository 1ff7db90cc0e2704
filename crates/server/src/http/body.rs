//! Reads request bodies within a size and a time.

use super::error::{ApiError, ErrorKind};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How large and how slow a body may be.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes as sent.
    pub bytes_max: usize,
    /// The setting that moves `bytes_max`.
    pub setting: &'static str,
    /// The longest silence between two pieces.
    pub idle: Duration,
    /// The longest time for all of it.
    pub total: Duration,
}

/// Capacity is reserved up to this much on the word of `Content-Length`; beyond it only what arrived counts.
const RESERVE_MAX: usize = 1 << 20;

/// A refused body is still taken off the wire up to this much and for this long. A client that is writing would
/// otherwise meet a closed connection, and may never read why.
const DISCARD_BYTES_MAX: u64 = 64 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(5);

/// Reads and drops what is left of a refused body.
pub async fn discard(mut body: Body) {
    let end = Instant::now() + DISCARD_TIME;
    let mut bytes = 0;
    while let Ok(Some(Ok(frame))) = timeout_at(end, body.frame()).await {
        bytes += frame.data_ref().map_or(0, |d| d.len() as u64);
        if bytes > DISCARD_BYTES_MAX {
            return;
        }
    }
}

/// The whole body.
pub async fn read_body(headers: &HeaderMap, body: Body, limits: &BodyLimits) -> Result<Vec<u8>, ApiError> {
    let mut out = Vec::new();
    read_body_into(headers, body, limits, &mut out).await?;
    Ok(out)
}

/// Appends the whole body to `out`, which may bring capacity along.
pub async fn read_body_into(
    headers: &HeaderMap,
    mut body: Body,
    limits: &BodyLimits,
    out: &mut Vec<u8>,
) -> Result<(), ApiError> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|n| n > limits.bytes_max as u64) {
        discard(body).await;
        return Err(too_large(announced, limits));
    }
    out.reserve(announced.unwrap_or(0).min(RESERVE_MAX as u64) as usize);
    let end = Instant::now() + limits.total;
    loop {
        let wait = end.min(Instant::now() + limits.idle);
        let frame = match timeout_at(wait, body.frame()).await {
            Err(_) => return Err(too_slow(out.len(), announced, limits)),
            Ok(None) => return Ok(()),
            Ok(Some(Err(e))) => return Err(broken(out.len(), announced, &e)),
            Ok(Some(Ok(frame))) => frame,
        };
        if let Some(data) = frame.data_ref() {
            if out.len() + data.len() > limits.bytes_max {
                discard(body).await;
                return Err(too_large(announced, limits));
            }
            out.extend_from_slice(data);
        }
    }
}

fn too_large(announced: Option<u64>, limits: &BodyLimits) -> ApiError {
    let size = match announced {
        Some(n) => format!("{n} bytes"),
        None => "larger".to_owned(),
    };
    ApiError::bad_data(format!(
        "request body is {size}, over the limit of {} bytes: raise {} to allow it",
        limits.bytes_max, limits.setting
    ))
    .with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

fn too_slow(have: usize, announced: Option<u64>, limits: &BodyLimits) -> ApiError {
    ApiError::new(
        ErrorKind::BadData,
        format!(
            "request body came too slowly: {} arrived; allowed are {} s between pieces and {} s in all \
             (http.body_idle_timeout, http.body_timeout)",
            progress(have, announced),
            limits.idle.as_secs_f64(),
            limits.total.as_secs_f64()
        ),
    )
    .with_status(StatusCode::REQUEST_TIMEOUT)
}

fn broken(have: usize, announced: Option<u64>, reason: &axum::Error) -> ApiError {
    ApiError::bad_data(format!("request body broke off: {} arrived: {reason}", progress(have, announced)))
}

fn progress(have: usize, announced: Option<u64>) -> String {
    match announced {
        Some(n) => format!("{have} of {n} bytes"),
        None => format!("{have} bytes"),
    }
}
