//! Rules out of objectives.

use crate::config::Severity;
use crate::objective::{Alerting, Objective, Wrong, wrong};
use crate::span::format_span;
use crate::windows::{DIRECT_MS, Pair, SHORTEST_MS};
use promql::{format_duration, quote};
use rules::{FileOptions, Group, RuleFile};
use serde::Serialize;
use std::collections::BTreeMap;

/// The file under which the groups of objectives are known.
pub const GROUP_FILE: &str = "objectives";

/// Requests a second that failed, over five minutes.
pub const ERRORS_RATE: &str = "objective:errors:rate5m";
/// Requests a second, over five minutes.
pub const TOTAL_RATE: &str = "objective:total:rate5m";
/// The share of requests that failed, by `window`.
pub const ERROR_RATIO: &str = "objective:error_ratio";
/// How many times as fast as it lasts the budget burns, by `window`.
pub const BURN_RATE: &str = "objective:burn_rate";
/// The share of the budget that remains; below 0 once more than all of it is gone.
pub const BUDGET_REMAINING: &str = "objective:budget_remaining";
/// The share of requests that are to be good.
pub const TARGET: &str = "objective:target";

/// A rule as it is written.
#[derive(Debug, Default, Serialize)]
struct RuleText {
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<String>,
    expr: String,
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct GroupText {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    rules: Vec<RuleText>,
}

#[derive(Debug, Serialize)]
struct FileText {
    groups: Vec<GroupText>,
}

/// A rule file with the groups of objectives: Prometheus takes it, too.
pub fn file_text<'o>(objectives: impl IntoIterator<Item = &'o Objective>) -> String {
    let groups = objectives.into_iter().map(Objective::group_text).collect();
    serde_saphyr::to_string(&FileText { groups })
        .unwrap_or_else(|e| format!("# cannot be written as YAML: {e}\n"))
}

impl Objective {
    /// Its rules as a group. Read from the text that is shown, so that both are the same.
    pub fn group(&self) -> Result<Group, Wrong> {
        let file = RuleFile::parse(&file_text([self]), FileOptions::default()).map_err(|problems| {
            let mut told: Vec<String> = problems
                .iter()
                .map(|p| match &p.within.rule {
                    Some((_, rule)) => format!("{rule}: {}", p.message),
                    None => p.message.clone(),
                })
                .collect();
            // Alerts of one name have their texts in common.
            told.dedup();
            wrong("alerts", told.join("; "))
        })?;
        file.groups.into_iter().next().ok_or_else(|| wrong("name", "no rules come of it"))
    }

    /// The selector of one of its recorded series.
    pub fn series(&self, metric: &str, window_ms: Option<i64>) -> String {
        let name = quote(&self.name);
        match window_ms {
            Some(ms) => format!("{metric}{{objective={name}, window=\"{}\"}}", format_span(ms)),
            None => format!("{metric}{{objective={name}}}"),
        }
    }

    /// The share of requests that failed, as it is recorded: over short windows out of the counters, over long ones
    /// out of what was recorded over five minutes.
    fn recorded_ratio(&self, window_ms: i64) -> String {
        let (errors, total) = (self.series(ERRORS_RATE, None), self.series(TOTAL_RATE, None));
        match window_ms {
            SHORTEST_MS => format!("sum({errors}) / (sum({total}) > 0)"),
            ms if ms <= DIRECT_MS => self.indicator.error_ratio(&format_duration(ms)),
            ms => {
                let window = format_span(ms);
                format!(
                    "sum(sum_over_time({errors}[{window}])) / (sum(sum_over_time({total}[{window}])) > 0)"
                )
            }
        }
    }

    fn group_text(&self) -> GroupText {
        let shortest = format_duration(SHORTEST_MS);
        let mut rules = vec![
            self.record(TARGET, None, format!("vector({})", self.target.ratio_text())),
            self.record(TOTAL_RATE, None, self.indicator.at(&self.indicator.total, &shortest)),
            self.record(ERRORS_RATE, None, self.indicator.at(&self.indicator.errors, &shortest)),
        ];
        let windows = self.windows();
        rules.extend(windows.iter().map(|ms| self.record(ERROR_RATIO, Some(*ms), self.recorded_ratio(*ms))));
        let budget = self.target.budget_text();
        let burning = windows.iter().filter(|ms| **ms != self.window_ms);
        rules.extend(burning.map(|ms| {
            self.record(BURN_RATE, Some(*ms), format!("{} / {budget}", self.series(ERROR_RATIO, Some(*ms))))
        }));
        let ratio = self.series(ERROR_RATIO, Some(self.window_ms));
        rules.push(self.record(BUDGET_REMAINING, None, format!("1 - {ratio} / {budget}")));
        if let Some(alerting) = &self.alerting {
            rules.extend(self.pairs.iter().map(|pair| self.alert(alerting, pair)));
        }
        GroupText { name: self.name.clone(), interval: self.interval_ms.map(format_duration), rules }
    }

    /// The labels that tell its series and alerts from those of others.
    fn own_labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.labels.clone();
        labels.insert("objective".to_owned(), self.name.clone());
        labels.extend(self.service.iter().map(|s| ("service".to_owned(), s.clone())));
        labels
    }

    fn record(&self, metric: &str, window_ms: Option<i64>, expr: String) -> RuleText {
        let mut labels = self.own_labels();
        labels.extend(window_ms.map(|ms| ("window".to_owned(), format_span(ms))));
        RuleText { record: Some(metric.to_owned()), expr, labels, ..RuleText::default() }
    }

    fn alert(&self, alerting: &Alerting, pair: &Pair) -> RuleText {
        let Pair { long_ms, short_ms, factor, .. } = *pair;
        let burns =
            |ms: i64| format!("max without (window) ({}) > {factor}", self.series(BURN_RATE, Some(ms)));
        let (long, short) = (format_span(long_ms), format_span(short_ms));
        let mut labels = alerting.labels.clone();
        for (name, value) in [("severity", alerting.label(pair.severity)), ("long", &long), ("short", &short)]
        {
            labels.insert(name.to_owned(), value.to_owned());
        }
        let share = factor * long_ms as f64 / self.window_ms as f64 * 100.0;
        let mut annotations = BTreeMap::from([
            (
                "summary".to_owned(),
                "{{ $labels.objective }} burns its budget {{ $value | humanize }} times as fast as it lasts"
                    .to_owned(),
            ),
            (
                "description".to_owned(),
                format!(
                    "Over {long}, and over the last {short} too, more than {factor} times as many requests failed as a target \
                     of {} over {} allows: {} of the budget in {long}.",
                    self.target,
                    format_span(self.window_ms),
                    percent(share),
                ),
            ),
        ]);
        annotations.extend(alerting.annotations.clone());
        RuleText {
            alert: Some(alerting.name.clone()),
            expr: format!("{} and {}", burns(long_ms), burns(short_ms)),
            labels,
            annotations,
            ..RuleText::default()
        }
    }

    /// The labels by which the alert of a pair is known among the rules of the group.
    pub fn alert_labels(&self, pair: &Pair) -> [(&'static str, String); 3] {
        let severity = |a: &Alerting, of: Severity| a.label(of).to_owned();
        [
            ("severity", self.alerting.as_ref().map_or_else(String::new, |a| severity(a, pair.severity))),
            ("long", format_span(pair.long_ms)),
            ("short", format_span(pair.short_ms)),
        ]
    }
}

/// A share with at most one decimal place.
fn percent(share: f64) -> String {
    format!("{}%", (share * 10.0).round() / 10.0)
}
