//! PagerDuty and Opsgenie.

use super::chat::put;
use super::{HttpRequest, Made, Maker, cut};
use crate::config::{OpsgenieConfig, PagerdutyConfig};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// An event of PagerDuty's API, version 2.
pub(super) fn pagerduty(m: &Maker<'_>, c: &PagerdutyConfig) -> Made<HttpRequest> {
    const SUMMARY_MAX: usize = 1024;
    const LIST: &str = r#"{{ template "pagerduty.default.instances" .Alerts.Firing }}"#;
    let mut details: Map<String, Value> = Map::new();
    for (name, text) in [
        ("firing", LIST),
        ("resolved", r#"{{ template "pagerduty.default.instances" .Alerts.Resolved }}"#),
        ("num_firing", "{{ .Alerts.Firing | len }}"),
        ("num_resolved", "{{ .Alerts.Resolved | len }}"),
    ] {
        details.insert(name.to_owned(), m.text(text)?.into());
    }
    for (name, text) in &c.details {
        details.insert(name.clone(), m.text(text)?.into());
    }
    let client_url = m.or(&c.client_url, r#"{{ template "pagerduty.default.clientURL" . }}"#)?;
    let client = m.or(&c.client, r#"{{ template "pagerduty.default.client" . }}"#)?;
    let mut payload = Map::new();
    let summary = m.or(&c.description, r#"{{ template "pagerduty.default.description" . }}"#)?;
    payload.insert("summary".into(), cut(&summary, SUMMARY_MAX).into());
    payload.insert("source".into(), m.or(&c.source, &client)?.into());
    payload.insert("severity".into(), m.or(&c.severity, "error")?.into());
    put(&mut payload, "class", m.or(&c.class, "")?);
    put(&mut payload, "component", m.or(&c.component, "")?);
    put(&mut payload, "group", m.or(&c.group, "")?);
    payload.insert("custom_details".into(), details.into());
    let mut links = Vec::new();
    for link in &c.links {
        links.push(json!({"href": m.text(&link.href)?, "text": m.text(&link.text)?}));
    }
    let mut images = Vec::new();
    for image in &c.images {
        images.push(
            json!({"src": m.text(&image.src)?, "alt": m.text(&image.alt)?, "href": m.text(&image.href)?}),
        );
    }
    let mut event = Map::new();
    event.insert("routing_key".into(), m.text(&m.secret(&c.routing_key, &c.routing_key_file)?)?.into());
    event.insert("dedup_key".into(), m.group_hash().into());
    let action = if m.data.status == "firing" { "trigger" } else { "resolve" };
    event.insert("event_action".into(), action.into());
    event.insert("payload".into(), payload.into());
    put(&mut event, "client", client);
    put(&mut event, "client_url", client_url);
    if !links.is_empty() {
        event.insert("links".into(), links.into());
    }
    if !images.is_empty() {
        event.insert("images".into(), images.into());
    }
    let url = c.url.clone().unwrap_or_else(|| "https://events.pagerduty.com/v2/enqueue".to_owned());
    Ok(m.post(url, &Value::Object(event), &c.http_config, c.timeout))
}

/// Opens or closes an alert in Opsgenie, or brings its texts up to date.
pub(super) fn opsgenie(m: &Maker<'_>, c: &OpsgenieConfig) -> Made<Vec<HttpRequest>> {
    const MESSAGE_MAX: usize = 130;
    let api = c.api_url.as_deref().unwrap_or("https://api.opsgenie.com/").trim_end_matches('/');
    let key = m.text(&m.secret(&c.api_key, &c.api_key_file)?)?;
    let alias = m.group_hash();
    let encoded = utf8_percent_encode(&alias, NON_ALPHANUMERIC).to_string();
    let request = |method: &'static str, url: String, body: Value| {
        let mut request = m.post(url, &body, &c.http_config, None);
        request.method = method;
        request.headers.push(("authorization".to_owned(), format!("GenieKey {key}")));
        request
    };
    let source = m.or(&c.source, r#"{{ template "opsgenie.default.source" . }}"#)?;
    if m.data.status == "resolved" {
        let url = format!("{api}/v2/alerts/{encoded}/close?identifierType=alias");
        return Ok(vec![request("POST", url, json!({"source": source}))]);
    }
    let message = cut(&m.or(&c.message, r#"{{ template "opsgenie.default.message" . }}"#)?, MESSAGE_MAX);
    let description = m.or(&c.description, r#"{{ template "opsgenie.default.description" . }}"#)?;
    let mut details: Map<String, Value> =
        m.data.common_labels.iter().map(|(n, v)| (n.clone(), v.as_str().into())).collect();
    for (name, text) in &c.details {
        details.insert(name.clone(), m.text(text)?.into());
    }
    let mut responders = Vec::new();
    for r in &c.responders {
        let mut out = Map::new();
        for (name, text) in [("id", &r.id), ("name", &r.name), ("username", &r.username)] {
            put(&mut out, name, m.text(text)?);
        }
        if out.is_empty() {
            continue;
        }
        let kind = m.text(&r.kind)?;
        if kind == "teams" {
            // Several teams in one text, separated by commas.
            let names = out.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
            responders.extend(names.split(',').map(|n| json!({"name": n.trim(), "type": "team"})));
            continue;
        }
        out.insert("type".into(), kind.into());
        responders.push(out.into());
    }
    let mut body = Map::new();
    body.insert("alias".into(), alias.clone().into());
    body.insert("message".into(), message.clone().into());
    put(&mut body, "description", description.clone());
    body.insert("details".into(), details.into());
    body.insert("source".into(), source.into());
    if !responders.is_empty() {
        body.insert("responders".into(), responders.into());
    }
    for (name, text) in [("tags", &c.tags), ("actions", &c.actions)] {
        let text = m.or(text, "")?;
        let list: Vec<&str> = text.split(',').map(str::trim).filter(|t| !t.is_empty()).collect();
        if !list.is_empty() {
            body.insert(name.into(), list.into());
        }
    }
    for (name, text) in [("note", &c.note), ("entity", &c.entity), ("priority", &c.priority)] {
        put(&mut body, name, m.or(text, "")?);
    }
    let mut out = vec![request("POST", format!("{api}/v2/alerts"), body.into())];
    if c.update_alerts {
        let at = |what: &str| format!("{api}/v2/alerts/{encoded}/{what}?identifierType=alias");
        out.push(request("PUT", at("message"), json!({"message": message})));
        out.push(request("PUT", at("description"), json!({"description": description})));
    }
    Ok(out)
}
