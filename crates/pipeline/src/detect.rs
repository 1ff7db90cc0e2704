//! Finds the time and the level of a line of text without being told its format.

use ingest::logs::{severity_of, time};
use memchr::memmem;
use model::record::{Severity, Value};

/// Bytes at the beginning of a line that are looked at.
const LOOKED_AT: usize = 512;
/// A level stands this near to the beginning, where no name is before it.
const LEVEL_WITHIN: usize = 160;

/// When a line was written, Unix nanoseconds. Times without a zone are `offset_s` seconds east of UTC, those without a
/// year lie near `now_ns`.
///
/// Known are ISO 8601 and its relatives, syslog, `ctime`, web servers and klog at the beginning, and the members `time`,
/// `ts`, `timestamp` and `@timestamp` of JSON and logfmt.
pub fn line_time(line: &str, now_ns: i64, offset_s: i64) -> Option<i64> {
    let line = head(line, LOOKED_AT);
    let text = line.trim_start_matches([' ', '[', '<', '(']);
    let b = text.as_bytes();
    match b.first()? {
        b'{' => named(line, &["time", "ts", "timestamp", "@timestamp"]).and_then(|v| with_zone(v, offset_s)),
        b'0'..=b'9' => iso(text, offset_s)
            .or_else(|| unix(text))
            .or_else(|| web_server(line))
            .or_else(|| pairs(line, offset_s)),
        b'I' | b'W' | b'E' | b'F' if b.get(1).is_some_and(u8::is_ascii_digit) => klog(text, now_ns, offset_s),
        _ => calendar(text, now_ns, offset_s).or_else(|| pairs(line, offset_s)).or_else(|| web_server(line)),
    }
}

/// How grave a line is, as far as it says so: `level=`, a member of JSON, or a word for a level near the beginning that is
/// in capitals, in brackets or before a colon.
pub fn line_level(line: &str) -> Severity {
    let line = head(line, LOOKED_AT);
    let b = line.as_bytes();
    let found = named(line, &["level", "severity", "lvl", "log.level", "levelname", "loglevel"])
        .or_else(|| pair(line, &["level", "lvl", "severity"]))
        .map(|v| severity_of(Value::String(v)));
    match found {
        Some(severity) if severity != Severity::UNKNOWN => severity,
        _ => match (b.first(), b.get(1..5)) {
            (Some(letter @ (b'I' | b'W' | b'E' | b'F')), Some(digits))
                if digits.iter().all(u8::is_ascii_digit) =>
            {
                Severity::from_text(if *letter == b'F' { "fatal" } else { head(line, 1) })
            }
            _ => word(head(line, LEVEL_WITHIN)),
        },
    }
}

/// The beginning of a text, at most so many bytes.
fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The value of the first of these members in JSON, as it stands.
fn named<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    if !line.starts_with(['{', ' ']) {
        return None;
    }
    names.iter().find_map(|name| {
        let mut from = 0;
        while let Some(at) = memmem::find(&line.as_bytes()[from..], name.as_bytes()) {
            let (start, end) = (from + at, from + at + name.len());
            from = end;
            let quoted = line[..start].ends_with('"') && line[end..].starts_with('"');
            let Some(rest) = line[end..].strip_prefix('"').filter(|_| quoted) else { continue };
            let Some(rest) = rest.trim_start().strip_prefix(':') else { continue };
            let rest = rest.trim_start();
            return match rest.strip_prefix('"') {
                Some(text) => text.split('"').next(),
                None => rest.split([',', '}', ' ']).next(),
            };
        }
        None
    })
}

/// The value of the first of these names in logfmt.
fn pair<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let mut from = 0;
        while let Some(at) = memmem::find(&line.as_bytes()[from..], name.as_bytes()) {
            let (start, end) = (from + at, from + at + name.len());
            from = end;
            let begins = start == 0 || line.as_bytes()[start - 1] == b' ';
            let Some(rest) = line[end..].strip_prefix('=').filter(|_| begins) else { continue };
            return match rest.strip_prefix('"') {
                Some(text) => text.split('"').next(),
                None => rest.split(' ').next(),
            };
        }
        None
    })
}

fn pairs(line: &str, offset_s: i64) -> Option<i64> {
    pair(line, &["time", "ts", "timestamp"]).and_then(|v| with_zone(v, offset_s))
}

