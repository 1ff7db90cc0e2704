//! Runs LogQL test scripts: `load` lines, `eval` queries, say what is expected.
//!
//! ```text
//! load
//!   {app="web"}
//!     0s   GET / 200
//!     10s  [user="7", bytes:int=20] GET /a 404
//!
//! eval logs backward from 0s to 1m limit 10 {app="web"} |= "404"
//!   {app="web", bytes="20", user="7"}
//!     10s GET /a 404
//!
//! eval instant at 1m sum(count_over_time({app="web"}[1m]))
//!   {} 2
//!
//! eval range from 0s to 1m step 30s count_over_time({app="web"} |= "404" [30s])
//!   {app="web", bytes="20", user="7"} _ 1 _
//!
//! eval instant at 1m rate({app="web"})
//!   expect fail regex: a range
//! ```
//!
//! Times are counted from the Unix epoch; `0s..5m/10s` in front of a line repeats it every ten seconds. `_` is a step without a value. A line that begins with a bracket or quote is
//! written as a string. `clear` forgets all lines. `expect ordered` says that the order of an instant vector counts.
//! Every query is also printed and read back first, and an instant query is evaluated as a step of a range query too.

mod command;
mod compare;

pub use promql::script::{Failure, Report};

use crate::ast::Expr;
use crate::engine::Engine;
use crate::memory::MemorySource;
use crate::parser::parse;
use crate::value::{LogRange, Output, Value, VectorSample};
use command::{Command, Eval, Expected, Kind};
use model::record::{AttributesBuf, Record, Severity, SpanId, TraceId};
use promql::{Control, Point};

/// Runs a script with an engine of ordinary limits.
pub fn run_file(text: &str, name: &str) -> Report {
    run_with(&Engine::default(), text, name)
}

/// Runs a script with this engine.
pub fn run_with(engine: &Engine, text: &str, name: &str) -> Report {
    let mut report = Report::default();
    let mut memory = MemorySource::default();
    for (line, command) in command::read(text) {
        let (query, outcome) = match command {
            Command::Clear => {
                memory = MemorySource::default();
                continue;
            }
            Command::Load(streams) => {
                load(&mut memory, &streams);
                continue;
            }
            Command::Eval(eval) => {
                let outcome = run(engine, &memory, &eval);
                (eval.query, outcome)
            }
            Command::Wrong { text, reason } => (text, mismatch("a command that can be read", reason)),
        };
        match outcome {
            Ok(()) => report.passed += 1,
            Err((expected, got)) => {
                report.failures.push(Failure { file: name.to_owned(), line, query, expected, got });
            }
        }
    }
    report
}

/// Adds lines as scripts have them behind `load`, their times counted from `from_ns`.
pub fn load_lines(memory: &mut MemorySource, text: &str, from_ns: i64) -> Result<(), String> {
    let lines: Vec<&str> = command::plain(text.lines());
    let mut streams = command::streams(&lines)?;
    for line in streams.iter_mut().flat_map(|s| &mut s.lines) {
        line.time_ns = line.time_ns.saturating_add(from_ns);
    }
    load(memory, &streams);
    Ok(())
}

/// What was expected, and what came.
type Outcome = Result<(), (String, String)>;

fn mismatch(expected: impl Into<String>, got: impl Into<String>) -> Outcome {
    Err((expected.into(), got.into()))
}

fn load(memory: &mut MemorySource, streams: &[command::Stream]) {
    let batch = memory.batch_mut();
    for stream in streams {
        let at = batch.stream(stream.labels.clone());
        for line in &stream.lines {
            let mut attributes = AttributesBuf::new();
            let mut record = Record::line(line.time_ns, &line.text);
            for (name, value) in &line.attributes {
                match name.as_str() {
                    "trace_id" => record.trace_id = TraceId::from_hex(value.text()).unwrap_or_default(),
                    "span_id" => record.span_id = SpanId::from_hex(value.text()).unwrap_or_default(),
                    "severity" => record.severity = Severity::from_text(value.text()),
                    _ => attributes.push(name, value.value()),
                }
            }
            record.attributes = attributes.as_attributes();
            batch.push(at, &record);
        }
    }
}

fn run(engine: &Engine, memory: &MemorySource, eval: &Eval) -> Outcome {
    let expr = match parse(&eval.query) {
        Ok(expr) => expr,
        Err(e) => return eval.failed(&e.caret(&eval.query), &e.to_string()),
    };
    // What it prints must read back as the same query.
    let printed = expr.to_string();
    match parse(&printed).map(|again| again.to_string()) {
        Ok(again) if again == printed => {}
        Ok(again) => return mismatch(printed, again),
        Err(e) => return mismatch(format!("{printed:?} to be read back"), e.to_string()),
    }
    let laid_out = crate::printer::pretty(&expr);
    match parse(&laid_out).map(|again| again.to_string()) {
        Ok(again) if again == printed => {}
        Ok(again) => return mismatch(printed, again),
        Err(e) => return mismatch(format!("{laid_out:?} to be read back"), e.to_string()),
    }
    let control = Control::new();
    match (eval.kind, &expr) {
        (Kind::Logs { direction, start_ns, end_ns, limit }, Expr::Log(log)) => {
            let range = LogRange { start_ns, end_ns, direction, limit };
            match engine.logs(memory, log, &range, &control) {
                Ok(output) => eval.check_streams(output.merged()),
                Err(e) => eval.failed(&e.to_string(), &e.to_string()),
            }
        }
        (Kind::Logs { .. }, Expr::Metric(_)) => mismatch("a query that gives lines", printed),
        (Kind::Instant { time_ns }, _) => {
            match engine.instant(memory, &expr, time_ns, &control) {
                Ok(output) => eval.check_value(&output.value)?,
                Err(e) => return eval.failed(&e.to_string(), &e.to_string()),
            }
            if eval.ordered || printed.contains("approx_topk") || matches!(eval.expected, Expected::Scalar(_))
            {
                return Ok(());
            }
            const MINUTE: i64 = 60_000_000_000;
            match engine.range(memory, &expr, time_ns - MINUTE, time_ns + MINUTE, MINUTE, &control) {
                Ok(output) => eval.check_value(&at_step(output, time_ns / 1_000_000)),
                Err(e) => mismatch("a result in range mode too", e.to_string()),
            }
        }
        (Kind::Range { start_ns, end_ns, step_ns }, _) => {
            match engine.range(memory, &expr, start_ns, end_ns, step_ns, &control) {
                Ok(output) => eval.check_value(&output.value),
                Err(e) => eval.failed(&e.to_string(), &e.to_string()),
            }
        }
    }
}

/// One step of a range query as an instant vector.
fn at_step(output: Output, time_ms: i64) -> Value {
    let Value::Matrix(series) = output.value else { return output.value };
    let sample = |s: crate::value::MatrixSeries| {
        let (_, value) = s.floats.iter().find(|(t, _)| *t == time_ms).copied()?;
        Some(VectorSample { labels: s.labels, time_ms, value: Point::Float(value) })
    };
    Value::Vector(series.into_iter().filter_map(sample).collect())
}
