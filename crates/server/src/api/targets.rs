//! Scrape targets.

use super::select::store_error;
use super::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, json, respond, success};
use crate::http::time::RANGE_ALL;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::{Labels, METRIC_NAME, Matcher};
use std::sync::Arc;

/// `/api/v1/targets`
pub async fn targets(State(app): Shared, request: Request<Body>) -> Answer {
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let mut found = app.ready()?.scraper.targets();
    if let Some(pool) = params.get("scrapePool") {
        found.active_targets.retain(|t| t.scrape_pool == pool);
        found.dropped_targets.retain(|t| t.scrape_pool == pool);
    }
    match params.get("state").map(str::to_ascii_lowercase).as_deref() {
        Some("active") => {
            found.dropped_targets.clear();
            found.dropped_target_counts.clear();
        }
        Some("dropped") => found.active_targets.clear(),
        _ => {}
    }
    let body = success(&Notes::default(), |j| {
        j.value(&found);
    });
    Ok(respond(body, "application/json", Encoding::accepted(request.headers())))
}

/// `/api/v1/scrape_pools`
pub async fn pools(State(app): Shared) -> Answer {
    let mut names: Vec<String> = app.config().scrape_configs.iter().map(|c| c.job_name.clone()).collect();
    names.sort();
    Ok(json(|j| {
        j.raw("{").key("scrapePools").strings(&names).raw("}");
    }))
}

/// `/api/v1/targets/metadata`: what targets say about their metrics. Metadata is kept by metric; which target has
/// a metric is told by its series.
pub async fn metadata(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let matchers: Vec<Matcher> = match params.get("match_target") {
        Some(text) => promql::parse_selector(text).map_err(|e| ApiError::parameter("match_target", e))?,
        None => Vec::new(),
    };
    let limit = match params.get("limit").map(str::parse::<i64>) {
        None => usize::MAX,
        Some(Ok(n)) => usize::try_from(n).unwrap_or(usize::MAX),
        Some(Err(_)) => return Err(ApiError::bad_data("limit must be a number")),
    };
    let metric = params.get("metric").map(str::to_owned);
    let app2 = Arc::clone(&app);
    let work = move || {
        let running = app2.ready()?;
        let families = running.db.metadata(metric.as_deref(), usize::MAX);
        let mut rows = Vec::new();
        for target in running.scraper.targets().active_targets {
            let labels = Labels::from_pairs(&target.labels).unwrap_or_default();
            if !matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or(""))) {
                continue;
            }
            let own: Vec<Matcher> =
                ["job", "instance"].iter().map(|n| Matcher::equal(*n, labels.get(n).unwrap_or(""))).collect();
            let names =
                running.db.label_values(METRIC_NAME, &own, RANGE_ALL, usize::MAX).map_err(store_error)?;
            let exposes = |family: &str| {
                let at = names.partition_point(|n| n.as_str() < family);
                names[at..]
                    .iter()
                    .take_while(|n| n.starts_with(family))
                    .any(|n| PARTS.contains(&&n[family.len()..]))
            };
            let found = families.iter().filter(|(family, _)| exposes(family));
            rows.extend(found.map(|(family, m)| (labels.clone(), family, m)).take(limit - rows.len()));
        }
        let body = success(&Notes::default(), |j| {
            j.list(&rows, |j, (target, family, m)| {
                j.raw("{").key("target").labels(target);
                if metric.is_none() {
                    j.key("metric").string(family);
                }
                j.key("type").string(m.kind.as_str()).key("help").string(&m.help);
                j.key("unit").string(&m.unit).raw("}");
            });
        });
        Ok(respond(body, "application/json", encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// What series of a family have behind its name.
const PARTS: [&str; 7] = ["", "_total", "_bucket", "_sum", "_count", "_info", "_created"];
