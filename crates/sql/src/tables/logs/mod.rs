//! Log records as a table.
//!
//! `timestamp`, `severity`, `severity_number`, `body`, `trace_id`, `span_id`; all labels of the stream as the map
//! `labels`, all attributes of the record as the map `attributes`; and one column of text for each label of any
//! stream and for each attribute of the newest records, under its own name. A name that two of these would have is the
//! first one's, in this order; the others are found in their maps.
//!
//! Events are the same, but that their body is called `title`, and what is of the event itself has columns of its own.

mod batches;

use super::{ByName, Described, shown_span};
use crate::columns::{map_type, time_type};
use crate::pushdown::{LabelTest, Pushed, Role, collect, support};
use crate::scan::{Emit, Rows, Run, ScanExec};
use crate::source::{AttributeColumns, LogColumns, LogNames, LogScan, Order, Source};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use batches::Building;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use model::record::event::name as event;
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

/// What is read as what an event is, by the name of its column.
const OF_EVENTS: [(&str, &str); 7] = [
    ("source", event::SOURCE),
    ("subject", event::SUBJECT),
    ("text", event::TEXT),
    ("result", event::RESULT),
    ("duration_ns", event::DURATION),
    ("link", event::LINK),
    ("id", event::ID),
];

/// The columns of records whose body is called `body`; `more` are attributes that have a column of their own.
fn described(names: LogNames, body: &str, more: &[(&str, &str)]) -> (Vec<Described>, Vec<Piece>) {
    let mut columns = vec![
        (Described::new("timestamp", time_type(), false, Role::Time), Piece::Time),
        (Described::new("severity", DataType::Utf8View, true, Role::Other), Piece::Severity),
        (Described::new("severity_number", DataType::Int32, false, Role::Other), Piece::SeverityNumber),
        (Described::new(body, DataType::Utf8View, false, Role::Body), Piece::Body),
        (Described::new("trace_id", DataType::Utf8View, true, Role::Trace), Piece::Trace),
        (Described::new("span_id", DataType::Utf8View, true, Role::Other), Piece::Span),
        (Described::new("labels", map_type(), false, Role::Labels), Piece::Labels),
        (Described::new("attributes", map_type(), false, Role::Other), Piece::Attributes),
    ];
    for (name, stored) in more {
        let column = Described::new(name, DataType::Utf8View, true, Role::Other);
        columns.push((column, Piece::Attribute((*stored).to_owned())));
    }
    let is_more = |name: &str| more.iter().any(|(_, stored)| *stored == name);
    let mut taken: std::collections::HashSet<String> =
        columns.iter().map(|(d, _)| d.field.name().clone()).collect();
    for name in names.labels {
        if taken.insert(name.clone()) {
            let column = Described::new(&name, DataType::Utf8View, true, Role::Label(name.clone()));
            columns.push((column, Piece::Label(name)));
        }
    }
    for name in names.attributes.into_iter().filter(|n| !is_more(n)) {
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
        LogTable::with(source, run, columns_max, "body", &[])
    }

    /// The same for events, which are records with titles.
    pub fn of_events(
        source: Arc<dyn Source>,
        run: Arc<Run>,
        columns_max: usize,
    ) -> Result<LogTable, EvalError> {
        LogTable::with(source, run, columns_max, "title", &OF_EVENTS)
    }

    fn with(
        source: Arc<dyn Source>,
        run: Arc<Run>,
        columns_max: usize,
        body: &str,
        more: &[(&str, &str)],
    ) -> Result<LogTable, EvalError> {
        let names = source.log_names(columns_max, &run.control)?;
        let (columns, pieces) = described(names, body, more);
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
