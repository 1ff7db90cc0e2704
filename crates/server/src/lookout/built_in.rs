//! Rules that are there without a file: the alert that always fires, and those about jobs that must report.

use crate::config::{Config, UnknownJobs};
use crate::rule_groups::LoadedGroup;
use rules::{FileOptions, RuleFile};

/// Between evaluations, milliseconds.
const INTERVAL_MS: i64 = 15_000;

const WATCHDOG: &str = r#"
groups:
- name: watchdog
  rules:
  - alert: Watchdog
    expr: vector(1)
    labels: {severity: none}
    annotations:
      summary: Alerts are evaluated and delivered.
      description: >-
        This alert always fires. Route it to a receiver outside that tells people when it comes no more.
"#;

const HEARTBEATS: &str = r#"
groups:
- name: heartbeats
  rules:
  - alert: HeartbeatLate
    expr: watchfire_heartbeat_late == 1
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.heartbeat }} has not reported in time'
      description: >-
        {{ with printf "watchfire_heartbeat_last_success_timestamp_seconds{heartbeat=%q}" $labels.heartbeat | query
        }}It last succeeded {{ . | first | value | humanizeTimestamp }}.{{ else }}It has never succeeded.{{ end }}
  - alert: HeartbeatFailed
    expr: watchfire_heartbeat_failed == 1
    labels: {severity: warning}
    annotations:
      summary: 'the last run of {{ $labels.heartbeat }} failed'
"#;

/// The groups that a configuration calls for.
pub fn rules(config: &Config) -> Vec<LoadedGroup> {
    let jobs = &config.heartbeats;
    let of_jobs = jobs.alerts && (!jobs.jobs.is_empty() || jobs.unknown == UnknownJobs::Take);
    [("watchdog", WATCHDOG, config.alerting.watchdog), ("heartbeats", HEARTBEATS, of_jobs)]
        .into_iter()
        .filter(|(.., wanted)| *wanted)
        .flat_map(|(name, text, _)| groups(name, text))
        .collect()
}

fn groups(name: &str, text: &str) -> Vec<LoadedGroup> {
    match RuleFile::parse(text, FileOptions::default()) {
        Ok(file) => file
            .groups
            .into_iter()
            .map(|group| LoadedGroup {
                file: format!("built-in/{name}.yml"),
                interval_ms: INTERVAL_MS,
                query_offset_ms: 0,
                group,
            })
            .collect(),
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            tracing::error!(name, problems = problems.join("; "), "built-in rules cannot be read");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rules_can_be_read() {
        let count = |name, text| groups(name, text).iter().map(|g| g.group.rules.len()).sum::<usize>();
        assert_eq!((count("w", WATCHDOG), count("h", HEARTBEATS)), (1, 2));
        let mut config = Config::default();
        assert!(rules(&config).is_empty());
        config.alerting.watchdog = true;
        assert_eq!(rules(&config)[0].file, "built-in/watchdog.yml");
        config.heartbeats.unknown = UnknownJobs::Take;
        assert_eq!(rules(&config).len(), 2);
    }
}
