//! Queries over blocks of lines.

mod cells;
mod fold;
mod groups;
mod log;
mod lower;
mod meter;
mod plan;
mod range;
mod row;

pub(crate) use log::evaluate as log;
pub(crate) use lower::metric;
pub(crate) use meter::{ScanTrace, Trace};

use crate::engine::EngineOptions;
use crate::source::Source;
use crate::value::Stats;
use promql::{Control, EvalError, Held};

/// The instants at which a metric query is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub start_ns: i64,
    pub step_ns: i64,
    pub count: usize,
    /// Whether it is one instant and no range.
    pub instant: bool,
}

impl Steps {
    pub fn time(&self, step: usize) -> i64 {
        self.start_ns.saturating_add(self.step_ns.saturating_mul(step as i64))
    }

    pub fn last(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }
}

/// What one query has at hand.
pub(crate) struct Context<'q> {
    pub source: &'q dyn Source,
    pub control: &'q Control,
    pub options: &'q EngineOptions,
    pub held: Held,
    pub stats: Stats,
    /// How it is evaluated, for those who want to know.
    pub trace: Option<Trace>,
}

impl<'q> Context<'q> {
    pub fn new(source: &'q dyn Source, control: &'q Control, options: &'q EngineOptions) -> Context<'q> {
        let held = Held::new(control, options.memory_max);
        Context { source, control, options, held, stats: Stats::default(), trace: None }
    }
}

/// Keeps the first error of a scan, which a visitor can only stop.
fn stopped<T>(result: Result<T, EvalError>, failure: &mut Option<EvalError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(e) => {
            failure.get_or_insert(e);
            None
        }
    }
}
