//! The section `logs` of an agent.

use regex::bytes::Regex;
use scrape::config::{ByteSize, TimeSpan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is read of this machine's logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogsConfig {
    /// Whether logs of this machine are read at all.
    pub enabled: bool,
    /// Whether the systemd journal is read; where it can be, if absent.
    pub journald: Option<bool>,
    /// A directory with journals, in place of this machine's: of the host, say, as a container sees it.
    pub journald_dir: Option<PathBuf>,
    /// Whether logs of containers are read, from the usual places.
    pub containers: bool,
    /// Files; the usual ones of `/var/log` if absent.
    pub files: Option<Vec<FileLogs>>,
    /// Where to begin in files that are there before the first start. Later ones are read from their beginning.
    pub start: Start,
    /// Whether the time and the level of a line are looked for in it.
    pub detect: bool,
    /// How far east of UTC times without a zone are; as this machine's clock, if absent.
    pub utc_offset_minutes: Option<i32>,
    /// Bytes of a line; of longer ones the rest is left out.
    pub line_bytes_max: ByteSize,
    /// Files that are read at the same time.
    pub files_max: usize,
    /// Time between looks at files.
    pub poll_interval: TimeSpan,
    /// Time between searches for new files.
    pub discover_interval: TimeSpan,
    /// How long a file that was rotated away is read on, after the last line written to it.
    pub rotate_wait: TimeSpan,
}

/// Some files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileLogs {
    /// Patterns of paths: `*` within a name, `**` across directories.
    pub include: Vec<String>,
    /// Patterns of paths that are left out.
    pub exclude: Vec<String>,
    /// The label `service.name`; from the path if absent.
    pub service: Option<String>,
    /// Further labels of the stream.
    pub labels: BTreeMap<String, String>,
    /// Which lines belong together.
    pub multiline: Multiline,
}

/// Which lines belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Multiline {
    /// Whether indented lines and stack traces are joined to the line before them.
    pub auto: bool,
    /// A regular expression that finds something in the first line of a record and in no other. Set, it alone decides.
    pub start: Option<String>,
    /// A record is complete when no further line came for so long.
    pub timeout: TimeSpan,
    /// Lines of a record.
    pub lines_max: usize,
    /// Bytes of a record.
    pub bytes_max: ByteSize,
}

/// Where to begin in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With what is in it.
    Beginning,
    /// With what comes.
    End,
}

impl Default for LogsConfig {
    fn default() -> Self {
        LogsConfig {
            enabled: true,
            journald: None,
            journald_dir: None,
            containers: true,
            files: None,
            start: Start::End,
            detect: true,
            utc_offset_minutes: None,
            line_bytes_max: ByteSize(128 << 10),
            files_max: 500,
            poll_interval: TimeSpan(Duration::from_millis(250)),
            discover_interval: TimeSpan(Duration::from_secs(2)),
            rotate_wait: TimeSpan(Duration::from_secs(10)),
        }
    }
}

impl Default for Multiline {
    fn default() -> Self {
        Multiline {
            auto: true,
            start: None,
            timeout: TimeSpan(Duration::from_millis(500)),
            lines_max: 1000,
            bytes_max: ByteSize(256 << 10),
        }
    }
}

/// What syslog daemons write of the journal: read twice if the journal is read too.
const OF_JOURNAL: [&str; 12] = [
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/kern.log",
    "/var/log/daemon.log",
    "/var/log/user.log",
    "/var/log/mail.log",
    "/var/log/mail.err",
    "/var/log/cron.log",
    "/var/log/cron",
    "/var/log/debug",
];

/// Containers of Kubernetes, and of Docker without it.
const OF_CONTAINERS: [&str; 2] = ["/var/log/containers/*.log", "/var/lib/docker/containers/*/*-json.log"];

/// Bounds of the settings; beyond, the agent would hold too much or do too much.
const LINE_BYTES: std::ops::RangeInclusive<u64> = 256..=1 << 20;
const POLL_MIN: Duration = Duration::from_millis(10);

impl LogsConfig {
    /// What is read of files, given whether the journal is.
    pub(super) fn sources(&self, journald: bool) -> Vec<FileLogs> {
        let strings = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let mut sources = self.files.clone().unwrap_or_else(|| {
            let usual = strings(&["/var/log/*.log", "/var/log/*/*.log"]);
            let (include, exclude) = match journald {
                true => (usual, strings(&OF_JOURNAL)),
                false => ([usual, strings(&OF_JOURNAL)].concat(), Vec::new()),
            };
            // Containers and pods have a source of their own.
            let others = strings(&["/var/log/containers/*", "/var/log/pods/**"]);
            vec![FileLogs { include, exclude: [exclude, others].concat(), ..FileLogs::default() }]
        });
        if self.containers {
            sources.push(FileLogs { include: strings(&OF_CONTAINERS), ..FileLogs::default() });
        }
        sources
    }

