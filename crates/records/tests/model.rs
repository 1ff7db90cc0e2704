//! The store beside a naive list of lines, under random operations.

mod common;

use common::{Line, expect, of_stream, read, tenant, text, trace, write};
use env::{Disk, RealDisk, SimClock, SimDisk};
use model::Matcher;
use model::record::{FilterOp, TextFilter};
use proptest::prelude::*;
use records::{Direction, Options, RetentionRule, RowOrder, Scan, Store, Unlimited};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const NOW_MS: i64 = 1_700_000_000_000;
const NOW: i64 = NOW_MS * 1_000_000;
const DAY: i64 = 86_400_000_000_000;

#[derive(Debug, Clone)]
enum Step {
    /// Tenant, and (stream, seconds before now) of lines.
    Write(u8, Vec<(u8, u32)>),
    Flush,
    Merge,
    Compact,
    Restart,
    /// Tenant, stream, seconds before now between which, and whether only errors.
    Delete(u8, u8, u32, u32, bool),
    /// Look at everything in a number of ways.
    Check(u8, u32, u32, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seconds = 0u32..200_000;
    let step = prop_oneof![
        6 => (0u8..2, prop::collection::vec((0u8..5, seconds.clone()), 1..60)).prop_map(|(t, l)| Step::Write(t, l)),
        2 => Just(Step::Flush),
        2 => Just(Step::Merge),
        1 => Just(Step::Compact),
        1 => Just(Step::Restart),
        1 => (0u8..2, 0u8..5, seconds.clone(), seconds.clone(), any::<bool>())
            .prop_map(|(t, s, a, b, e)| Step::Delete(t, s, a.max(b), a.min(b), e)),
        2 => (0u8..2, seconds.clone(), seconds, any::<u64>())
            .prop_map(|(t, a, b, pick)| Step::Check(t, a.max(b), a.min(b), pick)),
    ];
    prop::collection::vec(step, 1..30)
}

fn open(dir: &Path) -> Store {
    open_on(Arc::new(RealDisk), dir, RowOrder::Stream)
}

fn open_on(disk: Arc<dyn Disk>, dir: &Path, order: RowOrder) -> Store {
    let mut options = Options::new(dir);
    options.background = false;
    options.order = order;
    Store::open(options, disk, Arc::new(SimClock::at(NOW_MS))).unwrap()
}

fn at(seconds: u32) -> i64 {
    NOW - i64::from(seconds) * 1_000_000_000
}

fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort();
    lines
}

fn check(store: &Store, all: &[Line], t: u8, from: u32, to: u32, pick: u64) {
    let tenant = tenant(t);
    let everything = Scan::all(&tenant);
    assert_eq!(sorted(read(store, &everything, t)), expect(all, &everything));

    let matchers = [of_stream((pick % 5) as u8)];
    let pattern = match pick % 6 {
        0 => "user1".to_owned(),
        1 => format!("{}", pick % 100),
        2 => "error code E".to_owned(),
        3 => "took".to_owned(),
        4 => text(pick % 300).chars().skip(3).take(9).collect(),
        _ => "nosuchtoken9".to_owned(),
    };
    for op in [FilterOp::Contains, FilterOp::NotContains, FilterOp::Matches, FilterOp::NotMatches] {
        let pattern = if op == FilterOp::Matches { "[a-f]{3,}|m[01] line" } else { &pattern };
        let filters = [TextFilter::new(op, pattern).unwrap()];
        let some = Scan {
            matchers: if pick.is_multiple_of(2) { &matchers } else { &[] },
            start_ns: at(from),
            end_ns: at(to),
            filters: &filters,
            ..Scan::all(&tenant)
        };
        let expected = expect(all, &some);
        for direction in [Direction::Any, Direction::Forward, Direction::Backward] {
            let some = Scan { direction, ..some.clone() };
            assert_eq!(sorted(read(store, &some, t)), expected, "{op:?} {pattern:?} {direction:?}");
            let mut counted = 0;
            let count = |b: &records::Block<'_>| {
                counted += b.len();
                ControlFlow::Continue(())
            };
            let mut count = count;
            store.scan(&some, &Unlimited, &mut count).unwrap();
            assert_eq!(counted, expected.len(), "times only");
            let limit = (pick % 17) as usize;
            let some = Scan { limit: Some(limit), ..some };
            let mut given: Vec<i64> = read(store, &some, t).iter().map(|l| l.time_ns).collect();
            given.sort_unstable();
            let mut times: Vec<i64> = expected.iter().map(|l| l.time_ns).collect();
            times.sort_unstable();
            match direction {
                Direction::Forward => times.truncate(limit),
                Direction::Backward => drop(times.drain(..times.len().saturating_sub(limit))),
                Direction::Any => {
                    assert_eq!(given.len(), limit.min(times.len()));
                    continue;
                }
            }
            assert_eq!(given, times, "limit {limit} {direction:?}");
        }
    }
    let of_trace = Scan { trace_id: Some(trace(pick % 60 * 3)), ..everything };
    assert_eq!(sorted(read(store, &of_trace, t)), expect(all, &of_trace));
    let ids: Vec<_> = (0..5).map(|n| trace((pick % 20 + n * 4) * 3)).collect();
    let of_traces = Scan { trace_id: None, traces: Some(&ids), ..everything };
    assert_eq!(sorted(read(store, &of_traces, t)), expect(all, &of_traces));
    let streams: u64 = store.streams(&Scan::all(&tenant)).iter().map(|s| s.records).sum();
    assert!(streams >= expect(all, &Scan::all(&tenant)).len() as u64);
}

