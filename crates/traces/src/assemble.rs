//! A tree of spans.

use crate::owned::OwnedSpan;
use hashbrown::HashMap;
use model::record::span::{Span, SpanKind};
use model::record::{SpanId, TraceId};
use xxhash_rust::xxh3::xxh3_64;

/// A trace: its spans in the order in which they are shown, parents before children, siblings by start.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Its id.
    pub trace_id: TraceId,
    /// Its spans.
    pub spans: Vec<OwnedSpan>,
    /// What is known of each of them beyond itself, at the same places.
    pub nodes: Vec<Node>,
    /// Whether there are more spans than are here.
    pub truncated: bool,
}

/// A span's place in its trace, and what is odd about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Node {
    /// An id that no other span of the trace has: its own, unless it shares that with its caller, as B3 has it.
    pub id: SpanId,
    /// The place of its parent; none of a root.
    pub parent: Option<usize>,
    /// Spans above it.
    pub depth: u32,
    /// Spans right below it.
    pub children: u32,
    /// It names a parent that is not here, or not yet.
    pub is_orphan: bool,
    /// It is above itself by what spans say of their parents; it was cut off there.
    pub is_cyclic: bool,
    /// How often it was received beyond once.
    pub repeated: u32,
    /// Its clock seems to run apart from its parent's: so many nanoseconds would have to be added to its times for it to
    /// lie within its parent. Nothing is moved.
    pub skew_ns: i64,
}

/// Splits spans of one trace id into the occasions on which it was used, oldest first. Two occasions lie `gap_ns` apart
/// at least, and no span of the later has its parent in the earlier.
pub fn occasions(mut spans: Vec<OwnedSpan>, gap_ns: i64) -> Vec<Vec<OwnedSpan>> {
    spans.sort_by_key(|s| s.start_ns);
    let mut all: Vec<Vec<OwnedSpan>> = Vec::new();
    let mut seen: hashbrown::HashSet<SpanId> = hashbrown::HashSet::new();
    let mut end_ns = i64::MIN;
    for span in spans {
        let (own_end, parent) = {
            let s = span.span();
            (s.end_ns(), s.parent_id)
        };
        match all.last_mut() {
            Some(last) if span.start_ns.saturating_sub(end_ns) < gap_ns || seen.contains(&parent) => {
                seen.insert(span.span_id);
                last.push(span);
            }
            _ => {
                seen.clear();
                seen.insert(span.span_id);
                all.push(vec![span]);
            }
        }
        end_ns = end_ns.max(own_end);
    }
    all
}

/// What assembling needs of a span, so that it is read once.
struct Known {
    id: SpanId,
    parent: SpanId,
    start_ns: i64,
    duration_ns: i64,
    kind: SpanKind,
    /// Hash of the labels of its resource.
    resource: u64,
    content_bytes: usize,
    repeated: u32,
}

impl Known {
    fn of(owned: &OwnedSpan) -> Known {
        let s: Span<'_> = owned.span();
        Known {
            id: owned.span_id,
            parent: s.parent_id,
            start_ns: owned.start_ns,
            duration_ns: s.duration_ns,
            kind: s.kind,
            resource: xxh3_64(owned.labels.key()),
            content_bytes: owned.memory_bytes(),
            repeated: 0,
        }
    }

    /// Whether it answers what a span of the same id asks.
    fn answers(&self) -> bool {
        matches!(self.kind, SpanKind::Server | SpanKind::Consumer)
    }
}

/// Spans of one id: who asks, and who answers under the same id.
#[derive(Default, Clone, Copy)]
struct Pair {
    own: Option<usize>,
    shared: Option<usize>,
}

