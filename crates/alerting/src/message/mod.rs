//! Messages: a decision to notify becomes requests, mails and programs, as plain data.

mod chat;
mod data;
mod functions;
mod judge;
mod mail;
mod oncall;
mod robots;
mod sign;
mod sns;
pub(crate) mod webhook;

pub use data::Data;
pub use judge::{Answer, Verdict, judge};
pub use mail::Mail;

use crate::config::{Config, HttpConfig, Receiver, Secret, Span};
use crate::delivery::Delivery;
use functions::MessageFunctions;
use std::path::{Path, PathBuf};
use template::{Limits, Templates};

/// Our own default templates, under the names that Alertmanager gives its own.
const DEFAULTS: &str = include_str!("defaults.tmpl");
/// What expanding one text may cost.
const LIMITS: Limits = Limits { bytes_max: 4 << 20, work_max: 10_000_000 };

/// What is to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// A request.
    Http(Box<HttpRequest>),
    /// A mail.
    Mail(Box<Mail>),
    /// A program.
    Exec(ExecCall),
}

/// A request to a receiver. Its URL may hold secrets.
#[derive(Clone, PartialEq)]
pub struct HttpRequest {
    /// The method.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Headers besides those of `http`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How it is made.
    pub http: Option<HttpConfig>,
    /// How long it may take, milliseconds.
    pub timeout_ms: Option<i64>,
    /// A token to be had before: where, and the parameter of `url` that takes it.
    pub token: Option<TokenRequest>,
}

/// A token that is had with a request of its own.
#[derive(Clone, PartialEq)]
pub struct TokenRequest {
    /// Where: a JSON object comes back.
    pub url: String,
    /// Its field that holds the token, and the parameter that takes it.
    pub field: &'static str,
}

impl std::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("body", &body)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest").field("field", &self.field).finish_non_exhaustive()
    }
}

/// A program to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecCall {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// Its input.
    pub input: Vec<u8>,
    /// How long it may run, milliseconds.
    pub timeout_ms: i64,
}

