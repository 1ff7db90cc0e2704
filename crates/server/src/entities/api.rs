//! `/api/v1/entities` and `/api/v1/correlate`.

use super::signals;
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond, success};
use crate::loki::span_ns;
use crate::state::App;
use ::entities::{EntityId, EntityType, Entry, Neighbour, recognise};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use ingest::events::alertmanager;
use model::record::Severity;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Entities that a list gives without `limit`, and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 10_000;
/// Around the time of a point, without `window`.
const WINDOW_MS: i64 = 900_000;
/// Neighbours of one entity that are given.
const NEIGHBOURS_MAX: usize = 1000;
/// Labels that one request may give.
const LABELS_MAX: usize = 256;

/// Alerts that fire, by the entities they are about: how many, and how grave the worst is.
type Firing = HashMap<EntityId, (usize, Severity)>;

async fn firing(app: &Arc<App>) -> Result<Firing, ApiError> {
    let known = Arc::clone(&app.entities);
    let found = app.ready()?.office.change(move |core, _, now| {
        let rules = known.rules.read();
        let mut found = Firing::new();
        for (_, alert) in core.alerts().filter(|(_, a)| !a.is_resolved(now)) {
            let label = alert.labels.get("severity").map_or("", String::as_str);
            let severity = alertmanager::severity(false, label);
            let labels = alert.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            for (id, ..) in recognise(labels).entities {
                let (count, worst) = found.entry(rules.named(id)).or_default();
                *count += 1;
                *worst = (*worst).max(severity);
            }
        }
        found
    });
    found.await
}

/// `ok`, `warning`, `critical`, by the alerts that fire; `gone` of what is not seen any more.
fn health(id: &EntityId, entry: Option<&Entry>, firing: &Firing, now_ms: i64) -> &'static str {
    match (firing.get(id), entry) {
        (Some((_, worst)), _) if *worst >= Severity::ERROR => "critical",
        (Some(_), _) => "warning",
        (None, Some(entry)) if now_ms.saturating_sub(entry.last_ms) > WINDOW_MS => "gone",
        _ => "ok",
    }
}

fn entity_type(word: &str) -> Result<EntityType, ApiError> {
    EntityType::from_text(word).ok_or_else(|| {
        let all: Vec<&str> = EntityType::ALL.iter().map(|t| t.text()).collect();
        ApiError::parameter("type", format!("{word:?} is none of {}", all.join(", ")))
    })
}

fn head_json(j: &mut Json, id: &EntityId, entry: Option<&Entry>, firing: &Firing, now_ms: i64) {
    j.key("type").string(id.kind.text()).key("id").string(&id.id).key("name").string(id.name());
    j.key("health").string(health(id, entry, firing, now_ms));
    if let Some((count, _)) = firing.get(id) {
        j.key("alerts").int(*count as i64);
    }
    if let Some(entry) = entry {
        j.key("firstSeen").time(entry.first_ms).key("lastSeen").time(entry.last_ms);
        j.key("attributes").raw("{");
        for (name, value) in &entry.attributes {
            j.key(name).string(value);
        }
        let seen: BTreeSet<&str> = entry.handles.iter().map(|(signal, _)| signal.text()).collect();
        j.raw("}").key("seenIn").list(seen, |j, signal| {
            j.string(signal);
        });
    }
}

/// `GET /api/v1/entities?type=&text=&health=&start=&end=&limit=`
pub async fn list(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let kind = params.get("type").filter(|t| !t.is_empty()).map(entity_type).transpose()?;
    let text = params.get("text").unwrap_or("").trim().to_lowercase();
    let wanted_health = params.get("health").filter(|h| !h.is_empty()).map(str::to_owned);
    let ranged = params.get("start").is_some() || params.get("end").is_some();
    let range = match ranged {
        true => span_ns(&params, app.now_ms()).map(|(s, e)| (s / 1_000_000, e / 1_000_000))?,
        false => (i64::MIN, i64::MAX),
    };
    let limit = params.limit()?.unwrap_or(LIMIT).min(LIMIT_MAX);
    let firing = firing(&app).await?;
    let now_ms = app.now_ms();
    ask::light(&app, move |app, _| {
        let catalogue = app.entities.catalogue.read();
        let fits = |id: &EntityId, entry: &Entry| {
            wanted_health.as_deref().is_none_or(|h| h == health(id, Some(entry), &firing, now_ms))
        };
        let mut types: BTreeMap<&str, i64> = BTreeMap::new();
        let (mut found, mut total) = (Vec::new(), 0);
        for (id, entry) in catalogue.search(None, &text, range).filter(|(id, e)| fits(id, e)) {
            *types.entry(id.kind.text()).or_default() += 1;
            if kind.is_none_or(|k| k == id.kind) {
                total += 1;
                if found.len() < limit {
                    found.push((id, entry));
                }
            }
        }
        let body = success(&Notes::default(), |j| {
            j.raw("{").key("entities").list(&found, |j, (id, entry)| {
                j.raw("{");
                head_json(j, id, Some(entry), &firing, now_ms);
                j.raw("}");
            });
            j.key("total").int(total).key("types").raw("{");
            for (kind, count) in &types {
                j.key(kind).int(*count);
            }
            j.raw("}}");
        });
        Ok(respond(body, "application/json", encoding))
    })
    .await
}

/// The range around a point: `time` and `window`, or `start` and `end`.
fn around(app: &App, params: &Params) -> Result<(i64, i64, i64), ApiError> {
    if params.get("start").is_some() {
        let (start_ns, end_ns) = span_ns(params, app.now_ms())?;
        return Ok((end_ns / 1_000_000, start_ns, end_ns));
    }
    let time_ms = params.time("time")?.unwrap_or(app.now_ms());
    let window_ms = params.duration("window")?.unwrap_or(WINDOW_MS).max(1);
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let (from, to) = (time_ms.saturating_sub(window_ms), time_ms.saturating_add(window_ms));
    Ok((time_ms, ns(from), ns(to)))
}

