//! Who is on call, over HTTP.

use super::act::refused;
use super::answer::{ok, time};
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::body::read_body;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::http::params::Params;
use crate::http::respond::Encoding;
use ::incidents::Core;
use ::incidents::oncall::{AHEAD_MS_MAX, OnCall, Override, Schedule, Shift};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Shifts from now on, without `end`, milliseconds.
const AHEAD_MS: i64 = 14 * 86_400_000;

fn shift(s: &Shift<'_>) -> Value {
    json!({
        "person": s.turn.person,
        "from": time(s.from_ms),
        "to": time(s.to_ms),
        "layer": s.turn.layer,
        "override": s.turn.stands_in,
    })
}

fn override_json(o: &Override) -> Value {
    json!({
        "id": o.id,
        "schedule": o.schedule,
        "person": o.person,
        "from": time(o.from_ms),
        "to": time(o.to_ms),
        "by": o.by,
        "comment": o.comment,
        "configured": o.made_ms == 0,
    })
}

/// Who is on call by the configuration, and overrides that people made.
fn plan(core: &Core) -> (Arc<OnCall>, Vec<Override>) {
    (Arc::clone(core.oncall()), core.overrides().cloned().collect())
}

fn layers(schedule: &Schedule, oncall: &OnCall) -> Vec<Value> {
    let written = oncall.config.schedules.iter().find(|s| s.name == schedule.name);
    let written = written.into_iter().flat_map(|s| &s.layers);
    let all = schedule.layers.iter().zip(written).map(|(layer, written)| {
        let handoff = written.handoff.as_deref().unwrap_or("00:00");
        json!({
            "name": layer.name,
            "participants": layer.participants,
            "every": written.every,
            "start": written.start,
            "handoff": handoff,
            "hours": written.hours,
        })
    });
    all.collect()
}

/// `GET /api/v1/oncall?time=`
pub async fn all(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let at_ms = params.time("time")?.unwrap_or(app.now_ms());
    ask::light(&app, move |app, _| {
        let (oncall, made) = app.ready()?.office.incidents(plan);
        let made: Vec<&Override> = made.iter().collect();
        let mut on_call: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut schedules = Vec::new();
        for schedule in oncall.schedules.values() {
            let (now, next) = schedule.around(at_ms, &made);
            if let Some(now) = &now {
                on_call.entry(now.turn.person).or_default().push(&schedule.name);
            }
            schedules.push(json!({
                "name": schedule.name,
                "timeZone": schedule.time_zone,
                "layers": layers(schedule, &oncall),
                "now": now.as_ref().map(shift),
                "next": next.as_ref().map(shift),
            }));
        }
        let people = oncall.config.people.iter().map(|p| {
            let of = on_call.get(p.name.as_str()).cloned().unwrap_or_default();
            json!({"name": p.name, "receivers": p.receivers, "onCall": of})
        });
        let policies = oncall.policies.iter().zip(&oncall.config.policies).map(|(policy, written)| {
            let steps = policy.steps.iter().map(|step| {
                json!({
                    "schedules": step.schedules,
                    "people": step.people,
                    "waitSeconds": step.wait_ms as f64 / 1000.0,
                    "reaches": oncall.reached(step, at_ms, made.iter().copied()),
                })
            });
            json!({
                "name": policy.name,
                "matchers": written.matchers,
                "repeat": policy.repeat,
                "steps": steps.collect::<Vec<_>>(),
            })
        });
        let answer = json!({
            "time": time(at_ms),
            "configured": !oncall.config.people.is_empty(),
            "people": people.collect::<Vec<_>>(),
            "schedules": schedules,
            "policies": policies.collect::<Vec<_>>(),
        });
        Ok(ok(&answer, encoding))
    })
    .await
}

