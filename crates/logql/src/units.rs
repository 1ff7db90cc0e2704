//! Durations and sizes as people and programs write them.

const NANOSECOND: f64 = 1.0;
const MICROSECOND: f64 = 1e3;
const MILLISECOND: f64 = 1e6;
const SECOND: f64 = 1e9;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Units that values in logs may have.
const VALUE_UNITS: [(&str, f64); 8] = [
    ("ns", NANOSECOND),
    ("us", MICROSECOND),
    ("µs", MICROSECOND),
    ("μs", MICROSECOND),
    ("ms", MILLISECOND),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
];

/// Units that only queries may have.
const QUERY_UNITS: [(&str, f64); 3] = [("d", DAY), ("w", 7.0 * DAY), ("y", 365.0 * DAY)];

/// Nanoseconds of a duration in a log line: `1h2m3.5s`, `-300ms`, `0`. Units may be in any order.
pub fn parse_value_duration(text: &str) -> Option<i64> {
    parse_duration(text, &VALUE_UNITS)
}

/// Nanoseconds of a duration in a query, where days, weeks and years are known too.
pub(crate) fn parse_query_duration(text: &str) -> Option<i64> {
    let units: Vec<(&str, f64)> = VALUE_UNITS.iter().chain(&QUERY_UNITS).copied().collect();
    parse_duration(text, &units)
}

fn parse_duration(text: &str, units: &[(&str, f64)]) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0f64;
    // Whole numbers are summed without rounding.
    let mut exact = 0i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let (unit, tail) = tail.split_at(letters);
        let (_, length) = units.iter().find(|(u, _)| *u == unit)?;
        match number.parse::<i64>() {
            Ok(whole) => exact = exact.checked_add(whole.checked_mul(*length as i64)?)?,
            Err(_) if number == "." || number.bytes().filter(|b| *b == b'.').count() > 1 => return None,
            Err(_) => total += number.parse::<f64>().ok()? * length,
        }
        rest = tail;
    }
    if total >= i64::MAX as f64 {
        return None;
    }
    let sum = exact.checked_add(total as i64)?;
    Some(if negative { -sum } else { sum })
}

/// Nanoseconds as the shortest duration that reads back the same.
pub fn format_duration(nanos: i64) -> String {
    if nanos % 1_000_000 == 0 {
        return promql::format_duration(nanos / 1_000_000);
    }
    let magnitude = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) = (magnitude / 1_000_000, magnitude % 1_000_000);
    let whole = if whole == 0 { String::new() } else { promql::format_duration(whole as i64) };
    match rest % 1000 {
        0 => format!("{sign}{whole}{}us", rest / 1000),
        _ => format!("{sign}{whole}{rest}ns"),
    }
}

/// Bytes of a size: `42MB`, `1.5KiB`, `5 MiB`, `20B`, `300`. A unit with an `i` counts in 1024s; case does not matter.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')).count();
    let (number, unit) = text.split_at(digits);
    let number: f64 = match number.contains(',') {
        true => number.replace(',', "").parse().ok()?,
        false => number.parse().ok()?,
    };
    let factor = byte_unit(unit.trim_start())?;
    let bytes = number * factor;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

fn byte_unit(unit: &str) -> Option<f64> {
    let mut letters = [0u8; 3];
    let unit = unit.as_bytes();
    if unit.len() > 3 {
        return None;
    }
    letters[..unit.len()].copy_from_slice(unit);
    letters.make_ascii_lowercase();
    let unit = &letters[..unit.len()];
    let power = |letter: u8| b"kmgtpe".iter().position(|l| *l == letter).map(|i| i as i32 + 1);
    Some(match unit {
        [] | [b'b'] => 1.0,
        [letter] | [letter, b'b'] => 1000f64.powi(power(*letter)?),
        [letter, b'i'] | [letter, b'i', b'b'] => 1024f64.powi(power(*letter)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_values() {
        for (text, nanos) in [
            ("0", 0),
            ("1h2m3.5s", 3_723_500_000_000),
            ("-300ms", -300_000_000),
            ("10µs", 10_000),
            ("1.5h", 5_400_000_000_000),
            ("3s1h", 3_603_000_000_000),
            (".5s", 500_000_000),
        ] {
            assert_eq!(parse_value_duration(text), Some(nanos), "{text}");
        }
        for wrong in ["", "5", "1d", "s", "-", "1..5s", "1s ", "999999999999h", ".s"] {
            assert_eq!(parse_value_duration(wrong), None, "{wrong}");
        }
        assert_eq!(parse_query_duration("1d"), Some(86_400_000_000_000));
    }

    #[test]
    fn durations_print_as_they_read() {
        for text in ["5m", "1h30m", "1500us", "1s1ns", "-5m", "1ms1us"] {
            let nanos = parse_query_duration(text).unwrap();
            assert_eq!(parse_query_duration(&format_duration(nanos)), Some(nanos), "{text}");
        }
        assert_eq!(format_duration(300_000_000_000), "5m");
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("20B", 20),
            ("42MB", 42_000_000),
            ("1.5KiB", 1536),
            ("5 MiB", 5 << 20),
            ("3k", 3000),
            ("1G", 1_000_000_000),
            ("7", 7),
            ("1,024 b", 1024),
        ] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for wrong in ["", "B", "5x", "1.2.3kB", "99999999EB", "-1B"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }
}
