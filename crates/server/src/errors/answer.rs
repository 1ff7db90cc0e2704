//! Answers about errors as JSON.

use super::read::Found;
use crate::http::respond::{Encoding, Notes, respond, success};
use axum::response::Response;
use issues::{Book, Group, Issue, Named, Status, Tally};
use serde_json::{Value, json};

/// An answer.
pub fn ok(value: &Value, encoding: Encoding) -> Response {
    respond(
        success(&Notes::default(), |j| {
            j.value(value);
        }),
        "application/json",
        encoding,
    )
}

/// A time as others read it.
pub fn time(ms: i64) -> Value {
    json!(crate::http::time::format_rfc3339(ms))
}

/// A span of time and its parts.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// From, Unix milliseconds.
    pub start_ms: i64,
    /// Before, Unix milliseconds.
    pub end_ms: i64,
    /// Into so many.
    pub buckets: usize,
}

impl Window {
    /// The width of a part, seconds.
    pub fn bucket_s(&self) -> f64 {
        (self.end_ms - self.start_ms) as f64 / 1000.0 / self.buckets.max(1) as f64
    }
}

/// An issue in one line of a list.
pub fn summary(book: &Book, issue: &Issue, tally: &Tally, window: &Window, now_ms: i64) -> Value {
    let none = Group::default();
    let group = book.newest_group(issue).unwrap_or(&none);
    let buckets = tally.buckets(window.start_ms, window.end_ms, window.buckets);
    let mut of = json!({
        "id": issue.id.to_string(),
        "project": issue.project,
        "title": group.title,
        "culprit": group.culprit,
        "type": group.exception,
        "platform": group.platform,
        "service": group.service,
        "level": group.level.text(),
        "status": issue.life.status_at(now_ms).text(),
        "regressed": issue.life.regressed && issue.life.status == Status::Unresolved,
        "assigned": issue.life.assigned,
        "firstSeen": time(tally.first_ms),
        "lastSeen": time(tally.last_ms),
        "events": tally.count,
        "eventsInRange": buckets.iter().sum::<u64>(),
        "unhandled": tally.unhandled,
        "users": tally.users.count(),
        "groups": issue.groups.len(),
        "buckets": buckets,
    });
    let by_order = |a: &&Named, b: &&Named| match book.releases(&issue.tenant, &issue.project) {
        Some(all) if all.is_newer(&a.name, &b.name) => std::cmp::Ordering::Greater,
        Some(all) if all.is_newer(&b.name, &a.name) => std::cmp::Ordering::Less,
        _ => a.first_ms.cmp(&b.first_ms),
    };
    if let (Some(first), Some(last)) =
        (tally.releases.iter().min_by(by_order), tally.releases.iter().max_by(by_order))
    {
        of["firstRelease"] = json!(first.name);
        of["lastRelease"] = json!(last.name);
    }
    of
}

/// Where an issue is in its life.
pub fn life(issue: &Issue, now_ms: i64) -> Value {
    let l = &issue.life;
    let until = l.until.map(|u| json!({ "time": u.time_ms.map(time), "events": u.events, "users": u.users }));
    json!({
        "status": l.status_at(now_ms).text(),
        "since": time(l.since_ms),
        "inRelease": l.in_release,
        "afterRelease": l.after_release,
        "ignoredUntil": until,
        "regressed": l.regressed && l.status == Status::Unresolved,
        "regressions": l.regressions,
        "assigned": l.assigned,
    })
}

/// What happened to an issue, the newest first.
pub fn activity(issue: &Issue) -> Value {
    let entry = |a: &issues::Activity| {
        let mut entry = serde_json::to_value(a).unwrap_or_default();
        entry["at"] = time(a.at_ms);
        if let Some(o) = entry.as_object_mut() {
            o.remove("at_ms");
        }
        entry
    };
    issue.activity.iter().rev().map(entry).collect()
}

/// Counts by name, the largest first.
pub fn named(all: &[Named]) -> Value {
    let mut sorted: Vec<&Named> = all.iter().collect();
    sorted.sort_by_key(|n| (std::cmp::Reverse(n.count), &n.name));
    let one = |n: &Named| json!({ "name": n.name, "events": n.count, "firstSeen": time(n.first_ms), "lastSeen": time(n.last_ms) });
    sorted.into_iter().map(one).collect()
}

/// An event with everything, and where to look further.
pub fn event(found: &Found, issue: Option<&Issue>) -> Value {
    let mut event = found.event.clone();
    let time_ns = event.get("time_ns").and_then(Value::as_i64).unwrap_or(found.accepted_ns);
    if let Some(o) = event.as_object_mut() {
        o.remove("time_ns");
        o.remove("level");
        o.insert("time".to_owned(), ns(time_ns));
    }
    if let Some(crumbs) = event.get_mut("breadcrumbs").and_then(Value::as_array_mut) {
        for crumb in crumbs.iter_mut().filter_map(Value::as_object_mut) {
            let at = crumb.remove("time_ns").and_then(|t| t.as_i64()).unwrap_or(0);
            if at != 0 {
                crumb.insert("time".to_owned(), ns(at));
            }
        }
    }
    let level = found.event.get("level").and_then(Value::as_u64).and_then(|n| u8::try_from(n).ok());
    event["level"] = json!(model::record::Severity::from_number(level.unwrap_or(0)).text());
    event["project"] = json!(found.project);
    event["title"] = json!(found.title);
    event["group"] = json!(found.group);
    event["rule"] = json!(found.rule);
    event["accepted"] = ns(found.accepted_ns);
    event["issue"] = json!(issue.map(|i| i.id.to_string()));
    event["links"] = links(found, time_ns);
    event
}

/// Nanoseconds as RFC 3339, with as many digits as there are.
pub fn ns(at: i64) -> Value {
    match jiff::Timestamp::from_nanosecond(i128::from(at)) {
        Ok(t) => json!(t.to_string()),
        Err(_) => Value::Null,
    }
}

/// How long before and after an event others are looked at.
const AROUND_NS: i64 = 300_000_000_000;

/// The trace, and the logs and metrics of the service at that moment.
fn links(found: &Found, time_ns: i64) -> Value {
    let text = |name: &str| found.event.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let (service, host) = (text("service"), text("server_name"));
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut links = json!({
        "time": ns(time_ns),
        "start": ns(time_ns.saturating_sub(AROUND_NS)),
        "end": ns(time_ns.saturating_add(AROUND_NS)),
        "entity": { "service": service, "host": host },
    });
    let (trace, span) = found.ids;
    if !trace.is_none() {
        links["trace"] =
            json!({ "traceID": trace.to_string(), "spanID": (!span.is_none()).then(|| span.to_string()) });
    }
    if !service.is_empty() {
        let selector = format!("{{service_name=\"{}\"}}", quoted(&service));
        links["logs"] = json!({ "query": selector });
        let of_service = format!("{{service=\"{}\"}}", quoted(&service));
        links["metrics"] = json!([
            { "name": "calls", "query": format!("sum by (status_code) (rate(traces_spanmetrics_calls_total{of_service}[1m]))") },
            { "name": "errors", "query": format!("sum by (level) (rate(errors_events_total{of_service}[1m]))") },
        ]);
    } else if !host.is_empty() {
        links["logs"] = json!({ "query": format!("{{host_name=\"{}\"}}", quoted(&host)) });
    }
    links
}
