//! What people do to issues.

use super::answer::{life, ok};
use super::read::find_issue;
use crate::api::{Answer, Shared};
use crate::http::body::read_body;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::Encoding;
use crate::http::time::{parse_duration, parse_time};
use crate::intake::tenant;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use errors::GroupHash;
use issues::{Action, ActionError, IgnoreUntil, IssueId};
use model::record::Tenant;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Issues of one request.
const ISSUES_MAX: usize = 500;
/// Bytes of the name of whoever does something.
const BY_BYTES_MAX: usize = 200;

/// What is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wish {
    /// For several: their ids.
    #[serde(default)]
    ids: Vec<String>,
    /// What to do.
    action: String,
    /// Who does it.
    #[serde(default)]
    by: String,
    #[serde(default)]
    in_release: Option<String>,
    #[serde(default)]
    in_next_release: bool,
    #[serde(default)]
    until: Option<Until>,
    /// Whom it is given to; nobody without.
    #[serde(default)]
    to: Option<String>,
    /// Issues to be merged.
    #[serde(default)]
    issues: Vec<String>,
    /// Groups to be split off.
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    text: String,
}

/// Until when an issue is ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Until {
    #[serde(default)]
    time: Option<String>,
    /// The same as a duration from now.
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    events: Option<u64>,
    #[serde(default)]
    users: Option<u64>,
}

/// `POST /api/v1/errors/issues/{id}`
pub async fn act(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let (tenant, encoding, wish) = wish(&app, request).await?;
    let done = done(&app, tenant, vec![id], wish).await?;
    let [one] = done.as_slice() else { return Err(ApiError::internal("an action without an issue")) };
    Ok(ok(one, encoding))
}

/// `POST /api/v1/errors/issues`: the same for several, named by `ids`.
pub async fn act_on_many(State(app): Shared, request: Request<Body>) -> Answer {
    let (tenant, encoding, mut wish) = wish(&app, request).await?;
    let ids = std::mem::take(&mut wish.ids);
    if ids.is_empty() || ids.len() > ISSUES_MAX {
        return Err(ApiError::bad_data(format!("ids: {} issues; 1 to {ISSUES_MAX} are possible", ids.len())));
    }
    Ok(ok(&json!(done(&app, tenant, ids, wish).await?), encoding))
}

async fn wish(app: &App, request: Request<Body>) -> Result<(Tenant, Encoding, Wish), ApiError> {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let tenant = tenant(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wish: Wish = serde_json::from_slice(&body)
        .map_err(|e| ApiError::bad_data(format!("the body is not an object with an action: {e}")))?;
    if wish.by.len() > BY_BYTES_MAX {
        return Err(ApiError::bad_data(format!("by has {} bytes; at most {BY_BYTES_MAX}", wish.by.len())));
    }
    Ok((tenant, Encoding::accepted(&parts.headers), wish))
}

async fn done(app: &Arc<App>, tenant: Tenant, ids: Vec<String>, wish: Wish) -> Result<Vec<Value>, ApiError> {
    let tracker = Arc::clone(&app.ready()?.errors);
    let now_ms = app.now_ms();
    let work = move || {
        let mut out = Vec::new();
        for text in &ids {
            let (id, action) = tracker.book(|book| {
                let issue = find_issue(book, &tenant, text)?;
                let resolve = |text: &String| find_issue(book, &tenant, text).map(|i| i.id);
                Ok::<_, ApiError>((issue.id, action(&wish, now_ms, &resolve)?))
            })?;
            out.push(one(&tracker, &tenant, id, action, &wish.by, now_ms)?);
        }
        Ok(out)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::internal("the action met a fault in the server; its log says more"))?
}

fn one(
    tracker: &super::Tracker,
    tenant: &Tenant,
    id: IssueId,
    action: Action,
    by: &str,
    now_ms: i64,
) -> Result<Value, ApiError> {
    let acted = tracker.desk(|desk| desk.act(tenant.as_str(), id, action, by, now_ms));
    let (issue, written) = acted.map_err(|e| match e {
        ActionError::NotFound(_) => ApiError::new(ErrorKind::NotFound, e.to_string()),
        ActionError::Senseless(_) => ApiError::bad_data(e.to_string()),
    })?;
    written.map_err(|e| {
        ApiError::new(
            ErrorKind::Unavailable,
            format!("it is done, but not on disk yet: {e}; it is written as soon as that is possible"),
        )
    })?;
    let issue = issue.ok_or_else(|| ApiError::new(ErrorKind::NotFound, format!("there is no issue {id}")))?;
    Ok(json!({
        "id": issue.id.to_string(),
        "groups": issue.groups.iter().map(GroupHash::to_string).collect::<Vec<_>>(),
        "life": life(&issue, now_ms),
    }))
}

fn action(
    wish: &Wish,
    now_ms: i64,
    resolve: &dyn Fn(&String) -> Result<IssueId, ApiError>,
) -> Result<Action, ApiError> {
    Ok(match wish.action.as_str() {
        "resolve" => Action::Resolve { in_release: wish.in_release.clone(), in_next: wish.in_next_release },
        "unresolve" => Action::Unresolve,
        "ignore" => Action::Ignore(wish.until.as_ref().map(|u| until(u, now_ms)).transpose()?),
        "assign" => Action::Assign(wish.to.clone().filter(|t| !t.is_empty())),
        "merge" => Action::Merge(wish.issues.iter().map(resolve).collect::<Result<_, _>>()?),
        "split" => {
            let group = |text: &String| {
                GroupHash::from_text(text).ok_or_else(|| {
                    ApiError::bad_data(format!("{text:?} is not a group: it has 16 hexadecimal digits"))
                })
            };
            Action::Split(wish.groups.iter().map(group).collect::<Result<_, _>>()?)
        }
        "comment" => Action::Comment(wish.text.clone()),
        other => {
            return Err(ApiError::bad_data(format!(
                "action {other:?} is none of resolve, unresolve, ignore, assign, merge, split, comment"
            )));
        }
    })
}

fn until(u: &Until, now_ms: i64) -> Result<IgnoreUntil, ApiError> {
    let time = match (&u.time, &u.duration) {
        (Some(text), None) => Some(parse_time(text).map_err(|e| ApiError::parameter("until.time", e))?),
        (None, Some(text)) => {
            let ms = parse_duration(text).map_err(|e| ApiError::parameter("until.duration", e))?;
            Some(now_ms.saturating_add(ms))
        }
        (None, None) => None,
        (Some(_), Some(_)) => return Err(ApiError::bad_data("until has a time or a duration, not both")),
    };
    Ok(IgnoreUntil { time_ms: time, events: u.events, users: u.users })
}
