//! Records as documents.
//!
//! A document that came in without a message is kept as the body of its record, and given back letter by letter. All
//! others are put together again: the time is `@timestamp`, the body `message`; names with dots are nested objects for
//! records of an index, and stay as they are for those of other protocols.

use crate::dates::write_iso;
use crate::fields::{ID, INDEX, MESSAGE, TIME};
use crate::json::of_value;
use crate::pattern::glob;
use jiff::tz::TimeZone;
use model::Labels;
use model::record::{Attributes, Severity, SpanId, TraceId, Value};
use serde_json::{Map, Value as Json};

/// A record, kept beyond its block.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub time_ns: i64,
    pub labels: Labels,
    pub body: String,
    pub severity: Severity,
    pub trace: TraceId,
    pub span: SpanId,
    /// Encoded attributes.
    pub attributes: Vec<u8>,
    pub id: String,
}

/// Names under which times, traces and spans were sent that are kept under ours.
const CONSUMED: [&str; 16] = [
    "@timestamp",
    "_time",
    "timestamp",
    "time",
    "ts",
    "datetime",
    "trace.id",
    "trace_id",
    "traceId",
    "traceID",
    "traceid",
    "span.id",
    "span_id",
    "spanId",
    "spanID",
    "spanid",
];

/// Names of a level; a record with one of them needs no other.
const LEVELS: [&str; 8] =
    ["level", "log.level", "severity", "severity_text", "log_level", "loglevel", "lvl", "levelname"];

impl Document {
    /// Memory it holds.
    pub fn bytes(&self) -> u64 {
        (std::mem::size_of::<Document>() + self.body.len() + self.attributes.len() + self.id.len()) as u64
    }

    fn attributes(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        Attributes::trusted(&self.attributes).iter().filter(|(name, _)| !matches!(*name, INDEX | ID))
    }

    /// The index it is in.
    pub fn index(&self) -> &str {
        crate::fields::index_of(&self.labels)
    }

    /// Names and values of all that is known of it, without nesting.
    pub fn flat(&self) -> Map<String, Json> {
        let mut out = Map::new();
        out.insert(TIME.to_owned(), Json::String(write_iso(self.time_ns, &TimeZone::UTC)));
        out.insert(MESSAGE.to_owned(), Json::String(self.body.clone()));
        for (name, value) in self.labels.iter().filter(|(name, _)| *name != INDEX) {
            out.insert(name.to_owned(), Json::String(value.to_owned()));
        }
        for (name, value) in self.attributes() {
            // A label of that name is the field; an attribute would only hide it.
            if self.labels.get(name).is_none() {
                out.insert(name.to_owned(), of_value(value));
            }
        }
        if self.severity != Severity::UNKNOWN && !LEVELS.iter().any(|name| out.contains_key(*name)) {
            out.insert("log.level".to_owned(), Json::String(self.severity.text().to_owned()));
        }
        if !self.trace.is_none() {
            out.insert("trace.id".to_owned(), Json::String(self.trace.to_string()));
        }
        if !self.span.is_none() {
            out.insert("span.id".to_owned(), Json::String(self.span.to_string()));
        }
        out
    }

    /// The document as it was sent, as far as it was kept.
    pub fn source(&self) -> Map<String, Json> {
        if self.labels.get(INDEX).is_none() {
            return self.flat();
        }
        if let Some(sent) = self.sent() {
            return sent;
        }
        let mut out = Map::new();
        for (name, value) in self.flat() {
            nest(&mut out, &name, value);
        }
        out
    }

    /// The body, if it is the whole document: everything in it is in the record, and the other way round.
    fn sent(&self) -> Option<Map<String, Json>> {
        if !self.body.starts_with('{') {
            return None;
        }
        let sent: Map<String, Json> = serde_json::from_str(&self.body).ok()?;
        let mut names = Vec::new();
        flatten(&sent, "", &mut names);
        let attributes = Attributes::trusted(&self.attributes);
        let is_kept = |name: &String| {
            CONSUMED.contains(&name.as_str())
                || self.labels.get(name).is_some()
                || attributes.iter().any(|(n, _)| n == name)
        };
        let was_sent = |name: &str| names.iter().any(|n| n == name);
        (!names.is_empty() && names.iter().all(is_kept) && self.attributes().all(|(name, _)| was_sent(name)))
            .then_some(sent)
    }
}

