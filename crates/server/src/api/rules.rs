//! Rules and their alerts, as Prometheus shows them.

use super::select::selectors;
use super::{Answer, Shared};
use crate::http::body::BodyLimits;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::number::format_float;
use crate::http::params::Params;
use crate::http::respond::json;
use crate::http::time::format_rfc3339;
use crate::rule_groups::{AlertView, GroupView, RuleGroups, RuleView};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use model::Matcher;
use rules::{Expression, Phase, RuleKind};
use std::sync::Arc;
use std::time::Duration;

/// Which rules are asked for.
struct Wanted {
    kind: Option<RuleKind>,
    rules: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    without_alerts: bool,
    matchers: Vec<Vec<Matcher>>,
    group_limit: Option<usize>,
    group_next_token: Option<String>,
}

impl Wanted {
    async fn of(request: Request<Body>, limits: &BodyLimits) -> Result<Wanted, ApiError> {
        let params = Params::of_request(request, limits).await?;
        let kind = match params.get("type").map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("alert") => Some(RuleKind::Alert),
            Some("record") => Some(RuleKind::Record),
            Some(other) => return Err(ApiError::parameter("type", format!("not supported value {other:?}"))),
        };
        let texts = |name: &str| params.all(name).map(str::to_owned).collect();
        let flag = |name: &str| match params.get(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(ApiError::parameter(name, format!("{other:?} is neither true nor false"))),
        };
        let group_limit = match params.get("group_limit") {
            None => None,
            Some(text) => match text.parse::<usize>() {
                Ok(n) if n > 0 => Some(n),
                _ => {
                    return Err(ApiError::parameter("group_limit", "group_limit needs to be a valid number"));
                }
            },
        };
        let group_next_token = params.get("group_next_token").map(str::to_owned);
        if group_next_token.is_some() && group_limit.is_none() {
            let reason = "group_limit needs to be present in order to paginate over the groups";
            return Err(ApiError::parameter("group_limit", reason));
        }
        Ok(Wanted {
            kind,
            rules: texts("rule_name[]"),
            groups: texts("rule_group[]"),
            files: texts("file[]"),
            without_alerts: flag("exclude_alerts")?,
            matchers: selectors(&params)?,
            group_limit,
            group_next_token,
        })
    }

    fn takes_group(&self, g: &GroupView) -> bool {
        let among = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        among(&self.groups, &g.name) && among(&self.files, &g.file)
    }

    fn takes(&self, r: &RuleView) -> bool {
        let labelled = |set: &Vec<Matcher>| {
            set.iter().all(|m| m.matches(r.rule.labels.get(m.name()).map_or("", String::as_str)))
        };
        self.kind.is_none_or(|k| k == r.rule.kind)
            && (self.rules.is_empty() || self.rules.contains(&r.rule.name))
            && (self.matchers.is_empty() || self.matchers.iter().any(labelled))
    }
}

/// Names a group to clients that ask for some groups at a time.
fn token(g: &GroupView) -> String {
    let bytes = g.file.bytes().chain([0]).chain(g.name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// `/api/v1/rules`
pub async fn rules(State(app): Shared, request: Request<Body>) -> Answer {
    let wanted = Wanted::of(request, &app.form_limits()).await?;
    let running = app.ready()?;
    let unmatched_after = running.rules.unmatched_after();
    let views = running.rules.views();
    let mut groups: Vec<(Arc<GroupView>, Vec<usize>)> = Vec::new();
    let mut after = wanted.group_next_token.is_none();
    let mut next = None;
    for g in views.into_iter().filter(|g| wanted.takes_group(g)) {
        if !after {
            after = wanted.group_next_token.as_deref() == Some(token(&g).as_str());
            if !after {
                continue;
            }
        }
        let taken: Vec<usize> = (0..g.rules.len()).filter(|i| wanted.takes(&g.rules[*i])).collect();
        // Groups without any rule that is asked for are left out, as Prometheus does.
        if taken.is_empty() && !g.rules.is_empty() {
            continue;
        }
        if wanted.group_limit.is_some_and(|n| groups.len() >= n) {
            next = Some(token(&g));
            break;
        }
        groups.push((g, taken));
    }
    if !after {
        let reason = "invalid group_next_token: were rule groups changed?";
        return Err(ApiError::parameter("group_next_token", reason));
    }
    Ok(json(|j| {
        let shown = Shown { rules: &running.rules, without_alerts: wanted.without_alerts, unmatched_after };
        j.raw("{").key("groups").list(&groups, |j, (g, taken)| group(j, g, taken, shown));
        if let Some(token) = &next {
            j.key("groupNextToken").string(token);
        }
        j.raw("}");
    }))
}

fn seconds(j: &mut Json, ms: i64) {
    j.raw(&format_float(ms as f64 / 1000.0));
}

const NEVER: &str = "0001-01-01T00:00:00Z";

fn when(ms: Option<i64>) -> String {
    ms.map_or_else(|| NEVER.to_owned(), format_rfc3339)
}

/// How rules are shown.
#[derive(Clone, Copy)]
struct Shown<'a> {
    rules: &'a RuleGroups,
    without_alerts: bool,
    unmatched_after: Duration,
}

fn group(j: &mut Json, g: &GroupView, taken: &[usize], shown: Shown<'_>) {
    j.raw("{").key("name").string(&g.name).key("file").string(&g.file);
    j.key("rules").list(taken, |j, i| rule(j, &g.rules[*i], shown));
    j.key("interval");
    seconds(j, g.interval_ms);
    j.key("limit").int(i64::try_from(g.limit).unwrap_or(i64::MAX));
    j.key("evaluationTime").raw(&format_float(g.took.as_secs_f64()));
    j.key("lastEvaluation").string(&when(g.last_ms));
    // Not among the keys of Prometheus.
    j.key("missedEvaluations").int(i64::try_from(g.missed).unwrap_or(i64::MAX));
    j.key("slowEvaluations").int(i64::try_from(g.slow).unwrap_or(i64::MAX));
    j.key("slow").value(&g.is_slow());
    j.key("language").string(g.language.as_str());
    if let Some(tenant) = &g.tenant {
        j.key("tenant").string(tenant);
    }
    j.raw("}");
}

fn texts<'a>(j: &mut Json, pairs: impl IntoIterator<Item = (&'a String, &'a String)>) {
    j.raw("{");
    for (name, value) in pairs {
        j.key(name).string(value);
    }
    j.raw("}");
}

