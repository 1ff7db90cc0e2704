//! Log lines, events and spans of one test, in memory. Queries look back only, so all of them are there from the start.

use super::file::{InputText, TestGroup};
use crate::language::{Expression, span_vector, vector};
use crate::running::{EngineQueries, Queries};
use promql::{EvalError, VectorSample};
use traceql::MetricsRange;

const MS_NS: i64 = 1_000_000;

/// The records of a test, whatever tenant a group names.
#[derive(Debug, Default)]
pub(super) struct Records {
    lines: logql::MemorySource,
    spans: traceql::MemorySource,
}

impl Records {
    /// Reads records; the message says which text cannot be read.
    pub fn of(test: &TestGroup) -> Result<Records, String> {
        let mut records = Records::default();
        let from_ns = test.start_ms.saturating_mul(MS_NS);
        let wrong = |key: &str, input: &InputText, e: String| {
            format!("{}:{}: {key}: {e}", input.at.line, input.at.column)
        };
        if let Some(input) = &test.input_lines {
            logql::script::load_lines(&mut records.lines, &input.text, from_ns)
                .map_err(|e| wrong("input_lines", input, e))?;
        }
        if let Some(input) = &test.input_spans {
            traceql::script::load_spans(&mut records.spans, &input.text, from_ns)
                .map_err(|e| wrong("input_spans", input, e))?;
        }
        Ok(records)
    }
}

/// Series and records together.
pub(super) struct Everything<'a> {
    pub series: EngineQueries<'a>,
    pub records: &'a Records,
}

impl Queries for Everything<'_> {
    fn query(&self, expr: &Expression, time_ms: i64) -> Result<Vec<VectorSample>, EvalError> {
        let control = self.series.control;
        match expr {
            Expression::PromQl(_) => self.series.query(expr, time_ms),
            Expression::LogQl(expr) => {
                let time_ns = time_ms.saturating_mul(MS_NS);
                let output = logql::Engine::default().instant(&self.records.lines, expr, time_ns, control)?;
                vector(output.value)
            }
            Expression::TraceQl { query, range_ms } => {
                // As with rules at work: spans that started after the beginning, and not after the instant.
                let end_ns = time_ms.saturating_mul(MS_NS).saturating_add(1);
                let start_ns = end_ns.saturating_sub(range_ms.saturating_mul(MS_NS));
                let range = MetricsRange::Instant { start_ns, end_ns };
                let output =
                    traceql::Engine::default().metrics(&self.records.spans, query, &range, 0, control)?;
                Ok(span_vector(&output, time_ms))
            }
        }
    }
}
