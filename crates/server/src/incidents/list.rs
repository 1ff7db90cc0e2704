//! Which incidents there are, and one of them.

use super::answer::{ok, summary, whole};
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::params::Params;
use crate::http::respond::Encoding;
use ::entities::{EntityId, EntityType};
use ::incidents::{Core, Incident, IncidentId, Severity, Status};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use serde_json::json;
use std::cmp::Reverse;

const LIMIT: usize = 50;
const LIMIT_MAX: usize = 500;

/// An incident by the text of its number.
pub fn id(text: &str) -> Result<IncidentId, ApiError> {
    let number = text.trim_start_matches('#').parse().map(IncidentId);
    number.map_err(|_| ApiError::bad_data(format!("{text:?} is no number of an incident")))
}

/// The incident of a number.
pub fn find(core: &Core, id: IncidentId) -> Result<&Incident, ApiError> {
    core.get(id).ok_or_else(|| ApiError::new(ErrorKind::NotFound, format!("there is no incident {id}")))
}

/// What is asked for.
struct Wanted {
    statuses: Vec<Status>,
    severities: Vec<Severity>,
    assigned: Option<String>,
    entity: Option<EntityId>,
    words: Vec<String>,
    start_ms: i64,
    end_ms: i64,
    sort: Sort,
    limit: usize,
    offset: usize,
}

#[derive(Clone, Copy)]
enum Sort {
    Started,
    Updated,
    Severity,
}

fn listed<'p>(params: &'p Params, name: &'p str) -> impl Iterator<Item = &'p str> {
    params.all(name).flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty())
}

impl Wanted {
    fn of(params: &Params, now_ms: i64) -> Result<Wanted, ApiError> {
        let all = [Status::Triggered, Status::Acknowledged, Status::Resolved];
        let statuses = match params.get("status") {
            None | Some("" | "open") => all[..2].to_vec(),
            Some("all") => all.to_vec(),
            Some(word) => vec![Status::from_text(word).ok_or_else(|| {
                let reason = format!("{word:?} is none of open, triggered, acknowledged, resolved, all");
                ApiError::parameter("status", reason)
            })?],
        };
        let severity = |word: &str| {
            Severity::from_text(word).ok_or_else(|| {
                let reason = format!("{word:?} is none of critical, error, warning, info");
                ApiError::parameter("severity", reason)
            })
        };
        let entity = params.get("entity").filter(|e| !e.is_empty()).map(|text| {
            let found = text.split_once('/').and_then(|(kind, id)| Some((EntityType::from_text(kind)?, id)));
            let (kind, id) =
                found.ok_or_else(|| ApiError::parameter("entity", format!("{text:?} is not TYPE/ID")))?;
            Ok::<_, ApiError>(EntityId { kind, id: id.to_owned() })
        });
        let sort = match params.get("sort") {
            None | Some("" | "started") => Sort::Started,
            Some("updated") => Sort::Updated,
            Some("severity") => Sort::Severity,
            Some(word) => {
                let reason = format!("{word:?} is none of started, updated, severity");
                return Err(ApiError::parameter("sort", reason));
            }
        };
        let offset = match params.get("offset") {
            None | Some("") => 0,
            Some(text) => text
                .parse()
                .map_err(|_| ApiError::parameter("offset", format!("{text:?} is not a number")))?,
        };
        let end_ms = params.time("end")?;
        let since = params.duration("since")?.map(|ms| end_ms.unwrap_or(now_ms).saturating_sub(ms));
        let query = params.get("query").unwrap_or("").to_lowercase();
        Ok(Wanted {
            statuses,
            severities: listed(params, "severity").map(severity).collect::<Result<_, _>>()?,
            assigned: params.get("assigned").filter(|a| !a.is_empty()).map(str::to_owned),
            entity: entity.transpose()?,
            words: query.split_whitespace().map(str::to_owned).collect(),
            start_ms: params.time("start")?.or(since).unwrap_or(i64::MIN),
            end_ms: end_ms.unwrap_or(i64::MAX),
            sort,
            limit: params.limit()?.unwrap_or(LIMIT).min(LIMIT_MAX),
            offset,
        })
    }

    /// Whether an incident is meant, whatever its status.
    fn takes(&self, incident: &Incident, now_ms: i64) -> bool {
        let head = &incident.head;
        let holds = |word: &String| {
            head.title.to_lowercase().contains(word)
                || head.id.to_string() == word.trim_start_matches('#')
                || incident
                    .members
                    .values()
                    .any(|m| m.labels.iter().any(|(n, v)| format!("{n}={v}").to_lowercase().contains(word)))
        };
        (self.severities.is_empty() || self.severities.contains(&head.severity))
            && self.assigned.as_ref().is_none_or(|a| head.assigned.as_ref() == Some(a))
            && self.entity.as_ref().is_none_or(|e| incident.members.values().any(|m| m.entities.contains(e)))
            && head.started_ms <= self.end_ms
            && incident.end_ms(now_ms) >= self.start_ms
            && self.words.iter().all(holds)
    }
}

/// `GET /api/v1/incidents`
pub async fn list(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let now_ms = app.now_ms();
    let wanted = Wanted::of(&Params::of_query(request.uri().query().unwrap_or("")), now_ms)?;
    ask::light(&app, move |app, _| {
        let found = app.ready()?.office.incidents(|core| {
            let mut counts = [0usize; 3];
            let mut found: Vec<&Incident> = Vec::new();
            for incident in core.incidents().filter(|i| wanted.takes(i, now_ms)) {
                counts[incident.head.status as usize] += 1;
                if wanted.statuses.contains(&incident.head.status) {
                    found.push(incident);
                }
            }
            found.sort_by_key(|i| {
                let (h, latest) = (&i.head, Reverse((i.head.started_ms, i.head.id)));
                match wanted.sort {
                    Sort::Started => (Reverse(0), latest),
                    Sort::Updated => (Reverse(h.updated_ms), latest),
                    Sort::Severity => (Reverse(h.severity as i64), latest),
                }
            });
            let page = found.iter().skip(wanted.offset).take(wanted.limit);
            json!({
                "incidents": page.map(|i| summary(i, core.oncall())).collect::<Vec<_>>(),
                "total": found.len(),
                "counts": {"triggered": counts[0], "acknowledged": counts[1], "resolved": counts[2]},
                "onCall": !core.oncall().policies.is_empty(),
            })
        });
        Ok(ok(&found, encoding))
    })
    .await
}

/// `GET /api/v1/incidents/{id}`
pub async fn one(State(app): Shared, Path(text): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let id = id(&text)?;
    ask::light(&app, move |app, _| {
        let found = app.ready()?.office.incidents(|core| find(core, id).map(|i| whole(i, core.oncall())))?;
        Ok(ok(&found, encoding))
    })
    .await
}
