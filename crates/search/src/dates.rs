//! Dates in requests and answers: formats, time zones, date mathematics.

use crate::error::SearchError;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

pub(crate) const SECOND_NS: i64 = 1_000_000_000;
pub(crate) const MILLI_NS: i64 = 1_000_000;

/// How a date is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    EpochMillis,
    EpochSecond,
    /// ISO 8601, of which all behind the year may be missing.
    Iso,
    /// Letters of Java's `DateTimeFormatter`.
    Letters(Vec<Letter>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Letter {
    Year,
    Month(usize),
    MonthName,
    Day(usize),
    Hour(usize),
    Minute(usize),
    Second(usize),
    Fraction(usize),
    Weekday,
    /// `+01:00` or `+0100`, and whether `Z` stands for none.
    Offset {
        colon: bool,
        z: bool,
    },
    Literal(String),
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milli,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A time zone: an offset, or a name of the IANA database.
pub(crate) fn zone(text: &str) -> Result<TimeZone, SearchError> {
    if matches!(text, "Z" | "z" | "UTC" | "") {
        return Ok(TimeZone::UTC);
    }
    if let Some((seconds, "")) = offset(text) {
        return Ok(TimeZone::fixed(Offset::from_seconds(seconds).unwrap_or(Offset::UTC)));
    }
    TimeZone::get(text).map_err(|_| {
        SearchError::illegal(format!(
            "unknown time-zone ID [{text}]: use for example [Europe/Berlin] or [+01:00]"
        ))
    })
}

/// An offset at the beginning of a text in seconds, and the rest.
fn offset(text: &str) -> Option<(i32, &str)> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut rest = &text[1..];
    let hours = digits(&mut rest, 1, 2)?;
    let bare = rest;
    let minutes = rest.strip_prefix(':').unwrap_or(rest);
    rest = minutes;
    let minutes = match digits(&mut rest, 2, 2) {
        Some(m) => m,
        None => {
            rest = bare;
            0
        }
    };
    (hours <= 18 && minutes < 60).then_some((sign * (hours * 3600 + minutes * 60) as i32, rest))
}

fn digits(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (number, tail) = rest.split_at(count);
    *rest = tail;
    number.parse().ok()
}

/// What a list of formats, `a||b`, means.
pub(crate) fn formats(text: &str) -> Result<Vec<Format>, SearchError> {
    text.split("||").map(|one| format_of(one.trim())).collect()
}

/// As dates are read where no format is given.
pub(crate) fn default_formats() -> Vec<Format> {
    vec![Format::Iso, Format::EpochMillis]
}

fn format_of(name: &str) -> Result<Format, SearchError> {
    let pattern = match name.strip_prefix("strict_").unwrap_or(name) {
        "epoch_millis" => return Ok(Format::EpochMillis),
        "epoch_second" => return Ok(Format::EpochSecond),
        "date_optional_time" | "date_optional_time_nanos" | "dateOptionalTime" | "iso8601" => {
            return Ok(Format::Iso);
        }
        "date" | "year_month_day" => "yyyy-MM-dd",
        "basic_date" => "yyyyMMdd",
        "date_time" => "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "date_time_no_millis" => "yyyy-MM-dd'T'HH:mm:ssXXX",
        "basic_date_time" => "yyyyMMdd'T'HHmmss.SSSXX",
        "basic_date_time_no_millis" => "yyyyMMdd'T'HHmmssXX",
        "date_hour" => "yyyy-MM-dd'T'HH",
        "date_hour_minute" => "yyyy-MM-dd'T'HH:mm",
        "date_hour_minute_second" => "yyyy-MM-dd'T'HH:mm:ss",
        "date_hour_minute_second_millis" | "date_hour_minute_second_fraction" => "yyyy-MM-dd'T'HH:mm:ss.SSS",
        "hour_minute" => "HH:mm",
        "hour_minute_second" => "HH:mm:ss",
        "year_month" => "yyyy-MM",
        "year" => "yyyy",
        letters => letters,
    };
    letters(pattern).map(Format::Letters).ok_or_else(|| {
        SearchError::illegal(format!("Invalid format: [{name}]: it is neither a named format that is supported nor a pattern of the letters y u M d H m s S E X x Z"))
    })
}

fn letters(pattern: &str) -> Option<Vec<Letter>> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let run = rest.chars().take_while(|x| *x == c).count();
        if c == '\'' {
            let (text, behind) = quoted(&rest[1..])?;
            out.push(Letter::Literal(text));
            rest = behind;
            continue;
        }
        let letter = match (c, run) {
            ('y' | 'u', 4 | 1) => Letter::Year,
            ('M', 1 | 2) => Letter::Month(run),
            ('M', 3) => Letter::MonthName,
            ('d', 1 | 2) => Letter::Day(run),
            ('H', 1 | 2) => Letter::Hour(run),
            ('m', 1 | 2) => Letter::Minute(run),
            ('s', 1 | 2) => Letter::Second(run),
            ('S', 1..=9) => Letter::Fraction(run),
            ('E', 1..=3) => Letter::Weekday,
            ('X', 1..=3) => Letter::Offset { colon: run == 3, z: true },
            ('x', 1..=3) => Letter::Offset { colon: run == 3, z: false },
            ('Z', 1..=3) => Letter::Offset { colon: false, z: false },
            (c, _) if c.is_ascii_alphabetic() => return None,
            _ => Letter::Literal(rest[..c.len_utf8() * run].to_owned()),
        };
        out.push(letter);
        rest = &rest[c.len_utf8() * run..];
    }
    (!out.is_empty()).then_some(out)
}

