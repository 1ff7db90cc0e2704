//! Traces put together.
//!
//! The spans of a trace stand in the order of a walk over it: each before its children, children by start. So the
//! descendants of a span are those between it and its `end`, and every question of structure is one of places.

use super::code::{Here, SpanRef};
use bumpalo::Bump;
use hashbrown::{HashMap, HashSet};
use model::Labels;
use model::record::span::{SpanKind, name as names};
use model::record::{Attributes, SpanId, TraceId, Value};

/// A span of a trace, kept in an arena.
#[derive(Debug, Clone)]
pub(super) struct Kept<'a> {
    pub resource: Labels,
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub start_ns: i64,
    pub name: &'a str,
    /// Attributes by the place of their column.
    pub cells: &'a [Option<Value<'a>>],
    pub all: Attributes<'a>,
}

impl Kept<'_> {
    fn parent_id(&self, frame: Frame) -> Option<SpanId> {
        match self.cells[frame.parent] {
            Some(Value::Bytes(id)) => id.try_into().ok().map(SpanId),
            _ => None,
        }
    }
}

/// Copies a value into an arena.
pub(super) fn keep<'b>(value: Value<'_>, arena: &'b Bump) -> Value<'b> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(b) => Value::Bool(b),
        Value::Int(i) => Value::Int(i),
        Value::Float(f) => Value::Float(f),
        Value::String(s) => Value::String(arena.alloc_str(s)),
        Value::Bytes(b) => Value::Bytes(arena.alloc_slice_copy(b)),
        Value::List(_) | Value::Map(_) => {
            let mut encoded = Vec::new();
            value.encode(&mut encoded);
            Value::from_encoded(arena.alloc_slice_copy(&encoded)).unwrap_or(Value::Null)
        }
    }
}

/// The columns that a trace cannot be put together without, by place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub parent: usize,
    pub duration: usize,
    pub kind: usize,
    pub status: usize,
}

/// Uses of one id that lie further apart are different traces, unless a span of the later has its parent in the earlier.
const APART_NS: i64 = 3_600_000_000_000;

/// The spans of one id, by the occasions on which it was used.
pub(super) fn occasions<'a>(mut spans: Vec<Kept<'a>>, frame: Frame) -> Vec<Vec<Kept<'a>>> {
    spans.sort_by_key(|s| s.start_ns);
    let mut all: Vec<Vec<Kept<'a>>> = Vec::new();
    let mut seen: HashSet<SpanId> = HashSet::new();
    let mut end_ns = i64::MIN;
    for span in spans {
        let own_end = span.start_ns.saturating_add(number(span.cells[frame.duration]).max(0));
        let is_near = span.start_ns.saturating_sub(end_ns) < APART_NS;
        match all.last_mut() {
            // Who has a parent among them is looked up only where it matters.
            Some(last) if is_near || span.parent_id(frame).is_some_and(|p| has(&mut seen, last, p)) => {
                last.push(span)
            }
            _ => {
                seen.clear();
                all.push(vec![span]);
            }
        }
        end_ns = end_ns.max(own_end);
    }
    all
}

/// Whether an id is among those of some spans; `seen` is all of them but the last few.
fn has(seen: &mut HashSet<SpanId>, spans: &[Kept<'_>], id: SpanId) -> bool {
    seen.extend(spans[seen.len().min(spans.len())..].iter().map(|s| s.span_id));
    seen.contains(&id)
}

/// The parent of none.
const NONE: u32 = u32::MAX;

/// A trace.
pub(super) struct Trace<'a> {
    spans: Vec<Kept<'a>>,
    parents: Vec<u32>,
    /// One past the last descendant of each span.
    ends: Vec<u32>,
    children: Vec<u32>,
    depths: Vec<u32>,
    /// The earliest span that has no parent.
    root: Option<usize>,
    start_ns: i64,
    end_ns: i64,
    frame: Frame,
}

