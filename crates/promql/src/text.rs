//! Durations, numbers and quoted text as PromQL writes them.

use std::fmt::Write;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const YEAR: i64 = 365 * DAY;

/// Units in the order in which they must be written.
const UNITS: [(&str, i64); 7] =
    [("y", YEAR), ("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)];

/// The longest duration, the same as Prometheus': 2^63 nanoseconds.
pub(crate) const DURATION_MS_MAX: i64 = i64::MAX / 1_000_000;

/// Milliseconds of a duration such as `1h30m`. Each unit may occur once, larger ones first.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let mut total: i64 = 0;
    let mut rest = text;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(invalid());
        }
        let number = &rest[..digits];
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[..letters];
        rest = &rest[letters..];
        let Some(at) = UNITS.iter().position(|(u, _)| *u == unit) else {
            return Err(if unit.is_empty() {
                invalid()
            } else {
                format!("unknown unit {} in duration {}", quote(unit), quote(text))
            });
        };
        if at < next_unit {
            return Err(invalid());
        }
        next_unit = at + 1;
        let value: i64 = number.parse().map_err(|_| "duration out of range".to_owned())?;
        total = value
            .checked_mul(UNITS[at].1)
            .and_then(|v| total.checked_add(v))
            .filter(|t| *t <= DURATION_MS_MAX)
            .ok_or_else(|| "duration out of range".to_owned())?;
    }
    Ok(total)
}

/// A duration as PromQL writes it: years and weeks only when nothing remains.
pub fn format_duration(ms: i64) -> String {
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
    }
    let mut ms = ms.unsigned_abs();
    if ms == 0 {
        return "0s".to_owned();
    }
    for (unit, length) in UNITS {
        let length = length as u64;
        if matches!(unit, "y" | "w") && !ms.is_multiple_of(length) {
            continue;
        }
        if ms >= length {
            let _ = write!(out, "{}{unit}", ms / length);
            ms %= length;
        }
    }
    out
}

/// A float in full, without exponent: `+Inf`, `-Inf` and `NaN` for those that are no numbers.
pub fn format_float(v: f64) -> String {
    if v.is_nan() {
        "NaN".to_owned()
    } else if v.is_infinite() {
        if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{v}")
    }
}

/// A float in its shortest form: with an exponent when that is below -4 or above 5, as upstream's texts have it.
pub(crate) fn format_float_short(v: f64) -> String {
    if !v.is_finite() {
        return format_float(v);
    }
    let scientific = format!("{v:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v != 0.0 && !(-4..=5).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    } else {
        format!("{v}")
    }
}

/// A float with so many significant digits, trailing zeros left out.
pub(crate) fn format_significant(v: f64, digits: usize) -> String {
    if !v.is_finite() {
        return format_float(v);
    }
    let scientific = format!("{v:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let strip = |s: &str| match s.contains('.') {
        true => s.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => s.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", strip(mantissa), exponent.abs());
    }
    strip(&format!("{v:.*}", (digits as i32 - 1 - exponent).max(0) as usize))
}

/// Text in double quotes with escapes.
pub fn quote(text: &str) -> String {
    quote_bytes(text.as_bytes())
}

/// As [`quote`], for bytes that need not be UTF-8.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut out, c);
        }
        for b in chunk.invalid() {
            let _ = write!(out, "\\x{b:02x}");
        }
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if (c as u32) < 0x20 || c as u32 == 0x7f => {
            let _ = write!(out, "\\x{:02x}", c as u32);
        }
        c if c.is_control() || (c.is_whitespace() && c != ' ') || c == '\u{feff}' => {
            let _ = write!(out, "\\u{:04x}", c as u32);
        }
        c => out.push(c),
    }
}

