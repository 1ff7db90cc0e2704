//! Cells of a column as JSON or as text.

use crate::text::push_quoted;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, MapArray, OffsetSizeTrait,
    StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use promql::EvalError;
use std::fmt::Write;
use std::ops::Range;

/// A column that writes its cells.
pub(crate) struct Cells<'a> {
    array: &'a dyn Array,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Bool(&'a BooleanArray),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Str(&'a StringArray),
    StrView(&'a StringViewArray),
    /// Numbers, which JSON has without quotes.
    Number(ArrayFormatter<'a>),
    /// What is shown in quotes.
    Text(ArrayFormatter<'a>),
    List(Box<dyn Fn(usize) -> Range<usize> + 'a>, Box<Cells<'a>>),
    Struct(Vec<(&'a str, Cells<'a>)>),
    Map(&'a MapArray, Box<Cells<'a>>, Box<Cells<'a>>),
    /// A dictionary: a row's place among the values.
    Coded(Box<dyn Fn(usize) -> usize + 'a>, Box<Cells<'a>>),
}

fn fault(e: impl std::fmt::Display) -> EvalError {
    EvalError::Query(format!("a value cannot be shown: {e}"))
}

impl<'a> Cells<'a> {
    /// The cells of a column.
    pub fn of(array: &'a ArrayRef) -> Result<Cells<'a>, EvalError> {
        const SHOWN: FormatOptions<'static> = FormatOptions::new().with_display_error(true);
        let formatter = || ArrayFormatter::try_new(array, &SHOWN).map_err(fault);
        let kind = match array.data_type() {
            DataType::Boolean => Kind::Bool(array.as_boolean()),
            DataType::Float32 => Kind::Float32(array.as_primitive::<Float32Type>()),
            DataType::Float64 => Kind::Float64(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Kind::Str(array.as_string::<i32>()),
            DataType::Utf8View => Kind::StrView(array.as_string_view()),
            of if of.is_integer() || of.is_floating() => Kind::Number(formatter()?),
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Kind::Number(formatter()?),
            DataType::List(_) => list(array.as_list::<i32>())?,
            DataType::LargeList(_) => list(array.as_list::<i64>())?,
            DataType::FixedSizeList(_, length) => {
                let (list, length) = (array.as_fixed_size_list(), *length as usize);
                let place = move |row: usize| row * length..(row + 1) * length;
                Kind::List(Box::new(place), Box::new(Cells::of(list.values())?))
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns().iter();
                let named = fields.iter().zip(columns).map(|(f, c)| Ok((f.name().as_str(), Cells::of(c)?)));
                Kind::Struct(named.collect::<Result<_, EvalError>>()?)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                Kind::Map(map, Box::new(Cells::of(map.keys())?), Box::new(Cells::of(map.values())?))
            }
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let coded = array.as_dictionary::<Int32Type>();
                let place = move |row: usize| coded.keys().value(row).max(0) as usize;
                Kind::Coded(Box::new(place), Box::new(Cells::of(coded.values())?))
            }
            _ => Kind::Text(formatter()?),
        };
        Ok(Cells { array, kind })
    }

    /// Whether a row has no value.
    pub fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.array.data_type() == &DataType::Null
    }

    /// A cell as JSON.
    pub fn json(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.kind {
            Kind::Str(texts) => push_quoted(texts.value(row), out),
            Kind::StrView(texts) => push_quoted(texts.value(row), out),
            Kind::Float32(values) => json_float(f64::from(values.value(row)), out),
            Kind::Float64(values) => json_float(values.value(row), out),
            Kind::Text(shown) => push_quoted(&shown.value(row).to_string(), out),
            Kind::Coded(place, values) => values.json(place(row), out),
            Kind::Bool(_) | Kind::Number(_) | Kind::List(..) | Kind::Struct(_) | Kind::Map(..) => {
                self.text(row, out)
            }
        }
    }

    /// A cell as text: texts as they are, lists, structures and maps as JSON. Of a cell without a value nothing.
    pub fn text(&self, row: usize, out: &mut String) {
        if self.is_null(row) {
            return;
        }
        match &self.kind {
            Kind::Bool(values) => out.push_str(if values.value(row) { "true" } else { "false" }),
            Kind::Float32(values) => push_float(f64::from(values.value(row)), out),
            Kind::Float64(values) => push_float(values.value(row), out),
            Kind::Str(texts) => out.push_str(texts.value(row)),
            Kind::StrView(texts) => out.push_str(texts.value(row)),
            Kind::Number(shown) | Kind::Text(shown) => {
                let _ = write!(out, "{}", shown.value(row));
            }
            Kind::List(place, items) => {
                out.push('[');
                for (i, item) in place(row).enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    items.json(item, out);
                }
                out.push(']');
            }
            Kind::Struct(members) => {
                out.push('{');
                for (i, (name, cells)) in members.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    push_quoted(name, out);
                    out.push(':');
                    cells.json(row, out);
                }
                out.push('}');
            }
            Kind::Map(map, keys, values) => {
                let offsets = map.value_offsets();
                out.push('{');
                let mut key = String::new();
                for (i, entry) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    key.clear();
                    keys.text(entry, &mut key);
                    push_quoted(&key, out);
                    out.push(':');
                    values.json(entry, out);
                }
                out.push('}');
            }
            Kind::Coded(place, values) => values.text(place(row), out),
        }
    }
}

fn list<O: OffsetSizeTrait>(list: &arrow::array::GenericListArray<O>) -> Result<Kind<'_>, EvalError> {
    let offsets = list.value_offsets();
    let place = move |row: usize| offsets[row].as_usize()..offsets[row + 1].as_usize();
    Ok(Kind::List(Box::new(place), Box::new(Cells::of(list.values())?)))
}

/// The shortest text that reads back as the same number.
pub(crate) fn push_float(v: f64, out: &mut String) {
    if v.is_finite() {
        let mut buffer = zmij::Buffer::new();
        out.push_str(buffer.format_finite(v));
    } else {
        out.push_str(if v.is_nan() {
            "NaN"
        } else if v > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
}

fn json_float(v: f64, out: &mut String) {
    if v.is_finite() {
        push_float(v, out);
    } else {
        // JSON has no such numbers.
        out.push('"');
        push_float(v, out);
        out.push('"');
    }
}
