//! Log records as a table.
//!
//! `timestamp`, `severity`, `severity_number`, `body`, `trace_id`, `span_id`; all labels of the stream as the map
//! `labels`, all attributes of the record as the map `attributes`; and one column of text for each label of any
//! stream and for each attribute of the newest records, under its own name. A name that two of these would have is the
//! first one's, in this order; the others are found in their maps.

use super::{ByName, Described, fault, shown_span};
use crate::columns::{Maps, Texts, ints, map_type, time_type, times};
use crate::memory::Taken;
use crate::pushdown::{LabelTest, Pushed, Role, collect, support};
use crate::scan::{BATCH_BYTES, BATCH_ROWS, Emit, Rows, Run, ScanExec};
use crate::source::{AttributeColumns, LogBlock, LogColumns, LogNames, LogScan, Order, Source};
use crate::text::attribute_text;
use arrow::array::{
    Array, ArrayRef, Int32Builder, RecordBatchOptions, TimestampNanosecondArray, TimestampNanosecondBuilder,
    UInt32Array,
};
use arrow::compute::{SortOptions, concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use model::record::{Severity, Value};
use promql::EvalError;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Which piece of a record a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Time,
    Severity,
    SeverityNumber,
    Body,
    Trace,
    Span,
    Labels,
    Attributes,
    Label(String),
    Attribute(String),
}

/// The records of a tenant.
pub(crate) struct LogTable {
    source: Arc<dyn Source>,
    run: Arc<Run>,
    schema: SchemaRef,
    pieces: Vec<Piece>,
    names: ByName,
}

impl std::fmt::Debug for LogTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogTable")
    }
}

fn described(names: LogNames) -> (Vec<Described>, Vec<Piece>) {
    let mut columns = vec![
        (Described::new("timestamp", time_type(), false, Role::Time), Piece::Time),
        (Described::new("severity", DataType::Utf8View, true, Role::Other), Piece::Severity),
        (Described::new("severity_number", DataType::Int32, false, Role::Other), Piece::SeverityNumber),
        (Described::new("body", DataType::Utf8View, false, Role::Body), Piece::Body),
        (Described::new("trace_id", DataType::Utf8View, true, Role::Trace), Piece::Trace),
        (Described::new("span_id", DataType::Utf8View, true, Role::Other), Piece::Span),
        (Described::new("labels", map_type(), false, Role::Labels), Piece::Labels),
        (Described::new("attributes", map_type(), false, Role::Other), Piece::Attributes),
    ];
    let mut taken: std::collections::HashSet<String> =
        columns.iter().map(|(d, _)| d.field.name().clone()).collect();
    for name in names.labels {
        if taken.insert(name.clone()) {
            let column = Described::new(&name, DataType::Utf8View, true, Role::Label(name.clone()));
            columns.push((column, Piece::Label(name)));
        }
    }
    for name in names.attributes {
        if taken.insert(name.clone()) {
            columns
                .push((Described::new(&name, DataType::Utf8View, true, Role::Other), Piece::Attribute(name)));
        }
    }
    columns.into_iter().unzip()
}

impl LogTable {
    /// The table with columns for at most `columns_max` labels and as many attributes.
    pub fn new(source: Arc<dyn Source>, run: Arc<Run>, columns_max: usize) -> Result<LogTable, EvalError> {
        let (columns, pieces) = described(source.log_names(columns_max, &run.control)?);
        let names = ByName::of(&columns);
        let schema = Arc::new(Schema::new(columns.into_iter().map(|c| c.field).collect::<Vec<_>>()));
        Ok(LogTable { source, run, schema, pieces, names })
    }
}

#[async_trait]
impl TableProvider for LogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|f| support(f, &|c| self.names.role(c))).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let pushed = collect(filters, &|c| self.names.role(c));
        let schema = match projection {
            Some(places) => Arc::new(self.schema.project(places)?),
            None => self.schema(),
        };
        if pushed.nothing {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let pieces = match projection {
            Some(places) => places.iter().map(|i| self.pieces[*i].clone()).collect(),
            None => self.pieces.clone(),
        };
        let test = LabelTest::new(state, &pushed.labels, &|c| self.names.role(c))?.map(Arc::new);
        let rows = LogRows {
            source: Arc::clone(&self.source),
            schema: Arc::clone(&schema),
            pieces,
            pushed: Arc::new(pushed),
            test,
            order: Order::Any,
            limit: None,
        };
        Ok(Arc::new(ScanExec::new(Arc::new(rows), Arc::clone(&self.run), schema, limit)))
    }
}

