//! The ruler's API: rules over logs as they were read from files. Files are changed where they lie.

use super::params::tenant;
use crate::api::{Answer, Shared};
use crate::http::error::{ApiError, ErrorKind};
use crate::rule_groups::{GroupView, records};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use promql::format_duration;
use rules::{Language, RuleKind};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Serialize)]
struct ShownGroup {
    name: String,
    interval: String,
    #[serde(skip_serializing_if = "is_zero")]
    limit: u64,
    rules: Vec<ShownRule>,
}

#[derive(Serialize)]
struct ShownRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<String>,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    for_: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn shown(view: &GroupView) -> ShownGroup {
    let span = |ms: i64| (ms > 0).then(|| format_duration(ms));
    let rule = |r: &crate::rule_groups::RuleView| {
        let name = r.rule.name.clone();
        let (record, alert) = match r.rule.kind {
            RuleKind::Record => (Some(name), None),
            RuleKind::Alert => (None, Some(name)),
        };
        ShownRule {
            record,
            alert,
            expr: r.rule.expr_text.clone(),
            for_: span(r.rule.for_ms),
            keep_firing_for: span(r.rule.keep_firing_for_ms),
            labels: r.rule.labels.clone(),
            annotations: r.rule.annotations.clone(),
        }
    };
    ShownGroup {
        name: view.name.clone(),
        interval: format_duration(view.interval_ms),
        limit: view.limit,
        rules: view.rules.iter().map(rule).collect(),
    }
}

/// A namespace is a file.
fn namespace(view: &GroupView) -> String {
    let name = std::path::Path::new(&view.file).file_name();
    name.map_or_else(|| view.file.clone(), |n| n.to_string_lossy().into_owned())
}

/// The groups in LogQL that read what the asker may read.
fn groups(views: Vec<Arc<GroupView>>, headers: &HeaderMap) -> Result<Vec<Arc<GroupView>>, ApiError> {
    let asker = tenant(headers)?;
    let theirs =
        |g: &Arc<GroupView>| g.language == Language::LogQl && records::tenant(g.tenant.as_deref()) == asker;
    Ok(views.into_iter().filter(theirs).collect())
}

fn yaml(value: &impl Serialize) -> Answer {
    let text = serde_saphyr::to_string(value)
        .map_err(|e| ApiError::internal(format!("rules cannot be written as YAML: {e}")))?;
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    Ok(response)
}

fn by_namespace(groups: &[Arc<GroupView>]) -> Answer {
    if groups.is_empty() {
        return Err(ApiError::new(
            ErrorKind::NotFound,
            "no rule groups found: rules.logql_files names files with rules over logs",
        ));
    }
    let mut out: BTreeMap<String, Vec<ShownGroup>> = BTreeMap::new();
    for group in groups {
        out.entry(namespace(group)).or_default().push(shown(group));
    }
    yaml(&out)
}

/// `GET /loki/api/v1/rules`
pub async fn rules(State(app): Shared, headers: HeaderMap) -> Answer {
    by_namespace(&groups(app.ready()?.rules.views(), &headers)?)
}

/// `GET /loki/api/v1/rules/{namespace}`
pub async fn rules_of(State(app): Shared, Path(name): Path<String>, headers: HeaderMap) -> Answer {
    let mut groups = groups(app.ready()?.rules.views(), &headers)?;
    groups.retain(|g| namespace(g) == name);
    by_namespace(&groups)
}

/// `GET /loki/api/v1/rules/{namespace}/{group}`
pub async fn rule_group(
    State(app): Shared,
    Path((file, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let groups = groups(app.ready()?.rules.views(), &headers)?;
    match groups.iter().find(|g| namespace(g) == file && g.name == name) {
        Some(group) => yaml(&shown(group)),
        None => Err(ApiError::new(
            ErrorKind::NotFound,
            format!(
                "group does not exist: there is no group {name:?} in {file:?}; /loki/api/v1/rules lists all"
            ),
        )),
    }
}

/// `POST` and `DELETE` below `/loki/api/v1/rules`: refused.
pub async fn read_only(method: Method, uri: Uri) -> Answer {
    let message = format!(
        "{method} {}: rules are kept in files and cannot be changed here: edit the files that rules.logql_files names, then \
         POST /-/reload",
        uri.path()
    );
    Err(ApiError::bad_data(message).with_status(StatusCode::METHOD_NOT_ALLOWED))
}
