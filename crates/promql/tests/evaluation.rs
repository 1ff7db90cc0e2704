//! Properties of evaluation, and its limits.

use model::{Counts, Histogram, Labels, Matcher, Samples, Span};
use promql::{
    Control, Engine, EngineOptions, EvalError, MemoryPool, Point, Selection, SeriesSet, Source, SourceError,
    Value, parse,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Series in memory. `read` gives every sample, whatever range was asked for: queries must not rely on it.
struct Fixed(Vec<(Labels, Samples)>);

struct Chosen<'a>(Vec<&'a (Labels, Samples)>);

impl Source for Fixed {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let matches = |m: &Matcher, l: &Labels| m.matches(l.get(m.name()).unwrap_or(""));
        let chosen = self.0.iter().filter(|(l, _)| selection.matchers.iter().all(|m| matches(m, l)));
        Ok(Box::new(Chosen(chosen.collect())))
    }
}

impl SeriesSet for Chosen<'_> {
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

fn labels(name: &str, a: &str, b: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("a", a), ("b", b)]).expect("labels")
}

fn series(name: &str, a: &str, b: &str, samples: &[(i64, f64)]) -> (Labels, Samples) {
    let samples = Samples {
        times: samples.iter().map(|s| s.0).collect(),
        values: samples.iter().map(|s| s.1).collect(),
        ..Samples::default()
    };
    (labels(name, a, b), samples)
}

const QUERIES: &[&str] = &[
    "m",
    "m offset 30s",
    "m offset -20s",
    "m @ 100",
    "m{a=\"1\"} or n",
    "rate(m[1m])",
    "increase(m[90s] @ 200 offset 10s)",
    "delta(n[2m])",
    "irate(m[1m])",
    "changes(m[2m]) + resets(m[2m])",
    "sum_over_time(n[1m]) / count_over_time(n[1m])",
    "avg_over_time(n[75s])",
    "stddev_over_time(n[2m])",
    "quantile_over_time(0.4, n[2m])",
    "predict_linear(n[2m], 60)",
    "deriv(n[2m])",
    "max_over_time(rate(m[1m])[3m:20s])",
    "max_over_time(n[2m])",
    "min_over_time(m[100s] offset 10s)",
    "rate(m[3m])",
    "delta(m[2m] offset 5s)",
    "count(m)",
    "group(n)",
    "group by (b) (m)",
    "min without (a) (n)",
    "sum_over_time(n[1m:7s] offset 15s)",
    "last_over_time(m[45s])",
    "increase(m[1m] anchored)",
    "rate(m[1m] smoothed)",
    "m smoothed",
    "absent_over_time(m{a=\"1\"}[30s])",
    "sum by (a) (m)",
    "avg without (b) (n)",
    "count(m) by (b)",
    "stdvar by (a) (n)",
    "quantile by (a) (scalar(sum(m)) % 1, n)",
    "max(m) - min(n)",
    "count_values(\"v\", n)",
    "topk(2, n)",
    "bottomk by (a) (1, m)",
    "limitk(2, m)",
    "m + on (a, b) n",
    "m * on (a) group_left () sum by (a) (n)",
    "sum by (a) (m) / on (a) group_right () n",
    "m + ignoring (c) fill (1) n",
    "m and on (a) n > 5",
    "m unless on (b) n",
    "m or on (b) n",
    "m > bool 3",
    "3 < n",
    "n == n",
    "-m",
    "clamp(n, 2, 7)",
    "round(n, 2.5)",
    "timestamp(m)",
    "timestamp(abs(m))",
    "time() - timestamp(n)",
    "absent(m{a=\"2\"})",
    "vector(scalar(m{a=\"1\",b=\"1\"}) + time())",
    "label_replace(m, \"c\", \"$1x\", \"a\", \"(.*)\")",
    "label_join(n, \"c\", \"-\", \"a\", \"b\")",
    "histogram_quantile(0.5, label_replace(m, \"le\", \"+Inf\", \"b\", \".*\"))",
    "minute() + hour(n)",
    "vector(time())",
    "sum(rate(m[1m])) by (a) / sum(rate(m[2m])) by (a)",
    "sort_desc(n)",
];

/// Per labels and time, the bits of a value.
type Points = BTreeMap<(String, i64), u64>;

fn range_points(value: Value) -> Points {
    let Value::Matrix(matrix) = value else { panic!("no matrix") };
    let points = matrix.into_iter().flat_map(|s| {
        let labels = s.labels.to_string();
        s.floats.into_iter().map(move |(t, v)| ((labels.clone(), t), v.to_bits()))
    });
    points.collect()
}