/// The order of rows is another one after each restart.
fn run(steps: Vec<Step>, mut order: RowOrder) {
    // Nothing is synced in earnest, which makes many cases affordable.
    let (disk, dir) = (SimDisk::new(1), Path::new("/data"));
    let mut store = open_on(Arc::new(disk.clone()), dir, order);
    let (mut all, mut next): (Vec<Line>, u64) = (Vec::new(), 0);
    for step in steps {
        match step {
            Step::Write(tenant, lines) => {
                let lines: Vec<Line> = lines
                    .into_iter()
                    .map(|(stream, seconds)| {
                        next += 1;
                        Line { tenant, stream, time_ns: at(seconds), id: next }
                    })
                    .collect();
                assert_eq!(write(&store, &lines).unwrap(), lines.len() as u64);
                all.extend(lines);
            }
            Step::Flush => store.flush().unwrap(),
            Step::Merge => drop(store.merge_once().unwrap()),
            Step::Compact => store.compact().unwrap(),
            Step::Restart => {
                drop(store);
                order = if order == RowOrder::Trace { RowOrder::Stream } else { RowOrder::Trace };
                store = open_on(Arc::new(disk.clone()), dir, order);
            }
            Step::Delete(t, s, from, to, errors) => {
                let filters: &[TextFilter] = &[TextFilter::new(FilterOp::Contains, "error").unwrap()];
                let filters = if errors { filters } else { &[] };
                store.delete(&tenant(t), &[of_stream(s)], filters, at(from), at(to)).unwrap();
                all.retain(|l| {
                    l.tenant != t
                        || l.stream != s
                        || l.time_ns < at(from)
                        || l.time_ns >= at(to)
                        || (errors && !text(l.id).contains("error"))
                });
            }
            Step::Check(t, from, to, pick) => check(&store, &all, t, from, to, pick),
        }
    }
    for t in 0..2 {
        check(&store, &all, t, 200_000, 0, next);
    }
    assert_eq!(store.status().damages, []);
    drop(store);
    let report = records::verify(Arc::new(disk), dir, &mut |_| {}).unwrap();
    assert_eq!(report.damages, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_list(steps in steps(), by_trace in any::<bool>()) {
        run(steps, if by_trace { RowOrder::Trace } else { RowOrder::Stream });
    }
}

#[test]
fn windows_come_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for round in 0..4u64 {
        let lines: Vec<Line> = (0..2000)
            .map(|n| {
                let id = round * 2000 + n;
                Line { tenant: 0, stream: (id % 5) as u8, time_ns: at((id * 7919 % 100_000) as u32), id }
            })
            .collect();
        write(&store, &lines).unwrap();
        if round < 3 {
            store.flush().unwrap();
        }
    }
    let tenant = tenant(0);
    for (direction, limit) in
        [(Direction::Forward, None), (Direction::Backward, None), (Direction::Backward, Some(100))]
    {
        let scan = Scan { direction, limit, ..Scan::all(&tenant) };
        let mut blocks: Vec<(String, i64, i64, usize)> = Vec::new();
        store
            .scan(&scan, &Unlimited, &mut |b| {
                let ends = (b.times_ns[0], b.times_ns[b.len() - 1]);
                blocks.push((b.labels.to_string(), ends.0.min(ends.1), ends.0.max(ends.1), b.len()));
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(blocks.iter().map(|b| b.3).sum::<usize>(), limit.unwrap_or(8000));
        // Of one stream, the next block begins where the last one ended.
        for (i, a) in blocks.iter().enumerate() {
            for b in blocks[i + 1..].iter().filter(|b| b.0 == a.0) {
                let in_order = if direction == Direction::Forward { a.2 <= b.1 } else { b.2 <= a.1 };
                assert!(in_order, "{direction:?}: {a:?} before {b:?}");
            }
        }
    }
}

#[test]
fn retention_hides_then_drops() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::at(NOW_MS);
    let mut options = Options::new(dir.path());
    options.background = false;
    options.retention_ms = 10 * 86_400_000;
    let short = RetentionRule { tenant: None, matchers: vec![of_stream(1)], keep_ms: 86_400_000 };
    options.retention_rules = vec![short];
    let store = Store::open(options, Arc::new(RealDisk), Arc::new(clock.clone())).unwrap();
    let line = |stream, days: i64, id| Line { tenant: 0, stream, time_ns: NOW - days * DAY + DAY / 2, id };
    let lines = [line(0, 1, 1), line(1, 1, 2), line(0, 9, 3)];
    write(&store, &lines).unwrap();
    let too_old = futures::executor::block_on(model::record::RecordSink::append(
        &store,
        common::batch(&[line(1, 3, 4), line(0, 3, 5)]),
    ))
    .unwrap();
    assert_eq!((too_old.records, too_old.refused.len(), too_old.refused[0].row), (1, 1, 0));
    assert!(
        too_old.refused[0].reason.to_string().contains("logs.retention"),
        "{}",
        too_old.refused[0].reason
    );
    let tenant = tenant(0);
    let ids = |store: &Store| {
        let mut ids: Vec<u64> = read(store, &Scan::all(&tenant), 0).iter().map(|l| l.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&store), [1, 2, 3, 5]);
    store.flush().unwrap();
    clock.advance(Duration::from_secs(86_400));
    assert_eq!(ids(&store), [1, 3, 5], "the short one is hidden at once");
    assert_eq!(store.status().part_records, 4);
    store.compact().unwrap();
    assert_eq!((ids(&store), store.status().part_records), (vec![1, 3, 5], 3));
    clock.advance(Duration::from_secs(86_400));
    store.compact().unwrap();
    assert_eq!((ids(&store), store.status().part_records), (vec![1, 5], 2));
    let hosts = store.label_values("host", &Scan::all(&tenant));
    assert_eq!(hosts, ["0"]);
}

#[test]
fn what_is_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let lines: Vec<Line> =
        (0..300).map(|id| Line { tenant: 0, stream: (id % 4) as u8, time_ns: at(id as u32), id }).collect();
    write(&store, &lines[..150]).unwrap();
    store.flush().unwrap();
    write(&store, &lines[150..]).unwrap();
    let tenant = tenant(0);
    let matchers = [Matcher::equal("app", "app0")];
    let scan = Scan { matchers: &matchers, ..Scan::all(&tenant) };
    let streams = store.streams(&scan);
    let told: Vec<(String, u64)> =
        streams.iter().map(|s| (s.labels.get("host").unwrap().to_owned(), s.records)).collect();
    assert_eq!(told, [("0".to_owned(), 75), ("3".to_owned(), 75)]);
    let bytes: usize = lines.iter().filter(|l| l.stream == 0).map(|l| text(l.id).len()).sum();
    // Bodies in memory that are no text count as they are encoded.
    assert!(streams[0].bytes.abs_diff(bytes as u64) < 200, "{} {bytes}", streams[0].bytes);
    assert_eq!(store.label_names(&scan), ["app", "host"]);
    assert_eq!(store.label_values("host", &scan), ["0", "3"]);
    assert_eq!(store.tenants(), std::slice::from_ref(&tenant));
    let attributes = store.attributes(&Scan::all(&tenant), 1000, &Unlimited).unwrap();
    let n = attributes.iter().find(|a| a.name == "n").unwrap();
    assert_eq!((n.records, n.values), (300, 300));
    let status = store.status();
    assert_eq!((status.head_records, status.part_records, status.records_appended), (150, 150, 300));
}

