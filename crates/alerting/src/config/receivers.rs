//! The kinds of receivers.

use super::http::TlsConfig;
use super::{HttpConfig, Secret, Span};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

section! {
    /// A receiver: a name, and the ways to reach whom it stands for.
    pub struct Receiver {
        /// Its name.
        pub name: String,
        /// Labels to find it by.
        pub labels: BTreeMap<String, String>,
        /// HTTP endpoints that take our own JSON.
        pub webhook_configs: Vec<WebhookConfig>,
        /// Mail.
        pub email_configs: Vec<EmailConfig>,
        /// Slack.
        pub slack_configs: Vec<SlackConfig>,
        /// PagerDuty.
        pub pagerduty_configs: Vec<PagerdutyConfig>,
        /// Opsgenie.
        pub opsgenie_configs: Vec<OpsgenieConfig>,
        /// Microsoft Teams by connectors.
        pub msteams_configs: Vec<MsteamsConfig>,
        /// Microsoft Teams by workflows.
        pub msteamsv2_configs: Vec<MsteamsConfig>,
        /// Telegram.
        pub telegram_configs: Vec<TelegramConfig>,
        /// Discord.
        pub discord_configs: Vec<DiscordConfig>,
        /// WeCom applications.
        pub wechat_configs: Vec<WechatConfig>,
        /// Robots of WeCom groups.
        pub wecom_configs: Vec<RobotConfig>,
        /// Robots of DingTalk groups.
        pub dingtalk_configs: Vec<RobotConfig>,
        /// Robots of Feishu and Lark groups.
        pub feishu_configs: Vec<RobotConfig>,
        /// Amazon SNS, and what speaks its HTTP API.
        pub sns_configs: Vec<SnsConfig>,
        /// Programs.
        pub exec_configs: Vec<ExecConfig>,
    }
}

section! {
    /// An HTTP endpoint that takes our own JSON.
    pub struct WebhookConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// Where to. A template.
        pub url: Option<Secret>,
        /// A file that holds `url`.
        pub url_file: Option<PathBuf>,
        /// Most alerts in one message; 0 for all.
        pub max_alerts: u64,
        /// How long one request may take.
        pub timeout: Option<Span>,
    }
}

section! {
    /// Mail.
    pub struct EmailConfig {
        /// Whether the end of alerts is told too; false if absent.
        pub send_resolved: Option<bool>,
        /// To whom: addresses separated by commas. A template.
        pub to: String,
        /// From whom. A template.
        pub from: Option<String>,
        /// How we call ourselves.
        pub hello: Option<String>,
        /// The server, `host:port`.
        pub smarthost: Option<String>,
        /// The user.
        pub auth_username: Option<String>,
        /// The password.
        pub auth_password: Option<Secret>,
        /// A file that holds the password.
        pub auth_password_file: Option<PathBuf>,
        /// The secret of CRAM-MD5, which is not spoken here.
        pub auth_secret: Option<Secret>,
        /// A file that holds `auth_secret`.
        pub auth_secret_file: Option<PathBuf>,
        /// The identity of PLAIN; the user if absent.
        pub auth_identity: Option<String>,
        /// Headers, templates each.
        pub headers: BTreeMap<String, String>,
        /// The HTML part. A template.
        pub html: Option<String>,
        /// The text part. A template.
        pub text: Option<String>,
        /// Whether the connection must be encrypted; true if absent.
        pub require_tls: Option<bool>,
        /// Whether the connection is encrypted from its first byte; as the port says (465) if absent.
        pub force_implicit_tls: Option<bool>,
        /// TLS towards the server.
        pub tls_config: Option<TlsConfig>,
    }
}

section! {
    /// A button or menu below a message in Slack.
    pub struct SlackAction {
        /// `button` or `select`.
        #[serde(rename = "type")]
        pub kind: String,
        /// What it says.
        pub text: String,
        /// Where it leads.
        pub url: String,
        /// `primary` or `danger`.
        pub style: String,
        /// Its name.
        pub name: String,
        /// Its value.
        pub value: String,
    }
}

section! {
    /// A field of a message in Slack.
    pub struct SlackField {
        /// Its title.
        pub title: String,
        /// Its text.
        pub value: String,
        /// Whether it fits beside another.
        pub short: Option<bool>,
    }
}

