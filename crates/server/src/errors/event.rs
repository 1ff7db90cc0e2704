//! Events of an issue, one event, and files that came with it.

use super::answer::{event as whole, ns, ok};
use super::read::{Reader, Sought, ask, group_labels};
use crate::api::{Answer, Shared};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::params::Params;
use crate::http::respond::Encoding;
use crate::intake::tenant;
use crate::loki::span_ns;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use errors::EventId;
use model::record::error::{ErrorView, kind, name};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashSet};
use std::ops::{Bound, ControlFlow};

const LIMIT: usize = 50;
const LIMIT_MAX: usize = 1000;
/// How far from its event a file or what a user says was received.
const BESIDE_NS: i64 = 86_400_000_000_000;

/// The columns of a line in the list of events.
const COLUMNS: [&str; 9] = [
    name::ID,
    name::MESSAGE,
    name::RELEASE,
    name::ENVIRONMENT,
    name::USER,
    name::TRANSACTION,
    name::HOST,
    name::ORIGIN,
    name::HANDLED,
];

/// `/api/v1/errors/issues/{id}/events?start=&end=&before=&limit=`: the newest first. `next` of an answer is `before` of the
/// next page.
pub async fn events(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let limit = params.limit()?.unwrap_or(LIMIT).min(LIMIT_MAX);
    let (start_ns, mut end_ns) = match params.get("start").or(params.get("since")) {
        Some(_) => span_ns(&params, app.now_ms())?,
        None => (i64::MIN, i64::MAX),
    };
    // A page ends between two events, also of those with one time: so many of that time were given.
    let mut skip = 0;
    if let Some(before) = params.get("before") {
        let (at, given) = before.split_once('.').unwrap_or((before, "0"));
        let wrong =
            || ApiError::parameter("before", format!("{before:?} is not what `next` of an answer was"));
        end_ns = at.parse::<i64>().map_err(|_| wrong())?.saturating_add(1).min(end_ns);
        skip = given.parse::<usize>().map_err(|_| wrong())?;
    }
    ask(&app, tenant, move |reader| {
        let groups = reader.tracker.book(|book| reader.issue(book, &id).map(group_labels))?;
        let sought = Sought {
            groups: Some(&groups),
            span_ns: (start_ns, end_ns),
            limit: Some(limit.saturating_add(skip).saturating_add(1)),
            ..Sought::all(kind::EVENT)
        };
        let mut rows: Vec<(i64, String, Value)> = Vec::new();
        reader.records(&sought, Some(&COLUMNS), &mut |labels, record| {
            let view = ErrorView::of(labels, record);
            let text =
                |name: &str| record.attributes.get(name).and_then(|v| v.as_str()).unwrap_or("").to_owned();
            let mut row = json!({
                "id": EventId(view.id).to_string(),
                "time": ns(view.time_ns),
                "title": view.title,
                "message": text(name::MESSAGE),
                "level": view.level.text(),
                "service": view.service,
                "group": view.group,
                "release": view.release,
                "environment": view.environment,
                "user": view.user,
                "transaction": text(name::TRANSACTION),
                "host": text(name::HOST),
                "origin": view.origin,
                "handled": view.handled,
            });
            if !view.trace_id.is_none() {
                row["traceID"] = json!(view.trace_id.to_string());
            }
            rows.push((view.time_ns, EventId(view.id).to_string(), row));
            ControlFlow::Continue(())
        })?;
        rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        rows.dedup_by(|a, b| a.1 == b.1);
        let newest = end_ns.saturating_sub(1);
        let skip = rows.iter().take(skip).take_while(|(at, ..)| *at == newest).count();
        let more = rows.len() > skip + limit;
        let page: Vec<(i64, String, Value)> = rows.into_iter().skip(skip).take(limit).collect();
        let next = page.last().filter(|_| more).map(|(last, ..)| {
            let same = page.iter().filter(|(at, ..)| at == last).count();
            let before = if *last == newest { skip } else { 0 };
            format!("{last}.{}", same + before)
        });
        let events: Vec<Value> = page.into_iter().map(|(.., row)| row).collect();
        Ok(ok(&json!({ "events": events, "next": next }), encoding))
    })
    .await
}

/// The id of an event in a path, and what narrows the search for it.
fn sought_event(id: &str, params: &Params) -> Result<(EventId, (i64, i64)), ApiError> {
    let id = EventId::from_text(id).ok_or_else(|| {
        ApiError::bad_data(format!("{id:?} is not the id of an event: it has 32 hexadecimal digits"))
    })?;
    let span = match params.time("time")? {
        Some(ms) => {
            let at = ms.saturating_mul(1_000_000);
            (at.saturating_sub(BESIDE_NS), at.saturating_add(BESIDE_NS))
        }
        None => (i64::MIN, i64::MAX),
    };
    Ok((id, span))
}

