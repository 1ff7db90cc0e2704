//! Records on their way into batches, in order of time where one is asked for.

use super::{LogRows, Piece};
use crate::columns::{Maps, Texts, ints, times};
use crate::memory::Taken;
use crate::scan::{BATCH_BYTES, BATCH_ROWS, Emit, Rows, Run};
use crate::source::{LogBlock, Order};
use crate::tables::fault;
use crate::text::attribute_text;
use arrow::array::{
    Array, ArrayRef, Int32Builder, RecordBatchOptions, TimestampNanosecondArray, TimestampNanosecondBuilder,
    UInt32Array,
};
use arrow::compute::{SortOptions, concat_batches, sort_to_indices, take_record_batch};
use arrow::record_batch::RecordBatch;
use model::record::{Severity, Value};
use promql::EvalError;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One column under construction.
enum Column {
    Time(TimestampNanosecondBuilder),
    Ints(Int32Builder),
    Texts(Texts),
    Maps(Maps),
}

/// So many rows at a time where labels and attributes, which may be long, are among the columns.
const LONG_ROWS: usize = 64;

/// Batches under construction.
pub(super) struct Building<'a> {
    rows: &'a LogRows,
    columns: Vec<Column>,
    /// Whether attributes have to be looked for among all.
    all: bool,
    count: usize,
    bytes: usize,
    /// Batches of a window of time whose order is not known yet, and until when it is.
    pending: Vec<RecordBatch>,
    settled_ns: Option<i64>,
    taken: Taken<'a>,
    pending_bytes: u64,
    given: usize,
}