impl<'a> Trace<'a> {
    /// Puts spans together; there is at least one.
    pub fn new(mut spans: Vec<Kept<'a>>, frame: Frame) -> Trace<'a> {
        let kind = |s: &Kept<'_>| number(s.cells[frame.kind]);
        spans.sort_by(|a, b| {
            (a.start_ns, a.span_id).cmp(&(b.start_ns, b.span_id)).then_with(|| a.name.cmp(b.name))
        });
        // A span may be delivered more than once.
        spans.dedup_by(|a, b| {
            (a.span_id, a.start_ns, a.name) == (b.span_id, b.start_ns, b.name)
                && kind(a) == kind(b)
                && a.resource == b.resource
        });
        let parents = parents(&spans, frame, kind);
        let (order, at) = walk(&parents);
        let moved = |old: u32| if old == NONE { NONE } else { at[old as usize] };
        let count = spans.len();
        let mut placed: Vec<Option<Kept<'a>>> = spans.into_iter().map(Some).collect();
        let spans: Vec<Kept<'a>> = order.iter().filter_map(|old| placed[*old as usize].take()).collect();
        let parents: Vec<u32> = order.iter().map(|old| moved(parents[*old as usize])).collect();
        let mut ends: Vec<u32> = (1..=count as u32).collect();
        let mut children = vec![0; count];
        let mut depths = vec![0; count];
        for i in (0..count).rev() {
            if let Some(parent) = place(parents[i]) {
                ends[parent] = ends[parent].max(ends[i]);
                children[parent] += 1;
            }
        }
        for i in 0..count {
            if let Some(parent) = place(parents[i]) {
                depths[i] = depths[parent] + 1;
            }
        }
        let end = |s: &Kept<'_>| s.start_ns.saturating_add(number(s.cells[frame.duration]).max(0));
        let start_ns = spans.iter().map(|s| s.start_ns).min().unwrap_or(0);
        let end_ns = spans.iter().map(end).max().unwrap_or(start_ns);
        let rootless = |i: &usize| spans[*i].cells[frame.parent].is_none();
        let root = (0..count).filter(rootless).min_by_key(|i| spans[*i].start_ns);
        Trace { spans, parents, ends, children, depths, root, start_ns, end_ns, frame }
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn span(&self, at: usize) -> &Kept<'a> {
        &self.spans[at]
    }

    pub fn here(&'a self, at: usize) -> Here<'a> {
        Here { span: SpanRef::Kept(&self.spans[at]), at: Some((self, at)) }
    }

    pub fn parent(&self, at: usize) -> Option<usize> {
        place(self.parents[at])
    }

    /// One past its last descendant.
    pub fn end(&self, at: usize) -> usize {
        self.ends[at] as usize
    }

    pub fn children(&self, at: usize) -> i64 {
        i64::from(self.children[at])
    }

    /// A walk comes by when it enters a span and when it leaves it; before entering one, it has entered all that stand
    /// before it and left those of them that are no ancestors.
    pub fn left(&self, at: usize) -> i64 {
        2 * at as i64 - i64::from(self.depths[at]) + 1
    }

    pub fn right(&self, at: usize) -> i64 {
        self.left(at) + 2 * (self.end(at) - at) as i64 - 1
    }

    pub fn nested_parent(&self, at: usize) -> i64 {
        match self.parent(at) {
            Some(parent) => self.left(parent),
            None if self.spans[at].cells[self.frame.parent].is_none() => -1,
            None => 0,
        }
    }

    pub fn start_ns(&self) -> i64 {
        self.start_ns
    }

    pub fn duration_ns(&self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Whether something of it was under way at an instant.
    pub fn covers(&self, time_ns: i64) -> bool {
        (self.start_ns..=self.end_ns).contains(&time_ns)
    }

    pub fn span_duration_ns(&self, at: usize) -> i64 {
        number(self.spans[at].cells[self.frame.duration])
    }

    pub fn status(&self, at: usize) -> i64 {
        number(self.spans[at].cells[self.frame.status])
    }

    pub fn root_name(&self) -> Option<&str> {
        self.root.map(|r| self.spans[r].name)
    }

    pub fn root_service(&self) -> Option<&str> {
        self.root.and_then(|r| self.service(r))
    }

    pub fn service(&self, at: usize) -> Option<&str> {
        self.spans[at].resource.get(names::SERVICE)
    }

    pub fn trace_id(&self) -> TraceId {
        self.spans[0].trace_id
    }
}

fn place(parent: u32) -> Option<usize> {
    (parent != NONE).then_some(parent as usize)
}

fn number(value: Option<Value<'_>>) -> i64 {
    match value {
        Some(Value::Int(i)) => i,
        _ => 0,
    }
}

/// The parent of each span by place.
///
/// Two spans may share an id, as Zipkin's server and client do: the server is taken for the child of the client, and what
/// names the id as its parent for a child of the server.
fn parents(spans: &[Kept<'_>], frame: Frame, kind: impl Fn(&Kept<'_>) -> i64) -> Vec<u32> {
    let server = SpanKind::Server.number();
    let mut by_id: HashMap<SpanId, (u32, u32)> = HashMap::with_capacity(spans.len());
    for (i, span) in spans.iter().enumerate() {
        let i = i as u32;
        let (first, last) = by_id.entry(span.span_id).or_insert((i, i));
        if kind(span) == server {
            *last = i;
        } else if kind(&spans[*first as usize]) == server {
            *first = i;
        }
    }
    let parent_of = |(i, span): (usize, &Kept<'_>)| {
        let (first, last) = by_id[&span.span_id];
        if first != last && last as usize == i {
            return first;
        }
        let parent = span.parent_id(frame).and_then(|id| by_id.get(&id)).map(|(_, last)| *last);
        parent.filter(|p| *p as usize != i).unwrap_or(NONE)
    };
    let mut parents: Vec<u32> = spans.iter().enumerate().map(parent_of).collect();
    cut_circles(&mut parents);
    parents
}

/// Cuts circles of parents where their earliest span is: it becomes one without a known parent.
fn cut_circles(parents: &mut [u32]) {
    // 0: not seen; else the number of the climb that came by.
    let mut seen = vec![0u32; parents.len()];
    for i in 0..parents.len() {
        let climb = i as u32 + 1;
        let mut at = i as u32;
        while at != NONE && seen[at as usize] == 0 {
            seen[at as usize] = climb;
            at = parents[at as usize];
        }
        if at == NONE || seen[at as usize] != climb {
            continue;
        }
        let mut earliest = at;
        let mut around = parents[at as usize];
        while around != at {
            earliest = earliest.min(around);
            around = parents[around as usize];
        }
        parents[earliest as usize] = NONE;
    }
}

/// The order of a walk, and the place of each in it.
fn walk(parents: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let count = parents.len();
    // Children of each span as a list linked by `next`, the earliest first.
    let (mut first, mut next) = (vec![NONE; count], vec![NONE; count]);
    let mut roots = Vec::new();
    for i in (0..count as u32).rev() {
        match place(parents[i as usize]) {
            Some(parent) => {
                next[i as usize] = first[parent];
                first[parent] = i;
            }
            None => roots.push(i),
        }
    }
    let mut order = Vec::with_capacity(count);
    let mut at = vec![0; count];
    // The last pushed comes first: roots were gathered from the latest on.
    let mut open = roots;
    while let Some(i) = open.pop() {
        at[i as usize] = order.len() as u32;
        order.push(i);
        // A sibling comes after all that is below.
        if parents[i as usize] != NONE && next[i as usize] != NONE {
            open.push(next[i as usize]);
        }
        if first[i as usize] != NONE {
            open.push(first[i as usize]);
        }
    }
    (order, at)
}
