//! Small typed pieces of a record.

use std::fmt;
use std::sync::Arc;

/// Whose data it is. Tenants never see each other's records.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

/// Why a name cannot be a tenant's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "tenant {0:?} is not a valid name: use 1 to 64 letters, digits, `-` and `_`, beginning with a letter or digit"
)]
pub struct TenantError(pub String);

impl Tenant {
    /// The tenant of whoever names none.
    pub fn unnamed() -> Tenant {
        Tenant(Arc::from("default"))
    }

    /// A tenant by name. Names become directories, hence the narrow alphabet.
    pub fn new(name: &str) -> Result<Tenant, TenantError> {
        let fits = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && name.as_bytes()[0].is_ascii_alphanumeric();
        match fits {
            true => Ok(Tenant(Arc::from(name))),
            false => Err(TenantError(name.chars().take(80).collect())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How grave a record is: OpenTelemetry's severity number, 1 (trace) to 24 (fatal4), 0 where unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Severity(u8);

impl Severity {
    /// Not stated.
    pub const UNKNOWN: Severity = Severity(0);
    /// Finest detail.
    pub const TRACE: Severity = Severity(1);
    /// For developers.
    pub const DEBUG: Severity = Severity(5);
    /// All is well.
    pub const INFO: Severity = Severity(9);
    /// Normal, but worth a look (syslog's notice).
    pub const NOTICE: Severity = Severity(10);
    /// Something may be wrong.
    pub const WARN: Severity = Severity(13);
    /// Something is wrong.
    pub const ERROR: Severity = Severity(17);
    /// Part of the system fails (syslog's critical).
    pub const CRITICAL: Severity = Severity(18);
    /// The system fails.
    pub const FATAL: Severity = Severity(21);

    /// OpenTelemetry's number; what is beyond 24 is unknown.
    pub fn from_number(number: u8) -> Severity {
        Severity(if number <= 24 { number } else { 0 })
    }

    /// OpenTelemetry's number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// From the words programs use, in any case: `warning`, `ERR`, `emerg`, `D`.
    pub fn from_text(text: &str) -> Severity {
        const WORDS: [(&str, Severity); 28] = [
            ("trace", Severity::TRACE),
            ("trc", Severity::TRACE),
            ("verbose", Severity::TRACE),
            ("t", Severity::TRACE),
            ("debug", Severity::DEBUG),
            ("dbg", Severity::DEBUG),
            ("d", Severity::DEBUG),
            ("info", Severity::INFO),
            ("information", Severity::INFO),
            ("informational", Severity::INFO),
            ("inf", Severity::INFO),
            ("i", Severity::INFO),
            ("notice", Severity::NOTICE),
            ("warn", Severity::WARN),
            ("warning", Severity::WARN),
            ("wrn", Severity::WARN),
            ("w", Severity::WARN),
            ("error", Severity::ERROR),
            ("err", Severity::ERROR),
            ("e", Severity::ERROR),
            ("critical", Severity::CRITICAL),
            ("crit", Severity::CRITICAL),
            ("severe", Severity::CRITICAL),
            ("alert", Severity(19)),
            ("fatal", Severity::FATAL),
            ("panic", Severity::FATAL),
            ("emerg", Severity::FATAL),
            ("emergency", Severity::FATAL),
        ];
        let word = text.trim();
        WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map_or(Severity::UNKNOWN, |(_, s)| *s)
    }

    /// The short word of its range: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or `unknown`.
    pub fn text(self) -> &'static str {
        match self.0 {
            1..=4 => "trace",
            5..=8 => "debug",
            9..=12 => "info",
            13..=16 => "warn",
            17..=20 => "error",
            21..=24 => "fatal",
            _ => "unknown",
        }
    }
}

macro_rules! hex_id {
    ($name:ident, $bytes:literal, $doc:literal) => {
        #[doc = $doc]
        ///
        /// All zeros stands for "none", as W3C Trace Context has it.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// No id.
            pub const NONE: $name = $name([0; $bytes]);

            /// Whether there is none.
            pub fn is_none(self) -> bool {
                self == $name::NONE
            }

            /// From hexadecimal digits, exactly as many as it has.
            pub fn from_hex(text: &str) -> Option<$name> {
                let text = text.as_bytes();
                if text.len() != $bytes * 2 {
                    return None;
                }
                let mut id = [0; $bytes];
                for (byte, digits) in id.iter_mut().zip(text.chunks_exact(2)) {
                    let high = char::from(digits[0]).to_digit(16)?;
                    let low = char::from(digits[1]).to_digit(16)?;
                    *byte = (high << 4 | low) as u8;
                }
                Some($name(id))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hex_id!(TraceId, 16, "The id of a trace.");
hex_id!(SpanId, 8, "The id of a span within its trace.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_show() {
        let id = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(SpanId::from_hex("0000000000000000").unwrap().is_none());
        for wrong in ["", "4bf9", "00f067aa0ba902bz", "00f067aa0ba902b7a", "+0f067aa0ba902b7"] {
            assert_eq!(SpanId::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn severities_by_word() {
        for (word, number, text) in
            [("WARNING", 13, "warn"), (" err ", 17, "error"), ("Emerg", 21, "fatal"), ("loud", 0, "unknown")]
        {
            let severity = Severity::from_text(word);
            assert_eq!((severity.number(), severity.text()), (number, text), "{word}");
        }
        assert_eq!(Severity::from_number(25), Severity::UNKNOWN);
    }

    #[test]
    fn tenants_are_safe_as_directories() {
        assert!(Tenant::new("team-a_1").is_ok());
        for wrong in ["", ".", "..", "a/b", "-a", "é", &"x".repeat(65)] {
            assert!(Tenant::new(wrong).is_err(), "{wrong}");
        }
    }
}
