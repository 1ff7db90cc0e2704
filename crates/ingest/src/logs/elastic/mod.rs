//! Elasticsearch's `_bulk`: actions and documents line by line, and the answer item by item.
//!
//! Records are appended and never changed, so `index` and `create` mean the same here and `update` and `delete` are
//! refused, each by name. The name of the index is a label of the stream, `_index`, so that a search of one index reads
//! nothing of the others; an id that was given is the attribute `_id`. Ids that the server makes up are only told to the
//! sender.

mod answer;

pub use answer::{Filter, answer, answer_single};

use super::document::{Documents, Fields, Origin};
use super::json::{read_object, reason};
use super::{Roles, lines};
use crate::error::{DecodeError, quote};
use crate::limits::cut;
use crate::records::{RecordWriter, Refused};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// What is to be done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Keep it, whatever is there.
    Index,
    /// Keep it.
    Create,
    /// Change one; never possible here.
    Update,
    /// Remove one; never possible here.
    Delete,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Index => "index",
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
}

/// One item of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    action: Action,
    index: Arc<str>,
    /// The id, if the sender gave one.
    id: Option<Box<str>>,
    /// Its place in the batch, or why it is not there.
    kept: Result<usize, ItemError>,
}

/// Why an item is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ItemError {
    kind: &'static str,
    reason: String,
}

/// The index of documents that name none, in the request or in its address.
pub const INDEX_UNNAMED: &str = "logs";

/// Documents are refused with this reason in the field's own words.
const PARSING: &str = "document_parsing_exception";

/// The head of one item.
#[derive(Clone)]
struct Head {
    action: Action,
    index: Arc<str>,
    id: Option<Box<str>>,
}

/// Appends the documents of a bulk request. `index` is the index in the address of the request.
pub fn bulk(
    body: &[u8],
    index: Option<&str>,
    roles: &Roles,
    w: &mut RecordWriter,
) -> Result<Vec<Item>, DecodeError> {
    let unnamed: Arc<str> = Arc::from(index.unwrap_or(INDEX_UNNAMED));
    let mut bulk = Bulk { documents: Documents::new(roles), items: Vec::new(), fields: Fields::default() };
    let mut lines = lines::each(body);
    // Most senders repeat one action; it is read once.
    let mut last: Option<(&[u8], Head)> = None;
    while let Some((number, line)) = lines.next() {
        let head = match &last {
            Some((text, head)) if *text == line => head.clone(),
            _ => {
                let head = action(line, number, &unnamed)?;
                last = Some((line, head.clone()));
                head
            }
        };
        let document = match head.action {
            Action::Delete => None,
            _ => Some(
                lines
                    .next()
                    .ok_or_else(|| malformed(number, "the document that must follow it is missing"))?
                    .1,
            ),
        };
        bulk.item(head, document, w)?;
    }
    Ok(bulk.items)
}

/// Appends one document, whose index and id are in the address of the request. A document that is refused is counted
/// by the writer.
pub fn single(
    body: &[u8],
    index: &str,
    id: Option<&str>,
    roles: &Roles,
    w: &mut RecordWriter,
) -> Result<Item, DecodeError> {
    let text = String::from_utf8_lossy(body);
    let head = Head { action: Action::Create, index: Arc::from(index), id: id.map(Box::from) };
    let row = w.len();
    let mut documents = Documents::new(roles);
    let done = document_record(text.trim(), &head, &mut Fields::default(), &mut documents, w);
    let kept = match &done {
        Err(Refused::Record(reason)) => Err(ItemError { kind: PARSING, reason: reason.clone() }),
        _ => Ok(row),
    };
    w.settle(done)?;
    let Head { action, index, id } = head;
    Ok(Item { action, index, id, kept })
}

struct Bulk<'r, 'a> {
    documents: Documents<'r>,
    items: Vec<Item>,
    fields: Fields<'a>,
}

impl<'a> Bulk<'_, 'a> {
    fn item(
        &mut self,
        head: Head,
        document: Option<&'a [u8]>,
        w: &mut RecordWriter,
    ) -> Result<(), DecodeError> {
        let row = w.len();
        let kept = match (head.action, document) {
            (Action::Index | Action::Create, Some(line)) => {
                let done = match std::str::from_utf8(line) {
                    Ok(text) => document_record(text, &head, &mut self.fields, &mut self.documents, w),
                    Err(_) => {
                        let text = String::from_utf8_lossy(line);
                        document_record(&text, &head, &mut Fields::default(), &mut self.documents, w)
                    }
                };
                match done {
                    Ok(()) => Ok(row),
                    Err(Refused::Record(reason)) => Err(ItemError { kind: PARSING, reason }),
                    Err(Refused::Body(e)) => return Err(e),
                }
            }
            (action, _) => Err(ItemError {
                kind: "illegal_argument_exception",
                reason: format!(
                    "the action [{}] is not supported: records are appended and never changed; use index or create",
                    action.name()
                ),
            }),
        };
        if let Err(e) = &kept {
            w.reject(1, format_args!("item {}: {}", self.items.len() + 1, e.reason));
        }
        let Head { action, index, id } = head;
        self.items.push(Item { action, index, id, kept });
        Ok(())
    }
}