    /// The field at fault and what is wrong with it, if something is.
    pub fn check(&self) -> Result<(), (String, String)> {
        let bytes = self.line_bytes_max.0;
        if !LINE_BYTES.contains(&bytes) {
            let (least, most) = (LINE_BYTES.start(), LINE_BYTES.end());
            return Err((
                "logs.line_bytes_max".into(),
                format!("is {bytes}; between {least} and {most} bytes"),
            ));
        }
        if self.utc_offset_minutes.is_some_and(|m| m.unsigned_abs() > 24 * 60) {
            return Err(("logs.utc_offset_minutes".into(), "no place is a day away from UTC".into()));
        }
        if self.poll_interval.0 < POLL_MIN {
            let reason = format!("is {:?}, below the least of {POLL_MIN:?}", self.poll_interval.0);
            return Err(("logs.poll_interval".into(), reason));
        }
        for (i, source) in self.files.iter().flatten().enumerate() {
            source.check().map_err(|(field, reason)| (format!("logs.files[{i}].{field}"), reason))?;
        }
        Ok(())
    }
}

impl FileLogs {
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.include.is_empty() {
            return Err(("include", "names no files: give patterns such as /var/log/app/*.log".into()));
        }
        for (field, patterns) in [("include", &self.include), ("exclude", &self.exclude)] {
            for pattern in patterns {
                glob::Pattern::new(pattern).map_err(|e| {
                    (field, format!("{pattern:?} is no pattern: {} at byte {}", e.msg, e.pos))
                })?;
                if !Path::new(pattern).is_absolute() {
                    return Err((field, format!("{pattern:?} is not absolute: begin it with /")));
                }
            }
        }
        if let Some(start) = &self.multiline.start {
            Regex::new(start).map_err(|e| ("multiline.start", e.to_string()))?;
        }
        let lines = self.multiline.lines_max;
        if lines == 0 {
            return Err(("multiline.lines_max", "is 0: a record has a line at least".into()));
        }
        let bytes = self.multiline.bytes_max.0;
        if bytes > *LINE_BYTES.end() {
            return Err((
                "multiline.bytes_max",
                format!("is {bytes}, over the limit of {}", LINE_BYTES.end()),
            ));
        }
        model::Labels::from_pairs(&self.labels).map_err(|e| ("labels", e.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let of = |files: FileLogs| LogsConfig { files: Some(vec![files]), ..LogsConfig::default() };
        let include = vec!["/var/log/a".to_owned()];
        let with =
            |m: Multiline| of(FileLogs { include: include.clone(), multiline: m, ..FileLogs::default() });
        for (config, field, reason) in [
            (
                LogsConfig { line_bytes_max: ByteSize(1), ..LogsConfig::default() },
                "logs.line_bytes_max",
                "is 1;",
            ),
            (of(FileLogs::default()), "logs.files[0].include", "names no files"),
            (
                of(FileLogs { include: vec!["a".into()], ..FileLogs::default() }),
                "logs.files[0].include",
                "not absolute",
            ),
            (
                of(FileLogs { include: vec!["/a***".into()], ..FileLogs::default() }),
                "logs.files[0].include",
                "is no pattern",
            ),
            (
                with(Multiline { start: Some("(".into()), ..Multiline::default() }),
                "logs.files[0].multiline.start",
                "unclosed group",
            ),
            (
                with(Multiline { lines_max: 0, ..Multiline::default() }),
                "logs.files[0].multiline.lines_max",
                "is 0",
            ),
        ] {
            let (is, said) = config.check().unwrap_err();
            assert!(is == field && said.contains(reason), "{is}: {said}");
        }
        assert!(LogsConfig::default().check().is_ok());
    }

    #[test]
    fn the_journal_is_not_read_twice() {
        let config = LogsConfig::default();
        assert!(config.sources(true)[0].exclude.contains(&"/var/log/syslog".to_owned()));
        assert!(config.sources(false)[0].include.contains(&"/var/log/syslog".to_owned()));
        assert_eq!(LogsConfig { containers: false, ..config }.sources(true).len(), 1);
    }
}
