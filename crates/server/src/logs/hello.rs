//! What Elasticsearch's clients and shippers ask before they send documents. Mappings, templates and life cycles are
//! acknowledged and have no effect: every field is kept with its type, and retention is the server's.

use super::elastic::{error, respond};
use crate::api::Shared;
use crate::console;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::json;

/// The version that clients are told: the one they ask to be compatible with, so that each of them accepts the answer.
fn version(headers: &HeaderMap) -> &'static str {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("");
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("");
    if accept.contains("compatible-with=9") {
        "9.0.0"
    } else if accept.contains("compatible-with=7") || agent.contains("elasticsearch-py/7.") {
        "7.17.0"
    } else {
        "8.17.0"
    }
}

/// Whether a request is one of a client of Elasticsearch, and not of somebody who wants to see the console.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok()).unwrap_or("");
    let accept = text(header::ACCEPT);
    let agent = text(header::USER_AGENT).to_ascii_lowercase();
    let shippers = ["elastic", "beat", "logstash", "fluent", "rsyslog", "manticore", "vector"];
    !accept.contains("text/html")
        && (accept.contains("application/json")
            || accept.contains("application/vnd.elasticsearch+json")
            || shippers.iter().any(|s| agent.contains(s)))
}

/// `/`: the console, or for clients of Elasticsearch who they speak to.
pub async fn root(State(app): Shared, request: Request<Body>) -> Response {
    if !wants_json(request.headers()) {
        return console::serve(request).await;
    }
    let headers = request.headers();
    let name = crate::process::hostname();
    let body = json!({
        "name": name,
        "cluster_name": "watchfire",
        "cluster_uuid": format!("{:022}", app.started_ms),
        "version": {
            "number": version(headers),
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": "unknown",
            "build_date": "2026-01-01T00:00:00.000000000Z",
            "build_snapshot": false,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    });
    respond(headers, StatusCode::OK, body.to_string())
}

/// `/_cluster/health`
pub async fn health(headers: HeaderMap) -> Response {
    let body = json!({
        "cluster_name": "watchfire", "status": "green", "timed_out": false, "number_of_nodes": 1,
        "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1, "relocating_shards": 0,
        "initializing_shards": 0, "unassigned_shards": 0, "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0, "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    });
    respond(&headers, StatusCode::OK, body.to_string())
}

/// `/_license`
pub async fn license(headers: HeaderMap) -> Response {
    let body =
        json!({ "license": { "status": "active", "uid": "watchfire", "type": "basic", "mode": "basic" } });
    respond(&headers, StatusCode::OK, body.to_string())
}

/// `/_xpack`
pub async fn xpack(headers: HeaderMap) -> Response {
    let off = json!({ "available": false, "enabled": false });
    let body = json!({
        "build": {}, "license": { "uid": "watchfire", "type": "basic", "mode": "basic", "status": "active" },
        "features": { "ilm": off, "security": off, "monitoring": off },
        "tagline": "You know, for X",
    });
    respond(&headers, StatusCode::OK, body.to_string())
}

/// `/_nodes` and below it: this one, without an address, so that nobody goes elsewhere.
pub async fn nodes(headers: HeaderMap) -> Response {
    let body = json!({ "_nodes": { "total": 1, "successful": 1, "failed": 0 }, "cluster_name": "watchfire", "nodes": {} });
    respond(&headers, StatusCode::OK, body.to_string())
}

/// Templates, life cycle policies, data streams: there is none, and none is needed.
pub async fn accepted(method: Method, headers: HeaderMap) -> Response {
    match method {
        Method::GET | Method::HEAD => respond(&headers, StatusCode::OK, "{}"),
        _ => respond(&headers, StatusCode::OK, json!({ "acknowledged": true }).to_string()),
    }
}

/// `/_ingest/pipeline/{id}`: one that is not carried out must not be acknowledged.
pub async fn pipeline(method: Method, request: Request<Body>) -> Response {
    let (status, kind, reason) = match method {
        Method::GET | Method::HEAD => {
            (StatusCode::NOT_FOUND, "resource_not_found_exception", "there are no ingest pipelines")
        }
        _ => (
            StatusCode::BAD_REQUEST,
            "illegal_argument_exception",
            "ingest pipelines are not supported: send documents as they are to be kept",
        ),
    };
    respond(request.headers(), status, error(kind, reason, status))
}
