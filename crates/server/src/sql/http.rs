//! `/api/v1/sql`

use super::run::{Answer, Piece, Question, Sink, start};
use crate::api::{Answer as Reply, Shared};
use crate::http::body::read_body;
use crate::http::error::ApiError;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond};
use crate::state::App;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use promql::EvalError;
use sql::format::{Format, Writer};
use sql::{RecordBatch, SqlError};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// The media type of a body that is a statement.
const SQL_TYPE: &str = "application/sql";

/// Runs one statement that reads and answers with its rows.
pub async fn query(State(app): Shared, request: Request<Body>) -> Reply {
    let headers = request.headers().clone();
    let (text, params) = asked(&app, request).await?;
    let format = format(&headers, &params)?;
    let question = Question {
        tenant: crate::intake::tenant(&headers)?,
        user: "http".to_owned(),
        statement: statement(&text)?,
        limit: params.limit()?,
        timeout: timeout(&app, &params)?,
        values: values(&params),
        sink: Arc::new(move |schema| Ok(Box::new(Written(format.begin(schema)?)) as Box<dyn Sink>)),
    };
    let mut answer = start(&app, question);
    match answer.next().await {
        Some(Piece::Whole(body)) => {
            let encoding = Encoding::accepted(&headers);
            let whole = move || respond(body, format.media_type(), encoding);
            let response = tokio::task::spawn_blocking(whole).await;
            response.map_err(|_| ApiError::internal("the answer could not be compressed"))
        }
        Some(Piece::Part(first)) => Ok(streamed(format, first, Some(answer))),
        Some(Piece::Last(only)) => Ok(streamed(format, only, None)),
        Some(Piece::Failed(failure)) => Err(failure.into()),
        None => Err(ApiError::internal("the query met a fault in the server; its log says more")),
    }
}

/// The statement and the other parameters.
async fn asked(app: &App, request: Request<Body>) -> Result<(String, Params), ApiError> {
    let of_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let is_sql = of_type.split(';').next().is_some_and(|t| t.trim().eq_ignore_ascii_case(SQL_TYPE));
    if is_sql && request.method() == Method::POST {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts.headers, body, &app.form_limits()).await?;
        let text = String::from_utf8(bytes).map_err(|_| ApiError::bad_data("the statement is not UTF-8"))?;
        return Ok((text, Params::of_query(parts.uri.query().unwrap_or(""))));
    }
    let params = Params::of_request(request, &app.form_limits()).await?;
    let text = params.get("query").unwrap_or("").to_owned();
    Ok((text, params))
}

fn statement(text: &str) -> Result<sql::Parsed, ApiError> {
    let wrong = |e: SqlError| ApiError::from(super::run::Failure::Sql(e));
    let mut all = sql::parse(text).map_err(wrong)?;
    match all.len() {
        1 => {
            all[0].check().map_err(wrong)?;
            Ok(all.remove(0))
        }
        0 => Err(ApiError::parameter("query", "there is no statement")),
        n => Err(ApiError::parameter("query", format!("{n} statements; send one at a time"))),
    }
}

fn timeout(app: &App, params: &Params) -> Result<Duration, ApiError> {
    let most = app.query_timeout();
    let asked = params.duration("timeout")?;
    Ok(asked.map_or(most, |ms| most.min(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))))
}

/// `format=`, or else the first form that `Accept` names.
fn format(headers: &HeaderMap, params: &Params) -> Result<Format, ApiError> {
    if let Some(name) = params.get("format") {
        let unknown =
            || ApiError::parameter("format", format!("{name:?} is none of json, ndjson, csv, arrow"));
        return Format::by_name(name).ok_or_else(unknown);
    }
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut types = accepted.flat_map(|v| v.split(',')).map(|t| t.split(';').next().unwrap_or(""));
    Ok(types.find_map(Format::by_media_type).unwrap_or(Format::Json))
}

/// Values of `$1`, `$2`… from `param`, as the types ask.
fn values(params: &Params) -> super::run::MakeValues {
    let given: Vec<String> = params.all("param").map(str::to_owned).collect();
    Arc::new(move |types| {
        if types.len() != given.len() {
            let message = format!(
                "the statement has {} parameters and {} were given: repeat param for each",
                types.len(),
                given.len()
            );
            return Err(SqlError::Run(EvalError::Query(message)));
        }
        sql::values_of_texts(&given, types)
    })
}

/// Rows in one of the forms.
struct Written(Writer);

impl Sink for Written {
    fn rows(
        &mut self,
        batch: &RecordBatch,
        give: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EvalError> {
        self.0.rows(batch, give)
    }

    fn end(self: Box<Self>) -> Result<Vec<u8>, EvalError> {
        self.0.end()
    }
}

/// An answer whose first piece is here. If the query fails later the connection breaks off: whoever reads sees that
/// the answer is not whole.
fn streamed(format: Format, first: Vec<u8>, rest: Option<Answer>) -> Response<Body> {
    let first = futures::stream::once(async move { Ok::<Bytes, std::io::Error>(Bytes::from(first)) });
    let rest = futures::stream::unfold(rest, |rest| async move {
        let mut answer = rest?;
        match answer.next().await {
            Some(Piece::Part(piece)) => Some((Ok(Bytes::from(piece)), Some(answer))),
            Some(Piece::Last(piece) | Piece::Whole(piece)) => Some((Ok(Bytes::from(piece)), None)),
            Some(Piece::Failed(failure)) => {
                let error = ApiError::from(failure);
                tracing::info!(error = %error.message, "a query failed amid its answer");
                Some((Err(std::io::Error::other(error.message)), None))
            }
            None => Some((Err(std::io::Error::other("the query met a fault")), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(futures::StreamExt::chain(first, rest)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    response
}
