//! What plugins print, as data: `outputs/*.txt` hold outputs, each with what is read of it.

use nagios::{Output, Perfdata, Range};
use proptest::prelude::*;
use std::path::Path;

fn shown(out: &Output) -> String {
    let mut text = format!("summary: {}\n", out.summary);
    for line in out.text.lines() {
        text.push_str(&format!("text: {line}\n"));
    }
    for p in &out.perfdata {
        let q = p.quantity();
        let value = p.value.map_or("U".to_owned(), |v| (v * q.factor).to_string());
        text.push_str(&format!(
            "perfdata: {:?} {value} {:?}",
            p.label,
            if q.unit == "other" { &p.unit } else { q.unit }
        ));
        for (name, range) in [("warning", p.warning), ("critical", p.critical)] {
            if let Some(Range { low, high, inside }) = range.map(|r| r.scaled(q.factor)) {
                text.push_str(&format!(
                    " {name} {} {low}..{high}",
                    if inside { "inside" } else { "outside" }
                ));
            }
        }
        for (name, bound) in [("min", p.min), ("max", p.max)] {
            if let Some(bound) = bound {
                text.push_str(&format!(" {name} {}", bound * q.factor));
            }
        }
        text.push('\n');
    }
    if out.unreadable > 0 {
        text.push_str(&format!("unreadable: {}\n", out.unreadable));
    }
    text
}

#[test]
fn outputs_are_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outputs");
    let mut cases = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let content = std::fs::read_to_string(&path).unwrap();
        for case in content.split("\n====\n") {
            let (printed, want) =
                case.split_once("\n----\n").expect("an output, ---- and what is read of it");
            assert_eq!(
                shown(&Output::read(printed)).trim_end(),
                want.trim_end(),
                "{}: {printed}",
                path.display()
            );
            cases += 1;
        }
    }
    assert!(cases > 10, "{cases} cases only");
}

#[test]
fn ranges_alert_outside_or_inside() {
    for (range, value, alerts) in [
        ("10", -1.0, true),
        ("10", 0.0, false),
        ("10", 10.0, false),
        ("10", 11.0, true),
        ("10:", 9.0, true),
        ("10:", 1e9, false),
        ("~:10", -1e9, false),
        ("~:10", 11.0, true),
        ("10:20", 15.0, false),
        ("@10:20", 15.0, true),
        ("@10:20", 10.0, true),
        ("@10:20", 21.0, false),
    ] {
        assert_eq!(Range::read(range).unwrap().alerts(value), alerts, "{range} {value}");
    }
    for wrong in ["", "a", "20:10", "@", "1:b", "1e999"] {
        assert_eq!(Range::read(wrong), None, "{wrong}");
    }
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![(-1_000_000i64..1_000_000).prop_map(|v| v as f64 / 8.0), Just(0.0)]
}

fn any_range() -> impl Strategy<Value = Range> {
    (any_number(), any_number(), any::<bool>(), 0..3u8).prop_map(|(a, b, inside, open)| {
        let (low, high) = (a.min(b), a.max(b));
        let low = if open == 1 { f64::NEG_INFINITY } else { low };
        let high = if open == 2 { f64::INFINITY } else { high };
        Range { low, high, inside }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        label in "[a-zA-Z0-9 ='/|_%-]{1,20}".prop_filter("a label is more than white space", |l| !l.contains('|')),
        unit in prop_oneof![Just(""), Just("s"), Just("ms"), Just("B"), Just("KB"), Just("%"), Just("c"), Just("rpm")],
        value in proptest::option::of(any_number()),
        warning in proptest::option::of(any_range()),
        critical in proptest::option::of(any_range()),
        min in proptest::option::of(any_number()),
    ) {
        let p = Perfdata { label, unit: unit.to_owned(), value, warning, critical, min, max: None };
        let out = Output::read(&format!("OK | {} other=1", p.write()));
        prop_assert_eq!(out.unreadable, 0);
        prop_assert_eq!(out.perfdata.len(), 2);
        prop_assert_eq!(&out.perfdata[0], &p);
    }
}
