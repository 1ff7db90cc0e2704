//! Which fields the records of an index have, and of which types.

use super::search::memory_max;
use crate::loki::Bounded;
use crate::state::App;
use model::Labels;
use model::record::{Severity, Tenant, Value};
use promql::{Control, EvalError};
use records::{Attributes, Direction, Scan, Store, StreamTest, Wanted};
use search::{ID, INDEX, INDEX_OTHERS, Indices, MESSAGE, TIME};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// So many of the newest records say which fields there are, of all indices asked for together.
const SAMPLE: usize = 5000;
/// And so many of each at least.
const SAMPLE_MIN: usize = 100;

/// An index, its streams and what they hold.
#[derive(Debug, Default)]
pub struct IndexInfo {
    /// Records.
    pub records: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    labels: BTreeSet<String>,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    Date,
    Keyword,
    /// With a whole value beside its words.
    Text,
    /// The body, of which there are words only.
    Body,
    Long,
    Double,
    Boolean,
}

impl FieldType {
    pub fn name(self) -> &'static str {
        match self {
            FieldType::Date => "date",
            FieldType::Keyword => "keyword",
            FieldType::Text | FieldType::Body => "text",
            FieldType::Long => "long",
            FieldType::Double => "double",
            FieldType::Boolean => "boolean",
        }
    }

    /// The type of something that was of one type and is now of another.
    fn with(self, other: FieldType) -> FieldType {
        match (self, other) {
            (a, b) if a == b => a,
            (FieldType::Long, FieldType::Double) | (FieldType::Double, FieldType::Long) => FieldType::Double,
            _ => FieldType::Text,
        }
    }

    fn mapping(self) -> Json {
        match self {
            FieldType::Text => {
                json!({ "type": "text", "fields": { "keyword": { "type": "keyword" } } })
            }
            other => json!({ "type": other.name() }),
        }
    }
}

/// Fields in order of name.
pub type Fields = BTreeMap<String, FieldType>;

fn index_of(labels: &Labels) -> &str {
    labels.get(INDEX).unwrap_or(INDEX_OTHERS)
}

/// The indices among those asked for that hold records.
pub fn indices(store: &Store, tenant: &Tenant, asked: &Indices) -> BTreeMap<String, IndexInfo> {
    let test = |labels: &Labels| asked.has_stream(labels);
    let scan = Scan { streams: Some(StreamTest(&test)), ..Scan::all(tenant) };
    let mut all: BTreeMap<String, IndexInfo> = BTreeMap::new();
    for stream in store.streams(&scan) {
        let info = all.entry(index_of(&stream.labels).to_owned()).or_default();
        info.records += stream.records;
        info.bytes += stream.bytes;
        info.labels
            .extend(stream.labels.iter().map(|(name, _)| name).filter(|n| *n != INDEX).map(str::to_owned));
    }
    all
}

/// The fields of each index.
pub fn fields(
    app: &App,
    store: &Store,
    tenant: &Tenant,
    indices: &BTreeMap<String, IndexInfo>,
    control: &Control,
) -> Result<BTreeMap<String, Fields>, EvalError> {
    let each = (SAMPLE / indices.len().max(1)).max(SAMPLE_MIN);
    let mut out = BTreeMap::new();
    for (name, info) in indices {
        let mut fields =
            Fields::from([(TIME.to_owned(), FieldType::Date), (MESSAGE.to_owned(), FieldType::Body)]);
        fields.extend(info.labels.iter().map(|label| (label.clone(), FieldType::Keyword)));
        sample(app, store, tenant, name, each, control, &mut fields)?;
        out.insert(name.clone(), fields);
    }
    Ok(out)
}

fn sample(
    app: &App,
    store: &Store,
    tenant: &Tenant,
    index: &str,
    count: usize,
    control: &Control,
    fields: &mut Fields,
) -> Result<(), EvalError> {
    let test = |labels: &Labels| index_of(labels) == index;
    let scan = Scan {
        streams: Some(StreamTest(&test)),
        direction: Direction::Backward,
        wanted: Wanted { body: false, severity: true, ids: true, attributes: Attributes::All },
        limit: Some(count),
        ..Scan::all(tenant)
    };
    let budget = Bounded::new(control, memory_max(app));
    let (mut level, mut trace, mut span) = (false, false, false);
    let scanned = store.scan(&scan, &budget, &mut |block| {
        for row in 0..block.len() {
            level |= block.severity(row) != Severity::UNKNOWN;
            trace |= !block.trace_id(row).is_none();
            span |= !block.span_id(row).is_none();
            for (name, value) in block.attributes(row).iter().filter(|(name, _)| !matches!(*name, INDEX | ID))
            {
                note(fields, name, value);
            }
        }
        ControlFlow::Continue(())
    });
    scanned.map_err(|e| budget.error(e))?;
    let known =
        [(level && !fields.contains_key("level"), "log.level"), (trace, "trace.id"), (span, "span.id")];
    for (_, name) in known.iter().filter(|(there, _)| *there) {
        fields.entry((*name).to_owned()).or_insert(FieldType::Text);
    }
    Ok(())
}

/// Takes a value in. Values nest a bounded number of times.
fn note(fields: &mut Fields, name: &str, value: Value<'_>) {
    let kind = match value {
        Value::Null => return,
        Value::Bool(_) => FieldType::Boolean,
        Value::Int(_) => FieldType::Long,
        Value::Float(_) => FieldType::Double,
        Value::String(_) | Value::Bytes(_) => FieldType::Text,
        Value::List(items) => return items.iter().for_each(|item| note(fields, name, item)),
        Value::Map(pairs) => {
            return pairs.iter().for_each(|(inner, value)| note(fields, &format!("{name}.{inner}"), value));
        }
    };
    match fields.get_mut(name) {
        Some(FieldType::Keyword) => {}
        Some(known) => *known = known.with(kind),
        None => {
            fields.insert(name.to_owned(), kind);
        }
    }
}

/// Fields as the properties of a mapping: names with dots are objects.
pub fn properties(fields: &Fields) -> Map<String, Json> {
    let mut out = Map::new();
    for (name, kind) in fields {
        put(&mut out, name, kind.mapping());
    }
    out
}

/// Puts a field in; where a field that is no object is in the way, the rest of the name stays whole.
fn put(out: &mut Map<String, Json>, name: &str, mapping: Json) {
    let mut at = out;
    let mut rest = name;
    while let Some((head, tail)) = rest.split_once('.').filter(|(h, t)| !h.is_empty() && !t.is_empty()) {
        if at.get(head).is_some_and(|there| there.get("properties").is_none()) {
            break;
        }
        let entry = at.entry(head).or_insert_with(|| json!({ "properties": {} }));
        let Some(inner) = entry.get_mut("properties").and_then(Json::as_object_mut) else { return };
        (at, rest) = (inner, tail);
    }
    at.insert(rest.to_owned(), mapping);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_are_objects() {
        let fields = Fields::from([
            ("a".to_owned(), FieldType::Long),
            ("a.b".to_owned(), FieldType::Text),
            ("host.name".to_owned(), FieldType::Keyword),
        ]);
        assert_eq!(
            Json::Object(properties(&fields)),
            json!({
                "a": { "type": "long" },
                "a.b": { "type": "text", "fields": { "keyword": { "type": "keyword" } } },
                "host": { "properties": { "name": { "type": "keyword" } } },
            })
        );
    }
}
