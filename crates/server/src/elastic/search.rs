//! `_search`, `_msearch` and `_count`.

use super::catalog::missing;
use super::reply::{Asked, Refusal, answer, parse_json};
use super::source::Records;
use crate::api::Shared;
use crate::ask;
use crate::logs::elastic::{error, respond};
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, Request as Extracted, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use model::record::Tenant;
use search::{AnswerOptions, Engine, EngineOptions, SearchError, SearchRequest};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Instant;

/// The name in the path, all indices without one.
pub type Index = Option<Path<String>>;

fn name(index: Index) -> String {
    index.map_or_else(String::new, |Path(name)| name)
}

/// The memory that one search may hold.
pub fn memory_max(app: &App) -> u64 {
    EngineOptions::default().memory_max.min(app.budgets.query_bytes)
}

/// `/_search` and `/{index}/_search`
pub async fn search(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    let asked = match Asked::read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = one(&app, &asked, &name(index)).await;
    answer(&asked.headers, done)
}

async fn one(app: &Arc<App>, asked: &Asked, indices: &str) -> Result<Json, Refusal> {
    let body = with_params(asked.json()?, asked)?;
    let question = Question {
        tenant: crate::intake::tenant(&asked.headers)?,
        indices: indices.to_owned(),
        body,
        options: options(asked),
        lenient: asked.flag("ignore_unavailable"),
    };
    question.run(app).await
}

fn options(asked: &Asked) -> AnswerOptions {
    AnswerOptions {
        typed_keys: asked.flag("typed_keys"),
        plain_total: asked.flag("rest_total_hits_as_int"),
        filter_path: asked.params.get("filter_path").map(str::to_owned),
    }
}

/// A body with what the parameters of the address say beside it.
fn with_params(body: Json, asked: &Asked) -> Result<Json, Refusal> {
    let mut body = if body.is_null() { json!({}) } else { body };
    let Some(map) = body.as_object_mut() else { return Ok(body) };
    let refuse =
        |reason: String| Refusal::Search(SearchError::Refused { kind: "illegal_argument_exception", reason });
    if let Some(name) = ["scroll", "pit"].iter().find(|n| asked.params.get(n).is_some()) {
        return Err(refuse(format!("[{name}] is not supported: ask on with search_after")));
    }
    if let Some(text) = asked.params.get("q") {
        let mut query = json!({ "query": text });
        for (parameter, key) in [
            ("df", "default_field"),
            ("default_operator", "default_operator"),
            ("analyze_wildcard", "analyze_wildcard"),
            ("lenient", "lenient"),
        ] {
            if let Some(value) = asked.params.get(parameter) {
                query[key] = Json::from(value);
            }
        }
        map.insert("query".to_owned(), json!({ "query_string": query }));
    }
    for key in [
        "from",
        "size",
        "timeout",
        "track_total_hits",
        "_source",
        "_source_includes",
        "_source_excludes",
        "version",
        "seq_no_primary_term",
    ] {
        if let Some(value) = asked.params.get(key) {
            map.insert(key.to_owned(), Json::from(value));
        }
    }
    for (parameter, key) in [("_source_include", "_source_includes"), ("_source_exclude", "_source_excludes")]
    {
        if let Some(value) = asked.params.get(parameter) {
            map.insert(key.to_owned(), Json::from(value));
        }
    }
    if let Some(value) = asked.params.get("docvalue_fields") {
        map.insert("docvalue_fields".to_owned(), Json::from(value));
    }
    if let Some(sort) = asked.params.get("sort") {
        let key = |one: &str| match one.split_once(':') {
            Some((name, order)) => json!({ name: { "order": order } }),
            None => Json::from(one),
        };
        map.insert("sort".to_owned(), sort.split(',').map(key).collect());
    }
    Ok(body)
}

/// A search that can be carried out on either lane.
struct Question {
    tenant: Tenant,
    indices: String,
    body: Json,
    options: AnswerOptions,
    /// Whether indices that are not there are no mistake.
    lenient: bool,
}

impl Question {
    async fn run(self, app: &Arc<App>) -> Result<Json, Refusal> {
        // What is wrong is told without waiting for a thread.
        let now_ns = app.now_ns();
        let request = SearchRequest::parse(&self.body, &self.indices, now_ns)?;
        let most = app.query_timeout();
        let timeout = request.timeout.map_or(most, |asked| asked.min(most));
        let name = ask::name((self.body.to_string(), &self.indices));
        ask::ask(app, timeout, name, move |app, reins| {
            let request = SearchRequest::parse(&self.body, &self.indices, now_ns)?;
            let begun = Instant::now();
            let store = &app.ready()?.logs;
            if !self.lenient {
                missing(store, &self.tenant, &self.indices)?;
            }
            let source = Records::new(store, &self.tenant, memory_max(app));
            let found = engine(app).search(&source, request, &reins.control)?;
            Ok(found.answer(begun.elapsed().as_millis() as u64, &self.options)?)
        })
        .await
    }
}

fn engine(app: &App) -> Engine {
    Engine::new(EngineOptions { memory_max: memory_max(app) })
}

/// `/_count` and `/{index}/_count`
pub async fn count(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    let asked = match Asked::read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = counted(&app, &asked, name(index)).await;
    answer(&asked.headers, done)
}

