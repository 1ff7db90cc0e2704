//! Samples as tables: all of them, and those of one metric.
//!
//! `samples` has `timestamp`, `name`, `value`, `histogram` and the map `labels`. The table of a metric has no `name`, and
//! a column of text for each label of its series, under its own name unless one of the others has it. A sample has a
//! `value` or a `histogram`; staleness markers are no samples.

use super::{ByName, Described, fault, shown_span};
use crate::columns::{Histograms, Maps, Texts, floats, histogram_type, map_type, time_type, times};
use crate::pushdown::{LabelTest, Role, collect, matchers, support};
use crate::scan::{BATCH_BYTES, BATCH_ROWS, Emit, Rows, Run, ScanExec};
use crate::source::Source;
use arrow::array::{ArrayRef, Float64Builder, RecordBatchOptions, TimestampNanosecondBuilder};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use model::{Labels, Matcher, Samples, TimeRange, is_stale};
use promql::{EvalError, FloatHistogram, Hints, Selection};
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The label that holds the name of a metric.
const NAME: &str = "__name__";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Time,
    Value,
    Histogram,
    Labels,
    /// The name of the metric, or any other label.
    Label(String),
}

/// The samples of a tenant, or of one metric.
pub(crate) struct SampleTable {
    source: Arc<dyn Source>,
    run: Arc<Run>,
    schema: SchemaRef,
    pieces: Vec<Piece>,
    names: ByName,
    metric: Option<String>,
}

impl std::fmt::Debug for SampleTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SampleTable({:?})", self.metric)
    }
}

fn described(labels: Option<Vec<String>>) -> (Vec<Described>, Vec<Piece>) {
    let mut columns = vec![(Described::new("timestamp", time_type(), false, Role::Time), Piece::Time)];
    if labels.is_none() {
        let name = Described::new("name", DataType::Utf8View, false, Role::Label(NAME.to_owned()));
        columns.push((name, Piece::Label(NAME.to_owned())));
    }
    columns.extend([
        (Described::new("value", DataType::Float64, true, Role::Other), Piece::Value),
        (Described::new("histogram", histogram_type(), true, Role::Other), Piece::Histogram),
        (Described::new("labels", map_type(), false, Role::Labels), Piece::Labels),
    ]);
    for name in labels.unwrap_or_default() {
        if !columns.iter().any(|(d, _)| *d.field.name() == name) {
            let column = Described::new(&name, DataType::Utf8View, true, Role::Label(name.clone()));
            columns.push((column, Piece::Label(name)));
        }
    }
    columns.into_iter().unzip()
}

impl SampleTable {
    fn new(
        source: Arc<dyn Source>,
        run: Arc<Run>,
        metric: Option<String>,
        labels: Option<Vec<String>>,
    ) -> SampleTable {
        let (columns, pieces) = described(labels);
        let names = ByName::of(&columns);
        let schema = Arc::new(Schema::new(columns.into_iter().map(|c| c.field).collect::<Vec<_>>()));
        SampleTable { source, run, schema, pieces, names, metric }
    }

    /// All samples.
    pub fn all(source: Arc<dyn Source>, run: Arc<Run>) -> SampleTable {
        SampleTable::new(source, run, None, None)
    }

    /// Those of one metric with columns for at most `columns_max` labels; `None` if there is no such metric.
    pub fn of_metric(
        source: Arc<dyn Source>,
        run: Arc<Run>,
        metric: &str,
        columns_max: usize,
    ) -> Result<Option<SampleTable>, EvalError> {
        let labels = source.metric_labels(metric, columns_max)?;
        Ok(labels.map(|l| SampleTable::new(source, run, Some(metric.to_owned()), Some(l))))
    }
}

