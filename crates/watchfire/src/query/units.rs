//! Values with the unit that the name of a metric promises.

/// What the values of a metric measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// A part of one.
    Ratio,
    /// Degrees.
    Celsius,
    /// Just a number.
    None,
}

impl Unit {
    /// The unit of an expression: that of the one metric it names, unless a function changes it.
    pub fn of(expr: &str) -> Unit {
        let rate = ["rate(", "irate(", "deriv("].iter().any(|f| expr.contains(f));
        if expr.contains('/') || expr.contains("count") || expr.contains("changes(") {
            return Unit::None;
        }
        let names = expr.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        let base = |name: &str| {
            let name = name.trim_end_matches("_total").trim_end_matches("_sum");
            match name.rsplit('_').next() {
                Some("bytes") => Some(Unit::Bytes),
                // Seconds per second is a ratio.
                Some("seconds") if rate => Some(Unit::Ratio),
                Some("seconds") => Some(Unit::Seconds),
                Some("ratio") => Some(Unit::Ratio),
                Some("celsius") => Some(Unit::Celsius),
                _ => None,
            }
        };
        let mut found = names.filter(|n| n.contains('_')).filter_map(base);
        match (found.next(), found.find(|_| true)) {
            (Some(unit), None) => unit,
            _ => Unit::None,
        }
    }

    /// A value with its unit, in about four digits.
    pub fn format(self, v: f64) -> String {
        if !v.is_finite() {
            return if v.is_nan() {
                "NaN".into()
            } else if v > 0.0 {
                "+Inf".into()
            } else {
                "-Inf".into()
            };
        }
        match self {
            Unit::Bytes => scaled(v, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
            Unit::Seconds => seconds(v),
            Unit::Ratio if v.abs() <= 10.0 => format!("{} %", digits(v * 100.0)),
            Unit::Celsius => format!("{} °C", digits(v)),
            Unit::Ratio | Unit::None => plain(v),
        }
    }
}

fn plain(v: f64) -> String {
    if v.trunc() == v && v.abs() < 1e6 {
        format!("{v}")
    } else if v.abs() >= 1e6 {
        scaled(v, 1000.0, &["", "k", "M", "G", "T", "P", "E"])
    } else if v != 0.0 && v.abs() < 1e-3 {
        format!("{v:.3e}")
    } else {
        digits(v)
    }
}

fn scaled(v: f64, base: f64, units: &[&str]) -> String {
    let mut power = 0;
    let mut scaled = v;
    while scaled.abs() >= base && power + 1 < units.len() {
        scaled /= base;
        power += 1;
    }
    format!("{} {}", digits(scaled), units[power]).trim_end().to_owned()
}

fn seconds(v: f64) -> String {
    let a = v.abs();
    match a {
        _ if a == 0.0 => "0 s".to_owned(),
        _ if a < 1e-6 => format!("{} ns", digits(v * 1e9)),
        _ if a < 1e-3 => format!("{} µs", digits(v * 1e6)),
        _ if a < 1.0 => format!("{} ms", digits(v * 1e3)),
        _ if a < 120.0 => format!("{} s", digits(v)),
        _ if a < 7200.0 => format!("{} min", digits(v / 60.0)),
        _ if a < 172_800.0 => format!("{} h", digits(v / 3600.0)),
        // Longer than a century is a point in time, not a length.
        _ if a < 3.2e9 && a > 9e8 => plain(v),
        _ => format!("{} d", digits(v / 86_400.0)),
    }
}

/// Four significant digits, no trailing zeros.
fn digits(v: f64) -> String {
    let a = v.abs();
    let places = match a {
        _ if a >= 1000.0 => 0,
        _ if a >= 100.0 => 1,
        _ if a >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{v:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_units() {
        for (expr, unit) in [
            ("node_memory_MemFree_bytes", Unit::Bytes),
            ("sum(rate(node_network_receive_bytes_total[5m]))", Unit::Bytes),
            ("rate(node_cpu_seconds_total[5m])", Unit::Ratio),
            ("process_start_time_seconds", Unit::Seconds),
            ("a_bytes / b_bytes", Unit::None),
            ("a_bytes + b_seconds", Unit::None),
            ("node_load1", Unit::None),
        ] {
            assert_eq!(Unit::of(expr), unit, "{expr}");
        }
    }

    #[test]
    fn values_are_short() {
        for (unit, v, text) in [
            (Unit::Bytes, 1536.0, "1.5 KiB"),
            (Unit::Bytes, 12.0, "12 B"),
            (Unit::Seconds, 0.0023, "2.3 ms"),
            (Unit::Seconds, 90.0, "90 s"),
            (Unit::Ratio, 0.1234, "12.34 %"),
            (Unit::None, 3.0, "3"),
            (Unit::None, 0.123456, "0.123"),
            (Unit::None, 12_345_678.0, "12.35 M"),
            (Unit::None, f64::NAN, "NaN"),
        ] {
            assert_eq!(unit.format(v), text);
        }
    }
}
