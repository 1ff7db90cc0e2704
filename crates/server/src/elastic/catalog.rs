//! What there is: indices, mappings, fields.

use super::fields::{self, FieldType, Fields, IndexInfo, properties};
use super::reply::{Asked, Refusal, answer};
use super::search::Index;
use crate::api::Shared;
use crate::ask;
use crate::console;
use crate::logs::elastic::{error, respond};
use crate::logs::hello::wants_json;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use model::Labels;
use model::record::Tenant;
use promql::Control;
use records::{Scan, Store, StreamTest, Unlimited};
use search::{INDEX, INDEX_OTHERS, Indices, SearchError};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Refuses a request about an index that is not there, if it was named without wildcards.
pub fn missing(store: &Store, tenant: &Tenant, indices: &str) -> Result<(), Refusal> {
    let asked = Indices::parse(indices);
    // Nothing may have come in yet for what has no index of its own.
    let own = |name: &&str| !matches!(*name, INDEX_OTHERS | "logs");
    for name in asked.named().filter(own) {
        let test = |labels: &Labels| labels.get(INDEX) == Some(name);
        let scan = Scan { streams: Some(StreamTest(&test)), limit: Some(1), ..Scan::all(tenant) };
        let mut found = false;
        let scanned = store.scan(&scan, &Unlimited, &mut |_| {
            found = true;
            ControlFlow::Break(())
        });
        if scanned.is_ok() && !found {
            return Err(absent(name));
        }
    }
    Ok(())
}

fn absent(name: &str) -> Refusal {
    Refusal::Absent { kind: "index_not_found_exception", reason: format!("no such index [{name}]") }
}

/// Answers a question about indices: reads the request, finds them, and makes the answer of them.
async fn about<T: Send + 'static>(
    app: &Arc<App>,
    asked: &Asked,
    name: &str,
    make: impl Fn(&App, &Store, &Tenant, &BTreeMap<String, IndexInfo>, &Control) -> Result<T, Refusal>
    + Send
    + Sync
    + 'static,
) -> Result<T, Refusal> {
    let tenant = crate::intake::tenant(&asked.headers)?;
    let name = name.to_owned();
    let lenient = asked.flag("ignore_unavailable");
    ask::ask(app, app.query_timeout(), None, move |app, reins| {
        let store = &app.ready()?.logs;
        if !lenient {
            missing(store, &tenant, &name)?;
        }
        let found = fields::indices(store, &tenant, &Indices::parse(&name));
        make(app, store, &tenant, &found, &reins.control)
    })
    .await
}

fn failed(e: promql::EvalError) -> Refusal {
    Refusal::from(SearchError::from(e))
}

fn named(index: Index) -> String {
    index.map_or_else(String::new, |Path(name)| name)
}

async fn read(app: &App, request: Request<Body>) -> Result<Asked, Response> {
    Asked::read(app, request).await
}

/// `/_mapping`, `/{index}/_mapping`
pub async fn mapping(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    if request.method() == Method::PUT || request.method() == Method::POST {
        return respond(request.headers(), StatusCode::OK, json!({ "acknowledged": true }).to_string());
    }
    let asked = match read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = about(&app, &asked, &named(index), |app, store, tenant, found, control| {
        let all = fields::fields(app, store, tenant, found, control).map_err(failed)?;
        let one = |(name, fields): (String, Fields)| {
            (name, json!({ "mappings": { "properties": properties(&fields) } }))
        };
        Ok(Json::Object(all.into_iter().map(one).collect()))
    })
    .await;
    answer(&asked.headers, done)
}

