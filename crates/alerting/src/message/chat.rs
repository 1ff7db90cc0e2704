//! Slack, Microsoft Teams, Telegram, Discord.

use super::{HttpRequest, Made, Maker, cut, cut_bytes};
use crate::config::{DiscordConfig, MsteamsConfig, SlackConfig, TelegramConfig};
use serde_json::{Map, Value, json};

/// Puts a text into an object unless it is empty.
pub(super) fn put(object: &mut Map<String, Value>, name: &str, text: String) {
    if !text.is_empty() {
        object.insert(name.to_owned(), Value::from(text));
    }
}

/// An attachment for an incoming webhook.
pub(super) fn slack(m: &Maker<'_>, c: &SlackConfig) -> Made<HttpRequest> {
    const TITLE_MAX: usize = 1024;
    let mut attachment = Map::new();
    put(
        &mut attachment,
        "title",
        cut(&m.or(&c.title, r#"{{ template "slack.default.title" . }}"#)?, TITLE_MAX),
    );
    put(&mut attachment, "title_link", m.or(&c.title_link, r#"{{ template "slack.default.titlelink" . }}"#)?);
    put(&mut attachment, "pretext", m.or(&c.pretext, r#"{{ template "slack.default.pretext" . }}"#)?);
    attachment.insert("text".into(), m.or(&c.text, r#"{{ template "slack.default.text" . }}"#)?.into());
    put(&mut attachment, "image_url", m.or(&c.image_url, "")?);
    put(&mut attachment, "thumb_url", m.or(&c.thumb_url, "")?);
    put(&mut attachment, "footer", m.or(&c.footer, r#"{{ template "slack.default.footer" . }}"#)?);
    attachment
        .insert("fallback".into(), m.or(&c.fallback, r#"{{ template "slack.default.fallback" . }}"#)?.into());
    put(
        &mut attachment,
        "callback_id",
        m.or(&c.callback_id, r#"{{ template "slack.default.callbackid" . }}"#)?,
    );
    put(&mut attachment, "color", m.or(&c.color, r#"{{ template "slack.default.color" . }}"#)?);
    let marked =
        c.mrkdwn_in.clone().unwrap_or_else(|| ["fallback", "pretext", "text"].map(str::to_owned).into());
    attachment.insert("mrkdwn_in".into(), marked.into());
    let mut fields = Vec::new();
    for field in &c.fields {
        let short = field.short.unwrap_or(c.short_fields);
        fields.push(json!({"title": m.text(&field.title)?, "value": m.text(&field.value)?, "short": short}));
    }
    if !fields.is_empty() {
        attachment.insert("fields".into(), fields.into());
    }
    let mut actions = Vec::new();
    for action in &c.actions {
        let mut out = Map::new();
        for (name, text) in [
            ("type", &action.kind),
            ("text", &action.text),
            ("url", &action.url),
            ("style", &action.style),
            ("name", &action.name),
            ("value", &action.value),
        ] {
            put(&mut out, name, m.text(text)?);
        }
        actions.push(Value::Object(out));
    }
    if !actions.is_empty() {
        attachment.insert("actions".into(), actions.into());
    }
    let mut message = Map::new();
    put(&mut message, "channel", m.or(&c.channel, "")?);
    put(&mut message, "username", m.or(&c.username, r#"{{ template "slack.default.username" . }}"#)?);
    put(&mut message, "icon_emoji", m.or(&c.icon_emoji, r#"{{ template "slack.default.iconemoji" . }}"#)?);
    put(&mut message, "icon_url", m.or(&c.icon_url, r#"{{ template "slack.default.iconurl" . }}"#)?);
    if c.link_names {
        message.insert("link_names".into(), true.into());
    }
    message.insert("attachments".into(), vec![Value::Object(attachment)].into());
    let url = m.secret(&c.api_url, &c.api_url_file)?;
    Ok(m.post(url, &Value::Object(message), &c.http_config, c.timeout))
}

const RED: &str = "8C1A1A";
const GREEN: &str = "2DC72D";

/// A card for a connector.
pub(super) fn msteams(m: &Maker<'_>, c: &MsteamsConfig) -> Made<HttpRequest> {
    let color = if m.data.status == "firing" { RED } else { GREEN };
    let body = json!({
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": m.or(&c.title, r#"{{ template "msteams.default.title" . }}"#)?,
        "summary": m.or(&c.summary, r#"{{ template "msteams.default.summary" . }}"#)?,
        "text": m.or(&c.text, r#"{{ template "msteams.default.text" . }}"#)?,
        "themeColor": color,
    });
    Ok(m.post(m.secret(&c.webhook_url, &c.webhook_url_file)?, &body, &c.http_config, None))
}

/// An adaptive card for a workflow.
pub(super) fn msteamsv2(m: &Maker<'_>, c: &MsteamsConfig) -> Made<HttpRequest> {
    let color = if m.data.status == "firing" { "attention" } else { "good" };
    let title = m.or(&c.title, r#"{{ template "msteamsv2.default.title" . }}"#)?;
    let text = m.or(&c.text, r#"{{ template "msteamsv2.default.text" . }}"#)?;
    let body = json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": [
                    {"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": true, "style": "heading", "color": color},
                    {"type": "TextBlock", "text": text, "wrap": true},
                ],
                "msteams": {"width": "full"},
            },
        }],
    });
    Ok(m.post(m.secret(&c.webhook_url, &c.webhook_url_file)?, &body, &c.http_config, None))
}

/// A message of a bot.
pub(super) fn telegram(m: &Maker<'_>, c: &TelegramConfig) -> Made<HttpRequest> {
    const MESSAGE_MAX: usize = 4096;
    let text = m.or(&c.message, r#"{{ template "telegram.default.message" . }}"#)?;
    let chat = match (c.chat_id, &c.chat_id_file) {
        (Some(id), _) => id.to_string(),
        (None, file) => m.secret(&None, file)?,
    };
    let mut body = Map::new();
    body.insert("chat_id".into(), chat.into());
    body.insert("text".into(), cut(&text, MESSAGE_MAX).into());
    put(&mut body, "parse_mode", c.parse_mode.clone().unwrap_or_else(|| "HTML".to_owned()));
    body.insert("disable_notification".into(), c.disable_notifications.into());
    body.insert("disable_web_page_preview".into(), true.into());
    if let Some(thread) = c.message_thread_id {
        body.insert("message_thread_id".into(), thread.into());
    }
    let api = c.api_url.as_deref().unwrap_or("https://api.telegram.org").trim_end_matches('/');
    let url = format!("{api}/bot{}/sendMessage", m.secret(&c.bot_token, &c.bot_token_file)?);
    Ok(m.post(url, &Value::Object(body), &c.http_config, None))
}

/// An embed for a webhook.
pub(super) fn discord(m: &Maker<'_>, c: &DiscordConfig) -> Made<HttpRequest> {
    const TITLE_MAX: usize = 256;
    const TEXT_MAX: usize = 4096;
    const CONTENT_MAX: usize = 2000;
    let title = m.or(&c.title, r#"{{ template "discord.default.title" . }}"#)?;
    let text = m.or(&c.message, r#"{{ template "discord.default.message" . }}"#)?;
    let content = m.or(&c.content, r#"{{ template "discord.default.content" . }}"#)?;
    let color = if m.data.status == "firing" { 0x99_2D22 } else { 0x2E_CC71 };
    let mut body = Map::new();
    body.insert("content".into(), cut_bytes(&content, CONTENT_MAX).into());
    body.insert(
        "embeds".into(),
        json!([{"title": cut(&title, TITLE_MAX), "description": cut(&text, TEXT_MAX), "color": color}]),
    );
    put(&mut body, "username", m.or(&c.username, "")?);
    put(&mut body, "avatar_url", m.or(&c.avatar_url, "")?);
    Ok(m.post(m.secret(&c.webhook_url, &c.webhook_url_file)?, &Value::Object(body), &c.http_config, None))
}
