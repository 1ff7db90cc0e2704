//! Runs TraceQL test scripts: `load` spans, `eval` queries, say what is expected.
//!
//! ```text
//! load
//!   trace 1
//!     a "GET /" 0s 100ms server {service.name="shop"} [http.status_code=500]
//!       b "SELECT" 10ms 50ms client error {service.name="db"} [db.system="pg", tags=["x", "y"]]
//!         event "exception" 5ms [exception.type="Oops"]
//!         link 2 c [reason="retry"]
//!
//! eval search { status = error }
//!   1: b
//!
//! eval search from 0s to 1m limit 10 { } | by(resource.service.name) | count() > 0
//!   1: a (by(resource.service.name)="shop")
//!   1: b (by(resource.service.name)="db")
//!
//! eval range from 0s to 1m step 30s { } | count_over_time() by (status)
//!   {status=unset} 1 0 0
//!   {status=error} 0 1 0
//!
//! eval instant from 0s to 1m { } | rate()
//!   {__name__="rate"} 0.03333333333333333
//!
//! eval search { nme = "x" }
//!   expect fail regex: did you mean name
//!
//! print {duration>1s}
//!   { duration > 1s }
//!
//! valid
//!   { } | rate()
//! ```
//!
//! Ids are hexadecimal; leading zeros may be left out. A span belongs to the one above that is indented less, and has its
//! resource unless it names one. Behind its name, start and duration come in any order its kind, its status, `message`,
//! `parent`, `scope` and `version` with `=`, its resource in braces and its attributes in brackets. Times are counted from
//! the Unix epoch. Of an expected set of spans the attributes are compared that are written. `_` is a step without a value,
//! `~5` one within a hundredth. `clear` forgets all spans. Every query is also printed and read back first.

mod command;
mod load;
mod text;

pub use promql::script::{Failure, Report};

