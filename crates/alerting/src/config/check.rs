//! Reads the file, puts defaults in their places and checks what one key alone cannot show.

use super::http::absolute;
use super::{Config, Global, HttpConfig, Receiver, RouteConfig, Secret};
use crate::matcher::Matchers;
use model::{MatchOp, Matcher};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How deep the tree of routes may be.
const DEPTH_MAX: usize = 64;
/// Most nodes of the tree, most receivers, most inhibition rules.
const NODES_MAX: usize = 100_000;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not YAML, or not of the shape of this configuration.
    #[error("{0}")]
    Yaml(Box<serde_saphyr::Error>),
    /// A value cannot be meant.
    #[error("{field}: {reason}")]
    Value {
        /// The key, as a path: `route.routes[2].receiver`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

type Checked = Result<(), ConfigError>;

fn wrong<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Value { field: field.into(), reason: reason.into() })
}

impl Config {
    /// Reads a file. Paths in it are relative to `dir`.
    pub fn parse(text: &str, dir: &Path) -> Result<Config, ConfigError> {
        let has_content = text.lines().any(|l| !matches!(l.trim(), "" | "---") && !l.trim().starts_with('#'));
        if !has_content {
            return wrong("route", "no route provided in config");
        }
        let mut config: Config = serde_saphyr::from_str(text).map_err(|e| ConfigError::Yaml(Box::new(e)))?;
        config.older_syntax()?;
        config.check_names()?;
        let Some(route) = &config.route else { return wrong("route", "no route provided in config") };
        config.check_root(route)?;
        let mut nodes = 0;
        config.check_route(route, "route", &mut nodes)?;
        config.check_inhibition()?;
        let global = config.global.clone();
        for (i, receiver) in config.receivers.iter_mut().enumerate() {
            receiver.complete(&global, dir, &format!("receivers[{i}] ({:?})", receiver.name.clone()))?;
        }
        config.templates.iter_mut().for_each(|t| *t = dir.join(&*t).to_string_lossy().into_owned());
        Ok(config)
    }

    /// What is written in an older way becomes matchers.
    fn older_syntax(&mut self) -> Checked {
        if let Some(route) = &mut self.route {
            older_route(route, "route", 0)?;
        }
        for (i, rule) in self.inhibit_rules.iter_mut().enumerate() {
            let field = |name: &str| format!("inhibit_rules[{i}].{name}");
            add(&mut rule.source_matchers, &rule.source_match, MatchOp::Equal, &field("source_match"))?;
            add(&mut rule.source_matchers, &rule.source_match_re, MatchOp::Regex, &field("source_match_re"))?;
            add(&mut rule.target_matchers, &rule.target_match, MatchOp::Equal, &field("target_match"))?;
            add(&mut rule.target_matchers, &rule.target_match_re, MatchOp::Regex, &field("target_match_re"))?;
        }
        Ok(())
    }

    fn check_names(&self) -> Checked {
        for (field, count) in
            [("receivers", self.receivers.len()), ("inhibit_rules", self.inhibit_rules.len())]
        {
            if count > NODES_MAX {
                return wrong(field, format!("{count} entries, over the limit of {NODES_MAX}"));
            }
        }
        let mut names = BTreeSet::new();
        for (i, receiver) in self.receivers.iter().enumerate() {
            if receiver.name.is_empty() {
                return wrong(format!("receivers[{i}].name"), "missing name in receiver");
            }
            if !names.insert(&receiver.name) {
                let reason = format!("notification config name {:?} is not unique", receiver.name);
                return wrong(format!("receivers[{i}].name"), reason);
            }
        }
        let mut names = BTreeSet::new();
        let all =
            [("time_intervals", &self.time_intervals), ("mute_time_intervals", &self.mute_time_intervals)];
        for (field, list) in all {
            for (i, times) in list.iter().enumerate() {
                if times.name.is_empty() {
                    return wrong(format!("{field}[{i}].name"), "missing name in time interval");
                }
                if !names.insert(&times.name) {
                    let reason = format!("time interval {:?} is not unique", times.name);
                    return wrong(format!("{field}[{i}].name"), reason);
                }
            }
        }
        Ok(())
    }

