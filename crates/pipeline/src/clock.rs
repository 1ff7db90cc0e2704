//! Times in formats that are told.

use crate::config::{PipelineError, TimestampConfig};
use crate::detect::line_time;
use ingest::logs::time;
use model::record::Value;

/// How an attribute is read as a time.
#[derive(Debug)]
pub(crate) enum Format {
    Auto,
    /// Unix time: nanoseconds of its unit.
    Unix(i64),
    Parts(Vec<Part>),
}

#[derive(Debug, PartialEq)]
pub(crate) enum Part {
    Literal(String),
    Blanks,
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Weekday,
    Hour,
    Hour12,
    HalfDay,
    Minute,
    Second,
    Fraction,
    Zone,
    ZoneName,
    Unix,
}

const DIRECTIVES: &str = "%Y %y %m %b %B %d %e %j %a %A %H %I %p %M %S %f %L %z %Z %s %T %D %F %R %%";

impl Format {
    pub fn new(config: &TimestampConfig) -> Result<Format, PipelineError> {
        Ok(match config.format.as_deref() {
            None | Some("auto") => Format::Auto,
            Some("unix") => Format::Unix(time::SECOND_NS),
            Some("unix_ms") => Format::Unix(1_000_000),
            Some("unix_us") => Format::Unix(1000),
            Some("unix_ns") => Format::Unix(1),
            Some(text) => {
                let parts = parts(text)?;
                let tells = |p: &Part| matches!(p, Part::Unix | Part::Day | Part::DayOfYear);
                if !parts.iter().any(tells) {
                    let reason = format!("{text:?} tells no day: it needs %d, %j or %s");
                    return Err(PipelineError::new("format", reason));
                }
                Format::Parts(parts)
            }
        })
    }

    /// The time of a value, Unix nanoseconds.
    pub fn read(&self, value: Value<'_>, now_ns: i64, offset_s: i64) -> Option<i64> {
        match (self, value) {
            (Format::Auto, Value::Int(n)) => time::from_int(n),
            (Format::Auto, Value::Float(x)) => time::from_float(x),
            (Format::Auto, Value::String(s)) => line_time(s, now_ns, offset_s).or_else(|| time::parse(s)),
            (Format::Unix(unit), Value::Int(n)) => n.checked_mul(*unit),
            (Format::Unix(unit), Value::Float(x)) => scaled(x, *unit),
            (Format::Unix(unit), Value::String(s)) => match s.trim().parse::<i64>() {
                Ok(n) => n.checked_mul(*unit),
                Err(_) => scaled(s.trim().parse().ok()?, *unit),
            },
            (Format::Parts(parts), Value::String(s)) => read(parts, s.trim(), now_ns, offset_s),
            _ => None,
        }
    }
}

fn scaled(x: f64, unit: i64) -> Option<i64> {
    let whole = x.trunc();
    let most = (i64::MAX / unit) as f64;
    if !x.is_finite() || whole.abs() >= most {
        return None;
    }
    (whole as i64).checked_mul(unit)?.checked_add((x.fract() * unit as f64).round() as i64)
}

