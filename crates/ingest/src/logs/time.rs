//! Times as programs write them. All results are Unix nanoseconds.
//!
//! Days are counted with the civil calendar algorithms of Howard Hinnant
//! (<https://howardhinnant.github.io/date_algorithms.html>).

/// Nanoseconds of a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// A time in one of the usual formats:
///
/// - `2026-11-21T10:20:30.123456789Z`, also with a blank, `/` in the date, a comma before the fraction, an offset
///   `+01:00`, `+0100` or `+01`, or nothing at the end, which means UTC; a date alone is its midnight;
/// - Unix time in seconds (with a fraction), milliseconds, microseconds or nanoseconds, told apart by size;
/// - `21/Nov/2026:10:20:30 +0100`, as web servers write it;
/// - `Sat, 21 Nov 2026 10:20:30 +0100` (RFC 2822).
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let b = text.as_bytes();
    match (b.first()?, b.get(2), b.get(4)) {
        (b'0'..=b'9', _, Some(b'-' | b'/')) => iso(text),
        (b'0'..=b'9', Some(b'/'), _) => web_server(text),
        (b'A'..=b'Z' | b'a'..=b'z', ..) => rfc2822(text),
        (b'0'..=b'9' | b'-' | b'+' | b'.', ..) => unix(text),
        _ => None,
    }
}

/// Unix time whose unit is told by its size: up to 10^11 seconds, then milli-, micro- and nanoseconds.
pub fn from_int(n: i64) -> Option<i64> {
    match n.unsigned_abs() {
        0..100_000_000_000 => n.checked_mul(SECOND_NS),
        100_000_000_000..100_000_000_000_000 => n.checked_mul(1_000_000),
        100_000_000_000_000..100_000_000_000_000_000 => n.checked_mul(1000),
        _ => Some(n),
    }
}

/// As [`from_int`], with a fraction.
pub fn from_float(x: f64) -> Option<i64> {
    let unit = match x.abs() {
        a if a < 1e11 => 1e9,
        a if a < 1e14 => 1e6,
        a if a < 1e17 => 1e3,
        a if a < 9.2e18 => 1.0,
        _ => return None,
    };
    // The whole part alone is exact; a product of all would lose the last digits.
    let whole = (x.trunc() as i64).checked_mul(unit as i64)?;
    whole.checked_add((x.fract() * unit).round() as i64)
}

