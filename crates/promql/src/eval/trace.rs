//! What an evaluation does, recorded node by node when it was asked for.
//!
//! Nodes are known by where they stand in the query, reads by the selector whose matchers they used. So the record
//! does not depend on the path the evaluation takes: a node that is computed together with the one above it has no
//! entry of its own, and what it read is still known.

use super::{Evaluator, Grid};
use crate::ast::{Expr, Span};
use crate::source::{Selection, SeriesSet, Source, SourceError};
use model::{Labels, Matcher, Samples};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The record of one evaluation.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The nodes under way, innermost last.
    open: Vec<Span>,
    nodes: HashMap<Span, Evaluated>,
    reads: Vec<Read>,
}

/// What is known of a node that was evaluated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evaluated {
    /// How often it was evaluated.
    pub times: u64,
    /// Series it gave.
    pub series: u64,
    /// Steps it was evaluated at.
    pub steps: u64,
    pub took: Duration,
    /// Most bytes held at once for it and what is below it.
    pub memory: u64,
}

/// One selection from the source.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// Tells the selectors of a query apart: where the matchers lie that were asked with.
    pub matchers_at: usize,
    /// The selector as text.
    pub selector: String,
    /// The node during whose evaluation it was made.
    pub under: Option<Span>,
    pub series: u64,
    /// Whether the source counted the series without giving them.
    pub counted: bool,
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    samples: AtomicU64,
    /// Compressed bytes, plus one so that 0 says the source does not know.
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Read {
    pub fn samples(&self) -> u64 {
        self.figures.samples.load(Ordering::Relaxed)
    }

    pub fn bytes(&self) -> Option<u64> {
        self.figures.bytes.load(Ordering::Relaxed).checked_sub(1)
    }

    pub fn took(&self) -> Duration {
        Duration::from_nanos(self.figures.nanoseconds.load(Ordering::Relaxed))
    }
}

impl Trace {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        // What a panicking thread left behind is figures, which are still figures.
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn node(&self, span: Span) -> Option<Evaluated> {
        self.with(|s| s.nodes.get(&span).copied())
    }

    /// The reads that were made with the matchers of a selector.
    pub fn reads_of(&self, matchers: &[Matcher]) -> Vec<Read> {
        let at = matchers.as_ptr() as usize;
        self.with(|s| s.reads.iter().filter(|r| r.matchers_at == at).cloned().collect())
    }

    /// The reads made during the evaluation of a node.
    pub fn reads_under(&self, span: Span) -> Vec<Read> {
        self.with(|s| s.reads.iter().filter(|r| r.under == Some(span)).cloned().collect())
    }
}

/// A node under way.
pub(super) struct Opened {
    span: Span,
    begun: Instant,
    held: u64,
    outer_peak: u64,
}

impl Evaluator<'_> {
    /// Notes that a node begins. `None`, and nothing done, unless the evaluation is recorded.
    pub(super) fn opened(&mut self, expr: &Expr) -> Option<Opened> {
        let trace = self.trace?;
        let span = expr.span();
        trace.with(|s| s.open.push(span));
        let held = self.held.bytes();
        let outer_peak = std::mem::replace(&mut self.held.peak, held);
        Some(Opened { span, begun: Instant::now(), held, outer_peak })
    }

    /// Notes that a node is done.
    pub(super) fn closed(&mut self, opened: Option<Opened>, series: usize, grid: &Grid) {
        let (Some(trace), Some(opened)) = (self.trace, opened) else { return };
        let took = opened.begun.elapsed();
        let memory = self.held.peak.saturating_sub(opened.held);
        self.held.peak = self.held.peak.max(opened.outer_peak);
        trace.with(|s| {
            s.open.pop();
            let node = s.nodes.entry(opened.span).or_default();
            node.times += 1;
            node.series = series as u64;
            node.steps = grid.count as u64;
            node.took += took;
            node.memory = node.memory.max(memory);
        });
    }
}

/// A source that notes what is read from the one behind it.
pub(crate) struct TracedSource<'a> {
    pub source: &'a dyn Source,
    pub trace: &'a Trace,
}

struct TracedSet<'a> {
    set: Box<dyn SeriesSet + 'a>,
    figures: Arc<Figures>,
}

impl Figures {
    fn add_time(&self, since: Instant) {
        let spent = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(spent, Ordering::Relaxed);
    }
}

impl TracedSource<'_> {
    fn note(&self, selection: &Selection<'_>, series: u64, counted: bool, begun: Instant) -> Arc<Figures> {
        let figures = Arc::new(Figures::default());
        figures.add_time(begun);
        let texts: Vec<String> = selection.matchers.iter().map(Matcher::to_string).collect();
        self.trace.with(|s| {
            s.reads.push(Read {
                matchers_at: selection.matchers.as_ptr() as usize,
                selector: format!("{{{}}}", texts.join(",")),
                under: s.open.last().copied(),
                series,
                counted,
                figures: figures.clone(),
            });
        });
        figures
    }
}

impl Source for TracedSource<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let begun = Instant::now();
        let set = self.source.select(selection)?;
        let figures = self.note(selection, set.len() as u64, false, begun);
        Ok(Box::new(TracedSet { set, figures }))
    }

    fn count_present(&self, selection: &Selection<'_>) -> Result<Option<u64>, SourceError> {
        let begun = Instant::now();
        let count = self.source.count_present(selection)?;
        if let Some(series) = count {
            self.note(selection, series, true, begun);
        }
        Ok(count)
    }
}

impl SeriesSet for TracedSet<'_> {
    fn len(&self) -> usize {
        self.set.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        self.set.labels(i)
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        let begun = Instant::now();
        self.set.read(i, out)?;
        self.figures.add_time(begun);
        self.figures.samples.fetch_add(out.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn bytes_read(&self) -> Option<u64> {
        self.set.bytes_read()
    }
}

impl Drop for TracedSet<'_> {
    fn drop(&mut self) {
        if let Some(bytes) = self.set.bytes_read() {
            self.figures.bytes.store(bytes.saturating_add(1), Ordering::Relaxed);
        }
    }
}
