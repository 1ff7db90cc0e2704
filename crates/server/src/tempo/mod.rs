//! Tempo's HTTP API over the store of spans, below `/tempo`: what Grafana's data source asks for.

mod ask;
mod metrics;
mod otlp;
mod params;
mod search;
mod source;
mod tags;
mod trace;
mod value;

pub use ask::engine;
pub use metrics::{instant, range};
pub use search::search;
pub use source::SpanSource;
pub use tags::{names, names_by_scope, typed_values, values};
pub use trace::{trace, trace_v2};

use crate::api::Answer;
use crate::http::json::Json;
use crate::http::respond::{Encoding, respond, text};
use axum::http::StatusCode;
use axum::response::Response;

/// `/api/echo`
pub async fn echo() -> Response {
    text(StatusCode::OK, "echo")
}

/// `/api/status/buildinfo`: what features a data source may use is told from the version.
pub async fn build() -> Answer {
    let mut j = Json::new();
    j.raw("{").key("version").string(SPOKEN_VERSION).key("revision").string(env!("CARGO_PKG_VERSION"));
    j.key("branch").string("watchfire").key("buildDate").string("").key("buildUser").string("");
    j.key("goVersion").string("").raw("}");
    Ok(respond(j.into_bytes(), "application/json", Encoding::Identity))
}

/// The version of Tempo whose API this is.
const SPOKEN_VERSION: &str = "3.0.0";
