//! Free-form documents (JSON objects, MessagePack maps) as records.

use super::roles::{Part, RoleMemo, Roles};
use super::time;
use crate::error::quote;
use crate::records::{RecordLimits, RecordWriter, Refused, check_name};
use model::record::{Attributes, AttributesBuf, Items, Record, Severity, SpanId, StreamRef, TraceId, Value};
use std::fmt::Write;
use std::ops::Range;

/// The value of a field, borrowed from the body where that is possible.
#[derive(Debug, Clone)]
pub(crate) enum Slot<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Text as it lies in the body.
    Str(&'a str),
    /// Text that had to be unescaped, in [`Fields::texts`].
    Text(Range<usize>),
    Bytes(&'a [u8]),
    /// A list, in [`Fields::lists`].
    List(usize),
    /// An object without fields.
    Empty,
}

#[derive(Debug)]
struct Field<'a> {
    name: Range<usize>,
    value: Slot<'a>,
}

/// The fields of one document, names dotted; used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    names: String,
    texts: String,
    lists: Vec<AttributesBuf>,
    all: Vec<Field<'a>>,
    prefix: String,
    /// Names lose a leading underscore.
    strip: bool,
}

impl<'a> Fields<'a> {
    /// Fields whose names lose the underscore they begin with.
    pub fn without_underscores() -> Fields<'a> {
        Fields { strip: true, ..Fields::default() }
    }

    pub fn clear(&mut self) {
        self.names.clear();
        self.texts.clear();
        self.lists.clear();
        self.all.clear();
        self.prefix.clear();
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Begins a field with this name below the objects entered; [`Fields::set`] gives its value.
    #[inline]
    pub fn name(&mut self, name: &str, limits: &RecordLimits) -> Result<(), String> {
        if self.all.len() as u64 >= limits.attributes_per_record_max {
            return Err(format!(
                "the record has more than {} fields: raise {} to allow it",
                limits.attributes_per_record_max,
                setting!(limits, "attributes_per_record_max")
            ));
        }
        let start = self.names.len();
        let name = if self.strip { name.strip_prefix('_').unwrap_or(name) } else { name };
        self.names.push_str(&self.prefix);
        self.names.push_str(name);
        check_name(&self.names[start..], limits).map_err(|l| l.to_string())?;
        self.all.push(Field { name: start..self.names.len(), value: Slot::Null });
        Ok(())
    }

    /// The value of the field begun last.
    #[inline]
    pub fn set(&mut self, value: Slot<'a>) {
        if let Some(field) = self.all.last_mut() {
            field.value = value;
        }
    }

    /// Keeps text that is not in the body.
    #[inline]
    pub fn text(&mut self, text: &str) -> Slot<'a> {
        let start = self.texts.len();
        self.texts.push_str(text);
        Slot::Text(start..self.texts.len())
    }

    /// Keeps a list.
    pub fn list(&mut self, items: AttributesBuf) -> Slot<'a> {
        self.lists.push(items);
        Slot::List(self.lists.len() - 1)
    }

    /// Turns the field begun last into an object whose fields follow; gives what [`Fields::leave`] takes.
    pub fn enter(&mut self) -> usize {
        let before = self.prefix.len();
        if let Some(field) = self.all.pop() {
            self.prefix.clear();
            self.prefix.push_str(&self.names[field.name.clone()]);
            self.prefix.push('.');
            self.names.truncate(field.name.start);
        }
        before
    }

    /// Ends an object; one without fields is kept as a field.
    pub fn leave(&mut self, before: usize, is_empty: bool) {
        if is_empty && self.prefix.len() > before {
            let start = self.names.len();
            self.names.push_str(&self.prefix[..self.prefix.len() - 1]);
            self.all.push(Field { name: start..self.names.len(), value: Slot::Empty });
        }
        self.prefix.truncate(before);
    }

    fn value(&self, slot: &Slot<'a>) -> Value<'_> {
        match slot {
            Slot::Null => Value::Null,
            Slot::Bool(b) => Value::Bool(*b),
            Slot::Int(i) => Value::Int(*i),
            Slot::Float(f) => Value::Float(*f),
            Slot::Str(s) => Value::String(s),
            Slot::Text(range) => Value::String(&self.texts[range.clone()]),
            Slot::Bytes(b) => Value::Bytes(b),
            Slot::List(i) => Value::List(self.lists[*i].as_items()),
            Slot::Empty => Value::Map(Attributes::NONE),
        }
    }

    fn named(&self, i: usize) -> (&str, Value<'_>) {
        let field = &self.all[i];
        (&self.names[field.name.clone()], self.value(&field.value))
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        (0..self.all.len()).map(|i| self.named(i))
    }
}