/// The bytes a quoted text stands for. `quoted` includes its quotes: `"`, `'` or a backtick.
pub fn unquote(quoted: &str) -> Result<Vec<u8>, String> {
    let invalid = || "invalid syntax".to_owned();
    let mut chars = quoted.chars();
    let open = chars.next().ok_or_else(invalid)?;
    if quoted.len() < 2 || chars.next_back() != Some(open) || !matches!(open, '"' | '\'' | '`') {
        return Err(invalid());
    }
    let body = chars.as_str();
    if open == '`' {
        return if body.contains('`') { Err(invalid()) } else { Ok(body.as_bytes().to_vec()) };
    }
    let mut out = Vec::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => return Err(invalid()),
            '\\' => unescape(&mut chars, open, &mut out)?,
            c if c == open => return Err(invalid()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(out)
}

fn unescape(chars: &mut std::str::Chars<'_>, open: char, out: &mut Vec<u8>) -> Result<(), String> {
    let invalid = || "invalid syntax".to_owned();
    let c = chars.next().ok_or_else(invalid)?;
    let mut number = |first: Option<char>, digits: usize, radix: u32| -> Result<u32, String> {
        let mut v = 0u32;
        for i in 0..digits {
            let d = if i == 0 && first.is_some() { first } else { chars.next() };
            let d = d.and_then(|d| d.to_digit(radix)).ok_or_else(invalid)?;
            v = v.checked_mul(radix).and_then(|v| v.checked_add(d)).ok_or_else(invalid)?;
        }
        Ok(v)
    };
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == open => c as u8,
        'x' => number(None, 2, 16)? as u8,
        '0'..='7' => u8::try_from(number(Some(c), 3, 8)?).map_err(|_| invalid())?,
        'u' | 'U' => {
            let code = number(None, if c == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code).ok_or_else(invalid)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        _ => return Err(invalid()),
    };
    out.push(byte);
    Ok(())
}

/// A number as written: decimal, hexadecimal, octal (leading zero) or binary, with `_` between digits.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "+inf" => return Some(f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let radix = |digits: &str, radix: u32| {
        let digits: String = digits.chars().filter(|c| *c != '_').collect();
        if digits.is_empty() {
            return None;
        }
        digits.chars().try_fold(0f64, |v, c| Some(v * f64::from(radix) + f64::from(c.to_digit(radix)?)))
    };
    if let Some(hex) = lower.strip_prefix("0x") {
        return i64::from_str_radix(&hex.replace('_', ""), 16)
            .map(|v| v as f64)
            .ok()
            .or_else(|| radix(hex, 16));
    }
    if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return radix(&lower[1..], 8);
    }
    let plain = lower.replace('_', "");
    let v: f64 = plain.parse().ok()?;
    v.is_finite().then_some(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_upstream() {
        for (text, ms) in
            [("0", 0), ("1h30m", 5_400_000), ("15ms", 15), ("1y", YEAR), ("1w", WEEK), ("8d", 8 * DAY)]
        {
            assert_eq!(parse_duration(text), Ok(ms));
        }
        assert_eq!(format_duration(8 * DAY), "8d");
        assert_eq!(format_duration(14 * DAY), "2w");
        assert_eq!(format_duration(90_061_001), "1d1h1m1s1ms");
        assert_eq!(format_duration(-1500), "-1s500ms");
        for bad in ["", "5", "5m1h", "5m1m", "1x", "m", "300y", "99999999999999999999s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_read_as_upstream() {
        for (text, v) in [
            ("1", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("0x1F", 31.0),
            ("0755", 493.0),
            ("08", 8.0),
            ("1_000", 1000.0),
            ("Inf", f64::INFINITY),
        ] {
            assert_eq!(parse_number(text), Some(v), "{text}");
        }
        assert_eq!(parse_number("0x"), None);
        assert_eq!(parse_number(&"9".repeat(400)), None);
    }

    #[test]
    fn text_survives_quoting() {
        for t in ["", "a\"b\\c", "\n\t\u{7}", "烽火", "\u{200b}x\u{85}"] {
            assert_eq!(unquote(&quote(t)), Ok(t.as_bytes().to_vec()));
        }
        assert_eq!(quote_bytes(b"a\xc5z"), r#""a\xc5z""#);
        assert_eq!(unquote(r#""a\xc5z""#), Ok(b"a\xc5z".to_vec()));
        assert_eq!(unquote(r"'\''"), Ok(b"'".to_vec()));
        assert_eq!(unquote("`\\n`"), Ok(b"\\n".to_vec()));
        assert_eq!(format_float_short(1_234_567.0), "1.234567e+06");
        assert_eq!(format_float_short(123_456.0), "123456");
        assert_eq!(format_float_short(0.00001), "1e-05");
        assert_eq!(format_float_short(0.5), "0.5");
    }
}
