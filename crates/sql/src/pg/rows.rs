//! Rows as messages, each column in text or in binary.
//!
//! PostgreSQL's times have microseconds: nanoseconds are cut.

use super::messages::write;
use super::numeric::push_numeric;
use super::parameters::{EPOCH_DAYS, EPOCH_MICROS};
use super::times::{clock, date, interval, of_micros, push_interval, timestamp};
use super::types::*;
use crate::format::{Cells, push_float};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, DurationMicrosecondArray, Float32Array,
    Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, IntervalUnit, SchemaRef, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use promql::EvalError;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Which columns are wanted in binary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats(Vec<bool>);

impl Formats {
    /// As a client asks: none, one for all, or one for each of `columns`.
    pub fn of(asked: &[bool], columns: usize) -> Result<Formats, String> {
        match asked {
            [] => Ok(Formats(vec![false; columns])),
            [one] => Ok(Formats(vec![*one; columns])),
            all if all.len() == columns => Ok(Formats(all.to_vec())),
            other => Err(format!("{} formats were asked for {columns} columns", other.len())),
        }
    }

    /// Whether a column is wanted in binary.
    pub fn binary(&self, column: usize) -> bool {
        self.0.get(column).copied().unwrap_or(false)
    }
}

/// A piece of rows is given on once it has so many bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Writes rows as messages.
#[derive(Debug)]
pub struct RowWriter {
    formats: Formats,
    oids: Vec<u32>,
    out: Vec<u8>,
}

impl RowWriter {
    /// Rows with these columns.
    pub fn new(schema: &SchemaRef, formats: Formats) -> RowWriter {
        let oids = schema.fields().iter().map(|f| oid(f.data_type())).collect();
        RowWriter { formats, oids, out: Vec::new() }
    }

