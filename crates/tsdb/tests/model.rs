//! The store beside a naive model: the same random operations, the same answers.

mod common;

use common::{Model, block_on, matcher, series};
use model::{Appendable, Exemplar, Labels, Samples, TimeRange, stale_nan};
use proptest::prelude::*;
use std::sync::Arc;
use tsdb::{Db, Options};

#[derive(Debug, Clone)]
enum Op {
    Write(Vec<(u8, i64, u64)>),
    WriteHistograms(Vec<(u8, i64, u64)>),
    Starts(Vec<(u8, i64, u64)>),
    Flush,
    Merge,
    Compact,
    Delete(u8, i64, i64),
    Reopen,
    Check(i64, i64),
}

const NOW_MS: i64 = 1_700_000_000_000;

fn sample() -> impl Strategy<Value = (u8, i64, u64)> {
    // Few series and few timestamps, so that duplicates and disorder abound; some days apart.
    let time = prop_oneof![0i64..50, 0i64..50_000, (0i64..3).prop_map(|d| d * 86_400_000)];
    let value = prop_oneof![
        (0u64..100).prop_map(|v| (v as f64).to_bits()),
        any::<u64>(),
        Just(stale_nan().to_bits()),
        (0u64..10_000).prop_map(|v| (v as f64 / 100.0).to_bits())
    ];
    (0u8..12, time, value)
}

fn op() -> impl Strategy<Value = Op> {
    let samples = || proptest::collection::vec(sample(), 1..60);
    prop_oneof![
        8 => samples().prop_map(Op::Write),
        1 => samples().prop_map(Op::WriteHistograms),
        1 => samples().prop_map(Op::Starts),
        2 => Just(Op::Flush),
        2 => Just(Op::Merge),
        1 => Just(Op::Compact),
        1 => (0u8..12, 0i64..50_000, 0i64..50_000).prop_map(|(s, a, b)| Op::Delete(s, a.min(b), a.max(b))),
        1 => Just(Op::Reopen),
        4 => (0i64..50_000, 0i64..200_000_000).prop_map(|(a, b)| Op::Check(a, b)),
    ]
}

fn open(dir: &std::path::Path) -> Db {
    let mut options = Options::new(dir);
    options.background = false;
    let clock = env::SimClock::at(NOW_MS + 10 * 86_400_000);
    Db::open(options, Arc::new(env::RealDisk), Arc::new(clock)).unwrap()
}

/// The newest sample: its time, whether it is stale, its value's bits if it is a float.
fn newest(samples: &Samples) -> Option<(i64, bool, Option<u64>)> {
    let (time_ms, stale) = samples.newest()?;
    let float = samples.times.last().is_some_and(|t| *t == time_ms);
    let bits = samples.values.last().filter(|_| float).map(|v| v.to_bits());
    Some((time_ms, stale, bits))
}

