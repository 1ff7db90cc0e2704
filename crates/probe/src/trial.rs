//! One look at one target while it is under way.

use crate::metrics::Metrics;
use tokio::time::Instant;

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What was done.
    Debug,
    /// What one may want to know.
    Info,
    /// Why the probe failed.
    Error,
}

impl Level {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Error => "error",
        }
    }
}

/// A line of the log of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Seconds since the probe began.
    pub at_seconds: f64,
    /// How much it matters.
    pub level: Level,
    /// What is said.
    pub text: String,
}

/// Lines that are kept, and bytes of one.
const LINES_MAX: usize = 500;
const LINE_BYTES_MAX: usize = 2000;

/// Why a probe failed, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub String);

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Failure {
        Failure(text.to_owned())
    }
}

/// What a prober writes to.
pub(crate) struct Trial {
    pub metrics: Metrics,
    pub log: Vec<LogLine>,
    pub begun: Instant,
}

impl Trial {
    pub fn new() -> Trial {
        Trial { metrics: Metrics::default(), log: Vec::new(), begun: Instant::now() }
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        if self.log.len() >= LINES_MAX {
            return;
        }
        let mut text = text.into();
        text.truncate(text.floor_char_boundary(LINE_BYTES_MAX));
        self.log.push(LogLine { at_seconds: self.begun.elapsed().as_secs_f64(), level, text });
    }

    pub fn debug(&mut self, text: impl Into<String>) {
        self.say(Level::Debug, text);
    }

    pub fn set(&mut self, name: &'static str, value: f64) {
        self.metrics.set(name, &[], value);
    }

    /// Adds to a time of a phase.
    pub fn phase(&mut self, name: &'static str, phase: &str, seconds: f64) {
        self.metrics.add(name, &[("phase", phase)], seconds);
    }
}