async fn counted(app: &Arc<App>, asked: &Asked, indices: String) -> Result<Json, Refusal> {
    let body = with_params(asked.json()?, asked)?;
    let tenant = crate::intake::tenant(&asked.headers)?;
    let now_ns = app.now_ns();
    SearchRequest::parse_count(&body, &indices, now_ns)?;
    let lenient = asked.flag("ignore_unavailable");
    let name = ask::name((body.to_string(), &indices));
    let count = ask::ask(app, app.query_timeout(), name, move |app, reins| {
        let request = SearchRequest::parse_count(&body, &indices, now_ns)?;
        let store = &app.ready()?.logs;
        if !lenient {
            missing(store, &tenant, &indices)?;
        }
        let source = Records::new(store, &tenant, memory_max(app));
        Ok::<_, Refusal>(engine(app).search(&source, request, &reins.control)?.total())
    })
    .await?;
    Ok(json!({ "count": count, "_shards": { "total": 1, "successful": 1, "skipped": 0, "failed": 0 } }))
}

/// Searches in one request at most.
const SEARCHES_MAX: usize = 100;

/// `/_msearch` and `/{index}/_msearch`
pub async fn multi_search(State(app): Shared, index: Index, request: Request<Body>) -> Response {
    let begun = Instant::now();
    let asked = match Asked::read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let searches = match searches(&asked, &name(index)) {
        Ok(searches) => searches,
        Err(e) => return e.respond(&asked.headers),
    };
    let mut responses = Vec::with_capacity(searches.len());
    for search in searches {
        let done = match search {
            Ok(question) => question.run(&app).await,
            Err(e) => Err(e),
        };
        responses.push(match done {
            Ok(mut body) => {
                body["status"] = Json::from(200);
                body
            }
            Err(e) => {
                let (status, kind, reason) = e.parts();
                serde_json::from_str(&error(kind, &reason, status)).unwrap_or(Json::Null)
            }
        });
    }
    let body = json!({ "took": begun.elapsed().as_millis() as u64, "responses": responses });
    respond(&asked.headers, StatusCode::OK, body.to_string())
}

/// The searches of a body: a line that says where, a line that says what.
fn searches(asked: &Asked, index: &str) -> Result<Vec<Result<Question, Refusal>>, Refusal> {
    let refuse =
        |reason: String| Refusal::Search(SearchError::Refused { kind: "illegal_argument_exception", reason });
    let tenant = crate::intake::tenant(&asked.headers)?;
    let mut lines = asked.body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).peekable();
    let mut out = Vec::new();
    while let Some(head) = lines.next() {
        // An empty line before a body is a head that says nothing.
        if head.is_empty() && lines.peek().is_none_or(|next| next.is_empty()) {
            continue;
        }
        let head = parse_json(head)?;
        let body = lines
            .next()
            .ok_or_else(|| refuse("the last search of the body has a head and no body".to_owned()))?;
        if out.len() >= SEARCHES_MAX {
            return Err(refuse(format!(
                "the body holds more than {SEARCHES_MAX} searches: send several requests"
            )));
        }
        let indices = match head.get("index") {
            Some(Json::String(name)) => name.clone(),
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
            _ => index.to_owned(),
        };
        let lenient = head.get("ignore_unavailable").is_some_and(|v| v == true || v == "true")
            || asked.flag("ignore_unavailable");
        out.push(parse_json(body).map(|body| Question {
            tenant: tenant.clone(),
            indices,
            body,
            options: options(asked),
            lenient,
        }));
    }
    match out.is_empty() {
        true => Err(Refusal::Search(SearchError::Refused {
            kind: "action_request_validation_exception",
            reason: "Validation Failed: 1: no requests added;".to_owned(),
        })),
        false => Ok(out),
    }
}

/// `GET /{index}/_doc/{id}`: the record with this id.
pub async fn get_document(
    State(app): Shared,
    Path((index, id)): Path<(String, String)>,
    request: Extracted,
) -> Response {
    let asked = match Asked::read(&app, request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let done = document(&app, &asked, &index, &id).await;
    match done {
        Ok(None) => {
            let body = json!({ "_index": index, "_id": id, "found": false });
            respond(&asked.headers, StatusCode::NOT_FOUND, body.to_string())
        }
        Ok(Some(body)) => respond(&asked.headers, StatusCode::OK, body.to_string()),
        Err(e) => e.respond(&asked.headers),
    }
}

async fn document(app: &Arc<App>, asked: &Asked, index: &str, id: &str) -> Result<Option<Json>, Refusal> {
    let mut body = with_params(Json::Null, asked)?;
    body["query"] = json!({ "ids": { "values": [id] } });
    (body["size"], body["track_total_hits"]) = (Json::from(1), Json::from(false));
    let question = Question {
        tenant: crate::intake::tenant(&asked.headers)?,
        indices: index.to_owned(),
        body,
        options: AnswerOptions::default(),
        lenient: false,
    };
    let mut found = question.run(app).await?;
    let Some(hit) = found["hits"]["hits"].get_mut(0).and_then(Json::as_object_mut) else { return Ok(None) };
    hit.shift_remove("_score");
    for (key, value) in
        [("_version", json!(1)), ("_seq_no", json!(0)), ("_primary_term", json!(1)), ("found", json!(true))]
    {
        hit.insert(key.to_owned(), value);
    }
    Ok(Some(Json::Object(std::mem::take(hit))))
}

/// Templates of searches, which there are none of.
pub async fn search_template(headers: HeaderMap) -> Response {
    refused_as(&headers, "search templates are not supported: send the search itself")
}

/// What keeps a search open on the server.
pub async fn refused(headers: HeaderMap, request: Extracted) -> Response {
    let path = request.uri().path();
    refused_as(&headers, &format!("[{path}] is not supported: ask on with search_after"))
}

fn refused_as(headers: &HeaderMap, reason: &str) -> Response {
    let status = StatusCode::BAD_REQUEST;
    respond(headers, status, error("illegal_argument_exception", reason, status))
}
