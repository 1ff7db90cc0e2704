//! The stores as a source of SQL.

use crate::collect::Running;
use crate::loki::Bounded;
use crate::source::select;
use model::record::{Attributes, Severity, SpanId, Tenant, TraceId, Value};
use model::{Labels, Matcher, TimeRange};
use promql::{Control, EvalError, Selection, SeriesSet, SourceError};
use records::{Direction, Scan, Store, StreamTest, Wanted};
use sql::source::{AttributeColumns, LogBlock, LogNames, LogScan, LogStats, Order, Source};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use tsdb::Db;

/// So many of the newest records say which attributes are columns.
const SAMPLE: usize = 1000;

/// What one tenant has stored.
pub struct Stored {
    series: Series,
    logs: Store,
    /// The stores of events and of errors, unless this is about them.
    others: Option<[Store; 2]>,
    tenant: Tenant,
    memory_max: u64,
}

impl Stored {
    /// The data of a tenant; reading for one query may hold so much memory.
    pub fn new(running: &Running, tenant: Tenant, memory_max: u64) -> Stored {
        let (db, logs) = (running.db.clone(), running.logs.clone());
        let others = Some([running.events.clone(), running.errors.store.clone()]);
        Stored { series: Series(db), logs, others, tenant, memory_max }
    }

    /// The same tenant's records in another store.
    fn of(&self, store: usize) -> Option<Arc<dyn Source>> {
        Some(Arc::new(Stored {
            series: Series(self.series.0.clone()),
            logs: self.others.as_ref()?[store].clone(),
            others: None,
            tenant: self.tenant.clone(),
            memory_max: self.memory_max,
        }))
    }
}

struct Series(Db);

impl promql::Source for Series {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        select(&self.0, selection)
    }
}

impl Source for Stored {
    fn logs(
        &self,
        scan: &LogScan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn LogBlock) -> ControlFlow<()>,
    ) -> Result<LogStats, EvalError> {
        let attributes = match scan.columns.attributes {
            AttributeColumns::None => records::Attributes::None,
            AttributeColumns::Named(names) => records::Attributes::Named(names),
            AttributeColumns::All => records::Attributes::All,
        };
        let request = Scan {
            streams: Some(StreamTest(scan.streams)),
            start_ns: scan.start_ns,
            end_ns: scan.end_ns,
            direction: match scan.order {
                Order::Forward => Direction::Forward,
                Order::Backward => Direction::Backward,
                Order::Any => Direction::Any,
            },
            filters: scan.filters,
            trace_id: scan.trace_id,
            wanted: Wanted {
                body: scan.columns.body,
                severity: scan.columns.severity,
                ids: scan.columns.ids,
                attributes,
            },
            limit: scan.limit,
            ..Scan::all(&self.tenant)
        };
        let budget = Bounded::new(control, self.memory_max);
        let scanned = self.logs.scan(&request, &budget, &mut |block| visit(&Rows(block)));
        let scanned = scanned.map_err(|e| budget.error(e))?;
        Ok(LogStats {
            tested: scanned.records_tested,
            groups: scanned.row_groups,
            groups_read: scanned.row_groups_read,
        })
    }

    fn log_names(&self, limit: usize, control: &Control) -> Result<LogNames, EvalError> {
        let all = Scan::all(&self.tenant);
        let mut labels = self.logs.label_names(&all);
        labels.truncate(limit);
        let newest = Scan { direction: Direction::Backward, ..all };
        let budget = Bounded::new(control, self.memory_max);
        let attributes = self.logs.attributes(&newest, SAMPLE, &budget).map_err(|e| budget.error(e))?;
        let attributes = attributes.into_iter().take(limit).map(|a| a.name).collect();
        Ok(LogNames { labels, attributes })
    }

    fn events(&self) -> Option<Arc<dyn Source>> {
        self.of(0)
    }

    fn errors(&self) -> Option<Arc<dyn Source>> {
        self.of(1)
    }

    fn series(&self) -> &dyn promql::Source {
        &self.series
    }

    fn metrics(&self, limit: usize) -> Result<Vec<String>, EvalError> {
        self.series.0.label_values("__name__", &[], TimeRange::ALL, limit).map_err(failed)
    }

    fn metric_labels(&self, metric: &str, limit: usize) -> Result<Option<Vec<String>>, EvalError> {
        let db = &self.series.0;
        let matchers = [Matcher::equal("__name__", metric)];
        if metric.is_empty() || db.series_matching(&matchers) == 0 {
            return Ok(None);
        }
        let names = db.label_names(&matchers, TimeRange::ALL, limit.saturating_add(1)).map_err(failed)?;
        let names: BTreeSet<String> = names.into_iter().filter(|n| n != "__name__").collect();
        Ok(Some(names.into_iter().take(limit).collect()))
    }
}

fn failed(e: tsdb::TsdbError) -> EvalError {
    EvalError::Source(SourceError(e.to_string()))
}

/// A block of the store.
struct Rows<'a>(&'a records::Block<'a>);

impl LogBlock for Rows<'_> {
    fn labels(&self) -> &Labels {
        self.0.labels
    }

    fn times_ns(&self) -> &[i64] {
        self.0.times_ns
    }

    fn settled_ns(&self) -> i64 {
        self.0.settled_ns
    }

    fn body(&self, row: usize) -> &str {
        self.0.body(row)
    }

    fn severity(&self, row: usize) -> Severity {
        self.0.severity(row)
    }

    fn trace(&self, row: usize) -> TraceId {
        self.0.trace_id(row)
    }

    fn span(&self, row: usize) -> SpanId {
        self.0.span_id(row)
    }

    fn named(&self, place: usize, row: usize) -> Option<Value<'_>> {
        self.0.attribute(place, row)
    }

    fn attributes(&self, row: usize) -> Attributes<'_> {
        self.0.attributes(row)
    }
}
