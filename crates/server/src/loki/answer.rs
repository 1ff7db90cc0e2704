//! Answers in Loki's shapes.

use crate::api::value;
use crate::http::json::Json;
use logql::{LogOutput, LogStream, Stats};
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
