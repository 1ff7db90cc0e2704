//! Names of attributes, and their values.

use super::ask::{Asked, ask};
use super::{params, value};
use crate::api::{Answer, Shared};
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use std::collections::BTreeMap;
use traceql::ast::FieldExpr;
use traceql::{EvalError, Field, Intrinsic, Literal, Scope, Stats};

/// The newest spans whose attributes are looked at.
const SAMPLE: usize = 10_000;
/// Values that are given without `limit`, and at most.
const VALUES: usize = 1000;
const VALUES_MAX: usize = 100_000;
/// How scopes are called that are none of attributes.
const INTRINSIC: &str = "intrinsic";

/// What is asked of names.
struct Wanted {
    filter: FieldExpr,
    range: (i64, i64),
    /// A scope by its name; all if there is none.
    scope: Option<String>,
    limit: usize,
}

impl Wanted {
    fn of(params: &Params, now_ns: i64) -> Result<Wanted, ApiError> {
        let scope = params.get("scope").filter(|s| !matches!(*s, "none" | "all")).map(str::to_owned);
        if let Some(scope) = &scope
            && scope != INTRINSIC
            && Scope::named(scope).is_none()
        {
            let known: Vec<&str> = Scope::NAMED.iter().map(|s| s.as_str()).collect();
            let reason = format!("{scope:?} is no scope; there are {} and {INTRINSIC}", known.join(", "));
            return Err(ApiError::parameter("scope", reason));
        }
        Ok(Wanted {
            filter: traceql::parse_unfinished_filter(params.get("q").unwrap_or("")),
            range: params::range(params, now_ns)?,
            scope,
            limit: params::count(params, "limit")?.unwrap_or(usize::MAX),
        })
    }

    fn has(&self, scope: &str) -> bool {
        self.scope.as_deref().is_none_or(|s| s == scope)
    }

    /// Names by scope, and what finding them cost.
    fn found(&self, asked: &Asked<'_>) -> Result<(BTreeMap<&'static str, Vec<String>>, Stats), EvalError> {
        let mut out = BTreeMap::new();
        let mut stats = Stats::default();
        if self.scope.as_deref() != Some(INTRINSIC) {
            let (names, cost) =
                asked.engine.names(&asked.source, &self.filter, self.range, SAMPLE, asked.control)?;
            stats = cost;
            for (scope, mut names) in names {
                if self.has(scope.as_str()) {
                    names.truncate(self.limit);
                    out.insert(scope.as_str(), names);
                }
            }
        }
        if self.has(INTRINSIC) {
            let known = Intrinsic::ALL.iter().filter(|i| **i != Intrinsic::Parent);
            let mut names: Vec<String> = known.flat_map(|i| i.spellings()).map(|s| (*s).to_owned()).collect();
            names.sort();
            names.truncate(self.limit);
            out.insert(INTRINSIC, names);
        }
        Ok((out, stats))
    }
}

/// `/api/search/tags`: names of all scopes together.
pub async fn names(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, encoding, params) = taken(&request);
    let wanted = Wanted::of(&params, app.now_ns())?;
    ask(&app, &headers, None, move |asked| {
        let (found, stats) = wanted.found(asked)?;
        // Intrinsics are no tags, unless they are asked for.
        let found = found.into_iter().filter(|(s, _)| *s != INTRINSIC || wanted.scope.is_some());
        let mut all: Vec<String> = found.flat_map(|(_, names)| names).collect();
        all.sort();
        all.dedup();
        let mut j = Json::new();
        j.raw("{").key("tagNames").strings(&all);
        value::cost(&mut j, &stats);
        j.raw("}");
        Ok(respond(j.into_bytes(), "application/json", encoding))
    })
    .await
}

/// `/api/v2/search/tags`: names by scope.
pub async fn names_by_scope(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, encoding, params) = taken(&request);
    let wanted = Wanted::of(&params, app.now_ns())?;
    ask(&app, &headers, None, move |asked| {
        let (found, stats) = wanted.found(asked)?;
        let mut j = Json::new();
        j.raw("{").key("scopes").list(&found, |j, (scope, names)| {
            j.raw("{").key("name").string(scope).key("tags").strings(names).raw("}");
        });
        value::cost(&mut j, &stats);
        j.raw("}");
        Ok(respond(j.into_bytes(), "application/json", encoding))
    })
    .await
}

