//! Runs PromQL test scripts: `load` series, `eval` queries, say what is expected.
//!
//! The language is that of the Prometheus project's own PromQL tests, so that their files run as they are. Every
//! `eval` is one case. An instant query is also evaluated with every selector fixed by `@` at several other times,
//! and as a step in the middle of a range query, wherever its result must be the same.

mod command;
mod compare;
mod notation;
mod storage;

use crate::annotations::Annotations;
use crate::control::Control;
use crate::engine::{Engine, EngineOptions, pinned};
use crate::error::EvalError;
use crate::parser::parse;
use crate::value::{Output, Point, Value, VectorSample};
use crate::{Expr, catalog};
use command::{Command, Eval, Kind};
use model::Labels;
pub use notation::{Item, series};
use storage::Memory;
pub use storage::known_hint;

/// What a script's run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Cases that went as expected.
    pub passed: usize,
    /// Cases that did not.
    pub failures: Vec<Failure>,
}

/// A case that did not go as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Name of the script.
    pub file: String,
    /// Line of the command, from 1.
    pub line: usize,
    /// The query, or the command that cannot be read.
    pub query: String,
    /// What was expected.
    pub expected: String,
    /// What came instead.
    pub got: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}: {}\n  expected: {}\n  got:      {}",
            self.file, self.line, self.query, self.expected, self.got
        )
    }
}

/// Runs a script with an engine as upstream's tests want it: experimental things allowed, 5 minutes of lookback.
pub fn run_file(text: &str, name: &str) -> Report {
    run_with(&Engine::new(EngineOptions::default()), text, name)
}

/// Runs a script with this engine.
pub fn run_with(engine: &Engine, text: &str, name: &str) -> Report {
    let mut report = Report::default();
    let mut runner = Runner { engine, memory: Memory::default() };
    for (line, command) in command::read(text) {
        match runner.run(command) {
            Ok(is_case) => report.passed += usize::from(is_case),
            Err(m) => {
                let Mismatch { query, expected, got } = *m;
                report.failures.push(Failure { file: name.to_owned(), line, query, expected, got });
            }
        }
    }
    report
}

/// How a case differs from what was expected.
struct Mismatch {
    query: String,
    expected: String,
    got: String,
}

type Outcome<T> = Result<T, Box<Mismatch>>;

fn mismatch<T>(query: &str, expected: impl Into<String>, got: impl Into<String>) -> Outcome<T> {
    Err(Box::new(Mismatch { query: query.to_owned(), expected: expected.into(), got: got.into() }))
}

struct Runner<'a> {
    engine: &'a Engine,
    memory: Memory,
}

impl Runner<'_> {
    /// Whether the command was a case.
    fn run(&mut self, command: Command) -> Outcome<bool> {
        match command {
            Command::Clear => {
                self.memory.clear();
                Ok(false)
            }
            Command::Load { step_ms, lines, custom_buckets } => {
                for line in &lines {
                    self.memory.load(&line.labels, &line.items, line.starts.as_deref(), step_ms);
                }
                if custom_buckets {
                    let lines: Vec<(Labels, Vec<_>)> =
                        lines.into_iter().map(|l| (l.labels, l.items)).collect();
                    if let Err(e) = self.memory.load_custom_buckets(&lines, step_ms) {
                        return mismatch("load_with_nhcb", "classic histograms that can be converted", e);
                    }
                }
                self.memory.commit();
                Ok(false)
            }
            Command::Eval(eval) => self.eval(&eval).map(|()| true),
            Command::Wrong { text, reason } => mismatch(&text, "a command that can be read", reason),
        }
    }

    fn eval(&self, eval: &Eval) -> Outcome<()> {
        let expr = match parse(&eval.query) {
            Ok(expr) => expr,
            Err(e) => return eval.check_error(&eval.query, &e.to_string()),
        };
        match eval.kind {
            Kind::Range { start, end, step } => {
                let result = self.range(&expr, start, end, step);
                let Some(output) = eval.expect_success(&eval.query, result)? else { return Ok(()) };
                eval.check_annotations(&eval.query, &output.annotations)?;
                eval.check_value(&eval.query, &output.value, "")
            }
            Kind::Instant { time } => {
                self.instant(eval, &expr, &eval.query, time)?;
                let Some(fixed) = pinned_if_invariant(&expr, time) else { return Ok(()) };
                // What it prints must read back as the same query.
                let text = fixed.to_string();
                let fixed = match parse(&text) {
                    Ok(fixed) => fixed,
                    Err(e) => return mismatch(&text, "a query that can be read back", e.to_string()),
                };
                let others = match time {
                    0 => vec![-1000, 0, 1000],
                    t => vec![t.saturating_mul(-10), 0, t / 5, t, t.saturating_mul(10)],
                };
                others.into_iter().try_for_each(|at| self.instant(eval, &fixed, &text, at))
            }
        }
    }

    fn instant(&self, eval: &Eval, expr: &Expr, query: &str, time: i64) -> Outcome<()> {
        let result = self.engine.instant(&self.memory, expr, time, &Control::new());
        let Some(output) = eval.expect_success(query, result)? else { return Ok(()) };
        eval.check_annotations(query, &output.annotations)?;
        eval.check_value(query, &output.value, "")?;
        if eval.only_instant || depends_on_query(expr) {
            return Ok(());
        }
        const MINUTE: i64 = 60_000;
        let output = match self.range(expr, time.saturating_sub(MINUTE), time.saturating_add(MINUTE), MINUTE)
        {
            Ok(output) => output,
            Err(e) => return mismatch(query, "a result in range mode", e.to_string()),
        };
        if eval.is_ordered() {
            return Ok(());
        }
        let Value::Matrix(matrix) = output.value else { return Ok(()) };
        let mut vector = Vec::new();
        for s in matrix {
            let labels = s.labels;
            let float = s.floats.iter().find(|p| p.0 == time).map(|p| Point::Float(p.1));
            let histogram = s.histograms.iter().find(|p| p.0 == time).map(|p| Point::Histogram(p.1.clone()));
            for value in float.into_iter().chain(histogram) {
                vector.push(VectorSample { labels: labels.clone(), time_ms: time, value });
            }
        }
        let value = match (&vector.first(), eval.expects_scalar()) {
            (Some(VectorSample { value: Point::Float(v), .. }), true) => {
                Value::Scalar { time_ms: time, value: *v }
            }
            _ => Value::Vector(vector),
        };
        eval.check_value(query, &value, " in range mode")
    }

    fn range(&self, expr: &Expr, start: i64, end: i64, step: i64) -> Result<Output, EvalError> {
        self.engine.range(&self.memory, expr, start, end, step, &Control::new())
    }
}

/// Whether a query speaks of its own start, end, length or step.
fn depends_on_query(expr: &Expr) -> bool {
    let text = expr.to_string();
    ["start()", "end()", "range()", "step()"].iter().any(|f| text.contains(f))
}

/// The query with every selector fixed to a time, unless its result would still depend on when it is evaluated.
fn pinned_if_invariant(expr: &Expr, time: i64) -> Option<Expr> {
    let mut varies = false;
    expr.walk(&mut |e| {
        if let Expr::Call(c) = e {
            varies |= crate::eval::depends_on_time(c.function.id)
                || matches!(
                    c.function.id,
                    catalog::Id::Start | catalog::Id::End | catalog::Id::Range | catalog::Id::Step
                );
        }
    });
    (!varies).then(|| pinned(expr, time))
}

/// All annotations as text.
fn rendered(annotations: &Annotations, query: &str) -> (Vec<String>, Vec<String>) {
    (annotations.warnings(query), annotations.infos(query))
}
