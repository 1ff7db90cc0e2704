//! The query language itself: formatting, parsing, its functions.

use super::{Answer, Shared, tree};
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use promql::ast::AggregateOp;

/// `/api/v1/format_query`
pub async fn format(State(app): Shared, request: Request<Body>) -> Answer {
    let params = Params::of_request(request, &app.form_limits()).await?;
    let expr = expression(&params)?;
    Ok(json(|j| {
        j.string(&promql::pretty(&expr));
    }))
}

/// `/api/v1/parse_query`
pub async fn parse(State(app): Shared, request: Request<Body>) -> Answer {
    let params = Params::of_request(request, &app.form_limits()).await?;
    let expr = expression(&params)?;
    Ok(json(|j| {
        j.value(&tree::tree(&expr));
    }))
}

/// `/api/v1/functions`: functions and aggregations with signature and documentation.
pub async fn functions() -> Answer {
    Ok(json(|j| {
        j.raw("{").key("functions").list(promql::functions(), |j, f| {
            j.raw("{").key("name").string(f.name);
            j.key("signature").string(&f.signature());
            j.key("argTypes").strings(f.args.iter().map(|t| t.as_str()));
            j.key("variadic").int(f.variadic.into());
            j.key("returnType").string(f.returns.as_str());
            j.key("experimental").bool(f.experimental);
            j.key("doc").string(f.doc).raw("}");
        });
        j.key("aggregations").list(AggregateOp::ALL, |j, op| {
            j.raw("{").key("name").string(op.as_str());
            j.key("takesParam").bool(op.takes_param());
            j.key("experimental").bool(op.experimental()).raw("}");
        });
        j.raw("}");
    }))
}

/// The expression in `query`.
pub fn expression(params: &Params) -> Result<promql::Expr, ApiError> {
    promql::parse(params.get("query").unwrap_or("")).map_err(|e| ApiError::query("query", e))
}
