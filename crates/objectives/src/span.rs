//! Spans of time as objectives write them.

/// A span in days, hours and smaller units: a week is `7d`, as people speak of windows.
pub fn format_span(ms: i64) -> String {
    const DAY_MS: i64 = 86_400_000;
    match (ms / DAY_MS, ms % DAY_MS) {
        (0, rest) => promql::format_duration(rest),
        (days, 0) => format!("{days}d"),
        (days, rest) => format!("{days}d{}", promql::format_duration(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::format_span;

    #[test]
    fn weeks_are_days() {
        for text in ["5m", "1h24m", "1d", "7d", "30d", "16h48m", "2d12h", "365d"] {
            assert_eq!(format_span(promql::parse_duration(text).unwrap()), text);
        }
    }
}
