//! Sentry's SDKs over HTTP: `/api/{project}/envelope/` and `/api/{project}/store/`.
//!
//! SDKs send a body once: whatever is not answered with 200 is lost, and they count it as such. So a body is kept waiting
//! for room rather than sent away, up to a bound below their own patience, and only then refused with 503, which relays
//! take as a reason to send it again. 429 is never an answer to pressure: it would make an SDK throw away what comes in
//! the next minute, too.

use crate::api::Shared;
use crate::config::{Stranger, unnamed};
use crate::http::error::{ApiError, ErrorKind, set_retry_after};
use crate::http::json::Json;
use crate::http::origin::Origins;
use crate::intake::tenant;
use crate::receive::{self, header_text};
use crate::state::App;
use crate::telemetry::Way;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use errors::{EventId, Item};
use ingest::compress::Encoding;
use ingest::negotiate;
use ingest::records::{Decoded, RecordOutcome, RecordWriter, Signal};
use ingest::sentry::{Auth, Beside, Contents};
use model::Unavailable;
use model::record::Tenant;
use std::sync::Arc;
use std::time::Duration;

/// How long a body waits for room; SDKs give up after 15 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries, at first and at most: each of them groups the events of the body anew.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(1);

const SENTRY_AUTH: HeaderName = HeaderName::from_static("x-sentry-auth");

/// `POST /api/{project}/envelope/`
pub async fn envelope(State(app): Shared, Path(project): Path<String>, request: Request<Body>) -> Response {
    answer(take(&app, &project, request, true).await)
}

/// `POST /api/{project}/store/`
pub async fn store(State(app): Shared, Path(project): Path<String>, request: Request<Body>) -> Response {
    answer(take(&app, &project, request, false).await)
}

/// What became of a body.
struct Taken {
    id: Option<EventId>,
    outcome: RecordOutcome,
    records: u64,
}

async fn take(
    app: &Arc<App>,
    project: &str,
    request: Request<Body>,
    is_envelope: bool,
) -> Result<Taken, ApiError> {
    let (parts, body) = request.into_parts();
    let tenant = tenant(&parts.headers)?;
    let tracker = Arc::clone(&app.ready()?.errors);
    let metrics = app.metrics.way(Way::Sentry);
    let query: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    let auth =
        header_text(&parts.headers, &SENTRY_AUTH).or(header_text(&parts.headers, &header::AUTHORIZATION));
    let auth = Auth::of(auth, &query);
    let config = app.config();
    // Whoever says a key that is wrong need not send a body.
    let mut named = auth.key.as_deref().map(|key| config.issues.project(project, Some(key)));
    if let Some(Err(e)) = &named {
        tracker.events.refused("key", 1);
        return Err(stranger(e));
    }
    let encoding =
        negotiate::encoding(header_text(&parts.headers, &header::CONTENT_ENCODING), Encoding::Identity);
    let encoding = encoding.map_err(receive::decode_error)?;
    let held = receive::body(app, &metrics.traffic, &parts.headers, body, &app.form_limits()).await?;
    let _hold = app.brake.hold();
    let service = service_of(app, project);
    let decoded = decode(app, held, encoding, tenant.clone(), is_envelope.then(|| service.clone())).await;
    let (mut contents, beside) = decoded.inspect_err(|_| tracker.events.refused("malformed", 1))?;
    if named.is_none() {
        named = Some(config.issues.project(project, contents.key.as_deref()));
    }
    let project = named.unwrap_or(Err(Stranger::NoKey)).map_err(|e| {
        tracker.events.refused("key", 1);
        stranger(&e)
    })?;
    for d in &contents.discarded {
        tracker.events.report(&d.reason, &d.category, d.quantity);
    }
    for (kind, items) in &contents.unknown {
        tracker.events.unknown(kind, *items);
    }
    tracker.events.refused("item", contents.outcome.rejected);
    let mut outcome = std::mem::take(&mut contents.outcome);
    // Events first: a body that is sent again because there was no room for the rest brings events that are known by
    // their ids, where log records have none.
    let mut records = 0;
    let items: Vec<(String, Item)> =
        contents.items.into_iter().map(|i| (project.clone(), named_by(i, &service))).collect();
    if !items.is_empty() {
        let kept = patiently(app, &metrics.traffic, || tracker.keep(&tenant, items.clone())).await?;
        for why in &kept.refused {
            outcome.reject(why);
        }
        tracker.events.refused("store", kept.refused.len() as u64);
        records += kept.records + kept.repeated;
        metrics.records.add(kept.records);
    }
    records += keep_beside(app, beside, &mut outcome).await?;
    metrics.batches.add(1);
    metrics.refused.add(outcome.rejected);
    Ok(Taken { id: contents.event_id, outcome, records })
}

/// Events that say no service are of that of their project.
fn named_by(item: Item, service: &str) -> Item {
    match item {
        Item::Event(mut event) if event.service.is_empty() => {
            service.clone_into(&mut event.service);
            Item::Event(event)
        }
        other => other,
    }
}

/// The service of a project: its name, if it has one.
fn service_of(app: &App, project: &str) -> String {
    let config = app.config();
    let named = config.issues.projects.iter().find(|p| p.id.to_string() == project);
    named.map_or_else(|| format!("sentry-project-{project}"), |p| p.name())
}

