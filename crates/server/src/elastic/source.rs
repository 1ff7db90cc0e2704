//! The store of logs as a source of searches.

use crate::loki::Bounded;
use model::Labels;
use model::record::{Attributes, Severity, SpanId, Tenant, TraceId, Value};
use promql::{Control, EvalError};
use records::{Direction, Store, StreamTest, Wanted};
use search::source::{AttributeColumns, Block, Order, Scan, Source};
use std::ops::ControlFlow;

/// The records of one tenant, seen by searches.
pub struct Records<'a> {
    store: &'a Store,
    tenant: &'a Tenant,
    memory_max: u64,
}

impl<'a> Records<'a> {
    /// The records of a tenant; reading for one search may hold so much memory.
    pub fn new(store: &'a Store, tenant: &'a Tenant, memory_max: u64) -> Records<'a> {
        Records { store, tenant, memory_max }
    }
}

impl Source for Records<'_> {
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Block) -> ControlFlow<()>,
    ) -> Result<(), EvalError> {
        let attributes = match scan.columns.attributes {
            AttributeColumns::None => records::Attributes::None,
            AttributeColumns::Named(names) => records::Attributes::Named(names),
            AttributeColumns::All => records::Attributes::All,
        };
        let request = records::Scan {
            streams: Some(StreamTest(scan.streams)),
            start_ns: scan.start_ns,
            end_ns: scan.end_ns,
            direction: match scan.order {
                Order::Forward => Direction::Forward,
                Order::Backward => Direction::Backward,
                Order::Any => Direction::Any,
            },
            filters: scan.filters,
            wanted: Wanted {
                body: scan.columns.body,
                severity: scan.columns.severity,
                ids: scan.columns.ids,
                attributes,
            },
            limit: scan.limit,
            ..records::Scan::all(self.tenant)
        };
        let budget = Bounded::new(control, self.memory_max);
        let scanned = self.store.scan(&request, &budget, &mut |block| visit(&Rows(block)));
        scanned.map(|_| ()).map_err(|e| budget.error(e))
    }
}

/// A block of the store.
struct Rows<'a>(&'a records::Block<'a>);

impl Block for Rows<'_> {
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