    /// Adds rows.
    pub fn rows(
        &mut self,
        batch: &RecordBatch,
        give: &mut dyn FnMut(Vec<u8>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EvalError> {
        let columns: Vec<ArrayRef> = batch
            .columns()
            .iter()
            .zip(&self.oids)
            .map(|(c, oid)| canonical(c, *oid))
            .collect::<Result<_, _>>()?;
        let columns =
            columns.iter().enumerate().map(|(i, c)| Column::of(c, self.oids[i], self.formats.binary(i)));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            write::message(&mut self.out, b'D', |out| {
                out.extend_from_slice(&(columns.len() as u16).to_be_bytes());
                for column in &columns {
                    column.cell(row, &mut text, out);
                }
            });
            if self.out.len() >= CHUNK_BYTES && give(std::mem::take(&mut self.out)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The last of them.
    pub fn end(self) -> Vec<u8> {
        self.out
    }
}

fn fault(e: impl std::fmt::Display) -> EvalError {
    EvalError::Query(format!("a column cannot be sent: {e}"))
}

/// A column in the one Arrow type that stands for a type of PostgreSQL.
fn canonical(column: &ArrayRef, oid: u32) -> Result<ArrayRef, EvalError> {
    let of = match oid {
        INT2 => DataType::Int16,
        INT4 => DataType::Int32,
        INT8 => DataType::Int64,
        FLOAT4 => DataType::Float32,
        FLOAT8 => DataType::Float64,
        TIMESTAMP | TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, None),
        DATE => DataType::Date32,
        TIME => DataType::Time64(TimeUnit::Microsecond),
        BYTEA => DataType::Binary,
        INTERVAL => match column.data_type() {
            DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
            _ => DataType::Interval(IntervalUnit::MonthDayNano),
        },
        _ => return Ok(Arc::clone(column)),
    };
    if *column.data_type() == of { Ok(Arc::clone(column)) } else { cast(column, &of).map_err(fault) }
}

/// Where the items of a row's list are.
type Place<'a> = Box<dyn Fn(usize) -> std::ops::Range<usize> + 'a>;

/// The values of a column.
enum Values<'a> {
    Bool(&'a BooleanArray),
    Int2(&'a Int16Array),
    Int4(&'a Int32Array),
    Int8(&'a Int64Array),
    Float4(&'a Float32Array),
    Float8(&'a Float64Array),
    Timestamp(&'a TimestampMicrosecondArray, bool),
    Date(&'a arrow::array::Date32Array),
    Time(&'a Time64MicrosecondArray),
    Interval(&'a IntervalMonthDayNanoArray),
    Duration(&'a DurationMicrosecondArray),
    Bytes(&'a BinaryArray),
    Numeric(Cells<'a>),
    /// Lists: where a row's items are, and the items.
    List(Place<'a>, Box<Column<'a>>, u32),
    /// Text and JSON.
    Text(Cells<'a>),
}

struct Column<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
    binary: bool,
}

impl<'a> Column<'a> {
    fn of(array: &'a ArrayRef, oid: u32, binary: bool) -> Result<Column<'a>, EvalError> {
        let values = match oid {
            BOOL => Values::Bool(array.as_boolean()),
            INT2 => Values::Int2(array.as_primitive::<Int16Type>()),
            INT4 => Values::Int4(array.as_primitive::<Int32Type>()),
            INT8 => Values::Int8(array.as_primitive::<Int64Type>()),
            FLOAT4 => Values::Float4(array.as_primitive::<Float32Type>()),
            FLOAT8 => Values::Float8(array.as_primitive::<Float64Type>()),
            TIMESTAMP | TIMESTAMPTZ => {
                Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>(), oid == TIMESTAMPTZ)
            }
            DATE => Values::Date(array.as_primitive::<Date32Type>()),
            TIME => Values::Time(array.as_primitive::<Time64MicrosecondType>()),
            INTERVAL => match array.data_type() {
                DataType::Duration(_) => Values::Duration(array.as_primitive::<DurationMicrosecondType>()),
                _ => Values::Interval(array.as_primitive::<IntervalMonthDayNanoType>()),
            },
            BYTEA => Values::Bytes(array.as_binary::<i32>()),
            NUMERIC => Values::Numeric(Cells::of(array)?),
            BOOL_ARRAY | INT4_ARRAY | INT8_ARRAY | FLOAT8_ARRAY | TEXT_ARRAY => list(array, oid, binary)?,
            _ => Values::Text(Cells::of(array)?),
        };
        Ok(Column { array, values, binary })
    }

    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.array.data_type() == &DataType::Null
    }

    /// A value with its length before it.
    fn cell(&self, row: usize, text: &mut String, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            return;
        }
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        if self.binary {
            self.binary(row, text, out);
        } else {
            text.clear();
            self.text(row, text);
            out.extend_from_slice(text.as_bytes());
        }
        let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn text(&self, row: usize, out: &mut String) {
        match &self.values {
            Values::Bool(v) => out.push_str(if v.value(row) { "t" } else { "f" }),
            Values::Int2(v) => show(v.value(row), out),
            Values::Int4(v) => show(v.value(row), out),
            Values::Int8(v) => show(v.value(row), out),
            Values::Float4(v) => {
                let v = v.value(row);
                // The shortest text of the narrow number, not of the wide one.
                if v.is_finite() { show(v, out) } else { push_float(f64::from(v), out) }
            }
            Values::Float8(v) => push_float(v.value(row), out),
            Values::Timestamp(v, zoned) => timestamp(v.value(row), *zoned, out),
            Values::Date(v) => date(v.value(row), out),
            Values::Time(v) => clock(v.value(row), out),
            Values::Interval(v) => interval(v.value(row), out),
            Values::Duration(v) => interval(of_micros(v.value(row)), out),
            Values::Bytes(v) => {
                out.push_str("\\x");
                v.value(row).iter().for_each(|b| show(format_args!("{b:02x}"), out));
            }
            Values::Numeric(cells) | Values::Text(cells) => cells.text(row, out),
            Values::List(place, items, _) => {
                out.push('{');
                let mut item = String::new();
                for (i, at) in place(row).enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    if items.is_null(at) {
                        out.push_str("NULL");
                        continue;
                    }
                    item.clear();
                    items.text(at, &mut item);
                    quote_item(&item, out);
                }
                out.push('}');
            }
        }
    }

    fn binary(&self, row: usize, text: &mut String, out: &mut Vec<u8>) {
        match &self.values {
            Values::Bool(v) => out.push(u8::from(v.value(row))),
            Values::Int2(v) => out.extend_from_slice(&v.value(row).to_be_bytes()),
            Values::Int4(v) => out.extend_from_slice(&v.value(row).to_be_bytes()),
            Values::Int8(v) => out.extend_from_slice(&v.value(row).to_be_bytes()),
            Values::Float4(v) => out.extend_from_slice(&v.value(row).to_be_bytes()),
            Values::Float8(v) => out.extend_from_slice(&v.value(row).to_be_bytes()),
            Values::Timestamp(v, _) => {
                out.extend_from_slice(&v.value(row).saturating_sub(EPOCH_MICROS).to_be_bytes());
            }
            Values::Date(v) => out.extend_from_slice(&v.value(row).saturating_sub(EPOCH_DAYS).to_be_bytes()),
            Values::Time(v) => out.extend_from_slice(&v.value(row).to_be_bytes()),
            Values::Interval(v) => push_interval(v.value(row), out),
            Values::Duration(v) => push_interval(of_micros(v.value(row)), out),
            Values::Bytes(v) => out.extend_from_slice(v.value(row)),
            Values::Numeric(cells) => {
                text.clear();
                cells.text(row, text);
                push_numeric(text, out);
            }
            Values::Text(cells) => {
                text.clear();
                cells.text(row, text);
                out.extend_from_slice(text.as_bytes());
            }
            Values::List(place, items, of) => {
                let place = place(row);
                let nulls = place.clone().any(|at| items.is_null(at));
                let dimensions = u32::from(!place.is_empty());
                for word in [dimensions, u32::from(nulls), *of] {
                    out.extend_from_slice(&word.to_be_bytes());
                }
                if dimensions > 0 {
                    out.extend_from_slice(&(place.len() as u32).to_be_bytes());
                    out.extend_from_slice(&1u32.to_be_bytes());
                }
                place.for_each(|at| items.cell(at, text, out));
            }
        }
    }
}

/// Items of lists, in the type that the list's type names.
fn list(array: &ArrayRef, oid: u32, binary: bool) -> Result<Values<'_>, EvalError> {
    let of = match oid {
        BOOL_ARRAY => BOOL,
        INT4_ARRAY => INT4,
        INT8_ARRAY => INT8,
        FLOAT8_ARRAY => FLOAT8,
        _ => TEXT,
    };
    let (place, items): (Place<'_>, &ArrayRef) = match array.data_type() {
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = list.value_offsets();
            (Box::new(|row| offsets[row] as usize..offsets[row + 1] as usize), list.values())
        }
        DataType::FixedSizeList(_, length) => {
            let (list, length) = (array.as_fixed_size_list(), *length as usize);
            (Box::new(move |row| row * length..(row + 1) * length), list.values())
        }
        _ => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets();
            (Box::new(|row| offsets[row] as usize..offsets[row + 1] as usize), list.values())
        }
    };
    if canonical_item(items.data_type(), of) {
        let items = Column::of(items, of, binary)?;
        return Ok(Values::List(place, Box::new(items), of));
    }
    // Items of another width would have to be owned here: such lists go as JSON text.
    Ok(Values::Text(Cells::of(array)?))
}

fn canonical_item(of: &DataType, oid: u32) -> bool {
    matches!(
        (of, oid),
        (DataType::Boolean, BOOL)
            | (DataType::Int32, INT4)
            | (DataType::Int64, INT8)
            | (DataType::Float64, FLOAT8)
            | (DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8, TEXT)
    )
}

fn show(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a text cannot fail.
    let _ = write!(out, "{value}");
}

fn quote_item(item: &str, out: &mut String) {
    let plain = !item.is_empty()
        && !item.eq_ignore_ascii_case("null")
        && !item.contains(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',' | '"' | '\\'));
    if plain {
        out.push_str(item);
        return;
    }
    out.push('"');
    for c in item.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_quoted_where_they_must_be() {
        for (item, quoted) in [("a", "a"), ("", "\"\""), ("null", "\"null\""), ("a \"b\"", r#""a \"b\"""#)] {
            let mut out = String::new();
            quote_item(item, &mut out);
            assert_eq!(out, quoted);
        }
    }
}
