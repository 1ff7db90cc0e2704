//! What happened to an incident, and around it.

use super::answer::{entry, ok, time};
use super::list::{find, id};
use crate::api::{Answer, Shared};
use crate::ask::{self, Reins};
use crate::entities::services;
use crate::events::list::{Sought, event_json};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use crate::state::App;
use ::entities::{EntityId, EntityType};
use ::incidents::postmortem::{self, Change, Context, Language};
use ::incidents::{Incident, IncidentId};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use issues::{Book, Happening, Issue};
use model::record::Tenant;
use model::record::event::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Events, and issues, of one timeline.
const FOUND_MAX: usize = 500;
/// So long before an incident is looked at, milliseconds.
const BEFORE_MS: i64 = 3_600_000;

/// What belongs to an incident and is kept elsewhere.
struct Found {
    /// Events as JSON, in order of time.
    events: Vec<Value>,
    /// Issues that were new or came back.
    issues: Vec<Returned>,
    truncated: bool,
}

/// An issue that was new or came back.
struct Returned {
    at_ms: i64,
    regressed: bool,
    shown: Value,
}

/// What is to be looked up.
struct Sights {
    entities: BTreeSet<EntityId>,
    from_ms: i64,
    to_ms: i64,
}

impl Sights {
    fn of(incident: &Incident, now_ms: i64) -> Sights {
        Sights {
            entities: incident.entities().into_iter().cloned().collect(),
            from_ms: incident.head.started_ms.saturating_sub(BEFORE_MS),
            // What happens in this very millisecond counts.
            to_ms: incident.end_ms(now_ms).saturating_add(1),
        }
    }

    /// The services whose errors and deploys are meant.
    fn services(&self, app: &App) -> BTreeSet<String> {
        let catalogue = app.entities.catalogue.read();
        let range = (self.from_ms, self.to_ms);
        self.entities.iter().flat_map(|id| services(&catalogue, id, catalogue.get(id), range)).collect()
    }

    fn find(&self, app: &App, reins: &Reins) -> Result<Found, ApiError> {
        let services = self.services(app);
        let named = |kinds: &[EntityType]| -> Vec<String> {
            let of = self.entities.iter().filter(|e| kinds.contains(&e.kind));
            of.map(|e| e.name().to_owned()).collect()
        };
        let mut truncated = false;
        let mut events: BTreeMap<(i64, Vec<u8>), ()> = BTreeMap::new();
        for (attribute, values) in [
            ("service.name", services.iter().cloned().collect::<Vec<_>>()),
            ("host.name", named(&[EntityType::Host])),
            ("k8s.node.name", named(&[EntityType::Node])),
            ("k8s.pod.name", named(&[EntityType::Pod])),
        ] {
            if values.is_empty() {
                continue;
            }
            let sought = Sought {
                attributes: BTreeMap::from([(attribute.to_owned(), values)]),
                // Alerts are in the timeline themselves.
                without_kinds: vec![kind::ALERT.to_owned()],
                start_ns: self.from_ms.saturating_mul(1_000_000),
                end_ns: self.to_ms.saturating_mul(1_000_000),
                limit: FOUND_MAX,
                ..Sought::default()
            };
            let found = sought.find(app, &Tenant::unnamed(), &reins.control, &event_json)?;
            truncated |= found.next.is_some();
            events.extend(found.events.into_iter().map(|e| (e, ())));
        }
        let all = events.into_keys().filter_map(|(_, shown)| serde_json::from_slice(&shown).ok());
        let mut issues = app.ready()?.errors.book(|book| self.issues(book, &services));
        issues.sort_by_key(|i| i.at_ms);
        truncated |= issues.len() > FOUND_MAX;
        issues.truncate(FOUND_MAX);
        Ok(Found { events: all.collect(), issues, truncated })
    }

    fn issues(&self, book: &Book, services: &BTreeSet<String>) -> Vec<Returned> {
        let services: BTreeSet<String> = services.iter().map(|s| s.to_lowercase()).collect();
        let tenant = Tenant::unnamed();
        let within = |ms: i64| self.from_ms <= ms && ms <= self.to_ms;
        let mut out = Vec::new();
        for issue in book.issues().filter(|i| i.tenant == tenant.as_str()) {
            if !book.groups(issue).any(|g| services.contains(&g.service.to_lowercase())) {
                continue;
            }
            let tally = book.tally(issue);
            let returned = issue
                .activity
                .iter()
                .rev()
                .find(|a| matches!(a.what, Happening::Regressed { .. }) && within(a.at_ms));
            let at = match returned {
                Some(activity) => Some((activity.at_ms, true)),
                None => within(tally.first_ms).then_some((tally.first_ms, false)),
            };
            if let Some((at_ms, regressed)) = at {
                out.push(Returned { at_ms, regressed, shown: issue_json(book, issue, tally.count) });
            }
        }
        out
    }
}

