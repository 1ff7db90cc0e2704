//! Evaluation against what is obviously right.

use model::Labels;
use model::record::span::name;
use model::record::{AttributesBuf, Record, RecordBatch, Severity, SpanId, Tenant, TraceId, Value};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use traceql::{Control, Engine, MemorySource, MetricsRange, SearchRange, parse};

const SECOND: i64 = 1_000_000_000;

/// A span of the model: its trace, its parent among those before it in the trace, which service, kind and number.
#[derive(Debug, Clone)]
struct Drawn {
    trace: u8,
    parent: usize,
    second: i64,
    service: usize,
    kind: i64,
    number: i64,
}

#[derive(Debug, Clone)]
struct ModelSpan {
    id: u64,
    parent: Option<u64>,
    drawn: Drawn,
}

fn spans() -> impl Strategy<Value = Vec<Drawn>> {
    let one = (1..5u8, 0..12usize, 0..100i64, 0..3usize, 1..4i64, 0..5i64).prop_map(
        |(trace, parent, second, service, kind, number)| Drawn {
            trace,
            parent,
            second,
            service,
            kind,
            number,
        },
    );
    proptest::collection::vec(one, 1..60)
}

const SERVICES: [&str; 3] = ["a", "b", "c"];

/// The traces of the model. A span starts no earlier than its parent, and no two start at once.
fn traces(drawn: &[Drawn]) -> BTreeMap<u8, Vec<ModelSpan>> {
    let mut out: BTreeMap<u8, Vec<ModelSpan>> = BTreeMap::new();
    for (i, d) in drawn.iter().enumerate() {
        let spans = out.entry(d.trace).or_default();
        // Some have no parent, some one that never came.
        let parent = match d.parent {
            0 => None,
            1 => Some(9999),
            p => spans.get((p - 2) % (spans.len() + 1)).map(|s| s.id),
        };
        spans.push(ModelSpan { id: i as u64 + 1, parent, drawn: d.clone() });
    }
    out
}

fn source(traces: &BTreeMap<u8, Vec<ModelSpan>>, block_rows: usize) -> MemorySource {
    let mut batch = RecordBatch::new(Tenant::unnamed());
    let streams = SERVICES.map(|s| batch.stream(Labels::from_pairs([(name::SERVICE, s)]).unwrap()));
    for (trace, spans) in traces {
        for span in spans {
            let mut attributes = AttributesBuf::new();
            attributes.push(name::DURATION, Value::Int(span.drawn.number * SECOND));
            attributes.push(name::KIND, Value::Int(span.drawn.kind));
            if let Some(parent) = span.parent {
                attributes.push(name::PARENT_ID, Value::Bytes(&parent.to_be_bytes()));
            }
            attributes.push("n", Value::Int(span.drawn.number));
            let record = Record {
                time_ns: span.drawn.second * SECOND + span.id as i64,
                observed_ns: 0,
                severity: Severity::UNKNOWN,
                trace_id: trace_id(*trace),
                span_id: SpanId(span.id.to_be_bytes()),
                body: Value::String("x"),
                attributes: attributes.as_attributes(),
            };
            batch.push(streams[span.drawn.service], &record);
        }
    }
    MemorySource::new(batch).with_block_rows(block_rows)
}

fn trace_id(trace: u8) -> TraceId {
    let mut id = [0; 16];
    id[15] = trace;
    TraceId(id)
}

/// A condition, in words and as a function.
type Condition = (&'static str, fn(&Drawn) -> bool);

const CONDITIONS: &[Condition] = &[
    ("true", |_| true),
    ("resource.service.name = \"a\"", |d| d.service == 0),
    (".service.name =~ \"a|b\" && kind = server", |d| d.service < 2 && d.kind == 2),
    ("span.n > 2", |d| d.number > 2),
    ("!(.n = 1) && duration < 4s", |d| d.number != 1 && d.number < 4),
    ("kind != client || .n % 2 = 0", |d| d.kind != 3 || d.number % 2 == 0),
];

/// An operator, and whether a span of the right side stands so to one of the left.
type Operator = (&'static str, fn(&Family<'_>, u64, u64) -> bool);

