//! The sections about probes, heartbeats and plugins of Nagios.

use super::{ByteSize, TimeSpan};
use heartbeats::{Plan, Schedule};
use probe::config::{Module, Modules};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is looked at from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbesConfig {
    /// A file of blackbox_exporter, with more modules.
    pub config_file: Option<PathBuf>,
    /// Modules by name, as blackbox_exporter has them.
    pub modules: BTreeMap<String, Module>,
    /// What is probed by this server itself.
    pub targets: Vec<ProbeTargets>,
    /// Probes of our own at the same time; more wait.
    pub concurrency: usize,
    /// The endpoint `/probe`.
    pub endpoint: ProbeEndpoint,
}

impl Default for ProbesConfig {
    fn default() -> ProbesConfig {
        ProbesConfig {
            config_file: None,
            modules: BTreeMap::new(),
            targets: Vec::new(),
            concurrency: 64,
            endpoint: ProbeEndpoint::default(),
        }
    }
}

impl ProbesConfig {
    /// All modules that are configured, those of the file among them; or the field that is wrong, and why.
    pub fn modules(&self, dir: &Path) -> Result<BTreeMap<String, Module>, (String, String)> {
        let mut all = match &self.config_file {
            Some(file) => {
                let found = Modules::load(&dir.join(file));
                found.map_err(|reason| ("probes.config_file".to_owned(), reason))?.modules
            }
            None => BTreeMap::new(),
        };
        for (name, module) in &self.modules {
            let mut module = module.clone();
            module.resolve_paths(dir);
            if all.insert(name.clone(), module).is_some() {
                let reason = "the module is in probes.config_file, too".to_owned();
                return Err((format!("probes.modules.{name}"), reason));
            }
        }
        Ok(all)
    }
}

/// Targets that are probed alike.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeTargets {
    /// The module: one that is configured, or one that is built in.
    pub module: String,
    /// The targets, which become the label `instance`.
    pub targets: Vec<String>,
    /// The label `job`, `probe` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// How often, every minute if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<TimeSpan>,
    /// The longest time, that of the module or 10 s if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeSpan>,
    /// More labels of its series.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Who may have us probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeEndpoint {
    /// Whether it answers. It probes with modules that are configured, and with no others.
    pub enabled: bool,
    /// Which targets it probes, a regular expression for the whole of it.
    pub targets: String,
    /// Probes at the same time; more are refused.
    pub concurrency: usize,
    /// The longest time for a probe.
    pub timeout_max: TimeSpan,
}

impl Default for ProbeEndpoint {
    fn default() -> ProbeEndpoint {
        ProbeEndpoint {
            enabled: true,
            targets: ".*".to_owned(),
            concurrency: 16,
            timeout_max: TimeSpan::from_secs(30),
        }
    }
}

/// Jobs that must report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeartbeatsConfig {
    /// The jobs.
    pub jobs: Vec<HeartbeatConfig>,
    /// What becomes of reports of jobs that are not configured.
    pub unknown: UnknownJobs,
    /// Such jobs that are taken; more are refused.
    pub unknown_max: usize,
    /// How often such a job must report.
    pub unknown_period: TimeSpan,
    /// How much later than that it may.
    pub unknown_grace: TimeSpan,
    /// How often series of all jobs are written.
    pub interval: TimeSpan,
    /// Whether there are rules for jobs that are late or failed.
    pub alerts: bool,
}

impl Default for HeartbeatsConfig {
    fn default() -> HeartbeatsConfig {
        HeartbeatsConfig {
            jobs: Vec::new(),
            unknown: UnknownJobs::Refuse,
            unknown_max: 200,
            unknown_period: TimeSpan::from_secs(86_400),
            unknown_grace: TimeSpan::from_secs(3600),
            interval: TimeSpan::from_secs(15),
            alerts: true,
        }
    }
}

/// What becomes of reports of jobs that are not configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownJobs {
    /// They are refused.
    Refuse,
    /// They are taken, and the job is expected again.
    Take,
}

/// A job that must report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatConfig {
    /// Its name.
    pub name: String,
    /// How often it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<TimeSpan>,
    /// When it runs, an expression of cron.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The time zone of that, UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How much later than that it may report, five minutes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<TimeSpan>,
    /// How long it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<TimeSpan>,
    /// Labels of its series, alerts and events.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether each of its ends is an event. True if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<bool>,
}

/// Between its turn and its being late unless configured.
const GRACE: TimeSpan = TimeSpan::from_secs(300);

