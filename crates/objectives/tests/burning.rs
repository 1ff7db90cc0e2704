//! Rules of objectives at work over simulated counters, beside a count of every single request.

use model::{Labels, Samples, TimeRange};
use objectives::{ERROR_RATIO, Objective, ObjectiveConfig, Standing, State, format_span};
use promql::{Control, Engine, Point, Selection, SeriesSet, Source, SourceError};
use proptest::prelude::*;
use rules::{EngineQueries, Phase, Refused, RunningGroup, Sink, Surroundings};
use std::collections::BTreeMap;
use std::sync::RwLock;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Series in memory.
#[derive(Default)]
struct World(RwLock<BTreeMap<Labels, Points>>);

/// Times and values.
type Points = (Vec<i64>, Vec<f64>);

impl World {
    fn put(&self, labels: &Labels, time_ms: i64, value: f64) {
        let mut series = self.0.write().unwrap();
        let (times, values) = series.entry(labels.clone()).or_default();
        times.push(time_ms);
        values.push(value);
    }
}

struct Chosen<'w> {
    world: &'w World,
    labels: Vec<Labels>,
    range: TimeRange,
}

impl Source for World {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + '_>, SourceError> {
        let series = self.0.read().unwrap();
        let fits = |l: &&Labels| selection.matchers.iter().all(|m| m.matches(l.get(m.name()).unwrap_or("")));
        let labels = series.keys().filter(fits).cloned().collect();
        Ok(Box::new(Chosen { world: self, labels, range: selection.range }))
    }
}

impl SeriesSet for Chosen<'_> {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn labels(&self, i: usize) -> &Labels {
        &self.labels[i]
    }

    fn read(&self, i: usize, out: &mut Samples) -> Result<(), SourceError> {
        out.clear();
        let series = self.world.0.read().unwrap();
        let (times, values) = &series[&self.labels[i]];
        let from = times.partition_point(|t| *t < self.range.start_ms);
        let to = times.partition_point(|t| *t <= self.range.end_ms);
        out.times.extend(&times[from..to]);
        out.values.extend(&values[from..to]);
        Ok(())
    }
}

struct Writing<'w>(&'w World);

impl Sink for Writing<'_> {
    fn append(&mut self, labels: &Labels, time_ms: i64, value: &Point) -> Result<(), Refused> {
        let Point::Float(v) = value else { return Err(Refused("a histogram".to_owned())) };
        self.0.put(labels, time_ms, *v);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Refused> {
        Ok(())
    }
}

/// A service whose requests are counted and scraped, and the rules that watch over it.
struct Service {
    world: World,
    objective: Objective,
    group: RunningGroup,
    engine: Engine,
    tick_ms: i64,
    now_ms: i64,
    good: f64,
    bad: f64,
    /// When, and how many were good and bad since the time before.
    truth: Vec<(i64, f64, f64)>,
}

fn objective(text: &str) -> Objective {
    let config: ObjectiveConfig = serde_saphyr::from_str(text).unwrap();
    Objective::new(&config).unwrap()
}

const RATIO: &str = "{name: o, target: 99.9, ratio: {errors: 'r{k=\"bad\"}', total: r}}";

