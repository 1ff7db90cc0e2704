//! Answers about incidents as JSON.

use crate::http::respond::{Encoding, Notes, respond, success};
use ::entities::EntityId;
use ::incidents::oncall::OnCall;
use ::incidents::{Entry, Head, Incident, Member, Notification, Status, What};
use alerting::Outcome;
use axum::response::Response;
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

fn maybe(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, time)
}

/// An entity.
pub fn entity(id: &EntityId) -> Value {
    json!({"type": id.kind.text(), "id": id.id, "name": id.name()})
}

fn escalation(head: &Head, oncall: &OnCall) -> Value {
    let Some(e) = &head.escalation else { return Value::Null };
    let policy = oncall.policy_named(&e.policy);
    let state = match (head.status, head.quiet_ms, e.next_ms) {
        (Status::Acknowledged | Status::Resolved, ..) => "stopped",
        (_, _, None) => "done",
        (_, Some(_), _) => "paused",
        (_, None, Some(_)) => "waiting",
    };
    json!({
        "policy": e.policy,
        "step": e.step,
        "steps": policy.map_or(0, |p| p.steps.len()),
        "round": e.round + 1,
        "rounds": policy.map_or(1, |p| p.repeat + 1),
        "state": state,
        "nextAt": maybe(e.next_ms.filter(|_| state == "waiting")),
    })
}

/// An incident in one line of a list.
pub fn summary(incident: &Incident, oncall: &OnCall) -> Value {
    let head = &incident.head;
    let resolved = head.resolved.as_ref();
    json!({
        "id": head.id.0,
        "title": head.title,
        "status": head.status.text(),
        "severity": head.severity.text(),
        "quiet": head.quiet_ms.is_some(),
        "startedAt": time(head.started_ms),
        "updatedAt": time(head.updated_ms),
        "acknowledgedAt": maybe(head.acknowledged.as_ref().map(|(at, _)| *at)),
        "acknowledgedBy": head.acknowledged.as_ref().map(|(_, by)| by),
        "quietSince": maybe(head.quiet_ms),
        "resolvedAt": maybe(resolved.map(|r| r.ended_ms)),
        "resolvedBy": resolved.and_then(|r| r.by.as_ref()),
        "assigned": head.assigned,
        "mergedInto": head.merged_into.map(|id| id.0),
        "entities": incident.entities().into_iter().take(50).map(entity).collect::<Vec<_>>(),
        "labels": incident.labels(),
        "alertCount": incident.members.len(),
        "firing": incident.firing().count(),
        "escalation": escalation(head, oncall),
    })
}

/// An alert of an incident.
fn alert(m: &Member) -> Value {
    json!({
        "fingerprint": m.fingerprint.to_string(),
        "name": m.name(),
        "severity": m.severity().text(),
        "state": if m.ended { "ended" } else { "firing" },
        "startsAt": time(m.starts_ms),
        "endsAt": maybe(m.ended.then_some(m.ends_ms)),
        "firstAt": time(m.first_ms),
        "times": m.times,
        "summary": m.summary(),
        "labels": *m.labels,
        "annotations": *m.annotations,
        "expr": ::incidents::expression(&m.generator_url),
        "generatorURL": *m.generator_url,
        "entities": m.entities.iter().map(entity).collect::<Vec<_>>(),
    })
}

/// An incident with its alerts.
pub fn whole(incident: &Incident, oncall: &OnCall) -> Value {
    let mut of = summary(incident, oncall);
    let mut members: Vec<&Member> = incident.members.values().collect();
    members.sort_by_key(|m| (m.ended, std::cmp::Reverse(m.severity()), m.starts_ms, m.fingerprint));
    of["alerts"] = members.into_iter().map(alert).collect();
    of["droppedEntries"] = json!(incident.dropped);
    of["postmortem"] = json!(format!("/api/v1/incidents/{}/postmortem", incident.id()));
    of
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
    }
}

fn notification(n: &Notification) -> Value {
    json!({
        "delivery": n.delivery,
        "receiver": n.receiver,
        "way": n.way,
        "index": n.index,
        "outcome": n.outcome.map(outcome),
        "doneAt": maybe(n.done_ms),
    })
}

/// An entry of a timeline.
pub fn entry(e: &Entry) -> Value {
    let mut of = match &e.what {
        What::Opened { title, severity } => json!({"title": title, "severity": severity.text()}),
        What::Firing { alert } | What::Ended { alert } => json!({
            "fingerprint": alert.fingerprint.to_string(),
            "name": alert.name,
            "severity": alert.severity.text(),
            "summary": alert.summary,
            "labels": *alert.labels,
        }),
        What::Severity { from, to } => json!({"from": from.text(), "to": to.text()}),
        What::Acknowledged | What::Unacknowledged | What::Quiet | What::Resolved => json!({}),
        What::Assigned { to } => json!({"to": to}),
        What::Note { text } => json!({"text": text}),
        What::Title { from, to } => json!({"from": from, "to": to}),
        What::Escalated(r) => json!({
            "policy": r.policy,
            "step": r.policy.as_ref().map(|_| r.step),
            "round": r.policy.as_ref().map(|_| r.round),
            "people": r.people,
            "schedules": r.schedules,
            "reached": !r.people.is_empty(),
        }),
        What::Paged(p) => json!({
            "person": p.person,
            "step": (p.step > 0).then_some(p.step),
            "round": (p.step > 0).then_some(p.round),
            "end": p.end,
            "notifications": p.notifications.iter().map(notification).collect::<Vec<_>>(),
        }),
        What::Notified { notification: n, reason, alerts } => {
            let mut of = notification(n);
            of["reason"] = json!(reason);
            of["alerts"] = json!(alerts);
            of
        }
        What::Reopened { reason } => json!({"reason": reason}),
        What::Merged { incident } | What::MergedInto { incident } | What::SplitFrom { incident } => {
            json!({"incident": incident.0})
        }
        What::Split { incident, alerts } => json!({"incident": incident.0, "alerts": alerts}),
    };
    of["number"] = json!(e.number);
    of["at"] = time(e.at_ms);
    of["kind"] = json!(e.what.kind());
    of["by"] = json!(e.by);
    of
}
