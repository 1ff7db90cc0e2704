//! Instants and lengths of time, with the methods that templates call on them.

use crate::calendar::{MONTHS, WEEKDAYS, civil, days};
use crate::layout;
use crate::value::{Kind, Object, Signature, Value};

const SECOND: i128 = 1_000_000_000;

/// An instant in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// Unix nanoseconds.
    pub nanos: i128,
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Nanoseconds.
    pub nanos: i64,
}

/// A number with a name of its own, such as a month.
#[derive(Debug)]
struct Named {
    type_name: &'static str,
    number: i64,
    name: &'static str,
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(Signature::fixed(&[]))
    }

    fn call(&self, _name: &str, _args: &[Value]) -> Result<Value, String> {
        Ok(Value::from(self.name))
    }

    fn content(&self) -> Option<Value> {
        Some(Value::Int(self.number))
    }

    fn print(&self) -> String {
        self.name.to_owned()
    }
}

/// The first and last year that is written: Go's own years go further, and nobody's alerts do.
const YEARS: std::ops::RangeInclusive<i64> = -9999..=99_999;

const TIME: &str = "*time.Time";
const DURATION: &str = "time.Duration";

impl Time {
    /// The instant of a Unix time in milliseconds.
    pub fn from_unix_ms(ms: i64) -> Time {
        Time { nanos: i128::from(ms) * 1_000_000 }
    }

