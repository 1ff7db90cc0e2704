//! Events as annotations of Grafana: `GET /api/annotations`.

use super::list::Sought;
use crate::api::Shared;
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use ingest::events::grafana::TAGS;
use model::record::Value;
use model::record::event::{Event, kind};

/// `GET /api/annotations?from=&to=&tags=&matchAny=&type=&limit=`: times are Unix milliseconds.
pub async fn list(State(app): Shared, request: Request<Body>) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let tenant = crate::intake::tenant(&headers)?;
    let params = Params::of_query(request.uri().query().unwrap_or(""));
    let ms = |name: &str| match params.get(name) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse::<i64>()
            .map(|ms| Some(ms.saturating_mul(1_000_000)))
            .map_err(|_| ApiError::parameter(name, format!("{text:?} is not a time in Unix milliseconds"))),
    };
    let mut sought = Sought {
        start_ns: ms("from")?.unwrap_or(0),
        end_ns: ms("to")?.unwrap_or(app.now_ns()).saturating_add(1_000_000),
        limit: params.limit()?.unwrap_or(100).min(5000),
        ..Sought::default()
    };
    match params.get("type") {
        Some("alert") => sought.kinds.push(kind::ALERT.to_owned()),
        None | Some("" | "annotation") => {}
        Some(other) => {
            return Err(ApiError::parameter("type", format!("{other:?} is neither alert nor annotation")));
        }
    }
    let tags: Vec<String> = params.all("tags").map(str::to_owned).collect();
    if !tags.is_empty() {
        // All of the tags, unless any will do.
        match params.get("matchAny") == Some("true") {
            true => sought.attributes.insert(TAGS.to_owned(), tags),
            false => sought.all_of.insert(TAGS.to_owned(), tags),
        };
    }
    ask::ask(&app, app.query_timeout(), None, move |app, reins| {
        let found = sought.find(app, &tenant, &reins.control, &annotation_json)?;
        let mut j = Json::new();
        j.list(&found.events, |j, (_, event)| {
            j.bytes(event);
        });
        Ok(respond(j.into_bytes(), "application/json", Encoding::accepted(&headers)))
    })
    .await
}

fn tags<'a>(event: &Event<'a>) -> Vec<&'a str> {
    match event.attribute(TAGS) {
        Some(Value::List(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn annotation_json(event: &Event<'_>, j: &mut Json) {
    let time_ms = event.time_ns / 1_000_000;
    j.raw("{").key("id").int(event.id.parse().unwrap_or(0));
    j.key("time").int(time_ms).key("timeEnd").int(event.end_ns().map_or(time_ms, |end| end / 1_000_000));
    let text = if event.text.is_empty() { event.title } else { event.text };
    j.key("text").string(text).key("tags");
    let mut all = tags(event);
    if all.is_empty() {
        all.push(event.kind);
    }
    j.strings(&all);
    let text_of = |name: &str| event.attribute(name).and_then(Value::as_str).unwrap_or("");
    let number_of = |name: &str| match event.attribute(name) {
        Some(Value::Int(n)) => n,
        _ => 0,
    };
    j.key("dashboardUID").string(text_of("grafana.dashboard.uid"));
    j.key("dashboardId").int(number_of("grafana.dashboard.id"));
    j.key("panelId").int(number_of("grafana.panel.id"));
    if event.kind == kind::ALERT {
        j.key("alertName").string(event.subject);
        j.key("newState").string(if event.result == "firing" { "alerting" } else { "ok" });
    }
    j.raw("}");
}