/// A time that stands alone, in any usual format.
fn with_zone(text: &str, offset_s: i64) -> Option<i64> {
    iso(text, offset_s).or_else(|| time::parse(text))
}

/// `2026-11-21T10:20:30.123Z`, `2026/11/21 10:20:30,123 +0100`; what follows does not matter.
fn iso(text: &str, offset_s: i64) -> Option<i64> {
    let b = text.as_bytes();
    let separated = matches!((b.get(4)?, b.get(7)?), (b'-', b'-') | (b'/', b'/'));
    let digits = |from: usize, to: usize| b.get(from..to).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    if !separated
        || !digits(0, 4)
        || !digits(5, 7)
        || !digits(8, 10)
        || !digits(11, 13)
        || b.get(13) != Some(&b':')
    {
        return None;
    }
    let mut end = if b.get(16) == Some(&b':') && digits(17, 19) { 19 } else { 16 };
    if end == 19 && matches!(b.get(19), Some(b'.' | b',')) {
        let fraction = b[20..].iter().take_while(|d| d.is_ascii_digit()).count();
        end += if fraction > 0 { 1 + fraction } else { 0 };
    }
    let clock = text.get(..end)?;
    let rest = &text[end..];
    let zone = zone_of(rest);
    match zone {
        Some(zone) => time::parse(clock).and_then(|t| t.checked_sub(zone * time::SECOND_NS)),
        None => time::parse(clock).and_then(|t| t.checked_sub(offset_s * time::SECOND_NS)),
    }
}

/// Seconds east of UTC of a zone that a text begins with, after a blank or none.
fn zone_of(rest: &str) -> Option<i64> {
    let zone = rest.strip_prefix(' ').unwrap_or(rest);
    let length = match zone.as_bytes() {
        [b'Z' | b'z', next, ..] if next.is_ascii_alphanumeric() => return None,
        [b'Z' | b'z', ..] => 1,
        [b'U', b'T', b'C', ..] | [b'G', b'M', b'T', ..] => 3,
        [b'+' | b'-', d, e, rest @ ..] if d.is_ascii_digit() && e.is_ascii_digit() => match rest {
            [b':', f, g, ..] if f.is_ascii_digit() && g.is_ascii_digit() => 6,
            [f, g, ..] if f.is_ascii_digit() && g.is_ascii_digit() => 5,
            _ => 3,
        },
        _ => return None,
    };
    time::zone(zone.get(..length)?)
}

/// Seconds or milliseconds since 1970 at the beginning, of the years 2001 to 2286.
fn unix(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 10 && digits != 13 {
        return None;
    }
    let rest = &text[digits..];
    let fraction = rest.strip_prefix('.').map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
    let end = if fraction > 0 { digits + 1 + fraction } else { digits };
    let ends =
        matches!(text.as_bytes().get(end), None | Some(b' ' | b']' | b')' | b':' | b'|' | b',' | b'\t'));
    if ends { time::parse(&text[..end]) } else { None }
}

/// `… [21/Nov/2026:10:20:30 +0100] …`, near the beginning.
fn web_server(line: &str) -> Option<i64> {
    let near = head(line, 200);
    let at =
        near.match_indices('[').map(|(i, _)| i + 1).find(|i| near.as_bytes().get(i + 2) == Some(&b'/'))?;
    let text = near.get(at..at + 26)?;
    time::parse(text)
}

/// `I1121 10:20:30.123456`: month and day of this year, or of that which is nearest.
fn klog(text: &str, now_ns: i64, offset_s: i64) -> Option<i64> {
    let b = text.as_bytes();
    let (month, day) = (two(b, 1)?, two(b, 3)?);
    let clock = text.get(5..)?.trim_start();
    nearest(month, day, clock_ns(clock)?, now_ns, offset_s)
}

