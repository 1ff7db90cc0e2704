//! Times and spans of time, as PostgreSQL writes them.

use arrow::datatypes::IntervalMonthDayNano;
use std::fmt::Write;

fn fraction(micros: i64, out: &mut String) {
    if micros != 0 {
        let digits = format!("{micros:06}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}

pub(super) fn clock(micros: i64, out: &mut String) {
    let seconds = micros.div_euclid(1_000_000);
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    fraction(micros.rem_euclid(1_000_000), out);
}

pub(super) fn date(days: i32, out: &mut String) {
    let Ok(at) = jiff::Timestamp::from_second(i64::from(days) * 86_400) else {
        out.push_str(if days > 0 { "infinity" } else { "-infinity" });
        return;
    };
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let _ = write!(out, "{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
}

pub(super) fn timestamp(micros: i64, zoned: bool, out: &mut String) {
    const DAY: i64 = 86_400_000_000;
    let days = i32::try_from(micros.div_euclid(DAY)).unwrap_or(if micros > 0 { i32::MAX } else { i32::MIN });
    date(days, out);
    if out.ends_with("infinity") {
        return;
    }
    out.push(' ');
    clock(micros.rem_euclid(DAY), out);
    if zoned {
        out.push_str("+00");
    }
}

pub(super) fn of_micros(micros: i64) -> IntervalMonthDayNano {
    IntervalMonthDayNano { months: 0, days: 0, nanoseconds: micros.saturating_mul(1000) }
}

pub(super) fn interval(v: IntervalMonthDayNano, out: &mut String) {
    let begin = out.len();
    for (n, unit) in [(v.months / 12, "year"), (v.months % 12, "mon"), (v.days, "day")] {
        if n != 0 {
            out.push_str(if out.len() > begin { " " } else { "" });
            let _ = write!(out, "{n} {unit}{}", if n == 1 { "" } else { "s" });
        }
    }
    let micros = v.nanoseconds / 1000;
    if micros != 0 || out.len() == begin {
        out.push_str(if out.len() > begin { " " } else { "" });
        out.push_str(if micros < 0 { "-" } else { "" });
        clock(micros.saturating_abs(), out);
    }
}

pub(super) fn push_interval(v: IntervalMonthDayNano, out: &mut Vec<u8>) {
    out.extend_from_slice(&(v.nanoseconds / 1000).to_be_bytes());
    out.extend_from_slice(&v.days.to_be_bytes());
    out.extend_from_slice(&v.months.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans() {
        let shown = |f: &dyn Fn(&mut String)| {
            let mut out = String::new();
            f(&mut out);
            out
        };
        assert_eq!(shown(&|o| timestamp(1_700_000_000_250_000, true, o)), "2023-11-14 22:13:20.25+00");
        assert_eq!(shown(&|o| timestamp(-1, false, o)), "1969-12-31 23:59:59.999999");
        assert_eq!(shown(&|o| timestamp(i64::MAX, true, o)), "infinity");
        let span = IntervalMonthDayNano { months: 14, days: 1, nanoseconds: -5_500_000_000 };
        assert_eq!(shown(&|o| interval(span, o)), "1 year 2 mons 1 day -00:00:05.5");
        assert_eq!(shown(&|o| interval(of_micros(0), o)), "00:00:00");
    }
}