#[async_trait]
impl TableProvider for SampleTable {
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
        let roles = &|c: &str| self.names.role(c);
        let pushed = collect(filters, roles);
        let (schema, pieces) = match projection {
            Some(places) => (
                Arc::new(self.schema.project(places)?),
                places.iter().map(|i| self.pieces[*i].clone()).collect(),
            ),
            None => (self.schema(), self.pieces.clone()),
        };
        // Times of samples are whole milliseconds.
        const MS: i64 = 1_000_000;
        let start_ms = pushed.start_ns.div_euclid(MS) + i64::from(pushed.start_ns.rem_euclid(MS) > 0);
        let end_ms = pushed.end_ns.saturating_sub(1).div_euclid(MS);
        if pushed.nothing || start_ms > end_ms {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let mut matchers = matchers(&pushed.labels, roles);
        matchers.extend(self.metric.as_deref().map(|m| Matcher::equal(NAME, m)));
        let rows = SampleRows {
            source: Arc::clone(&self.source),
            schema: Arc::clone(&schema),
            pieces,
            matchers,
            range: TimeRange::new(start_ms, end_ms),
            span: shown_span(pushed.start_ns, pushed.end_ns),
            test: LabelTest::new(state, &pushed.labels, roles)?.map(Arc::new),
            limit: None,
        };
        Ok(Arc::new(ScanExec::new(Arc::new(rows), Arc::clone(&self.run), schema, limit)))
    }
}

/// Samples that satisfy conditions, as columns.
#[derive(Clone)]
struct SampleRows {
    source: Arc<dyn Source>,
    schema: SchemaRef,
    pieces: Vec<Piece>,
    matchers: Vec<Matcher>,
    range: TimeRange,
    span: String,
    test: Option<Arc<LabelTest>>,
    limit: Option<usize>,
}

impl std::fmt::Debug for SampleRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Rows for SampleRows {
    fn kind(&self) -> &'static str {
        "SampleScan"
    }

    fn describe(&self) -> String {
        let names: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let matchers: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        let mut out =
            format!("columns=[{}], {}, series={{{}}}", names.join(", "), self.span, matchers.join(","));
        if let Some(test) = &self.test {
            let _ = write!(out, ", of these {test:?}");
        }
        out
    }

    fn read(&self, run: &Run, emit: Emit<'_>, count: &dyn Fn(&'static str, u64)) -> Result<(), EvalError> {
        let selection = Selection { matchers: &self.matchers, range: self.range, hints: Hints::default() };
        let set = self.source.series().select(&selection)?;
        let mut building = Building::new(self);
        let mut samples = Samples::default();
        let mut read = 0;
        for i in 0..set.len() {
            run.control.check()?;
            let labels = set.labels(i);
            let passes = self.test.as_ref().map_or(Ok(true), |t| t.passes(labels));
            if !passes.map_err(|e| EvalError::Query(e.strip_backtrace()))? {
                continue;
            }
            set.read(i, &mut samples)?;
            read += 1;
            if building.series(labels, &samples, emit)?.is_break() {
                break;
            }
        }
        count("series_read", read);
        if let Some(bytes) = set.bytes_read() {
            count("bytes_read", bytes);
        }
        building.flush(emit).map(|_| ())
    }

    fn ordered(&self, _: bool) -> Option<Arc<dyn Rows>> {
        None
    }

    fn limited(&self, limit: Option<usize>) -> Arc<dyn Rows> {
        Arc::new(SampleRows { limit, ..self.clone() })
    }

    fn time_place(&self) -> Option<usize> {
        self.pieces.iter().position(|p| *p == Piece::Time)
    }

    fn descending(&self) -> Option<bool> {
        None
    }
}

enum Column {
    Time(TimestampNanosecondBuilder),
    Floats(Float64Builder),
    Histograms(Histograms),
    Texts(Texts),
    Maps(Maps),
}

struct Building<'a> {
    rows: &'a SampleRows,
    columns: Vec<Column>,
    count: usize,
    bytes: usize,
    given: usize,
}

/// A run of samples of one kind of one series.
enum Run1<'s> {
    Floats(&'s [i64], &'s [f64]),
    Histogram(i64, &'s FloatHistogram),
}

