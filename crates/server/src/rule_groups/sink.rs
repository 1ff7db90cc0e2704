//! What rules read and write: the store.

use super::records::Records;
use crate::source::StoreSource;
use model::{Appendable, Appender, Labels, METRIC_NAME, MatchOp};
use promql::{
    Control, Engine, EvalError, Expr, Point, Selection, SeriesSet, Source, SourceError, VectorSample,
};
use rules::{EngineQueries, Expression, Queries, Refused, Sink};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;
use tsdb::{Db, SeriesId};

/// Samples that are not written yet, and the metric names among them.
struct Pending<'a> {
    appender: Option<Box<dyn Appender + 'a>>,
    names: BTreeSet<String>,
    error: Option<Refused>,
}

/// The store during one evaluation of a group. Samples of several rules are written together; a rule whose expression
/// may read what a rule before it gave waits until that is written.
pub(super) struct GroupStore<'a> {
    db: &'a Db,
    engine: &'a Engine,
    control: RefCell<Control>,
    /// The only series that queries see, if so.
    among: RefCell<Option<Vec<SeriesId>>>,
    runtime: &'a Handle,
    pending: RefCell<Pending<'a>>,
    /// Where queries over logs, events and spans go.
    records: Option<Records<'a>>,
    /// Whether what the rule at work asked for had anything to look at.
    matched: AtomicBool,
}

/// The writing half.
pub(super) struct Writing<'s, 'a>(pub &'s GroupStore<'a>);

impl<'a> GroupStore<'a> {
    pub fn new(db: &'a Db, engine: &'a Engine, runtime: &'a Handle) -> GroupStore<'a> {
        let pending = Pending { appender: None, names: BTreeSet::new(), error: None };
        GroupStore {
            db,
            engine,
            control: RefCell::new(Control::new()),
            among: RefCell::default(),
            runtime,
            pending: RefCell::new(pending),
            records: None,
            matched: AtomicBool::new(false),
        }
    }

    /// The same with the way to logs, events and spans.
    pub fn with_records(mut self, records: Records<'a>) -> GroupStore<'a> {
        self.records = Some(records);
        self
    }

    /// Whether what was asked for since the last beginning had anything to look at.
    pub fn matched(&self) -> bool {
        self.matched.load(Ordering::Relaxed)
    }

    /// The reins of the next rule.
    pub fn begin(&self, control: Control) {
        self.begin_among(control, None);
    }

    /// The reins of the next rule, and the only series that it sees.
    pub fn begin_among(&self, control: Control, among: Option<Vec<SeriesId>>) {
        self.matched.store(false, Ordering::Relaxed);
        *self.control.borrow_mut() = control;
        *self.among.borrow_mut() = among;
    }

    /// Makes what was given durable and visible.
    pub fn flush(&self) -> Result<(), Refused> {
        let mut pending = self.pending.borrow_mut();
        pending.names.clear();
        if let Some(appender) = pending.appender.take() {
            let done = self.runtime.block_on(appender.commit());
            if let Err(e) = done {
                pending.error = Some(Refused(e.to_string()));
            }
        }
        pending.error.take().map_or(Ok(()), Err)
    }

    fn reads_pending(&self, expr: &Expr) -> bool {
        let pending = self.pending.borrow();
        if pending.names.is_empty() {
            return false;
        }
        let mut reads = false;
        expr.walk(&mut |e| {
            let selector = match e {
                Expr::Vector(v) => v,
                Expr::Matrix(m) => &m.selector,
                // It looks for series that its arguments do not name.
                Expr::Call(_) if e.to_string().starts_with("info(") => {
                    reads = true;
                    return;
                }
                _ => return,
            };
            let named =
                selector.matchers.iter().find(|m| m.name() == METRIC_NAME && m.op() == MatchOp::Equal);
            reads |= named.is_none_or(|m| pending.names.contains(m.value()));
        });
        reads
    }
}

/// A source that notes whether anything was found.
struct Noting<'n> {
    source: StoreSource<'n>,
    matched: &'n AtomicBool,
}

impl Source for Noting<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let found = self.source.select(selection)?;
        self.matched.fetch_or(!found.is_empty(), Ordering::Relaxed);
        Ok(found)
    }

    fn count_present(&self, selection: &Selection<'_>) -> Result<Option<u64>, SourceError> {
        let count = self.source.count_present(selection)?;
        self.matched.fetch_or(count.is_some_and(|n| n > 0), Ordering::Relaxed);
        Ok(count)
    }
}

impl Queries for GroupStore<'_> {
    fn query(&self, expr: &Expression, time_ms: i64) -> Result<Vec<VectorSample>, EvalError> {
        let Expression::PromQl(over_series) = expr else {
            let Some(records) = &self.records else {
                return Err(EvalError::query("there are neither logs nor spans here"));
            };
            let found = records.ask(expr, time_ms)?;
            self.matched.fetch_or(found.matched, Ordering::Relaxed);
            return Ok(found.vector);
        };
        if self.reads_pending(over_series)
            && let Err(e) = self.flush()
        {
            // What was refused belongs to rules before this one; they are told at the end.
            self.pending.borrow_mut().error = Some(e);
        }
        let among = self.among.borrow();
        let source = match &*among {
            None => StoreSource::new(self.db),
            Some(ids) => StoreSource::among(self.db, ids),
        };
        let source = Noting { source, matched: &self.matched };
        let control = self.control.borrow().clone();
        EngineQueries { engine: self.engine, source: &source, control: &control }.query(expr, time_ms)
    }
}

impl Sink for Writing<'_, '_> {
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused> {
        let mut pending = self.0.pending.borrow_mut();
        let pending = &mut *pending;
        let appender = pending.appender.get_or_insert_with(|| self.0.db.appender());
        let refused = |e: model::AppendError| Refused(e.to_string());
        let series = appender.series(labels).map_err(refused)?;
        match value {
            Point::Float(v) => appender.sample(series, time_ms, *v, 0),
            Point::Histogram(h) => appender.histogram(series, time_ms, h.to_model(), 0),
        }
        .map_err(refused)?;
        if !pending.names.contains(labels.metric_name()) {
            pending.names.insert(labels.metric_name().to_owned());
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}
