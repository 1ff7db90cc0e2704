//! Fields of records: what a name in a request stands for, and its value in a row.
//!
//! | field | what it is |
//! | --- | --- |
//! | `@timestamp` | the time |
//! | `message` | the body |
//! | `_index` | the label `_index`, or [`INDEX_OTHERS`] |
//! | `_id` | the attribute `_id`, or an id made of what the record holds |
//! | any other | the label of that name, or else the attribute |
//!
//! Where a record has no such label or attribute, `level`, `log.level`, `severity` and `severity_text` are the word of
//! its severity, `severity_number` is the number, `trace.id`, `trace_id` and `traceId` its trace, and so with its span.
//!
//! The terms of a label are its value. Those of a body or of an attribute that is text are its words and, besides, its
//! whole value; `NAME.keyword` has the whole value only, `NAME.text` the words only.

use crate::source::{AttributeColumns, Block, Columns};
use model::record::{Severity, Value};
use std::borrow::Cow;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The index of records that name none: those of protocols without one.
pub const INDEX_OTHERS: &str = "logs-generic-default";

/// The label and attribute that names the index.
pub const INDEX: &str = "_index";
/// The attribute with the id.
pub const ID: &str = "_id";
/// The field of the time.
pub const TIME: &str = "@timestamp";
/// The field of the body.
pub const MESSAGE: &str = "message";

/// A field by its place in a [`Table`].
pub(crate) type FieldId = usize;

/// Which terms of a field are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    Both,
    Whole,
    Words,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Time,
    Message,
    Index,
    Id,
    Level,
    SeverityNumber,
    Trace,
    Span,
    Plain,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// As it stands in the request.
    pub asked: String,
    /// Without `.keyword` or `.text`.
    pub name: String,
    pub kind: Kind,
    pub terms: Terms,
}

/// What a name without its suffix stands for.
fn kind_of(name: &str) -> Kind {
    match name {
        TIME => Kind::Time,
        MESSAGE => Kind::Message,
        INDEX => Kind::Index,
        ID => Kind::Id,
        "level" | "log.level" | "severity" | "severity_text" => Kind::Level,
        "severity_number" => Kind::SeverityNumber,
        "trace.id" | "trace_id" | "traceId" => Kind::Trace,
        "span.id" | "span_id" | "spanId" => Kind::Span,
        _ => Kind::Plain,
    }
}

impl Field {
    pub fn new(asked: &str) -> Field {
        let (name, terms) = match (asked.strip_suffix(".keyword"), asked.strip_suffix(".text")) {
            (Some(name), _) if !name.is_empty() => (name, Terms::Whole),
            (_, Some(name)) if !name.is_empty() => (name, Terms::Words),
            _ => (asked, Terms::Both),
        };
        Field { asked: asked.to_owned(), name: name.to_owned(), kind: kind_of(name), terms }
    }
}

/// The fields of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub fields: Vec<Field>,
}

impl Table {
    /// The field of a name.
    pub fn id(&mut self, asked: &str) -> FieldId {
        match self.fields.iter().position(|f| f.asked == asked) {
            Some(id) => id,
            None => {
                self.fields.push(Field::new(asked));
                self.fields.len() - 1
            }
        }
    }
}

/// What has to be read of rows so that some fields are known.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub body: bool,
    pub severity: bool,
    pub ids: bool,
    pub all: bool,
    names: Vec<String>,
    /// By field: places in `names`, and where in its name the path below that begins. The name itself comes first.
    places: Vec<Vec<(usize, usize)>>,
}

impl Needs {
    /// What some fields of a table need.
    pub fn of(table: &Table, used: impl Iterator<Item = FieldId>) -> Needs {
        let mut needs = Needs { places: vec![Vec::new(); table.fields.len()], ..Needs::default() };
        for id in used {
            needs.add(id, &table.fields[id]);
        }
        needs
    }

    /// All there is.
    pub fn everything(table: &Table) -> Needs {
        let mut needs = Needs::of(table, 0..table.fields.len());
        (needs.body, needs.severity, needs.ids, needs.all) = (true, true, true, true);
        needs
    }

