//! Alertmanager's API, version 2, and what it does not have: previews and dry runs.

mod alerts;
mod own;
mod routes;
mod silences;
mod status;

pub use alerts::{get as get_alerts, groups, post as post_alerts};
pub use own::{deliveries, preview, route, trial};
pub use routes::{deliveries_done, routes};
pub use silences::{create, delete, get, list};
pub use status::{receivers, status};

use crate::http::error::{ApiError, ErrorKind};
use crate::http::number::format_plain;
use alerting::Matchers;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

/// An error as this API gives it: its text as JSON.
pub struct Refused(ApiError);

/// What endpoints of this API give.
pub type Reply = Result<Response, Refused>;

impl From<ApiError> for Refused {
    fn from(e: ApiError) -> Refused {
        Refused(e)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = reply(self.0.status(), &self.0.message);
        if let Some(wait) = self.0.retry_after {
            crate::http::error::set_retry_after(&mut response, wait);
        }
        response
    }
}

/// A value as JSON.
fn reply(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Response {
    let body = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn ok(value: &(impl Serialize + ?Sized)) -> Reply {
    Ok(reply(StatusCode::OK, value))
}

fn bad(message: impl Into<String>) -> Refused {
    Refused(ApiError::bad_data(message))
}

fn absent(message: impl Into<String>) -> Refused {
    Refused(ApiError::new(ErrorKind::NotFound, message))
}

/// A time as this API writes it.
fn time(ms: i64) -> String {
    crate::http::time::format_rfc3339(ms)
}

/// A time as clients write it.
fn parse_time(text: &str) -> Result<Option<i64>, String> {
    let at: Timestamp = text.parse().map_err(|e| format!("{text:?} is not a time: {e}"))?;
    let ms = at.as_millisecond();
    // Go's zero time says that there is none.
    Ok((ms > ZERO_MS).then_some(ms))
}

const ZERO_MS: i64 = -62_135_596_800_000;

/// A truth value among the parameters; true if absent.
fn flag(params: &crate::http::params::Params, name: &str) -> Result<bool, Refused> {
    match params.get(name) {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(bad(format!("invalid parameter {name:?}: {other:?} is neither true nor false"))),
    }
}

/// All conditions of the parameter `filter`.
fn filter(params: &crate::http::params::Params) -> Result<Matchers, Refused> {
    let mut all = Vec::new();
    for text in params.all("filter") {
        all.extend(Matchers::parse(text).map_err(|e| bad(e.to_string()))?.0);
    }
    Ok(Matchers(all))
}

/// A whole pattern over names of receivers.
fn receiver_pattern(params: &crate::http::params::Params) -> Result<Option<regex::Regex>, Refused> {
    let Some(text) = params.get("receiver") else { return Ok(None) };
    let whole = format!("^(?:{text})$");
    regex::Regex::new(&whole).map(Some).map_err(|e| bad(format!("failed to parse receiver param: {e}")))
}

/// Seconds for people.
fn seconds(ms: i64) -> String {
    format_plain(ms as f64 / 1000.0)
}
