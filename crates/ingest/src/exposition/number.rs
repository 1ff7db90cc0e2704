//! Numbers as exporters write them.

/// The NaN that the text formats stand for: quiet, and not the staleness marker. Its payload is the one
/// Prometheus gives it, so that the same series has the same bits however it came.
const ORDINARY_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// Ten to a power that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A value: decimal, `NaN`, `Inf` with or without sign, in any case. A number too large for a double is not
/// taken for infinite: it is refused, as Prometheus does.
#[inline]
pub(crate) fn value(token: &[u8]) -> Option<f64> {
    short_decimal(token).or_else(|| standard(token))
}

/// Up to 15 digits with at most one point. Both the digits and the power of ten are exact doubles, so one
/// division rounds correctly.
#[inline]
fn short_decimal(token: &[u8]) -> Option<f64> {
    let (negative, digits) = match token {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, token),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut mantissa, mut count, mut point) = (0u64, 0usize, None);
    for (i, &b) in digits.iter().enumerate() {
        let d = b.wrapping_sub(b'0');
        if d < 10 {
            mantissa = mantissa * 10 + u64::from(d);
            count += 1;
        } else if b == b'.' && point.is_none() {
            point = Some(i);
        } else {
            return None;
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let v = match point {
        Some(p) => mantissa as f64 / EXACT_POWERS[digits.len() - p - 1],
        None => mantissa as f64,
    };
    Some(if negative { -v } else { v })
}

fn standard(token: &[u8]) -> Option<f64> {
    let v: f64 = std::str::from_utf8(token).ok()?.parse().ok()?;
    if v.is_nan() {
        return Some(f64::from_bits(ORDINARY_NAN_BITS));
    }
    // "inf" and "infinity" are the only spellings of infinity; they have no digit.
    if v.is_infinite() && token.iter().any(u8::is_ascii_digit) {
        return None;
    }
    Some(v)
}

/// A whole number of milliseconds.
pub(crate) fn milliseconds(token: &[u8]) -> Option<i64> {
    std::str::from_utf8(token).ok()?.parse().ok()
}

/// Seconds, with or without a fraction, as milliseconds; digits beyond the third are dropped.
pub(crate) fn seconds(token: &[u8]) -> Option<i64> {
    plain_seconds(token).or_else(|| {
        let v = value(token)? * 1000.0;
        (v.is_finite() && v.abs() < 9.2e18).then_some(v as i64)
    })
}

fn plain_seconds(token: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(token).ok()?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |a, b| a * 10 + i64::from(b - b'0'));
    let ms = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(thousandths)?;
    Some(if negative { -ms } else { ms })
}

/// A bucket bound or quantile as OpenMetrics spells it: shortest exact digits, always with a point or an
/// exponent (`1.0`, `0.25`, `1e+06`), `+Inf`, `NaN`.
pub(crate) fn canonical(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if v == 0.0 {
        return "0.0".to_owned();
    }
    let scientific = format!("{v:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // As Go's %g with the fewest digits: scientific below 1e-4 and from 1e6 on.
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let plain = format!("{v}");
    if plain.contains('.') { plain } else { plain + ".0" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn special_values_and_refusals() {
        for (text, want) in [
            ("+Inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("Infinity", f64::INFINITY),
            ("1e3", 1000.0),
            ("+4", 4.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-0", -0.0),
            ("0.1", 0.1),
        ] {
            assert_eq!(value(text.as_bytes()).map(f64::to_bits), Some(want.to_bits()), "{text}");
        }
        assert_eq!(value(b"NaN").map(f64::to_bits), Some(ORDINARY_NAN_BITS));
        for text in ["", "-", ".", "1e999", "-1e999", "0x1p3", "1_000", "one", "1 ", "--1", "1..2"] {
            assert_eq!(value(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn seconds_become_milliseconds_without_rounding_errors() {
        for (text, want) in [
            ("1520879607.789", 1_520_879_607_789),
            ("0", 0),
            ("1.0019", 1001),
            ("-1.5", -1500),
            ("1e3", 1_000_000),
            ("1.395066363e+09", 1_395_066_363_000),
        ] {
            assert_eq!(seconds(text.as_bytes()), Some(want), "{text}");
        }
        for text in ["NaN", "Inf", "1e300", "9223372036854775807", "x", ""] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_spelled_as_openmetrics_does() {
        for (v, want) in [
            (1.0, "1.0"),
            (0.25, "0.25"),
            (1e6, "1e+06"),
            (123_456.0, "123456.0"),
            (1_234_567.0, "1.234567e+06"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(canonical(v), want);
        }
    }

    proptest! {
        #[test]
        fn values_parse_as_the_standard_library_does(v in any::<f64>(), digits in "-?[0-9]{1,12}(\\.[0-9]{0,9})?") {
            if v.is_finite() {
                prop_assert_eq!(value(format!("{v}").as_bytes()).map(f64::to_bits), Some(v.to_bits()));
                prop_assert_eq!(value(format!("{v:e}").as_bytes()).map(f64::to_bits), Some(v.to_bits()));
            }
            let want: f64 = digits.parse().unwrap();
            prop_assert_eq!(value(digits.as_bytes()).map(f64::to_bits), Some(want.to_bits()));
        }
    }
}
