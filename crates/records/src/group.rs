//! Rows as columns in memory: what one row group of a part holds.

use crate::shape::VARS_MAX;
use model::record::{Attributes, AttributesBuf, SpanId, TraceId, Value};

/// Byte strings by row. Rows that were never set are empty and, behind the last that was, cost nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// Where the first begins.
    begin: u32,
}

impl Texts {
    /// Byte strings one behind the other from `begin` on, with what lies before them.
    pub fn from_parts(begin: u32, ends: Vec<u32>, bytes: Vec<u8>) -> Texts {
        Texts { ends, bytes, begin }
    }

    /// Sets a row behind all that are set.
    #[inline]
    pub fn set(&mut self, row: usize, value: &[u8]) {
        if !value.is_empty() {
            self.put(row, |bytes| bytes.extend_from_slice(value));
        }
    }

    /// Sets a row behind all that are set to what `write` appends.
    #[inline]
    pub fn put(&mut self, row: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len() as u32;
        if self.ends.len() != row {
            self.ends.resize(row, before);
        }
        write(&mut self.bytes);
        self.ends.push(self.bytes.len() as u32);
    }

    /// Where each row ends, up to the last that is set, and all bytes, of texts that were set one by one.
    pub fn parts(&self) -> (&[u32], &[u8]) {
        (&self.ends, &self.bytes)
    }

    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        match self.ends.get(row) {
            Some(end) => {
                let start = if row == 0 { self.begin } else { self.ends[row - 1] };
                &self.bytes[start as usize..*end as usize]
            }
            None => &[],
        }
    }

    /// Whether every row is empty.
    pub fn is_empty(&self) -> bool {
        self.byte_len() == 0
    }

    pub fn byte_len(&self) -> usize {
        self.bytes.len() - self.begin as usize
    }

    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4
    }

    pub fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
        self.begin = 0;
    }
}

/// Types of attribute that have columns of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    String = 0,
    Int = 1,
    Float = 2,
    Bool = 3,
    Bytes = 4,
}

impl Kind {
    pub fn of(value: &Value<'_>) -> Option<Kind> {
        match value {
            Value::String(_) => Some(Kind::String),
            Value::Int(_) => Some(Kind::Int),
            Value::Float(_) => Some(Kind::Float),
            Value::Bool(_) => Some(Kind::Bool),
            Value::Bytes(_) => Some(Kind::Bytes),
            _ => None,
        }
    }

    pub fn from_number(n: u8) -> Option<Kind> {
        [Kind::String, Kind::Int, Kind::Float, Kind::Bool, Kind::Bytes].into_iter().find(|k| *k as u8 == n)
    }
}

/// A column of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Field {
    pub name: String,
    pub kind: Kind,
}

/// Values of an attribute by row, where it has one of the column's type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    /// By row; rows behind the last are absent.
    pub present: Vec<bool>,
    /// By row: strings and bytes.
    pub texts: Texts,
    /// By row: integers, bits of floats, truth values.
    pub numbers: Vec<i64>,
}

impl Column {
    pub fn set(&mut self, row: usize, value: &Value<'_>) {
        self.present.resize(row, false);
        self.present.push(true);
        let number = match value {
            Value::String(s) => {
                self.texts.set(row, s.as_bytes());
                return;
            }
            Value::Bytes(b) => {
                self.texts.set(row, b);
                return;
            }
            Value::Int(i) => *i,
            Value::Float(f) => f.to_bits() as i64,
            Value::Bool(b) => i64::from(*b),
            _ => 0,
        };
        self.numbers.resize(row, 0);
        self.numbers.push(number);
    }

    #[inline]
    pub fn get(&self, kind: Kind, row: usize) -> Option<Value<'_>> {
        if !self.present.get(row).copied().unwrap_or(false) {
            return None;
        }
        let number = || self.numbers.get(row).copied().unwrap_or(0);
        Some(match kind {
            Kind::String => Value::String(std::str::from_utf8(self.texts.get(row)).unwrap_or_default()),
            Kind::Int => Value::Int(number()),
            Kind::Float => Value::Float(f64::from_bits(number() as u64)),
            Kind::Bool => Value::Bool(number() != 0),
            Kind::Bytes => Value::Bytes(self.texts.get(row)),
        })
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    pub fn memory_bytes(&self) -> usize {
        self.present.capacity() + self.texts.memory_bytes() + self.numbers.capacity() * 8
    }

    fn clear(&mut self) {
        self.present.clear();
        self.texts.clear();
        self.numbers.clear();
    }
}

/// Rows of one row group. Vectors that say nothing about any row may be shorter than the rest.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub stream: Vec<u32>,
    pub time: Vec<i64>,
    /// Which shape of the part the body has.
    pub shape: Vec<u32>,
    pub severity: Vec<u8>,
    pub observed: Vec<i64>,
    pub trace: Vec<TraceId>,
    pub span: Vec<SpanId>,
    pub vars: [Texts; VARS_MAX],
    /// By field of the part.
    pub columns: Vec<Column>,
    /// Attributes without a column, encoded.
    pub rest: Texts,
    /// Bodies that are no text, encoded; the text beside them is how they are shown.
    pub values: Texts,
}

