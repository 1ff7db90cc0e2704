//! The windows over which burning is measured.

use crate::config::Severity;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The window that the pairs of the workbook are made for.
pub(crate) const MONTH_MS: i64 = 30 * DAY_MS;
/// The shortest window: what is scraped every minute still has several samples in it.
pub(crate) const SHORTEST_MS: i64 = 5 * MINUTE_MS;
/// Windows up to this one are measured in the counters themselves, longer ones in what was recorded of them.
pub(crate) const DIRECT_MS: i64 = HOUR_MS;

/// The windows whose burn rates are always recorded, as far as they are shorter than that of the objective.
pub const SHOWN_MS: [i64; 7] =
    [SHORTEST_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS, DAY_MS, 3 * DAY_MS];

/// Two windows: if the budget burns faster than `factor` over both, somebody is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// How grave that is.
    pub severity: Severity,
    /// Whether enough of the budget was lost to tell of it.
    pub long_ms: i64,
    /// Whether it is still being lost.
    pub short_ms: i64,
    /// How many times as fast as it lasts.
    pub factor: f64,
}

/// Those that table 5-8 of the workbook recommends for 30 days: 2 % of the budget in an hour, 5 % in six, 10 % in
/// three days, and 10 % in one day between them.
const WORKBOOK: [Pair; 4] = [
    Pair { severity: Severity::Page, long_ms: HOUR_MS, short_ms: SHORTEST_MS, factor: 14.4 },
    Pair { severity: Severity::Page, long_ms: 6 * HOUR_MS, short_ms: 30 * MINUTE_MS, factor: 6.0 },
    Pair { severity: Severity::Ticket, long_ms: DAY_MS, short_ms: 2 * HOUR_MS, factor: 3.0 },
    Pair { severity: Severity::Ticket, long_ms: 3 * DAY_MS, short_ms: 6 * HOUR_MS, factor: 1.0 },
];

/// The pairs for a window of another length: they are as much shorter or longer as it is, so that each tells of the
/// same share of the budget. They are whole minutes, and not shorter than is measured.
pub(crate) fn scaled(window_ms: i64) -> Vec<Pair> {
    let scale = |ms: i64, least_ms: i64| {
        let exact = ms as f64 * window_ms as f64 / MONTH_MS as f64;
        ((exact / MINUTE_MS as f64).round() as i64 * MINUTE_MS).max(least_ms)
    };
    let pair = |p: Pair| Pair {
        long_ms: scale(p.long_ms, 2 * SHORTEST_MS),
        short_ms: scale(p.short_ms, SHORTEST_MS),
        ..p
    };
    WORKBOOK.map(pair).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::format_span;

    #[test]
    fn pairs_follow_the_window() {
        for (days, told) in [
            (30, "1h/5m 6h/30m 1d/2h 3d/6h"),
            (7, "14m/5m 1h24m/7m 5h36m/28m 16h48m/1h24m"),
            (90, "3h/15m 18h/1h30m 3d/6h 9d/18h"),
            (1, "10m/5m 12m/5m 48m/5m 2h24m/12m"),
        ] {
            let pairs = scaled(days * DAY_MS);
            let shown: Vec<String> = pairs
                .iter()
                .map(|p| format!("{}/{}", format_span(p.long_ms), format_span(p.short_ms)))
                .collect();
            assert_eq!(shown.join(" "), told);
        }
    }
}
