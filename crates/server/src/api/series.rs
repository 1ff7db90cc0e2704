//! What there is: series, label names and values, metadata.

use super::select::{required_selectors, selectors, store_error};
use super::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond, success};
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use model::{Labels, Matcher, TimeRange};
use std::collections::BTreeSet;
use std::sync::Arc;
use tsdb::{Db, TsdbError};

const JSON: &str = "application/json";

/// `/api/v1/series`
pub async fn series(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let sets = required_selectors(&params)?;
    let (limit, range) = (params.limit()?, params.range()?);
    let app2 = Arc::clone(&app);
    let work = move || {
        let db = app2.db()?;
        let found = united(&sets, limit, |m, most| db.series(m, range, most))?;
        let (found, notes) = cut(found, limit);
        let body = success(&notes, |j| {
            j.list(&found, |j, labels: &Labels| {
                j.labels(labels);
            });
        });
        Ok(respond(body, JSON, encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// `/api/v1/labels`
pub async fn label_names(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    strings(&app, &params, encoding, |db, matchers, range, limit| db.label_names(matchers, range, limit))
        .await
}

/// `/api/v1/label/{name}/values`
pub async fn label_values(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    if let Some(text) = params.all("search").next() {
        return search(&app, &params, encoding, name, text.to_owned()).await;
    }
    let read = move |db: &Db, m: &[Matcher], range, limit| db.label_values(&name, m, range, limit);
    strings(&app, &params, encoding, read).await
}

/// `/api/v1/metadata`
pub async fn metadata(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let number = |name: &str| match params.get(name).map(str::parse::<i64>) {
        None => Ok(None),
        Some(Ok(v)) => Ok(usize::try_from(v).ok()),
        Some(Err(_)) => Err(ApiError::bad_data(format!("{name} must be a number"))),
    };
    let limit = number("limit")?.unwrap_or(usize::MAX);
    let per_metric = number("limit_per_metric")?.filter(|n| *n > 0).unwrap_or(usize::MAX);
    let metrics: BTreeSet<String> =
        params.all("metric").filter(|m| !m.is_empty()).map(str::to_owned).collect();
    let app2 = Arc::clone(&app);
    let work = move || {
        let db = app2.db()?;
        let all = match metrics.is_empty() {
            true => db.metadata(None, limit),
            false => metrics.iter().flat_map(|m| db.metadata(Some(m), limit)).collect(),
        };
        let body = success(&Notes::default(), |j| {
            j.raw("{");
            for family in all.chunk_by(|a, b| a.0 == b.0).take(limit) {
                j.key(&family[0].0).list(family.iter().take(per_metric), |j, (_, m)| {
                    j.raw("{").key("type").string(m.kind.as_str());
                    j.key("help").string(&m.help).key("unit").string(&m.unit).raw("}");
                });
            }
            j.raw("}");
        });
        Ok(respond(body, JSON, encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// A sorted list of strings that `read` finds for each selector.
async fn strings(
    app: &Arc<App>,
    params: &Params,
    encoding: Encoding,
    read: impl Fn(&Db, &[Matcher], TimeRange, usize) -> Result<Vec<String>, TsdbError> + Send + 'static,
) -> Answer {
    let (limit, range) = (params.limit()?, params.range()?);
    let mut sets = selectors(params)?;
    if sets.is_empty() {
        sets.push(Vec::new());
    }
    let app2 = Arc::clone(app);
    let work = move || {
        let db = app2.db()?;
        let found = united(&sets, limit, |m, most| read(db, m, range, most))?;
        let (found, notes) = cut(found, limit);
        let body = success(&notes, |j| {
            j.strings(&found);
        });
        Ok(respond(body, JSON, encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// Values of a label that contain `text`, those that start with it first. Without a limit, so many are given.
const SEARCH_LIMIT: usize = 100;

async fn search(app: &Arc<App>, params: &Params, encoding: Encoding, name: String, text: String) -> Answer {
    let limit = params.limit()?.unwrap_or(SEARCH_LIMIT);
    let mut sets = selectors(params)?;
    if sets.is_empty() {
        sets.push(Vec::new());
    }
    let app2 = Arc::clone(app);
    let work = move || {
        let db = app2.db()?;
        let most = limit.saturating_add(1);
        let mut found: Vec<String> =
            sets.iter().flat_map(|set| db.search_values(&name, set, &text, most)).collect();
        found.sort_unstable_by(|a, b| (!a.starts_with(&text), a).cmp(&(!b.starts_with(&text), b)));
        found.dedup();
        let (found, notes) = cut(found, Some(limit));
        let body = success(&notes, |j| {
            j.strings(&found);
        });
        Ok(respond(body, JSON, encoding))
    };
    app.queries.run(app.query_timeout(), work).await
}

/// What is found for any of the selectors, sorted, each once. One more than the limit is asked for, so that a
/// cut can be told.
fn united<T: Ord>(
    sets: &[Vec<Matcher>],
    limit: Option<usize>,
    find: impl Fn(&[Matcher], usize) -> Result<Vec<T>, TsdbError>,
) -> Result<Vec<T>, ApiError> {
    let most = limit.map_or(usize::MAX, |l| l + 1);
    let mut all = Vec::new();
    for set in sets {
        all.extend(find(set, most).map_err(store_error)?);
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn cut<T>(mut found: Vec<T>, limit: Option<usize>) -> (Vec<T>, Notes) {
    let mut notes = Notes::default();
    if let Some(limit) = limit
        && found.len() > limit
    {
        found.truncate(limit);
        notes.truncated();
    }
    (found, notes)
}

/// A label name in the escaping for places that take ASCII only: `U__` and then `_` doubled and every other
/// character as `_hex_`. What is not in this form stands for itself.
fn unescape(name: &str) -> String {
    fn decode(rest: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = rest;
        while let Some(at) = rest.find('_') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('_') {
                out.push('_');
                rest = after;
                continue;
            }
            let (hex, after) = rest.split_once('_')?;
            if hex.len() > 6 {
                return None;
            }
            out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
    name.strip_prefix("U__").and_then(decode).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        for (escaped, name) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U__label_20_with_20_space_e9_", "label with spaceé"),
            ("U__bad_zz_", "U__bad_zz_"),
            ("U__open_2e", "U__open_2e"),
            ("U___d800_", "U___d800_"),
        ] {
            assert_eq!(unescape(escaped), name);
        }
    }

    #[test]
    fn cuts_are_told() {
        let (found, notes) = cut(vec![1, 2, 3], Some(2));
        assert_eq!((found, notes.warnings), (vec![1, 2], vec!["results truncated due to limit".to_owned()]));
        assert!(cut(vec![1, 2], Some(2)).1.warnings.is_empty());
    }
}