use crate::ast::Query;
use crate::engine::Engine;
use crate::memory::MemorySource;
use crate::parser::parse;
use crate::value::{MetricsOutput, Output, SearchRange};
use command::{Command, Eval, Expected, Kind, Message, SetLine};
use promql::Control;

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
            Command::Load(lines) => match load::load(&mut memory, &lines, 0) {
                Ok(()) => continue,
                Err(reason) => ("load".to_owned(), mismatch("spans that can be read", reason)),
            },
            Command::Valid(query) => {
                let outcome = read_back(&query).map(|_| ());
                (query, outcome)
            }
            Command::Print(query, expected) => {
                let outcome = read_back(&query).and_then(|q| equal(expected, q.to_string()));
                (query, outcome)
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

/// Adds spans as scripts have them behind `load`, their times counted from `from_ns`.
pub fn load_spans(memory: &mut MemorySource, text: &str, from_ns: i64) -> Result<(), String> {
    let plain = |l: &&str| !l.trim().is_empty() && !l.trim_start().starts_with('#');
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(plain).collect();
    load::load(memory, &lines, from_ns)
}

/// What was expected, and what came.
type Outcome<T = ()> = Result<T, (String, String)>;

fn mismatch<T>(expected: impl Into<String>, got: impl Into<String>) -> Outcome<T> {
    Err((expected.into(), got.into()))
}

fn equal(expected: String, got: String) -> Outcome {
    if expected == got { Ok(()) } else { mismatch(expected, got) }
}

/// A query, which must be the same after it was printed, in either way.
fn read_back(text: &str) -> Outcome<Query> {
    let query = match parse(text) {
        Ok(query) => query,
        Err(e) => return mismatch("a query that can be read", e.caret(text)),
    };
    for printed in [query.to_string(), crate::printer::pretty(&query)] {
        match parse(&printed) {
            Ok(again) if again == query => {}
            Ok(again) => return mismatch(format!("{printed:?} to be {query:?}"), format!("{again:?}")),
            Err(e) => return mismatch(format!("{printed:?} to be read back"), e.to_string()),
        }
    }
    Ok(query)
}

fn run(engine: &Engine, memory: &MemorySource, eval: &Eval) -> Outcome {
    if let Err(e) = parse(&eval.query) {
        return failed(eval, &e.caret(&eval.query), &e.to_string());
    }
    let query = read_back(&eval.query)?;
    let control = Control::new();
    match &eval.kind {
        Kind::Search { start_ns, end_ns, limit } => {
            let range = SearchRange {
                start_ns: *start_ns,
                end_ns: *end_ns,
                limit: *limit,
                spans_per_set: usize::MAX,
            };
            match engine.search(memory, &query, &range, &control) {
                Ok(output) => check_sets(eval, &output),
                Err(e) => failed(eval, &e.to_string(), &e.to_string()),
            }
        }
        Kind::Metrics(range) => match engine.metrics(memory, &query, range, 0, &control) {
            Ok(output) => check_series(eval, &output),
            Err(e) => failed(eval, &e.to_string(), &e.to_string()),
        },
    }
}

/// The query failed: as expected?
fn failed(eval: &Eval, shown: &str, message: &str) -> Outcome {
    match &eval.expected {
        Expected::Failure(Message::Any) => Ok(()),
        Expected::Failure(Message::Exactly(wanted)) if wanted == message => Ok(()),
        Expected::Failure(Message::Matching(wanted)) if wanted.is_match(shown) => Ok(()),
        Expected::Failure(wanted) => mismatch(format!("an error: {wanted:?}"), shown),
        _ => mismatch("a result", shown),
    }
}

fn check_sets(eval: &Eval, output: &Output) -> Outcome {
    let mut got = Vec::new();
    for trace in &output.traces {
        for set in &trace.sets {
            let ids: Vec<String> = set.spans.iter().map(|s| text::short(&s.span_id.to_string())).collect();
            let attributes: Vec<String> = set.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
            got.push(SetLine { trace: text::short(&trace.trace_id.to_string()), spans: ids, attributes });
        }
    }
    let Expected::Sets(wanted) = &eval.expected else {
        return mismatch("an error", shown_sets(&got));
    };
    let same = |(w, g): (&SetLine, &SetLine)| {
        w.trace == g.trace && w.spans == g.spans && w.attributes.iter().all(|a| g.attributes.contains(a))
    };
    match wanted.len() == got.len() && wanted.iter().zip(&got).all(same) {
        true => Ok(()),
        false => mismatch(shown_sets(wanted), shown_sets(&got)),
    }
}

fn shown_sets(sets: &[SetLine]) -> String {
    let one = |s: &SetLine| {
        let attributes =
            if s.attributes.is_empty() { String::new() } else { format!(" ({})", s.attributes.join(", ")) };
        format!("{}: {}{attributes}", s.trace, s.spans.join(" "))
    };
    if sets.is_empty() { "nothing".to_owned() } else { sets.iter().map(one).collect::<Vec<_>>().join("\n") }
}

fn check_series(eval: &Eval, output: &MetricsOutput) -> Outcome {
    // Every instant that occurs, so that steps stand below each other.
    let mut times: Vec<i64> = output.series.iter().flat_map(|s| s.samples.iter().map(|(t, _)| *t)).collect();
    if let Kind::Metrics(range) = &eval.kind {
        times.extend(command::instants(range));
    }
    times.sort_unstable();
    times.dedup();
    let got: Vec<(String, Vec<Option<f64>>)> = output
        .series
        .iter()
        .map(|s| {
            let labels: Vec<String> = s.labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let at = |time: &i64| s.samples.iter().find(|(t, _)| t == time).map(|(_, v)| *v);
            (format!("{{{}}}", labels.join(", ")), times.iter().map(at).collect())
        })
        .collect();
    let shown = || {
        let value = |v: &Option<f64>| v.map_or_else(|| "_".to_owned(), |v| v.to_string());
        let line =
            |(l, v): &(String, Vec<_>)| format!("{l} {}", v.iter().map(value).collect::<Vec<_>>().join(" "));
        if got.is_empty() {
            "nothing".to_owned()
        } else {
            got.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    let Expected::Series(wanted) = &eval.expected else { return mismatch("an error", shown()) };
    let same = |(w, g): (&command::SeriesLine, &(String, Vec<Option<f64>>))| {
        w.labels == g.0 && w.values.len() == g.1.len() && w.values.iter().zip(&g.1).all(|(w, g)| w.is(*g))
    };
    match wanted.len() == got.len() && wanted.iter().zip(&got).all(same) {
        true => Ok(()),
        false => mismatch(eval.body.join("\n"), shown()),
    }
}