section! {
    /// Slack.
    pub struct SlackConfig {
        /// Whether the end of alerts is told too; false if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The webhook.
        pub api_url: Option<Secret>,
        /// A file that holds it.
        pub api_url_file: Option<PathBuf>,
        /// Where in Slack.
        pub channel: Option<String>,
        /// As whom.
        pub username: Option<String>,
        /// `good`, `warning`, `danger` or a colour.
        pub color: Option<String>,
        /// The title.
        pub title: Option<String>,
        /// Where it leads.
        pub title_link: Option<String>,
        /// Before the attachment.
        pub pretext: Option<String>,
        /// The text of the attachment.
        pub text: Option<String>,
        /// Fields.
        pub fields: Vec<SlackField>,
        /// Whether fields fit beside others.
        pub short_fields: bool,
        /// Below the attachment.
        pub footer: Option<String>,
        /// For those who see no attachments.
        pub fallback: Option<String>,
        /// For callbacks.
        pub callback_id: Option<String>,
        /// An emoji as the face of the sender.
        pub icon_emoji: Option<String>,
        /// An image as the face of the sender.
        pub icon_url: Option<String>,
        /// An image.
        pub image_url: Option<String>,
        /// A small image.
        pub thumb_url: Option<String>,
        /// Whether names of channels and people become links.
        pub link_names: bool,
        /// Which parts are in Slack's markup; `text`, `pretext` and `fallback` if absent.
        pub mrkdwn_in: Option<Vec<String>>,
        /// Buttons and menus.
        pub actions: Vec<SlackAction>,
        /// How long one request may take.
        pub timeout: Option<Span>,
    }
}

section! {
    /// A link of an incident in PagerDuty.
    pub struct PagerdutyLink {
        /// Where it leads.
        pub href: String,
        /// What it says.
        pub text: String,
    }
}

section! {
    /// An image of an incident in PagerDuty.
    pub struct PagerdutyImage {
        /// The image.
        pub src: String,
        /// What it shows.
        pub alt: String,
        /// Where it leads.
        pub href: String,
    }
}

section! {
    /// PagerDuty, by its events API, version 2.
    pub struct PagerdutyConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The key of the integration.
        pub routing_key: Option<Secret>,
        /// A file that holds it.
        pub routing_key_file: Option<PathBuf>,
        /// The key of an integration of version 1, which PagerDuty also takes as `routing_key`.
        pub service_key: Option<Secret>,
        /// A file that holds it.
        pub service_key_file: Option<PathBuf>,
        /// Where to.
        pub url: Option<String>,
        /// Who says so.
        pub client: Option<String>,
        /// Where who says so is.
        pub client_url: Option<String>,
        /// What happened.
        pub description: Option<String>,
        /// `critical`, `error`, `warning` or `info`.
        pub severity: Option<String>,
        /// What it happened to.
        pub source: Option<String>,
        /// The class of what happened.
        pub class: Option<String>,
        /// The component it happened to.
        pub component: Option<String>,
        /// The group it belongs to.
        pub group: Option<String>,
        /// Further texts.
        pub details: BTreeMap<String, String>,
        /// Images.
        pub images: Vec<PagerdutyImage>,
        /// Links.
        pub links: Vec<PagerdutyLink>,
        /// How long one request may take.
        pub timeout: Option<Span>,
    }
}

section! {
    /// Who answers an alert in Opsgenie.
    pub struct OpsgenieResponder {
        /// By id.
        pub id: String,
        /// By name.
        pub name: String,
        /// By user name.
        pub username: String,
        /// `team`, `teams`, `user`, `escalation` or `schedule`.
        #[serde(rename = "type")]
        pub kind: String,
    }
}

section! {
    /// Opsgenie.
    pub struct OpsgenieConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The key.
        pub api_key: Option<Secret>,
        /// A file that holds it.
        pub api_key_file: Option<PathBuf>,
        /// Where to.
        pub api_url: Option<String>,
        /// What happened.
        pub message: Option<String>,
        /// More about it.
        pub description: Option<String>,
        /// Who says so.
        pub source: Option<String>,
        /// Further texts.
        pub details: BTreeMap<String, String>,
        /// What it happened to.
        pub entity: Option<String>,
        /// Who answers.
        pub responders: Vec<OpsgenieResponder>,
        /// Actions, separated by commas.
        pub actions: Option<String>,
        /// Tags, separated by commas.
        pub tags: Option<String>,
        /// A note.
        pub note: Option<String>,
        /// `P1` to `P5`.
        pub priority: Option<String>,
        /// Whether message and description of an open alert follow.
        pub update_alerts: bool,
    }
}

