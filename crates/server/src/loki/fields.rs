//! Which fields the newest lines of a query have: attributes, what its pipeline makes, and what `| json` or `| logfmt`
//! would make of the lines.

use super::params;
use super::query::{engine, expression, taken};
use super::source::LogSource;
use crate::api::query::failed;
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::state::App;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use logql::{Control, Direction, Expr, LogExpr, LogOutput, LogRange};
use model::record::Tenant;
use std::collections::{BTreeMap, BTreeSet};

/// Lines that are looked at, unless `line_limit` asks for fewer.
const LINES_MAX: usize = 1000;
/// Fields or values that are given, unless `limit` asks for fewer.
const ANSWERS_MAX: usize = 1000;

/// What is asked.
struct Question {
    tenant: Tenant,
    log: LogExpr,
    range: LogRange,
    /// Fields or values at most.
    limit: usize,
}

/// What was found of a field.
#[derive(Default)]
struct Field {
    values: BTreeSet<String>,
    /// The stages that find it in lines; none, if it is an attribute or the query makes it.
    parsers: BTreeSet<&'static str>,
}

impl Question {
    fn new(app: &App, headers: &HeaderMap, params: &Params) -> Result<Question, ApiError> {
        let Expr::Log(log) = expression(params)? else {
            return Err(ApiError::parameter("query", "a query for lines is wanted, without functions"));
        };
        let (start_ns, end_ns) = params::span_ns(params, app.now_ms())?;
        let at_most = |asked: Option<usize>, most: usize| asked.map_or(most, |n| n.min(most));
        let lines = match params.get("line_limit") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                ApiError::parameter("line_limit", format!("{text:?} is not a number of lines"))
            })?),
        };
        let limit = at_most(lines, LINES_MAX);
        let range = LogRange { start_ns, end_ns, direction: Direction::Backward, limit };
        let limit = at_most(params.limit()?, ANSWERS_MAX);
        Ok(Question { tenant: params::tenant(headers)?, log, range, limit })
    }

    /// All fields of the newest lines.
    fn fields(&self, app: &App, control: &Control) -> Result<BTreeMap<String, Field>, ApiError> {
        let engine = engine(app);
        let source = LogSource::new(app.ready()?, &self.tenant, engine.options.memory_max);
        let ask = |log: &LogExpr| engine.logs(&source, log, &self.range, control).map_err(failed);
        let found = ask(&self.log)?;
        let holds = |part: char| entries(&found).any(|e| e.line.contains(part));
        let mut fields = BTreeMap::new();
        for (parser, sign) in [("json", '{'), ("logfmt", '=')] {
            if holds(sign) {
                let parsed = logql::parse_log(&format!("{} | {parser}", self.log));
                let output = ask(&parsed.map_err(|e| ApiError::query("query", e))?)?;
                // A line that does not parse has fields of its beginning only.
                let whole = entries(&output).filter(|e| e.parsed.get("__error__").is_none());
                whole.for_each(|e| take(&mut fields, &e.parsed, Some(parser)));
            }
        }
        for entry in entries(&found) {
            take(&mut fields, &entry.structured, None);
            take(&mut fields, &entry.parsed, None);
        }
        Ok(fields)
    }
}

fn entries(output: &LogOutput) -> impl Iterator<Item = &logql::LogEntry> {
    output.streams.iter().flat_map(|s| &s.entries)
}

/// Takes over labels of a line; what is there without parsing needs no parser.
fn take(fields: &mut BTreeMap<String, Field>, labels: &model::Labels, parser: Option<&'static str>) {
    for (name, value) in labels.iter().filter(|(name, _)| !name.starts_with("__")) {
        let field = fields.entry(name.to_owned()).or_default();
        field.values.insert(value.to_owned());
        match parser {
            Some(parser) => drop(field.parsers.insert(parser)),
            None => field.parsers.clear(),
        }
    }
}

/// What all values are, by Loki's names.
fn kind(values: &BTreeSet<String>) -> &'static str {
    let all = |is: fn(&str) -> bool| values.iter().all(|v| is(v));
    match () {
        () if all(|v| v.parse::<i64>().is_ok()) => "int",
        () if all(|v| v.parse::<f64>().is_ok_and(f64::is_finite)) => "float",
        () if all(|v| matches!(v, "true" | "false")) => "boolean",
        () if all(|v| logql::parse_value_duration(v).is_some()) => "duration",
        () if all(|v| logql::parse_bytes(v).is_some()) => "bytes",
        () => "string",
    }
}

/// `/loki/api/v1/detected_fields`
pub async fn detected_fields(State(app): Shared, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let question = Question::new(&app, &headers, &params)?;
    let name = ask::name(("fields", params.get("query")));
    ask::ask(&app, app.query_timeout(), name, move |app, reins| {
        let mut fields: Vec<_> = question.fields(app, &reins.control)?.into_iter().collect();
        fields.truncate(question.limit);
        let mut j = Json::new();
        j.raw("{").key("fields").list(&fields, |j, (name, field)| {
            j.raw("{").key("label").string(name).key("type").string(kind(&field.values));
            j.key("cardinality").int(field.values.len() as i64).key("parsers");
            match field.parsers.is_empty() {
                true => j.raw("null"),
                false => j.strings(field.parsers.iter().copied()),
            };
            j.raw("}");
        });
        j.key("limit").int(question.limit as i64).raw("}");
        Ok(super::streams::plain(j))
    })
    .await
}

/// `/loki/api/v1/detected_field/{name}/values`
pub async fn detected_values(State(app): Shared, Path(name): Path<String>, request: Request<Body>) -> Answer {
    let (headers, params) = taken(&app, request).await?;
    let question = Question::new(&app, &headers, &params)?;
    let asked = ask::name(("values", params.get("query"), &name));
    ask::ask(&app, app.query_timeout(), asked, move |app, reins| {
        let found = question.fields(app, &reins.control)?.remove(&name).unwrap_or_default();
        let mut j = Json::new();
        j.raw("{").key("values").strings(found.values.iter().take(question.limit).map(String::as_str));
        j.key("limit").int(question.limit as i64).raw("}");
        Ok(super::streams::plain(j))
    })
    .await
}
