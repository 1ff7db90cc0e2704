//! Numbers for people.

use template::{Duration, Time, Value, float_significant, parse_float};

/// The number that a value is, or that its text says.
pub(super) fn number(v: &Value) -> Result<f64, String> {
    match v {
        Value::Float(v) => Ok(*v),
        Value::Int(v) => Ok(*v as f64),
        Value::String(s) => parse_float(s),
        Value::Object(o) if o.type_name() == "time.Duration" => match o.content() {
            Some(Value::Int(nanos)) => Ok(Duration { nanos }.seconds()),
            _ => Err("can't convert time.Duration to float".to_owned()),
        },
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn four(v: f64) -> String {
    float_significant(v, 4)
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

fn small(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for p in SMALL {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = p;
        v *= 1000.0;
    }
    (v, prefix)
}

fn large(mut v: f64, base: f64, prefixes: &[&'static str]) -> String {
    let mut prefix = "";
    for p in prefixes {
        if v.abs() < base {
            break;
        }
        prefix = p;
        v /= base;
    }
    format!("{}{prefix}", four(v))
}

/// `1.235M`
pub(super) fn humanize(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return four(v);
    }
    if v.abs() >= 1.0 {
        return large(v, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"]);
    }
    let (v, prefix) = small(v);
    format!("{}{prefix}", four(v))
}

/// `1.177Mi`
pub(super) fn humanize1024(v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return four(v);
    }
    large(v, 1024.0, &["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"])
}

/// `12.35%`
pub(super) fn percentage(v: f64) -> String {
    format!("{}%", four(v * 100.0))
}

/// `1d 2h 3m 4s`
pub(super) fn duration(v: f64) -> String {
    if !v.is_finite() {
        return four(v);
    }
    if v == 0.0 {
        return format!("{}s", four(v));
    }
    if v.abs() < 1.0 {
        let (v, prefix) = small(v);
        return format!("{}{prefix}s", four(v));
    }
    let (sign, v) = if v < 0.0 { ("-", -v) } else { ("", v) };
    let whole = v as i64;
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", four(v)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, ..) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

/// The instant of Unix seconds, to the millisecond. Nothing for what is no number.
pub(super) fn time(v: f64) -> Result<Option<Time>, String> {
    if !v.is_finite() {
        return Ok(None);
    }
    let nanos = v * 1e9;
    if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 {
        let shown = template::float_shortest(v);
        return Err(format!(
            "{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"
        ));
    }
    Ok(Some(Time::from_unix_ms(nanos as i64 / 1_000_000)))
}

/// `2015-06-23 13:19:44.128 +0000 UTC`
pub(super) fn timestamp(v: f64) -> Result<String, String> {
    Ok(match time(v)? {
        Some(t) => t.format("2006-01-02 15:04:05.999999999 -0700 MST"),
        None => four(v),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let all =
            |f: fn(f64) -> String, values: &[f64]| -> String { values.iter().map(|v| f(*v) + ":").collect() };
        assert_eq!(all(humanize, &[0.0, 1.0, -1.0, 1_234_567.0, 0.12, 1e30]), "0:1:-1:1.235M:120m:1e+06Y:");
        assert_eq!(all(humanize1024, &[0.0, 1.0, 1_048_576.0, 0.12, 1_234_567.0]), "0:1:1Mi:0.12:1.177Mi:");
        assert_eq!(all(percentage, &[-0.22222, 0.0, 0.1234567, 1.23456]), "-22.22%:0%:12.35%:123.5%:");
        assert_eq!(
            all(
                duration,
                &[0.0, 1.0, 60.0, 3600.0, 86_400.0, -(86_400.0 * 2.0 + 3600.0 * 3.0 + 245.0), 899.99]
            ),
            "0s:1s:1m 0s:1h 0m 0s:1d 0h 0m 0s:-2d 3h 4m 5s:14m 59s:"
        );
        assert_eq!(
            all(duration, &[0.1, 0.0001, 0.12345, 60.5, 1.2345, 12.345]),
            "100ms:100us:123.5ms:1m 0s:1.234s:12.35s:"
        );
        for f in [humanize, humanize1024, duration] {
            assert_eq!(all(f, &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN]), "+Inf:-Inf:NaN:");
        }
        assert_eq!(timestamp(1_435_065_584.128).as_deref(), Ok("2015-06-23 13:19:44.128 +0000 UTC"));
        assert_eq!(timestamp(-1.0).as_deref(), Ok("1969-12-31 23:59:59 +0000 UTC"));
        assert!(timestamp(1e19).unwrap_err().starts_with("1e+19 cannot be represented"));
    }
}
