//! Statements from text to rows.

use crate::bounds::{check_constants, deep};
use crate::catalog::{Catalogs, PUBLIC, Tables};
use crate::error::SqlError;
use crate::functions;
use crate::memory::QueryMemory;
use crate::promql_table::PromqlFunction;
use crate::scan::Run;
use crate::source::Source;
use crate::statement::Parsed;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, ParamValues, ScalarValue};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use promql::{Control, EngineOptions, EvalError};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Bounds of a session.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the only database, which is the tenant's.
    pub database: String,
    /// Who asks.
    pub user: String,
    /// Memory of one query.
    pub memory_max: u64,
    /// Columns for labels, and for attributes, of one table.
    pub columns_max: usize,
    /// Metrics in lists of tables.
    pub listed_max: usize,
    /// Tables that a query reads at the same time.
    pub scans_max: usize,
    /// Bounds of PromQL within SQL.
    pub promql: EngineOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            database: "default".to_owned(),
            user: "watchfire".to_owned(),
            memory_max: 1 << 30,
            columns_max: 500,
            listed_max: 1000,
            scans_max: 64,
            promql: EngineOptions::default(),
        }
    }
}

/// How often a query looks whether it should go on.
const LOOK: Duration = Duration::from_millis(20);

/// Plans and runs statements over one source.
pub struct Session {
    state: SessionState,
    run: Arc<Run>,
}

impl Session {
    /// A session whose statements `control` stops.
    pub fn new(source: Arc<dyn Source>, options: &Options, control: &Control) -> Result<Session, SqlError> {
        let memory = Arc::new(QueryMemory::new(control, options.memory_max));
        let run = Arc::new(Run {
            control: control.clone(),
            memory: Arc::clone(&memory),
            scans: AtomicUsize::new(0),
            scans_max: options.scans_max,
        });
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(memory)
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()
            .map_err(|e| SqlError::of("", &e))?;
        let mut config = SessionConfig::new()
            .with_target_partitions(1)
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(&options.database, PUBLIC)
            .with_information_schema(true);
        let settings = config.options_mut();
        settings.execution.time_zone = Some("UTC".to_owned());
        settings.sql_parser.collect_spans = true;
        let tables = Tables {
            source: Arc::clone(&source),
            run: Arc::clone(&run),
            columns_max: options.columns_max,
            listed_max: options.listed_max,
            database: options.database.clone(),
        };
        let mut builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(environment)
            .with_default_features()
            .with_catalog_list(Arc::new(Catalogs(tables)));
        builder.expr_planners().get_or_insert_default().insert(0, functions::planner());
        let mut state = builder.build();
        functions::register(&mut state, options).map_err(|e| SqlError::of("", &e))?;
        state.mark_start_execution();
        let now = state.execution_props().query_execution_start_time;
        let function = PromqlFunction {
            source,
            run: Arc::clone(&run),
            options: options.promql.clone(),
            now_ms: now.map_or(0, |at| at.timestamp_millis()),
        };
        state.register_udtf("promql", Arc::new(function));
        Ok(Session { state, run })
    }

    /// Plans a statement that only reads.
    pub fn prepare(&self, parsed: &Parsed) -> Result<Prepared<'_>, SqlError> {
        parsed.check()?;
        let runtime = runtime()?;
        let planned = deep(|| {
            let statement = parsed.statement.as_ref().clone();
            runtime.block_on(self.state.statement_to_plan(statement))
        });
        let plan = planned.map_err(|e| SqlError::of(&parsed.text, &e))?;
        self.run.control.check()?;
        Ok(Prepared { session: self, text: parsed.text.clone(), plan })
    }
}

/// A statement ready to run.
pub struct Prepared<'s> {
    session: &'s Session,
    text: String,
    plan: LogicalPlan,
}