    fn add(&mut self, id: FieldId, field: &Field) {
        if !self.places[id].is_empty() {
            return;
        }
        match field.kind {
            Kind::Time => return,
            Kind::Message => self.body = true,
            Kind::Level | Kind::SeverityNumber => self.severity = true,
            Kind::Trace | Kind::Span => self.ids = true,
            // An id that is made up depends on all of the record.
            Kind::Id => (self.body, self.severity, self.ids, self.all) = (true, true, true, true),
            Kind::Index | Kind::Plain => {}
        }
        if matches!(field.kind, Kind::Message | Kind::Index | Kind::Id) {
            return;
        }
        let name = &field.name;
        let mut cuts = vec![(name.as_str(), name.len())];
        cuts.extend(name.rmatch_indices('.').filter(|(at, _)| *at > 0).map(|(at, _)| (&name[..at], at + 1)));
        for (prefix, path) in cuts {
            let place = match self.names.iter().position(|n| n == prefix) {
                Some(place) => place,
                None => {
                    self.names.push(prefix.to_owned());
                    self.names.len() - 1
                }
            };
            self.places[id].push((place, path));
        }
    }

    /// The names, to borrow for [`Needs::columns`].
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// What to ask the source for.
    pub fn columns<'a>(&self, names: &'a [&'a str]) -> Columns<'a> {
        let attributes = match (self.all, names.is_empty()) {
            (true, _) => AttributeColumns::All,
            (false, true) => AttributeColumns::None,
            (false, false) => AttributeColumns::Named(names),
        };
        Columns { body: self.body, severity: self.severity, ids: self.ids, attributes }
    }
}

/// Where text is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Body,
    Attribute,
    Label,
}

/// A value without parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str, Place),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Unix nanoseconds.
    Time(i64),
}

/// What a row has for a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found<'a> {
    Nothing,
    One(Scalar<'a>),
    /// Text made for the occasion.
    Made(String),
    /// A list or object, and the path to be followed in it.
    Many(Value<'a>, &'a str),
}

impl<'a> Found<'a> {
    fn of(value: Value<'a>) -> Found<'a> {
        match value {
            Value::Null => Found::Nothing,
            Value::Bool(b) => Found::One(Scalar::Bool(b)),
            Value::Int(i) => Found::One(Scalar::Int(i)),
            Value::Float(x) => Found::One(Scalar::Float(x)),
            Value::String(s) => Found::One(Scalar::Text(s, Place::Attribute)),
            Value::Bytes(b) => Found::Made(String::from_utf8_lossy(b).into_owned()),
            Value::List(_) | Value::Map(_) => Found::Many(value, ""),
        }
    }

    /// Whether there is anything.
    pub fn exists(&self) -> bool {
        match self {
            Found::Nothing => false,
            Found::One(_) | Found::Made(_) => true,
            Found::Many(value @ Value::List(_), "") => match value {
                Value::List(items) => items.iter().any(|v| v != Value::Null),
                _ => false,
            },
            Found::Many(_, "") => true,
            Found::Many(..) => self.any(&mut |_| true),
        }
    }

    /// Whether any value passes.
    #[inline]
    pub fn any(&self, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        match self {
            Found::Nothing => false,
            Found::One(s) => test(*s),
            Found::Made(text) => test(Scalar::Text(text, Place::Label)),
            Found::Many(value, path) => visit(*value, path, test),
        }
    }
}

/// Visits the values at a path below a value until one passes. Values nest a bounded number of times.
fn visit(value: Value<'_>, path: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    match value {
        Value::List(items) => items.iter().any(|v| visit(v, path, test)),
        Value::Map(pairs) if !path.is_empty() => {
            if let Some(found) = pairs.get(path) {
                return visit(found, "", test);
            }
            path.match_indices('.').any(|(at, _)| {
                pairs.get(&path[..at]).is_some_and(|inner| visit(inner, &path[at + 1..], test))
            })
        }
        Value::Map(_) => false,
        _ if !path.is_empty() => false,
        other => Found::of(other).any(test),
    }
}

/// Rows of a block as fields.
pub(crate) struct Rows<'b> {
    pub block: &'b dyn Block,
    table: &'b Table,
    needs: &'b Needs,
    /// By field: the label of the stream.
    labels: Vec<Option<&'b str>>,
}

/// The index of a stream.
pub(crate) fn index_of(labels: &model::Labels) -> &str {
    labels.get(INDEX).unwrap_or(INDEX_OTHERS)
}

impl<'b> Rows<'b> {
    pub fn new(block: &'b dyn Block, table: &'b Table, needs: &'b Needs) -> Rows<'b> {
        let labels = block.labels();
        let label = |f: &Field| match f.kind {
            Kind::Index => Some(index_of(labels)),
            Kind::Time | Kind::Message | Kind::Id => None,
            _ => labels.get(&f.name),
        };
        Rows { block, table, needs, labels: table.fields.iter().map(label).collect() }
    }

    pub fn field(&self, id: FieldId) -> &'b Field {
        &self.table.fields[id]
    }

