//! Queries that give lines.

use super::meter::{Meter, ScanTrace};
use super::plan::Plan;
use super::row::{CHUNK_ROWS, Rows};
use super::{Context, stopped};
use crate::ast::LogExpr;
use crate::pipeline::{ERROR, ERROR_DETAILS, Kind, Row, RowLabels, Wanted};
use crate::source::{Block, BodyColumn, Order};
use crate::value::{Direction, LogEntry, LogRange, LogStream};
use bumpalo::Bump;
use model::Labels;
use promql::EvalError;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// A line that may be part of the answer. The greatest is the one to drop first.
struct Candidate {
    /// Ascends in the direction of the query.
    rank: i64,
    /// Of several lines of one instant, the one that came first is kept.
    sequence: u64,
    stream: Labels,
    entry: LogEntry,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        (self.rank, self.sequence) == (other.rank, other.sequence)
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> std::cmp::Ordering {
        (self.rank, self.sequence).cmp(&(other.rank, other.sequence))
    }
}

impl Candidate {
    fn bytes(&self) -> u64 {
        // Label sets are shared.
        self.entry.line.len() as u64 + size_of::<Candidate>() as u64
    }
}

/// The lines of a range, the first ones in its direction.
pub(crate) fn evaluate(
    context: &mut Context<'_>,
    log: &LogExpr,
    range: &LogRange,
) -> Result<Vec<LogStream>, EvalError> {
    let limit = range.limit;
    if limit > context.options.entries_max {
        return Err(EvalError::Limit {
            what: "lines",
            observed: limit as u64,
            limit: context.options.entries_max as u64,
            setting: "query.log_lines_max",
        });
    }
    if limit == 0 || range.start_ns >= range.end_ns {
        return Ok(Vec::new());
    }
    let plan = Plan::new(log, Wanted::All, BodyColumn::Text, range.end_ns)?;
    let order = match range.direction {
        Direction::Forward => Order::Forward,
        Direction::Backward => Order::Backward,
    };
    let scan = plan.scan(range.start_ns, range.end_ns, order, Some(limit));
    let mut collector = Collector {
        plan: &plan,
        backward: range.direction == Direction::Backward,
        limit,
        kept: BinaryHeap::new(),
        bytes: 0,
        sequence: 0,
        interned: HashSet::new(),
        meter: context.trace.is_some().then(|| Meter::new(&plan.pipeline)),
    };
    let (begun, mut visiting) = (Instant::now(), Duration::ZERO);
    let mut failure = None;
    let (mut made, mut stream_arena) = (Bump::new(), Bump::new());
    let before = context.held.bytes();
    let (control, held) = (context.control, &mut context.held);
    let stats = context.source.scan(&scan, control, &mut |block| {
        let visited = Instant::now();
        let done = control.check().and_then(|()| {
            let more = collector.block(block, &mut made, &mut stream_arena);
            held.shrink_to(before);
            held.grow(collector.bytes).map(|()| more)
        });
        visiting += visited.elapsed();
        match stopped(done, &mut failure) {
            Some(true) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    })?;
    if let Some(e) = failure {
        return Err(e);
    }
    context.stats.add(&stats);
    context.stats.memory_peak = context.held.peak;
    context.stats.entries += collector.kept.len() as u64;
    let total = begun.elapsed();
    if let (Some(trace), Some(meter)) = (&mut context.trace, collector.meter.take()) {
        let reading = total.saturating_sub(visiting);
        trace.scans.push(ScanTrace {
            stats,
            meter,
            reading,
            total,
            series: 0,
            memory_bytes: context.held.peak,
        });
    }
    Ok(collector.streams())
}

struct Collector<'q> {
    plan: &'q Plan<'q>,
    backward: bool,
    limit: usize,
    kept: BinaryHeap<Candidate>,
    bytes: u64,
    sequence: u64,
    /// Label sets, each held once.
    interned: HashSet<Labels>,
    meter: Option<Meter>,
}