fn parts(format: &str) -> Result<Vec<Part>, PipelineError> {
    let wrong = |reason: String| PipelineError::new("format", reason);
    let mut out = Vec::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            '%' => {
                let directive = chars.next().ok_or_else(|| wrong(format!("{format:?} ends with %")))?;
                match directive {
                    'Y' => Part::Year,
                    'y' => Part::ShortYear,
                    'm' => Part::Month,
                    'b' | 'B' | 'h' => Part::MonthName,
                    'd' | 'e' => Part::Day,
                    'j' => Part::DayOfYear,
                    'a' | 'A' => Part::Weekday,
                    'H' | 'k' => Part::Hour,
                    'I' | 'l' => Part::Hour12,
                    'p' | 'P' => Part::HalfDay,
                    'M' => Part::Minute,
                    'S' => Part::Second,
                    'f' | 'L' | 'N' => Part::Fraction,
                    'z' => Part::Zone,
                    'Z' => Part::ZoneName,
                    's' => Part::Unix,
                    '%' => Part::Literal("%".into()),
                    'T' => {
                        out.extend(parts("%H:%M:%S")?);
                        continue;
                    }
                    'R' => {
                        out.extend(parts("%H:%M")?);
                        continue;
                    }
                    'F' => {
                        out.extend(parts("%Y-%m-%d")?);
                        continue;
                    }
                    'D' => {
                        out.extend(parts("%m/%d/%y")?);
                        continue;
                    }
                    other => {
                        return Err(wrong(format!("%{other} is not known in {format:?}: use {DIRECTIVES}")));
                    }
                }
            }
            c if c.is_whitespace() => Part::Blanks,
            c => match out.last_mut() {
                Some(Part::Literal(text)) => {
                    text.push(c);
                    continue;
                }
                _ => Part::Literal(c.into()),
            },
        };
        out.push(part);
    }
    Ok(out)
}

/// What was read so far.
struct Read {
    year: Option<i64>,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    ns: i64,
    zone_s: i64,
    unix_s: Option<i64>,
}

fn read(parts: &[Part], text: &str, now_ns: i64, offset_s: i64) -> Option<i64> {
    let mut rest = text;
    let mut r = Read {
        year: None,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        afternoon: None,
        minute: 0,
        second: 0,
        ns: 0,
        zone_s: offset_s,
        unix_s: None,
    };
    for part in parts {
        match part {
            Part::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
            Part::Blanks => rest = rest.trim_start(),
            Part::Year => r.year = Some(digits(&mut rest, 4)?),
            Part::ShortYear => {
                let year = digits(&mut rest, 2)?;
                r.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            }
            Part::Month => r.month = digits(&mut rest, 2)?,
            Part::MonthName => r.month = time::month(letters(&mut rest)?)?,
            Part::Day => r.day = digits(&mut rest, 2)?,
            Part::DayOfYear => r.day_of_year = Some(digits(&mut rest, 3)?),
            Part::Weekday | Part::ZoneName => {
                letters(&mut rest)?;
            }
            Part::Hour | Part::Hour12 => r.hour = digits(&mut rest, 2)?,
            Part::HalfDay => r.afternoon = Some(letters(&mut rest)?.eq_ignore_ascii_case("pm")),
            Part::Minute => r.minute = digits(&mut rest, 2)?,
            Part::Second => r.second = digits(&mut rest, 2)?,
            Part::Fraction => r.ns = fraction(&mut rest)?,
            Part::Zone => {
                let length = rest
                    .find(|c: char| !matches!(c, '+' | '-' | ':' | '0'..='9' | 'Z'))
                    .unwrap_or(rest.len());
                r.zone_s = time::zone(&rest[..length])?;
                rest = &rest[length..];
            }
            Part::Unix => r.unix_s = Some(digits(&mut rest, 12)?),
        }
    }
    if rest.is_empty() { r.time_ns(now_ns) } else { None }
}

impl Read {
    fn time_ns(&self, now_ns: i64) -> Option<i64> {
        if let Some(seconds) = self.unix_s {
            return seconds.checked_mul(time::SECOND_NS)?.checked_add(self.ns);
        }
        let hour = match self.afternoon {
            Some(afternoon) if (1..=12).contains(&self.hour) => {
                self.hour % 12 + if afternoon { 12 } else { 0 }
            }
            Some(_) => return None,
            None => self.hour,
        };
        if hour > 23 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let of_year = |year: i64| {
            let days = match self.day_of_year {
                Some(day) if (1..=366).contains(&day) => time::days_from_civil(year, 1, 1)? + day - 1,
                Some(_) => return None,
                None => time::days_from_civil(year, self.month, self.day)?,
            };
            let seconds = days * 86_400 + hour * 3600 + self.minute * 60 + self.second - self.zone_s;
            seconds.checked_mul(time::SECOND_NS)?.checked_add(self.ns)
        };
        match self.year {
            Some(year) => of_year(year),
            None => {
                let (year, _) = time::civil_from_days(now_ns.div_euclid(86_400 * time::SECOND_NS));
                (year - 1..=year + 1).filter_map(of_year).min_by_key(|t| t.abs_diff(now_ns))
            }
        }
    }
}

