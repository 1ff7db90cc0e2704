//! Lines of the past, a page at a time, so that neither side holds more than one.

use super::{ask, opened};
use crate::cli::LogsArgs;
use crate::exit::Exit;
use crate::remote::Remote;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lines asked for at a time.
const PAGE_LINES: usize = 1000;

/// A line of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub time_ns: i64,
    pub line: String,
    /// What the stream, the sender's metadata and the query's parsers say of it.
    pub labels: BTreeMap<String, String>,
}

/// Streams as Loki gives them.
#[derive(Debug, Deserialize)]
pub struct Streams {
    #[serde(rename = "result", alias = "streams", default)]
    pub streams: Vec<Stream>,
}

#[derive(Debug, Deserialize)]
pub struct Stream {
    stream: BTreeMap<String, String>,
    values: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Apart(String, String, Apart),
    Plain(String, String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Apart {
    structured_metadata: BTreeMap<String, String>,
    parsed: BTreeMap<String, String>,
}

impl Streams {
    /// All lines, in order of time.
    pub fn entries(self, forward: bool) -> Vec<Entry> {
        let mut all = Vec::new();
        for stream in self.streams {
            for value in stream.values {
                let (time, line, apart) = match value {
                    Value::Apart(time, line, apart) => (time, line, apart),
                    Value::Plain(time, line) => (time, line, Apart::default()),
                };
                let mut labels = stream.stream.clone();
                labels.extend(apart.structured_metadata);
                labels.extend(apart.parsed);
                all.push(Entry { time_ns: time.parse().unwrap_or_default(), line, labels });
            }
        }
        if forward {
            all.sort_by_key(|e| e.time_ns);
        } else {
            all.sort_by_key(|e| std::cmp::Reverse(e.time_ns));
        }
        all
    }
}

/// Walks through the lines of a range.
pub struct Pages<'a> {
    remote: &'a Remote,
    args: &'a LogsArgs,
    start_ns: i64,
    end_ns: i64,
    /// Lines still wanted; `None` for all.
    left: Option<usize>,
    /// Lines of the time where the last page ended that were given already.
    given: usize,
    done: bool,
}

impl<'a> Pages<'a> {
    pub fn new(remote: &'a Remote, args: &'a LogsArgs, start_ns: i64, end_ns: i64) -> Self {
        let left = (args.limit > 0).then_some(args.limit);
        Pages { remote, args, start_ns, end_ns, left, given: 0, done: false }
    }

    /// The next lines; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, Exit> {
        if self.done || self.left == Some(0) {
            return Ok(None);
        }
        // Lines of one time may lie on both sides of a page's end: that time is asked for again.
        let wanted = self.left.unwrap_or(usize::MAX).min(PAGE_LINES);
        let limit = wanted.saturating_add(self.given);
        let direction = if self.args.forward { "forward" } else { "backward" };
        let params = [
            ("query", self.args.query.clone()),
            ("start", self.start_ns.to_string()),
            ("end", self.end_ns.to_string()),
            ("limit", limit.to_string()),
            ("direction", direction.to_owned()),
        ];
        let body = ask(self.args, self.remote, "/loki/api/v1/query_range", &params).await?;
        let mut page = opened::<Streams>(self.args, &body)?.entries(self.args.forward);
        self.done = page.len() < limit;
        let Some(edge) = page.last().map(|e| e.time_ns) else {
            self.done = true;
            return Ok(None);
        };
        let at_edge = page.iter().rev().take_while(|e| e.time_ns == edge).count();
        page.drain(..self.given.min(page.len()));
        self.given = at_edge;
        if self.args.forward {
            self.start_ns = edge;
        } else {
            // The end of a range is not part of it.
            self.end_ns = edge.saturating_add(1);
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(page.len());
        }
        if page.is_empty() {
            self.done = true;
            return Ok(None);
        }
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_streams_come_in_order_with_all_their_labels() {
        let text = r#"{"resultType":"streams","result":[
            {"stream":{"app":"a"},"values":[["30","late",{"parsed":{"x":"1"}}],["10","early"]]},
            {"stream":{"app":"b"},"values":[["20","between",{"structuredMetadata":{"id":"7"}}]]}]}"#;
        let entries = |forward| serde_json::from_str::<Streams>(text).unwrap().entries(forward);
        let seen: Vec<String> =
            entries(true).iter().map(|e| format!("{} {} {:?}", e.time_ns, e.line, e.labels)).collect();
        assert_eq!(
            seen,
            [
                r#"10 early {"app": "a"}"#,
                r#"20 between {"app": "b", "id": "7"}"#,
                r#"30 late {"app": "a", "x": "1"}"#,
            ]
        );
        assert!(entries(false).iter().map(|e| e.time_ns).eq([30, 20, 10]));
    }
}