struct Family<'a>(&'a [ModelSpan]);

impl Family<'_> {
    fn parent(&self, id: u64) -> Option<u64> {
        let parent = self.0.iter().find(|s| s.id == id)?.parent?;
        self.0.iter().any(|s| s.id == parent).then_some(parent)
    }

    fn is_ancestor(&self, above: u64, mut below: u64) -> bool {
        while let Some(parent) = self.parent(below) {
            if parent == above {
                return true;
            }
            below = parent;
        }
        false
    }
}

const OPERATORS: &[Operator] = &[
    (">", |f, left, right| f.parent(right) == Some(left)),
    (">>", |f, left, right| f.is_ancestor(left, right)),
    ("<", |f, left, right| f.parent(left) == Some(right)),
    ("<<", |f, left, right| f.is_ancestor(right, left)),
    ("~", |f, left, right| left != right && f.parent(left).is_some() && f.parent(left) == f.parent(right)),
];

type Found = BTreeMap<u8, BTreeSet<u64>>;

fn search(source: &MemorySource, query: &str, limit: usize) -> (Vec<u8>, Found) {
    let query = parse(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    let range = SearchRange { start_ns: 0, end_ns: i64::MAX, limit, spans_per_set: usize::MAX };
    let output = Engine::default().search(source, &query, &range, &Control::new()).unwrap();
    let order = output.traces.iter().map(|t| t.trace_id.0[15]).collect();
    let found = output.traces.iter().map(|t| {
        let spans = t.sets.iter().flat_map(|s| &s.spans).map(|s| u64::from_be_bytes(s.span_id.0)).collect();
        (t.trace_id.0[15], spans)
    });
    (order, found.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Structural operators are what looking at every pair of spans gives.
    #[test]
    fn structure_is_pairs(
        drawn in spans(),
        left in 0..CONDITIONS.len(),
        right in 0..CONDITIONS.len(),
        operator in 0..OPERATORS.len(),
        mode in 0..3usize,
        block_rows in 1usize..40,
    ) {
        let (lc, lf) = CONDITIONS[left];
        let (rc, rf) = CONDITIONS[right];
        let (sign, stands) = OPERATORS[operator];
        let query = format!("{{ {lc} }} {}{sign} {{ {rc} }}", ["", "!", "&"][mode]);
        let traces = traces(&drawn);
        let mut wanted = Found::new();
        for (trace, spans) in &traces {
            let family = Family(spans);
            let ids = |f: fn(&Drawn) -> bool| spans.iter().filter(move |s| f(&s.drawn)).map(|s| s.id);
            let some_left = |r: u64| ids(lf).any(|l| stands(&family, l, r));
            let mut found: BTreeSet<u64> = ids(rf).filter(|r| some_left(*r) != (mode == 1)).collect();
            if mode == 2 {
                found.extend(ids(lf).filter(|l| ids(rf).any(|r| stands(&family, *l, r))));
            }
            if !found.is_empty() {
                wanted.insert(*trace, found);
            }
        }
        let (_, found) = search(&source(&traces, block_rows), &query, 100);
        prop_assert_eq!(found, wanted, "{}", query);
    }

    /// The traces found are the latest ones by the last span that satisfies the condition.
    #[test]
    fn the_latest_are_found(
        drawn in spans(),
        condition in 0..CONDITIONS.len(),
        limit in 1usize..4,
        block_rows in 1usize..40,
    ) {
        let (text, holds) = CONDITIONS[condition];
        let traces = traces(&drawn);
        let mut latest: Vec<(i64, u8)> = traces
            .iter()
            .filter_map(|(t, s)| {
                let last = s.iter().filter(|s| holds(&s.drawn)).map(|s| s.drawn.second * SECOND + s.id as i64).max();
                last.map(|l| (-l, *t))
            })
            .collect();
        latest.sort_unstable();
        let wanted: BTreeSet<u8> = latest.into_iter().take(limit).map(|(_, t)| t).collect();
        let (_, found) = search(&source(&traces, block_rows), &format!("{{ {text} }}"), limit);
        prop_assert_eq!(found.keys().copied().collect::<BTreeSet<u8>>(), wanted, "{}", text);
        for (trace, spans) in &found {
            let all: BTreeSet<u64> = traces[trace].iter().filter(|s| holds(&s.drawn)).map(|s| s.id).collect();
            prop_assert_eq!(spans, &all);
        }
    }

    /// Counting what the source gives is counting what traces hold, and both are counting one by one.
    #[test]
    fn counts_are_right(
        drawn in spans(),
        condition in 0..CONDITIONS.len(),
        start in 0i64..60,
        length in 1i64..90,
        step in 1i64..40,
        block_rows in 1usize..40,
    ) {
        let (text, holds) = CONDITIONS[condition];
        let traces = traces(&drawn);
        let source = source(&traces, block_rows);
        let range = MetricsRange::Steps { start_ns: start * SECOND, end_ns: (start + length) * SECOND, step_ns: step * SECOND };
        let (first, last) = (start.div_euclid(step), -(-(start + length)).div_euclid(step));
        let mut wanted: BTreeMap<(String, i64), f64> = BTreeMap::new();
        for i in first..=last {
            let inside = |d: &ModelSpan| {
                let at = d.drawn.second * SECOND + d.id as i64;
                at > (i - 1) * step * SECOND && at <= i * step * SECOND
            };
            for span in traces.values().flatten().filter(|s| holds(&s.drawn) && inside(s)) {
                let key = (SERVICES[span.drawn.service].to_owned(), i * step * 1000);
                *wanted.entry(key).or_default() += 1.0;
            }
        }
        // A condition that always holds, and needs the whole trace to be known.
        for all in ["", " && childCount >= 0"] {
            let query = parse(&format!("{{ ({text}){all} }} | count_over_time() by (resource.service.name)")).unwrap();
            let output = Engine::default().metrics(&source, &query, &range, 0, &Control::new()).unwrap();
            let mut found = BTreeMap::new();
            for series in &output.series {
                prop_assert_eq!(series.samples.len() as i64, last - first + 1);
                for (time, value) in series.samples.iter().filter(|(_, v)| *v != 0.0) {
                    found.insert((series.labels[0].1.plain(), *time), *value);
                }
            }
            prop_assert_eq!(&found, &wanted, "{}{}", text, all);
        }
    }

    /// Nested sets say of any two spans whether one is above the other.
    #[test]
    fn nested_sets_nest(drawn in spans(), block_rows in 1usize..40) {
        let traces = traces(&drawn);
        let source = source(&traces, block_rows);
        let query = parse("{ } | select(nestedSetLeft, nestedSetRight, nestedSetParent, span:childCount)").unwrap();
        let range = SearchRange { start_ns: 0, end_ns: i64::MAX, limit: 100, spans_per_set: usize::MAX };
        let output = Engine::default().search(&source, &query, &range, &Control::new()).unwrap();
        for trace in &output.traces {
            let family = Family(&traces[&trace.trace_id.0[15]]);
            let mut numbers: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
            for span in &trace.sets[0].spans {
                let values = span.attributes.iter().map(|(_, v)| v.number().unwrap() as i64).collect();
                numbers.insert(u64::from_be_bytes(span.span_id.0), values);
            }
            let sides: BTreeSet<i64> = numbers.values().flat_map(|n| [n[0], n[1]]).collect();
            prop_assert_eq!(sides, (1..=2 * numbers.len() as i64).collect());
            for (a, above) in &numbers {
                let children = numbers.keys().filter(|b| family.parent(**b) == Some(*a)).count() as i64;
                prop_assert_eq!(above[3], children);
                for (b, below) in &numbers {
                    let nested = above[0] < below[0] && below[1] < above[1];
                    prop_assert_eq!(nested, family.is_ancestor(*a, *b));
                    if family.parent(*b) == Some(*a) {
                        prop_assert_eq!(below[2], above[0]);
                    }
                }
            }
        }
    }
}

/// Chains as deep as a trace is long, and as many children as it has spans: no recursion, no square of anything.
#[test]
fn large_traces_are_no_trouble() {
    const COUNT: u64 = 100_000;
    for chain in [true, false] {
        let mut batch = RecordBatch::new(Tenant::unnamed());
        let stream = batch.stream(Labels::from_pairs([(name::SERVICE, "a")]).unwrap());
        for i in 0..COUNT {
            let mut attributes = AttributesBuf::new();
            attributes.push(name::DURATION, Value::Int(5));
            attributes.push("n", Value::Int(i as i64));
            if i > 0 {
                let parent = if chain { i } else { 1 };
                attributes.push(name::PARENT_ID, Value::Bytes(&parent.to_be_bytes()));
            }
            let record = Record {
                trace_id: trace_id(1),
                span_id: SpanId((i + 1).to_be_bytes()),
                attributes: attributes.as_attributes(),
                ..Record::line(i as i64, "x")
            };
            batch.push(stream, &record);
        }
        let source = MemorySource::new(batch);
        for (query, count) in [
            ("{ .n < 10 } >> { .n >= 99990 }", 10),
            ("{ .n = 99999 } << { }", if chain { COUNT as usize - 1 } else { 1 }),
            ("{ } > { }", COUNT as usize - 1),
            ("{ } &>> { }", COUNT as usize),
            ("{ } !< { }", if chain { 1 } else { COUNT as usize - 1 }),
            ("{ } ~ { }", if chain { 0 } else { COUNT as usize - 1 }),
            ("{ } | by(.n) | count() = 1 | coalesce()", COUNT as usize),
            ("{ } | by(.n) | { } > { }", 0),
        ] {
            let parsed = parse(query).unwrap();
            let range = SearchRange { start_ns: 0, end_ns: i64::MAX, limit: 1, spans_per_set: 1 };
            let output = Engine::default().search(&source, &parsed, &range, &Control::new()).unwrap();
            let matched = output.traces.first().map_or(0, |t| t.sets[0].matched);
            assert_eq!(matched, count, "{query} {chain}");
        }
    }
}

/// Values and names are those of the spans that satisfy the filter, whether or not that takes whole traces.
#[test]
fn values_and_names() {
    let drawn: Vec<Drawn> = (0..30)
        .map(|i| Drawn {
            trace: 1 + i as u8 % 3,
            parent: i % 4,
            second: i as i64,
            service: i % 3,
            kind: 1 + i as i64 % 3,
            number: i as i64 % 5,
        })
        .collect();
    let source = source(&traces(&drawn), 7);
    let engine = Engine::default();
    let values = |filter: &str, field: &str, limit: usize| {
        let (filter, field) = (traceql::parse_filter(filter).unwrap(), traceql::parse_field(field).unwrap());
        let control = Control::new();
        let found = engine.values(&source, (&filter, &field), (0, 20 * SECOND), limit, &control).unwrap().0;
        found.iter().map(|v| v.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(values("{ }", "resource.service.name", 10), r#""a" "b" "c""#);
    assert_eq!(values("{ .n > 2 && resource.service.name = \"a\" }", ".n", 10), "3 4");
    assert_eq!(values("{ childCount >= 0 && .n > 2 }", "kind", 10), "client internal server");
    assert_eq!(values("{ }", "duration", 2).split(' ').count(), 2);
    assert_eq!(values("{ .n = 7 }", "name", 10), "");
    let filter = traceql::parse_filter("{ kind = server }").unwrap();
    let (names, _) = engine.names(&source, &filter, (0, 20 * SECOND), 100, &Control::new()).unwrap();
    let names: Vec<String> = names.iter().map(|(s, n)| format!("{}: {}", s.as_str(), n.join(" "))).collect();
    assert_eq!(names, ["span: n", "resource: service.name"]);
}
