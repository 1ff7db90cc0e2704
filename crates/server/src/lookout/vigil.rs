//! Whether this server itself still does what others count on: rules are evaluated, alerts are delivered.

use crate::api::{Answer, Shared};
use crate::collect::Running;
use crate::http::respond::json;
use axum::extract::State;
use serde::Serialize;
use std::time::Duration;

/// A state machine of alerting that has not taken its turn for this long stands still: it takes one each second.
const ALERTING_STILL: Duration = Duration::from_secs(60);
/// No group of rules evaluated for this long, though some are due, means that evaluation stands still. The longest
/// query of a rule takes `rules.timeout`, which is added.
const RULES_STILL: Duration = Duration::from_secs(300);
/// A decision that is open for this long is told; receivers may be at fault, so it does not make the server unwell.
const DELIVERY_SLOW: Duration = Duration::from_secs(300);

/// One of the things that others count on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    name: &'static str,
    /// Whether it does its work.
    ok: bool,
    /// Whether it stands still, which a restart may help.
    stalled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Part {
    fn of(name: &'static str, trouble: Option<String>, stalled: bool) -> Part {
        Part { name, ok: trouble.is_none(), stalled, reason: trouble }
    }
}

fn parts(running: &Running, now_ms: i64, rules_timeout: Duration) -> Vec<Part> {
    let still = running.office.still_for();
    let alerting = (still > ALERTING_STILL)
        .then(|| format!("its state machine has not taken its turn for {} s", still.as_secs()));
    let vigil = running.rules.vigil(now_ms);
    let allowed = RULES_STILL + rules_timeout;
    let stalled = vigil.overdue > 0 && vigil.idle_for > allowed;
    let rules = (vigil.overdue > 0).then(|| {
        let (first, idle) = (vigil.first.as_deref().unwrap_or(""), vigil.idle_for.as_secs());
        format!("{} groups have not been evaluated in time, {first:?} among them; the last evaluation was {idle} s ago", vigil.overdue)
    });
    let open = running.office.oldest_open(now_ms).filter(|age| *age > DELIVERY_SLOW);
    let deliveries = open.map(|age| format!("a decision to notify has been open for {} s", age.as_secs()));
    vec![
        Part::of("alerting", alerting.clone(), alerting.is_some()),
        Part::of("rules", rules, stalled),
        Part::of("deliveries", deliveries, false),
    ]
}

/// Why the server is unwell, if it is: what stands still and would not go on by itself.
pub fn stalled(running: &Running, now_ms: i64, rules_timeout: Duration) -> Option<String> {
    let still: Vec<String> = parts(running, now_ms, rules_timeout)
        .into_iter()
        .filter(|p| p.stalled)
        .map(|p| format!("{}: {}", p.name, p.reason.unwrap_or_default()))
        .collect();
    (!still.is_empty()).then(|| still.join("; "))
}

/// `GET /api/v1/status/vigil`
pub async fn list(State(app): Shared) -> Answer {
    let running = app.ready()?;
    let parts = parts(running, app.now_ms(), app.config().rules.timeout.into());
    let (ok, stalled) = (parts.iter().all(|p| p.ok), parts.iter().any(|p| p.stalled));
    Ok(json(|j| {
        j.raw("{").key("ok").bool(ok).key("stalled").bool(stalled).key("parts").value(&parts).raw("}");
    }))
}
