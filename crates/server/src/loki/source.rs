//! The store of logs as a source of LogQL.
//!
//! The store keeps names as they were sent; LogQL knows `service.name` as `service_name`. A name without an underscore
//! cannot stand for another one, and is asked for as it is.

use crate::collect::Running;
use logql::names;
use logql::source::{AttributeColumns, Block, BodyColumn, Order, Scan, ScanStats, Source, Texts};
use model::record::{Attributes, Severity, SpanId, Tenant, TraceId, Value};
use model::{Labels, MatchOp, Matcher};
use promql::{Control, EvalError, Held, SourceError};
use records::{Budget, Direction, RecordsError, Stopped, Store, Wanted};
use std::cell::RefCell;
use std::ops::ControlFlow;

/// The label that says which store a selector is about: `logs` (without it) or `events`.
pub const SIGNAL: &str = "__signal__";

/// The store that a selector is about, and what else it asks for.
pub fn chosen<'r>(running: &'r Running, matchers: &[Matcher]) -> Result<(&'r Store, Vec<Matcher>), String> {
    let mut store = &running.logs;
    for matcher in matchers.iter().filter(|m| m.name() == SIGNAL) {
        store = match (matcher.op(), matcher.value()) {
            (MatchOp::Equal, "logs") => &running.logs,
            (MatchOp::Equal, "events") => &running.events,
            _ => return Err(format!("{matcher}: write {SIGNAL}=\"logs\" or {SIGNAL}=\"events\"")),
        };
    }
    Ok((store, matchers.iter().filter(|m| m.name() != SIGNAL).cloned().collect()))
}

/// The records of one tenant, seen by LogQL.
pub struct LogSource<'a> {
    running: &'a Running,
    tenant: &'a Tenant,
    memory_max: u64,
}

impl<'a> LogSource<'a> {
    /// The source of a tenant; reading for one query may hold so much memory.
    pub fn new(running: &'a Running, tenant: &'a Tenant, memory_max: u64) -> LogSource<'a> {
        LogSource { running, tenant, memory_max }
    }
}

impl Source for LogSource<'_> {
    fn scan(
        &self,
        scan: &Scan<'_>,
        control: &Control,
        visit: &mut dyn FnMut(&Block<'_>) -> ControlFlow<()>,
    ) -> Result<ScanStats, EvalError> {
        let (store, asked) = chosen(self.running, scan.matchers).map_err(EvalError::Query)?;
        let known = StoredNames::of(store, self.tenant, &asked);
        let matchers = known.stored(&asked);
        let named = Named::of(scan.columns.attributes);
        let wanted = Wanted {
            body: scan.columns.body != BodyColumn::None,
            severity: scan.columns.severity,
            ids: scan.columns.ids,
            attributes: named.wanted(),
        };
        let request = records::Scan {
            matchers: &matchers,
            start_ns: scan.start_ns,
            end_ns: scan.end_ns,
            direction: direction(scan.order),
            filters: scan.filters,
            wanted,
            // Rows of streams that are left out here do not count.
            limit: if known.exact { scan.limit } else { None },
            ..records::Scan::all(self.tenant)
        };
        let mut columns = Columns::default();
        let mut stats = ScanStats::default();
        let mut last: Option<Labels> = None;
        let budget = Bounded::new(control, self.memory_max);
        let scanned = store.scan(&request, &budget, &mut |found| {
            if !known.exact && !names::matches(&asked, found.labels) {
                return ControlFlow::Continue(());
            }
            if last.as_ref() != Some(found.labels) {
                stats.streams += 1;
                last = Some(found.labels.clone());
            }
            columns.give(found, scan, &named, visit)
        });
        let scanned = scanned.map_err(|e| budget.error(e))?;
        stats.lines = scanned.records.max(scanned.records_tested);
        stats.bytes = columns.bytes;
        stats.groups = scanned.row_groups;
        stats.groups_read = scanned.row_groups_read;
        Ok(stats)
    }
}

fn direction(order: Order) -> Direction {
    match order {
        Order::Forward => Direction::Forward,
        Order::Backward => Direction::Backward,
        Order::Any => Direction::Any,
    }
}