/// Names of the fields of an object, dotted. JSON nests a bounded number of times.
fn flatten(map: &Map<String, Json>, prefix: &str, out: &mut Vec<String>) {
    for (name, value) in map {
        let name = format!("{prefix}{name}");
        match value {
            Json::Object(inner) if !inner.is_empty() => flatten(inner, &format!("{name}."), out),
            _ => out.push(name),
        }
    }
}

/// Objects are made for so many dots of a name.
const NESTING_MAX: usize = 20;

/// Puts a value under a dotted name into nested objects. Where something else is in the way the rest of the name stays
/// as it is.
fn nest(out: &mut Map<String, Json>, name: &str, value: Json) {
    let mut at = out;
    let mut rest = name;
    for _ in 0..NESTING_MAX {
        let Some((head, tail)) = rest.split_once('.').filter(|(h, t)| !h.is_empty() && !t.is_empty()) else {
            break;
        };
        match at.get(head) {
            None | Some(Json::Object(_)) => {}
            Some(_) => break,
        }
        let inner = at.entry(head).or_insert_with(|| Json::Object(Map::new()));
        let Json::Object(inner) = inner else { return };
        (at, rest) = (inner, tail);
    }
    at.insert(rest.to_owned(), value);
}

/// Which part of documents is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceFilter {
    /// Nothing at all.
    pub none: bool,
    /// Patterns of names; all if there are none.
    pub includes: Vec<String>,
    pub excludes: Vec<String>,
}

impl SourceFilter {
    /// The part of a document that is wanted.
    pub fn apply(&self, source: Map<String, Json>) -> Map<String, Json> {
        if self.includes.is_empty() && self.excludes.is_empty() {
            return source;
        }
        self.part(source, "", self.includes.is_empty())
    }

    fn part(&self, map: Map<String, Json>, prefix: &str, whole: bool) -> Map<String, Json> {
        let mut out = Map::new();
        for (name, value) in map {
            let path = format!("{prefix}{name}");
            if fits(&self.excludes, &path) {
                continue;
            }
            let whole = whole || fits(&self.includes, &path);
            match value {
                Json::Object(inner) if !inner.is_empty() => {
                    let inner = self.part(inner, &format!("{path}."), whole);
                    if !inner.is_empty() {
                        out.insert(name, Json::Object(inner));
                    }
                }
                value if whole => {
                    out.insert(name, value);
                }
                _ => {}
            }
        }
        out
    }
}

/// Whether a path or an object it is in fits a pattern.
fn fits(patterns: &[String], path: &str) -> bool {
    let objects = path.match_indices('.').map(|(at, _)| &path[..at]);
    patterns.iter().any(|p| glob(p, path) || objects.clone().any(|object| p == object))
}

/// Keeps of an answer what `filter_path` names: `took,hits.hits._id,-hits.hits._source`.
pub(crate) fn filter_path(answer: &mut Json, paths: &str) {
    let (mut takes, mut drops) = (Vec::new(), Vec::new());
    for path in paths.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        match path.strip_prefix('-') {
            Some(path) => drops.push(path.split('.').collect::<Vec<_>>()),
            None => takes.push(path.split('.').collect::<Vec<_>>()),
        }
    }
    if !takes.is_empty() {
        let takes: Vec<&[&str]> = takes.iter().map(Vec::as_slice).collect();
        keep(answer, &takes);
    }
    let drops: Vec<&[&str]> = drops.iter().map(Vec::as_slice).collect();
    if !drops.is_empty() {
        remove(answer, &drops);
    }
}