/// Records that satisfy conditions, as columns.
#[derive(Clone)]
struct LogRows {
    source: Arc<dyn Source>,
    schema: SchemaRef,
    pieces: Vec<Piece>,
    pushed: Arc<Pushed>,
    test: Option<Arc<LabelTest>>,
    order: Order,
    limit: Option<usize>,
}

impl std::fmt::Debug for LogRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

impl LogRows {
    fn has(&self, piece: &Piece) -> bool {
        self.pieces.contains(piece)
    }

    fn has_attribute(&self) -> bool {
        self.pieces.iter().any(|p| matches!(p, Piece::Attribute(_)))
    }
}

impl Rows for LogRows {
    fn kind(&self) -> &'static str {
        "LogScan"
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let mut out = format!("columns=[{}], ", names.join(", "));
        out.push_str(&shown_span(self.pushed.start_ns, self.pushed.end_ns));
        if let Some(test) = &self.test {
            let _ = write!(out, ", streams={test:?}");
        }
        for filter in &self.pushed.filters {
            let _ = write!(out, ", body {filter:?}");
        }
        if let Some(id) = self.pushed.trace {
            let _ = write!(out, ", trace={id}");
        }
        match self.order {
            Order::Any => {}
            Order::Forward => out.push_str(", order=oldest first"),
            Order::Backward => out.push_str(", order=newest first"),
        }
        out
    }

    fn read(&self, run: &Run, emit: Emit<'_>, count: &dyn Fn(&'static str, u64)) -> Result<(), EvalError> {
        let named: Vec<&str> = self
            .pieces
            .iter()
            .filter_map(|p| match p {
                Piece::Attribute(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let all = self.has(&Piece::Attributes);
        let wrong = std::cell::RefCell::new(None);
        let streams = |labels: &model::Labels| match &self.test {
            None => true,
            Some(test) => test.passes(labels).unwrap_or_else(|e| {
                wrong.borrow_mut().get_or_insert(EvalError::Query(e.strip_backtrace()));
                false
            }),
        };
        let scan = LogScan {
            streams: &streams,
            start_ns: self.pushed.start_ns,
            end_ns: self.pushed.end_ns,
            order: self.order,
            filters: &self.pushed.filters,
            trace_id: self.pushed.trace,
            columns: LogColumns {
                body: self.has(&Piece::Body),
                severity: self.has(&Piece::Severity) || self.has(&Piece::SeverityNumber),
                ids: self.has(&Piece::Trace) || self.has(&Piece::Span) || self.pushed.trace.is_some(),
                attributes: match (all, named.is_empty()) {
                    (true, _) => AttributeColumns::All,
                    (false, true) => AttributeColumns::None,
                    (false, false) => AttributeColumns::Named(&named),
                },
            },
            limit: self.limit,
        };
        let mut building = Building::new(self, run, all);
        let mut failed = None;
        let stats = self.source.logs(&scan, &run.control, &mut |block| {
            building.block(block, emit).unwrap_or_else(|e| {
                failed = Some(e);
                ControlFlow::Break(())
            })
        });
        if let Some(e) = failed.or(wrong.take()) {
            return Err(e);
        }
        let stats = stats?;
        count("records_tested", stats.tested);
        count("row_groups", stats.groups);
        count("row_groups_read", stats.groups_read);
        building.rest(emit)
    }

    fn ordered(&self, descending: bool) -> Option<Arc<dyn Rows>> {
        self.time_place()?;
        let order = if descending { Order::Backward } else { Order::Forward };
        Some(Arc::new(LogRows { order, ..self.clone() }))
    }

    fn limited(&self, limit: Option<usize>) -> Arc<dyn Rows> {
        Arc::new(LogRows { limit, ..self.clone() })
    }

    fn time_place(&self) -> Option<usize> {
        self.pieces.iter().position(|p| *p == Piece::Time)
    }

    fn descending(&self) -> Option<bool> {
        match self.order {
            Order::Any => None,
            Order::Forward => Some(false),
            Order::Backward => Some(true),
        }
    }
}

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
struct Building<'a> {
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
    fn new(rows: &'a LogRows, run: &'a Run, all: bool) -> Building<'a> {
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

    fn block(&mut self, block: &dyn LogBlock, emit: Emit<'_>) -> Result<ControlFlow<()>, EvalError> {
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

    fn rest(mut self, emit: Emit<'_>) -> Result<(), EvalError> {
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
