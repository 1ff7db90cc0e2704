//! Remote write, 1.0 and 2.0.

use super::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::respond::text;
use crate::receive::{self, Held, header_text};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::compress::Encoding;
use ingest::negotiate::{self, WriteMessage};
use ingest::remote_write::{v1, v2};
use ingest::{DecodeError, Limits, Outcome};
use model::{AppendDone, Appendable, Committed};
use std::sync::Arc;

/// Bodies up to this size are decoded where they were read. That takes about a millisecond, and moving them to
/// another thread would cost more than it saves; larger ones would hold up other connections.
const INLINE_BYTES_MAX: usize = 512 << 10;

/// `/api/v1/write`
pub async fn write(State(app): Shared, request: Request<Body>) -> Answer {
    let metrics = &app.metrics.remote_write;
    let (parts, body) = request.into_parts();
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE);
    let encoding = header_text(&parts.headers, &header::CONTENT_ENCODING);
    let (message, encoding) = negotiate::remote_write(kind, encoding).map_err(receive::decode_error)?;
    app.ready()?;
    let limits = app.form_limits();
    let held = receive::body(&app, &metrics.traffic, &parts.headers, body, &limits).await?;
    let _hold = app.brake.hold();
    let (outcome, done) = if held.work.body.len() <= INLINE_BYTES_MAX {
        decode(&app, held, message, encoding)?
    } else {
        let app2 = Arc::clone(&app);
        drop_into_pool(app2, held, message, encoding).await?
    };
    match done.await {
        Ok(committed) => {
            receive::count(metrics, &committed, &outcome);
            Ok(answer(message, &committed, &outcome))
        }
        Err(e) => {
            let failed = receive::unavailable(e, &metrics.traffic).into_response();
            Ok(with_written(failed, message, &Committed::default()))
        }
    }
}

/// Decodes on a thread that may be kept busy for long.
async fn drop_into_pool(
    app: Arc<App>,
    mut held: Held<'_>,
    message: WriteMessage,
    encoding: Encoding,
) -> Result<(Outcome, AppendDone), ApiError> {
    let mut work = std::mem::take(&mut held.work);
    let done = tokio::task::spawn_blocking(move || {
        let limits = app.decoding();
        let decoded = decode_into(&app, &mut work, message, encoding, &limits);
        (decoded, work)
    })
    .await;
    let (decoded, work) = done
        .map_err(|_| ApiError::internal("decoding the body met a fault in the server; its log says more"))?;
    held.work = work;
    decoded
}

fn decode(
    app: &App,
    mut held: Held<'_>,
    message: WriteMessage,
    encoding: Encoding,
) -> Result<(Outcome, AppendDone), ApiError> {
    let limits = app.decoding();
    decode_into(app, &mut held.work, message, encoding, &limits)
}

/// From bytes to a batch on its way to the disk.
fn decode_into(
    app: &App,
    work: &mut receive::Workspace,
    message: WriteMessage,
    encoding: Encoding,
    limits: &Limits,
) -> Result<(Outcome, AppendDone), ApiError> {
    let db = app.db()?;
    let body = work.decompressor.decompress(encoding, &work.body, limits).map_err(receive::decode_error)?;
    let mut appender = db.appender();
    let outcome: Result<Outcome, DecodeError> = match message {
        WriteMessage::V1 => v1::decode(body, limits, &mut *appender),
        WriteMessage::V2 => v2::decode(body, limits, &mut *appender),
    };
    Ok((outcome.map_err(receive::decode_error)?, appender.commit()))
}

/// 204 if all was kept; 400 with the reasons if something was not, the rest being kept all the same.
fn answer(message: WriteMessage, committed: &Committed, outcome: &Outcome) -> Response {
    let response = match outcome.refusal() {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(reasons) => text(StatusCode::BAD_REQUEST, reasons + "\n"),
    };
    with_written(response, message, committed)
}

/// The headers by which a 2.0 receiver states what it kept.
fn with_written(mut response: Response, message: WriteMessage, committed: &Committed) -> Response {
    if message == WriteMessage::V2 {
        let headers = response.headers_mut();
        for (name, count) in [
            ("x-prometheus-remote-write-samples-written", committed.samples),
            ("x-prometheus-remote-write-histograms-written", committed.histograms),
            ("x-prometheus-remote-write-exemplars-written", committed.exemplars),
        ] {
            headers.insert(name, HeaderValue::from(count));
        }
    }
    response
}
