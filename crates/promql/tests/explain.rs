//! What an explained query tells, and that it answers the same.

use model::{Labels, Matcher, Samples};
use promql::{
    Control, Engine, Explained, Output, PlanNode, Selection, SeriesSet, Source, SourceError, Times, parse,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters `m{a}` and gauges `g{a}`, a sample every 15 s for ten minutes; a read touches ten bytes.
struct Fixed(Vec<(Labels, Samples)>);

struct Chosen<'a> {
    series: Vec<&'a (Labels, Samples)>,
    bytes: AtomicU64,
}

impl Fixed {
    fn new() -> Fixed {
        let one = |name: &str, a: usize| {
            let a = a.to_string();
            let labels = [("__name__", name), ("a", a.as_str()), ("instance", "i"), ("job", "j")];
            let times: Vec<i64> = (0..40).map(|i| i * 15_000).collect();
            let values = times.iter().map(|t| *t as f64).collect();
            (Labels::from_pairs(labels).expect("labels"), Samples { times, values, ..Samples::default() })
        };
        let metrics = ["m_total", "g"].iter().flat_map(|name| (0..3).map(move |a| one(name, a)));
        Fixed(metrics.chain([one("target_info", 0)]).collect())
    }
}

impl Source for Fixed {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let matches = |m: &Matcher, l: &Labels| m.matches(l.get(m.name()).unwrap_or(""));
        let chosen = self.0.iter().filter(|(l, _)| selection.matchers.iter().all(|m| matches(m, l)));
        Ok(Box::new(Chosen { series: chosen.collect(), bytes: AtomicU64::new(0) }))
    }
}

impl SeriesSet for Chosen<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }
    fn labels(&self, i: usize) -> &Labels {
        &self.series[i].0
    }
    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        self.bytes.fetch_add(10, Ordering::Relaxed);
        out.clone_from(&self.series[i].1);
        Ok(())
    }
    fn bytes_read(&self) -> Option<u64> {
        Some(self.bytes.load(Ordering::Relaxed))
    }
}

const RANGE: Times = Times::Range { start_ms: 300_000, end_ms: 600_000, step_ms: 60_000 };

fn explained(query: &str, times: Times) -> Explained {
    let expr = parse(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    Engine::default().explain(&Fixed::new(), &expr, times, &Control::new()).expect(query)
}

/// A line per node: its head, and what it gave and read.
fn shown(plan: &PlanNode) -> String {
    let mut out = String::new();
    plan.walk(&mut |n, depth| {
        let series = n.series.map_or_else(|| "-".to_owned(), |s| s.to_string());
        let bytes = n.bytes.map_or_else(|| "-".to_owned(), |b| b.to_string());
        let figures = format!("series {series}, samples {}, bytes {bytes}", n.samples);
        out += &format!("{}{} [{}]: {figures}\n", "  ".repeat(depth), n.head, n.kind);
        for note in &n.notes {
            out += &format!("{}! {note}\n", "  ".repeat(depth));
        }
    });
    out
}

#[test]
fn plans_tell_what_each_node_gave_and_read() {
    let text = include_str!("explain/plans.txt");
    let (_, cases) = text.split_once("\n\n").expect("a heading and cases");
    let mut told = String::new();
    for case in cases.split("\n\n") {
        let heading = case.lines().next().expect("a heading");
        let (times, query) = heading.split_once(": ").expect("when, and a query");
        let times = if times == "range" { RANGE } else { Times::Instant(600_000) };
        told += &format!("{heading}\n{}\n", shown(&explained(query, times).plan));
    }
    assert!(told.trim_end() == cases.trim_end(), "the plans are:\n{told}");
}

#[test]
fn an_explained_query_answers_the_same() {
    let same = |a: &Output, b: &Output, query: &str| {
        assert_eq!(a.value, b.value, "{query}");
        assert_eq!(a.annotations, b.annotations, "{query}");
        assert_eq!(a.stats.samples_read, b.stats.samples_read, "{query}");
        assert_eq!(a.stats.memory_peak, b.stats.memory_peak, "{query}");
    };
    for query in
        ["sum by (a) (rate(m_total[1m])) / on (a) g", "max_over_time(rate(m_total[1m])[3m:])", "1 + 2"]
    {
        let (engine, source, control) = (Engine::default(), Fixed::new(), Control::new());
        let expr = parse(query).expect(query);
        let range = engine.range(&source, &expr, 300_000, 600_000, 60_000, &control).expect(query);
        same(&explained(query, RANGE).output, &range, query);
        let instant = engine.instant(&source, &expr, 600_000, &control).expect(query);
        same(&explained(query, Times::Instant(600_000)).output, &instant, query);
    }
}

#[test]
fn times_and_memory_of_a_node_enclose_those_below() {
    let plan = explained("sum by (a) (rate(m_total[1m])) + on (a) g * 2", RANGE).plan;
    plan.walk(&mut |n, _| {
        assert!(n.own <= n.total, "{}", n.head);
        let below: std::time::Duration = n.children.iter().map(|c| c.total).sum();
        assert!(n.total >= below, "{}", n.head);
        assert!(n.children.iter().all(|c| n.memory_bytes >= c.memory_bytes), "{}", n.head);
        assert_eq!(n.samples, n.children.iter().map(|c| c.samples).sum::<u64>().max(n.samples));
    });
    assert!(plan.memory_bytes > 0);
    assert!(plan.total > std::time::Duration::ZERO);
}

#[test]
fn a_node_knows_its_text() {
    let query = "sum(\n  rate(m_total[1m])\n)";
    let plan = explained(query, RANGE).plan;
    assert_eq!(plan.text(query), query);
    assert_eq!(plan.children[0].text(query), "rate(m_total[1m])");
    assert_eq!(plan.children[0].children[0].text(query), "m_total[1m]");
}