/// Reads a file that holds a secret.
pub type ReadFile<'a> = &'a (dyn Fn(&Path) -> Result<String, String> + 'a);

/// A message that cannot be made: wrong templates, missing files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MessageError(pub String);

/// The kinds of ways in the order in which a receiver lists them.
pub const KINDS: [&str; 15] = [
    "webhook",
    "email",
    "slack",
    "pagerduty",
    "opsgenie",
    "msteams",
    "msteamsv2",
    "telegram",
    "discord",
    "wechat",
    "wecom",
    "dingtalk",
    "feishu",
    "sns",
    "exec",
];

impl Receiver {
    /// The ways to reach whom it stands for: kind, number, and whether the end of alerts is told.
    pub fn ways(&self) -> Vec<(&'static str, usize, bool)> {
        let mut out = Vec::new();
        macro_rules! ways {
            ($($field:ident $kind:literal $default:literal),*) => {
                $(for (i, c) in self.$field.iter().enumerate() {
                    out.push(($kind, i, c.send_resolved.unwrap_or($default)));
                })*
            };
        }
        ways!(
            webhook_configs "webhook" true, email_configs "email" false, slack_configs "slack" false,
            pagerduty_configs "pagerduty" true, opsgenie_configs "opsgenie" true, msteams_configs "msteams" true,
            msteamsv2_configs "msteamsv2" true, telegram_configs "telegram" true, discord_configs "discord" true,
            wechat_configs "wechat" false, wecom_configs "wecom" true, dingtalk_configs "dingtalk" true,
            feishu_configs "feishu" true, sns_configs "sns" true, exec_configs "exec" true
        );
        out
    }
}

/// Makes messages with the templates of a configuration.
#[derive(Debug, Clone)]
pub struct Renderer {
    templates: Templates,
    external_url: String,
}

impl Renderer {
    /// With our own templates and those of these files, by name and text.
    pub fn new(files: &[(String, String)], external_url: &str) -> Result<Renderer, MessageError> {
        let known = MessageFunctions { now_ms: 0, route_labels: crate::LabelSet::new(), html: false };
        let mut templates = Templates::new();
        let own = ("default.tmpl".to_owned(), DEFAULTS.to_owned());
        for (name, text) in std::iter::once(&own).chain(files) {
            templates.parse(name, text, &known).map_err(|e| MessageError(e.to_string()))?;
        }
        Ok(Renderer { templates, external_url: external_url.to_owned() })
    }

    /// Whether a text can be expanded at all.
    pub fn check(&self, text: &str) -> Result<(), MessageError> {
        let known = MessageFunctions { now_ms: 0, route_labels: crate::LabelSet::new(), html: false };
        self.templates.clone().parse("", text, &known).map_err(|e| MessageError(e.to_string()))
    }

    /// What is to be carried out for a delivery.
    pub fn outgoing(
        &self,
        config: &Config,
        delivery: &Delivery,
        read: ReadFile<'_>,
    ) -> Result<Vec<Outgoing>, MessageError> {
        let way = &delivery.way;
        let gone = || {
            MessageError(format!(
                "the receiver {:?} has no {}[{}] any more",
                way.receiver, way.kind, way.index
            ))
        };
        let receiver = config.receiver(&way.receiver).ok_or_else(gone)?;
        let m = Maker::new(self, delivery, read);
        let i = way.index;
        macro_rules! one {
            ($list:ident, $make:expr) => {{
                let c = receiver.$list.get(i).ok_or_else(gone)?;
                $make(&m, c).map(|r| vec![Outgoing::Http(Box::new(r))])
            }};
        }
        match way.kind.as_str() {
            "webhook" => one!(webhook_configs, webhook),
            "slack" => one!(slack_configs, chat::slack),
            "pagerduty" => one!(pagerduty_configs, oncall::pagerduty),
            "opsgenie" => {
                let c = receiver.opsgenie_configs.get(i).ok_or_else(gone)?;
                Ok(oncall::opsgenie(&m, c)?.into_iter().map(|r| Outgoing::Http(Box::new(r))).collect())
            }
            "msteams" => one!(msteams_configs, chat::msteams),
            "msteamsv2" => one!(msteamsv2_configs, chat::msteamsv2),
            "telegram" => one!(telegram_configs, chat::telegram),
            "discord" => one!(discord_configs, chat::discord),
            "wechat" => one!(wechat_configs, robots::wechat),
            "wecom" => one!(wecom_configs, robots::wecom),
            "dingtalk" => one!(dingtalk_configs, robots::dingtalk),
            "feishu" => one!(feishu_configs, robots::feishu),
            "sns" => one!(sns_configs, sns::sns),
            "email" => {
                let c = receiver.email_configs.get(i).ok_or_else(gone)?;
                Ok(vec![Outgoing::Mail(Box::new(mail::mail(&m, c)?))])
            }
            "exec" => {
                let c = receiver.exec_configs.get(i).ok_or_else(gone)?;
                Ok(vec![Outgoing::Exec(exec(&m, c)?)])
            }
            _ => Err(gone()),
        }
    }
}

/// Makes the message of one delivery.
pub(crate) struct Maker<'a> {
    templates: Templates,
    pub delivery: &'a Delivery,
    pub data: Data,
    value: template::Value,
    functions: MessageFunctions,
    external_url: &'a str,
    read: ReadFile<'a>,
}

type Made<T> = Result<T, MessageError>;

impl<'a> Maker<'a> {
    fn new(renderer: &'a Renderer, delivery: &'a Delivery, read: ReadFile<'a>) -> Maker<'a> {
        let data = Data::new(delivery, &renderer.external_url, 0);
        Maker {
            templates: renderer.templates.clone(),
            delivery,
            value: data.value(str::to_owned),
            functions: MessageFunctions {
                now_ms: delivery.decided_ms,
                route_labels: delivery.route_labels.clone(),
                html: false,
            },
            data,
            external_url: &renderer.external_url,
            read,
        }
    }

    /// A text with its templates expanded.
    pub fn text(&self, text: &str) -> Made<String> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let mut templates = self.templates.clone();
        templates
            .parse("", text, &self.functions)
            .and_then(|()| templates.execute("", &self.value, &self.functions, LIMITS))
            .map_err(|e| MessageError(e.to_string()))
    }

