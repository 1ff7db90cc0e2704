//! `/api/v2/silences` and `/api/v2/silence/{id}`.

use super::{Refused, Reply, absent, bad, filter, flag, ok, parse_time, time};
use crate::api::Shared;
use crate::http::body::read_body;
use crate::http::error::ApiError;
use crate::http::origin::refuse_foreign_page;
use crate::http::params::Params;
use crate::state::App;
use alerting::{Matchers, Silence, SilenceError, SilenceState};
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use env::Random;
use model::{MatchOp, Matcher};
use serde::{Deserialize, Serialize};

/// A matcher as this API has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatcherJson {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    id: Option<String>,
    matchers: Vec<MatcherJson>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SilenceJson {
    id: String,
    status: StateJson,
    updated_at: String,
    comment: String,
    created_by: String,
    ends_at: String,
    matchers: Vec<MatcherJson>,
    starts_at: String,
}

#[derive(Serialize)]
struct StateJson {
    state: &'static str,
}

pub(super) fn matchers(list: Vec<MatcherJson>) -> Result<Matchers, Refused> {
    let mut all = Vec::new();
    for m in list {
        let op = match (m.is_equal, m.is_regex) {
            (true, false) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        if m.name.is_empty() {
            return Err(bad("invalid silence: a matcher has no label name"));
        }
        all.push(Matcher::new(op, m.name, m.value).map_err(|e| bad(format!("invalid silence: {e}")))?);
    }
    Ok(Matchers(all))
}

pub(super) fn shown_matchers(matchers: &Matchers) -> Vec<MatcherJson> {
    let shown = |m: &Matcher| MatcherJson {
        name: m.name().to_owned(),
        value: m.value().to_owned(),
        is_regex: matches!(m.op(), MatchOp::Regex | MatchOp::NotRegex),
        is_equal: matches!(m.op(), MatchOp::Equal | MatchOp::Regex),
    };
    matchers.0.iter().map(shown).collect()
}

fn shown(s: &Silence, now_ms: i64) -> SilenceJson {
    SilenceJson {
        id: s.id.clone(),
        status: StateJson { state: s.state(now_ms).as_str() },
        updated_at: time(s.updated_ms),
        comment: s.comment.clone(),
        created_by: s.created_by.clone(),
        ends_at: time(s.ends_ms),
        matchers: shown_matchers(&s.matchers),
        starts_at: time(s.starts_ms),
    }
}

fn refused(e: SilenceError) -> Refused {
    match &e {
        SilenceError::NotFound(_) => absent(e.to_string()),
        _ => bad(e.to_string()),
    }
}

/// A random UUID, version 4 of RFC 9562.
fn uuid() -> String {
    let random = env::RealRandom;
    let (a, b) = (random.next_u64(), random.next_u64());
    let (a, b) = ((a & !0xf000) | 0x4000, (b & !(0b11 << 62)) | (0b10 << 62));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xffff,
        b >> 48,
        b & 0xffff_ffff_ffff
    )
}

/// All silences: those in force first, then those to come, then those that are over.
pub async fn list(State(app): Shared, RawQuery(query): RawQuery) -> Reply {
    let params = Params::of_query(query.as_deref().unwrap_or(""));
    let filter = filter(&params)?;
    let wanted = [flag(&params, "active")?, flag(&params, "pending")?, flag(&params, "expired")?];
    let now = app.now_ms();
    let found =
        app.ready()?.office.change(move |core, _, _| core.silences().cloned().collect::<Vec<_>>()).await?;
    let meant = |s: &Silence| {
        let takes = match s.state(now) {
            SilenceState::Active => wanted[0],
            SilenceState::Pending => wanted[1],
            SilenceState::Expired => wanted[2],
        };
        takes
            && filter
                .0
                .iter()
                .all(|f| s.matchers.0.iter().any(|m| m.name() == f.name() && f.matches(m.value())))
    };
    let mut found: Vec<Silence> = found.into_iter().filter(meant).collect();
    found.sort_by_key(|s| match s.state(now) {
        SilenceState::Active => (0, s.ends_ms),
        SilenceState::Pending => (1, s.starts_ms),
        SilenceState::Expired => (2, s.ends_ms.saturating_neg()),
    });
    ok(&found.iter().map(|s| shown(s, now)).collect::<Vec<_>>())
}

/// Makes a silence or changes one.
pub async fn create(State(app): Shared, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let wanted: Wanted =
        serde_json::from_slice(&body).map_err(|e| bad(format!("the body is not a silence: {e}")))?;
    let at = |t: &str| parse_time(t).map_err(bad).map(|t| t.unwrap_or(0));
    let silence = Silence {
        id: wanted.id.unwrap_or_default(),
        starts_ms: at(&wanted.starts_at)?,
        ends_ms: at(&wanted.ends_at)?,
        matchers: matchers(wanted.matchers)?,
        created_by: wanted.created_by,
        comment: wanted.comment,
        updated_ms: 0,
    };
    let fresh = uuid();
    let id =
        app.ready()?.office.change(move |core, out, now| core.set_silence(now, silence, fresh, out)).await?;
    ok(&serde_json::json!({"silenceID": id.map_err(refused)?}))
}

/// One silence.
pub async fn get(State(app): Shared, Path(id): Path<String>) -> Reply {
    let found = silence(&app, id.clone()).await?;
    match found {
        Some(s) => ok(&shown(&s, app.now_ms())),
        None => Err(absent(format!("silence {id} not found"))),
    }
}

async fn silence(app: &App, id: String) -> Result<Option<Silence>, ApiError> {
    app.ready()?.office.change(move |core, _, _| core.silence(&id).cloned()).await
}

/// Ends a silence.
pub async fn delete(State(app): Shared, Path(id): Path<String>, headers: HeaderMap) -> Reply {
    refuse_foreign_page(&headers)?;
    let done = app.ready()?.office.change(move |core, out, now| core.expire_silence(now, &id, out)).await?;
    done.map_err(|e| match e {
        // As Alertmanager answers.
        SilenceError::Expired(_) => Refused(ApiError::internal(e.to_string())),
        e => refused(e),
    })?;
    Ok(StatusCode::OK.into_response())
}
