//! How a query is evaluated: its nodes with what each gave, read, took and held.

use super::query::{Question, engine, failed, notes, range_times};
use super::{Answer, Shared};
use crate::ask::CancelOnDrop;
use crate::http::error::ApiError;
use crate::http::json::Json;
use crate::http::params::Params;
use crate::http::respond::{Encoding, respond, success};
use crate::pool::Lane;
use crate::source::StoreSource;
use crate::state::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use promql::{Control, PlanNode, Times};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A node's own text is cut after so many bytes; where it stands in the query is told exactly.
const TEXT_BYTES_MAX: usize = 2000;

/// `/api/v1/explain`: evaluates a query as `/api/v1/query_range` does if there is a `start`, else as `/api/v1/query`,
/// and tells how.
pub async fn explain(State(app): Shared, request: Request<Body>) -> Answer {
    let encoding = Encoding::accepted(request.headers());
    let params = Params::of_request(request, &app.form_limits()).await?;
    let times = match params.get("start") {
        Some(_) => range_times(&app, &params)?,
        None => Times::Instant(params.time("time")?.unwrap_or_else(|| app.now_ms())),
    };
    let question = Question::of(&app, &params, encoding)?;
    if matches!(times, Times::Range { .. }) {
        question.check_range()?;
    }
    let timeout = question.timeout;
    let control = Control::new()
        .with_timeout(Instant::now(), timeout)
        .with_pool(Arc::clone(&app.query_memory))
        .with_brake(Arc::clone(&app.brake));
    let cancel = CancelOnDrop(control.clone());
    let app2 = Arc::clone(&app);
    let done = app.queries.run_heavy(timeout, move || answer(&app2, &question, times, &control)).await;
    drop(cancel);
    if done.is_err() {
        app.metrics.queries_failed.add(1);
    }
    done
}

fn answer(
    app: &App,
    question: &Question,
    times: Times,
    control: &Control,
) -> Result<Response<Body>, ApiError> {
    let source = StoreSource::new(app.db()?);
    let begun = Instant::now();
    let mut explained = engine(app, question, Lane::Heavy)
        .explain(&source, &question.expr, times, control)
        .map_err(failed)?;
    let took = begun.elapsed();
    app.metrics.samples_read.add(explained.output.stats.samples_read);
    let notes = notes(&mut explained.output, question);
    let body = success(&notes, |j| {
        j.raw("{").key("query").string(&promql::pretty(&question.expr));
        j.key("kind").string(if matches!(times, Times::Instant(_)) { "instant" } else { "range" });
        j.key("steps").int(explained.output.stats.steps as i64);
        j.key("elapsed_ms").value(&ms(took));
        node(j.key("plan"), &explained.plan, &question.text);
        j.raw("}");
    });
    Ok(respond(body, "application/json", question.encoding))
}

/// Milliseconds, to the microsecond.
fn ms(d: Duration) -> f64 {
    d.as_micros() as f64 / 1000.0
}

/// A node and all below it. Recursion is bounded by the parser's own bound on nesting.
fn node(j: &mut Json, n: &PlanNode, query: &str) {
    let text = n.text(query);
    let cut = text.floor_char_boundary(TEXT_BYTES_MAX);
    j.raw("{").key("kind").string(n.kind).key("node").string(&n.head).key("expr").string(&text[..cut]);
    j.key("start").int(n.span.start as i64).key("end").int(n.span.end as i64);
    for (key, value) in [("series", n.series), ("samples", Some(n.samples)), ("bytes", n.bytes)] {
        j.key(key).value(&value);
    }
    j.key("total_ms").value(&ms(n.total)).key("self_ms").value(&ms(n.own));
    j.key("memory_bytes").int(n.memory_bytes as i64).key("notes").strings(&n.notes);
    j.key("children").list(&n.children, |j, child| node(j, child, query));
    j.raw("}");
}