/// The text up to a closing quote, and what is behind it; two quotes stand for one.
fn quoted(text: &str) -> Option<(String, &str)> {
    if let Some(behind) = text.strip_prefix('\'') {
        return Some(("'".to_owned(), behind));
    }
    let mut out = String::new();
    let mut rest = text;
    loop {
        let (head, tail) = rest.split_once('\'')?;
        out.push_str(head);
        match tail.strip_prefix('\'') {
            Some(behind) => {
                out.push('\'');
                rest = behind;
            }
            None => return Some((out, tail)),
        }
    }
}

/// A date as far as it is given.
struct Parts {
    date: Date,
    time: Time,
    /// Seconds from UTC, if stated.
    offset: Option<i32>,
    /// The smallest unit given.
    unit: Unit,
    /// With fractions of a second so many nanoseconds are the smallest unit.
    fraction_ns: i64,
}

impl Parts {
    fn nothing() -> Parts {
        Parts {
            date: Date::constant(1970, 1, 1),
            time: Time::midnight(),
            offset: None,
            unit: Unit::Year,
            fraction_ns: 0,
        }
    }

    /// The first instant it means, or the last one.
    fn instant(&self, tz: &TimeZone, last: bool) -> Option<i64> {
        let tz = match self.offset {
            Some(seconds) => TimeZone::fixed(Offset::from_seconds(seconds).ok()?),
            None => tz.clone(),
        };
        let first = self.date.to_datetime(self.time);
        if !last {
            return ns_of(first, &tz);
        }
        if self.fraction_ns > 0 {
            return ns_of(first, &tz)?.checked_add(self.fraction_ns - 1);
        }
        ns_of(plus(first, 1, self.unit)?, &tz)?.checked_sub(1)
    }
}

/// The instant of a date and time in a zone, Unix nanoseconds.
pub(crate) fn ns_of(local: DateTime, tz: &TimeZone) -> Option<i64> {
    let instant = tz.to_ambiguous_timestamp(local).compatible().ok()?;
    i64::try_from(instant.as_nanosecond()).ok()
}

/// The date and time of an instant in a zone.
pub(crate) fn local_of(ns: i64, tz: &TimeZone) -> DateTime {
    tz.to_datetime(timestamp(ns))
}