impl Trace {
    /// The tree of some spans in any order. What was received more than once is there once.
    pub fn assemble(trace_id: TraceId, spans: Vec<OwnedSpan>) -> Trace {
        let (spans, known) = without_repetitions(spans);
        let mut nodes: Vec<Node> =
            known.iter().map(|k| Node { id: k.id, repeated: k.repeated, ..Node::default() }).collect();
        let pairs = pairs(&known, &mut nodes);
        let parents = parents(&known, &pairs, &mut nodes);
        let order = in_order(&known, parents, &mut nodes);
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, i)| place[*i] = at);
        let mut spans: Vec<Option<OwnedSpan>> = spans.into_iter().map(Some).collect();
        let spans = order.iter().filter_map(|i| spans[*i].take()).collect();
        let nodes = order
            .iter()
            .map(|i| Node {
                parent: nodes[*i].parent.map(|p| place[p]),
                skew_ns: nodes[*i].parent.map_or(0, |p| skew_ns(&known[*i], &known[p])),
                ..nodes[*i]
            })
            .collect();
        Trace { trace_id, spans, nodes, truncated: false }
    }

    /// The spans with their places.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Node, Span<'_>)> {
        self.nodes.iter().zip(self.spans.iter().map(OwnedSpan::span))
    }

    /// From the first start to the last end, Unix nanoseconds.
    pub fn range_ns(&self) -> (i64, i64) {
        let start = self.spans.iter().map(|s| s.start_ns).min().unwrap_or(0);
        let end = self.spans.iter().map(|s| s.span().end_ns()).max().unwrap_or(start);
        (start, end)
    }

    /// The span that begins it: the first root that is one, or else the first orphan.
    pub fn root(&self) -> Option<&OwnedSpan> {
        let root = self.nodes.iter().position(|n| n.parent.is_none() && !n.is_orphan);
        self.spans.get(root.unwrap_or(0))
    }
}

/// Each span once, with how often it was there: of copies the one that says most.
fn without_repetitions(spans: Vec<OwnedSpan>) -> (Vec<OwnedSpan>, Vec<Known>) {
    let mut by_id: HashMap<(SpanId, bool, u64), usize> = HashMap::with_capacity(spans.len());
    let mut kept: Vec<OwnedSpan> = Vec::with_capacity(spans.len());
    let mut known: Vec<Known> = Vec::with_capacity(spans.len());
    for span in spans {
        let k = Known::of(&span);
        match by_id.entry((k.id, k.answers(), k.resource)) {
            hashbrown::hash_map::Entry::Occupied(e) => {
                let (at, repeated) = (*e.get(), known[*e.get()].repeated + 1);
                if (k.duration_ns, k.content_bytes) > (known[at].duration_ns, known[at].content_bytes) {
                    kept[at] = span;
                    known[at] = k;
                }
                known[at].repeated = repeated;
            }
            hashbrown::hash_map::Entry::Vacant(e) => {
                e.insert(kept.len());
                kept.push(span);
                known.push(k);
            }
        }
    }
    (kept, known)
}

/// Spans by id. Of two with one id the one that asks keeps it, the other gets one of its own.
fn pairs(known: &[Known], nodes: &mut [Node]) -> HashMap<SpanId, Pair> {
    let mut by_id: HashMap<SpanId, Pair> = HashMap::with_capacity(known.len());
    for (i, k) in known.iter().enumerate() {
        let pair = by_id.entry(k.id).or_default();
        match (pair.own, k.answers()) {
            (None, _) => pair.own = Some(i),
            (Some(own), false) if known[own].answers() && pair.shared.is_none() => {
                *pair = Pair { own: Some(i), shared: Some(own) };
            }
            (Some(_), _) if pair.shared.is_none() => pair.shared = Some(i),
            // More than two of one id: all further ones hang where they say.
            (Some(_), _) => nodes[i].id = other_id(k.id, i),
        }
    }
    for (id, pair) in &by_id {
        if let Some(shared) = pair.shared {
            nodes[shared].id = other_id(*id, 0);
        }
    }
    by_id
}

/// An id for a span that shares its own. It is the same whenever the trace is assembled.
fn other_id(id: SpanId, n: usize) -> SpanId {
    let mut seed = id.0.to_vec();
    seed.extend_from_slice(&n.to_le_bytes());
    SpanId(xxh3_64(&seed).to_be_bytes())
}

fn parents(known: &[Known], pairs: &HashMap<SpanId, Pair>, nodes: &mut [Node]) -> Vec<Option<usize>> {
    let mut parents = Vec::with_capacity(known.len());
    for (i, k) in known.iter().enumerate() {
        let same_id = pairs[&k.id];
        let parent = if same_id.shared == Some(i) {
            // It answers the span whose id it has.
            same_id.own
        } else if k.parent.is_none() || k.parent == k.id {
            None
        } else {
            let found = pairs.get(&k.parent).and_then(|pair| match (pair.own, pair.shared) {
                // What the answering side does hangs below it.
                (Some(own), Some(shared)) if known[own].resource != k.resource => Some(shared),
                (own, _) => own,
            });
            nodes[i].is_orphan = found.is_none();
            found
        };
        parents.push(parent);
    }
    parents
}

