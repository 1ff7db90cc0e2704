//! An objective that was read and checked.

use crate::config::{ObjectiveConfig, PairConfig, Severity};
use crate::indicator::Indicator;
use crate::span::format_span;
use crate::target::Target;
use crate::windows::{MONTH_MS, Pair, SHORTEST_MS, SHOWN_MS, scaled};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 120;
/// Names that are something else in the API.
const RESERVED: &str = "try";
/// Windows of alerts of one objective.
const PAIRS_MAX: usize = 16;
/// The shortest window of an objective.
const WINDOW_MS_MIN: i64 = 86_400_000;
/// The longest.
const WINDOW_MS_MAX: i64 = 366 * 86_400_000;
/// The longest time between evaluations: what was recorded is looked for five minutes long.
const INTERVAL_MS_MAX: i64 = 240_000;
/// Labels that objectives set themselves.
const OWN_LABELS: [&str; 6] = ["objective", "service", "window", "long", "short", "severity"];
/// The name of alerts.
const ALERT: &str = "ObjectiveBurnsBudget";

/// What is wrong with an objective.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Wrong {
    /// The key.
    pub field: String,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

pub(crate) fn wrong(field: &str, reason: impl Into<String>) -> Wrong {
    Wrong { field: field.to_owned(), reason: reason.into() }
}

/// How people are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerting {
    /// The name of all its alerts.
    pub name: String,
    /// The label `severity` of those that are to be looked at now.
    pub page: String,
    /// Of those that are to be looked at within days.
    pub ticket: String,
    /// More labels.
    pub labels: BTreeMap<String, String>,
    /// More texts, or others.
    pub annotations: BTreeMap<String, String>,
}

impl Alerting {
    /// The label `severity` of an alert.
    pub fn label(&self, severity: Severity) -> &str {
        match severity {
            Severity::Page => &self.page,
            Severity::Ticket => &self.ticket,
        }
    }
}

/// An objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// Its name, of which there is one.
    pub name: String,
    /// The service it is about.
    pub service: Option<String>,
    /// What it is for.
    pub description: String,
    /// The share of requests that are to be good.
    pub target: Target,
    /// Over which time, milliseconds.
    pub window_ms: i64,
    /// Between evaluations, milliseconds; without it, what is configured for all rules.
    pub interval_ms: Option<i64>,
    /// What is counted.
    pub indicator: Indicator,
    /// When it burns.
    pub pairs: Vec<Pair>,
    /// How people are told of that, if they are.
    pub alerting: Option<Alerting>,
    /// More labels of its series and alerts.
    pub labels: BTreeMap<String, String>,
}

impl Objective {
    /// Checks an objective.
    pub fn new(config: &ObjectiveConfig) -> Result<Objective, Wrong> {
        check_name(&config.name)?;
        let target = config
            .target
            .as_ref()
            .ok_or_else(|| wrong("target", "it is missing: write for example 99.9%"))?;
        let target = Target::parse(&target.0).map_err(|reason| wrong("target", reason))?;
        let window_ms = match &config.window {
            Some(text) => bounded("window", text, (WINDOW_MS_MIN, WINDOW_MS_MAX))?,
            None => MONTH_MS,
        };
        let interval = config.interval.as_deref();
        let interval_ms =
            interval.map(|text| bounded("interval", text, (1000, INTERVAL_MS_MAX))).transpose()?;
        check_labels("labels", &config.labels)?;
        let alerts = config.alerts.0.as_ref();
        let pairs = match alerts.and_then(|a| a.windows.as_ref()) {
            Some(pairs) => self::pairs(pairs, window_ms)?,
            None => scaled(window_ms),
        };
        let alerting = match alerts {
            None => None,
            Some(a) => {
                check_labels("alerts.labels", &a.labels)?;
                let label = |severity: Severity| {
                    a.severities.get(&severity).cloned().unwrap_or_else(|| severity.as_str().to_owned())
                };
                Some(Alerting {
                    name: a.name.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| ALERT.to_owned()),
                    page: label(Severity::Page),
                    ticket: label(Severity::Ticket),
                    labels: a.labels.clone(),
                    annotations: a.annotations.clone(),
                })
            }
        };
        let objective = Objective {
            name: config.name.clone(),
            service: config.service.clone().filter(|s| !s.is_empty()),
            description: config.description.clone(),
            target,
            window_ms,
            interval_ms,
            indicator: Indicator::new(config)?,
            pairs,
            alerting,
            labels: config.labels.clone(),
        };
        // What was not looked at here are the templates of alerts.
        objective.group().map(|_| objective)
    }

    /// The windows over which the share of errors is recorded, in order: those that are shown, those of alerts, its own.
    pub fn windows(&self) -> BTreeSet<i64> {
        let shown = SHOWN_MS.into_iter().filter(|ms| *ms <= self.window_ms);
        let of_pairs = self.pairs.iter().flat_map(|p| [p.long_ms, p.short_ms]);
        shown.chain(of_pairs).chain([self.window_ms]).collect()
    }
}

