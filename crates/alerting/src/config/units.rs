//! Durations and secrets as the configuration writes them.

use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// A length of time in milliseconds, written as `1h30m`, `15s` or `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub i64);

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let bad = || format!("{text:?} is not a duration: write for example \"15s\", \"1m30s\" or \"250ms\"");
        let (mut rest, mut total, mut next) = (text, 0i64, 0);
        if text == "0" {
            return Ok(Span(0));
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = &rest[digits..digits + letters];
            let at = UNITS.iter().position(|(u, _)| *u == unit).filter(|at| *at >= next).ok_or_else(bad)?;
            let count: i64 = rest[..digits].parse().map_err(|_| bad())?;
            let length = count.checked_mul(UNITS[at].1).and_then(|ms| total.checked_add(ms));
            total = length.filter(|ms| *ms <= i64::MAX / 1_000_000).ok_or_else(bad)?;
            next = at + 1;
            rest = &rest[digits + letters..];
        }
        if text.is_empty() { Err(bad()) } else { Ok(Span(total)) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Span, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(s: &str) -> Secret {
        Secret(s.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}