/// `GET /api/v1/entities/{type}/{id}?time=&window=`
pub async fn one(
    State(app): Shared,
    Path((kind, id)): Path<(String, String)>,
    request: Request<Body>,
) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let id = EntityId { kind: entity_type(&kind)?, id };
    let (_, start_ns, end_ns) = around(&app, &params)?;
    let firing = firing(&app).await?;
    let now_ms = app.now_ms();
    ask::ask(&app, app.query_timeout(), None, move |app, reins| {
        let control = &reins.control;
        let range_ms = (start_ns / 1_000_000, end_ns / 1_000_000);
        let (entry, neighbours) = {
            let catalogue = app.entities.catalogue.read();
            let entry = catalogue.get(&id).cloned().ok_or_else(|| no_such_entity(&id))?;
            let neighbours = catalogue.neighbours(&id, range_ms);
            let with_entries: Vec<(Neighbour, Option<Entry>)> = neighbours
                .into_iter()
                .take(NEIGHBOURS_MAX)
                .map(|n| {
                    let entry = catalogue.get(&n.id).cloned();
                    (n, entry)
                })
                .collect();
            (entry, with_entries)
        };
        let mut signals = Json::new();
        signals::write(
            &mut signals,
            app,
            app.ready()?,
            control,
            (&id, Some(&entry)),
            (start_ns, end_ns),
            false,
        )?;
        let body = success(&Notes::default(), |j| {
            j.raw("{");
            head_json(j, &id, Some(&entry), &firing, now_ms);
            j.key("neighbours").list(&neighbours, |j, (n, entry)| {
                j.raw("{").key("type").string(n.id.kind.text()).key("id").string(&n.id.id);
                j.key("name").string(n.id.name()).key("relation").string(n.relation.text());
                j.key("direction").string(if n.incoming { "in" } else { "out" });
                j.key("from").time(n.from_ms).key("to").time(n.to_ms);
                j.key("health").string(health(&n.id, entry.as_ref(), &firing, now_ms)).raw("}");
            });
            j.key("changes").list(entry.changes.iter().rev(), |j, (at_ms, name, before)| {
                j.raw("{").key("time").time(*at_ms).key("attribute").string(name);
                j.key("before").string(before).raw("}");
            });
            j.key("signals").bytes(&signals.into_bytes()).raw("}");
        });
        Ok(respond(body, "application/json", encoding))
    })
    .await
}

fn no_such_entity(id: &EntityId) -> ApiError {
    ApiError::new(ErrorKind::NotFound, format!("there is no {} {:?}", id.kind.text(), id.id))
}

/// `GET` or `POST /api/v1/correlate?label=name:value&…|type=&id=&time=&window=`
pub async fn correlate(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let (time_ms, start_ns, end_ns) = around(&app, &params)?;
    let mut pairs = Vec::new();
    for text in params.all("label") {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| ApiError::parameter("label", format!("{text:?} is not name:value")))?;
        pairs.push((name.to_owned(), value.to_owned()));
    }
    if pairs.len() > LABELS_MAX {
        let reason = format!("{} labels, over the limit of {LABELS_MAX}", pairs.len());
        return Err(ApiError::parameter("label", reason));
    }
    let named = match (params.get("type"), params.get("id")) {
        (Some(kind), Some(id)) => Some(EntityId { kind: entity_type(kind)?, id: id.to_owned() }),
        _ => None,
    };
    if pairs.is_empty() && named.is_none() {
        let reason =
            "give the labels of a point (label=name:value, several times) or the type and id of an entity";
        return Err(ApiError::bad_data(reason));
    }
    let firing = firing(&app).await?;
    let now_ms = app.now_ms();
    ask::ask(&app, app.query_timeout(), None, move |app, reins| {
        let control = &reins.control;
        let labels = signals::given(&pairs)?;
        let found: Vec<(EntityId, Option<Entry>)> = {
            let (rules, catalogue) = (app.entities.rules.read(), app.entities.catalogue.read());
            let of_labels = recognise(labels.iter()).entities.into_iter().map(|(id, ..)| rules.named(id));
            let mut ids: Vec<EntityId> = named.clone().into_iter().chain(of_labels).collect();
            ids.dedup();
            ids.into_iter().map(|id| (catalogue.get(&id).cloned(), id)).map(|(e, id)| (id, e)).collect()
        };
        // The most particular that is known: an instance says more than its service, which says more than its host.
        let chosen = found.iter().find(|(_, entry)| entry.is_some()).or(found.first());
        let Some((id, entry)) = chosen else {
            return Err(ApiError::new(ErrorKind::NotFound, format!("no entity is named by {labels}")));
        };
        let mut own = Json::new();
        let range = (start_ns, end_ns);
        signals::write(&mut own, app, app.ready()?, control, (id, entry.as_ref()), range, true)?;
        let body = success(&Notes::default(), |j| {
            j.raw("{").key("time").time(time_ms);
            j.key("start").string(&start_ns.to_string()).key("end").string(&end_ns.to_string());
            j.key("entity").raw("{");
            head_json(j, id, entry.as_ref(), &firing, now_ms);
            j.raw("}").key("entities").list(&found, |j, (id, entry)| {
                j.raw("{").key("type").string(id.kind.text()).key("id").string(&id.id);
                j.key("known").bool(entry.is_some()).raw("}");
            });
            j.key("signals").bytes(&own.into_bytes()).raw("}");
        });
        Ok(respond(body, "application/json", encoding))
    })
    .await
}
