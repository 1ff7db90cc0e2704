//! Instants out of texts, by Go's layouts.

use template::{Object, Time, Value};

const SECOND: i128 = 1_000_000_000;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The instant that a value is, in Unix nanoseconds: a time, a number of seconds, or either as text.
pub(super) fn instant(value: &Value, text: &str) -> Result<i128, String> {
    match value {
        Value::Object(o) if o.type_name() == time_type() => match o.content() {
            Some(Value::List(parts)) => match parts.as_ref() {
                [Value::Int(seconds), Value::Int(nanos)] => {
                    Ok(i128::from(*seconds) * SECOND + i128::from(*nanos))
                }
                _ => Err("not a time".to_owned()),
            },
            _ => Err("not a time".to_owned()),
        },
        Value::Int(seconds) => Ok(i128::from(*seconds) * SECOND),
        _ => parse("2006-01-02T15:04:05Z07:00", text),
    }
}

fn time_type() -> &'static str {
    Time { nanos: 0 }.type_name()
}

/// Every instant here is in UTC.
pub(super) fn check_zone(zone: &str) -> Result<(), String> {
    match zone {
        "" | "UTC" | "Local" | "Etc/UTC" => Ok(()),
        _ => Err(format!("time zone {zone:?} is not known: use UTC, or an offset in the text")),
    }
}

/// An instant from a number in days, seconds, milliseconds, microseconds or nanoseconds, told apart by its digits.
pub(super) fn of_epoch(text: &str) -> Result<i128, String> {
    let number: i64 = text.parse().map_err(|_| format!("unable to parse time {text:?}"))?;
    let unit = match text.len() {
        5 => 86_400 * SECOND,
        10 => SECOND,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return Err(format!("unable to parse time {text:?}: 5, 10, 13, 16 or 19 digits are expected")),
    };
    Ok(i128::from(number) * unit)
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// What is read so far.
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    afternoon: Option<bool>,
    offset: i64,
}

/// Elements of layouts; longer ones before those they begin with.
const ELEMENTS: [&str; 25] = [
    "2006", "January", "Monday", "-07:00", "Z07:00", "-0700", "Z0700", "Jan", "Mon", "MST", "-07", "15",
    "01", "02", "03", "04", "05", "06", "PM", "pm", "_2", "1", "2", "3", "4",
];

/// The instant that a text names in a layout, in Unix nanoseconds.
pub(super) fn parse(layout: &str, text: &str) -> Result<i128, String> {
    let wrong = || format!("parsing time {text:?} as {layout:?}: the text does not fit");
    let mut p = Parts {
        year: 0,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        afternoon: None,
        offset: 0,
    };
    let (mut layout_rest, mut rest) = (layout, text);
    while let Some(c) = layout_rest.chars().next() {
        if let Some(length) = fraction_element(layout_rest) {
            layout_rest = &layout_rest[length..];
            fraction(&mut p, &mut rest);
        } else if let Some(element) = ELEMENTS.iter().find(|e| layout_rest.starts_with(**e)) {
            layout_rest = &layout_rest[element.len()..];
            p.element(element, &mut rest).ok_or_else(wrong)?;
            // A fraction may follow the seconds though the layout does not say so.
            if *element == "05" && fraction_element(layout_rest).is_none() && rest.starts_with(['.', ',']) {
                fraction(&mut p, &mut rest);
            }
        } else if layout_rest.starts_with('5') {
            layout_rest = &layout_rest[1..];
            p.second = number(&mut rest, 1, 2).ok_or_else(wrong)?;
        } else {
            rest = rest.strip_prefix(c).ok_or_else(wrong)?;
            layout_rest = &layout_rest[c.len_utf8()..];
        }
    }
    if !rest.is_empty() {
        return Err(wrong());
    }
    p.instant().ok_or_else(|| format!("parsing time {text:?}: a part is out of range"))
}

/// The length of `.000` or `,999` at the start of a layout.
fn fraction_element(layout: &str) -> Option<usize> {
    let digits = layout.strip_prefix(['.', ','])?;
    let first = digits.bytes().next().filter(|b| matches!(b, b'0' | b'9'))?;
    let count = digits.bytes().take_while(|b| *b == first).count();
    let ends = digits.as_bytes().get(count).is_none_or(|b| !b.is_ascii_digit());
    ends.then_some(1 + count)
}

fn fraction(p: &mut Parts, rest: &mut &str) {
    let Some(after) = rest.strip_prefix(['.', ',']) else { return };
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return;
    }
    let kept = &after[..digits.min(9)];
    p.nanos = kept.parse::<i64>().unwrap_or(0) * 10i64.pow(9 - kept.len() as u32);
    *rest = &after[digits..];
}