/// `Nov 21 10:20:30`, `Sat Nov 21 10:20:30.123 2026`.
fn calendar(text: &str, now_ns: i64, offset_s: i64) -> Option<i64> {
    let mut words = text.split_ascii_whitespace();
    let mut first = words.next()?;
    if is_weekday(first) {
        if first.ends_with(',') {
            return rfc2822(text);
        }
        first = words.next()?;
    }
    let month = month(first)?;
    let day = words.next()?.parse().ok().filter(|d| (1..=31).contains(d))?;
    let clock = words.next()?;
    let ns = clock_ns(clock)?;
    let year = words.next().map(|y| y.trim_end_matches([']', ')', ':'])).filter(|y| y.len() == 4);
    match year.and_then(|y| y.parse().ok()).filter(|y| (1970..2200).contains(y)) {
        Some(year) => on(year, month, day, ns, offset_s),
        None => nearest(month, day, ns, now_ns, offset_s),
    }
}

/// The number of a month that is named in full or by three letters.
fn month(word: &str) -> Option<i64> {
    const REST: [&str; 12] =
        ["uary", "ruary", "ch", "il", "", "e", "y", "ust", "tember", "ober", "ember", "ember"];
    let number = time::month(word)?;
    let rest = word.get(3..)?;
    (rest.is_empty() || rest.eq_ignore_ascii_case(REST[number as usize - 1])).then_some(number)
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    DAYS.contains(&word.trim_end_matches(','))
}

/// `Sat, 21 Nov 2026 10:20:30 +0100` and what follows.
fn rfc2822(text: &str) -> Option<i64> {
    let end = text.match_indices(' ').nth(5).map_or(text.len(), |(at, _)| at);
    time::parse(&text[..end])
}

/// A time of day, in nanoseconds, and what follows does not matter.
fn clock_ns(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let (hour, minute, second) = (two(b, 0)?, two(b, 3)?, two(b, 6)?);
    if b[2] != b':' || b[5] != b':' || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut ns = (hour * 3600 + minute * 60 + second) * time::SECOND_NS;
    if let Some(b'.' | b',') = b.get(8) {
        let mut unit = time::SECOND_NS;
        for d in b[9..].iter().take_while(|d| d.is_ascii_digit()).take(9) {
            unit /= 10;
            ns += i64::from(d - b'0') * unit;
        }
    }
    Some(ns)
}

fn two(b: &[u8], at: usize) -> Option<i64> {
    match b.get(at..at + 2)? {
        [x @ b'0'..=b'9', y @ b'0'..=b'9'] => Some(i64::from(x - b'0') * 10 + i64::from(y - b'0')),
        _ => None,
    }
}

fn on(year: i64, month: i64, day: i64, ns: i64, offset_s: i64) -> Option<i64> {
    let days = time::days_from_civil(year, month, day)?;
    let seconds = days.checked_mul(86_400)?.checked_sub(offset_s)?;
    seconds.checked_mul(time::SECOND_NS)?.checked_add(ns)
}

/// The year that is not stated is the one that puts the time nearest to now.
fn nearest(month: i64, day: i64, ns: i64, now_ns: i64, offset_s: i64) -> Option<i64> {
    let days = now_ns.div_euclid(86_400 * time::SECOND_NS);
    let (year, _) = time::civil_from_days(days);
    let candidates = (year - 1..=year + 1).filter_map(|y| on(y, month, day, ns, offset_s));
    candidates.min_by_key(|t| t.abs_diff(now_ns))
}

