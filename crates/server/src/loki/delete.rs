//! `delete`: lines that are gone from answers at once, and from disk after the next merges.

use super::params;
use super::query::taken;
use super::source::StoredNames;
use crate::api::admin::{CHORE_TIMEOUT, allowed};
use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::respond::{Encoding, respond};
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use model::record::{FilterOp, Tenant, TextFilter};
use records::Deletion;
use std::sync::Arc;

/// What is to be deleted.
struct Deleting {
    tenant: Tenant,
    log: logql::LogExpr,
    filters: Vec<TextFilter>,
    start_ns: i64,
    end_ns: i64,
}

/// `POST /loki/api/v1/delete`
pub async fn delete(State(app): Shared, request: Request<Body>) -> Answer {
    allowed(&app, request.headers())?;
    let (headers, params) = taken(&app, request).await?;
    let text = params.get("query").unwrap_or("");
    let log = logql::parse_log(text).map_err(|e| ApiError::query("query", e))?;
    let filters = logql::line_filters(&log).map_err(|e| ApiError::parameter("query", e))?;
    let start_ns = params::time_ns(&params, "start")?
        .ok_or_else(|| ApiError::parameter("start", "a deletion needs a time to begin from"))?;
    let end_ns = params::time_ns(&params, "end")?.unwrap_or_else(|| app.now_ms().saturating_mul(1_000_000));
    if end_ns < start_ns {
        return Err(ApiError::parameter("end", "the end of the range is before its start"));
    }
    let deleting = Deleting { tenant: params::tenant(&headers)?, log, filters, start_ns, end_ns };
    let app2 = Arc::clone(&app);
    app.chores.run(CHORE_TIMEOUT, move || deleting.run(&app2)).await
}

impl Deleting {
    fn run(&self, app: &App) -> Answer {
        let store = &app.ready()?.logs;
        let known = StoredNames::of(store, &self.tenant, &self.log.matchers);
        if !known.exact {
            let reason = "a label of it stands for several stored names that LogQL cannot tell apart";
            return Err(ApiError::parameter("query", reason));
        }
        let matchers = known.stored(&self.log.matchers);
        // Loki's end is part of the range.
        let end_ns = self.end_ns.saturating_add(1);
        let done = store.delete(&self.tenant, &matchers, &self.filters, self.start_ns, end_ns);
        done.map_err(|e| ApiError::internal(e.to_string()))?;
        tracing::info!(tenant = self.tenant.as_str(), query = %self.log, "logs deleted on request");
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// `GET /loki/api/v1/delete`: deletions that are not carried out on disk yet.
pub async fn deletions(State(app): Shared, headers: HeaderMap) -> Answer {
    let tenant = params::tenant(&headers)?;
    let status = app.ready()?.logs.status();
    let mut j = Json::new();
    j.list(status.deletions.iter().filter(|d| d.tenant == tenant.as_str()), |j, d| {
        j.raw("{").key("request_id").string(&d.number.to_string());
        j.key("start_time").time(d.start_ns.div_euclid(1_000_000));
        j.key("end_time").time(d.end_ns.saturating_sub(1).div_euclid(1_000_000));
        j.key("query").string(&query(d)).key("status").string("received");
        j.key("created_at").time(d.asked_ms).raw("}");
    });
    Ok(respond(j.into_bytes(), "application/json", Encoding::Identity))
}

/// `DELETE /loki/api/v1/delete`: too late, always.
pub async fn cancel() -> Answer {
    Err(ApiError::bad_data("a deletion takes effect at once and cannot be cancelled"))
}

/// A deletion as it was asked for.
fn query(d: &Deletion) -> String {
    let mut text = d.selector.clone();
    for filter in &d.filters {
        let op = match filter.op() {
            FilterOp::Contains => "|=",
            FilterOp::NotContains => "!=",
            FilterOp::Matches => "|~",
            FilterOp::NotMatches => "!~",
        };
        text.push_str(&format!(" {op} {}", promql::quote(filter.pattern())));
    }
    text
}