    fn check_root(&self, root: &RouteConfig) -> Checked {
        if root.receiver.as_ref().is_none_or(|r| r.is_empty()) {
            return wrong("route.receiver", "root route must specify a default receiver");
        }
        if !root.matchers.0.is_empty() {
            return wrong("route.matchers", "root route must not have any matchers");
        }
        if !root.mute_time_intervals.is_empty() {
            return wrong("route.mute_time_intervals", "root route must not have any mute time intervals");
        }
        if !root.active_time_intervals.is_empty() {
            return wrong(
                "route.active_time_intervals",
                "root route must not have any active time intervals",
            );
        }
        Ok(())
    }

    fn check_route(&self, route: &RouteConfig, at: &str, nodes: &mut usize) -> Checked {
        *nodes += 1;
        if *nodes > NODES_MAX {
            return wrong(at, format!("more than {NODES_MAX} routes"));
        }
        if let Some(name) = route.receiver.as_ref().filter(|n| !n.is_empty())
            && self.receiver(name).is_none()
        {
            return wrong(format!("{at}.receiver"), format!("undefined receiver {name:?} used in route"));
        }
        check_group_by(route, at)?;
        for (key, span) in
            [("group_interval", route.group_interval), ("repeat_interval", route.repeat_interval)]
        {
            if span.is_some_and(|s| s.0 == 0) {
                return wrong(format!("{at}.{key}"), format!("{key} cannot be zero"));
            }
        }
        for (key, names) in [
            ("mute_time_intervals", &route.mute_time_intervals),
            ("active_time_intervals", &route.active_time_intervals),
        ] {
            if let Some(name) = names.iter().find(|n| self.times(n).is_none()) {
                return wrong(
                    format!("{at}.{key}"),
                    format!("undefined time interval {name:?} used in route"),
                );
            }
        }
        for (i, below) in route.routes.iter().enumerate() {
            self.check_route(below, &format!("{at}.routes[{i}]"), nodes)?;
        }
        Ok(())
    }

    fn check_inhibition(&self) -> Checked {
        for (i, rule) in self.inhibit_rules.iter().enumerate() {
            if rule.equal.iter().any(String::is_empty) {
                return wrong(format!("inhibit_rules[{i}].equal"), "invalid label name \"\" in equal list");
            }
        }
        Ok(())
    }
}

fn older_route(route: &mut RouteConfig, at: &str, depth: usize) -> Checked {
    if depth > DEPTH_MAX {
        return wrong(at, format!("routes are nested deeper than {DEPTH_MAX} levels"));
    }
    let mut matchers = std::mem::take(&mut route.matchers);
    add(&mut matchers, &route.equal, MatchOp::Equal, &format!("{at}.match"))?;
    add(&mut matchers, &route.match_re, MatchOp::Regex, &format!("{at}.match_re"))?;
    route.matchers = matchers.sorted();
    for (i, below) in route.routes.iter_mut().enumerate() {
        older_route(below, &format!("{at}.routes[{i}]"), depth + 1)?;
    }
    Ok(())
}

fn add(to: &mut Matchers, pairs: &BTreeMap<String, String>, op: MatchOp, field: &str) -> Checked {
    for (name, value) in pairs {
        match Matcher::new(op, name.as_str(), value.as_str()) {
            Ok(m) => to.0.push(m),
            Err(e) => return wrong(field, e.to_string()),
        }
    }
    Ok(())
}

/// A key or the file that holds it: one of them, or those of `global`.
fn inherit(
    own: (&mut Option<Secret>, &mut Option<PathBuf>),
    global: (&Option<Secret>, &Option<PathBuf>),
    at: &str,
    key: &str,
) -> Checked {
    match (own.0.is_some(), own.1.is_some()) {
        (true, true) => {
            return wrong(
                format!("{at}.{key}"),
                format!("at most one of {key} & {key}_file must be configured"),
            );
        }
        (false, false) => (*own.0, *own.1) = (global.0.clone(), global.1.clone()),
        _ => {}
    }
    match own.0.is_none() && own.1.is_none() {
        true => {
            wrong(format!("{at}.{key}"), format!("missing: write {key} here, or for all receivers in global"))
        }
        false => Ok(()),
    }
}

const NONE: (&Option<Secret>, &Option<PathBuf>) = (&None, &None);

fn or<T: Clone>(own: &mut Option<T>, global: &Option<T>) {
    if own.is_none() {
        own.clone_from(global);
    }
}

