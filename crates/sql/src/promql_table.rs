//! `promql('expression', start, end, step)`: the result of a PromQL query as rows.
//!
//! Without times the query is evaluated now, with one time then, with three over a range. Times are timestamps or
//! texts that are timestamps; a step is an interval, a PromQL duration as text, or a number of seconds.

use crate::columns::{Histograms, Maps, Texts, floats, histogram_type, map_type, time_type, times};
use crate::scan::{BATCH_ROWS, Emit, Rows, Run, ScanExec};
use crate::source::Source;
use crate::tables::fault;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::ExecutionPlan;
use model::Labels;
use promql::{Engine, EngineOptions, EvalError, Point, Times, Value, parse_duration};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The function.
pub(crate) struct PromqlFunction {
    pub source: Arc<dyn Source>,
    pub run: Arc<Run>,
    pub options: EngineOptions,
    pub now_ms: i64,
}

impl fmt::Debug for PromqlFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("promql")
    }
}

const USAGE: &str =
    "write promql('expression'), promql('expression', time) or promql('expression', start, end, step)";

impl TableFunctionImpl for PromqlFunction {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let start = args.session().execution_props().query_execution_start_time;
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(DFSchema::empty()))
            .with_config_options(Arc::clone(args.session().config().options()))
            .with_query_execution_start_time(start)
            .build();
        let simplifier = ExprSimplifier::new(context);
        let literals = args.exprs().iter().map(|e| match simplifier.simplify(e.clone())? {
            Expr::Literal(value, _) => Ok(value),
            other => plan_err!("promql takes constants, not {other}: {USAGE}"),
        });
        let literals = literals.collect::<Result<Vec<ScalarValue>>>()?;
        let (query, times) = match &literals[..] {
            [query] => (query, Times::Instant(self.now_ms)),
            [query, at] => (query, Times::Instant(time_ms(at)?)),
            [query, start, end, step] => {
                let (start_ms, end_ms, step_ms) = (time_ms(start)?, time_ms(end)?, step_ms(step)?);
                (query, self.range(start_ms, end_ms, step_ms)?)
            }
            other => return plan_err!("promql was given {} arguments: {USAGE}", other.len()),
        };
        let Some(Some(text)) = query.try_as_str() else {
            return plan_err!("the first argument of promql is a text: {USAGE}");
        };
        let expr = match promql::parse(text) {
            Ok(expr) => expr,
            Err(e) => return plan_err!("promql: {e}\n{}", e.caret(text)),
        };
        Ok(Arc::new(PromqlTable {
            rows: PromqlRows {
                source: Arc::clone(&self.source),
                text: text.to_owned(),
                expr: Arc::new(expr),
                times,
                engine: Arc::new(Engine::new(self.options.clone())),
                schema: schema(),
                projection: None,
            },
            run: Arc::clone(&self.run),
        }))
    }
}

impl PromqlFunction {
    fn range(&self, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Times> {
        if end_ms < start_ms || step_ms <= 0 {
            return plan_err!("promql: the end is not before the start, and the step is longer than nothing");
        }
        let steps = end_ms.abs_diff(start_ms) / step_ms.unsigned_abs();
        if steps >= self.options.steps_max {
            return plan_err!(
                "promql: {steps} steps, over the limit of {}: take a longer step, or raise query.steps_max",
                self.options.steps_max
            );
        }
        Ok(Times::Range { start_ms, end_ms, step_ms })
    }
}

fn time_ms(value: &ScalarValue) -> Result<i64> {
    let nanoseconds = value.cast_to(&time_type())?;
    match nanoseconds {
        ScalarValue::TimestampNanosecond(Some(ns), _) => Ok(ns.div_euclid(1_000_000)),
        _ => plan_err!("promql: {value} is not a time: {USAGE}"),
    }
}

fn step_ms(value: &ScalarValue) -> Result<i64> {
    let wrong = || plan_err!("promql: {value} is not a step: write interval '1 minute', '1m' or 60");
    match value {
        ScalarValue::IntervalMonthDayNano(Some(v)) if v.months == 0 => {
            Ok(i64::from(v.days) * 86_400_000 + v.nanoseconds / 1_000_000)
        }
        ScalarValue::IntervalDayTime(Some(v)) => {
            Ok(i64::from(v.days) * 86_400_000 + i64::from(v.milliseconds))
        }
        ScalarValue::Int64(Some(seconds)) => Ok(seconds.saturating_mul(1000)),
        ScalarValue::Float64(Some(seconds)) => Ok((seconds * 1000.0) as i64),
        other => match other.try_as_str() {
            Some(Some(text)) => parse_duration(text).or_else(|_| wrong()),
            _ => wrong(),
        },
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("timestamp", time_type(), false),
        Field::new("name", DataType::Utf8View, true),
        Field::new("value", DataType::Float64, true),
        Field::new("histogram", histogram_type(), true),
        Field::new("labels", map_type(), false),
    ]))
}

#[derive(Debug)]
struct PromqlTable {
    rows: PromqlRows,
    run: Arc<Run>,
}