section! {
    /// Microsoft Teams.
    pub struct MsteamsConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The webhook.
        pub webhook_url: Option<Secret>,
        /// A file that holds it.
        pub webhook_url_file: Option<PathBuf>,
        /// The title.
        pub title: Option<String>,
        /// In short.
        pub summary: Option<String>,
        /// The text.
        pub text: Option<String>,
    }
}

section! {
    /// Telegram.
    pub struct TelegramConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// Where to.
        pub api_url: Option<String>,
        /// The token of the bot.
        pub bot_token: Option<Secret>,
        /// A file that holds it.
        pub bot_token_file: Option<PathBuf>,
        /// The chat.
        pub chat_id: Option<i64>,
        /// A file that holds it.
        pub chat_id_file: Option<PathBuf>,
        /// The thread in the chat.
        pub message_thread_id: Option<i64>,
        /// The text.
        pub message: Option<String>,
        /// Whether nobody is woken.
        pub disable_notifications: bool,
        /// `HTML` (if absent), `Markdown`, `MarkdownV2` or nothing.
        pub parse_mode: Option<String>,
    }
}

section! {
    /// Discord.
    pub struct DiscordConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The webhook.
        pub webhook_url: Option<Secret>,
        /// A file that holds it.
        pub webhook_url_file: Option<PathBuf>,
        /// Before the embed.
        pub content: Option<String>,
        /// The title.
        pub title: Option<String>,
        /// The text.
        pub message: Option<String>,
        /// As whom.
        pub username: Option<String>,
        /// The face of the sender.
        pub avatar_url: Option<String>,
    }
}

section! {
    /// An application of WeCom.
    pub struct WechatConfig {
        /// Whether the end of alerts is told too; false if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The secret.
        pub api_secret: Option<Secret>,
        /// A file that holds it.
        pub api_secret_file: Option<PathBuf>,
        /// Where to.
        pub api_url: Option<String>,
        /// The company.
        pub corp_id: Option<String>,
        /// The text.
        pub message: Option<String>,
        /// `text` (if absent) or `markdown`.
        pub message_type: Option<String>,
        /// The application.
        pub agent_id: Option<String>,
        /// To which users, separated by `|`.
        pub to_user: Option<String>,
        /// To which departments.
        pub to_party: Option<String>,
        /// To those with which tags.
        pub to_tag: Option<String>,
    }
}

section! {
    /// A robot in a group of WeCom, DingTalk, Feishu or Lark.
    pub struct RobotConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// The webhook of the robot.
        pub webhook_url: Option<Secret>,
        /// A file that holds it.
        pub webhook_url_file: Option<PathBuf>,
        /// What requests are signed with, where the robot demands it.
        pub secret: Option<Secret>,
        /// The title.
        pub title: Option<String>,
        /// The text, in Markdown.
        pub message: Option<String>,
        /// Mobile numbers of those who are called by name.
        pub at_mobiles: Vec<String>,
        /// Whether all are called by name.
        pub at_all: bool,
    }
}

section! {
    /// Credentials of Amazon.
    pub struct SigV4Config {
        /// The region.
        pub region: String,
        /// The key.
        pub access_key: Option<String>,
        /// Its secret.
        pub secret_key: Option<Secret>,
        /// A profile, which is not read here.
        pub profile: Option<String>,
        /// A role, which is not assumed here.
        pub role_arn: Option<String>,
    }
}

section! {
    /// Amazon SNS, and what speaks its HTTP API.
    pub struct SnsConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// Where to.
        pub api_url: Option<String>,
        /// Credentials.
        pub sigv4: SigV4Config,
        /// The topic.
        pub topic_arn: Option<String>,
        /// Or a phone.
        pub phone_number: Option<String>,
        /// Or an endpoint.
        pub target_arn: Option<String>,
        /// The subject.
        pub subject: Option<String>,
        /// The text.
        pub message: Option<String>,
        /// Attributes.
        pub attributes: BTreeMap<String, String>,
    }
}

section! {
    /// A program that is run; its input is the JSON of a webhook. Off unless the server allows it.
    pub struct ExecConfig {
        /// Whether the end of alerts is told too; true if absent.
        pub send_resolved: Option<bool>,
        /// The program and its arguments; no shell is involved. Arguments are templates.
        pub command: Vec<String>,
        /// Variables of its environment, templates each. It has no others but `PATH`.
        pub environment: BTreeMap<String, String>,
        /// How long it may run, 30 seconds if absent.
        pub timeout: Option<Span>,
    }
}