impl<'a> Building<'a> {
    fn new(rows: &'a SampleRows) -> Building<'a> {
        let column = |piece: &Piece| match piece {
            Piece::Time => Column::Time(times()),
            Piece::Value => Column::Floats(floats()),
            Piece::Histogram => Column::Histograms(Histograms::new()),
            Piece::Labels => Column::Maps(Maps::new()),
            Piece::Label(_) => Column::Texts(Texts::new()),
        };
        let columns = rows.pieces.iter().map(column).collect();
        Building { rows, columns, count: 0, bytes: 0, given: 0 }
    }

    /// Adds the samples of a series that lie in the range and are none of staleness.
    fn series(
        &mut self,
        labels: &Labels,
        samples: &Samples,
        emit: Emit<'_>,
    ) -> Result<ControlFlow<()>, EvalError> {
        let wanted = |t: i64| self.rows.range.contains(t);
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for (t, v) in samples.times.iter().zip(&samples.values) {
            if wanted(*t) && !is_stale(*v) {
                times.push(*t);
                values.push(*v);
            }
        }
        let mut from = 0;
        while from < times.len() {
            let to = times.len().min(from + BATCH_ROWS - self.count).min(from + 1024);
            let run = Run1::Floats(&times[from..to], &values[from..to]);
            if self.add(labels, run, emit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            from = to;
        }
        for (t, h) in samples.histogram_times.iter().zip(&samples.histograms) {
            if self.rows.range.contains(*t) && !h.is_stale() {
                let histogram = FloatHistogram::from_model(h);
                if self.add(labels, Run1::Histogram(*t, &histogram), emit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn add(&mut self, labels: &Labels, run: Run1<'_>, emit: Emit<'_>) -> Result<ControlFlow<()>, EvalError> {
        let rows = match &run {
            Run1::Floats(times, _) => times.len(),
            Run1::Histogram(..) => 1,
        };
        self.bytes += rows * 16;
        for (piece, column) in self.rows.pieces.iter().zip(&mut self.columns) {
            match (column, piece, &run) {
                (Column::Time(out), _, Run1::Floats(times, _)) => {
                    times.iter().for_each(|t| out.append_value(t.saturating_mul(1_000_000)));
                }
                (Column::Time(out), _, Run1::Histogram(t, _)) => {
                    out.append_value(t.saturating_mul(1_000_000))
                }
                (Column::Floats(out), _, Run1::Floats(_, values)) => out.append_slice(values),
                (Column::Floats(out), _, Run1::Histogram(..)) => out.append_null(),
                (Column::Histograms(out), _, Run1::Floats(..)) => {
                    (0..rows).for_each(|_| {
                        out.push(None);
                    });
                }
                (Column::Histograms(out), _, Run1::Histogram(_, h)) => self.bytes += out.push(Some(h)),
                (Column::Maps(out), _, _) => self.bytes += out.labels(labels, rows),
                (Column::Texts(out), Piece::Label(name), _) => out.repeat(labels.get(name), rows),
                (Column::Texts(out), ..) => out.repeat(None, rows),
            }
        }
        self.count += rows;
        if self.count >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            return self.flush(emit);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn flush(&mut self, emit: Emit<'_>) -> Result<ControlFlow<()>, EvalError> {
        if self.count == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let finish = |c: &mut Column| -> ArrayRef {
            match c {
                Column::Time(b) => Arc::new(b.finish()),
                Column::Floats(b) => Arc::new(b.finish()),
                Column::Histograms(b) => b.finish(),
                Column::Texts(b) => b.finish(),
                Column::Maps(b) => b.finish(),
            }
        };
        let columns = self.columns.iter_mut().map(finish).collect();
        let count = RecordBatchOptions::new().with_row_count(Some(self.count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.rows.schema), columns, &count)
            .map_err(fault)?;
        self.given += self.count;
        (self.count, self.bytes) = (0, 0);
        Ok(match emit(batch) {
            ControlFlow::Continue(()) if self.rows.limit.is_none_or(|l| self.given < l) => {
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        })
    }
}
