//! Objectives, and how they stand.

use super::query::failed;
use super::rule_asked::engine;
use super::{Answer, Shared};
use crate::ask::{self, CancelOnDrop};
use crate::http::body::read_body;
use crate::http::error::{ApiError, ErrorKind};
use crate::http::origin::refuse_foreign_page;
use crate::http::respond::json;
use crate::http::time::format_rfc3339;
use crate::rule_groups::{GroupView, RuleView};
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use objectives::{
    BUDGET_REMAINING, ERROR_RATIO, GROUP_FILE, Objective, ObjectiveConfig, ObjectiveFile, Pair, SHOWN_MS,
    Standing, WINDOW, file_text, format_span,
};
use promql::{Control, Point, Value};
use rules::RuleKind;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// Shares of requests that failed, by window in milliseconds.
type Ratios = BTreeMap<i64, f64>;

/// `GET /api/v1/objectives`
pub async fn list(State(app): Shared) -> Answer {
    let rules = &app.ready()?.rules;
    let all = rules.objectives();
    let now_ms = app.now_ms();
    let recorded = match all.is_empty() {
        true => BTreeMap::new(),
        false => recorded(&app, ERROR_RATIO.to_owned(), now_ms).await?,
    };
    let views = rules.views();
    let empty = Ratios::new();
    let shown: Vec<Json> = all
        .iter()
        .map(|o| {
            let standing = o.standing(recorded.get(&o.name).unwrap_or(&empty), now_ms);
            shown(o, &standing, &|pair| state_of(&views, o, pair))
        })
        .collect();
    Ok(json(|j| {
        j.raw("{").key("objectives").value(&shown).raw("}");
    }))
}

/// `GET /api/v1/objectives/{name}`
pub async fn one(State(app): Shared, Path(name): Path<String>) -> Answer {
    let rules = &app.ready()?.rules;
    let all = rules.objectives();
    let Some(objective) = all.iter().find(|o| o.name == name) else {
        let name: String = name.chars().take(120).collect();
        return Err(ApiError::new(
            ErrorKind::NotFound,
            format!("there is no objective {name:?}: they are listed at /api/v1/objectives"),
        ));
    };
    let now_ms = app.now_ms();
    let mut recorded = recorded(&app, objective.series(ERROR_RATIO, None), now_ms).await?;
    let standing = objective.standing(&recorded.remove(&name).unwrap_or_default(), now_ms);
    let views = rules.views();
    let mut answer = shown(objective, &standing, &|pair| state_of(&views, objective, pair));
    add_details(&mut answer, objective, objective.series(BUDGET_REMAINING, None));
    Ok(json(|j| {
        j.value(&answer);
    }))
}

/// `POST /api/v1/objectives/try`: how an objective would stand, by what is stored now. Nothing is stored, and nobody is
/// told.
pub async fn try_out(State(app): Shared, request: Request<Body>) -> Answer {
    let (parts, body) = request.into_parts();
    refuse_foreign_page(&parts.headers)?;
    let body = read_body(&parts.headers, body, &app.form_limits()).await?;
    let text = std::str::from_utf8(&body).map_err(|_| ApiError::bad_data("the body is not UTF-8"))?;
    let objective = Objective::new(&config_of(text)?).map_err(|e| ApiError::bad_data(e.to_string()))?;
    let timeout = app.query_timeout();
    let control = Control::new()
        .with_timeout(Instant::now(), timeout)
        .with_pool(Arc::clone(&app.query_memory))
        .with_brake(Arc::clone(&app.brake));
    let cancel = CancelOnDrop(control.clone());
    let app2 = Arc::clone(&app);
    let work = move || {
        let now_ms = app2.now_ms();
        let standing = objective.standing(&counted(&app2, &objective, now_ms, &control)?, now_ms);
        let burning = |pair: &Pair| match pair.burns(&standing.burn_rates) {
            true => "firing",
            false => "inactive",
        };
        let mut answer = shown(&objective, &standing, &burning);
        let ratio = objective.indicator.error_ratio(&promql::format_duration(objective.window_ms));
        add_details(&mut answer, &objective, format!("1 - {ratio} / {}", objective.target.budget_text()));
        Ok(json(|j| {
            j.value(&answer);
        }))
    };
    let done = app.queries.run_heavy(timeout, work).await;
    drop(cancel);
    done
}

/// One objective: by itself, in a list, or in a file.
fn config_of(text: &str) -> Result<ObjectiveConfig, ApiError> {
    let in_file = text.lines().any(|l| l.starts_with("objectives:"));
    let parsed = if in_file {
        serde_saphyr::from_str::<ObjectiveFile>(text).map(|f| f.objectives)
    } else if text.trim_start().starts_with(['-', '[']) {
        serde_saphyr::from_str::<Vec<ObjectiveConfig>>(text)
    } else {
        serde_saphyr::from_str::<ObjectiveConfig>(text).map(|one| vec![one])
    };
    let mut all = parsed.map_err(|e| ApiError::bad_data(scrape::config::explain(&e).to_string()))?;
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(ApiError::bad_data("there is no objective: give one")),
        (Some(_), false) => {
            Err(ApiError::bad_data(format!("there are {} objectives: give one", all.len() + 1)))
        }
    }
}

