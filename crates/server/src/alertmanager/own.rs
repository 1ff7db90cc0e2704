//! What Alertmanager's API does not have: what would a silence match, who would be told, does a receiver work.

use super::silences::{MatcherJson, matchers};
use super::{Reply, absent, bad, ok, seconds, time};
use crate::api::Shared;
use crate::http::body::read_body;
use crate::http::origin::refuse_foreign_page;
use alerting::{LabelSet, Way};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use serde::Deserialize;
use serde_json::json;
use std::time::Instant;

/// Most alerts of a preview.
const PREVIEW_MAX: usize = 1_000;

#[derive(Deserialize)]
struct Matching {
    matchers: Vec<MatcherJson>,
}

/// `/api/v1/silences/preview`: the alerts that a silence would be about.
pub async fn preview(State(app): Shared, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wanted: Matching = serde_json::from_slice(&body)
        .map_err(|e| bad(format!("the body is not an object with matchers: {e}")))?;
    let wanted = matchers(wanted.matchers)?;
    let found = app.ready()?.office.change(move |core, _, now| {
        let ids = core.preview(&wanted, now);
        let shown = ids.iter().take(PREVIEW_MAX).filter_map(|id| {
            let alert = core.alert(*id)?;
            Some(json!({"fingerprint": id.to_string(), "labels": *alert.labels, "startsAt": time(alert.starts_ms)}))
        });
        (ids.len(), shown.collect::<Vec<_>>())
    });
    let (count, alerts) = found.await?;
    ok(&json!({"count": count, "alerts": alerts}))
}

#[derive(Deserialize)]
struct Labelled {
    labels: LabelSet,
}

/// `/api/v1/alerting/route`: who would be told of an alert with these labels.
pub async fn route(State(app): Shared, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wanted: Labelled = serde_json::from_slice(&body)
        .map_err(|e| bad(format!("the body is not an object with labels: {e}")))?;
    let found = app.ready()?.office.change(move |core, _, now| {
        let labels = wanted.labels;
        let routes = core.routes().matching(&labels).into_iter().map(|id| {
            let route = core.routes().get(id);
            json!({
                "id": id.0,
                "route": route.key,
                "receiver": route.receiver,
                "groupLabels": route.group_labels(&labels),
                "groupWait": seconds(route.group_wait_ms),
                "groupInterval": seconds(route.group_interval_ms),
                "repeatInterval": seconds(route.repeat_interval_ms),
                "muteTimeIntervals": route.mute_times,
                "activeTimeIntervals": route.active_times,
            })
        });
        let routes: Vec<_> = routes.collect();
        let s = core.suppression(&labels, now);
        let inhibited: Vec<String> = s.inhibited_by.iter().map(ToString::to_string).collect();
        json!({"routes": routes, "silencedBy": s.silenced_by, "inhibitedBy": inhibited})
    });
    ok(&found.await?)
}

#[derive(Deserialize)]
struct TrialOf {
    receiver: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    index: Option<usize>,
}

/// `/api/v1/alerting/test`: sends a message that says it is a test through the ways of a receiver.
pub async fn trial(State(app): Shared, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wanted: TrialOf = serde_json::from_slice(&body)
        .map_err(|e| bad(format!("the body is not an object with a receiver: {e}")))?;
    let office = &app.ready()?.office;
    let routing = office.routing();
    let Some(receiver) = routing.config.receivers.iter().find(|r| r.name == wanted.receiver) else {
        return Err(absent(format!("there is no receiver {:?}", wanted.receiver)));
    };
    let meant = |kind: &str, index: usize| {
        wanted.kind.as_deref().is_none_or(|k| k == kind) && wanted.index.is_none_or(|i| i == index)
    };
    let mut results = Vec::new();
    for (kind, index, _) in receiver.ways().into_iter().filter(|(k, i, _)| meant(k, *i)) {
        let way = Way { receiver: receiver.name.clone(), kind: kind.to_owned(), index };
        let delivery = office.change(move |core, _, now| core.trial(now, way)).await?;
        let begun = Instant::now();
        let done = office.trial(delivery).await;
        let took = begun.elapsed().as_secs_f64();
        let (delivered, error) = (done.is_ok(), done.err());
        results.push(
            json!({"kind": kind, "index": index, "delivered": delivered, "error": error, "seconds": took}),
        );
    }
    ok(&json!({"receiver": receiver.name, "results": results}))
}

/// `/api/v1/alerting/deliveries`: decisions to notify that are not done.
pub async fn deliveries(State(app): Shared) -> Reply {
    let office = &app.ready()?.office;
    let open = office.change(|core, _, _| core.open().take(PREVIEW_MAX).cloned().collect::<Vec<_>>()).await?;
    let shown: Vec<_> = open
        .iter()
        .map(|d| {
            let tried = office.tried(d.id);
            json!({
                "id": d.id.0,
                "receiver": d.way.receiver,
                "kind": d.way.kind,
                "index": d.way.index,
                "groupKey": d.group_key,
                "groupLabels": *d.group_labels,
                "reason": d.reason,
                "alerts": d.alerts.len(),
                "firing": d.firing.len(),
                "decidedAt": time(d.decided_ms),
                "givenUpAt": time(d.deadline_ms),
                "attempts": tried.attempts,
                "error": tried.error,
            })
        })
        .collect();
    ok(&shown)
}