fn instant_points(value: Value, time: i64) -> Points {
    let Value::Vector(vector) = value else { panic!("no vector") };
    let points = vector.into_iter().map(|s| {
        let Point::Float(v) = s.value else { panic!("no float") };
        ((s.labels.to_string(), time), v.to_bits())
    });
    points.collect()
}

/// A series that misses scrapes, is reset, and goes stale now and then.
fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((1..40i64, 0..12u32), 0..30).prop_map(|steps| {
        let mut time = 0;
        let sample = |(gap, v): (i64, u32)| {
            time += gap * 1000;
            (time, if v == 11 { model::stale_nan() } else { f64::from(v) })
        };
        steps.into_iter().map(sample).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_range_query_equals_instant_queries_at_its_steps(
        columns in prop::collection::vec(samples(), 8),
        (start, step, count) in (-50..200i64, 1..90i64, 1..12i64),
    ) {
        let names = [("m", "1", "1"), ("m", "1", "2"), ("m", "2", "1"), ("m", "2", "2"),
            ("n", "1", "1"), ("n", "1", "2"), ("n", "2", "1"), ("n", "3", "1")];
        let all = names.iter().zip(&columns).map(|((n, a, b), s)| series(n, a, b, s));
        let source = Fixed(all.collect());
        let engine = Engine::new(EngineOptions { lookback_ms: 60_000, ..EngineOptions::default() });
        let control = Control::new();
        let (start, step) = (start * 1000, step * 1000);
        let end = start + step * (count - 1) + step / 2;
        for query in QUERIES {
            let expr = parse(query).expect(query);
            let range = engine.range(&source, &expr, start, end, step, &control);
            let instants: Result<Vec<Points>, EvalError> = (0..count)
                .map(|i| {
                    let time = start + i * step;
                    let output = engine.instant(&source, &expr, time, &control)?;
                    Ok(instant_points(output.value, time))
                })
                .collect();
            match (range, instants) {
                (Ok(range), Ok(instants)) => {
                    let instants: Points = instants.into_iter().flatten().collect();
                    prop_assert_eq!(range_points(range.value), instants, "{}", query);
                }
                (range, instants) => {
                    let (range, instants) = (range.map(drop), instants.map(drop));
                    prop_assert_eq!(range.is_err(), instants.is_err(), "{}", query);
                }
            }
        }
    }
}

/// As [`Fixed`], with nothing but what was asked for.
struct Clipped<'a>(&'a Fixed);

impl Source for Clipped<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let range = selection.range;
        let inside = |t: &i64| (range.start_ms..=range.end_ms).contains(t);
        let all = self.0.0.iter().map(|(labels, samples)| {
            let kept = samples.histogram_times.iter().zip(&samples.histograms).filter(|(t, _)| inside(t));
            let (histogram_times, histograms) = kept.map(|(t, h)| (*t, h.clone())).unzip();
            (labels.clone(), Samples { histogram_times, histograms, ..Samples::default() })
        });
        let matches = |m: &Matcher, l: &Labels| m.matches(l.get(m.name()).unwrap_or(""));
        Ok(Box::new(Owned(all.filter(|(l, _)| selection.matchers.iter().all(|m| matches(m, l))).collect())))
    }
}

struct Owned(Vec<(Labels, Samples)>);