/// Checks objectives that are in force together. Each message names the objective.
pub fn resolve<'c>(
    configs: impl IntoIterator<Item = &'c ObjectiveConfig>,
) -> Result<Vec<Objective>, Vec<String>> {
    let (mut out, mut problems, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (i, config) in configs.into_iter().enumerate() {
        let shown: String = config.name.chars().take(NAME_CHARS_MAX).collect();
        let name =
            if shown.is_empty() { format!("objective {}", i + 1) } else { format!("objective {shown:?}") };
        match Objective::new(config) {
            Ok(objective) if seen.insert(objective.name.clone()) => out.push(objective),
            Ok(_) => problems
                .push(format!("{name}: name: there is another of this name: names tell objectives apart")),
            Err(e) => problems.push(format!("{name}: {e}")),
        }
    }
    if problems.is_empty() { Ok(out) } else { Err(problems) }
}

fn check_name(name: &str) -> Result<(), Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let shown: String = name.chars().take(NAME_CHARS_MAX).collect();
    match name {
        "" => Err(wrong("name", "it is missing: write for example checkout-availability")),
        RESERVED => Err(wrong("name", format!("{RESERVED:?} is a path of the API: choose another name"))),
        name if name.len() > NAME_CHARS_MAX => Err(wrong(
            "name",
            format!("{} bytes, over the limit of {NAME_CHARS_MAX}: shorten it", name.len()),
        )),
        name if !name.chars().all(fits) => Err(wrong(
            "name",
            format!(
                "{shown:?} has other characters than letters, digits, '-', '_' and '.': write for example checkout-availability"
            ),
        )),
        _ => Ok(()),
    }
}

fn check_labels(field: &str, labels: &BTreeMap<String, String>) -> Result<(), Wrong> {
    for name in labels.keys() {
        let reason = match name.as_str() {
            "" => "the name of a label must not be empty".to_owned(),
            "__name__" => "the name of the metric is given".to_owned(),
            own if OWN_LABELS.contains(&own) => {
                format!(
                    "{own:?} is set by the objective itself: choose another name (severity: alerts.severities)"
                )
            }
            _ => continue,
        };
        return Err(wrong(field, reason));
    }
    Ok(())
}

/// A span of time between two bounds, both included.
fn bounded(field: &str, text: &str, (least, most): (i64, i64)) -> Result<i64, Wrong> {
    let example = format_span(least.max(SHORTEST_MS));
    let ms = promql::parse_duration(text.trim())
        .map_err(|reason| wrong(field, format!("{reason}: write for example {example}")))?;
    let limit = match ms {
        ms if ms < least => format!("is shorter than {}", format_span(least)),
        ms if ms > most => format!("is longer than {}", format_span(most)),
        ms => return Ok(ms),
    };
    Err(wrong(field, format!("{text} {limit}: choose from {} to {}", format_span(least), format_span(most))))
}

fn pairs(configs: &[PairConfig], window_ms: i64) -> Result<Vec<Pair>, Wrong> {
    let at = |i: usize, key: &str| format!("alerts.windows[{}].{key}", i + 1);
    if configs.is_empty() {
        return Err(wrong("alerts.windows", "there are none: write alerts: none if nobody is to be told"));
    }
    if configs.len() > PAIRS_MAX {
        return Err(wrong(
            "alerts.windows",
            format!("{} pairs, over the limit of {PAIRS_MAX}: leave some out", configs.len()),
        ));
    }
    let mut out: Vec<Pair> = Vec::new();
    for (i, config) in configs.iter().enumerate() {
        let long_ms = bounded(&at(i, "long"), &config.long, (SHORTEST_MS, window_ms))?;
        let short_ms = bounded(&at(i, "short"), &config.short, (SHORTEST_MS, long_ms))?;
        if !(config.factor.is_finite() && config.factor > 0.0) {
            let reason = format!("{} is no rate: it must be more than 0, for example 14.4", config.factor);
            return Err(wrong(&at(i, "factor"), reason));
        }
        let pair = Pair { severity: config.severity, long_ms, short_ms, factor: config.factor };
        let same = |p: &Pair| (p.severity, p.long_ms, p.short_ms) == (pair.severity, long_ms, short_ms);
        if out.iter().any(same) {
            return Err(wrong(
                &at(i, "long"),
                "there is another of these windows and this severity: leave one out",
            ));
        }
        out.push(pair);
    }
    Ok(out)
}
