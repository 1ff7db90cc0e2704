//! Reading: which records, which of their columns, in which order.

mod any;
mod block;
mod head;
mod ordered;
mod pick;

pub use block::Block;

use crate::engine::{Engine, View};
use crate::error::RecordsError;
use crate::options::day_of;
use crate::partset::LivePart;
use crate::tombstones::Tombstone;
use model::record::{Tenant, TextFilter, TraceId};
use model::{Labels, Matcher};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What to read.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Whose records.
    pub tenant: &'a Tenant,
    /// Conditions on the labels of streams, all of which must hold.
    pub matchers: &'a [Matcher],
    /// A condition on streams that matchers cannot express.
    pub streams: Option<StreamTest<'a>>,
    /// Earliest time, Unix nanoseconds.
    pub start_ns: i64,
    /// The time before which records lie.
    pub end_ns: i64,
    /// In which order blocks come.
    pub direction: Direction,
    /// Conditions on the text of bodies, all of which must hold.
    pub filters: &'a [TextFilter],
    /// Only records of this trace.
    pub trace_id: Option<TraceId>,
    /// Only records of these traces, in ascending order.
    pub traces: Option<&'a [TraceId]>,
    /// Which columns blocks have besides times.
    pub wanted: Wanted<'a>,
    /// So many records at most: the first of the direction, any without one.
    pub limit: Option<usize>,
}

impl<'a> Scan<'a> {
    /// All records of a tenant, times only, in any order.
    pub fn all(tenant: &'a Tenant) -> Scan<'a> {
        Scan {
            tenant,
            matchers: &[],
            streams: None,
            start_ns: i64::MIN,
            end_ns: i64::MAX,
            direction: Direction::Any,
            filters: &[],
            trace_id: None,
            traces: None,
            wanted: Wanted::default(),
            limit: None,
        }
    }
}

/// A condition on the labels of a stream.
#[derive(Clone, Copy)]
pub struct StreamTest<'a>(pub &'a dyn Fn(&Labels) -> bool);

impl std::fmt::Debug for StreamTest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamTest")
    }
}

/// In which order blocks come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// As is cheapest. Within a block times come in ascending runs.
    #[default]
    Any,
    /// Oldest first: blocks of one window of time after the other, and within a window stream by stream. Within a block
    /// times ascend.
    Forward,
    /// Newest first, likewise. Within a block times descend.
    Backward,
}

/// Columns besides the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Texts of bodies.
    pub body: bool,
    /// Severities.
    pub severity: bool,
    /// Trace ids, span ids and observed times.
    pub ids: bool,
    /// Attributes.
    pub attributes: Attributes<'a>,
}

/// Which attributes.
#[derive(Debug, Clone, Copy, Default)]
pub enum Attributes<'a> {
    /// None.
    #[default]
    None,
    /// These, as [`Block::attribute`] by place in this list.
    Named(&'a [&'a str]),
    /// All of each record, as [`Block::attributes`].
    All,
}

impl Scan<'_> {
    /// The traces whose records alone are asked for, if not all are.
    pub(crate) fn only_traces(&self) -> Option<&[TraceId]> {
        self.traces.or_else(|| self.trace_id.as_ref().map(std::slice::from_ref))
    }

    /// Whether records of a trace are asked for.
    pub(crate) fn has_trace(&self, id: TraceId) -> bool {
        self.trace_id.is_none_or(|t| t == id) && self.traces.is_none_or(|all| all.binary_search(&id).is_ok())
    }

    /// Whether records of a stream are asked for.
    pub(crate) fn has_stream(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
            && self.streams.is_none_or(|test| (test.0)(labels))
    }
}

/// Why a scan has to end before its time; the text says which limit was met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Stopped(pub String);

/// What a scan may take. Asked between blocks and whenever a row group is read.
pub trait Budget {
    /// Whether to go on.
    fn check(&self) -> Result<(), Stopped>;
    /// Takes memory.
    fn take(&self, bytes: u64) -> Result<(), Stopped>;
    /// Gives memory back.
    fn give(&self, bytes: u64);
}

/// A budget without bounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn check(&self) -> Result<(), Stopped> {
        Ok(())
    }

    fn take(&self, _: u64) -> Result<(), Stopped> {
        Ok(())
    }

    fn give(&self, _: u64) {}
}

/// What a scan did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Records given.
    pub records: u64,
    /// Row groups that overlap streams and times.
    pub row_groups: u64,
    /// Row groups of which more was read than which shapes they hold.
    pub row_groups_read: u64,
    /// Records whose text had to be looked at one by one.
    pub records_tested: u64,
}

