//! Queries over spans.

mod cells;
mod code;
mod collect;
mod compare;
mod measure;
mod metrics;
mod need;
mod operand;
mod pipeline;
mod search;
mod series;
mod structure;
mod trace;
mod values;

pub(crate) use metrics::{evaluate as metrics, names, values};
pub(crate) use operand::calculate;
pub(crate) use search::evaluate as search;

use crate::engine::EngineOptions;
use crate::source::Source;
use crate::value::Stats;
use promql::{Control, EvalError, Held};

/// What one query has at hand.
pub(crate) struct Context<'q> {
    pub source: &'q dyn Source,
    pub control: &'q Control,
    pub options: &'q EngineOptions,
    pub held: Held,
    pub stats: Stats,
}

impl<'q> Context<'q> {
    pub fn new(source: &'q dyn Source, control: &'q Control, options: &'q EngineOptions) -> Context<'q> {
        let held = Held::new(control, options.memory_max);
        Context { source, control, options, held, stats: Stats::default() }
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
