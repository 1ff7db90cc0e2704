//! Who is on call: cases as data, and random schedules beside a model that looks at each minute.

mod common;

use common::oncall;
use incidents::oncall::{Override, Schedule};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap_or_else(|e| panic!("{text}: {e}")).as_millisecond()
}

fn shown(schedule: &Schedule, from: &str, to: &str) -> Vec<String> {
    let zone = TimeZone::get(&schedule.time_zone).unwrap();
    let at = |ms: i64| {
        Timestamp::from_millisecond(ms).unwrap().to_zoned(zone.clone()).strftime("%a %m-%d %H:%M %z")
    };
    let shifts = schedule.shifts(ms(from), ms(to), &[]);
    shifts.iter().map(|s| format!("{} {} – {}", s.turn.person, at(s.from_ms), at(s.to_ms))).collect()
}

#[test]
fn cases() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oncall");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        // A schedule in YAML, `---`, a range, and its shifts.
        let text = std::fs::read_to_string(&file).unwrap();
        let (yaml, rest) = text.split_once("---\n").unwrap();
        let people = "people: [{name: ann, receivers: [phone]}, {name: bob, receivers: [phone]}, {name: eve, receivers: [mail]}]";
        let all = oncall(&format!("{people}\nschedules:\n{yaml}"))
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let schedule = all.schedules.values().next().unwrap();
        let mut lines = rest.lines();
        let (from, to) = lines.next().unwrap().split_once(' ').unwrap();
        let wanted: Vec<&str> = lines.filter(|l| !l.is_empty()).collect();
        assert_eq!(shown(schedule, from, to), wanted, "{}", file.display());
    }
}

/// A random layer.
#[derive(Debug, Clone)]
struct Drawn {
    people: Vec<usize>,
    every: (i64, char),
    start: Date,
    handoff: Time,
    hours: Vec<(Vec<usize>, Time, Time)>,
}

const NAMES: [&str; 3] = ["ann", "bob", "eve"];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Apia"];

fn time() -> impl Strategy<Value = Time> {
    (0i8..24, 0i8..4).prop_map(|(h, q)| Time::new(h, q * 15, 0, 0).unwrap())
}

fn layer() -> impl Strategy<Value = Drawn> {
    let every = prop_oneof![(1i64..30, Just('h')), (1i64..10, Just('d')), (1i64..3, Just('w'))];
    let hours = prop::collection::vec((prop::collection::vec(0usize..7, 0..4), time(), time()), 0..3);
    (prop::collection::vec(0usize..3, 1..4), every, 0i64..60, time(), hours).prop_map(
        |(people, every, day, handoff, hours)| Drawn {
            people,
            every,
            start: jiff::civil::date(2026, 2, 1).checked_add(day.days()).unwrap(),
            handoff,
            hours,
        },
    )
}

fn yaml(zone: &str, layers: &[Drawn]) -> String {
    let mut out = "people: [{name: ann, receivers: [phone]}, {name: bob, receivers: [phone]}, {name: eve, receivers: [mail]}]\nschedules:\n".to_owned();
    out += &format!("- name: s\n  time_zone: {zone}\n  layers:\n");
    for l in layers {
        let people: Vec<&str> = l.people.iter().map(|p| NAMES[*p]).collect();
        let clock = |t: &Time| format!("'{:02}:{:02}'", t.hour(), t.minute());
        out += &format!(
            "  - {{participants: [{}], every: {}{}, start: {}, handoff: {}, hours: [",
            people.join(","),
            l.every.0,
            l.every.1,
            l.start,
            clock(&l.handoff)
        );
        for (days, from, to) in &l.hours {
            let days: Vec<&str> = days.iter().map(|d| DAYS[*d]).collect();
            out += &format!("{{days: [{}], from: {}, to: {}}},", days.join(","), clock(from), clock(to));
        }
        out += "]}\n";
    }
    out
}