/// The spans in order of the tree, with depths. Spans that are above themselves are cut off where they begin first.
fn in_order(known: &[Known], mut parents: Vec<Option<usize>>, nodes: &mut [Node]) -> Vec<usize> {
    let mut by_start: Vec<usize> = (0..known.len()).collect();
    by_start.sort_by_key(|i| (known[*i].start_ns, std::cmp::Reverse(known[*i].duration_ns), known[*i].id));
    cut_cycles(&by_start, &mut parents, nodes);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); known.len()];
    let mut roots = Vec::new();
    for i in &by_start {
        match parents[*i] {
            Some(p) => children[p].push(*i),
            None => roots.push(*i),
        }
    }
    // Whole roots come before what hangs in the air.
    roots.sort_by_key(|i| nodes[*i].is_orphan || nodes[*i].is_cyclic);
    let mut order = Vec::with_capacity(known.len());
    let mut open: Vec<(usize, u32)> = roots.into_iter().rev().map(|i| (i, 0)).collect();
    while let Some((i, depth)) = open.pop() {
        nodes[i].depth = depth;
        nodes[i].parent = parents[i];
        nodes[i].children = children[i].len() as u32;
        order.push(i);
        open.extend(children[i].iter().rev().map(|c| (*c, depth + 1)));
    }
    order
}

fn cut_cycles(by_start: &[usize], parents: &mut [Option<usize>], nodes: &mut [Node]) {
    // 0 not seen, 1 on the way up from where one began, 2 known to end at a root.
    let mut state = vec![0u8; parents.len()];
    for i in by_start {
        let mut way = Vec::new();
        let (mut at, mut ends) = (*i, false);
        while state[at] == 0 {
            state[at] = 1;
            way.push(at);
            match parents[at] {
                Some(p) => at = p,
                None => {
                    ends = true;
                    break;
                }
            }
        }
        if !ends && state[at] == 1 {
            parents[at] = None;
            nodes[at].is_cyclic = true;
        }
        way.into_iter().for_each(|w| state[w] = 2);
    }
}

/// Clocks of browsers and of Node tell when a span began by the millisecond.
const TICK_NS: i64 = 1_000_000;

