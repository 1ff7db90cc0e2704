//! Projects, releases and how they are, and what users say.

use super::answer::{ns, ok, time};
use super::list::window;
use super::read::{Sought, ask};
use crate::api::{Answer, Shared};
use crate::http::params::Params;
use crate::http::respond::Encoding;
use crate::intake::tenant;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use errors::EventId;
use issues::{Release, ReleaseHealth, Releases, SessionKey, Status};
use model::record::error::{ErrorView, kind};
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// `/api/v1/errors/projects`
pub async fn projects(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let config = app.config();
    ask(&app, tenant, move |reader| {
        let answer = reader.tracker.book(|book| {
            let mut names: Vec<String> =
                book.projects(reader.tenant.as_str()).into_iter().map(str::to_owned).collect();
            names.extend(config.issues.projects.iter().map(|p| p.name()));
            names.sort();
            names.dedup();
            let project = |name: &String| {
                let mine = book.issues().filter(|i| i.tenant == reader.tenant.as_str() && i.project == *name);
                let unresolved =
                    mine.filter(|i| i.life.status_at(reader.now_ms) == Status::Unresolved).count();
                let newest = book.releases(reader.tenant.as_str(), name).and_then(Releases::newest);
                json!({
                    "name": name,
                    "id": config.issues.projects.iter().find(|p| p.name() == *name).map(|p| p.id),
                    "unresolved": unresolved,
                    "newestRelease": newest.map(|r| &r.name),
                })
            };
            names.iter().map(project).collect::<Value>()
        });
        Ok(ok(&answer, encoding))
    })
    .await
}

/// `/api/v1/errors/releases?project=&environment=&start=&end=&buckets=`: releases, the newest first, and the health of each.
pub async fn releases(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let window = window(&params, app.now_ms())?;
    let project = params.get("project").map(str::to_owned);
    let environment = params.get("environment").map(str::to_owned);
    ask(&app, tenant, move |reader| {
        let of = reader.tenant.as_str();
        let answer = reader.tracker.book(|book| {
            let mut health = book.health(of, project.as_deref(), (window.start_ms, window.end_ms), window.buckets);
            health.retain(|(key, _)| environment.as_ref().is_none_or(|e| *e == key.environment));
            let names = book.projects(of);
            let mut out = Vec::new();
            for name in names.into_iter().filter(|n| project.as_deref().is_none_or(|p| p == *n)) {
                let none = Releases::default();
                let releases = book.releases(of, name).unwrap_or(&none);
                let mut all: Vec<&Release> = releases.iter().collect();
                // When they were first heard of: versions and other names have no order among each other.
                all.sort_by(|a, b| b.first_ms.cmp(&a.first_ms).then_with(|| b.name.cmp(&a.name)));
                out.extend(all.into_iter().map(|r| {
                    let sessions: Vec<Value> = health
                        .iter()
                        .filter(|(key, _)| key.project == name && key.release == r.name)
                        .map(|(key, h)| sessions(key, h))
                        .collect();
                    json!({
                        "project": name, "release": r.name, "firstSeen": time(r.first_ms), "lastSeen": time(r.last_ms),
                        "events": r.events, "newGroups": r.new_groups, "sessions": sessions,
                    })
                }));
            }
            json!({ "releases": out, "bucketSeconds": window.bucket_s(), "start": time(window.start_ms), "end": time(window.end_ms) })
        });
        Ok(ok(&answer, encoding))
    })
    .await
}

fn sessions(key: &SessionKey, h: &ReleaseHealth) -> Value {
    let t = &h.total;
    json!({
        "environment": key.environment,
        "started": t.started,
        "errored": t.errored,
        "crashed": t.crashed,
        "abnormal": t.abnormal,
        "users": t.users.count(),
        "crashFreeSessions": h.crash_free_sessions(),
        "crashFreeUsers": h.crash_free_users(),
        "buckets": h.buckets.iter().map(|(started, crashed)| json!([started, crashed])).collect::<Value>(),
    })
}

/// `/api/v1/errors/feedback?project=&start=&end=&limit=`: what users said, the newest first.
pub async fn feedback(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let window = window(&params, app.now_ms())?;
    let limit = params.limit()?.unwrap_or(50).min(1000);
    let project = params.get("project").map(str::to_owned);
    ask(&app, tenant, move |reader| {
        let sought = Sought {
            project: project.as_deref(),
            span_ns: (window.start_ms.saturating_mul(1_000_000), window.end_ms.saturating_mul(1_000_000)),
            limit: Some(limit),
            ..Sought::all(kind::FEEDBACK)
        };
        let mut all = Vec::new();
        reader.records(&sought, None, &mut |labels, record| {
            let view = ErrorView::of(labels, record);
            let said: Value = serde_json::from_str(view.title).unwrap_or_default();
            all.push(json!({
                "project": view.project, "event": EventId(view.id).to_string(), "time": ns(view.time_ns), "said": said,
            }));
            ControlFlow::Continue(())
        })?;
        Ok(ok(&json!(all), encoding))
    })
    .await
}