/// What is left of some paths below a name; `None` in it is a path that ends there.
fn below<'p>(paths: &[&'p [&'p str]], name: &str) -> Vec<&'p [&'p str]> {
    let mut out = Vec::new();
    for path in paths {
        match path.first() {
            Some(&"**") => {
                out.push(*path);
                out.extend(below(&[&path[1..]], name));
            }
            Some(step) if glob(step, name) => out.push(&path[1..]),
            _ => {}
        }
    }
    out
}

/// Answers nest a bounded number of times, as requests do.
fn keep(value: &mut Json, paths: &[&[&str]]) -> bool {
    if paths.iter().any(|p| p.is_empty()) {
        return true;
    }
    match value {
        Json::Object(map) => {
            let names: Vec<String> = map.keys().cloned().collect();
            for name in names {
                let rest = below(paths, &name);
                let kept = !rest.is_empty() && map.get_mut(&name).is_some_and(|inner| keep(inner, &rest));
                if !kept {
                    map.shift_remove(&name);
                }
            }
            !map.is_empty()
        }
        Json::Array(all) => {
            all.retain_mut(|item| keep(item, paths));
            !all.is_empty()
        }
        _ => false,
    }
}

fn remove(value: &mut Json, paths: &[&[&str]]) {
    match value {
        Json::Object(map) => {
            let names: Vec<String> = map.keys().cloned().collect();
            for name in names {
                let rest = below(paths, &name);
                if rest.iter().any(|p| p.is_empty()) {
                    map.shift_remove(&name);
                } else if let (false, Some(inner)) = (rest.is_empty(), map.get_mut(&name)) {
                    remove(inner, &rest);
                }
            }
        }
        Json::Array(all) => all.iter_mut().for_each(|item| remove(item, paths)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::AttributesBuf;
    use serde_json::json;

    fn document(labels: &[(&str, &str)], body: &str, attributes: &[(&str, Value<'_>)]) -> Document {
        let mut buf = AttributesBuf::new();
        attributes.iter().for_each(|(n, v)| buf.push(n, *v));
        Document {
            time_ns: 1_795_256_430_500_000_000,
            labels: Labels::from_pairs(labels.iter().copied()).unwrap(),
            body: body.to_owned(),
            severity: Severity::ERROR,
            trace: TraceId::NONE,
            span: SpanId::NONE,
            attributes: buf.as_attributes().encoded().to_vec(),
            id: "1".to_owned(),
        }
    }

    #[test]
    fn documents_come_back() {
        let d = document(
            &[("_index", "a"), ("host.name", "h")],
            "disk full",
            &[("a", Value::Int(1)), ("a.b", Value::Int(2)), ("level", Value::String("E"))],
        );
        assert_eq!(
            Json::Object(d.source()),
            json!({"@timestamp": "2026-11-21T10:20:30.500Z", "message": "disk full", "host": {"name": "h"}, "a": 1, "a.b": 2, "level": "E"})
        );
        let other = document(&[("host.name", "h")], "x", &[]);
        assert_eq!(
            Json::Object(other.source()),
            json!({"@timestamp": "2026-11-21T10:20:30.500Z", "message": "x", "host.name": "h", "log.level": "error"})
        );
        let sent = r#"{"ts":"2026-11-21T10:20:30.5Z","host":{"name":"h"},"n":1}"#;
        let whole = document(&[("_index", "a"), ("host.name", "h")], sent, &[("n", Value::Int(1))]);
        assert_eq!(Json::Object(whole.source()), serde_json::from_str::<Json>(sent).unwrap());
        let text = document(&[("_index", "a")], r#"{"n":1}"#, &[]);
        assert_eq!(text.source()["message"], json!(r#"{"n":1}"#), "a message that looks like a document");
    }

    #[test]
    fn parts_of_documents_are_taken() {
        let source = json!({"a": {"b": 1, "c": {"d": 2}}, "e": 3, "f.g": 4});
        let part = |includes: &[&str], excludes: &[&str]| {
            let own = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect();
            let filter = SourceFilter { none: false, includes: own(includes), excludes: own(excludes) };
            Json::Object(filter.apply(source.as_object().unwrap().clone()))
        };
        assert_eq!(part(&["a"], &[]), json!({"a": {"b": 1, "c": {"d": 2}}}));
        assert_eq!(part(&["a.c.*", "f.g"], &[]), json!({"a": {"c": {"d": 2}}, "f.g": 4}));
        assert_eq!(part(&[], &["a.c", "e"]), json!({"a": {"b": 1}, "f.g": 4}));
        assert_eq!(part(&["*"], &["a.*"]), json!({"e": 3, "f.g": 4}));
    }

    #[test]
    fn parts_of_answers_are_taken() {
        let answer = json!({"took": 1, "hits": {"total": 2, "hits": [{"_id": "1", "_source": {"x": 1}}, {"_id": "2"}]}});
        let part = |paths: &str| {
            let mut a = answer.clone();
            filter_path(&mut a, paths);
            a
        };
        assert_eq!(
            part("took,hits.hits._id"),
            json!({"took": 1, "hits": {"hits": [{"_id": "1"}, {"_id": "2"}]}})
        );
        assert_eq!(part("**.x"), json!({"hits": {"hits": [{"_source": {"x": 1}}]}}));
        assert_eq!(part("-hits.hits"), json!({"took": 1, "hits": {"total": 2}}));
        assert_eq!(part("h*.total"), json!({"hits": {"total": 2}}));
        assert_eq!(part("nothing"), json!({}));
    }
}
