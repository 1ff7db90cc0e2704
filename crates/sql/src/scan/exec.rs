//! The node.

use super::{Rows, Run};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, SendableRecordBatchStream,
    SortOrderPushdownResult,
};
use futures::{StreamExt, stream};
use promql::EvalError;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Batches that wait for whoever asks.
const QUEUE: usize = 2;

/// Reads a table.
#[derive(Debug)]
pub(crate) struct ScanExec {
    rows: Arc<dyn Rows>,
    run: Arc<Run>,
    schema: SchemaRef,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    /// A scan that gives batches of this schema.
    pub fn new(rows: Arc<dyn Rows>, run: Arc<Run>, schema: SchemaRef, fetch: Option<usize>) -> ScanExec {
        let order = rows.descending().zip(rows.time_place()).map(|(descending, place)| {
            let time: Arc<dyn PhysicalExpr> = Arc::new(Column::new(schema.field(place).name(), place));
            PhysicalSortExpr::new(time, SortOptions { descending, nulls_first: descending })
        });
        let order = order.and_then(|o| LexOrdering::new([o]));
        let equivalences = EquivalenceProperties::new_with_orderings(Arc::clone(&schema), order);
        let properties = PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let rows = rows.limited(fetch);
        ScanExec {
            rows,
            run,
            schema,
            fetch,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn again(&self, rows: Arc<dyn Rows>, fetch: Option<usize>) -> Arc<dyn ExecutionPlan> {
        Arc::new(ScanExec::new(rows, Arc::clone(&self.run), Arc::clone(&self.schema), fetch))
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rows.kind(), self.rows.describe())?;
        if let Some(fetch) = self.fetch {
            write!(f, ", limit={fetch}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        self.rows.kind()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let counts = Counts { set: self.metrics.clone() };
        let (rows, run, mut left) = (Arc::clone(&self.rows), Arc::clone(&self.run), self.fetch);
        let started = stream::once(async move { start(rows, run, counts) });
        let batches = started.flat_map(|begun| match begun {
            Ok(received) => received.boxed(),
            Err(e) => stream::once(std::future::ready(Err(e))).boxed(),
        });
        let limited = batches.scan((), move |(), batch| {
            let batch = batch.map(|b| match left.as_mut() {
                Some(left) => {
                    let rows = b.num_rows().min(*left);
                    *left -= rows;
                    b.slice(0, rows)
                }
                None => b,
            });
            if let Ok(b) = &batch {
                baseline.record_output(b.num_rows());
            }
            let over = batch.as_ref().is_ok_and(|b| b.num_rows() == 0);
            std::future::ready((!over).then_some(batch))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), limited)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let fetch = match (self.fetch, limit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Some(self.again(Arc::clone(&self.rows), fetch))
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        // With a limit the rows are already chosen.
        let [by] = order else { return Ok(SortOrderPushdownResult::Unsupported) };
        let by_time = by
            .expr
            .as_ref()
            .downcast_ref::<Column>()
            .is_some_and(|c| Some(c.index()) == self.rows.time_place());
        if !by_time || self.fetch.is_some() {
            return Ok(SortOrderPushdownResult::Unsupported);
        }
        Ok(match self.rows.ordered(by.options.descending) {
            Some(rows) => SortOrderPushdownResult::Exact { inner: self.again(rows, None) },
            None => SortOrderPushdownResult::Unsupported,
        })
    }
}

/// Counters of a scan.
#[derive(Clone)]
struct Counts {
    set: ExecutionPlanMetricsSet,
}

impl Counts {
    fn add(&self, name: &'static str, n: u64) {
        let count: Count = MetricBuilder::new(&self.set).counter(name, 0);
        count.add(n as usize);
    }
}

/// What comes from the thread.
enum Item {
    Batch(RecordBatch),
    Failed(EvalError),
    /// All was given. Without it the thread met a fault.
    Done,
}

/// A scan under way, counted.
struct Place(Arc<Run>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.scans.fetch_sub(1, Ordering::Relaxed);
    }
}

fn failed(e: EvalError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

/// Starts the thread; it inherits the priority of the one that asks.
fn start(
    rows: Arc<dyn Rows>,
    run: Arc<Run>,
    counts: Counts,
) -> Result<impl stream::Stream<Item = Result<RecordBatch>> + Send> {
    let scans = run.scans.fetch_add(1, Ordering::Relaxed) + 1;
    let place = Place(Arc::clone(&run));
    if scans > run.scans_max {
        return Err(failed(EvalError::Query(format!(
            "the query reads {scans} tables at the same time, over the limit of {}: read the table samples with a \
             condition on name instead of many metrics one by one",
            run.scans_max
        ))));
    }
    let (sender, receiver) = mpsc::channel(QUEUE);
    let work = move || {
        let _place = place;
        let emit = &mut |batch: RecordBatch| match sender.blocking_send(Item::Batch(batch)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let end = match rows.read(&run, emit, &|name, n| counts.add(name, n)) {
            Ok(()) => Item::Done,
            Err(e) => Item::Failed(e),
        };
        // Nobody may be waiting any more.
        let _ = sender.blocking_send(end);
    };
    std::thread::Builder::new()
        .name("sql-scan".to_owned())
        .spawn(work)
        .map_err(|e| failed(EvalError::Query(format!("cannot start a thread for the scan: {e}"))))?;
    Ok(stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Item::Batch(batch)) => Some((Ok(batch), Some(receiver))),
            Some(Item::Failed(e)) => Some((Err(failed(e)), None)),
            Some(Item::Done) => None,
            None => {
                let fault = "a scan met a fault in the server; its log says more";
                Some((Err(DataFusionError::Internal(fault.to_owned())), None))
            }
        }
    }))
}
