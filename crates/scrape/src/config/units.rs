//! Durations and byte sizes as Prometheus writes them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time written as `1h30m`, `15s` or `250ms`, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TimeSpan(pub Duration);

/// A number of bytes written as `10MB` or `512KiB`; the units are powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

const TIME_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl TimeSpan {
    /// That many milliseconds.
    pub const fn from_millis(ms: u64) -> TimeSpan {
        TimeSpan(Duration::from_millis(ms))
    }

    /// That many seconds.
    pub const fn from_secs(s: u64) -> TimeSpan {
        TimeSpan(Duration::from_secs(s))
    }

    /// Milliseconds, fractions cut off.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether no time at all.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<TimeSpan> for Duration {
    fn from(s: TimeSpan) -> Duration {
        s.0
    }
}

fn bad_time(s: &str) -> String {
    format!("{s:?} is not a duration: write for example \"15s\", \"1m30s\" or \"250ms\"")
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(s: &str) -> Result<TimeSpan, String> {
        if s == "0" {
            return Ok(TimeSpan::default());
        }
        let mut rest = s;
        let mut total = 0u64;
        let mut next_unit = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = &rest[digits..digits + letters];
            let at = TIME_UNITS.iter().position(|(u, _)| *u == unit).filter(|at| *at >= next_unit);
            let (Some(at), true) = (at, digits > 0) else { return Err(bad_time(s)) };
            let count: u64 =
                rest[..digits].parse().map_err(|_| format!("{s:?} is too long for a duration"))?;
            total = count
                .checked_mul(TIME_UNITS[at].1)
                .and_then(|ms| total.checked_add(ms))
                .filter(|ms| *ms <= i64::MAX as u64 / 1_000_000)
                .ok_or_else(|| format!("{s:?} is too long for a duration"))?;
            next_unit = at + 1;
            rest = &rest[digits + letters..];
        }
        if s.is_empty() { Err(bad_time(s)) } else { Ok(TimeSpan::from_millis(total)) }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ms = self.as_millis();
        if ms == 0 {
            return f.write_str("0s");
        }
        for (unit, length) in TIME_UNITS {
            // Years and weeks are only written when nothing smaller remains: `8d`, not `1w1d`.
            let whole_only = matches!(unit, "y" | "w");
            if ms < length || (whole_only && !ms.is_multiple_of(length)) {
                continue;
            }
            write!(f, "{}{unit}", ms / length)?;
            ms %= length;
        }
        Ok(())
    }
}

impl ByteSize {
    /// Bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(s: &str) -> Result<ByteSize, String> {
        if s == "0" {
            return Ok(ByteSize(0));
        }
        let bad =
            || format!("{s:?} is not a size: write a number and a unit, for example \"512KB\" or \"10MB\"");
        let digits = s.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = s[..digits].parse().map_err(|_| bad())?;
        let power = match &s[digits..] {
            "B" => 0,
            "KB" | "KiB" | "K" => 1,
            "MB" | "MiB" | "M" => 2,
            "GB" | "GiB" | "G" => 3,
            "TB" | "TiB" | "T" => 4,
            "PB" | "PiB" | "P" => 5,
            "EB" | "EiB" | "E" => 6,
            _ => return Err(bad()),
        };
        let bytes = number * 1024f64.powi(power);
        if bytes > i64::MAX as f64 {
            return Err(format!("{s:?} is more than {} bytes", i64::MAX));
        }
        Ok(ByteSize(bytes as u64))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["EB", "PB", "TB", "GB", "MB", "KB"];
        for (unit, power) in units.iter().zip((1..=6).rev()) {
            let length = 1u64 << (10 * power);
            if self.0 >= length && self.0.is_multiple_of(length) {
                return write!(f, "{}{unit}", self.0 / length);
            }
        }
        if self.0 == 0 { f.write_str("0") } else { write!(f, "{}B", self.0) }
    }
}

macro_rules! text_serde {
    ($name:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}
text_serde!(TimeSpan);
text_serde!(ByteSize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write() {
        for (text, ms, back) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("15s", 15_000, "15s"),
            ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("1h0m5s", 3_605_000, "1h5s"),
            ("250ms", 250, "250ms"),
            ("1w", 604_800_000, "1w"),
            ("8d", 691_200_000, "8d"),
            ("1y", 31_536_000_000, "1y"),
            ("1d1ms", 86_400_001, "1d1ms"),
        ] {
            let d: TimeSpan = text.parse().unwrap();
            assert_eq!((d.as_millis(), d.to_string().as_str()), (ms, back), "{text}");
        }
        for bad in ["", "15", "s", "1.5s", "-1s", "1s1m", "1s1s", "15 s", "99999999y", "1ms1s"] {
            assert!(bad.parse::<TimeSpan>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_read_and_write() {
        for (text, bytes, back) in [
            ("0", 0, "0"),
            ("100B", 100, "100B"),
            ("10MB", 10 << 20, "10MB"),
            ("1KiB", 1024, "1KB"),
            ("1.5KB", 1536, "1536B"),
            ("2G", 2 << 30, "2GB"),
        ] {
            let b: ByteSize = text.parse().unwrap();
            assert_eq!((b.bytes(), b.to_string().as_str()), (bytes, back), "{text}");
        }
        for bad in ["", "10", "MB", "10 MB", "-1B", "99EB", "1.2.3KB", "10mb"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }
}