/// `/{index}`: an index, for clients of Elasticsearch; for all others a page of the console.
pub async fn index(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Response {
    match *request.method() {
        Method::PUT => {
            // An index is there once it holds something; settings and mappings have no effect.
            let body = json!({ "acknowledged": true, "shards_acknowledged": true, "index": name });
            return respond(request.headers(), StatusCode::OK, body.to_string());
        }
        Method::DELETE => {
            let status = StatusCode::BAD_REQUEST;
            let reason =
                "deleting an index is not supported: records go with their retention (logs.retention)";
            return respond(request.headers(), status, error("illegal_argument_exception", reason, status));
        }
        _ if !wants_json(request.headers()) => return console::serve(request).await,
        _ => {}
    }
    let head = request.method() == Method::HEAD;
    let asked = match read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = about(&app, &asked, &name, move |app, store, tenant, found, control| {
        if head && found.is_empty() {
            return Err(absent("nothing"));
        }
        if head {
            return Ok(Json::Null);
        }
        let all = fields::fields(app, store, tenant, found, control).map_err(failed)?;
        let one = |(name, fields): (String, Fields)| {
            let about = json!({
                "aliases": {}, "mappings": { "properties": properties(&fields) }, "settings": index_settings(&name),
            });
            (name, about)
        };
        Ok(Json::Object(all.into_iter().map(one).collect()))
    })
    .await;
    answer(&asked.headers, done)
}

fn index_settings(name: &str) -> Json {
    json!({ "index": {
        "provided_name": name, "number_of_shards": "1", "number_of_replicas": "0", "version": { "created": "8170099" },
    } })
}

/// `/{index}/_settings`
pub async fn settings(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    by_index(app, index, request, |name| json!({ "settings": index_settings(name) })).await
}

/// `/_alias`, `/{index}/_alias`: there are none.
pub async fn aliases(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    by_index(app, index, request, |_| json!({ "aliases": {} })).await
}

async fn by_index(app: Arc<App>, index: Index, request: Request<Body>, of: fn(&str) -> Json) -> Response {
    let asked = match read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = about(&app, &asked, &named(index), move |_, _, _, found, _| {
        Ok(Json::Object(found.keys().map(|name| (name.clone(), of(name))).collect()))
    })
    .await;
    answer(&asked.headers, done)
}

/// `/_refresh`: what is acknowledged is visible, so there is nothing to do.
pub async fn refresh(headers: HeaderMap) -> Response {
    let body = json!({ "_shards": { "total": 1, "successful": 1, "failed": 0 } });
    respond(&headers, StatusCode::OK, body.to_string())
}

/// `/_resolve/index/{name}`
pub async fn resolve(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Response {
    let asked = match read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = about(&app, &asked, &name, |_, _, _, found, _| {
        let one = |name: &String| json!({ "name": name, "attributes": ["open"] });
        let indices: Vec<Json> = found.keys().map(one).collect();
        Ok(json!({ "indices": indices, "aliases": [], "data_streams": [] }))
    })
    .await;
    answer(&asked.headers, done)
}

/// `/_field_caps`, `/{index}/_field_caps`
pub async fn field_caps(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    let asked = match read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = caps(&app, &asked, &named(index)).await;
    answer(&asked.headers, done)
}

async fn caps(app: &Arc<App>, asked: &Asked, name: &str) -> Result<Json, Refusal> {
    let body = asked.json()?;
    let listed = |value: &Json| match value {
        Json::Array(all) => all.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        Json::String(all) => all.split(',').map(|n| n.trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    let patterns: Vec<String> = match (body.get("fields"), asked.params.get("fields")) {
        (Some(value), _) => listed(value),
        (None, Some(text)) => listed(&Json::from(text)),
        (None, None) => {
            let reason = "Validation Failed: 1: no fields specified;".to_owned();
            return Err(Refusal::Search(SearchError::Refused {
                kind: "action_request_validation_exception",
                reason,
            }));
        }
    };
    about(app, asked, name, move |app, store, tenant, found, control| {
        let all = fields::fields(app, store, tenant, found, control).map_err(failed)?;
        let mut out: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
        for (name, kind) in all.values().flatten() {
            put(&mut out, name, kind.name(), *kind != FieldType::Body);
            if *kind == FieldType::Text {
                put(&mut out, &format!("{name}.keyword"), "keyword", true);
            }
        }
        for name in ["_index", "_id", "_source"] {
            let capability = json!({
                "type": name, "metadata_field": true, "searchable": name != "_source", "aggregatable": name == "_index",
            });
            out.insert(name.to_owned(), Map::from_iter([(name.to_owned(), capability)]));
        }
        let wanted = Indices::parse(&patterns.join(","));
        let kept: Map<String, Json> =
            out.into_iter().filter(|(name, _)| wanted.has(name)).map(|(n, c)| (n, Json::Object(c))).collect();
        Ok(json!({ "indices": found.keys().collect::<Vec<_>>(), "fields": kept }))
    })
    .await
}

fn put(out: &mut BTreeMap<String, Map<String, Json>>, name: &str, kind: &str, aggregatable: bool) {
    let capability =
        json!({ "type": kind, "metadata_field": false, "searchable": true, "aggregatable": aggregatable });
    out.entry(name.to_owned()).or_default().insert(kind.to_owned(), capability);
}

/// Columns of `_cat/indices` in their order.
const COLUMNS: [&str; 10] = [
    "health",
    "status",
    "index",
    "uuid",
    "pri",
    "rep",
    "docs.count",
    "docs.deleted",
    "store.size",
    "pri.store.size",
];

/// `/_cat/indices`, `/_cat/indices/{index}`: text, or JSON with `format=json`.
pub async fn cat_indices(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    let asked = match read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let plain = asked.params.get("bytes").is_some();
    let rows = about(&app, &asked, &named(index), move |_, _, _, found, _| {
        let row = |(name, info): (&String, &IndexInfo)| {
            let size = if plain { info.bytes.to_string() } else { size(info.bytes) };
            let cells = ["green", "open", name, name, "1", "0", &info.records.to_string(), "0", &size, &size];
            cells.map(str::to_owned)
        };
        Ok(found.iter().map(row).collect::<Vec<_>>())
    })
    .await;
    match rows {
        Ok(rows) => cat(&asked, rows),
        Err(e) => e.respond(&asked.headers),
    }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["b", "kb", "mb", "gb", "tb"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes}b") } else { format!("{value:.1}{}", UNITS[unit]) }
}

fn cat(asked: &Asked, mut rows: Vec<[String; COLUMNS.len()]>) -> Response {
    let wanted: Vec<usize> = match asked.params.get("h") {
        Some(names) => names
            .split(',')
            .filter_map(|name| match name.trim() {
                "i" | "idx" => Some(2),
                "dc" | "docsCount" => Some(6),
                "ss" | "storeSize" => Some(8),
                name => COLUMNS.iter().position(|c| *c == name),
            })
            .collect(),
        None => (0..COLUMNS.len()).collect(),
    };
    if let Some(sort) = asked.params.get("s") {
        let (name, down) = sort.split_once(':').map_or((sort, false), |(n, d)| (n, d == "desc"));
        if let Some(place) = COLUMNS.iter().position(|c| *c == name) {
            let number = |row: &[String; COLUMNS.len()]| row[place].parse::<u64>().unwrap_or(0);
            rows.sort_by(|a, b| number(a).cmp(&number(b)).then_with(|| a[place].cmp(&b[place])));
            if down {
                rows.reverse();
            }
        }
    }
    let accept = crate::receive::header_text(&asked.headers, &header::ACCEPT).unwrap_or("");
    let is_json = asked.params.get("format") == Some("json")
        || (asked.params.get("format").is_none() && accept.contains("json"));
    if is_json {
        let one = |row: &[String; COLUMNS.len()]| {
            let pairs = wanted.iter().map(|c| (COLUMNS[*c].to_owned(), Json::from(row[*c].as_str())));
            Json::Object(pairs.collect())
        };
        let body = Json::Array(rows.iter().map(one).collect());
        return respond(&asked.headers, StatusCode::OK, body.to_string());
    }
    let mut response = respond(&asked.headers, StatusCode::OK, table(&rows, &wanted, asked.flag("v")));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    response
}

/// Rows of text whose columns stand under each other.
fn table(rows: &[[String; COLUMNS.len()]], wanted: &[usize], titled: bool) -> String {
    let title: Vec<&str> = wanted.iter().map(|c| COLUMNS[*c]).collect();
    let cells = rows.iter().map(|row| wanted.iter().map(|c| row[*c].as_str()).collect());
    let lines: Vec<Vec<&str>> = titled.then_some(title).into_iter().chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..wanted.len()).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, w)| format!("{cell:w$}")).collect();
        out.push_str(padded.join(" ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_tables() {
        assert_eq!([size(5), size(2048), size(3 << 30)], ["5b", "2.0kb", "3.0gb"]);
        let row = std::array::from_fn(|i| format!("c{i}"));
        assert_eq!(table(&[row], &[2, 6], true), "index docs.count\nc2    c6\n");
    }
}
