//! The sections about rules and alerts.

use super::TimeSpan;
use scrape::config::RelabelConfig;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How alerts become messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertingConfig {
    /// A configuration file of Alertmanager. Without one alerts are shown and nobody is told.
    pub config_file: Option<PathBuf>,
    /// Where people reach this server, for links in messages; the address it listens at if absent.
    pub external_url: Option<String>,
    /// Whether receivers may run programs.
    pub exec: bool,
    /// Messages being delivered at the same time; more wait.
    pub deliveries_max: usize,
    /// Whether there is an alert that always fires, so that somebody outside notices when nothing comes any more.
    pub watchdog: bool,
    /// Rules applied to the labels of each alert of our own rules before it is told to anybody.
    pub alert_relabel_configs: Vec<RelabelConfig>,
}

impl Default for AlertingConfig {
    fn default() -> Self {
        AlertingConfig {
            config_file: None,
            external_url: None,
            exec: false,
            deliveries_max: 64,
            watchdog: false,
            alert_relabel_configs: Vec::new(),
        }
    }
}

/// How rules are evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    /// Groups evaluated at the same time, on threads that queries do not use.
    pub concurrency: usize,
    /// The longest time for the query of a rule.
    pub timeout: TimeSpan,
    /// Rules in all.
    pub rules_max: usize,
    /// Whether alerting rules are evaluated when what they read is written to, and not only when it is their turn.
    pub streaming: bool,
    /// Rule files whose expressions are LogQL where they do not say otherwise: Loki's, as they are.
    pub logql_files: Vec<String>,
    /// Rule files whose expressions are TraceQL where they do not say otherwise.
    pub traceql_files: Vec<String>,
    /// How long a rule may find nothing to look at before that is shown.
    pub unmatched_after: TimeSpan,
}

impl Default for RulesConfig {
    fn default() -> Self {
        RulesConfig {
            concurrency: 2,
            timeout: TimeSpan::from_secs(120),
            rules_max: 1_000_000,
            streaming: true,
            logql_files: Vec::new(),
            traceql_files: Vec::new(),
            unmatched_after: TimeSpan::from_secs(3600),
        }
    }
}

/// The files of these patterns, each once, in order. Patterns are relative to `dir`.
pub fn rule_files(setting: &str, patterns: &[String], dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut out: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let full = match Path::new(pattern).is_absolute() {
            true => pattern.clone(),
            // The directory is meant as it is, whatever characters are in it.
            false => Path::new(&glob::Pattern::escape(&dir.to_string_lossy()))
                .join(pattern)
                .to_string_lossy()
                .into_owned(),
        };
        let found = glob::glob(&full).map_err(|e| format!("{setting}: {pattern:?}: {e}"))?;
        for path in found.flatten() {
            if !out.contains(&path) {
                out.push(path);
            }
        }
    }
    Ok(out)
}
