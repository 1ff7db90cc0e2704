//! What is wrong with rules at work, for those who watch over them.

use super::view::GroupView;
use crate::telemetry::Family;
use model::MetricKind;
use std::sync::Arc;
use std::time::Duration;

/// Problems that are shown one by one; the gauges of how many there are count all.
const SHOWN_MAX: usize = 1_000;
/// How long a missed evaluation is told of.
const MISSED_TOLD_MS: i64 = 15 * 60_000;

/// What can be wrong with a group or a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The group left out evaluations in the last 15 minutes.
    Missed,
    /// The last evaluation of the group took longer than its interval.
    Slow,
    /// The last evaluation of the rule failed.
    Failing,
    /// The rule has found nothing to look at for long.
    Unmatched,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Missed => "missed",
            Kind::Slow => "slow",
            Kind::Failing => "failing",
            Kind::Unmatched => "unmatched",
        }
    }
}

/// One thing that is wrong; a group's own problems name no rule.
struct Problem<'v> {
    group: &'v GroupView,
    rule: &'v str,
    kind: Kind,
}

fn problems<'v>(
    views: &'v [Arc<GroupView>],
    now_ms: i64,
    unmatched_after: Duration,
) -> impl Iterator<Item = Problem<'v>> {
    views.iter().flat_map(move |group| {
        let of_group = [
            (group.missed_ms.is_some_and(|at| now_ms.saturating_sub(at) < MISSED_TOLD_MS), Kind::Missed),
            (group.is_slow(), Kind::Slow),
        ];
        let of_group =
            of_group.into_iter().filter(|(is, _)| *is).map(|(_, kind)| Problem { group, rule: "", kind });
        let of_rules = group.rules.iter().flat_map(move |rule| {
            let of_rule = [
                (rule.error.is_some(), Kind::Failing),
                (rule.unmatched_since(unmatched_after).is_some(), Kind::Unmatched),
            ];
            let name = rule.rule.name.as_str();
            of_rule.into_iter().filter(|(is, _)| *is).map(move |(_, kind)| Problem {
                group,
                rule: name,
                kind,
            })
        });
        of_group.chain(of_rules)
    })
}

/// What is wrong, one by one and counted.
pub(super) fn families(views: &[Arc<GroupView>], now_ms: i64, unmatched_after: Duration) -> [Family; 3] {
    let mut each = Family::labelled(
        "watchfire_rule_problem",
        "What is wrong with a group (missed, slow) or a rule (failing, unmatched): 1 as long as it is.",
        MetricKind::Gauge,
    );
    let (mut unmatched, mut slow) = (0usize, 0usize);
    for p in problems(views, now_ms, unmatched_after) {
        unmatched += usize::from(p.kind == Kind::Unmatched);
        slow += usize::from(p.kind == Kind::Slow);
        if each.samples.len() >= SHOWN_MAX {
            continue;
        }
        let mut labels =
            vec![("file", p.group.file.as_str()), ("group", &p.group.name), ("problem", p.kind.as_str())];
        if !p.rule.is_empty() {
            labels.push(("rule", p.rule));
        }
        // Rules of one name in a group are told of once.
        let is_told =
            each.samples.iter().rev().take_while(|s| s.labels[1].1 == p.group.name).any(|s| {
                s.labels.len() == labels.len() && s.labels.iter().zip(&labels).all(|(a, b)| a.1 == b.1)
            });
        if !is_told {
            each.push(&labels, 1.0);
        }
    }
    let count = |name, help, n: usize| Family::single(name, help, MetricKind::Gauge, n as f64);
    [
        each,
        count("watchfire_rules_unmatched", "Rules that have found nothing to look at for long.", unmatched),
        count(
            "watchfire_rule_groups_slow",
            "Groups whose last evaluation took longer than their interval.",
            slow,
        ),
    ]
}