impl SeriesSet for Owned {
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

const HISTOGRAM_QUERIES: &[&str] = &[
    "histogram_count(increase(h[2m]))",
    "histogram_sum(rate(h[90s]))",
    "histogram_quantile(0.7, increase(h[3m]))",
    "histogram_quantiles(rate(h[2m]), \"q\", 0.1, 0.9)",
    "histogram_fraction(0, 3, increase(h[1m]))",
    "histogram_count(delta(h[2m]))",
    "histogram_count(increase(h[2m] anchored))",
    "histogram_sum(sum(rate(h[2m])))",
    "resets(h[3m])",
];

/// A counter of observations that is reset and changes its buckets now and then, and is a gauge or stale at times.
fn histograms() -> impl Strategy<Value = Samples> {
    prop::collection::vec((1..40i64, 0..24u32, prop::array::uniform3(0..5u64)), 0..30).prop_map(|steps| {
        let (mut out, mut time, mut schema, mut counts) = (Samples::default(), 0, 0i8, [0u64; 3]);
        for (gap, event, grown) in steps {
            time += gap * 1000;
            match event {
                0 => counts = [0; 3],
                1 => schema = 1 - schema,
                2 => counts[1] /= 2,
                _ => {}
            }
            counts.iter_mut().zip(grown).for_each(|(c, g)| *c += g);
            let hints = [model::ResetHint::Gauge, model::ResetHint::Yes, model::ResetHint::No];
            out.histogram_times.push(time);
            out.histograms.push(Arc::new(Histogram {
                reset_hint: hints
                    .get(event.wrapping_sub(3) as usize)
                    .copied()
                    .unwrap_or(model::ResetHint::Unknown),
                schema,
                zero_threshold: if event == 6 { 0.6 } else { 0.0 },
                sum: if event == 7 { model::stale_nan() } else { counts.iter().sum::<u64>() as f64 * 1.5 },
                positive_spans: vec![Span { offset: 0, length: 1 }, Span { offset: 1, length: 1 }],
                negative_spans: Vec::new(),
                custom_bounds: Vec::new(),
                counts: Counts::Integer {
                    count: counts.iter().sum(),
                    zero: counts[0],
                    positive: vec![counts[1], counts[2]],
                    negative: Vec::new(),
                },
            }));
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn histograms_change_as_if_each_step_read_its_own_samples(
        columns in prop::collection::vec(histograms(), 3),
        (start, step, count) in (-50..200i64, 1..90i64, 1..12i64),
    ) {
        let all = columns.into_iter().zip(["1", "2", "3"]).map(|(samples, a)| (labels("h", a, ""), samples));
        let source = Fixed(all.collect());
        let engine = Engine::new(EngineOptions { lookback_ms: 60_000, ..EngineOptions::default() });
        let control = Control::new();
        let (start, step) = (start * 1000, step * 1000);
        for query in HISTOGRAM_QUERIES {
            let expr = parse(query).expect(query);
            let range = engine.range(&source, &expr, start, start + step * (count - 1), step, &control);
            let mut instants = Points::new();
            for time in (0..count).map(|i| start + i * step) {
                let output = engine.instant(&Clipped(&source), &expr, time, &control).expect(query);
                instants.extend(instant_points(output.value, time));
            }
            prop_assert_eq!(range_points(range.expect(query).value), instants, "{}", query);
        }
    }
}

#[test]
fn threads_change_nothing() {
    let mut random = 7u64;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 40
    };
    // Values of very different size, so that a sum in another order is another sum.
    let all = (0..3000).map(|i| {
        let samples: Vec<(i64, f64)> =
            (0..20).map(|t| (t * 15_000, next() as f64 * 10f64.powi((next() % 12) as i32 - 6))).collect();
        series(if i % 5 == 0 { "g" } else { "m_total" }, &(i % 7).to_string(), &i.to_string(), &samples)
    });
    let source = Fixed(all.collect());
    let control = Control::new();
    for query in [
        "sum by (a) (rate(m_total[1m]))",
        "sum(m_total)",
        "avg without (b) (g)",
        "stddev(increase(g[2m]))",
        "max_over_time(m_total[90s])",
        "topk(3, m_total)",
    ] {
        let expr = parse(query).expect(query);
        let of = |threads: usize| {
            let engine = Engine::new(EngineOptions { threads, ..EngineOptions::default() });
            let range = engine.range(&source, &expr, 0, 300_000, 5_000, &control).expect(query);
            let instant = engine.instant(&source, &expr, 200_000, &control).expect(query);
            let read = (range.stats.series_read, range.stats.samples_read);
            (range_points(range.value), instant_points(instant.value, 0), read, range.annotations)
        };
        let one = of(1);
        for threads in [2, 3, 8] {
            assert_eq!(of(threads), one, "{query} with {threads} threads");
        }
    }
}

fn one_series() -> Fixed {
    let samples: Vec<(i64, f64)> = (0..1000).map(|i| (i * 1000, i as f64)).collect();
    Fixed((0..10).map(|i| series("m", &i.to_string(), "1", &samples)).collect())
}

fn run(options: EngineOptions, control: &Control, query: &str) -> Result<(), EvalError> {
    let expr = parse(query).expect(query);
    Engine::new(options).range(&one_series(), &expr, 0, 1_000_000, 1000, control).map(drop)
}

#[test]
fn limits_name_the_setting_that_moves_them() {
    let control = Control::new();
    let message =
        |options: EngineOptions, query: &str| run(options, &control, query).expect_err(query).to_string();
    assert_eq!(
        message(EngineOptions { steps_max: 100, ..EngineOptions::default() }, "m"),
        "the query needs 1001 steps, over the limit of 100: raise query.steps_max to allow it"
    );
    let few = || EngineOptions { samples_max: 5000, ..EngineOptions::default() };
    for query in ["m", "rate(m[5m])", "sum(m + 0)", "vector(1) + vector(2) + m", "max_over_time(m[1d:1ms])"] {
        let text = message(few(), query);
        assert!(text.contains("samples in memory") && text.contains("query.samples_max"), "{text}");
    }
    let small = EngineOptions { memory_max: 10_000, ..EngineOptions::default() };
    assert!(message(small, "m").contains("query.memory_per_query"));
    let narrow = || EngineOptions { series_max: 9, ..EngineOptions::default() };
    assert!(message(narrow(), "sum(rate(m[1m]))").contains("query.series_max"));
    assert_eq!(run(narrow(), &control, "m{a=\"1\"}"), Ok(()));
    // As many steps as there are milliseconds in years: refused before anything is allocated.
    assert!(run(EngineOptions::default(), &control, "sum_over_time(vector(1)[290y:1ms])").is_err());
}

#[test]
fn queries_share_their_memory_and_give_it_back() {
    let pool = MemoryPool::new(1 << 20);
    let control = Control::new().with_pool(pool.clone());
    assert!(run(EngineOptions::default(), &control, "sum(m)").is_ok());
    assert_eq!(pool.used(), 0);
    let tight = MemoryPool::new(1000);
    let control = Control::new().with_pool(tight.clone());
    assert!(matches!(run(EngineOptions::default(), &control, "sum(m)"), Err(EvalError::Busy { .. })));
    assert_eq!(tight.used(), 0);
}

#[test]
fn queries_stop_when_told() {
    let late = Control::new().with_timeout(Instant::now() - Duration::from_secs(5), Duration::from_secs(2));
    let error = run(EngineOptions::default(), &late, "m").expect_err("late");
    assert_eq!(error.to_string(), "the query took longer than 2 s: raise query.timeout to allow it");
    let control = Control::new();
    control.cancel();
    assert_eq!(run(EngineOptions::default(), &control, "m"), Err(EvalError::Cancelled));
}

#[test]
fn experimental_things_can_be_refused() {
    let options = || EngineOptions { experimental: false, ..EngineOptions::default() };
    let control = Control::new();
    for query in
        ["limitk(1, m)", "mad_over_time(m[5m])", "rate(m[5m] smoothed)", "m + fill(0) m", "m offset (1m * 2)"]
    {
        let error = run(options(), &control, query).expect_err(query).to_string();
        assert!(error.contains("query.experimental"), "{error}");
        assert!(run(EngineOptions::default(), &control, query).is_ok(), "{query}");
    }
    assert!(run(options(), &control, "sum(rate(m[5m]))").is_ok());
}

#[test]
fn deep_queries_evaluate_on_a_small_stack() {
    let query = format!("{}m{}", "(".repeat(60), ")".repeat(60));
    let chain = vec!["m"; 240].join(" or ");
    let work = move || {
        for query in [&query, &chain] {
            run(EngineOptions::default(), &Control::new(), query).expect("a result");
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread");
    thread.join().expect("no overflow");
}

#[test]
fn what_does_not_go_together_is_an_error() {
    let control = Control::new();
    let engine = Engine::default();
    let source = one_series();
    let error = |query: &str| {
        let expr = parse(query).expect(query);
        engine.instant(&source, &expr, 1000, &control).expect_err(query).to_string()
    };
    assert!(error("m + on (b) m").starts_with(
        "found duplicate series for the match group {b=\"1\"} on the right hand-side of the operation: [{__name__"
    ));
    assert_eq!(
        error("label_replace(m, \"a\", \"x\", \"\", \"\")"),
        "vector cannot contain metrics with the same labelset"
    );
    assert!(error("label_replace(m, \"a\", \"x\", \"a\", \"(\")").contains("invalid regular expression"));
    let expr = parse("m[5m]").expect("a query");
    let refused = engine.range(&source, &expr, 0, 1000, 1000, &control).expect_err("a matrix");
    assert!(refused.to_string().contains("range vector"), "{refused}");
    assert!(engine.range(&source, &expr, 0, 1000, 0, &control).is_err());
    assert_eq!(
        error("rate(m[5m] anchored) + deriv(m[5m] anchored)"),
        "anchored modifier can only be used with: changes, delta, increase, rate, resets - not with deriv"
    );
}
