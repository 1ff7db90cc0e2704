//! Health, readiness, flushing, reloading, own metrics.

use super::select::store_error;
use super::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::{Encoding, respond, text};
use crate::state::App;
use crate::telemetry::exposition;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;
use tsdb::{Db, TsdbError};

/// `/-/healthy`: the process answers, and nothing that others count on stands still.
pub async fn healthy(State(app): Shared) -> Response {
    let timeout = app.config().rules.timeout.into();
    match app.running().and_then(|running| crate::lookout::stalled(running, app.now_ms(), timeout)) {
        None => text(StatusCode::OK, "Watchfire is healthy.\n"),
        Some(reason) => {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("Watchfire is not healthy: {reason}\n"))
        }
    }
}

/// `/-/ready`: the store is open.
pub async fn ready(State(app): Shared) -> Answer {
    app.ready()?;
    Ok(text(StatusCode::OK, "Watchfire is ready.\n"))
}

/// `/metrics`
pub async fn metrics(State(app): Shared, headers: HeaderMap) -> Response {
    respond(
        exposition(&app.families()),
        "text/plain; version=0.0.4; charset=utf-8",
        Encoding::accepted(&headers),
    )
}

/// `/-/flush`: everything in memory becomes parts.
pub async fn flush(State(app): Shared, headers: HeaderMap) -> Answer {
    chore(&app, &headers, Db::flush, records::Store::flush).await
}

/// `/-/compact`: parts become as few as they can.
pub async fn compact(State(app): Shared, headers: HeaderMap) -> Answer {
    chore(&app, &headers, Db::compact, records::Store::compact).await
}

async fn chore(
    app: &Arc<App>,
    headers: &HeaderMap,
    on_samples: impl Fn(&Db) -> Result<(), TsdbError> + Send + 'static,
    on_records: impl Fn(&records::Store) -> Result<(), records::RecordsError> + Send + 'static,
) -> Answer {
    refuse_foreign_page(headers)?;
    let app2 = Arc::clone(app);
    let work = move || {
        on_samples(app2.db()?).map_err(store_error)?;
        let running = app2.ready()?;
        for (_, records) in running.stores() {
            on_records(records).map_err(|e| ApiError::internal(e.to_string()))?;
        }
        Ok(text(StatusCode::OK, "done\n"))
    };
    app.chores.run(Duration::from_secs(3600), work).await
}

/// `/-/reload`: reads the configuration file again. Scrape jobs change at once; the rest after a restart.
pub async fn reload(State(app): Shared, headers: HeaderMap) -> Answer {
    refuse_foreign_page(&headers)?;
    match crate::server::reload(&app).await {
        Ok(message) => Ok(text(StatusCode::OK, format!("{message}\n"))),
        Err(reason) => Err(ApiError::internal(format!("the configuration was not reloaded: {reason}"))),
    }
}
