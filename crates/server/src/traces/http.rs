//! Spans over HTTP in the formats of Jaeger and Zipkin.

use crate::api::Shared;
use crate::http::error::{ApiError, set_retry_after};
use crate::http::respond::text;
use crate::intake::{Stored, receive};
use crate::receive::header_text;
use crate::state::App;
use crate::telemetry::Way;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::compress::Encoding;
use ingest::traces;
use std::sync::Arc;

use super::Datagram;

/// Jaeger's `POST /api/traces`: a batch in Thrift's binary protocol.
pub async fn jaeger(State(app): Shared, request: Request<Body>) -> Response {
    let kind = kind(&request);
    match kind.as_str() {
        "application/x-thrift" | "application/vnd.apache.thrift.binary" | "" => {
            take(&app, Way::Jaeger, traces::jaeger::batch, request).await
        }
        _ => unsupported(&kind, "a Jaeger batch; accepted is application/x-thrift"),
    }
}

/// Zipkin's `POST /api/v2/spans`: a list of spans in JSON or protocol buffers.
pub async fn zipkin(State(app): Shared, request: Request<Body>) -> Response {
    let kind = kind(&request);
    let decode: Datagram = match kind.as_str() {
        "application/json" | "" => traces::zipkin::json,
        "application/x-protobuf" | "application/protobuf" => traces::zipkin::protobuf,
        _ => {
            return unsupported(
                &kind,
                "Zipkin spans; accepted are application/json and application/x-protobuf",
            );
        }
    };
    take(&app, Way::Zipkin, decode, request).await
}

/// The content type without parameters.
fn kind(request: &Request<Body>) -> String {
    let kind = header_text(request.headers(), &header::CONTENT_TYPE).unwrap_or("");
    kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn unsupported(kind: &str, what: &str) -> Response {
    failed(
        ApiError::bad_data(format!("content type {kind:?} is not {what}"))
            .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    )
}

async fn take(app: &Arc<App>, way: Way, decode: Datagram, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    match receive(app, way, &parts.headers, body, Encoding::Identity, decode).await {
        Ok(((), stored)) => answer(&stored),
        Err(e) => failed(e),
    }
}

/// Both protocols answer with 202 and nothing; senders do not read more. Where spans were refused it is told all the
/// same, as an error only if none was kept, because senders send a body again as a whole.
fn answer(stored: &Stored) -> Response {
    match stored.refusal() {
        None => StatusCode::ACCEPTED.into_response(),
        Some(refusal) if stored.accepted == 0 => text(StatusCode::BAD_REQUEST, refusal + "\n"),
        Some(refusal) => text(StatusCode::ACCEPTED, refusal + "\n"),
    }
}

fn failed(e: ApiError) -> Response {
    let (status, wait) = (e.status(), e.retry_after);
    let mut response = text(status, e.message + "\n");
    if let Some(wait) = wait {
        set_retry_after(&mut response, wait);
    }
    response
}