/// Who has the turn of a layer at a moment, found by going through all turns since the first.
fn naive_layer(zone: &TimeZone, l: &Drawn, at: Timestamp) -> Option<usize> {
    let moment = |d: DateTime| zone.to_timestamp(d).unwrap();
    let mut turn: Option<usize> = None;
    for n in 0i64.. {
        let begins = match l.every {
            (hours, 'h') => moment(l.start.to_datetime(l.handoff)) + (n * hours).hours(),
            (days, unit) => {
                let days = if unit == 'w' { days * 7 } else { days };
                moment(l.start.checked_add((n * days).days()).unwrap().to_datetime(l.handoff))
            }
        };
        if begins > at {
            break;
        }
        turn = usize::try_from(n).ok();
    }
    let turn = turn?;
    let mut counts = l.hours.is_empty();
    let mut day = l.start.checked_sub(3.days()).unwrap();
    while !counts && moment(day.to_datetime(Time::midnight())) <= at + 48.hours() {
        for (days, from, to) in &l.hours {
            let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap();
            if days.is_empty() || days.contains(&weekday) {
                let last = if to > from { day } else { day.tomorrow().unwrap() };
                counts |= moment(day.to_datetime(*from)) <= at && at < moment(last.to_datetime(*to));
            }
        }
        day = day.tomorrow().unwrap();
    }
    counts.then(|| l.people[turn % l.people.len()])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_minute_is_as_the_model_has_it(
        zone in 0usize..ZONES.len(),
        layers in prop::collection::vec(layer(), 1..4),
        (day, minutes) in (0i64..64, 60i64..2_000),
        overrides in prop::collection::vec((0i64..3_000, 1i64..600, 0usize..3), 0..3),
    ) {
        let all = oncall(&yaml(ZONES[zone], &layers)).unwrap();
        let schedule = &all.schedules["s"];
        let tz = TimeZone::get(ZONES[zone]).unwrap();
        let from = tz.to_timestamp(jiff::civil::date(2026, 2, 1).checked_add(day.days()).unwrap().at(0, 0, 0, 0)).unwrap();
        let from_ms = from.as_millisecond();
        let made: Vec<Override> = overrides.iter().enumerate().map(|(n, (begin, length, who))| Override {
            id: n.to_string(),
            schedule: "s".to_owned(),
            person: NAMES[*who].to_owned(),
            from_ms: from_ms + begin * 60_000,
            to_ms: from_ms + (begin + length) * 60_000,
            by: String::new(),
            comment: String::new(),
            made_ms: n as i64 + 1,
        }).collect();
        let made: Vec<&Override> = made.iter().collect();
        let to_ms = from_ms + minutes * 60_000;
        let shifts = schedule.shifts(from_ms, to_ms, &made);
        for pair in shifts.windows(2) {
            prop_assert!(pair[0].to_ms <= pair[1].from_ms);
        }
        for minute in (0..minutes).step_by(5) {
            let at_ms = from_ms + minute * 60_000;
            let at = Timestamp::from_millisecond(at_ms).unwrap();
            let stands_in = overrides.iter().rev().find(|(b, l, _)| *b <= minute && minute < b + l).map(|o| o.2);
            let model = stands_in.or_else(|| layers.iter().rev().find_map(|l| naive_layer(&tz, l, at))).map(|p| NAMES[p]);
            let turn = schedule.at(at_ms, &made).map(|t| t.person.to_owned());
            prop_assert_eq!(turn.as_deref(), model, "at {}", at);
            let shift = shifts.iter().find(|s| s.from_ms <= at_ms && at_ms < s.to_ms);
            prop_assert_eq!(shift.map(|s| s.turn.person), model, "shift at {}", at);
        }
        let (now, next) = schedule.around(from_ms, &made);
        prop_assert_eq!(now.as_ref().map(|s| s.turn.clone()), schedule.at(from_ms, &made));
        if let (Some(now), Some(first)) = (&now, shifts.first()) {
            prop_assert!(now.from_ms <= from_ms && (now.to_ms == first.to_ms || first.to_ms == to_ms));
        }
        if let Some(next) = next {
            prop_assert_eq!(schedule.at(next.from_ms, &made), Some(next.turn));
        }
    }
}

#[test]
fn mistakes_name_the_field_and_the_remedy() {
    let people = "people: [{name: ann, receivers: [phone]}]\n";
    let layer = |more: &str| {
        format!(
            "{people}schedules: [{{name: s, layers: [{{participants: [ann], every: 1w, start: 2026-01-05, {more}}}]}}]"
        )
    };
    for (yaml, message) in [
        (
            "people: [{name: ann}]".to_owned(),
            "on_call.people[0].receivers: name one at least, of those of alerting.config_file",
        ),
        (
            "people: [{name: ann, receivers: [fax]}]".to_owned(),
            "on_call.people[0].receivers: \"fax\" is no receiver of alerting.config_file",
        ),
        (
            format!("{people}schedules: [{{name: s, time_zone: Mars/Base}}]"),
            "on_call.schedules[0].time_zone: failed to find time zone `Mars/Base` in time zone database: write for example Europe/Berlin",
        ),
        (
            layer("handoff: '9:00'"),
            "on_call.schedules[0].layers[0].handoff: \"9:00\" is not a time of day: write for example '09:00'",
        ),
        (
            layer("hours: [{days: [funday]}]"),
            "on_call.schedules[0].layers[0].hours[0].days: \"funday\" is no day of the week: write monday to sunday",
        ),
        (
            layer("").replace("1w", "1m"),
            "on_call.schedules[0].layers[0].every: \"1m\" is not the length of a turn: write 1w, 3d or 12h, a year at most",
        ),
        (
            layer("").replace("[ann], every", "[bob], every"),
            "on_call.schedules[0].layers[0].participants: on_call.people has nobody called \"bob\"",
        ),
        (
            format!("{people}policies: [{{name: p}}]"),
            "on_call.policies[0].steps: one step at least says who is told",
        ),
        (
            format!("{people}policies: [{{name: p, steps: [{{wait: 5m}}]}}]"),
            "on_call.policies[0].steps[0]: it tells nobody: name schedules or people",
        ),
        (
            format!("{people}policies: [{{name: p, steps: [{{people: [ann], wait: 1ms}}]}}]"),
            "on_call.policies[0].steps[0].wait: 1ms is not from 1s to 7d",
        ),
        (
            format!("{people}policies: [{{name: p, steps: [{{schedules: [t]}}]}}]"),
            "on_call.policies[0].steps[0].schedules: on_call.schedules has none called \"t\"",
        ),
    ] {
        assert_eq!(oncall(&yaml).unwrap_err(), message, "{yaml}");
    }
}
