//! What a list of issues says of all of them: counts over time, and the values that conditions can have.

use super::answer::Window;
use super::read::{Reader, Sought};
use crate::http::error::ApiError;
use issues::{Book, Group, Issue};
use model::Labels;
use model::record::Record;
use model::record::error::{kind, name};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

/// Lines of a timeline; the rest is one of them.
const LINES_MAX: usize = 10;
/// What the rest is called.
const OTHER: &str = "(other)";
/// Values of one name.
const VALUES_MAX: usize = 200;
/// Ranges up to this are counted from stored events, which know more of their time than the hour.
const FINE_MS: i64 = 6 * 3_600_000;

/// What the events of a timeline are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// The project.
    Project,
    /// The service.
    Service,
    /// How grave the issue is, as its newest event says.
    Level,
}

/// What was counted of issues.
pub struct Counted {
    /// Counts by line.
    lines: BTreeMap<String, Vec<u64>>,
    /// The line of each group.
    groups: HashMap<String, String>,
}

impl Timeline {
    /// By its word.
    pub fn of(word: &str) -> Result<Timeline, ApiError> {
        match word {
            "project" => Ok(Timeline::Project),
            "service" => Ok(Timeline::Service),
            "level" => Ok(Timeline::Level),
            _ => Err(ApiError::parameter("timeline", format!("{word:?} is none of project, service, level"))),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Timeline::Project => "project",
            Timeline::Service => "service",
            Timeline::Level => "level",
        }
    }

    fn line<'a>(self, issue: &'a Issue, group: &'a Group) -> &'a str {
        match self {
            Timeline::Project => &issue.project,
            Timeline::Service => &group.service,
            Timeline::Level => group.level.text(),
        }
    }

    /// What is counted of issues over time. For a short range only which lines there are: stored events are counted.
    pub fn counted(self, book: &Book, issues: &[&Issue], window: &Window) -> Counted {
        let mut counted = Counted { lines: BTreeMap::new(), groups: HashMap::new() };
        for issue in issues {
            for group in book.groups(issue) {
                let line = self.line(issue, group);
                if is_fine(window) {
                    counted.groups.insert(group.hash.to_string(), line.to_owned());
                    continue;
                }
                let counts = group.tally.buckets(window.start_ms, window.end_ms, window.buckets);
                match counted.lines.get_mut(line) {
                    Some(sums) => sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n),
                    None => {
                        counted.lines.insert(line.to_owned(), counts);
                    }
                }
            }
        }
        counted
    }
}

/// Whether a range is so short that hours tell too little.
pub fn is_fine(window: &Window) -> bool {
    window.end_ms - window.start_ms <= FINE_MS
}

/// Stored events of groups over time, by what `line` says of each.
pub fn stored_counts<'a>(
    reader: &Reader<'_>,
    groups: &HashSet<String>,
    window: &Window,
    line: impl Fn(&Labels, &Record<'_>) -> &'a str,
) -> Result<HashMap<&'a str, Vec<u64>>, ApiError> {
    let ns = |ms: i64| ms.saturating_mul(1_000_000);
    let sought = Sought {
        groups: Some(groups),
        span_ns: (ns(window.start_ms), ns(window.end_ms)),
        ..Sought::all(kind::EVENT)
    };
    let width_ns = (i128::from(ns(window.end_ms)) - i128::from(ns(window.start_ms))).max(1);
    let mut counts: HashMap<&str, Vec<u64>> = HashMap::new();
    reader.records(&sought, Some(&[]), &mut |labels, record| {
        let after_ns = i128::from(record.time_ns) - i128::from(ns(window.start_ms));
        let step = usize::try_from(after_ns * window.buckets as i128 / width_ns).unwrap_or(0);
        let sums = counts.entry(line(labels, record)).or_insert_with(|| vec![0; window.buckets]);
        if let Some(sum) = sums.get_mut(step) {
            *sum += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok(counts)
}

/// Counts over time as an answer has them: the lines with most events, and the rest as one.
pub fn timeline(
    reader: &Reader<'_>,
    by: Timeline,
    counted: Counted,
    window: &Window,
) -> Result<Value, ApiError> {
    let Counted { mut lines, groups } = counted;
    if is_fine(window) {
        let names: HashSet<String> = groups.keys().cloned().collect();
        let stored = stored_counts(reader, &names, window, |labels, _| {
            labels.get(name::GROUP).and_then(|g| groups.get(g)).map_or("", String::as_str)
        })?;
        lines = stored.into_iter().map(|(line, counts)| (line.to_owned(), counts)).collect();
    }
    let mut lines: Vec<(String, Vec<u64>)> = lines.into_iter().collect();
    lines.sort_by_cached_key(|(line, counts)| (std::cmp::Reverse(counts.iter().sum::<u64>()), line.clone()));
    let mut series = serde_json::Map::new();
    let mut rest = vec![0u64; window.buckets];
    let more = lines.len() > LINES_MAX;
    for (place, (line, counts)) in lines.into_iter().enumerate() {
        match more && place + 1 >= LINES_MAX {
            true => rest.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n),
            false => {
                series.insert(line, json!(counts));
            }
        }
    }
    if more {
        series.insert(OTHER.to_owned(), json!(rest));
    }
    Ok(json!({ "by": by.word(), "series": series }))
}

/// Which values issues have, and how many issues have each.
#[derive(Default)]
pub struct Facets {
    values: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Facets {
    /// Adds an issue.
    pub fn add(&mut self, book: &Book, issue: &Issue) {
        let mut of: BTreeMap<&'static str, HashSet<&str>> = BTreeMap::new();
        let mut has = |name: &'static str, value| {
            of.entry(name).or_default().insert(value);
        };
        has("project", &issue.project);
        if let Some(who) = &issue.life.assigned {
            has("assigned", who);
        }
        for group in book.groups(issue) {
            has("service", &group.service);
            has("level", group.level.text());
            group.tally.releases.iter().for_each(|r| has("release", &r.name));
            group.tally.environments.iter().for_each(|e| has("environment", &e.name));
        }
        for (name, values) in of {
            let known = self.values.entry(name).or_default();
            for value in values.into_iter().filter(|v| !v.is_empty()) {
                match known.get_mut(value) {
                    Some(issues) => *issues += 1,
                    None => {
                        known.insert(value.to_owned(), 1);
                    }
                }
            }
        }
    }

    /// The most frequent values of each name, `[[VALUE, ISSUES]]`.
    pub fn shown(self) -> Value {
        let top = |values: BTreeMap<String, u64>| {
            let mut all: Vec<(String, u64)> = values.into_iter().collect();
            all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            all.truncate(VALUES_MAX);
            json!(all)
        };
        self.values.into_iter().map(|(name, values)| (name.to_owned(), top(values))).collect()
    }
}
