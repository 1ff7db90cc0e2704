//! A trace as a tree, read from OTLP's JSON.

use super::list::Pair;
use serde::Deserialize;
use std::collections::HashMap;

/// What the server says of a trace.
#[derive(Debug, Deserialize)]
pub struct Answer {
    trace: Batches,
    #[serde(default)]
    pub message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batches {
    #[serde(default)]
    resource_spans: Vec<Batch>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    #[serde(default)]
    resource: Attributes,
    #[serde(default)]
    scope_spans: Vec<Scope>,
}

#[derive(Debug, Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    attributes: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
struct Scope {
    #[serde(default)]
    spans: Vec<Sent>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    #[serde(default)]
    name: String,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(default)]
    attributes: Vec<Pair>,
    #[serde(default)]
    events: Vec<Event>,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: String,
    message: String,
}

/// Something that happened within a span.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    #[serde(default)]
    pub time_unix_nano: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub attributes: Vec<Pair>,
}

/// A span in its place.
#[derive(Debug)]
pub struct Shown {
    pub name: String,
    pub service: String,
    pub start_ns: i64,
    pub end_ns: i64,
    /// What is wrong, if something is.
    pub error: Option<String>,
    pub attributes: Vec<Pair>,
    pub events: Vec<Event>,
    /// For each level above it whether a sibling follows there, its own last.
    pub followed: Vec<bool>,
}

/// Levels that are drawn; what is deeper stands as if it were there.
const DEPTH_MAX: usize = 64;

/// The spans in the order of the tree, children by start.
pub fn spans(answer: Answer) -> Vec<Shown> {
    let mut all: Vec<(String, Sent)> = Vec::new();
    for batch in answer.trace.resource_spans {
        let service = batch.resource.attributes.iter().find(|p| p.key == "service.name");
        let service = service.map_or_else(String::new, Pair::text);
        let spans = batch.scope_spans.into_iter().flat_map(|s| s.spans);
        all.extend(spans.map(|s| (service.clone(), s)));
    }
    let start = |s: &Sent| s.start_time_unix_nano.parse::<i64>().unwrap_or(0);
    all.sort_by_key(|(_, s)| start(s));
    let places: HashMap<&str, usize> =
        all.iter().enumerate().map(|(i, (_, s))| (s.span_id.as_str(), i)).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    let mut roots = Vec::new();
    for (i, (_, s)) in all.iter().enumerate() {
        match places.get(s.parent_span_id.as_str()).filter(|p| **p != i) {
            Some(parent) => children[*parent].push(i),
            None => roots.push(i),
        }
    }
    let mut sent: Vec<Option<(String, Sent)>> = all.into_iter().map(Some).collect();
    let mut out = Vec::with_capacity(sent.len());
    let siblings = |open: &mut Vec<(usize, Vec<bool>)>, of: &[usize], above: &[bool]| {
        for (n, i) in of.iter().enumerate().rev() {
            let mut followed = above.to_vec();
            if followed.len() < DEPTH_MAX {
                followed.push(n + 1 < of.len());
            }
            open.push((*i, followed));
        }
    };
    let mut open = Vec::new();
    siblings(&mut open, &roots, &[]);
    while let Some((i, followed)) = open.pop() {
        // What is in a circle has no root above it and is not come by.
        let Some((service, s)) = sent[i].take() else { continue };
        siblings(&mut open, &children[i], &followed);
        let is_error = s.status.code == "STATUS_CODE_ERROR";
        out.push(Shown {
            start_ns: start(&s),
            end_ns: s.end_time_unix_nano.parse().unwrap_or_else(|_| start(&s)),
            name: s.name,
            service,
            error: is_error.then_some(s.status.message),
            attributes: s.attributes,
            events: s.events,
            followed,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_stand_below_their_parents() {
        let span = |id: &str, parent: &str, start: u32| {
            serde_json::json!({"spanId": id, "parentSpanId": parent, "name": id,
                "startTimeUnixNano": start.to_string(), "endTimeUnixNano": "100"})
        };
        let spans_json =
            [span("c", "a", 5), span("a", "", 1), span("d", "b", 4), span("b", "a", 3), span("e", "?", 9)];
        let body = serde_json::json!({"trace": {"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [{"spans": spans_json}]}]}});
        let shown = spans(serde_json::from_value(body).unwrap());
        let lines: Vec<String> = shown.iter().map(|s| format!("{} {:?}", s.name, s.followed)).collect();
        assert_eq!(
            lines,
            ["a [true]", "b [true, true]", "d [true, true, false]", "c [true, false]", "e [false]"]
        );
        assert!(shown.iter().all(|s| s.service == "shop"));
    }
}