fn rule(j: &mut Json, r: &RuleView, shown: Shown<'_>) {
    let (rule, alerting) = (&r.rule, r.rule.kind == RuleKind::Alert);
    j.raw("{");
    if alerting {
        j.key("state").string(r.state());
    }
    j.key("name").string(&rule.name).key("query").string(&rule.expr.to_string());
    if alerting {
        j.key("duration");
        seconds(j, rule.for_ms);
        j.key("keepFiringFor");
        seconds(j, rule.keep_firing_for_ms);
    }
    if alerting || !rule.labels.is_empty() {
        j.key("labels");
        texts(j, &rule.labels);
    }
    if alerting {
        j.key("annotations");
        texts(j, &rule.annotations);
        let alerts = r.alerts.iter().filter(|_| !shown.without_alerts);
        j.key("alerts").list(alerts, |j, a| alert(j, a, shown.rules));
    }
    let health = match (&r.error, r.last_ms) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    j.key("health").string(health);
    if let Some(error) = &r.error {
        j.key("lastError").string(error);
    }
    j.key("evaluationTime").raw(&format_float(r.took.as_secs_f64()));
    j.key("lastEvaluation").string(&when(r.last_ms));
    j.key("type").string(if alerting { "alerting" } else { "recording" });
    // From here on they are not among the keys of Prometheus.
    j.key("language").string(rule.expr.language().as_str());
    if let Expression::TraceQl { range_ms, .. } = &rule.expr {
        j.key("range");
        seconds(j, *range_ms);
    }
    if let Some(since_ms) = r.unmatched_since(shown.unmatched_after) {
        j.key("unmatchedSince").string(&format_rfc3339(since_ms));
    }
    j.raw("}");
}

fn alert(j: &mut Json, a: &AlertView, rules: &RuleGroups) {
    j.raw("{").key("labels").labels(&a.labels).key("annotations");
    texts(j, a.annotations.iter().map(|(n, v)| (n, v)));
    j.key("state").string(a.phase.as_str()).key("activeAt").string(&format_rfc3339(a.active_at_ms));
    if let Phase::Recovering { ended_ms, .. } = a.phase {
        j.key("keepFiringSince").string(&format_rfc3339(ended_ms));
    }
    // Exponents as Go writes them in this place.
    j.key("value").string(&exponent(a.value));
    // Not among the keys of Prometheus: how Alertmanager's API names it; null if relabelling drops it.
    j.key("fingerprint").value(&rules.fingerprint(a).map(|f| f.to_string())).raw("}");
}

/// A number with an exponent as Go writes it.
pub(super) fn exponent(v: f64) -> String {
    if !v.is_finite() {
        return format_float(v);
    }
    let text = format!("{v:e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// `/api/v1/alerts`
pub async fn alerts(State(app): Shared) -> Answer {
    let rules = &app.ready()?.rules;
    let views = rules.views();
    Ok(json(|j| {
        let all = views.iter().flat_map(|g| &g.rules).flat_map(|r| &r.alerts);
        j.raw("{").key("alerts").list(all, |j, a| alert(j, a, rules)).raw("}");
    }))
}

/// `/api/v1/alertmanagers`: none, as this server tells people itself.
pub async fn alertmanagers() -> Answer {
    Ok(json(|j| {
        j.raw(r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#);
    }))
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn values_have_exponents() {
        for (v, text) in
            [(0.0, "0e+00"), (1.0, "1e+00"), (150.0, "1.5e+02"), (0.001, "1e-03"), (f64::NAN, "NaN")]
        {
            assert_eq!(exponent(v), text);
        }
    }
}
