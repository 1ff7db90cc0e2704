//! The store of spans as a source of TraceQL.

use crate::loki::Bounded;
use model::Labels;
use model::record::{Attributes, FilterOp, SpanId, Tenant, TextFilter, TraceId, Value};
use records::{Direction, Store, StreamTest, Wanted};
use std::ops::ControlFlow;
use traceql::source::{Columns, Order, Rows, Scan, ScanStats, Source, Traces};
use traceql::{Control, EvalError};

/// What lies further away than a day from the spans that were found is of another trace.
const NEAR_NS: i64 = 86_400_000_000_000;

/// The spans of one tenant, seen by TraceQL.
pub struct SpanSource<'a> {
    store: &'a Store,
    tenant: &'a Tenant,
    memory_max: u64,
}

impl<'a> SpanSource<'a> {
    /// The spans of a tenant; reading for one query may hold so much memory.
    pub fn new(store: &'a Store, tenant: &'a Tenant, memory_max: u64) -> SpanSource<'a> {
        SpanSource { store, tenant, memory_max }
    }

    /// The values of a label of resources in a range, which the store knows without reading spans.
    pub fn label_values(&self, name: &str, (start_ns, end_ns): (i64, i64)) -> Vec<String> {
        let scan = records::Scan { start_ns, end_ns, ..records::Scan::all(self.tenant) };
        self.store.label_values(name, &scan)
    }

    fn read(
        &self,
        request: &records::Scan<'_>,
        columns: &Columns<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        let budget = Bounded::new(control, self.memory_max);
        let mut bytes = 0;
        let scanned = self.store.scan(request, &budget, &mut |block| {
            bytes += (block.len() * ROW_BYTES) as u64 + block.bodies().1.len() as u64;
            visit(&Found { block, named: if columns.all { columns.named } else { &[] } })
        });
        let scanned = scanned.map_err(|e| budget.error(e))?;
        Ok(ScanStats { spans: scanned.records.max(scanned.records_tested), bytes })
    }
}

/// Bytes of a row that is given: its time and ids.
const ROW_BYTES: usize = 32;

fn wanted<'w>(columns: &Columns<'w>) -> Wanted<'w> {
    let attributes = match (columns.all, columns.named) {
        (true, _) => records::Attributes::All,
        (false, []) => records::Attributes::None,
        (false, names) => records::Attributes::Named(names),
    };
    Wanted { body: columns.name, severity: false, ids: true, attributes }
}

impl Source for SpanSource<'_> {
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        let hints = scan.hints;
        let may_match = |labels: &Labels| {
            hints.resource.iter().all(|m| labels.get(m.name()).is_none_or(|v| m.matches(v)))
        };
        // The store finds texts, not whole names; the evaluation compares them.
        let name = hints.name.iter().filter(|n| !n.is_empty());
        let filters: Vec<TextFilter> =
            name.filter_map(|n| TextFilter::new(FilterOp::Contains, n).ok()).collect();
        let request = records::Scan {
            streams: Some(StreamTest(&may_match)),
            start_ns: scan.start_ns,
            end_ns: scan.end_ns,
            direction: match scan.order {
                Order::Backward => Direction::Backward,
                Order::Any => Direction::Any,
            },
            filters: &filters,
            trace_id: hints.trace_id,
            wanted: wanted(&scan.columns),
            ..records::Scan::all(self.tenant)
        };
        self.read(&request, &scan.columns, control, visit)
    }

    fn traces(
        &self,
        traces: &Traces<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&dyn Rows) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        let (first, last) = traces.near_ns;
        let request = records::Scan {
            traces: Some(traces.ids),
            start_ns: first.saturating_sub(NEAR_NS),
            end_ns: last.saturating_add(NEAR_NS),
            wanted: wanted(&traces.columns),
            ..records::Scan::all(self.tenant)
        };
        self.read(&request, &traces.columns, control, visit)
    }
}

/// A block of the store.
struct Found<'a> {
    block: &'a records::Block<'a>,
    /// Names of columns that have to be looked for among all attributes.
    named: &'a [&'a str],
}

impl Rows for Found<'_> {
    fn resource(&self) -> &Labels {
        self.block.labels
    }

    fn len(&self) -> usize {
        self.block.len()
    }

    fn start_ns(&self, row: usize) -> i64 {
        self.block.times_ns[row]
    }

    fn trace_id(&self, row: usize) -> TraceId {
        self.block.trace_id(row)
    }

    fn span_id(&self, row: usize) -> SpanId {
        self.block.span_id(row)
    }

    fn name(&self, row: usize) -> &str {
        self.block.body(row)
    }

    fn attribute(&self, place: usize, row: usize) -> Option<Value<'_>> {
        match self.named.get(place) {
            Some(name) => self.block.attributes(row).get(name),
            None => self.block.attribute(place, row),
        }
    }

    fn attributes(&self, row: usize) -> Attributes<'_> {
        self.block.attributes(row)
    }

    fn settled_ns(&self) -> i64 {
        self.block.settled_ns
    }
}