fn ms(span: TimeSpan) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl HeartbeatsConfig {
    /// When jobs are expected; or the field that is wrong, and why.
    pub fn plans(&self) -> Result<BTreeMap<String, Plan>, (String, String)> {
        let mut plans = BTreeMap::new();
        for (i, job) in self.jobs.iter().enumerate() {
            let wrong = |field: &str, reason: String| (format!("heartbeats.jobs[{i}].{field}"), reason);
            if !heartbeats::is_name(&job.name) {
                return Err(wrong("name", heartbeats::PlanError::Name(job.name.clone()).to_string()));
            }
            let schedule = match (&job.period, &job.schedule) {
                (Some(period), None) if period.as_millis() >= 1000 => Schedule::Every(ms(*period)),
                (Some(period), None) => {
                    return Err(wrong("period", format!("{period} is too short: at least 1s")));
                }
                (None, Some(text)) => match Schedule::cron(text, job.timezone.as_deref().unwrap_or("UTC")) {
                    Ok(schedule) => schedule,
                    Err(e) => return Err(wrong("schedule", e.to_string())),
                },
                _ => return Err(wrong("period", "one of period and schedule is required".to_owned())),
            };
            check_labels(&job.labels, &["heartbeat"]).map_err(|reason| wrong("labels", reason))?;
            let plan = Plan {
                name: job.name.clone(),
                schedule,
                grace_ms: ms(job.grace.unwrap_or(GRACE)),
                duration_max_ms: job.max_duration.map(ms),
                labels: job.labels.clone(),
                description: job.description.clone(),
                events: job.events.unwrap_or(true),
            };
            if plans.insert(job.name.clone(), plan).is_some() {
                return Err(wrong("name", format!("another job is called {:?}, too", job.name)));
            }
        }
        if self.interval.as_millis() < 1000 || self.unknown_period.as_millis() < 1000 {
            return Err((
                "heartbeats".to_owned(),
                "interval and unknown_period must be at least 1s".to_owned(),
            ));
        }
        Ok(plans)
    }

    /// What is expected of a job that is not configured.
    pub fn unknown_plan(&self, name: &str) -> Plan {
        Plan {
            name: name.to_owned(),
            schedule: Schedule::Every(ms(self.unknown_period)),
            grace_ms: ms(self.unknown_grace),
            duration_max_ms: None,
            labels: BTreeMap::new(),
            description: String::new(),
            events: true,
        }
    }
}

/// Plugins of Nagios that are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChecksConfig {
    /// The plugins.
    pub commands: Vec<CheckConfig>,
    /// Plugins that run at the same time; more wait.
    pub concurrency: usize,
    /// Bytes of one's output that are read.
    pub output_bytes_max: ByteSize,
}

impl Default for ChecksConfig {
    fn default() -> ChecksConfig {
        ChecksConfig { commands: Vec::new(), concurrency: 8, output_bytes_max: ByteSize(64 << 10) }
    }
}

/// A plugin and how it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckConfig {
    /// The label `check`.
    pub name: String,
    /// The program and its arguments. No shell looks at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A line for `/bin/sh -c` instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// How often, every minute if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<TimeSpan>,
    /// How often while a problem is not certain yet, `interval` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<TimeSpan>,
    /// The longest time, 30 s if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeSpan>,
    /// Results in a row that make a problem certain, 3 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// More labels of its series and events.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Variables of its environment, besides those of this server.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
}

impl ChecksConfig {
    /// What cannot be meant: the field and why.
    pub fn check(&self) -> Result<(), (String, String)> {
        for (i, c) in self.commands.iter().enumerate() {
            let wrong = |field: &str, reason: String| Err((format!("checks.commands[{i}].{field}"), reason));
            if c.name.is_empty() || c.name.len() > 200 {
                return wrong("name", "must have 1 to 200 bytes".to_owned());
            }
            match (c.command.first(), &c.shell) {
                (Some(program), None) if program.starts_with('/') => {}
                (Some(program), None) => {
                    return wrong("command", format!("{program:?} is not the whole path of a program"));
                }
                (None, Some(_)) => {}
                _ => return wrong("command", "one of command and shell is required".to_owned()),
            }
            for (field, span) in
                [("interval", c.interval), ("retry_interval", c.retry_interval), ("timeout", c.timeout)]
            {
                if span.is_some_and(|s| s.as_millis() < 100) {
                    return wrong(field, "must be at least 100ms".to_owned());
                }
            }
            check_labels(&c.labels, &["check"]).or_else(|reason| wrong("labels", reason))?;
            if self.commands[..i].iter().any(|o| o.name == c.name && o.labels == c.labels) {
                return wrong(
                    "name",
                    format!("another one is called {:?}, too, with the same labels", c.name),
                );
            }
        }
        Ok(())
    }
}

/// Whether these can be labels beside our own.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>, own: &[&str]) -> Result<(), String> {
    for name in labels.keys() {
        if !model::is_legacy_label_name(name) || name.starts_with("__") {
            return Err(format!("{name:?} is not a name of a label"));
        }
        if own.contains(&name.as_str()) {
            return Err(format!("the label {name:?} is set already"));
        }
    }
    Ok(())
}
