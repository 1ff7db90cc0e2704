//! Metrics pushed as text, OpenMetrics or protocol buffers: plainly, or in the groups of a Pushgateway.

use super::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::origin::refuse_foreign_page;
use crate::http::params::Params;
use crate::http::respond::text;
use crate::intake::samples::take;
use crate::receive::{self, header_text};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, post};
use ingest::exposition::{self, PushOptions};
use ingest::{Limits, negotiate};
use model::{Appendable, is_legacy_label_name};
use std::sync::Arc;

/// POST and PUT of a body that stands for itself.
pub fn text_methods() -> MethodRouter<Arc<App>> {
    post(plain).put(plain)
}

/// POST and PUT of a body whose group stands in the path.
pub fn group_methods() -> MethodRouter<Arc<App>> {
    post(group).put(group)
}

/// `/api/v1/push/text`: `extra_label=name=value` adds labels, `timestamp` (milliseconds) is the time of samples
/// that state none.
async fn plain(State(app): Shared, request: Request<Body>) -> Answer {
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let mut labels = Vec::new();
    for extra in params.all("extra_label") {
        match extra.split_once('=') {
            Some((n, v)) if is_legacy_label_name(n) => labels.push((n.to_owned(), v.to_owned())),
            _ => return Err(ApiError::parameter("extra_label", format!("{extra:?} is not name=value"))),
        }
    }
    let time_ms = match params.get("timestamp").map(str::parse::<i64>) {
        None => app.now_ms(),
        Some(Ok(ms)) => ms,
        Some(Err(_)) => return Err(ApiError::parameter("timestamp", "not a number of milliseconds")),
    };
    push(&app, request, PushOptions { default_time_ms: time_ms, labels }).await
}

/// `/metrics/job/JOB{/LABEL/VALUE}`
async fn group(State(app): Shared, request: Request<Body>) -> Answer {
    // The path as it was sent: an escaped slash within a value must not split it.
    let labels = grouping(request.uri().path().trim_start_matches("/metrics/job"))?;
    let options = PushOptions { default_time_ms: app.now_ms(), labels };
    push(&app, request, options).await
}

async fn push(app: &Arc<App>, request: Request<Body>, options: PushOptions) -> Answer {
    refuse_foreign_page(request.headers())?;
    let metrics = &app.metrics.push;
    let (parts, body) = request.into_parts();
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE);
    let encoding = header_text(&parts.headers, &header::CONTENT_ENCODING);
    let (format, encoding) = negotiate::push(kind, encoding).map_err(receive::decode_error)?;
    let decode = move |app: &App, body: &[u8], limits: &Limits| {
        let mut appender = app.db()?.appender();
        let outcome = exposition::push(body, format, &options, limits, &mut *appender)
            .map_err(receive::decode_error)?;
        Ok((outcome, appender.commit()))
    };
    let (outcome, committed) = take(app, metrics, &parts.headers, body, encoding, decode).await?;
    receive::count(metrics, &committed, &outcome);
    Ok(match outcome.refusal() {
        None => StatusCode::OK.into_response(),
        Some(reasons) => text(StatusCode::BAD_REQUEST, reasons + "\n"),
    })
}

/// The labels of a group from its path: `/JOB/LABEL/VALUE/…`. A name with `@base64` at its end has its value in
/// base64 for URLs, as values with slashes need.
fn grouping(path: &str) -> Result<Vec<(String, String)>, ApiError> {
    let base64_job = path.strip_prefix("@base64");
    let parts: Vec<&str> = base64_job.unwrap_or(path).trim_start_matches('/').split('/').collect();
    if parts.len().is_multiple_of(2) {
        return Err(ApiError::bad_data(format!(
            "the path must be /metrics/job/JOB and then pairs /LABEL/VALUE; {:?} has no value",
            parts[parts.len() - 1]
        )));
    }
    let mut labels = vec![("job".to_owned(), value(parts[0], base64_job.is_some())?)];
    if labels[0].1.is_empty() {
        return Err(ApiError::bad_data("job name is required"));
    }
    for pair in parts[1..].chunks_exact(2) {
        let (name, encoded) = match pair[0].strip_suffix("@base64") {
            Some(name) => (name, true),
            None => (pair[0], false),
        };
        let name = percent(name)?;
        if !is_legacy_label_name(&name) {
            return Err(ApiError::bad_data(format!("{name:?} in the path is not a label name")));
        }
        if labels.iter().any(|(n, _)| *n == name) {
            return Err(ApiError::bad_data(format!("the label {name:?} occurs twice in the path")));
        }
        labels.push((name, value(pair[1], encoded)?));
    }
    Ok(labels)
}

fn value(text: &str, base64: bool) -> Result<String, ApiError> {
    if !base64 {
        return percent(text);
    }
    decode_base64(text)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ApiError::bad_data(format!("{text:?} in the path is not base64 of UTF-8")))
}

fn percent(text: &str) -> Result<String, ApiError> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(|s| s.into_owned())
        .map_err(|_| ApiError::bad_data(format!("{text:?} in the path is not UTF-8")))
}

/// Base64 with the alphabet for URLs, padded or not; a lone `=` is the empty value.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut have) = (0u32, 0);
    for b in text.trim_end_matches('=').bytes() {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    // What is left must be the zero bits of a whole group, never a lone digit.
    (have < 6 && bits == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        match grouping(path) {
            Ok(labels) => labels.iter().map(|(n, v)| format!("{n}={v} ")).collect(),
            Err(e) => e.message,
        }
    }

    #[test]
    fn groups_stand_in_the_path() {
        for (path, want) in [
            ("/backup", "job=backup "),
            ("/backup/instance/db%201", "job=backup instance=db 1 "),
            ("@base64/YS9i/path@base64/L3Zhci90bXA", "job=a/b path=/var/tmp "),
            ("/j/empty@base64/=", "job=j empty= "),
            ("/", "job name is required"),
            ("/j/a", r#"the path must be /metrics/job/JOB and then pairs /LABEL/VALUE; "a" has no value"#),
            ("/j/a/1/a/2", r#"the label "a" occurs twice in the path"#),
            ("/j/0a/1", r#""0a" in the path is not a label name"#),
            ("/j/a@base64/?", r#""?" in the path is not base64 of UTF-8"#),
            ("/j/a/%ff", r#""%ff" in the path is not UTF-8"#),
        ] {
            assert_eq!(text(path), want);
        }
    }

    #[test]
    fn base64_is_strict_about_its_end() {
        assert_eq!(decode_base64("aGk=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode_base64("aGk").as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode_base64("aGl").as_deref(), None);
        assert_eq!(decode_base64("a"), None);
    }
}
