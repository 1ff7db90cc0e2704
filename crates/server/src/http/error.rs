//! What a request is answered with when it cannot be served.

use super::json::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// The kind of an error, as the Prometheus API names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is wrong.
    BadData,
    /// The query is right but cannot be evaluated.
    Execution,
    /// The query took too long.
    Timeout,
    /// The query was given up.
    Canceled,
    /// A fault of ours.
    Internal,
    /// Not now.
    Unavailable,
    /// There is no such thing.
    NotFound,
    /// Not from here.
    Forbidden,
}

impl ErrorKind {
    fn name(self) -> &'static str {
        match self {
            ErrorKind::BadData => "bad_data",
            ErrorKind::Execution => "execution",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Canceled => "canceled",
            ErrorKind::Internal => "internal",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Forbidden => "forbidden",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorKind::BadData => StatusCode::BAD_REQUEST,
            ErrorKind::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Timeout | ErrorKind::Canceled | ErrorKind::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        }
    }
}

/// An error in the shape of the Prometheus API.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Its kind.
    pub kind: ErrorKind,
    /// A sentence for people.
    pub message: String,
    /// A status other than that of the kind.
    pub status: Option<StatusCode>,
    /// When trying again makes sense.
    pub retry_after: Option<Duration>,
    /// What is wrong in the text of a query.
    pub mistake: Option<Box<Mistake>>,
}

/// A place in the text of a query, and what might be right there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// First byte of the place.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: usize,
    /// Column of `start` in bytes, from 1.
    pub column: usize,
    /// What might be right instead.
    pub help: Option<String>,
}

impl ApiError {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> ApiError {
        ApiError { kind, message: message.into(), status: None, retry_after: None, mistake: None }
    }

    /// The request is wrong.
    pub fn bad_data(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorKind::BadData, message)
    }

    /// One parameter is wrong.
    pub fn parameter(name: &str, reason: impl std::fmt::Display) -> ApiError {
        ApiError::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }

    /// A parameter is no query.
    pub fn query(name: &str, e: promql::ParseError) -> ApiError {
        let mut error = ApiError::parameter(name, &e);
        let promql::ParseError { start, end, line, column, help, .. } = e;
        error.mistake = Some(Box::new(Mistake { start, end, line, column, help }));
        error
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorKind::Internal, message)
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(self.kind.status())
    }

    /// The same error with another status.
    pub fn with_status(mut self, status: StatusCode) -> ApiError {
        self.status = Some(status);
        self
    }

    /// The same error with the time after which to try again.
    pub fn retry_after(mut self, wait: Duration) -> ApiError {
        self.retry_after = Some(wait);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut j = Json::new();
        j.raw("{").key("status").string("error");
        j.key("errorType").string(self.kind.name());
        j.key("error").string(&self.message);
        if let Some(m) = &self.mistake {
            j.key("place").raw("{");
            for (key, value) in [("start", m.start), ("end", m.end), ("line", m.line), ("column", m.column)] {
                j.key(key).int(value as i64);
            }
            j.raw("}");
            if let Some(help) = &m.help {
                j.key("help").string(help);
            }
        }
        j.raw("}");
        let status = self.status();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json")], j.into_bytes()).into_response();
        if let Some(wait) = self.retry_after {
            set_retry_after(&mut response, wait);
        }
        response
    }
}

/// Sets `Retry-After`, at least one second.
pub fn set_retry_after(response: &mut Response, wait: Duration) {
    let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}
