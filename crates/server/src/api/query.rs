//! Queries at one instant and over a range.

use super::{Answer, Shared, language, value};
use crate::ask::{self, Reins};
use crate::cache;
use crate::evaluate::{Asked, Evaluation};
use crate::http::error::{ApiError, ErrorKind};
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, Notes, respond_with, success};
use crate::http::time::parse_duration;
use crate::pool::Lane;
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use bytes::Bytes;
use promql::{Engine, EngineOptions, EvalError, Expr, Output, Share, Times, ValueType};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `/api/v1/query`
pub async fn instant(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let time = params.time("time")?.unwrap_or_else(|| app.now_ms());
    let question = Question::of(&app, &params, encoding)?;
    run(app, question, Times::Instant(time)).await
}

/// `/api/v1/query_range`
pub async fn range(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let fresh = wants_fresh(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let times = range_times(&app, &params)?;
    let mut question = Question::of(&app, &params, encoding)?;
    question.fresh |= fresh;
    question.check_range()?;
    run(app, question, times).await
}

/// The range and step that parameters ask for.
pub(super) fn range_times(app: &App, params: &Params) -> Result<Times, ApiError> {
    let (start, end) = (params.required_time("start")?, params.required_time("end")?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step =
        parse_duration(params.get("step").unwrap_or("")).map_err(|e| ApiError::parameter("step", e))?;
    if step <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", reason));
    }
    let steps_max = app.config().query.steps_max;
    if end.abs_diff(start) / step.unsigned_abs() > steps_max {
        return Err(ApiError::bad_data(format!(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution \
             (?step=XX), or raise query.steps_max",
            thousands(steps_max)
        )));
    }
    Ok(Times::Range { start_ms: start, end_ms: end, step_ms: step })
}

/// Whether the client asked that nothing kept be used.
fn wants_fresh(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok());
    let mut directives = values.flat_map(|v| v.split(','));
    directives.any(|d| matches!(d.trim().to_ascii_lowercase().as_str(), "no-cache" | "no-store"))
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// What is asked, apart from the time.
pub(super) struct Question {
    pub text: String,
    pub expr: Expr,
    limit: Option<usize>,
    pub timeout: Duration,
    lookback_ms: i64,
    /// Whether figures of the query are wanted, and in which word.
    stats: Option<String>,
    /// Whether kept results are passed by.
    fresh: bool,
    pub encoding: Encoding,
}

impl Question {
    pub fn of(app: &App, params: &Params, encoding: Encoding) -> Result<Question, ApiError> {
        let config = app.config();
        let most: Duration = config.query.timeout.into();
        let timeout = match params.duration("timeout")? {
            Some(ms) => most.min(Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
            None => most,
        };
        let lookback = match params.get("lookback_delta") {
            Some(text) => parse_duration(text)
                .map_err(|e| ApiError::bad_data(format!("error parsing lookback delta duration: {e}")))?,
            None => 0,
        };
        let own = i64::try_from(config.query.lookback.as_millis()).unwrap_or(i64::MAX);
        Ok(Question {
            text: params.get("query").unwrap_or("").to_owned(),
            expr: language::expression(params)?,
            limit: params.limit()?,
            timeout,
            lookback_ms: if lookback > 0 { lookback } else { own },
            stats: params.get("stats").map(str::to_owned),
            fresh: params.get("nocache").is_some_and(|v| !matches!(v, "0" | "false")),
            encoding,
        })
    }

    /// Refuses what has no value at every step of a range.
    pub fn check_range(&self) -> Result<(), ApiError> {
        let kind = self.expr.value_type();
        if matches!(kind, ValueType::Scalar | ValueType::Vector) {
            return Ok(());
        }
        let reason = format!(
            "invalid expression type {:?} for range query, must be Scalar or instant Vector",
            kind.documented()
        );
        Err(ApiError::parameter("query", reason))
    }
}

async fn run(app: Arc<App>, question: Question, when: Times) -> Answer {
    let span = match when {
        Times::Instant(_) => (0, 0),
        Times::Range { start_ms, end_ms, step_ms } => (end_ms.saturating_sub(start_ms), step_ms),
    };
    let name = ask::name((&question.text, span, question.fresh));
    ask::ask(&app, question.timeout, name, move |app, reins| answer(app, &question, when, reins)).await
}

/// Evaluates and writes the answer, on a thread of the pool.
fn answer(app: &App, question: &Question, when: Times, reins: &Reins) -> Result<Response, ApiError> {
    let begun = Instant::now();
    let (mut output, reused) = evaluated(app, question, when, reins)?.map_err(failed)?;
    let took = begun.elapsed();
    let notes = notes(&mut output, question);
    app.metrics.samples_read.add(output.stats.samples_read);
    app.metrics.samples_returned.add(value::samples(&output.value));
    let mut memory = memory_for(app, &output, reins.lane).map_err(failed)?;
    let body = success(&notes, |j| {
        j.raw("{");
        value::write(j, &output.value);
        if question.stats.is_some() {
            stats(j, &output, reused, took, reins.waited);
        }
        j.raw("}");
    });
    Ok(respond_with(body, "application/json", question.encoding, |body| {
        // Held until the last of it is sent: many large answers to slow clients are memory of queries, too.
        memory.shrink_to(body.len() as u64);
        Body::from(Bytes::from_owner(Held { body, _memory: memory }))
    }))
}

/// An answer and the memory it is counted with.
struct Held {
    body: Vec<u8>,
    _memory: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// Memory for the text of an answer.
fn memory_for(app: &App, output: &Output, lane: Lane) -> Result<Share, EvalError> {
    let (wanted, limit) = (value::answer_bytes(&output.value), app.config().query.memory_per_query.bytes());
    if wanted > limit {
        let (what, setting) = ("bytes of memory for its answer", "query.memory_per_query");
        return Err(EvalError::Limit { what, observed: wanted, limit, setting });
    }
    app.memory_of(lane).share(wanted)
}

/// The value of a query and how many of its steps were known.
fn evaluated(
    app: &App,
    question: &Question,
    when: Times,
    reins: &Reins,
) -> Result<Result<(Output, usize), EvalError>, ApiError> {
    let db = app.db()?;
    let (source, engine) = (StoreSource::new(db), engine(app, question, reins.lane));
    let slice = match reins.lane {
        Lane::Light { until } => Some(until.saturating_duration_since(Instant::now()).min(question.timeout)),
        Lane::Heavy => None,
    };
    let evaluation = Evaluation { db, engine: &engine, source: &source, control: &reins.control, slice };
    Ok(match when {
        Times::Instant(time) => evaluation.instant(&question.expr, time).map(|output| (output, 0)),
        Times::Range { start_ms, end_ms, step_ms } => {
            let asked = Asked { expr: &question.expr, start_ms, end_ms, step_ms };
            if question.fresh {
                evaluation.range(asked).map(|output| (output, 0))
            } else {
                cache::range(&app.results, &evaluation, asked).map(|done| (done.output, done.steps_reused))
            }
        }
    })
}

pub(super) fn engine(app: &App, question: &Question, lane: Lane) -> Engine {
    let config = app.config();
    Engine::new(EngineOptions {
        lookback_ms: question.lookback_ms,
        samples_max: config.query.samples_max,
        // The bound is on intervals, as upstream counts them; the engine counts points.
        steps_max: config.query.steps_max.saturating_add(1),
        series_max: config.query.series_max,
        memory_max: config.query.memory_per_query.bytes().min(app.budgets.query_bytes),
        experimental: config.query.experimental,
        threads: app.query_threads(lane),
        ..EngineOptions::default()
    })
}

/// What is to be said beside the result; cuts the result if that was asked for.
pub(super) fn notes(output: &mut Output, question: &Question) -> Notes {
    let mut notes = Notes {
        warnings: output.annotations.warnings(&question.text),
        infos: output.annotations.infos(&question.text),
    };
    for list in [&mut notes.warnings, &mut notes.infos] {
        if list.len() > NOTES_MAX {
            let more = list.len() - NOTES_MAX;
            list.truncate(NOTES_MAX);
            list.push(format!("{more} more like these"));
        }
    }
    if question.limit.is_some_and(|limit| value::cut(&mut output.value, limit)) {
        notes.truncated();
    }
    if let Some(other) = question.stats.as_deref().filter(|s| !matches!(*s, "true" | "all")) {
        notes
            .warnings
            .push(format!("value {other:?} of the parameter stats is neither \"true\" nor \"all\""));
    }
    notes
}

/// Warnings, and infos, of one answer.
const NOTES_MAX: usize = 10;

/// Figures of the query, in the shape of the Prometheus API.
fn stats(j: &mut Json, output: &Output, reused: usize, took: Duration, queued: Duration) {
    let seconds = |j: &mut Json, name: &str, d: Duration| {
        j.key(name).value(&d.as_secs_f64());
    };
    j.key("stats").raw("{").key("timings").raw("{");
    seconds(j, "evalTotalTime", took);
    seconds(j, "resultSortTime", Duration::ZERO);
    seconds(j, "queryPreparationTime", Duration::ZERO);
    seconds(j, "innerEvalTime", took);
    seconds(j, "execQueueTime", queued);
    seconds(j, "execTotalTime", took + queued);
    j.raw("}").key("samples").raw("{");
    j.key("totalQueryableSamples").int(output.stats.samples_read as i64);
    j.key("peakSamples").int(output.stats.samples_peak as i64);
    j.raw("}").key("seriesRead").int(output.stats.series_read as i64);
    j.key("stepsReused").int(reused as i64).raw("}");
}

/// The answer to a query that cannot be evaluated.
pub fn failed(e: EvalError) -> ApiError {
    let kind = match &e {
        EvalError::Query(_) | EvalError::Limit { .. } => ErrorKind::Execution,
        EvalError::Busy { .. } => ErrorKind::Unavailable,
        EvalError::Timeout(_) => ErrorKind::Timeout,
        EvalError::Cancelled => ErrorKind::Canceled,
        EvalError::Source(_) => ErrorKind::Internal,
    };
    let error = ApiError::new(kind, e.to_string());
    if kind == ErrorKind::Unavailable { error.retry_after(Duration::from_secs(1)) } else { error }
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([thousands(7), thousands(11_000), thousands(1_234_567)], ["7", "11,000", "1,234,567"]);
    }
}
