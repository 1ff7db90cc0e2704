//! OTLP over HTTP: `/v1/logs`, `/v1/traces` and `/v1/metrics`, also below `/otlp`.

use super::{is_retryable, metrics, receive};
use crate::api::Shared;
use crate::http::error::{ApiError, set_retry_after};
use crate::receive::header_text;
use crate::state::App;
use crate::telemetry::Way;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::compress::Encoding;
use ingest::otlp::Partial;
use ingest::records::RecordWriter;
use ingest::{DecodeError, logs, otlp, traces};
use std::sync::Arc;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Codes of gRPC, which the bodies of errors name.
const INVALID_ARGUMENT: u64 = 3;
const RESOURCE_EXHAUSTED: u64 = 8;
const UNAVAILABLE: u64 = 14;

/// The code of gRPC for an error.
pub fn code(e: &ApiError) -> u64 {
    match e.status() {
        _ if is_retryable(e) => UNAVAILABLE,
        StatusCode::PAYLOAD_TOO_LARGE => RESOURCE_EXHAUSTED,
        _ => INVALID_ARGUMENT,
    }
}

/// A decoder of requests.
type Decode = fn(&[u8], &mut RecordWriter) -> Result<(), DecodeError>;

/// Takes an `ExportLogsServiceRequest`.
pub async fn export_logs(State(app): Shared, request: Request<Body>) -> Response {
    export(&app, Way::Otlp, logs::otlp::json, logs::otlp::protobuf, request).await
}

/// Takes an `ExportTraceServiceRequest`.
pub async fn export_traces(State(app): Shared, request: Request<Body>) -> Response {
    export(&app, Way::OtlpTraces, traces::otlp::json, traces::otlp::protobuf, request).await
}

/// Takes an `ExportMetricsServiceRequest`.
pub async fn export_metrics(State(app): Shared, request: Request<Body>) -> Response {
    let is_json = match is_json(&request) {
        Ok(is_json) => is_json,
        Err(e) => return failed(&e, false),
    };
    let (parts, body) = request.into_parts();
    let decode = if is_json { metrics::json } else { metrics::protobuf };
    answered(metrics::receive(&app, &parts.headers, body, metrics::whole, decode).await, is_json)
}

/// Takes a request; the answer is in its format.
async fn export(
    app: &Arc<App>,
    way: Way,
    json: Decode,
    protobuf: Decode,
    request: Request<Body>,
) -> Response {
    let is_json = match is_json(&request) {
        Ok(is_json) => is_json,
        Err(e) => return failed(&e, false),
    };
    let (parts, body) = request.into_parts();
    let decode = if is_json { json } else { protobuf };
    let done = receive(app, way, &parts.headers, body, Encoding::Identity, decode).await;
    answered(done.map(|((), stored)| stored.partial(way)), is_json)
}

/// Whether a request is in JSON, rather than in protocol buffers.
fn is_json(request: &Request<Body>) -> Result<bool, ApiError> {
    let kind = header_text(request.headers(), &header::CONTENT_TYPE).unwrap_or(PROTOBUF);
    match kind.split(';').next().unwrap_or("").trim() {
        JSON => Ok(true),
        PROTOBUF | "" => Ok(false),
        _ => {
            let e = ApiError::bad_data(format!(
                "content type {kind:?} is not OTLP; accepted are {PROTOBUF} and {JSON}"
            ));
            Err(e.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
        }
    }
}

fn answered(done: Result<Partial, ApiError>, is_json: bool) -> Response {
    match done {
        Err(e) => failed(&e, is_json),
        Ok(partial) if is_json => ([(header::CONTENT_TYPE, JSON)], partial.json()).into_response(),
        Ok(partial) => ([(header::CONTENT_TYPE, PROTOBUF)], partial.protobuf()).into_response(),
    }
}

/// An error as a `google.rpc.Status`.
fn failed(e: &ApiError, is_json: bool) -> Response {
    let mut response = match is_json {
        true => {
            let body = serde_json::json!({ "code": code(e), "message": e.message }).to_string();
            (e.status(), [(header::CONTENT_TYPE, JSON)], body).into_response()
        }
        false => {
            let body = otlp::status(code(e), &e.message);
            (e.status(), [(header::CONTENT_TYPE, PROTOBUF)], body).into_response()
        }
    };
    if let Some(wait) = e.retry_after {
        set_retry_after(&mut response, wait);
    }
    response
}