/// `/api/search/tag/{tag}/values`: of an attribute by its bare name, as texts.
pub async fn values(State(app): Shared, Path(tag): Path<String>, request: Request<Body>) -> Answer {
    let field = traceql::parse_field(&tag).unwrap_or_else(|_| Field::attribute(Scope::Any, tag.as_str()));
    values_of(app, field, request, |j, values| {
        let mut texts: Vec<String> = values.iter().map(Literal::plain).collect();
        texts.dedup();
        j.key("tagValues").strings(&texts);
    })
    .await
}

/// `/api/v2/search/tag/{tag}/values`: of a field as TraceQL writes it, with types.
pub async fn typed_values(State(app): Shared, Path(tag): Path<String>, request: Request<Body>) -> Answer {
    let field = traceql::parse_field(&tag).map_err(|e| ApiError::query("tag", e))?;
    values_of(app, field, request, |j, values| {
        j.key("tagValues").list(values, |j, v| {
            let kind = match v {
                Literal::Int(_) => "int",
                Literal::Float(_) => "float",
                Literal::Bool(_) => "bool",
                Literal::Duration(_) => "duration",
                // Words of the language, which are written without quotes.
                Literal::Status(_) | Literal::Kind(_) => "keyword",
                Literal::Text(_) | Literal::Nil => "string",
            };
            j.raw("{").key("type").string(kind).key("value").string(&v.plain()).raw("}");
        });
    })
    .await
}

async fn values_of(
    app: std::sync::Arc<crate::state::App>,
    field: Field,
    request: Request<Body>,
    write: impl Fn(&mut Json, &[Literal]) + Send + Sync + 'static,
) -> Answer {
    let (headers, encoding, params) = taken(&request);
    let filter = traceql::parse_unfinished_filter(params.get("q").unwrap_or(""));
    let range = params::range(&params, app.now_ns())?;
    let limit = params::count(&params, "limit")?.unwrap_or(VALUES).min(VALUES_MAX);
    ask(&app, &headers, None, move |asked| {
        let (values, stats) = found_values(asked, &filter, &field, range, limit)?;
        let mut j = Json::new();
        j.raw("{");
        write(&mut j, &values);
        value::cost(&mut j, &stats);
        j.raw("}");
        Ok(respond(j.into_bytes(), "application/json", encoding))
    })
    .await
}

fn found_values(
    asked: &Asked<'_>,
    filter: &FieldExpr,
    field: &Field,
    range: (i64, i64),
    limit: usize,
) -> Result<(Vec<Literal>, Stats), EvalError> {
    if let Some(known) = known_values(field) {
        return Ok((known, Stats::default()));
    }
    // Which texts resources have is known without reading spans.
    if let Field::Attribute { scope: Scope::Resource, parent: false, name } = field
        && *filter == FieldExpr::TRUE
    {
        let texts = asked.source.label_values(name, range);
        if !texts.is_empty() {
            return Ok((texts.into_iter().take(limit).map(Literal::Text).collect(), Stats::default()));
        }
    }
    asked.engine.values(&asked.source, (filter, field), range, limit, asked.control)
}

/// The values of fields that have few, whether or not a span has them.
fn known_values(field: &Field) -> Option<Vec<Literal>> {
    use traceql::{Kind, Status};
    match field {
        Field::Intrinsic(Intrinsic::Status) => {
            Some([Status::Error, Status::Ok, Status::Unset].map(Literal::Status).to_vec())
        }
        Field::Intrinsic(Intrinsic::Kind) => Some(Kind::ALL.map(Literal::Kind).to_vec()),
        // Each has its own; nobody chooses from these.
        Field::Intrinsic(
            Intrinsic::Duration
            | Intrinsic::TraceDuration
            | Intrinsic::EventTime
            | Intrinsic::TraceId
            | Intrinsic::SpanId
            | Intrinsic::ParentId
            | Intrinsic::Parent,
        ) => Some(Vec::new()),
        _ => None,
    }
}

fn taken(request: &Request<Body>) -> (axum::http::HeaderMap, Encoding, Params) {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    (headers, encoding, Params::of_query(request.uri().query().unwrap_or("")))
}