impl Receiver {
    /// Puts defaults in their places and checks the whole.
    fn complete(&mut self, global: &Global, dir: &Path, at: &str) -> Checked {
        self.complete_http(global, dir, at)?;
        for (i, c) in self.webhook_configs.iter_mut().enumerate() {
            inherit((&mut c.url, &mut c.url_file), NONE, &format!("{at}.webhook_configs[{i}]"), "url")?;
            absolute(&mut c.url_file, dir);
        }
        for (i, c) in self.slack_configs.iter_mut().enumerate() {
            let from = (&global.slack_api_url, &global.slack_api_url_file);
            inherit(
                (&mut c.api_url, &mut c.api_url_file),
                from,
                &format!("{at}.slack_configs[{i}]"),
                "api_url",
            )?;
            absolute(&mut c.api_url_file, dir);
        }
        for (i, c) in self.pagerduty_configs.iter_mut().enumerate() {
            let at = format!("{at}.pagerduty_configs[{i}]");
            or(&mut c.routing_key, &c.service_key.clone());
            or(&mut c.routing_key_file, &c.service_key_file.clone());
            inherit((&mut c.routing_key, &mut c.routing_key_file), NONE, &at, "routing_key")?;
            or(&mut c.url, &global.pagerduty_url);
            absolute(&mut c.routing_key_file, dir);
        }
        for (i, c) in self.opsgenie_configs.iter_mut().enumerate() {
            let from = (&global.opsgenie_api_key, &global.opsgenie_api_key_file);
            let at = format!("{at}.opsgenie_configs[{i}]");
            inherit((&mut c.api_key, &mut c.api_key_file), from, &at, "api_key")?;
            or(&mut c.api_url, &global.opsgenie_api_url);
            absolute(&mut c.api_key_file, dir);
            for responder in &c.responders {
                let kinds = ["team", "teams", "user", "escalation", "schedule"];
                if !kinds.contains(&responder.kind.as_str()) && !responder.kind.contains("{{") {
                    let reason = format!("{:?} is not one of {}", responder.kind, kinds.join(", "));
                    return wrong(format!("{at}.responders.type"), reason);
                }
            }
        }
        for (kind, list) in [
            ("msteams_configs", &mut self.msteams_configs),
            ("msteamsv2_configs", &mut self.msteamsv2_configs),
        ] {
            for (i, c) in list.iter_mut().enumerate() {
                let at = format!("{at}.{kind}[{i}]");
                inherit((&mut c.webhook_url, &mut c.webhook_url_file), NONE, &at, "webhook_url")?;
                absolute(&mut c.webhook_url_file, dir);
            }
        }
        for (i, c) in self.discord_configs.iter_mut().enumerate() {
            let at = format!("{at}.discord_configs[{i}]");
            inherit((&mut c.webhook_url, &mut c.webhook_url_file), NONE, &at, "webhook_url")?;
            absolute(&mut c.webhook_url_file, dir);
        }
        for (kind, list) in [
            ("wecom_configs", &mut self.wecom_configs),
            ("dingtalk_configs", &mut self.dingtalk_configs),
            ("feishu_configs", &mut self.feishu_configs),
        ] {
            for (i, c) in list.iter_mut().enumerate() {
                let at = format!("{at}.{kind}[{i}]");
                inherit((&mut c.webhook_url, &mut c.webhook_url_file), NONE, &at, "webhook_url")?;
                absolute(&mut c.webhook_url_file, dir);
            }
        }
        for (i, c) in self.telegram_configs.iter_mut().enumerate() {
            let at = format!("{at}.telegram_configs[{i}]");
            let from = (&global.telegram_bot_token, &global.telegram_bot_token_file);
            inherit((&mut c.bot_token, &mut c.bot_token_file), from, &at, "bot_token")?;
            or(&mut c.api_url, &global.telegram_api_url);
            absolute(&mut c.bot_token_file, dir);
            absolute(&mut c.chat_id_file, dir);
            if c.chat_id.is_none() && c.chat_id_file.is_none() {
                return wrong(format!("{at}.chat_id"), "missing chat_id on telegram_config");
            }
            let modes = ["", "HTML", "Markdown", "MarkdownV2"];
            if c.parse_mode.as_ref().is_some_and(|m| !modes.contains(&m.as_str())) {
                return wrong(format!("{at}.parse_mode"), "one of HTML, Markdown, MarkdownV2 or nothing");
            }
        }
        for (i, c) in self.wechat_configs.iter_mut().enumerate() {
            let at = format!("{at}.wechat_configs[{i}]");
            let from = (&global.wechat_api_secret, &global.wechat_api_secret_file);
            inherit((&mut c.api_secret, &mut c.api_secret_file), from, &at, "api_secret")?;
            or(&mut c.api_url, &global.wechat_api_url);
            or(&mut c.corp_id, &global.wechat_api_corp_id);
            absolute(&mut c.api_secret_file, dir);
            if c.corp_id.is_none() {
                return wrong(
                    format!("{at}.corp_id"),
                    "missing: write it here, or wechat_api_corp_id in global",
                );
            }
            if c.message_type.as_ref().is_some_and(|t| t != "text" && t != "markdown") {
                return wrong(format!("{at}.message_type"), "one of text, markdown");
            }
        }
        for (i, c) in self.sns_configs.iter().enumerate() {
            let at = format!("{at}.sns_configs[{i}]");
            if c.topic_arn.is_none() && c.phone_number.is_none() && c.target_arn.is_none() {
                return wrong(
                    at,
                    "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",
                );
            }
            if c.sigv4.profile.is_some() || c.sigv4.role_arn.is_some() {
                return wrong(
                    format!("{at}.sigv4"),
                    "profiles and roles are not supported: write access_key and secret_key",
                );
            }
        }
        for (i, c) in self.exec_configs.iter().enumerate() {
            if c.command.first().is_none_or(|p| !Path::new(p).is_absolute()) {
                let field = format!("{at}.exec_configs[{i}].command");
                return wrong(field, "the first item must be the absolute path of a program");
            }
        }
        self.complete_mail(global, dir, at)
    }