impl Collector<'_> {
    fn rank(&self, time_ns: i64) -> i64 {
        if self.backward { !time_ns } else { time_ns }
    }

    /// Whether lines of this rank or behind it can no more be part of the answer.
    fn is_beyond(&self, rank: i64) -> bool {
        self.kept.len() >= self.limit && self.kept.peek().is_some_and(|worst| rank >= worst.rank)
    }

    /// Whether later blocks may hold part of the answer.
    fn block(&mut self, block: &Block<'_>, made: &mut Bump, stream_arena: &mut Bump) -> bool {
        stream_arena.reset();
        let arena = &*stream_arena;
        let rows = Rows::new(self.plan, block, arena);
        let (leading, count) = (rows.leading_steps(arena), block.len());
        if let Some(meter) = &mut self.meter {
            meter.block(count, leading.done, leading.passes);
        }
        if leading.passes {
            for chunk in (0..count).step_by(CHUNK_ROWS) {
                let end = (chunk + CHUNK_ROWS).min(count);
                let beyond = self.rows(&rows, block, leading.done, chunk..end, made);
                made.reset();
                if beyond {
                    break;
                }
            }
        }
        !self.is_beyond(self.rank(block.settled_ns))
    }

    /// Takes rows counted from the end where the query begins. Whether the rest of the block is of no use.
    fn rows(
        &mut self,
        rows: &Rows<'_>,
        block: &Block<'_>,
        from: usize,
        chunk: std::ops::Range<usize>,
        arena: &Bump,
    ) -> bool {
        let mut row = Row { time_ns: 0, line: "", labels: RowLabels::default() };
        for i in chunk {
            let i = if self.backward { block.len() - 1 - i } else { i };
            row.time_ns = block.times_ns[i];
            let rank = self.rank(row.time_ns);
            if self.is_beyond(rank) {
                return true;
            }
            row.line = rows.line(i);
            rows.fill(i, &mut row.labels, arena);
            let pipeline = &self.plan.pipeline;
            let passes = match &mut self.meter {
                None => pipeline.run(from, &mut row, arena),
                Some(meter) => meter.run(pipeline, from, &mut row, arena),
            };
            if passes {
                self.keep(rank, &row);
            }
        }
        false
    }

    fn keep(&mut self, rank: i64, row: &Row<'_>) {
        let labels = &row.labels;
        let candidate = Candidate {
            rank,
            sequence: self.sequence,
            stream: self.labels(labels, Kind::Stream),
            entry: LogEntry {
                time_ns: row.time_ns,
                line: row.line.to_owned(),
                structured: self.labels(labels, Kind::Structured),
                parsed: self.labels(labels, Kind::Parsed),
            },
        };
        self.sequence += 1;
        self.bytes += candidate.bytes();
        self.kept.push(candidate);
        if self.kept.len() > self.limit
            && let Some(dropped) = self.kept.pop()
        {
            self.bytes -= dropped.bytes();
        }
    }

    /// The labels of one kind.
    fn labels(&mut self, labels: &RowLabels<'_>, kind: Kind) -> Labels {
        let pairs = labels.pairs.iter().filter(|p| p.kind == kind).map(|p| (p.name, p.value));
        let errors = [(ERROR, labels.error), (ERROR_DETAILS, labels.details)];
        let errors = errors.into_iter().filter(|_| kind == Kind::Parsed);
        let labels = Labels::from_pairs(pairs.chain(errors)).unwrap_or_default();
        match self.interned.get(&labels) {
            Some(known) => known.clone(),
            None => {
                self.bytes += 2 * labels.key().len() as u64;
                self.interned.insert(labels.clone());
                labels
            }
        }
    }

    /// What was kept, by stream, in the order of the query.
    fn streams(self) -> Vec<LogStream> {
        let mut streams: Vec<LogStream> = Vec::new();
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        for candidate in self.kept.into_sorted_vec() {
            let at = *by_labels.entry(candidate.stream.clone()).or_insert_with(|| {
                streams.push(LogStream { labels: candidate.stream.clone(), entries: Vec::new() });
                streams.len() - 1
            });
            streams[at].entries.push(candidate.entry);
        }
        streams.sort_by(|a, b| a.labels.cmp(&b.labels));
        streams
    }
}