impl Group {
    pub fn new(fields: usize) -> Group {
        Group { columns: vec![Column::default(); fields], ..Group::default() }
    }

    pub fn rows(&self) -> usize {
        self.time.len()
    }

    /// Bytes of content, which is what bounds a row group besides its rows.
    pub fn content_bytes(&self) -> usize {
        self.vars.iter().map(Texts::byte_len).sum::<usize>()
            + self.rest.byte_len()
            + self.values.byte_len()
            + self.columns.iter().map(|c| c.texts.byte_len()).sum::<usize>()
    }

    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.stream.clear();
        self.time.clear();
        self.shape.clear();
        self.severity.clear();
        self.observed.clear();
        self.trace.clear();
        self.span.clear();
        self.vars.iter_mut().for_each(Texts::clear);
        self.columns.iter_mut().for_each(Column::clear);
        self.rest.clear();
        self.values.clear();
    }

    /// Sets what few rows have, for the row pushed last.
    pub fn set_ids(&mut self, observed_ns: i64, trace: TraceId, span: SpanId) {
        let row = self.rows() - 1;
        if observed_ns != 0 {
            self.observed.resize(row, 0);
            self.observed.push(observed_ns);
        }
        if !trace.is_none() {
            self.trace.resize(row, TraceId::NONE);
            self.trace.push(trace);
        }
        if !span.is_none() {
            self.span.resize(row, SpanId::NONE);
            self.span.push(span);
        }
    }

    pub fn observed(&self, row: usize) -> i64 {
        self.observed.get(row).copied().unwrap_or(0)
    }

    pub fn trace(&self, row: usize) -> TraceId {
        self.trace.get(row).copied().unwrap_or_default()
    }

    pub fn span(&self, row: usize) -> SpanId {
        self.span.get(row).copied().unwrap_or_default()
    }

    /// Sets the attributes of the row pushed last: those of `fields`, which are in order, in their columns, the others as
    /// they are.
    pub fn set_attributes(
        &mut self,
        fields: &[Field],
        attributes: Attributes<'_>,
        scratch: &mut AttributesBuf,
    ) {
        let row = self.rows() - 1;
        scratch.clear();
        for (name, value) in attributes.iter() {
            let kind = Kind::of(&value);
            let (mut place, mut taken) = (None, false);
            let first = fields.partition_point(|f| f.name.as_str() < name);
            for (i, f) in fields[first..].iter().take_while(|f| f.name == name).enumerate() {
                let p = first + i;
                place = if Some(f.kind) == kind { Some(p) } else { place };
                taken |= self.columns[p].present.len() > row;
            }
            // Of several values of one name the last counts. A column is read before the rest, so it takes the first.
            taken = taken || (!scratch.is_empty() && scratch.as_attributes().get(name).is_some());
            match place {
                Some(p) if !taken => self.columns[p].set(row, &value),
                _ => scratch.push(name, value),
            }
        }
        self.rest.set(row, scratch.as_attributes().encoded());
    }

    /// Appends the attributes of a row to `out`: columns first, then the rest.
    pub fn attributes(&self, fields: &[Field], row: usize, out: &mut AttributesBuf) {
        for (f, c) in fields.iter().zip(&self.columns) {
            if let Some(value) = c.get(f.kind, row) {
                out.push(&f.name, value);
            }
        }
        Attributes::trusted(self.rest.get(row)).iter().for_each(|(name, value)| out.push(name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_never_set_are_empty() {
        let mut t = Texts::default();
        t.set(2, b"two");
        t.set(3, b"");
        t.set(5, b"five");
        let all: Vec<_> = (0..8).map(|row| t.get(row)).collect();
        assert_eq!(all, [&b""[..], b"", b"two", b"", b"", b"five", b"", b""]);
    }

    #[test]
    fn attributes_come_back_typed() {
        let fields =
            [Field { name: "a".into(), kind: Kind::Int }, Field { name: "b".into(), kind: Kind::String }];
        let mut g = Group::new(fields.len());
        let (mut buf, mut scratch) = (AttributesBuf::new(), AttributesBuf::new());
        let mut put = |pairs: &[(&str, Value<'_>)]| {
            buf.clear();
            pairs.iter().for_each(|(n, v)| buf.push(n, *v));
            g.time.push(0);
            g.set_attributes(&fields, buf.as_attributes(), &mut scratch);
        };
        put(&[("b", Value::String("")), ("c", Value::Null)]);
        put(&[]);
        put(&[("a", Value::Int(7)), ("b", Value::Float(0.5))]);
        put(&[("a", Value::Int(1)), ("a", Value::Int(2))]);
        put(&[("a", Value::Null), ("a", Value::Int(2))]);
        let shown = |row| {
            let mut out = AttributesBuf::new();
            g.attributes(&fields, row, &mut out);
            format!("{:?}", out.as_attributes())
        };
        assert_eq!(shown(0), r#"{"b": "", "c": null}"#);
        assert_eq!(shown(1), "{}");
        assert_eq!(shown(2), r#"{"a": 7, "b": 0.5}"#);
        for row in [3, 4] {
            let mut out = AttributesBuf::new();
            g.attributes(&fields, row, &mut out);
            assert_eq!(out.as_attributes().get("a"), Some(Value::Int(2)), "{row}");
        }
    }
}