fn issue_json(book: &Book, issue: &Issue, events: u64) -> Value {
    let group = book.newest_group(issue);
    json!({
        "id": issue.id.to_string(),
        "title": group.map(|g| &g.title),
        "service": group.map(|g| &g.service),
        "project": issue.project,
        "level": group.map(|g| g.level.text()),
        "events": events,
    })
}

fn event_ms(event: &Value) -> i64 {
    event["time"].as_str().and_then(|t| t.parse::<i64>().ok()).unwrap_or(0).div_euclid(1_000_000)
}

/// `GET /api/v1/incidents/{id}/timeline?kind=`
pub async fn timeline(State(app): Shared, Path(text): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let id = id(&text)?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let kinds = params.all("kind").flat_map(|v| v.split(',')).map(str::trim).filter(|v| !v.is_empty());
    let kinds: BTreeSet<String> = kinds.map(str::to_owned).collect();
    let now_ms = app.now_ms();
    ask::ask(&app, app.query_timeout(), None, move |app, reins| {
        let (mut entries, dropped, sights) = app.ready()?.office.incidents(|core| {
            let incident = find(core, id)?;
            let mut entries: Vec<(i64, u64, Value)> =
                incident.entries.iter().map(|e| (e.at_ms, e.number, entry(e))).collect();
            for part in core.incidents().filter(|i| i.head.merged_into == Some(id)) {
                entries.extend(part.entries.iter().map(|e| {
                    let mut shown = entry(e);
                    shown["part"] = json!(part.id().0);
                    (e.at_ms, e.number, shown)
                }));
            }
            Ok::<_, ApiError>((entries, incident.dropped, Sights::of(incident, now_ms)))
        })?;
        let looks = ["event", "error"].iter().any(|k| kinds.is_empty() || kinds.contains(*k));
        let mut truncated = false;
        if looks {
            let found = sights.find(app, reins)?;
            truncated = found.truncated;
            entries.extend(found.events.into_iter().map(|event| {
                let at = event_ms(&event);
                let of = json!({"number": null, "at": time(at), "kind": "event", "by": null, "event": event});
                (at, 0, of)
            }));
            entries.extend(found.issues.into_iter().map(|i| {
                let what = if i.regressed { "regressed" } else { "new" };
                let of = json!({
                    "number": null, "at": time(i.at_ms), "kind": "error", "by": null, "issue": i.shown, "what": what,
                });
                (i.at_ms, 0, of)
            }));
        }
        entries.retain(|(_, _, e)| kinds.is_empty() || e["kind"].as_str().is_some_and(|k| kinds.contains(k)));
        entries.sort_by_key(|(at, number, _)| (*at, *number));
        let entries: Vec<Value> = entries.into_iter().map(|(.., e)| e).collect();
        Ok(ok(&json!({"entries": entries, "dropped": dropped, "truncated": truncated}), encoding))
    })
    .await
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}

impl Found {
    fn context(self) -> Context {
        let changes = self.events.iter().map(|event| Change {
            at_ms: event_ms(event),
            kind: text_of(event, "kind").to_owned(),
            title: text_of(event, "title").to_owned(),
        });
        let issues = self.issues.iter().map(|i| postmortem::Issue {
            at_ms: i.at_ms,
            id: text_of(&i.shown, "id").to_owned(),
            title: text_of(&i.shown, "title").to_owned(),
            service: text_of(&i.shown, "service").to_owned(),
            regressed: i.regressed,
        });
        Context { changes: changes.collect(), issues: issues.collect() }
    }
}

/// An incident and those that became a part of it.
fn copied(app: &App, id: IncidentId) -> Result<(Incident, Vec<Incident>), ApiError> {
    app.ready()?.office.incidents(|core| {
        let parts = core.incidents().filter(|i| i.head.merged_into == Some(id)).cloned().collect();
        Ok((find(core, id)?.clone(), parts))
    })
}

/// `GET /api/v1/incidents/{id}/postmortem?lang=`
pub async fn postmortem(State(app): Shared, Path(text): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let id = id(&text)?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let language = match params.get("lang") {
        None | Some("") => Language::En,
        Some(code) => Language::from_text(code)
            .ok_or_else(|| ApiError::parameter("lang", format!("{code:?} is neither en nor zh")))?,
    };
    let now_ms = app.now_ms();
    ask::ask(&app, app.query_timeout(), None, move |app, reins| {
        let (incident, parts) = copied(app, id)?;
        let context = Sights::of(&incident, now_ms).find(app, reins)?.context();
        let parts: Vec<&Incident> = parts.iter().collect();
        let report = postmortem::report(&incident, &parts, &context, language, now_ms);
        Ok(respond(report.into_bytes(), "text/markdown; charset=utf-8", encoding))
    })
    .await
}