impl Prepared<'_> {
    /// The columns of its rows.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// The types of its parameters `$1`, `$2` and so on, as far as they can be told.
    pub fn parameters(&self) -> Result<Vec<Option<DataType>>, SqlError> {
        let found = deep(|| self.plan.get_parameter_types()).map_err(|e| SqlError::of(&self.text, &e))?;
        let mut out = Vec::new();
        for (name, of) in found {
            let number = name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
            let Some(number) = number.filter(|n| (1..=1000).contains(n)) else {
                let message = format!("parameter {name} is none of $1 to $1000");
                return Err(SqlError::Run(EvalError::Query(message)));
            };
            if out.len() < number {
                out.resize(number, None);
            }
            out[number - 1] = of;
        }
        Ok(out)
    }

    /// Puts values in place of its parameters.
    pub fn bind(mut self, values: Vec<ScalarValue>) -> Result<Self, SqlError> {
        let values = ParamValues::from(values);
        let plan = std::mem::take(&mut self.plan);
        self.plan = deep(|| plan.with_param_values(values)).map_err(|e| SqlError::of(&self.text, &e))?;
        Ok(self)
    }

    /// Gives no more than so many rows; what explains a query is not cut.
    pub fn limited(mut self, rows: usize) -> Result<Self, SqlError> {
        if matches!(
            self.plan,
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
        ) {
            return Ok(self);
        }
        let limited = LogicalPlanBuilder::from(std::mem::take(&mut self.plan))
            .limit(0, Some(rows))
            .and_then(LogicalPlanBuilder::build);
        self.plan = limited.map_err(|e| SqlError::of(&self.text, &e))?;
        Ok(self)
    }

    /// Runs the statement on this thread and gives its rows to `visit`, batch by batch, until that breaks off.
    pub fn run(&self, visit: &mut dyn FnMut(&RecordBatch) -> ControlFlow<()>) -> Result<(), SqlError> {
        deep(|| self.run_here(visit))
    }

    fn run_here(&self, visit: &mut dyn FnMut(&RecordBatch) -> ControlFlow<()>) -> Result<(), SqlError> {
        let failed = |e: DataFusionError| SqlError::of(&self.text, &e);
        let control = &self.session.run.control;
        let runtime = runtime()?;
        let mut rows = runtime.block_on(async {
            let state = &self.session.state;
            let optimized = state.optimize(&self.plan).map_err(failed)?;
            control.check()?;
            check_constants(&optimized).map_err(failed)?;
            let planned = state.query_planner().create_physical_plan(&optimized, state).await;
            control.check()?;
            execute_stream(planned.map_err(failed)?, state.task_ctx()).map_err(failed)
        })?;
        loop {
            // Rows are given on between the turns of the runtime: whoever takes them may block.
            let batch = runtime.block_on(next(&mut rows, control))?;
            let Some(batch) = batch.transpose().map_err(failed)? else { return Ok(()) };
            control.check()?;
            if batch.num_rows() > 0 && visit(&batch).is_break() {
                return Ok(());
            }
        }
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        let plan = std::mem::take(&mut self.plan);
        deep(|| drop(plan));
    }
}

/// The next batch, unless the query must stop before.
async fn next(
    rows: &mut SendableRecordBatchStream,
    control: &Control,
) -> Result<Option<Result<RecordBatch, DataFusionError>>, SqlError> {
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            biased;
            _ = look.tick() => control.check()?,
            batch = rows.next() => return Ok(batch),
        }
    }
}

/// What runs futures of DataFusion's on this thread, and what they spawn as well.
fn runtime() -> Result<tokio::runtime::Runtime, SqlError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|e| SqlError::Run(EvalError::Query(format!("cannot prepare to run the query: {e}"))))
}

/// Values of parameters given as text, as the types of the parameters ask; text where a type is not known.
pub fn values_of_texts(texts: &[String], types: &[Option<DataType>]) -> Result<Vec<ScalarValue>, SqlError> {
    let value = |(i, text): (usize, &String)| {
        let given = ScalarValue::Utf8(Some(text.clone()));
        match types.get(i).and_then(Option::as_ref) {
            None => Ok(given),
            Some(of) => given.cast_to(of).map_err(|e| {
                let message =
                    format!("parameter ${}: {text:?} is not of type {of}: {}", i + 1, e.strip_backtrace());
                SqlError::Run(EvalError::Query(message))
            }),
        }
    };
    texts.iter().enumerate().map(value).collect()
}
