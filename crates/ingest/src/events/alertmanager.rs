//! What Alertmanager sends to a webhook (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>).
//!
//! Each alert is an event. It is sent again as long as it fires; by its fingerprint, state and start it is stored once.

use super::tree::object;
use super::writer::first_line;
use super::{EventWriter, Tree, each_value};
use crate::error::DecodeError;
use crate::records::{RecordWriter, Refused};
use model::record::Severity;
use model::record::event::{EventDraft, kind};
use serde_json::Value as Json;

/// Appends the alerts of a message.
pub fn decode(body: &[u8], w: &mut RecordWriter) -> Result<(), DecodeError> {
    let mut events = EventWriter::new(body, w)?;
    let mut number = 0;
    each_value(body, "Alertmanager's message", &mut |_, value| {
        let Json::Object(message) = value else {
            return Err(DecodeError::Unreadable("Alertmanager's message is no object".to_owned()));
        };
        if !message.get("alerts").is_some_and(Json::is_array) {
            let reason = "Alertmanager's message has no list of alerts; a message of version 4 is wanted";
            return Err(DecodeError::Unreadable(reason.to_owned()));
        }
        let message = Tree(message);
        for alert in message.items(&["alerts"]) {
            number += 1;
            let done = object(alert, "the alert").and_then(|a| one(message, a, &mut events));
            events.settle(number, done)?;
        }
        Ok(())
    })
}

fn one(message: Tree<'_>, alert: Tree<'_>, events: &mut EventWriter<'_>) -> Result<(), Refused> {
    let starts = alert.time(&["startsAt"]);
    let ends = alert.time(&["endsAt"]);
    let status = match alert.text(&["status"]) {
        "" => message.text(&["status"]),
        status => status,
    };
    let name = match alert.text(&["labels", "alertname"]) {
        "" => "alert",
        name => name,
    };
    let annotation = |names: [&str; 2]| {
        let said = names.into_iter().map(|n| alert.text(&["annotations", n]));
        said.into_iter().find(|t| !t.is_empty()).unwrap_or("")
    };
    let summary = first_line(annotation(["summary", "title"]));
    let resolved = status == "resolved";
    let mut draft = EventDraft {
        kind: kind::ALERT.to_owned(),
        title: if summary.is_empty() { name.to_owned() } else { format!("{name}: {summary}") },
        text: annotation(["description", "message"]).to_owned(),
        source: "alertmanager".to_owned(),
        subject: name.to_owned(),
        result: status.to_owned(),
        severity: severity(resolved, alert.text(&["labels", "severity"])),
        link: alert.text(&["generatorURL"]).to_owned(),
        id: format!("{}/{status}/{}", alert.text(&["fingerprint"]), alert.text(&["startsAt"])),
        time_ns: (if resolved { ends } else { starts }).unwrap_or(0),
        ..EventDraft::default()
    };
    if alert.text(&["fingerprint"]).is_empty() {
        draft.id.clear();
    }
    if let Some(labels) = alert.at(&["labels"]) {
        events.attributes(labels, &mut draft)?;
    }
    draft.set("alert.receiver", message.text(&["receiver"]));
    if resolved {
        draft.set("alert.started", alert.text(&["startsAt"]));
    }
    events.write(draft)
}

/// The severity of an alert by its label: what is resolved is no trouble any more.
pub fn severity(resolved: bool, label: &str) -> Severity {
    match (resolved, Severity::from_text(label)) {
        (true, _) => Severity::INFO,
        (false, Severity::UNKNOWN) => match label {
            "page" => Severity::CRITICAL,
            "none" => Severity::INFO,
            _ => Severity::ERROR,
        },
        (false, severity) => severity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::shown;

    #[test]
    fn alerts_fire_and_are_resolved() {
        let body = r#"{"version":"4","groupKey":"k","status":"firing","receiver":"wf","alerts":[
{"status":"firing","labels":{"alertname":"Down","severity":"critical","service":"cart","instance":"a:1"},"annotations":{"summary":"cart is down\nreally","description":"more"},"startsAt":"2026-11-21T11:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/graph","fingerprint":"f1"},
{"status":"resolved","labels":{"alertname":"Slow"},"startsAt":"2026-11-21T11:00:00Z","endsAt":"2026-11-21T11:30:00Z","fingerprint":"f2"},7]}"#;
        let all = [body, "[]", "{}", r#"{"alerts":{}}"#, "7"].map(|b| shown(|w| decode(b.as_bytes(), w)));
        insta::assert_snapshot!(all.join("\n"));
    }
}