/// The first word that stands for a level.
fn word(text: &str) -> Severity {
    let b = text.as_bytes();
    let mut at = 0;
    while at < b.len() {
        if !b[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let length = b[at..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == b'_').count();
        if (3..=13).contains(&length) && stands_out(b, at, at + length) {
            let severity = Severity::from_text(&text[at..at + length]);
            if severity != Severity::UNKNOWN {
                return severity;
            }
        }
        at += length;
    }
    Severity::UNKNOWN
}

/// Whether a word is in capitals, in brackets, or before a colon.
fn stands_out(b: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).map(|i| b[i]);
    let after = b.get(end);
    b[start..end].iter().all(u8::is_ascii_uppercase)
        || (matches!(before, Some(b'[' | b'<' | b'|' | b'('))
            && matches!(after, Some(b']' | b'>' | b'|' | b')')))
        || (after == Some(&b':') && before.is_none_or(|c| c == b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-21T10:20:30Z.
    const T: i64 = 1_795_256_430;
    const S: i64 = time::SECOND_NS;

    #[test]
    fn times() {
        for (line, want) in [
            ("2026-11-21T10:20:30Z hello", Some(T * S)),
            ("2026-11-21T10:20:30.250+01:00 hello", Some((T - 3600) * S + 250_000_000)),
            ("[2026-11-21 10:20:30,250] {main} hello", Some(T * S + 250_000_000)),
            ("2026/11/21 10:20:30 [error] 7#7: *1 open()", Some(T * S)),
            ("2026-11-21 10:20:30.5 +0100 x", Some((T - 3600) * S + 500_000_000)),
            ("2026-11-21 10:20:30 UTC [7] LOG:  ready", Some(T * S)),
            ("2026-11-21 10:20:30 -- x", Some(T * S)),
            ("1795256430 x", Some(T * S)),
            ("1795256430.25 x", Some(T * S + 250_000_000)),
            ("1795256430123 x", Some(T * S + 123_000_000)),
            ("17952564301 x", None),
            ("10.0.0.1 - - [21/Nov/2026:11:20:30 +0100] \"GET / HTTP/1.1\" 200 5", Some(T * S)),
            ("host - - [21/Nov/2026:11:20:30 +0100] \"GET / HTTP/1.1\" 200 5", Some(T * S)),
            ("Nov 21 10:20:30 host sshd[7]: x", Some(T * S)),
            ("Nov  1 10:20:30 host sshd[7]: x", Some((T - 20 * 86_400) * S)),
            ("Dec 31 10:20:30 host x", Some((T + 40 * 86_400) * S)),
            ("Jan  1 00:00:00 host x", Some(1_798_761_600 * S)),
            ("[Sat Nov 21 10:20:30.000005 2026] [core:notice] x", Some(T * S + 5000)),
            ("Sat, 21 Nov 2026 10:20:30 GMT x", Some(T * S)),
            ("I1121 10:20:30.000001       1 main.go:5] x", Some(T * S + 1000)),
            (r#"{"level":"info","ts":1795256430.5,"msg":"x"}"#, Some(T * S + 500_000_000)),
            (r#"{"msg":"x","time": "2026-11-21T10:20:30Z"}"#, Some(T * S)),
            (r#"{"msg":"time","x":1}"#, None),
            (r#"level=info ts=2026-11-21T10:20:30Z msg="x y""#, Some(T * S)),
            (r#"time="2026-11-21T11:20:30+01:00" level=info"#, Some(T * S)),
            ("runtime=5 x", None),
            ("hello", None),
            ("2026-13-21T10:20:30Z", None),
            ("Maybe 5 10:20:30", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(line_time(line, T * S, 0), want, "{line}");
        }
        assert_eq!(line_time("2026-11-21 10:20:30 x", 0, 3600), Some((T - 3600) * S));
        assert_eq!(line_time("Nov 21 10:20:30 x", T * S, 3600), Some((T - 3600) * S));
    }

    #[test]
    fn levels() {
        for (line, want) in [
            (r#"{"level":"warn","msg":"x"}"#, Severity::WARN),
            (r#"{"level":30,"msg":"x"}"#, Severity::INFO),
            (r#"{"msg":"level","severity": "ERROR"}"#, Severity::ERROR),
            (r#"ts=1 level=error msg="x""#, Severity::ERROR),
            ("E1121 10:20:30.000001 1 main.go:5] x", Severity::ERROR),
            ("F1121 10:20:30.000001 1 main.go:5] x", Severity::FATAL),
            ("2026-11-21 10:20:30 [main] WARN shop.Cart - x", Severity::WARN),
            ("2026/11/21 10:20:30 [error] 7#7: x", Severity::ERROR),
            ("error: cannot open", Severity::ERROR),
            ("ERROR:root:x", Severity::ERROR),
            ("<info> x", Severity::INFO),
            ("no error found", Severity::UNKNOWN),
            ("Information for you", Severity::UNKNOWN),
            ("I am here", Severity::UNKNOWN),
            ("", Severity::UNKNOWN),
        ] {
            assert_eq!(line_level(line), want, "{line}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_looked_at_without_harm(line in "\\PC{0,80}", at in 0usize..40) {
            let lines = [line.clone(), format!("2026-11-21T10:20:3{line}"), format!("[{line}"), format!("{{\"time\":{line}")];
            for line in lines {
                line_time(&line, T * S, 0);
                line_level(&line);
                let cut = line.floor_char_boundary(at);
                line_time(&line[..cut], T * S, 0);
            }
        }
    }
}
