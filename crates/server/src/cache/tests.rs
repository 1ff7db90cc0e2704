//! The cache beside evaluation: whatever is written in between, the answers are the same.

use super::*;
use crate::evaluate::{Asked, Evaluation};
use crate::source::StoreSource;
use env::SimClock;
use model::{Appendable, Labels, Matcher, TimeRange, stale_nan};
use promql::{Control, Engine, EngineOptions, EvalError, Value, parse};
use proptest::prelude::*;
use std::time::Duration;
use tsdb::Db;

const NOW_MS: i64 = 1_700_000_040_000;
const RETENTION_MS: i64 = 3_600_000;

struct Site {
    db: Db,
    clock: SimClock,
    cache: ResultCache,
    engine: Engine,
    _dir: tempfile::TempDir,
}

/// Values bit for bit, remarks and errors: what two answers have in common if they are the same.
type Answer = Result<(Vec<(Labels, Vec<(i64, u64)>)>, Vec<String>), String>;

impl Site {
    fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        let mut options = tsdb::Options::new(dir.path());
        (options.background, options.retention_ms) = (false, RETENTION_MS);
        let clock = SimClock::at(NOW_MS);
        let db = Db::open(options, Arc::new(env::RealDisk), Arc::new(clock.clone())).unwrap();
        let engine = Engine::new(EngineOptions { lookback_ms: 60_000, ..EngineOptions::default() });
        Site { db, clock, cache: ResultCache::new(1 << 20), engine, _dir: dir }
    }

    fn write(&self, samples: &[(u8, i64, f64)]) {
        let mut a = self.db.appender();
        for (s, t, v) in samples {
            let series = a.series(&series(*s)).unwrap();
            // Those past retention are refused, which is as good as any write.
            let _ = a.sample(series, *t, *v, 0);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(a.commit()).unwrap();
    }

    fn answers(&self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> (Answer, Answer, usize) {
        let expr = parse(query).unwrap();
        let source = StoreSource::new(&self.db);
        let control = Control::new();
        let asked = Asked { expr: &expr, start_ms, end_ms, step_ms };
        let (db, engine) = (&self.db, &self.engine);
        let evaluation = Evaluation { db, engine, source: &source, control: &control, slice: None };
        let cached = range(&self.cache, &evaluation, asked);
        let fresh = engine.range(&source, &expr, start_ms, end_ms, step_ms, &control);
        let reused = cached.as_ref().map_or(0, |c| c.steps_reused);
        (answer(cached.map(|c| c.output), query), answer(fresh, query), reused)
    }

    /// Asks three times, so that the query is known, and compares each time. Gives the steps reused in the end.
    fn ask(&self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> usize {
        let mut last = 0;
        for _ in 0..3 {
            let (cached, fresh, reused) = self.answers(query, start_ms, end_ms, step_ms);
            assert_eq!(cached, fresh, "{query}");
            last = reused;
        }
        last
    }
}

fn answer(result: Result<promql::Output, EvalError>, query: &str) -> Answer {
    let output = result.map_err(|e| e.to_string())?;
    let Value::Matrix(series) = output.value else { return Err("no matrix".to_owned()) };
    let bits = |s: promql::MatrixSeries| {
        assert!(s.histograms.is_empty());
        (s.labels, s.floats.into_iter().map(|(t, v)| (t, v.to_bits())).collect())
    };
    let mut notes = output.annotations.warnings(query);
    notes.extend(output.annotations.infos(query));
    Ok((series.into_iter().map(bits).collect(), notes))
}

fn series(s: u8) -> Labels {
    let name = if s < 6 { "m" } else { "n_total" };
    Labels::from_pairs([("__name__", name), ("a", &(s % 3).to_string()), ("b", &(s % 6).to_string())])
        .unwrap()
}

const QUERIES: &[&str] = &[
    "m",
    "n_total offset 1m",
    "m offset -45s",
    "sum by (a) (rate(n_total[2m]))",
    "rate(m[1m])",
    "max_over_time(sum(rate(n_total[1m]))[5m:30s])",
    "m @ 1699999800 + m",
    "m @ end()",
    "max_over_time(m[2m] @ 1699999900)",
    "topk(1, m)",
    "limitk(2, m)",
    "absent(m{a=\"1\"})",
    "count_values(\"v\", m % 3)",
    "n_total - on (a, b) group_left () m",
    "time() + scalar(m{b=\"1\"})",
    "sum_over_time(m[3m]) > 50 or n_total",
    "m unless m offset 2m",
    "quantile by (a) (0.5, m)",
    "delta(m[1m] smoothed)",
    "increase(n_total[90s] anchored)",
    "stddev(m) + avg(m)",
    "deriv(n_total[2m])",
    "changes(m[2m]) == 1",
    "sort(m)",
    "rate({__name__=~\"m|n_total\"}[1m])",
    "label_replace(m, \"a\", \"$1\", \"b\", \"(.).*\")",
    "avg_over_time(m[4m])",
    "last_over_time(m[30s])",
];

#[derive(Debug, Clone)]
enum Op {
    Write(Vec<(u8, i64, f64)>),
    Delete(u8, i64, i64),
    Flush,
    Compact,
    Pass(u64),
    Ask { query: usize, back: i64, count: i64, step: i64, phase: i64 },
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => (0i32..40).prop_map(f64::from),
        4 => any::<i16>().prop_map(|v| f64::from(v) / 7.0),
        1 => Just(f64::NAN),
        1 => Just(stale_nan()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let live = prop::collection::vec((0u8..12, -20_000i64..1, value()), 1..20);
    let late = prop::collection::vec((0u8..12, -RETENTION_MS - 5000..5000i64, value()), 1..6);
    prop_oneof![
        6 => live.prop_map(Op::Write),
        3 => late.prop_map(Op::Write),
        1 => (0u8..12, -2_000_000i64..1, 0i64..600_000).prop_map(|(s, at, len)| Op::Delete(s, at, at + len)),
        1 => Just(Op::Flush),
        1 => Just(Op::Compact),
        5 => (1u64..90).prop_map(Op::Pass),
        10 => (0..QUERIES.len(), 0i64..5, 1i64..40, 0i64..3, 0i64..2)
            .prop_map(|(query, back, count, step, phase)| Op::Ask { query, back, count, step, phase }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_kept_answer_is_the_answer_of_an_evaluation(
        history in prop::collection::vec((0u8..12, -RETENTION_MS..1i64, value()), 200),
        favourite in 0..QUERIES.len(),
        ops in prop::collection::vec(op(), 20..60),
    ) {
        let site = Site::new();
        let from_now = |samples: &[(u8, i64, f64)]| -> Vec<(u8, i64, f64)> {
            let now = env::Clock::now_ms(&site.clock);
            samples.iter().map(|(s, t, v)| (*s, now + t, *v)).collect()
        };
        site.write(&from_now(&history));
        for op in ops {
            let now = env::Clock::now_ms(&site.clock);
            match op {
                Op::Write(samples) => site.write(&from_now(&samples)),
                Op::Delete(s, from, to) => {
                    let matchers = [Matcher::equal("b", (s % 6).to_string())];
                    site.db.delete(&matchers, TimeRange::new(now + from, now + to)).unwrap();
                }
                Op::Flush => site.db.flush().unwrap(),
                Op::Compact => site.db.compact().unwrap(),
                Op::Pass(seconds) => site.clock.advance(Duration::from_secs(seconds)),
                Op::Ask { query, back, count, step, phase } => {
                    // A few questions often, so that answers are found; all others now and then.
                    let query = QUERIES[if back < 4 { (favourite + query % 3) % QUERIES.len() } else { query }];
                    let step = [15_000, 60_000, 7_000][step as usize];
                    let end = (now / step - back) * step + phase * 3000;
                    let (cached, fresh, _) = site.answers(query, end - count * step, end, step);
                    prop_assert_eq!(cached, fresh, "{}", query);
                }
            }
        }
    }
}

fn minutes(from: i64, to: i64) -> Vec<(u8, i64, f64)> {
    (from..to).flat_map(|i| (0..12).map(move |s| (s, NOW_MS + i * 15_000, (i * i) as f64))).collect()
}

#[test]
fn steps_are_reused_as_far_as_nothing_was_written_to_what_they_depend_on() {
    let site = Site::new();
    site.write(&minutes(-200, 0));
    let query = "sum by (a) (rate(n_total[2m]))";
    let start = NOW_MS - 30 * 60_000;
    let ask = |start: i64, end: i64| site.ask(query, start, end, 60_000);
    assert_eq!(ask(start, NOW_MS), 31);
    // The window moves on by a step, with the samples of that minute.
    site.write(&minutes(0, 5));
    let moved = (start + 60_000, NOW_MS + 60_000);
    let (cached, fresh, reused) = site.answers(query, moved.0, moved.1, 60_000);
    assert_eq!(cached, fresh);
    assert_eq!(reused, 29, "the newest of the old steps has a sample of its own instant now");
    assert_eq!(ask(moved.0, moved.1), 31);
    // A late sample concerns the two or three steps whose range it lies in.
    site.write(&[(7, NOW_MS - 600_500, 1.0)]);
    let (cached, fresh, reused) = site.answers(query, moved.0, moved.1, 60_000);
    assert_eq!(cached, fresh);
    assert!((27..=29).contains(&reused), "{reused}");
    // A deletion may concern anything.
    site.db.delete(&[Matcher::equal("a", "1")], TimeRange::new(NOW_MS - 900_000, NOW_MS - 890_000)).unwrap();
    let (cached, fresh, reused) = site.answers(query, moved.0, moved.1, 60_000);
    assert_eq!((cached, reused), (fresh, 0));
    assert_eq!(ask(moved.0, moved.1), 31);
    // What has passed retention is gone without a word.
    site.clock.advance(Duration::from_secs(45 * 60));
    assert!(ask(moved.0, moved.1) < 31);
}

#[test]
fn answers_with_remarks_and_of_the_whole_range_are_not_kept() {
    let site = Site::new();
    site.write(&minutes(-200, 0));
    for query in ["rate(m[1m])", "m @ end()", "sort(m)", "m * range()"] {
        assert_eq!(site.ask(query, NOW_MS - 600_000, NOW_MS, 60_000), 0, "{query}");
    }
    assert_eq!(site.cache.entries(), 0);
    assert_eq!(site.ask("m", NOW_MS - 600_000, NOW_MS, 60_000), 11);
}

fn key(query: &str) -> Key {
    Key { query: query.to_owned(), step_ms: 10, phase_ms: 0, lookback_ms: 5, experimental: true, class: 3 }
}

fn version() -> Version {
    let dir = tempfile::tempdir().unwrap();
    let mut options = tsdb::Options::new(dir.path());
    options.background = false;
    let clock = env::SimClock::at(1_700_000_000_000);
    tsdb::Db::open(options, Arc::new(env::RealDisk), Arc::new(clock)).unwrap().version()
}

fn entry(version: Version, series: usize) -> Entry {
    let steps = Steps { first_ms: 0, step_ms: 10, count: 100 };
    let mut extent = Extent::empty(steps);
    let all: Vec<promql::MatrixSeries> = (0..series)
        .map(|i| promql::MatrixSeries {
            labels: model::Labels::from_pairs([("s", format!("{i:04}"))]).unwrap(),
            floats: vec![(0, 1.0)],
            histograms: Vec::new(),
        })
        .collect();
    extent.fill(&all);
    Entry { extent, version, oldest_ms: 0 }
}

#[test]
fn the_least_recently_used_goes_first_and_memory_stays_within_its_bound() {
    let v = version();
    let one = entry(v, 1).extent.bytes() + 2 + ENTRY_BYTES;
    let cache = ResultCache::new((one * 8) as u64);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        cache.put(&key(name), entry(v, 1));
    }
    assert_eq!((cache.entries(), cache.bytes()), (8, cache.bytes_max()));
    assert!(cache.get(&key("a")).is_some());
    cache.put(&key("i"), entry(v, 1));
    assert!(cache.get(&key("a")).is_some() && cache.get(&key("b")).is_none());
    cache.put(&key("i"), entry(v, 1));
    assert_eq!((cache.entries(), cache.bytes()), (8, cache.bytes_max()));
    cache.put(&key("i"), entry(v, 2));
    assert!(cache.get(&key("i")).is_none(), "an entry is at most an eighth of all");
    assert_eq!(cache.counts().evicted.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_asked_for_once_is_not_kept() {
    let cache = ResultCache::new(1 << 20);
    assert!(!cache.wants(&key("a")) && cache.wants(&key("a")));
    for i in 0..3 * SEEN_MAX {
        cache.wants(&key(&i.to_string()));
    }
    assert!(!cache.wants(&key("a")));
    assert!(!ResultCache::new(0).wants(&key("a")) && !ResultCache::new(0).wants(&key("a")));
}