/// Where blocks go.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&Block<'_>) -> ControlFlow<()>;

/// A scan under way.
pub(crate) struct Scanner<'a> {
    pub engine: &'a Engine,
    pub scan: &'a Scan<'a>,
    pub budget: &'a dyn Budget,
    pub now_ms: i64,
    pub stats: Scanned,
}

/// Memory taken from a budget, given back when dropped.
pub(crate) struct Taken<'a> {
    budget: &'a dyn Budget,
    bytes: u64,
}

impl<'a> Taken<'a> {
    pub fn none(budget: &'a dyn Budget) -> Taken<'a> {
        Taken { budget, bytes: 0 }
    }

    /// Makes it so many bytes.
    pub fn set(&mut self, bytes: u64) -> Result<(), RecordsError> {
        if bytes > self.bytes {
            self.budget.take(bytes - self.bytes).map_err(RecordsError::Stopped)?;
        } else {
            self.budget.give(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

/// A stream of a part or head that a scan reads: its times begin here, and these deletions concern it.
pub(crate) struct Chosen<'a> {
    pub from_ns: i64,
    pub deleting: Vec<&'a Tombstone>,
}

impl Engine {
    /// Gives the records asked for to `sink`, block by block, until it breaks off.
    pub fn scan(
        &self,
        scan: &Scan<'_>,
        budget: &dyn Budget,
        sink: Sink<'_>,
    ) -> Result<Scanned, RecordsError> {
        let view = self.view();
        let mut scanner =
            Scanner { engine: self, scan, budget, now_ms: self.clock.now_ms(), stats: Scanned::default() };
        if scan.start_ns < scan.end_ns && scan.limit != Some(0) {
            let _ = match scan.direction {
                Direction::Any => scanner.any(&view, sink)?,
                Direction::Forward | Direction::Backward => scanner.ordered(&view, sink)?,
            };
        }
        Ok(scanner.stats)
    }
}

impl<'a> Scanner<'a> {
    /// Where a scan of a stream begins, if it is one of those asked for.
    pub fn begin(&self, labels: &Labels) -> Option<i64> {
        if !self.scan.has_stream(labels) {
            return None;
        }
        let oldest = self.engine.options.oldest_ns(self.scan.tenant, labels, self.now_ms);
        Some(self.scan.start_ns.max(oldest))
    }

    /// The streams of a part that are read, by number.
    pub fn choose<'t>(&self, view: &'t View, live: &LivePart) -> Vec<Option<Chosen<'t>>> {
        let d = &live.part.directory;
        let deleting: Vec<&'t Tombstone> = view.tombstones.of_part(&live.id, d).collect();
        let of = |labels: &Labels| deleting.iter().copied().filter(|t| t.concerns(labels)).collect();
        d.streams.iter().map(|s| self.choose_stream(s, of(&s.labels))).collect()
    }

    fn choose_stream<'t>(
        &self,
        s: &crate::part::StreamInfo,
        deleting: Vec<&'t Tombstone>,
    ) -> Option<Chosen<'t>> {
        let from_ns = self.begin(&s.labels)?;
        (s.rows > 0 && from_ns <= s.max_ns && s.min_ns < self.scan.end_ns)
            .then_some(Chosen { from_ns, deleting })
    }

    /// The parts that may hold records asked for.
    pub fn parts<'v>(&self, view: &'v View) -> impl Iterator<Item = &'v Arc<LivePart>> + use<'v, 'a> {
        let (start_ns, end_ns) = (self.scan.start_ns, self.scan.end_ns);
        let days = day_of(start_ns)..=day_of(end_ns.saturating_sub(1));
        let tenant = self.scan.tenant.clone();
        view.parts.iter().filter(move |p| {
            let d = &p.part.directory;
            p.id.tenant == tenant && days.contains(&p.id.day) && d.min_ns < end_ns && start_ns <= d.max_ns
        })
    }

    pub fn check(&self) -> Result<(), RecordsError> {
        self.budget.check().map_err(RecordsError::Stopped)
    }

    /// Passes what could be read on, and remembers damage: all else is served.
    pub fn readable<T>(&self, read: Result<T, RecordsError>) -> Result<Option<T>, RecordsError> {
        match read {
            Ok(found) => Ok(Some(found)),
            Err(RecordsError::Corrupt(d)) => {
                self.engine.report(d);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
}
