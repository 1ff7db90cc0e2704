//! Recording rules evaluated over stretches of the past give what they would have given live.

use model::{Labels, Samples, TimeRange};
use promql::{Control, Engine, Point, Selection, SeriesSet, Source, SourceError};
use proptest::prelude::*;
use rules::{EngineQueries, FileOptions, Group, Order, Refused, RuleFile, RunningGroup, Sink, Surroundings};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Series by time.
#[derive(Default, Debug)]
struct Memory(Mutex<BTreeMap<Labels, BTreeMap<i64, f64>>>);

struct Chosen(Vec<(Labels, Samples)>);

fn within(points: &BTreeMap<i64, f64>, range: TimeRange) -> Samples {
    let inside = points.range(range.start_ms..=range.end_ms);
    let (times, values) = inside.map(|(t, v)| (*t, *v)).unzip();
    Samples { times, values, ..Samples::default() }
}

impl Source for Memory {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |l: &Labels| selection.matchers.iter().all(|m| m.matches(l.get(m.name()).unwrap_or("")));
        let chosen = all.iter().filter(|(l, _)| fits(l));
        Ok(Box::new(Chosen(chosen.map(|(l, s)| (l.clone(), within(s, selection.range))).collect())))
    }
}

impl SeriesSet for Chosen {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.0[i].0
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        out.clone_from(&self.0[i].1);
        Ok(())
    }
}

/// What rules give goes to what they read.
struct Kept<'m>(&'m Memory);

impl Sink for Kept<'_> {
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused> {
        let Point::Float(v) = value else { unreachable!("there are no histograms") };
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(labels.clone()).or_default().insert(time_ms, *v);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

const STEP_MS: i64 = 60_000;
const STEPS: i64 = 12;

/// A series that comes and goes.
fn begun(values: &[u8]) -> Memory {
    let memory = Memory::default();
    let series = Labels::from_pairs([("__name__", "base"), ("host", "a")]).unwrap();
    let mut sink = Kept(&memory);
    for (i, value) in (0..).zip(values) {
        let value = if *value == 0 { model::stale_nan() } else { f64::from(*value) };
        sink.append(&series, i * STEP_MS, &Point::Float(value)).unwrap();
    }
    memory
}

fn evaluate(memory: &Memory, running: &mut RunningGroup, rule: usize, at_ms: i64) {
    let (engine, control) = (Engine::default(), Control::new());
    let queries = EngineQueries { engine: &engine, source: memory, control: &control };
    let mut sink = Kept(memory);
    let outcome = running.evaluate_rule(rule, at_ms, &Surroundings::default(), &queries, &mut sink);
    assert_eq!(outcome.error, None);
}

/// All samples, with those that end a series told from numbers.
fn samples(memory: Memory) -> Vec<(String, i64, String)> {
    let all = memory.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let of = |(labels, points): (Labels, BTreeMap<i64, f64>)| {
        points.into_iter().map(move |(t, v)| {
            let shown = if model::is_stale(v) { "end".to_owned() } else { format!("{v}") };
            (labels.to_string(), t, shown)
        })
    };
    all.into_iter().flat_map(of).collect()
}

fn running(groups: &[Group]) -> Vec<RunningGroup> {
    groups.iter().map(|g| RunningGroup::new(g.clone(), 0)).collect()
}

/// What reads what, of series `base` and those of rules `r0` to `r5`: also itself, and later ones.
const READS: [&str; 7] = ["base", "r0", "r1", "r2", "r3", "r4", "r5"];

fn expr(kind: u8, first: usize, second: usize) -> String {
    let (a, b) = (READS[first], READS[second]);
    match kind {
        0 => format!("sum({a}) + 1"),
        1 => format!("sum({a} > 3)"),
        2 => format!("sum(max_over_time({a}[3m])) - sum({b})"),
        3 => format!("sum({a}) or sum({b})"),
        _ => format!("sum({{__name__=~'{a}|{b}'}}) % 97"),
    }
}

proptest! {
    #[test]
    fn as_if_the_rules_had_been_there(
        rules in proptest::collection::vec((0u8..5, 0usize..7, 0usize..7), 6),
        cut in 1usize..6,
        length in 1i64..8,
        values in proptest::collection::vec(0u8..9, STEPS as usize),
    ) {
        let rule = |i: usize| {
            let (kind, a, b) = rules[i];
            format!("  - {{record: r{i}, expr: \"{}\"}}\n", expr(kind, a, b))
        };
        let group = |of: std::ops::Range<usize>| of.map(rule).collect::<String>();
        let text = format!("groups:\n- name: a\n  rules:\n{}- name: b\n  rules:\n{}", group(0..cut), group(cut..6));
        let groups = RuleFile::parse(&text, FileOptions::default()).unwrap().groups;
        let order = Order::of(&groups);

        let live = begun(&values);
        let mut at_work = running(&groups);
        for at in 0..STEPS {
            for g in &order.groups {
                for r in 0..groups[*g].rules.len() {
                    evaluate(&live, &mut at_work[*g], r, at * STEP_MS);
                }
            }
        }

        let after = begun(&values);
        let mut at_work = running(&groups);
        let length = if order.circular { 1 } else { length };
        for from in (0..STEPS).step_by(length as usize) {
            let stretch = from..(from + length).min(STEPS);
            for g in &order.groups {
                let piece = if order.stepwise[*g] { 1 } else { length };
                for from in stretch.clone().step_by(piece as usize) {
                    for r in 0..groups[*g].rules.len() {
                        for at in from..(from + piece).min(stretch.end) {
                            evaluate(&after, &mut at_work[*g], r, at * STEP_MS);
                        }
                    }
                }
            }
        }
        prop_assert_eq!(samples(after), samples(live), "{}\n{:?}", text, order);
    }
}

#[test]
fn groups_that_give_come_before_those_that_read() {
    let of = |text: &str| Order::of(&RuleFile::parse(text, FileOptions::default()).unwrap().groups);
    let order = of("groups:
- {name: a, rules: [{record: top, expr: 'sum(middle{x=\"1\"})'}]}
- {name: b, rules: [{record: middle, expr: low, labels: {x: '1'}}, {alert: A, expr: middle}]}
- {name: c, rules: [{record: low, expr: up}, {record: lower, expr: low}]}
- {name: d, rules: [{record: other, expr: 'middle{x=\"2\"}'}]}
");
    assert_eq!(order, Order { groups: vec![2, 1, 0, 3], stepwise: vec![false; 4], circular: false });
    let order = of("groups:
- {name: a, rules: [{record: x, expr: y}]}
- {name: b, rules: [{record: y, expr: x}, {record: z, expr: z + 1}]}
");
    assert_eq!(order, Order { groups: vec![0, 1], stepwise: vec![false, true], circular: true });
}
