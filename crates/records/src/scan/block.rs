//! Records of one stream, as columns.

use super::{Attributes as WantedAttributes, Wanted};
use crate::group::Texts;
use model::Labels;
use model::record::{Attributes, AttributesBuf, Severity, SpanId, TraceId, Value};

/// Records of one stream. Columns that were not asked for are empty: their values read as unknown.
#[derive(Debug)]
pub struct Block<'a> {
    /// The stream.
    pub labels: &'a Labels,
    /// Times in Unix nanoseconds.
    pub times_ns: &'a [i64],
    /// With [`Direction::Forward`](super::Direction::Forward) no later block holds a record before this time, with
    /// [`Direction::Backward`](super::Direction::Backward) none after it.
    pub settled_ns: i64,
    pub(super) columns: &'a Columns,
}

/// The columns of a block besides times; used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Columns {
    bodies: Texts,
    severities: Vec<Severity>,
    traces: Vec<TraceId>,
    spans: Vec<SpanId>,
    observed: Vec<i64>,
    named: Vec<Named>,
    all: Vec<AttributesBuf>,
    rows: usize,
}

/// One attribute by row.
#[derive(Debug, Default)]
struct Named {
    cells: Vec<Cell>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Cell {
    Absent,
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(u32, u32),
    /// Any other value, encoded.
    Encoded(u32, u32),
}

impl<'a> Block<'a> {
    /// How many records.
    pub fn len(&self) -> usize {
        self.times_ns.len()
    }

    /// Whether there are none. There always are.
    pub fn is_empty(&self) -> bool {
        self.times_ns.is_empty()
    }

    /// The text of a body; values that are no text are shown as JSON.
    pub fn body(&self, row: usize) -> &str {
        std::str::from_utf8(self.columns.bodies.get(row)).unwrap_or_default()
    }

    /// The texts of all bodies one behind the other, and where each ends.
    pub fn bodies(&self) -> (&'a [u32], &'a str) {
        let (ends, bytes) = self.columns.bodies.parts();
        (ends, std::str::from_utf8(bytes).unwrap_or_default())
    }

    /// How grave a record is.
    pub fn severity(&self, row: usize) -> Severity {
        self.columns.severities.get(row).copied().unwrap_or_default()
    }

    /// Its trace.
    pub fn trace_id(&self, row: usize) -> TraceId {
        self.columns.traces.get(row).copied().unwrap_or_default()
    }

    /// Its span.
    pub fn span_id(&self, row: usize) -> SpanId {
        self.columns.spans.get(row).copied().unwrap_or_default()
    }

    /// When somebody first saw it, 0 where unknown.
    pub fn observed_ns(&self, row: usize) -> i64 {
        self.columns.observed.get(row).copied().unwrap_or(0)
    }

    /// Whether any record may have a named attribute, by its place among those asked for.
    pub fn has_attribute(&self, place: usize) -> bool {
        self.columns.named.get(place).is_some_and(|n| !n.cells.is_empty())
    }

    /// A named attribute, by its place among those asked for.
    pub fn attribute(&self, place: usize, row: usize) -> Option<Value<'_>> {
        let named = self.columns.named.get(place)?;
        let bytes = |a: u32, b: u32| &named.bytes[a as usize..b as usize];
        match *named.cells.get(row)? {
            Cell::Absent => None,
            Cell::Null => Some(Value::Null),
            Cell::Bool(b) => Some(Value::Bool(b)),
            Cell::Int(i) => Some(Value::Int(i)),
            Cell::Float(f) => Some(Value::Float(f)),
            Cell::Text(a, b) => Some(Value::String(std::str::from_utf8(bytes(a, b)).unwrap_or_default())),
            Cell::Encoded(a, b) => Value::from_encoded(bytes(a, b)).ok(),
        }
    }

    /// All attributes of a record, if all were asked for.
    pub fn attributes(&self, row: usize) -> Attributes<'_> {
        self.columns.all.get(row).map_or(Attributes::NONE, AttributesBuf::as_attributes)
    }
}

impl Columns {
    pub fn new(wanted: &Wanted<'_>) -> Columns {
        let named = match wanted.attributes {
            WantedAttributes::Named(names) => names.len(),
            _ => 0,
        };
        Columns { named: (0..named).map(|_| Named::default()).collect(), ..Columns::default() }
    }

    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.bodies.clear();
        self.severities.clear();
        self.traces.clear();
        self.spans.clear();
        self.observed.clear();
        for n in &mut self.named {
            n.cells.clear();
            n.bytes.clear();
        }
        self.rows = 0;
    }

    pub fn memory_bytes(&self) -> usize {
        let named: usize = self.named.iter().map(|n| n.cells.capacity() * 16 + n.bytes.capacity()).sum();
        let all: usize = self.all.iter().map(|a| 24 + a.as_attributes().encoded().len()).sum();
        self.bodies.memory_bytes() + self.severities.capacity() + self.traces.capacity() * 32 + named + all
    }

    /// Ends a row.
    pub fn next(&mut self) {
        self.rows += 1;
    }

    pub fn body(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bodies.put(self.rows, write);
    }

    pub fn severity(&mut self, severity: Severity) {
        self.severities.push(severity);
    }

    pub fn ids(&mut self, trace: TraceId, span: SpanId, observed_ns: i64) {
        self.traces.push(trace);
        self.spans.push(span);
        self.observed.push(observed_ns);
    }

    pub fn attribute(&mut self, place: usize, value: Option<Value<'_>>) {
        let named = &mut self.named[place];
        let start = named.bytes.len() as u32;
        let cell = match value {
            None => Cell::Absent,
            Some(Value::Null) => Cell::Null,
            Some(Value::Bool(b)) => Cell::Bool(b),
            Some(Value::Int(i)) => Cell::Int(i),
            Some(Value::Float(f)) => Cell::Float(f),
            Some(Value::String(s)) => {
                named.bytes.extend_from_slice(s.as_bytes());
                Cell::Text(start, named.bytes.len() as u32)
            }
            Some(other) => {
                other.encode(&mut named.bytes);
                Cell::Encoded(start, named.bytes.len() as u32)
            }
        };
        named.cells.push(cell);
    }

    /// The list to write all attributes of the row to.
    pub fn attributes(&mut self) -> &mut AttributesBuf {
        if self.all.len() <= self.rows {
            self.all.push(AttributesBuf::new());
        }
        let list = &mut self.all[self.rows];
        list.clear();
        list
    }
}
