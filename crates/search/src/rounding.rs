//! Buckets of time: intervals of fixed length or of the calendar, in a time zone.

use crate::dates::{self, MILLI_NS, SECOND_NS, Unit};
use crate::error::SearchError;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    Fixed(i64),
    Calendar(Unit),
}

/// Which bucket an instant falls into. The bucket found last is kept: most instants fall into it, too.
#[derive(Debug, Clone)]
pub(crate) struct Rounding {
    interval: Interval,
    tz: TimeZone,
    offset_ns: i64,
    last: (i64, i64),
    /// The offset of the zone, in nanoseconds, and from when to when it holds.
    zone: (i64, i64, i64),
}

const DAY_NS: i64 = 86_400 * SECOND_NS;

/// A length of time like `30s`, `1.5h` is refused.
pub(crate) fn fixed(text: &str) -> Result<i64, SearchError> {
    let wrong = || {
        SearchError::illegal(format!(
            "failed to parse setting [fixed_interval] with value [{text}] as a time value: write a whole number and one of [ms s m h d]"
        ))
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match &text[digits..] {
        "ms" => MILLI_NS,
        "s" => SECOND_NS,
        "m" => 60 * SECOND_NS,
        "h" => 3600 * SECOND_NS,
        "d" => DAY_NS,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..digits].parse().map_err(|_| wrong())?;
    count.checked_mul(unit).filter(|ns| *ns > 0).ok_or_else(wrong)
}

/// A unit of the calendar: `1d`, `day`, `month`.
pub(crate) fn calendar(text: &str) -> Option<Unit> {
    Some(match text {
        "second" | "1s" => Unit::Second,
        "minute" | "1m" => Unit::Minute,
        "hour" | "1h" => Unit::Hour,
        "day" | "1d" => Unit::Day,
        "week" | "1w" => Unit::Week,
        "month" | "1M" => Unit::Month,
        "quarter" | "1q" => Unit::Quarter,
        "year" | "1y" => Unit::Year,
        _ => return None,
    })
}

impl Rounding {
    pub fn new(interval: Interval, tz: TimeZone, offset_ns: i64) -> Rounding {
        Rounding { interval, tz, offset_ns, last: (0, i64::MIN), zone: (0, 0, i64::MIN) }
    }

    /// When the bucket of an instant begins.
    #[inline]
    pub fn start(&mut self, ns: i64) -> i64 {
        if self.last.0 <= ns && ns < self.last.1 {
            return self.last.0;
        }
        self.last = self.bucket(ns);
        self.last.0
    }

    /// When the bucket after the one that begins at `start` begins.
    pub fn next(&mut self, start: i64) -> i64 {
        self.bucket(start).1
    }

    fn bucket(&mut self, ns: i64) -> (i64, i64) {
        let shifted = ns.saturating_sub(self.offset_ns);
        let (start, end) = match self.interval {
            Interval::Fixed(length) => self.fixed_bucket(shifted, length),
            Interval::Calendar(unit) => self.calendar_bucket(shifted, unit),
        };
        (start.saturating_add(self.offset_ns), end.saturating_add(self.offset_ns))
    }

    /// Lengths are counted in local time, so that buckets of a day begin at midnight.
    fn fixed_bucket(&mut self, ns: i64, length: i64) -> (i64, i64) {
        let offset = self.zone_offset(ns);
        let start =
            (ns.saturating_add(offset)).div_euclid(length).saturating_mul(length).saturating_sub(offset);
        (start, start.saturating_add(length))
    }

    fn zone_offset(&mut self, ns: i64) -> i64 {
        let (offset, from, to) = self.zone;
        if from <= ns && ns < to {
            return offset;
        }
        let at = Timestamp::from_nanosecond(i128::from(ns)).unwrap_or(Timestamp::UNIX_EPOCH);
        let offset = i64::from(self.tz.to_offset(at).seconds()) * SECOND_NS;
        let ns_of = |t: Timestamp| i64::try_from(t.as_nanosecond()).unwrap_or(i64::MAX);
        let to = self.tz.following(at).next().map_or(i64::MAX, |t| ns_of(t.timestamp()));
        self.zone = (offset, ns, to);
        offset
    }

    fn calendar_bucket(&mut self, ns: i64, unit: Unit) -> (i64, i64) {
        // Units up to an hour are as long everywhere and always.
        let length = match unit {
            Unit::Milli => MILLI_NS,
            Unit::Second => SECOND_NS,
            Unit::Minute => 60 * SECOND_NS,
            Unit::Hour => 3600 * SECOND_NS,
            _ => 0,
        };
        if length > 0 {
            return self.fixed_bucket(ns, length);
        }
        let local = dates::floor(dates::local_of(ns, &self.tz), unit);
        let start = dates::ns_of(local, &self.tz).unwrap_or(ns);
        let end = dates::plus(local, 1, unit).and_then(|next| dates::ns_of(next, &self.tz));
        (start, end.unwrap_or(i64::MAX).max(start.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dates::{default_formats, parse, write_iso, zone};

    fn bucket(at: &str, interval: Interval, tz: &str, offset_ns: i64) -> (String, String) {
        let at = parse(at, &default_formats(), &TimeZone::UTC, false, 0).unwrap();
        let mut r = Rounding::new(interval, zone(tz).unwrap(), offset_ns);
        let start = r.start(at);
        assert_eq!(r.start(start), start);
        (write_iso(start, &TimeZone::UTC), write_iso(r.next(start), &TimeZone::UTC))
    }

    #[test]
    fn instants_fall_into_buckets() {
        let day = Interval::Calendar(Unit::Day);
        for (at, interval, tz, offset, start, end) in [
            (
                "2026-11-21T10:20:30Z",
                Interval::Fixed(30 * SECOND_NS),
                "",
                0,
                "2026-11-21T10:20:30.000Z",
                "2026-11-21T10:21:00.000Z",
            ),
            (
                "2026-11-21T10:20:30Z",
                Interval::Fixed(DAY_NS),
                "+05:30",
                0,
                "2026-11-20T18:30:00.000Z",
                "2026-11-21T18:30:00.000Z",
            ),
            (
                "2026-11-21T10:20:30Z",
                Interval::Fixed(DAY_NS),
                "",
                6 * 3600 * SECOND_NS,
                "2026-11-21T06:00:00.000Z",
                "2026-11-22T06:00:00.000Z",
            ),
            (
                "2026-10-25T10:00:00Z",
                day,
                "Europe/Berlin",
                0,
                "2026-10-24T22:00:00.000Z",
                "2026-10-25T23:00:00.000Z",
            ),
            (
                "2026-11-21T10:20:30Z",
                Interval::Calendar(Unit::Week),
                "",
                0,
                "2026-11-16T00:00:00.000Z",
                "2026-11-23T00:00:00.000Z",
            ),
            (
                "2026-11-21T10:20:30Z",
                Interval::Calendar(Unit::Quarter),
                "",
                0,
                "2026-10-01T00:00:00.000Z",
                "2027-01-01T00:00:00.000Z",
            ),
            (
                "1969-12-31T23:59:59Z",
                Interval::Calendar(Unit::Hour),
                "",
                0,
                "1969-12-31T23:00:00.000Z",
                "1970-01-01T00:00:00.000Z",
            ),
        ] {
            assert_eq!(
                bucket(at, interval, tz, offset),
                (start.to_owned(), end.to_owned()),
                "{at} {interval:?} {tz}"
            );
        }
    }

    #[test]
    fn lengths_are_read() {
        assert_eq!(fixed("90m").unwrap(), 5400 * SECOND_NS);
        for wrong in ["", "m", "1.5h", "0s", "1M", "99999999999999d", "-1s"] {
            assert!(fixed(wrong).is_err(), "{wrong}");
        }
        assert_eq!((calendar("1M"), calendar("2d")), (Some(Unit::Month), None));
    }
}
