//! Sessions, one by one and counted by the SDK (<https://develop.sentry.dev/sdk/telemetry/sessions/>).

use super::parts::{first, list, number, text, time_ns};
use errors::{EventId, Item, SessionNote, SessionStatus, user_hash};
use serde_json::Value;

/// Entries of one item of counted sessions.
const AGGREGATES_MAX: usize = 1000;

fn about(v: &Value) -> SessionNote {
    let attributes = v.get("attrs").or_else(|| v.get("attributes")).unwrap_or(&Value::Null);
    let environment = text(attributes, "environment");
    SessionNote {
        release: cut(text(attributes, "release")),
        environment: cut(if environment.is_empty() { "production".to_owned() } else { environment }),
        ..SessionNote::default()
    }
}

fn cut(text: String) -> String {
    crate::limits::cut(&text, 250).to_owned()
}

/// A time of the sender by our clock. Nothing has begun yet that is still to come, and 0 is "not said".
fn ours(at_ns: i64, drift_ns: i64, now_ns: i64) -> Option<i64> {
    (at_ns != 0).then(|| at_ns.saturating_add(drift_ns).min(now_ns))
}

/// A session.
pub(super) fn session(v: &Value, drift_ns: i64, now_ns: i64) -> Result<Item, String> {
    let id = EventId::from_text(&text(v, "sid")).ok_or("a session without a sid of 32 hexadecimal digits")?;
    let told_ns = ours(time_ns(v, "timestamp"), drift_ns, now_ns).unwrap_or(now_ns);
    let started_ns = ours(time_ns(v, "started"), drift_ns, now_ns).unwrap_or(told_ns);
    let user = Some(first(v, &["did"])).filter(|d| !d.is_empty()).map(|d| user_hash(&d));
    let errors = number(v, "errors");
    let status = match text(v, "status").as_str() {
        "exited" => SessionStatus::Exited,
        "crashed" => SessionStatus::Crashed,
        "abnormal" => SessionStatus::Abnormal,
        "errored" => SessionStatus::Errored,
        _ if errors > 0 => SessionStatus::Errored,
        _ => SessionStatus::Ok,
    };
    let init = v.get("init").and_then(Value::as_bool).unwrap_or(false);
    let note = SessionNote {
        id: Some(id),
        user,
        started_ms: started_ns.div_euclid(1_000_000),
        init,
        status,
        errors,
        ..about(v)
    };
    Ok(Item::Session { note, time_ns: told_ns })
}

/// Sessions counted by minute.
pub(super) fn sessions(v: &Value, drift_ns: i64, now_ns: i64) -> impl Iterator<Item = Item> {
    let about = about(v);
    list(v, "aggregates").iter().take(AGGREGATES_MAX).map(move |a| {
        let started_ns = ours(time_ns(a, "started"), drift_ns, now_ns).unwrap_or(now_ns);
        let counted =
            ["exited", "errored", "crashed", "abnormal"].map(|n| number(a, n).min(u64::from(u32::MAX)));
        let user = Some(text(a, "did")).filter(|d| !d.is_empty()).map(|d| user_hash(&d));
        let started_ms = started_ns.div_euclid(1_000_000);
        let note = SessionNote { started_ms, user, counted: Some(counted), ..about.clone() };
        Item::Session { note, time_ns: started_ns }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_by_our_clock_and_never_to_come() {
        const S: i64 = 1_000_000_000;
        let now = 1_700_000_000 * S;
        let at = |started: i64, drift: i64| {
            let v = json!({ "sid": "0".repeat(32), "started": started, "timestamp": started + 5 });
            let Ok(Item::Session { note, time_ns }) = session(&v, drift, now) else { panic!("a session") };
            (note.started_ms / 1000, time_ns / S)
        };
        assert_eq!(at(1_699_999_000, 0), (1_699_999_000, 1_699_999_005));
        assert_eq!(at(1_600_000_000, 99_000_000 * S), (1_699_000_000, 1_699_000_005));
        assert_eq!(at(4_000_000_000, 0), (1_700_000_000, 1_700_000_000));
        let counted =
            json!({ "aggregates": [{ "started": 4_000_000_000i64, "exited": 1 }, { "exited": 2 }] });
        for item in sessions(&counted, 0, now) {
            assert_eq!(item.time_ns(), now);
        }
    }
}
