//! Jobs that report, or do not.

use heartbeats::{Beat, Plan, Report, Schedule, is_name, state};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;

fn plan(schedule: Schedule, duration_max_ms: Option<i64>) -> Plan {
    Plan {
        name: "backup".to_owned(),
        schedule,
        grace_ms: 5 * MINUTE,
        duration_max_ms,
        labels: BTreeMap::new(),
        description: String::new(),
        events: true,
    }
}

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn a_job_is_late_a_grace_after_its_turn() {
    let hourly = plan(Schedule::Every(60 * MINUTE), None);
    let mut beat = Beat::new(0);
    assert_eq!(beat.deadline_ms(&hourly), 65 * MINUTE, "one that was never heard of, too");
    assert_eq!((beat.look(&hourly, 64 * MINUTE), beat.state()), (None, "new"));
    assert_eq!((beat.look(&hourly, 65 * MINUTE), beat.state()), (Some(true), "late"));
    assert_eq!(beat.look(&hourly, 66 * MINUTE), None, "told once");
    let finish = beat.report(Report::Success, None, 70 * MINUTE).unwrap();
    assert_eq!((finish.success, finish.duration_ms), (true, None));
    assert_eq!((beat.look(&hourly, 70 * MINUTE), beat.state()), (Some(false), "ok"));
    assert_eq!(beat.deadline_ms(&hourly), (70 + 65) * MINUTE);
    assert_eq!((beat.lates, beat.runs), (1, 1));
}

#[test]
fn a_failure_is_heard_of_and_is_no_success() {
    let mut beat = Beat::new(0);
    beat.report(Report::Success, None, 1000);
    assert_eq!(beat.report(Report::Start, None, 2000), None);
    assert_eq!(beat.state(), "running");
    let finish = beat.report(Report::Exit(3), None, 5000).unwrap();
    assert_eq!((finish.success, finish.exit, finish.duration_ms), (false, Some(3), Some(3000)));
    assert_eq!((beat.success_ms, beat.failure_ms, beat.failures, beat.state()), (1000, 5000, 1, "failed"));
    let finish = beat.report(Report::Exit(0), Some(10_000), 20_000).unwrap();
    assert_eq!((finish.success, finish.began_ms, beat.state()), (true, 10_000, "ok"));
    beat.report(Report::Fail, None, 21_000);
    assert_eq!((beat.failures, beat.duration_ms), (2, -1));
}

#[test]
fn a_run_that_does_not_end_is_late() {
    let bounded = plan(Schedule::Every(60 * MINUTE), Some(10 * MINUTE));
    let mut beat = Beat::new(0);
    beat.report(Report::Start, None, MINUTE);
    assert_eq!(beat.deadline_ms(&bounded), 11 * MINUTE);
    let unbounded = plan(Schedule::Every(60 * MINUTE), None);
    assert_eq!(beat.deadline_ms(&unbounded), 66 * MINUTE);
    beat.report(Report::Success, None, 2 * MINUTE);
    assert_eq!(beat.deadline_ms(&bounded), 67 * MINUTE);
}

#[test]
fn turns_of_cron_follow_the_clock_of_a_zone() {
    for (text, zone, after, next) in [
        ("0 3 * * *", "UTC", "2026-11-22T03:00:00Z", "2026-11-23T03:00:00Z"),
        ("0 3 * * *", "UTC", "2026-11-22T02:59:59Z", "2026-11-22T03:00:00Z"),
        ("0 3 * * *", "Europe/Berlin", "2026-11-22T00:00:00Z", "2026-11-22T02:00:00Z"),
        ("0 3 * * *", "Europe/Berlin", "2026-07-22T00:00:00Z", "2026-07-22T01:00:00Z"),
        ("*/15 9-17 * * MON-FRI", "UTC", "2026-11-20T17:50:00Z", "2026-11-23T09:00:00Z"),
        ("0 0 29 2 *", "UTC", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"),
    ] {
        let schedule = Schedule::cron(text, zone).unwrap();
        assert_eq!(schedule.next_ms(at(after)), at(next), "{text} {zone}");
    }
    for (text, zone, part) in [
        ("0 3 * *", "UTC", "day of the month"),
        ("61 3 * * *", "UTC", "is not an expression of cron"),
        ("0 3 * * *", "Nowhere/Land", "is not a time zone"),
        (&"1,".repeat(200), "UTC", "over the limit"),
    ] {
        let error = Schedule::cron(text, zone).err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn reports_stand_in_paths() {
    for (part, want) in [
        (None, Some(Report::Success)),
        (Some("start"), Some(Report::Start)),
        (Some("fail"), Some(Report::Fail)),
        (Some("0"), Some(Report::Exit(0))),
        (Some("255"), Some(Report::Exit(255))),
        (Some("256"), None),
        (Some("-1"), None),
        (Some("log"), None),
        (Some(""), None),
    ] {
        assert_eq!(Report::of_path(part), want, "{part:?}");
    }
    for (name, ok) in
        [("a", true), ("db.backup-1_x", true), ("", false), (".", false), ("a/b", false), ("ä", false)]
    {
        assert_eq!(is_name(name), ok, "{name:?}");
    }
    assert!(!is_name(&"x".repeat(101)));
}

#[test]
fn what_is_damaged_is_told() {
    let beats = BTreeMap::from([("a".to_owned(), Beat::new(5))]);
    let bytes = state::encode(&beats);
    assert_eq!(state::decode(&bytes).unwrap(), beats);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        // The case of a hexadecimal digit means nothing.
        assert!(state::decode(&damaged).is_err() || state::decode(&damaged).unwrap() == beats, "byte {at}");
        assert!(state::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
}

proptest! {
    #[test]
    fn state_survives_its_bytes(steps in proptest::collection::vec((0..4u8, 0..100_000i64), 0..30)) {
        let mut beat = Beat::new(0);
        let mut now = 0;
        for (what, later) in steps {
            now += later;
            let report = [Report::Start, Report::Success, Report::Fail, Report::Exit(2)][usize::from(what)];
            beat.report(report, None, now);
            beat.look(&plan(Schedule::Every(1000), None), now);
            prop_assert!(beat.failures <= beat.runs);
            prop_assert!(beat.end_ms == beat.success_ms.max(beat.failure_ms));
        }
        let beats = BTreeMap::from([("x".to_owned(), beat)]);
        prop_assert_eq!(state::decode(&state::encode(&beats)).unwrap(), beats);
    }
}
