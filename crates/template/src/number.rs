//! Numbers as Go writes and reads them.

/// A float in its shortest form that reads back the same, with an exponent where that is below -4 or above 5: Go's
/// `%v`.
pub fn float_shortest(v: f64) -> String {
    general(v, None, false, 'e')
}

/// A float with so many significant digits, trailing zeros left out: Go's `%.4g`.
pub fn float_significant(v: f64, digits: usize) -> String {
    general(v, Some(digits), false, 'e')
}

fn not_finite(v: f64) -> Option<&'static str> {
    if v.is_nan() {
        Some("NaN")
    } else if v.is_infinite() {
        Some(if v > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

fn scientific(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

fn with_exponent(mantissa: &str, exponent: i32, e: char) -> String {
    format!("{mantissa}{e}{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// `%e`: the shortest mantissa unless its decimals are given.
pub(crate) fn exponential(v: f64, decimals: Option<usize>, e: char) -> String {
    if let Some(text) = not_finite(v) {
        return text.to_owned();
    }
    let text = match decimals {
        Some(d) => format!("{v:.d$e}"),
        None => format!("{v:e}"),
    };
    let (mantissa, exponent) = scientific(&text);
    with_exponent(&mantissa, exponent, e)
}

/// `%f`: the shortest form unless its decimals are given.
pub(crate) fn fixed(v: f64, decimals: Option<usize>) -> String {
    match (not_finite(v), decimals) {
        (Some(text), _) => text.to_owned(),
        (None, Some(d)) => format!("{v:.d$}"),
        (None, None) => format!("{v}"),
    }
}

/// `%g`: the shortest form unless its significant digits are given. Trailing zeros stay if `sharp`.
pub(crate) fn general(v: f64, digits: Option<usize>, sharp: bool, e: char) -> String {
    if let Some(text) = not_finite(v) {
        return text.to_owned();
    }
    let text = match digits {
        Some(d) => format!("{v:.*e}", d.max(1) - 1),
        None => format!("{v:e}"),
    };
    let (mantissa, exponent) = scientific(&text);
    let strip = |s: String| match s.contains('.') && !sharp {
        true => s.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => s,
    };
    // The exponent form begins where the number no longer fits the precision.
    let threshold = match digits {
        None => 6,
        Some(d) => d.max(1) as i32,
    };
    if v != 0.0 && (exponent < -4 || exponent >= threshold) {
        return with_exponent(&strip(mantissa), exponent, e);
    }
    match digits {
        None => format!("{v}"),
        Some(d) => strip(format!("{v:.*}", (d.max(1) as i32 - 1 - exponent).max(0) as usize)),
    }
}

/// A float as Go's `strconv.ParseFloat` reads it; the error is worded as Go words it.
pub fn parse_float(text: &str) -> Result<f64, String> {
    let invalid = || format!("strconv.ParseFloat: parsing {}: invalid syntax", crate::quote::quote(text));
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match unsigned.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Ok(sign * f64::INFINITY),
        "nan" if unsigned.len() == text.len() => return Ok(f64::NAN),
        lower if lower.starts_with("0x") => {
            return hexadecimal(&lower[2..]).map(|v| sign * v).ok_or_else(invalid);
        }
        _ => {}
    }
    // Rust reads a few words that Go does not, and both read the rest alike.
    if !unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return Err(invalid());
    }
    let v: f64 = text.parse().map_err(|_| invalid())?;
    if v.is_infinite() {
        return Err(format!("strconv.ParseFloat: parsing {}: value out of range", crate::quote::quote(text)));
    }
    Ok(v)
}

/// `1.8p3`: hexadecimal digits with a binary exponent, which must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once('p')?;
    let mut exponent: i32 = exponent.parse().ok().filter(|e| (-5000..=5000).contains(e))?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 1000 {
        return None;
    }
    let mut v = 0f64;
    for c in whole.chars().chain(fraction.chars()) {
        v = v * 16.0 + f64::from(c.to_digit(16)?);
    }
    exponent -= 4 * fraction.len() as i32;
    // In two steps, so that neither is out of range where the result is not.
    Some(v * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2))
}

/// A whole number as a Go program writes it: decimal, `0x`, `0o`, `0b`, leading zero for octal, `_` between digits.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !underscores_are_right(&lower) {
        return None;
    }
    let digits = digits.replace('_', "");
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let v = i128::from_str_radix(&digits, radix).ok()?;
    i64::try_from(if negative { -v } else { v }).ok()
}

/// `_` may stand between digits and after a prefix only.
pub(crate) fn underscores_are_right(text: &str) -> bool {
    !text.contains('_')
        || (!text.starts_with('_') && !text.ends_with('_') && !text.contains("__") && {
            let digit = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'x' | b'o');
            text.as_bytes().windows(3).all(|w| w[1] != b'_' || (digit(w[0]) && digit(w[2])))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (v, shortest, four) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.0, "1", "1"),
            (123_456.0, "123456", "1.235e+05"),
            (1_234_567.0, "1.234567e+06", "1.235e+06"),
            (1e21, "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (12.345, "12.345", "12.35"),
            (f64::NAN, "NaN", "NaN"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
        ] {
            assert_eq!((float_shortest(v).as_str(), float_significant(v, 4).as_str()), (shortest, four));
        }
        assert_eq!(exponential(1234.5, Some(2), 'E'), "1.23E+03");
        assert_eq!(general(1.0, Some(3), true, 'e'), "1.00");
    }

    #[test]
    fn numbers_read_as_go_reads_them() {
        for (text, v) in [
            (".12", 0.12),
            ("+Inf", f64::INFINITY),
            ("-1e3", -1000.0),
            ("0x1.8p3", 12.0),
            ("infinity", f64::INFINITY),
        ] {
            assert_eq!(parse_float(text), Ok(v), "{text}");
        }
        for bad in ["", "one", "1_0", " 1", "0x1", "1e", "+nan"] {
            assert!(parse_float(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse_float("one"),
            Err(r#"strconv.ParseFloat: parsing "one": invalid syntax"#.to_owned())
        );
        assert!(parse_float("1e999").unwrap_err().ends_with("value out of range"));
        for (text, v) in [("0x1F", 31), ("017", 15), ("0b11", 3), ("1_000", 1000), ("-5", -5), ("0", 0)] {
            assert_eq!(parse_int(text), Some(v), "{text}");
        }
        for bad in ["", "-", "08", "_1", "1__0", "99999999999999999999", "1.5"] {
            assert_eq!(parse_int(bad), None, "{bad}");
        }
    }
}