fn named(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

impl Service {
    fn new(text: &str, tick_ms: i64) -> Service {
        let objective = objective(text);
        let group = RunningGroup::new(objective.group().unwrap(), 0);
        Service {
            world: World::default(),
            objective,
            group,
            engine: Engine::default(),
            tick_ms,
            now_ms: 0,
            good: 0.0,
            bad: 0.0,
            truth: Vec::new(),
        }
    }

    /// Lets requests come until the next scrape, which counts them, and evaluates the rules.
    fn tick(&mut self, good: f64, bad: f64) {
        self.now_ms += self.tick_ms;
        self.good += good;
        self.bad += bad;
        self.truth.push((self.now_ms, good, bad));
        self.world.put(&named(&[("__name__", "r"), ("k", "good")]), self.now_ms, self.good);
        self.world.put(&named(&[("__name__", "r"), ("k", "bad")]), self.now_ms, self.bad);
        self.evaluate();
    }

    fn evaluate(&mut self) {
        let control = Control::new();
        let queries = EngineQueries { engine: &self.engine, source: &self.world, control: &control };
        let outcome =
            self.group.evaluate(self.now_ms, &Surroundings::default(), &queries, &mut Writing(&self.world));
        let errors: Vec<String> =
            outcome.rules.iter().filter_map(|r| r.error.as_ref()).map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }

    /// The share of requests that failed, one by one.
    fn counted(&self, window_ms: i64) -> Option<f64> {
        let since = self.now_ms - window_ms;
        let within = self.truth.iter().rev().take_while(|(at, ..)| *at > since);
        let (good, bad) = within.fold((0.0, 0.0), |(g, b), (_, good, bad)| (g + good, b + bad));
        (good + bad > 0.0).then(|| bad / (good + bad))
    }

    /// What the rules recorded of it now.
    fn standing(&self) -> Standing {
        let series = self.world.0.read().unwrap();
        let mut ratios = BTreeMap::new();
        for ms in self.objective.windows() {
            let window = format_span(ms);
            let found = series
                .iter()
                .find(|(l, _)| l.metric_name() == ERROR_RATIO && l.get("window") == Some(window.as_str()));
            let Some((_, (times, values))) = found else { continue };
            if times.last() == Some(&self.now_ms) && !model::is_stale(values[values.len() - 1]) {
                ratios.insert(ms, values[values.len() - 1]);
            }
        }
        self.objective.standing(&ratios, self.now_ms)
    }

    /// Whether the alert of a pair fires.
    fn fires(&self, long_ms: i64) -> bool {
        let long = format_span(long_ms);
        self.group.rules().iter().any(|r| {
            r.rule.labels.get("long") == Some(&long)
                && r.alerts.iter().any(|a| matches!(a.phase, Phase::Firing { .. }))
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The share of errors of each window is that of all requests, but for those at its edges: a scrape over short
    /// windows, five minutes over long ones.
    #[test]
    fn what_is_recorded_is_what_was_counted(
        phases in proptest::collection::vec((5i64..90, prop::sample::select(vec![0.0, 0.001, 0.01, 0.05, 0.2]), 50u32..150), 2..6)
    ) {
        let mut service = Service::new(RATIO, MINUTE);
        for (minutes, share, requests) in phases {
            for _ in 0..minutes {
                let requests = f64::from(requests);
                service.tick(requests * (1.0 - share), requests * share);
            }
            let standing = service.standing();
            for ms in service.objective.windows() {
                let Some(counted) = service.counted(ms) else { continue };
                let recorded = match ms == service.objective.window_ms {
                    true => 1.0 - standing.current.unwrap(),
                    false => standing.burn_rates[&ms].unwrap() * 0.001,
                };
                let edge = if ms <= HOUR { MINUTE } else { 6 * MINUTE };
                // Of the requests at the edges at most a fifth failed, and there were at most three times as many.
                let tolerance = 0.2 * 3.0 * edge as f64 / ms.min(service.now_ms) as f64 + 1e-9;
                prop_assert!((recorded - counted).abs() <= tolerance, "{}: {recorded} for {counted} at {}", format_span(ms), service.now_ms);
            }
            let remaining = standing.budget_remaining.unwrap();
            prop_assert!((remaining - (1.0 - (1.0 - standing.current.unwrap()) / 0.001)).abs() < 1e-9);
        }
    }
}

/// While the share of errors stays the same, what is recorded is exact.
#[test]
fn what_is_steady_is_exact() {
    let mut service = Service::new(RATIO, MINUTE);
    for _ in 0..8 * 60 {
        service.tick(996.0, 4.0);
    }
    let standing = service.standing();
    for (ms, burn) in &standing.burn_rates {
        assert!((burn.unwrap() - 4.0).abs() < 1e-9, "{}: {burn:?}", format_span(*ms));
    }
    assert!((standing.current.unwrap() - 0.996).abs() < 1e-12, "{standing:?}");
    assert!((standing.budget_remaining.unwrap() + 3.0).abs() < 1e-9);
    assert_eq!((standing.state, standing.exhausted_at_ms), (State::Exhausted, None));
}

/// How long it takes until an alert fires when a share of requests begins to fail, and until it ends when none fails
/// any more.
fn detection(long_ms: i64, share: f64, tick_ms: i64) -> (i64, i64) {
    let mut service = Service::new(RATIO, tick_ms);
    while service.now_ms < long_ms {
        service.tick(1000.0, 0.0);
    }
    assert!(!service.fires(long_ms) && service.standing().state == State::Ok);
    let begun = service.now_ms;
    while !service.fires(long_ms) {
        service.tick(1000.0 * (1.0 - share), 1000.0 * share);
        assert!(service.now_ms < begun + long_ms + HOUR, "it never fires");
    }
    assert!(matches!(service.standing().state, State::Burning | State::Exhausted));
    let found = service.now_ms - begun;
    let ended = service.now_ms;
    while service.fires(long_ms) {
        service.tick(1000.0, 0.0);
    }
    (found, service.now_ms - ended)
}

/// (1 - target) / share of errors * long window * factor, as the workbook has it; and no longer than the short window
/// to end.
#[test]
fn alerts_fire_and_end_when_the_workbook_says() {
    for (long_ms, short_ms, factor, share, tick_ms) in [
        (HOUR, 5 * MINUTE, 14.4, 1.0, 15_000),
        (HOUR, 5 * MINUTE, 14.4, 0.1, 30_000),
        (6 * HOUR, 30 * MINUTE, 6.0, 0.1, MINUTE),
        (6 * HOUR, 30 * MINUTE, 6.0, 0.01, MINUTE),
        (DAY, 2 * HOUR, 3.0, 0.02, 2 * MINUTE),
        (3 * DAY, 6 * HOUR, 1.0, 0.01, 2 * MINUTE),
    ] {
        let (found, ended) = detection(long_ms, share, tick_ms);
        let expected = (factor * 0.001 / share * long_ms as f64) as i64;
        // Windows over an hour are made of five minutes each, which come with their middle.
        let late = 2 * tick_ms + if long_ms > HOUR { 5 * MINUTE } else { 0 };
        assert!(
            (expected - tick_ms..=expected + late).contains(&found),
            "{}, {share}: {found} ms, not {expected}",
            format_span(long_ms)
        );
        let late = 2 * tick_ms + if short_ms > HOUR { 5 * MINUTE } else { 0 };
        assert!((1..=short_ms + late).contains(&ended), "{}: ended after {ended} ms", format_span(long_ms));
    }
}

#[test]
fn a_budget_ends_when_it_is_said_to() {
    let mut service = Service::new(
        "{name: o, target: 99, window: 1d, ratio: {good: 'r{k=\"good\"}', total: r}, alerts: none}",
        2 * MINUTE,
    );
    while service.now_ms < DAY {
        service.tick(1000.0, 0.0);
    }
    for _ in 0..60 {
        service.tick(960.0, 40.0);
    }
    let standing = service.standing();
    // Two hours at four times the rate are a third of the budget of a day.
    assert!((standing.budget_remaining.unwrap() - 2.0 / 3.0).abs() < 0.01, "{standing:?}");
    let end = standing.exhausted_at_ms.unwrap();
    while service.standing().state != State::Exhausted {
        service.tick(960.0, 40.0);
    }
    assert!((service.now_ms - end).abs() < 15 * MINUTE, "{} for {end}", service.now_ms);
    // A burning budget is seen although nobody is told.
    assert_eq!(standing.state, State::Burning);
}

#[test]
fn without_requests_there_is_nothing_to_say() {
    let mut service = Service::new(RATIO, MINUTE);
    service.now_ms = HOUR;
    service.evaluate();
    assert_eq!(service.standing().state, State::NoData);
    // A counter that stands still says no more.
    for _ in 0..10 {
        service.tick(0.0, 0.0);
    }
    let standing = service.standing();
    assert_eq!((standing.state, standing.current), (State::NoData, None));
    // What comes then counts from there.
    for _ in 0..10 {
        service.tick(10.0, 0.0);
    }
    let standing = service.standing();
    assert_eq!((standing.state, standing.current), (State::Ok, Some(1.0)));
}

/// Errors whose counter is not there before the first of them.
#[test]
fn no_counter_of_errors_is_no_error() {
    let mut service =
        Service::new("{name: o, target: 99, ratio: {errors: 'failed', total: 'r'}, alerts: none}", MINUTE);
    for _ in 0..10 {
        service.tick(10.0, 0.0);
    }
    assert_eq!(service.standing().current, Some(1.0));
}

/// A classic histogram: what is above the bound is bad; a bound that is no bucket's is no data.
#[test]
fn buckets_of_classic_histograms_count() {
    for (below, bounds, current) in [
        ("300ms", ["0.1", "0.3"], Some(0.75)),
        ("2s", ["1.0", "2.0"], Some(0.75)),
        ("200ms", ["0.1", "0.3"], None),
    ] {
        let mut service = Service::new(
            &format!(
                "{{name: o, target: 99, latency: {{histogram: 'h{{a=\"b\"}}', below: {below}}}, alerts: none}}"
            ),
            MINUTE,
        );
        for i in 1..=20 {
            let at = service.now_ms + MINUTE;
            let of = |name: &str, le: Option<&str>| {
                let mut pairs = vec![("__name__", name), ("a", "b")];
                pairs.extend(le.map(|le| ("le", le)));
                named(&pairs)
            };
            for (le, count) in [(bounds[0], 1.0), (bounds[1], 3.0), ("+Inf", 4.0)] {
                service.world.put(&of("h_bucket", Some(le)), at, count * f64::from(i));
            }
            service.world.put(&of("h_count", None), at, 4.0 * f64::from(i));
            service.tick(0.0, 0.0);
        }
        let found = service.standing().current;
        let near = found.zip(current).is_some_and(|(a, b): (f64, f64)| (a - b).abs() < 1e-12);
        assert!(near || found == current, "{below}: {found:?}");
    }
}