    fn complete_http(&mut self, global: &Global, dir: &Path, at: &str) -> Checked {
        let mut all: Vec<(&str, usize, &mut Option<HttpConfig>)> = Vec::new();
        macro_rules! gather {
            ($($field:ident),*) => {
                $(for (i, c) in self.$field.iter_mut().enumerate() {
                    all.push((stringify!($field), i, &mut c.http_config));
                })*
            };
        }
        gather!(
            webhook_configs,
            slack_configs,
            pagerduty_configs,
            opsgenie_configs,
            msteams_configs,
            msteamsv2_configs,
            telegram_configs,
            discord_configs,
            wechat_configs,
            wecom_configs,
            dingtalk_configs,
            feishu_configs,
            sns_configs
        );
        for (kind, i, http) in all {
            or(http, &global.http_config);
            if let Some(http) = http {
                http.resolve_paths(dir);
                if let Err(reason) = http.check() {
                    return wrong(format!("{at}.{kind}[{i}].http_config"), reason);
                }
            }
        }
        Ok(())
    }

    fn complete_mail(&mut self, global: &Global, dir: &Path, at: &str) -> Checked {
        for (i, c) in self.email_configs.iter_mut().enumerate() {
            let at = format!("{at}.email_configs[{i}]");
            or(&mut c.from, &global.smtp_from);
            or(&mut c.hello, &global.smtp_hello);
            or(&mut c.smarthost, &global.smtp_smarthost);
            or(&mut c.auth_username, &global.smtp_auth_username);
            if c.auth_password.is_none() && c.auth_password_file.is_none() {
                (c.auth_password, c.auth_password_file) =
                    (global.smtp_auth_password.clone(), global.smtp_auth_password_file.clone());
            }
            or(&mut c.auth_identity, &global.smtp_auth_identity);
            or(&mut c.require_tls, &global.smtp_require_tls);
            or(&mut c.tls_config, &global.smtp_tls_config);
            or(&mut c.force_implicit_tls, &global.smtp_force_implicit_tls);
            if c.to.is_empty() {
                return wrong(format!("{at}.to"), "missing to address in email config");
            }
            for (key, absent) in [("from", c.from.is_none()), ("smarthost", c.smarthost.is_none())] {
                if absent {
                    return wrong(
                        format!("{at}.{key}"),
                        format!("missing: write it here, or smtp_{key} in global"),
                    );
                }
            }
            let port = c.smarthost.as_deref().and_then(|h| h.rsplit_once(':')).map(|(_, p)| p.parse::<u16>());
            if !matches!(port, Some(Ok(_))) {
                return wrong(
                    format!("{at}.smarthost"),
                    format!("{:?} is not host:port", c.smarthost.as_deref().unwrap_or("")),
                );
            }
            let mut seen = BTreeSet::new();
            for name in c.headers.keys() {
                if !seen.insert(name.to_ascii_lowercase()) {
                    return wrong(
                        format!("{at}.headers"),
                        format!("duplicate header {name:?} in email config"),
                    );
                }
            }
            absolute(&mut c.auth_password_file, dir);
            if let Some(tls) = &mut c.tls_config {
                tls.resolve_paths(dir);
            }
        }
        Ok(())
    }
}