    /// The value of a field in a row.
    #[inline]
    pub fn get(&self, id: FieldId, row: usize) -> Found<'_> {
        if let Some(label) = self.labels[id] {
            return Found::One(Scalar::Text(label, Place::Label));
        }
        let field = &self.table.fields[id];
        match field.kind {
            Kind::Time => return Found::One(Scalar::Time(self.block.times_ns()[row])),
            Kind::Message => return Found::One(Scalar::Text(self.block.body(row), Place::Body)),
            Kind::Id => return Found::Made(id_of(self.block, row).into_owned()),
            _ => {}
        }
        match self.attribute(id, field, row) {
            Found::Nothing => self.known(field.kind, row),
            found => found,
        }
    }

    fn attribute(&self, id: FieldId, field: &'b Field, row: usize) -> Found<'_> {
        for (place, path) in &self.needs.places[id] {
            let value = match self.needs.all {
                true => self.block.attributes(row).get(&self.needs.names[*place]),
                false => self.block.named(*place, row),
            };
            let path = &field.name[*path..];
            match value {
                Some(Value::Null) | None => {}
                Some(value) if path.is_empty() => return Found::of(value),
                Some(value @ (Value::Map(_) | Value::List(_))) => return Found::Many(value, path),
                Some(_) => {}
            }
        }
        Found::Nothing
    }

    /// What is known of a record beside labels and attributes.
    fn known(&self, kind: Kind, row: usize) -> Found<'_> {
        let made = |text: String| Found::Made(text);
        match kind {
            Kind::Level => match self.block.severity(row) {
                Severity::UNKNOWN => Found::Nothing,
                severity => Found::One(Scalar::Text(severity.text(), Place::Attribute)),
            },
            Kind::SeverityNumber => match self.block.severity(row) {
                Severity::UNKNOWN => Found::Nothing,
                severity => Found::One(Scalar::Int(i64::from(severity.number()))),
            },
            Kind::Trace => match self.block.trace(row) {
                id if id.is_none() => Found::Nothing,
                id => made(id.to_string()),
            },
            Kind::Span => match self.block.span(row) {
                id if id.is_none() => Found::Nothing,
                id => made(id.to_string()),
            },
            _ => Found::Nothing,
        }
    }

    /// Whether any value of the fields that fit a pattern passes. The time is left out.
    pub fn any_of(
        &self,
        pattern: &str,
        row: usize,
        test: &mut dyn FnMut(&Field, Scalar<'_>) -> bool,
    ) -> bool {
        let fits = |name: &str| pattern == "*" || crate::pattern::glob(pattern, name);
        let message = || Field::new(MESSAGE);
        if fits(MESSAGE) && test(&message(), Scalar::Text(self.block.body(row), Place::Body)) {
            return true;
        }
        for (name, value) in self.block.labels() {
            if name != INDEX && fits(name) && test(&Field::new(name), Scalar::Text(value, Place::Label)) {
                return true;
            }
        }
        for (name, value) in self.block.attributes(row).iter() {
            if matches!(name, INDEX | ID) || !fits(name) {
                continue;
            }
            let field = Field::new(name);
            if Found::of(value).any(&mut |s| test(&field, s)) {
                return true;
            }
        }
        false
    }
}

/// The id of a record: the one it was sent with, or one made of its time and all it holds. It is the same whenever the
/// record is read; records that are equal in everything share it.
pub(crate) fn id_of<'b>(block: &'b dyn Block, row: usize) -> Cow<'b, str> {
    let attributes = block.attributes(row);
    if let Some(Value::String(id)) = attributes.get(ID) {
        return Cow::Borrowed(id);
    }
    let mut hash = xxh3_64(block.labels().key());
    hash = xxh3_64_with_seed(block.body(row).as_bytes(), hash);
    hash = xxh3_64_with_seed(&block.trace(row).0, hash ^ u64::from(block.severity(row).number()));
    hash = xxh3_64_with_seed(&block.span(row).0, hash);
    // Attributes may come in another order from memory than from disk.
    let mut bytes = Vec::new();
    for (name, value) in attributes.iter() {
        bytes.clear();
        value.encode(&mut bytes);
        hash = hash.wrapping_add(xxh3_64_with_seed(&bytes, xxh3_64(name.as_bytes())));
    }
    Cow::Owned(format!("{:016x}{hash:016x}", block.times_ns()[row] as u64))
}

/// The time in an id that was made up.
pub(crate) fn time_of_id(id: &str) -> Option<i64> {
    let is_made = id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_made.then(|| u64::from_str_radix(&id[..16], 16).ok()).flatten().map(|t| t as i64)
}
