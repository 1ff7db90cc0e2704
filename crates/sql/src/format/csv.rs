//! Comma-separated values, RFC 4180. A cell without a value is empty, an empty text is `""`.

use super::cell::Cells;
use super::{Give, Text};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use promql::EvalError;
use std::ops::ControlFlow;

#[derive(Debug)]
pub(super) struct Lines {
    text: Text,
}

fn push(cell: &str, out: &mut String) {
    if !cell.is_empty() && !cell.contains(['"', ',', '\n', '\r']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    for (i, piece) in cell.split('"').enumerate() {
        out.push_str(if i > 0 { "\"\"" } else { "" });
        out.push_str(piece);
    }
    out.push('"');
}

impl Lines {
    pub fn begin(schema: &SchemaRef) -> Lines {
        let mut out = String::new();
        for (i, field) in schema.fields().iter().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            push(field.name(), &mut out);
        }
        out.push_str("\r\n");
        Lines { text: Text(out) }
    }

    pub fn add(&mut self, batch: &RecordBatch, give: Give<'_>) -> Result<ControlFlow<()>, EvalError> {
        let columns = batch.columns().iter().map(Cells::of).collect::<Result<Vec<_>, _>>()?;
        let mut cell = String::new();
        for row in 0..batch.num_rows() {
            let out = &mut self.text.0;
            for (i, cells) in columns.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                if !cells.is_null(row) {
                    cell.clear();
                    cells.text(row, &mut cell);
                    push(&cell, out);
                }
            }
            out.push_str("\r\n");
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
