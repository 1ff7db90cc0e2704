//! Loki's push, JSON lines and GELF over HTTP.

use crate::api::{Answer, Shared};
use crate::http::error::{ApiError, set_retry_after};
use crate::http::params::Params;
use crate::http::respond::text;
use crate::intake::{Stored, receive};
use crate::receive::header_text;
use crate::telemetry::Way;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ingest::compress::{Decompressor, Encoding};
use ingest::logs::{self, lines, loki};
use std::borrow::Cow;

/// `/loki/api/v1/push`. Errors are plain text, as Loki's are.
pub async fn loki_push(State(app): Shared, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE).unwrap_or("application/x-protobuf");
    let done = match kind.split(';').next().unwrap_or("").trim() {
        "application/json" => {
            receive(&app, Way::Loki, &parts.headers, body, Encoding::Identity, loki::json).await
        }
        "application/x-protobuf" | "application/octet-stream" | "" => {
            receive(&app, Way::Loki, &parts.headers, body, Encoding::Snappy, loki::protobuf).await
        }
        _ => Err(ApiError::bad_data(format!(
            "content type {kind:?} is not a Loki push; accepted are application/json and application/x-protobuf"
        ))
        .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    };
    plain(done.map(|((), stored)| stored), StatusCode::NO_CONTENT)
}

/// An answer in plain text: nothing but a status if all is well, else one sentence.
fn plain(done: Result<Stored, ApiError>, fine: StatusCode) -> Response {
    match done.map(|stored| stored.refusal()) {
        Ok(None) => fine.into_response(),
        Ok(Some(refusal)) => text(StatusCode::BAD_REQUEST, refusal + "\n"),
        Err(e) => {
            let mut response = text(e.status(), e.message + "\n");
            if let Some(wait) = e.retry_after {
                set_retry_after(&mut response, wait);
            }
            response
        }
    }
}

/// The parameters of VictoriaLogs, from the URL or headers.
struct Given<'r> {
    query: Params,
    headers: &'r HeaderMap,
}

impl lines::Parameters for Given<'_> {
    fn get(&self, parameter: &str, header: &str) -> Option<Cow<'_, str>> {
        let header = || self.headers.get(header).and_then(|v| v.to_str().ok()).filter(|v| !v.is_empty());
        self.query.get(parameter).or_else(header).map(Cow::Borrowed)
    }
}

/// `/api/v1/logs/jsonline`
pub async fn json_lines(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let query = Params::of_query(parts.uri.query().unwrap_or(""));
    let roles =
        lines::roles(&Given { query, headers: &parts.headers }).map_err(crate::receive::decode_error)?;
    let decode = move |body: &[u8], w: &mut ingest::records::RecordWriter| lines::decode(body, &roles, w);
    let done = receive(&app, Way::JsonLines, &parts.headers, body, Encoding::Identity, decode).await;
    Ok(plain(done.map(|((), stored)| stored), StatusCode::OK))
}

/// `/gelf`: one message.
pub async fn gelf(State(app): Shared, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let limits = app.decoding();
    let decode = move |body: &[u8], w: &mut ingest::records::RecordWriter| {
        logs::gelf::message(body, None, &logs::gelf::roles(), &mut Decompressor::new(), &limits, w)
    };
    let done = receive(&app, Way::Gelf, &parts.headers, body, Encoding::Identity, decode).await;
    plain(done.map(|((), stored)| stored), StatusCode::ACCEPTED)
}