/// `/api/v1/errors/events/{id}?issue=&time=`: everything. With its issue, or about its time, it is found sooner; with its
/// issue its neighbours are named, too.
pub async fn event(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let (id, span_ns) = sought_event(&id, &params)?;
    let issue = params.get("issue").map(str::to_owned);
    ask(&app, tenant, move |reader| {
        let groups = match &issue {
            Some(issue) => Some(reader.tracker.book(|book| reader.issue(book, issue).map(group_labels))?),
            None => None,
        };
        let sought = Sought { groups: groups.as_ref(), span_ns, ..Sought::all(kind::EVENT) };
        let found = reader.event(id, &sought)?.ok_or_else(|| {
            ApiError::new(ErrorKind::NotFound, format!("there is no event {id} within retention"))
        })?;
        let of = reader
            .tracker
            .book(|book| errors::GroupHash::from_text(&found.group).and_then(|g| book.issue_of(g)).cloned());
        let mut answer = whole(&found, of.as_ref());
        if let Some(groups) = &groups {
            answer["neighbours"] = neighbours(reader, groups, id, found.time_ns)?;
        }
        Ok(ok(&answer, encoding))
    })
    .await
}

/// Events of one moment that are told apart when neighbours are looked for.
const AT_ONCE_MAX: usize = 1000;

/// The ids of the events before and after one in the list of its issue, and of the ends of that list.
fn neighbours(
    reader: &Reader<'_>,
    groups: &HashSet<String>,
    id: EventId,
    time_ns: i64,
) -> Result<Value, ApiError> {
    let visit = |span_ns, forward, limit, each: &mut dyn FnMut(i64, String)| {
        let sought =
            Sought { groups: Some(groups), span_ns, limit: Some(limit), forward, ..Sought::all(kind::EVENT) };
        reader.records(&sought, Some(&[name::ID]), &mut |labels, record| {
            each(record.time_ns, EventId(ErrorView::of(labels, record).id).to_string());
            ControlFlow::Continue(())
        })
    };
    // In the order of the list, which at one moment is that of the ids.
    let at = |time_ns: i64| {
        let mut all = BTreeSet::new();
        visit((time_ns, time_ns.saturating_add(1)), false, AT_ONCE_MAX, &mut |_, id| {
            all.insert(id);
        })?;
        Ok::<_, ApiError>(all)
    };
    let first = |span_ns, forward| {
        let mut found: Option<i64> = None;
        visit(span_ns, forward, 1, &mut |time_ns, _| {
            let next = found.map_or(time_ns, |f| if forward { f.min(time_ns) } else { f.max(time_ns) });
            found = Some(next);
        })?;
        found.map(at).transpose().map(Option::unwrap_or_default)
    };
    let (id, now) = (id.to_string(), at(time_ns)?);
    let newer = match now.range(..id.clone()).next_back().cloned() {
        None => first((time_ns.saturating_add(1), i64::MAX), true)?.pop_last(),
        found => found,
    };
    let older = match now.range((Bound::Excluded(id), Bound::Unbounded)).next().cloned() {
        None => first((i64::MIN, time_ns), false)?.pop_first(),
        found => found,
    };
    let all = (i64::MIN, i64::MAX);
    Ok(json!({
        "newest": first(all, false)?.pop_first(),
        "newer": newer,
        "older": older,
        "oldest": first(all, true)?.pop_last(),
    }))
}

/// `/api/v1/errors/events/{id}/attachments?time=`: the files that came with an event.
pub async fn attachments(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let (id, span_ns) = sought_event(&id, &params)?;
    ask(&app, tenant, move |reader| {
        let mut all = Vec::new();
        let sought = Sought { span_ns, ..Sought::all(kind::ATTACHMENT) };
        reader.records(&sought, None, &mut |labels, record| {
            if ErrorView::of(labels, record).id == id.0 {
                let text = |name: &str| {
                    record.attributes.get(name).and_then(|v| v.as_str()).unwrap_or("").to_owned()
                };
                all.push(json!({
                    "number": all.len(),
                    "file": text(name::FILE),
                    "contentType": text(name::CONTENT_TYPE),
                    "received": ns(record.observed_ns),
                }));
            }
            ControlFlow::Continue(())
        })?;
        Ok(ok(&json!(all), encoding))
    })
    .await
}

/// `/api/v1/errors/events/{id}/attachments/{number}?time=`: the bytes of a file.
pub async fn attachment(
    State(app): Shared,
    Path((id, number)): Path<(String, usize)>,
    request: Request<Body>,
) -> Answer {
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let (id, span_ns) = sought_event(&id, &params)?;
    ask(&app, tenant, move |reader| {
        let (mut seen, mut bytes) = (0, None);
        let sought = Sought { span_ns, ..Sought::all(kind::ATTACHMENT) };
        reader.records(&sought, None, &mut |labels, record| {
            if ErrorView::of(labels, record).id == id.0 {
                if seen == number {
                    bytes = record.attributes.get(name::DATA).map(|v| match v {
                        model::record::Value::Bytes(b) => b.to_vec(),
                        _ => Vec::new(),
                    });
                    return ControlFlow::Break(());
                }
                seen += 1;
            }
            ControlFlow::Continue(())
        })?;
        let bytes = bytes.ok_or_else(|| {
            ApiError::new(
                ErrorKind::NotFound,
                format!("event {id} has no attachment {number} within retention"),
            )
        })?;
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        // Whatever it is, a browser must not run it.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(response)
    })
    .await
}
