//! What becomes of rows on their way, for those who want to know how a query was evaluated.

use crate::ast::Span;
use crate::pipeline::{Pipeline, Row};
use crate::source::ScanStats;
use bumpalo::Bump;
use std::time::{Duration, Instant};

/// Counts rows at each step of a pipeline, and the time they take there.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Rows that came in.
    pub rows: u64,
    /// Each step of the pipeline.
    pub steps: Vec<StepMeter>,
}

/// What one step did.
#[derive(Debug, Default)]
pub(crate) struct StepMeter {
    /// Which stage of the query it is.
    pub stage: usize,
    /// Rows that it let through.
    pub passed: u64,
    /// How long it took.
    pub took: Duration,
}

impl Meter {
    pub fn new(pipeline: &Pipeline) -> Meter {
        let step = |stage: &usize| StepMeter { stage: *stage, ..StepMeter::default() };
        Meter { rows: 0, steps: pipeline.stages.iter().map(step).collect() }
    }

    /// Rows came in for which the first `done` steps are decided: all of them pass, or none passes the last of these.
    pub fn block(&mut self, rows: usize, done: usize, pass: bool) {
        self.rows += rows as u64;
        let through = if pass { done } else { done.saturating_sub(1) };
        for step in self.steps.iter_mut().take(through) {
            step.passed += rows as u64;
        }
    }

    /// [`Pipeline::run`], counted.
    pub fn run<'b>(&mut self, pipeline: &Pipeline, from: usize, row: &mut Row<'b>, arena: &'b Bump) -> bool {
        for (step, meter) in pipeline.steps.iter().zip(&mut self.steps).skip(from) {
            let begun = Instant::now();
            let passes = step.run(row, arena);
            meter.took += begun.elapsed();
            if !passes {
                return false;
            }
            meter.passed += 1;
        }
        true
    }
}

/// One look at the source, and what was made of its rows.
#[derive(Debug)]
pub(crate) struct ScanTrace {
    pub stats: ScanStats,
    pub meter: Meter,
    /// In the source.
    pub reading: Duration,
    /// All of it.
    pub total: Duration,
    /// Series that were made of the rows.
    pub series: u64,
    /// Most bytes held.
    pub memory_bytes: u64,
}

/// How a query was evaluated.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// In the order in which they were made.
    pub scans: Vec<ScanTrace>,
    /// Which functions over ranges are which scan.
    pub places: Vec<(Span, usize)>,
    /// What is above these functions, as PromQL's engine did it.
    pub above: Option<promql::PlanNode>,
}