/// How far a span's clock seems to be off its parent's, which another process has. The answer of a call lies within
/// the call; where it would, were it moved, half of what is left of the call is taken for the way there.
fn skew_ns(k: &Known, parent: &Known) -> i64 {
    if k.resource == parent.resource || k.kind == SpanKind::Consumer {
        return 0;
    }
    let parent_end = parent.start_ns.saturating_add(parent.duration_ns);
    let before = k.start_ns < parent.start_ns.saturating_sub(TICK_NS);
    let behind = k.answers() && k.start_ns > parent_end.saturating_add(TICK_NS);
    if !before && !behind {
        return 0;
    }
    let slack = parent.duration_ns.saturating_sub(k.duration_ns).max(0) / 2;
    parent.start_ns.saturating_add(slack).saturating_sub(k.start_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;
    use model::record::span::name;
    use model::record::{AttributesBuf, Record, Value};
    use proptest::prelude::*;

    fn id(n: u64) -> SpanId {
        SpanId(n.to_be_bytes())
    }

    fn span(service: &str, own: u64, parent: u64, start: i64, duration: i64, kind: SpanKind) -> OwnedSpan {
        let labels = Labels::from_pairs([(name::SERVICE, service)]).unwrap();
        let mut a = AttributesBuf::new();
        a.push(name::DURATION, Value::Int(duration));
        a.push(name::KIND, Value::Int(kind.number()));
        if parent > 0 {
            a.push(name::PARENT_ID, Value::Bytes(&parent.to_be_bytes()));
        }
        let mut record = Record { attributes: a.as_attributes(), ..Record::line(start, "op") };
        record.span_id = id(own);
        record.trace_id = TraceId([1; 16]);
        OwnedSpan::new(&labels, &record)
    }

    /// One span to a line: depth, id, what is odd.
    fn shown(spans: Vec<OwnedSpan>) -> Vec<String> {
        let trace = Trace::assemble(TraceId([1; 16]), spans);
        let line = |(n, s): (&Node, Span<'_>)| {
            let mut out = format!("{}{}", " ".repeat(n.depth as usize), s.service());
            out += &format!("{}", u64::from_be_bytes(s.span_id.0));
            for (is, word) in [
                (n.is_orphan, " orphan".to_owned()),
                (n.is_cyclic, " cyclic".to_owned()),
                (n.repeated > 0, format!(" again {}", n.repeated)),
                (n.skew_ns != 0, format!(" skew {}", n.skew_ns)),
                (n.id != s.span_id, " other id".to_owned()),
            ] {
                if is {
                    out += &word;
                }
            }
            out
        };
        trace.iter().map(line).collect()
    }

    use SpanKind::{Client, Internal, Server};

    #[test]
    fn trees() {
        let tree = || {
            vec![
                span("b", 3, 2, 20, 10, Server),
                span("a", 1, 0, 0, 100, Server),
                span("a", 2, 1, 10, 30, Client),
                span("a", 4, 1, 5, 2, Internal),
            ]
        };
        assert_eq!(shown(tree()), ["a1", " a4", " a2", "  b3"]);
        let mut twice = tree();
        twice.extend(tree());
        assert_eq!(shown(twice), ["a1 again 1", " a4 again 1", " a2 again 1", "  b3 again 1"]);
        let mut headless = tree();
        headless.remove(1);
        assert_eq!(shown(headless), ["a4 orphan", "a2 orphan", " b3"]);
        assert_eq!(shown(Vec::new()), Vec::<String>::new());
    }

    #[test]
    fn shared_ids_are_two_spans() {
        let spans = vec![
            span("b", 2, 1, 12, 6, Server),
            span("b", 5, 2, 13, 2, Internal),
            span("a", 1, 0, 0, 100, Server),
            span("a", 2, 1, 10, 10, Client),
            span("a", 6, 2, 11, 1, Internal),
        ];
        assert_eq!(shown(spans), ["a1", " a2", "  a6", "  b2 other id", "   b5"]);
    }

    #[test]
    fn clocks_that_disagree_are_marked() {
        let spans = vec![
            span("a", 1, 0, 100 * TICK_NS, 100 * TICK_NS, Client),
            span("b", 2, 1, 50 * TICK_NS, 60 * TICK_NS, Server),
            span("c", 3, 1, 300 * TICK_NS, 60 * TICK_NS, Server),
            span("a", 4, 1, 90 * TICK_NS, 5 * TICK_NS, Internal),
            span("d", 5, 1, 99 * TICK_NS, 5 * TICK_NS, Server),
            span("e", 6, 1, 201 * TICK_NS, 5 * TICK_NS, Server),
        ];
        assert_eq!(shown(spans), ["a1", " b2 skew 70000000", " a4", " d5", " e6", " c3 skew -180000000"]);
    }

    #[test]
    fn circles_are_cut() {
        let spans = vec![
            span("a", 1, 3, 2, 1, Internal),
            span("a", 2, 1, 1, 1, Internal),
            span("a", 3, 2, 3, 1, Internal),
            span("a", 4, 4, 0, 1, Internal),
        ];
        assert_eq!(shown(spans), ["a4", "a2 cyclic", " a3", "  a1"]);
    }

    #[test]
    fn an_id_used_again_is_another_occasion() {
        let hour = 3_600_000_000_000;
        let spans = vec![
            span("a", 1, 0, 30 * hour, 10, Server),
            span("a", 1, 0, 0, 10, Server),
            span("a", 2, 1, 5, 10, Internal),
            // Late, but of a parent that is there.
            span("a", 3, 2, 40 * hour, 10, Internal),
        ];
        let all = occasions(spans, hour);
        let counts: Vec<usize> = all.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1, 1]);
    }

    proptest! {
        /// Whatever spans say, each is there once, below its parent.
        #[test]
        fn every_span_has_a_place(spans in prop::collection::vec((1u64..12, 0u64..14, 0i64..50, 0i64..50, 0u8..6), 0..40)) {
            let all: Vec<OwnedSpan> = spans
                .iter()
                .map(|(own, parent, start, duration, kind)| {
                    let service = if own % 2 == 0 { "a" } else { "b" };
                    span(service, *own, *parent, *start, *duration, SpanKind::from_number(i64::from(*kind)))
                })
                .collect();
            let trace = Trace::assemble(TraceId([1; 16]), all.clone());
            let kept: u32 = trace.nodes.iter().map(|n| n.repeated + 1).sum();
            prop_assert_eq!(kept as usize, all.len());
            let ids: hashbrown::HashSet<SpanId> = trace.nodes.iter().map(|n| n.id).collect();
            prop_assert_eq!(ids.len(), trace.nodes.len());
            for (at, n) in trace.nodes.iter().enumerate() {
                match n.parent {
                    Some(p) => prop_assert!(p < at && trace.nodes[p].depth + 1 == n.depth),
                    None => prop_assert_eq!(n.depth, 0),
                }
            }
        }
    }
}