fn check_group_by(route: &RouteConfig, at: &str) -> Checked {
    let Some(labels) = &route.group_by else { return Ok(()) };
    let mut seen = BTreeSet::new();
    for label in labels {
        if label.is_empty() {
            return wrong(format!("{at}.group_by"), "invalid label name \"\" in group_by list");
        }
        if !seen.insert(label) {
            return wrong(format!("{at}.group_by"), format!("duplicated label {label:?} in group_by"));
        }
    }
    if labels.len() > 1 && seen.contains(&"...".to_owned()) {
        let reason = "cannot have wildcard group_by (`...`) and other labels at the same time";
        return wrong(format!("{at}.group_by"), reason);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(text, Path::new("/etc")).expect_err(text).to_string()
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let base = "receivers: [{name: a}]\n";
        for (text, message) in [
            ("", "route: no route provided in config"),
            ("receivers: [{name: a}]\n", "route: no route provided in config"),
            ("route: {receiver: b}\n", "route.receiver: undefined receiver \"b\" used in route"),
            ("route: {}\n", "route.receiver: root route must specify a default receiver"),
            (
                "route: {receiver: a, matchers: ['x=y']}\n",
                "route.matchers: root route must not have any matchers",
            ),
            (
                "route: {receiver: a, routes: [{}, {group_by: [x, x]}]}\n",
                "route.routes[1].group_by: duplicated label \"x\" in group_by",
            ),
            (
                "route: {receiver: a, routes: [{mute_time_intervals: [never]}]}\n",
                "route.routes[0].mute_time_intervals: undefined time interval \"never\" used in route",
            ),
            (
                "route: {receiver: a, group_interval: 0s}\n",
                "route.group_interval: group_interval cannot be zero",
            ),
        ] {
            let text = if text.is_empty() || text.starts_with("receivers") {
                text.to_owned()
            } else {
                format!("{base}{text}")
            };
            assert_eq!(error(&text), message, "{text}");
        }
        let receivers = |body: &str| format!("route: {{receiver: a}}\nreceivers: [{{name: a, {body}}}]\n");
        for (body, message) in [
            (
                "webhook_configs: [{}]",
                "receivers[0] (\"a\").webhook_configs[0].url: missing: write url here, or for all receivers in global",
            ),
            (
                "email_configs: [{to: x@y}]",
                "receivers[0] (\"a\").email_configs[0].from: missing: write it here, or smtp_from in global",
            ),
            (
                "exec_configs: [{command: [echo]}]",
                "receivers[0] (\"a\").exec_configs[0].command: the first item must be the absolute path of a program",
            ),
        ] {
            assert_eq!(error(&receivers(body)), message);
        }
        assert!(error("rout: {receiver: a}\n").contains("rout"));
    }

    #[test]
    fn defaults_come_from_global() {
        let text = "global: {slack_api_url: 'http://s', http_config: {bearer_token_file: token}}\nroute: {receiver: a, match: {}}\nreceivers: [{name: a, slack_configs: [{}]}]\ntemplates: ['*.tmpl']\n";
        let config = Config::parse(text, Path::new("/etc")).unwrap();
        let slack = &config.receivers[0].slack_configs[0];
        assert_eq!(slack.api_url.as_ref().unwrap().expose(), "http://s");
        let token = slack.http_config.as_ref().unwrap().bearer_token_file.as_deref();
        assert_eq!(token, Some(Path::new("/etc/token")));
        assert_eq!(config.templates, ["/etc/*.tmpl"]);
    }
}
