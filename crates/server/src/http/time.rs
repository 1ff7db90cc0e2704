//! Times and durations as the Prometheus API takes them, and calendar dates.

use model::TimeRange;

/// The earliest time of an optional range, as upstream has it.
pub const TIME_MIN_MS: i64 = (i64::MIN / 1000 + 62_135_596_801) * 1000;
/// The latest time of an optional range, as upstream has it.
pub const TIME_MAX_MS: i64 = (i64::MAX / 1000 - 62_135_596_801) * 1000 + 999;
/// All of what optional ranges can name.
pub const RANGE_ALL: TimeRange = TimeRange { start_ms: TIME_MIN_MS, end_ms: TIME_MAX_MS };

/// A time: Unix seconds with a fraction, or RFC 3339. Milliseconds.
pub fn parse_time(s: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_number(s) {
        let ms = seconds.trunc() * 1000.0 + (seconds.fract() * 1000.0).round();
        if !ms.is_finite() || ms.abs() > i64::MAX as f64 {
            return Err(format!("cannot parse {s:?} to a valid timestamp"));
        }
        return Ok(ms as i64);
    }
    match s {
        "-292273086-05-16T16:47:06Z" => return Ok(TIME_MIN_MS),
        "292277025-08-18T07:12:54.999999999Z" => return Ok(TIME_MAX_MS),
        _ => {}
    }
    parse_rfc3339(s).ok_or_else(|| format!("cannot parse {s:?} to a valid timestamp"))
}

/// A duration: seconds with a fraction, or `1h30m`. Milliseconds.
pub fn parse_duration(s: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_number(s) {
        if !(seconds * 1e9).is_finite() || (seconds * 1e9).abs() > i64::MAX as f64 {
            return Err(format!("cannot parse {s:?} to a valid duration. It overflows int64"));
        }
        return Ok((seconds * 1000.0) as i64);
    }
    parse_units(s).ok_or_else(|| format!("cannot parse {s:?} to a valid duration"))
}

/// A decimal number as other servers of this API read it: no surrounding blanks, hexadecimal or names.
fn parse_number(s: &str) -> Option<f64> {
    let plain = s.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if plain { s.parse().ok() } else { None }
}

/// `1w2d3h4m5s6ms`: units in this order, each at most once. Milliseconds.
pub fn parse_units(s: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    if s == "0" {
        return Some(0);
    }
    let mut rest = s;
    let mut next = 0;
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let at = next + UNITS[next..].iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(UNITS[at].1)?)?;
        next = at + 1;
        rest = tail;
    }
    (!s.is_empty()).then_some(total)
}

/// RFC 3339: `2026-11-21T10:20:30.5+01:00`. Milliseconds; finer digits are cut.
pub fn parse_rfc3339(s: &str) -> Option<i64> {
    let b = s.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = b.get(from..to)?;
        part.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(part).ok()?.parse().ok())?
    };
    let is = |at: usize, c: &[u8]| b.get(at).is_some_and(|x| c.contains(x));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_ms, zone) = parse_fraction(&s[19..])?;
    let offset_s = parse_zone(zone)?;
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    Some(seconds * 1000 + fraction_ms)
}

fn parse_fraction(s: &str) -> Option<(i64, &str)> {
    let Some(rest) = s.strip_prefix('.') else { return Some((0, s)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let ms = rest[..digits].bytes().chain(*b"000").take(3).fold(0, |a, d| a * 10 + i64::from(d - b'0'));
    Some((ms, &rest[digits..]))
}

fn parse_zone(s: &str) -> Option<i64> {
    if s == "Z" || s == "z" {
        return Some(0);
    }
    let b = s.as_bytes();
    if b.len() != 6 || b[3] != b':' || ![1, 2, 4, 5].iter().all(|&i| b[i].is_ascii_digit()) {
        return None;
    }
    let two = |i: usize| i64::from(b[i] - b'0') * 10 + i64::from(b[i + 1] - b'0');
    let (hours, minutes) = (two(1), two(4));
    if hours > 23 || minutes > 59 {
        return None;
    }
    match b[0] {
        b'+' => Some(hours * 3600 + minutes * 60),
        b'-' => Some(-(hours * 3600 + minutes * 60)),
        _ => None,
    }
}

/// `2026-11-21T10:20:30.5Z`, with as many digits of the second as are needed.
pub fn format_rfc3339(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (seconds, fraction) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        out.push_str(format!(".{fraction:03}").trim_end_matches('0'));
    }
    out.push('Z');
    out
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, counted in eras of 400 years that begin on the
/// first of March, so that the leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_seconds_or_rfc3339() {
        for (text, ms) in [
            ("1435781430.781", 1_435_781_430_781),
            ("0", 0),
            ("-1.5", -1500),
            ("1e3", 1_000_000),
            ("2015-07-01T20:11:00.781Z", 1_435_781_460_781),
            ("2015-07-01T22:11:00.781+02:00", 1_435_781_460_781),
            ("1969-12-31T23:59:59Z", -1000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("292277025-08-18T07:12:54.999999999Z", TIME_MAX_MS),
        ] {
            assert_eq!(parse_time(text), Ok(ms), "{text}");
        }
        for text in
            ["", "now", "2023-02-29T00:00:00Z", "2015-07-01", "2015-07-01T20:11:00", "0x10", "NaN", "1e300"]
        {
            assert!(parse_time(text).unwrap_err().contains("to a valid timestamp"), "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_or_units() {
        for (text, ms) in [
            ("15", 15_000),
            ("0.5", 500),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("5ms", 5),
            ("-3", -3000),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
        }
        for text in ["", "1", "5m1h", "1h1h", "m", "1.5h", "h1"] {
            assert_eq!(parse_units(text), None, "{text}");
        }
        assert!(parse_duration("1e30").unwrap_err().contains("overflows"));
    }

    proptest! {
        #[test]
        fn dates_come_back(ms in -60_000_000_000_000i64..250_000_000_000_000) {
            prop_assert_eq!(parse_rfc3339(&format_rfc3339(ms)), Some(ms));
        }

        #[test]
        fn nothing_makes_the_parsers_panic(s in any::<String>()) {
            let _ = (parse_time(&s), parse_duration(&s));
        }
    }
}
