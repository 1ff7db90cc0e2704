//! WeCom, DingTalk, Feishu and Lark.

use super::{HttpRequest, Made, Maker, TokenRequest, cut_bytes, sign};
use crate::config::{RobotConfig, WechatConfig};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

fn texts(m: &Maker<'_>, c: &RobotConfig) -> Made<(String, String)> {
    let title = m.or(&c.title, r#"{{ template "robot.default.title" . }}"#)?;
    let text = m.or(&c.message, r#"{{ template "robot.default.message" . }}"#)?;
    Ok((title, text))
}

/// A message of an application. Its token is had first.
pub(super) fn wechat(m: &Maker<'_>, c: &WechatConfig) -> Made<HttpRequest> {
    const MESSAGE_BYTES_MAX: usize = 2048;
    let text = m.or(&c.message, r#"{{ template "wechat.default.message" . }}"#)?;
    let kind = c.message_type.as_deref().unwrap_or("text");
    let api = c.api_url.as_deref().unwrap_or("https://qyapi.weixin.qq.com/cgi-bin/").trim_end_matches('/');
    let encode = |t: &str| utf8_percent_encode(t, NON_ALPHANUMERIC).to_string();
    let mut body = json!({
        "touser": m.or(&c.to_user, r#"{{ template "wechat.default.to_user" . }}"#)?,
        "toparty": m.or(&c.to_party, r#"{{ template "wechat.default.to_party" . }}"#)?,
        "totag": m.or(&c.to_tag, r#"{{ template "wechat.default.to_tag" . }}"#)?,
        "agentid": m.or(&c.agent_id, r#"{{ template "wechat.default.agent_id" . }}"#)?,
        "safe": "0",
        "msgtype": kind,
    });
    body[kind] = json!({"content": cut_bytes(&text, MESSAGE_BYTES_MAX)});
    let secret = m.text(&m.secret(&c.api_secret, &c.api_secret_file)?)?;
    let corp = m.or(&c.corp_id, "")?;
    let mut request = m.post(format!("{api}/message/send"), &body, &c.http_config, None);
    request.token = Some(TokenRequest {
        url: format!("{api}/gettoken?corpid={}&corpsecret={}", encode(&corp), encode(&secret)),
        field: "access_token",
    });
    Ok(request)
}

/// A message of a robot in WeCom.
pub(super) fn wecom(m: &Maker<'_>, c: &RobotConfig) -> Made<HttpRequest> {
    const MESSAGE_BYTES_MAX: usize = 4096;
    let (title, text) = texts(m, c)?;
    let mut calls: String = c.at_mobiles.iter().map(|n| format!("<@{n}>")).collect();
    if c.at_all {
        calls.push_str("<@all>");
    }
    let content = cut_bytes(&format!("### {title}\n{text}{calls}"), MESSAGE_BYTES_MAX);
    let body = json!({"msgtype": "markdown", "markdown": {"content": content}});
    Ok(m.post(m.secret(&c.webhook_url, &c.webhook_url_file)?, &body, &c.http_config, None))
}

/// A message of a robot in DingTalk.
pub(super) fn dingtalk(m: &Maker<'_>, c: &RobotConfig) -> Made<HttpRequest> {
    const MESSAGE_BYTES_MAX: usize = 18_000;
    let (title, text) = texts(m, c)?;
    let calls: String = c.at_mobiles.iter().map(|n| format!(" @{n}")).collect();
    let text = cut_bytes(&format!("### {title}\n\n{text}{calls}"), MESSAGE_BYTES_MAX);
    let body = json!({
        "msgtype": "markdown",
        "markdown": {"title": title, "text": text},
        "at": {"atMobiles": c.at_mobiles, "isAtAll": c.at_all},
    });
    let mut url = m.secret(&c.webhook_url, &c.webhook_url_file)?;
    if let Some(secret) = &c.secret {
        let ms = m.delivery.decided_ms;
        let signed = sign::hmac(secret.expose().as_bytes(), format!("{ms}\n{}", secret.expose()).as_bytes());
        let signed = STANDARD.encode(signed);
        let joint = if url.contains('?') { '&' } else { '?' };
        url = format!("{url}{joint}timestamp={ms}&sign={}", utf8_percent_encode(&signed, NON_ALPHANUMERIC));
    }
    Ok(m.post(url, &body, &c.http_config, None))
}

/// A message of a robot in Feishu or Lark.
pub(super) fn feishu(m: &Maker<'_>, c: &RobotConfig) -> Made<HttpRequest> {
    const MESSAGE_BYTES_MAX: usize = 18_000;
    let (title, text) = texts(m, c)?;
    let mut text = cut_bytes(&text, MESSAGE_BYTES_MAX);
    if c.at_all {
        text.push_str("\n<at id=all></at>");
    }
    let color = if m.data.status == "firing" { "red" } else { "green" };
    let mut body = json!({
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": true},
            "header": {"title": {"tag": "plain_text", "content": title}, "template": color},
            "elements": [{"tag": "markdown", "content": text}],
        },
    });
    if let Some(secret) = &c.secret {
        let seconds = m.delivery.decided_ms.div_euclid(1000);
        let key = format!("{seconds}\n{}", secret.expose());
        body["timestamp"] = seconds.to_string().into();
        body["sign"] = STANDARD.encode(sign::hmac(key.as_bytes(), b"")).into();
    }
    Ok(m.post(m.secret(&c.webhook_url, &c.webhook_url_file)?, &body, &c.http_config, None))
}
