//! `/api/v2/alerts` and `/api/v2/alerts/groups`.

use super::{Refused, Reply, bad, filter, flag, ok, parse_time, receiver_pattern, time};
use crate::api::Shared;
use crate::http::body::read_body;
use crate::http::origin::refuse_foreign_page;
use crate::http::params::Params;
use alerting::{Alert, Core, Fingerprint, LabelSet, Posted, Suppression};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Request, StatusCode};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedJson {
    #[serde(default)]
    labels: LabelSet,
    #[serde(default)]
    annotations: Option<LabelSet>,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertJson {
    annotations: LabelSet,
    ends_at: String,
    fingerprint: String,
    receivers: Vec<Named>,
    starts_at: String,
    status: StatusJson,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
    labels: LabelSet,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson {
    inhibited_by: Vec<String>,
    silenced_by: Vec<String>,
    muted_by: Vec<String>,
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupJson {
    alerts: Vec<AlertJson>,
    labels: LabelSet,
    receiver: Named,
    route_labels: LabelSet,
}

/// Which alerts are asked for.
struct Wanted {
    active: bool,
    silenced: bool,
    inhibited: bool,
    muted: bool,
    filter: alerting::Matchers,
    receiver: Option<regex::Regex>,
}

impl Wanted {
    fn of(query: Option<String>) -> Result<Wanted, Refused> {
        let params = Params::of_query(query.as_deref().unwrap_or(""));
        Ok(Wanted {
            active: flag(&params, "active")?,
            silenced: flag(&params, "silenced")?,
            inhibited: flag(&params, "inhibited")?,
            muted: flag(&params, "muted")?,
            filter: filter(&params)?,
            receiver: receiver_pattern(&params)?,
        })
    }

    fn takes(&self, s: &Suppression) -> bool {
        let suppressed = !s.silenced_by.is_empty() || !s.inhibited_by.is_empty();
        (self.active || suppressed)
            && (self.silenced || s.silenced_by.is_empty())
            && (self.inhibited || s.inhibited_by.is_empty())
    }
}

fn shown(core: &Core, id: Fingerprint, alert: &Alert, s: Suppression, muted_by: &[String]) -> AlertJson {
    let suppressed = !s.silenced_by.is_empty() || !s.inhibited_by.is_empty() || !muted_by.is_empty();
    let ends_ms = match alert.ends_ms {
        // Only its sender can end it; clients want a time.
        i64::MAX => alert.updated_ms.saturating_add(core.config().resolve_timeout_ms()),
        ends_ms => ends_ms,
    };
    AlertJson {
        annotations: (*alert.annotations).clone(),
        ends_at: time(ends_ms),
        fingerprint: id.to_string(),
        receivers: core
            .receivers_of(&alert.labels)
            .into_iter()
            .map(|r| Named { name: r.to_owned() })
            .collect(),
        starts_at: time(alert.starts_ms),
        status: StatusJson {
            inhibited_by: s.inhibited_by.iter().map(ToString::to_string).collect(),
            silenced_by: s.silenced_by,
            muted_by: muted_by.to_vec(),
            state: if suppressed { "suppressed" } else { "active" },
        },
        updated_at: time(alert.updated_ms),
        generator_url: alert.generator_url.to_string(),
        labels: (*alert.labels).clone(),
    }
}

/// Takes alerts.
pub async fn post(State(app): Shared, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let posted: Vec<PostedJson> =
        serde_json::from_slice(&body).map_err(|e| bad(format!("the body is not a list of alerts: {e}")))?;
    let mut alerts = Vec::with_capacity(posted.len());
    for (i, one) in posted.into_iter().enumerate() {
        let at = |t: Option<String>| match t.as_deref() {
            None | Some("") => Ok(None),
            Some(t) => parse_time(t).map_err(|e| bad(format!("alert {i}: {e}"))),
        };
        alerts.push(Posted {
            labels: one.labels,
            annotations: one.annotations.unwrap_or_default(),
            starts_ms: at(one.starts_at)?,
            ends_ms: at(one.ends_at)?,
            generator_url: one.generator_url.unwrap_or_default(),
        });
    }
    let refused = app.ready()?.office.change(move |core, out, now| core.post(now, alerts, out)).await?;
    match refused.first() {
        None => Ok(axum::response::IntoResponse::into_response(StatusCode::OK)),
        Some(_) => {
            let all: Vec<String> = refused.iter().take(20).map(ToString::to_string).collect();
            Err(bad(all.join("; ")))
        }
    }
}

/// The alerts that are not over.
pub async fn get(State(app): Shared, RawQuery(query): RawQuery) -> Reply {
    let wanted = Wanted::of(query)?;
    let found = app.ready()?.office.change(move |core, _, now| {
        let mut found = Vec::new();
        for (id, alert) in
            core.alerts().filter(|(_, a)| !a.is_resolved(now) && wanted.filter.matches(&a.labels))
        {
            let receivers = core.receivers_of(&alert.labels);
            if wanted.receiver.as_ref().is_some_and(|p| !receivers.iter().any(|r| p.is_match(r))) {
                continue;
            }
            let suppression = core.suppression(&alert.labels, now);
            if wanted.takes(&suppression) {
                found.push(shown(core, id, alert, suppression, &[]));
            }
        }
        found
    });
    let mut found = found.await?;
    found.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    ok(&found)
}

/// The groups and their alerts.
pub async fn groups(State(app): Shared, RawQuery(query): RawQuery) -> Reply {
    let wanted = Wanted::of(query)?;
    let found = app.ready()?.office.change(move |core, _, now| {
        let mut found = Vec::new();
        for group in core.groups() {
            let route = core.routes().get(group.route);
            if wanted.receiver.as_ref().is_some_and(|p| !p.is_match(&route.receiver)) {
                continue;
            }
            if !wanted.muted && !group.muted_by.is_empty() {
                continue;
            }
            let mut alerts = Vec::new();
            for id in &group.members {
                let Some(alert) = core.alert(*id) else { continue };
                if alert.is_resolved(now) || !wanted.filter.matches(&alert.labels) {
                    continue;
                }
                let suppression = core.suppression(&alert.labels, now);
                if wanted.takes(&suppression) {
                    alerts.push(shown(core, *id, alert, suppression, &group.muted_by));
                }
            }
            if !alerts.is_empty() {
                found.push(GroupJson {
                    alerts,
                    labels: (*group.labels).clone(),
                    receiver: Named { name: route.receiver.clone() },
                    route_labels: route.labels.clone(),
                });
            }
        }
        found
    });
    let mut found = found.await?;
    found.sort_by(|a, b| (&a.labels, &a.receiver.name).cmp(&(&b.labels, &b.receiver.name)));
    ok(&found)
}
