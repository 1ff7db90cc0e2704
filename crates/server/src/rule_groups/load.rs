//! Reads rule files.

use crate::config::{Config, rule_files};
use objectives::{GROUP_FILE, Objective};
use rules::{FileOptions, Group, Language, RuleFile};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A group and where it stands.
#[derive(Debug, Clone)]
pub struct LoadedGroup {
    /// The file.
    pub file: String,
    /// The group.
    pub group: Group,
    /// Milliseconds between evaluations.
    pub interval_ms: i64,
    /// How far in the past it is evaluated unless it says so, milliseconds.
    pub query_offset_ms: i64,
}

/// All groups of a configuration.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    /// In order of file and place.
    pub groups: Vec<LoadedGroup>,
    /// The objectives whose groups are among them.
    pub objectives: Vec<Objective>,
}

/// Between evaluations unless configured, milliseconds.
const INTERVAL_MS: i64 = 60_000;
/// Most problems that are told at once.
const PROBLEMS_MAX: usize = 20;
/// Bytes of a rule file.
const FILE_BYTES_MAX: u64 = 64 << 20;

impl RuleSet {
    /// Reads all rule files of a configuration. Patterns are relative to `dir`.
    pub fn load(config: &Config, dir: &Path) -> Result<RuleSet, String> {
        let global = &config.global;
        let ms = |span: Option<crate::config::TimeSpan>| {
            span.map(|s| i64::try_from(s.as_millis()).unwrap_or(i64::MAX))
        };
        let interval_ms = ms(global.evaluation_interval).filter(|ms| *ms > 0).unwrap_or(INTERVAL_MS);
        let query_offset_ms = ms(global.rule_query_offset).unwrap_or(0);
        let mut set = RuleSet::default();
        let mut problems = Vec::new();
        let mut rules = 0;
        let mut seen = BTreeSet::new();
        for (language, setting, path) in all_files(config, dir)? {
            let name = path.display().to_string();
            if !seen.insert(path.clone()) {
                problems.push(format!("{name}: it is in {setting} and in another list of rule files"));
                continue;
            }
            let text = text_of(&path)?;
            match RuleFile::parse(&text, FileOptions { language, ..FileOptions::default() }) {
                Ok(file) => {
                    rules += file.rule_count();
                    set.groups.extend(file.groups.into_iter().map(|group| LoadedGroup {
                        file: name.clone(),
                        interval_ms: group.interval_ms.unwrap_or(interval_ms),
                        query_offset_ms,
                        group,
                    }));
                }
                Err(found) => problems.extend(found.iter().map(|p| format!("{name}:{p}"))),
            }
        }
        match super::objectives::load(config, dir) {
            Ok(objectives) => set.objectives = objectives,
            Err(found) => problems.extend(found),
        }
        for objective in &set.objectives {
            let group = objective.group().map_err(|e| format!("objective {:?}: {e}", objective.name))?;
            rules += group.rules.len();
            set.groups.push(LoadedGroup {
                file: GROUP_FILE.to_owned(),
                interval_ms: group.interval_ms.unwrap_or(interval_ms),
                query_offset_ms,
                group,
            });
        }
        set.groups.extend(crate::lookout::built_in_rules(config));
        if rules > config.rules.rules_max {
            problems.push(format!(
                "{rules} rules, over the limit of {}: raise rules.rules_max",
                config.rules.rules_max
            ));
        }
        if problems.is_empty() {
            return Ok(set);
        }
        let more = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        if more > 0 {
            problems.push(format!("and {more} more"));
        }
        Err(problems.join("\n"))
    }
}

/// The text of a file that is not too long.
pub(super) fn text_of(path: &Path) -> Result<String, String> {
    let name = path.display();
    let length = std::fs::metadata(path).map_err(|e| format!("cannot read {name}: {e}"))?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("{name}: {length} bytes, over the limit of {FILE_BYTES_MAX}: divide the file"));
    }
    std::fs::read_to_string(path).map_err(|e| format!("cannot read {name}: {e}"))
}

/// All rule files with what they are written in unless they say so, and the setting that names them.
fn all_files(config: &Config, dir: &Path) -> Result<Vec<(Language, &'static str, PathBuf)>, String> {
    let mut out = Vec::new();
    for (language, setting, patterns) in config.rule_file_lists() {
        out.extend(rule_files(setting, patterns, dir)?.into_iter().map(|path| (language, setting, path)));
    }
    Ok(out)
}