fn timestamp(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A date and time some units later.
pub(crate) fn plus(local: DateTime, count: i64, unit: Unit) -> Option<DateTime> {
    let span = Span::new();
    let span = match unit {
        Unit::Milli => span.try_milliseconds(count),
        Unit::Second => span.try_seconds(count),
        Unit::Minute => span.try_minutes(count),
        Unit::Hour => span.try_hours(count),
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        Unit::Quarter => span.try_months(count.checked_mul(3)?),
        Unit::Year => span.try_years(count),
    };
    local.checked_add(span.ok()?).ok()
}

/// The beginning of the unit that a date and time lies in.
pub(crate) fn floor(local: DateTime, unit: Unit) -> DateTime {
    let (date, time) = (local.date(), local.time());
    let at = |hour, minute, second, ns| date.at(hour, minute, second, ns);
    let midnight = |date: Date| date.to_datetime(Time::midnight());
    match unit {
        Unit::Milli => {
            at(time.hour(), time.minute(), time.second(), time.subsec_nanosecond() / 1_000_000 * 1_000_000)
        }
        Unit::Second => at(time.hour(), time.minute(), time.second(), 0),
        Unit::Minute => at(time.hour(), time.minute(), 0, 0),
        Unit::Hour => at(time.hour(), 0, 0, 0),
        Unit::Day => midnight(date),
        Unit::Week => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            midnight(date.checked_sub(SignedDuration::from_hours(24 * back)).unwrap_or(date))
        }
        Unit::Month => midnight(date.first_of_month()),
        Unit::Quarter => {
            let month = (date.month() - 1) / 3 * 3 + 1;
            midnight(Date::new(date.year(), month, 1).unwrap_or(date))
        }
        Unit::Year => midnight(date.first_of_year()),
    }
}

/// A date with mathematics: `now-1d/d`, `2026-11-21||+1M/M`. `last` asks for the end of what is not given or rounded.
pub(crate) fn parse(
    text: &str,
    formats: &[Format],
    tz: &TimeZone,
    last: bool,
    now_ns: i64,
) -> Result<i64, SearchError> {
    let wrong = |why: &str| SearchError::date(format!("failed to parse date field [{text}]: {why}"));
    let (at, math) = match text.strip_prefix("now") {
        Some(math) => (Some(now_ns), math),
        None => {
            let (date, math) = text.split_once("||").unwrap_or((text, ""));
            let last = last && math.is_empty();
            (formats.iter().find_map(|f| f.read(date, tz, last)), math)
        }
    };
    let at = at.ok_or_else(|| wrong("it fits none of the formats"))?;
    mathematics(at, math, tz, last)
        .ok_or_else(|| wrong("[+N], [-N] or [/] and one of [y M w d h H m s] are expected behind the date"))
}

fn mathematics(at: i64, math: &str, tz: &TimeZone, last: bool) -> Option<i64> {
    let mut local = local_of(at, tz);
    let mut exact = at;
    let mut rest = math;
    while let Some(op) = rest.chars().next() {
        rest = rest.get(1..)?;
        let count = match op {
            '+' | '-' => digits(&mut rest, 0, 9).unwrap_or(1) * if op == '-' { -1 } else { 1 },
            '/' => 0,
            _ => return None,
        };
        let unit = match rest.chars().next()? {
            'y' => Unit::Year,
            'M' => Unit::Month,
            'w' => Unit::Week,
            'd' => Unit::Day,
            'h' | 'H' => Unit::Hour,
            'm' => Unit::Minute,
            's' => Unit::Second,
            _ => return None,
        };
        rest = &rest[1..];
        if op != '/' {
            let by = match unit {
                Unit::Second => Some(SECOND_NS),
                Unit::Minute => Some(60 * SECOND_NS),
                Unit::Hour => Some(3600 * SECOND_NS),
                _ => None,
            };
            exact = match by {
                Some(by) => exact.checked_add(by.checked_mul(count)?)?,
                None => ns_of(plus(local, count, unit)?, tz)?,
            };
        } else {
            let start = floor(local, unit);
            exact = match last {
                true => ns_of(plus(start, 1, unit)?, tz)?.checked_sub(1)?,
                false => ns_of(start, tz)?,
            };
        }
        local = local_of(exact, tz);
    }
    Some(exact)
}

