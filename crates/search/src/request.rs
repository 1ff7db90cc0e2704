//! The body of a search.

use crate::aggs::{self, Node};
use crate::dates::{self, Format, write_iso};
use crate::document::SourceFilter;
use crate::error::SearchError;
use crate::fields::{FieldId, Kind, TIME, Table};
use crate::filter::{Filter, Indices, Leaf};
use crate::highlight::Highlight;
use crate::hits::{Hit, SortBy, SortKey, SortValue, TimeValue, shown};
use crate::json::{self, object, scalar_text, texts, unknown};
use crate::pattern::glob;
use crate::query::Reader;
use crate::rounding::fixed;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};
use std::time::Duration;

/// `from` and `size` reach no further than this together, as at Elasticsearch (`index.max_result_window`).
pub const RESULT_WINDOW_MAX: usize = 10_000;
/// So many hits are counted without `track_total_hits`.
const TOTAL_MAX: u64 = 10_000;

/// What a search asks for.
#[derive(Debug)]
pub struct SearchRequest {
    pub(crate) table: Table,
    pub(crate) filter: Filter,
    /// Conditions on hits that aggregations do not see.
    pub(crate) post_filter: Filter,
    pub(crate) from: usize,
    pub(crate) size: usize,
    pub(crate) sort: Vec<SortKey>,
    /// Whether no order was asked for.
    pub(crate) scored: bool,
    pub(crate) after: Option<Vec<SortValue>>,
    pub(crate) total: Total,
    pub(crate) shape: HitShape,
    pub(crate) aggs: Vec<Node>,
    pub(crate) indices: Indices,
    /// How long it may take, if it says so.
    pub timeout: Option<Duration>,
}

/// How far hits are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    All,
    UpTo(u64),
    Not,
}

/// What of each hit is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct HitShape {
    source: SourceFilter,
    fields: Vec<(String, Option<Format>)>,
    highlight: Option<Highlight>,
    version: bool,
    seq_no: bool,
}

impl SortKey {
    /// The order of hits that nobody asked an order for.
    pub fn newest() -> SortKey {
        SortKey { by: SortBy::Time(TimeValue::Nanos), descending: true, missing_first: false }
    }
}

/// What a request may hold that is of no consequence here, because it is about shards, caches or scores.
const OF_NO_CONSEQUENCE: [&str; 14] = [
    "min_score",
    "indices_boost",
    "preference",
    "stats",
    "track_scores",
    "explain",
    "profile",
    "stored_fields",
    "ignore_unavailable",
    "allow_no_indices",
    "expand_wildcards",
    "batched_reduce_size",
    "request_cache",
    "terminate_after",
];

impl SearchRequest {
    /// Reads the body of a search. `now_ns` is what `now` means in dates.
    pub fn parse(body: &Json, indices: &str, now_ns: i64) -> Result<SearchRequest, SearchError> {
        let mut table = Table::default();
        let mut request = SearchRequest::empty(Indices::parse(indices));
        let mut reader = Reader::new(&mut table, now_ns);
        let empty = Map::new();
        let body = if body.is_null() { &empty } else { object(body, "search")? };
        let mut after = None;
        for (key, value) in body {
            match key.as_str() {
                "query" => request.filter = reader.query(value)?,
                "post_filter" => request.post_filter = reader.query(value)?,
                "from" => request.from = count(value, key)?,
                "size" => request.size = count(value, key)?,
                "sort" => request.sort = read_sort(value, reader.table)?,
                "search_after" => after = Some(value),
                "aggs" | "aggregations" => request.aggs = aggs::read(value, &mut reader)?,
                "track_total_hits" => request.total = total(value)?,
                "timeout" => request.timeout = Some(duration(value)?),
                key if HitShape::KEYS.contains(&key) => request.shape.take(key, value, &mut reader)?,
                key if OF_NO_CONSEQUENCE.contains(&key) => {}
                // What asks for nothing is nothing that could be missing.
                _ if is_void(value) => {}
                "collapse" | "pit" | "knn" | "rescore" | "suggest" | "scroll" | "slice" | "script_fields"
                | "runtime_mappings" | "rank" | "retriever" | "ext" => {
                    return Err(SearchError::unsupported(format!("[{key}] of a search")));
                }
                other => {
                    return Err(SearchError::parsing(format!(
                        "unknown key [{other}] in a search: it is not supported"
                    )));
                }
            }
        }
        request.finish(after)?;
        request.table = table;
        Ok(request)
    }