/// What rules recorded lately, by the name of the objective.
async fn recorded(app: &Arc<App>, query: String, now_ms: i64) -> Result<BTreeMap<String, Ratios>, ApiError> {
    let windows: BTreeMap<String, i64> = app
        .ready()?
        .rules
        .objectives()
        .iter()
        .flat_map(Objective::windows)
        .collect::<BTreeSet<i64>>()
        .into_iter()
        .map(|ms| (format_span(ms), ms))
        .collect();
    ask::light(app, move |app, control| {
        let mut out: BTreeMap<String, Ratios> = BTreeMap::new();
        for (labels, value) in vector(app, &query, now_ms, control)? {
            let window = labels.get("window").and_then(|w| windows.get(w));
            if let (Some(name), Some(window)) = (labels.get("objective"), window) {
                out.entry(name.to_owned()).or_default().insert(*window, value);
            }
        }
        Ok(out)
    })
    .await
}

/// The shares of requests that failed, out of the counters themselves.
fn counted(app: &App, objective: &Objective, now_ms: i64, control: &Control) -> Result<Ratios, ApiError> {
    let shown = SHOWN_MS.into_iter().filter(|ms| *ms <= objective.window_ms);
    let windows: BTreeSet<i64> = objective.windows().into_iter().chain(shown).collect();
    let mut out = Ratios::new();
    for ms in windows {
        let query = objective.indicator.error_ratio(&promql::format_duration(ms));
        let found = vector(app, &query, now_ms, control)?;
        out.extend(found.first().map(|(_, value)| (ms, *value)));
    }
    Ok(out)
}

/// The numbers that a query gives now.
fn vector(
    app: &App,
    query: &str,
    now_ms: i64,
    control: &Control,
) -> Result<Vec<(model::Labels, f64)>, ApiError> {
    let expr = promql::parse(query).map_err(|e| ApiError::query("query", e))?;
    let source = StoreSource::new(app.db()?);
    let output = engine(app).instant(&source, &expr, now_ms, control).map_err(failed)?;
    let Value::Vector(samples) = output.value else {
        return Err(ApiError::internal("a query of an objective gives no vector"));
    };
    let float = |s: promql::VectorSample| match s.value {
        Point::Float(v) => Some((s.labels, v)),
        Point::Histogram(_) => None,
    };
    Ok(samples.into_iter().filter_map(float).collect())
}

/// The state of the alert of a pair among the rules at work.
fn state_of(views: &[Arc<GroupView>], objective: &Objective, pair: &Pair) -> &'static str {
    let labels = objective.alert_labels(pair);
    let is = |r: &&RuleView| {
        r.rule.kind == RuleKind::Alert
            && labels.iter().all(|(name, value)| r.rule.labels.get(*name) == Some(value))
    };
    let group = views.iter().find(|g| g.file == GROUP_FILE && g.name == objective.name);
    match group.and_then(|g| g.rules.iter().find(is)).map(RuleView::state) {
        Some("unknown") | None => "inactive",
        Some(state) => state,
    }
}

fn shown(objective: &Objective, standing: &Standing, state: &dyn Fn(&Pair) -> &'static str) -> Json {
    let burn_rates: Map<String, Json> =
        standing.burn_rates.iter().map(|(ms, rate)| (format_span(*ms), json!(rate))).collect();
    let alert = |pair: &Pair| {
        objective.alerting.as_ref().map(|alerting| {
            json!({
                "name": alerting.name,
                "severity": pair.severity.as_str(),
                "long": format_span(pair.long_ms),
                "short": format_span(pair.short_ms),
                "factor": pair.factor,
                "state": state(pair),
            })
        })
    };
    let indicator = &objective.indicator;
    json!({
        "name": objective.name,
        "service": objective.service,
        "description": objective.description,
        "target": objective.target.ratio(),
        "window": format_span(objective.window_ms),
        "sli": {"kind": indicator.kind.as_str(), "good": indicator.good, "total": indicator.total},
        "current": standing.current,
        "budgetRemaining": standing.budget_remaining,
        "burnRates": burn_rates,
        "state": standing.state.as_str(),
        "alerts": objective.pairs.iter().filter_map(alert).collect::<Vec<Json>>(),
        "exhaustedAt": standing.exhausted_at_ms.map(format_rfc3339),
        "group": objective.name,
    })
}

fn add_details(answer: &mut Json, objective: &Objective, budget: String) {
    answer["rules"] = file_text([objective]).into();
    answer["queries"] = json!({"errorRatio": objective.indicator.error_ratio(WINDOW), "budget": budget});
}
