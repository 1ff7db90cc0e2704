//! From blocks of a source to whole traces.

use super::code::ColumnSet;
use super::trace::{Frame, Kept, Trace, keep, occasions};
use super::{Context, stopped};
use crate::source::{Columns, Rows, Traces};
use bumpalo::Bump;
use hashbrown::HashMap;
use model::record::TraceId;
use model::record::span::name as names;
use promql::EvalError;
use std::ops::ControlFlow;

/// A trace that is worth a look, and when a span started for which it is.
pub(super) type Sought = (i64, TraceId);

/// What is read of traces.
#[derive(Debug)]
pub(super) struct Reading {
    pub columns: ColumnSet,
    pub frame: Frame,
    /// Whether all attributes are.
    pub all: bool,
}

impl Reading {
    /// Adds what a trace cannot be put together without.
    pub fn new(mut columns: ColumnSet, all: bool) -> Reading {
        columns.name = true;
        let frame = Frame {
            parent: columns.place(names::PARENT_ID),
            duration: columns.place(names::DURATION),
            kind: columns.place(names::KIND),
            status: columns.place(names::STATUS),
        };
        Reading { columns, frame, all }
    }
}

/// Reads whole traces and hands each to `visit`, in their order and with the start by which it was found, until it gives
/// `false`. An id that was used again stands for several traces. So many are put together at once,
/// or fewer where memory does not suffice.
pub(super) fn traces(
    context: &mut Context<'_>,
    reading: &Reading,
    sought: &[Sought],
    together: usize,
    visit: &mut dyn FnMut(&mut Context<'_>, &Trace<'_>, i64) -> Result<bool, EvalError>,
) -> Result<bool, EvalError> {
    let mut open: Vec<&[Sought]> = sought.chunks(together.max(1)).rev().collect();
    while let Some(sought) = open.pop() {
        let before = context.held.bytes();
        let arena = Bump::new();
        let found = match gather(context, reading, sought, &arena) {
            Err(EvalError::Limit { .. }) if sought.len() > 1 => {
                context.held.shrink_to(before);
                let (first, second) = sought.split_at(sought.len() / 2);
                open.extend([second, first]);
                continue;
            }
            found => found?,
        };
        for (at, trace) in &found {
            context.control.check()?;
            context.stats.traces += 1;
            if !visit(context, trace, *at)? {
                context.held.shrink_to(before);
                return Ok(false);
            }
        }
        // What was kept of the results lies above.
        drop(found);
        let kept = context.held.bytes().saturating_sub(arena_share(&arena));
        context.held.shrink_to(kept.max(before));
    }
    Ok(true)
}

/// What traces in an arena count for, their tables included.
fn arena_share(arena: &Bump) -> u64 {
    arena.allocated_bytes() as u64 * 2
}

fn gather<'b>(
    context: &mut Context<'_>,
    reading: &Reading,
    sought: &[Sought],
    arena: &'b Bump,
) -> Result<Vec<(i64, Trace<'b>)>, EvalError> {
    let names: Vec<&str> = reading.columns.names.iter().map(String::as_str).collect();
    let columns = Columns { name: true, named: &names, all: reading.all };
    let places: HashMap<TraceId, usize> = sought.iter().enumerate().map(|(i, (_, id))| (*id, i)).collect();
    let mut spans: Vec<Vec<Kept<'b>>> = sought.iter().map(|_| Vec::new()).collect();
    let mut ids: Vec<TraceId> = sought.iter().map(|(_, id)| *id).collect();
    ids.sort_unstable();
    let starts = || sought.iter().map(|(at, _)| *at);
    let near_ns = (starts().min().unwrap_or(0), starts().max().unwrap_or(0));
    let wanted = Traces { ids: &ids, near_ns, columns };
    let mut failure = None;
    let (source, control, held) = (context.source, context.control, &mut context.held);
    let before = held.bytes();
    let stats = source.traces(&wanted, control, &mut |rows| {
        for row in 0..rows.len() {
            if let Some(place) = places.get(&rows.trace_id(row)) {
                spans[*place].push(copied(rows, row, &columns, arena));
            }
        }
        let share = arena_share(arena);
        held.shrink_to(before);
        match stopped(held.grow(share), &mut failure) {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    })?;
    context.stats.add(&stats);
    match failure {
        Some(e) => Err(e),
        None => {
            let mut found = Vec::with_capacity(spans.len());
            for ((at, _), spans) in sought.iter().zip(spans) {
                let occasions = occasions(spans, reading.frame);
                found.extend(occasions.into_iter().map(|o| (*at, Trace::new(o, reading.frame))));
            }
            Ok(found)
        }
    }
}

fn copied<'b>(rows: &dyn Rows, row: usize, columns: &Columns<'_>, arena: &'b Bump) -> Kept<'b> {
    let cell = |place: usize| rows.attribute(place, row).map(|v| keep(v, arena));
    let all = match columns.all {
        true => model::record::Attributes::trusted(arena.alloc_slice_copy(rows.attributes(row).encoded())),
        false => model::record::Attributes::NONE,
    };
    Kept {
        resource: rows.resource().clone(),
        trace_id: rows.trace_id(row),
        span_id: rows.span_id(row),
        start_ns: rows.start_ns(row),
        name: arena.alloc_str(rows.name(row)),
        cells: arena.alloc_slice_fill_with(columns.named.len(), cell),
        all,
    }
}