    /// The same as HTML: what comes from outside is escaped.
    pub fn html(&self, text: &str) -> Made<String> {
        let html = Maker {
            templates: self.templates.clone(),
            delivery: self.delivery,
            value: self.data.value(data::escaped),
            functions: MessageFunctions {
                html: true,
                route_labels: self.functions.route_labels.clone(),
                ..self.functions
            },
            data: self.data.clone(),
            external_url: self.external_url,
            read: self.read,
        };
        html.text(text)
    }

    /// The same, with a default of our own.
    pub fn or(&self, text: &Option<String>, default: &str) -> Made<String> {
        self.text(text.as_deref().unwrap_or(default))
    }

    /// A secret, from its key or its file.
    pub fn secret(&self, own: &Option<Secret>, file: &Option<PathBuf>) -> Made<String> {
        match (own, file) {
            (Some(secret), _) => Ok(secret.expose().to_owned()),
            (None, Some(path)) => (self.read)(path)
                .map(|s| s.trim().to_owned())
                .map_err(|e| MessageError(format!("cannot read {}: {e}", path.display()))),
            (None, None) => Ok(String::new()),
        }
    }

    /// Names the alert to systems that keep one per group: the SHA-256 of the group's key in hexadecimal.
    pub fn group_hash(&self) -> String {
        sign::hex(&sign::sha256(self.delivery.group_key.as_bytes()))
    }

    fn post(
        &self,
        url: String,
        json: &serde_json::Value,
        http: &Option<HttpConfig>,
        timeout: Option<Span>,
    ) -> HttpRequest {
        let mut body = webhook::go_json(json);
        body.push(b'\n');
        HttpRequest {
            method: "POST",
            url,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body,
            http: http.clone(),
            timeout_ms: timeout.map(|t| t.0).filter(|ms| *ms > 0),
            token: None,
        }
    }
}

/// A text cut to so many characters, with an ellipsis where it was cut.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The same for bytes.
pub(crate) fn cut_bytes(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

fn webhook_body(m: &Maker<'_>, alerts_max: u64) -> Vec<u8> {
    let most = usize::try_from(alerts_max).unwrap_or(usize::MAX);
    let data = Data::new(m.delivery, m.external_url, most);
    let truncated = m.delivery.alerts.len() - data.alerts.len();
    webhook::body(&data, &m.delivery.group_key, truncated as u64)
}

fn webhook(m: &Maker<'_>, c: &crate::config::WebhookConfig) -> Made<HttpRequest> {
    let url = m.text(m.secret(&c.url, &c.url_file)?.as_str())?;
    let mut request = m.post(url, &serde_json::Value::Null, &c.http_config, c.timeout);
    request.body = webhook_body(m, c.max_alerts);
    Ok(request)
}

/// How long a program may run unless configured, milliseconds.
const EXEC_MS: i64 = 30_000;

fn exec(m: &Maker<'_>, c: &crate::config::ExecConfig) -> Made<ExecCall> {
    let mut command = Vec::new();
    for (i, argument) in c.command.iter().enumerate() {
        // The program itself does not depend on what alerts say.
        command.push(if i == 0 { argument.clone() } else { m.text(argument)? });
    }
    let environment = c.environment.iter().map(|(n, v)| Ok((n.clone(), m.text(v)?))).collect::<Made<_>>()?;
    let timeout_ms = c.timeout.map_or(EXEC_MS, |t| t.0);
    Ok(ExecCall { command, environment, input: webhook_body(m, 0), timeout_ms })
}
