//! `/api/v1/heartbeats`: reports of jobs, and the list of jobs.

use super::beats::Refused;
use crate::api::{Answer, Shared};
use crate::http::body::{BodyLimits, read_body};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::http::params::Params;
use crate::http::respond::{json, text};
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use heartbeats::{Report, is_name};
use std::sync::Arc;
use std::time::Duration;

/// Bytes that a job may send along.
const SAID_BYTES_MAX: usize = 100 << 10;

/// `GET`, `HEAD` and `POST /api/v1/heartbeats/NAME`: the job is done, and all is well.
pub async fn report(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Answer {
    take(&app, &name, None, request).await
}

/// `GET`, `HEAD` and `POST /api/v1/heartbeats/NAME/start`, `/fail` and `/EXITCODE`.
pub async fn report_kind(
    State(app): Shared,
    Path((name, kind)): Path<(String, String)>,
    request: Request<Body>,
) -> Answer {
    take(&app, &name, Some(&kind), request).await
}

async fn take(app: &Arc<App>, name: &str, kind: Option<&str>, request: Request<Body>) -> Answer {
    // Asking changes something here even with GET.
    refuse_foreign_page(request.headers())?;
    check_name(name)?;
    let report = Report::of_path(kind).ok_or_else(|| {
        let kind: String = kind.unwrap_or("").chars().take(40).collect();
        ApiError::bad_data(format!("{kind:?} is none of start, fail and an exit code from 0 to 255"))
    })?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let took_ms = params.get("duration").map(seconds).transpose()?;
    let (parts, body) = request.into_parts();
    let limits = BodyLimits {
        bytes_max: SAID_BYTES_MAX,
        setting: "no setting: 100 KiB is fixed",
        ..app.form_limits()
    };
    let said = read_body(&parts.headers, body, &limits).await?;
    let beats = &app.ready()?.lookout.beats;
    match beats.report(name, report, took_ms, &String::from_utf8_lossy(&said)).await {
        Ok(()) => Ok(text(StatusCode::OK, "OK\n")),
        Err(refused) => {
            beats.refused.add(1);
            Err(error(refused))
        }
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    match is_name(name) {
        true => Ok(()),
        false => {
            Err(ApiError::bad_data(heartbeats::PlanError::Name(name.chars().take(120).collect()).to_string()))
        }
    }
}

fn seconds(text: &str) -> Result<i64, ApiError> {
    let seconds = text.parse::<f64>().ok().filter(|s| (0.0..1e9).contains(s));
    let seconds = seconds.ok_or_else(|| ApiError::parameter("duration", "not a number of seconds"))?;
    Ok((seconds * 1000.0) as i64)
}

fn error(refused: Refused) -> ApiError {
    match refused {
        Refused::Unknown(reason) => ApiError::new(ErrorKind::NotFound, reason),
        Refused::TooMany(reason) => ApiError::bad_data(reason).with_status(StatusCode::TOO_MANY_REQUESTS),
        Refused::NotDurable => ApiError::new(
            ErrorKind::Unavailable,
            "the report cannot be written to disk: it is in force, and lost if the server ends now",
        )
        .retry_after(Duration::from_secs(5)),
    }
}

/// `DELETE /api/v1/heartbeats/NAME`: forgets a job that is not configured.
pub async fn forget(State(app): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    refuse_foreign_page(&headers)?;
    check_name(&name)?;
    match app.ready()?.lookout.beats.forget(&name).await.map_err(error)? {
        true => Ok(text(StatusCode::OK, "OK\n")),
        false => Err(ApiError::new(
            ErrorKind::NotFound,
            format!("there is no job {name:?} besides those of heartbeats.jobs"),
        )),
    }
}

/// `GET /api/v1/heartbeats`
pub async fn list(State(app): Shared) -> Answer {
    let all = app.ready()?.lookout.beats.shown();
    Ok(json(|j| {
        j.value(&all);
    }))
}
