//! Elasticsearch: `_bulk` and single documents.

use crate::api::Shared;
use crate::http::error::{ApiError, set_retry_after};
use crate::http::params::Params;
use crate::intake::{is_retryable, receive};
use crate::telemetry::Way;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use ingest::compress::Encoding;
use ingest::logs::Roles;
use ingest::logs::elastic::{self, Filter};
use ingest::records::RecordWriter;
use std::time::Instant;

/// The type of an answer: what was asked for, versions included. Clients of version 8 and later check it.
pub fn content_type(headers: &HeaderMap) -> HeaderValue {
    headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| {
            v.split(',').map(str::trim).find(|v| v.starts_with("application/vnd.elasticsearch+json"))
        })
        .and_then(|v| HeaderValue::from_str(v).ok())
        .unwrap_or(HeaderValue::from_static("application/json"))
}

/// An answer with the header by which clients know whom they speak to.
pub fn respond(headers: &HeaderMap, status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type(headers));
    response.headers_mut().insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    response
}

/// An error in Elasticsearch's form.
pub fn failed(headers: &HeaderMap, e: &ApiError) -> Response {
    // Clients send again what was answered with 429, and many give up at 503.
    let (status, kind) = match e.status() {
        _ if is_retryable(e) => (StatusCode::TOO_MANY_REQUESTS, "es_rejected_execution_exception"),
        StatusCode::PAYLOAD_TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, "content_too_long_exception"),
        StatusCode::INTERNAL_SERVER_ERROR => (StatusCode::INTERNAL_SERVER_ERROR, "exception"),
        status => (status, "illegal_argument_exception"),
    };
    let mut response = respond(headers, status, error(kind, &e.message, status));
    if let Some(wait) = e.retry_after {
        set_retry_after(&mut response, wait);
    }
    response
}

/// The body of an error.
pub fn error(kind: &str, reason: &str, status: StatusCode) -> String {
    let cause = serde_json::json!({ "type": kind, "reason": reason });
    serde_json::json!({
        "error": { "root_cause": [cause], "type": kind, "reason": reason },
        "status": status.as_u16(),
    })
    .to_string()
}

/// `/_bulk`
pub async fn bulk(state: Shared, request: Request<Body>) -> Response {
    bulk_into(state, None, request).await
}

/// `/{index}/_bulk`
pub async fn bulk_of_index(state: Shared, Path(index): Path<String>, request: Request<Body>) -> Response {
    bulk_into(state, Some(index), request).await
}

async fn bulk_into(State(app): Shared, index: Option<String>, request: Request<Body>) -> Response {
    let start = Instant::now();
    let (parts, body) = request.into_parts();
    let query = Params::of_query(parts.uri.query().unwrap_or(""));
    let filter = query.get("filter_path").map_or(Filter::ALL, Filter::parse);
    let decode =
        move |body: &[u8], w: &mut RecordWriter| elastic::bulk(body, index.as_deref(), &Roles::default(), w);
    match receive(&app, Way::Elastic, &parts.headers, body, Encoding::Identity, decode).await {
        Err(e) => failed(&parts.headers, &e),
        Ok((items, stored)) => {
            let mut out = Vec::new();
            let took_ms = start.elapsed().as_millis() as u64;
            elastic::answer(
                &items,
                &stored.refused,
                took_ms,
                app.unique(items.len() as u64),
                &filter,
                &mut out,
            );
            respond(&parts.headers, StatusCode::OK, out)
        }
    }
}

/// `/{index}/_doc`
pub async fn document(state: Shared, Path(index): Path<String>, request: Request<Body>) -> Response {
    one(state, index, None, request).await
}

/// `/{index}/_doc/{id}` and `/{index}/_create/{id}`
pub async fn document_with_id(
    state: Shared,
    Path((index, id)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    one(state, index, Some(id), request).await
}

async fn one(State(app): Shared, index: String, id: Option<String>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let decode = move |body: &[u8], w: &mut RecordWriter| {
        elastic::single(body, &index, id.as_deref(), &Roles::default(), w)
    };
    match receive(&app, Way::Elastic, &parts.headers, body, Encoding::Identity, decode).await {
        Err(e) => failed(&parts.headers, &e),
        Ok((item, stored)) => match stored.refusal() {
            None => {
                let body = elastic::answer_single(&item, app.unique(1));
                respond(&parts.headers, StatusCode::CREATED, body)
            }
            Some(reason) => {
                let status = StatusCode::BAD_REQUEST;
                respond(&parts.headers, status, error("document_parsing_exception", &reason, status))
            }
        },
    }
}
