//! Answers in Loki's shapes.

use crate::api::value;
use crate::http::json::Json;
use logql::{Explained, Expr, LogOutput, LogStream, PlanNode, Stats, When};
use std::time::Duration;

/// How long a query waited and took.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// In the queue.
    pub waited: Duration,
    /// On it.
    pub took: Duration,
}

/// `"resultType":"streams",…` with the labels of each line among those of its stream.
pub fn streams(j: &mut Json, output: LogOutput) {
    j.key("resultType").string("streams").key("result").list(&output.merged(), stream);
}

/// A stream and its lines, `[time, line]` each.
pub fn stream(j: &mut Json, s: &LogStream) {
    j.raw("{\"stream\":").labels(&s.labels).raw(",\"values\":").list(&s.entries, |j, e| {
        j.raw("[\"").int(e.time_ns).raw("\",").string(&e.line).raw("]");
    });
    j.raw("}");
}

/// As [`streams`], with the labels of each line in a third place, told apart by where they are from.
pub fn categorised(j: &mut Json, output: &LogOutput) {
    j.key("resultType").string("streams").key("encodingFlags").raw("[\"categorize-labels\"]");
    j.key("result").list(&output.streams, categorised_stream);
}

/// A stream and its lines, `[time, line, labels by where they are from]` each.
pub fn categorised_stream(j: &mut Json, s: &LogStream) {
    j.raw("{\"stream\":").labels(&s.labels).raw(",\"values\":").list(&s.entries, |j, e| {
        j.raw("[\"").int(e.time_ns).raw("\",").string(&e.line).raw(",{");
        for (name, labels) in [("structuredMetadata", &e.structured), ("parsed", &e.parsed)] {
            if !labels.is_empty() {
                j.key(name).labels(labels);
            }
        }
        j.raw("}]");
    });
    j.raw("}");
}

/// `"resultType":…,"result":…` of a metric query: PromQL's shapes.
pub fn samples(j: &mut Json, v: &logql::Value) {
    value::write(j, v);
}

/// A node's own text is cut after so many bytes; where it stands in the query is told exactly.
const TEXT_BYTES_MAX: usize = 2000;

/// How a query was evaluated.
pub fn explained(j: &mut Json, explained: &Explained, expr: &Expr, text: &str, when: When, took: Duration) {
    let kind = match when {
        When::Lines(_) => "lines",
        When::Instant(_) => "instant",
        When::Steps { .. } => "range",
    };
    j.raw("{").key("query").string(&logql::pretty(expr)).key("kind").string(kind);
    j.key("steps").int(explained.stats.steps as i64).key("elapsed_ms").value(&ms(took));
    node(j.key("plan"), &explained.plan, text);
    j.raw("}");
}

/// Milliseconds, to the microsecond.
fn ms(d: Duration) -> f64 {
    d.as_micros() as f64 / 1000.0
}

/// A node and all below it. Recursion is bounded by the parser's own bound on nesting.
fn node(j: &mut Json, n: &PlanNode, query: &str) {
    let text = n.text(query).trim();
    let cut = text.floor_char_boundary(TEXT_BYTES_MAX);
    j.raw("{").key("kind").string(n.kind).key("node").string(&n.head).key("expr").string(&text[..cut]);
    j.key("start").int(n.span.start as i64).key("end").int(n.span.end as i64);
    for (key, value) in
        [("series", n.series), ("lines", n.lines), ("samples", Some(n.lines_read)), ("bytes", Some(n.bytes))]
    {
        j.key(key).value(&value);
    }
    j.key("total_ms").value(&ms(n.total)).key("self_ms").value(&ms(n.own));
    j.key("memory_bytes").int(n.memory_bytes as i64).key("notes").strings(&n.notes);
    j.key("children").list(&n.children, |j, child| node(j, child, query));
    j.raw("}");
}

/// `"stats":…`
pub fn stats(j: &mut Json, stats: &Stats, spent: Spent) {
    let seconds = spent.took.as_secs_f64().max(1e-9);
    let per_second = |n: u64| (n as f64 / seconds) as i64;
    j.key("stats").raw("{").key("summary").raw("{");
    j.key("bytesProcessedPerSecond").int(per_second(stats.bytes));
    j.key("linesProcessedPerSecond").int(per_second(stats.lines));
    j.key("totalBytesProcessed").int(stats.bytes as i64);
    j.key("totalLinesProcessed").int(stats.lines as i64);
    j.key("execTime").value(&spent.took.as_secs_f64());
    j.key("queueTime").value(&spent.waited.as_secs_f64());
    j.key("totalEntriesReturned").int(stats.entries as i64);
    j.raw("}}");
}
