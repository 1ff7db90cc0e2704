//! Remote read: another Prometheus asks for raw samples.

use super::select::store_error;
use super::{Answer, Shared};
use crate::http::body::read_body;
use crate::http::error::{ApiError, ErrorKind};
use crate::receive::{self, header_text};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use ingest::compress::{Decompressor, Encoding};
use ingest::remote_read::{self, Query, ReadRequest, ResponseType, SampledResponse, series_frames};
use model::{Labels, Samples};
use std::sync::Arc;

/// An answer may have this many bytes; it is built in memory before it leaves.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// `/api/v1/read`
pub async fn read(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    match header_text(&parts.headers, &header::CONTENT_ENCODING) {
        None | Some("snappy") => {}
        Some(other) => {
            return Err(ApiError::bad_data(format!("content encoding {other:?} is not snappy"))
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
    }
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let app2 = Arc::clone(&app);
    let work = move || {
        let limits = app2.decoding();
        let mut decompressor = Decompressor::new();
        let body =
            decompressor.decompress(Encoding::Snappy, &body, &limits).map_err(receive::decode_error)?;
        let request = remote_read::decode(body).map_err(receive::decode_error)?;
        answer(&app2, &request)
    };
    app.queries.run_heavy(app.query_timeout(), work).await
}

fn answer(app: &App, request: &ReadRequest) -> Result<Response, ApiError> {
    let mut budget = Budget { samples: app.config().query.remote_read_samples_max };
    let body = match request.response {
        ResponseType::Samples => samples(app, &request.queries, &mut budget)?,
        ResponseType::StreamedChunks => chunks(app, &request.queries, &mut budget)?,
    };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(request.response.content_type()));
    if let Some(encoding) = request.response.content_encoding() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

fn samples(app: &App, queries: &[Query], budget: &mut Budget) -> Result<Vec<u8>, ApiError> {
    let mut out = SampledResponse::new();
    for query in queries {
        each_series(app, query, budget, |labels, samples| {
            out.series(labels, samples);
            out.len()
        })?;
        out.end_query();
    }
    out.finish().map_err(too_large)
}

fn chunks(app: &App, queries: &[Query], budget: &mut Budget) -> Result<Vec<u8>, ApiError> {
    let mut out = Vec::new();
    for (at, query) in queries.iter().enumerate() {
        each_series(app, query, budget, |labels, samples| {
            series_frames(at, labels, samples, &mut out);
            out.len()
        })?;
    }
    Ok(out)
}

struct Budget {
    samples: u64,
}

/// Calls `write` for each series with samples, in the order of labels; it tells how large the answer is by now.
fn each_series(
    app: &App,
    query: &Query,
    budget: &mut Budget,
    mut write: impl FnMut(&Labels, &Samples) -> usize,
) -> Result<(), ApiError> {
    let selection = app.db()?.select(&query.matchers, query.range).map_err(store_error)?;
    let mut order: Vec<usize> = (0..selection.len()).collect();
    order.sort_by(|a, b| selection.labels(*a).cmp(selection.labels(*b)));
    let mut samples = Samples::default();
    for at in order {
        selection.read(at, &mut samples).map_err(store_error)?;
        if samples.is_empty() {
            continue;
        }
        budget.samples = budget.samples.checked_sub(samples.len() as u64).ok_or_else(|| {
            let limit = app.config().query.remote_read_samples_max;
            ApiError::new(
                ErrorKind::Execution,
                format!(
                    "the query selects more than {limit} samples: raise query.remote_read_samples_max to allow it"
                ),
            )
            .with_status(StatusCode::BAD_REQUEST)
        })?;
        let size = write(selection.labels(at), &samples);
        if size > ANSWER_BYTES_MAX {
            return Err(too_large(size as u64));
        }
    }
    Ok(())
}

fn too_large(size: u64) -> ApiError {
    ApiError::new(
        ErrorKind::Execution,
        format!("the answer has {size} bytes or more, over the limit of {ANSWER_BYTES_MAX}: ask for less at a time"),
    )
    .with_status(StatusCode::BAD_REQUEST)
}
