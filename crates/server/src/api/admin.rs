//! Deletion and snapshots.

use super::select::{required_selectors, store_error};
use super::{Answer, Shared};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::http::params::Params;
use crate::http::respond::json;
use crate::http::time::format_rfc3339;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use std::sync::Arc;
use std::time::Duration;

/// Chores may wait for merges; this only bounds one that hangs.
pub const CHORE_TIMEOUT: Duration = Duration::from_secs(3600);

/// `/api/v1/admin/tsdb/delete_series`
pub async fn delete(State(app): Shared, request: Request<Body>) -> Answer {
    allowed(&app, request.headers())?;
    let params = Params::of_request(request, &app.form_limits()).await?;
    let sets = required_selectors(&params)?;
    let range = params.range()?;
    let app2 = Arc::clone(&app);
    let work = move || {
        let db = app2.db()?;
        for matchers in &sets {
            let touched = db.delete(matchers, range).map_err(store_error)?;
            tracing::info!(series = touched, "deleted on request");
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    app.chores.run(CHORE_TIMEOUT, work).await
}

/// `/api/v1/admin/tsdb/clean_tombstones`
pub async fn clean(State(app): Shared, request: Request<Body>) -> Answer {
    allowed(&app, request.headers())?;
    let app2 = Arc::clone(&app);
    let work = move || {
        app2.db()?.compact().map_err(store_error)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    app.chores.run(CHORE_TIMEOUT, work).await
}

/// `/api/v1/admin/tsdb/snapshot`
pub async fn snapshot(State(app): Shared, request: Request<Body>) -> Answer {
    allowed(&app, request.headers())?;
    let params = Params::of_request(request, &app.form_limits()).await?;
    // Accepted for the sake of scripts: a snapshot here always holds everything that was acknowledged.
    if let Some(text) = params.get("skip_head")
        && !matches!(
            text,
            "1" | "t" | "T" | "true" | "TRUE" | "True" | "0" | "f" | "F" | "false" | "FALSE" | "False"
        )
    {
        return Err(ApiError::parameter("skip_head", format!("unable to parse boolean: {text:?}")));
    }
    let app2 = Arc::clone(&app);
    let work = move || {
        let stamp = format_rfc3339(app2.now_ms()).replace(['-', ':', '.'], "");
        let dir = app2.origin.data_dir.join("snapshots").join(&stamp);
        app2.db()?.snapshot(&dir).map_err(store_error)?;
        let running = app2.ready()?;
        // Before the events, so that what is counted is there.
        running.errors.copy(&dir.join("issues")).map_err(|e| ApiError::internal(e.to_string()))?;
        running.office.copy_incidents(&dir.join("incidents")).map_err(ApiError::internal)?;
        for (name, records) in running.stores() {
            records.snapshot(&dir.join(name)).map_err(|e| ApiError::internal(e.to_string()))?;
        }
        Ok(json(|j| {
            j.raw("{").key("name").string(&stamp).raw("}");
        }))
    };
    app.chores.run(CHORE_TIMEOUT, work).await
}

/// Refuses what the configuration does not allow, and pages of others.
pub fn allowed(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    if !app.config().http.admin {
        return Err(ApiError::new(
            ErrorKind::Unavailable,
            "deletion and snapshots over HTTP are off: set http.admin to true to allow them",
        ));
    }
    refuse_foreign_page(headers)
}
