//! `/api/search`

use super::ask::ask;
use super::{params, value};
use crate::api::{Answer, Shared};
use crate::ask;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use traceql::{Field, FoundSpan, FoundTrace, Literal, Output, Query, Scope, SearchRange, SpanSet};

/// Traces that are given without `limit`.
const LIMIT: usize = 20;
/// Spans of a set that are given without `spss`.
const SPANS_PER_SET: usize = 3;
/// What stands where the root of a trace has not come.
const NO_ROOT: &str = "<root span not yet received>";

/// Finds traces by `q`, or by `tags`, `minDuration` and `maxDuration`.
pub async fn search(State(app): Shared, request: Request<Body>) -> Answer {
    let headers = request.headers().clone();
    let encoding = Encoding::accepted(&headers);
    let params = Params::of_request(request, &app.form_limits()).await?;
    let query = match params.get("q") {
        Some(text) => traceql::parse(text).map_err(|e| ApiError::query("q", e))?,
        None => of_tags(&params)?,
    };
    let (start_ns, end_ns) = params::range(&params, app.now_ns())?;
    let limit = params::count(&params, "limit")?.unwrap_or(LIMIT);
    let spans_per_set = params::count(&params, "spss")?.unwrap_or(SPANS_PER_SET);
    let range = SearchRange { start_ns, end_ns, limit, spans_per_set };
    let name = ask::name((query.to_string(), end_ns.saturating_sub(start_ns)));
    ask(&app, &headers, name, move |asked| {
        let output = asked.engine.search(&asked.source, &query, &range, asked.control)?;
        Ok(respond(written(&output), "application/json", encoding))
    })
    .await
}

/// The query that `tags=name=value …`, `minDuration` and `maxDuration` stand for: each tag is found on some span of the
/// trace, as a part of its value in any case.
fn of_tags(params: &Params) -> Result<Query, ApiError> {
    let mut parts: Vec<String> = Vec::new();
    for (name, value) in logfmt(params.get("tags").unwrap_or("")) {
        let text = Literal::Text(format!("(?i).*{}.*", regex::escape(&value)));
        parts.push(match name.as_str() {
            "name" => format!("{{ name =~ {text} }}"),
            "root.name" => format!("{{ rootName =~ {text} }}"),
            "root.service.name" => format!("{{ rootServiceName =~ {text} }}"),
            "error" if value == "true" => "{ status = error }".to_owned(),
            "status.code" if matches!(value.as_str(), "error" | "ok" | "unset") => {
                format!("{{ status = {value} }}")
            }
            _ => {
                let field = Field::attribute(Scope::Any, name);
                let exact = match (value.parse::<i64>(), value.parse::<bool>()) {
                    (Ok(number), _) => format!(" || {field} = {}", Literal::Int(number)),
                    (_, Ok(truth)) => format!(" || {field} = {truth}"),
                    _ => String::new(),
                };
                format!("{{ {field} =~ {text}{exact} }}")
            }
        });
    }
    let mut query = if parts.is_empty() { "{ }".to_owned() } else { parts.join(" && ") };
    for (name, sign) in [("minDuration", ">="), ("maxDuration", "<=")] {
        if let Some(nanos) = params::duration_ns(params, name)? {
            query.push_str(&format!(" | {{ traceDuration {sign} {} }}", Literal::Duration(nanos)));
        }
    }
    traceql::parse(&query).map_err(|e| ApiError::parameter("tags", e.message))
}

/// `a=b c="d e"`; a name alone is true.
fn logfmt(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name_end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let name = rest[..name_end].to_owned();
        rest = &rest[name_end..];
        let mut value = "true".to_owned();
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = logfmt_value(after);
        }
        if !name.is_empty() {
            out.push((name, value));
        }
        rest = rest.trim_start();
    }
    out
}

fn logfmt_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (i, c) in quoted.char_indices() {
        match c {
            c if escaped => {
                escaped = false;
                value.push(c);
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[i + 1..]),
            c => value.push(c),
        }
    }
    (value, "")
}

fn written(output: &Output) -> Vec<u8> {
    let mut j = Json::new();
    j.raw("{").key("traces").list(&output.traces, trace);
    value::cost(&mut j, &output.stats);
    j.raw("}");
    j.into_bytes()
}

fn trace(j: &mut Json, found: &FoundTrace) {
    j.raw("{").key("traceID").string(&found.trace_id.to_string());
    let root = |name: &Option<String>| name.clone().unwrap_or_else(|| NO_ROOT.to_owned());
    j.key("rootServiceName").string(&root(&found.root_service));
    j.key("rootTraceName").string(&root(&found.root_name));
    j.key("startTimeUnixNano").string(&found.start_ns.to_string());
    j.key("durationMs").int(found.duration_ns / 1_000_000);
    // Older clients know of one set only.
    if let Some(first) = found.sets.first() {
        set(j.key("spanSet"), first);
    }
    j.key("spanSets").list(&found.sets, set);
    j.key("serviceStats").raw("{");
    for (service, count) in &found.services {
        j.key(service).raw("{").key("spanCount").int(i64::from(count.spans));
        if count.errors > 0 {
            j.key("errorCount").int(i64::from(count.errors));
        }
        j.raw("}");
    }
    j.raw("}}");
}

fn set(j: &mut Json, set: &SpanSet) {
    j.raw("{").key("spans").list(&set.spans, span);
    j.key("matched").int(set.matched as i64);
    if !set.attributes.is_empty() {
        j.key("attributes").list(&set.attributes, |j, (name, v)| value::pair(j, name, v));
    }
    j.raw("}");
}

fn span(j: &mut Json, span: &FoundSpan) {
    j.raw("{").key("spanID").string(&span.span_id.to_string()).key("name").string(&span.name);
    j.key("startTimeUnixNano").string(&span.start_ns.to_string());
    j.key("durationNanos").string(&span.duration_ns.to_string());
    if !span.attributes.is_empty() {
        j.key("attributes").list(&span.attributes, |j, (f, v)| value::pair(j, f.short_name(), v));
    }
    j.raw("}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_queries() {
        let of = |query: &str| of_tags(&Params::of_query(query)).unwrap().to_string();
        assert_eq!(of(""), "{ }");
        assert_eq!(
            of("tags=error=true&maxDuration=1.5s"),
            "{ status = error } | { traceDuration <= 1s500ms }"
        );
        assert_eq!(
            of("tags=service.name%3Dcart+http.url%3D%22a+b.c%22&minDuration=100ms"),
            "{ .service.name =~ \"(?i).*cart.*\" } && { .http.url =~ `(?i).*a b\\.c.*` } | { traceDuration >= 100ms }"
        );
        assert_eq!(of("tags=code%3D500"), "{ .code =~ \"(?i).*500.*\" || .code = 500 }");
        assert_eq!(of("tags=cached"), "{ .cached =~ \"(?i).*true.*\" || .cached = true }");
    }
}