impl Format {
    /// The instant a text means, Unix nanoseconds: the first one, or the last.
    pub fn read(&self, text: &str, tz: &TimeZone, last: bool) -> Option<i64> {
        let epoch = |unit: i64| {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            if !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let at = whole.parse::<i64>().ok()?.checked_mul(unit)?;
            let part: f64 = format!("0.{fraction}0").parse().ok()?;
            let more = if last && fraction.is_empty() { unit - 1 } else { (part * unit as f64) as i64 };
            at.checked_add(more)
        };
        match self {
            Format::EpochMillis => epoch(MILLI_NS),
            Format::EpochSecond => epoch(SECOND_NS),
            Format::Iso => iso(text)?.instant(tz, last),
            Format::Letters(letters) => read_letters(letters, text)?.instant(tz, last),
        }
    }

    /// An instant as text.
    pub fn write(&self, ns: i64, tz: &TimeZone) -> String {
        match self {
            Format::EpochMillis => ns.div_euclid(MILLI_NS).to_string(),
            Format::EpochSecond => ns.div_euclid(SECOND_NS).to_string(),
            Format::Iso => write_iso(ns, tz),
            Format::Letters(letters) => {
                let local = local_of(ns, tz);
                let offset = tz.to_offset(timestamp(ns)).seconds();
                letters.iter().map(|l| write_letter(l, local, offset)).collect()
            }
        }
    }
}

