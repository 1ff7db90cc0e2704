//! OTLP over HTTP: `/v1/logs` and `/v1/traces`, also below `/otlp`.

use super::{is_retryable, receive};
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

/// Takes a request; the answer is in its format.
async fn export(
    app: &Arc<App>,
    way: Way,
    json: Decode,
    protobuf: Decode,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE).unwrap_or(PROTOBUF).to_owned();
    let is_json = match kind.split(';').next().unwrap_or("").trim() {
        JSON => true,
        PROTOBUF | "" => false,
        _ => {
            let e = ApiError::bad_data(format!(
                "content type {kind:?} is not OTLP; accepted are {PROTOBUF} and {JSON}"
            ));
            return failed(&e.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE), false);
        }
    };
    let decode = if is_json { json } else { protobuf };
    match receive(app, way, &parts.headers, body, Encoding::Identity, decode).await {
        Err(e) => failed(&e, is_json),
        Ok(((), stored)) if is_json => {
            let answer = otlp::answer_json(way.signal(), &stored.outcome, stored.accepted);
            ([(header::CONTENT_TYPE, JSON)], answer).into_response()
        }
        Ok(((), stored)) => {
            ([(header::CONTENT_TYPE, PROTOBUF)], otlp::answer(&stored.outcome, stored.accepted))
                .into_response()
        }
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