fn document_record<'a>(
    text: &'a str,
    head: &Head,
    fields: &mut Fields<'a>,
    documents: &mut Documents<'_>,
    w: &mut RecordWriter,
) -> Result<(), Refused> {
    read_object(text, w.limits(), fields).map_err(Refused::Record)?;
    let labels = [("_index", head.index.as_ref())];
    let id = head.id.as_deref().map(|id| ("_id", id));
    documents.write(
        fields,
        Origin { labels: &labels, attributes: id.as_slice(), raw: text, ..Origin::default() },
        w,
    )
}

/// What stands beside the action; other keys say how to keep a document, which there is one way of here.
#[derive(Deserialize, Default)]
struct Target<'a> {
    #[serde(borrow, default)]
    _index: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    _id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    index: Option<Target<'a>>,
    #[serde(borrow, default)]
    create: Option<Target<'a>>,
    #[serde(borrow, default)]
    update: Option<Target<'a>>,
    #[serde(borrow, default)]
    delete: Option<Target<'a>>,
}

/// Names of indices and ids are no longer than this, as at Elasticsearch.
const INDEX_BYTES_MAX: usize = 255;
const ID_BYTES_MAX: usize = 512;

fn action(line: &[u8], number: usize, unnamed: &Arc<str>) -> Result<Head, DecodeError> {
    let read: Line<'_> = serde_json::from_slice(line)
        .map_err(|e| malformed(number, &format!("{} is not an action: {}", quote(line), reason(&e))))?;
    let found = [
        (Action::Index, read.index),
        (Action::Create, read.create),
        (Action::Update, read.update),
        (Action::Delete, read.delete),
    ];
    let mut found = found.into_iter().filter_map(|(action, target)| Some((action, target?)));
    let (Some((action, target)), None) = (found.next(), found.next()) else {
        let why = format!("{} must hold one of index, create, update and delete", quote(line));
        return Err(malformed(number, &why));
    };
    for (what, text, max) in [("_index", &target._index, INDEX_BYTES_MAX), ("_id", &target._id, ID_BYTES_MAX)]
    {
        if let Some(text) = text
            && text.len() > max
        {
            let why =
                format!("{what} {:?}… has {} bytes, at most {max} are possible", cut(text, 40), text.len());
            return Err(malformed(number, &why));
        }
    }
    let index = match target._index {
        Some(name) if !name.is_empty() => Arc::from(name.as_ref()),
        _ => Arc::clone(unnamed),
    };
    Ok(Head { action, index, id: target._id.filter(|id| !id.is_empty()).map(|id| Box::from(id.as_ref())) })
}

fn malformed(line: usize, reason: &str) -> DecodeError {
    DecodeError::Unreadable(format!("Malformed action/metadata line [{line}]: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{records, writer};
    use super::*;

    #[test]
    fn documents_become_records() {
        let body = br#"{"create":{"_index":"logs-app"}}
{"@timestamp":"2026-11-21T10:20:30.123456789Z","message":"hello","log":{"level":"error"},"host":{"name":"h1"},"service.name":"shop","trace":{"id":"0102030405060708090a0b0c0d0e0f10"},"span.id":"0102030405060708","http":{"response":{"status_code":500}}}
{"create":{"_index":"logs-app"}}
{"@timestamp":1795256430123,"log":"a line of a container","tags":["a","b"]}
{"index":{"_id":"7","_type":"_doc"}}
{"message":"with an id \u00e9","app":"x"}
{"update":{"_index":"a","_id":"1"}}
{"doc":{"a":1}}
{"delete":{"_id":"1"}}
{"index":{}}
nonsense
{"index":{}}
{"@timestamp":"soon"}
"#;
        let mut w = writer();
        let items = bulk(body, Some("from-path"), &Roles::default(), &mut w).unwrap();
        let all: String = records(w);
        let mut out = Vec::new();
        answer(&items, &[], 3, 0x1234, &Filter::ALL, &mut out);
        let text = String::from_utf8(out).unwrap().replace("},{", "},\n{");
        insta::assert_snapshot!(format!("{all}\n{text}"));
    }

    #[test]
    fn broken_requests_are_refused_whole() {
        let mut out = String::new();
        for body in [
            "nonsense\n",
            "{}\n",
            "{\"index\":{},\"create\":{}}\n{}\n",
            "{\"index\":{}}\n",
            "{\"upsert\":{}}\n{}\n",
        ] {
            let e = bulk(body.as_bytes(), None, &Roles::default(), &mut writer()).unwrap_err();
            out += &format!("{body:?}: {e}\n");
        }
        insta::assert_snapshot!(out);
        assert_eq!(bulk(b"\n\n", None, &Roles::default(), &mut writer()).unwrap(), vec![]);
    }
}
