//! `/api/v2/status` and `/api/v2/receivers`.

use super::{Reply, ok, time};
use crate::api::Shared;
use axum::extract::State;
use serde_json::json;

/// Who we are and what is configured. Secrets are not shown.
pub async fn status(State(app): Shared) -> Reply {
    let running = app.ready()?;
    let routing = running.office.routing();
    ok(&json!({
        "cluster": {"status": "disabled"},
        "versionInfo": {
            "version": env!("CARGO_PKG_VERSION"),
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        },
        "config": {"original": without_secrets(&routing.original)},
        "uptime": time(app.started_ms),
    }))
}

/// All receivers.
pub async fn receivers(State(app): Shared) -> Reply {
    let routing = app.ready()?.office.routing();
    let names: Vec<_> = routing.config.receivers.iter().map(|r| json!({"name": r.name})).collect();
    ok(&names)
}

/// The last words of keys whose values are secrets.
const SECRET_KEYS: [&str; 12] = [
    "password",
    "secret",
    "token",
    "api_key",
    "api_url",
    "webhook_url",
    "routing_key",
    "service_key",
    "secret_key",
    "credentials",
    "key",
    "auth_secret",
];

/// The file with `<secret>` in the place of values that nobody should see.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // A secret may go on over several lines, which are indented further than its key.
    let mut hidden_below: Option<usize> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        if hidden_below.is_some_and(|at| indent > at || line.trim().is_empty()) {
            continue;
        }
        hidden_below = None;
        out.push_str(&hidden(line, indent, &mut hidden_below));
        out.push('\n');
    }
    out
}

fn is_secret(key: &str) -> bool {
    let key = key.trim().trim_matches(['"', '\'']);
    key == "url" || SECRET_KEYS.iter().any(|s| key == *s || key.ends_with(&format!("_{s}")))
}

/// What is shown in the place of a secret. Clients read `url` as a URL.
fn placeholder(key: &str) -> &'static str {
    if key == "url" { " http://secret" } else { " <secret>" }
}

fn hidden(line: &str, indent: usize, below: &mut Option<usize>) -> String {
    let mut out = String::new();
    let mut rest = line;
    // Keys in flow style are hidden one by one.
    while let Some(colon) = rest.find(':') {
        let (head, tail) = rest.split_at(colon);
        let key = head.rsplit(['{', ',', ' ', '-']).next().unwrap_or("");
        out.push_str(head);
        out.push(':');
        rest = &tail[1..];
        if !is_secret(key) || !(rest.is_empty() || rest.starts_with(' ')) {
            continue;
        }
        let flow = line[..line.len() - rest.len()].contains('{');
        if flow {
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            out.push_str(placeholder(key));
            rest = &rest[end..];
        } else {
            out.push_str(placeholder(key));
            *below = Some(indent);
            return out;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        let text = "global:\n  smtp_auth_password: a:b\n  slack_api_url: 'https://x'\n  smtp_from: me\nreceivers:\n- name: a\n  webhook_configs:\n  - url: >-\n      http://u:p@h/\n    send_resolved: true\n  - {url: 'http://q', max_alerts: 3}\n";
        let shown = without_secrets(text);
        for gone in ["a:b", "https://x", "u:p@h", "http://q"] {
            assert!(!shown.contains(gone), "{shown}");
        }
        for kept in ["smtp_from: me", "send_resolved: true", "max_alerts: 3", "name: a"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }
}
