//! What people do to incidents.

use super::answer::{ok, summary};
use super::list::id;
use crate::api::{Answer, Shared};
use crate::http::body::read_body;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::Encoding;
use ::incidents::{Action, ActionError, Core, IncidentId, Out};
use alerting::Fingerprint;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

/// Incidents of one request.
const IDS_MAX: usize = 500;

/// What is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wish {
    /// For several: their numbers.
    #[serde(default)]
    ids: Vec<u64>,
    /// What to do.
    action: String,
    /// Who does it.
    #[serde(default)]
    by: String,
    /// Whom it is given to; nobody without.
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    schedules: Vec<String>,
    /// Incidents to be merged.
    #[serde(default)]
    incidents: Vec<u64>,
    /// Alerts to be split off.
    #[serde(default)]
    alerts: Vec<String>,
}

impl Wish {
    fn action(&self) -> Result<Action, ApiError> {
        Ok(match self.action.as_str() {
            "acknowledge" => Action::Acknowledge,
            "unacknowledge" => Action::Unacknowledge,
            "resolve" => Action::Resolve,
            "reopen" => Action::Reopen,
            "assign" => Action::Assign(self.to.clone().filter(|t| !t.is_empty())),
            "note" => Action::Note(self.text.clone()),
            "title" => Action::Title(self.text.clone()),
            "escalate" => Action::Escalate { people: self.people.clone(), schedules: self.schedules.clone() },
            "merge" => Action::Merge(self.incidents.iter().copied().map(IncidentId).collect()),
            "split" => Action::Split(self.alerts.iter().map(|a| fingerprint(a)).collect::<Result<_, _>>()?),
            other => {
                return Err(ApiError::bad_data(format!(
                    "action {other:?} is none of acknowledge, unacknowledge, resolve, reopen, assign, note, title, escalate, merge, split"
                )));
            }
        })
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, ApiError> {
    let number = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
    let wrong =
        || ApiError::bad_data(format!("alerts: {text:?} is no fingerprint: it has 16 hexadecimal digits"));
    number.map(Fingerprint).ok_or_else(wrong)
}

/// An action that is not done.
pub fn refused(e: &ActionError) -> ApiError {
    match e {
        ActionError::NotFound(_) | ActionError::NoOverride(_) => {
            ApiError::new(ErrorKind::NotFound, e.to_string())
        }
        ActionError::Senseless(reason) => ApiError::bad_data(reason.clone()),
    }
}

async fn wish(app: &crate::state::App, request: Request<Body>) -> Result<(Wish, Encoding), ApiError> {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wish = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_data(format!("the body is not an object with an action: {e}")))?;
    Ok((wish, Encoding::accepted(&parts.headers)))
}

fn done(
    core: &mut Core,
    now_ms: i64,
    id: IncidentId,
    action: Action,
    by: &str,
    out: &mut Out,
) -> Result<(Value, Option<IncidentId>), ActionError> {
    let acted = core.act(now_ms, id, action, by, out)?;
    let incident = core.get(id).ok_or(ActionError::NotFound(id))?;
    Ok((summary(incident, core.oncall()), acted.split))
}

/// `POST /api/v1/incidents/{id}`
pub async fn one(State(app): Shared, Path(text): Path<String>, request: Request<Body>) -> Answer {
    let id = id(&text)?;
    let (wish, encoding) = wish(&app, request).await?;
    let action = wish.action()?;
    let office = &app.ready()?.office;
    let acted =
        office.change_incidents(move |core, out, now| done(core, now, id, action, &wish.by, out)).await?;
    let (incident, split) = acted.map_err(|e| refused(&e))?;
    let mut answer = json!({"incident": incident});
    if let Some(split) = split {
        answer["split"] = json!(split.0);
    }
    Ok(ok(&answer, encoding))
}

/// `POST /api/v1/incidents`
pub async fn several(State(app): Shared, request: Request<Body>) -> Answer {
    let (wish, encoding) = wish(&app, request).await?;
    let action = wish.action()?;
    if matches!(action, Action::Merge(_) | Action::Split(_)) {
        return Err(ApiError::bad_data(format!(
            "{} is for one incident: post it to its own address",
            wish.action
        )));
    }
    if wish.ids.is_empty() || wish.ids.len() > IDS_MAX {
        return Err(ApiError::bad_data(format!("ids has {} numbers: give 1 to {IDS_MAX}", wish.ids.len())));
    }
    let office = &app.ready()?.office;
    let acted = office.change_incidents(move |core, out, now| {
        let (mut incidents, mut refused) = (Vec::new(), Vec::new());
        for id in wish.ids {
            match done(core, now, IncidentId(id), action.clone(), &wish.by, out) {
                Ok((incident, _)) => incidents.push(incident),
                Err(e) => refused.push(json!({"id": id, "error": e.to_string()})),
            }
        }
        json!({"incidents": incidents, "refused": refused})
    });
    Ok(ok(&acted.await?, encoding))
}