    fn empty(indices: Indices) -> SearchRequest {
        SearchRequest {
            table: Table::default(),
            filter: Filter::All,
            post_filter: Filter::All,
            from: 0,
            size: 10,
            sort: Vec::new(),
            scored: false,
            after: None,
            total: Total::UpTo(TOTAL_MAX),
            shape: HitShape::default(),
            aggs: Vec::new(),
            indices,
            timeout: None,
        }
    }

    fn finish(&mut self, after: Option<&Json>) -> Result<(), SearchError> {
        let window = self.from.saturating_add(self.size);
        if window > RESULT_WINDOW_MAX {
            return Err(SearchError::illegal(format!(
                "Result window is too large, from + size must be less than or equal to: [{RESULT_WINDOW_MAX}] but was [{window}]. \
                 See search_after for a way to ask for more"
            )));
        }
        self.scored = self.sort.is_empty();
        if self.scored {
            self.sort = vec![SortKey::newest()];
        }
        let Some(after) = after else { return Ok(()) };
        if self.scored {
            return Err(SearchError::illegal(
                "Sort must contain at least one field when [search_after] is set.",
            ));
        }
        if self.from > 0 {
            return Err(SearchError::illegal(
                "`from` parameter must be set to 0 when [search_after] is used.",
            ));
        }
        let values = after.as_array().ok_or_else(|| SearchError::parsing("[search_after] must be a list"))?;
        if values.len() != self.sort.len() {
            return Err(SearchError::illegal(format!(
                "[search_after] has {} value(s) but sort has {}.",
                values.len(),
                self.sort.len()
            )));
        }
        let values: Result<Vec<SortValue>, SearchError> =
            self.sort.iter().zip(values).map(|(key, value)| key.read(value)).collect();
        self.after = Some(values?);
        Ok(())
    }

    /// A request that only counts: the body of `_count`.
    pub fn parse_count(body: &Json, indices: &str, now_ns: i64) -> Result<SearchRequest, SearchError> {
        if let Some(key) = body.as_object().and_then(|map| map.keys().find(|k| *k != "query")) {
            return Err(SearchError::parsing(format!("request does not support [{key}]")));
        }
        let mut request = SearchRequest::parse(body, indices, now_ns)?;
        (request.size, request.total) = (0, Total::All);
        Ok(request)
    }
}

fn is_void(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Object(map) => map.is_empty(),
        Json::Array(all) => all.is_empty(),
        _ => false,
    }
}

fn count(value: &Json, key: &str) -> Result<usize, SearchError> {
    let n = json::whole(value, key)?;
    usize::try_from(n)
        .map_err(|_| SearchError::illegal(format!("[{key}] parameter cannot be negative but was [{n}]")))
}

fn total(value: &Json) -> Result<Total, SearchError> {
    match value {
        Json::Bool(true) => Ok(Total::All),
        Json::Bool(false) => Ok(Total::Not),
        Json::String(s) if s == "true" => Ok(Total::All),
        Json::String(s) if s == "false" => Ok(Total::Not),
        other => match json::whole(other, "track_total_hits")? {
            -1 => Ok(Total::All),
            n if n >= 0 => Ok(Total::UpTo(n as u64)),
            n => Err(SearchError::illegal(format!(
                "[track_total_hits] parameter must be positive or equals to -1, got {n}"
            ))),
        },
    }
}

fn duration(value: &Json) -> Result<Duration, SearchError> {
    let text = scalar_text(value, "timeout")?;
    match fixed(&text) {
        Ok(ns) => Ok(Duration::from_nanos(ns.unsigned_abs())),
        Err(_) if text == "-1" => Ok(Duration::MAX),
        Err(_) => Err(SearchError::illegal(format!(
            "failed to parse setting [timeout] with value [{text}] as a time value: write for example [10s]"
        ))),
    }
}

/// Reads an order: a name, an object, or a list of them.
pub(crate) fn read_sort(value: &Json, table: &mut Table) -> Result<Vec<SortKey>, SearchError> {
    let one = |value: &Json, table: &mut Table| -> Result<Vec<SortKey>, SearchError> {
        match value {
            Json::String(name) => Ok(vec![sort_key(name, &Json::Null, table)?]),
            Json::Object(map) => map.iter().map(|(name, options)| sort_key(name, options, table)).collect(),
            other => Err(SearchError::parsing(format!(
                "[sort] is {}, a name or an object is expected",
                json::kind(other)
            ))),
        }
    };
    let mut keys = match value {
        Json::Array(all) => {
            let mut keys = Vec::new();
            for value in all {
                keys.extend(one(value, table)?);
            }
            keys
        }
        other => one(other, table)?,
    };
    // A score alone is no order.
    if keys.iter().all(|k| matches!(k.by, SortBy::Score)) {
        keys.clear();
    }
    Ok(keys)
}

