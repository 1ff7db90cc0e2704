//! Alertmanager's configuration file as it is.

/// A section of the file: every key is optional to the reader, and none is allowed that is not there.
macro_rules! section {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($body)* }
    };
}

mod check;
pub(crate) mod http;
mod receivers;
mod units;

pub use check::ConfigError;
pub use http::{Authorization, BasicAuth, HeaderValues, HttpConfig, OAuth2, TlsConfig};
pub use receivers::{
    DiscordConfig, EmailConfig, ExecConfig, MsteamsConfig, OpsgenieConfig, OpsgenieResponder,
    PagerdutyConfig, PagerdutyImage, PagerdutyLink, Receiver, RobotConfig, SigV4Config, SlackAction,
    SlackConfig, SlackField, SnsConfig, TelegramConfig, WebhookConfig, WechatConfig,
};
pub use units::{Secret, Span};

use crate::matcher::Matchers;
use crate::times::NamedTimes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

section! {
    /// What holds for all receivers unless they say otherwise.
    pub struct Global {
        /// After how long an alert ends whose sender gave no end and does not repeat it; 5 minutes if absent.
        pub resolve_timeout: Option<Span>,
        /// How requests are made.
        pub http_config: Option<HttpConfig>,
        /// See [`EmailConfig::from`].
        pub smtp_from: Option<String>,
        /// See [`EmailConfig::hello`].
        pub smtp_hello: Option<String>,
        /// See [`EmailConfig::smarthost`].
        pub smtp_smarthost: Option<String>,
        /// See [`EmailConfig::auth_username`].
        pub smtp_auth_username: Option<String>,
        /// See [`EmailConfig::auth_password`].
        pub smtp_auth_password: Option<Secret>,
        /// See [`EmailConfig::auth_password_file`].
        pub smtp_auth_password_file: Option<PathBuf>,
        /// See [`EmailConfig::auth_secret`].
        pub smtp_auth_secret: Option<Secret>,
        /// See [`EmailConfig::auth_secret_file`].
        pub smtp_auth_secret_file: Option<PathBuf>,
        /// See [`EmailConfig::auth_identity`].
        pub smtp_auth_identity: Option<String>,
        /// See [`EmailConfig::require_tls`].
        pub smtp_require_tls: Option<bool>,
        /// See [`EmailConfig::tls_config`].
        pub smtp_tls_config: Option<TlsConfig>,
        /// See [`EmailConfig::force_implicit_tls`].
        pub smtp_force_implicit_tls: Option<bool>,
        /// See [`SlackConfig::api_url`].
        pub slack_api_url: Option<Secret>,
        /// See [`SlackConfig::api_url_file`].
        pub slack_api_url_file: Option<PathBuf>,
        /// See [`PagerdutyConfig::url`].
        pub pagerduty_url: Option<String>,
        /// See [`OpsgenieConfig::api_url`].
        pub opsgenie_api_url: Option<String>,
        /// See [`OpsgenieConfig::api_key`].
        pub opsgenie_api_key: Option<Secret>,
        /// See [`OpsgenieConfig::api_key_file`].
        pub opsgenie_api_key_file: Option<PathBuf>,
        /// See [`WechatConfig::api_url`].
        pub wechat_api_url: Option<String>,
        /// See [`WechatConfig::api_secret`].
        pub wechat_api_secret: Option<Secret>,
        /// See [`WechatConfig::api_secret_file`].
        pub wechat_api_secret_file: Option<PathBuf>,
        /// See [`WechatConfig::corp_id`].
        pub wechat_api_corp_id: Option<String>,
        /// See [`TelegramConfig::api_url`].
        pub telegram_api_url: Option<String>,
        /// See [`TelegramConfig::bot_token`].
        pub telegram_bot_token: Option<Secret>,
        /// See [`TelegramConfig::bot_token_file`].
        pub telegram_bot_token_file: Option<PathBuf>,
        /// Accepted for receivers that are not there.
        pub victorops_api_url: Option<String>,
        /// Accepted for receivers that are not there.
        pub victorops_api_key: Option<Secret>,
        /// Accepted for receivers that are not there.
        pub victorops_api_key_file: Option<PathBuf>,
        /// Accepted for receivers that are not there.
        pub webex_api_url: Option<String>,
    }
}

section! {
    /// A node of the tree of routes.
    pub struct RouteConfig {
        /// Who is told; that of the node above if absent.
        pub receiver: Option<String>,
        /// Labels that alerts of one group have in common; `...` for all labels.
        pub group_by: Option<Vec<String>>,
        /// Labels that must have these values. An older way to write `matchers`.
        #[serde(rename = "match")]
        pub equal: BTreeMap<String, String>,
        /// Labels whose values must match. An older way to write `matchers`.
        pub match_re: BTreeMap<String, String>,
        /// Which alerts go this way.
        pub matchers: Matchers,
        /// When nobody is told, by name.
        pub mute_time_intervals: Vec<String>,
        /// When somebody is told at all, by name.
        pub active_time_intervals: Vec<String>,
        /// Whether the nodes after this one are tried too.
        #[serde(rename = "continue")]
        pub goes_on: bool,
        /// Nodes below.
        pub routes: Vec<RouteConfig>,
        /// How long a new group waits for more alerts; 30 seconds if absent.
        pub group_wait: Option<Span>,
        /// How long until what changed in a group is told; 5 minutes if absent.
        pub group_interval: Option<Span>,
        /// How long until what did not change is told again; 4 hours if absent.
        pub repeat_interval: Option<Span>,
        /// Labels of the route.
        pub labels: BTreeMap<String, String>,
    }
}

section! {
    /// While alerts of one kind fire, those of another are not told.
    pub struct InhibitRule {
        /// Its name.
        pub name: String,
        /// An older way to write `source_matchers`.
        pub source_match: BTreeMap<String, String>,
        /// An older way to write `source_matchers`.
        pub source_match_re: BTreeMap<String, String>,
        /// Which alerts inhibit.
        pub source_matchers: Matchers,
        /// An older way to write `target_matchers`.
        pub target_match: BTreeMap<String, String>,
        /// An older way to write `target_matchers`.
        pub target_match_re: BTreeMap<String, String>,
        /// Which alerts are inhibited.
        pub target_matchers: Matchers,
        /// Labels that must have the same value in both.
        pub equal: Vec<String>,
    }
}

section! {
    /// The file.
    pub struct Config {
        /// What holds for all receivers.
        pub global: Global,
        /// Files with templates; patterns.
        pub templates: Vec<String>,
        /// The tree of routes.
        pub route: Option<RouteConfig>,
        /// Who inhibits whom.
        pub inhibit_rules: Vec<InhibitRule>,
        /// Who can be told.
        pub receivers: Vec<Receiver>,
        /// Times by name.
        pub time_intervals: Vec<NamedTimes>,
        /// An older place for times by name.
        pub mute_time_intervals: Vec<NamedTimes>,
    }
}

/// After how long an alert ends whose sender gave no end, unless configured.
pub const RESOLVE_TIMEOUT: Span = Span(5 * 60_000);

impl Config {
    /// See [`Global::resolve_timeout`].
    pub fn resolve_timeout_ms(&self) -> i64 {
        self.global.resolve_timeout.unwrap_or(RESOLVE_TIMEOUT).0
    }

    /// All conditions of a node of the tree, in order.
    pub(crate) fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|r| r.name == name)
    }

    /// The times of a name.
    pub(crate) fn times(&self, name: &str) -> Option<&NamedTimes> {
        self.time_intervals.iter().chain(&self.mute_time_intervals).find(|t| t.name == name)
    }
}
