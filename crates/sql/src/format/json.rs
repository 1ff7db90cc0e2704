//! JSON.

use super::cell::Cells;
use super::{Give, Text};
use crate::text::push_quoted;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use promql::EvalError;
use std::ops::ControlFlow;

/// The name of a type, as PostgreSQL has it where it has the type.
pub fn type_name(of: &DataType) -> &'static str {
    match of {
        DataType::Null => "null",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::UInt64 | DataType::Decimal32(..) | DataType::Decimal64(..) => "numeric",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Duration(_) | DataType::Interval(_) => "interval",
        DataType::Binary | DataType::FixedSizeBinary(_) | DataType::LargeBinary | DataType::BinaryView => {
            "bytea"
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::List(_) | DataType::ListView(_) | DataType::FixedSizeList(..) => "list",
        DataType::LargeList(_) | DataType::LargeListView(_) => "list",
        DataType::Map(..) => "map",
        DataType::Struct(_) => "struct",
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        DataType::Union(..) => "union",
    }
}

/// `{"status":"success","data":{"columns":[…],"rows":[[…],…]}}`
#[derive(Debug)]
pub(super) struct Rows {
    text: Text,
    any: bool,
}

impl Rows {
    pub fn begin(schema: &SchemaRef) -> Rows {
        let mut out = String::from(r#"{"status":"success","data":{"columns":["#);
        for (i, field) in schema.fields().iter().enumerate() {
            out.push_str(if i > 0 { ",{\"name\":" } else { "{\"name\":" });
            push_quoted(field.name(), &mut out);
            out.push_str(",\"type\":\"");
            out.push_str(type_name(field.data_type()));
            out.push_str("\"}");
        }
        out.push_str("],\"rows\":[");
        Rows { text: Text(out), any: false }
    }

    pub fn add(&mut self, batch: &RecordBatch, give: Give<'_>) -> Result<ControlFlow<()>, EvalError> {
        let columns = batch.columns().iter().map(Cells::of).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let out = &mut self.text.0;
            out.push_str(if self.any { ",\n[" } else { "\n[" });
            self.any = true;
            for (i, cells) in columns.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                cells.json(row, out);
            }
            out.push(']');
            if self.text.row_done(give).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    pub fn end(mut self) -> Vec<u8> {
        self.text.0.push_str("]}}\n");
        self.text.0.into_bytes()
    }
}

/// `{"column":…}` a line.
#[derive(Debug)]
pub(super) struct Lines {
    text: Text,
    /// `{"a":`, `,"b":`
    names: Vec<String>,
}

impl Lines {
    pub fn new(schema: &SchemaRef) -> Lines {
        let name = |(i, field): (usize, &arrow::datatypes::FieldRef)| {
            let mut out = String::from(if i > 0 { "," } else { "" });
            push_quoted(field.name(), &mut out);
            out.push(':');
            out
        };
        Lines { text: Text::default(), names: schema.fields().iter().enumerate().map(name).collect() }
    }

    pub fn add(&mut self, batch: &RecordBatch, give: Give<'_>) -> Result<ControlFlow<()>, EvalError> {
        let columns = batch.columns().iter().map(Cells::of).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let out = &mut self.text.0;
            out.push('{');
            for (name, cells) in self.names.iter().zip(&columns) {
                out.push_str(name);
                cells.json(row, out);
            }
            out.push_str("}\n");
            if self.text.row_done(give).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    pub fn end(self) -> Vec<u8> {
        self.text.0.into_bytes()
    }
}
