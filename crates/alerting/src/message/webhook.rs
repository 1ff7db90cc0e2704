//! The JSON of webhooks, version 4, byte for byte as Alertmanager writes it.

use super::data::Data;
use crate::labels::LabelSet;
use serde::Serialize;
use template::Time;

#[derive(Serialize)]
struct Message<'a> {
    receiver: &'a str,
    status: &'a str,
    alerts: Vec<AlertJson<'a>>,
    #[serde(rename = "groupLabels")]
    group_labels: &'a LabelSet,
    #[serde(rename = "commonLabels")]
    common_labels: &'a LabelSet,
    #[serde(rename = "commonAnnotations")]
    common_annotations: &'a LabelSet,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    #[serde(rename = "groupKey")]
    group_key: &'a str,
    #[serde(rename = "truncatedAlerts")]
    truncated: u64,
}

#[derive(Serialize)]
struct AlertJson<'a> {
    status: &'a str,
    labels: &'a LabelSet,
    annotations: &'a LabelSet,
    #[serde(rename = "startsAt")]
    starts_at: String,
    #[serde(rename = "endsAt")]
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: String,
}

/// Go's zero time, the end of what has none.
pub(crate) fn zero_time() -> Time {
    Time { nanos: -62_135_596_800 * 1_000_000_000 }
}

/// RFC 3339 with as many digits as there are.
pub(crate) fn rfc3339(time: Time) -> String {
    time.format("2006-01-02T15:04:05.999999999Z07:00")
}

/// The body, with a newline at its end.
pub(super) fn body(data: &Data, group_key: &str, truncated: u64) -> Vec<u8> {
    let alerts = data.alerts.iter().map(|a| {
        let status = data.status_of(a);
        AlertJson {
            status,
            labels: &a.labels,
            annotations: &a.annotations,
            starts_at: rfc3339(Time::from_unix_ms(a.starts_ms)),
            ends_at: match status {
                "resolved" => rfc3339(Time::from_unix_ms(a.ends_ms)),
                _ => rfc3339(zero_time()),
            },
            generator_url: &a.generator_url,
            fingerprint: a.fingerprint().to_string(),
        }
    });
    let message = Message {
        receiver: &data.receiver,
        status: data.status,
        alerts: alerts.collect(),
        group_labels: &data.group_labels,
        common_labels: &data.common_labels,
        common_annotations: &data.common_annotations,
        external_url: &data.external_url,
        version: "4",
        group_key,
        truncated,
    };
    let mut out = go_json(&message);
    out.push(b'\n');
    out
}

/// JSON as Go's encoder writes it: characters that mean something in HTML are escaped.
pub(crate) fn go_json(value: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out.into_bytes()
}
