//! `/probe` as blackbox_exporter has it, and the list of targets.

use super::probes::Endpoint;
use crate::api::{Answer, Shared};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::params::Params;
use crate::http::respond::{Encoding, json, respond, text};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use probe::{Outcome, Prober};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// What a scraper says about how long it waits.
const SCRAPE_TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// So much of that is left for the way back.
const TIMEOUT_OFFSET: f64 = 0.5;
/// The module that is meant if none is named, as in blackbox_exporter.
const MODULE: &str = "http_2xx";
/// Bytes of a target.
const TARGET_BYTES_MAX: usize = 4096;

/// `GET /probe?target=&module=&hostname=&debug=true`
pub async fn probe(State(app): Shared, request: Request<Body>) -> Answer {
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let probes = &app.ready()?.lookout.probes;
    probes.asked.add(1);
    let refused = |error: ApiError| {
        probes.refused.add(1);
        error
    };
    let endpoint = probes
        .endpoint()
        .filter(|e| e.config.enabled)
        .ok_or_else(|| refused(forbidden("probes.endpoint.enabled is false")))?;
    let wanted = Wanted::of(&params, &endpoint).map_err(refused)?;
    let Some(_place) = endpoint.place() else {
        let reason = format!(
            "{} probes are under way, the limit of probes.endpoint.concurrency",
            endpoint.config.concurrency
        );
        return Err(refused(
            ApiError::new(ErrorKind::Unavailable, reason).retry_after(Duration::from_secs(1)),
        ));
    };
    let allowed = allowed(request.headers(), endpoint.config.timeout_max.into())?;
    let outcome = wanted.prober.probe(&wanted.target, Some(allowed)).await;
    if params.get("debug") == Some("true") {
        return Ok(text(StatusCode::OK, debug(&wanted, &outcome)));
    }
    let body = outcome.metrics.exposition().into_bytes();
    Ok(respond(body, "text/plain; version=0.0.4; charset=utf-8", Encoding::accepted(request.headers())))
}

struct Wanted {
    target: String,
    prober: Arc<Prober>,
}

impl Wanted {
    fn of(params: &Params, endpoint: &Endpoint) -> Result<Wanted, ApiError> {
        let module = params.get("module").unwrap_or(MODULE);
        let Some(prober) = endpoint.modules.get(module) else {
            let module: String = module.chars().take(100).collect();
            let names: Vec<&str> = endpoint.modules.keys().map(String::as_str).collect();
            let there_are = match names.is_empty() {
                true => "none is configured in probes.modules or probes.config_file".to_owned(),
                false => format!("there are {}", names.join(", ")),
            };
            return Err(ApiError::bad_data(format!("Unknown module {module:?}: {there_are}")));
        };
        let target =
            params.get("target").ok_or_else(|| ApiError::bad_data("Target parameter is missing"))?.to_owned();
        if target.len() > TARGET_BYTES_MAX {
            return Err(ApiError::parameter("target", format!("longer than {TARGET_BYTES_MAX} bytes")));
        }
        if !endpoint.allows(&target) {
            return Err(forbidden(&format!(
                "the target {target:?} is not one that probes.endpoint.targets allows"
            )));
        }
        let prober = match params.get("hostname") {
            Some(hostname) => Arc::new(
                prober.with_hostname(hostname).map_err(|reason| ApiError::parameter("hostname", reason))?,
            ),
            None => Arc::clone(prober),
        };
        Ok(Wanted { target, prober })
    }
}

fn forbidden(reason: &str) -> ApiError {
    ApiError::new(ErrorKind::Forbidden, reason)
}

/// How long a probe may take: what the scraper waits, less what the way back takes, and no more than is configured.
fn allowed(headers: &HeaderMap, max: Duration) -> Result<Duration, ApiError> {
    let Some(stated) = headers.get(SCRAPE_TIMEOUT) else { return Ok(max) };
    let seconds = stated.to_str().ok().and_then(|s| s.trim().parse::<f64>().ok());
    let seconds = seconds.filter(|s| s.is_finite() && (0.0..1e9).contains(s)).ok_or_else(|| {
        ApiError::bad_data("header X-Prometheus-Scrape-Timeout-Seconds is not a number of seconds")
    })?;
    if seconds <= TIMEOUT_OFFSET {
        return Ok(max);
    }
    Ok(Duration::from_secs_f64(seconds - TIMEOUT_OFFSET).min(max))
}

fn debug(wanted: &Wanted, outcome: &Outcome) -> String {
    let mut out = "Logs for the probe:\n".to_owned();
    for line in &outcome.log {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:9.6} {:5} {}", line.at_seconds, line.level.as_str(), line.text);
    }
    out.push_str("\n\n\nMetrics that would have been returned:\n");
    out.push_str(&outcome.metrics.exposition());
    out.push_str("\n\n\nModule configuration:\n");
    out.push_str(&wanted.prober.shown());
    out
}

/// `GET /api/v1/probes`
pub async fn list(State(app): Shared) -> Answer {
    let shown = app.ready()?.lookout.probes.shown();
    Ok(json(|j| {
        j.value(&shown);
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_ends_before_its_scrape() {
        let max = Duration::from_secs(30);
        for (stated, want) in [
            (None, Some(30.0)),
            (Some("10"), Some(9.5)),
            (Some("0.4"), Some(30.0)),
            (Some("0"), Some(30.0)),
            (Some("1e6"), Some(30.0)),
            (Some("NaN"), None),
            (Some("-1"), None),
            (Some("soon"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(stated) = stated {
                headers.insert(SCRAPE_TIMEOUT, stated.parse().unwrap());
            }
            assert_eq!(allowed(&headers, max).ok().map(|d| d.as_secs_f64()), want, "{stated:?}");
        }
    }
}