/// A number of at most so many digits; blanks may pad it.
fn digits(rest: &mut &str, most: usize) -> Option<i64> {
    let text = rest.trim_start_matches(' ');
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let number = text.get(..count)?.parse().ok()?;
    *rest = &text[count..];
    Some(number)
}

fn letters<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let count = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = rest.get(..count).filter(|w| !w.is_empty())?;
    *rest = &rest[count..];
    Some(word)
}

fn fraction(rest: &mut &str) -> Option<i64> {
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    let mut ns = 0;
    let mut unit = time::SECOND_NS;
    for d in rest.bytes().take(count.min(9)) {
        unit /= 10;
        ns += i64::from(d - b'0') * unit;
    }
    *rest = &rest[count..];
    Some(ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T: i64 = 1_795_256_430;
    const S: i64 = time::SECOND_NS;

    fn format(text: &str) -> Result<Format, PipelineError> {
        Format::new(&TimestampConfig { field: "t".into(), format: Some(text.into()), utc_offset_minutes: 0 })
    }

    #[test]
    fn formats() {
        for (of, text, want) in [
            ("%Y-%m-%d %H:%M:%S", "2026-11-21 10:20:30", Some(T * S)),
            ("%d/%b/%Y:%T %z", "21/Nov/2026:11:20:30 +0100", Some(T * S)),
            ("%F %T.%f", "2026-11-21 10:20:30.25", Some(T * S + 250_000_000)),
            ("%b %e %T", "Nov 21 10:20:30", Some(T * S)),
            ("%b %e %T", "Nov  1 10:20:30", Some((T - 20 * 86_400) * S)),
            ("%m/%d/%y %I:%M:%S %p", "11/21/26 10:20:30 AM", Some(T * S)),
            ("%m/%d/%y %I:%M:%S %p", "11/21/26 13:20:30 AM", None),
            ("%Y.%j %R", "2026.325 10:20", Some((T - 30) * S)),
            ("%s,%f", "1795256430,5", Some(T * S + 500_000_000)),
            ("%A %d %B %Y", "Saturday 21 November 2026", Some((T - 37_230) * S)),
            ("%F", "2026-11-21 and more", None),
            ("%F", "2026-02-30", None),
        ] {
            let read = format(of).unwrap().read(Value::String(text), T * S, 0);
            assert_eq!(read, want, "{of} {text}");
        }
        for (value, unit, want) in [
            (Value::Int(T), "unix", Some(T * S)),
            (Value::Float(T as f64 + 0.5), "unix", Some(T * S + 500_000_000)),
            (Value::String("1795256430123"), "unix_ms", Some(T * S + 123_000_000)),
            (Value::String("x"), "unix_ns", None),
            (Value::Int(i64::MAX), "unix", None),
            (Value::Float(1e300), "unix_us", None),
            (Value::String("Nov 21 10:20:30"), "auto", Some(T * S)),
        ] {
            assert_eq!(format(unit).unwrap().read(value, T * S, 0), want, "{value:?} {unit}");
        }
    }

    #[test]
    fn wrong_formats_are_told() {
        let message = |text: &str| format(text).unwrap_err().to_string();
        assert!(message("%Q").contains("%Q is not known"), "{}", message("%Q"));
        assert!(message("%Y %").ends_with("ends with %"));
        assert!(message("%H:%M").contains("tells no day"));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_harm(of in "[%YmdHMSfzjbps: a-]{0,12}%d", text in "[0-9A-Za-z:+ -]{0,30}") {
            if let Ok(format) = format(&of) {
                format.read(Value::String(&text), T * S, 0);
            }
        }
    }
}
