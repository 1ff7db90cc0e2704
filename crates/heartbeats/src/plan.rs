//! When a job is expected.

use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A plan that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The name is none.
    #[error("{0:?} is not a name: letters, digits, '-', '_' and '.', at most 100 of them")]
    Name(String),
    /// The expression of cron is wrong.
    #[error("{text:?} is not an expression of cron: {reason}")]
    Cron {
        /// The expression.
        text: String,
        /// Why.
        reason: String,
    },
}

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 100;
/// Bytes of an expression of cron.
const CRON_BYTES_MAX: usize = 200;

/// Whether a job may be called so: what stands in paths without escapes.
pub fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(fits) && !name.starts_with('.')
}

/// When a job runs.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Once in so many milliseconds.
    Every(i64),
    /// At the times of an expression of cron.
    Cron(Box<Crontab>),
}

impl Schedule {
    /// Reads an expression of cron, with five fields, in a time zone such as `Europe/Berlin`.
    pub fn cron(text: &str, zone: &str) -> Result<Schedule, PlanError> {
        let wrong =
            |reason: String| PlanError::Cron { text: text.chars().take(CRON_BYTES_MAX).collect(), reason };
        if text.len() > CRON_BYTES_MAX {
            return Err(wrong(format!("{} bytes, over the limit of {CRON_BYTES_MAX}", text.len())));
        }
        if text.split_whitespace().count() != 5 {
            return Err(wrong("it has minute, hour, day of the month, month, day of the week".to_owned()));
        }
        if jiff::tz::TimeZone::get(zone).is_err() {
            return Err(wrong(format!("{zone:?} is not a time zone, such as UTC or Europe/Berlin")));
        }
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let crontab = cronexpr::parse_crontab_with(&format!("{text} {zone}"), options).map_err(|e| {
            let reason = e.to_string();
            wrong(reason.lines().last().unwrap_or("").trim_matches([' ', '^']).to_owned())
        })?;
        Ok(Schedule::Cron(Box::new(crontab)))
    }

    /// When the job is expected next after it was heard of. A moment that no calendar has is never.
    pub fn next_ms(&self, after_ms: i64) -> i64 {
        match self {
            Schedule::Every(ms) => after_ms.saturating_add(*ms),
            Schedule::Cron(crontab) => {
                let after = Timestamp::from_millisecond(after_ms).ok().map(MakeTimestamp);
                let next = after.and_then(|after| crontab.find_next(after).ok());
                next.map_or(i64::MAX, |next| next.timestamp().as_millisecond())
            }
        }
    }
}

/// What is expected of a job.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub schedule: Schedule,
    /// How much later than that it may report, milliseconds.
    pub grace_ms: i64,
    /// How long it may take from its start to its end, milliseconds.
    pub duration_max_ms: Option<i64>,
    /// Labels of its series and alerts.
    pub labels: BTreeMap<String, String>,
    /// What it does.
    pub description: String,
    /// Whether each of its ends is an event.
    pub events: bool,
}