/// What documents of one body share.
pub(crate) struct Documents<'r> {
    roles: &'r Roles,
    memo: RoleMemo,
    parts: Vec<Part>,
    attributes: AttributesBuf,
    key: Vec<u8>,
    /// Numbers and the like as text, for labels.
    shown: String,
}

/// What is known of a document beside its fields.
#[derive(Default, Clone, Copy)]
pub(crate) struct Origin<'o> {
    /// Further labels of the stream.
    pub labels: &'o [(&'o str, &'o str)],
    /// Further attributes.
    pub attributes: &'o [(&'o str, &'o str)],
    /// The document as it was sent, the body of a record without a message.
    pub raw: &'o str,
    /// Its time, where the protocol has a place for it.
    pub time_ns: Option<i64>,
}

/// The fields that play the single parts.
#[derive(Default)]
struct Chosen {
    time: Option<(u8, usize, i64)>,
    message: Option<(u8, usize)>,
    level: Option<(u8, Severity)>,
    trace: Option<(u8, usize, TraceId)>,
    span: Option<(u8, usize, SpanId)>,
}

impl<'r> Documents<'r> {
    pub fn new(roles: &'r Roles) -> Documents<'r> {
        Documents {
            roles,
            memo: RoleMemo::default(),
            parts: Vec::new(),
            attributes: AttributesBuf::new(),
            key: Vec::new(),
            shown: String::new(),
        }
    }

    /// Writes one document as a record.
    pub fn write(
        &mut self,
        fields: &mut Fields<'_>,
        origin: Origin<'_>,
        w: &mut RecordWriter,
    ) -> Result<(), Refused> {
        for (name, value) in &self.roles.extra {
            fields.prefix.clear();
            fields.name(name, w.limits()).map_err(Refused::Record)?;
            let slot = fields.text(value);
            fields.set(slot);
        }
        let chosen = self.choose(fields, origin.time_ns.is_some())?;
        let label_bytes_max = w.limits().label_value_bytes_max as usize;
        self.attributes.clear();
        let mut count = origin.attributes.len();
        for (name, value) in origin.attributes {
            self.attributes.push(name, Value::String(value));
        }
        self.key.clear();
        origin.labels.iter().for_each(|(name, value)| put_key(&mut self.key, name, value));
        for i in 0..fields.len() {
            let part = self.parts[i];
            let single = [
                chosen.time.map(|c| c.1),
                chosen.message.map(|c| c.1),
                chosen.trace.map(|c| c.1),
                chosen.span.map(|c| c.1),
            ];
            if part.ignored || single.contains(&Some(i)) {
                continue;
            }
            let (name, value) = fields.named(i);
            if part.stream && self.label(name, value, label_bytes_max) {
                continue;
            }
            self.attributes.push(name, value);
            count += 1;
        }
        let stream = match w.known(&self.key) {
            Some(stream) => stream,
            None => self.new_stream(w)?,
        };
        let record = Record {
            time_ns: chosen.time.map(|c| c.2).or(origin.time_ns).unwrap_or(w.now_ns()),
            observed_ns: 0,
            severity: chosen.level.map_or(Severity::UNKNOWN, |c| c.1),
            trace_id: chosen.trace.map_or(TraceId::NONE, |c| c.2),
            span_id: chosen.span.map_or(SpanId::NONE, |c| c.2),
            body: chosen.message.map_or(Value::String(origin.raw), |c| fields.named(c.1).1),
            attributes: self.attributes.as_attributes(),
        };
        w.push(stream, &record, count)
    }

    /// Finds the fields that play the single parts.
    fn choose(&mut self, fields: &Fields<'_>, timed: bool) -> Result<Chosen, Refused> {
        let mut chosen = Chosen::default();
        self.parts.clear();
        for i in 0..fields.len() {
            let (name, value) = fields.named(i);
            let part = self.memo.of(self.roles, i, name);
            self.parts.push(part);
            if part == Part::default() || part.ignored {
                continue;
            }
            if part.message > 0 && text_like(value) && before(part.message, chosen.message.map(|c| c.0)) {
                chosen.message = Some((part.message, i));
            }
            if part.time > 0 && !timed && before(part.time, chosen.time.map(|c| c.0)) {
                match time_of(value) {
                    Some(time_ns) => chosen.time = Some((part.time, i, time_ns)),
                    None if is_now(value) => {}
                    None if part.time <= self.roles.strict_times => return Err(not_a_time(name, value)),
                    None => {}
                }
            }
            if part.level > 0 && before(part.level, chosen.level.map(|c| c.0)) {
                let severity = severity_of(value);
                if severity != Severity::UNKNOWN {
                    chosen.level = Some((part.level, severity));
                }
            }
            if part.trace > 0
                && before(part.trace, chosen.trace.map(|c| c.0))
                && let Some(id) = value.as_str().and_then(TraceId::from_hex).filter(|id| !id.is_none())
            {
                chosen.trace = Some((part.trace, i, id));
            }
            if part.span > 0
                && before(part.span, chosen.span.map(|c| c.0))
                && let Some(id) = value.as_str().and_then(SpanId::from_hex).filter(|id| !id.is_none())
            {
                chosen.span = Some((part.span, i, id));
            }
        }
        Ok(chosen)
    }

    /// Takes a field into the key of the stream; false if its value cannot be a label's.
    fn label(&mut self, name: &str, value: Value<'_>, bytes_max: usize) -> bool {
        self.shown.clear();
        let text = match value {
            Value::String(s) => s,
            other => match show_scalar(other, &mut self.shown) {
                true => self.shown.as_str(),
                false => return false,
            },
        };
        if text.len() > bytes_max {
            return false;
        }
        put_key(&mut self.key, name, text);
        true
    }

    #[cold]
    fn new_stream(&self, w: &mut RecordWriter) -> Result<StreamRef, Refused> {
        let mut pairs = Vec::new();
        let mut rest = self.key.as_slice();
        let mut next = || {
            let (length, tail) = rest.split_first_chunk::<4>()?;
            let (text, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = tail;
            std::str::from_utf8(text).ok()
        };
        while let (Some(name), Some(value)) = (next(), next()) {
            pairs.push((name, value));
        }
        w.stream(&self.key, &pairs)
    }
}

/// One label in the key of a stream: lengths, so that no text can be taken for another.
#[inline]
fn put_key(key: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, value] {
        key.extend_from_slice(&(part.len() as u32).to_le_bytes());
        key.extend_from_slice(part.as_bytes());
    }
}

/// Whether a rank comes before the one found so far.
fn before(rank: u8, found: Option<u8>) -> bool {
    found.is_none_or(|f| rank < f)
}

fn text_like(value: Value<'_>) -> bool {
    !matches!(value, Value::Null)
}

/// "0" and nothing stand for the time of arrival.
fn is_now(value: Value<'_>) -> bool {
    matches!(value, Value::Null | Value::Int(0) | Value::String("" | "0"))
}

fn time_of(value: Value<'_>) -> Option<i64> {
    match value {
        value if is_now(value) => None,
        Value::String(s) => time::parse(s),
        Value::Int(n) => time::from_int(n),
        Value::Float(x) => time::from_float(x),
        _ => None,
    }
}

#[cold]
fn not_a_time(name: &str, value: Value<'_>) -> Refused {
    let found = match value {
        Value::String(s) => quote(s.as_bytes()),
        other => quote(format!("{other:?}").as_bytes()),
    };
    Refused::Record(format!(
        "field {} is {found}, not a time: write for example 2026-11-21T10:20:30.5Z, or Unix time in seconds, \
         milliseconds, microseconds or nanoseconds",
        quote(name.as_bytes())
    ))
}

/// The severity a level states: a word, a number of syslog (0 to 7), or one of Bunyan's and Pino's (10 to 60).
pub fn severity_of(value: Value<'_>) -> Severity {
    match value {
        Value::String(word) => match Severity::from_text(word) {
            Severity::UNKNOWN => word.trim().parse().map_or(Severity::UNKNOWN, level_number),
            severity => severity,
        },
        Value::Int(n) => level_number(n),
        Value::Float(x) if x.fract() == 0.0 => level_number(x as i64),
        _ => Severity::UNKNOWN,
    }
}

fn level_number(n: i64) -> Severity {
    match n {
        0..=7 => syslog_severity(n as u8),
        10..20 => Severity::TRACE,
        20..30 => Severity::DEBUG,
        30..40 => Severity::INFO,
        40..50 => Severity::WARN,
        50..60 => Severity::ERROR,
        60 => Severity::FATAL,
        _ => Severity::UNKNOWN,
    }
}

/// The severity of syslog's numbers, 0 (emergency) to 7 (debug).
pub(crate) fn syslog_severity(number: u8) -> Severity {
    match number {
        0 => Severity::FATAL,
        1 => Severity::from_number(19),
        2 => Severity::CRITICAL,
        3 => Severity::ERROR,
        4 => Severity::WARN,
        5 => Severity::NOTICE,
        6 => Severity::INFO,
        7 => Severity::DEBUG,
        _ => Severity::UNKNOWN,
    }
}

/// Writes a value that is neither text nor made of others; false if it is.
pub(crate) fn show_scalar(value: Value<'_>, out: &mut String) -> bool {
    let done = match value {
        Value::Bool(b) => write!(out, "{b}"),
        Value::Int(i) => write!(out, "{i}"),
        Value::Float(x) => write!(out, "{x}"),
        _ => return false,
    };
    done.is_ok()
}

/// A value as JSON text: bytes as text with what is not UTF-8 replaced.
pub(crate) fn show_json(value: Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Float(x) if !x.is_finite() => show_text(&x.to_string(), out),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            show_scalar(value, out);
        }
        Value::String(s) => show_text(s, out),
        Value::Bytes(b) => show_text(&String::from_utf8_lossy(b), out),
        Value::List(items) => show_items(items, out),
        Value::Map(pairs) => show_object(pairs.iter(), out),
    }
}

fn show_items(items: Items<'_>, out: &mut String) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        show_json(item, out);
    }
    out.push(']');
}

/// Pairs as a JSON object.
pub(crate) fn show_object<'v>(pairs: impl Iterator<Item = (&'v str, Value<'v>)>, out: &mut String) {
    out.push('{');
    for (i, (name, value)) in pairs.enumerate() {
        if i > 0 {
            out.push(',');
        }
        show_text(name, out);
        out.push(':');
        show_json(value, out);
    }
    out.push('}');
}

/// Text as a JSON string.
pub(crate) fn show_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (i, b) in text.bytes().enumerate() {
        let escape = match b {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..i]);
        plain = i + 1;
        match escape {
            "" => {
                let _ = write!(out, "\\u{b:04x}");
            }
            escape => out.push_str(escape),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}