fn sort_key(name: &str, options: &Json, table: &mut Table) -> Result<SortKey, SearchError> {
    let (mut order, mut format, mut nanos, mut missing_first) = (None, None, false, false);
    match options {
        Json::Null => {}
        Json::String(text) => order = Some(text.clone()),
        Json::Object(map) => {
            for (key, value) in map {
                match key.as_str() {
                    "order" => order = Some(scalar_text(value, key)?),
                    "format" => format = dates::formats(&scalar_text(value, key)?)?.into_iter().next(),
                    "numeric_type" => nanos = scalar_text(value, key)? == "date_nanos",
                    "missing" => match scalar_text(value, key)?.as_str() {
                        "_last" => {}
                        "_first" => missing_first = true,
                        other => {
                            return Err(SearchError::unsupported(format!("[missing] [{other}] of a sort")));
                        }
                    },
                    "mode" => match scalar_text(value, key)?.as_str() {
                        "min" | "max" => {}
                        other => return Err(SearchError::unsupported(format!("[mode] [{other}] of a sort"))),
                    },
                    "unmapped_type" => {}
                    other => return Err(unknown(other, "sort")),
                }
            }
        }
        other => return Err(SearchError::parsing(format!("[sort] of [{name}] is {}", json::kind(other)))),
    }
    let descending = match order.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => name == "_score",
        Some("asc") => false,
        Some("desc") => true,
        Some(other) => return Err(SearchError::illegal(format!("Illegal sort order: {other}"))),
    };
    let by = match name {
        "_doc" | "_shard_doc" => SortBy::Doc,
        "_score" => SortBy::Score,
        "_script" | "_geo_distance" => return Err(SearchError::unsupported(format!("[sort] by [{name}]"))),
        name => {
            let id = table.id(name);
            match table.fields[id].kind {
                Kind::Time => SortBy::Time(match (format, nanos) {
                    (Some(format), _) => TimeValue::Text(format),
                    (None, true) => TimeValue::Nanos,
                    (None, false) => TimeValue::Millis,
                }),
                _ => SortBy::Field(id),
            }
        }
    };
    Ok(SortKey { by, descending, missing_first })
}

impl HitShape {
    /// What of a request it takes.
    pub const KEYS: [&'static str; 9] = [
        "_source",
        "fields",
        "docvalue_fields",
        "highlight",
        "version",
        "seq_no_primary_term",
        "_source_includes",
        "_source_excludes",
        "stored_fields",
    ];

    pub fn take(&mut self, key: &str, value: &Json, reader: &mut Reader<'_>) -> Result<(), SearchError> {
        match key {
            "_source" => self.source = source_filter(value)?,
            "_source_includes" => self.source.includes = listed(value, key)?,
            "_source_excludes" => self.source.excludes = listed(value, key)?,
            "fields" | "docvalue_fields" => self.fields.extend(field_list(value, key)?),
            "highlight" => self.highlight = Some(Highlight::parse(value, reader)?),
            "version" => self.version = json::boolean(value, key)?,
            "seq_no_primary_term" => self.seq_no = json::boolean(value, key)?,
            _ => {}
        }
        Ok(())
    }

    /// Fields that showing a hit needs beside the record: none.
    pub fn fields(&self) -> Vec<FieldId> {
        Vec::new()
    }

    /// Tells what hits were found by, where places of it are to be shown.
    pub fn found_by(&mut self, filter: &Filter) {
        if let Some(highlight) = &mut self.highlight {
            let mut leaves: Vec<Leaf> = Vec::new();
            filter.wanted(&mut |leaf| leaves.push(leaf.clone()));
            highlight.by(leaves);
        }
    }

