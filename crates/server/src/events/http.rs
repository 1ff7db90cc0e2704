//! Ways in for events over HTTP.

use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond, success};
use crate::intake::{Stored, receive};
use crate::receive::header_text;
use crate::state::App;
use crate::telemetry::Way;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use ingest::DecodeError;
use ingest::compress::Encoding as Compression;
use ingest::events::{alertmanager, cloudevents, github, gitlab, grafana, kubernetes, signature, webhook};
use ingest::logs::loki;
use ingest::records::RecordWriter;
use std::sync::Arc;

/// The answer to events that were taken: how many, and what was refused of them.
fn answer(stored: &Stored, ignored: bool) -> Answer {
    if let (0, Some(refusal)) = (stored.accepted, stored.refusal()) {
        return Err(ApiError::bad_data(refusal));
    }
    let notes = Notes { warnings: stored.refusal().into_iter().collect(), infos: Vec::new() };
    let body = success(&notes, |j| {
        j.raw("{").key("accepted").int(stored.accepted as i64);
        j.key("refused").int(stored.outcome.rejected as i64);
        if ignored {
            j.key("ignored").bool(true);
        }
        j.raw("}");
    });
    Ok(respond(body, "application/json", Encoding::Identity))
}

async fn take(
    app: &Arc<App>,
    way: Way,
    headers: &HeaderMap,
    body: Body,
    decode: impl FnOnce(&[u8], &mut RecordWriter) -> Result<(), DecodeError> + Send + 'static,
) -> Answer {
    let ((), stored) = receive(app, way, headers, body, Compression::Identity, decode).await?;
    answer(&stored, false)
}

/// `POST /api/v1/events`: events in Watchfire's own form, or CloudEvents in any mode.
pub async fn post(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE).unwrap_or("").to_owned();
    let mode = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if mode == cloudevents::STRUCTURED || mode == cloudevents::BATCH {
        return take(&app, Way::CloudEvents, &parts.headers, body, cloudevents::structured).await;
    }
    if parts.headers.contains_key(cloudevents::VERSION_HEADER) {
        let context: Vec<(String, String)> = parts
            .headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("ce-"))
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let decode = move |body: &[u8], w: &mut RecordWriter| cloudevents::binary(&context, &kind, body, w);
        return take(&app, Way::CloudEvents, &parts.headers, body, decode).await;
    }
    let query = Params::of_query(parts.uri.query().unwrap_or(""));
    let source = query.get("source").unwrap_or("webhook").to_owned();
    let decode = move |body: &[u8], w: &mut RecordWriter| webhook::decode(body, &source, w);
    take(&app, Way::Webhook, &parts.headers, body, decode).await
}

/// `POST /api/v1/events/alertmanager`
pub async fn from_alertmanager(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    take(&app, Way::Alertmanager, &parts.headers, body, alertmanager::decode).await
}

/// `POST /api/v1/events/kubernetes`
pub async fn from_kubernetes(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    take(&app, Way::Kubernetes, &parts.headers, body, kubernetes::decode).await
}

/// `POST /api/v1/events/push`: events as they lie in the store, in the form of Loki's push, from agents.
pub async fn push(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let done = receive(&app, Way::AgentEvents, &parts.headers, body, Compression::Snappy, loki::protobuf);
    let ((), stored) = done.await?;
    answer(&stored, false)
}

/// What came of a webhook that may be signed.
enum Taken {
    /// It is an event.
    Event,
    /// It is of a type that is none.
    Other,
    /// Whoever sent it does not know the secret.
    Stranger,
}

async fn signed(
    app: &Arc<App>,
    way: Way,
    headers: &HeaderMap,
    body: Body,
    remedy: &str,
    decode: impl FnOnce(&[u8], &mut RecordWriter) -> Result<Taken, DecodeError> + Send + 'static,
) -> Answer {
    let (taken, stored) = receive(app, way, headers, body, Compression::Identity, decode).await?;
    match taken {
        Taken::Event => answer(&stored, false),
        Taken::Other => answer(&stored, true),
        Taken::Stranger => {
            app.metrics.way(way).refused.add(1);
            Err(ApiError::bad_data(remedy).with_status(StatusCode::UNAUTHORIZED))
        }
    }
}

fn named(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned()
}

/// `POST /api/v1/events/github`
pub async fn from_github(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let secret = app.config().webhooks.github_secret.clone();
    let [event, delivery, sign] =
        ["x-github-event", "x-github-delivery", "x-hub-signature-256"].map(|n| named(&parts.headers, n));
    let kind = header_text(&parts.headers, &header::CONTENT_TYPE).unwrap_or("");
    let is_form = kind.starts_with("application/x-www-form-urlencoded");
    let decode = move |body: &[u8], w: &mut RecordWriter| {
        if secret.is_some_and(|secret| !signature::is_signed(&secret, body, &sign)) {
            return Ok(Taken::Stranger);
        }
        let payload = match is_form {
            true => form_urlencoded::parse(body).find(|(n, _)| n == "payload").map(|(_, v)| v.into_owned()),
            false => None,
        };
        let body = payload.as_deref().map_or(body, str::as_bytes);
        Ok(if github::decode(&event, &delivery, body, w)? { Taken::Event } else { Taken::Other })
    };
    let remedy = "header X-Hub-Signature-256 is not the signature of the body: give the webhook the secret that is webhooks.github_secret here";
    signed(&app, Way::Github, &parts.headers, body, remedy, decode).await
}

/// `POST /api/v1/events/gitlab`
pub async fn from_gitlab(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    let token = app.config().webhooks.gitlab_token.clone();
    let given = named(&parts.headers, "x-gitlab-token");
    let ids = ["idempotency-key", "x-gitlab-event-uuid"].map(|n| named(&parts.headers, n));
    let delivery = ids.into_iter().find(|id| !id.is_empty()).unwrap_or_default();
    let decode = move |body: &[u8], w: &mut RecordWriter| {
        if token.is_some_and(|token| !signature::same(token.as_bytes(), given.as_bytes())) {
            return Ok(Taken::Stranger);
        }
        Ok(if gitlab::decode(&delivery, body, w)? { Taken::Event } else { Taken::Other })
    };
    let remedy =
        "header X-Gitlab-Token is not the token: give the webhook the one that is webhooks.gitlab_token here";
    signed(&app, Way::Gitlab, &parts.headers, body, remedy, decode).await
}

/// `POST /api/annotations` and `/api/annotations/graphite`: answers with the number of the annotation, as Grafana does.
pub async fn annotate(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    // Small enough for the numbers of JavaScript.
    let id = app.unique(1_000) / 1_000;
    let decode = move |body: &[u8], w: &mut RecordWriter| grafana::decode(body, id, w);
    let done = receive(&app, Way::Grafana, &parts.headers, body, Compression::Identity, decode).await;
    let ((), stored) = done?;
    if let Some(refusal) = stored.refusal() {
        return Err(ApiError::bad_data(refusal));
    }
    let body = serde_json::json!({ "message": "Annotation added", "id": id }).to_string();
    Ok(respond(body.into_bytes(), "application/json", Encoding::Identity))
}