async fn decode(
    app: &Arc<App>,
    mut held: receive::Held<'_>,
    encoding: Encoding,
    tenant: Tenant,
    envelope_of: Option<String>,
) -> Result<(Contents, Beside), ApiError> {
    let mut work = std::mem::take(&mut held.work);
    let length = work.body.len();
    let shared = Arc::clone(app);
    let now_ns = app.now_ns();
    let decode = move || {
        let config = shared.config();
        let writer = |signal: Signal| {
            RecordWriter::new(tenant.clone(), config.records(signal).limits.decoding(signal), now_ns)
        };
        let is_envelope = envelope_of.is_some();
        let service = envelope_of.unwrap_or_default();
        let mut beside = Beside { spans: writer(Signal::Traces), logs: writer(Signal::Logs), service };
        let limits = config.issues.limits();
        let id = unnamed(shared.unique(1), now_ns);
        let done = work.decompressor.decompress(encoding, &work.body, &shared.decoding()).and_then(|body| {
            match is_envelope {
                true => ingest::sentry::envelope(body, id, now_ns, &limits, &mut beside),
                false => ingest::sentry::store(body, id, now_ns, &limits),
            }
        });
        (done.map(|contents| (contents, beside)), work)
    };
    /// Bodies up to this size are decoded where they were read.
    const INLINE_BYTES_MAX: usize = 64 << 10;
    let (done, work) = match length <= INLINE_BYTES_MAX {
        true => decode(),
        false => tokio::task::spawn_blocking(decode).await.map_err(|_| {
            ApiError::internal("decoding the body met a fault in the server; its log says more")
        })?,
    };
    held.work = work;
    done.map_err(receive::decode_error)
}

/// Keeps the spans and log records of an envelope.
async fn keep_beside(app: &Arc<App>, beside: Beside, outcome: &mut RecordOutcome) -> Result<u64, ApiError> {
    let mut records = 0;
    let traffic = &app.metrics.way(Way::Sentry).traffic;
    for (signal, writer) in [(Signal::Traces, beside.spans), (Signal::Logs, beside.logs)] {
        let Decoded { batch, outcome: of } = writer.finish();
        outcome.rejected += of.rejected;
        outcome.reasons.extend(of.reasons);
        if batch.is_empty() {
            continue;
        }
        let sink = app.ready()?.sink(signal);
        let accepted = patiently(app, traffic, || sink.append(batch.clone())).await?;
        accepted.refused.iter().for_each(|r| outcome.reject(&r.reason));
        records += accepted.records;
    }
    Ok(records)
}

/// Tries for a while to keep something.
async fn patiently<T, F: Future<Output = Result<T, Unavailable>>>(
    app: &App,
    traffic: &crate::telemetry::Traffic,
    keep: impl Fn() -> F,
) -> Result<T, ApiError> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut wait = LOOK_AGAIN;
    loop {
        match keep().await {
            Ok(kept) => return Ok(kept),
            Err(Unavailable::Busy { .. }) if tokio::time::Instant::now() < until => {
                app.ready()?;
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LOOK_AGAIN_MAX);
            }
            Err(e) => return Err(receive::unavailable(e, traffic)),
        }
    }
}

fn stranger(e: &Stranger) -> ApiError {
    ApiError::new(ErrorKind::Forbidden, e.to_string()).with_status(match e {
        Stranger::NoKey => StatusCode::UNAUTHORIZED,
        Stranger::Project(_) | Stranger::Key { .. } => StatusCode::FORBIDDEN,
    })
}

/// An answer as SDKs read it: an object with the id, or with `detail` and, in a header, the error.
fn answer(done: Result<Taken, ApiError>) -> Response {
    let failed = |status: StatusCode, message: &str, wait: Option<Duration>| {
        let mut j = Json::new();
        j.raw("{").key("detail").string(message).raw("}");
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json")], j.into_bytes()).into_response();
        let line: String =
            message.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        if let Ok(line) = HeaderValue::from_str(&line) {
            response.headers_mut().insert("x-sentry-error", line);
        }
        if let Some(wait) = wait {
            set_retry_after(&mut response, wait);
        }
        response
    };
    match done {
        // Nothing of it was kept, and sending it again would not help.
        Ok(t) if t.records == 0 && t.outcome.rejected > 0 => {
            let too_large = t.outcome.reasons.iter().any(|r| r.contains("issues.envelope."));
            let status = if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            failed(status, &t.outcome.refusal(0).unwrap_or_default(), None)
        }
        Ok(t) => {
            let mut j = Json::new();
            j.raw("{");
            if let Some(id) = t.id {
                j.key("id").string(&id.to_string());
            }
            if let Some(refusal) = t.outcome.refusal(t.records) {
                j.key("detail").string(&refusal);
            }
            j.raw("}");
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], j.into_bytes()).into_response()
        }
        Err(e) => failed(e.status(), &e.message, e.retry_after),
    }
}

/// Lets pages of the configured origins send: what a browser asks for, on all answers of these endpoints.
pub fn allow(origins: &Origins, request: &HeaderMap, response: &mut HeaderMap) {
    origins.allow(request, response);
    response.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "Authorization, Content-Type, Content-Encoding, X-Sentry-Auth, X-Requested-With",
        ),
    );
    response.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"),
    );
}

/// Whether a path is one that SDKs send to.
pub fn is_sentry(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.starts_with("/api/") && (path.ends_with("/envelope") || path.ends_with("/store"))
}