impl<'a> Building<'a> {
    pub(super) fn new(rows: &'a LogRows, run: &'a Run, all: bool) -> Building<'a> {
        let column = |piece: &Piece| match piece {
            Piece::Time => Column::Time(times()),
            Piece::SeverityNumber => Column::Ints(ints()),
            Piece::Labels | Piece::Attributes => Column::Maps(Maps::new()),
            _ => Column::Texts(Texts::new()),
        };
        Building {
            columns: rows.pieces.iter().map(column).collect(),
            rows,
            all,
            count: 0,
            bytes: 0,
            pending: Vec::new(),
            settled_ns: None,
            taken: Taken::none(&run.memory),
            pending_bytes: 0,
            given: 0,
        }
    }

    pub(super) fn block(
        &mut self,
        block: &dyn LogBlock,
        emit: Emit<'_>,
    ) -> Result<ControlFlow<()>, EvalError> {
        let ordered = self.rows.order != Order::Any;
        if ordered && self.settled_ns.is_some_and(|s| s != block.settled_ns()) {
            self.flush()?;
            if self.settle(Some(block.settled_ns()), emit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.settled_ns = Some(block.settled_ns());
        let rows = block.times_ns().len();
        let mut from = 0;
        while from < rows {
            let to = self.fill(block, from);
            if self.count >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
                self.flush()?;
                if !ordered && self.settle(None, emit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            from = to;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Adds rows of a block from one on until a batch is full; gives the row after them.
    fn fill(&mut self, block: &dyn LogBlock, from: usize) -> usize {
        let wanted = block.times_ns().len().min(from + (BATCH_ROWS - self.count));
        // Rows can be long: their number in a batch is bounded by what the texts of a few of them take.
        let mut to = wanted;
        if self.rows.has(&Piece::Body) {
            let mut bytes = self.bytes;
            for row in from..wanted {
                bytes += block.body(row).len();
                if bytes >= BATCH_BYTES {
                    to = row + 1;
                    break;
                }
            }
        }
        if self.columns.iter().any(|c| matches!(c, Column::Maps(_))) || self.rows.has_attribute() {
            to = to.min(from + LONG_ROWS);
        }
        let mut bytes = (to - from) * 8;
        let mut named = 0;
        for (piece, column) in self.rows.pieces.iter().zip(&mut self.columns) {
            bytes += push(piece, column, block, from..to, self.all, &mut named);
        }
        self.count += to - from;
        self.bytes += bytes;
        to
    }

    /// Ends a batch.
    fn flush(&mut self) -> Result<(), EvalError> {
        if self.count == 0 {
            return Ok(());
        }
        let finish = |c: &mut Column| -> ArrayRef {
            match c {
                Column::Time(b) => Arc::new(b.finish()),
                Column::Ints(b) => Arc::new(b.finish()),
                Column::Texts(b) => b.finish(),
                Column::Maps(b) => b.finish(),
            }
        };
        let columns = self.columns.iter_mut().map(finish).collect();
        let count = RecordBatchOptions::new().with_row_count(Some(self.count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.rows.schema), columns, &count)
            .map_err(fault)?;
        self.pending_bytes += batch.get_array_memory_size() as u64;
        self.taken.set(self.pending_bytes)?;
        self.pending.push(batch);
        (self.count, self.bytes) = (0, 0);
        Ok(())
    }

    /// Gives what no later record can come before: all if there are no later ones.
    fn settle(&mut self, later: Option<i64>, emit: Emit<'_>) -> Result<ControlFlow<()>, EvalError> {
        let batches = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        if batches.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let done = match (self.rows.order, self.rows.time_place()) {
            (Order::Any, _) | (_, None) => batches.into_iter().try_for_each(|b| self.give(b, emit)),
            (order, Some(place)) => self.settle_ordered(batches, order, place, later, emit)?,
        };
        self.taken.set(self.pending_bytes)?;
        Ok(done)
    }

    fn settle_ordered(
        &mut self,
        batches: Vec<RecordBatch>,
        order: Order,
        place: usize,
        later: Option<i64>,
        emit: Emit<'_>,
    ) -> Result<ControlFlow<()>, EvalError> {
        let all = concat_batches(&self.rows.schema, &batches).map_err(fault)?;
        let descending = order == Order::Backward;
        let by = SortOptions { descending, nulls_first: descending };
        let sorted = sort_to_indices(all.column(place), Some(by), None).map_err(fault)?;
        let times = all.column(place).as_any().downcast_ref::<TimestampNanosecondArray>();
        let settled = match (later, times) {
            (Some(later), Some(times)) => {
                let is_settled = |i: &u32| match descending {
                    true => times.value(*i as usize) > later,
                    false => times.value(*i as usize) < later,
                };
                sorted.values().partition_point(is_settled)
            }
            _ => all.num_rows(),
        };
        let (first, rest) = (sorted.slice(0, settled), sorted.slice(settled, sorted.len() - settled));
        if !rest.is_empty() {
            let rest = take_record_batch(&all, &rest).map_err(fault)?;
            self.pending_bytes = rest.get_array_memory_size() as u64;
            self.pending.push(rest);
        }
        let mut at = 0;
        while at < first.len() {
            let length = BATCH_ROWS.min(first.len() - at);
            let piece: UInt32Array = first.slice(at, length);
            let piece = take_record_batch(&all, &piece).map_err(fault)?;
            if self.give(piece, emit).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            at += length;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn give(&mut self, batch: RecordBatch, emit: Emit<'_>) -> ControlFlow<()> {
        self.given += batch.num_rows();
        emit(batch)?;
        match self.rows.limit {
            Some(limit) if self.given >= limit => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    pub(super) fn rest(mut self, emit: Emit<'_>) -> Result<(), EvalError> {
        self.flush()?;
        self.settle(None, emit).map(|_| ())
    }
}

/// Adds rows of a block to a column; gives their bytes.
fn push(
    piece: &Piece,
    column: &mut Column,
    block: &dyn LogBlock,
    rows: std::ops::Range<usize>,
    all: bool,
    named: &mut usize,
) -> usize {
    let mut bytes = 0;
    match (piece, column) {
        (Piece::Time, Column::Time(out)) => out.append_slice(&block.times_ns()[rows]),
        (Piece::SeverityNumber, Column::Ints(out)) => {
            rows.for_each(|row| out.append_value(i32::from(block.severity(row).number())));
        }
        (Piece::Severity, Column::Texts(out)) => rows.for_each(|row| {
            let severity = block.severity(row);
            out.push((severity != Severity::UNKNOWN).then(|| severity.text()));
        }),
        (Piece::Body, Column::Texts(out)) => rows.for_each(|row| {
            let body = block.body(row);
            bytes += body.len();
            out.push(Some(body));
        }),
        (Piece::Trace, Column::Texts(out)) => rows.for_each(|row| {
            let id = block.trace(row);
            out.push((!id.is_none()).then(|| id.to_string()).as_deref());
        }),
        (Piece::Span, Column::Texts(out)) => rows.for_each(|row| {
            let id = block.span(row);
            out.push((!id.is_none()).then(|| id.to_string()).as_deref());
        }),
        (Piece::Label(name), Column::Texts(out)) => out.repeat(block.labels().get(name), rows.len()),
        (Piece::Labels, Column::Maps(out)) => bytes += out.labels(block.labels(), rows.len()),
        (Piece::Attributes, Column::Maps(out)) => rows.for_each(|row| {
            // Of a name that occurs twice the last one counts, and a map has each key once.
            let mut seen: Vec<(&str, Value<'_>)> = Vec::new();
            for (name, value) in block.attributes(row).iter() {
                match seen.iter_mut().find(|(n, _)| *n == name) {
                    Some(known) => known.1 = value,
                    None => seen.push((name, value)),
                }
            }
            bytes += out.push(seen.into_iter().map(|(n, v)| (n, attribute_text(v))));
        }),
        (Piece::Attribute(name), Column::Texts(out)) => {
            let place = *named;
            *named += 1;
            rows.for_each(|row| {
                let value = if all { block.attributes(row).get(name) } else { block.named(place, row) };
                let text = value.and_then(attribute_text);
                bytes += text.as_ref().map_or(0, |t| t.len());
                out.push(text.as_deref());
            });
        }
        _ => {}
    }
    bytes
}