/// A number of so many digits.
fn number(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let value = rest[..digits].parse().ok()?;
    *rest = &rest[digits..];
    Some(value)
}

/// A word of a list, whole or by its first letters.
fn word(rest: &mut &str, words: &[&str], short: bool) -> Option<i64> {
    let at = words.iter().position(|w| {
        let w = if short { &w[..3] } else { w };
        rest.get(..w.len()).is_some_and(|start| start.eq_ignore_ascii_case(w))
    })?;
    *rest = &rest[if short { 3 } else { words[at].len() }..];
    Some(at as i64)
}

impl Parts {
    fn element(&mut self, element: &str, rest: &mut &str) -> Option<()> {
        match element {
            "2006" => self.year = number(rest, 4, 4)?,
            "06" => {
                let short = number(rest, 2, 2)?;
                self.year = short + if short >= 69 { 1900 } else { 2000 };
            }
            "January" => self.month = word(rest, &MONTHS, false)? + 1,
            "Jan" => self.month = word(rest, &MONTHS, true)? + 1,
            "01" => self.month = number(rest, 2, 2)?,
            "1" => self.month = number(rest, 1, 2)?,
            "Monday" => drop(word(rest, &DAYS, false)?),
            "Mon" => drop(word(rest, &DAYS, true)?),
            "02" => self.day = number(rest, 2, 2)?,
            "2" => self.day = number(rest, 1, 2)?,
            "_2" => {
                *rest = rest.trim_start_matches(' ');
                self.day = number(rest, 1, 2)?;
            }
            "15" | "03" => self.hour = number(rest, 2, 2)?,
            "3" => self.hour = number(rest, 1, 2)?,
            "04" => self.minute = number(rest, 2, 2)?,
            "4" => self.minute = number(rest, 1, 2)?,
            "05" => self.second = number(rest, 2, 2)?,
            "PM" | "pm" => {
                let half = rest.get(..2)?;
                self.afternoon = Some(half.eq_ignore_ascii_case("pm"));
                if !half.eq_ignore_ascii_case("am") && !half.eq_ignore_ascii_case("pm") {
                    return None;
                }
                *rest = &rest[2..];
            }
            "MST" => {
                let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&letters) {
                    return None;
                }
                *rest = &rest[letters..];
            }
            zone => return self.zone(zone, rest),
        }
        Some(())
    }

    fn zone(&mut self, element: &str, rest: &mut &str) -> Option<()> {
        if element.starts_with('Z')
            && let Some(after) = rest.strip_prefix('Z')
        {
            *rest = after;
            return Some(());
        }
        let sign = match rest.bytes().next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        *rest = &rest[1..];
        let hours = number(rest, 2, 2)?;
        let minutes = match element.len() {
            3 => 0,
            _ => {
                if element.contains(':') {
                    *rest = rest.strip_prefix(':')?;
                }
                number(rest, 2, 2)?
            }
        };
        self.offset = sign * (hours * 3600 + minutes * 60);
        Some(())
    }

    fn instant(&self) -> Option<i128> {
        let hour = match self.afternoon {
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let length = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=length).contains(&self.day) || hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let seconds =
            days(self.year, self.month, self.day) * 86_400 + hour * 3600 + self.minute * 60 + self.second
                - self.offset;
        Some(i128::from(seconds) * SECOND + i128::from(self.nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_read_what_they_write() {
        for (layout, text, nanos) in [
            ("2006-01-02", "2021-11-02", 1_635_811_200_000_000_000),
            ("2006-01-02T15:04:05.999999999Z", "2021-11-02T01:02:03.5Z", 1_635_814_923_500_000_000),
            ("2006-01-02T15:04:05Z07:00", "2021-11-02T01:02:03+01:00", 1_635_811_323_000_000_000),
            ("02/Jan/2006:15:04:05 -0700", "10/Jun/2021:09:14:29 +0000", 1_623_316_469_000_000_000),
            ("Mon Jan _2 3:04:05 PM 2006", "Thu Jun  3 9:14:29 PM 2021", 1_622_754_869_000_000_000),
            ("15:04", "01:00", -62_167_215_600_000_000_000),
        ] {
            assert_eq!(parse(layout, text), Ok(nanos), "{layout} {text}");
        }
        for (layout, text) in [("2006-01-02", "2021-02-30"), ("2006", "21"), ("15", "15x"), ("PM", "xm")] {
            assert!(parse(layout, text).is_err(), "{layout} {text}");
        }
        assert_eq!(of_epoch("1679577215"), Ok(1_679_577_215_000_000_000));
        assert_eq!(of_epoch("1679577215123"), Ok(1_679_577_215_123_000_000));
        assert!(of_epoch("12").is_err());
    }
}