/// `2026-11-21T10:20:30.500Z`: milliseconds, or nanoseconds where they matter.
pub(crate) fn write_iso(ns: i64, tz: &TimeZone) -> String {
    let local = local_of(ns, tz);
    let seconds = tz.to_offset(timestamp(ns)).seconds();
    let offset = write_letter(&Letter::Offset { colon: true, z: true }, local, seconds);
    let digits = if ns % MILLI_NS == 0 { 3 } else { 9 };
    let fraction = write_letter(&Letter::Fraction(digits), local, seconds);
    let (d, t) = (local.date(), local.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{fraction}{offset}",
        d.year(),
        d.month(),
        d.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

fn write_letter(letter: &Letter, local: DateTime, offset: i32) -> String {
    let (d, t) = (local.date(), local.time());
    let padded = |n: i8, width: usize| format!("{n:0width$}");
    match letter {
        Letter::Year => format!("{:04}", d.year()),
        Letter::Month(w) => padded(d.month(), *w),
        Letter::MonthName => MONTHS[(d.month() - 1) as usize].to_owned(),
        Letter::Day(w) => padded(d.day(), *w),
        Letter::Hour(w) => padded(t.hour(), *w),
        Letter::Minute(w) => padded(t.minute(), *w),
        Letter::Second(w) => padded(t.second(), *w),
        Letter::Fraction(w) => format!("{:09}", t.subsec_nanosecond())[..*w].to_owned(),
        Letter::Weekday => DAYS[d.weekday().to_monday_zero_offset() as usize].to_owned(),
        Letter::Offset { z: true, .. } if offset == 0 => "Z".to_owned(),
        Letter::Offset { colon, .. } => {
            let sign = if offset < 0 { '-' } else { '+' };
            let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
            let colon = if *colon { ":" } else { "" };
            format!("{sign}{hours:02}{colon}{minutes:02}")
        }
        Letter::Literal(text) => text.clone(),
    }
}

fn iso(text: &str) -> Option<Parts> {
    let mut rest = text.trim();
    let mut p = Parts::nothing();
    let year = digits(&mut rest, 4, 4)?;
    let (mut month, mut day) = (1, 1);
    if let Some(behind) = rest.strip_prefix('-') {
        rest = behind;
        month = digits(&mut rest, 1, 2)?;
        p.unit = Unit::Month;
        if let Some(behind) = rest.strip_prefix('-') {
            rest = behind;
            day = digits(&mut rest, 1, 2)?;
            p.unit = Unit::Day;
        }
    }
    p.date = Date::new(year as i16, month as i8, day as i8).ok()?;
    if let Some(behind) = rest.strip_prefix(['T', 't', ' ']) {
        rest = behind;
        iso_time(&mut p, &mut rest)?;
        if let Some(behind) = rest.strip_prefix(['Z', 'z']) {
            p.offset = Some(0);
            rest = behind;
        } else if let Some((seconds, behind)) = offset(rest) {
            p.offset = Some(seconds);
            rest = behind;
        }
    }
    rest.is_empty().then_some(p)
}

fn iso_time(p: &mut Parts, rest: &mut &str) -> Option<()> {
    if rest.is_empty() {
        return Some(());
    }
    let (mut minute, mut second, mut ns) = (0, 0, 0);
    let hour = digits(rest, 1, 2)?;
    p.unit = Unit::Hour;
    if let Some(behind) = rest.strip_prefix(':') {
        *rest = behind;
        minute = digits(rest, 1, 2)?;
        p.unit = Unit::Minute;
        if let Some(behind) = rest.strip_prefix(':') {
            *rest = behind;
            second = digits(rest, 1, 2)?;
            p.unit = Unit::Second;
            if let Some(behind) = rest.strip_prefix(['.', ',']) {
                *rest = behind;
                (ns, p.fraction_ns) = fraction(rest)?;
            }
        }
    }
    p.time = Time::new(hour as i8, minute as i8, second as i8, ns as i32).ok()?;
    Some(())
}

/// Digits behind the point as nanoseconds, and how many of these the last digit stands for; never less than a
/// millisecond's worth is meant by three digits or fewer.
fn fraction(rest: &mut &str) -> Option<(i64, i64)> {
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = digits(rest, 1, 9)?;
    *rest = &rest[count.saturating_sub(9)..];
    let unit = 10i64.pow(9 - count.min(9) as u32);
    Some((number * unit, unit.min(MILLI_NS)))
}

fn read_letters(letters: &[Letter], text: &str) -> Option<Parts> {
    let mut p = Parts::nothing();
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let (mut hour, mut minute, mut second, mut ns) = (0, 0, 0, 0);
    let mut rest = text;
    let mut unit = Unit::Year;
    for letter in letters {
        let finer = match letter {
            Letter::Year => {
                year = digits(&mut rest, 4, 4)?;
                Unit::Year
            }
            Letter::Month(w) => {
                month = digits(&mut rest, *w, 2)?;
                Unit::Month
            }
            Letter::MonthName => {
                let name = rest.get(..3)?;
                month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(name))? as i64 + 1;
                rest = &rest[3..];
                Unit::Month
            }
            Letter::Day(w) => {
                day = digits(&mut rest, *w, 2)?;
                Unit::Day
            }
            Letter::Hour(w) => {
                hour = digits(&mut rest, *w, 2)?;
                Unit::Hour
            }
            Letter::Minute(w) => {
                minute = digits(&mut rest, *w, 2)?;
                Unit::Minute
            }
            Letter::Second(w) => {
                second = digits(&mut rest, *w, 2)?;
                Unit::Second
            }
            Letter::Fraction(_) => {
                (ns, p.fraction_ns) = fraction(&mut rest)?;
                Unit::Milli
            }
            Letter::Weekday => {
                let name = rest.get(..3)?;
                DAYS.iter().position(|d| d.eq_ignore_ascii_case(name))?;
                rest = &rest[3..];
                continue;
            }
            Letter::Offset { .. } => {
                let (seconds, behind) = match rest.strip_prefix('Z') {
                    Some(behind) => (0, behind),
                    None => offset(rest)?,
                };
                p.offset = Some(seconds);
                rest = behind;
                continue;
            }
            Letter::Literal(literal) => {
                rest = rest.strip_prefix(literal.as_str())?;
                continue;
            }
        };
        if (finer as u8) < (unit as u8) {
            unit = finer;
        }
    }
    p.unit = unit;
    p.date = Date::new(year as i16, month as i8, day as i8).ok()?;
    p.time = Time::new(hour as i8, minute as i8, second as i8, ns as i32).ok()?;
    rest.is_empty().then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_256_430_500_000_000; // 2026-11-21T10:20:30.5Z

    fn shown(text: &str, formats_of: &str, tz: &str, last: bool) -> String {
        let formats = if formats_of.is_empty() { default_formats() } else { formats(formats_of).unwrap() };
        match parse(text, &formats, &zone(tz).unwrap(), last, NOW) {
            Ok(ns) => write_iso(ns, &TimeZone::UTC),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn dates_are_read() {
        for (text, formats, tz, last, is) in [
            ("now", "", "", false, "2026-11-21T10:20:30.500Z"),
            ("now-1d/d", "", "", false, "2026-11-20T00:00:00.000Z"),
            ("now/d", "", "", true, "2026-11-21T23:59:59.999999999Z"),
            ("now/d", "", "Asia/Shanghai", false, "2026-11-20T16:00:00.000Z"),
            ("now/w", "", "", false, "2026-11-16T00:00:00.000Z"),
            ("2026-11-21||+1M/M", "", "", false, "2026-12-01T00:00:00.000Z"),
            ("2026-11", "", "", true, "2026-11-30T23:59:59.999999999Z"),
            ("2026-11-21T10:20", "", "+01:00", false, "2026-11-21T09:20:00.000Z"),
            ("2026-11-21T10:20:30.5+0200", "", "", false, "2026-11-21T08:20:30.500Z"),
            ("1795256430500", "", "", false, "2026-11-21T10:20:30.500Z"),
            ("1795256430500", "epoch_millis", "", true, "2026-11-21T10:20:30.500999999Z"),
            ("1795256430", "epoch_second", "", false, "2026-11-21T10:20:30.000Z"),
            ("21/11/2026 10", "dd/MM/yyyy HH||yyyy", "", false, "2026-11-21T10:00:00.000Z"),
            ("20261121", "basic_date", "", true, "2026-11-21T23:59:59.999999999Z"),
            ("2026-03-29T02:30:00", "", "Europe/Berlin", false, "2026-03-29T01:30:00.000Z"),
        ] {
            assert_eq!(shown(text, formats, tz, last), is, "{text} {formats} {tz}");
        }
        for wrong in ["", "soon", "now-", "now/x", "now*2d", "2026-13-01", "2026-11-21||x", "now+1é"] {
            assert!(shown(wrong, "", "", false).contains("failed to parse"), "{wrong}");
        }
        assert!(zone("Mars/Base").is_err() && formats("qqq").is_err());
    }

    #[test]
    fn dates_are_written() {
        let write = |format: &str, tz: &str| formats(format).unwrap()[0].write(NOW, &zone(tz).unwrap());
        assert_eq!(write("yyyy-MM-dd HH:mm:ss.SSS XXX", "+05:30"), "2026-11-21 15:50:30.500 +05:30");
        assert_eq!(write("EEE dd MMM uuuu 'o''clock'", ""), "Sat 21 Nov 2026 o'clock");
        assert_eq!(write("epoch_millis", ""), "1795256430500");
        assert_eq!(write("strict_date_optional_time", "Europe/Berlin"), "2026-11-21T11:20:30.500+01:00");
    }
}
