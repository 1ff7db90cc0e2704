//! The sections about incidents and who is on call.

use super::{Config, TimeSpan};
use crate::notify::Routing;
use ::incidents::Settings;
use ::incidents::oncall::{OnCall, OnCallConfig};
use alerting::Matchers;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// How alerts become incidents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IncidentsConfig {
    /// Alerts that begin within this of each other may belong together.
    pub window: TimeSpan,
    /// An incident is over once its alerts were for so long.
    pub rest: TimeSpan,
    /// How long those that are over are kept.
    pub retention: TimeSpan,
    /// No incident comes of alerts that one of these matches.
    pub leave_out: Vec<String>,
}

impl Default for IncidentsConfig {
    fn default() -> IncidentsConfig {
        IncidentsConfig {
            window: TimeSpan::from_secs(600),
            rest: TimeSpan::from_secs(300),
            retention: TimeSpan::from_secs(400 * 86_400),
            leave_out: vec!["severity=\"none\"".to_owned()],
        }
    }
}

fn ms(span: TimeSpan) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl IncidentsConfig {
    /// What it says; or the field that is wrong, and why.
    pub fn settings(&self) -> Result<Settings, (String, String)> {
        let mut leave_out = Vec::new();
        for (i, text) in self.leave_out.iter().enumerate() {
            let wrong = |reason: String| (format!("incidents.leave_out[{i}]"), reason);
            let matchers = Matchers::parse(text).map_err(|e| wrong(e.to_string()))?;
            if matchers.0.is_empty() {
                return Err(wrong("it matches all alerts: name a label".to_owned()));
            }
            leave_out.push(matchers);
        }
        Ok(Settings {
            window_ms: ms(self.window),
            rest_ms: ms(self.rest),
            retention_ms: ms(self.retention),
            leave_out,
        })
    }
}

/// Who is on call, by the section `on_call` and the receivers there are; or the field that is wrong, and why.
pub fn oncall(config: &OnCallConfig, receivers: &alerting::Config) -> Result<OnCall, (String, String)> {
    let names: BTreeSet<&str> = receivers.receivers.iter().map(|r| r.name.as_str()).collect();
    OnCall::new(config, &names)
}

/// What is wrong with both sections: the field and why. Paths are relative to `dir`.
pub fn check(config: &Config, dir: &Path) -> Result<(), (String, String)> {
    config.incidents.settings()?;
    if config.on_call == OnCallConfig::default() {
        return Ok(());
    }
    let routing = Routing::load(config, dir, "http://localhost");
    let routing = routing.map_err(|reason| ("alerting.config_file".to_owned(), reason))?;
    oncall(&config.on_call, &routing.config).map(drop)
}