/// `GET /api/v1/oncall/schedules/{name}?start=&end=`
pub async fn schedule(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let start_ms = params.time("start")?.unwrap_or(app.now_ms());
    let end_ms = params.time("end")?.unwrap_or(start_ms.saturating_add(AHEAD_MS));
    if end_ms <= start_ms {
        return Err(ApiError::parameter("end", "the end of the range is not after its start"));
    }
    if end_ms.checked_sub(start_ms).is_none_or(|length| length > AHEAD_MS_MAX) {
        return Err(ApiError::parameter("end", "the range is longer than 400 days"));
    }
    ask::light(&app, move |app, _| {
        let (oncall, made) = app.ready()?.office.incidents(plan);
        let Some(schedule) = oncall.schedules.get(&name) else {
            let reason = format!("on_call.schedules has none called {name:?}");
            return Err(ApiError::new(ErrorKind::NotFound, reason));
        };
        let made: Vec<&Override> = made.iter().collect();
        let shifts = schedule.shifts(start_ms, end_ms, &made);
        let own = schedule.layers.iter().map(|layer| {
            let shifts = schedule.shifts_of(layer, start_ms, end_ms);
            let shifts = shifts
                .iter()
                .map(|s| json!({"person": s.turn.person, "from": time(s.from_ms), "to": time(s.to_ms)}));
            json!({"name": layer.name, "shifts": shifts.collect::<Vec<_>>()})
        });
        let of_range = |o: &&Override| o.schedule == name && o.from_ms < end_ms && o.to_ms > start_ms;
        let overrides = made.iter().copied().chain(&schedule.overrides).filter(of_range);
        let mut gaps = Vec::new();
        let mut until_ms = start_ms;
        for (from_ms, to_ms) in shifts.iter().map(|s| (s.from_ms, s.to_ms)).chain([(end_ms, end_ms)]) {
            if from_ms > until_ms {
                gaps.push(json!({"from": time(until_ms), "to": time(from_ms)}));
            }
            until_ms = to_ms;
        }
        let answer = json!({
            "schedule": schedule.name,
            "timeZone": schedule.time_zone,
            "start": time(start_ms),
            "end": time(end_ms),
            "shifts": shifts.iter().map(shift).collect::<Vec<_>>(),
            "layers": own.collect::<Vec<_>>(),
            "overrides": overrides.map(override_json).collect::<Vec<_>>(),
            "gaps": gaps,
        });
        Ok(ok(&answer, encoding))
    })
    .await
}

/// `GET /api/v1/oncall/overrides?schedule=`
pub async fn overrides(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let of = params.get("schedule").filter(|s| !s.is_empty());
    let now_ms = app.now_ms();
    let (_, mut made) = app.ready()?.office.incidents(plan);
    made.retain(|o| o.to_ms > now_ms && of.is_none_or(|name| o.schedule == name));
    made.sort_by(|a, b| (a.from_ms, &a.id).cmp(&(b.from_ms, &b.id)));
    Ok(ok(&json!({"overrides": made.iter().map(override_json).collect::<Vec<_>>()}), encoding))
}

/// An override as somebody wants it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    schedule: String,
    person: String,
    from: Value,
    to: Value,
    #[serde(default)]
    by: String,
    #[serde(default)]
    comment: String,
}

/// A moment as clients write it: Unix seconds, or a text with an offset or in the time zone of the schedule.
fn moment(schedule: &Schedule, name: &str, value: &Value) -> Result<i64, ApiError> {
    let wrong = |reason: String| ApiError::bad_data(format!("{name}: {reason}"));
    match value {
        Value::Number(n) => crate::http::time::parse_time(&n.to_string()).map_err(wrong),
        Value::String(text) => schedule.time(text).map_err(wrong),
        other => Err(wrong(format!("{other} is not a time"))),
    }
}

/// `POST /api/v1/oncall/overrides`
pub async fn add_override(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wanted: Wanted = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_data(format!("the body is not an override: {e}")))?;
    let office = &app.ready()?.office;
    let (oncall, _) = office.incidents(plan);
    let Some(schedule) = oncall.schedules.get(&wanted.schedule) else {
        return Err(ApiError::bad_data(format!(
            "schedule: on_call.schedules has none called {:?}",
            wanted.schedule
        )));
    };
    let (from_ms, to_ms) = (moment(schedule, "from", &wanted.from)?, moment(schedule, "to", &wanted.to)?);
    let id = format!("{:016x}", app.unique(1));
    let made = Override {
        id: id.clone(),
        schedule: wanted.schedule,
        person: wanted.person,
        from_ms,
        to_ms,
        by: wanted.by,
        comment: wanted.comment,
        made_ms: app.now_ms().max(1),
    };
    let done = office.change_incidents(move |core, out, now| core.stand_in(now, made, out)).await?;
    done.map_err(|e| refused(&e))?;
    Ok(ok(&json!({"id": id}), Encoding::accepted(&parts.headers)))
}

/// `DELETE /api/v1/oncall/overrides/{id}`
pub async fn end_override(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    refuse_foreign_page(request.headers())?;
    let office = &app.ready()?.office;
    let named = id.clone();
    let done = office.change_incidents(move |core, out, now| core.end_override(now, &named, out)).await?;
    done.map_err(|e| refused(&e))?;
    Ok(ok(&json!({"id": id}), Encoding::accepted(request.headers())))
}
