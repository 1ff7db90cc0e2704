//! Durations as TraceQL writes them.

const UNITS: [(&str, u64); 10] = [
    ("y", 365 * 24 * 3_600_000_000_000),
    ("w", 7 * 24 * 3_600_000_000_000),
    ("d", 24 * 3_600_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1000),
    ("µs", 1000),
    ("ns", 1),
];

/// Nanoseconds of a duration such as `1h30m`, `1.5s` or `300us`. Units may come in any order.
pub fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let (unit, tail) = tail.split_at(letters);
        let (_, length) = UNITS.iter().find(|(u, _)| *u == unit || (*u == "µs" && unit == "μs"))?;
        let part = match number.parse::<i64>() {
            Ok(whole) => whole.checked_mul(*length as i64)?,
            Err(_) => {
                // Only digits and points: no sign, no exponent.
                let nanos = number.parse::<f64>().ok()? * *length as f64;
                if nanos >= i64::MAX as f64 {
                    return None;
                }
                nanos.round() as i64
            }
        };
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some(total)
}

/// Nanoseconds as a duration that reads back the same.
pub fn format_duration(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if nanos < 0 {
        out.push('-');
    }
    let mut rest = nanos.unsigned_abs();
    for (unit, length) in UNITS {
        // Years and weeks are not how people think of spans.
        if matches!(unit, "y" | "w" | "d" | "µs") || rest < length {
            continue;
        }
        out.push_str(&format!("{}{unit}", rest / length));
        rest %= length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for (text, nanos) in [
            ("1h30m", 5_400_000_000_000),
            ("1s500ms", 1_500_000_000),
            ("10us", 10_000),
            ("0s", 0),
            ("48h", 172_800_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Some(nanos), "{text}");
            assert_eq!(format_duration(nanos), text);
        }
        assert_eq!(parse_duration("1.5s"), Some(1_500_000_000));
        assert_eq!(parse_duration("2d"), Some(172_800_000_000_000));
        assert_eq!(parse_duration(&format_duration(i64::MAX)), Some(i64::MAX));
        for wrong in ["", "5", "s", "5x", "5m5", "99999999999h", ".s", "1..5s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
