//! The answer to a bulk request.

use super::{Item, ItemError, PARSING};
use crate::logs::document::show_text;
use model::record::Refused;
use std::fmt::Write;

/// What of an answer is sent: the parameter `filter_path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    took: bool,
    errors: bool,
    /// Patterns of the fields of items; `None` for all of them.
    fields: Option<Vec<String>>,
}

impl Filter {
    /// All of it.
    pub const ALL: Filter = Filter { took: true, errors: true, fields: None };

    /// From the value of `filter_path`: patterns with commas between them, `errors,items.*.status`.
    pub fn parse(text: &str) -> Filter {
        let mut filter = Filter { took: false, errors: false, fields: Some(Vec::new()) };
        for pattern in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let mut steps = pattern.split('.');
            let top = steps.next().unwrap_or("");
            filter.took |= matches(top, "took");
            filter.errors |= matches(top, "errors");
            if matches(top, "items") {
                // The second step names the action, which is always let through.
                match (steps.nth(1), &mut filter.fields) {
                    (Some(field), Some(fields)) => fields.push(field.to_owned()),
                    (None, fields) => *fields = None,
                    (_, None) => {}
                }
            }
        }
        filter
    }

    fn has(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|all| all.iter().any(|pattern| matches(pattern, field)))
    }
}

/// Whether a name is matched by a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|i| rest.is_char_boundary(i) && matches(tail, &rest[i..]))
        }),
    }
}

/// Writes the answer. `refused` is what the store did not keep, `seed` distinguishes the ids made up for this request.
pub fn answer(
    items: &[Item],
    refused: &[Refused],
    took_ms: u64,
    seed: u64,
    filter: &Filter,
    out: &mut Vec<u8>,
) {
    let mut text = String::with_capacity(64 + items.len() * 160);
    let errors = !refused.is_empty() || items.iter().any(|i| i.kept.is_err());
    text.push('{');
    if filter.errors {
        let _ = write!(text, "\"errors\":{errors},");
    }
    if filter.took {
        let _ = write!(text, "\"took\":{took_ms},");
    }
    let start = text.len();
    text.push_str("\"items\":[");
    let mut any = false;
    let mut late = refused.iter().peekable();
    for (number, item) in items.iter().enumerate() {
        let late = item.kept.as_ref().ok().and_then(|row| {
            while late.next_if(|r| r.row < *row).is_some() {}
            late.next_if(|r| r.row == *row)
        });
        let late = late.map(|r| ItemError { kind: PARSING, reason: r.reason.to_string() });
        let error = item.kept.as_ref().err().or(late.as_ref());
        any |= one(item, error, seed.wrapping_add(number as u64), filter, &mut text);
    }
    text.push_str("],");
    if !any && filter.fields.is_some() {
        text.truncate(start);
    }
    if text.ends_with(',') {
        text.pop();
    }
    text.push('}');
    out.extend_from_slice(text.as_bytes());
}

/// The answer to a single document that is kept.
pub fn answer_single(item: &Item, seed: u64) -> String {
    let mut text = String::from("{");
    put_head(item, seed, &Filter::ALL, &mut text);
    for (_, field) in CREATED.iter().filter(|(name, _)| *name != "status") {
        text.push_str(field);
    }
    text.pop();
    text.push('}');
    text
}

/// Writes one item; nothing if no field of it is wanted.
fn one(item: &Item, error: Option<&ItemError>, id: u64, filter: &Filter, out: &mut String) -> bool {
    let start = out.len();
    if !out.ends_with('[') {
        out.push(',');
    }
    let _ = write!(out, "{{\"{}\":{{", item.action.name());
    let fields = out.len();
    put_head(item, id, filter, out);
    match error {
        None => created(filter, out),
        Some(e) => refusal(e, filter, out),
    }
    if out.len() == fields {
        out.truncate(start);
        return false;
    }
    out.pop();
    out.push_str("}}");
    true
}

/// The index and id of an item.
fn put_head(item: &Item, id: u64, filter: &Filter, out: &mut String) {
    if filter.has("_index") {
        out.push_str("\"_index\":");
        show_text(&item.index, out);
        out.push(',');
    }
    if filter.has("_id") {
        match &item.id {
            Some(given) => {
                out.push_str("\"_id\":");
                show_text(given, out);
                out.push(',');
            }
            None => push_id(id, out),
        }
    }
}

/// What is said of an item that is kept.
const CREATED: [(&str, &str); 6] = [
    ("_version", "\"_version\":1,"),
    ("result", "\"result\":\"created\","),
    ("_shards", "\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0},"),
    ("_seq_no", "\"_seq_no\":0,"),
    ("_primary_term", "\"_primary_term\":1,"),
    ("status", "\"status\":201,"),
];

fn created(filter: &Filter, out: &mut String) {
    for (name, text) in CREATED {
        if filter.has(name) {
            out.push_str(text);
        }
    }
}

fn refusal(e: &ItemError, filter: &Filter, out: &mut String) {
    if filter.has("status") {
        out.push_str("\"status\":400,");
    }
    if filter.has("error") {
        let _ = write!(out, "\"error\":{{\"type\":\"{}\",\"reason\":", e.kind);
        show_text(&e.reason, out);
        out.push_str("},");
    }
}

/// An id of twenty characters, as long as Elasticsearch's own.
fn push_id(id: u64, out: &mut String) {
    let _ = write!(out, "\"_id\":\"wf{id:018x}\",");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::testing::writer;
    use crate::logs::{Roles, elastic::bulk};
    use model::Limit;
    use model::record::RecordError;

    #[test]
    fn what_is_asked_for_is_answered() {
        let body = b"{\"index\":{\"_id\":\"1\"}}\n{\"message\":\"a\"}\n{\"index\":{\"_id\":\"2\"}}\n{\"message\":\"b\"}\n";
        let items = bulk(body, None, &Roles::default(), &mut writer()).unwrap();
        let limit = Limit { what: "x".into(), observed: 2, limit: 1, setting: "s" };
        let refused = [Refused { row: 1, reason: RecordError::Limit(limit) }];
        let say = |filter: &str, refused: &[Refused]| {
            let mut out = Vec::new();
            answer(&items, refused, 5, 0, &Filter::parse(filter), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(say("errors", &[]), r#"{"errors":false}"#);
        assert_eq!(say("errors,items.*.error", &[]), r#"{"errors":false}"#);
        assert_eq!(
            say("took, items.*.error,items.*.status", &refused),
            r#"{"took":5,"items":[{"index":{"status":201}},{"index":{"status":400,"error":{"type":"document_parsing_exception","reason":"x is 2, over the limit of 1: raise s to allow it"}}}]}"#
        );
        assert_eq!(
            say("items.index._i*", &[]),
            r#"{"items":[{"index":{"_index":"logs","_id":"1"}},{"index":{"_index":"logs","_id":"2"}}]}"#
        );
        assert_eq!(say("nothing", &[]), "{}");
        assert_eq!(Filter::parse("*"), Filter::ALL);
    }
}