/// Compares the questions about the newest samples with what reading all of them gives.
fn check_newest(db: &Db, range: TimeRange) {
    let selection = db.select(&[], range).unwrap();
    let only_newest = db.select(&[], range).unwrap().newest_only();
    assert_eq!(selection.len(), only_newest.len());
    let (mut samples, mut last) = (Samples::default(), Samples::default());
    let mut present = 0;
    for i in 0..selection.len() {
        selection.read(i, &mut samples).unwrap();
        only_newest.read(i, &mut last).unwrap();
        assert_eq!(newest(&last), newest(&samples), "{}", selection.labels(i));
        present += u64::from(samples.newest().is_some_and(|(_, stale)| !stale));
    }
    assert_eq!(db.count_present(&[], range).unwrap(), present);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn answers_equal_the_models(ops in proptest::collection::vec(op(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut db = open(dir.path());
        let mut model = Model::default();
        for op in ops {
            match op {
                Op::Write(samples) => {
                    let samples: Vec<_> = samples.into_iter().map(|(s, t, v)| (s, NOW_MS + t, v)).collect();
                    common::write(&db, &samples).unwrap();
                    model.write(&samples);
                }
                Op::WriteHistograms(samples) => {
                    let samples: Vec<_> = samples.into_iter().map(|(s, t, v)| (s, NOW_MS + t, v)).collect();
                    common::write_histograms(&db, &samples).unwrap();
                    model.write_histograms(&samples);
                }
                Op::Starts(samples) => {
                    let samples: Vec<_> = samples.into_iter().map(|(s, t, v)| (s, NOW_MS + t, v)).collect();
                    common::write_starts(&db, &samples).unwrap();
                    model.write_starts(&samples);
                }
                Op::Flush => db.flush().unwrap(),
                Op::Merge => {
                    db.merge_once().unwrap();
                }
                Op::Compact => db.compact().unwrap(),
                Op::Delete(s, a, b) => {
                    let range = TimeRange::new(NOW_MS + a, NOW_MS + b);
                    db.delete(&[matcher(s)], range).unwrap();
                    model.delete(s, range);
                }
                Op::Reopen => {
                    drop(db);
                    db = open(dir.path());
                    prop_assert_eq!(&db.status().damages, &[]);
                }
                Op::Check(a, len) => {
                    let range = TimeRange::new(NOW_MS + a, NOW_MS + a + len);
                    prop_assert_eq!(common::read_all(&db, range), model.read(range));
                    check_newest(&db, range);
                }
            }
        }
        prop_assert_eq!(common::read_all(&db, TimeRange::ALL), model.read(TimeRange::ALL));
        db.compact().unwrap();
        prop_assert_eq!(common::read_all(&db, TimeRange::ALL), model.read(TimeRange::ALL));
        check_newest(&db, TimeRange::ALL);
        drop(db);
        let report = tsdb::verify(Arc::new(env::RealDisk), dir.path(), &mut |_| {}).unwrap();
        prop_assert_eq!(report.damages, vec![]);
    }
}

#[test]
fn exemplars_and_metadata_survive_a_restart_flushed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    for flush in [false, true] {
        let db = open(dir.path());
        let mut a = db.appender();
        let s = a.series(&series(1)).unwrap();
        let labels = Labels::from_pairs([("trace_id", if flush { "b" } else { "a" })]).unwrap();
        let time_ms = NOW_MS + i64::from(flush);
        a.exemplar(s, Exemplar { labels, value: 1.5, time_ms }).unwrap();
        let help = format!("help {flush}");
        a.metadata("m", model::Metadata { help, ..Default::default() }).unwrap();
        assert_eq!(block_on(a.commit()).unwrap().exemplars, 1);
        if flush {
            db.flush().unwrap();
        }
        drop(db);
        let db = open(dir.path());
        let found = db.exemplars(&[matcher(1)], TimeRange::ALL).unwrap();
        assert_eq!(found[0].1.len(), 1 + usize::from(flush));
        assert_eq!(db.metadata(Some("m"), 9)[0].1.help, format!("help {flush}"));
    }
}

#[test]
fn a_timestamp_out_of_bounds_names_the_setting() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let mut a = db.appender();
    let s = a.series(&series(1)).unwrap();
    let old = a.sample(s, 0, 1.0, 0).unwrap_err().to_string();
    assert!(old.contains("older than retention") && old.contains("storage.retention"), "{old}");
    let new = a.sample(s, i64::MAX, 1.0, 0).unwrap_err().to_string();
    assert!(new.contains("too far in the future") && new.contains("storage.future"), "{new}");
}

#[test]
fn a_snapshot_opens_as_a_data_directory() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = open(dir.path());
    common::write(&db, &[(1, NOW_MS, 1), (2, NOW_MS + 5, 2)]).unwrap();
    db.snapshot(&copy.path().join("s")).unwrap();
    common::write(&db, &[(3, NOW_MS, 1)]).unwrap();
    let restored = open(&copy.path().join("s"));
    assert_eq!(common::read_all(&restored, TimeRange::ALL).len(), 2);
    // What the restored store accepts is not mistaken for what its snapshot already holds.
    common::write(&restored, &[(4, NOW_MS, 1)]).unwrap();
    drop(restored);
    assert_eq!(common::read_all(&open(&copy.path().join("s")), TimeRange::ALL).len(), 3);
}

#[test]
fn what_is_past_retention_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path());
    options.background = false;
    let clock = env::SimClock::at(NOW_MS);
    let db = Db::open(options, Arc::new(env::RealDisk), Arc::new(clock.clone())).unwrap();
    common::write(&db, &[(1, NOW_MS, 1), (2, NOW_MS - 20 * 86_400_000, 2)]).unwrap();
    db.flush().unwrap();
    clock.advance(std::time::Duration::from_secs(15 * 86_400));
    assert_eq!(common::read_all(&db, TimeRange::ALL).len(), 1, "clipped at once");
    while db.merge_once().unwrap() {}
    assert_eq!(db.status().parts, 1);
    assert_eq!(db.series(&[], TimeRange::ALL, 99).unwrap(), [series(1)]);
}