fn unix(text: &str) -> Option<i64> {
    if let Ok(n) = text.parse::<i64>() {
        return from_int(n);
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && let Ok(seconds) = whole.parse::<i64>()
        && seconds.unsigned_abs() < 100_000_000_000
        && !fraction.is_empty()
        && fraction.bytes().all(|b| b.is_ascii_digit())
    {
        let (ns, _) = fraction_ns(fraction);
        let ns = if whole.starts_with('-') { -ns } else { ns };
        return seconds.checked_mul(SECOND_NS)?.checked_add(ns);
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if plain { text.parse().ok().and_then(from_float) } else { None }
}

/// ISO 8601 and what is close to it.
fn iso(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let (year, month, day) = (digits4(b, 0)?, digits2(b, 5)?, digits2(b, 8)?);
    if b[7] != b[4] {
        return None;
    }
    let days = days_from_civil(year, month, day)?;
    if b.len() == 10 {
        return at(days, 0, 0);
    }
    if !matches!(b[10], b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let (clock, rest) = clock(&text[11..])?;
    clock.on(days, zone(rest.trim_start())?)
}

/// `21/Nov/2026:10:20:30 +0100`.
fn web_server(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let days = days_from_civil(digits4(b, 7)?, month(text.get(3..6)?)?, digits2(b, 0)?)?;
    if b.get(6) != Some(&b'/') || b.get(11) != Some(&b':') {
        return None;
    }
    let (clock, rest) = clock(text.get(12..)?)?;
    clock.on(days, zone(rest.trim_start())?)
}

/// `Sat, 21 Nov 2026 10:20:30 +0100`.
fn rfc2822(text: &str) -> Option<i64> {
    let rest = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let mut words = rest.split_ascii_whitespace();
    let (day, name, year) = (words.next()?, words.next()?, words.next()?);
    let days = days_from_civil(year.parse().ok()?, month(name)?, day.parse().ok()?)?;
    let (clock, rest) = clock(words.next()?)?;
    clock.on(days, zone(if rest.is_empty() { words.next().unwrap_or("") } else { rest })?)
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub ns: i64,
}

impl Clock {
    /// This time of a day, at an offset from UTC.
    pub fn on(self, days: i64, offset_s: i64) -> Option<i64> {
        at(days, self.hour * 3600 + self.minute * 60 + self.second - offset_s, self.ns)
    }
}

fn at(days: i64, second_of_day: i64, ns: i64) -> Option<i64> {
    let seconds = days.checked_mul(86_400)?.checked_add(second_of_day)?;
    seconds.checked_mul(SECOND_NS)?.checked_add(ns)
}

/// `10:20`, `10:20:30` or `10:20:30.5`, and what follows it.
pub(crate) fn clock(text: &str) -> Option<(Clock, &str)> {
    let b = text.as_bytes();
    let (hour, minute) = (digits2(b, 0)?, digits2(b, 3)?);
    if b.get(2) != Some(&b':') || hour > 23 || minute > 59 {
        return None;
    }
    if b.get(5) != Some(&b':') {
        return Some((Clock { hour, minute, second: 0, ns: 0 }, text.get(5..)?));
    }
    let second = digits2(b, 6)?;
    // A leap second is the first one of the next minute.
    if second > 60 {
        return None;
    }
    let rest = text.get(8..)?;
    let (ns, rest) = match rest.as_bytes() {
        [b'.' | b',', b'0'..=b'9', ..] => {
            let (ns, digits) = fraction_ns(&rest[1..]);
            (ns, &rest[1 + digits..])
        }
        _ => (0, rest),
    };
    Some((Clock { hour, minute, second, ns }, rest))
}

/// Decimals of a second as nanoseconds, finer ones cut; and how many there are.
fn fraction_ns(text: &str) -> (i64, usize) {
    let (mut ns, mut digits) = (0, 0);
    for b in text.bytes().take_while(u8::is_ascii_digit) {
        if digits < 9 {
            ns = ns * 10 + i64::from(b - b'0');
        }
        digits += 1;
    }
    for _ in digits..9 {
        ns *= 10;
    }
    (ns, digits)
}

/// Seconds east of UTC: `Z`, `+01:00`, `-0130`, `+01`, `UTC`, `GMT` or nothing.
pub fn zone(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let sign = match b {
        [] | b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let hours = digits2(b, 1)?;
    let minutes = match (b.len(), b.get(3)) {
        (3, _) => 0,
        (5, _) => digits2(b, 3)?,
        (6, Some(b':')) => digits2(b, 4)?,
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The number of a month by its English name or the first three letters of it.
pub fn month(name: &str) -> Option<i64> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let short = name.get(..3)?;
    NAMES.iter().position(|n| n.eq_ignore_ascii_case(short)).map(|i| i as i64 + 1)
}

pub(crate) fn digits2(b: &[u8], at: usize) -> Option<i64> {
    match b.get(at..at + 2)? {
        [x @ b'0'..=b'9', y @ b'0'..=b'9'] => Some(i64::from(x - b'0') * 10 + i64::from(y - b'0')),
        _ => None,
    }
}

pub(crate) fn digits4(b: &[u8], at: usize) -> Option<i64> {
    Some(digits2(b, at)? * 100 + digits2(b, at + 2)?)
}

/// Days since 1970-01-01, if there is such a date.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(0..=9999).contains(&year) || day < 1 || day > month_days(year, month) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year and month of a day since 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z - era * 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-21T10:20:30Z.
    const T: i64 = 1_795_256_430;

    #[test]
    fn formats() {
        for (text, want) in [
            ("2026-11-21T10:20:30Z", Some(T * SECOND_NS)),
            ("2026-11-21T10:20:30.123456789Z", Some(T * SECOND_NS + 123_456_789)),
            ("2026-11-21T10:20:30.1234567899Z", Some(T * SECOND_NS + 123_456_789)),
            ("2026-11-21T11:20:30.5+01:00", Some(T * SECOND_NS + 500_000_000)),
            ("2026-11-21T11:20:30,5+0100", Some(T * SECOND_NS + 500_000_000)),
            ("2026-11-21T09:20:30-01", Some(T * SECOND_NS)),
            ("2026-11-21 10:20:30", Some(T * SECOND_NS)),
            ("2026-11-21 10:20:30.250 UTC", Some(T * SECOND_NS + 250_000_000)),
            ("2026/11/21 10:20:30", Some(T * SECOND_NS)),
            ("2026-11-21 10:20", Some((T - 30) * SECOND_NS)),
            ("2026-11-21", Some((T - 10 * 3600 - 20 * 60 - 30) * SECOND_NS)),
            ("21/Nov/2026:11:20:30 +0100", Some(T * SECOND_NS)),
            ("Sat, 21 Nov 2026 10:20:30 GMT", Some(T * SECOND_NS)),
            ("1795256430", Some(T * SECOND_NS)),
            ("1795256430.5", Some(T * SECOND_NS + 500_000_000)),
            ("1795256430.000000001", Some(T * SECOND_NS + 1)),
            ("1795256430123", Some(T * SECOND_NS + 123_000_000)),
            ("1795256430123456", Some(T * SECOND_NS + 123_456_000)),
            ("1795256430123456789", Some(T * SECOND_NS + 123_456_789)),
            ("1.795256430e9", Some(T * SECOND_NS)),
            ("-1.5", Some(-1_500_000_000)),
            ("1969-12-31T23:59:59Z", Some(-SECOND_NS)),
            ("2024-02-29", Some(1_709_164_800 * SECOND_NS)),
            ("2023-02-29", None),
            ("2026-13-01", None),
            ("2026-11-21T25:00:00Z", None),
            ("2026-11-21T10:20:30+25:00", None),
            ("2026-11-21T10:20:30 tomorrow", None),
            ("9999-01-01T00:00:00Z", None),
            ("yesterday", None),
            ("", None),
            ("12ms", None),
            ("é026-11-21", None),
        ] {
            assert_eq!(parse(text), want, "{text:?}");
        }
        assert_eq!(from_float(1_795_256_430.25), Some(T * SECOND_NS + 250_000_000));
        assert_eq!(from_float(f64::NAN), None);
        assert_eq!(from_int(i64::MIN), Some(i64::MIN));
    }

    proptest! {
        #[test]
        fn days_and_dates_agree(days in -700_000i64..2_900_000) {
            let (year, month) = civil_from_days(days);
            let first = days_from_civil(year, month, 1).unwrap();
            prop_assert!(first <= days && days < first + month_days(year, month));
        }

        #[test]
        fn anything_is_read_or_refused(text in ".{0,40}") {
            parse(&text);
        }
    }
}
