//! Rows as bytes: JSON, lines of JSON, CSV, Arrow.

mod arrow_stream;
mod cell;

mod csv;
mod json;

pub(crate) use cell::{Cells, push_float};
pub use json::type_name;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use promql::EvalError;
use std::ops::ControlFlow;

/// A form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One object with columns and rows.
    Json,
    /// One object for each row, one a line.
    Ndjson,
    /// Comma-separated values with a line of names (RFC 4180).
    Csv,
    /// Arrow's stream of record batches.
    Arrow,
}

impl Format {
    /// A form by its name in `format=`.
    pub fn by_name(name: &str) -> Option<Format> {
        Some(match name {
            "json" => Format::Json,
            "ndjson" | "jsonl" => Format::Ndjson,
            "csv" => Format::Csv,
            "arrow" => Format::Arrow,
            _ => return None,
        })
    }

    /// A form by a media type, without parameters.
    pub fn by_media_type(of: &str) -> Option<Format> {
        Some(match of.trim().to_ascii_lowercase().as_str() {
            "application/json" => Format::Json,
            "application/x-ndjson" | "application/jsonl" => Format::Ndjson,
            "text/csv" => Format::Csv,
            "application/vnd.apache.arrow.stream" => Format::Arrow,
            _ => return None,
        })
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// Begins an answer with these columns.
    pub fn begin(self, schema: &SchemaRef) -> Result<Writer, EvalError> {
        let form = match self {
            Format::Json => Form::Json(json::Rows::begin(schema)),
            Format::Ndjson => Form::Ndjson(json::Lines::new(schema)),
            Format::Csv => Form::Csv(csv::Lines::begin(schema)),
            Format::Arrow => Form::Arrow(Box::new(arrow_stream::Stream::begin(schema)?)),
        };
        Ok(Writer { form })
    }
}

/// A piece of an answer is given on once it has so many bytes.
const CHUNK_BYTES: usize = 128 << 10;

/// Where pieces of an answer go.
pub type Give<'a> = &'a mut dyn FnMut(Vec<u8>) -> ControlFlow<()>;

/// An answer in the making. What it holds at a time is bounded by a piece and one row.
pub struct Writer {
    form: Form,
}

enum Form {
    Json(json::Rows),
    Ndjson(json::Lines),
    Csv(csv::Lines),
    Arrow(Box<arrow_stream::Stream>),
}

impl Writer {
    /// Adds rows.
    pub fn rows(&mut self, batch: &RecordBatch, give: Give<'_>) -> Result<ControlFlow<()>, EvalError> {
        match &mut self.form {
            Form::Json(rows) => rows.add(batch, give),
            Form::Ndjson(lines) => lines.add(batch, give),
            Form::Csv(lines) => lines.add(batch, give),
            Form::Arrow(stream) => stream.add(batch, give),
        }
    }

    /// Ends the answer: its last piece.
    pub fn end(self) -> Result<Vec<u8>, EvalError> {
        match self.form {
            Form::Json(rows) => Ok(rows.end()),
            Form::Ndjson(lines) => Ok(lines.end()),
            Form::Csv(lines) => Ok(lines.end()),
            Form::Arrow(stream) => stream.end(),
        }
    }
}

/// Text that is given on piece by piece.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    /// Gives on what there is if it is enough.
    fn row_done(&mut self, give: Give<'_>) -> ControlFlow<()> {
        if self.0.len() < CHUNK_BYTES {
            return ControlFlow::Continue(());
        }
        give(std::mem::take(&mut self.0).into_bytes())
    }
}