    /// A hit. `keys` are what it was sorted by, if it was asked for.
    pub fn shown(&self, hit: &Hit, keys: Option<&[SortKey]>, table: &Table) -> Map<String, Json> {
        let document = &hit.document;
        let mut out = Map::new();
        out.insert("_index".to_owned(), Json::from(document.index()));
        out.insert("_id".to_owned(), Json::from(document.id.as_str()));
        if self.version {
            out.insert("_version".to_owned(), Json::from(1));
        }
        if self.seq_no {
            out.insert("_seq_no".to_owned(), Json::from(0));
            out.insert("_primary_term".to_owned(), Json::from(1));
        }
        out.insert("_score".to_owned(), if keys.is_some() { Json::Null } else { Json::from(1.0) });
        if !self.source.none {
            out.insert("_source".to_owned(), Json::Object(self.source.apply(document.source())));
        }
        if !self.fields.is_empty() {
            let fields = self.field_values(document);
            if !fields.is_empty() {
                out.insert("fields".to_owned(), Json::Object(fields));
            }
        }
        if let Some(highlight) = &self.highlight {
            let marked = highlight.mark(document, table);
            if !marked.is_empty() {
                out.insert("highlight".to_owned(), Json::Object(marked));
            }
        }
        if let Some(keys) = keys {
            out.insert("sort".to_owned(), shown(keys, hit));
        }
        out
    }

    fn field_values(&self, document: &crate::document::Document) -> Map<String, Json> {
        let mut out = Map::new();
        let flat = document.flat();
        for (pattern, format) in &self.fields {
            let plain = pattern.strip_suffix(".keyword").or(pattern.strip_suffix(".text")).unwrap_or(pattern);
            match pattern.as_str() {
                "_id" => {
                    out.insert("_id".to_owned(), json!([document.id]));
                }
                "_index" => {
                    out.insert("_index".to_owned(), json!([document.index()]));
                }
                _ => {}
            }
            for (name, value) in &flat {
                let by_name = name == plain;
                if !by_name && !glob(pattern, name) {
                    continue;
                }
                let mut values = Vec::new();
                leaves(name, value, &mut values);
                for (path, value) in values {
                    let value = match (name.as_str(), format) {
                        (TIME, Some(format)) => Json::String(format.write(document.time_ns, &TimeZone::UTC)),
                        (TIME, None) => Json::String(write_iso(document.time_ns, &TimeZone::UTC)),
                        _ => value,
                    };
                    let path = if by_name && path == *name { pattern.clone() } else { path };
                    match out.entry(path).or_insert_with(|| Json::Array(Vec::new())) {
                        Json::Array(all) if !all.contains(&value) => all.push(value),
                        _ => {}
                    }
                }
            }
        }
        out
    }
}

/// Names and values without parts below a name. Values nest a bounded number of times.
fn leaves(name: &str, value: &Json, out: &mut Vec<(String, Json)>) {
    match value {
        Json::Null => {}
        Json::Array(all) => all.iter().for_each(|v| leaves(name, v, out)),
        Json::Object(map) => map.iter().for_each(|(k, v)| leaves(&format!("{name}.{k}"), v, out)),
        other => out.push((name.to_owned(), other.clone())),
    }
}

/// Names with commas between them, or a list.
fn listed(value: &Json, key: &str) -> Result<Vec<String>, SearchError> {
    let all = texts(value, key)?;
    Ok(all.iter().flat_map(|t| t.split(',')).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect())
}

fn source_filter(value: &Json) -> Result<SourceFilter, SearchError> {
    match value {
        Json::Bool(on) => Ok(SourceFilter { none: !on, ..SourceFilter::default() }),
        Json::String(s) if s == "true" || s == "false" => {
            Ok(SourceFilter { none: s == "false", ..SourceFilter::default() })
        }
        Json::Object(map) => {
            let mut filter = SourceFilter::default();
            for (key, value) in map {
                match key.as_str() {
                    "includes" | "include" => filter.includes = listed(value, key)?,
                    "excludes" | "exclude" => filter.excludes = listed(value, key)?,
                    other => return Err(unknown(other, "_source")),
                }
            }
            Ok(filter)
        }
        other => Ok(SourceFilter { none: false, includes: listed(other, "_source")?, excludes: Vec::new() }),
    }
}

fn field_list(value: &Json, key: &str) -> Result<Vec<(String, Option<Format>)>, SearchError> {
    let one = |value: &Json| match value {
        Json::Object(map) => {
            let name = map
                .get("field")
                .ok_or_else(|| SearchError::parsing(format!("[{key}] requires a [field]")))?;
            let format = match map.get("format").map(|f| scalar_text(f, "format")).transpose()? {
                None => None,
                Some(text) if text == "use_field_mapping" => None,
                Some(text) => dates::formats(&text)?.into_iter().next(),
            };
            Ok((scalar_text(name, "field")?, format))
        }
        other => Ok((scalar_text(other, key)?, None)),
    };
    match value {
        Json::Array(all) => all.iter().map(one).collect(),
        Json::String(all) => Ok(all.split(',').map(|n| (n.trim().to_owned(), None)).collect()),
        other => Ok(vec![one(other)?]),
    }
}
