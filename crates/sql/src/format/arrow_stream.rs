//! Arrow's stream format. Texts are sent as plain `Utf8`, which every reader knows.

use super::Give;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use promql::EvalError;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A batch is sent in pieces of about so many bytes of text.
const PIECE_BYTES: usize = 1 << 20;

pub(super) struct Stream {
    writer: StreamWriter<Vec<u8>>,
    schema: SchemaRef,
}

fn fault(e: impl std::fmt::Display) -> EvalError {
    EvalError::Query(format!("the answer cannot be written as Arrow: {e}"))
}

fn sent_as(of: &DataType) -> DataType {
    match of {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

impl Stream {
    pub fn begin(schema: &SchemaRef) -> Result<Stream, EvalError> {
        let field = |f: &Arc<Field>| f.as_ref().clone().with_data_type(sent_as(f.data_type()));
        let schema = Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()));
        let writer = StreamWriter::try_new(Vec::new(), &schema).map_err(fault)?;
        Ok(Stream { writer, schema })
    }

    pub fn add(&mut self, batch: &RecordBatch, give: Give<'_>) -> Result<ControlFlow<()>, EvalError> {
        let bytes: usize = batch.columns().iter().map(text_bytes).sum();
        let rows = (batch.num_rows() * PIECE_BYTES / bytes.max(1)).clamp(1, batch.num_rows().max(1));
        let mut from = 0;
        while from < batch.num_rows() {
            let piece = batch.slice(from, rows.min(batch.num_rows() - from));
            from += piece.num_rows();
            let columns = piece.columns().iter().zip(self.schema.fields());
            let columns =
                columns.map(|(c, f)| cast(c, f.data_type()).map_err(fault)).collect::<Result<_, _>>()?;
            let count = RecordBatchOptions::new().with_row_count(Some(piece.num_rows()));
            let sent = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &count)
                .map_err(fault)?;
            self.writer.write(&sent).map_err(fault)?;
            if give(std::mem::take(self.writer.get_mut())).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    pub fn end(mut self) -> Result<Vec<u8>, EvalError> {
        self.writer.finish().map_err(fault)?;
        self.writer.into_inner().map_err(fault)
    }
}

/// Bytes of the texts of a column, each counted as often as it is shown.
fn text_bytes(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().views().iter().map(|v| *v as u32 as usize).sum(),
        _ => column.get_array_memory_size(),
    }
}
