//! Alerting rules that are evaluated when series are written to come to what they would come to if everything were
//! evaluated each time.

use model::{Labels, Samples};
use promql::{Control, Engine, Point, Selection, SeriesSet, Source, SourceError};
use proptest::prelude::*;
use rules::{
    EngineQueries, FileOptions, Refused, RuleFile, RunningGroup, Sink, Surroundings, Written, is_series_wise,
};
use std::collections::BTreeMap;

/// What was written: by series, in order of time.
#[derive(Default, Clone)]
struct Memory(BTreeMap<Labels, Vec<(i64, f64)>>);

/// Some of it.
struct Seen<'a> {
    memory: &'a Memory,
    only: Option<&'a [Labels]>,
}

struct Chosen(Vec<(Labels, Vec<(i64, f64)>)>);

impl Source for Seen<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let fits = |l: &Labels| {
            selection.matchers.iter().all(|m| m.matches(l.get(m.name()).unwrap_or("")))
                && self.only.is_none_or(|only| only.contains(l))
        };
        let chosen = self.memory.0.iter().filter(|(l, _)| fits(l)).map(|(l, s)| (l.clone(), s.clone()));
        Ok(Box::new(Chosen(chosen.collect())))
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
        out.clear();
        for (time_ms, value) in &self.0[i].1 {
            out.times.push(*time_ms);
            out.values.push(*value);
        }
        Ok(())
    }
}

/// Series as they are after what was appended: those that ended are gone.
#[derive(Default, PartialEq, Debug)]
struct Given(BTreeMap<Labels, f64>);

impl Sink for Given {
    fn append(&mut self, labels: &Labels, _: i64, value: &Point) -> Result<(), Refused> {
        match value {
            Point::Float(v) if model::is_stale(*v) => self.0.remove(labels),
            Point::Float(v) => self.0.insert(labels.clone(), *v),
            Point::Histogram(_) => unreachable!("alerts are floats"),
        };
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

fn series(i: usize) -> Labels {
    let (name, host) = (["m", "n"][i % 2], ["a", "b", "c"][i / 2]);
    Labels::from_pairs([("__name__", name), ("host", host)]).unwrap()
}

/// Expressions that change only when something is written, none of it long ago.
const EXPRS: [&str; 6] = [
    "m > 1",
    "abs(m - 2) >= 1",
    "-m < bool 0 == 1",
    "m > 1 unless n > 1",
    "max by (host) ({__name__=~'m|n'}) > 2",
    "m / on (host) n > 1",
];

fn group(expr: &str, for_s: i64, keep_s: i64) -> RunningGroup {
    let text = format!(
        "groups: [{{name: g, rules: [{{alert: A, expr: \"{expr}\", for: {for_s}s, keep_firing_for: {keep_s}s, labels: {{v: '{{{{ $labels.host }}}}'}}}}]}}]"
    );
    let file = RuleFile::parse(&text, FileOptions::default()).unwrap();
    RunningGroup::new(file.groups.into_iter().next().unwrap(), 0)
}

proptest! {
    #[test]
    fn as_if_all_were_evaluated(
        expr in 0..EXPRS.len(),
        for_s in prop_oneof![Just(0i64), Just(7)],
        keep_s in prop_oneof![Just(0i64), Just(5)],
        events in prop::collection::vec((1..8i64, 0..6usize, 0..4i32, any::<bool>()), 1..60),
    ) {
        let (engine, control, surroundings) = (Engine::default(), Control::new(), Surroundings::default());
        let (mut whole, mut streamed) = (group(EXPRS[expr], for_s, keep_s), group(EXPRS[expr], for_s, keep_s));
        let wise = is_series_wise(&promql::parse(EXPRS[expr]).unwrap());
        let mut memory = Memory::default();
        let (mut given, mut given_streamed) = (Given::default(), Given::default());
        let mut now_s = 1000;
        for (after_s, of, value, turn) in events {
            now_s += after_s;
            memory.0.entry(series(of)).or_default().push((now_s * 1000, f64::from(value)));
            let all = Seen { memory: &memory, only: None };
            let all = EngineQueries { engine: &engine, source: &all, control: &control };
            whole.evaluate(now_s * 1000, &surroundings, &all, &mut given);
            let written = [series(of)];
            let some = Seen { memory: &memory, only: Some(&written) };
            let some = EngineQueries { engine: &engine, source: &some, control: &control };
            let now_ms = now_s * 1000;
            let mut react = |g: &mut RunningGroup, what, queries: &EngineQueries<'_>| {
                let done = g.react(0, now_ms, what, &surroundings, queries, &mut given_streamed);
                assert!(done.error.is_none(), "{:?}", done.error);
            };
            let is_read = of % 2 == 0 || EXPRS[expr].contains('n');
            match (streamed.has_looked(0), is_read) {
                (false, _) => react(&mut streamed, Written::All, &all),
                (true, true) if wise => react(&mut streamed, Written::Only(&written), &some),
                (true, true) => react(&mut streamed, Written::All, &all),
                (true, false) => {}
            }
            if streamed.due_ms(0).is_some_and(|due| due <= now_ms) {
                react(&mut streamed, Written::All, &all);
            }
            if turn {
                streamed.evaluate(now_ms, &surroundings, &all, &mut given_streamed);
            }
            let alerts = |g: &RunningGroup| g.rules()[0].alerts.active().cloned().collect::<Vec<_>>();
            prop_assert_eq!(alerts(&streamed), alerts(&whole), "at {} s", now_s);
            prop_assert_eq!(&given_streamed, &given);
        }
    }
}