/// The labels of streams by the names LogQL has for them.
pub struct StoredNames {
    /// For each matcher the stored name, if it is another.
    renamed: Vec<Option<String>>,
    /// Whether the store's answer to the renamed matchers is exact. Where two stored names look the same to LogQL it is
    /// not asked about them.
    pub exact: bool,
}

impl StoredNames {
    /// The stored names that matchers stand for.
    pub fn of(store: &Store, tenant: &Tenant, matchers: &[Matcher]) -> StoredNames {
        let mut known = StoredNames { renamed: vec![None; matchers.len()], exact: true };
        if !matchers.iter().any(|m| ambiguous(m.name())) {
            return known;
        }
        let stored = store.label_names(&records::Scan::all(tenant));
        for (matcher, renamed) in matchers.iter().zip(&mut known.renamed) {
            let mut same = stored.iter().filter(|s| names::same_name(s, matcher.name()));
            match (same.next(), same.next()) {
                (Some(one), None) => *renamed = (one != matcher.name()).then(|| one.clone()),
                (Some(_), Some(_)) => known.exact = false,
                (None, _) => {}
            }
        }
        known
    }

    /// What to ask the store.
    pub fn stored(&self, matchers: &[Matcher]) -> Vec<Matcher> {
        let one = |(matcher, renamed): (&Matcher, &Option<String>)| match renamed {
            None => Some(matcher.clone()),
            // The pattern was compiled before, so it compiles again.
            Some(name) => Matcher::new(matcher.op(), name, matcher.value()).ok(),
        };
        match self.exact {
            true => matchers.iter().zip(&self.renamed).filter_map(one).collect(),
            false => Vec::new(),
        }
    }
}

/// Whether a name can stand for others.
fn ambiguous(name: &str) -> bool {
    name.contains('_')
}

/// The attributes asked for.
enum Named<'a> {
    None,
    All,
    /// By these very names.
    Exact(Vec<&'a str>),
    /// By names that have to be looked for in each record.
    Sought(&'a [String]),
}

impl<'a> Named<'a> {
    fn of(asked: AttributeColumns<'a>) -> Named<'a> {
        match asked {
            AttributeColumns::None => Named::None,
            AttributeColumns::All => Named::All,
            AttributeColumns::Named(names) if names.iter().any(|n| ambiguous(n)) => Named::Sought(names),
            AttributeColumns::Named(names) => Named::Exact(names.iter().map(String::as_str).collect()),
        }
    }

    fn wanted(&self) -> records::Attributes<'_> {
        match self {
            Named::None => records::Attributes::None,
            Named::All | Named::Sought(_) => records::Attributes::All,
            Named::Exact(names) => records::Attributes::Named(names),
        }
    }
}

/// Columns of a block in the form LogQL wants; used again for the next block.
#[derive(Default)]
struct Columns {
    times: Vec<i64>,
    offsets: Vec<u32>,
    text: String,
    severities: Vec<Severity>,
    traces: Vec<TraceId>,
    spans: Vec<SpanId>,
    /// Bytes of all bodies given.
    bytes: u64,
}

impl Columns {
    fn give(
        &mut self,
        found: &records::Block<'_>,
        scan: &Scan<'_>,
        named: &Named<'_>,
        visit: &mut dyn FnMut(&Block<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let backward = scan.order == Order::Backward;
        let rows = Rows { count: found.len(), backward };
        if backward {
            self.times.clear();
            self.times.extend(found.times_ns.iter().rev());
        }
        let given = match scan.columns.body {
            BodyColumn::None => None,
            _ => self.bodies(found, rows),
        };
        refill(&mut self.severities, scan.columns.severity, rows, |row| found.severity(row));
        refill(&mut self.traces, scan.columns.ids, rows, |row| found.trace_id(row));
        refill(&mut self.spans, scan.columns.ids, rows, |row| found.span_id(row));
        let attributes: Vec<Attributes<'_>> = match named {
            Named::All => rows.iter().map(|row| found.attributes(row)).collect(),
            _ => Vec::new(),
        };
        let bodies = match scan.columns.body {
            BodyColumn::None => Texts::default(),
            _ => Texts { offsets: &self.offsets, text: given.unwrap_or(&self.text) },
        };
        self.bytes += bodies.text.len() as u64;
        let columns = named_columns(found, named, rows);
        let columns: Vec<&[Option<Value<'_>>]> = columns.iter().map(Vec::as_slice).collect();
        visit(&Block {
            stream: found.labels,
            times_ns: if backward { &self.times } else { found.times_ns },
            bodies,
            severities: &self.severities,
            traces: &self.traces,
            spans: &self.spans,
            named: &columns,
            attributes: &attributes,
            settled_ns: found.settled_ns,
        })
    }

    /// Finds where bodies begin and end, and gives their texts unless these had to be copied because their order is
    /// another.
    fn bodies<'b>(&mut self, found: &records::Block<'b>, rows: Rows) -> Option<&'b str> {
        self.offsets.clear();
        self.offsets.push(0);
        let (ends, text) = found.bodies();
        if !rows.backward
            && ends.len() == rows.count
            && ends.last().is_some_and(|e| *e as usize == text.len())
        {
            self.offsets.extend_from_slice(ends);
            return Some(text);
        }
        self.text.clear();
        for row in rows.iter() {
            self.text.push_str(found.body(row));
            self.offsets.push(self.text.len() as u32);
        }
        None
    }
}

