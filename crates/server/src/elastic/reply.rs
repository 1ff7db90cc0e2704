//! Requests of Elasticsearch's clients, and answers and errors in its shapes.

use crate::ask::Refused;
use crate::http::body::BodyLimits;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::params::Params;
use crate::logs::elastic::{error, failed, respond};
use crate::receive::header_text;
use crate::state::App;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use ingest::compress::Decompressor;
use ingest::negotiate;
use search::SearchError;
use serde_json::Value as Json;

/// A search may be this large: queries are text that people and dashboards write.
const BODY_BYTES_MAX: usize = 10 << 20;

/// Why a request has no answer.
pub enum Refusal {
    /// It is wrong, or asks for what is not supported.
    Search(SearchError),
    /// There is no such thing.
    Absent { kind: &'static str, reason: String },
    /// It cannot be served.
    Api(ApiError),
}

impl From<SearchError> for Refusal {
    fn from(e: SearchError) -> Refusal {
        match e {
            SearchError::Eval(e) => Refusal::Api(crate::api::query::failed(e)),
            refused => Refusal::Search(refused),
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(e: ApiError) -> Refusal {
        Refusal::Api(e)
    }
}

impl Refused for Refusal {
    fn kind(&self) -> Option<ErrorKind> {
        match self {
            Refusal::Api(e) => Some(e.kind),
            Refusal::Search(_) | Refusal::Absent { .. } => None,
        }
    }
}

impl Refusal {
    /// Status, kind and sentence.
    pub fn parts(&self) -> (StatusCode, &'static str, String) {
        match self {
            Refusal::Search(SearchError::Refused { kind, reason }) => {
                (StatusCode::BAD_REQUEST, kind, reason.clone())
            }
            Refusal::Search(other) => (StatusCode::INTERNAL_SERVER_ERROR, "exception", other.to_string()),
            Refusal::Absent { kind, reason } => (StatusCode::NOT_FOUND, kind, reason.clone()),
            Refusal::Api(e) => match e.kind {
                ErrorKind::Unavailable => {
                    (StatusCode::TOO_MANY_REQUESTS, "es_rejected_execution_exception", e.message.clone())
                }
                ErrorKind::Timeout | ErrorKind::Canceled => {
                    (StatusCode::SERVICE_UNAVAILABLE, "task_cancelled_exception", e.message.clone())
                }
                ErrorKind::Execution => {
                    (StatusCode::BAD_REQUEST, "circuit_breaking_exception", e.message.clone())
                }
                _ => (e.status(), "illegal_argument_exception", e.message.clone()),
            },
        }
    }

    /// The answer.
    pub fn respond(&self, headers: &HeaderMap) -> Response {
        if let Refusal::Api(e) = self
            && e.kind == ErrorKind::Unavailable
        {
            return failed(headers, e);
        }
        let (status, kind, reason) = self.parts();
        respond(headers, status, error(kind, &reason, status))
    }
}

/// What an answer gives or the error in its place.
pub fn answer(headers: &HeaderMap, done: Result<Json, Refusal>) -> Response {
    match done {
        Ok(body) => respond(headers, StatusCode::OK, body.to_string()),
        Err(e) => e.respond(headers),
    }
}

/// A request that was read.
pub struct Asked {
    pub headers: HeaderMap,
    pub params: Params,
    pub body: Vec<u8>,
}

impl Asked {
    /// Reads a request; the error is its answer.
    pub async fn read(app: &App, request: Request<Body>) -> Result<Asked, Response> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        match Asked::body(app, &headers, body).await {
            Ok(body) => {
                let params = Params::of_query(parts.uri.query().unwrap_or(""));
                Ok(Asked { headers, params, body })
            }
            Err(e) => Err(failed(&headers, &e)),
        }
    }

    async fn body(app: &App, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ApiError> {
        let limits = BodyLimits {
            bytes_max: BODY_BYTES_MAX,
            setting: "no setting: 10 MiB is fixed",
            ..app.form_limits()
        };
        let sent = crate::http::body::read_body(headers, body, &limits).await?;
        let encoding = header_text(headers, &header::CONTENT_ENCODING);
        let encoding = negotiate::encoding(encoding, ingest::compress::Encoding::Identity)
            .map_err(crate::receive::decode_error)?;
        let mut decompressor = Decompressor::new();
        let plain = decompressor.decompress(encoding, &sent, &app.decoding());
        Ok(plain.map_err(crate::receive::decode_error)?.to_vec())
    }

    /// The body as JSON, null without one. Clients may send it as the parameter `source`.
    pub fn json(&self) -> Result<Json, Refusal> {
        let body = match self.params.get("source") {
            Some(source) if self.body.is_empty() => source.as_bytes(),
            _ => &self.body,
        };
        parse_json(body)
    }

    /// Whether a parameter is set.
    pub fn flag(&self, name: &str) -> bool {
        self.params.all(name).any(|v| v.is_empty() || v == "true")
    }
}

/// A text as JSON, null if it is empty.
pub fn parse_json(text: &[u8]) -> Result<Json, Refusal> {
    if text.trim_ascii().is_empty() {
        return Ok(Json::Null);
    }
    serde_json::from_slice(text).map_err(|e| {
        Refusal::Search(SearchError::Refused {
            kind: "parsing_exception",
            reason: format!("the body is not JSON: {e}"),
        })
    })
}
