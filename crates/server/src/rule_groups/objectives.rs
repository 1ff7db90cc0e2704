//! Reads objectives: those of the configuration, and those of the files it names.

use super::load::text_of;
use crate::config::{Config, TimeSpan, rule_files};
use objectives::{Objective, ObjectiveConfig, ObjectiveFile, format_span, resolve};
use scrape::config::explain;
use std::path::Path;

/// Reads a file with objectives.
pub fn read(path: &Path) -> Result<Vec<ObjectiveConfig>, String> {
    parse(&text_of(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

/// Reads the text of such a file.
pub fn parse(text: &str) -> Result<Vec<ObjectiveConfig>, String> {
    let file: ObjectiveFile = serde_saphyr::from_str(text).map_err(|e| explain(&e).to_string())?;
    Ok(file.objectives)
}

/// The objectives of a configuration; or all that is wrong with them. Patterns are relative to `dir`.
pub fn load(config: &Config, dir: &Path) -> Result<Vec<Objective>, Vec<String>> {
    let mut all = config.objectives.clone();
    let mut problems = Vec::new();
    for path in rule_files("objective_files", &config.objective_files, dir).map_err(|e| vec![e])? {
        match read(&path) {
            Ok(found) => all.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    match resolve(&all) {
        Ok(objectives) => {
            problems.extend(objectives.iter().filter_map(|o| too_long(o, config)));
            problems.extend(objectives.iter().filter_map(|o| too_seldom(o, config)));
            if problems.is_empty() { Ok(objectives) } else { Err(problems) }
        }
        Err(found) => Err(problems.into_iter().chain(found).collect()),
    }
}

/// Why samples are not kept for as long as an objective looks back.
fn too_long(objective: &Objective, config: &Config) -> Option<String> {
    let retention_ms = i64::try_from(config.storage.retention.as_millis()).unwrap_or(i64::MAX);
    (objective.window_ms > retention_ms).then(|| {
        format!(
            "objective {:?}: window: {} is longer than the {} that samples are kept: shorten it, or raise storage.retention",
            objective.name,
            format_span(objective.window_ms),
            format_span(retention_ms)
        )
    })
}

/// Why what an objective records is forgotten before it is recorded again.
fn too_seldom(objective: &Objective, config: &Config) -> Option<String> {
    let ms = |span: TimeSpan| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let of_all = config.global.evaluation_interval.map_or(60_000, ms);
    let (interval_ms, lookback_ms) = (objective.interval_ms.unwrap_or(of_all), ms(config.query.lookback));
    (interval_ms >= lookback_ms).then(|| {
        format!(
            "objective {:?}: interval: it is evaluated every {}, and what it records counts for {} (query.lookback): \
             set interval to less, for example 1m",
            objective.name,
            format_span(interval_ms),
            format_span(lookback_ms)
        )
    })
}