#[test]
fn a_snapshot_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("a"));
    let lines: Vec<Line> =
        (0..50).map(|id| Line { tenant: 0, stream: 0, time_ns: at(id as u32), id }).collect();
    write(&store, &lines).unwrap();
    store.snapshot(&dir.path().join("b")).unwrap();
    write(&store, &[Line { tenant: 0, stream: 0, time_ns: at(1), id: 99 }]).unwrap();
    let copy = open(&dir.path().join("b"));
    let tenant = tenant(0);
    assert_eq!(sorted(read(&copy, &Scan::all(&tenant), 0)), expect(&lines, &Scan::all(&tenant)));
    assert_eq!(read(&store, &Scan::all(&tenant), 0).len(), 51);
}

#[test]
fn a_budget_stops_a_scan() {
    struct Small;
    impl records::Budget for Small {
        fn check(&self) -> Result<(), records::Stopped> {
            Ok(())
        }
        fn take(&self, bytes: u64) -> Result<(), records::Stopped> {
            if bytes > 1000 { Err(records::Stopped("over 1000 bytes".into())) } else { Ok(()) }
        }
        fn give(&self, _: u64) {}
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let lines: Vec<Line> =
        (0..500).map(|id| Line { tenant: 0, stream: 0, time_ns: at(id as u32), id }).collect();
    write(&store, &lines).unwrap();
    store.flush().unwrap();
    let tenant = tenant(0);
    let stopped = store.scan(&Scan::all(&tenant), &Small, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(stopped.to_string(), "over 1000 bytes");
}
