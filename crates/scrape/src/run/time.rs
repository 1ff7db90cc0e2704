//! The wall clock, and when a target's turn comes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn now_ms() -> i64 {
    (now_ns() / 1_000_000) as i64
}

/// How long until a target's next turn. Turns are fixed points of the wall clock, `hash` apart within the
/// interval, so that scrapes spread evenly and a restart does not shift them.
pub(super) fn until_turn(now_ns: u64, interval: Duration, hash: u64) -> Duration {
    let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    let turn = hash % interval;
    let at = now_ns % interval;
    Duration::from_nanos(if turn >= at { turn - at } else { interval - at + turn })
}

/// Gives scrapes evenly spaced timestamps as long as the clock agrees with them: regular timestamps compress
/// far better, and a few milliseconds of scheduling delay say nothing about the target.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    next_ms: Option<i64>,
}

/// The most a timestamp is moved.
const TOLERANCE_MS_MAX: i64 = 10;

impl Aligned {
    /// The timestamp of a scrape that starts at `now_ms`.
    pub(super) fn stamp(&mut self, now_ms: i64, interval: Duration) -> i64 {
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let tolerance = (interval_ms / 100).min(TOLERANCE_MS_MAX);
        let planned = self.next_ms.map(|next| {
            let skipped = (now_ms - next + tolerance).max(0) / interval_ms;
            next + skipped * interval_ms
        });
        let stamp = planned.filter(|p| (now_ms - p).abs() <= tolerance).unwrap_or(now_ms);
        self.next_ms = Some(stamp.saturating_add(interval_ms));
        stamp
    }
}

/// Unix milliseconds as RFC 3339 in UTC, fractions only where there are any.
pub(super) fn rfc3339(ms: i64) -> String {
    let (seconds, ms) = (ms.div_euclid(1000), ms.rem_euclid(1000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = if ms == 0 { String::new() } else { format!(".{ms:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Year, month and day of a day counted from 1970-01-01. Years are taken to begin in March, so that the leap
/// day is the last of its year (H. Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_709_251_199_000, "2024-02-29T23:59:59Z"),
            (4_102_444_800_001, "2100-01-01T00:00:00.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    proptest! {
        #[test]
        fn a_turn_is_a_fixed_point_within_the_next_interval(now: u32, interval_ms in 1u64..100_000, hash: u64) {
            let now = u64::from(now) * 1_000_003;
            let interval = Duration::from_millis(interval_ms);
            let wait = until_turn(now, interval, hash);
            prop_assert!(wait < interval);
            let turn = now + wait.as_nanos() as u64;
            prop_assert_eq!(turn % (interval_ms * 1_000_000), hash % (interval_ms * 1_000_000));
        }
    }

    #[test]
    fn small_delays_leave_timestamps_even_and_large_ones_do_not() {
        let mut a = Aligned::default();
        let interval = Duration::from_secs(1);
        let stamps: Vec<i64> =
            [1000, 2003, 2998, 4010, 5030, 6031, 9029].iter().map(|now| a.stamp(*now, interval)).collect();
        assert_eq!(stamps, [1000, 2000, 3000, 4000, 5030, 6030, 9030]);
    }
}