    /// The instant that a text in RFC 3339 names: `2021-01-01T00:00:00Z`, `2021-01-01T01:30:00.5+01:30`.
    pub fn parse_rfc3339(text: &str) -> Option<Time> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = text.get(range).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
            digits.parse().ok()
        };
        let bytes = text.as_bytes();
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if bytes.len() < 20
            || separators.iter().any(|(i, b)| bytes[*i] != *b)
            || !matches!(bytes[10], b'T' | b't')
        {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let date = days(year, month, day);
        let c = civil(date * 86_400);
        let is_date = (1..=12).contains(&month) && (c.month, c.day) == (month as u8, day as u8);
        if !is_date || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut at = 19;
        let mut nanos = 0i128;
        if bytes[at] == b'.' {
            let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            let kept = number(at + 1..at + 1 + digits.clamp(1, 9))?;
            nanos = i128::from(kept) * 10i128.pow(9 - digits.min(9) as u32);
            at += 1 + digits;
        }
        let offset = match (bytes.get(at)?, bytes.len() - at) {
            (b'Z' | b'z', 1) => 0,
            (sign @ (b'+' | b'-'), 6) if bytes[at + 3] == b':' => {
                let seconds = number(at + 1..at + 3)? * 3600 + number(at + 4..at + 6)? * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        let seconds = date * 86_400 + hour * 3600 + minute * 60 + second - offset;
        Some(Time { nanos: i128::from(seconds) * SECOND + nanos })
    }

    fn seconds(self) -> i64 {
        let limit = 86_400 * 366 * 99_999;
        self.nanos.div_euclid(SECOND).clamp(-limit, limit) as i64
    }

    fn fraction(self) -> u32 {
        self.nanos.rem_euclid(SECOND) as u32
    }

    /// The instant as a layout such as `2006-01-02 15:04:05` shows it.
    pub fn format(self, layout: &str) -> String {
        layout::format(layout, civil(self.seconds()), self.fraction())
    }

    fn of_other(args: &[Value]) -> Result<Time, String> {
        match args.first() {
            Some(Value::Object(o)) if o.type_name() == TIME => match o.content() {
                Some(Value::List(parts)) => match parts.as_ref() {
                    [Value::Int(seconds), Value::Int(nanos)] => {
                        Ok(Time { nanos: i128::from(*seconds) * SECOND + i128::from(*nanos) })
                    }
                    _ => Err("not a time".to_owned()),
                },
                _ => Err("not a time".to_owned()),
            },
            _ => Err("not a time".to_owned()),
        }
    }

    fn shifted(self, nanos: i128) -> Result<Value, String> {
        let moved = Time { nanos: self.nanos + nanos };
        match YEARS.contains(&civil(moved.seconds()).year) {
            true => Ok(Value::object(moved)),
            false => Err("the time is out of range".to_owned()),
        }
    }

    fn plus_date(self, args: &[Value]) -> Result<Value, String> {
        let c = civil(self.seconds());
        let int = |i: usize| match args.get(i) {
            Some(Value::Int(v)) if v.unsigned_abs() < 10_000_000 => Ok(*v),
            other => Err(format!("{other:?} is out of range")),
        };
        let number = days(c.year + int(0)?, i64::from(c.month) + int(1)?, i64::from(c.day)) + int(2)?;
        let of_day = self.nanos.rem_euclid(86_400 * SECOND);
        self.shifted(i128::from(number) * 86_400 * SECOND + of_day - self.nanos)
    }
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        TIME
    }

    fn method(&self, name: &str) -> Option<Signature> {
        const OTHER: &[Kind] = &[Kind::Object(TIME)];
        const LENGTH: &[Kind] = &[Kind::Any];
        Some(match name {
            "Format" => Signature::fixed(&[Kind::String]),
            "Add" | "Truncate" => Signature::fixed(LENGTH),
            "AddDate" => Signature::fixed(&[Kind::Int, Kind::Int, Kind::Int]),
            "Sub" | "After" | "Before" | "Equal" | "Compare" => Signature::fixed(OTHER),
            "Unix" | "UnixMilli" | "UnixMicro" | "UnixNano" | "Year" | "Month" | "Day" | "Hour"
            | "Minute" | "Second" | "Nanosecond" | "Weekday" | "YearDay" | "IsZero" | "String" | "UTC"
            | "Local" => Signature::fixed(&[]),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let c = civil(self.seconds());
        let whole = |unit: i128| Ok(Value::Int(self.nanos.div_euclid(unit) as i64));
        let int = |v: i64| Ok(Value::Int(v));
        match name {
            "Format" => match args {
                [Value::String(layout)] => Ok(Value::from(self.format(layout))),
                _ => Err("the layout is not a string".to_owned()),
            },
            "Add" => self.shifted(i128::from(Duration::of(args)?.nanos)),
            "Truncate" => {
                let unit = i128::from(Duration::of(args)?.nanos);
                // Go counts from the first day of the year one.
                let zero = i128::from(days(1, 1, 1)) * 86_400 * SECOND;
                let over = if unit > 0 { (self.nanos - zero).rem_euclid(unit) } else { 0 };
                self.shifted(-over)
            }
            "AddDate" => self.plus_date(args),
            "Sub" => {
                let nanos = self.nanos - Time::of_other(args)?.nanos;
                let nanos = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
                Ok(Value::object(Duration { nanos }))
            }
            "After" => Ok(Value::Bool(*self > Time::of_other(args)?)),
            "Before" => Ok(Value::Bool(*self < Time::of_other(args)?)),
            "Equal" => Ok(Value::Bool(*self == Time::of_other(args)?)),
            "Compare" => int(self.cmp(&Time::of_other(args)?) as i64),
            "Unix" => whole(SECOND),
            "UnixMilli" => whole(1_000_000),
            "UnixMicro" => whole(1_000),
            "UnixNano" => whole(1),
            "Year" => int(c.year),
            "Month" => {
                let (number, name) = (i64::from(c.month), MONTHS[usize::from(c.month - 1)]);
                Ok(Value::object(Named { type_name: "time.Month", number, name }))
            }
            "Day" => int(i64::from(c.day)),
            "Hour" => int(i64::from(c.hour)),
            "Minute" => int(i64::from(c.minute)),
            "Second" => int(i64::from(c.second)),
            "Nanosecond" => int(i64::from(self.fraction())),
            "Weekday" => {
                let (number, name) = (i64::from(c.weekday), WEEKDAYS[usize::from(c.weekday)]);
                Ok(Value::object(Named { type_name: "time.Weekday", number, name }))
            }
            "YearDay" => int(i64::from(c.yearday)),
            "IsZero" => Ok(Value::Bool(self.nanos == i128::from(days(1, 1, 1)) * 86_400 * SECOND)),
            "String" => Ok(Value::from(self.print())),
            "UTC" | "Local" => Ok(Value::object(*self)),
            _ => Err(format!("{name} is not a method")),
        }
    }

    /// Seconds and nanoseconds, for other instants to compare with.
    fn content(&self) -> Option<Value> {
        let seconds = self.nanos.div_euclid(SECOND) as i64;
        Some(Value::from(vec![Value::Int(seconds), Value::Int(i64::from(self.fraction()))]))
    }

    fn print(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }
}

impl Duration {
    /// The length that the first argument is: a duration, or a number of nanoseconds.
    fn of(args: &[Value]) -> Result<Duration, String> {
        match args.first().map(Value::plain) {
            Some(Value::Int(nanos)) => Ok(Duration { nanos }),
            Some(other) => {
                Err(format!("wrong type for value; expected {DURATION}; got {}", other.type_name()))
            }
            None => Err("a duration is missing".to_owned()),
        }
    }

    /// The length in seconds.
    pub fn seconds(self) -> f64 {
        (self.nanos / 1_000_000_000) as f64 + (self.nanos % 1_000_000_000) as f64 / 1e9
    }
}

impl Object for Duration {
    fn type_name(&self) -> &'static str {
        DURATION
    }

    fn method(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "Truncate" | "Round" => Signature::fixed(&[Kind::Any]),
            "Hours" | "Minutes" | "Seconds" | "Milliseconds" | "Microseconds" | "Nanoseconds" | "String"
            | "Abs" => Signature::fixed(&[]),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        let n = self.nanos;
        let float = |unit: i64| Ok(Value::Float((n / unit) as f64 + (n % unit) as f64 / unit as f64));
        match name {
            "Hours" => float(3_600_000_000_000),
            "Minutes" => float(60_000_000_000),
            "Seconds" => float(1_000_000_000),
            "Milliseconds" => Ok(Value::Int(n / 1_000_000)),
            "Microseconds" => Ok(Value::Int(n / 1_000)),
            "Nanoseconds" => Ok(Value::Int(n)),
            "Abs" => Ok(Value::object(Duration { nanos: n.saturating_abs() })),
            "Truncate" | "Round" => {
                let unit = Duration::of(args)?.nanos;
                if unit <= 0 {
                    return Ok(Value::object(*self));
                }
                let over = n % unit;
                let up = name == "Round" && over.unsigned_abs() >= (unit as u64).div_ceil(2);
                let nanos = (n - over).saturating_add(if up { n.signum().saturating_mul(unit) } else { 0 });
                Ok(Value::object(Duration { nanos }))
            }
            "String" => Ok(Value::from(self.print())),
            _ => Err(format!("{name} is not a method")),
        }
    }

    fn content(&self) -> Option<Value> {
        Some(Value::Int(self.nanos))
    }

    /// `1h30m0s`, `1.5s`, `2ms`
    fn print(&self) -> String {
        let nanos = self.nanos.unsigned_abs();
        let sign = if self.nanos < 0 { "-" } else { "" };
        let decimal = |unit: u64| {
            let digits = unit.ilog10() as usize;
            let fraction = format!("{:0digits$}", nanos % unit);
            match (unit > 1).then(|| fraction.trim_end_matches('0')).filter(|f| !f.is_empty()) {
                Some(fraction) => format!("{}.{fraction}", nanos / unit),
                None => (nanos / unit).to_string(),
            }
        };
        if nanos < 1_000_000_000 {
            return match nanos {
                0 => "0s".to_owned(),
                n if n < 1_000 => format!("{sign}{n}ns"),
                n if n < 1_000_000 => format!("{sign}{}µs", decimal(1_000)),
                _ => format!("{sign}{}ms", decimal(1_000_000)),
            };
        }
        let minutes = nanos / 60_000_000_000;
        let below = Duration { nanos: (nanos % 60_000_000_000) as i64 };
        let seconds = match below.nanos {
            n if n < 1_000_000_000 => {
                let fraction = format!("{n:09}");
                let fraction = fraction.trim_end_matches('0');
                if fraction.is_empty() { "0s".to_owned() } else { format!("0.{fraction}s") }
            }
            _ => {
                let fraction = format!("{:09}", below.nanos % 1_000_000_000);
                let fraction = fraction.trim_end_matches('0');
                let dot = if fraction.is_empty() { "" } else { "." };
                format!("{}{dot}{fraction}s", below.nanos / 1_000_000_000)
            }
        };
        match (minutes / 60, minutes % 60) {
            (0, 0) => format!("{sign}{seconds}"),
            (0, m) => format!("{sign}{m}m{seconds}"),
            (h, m) => format!("{sign}{h}h{m}m{seconds}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_reads() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2021-01-01T00:00:00Z", 1_609_459_200_000),
            ("2021-01-01T01:30:00.25+01:30", 1_609_459_200_250),
            ("2020-02-29t23:59:59.0000001-00:01", 1_583_020_859_000),
        ] {
            assert_eq!(Time::parse_rfc3339(text).map(|t| t.nanos / 1_000_000), Some(ms), "{text}");
        }
        for bad in [
            "",
            "2021-01-01",
            "2021-02-29T00:00:00Z",
            "2021-01-01T24:00:00Z",
            "2021-01-01T00:00:00",
            "2021-01-01T00:00:00.Z",
            "2021-01-01T00:00:00+0130",
            "2021-é1-01T00:00:00Z",
        ] {
            assert_eq!(Time::parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (-2_000_000, "-2ms"),
            (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"),
            (1_800_000_000_000, "30m0s"),
            (3_600_500_000_000, "1h0m0.5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(Duration { nanos }.print(), text);
        }
    }
}
