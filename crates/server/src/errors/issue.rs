//! One issue.

use super::answer::{activity, event, life, named, ns, ok, summary, time};
use super::list::window;
use super::overview::{is_fine, stored_counts};
use super::read::{Sought, ask, group_labels};
use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::Encoding;
use crate::intake::tenant;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use errors::EventId;
use model::record::error::{ErrorView, kind, name};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Events whose tags are looked at.
const TAGGED_MAX: usize = 5000;
/// What users said that is looked at.
const SAID_MAX: usize = 5000;
/// Values of a tag that are shown.
const VALUES_MAX: usize = 10;
/// Names and values that are told apart.
const NAMES_MAX: usize = 200;
const VALUES_TOLD_APART_MAX: usize = 2000;

/// `/api/v1/errors/issues/{id}?start=&end=&buckets=`
pub async fn issue(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let window = window(&params, app.now_ms())?;
    ask(&app, tenant, move |reader| {
        let now_ms = reader.now_ms;
        let (mut answer, groups, last_ms, copy) = reader.tracker.book(|book| {
            let issue = reader.issue(book, &id)?;
            let tally = book.tally(issue);
            let mut answer = summary(book, issue, &tally, &window, now_ms);
            answer["life"] = life(issue, now_ms);
            answer["activity"] = activity(issue);
            answer["releases"] = named(&tally.releases);
            answer["environments"] = named(&tally.environments);
            answer["bucketSeconds"] = json!(window.bucket_s());
            answer["start"] = time(window.start_ms);
            answer["end"] = time(window.end_ms);
            let group = |g: &issues::Group| {
                json!({
                    "id": g.hash.to_string(), "title": g.title, "culprit": g.culprit, "rule": g.rule,
                    "events": g.tally.count, "firstSeen": time(g.tally.first_ms), "lastSeen": time(g.tally.last_ms),
                })
            };
            answer["parts"] = book.groups(issue).map(group).collect();
            Ok::<_, ApiError>((answer, group_labels(issue), tally.last_ms, issue.clone()))
        })?;
        if is_fine(&window) {
            let counts = stored_counts(reader, &groups, &window, |_, _| "")?.remove("").unwrap_or_default();
            answer["eventsInRange"] = json!(counts.iter().sum::<u64>());
            answer["buckets"] = match counts.is_empty() {
                true => json!(vec![0u64; window.buckets]),
                false => json!(counts),
            };
        }
        // The newest event is where the counts say, if retention has left it.
        let end_ns = last_ms.saturating_add(1).saturating_mul(1_000_000);
        let latest = reader.latest(&groups, (end_ns.saturating_sub(86_400_000_000_000), end_ns))?;
        let latest = match latest {
            None => reader.latest(&groups, (i64::MIN, i64::MAX))?,
            found => found,
        };
        answer["latestEvent"] = latest.map_or(Value::Null, |found| event(&found, Some(&copy)));
        Ok(ok(&answer, encoding))
    })
    .await
}

/// `/api/v1/errors/issues/{id}/tags?start=&end=`: names of tags and their most frequent values among the newest events.
pub async fn tags(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let window = window(&params, app.now_ms())?;
    ask(&app, tenant, move |reader| {
        let groups = reader.tracker.book(|book| reader.issue(book, &id).map(group_labels))?;
        let sought = Sought {
            groups: Some(&groups),
            span_ns: (window.start_ms.saturating_mul(1_000_000), window.end_ms.saturating_mul(1_000_000)),
            limit: Some(TAGGED_MAX),
            ..Sought::all(kind::EVENT)
        };
        let mut all: HashMap<String, HashMap<String, u64>> = HashMap::new();
        let (mut events, mut told_apart) = (0u64, 0);
        reader.records(&sought, None, &mut |labels, record| {
            events += 1;
            let service = labels.get(name::SERVICE).map(|s| ("service", s));
            let level = Some(("level", record.severity.text()));
            let others = record.attributes.iter().filter_map(|(stored, value)| {
                let shown = match stored {
                    name::RELEASE
                    | name::ENVIRONMENT
                    | name::TRANSACTION
                    | name::HOST
                    | name::USER
                    | name::HANDLED => stored,
                    tag => tag.strip_prefix(name::TAG_PREFIX)?,
                };
                match value {
                    model::record::Value::String(s) => Some((shown, s)),
                    model::record::Value::Bool(b) => Some((shown, if b { "yes" } else { "no" })),
                    _ => None,
                }
            });
            for (tag, value) in others.chain(service).chain(level) {
                if !all.contains_key(tag) && all.len() >= NAMES_MAX {
                    continue;
                }
                let values = all.entry(tag.to_owned()).or_default();
                if let Some(n) = values.get_mut(value) {
                    *n += 1;
                } else if told_apart < VALUES_TOLD_APART_MAX * 10 && values.len() < VALUES_TOLD_APART_MAX {
                    told_apart += 1;
                    values.insert(value.to_owned(), 1);
                }
            }
            ControlFlow::Continue(())
        })?;
        let mut tags: Vec<Value> = all
            .into_iter()
            .map(|(name, values)| {
                let (total, distinct) = (values.values().sum::<u64>(), values.len());
                let mut top: Vec<(String, u64)> = values.into_iter().collect();
                top.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                top.truncate(VALUES_MAX);
                let top: Vec<Value> =
                    top.into_iter().map(|(v, n)| json!({ "value": v, "events": n })).collect();
                json!({ "name": name, "events": total, "distinct": distinct, "top": top })
            })
            .collect();
        tags.sort_by_key(|t| t["name"].as_str().unwrap_or("").to_owned());
        Ok(ok(&json!({ "events": events, "tags": tags }), encoding))
    })
    .await
}

/// `/api/v1/errors/issues/{id}/feedback?start=&end=&limit=`: what users said of the newest events of an issue.
pub async fn said(State(app): Shared, Path(id): Path<String>, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let tenant = tenant(request.headers())?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let window = window(&params, app.now_ms())?;
    let limit = params.limit()?.unwrap_or(50).min(1000);
    ask(&app, tenant, move |reader| {
        let (project, groups) = reader
            .tracker
            .book(|book| reader.issue(book, &id).map(|issue| (issue.project.clone(), group_labels(issue))))?;
        let span_ns = (window.start_ms.saturating_mul(1_000_000), window.end_ms.saturating_mul(1_000_000));
        let told =
            Sought { project: Some(&project), span_ns, limit: Some(SAID_MAX), ..Sought::all(kind::FEEDBACK) };
        let mut all: Vec<([u8; 16], Value)> = Vec::new();
        reader.records(&told, None, &mut |labels, record| {
            let view = ErrorView::of(labels, record);
            let said: Value = serde_json::from_str(view.title).unwrap_or_default();
            let event = EventId(view.id).to_string();
            all.push((view.id, json!({ "event": event, "time": ns(view.time_ns), "said": said })));
            ControlFlow::Continue(())
        })?;
        if !all.is_empty() {
            // What is said may be said long after the event.
            let sought = Sought {
                groups: Some(&groups),
                limit: Some(TAGGED_MAX),
                span_ns: (i64::MIN, span_ns.1),
                ..Sought::all(kind::EVENT)
            };
            let mut mine = HashSet::new();
            reader.records(&sought, Some(&[name::ID]), &mut |labels, record| {
                mine.insert(ErrorView::of(labels, record).id);
                ControlFlow::Continue(())
            })?;
            all.retain(|(event, _)| mine.contains(event));
        }
        Ok(ok(&all.into_iter().take(limit).map(|(_, said)| said).collect(), encoding))
    })
    .await
}
