//! What all ways in share: reading a body within budgets, and answering what became of it.

use crate::http::body::{BodyLimits, discard, read_body_into};
use crate::http::error::{ApiError, ErrorKind};
use crate::state::App;
use crate::telemetry::{ReceiveMetrics, Traffic};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use ingest::compress::Decompressor;
use ingest::{DecodeError, Outcome};
use model::{Committed, Unavailable};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Workspaces kept for the next bodies, and how large their buffers may be.
const IDLE_KEPT: usize = 8;
const BUFFER_BYTES_KEPT: usize = 2 << 20;

/// Bytes of bodies being received and decoded, against their bound.
#[derive(Debug)]
pub struct InFlight {
    bytes: AtomicU64,
    bytes_max: u64,
    idle: Mutex<Vec<Workspace>>,
}

/// What receiving a body takes, kept for the next one.
#[derive(Default)]
pub struct Workspace {
    /// The body.
    pub body: Vec<u8>,
    /// What decompresses it.
    pub decompressor: Decompressor,
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// A share of the bound and a workspace, both given back in the end.
pub struct Held<'a> {
    of: &'a InFlight,
    bytes: u64,
    /// The body and what decompresses it.
    pub work: Workspace,
}

impl InFlight {
    /// At most `bytes_max` at the same time.
    pub fn new(bytes_max: u64) -> InFlight {
        InFlight { bytes: AtomicU64::new(0), bytes_max, idle: Mutex::default() }
    }

    /// Bytes under way.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The most bytes under way.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    fn take(&self, bytes: u64) -> Option<Held<'_>> {
        let mut held = Held { of: self, bytes: 0, work: Workspace::default() };
        if !held.grow(bytes) {
            return None;
        }
        held.work = self.idle.lock().pop().unwrap_or_default();
        Some(held)
    }
}

impl Held<'_> {
    /// Raises the share; false if the bound does not allow it.
    fn grow(&mut self, to: u64) -> bool {
        let more = to.saturating_sub(self.bytes);
        let before = self.of.bytes.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > self.of.bytes_max {
            self.of.bytes.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        let mut work = std::mem::take(&mut self.work);
        if work.body.capacity() <= BUFFER_BYTES_KEPT {
            work.body.clear();
            let mut idle = self.of.idle.lock();
            if idle.len() < IDLE_KEPT {
                idle.push(work);
            }
        }
    }
}

/// A body is expected to grow to this many times its size when it is decompressed; snappy of remote write
/// grows five- to tenfold.
const EXPANSION: u64 = 10;
/// Counted for a body that does not state its length.
const UNSTATED_BYTES: u64 = 256 << 10;

/// Reads a body within its limits and within the bound of all bodies.
pub async fn body<'a>(
    app: &'a App,
    traffic: &Traffic,
    headers: &HeaderMap,
    body: Body,
    limits: &BodyLimits,
) -> Result<Held<'a>, ApiError> {
    let most = app.config().ingest.limits.decompressed_bytes_max.bytes();
    let stated = header_text(headers, &header::CONTENT_LENGTH).and_then(|v| v.parse::<u64>().ok());
    let expected = |n: u64| n.saturating_add(n.saturating_mul(EXPANSION).min(most));
    let wanted = expected(stated.unwrap_or(UNSTATED_BYTES).min(limits.bytes_max as u64));
    let full = || {
        traffic.put_off.add(1);
        ApiError::new(
            ErrorKind::Unavailable,
            format!(
                "bodies under way take {} of {} bytes; try again in 1 s (ingest.limits.in_flight_bytes_max)",
                app.in_flight.bytes(),
                app.in_flight.bytes_max
            ),
        )
        .retry_after(Duration::from_secs(1))
    };
    let Some(mut held) = app.in_flight.take(wanted) else {
        discard(body).await;
        return Err(full());
    };
    read_body_into(headers, body, limits, &mut held.work.body).await?;
    let length = held.work.body.len() as u64;
    if !held.grow(expected(length)) {
        return Err(full());
    }
    traffic.bytes.add(length);
    Ok(held)
}

/// The answer to a body of which nothing can be kept.
pub fn decode_error(e: DecodeError) -> ApiError {
    let status = match &e {
        DecodeError::Malformed { .. } | DecodeError::Unreadable(_) | DecodeError::Syntax(_) => {
            StatusCode::BAD_REQUEST
        }
        DecodeError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        DecodeError::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
    };
    ApiError::bad_data(e.to_string()).with_status(status)
}

/// The answer to a batch that cannot be kept now. Always 503: a Prometheus server takes 429 as a reason to
/// drop the samples, and 503 as one to send them again.
pub fn unavailable(e: Unavailable, traffic: &Traffic) -> ApiError {
    traffic.put_off.add(1);
    let wait = match &e {
        Unavailable::Busy { retry_after, .. } => *retry_after,
        Unavailable::ReadOnly(_) => Duration::from_secs(30),
        Unavailable::Closed => Duration::from_secs(5),
    };
    ApiError::new(ErrorKind::Unavailable, e.to_string()).retry_after(wait)
}

/// The value of a header as text.
pub fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// Counts what became of a body.
pub fn count(metrics: &ReceiveMetrics, committed: &Committed, outcome: &Outcome) {
    metrics.bodies.add(1);
    metrics.samples.add(committed.samples);
    metrics.histograms.add(committed.histograms);
    metrics.exemplars.add(committed.exemplars);
    let refused = outcome.rejected + outcome.exemplars_rejected;
    if refused > 0 {
        metrics.refused.add(refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_is_given_back() {
        let all = InFlight::new(100);
        let mut a = all.take(60).unwrap();
        a.work.body.extend_from_slice(b"x");
        assert!(all.take(60).is_none());
        assert!(a.grow(90) && !a.grow(101));
        assert_eq!(all.bytes(), 90);
        drop(a);
        assert_eq!(all.bytes(), 0);
        let b = all.take(100).unwrap();
        assert!(b.work.body.is_empty() && b.work.body.capacity() > 0, "the buffer comes back empty");
    }
}
