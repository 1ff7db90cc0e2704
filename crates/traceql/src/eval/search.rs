//! Queries that give traces.
//!
//! First the source is asked, from the latest on, for spans that a trace must have to be worth a look. Then the traces of
//! these spans are put together, some at a time, and the query is evaluated over each as a whole; until enough are found.

use super::code::{Code, ColumnSet, Here, Slot, SpanRef};
use super::collect::{self, Reading, Sought};
use super::need;
use super::pipeline::{Flow, Set};
use super::trace::Trace;
use super::{Context, stopped};
use crate::ast::{FieldExpr, Pipeline, Scalar, Spanset, Stage};
use crate::field::{Field, Intrinsic};
use crate::literal::Literal;
use crate::source::{Columns, Order, Rows, Scan};
use crate::value::{FoundSpan, FoundTrace, SearchRange, ServiceCount, SpanSet};
use hashbrown::{HashMap, HashSet};
use model::record::TraceId;
use model::record::span::SpanStatus;
use promql::EvalError;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Bytes that a trace takes of which only the id is known.
const SEEN_BYTES: u64 = 48;
/// Traces that are put together at once.
const TOGETHER: usize = 32;
/// Services of a trace that are counted each.
const SERVICES_MAX: usize = 100;

/// The latest traces that a pipeline finds something in.
pub(crate) fn evaluate(
    context: &mut Context<'_>,
    pipeline: &Pipeline,
    range: &SearchRange,
) -> Result<Vec<FoundTrace>, EvalError> {
    if range.limit > context.options.traces_max {
        return Err(EvalError::Limit {
            what: "traces",
            observed: range.limit as u64,
            limit: context.options.traces_max as u64,
            setting: "query.traces_max",
        });
    }
    if range.limit == 0 || range.start_ns >= range.end_ns {
        return Ok(Vec::new());
    }
    let needed = need::of_pipeline(pipeline);
    let mut columns = ColumnSet::default();
    let code = Code::new(&needed, &mut columns)?;
    let names: Vec<&str> = columns.names.iter().map(String::as_str).collect();
    let hints = need::hints(&needed);
    let scan = Scan {
        start_ns: range.start_ns,
        end_ns: range.end_ns,
        order: Order::Backward,
        hints: &hints,
        columns: Columns { name: columns.name, named: &names, all: false },
    };
    let mut search = Search::new(pipeline, range)?;
    let mut failure = None;
    let (source, control) = (context.source, context.control);
    let stats = source.scan(&scan, control, &mut |rows| {
        let done = control.check().and_then(|()| search.block(context, rows, &code));
        match stopped(done, &mut failure) {
            Some(true) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    })?;
    context.stats.add(&stats);
    if let Some(e) = failure {
        return Err(e);
    }
    search.look(context, i64::MIN)?;
    let mut found = search.found;
    found.sort_by_key(|t| (std::cmp::Reverse(t.start_ns), t.trace_id));
    Ok(found)
}

struct Search {
    flow: Flow,
    reading: Reading,
    shown: Vec<(Field, Slot)>,
    range: SearchRange,
    /// Traces that were looked at.
    done: HashSet<TraceId>,
    /// Traces that were met, each with the latest span that makes it worth a look.
    open: HashMap<TraceId, i64>,
    settled_ns: i64,
    found: Vec<FoundTrace>,
}

impl Search {
    fn new(pipeline: &Pipeline, range: &SearchRange) -> Result<Search, EvalError> {
        let mut columns = ColumnSet::default();
        let flow = Flow::new(pipeline, &mut columns)?;
        let mut fields = Vec::new();
        shown(pipeline, &mut fields);
        let shown =
            fields.into_iter().map(|f| (Slot::new(&f, &mut columns), f)).map(|(s, f)| (f, s)).collect();
        let reading = Reading::new(columns, false);
        Ok(Search {
            flow,
            reading,
            shown,
            range: *range,
            done: HashSet::new(),
            open: HashMap::new(),
            settled_ns: i64::MAX,
            found: Vec::new(),
        })
    }

    /// Takes in a block of spans. Whether more are of use.
    fn block(&mut self, context: &mut Context<'_>, rows: &dyn Rows, code: &Code) -> Result<bool, EvalError> {
        for row in 0..rows.len() {
            let trace_id = rows.trace_id(row);
            if trace_id.is_none() || self.done.contains(&trace_id) {
                continue;
            }
            if code.passes(Here { span: SpanRef::Row(rows, row), at: None }) {
                let start_ns = rows.start_ns(row);
                match self.open.get_mut(&trace_id) {
                    Some(latest) => *latest = start_ns.max(*latest),
                    None => {
                        context.held.grow(SEEN_BYTES)?;
                        self.open.insert(trace_id, start_ns);
                    }
                }
            }
        }
        // Blocks of one time come resource by resource: what is not behind them yet may be overtaken.
        if rows.settled_ns() >= self.settled_ns {
            return Ok(true);
        }
        self.settled_ns = rows.settled_ns();
        self.look(context, self.settled_ns)
    }

    /// Looks at the open traces that no later one can overtake. Whether more are of use.
    fn look(&mut self, context: &mut Context<'_>, settled_ns: i64) -> Result<bool, EvalError> {
        let wanted = self.range.limit - self.found.len();
        if wanted == 0 {
            return Ok(false);
        }
        // What starts at the very instant that is settled may yet come.
        let is_ripe = |_: &TraceId, latest: &mut i64| *latest > settled_ns || settled_ns == i64::MIN;
        let mut ripe: Vec<Sought> = self.open.extract_if(is_ripe).map(|(id, latest)| (latest, id)).collect();
        self.done.extend(ripe.iter().map(|(_, id)| *id));
        ripe.sort_unstable_by_key(|(at, id)| (std::cmp::Reverse(*at), *id));
        let Search { flow, reading, shown, range, found, .. } = self;
        collect::traces(context, reading, &ripe, TOGETHER.min(wanted), &mut |context, trace, at| {
            // Of an id that was used again only the trace that was met is meant.
            let sets = if trace.covers(at) { flow.run(trace) } else { Vec::new() };
            if !sets.is_empty() {
                let one = outcome(trace, sets, shown, range.spans_per_set);
                context.held.grow(bytes(&one))?;
                found.push(one);
            }
            Ok(found.len() < range.limit)
        })
    }
}

/// What a found trace holds on to.
fn bytes(found: &FoundTrace) -> u64 {
    let spans: usize =
        found.sets.iter().map(|s| s.spans.iter().map(|s| 128 + 96 * s.attributes.len()).sum::<usize>()).sum();
    (512 + spans) as u64
}

/// The fields that a result shows: those that the query looks at.
fn shown(pipeline: &Pipeline, out: &mut Vec<Field>) {
    for stage in &pipeline.stages {
        match stage {
            Stage::Spans(spans) => shown_spans(spans, out),
            Stage::Scalar(filter) => {
                [&filter.lhs, &filter.rhs].into_iter().for_each(|s| shown_scalar(s, out))
            }
            Stage::By(expr) => shown_expr(expr, out),
            Stage::Select(fields) => fields.iter().for_each(|f| show(f, out)),
            Stage::Coalesce => {}
        }
    }
}

fn shown_spans(spans: &Spanset, out: &mut Vec<Field>) {
    match spans {
        Spanset::Filter(expr) => shown_expr(expr, out),
        Spanset::Binary(b) => {
            shown_spans(&b.lhs, out);
            shown_spans(&b.rhs, out);
        }
        Spanset::Pipeline(pipeline) => shown(pipeline, out),
    }
}

fn shown_scalar(scalar: &Scalar, out: &mut Vec<Field>) {
    match scalar {
        Scalar::Literal(_) => {}
        Scalar::Aggregate(aggregate) => aggregate.of.iter().for_each(|e| shown_expr(e, out)),
        Scalar::Binary(b) => {
            shown_scalar(&b.lhs, out);
            shown_scalar(&b.rhs, out);
        }
        Scalar::Pipeline(pipeline, aggregate) => {
            shown(pipeline, out);
            aggregate.of.iter().for_each(|e| shown_expr(e, out));
        }
    }
}

fn shown_expr(expr: &FieldExpr, out: &mut Vec<Field>) {
    expr.fields(&mut |field| show(field, out));
}

fn show(field: &Field, out: &mut Vec<Field>) {
    use Intrinsic::{Duration, Name, Parent, RootName, RootService, SpanId, TraceDuration, TraceId};
    // A result has these anyway.
    let known = matches!(
        field,
        Field::Intrinsic(
            Name | Duration | SpanId | TraceId | TraceDuration | RootName | RootService | Parent
        )
    );
    if !known && !out.contains(field) {
        out.push(field.clone());
    }
}

fn outcome<'a>(
    trace: &'a Trace<'a>,
    sets: Vec<Set>,
    shown: &'a [(Field, Slot)],
    spans_max: usize,
) -> FoundTrace {
    let span = |at: u32| {
        let at = at as usize;
        let kept = trace.span(at);
        let attributes =
            shown.iter().filter_map(|(field, slot)| match slot.of(trace.here(at)).to_literal() {
                Literal::Nil => None,
                literal => Some((field.clone(), literal)),
            });
        FoundSpan {
            span_id: kept.span_id,
            name: kept.name.to_owned(),
            start_ns: kept.start_ns,
            duration_ns: trace.span_duration_ns(at),
            attributes: attributes.collect(),
        }
    };
    let sets = sets.into_iter().map(|set| SpanSet {
        matched: set.spans.len(),
        spans: set.spans.iter().take(spans_max).map(|at| span(*at)).collect(),
        attributes: set.attributes,
    });
    FoundTrace {
        trace_id: trace.trace_id(),
        root_service: trace.root_service().map(str::to_owned),
        root_name: trace.root_name().map(str::to_owned),
        start_ns: trace.start_ns(),
        duration_ns: trace.duration_ns(),
        sets: sets.collect(),
        services: services(trace),
    }
}

fn services(trace: &Trace<'_>) -> BTreeMap<String, ServiceCount> {
    let mut out: BTreeMap<String, ServiceCount> = BTreeMap::new();
    for at in 0..trace.len() {
        let service = trace.service(at).unwrap_or("");
        if !out.contains_key(service) {
            if out.len() >= SERVICES_MAX {
                continue;
            }
            out.insert(service.to_owned(), ServiceCount::default());
        }
        let count = out.get_mut(service).expect("it is there");
        count.spans += 1;
        count.errors += u32::from(trace.status(at) == SpanStatus::Error.number());
    }
    out
}