#[async_trait]
impl TableProvider for PromqlTable {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(places) => Arc::new(schema().project(places)?),
            None => schema(),
        };
        let rows = PromqlRows { projection: projection.cloned(), ..self.rows.clone() };
        Ok(Arc::new(ScanExec::new(Arc::new(rows), Arc::clone(&self.run), schema, limit)))
    }
}

#[derive(Clone)]
struct PromqlRows {
    source: Arc<dyn Source>,
    text: String,
    expr: Arc<promql::Expr>,
    times: Times,
    engine: Arc<Engine>,
    schema: SchemaRef,
    projection: Option<Vec<usize>>,
}

impl fmt::Debug for PromqlRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Rows for PromqlRows {
    fn kind(&self) -> &'static str {
        "PromqlScan"
    }

    fn describe(&self) -> String {
        format!("query={:?}, {:?}", self.text, self.times)
    }

    fn read(&self, run: &Run, emit: Emit<'_>, count: &dyn Fn(&'static str, u64)) -> Result<(), EvalError> {
        let source = self.source.series();
        let output = match self.times {
            Times::Instant(at) => self.engine.instant(source, &self.expr, at, &run.control),
            Times::Range { start_ms, end_ms, step_ms } => {
                self.engine.range(source, &self.expr, start_ms, end_ms, step_ms, &run.control)
            }
        }?;
        count("samples_read", output.stats.samples_read);
        count("series_read", output.stats.series_read);
        let mut building = Building::new(self);
        let none = Labels::empty();
        let flow = match &output.value {
            Value::Scalar { time_ms, value } => building.add(&none, *time_ms, Cell::Float(*value), emit)?,
            Value::String { time_ms, .. } => building.add(&none, *time_ms, Cell::None, emit)?,
            Value::Vector(samples) => {
                let mut flow = ControlFlow::Continue(());
                for s in samples {
                    let cell = match &s.value {
                        Point::Float(v) => Cell::Float(*v),
                        Point::Histogram(h) => Cell::Histogram(h),
                    };
                    flow = building.add(&s.labels, s.time_ms, cell, emit)?;
                    if flow.is_break() {
                        break;
                    }
                }
                flow
            }
            Value::Matrix(series) => building.matrix(series, emit)?,
        };
        if flow.is_continue() {
            let _ = building.flush(emit)?;
        }
        Ok(())
    }

    fn ordered(&self, _: bool) -> Option<Arc<dyn Rows>> {
        None
    }

    fn limited(&self, _: Option<usize>) -> Arc<dyn Rows> {
        Arc::new(self.clone())
    }

    fn time_place(&self) -> Option<usize> {
        None
    }

    fn descending(&self) -> Option<bool> {
        None
    }
}

enum Cell<'a> {
    None,
    Float(f64),
    Histogram(&'a promql::FloatHistogram),
}

struct Building<'a> {
    rows: &'a PromqlRows,
    times: arrow::array::TimestampNanosecondBuilder,
    names: Texts,
    values: arrow::array::Float64Builder,
    histograms: Histograms,
    labels: Maps,
    count: usize,
}

impl<'a> Building<'a> {
    fn new(rows: &'a PromqlRows) -> Building<'a> {
        Building {
            rows,
            times: times(),
            names: Texts::new(),
            values: floats(),
            histograms: Histograms::new(),
            labels: Maps::new(),
            count: 0,
        }
    }

    fn matrix(&mut self, all: &[promql::MatrixSeries], emit: Emit<'_>) -> Result<ControlFlow<()>, EvalError> {
        for series in all {
            for (t, v) in &series.floats {
                if self.add(&series.labels, *t, Cell::Float(*v), emit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            for (t, h) in &series.histograms {
                if self.add(&series.labels, *t, Cell::Histogram(h), emit)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn add(
        &mut self,
        labels: &Labels,
        time_ms: i64,
        cell: Cell<'_>,
        emit: Emit<'_>,
    ) -> Result<ControlFlow<()>, EvalError> {
        self.times.append_value(time_ms.saturating_mul(1_000_000));
        self.names.push(labels.get("__name__"));
        self.values.append_option(if let Cell::Float(v) = cell { Some(v) } else { None });
        self.histograms.push(if let Cell::Histogram(h) = cell { Some(h) } else { None });
        self.labels.labels(labels, 1);
        self.count += 1;
        if self.count >= BATCH_ROWS { self.flush(emit) } else { Ok(ControlFlow::Continue(())) }
    }

    fn flush(&mut self, emit: Emit<'_>) -> Result<ControlFlow<()>, EvalError> {
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(self.times.finish()),
            self.names.finish(),
            Arc::new(self.values.finish()),
            self.histograms.finish(),
            self.labels.finish(),
        ];
        if self.count == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        self.count = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.rows.schema), columns).map_err(fault)?;
        Ok(emit(match &self.rows.projection {
            Some(places) => batch.project(places).map_err(fault)?,
            None => batch,
        }))
    }
}
