//! Numbers as Prometheus writes them: shortest digits that give the same float back, plain notation between
//! 1e-6 and 1e21, Go's exponent form outside.

/// Appends `v` to `out`: `1`, `0.1`, `1e+21`, `1e-07`, `NaN`, `+Inf`, `-Inf`, `-0`.
pub fn push_float(out: &mut Vec<u8>, v: f64) {
    if v.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if v.is_infinite() {
        out.extend_from_slice(if v > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if v.trunc() == v && v.abs() < WHOLE_MAX {
        if v == 0.0 && v.is_sign_negative() {
            out.push(b'-');
        }
        push_int(out, v as i64);
    } else {
        push_fraction(out, v);
    }
}

/// `v` as a string, for places that are not hot.
pub fn format_float(v: f64) -> String {
    let mut out = Vec::new();
    push_float(&mut out, v);
    String::from_utf8_lossy(&out).into_owned()
}

/// `v` in plain notation whatever its size, as Go's `'f'` format has it.
pub fn format_plain(v: f64) -> String {
    if !v.is_finite() {
        return format_float(v);
    }
    let mut out = Vec::new();
    let mut buffer = zmij::Buffer::new();
    let (digits, exponent) = decimal(buffer.format_finite(v.abs()));
    if v.is_sign_negative() {
        out.push(b'-');
    }
    push_plain(&mut out, &digits, exponent);
    String::from_utf8_lossy(&out).into_owned()
}

/// Appends an integer.
pub fn push_int(out: &mut Vec<u8>, v: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes());
}

/// Appends a time in milliseconds as seconds: `1435781430.781`, `12`, `-0.500`.
pub fn push_time(out: &mut Vec<u8>, ms: i64) {
    if ms < 0 {
        out.push(b'-');
    }
    let ms = ms.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(ms / 1000).as_bytes());
    let fraction = (ms % 1000) as u16;
    if fraction != 0 {
        let digit = |d: u16| b'0' + (d % 10) as u8;
        out.extend_from_slice(&[b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)]);
    }
}

/// A time as [`push_time`] writes it.
pub fn format_time(ms: i64) -> String {
    let mut out = Vec::new();
    push_time(&mut out, ms);
    String::from_utf8_lossy(&out).into_owned()
}

/// Whole numbers below this are exact in an `i64` and in a float alike.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

fn push_fraction(out: &mut Vec<u8>, v: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v.abs());
    if v.is_sign_negative() {
        out.push(b'-');
    }
    let abs = v.abs();
    if !text.contains('e') && abs >= 1e-6 {
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        return;
    }
    let (digits, exponent) = decimal(text);
    if (1e-6..1e21).contains(&abs) {
        push_plain(out, &digits, exponent);
    } else {
        push_exponent(out, &digits, exponent);
    }
}

/// Splits a shortest decimal such as `12.5`, `0.001` or `1.5e-9` into its digits and the power of ten of the
/// point that stands before them: 0.d1d2d3… × 10^exponent.
fn decimal(text: &str) -> (Vec<u8>, i32) {
    let (mantissa, power) = match text.split_once('e') {
        Some((m, e)) => (m, e.parse::<i32>().unwrap_or(0)),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let mut exponent = power + whole.len() as i32;
    let leading = digits.iter().take_while(|d| **d == b'0').count();
    digits.drain(..leading);
    exponent -= leading as i32;
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    if digits.is_empty() { (vec![b'0'], 1) } else { (digits, exponent) }
}

fn push_plain(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    if exponent <= 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + exponent.unsigned_abs() as usize, b'0');
        out.extend_from_slice(digits);
    } else if (exponent as usize) < digits.len() {
        out.extend_from_slice(&digits[..exponent as usize]);
        out.push(b'.');
        out.extend_from_slice(&digits[exponent as usize..]);
    } else {
        out.extend_from_slice(digits);
        out.resize(out.len() + exponent as usize - digits.len(), b'0');
    }
}

fn push_exponent(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    let power = exponent - 1;
    out.extend_from_slice(if power < 0 { b"e-" } else { b"e+" });
    if power.abs() < 10 {
        out.push(b'0');
    }
    push_int(out, i64::from(power.abs()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_look_as_upstream_writes_them() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e6, "1000000"),
            (1e20, "100000000000000000000"),
            (1.5e20, "150000000000000000000"),
            (1e21, "1e+21"),
            (-1.25e300, "-1.25e+300"),
            (1e-6, "0.000001"),
            (1.5e-5, "0.000015"),
            (1e-7, "1e-07"),
            (1.5e-10, "1.5e-10"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (123456.789, "123456.789"),
            (9007199254740993.0, "9007199254740992"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (v, text) in cases {
            assert_eq!(format_float(*v), *text);
        }
    }

    #[test]
    fn plain_notation_never_has_an_exponent() {
        assert_eq!(format_plain(1e22), "10000000000000000000000");
        assert_eq!(format_plain(1e-9), "0.000000001");
        assert_eq!(format_plain(-0.0), "-0");
        assert_eq!(format_plain(f64::INFINITY), "+Inf");
    }

    #[test]
    fn times_are_seconds_with_three_digits_or_none() {
        let text = format_time;
        assert_eq!(text(1_435_781_430_781), "1435781430.781");
        assert_eq!(text(12_000), "12");
        assert_eq!(text(-500), "-0.500");
        assert_eq!(text(7), "0.007");
        assert_eq!(text(i64::MIN), "-9223372036854775.808");
    }

    proptest! {
        #[test]
        fn every_float_comes_back(bits in any::<u64>()) {
            let v = f64::from_bits(bits);
            prop_assume!(v.is_finite());
            for text in [format_float(v), format_plain(v)] {
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), v.to_bits());
            }
        }
    }
}