/// The rows of a block in ascending order of time.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    backward: bool,
}

impl Rows {
    fn iter(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |i| if self.backward { self.count - 1 - i } else { i })
    }
}

fn refill<T>(column: &mut Vec<T>, wanted: bool, rows: Rows, value: impl FnMut(usize) -> T) {
    column.clear();
    if wanted {
        column.extend(rows.iter().map(value));
    }
}

/// A column for each attribute asked for by name, empty where no row has it.
fn named_columns<'b>(
    found: &'b records::Block<'_>,
    named: &Named<'_>,
    rows: Rows,
) -> Vec<Vec<Option<Value<'b>>>> {
    let mut columns: Vec<Vec<Option<Value<'b>>>> = match named {
        Named::None | Named::All => Vec::new(),
        Named::Exact(names) => {
            let column = |place| match found.has_attribute(place) {
                true => rows.iter().map(|row| found.attribute(place, row)).collect(),
                false => Vec::new(),
            };
            (0..names.len()).map(column).collect()
        }
        Named::Sought(names) => {
            let column = |name: &String| {
                rows.iter().map(|row| names::attribute(found.attributes(row), name)).collect()
            };
            names.iter().map(column).collect()
        }
    };
    for column in &mut columns {
        if column.iter().all(Option::is_none) {
            column.clear();
        }
    }
    columns
}

/// The budget of a query, as the store asks for it.
pub struct Bounded<'a> {
    control: &'a Control,
    held: RefCell<Held>,
    /// Why the query must stop, once that is known.
    stopped: RefCell<Option<EvalError>>,
}

impl<'a> Bounded<'a> {
    /// The budget of a query that may hold so many bytes.
    pub fn new(control: &'a Control, memory_max: u64) -> Bounded<'a> {
        let held = RefCell::new(Held::new(control, memory_max));
        Bounded { control, held, stopped: RefCell::default() }
    }

    /// What a failed scan means.
    pub fn error(&self, error: RecordsError) -> EvalError {
        match (self.stopped.take(), error) {
            (Some(stopped), RecordsError::Stopped(_)) => stopped,
            (_, other) => EvalError::Source(SourceError(other.to_string())),
        }
    }

    fn stop(&self, result: Result<(), EvalError>) -> Result<(), Stopped> {
        result.map_err(|e| {
            let told = Stopped(e.to_string());
            *self.stopped.borrow_mut() = Some(e);
            told
        })
    }
}

impl Budget for Bounded<'_> {
    fn check(&self) -> Result<(), Stopped> {
        self.stop(self.control.check())
    }

    fn take(&self, bytes: u64) -> Result<(), Stopped> {
        self.stop(self.held.borrow_mut().grow(bytes))
    }

    fn give(&self, bytes: u64) {
        let mut held = self.held.borrow_mut();
        let left = held.bytes().saturating_sub(bytes);
        held.shrink_to(left);
    }
}
